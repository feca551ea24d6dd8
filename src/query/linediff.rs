//! Two lists of lines compared (`verify`).
//!
//! In: our lines and the linker's. Out: how many agree, and those that only one side has. Lists are
//! compared in order, or as multisets where the linker's order is free.

use hashbrown::HashMap;

/// The outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineDiff {
    /// Lines that both have.
    pub same: usize,
    /// Lines that only we have.
    pub only_ours: Vec<String>,
    /// Lines that only the linker has.
    pub only_theirs: Vec<String>,
    /// The lines are the same, their order is not: first differing place (from 1), ours, theirs.
    pub order: Option<(usize, String, String)>,
}

impl LineDiff {
    /// No difference at all.
    pub fn is_identical(&self) -> bool {
        self.only_ours.is_empty() && self.only_theirs.is_empty() && self.order.is_none()
    }
}

/// Compares; `ordered` says whether order counts.
pub fn compare(ours: &[String], theirs: &[String], ordered: bool) -> LineDiff {
    let mut count: HashMap<&str, i64, foldhash::fast::FixedState> = HashMap::default();
    for line in theirs {
        *count.entry(line).or_insert(0) += 1;
    }
    let mut diff = LineDiff::default();
    for line in ours {
        match count.get_mut(line.as_str()).filter(|n| **n > 0) {
            Some(left) => {
                *left -= 1;
                diff.same += 1;
            }
            None => diff.only_ours.push(line.clone()),
        }
    }
    for line in theirs.iter().rev() {
        if let Some(left) = count.get_mut(line.as_str()).filter(|n| **n > 0) {
            *left -= 1;
            diff.only_theirs.push(line.clone());
        }
    }
    diff.only_theirs.reverse();
    if ordered && diff.is_identical() {
        let place = ours.iter().zip(theirs).position(|(a, b)| a != b);
        diff.order = place.and_then(|at| Some((at + 1, ours.get(at)?.clone(), theirs.get(at)?.clone())));
    }
    diff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_string).collect()
    }

    #[test]
    fn finds_what_differs() {
        assert!(compare(&lines("a b b"), &lines("a b b"), true).is_identical());
        assert!(compare(&lines("b a b"), &lines("a b b"), false).is_identical());
        let order = compare(&lines("b a"), &lines("a b"), true);
        assert_eq!(order.order, Some((1, "b".into(), "a".into())));
        let diff = compare(&lines("a b b c"), &lines("b d a e"), true);
        assert_eq!((diff.same, diff.only_ours, diff.only_theirs), (2, lines("b c"), lines("d e")));
    }
}

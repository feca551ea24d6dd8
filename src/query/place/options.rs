//! Options that matter for places and addresses alone, read from the words of the linker line.
//!
//! In: the plan's words (response files not expanded). Out: answers to single questions; the last
//! word of a kind wins.

use crate::plan::LinkPlan;

/// The text behind every `-z` of the line, in order.
fn z_words(plan: &LinkPlan) -> impl Iterator<Item = &[u8]> {
    let words = &plan.words;
    words.iter().enumerate().filter_map(|(at, word)| {
        let word = word.as_encoded_bytes();
        match word.strip_prefix(b"-z") {
            Some(b"") => words.get(at + 1).map(|next| next.as_encoded_bytes()),
            Some(joined) => Some(joined),
            None => None,
        }
    })
}

/// Whether `-z KEYWORD` is given.
pub(super) fn has_z(plan: &LinkPlan, keyword: &[u8]) -> bool {
    z_words(plan).any(|word| word == keyword)
}

/// The last of `-z separate-code` and `-z noseparate-code`.
pub(super) fn separate_code(plan: &LinkPlan) -> Option<bool> {
    z_words(plan).fold(None, |last, word| match word {
        b"separate-code" => Some(true),
        b"noseparate-code" => Some(false),
        _ => last,
    })
}

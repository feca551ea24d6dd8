//! What KEEP statements hold that nothing else holds.
//!
//! In: a portrait and a glob. Out: bytes of the output that are reached from all roots, and not reached when
//! the roots of the statements that match are left out.

use bstr::ByteSlice;
use fixedbitset::FixedBitSet;

use crate::graph::EdgeKind;
use crate::query::portrait::{NONE, Portrait, codes};
use crate::script::glob::{Pattern, Syntax};

/// Bytes that would go with the KEEP statements that a glob matches: their text inside `KEEP( )` without
/// blanks, or one of their section patterns.
pub(super) fn retained_by(link: &Portrait<'_>, glob: &str) -> Result<u64, &'static str> {
    if !link.head.collects {
        return Err("the link collects no garbage");
    }
    let pattern = Pattern::glob(glob.as_bytes(), Syntax::Posix).map_err(|_| "the pattern cannot be read")?;
    let texts = link.keeps.text.iter().map(|&t| link.strings.get(t));
    let dropped: Vec<bool> =
        texts.map(|text| names(text).iter().any(|n| n == glob.as_bytes() || pattern.matches(n))).collect();
    if !dropped.contains(&true) {
        return Err("no KEEP that holds something matches");
    }
    let stays = |root: usize| {
        let keep = link.roots.keep.get(root).copied().unwrap_or(NONE);
        dropped.get(keep as usize) != Some(&true)
    };
    let (all, rest) = (reached(link, |_| true), reached(link, stays));
    let lost = all.difference(&rest).map(|node| link.laid_bytes(node as u32));
    Ok(lost.fold(0, u64::saturating_add))
}

/// What a statement may be called: its inner text without blanks, and its section patterns.
fn names(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.trim_end_with(|c| c == ';' || c.is_whitespace());
    let inner = text.trim_start().strip_prefix(b"KEEP").map_or(text, |t| t.trim_start());
    let inner = inner.strip_prefix(b"(").and_then(|t| t.strip_suffix(b")")).unwrap_or(inner);
    let plain: Vec<u8> = inner.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let mut names = vec![plain];
    if let Some(at) = inner.find_byte(b'(') {
        let patterns = inner.get(at + 1..).unwrap_or_default();
        let words = patterns.split(|b| b.is_ascii_whitespace() || matches!(b, b'(' | b')' | b','));
        names.extend(words.filter(|w| !w.is_empty()).map(<[u8]>::to_vec));
    }
    names
}

fn reached(link: &Portrait<'_>, counts: impl Fn(usize) -> bool) -> FixedBitSet {
    let mut staged: Vec<(u32, u32)> =
        link.staged.because.iter().copied().zip(link.staged.node.iter().copied()).collect();
    staged.sort_unstable();
    // Debug information is marked, and keeps nothing but debug information.
    let mut unfollowed = FixedBitSet::with_capacity(link.node_count());
    for (&node, &kind) in link.staged.node.iter().zip(link.staged.kind.iter()) {
        if codes::edge(kind) != EdgeKind::LinkOrder && (node as usize) < unfollowed.len() {
            unfollowed.insert(node as usize);
        }
    }
    let mut seen = FixedBitSet::with_capacity(link.node_count());
    let mut stack: Vec<u32> = Vec::new();
    let mut mark = |node: u32, stack: &mut Vec<u32>| {
        if (node as usize) < seen.len() && !seen.put(node as usize) {
            stack.push(node);
        }
    };
    for (root, &node) in link.roots.node.iter().enumerate() {
        if counts(root) {
            mark(node, &mut stack);
        }
    }
    while let Some(node) = stack.pop() {
        for &target in link.targets(node) {
            if !unfollowed.contains(node as usize) || unfollowed.contains(target as usize) {
                mark(target, &mut stack);
            }
        }
        let from = staged.partition_point(|s| s.0 < node);
        for &(_, target) in staged.iter().skip(from).take_while(|s| s.0 == node) {
            mark(target, &mut stack);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn statements_by_text_and_pattern() {
        let all = names(b"KEEP(*(SORT(___ksymtab+*) .tab))");
        let text: Vec<String> = all.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect();
        assert_eq!(text, ["*(SORT(___ksymtab+*).tab)", "SORT", "___ksymtab+*", ".tab"]);
    }
}

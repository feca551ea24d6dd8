//! What KEEP statements hold that nothing else holds.
//!
//! In: a link and a glob. Out: bytes of the output that are live, and not live when the link is marked anew, with every
//! stage of its linker, without the roots of the statements that match.

use std::collections::BTreeSet;

use bstr::ByteSlice;
use hashbrown::HashSet;

use crate::graph::Root;
use crate::ids::{Id, NodeId, SectionId};
use crate::mark;
use crate::query::Analysis;
use crate::query::finished::Finished;
use crate::query::portrait::Portrait;
use crate::script::glob::{Pattern, Syntax};

/// Bytes that would go with the KEEP statements that a glob matches: their text inside `KEEP( )` without
/// blanks, or one of their section patterns. `link` is the portrait of `analysis`.
pub(super) fn retained_by(
    analysis: &Analysis<'_>,
    link: &Portrait<'_>,
    glob: &str,
) -> Result<u64, &'static str> {
    let dropped: BTreeSet<(u32, u32)> = matching(link, glob)?
        .into_iter()
        .filter_map(|k| Some((*link.keeps.script.get(k)?, *link.keeps.description.get(k)?)))
        .collect();
    let mut roots = analysis.roots.clone();
    roots.roots.retain(|root| !root.keep.is_some_and(|k| dropped.contains(&k)));
    let rest = mark::mark(&analysis.program, &analysis.resolution, &analysis.graph, &roots).live;
    let lost = analysis.liveness.live.difference(&rest);
    Ok(lost.map(|node| laid_bytes(analysis, link, NodeId::from_usize(node))).fold(0, u64::saturating_add))
}

/// Bytes of a node in the output, from the portrait of its link.
fn laid_bytes(analysis: &Analysis<'_>, link: &Portrait<'_>, node: NodeId) -> u64 {
    let row = match node.index().checked_sub(analysis.graph.section_count()) {
        Some(extra) => Some((link.section_count() + extra) as u32),
        None => {
            let (file, index) = analysis.program.locate(SectionId(node.0));
            let rows = link.sections_of(file.0);
            let own = link.sections.index.get(rows.start as usize..rows.end as usize).unwrap_or_default();
            own.binary_search(&index).ok().map(|at| rows.start + at as u32)
        }
    };
    row.map_or(0, |row| link.laid_bytes(row))
}

/// The same of a saved link.
pub(super) fn retained_in_saved(link: &Portrait<'_>, glob: &str) -> Result<u64, &'static str> {
    let dropped: BTreeSet<usize> = matching(link, glob)?.into_iter().collect();
    let stays = |row: &usize| link.roots.keep.get(*row).is_none_or(|&k| !dropped.contains(&(k as usize)));
    let roots: Vec<Root> = (0..link.roots.node.len()).filter(stays).map(|row| link.root(row)).collect();
    let rest =
        link.mark(&roots, None, &HashSet::new()).map_err(|_| "the saved link cannot be marked anew")?;
    let live = link.live();
    let lost = live.difference(&rest).map(|node| link.laid_bytes(node as u32));
    Ok(lost.fold(0, u64::saturating_add))
}

/// The KEEP statements that hold something and that a glob matches, as rows.
fn matching(link: &Portrait<'_>, glob: &str) -> Result<Vec<usize>, &'static str> {
    if !link.head.collects {
        return Err("the link collects no garbage");
    }
    let pattern = Pattern::glob(glob.as_bytes(), Syntax::Posix).map_err(|_| "the pattern cannot be read")?;
    let hit =
        |text: u32| names(link.strings.get(text)).iter().any(|n| n == glob.as_bytes() || pattern.matches(n));
    let texts = link.keeps.text.iter().enumerate();
    let found: Vec<usize> = texts.filter(|(_, text)| hit(**text)).map(|(row, _)| row).collect();
    if found.is_empty() { Err("no KEEP that holds something matches") } else { Ok(found) }
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

//! What goes with one thing: everything that a pattern names, taken away together, and marked again.
//!
//! In: a finished link and a pattern as of `why`. Out: [`Goes`]: what is named, what goes with it, what it shares. Exact for every
//! linker: no dominance is asked.

use bstr::BString;
use fixedbitset::FixedBitSet;

use super::sets::Own;
use super::sum;
use crate::error::Result;
use crate::ids::{FileId, Id, NodeId};
use crate::query::finished::{Finished, nodes};
use crate::query::why;

/// A section that goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// Section name.
    pub section: BString,
    /// The symbol that names it best; may be empty.
    pub symbol: BString,
    /// `path` or `archive(member)`.
    pub file: BString,
    /// Size in bytes.
    pub bytes: u64,
    /// It is what was asked about.
    pub named: bool,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goes {
    /// How many things the pattern names, live or not.
    pub matched: usize,
    /// Everything that lives.
    pub live: Own,
    /// The live sections that it names.
    pub direct: Own,
    /// What goes, these included.
    pub retained: Own,
    /// What they reach and others keep too.
    pub shared: Own,
    /// Everything that goes, in link order.
    pub gone: Vec<Gone>,
    /// Whether the link collects garbage.
    pub collects: bool,
}

/// What goes with all that the pattern names.
///
/// # Errors
/// Marking again needs more than is known of the link.
pub fn goes_with(link: &impl Finished, pattern: &[u8]) -> Result<Goes> {
    let named = why::named(link, pattern);
    let mut answer = Goes { matched: named.len(), collects: link.collects(), ..Goes::default() };
    if !answer.collects {
        return Ok(answer);
    }
    let live = link.live();
    let mut removed = FixedBitSet::with_capacity(link.node_count());
    for node in named.into_iter().flat_map(|(_, nodes)| nodes) {
        if live.contains(node.index()) {
            removed.insert(node.index());
        }
    }
    if removed.is_clear() {
        return Ok(answer);
    }
    let amount = |set: &FixedBitSet| sum(nodes(set).map(|n| link.own(n)));
    let mut gone = live.clone();
    gone.difference_with(&link.mark_again(&link.roots(), Some(&removed))?);
    answer.live = amount(&live);
    answer.direct = amount(&removed);
    answer.retained = amount(&gone);
    let mut shared = reached(link, &live, &removed);
    shared.difference_with(&gone);
    answer.shared = amount(&shared);
    type Best<'l> = (FileId, u32, Vec<Option<&'l [u8]>>);
    let mut best: Option<Best<'_>> = None;
    for node in nodes(&gone) {
        let (Some(name), Some(file)) = (link.node_name(node), link.file_of(node)) else {
            continue;
        };
        let mut row = Gone {
            section: name,
            file: link.label(file),
            bytes: link.own(node).bytes,
            named: removed.contains(node.index()),
            ..Gone::default()
        };
        if let Some(section) = link.section(node) {
            let known = best.take().filter(|(own, ..)| *own == file);
            let (_, base, names) = best.insert(known.unwrap_or_else(|| {
                let (base, names) = link.best_names(file);
                (file, base, names)
            }));
            let at = section.0.checked_sub(*base);
            let symbol = at.and_then(|at| names.get(at as usize).copied().flatten());
            row.symbol = symbol.unwrap_or_default().into();
        }
        answer.gone.push(row);
    }
    Ok(answer)
}

/// Live nodes that edges lead to from some nodes.
fn reached(link: &impl Finished, live: &FixedBitSet, from: &FixedBitSet) -> FixedBitSet {
    let mut seen = from.clone();
    let mut stack: Vec<NodeId> = nodes(from).collect();
    while let Some(node) = stack.pop() {
        link.each_target(node, &mut |target| {
            if live.contains(target.index()) && !seen.put(target.index()) {
                stack.push(target);
            }
        });
    }
    seen
}

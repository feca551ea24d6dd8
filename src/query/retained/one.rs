//! What goes with one thing: everything that a pattern names, taken away together, and marked again.
//!
//! In: an analysis and a pattern as of `why`. Out: [`Goes`]: what is named, what goes with it, what it shares. Exact for every
//! linker: no dominance is asked.

use bstr::BString;
use fixedbitset::FixedBitSet;

use super::sets::Own;
use super::{file_of, groups, own, sum};
use crate::graph::EdgeKind;
use crate::ids::{Id, NodeId};
use crate::mark::mark_without;
use crate::query::Analysis;
use crate::query::dead::file_label;
use crate::query::{symbols, why};

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
pub fn goes_with(analysis: &Analysis<'_>, pattern: &[u8]) -> Goes {
    let named = why::named(analysis, pattern);
    let mut answer = Goes { matched: named.len(), collects: why::collects(analysis), ..Goes::default() };
    if !answer.collects {
        return answer;
    }
    let (program, graph) = (&analysis.program, &analysis.graph);
    let mut removed = FixedBitSet::with_capacity(graph.node_count());
    for node in named.into_iter().flat_map(|(_, nodes)| nodes) {
        if analysis.liveness.is_live(node) {
            removed.insert(node.index());
        }
    }
    if removed.is_clear() {
        return answer;
    }
    let amount = |nodes: &FixedBitSet| sum(nodes.ones().map(|n| own(program, graph, NodeId::from_usize(n))));
    let left = mark_without(program, &analysis.resolution, graph, &analysis.roots, Some(&removed));
    let mut gone = analysis.liveness.live.clone();
    gone.difference_with(&left.live);
    answer.live = amount(&analysis.liveness.live);
    answer.direct = amount(&removed);
    answer.retained = amount(&gone);
    let mut shared = reached(analysis, &removed);
    shared.difference_with(&gone);
    answer.shared = amount(&shared);
    let mut best: Option<(crate::ids::FileId, Vec<Option<u32>>)> = None;
    for node in gone.ones().map(NodeId::from_usize) {
        let (Some(name), Some(file)) = (groups::node_name(analysis, node), file_of(analysis, node)) else {
            continue;
        };
        let mut row = Gone {
            section: name,
            file: file_label(program, file).into(),
            bytes: own(program, graph, node).bytes,
            named: removed.contains(node.index()),
            ..Gone::default()
        };
        if let Some(section) = graph.section(node) {
            if best.as_ref().is_none_or(|(known, _)| *known != file) {
                best = Some((file, symbols::best_of_sections(program, file)));
            }
            let index = program.locate(section).1 as usize;
            let symbol = best.as_ref().and_then(|(_, b)| b.get(index).copied().flatten());
            row.symbol = symbol.map_or_else(BString::default, |s| symbols::name(program, file, s).into());
        }
        answer.gone.push(row);
    }
    answer
}

/// Live nodes that edges lead to from some nodes.
fn reached(analysis: &Analysis<'_>, from: &FixedBitSet) -> FixedBitSet {
    let mut seen = from.clone();
    let mut stack: Vec<NodeId> = from.ones().map(NodeId::from_usize).collect();
    while let Some(node) = stack.pop() {
        analysis.graph.for_each_edge(&analysis.program, node, |target, _: EdgeKind| {
            if analysis.liveness.is_live(target) && !seen.put(target.index()) {
                stack.push(target);
            }
        });
    }
    seen
}

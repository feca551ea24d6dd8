//! One reason for everything that lives: what keeps each live section, in one pass over the live graph.
//!
//! In: an [`Analysis`]. Out: [`Reasons`]: by node its parent in a breadth-first walk from all roots and the kind
//! of that edge, or the root that it is. Always true: of several parents it is the nearest to a root, of equals
//! the lowest id, whatever the thread count; following parents ends at a root or a rule.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::chain::Stages;
use crate::graph::EdgeKind;
use crate::ids::{FileId, Id, NodeId};
use crate::query::Analysis;

/// Why a live node lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is a root: its place in [`crate::graph::RootSet::roots`], the first of several.
    Root(u32),
    /// Another live node keeps it.
    Kept {
        /// That node.
        by: NodeId,
        /// By what.
        kind: EdgeKind,
    },
    /// The linker keeps such sections by a rule that names no other section.
    Rule,
}

/// The reasons of all nodes.
pub struct Reasons {
    /// By node; `None` if it does not live.
    by_node: Vec<Option<Reason>>,
}

impl Reasons {
    /// The reason of a node; `None` if it does not live.
    pub fn of(&self, node: NodeId) -> Option<Reason> {
        self.by_node.get(node.index()).copied().flatten()
    }

    /// Number of nodes, live or not.
    pub fn node_count(&self) -> usize {
        self.by_node.len()
    }
}

/// Nodes of a level that one task expands.
const AT_ONCE: usize = 1024;

/// Finds a reason for everything that lives.
pub fn reasons(analysis: &Analysis<'_>) -> Reasons {
    let (graph, live) = (&analysis.graph, &analysis.liveness.live);
    let stages = Stages::new(analysis);
    let mut by_node: Vec<Option<Reason>> = vec![None; graph.node_count()];
    let mut reached = FixedBitSet::with_capacity(graph.node_count());
    let mut level: Vec<NodeId> = Vec::new();
    for (number, root) in (0u32..).zip(&analysis.roots.roots) {
        if live.contains(root.node.index()) && !reached.put(root.node.index()) {
            by_node[root.node.index()] = Some(Reason::Root(number));
            level.push(root.node);
        }
    }
    // What a stage kept by itself leads on too.
    for staged in analysis.liveness.staged.iter().filter(|s| s.node == s.because) {
        if live.contains(staged.node.index()) && !reached.put(staged.node.index()) {
            by_node[staged.node.index()] = Some(Reason::Rule);
            level.push(staged.node);
        }
    }
    level.sort_unstable();
    while !level.is_empty() {
        let expand = |nodes: &[NodeId]| {
            let mut found: Vec<(NodeId, NodeId, EdgeKind)> = Vec::new();
            for &node in nodes.iter().filter(|n| !stages.unfollowed.contains(n.index())) {
                let mut reach = |target: NodeId, kind: EdgeKind| {
                    if !reached.contains(target.index()) && live.contains(target.index()) {
                        found.push((target, node, kind));
                    }
                };
                graph.for_each_edge(&analysis.program, node, &mut reach);
                stages.of(node).for_each(|target| reach(target, EdgeKind::LinkOrder));
            }
            found
        };
        let found: Vec<_> = level.par_chunks(AT_ONCE).map(expand).collect();
        level.clear();
        for (target, by, kind) in found.into_iter().flatten() {
            if !reached.put(target.index()) {
                by_node[target.index()] = Some(Reason::Kept { by, kind });
                level.push(target);
            }
        }
        level.sort_unstable();
    }
    rest(analysis, &reached, &mut by_node);
    Reasons { by_node }
}

/// What no edge reaches: marked by a stage, a group's header with a live member, or kept by a rule.
fn rest(analysis: &Analysis<'_>, reached: &FixedBitSet, by_node: &mut [Option<Reason>]) {
    let live = &analysis.liveness.live;
    for staged in analysis.liveness.staged.iter().rev().filter(|s| s.node != s.because) {
        let node = staged.node.index();
        if live.contains(node) && !reached.contains(node) {
            by_node[node] = Some(Reason::Kept { by: staged.because, kind: staged.kind });
        }
    }
    for node in live.difference(reached) {
        if by_node[node].is_none() {
            by_node[node] = Some(Reason::Rule);
        }
    }
    for &file in &analysis.resolution.files {
        let f = &analysis.program.files[file];
        let Some(object) = f.object() else { continue };
        for group in &object.groups {
            let node = f.section_id(group.section).0 as usize;
            if by_node.get(node) != Some(&Some(Reason::Rule)) {
                continue;
            }
            let mut members = object.members(group).iter().map(|&m| NodeId(f.section_id(m).0));
            if let Some(by) = members.find(|m| live.contains(m.index())) {
                by_node[node] = Some(Reason::Kept { by, kind: EdgeKind::Group });
            }
        }
    }
}

/// The live nodes that are sections, in link order, of all or of some; those of files that stand in the link.
pub fn live_sections(analysis: &Analysis<'_>, wanted: Option<&FixedBitSet>) -> Vec<(FileId, NodeId)> {
    let live = &analysis.liveness.live;
    let is_live = |n: usize| live.contains(n) && wanted.is_none_or(|w| w.contains(n));
    let files = analysis.program.file_ids().filter(|f| analysis.resolution.is_in_link(*f));
    files
        .flat_map(|file| {
            let nodes = analysis.program.sections_of(file).map(|s| NodeId(s.0));
            nodes.filter(|n| is_live(n.index())).map(move |node| (file, node))
        })
        .collect()
}

/// The nodes that a pattern as typed names.
pub fn named_nodes(analysis: &Analysis<'_>, pattern: &[u8]) -> FixedBitSet {
    let mut out = FixedBitSet::with_capacity(analysis.graph.node_count());
    for (_, nodes) in super::named(analysis, pattern) {
        out.extend(nodes.into_iter().map(|n| n.index()));
    }
    out
}

//! What the dominator tree promises is what marking does: without a node, exactly its subtree dies.
//!
//! In: the links of `tests/cases`, by every linker's rules. Out: one test per link and linker.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;
use libtest_mimic::Failed;
use linksweep::graph::ExtraNode;
use linksweep::ids::{Id, NodeId};
use linksweep::mark::mark_without;
use linksweep::query::Analysis;
use linksweep::query::dead::file_label;
use linksweep::query::dominators::{NONE, dominators};
use linksweep::query::finished::Finished;
use linksweep::query::retained::live_graph::{LiveGraph, Vertex};
use linksweep::query::retained::{By, retained};
use linksweep::query::select::{Selection, SortBy};

use crate::case::{Case, Link};
use crate::linkers::LinkerId;

/// Nodes tried per link.
const TRIED: usize = 40;

/// Takes nodes of one link away, one at a time.
pub fn check(case: &Case, link: &Link, linker: LinkerId) -> Result<(), Failed> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    case.materialise(dir.path()).map_err(|e| format!("{}: {e}", case.name))?;
    let program = match linker {
        LinkerId::Bfd | LinkerId::Gold => format!("{}ld.{}", case.prefix, linker.name()),
        _ => "ld".to_string(),
    };
    // What the linker refuses at once has no graph.
    let Ok(plan) = Case::plan(link, dir.path(), linker.profile(), &program, true) else { return Ok(()) };
    let Ok(opened) = linksweep::open(&plan) else { return Ok(()) };
    let Ok(analysis) = linksweep::analyze(&plan, &opened) else { return Ok(()) };
    if plan.gc_sections != Some(true) {
        return Ok(());
    }
    let graph = LiveGraph::build(&analysis);
    let tree = dominators(&graph.flow, 0);
    let step = (graph.nodes.len() / TRIED).max(1);
    for &node in graph.nodes.iter().step_by(step) {
        let mut removed = FixedBitSet::with_capacity(analysis.graph.node_count());
        removed.insert(node.index());
        let freed = freed(&analysis, &removed);
        let freed: BTreeSet<NodeId> = freed.ones().map(NodeId::from_usize).collect();
        let mut below: BTreeSet<u32> = graph.of(node).into_iter().collect();
        for &vertex in &tree.preorder {
            let above = tree.idom[vertex as usize];
            if above != NONE && below.contains(&above) {
                below.insert(vertex);
            }
        }
        let promised: BTreeSet<NodeId> = below
            .iter()
            .filter_map(|&v| match graph.vertex(v) {
                Vertex::Node(node) => Some(node),
                _ => None,
            })
            .collect();
        // Where the walk itself depends on order the graph says so, and nothing is promised.
        if freed != promised && !graph.order_dependent {
            let show = |n: &NodeId| match analysis.graph.section(*n) {
                Some(s) => format!(
                    "{}:{}",
                    analysis.program.label(analysis.program.locate(s).0),
                    String::from_utf8_lossy(analysis.program.section_name(s))
                ),
                None => format!("{:?}", analysis.graph.extra_node(*n)),
            };
            let names = |set: &BTreeSet<NodeId>| set.iter().map(show).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "without {}: freed [{}], promised [{}]",
                show(&node),
                names(&freed),
                names(&promised)
            )
            .into());
        }
    }
    by_file(&analysis, &graph)
}

/// What marking again without some nodes frees.
fn freed(analysis: &Analysis<'_>, removed: &FixedBitSet) -> FixedBitSet {
    let Analysis { program, resolution, graph, roots, liveness } = analysis;
    let without = mark_without(program, resolution, graph, roots, Some(removed));
    let mut freed = liveness.live.clone();
    freed.difference_with(&without.live);
    freed
}

/// What goes with a file is what marking without all of it frees.
fn by_file(analysis: &Analysis<'_>, graph: &LiveGraph) -> Result<(), Failed> {
    if graph.order_dependent {
        return Ok(());
    }
    let answer =
        retained(analysis, &[By::File], &Selection { sort: SortBy::Input, ..Selection::default() }, |_| {});
    for row in answer.groups.iter().flat_map(|g| &g.rows) {
        let mut removed = FixedBitSet::with_capacity(analysis.graph.node_count());
        for &node in &graph.nodes {
            let file = match (analysis.graph.section(node), analysis.graph.extra_node(node)) {
                (Some(section), _) => analysis.program.locate(section).0,
                (None, Some(ExtraNode::CommonsOf { file, .. } | ExtraNode::Common { file, .. })) => *file,
                _ => continue,
            };
            if row.name == file_label(&analysis.program, file) {
                removed.insert(node.index());
            }
        }
        let freed = freed(analysis, &removed);
        let bytes: u64 = freed.ones().map(|n| analysis.own(NodeId::from_usize(n)).bytes).sum();
        if bytes != row.retained.bytes {
            return Err(
                format!("without {}: freed {bytes}, promised {}", row.name, row.retained.bytes).into()
            );
        }
    }
    Ok(())
}

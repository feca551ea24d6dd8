//! From graph and roots to liveness.
//!
//! [`Marker`] is the closure that all linkers share; a linker whose walk is staged and
//! order-dependent (bfd) drives it step by step from its own file and records what it marked
//! outside the closure, so that every live node still has a reason.

mod bfd;
mod gold;

use fixedbitset::FixedBitSet;

use crate::error::Diagnostic;
use crate::graph::{EdgeKind, RootSet, SectionGraph};
use crate::ids::{Id, NodeId};
use crate::plan::{Flavor, OutputKind};
use crate::program::Program;
use crate::resolve::Resolution;

/// A node that a stage marked outside the closure, and the node it followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staged {
    /// The node that became live.
    pub node: NodeId,
    /// The live node that made the rule apply.
    pub because: NodeId,
    /// The rule.
    pub kind: EdgeKind,
}

/// Which nodes live.
pub struct Liveness {
    /// Live nodes by node id.
    pub live: FixedBitSet,
    /// Nodes marked by stages, in order.
    pub staged: Vec<Staged>,
    /// What the linker complains about when it relocates what lives (exit status 2).
    pub diagnostics: Vec<Diagnostic>,
}

impl Liveness {
    /// Whether a node is live.
    #[inline]
    pub fn is_live(&self, node: NodeId) -> bool {
        self.live.contains(node.index())
    }
}

/// An ongoing closure.
pub struct Marker<'a, 'd> {
    program: &'a Program<'d>,
    graph: &'a SectionGraph<'d>,
    /// Marked so far, and what must never be (see [`Marker::without`]).
    pub live: FixedBitSet,
    stack: Vec<NodeId>,
    /// What is taken away: entered into `live` beforehand, so that no edge reaches it.
    removed: Option<&'a FixedBitSet>,
}

impl<'a, 'd> Marker<'a, 'd> {
    /// Nothing is marked yet.
    pub fn new(program: &'a Program<'d>, graph: &'a SectionGraph<'d>) -> Self {
        Marker {
            program,
            graph,
            live: FixedBitSet::with_capacity(graph.node_count()),
            stack: Vec::new(),
            removed: None,
        }
    }

    /// Nothing is marked yet, and the nodes of `removed` never will be.
    pub fn without(
        program: &'a Program<'d>,
        graph: &'a SectionGraph<'d>,
        removed: Option<&'a FixedBitSet>,
    ) -> Self {
        let mut marker = Marker::new(program, graph);
        if let Some(removed) = removed {
            marker.live.union_with(removed);
            marker.removed = Some(removed);
        }
        marker
    }

    /// The live nodes.
    pub fn finish(mut self) -> FixedBitSet {
        if let Some(removed) = self.removed {
            self.live.difference_with(removed);
        }
        self.live
    }

    /// Marks a node; its edges are followed by the next [`Marker::run`].
    #[inline]
    pub fn add(&mut self, node: NodeId) {
        if !self.live.put(node.index()) {
            self.stack.push(node);
        }
    }

    /// Takes a marked node whose edges were not followed yet.
    pub(crate) fn pop(&mut self) -> Option<NodeId> {
        self.stack.pop()
    }

    /// Whether a node is marked.
    #[inline]
    pub fn is_marked(&self, node: NodeId) -> bool {
        self.live.contains(node.index()) && !self.removed.is_some_and(|r| r.contains(node.index()))
    }

    /// Follows edges until nothing new is marked.
    pub fn run(&mut self) {
        let Marker { program, graph, live, stack, .. } = self;
        while let Some(node) = stack.pop() {
            graph.for_each_edge(program, node, |target, _| {
                if !live.put(target.index()) {
                    stack.push(target);
                }
            });
        }
    }
}

/// Collects as the plan's linker does, as if the nodes of `removed` did not exist. Tells nothing about undefined symbols.
pub fn mark_without(
    program: &Program<'_>,
    resolution: &Resolution,
    graph: &SectionGraph<'_>,
    roots: &RootSet,
    removed: Option<&FixedBitSet>,
) -> Liveness {
    match program.plan.profile.flavor {
        Flavor::Bfd => bfd::mark(program, resolution, graph, roots, removed),
        Flavor::Gold | Flavor::Lld | Flavor::Mold => {
            let mut marker = Marker::without(program, graph, removed);
            for root in &roots.roots {
                marker.add(root.node);
            }
            marker.run();
            Liveness { live: marker.finish(), staged: Vec::new(), diagnostics: Vec::new() }
        }
    }
}

/// Marks what the plan's linker keeps; everything, if the link does not collect. gold, lld and mold are plain closures over graphs that
/// already hold their rules; bfd has stages of its own.
pub fn mark(
    program: &Program<'_>,
    resolution: &Resolution,
    graph: &SectionGraph<'_>,
    roots: &RootSet,
) -> Liveness {
    let collects = program.plan.gc_sections == Some(true);
    let flavor = program.plan.profile.flavor;
    let mut liveness = if collects {
        mark_without(program, resolution, graph, roots, None)
    } else {
        let mut live = FixedBitSet::with_capacity(graph.node_count());
        live.insert_range(..);
        Liveness { live, staged: Vec::new(), diagnostics: Vec::new() }
    };
    // Without collection `-r` relocates nothing that could be undefined.
    if flavor == Flavor::Gold && (collects || program.plan.output_kind != OutputKind::Relocatable) {
        liveness.diagnostics = gold::check(program, resolution, graph, &liveness);
    }
    liveness
}

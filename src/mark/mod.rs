//! From graph and roots to liveness.
//!
//! [`Marker`] is the closure that all linkers share; a linker whose walk is staged and
//! order-dependent (bfd) drives it step by step from its own file and records what it marked
//! outside the closure, so that every live node still has a reason.

pub mod bfd;
mod closure;
mod gold;

use fixedbitset::FixedBitSet;

use crate::error::Diagnostic;
use crate::graph::{EdgeKind, Root, RootSet, SectionGraph};
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

/// Nodes and edges, whatever holds them.
pub trait Edges: Sync {
    /// Number of nodes.
    fn node_count(&self) -> usize;
    /// Calls `f` with every edge of a node; some perhaps more than once.
    fn each_edge(&self, node: NodeId, f: impl FnMut(NodeId, EdgeKind));
}

/// The edges of an analysed link.
#[derive(Clone, Copy)]
pub struct Analysed<'a, 'd> {
    /// The tables.
    pub program: &'a Program<'d>,
    /// The graph.
    pub graph: &'a SectionGraph<'d>,
}

impl Edges for Analysed<'_, '_> {
    fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    #[inline]
    fn each_edge(&self, node: NodeId, f: impl FnMut(NodeId, EdgeKind)) {
        self.graph.for_each_edge(self.program, node, f);
    }
}

/// From so many nodes on that wait to be followed the closure is worth several threads.
const MANY: usize = 64;

/// An ongoing closure.
pub struct Marker<'a, E> {
    edges: &'a E,
    /// Marked so far, and what must never be (see [`Marker::without`]).
    pub live: FixedBitSet,
    stack: Vec<NodeId>,
    /// What is taken away: entered into `live` beforehand, so that no edge reaches it.
    removed: Option<&'a FixedBitSet>,
}

impl<'a, E: Edges> Marker<'a, E> {
    /// Nothing is marked yet.
    pub fn new(edges: &'a E) -> Self {
        let live = FixedBitSet::with_capacity(edges.node_count());
        Marker { edges, live, stack: Vec::new(), removed: None }
    }

    /// Nothing is marked yet, and the nodes of `removed` never will be.
    pub fn without(edges: &'a E, removed: Option<&'a FixedBitSet>) -> Self {
        let mut marker = Marker::new(edges);
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
        let Marker { edges, live, stack, .. } = self;
        if stack.len() >= MANY && rayon::current_num_threads() > 1 {
            closure::close(*edges, live, std::mem::take(stack));
            return;
        }
        while let Some(node) = stack.pop() {
            edges.each_edge(node, |target, _| {
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
    let edges = Analysed { program, graph };
    match program.plan.profile.flavor {
        Flavor::Bfd => {
            let counted = program.plan.start_stop_gc == Some(true);
            let objects = bfd::Objects { edges, resolution };
            let (live, staged) = bfd::mark(&objects, &roots.roots, removed, counted);
            Liveness { live, staged, diagnostics: Vec::new() }
        }
        Flavor::Gold | Flavor::Lld | Flavor::Mold => {
            let live = close(&edges, &roots.roots, removed);
            Liveness { live, staged: Vec::new(), diagnostics: Vec::new() }
        }
    }
}

/// The plain closure of some roots.
pub fn close<E: Edges>(edges: &E, roots: &[Root], removed: Option<&FixedBitSet>) -> FixedBitSet {
    let mut marker = Marker::without(edges, removed);
    for root in roots {
        marker.add(root.node);
    }
    marker.run();
    marker.finish()
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

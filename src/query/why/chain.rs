//! Chains from roots: a breadth-first search over live nodes with a parent column.
//!
//! In: a [`View`]. Out: [`Search`] and [`Chain`]s. Levels are expanded in id order, so that of
//! several shortest chains the one over the lowest ids is taken, whatever the thread count. Nodes
//! that a linker marks without following them (bfd's debug sections, GS 6.6) end chains.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::RelocUse;
use super::view::View;
use crate::graph::{EdgeKind, NO_NODE, Root};
use crate::ids::{Id, NodeId};

/// One step of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The live node that keeps the next one.
    pub from: NodeId,
    /// The node kept.
    pub to: NodeId,
    /// By what.
    pub kind: EdgeKind,
    /// The relocation, for relocation edges.
    pub reloc: Option<RelocUse>,
    /// Marked by a rule after the closure (bfd's walk over the files).
    pub staged: bool,
}

/// What a chain begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A root.
    Root(Root),
    /// The linker keeps sections of this kind by a rule that names no other section.
    Rule(NodeId),
    /// The link collects no garbage, and nothing else would keep it.
    NoCollection(NodeId),
}

impl Origin {
    /// The first node of the chain.
    pub fn node(&self) -> NodeId {
        match *self {
            Origin::Root(root) => root.node,
            Origin::Rule(node) | Origin::NoCollection(node) => node,
        }
    }
}

/// A chain from a root to the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Where it begins.
    pub origin: Origin,
    /// Steps in order; empty if the subject is itself a root.
    pub hops: Vec<Hop>,
}

/// A finished search.
pub(super) struct Search {
    /// Parent by node; a root is its own; [`NO_NODE`] if not reached.
    parent: Vec<u32>,
    /// Distance from a root in edges.
    depth: Vec<u32>,
}

/// Frontiers below this size are expanded on one thread.
const PARALLEL_FROM: usize = 2048;

/// Nodes that were marked without being followed, and edges that stages followed.
pub(super) struct Stages {
    /// Marked without following.
    pub(super) unfollowed: FixedBitSet,
    /// (because, node) of marks that were followed, sorted.
    followed: Vec<(u32, u32)>,
}

impl Stages {
    pub(super) fn new(view: &(impl View + ?Sized)) -> Self {
        let mut unfollowed = FixedBitSet::with_capacity(view.node_count());
        let mut followed = Vec::new();
        for staged in view.staged().iter() {
            if staged.kind == EdgeKind::LinkOrder {
                followed.push((staged.because.0, staged.node.0));
            } else {
                unfollowed.insert(staged.node.index());
            }
        }
        followed.sort_unstable();
        Stages { unfollowed, followed }
    }

    /// What stages followed from a node.
    pub(super) fn of(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let from = self.followed.partition_point(|&(because, _)| because < node.0);
        self.followed[from..].iter().take_while(move |(b, _)| *b == node.0).map(|&(_, n)| NodeId(n))
    }
}

impl Search {
    /// Searches until all of `wanted` are reached (`None`: everything), never entering `avoid`.
    pub(super) fn run(view: &dyn View, wanted: Option<&FixedBitSet>, avoid: Option<NodeId>) -> Search {
        let count = view.node_count();
        let stages = Stages::new(view);
        let mut search = Search { parent: vec![NO_NODE; count], depth: vec![0; count] };
        let mut missing =
            wanted.map_or(usize::MAX, |w| w.ones().filter(|&n| view.is_live(NodeId::from_usize(n))).count());
        let mut frontier = view.root_nodes();
        // Nodes that a stage kept by themselves (mips `.MIPS.abiflags`, targets 8).
        frontier.extend(view.staged().iter().filter(|s| s.node == s.because).map(|s| s.node));
        frontier.retain(|n| view.is_live(*n) && Some(*n) != avoid);
        frontier.sort_unstable();
        frontier.dedup();
        let hit = |n: NodeId| usize::from(wanted.is_some_and(|w| w.contains(n.index())));
        for &node in &frontier {
            search.parent[node.index()] = node.0;
            missing -= hit(node).min(missing);
        }
        let mut depth = 0;
        while !frontier.is_empty() && missing > 0 {
            depth += 1;
            let parent = &search.parent;
            let expand = |nodes: &[NodeId]| {
                let mut found: Vec<(NodeId, NodeId)> = Vec::new();
                for &node in nodes {
                    let mut reach = |target: NodeId| {
                        let new = parent[target.index()] == NO_NODE && view.is_live(target);
                        if new && Some(target) != avoid {
                            found.push((target, node));
                        }
                    };
                    if stages.unfollowed.contains(node.index()) {
                        continue;
                    }
                    view.each_target(node, &mut reach);
                    stages.of(node).for_each(&mut reach);
                }
                found
            };
            let found: Vec<Vec<(NodeId, NodeId)>> = if frontier.len() < PARALLEL_FROM {
                vec![expand(&frontier)]
            } else {
                frontier.par_chunks(PARALLEL_FROM / 2).map(expand).collect()
            };
            let mut next = Vec::new();
            for (target, from) in found.into_iter().flatten() {
                let slot = &mut search.parent[target.index()];
                if *slot == NO_NODE {
                    *slot = from.0;
                    search.depth[target.index()] = depth;
                    next.push(target);
                    missing -= hit(target).min(missing);
                }
            }
            next.sort_unstable();
            frontier = next;
            // Targets that no edge reaches are explained by stages, not found here: the search then
            // ends with the graph.
        }
        search
    }

    /// Whether a node was reached, and how far from a root.
    fn distance(&self, node: NodeId) -> Option<u32> {
        let reached = self.parent.get(node.index()).is_some_and(|&p| p != NO_NODE);
        reached.then(|| self.depth.get(node.index()).copied().unwrap_or(0))
    }

    /// The chain to a node; `None` if it is not live.
    pub(super) fn chain(&self, view: &dyn View, node: NodeId) -> Option<Chain> {
        let mut tail = Vec::new();
        let mut at = node;
        let mut seen = Vec::new();
        while self.distance(at).is_none() {
            // Not reached by edges: a stage marked it, or it shares the fate of another node.
            let Some((because, kind)) = staged_because(view, at).filter(|(b, _)| !seen.contains(b)) else {
                let collected = view.collects();
                let live = view.is_live(at);
                let origin = match (live, collected) {
                    (true, _) => Origin::Rule(at),
                    (false, false) => Origin::NoCollection(at),
                    (false, true) => return None,
                };
                tail.reverse();
                return Some(Chain { origin, hops: tail });
            };
            tail.push(Hop { from: because, to: at, kind, reloc: None, staged: true });
            seen.push(at);
            at = because;
        }
        let mut hops = Vec::new();
        while let Some(&parent) = self.parent.get(at.index()) {
            let from = NodeId(parent);
            if from == at || parent == NO_NODE {
                break;
            }
            hops.push(view.hop(from, at));
            at = from;
        }
        hops.reverse();
        tail.reverse();
        hops.extend(tail);
        let root = view.roots_of(at).first().copied();
        let origin = root.map_or(Origin::Rule(at), Origin::Root);
        Some(Chain { origin, hops: collapse(view, hops) })
    }
}

/// The live node because of which a stage marked `node`; a group section goes with its first
/// live member.
fn staged_because(view: &dyn View, node: NodeId) -> Option<(NodeId, EdgeKind)> {
    if !view.is_live(node) {
        return None;
    }
    let list = view.staged();
    let staged = list.iter().find(|s| s.node == node);
    if let Some(staged) = staged.filter(|s| s.because != node) {
        return Some((staged.because, staged.kind));
    }
    let (_, first) = view.group_of_header(view.section(node)?)?;
    first.map(|n| (n, EdgeKind::Group))
}

/// Walking round a group's ring is one step for people.
pub(super) fn collapse(view: &dyn View, hops: Vec<Hop>) -> Vec<Hop> {
    let group = |node: NodeId| view.group_of_member(view.section(node)?).map(|(number, _)| number);
    let mut out: Vec<Hop> = Vec::with_capacity(hops.len());
    for hop in hops {
        if let Some(last) = out.last_mut() {
            let ring = last.kind == EdgeKind::Group && hop.kind == EdgeKind::Group;
            if ring && group(last.from).is_some() && group(last.from) == group(hop.to) {
                last.to = hop.to;
                continue;
            }
        }
        out.push(hop);
    }
    out
}

/// Up to `count` chains that differ in their last step: first the roots that the node itself is,
/// then its live referrers by distance. No chain passes through the node twice.
pub(super) fn several(view: &dyn View, node: NodeId, count: usize) -> Vec<Chain> {
    let mut out = Vec::new();
    if !view.is_live(node) {
        let search = Search::run(view, Some(&FixedBitSet::new()), None);
        out.extend(search.chain(view, node));
        return out;
    }
    for root in view.roots_of(node) {
        out.push(Chain { origin: Origin::Root(root), hops: Vec::new() });
    }
    let search = Search::run(view, None, Some(node));
    let stages = Stages::new(view);
    let mut before: Vec<(u32, NodeId)> = Vec::new();
    for from in view.sources(node) {
        if stages.unfollowed.contains(from.index()) || !view.is_live(from) {
            continue;
        }
        before.extend(search.distance(from).map(|d| (d, from)));
    }
    for staged in view.staged().iter().filter(|s| s.node == node && s.because != node) {
        before.extend(search.distance(staged.because).map(|d| (d, staged.because)));
    }
    before.sort_unstable();
    before.dedup();
    for (_, from) in before {
        if out.len() >= count {
            break;
        }
        let Some(mut chain) = search.chain(view, from) else { continue };
        chain.hops.push(view.hop(from, node));
        chain.hops = collapse(view, chain.hops);
        if !out.contains(&chain) {
            out.push(chain);
        }
    }
    if out.is_empty() {
        out.extend(search.chain(view, node));
    }
    out.truncate(count);
    out
}

//! The live part of a graph as a flow graph: a super-root, one vertex per reason to be a root, then the live nodes.
//!
//! In: a finished link. Out: [`LiveGraph`]. Dominance on it is what garbage collection does: an edge stands for every
//! way in which the modelled linker lets one thing keep another. bfd's walk over the files (GS 6.3, 6.6) is
//! written as edges too: what lives with its file hangs on a hub that every live section of the file leads to.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use crate::graph::{EdgeKind, Root, RootKind};
use crate::ids::{FileId, Id, NameId, NodeId};
use crate::load::elf::consts::{SHF_LINK_ORDER, SHT_ARM_EXIDX, SHT_GROUP};
use crate::plan::Flavor;
use crate::query::Analysis;
use crate::query::dominators::{FlowGraph, NONE};
use crate::query::finished::{Finished, nodes as nodes_of};

/// A reason to be a root: one KEEP statement, one `-u`, one exported symbol, one constructor table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// The kind of root.
    pub kind: RootKind,
    /// The symbol that names it, where one does and no KEEP statement tells more.
    pub name: Option<NameId>,
    /// For KEEP statements of scripts: script number and description number.
    pub keep: Option<(u32, u32)>,
    /// The node itself, where neither symbol nor statement tells reasons apart.
    pub node: Option<NodeId>,
}

impl Reason {
    /// The reason that a root belongs to.
    pub fn of(root: &Root) -> Reason {
        // A KEEP of commons has a name for each of them.
        let name = root.name.filter(|_| root.keep.is_none());
        let alone = name.is_none() && root.keep.is_none();
        Reason { kind: root.kind, name, keep: root.keep, node: alone.then_some(root.node) }
    }

    /// Whether a root is one for this reason.
    pub fn covers(&self, root: &Root) -> bool {
        *self == Reason::of(root)
    }
}

/// What a vertex stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vertex {
    /// The super-root.
    Super,
    /// A reason, by number.
    Reason(usize),
    /// A live node.
    Node(NodeId),
    /// What lives because something else of its file does (bfd).
    FileHub(FileId),
}

/// The live graph.
pub struct LiveGraph {
    /// Edges.
    pub flow: FlowGraph,
    /// Reasons: vertices 1 and up.
    pub reasons: Vec<Reason>,
    /// Live nodes in id order, behind the reasons.
    pub nodes: Vec<NodeId>,
    /// Files with a hub, behind the nodes.
    pub hubs: Vec<FileId>,
    /// The linker's own walk depends on order in this link (bfd: link-order sections, `-z start-stop-gc`, fragmented
    /// debug sections, a kept group section, ARMv8-M secure entries), so that dominance may promise less or more than what marking
    /// again would free; [`crate::mark::mark_without`] is exact.
    pub order_dependent: bool,
    vertex_of: Vec<u32>,
}

impl LiveGraph {
    /// What a vertex stands for.
    pub fn vertex(&self, vertex: u32) -> Vertex {
        let Some(at) = (vertex as usize).checked_sub(1) else { return Vertex::Super };
        if at < self.reasons.len() {
            return Vertex::Reason(at);
        }
        match self.nodes.get(at - self.reasons.len()) {
            Some(&node) => Vertex::Node(node),
            None => {
                let hub = at - self.reasons.len() - self.nodes.len();
                self.hubs.get(hub).map_or(Vertex::Super, |&file| Vertex::FileHub(file))
            }
        }
    }

    /// The vertex of a live node.
    pub fn of(&self, node: NodeId) -> Option<u32> {
        self.vertex_of.get(node.index()).copied().filter(|&v| v != NONE)
    }

    /// The vertex of a reason, by its number.
    pub fn of_reason(&self, reason: usize) -> u32 {
        reason as u32 + 1
    }

    /// Builds the live graph of a link.
    pub fn build(link: &impl Finished) -> LiveGraph {
        let live = link.live();
        let nodes: Vec<NodeId> = nodes_of(&live).collect();
        let (reasons, rooted) = reasons(&link.roots());
        let base = reasons.len() as u32 + 1;
        let mut vertex_of = vec![NONE; link.node_count()];
        for (vertex, node) in (base..).zip(&nodes) {
            vertex_of[node.index()] = vertex;
        }
        let stages = Stages::of(link, &live);
        let hubs: Vec<FileId> = stages.with_file.keys().copied().collect();
        let hub_base = base + nodes.len() as u32;
        let of = |node: NodeId| vertex_of.get(node.index()).copied().unwrap_or(NONE);

        let edges = |&node: &NodeId| -> Vec<u32> {
            let mut found = Vec::new();
            let unfollowed = stages.unfollowed.contains(node.index());
            link.each_target(node, &mut |target| {
                // What a stage marked without following leads only to what was marked in the same way.
                if !unfollowed || stages.unfollowed.contains(target.index()) {
                    found.push(of(target));
                }
            });
            if !unfollowed {
                found.extend(stages.followed_from(node).map(&of));
                if let Some(hub) = file_hub(link, &hubs, node) {
                    found.push(hub_base + hub as u32);
                }
            }
            found.extend(stages.groups_from(node).map(&of));
            found.retain(|&v| v != NONE);
            found.sort_unstable();
            found.dedup();
            found
        };
        let lists: Vec<Vec<u32>> = nodes.par_iter().map(edges).collect();

        let mut successors: Vec<Vec<u32>> = Vec::with_capacity(1 + reasons.len() + nodes.len() + hubs.len());
        let mut from_super: Vec<u32> = (1..base).collect();
        from_super.extend(stages.by_themselves.iter().map(|&n| of(n)));
        successors.push(from_super);
        successors
            .extend(rooted.iter().map(|list| list.iter().map(|&n| of(n)).filter(|&v| v != NONE).collect()));
        successors.extend(lists);
        successors.extend(stages.with_file.values().map(|list| list.iter().map(|&n| of(n)).collect()));
        // Whatever no edge explains is a rule's: it hangs on the super-root, so that nothing seems to keep it.
        let unreached = unreached(&successors);
        if let Some(first) = successors.first_mut() {
            first.extend(unreached);
        }
        let flow = FlowGraph::new(successors);
        LiveGraph { flow, reasons, nodes, hubs, order_dependent: link.order_dependent(), vertex_of }
    }
}

/// Whether bfd's walk depends on order in this link.
pub(crate) fn order_dependent(analysis: &Analysis<'_>) -> bool {
    let program = &analysis.program;
    if program.plan.profile.flavor != Flavor::Bfd {
        return false;
    }
    let kind = |node: NodeId| {
        let (file, index) = program.locate(analysis.graph.section(node)?);
        program.files[file].object()?.sections.get(index as usize).map(|r| r.kind)
    };
    // ARMv8-M: secure entries are marked after the walk over the files.
    let late = analysis.liveness.staged.iter().filter(|s| s.node == s.because);
    let allocated = |node: NodeId| {
        let (file, index) = program.locate(analysis.graph.section(node)?);
        program.files[file].object()?.sections.get(index as usize).map(|r| r.is_alloc())
    };
    program.plan.start_stop_gc == Some(true)
        || late.into_iter().any(|s| allocated(s.node) == Some(true))
        || analysis.roots.roots.iter().any(|r| kind(r.node) == Some(SHT_GROUP))
        || analysis.resolution.files.par_iter().any(|&file| {
            let Some(object) = program.files[file].object() else { return false };
            (1..object.sections.len() as u32).any(|index| {
                let row = object.sections[index as usize];
                row.flags & SHF_LINK_ORDER != 0
                    || row.kind == SHT_ARM_EXIDX
                    || (!row.is_alloc() && object.section_name(index).starts_with(b".debug_line."))
            })
        })
}

/// The distinct reasons in the order of their first root, and the nodes of each.
fn reasons(roots: &[Root]) -> (Vec<Reason>, Vec<Vec<NodeId>>) {
    let mut number: BTreeMap<Reason, usize> = BTreeMap::new();
    let mut reasons = Vec::new();
    let mut nodes: Vec<Vec<NodeId>> = Vec::new();
    for root in roots {
        let reason = Reason::of(root);
        let at = *number.entry(reason).or_insert_with(|| {
            reasons.push(reason);
            nodes.push(Vec::new());
            reasons.len() - 1
        });
        if nodes[at].last() != Some(&root.node) {
            nodes[at].push(root.node);
        }
    }
    (reasons, nodes)
}

/// The hub of the file of a node, if the node is one of those that make the rest of its file live.
fn file_hub(link: &impl Finished, hubs: &[FileId], node: NodeId) -> Option<usize> {
    if hubs.is_empty() {
        return None;
    }
    let section = link.section(node)?;
    let hub = hubs.binary_search(&link.section_file(section)).ok()?;
    link.keeps_file(section).then_some(hub)
}

fn unreached(successors: &[Vec<u32>]) -> Vec<u32> {
    let mut seen = FixedBitSet::with_capacity(successors.len());
    let mut stack = vec![0u32];
    seen.insert(0);
    let mut missing = Vec::new();
    let mut at = 0u32;
    loop {
        while let Some(vertex) = stack.pop() {
            for &next in &successors[vertex as usize] {
                if !seen.put(next as usize) {
                    stack.push(next);
                }
            }
        }
        while (at as usize) < successors.len() && seen.contains(at as usize) {
            at += 1;
        }
        if at as usize >= successors.len() {
            return missing;
        }
        missing.push(at);
        seen.insert(at as usize);
        stack.push(at);
    }
}

/// What bfd's walk over the files marked, as edges.
struct Stages {
    unfollowed: FixedBitSet,
    /// (because, node), sorted.
    followed: Vec<(NodeId, NodeId)>,
    /// (first member, group section), sorted.
    groups: Vec<(NodeId, NodeId)>,
    with_file: BTreeMap<FileId, Vec<NodeId>>,
    by_themselves: Vec<NodeId>,
}

impl Stages {
    fn of(link: &impl Finished, live: &FixedBitSet) -> Stages {
        let mut stages = Stages {
            unfollowed: FixedBitSet::with_capacity(link.node_count()),
            followed: Vec::new(),
            groups: link.kept_groups(),
            with_file: BTreeMap::new(),
            by_themselves: Vec::new(),
        };
        // Fragmented debug sections may have been dropped again after a stage had marked them.
        for staged in link.staged().iter().filter(|s| live.contains(s.node.index())) {
            match staged.kind {
                EdgeKind::LinkOrder => stages.followed.push((staged.because, staged.node)),
                _ if staged.because == staged.node => stages.by_themselves.push(staged.node),
                EdgeKind::WithFile => {
                    stages.unfollowed.insert(staged.node.index());
                    if let Some(section) = link.section(staged.node) {
                        let file = link.section_file(section);
                        stages.with_file.entry(file).or_default().push(staged.node);
                    }
                }
                // Debug sections that other debug sections refer to: their edges are read from the objects.
                _ => stages.unfollowed.insert(staged.node.index()),
            }
        }
        stages.followed.sort_unstable();
        stages.groups.sort_unstable();
        stages
    }

    fn followed_from(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        pairs_from(&self.followed, node)
    }

    fn groups_from(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        pairs_from(&self.groups, node)
    }
}

fn pairs_from(pairs: &[(NodeId, NodeId)], node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    let from = pairs.partition_point(|&(because, _)| because < node);
    pairs[from..].iter().take_while(move |(because, _)| *because == node).map(|&(_, target)| target)
}

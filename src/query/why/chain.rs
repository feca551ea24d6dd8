//! Chains from roots: a breadth-first search over live nodes with a parent column.
//!
//! In: an analysis. Out: [`Search`] and [`Chain`]s. Levels are expanded in id order, so that of
//! several shortest chains the one over the lowest ids is taken, whatever the thread count. Nodes
//! that a linker marks without following them (bfd's debug sections, GS 6.6) end chains.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::referrers::Reverse;
use crate::graph::{EdgeKind, ExtraNode, NO_NODE, Root};
use crate::ids::{Id, NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::{SHT_GROUP, STT_FILE, STT_SECTION};
use crate::program::{Content, Program};
use crate::query::Analysis;

/// A relocation that makes an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelocUse {
    /// The section whose relocation it is.
    pub section: SectionId,
    /// Offset in that section, in bytes.
    pub offset: u64,
    /// Relocation type as stored.
    pub kind: u32,
    /// Explicit addend; 0 for REL.
    pub addend: i64,
    /// Symbol index in the file's symbol table.
    pub symbol: u32,
    /// The symbol of `section` that covers the offset, if any.
    pub inside: Option<u32>,
    /// How many relocations of the section reach the same target.
    pub count: u32,
    /// The relocations could not be read: the section is taken to refer to all its file names.
    pub unreadable: bool,
}

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
    pub(super) fn new(analysis: &Analysis<'_>) -> Self {
        let mut unfollowed = FixedBitSet::with_capacity(analysis.graph.node_count());
        let mut followed = Vec::new();
        for staged in &analysis.liveness.staged {
            if staged.kind == EdgeKind::LinkOrder {
                followed.push((staged.because.0, staged.node.0));
            } else {
                unfollowed.insert(staged.node.index());
            }
        }
        followed.sort_unstable();
        Stages { unfollowed, followed }
    }

    fn of(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let from = self.followed.partition_point(|&(because, _)| because < node.0);
        self.followed[from..].iter().take_while(move |(b, _)| *b == node.0).map(|&(_, n)| NodeId(n))
    }
}

impl Search {
    /// Searches until all of `wanted` are reached (`None`: everything), never entering `avoid`.
    pub(super) fn run(
        analysis: &Analysis<'_>,
        wanted: Option<&FixedBitSet>,
        avoid: Option<NodeId>,
    ) -> Search {
        let (program, graph, live) = (&analysis.program, &analysis.graph, &analysis.liveness);
        let count = graph.node_count();
        let stages = Stages::new(analysis);
        let mut search = Search { parent: vec![NO_NODE; count], depth: vec![0; count] };
        let mut missing = wanted.map_or(usize::MAX, |w| w.ones().filter(|&n| live.live.contains(n)).count());
        let mut frontier: Vec<NodeId> = Vec::new();
        for root in &analysis.roots.roots {
            frontier.push(root.node);
        }
        frontier.extend(self_kept(analysis));
        frontier.retain(|n| live.is_live(*n) && Some(*n) != avoid);
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
                        let new = parent[target.index()] == NO_NODE && live.is_live(target);
                        if new && Some(target) != avoid {
                            found.push((target, node));
                        }
                    };
                    if stages.unfollowed.contains(node.index()) {
                        continue;
                    }
                    graph.for_each_edge(program, node, |target, _| reach(target));
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
    pub(super) fn chain(&self, analysis: &Analysis<'_>, node: NodeId) -> Option<Chain> {
        let mut tail = Vec::new();
        let mut at = node;
        let mut seen = Vec::new();
        while self.distance(at).is_none() {
            // Not reached by edges: a stage marked it, or it shares the fate of another node.
            let Some((because, kind)) = staged_because(analysis, at).filter(|(b, _)| !seen.contains(b))
            else {
                let collected = super::collects(analysis);
                let live = analysis.liveness.is_live(at);
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
            hops.push(hop(analysis, from, at));
            at = from;
        }
        hops.reverse();
        tail.reverse();
        hops.extend(tail);
        let root = analysis.roots.roots.iter().find(|r| r.node == at).copied();
        let origin = root.map_or(Origin::Rule(at), Origin::Root);
        Some(Chain { origin, hops: collapse(analysis, hops) })
    }
}

/// Nodes that a stage kept by themselves (mips `.MIPS.abiflags`, targets 8).
fn self_kept<'a>(analysis: &'a Analysis<'_>) -> impl Iterator<Item = NodeId> + 'a {
    analysis.liveness.staged.iter().filter(|s| s.node == s.because).map(|s| s.node)
}

/// The live node because of which a stage marked `node`; a group section goes with its first
/// live member.
fn staged_because(analysis: &Analysis<'_>, node: NodeId) -> Option<(NodeId, EdgeKind)> {
    if !analysis.liveness.is_live(node) {
        return None;
    }
    let staged = analysis.liveness.staged.iter().find(|s| s.node == node);
    if let Some(staged) = staged.filter(|s| s.because != node) {
        return Some((staged.because, staged.kind));
    }
    let section = analysis.graph.section(node)?;
    let (file, index) = analysis.program.locate(section);
    let f = &analysis.program.files[file];
    let object = f.object()?;
    if object.sections.get(index as usize)?.kind != SHT_GROUP {
        return None;
    }
    let group = object.groups.iter().find(|g| g.section == index)?;
    let members = object.members(group).iter();
    let mut nodes = members.map(|&m| NodeId(f.section_id(m).0));
    nodes.find(|n| analysis.liveness.is_live(*n)).map(|n| (n, EdgeKind::Group))
}

/// Finds the edge between two neighbours of a chain again.
pub(super) fn hop(analysis: &Analysis<'_>, from: NodeId, to: NodeId) -> Hop {
    let section = analysis.graph.section(from);
    if let Some(reloc) = section.and_then(|s| find_use(analysis, s, to, true)) {
        return Hop { from, to, kind: EdgeKind::Relocation, reloc: Some(reloc), staged: false };
    }
    if let Some(&(_, kind)) = analysis.graph.extra.of(from).iter().find(|(target, _)| *target == to) {
        let reloc = bound_use(analysis, from, to);
        return Hop { from, to, kind, reloc, staged: false };
    }
    let staged = analysis.liveness.staged.iter().find(|s| s.node == to && s.because == from);
    let kind = staged.map_or(EdgeKind::WithFile, |s| s.kind);
    Hop { from, to, kind, reloc: None, staged: true }
}

/// The relocation against `__start_X` or `__stop_X` where the linker has its own edge to their hub.
pub(crate) fn bound_use(analysis: &Analysis<'_>, from: NodeId, to: NodeId) -> Option<RelocUse> {
    let Some(ExtraNode::StartStop { section: x }) = analysis.graph.extra_node(to) else { return None };
    let program = &analysis.program;
    let section = analysis.graph.section(from)?;
    let (file, index) = program.locate(section);
    let f = &program.files[file];
    let object = f.object()?;
    let bound = |name: crate::ids::NameId| {
        let text = program.name(name);
        text.strip_prefix(b"__start_").or_else(|| text.strip_prefix(b"__stop_")) == Some(*x)
    };
    let mut found: Option<RelocUse> = None;
    for table in object.reloc_sections(index) {
        let Ok(table) = object.reloc_table(table) else { continue };
        table.for_each(|_, r| {
            if !f.global_name(r.symbol).is_some_and(bound) {
                return;
            }
            match &mut found {
                Some(first) => first.count += 1,
                None => {
                    found = Some(RelocUse {
                        section,
                        offset: r.offset,
                        kind: r.kind,
                        addend: r.addend,
                        symbol: r.symbol,
                        inside: covering_symbol(program, section, r.offset),
                        count: 1,
                        unreadable: false,
                    });
                }
            }
        });
    }
    found
}

/// The first relocation of a section that reaches a node. With `edges` only relocations that count
/// as edges for this linker are looked at, else every one that the file holds.
pub(super) fn find_use(
    analysis: &Analysis<'_>,
    from: SectionId,
    to: NodeId,
    edges: bool,
) -> Option<RelocUse> {
    let (program, graph) = (&analysis.program, &analysis.graph);
    let mut found: Option<RelocUse> = None;
    let mut note = |offset: u64, kind: u32, addend: i64, symbol: u32| match &mut found {
        Some(first) => first.count += 1,
        None => {
            found = Some(RelocUse {
                section: from,
                offset,
                kind,
                addend,
                symbol,
                inside: None,
                count: 1,
                unreadable: false,
            });
        }
    };
    if edges {
        graph.for_each_relocation(program, from, |target, r, _| {
            if target == to {
                note(r.offset, r.kind, r.addend, r.symbol);
            }
        });
    } else {
        let (file, index) = program.locate(from);
        let Content::Object(object) = &program.files[file].content else { return None };
        let targets = graph.targets.get(file.idx())?;
        for table in object.reloc_sections(index) {
            let Ok(table) = object.reloc_table(table) else { continue };
            table.for_each(|_, r| {
                if r.symbol != 0 && targets.get(r.symbol as usize) == Some(&to.0) {
                    note(r.offset, r.kind, r.addend, r.symbol);
                }
            });
        }
    }
    let mut found = found?;
    found.unreadable = graph.unreadable.contains(from.idx());
    found.inside = covering_symbol(program, from, found.offset);
    Some(found)
}

/// The named symbol of a section that covers an offset: the last one at or before it whose size
/// reaches over it (or that has none); functions and objects before bare labels.
pub(super) fn covering_symbol(program: &Program<'_>, section: SectionId, offset: u64) -> Option<u32> {
    let (file, index) = program.locate(section);
    let object = program.files[file].object()?;
    let mut best: Option<(bool, u64, u32)> = None;
    for number in 1..object.symbol_count() {
        let Some(s) = object.symbol(number) else { continue };
        if s.place != Place::Section(index) || matches!(s.kind, STT_SECTION | STT_FILE) || s.name == 0 {
            continue;
        }
        let covers = s.value <= offset && (s.size == 0 || offset - s.value < s.size);
        if !covers {
            continue;
        }
        let typed = s.kind != 0;
        if best.is_none_or(|(t, value, _)| (typed, s.value) > (t, value)) {
            best = Some((typed, s.value, number));
        }
    }
    best.map(|(_, _, number)| number)
}

/// Walking round a group's ring is one step for people.
fn collapse(analysis: &Analysis<'_>, hops: Vec<Hop>) -> Vec<Hop> {
    let group = |node: NodeId| {
        let section = analysis.graph.section(node)?;
        let (file, index) = analysis.program.locate(section);
        let object = analysis.program.files[file].object()?;
        object.group_of(index).map(|g| (file, g.section))
    };
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
pub(super) fn several(analysis: &Analysis<'_>, node: NodeId, count: usize) -> Vec<Chain> {
    let mut out = Vec::new();
    if !analysis.liveness.is_live(node) {
        let search = Search::run(analysis, Some(&FixedBitSet::new()), None);
        out.extend(search.chain(analysis, node));
        return out;
    }
    for root in analysis.roots.roots.iter().filter(|r| r.node == node) {
        out.push(Chain { origin: Origin::Root(*root), hops: Vec::new() });
    }
    let search = Search::run(analysis, None, Some(node));
    let stages = Stages::new(analysis);
    let mut before: Vec<(u32, NodeId)> = Vec::new();
    let mut wanted = FixedBitSet::with_capacity(analysis.graph.node_count());
    wanted.insert(node.index());
    for from in Reverse::new(analysis, &wanted, true).of(node) {
        if stages.unfollowed.contains(from.index()) || !analysis.liveness.is_live(from) {
            continue;
        }
        before.extend(search.distance(from).map(|d| (d, from)));
    }
    for staged in analysis.liveness.staged.iter().filter(|s| s.node == node && s.because != node) {
        before.extend(search.distance(staged.because).map(|d| (d, staged.because)));
    }
    before.sort_unstable();
    before.dedup();
    for (_, from) in before {
        if out.len() >= count {
            break;
        }
        let Some(mut chain) = search.chain(analysis, from) else { continue };
        chain.hops.push(hop(analysis, from, node));
        chain.hops = collapse(analysis, chain.hops);
        if !out.contains(&chain) {
            out.push(chain);
        }
    }
    if out.is_empty() {
        out.extend(search.chain(analysis, node));
    }
    out.truncate(count);
    out
}

/// The name of a hub or common, for callers that walk chains.
pub(super) fn is_hub(analysis: &Analysis<'_>, node: NodeId) -> bool {
    matches!(
        analysis.graph.extra_node(node),
        Some(ExtraNode::StartStop { .. } | ExtraNode::ScriptSymbol { .. })
    )
}

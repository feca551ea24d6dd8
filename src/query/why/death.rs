//! Why something was dropped: who refers to it, why none of these lives, what would keep it.
//!
//! In: dead subjects. Out: a [`Death`] for each. One pass over all relocations finds the references
//! to everything dead, those included that do not count for this linker.

use fixedbitset::FixedBitSet;

use super::chain::Stages;
use super::referrers::Reverse;
use super::subject::{self, State, What};
use super::table::{self, ScriptPlace, TableBounds};
use super::uses::{RelocUse, find_use, is_hub};
use super::{Remedy, Subject, remedy};
use crate::graph::{Class, EdgeKind, ExtraNode};
use crate::ids::{Id, NameId, NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::{SHF_LINK_ORDER, SHT_GROUP};
use crate::plan::Flavor;
use crate::program::Content;
use crate::query::Analysis;
use crate::resolve::Definition;

/// Why a node is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing in the link refers to it.
    NoReferrer,
    /// Everything that refers to it is dropped too.
    OnlyDead,
    /// It and its referrers keep only each other.
    Cycle,
    /// Something live refers to it, in a way that does not count for this linker.
    OnlyUncounted,
    /// Live code walks it by its bounds, which do not keep it here.
    Table,
    /// It describes another section (SHF_LINK_ORDER) that is dropped.
    Describes(SectionId),
    /// Not allocated; it goes with its file, of which nothing that matters is live (GS 6.6).
    FileIsDead,
    /// Another copy of its group won.
    Lost {
        /// The winning section or group section.
        winner: Option<SectionId>,
    },
    /// SHF_EXCLUDE, or a strip option.
    Excluded,
    /// Nothing that a linker keeps or drops.
    Structural,
}

/// Why a live section's reference does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncounted {
    /// It is not allocated (debug data, comments).
    NotAllocated,
    /// It is unwind data, whose reference to what it describes keeps nothing.
    Unwind,
    /// It lies in a group copy that lost.
    LostCopy,
    /// Its relocations are in CREL form, which this linker cannot read.
    Crel,
    /// A type without effect (vtable notes).
    IgnoredType,
    /// A start or stop name that does not keep its sections here.
    Bounds,
    /// Another reason of this linker.
    Other,
}

/// A referrer's own state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferrerState {
    /// Dropped: nothing refers to it.
    DeadUnreferenced,
    /// Dropped, though others, all dropped too, refer to it.
    Dead,
    /// In a losing group copy.
    Lost,
    /// Left out by flag.
    Excluded,
    /// Live, but the reference does not count.
    Live(Uncounted),
}

/// One section (or hub) that refers to a dropped node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referrer {
    /// The referrer.
    pub from: NodeId,
    /// The relocation; `None` for unwind data and hubs.
    pub reloc: Option<RelocUse>,
    /// What the edge is.
    pub kind: EdgeKind,
    /// Why it does not keep the subject.
    pub state: ReferrerState,
}

/// A dropped section to which nothing refers, and the way from it to the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Nodes from the head to the subject, both included.
    pub path: Vec<NodeId>,
    /// The head is a table that live code walks by bounds that do not keep it.
    pub table: Option<(TableBounds, Option<ScriptPlace>)>,
}

/// A global symbol that the dropped section defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnSymbol {
    /// The name.
    pub name: NameId,
    /// Symbol index in the section's file.
    pub symbol: u32,
    /// References go to this definition.
    pub wins: bool,
    /// The definition that references go to.
    pub winner: Definition,
}

/// Why a subject is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// The node concerned.
    pub node: NodeId,
    /// Its section, if it is one.
    pub section: Option<SectionId>,
    /// The reason in one word.
    pub cause: Cause,
    /// Direct referrers, at most [`MOST_REFERRERS`], live ones first.
    pub referrers: Vec<Referrer>,
    /// Number of direct referrers.
    pub referrer_count: u64,
    /// The nearest dropped sections that nothing refers to and that lead here, at most three.
    pub heads: Vec<Head>,
    /// The live section nearest to it: one whose reference does not count, else the nearest one of
    /// the same file.
    pub nearest_live: Option<(NodeId, bool)>,
    /// Other members of its section group.
    pub group_peers: Vec<SectionId>,
    /// Global symbols that it defines, at most sixteen.
    pub symbols: Vec<OwnSymbol>,
    /// Its bounds, if it is a table.
    pub table: Option<TableBounds>,
    /// The script statement that places it.
    pub placed: Option<ScriptPlace>,
    /// What would keep it.
    pub remedies: Vec<Remedy>,
}

/// Referrers listed for one subject.
pub const MOST_REFERRERS: usize = 16;
/// Dropped nodes visited on the way up from one subject.
const MOST_VISITED: usize = 100_000;

/// Explains all dead subjects.
pub(super) fn explain(analysis: &Analysis<'_>, subjects: &mut [Subject]) {
    for s in subjects.iter_mut() {
        if let (What::File(file), None) = (s.what, s.node) {
            s.node = largest_dead(analysis, file);
        }
    }
    let nodes = |s: &Subject| s.node.filter(|_| !matches!(s.state, State::NotExtracted | State::Undefined));
    if subjects.iter().any(|s| nodes(s).is_some()) {
        let mut wanted = analysis.liveness.live.clone();
        wanted.grow(analysis.graph.node_count());
        wanted.toggle_range(..);
        let reverse = Reverse::new(analysis, &wanted, false);
        let stages = Stages::new(analysis);
        let study = Study { analysis, reverse, stages };
        for s in subjects.iter_mut() {
            if let Some(node) = nodes(s) {
                s.death = Some(Box::new(study.death(node)));
            }
        }
    }
    for s in subjects {
        if let Some(left) = &mut s.left_behind {
            let remedies = remedy::for_member(analysis, left.file, left);
            left.remedies = remedies;
        }
    }
}

fn largest_dead(analysis: &Analysis<'_>, file: crate::ids::FileId) -> Option<NodeId> {
    let program = &analysis.program;
    let alloc = |s: SectionId| {
        let (file, index) = program.locate(s);
        let object = program.files[file].object();
        object.is_none_or(|o| o.sections.get(index as usize).is_some_and(|r| r.is_alloc()))
    };
    let dead = program.sections_of(file).filter(|&s| subject::section_state(analysis, s) == State::Dead);
    let key = |s: &SectionId| (alloc(*s), program.section_size(*s), std::cmp::Reverse(*s));
    dead.max_by_key(key).map(|s| NodeId(s.0))
}

struct Study<'a, 'd> {
    analysis: &'a Analysis<'d>,
    reverse: Reverse,
    stages: Stages,
}

impl Study<'_, '_> {
    fn death(&self, node: NodeId) -> Death {
        let analysis = self.analysis;
        let section = analysis.graph.section(node);
        let mut death = Death {
            node,
            section,
            cause: Cause::NoReferrer,
            referrers: Vec::new(),
            referrer_count: 0,
            heads: Vec::new(),
            nearest_live: None,
            group_peers: Vec::new(),
            symbols: Vec::new(),
            table: None,
            placed: None,
            remedies: Vec::new(),
        };
        if let Some(section) = section {
            death.group_peers = self.peers(section);
            death.symbols = self.symbols(section);
            let name = analysis.program.section_name(section);
            let placed = table::placed_by(analysis, name);
            let around = placed.as_ref().map_or(&[][..], |(_, names)| names.as_slice());
            death.table = table::bounds(analysis, name, around);
            death.placed = placed.map(|(place, _)| place);
        } else {
            death.symbols = self.commons(node);
        }
        self.referrers(node, &mut death);
        self.upward(node, &mut death);
        death.cause = self.cause(&death);
        death.remedies = remedy::for_death(analysis, &death);
        death
    }

    fn cause(&self, death: &Death) -> Cause {
        let analysis = self.analysis;
        if let Some(section) = death.section {
            match subject::section_state(analysis, section) {
                State::Lost => return Cause::Lost { winner: self.winner(section) },
                State::Excluded => return Cause::Excluded,
                State::Structural | State::Pieces | State::AlwaysKept => return Cause::Structural,
                _ => {}
            }
            if death.table.as_ref().is_some_and(TableBounds::is_walked) {
                return Cause::Table;
            }
            if let Some(described) = self.described(section) {
                return Cause::Describes(described);
            }
            let (file, index) = analysis.program.locate(section);
            let object = analysis.program.files[file].object();
            let row = object.and_then(|o| o.sections.get(index as usize).copied());
            let counted = death.referrers.iter().any(|r| !matches!(r.state, ReferrerState::Live(_)));
            if let Some(row) = row.filter(|r| !r.is_alloc()) {
                let bfd = analysis.program.plan.profile.flavor == Flavor::Bfd;
                let alone = object.is_some_and(|o| {
                    crate::graph::bfd::is_debug(o, index) || crate::graph::bfd::is_special(o, index)
                });
                if bfd && !counted && (alone || row.kind == SHT_GROUP) {
                    return Cause::FileIsDead;
                }
            }
        }
        let dead = death.referrers.iter().any(|r| !matches!(r.state, ReferrerState::Live(_)));
        match (death.referrer_count, dead) {
            (0, _) => Cause::NoReferrer,
            (_, false) => Cause::OnlyUncounted,
            (_, true) if death.heads.is_empty() => Cause::Cycle,
            (_, true) => Cause::OnlyDead,
        }
    }

    /// The section that a SHF_LINK_ORDER section describes, where that rule decides (bfd, lld).
    fn described(&self, section: SectionId) -> Option<SectionId> {
        let analysis = self.analysis;
        if !matches!(analysis.program.plan.profile.flavor, Flavor::Bfd | Flavor::Lld) {
            return None;
        }
        let (file, index) = analysis.program.locate(section);
        let f = &analysis.program.files[file];
        let object = f.object()?;
        let row = object.sections.get(index as usize)?;
        let link = object.header(index).link;
        let valid = row.flags & SHF_LINK_ORDER != 0 && link != 0 && (link as usize) < object.sections.len();
        valid.then(|| f.section_id(link))
    }

    /// The copy that won over a losing section.
    fn winner(&self, section: SectionId) -> Option<SectionId> {
        let analysis = self.analysis;
        let list = &analysis.resolution.lost_to;
        let of = |s: SectionId| list.iter().find(|(loser, _)| *loser == s).map(|(_, w)| *w);
        if let Some(winner) = of(section) {
            return Some(winner);
        }
        let (file, index) = analysis.program.locate(section);
        let f = &analysis.program.files[file];
        let object = f.object()?;
        let group = of(f.section_id(object.group_of(index)?.section))?;
        let (other, other_index) = analysis.program.locate(group);
        let g = &analysis.program.files[other];
        let other = g.object()?;
        let members = other.members(other.groups.iter().find(|x| x.section == other_index)?).iter();
        let name = object.section_name(index);
        let same = members.copied().find(|&m| other.section_name(m) == name);
        Some(same.map_or(group, |m| g.section_id(m)))
    }

    fn peers(&self, section: SectionId) -> Vec<SectionId> {
        let (file, index) = self.analysis.program.locate(section);
        let f = &self.analysis.program.files[file];
        let Some(object) = f.object() else { return Vec::new() };
        let Some(group) = object.group_of(index) else { return Vec::new() };
        object.members(group).iter().filter(|&&m| m != index).map(|&m| f.section_id(m)).collect()
    }

    fn symbols(&self, section: SectionId) -> Vec<OwnSymbol> {
        let analysis = self.analysis;
        let (file, index) = analysis.program.locate(section);
        let f = &analysis.program.files[file];
        let Some(object) = f.object() else { return Vec::new() };
        let mut out = Vec::new();
        for (symbol, &name) in (object.first_global..).zip(&f.names) {
            if out.len() >= 16 {
                break;
            }
            if object.symbol(symbol).is_none_or(|s| s.place != Place::Section(index)) {
                continue;
            }
            let winner = analysis.resolution.definitions[name];
            let wins = winner.is_regular() && winner.file == file && winner.symbol == symbol;
            out.push(OwnSymbol { name, symbol, wins, winner });
        }
        out
    }

    /// The names of a commons node.
    fn commons(&self, node: NodeId) -> Vec<OwnSymbol> {
        let analysis = self.analysis;
        let of = |c: &&crate::resolve::WinningCommon| match analysis.graph.extra_node(node) {
            Some(ExtraNode::CommonsOf { file, .. }) => c.file == *file,
            Some(ExtraNode::Common { name, .. }) => c.name == *name,
            _ => false,
        };
        let own = |c: &crate::resolve::WinningCommon| {
            let winner = analysis.resolution.definitions[c.name];
            OwnSymbol { name: c.name, symbol: c.symbol, wins: true, winner }
        };
        analysis.resolution.commons.iter().filter(of).take(16).map(own).collect()
    }

    fn referrers(&self, node: NodeId, death: &mut Death) {
        let analysis = self.analysis;
        let mut list = Vec::new();
        for from in self.reverse.of(node) {
            if from == node || is_hub(analysis, from) && !self.hub_used(from) {
                continue;
            }
            let peer = analysis.graph.section(from).is_some_and(|s| death.group_peers.contains(&s));
            let reloc = analysis.graph.section(from).and_then(|s| find_use(analysis, s, node, false));
            let extra = analysis.graph.extra.of(from).iter().find(|(t, _)| *t == node).map(|(_, k)| *k);
            if reloc.is_none() && (peer || extra == Some(EdgeKind::Group)) {
                continue;
            }
            let kind =
                if reloc.is_some() { EdgeKind::Relocation } else { extra.unwrap_or(EdgeKind::WithFile) };
            let state = self.referrer_state(from, reloc.as_ref());
            list.push(Referrer { from, reloc, kind, state });
        }
        death.referrer_count = list.len() as u64;
        list.sort_by_key(|r| (!matches!(r.state, ReferrerState::Live(_)), r.from));
        list.truncate(MOST_REFERRERS);
        death.referrers = list;
    }

    fn hub_used(&self, hub: NodeId) -> bool {
        self.reverse.of(hub).next().is_some() || self.analysis.liveness.is_live(hub)
    }

    fn referrer_state(&self, from: NodeId, reloc: Option<&RelocUse>) -> ReferrerState {
        let analysis = self.analysis;
        let Some(section) = analysis.graph.section(from) else {
            let live = analysis.liveness.is_live(from);
            return if live { ReferrerState::Live(Uncounted::Bounds) } else { ReferrerState::Dead };
        };
        match subject::section_state(analysis, section) {
            State::Lost if analysis.liveness.is_live(from) => ReferrerState::Live(Uncounted::LostCopy),
            State::Lost => ReferrerState::Lost,
            State::Excluded => ReferrerState::Excluded,
            State::Live | State::AlwaysKept | State::Pieces => {
                ReferrerState::Live(self.uncounted(from, section, reloc))
            }
            _ => {
                let mut others = self.reverse.of(from).filter(|&n| n != from);
                if others.next().is_some() { ReferrerState::Dead } else { ReferrerState::DeadUnreferenced }
            }
        }
    }

    fn uncounted(&self, from: NodeId, section: SectionId, reloc: Option<&RelocUse>) -> Uncounted {
        let analysis = self.analysis;
        let (file, index) = analysis.program.locate(section);
        let Content::Object(object) = &analysis.program.files[file].content else { return Uncounted::Other };
        if object.section_name(index) == b".eh_frame" {
            return Uncounted::Unwind;
        }
        if object.sections.get(index as usize).is_some_and(|r| !r.is_alloc())
            || self.stages.unfollowed.contains(from.index())
        {
            return Uncounted::NotAllocated;
        }
        let crel = |r: u32| object.reloc_table(r).is_ok_and(|t| t.is_crel());
        if analysis.graph.crel_invisible && object.reloc_sections(index).any(crel) {
            return Uncounted::Crel;
        }
        if reloc.is_some_and(|r| analysis.graph.ignored_types.contains(&r.kind)) {
            return Uncounted::IgnoredType;
        }
        Uncounted::Other
    }

    /// Walks up through dropped referrers to those that nothing refers to.
    fn upward(&self, node: NodeId, death: &mut Death) {
        let analysis = self.analysis;
        let mut seen = FixedBitSet::with_capacity(analysis.graph.node_count());
        let mut order: Vec<(NodeId, usize)> = vec![(node, usize::MAX)];
        seen.insert(node.index());
        let mut at = 0;
        let mut nearest = None;
        while let Some(&(current, _)) = order.get(at) {
            let mut above = 0;
            for from in self.reverse.of(current) {
                if self.lives(from) {
                    let section = analysis.graph.section(from).is_some();
                    if nearest.is_none() && section && !self.is_unwind(from) {
                        nearest = Some((from, true));
                    }
                    continue;
                }
                let unused_hub = is_hub(analysis, from) && !self.hub_used(from);
                if unused_hub || from == current || self.is_group_section(from) {
                    continue;
                }
                above += 1;
                if !seen.put(from.index()) && order.len() < MOST_VISITED {
                    order.push((from, at));
                }
            }
            if above == 0 && at > 0 && death.heads.len() < 3 {
                let mut path = Vec::new();
                let mut back = at;
                while let Some(&(n, previous)) = order.get(back) {
                    path.push(n);
                    back = previous;
                }
                let table = path.first().and_then(|n| self.walked_table(*n));
                death.heads.push(Head { path, table });
            }
            at += 1;
        }
        death.nearest_live = nearest.or_else(|| self.near_in_file(node));
    }

    fn walked_table(&self, node: NodeId) -> Option<(TableBounds, Option<ScriptPlace>)> {
        let analysis = self.analysis;
        let name = analysis.program.section_name(analysis.graph.section(node)?);
        let placed = table::placed_by(analysis, name);
        let around = placed.as_ref().map_or(&[][..], |(_, names)| names.as_slice());
        let found = table::bounds(analysis, name, around).filter(TableBounds::is_walked)?;
        Some((found, placed.map(|(place, _)| place)))
    }

    /// Live, or never dropped by this linker.
    fn lives(&self, node: NodeId) -> bool {
        let class = self.analysis.graph.section(node).map(|s| self.analysis.graph.class[s]);
        self.analysis.liveness.is_live(node) || matches!(class, Some(Class::Kept | Class::Pieces))
    }

    fn is_unwind(&self, node: NodeId) -> bool {
        let section = self.analysis.graph.section(node);
        section.is_some_and(|s| self.analysis.program.section_name(s) == b".eh_frame")
    }

    fn is_group_section(&self, node: NodeId) -> bool {
        let Some(section) = self.analysis.graph.section(node) else { return false };
        let (file, index) = self.analysis.program.locate(section);
        let object = self.analysis.program.files[file].object();
        object.and_then(|o| o.sections.get(index as usize)).is_some_and(|r| r.kind == SHT_GROUP)
    }

    /// The live allocated section of the same file that stands nearest.
    fn near_in_file(&self, node: NodeId) -> Option<(NodeId, bool)> {
        let analysis = self.analysis;
        let owner = match analysis.graph.extra_node(node) {
            Some(ExtraNode::CommonsOf { file, .. } | ExtraNode::Common { file, .. }) => *file,
            _ => analysis.program.locate(analysis.graph.section(node)?).0,
        };
        let object = analysis.program.files[owner].object()?;
        let base = analysis.program.files[owner].section_base;
        let live = (1..object.sections.len() as u32)
            .filter(|&i| object.sections[i as usize].is_alloc() && object.section_size(i) > 0)
            .filter(|&i| object.section_name(i) != b".eh_frame")
            .map(|i| NodeId(base + i))
            .filter(|n| analysis.liveness.is_live(*n));
        live.min_by_key(|n| n.0.abs_diff(node.0)).map(|n| (n, false))
    }
}

//! A portrait marked again: what lives with other roots, or without some nodes.
//!
//! In: a portrait, roots, nodes taken away, edges taken away. Out: what lives, as the linker would say. Always true: a node whose
//! references the portrait does not hold is an error, never one without references.

use fixedbitset::FixedBitSet;
use hashbrown::HashSet;

use super::tables::{NONE, edge_kind, group_bits, section_flags};
use super::{Portrait, codes};
use crate::error::{Error, Result};
use crate::graph::{EdgeKind, Root};
use crate::ids::{FileId, NodeId};
use crate::load::elf::consts::SHF_GROUP;
use crate::mark::{self, Edges, bfd::Sections};
use crate::plan::Flavor;
use crate::query::portrait::codes::ExtraKind;

/// The order in which bfd makes the sections of a file, as far as their numbers, flags and groups tell: the first
/// member of a group makes all groups. Gets row, flags and whether it is a group's own section, by index.
pub(super) fn told_order(sections: impl Iterator<Item = (u32, u32, bool)>) -> Vec<u32> {
    let all: Vec<(u32, u32, bool)> = sections.collect();
    let groups: Vec<u32> = all.iter().filter(|s| s.2).map(|s| s.0).collect();
    let mut made = false;
    let mut order = Vec::with_capacity(all.len());
    for &(row, flags, group) in &all {
        if made && group {
            continue;
        }
        order.push(row);
        if !made && flags & SHF_GROUP != 0 && !groups.is_empty() {
            made = true;
            // Those in front of this one stand there already.
            order.extend(groups.iter().filter(|g| **g > row));
        }
    }
    order
}

/// A portrait as marking sees it, without some edges.
struct Saved<'p, 'd> {
    portrait: &'p Portrait<'d>,
    cuts: &'p HashSet<(u32, u32)>,
    /// By section: its group.
    groups: Vec<(u32, u32)>,
}

impl Edges for Saved<'_, '_> {
    fn node_count(&self) -> usize {
        self.portrait.node_count()
    }

    #[inline]
    fn each_edge(&self, node: NodeId, mut f: impl FnMut(NodeId, EdgeKind)) {
        for &target in self.portrait.targets(node.0) {
            if self.cuts.is_empty() || !self.cuts.contains(&(node.0, target)) {
                // Only bfd's debug sections ask what an edge is.
                f(NodeId(target), EdgeKind::Relocation);
            }
        }
    }
}

/// A row, or [`NONE`] for a section without one.
impl Sections for Saved<'_, '_> {
    type Section = u32;

    fn machine(&self) -> u16 {
        self.portrait.head.machine
    }

    fn files(&self) -> Vec<FileId> {
        let linked = self.portrait.linked.file.iter();
        linked.filter(|f| self.portrait.files.kind.at(**f as usize) == 0).map(|&f| FileId(f)).collect()
    }

    fn sections(&self, file: FileId) -> Vec<u32> {
        let p = self.portrait;
        if let Ok(at) = p.orders.file.binary_search(&file.0) {
            let range = p.orders.first.at(at) as usize..p.orders.first.at(at + 1) as usize;
            return p.ordered.section.get(range).map(<[u32]>::to_vec).unwrap_or_default();
        }
        let rows = p.sections_of(file.0);
        let from = self.groups.partition_point(|g| g.0 < rows.start);
        let mut headers = self.groups.get(from..).unwrap_or_default().iter().map(|g| g.0).peekable();
        let one = |row: u32| {
            while headers.next_if(|h| *h < row).is_some() {}
            (row, p.section_flags(row), headers.peek() == Some(&row))
        };
        told_order(rows.map(one))
    }

    fn groups(&self, file: FileId) -> Vec<(u32, Option<u32>)> {
        let p = self.portrait;
        let rows = p.sections_of(file.0);
        let from = self.groups.partition_point(|g| g.0 < rows.start);
        let own = self.groups.get(from..).unwrap_or_default().iter().take_while(|g| g.0 < rows.end);
        let node = own.filter(|g| codes::class(p.kinds.class.at(p.kind(g.0))) == crate::graph::Class::Node);
        node.map(|&(section, group)| {
            let members = p.group_members(group as usize);
            let headless = p.groups.bits.at(group as usize) & group_bits::HEADLESS != 0;
            // A first member without a row is never marked.
            let first = if headless && !members.is_empty() { Some(NONE) } else { members.first().copied() };
            (section, first)
        })
        .collect()
    }

    fn node(&self, section: u32) -> Option<NodeId> {
        (section != NONE).then_some(NodeId(section))
    }

    fn is_section(&self, node: NodeId) -> bool {
        self.portrait.is_section(node.0)
    }

    fn section(&self, node: NodeId) -> Option<u32> {
        let p = self.portrait;
        (p.is_section(node.0) && p.files.kind.at(p.file_of(node.0) as usize) == 0).then_some(node.0)
    }

    fn is_hub(&self, node: NodeId) -> bool {
        let row = self.portrait.extra(node.0);
        row.is_some_and(|row| codes::extra(self.portrait.extras.kind.at(row)) == ExtraKind::StartStop)
    }

    fn name(&self, section: u32) -> &[u8] {
        self.portrait.section_name(section)
    }

    fn kind(&self, section: u32) -> u32 {
        self.portrait.section_type(section)
    }

    fn flags(&self, section: u32) -> u32 {
        self.portrait.section_flags(section)
    }

    fn is_grouped(&self, section: u32) -> bool {
        self.portrait.kinds.bits.at(self.portrait.kind(section)) & section_flags::GROUPED != 0
    }

    fn is_special(&self, section: u32) -> bool {
        self.portrait.kinds.bits.at(self.portrait.kind(section)) & section_flags::SPECIAL != 0
    }

    fn linked_to(&self, section: u32) -> Option<u32> {
        let ordered = self.portrait.section_flags(section) & crate::load::elf::consts::SHF_LINK_ORDER != 0;
        if ordered { self.described(section) } else { None }
    }

    fn described(&self, section: u32) -> Option<u32> {
        let links = &self.portrait.links;
        let at = links.section.binary_search(&section).ok()?;
        Some(links.to.at(at))
    }

    fn members(&self, group: u32) -> Option<Vec<u32>> {
        let at = self.groups.binary_search_by_key(&group, |g| g.0).ok()?;
        let row = self.groups.get(at)?.1 as usize;
        Some(self.portrait.group_members(row).to_vec())
    }

    fn is_secure(&self) -> bool {
        // Such links are not marked again.
        false
    }

    fn secure_entries(&self, _: FileId) -> Vec<NodeId> {
        Vec::new()
    }

    fn each_edge_of_kind(&self, node: NodeId, mut f: impl FnMut(NodeId, EdgeKind)) {
        let p = self.portrait;
        for edge in p.edges_of(node.0) {
            let Some(&target) = p.edges.target.get(edge) else { continue };
            if self.cuts.contains(&(node.0, target)) {
                continue;
            }
            f(NodeId(target), p.edge_kind(edge));
            if p.edges.kind.at(edge) & edge_kind::OF_GROUP != 0 {
                f(NodeId(target), EdgeKind::Group);
            }
        }
    }
}

/// The order of bfd's walk.
pub(crate) struct BfdWalk<'p, 'd>(Saved<'p, 'd>);

impl BfdWalk<'_, '_> {
    /// The sections of a file.
    pub(crate) fn order(&self, file: u32) -> Vec<u32> {
        self.0.sections(FileId(file))
    }
}

/// No edges.
static NO_CUTS: std::sync::LazyLock<HashSet<(u32, u32)>> = std::sync::LazyLock::new(HashSet::new);

impl<'d> Portrait<'d> {
    /// The order in which bfd walks and prints sections.
    pub(crate) fn bfd_walk(&self) -> BfdWalk<'_, 'd> {
        BfdWalk(Saved { portrait: self, cuts: &NO_CUTS, groups: self.group_rows() })
    }

    /// Group sections with their groups, sorted.
    fn group_rows(&self) -> Vec<(u32, u32)> {
        let all = (0u32..).zip(self.groups.section.iter()).map(|(row, &section)| (section, row));
        let mut rows: Vec<(u32, u32)> = all.filter(|g| g.0 != NONE).collect();
        rows.sort_unstable();
        rows
    }

    /// What lives with these roots, without the nodes of `removed` and the edges of `cuts`.
    ///
    /// # Errors
    /// The answer depends on what the portrait does not hold.
    pub fn mark(
        &self,
        roots: &[Root],
        removed: Option<&FixedBitSet>,
        cuts: &HashSet<(u32, u32)>,
    ) -> Result<FixedBitSet> {
        let fail = |cause: &str| Err(Error::new("marking a saved link again", cause));
        if !self.head.gc_sections {
            let mut live = FixedBitSet::with_capacity(self.node_count());
            live.insert_range(..);
            return Ok(live);
        }
        if self.head.counted {
            return fail("this link counts single references or has secure entries: ask the link itself");
        }
        let count = self.section_count();
        let inside = |column: &[u32]| column.iter().all(|&s| s == NONE || (s as usize) < count);
        let columns = [&self.groups.section, &self.groups.members, &self.links.to, &self.ordered.section];
        if self.head.profile.flavor == Flavor::Bfd && !columns.iter().all(|c| inside(c)) {
            return fail("damaged: a section of a group or a chain is outside its table");
        }
        let bfd = self.head.profile.flavor == Flavor::Bfd;
        let groups = if bfd { self.group_rows() } else { Vec::new() };
        let saved = Saved { portrait: self, cuts, groups };
        let live = match self.head.profile.flavor {
            Flavor::Bfd => mark::bfd::mark(&saved, roots, removed, false).0,
            Flavor::Gold | Flavor::Lld | Flavor::Mold => mark::close(&saved, roots, removed),
        };
        let reached = live.ones().map(|n| n as u32).chain(roots.iter().map(|r| r.node.0));
        for section in reached.filter(|&n| !self.is_live(n) && self.is_section(n)) {
            if self.kinds.bits.at(self.kind(section)) & section_flags::LOST != 0 {
                let name = String::from_utf8_lossy(self.section_name(section)).into_owned();
                let file = String::from_utf8_lossy(&self.label(self.file_of(section))).into_owned();
                return fail(&format!(
                    "{file}:({name}) would live, a copy that lost its group: what that refers to is not saved, ask the link itself"
                ));
            }
        }
        Ok(live)
    }
}

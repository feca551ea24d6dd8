//! bfd's marking: the closure, then one order-dependent walk over the files (GS 6.3, 6.6), then the
//! targets' extras (GS 6.7). The walk is no fixpoint and is reproduced step by step.
//!
//! Follows `_bfd_elf_gc_mark_extra_sections`, `elf32_arm_gc_mark_extra_sections`,
//! `_bfd_mips_elf_gc_mark_extra_sections`, `elf_gc_sweep`.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::{Analysed, Edges, Marker, Staged};
use crate::graph::{Class, EdgeKind, ExtraNode, NO_NODE, Root, bfd as rules};
use crate::ids::{FileId, Id, NodeId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow};
use crate::program::Content;
use crate::resolve::Resolution;

/// What the walk asks of a link: an analysed one, or a saved one.
pub trait Sections: Edges {
    /// A section of an object, perhaps one that is no node.
    type Section: Copy + PartialEq + Send + Sync;
    /// `e_machine`.
    fn machine(&self) -> u16;
    /// The objects of the link, in its order.
    fn files(&self) -> Vec<FileId>;
    /// A file's sections as bfd has them, in its order, tables of the object format left out.
    fn sections(&self, file: FileId) -> Vec<Self::Section>;
    /// The groups of a file whose own section is a node: that section, and the first member.
    fn groups(&self, file: FileId) -> Vec<(Self::Section, Option<Self::Section>)>;
    /// The node of a section, if it is one.
    fn node(&self, section: Self::Section) -> Option<NodeId>;
    /// Whether a node is a section.
    fn is_section(&self, node: NodeId) -> bool;
    /// The section of a node, if it is one of an object.
    fn section(&self, node: NodeId) -> Option<Self::Section>;
    /// Whether a node stands for everything of one name.
    fn is_hub(&self, node: NodeId) -> bool;
    /// A section's name.
    fn name(&self, section: Self::Section) -> &[u8];
    /// `sh_type`.
    fn kind(&self, section: Self::Section) -> u32;
    /// `sh_flags`, low 32 bits.
    fn flags(&self, section: Self::Section) -> u32;
    /// It is a member of a group.
    fn is_grouped(&self, section: Self::Section) -> bool;
    /// Neither allocated nor with relocations ([`rules::is_special`]).
    fn is_special(&self, section: Self::Section) -> bool;
    /// The section that a SHF_LINK_ORDER section describes.
    fn linked_to(&self, section: Self::Section) -> Option<Self::Section>;
    /// The section that an `.ARM.exidx` section describes.
    fn described(&self, section: Self::Section) -> Option<Self::Section>;
    /// The members of the group that a section stands for.
    fn members(&self, group: Self::Section) -> Option<Vec<Self::Section>>;
    /// The first of them.
    fn first_member(&self, group: Self::Section) -> Option<Self::Section> {
        self.members(group)?.first().copied()
    }
    /// As [`Edges::each_edge`], where that does not tell the kinds.
    #[inline]
    fn each_edge_of_kind(&self, node: NodeId, f: impl FnMut(NodeId, EdgeKind)) {
        self.each_edge(node, f);
    }
    /// ARMv8-M: whether any object is for it.
    fn is_secure(&self) -> bool;
    /// ARMv8-M: what the special symbols of a file's secure entry functions name.
    fn secure_entries(&self, file: FileId) -> Vec<NodeId>;
}

/// The objects of an analysed link.
pub struct Objects<'a, 'd> {
    /// Nodes and edges.
    pub edges: Analysed<'a, 'd>,
    /// Which files are in the link.
    pub resolution: &'a Resolution,
}

impl Edges for Objects<'_, '_> {
    fn node_count(&self) -> usize {
        self.edges.node_count()
    }

    #[inline]
    fn each_edge(&self, node: NodeId, f: impl FnMut(NodeId, EdgeKind)) {
        self.edges.each_edge(node, f);
    }
}

impl<'d> Objects<'_, 'd> {
    fn object(&self, file: FileId) -> Option<&Object<'d>> {
        match &self.edges.program.files[file].content {
            Content::Object(object) => Some(object),
            _ => None,
        }
    }

    fn row(&self, (file, index): (FileId, u32)) -> SectionRow {
        let row = self.object(file).and_then(|o| o.sections.get(index as usize));
        row.copied().unwrap_or_default()
    }
}

impl Sections for Objects<'_, '_> {
    type Section = (FileId, u32);

    fn machine(&self) -> u16 {
        self.edges.program.target.map_or(0, |t| t.machine)
    }

    fn files(&self) -> Vec<FileId> {
        self.resolution.files.iter().copied().filter(|&f| self.object(f).is_some()).collect()
    }

    fn sections(&self, file: FileId) -> Vec<(FileId, u32)> {
        let Some(object) = self.object(file) else { return Vec::new() };
        let order = rules::section_order(object).into_iter().filter(|&i| {
            let kind = object.sections[i as usize].kind;
            let table =
                matches!(kind, SHT_NULL | SHT_SYMTAB | SHT_SYMTAB_SHNDX | SHT_REL | SHT_RELA | SHT_CREL);
            !table && (kind != SHT_STRTAB || !object.is_own_string_table(i))
        });
        order.map(|index| (file, index)).collect()
    }

    fn groups(&self, file: FileId) -> Vec<((FileId, u32), Option<(FileId, u32)>)> {
        let Some(object) = self.object(file) else { return Vec::new() };
        let own = &self.edges.program.files[file];
        let nodes =
            object.groups.iter().filter(|g| self.edges.graph.class[own.section_id(g.section)] == Class::Node);
        let first = |members: &[u32]| members.first().map(|&m| (file, m));
        nodes.map(|g| ((file, g.section), first(object.members(g)))).collect()
    }

    #[inline]
    fn node(&self, (file, index): (FileId, u32)) -> Option<NodeId> {
        Some(NodeId(self.edges.program.files[file].section_id(index).0))
    }

    fn is_section(&self, node: NodeId) -> bool {
        self.edges.graph.section(node).is_some()
    }

    fn section(&self, node: NodeId) -> Option<(FileId, u32)> {
        let (file, index) = self.edges.program.locate(self.edges.graph.section(node)?);
        self.object(file).map(|_| (file, index))
    }

    fn is_hub(&self, node: NodeId) -> bool {
        matches!(self.edges.graph.extra_node(node), Some(ExtraNode::StartStop { .. }))
    }

    fn name(&self, (file, index): (FileId, u32)) -> &[u8] {
        self.object(file).map_or(b"", |o| o.section_name(index))
    }

    #[inline]
    fn kind(&self, section: (FileId, u32)) -> u32 {
        self.row(section).kind
    }

    #[inline]
    fn flags(&self, section: (FileId, u32)) -> u32 {
        self.row(section).flags
    }

    fn is_grouped(&self, section: (FileId, u32)) -> bool {
        self.row(section).group != 0
    }

    fn is_special(&self, (file, index): (FileId, u32)) -> bool {
        self.object(file).is_some_and(|o| rules::is_special(o, index))
    }

    fn linked_to(&self, (file, index): (FileId, u32)) -> Option<(FileId, u32)> {
        rules::linked_to(self.object(file)?, index).map(|linked| (file, linked))
    }

    fn described(&self, (file, index): (FileId, u32)) -> Option<(FileId, u32)> {
        let object = self.object(file)?;
        let link = object.header(index).link;
        (link != 0 && (link as usize) < object.sections.len()).then_some((file, link))
    }

    fn members(&self, (file, index): (FileId, u32)) -> Option<Vec<(FileId, u32)>> {
        let object = self.object(file)?;
        let group = rules::group_at(object, index)?;
        Some(object.members(group).iter().map(|&m| (file, m)).collect())
    }

    fn first_member(&self, (file, index): (FileId, u32)) -> Option<(FileId, u32)> {
        let object = self.object(file)?;
        object.members(rules::group_at(object, index)?).first().map(|&m| (file, m))
    }

    fn is_secure(&self) -> bool {
        self.resolution.files.iter().filter_map(|&f| self.object(f)).any(rules::arm::is_v8m)
    }

    fn secure_entries(&self, file: FileId) -> Vec<NodeId> {
        let Some(object) = self.object(file) else { return Vec::new() };
        let program = self.edges.program;
        let targets = &self.edges.graph.targets[file.idx()];
        let secure = (object.first_global..)
            .zip(&program.files[file].names)
            .filter(|(_, name)| program.name(**name).starts_with(rules::arm::SECURE_ENTRY));
        let target = |symbol: u32| targets.get(symbol as usize).copied().filter(|&t| t != NO_NODE);
        secure.filter_map(|(symbol, _)| target(symbol).map(NodeId)).collect()
    }
}

/// Marks everything that bfd keeps, as if the nodes of `removed` did not exist: what lives, and what stages marked in
/// order. `counted`: as `-z start-stop-gc` asks.
pub fn mark<S: Sections>(
    link: &S,
    roots: &[Root],
    removed: Option<&FixedBitSet>,
    counted: bool,
) -> (FixedBitSet, Vec<Staged>) {
    let mut walk = Walk {
        link,
        marker: Marker::without(link, removed),
        staged: Vec::new(),
        counted,
        armed: FixedBitSet::with_capacity(link.node_count()),
    };
    for root in roots {
        walk.marker.add(root.node);
    }
    walk.run();
    let files = link.files();
    let orders: Vec<Vec<S::Section>> =
        files.par_iter().with_min_len(16).map(|&file| link.sections(file)).collect();
    for sections in &orders {
        walk.file(sections);
    }
    walk.targets(&files);
    for &file in &files {
        walk.group_sections(file);
    }
    (walk.marker.finish(), walk.staged)
}

struct Walk<'a, S> {
    link: &'a S,
    marker: Marker<'a, S>,
    staged: Vec<Staged>,
    /// `-z start-stop-gc`: the first relocation against `__start_X` does not count (GS 6.5).
    counted: bool,
    armed: FixedBitSet,
}

impl<S: Sections> Walk<'_, S> {
    fn run(&mut self) {
        if !self.counted {
            self.marker.run();
            return;
        }
        let link = self.link;
        while let Some(node) = self.marker.pop() {
            let (marker, armed) = (&mut self.marker, &mut self.armed);
            link.each_edge(node, |target, _| {
                if link.is_hub(target) && !armed.put(target.index()) {
                    return;
                }
                marker.add(target);
            });
        }
    }

    fn is_marked(&self, section: S::Section) -> bool {
        self.link.node(section).is_some_and(|node| self.marker.is_marked(node))
    }

    fn is_alloc(&self, section: S::Section) -> bool {
        self.link.flags(section) & SHF_ALLOC != 0
    }

    fn is_debug(&self, section: S::Section) -> bool {
        !self.is_alloc(section)
            && self.link.kind(section) != SHT_GROUP
            && rules::is_debug_name(self.link.name(section))
    }

    /// Marks without following anything.
    fn keep_with(&mut self, section: S::Section, because: NodeId) {
        let Some(node) = self.link.node(section) else { return };
        if !self.marker.live.put(node.index()) {
            self.staged.push(Staged { node, because, kind: EdgeKind::WithFile });
        }
    }

    /// GS 6.3 and 6.6 for one file, whose sections are given in bfd's order.
    fn file(&mut self, sections: &[S::Section]) {
        let link = self.link;
        let mut first_kept: Option<NodeId> = None;
        let mut fragments = false;
        for &section in sections {
            let flags = link.flags(section);
            let (alloc, linked) = (flags & SHF_ALLOC != 0, flags & SHF_LINK_ORDER != 0);
            if linked || first_kept.is_none() {
                if alloc && link.kind(section) != SHT_NOTE && self.is_marked(section) {
                    first_kept = first_kept.or(link.node(section));
                } else if linked {
                    self.follow_link_order(section);
                }
            }
            if !alloc && !fragments && self.is_debug(section) {
                fragments = link.name(section).starts_with(b".debug_line.");
            }
        }
        let Some(because) = first_kept else { return };
        let mut kept_debug = false;
        for &section in sections {
            if link.kind(section) == SHT_GROUP {
                self.keep_pure_group(section, because);
                continue;
            }
            // Debug and special sections are not allocated.
            if self.is_alloc(section) {
                continue;
            }
            if !link.is_grouped(section)
                && link.linked_to(section).is_none()
                && (self.is_debug(section) || link.is_special(section))
            {
                self.keep_with(section, because);
            }
            kept_debug |= self.is_debug(section) && self.is_marked(section);
        }
        if fragments {
            self.drop_fragments(sections);
        }
        if kept_debug {
            self.follow_debug(sections);
        }
    }

    /// A section lives if some section of its linked-to chain is marked at this moment.
    fn follow_link_order(&mut self, section: S::Section) {
        let mut seen = Vec::new();
        let mut at = self.link.linked_to(section);
        while let Some(linked) = at.filter(|l| !seen.contains(l)) {
            if self.is_marked(linked) {
                let Some((node, because)) = self.link.node(section).zip(self.link.node(linked)) else {
                    return;
                };
                if !self.marker.is_marked(node) {
                    self.staged.push(Staged { node, because, kind: EdgeKind::LinkOrder });
                    self.marker.add(node);
                    self.run();
                }
                return;
            }
            seen.push(linked);
            at = self.link.linked_to(linked);
        }
    }

    fn keep_pure_group(&mut self, group: S::Section, because: NodeId) {
        let may_be = |first| self.is_debug(first) || self.link.is_special(first);
        if !self.link.first_member(group).is_some_and(may_be) {
            return;
        }
        let Some(members) = self.link.members(group) else { return };
        let pure =
            members.iter().all(|&m| self.is_debug(m)) || members.iter().all(|&m| self.link.is_special(m));
        if pure {
            for &member in &members {
                self.keep_with(member, because);
            }
        }
    }

    /// GS 6.6.5: fragmented debug sections go with their code.
    fn drop_fragments(&mut self, sections: &[S::Section]) {
        let link = self.link;
        let mut debug: Vec<S::Section> =
            sections.iter().copied().filter(|&s| self.is_marked(s) && self.is_debug(s)).collect();
        for &section in sections {
            if link.flags(section) & SHF_EXECINSTR == 0 || self.is_marked(section) {
                continue;
            }
            let name = link.name(section);
            debug.retain(|&d| {
                let own = link.name(d);
                let goes = own.len() > name.len() && own.ends_with(name);
                if let (true, Some(node)) = (goes, link.node(d)) {
                    self.marker.live.set(node.index(), false);
                }
                !goes
            });
        }
    }

    /// GS 6.6.6: marked debug sections make other debug sections live.
    fn follow_debug(&mut self, sections: &[S::Section]) {
        let link = self.link;
        let mut stack: Vec<NodeId> = sections
            .iter()
            .copied()
            .filter(|&s| self.is_debug(s) && self.is_marked(s))
            .filter_map(|s| link.node(s))
            .collect();
        while let Some(node) = stack.pop() {
            let mut found = Vec::new();
            link.each_edge_of_kind(node, |target, kind| {
                let debug = || link.section(target).is_some_and(|s| self.is_debug(s));
                if (kind == EdgeKind::Group && link.is_section(target)) || debug() {
                    found.push((target, kind));
                }
            });
            for (target, kind) in found {
                if !self.marker.live.put(target.index()) {
                    self.staged.push(Staged { node: target, because: node, kind });
                    stack.push(target);
                }
            }
        }
    }

    /// GS 6.7, targets 7 and 8.
    fn targets(&mut self, files: &[FileId]) {
        let link = self.link;
        match link.machine() {
            EM_ARM => self.exidx(files),
            EM_MIPS => {
                for section in files.iter().flat_map(|&file| link.sections(file)) {
                    if link.name(section) == b".MIPS.abiflags"
                        && let Some(node) = link.node(section)
                    {
                        self.keep_with(section, node);
                    }
                }
            }
            _ => {}
        }
    }

    fn exidx(&mut self, files: &[FileId]) {
        let link = self.link;
        let mut secure = link.is_secure();
        loop {
            let mut again = false;
            for &file in files {
                for section in link.sections(file) {
                    if link.kind(section) != SHT_ARM_EXIDX {
                        continue;
                    }
                    if let Some(described) = link.described(section)
                        && self.is_marked(described)
                        && let Some((node, because)) = link.node(section).zip(link.node(described))
                        && !self.marker.live.contains(node.index())
                    {
                        self.staged.push(Staged { node, because, kind: EdgeKind::LinkOrder });
                        self.marker.add(node);
                        self.run();
                        again = true;
                    }
                }
                if secure {
                    self.secure_entries(file);
                }
            }
            secure = false;
            if !again {
                break;
            }
        }
    }

    /// ARMv8-M: what a secure entry function's special symbol names lives, and the debug sections of
    /// the file that has or names it.
    fn secure_entries(&mut self, file: FileId) {
        let entries = self.link.secure_entries(file);
        for &node in &entries {
            if !self.marker.is_marked(node) {
                self.staged.push(Staged { node, because: node, kind: EdgeKind::WithFile });
                self.marker.add(node);
                self.run();
            }
        }
        let Some(&because) = entries.last() else { return };
        for section in self.link.sections(file) {
            if self.is_debug(section) {
                self.keep_with(section, because);
            }
        }
    }

    /// A group section shares the fate of its first member (bfd `elf_gc_sweep`).
    fn group_sections(&mut self, file: FileId) {
        for (group, first) in self.link.groups(file) {
            let Some(first) = first else { continue };
            let live = self.is_marked(first);
            if let Some(node) = self.link.node(group) {
                self.marker.live.set(node.index(), live);
            }
        }
    }
}

//! bfd's marking: the closure, then one order-dependent walk over the files (GS 6.3, 6.6), then the
//! targets' extras (GS 6.7). The walk is no fixpoint and is reproduced step by step.
//!
//! Follows `_bfd_elf_gc_mark_extra_sections`, `elf32_arm_gc_mark_extra_sections`,
//! `_bfd_mips_elf_gc_mark_extra_sections`, `elf_gc_sweep`.

use fixedbitset::FixedBitSet;

use super::{Liveness, Marker, Staged};
use crate::graph::{Class, EdgeKind, ExtraNode, NO_NODE, RootSet, SectionGraph, bfd as rules};
use crate::ids::{FileId, Id, NodeId};
use crate::load::elf::Object;
use crate::load::elf::consts::*;
use crate::program::{Content, Program};
use crate::resolve::Resolution;

/// Marks everything that bfd keeps, as if the nodes of `removed` did not exist.
pub(super) fn mark(
    program: &Program<'_>,
    resolution: &Resolution,
    graph: &SectionGraph<'_>,
    roots: &RootSet,
    removed: Option<&FixedBitSet>,
) -> Liveness {
    let counted = program.plan.start_stop_gc == Some(true);
    let mut walk = Walk {
        program,
        graph,
        marker: Marker::without(program, graph, removed),
        staged: Vec::new(),
        counted,
        armed: FixedBitSet::with_capacity(graph.node_count()),
    };
    for root in &roots.roots {
        walk.marker.add(root.node);
    }
    walk.run();
    for &file in &resolution.files {
        if let Content::Object(object) = &program.files[file].content {
            walk.file(file, object);
        }
    }
    walk.targets(resolution);
    for &file in &resolution.files {
        if let Content::Object(object) = &program.files[file].content {
            walk.group_sections(file, object);
        }
    }
    Liveness { live: walk.marker.finish(), staged: walk.staged, diagnostics: Vec::new() }
}

struct Walk<'a, 'd> {
    program: &'a Program<'d>,
    graph: &'a SectionGraph<'d>,
    marker: Marker<'a, 'd>,
    staged: Vec<Staged>,
    /// `-z start-stop-gc`: the first relocation against `__start_X` does not count (GS 6.5).
    counted: bool,
    armed: FixedBitSet,
}

impl Walk<'_, '_> {
    fn run(&mut self) {
        if !self.counted {
            self.marker.run();
            return;
        }
        let (graph, program) = (self.graph, self.program);
        while let Some(node) = self.marker.pop() {
            let (marker, armed) = (&mut self.marker, &mut self.armed);
            graph.for_each_edge(program, node, |target, _| {
                let hub = matches!(graph.extra_node(target), Some(ExtraNode::StartStop { .. }));
                if hub && !armed.put(target.index()) {
                    return;
                }
                marker.add(target);
            });
        }
    }

    fn node(&self, file: FileId, index: u32) -> NodeId {
        NodeId(self.program.files[file].section_id(index).0)
    }

    fn is_marked(&self, file: FileId, index: u32) -> bool {
        self.marker.is_marked(self.node(file, index))
    }

    /// Marks without following anything.
    fn keep_with(&mut self, node: NodeId, because: NodeId) {
        if !self.marker.live.put(node.index()) {
            self.staged.push(Staged { node, because, kind: EdgeKind::WithFile });
        }
    }

    /// The file's sections as bfd has them, in its order.
    fn sections(&self, object: &Object<'_>) -> Vec<u32> {
        let mut order = rules::section_order(object);
        order.retain(|&i| {
            let kind = object.sections[i as usize].kind;
            let table =
                matches!(kind, SHT_NULL | SHT_SYMTAB | SHT_SYMTAB_SHNDX | SHT_REL | SHT_RELA | SHT_CREL);
            !table && (kind != SHT_STRTAB || !object.is_own_string_table(i))
        });
        order
    }

    /// GS 6.3 and 6.6 for one file.
    fn file(&mut self, file: FileId, object: &Object<'_>) {
        let mut first_kept: Option<NodeId> = None;
        let mut fragments = false;
        for index in self.sections(object) {
            let row = object.sections[index as usize];
            if self.is_marked(file, index) && row.is_alloc() && row.kind != SHT_NOTE {
                first_kept = first_kept.or(Some(self.node(file, index)));
            } else {
                self.follow_link_order(file, object, index);
            }
            if !fragments && rules::is_debug(object, index) {
                fragments = object.section_name(index).starts_with(b".debug_line.");
            }
        }
        let Some(because) = first_kept else { return };
        let mut kept_debug = false;
        for index in self.sections(object) {
            let row = object.sections[index as usize];
            if row.kind == SHT_GROUP {
                self.keep_pure_group(file, object, index, because);
            } else if row.group == 0
                && rules::linked_to(object, index).is_none()
                && (rules::is_debug(object, index) || rules::is_special(object, index))
            {
                self.keep_with(self.node(file, index), because);
            }
            kept_debug |= self.is_marked(file, index) && rules::is_debug(object, index);
        }
        if fragments {
            self.drop_fragments(file, object);
        }
        if kept_debug {
            self.follow_debug(file, object);
        }
    }

    /// A section lives if some section of its linked-to chain is marked at this moment.
    fn follow_link_order(&mut self, file: FileId, object: &Object<'_>, index: u32) {
        let mut seen = Vec::new();
        let mut at = rules::linked_to(object, index);
        while let Some(linked) = at.filter(|l| !seen.contains(l)) {
            if self.is_marked(file, linked) {
                let (node, because) = (self.node(file, index), self.node(file, linked));
                if !self.marker.is_marked(node) {
                    self.staged.push(Staged { node, because, kind: EdgeKind::LinkOrder });
                    self.marker.add(node);
                    self.run();
                }
                return;
            }
            seen.push(linked);
            at = rules::linked_to(object, linked);
        }
    }

    fn keep_pure_group(&mut self, file: FileId, object: &Object<'_>, index: u32, because: NodeId) {
        let Some(group) = object.groups.iter().find(|g| g.section == index) else { return };
        let members = object.members(group);
        let pure = members.iter().all(|&m| rules::is_debug(object, m))
            || members.iter().all(|&m| rules::is_special(object, m));
        if pure {
            for &member in members {
                self.keep_with(self.node(file, member), because);
            }
        }
    }

    /// GS 6.6.5: fragmented debug sections go with their code.
    fn drop_fragments(&mut self, file: FileId, object: &Object<'_>) {
        let mut debug: Vec<u32> = self
            .sections(object)
            .into_iter()
            .filter(|&i| self.is_marked(file, i) && rules::is_debug(object, i))
            .collect();
        for index in self.sections(object) {
            let row = object.sections[index as usize];
            if row.flags & SHF_EXECINSTR == 0 || self.is_marked(file, index) {
                continue;
            }
            let name = object.section_name(index);
            debug.retain(|&d| {
                let own = object.section_name(d);
                let goes = own.len() > name.len() && own.ends_with(name);
                if goes {
                    self.marker.live.set(self.node(file, d).index(), false);
                }
                !goes
            });
        }
    }

    /// GS 6.6.6: marked debug sections make other debug sections live.
    fn follow_debug(&mut self, file: FileId, object: &Object<'_>) {
        let mut stack: Vec<NodeId> = self
            .sections(object)
            .into_iter()
            .filter(|&i| self.is_marked(file, i) && rules::is_debug(object, i))
            .map(|i| self.node(file, i))
            .collect();
        let (graph, program) = (self.graph, self.program);
        while let Some(node) = stack.pop() {
            let mut found = Vec::new();
            graph.for_each_edge(program, node, |target, kind| {
                let Some(section) = graph.section(target) else { return };
                if kind != EdgeKind::Group {
                    let (file, index) = program.locate(section);
                    let Content::Object(object) = &program.files[file].content else { return };
                    if !rules::is_debug(object, index) {
                        return;
                    }
                }
                found.push((target, kind));
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
    fn targets(&mut self, resolution: &Resolution) {
        match self.program.target.map_or(0, |t| t.machine) {
            EM_ARM => self.exidx(resolution),
            EM_MIPS => {
                for &file in &resolution.files {
                    let Content::Object(object) = &self.program.files[file].content else { continue };
                    for index in self.sections(object) {
                        if object.section_name(index) == b".MIPS.abiflags" {
                            let node = self.node(file, index);
                            self.keep_with(node, node);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn exidx(&mut self, resolution: &Resolution) {
        let objects = resolution.files.iter().filter_map(|&f| self.program.files[f].object());
        let mut secure = objects.into_iter().any(rules::arm::is_v8m);
        loop {
            let mut again = false;
            for &file in &resolution.files {
                let Content::Object(object) = &self.program.files[file].content else { continue };
                for index in self.sections(object) {
                    let row = object.sections[index as usize];
                    let link = object.header(index).link;
                    if row.kind == SHT_ARM_EXIDX
                        && link != 0
                        && (link as usize) < object.sections.len()
                        && self.is_marked(file, link)
                        && !self.marker.live.contains(self.node(file, index).index())
                    {
                        let (node, because) = (self.node(file, index), self.node(file, link));
                        self.staged.push(Staged { node, because, kind: EdgeKind::LinkOrder });
                        self.marker.add(node);
                        self.run();
                        again = true;
                    }
                }
                if secure {
                    self.secure_entries(file, object);
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
    fn secure_entries(&mut self, file: FileId, object: &Object<'_>) {
        let mut found = None;
        let targets = &self.graph.targets[file.idx()];
        for (symbol, &name) in (object.first_global..).zip(&self.program.files[file].names) {
            if !self.program.name(name).starts_with(rules::arm::SECURE_ENTRY) {
                continue;
            }
            let Some(&target) = targets.get(symbol as usize).filter(|&&t| t != NO_NODE) else { continue };
            let node = NodeId(target);
            found = Some(node);
            if !self.marker.is_marked(node) {
                self.staged.push(Staged { node, because: node, kind: EdgeKind::WithFile });
                self.marker.add(node);
                self.run();
            }
        }
        let Some(because) = found else { return };
        for index in self.sections(object) {
            if rules::is_debug(object, index) {
                self.keep_with(self.node(file, index), because);
            }
        }
    }

    /// A group section shares the fate of its first member (bfd `elf_gc_sweep`).
    fn group_sections(&mut self, file: FileId, object: &Object<'_>) {
        for group in &object.groups {
            let Some(&first) = object.members(group).first() else { continue };
            let live = self.is_marked(file, first);
            let node = self.node(file, group.section);
            if self.graph.class[self.program.files[file].section_id(group.section)] == Class::Node {
                self.marker.live.set(node.index(), live);
            }
        }
    }
}

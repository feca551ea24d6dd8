//! Function descriptors of 64-bit PowerPC ELFv1 (targets 6.1): `.opd`'s relocations are no edges; a
//! reference into `.opd` also reaches the code of the descriptor at that place
//! (gold `Powerpc_relobj::scan_opd_relocs`, `do_gc_add_reference`).

use std::collections::BTreeMap;

use crate::graph::{Build, EdgeKind, RootSet};
use crate::ids::{FileId, NodeId, SectionId};
use crate::load::elf::consts::EM_PPC64;
use crate::load::elf::{Object, Place};
use crate::resolve::Definition;

const R_PPC64_ADDR64: u32 = 38;

/// Code sections by `.opd` section and descriptor offset / 16.
#[derive(Default)]
pub(super) struct Descriptors {
    code: BTreeMap<SectionId, BTreeMap<u64, SectionId>>,
}

impl Descriptors {
    /// Reads all descriptors and adds the edges of references to them.
    pub(super) fn add_edges(build: &mut Build<'_, '_>) -> Self {
        let mut descriptors = Descriptors::default();
        let program = build.program;
        if program.target.is_none_or(|t| t.machine != EM_PPC64) {
            return descriptors;
        }
        let files = &build.resolution.files;
        for &file in files {
            let Some(object) = program.files[file].object() else { continue };
            let count = object.sections.len() as u32;
            if let Some(opd) = (1..count).find(|&s| object.is_named(s, b".opd")) {
                let section = program.files[file].section_id(opd);
                build.follow.set(section.idx(), false);
                let entries = read(build, file, object, opd);
                descriptors.code.insert(section, entries);
            }
        }
        if descriptors.code.is_empty() {
            return descriptors;
        }
        for &file in files {
            let input = &program.files[file];
            let Some(object) = input.object() else { continue };
            for index in 1..object.sections.len() as u32 {
                let section = input.section_id(index);
                if build.follow.contains(section.idx()) {
                    descriptors.add_section(build, file, object, index);
                }
            }
        }
        descriptors
    }

    fn add_section(&self, build: &mut Build<'_, '_>, file: FileId, object: &Object<'_>, index: u32) {
        let from = NodeId(build.program.files[file].section_id(index).0);
        for table in object.reloc_sections(index) {
            let Ok(table) = object.reloc_table(table) else { continue };
            let mut found = Vec::new();
            table.for_each(|_, reloc| {
                let target = build.targets[file.idx()].get(reloc.symbol as usize).copied();
                let Some(entries) = target.and_then(|t| self.code.get(&SectionId(t))) else { return };
                let value = symbol_value(build, file, object, reloc.symbol);
                if let Some(code) = entries.get(&(value.wrapping_add_signed(reloc.addend) >> 4)) {
                    found.push(*code);
                }
            });
            for code in found {
                build.add_edge(from, NodeId(code.0), EdgeKind::Relocation);
            }
        }
    }

    /// A root that lies in `.opd` roots its code too.
    pub(super) fn add_roots(&self, build: &Build<'_, '_>, roots: &mut RootSet) {
        if self.code.is_empty() {
            return;
        }
        for root in roots.roots.clone() {
            let Some(name) = root.name else { continue };
            let Some(entries) = self.code.get(&SectionId(root.node.0)) else { continue };
            let value = definition_value(build, build.resolution.definitions[name]);
            if let Some(code) = entries.get(&(value >> 4)) {
                roots.add(NodeId(code.0), root.kind, root.name);
            }
        }
    }
}

/// The code section of each descriptor.
fn read(build: &Build<'_, '_>, file: FileId, object: &Object<'_>, opd: u32) -> BTreeMap<u64, SectionId> {
    let input = &build.program.files[file];
    let mut entries = BTreeMap::new();
    for table in object.reloc_sections(opd) {
        let Ok(table) = object.reloc_table(table) else { continue };
        table.for_each(|_, reloc| {
            if reloc.kind != R_PPC64_ADDR64 {
                return;
            }
            let section = match object.symbol(reloc.symbol).map(|s| s.place) {
                Some(Place::Section(section)) => Some(input.section_id(section)),
                _ => None,
            };
            if let Some(section) = section {
                entries.insert(reloc.offset >> 4, section);
            }
        });
    }
    entries
}

fn symbol_value(build: &Build<'_, '_>, file: FileId, object: &Object<'_>, symbol: u32) -> u64 {
    if symbol < object.first_global {
        return object.symbol(symbol).map_or(0, |s| s.value);
    }
    let name = build.program.files[file].global_name(symbol);
    name.map_or(0, |name| definition_value(build, build.resolution.definitions[name]))
}

fn definition_value(build: &Build<'_, '_>, definition: Definition) -> u64 {
    let file = build.program.files.get(definition.file);
    let object = file.and_then(|f| f.object());
    object.and_then(|o| o.symbol(definition.symbol)).map_or(0, |s| s.value)
}

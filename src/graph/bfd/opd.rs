//! Function descriptors of 64-bit PowerPC ELFv1 in bfd (targets 6.1): `.opd`'s own relocations are
//! no edges; a reference to a descriptor marks `.opd` and reaches the code of that entry. A name
//! `.foo` and its descriptor `foo` are one function.
//!
//! In: build with targets, resolution with its pairs. Out: for each relocation or name the node it
//! reaches beside its plain target. Follows `ppc64_elf_gc_mark_hook`, `ppc64_elf_gc_keep`,
//! `opd_entry_value`, `func_desc_adjust`.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::{NameNodes, each_relocation};
use crate::graph::Build;
use crate::ids::{FileId, NameId, NodeId, SectionId};
use crate::load::elf::consts::EM_PPC64;
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;
use crate::program::Program;
use crate::resolve::bfd::opd::{self, descriptors};

/// One object's `.opd`.
struct Table {
    section: SectionId,
    /// Code section by the descriptor's offset.
    entries: BTreeMap<u64, SectionId>,
    /// The same for code named by local symbols, by offset / 16.
    local: BTreeMap<u64, SectionId>,
}

/// What references to descriptors reach.
#[derive(Default)]
pub(super) struct Descriptors {
    tables: HashMap<FileId, Table, foldhash::fast::FixedState>,
    /// Second node of a name: the code of a descriptor, or the `.opd` of a code symbol.
    beside: HashMap<NameId, NodeId, foldhash::fast::FixedState>,
}

impl Descriptors {
    /// Reads every `.opd`, gives undefined `.foo` their code, and pairs names.
    pub(super) fn read(program: &Program<'_>, build: &mut Build<'_, '_>, names: &mut NameNodes) -> Self {
        let mut out = Descriptors::default();
        if program.target.is_none_or(|t| t.machine != EM_PPC64) {
            return out;
        }
        for &file in &build.resolution.files {
            let Some(object) = program.files[file].object() else { continue };
            let Some(index) = opd::section(object) else { continue };
            let table = read_table(build, file, object, index);
            build.follow.set(table.section.idx(), false);
            out.tables.insert(file, table);
        }
        let resolution = build.resolution;
        for &(dot, name) in &resolution.code_names {
            let (Some(code), descriptor) = (names.node(dot), build.defined_section(name)) else {
                // `func_desc_adjust`: an undefined `.foo` takes the value in the descriptor.
                if let Some(code) = out.entry_of(build, name)
                    && let Some(descriptor) = build.defined_section(name)
                {
                    names.set(dot, NodeId(code.0));
                    out.beside.insert(dot, NodeId(descriptor.0));
                    out.beside.insert(name, NodeId(code.0));
                }
                continue;
            };
            if let Some(descriptor) = descriptor {
                out.beside.insert(dot, NodeId(descriptor.0));
                out.beside.insert(name, code);
            }
        }
        if !out.tables.is_empty() {
            for name in program.names.ids() {
                if !out.beside.contains_key(&name)
                    && let Some(code) = out.entry_of(build, name)
                {
                    out.beside.insert(name, NodeId(code.0));
                }
            }
        }
        out
    }

    fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.beside.is_empty()
    }

    /// The code section of the descriptor that a global name is defined as.
    fn entry_of(&self, build: &Build<'_, '_>, name: NameId) -> Option<SectionId> {
        let section = build.defined_section(name)?;
        let definition = build.resolution.definitions[name];
        let table = self.tables.get(&definition.file).filter(|t| t.section == section)?;
        let symbol = build.program.files[definition.file].object()?.symbol(definition.symbol)?;
        table.entries.get(&symbol.value).copied()
    }

    /// The node that a name's roots keep beside its own section.
    pub(super) fn beside(&self, name: NameId) -> Option<NodeId> {
        self.beside.get(&name).copied()
    }

    /// The node that a relocation reaches beside its symbol's target.
    pub(super) fn second(
        &self,
        program: &Program<'_>,
        file: FileId,
        object: &Object<'_>,
        reloc: &Reloc,
        resolve: impl Fn(FileId, u32, NameId) -> NameId,
    ) -> Option<NodeId> {
        if self.is_empty() || reloc.symbol == 0 {
            return None;
        }
        if reloc.symbol >= object.first_global {
            let name = program.files[file].global_name(reloc.symbol)?;
            return self.beside(resolve(file, reloc.symbol, name));
        }
        let table = self.tables.get(&file)?;
        let symbol = object.symbol(reloc.symbol)?;
        let Place::Section(section) = symbol.place else { return None };
        if program.files[file].section_id(section) != table.section {
            return None;
        }
        // The addend counts for local symbols only.
        let at = symbol.value.wrapping_add_signed(reloc.addend) >> 4;
        table.local.get(&at).map(|s| NodeId(s.0))
    }

    /// Adds the edges of all references.
    pub(super) fn add_edges(
        &self,
        build: &mut Build<'_, '_>,
        resolve: impl Fn(FileId, u32, NameId) -> NameId + Copy,
    ) {
        if self.is_empty() {
            return;
        }
        let (program, ignored) = (build.program, build.ignored_types.clone());
        each_relocation(build, |file, object, reloc, _| {
            if reloc.symbol >= object.first_global && ignored.contains(&reloc.kind) {
                return None;
            }
            self.second(program, file, object, &reloc, resolve)
        });
    }
}

fn read_table(build: &Build<'_, '_>, file: FileId, object: &Object<'_>, index: u32) -> Table {
    let input = &build.program.files[file];
    let (mut entries, mut local) = (BTreeMap::new(), BTreeMap::new());
    for descriptor in descriptors(object, index) {
        let raw = match object.symbol(descriptor.symbol).map(|s| s.place) {
            Some(Place::Section(section)) => Some(input.section_id(section)),
            _ => None,
        };
        if descriptor.symbol < object.first_global {
            if let Some(code) = raw {
                entries.insert(descriptor.offset, code);
                if code != input.section_id(index) {
                    local.insert(descriptor.offset >> 4, code);
                }
            }
            continue;
        }
        let Some(name) = input.global_name(descriptor.symbol) else { continue };
        let definition = build.resolution.definitions[name];
        if !definition.is_regular() {
            continue;
        }
        let own = build.defined_section(name).filter(|_| definition.file == file);
        if let Some(code) = own.or(raw) {
            entries.insert(descriptor.offset, code);
        }
    }
    Table { section: input.section_id(index), entries, local }
}

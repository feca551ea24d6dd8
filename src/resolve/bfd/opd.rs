//! 64-bit PowerPC in bfd's symbol table (targets 6.1): an undefined `.foo` of the old ABI asks for
//! the descriptor `foo`, archives included; a descriptor whose code lost COMDAT is undefined.
//!
//! In: the link while files are added. Out: fake descriptors, and the pairs `.foo`/`foo` that bfd
//! makes. Follows `ppc64_elf_before_check_relocs`, `add_symbol_adjust`, `make_fdh`,
//! `ppc64_elf_add_symbol_hook`, `ppc64_elf_archive_symbol_lookup`.

use super::Link;
use super::symbols::State;
use crate::ids::{FileId, NameId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;
use crate::plan::OutputKind;
use crate::program::Program;
use crate::resolve::merge_visibility;

const R_PPC64_ADDR64: u32 = 38;
const R_PPC64_TOC: u32 = 51;

/// The object's `.opd`: the first section of that name, if it is not empty.
pub(crate) fn section(object: &Object<'_>) -> Option<u32> {
    if object.machine != EM_PPC64 {
        return None;
    }
    let found = (1..object.sections.len() as u32).find(|&s| object.is_named(s, b".opd"));
    found.filter(|&s| object.section_size(s) != 0)
}

/// The relocations that begin a descriptor: ADDR64 with a TOC relocation behind it.
pub(crate) fn descriptors(object: &Object<'_>, opd: u32) -> Vec<Reloc> {
    let mut relocs: Vec<Reloc> = Vec::new();
    for table in object.reloc_sections(opd) {
        if let Ok(table) = object.reloc_table(table) {
            table.for_each(|_, reloc| relocs.push(reloc));
        }
    }
    let starts = relocs.windows(2).filter_map(|pair| match pair {
        [first, second] if first.kind == R_PPC64_ADDR64 && second.kind == R_PPC64_TOC => Some(*first),
        _ => None,
    });
    starts.collect()
}

/// Whether names begin with a dot as code symbols do.
pub(super) fn is_dot_name(text: &[u8]) -> bool {
    text.first() == Some(&b'.')
}

/// Whether bfd's ppc64 rules apply to the link.
pub(super) fn applies(program: &Program<'_>) -> bool {
    program.target.is_some_and(|t| t.machine == EM_PPC64)
}

impl Link<'_, '_> {
    /// Descriptors of an object whose code lies in a discarded group, by offset in `.opd`.
    pub(super) fn dead_descriptors(&self, file: FileId, object: &Object<'_>) -> Option<(u32, Vec<u64>)> {
        if self.program.plan.output_kind == OutputKind::Relocatable {
            return None;
        }
        let opd = section(object)?;
        let f = &self.program.files[file];
        let dead = |reloc: &Reloc| match object.symbol(reloc.symbol).map(|s| s.place) {
            Some(Place::Section(code)) => self.is_discarded(f.section_id(code)),
            _ => false,
        };
        Some((opd, descriptors(object, opd).iter().filter(|r| dead(r)).map(|r| r.offset).collect()))
    }

    /// After a file: what its new `.foo` names mean for `foo`.
    pub(super) fn adjust_dot_names(&mut self, abi_of: Option<&Object<'_>>) {
        if self.dot_names.is_empty() {
            return;
        }
        let names = std::mem::take(&mut self.dot_names);
        if abi_of.is_some_and(|object| self.abi(object) >= 2) {
            return;
        }
        // bfd's list is a stack.
        for dot in names.into_iter().rev() {
            self.adjust(dot);
        }
    }

    /// The ABI version of an object: from its flags, its `.opd`, its local entry points, or the
    /// output's.
    fn abi(&mut self, object: &Object<'_>) -> u32 {
        let mut abi = object.flags & 3;
        if abi == 0 {
            let entries = |i| object.symbol(i).is_some_and(|s| s.other & 0xe0 != 0);
            if section(object).is_some() {
                abi = 1;
            } else if (object.first_global..object.symbol_count()).any(entries) {
                abi = 2;
            }
        }
        if self.output_abi == 0 {
            self.output_abi = abi;
        }
        if abi == 0 { self.output_abi } else { abi }
    }

    fn adjust(&mut self, dot: NameId) {
        let program = self.program;
        let text = program.name(dot);
        if text == b".TOC." {
            return;
        }
        let Some(name) = text.get(1..).and_then(|rest| program.names.find(rest)) else { return };
        let code = *self.symbols.peek(dot);
        let undefined = matches!(code.state, State::Undefined | State::UndefinedWeak);
        if self.symbols.state(name) == State::New {
            let relocatable = program.plan.output_kind == OutputKind::Relocatable;
            if relocatable || !undefined || !code.ref_regular {
                return;
            }
            let entry = self.symbols.entry(name);
            entry.state = code.state;
            entry.file = code.file;
            entry.symbol = code.symbol;
            entry.fake = true;
            self.undefs += u64::from(code.state == State::Undefined);
        }
        self.out.code_names.push((dot, name));
        let shared = program.plan.output_kind == OutputKind::Shared;
        let entry = self.symbols.entry(name);
        let visibility = merge_visibility(entry.visibility, code.visibility);
        entry.visibility = visibility;
        entry.ref_regular |= code.ref_regular;
        entry.ref_regular_strong |= code.ref_regular_strong;
        entry.record(shared || entry.dynamic || entry.ref_dynamic);
        self.symbols.entry(dot).visibility = visibility;
    }
}

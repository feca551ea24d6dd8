//! Sections that lld throws away while it reads a file, before garbage collection sees them (GS 2):
//! SHF_EXCLUDE in a final link, stack and property notes, dependent libraries.
//!
//! Source: lld `ObjFile::initializeSections`, `createInputSection`, `ObjFile::parse`.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow, is_relocation_type};
use crate::plan::{LinkPlan, OutputKind, Version};
use crate::program::{Content, Program};

/// Names discarded whatever their type.
const NOTES: [&[u8]; 5] = [
    b".note.GNU-stack",
    b".note.gnu.property",
    b".note.GNU-split-stack",
    b".note.GNU-no-split-stack",
    b".note.gnu.build-id",
];

/// lld 14: proto-COMDAT thunks of old 32-bit C libraries.
const THUNKS: [&[u8]; 2] =
    [b".gnu.linkonce.t.__x86.get_pc_thunk.bx", b".gnu.linkonce.t.__i686.get_pc_thunk.bx"];

/// Whether lld discards a section of an object on reading (COMDAT losers apart).
pub(crate) fn discards(plan: &LinkPlan, object: &Object<'_>, section: u32, row: SectionRow) -> bool {
    let relocatable = plan.output_kind == OutputKind::Relocatable;
    if row.flags & SHF_EXCLUDE != 0 && !relocatable {
        return true;
    }
    match row.kind {
        SHT_GROUP | SHT_LLVM_DEPENDENT_LIBRARIES => return !relocatable,
        SHT_NULL | SHT_SYMTAB | SHT_STRTAB | SHT_SYMTAB_SHNDX | SHT_REL | SHT_RELA => return false,
        kind if is_relocation_type(kind) => return false,
        _ => {}
    }
    if object.name_begins(section, b".n") {
        return NOTES.contains(&object.section_name(section));
    }
    object.name_begins(section, b".gnu.linkonce.t.__")
        && plan.profile.version < Version(15, 0, 0)
        && THUNKS.contains(&object.section_name(section))
}

/// [`discards`] for every section of every object, by section id.
pub(super) fn all(program: &Program<'_>) -> FixedBitSet {
    let lists: Vec<Vec<u32>> = program
        .files
        .as_slice()
        .par_iter()
        .with_max_len(64)
        .map(|file| {
            let Content::Object(object) = &file.content else { return Vec::new() };
            let rows = object.sections.iter().enumerate().skip(1);
            rows.filter(|(index, row)| discards(program.plan, object, *index as u32, **row))
                .map(|(index, _)| file.section_base + index as u32)
                .collect()
        })
        .collect();
    let mut out = FixedBitSet::with_capacity(program.section_count as usize);
    for section in lists.into_iter().flatten() {
        out.insert(section as usize);
    }
    out
}

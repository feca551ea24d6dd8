//! What each section of an object is to mold, and which are roots by themselves (mold
//! `initialize_sections`, `split_section`, `should_keep`; GS 2, 4.1).
//!
//! In: one object in the link. Out: [`Parts`]. The order of the tests is mold's.

use super::Drift;
use crate::graph::{Class, RootKind};
use crate::ids::FileId;
use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow};
use crate::plan::Strip;
use crate::program::Program;
use crate::resolve::Resolution;

/// Attribute sections of arm and riscv.
const SHT_ATTRIBUTES: u32 = 0x7000_0003;

/// One file's sections.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// By section index: class, and whether relocations are edges.
    pub(super) classes: Vec<(Class, bool)>,
    /// Roots by name, type or flag, in section order.
    pub(super) roots: Vec<(u32, RootKind)>,
    /// `.eh_frame` sections, copies that lost included.
    pub(super) eh_frames: Vec<u32>,
}

/// The relocation sections that mold 1.10 reads on a target: REL on i386 and arm, else RELA.
pub(super) fn encoding(machine: u16) -> u32 {
    if matches!(machine, EM_386 | EM_ARM) { SHT_REL } else { SHT_RELA }
}

/// Classifies all sections of a file.
pub(super) fn of_file(program: &Program<'_>, resolution: &Resolution, file: FileId, drift: Drift) -> Parts {
    let input = &program.files[file];
    let Some(object) = input.object() else { return Parts::default() };
    let strip = program.plan.strip != Strip::None;
    let mut parts = Parts {
        classes: Vec::with_capacity(object.sections.len()),
        roots: Vec::new(),
        eh_frames: Vec::new(),
    };
    for (index, row) in (0u32..).zip(&object.sections) {
        if is_structural(row) {
            parts.classes.push((if index == 0 { Class::Absent } else { Class::Structural }, false));
            continue;
        }
        let name = object.section_name(index);
        let lost = resolution.is_lost(input.section_id(index));
        let class = match classify(object, index, row, name, strip) {
            Class::Kept if name == b".eh_frame" => {
                parts.eh_frames.push(index);
                if lost { Class::Duplicate } else { Class::Kept }
            }
            Class::Node | Class::Kept | Class::Pieces if lost => Class::Duplicate,
            class => class,
        };
        if class == Class::Node
            && let Some(kind) = root_kind(object, row, name, drift)
        {
            parts.roots.push((index, kind));
        }
        parts.classes.push((class, class == Class::Node));
    }
    parts
}

fn is_structural(row: &SectionRow) -> bool {
    matches!(
        row.kind,
        SHT_NULL
            | SHT_SYMTAB
            | SHT_STRTAB
            | SHT_REL
            | SHT_RELA
            | SHT_SYMTAB_SHNDX
            | SHT_GROUP
            | SHT_ATTRIBUTES
            | SHT_LLVM_ADDRSIG
    )
}

fn classify(object: &Object<'_>, index: u32, row: &SectionRow, name: &[u8], strip: bool) -> Class {
    if row.flags & (SHF_EXCLUDE | SHF_ALLOC) == SHF_EXCLUDE {
        return Class::Discarded;
    }
    match name {
        b".note.GNU-stack" | b".note.gnu.property" | b".note.gnu.build-id" => return Class::Structural,
        b".gnu.linkonce.t.__x86.get_pc_thunk.bx"
        | b".gnu.linkonce.t.__i686.get_pc_thunk.bx"
        | b".gnu.linkonce.d.DW.ref.__gxx_personality_v0" => return Class::Discarded,
        b".eh_frame" => return Class::Kept,
        _ => {}
    }
    if !row.is_alloc() {
        return if strip && name.starts_with(b".debug") { Class::Discarded } else { Class::Kept };
    }
    if row.flags & SHF_MERGE != 0 && is_split(object, index, row) { Class::Pieces } else { Class::Node }
}

/// GS 6.9: not empty, no relocations, and strings or an entry size.
fn is_split(object: &Object<'_>, index: u32, row: &SectionRow) -> bool {
    let header = object.header(index);
    let wanted = encoding(object.machine);
    let relocated = object.reloc_sections(index).any(|r| object.sections[r as usize].kind == wanted);
    header.size != 0 && !relocated && (row.flags & SHF_STRINGS != 0 || header.entsize != 0)
}

/// GS 4.1 (mold `should_keep`).
fn root_kind(object: &Object<'_>, row: &SectionRow, name: &[u8], drift: Drift) -> Option<RootKind> {
    if row.flags & SHF_GNU_RETAIN != 0 {
        return Some(RootKind::RetainFlag);
    }
    match row.kind {
        SHT_NOTE => return Some(RootKind::Note),
        SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY => return Some(RootKind::InitArray),
        SHT_ARM_EXIDX if object.machine == EM_ARM && !drift.exidx_edge => return Some(RootKind::Unwind),
        _ => {}
    }
    if let Some(rest) = name.strip_prefix(b".") {
        let listed = match rest.first() {
            Some(b'i') => rest.starts_with(b"init"),
            Some(b'f') => rest.starts_with(b"fini"),
            Some(b'c') => rest.starts_with(b"ctors"),
            Some(b'd') => rest.starts_with(b"dtors"),
            Some(b'g') => drift.got2 && object.machine == EM_PPC && rest == b"got2",
            _ => false,
        };
        return listed.then_some(RootKind::InitArray);
    }
    (!drift.start_stop && is_c_identifier(name)).then_some(RootKind::StartStop)
}

/// `[A-Za-z_][A-Za-z0-9_]*`
pub(super) fn is_c_identifier(name: &[u8]) -> bool {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    name.first().is_some_and(|b| !b.is_ascii_digit()) && name.iter().all(word)
}

#[cfg(test)]
mod tests {
    use super::is_c_identifier;

    #[test]
    fn identifiers() {
        for good in [&b"a"[..], b"_", b"__start1", b"Z9"] {
            assert!(is_c_identifier(good));
        }
        for bad in [&b""[..], b"1a", b".a", b"a.b", b"a-b", b"a\xc3\xa9"] {
            assert!(!is_c_identifier(bad));
        }
    }
}

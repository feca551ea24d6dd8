//! Nodes, edges and roots as gold sees them (GS 2, 4, 5, 6).
//!
//! In: program and gold's resolution. Out: graph and roots. `.eh_frame` is a source of edges that
//! is normally reached by nothing; other non-node sections have no edges. Sources: gold
//! `Sized_relobj_file::do_layout`, `gc_process_relocs`, `queue_middle_tasks`,
//! `Symbol_table::gc_mark_undef_symbols`.

mod opd;
mod roots;
mod start_stop;
mod zero;

use super::builder::section_of;
use super::{Build, Class, EdgeKind, RootSet, SectionGraph};
use crate::ids::{FileId, NodeId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow};
use crate::plan::OutputKind;
use crate::program::Program;
use crate::resolve::gold::sections::is_consumed;
use crate::resolve::{DefKind, Definition, Resolution};

/// Builds graph and roots.
pub(super) fn build<'d>(program: &Program<'d>, resolution: &Resolution) -> (SectionGraph<'d>, RootSet) {
    let mut build = Build::new(program, resolution);
    build.crel_invisible = true;
    let shared = program.plan.output_kind == OutputKind::Shared;
    build
        .classify(|file, object, index, row| classify(program, resolution, shared, file, object, index, row));
    let zeros = zero::files(program, resolution);
    let node = |definition| target(program, definition, &zeros);
    build.fill_targets(
        |section| !resolution.is_lost(section),
        |_, _, _, name| node(resolution.definitions[name]),
    );
    for &(file, symbol, definition) in &resolution.exceptions {
        if let Some(slot) = build.targets[file.idx()].get_mut(symbol as usize) {
            *slot = node(definition).map_or(super::NO_NODE, |n| n.0);
        }
    }
    add_unwind_index(&mut build);
    zero::add_edges(&mut build, &zeros);
    start_stop::add_edges(&mut build);
    let opds = opd::Descriptors::add_edges(&mut build);
    let mut roots = roots::find(&build);
    opds.add_roots(&build, &mut roots);
    (build.finish(), roots)
}

/// GS 2, and whether the section's relocations count.
fn classify(
    program: &Program<'_>,
    resolution: &Resolution,
    shared: bool,
    file: FileId,
    object: &Object<'_>,
    index: u32,
    row: SectionRow,
) -> (Class, bool) {
    let input = &program.files[file];
    if resolution.is_lost(input.section_id(index)) {
        return (Class::Duplicate, false);
    }
    if input.mode.just_symbols {
        return (Class::Structural, false);
    }
    if !row.is_alloc() {
        let class = match row.kind {
            SHT_SYMTAB | SHT_STRTAB | SHT_RELA | SHT_REL | SHT_GROUP | SHT_SYMTAB_SHNDX | SHT_CREL
            | SHT_NULL => Class::Structural,
            _ if is_consumed(object, index, row.kind, shared) => Class::Structural,
            _ if row.flags & SHF_EXCLUDE != 0 => Class::Discarded,
            _ => Class::Kept,
        };
        return (class, false);
    }
    if is_consumed(object, index, row.kind, shared) {
        return (Class::Structural, false);
    }
    let follow = reads_relocations(object, row);
    let unwind = row.kind == SHT_PROGBITS || (row.kind == SHT_X86_64_UNWIND && object.machine == EM_X86_64);
    if unwind && object.is_named(index, b".eh_frame") {
        return (Class::Kept, follow);
    }
    (Class::Node, follow)
}

/// Whether the target's gold looks at this kind of relocation section during collection
/// (`Target_*::gc_process_relocs`).
fn reads_relocations(object: &Object<'_>, row: SectionRow) -> bool {
    let Some(table) = object.sections.get(row.reloc as usize).filter(|_| row.reloc != 0) else {
        return false;
    };
    match object.machine {
        EM_X86_64 | EM_AARCH64 | EM_S390 => table.kind == SHT_RELA,
        _ => true,
    }
}

/// The node that a symbol with this meaning reaches.
fn target(program: &Program<'_>, definition: Definition, zeros: &zero::Files) -> Option<NodeId> {
    match definition.kind {
        DefKind::Strong | DefKind::Weak => section_of(program, definition).map(|s| NodeId(s.0)),
        DefKind::Undefined | DefKind::UndefinedWeak => zeros.node(program, definition.file),
        _ => None,
    }
}

/// GS 6.7: an `.ARM.exidx` section lives with the text that its `sh_link` names.
fn add_unwind_index(build: &mut Build<'_, '_>) {
    let program = build.program;
    for &file in &build.resolution.files {
        let input = &program.files[file];
        let Some(object) = input.object().filter(|o| o.machine == EM_ARM) else { continue };
        for (index, row) in object.sections.iter().enumerate() {
            if row.kind == SHT_ARM_EXIDX {
                let link = object.header(index as u32).link;
                if (link as usize) < object.sections.len() {
                    let (from, to) = (input.section_id(link), input.section_id(index as u32));
                    build.add_edge(NodeId(from.0), NodeId(to.0), EdgeKind::LinkOrder);
                }
            }
        }
    }
}

//! bfd's roots (GS 4): KEEP patterns, notes, retained sections, named symbols, dynamic symbols.

use super::{NameNodes, linked_to};
use crate::graph::{Build, Class, RootKind, RootSet};
use crate::ids::{NameId, NodeId};
use crate::load::elf::consts::*;
use crate::plan::{DemandKind, OutputKind};
use crate::program::Content;
use crate::resolve::{self, DefKind};

/// Finds all roots.
pub(super) fn find(build: &Build<'_, '_>, names: &NameNodes) -> RootSet {
    let mut roots = RootSet::default();
    named(build, names, &mut roots);
    dynamic(build, names, &mut roots);
    by_section(build, &mut roots);
    roots
}

/// GS 4.1: KEEP, notes, RETAIN, and with `-r` the array types.
fn by_section(build: &Build<'_, '_>, roots: &mut RootSet) {
    let program = build.program;
    let relocatable = program.plan.output_kind == OutputKind::Relocatable;
    let builtin = program.plan.scripts.is_empty();
    for &file in &build.resolution.files {
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { continue };
        let retains = matches!(object.osabi, ELFOSABI_GNU | ELFOSABI_FREEBSD);
        for index in 1..object.sections.len() as u32 {
            let section = f.section_id(index);
            if build.class[section] != Class::Node {
                continue;
            }
            let row = object.sections[index as usize];
            let node = NodeId(section.0);
            let name = object.section_name(index);
            if builtin && is_builtin_keep(name, relocatable) {
                let array = name.starts_with(b".init_array") || name.starts_with(b".fini_array");
                roots.add(node, if array { RootKind::InitArray } else { RootKind::Keep }, None);
            } else if row.kind == SHT_NOTE && row.group == 0 && linked_to(object, index).is_none() {
                roots.add(node, RootKind::Note, None);
            } else if retains && row.flags & SHF_GNU_RETAIN != 0 {
                roots.add(node, RootKind::RetainFlag, None);
            } else if relocatable && matches!(row.kind, SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY) {
                roots.add(node, RootKind::InitArray, None);
            }
        }
    }
}

fn is_builtin_keep(name: &[u8], relocatable: bool) -> bool {
    const BOTH: [&[u8]; 5] = [b".init", b".fini", b".eh_frame", b".jcr", b".gnu.attributes"];
    if BOTH.contains(&name) {
        return true;
    }
    if relocatable {
        return false;
    }
    const EXACT: [&[u8]; 5] = [b".preinit_array", b".init_array", b".fini_array", b".ctors", b".dtors"];
    const PREFIX: [&[u8]; 4] = [b".init_array.", b".fini_array.", b".ctors.", b".dtors."];
    EXACT.contains(&name) || PREFIX.iter().any(|p| name.starts_with(p))
}

/// GS 4.2, 4.3: entry, `-u`, EXTERN, `_init`, `_fini`. A name that only exists as `name@@V` does
/// not count (`_bfd_elf_gc_keep` does not follow versions).
fn named(build: &Build<'_, '_>, names: &NameNodes, roots: &mut RootSet) {
    let program = build.program;
    let plan = program.plan;
    let find = |text: &[u8]| program.names.find(text);
    let mut wanted: Vec<(Option<NameId>, RootKind)> = Vec::new();
    wanted.push((resolve::bfd_entry_name(program).or(Some(b"start")).and_then(find), RootKind::Entry));
    for (name, kind) in &plan.demands {
        match kind {
            DemandKind::Undefined => wanted.push((find(name), RootKind::UndefinedOption)),
            DemandKind::Require => wanted.push((find(name), RootKind::RequireDefined)),
            DemandKind::Glob => {}
        }
    }
    wanted.extend(resolve::externs(program).into_iter().map(|n| (Some(n), RootKind::Extern)));
    let init = plan.init.as_ref().map_or(&b"_init"[..], |n| n.as_slice());
    let fini = plan.fini.as_ref().map_or(&b"_fini"[..], |n| n.as_slice());
    wanted.push((find(init), RootKind::UndefinedOption));
    wanted.push((find(fini), RootKind::UndefinedOption));
    for (name, kind) in wanted {
        let Some(name) = name else { continue };
        if let Some((_, _, first)) = names.start_stop.iter().find(|(n, _, _)| *n == name) {
            roots.add(NodeId(first.0), kind, Some(name));
            continue;
        }
        if is_alias(build, name) {
            continue;
        }
        if let Some(node) = names.node(name) {
            roots.add(node, kind, Some(name));
        }
    }
}

/// Whether a name's definition was written as `name@@VERSION`.
fn is_alias(build: &Build<'_, '_>, name: NameId) -> bool {
    let definition = build.resolution.definitions[name];
    definition.is_regular()
        && build.program.files[definition.file].global_name(definition.symbol).is_some_and(|own| own != name)
}

/// GS 4.5 (bfd `bfd_elf_gc_mark_dynamic_ref_symbol`).
fn dynamic(build: &Build<'_, '_>, names: &NameNodes, roots: &mut RootSet) {
    let (program, resolution) = (build.program, build.resolution);
    let plan = program.plan;
    let dynamic_sections = match plan.output_kind {
        OutputKind::Shared | OutputKind::Pie => true,
        OutputKind::Executable => resolution.needed_libraries.count_ones(..) > 0,
        OutputKind::Relocatable => false,
    };
    if !dynamic_sections && !plan.gc_keep_exported {
        return;
    }
    let all = plan.output_kind == OutputKind::Shared || plan.gc_keep_exported || plan.export_dynamic;
    let start_stop_gc = plan.start_stop_gc == Some(true);
    for name in program.names.ids() {
        let definition = resolution.definitions[name];
        let special = names.start_stop.iter().any(|(n, _, _)| *n == name);
        if !matches!(definition.kind, DefKind::Strong | DefKind::Weak | DefKind::Common) && !special {
            continue;
        }
        if is_alias(build, name) || (special && start_stop_gc) {
            continue;
        }
        let Some(node) = names.node(name) else { continue };
        let hidden = matches!(resolution.visibility[name], STV_HIDDEN | STV_INTERNAL);
        if hidden {
            continue;
        }
        if resolution.dynamic_reference.contains(name.idx()) {
            roots.add(node, RootKind::DsoReference, Some(name));
        } else if all {
            roots.add(node, RootKind::DynamicExport, Some(name));
        }
    }
}

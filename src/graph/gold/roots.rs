//! What gold keeps without being referred to (GS 4).

use rayon::prelude::*;

use crate::graph::{Build, Class, Root, RootKind, RootSet};
use crate::ids::{NameId, NodeId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow};
use crate::plan::{DemandKind, OutputKind};
use crate::program::{Content, Program};

/// Finds all roots in the order in which gold meets them.
pub(super) fn find(build: &Build<'_, '_>) -> RootSet {
    let (program, resolution) = (build.program, build.resolution);
    let mut roots = RootSet::default();
    by_section(build, &mut roots);
    let exported = program.plan.output_kind == OutputKind::Shared || program.plan.export_dynamic;
    for &(section, name) in &resolution.early_roots {
        let library = !exported && resolution.dynamic_reference.contains(name.idx());
        let kind = if library { RootKind::DsoReference } else { RootKind::DynamicExport };
        roots.add(NodeId(section.0), kind, Some(name));
    }
    by_symbol(build, &mut roots);
    roots
}

/// GS 4.1: names, types, flags, KEEP.
fn by_section(build: &Build<'_, '_>, roots: &mut RootSet) {
    let program = build.program;
    let lists: Vec<Vec<Root>> = build
        .resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| {
            let input = &program.files[file];
            let Content::Object(object) = &input.content else { return Vec::new() };
            let mut list = Vec::new();
            for (index, row) in object.sections.iter().enumerate().skip(1) {
                let section = input.section_id(index as u32);
                if !row.is_alloc() || !matches!(build.class[section], Class::Node | Class::Kept) {
                    continue;
                }
                if let Some(kind) = reason(object, object.section_name(index as u32), *row) {
                    list.push(Root { node: NodeId(section.0), kind, name: None, keep: None });
                }
            }
            list
        })
        .collect();
    roots.roots.extend(lists.into_iter().flatten());
}

/// gold `Relobj::is_section_name_included` and the types beside it.
fn reason(object: &Object<'_>, name: &[u8], row: SectionRow) -> Option<RootKind> {
    const ARRAYS: [&[u8]; 6] = [b".ctors", b".dtors", b".init", b".fini", b".preinit_array", b".jcr"];
    const PERSONALITY: [&[u8]; 4] = [b".text", b".data", b".sdata", b".gnu.linkonce.d"];
    let starts = |prefix: &&[u8]| name.starts_with(prefix);
    let holds = |part: &[u8]| name.windows(part.len()).any(|w| w == part);
    if name.starts_with(b".") {
        if name.starts_with(b".note") {
            return Some(RootKind::Note);
        }
        if ARRAYS.iter().any(starts) {
            return Some(RootKind::InitArray);
        }
        if name.starts_with(b".gcc_except_table")
            || (PERSONALITY.iter().any(starts) && holds(b"personality"))
            || (name.starts_with(b".rodata") && holds(b"nptl_version"))
        {
            return Some(RootKind::Keep);
        }
    }
    if matches!(row.kind, SHT_INIT_ARRAY | SHT_FINI_ARRAY) {
        return Some(RootKind::InitArray);
    }
    let retains = matches!(object.osabi, ELFOSABI_GNU | ELFOSABI_FREEBSD);
    (retains && row.flags & SHF_GNU_RETAIN != 0).then_some(RootKind::RetainFlag)
}

/// GS 4.2, 4.3: entry, init, fini, `-u`, `--export-dynamic-symbol`.
fn by_symbol(build: &Build<'_, '_>, roots: &mut RootSet) {
    let program = build.program;
    let plan = program.plan;
    let mut add = |name: &[u8], kind: RootKind| {
        let Some(id) = plain_name(program, name) else { return };
        if let Some(section) = build.defined_section(id) {
            roots.add(NodeId(section.0), kind, Some(id));
        }
    };
    let mips = program.target.is_some_and(|t| t.machine == EM_MIPS);
    let default: &[u8] = if mips { b"__start" } else { b"_start" };
    add(plan.entry.as_ref().map_or(default, |e| e.as_slice()), RootKind::Entry);
    add(plan.init.as_ref().map_or(b"_init", |e| e.as_slice()), RootKind::UndefinedOption);
    add(plan.fini.as_ref().map_or(b"_fini", |e| e.as_slice()), RootKind::UndefinedOption);
    for (name, kind) in &plan.demands {
        if *kind == DemandKind::Undefined {
            add(name, RootKind::UndefinedOption);
        }
    }
    for name in &plan.export_dynamic_symbols {
        add(name, RootKind::DynamicExport);
    }
}

/// A name that gold looks up without version.
fn plain_name(program: &Program<'_>, name: &[u8]) -> Option<NameId> {
    if name.contains(&b'@') { None } else { program.names.find(name) }
}

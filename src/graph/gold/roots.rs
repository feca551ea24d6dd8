//! What gold keeps without being referred to (GS 4).

use hashbrown::HashMap;
use rayon::prelude::*;

use crate::graph::{Build, Class, Root, RootKind, RootSet};
use crate::ids::{NameId, NodeId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow};
use crate::plan::{DemandKind, OutputKind};
use crate::program::{Content, Program};
use crate::resolve::gold::options::entry_name;
use crate::script::filematch::FileName;
use crate::script::keep::{KeepTable, NameMatches};

/// Finds all roots in the order in which gold meets them.
pub(super) fn find(build: &Build<'_, '_>) -> RootSet {
    let (program, resolution) = (build.program, build.resolution);
    let mut roots = RootSet::default();
    by_section(build, &mut roots);
    by_script(build, &mut roots);
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
                if let Some(kind) = reason(object, index as u32, *row) {
                    list.push(Root { node: NodeId(section.0), kind, name: None, keep: None });
                }
            }
            list
        })
        .collect();
    roots.roots.extend(lists.into_iter().flatten());
}

/// GS 9.1: a section is a root if the first description that matches it, in all scripts, stands in
/// KEEP and not in `/DISCARD/` (gold `Layout::keep_input_section`).
fn by_script(build: &Build<'_, '_>, roots: &mut RootSet) {
    let program = build.program;
    // Patterns that do not compile were refused when the script was read.
    let tables: Vec<(u32, KeepTable)> = (0u32..)
        .zip(program.scripts)
        .filter_map(|(number, file)| Some((number, KeepTable::new(&file.script).ok()?)))
        .collect();
    if !tables.iter().any(|(_, table)| table.any_keep()) {
        return;
    }
    let starts = program.script_starts();
    let mut by_name: HashMap<&[u8], Vec<NameMatches>, foldhash::fast::FixedState> = HashMap::default();
    for &file in &build.resolution.files {
        let input = &program.files[file];
        let name = match (input.archive, input.nested, input.joined) {
            (None, ..) => FileName::plain(input.path),
            (Some(_), Some(nested), _) => FileName::member(input.path, nested),
            (Some(_), None, Some(joined)) => FileName::thin(input.path, input.member, joined),
            (Some(_), None, None) => FileName::member(input.path, input.member),
        };
        let mut states: Vec<_> = tables.iter().map(|(_, table)| table.file(name)).collect();
        for index in 1..input.section_count() {
            let section = input.section_id(index);
            let unwind = build.class[section] == Class::Kept && build.follow.contains(section.idx());
            if build.class[section] != Class::Node && !unwind {
                continue;
            }
            let name = program.section_name(section);
            let matches = by_name
                .entry(name)
                .or_insert_with(|| tables.iter().map(|(_, table)| table.matches(name)).collect());
            let added =
                tables.iter().zip(&mut states).zip(matches.iter()).find_map(|((table, state), names)| {
                    let id = table.1.keeps_only().then(|| table.1.keeps(state, names, 0)).flatten()?;
                    Some((table.0, id.0))
                });
            if added.is_some() {
                roots.roots.push(Root {
                    node: NodeId(section.0),
                    kind: RootKind::Keep,
                    name: None,
                    keep: added,
                });
                continue;
            }
            let found =
                tables.iter().zip(&mut states).zip(matches.iter()).find_map(|((table, state), names)| {
                    if starts.get(table.0 as usize).is_some_and(|start| file < *start) {
                        return None;
                    }
                    // A KEEP that a question adds stands before all others.
                    if table.1.keeps_only() {
                        return None;
                    }
                    let id = table.1.places(state, names, 0)?;
                    Some((table.0, id, table.1.get(id)?))
                });
            if let Some((number, id, description)) = found
                && description.keep
                && !description.discard
            {
                let keep = Some((number, id.0));
                roots.roots.push(Root { node: NodeId(section.0), kind: RootKind::Keep, name: None, keep });
            }
        }
    }
}

/// gold `Relobj::is_section_name_included` and the types beside it.
fn reason(object: &Object<'_>, section: u32, row: SectionRow) -> Option<RootKind> {
    const ARRAYS: [&[u8]; 6] = [b".ctors", b".dtors", b".init", b".fini", b".preinit_array", b".jcr"];
    const PERSONALITY: [&[u8]; 4] = [b".text", b".data", b".sdata", b".gnu.linkonce.d"];
    let starts = |prefix: &[u8]| object.name_begins(section, prefix);
    let holds = |part: &[u8]| memchr::memmem::find(object.section_name(section), part).is_some();
    if starts(b".note") {
        return Some(RootKind::Note);
    }
    if ARRAYS.iter().any(|prefix| starts(prefix)) {
        return Some(RootKind::InitArray);
    }
    if starts(b".gcc_except_table")
        || (PERSONALITY.iter().any(|prefix| starts(prefix)) && holds(b"personality"))
        || (starts(b".rodata") && holds(b"nptl_version"))
    {
        return Some(RootKind::Keep);
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
    add(entry_name(program), RootKind::Entry);
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
    for &name in &build.resolution.script_references {
        add(program.name(name), RootKind::ScriptReference);
    }
}

/// A name that gold looks up without version.
fn plain_name(program: &Program<'_>, name: &[u8]) -> Option<NameId> {
    if name.contains(&b'@') { None } else { program.names.find(name) }
}

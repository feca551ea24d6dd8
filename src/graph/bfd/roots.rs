//! bfd's roots (GS 4): KEEP patterns, notes, retained sections, named symbols, dynamic symbols.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::opd::Descriptors;
use super::{NameNodes, linked_to};
use crate::demangle;
use crate::graph::{Build, Class, ExtraNode, Root, RootKind, RootSet};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{HeadFilter, Object};
use crate::plan::{DemandKind, OutputKind};
use crate::program::{Content, Program};
use crate::resolve::{self, DefKind};
use crate::script::builtin::builtin;
use crate::script::glob::Pattern;
use crate::script::keep::{KeepTable, NameMatches};
use crate::script::versionmatch::{Scope, VersionMatcher};

/// Finds all roots.
pub(super) fn find(build: &Build<'_, '_>, names: &NameNodes, descriptors: &Descriptors) -> RootSet {
    let mut roots = RootSet::default();
    named(build, names, &mut roots);
    dynamic(build, names, &mut roots);
    // ppc64: with a descriptor its code (`ppc64_elf_gc_keep`, `ppc64_elf_gc_mark_dynamic_ref`).
    for root in roots.roots.clone() {
        let name = root.name.filter(|&name| !build.program.name(name).starts_with(b"."));
        if let Some(node) = name.and_then(|name| descriptors.beside(name)) {
            roots.add(node, root.kind, root.name);
        }
    }
    // Flagged like others, but the sections of a file given for its symbols are never walked.
    roots.roots.retain(|root| {
        let section = (root.node.index() < build.class.len()).then_some(SectionId(root.node.0));
        section.is_none_or(|s| !build.program.files[build.program.locate(s).0].mode.just_symbols)
    });
    by_section(build, &mut roots);
    roots
}

/// GS 4.1: KEEP, notes, RETAIN, and with `-r` the array types.
fn by_section(build: &Build<'_, '_>, roots: &mut RootSet) {
    let program = build.program;
    let relocatable = program.plan.output_kind == OutputKind::Relocatable;
    let own_script = resolve::has_own_script(program);
    let keeps = BuiltinKeeps::new(&builtin(resolve::emulation(program), relocatable).keeps);
    by_script(build, roots);
    let one = |file: FileId| -> Vec<(NodeId, RootKind)> {
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return Vec::new() };
        let retains = matches!(object.osabi, ELFOSABI_GNU | ELFOSABI_FREEBSD);
        let mut found = Vec::new();
        for index in 1..object.sections.len() as u32 {
            let section = f.section_id(index);
            if build.class[section] != Class::Node {
                continue;
            }
            let row = object.sections[index as usize];
            let node = NodeId(section.0);
            if !own_script && keeps.matches(object, index) {
                let array =
                    object.name_begins(index, b".init_array") || object.name_begins(index, b".fini_array");
                found.push((node, if array { RootKind::InitArray } else { RootKind::Keep }));
            } else if row.kind == SHT_NOTE && row.group == 0 && linked_to(object, index).is_none() {
                found.push((node, RootKind::Note));
            } else if retains && row.flags & SHF_GNU_RETAIN != 0 {
                found.push((node, RootKind::RetainFlag));
            } else if relocatable && matches!(row.kind, SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY) {
                found.push((node, RootKind::InitArray));
            }
        }
        found
    };
    let found: Vec<Vec<(NodeId, RootKind)>> =
        build.resolution.files.par_iter().with_min_len(16).map(|&file| one(file)).collect();
    for (node, kind) in found.into_iter().flatten() {
        roots.add(node, kind, None);
    }
}

/// The KEEP patterns of the built-in script: literal, or with `.*` behind.
struct BuiltinKeeps<'k> {
    patterns: Vec<(HeadFilter, &'k [u8], bool)>,
}

impl<'k> BuiltinKeeps<'k> {
    fn new(keeps: &[&'k str]) -> Self {
        let pattern = |keep: &&'k str| match keep.strip_suffix('*') {
            Some(front) => (HeadFilter::begins(front.as_bytes()), front.as_bytes(), true),
            None => (HeadFilter::is(keep.as_bytes()), keep.as_bytes(), false),
        };
        BuiltinKeeps { patterns: keeps.iter().map(pattern).collect() }
    }

    fn matches(&self, object: &Object<'_>, section: u32) -> bool {
        let head = object.head(section);
        self.patterns.iter().filter(|(filter, ..)| filter.passes(head)).any(|&(_, text, open)| {
            if open { object.name_begins(section, text) } else { object.is_named(section, text) }
        })
    }
}

/// KEEP on `COMMON` (or `.scommon`) keeps an object's commons.
fn keep_commons(build: &Build<'_, '_>, script: u32, table: &KeepTable, roots: &mut RootSet) {
    for (offset, node) in build.extra_nodes.iter().enumerate() {
        let ExtraNode::CommonsOf { file, small, .. } = *node else { continue };
        let matches = table.matches(if small { b".scommon" } else { b"COMMON" });
        let mut state = table.file(build.program.pattern_name(file));
        let flags = u64::from(SHF_ALLOC | SHF_WRITE);
        if let Some(description) = table.keeps(&mut state, &matches, flags) {
            let node = NodeId::from_usize(build.class.len() + offset);
            roots.roots.push(Root {
                node,
                kind: RootKind::Keep,
                name: None,
                keep: Some((script, description.0)),
            });
        }
    }
}

/// GS 9.1: any KEEP description of any script that matches, wherever it stands.
fn by_script(build: &Build<'_, '_>, roots: &mut RootSet) {
    let program = build.program;
    for (number, file) in program.scripts.iter().enumerate() {
        // Patterns that do not compile were refused when the script was read.
        let Ok(table) = KeepTable::new(&file.script) else { continue };
        if !table.any_keep() {
            continue;
        }
        keep_commons(build, number as u32, &table, roots);
        let files = &build.resolution.files;
        let chunk = files.len().div_ceil(4 * rayon::current_num_threads()).max(16);
        let found: Vec<Vec<Root>> =
            files.par_chunks(chunk).map(|files| kept(build, number as u32, &table, files)).collect();
        roots.roots.extend(found.into_iter().flatten());
    }
}

/// What the KEEPs of one script keep in some files.
fn kept(build: &Build<'_, '_>, script: u32, table: &KeepTable, files: &[FileId]) -> Vec<Root> {
    let program = build.program;
    let mut found = Vec::new();
    let mut by_name: HashMap<&[u8], NameMatches, foldhash::fast::FixedState> = HashMap::default();
    for &id in files {
        let f = &program.files[id];
        let mut state = table.file(program.pattern_name(id));
        let Content::Object(object) = &f.content else { continue };
        for index in 1..object.sections.len() as u32 {
            let section = f.section_id(index);
            if build.class[section] != Class::Node {
                continue;
            }
            let name = object.section_name(index);
            let matches = by_name.entry(name).or_insert_with(|| table.matches(name));
            if matches.is_empty() {
                continue;
            }
            let flags = u64::from(object.sections[index as usize].flags);
            if let Some(description) = table.keeps(&mut state, matches, flags) {
                found.push(Root {
                    node: NodeId(section.0),
                    kind: RootKind::Keep,
                    name: None,
                    keep: Some((script, description.0)),
                });
            }
        }
    }
    found
}

/// GS 4.2, 4.3: entry, `-u`, EXTERN, `_init`, `_fini`. A name that only exists as `name@@V` does
/// not count (`_bfd_elf_gc_keep` does not follow versions).
fn named(build: &Build<'_, '_>, names: &NameNodes, roots: &mut RootSet) {
    let program = build.program;
    let plan = program.plan;
    let find = |text: &[u8]| program.names.find(text);
    let mut wanted: Vec<(Option<NameId>, RootKind)> = Vec::new();
    wanted.push((resolve::bfd_entry_name(program).or(Some(b"start")).and_then(find), RootKind::Entry));
    // The entry known when inputs were opened was demanded like `-u`; a later ENTRY comes on top.
    if matches!(plan.output_kind, OutputKind::Executable | OutputKind::Pie) || plan.entry.is_some() {
        wanted.push((resolve::bfd_parse_entry(program).and_then(find), RootKind::Entry));
    }
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
    let lists = DynamicLists::new(program);
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
        if resolution.dynamic_reference.contains(name.idx()) {
            roots.add(node, RootKind::DsoReference, Some(name));
            continue;
        }
        if matches!(resolution.visibility[name], STV_HIDDEN | STV_INTERNAL) {
            continue;
        }
        let text = program.name(name);
        let local = |versions: &VersionMatcher| {
            versions.classify(text, demangle::cxx(text).as_deref()).is_some_and(|c| c.scope == Scope::Local)
        };
        // `x@V` and `x@@V` are never hidden by a version script.
        let hidden = !text.contains(&b'@') && program.controls.versions.as_ref().is_some_and(local);
        if !hidden && (all || lists.matches(text)) {
            roots.add(node, RootKind::DynamicExport, Some(name));
        }
    }
}

/// `--dynamic-list` and, for executables, `--export-dynamic-symbol[-list]` (ld `lexsup.c`).
struct DynamicLists<'p> {
    lists: Vec<&'p VersionMatcher>,
    patterns: Vec<Pattern>,
}

impl<'p> DynamicLists<'p> {
    fn new(program: &Program<'p>) -> Self {
        let controls = program.controls;
        let lists = controls.dynamic_list.iter().chain(&controls.export_list).collect();
        let symbols = &program.plan.export_dynamic_symbols;
        let patterns = symbols.iter().map(|text| Pattern::gold(text)).collect();
        DynamicLists { lists, patterns }
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.patterns.iter().any(|p| p.matches(name))
            || self.lists.iter().any(|l| l.classify(name, demangle::cxx(name).as_deref()).is_some())
    }
}

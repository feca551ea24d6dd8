//! What GNU ld refuses after collection: references of kept sections to undefined or discarded
//! symbols, undefined names in scripts, options that demand a definition, `-r` without a root.
//!
//! Follows bfd `elf_link_input_bfd`, `elf_link_output_extsym`, ld `lang_end`, `ldexp.c` in its
//! final phase. A link without undefined names costs nothing here.

mod pic;
mod provided;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{FileId, NameId, NodeId, SectionId};
use crate::load::elf::consts::{self, EM_386, EM_X86_64, STV_DEFAULT};
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;
use crate::plan::{DemandKind, OutputKind};
use crate::program::{Content, Half, Program};
use crate::query::Analysis;
use crate::resolve::{self, DefKind};
use crate::script::keep::KeepTable;
use crate::script::walk::{self, StepKind};

fn error(subject: String, message: String) -> Diagnostic {
    Diagnostic::new(Severity::Error, subject, message)
}

/// All reasons, in file order.
pub(super) fn refusals(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let program = &analysis.program;
    let plan = program.plan;
    let mut out = Vec::new();
    if analysis.resolution.stopped {
        return out;
    }
    inputs(analysis, &mut out);
    static_first(analysis, &mut out);
    version_tags(analysis, &mut out);
    demanded(analysis, &mut out);
    if plan.output_kind == OutputKind::Relocatable {
        if plan.gc_sections == Some(true) && !plan.gc_keep_exported && !has_root(analysis) {
            let message =
                "--gc-sections with -r needs a root: name a defined symbol with -e or -u".to_string();
            out.push(error(String::new(), message));
        }
        return out;
    }
    script_names(analysis, &mut out);
    let bad = undefined_names(analysis);
    if bad.count_ones(..) > 0 {
        references(analysis, &bad, &mut out);
        libraries(analysis, &bad, &mut out);
    }
    discarded(analysis, &mut out);
    pic::refusals(analysis, &mut out);
    out
}

/// Members that cannot be added although they are taken; code that link order must describe.
fn inputs(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    for file in program.file_ids() {
        if !analysis.resolution.is_in_link(file) {
            continue;
        }
        match &program.files[file].content {
            // The plugin takes it; only we could not read it.
            Content::Opaque(_) if half(program, file) == Some(Half::Intermediate) => {}
            Content::Opaque(_) => {
                out.push(error(program.label(file), "file not recognized or in wrong format".to_string()));
            }
            Content::Object(object) if program.plan.gc_sections == Some(true) => {
                for index in 1..object.sections.len() as u32 {
                    if object.is_named(index, b"__patchable_function_entries")
                        && crate::graph::bfd::linked_to(object, index).is_none()
                    {
                        let message =
                            "__patchable_function_entries needs a linked-to section for --gc-sections";
                        out.push(error(program.label(file), message.to_string()));
                    }
                }
            }
            _ => {}
        }
    }
}

/// bfd `_bfd_x86_elf_link_setup_gnu_properties`: on x86 `-static` before all inputs forbids shared
/// libraries for good, unless the line says something of a dynamic linker.
fn static_first(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    let plan = program.plan;
    let x86 = program.target.is_some_and(|t| matches!(t.machine, EM_386 | EM_X86_64));
    let executable = matches!(plan.output_kind, OutputKind::Executable | OutputKind::Pie);
    if !x86 || !executable || !plan.static_first || plan.dynamic_linker.is_some() {
        return;
    }
    for file in program.file_ids() {
        let shared = matches!(program.files[file].content, Content::Shared(_));
        if shared && program.files[file].archive.is_none() && !program.needed.contains(&file) {
            out.push(error(program.label(file), "attempted static link of dynamic object".to_string()));
        }
    }
}

fn half(program: &Program<'_>, file: FileId) -> Option<Half> {
    program.files[file].intermediate.as_ref().map(|i| i.half)
}

fn is_defined(analysis: &Analysis<'_>, name: NameId) -> bool {
    !matches!(
        analysis.resolution.definitions[name].kind,
        DefKind::Unknown | DefKind::Undefined | DefKind::UndefinedWeak
    )
}

/// Version nodes of all scripts share one name space (ld `lang_register_vers_node`).
fn version_tags(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let tags = &analysis.program.controls.version_tags;
    for (at, tag) in tags.iter().enumerate() {
        let earlier = tags.get(..at).unwrap_or_default();
        if earlier.contains(tag) {
            out.push(error(String::new(), format!("duplicate version tag {tag:?}")));
        }
    }
}

fn demanded(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    for (text, kind) in &program.plan.demands {
        if *kind == DemandKind::Require && !program.names.find(text).is_some_and(|n| is_defined(analysis, n))
        {
            out.push(error(String::new(), format!("required symbol `{text}' not defined")));
        }
    }
}

/// ld `lang_end`: one of the entry, `-u` and EXTERN names must be defined.
fn has_root(analysis: &Analysis<'_>) -> bool {
    let program = &analysis.program;
    let plan = program.plan;
    let entry = plan.entry.as_ref().map(|e| e.as_slice()).or_else(|| resolve::bfd_entry_name(program));
    let entry = entry.unwrap_or(b"start");
    let named = plan.demands.iter().map(|(name, _)| name.as_slice());
    let hooks = [plan.init.as_ref(), plan.fini.as_ref()];
    let hooks = hooks.into_iter().zip([&b"_init"[..], b"_fini"]).map(|(n, d)| n.map_or(d, |n| n.as_slice()));
    let mut all = std::iter::once(entry).chain(named).chain(hooks).filter_map(|n| program.names.find(n));
    let regular =
        |n: NameId| matches!(analysis.resolution.definitions[n].kind, DefKind::Strong | DefKind::Weak);
    all.any(regular) || resolve::externs(program).into_iter().any(regular)
}

/// Names in assignments and `--defsym` must have a value in the end.
fn script_names(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    for &name in &analysis.resolution.asked_by_script {
        if !is_defined(analysis, name) && !is_provided(analysis, program.name(name)) {
            let text = String::from_utf8_lossy(program.name(name));
            out.push(error(String::new(), format!("undefined symbol `{text}' referenced in expression")));
        }
    }
    for file in program.scripts {
        for step in walk::steps(&file.script) {
            let value = match step.kind {
                StepKind::Assert(assert) => &assert.value,
                StepKind::Data(_, value) => value,
                _ => continue,
            };
            for text in value.symbols_referenced() {
                let Some(name) = program.names.find(text) else { continue };
                if !is_defined(analysis, name) && !is_provided(analysis, text) {
                    out.push(error(
                        String::new(),
                        format!("undefined symbol `{text}' referenced in expression"),
                    ));
                }
            }
        }
    }
}

fn is_provided(analysis: &Analysis<'_>, name: &[u8]) -> bool {
    let program = &analysis.program;
    let kind = program.plan.output_kind;
    let dynamic = matches!(kind, OutputKind::Shared | OutputKind::Pie)
        || analysis.resolution.needed_libraries.count_ones(..) > 0;
    provided::is_provided(program, name, dynamic)
}

/// Names whose use in a kept section is an error.
fn undefined_names(analysis: &Analysis<'_>) -> FixedBitSet {
    let program = &analysis.program;
    let resolution = &analysis.resolution;
    let plan = program.plan;
    let misplaced = misplaced_start_stop(analysis);
    // A PROVIDE that came too late for marking still defines its name in the end.
    let steps = program.scripts.iter().flat_map(|s| walk::steps(&s.script));
    let assigned: Vec<&[u8]> = steps
        .filter_map(|step| match step.kind {
            StepKind::Assign(assignment) => Some(assignment.name.text.as_slice()),
            _ => None,
        })
        .collect();
    let mut bad = FixedBitSet::with_capacity(program.names.len());
    for name in program.names.ids() {
        let defined_by_linker = resolution.start_stop.iter().any(|(n, _)| *n == name);
        let undefined = match resolution.definitions[name].kind {
            DefKind::Undefined => !defined_by_linker || misplaced.contains(&name),
            // A weak reference to nothing is none.
            DefKind::UndefinedWeak => false,
            _ => misplaced.contains(&name),
        };
        if undefined {
            let text = program.name(name);
            let ignored = plan.ignored_unresolved.iter().any(|n| n == text);
            if !ignored && !is_provided(analysis, text) && !assigned.contains(&text) {
                bad.insert(name.idx());
            }
        }
    }
    bad
}

/// GS 6.5: a start/stop name is undefined in the end if no section X went to an output section X.
fn misplaced_start_stop(analysis: &Analysis<'_>) -> Vec<NameId> {
    let program = &analysis.program;
    // Without collected tables the built-in script places every X where it belongs.
    let collected = program.plan.start_stop_gc == Some(true);
    if analysis.resolution.start_stop.is_empty() || !(collected || resolve::has_own_script(program)) {
        return Vec::new();
    }
    let tables: Vec<KeepTable> =
        program.scripts.iter().filter_map(|s| KeepTable::new(&s.script).ok()).collect();
    let in_place = |section: SectionId| {
        if !analysis.liveness.is_live(NodeId(section.0)) || analysis.resolution.is_lost(section) {
            return false;
        }
        let (file, index) = program.locate(section);
        let f = &program.files[file];
        let name = f.object().map_or(&b""[..], |o| o.section_name(index));
        let flags = f.object().map_or(0, |o| u64::from(o.sections[index as usize].flags));
        for table in &tables {
            let mut state = table.file(program.pattern_name(file));
            let matches = table.matches(name);
            if let Some(id) = table.places(&mut state, &matches, flags) {
                return table.get(id).is_some_and(|d| d.output == name);
            }
        }
        true
    };
    let names = analysis.resolution.start_stop.iter();
    names.filter(|(_, sections)| !sections.iter().any(|s| in_place(*s))).map(|(name, _)| *name).collect()
}

/// Whether a section goes into the output.
fn is_kept(analysis: &Analysis<'_>, section: SectionId) -> bool {
    let graph = &analysis.graph;
    match graph.class[section] {
        Class::Node => {
            (analysis.program.plan.gc_sections == Some(false) || analysis.liveness.is_live(NodeId(section.0)))
                && !analysis.resolution.is_lost(section)
        }
        Class::Kept => true,
        _ => false,
    }
}

/// What `look` finds in the relocations of the kept sections that `wanted` names, in file order. `suspects`: the
/// only symbols of a file that it need look at.
fn in_references<T: Send>(
    analysis: &Analysis<'_>,
    wanted: impl Fn(FileId, &Object<'_>, u32) -> bool + Sync,
    suspects: impl Fn(FileId, &Object<'_>) -> Option<FixedBitSet> + Sync,
    look: impl Fn(FileId, &Object<'_>, u32, &Reloc) -> Option<T> + Sync,
) -> Vec<T> {
    let program = &analysis.program;
    let of_file = |&file: &FileId| {
        let mut found = Vec::new();
        let Content::Object(object) = &program.files[file].content else { return found };
        let suspects = suspects(file, object);
        if suspects.as_ref().is_some_and(FixedBitSet::is_clear) {
            return found;
        }
        for index in 1..object.sections.len() as u32 {
            if object.sections[index as usize].reloc == 0
                || !is_kept(analysis, program.files[file].section_id(index))
                || !wanted(file, object, index)
            {
                continue;
            }
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                match &suspects {
                    None => table.for_each(|_, reloc| found.extend(look(file, object, index, &reloc))),
                    Some(suspects) => table.for_each(|_, reloc| {
                        if suspects.contains(reloc.symbol as usize) {
                            found.extend(look(file, object, index, &reloc));
                        }
                    }),
                }
            }
        }
        found
    };
    let lists: Vec<Vec<T>> = analysis.resolution.files.par_iter().with_min_len(8).map(of_file).collect();
    lists.into_iter().flatten().collect()
}

fn references(analysis: &Analysis<'_>, bad: &FixedBitSet, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    let plan = program.plan;
    let default = plan.output_kind != OutputKind::Shared;
    let reports = plan.undefined_is_error.unwrap_or(default) && !plan.warn_unresolved;
    let used = |file: FileId, object: &Object<'_>, section: u32, reloc: &Reloc| {
        let symbol = reloc.symbol;
        if symbol < object.first_global {
            return None;
        }
        let name = program.files[file].global_name(symbol)?;
        let name = match object.symbol(symbol).map(|s| s.place) {
            Some(Place::Undefined) => analysis.resolution.wraps.by_first(name),
            _ => name,
        };
        // Whatever the options say, what is not of default visibility must be defined here.
        let protected = analysis.resolution.start_stop.iter().any(|(n, _)| *n == name);
        let wanted = reports || protected || analysis.resolution.visibility[name] != STV_DEFAULT;
        (wanted && bad.contains(name.idx())).then_some((name, file, section))
    };
    let suspects = |file: FileId, object: &Object<'_>| {
        // What `--wrap` sends elsewhere is not told by names alone.
        if !analysis.resolution.wraps.is_empty() {
            return None;
        }
        let mut out = FixedBitSet::with_capacity(object.symbol_count() as usize);
        let names = (object.first_global as usize..).zip(&program.files[file].names);
        out.extend(names.filter(|(_, name)| bad.contains(name.idx())).map(|(symbol, _)| symbol));
        Some(out)
    };
    let mut seen = FixedBitSet::with_capacity(program.names.len());
    for (name, file, section) in in_references(analysis, |_, _, _| true, suspects, used) {
        if !seen.put(name.idx()) {
            let text = String::from_utf8_lossy(program.name(name)).into_owned();
            let section = program.files[file].section_id(section);
            let from = String::from_utf8_lossy(program.section_name(section)).into_owned();
            let subject = format!("{}:({from})", program.label(file));
            out.push(error(subject, format!("undefined reference to `{text}'")).about(program.name(name)));
        }
    }
}

/// `elf_link_output_extsym`: undefined names of shared libraries, in executables. A library whose
/// own dependencies are not in the link is given the benefit of the doubt: ld would look into them.
fn libraries(analysis: &Analysis<'_>, bad: &FixedBitSet, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    let plan = program.plan;
    let executable = matches!(plan.output_kind, OutputKind::Executable | OutputKind::Pie);
    if !plan.shlib_undefined_is_error.unwrap_or(executable) || plan.warn_unresolved {
        return;
    }
    let libraries: Vec<FileId> =
        program.file_ids().filter(|f| analysis.resolution.needed_libraries.contains(f.idx())).collect();
    let base = |path: &[u8]| path.rsplit(|&b| b == b'/').next().unwrap_or(path).to_vec();
    let known: Vec<Vec<u8>> = libraries
        .iter()
        .filter_map(|&f| {
            let library = program.files[f].shared()?;
            Some(library.soname.map_or_else(|| base(program.files[f].path), <[u8]>::to_vec))
        })
        .collect();
    for &file in &libraries {
        let f = &program.files[file];
        let Some(library) = f.shared() else { continue };
        if library.needed.iter().any(|needed| !known.iter().any(|k| k == needed)) {
            continue;
        }
        for (symbol, &name) in library.symbols.iter().zip(&f.names) {
            if !symbol.defined && !symbol.weak && symbol.version.is_none() && bad.contains(name.idx()) {
                let text = String::from_utf8_lossy(symbol.name).into_owned();
                let message = format!("undefined reference to `{text}'");
                out.push(error(program.label(file), message).about(symbol.name));
            }
        }
    }
}

/// Local references of kept sections into COMDAT losers, and global ones into excluded sections.
fn discarded(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    let resolution = &analysis.resolution;
    let gone =
        |section: SectionId| resolution.is_lost(section) || analysis.graph.class[section] == Class::Discarded;
    let mut concerned = FixedBitSet::with_capacity(program.files.len());
    for &file in &resolution.files {
        concerned.set(file.idx(), program.sections_of(file).any(gone));
    }
    if concerned.is_clear() {
        return;
    }
    let found = in_references(
        analysis,
        |_, object, section| !may_refer_to_discarded(object, section),
        |file, object| {
            let mut out = FixedBitSet::with_capacity(object.symbol_count() as usize);
            if concerned.contains(file.idx()) {
                let base = program.files[file].section_base;
                let of_gone = |&symbol: &u32| match object.symbol(symbol).map(|s| s.place) {
                    Some(Place::Section(section)) => gone(SectionId(base + section)),
                    _ => false,
                };
                out.extend((1..object.first_global).filter(of_gone).map(|symbol| symbol as usize));
            }
            Some(out)
        },
        |file, object, section, reloc| {
            let symbol = reloc.symbol;
            if symbol == 0 || symbol >= object.first_global {
                return None;
            }
            let Place::Section(target) = object.symbol(symbol)?.place else { return None };
            let target = program.files[file].section_id(target);
            gone(target).then_some((file, section, target))
        },
    );
    let mut last = None;
    for (file, section, target) in found {
        if last.replace(file) == Some(file) {
            continue;
        }
        let section = program.files[file].section_id(section);
        let from = String::from_utf8_lossy(program.section_name(section)).into_owned();
        let to = String::from_utf8_lossy(program.section_name(target)).into_owned();
        let subject = format!("{}:({from})", program.label(file));
        out.push(error(subject, format!("refers to discarded section `{to}'")));
    }
}

/// bfd `_bfd_elf_default_action_discarded` and its kin: sections whose references to what is gone are no error.
fn may_refer_to_discarded(object: &Object<'_>, section: u32) -> bool {
    if crate::graph::bfd::is_debug(object, section) {
        return true;
    }
    let name = object.section_name(section);
    matches!(name, b".eh_frame" | b".gcc_except_table" | b".sframe" | b".stab" | b".pdr")
        || name.starts_with(b".gcc_except_table.")
        || match object.machine {
            consts::EM_PPC64 => matches!(name, b".opd" | b".toc" | b".toc1"),
            consts::EM_PPC => matches!(name, b".fixup" | b".got2"),
            // hppa
            15 => name == b".PARISC.unwind",
            _ => false,
        }
}

//! mold's errors after collection: duplicate definitions in live sections, undefined symbols that
//! live sections refer to, and what it cannot digest at all (mold `check_duplicate_symbols`,
//! `scan_relocations`, `record_undef_error`).

mod provided;
mod scan;

use std::collections::{BTreeMap, BTreeSet};

use bstr::BString;
use rayon::prelude::*;

use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::eh_frame::{self, AtTerminator, NO_CIE};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::load::merge;
use crate::plan::OutputKind;
use crate::query::Analysis;
use crate::resolve::DefKind;
use crate::script::{Dialect, parse_dynamic_list, parse_version_script};

/// All reasons, in file order.
pub(super) fn refusals(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    broken_lists(analysis, &mut out);
    broken_sections(analysis, &mut out);
    // What follows are errors that --noinhibit-exec turns into warnings.
    if analysis.program.plan.output_kind == OutputKind::Relocatable || analysis.program.plan.noinhibit_exec {
        return out;
    }
    if !analysis.program.plan.allow_multiple_definition {
        duplicates(analysis, &mut out);
    }
    if !analysis.program.plan.warn_unresolved {
        undefined(analysis, &mut out);
    }
    scan::refusals(analysis, &mut out);
    out
}

fn error(subject: String, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Severity::Error, subject, message)
}

/// Version scripts and lists that do not parse.
fn broken_lists(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let plan = analysis.program.plan;
    for file in &plan.version_scripts {
        if let Err(why) = parse_version_script(&file.path, file.text.clone(), Dialect::Mold) {
            out.push(error(file.path.display().to_string(), why.to_string()));
        }
    }
    for file in plan.dynamic_lists.iter().chain(&plan.export_dynamic_symbol_lists) {
        if let Err(why) = parse_dynamic_list(&file.path, file.text.clone(), Dialect::Mold) {
            out.push(error(file.path.display().to_string(), why.to_string()));
        }
    }
}

/// Mergeable sections and unwind data that mold cannot take apart.
fn broken_sections(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    out.extend(by_file(analysis, |file, object, out| {
        let program = &analysis.program;
        for (index, row) in (1u32..).zip(object.sections.iter().skip(1)) {
            let id = program.files[file].section_id(index);
            let class = analysis.graph.class[id];
            let reason = match class {
                Class::Pieces => object.section_data(index).and_then(|data| {
                    let strings = row.flags & SHF_STRINGS != 0;
                    merge::split(data, object.header(index).entsize, strings).err().map(str::to_string)
                }),
                Class::Kept if row.is_alloc() && object.is_named(index, b".eh_frame") => {
                    broken_unwind(object, index)
                }
                _ => None,
            };
            if let Some(reason) = reason {
                let section = BString::from(object.section_name(index));
                out.push(error(format!("{}:({section})", program.label(file)), reason));
            }
        }
    }));
}

/// What `look` finds in each object of the link, in file order.
fn by_file<T: Send>(
    analysis: &Analysis<'_>,
    look: impl Fn(FileId, &Object<'_>, &mut Vec<T>) + Sync,
) -> impl Iterator<Item = T> {
    let of_file = |&file: &FileId| {
        let mut found = Vec::new();
        if let Some(object) = analysis.program.files[file].object() {
            look(file, object, &mut found);
        }
        found
    };
    let lists: Vec<Vec<T>> = analysis.resolution.files.par_iter().with_max_len(16).map(of_file).collect();
    lists.into_iter().flatten()
}

fn broken_unwind(object: &Object<'_>, section: u32) -> Option<String> {
    let frame = match eh_frame::read(object, section, AtTerminator::Stop) {
        Ok(frame) => frame,
        Err(reason) => return Some(reason),
    };
    for record in frame.records.iter().filter(|r| !r.is_cie) {
        let Some(first) = frame.relocs_of(record).first() else { continue };
        if first.symbol == 0 {
            continue;
        }
        if first.offset != record.offset + 8 {
            return Some("FDE's first relocation should have offset 8".into());
        }
        if record.cie == NO_CIE {
            return Some("bad FDE pointer".into());
        }
        if !matches!(object.symbol(first.symbol).map(|s| s.place), Some(Place::Section(_))) {
            return Some("an FDE describes a symbol that its object does not define (mold crashes)".into());
        }
    }
    None
}

/// Strong definitions in live sections whose name belongs to another file.
fn duplicates(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let (program, resolution) = (&analysis.program, &analysis.resolution);
    out.extend(by_file(analysis, |file, object, out| {
        let input = &program.files[file];
        for (symbol, &name) in (object.first_global..).zip(&input.names) {
            let winner = resolution.definitions[name];
            if winner.file == file || !winner.is_regular() {
                continue;
            }
            let Some(entry) = object.symbol(symbol) else { break };
            let alive = match entry.place {
                Place::Absolute => true,
                Place::Section(section) => {
                    let id = input.section_id(section);
                    match analysis.graph.class[id] {
                        Class::Node => analysis.liveness.is_live(NodeId(id.0)),
                        Class::Kept => !object.is_named(section, b".eh_frame"),
                        _ => false,
                    }
                }
                Place::Undefined | Place::Common => false,
            };
            if alive && entry.bind != STB_WEAK {
                let name = BString::from(program.name(name));
                let other = program.label(winner.file);
                out.push(error(program.label(file), format!("duplicate symbol: {other}: {name}")));
            }
        }
    }));
}

/// Undefined names that live sections refer to.
fn undefined(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let (program, resolution) = (&analysis.program, &analysis.resolution);
    let plan = program.plan;
    let shared = plan.output_kind == OutputKind::Shared;
    if plan.undefined_is_error == Some(false) {
        return;
    }
    let wraps = &resolution.wraps;
    let missing = |name: NameId| match resolution.definitions[name].kind {
        DefKind::Undefined | DefKind::UndefinedWeak | DefKind::Unknown => {
            let hidden = matches!(resolution.visibility[name], STV_HIDDEN | STV_INTERNAL);
            !shared || hidden || plan.undefined_is_error == Some(true)
        }
        // A library's definition does not satisfy a reference that wants it here.
        DefKind::Shared => resolution.visibility[name] != STV_DEFAULT,
        _ => false,
    };
    let any = program
        .names
        .ids()
        .any(|name| missing(name) && resolution.definitions[name].kind != DefKind::Unknown);
    // A `--wrap` may send references to a name that nothing mentions.
    if !any && wraps.is_empty() {
        return;
    }
    let bounds = live_identifiers(analysis);
    let given = |text: &[u8]| {
        let table = text.strip_prefix(b"__start_").or_else(|| text.strip_prefix(b"__stop_"));
        // Calls for thread-local addresses are relaxed away in executables.
        let relaxed = !shared && matches!(text, b"__tls_get_addr" | b"___tls_get_addr");
        relaxed
            || provided::is_provided(program, text)
            || table.is_some_and(|t| bounds.contains(t))
            || names_library_version(analysis, text)
    };
    let mut found: BTreeMap<NameId, FileId> = BTreeMap::new();
    for &file in &resolution.files {
        let input = &program.files[file];
        let Some(object) = input.object() else { continue };
        // Which of the file's symbols are missing.
        let mut wanted: BTreeMap<u32, NameId> = BTreeMap::new();
        for (symbol, &name) in (object.first_global..).zip(&input.names) {
            if wraps.is_empty() && !missing(name) {
                continue;
            }
            let Some(entry) = object.symbol(symbol) else { break };
            if entry.place != Place::Undefined {
                continue;
            }
            let name = wraps
                .iter()
                .find_map(|w| if w.real == name { Some(w.name) } else { None })
                .or_else(|| wraps.iter().find(|w| w.name == name).map(|w| w.wrapper))
                .unwrap_or(name);
            let weak = entry.bind == STB_WEAK && resolution.definitions[name].kind != DefKind::Shared;
            if !weak && missing(name) && !found.contains_key(&name) && !given(program.name(name)) {
                wanted.insert(symbol, name);
            }
        }
        if wanted.is_empty() {
            continue;
        }
        for section in program.sections_of(file) {
            let follows = analysis.graph.follow.contains(section.idx());
            let row = object.sections.get((section.0 - input.section_base) as usize);
            // Sections that are not allocated are relocated too, whatever lives.
            let plain = analysis.graph.class[section] == Class::Kept && row.is_some_and(|r| !r.is_alloc());
            if plain || (follows && analysis.liveness.is_live(NodeId(section.0))) {
                references(analysis, object, input.section_base, section, |symbol| {
                    if let Some(&name) = wanted.get(&symbol) {
                        found.entry(name).or_insert(file);
                    }
                });
            }
        }
    }
    let mut found: Vec<(FileId, NameId)> = found.into_iter().map(|(name, file)| (file, name)).collect();
    found.sort();
    for (file, name) in found {
        let text = BString::from(program.name(name));
        out.push(error(program.label(file), format!("undefined symbol: {text}")).about(program.name(name)));
    }
}

/// Symbols of a section's relocations, `R_*_NONE` aside.
fn references(
    analysis: &Analysis<'_>,
    object: &Object<'_>,
    base: u32,
    section: SectionId,
    mut f: impl FnMut(u32),
) {
    let only = analysis.graph.only_encoding;
    for number in object.reloc_sections(section.0 - base) {
        if only.is_some_and(|kind| object.sections[number as usize].kind != kind) {
            continue;
        }
        let Ok(table) = object.reloc_table(number) else { continue };
        table.for_each(|_, reloc| {
            if reloc.kind != 0 {
                f(reloc.symbol);
            }
        });
    }
}

/// Names of live alloc sections that are C identifiers: mold defines their bounds.
fn live_identifiers<'d>(analysis: &Analysis<'d>) -> BTreeSet<&'d [u8]> {
    let program = &analysis.program;
    let mut out = BTreeSet::new();
    for number in 0..analysis.graph.class.len() {
        let section = SectionId::from_usize(number);
        let stays = match analysis.graph.class[section] {
            Class::Node => analysis.liveness.is_live(NodeId(section.0)),
            Class::Pieces => true,
            _ => false,
        };
        let (file, index) = program.locate(section);
        let dotted = program.files[file].object().is_some_and(|o| o.name_begins(index, b"."));
        if stays && !dotted {
            let name = program.section_name(section);
            let letter = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
            if name.iter().all(letter) && name.first().is_some_and(|b| !b.is_ascii_digit()) {
                out.insert(name);
            }
        }
    }
    out
}

/// `foo@V` where a library of the link has `foo` with default version V.
fn names_library_version(analysis: &Analysis<'_>, text: &[u8]) -> bool {
    let program = &analysis.program;
    let Some(at) = text.iter().position(|&b| b == b'@') else { return false };
    let Some(base) = program.names.find(&text[..at]) else { return false };
    let definition = analysis.resolution.definitions[base];
    if definition.kind != DefKind::Shared {
        return false;
    }
    let library = program.files[definition.file].shared();
    let symbol = library.and_then(|l| l.symbols.get(definition.symbol as usize));
    symbol.is_some_and(|s| s.version == Some(&text[at + 1..]))
}

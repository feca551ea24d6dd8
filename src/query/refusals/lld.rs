//! lld's errors after garbage collection: undefined symbols and, from lld 15 on, symbols of dropped
//! sections that live allocated sections and live unwind records refer to; references of shared
//! libraries that nothing satisfies.
//!
//! In: a finished analysis. Out: one diagnostic per name. Sources: lld `Relocations.cpp`
//! (`RelocationScanner::scanOne`, `maybeReportUndefined`), `Writer.cpp` (`demoteSymbols...`,
//! `addStartStopSymbols`, `finalizeSections`).

mod provided;
mod references;
mod scan;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{NameId, NodeId};
use crate::plan::{OutputKind, Version};
use crate::query::{Analysis, place};
use crate::resolve::DefKind;
use crate::script::CommandKind;
use crate::script::filematch::FileName;
use crate::script::keep::KeepTable;
use crate::script::walk;
use bstr::BStr;

/// All reasons.
pub(super) fn refusals(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let plan = analysis.program.plan;
    let early = analysis.resolution.diagnostics.iter().any(|d| d.severity == Severity::Error);
    if early || plan.output_kind == OutputKind::Relocatable {
        return Vec::new();
    }
    if plan.noinhibit_exec {
        // Only undefined symbols and their like become warnings (`errorOrWarn`).
        let mut out = Vec::new();
        inserts(analysis, &mut out);
        script_names(analysis, &mut out);
        return out;
    }
    let mut out = Vec::new();
    references::refusals(analysis, bounds(analysis), &mut out);
    if !plan.warn_unresolved {
        libraries(analysis, &mut out);
    }
    inserts(analysis, &mut out);
    script_names(analysis, &mut out);
    scan::refusals(analysis, &mut out);
    out
}

/// Names in expressions must have a value (`LinkerScript::getSymbolValue`).
fn script_names(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let Analysis { program, resolution, .. } = analysis;
    // lld 14's references count the right sides of all PROVIDEs; only those in effect are evaluated.
    let takes_effect = |name: &BStr| {
        let id = program.names.find(name);
        id.is_some_and(|id| resolution.definitions[id].kind == DefKind::Assigned)
    };
    let fourteen = program.plan.profile.version < Version(15, 0, 0);
    let evaluated: Option<BTreeSet<NameId>> = fourteen.then(|| {
        let of_scripts = program.scripts.iter().flat_map(|s| walk::references(&s.script));
        let of_scripts = of_scripts.filter(|r| r.provided.is_none_or(takes_effect)).map(|r| r.symbol);
        let of_options = program.controls.defsyms.iter().flat_map(|e| e.symbols_referenced());
        of_scripts.chain(of_options).filter_map(|name| program.names.find(name)).collect()
    });
    for &name in &resolution.script_references {
        if evaluated.as_ref().is_some_and(|names| !names.contains(&name)) {
            continue;
        }
        // `getSymbolValue` knows only what has a value; that of a library's symbol is not known.
        let missing = matches!(
            resolution.definitions[name].kind,
            DefKind::Undefined | DefKind::UndefinedWeak | DefKind::Unknown | DefKind::Shared
        );
        let text = program.name(name);
        let bound = text.starts_with(b"__start_") || text.starts_with(b"__stop_");
        if missing && !bound && !provided::is_provided(&analysis.program, text) {
            let message = format!("symbol not found: {}", String::from_utf8_lossy(text));
            out.push(Diagnostic::new(Severity::Error, String::new(), message));
        }
    }
}

/// INSERT needs its anchor: an output section that a script declares or that something live makes.
/// Output sections that lld makes itself count as there.
fn inserts(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let Analysis { program, resolution, graph, liveness, .. } = analysis;
    let mut placement = None;
    for script in program.scripts {
        let commands = &script.script.commands;
        for (number, command) in commands.iter().enumerate() {
            let CommandKind::Insert { section, .. } = &command.kind else { continue };
            let anchor = section.text.as_slice();
            let synthetic =
                [&b".dyn"[..], b".got", b".plt", b".rel", b".gnu", b".hash", b".interp", b".eh_frame"];
            let own = number.checked_sub(1).and_then(|before| commands.get(before)).map(|c| &c.kind);
            let inserts_something = !matches!(own, Some(CommandKind::Sections(body)) if body.is_empty());
            let declarations = program
                .scripts
                .iter()
                .flat_map(|s| walk::output_sections(&s.script))
                .filter(|placed| placed.section.name.text == *anchor)
                .count();
            let inserted = match own {
                Some(CommandKind::Sections(body)) => body
                    .iter()
                    .filter(|c| matches!(&c.kind, CommandKind::OutputSection(s) if s.name.text == *anchor))
                    .count(),
                _ => 0,
            };
            // What is inserted is taken out first, so it is no anchor of its own.
            if declarations > 0 && declarations == inserted {
                let message = format!("unable to insert beside {}: inserted itself", section.text);
                out.push(Diagnostic::new(Severity::Error, script.shown.to_string(), message));
                continue;
            }
            let declared = declarations > 0;
            if declared || !inserts_something || synthetic.iter().any(|prefix| anchor.starts_with(prefix)) {
                continue;
            }
            let placement = placement.get_or_insert_with(|| place::place(analysis));
            let found = (anchor == b".bss" && !resolution.commons.is_empty())
                || resolution.files.iter().flat_map(|&file| program.sections_of(file)).any(|section| {
                    let live = match graph.class[section] {
                        Class::Kept => true,
                        Class::Node | Class::Pieces => liveness.is_live(NodeId(section.0)),
                        _ => false,
                    };
                    live && placement.output_of(section).is_some_and(|name| name == anchor)
                });
            if !found {
                let message = format!("unable to insert beside {}: no such output section", section.text);
                out.push(Diagnostic::new(Severity::Error, script.shown.to_string(), message));
            }
        }
    }
}

fn is_c_identifier(name: &[u8]) -> bool {
    name.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_')
        && name.first().is_some_and(|b| !b.is_ascii_digit())
}

/// Names of output sections that get bounds: C identifiers with something live in them, after
/// placement by scripts.
fn bounds<'d>(analysis: &Analysis<'d>) -> BTreeSet<&'d [u8]> {
    let Analysis { program, resolution, graph, liveness, .. } = analysis;
    let mut out = BTreeSet::new();
    // Only names that something asks for are worth the search.
    let wanted = program.names.ids().any(|name| {
        let text = program.name(name);
        resolution.definitions[name].kind == DefKind::Undefined
            && (text.starts_with(b"__start_") || text.starts_with(b"__stop_"))
    });
    if !wanted {
        return out;
    }
    let tables: Vec<KeepTable> =
        program.scripts.iter().filter_map(|file| KeepTable::new(&file.script).ok()).collect();
    let mut asked: BTreeMap<&[u8], &'d [u8]> = BTreeMap::new();
    for name in program.names.ids() {
        let text = program.name(name);
        let bound = text.strip_prefix(b"__start_").or_else(|| text.strip_prefix(b"__stop_"));
        if let Some(bound) = bound.filter(|bound| is_c_identifier(bound)) {
            asked.insert(bound, bound);
        }
    }
    for &file in &resolution.files {
        let f = &program.files[file];
        let name = match (f.archive, f.joined) {
            (None, _) => FileName::plain(f.path),
            (Some(_), Some(joined)) => FileName::thin(f.path, f.member, joined),
            (Some(_), None) => FileName::member(f.path, f.member),
        };
        let mut states: Vec<_> = tables.iter().map(|table| table.file(name)).collect();
        for section in program.sections_of(file) {
            let class = graph.class[section];
            let live = class == Class::Kept
                || (matches!(class, Class::Node | Class::Pieces)
                    && (program.plan.gc_sections != Some(true) || liveness.is_live(NodeId(section.0))));
            if !live {
                continue;
            }
            let text = program.section_name(section);
            let row = f.object().and_then(|o| o.sections.get((section.0 - f.section_base) as usize));
            let flags = row.map_or(0, |row| u64::from(row.flags));
            let placed = tables.iter().zip(&mut states).find_map(|(table, state)| {
                let names = table.matches(text);
                table.get(table.places(state, &names, flags)?)
            });
            let output = match placed {
                Some(description) if description.discard => continue,
                Some(description) => description.output.as_slice(),
                None => text,
            };
            out.extend(asked.get(output).copied());
        }
    }
    out
}

/// `--no-allow-shlib-undefined`, the default for executables: a library all of whose own needs are
/// in the link refers to a symbol that nothing defines.
fn libraries(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let Analysis { program, resolution, .. } = analysis;
    let plan = program.plan;
    if !plan.shlib_undefined_is_error.unwrap_or(plan.output_kind != OutputKind::Shared) {
        return;
    }
    let shared = || {
        program.file_ids().filter(|&file| resolution.is_in_link(file)).filter_map(|file| {
            let f = &program.files[file];
            f.shared().map(|library| (file, f, library))
        })
    };
    let fourteen = plan.profile.version < Version(15, 0, 0);
    let names: BTreeSet<&[u8]> = shared().map(|(_, f, library)| library.soname.unwrap_or(f.path)).collect();
    let mut defined: BTreeSet<&[u8]> = BTreeSet::new();
    for (_, _, library) in shared() {
        defined.extend(library.symbols.iter().filter(|s| s.defined).map(|s| s.name));
    }
    for (file, f, library) in shared() {
        if !library.needed.iter().all(|needed| names.contains(needed)) {
            continue;
        }
        for (symbol, &name) in library.symbols.iter().zip(&f.names) {
            if symbol.defined || symbol.weak || defined.contains(symbol.name) {
                continue;
            }
            let kind = resolution.definitions[name].kind;
            let missing = matches!(kind, DefKind::Undefined | DefKind::Unknown);
            // From lld 15 on: defined in an object, and not exported from there.
            let regular = matches!(kind, DefKind::Weak | DefKind::Strong | DefKind::Common);
            let inaccessible = regular && !fourteen && !resolution.exported.contains(name.idx());
            let unsatisfied = missing && !provided::is_provided(program, symbol.name);
            if unsatisfied || (inaccessible && symbol.version.is_none()) {
                let message = format!("undefined reference: {}", String::from_utf8_lossy(symbol.name));
                let subject = program.label(file);
                out.push(Diagnostic::new(Severity::Error, subject, message).about(symbol.name));
            }
        }
    }
}

//! From gold's symbol table to the common [`Resolution`].

use std::collections::BTreeSet;

use bstr::BStr;

use super::Resolver;
use super::provided::is_provided;
use super::table::{ABSOLUTE, COMMON, DYNAMIC, Entry, IN_DYNAMIC, SymbolTable, UNDEFINED, WEAK};
use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, Id, NameId};
use crate::plan::OutputKind;
use crate::program::Program;
use crate::resolve::{DefKind, Definition, Resolution, WinningCommon, Wraps};

/// Fills in the finished tables.
pub(super) fn finish(resolver: Resolver<'_, '_>) -> Resolution {
    let wraps = Wraps::of(resolver.program);
    let Resolver { program, table, mut resolution, libraries, odd, expressions, .. } = resolver;
    for number in 0..program.names.len() {
        let name = NameId::from_usize(number);
        if let Some(at) = table.lookup(name) {
            let entry = &table.entries[at as usize];
            resolution.definitions[name] = definition(entry);
            resolution.visibility[name] = entry.visibility;
            if entry.is(IN_DYNAMIC) {
                resolution.dynamic_reference.insert(number);
            }
        }
    }
    for (file, symbol, at) in odd {
        let entry = &table.entries[table.follow(at) as usize];
        let own = definition(entry);
        let Some(literal) = program.files[file].global_name(symbol) else { continue };
        let named = resolution.definitions[literal];
        if named.kind == DefKind::Unknown {
            resolution.definitions[literal] = own;
            resolution.visibility[literal] = entry.visibility;
        } else if named != own {
            resolution.exceptions.push((file, symbol, own));
        }
    }
    resolution.exceptions.sort_unstable_by_key(|&(file, symbol, _)| (file, symbol));
    let mut seen = vec![false; table.entries.len()];
    for &at in &table.commons {
        let at = table.follow(at);
        let entry = &table.entries[at as usize];
        if entry.is(COMMON) && !entry.is(DYNAMIC) && !std::mem::replace(&mut seen[at as usize], true) {
            resolution.commons.push(WinningCommon {
                name: entry.name,
                file: entry.file,
                symbol: entry.symbol,
                size: entry.size,
            });
        }
    }
    for &file in &libraries {
        if !table.as_needed.contains(file.idx()) || table.needed.contains(file.idx()) {
            resolution.needed_libraries.insert(file.idx());
        }
    }
    resolution.wraps = wraps;
    resolution.script_names = expressions.defined();
    for name in expressions.needed() {
        let defined = !matches!(
            resolution.definitions[name].kind,
            DefKind::Unknown | DefKind::Undefined | DefKind::UndefinedWeak
        );
        let text = program.name(name);
        if !defined && !resolution.script_names.contains(name.idx()) && !is_provided(program, text, true) {
            let message = format!("undefined symbol '{}' referenced in expression", BStr::new(text));
            resolution.diagnostics.push(Diagnostic::new(Severity::Error, "", message));
        }
    }
    check_libraries(program, &table, &libraries, &mut resolution);
    resolution.script_references = expressions.referenced().collect();
    resolution.early_roots = table.early_roots;
    // gold `queue_middle_tasks`.
    if program.plan.is_static && !libraries.is_empty() {
        let message = "cannot mix -static with a shared library";
        resolution.diagnostics.push(Diagnostic::new(Severity::Error, "", message));
    }
    // GS 8: gold gives up in `do_layout` (an assertion about relocation sections in two passes).
    let plan = program.plan;
    let has_relocs = |file: &FileId| {
        program.files[*file].object().is_some_and(|object| object.sections.iter().any(|s| s.reloc != 0))
    };
    if plan.emit_relocs && plan.gc_sections == Some(true) && resolution.files.iter().any(has_relocs) {
        let message = "internal error: --emit-relocs with --gc-sections";
        resolution.diagnostics.push(Diagnostic::new(Severity::Error, "", message));
        resolution.stopped = true;
    }
    resolution.diagnostics.extend(table.diagnostics);
    resolution
}

/// gold `warn_about_undefined_dynobj_symbol`: what a shared library needs must be there, if all
/// libraries that it names are part of the link.
fn check_libraries(
    program: &Program<'_>,
    table: &SymbolTable<'_, '_>,
    libraries: &[FileId],
    resolution: &mut Resolution,
) {
    let plan = program.plan;
    if !plan.shlib_undefined_is_error.unwrap_or(plan.output_kind != OutputKind::Shared) {
        return;
    }
    let soname = |file: FileId| {
        let input = &program.files[file];
        input.shared().and_then(|library| library.soname).unwrap_or(input.path)
    };
    let known: BTreeSet<&[u8]> = libraries.iter().map(|&file| soname(file)).collect();
    let complete = |file: FileId| {
        program.files[file].shared().is_some_and(|library| library.needed.iter().all(|n| known.contains(n)))
    };
    let system = |path: &[u8]| {
        const FOLDERS: [&[u8]; 4] = [b"/lib", b"/usr/lib", b"/lib64", b"/usr/lib64"];
        FOLDERS.iter().any(|f| path.strip_prefix(*f).is_some_and(|rest| rest.first() == Some(&b'/')))
    };
    for entry in &table.entries {
        if !entry.is_present() || !entry.is(DYNAMIC) || !entry.is(UNDEFINED) || entry.is(WEAK) {
            continue;
        }
        let text = program.name(entry.name);
        let path = program.files[entry.file].path;
        if resolution.script_names.contains(entry.name.idx())
            || is_provided(program, text, true)
            || system(path)
            || !complete(entry.file)
        {
            continue;
        }
        let message = format!("undefined reference to '{}'", BStr::new(text));
        let subject = BStr::new(path).to_string();
        resolution.diagnostics.push(Diagnostic::new(Severity::Error, subject, message).about(text));
    }
}

fn definition(entry: &Entry) -> Definition {
    let weak = entry.is(WEAK);
    let kind = if entry.is(UNDEFINED) {
        if weak { DefKind::UndefinedWeak } else { DefKind::Undefined }
    } else if entry.is(DYNAMIC) {
        DefKind::Shared
    } else if entry.is(COMMON) {
        DefKind::Common
    } else {
        debug_assert!(entry.section != 0 || entry.is(ABSOLUTE));
        if weak { DefKind::Weak } else { DefKind::Strong }
    };
    Definition { kind, file: entry.file, symbol: entry.symbol }
}

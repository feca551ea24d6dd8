//! Which definitions lld puts into the dynamic symbol table (GS 4.5): `--exclude-libs`,
//! `--export-dynamic-symbol`, dynamic lists, version scripts.
//!
//! In: the resolved rows. Out: their [`flag`] bits. Sources: lld `excludeLibs`,
//! `SymbolTable::scanVersionScript`, `handleDynamicList`.

use std::collections::BTreeSet;

use bstr::ByteSlice;
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use rayon::prelude::*;

use super::parse::Reader;
use super::symbols::{Kind, Row, flag};
use crate::demangle;
use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, Id, NameId};
use crate::plan::{OutputKind, Version};
use crate::program::Content;
use crate::script::glob::{Pattern, PatternSet};
use crate::script::version::Language;
use crate::script::versionmatch::{Scope, VersionMatcher};

/// Sets the bits.
pub(super) fn assign_versions(reader: &mut Reader<'_, '_>) {
    if !reader.is_relocatable() {
        let program = reader.program;
        if let Some(versions) = &program.controls.versions {
            undefined_versions(reader, versions);
            let local = |name: &[u8], demangled: Option<&str>| {
                versions.classify(name, demangled).is_some_and(|class| class.scope == Scope::Local)
            };
            // A wildcard passes over names that carry a version.
            let unversioned = |reader: &Reader<'_, '_>, name: NameId| !has_version(reader, name);
            set(reader, flag::LOCAL, versions.needs_demangling(), &unversioned, &local);
        }
        dynamic_list(reader);
    }
    exclude_libs(reader);
    if reader.program.plan.output_kind == OutputKind::Shared {
        unknown_versions(reader);
    }
}

/// A definition `foo@V` of a shared library needs a version script with V, unless it is local
/// (`Symbol::parseSymbolVersion`).
fn unknown_versions(reader: &mut Reader<'_, '_>) {
    let program = reader.program;
    let tags: HashSet<&[u8], FixedState> =
        program.controls.version_tags.iter().map(|t| t.as_slice()).collect();
    let mut unknown = Vec::new();
    for name in program.names.ids() {
        let text = program.name(name);
        let Some(at) = text.iter().position(|&b| b == b'@') else { continue };
        let version = text.get(at + 1..).unwrap_or_default();
        let version = version.strip_prefix(b"@").unwrap_or(version);
        let key = reader.canonical(name);
        let row = reader.symbols.row(key);
        let shown = reader.suffixed.get(&key.0).copied().unwrap_or(key) == name;
        let local = row.has(flag::LOCAL);
        if version.is_empty() || row.kind != Kind::Defined || local || !shown || !row.has(flag::INSERTED) {
            continue;
        }
        if !tags.contains(version) {
            unknown.push((row.file, String::from_utf8_lossy(text).into_owned()));
        }
    }
    for (file, text) in unknown {
        let subject =
            program.files.get(FileId(file)).map_or_else(String::new, |_| program.label(FileId(file)));
        let message = format!("symbol {text} has an undefined version");
        reader.diagnostics.push(Diagnostic::new(Severity::Error, subject, message));
    }
}

/// A version script that names symbols which are not defined is an error, from lld 16 on by
/// default (`--no-undefined-version`; `SymbolTable::assignExactVersion`).
fn undefined_versions(reader: &mut Reader<'_, '_>, versions: &VersionMatcher) {
    let plan = reader.program.plan;
    let allowed = plan.undefined_version.unwrap_or(plan.profile.version < Version(16, 0, 0));
    if allowed || plan.noinhibit_exec {
        return;
    }
    let this = &*reader;
    let demangled: BTreeSet<String> = if versions.needs_demangling() {
        let rows = 0..this.symbols.rows().len();
        rows.into_par_iter()
            .with_min_len(1024)
            .map(NameId::from_usize)
            .filter(|&name| can_be_versioned(this.symbols.row(name)))
            .map(|name| {
                let text = this.program.name(name);
                demangle::cxx(text).unwrap_or_else(|| String::from_utf8_lossy(text).into_owned())
            })
            .collect()
    } else {
        BTreeSet::new()
    };
    // Every text that stands before an `@` of a definition's name.
    let versioned: HashSet<&[u8], FixedState> = if this.names_versions() {
        let names = this.program.names.ids().filter(|&name| can_be_versioned(this.symbols.row(name)));
        let texts = names.map(|name| this.program.name(name));
        texts.flat_map(|text| text.find_iter(b"@").map(move |at| &text[..at])).collect()
    } else {
        HashSet::default()
    };
    let mut missing = Vec::new();
    for (text, language, _) in versions.exact_patterns() {
        let found = match language {
            Language::C => {
                let name = this.find(text);
                name.is_some_and(|name| can_be_versioned(this.symbols.row(name)))
                    || versioned.contains(text.as_slice())
            }
            _ => demangled.contains(&*text.to_string()),
        };
        if !found {
            missing.push(text.to_string());
        }
    }
    for text in missing {
        let message = format!("version script names symbol {text}, which is not defined");
        reader.diagnostics.push(Diagnostic::new(Severity::Error, "", message));
    }
}

/// The row's name carries a version.
fn has_version(reader: &Reader<'_, '_>, name: NameId) -> bool {
    reader.suffixed.contains_key(&name.0) || reader.program.name(name).contains(&b'@')
}

/// A version script or dynamic list means definitions only (`canBeVersioned`).
fn can_be_versioned(row: Row) -> bool {
    !matches!(row.kind, Kind::Placeholder | Kind::Undefined | Kind::Shared)
}

/// Sets a bit on every definition that `eligible` admits and `matches` names.
fn set(
    reader: &mut Reader<'_, '_>,
    bit: u8,
    demangles: bool,
    eligible: &(dyn Fn(&Reader<'_, '_>, NameId) -> bool + Sync),
    matches: &(dyn Fn(&[u8], Option<&str>) -> bool + Sync),
) {
    let this = &*reader;
    let found: Vec<NameId> = (0..this.symbols.rows().len())
        .into_par_iter()
        .with_min_len(1024)
        .map(NameId::from_usize)
        .filter(|&name| can_be_versioned(this.symbols.row(name)) && eligible(this, name))
        .filter(|&name| {
            let text = this.program.name(name);
            let stem = text.split(|&b| b == b'@').next().unwrap_or(text);
            let demangled = if demangles { demangle::cxx(stem) } else { None };
            matches(stem, demangled.as_deref())
        })
        .collect();
    for name in found {
        reader.symbols.row_mut(name).flags |= bit;
    }
}

/// `--export-dynamic-symbol`, `--export-dynamic-symbol-list`, `--dynamic-list`.
fn dynamic_list(reader: &mut Reader<'_, '_>) {
    let program = reader.program;
    let mut patterns = PatternSet::new();
    for pattern in
        program.plan.export_dynamic_symbols.iter().filter_map(|text| Pattern::lld(text, false).ok())
    {
        patterns.push(pattern);
    }
    let controls = program.controls;
    let lists: Vec<&VersionMatcher> =
        [&controls.dynamic_list, &controls.export_list].into_iter().flatten().collect();
    if patterns.is_empty() && lists.is_empty() {
        return;
    }
    let demangles = lists.iter().any(|list| list.needs_demangling());
    set(reader, flag::DYNAMIC_LIST, demangles, &|_, _| true, &|name, demangled| {
        patterns.matches(name) || lists.iter().any(|list| list.classify(name, demangled).is_some())
    });
}

/// `--exclude-libs`: definitions of the named archives become local.
fn exclude_libs(reader: &mut Reader<'_, '_>) {
    let program = reader.program;
    let libs: Vec<&[u8]> =
        program.plan.exclude_libs.iter().flat_map(|words| words.split(|&b| b == b',' || b == b':')).collect();
    if libs.is_empty() {
        return;
    }
    let all = libs.contains(&&b"ALL"[..]);
    for file in reader.objects.clone() {
        let f = &program.files[file];
        if f.archive.is_none() {
            continue;
        }
        let base = f.path.rsplit(|&b| b == b'/').next().unwrap_or(f.path);
        if !all && !libs.contains(&base) {
            continue;
        }
        let Content::Object(_) = &f.content else { continue };
        for &name in &f.names {
            let name = reader.canonical(name);
            let row = reader.symbols.row_mut(name);
            if row.kind != Kind::Undefined && row.file == file.0 {
                row.flags |= flag::LOCAL;
            }
        }
    }
}

//! lld's order of reading, extraction and definition (GS 3, 3.3 notes, 6.2).
//!
//! In: the program. Out: the [`Resolution`]. The phases follow `LinkerDriver::link`: `-u` names,
//! all files, entry, globs and script references, `--wrap`, version scripts, commons. Files:
//! [`symbols`] (one row per name), [`parse`] (reading), [`exports`] (what the dynamic symbol table
//! gets), [`discard`] (sections that never become nodes).

mod discard;
mod exports;
mod parse;
mod symbols;

pub(crate) use discard::discards;
pub(crate) use parse::FOR_COMMON;

use crate::ids::{FileId, Id, NameId};
use crate::load::elf::consts::*;
use crate::plan::{DemandKind, OutputKind, Version};
use crate::program::{Content, Program};
use crate::resolve::{DefKind, Definition, Resolution, WinningCommon, Wrap};
use parse::Reader;
use symbols::{Era, INTERNAL, Kind, flag};

/// Names that lld defines itself if they are referenced and not defined (`addReservedSymbols`).
const RESERVED: [&[u8]; 3] = [b"__ehdr_start", b"__executable_start", b"__dso_handle"];
/// The same, only without a SECTIONS command.
const RESERVED_WITHOUT_SCRIPT: [&[u8]; 7] =
    [b"__bss_start", b"end", b"_end", b"etext", b"_etext", b"edata", b"_edata"];

/// Resolves as lld does.
pub(super) fn resolve(program: &Program<'_>) -> Resolution {
    let plan = program.plan;
    let era = if plan.profile.version < Version(15, 0, 0) { Era::Fourteen } else { Era::Fifteen };
    let globs: Vec<&[u8]> = demands(program, DemandKind::Glob).collect();
    let mut reader = Reader::new(program, era, !globs.is_empty());
    for name in demands(program, DemandKind::Undefined).chain(demands(program, DemandKind::Require)) {
        if let Some(name) = program.names.find(name) {
            reader.demand(name, STB_GLOBAL, true);
        }
    }
    reader.read_inputs();
    if let Some(entry) = entry_name(program).and_then(|name| reader.find(name)) {
        reader.handle_undefined(entry, "--entry");
    }
    for glob in globs {
        let matching: Vec<NameId> = reader
            .order
            .iter()
            .flatten()
            .copied()
            .filter(|&name| {
                let shown = reader.suffixed.get(&name.0).copied().unwrap_or(name);
                reader.symbols.row(name).kind != Kind::Placeholder && glob_matches(glob, program.name(shown))
            })
            .collect();
        for name in matching {
            reader.handle_undefined(name, "--undefined-glob");
        }
    }
    let wraps = add_wraps(&mut reader);
    if era == Era::Fifteen {
        reader.check_definitions();
    }
    if !reader.is_relocatable() {
        add_reserved(&mut reader, false);
    }
    exports::assign_versions(&mut reader);
    finish(reader, wraps)
}

fn demands<'p>(program: &'p Program<'_>, kind: DemandKind) -> impl Iterator<Item = &'p [u8]> {
    program.plan.demands.iter().filter(move |(_, k)| *k == kind).map(|(name, _)| name.as_slice())
}

/// The entry symbol's name: `-e`, else ENTRY, else the target's default unless `-r`.
pub(crate) fn entry_name<'p>(program: &'p Program<'_>) -> Option<&'p [u8]> {
    if let Some(entry) = &program.plan.entry {
        return Some(entry.as_slice());
    }
    if program.plan.output_kind == OutputKind::Relocatable {
        return None;
    }
    let mips = program.target.is_some_and(|t| t.machine == EM_MIPS);
    Some(if mips { b"__start" } else { b"_start" })
}

/// `--wrap` (`addWrappedSymbols`): the prefixed names are referenced, which may extract.
fn add_wraps(reader: &mut Reader<'_, '_>) -> Vec<Wrap> {
    let program = reader.program;
    let mut wraps = Vec::new();
    for text in &program.plan.wraps {
        let Some(name) = reader.find(text) else { continue };
        let wrapper = program.names.find(&[b"__wrap_", text.as_slice()].concat());
        let real = program.names.find(&[b"__real_", text.as_slice()].concat());
        let (Some(wrapper), Some(real)) = (wrapper, real) else { continue };
        if reader.era == Era::Fourteen {
            reader.demand(real, STB_GLOBAL, false);
            let bind = reader.symbols.row(name).bind;
            reader.demand(wrapper, bind, false);
        } else {
            let bind = reader.symbols.row(name).bind;
            reader.demand(wrapper, bind, false);
            if reader.symbols.row(real).has(flag::INSERTED) {
                let bind = reader.symbols.row(name).bind;
                reader.demand(name, bind, false);
                let bind = reader.symbols.row(real).bind;
                reader.symbols.row_mut(name).bind = bind;
            }
            reader.demand(real, STB_GLOBAL, false);
        }
        wraps.push(Wrap { name, wrapper, real });
    }
    wraps
}

/// `addOptionalRegular`.
fn add_reserved(reader: &mut Reader<'_, '_>, has_sections: bool) {
    let more = if has_sections { &[][..] } else { &RESERVED_WITHOUT_SCRIPT[..] };
    for name in RESERVED.iter().chain(more) {
        let Some(name) = reader.find(name) else { continue };
        let row = reader.symbols.row(name);
        if row.kind == Kind::Defined || (row.kind == Kind::Common && reader.era == Era::Fifteen) {
            continue;
        }
        let row = reader.symbols.row_mut(name);
        row.kind = Kind::Defined;
        (row.file, row.symbol, row.bind) = (INTERNAL, 0, STB_GLOBAL);
    }
}

/// The finished value.
fn finish(reader: Reader<'_, '_>, wraps: Vec<Wrap>) -> Resolution {
    let program = reader.program;
    let mut out = Resolution::new(program);
    out.commons = commons(&reader, &wraps);
    let everything = program.plan.output_kind == OutputKind::Shared || program.plan.export_dynamic;
    for (number, row) in reader.symbols.rows().iter().enumerate() {
        let name = NameId::from_usize(number);
        let kind = match row.kind {
            Kind::Placeholder => continue,
            Kind::Undefined if row.is_weak() => DefKind::UndefinedWeak,
            Kind::Undefined => DefKind::Undefined,
            Kind::Lazy | Kind::LazyArchive if row.is_weak() => DefKind::UndefinedWeak,
            Kind::Lazy | Kind::LazyArchive => DefKind::Unknown,
            Kind::Shared => DefKind::Shared,
            Kind::Common => DefKind::Common,
            Kind::Defined if row.file == INTERNAL => DefKind::Assigned,
            Kind::Defined if row.is_weak() => DefKind::Weak,
            Kind::Defined => DefKind::Strong,
        };
        out.definitions[name] = Definition { kind, file: FileId(row.file), symbol: row.symbol };
        out.visibility[name] = row.visibility;
        if row.has(flag::DSO_EXPORT) {
            out.dynamic_reference.insert(number);
        }
        let hidden = matches!(row.visibility, STV_HIDDEN | STV_INTERNAL) || row.has(flag::LOCAL);
        let dynamic = everything || row.has(flag::DSO_EXPORT) || row.has(flag::DYNAMIC_LIST);
        if matches!(row.kind, Kind::Defined | Kind::Common) && !hidden && dynamic {
            out.exported.insert(number);
        }
    }
    for (&stem, &full) in &reader.suffixed {
        out.definitions[full] = out.definitions[NameId(stem)];
        out.visibility[full] = out.visibility[NameId(stem)];
    }
    for file in program.file_ids() {
        if !reader.read.contains(file.idx()) {
            continue;
        }
        out.in_link.insert(file.idx());
        let f = &program.files[file];
        if matches!(f.content, Content::Shared(_)) && !f.mode.as_needed {
            out.needed_libraries.insert(file.idx());
        }
    }
    out.files = reader.objects;
    out.files.extend(reader.binaries);
    out.lost = reader.lost;
    out.lost_to = reader.lost_to;
    out.extractions = reader.extractions;
    out.wraps = wraps;
    out.diagnostics = reader.diagnostics;
    out
}

/// Commons in the order in which lld makes their sections (`replaceCommonSymbols`): by the first
/// object that has commons of its own and mentions the name.
fn commons(reader: &Reader<'_, '_>, wraps: &[Wrap]) -> Vec<WinningCommon> {
    let mut out = Vec::new();
    let sizes = &reader.symbols.common_size;
    if sizes.is_empty() {
        return out;
    }
    let mut seen = std::collections::BTreeSet::new();
    for &file in &reader.objects {
        let f = &reader.program.files[file];
        let Content::Object(object) = &f.content else { continue };
        let globals = || object.first_global..object.symbol_count();
        if !globals().any(|i| object.symbol(i).is_some_and(|s| s.shndx == SHN_COMMON)) {
            continue;
        }
        for &name in &f.names {
            let name = redirect(wraps, reader.canonical(name));
            let row = reader.symbols.row(name);
            if row.kind == Kind::Common && seen.insert(name) {
                let size = sizes.get(&name.0).copied().unwrap_or(0);
                out.push(WinningCommon { name, file: FileId(row.file), symbol: row.symbol, size });
            }
        }
    }
    out
}

/// Where a file's mention of a name leads under `--wrap`: `foo` to `__wrap_foo`, `__real_foo` to
/// `foo`, in one step (GS 5.8).
pub(crate) fn redirect(wraps: &[Wrap], name: NameId) -> NameId {
    // A later --wrap of the same name wins, as a later map entry does.
    for wrap in wraps.iter().rev() {
        if wrap.real == name {
            return wrap.name;
        }
        if wrap.name == name {
            return wrap.wrapper;
        }
    }
    name
}

/// lld's glob: `*`, `?`, `[...]` with ranges and `!` or `^`, backslash escapes; no braces.
fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0usize, 0usize);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            None if t == text.len() => return true,
            None => None,
            Some(_) if t == text.len() => None,
            Some(_) => text.get(t).and_then(|&byte| glob_step(pattern, p, byte)),
        };
        match (step, retry) {
            (Some(next), _) => (p, t) = (next, t + 1),
            (None, Some((after, from))) if from < text.len() => {
                retry = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// Matches one byte against the pattern element at `p`; returns where the next element begins.
fn glob_step(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match pattern.get(p)? {
        b'?' => Some(p + 1),
        b'\\' => (*pattern.get(p + 1)? == byte).then_some(p + 2),
        b'[' => {
            let mut at = p + 1;
            let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
            at += usize::from(negated);
            let close = at + 1 + pattern.get(at + 1..)?.iter().position(|&b| b == b']')?;
            let mut found = false;
            while at < close {
                let low = *pattern.get(at)?;
                if pattern.get(at + 1) == Some(&b'-') && at + 2 < close {
                    found |= (low..=*pattern.get(at + 2)?).contains(&byte);
                    at += 3;
                } else {
                    found |= low == byte;
                    at += 1;
                }
            }
            (found != negated).then_some(close + 1)
        }
        &literal => (literal == byte).then_some(p + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::glob_matches;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("foo*", "foobar", true),
            ("*bar", "foobar", true),
            ("f?o", "foo", true),
            ("f[a-c]o", "fbo", true),
            ("f[!a-c]o", "fbo", false),
            ("f[^x]o", "fbo", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("f\\*", "f*", true),
            ("f\\*", "fo", false),
            ("", "", true),
            ("a[", "a[", false),
        ] {
            assert_eq!(glob_matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}

//! lld's order of reading, extraction and definition (GS 3, 3.3 notes, 6.2).
//!
//! In: the program. Out: the [`Resolution`]. The phases follow `LinkerDriver::link`: `-u` names,
//! all files, entry, globs and script references, `--wrap`, version scripts, commons. Files:
//! [`symbols`] (one row per name), [`parse`] (reading), [`exports`] (what the dynamic symbol table
//! gets), [`script`] (script symbols), [`discard`] (sections that never become nodes).

mod broken;
mod checks;
mod discard;
mod exports;
mod other_inputs;
mod parse;
mod script;
mod symbols;

pub(crate) use discard::discards;
pub(crate) use parse::{FOR_COMMON, LIBCALL};

use crate::ids::{FileId, Id, NameId};
use crate::load::elf::consts::*;
use crate::plan::{DemandKind, OutputKind, Version};
use crate::program::{Content, Program};
use crate::resolve::{DefKind, Definition, Resolution, WinningCommon, Wrap, Wraps};
use crate::script::glob::Pattern;
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
    // A glob that lld refuses was refused with the options.
    let globs: Vec<Pattern> =
        demands(program, DemandKind::Glob).filter_map(|text| Pattern::lld(text, false).ok()).collect();
    let mut reader = Reader::new(program, era, !globs.is_empty());
    let scripts = script::collect(program, era);
    for name in demands(program, DemandKind::Undefined).chain(demands(program, DemandKind::Require)) {
        if let Some(name) = program.names.find(name) {
            reader.demand(name, STB_GLOBAL, true);
        }
    }
    for &name in &scripts.externs {
        reader.demand(name, STB_GLOBAL, true);
    }
    reader.read_inputs();
    let mut script_references = Vec::new();
    if era == Era::Fourteen {
        script_references = scripts.reference_all(&mut reader);
    }
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
                reader.symbols.row(name).kind != Kind::Placeholder && glob.matches(program.name(shown))
            })
            .collect();
        for name in matching {
            reader.handle_undefined(name, "--undefined-glob");
        }
    }
    reader.extract_libcalls();
    // lld 14 declares script symbols before it handles --wrap.
    let wraps = if era == Era::Fourteen {
        scripts.declare(&mut reader);
        add_wraps(&mut reader)
    } else {
        script_references = scripts.reference_needed(&mut reader);
        let wraps = add_wraps(&mut reader);
        reader.check_definitions();
        scripts.declare(&mut reader);
        wraps
    };
    reader.check_sections();
    reader.check_inputs();
    if !reader.is_relocatable() {
        add_reserved(&mut reader, scripts.has_sections);
    }
    exports::assign_versions(&mut reader);
    let mut out = finish(reader, wraps);
    out.externs = scripts.externs;
    out.script_references = script_references;
    out
}

fn demands<'p>(program: &'p Program<'_>, kind: DemandKind) -> impl Iterator<Item = &'p [u8]> {
    program.plan.demands.iter().filter(move |(_, k)| *k == kind).map(|(name, _)| name.as_slice())
}

/// The entry symbol's name: `-e`, else ENTRY, else the target's default unless `-r`.
pub(crate) fn entry_name<'p>(program: &'p Program<'_>) -> Option<&'p [u8]> {
    if let Some(entry) = &program.plan.entry {
        return Some(entry.as_slice());
    }
    if let Some(entry) = script::entry(program) {
        return Some(entry);
    }
    if program.plan.output_kind == OutputKind::Relocatable {
        return None;
    }
    let mips = program.target.is_some_and(|t| t.machine == EM_MIPS);
    Some(if mips { b"__start" } else { b"_start" })
}

/// `--wrap` (`addWrappedSymbols`): the prefixed names are referenced, which may extract.
fn add_wraps(reader: &mut Reader<'_, '_>) -> Wraps {
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
    wraps.into_iter().collect()
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
fn finish(mut reader: Reader<'_, '_>, wraps: Wraps) -> Resolution {
    let program = reader.program;
    let mut out = Resolution::new(program);
    out.commons = commons(&reader, &wraps);
    let plan = program.plan;
    // From lld 20 on `-E` needs a dynamic symbol table, which a static link has not.
    let has_table = reader.has_libraries()
        || matches!(plan.output_kind, OutputKind::Shared | OutputKind::Pie)
        || plan.profile.version < Version(20, 0, 0);
    let everything = plan.output_kind == OutputKind::Shared || (plan.export_dynamic && has_table);
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
    // A symbol is called by the spelling that came last with a default version
    // (`SymbolTable::insert`).
    for symbol in reader.extractions.iter_mut().filter_map(|e| e.symbol.as_mut()) {
        if let Some(&full) = reader.suffixed.get(&symbol.0) {
            *symbol = full;
        }
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
    // Compiled bitcode stands behind the other objects.
    let (compiled, native): (Vec<FileId>, Vec<FileId>) =
        reader.objects.into_iter().partition(|&f| program.files[f].is_stand_in());
    out.files = native;
    out.files.extend(compiled);
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
fn commons(reader: &Reader<'_, '_>, wraps: &Wraps) -> Vec<WinningCommon> {
    let mut out = Vec::new();
    let sizes = &reader.symbols.common_size;
    if sizes.is_empty() {
        return out;
    }
    let mut seen = std::collections::BTreeSet::new();
    for &file in &reader.symbol_files {
        let f = &reader.program.files[file];
        let Content::Object(object) = &f.content else { continue };
        let globals = || object.first_global..object.symbol_count();
        if !globals().any(|i| object.symbol(i).is_some_and(|s| s.shndx == SHN_COMMON)) {
            continue;
        }
        for &name in &f.names {
            let name = wraps.by_last(reader.canonical(name));
            let row = reader.symbols.row(name);
            if row.kind == Kind::Common && seen.insert(name) {
                let size = sizes.get(&name.0).copied().unwrap_or(0);
                out.push(WinningCommon { name, file: FileId(row.file), symbol: row.symbol, size });
            }
        }
    }
    out
}

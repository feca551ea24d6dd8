//! Resolution and extraction as mold does it (GS 3): everything is entered at once with archive
//! members at a low rank, what live files need is marked, the rest is thrown away, COMDAT copies
//! are chosen by file position, and what is left is resolved again (mold `do_resolve_symbols`).
//!
//! In: the program. Out: [`Resolution`] with files in link order.

mod groups;
mod later;
mod ranks;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};

use bstr::ByteSlice;
use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use self::ranks::{Keys, Rank, Ranks};
use super::{Asker, DefKind, Extraction, Resolution, WinningCommon};
use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, Id, NameId, SectionId, Table};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, Symbol};
use crate::plan::{DemandKind, OutputKind};
use crate::program::{Content, Half, InputFile, Opaque, Program};
use crate::script::CommandKind;
use crate::script::expr::Node;

/// Not made into an input section (the number is `.riscv.attributes`' too).
const SHT_ARM_ATTRIBUTES: u32 = 0x7000_0003;

/// Resolves the whole link.
pub(super) fn resolve(program: &Program<'_>) -> Resolution {
    let mut out = Resolution::new(program);
    let keys = Keys::new(program);
    let files = Files::new(program, &mut out);
    let internal = Internal::new(program);
    let mut ranks = Ranks::new(program.names.len());
    let mut live = files.start.clone();

    let late = later::applies(program);
    let mut skipped = later::Skipped::default();
    loop {
        internal.define(&ranks);
        let first = First { live: &live, late, skipped: &skipped };
        files.usable.par_iter().with_max_len(64).for_each(|&file| {
            enter(program, &keys, &ranks, file, Round::First(&first));
        });
        mark_live(program, &keys, &ranks, &files, &internal, &mut live, &mut out);
        if !late || !skipped.add_hidden(program, &keys, &ranks, &files.usable, &live) {
            break;
        }
        ranks.clear();
    }
    ranks.clear();

    for &file in files.usable.iter().filter(|f| live.contains(f.idx())) {
        out.in_link.insert(file.idx());
        match &program.files[file].content {
            Content::Object(_) => out.files.push(file),
            _ => out.needed_libraries.insert(file.idx()),
        }
    }
    groups::choose(program, &mut out);
    internal.define(&ranks);
    let members: Vec<FileId> = out.in_link.ones().map(FileId::from_usize).collect();
    let pieces: Vec<Vec<(NameId, SectionId)>> = members
        .par_iter()
        .with_max_len(64)
        .map(|&file| enter(program, &keys, &ranks, file, Round::Last(&out.lost, &skipped)))
        .collect();
    out.piece_definitions = pieces.into_iter().flatten().collect();
    out.definitions = Table::from_vec(ranks.definitions());
    out.visibility = visibility(program, &keys, &out.files);
    find_commons(program, &mut out);
    note_libraries(program, &mut out);
    for (name, key) in keys.aliases() {
        out.definitions[name] = out.definitions[key];
        out.visibility[name] = out.visibility[key];
        let referenced = out.dynamic_reference.contains(key.idx());
        out.dynamic_reference.set(name.idx(), referenced);
    }
    out.wraps = keys.wraps;
    // GS 8: with -r the output is made before the question.
    if program.plan.output_kind != OutputKind::Relocatable && !program.plan.noinhibit_exec {
        check_required(program, &mut out);
    }
    check_versions(program, &mut out);
    out.extractions.sort_by_key(|e| e.file);
    out
}

/// A definition `foo@V` of a shared library needs a version script with V (`parse_symbol_version`).
/// mold goes on, but ends at its next check without having written its list.
fn check_versions(program: &Program<'_>, out: &mut Resolution) {
    let plan = program.plan;
    if plan.output_kind != OutputKind::Shared || plan.noinhibit_exec {
        return;
    }
    let soname = plan.soname.as_ref().filter(|_| plan.default_symver);
    let mut found = false;
    for &file in &out.files {
        let input = &program.files[file];
        if input.object().is_none() {
            continue;
        }
        for &name in &input.names {
            let Some(at) = program.names.version_at(name) else { continue };
            let text = program.name(name);
            let version = text.get(at + 1..).unwrap_or_default();
            let version = version.strip_prefix(b"@").unwrap_or(version);
            let winner = out.definitions[name];
            let known = program.controls.version_tags.iter().chain(soname).any(|tag| tag == version);
            if known || winner.file != file || !winner.is_regular() {
                continue;
            }
            let message = format!("symbol {} has an undefined version", String::from_utf8_lossy(text));
            out.diagnostics.push(Diagnostic::new(Severity::Error, program.label(file), message));
            found = true;
        }
    }
    // A later warning flushes the list; duplicates end the link before that one.
    out.stopped = found && !(plan.allow_multiple_definition && types_differ(program, out));
}

/// Some object mentions a name with another type than its definition has (`check_symbol_types`).
fn types_differ(program: &Program<'_>, out: &Resolution) -> bool {
    let plain = |kind: u8| if kind == STT_GNU_IFUNC { STT_FUNC } else { kind };
    out.files.iter().any(|&file| {
        let input = &program.files[file];
        let Some(object) = input.object() else { return false };
        (object.first_global..).zip(&input.names).any(|(symbol, &name)| {
            let definition = out.definitions[name];
            let Some(owner) = program.files.get(definition.file) else { return false };
            let index = definition.symbol;
            let defined = match definition.kind {
                DefKind::Shared => owner.shared().and_then(|l| l.symbols.get(index as usize)).map(|s| s.kind),
                DefKind::Strong | DefKind::Weak | DefKind::Common => {
                    owner.object().and_then(|o| o.symbol(index)).map(|s| s.kind)
                }
                _ => None,
            };
            let (Some(one), Some(other)) = (defined, object.symbol(symbol).map(|s| s.kind)) else {
                return false;
            };
            let (one, other) = (plain(one), plain(other));
            one != STT_NOTYPE && other != STT_NOTYPE && one != other
        })
    })
}

/// The files that mold reads, and those that are in the link from the start.
struct Files {
    usable: Vec<FileId>,
    start: FixedBitSet,
}

impl Files {
    fn new(program: &Program<'_>, out: &mut Resolution) -> Self {
        let mut usable = Vec::with_capacity(program.files.len());
        let mut start = FixedBitSet::with_capacity(program.files.len());
        let mut sonames: BTreeSet<&[u8]> = BTreeSet::new();
        for id in program.file_ids() {
            let file = &program.files[id];
            // A regular archive's member named by a thin archive is not found (GS 3.5).
            if file.nested.is_some() {
                continue;
            }
            match &file.content {
                Content::Object(_) => {
                    // An archive is lazy inside --start-lib even if it is taken whole.
                    let lazy = file.mode.in_lib
                        || file.in_lib
                        || (file.archive.is_some() && !file.mode.whole_archive);
                    usable.push(id);
                    start.set(id.idx(), !lazy);
                    if file.archive.is_some() && !lazy {
                        out.extractions.push(Extraction { file: id, asker: Asker::Whole, symbol: None });
                    }
                }
                Content::Shared(library) => {
                    if sonames.insert(library.soname.unwrap_or(file.path)) {
                        usable.push(id);
                        start.set(id.idx(), !file.mode.as_needed);
                    }
                }
                Content::Opaque(Opaque::ForeignMachine) => out.diagnostics.push(Diagnostic::new(
                    Severity::Error,
                    program.label(id),
                    "incompatible file type",
                )),
                Content::Opaque(Opaque::Bitcode | Opaque::SlimLto)
                    if file.intermediate.as_ref().is_some_and(|i| i.half == Half::Refused) =>
                {
                    let message = match program.plan.plugin {
                        None => "intermediate code, and no -plugin option was given",
                        Some(_) => "intermediate code that the plugin does not know",
                    };
                    out.diagnostics.push(Diagnostic::new(Severity::Error, program.label(id), message));
                    out.stopped = true;
                }
                Content::Binary(_) | Content::Opaque(_) => {}
            }
        }
        Files { usable, start }
    }
}

/// `--defsym` and `NAME = NAME;` of scripts: mold keeps them in a file of its own that stands
/// before all others. Their right sides are strong references of that file (GS 3.3).
struct Internal {
    names: Vec<NameId>,
    targets: Vec<NameId>,
}

impl Internal {
    fn new(program: &Program<'_>) -> Self {
        let mut internal = Internal { names: Vec::new(), targets: Vec::new() };
        let mut add = |name: &[u8], value: &[u8]| {
            internal.names.extend(program.names.find(name));
            internal.targets.extend(program.names.find(value));
        };
        for defsym in &program.plan.defsyms {
            let value = defsym.expression.as_slice();
            let number =
                value.starts_with(b"0x") || value.starts_with(b"0X") || value.iter().all(u8::is_ascii_digit);
            add(&defsym.name, if number { b"" } else { value });
        }
        for command in program.scripts.iter().flat_map(|s| &s.script.commands) {
            if let CommandKind::Assignment(assignment) = &command.kind
                && let [Node::Symbol(value)] = assignment.value.nodes.as_slice()
            {
                add(&assignment.name.text, value);
            }
        }
        internal
    }

    fn define(&self, ranks: &Ranks) {
        for &name in &self.names {
            ranks.offer(name, Rank::Internal, FileId(0), 0);
        }
    }
}

/// Whether mold makes an input section of a section at all; definitions in others do not count
/// (mold `initialize_sections`). `.eh_frame` is taken apart when it is read.
fn holds_definitions(object: &Object<'_>, section: u32) -> bool {
    let Some(row) = object.sections.get(section as usize) else { return false };
    match row.kind {
        SHT_NULL | SHT_SYMTAB | SHT_STRTAB | SHT_REL | SHT_RELA | SHT_SYMTAB_SHNDX | SHT_GROUP
        | SHT_LLVM_ADDRSIG | SHT_ARM_ATTRIBUTES => return false,
        _ => {}
    }
    if row.flags & (SHF_EXCLUDE | SHF_ALLOC) == SHF_EXCLUDE {
        return false;
    }
    // Only sections that are neither code nor writable can have the names below, but for i386.
    if row.is_alloc() && row.flags & (SHF_EXECINSTR | SHF_WRITE) != 0 && object.machine != EM_386 {
        return true;
    }
    !matches!(
        object.section_name(section),
        b".eh_frame"
            | b".note.GNU-stack"
            | b".note.gnu.property"
            | b".note.gnu.build-id"
            | b".gnu.linkonce.t.__x86.get_pc_thunk.bx"
            | b".gnu.linkonce.t.__i686.get_pc_thunk.bx"
            | b".gnu.linkonce.d.DW.ref.__gxx_personality_v0"
    )
}

/// What the first rounds know.
struct First<'a> {
    live: &'a FixedBitSet,
    /// 2.42: sections are not looked at yet, so every definition counts.
    late: bool,
    skipped: &'a later::Skipped,
}

/// A round of resolution.
#[derive(Clone, Copy)]
enum Round<'a> {
    /// Members at a low rank.
    First(&'a First<'a>),
    /// Only files of the link; given the COMDAT copies that lost.
    Last(&'a FixedBitSet, &'a later::Skipped),
}

/// Enters one file's definitions; in the last round its references as well. Returns the definitions
/// that lie in mergeable sections (last round only).
fn enter(
    program: &Program<'_>,
    keys: &Keys,
    ranks: &Ranks,
    file: FileId,
    round: Round<'_>,
) -> Vec<(NameId, SectionId)> {
    let input = &program.files[file];
    let mut pieces = Vec::new();
    let (live, lost, sections, skipped) = match round {
        Round::First(first) => (first.live.contains(file.idx()), None, !first.late, first.skipped),
        Round::Last(lost, skipped) => (true, Some(lost), true, skipped),
    };
    match &input.content {
        Content::Object(object) => {
            for (symbol, &name) in (object.first_global..).zip(&input.names) {
                let Some(entry) = object.symbol(symbol) else { break };
                match entry.place {
                    Place::Undefined => {
                        if lost.is_some() {
                            let weak = entry.bind == STB_WEAK;
                            let rank = if weak { Rank::WeakReference } else { Rank::FarCommon };
                            ranks.offer(keys.key(name, true), rank, file, symbol);
                        }
                        continue;
                    }
                    Place::Section(section) => {
                        if sections && !holds_definitions(object, section) {
                            continue;
                        }
                        if let Some(lost) = lost {
                            let id = input.section_id(section);
                            if lost.contains(id.idx()) {
                                continue;
                            }
                            if object.sections[section as usize].flags & SHF_MERGE != 0 {
                                pieces.push((keys.key(name, false), id));
                            }
                        }
                    }
                    Place::Absolute | Place::Common => {}
                }
                ranks.offer(keys.key(name, false), object_rank(&entry, live), file, symbol);
            }
        }
        Content::Shared(library) => {
            for (number, symbol) in library.symbols.iter().enumerate() {
                if !symbol.defined || symbol.local_version {
                    continue;
                }
                let Some(key) = library_key(program, input, number) else { continue };
                if skipped.contains(key) {
                    continue;
                }
                let rank = if symbol.weak { Rank::FarWeak } else { Rank::FarStrong };
                ranks.offer(key, rank, file, number as u32);
            }
        }
        Content::Binary(_) | Content::Opaque(_) => {}
    }
    pieces
}

fn object_rank(symbol: &Symbol, live: bool) -> Rank {
    match (symbol.place == Place::Common, symbol.bind == STB_WEAK, live) {
        (true, _, true) => Rank::Common,
        (true, _, false) => Rank::FarCommon,
        (false, false, true) => Rank::Strong,
        (false, true, true) => Rank::Weak,
        (false, false, false) => Rank::FarStrong,
        (false, true, false) => Rank::FarWeak,
    }
}

/// A library's `foo@V` that is not the default version is a name of its own; nobody asks for it
/// unless some object mentions `foo@V`.
fn library_key(program: &Program<'_>, input: &InputFile<'_>, number: usize) -> Option<NameId> {
    let symbol = input.shared()?.symbols.get(number)?;
    if symbol.hidden_version {
        let version = if symbol.defined { symbol.version.unwrap_or_default() } else { b"" };
        return program.names.find(&[symbol.name, b"@", version].concat());
    }
    input.names.get(number).copied()
}

/// From the files that are in the link to all that they need (mold `mark_live_objects`).
fn mark_live(
    program: &Program<'_>,
    keys: &Keys,
    ranks: &Ranks,
    files: &Files,
    internal: &Internal,
    live: &mut FixedBitSet,
    out: &mut Resolution,
) {
    let mut frontier: Vec<FileId> = Vec::new();
    let mut glob_roots = Vec::new();
    let mut take = |file: FileId, asker: Asker, name: NameId, live: &mut FixedBitSet| {
        if live.put(file.idx()) {
            return false;
        }
        if program.files[file].archive.is_some() || program.files[file].object().is_some() {
            out.extractions.push(Extraction { file, asker, symbol: Some(name) });
        }
        true
    };
    let winner = |key: NameId| ranks.get(key).filter(|entry| entry.rank != Rank::Internal as u64);
    for (name, option) in demanded(program) {
        let Some(key) = program.names.find(name) else { continue };
        if let Some(entry) = winner(key) {
            take(entry.file, Asker::Option(option.to_string()), key, live);
        }
    }
    if later::applies(program) {
        let (taken, roots) = later::by_glob(program, keys, ranks, files, live);
        for &(file, key) in &taken {
            take(file, Asker::Option("--undefined-glob".to_string()), key, live);
        }
        glob_roots = roots;
    }
    for &key in &internal.targets {
        if let Some(entry) = winner(key) {
            take(entry.file, Asker::Option("--defsym".to_string()), key, live);
        }
    }
    frontier.extend(files.usable.iter().copied().filter(|f| live.contains(f.idx())));
    while !frontier.is_empty() {
        let current: &FixedBitSet = live;
        let wanted: Vec<Vec<(FileId, NameId)>> = frontier
            .par_iter()
            .with_max_len(64)
            .map(|&file| {
                let mut wanted = Vec::new();
                needs(program, keys, ranks, file, |target, name| {
                    if !current.contains(target.idx()) {
                        wanted.push((target, name));
                    }
                });
                wanted
            })
            .collect();
        let mut next = Vec::new();
        for (&file, wanted) in frontier.iter().zip(wanted) {
            for (target, name) in wanted {
                if take(target, Asker::File(file), name, live) {
                    next.push(target);
                }
            }
        }
        frontier = next;
    }
    out.glob_roots.extend(glob_roots);
}

/// Calls `f` with every file that `file` needs, and for which name.
fn needs(program: &Program<'_>, keys: &Keys, ranks: &Ranks, file: FileId, mut f: impl FnMut(FileId, NameId)) {
    let input = &program.files[file];
    let late = later::applies(program);
    match &input.content {
        Content::Object(object) => {
            for (symbol, &name) in (object.first_global..).zip(&input.names) {
                let Some(entry) = object.symbol(symbol) else { break };
                let common = entry.place == Place::Common;
                let weak = entry.bind == STB_WEAK;
                if (weak && !late) || (entry.place != Place::Undefined && !common) {
                    continue;
                }
                let key = keys.key(name, !common);
                let Some(found) = ranks.get(key).filter(|e| e.rank != Rank::Internal as u64) else {
                    continue;
                };
                // 2.42: a weak reference needs a library, but takes no member out of an archive.
                if weak && !common && program.files[found.file].shared().is_none() {
                    continue;
                }
                let found_common = found.rank == Rank::Common as u64 || found.rank == Rank::FarCommon as u64;
                if !common || !found_common {
                    f(found.file, key);
                }
            }
        }
        Content::Shared(library) => {
            for (number, symbol) in library.symbols.iter().enumerate() {
                if symbol.defined || (late && symbol.weak) {
                    continue;
                }
                let Some(key) = library_key(program, input, number) else { continue };
                let Some(found) = ranks.get(key).filter(|e| e.rank != Rank::Internal as u64) else {
                    continue;
                };
                if program.files[found.file].object().is_some() {
                    f(found.file, key);
                }
            }
        }
        Content::Binary(_) | Content::Opaque(_) => {}
    }
}

/// The names that the command line demands, in mold's order: `-u`, the entry, then
/// `--require-defined`.
fn demanded<'p>(program: &'p Program<'_>) -> impl Iterator<Item = (&'p [u8], &'static str)> {
    let plan = program.plan;
    let of = move |kind: DemandKind, option: &'static str| {
        plan.demands.iter().filter(move |d| d.1 == kind).map(move |d| (d.0.as_slice(), option))
    };
    let entry = plan.entry.as_ref().map_or(&b"_start"[..], |e| e.as_slice());
    of(DemandKind::Undefined, "--undefined")
        .chain(std::iter::once((entry, "--entry")))
        .chain(of(DemandKind::Require, "--require-defined"))
}

/// GS 3.4: the most constraining visibility over all objects of the link; `--exclude-libs` makes
/// an archive's definitions hidden.
fn visibility(program: &Program<'_>, keys: &Keys, files: &[FileId]) -> Table<NameId, u8> {
    const ORDER: [u8; 3] = [STV_HIDDEN, STV_PROTECTED, STV_DEFAULT];
    let mut table: Vec<AtomicU8> = Vec::new();
    table.resize_with(program.names.len(), || AtomicU8::new(2));
    let all = program.plan.exclude_libs.iter().any(|lib| lib == "ALL");
    let excluded = |file: &InputFile<'_>| {
        file.archive.is_some() && {
            let name = file.path.rsplit_str("/").next().unwrap_or(file.path);
            all || program.plan.exclude_libs.iter().any(|lib| lib == name)
        }
    };
    files.par_iter().with_max_len(64).for_each(|&file| {
        let input = &program.files[file];
        let Some(object) = input.object() else { return };
        let hide = !program.plan.exclude_libs.is_empty() && excluded(input);
        for (symbol, &name) in (object.first_global..).zip(&input.names) {
            let Some(entry) = object.symbol(symbol) else { break };
            let undefined = entry.place == Place::Undefined;
            let order = match entry.visibility {
                _ if hide && !undefined => 0,
                STV_DEFAULT => continue,
                STV_PROTECTED => 1,
                _ => 0,
            };
            if let Some(slot) = table.get(keys.key(name, undefined).idx()) {
                slot.fetch_min(order, Ordering::Relaxed);
            }
        }
    });
    let of = |slot: AtomicU8| ORDER.get(usize::from(slot.into_inner())).copied().unwrap_or(STV_DEFAULT);
    Table::from_vec(table.into_iter().map(of).collect())
}

/// GS 6.8: one per symbol, owned by the first file.
fn find_commons(program: &Program<'_>, out: &mut Resolution) {
    for name in program.names.ids() {
        let definition = out.definitions[name];
        if definition.kind != DefKind::Common {
            continue;
        }
        let symbol = program.files[definition.file].object().and_then(|o| o.symbol(definition.symbol));
        let size = symbol.map_or(0, |s| s.size);
        out.commons.push(WinningCommon { name, file: definition.file, symbol: definition.symbol, size });
    }
    out.commons.sort_by_key(|c| (c.file, c.symbol));
}

/// GS 4.5: names that a shared library of the link refers to or defines.
fn note_libraries(program: &Program<'_>, out: &mut Resolution) {
    for file in out.needed_libraries.ones().map(FileId::from_usize) {
        let input = &program.files[file];
        let Some(library) = input.shared() else { continue };
        for (number, symbol) in library.symbols.iter().enumerate() {
            if symbol.defined && symbol.local_version {
                continue;
            }
            if let Some(key) = library_key(program, input, number) {
                out.dynamic_reference.insert(key.idx());
            }
        }
    }
}

/// `--require-defined` is refused only for a name that no file of the link mentions.
fn check_required(program: &Program<'_>, out: &mut Resolution) {
    for (name, kind) in &program.plan.demands {
        let known = program.names.find(name).is_some_and(|id| out.definitions[id].kind != DefKind::Unknown);
        if *kind == DemandKind::Require && !known {
            let message = format!("--require-defined: undefined symbol: {name}");
            out.diagnostics.push(Diagnostic::new(Severity::Error, "", message));
        }
    }
}

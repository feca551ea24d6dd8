//! Export records of one object, whatever the kernel's age (KL 1.1 to 1.4).
//!
//! In: an object. Out: one [`ExportRecord`] per exported name, and the names whose export was trimmed
//! at compile time. Records of damaged tables are left out; the object itself says what is unreadable.

use super::entry::{Relocs, pointed_string, resolve_alias, string, target, word};
use crate::load::elf::consts::{SHT_REL, SHT_RELA, STB_LOCAL};
use crate::load::elf::{Object, Place};

/// To whom a name is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Licence {
    /// `EXPORT_SYMBOL`.
    Any,
    /// `EXPORT_SYMBOL_GPL`.
    Gpl,
    /// `EXPORT_UNUSED_SYMBOL` (up to 5.11).
    Unused,
    /// `EXPORT_UNUSED_SYMBOL_GPL` (up to 5.11).
    UnusedGpl,
    /// `EXPORT_SYMBOL_GPL_FUTURE` (up to 5.11).
    GplFuture,
}

impl Licence {
    /// The macro, as `Module.symvers` writes it.
    pub fn macro_name(self) -> &'static str {
        match self {
            Licence::Any => "EXPORT_SYMBOL",
            Licence::Gpl => "EXPORT_SYMBOL_GPL",
            Licence::Unused => "EXPORT_UNUSED_SYMBOL",
            Licence::UnusedGpl => "EXPORT_UNUSED_SYMBOL_GPL",
            Licence::GplFuture => "EXPORT_SYMBOL_GPL_FUTURE",
        }
    }

    /// The flavour that `Module.symvers` names.
    pub fn from_macro(text: &[u8]) -> Option<Licence> {
        const ALL: [Licence; 5] =
            [Licence::Any, Licence::Gpl, Licence::Unused, Licence::UnusedGpl, Licence::GplFuture];
        ALL.into_iter().find(|l| l.macro_name().as_bytes() == text)
    }

    /// Whether modules under another licence than the GPL are refused.
    pub fn is_gpl_only(self) -> bool {
        matches!(self, Licence::Gpl | Licence::UnusedGpl)
    }

    /// The table's suffix behind `__ksymtab` or `___ksymtab`, to the flavour.
    fn from_suffix(suffix: &[u8]) -> Option<Licence> {
        Some(match suffix {
            b"" => Licence::Any,
            b"_gpl" => Licence::Gpl,
            b"_unused" => Licence::Unused,
            b"_unused_gpl" => Licence::UnusedGpl,
            b"_gpl_future" => Licence::GplFuture,
            _ => return None,
        })
    }
}

/// How an export is represented (KL 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// An entry of a table section `__ksymtab[_gpl]`: kernels up to 2.6.38, and every `.ko`.
    Table,
    /// A section of its own, `___ksymtab[_gpl]+NAME`.
    Section,
    /// A record of `.export_symbol` (6.5 and later); modpost makes the table of it.
    Record,
    /// Assembly text in a compiler's intermediate code: an entry only after code generation.
    Intermediate,
}

impl Form {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Form::Table => "table",
            Form::Section => "section",
            Form::Record => "record",
            Form::Intermediate => "intermediate",
        }
    }
}

/// What modpost refuses in an `.export_symbol` record (KL 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A record without a label `__export_symbol_NAME`.
    StrangeLabel,
    /// The record refers to no symbol, or to one of another name.
    NameMismatch,
    /// The target is a local symbol.
    LocalTarget,
    /// The licence string is neither empty nor `GPL`.
    UnknownLicence,
}

impl Problem {
    /// In words.
    pub fn message(self) -> &'static str {
        match self {
            Problem::StrangeLabel => "the export record carries a symbol that is no __export_symbol_ label",
            Problem::NameMismatch => "the export record does not refer to the symbol that its label names",
            Problem::LocalTarget => "a local symbol is exported",
            Problem::UnknownLicence => "the export record has an unknown licence string",
        }
    }
}

/// One export of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportRecord<'d> {
    /// The exported name.
    pub name: &'d [u8],
    /// To whom.
    pub licence: Licence,
    /// The namespace; empty for none. `module:a,b*` is a list of modules (KL 1.2).
    pub namespace: &'d [u8],
    /// Representation.
    pub form: Form,
    /// Index of the section that holds the record.
    pub section: u32,
    /// Offset of the record in it.
    pub offset: u64,
    /// Symbol index of what is exported; 0 if unknown. It may be undefined in this object (Rust).
    pub target: u32,
    /// The words are 32-bit place-relative distances although pointers are wider.
    pub relative: bool,
    /// The version checksum as far as the object itself holds it.
    pub crc: Option<u32>,
    /// What modpost would refuse.
    pub problem: Option<Problem>,
}

/// Everything that one object says about exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectExports<'d> {
    /// Its exports, in section order, then by offset.
    pub records: Vec<ExportRecord<'d>>,
    /// Names whose export was trimmed at compile time: `__ksym_marker_NAME` without a record (KL 1.4).
    pub trimmed: Vec<&'d [u8]>,
}

/// Sections that hold exports, found in one pass over the names.
#[derive(Default)]
struct Found<'d> {
    per_symbol: Vec<(u32, &'d [u8], Licence)>,
    tables: Vec<(u32, Licence)>,
    records: Vec<u32>,
    crcs: Vec<(u32, &'d [u8])>,
    crc_tables: Vec<(u32, Licence)>,
    flags: Vec<(u32, &'d [u8])>,
    flag_tables: Vec<u32>,
    markers: bool,
}

fn find<'d>(object: &Object<'d>) -> Found<'d> {
    let mut found = Found::default();
    for section in 1..object.sections.len() as u32 {
        let name = object.section_name(section);
        // The kinds of names below begin with one of these bytes.
        if !matches!(name.get(1), Some(b'_' | b'e' | b'd')) {
            continue;
        }
        if matches!(object.sections.get(section as usize).map(|r| r.kind), Some(SHT_REL | SHT_RELA)) {
            continue;
        }
        if let Some(rest) = name.strip_prefix(b"___k") {
            let Some(plus) = rest.iter().position(|&b| b == b'+') else { continue };
            let (table, symbol) = (rest.get(..plus).unwrap_or(b""), rest.get(plus + 1..).unwrap_or(b""));
            if let Some(licence) = table.strip_prefix(b"symtab").and_then(Licence::from_suffix) {
                found.per_symbol.push((section, symbol, licence));
            } else if table.starts_with(b"crctab") {
                found.crcs.push((section, symbol));
            } else if table.starts_with(b"flagstab") {
                found.flags.push((section, symbol));
            }
        } else if let Some(licence) = name.strip_prefix(b"__ksymtab").and_then(Licence::from_suffix) {
            found.tables.push((section, licence));
        } else if let Some(licence) = name.strip_prefix(b"__kcrctab").and_then(Licence::from_suffix) {
            found.crc_tables.push((section, licence));
        } else if name == b"__kflagstab" {
            found.flag_tables.push(section);
        } else if name == b".export_symbol" {
            found.records.push(section);
        } else if name == b".discard.ksym" {
            found.markers = true;
        }
    }
    found.crcs.sort_unstable_by_key(|c| c.1);
    found.flags.sort_unstable_by_key(|c| c.1);
    found
}

/// The section that a sorted list has for a name.
fn section_of(list: &[(u32, &[u8])], name: &[u8]) -> Option<u32> {
    let at = list.binary_search_by_key(&name, |c| c.1).ok()?;
    list.get(at).map(|c| c.0)
}

/// Reads the exports of an object.
pub fn of_object<'d>(object: &Object<'d>) -> ObjectExports<'d> {
    let found = find(object);
    let mut out = ObjectExports::default();
    for &(section, name, licence) in &found.per_symbol {
        out.records.push(own_section(object, &found, section, name, licence));
    }
    for &(section, licence) in &found.tables {
        table(object, &found, section, licence, &mut out.records);
    }
    for &section in &found.records {
        export_symbol(object, section, &mut out.records);
    }
    if found.markers {
        trimmed(object, &mut out);
    }
    out
}

/// Width of the words of an entry in bytes: entries have two or three words.
fn width(object: &Object<'_>, size: u64) -> u64 {
    if object.is_64 && matches!(size, 16 | 24) { 8 } else { 4 }
}

/// `___ksymtab[_gpl]+NAME`: the first word is the value, the second the name, the third the namespace.
fn own_section<'d>(
    object: &Object<'d>,
    found: &Found<'d>,
    section: u32,
    name: &'d [u8],
    licence: Licence,
) -> ExportRecord<'d> {
    let size = object.section_size(section);
    let width = width(object, size);
    let relocs = Relocs::of(object, section);
    let value = relocs.at(0).map(|r| target(object, section, width, r));
    let namespace = relocs.at(2 * width).and_then(|r| pointed_string(object, section, width, r));
    let crc = section_of(&found.crcs, name).and_then(|s| checksum(object, s, 0));
    // 7.1: one table, the flag byte tells (bit 0: GPL only).
    let flags = section_of(&found.flags, name).and_then(|s| word(object, s, 0, 1));
    let licence = if flags.is_some_and(|f| f & 1 != 0) { Licence::Gpl } else { licence };
    ExportRecord {
        name,
        licence,
        namespace: namespace.unwrap_or(b""),
        form: Form::Section,
        section,
        offset: 0,
        target: value.map_or(0, |(symbol, addend)| resolve_alias(object, symbol, addend, name)),
        relative: object.is_64 && width == 4,
        crc,
        problem: None,
    }
}

/// `__ksymtab[_gpl]` as one table: entries are told apart by their `__ksymtab_NAME` symbols, or, where
/// those are gone, by the name strings that they point at.
fn table<'d>(
    object: &Object<'d>,
    found: &Found<'d>,
    section: u32,
    licence: Licence,
    out: &mut Vec<ExportRecord<'d>>,
) {
    let relocs = Relocs::of(object, section);
    let width = match relocs.stride() {
        Some(stride @ (4 | 8)) => stride,
        _ if object.is_64 => 8,
        _ => 4,
    };
    let mut entries: Vec<(u64, &'d [u8])> = Vec::new();
    for index in 1..object.symbol_count() {
        let Some(symbol) = object.symbol(index).filter(|s| s.place == Place::Section(section)) else {
            continue;
        };
        if let Some(name) = object.symbol_name(symbol.name).strip_prefix(b"__ksymtab_") {
            entries.push((symbol.value, name));
        }
    }
    if entries.is_empty() {
        entries = unnamed(object, section, width, &relocs);
    }
    entries.sort_unstable();
    entries.dedup();
    let crc_table = found.crc_tables.iter().find(|(_, l)| *l == licence).map(|&(s, _)| s);
    let flag_table = found.flag_tables.first().copied();
    let ends = entries.iter().skip(1).map(|e| e.0).chain([object.section_size(section)]);
    let ends: Vec<u64> = ends.collect();
    for (number, (&(offset, name), end)) in entries.iter().zip(ends).enumerate() {
        let number = number as u64;
        let value = relocs.at(offset).map(|r| target(object, section, width, r));
        let third = (end.saturating_sub(offset) >= 3 * width)
            .then(|| relocs.at(offset.saturating_add(2 * width)))
            .flatten();
        let namespace = third.and_then(|r| pointed_string(object, section, width, r));
        let flags = flag_table.and_then(|s| word(object, s, number, 1));
        let gpl = flags.is_some_and(|f| f & 1 != 0);
        out.push(ExportRecord {
            name,
            licence: if gpl { Licence::Gpl } else { licence },
            namespace: namespace.unwrap_or(b""),
            form: Form::Table,
            section,
            offset,
            target: value.map_or(0, |(symbol, addend)| resolve_alias(object, symbol, addend, name)),
            relative: object.is_64 && width == 4,
            crc: crc_table.and_then(|s| checksum(object, s, number.saturating_mul(crc_width(object, s)))),
            problem: None,
        });
    }
}

/// Entries of a table without symbols: three words each, or two, whichever gives every entry a name.
fn unnamed<'d>(object: &Object<'d>, section: u32, width: u64, relocs: &Relocs) -> Vec<(u64, &'d [u8])> {
    let size = object.section_size(section);
    for stride in [3 * width, 2 * width] {
        // Each entry has relocations, so there are no more entries than those.
        let count = size / stride;
        if size == 0 || !size.is_multiple_of(stride) || count > relocs.len() as u64 {
            continue;
        }
        let name = |offset: u64| {
            let entry = relocs.at(offset + width)?;
            Some((offset, pointed_string(object, section, width, entry)?))
        };
        let entries: Option<Vec<_>> = (0..count).map(|n| name(n * stride)).collect();
        if let Some(entries) = entries {
            return entries;
        }
    }
    Vec::new()
}

/// Width of the entries of a checksum table: words of a pointer if relocations fill them, else 4 bytes.
fn crc_width(object: &Object<'_>, section: u32) -> u64 {
    match Relocs::of(object, section).stride() {
        Some(8) => 8,
        _ => 4,
    }
}

/// The checksum at `offset`: a constant, or where the word points, an absolute symbol's value or the four
/// bytes there (KL 1.1, 4.11 to 5.18).
fn checksum(object: &Object<'_>, section: u32, offset: u64) -> Option<u32> {
    let relocs = Relocs::of(object, section);
    let Some(entry) = relocs.at(offset) else {
        return word(object, section, offset, 4).map(|w| w as u32);
    };
    let (symbol, addend) = target(object, section, 4, entry);
    let found = object.symbol(symbol)?;
    match found.place {
        Place::Absolute => Some(found.value as u32),
        Place::Section(home) => {
            let at = i64::try_from(found.value).ok()?.checked_add(if entry.1 { addend } else { 0 })?;
            word(object, home, u64::try_from(at).ok()?, 4).map(|w| w as u32)
        }
        Place::Undefined | Place::Common => None,
    }
}

/// Records of `.export_symbol`: licence string, namespace string, one aligned word (KL 1.3).
fn export_symbol<'d>(object: &Object<'d>, section: u32, out: &mut Vec<ExportRecord<'d>>) {
    const LABEL: &[u8] = b"__export_symbol_";
    let relocs = Relocs::of(object, section);
    let mut labels: Vec<(u64, &'d [u8], bool)> = Vec::new();
    for index in 1..object.symbol_count() {
        let Some(symbol) = object.symbol(index).filter(|s| s.place == Place::Section(section)) else {
            continue;
        };
        let name = object.symbol_name(symbol.name);
        match name.strip_prefix(LABEL) {
            Some(name) => labels.push((symbol.value, name, true)),
            // The section's own symbol has no name; mapping symbols mark data.
            None if name.is_empty() || name == b".export_symbol" || name.starts_with(b"$") => {}
            None => labels.push((symbol.value, name, false)),
        }
    }
    labels.sort_unstable();
    let width = if object.is_64 { 8u64 } else { 4 };
    let size = object.section_size(section);
    for (number, &(start, name, labelled)) in labels.iter().enumerate() {
        let end = labels.iter().skip(number + 1).map(|l| l.0).find(|&v| v > start).unwrap_or(size);
        let licence_text = string(object, section, start).unwrap_or(b"");
        let second = start.saturating_add(licence_text.len() as u64 + 1);
        let namespace = string(object, section, second).unwrap_or(b"");
        let after = second.saturating_add(namespace.len() as u64 + 1);
        let at = after.checked_next_multiple_of(width).unwrap_or(u64::MAX);
        // The word is where the strings end; a reader of other padding still finds the only one.
        let entry = relocs.at(at).or_else(|| relocs.within(start, end).next());
        let (symbol, addend) = entry.map_or((0, 0), |e| target(object, section, width, e));
        let target = resolve_alias(object, symbol, addend, name);
        let (licence, known) = match licence_text {
            b"" => (Licence::Any, true),
            b"GPL" => (Licence::Gpl, true),
            _ => (Licence::Any, false),
        };
        let found = object.symbol(target).filter(|_| target != 0);
        let problem = if !labelled {
            Some(Problem::StrangeLabel)
        } else if found.is_none_or(|s| object.symbol_name(s.name) != name) {
            Some(Problem::NameMismatch)
        } else if found.is_some_and(|s| s.bind == STB_LOCAL) {
            Some(Problem::LocalTarget)
        } else {
            (!known).then_some(Problem::UnknownLicence)
        };
        out.push(ExportRecord {
            name,
            licence,
            namespace,
            form: Form::Record,
            section,
            offset: start,
            target,
            relative: false,
            crc: None,
            problem,
        });
    }
}

/// `__ksym_marker_NAME` without an export record (KL 1.4, 4.7 to 6.4).
fn trimmed<'d>(object: &Object<'d>, out: &mut ObjectExports<'d>) {
    for index in 1..object.symbol_count() {
        let Some(symbol) = object.symbol(index) else { continue };
        if let Some(name) = object.symbol_name(symbol.name).strip_prefix(b"__ksym_marker_")
            && !out.records.iter().any(|r| r.name == name)
        {
            out.trimmed.push(name);
        }
    }
}

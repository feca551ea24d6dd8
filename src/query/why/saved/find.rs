//! What a pattern names in a saved link, and what became of it.
//!
//! In: a portrait and a request. Out: the same subjects in the same order as from the link itself.

use rayon::prelude::*;

use super::super::pattern::Pattern;
use super::super::subject::{self, State, SymbolPlace, What};
use super::super::view::View;
use super::super::{Kind, WhyRequest};
use crate::graph::Class;
use crate::ids::{FileId, NameId, NodeId, SectionId};
use crate::load::elf::consts::{SHT_GROUP, SHT_NULL, SHT_SYMTAB, SHT_SYMTAB_SHNDX};
use crate::load::elf::is_relocation_type;
use crate::query::portrait::codes::{self, ExtraKind, Meaning};
use crate::query::portrait::tables::{section_flags, symbol_info};
use crate::query::portrait::{NONE, Portrait};

/// What becomes of a section.
pub(super) fn section_state(p: &Portrait<'_>, section: SectionId) -> State {
    if p.outside_row(section).is_some() {
        let in_link = p.is_in_link(View::section_file(p, section).0);
        return if in_link { State::Structural } else { State::NotExtracted };
    }
    let kind = p.kind(section.0);
    let live = p.is_live(section.0) || !p.head.collects;
    match codes::class(p.kinds.class.at(kind)) {
        Class::Absent | Class::Structural => State::Structural,
        Class::Duplicate => State::Lost,
        _ if p.kinds.bits.at(kind) & section_flags::LOST != 0 => State::Lost,
        Class::Discarded => State::Excluded,
        Class::Kept => State::AlwaysKept,
        Class::Node if live => State::Live,
        Class::Node => State::Dead,
        Class::Pieces => State::Pieces,
    }
}

/// What becomes of a subject.
pub(super) fn state(p: &Portrait<'_>, what: &What) -> State {
    let section = |section: SectionId| match section.0 {
        NONE => State::Structural,
        _ => section_state(p, section),
    };
    let node = |node: NodeId| match View::section(p, node) {
        Some(section) => section_state(p, section),
        None if p.is_live(node.0) || !p.head.collects => State::Live,
        None => State::Dead,
    };
    subject::state_of(what, section, node, |f| file_state(p, f))
}

fn file_state(p: &Portrait<'_>, file: FileId) -> State {
    if !p.is_in_link(file.0) {
        return State::NotExtracted;
    }
    if matches!(p.files.kind.at(file.0 as usize), 1 | 3) {
        return State::Outside;
    }
    let lives = |s: u32| {
        let state = section_state(p, SectionId(s));
        matches!(state, State::Live | State::AlwaysKept | State::Pieces)
            && View::is_loaded(p, SectionId(s))
            && p.size(s) > 0
    };
    let first = p.section_count() as u32;
    let commons = (0..p.extras.kind.len()).any(|row| {
        let common = matches!(
            codes::extra(p.extras.kind.at(row)),
            ExtraKind::CommonsOf | ExtraKind::SmallCommonsOf | ExtraKind::Common
        );
        common && p.extras.file.at(row) == file.0 && p.is_live(first + row as u32)
    });
    if commons || p.sections_of(file.0).any(lives) { State::Live } else { State::Dead }
}

/// A section is an input of its own rather than a table about others.
pub(super) fn is_content(p: &Portrait<'_>, section: SectionId) -> bool {
    match p.outside_row(section) {
        Some(row) => p.outside.content.at(row) != 0,
        None => {
            let kind = p.section_type(section.0);
            let table = matches!(kind, SHT_NULL | SHT_GROUP | SHT_SYMTAB | SHT_SYMTAB_SHNDX);
            !(table || is_relocation_type(kind))
        }
    }
}

/// The sections of a file that have no row.
pub(super) fn outside_of(p: &Portrait<'_>, file: u32) -> impl Iterator<Item = SectionId> + use<> {
    let at = |file: u32| p.outside.first.get(file as usize).copied().unwrap_or(0);
    let base = p.node_count() as u32;
    (at(file)..at(file.saturating_add(1))).map(move |row| SectionId(base + row))
}

/// All subjects of a request.
pub(super) fn find(p: &Portrait<'_>, request: &WhyRequest) -> Vec<What> {
    let text = request.pattern.as_slice();
    let mut out = Vec::new();
    if let (Some((file, section)), Kind::Any | Kind::Section) = (subject::split(text), request.kind) {
        let file = Pattern::new(file, request.exact);
        let section = Pattern::new(section, request.exact);
        sections(p, &section, Some(&file), &mut out);
        if !out.is_empty() {
            return out;
        }
    }
    let pattern = Pattern::new(text, request.exact);
    let is = |kind: Kind| request.kind == Kind::Any || request.kind == kind;
    if is(Kind::File) || request.kind == Kind::Member {
        let named = |f: &u32| View::file(p, FileId(*f)).is_some_and(|f| f.is_named(&pattern, request.kind));
        let files: Vec<u32> = (0..p.files.path.len() as u32).into_par_iter().filter(named).collect();
        out.extend(files.into_iter().map(|f| What::File(FileId(f))));
    }
    if is(Kind::Section) {
        sections(p, &pattern, None, &mut out);
    }
    if is(Kind::Symbol) {
        let strings = Strings::new(p, &pattern);
        globals(p, &strings, &mut out);
        locals(p, &strings, &mut out);
    }
    out
}

/// Which strings match a pattern.
enum Strings {
    One(u32),
    Many(fixedbitset::FixedBitSet),
    None,
}

impl Strings {
    fn new(p: &Portrait<'_>, pattern: &Pattern) -> Strings {
        if let Some(text) = pattern.literal() {
            return p.strings.find(text).map_or(Strings::None, Strings::One);
        }
        let count = p.strings.len();
        let hits: Vec<usize> = (0..count)
            .into_par_iter()
            .with_min_len(4096)
            .filter(|&id| pattern.matches(p.strings.get(id as u32)))
            .collect();
        let mut set = fixedbitset::FixedBitSet::with_capacity(count);
        set.extend(hits);
        Strings::Many(set)
    }

    fn has(&self, id: u32) -> bool {
        match self {
            Strings::One(one) => *one == id,
            Strings::Many(set) => set.contains(id as usize),
            Strings::None => false,
        }
    }

    fn is_none(&self) -> bool {
        matches!(self, Strings::None)
    }
}

fn sections(p: &Portrait<'_>, pattern: &Pattern, file: Option<&Pattern>, out: &mut Vec<What>) {
    let strings = Strings::new(p, pattern);
    let named =
        |f: u32| file.is_none_or(|p2| View::file(p, FileId(f)).is_some_and(|f| f.is_named(p2, Kind::File)));
    let mut found: Vec<(u32, u32, SectionId)> = Vec::new();
    if !strings.is_none() {
        let rows = p.sections.name.iter().enumerate().filter(|(_, name)| strings.has(**name));
        // Relocation sections are part of what they relocate; section 0 is none.
        let counts =
            |row: usize| p.sections.index.at(row) > 0 && !is_relocation_type(p.section_type(row as u32));
        for (row, _) in rows.filter(|(row, _)| counts(*row)) {
            found.push((p.file_of(row as u32), p.sections.index.at(row), SectionId(row as u32)));
        }
        let base = p.node_count() as u32;
        for (row, _) in p.outside.name.iter().enumerate().filter(|(_, name)| strings.has(**name)) {
            let id = SectionId(base + row as u32);
            found.push((View::section_file(p, id).0, p.outside.index.at(row), id));
        }
        found.retain(|(f, _, _)| named(*f));
        found.sort_unstable();
    }
    out.extend(found.into_iter().map(|(_, _, id)| What::Section(id)));
    let first = p.section_count() as u32;
    for row in 0..p.extras.kind.len() {
        let name: &[u8] = match codes::extra(p.extras.kind.at(row)) {
            ExtraKind::CommonsOf | ExtraKind::Common => b"COMMON",
            ExtraKind::SmallCommonsOf => b".scommon",
            _ => continue,
        };
        if pattern.matches(name) && named(p.extras.file.at(row)) {
            out.push(What::Common(NodeId(first + row as u32)));
        }
    }
}

fn globals(p: &Portrait<'_>, strings: &Strings, out: &mut Vec<What>) {
    if strings.is_none() {
        return;
    }
    let mut found: Vec<(u32, What)> = Vec::new();
    for (row, &name) in p.symbols.name.iter().enumerate() {
        if strings.has(name) && p.symbols.info.at(row) & symbol_info::WINS != 0 {
            let section = p.section_of_symbol(row);
            let place = SymbolPlace::Section(SectionId(section));
            let file = Some(FileId(p.file_of(section)));
            found.push((name, What::Symbol { name: Some(NameId(name)), file, symbol: name, place }));
        }
    }
    let n = &p.names;
    for (row, &name) in n.name.iter().enumerate().filter(|(_, name)| strings.has(**name)) {
        let node = n.node.get(row).copied().unwrap_or(NONE);
        let some = (node != NONE).then_some(NodeId(node));
        let place = match codes::place(n.place.at(row)) {
            Meaning::Section => SymbolPlace::Section(SectionId(node)),
            Meaning::Common => SymbolPlace::Common(some),
            Meaning::Absolute => SymbolPlace::Absolute,
            Meaning::Shared => SymbolPlace::Shared,
            Meaning::Assigned | Meaning::Defsym => SymbolPlace::Assigned,
            Meaning::Bounds => SymbolPlace::Bounds(NodeId(node)),
            Meaning::Undefined => SymbolPlace::Undefined,
            Meaning::UndefinedWeak => SymbolPlace::UndefinedWeak,
            Meaning::NotExtracted => SymbolPlace::NotExtracted,
        };
        let file = n.file.get(row).copied().filter(|f| *f != NONE).map(FileId);
        found.push((name, What::Symbol { name: Some(NameId(name)), file, symbol: name, place }));
    }
    found.sort_by(|a, b| p.strings.get(a.0).cmp(p.strings.get(b.0)));
    out.extend(found.into_iter().map(|(_, what)| what));
}

fn locals(p: &Portrait<'_>, strings: &Strings, out: &mut Vec<What>) {
    if strings.is_none() {
        return;
    }
    let mut found: Vec<(u32, u32, What)> = Vec::new();
    for (row, &name) in p.symbols.name.iter().enumerate() {
        if strings.has(name) && p.symbols.info.at(row) & symbol_info::LOCAL != 0 {
            let section = p.section_of_symbol(row);
            let file = p.file_of(section);
            let place = SymbolPlace::Section(SectionId(section));
            let what = What::Symbol { name: None, file: Some(FileId(file)), symbol: name, place };
            found.push((file, p.symbols.index.at(row), what));
        }
    }
    let first = &p.outside_locals.first;
    for (row, &name) in p.outside_locals.name.iter().enumerate().filter(|(_, name)| strings.has(**name)) {
        let after = first.partition_point(|&f| f as usize <= row);
        let file = after.checked_sub(1).map_or(NONE, |f| f as u32);
        // Of a file of the link: in a table of the object format.
        let place = match p.is_in_link(file) {
            true => SymbolPlace::Section(SectionId(NONE)),
            false => SymbolPlace::NotExtracted,
        };
        let what = What::Symbol { name: None, file: Some(FileId(file)), symbol: name, place };
        found.push((file, row as u32, what));
    }
    found.sort_by_key(|(file, index, _)| (*file, *index));
    out.extend(found.into_iter().map(|(_, _, what)| what));
}

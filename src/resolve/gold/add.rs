//! Adding one file: its COMDAT groups and linkonce sections are decided first, then its symbols
//! go to the table in order (gold `do_layout` pass 1, `add_from_relobj`, `add_from_dynobj`).

use std::collections::BTreeMap;

use super::Resolver;
use super::sections::FileNotes;
use super::table::{ABSOLUTE, COMMON, Mention, SymbolTable, UNDEFINED};
use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, NameId, SectionId};
use crate::load::dso::SharedLibrary;
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, Symbol};
use crate::program::{Content, Program};

/// Who holds a COMDAT signature or a linkonce name.
#[derive(Debug, Clone, Copy)]
struct Kept {
    section: SectionId,
    is_group: bool,
}

/// Signatures and linkonce names seen so far: by name number where the text is a symbol's name
/// anywhere, else by the text.
pub(super) struct KeptSections<'a> {
    by_name: Vec<u32>,
    by_text: BTreeMap<&'a [u8], u32>,
    kept: Vec<Kept>,
}

impl<'a> KeptSections<'a> {
    pub(super) fn new(names: usize) -> Self {
        KeptSections { by_name: vec![0; names], by_text: BTreeMap::new(), kept: Vec::new() }
    }

    /// gold `find_or_add_kept_section`: `None` if the newcomer is kept, else who holds the name.
    fn claim(
        &mut self,
        name: Option<NameId>,
        text: &'a [u8],
        section: SectionId,
        is_group: bool,
    ) -> Option<SectionId> {
        let slot = match name {
            Some(name) => &mut self.by_name[name.idx()],
            None => self.by_text.entry(text).or_insert(0),
        };
        if *slot == 0 {
            self.kept.push(Kept { section, is_group });
            *slot = self.kept.len() as u32;
            return None;
        }
        let kept = &mut self.kept[*slot as usize - 1];
        if kept.is_group {
            return Some(kept.section);
        }
        if is_group {
            kept.is_group = true;
            return Some(kept.section);
        }
        None
    }
}

impl<'a, 'd> Resolver<'a, 'd> {
    /// Adds a relocatable object.
    pub(super) fn add_object(&mut self, file: FileId, object: &'a Object<'d>) {
        self.enter(file);
        if !self.program.files[file].mode.just_symbols {
            self.decide_copies(file, object);
        }
        self.add_object_symbols(file, object);
        self.watch.touched(self.program, file, |_| false);
    }

    /// A file takes its place in the link.
    pub(super) fn enter(&mut self, file: FileId) {
        self.resolution.in_link.insert(file.idx());
        self.resolution.files.push(file);
    }

    fn decide_copies(&mut self, file: FileId, object: &'a Object<'d>) {
        let notes: &'a FileNotes = &self.notes[file.idx()];
        if object.groups.is_empty() && notes.is_empty() {
            return;
        }
        let program = self.program;
        let input = &program.files[file];
        for &section in &notes.omitted {
            self.excluded.insert(input.section_id(section).idx());
        }
        let mut linkonce = notes.linkonce.iter().copied().peekable();
        for group in &object.groups {
            while let Some(section) = linkonce.next_if(|&s| s < group.section) {
                self.decide_linkonce(file, object, section);
            }
            if !group.comdat || self.excluded.contains(input.section_id(group.section).idx()) {
                continue;
            }
            let signature = object.signature(group);
            let name = match group.symbol.checked_sub(object.first_global) {
                Some(at) if !signature.is_empty() => input.names.get(at as usize).copied(),
                _ => program.names.find(signature),
            };
            let id = input.section_id(group.section);
            let Some(winner) = self.kept.claim(name, signature, id, true) else { continue };
            self.resolution.lost.insert(id.idx());
            self.resolution.lost_to.push((id, winner));
            self.excluded.insert(id.idx());
            for &member in object.members(group) {
                if member < group.section {
                    let message =
                        format!("invalid section group {} refers to earlier section {member}", group.section);
                    self.error(file, message);
                    continue;
                }
                let member = input.section_id(member).idx();
                self.resolution.lost.insert(member);
                self.excluded.insert(member);
            }
        }
        for section in linkonce {
            self.decide_linkonce(file, object, section);
        }
    }

    /// GS 6.2: a linkonce section claims its own name, and the symbol part of it against groups.
    fn decide_linkonce(&mut self, file: FileId, object: &'a Object<'d>, section: u32) {
        let program = self.program;
        let id = program.files[file].section_id(section);
        if self.excluded.contains(id.idx()) {
            return;
        }
        let full = object.section_name(section);
        let symbol = match full.strip_prefix(b".gnu.linkonce.t.") {
            Some(rest) => rest,
            None => full.iter().rposition(|&b| b == b'.').map_or(full, |dot| &full[dot + 1..]),
        };
        let first = self.kept.claim(program.names.find(symbol), symbol, id, false);
        let second = self.kept.claim(program.names.find(full), full, id, true);
        if let Some(winner) = second.or(first) {
            self.resolution.lost.insert(id.idx());
            self.resolution.lost_to.push((id, winner));
            self.excluded.insert(id.idx());
        }
    }

    fn add_object_symbols(&mut self, file: FileId, object: &'a Object<'d>) {
        let program = self.program;
        let input = &program.files[file];
        let just_symbols = input.mode.just_symbols;
        let hide = input.archive.is_some_and(|a| self.no_export[a.0 as usize]);
        let has_excluded = !self.notes[file.idx()].is_empty() || !object.groups.is_empty();
        let sparc = object.machine == EM_SPARCV9;
        for (at, &literal) in input.names.iter().enumerate() {
            let index = object.first_global + at as u32;
            let Some(symbol) = object.symbol(index) else { break };
            if sparc && symbol.kind == 13 {
                continue;
            }
            let mut new = mention(file, index, &symbol);
            if has_excluded && new.section != 0 && self.excluded.contains(input.section_id(new.section).idx())
            {
                new.section = 0;
                new.flags |= UNDEFINED;
                new.discarded = true;
            }
            let defined = symbol.place != Place::Undefined;
            if just_symbols {
                new.section = 0;
                new.flags = new.flags & !(UNDEFINED | COMMON) | ABSOLUTE;
                new.discarded = false;
            }
            if hide && defined && matches!(new.visibility, STV_DEFAULT | STV_PROTECTED) {
                new.visibility = STV_HIDDEN;
            }
            let entry = self.add_named(literal, input.has_versions, &new);
            if entry != literal.0 {
                self.odd.push((file, index, entry));
            }
            self.table.note_export(entry);
        }
    }

    /// Adds a data file: its symbols are global, start and end in its section, the size absolute.
    pub(super) fn add_data(&mut self, file: FileId) {
        self.enter(file);
        for (index, &name) in (0u32..).zip(&self.program.files[file].names) {
            let (section, place) = if index < 2 { (1, 0) } else { (0, ABSOLUTE) };
            let new = Mention {
                file,
                symbol: index,
                section,
                value: u64::from(index),
                size: 0,
                flags: place,
                visibility: STV_DEFAULT,
                common_type: false,
                discarded: false,
                wrappable: section == 0,
            };
            let entry = self.table.add(name, 0, false, &new);
            self.table.note_export(entry);
        }
    }

    /// Finds out name and version of an object's mention and adds it.
    #[inline]
    fn add_named(&mut self, literal: NameId, has_versions: bool, new: &Mention) -> u32 {
        if has_versions {
            let text = self.program.name(literal);
            if let Some(at) = self.program.names.version_at(literal) {
                let (base, version) = (&text[..at], &text[at + 1..]);
                let default = version.first() == Some(&b'@');
                let version = if default { &version[1..] } else { version };
                let number = self.table.version_number(version);
                // Forms without version have a number whenever the versioned form is mentioned.
                let base = self.program.names.find(base).unwrap_or(literal);
                return self.table.add(base, number, default, new);
            }
        }
        if self.options.has_versions()
            && new.flags & UNDEFINED == 0
            && let Some((version, global)) = self.options.version_of(literal)
        {
            let entry = if global && !version.is_empty() {
                let number = self.table.version_number(version);
                self.table.add(literal, number, true, new)
            } else {
                self.table.add(literal, 0, false, new)
            };
            if !global {
                self.table.force_local(entry);
            }
            return entry;
        }
        self.table.add(literal, 0, false, new)
    }

    /// Adds a shared library, unless one with its name is there already.
    pub(super) fn add_library(&mut self, file: FileId, library: &'a SharedLibrary<'d>) {
        self.watch.forget();
        let input = &self.program.files[file];
        let soname = library.soname.unwrap_or(input.path);
        if let Some(&first) = self.sonames.get(soname) {
            if !input.mode.as_needed {
                self.table.as_needed.set(first.idx(), false);
            }
            return;
        }
        self.sonames.insert(soname, file);
        self.resolution.in_link.insert(file.idx());
        self.libraries.push(file);
        self.table.as_needed.set(file.idx(), input.mode.as_needed);
        let mut objects: Vec<(u32, u32)> = Vec::new();
        for (at, (symbol, &name)) in library.symbols.iter().zip(&input.names).enumerate() {
            if matches!(symbol.visibility, STV_INTERNAL | STV_HIDDEN)
                || (symbol.local_version && symbol.defined)
            {
                continue;
            }
            let place = match symbol {
                s if !s.defined => UNDEFINED,
                s if s.common => COMMON,
                s if s.section >= SHN_LORESERVE => ABSOLUTE,
                _ => 0,
            };
            let new = Mention {
                file,
                symbol: at as u32,
                section: if place == 0 { symbol.section.into() } else { 0 },
                value: symbol.value,
                size: if symbol.common { symbol.size } else { 0 },
                flags: Mention::flags(symbol.weak, true, symbol.kind == STT_TLS, place),
                visibility: STV_DEFAULT,
                common_type: false,
                discarded: false,
                wrappable: !symbol.defined,
            };
            let version = symbol.version.filter(|v| !(symbol.absolute && *v == symbol.name));
            let entry = match version {
                None => self.table.add(name, 0, false, &new),
                Some(version) => {
                    let number = self.table.version_number(version);
                    self.table.add(name, number, symbol.defined && !symbol.hidden_version, &new)
                }
            };
            if place == 0 && symbol.kind == STT_OBJECT && self.table.entries[entry as usize].file == file {
                objects.push((at as u32, entry));
            }
        }
        link_aliases(&mut self.table, library, objects);
    }

    pub(super) fn error(&mut self, file: FileId, message: String) {
        let subject = String::from_utf8_lossy(&super::file_name(self.program, file)).into_owned();
        self.resolution.diagnostics.push(Diagnostic::new(Severity::Error, subject, message));
    }
}

#[inline]
fn mention(file: FileId, index: u32, symbol: &Symbol) -> Mention {
    let (place, section) = match symbol.place {
        Place::Undefined => (UNDEFINED, 0),
        Place::Common => (COMMON, 0),
        Place::Absolute => (ABSOLUTE, 0),
        Place::Section(section) => (0, section),
    };
    Mention {
        file,
        symbol: index,
        section,
        value: symbol.value,
        size: if place == COMMON { symbol.size } else { 0 },
        flags: Mention::flags(symbol.bind == STB_WEAK, false, symbol.kind == STT_TLS, place),
        visibility: symbol.visibility,
        common_type: symbol.kind == STT_COMMON,
        discarded: false,
        wrappable: section == 0,
    }
}

/// gold `record_weak_aliases`: a weak data symbol of a library and its other names at the same
/// place are overridden together.
fn link_aliases(table: &mut SymbolTable<'_, '_>, library: &SharedLibrary<'_>, mut objects: Vec<(u32, u32)>) {
    let row = |at: u32| library.symbols.get(at as usize);
    objects.sort_by_cached_key(|&(at, _)| row(at).map(|s| (s.section, s.value, !s.weak, s.name)));
    let place = |at: u32| row(at).map(|s| (s.section, s.value));
    let mut first = 0;
    while let Some(&(at, entry)) = objects.get(first) {
        let mut next = first + 1;
        if row(at).is_some_and(|s| s.weak) {
            let mut from = entry;
            while let Some(&(_, target)) = objects.get(next).filter(|(o, _)| place(*o) == place(at)) {
                table.link_alias(from, target);
                from = target;
                next += 1;
            }
            if from != entry {
                table.link_alias(from, entry);
            }
        }
        first = next;
    }
}

/// The content of a file as something that can be added.
pub(super) enum Addable<'a, 'd> {
    /// An object.
    Object(&'a Object<'d>),
    /// A shared library.
    Library(&'a SharedLibrary<'d>),
    /// Data.
    Data,
    /// Nothing that gold can read.
    Unreadable,
}

/// What a file is to the link.
pub(super) fn addable<'a, 'd>(program: &'a Program<'d>, file: FileId) -> Addable<'a, 'd> {
    match &program.files[file].content {
        Content::Object(object) => Addable::Object(object),
        Content::Shared(library) => Addable::Library(library),
        Content::Binary(_) => Addable::Data,
        Content::Opaque(_) => Addable::Unreadable,
    }
}

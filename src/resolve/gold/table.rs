//! gold's symbol table: one entry per name and version, and the rules by which a new mention
//! changes it (gold/resolve.cc, gold/symtab.cc).
//!
//! In: mentions, one at a time, in the order in which gold reads them. Out: entries that name the
//! winning file and symbol. Always true: the entry of a name without version stands at the name's
//! own number; entries of versions stand behind all names; `to` leads to the entry that replaced
//! this one.

use fixedbitset::FixedBitSet;
use hashbrown::HashMap;

use super::options::Options;
use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, NameId, SectionId};
use crate::load::elf::consts::{EM_PPC64, STV_DEFAULT, STV_HIDDEN, STV_INTERNAL, STV_PROTECTED};
use crate::program::{Content, Program};
use crate::resolve::merge_visibility;

/// "No entry".
pub(super) const NONE: u32 = u32::MAX;

/// The entry exists.
const PRESENT: u16 = 1;
/// STB_WEAK.
pub(super) const WEAK: u16 = 1 << 1;
/// The owner is a shared library.
pub(super) const DYNAMIC: u16 = 1 << 2;
/// Undefined (an ordinary section index of 0).
pub(super) const UNDEFINED: u16 = 1 << 3;
/// A common.
pub(super) const COMMON: u16 = 1 << 4;
/// Defined without a section: SHN_ABS and other reserved indexes.
pub(super) const ABSOLUTE: u16 = 1 << 5;
/// STT_TLS.
const TLS: u16 = 1 << 6;
/// Seen in a regular object.
pub(super) const IN_REGULAR: u16 = 1 << 7;
/// Seen in a shared library.
pub(super) const IN_DYNAMIC: u16 = 1 << 8;
/// Made local by visibility or a version script.
const FORCED_LOCAL: u16 = 1 << 9;
/// The binding of the reference that a library answers was recorded ...
const REFERENCE_SET: u16 = 1 << 10;
/// ... and was weak.
const REFERENCE_WEAK: u16 = 1 << 11;
/// `name@@version`.
const DEFAULT_VERSION: u16 = 1 << 12;
/// Part of a ring of aliases of one library.
const HAS_ALIAS: u16 = 1 << 13;
/// The last mention was defined in a section that is left out.
const IN_DISCARDED: u16 = 1 << 14;

/// The flags that one mention brings with it.
const OWN: u16 = WEAK | DYNAMIC | UNDEFINED | COMMON | ABSOLUTE | TLS;

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Common size.
    pub(super) size: u64,
    /// Name without version.
    pub(super) name: NameId,
    /// Owner.
    pub(super) file: FileId,
    /// Symbol index in the owner.
    pub(super) symbol: u32,
    /// Section index in the owner; 0 if in no section.
    pub(super) section: u32,
    /// Number of the version; 0 for none.
    version: u32,
    /// The entry that replaced this one.
    to: u32,
    flags: u16,
    /// STV_*.
    pub(super) visibility: u8,
}

const EMPTY: Entry = Entry {
    size: 0,
    name: NameId(0),
    file: FileId(u32::MAX),
    symbol: 0,
    section: 0,
    version: 0,
    to: NONE,
    flags: 0,
    visibility: STV_DEFAULT,
};

impl Entry {
    #[inline]
    pub(super) fn is(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// It was mentioned, and nothing replaced it.
    pub(super) fn is_present(&self) -> bool {
        self.is(PRESENT) && self.to == NONE
    }

    /// Defined, commons excluded.
    #[inline]
    pub(super) fn is_defined(&self) -> bool {
        self.flags & (UNDEFINED | COMMON) == 0
    }

    /// The section of the owner that the definition lies in.
    #[inline]
    pub(super) fn ordinary_section(&self) -> Option<u32> {
        (self.flags & (UNDEFINED | COMMON | ABSOLUTE) == 0).then_some(self.section)
    }

    #[inline]
    fn is_externally_visible(&self) -> bool {
        (self.visibility == STV_DEFAULT || self.visibility == STV_PROTECTED) && !self.is(FORCED_LOCAL)
    }
}

/// One mention on its way into the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mention {
    pub(super) file: FileId,
    pub(super) symbol: u32,
    /// Section index; 0 if undefined, common or absolute.
    pub(super) section: u32,
    pub(super) value: u64,
    pub(super) size: u64,
    /// Of the flags above those that a mention has.
    pub(super) flags: u16,
    pub(super) visibility: u8,
    /// STT_COMMON, which must stand in a common section.
    pub(super) common_type: bool,
    /// It came from a section that is left out.
    pub(super) discarded: bool,
    /// Undefined in the file itself, or without a section: `--wrap` applies.
    pub(super) wrappable: bool,
}

impl Mention {
    /// The flags of a mention.
    pub(super) fn flags(weak: bool, dynamic: bool, tls: bool, place: u16) -> u16 {
        place | if weak { WEAK } else { 0 } | if dynamic { DYNAMIC } else { 0 } | if tls { TLS } else { 0 }
    }
}

/// What `should_override` decides.
#[derive(Default)]
struct Decision {
    replace: bool,
    adjust_size: bool,
    adjust_reference: bool,
}

const REPLACE: Decision = Decision { replace: true, adjust_size: false, adjust_reference: false };
const KEEP: Decision = Decision { replace: false, adjust_size: false, adjust_reference: false };

/// The table and what adding to it decides on the way.
pub(super) struct SymbolTable<'a, 'd> {
    program: &'a Program<'d>,
    options: &'a Options<'a, 'd>,
    /// Entries: by name first, versions behind.
    pub(super) entries: Vec<Entry>,
    versioned: HashMap<(NameId, u32), u32, foldhash::fast::FixedState>,
    versions: HashMap<&'a [u8], u32, foldhash::fast::FixedState>,
    aliases: HashMap<u32, u32, foldhash::fast::FixedState>,
    /// How often a new undefined name appeared (groups end when it stays).
    pub(super) undefined_seen: u64,
    /// Entries that were a common at some time.
    pub(super) commons: Vec<u32>,
    /// Shared libraries with `--as-needed` in force.
    pub(super) as_needed: FixedBitSet,
    /// Shared libraries that some regular strong reference needs.
    pub(super) needed: FixedBitSet,
    rooted: FixedBitSet,
    /// Sections rooted so far, with the name.
    pub(super) early_roots: Vec<(SectionId, NameId)>,
    /// Errors.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'a, 'd> SymbolTable<'a, 'd> {
    pub(super) fn new(program: &'a Program<'d>, options: &'a Options<'a, 'd>) -> Self {
        let hasher = foldhash::fast::FixedState::default;
        SymbolTable {
            program,
            options,
            entries: vec![EMPTY; program.names.len()],
            versioned: HashMap::with_hasher(hasher()),
            versions: HashMap::with_hasher(hasher()),
            aliases: HashMap::with_hasher(hasher()),
            undefined_seen: 0,
            commons: Vec::new(),
            as_needed: FixedBitSet::with_capacity(program.files.len()),
            needed: FixedBitSet::with_capacity(program.files.len()),
            rooted: FixedBitSet::with_capacity(program.section_count as usize),
            early_roots: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// The number of a version name; never 0.
    pub(super) fn version_number(&mut self, version: &'a [u8]) -> u32 {
        let next = self.versions.len() as u32 + 1;
        *self.versions.entry(version).or_insert(next)
    }

    /// The entry of a name without version.
    #[inline]
    pub(super) fn lookup(&self, name: NameId) -> Option<u32> {
        let entry = &self.entries[name.idx()];
        if entry.to != NONE {
            return Some(self.follow(entry.to));
        }
        (entry.flags & PRESENT != 0).then_some(name.0)
    }

    /// The entry of a name with a version.
    pub(super) fn lookup_version(&self, name: NameId, version: &[u8]) -> Option<u32> {
        let number = *self.versions.get(version)?;
        self.versioned.get(&(name, number)).map(|&at| self.follow(at))
    }

    /// The entry that an entry leads to in the end.
    pub(super) fn follow(&self, mut at: u32) -> u32 {
        // An entry is replaced only by a younger or a versioned one, so this ends; the bound guards
        // against a mistake here.
        for _ in 0..64 {
            match self.entries.get(at as usize) {
                Some(entry) if entry.to != NONE => at = entry.to,
                _ => break,
            }
        }
        at
    }

    #[inline]
    fn get(&self, at: u32) -> &Entry {
        &self.entries[at as usize]
    }

    #[inline]
    fn get_mut(&mut self, at: u32) -> &mut Entry {
        &mut self.entries[at as usize]
    }

    /// Adds a mention under a name; `version` 0 means none. Returns the entry.
    #[inline]
    pub(super) fn add(&mut self, name: NameId, version: u32, default: bool, new: &Mention) -> u32 {
        let (mut name, mut version) = (name, version);
        if new.wrappable
            && self.options.any_wrap()
            && let Some(other) = self.options.wrapped(name)
        {
            (name, version) = (other, 0);
        }
        if version == 0 { self.add_plain(name, new) } else { self.add_versioned(name, version, default, new) }
    }

    #[inline]
    fn add_plain(&mut self, name: NameId, new: &Mention) -> u32 {
        match self.lookup(name) {
            Some(at) => {
                let before = self.state(at);
                self.resolve(at, new, 0, false);
                self.note_library(at);
                self.finish(at, before, new);
                at
            }
            None => {
                self.entries[name.idx()] = fresh(name, 0, new);
                self.finish(name.0, (false, false), new);
                name.0
            }
        }
    }

    fn add_versioned(&mut self, name: NameId, version: u32, default: bool, new: &Mention) -> u32 {
        let mut default = default;
        if let Some(&at) = self.versioned.get(&(name, version)) {
            let at = self.follow(at);
            let before = self.state(at);
            self.resolve(at, new, version, default);
            self.note_library(at);
            if default {
                self.define_default(at, name);
            } else {
                self.drop_default(at, name, new);
            }
            self.finish(at, before, new);
            return at;
        }
        let plain = if default { self.lookup(name) } else { None };
        if let Some(at) = plain {
            if self.get(at).version == 0 {
                let before = self.state(at);
                self.resolve(at, new, version, default);
                self.note_library(at);
                self.versioned.insert((name, version), at);
                self.get_mut(at).flags |= DEFAULT_VERSION;
                self.finish(at, before, new);
                return at;
            }
            default = false;
        }
        let at = self.entries.len() as u32;
        self.entries.push(fresh(name, version, new));
        self.versioned.insert((name, version), at);
        if default {
            self.get_mut(at).flags |= DEFAULT_VERSION;
            self.get_mut(name.0).to = at;
        }
        self.finish(at, (false, false), new);
        at
    }

    /// (undefined in a regular object, common) before a mention is added.
    #[inline]
    fn state(&self, at: u32) -> (bool, bool) {
        let entry = self.get(at);
        (entry.is(UNDEFINED) && entry.is(IN_REGULAR), entry.is(COMMON))
    }

    #[inline]
    fn finish(&mut self, at: u32, (was_undefined, was_common): (bool, bool), new: &Mention) {
        let entry = self.get(at);
        let flags = entry.flags;
        if !was_undefined && flags & UNDEFINED != 0 && flags & IN_REGULAR != 0 {
            self.undefined_seen += 1;
        }
        if !was_common && flags & COMMON != 0 {
            self.commons.push(at);
        }
        let visibility = self.get(at).visibility;
        if visibility == STV_HIDDEN || visibility == STV_INTERNAL {
            self.force_local(at);
        }
        if new.discarded {
            self.get_mut(at).flags |= IN_DISCARDED;
        }
    }

    /// Makes a defined symbol local.
    pub(super) fn force_local(&mut self, at: u32) {
        let entry = self.get_mut(at);
        if entry.flags & UNDEFINED == 0 {
            entry.flags |= FORCED_LOCAL;
        }
    }

    /// GS 4.5: after a regular object's mention, what will be exported is a root.
    #[inline]
    pub(super) fn note_export(&mut self, at: u32) {
        let entry = self.get(at);
        if entry.is_externally_visible() && !entry.is(DYNAMIC) && self.options.exports(entry.name) {
            self.mark(at);
        }
    }

    fn note_library(&mut self, at: u32) {
        let entry = self.get(at);
        if entry.is(IN_DYNAMIC) && !entry.is(DYNAMIC) {
            self.mark(at);
        }
    }

    fn mark(&mut self, at: u32) {
        let entry = *self.get(at);
        let Some(section) = entry.ordinary_section() else { return };
        let section = self.program.files[entry.file].section_id(section);
        // On ppc64 the name counts too: of `.opd` it roots one entry.
        let by_name = self.program.target.is_some_and(|t| t.machine == EM_PPC64);
        if !self.rooted.put(section.idx()) || by_name {
            self.early_roots.push((section, entry.name));
        }
    }

    /// A versioned default definition appears while the plain name has an entry of its own.
    fn define_default(&mut self, at: u32, name: NameId) {
        let Some(old) = self.lookup(name) else {
            self.get_mut(name.0).to = at;
            self.get_mut(at).flags |= DEFAULT_VERSION;
            return;
        };
        if old == at {
            return;
        }
        let (new, from) = (*self.get(at), *self.get(old));
        let separate = from.version != 0
            || (new.visibility != STV_DEFAULT && from.is(DYNAMIC))
            || (from.visibility != STV_DEFAULT && new.is(DYNAMIC))
            || (from.is(DYNAMIC) && new.is(DYNAMIC) && from.is_defined() && from.file != new.file);
        if separate {
            return;
        }
        let mention = Mention {
            file: from.file,
            symbol: from.symbol,
            section: from.section,
            value: self.value(&from),
            size: from.size,
            flags: from.flags & OWN,
            visibility: from.visibility,
            common_type: false,
            discarded: false,
            wrappable: false,
        };
        self.resolve(at, &mention, from.version, true);
        self.get_mut(at).flags |= from.flags & (IN_REGULAR | IN_DYNAMIC) | DEFAULT_VERSION;
        self.note_library(at);
        self.get_mut(old).to = at;
        self.get_mut(name.0).to = at;
    }

    /// `foo@V` defined where `foo@@V` was taken from a version script: the plain name is free again.
    fn drop_default(&mut self, at: u32, name: NameId, new: &Mention) {
        let entry = self.get(at);
        let same = entry.file == new.file
            && entry.section == new.section
            && new.flags & (COMMON | ABSOLUTE) == 0
            && entry.is(DEFAULT_VERSION);
        if same && at != name.0 {
            self.get_mut(at).flags &= !DEFAULT_VERSION;
            self.get_mut(name.0).to = NONE;
        }
    }

    fn value(&self, entry: &Entry) -> u64 {
        match &self.program.files[entry.file].content {
            Content::Object(object) => object.symbol(entry.symbol).map_or(0, |s| s.value),
            Content::Shared(library) => library.symbols.get(entry.symbol as usize).map_or(0, |s| s.value),
            _ => 0,
        }
    }

    /// A second or later mention (gold `Symbol_table::resolve`).
    #[inline]
    fn resolve(&mut self, at: u32, new: &Mention, version: u32, default: bool) {
        let to = *self.get(at);
        let new_ordinary = new.flags & (COMMON | ABSOLUTE) == 0;
        let to_ordinary = !to.is(COMMON | ABSOLUTE);
        if to.file == new.file
            && to.is_defined()
            && new_ordinary
            && to_ordinary
            && to.section == new.section
            && self.value(&to) == new.value
        {
            return;
        }
        if new.flags & ABSOLUTE != 0 && to.is(ABSOLUTE) && self.value(&to) == new.value {
            return;
        }
        if new.flags & DYNAMIC == 0 {
            if new.common_type && new.flags & COMMON == 0 {
                return;
            }
            self.get_mut(at).flags |= IN_REGULAR;
        } else if new.flags & UNDEFINED != 0 && (to.visibility == STV_HIDDEN || to.visibility == STV_INTERNAL)
        {
            return;
        } else {
            self.get_mut(at).flags |= IN_DYNAMIC;
        }
        if (to.flags ^ new.flags) & TLS != 0 {
            self.report("symbol used as both thread-local and not", to.name, new.file);
        }
        let decision = self.decide(&to, new, default);
        if decision.replace {
            self.replace(at, new, version);
            let entry = self.get_mut(at);
            if decision.adjust_size {
                entry.size = entry.size.max(to.size);
            }
            if decision.adjust_reference {
                set_reference(entry, to.is(WEAK));
            }
        } else {
            let entry = self.get_mut(at);
            if decision.adjust_size {
                entry.size = entry.size.max(new.size);
            }
            if decision.adjust_reference {
                set_reference(entry, new.flags & WEAK != 0);
            }
            entry.visibility = merge_visibility(entry.visibility, new.visibility);
        }
        let entry = self.get(at);
        if entry.is(DYNAMIC) && entry.is(IN_REGULAR) && !entry.is(REFERENCE_WEAK) {
            let file = entry.file;
            self.needed.insert(file.idx());
        }
    }

    fn replace(&mut self, at: u32, new: &Mention, version: u32) {
        let mut next = at;
        loop {
            let entry = self.get_mut(next);
            entry.file = new.file;
            entry.symbol = new.symbol;
            entry.section = new.section;
            entry.version = version;
            entry.size = new.size;
            entry.visibility = merge_visibility(entry.visibility, new.visibility);
            let seen = if new.flags & DYNAMIC != 0 { IN_DYNAMIC } else { IN_REGULAR };
            entry.flags = entry.flags & !OWN | new.flags | seen;
            if entry.flags & HAS_ALIAS == 0 {
                return;
            }
            match self.aliases.get(&next) {
                Some(&other) if other != at => next = other,
                _ => return,
            }
        }
    }

    /// Connects two entries of one library that stand at the same place.
    pub(super) fn link_alias(&mut self, from: u32, to: u32) {
        self.aliases.insert(from, to);
        self.get_mut(from).flags |= HAS_ALIAS;
    }

    /// gold `should_override`: what a new mention does to an entry.
    fn decide(&mut self, to: &Entry, new: &Mention, default: bool) -> Decision {
        let to_dynamic = to.is(DYNAMIC);
        let (weak, dynamic) = (new.flags & WEAK != 0, new.flags & DYNAMIC != 0);
        let reference = Decision { adjust_reference: true, ..KEEP };
        if new.flags & UNDEFINED != 0 {
            if dynamic {
                return KEEP;
            }
            if to.is(UNDEFINED) {
                // Strong beats weak and libraries'; weak beats only a library's weak one.
                let replace = if weak { to_dynamic && to.is(WEAK) } else { to_dynamic || to.is(WEAK) };
                return Decision { replace, ..KEEP };
            }
            return if to_dynamic && !to.is(COMMON) { reference } else { KEEP };
        }
        if new.flags & COMMON != 0 {
            return decide_common(to, weak, dynamic);
        }
        if !dynamic {
            if to.is(UNDEFINED) {
                return REPLACE;
            }
            if to.is(COMMON) {
                return Decision { replace: !weak || to_dynamic, ..KEEP };
            }
            if to_dynamic || (to.is(WEAK) && !weak) {
                return REPLACE;
            }
            if !weak {
                self.report_duplicate(to, new.file);
            }
            return KEEP;
        }
        // A definition in a shared library.
        if to.is(UNDEFINED) {
            let adjust = !to_dynamic && (weak || to.is(WEAK));
            return Decision { replace: true, adjust_size: false, adjust_reference: adjust };
        }
        if !to_dynamic {
            return KEEP;
        }
        if !weak && !to.is(COMMON) && to.file == new.file && to.version == 0 && default {
            return REPLACE;
        }
        let unused = to.is(IN_REGULAR)
            && to.is(REFERENCE_WEAK)
            && self.as_needed.contains(to.file.idx())
            && !self.needed.contains(to.file.idx());
        Decision { replace: unused, ..KEEP }
    }

    fn report_duplicate(&mut self, to: &Entry, file: FileId) {
        let just_symbols = |f: FileId| self.program.files[f].mode.just_symbols;
        if self.program.plan.allow_multiple_definition || just_symbols(to.file) || just_symbols(file) {
            return;
        }
        let first = String::from_utf8_lossy(&super::file_name(self.program, to.file)).into_owned();
        let name = String::from_utf8_lossy(self.program.name(to.name)).into_owned();
        let message = format!("multiple definition of '{name}' (first defined in {first})");
        let subject = String::from_utf8_lossy(&super::file_name(self.program, file)).into_owned();
        self.diagnostics.push(Diagnostic::new(Severity::Error, subject, message));
    }

    fn report(&mut self, what: &str, name: NameId, file: FileId) {
        let name = String::from_utf8_lossy(self.program.name(name)).into_owned();
        let subject = String::from_utf8_lossy(&super::file_name(self.program, file)).into_owned();
        self.diagnostics.push(Diagnostic::new(Severity::Error, subject, format!("{what}: {name}")));
    }
}

fn fresh(name: NameId, version: u32, new: &Mention) -> Entry {
    let seen = if new.flags & DYNAMIC != 0 { IN_DYNAMIC } else { IN_REGULAR };
    Entry {
        size: new.size,
        name,
        file: new.file,
        symbol: new.symbol,
        section: new.section,
        version,
        to: NONE,
        flags: PRESENT | new.flags | seen,
        visibility: new.visibility,
    }
}

fn set_reference(entry: &mut Entry, weak: bool) {
    if !entry.is(REFERENCE_SET) || entry.is(REFERENCE_WEAK) {
        entry.flags &= !REFERENCE_WEAK;
        entry.flags |= REFERENCE_SET | if weak { REFERENCE_WEAK } else { 0 };
    }
}

fn decide_common(to: &Entry, weak: bool, dynamic: bool) -> Decision {
    let to_dynamic = to.is(DYNAMIC);
    if to.is(UNDEFINED) {
        return REPLACE;
    }
    if !to.is(COMMON) {
        // Only a strong regular common beats a definition, and only a weak or a library's one.
        return Decision { replace: !weak && !dynamic && (to_dynamic || to.is(WEAK)), ..KEEP };
    }
    match (dynamic, weak) {
        (true, _) => Decision { adjust_size: true, ..KEEP },
        (false, true) => KEEP,
        (false, false) if to_dynamic => Decision { replace: true, adjust_size: true, ..KEEP },
        (false, false) if to.is(WEAK) => REPLACE,
        (false, false) => Decision { adjust_size: true, ..KEEP },
    }
}

//! bfd's symbol table while files are added: one state per name, merged as
//! `_bfd_elf_merge_symbol` and the generic linker's action table do (GS 3.4).

use fixedbitset::FixedBitSet;

use super::{Link, opd};
use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, Id, NameId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Place, Symbol};
use crate::plan::OutputKind;
use crate::program::{Content, Program};
use crate::resolve::{DefKind, Definition, Resolution, WinningCommon, Wraps, merge_visibility};

/// What a name is at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    New,
    UndefinedWeak,
    Undefined,
    Defined,
    DefinedWeak,
    Common,
    /// Assigned by a script or `--defsym`.
    Assigned,
}

/// A name's entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) state: State,
    /// Defined by a shared library.
    pub(super) dynamic: bool,
    /// Definition in a shared library lies in uninitialised data, so that it may be a common.
    pub(super) dynamic_common: bool,
    pub(super) function: bool,
    /// ppc64: made because `.foo` is undefined; no file names it yet.
    pub(super) fake: bool,
    /// STT_* as far as known (bfd `elf_link_hash_entry::type`).
    pub(super) kind: u8,
    /// The `foo` made from `foo@@V` rather than defined under its own name.
    pub(super) alias: bool,
    pub(super) ref_regular: bool,
    pub(super) ref_regular_strong: bool,
    pub(super) ref_dynamic: bool,
    pub(super) ref_dynamic_strong: bool,
    /// It has a place in the dynamic symbol table.
    pub(super) recorded: bool,
    /// Hidden when it was to be recorded: no dynamic root any more.
    pub(super) forced_local: bool,
    /// Its reference is a symbol of a discarded section (`indx == -3`).
    pub(super) discarded: bool,
    pub(super) visibility: u8,
    pub(super) file: FileId,
    pub(super) symbol: u32,
    pub(super) size: u64,
}

const NEW: Entry = Entry {
    state: State::New,
    dynamic: false,
    dynamic_common: false,
    function: false,
    fake: false,
    kind: 0,
    alias: false,
    ref_regular: false,
    ref_regular_strong: false,
    ref_dynamic: false,
    ref_dynamic_strong: false,
    recorded: false,
    forced_local: false,
    discarded: false,
    visibility: 0,
    file: FileId(u32::MAX),
    symbol: 0,
    size: 0,
};

impl Entry {
    fn is_hidden(&self) -> bool {
        matches!(self.visibility, STV_HIDDEN | STV_INTERNAL)
    }

    /// The end of adding a symbol (bfd `bfd_elf_link_record_dynamic_symbol` and its caller):
    /// `wanted` says that both sides, regular and dynamic, know the name.
    pub(super) fn record(&mut self, wanted: bool) {
        let undefined = matches!(self.state, State::Undefined | State::UndefinedWeak | State::New);
        if wanted && !self.recorded {
            if self.is_hidden() && !undefined {
                self.forced_local = true;
            } else {
                self.recorded = true;
            }
        } else if self.recorded && self.is_hidden() {
            self.forced_local = true;
        }
    }
}

/// All names' entries.
pub(super) struct Symbols {
    entries: Vec<Entry>,
    discarded: FixedBitSet,
    /// A linker plugin is loaded: names demanded by options take their first referrer.
    plugin: bool,
    wraps: Wraps,
    /// Names in the order in which they became common.
    common_order: Vec<NameId>,
}

impl Symbols {
    pub(super) fn new(program: &Program<'_>) -> Self {
        Symbols {
            entries: vec![NEW; program.names.len()],
            discarded: FixedBitSet::with_capacity(program.section_count as usize),
            plugin: program.plan.plugin.is_some(),
            wraps: Wraps::default(),
            common_order: Vec::new(),
        }
    }

    pub(super) fn set_wraps(&mut self, wraps: Wraps) {
        self.wraps = wraps;
    }

    pub(super) fn state(&self, name: NameId) -> State {
        self.entries[name.idx()].state
    }

    /// Defined in any way, commons excepted.
    fn is_defined(&self, name: NameId) -> bool {
        matches!(self.state(name), State::Defined | State::DefinedWeak | State::Assigned)
    }

    pub(super) fn in_discarded(&self, name: NameId) -> bool {
        self.entries[name.idx()].discarded
    }

    pub(super) fn first_reference(&self, name: NameId) -> Option<FileId> {
        let file = self.entries[name.idx()].file;
        (file.0 != u32::MAX).then_some(file)
    }

    pub(super) fn peek(&self, name: NameId) -> &Entry {
        &self.entries[name.idx()]
    }

    pub(super) fn entry(&mut self, name: NameId) -> &mut Entry {
        &mut self.entries[name.idx()]
    }

    /// A section whose symbols count as undefined.
    pub(super) fn discard(&mut self, section: SectionId) {
        self.discarded.insert(section.idx());
    }

    /// Makes a name undefined without a referrer; true if it was new.
    pub(super) fn demand(&mut self, name: NameId) -> bool {
        let entry = &mut self.entries[name.idx()];
        if entry.state == State::New {
            entry.state = State::Undefined;
            return true;
        }
        false
    }

    /// Assigns a name by script.
    pub(super) fn assign(&mut self, name: NameId) {
        let entry = &mut self.entries[name.idx()];
        entry.state = State::Assigned;
        entry.alias = false;
    }

    /// The entry an index name answers: itself, or for `x@@V` also `x@V` and `x` (bfd
    /// `_bfd_elf_archive_symbol_lookup`).
    ///
    /// On ppc64 `foo` also answers `.foo` while no file names `foo` itself, and `__tls_get_addr_opt`
    /// answers `__tls_get_addr_desc` (`ppc64_elf_archive_symbol_lookup`).
    pub(super) fn archive_lookup(&self, program: &Program<'_>, name: NameId) -> Option<NameId> {
        let found = self.plain_lookup(program, name);
        if !opd::applies(program) || found.is_some_and(|n| !self.entries[n.idx()].fake) {
            return found;
        }
        let text = program.name(name);
        if opd::is_dot_name(text) {
            return found;
        }
        let known = |n: &NameId| self.entries[n.idx()].state != State::New;
        let dot = program.names.find(&[b".", text].concat()).filter(known);
        let other = || program.names.find(b"__tls_get_addr_desc").filter(known);
        dot.or_else(|| if text == b"__tls_get_addr_opt" { other() } else { None })
    }

    fn plain_lookup(&self, program: &Program<'_>, name: NameId) -> Option<NameId> {
        if self.entries[name.idx()].state != State::New {
            return Some(name);
        }
        let at = program.names.version_at(name)?;
        let text = program.name(name);
        if text.get(at + 1) != Some(&b'@') {
            return None;
        }
        let single = [&text[..=at], &text[at + 2..]].concat();
        let known = |n: &NameId| self.entries[n.idx()].state != State::New;
        let found = program.names.find(&single).filter(known);
        found.or_else(|| program.names.find(&text[..at]).filter(known))
    }

    /// ld `plugin_notice`: with a plugin, a demanded name gets a real referrer when one comes.
    pub(super) fn notice(&mut self, name: NameId, file: FileId, index: u32) {
        let entry = &mut self.entries[name.idx()];
        let undefined = matches!(entry.state, State::Undefined | State::UndefinedWeak);
        if self.plugin && undefined && entry.file.0 == u32::MAX {
            entry.file = file;
            entry.symbol = index;
        }
    }

    /// `--wrap`: where a reference to `name` goes.
    pub(super) fn wrapped(&self, name: NameId) -> NameId {
        self.wraps.by_first(name)
    }

    /// Hands the final states over.
    pub(super) fn finish(self, out: &mut Resolution) {
        let dynamic = |entry: &Entry| entry.ref_dynamic && !entry.forced_local;
        for (index, entry) in self.entries.iter().enumerate() {
            let name = NameId::from_usize(index);
            let kind = match entry.state {
                State::New => DefKind::Unknown,
                State::Undefined => DefKind::Undefined,
                State::UndefinedWeak => DefKind::UndefinedWeak,
                State::Defined if entry.dynamic => DefKind::Shared,
                State::DefinedWeak if entry.dynamic => DefKind::Shared,
                State::Defined => DefKind::Strong,
                State::DefinedWeak => DefKind::Weak,
                State::Common => DefKind::Common,
                State::Assigned => DefKind::Assigned,
            };
            out.definitions[name] = Definition { kind, file: entry.file, symbol: entry.symbol };
            out.visibility[name] = entry.visibility;
            if dynamic(entry) {
                out.dynamic_reference.insert(index);
            }
        }
        let mut seen = FixedBitSet::with_capacity(self.entries.len());
        for &name in &self.common_order {
            let entry = self.entries[name.idx()];
            if entry.state == State::Common && !entry.alias && !seen.put(name.idx()) {
                let common = WinningCommon { name, file: entry.file, symbol: entry.symbol, size: entry.size };
                out.commons.push(common);
            }
        }
    }
}

impl Link<'_, '_> {
    /// Adds an object's COMDAT choices and symbols.
    pub(super) fn add_object(&mut self, file: FileId) {
        let program = self.program;
        if self.out.in_link.put(file.idx()) {
            return;
        }
        let f = &program.files[file];
        self.entered.push(file);
        if !f.mode.just_symbols {
            self.out.files.push(file);
        }
        if matches!(f.content, Content::Binary(_)) {
            self.define_binary(file);
        }
        let Content::Object(object) = &f.content else { return };
        // ld `section_already_linked`: no section of a file given for its symbols takes part.
        if !f.mode.just_symbols {
            self.choose_comdats(file);
        }
        let defined: Vec<bool> = match self.watch.is_on() {
            true => f.names.iter().map(|&name| self.symbols.is_defined(name)).collect(),
            false => Vec::new(),
        };
        let hidden_by_exclude = is_excluded(program, file);
        let dead = self.dead_descriptors(file, object);
        for (index, &name) in (object.first_global..).zip(&f.names) {
            if self.out.stopped {
                return;
            }
            let Some(mut symbol) = object.symbol(index) else { continue };
            // sparc v9: register symbols are neither references nor definitions (targets 3).
            if symbol.kind == 13 && object.machine == EM_SPARCV9 {
                continue;
            }
            if f.mode.just_symbols && symbol.kind == STT_TLS && matches!(symbol.place, Place::Section(_)) {
                continue;
            }
            let mut discarded = false;
            if let Place::Section(section) = symbol.place {
                let id = f.section_id(section);
                if self.is_discarded(id) {
                    symbol.place = Place::Undefined;
                    discarded = true;
                } else if dead.as_ref().is_some_and(|(opd, at)| *opd == section && at.contains(&symbol.value))
                {
                    symbol.place = Place::Undefined;
                }
            }
            if hidden_by_exclude && symbol.place != Place::Undefined && symbol.visibility != STV_INTERNAL {
                symbol.visibility = STV_HIDDEN;
            }
            if symbol.place == Place::Undefined {
                let target = self.symbols.wrapped(name);
                self.refer(file, target, index, &symbol, discarded);
            } else {
                self.define(file, name, index, &symbol, false);
                self.define_versioned(file, name, index, &symbol);
            }
        }
        self.adjust_dot_names(Some(object));
        self.watch.touched(program, file, |place| defined.get(place).copied().unwrap_or(false));
    }

    /// Whether symbols of a section count as undefined.
    pub(super) fn is_discarded(&self, section: SectionId) -> bool {
        self.out.lost.contains(section.idx()) || self.symbols.discarded.contains(section.idx())
    }

    /// ppc64: remembers a `.foo` that some file is the first to name.
    pub(super) fn note_dot_name(&mut self, name: NameId) {
        if opd::applies(self.program) && opd::is_dot_name(self.program.name(name)) {
            self.dot_names.push(name);
        }
    }

    /// The symbols of a data file (bfd `binary.c`): they lie in its never collected section.
    fn define_binary(&mut self, file: FileId) {
        let path = self.program.files[file].path;
        let plain = |b: &u8| if b.is_ascii_alphanumeric() { *b } else { b'_' };
        let stem: Vec<u8> = b"_binary_".iter().copied().chain(path.iter().map(plain)).collect();
        for suffix in [&b"_start"[..], b"_end", b"_size"] {
            let Some(name) = self.program.names.find(&[&stem, suffix].concat()) else { continue };
            let entry = self.symbols.entry(name);
            if matches!(entry.state, State::New | State::Undefined | State::UndefinedWeak) {
                entry.state = State::Defined;
                entry.file = file;
            }
        }
    }

    /// A definition `x@@V` also defines `x` and `x@V` where nothing else does (bfd
    /// `_bfd_elf_add_default_symbol`).
    fn define_versioned(&mut self, file: FileId, name: NameId, index: u32, symbol: &Symbol) {
        let Some(at) = self.program.names.version_at(name) else { return };
        let text = self.program.name(name);
        if text.get(at + 1) != Some(&b'@') {
            return;
        }
        let single = [&text[..=at], &text[at + 2..]].concat();
        let names = [self.program.names.find(&text[..at]), self.program.names.find(&single)];
        for alias in names.into_iter().flatten() {
            let state = self.symbols.entry(alias).state;
            let free = matches!(state, State::New | State::Undefined | State::UndefinedWeak)
                || self.symbols.entry(alias).dynamic;
            if free {
                self.define(file, alias, index, symbol, true);
            }
        }
    }

    /// A reference from a regular object.
    pub(super) fn refer(&mut self, file: FileId, name: NameId, index: u32, symbol: &Symbol, discarded: bool) {
        let weak = symbol.bind == STB_WEAK;
        let shared = self.program.plan.output_kind == OutputKind::Shared;
        self.symbols.notice(name, file, index);
        if !self.check_tls(file, name, symbol.kind, false) {
            return;
        }
        if self.symbols.state(name) == State::New {
            self.note_dot_name(name);
        }
        let entry = self.symbols.entry(name);
        entry.fake = false;
        entry.visibility = merge_visibility(entry.visibility, symbol.visibility);
        if symbol.visibility != STV_DEFAULT && entry.dynamic {
            // A non-default reference from an object removes a library's definition.
            entry.dynamic = false;
            entry.ref_dynamic = symbol.visibility == STV_PROTECTED;
            entry.state = if entry.ref_regular_strong { State::Undefined } else { State::New };
            entry.file = file;
        }
        entry.ref_regular = true;
        entry.ref_regular_strong |= !weak;
        match entry.state {
            State::New => {
                entry.state = if weak { State::UndefinedWeak } else { State::Undefined };
                entry.file = file;
                entry.symbol = index;
                entry.discarded = discarded;
                self.undefs += u64::from(!weak);
            }
            State::UndefinedWeak if !weak => {
                entry.state = State::Undefined;
                entry.file = file;
                entry.symbol = index;
                // `indx` stays -3 once it is.
                entry.discarded |= discarded;
                self.undefs += 1;
            }
            _ => {
                if discarded {
                    entry.discarded = true;
                }
            }
        }
        let wanted = shared || entry.dynamic || entry.ref_dynamic;
        entry.record(wanted);
    }

    /// A definition or common from a regular object.
    fn define(&mut self, file: FileId, name: NameId, index: u32, symbol: &Symbol, alias: bool) {
        if !self.check_tls(file, name, symbol.kind, symbol.place != Place::Common) {
            return;
        }
        if self.symbols.state(name) == State::New {
            self.note_dot_name(name);
        }
        let entry = self.symbols.entry(name);
        entry.fake = false;
        if symbol.visibility != STV_DEFAULT && entry.dynamic {
            // A non-default definition removes a library's, and with it the dynamic reference.
            entry.dynamic = false;
            entry.ref_dynamic = symbol.visibility == STV_PROTECTED;
            entry.state = if entry.ref_regular_strong { State::Undefined } else { State::New };
        }
        self.merge_definition(file, name, index, symbol, alias);
        let shared = self.program.plan.output_kind == OutputKind::Shared;
        let entry = self.symbols.entry(name);
        let wanted = shared || entry.dynamic || entry.ref_dynamic;
        entry.record(wanted);
    }

    /// A name that is thread-local in one file only ends the link at once (bfd
    /// `_bfd_elf_merge_symbol`); false if so. Names without a file, demanded by options, are free.
    pub(super) fn check_tls(&mut self, file: FileId, name: NameId, kind: u8, defines: bool) -> bool {
        let entry = self.symbols.entry(name);
        let known = entry.file.0 != u32::MAX && !matches!(entry.state, State::New | State::Assigned);
        if known && kind != entry.kind && (kind == STT_TLS || entry.kind == STT_TLS) {
            let other = entry.file;
            let (thread, plain) = if kind == STT_TLS { (file, other) } else { (other, file) };
            let text = String::from_utf8_lossy(self.program.name(name)).into_owned();
            let message = format!(
                "{text}: thread-local in {}, not in {}",
                self.program.label(thread),
                self.program.label(plain)
            );
            self.out.diagnostics.push(Diagnostic::new(Severity::Error, self.program.label(file), message));
            self.out.stopped = true;
            return false;
        }
        if kind != STT_NOTYPE && (defines || entry.kind == STT_NOTYPE) {
            entry.kind = kind;
        }
        true
    }

    fn merge_definition(&mut self, file: FileId, name: NameId, index: u32, symbol: &Symbol, alias: bool) {
        let weak = symbol.bind == STB_WEAK;
        // A weak common is a weak definition without a section (generic linker, DEFW row).
        let common = symbol.place == Place::Common && !weak;
        let function = matches!(symbol.kind, STT_FUNC | STT_GNU_IFUNC);
        let entry = self.symbols.entry(name);
        let old = *entry;
        // A second strong definition is refused or passed over whole, visibility included.
        let second = old.state == State::Defined && !old.dynamic && !weak && !common;
        if !second || alias || old.alias {
            entry.visibility = merge_visibility(old.visibility, symbol.visibility);
        }
        let set = |entry: &mut Entry, state: State| {
            entry.state = state;
            entry.file = file;
            entry.symbol = index;
            entry.function = function;
            entry.alias = alias;
            entry.discarded = false;
            if entry.dynamic {
                // Defined by a library too: the library's definition becomes a reference.
                entry.dynamic = false;
                entry.ref_dynamic = true;
            }
        };
        if common {
            match old.state {
                State::New | State::Undefined | State::UndefinedWeak | State::Assigned => {
                    set(entry, State::Common);
                    entry.size = symbol.size;
                    if old.state == State::New {
                        self.undefs += 1;
                    }
                    self.symbols.common_order.push(name);
                }
                State::DefinedWeak if !old.dynamic => {
                    set(entry, State::Common);
                    entry.size = symbol.size;
                    self.symbols.common_order.push(name);
                }
                State::Common => {
                    if symbol.size > old.size {
                        entry.size = symbol.size;
                        entry.file = file;
                        entry.symbol = index;
                    }
                }
                State::Defined | State::DefinedWeak if old.dynamic => {
                    let oldweak = old.state == State::DefinedWeak;
                    if oldweak || old.function || old.dynamic_common {
                        let size = if old.dynamic_common { symbol.size.max(old.size) } else { symbol.size };
                        set(entry, State::Common);
                        entry.size = size;
                        self.symbols.common_order.push(name);
                    } else {
                        entry.ref_regular = true;
                    }
                }
                State::Defined | State::DefinedWeak => entry.ref_regular = true,
            }
            return;
        }
        let state = if weak { State::DefinedWeak } else { State::Defined };
        match old.state {
            // A script symbol counts as undefined when an object defines it; the script's evaluation
            // before garbage collection takes it back.
            State::New | State::Undefined | State::UndefinedWeak | State::Assigned => set(entry, state),
            State::Common => {
                if !weak {
                    set(entry, state);
                }
            }
            State::Defined | State::DefinedWeak if old.dynamic => set(entry, state),
            State::DefinedWeak => {
                if !weak {
                    set(entry, state);
                }
            }
            State::Defined => {
                if !weak && !alias && !old.alias && !self.program.plan.allow_multiple_definition {
                    self.multiple_definition(name, file, old.file);
                } else if !weak && old.alias && !alias {
                    set(self.symbols.entry(name), state);
                }
            }
        }
    }

    /// ld `multiple_definition`: sections that never reach the output do not count.
    fn multiple_definition(&mut self, name: NameId, file: FileId, first: FileId) {
        let just_symbols = |f: FileId| self.program.files.get(f).is_some_and(|input| input.mode.just_symbols);
        if just_symbols(file) || just_symbols(first) {
            return;
        }
        let text = String::from_utf8_lossy(self.program.name(name)).into_owned();
        let message =
            format!("multiple definition of `{text}'; {}: first defined here", self.program.label(first));
        let label = self.program.label(file);
        self.out.diagnostics.push(Diagnostic::new(Severity::Error, label, message));
    }
}

/// `--exclude-libs` (ld `check_excluded_libs`): the archive's file name, with or without `.a`.
fn is_excluded(program: &Program<'_>, file: FileId) -> bool {
    let names = &program.plan.exclude_libs;
    let Some(archive) = program.files[file].archive.filter(|_| !names.is_empty()) else { return false };
    let path = program.archives[archive].path;
    let base = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let stem = base.strip_suffix(b".a").unwrap_or(base);
    names.iter().any(|name| name == "ALL" || name == base || name == stem)
}

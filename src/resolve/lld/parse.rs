//! lld reads files: eagerly, in order, a member at the moment when a strong reference meets its
//! offer. What lld does by recursion is done here with an explicit stack of [`Frame`]s, so depth
//! costs memory only.
//!
//! In: the program's tables. Out: filled [`Symbols`], the files in parse order, extractions in the
//! order in which lld records them (a member's own extractions stand before it). Sources: lld
//! `Driver.cpp` (`addFile`, `link`), `InputFiles.cpp` (`doParseFile`, `initializeSymbols`,
//! `parseLazy`, `ArchiveFile::parse`, `SharedFile::parse`, `BinaryFile::parse`).

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::discard;
use super::symbols::{Definer, Era, INTERNAL, Kind, Reference, Symbols, Then, flag};
use crate::error::{Diagnostic, Severity};
use crate::ids::{ArchiveId, FileId, NameId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Symbol};
use crate::load::lto::libcalls;
use crate::plan::OutputKind;
use crate::program::{Content, Half, LinkItem, Opaque, Program};
use crate::resolve::{Asker, Extraction};

/// The asker text of a member that lld 14 takes to replace a common: its own report leaves it out.
pub(crate) const FOR_COMMON: &str = "<common>";

/// The asker text of bitcode members taken for code generation: lld 14's own report leaves it out.
pub(crate) const LIBCALL: &str = "<libcall>";

/// Unfinished reading of one file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    /// Definitions of an object from symbol `next` on; its references so far stand in
    /// `references` from `start` on.
    Definitions { file: FileId, next: u32, start: u32 },
    /// References of an object: positions `next..end` of `references`.
    References { file: FileId, next: u32, start: u32, end: u32 },
    /// Offers of an object that is not read, from symbol `next` on.
    Offers { file: FileId, next: u32 },
    /// Index entries of an archive from `next` on (lld 14).
    Index { archive: ArchiveId, next: u32 },
    /// Dynamic symbols from `next` on.
    Library { file: FileId, next: u32 },
    /// The member asked for was read: write the record, note the reference.
    Report { name: NameId, reference: u32, reported: bool, referenced: bool },
}

/// The link while files are read.
pub(super) struct Reader<'a, 'd> {
    pub(super) program: &'a Program<'d>,
    pub(super) era: Era,
    pub(super) symbols: Symbols,
    /// Sections discarded on reading.
    pub(super) discarded: FixedBitSet,
    /// Members of losing COMDAT copies.
    pub(super) lost: FixedBitSet,
    /// Losing and winning group sections.
    pub(super) lost_to: Vec<(SectionId, SectionId)>,
    /// Objects in parse order, without those of `--just-symbols`.
    pub(super) objects: Vec<FileId>,
    /// The same, with them.
    pub(super) symbol_files: Vec<FileId>,
    /// Binary data files in parse order.
    pub(super) binaries: Vec<FileId>,
    /// Files whose reading began.
    pub(super) read: FixedBitSet,
    /// Members in the order of lld's own records.
    pub(super) extractions: Vec<Extraction>,
    /// Names in order of first entry; only kept when `--undefined-glob` needs it.
    pub(super) order: Option<Vec<NameId>>,
    /// lld 14: names that some file mentions as thread-local.
    pub(super) thread_locals: BTreeSet<NameId>,
    /// Default-version names: stem to full name.
    pub(super) suffixed: BTreeMap<u32, NameId>,
    /// By name: the row it stands for (`x@@V` is `x`); empty if every name is its own.
    stems: Vec<u32>,
    /// Some object names a version.
    pub(super) versions: bool,
    /// By signature name: winning group section id, `u32::MAX` if none yet.
    comdats: Vec<u32>,
    /// Signatures that are no interned name.
    other_comdats: BTreeMap<&'d [u8], u32>,
    finished_archives: FixedBitSet,
    sonames: BTreeSet<&'d [u8]>,
    fortran_common: bool,
    pub(super) relocatable: bool,
    references: Vec<u32>,
    pub(super) stack: Vec<Frame>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'a, 'd> Reader<'a, 'd> {
    pub(super) fn new(program: &'a Program<'d>, era: Era, keep_order: bool) -> Self {
        let (stems, versions) = stems(program);
        let (files, sections) = (program.files.len(), program.section_count as usize);
        Reader {
            program,
            era,
            symbols: Symbols::new(program.names.len(), era),
            discarded: discard::all(program),
            lost: FixedBitSet::with_capacity(sections),
            lost_to: Vec::new(),
            objects: Vec::new(),
            symbol_files: Vec::new(),
            binaries: Vec::new(),
            read: FixedBitSet::with_capacity(files),
            extractions: Vec::new(),
            order: keep_order.then(Vec::new),
            thread_locals: BTreeSet::new(),
            suffixed: BTreeMap::new(),
            stems,
            versions,
            comdats: vec![u32::MAX; program.names.len()],
            other_comdats: BTreeMap::new(),
            finished_archives: FixedBitSet::with_capacity(program.archives.len()),
            sonames: BTreeSet::new(),
            fortran_common: program.plan.fortran_common.unwrap_or(era == Era::Fourteen),
            relocatable: program.plan.output_kind == OutputKind::Relocatable,
            references: Vec::new(),
            stack: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// The row that a name stands for.
    #[inline]
    pub(super) fn canonical(&self, name: NameId) -> NameId {
        self.stems.get(name.idx()).map_or(name, |&stem| NameId(stem))
    }

    /// The row of a name that some file has entered (`SymbolTable::find`).
    pub(super) fn find(&self, name: &[u8]) -> Option<NameId> {
        let name = self.program.names.find(name)?;
        let stands_for_itself = self.canonical(name) == name;
        (stands_for_itself && self.symbols.row(name).has(flag::INSERTED)).then_some(name)
    }

    /// Enters a name; returns its row's name.
    #[inline]
    pub(super) fn insert(&mut self, name: NameId) -> NameId {
        let row = self.canonical(name);
        if row != name {
            self.suffixed.insert(row.0, name);
        }
        let entry = self.symbols.row_mut(row);
        if !entry.has(flag::INSERTED) {
            entry.flags |= flag::INSERTED;
            if let Some(order) = &mut self.order {
                order.push(row);
            }
        }
        row
    }

    pub(super) fn error(&mut self, file: FileId, message: impl Into<String>) {
        let subject = self.program.label(file);
        self.diagnostics.push(Diagnostic::new(Severity::Error, subject, message));
    }

    /// Reads all inputs in order.
    pub(super) fn read_inputs(&mut self) {
        let program = self.program;
        for item in &program.items {
            match *item {
                LinkItem::File(file) => {
                    let f = &program.files[file];
                    if f.in_lib && matches!(f.content, Content::Object(_)) {
                        self.offer(file);
                    } else {
                        self.begin(file);
                    }
                    self.run();
                }
                LinkItem::Archive(archive) => self.read_archive(archive),
                _ => {}
            }
        }
    }

    fn read_archive(&mut self, archive: ArchiveId) {
        let program = self.program;
        let input = &program.archives[archive];
        if input.mode.whole_archive {
            for member in input.members() {
                self.extractions.push(Extraction { file: member, asker: Asker::Whole, symbol: None });
                if matches!(program.files[member].content, Content::Opaque(Opaque::NotAnObject)) {
                    self.error(member, "not an object file");
                }
                self.begin(member);
                self.run();
            }
            return;
        }
        if self.era == Era::Fourteen && input.index.is_some() {
            self.stack.push(Frame::Index { archive, next: 0 });
            self.run();
            self.finished_archives.insert(archive.idx());
            return;
        }
        for member in input.members() {
            if self.era == Era::Fourteen
                && matches!(program.files[member].content, Content::Opaque(Opaque::NotAnObject))
            {
                self.error(member, "archive member is neither ET_REL nor LLVM bitcode");
            }
            self.offer(member);
            self.run();
        }
    }

    /// Registers a member (or `--start-lib` object) without reading it.
    fn offer(&mut self, file: FileId) {
        let f = &self.program.files[file];
        if f.nested.is_some() {
            self.error(file, "malformed archive: a member of another archive");
            return;
        }
        match &f.content {
            Content::Object(object) => {
                if self.era == Era::Fourteen {
                    // lld 14 enters all names before it resolves the first.
                    for symbol in object.first_global..object.symbol_count() {
                        let offered = object.symbol(symbol).is_some_and(|s| s.shndx != SHN_UNDEF);
                        let name = f.names.get((symbol - object.first_global) as usize);
                        if let Some(&name) = name.filter(|_| offered) {
                            self.insert(name);
                        }
                    }
                }
                self.stack.push(Frame::Offers { file, next: object.first_global });
            }
            Content::Opaque(Opaque::ForeignMachine) => {
                self.error(file, "is incompatible with the link's target")
            }
            Content::Opaque(
                Opaque::Missing(reason) | Opaque::Damaged(reason) | Opaque::DamagedLibrary(reason),
            ) => self.error(file, reason.clone()),
            _ => {}
        }
    }

    /// Starts reading a file that is in the link.
    fn begin(&mut self, file: FileId) {
        let program = self.program;
        let f = &program.files[file];
        if self.read.put(file.idx()) {
            return;
        }
        if f.nested.is_some() {
            self.error(file, "malformed archive: a member of another archive");
            return;
        }
        match &f.content {
            Content::Object(object) => {
                self.symbol_files.push(file);
                if !f.mode.just_symbols {
                    self.objects.push(file);
                    self.choose_groups(file, object);
                }
                let start = self.references.len() as u32;
                self.stack.push(Frame::Definitions { file, next: object.first_global, start });
            }
            Content::Shared(library) => {
                if f.mode.static_libs {
                    self.error(file, "attempted static link of dynamic object");
                    return;
                }
                if self.sonames.insert(library.soname.unwrap_or(f.path)) {
                    self.stack.push(Frame::Library { file, next: 0 });
                }
            }
            Content::Binary(_) => self.read_binary(file),
            Content::Opaque(Opaque::ForeignMachine) => {
                self.error(file, "is incompatible with the link's target")
            }
            Content::Opaque(
                Opaque::Missing(reason) | Opaque::Damaged(reason) | Opaque::DamagedLibrary(reason),
            ) => self.error(file, reason.clone()),
            Content::Opaque(_) => {}
        }
    }

    /// Chooses between copies of this object's groups (GS 6.2).
    fn choose_groups(&mut self, file: FileId, object: &Object<'d>) {
        let f = &self.program.files[file];
        for group in &object.groups {
            if group.flags > 1 {
                self.error(file, "unsupported SHT_GROUP format");
            }
            if !group.comdat {
                continue;
            }
            let Some(symbol) = object.symbol(group.symbol) else {
                self.error(file, "invalid symbol index in a section group");
                continue;
            };
            let own = f.section_id(group.section);
            let name = f.global_name(group.symbol).or_else(|| {
                let text = object.symbol_name(symbol.name);
                self.program.names.find(text)
            });
            let winner = match name {
                Some(name) => &mut self.comdats[name.idx()],
                None => self.other_comdats.entry(object.symbol_name(symbol.name)).or_insert(u32::MAX),
            };
            if *winner == u32::MAX {
                *winner = own.0;
                continue;
            }
            self.lost_to.push((own, SectionId(*winner)));
            for &member in object.members(group) {
                self.lost.insert(f.section_id(member).idx());
            }
        }
    }

    /// Whether a section of a file is discarded so far.
    pub(super) fn is_discarded(&self, file: FileId, symbol: &Symbol) -> bool {
        let crate::load::elf::Place::Section(section) = symbol.place else { return false };
        let f = &self.program.files[file];
        if f.mode.just_symbols {
            return false;
        }
        let id = f.section_id(section).idx();
        self.lost.contains(id) || self.discarded.contains(id)
    }

    /// Works until no file is half read.
    pub(super) fn run(&mut self) {
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::Definitions { file, next, start } => self.definitions(file, next, start),
                Frame::References { file, next, start, end } => self.references(file, next, start, end),
                Frame::Offers { file, next } => self.offers(file, next),
                Frame::Index { archive, next } => self.index(archive, next),
                Frame::Library { file, next } => self.library(file, next),
                Frame::Report { name, reference, reported, referenced } => {
                    self.report(name, reference, reported);
                    if referenced {
                        self.symbols.row_mut(name).flags |= flag::REFERENCED;
                    }
                }
            }
        }
    }

    fn report(&mut self, name: NameId, reference: u32, reported: bool) {
        let file = self.symbols.row(name).file;
        if file == INTERNAL {
            return;
        }
        let asker = match reference {
            _ if !reported => Asker::Option(FOR_COMMON.into()),
            INTERNAL => Asker::Option("<internal>".into()),
            file => Asker::File(FileId(file)),
        };
        let symbol = self.suffixed.get(&name.0).copied().unwrap_or(name);
        self.extractions.push(Extraction { file: FileId(file), asker, symbol: Some(symbol) });
    }

    /// Puts the reading of a member on top of the stack, its record below.
    pub(super) fn extract(
        &mut self,
        name: NameId,
        member: FileId,
        reference: u32,
        reported: bool,
        referenced: bool,
    ) {
        self.stack.push(Frame::Report { name, reference, reported, referenced });
        self.begin(member);
    }

    fn definitions(&mut self, file: FileId, from: u32, start: u32) {
        let program = self.program;
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return };
        let fourteen = self.era == Era::Fourteen;
        let intermediate = f.is_stand_in();
        let mut next = from;
        while let (Some(symbol), Some(&name)) =
            (object.symbol(next), f.names.get((next - object.first_global) as usize))
        {
            let index = next;
            next += 1;
            let name = self.insert(name);
            if fourteen && symbol.kind == STT_TLS {
                self.thread_locals.insert(name);
            }
            // Bitcode: a symbol of a losing COMDAT is a reference at its own place, and in lld 14
            // so is every reference (`BitcodeFile::parse`).
            let refers = symbol.shndx == SHN_UNDEF;
            let at_once = if refers { fourteen } else { self.is_discarded(file, &symbol) };
            if intermediate && at_once {
                if let Some(member) = self.refer(name, file, index, &symbol) {
                    self.stack.push(Frame::Definitions { file, next, start });
                    self.extract(name, member, file.0, true, true);
                    return;
                }
                continue;
            }
            if refers {
                self.references.push(index);
                continue;
            }
            let definer =
                Definer { file: file.0, symbol: index, bind: symbol.bind, visibility: symbol.visibility };
            if symbol.shndx == SHN_COMMON {
                if symbol.value == 0 || symbol.value >= u64::from(u32::MAX) {
                    self.error(file, "a common symbol has an invalid alignment");
                }
                let held = self.library_size(name);
                self.symbols.common(name, definer, symbol.size, held);
                continue;
            }
            if fourteen && self.is_discarded(file, &symbol) {
                if let Some(member) = self.discarded_definition(name, file, index, &symbol) {
                    self.stack.push(Frame::Definitions { file, next, start });
                    self.extract(name, member, file.0, true, false);
                    return;
                }
                continue;
            }
            let default = fourteen && self.suffixed.contains_key(&name.0);
            let before = if fourteen { self.thread_local_before(name, symbol.kind) } else { None };
            if let Then::Duplicate(other) = self.symbols.defined(name, definer, default) {
                self.duplicate(name, FileId(other), file, &symbol);
            }
            let row = self.symbols.row(name);
            if before.is_some_and(|before| before != STT_NOTYPE) && (row.file, row.symbol) == (file.0, index)
            {
                let message = format!("TLS attribute mismatch: {}", self.shown(name));
                self.error(file, message);
            }
        }
        let end = self.references.len() as u32;
        self.stack.push(Frame::References { file, next: start, start, end });
    }

    /// lld 14 reads a definition in a discarded section as a reference; returns the member that
    /// this asks for.
    fn discarded_definition(
        &mut self,
        name: NameId,
        file: FileId,
        index: u32,
        symbol: &Symbol,
    ) -> Option<FileId> {
        let row = self.symbols.row(name);
        let half_read = match row.kind {
            Kind::LazyArchive => self
                .program
                .files
                .get(FileId(row.file))
                .and_then(|f| f.archive)
                .is_some_and(|archive| !self.finished_archives.contains(archive.idx())),
            Kind::Lazy => self.read.contains(row.file as usize),
            _ => false,
        };
        if half_read {
            let row = self.symbols.row_mut(name);
            row.kind = Kind::Undefined;
            (row.file, row.symbol, row.bind) = (file.0, index, symbol.bind);
            row.flags |= flag::DISCARDED;
            return None;
        }
        let reference = Reference {
            file: file.0,
            symbol: index,
            bind: symbol.bind,
            visibility: symbol.visibility,
            from_library: false,
            discarded: true,
        };
        match self.symbols.undefined(name, reference) {
            Then::Extract(member) => Some(member),
            _ => None,
        }
    }

    fn references(&mut self, file: FileId, from: u32, start: u32, end: u32) {
        let program = self.program;
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return };
        for next in from..end {
            let Some(&index) = self.references.get(next as usize) else { break };
            let Some(symbol) = object.symbol(index) else { continue };
            let Some(&name) = f.names.get((index - object.first_global) as usize) else { continue };
            let name = self.canonical(name);
            if let Some(member) = self.refer(name, file, index, &symbol) {
                self.stack.push(Frame::References { file, next: next + 1, start, end });
                self.extract(name, member, file.0, true, true);
                return;
            }
        }
        self.references.truncate(start as usize);
    }

    /// A reference of an object; returns the member that it asks for.
    fn refer(&mut self, name: NameId, file: FileId, index: u32, symbol: &Symbol) -> Option<FileId> {
        let reference = Reference {
            file: file.0,
            symbol: index,
            bind: symbol.bind,
            visibility: symbol.visibility,
            from_library: false,
            discarded: false,
        };
        if let Then::Extract(member) = self.symbols.undefined(name, reference) {
            return Some(member);
        }
        self.symbols.row_mut(name).flags |= flag::REFERENCED;
        None
    }

    /// Names that code generation may call: if any bitcode is in the link, bitcode members that
    /// offer one are taken before it starts (`handleLibcall`); the record comes first.
    pub(super) fn extract_libcalls(&mut self) {
        let program = self.program;
        let mut bitcode = self.objects.iter().filter_map(|&f| program.files[f].intermediate.as_deref());
        let Some(first) = bitcode.find(|i| i.half == Half::Intermediate) else { return };
        for name in libcalls::names(program.plan.profile.version, &first.triple) {
            let Some(name) = self.find(name.as_bytes()) else { continue };
            let row = self.symbols.row(name);
            let member = FileId(row.file);
            if !row.is_lazy() || !program.files.get(member).is_some_and(|f| f.is_stand_in()) {
                continue;
            }
            let asker = Asker::Option(LIBCALL.into());
            self.extractions.push(Extraction { file: member, asker, symbol: Some(name) });
            self.begin(member);
            self.run();
        }
    }

    /// Enters one offer; if it is taken, puts `again` and the member on the stack.
    fn take_offer(&mut self, name: NameId, member: FileId, symbol: u32, kind: Kind, again: Frame) -> bool {
        let before = self.symbols.row(name);
        let (program, fortran) = (self.program, self.fortran_common);
        let then = self
            .symbols
            .lazy(name, member, symbol, kind, || fortran && has_strong_definition(program, member, name));
        let Then::Extract(member) = then else { return false };
        self.stack.push(again);
        self.extract(name, member, before.file, before.kind != Kind::Common, false);
        true
    }

    fn offers(&mut self, file: FileId, from: u32) {
        let f = &self.program.files[file];
        let Content::Object(object) = &f.content else { return };
        let mut next = from;
        while let (Some(symbol), Some(&name)) =
            (object.symbol(next), f.names.get((next - object.first_global) as usize))
        {
            let index = next;
            next += 1;
            if symbol.shndx == SHN_UNDEF {
                continue;
            }
            // Taken: the rest of the symbols comes with reading.
            if self.read.contains(file.idx()) {
                return;
            }
            let name = self.insert(name);
            if self.take_offer(name, file, index, Kind::Lazy, Frame::Offers { file, next }) {
                return;
            }
        }
    }

    fn index(&mut self, archive: ArchiveId, from: u32) {
        let program = self.program;
        let Some(index) = &program.archives[archive].index else { return };
        for (next, &(name, member)) in index.iter().enumerate().skip(from as usize) {
            let name = self.insert(name);
            let Some(member) = member else { continue };
            let again = Frame::Index { archive, next: next as u32 + 1 };
            if self.take_offer(name, member, 0, Kind::LazyArchive, again) {
                return;
            }
        }
    }

    /// A strong reference from outside the files: `-u`, script references.
    pub(super) fn demand(&mut self, name: NameId, bind: u8, referenced: bool) {
        let name = self.insert(name);
        let reference = Reference {
            file: INTERNAL,
            symbol: 0,
            bind,
            visibility: STV_DEFAULT,
            from_library: false,
            discarded: false,
        };
        if let Then::Extract(member) = self.symbols.undefined(name, reference) {
            self.extract(name, member, INTERNAL, true, referenced);
            self.run();
        } else if referenced {
            self.symbols.row_mut(name).flags |= flag::REFERENCED;
        }
    }

    /// The entry and `--undefined-glob` (`handleUndefined`): any offer is taken, a weak one too.
    pub(super) fn handle_undefined(&mut self, name: NameId, option: &str) {
        let row = self.symbols.row(name);
        if !row.is_lazy() {
            return;
        }
        self.begin(FileId(row.file));
        self.run();
        let file = self.symbols.row(name).file;
        if file != INTERNAL {
            let symbol = self.suffixed.get(&name.0).copied().unwrap_or(name);
            let asker = Asker::Option(option.into());
            self.extractions.push(Extraction { file: FileId(file), asker, symbol: Some(symbol) });
        }
    }

    pub(super) fn shown(&self, name: NameId) -> String {
        String::from_utf8_lossy(self.program.name(name)).into_owned()
    }

    /// Whether any object names a symbol version.
    pub(super) fn names_versions(&self) -> bool {
        self.versions
    }

    /// Whether a shared library was read.
    pub(super) fn has_libraries(&self) -> bool {
        !self.sonames.is_empty()
    }

    /// Whether the link is relocatable.
    pub(super) fn is_relocatable(&self) -> bool {
        self.relocatable
    }
}

/// `shouldExtractForCommon`: the member's first global of that name is a strong, non-common
/// definition.
fn has_strong_definition(program: &Program<'_>, member: FileId, name: NameId) -> bool {
    let f = &program.files[member];
    let Content::Object(object) = &f.content else { return false };
    let Some(position) = f.names.iter().position(|&n| n == name) else { return false };
    let symbol = object.symbol(object.first_global + position as u32);
    symbol.is_some_and(|s| s.shndx != SHN_UNDEF && s.shndx != SHN_COMMON && s.bind == STB_GLOBAL)
}

/// Rows of default-version names (empty if there are none), and whether any name has a version.
fn stems(program: &Program<'_>) -> (Vec<u32>, bool) {
    let versioned = program.names.versioned();
    let mut stems = Vec::new();
    for &(name, at) in versioned {
        let text = program.name(name);
        let Some((stem, version)) = text.split_at_checked(at as usize) else { continue };
        if !version.starts_with(b"@@") {
            continue;
        }
        if let Some(stem) = program.names.find(stem) {
            if stems.is_empty() {
                stems = (0..program.names.len() as u32).collect();
            }
            if let Some(slot) = stems.get_mut(name.idx()) {
                *slot = stem.0;
            }
        }
    }
    (stems, !versioned.is_empty())
}

//! Resolution and extraction as GNU ld does them (GS 3): inputs strictly left to right, archives
//! through their index in repeated passes, groups until nothing new is undefined, COMDAT choice
//! when a file is added.
//!
//! Follows ld `open_input_bfds` and `load_symbols`, bfd `elf_link_add_archive_symbols` and
//! `elf_link_add_object_symbols`.

mod comdat;
mod dso;
pub(crate) mod opd;
mod script;
mod symbols;

use fixedbitset::FixedBitSet;

use super::{Asker, Extraction, Resolution};
use crate::error::{Diagnostic, Severity};
use crate::ids::{ArchiveId, FileId, NameId};
use crate::load::elf::Place;
use crate::load::elf::consts::{STB_WEAK, STT_FUNC, STT_GNU_IFUNC};
use crate::plan::{DemandKind, OutputKind};
use crate::program::{Content, Half, LinkItem, Opaque, Program};
use comdat::Comdats;
use symbols::{State, Symbols};

/// The link while it is being read.
struct Link<'a, 'd> {
    program: &'a Program<'d>,
    out: Resolution,
    symbols: Symbols,
    comdats: Comdats<'d>,
    /// Counts additions to the list of undefined symbols: bfd's loops end when it stands still.
    undefs: u64,
    /// Archives and `--as-needed` libraries already read once, by archive/file.
    whole_done: FixedBitSet,
    library_done: FixedBitSet,
    /// Per archive: index entries that need no second look.
    included: Vec<Vec<bool>>,
    /// Values of script symbols.
    values: script::Values,
    /// PROVIDEd names that were taken once: from then on they are plain assignments.
    provided: std::collections::BTreeSet<NameId>,
    /// ppc64: names `.foo` that are new since the last file.
    dot_names: Vec<NameId>,
    /// ppc64: ABI version of the output so far.
    output_abi: u32,
    /// Every object in the order of adding, those given for their symbols only included.
    entered: Vec<FileId>,
    /// An input was missing: the link ends when all others were read.
    missing: bool,
}

/// Resolves the whole link.
pub(super) fn resolve(program: &Program<'_>) -> Resolution {
    let mut link = Link {
        program,
        out: Resolution::new(program),
        symbols: Symbols::new(program),
        comdats: Comdats::new(program),
        undefs: 0,
        whole_done: FixedBitSet::with_capacity(program.archives.len()),
        library_done: FixedBitSet::with_capacity(program.files.len()),
        included: vec![Vec::new(); program.archives.len()],
        values: script::Values::default(),
        provided: std::collections::BTreeSet::new(),
        dot_names: Vec::new(),
        output_abi: 0,
        entered: Vec::new(),
        missing: false,
    };
    link.place_undefineds();
    link.out.wraps = super::wraps(program);
    link.symbols.set_wraps(&link.out.wraps);
    link.run(&program.items, false);
    link.out.stopped |= link.missing;
    if !link.out.stopped {
        link.read_needed();
    }
    link.finish()
}

impl Link<'_, '_> {
    /// Names demanded by the command line and scripts, before any input (ld
    /// `lang_place_undefineds`, `after_parse_default`).
    fn place_undefineds(&mut self) {
        let program = self.program;
        let plan = program.plan;
        let mut names: Vec<NameId> = Vec::new();
        for (name, kind) in &plan.demands {
            if *kind != DemandKind::Glob {
                names.extend(program.names.find(name));
            }
        }
        names.extend(super::externs(program));
        let executable = matches!(plan.output_kind, OutputKind::Executable | OutputKind::Pie);
        if executable || plan.entry.is_some() {
            names.extend(super::bfd_parse_entry(program).and_then(|n| program.names.find(n)));
        }
        for name in names {
            if self.symbols.demand(name) {
                self.undefs += 1;
                self.note_dot_name(name);
            }
        }
    }

    /// Reads items in order; a group is read again until no new undefined symbol appears. `again`
    /// is set for such repetitions, where only archives are read once more.
    fn run(&mut self, items: &[LinkItem], again: bool) {
        let mut at = 0;
        while let Some(item) = items.get(at) {
            if self.out.stopped {
                return;
            }
            at += 1;
            match *item {
                LinkItem::GroupStart => {
                    let end = group_end(items, at);
                    let body = items.get(at..end).unwrap_or(&[]);
                    let mut repeat = again;
                    loop {
                        let before = self.undefs;
                        self.run(body, repeat);
                        repeat = true;
                        // Each list of statements ends with this check (ld `open_input_bfds`).
                        self.out.stopped |= self.missing;
                        if before == self.undefs || self.out.stopped {
                            break;
                        }
                    }
                    at = end + 1;
                }
                LinkItem::Archive(archive) => self.read_archive(archive),
                LinkItem::File(file) => self.read_file(file, again),
                LinkItem::Script(number) => {
                    if !again {
                        self.read_assignments(number);
                        self.out.stopped |= self.missing && self.places_sections(number);
                    }
                }
                LinkItem::Defsym(number) => {
                    if !again {
                        self.read_defsym(number);
                    }
                }
                LinkItem::Missing => self.missing = true,
                LinkItem::Stop => self.out.stopped = true,
                LinkItem::GroupEnd | LinkItem::LibStart | LinkItem::LibEnd => {}
            }
        }
    }

    fn read_file(&mut self, file: FileId, again: bool) {
        match &self.program.files[file].content {
            Content::Object(_) | Content::Binary(_) => {
                if !again {
                    self.add_object(file);
                }
            }
            Content::Shared(_) => {
                if !self.library_done.contains(file.idx()) && self.add_library(file) {
                    self.library_done.insert(file.idx());
                }
            }
            Content::Opaque(_) => {
                if !again && !self.is_unusable(file) {
                    self.enter(file);
                }
            }
        }
    }

    /// Libraries that libraries of the link need (ld `ldelf_after_open`).
    fn read_needed(&mut self) {
        let program = self.program;
        let base = |path: &'_ [u8]| path.rsplit(|&b| b == b'/').next().map(<[u8]>::to_vec);
        for &file in &program.needed {
            let Some(library) = program.files[file].shared() else { continue };
            let soname = library.soname.map(<[u8]>::to_vec).or_else(|| base(program.files[file].path));
            let by = self.out.needed_libraries.ones().any(|other| {
                let other = program.files[FileId(other as u32)].shared();
                other.is_some_and(|o| o.needed.iter().any(|n| soname.as_deref() == Some(n)))
            });
            if by {
                self.add_library(file);
            }
        }
    }

    /// One pass over an archive's place (bfd `elf_link_add_archive_symbols`).
    fn read_archive(&mut self, id: ArchiveId) {
        let program = self.program;
        let archive = &program.archives[id];
        if archive.mode.whole_archive {
            if !self.whole_done.put(id.idx()) {
                for member in archive.members() {
                    if self.out.stopped || self.is_unusable(member) {
                        return;
                    }
                    self.out.extractions.push(Extraction { file: member, asker: Asker::Whole, symbol: None });
                    self.enter(member);
                }
            }
            return;
        }
        let Some(index) = &archive.index else {
            if archive.count > 0 && !self.whole_done.put(id.idx()) {
                let path = String::from_utf8_lossy(archive.path).into_owned();
                let message = "archive has no index; run ranlib to add one";
                self.out.diagnostics.push(Diagnostic::new(Severity::Error, path, message).with_id("LSW011"));
                self.out.stopped = true;
            }
            return;
        };
        let mut included = std::mem::take(&mut self.included[id.idx()]);
        // Each mention, and each repetition of a group, starts with a clean slate.
        included.clear();
        included.resize(index.len(), false);
        loop {
            let mut repeat = false;
            let mut last: Option<FileId> = None;
            for (number, &(name, member)) in index.iter().enumerate() {
                if included[number] {
                    continue;
                }
                if member.is_some() && member == last {
                    included[number] = true;
                    continue;
                }
                let Some(symbol) = self.symbols.archive_lookup(program, name) else { continue };
                match self.symbols.state(symbol) {
                    State::Undefined => {
                        if self.symbols.in_discarded(symbol) {
                            continue;
                        }
                    }
                    State::Common => {
                        if !member.is_some_and(|m| defines_data(program, m, name)) {
                            continue;
                        }
                    }
                    State::UndefinedWeak | State::New => continue,
                    _ => {
                        included[number] = true;
                        continue;
                    }
                }
                let Some(member) = member else { continue };
                // The report looks the index entry's own name up, `x@@V` included.
                let asker = match self.symbols.first_reference(name) {
                    Some(file) => Asker::File(file),
                    _ => Asker::Option(String::new()),
                };
                let before = self.undefs;
                if !self.out.is_in_link(member) {
                    if self.is_unusable(member) {
                        return;
                    }
                    self.out.extractions.push(Extraction { file: member, asker, symbol: Some(name) });
                    self.enter(member);
                    if self.out.stopped {
                        return;
                    }
                }
                if before != self.undefs {
                    repeat = true;
                }
                for back in (0..=number).rev() {
                    if back != number && index[back].1 != Some(member) {
                        break;
                    }
                    included[back] = true;
                }
                last = Some(member);
            }
            if !repeat {
                break;
            }
        }
        self.included[id.idx()] = included;
    }

    /// What is no object ends the link before it is reported as a member.
    fn is_unusable(&mut self, file: FileId) -> bool {
        let input = &self.program.files[file];
        // Bitcode without a plugin is no object either.
        let refused = input.intermediate.as_ref().is_some_and(|i| i.half == Half::Refused);
        let broken = matches!(
            input.content,
            Content::Opaque(Opaque::Damaged(_) | Opaque::NotAnObject | Opaque::Missing(_))
        );
        if !refused && !broken {
            return false;
        }
        let message = "file not recognized or in wrong format";
        let label = self.program.label(file);
        self.out.in_link.insert(file.idx());
        self.out.diagnostics.push(Diagnostic::new(Severity::Error, label, message));
        self.out.stopped = true;
        true
    }

    /// An archive member enters the link.
    fn enter(&mut self, member: FileId) {
        match &self.program.files[member].content {
            Content::Object(_) => self.add_object(member),
            _ => {
                self.out.in_link.insert(member.idx());
            }
        }
    }

    fn finish(mut self) -> Resolution {
        self.read_late_assignments();
        self.define_start_stop();
        self.mark_phase();
        self.out.assigned = self.assigned_sections();
        self.symbols.finish(&mut self.out);
        self.out
    }
}

/// The item that ends the group whose body begins at `from`.
fn group_end(items: &[LinkItem], from: usize) -> usize {
    let mut depth = 0usize;
    for (offset, item) in items.get(from..).unwrap_or(&[]).iter().enumerate() {
        match item {
            LinkItem::GroupStart => depth += 1,
            LinkItem::GroupEnd if depth == 0 => return from + offset,
            LinkItem::GroupEnd => depth -= 1,
            _ => {}
        }
    }
    items.len()
}

/// Whether a member holds a global, non-function, non-common definition of `name` (bfd
/// `elf_link_is_defined_archive_symbol`).
fn defines_data(program: &Program<'_>, member: FileId, name: NameId) -> bool {
    let file = &program.files[member];
    let Some(object) = file.object() else { return false };
    let found = file.names.iter().position(|&n| n == name);
    let Some(symbol) = found.and_then(|i| object.symbol(object.first_global + i as u32)) else {
        return false;
    };
    !matches!(symbol.kind, STT_FUNC | STT_GNU_IFUNC)
        && symbol.bind != STB_WEAK
        && !matches!(symbol.place, Place::Undefined | Place::Common)
}

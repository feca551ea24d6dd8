//! Resolution and extraction as gold does it (GS 3): one walk over the command line, every file
//! added completely when it is met, archives scanned through their index where they stand.
//!
//! In: the program. Out: [`Resolution`]; `early_roots` holds what gold roots while adding symbols
//! (GS 4.5). Sources: gold `readsyms.cc`, `archive.cc`, `resolve.cc`, `symtab.cc`.

mod add;
mod archive;
mod finish;
pub(crate) mod options;
pub(crate) mod provided;
pub(crate) mod sections;
mod table;

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use self::add::{Addable, KeptSections, addable};
use self::archive::ArchiveState;
use self::options::{Expressions, Options};
use self::sections::FileNotes;
use self::table::SymbolTable;
use super::Resolution;
use super::watch::Watch;
use crate::error::{Diagnostic, Severity};
use crate::ids::{ArchiveId, FileId};
use crate::load::ScriptFile;
use crate::program::{Half, LinkItem, Program};
use crate::script::CommandKind;

/// Resolves the whole link.
pub(super) fn resolve(program: &Program<'_>) -> Resolution {
    let options = Options::new(program);
    let notes = sections::note_all(program);
    let mut resolver = Resolver {
        program,
        options: &options,
        expressions: Expressions::new(program),
        notes: &notes,
        table: SymbolTable::new(program, &options),
        resolution: Resolution::new(program),
        kept: KeptSections::new(program.names.len()),
        excluded: FixedBitSet::with_capacity(program.section_count as usize),
        sonames: BTreeMap::new(),
        libraries: Vec::new(),
        archives: program.archives.enumerate().map(|(id, _)| ArchiveState::new(program, id)).collect(),
        watch: Watch::new(program, program.plan.wraps.is_empty()),
        no_export: program.archives.iter().map(|a| options.is_excluded(a.path)).collect(),
        odd: Vec::new(),
    };
    resolver.walk();
    finish::finish(resolver)
}

/// The name that gold prints for a file (GS 7).
pub(crate) fn file_name(program: &Program<'_>, file: FileId) -> Vec<u8> {
    let input = &program.files[file];
    if input.archive.is_none() {
        return input.path.to_vec();
    }
    let member = input.nested.or(input.joined).unwrap_or(input.member);
    [input.path, b"(", member, b")"].concat()
}

/// The link while it is read.
struct Resolver<'a, 'd> {
    program: &'a Program<'d>,
    options: &'a Options<'a, 'd>,
    expressions: Expressions,
    notes: &'a [FileNotes],
    table: SymbolTable<'a, 'd>,
    resolution: Resolution,
    kept: KeptSections<'a>,
    /// Sections left out so far: losing copies and consumed ones.
    excluded: FixedBitSet,
    sonames: BTreeMap<&'a [u8], FileId>,
    /// Shared libraries in the link.
    libraries: Vec<FileId>,
    archives: Vec<ArchiveState>,
    /// What repeated readings of archives need to look at.
    watch: Watch,
    no_export: Vec<bool>,
    /// Mentions whose entry is not simply the one of their spelled name: file, symbol, entry.
    odd: Vec<(FileId, u32, u32)>,
}

impl Resolver<'_, '_> {
    fn walk(&mut self) {
        let program = self.program;
        let mut group: Option<(u64, Vec<ArchiveId>)> = None;
        let mut depth = 0u32;
        let mut lib: Option<Vec<FileId>> = None;
        for item in &program.items {
            match *item {
                LinkItem::File(file) => {
                    let whole = program.files[file].mode.whole_archive;
                    match &mut lib {
                        Some(members) if !whole => members.push(file),
                        _ => self.add_file(file),
                    }
                }
                LinkItem::Archive(archive) => {
                    self.scan(archive);
                    if let Some((_, archives)) = &mut group {
                        archives.push(archive);
                    }
                }
                LinkItem::GroupStart => {
                    depth += 1;
                    if depth == 1 {
                        group = Some((self.table.undefined_seen, Vec::new()));
                    }
                }
                LinkItem::GroupEnd => {
                    depth = depth.saturating_sub(1);
                    if let (0, Some((seen, archives))) = (depth, group.take_if(|_| depth == 0)) {
                        self.finish_group(seen, &archives);
                    }
                }
                LinkItem::LibStart => lib = Some(Vec::new()),
                LinkItem::LibEnd => {
                    if let Some(members) = lib.take() {
                        self.scan_lib(members);
                    }
                }
                LinkItem::Script(number) => {
                    if let Some(file) = program.scripts.get(number).filter(|file| file.as_input) {
                        self.watch.forget();
                        self.expressions.add(program, &file.script);
                        self.refuse_statements(file);
                    }
                }
                LinkItem::Defsym(_) | LinkItem::Missing | LinkItem::Stop => {}
            }
        }
        if let Some((seen, archives)) = group {
            self.finish_group(seen, &archives);
        }
        if let Some(members) = lib {
            self.scan_lib(members);
        }
    }

    /// Statements that gold allows in `-T` scripts only.
    fn refuse_statements(&mut self, file: &ScriptFile) {
        let has = |test: fn(&CommandKind) -> bool| file.script.commands.iter().any(|c| test(&c.kind));
        let mut refuse = |message: &str| {
            let subject = file.shown.to_string();
            self.resolution.diagnostics.push(Diagnostic::new(Severity::Error, subject, message));
        };
        if has(|kind| matches!(kind, CommandKind::Version(_))) {
            refuse("invalid use of VERSION in input file");
        }
        // With garbage collection no section has a place yet when the script is read.
        if self.program.plan.gc_sections == Some(false)
            && has(|kind| matches!(kind, CommandKind::Sections(_)))
            && !self.resolution.files.is_empty()
        {
            refuse("SECTIONS seen after other input files");
        }
    }

    /// Adds a file named on the command line.
    fn add_file(&mut self, file: FileId) {
        match addable(self.program, file) {
            Addable::Object(object) => self.add_object(file, object),
            Addable::Library(library) => self.add_library(file, library),
            Addable::Data => {
                self.watch.forget();
                self.add_data(file);
            }
            Addable::Unreadable => {
                let about = self.program.files[file].intermediate.as_ref();
                if about.is_some_and(|i| i.half == Half::Refused) {
                    self.error(file, "not an object or archive".into());
                }
            }
        }
    }

    fn finish_group(&mut self, mut seen: u64, archives: &[ArchiveId]) {
        let mut readings = 0;
        while seen != self.table.undefined_seen {
            seen = self.table.undefined_seen;
            readings += 1;
            if readings > self.watch.patience() {
                self.watch.start(self.program);
            }
            if !self.watch.is_on() {
                for &archive in archives {
                    self.scan(archive);
                }
                continue;
            }
            // Numbers ascend in a group; archives without an index were complained of, whole ones taken.
            let (mut from, last) = (archives.first().map_or(1, |a| a.0), archives.last().map_or(0, |a| a.0));
            while let Some(archive) = self.watch.next_unread(from, last) {
                self.scan(archive);
                from = archive.0 + 1;
            }
        }
    }
}

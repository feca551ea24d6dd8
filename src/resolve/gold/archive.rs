//! Archives and `--start-lib` groups (gold/archive.cc): which members are taken, in which order,
//! and for whom.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Resolver;
use super::add::{Addable, addable};
use super::table::{UNDEFINED, WEAK};
use crate::error::{Diagnostic, Severity};
use crate::ids::{ArchiveId, FileId, NameId};
use crate::load::elf::Place;
use crate::program::Program;
use crate::resolve::watch::Pending;
use crate::resolve::{Asker, Extraction};

type Entry = (NameId, Option<FileId>);

/// What is known about one mention of an archive.
pub(super) struct ArchiveState {
    /// Index entries that need no second look.
    checked: Vec<bool>,
    /// Members taken (or tried), by member number.
    seen: Vec<bool>,
    /// Some index entry may be spelled `name@version`.
    versions: bool,
    included_whole: bool,
    complained: bool,
}

impl ArchiveState {
    pub(super) fn new(program: &Program<'_>, archive: ArchiveId) -> Self {
        let input = &program.archives[archive];
        ArchiveState {
            checked: vec![false; input.index.as_ref().map_or(0, Vec::len)],
            seen: vec![false; input.count as usize],
            versions: input.members().any(|m| program.files[m].has_versions),
            included_whole: false,
            complained: false,
        }
    }
}

/// gold `Should_include`.
enum Verdict {
    Yes(Asker, NameId),
    No,
    Unknown,
}

impl Resolver<'_, '_> {
    /// One visit of an archive.
    pub(super) fn scan(&mut self, archive: ArchiveId) {
        let program = self.program;
        let input = &program.archives[archive];
        let number = archive.0 as usize;
        if input.mode.whole_archive {
            if !std::mem::replace(&mut self.archives[number].included_whole, true) {
                for member in input.members() {
                    self.include(member, Asker::Whole, None);
                }
            }
            return;
        }
        let Some(index) = &input.index else {
            if input.count > 0 && !std::mem::replace(&mut self.archives[number].complained, true) {
                let subject = String::from_utf8_lossy(input.path).into_owned();
                let message = "no archive symbol table (run ranlib)";
                let diagnostic = Diagnostic::new(Severity::Error, subject, message).with_id("LSW011");
                self.resolution.diagnostics.push(diagnostic);
            }
            return;
        };
        let mut readings = 0;
        let mut added = true;
        while added {
            readings += 1;
            if readings > self.watch.patience() {
                self.watch.start(program);
            }
            let (begun, mut left) = (self.watch.begin(), Vec::new());
            if self.watch.is_settled(archive) {
                added = self.scan_pending(archive, index, &mut left);
            } else {
                added = false;
                self.watch.take(archive);
                for (at, &entry) in index.iter().enumerate() {
                    if self.look(archive, at, entry) {
                        added = true;
                        // What stands behind is still to come.
                        left.extend(self.watch.take(archive).into_iter().filter(|p| p.at as usize <= at));
                    }
                }
            }
            self.watch.settle(archive, begun, left);
        }
    }

    /// As a reading of the whole index, but only of the entries whose names changed since the last.
    fn scan_pending(&mut self, archive: ArchiveId, index: &[Entry], left: &mut Vec<Pending>) -> bool {
        let mut added = false;
        let mut queue: BinaryHeap<Reverse<u32>> =
            self.watch.take(archive).into_iter().map(|p| Reverse(p.at)).collect();
        while let Some(Reverse(at)) = queue.pop() {
            let Some(&entry) = index.get(at as usize) else { continue };
            if self.look(archive, at as usize, entry) {
                added = true;
                for pending in self.watch.take(archive) {
                    if pending.at > at { queue.push(Reverse(pending.at)) } else { left.push(pending) }
                }
            }
        }
        added
    }

    /// Looks at an index entry; whether a member was taken.
    fn look(&mut self, archive: ArchiveId, at: usize, (name, member): Entry) -> bool {
        let input = &self.program.archives[archive];
        let number = archive.0 as usize;
        let state = &mut self.archives[number];
        if state.checked[at] {
            return false;
        }
        let seen = member.map(|m| (m.0 - input.first.0) as usize);
        if seen.is_some_and(|s| state.seen[s]) {
            state.checked[at] = true;
            return false;
        }
        let versions = state.versions;
        let verdict = self.should_include(name, versions);
        let state = &mut self.archives[number];
        match verdict {
            Verdict::Unknown => false,
            Verdict::No => {
                state.checked[at] = true;
                false
            }
            Verdict::Yes(asker, symbol) => {
                state.checked[at] = true;
                let Some((member, seen)) = member.zip(seen) else {
                    let subject = String::from_utf8_lossy(input.path).into_owned();
                    let message = "the archive symbol table names a member that does not exist";
                    self.resolution.diagnostics.push(Diagnostic::new(Severity::Error, subject, message));
                    return false;
                };
                state.seen[seen] = true;
                self.include(member, asker, Some(symbol));
                true
            }
        }
    }

    /// gold `Library_base::should_include_member`.
    fn should_include(&self, literal: NameId, versions: bool) -> Verdict {
        let program = self.program;
        let mut name = literal;
        let mut entry = None;
        let text = program.name(literal);
        if let Some(at) = program.names.version_at(literal).filter(|_| versions) {
            let (base, version) = (&text[..at], &text[at + 1..]);
            let default = version.first() == Some(&b'@');
            let version = if default { &version[1..] } else { version };
            if let Some(base) = program.names.find(base) {
                name = base;
                entry = self.table.lookup_version(name, version);
                let wanted = entry.is_some_and(|e| {
                    let e = &self.table.entries[e as usize];
                    e.is(UNDEFINED) && !e.is(WEAK)
                });
                if default && !wanted {
                    entry = self.table.lookup(name);
                }
            }
        } else {
            entry = self.table.lookup(name);
        }
        let mut asker = None;
        if let Some(entry) = entry {
            let entry = &self.table.entries[entry as usize];
            if !entry.is(UNDEFINED) || self.expressions.is_pending(name) {
                return Verdict::No;
            }
            asker = Some((Asker::File(entry.file), entry.name));
            if !entry.is(WEAK) {
                return Verdict::Yes(Asker::File(entry.file), entry.name);
            }
        }
        match (self.expressions.demand(self.options, name), asker) {
            (None, _) => Verdict::Unknown,
            (Some(_), Some((asker, symbol))) => Verdict::Yes(asker, symbol),
            (Some(why), None) => Verdict::Yes(Asker::Option(why), name),
        }
    }

    /// Takes a member.
    fn include(&mut self, member: FileId, asker: Asker, symbol: Option<NameId>) {
        match addable(self.program, member) {
            Addable::Object(object) => {
                self.resolution.extractions.push(Extraction { file: member, asker, symbol });
                self.add_object(member, object);
            }
            Addable::Library(library) => {
                self.resolution.extractions.push(Extraction { file: member, asker, symbol });
                self.add_library(member, library);
            }
            Addable::Data | Addable::Unreadable => {
                self.error(member, "archive member that gold cannot use is needed".into());
            }
        }
    }

    /// `--start-lib` .. `--end-lib`: members are asked again until none is taken; a taken one's
    /// place is filled with the last one (gold `Lib_group::add_symbols`).
    pub(super) fn scan_lib(&mut self, mut members: Vec<FileId>) {
        let program = self.program;
        members.retain(|&m| !matches!(addable(program, m), Addable::Unreadable));
        let mut added = true;
        while added {
            added = false;
            let mut at = 0;
            while let Some(&member) = members.get(at) {
                let verdict = match addable(program, member) {
                    Addable::Object(object) => {
                        let input = &program.files[member];
                        let defined =
                            input.names.iter().zip(object.first_global..).filter(|(_, s)| {
                                object.symbol(*s).is_some_and(|s| s.place != Place::Undefined)
                            });
                        let verdicts =
                            defined.map(|(&name, _)| self.should_include(name, input.has_versions));
                        verdicts
                            .filter_map(|v| match v {
                                Verdict::Yes(asker, symbol) => Some((asker, Some(symbol))),
                                _ => None,
                            })
                            .next()
                    }
                    // A shared library is always wanted.
                    Addable::Library(_) => Some((Asker::Whole, None)),
                    _ => None,
                };
                let Some((asker, symbol)) = verdict else {
                    at += 1;
                    continue;
                };
                members.swap_remove(at);
                added = true;
                match addable(program, member) {
                    Addable::Object(object) => {
                        self.resolution.extractions.push(Extraction { file: member, asker, symbol });
                        self.add_object(member, object);
                    }
                    Addable::Library(library) => self.add_library(member, library),
                    _ => {}
                }
            }
        }
    }
}

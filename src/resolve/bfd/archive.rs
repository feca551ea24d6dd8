//! Archives as GNU ld reads them (GS 3.5): the index again and again until a reading adds no undefined symbol.
//!
//! Follows bfd `elf_link_add_archive_symbols`. From the third repetition on only entries whose names changed are
//! looked at ([`crate::resolve::watch`]); the members taken and their order are the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Link;
use super::symbols::State;
use crate::error::{Diagnostic, Severity};
use crate::ids::{ArchiveId, FileId, NameId};
use crate::load::elf::Place;
use crate::load::elf::consts::{STB_WEAK, STT_FUNC, STT_GNU_IFUNC};
use crate::program::{Content, Half, Opaque, Program};
use crate::resolve::watch::Pending;
use crate::resolve::{Asker, Extraction};

type Entry = (NameId, Option<FileId>);

/// What a look at an index entry led to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Nothing; it may be looked at again.
    Open,
    /// Defined already: it needs no second look at this place.
    Settled,
    /// This member was taken, or was in the link.
    Taken(FileId),
    /// The link ends.
    Stop,
}

/// One visit of an archive.
struct Visit {
    /// Index entries that need no second look; empty if only what is pending is looked at.
    included: Vec<bool>,
    /// Pending entries for the next reading.
    next: Vec<Pending>,
    /// Those for the next visit.
    later: Vec<Pending>,
    /// The first reading of this visit has not come to its end.
    first: bool,
}

impl Visit {
    fn is_included(&self, at: usize) -> bool {
        self.included.get(at).copied().unwrap_or(false)
    }

    fn include(&mut self, at: usize) {
        if let Some(slot) = self.included.get_mut(at) {
            *slot = true;
        }
    }
}

impl Link<'_, '_> {
    /// Reads those archives of a span again that a reading could take something from.
    pub(super) fn read_unread(&mut self, first: u32, last: u32) {
        let mut from = first;
        while let Some(archive) = self.watch.next_unread(from, last) {
            if self.out.stopped {
                return;
            }
            self.read_archive(archive);
            from = archive.0 + 1;
        }
    }

    /// One visit of an archive at its place.
    pub(super) fn read_archive(&mut self, id: ArchiveId) {
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
        // Each mention, and each repetition of a group, starts with a clean slate.
        let mut visit = Visit { included: Vec::new(), next: Vec::new(), later: Vec::new(), first: true };
        let mut readings = 0;
        loop {
            let settled = self.watch.is_settled(id);
            if !settled && visit.included.is_empty() {
                visit.included.resize(index.len(), false);
            }
            readings += 1;
            if readings > self.watch.patience() {
                self.watch.start(program);
            }
            let begun = self.watch.begin();
            let repeat = match settled {
                true => self.read_pending(id, index, &mut visit),
                false => self.read_all(id, index, &mut visit),
            };
            let Some(repeat) = repeat else { return };
            visit.first = false;
            let next = std::mem::take(&mut visit.next);
            self.watch.settle(id, begun, next);
            if !repeat {
                let later = std::mem::take(&mut visit.later);
                self.watch.settle(id, begun, later);
                return;
            }
        }
    }

    /// One reading of the whole index: whether there must be another; `None` if the link ends.
    fn read_all(&mut self, id: ArchiveId, index: &[Entry], visit: &mut Visit) -> Option<bool> {
        let mut repeat = false;
        let mut last: Option<FileId> = None;
        self.watch.take(id);
        for (number, &(_, member)) in index.iter().enumerate() {
            if visit.is_included(number) {
                continue;
            }
            if member.is_some() && member == last {
                visit.include(number);
                continue;
            }
            let before = self.undefs;
            let member = match self.look(index[number]) {
                Look::Open => continue,
                Look::Settled => {
                    visit.include(number);
                    continue;
                }
                Look::Stop => return None,
                Look::Taken(member) => member,
            };
            repeat |= before != self.undefs;
            for back in (0..=number).rev() {
                if back != number && index[back].1 != Some(member) {
                    break;
                }
                visit.include(back);
            }
            last = Some(member);
            // What stands behind is still to come in this reading.
            self.sort_pending(id, number, visit, |_| {});
        }
        Some(repeat)
    }

    /// One reading of what is pending.
    fn read_pending(&mut self, id: ArchiveId, index: &[Entry], visit: &mut Visit) -> Option<bool> {
        let mut repeat = false;
        let mut queue: BinaryHeap<Reverse<u32>> =
            self.watch.take(id).into_iter().map(|p| Reverse(p.at)).collect();
        let mut previous = None;
        while let Some(Reverse(at)) = queue.pop() {
            let number = at as usize;
            if previous.replace(at) == Some(at) {
                continue;
            }
            if visit.is_included(number) {
                visit.later.push(Pending { at, was_defined: true });
                continue;
            }
            let Some(&entry) = index.get(number) else { continue };
            let before = self.undefs;
            match self.look(entry) {
                Look::Open => {}
                Look::Settled => visit.include(number),
                Look::Stop => return None,
                Look::Taken(_) => {
                    repeat |= before != self.undefs;
                    visit.include(number);
                    self.sort_pending(id, number, visit, |p| queue.push(Reverse(p.at)));
                }
            }
        }
        Some(repeat)
    }

    /// Entries whose names the member taken for entry `number` mentions: those behind it belong to this reading,
    /// those before it to the next. What was defined when this visit last passed it is not looked at again
    /// before the next visit.
    fn sort_pending(
        &mut self,
        id: ArchiveId,
        number: usize,
        visit: &mut Visit,
        mut now: impl FnMut(Pending),
    ) {
        if !self.watch.is_on() {
            return;
        }
        for pending in self.watch.take(id) {
            let behind = pending.at as usize > number;
            let included = visit.is_included(pending.at as usize);
            if behind && !included && (visit.first || !pending.was_defined) {
                now(pending);
            } else if included || pending.was_defined {
                visit.later.push(pending);
            } else {
                visit.next.push(pending);
            }
        }
    }

    /// Looks at an index entry and takes its member if it is wanted.
    fn look(&mut self, (name, member): Entry) -> Look {
        let program = self.program;
        let Some(symbol) = self.symbols.archive_lookup(program, name) else { return Look::Open };
        match self.symbols.state(symbol) {
            State::Undefined => {
                if self.symbols.in_discarded(symbol) {
                    return Look::Open;
                }
            }
            State::Common => {
                if !member.is_some_and(|m| defines_data(program, m, name)) {
                    return Look::Open;
                }
            }
            State::UndefinedWeak | State::New => return Look::Open,
            _ => return Look::Settled,
        }
        let Some(member) = member else { return Look::Open };
        // The report looks the index entry's own name up, `x@@V` included.
        let asker = match self.symbols.first_reference(name) {
            Some(file) => Asker::File(file),
            _ => Asker::Option(String::new()),
        };
        if !self.out.is_in_link(member) {
            if self.is_unusable(member) {
                return Look::Stop;
            }
            self.out.extractions.push(Extraction { file: member, asker, symbol: Some(name) });
            self.enter(member);
            if self.out.stopped {
                return Look::Stop;
            }
        }
        Look::Taken(member)
    }

    /// What is no object ends the link before it is reported as a member.
    pub(super) fn is_unusable(&mut self, file: FileId) -> bool {
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
    pub(super) fn enter(&mut self, member: FileId) {
        match &self.program.files[member].content {
            Content::Object(_) => self.add_object(member),
            _ => {
                self.out.in_link.insert(member.idx());
            }
        }
    }
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

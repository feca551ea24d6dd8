//! `exports`: every export of a kernel, whether it is in the link, and who uses it.
//!
//! In: an analysis, the modules, the tree's facts. Out: [`Exports`]: one row per exporter and name, in
//! link order, modules' own exports last. A name's record may stand in several objects (source record and
//! generated table): they are one row. Rules: KL 1.

mod entry;
pub mod intermediate;
pub mod records;

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rayon::prelude::*;

use self::intermediate::Code;
use self::records::{ExportRecord, Form, Licence, Problem};
use super::facts::KernelFacts;
use super::module::Module;
use super::symvers::{self, Symvers};
use crate::ids::{FileId, Id, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::STB_LOCAL;
use crate::query::Analysis;
use crate::query::fate::{self, Fate};
use crate::query::finding::{Finding, Level, Location, Subject};
use crate::resolve::DefKind;

type Map<K, V> = HashMap<K, V, FixedState>;

/// What became of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its entry is in the link.
    Linked,
    /// The member that holds it is not in the link (LSW003).
    NotLinked,
    /// Its table entry is removed by garbage collection.
    Collected,
    /// Its table entry is discarded by the script.
    Discarded,
    /// The record is there, the table entry was trimmed (KL 1.4).
    Trimmed,
}

impl State {
    /// The word for it in all formats.
    pub fn word(self) -> &'static str {
        match self {
            State::Linked => "linked",
            State::NotLinked => "not-linked",
            State::Collected => "collected",
            State::Discarded => "discarded",
            State::Trimmed => "trimmed",
        }
    }
}

/// Who exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exporter {
    /// An object or archive member of the link.
    File(FileId),
    /// A module, by position.
    Module(usize),
}

/// The exported definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// The defining file.
    pub file: FileId,
    /// The section; `None` for absolute and common symbols.
    pub section: Option<SectionId>,
    /// Its fate; `None` where there is no section.
    pub fate: Option<Fate>,
    /// `st_size` in bytes.
    pub bytes: u64,
}

/// One export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRow<'d> {
    /// The name.
    pub name: &'d [u8],
    /// To whom.
    pub licence: Licence,
    /// The namespace; empty for none.
    pub namespace: &'d [u8],
    /// Representation.
    pub form: Form,
    /// Words of the entry are place-relative.
    pub relative: bool,
    /// Whose record it is.
    pub exporter: Exporter,
    /// What became of it.
    pub state: State,
    /// Where the name is defined; `None` if nowhere in the link, and for modules.
    pub definition: Option<Definition>,
    /// A script (or the linker itself) defines it, so it has no input section.
    pub assigned: bool,
    /// The version checksum, where known.
    pub crc: Option<u32>,
    /// Modules that use it, by position.
    pub users: Vec<usize>,
    /// What modpost would refuse.
    pub problem: Option<Problem>,
    /// An earlier row exports the same name, and both are in the link: its position.
    pub twice: Option<usize>,
}

/// Names for which an object or the tree says that the export was trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrimmedName<'d> {
    /// The name.
    pub name: &'d [u8],
    /// The object with the marker.
    pub file: FileId,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exports<'d> {
    /// Exports of the link, then of the modules.
    pub rows: Vec<ExportRow<'d>>,
    /// Names that lost their export at compile time (markers without a record).
    pub trimmed: Vec<TrimmedName<'d>>,
    /// Positions in `rows` by name: of several, the one in the link first.
    by_name: Map<&'d [u8], usize>,
    /// Files that could not be read, so exports may be missing.
    pub unread: Vec<FileId>,
    /// Names that `Module.symvers` lists; `None` without the file.
    pub listed: Option<usize>,
    /// Makefile and line that build an object which is not in the link, by file.
    places: BTreeMap<FileId, (String, u32)>,
}

impl<'d> Exports<'d> {
    /// The row that counts for a name.
    pub fn find(&self, name: &[u8]) -> Option<&ExportRow<'d>> {
        self.by_name.get(name).and_then(|&at| self.rows.get(at))
    }

    /// The same answer with the Makefile lines of objects that are not linked; `locate` is asked with an
    /// object's path.
    #[must_use]
    pub fn with_places(
        mut self,
        analysis: &Analysis<'_>,
        locate: impl Fn(&[u8]) -> Option<(String, u32)>,
    ) -> Self {
        for row in self.rows.iter().filter(|r| r.state == State::NotLinked) {
            if let Exporter::File(file) = row.exporter
                && let Some(place) = locate(analysis.program.files[file].joined.unwrap_or(b""))
            {
                self.places.insert(file, place);
            }
        }
        self
    }

    /// Number of rows in a state.
    pub fn count(&self, state: State) -> usize {
        self.rows.iter().filter(|r| r.state == state).count()
    }
}

/// Collects the answer. `code` is what [`intermediate::read`] tells of the same inputs.
pub fn exports<'d>(
    analysis: &Analysis<'d>,
    modules: &[Module<'d>],
    facts: &KernelFacts,
    code: &'d Code,
) -> Exports<'d> {
    let program = &analysis.program;
    let read: Vec<records::ObjectExports<'d>> = program
        .files
        .as_slice()
        .par_iter()
        .with_min_len(16)
        .map(|f| f.object().map(records::of_object).unwrap_or_default())
        .collect();
    let fates = fate::fates(analysis);
    let mut out = Exports::default();
    for file in program.file_ids() {
        let input = &program.files[file];
        let is_read = input.object().is_some() || input.shared().is_some() || input.intermediate.is_some();
        if !is_read || code.unread.contains(&file) {
            out.unread.push(file);
        }
    }
    let tables = tables(analysis, &read);
    // A name's first record in the link, and its first one at all.
    for (number, object) in read.iter().enumerate() {
        let file = FileId::from_usize(number);
        out.trimmed.extend(object.trimmed.iter().map(|&name| TrimmedName { name, file }));
        for record in &object.records {
            // Generated tables speak for records elsewhere.
            if record.form != Form::Record && tables.records.contains_key(record.name) {
                continue;
            }
            let mut row = link_row(analysis, file, record, |s| fates[s]);
            if record.form == Form::Record {
                match tables.entries.get(record.name) {
                    Some(&(home, entry)) => {
                        let state = entry_state(analysis, home, entry.section, |s| fates[s]);
                        row.state = if row.state == State::NotLinked { row.state } else { state };
                        row.crc = row.crc.or(entry.crc);
                        row.relative = entry.relative;
                        row.licence = entry.licence;
                    }
                    None if !tables.entries.is_empty() && row.state == State::Linked => {
                        row.state = State::Trimmed;
                    }
                    None => {}
                }
            }
            out.rows.push(row);
        }
        out.rows.extend(intermediate::rows(analysis, code, file));
    }
    for (number, module) in modules.iter().enumerate() {
        out.rows.extend(module.exports.iter().map(|record| module_row(number, record)));
    }
    let symvers = facts.symvers.as_deref().map(symvers::parse);
    out.listed = symvers.as_ref().map(|s| s.lines.len());
    checksums(&mut out, facts, symvers.as_ref());
    index(&mut out);
    users(&mut out, modules);
    out
}

/// Table entries that stand elsewhere than the records they were made from (6.5 and later).
struct Tables<'r, 'd> {
    /// Names with an `.export_symbol` record.
    records: Map<&'d [u8], ()>,
    /// Table entries for names with a record, by name.
    entries: Map<&'d [u8], (FileId, &'r ExportRecord<'d>)>,
}

fn tables<'r, 'd>(analysis: &Analysis<'d>, read: &'r [records::ObjectExports<'d>]) -> Tables<'r, 'd> {
    let mut out = Tables { records: Map::default(), entries: Map::default() };
    for record in read.iter().flat_map(|o| &o.records).filter(|r| r.form == Form::Record) {
        out.records.insert(record.name, ());
    }
    if out.records.is_empty() {
        return out;
    }
    for (number, object) in read.iter().enumerate() {
        let file = FileId::from_usize(number);
        if !analysis.resolution.is_in_link(file) {
            continue;
        }
        for record in object.records.iter().filter(|r| r.form != Form::Record) {
            if out.records.contains_key(record.name) {
                out.entries.entry(record.name).or_insert((file, record));
            }
        }
    }
    out
}

fn entry_state(
    analysis: &Analysis<'_>,
    file: FileId,
    section: u32,
    fate: impl Fn(SectionId) -> Fate,
) -> State {
    if !analysis.resolution.is_in_link(file) {
        return State::NotLinked;
    }
    match fate(analysis.program.files[file].section_id(section)) {
        Fate::Dropped => State::Collected,
        Fate::Discarded => State::Discarded,
        _ => State::Linked,
    }
}

fn link_row<'d>(
    analysis: &Analysis<'d>,
    file: FileId,
    record: &ExportRecord<'d>,
    fate: impl Fn(SectionId) -> Fate,
) -> ExportRow<'d> {
    let state = match record.form {
        // The records themselves are discarded by design: modpost has read them.
        Form::Record if analysis.resolution.is_in_link(file) => State::Linked,
        _ => entry_state(analysis, file, record.section, &fate),
    };
    ExportRow {
        name: record.name,
        licence: record.licence,
        namespace: record.namespace,
        form: record.form,
        relative: record.relative,
        exporter: Exporter::File(file),
        state,
        definition: definition(analysis, file, record, &fate),
        assigned: is_assigned(analysis, record.name),
        crc: record.crc,
        users: Vec::new(),
        problem: record.problem,
        twice: None,
    }
}

fn module_row<'d>(number: usize, record: &ExportRecord<'d>) -> ExportRow<'d> {
    ExportRow {
        name: record.name,
        licence: record.licence,
        namespace: record.namespace,
        form: record.form,
        relative: record.relative,
        exporter: Exporter::Module(number),
        state: State::Linked,
        definition: None,
        assigned: false,
        crc: record.crc,
        users: Vec::new(),
        problem: record.problem,
        twice: None,
    }
}

/// Where an export's target is defined: in its own object, or wherever the link defines it (Rust).
fn definition(
    analysis: &Analysis<'_>,
    file: FileId,
    record: &ExportRecord<'_>,
    fate: impl Fn(SectionId) -> Fate,
) -> Option<Definition> {
    let program = &analysis.program;
    let object = program.files[file].object()?;
    let symbol = object.symbol(record.target).filter(|_| record.target != 0);
    let in_link = analysis.resolution.is_in_link(file);
    let (home, found) = match symbol {
        // A global of its own may still lose against another file's (weak defaults).
        Some(own) if own.place != Place::Undefined && (own.bind == STB_LOCAL || !in_link) => (file, own),
        _ => {
            let name = match symbol {
                Some(own) => object.symbol_name(own.name),
                None => record.name,
            };
            let winner = analysis.resolution.definitions[program.names.find(name)?];
            match symbol {
                _ if winner.is_regular() || winner.kind == DefKind::Common => {
                    (winner.file, program.files.get(winner.file)?.object()?.symbol(winner.symbol)?)
                }
                Some(own) if own.place != Place::Undefined => (file, own),
                _ => return outside(analysis, record.name),
            }
        }
    };
    let section = match found.place {
        Place::Section(section) => Some(program.files[home].section_id(section)),
        _ => None,
    };
    Some(Definition { file: home, section, fate: section.map(&fate), bytes: found.size })
}

fn is_assigned(analysis: &Analysis<'_>, name: &[u8]) -> bool {
    let id = analysis.program.names.find(name);
    id.is_some_and(|id| analysis.resolution.definitions[id].kind == DefKind::Assigned)
}

/// A definition in a member that is not in the link.
fn outside(analysis: &Analysis<'_>, name: &[u8]) -> Option<Definition> {
    let program = &analysis.program;
    let id = program.names.find(name)?;
    for file in program.file_ids().filter(|&f| !analysis.resolution.is_in_link(f)) {
        let f = &program.files[file];
        let Some(object) = f.object() else { continue };
        for (offset, _) in f.names.iter().enumerate().filter(|(_, n)| **n == id) {
            let Some(symbol) = object.symbol(object.first_global + offset as u32) else { continue };
            if symbol.place != Place::Undefined {
                let section = match symbol.place {
                    Place::Section(section) => Some(f.section_id(section)),
                    _ => None,
                };
                let fate = section.map(|_| Fate::NotExtracted);
                return Some(Definition { file, section, fate, bytes: symbol.size });
            }
        }
    }
    None
}

fn checksums(out: &mut Exports<'_>, facts: &KernelFacts, symvers: Option<&Symvers<'_>>) {
    let mut listed: Map<&[u8], u32> = Map::default();
    for line in symvers.iter().flat_map(|s| &s.lines) {
        listed.insert(line.name, line.crc);
    }
    for row in &mut out.rows {
        let known = facts.crcs.get(row.name).copied().or_else(|| listed.get(row.name).copied());
        row.crc = row.crc.or(known);
    }
}

/// Which row counts for a name: one in the link before any other, else the first.
fn index(out: &mut Exports<'_>) {
    let mut by_name: Map<&[u8], usize> = Map::default();
    for at in 0..out.rows.len() {
        let (name, state) = match out.rows.get(at) {
            Some(row) => (row.name, row.state),
            None => continue,
        };
        match by_name.get(name).copied() {
            None => {
                by_name.insert(name, at);
            }
            Some(first) => {
                let first_linked = out.rows.get(first).is_some_and(|r| r.state == State::Linked);
                if first_linked && state == State::Linked {
                    out.rows[at].twice = Some(first);
                } else if state == State::Linked {
                    by_name.insert(name, at);
                }
            }
        }
    }
    out.by_name = by_name;
}

fn users(out: &mut Exports<'_>, modules: &[Module<'_>]) {
    for (number, module) in modules.iter().enumerate() {
        for needed in &module.needs {
            let Some(&at) = out.by_name.get(needed.name) else { continue };
            if let Some(row) = out.rows.get_mut(at)
                && row.users.last() != Some(&number)
            {
                row.users.push(number);
            }
        }
    }
}

/// LSW003: names whose every record stands in a member that the link does not take.
pub fn findings(analysis: &Analysis<'_>, answer: &Exports<'_>, modules: &[Module<'_>]) -> Vec<Finding> {
    let program = &analysis.program;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut out = Vec::new();
    for (at, row) in answer.rows.iter().enumerate() {
        let Exporter::File(file) = row.exporter else { continue };
        if row.state != State::NotLinked || answer.by_name.get(row.name) != Some(&at) {
            continue;
        }
        let f = &program.files[file];
        let name = text(row.name);
        let (member, archive) = match f.archive {
            Some(_) => (text(f.member), text(f.path)),
            None => (text(f.path), String::new()),
        };
        let mut message = format!("{name} is exported by {}, which is not in the link", program.label(file));
        if let Some(first) = row.users.first().and_then(|&m| modules.get(m)) {
            let more = row.users.len() - 1;
            message.push_str(&format!("; {} needs it", text(&first.path)));
            if more > 0 {
                message.push_str(&format!(", and {more} more"));
            }
        }
        let remedy = if archive.is_empty() {
            "link the object outside --start-lib".to_string()
        } else {
            format!("build {member} with obj-y instead of lib-y, or link {archive} with --whole-archive")
        };
        out.push(Finding {
            id: "LSW003",
            level: Level::Error,
            message,
            subject: Subject { kind: "symbol", name, file: member, archive },
            location: answer.places.get(&file).map(|(file, line)| Location {
                file: file.clone(),
                line: *line,
                column: 1,
            }),
            bytes: row.definition.map(|d| d.bytes),
            remedy,
        });
    }
    out
}

//! What became of every section.
//!
//! In: a [`Snapshot`] of the link as it is and one of the changed link. Out: [`WhatIf`]: totals of both, what dies and
//! what comes alive, in link order. Where archives were linked in another way the two links have ids of their own;
//! sections are then matched by file and index. Always true: `kept after = kept before - dies + comes alive` (in
//! sections and bytes, pieces left out; asserted in tests).

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Applied;
use crate::graph::ExtraNode;
use crate::ids::{FileId, Id, NodeId, SectionId, Table};
use crate::program::Program;
use crate::query::dead::{self, Dead, Grouping, kind_of};
use crate::query::fate::{self, Fate};
use crate::query::totals::{Amount, Totals};
use crate::query::{Analysis, symbols};

/// Commons by file and name: bytes, and whether they live.
pub(super) type Commons = BTreeMap<(BString, BString), (u64, bool)>;

/// The fates of one link.
pub struct Snapshot {
    fates: Table<SectionId, Fate>,
    /// By file label, in link order: base and count of sections, and whether it is in the link.
    files: HashMap<BString, Vec<FileId>, FixedState>,
    commons: Commons,
    totals: Totals,
    commons_kept: Amount,
    commons_dropped: Amount,
    members: Vec<BString>,
    collects: bool,
}

impl Snapshot {
    /// Takes down what an analysis says; `by_label` if it will be compared with other ids.
    pub fn of(analysis: &Analysis<'_>, by_label: bool) -> Snapshot {
        let Dead { totals, commons_kept, commons_dropped, collects, .. } = dead::dead(analysis, &[]);
        let program = &analysis.program;
        let mut files: HashMap<BString, Vec<FileId>, FixedState> = HashMap::default();
        if by_label {
            for file in program.file_ids() {
                files.entry(identity(program, file)).or_default().push(file);
            }
        }
        let extracted = analysis.resolution.extractions.iter();
        Snapshot {
            fates: fate::fates(analysis),
            files,
            commons: commons(analysis, collects),
            totals,
            commons_kept,
            commons_dropped,
            members: extracted.map(|e| BString::from(program.label(e.file))).collect(),
            collects,
        }
    }
}

/// What makes a file the same in two links: a thin member's own path, else the label; and its size.
fn identity(program: &Program<'_>, file: FileId) -> BString {
    let (joined, bytes) = program.files.get(file).map_or((None, 0), |f| (f.joined, f.bytes));
    match joined {
        Some(path) => format!("{}:{bytes}", BString::from(path.strip_prefix(b"./").unwrap_or(path))).into(),
        None => format!("{}:{bytes}", program.label(file)).into(),
    }
}

fn commons(analysis: &Analysis<'_>, collects: bool) -> Commons {
    let graph = &analysis.graph;
    let program = &analysis.program;
    let mut out = BTreeMap::new();
    for (number, extra) in graph.extra_nodes.iter().enumerate() {
        let (file, name, size): (FileId, BString, u64) = match *extra {
            ExtraNode::CommonsOf { file, size, small } => {
                (file, if small { ".scommon" } else { "COMMON" }.into(), size)
            }
            ExtraNode::Common { name, file, size } => (file, program.name(name).into(), size),
            _ => continue,
        };
        let node = NodeId::from_usize(graph.section_count() + number);
        let live = !collects || analysis.liveness.is_live(node);
        out.insert((program.label(file).into(), name), (size, live));
    }
    out
}

/// A section (or a block of commons) whose fate changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Section name, or `COMMON`.
    pub section: BString,
    /// Its index in the file; 0 for commons.
    pub index: u32,
    /// The symbol that names it best; empty if it defines none.
    pub symbol: BString,
    /// Object or member.
    pub file: BString,
    /// Archive; empty for plain objects.
    pub archive: BString,
    /// text, rodata, data, ...
    pub kind: &'static str,
    /// Size in bytes.
    pub bytes: u64,
    /// Fate before.
    pub was: Fate,
    /// Fate after.
    pub is: Fate,
}

impl Row {
    /// `path` or `archive(member)`.
    pub fn label(&self) -> BString {
        match self.archive.is_empty() {
            true => self.file.clone(),
            false => [self.archive.as_slice(), b"(", &self.file, b")"].concat().into(),
        }
    }

    fn key(&self, by: Grouping) -> BString {
        match by {
            Grouping::Archive if self.archive.is_empty() => "(objects)".into(),
            Grouping::Archive => self.archive.clone(),
            Grouping::Directory => {
                let path = if self.archive.is_empty() || self.file.contains(&b'/') {
                    &self.file
                } else {
                    &self.archive
                };
                match path.rfind_byte(b'/') {
                    Some(0) => "/".into(),
                    Some(at) => path[..at].into(),
                    None => ".".into(),
                }
            }
            Grouping::Section => self.section.clone(),
            Grouping::Kind => self.kind.into(),
            Grouping::Symbol if self.symbol.is_empty() => self.section.clone(),
            Grouping::Symbol => self.symbol.clone(),
            Grouping::File | Grouping::Region => self.label(),
        }
    }
}

/// A row of a grouping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Name of the group.
    pub key: BString,
    /// What of it dies.
    pub dies: Amount,
    /// What of it comes alive.
    pub lives: Amount,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct WhatIf {
    /// The changes, in order.
    pub applied: Vec<Applied>,
    /// All input as it is.
    pub before: Totals,
    /// All input after the changes.
    pub after: Totals,
    /// Commons that stay, before and after.
    pub commons: (Amount, Amount),
    /// Commons that are dropped, before and after.
    pub commons_dropped: (Amount, Amount),
    /// What was in the output and is not any more, in link order.
    pub dies: Vec<Row>,
    /// What was not in the output and is, in link order.
    pub lives: Vec<Row>,
    /// Archive members that enter the link.
    pub extracted: Vec<BString>,
    /// Archive members that stay out.
    pub left: Vec<BString>,
    /// Whether the link collects garbage, before and after.
    pub collects: bool,
}

impl WhatIf {
    /// Bytes and sections of rows.
    pub fn amount(rows: &[Row]) -> Amount {
        let mut amount = Amount::default();
        rows.iter().filter(|r| r.index != 0).for_each(|r| amount.add(r.bytes));
        amount
    }

    /// Rows by what they have in common, those that change most first.
    pub fn groups(&self, by: Grouping) -> Vec<Group> {
        let mut groups: BTreeMap<BString, Group> = BTreeMap::new();
        for (rows, dies) in [(&self.dies, true), (&self.lives, false)] {
            for row in rows {
                let key = row.key(by);
                let group = groups.entry(key.clone()).or_insert_with(|| Group { key, ..Group::default() });
                if dies { &mut group.dies } else { &mut group.lives }.add(row.bytes);
            }
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by_key(|g| std::cmp::Reverse(g.dies.bytes.saturating_add(g.lives.bytes)));
        groups
    }
}

/// Rows of one side with the tables that name them.
struct Rows<'a, 'd> {
    program: &'a Program<'d>,
    best: Option<(FileId, Vec<Option<u32>>)>,
}

impl Rows<'_, '_> {
    fn row(&mut self, section: SectionId, was: Fate, is: Fate) -> Row {
        let (file, index) = self.program.locate(section);
        if self.best.as_ref().is_none_or(|(own, _)| *own != file) {
            self.best = Some((file, symbols::best_of_sections(self.program, file)));
        }
        let best = self.best.as_ref().and_then(|(_, b)| b.get(index as usize).copied().flatten());
        let f = &self.program.files[file];
        let (archive, own) = if f.archive.is_some() { (f.path, f.member) } else { (&b""[..], f.path) };
        Row {
            section: self.program.section_name(section).into(),
            index,
            symbol: best.map_or_else(BString::default, |s| symbols::name(self.program, file, s).into()),
            file: own.into(),
            archive: archive.into(),
            kind: kind_of(self.program, section),
            bytes: self.program.section_size(section),
            was,
            is,
        }
    }
}

/// Compares two links. `old` is the analysis of the link as it is, if the changed one has ids of its own.
pub fn compare(
    before: &Snapshot,
    old: Option<&Analysis<'_>>,
    new: &Analysis<'_>,
    applied: Vec<Applied>,
) -> WhatIf {
    let after = Snapshot::of(new, old.is_some());
    let mut answer = WhatIf {
        applied,
        before: before.totals,
        after: after.totals,
        commons: (before.commons_kept, after.commons_kept),
        commons_dropped: (before.commons_dropped, after.commons_dropped),
        collects: before.collects || after.collects,
        ..WhatIf::default()
    };
    let kept = |fate: Fate| fate == Fate::Kept;
    match old {
        None => {
            let mut rows = Rows { program: &new.program, best: None };
            for (section, (&was, &is)) in
                before.fates.ids().zip(before.fates.as_slice().iter().zip(after.fates.as_slice()))
            {
                let change = (kept(was), kept(is));
                if change.0 != change.1 && new.program.files[new.program.locate(section).0].is_stand_in() {
                    continue;
                }
                match change {
                    (true, false) => answer.dies.push(rows.row(section, was, is)),
                    (false, true) => answer.lives.push(rows.row(section, was, is)),
                    _ => {}
                }
            }
        }
        Some(old) => {
            let sides = [(old, before, &after), (new, &after, before)];
            for (which, (side, own, other)) in sides.into_iter().enumerate() {
                let mut rows = Rows { program: &side.program, best: None };
                let program = &side.program;
                let mut met: HashMap<BString, usize, FixedState> = HashMap::default();
                for file in program.file_ids().filter(|&f| !program.files[f].is_stand_in()) {
                    let label = identity(program, file);
                    let at = met.entry(label.clone()).or_default();
                    let twin = other.files.get(&label).and_then(|f| f.get(*at)).copied();
                    *at += 1;
                    let others = if which == 0 { &new.program } else { &old.program };
                    for section in program.sections_of(file).skip(1) {
                        if !kept(own.fates[section]) {
                            continue;
                        }
                        let index = section.0 - program.files[file].section_base;
                        let theirs = twin.map(|t| others.files[t].section_id(index));
                        let theirs =
                            theirs.and_then(|s| other.fates.get(s)).copied().unwrap_or(Fate::NotExtracted);
                        if kept(theirs) {
                            continue;
                        }
                        if which == 0 {
                            answer.dies.push(rows.row(section, Fate::Kept, theirs));
                        } else {
                            answer.lives.push(rows.row(section, theirs, Fate::Kept));
                        }
                    }
                }
            }
        }
    }
    balance(&answer);
    commons_rows(&before.commons, &after.commons, &mut answer);
    answer.extracted = missing(&after.members, &before.members);
    answer.left = missing(&before.members, &after.members);
    answer
}

/// Sections and bytes add up.
pub(super) fn balance(answer: &WhatIf) {
    let kept = |t: &Totals| (t.kept.sections, t.kept.bytes.saturating_add(t.dropped_pieces));
    let (before, after) = (kept(&answer.before), kept(&answer.after));
    let (dies, lives) = (WhatIf::amount(&answer.dies), WhatIf::amount(&answer.lives));
    debug_assert_eq!(before.0 + lives.sections, after.0 + dies.sections, "sections that die and live add up");
    debug_assert_eq!(
        before.1.saturating_add(lives.bytes),
        after.1.saturating_add(dies.bytes),
        "bytes that die and live add up"
    );
}

/// Commons that die or come alive.
pub(super) fn commons_rows(before: &Commons, after: &Commons, answer: &mut WhatIf) {
    let row = |key: &(BString, BString), bytes: u64, was: Fate, is: Fate| Row {
        section: "COMMON".into(),
        index: 0,
        symbol: key.1.clone(),
        file: key.0.clone(),
        archive: BString::default(),
        kind: "bss",
        bytes,
        was,
        is,
    };
    for (key, &(size, live)) in before {
        if live && !after.get(key).is_some_and(|c| c.1) {
            answer.dies.push(row(key, size, Fate::Kept, Fate::Dropped));
        }
    }
    for (key, &(size, live)) in after {
        if live && !before.get(key).is_some_and(|c| c.1) {
            answer.lives.push(row(key, size, Fate::Dropped, Fate::Kept));
        }
    }
}

/// What is in the first list and not in the second, in the first one's order.
fn missing(list: &[BString], other: &[BString]) -> Vec<BString> {
    let mut known: Vec<&BString> = other.iter().collect();
    known.sort_unstable();
    list.iter().filter(|m| known.binary_search(m).is_err()).cloned().collect()
}

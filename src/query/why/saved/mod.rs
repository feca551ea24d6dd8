//! A saved link as `why` sees it.
//!
//! In: a [`Portrait`]. Out: its [`View`]. Section and node ids are rows of the portrait; sections without a row
//! are numbered behind the nodes; names are strings, and so are symbols of relocations.

mod dead;
mod find;

use std::borrow::Cow;

use rayon::prelude::*;

use super::chain::Hop;
use super::subject::{State, What};
use super::uses::RelocUse;
use super::view::{Beyond, Demand, FileFacts, NamedBy, StatementFacts, SymbolFacts, View};
use super::{Extracted, LeftBehind, ScriptPlace, Subject, WhyRequest};
use crate::graph::{EdgeKind, Root};
use crate::ids::{ArchiveId, FileId, NameId, NodeId, SectionId};
use crate::mark::Staged;
use crate::plan::{Flavor, OutputKind};
use crate::query::kernel::roots::{Initcall, Level};
use crate::query::portrait::codes::{self, ExtraKind};
use crate::query::portrait::tables::{file_flags, section_flags};
use crate::query::portrait::{NONE, Portrait};
use crate::resolve::Asker;

/// In the number of a relocation's symbol: it is a section symbol; the rest is the string of its name.
const SECTIONAL: u32 = 1 << 31;

/// A string, if it is one.
fn name_id(id: u32) -> Option<NameId> {
    (id != NONE).then_some(NameId(id))
}

impl Portrait<'_> {
    /// The row of a section that stands behind the nodes.
    fn outside_row(&self, section: SectionId) -> Option<usize> {
        (section.0 as usize).checked_sub(self.node_count()).filter(|row| *row < self.outside.name.count())
    }

    /// The name of the symbol that covers an offset, as the covering symbol of an object is found.
    fn covering(&self, section: u32, offset: u64) -> Option<u32> {
        let mut best: Option<(bool, u64, u32)> = None;
        for row in self.symbols_of(section) {
            let (value, size) = (self.symbols.value.at(row), self.symbols.size.at(row));
            if value > offset || (size != 0 && offset - value >= size) {
                continue;
            }
            let typed = self.symbols.info.at(row) & crate::query::portrait::tables::symbol_info::TYPE != 0;
            if best.is_none_or(|(t, v, _)| (typed, value) > (t, v)) {
                best = Some((typed, value, self.symbols.name.at(row)));
            }
        }
        best.map(|(_, _, name)| name)
    }

    /// The relocation behind an edge.
    fn edge_use(&self, from: u32, edge: usize) -> Option<RelocUse> {
        let symbol = self.edge_symbol(edge)?;
        let offset = self.edges.offset.at(edge);
        Some(RelocUse {
            section: SectionId(from),
            offset,
            kind: self.edges.reloc.at(edge),
            addend: self.edges.addend.at(edge) as i64,
            symbol: symbol.name | if symbol.sectional { SECTIONAL } else { 0 },
            inside: self.covering(from, offset),
            count: self.edges.count.at(edge),
            unreadable: self.kinds.bits.at(self.kind(from)) & section_flags::UNREADABLE != 0,
        })
    }

    /// The edge between two nodes.
    fn edge_between(&self, from: u32, to: u32) -> Option<usize> {
        let at = self.targets(from).binary_search(&to).ok()?;
        Some(self.edges_of(from).start + at)
    }

    /// The row of a root.
    fn root_row(&self, root: &Root) -> Option<usize> {
        (0..self.roots.node.len()).find(|&row| self.root(row) == *root)
    }
}

impl View for Portrait<'_> {
    fn flavor(&self) -> Flavor {
        self.head.profile.flavor
    }

    fn output_kind(&self) -> OutputKind {
        self.head.output_kind
    }

    fn machine(&self) -> u16 {
        self.head.machine
    }

    fn collects(&self) -> bool {
        self.head.collects
    }

    fn node_count(&self) -> usize {
        Portrait::node_count(self)
    }

    fn section(&self, node: NodeId) -> Option<SectionId> {
        let section = SectionId(node.0);
        (self.is_section(node.0) || self.outside_row(section).is_some()).then_some(section)
    }

    fn beyond(&self, node: NodeId) -> Option<Beyond<'_>> {
        let row = self.extra(node.0)?;
        let e = &self.extras;
        let (file, size) = (FileId(e.file.at(row)), e.size.at(row));
        let name = self.strings.get(e.name.at(row));
        Some(match codes::extra(e.kind.at(row)) {
            ExtraKind::CommonsOf => Beyond::CommonsOf { file, size, small: false },
            ExtraKind::SmallCommonsOf => Beyond::CommonsOf { file, size, small: true },
            ExtraKind::Common => Beyond::Common { name, file, size },
            ExtraKind::StartStop => Beyond::StartStop { section: name },
            ExtraKind::Routines => Beyond::Routines { stem: name },
            ExtraKind::ScriptSymbol => Beyond::ScriptSymbol { name },
        })
    }

    fn is_live(&self, node: NodeId) -> bool {
        Portrait::is_live(self, node.0)
    }

    fn each_target(&self, node: NodeId, found: &mut dyn FnMut(NodeId)) {
        for &target in self.targets(node.0) {
            found(NodeId(target));
        }
    }

    fn sources(&self, node: NodeId) -> Vec<NodeId> {
        let count = Portrait::node_count(self) as u32;
        let hit = |from: &u32| self.targets(*from).binary_search(&node.0).is_ok();
        (0..count).into_par_iter().with_min_len(4096).filter(hit).map(NodeId).collect()
    }

    fn hop(&self, from: NodeId, to: NodeId) -> Hop {
        if let Some(edge) = self.edge_between(from.0, to.0) {
            let reloc = self.edge_use(from.0, edge);
            return Hop { from, to, kind: self.edge_kind(edge), reloc, staged: false };
        }
        let list = self.staged();
        let staged = list.iter().find(|s| s.node == to && s.because == from);
        let kind = staged.map_or(EdgeKind::WithFile, |s| s.kind);
        Hop { from, to, kind, reloc: None, staged: true }
    }

    fn staged(&self) -> Cow<'_, [Staged]> {
        let s = &self.staged;
        let mark = |row: usize| Staged {
            node: NodeId(s.node.at(row)),
            because: NodeId(s.because.at(row)),
            kind: codes::edge(s.kind.at(row)),
        };
        Cow::Owned((0..s.node.len()).map(mark).collect())
    }

    fn root_nodes(&self) -> Vec<NodeId> {
        self.roots.node.iter().map(|&n| NodeId(n)).collect()
    }

    fn roots_of(&self, node: NodeId) -> Vec<Root> {
        let rows = (0..self.roots.node.len()).filter(|&row| self.roots.node.at(row) == node.0);
        rows.map(|row| self.root(row)).collect()
    }

    fn section_name(&self, section: SectionId) -> &[u8] {
        match self.outside_row(section) {
            Some(row) => self.strings.get(self.outside.name.at(row)),
            None => Portrait::section_name(self, section.0),
        }
    }

    fn section_size(&self, section: SectionId) -> u64 {
        match self.outside_row(section) {
            Some(row) => self.outside.size.at(row),
            None => self.sections.size.at(section.0 as usize),
        }
    }

    fn section_file(&self, section: SectionId) -> FileId {
        match self.outside_row(section) {
            Some(row) => {
                let after = self.outside.first.partition_point(|&first| first as usize <= row);
                FileId(after.checked_sub(1).map_or(NONE, |file| file as u32))
            }
            None => FileId(self.file_of(section.0)),
        }
    }

    fn group_of_header(&self, section: SectionId) -> Option<(&[u8], Option<NodeId>)> {
        if section.0 == NONE {
            return None;
        }
        let group = self.groups.section.iter().position(|&s| s == section.0)?;
        let signature = self.signature(group);
        let members = self.group_members(group).iter();
        Some((signature, members.copied().find(|&m| Portrait::is_live(self, m)).map(NodeId)))
    }

    fn group_of_member(&self, section: SectionId) -> Option<(u64, &[u8])> {
        let group = self.group_of(section.0)?;
        Some((group as u64, self.signature(group)))
    }

    fn file(&self, file: FileId) -> Option<FileFacts<'_>> {
        let row = file.0 as usize;
        let f = &self.files;
        let text = |column: &[u32]| self.strings.some(column.get(row).copied().unwrap_or(NONE));
        Some(FileFacts {
            path: self.strings.get(*f.path.get(row)?),
            archive: f.archive.get(row).is_some_and(|a| *a != NONE),
            member: text(&f.member).unwrap_or_default(),
            joined: text(&f.joined),
            nested: text(&f.nested),
            in_lib: f.flags.at(row) & file_flags::IN_LIB != 0,
            bytes: f.bytes.at(row),
            opaque: text(&f.opaque).and_then(|t| std::str::from_utf8(t).ok()),
        })
    }

    fn archive_path(&self, archive: ArchiveId) -> &[u8] {
        self.strings.get(self.archives.path.get(archive.idx()).copied().unwrap_or(NONE))
    }

    fn name(&self, name: NameId) -> &[u8] {
        self.strings.get(name.0)
    }

    fn symbol(&self, _: FileId, symbol: u32) -> SymbolFacts<'_> {
        let sectional = symbol & SECTIONAL != 0;
        SymbolFacts { text: self.strings.get(symbol & !SECTIONAL), is_section: sectional, sectional }
    }

    fn named_by(&self, root: &Root) -> NamedBy {
        match self.root_row(root).map(|row| self.roots.by.at(row)) {
            Some(1) => NamedBy::Option,
            Some(2) => NamedBy::Fini,
            _ => NamedBy::Init,
        }
    }

    fn library_of(&self, root: &Root) -> Option<FileId> {
        let library = *self.roots.library.get(self.root_row(root)?)?;
        (library != NONE).then_some(FileId(library))
    }

    fn keep_statement(&self, keep: (u32, u32)) -> Option<StatementFacts<'_>> {
        let k = &self.keeps;
        let same = |row: &usize| (k.script.at(*row), k.description.at(*row)) == keep;
        let row = (0..k.script.len()).find(same)?;
        let path = String::from_utf8_lossy(self.strings.get(k.file.at(row))).into_owned();
        let (line, column) = (k.line.at(row), k.column.at(row));
        let text = self.strings.get(k.text.at(row));
        Some(StatementFacts { path, at: (line > 0).then_some((line, column, text)) })
    }

    fn statement(&self, _: &ScriptPlace) -> Option<StatementFacts<'_>> {
        None
    }

    fn initcalls(&self, section: SectionId) -> Vec<Initcall<'_>> {
        let i = &self.initcalls;
        let rows = (0..i.section.len()).filter(|&row| i.section.at(row) == section.0);
        let call = |row: usize| Initcall {
            level: Level(self.strings.get(i.level.at(row))),
            function: self.strings.get(i.function.at(row)),
            module: self.strings.some(i.module.at(row)),
            section,
            offset: i.offset.at(row),
        };
        rows.map(call).collect()
    }

    fn script_entry(&self) -> Option<&[u8]> {
        self.head.script_entry.as_deref().map(str::as_bytes)
    }

    fn demand(&self, step: &Extracted) -> Option<Demand> {
        let row = self.extractions.file.iter().position(|&f| f == step.file.0)?;
        match self.extractions.demand.at(row) {
            1 => Some(Demand::Undefined),
            2 => Some(Demand::Require),
            3 => Some(Demand::Glob),
            4 => Some(Demand::Entry),
            _ => None,
        }
    }

    fn is_defsym(&self, name: NameId) -> bool {
        let defsym = codes::place_code(codes::Meaning::Defsym);
        let mut rows = self.names.name.iter().zip(self.names.place.iter());
        rows.any(|(n, place)| *n == name.0 && *place == defsym)
    }

    fn find(&self, request: &WhyRequest) -> Vec<What> {
        find::find(self, request)
    }

    fn state(&self, what: &What) -> State {
        find::state(self, what)
    }

    fn section_state(&self, section: SectionId) -> State {
        find::section_state(self, section)
    }

    fn is_content(&self, section: SectionId) -> bool {
        find::is_content(self, section)
    }

    fn is_loaded(&self, section: SectionId) -> bool {
        self.is_alloc(section.0) && Portrait::section_name(self, section.0) != b".eh_frame"
    }

    fn sections_of(&self, file: FileId) -> Vec<SectionId> {
        let mut all: Vec<SectionId> = Portrait::sections_of(self, file.0).map(SectionId).collect();
        all.extend(find::outside_of(self, file.0));
        all
    }

    fn is_in_link(&self, file: FileId) -> bool {
        Portrait::is_in_link(self, file.0)
    }

    fn extraction(&self, file: FileId) -> Vec<Extracted> {
        let e = &self.extractions;
        let mut out: Vec<Extracted> = Vec::new();
        let mut at = file;
        while let Some(row) = e.file.iter().position(|&f| f == at.0) {
            if out.iter().any(|step| step.file == at) {
                break;
            }
            let asker = match e.asker.at(row) {
                0 => Asker::File(FileId(e.by.at(row))),
                1 => Asker::Option(String::from_utf8_lossy(self.strings.get(e.text.at(row))).into_owned()),
                _ => Asker::Whole,
            };
            let section = e.section.at(row);
            let inside = e.inside.at(row);
            let used = RelocUse {
                section: SectionId(section),
                offset: e.offset.at(row),
                kind: e.reloc.at(row),
                addend: e.addend.at(row) as i64,
                symbol: e.written.at(row),
                inside: (inside != NONE).then_some(inside),
                count: e.count.at(row),
                unreadable: false,
            };
            let reference = (section != NONE).then_some((used, e.live.at(row) != 0));
            let next = match asker {
                Asker::File(by) => Some(by),
                _ => None,
            };
            out.push(Extracted { file: at, asker, symbol: name_id(e.symbol.at(row)), reference });
            match next {
                Some(by) => at = by,
                None => break,
            }
        }
        out
    }

    fn left_behind(&self, _: FileId) -> Option<LeftBehind> {
        // What its symbols lacked is known to the link alone.
        None
    }

    fn outside_definition(&self, _: NameId) -> Option<FileId> {
        None
    }

    fn explain_deaths(&self, subjects: &mut [Subject]) {
        dead::explain(self, subjects);
    }
}

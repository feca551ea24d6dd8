//! What garbage collection drops, how much, and whose it is (`gc`).
//!
//! In: an analysis. Out: [`Dead`]: totals, grouped totals, the dropped sections. Always true: the
//! totals add up to every section of every object that was read (asserted), and so do the rows of
//! every grouping but `symbol`, which divides dropped and kept sections by the symbols in them.

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};

use super::fate::{self, Fate};
use super::totals::{Amount, Totals};
use super::{Analysis, place, symbols};
use crate::graph::ExtraNode;
use crate::ids::{FileId, Id, NodeId, SectionId, Table};
use crate::load::elf::consts::*;
use crate::program::{Content, Program};

/// What rows stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grouping {
    /// Object file or archive member.
    File,
    /// Archive; plain objects together.
    Archive,
    /// Folder of the object or archive.
    Directory,
    /// Section name.
    Section,
    /// text, rodata, data, bss, ...
    Kind,
    /// Symbol that holds the bytes.
    Symbol,
    /// Memory region of a script's MEMORY that the section lies or would lie in.
    Region,
}

impl Grouping {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Grouping::File => "file",
            Grouping::Archive => "archive",
            Grouping::Directory => "directory",
            Grouping::Section => "section",
            Grouping::Kind => "kind",
            Grouping::Symbol => "symbol",
            Grouping::Region => "region",
        }
    }
}

/// A row of a grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Name of the group.
    pub key: BString,
    /// Its totals.
    pub totals: Totals,
}

/// A dropped section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedSection {
    /// The section.
    pub section: SectionId,
    /// The file.
    pub file: FileId,
    /// Size in bytes.
    pub bytes: u64,
    /// Index of the symbol that names it best, if it defines any.
    pub symbol: Option<u32>,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dead {
    /// Totals over all input sections.
    pub totals: Totals,
    /// Common symbols that stay (no input sections, so outside the totals): blocks and bytes.
    pub commons_kept: Amount,
    /// Common symbols that are dropped.
    pub commons_dropped: Amount,
    /// Rows per requested grouping, in first-met order.
    pub groups: Vec<(Grouping, Vec<GroupRow>)>,
    /// Dropped sections in link order.
    pub dropped: Vec<DroppedSection>,
    /// Files of the link whose contents could not be read: the answer is partial if not 0.
    pub unreadable_files: u64,
    /// Whether the link collects at all.
    pub collects: bool,
}

/// Accounts for all input.
pub fn dead(analysis: &Analysis<'_>, by: &[Grouping]) -> Dead {
    let fates = fate::fates(analysis);
    let pieces = pieces(analysis, &fates);
    account(analysis, by, &fates, &pieces)
}

/// Bytes that go although their section stays (unwind entries, mergeable pieces), by section in order.
pub fn pieces(analysis: &Analysis<'_>, fates: &Table<SectionId, Fate>) -> Vec<(SectionId, u64)> {
    let mut pieces = fate::dead_unwind_bytes(analysis, fates);
    pieces.extend(fate::dead_mergeable_bytes(analysis));
    pieces.sort_unstable_by_key(|p| p.0);
    pieces
}

/// The same, with fates and pieces that are known already.
pub fn account(
    analysis: &Analysis<'_>,
    by: &[Grouping],
    fates: &Table<SectionId, Fate>,
    pieces: &[(SectionId, u64)],
) -> Dead {
    let program = &analysis.program;
    let pieces_of = |section: SectionId| {
        let at = pieces.binary_search_by_key(&section, |p| p.0).ok();
        at.and_then(|at| pieces.get(at)).map_or(0, |p| p.1)
    };
    let mut answer = Dead { collects: fate::collects(program), ..Dead::default() };
    let mut groups: Vec<Groups> = by.iter().map(|&g| Groups::new(g)).collect();
    if let Some(group) = groups.iter_mut().find(|g| g.by == Grouping::Region) {
        group.regions = Some(place::regions_of_sections(analysis));
    }
    let mut all = Amount::default();
    for file in program.file_ids() {
        let f = &program.files[file];
        if f.is_partial() && analysis.resolution.is_in_link(file) {
            answer.unreadable_files += 1;
        }
        if f.is_stand_in() {
            continue;
        }
        let first = answer.dropped.len();
        for section in program.sections_of(file).skip(1) {
            let (fate, size) = (fates[section], program.section_size(section));
            all.add(size);
            answer.totals.add(fate, size, pieces_of(section));
            for group in &mut groups {
                group.add(program, file, section, fate, size, pieces_of(section));
            }
            if fate == Fate::Dropped {
                answer.dropped.push(DroppedSection { section, file, bytes: size, symbol: None });
            }
        }
        if answer.dropped.len() > first {
            let best = symbols::best_of_sections(program, file);
            for row in answer.dropped.iter_mut().skip(first) {
                row.symbol = best.get((row.section.0 - f.section_base) as usize).copied().flatten();
            }
        }
        for group in groups.iter_mut().filter(|g| g.by == Grouping::Symbol) {
            group.add_symbols(program, file, fates);
        }
    }
    add_commons(analysis, &mut answer);
    assert_eq!(answer.totals.sum(), all, "the fates add up to all input");
    for group in &groups {
        if group.by != Grouping::Symbol {
            let mut sum = Amount::default();
            for row in &group.rows {
                let part = row.totals.sum();
                sum.sections += part.sections;
                sum.bytes = sum.bytes.saturating_add(part.bytes);
            }
            assert_eq!(sum, all, "the groups add up to all input");
        }
    }
    answer.groups = groups.into_iter().map(|g| (g.by, g.rows)).collect();
    answer
}

fn add_commons(analysis: &Analysis<'_>, answer: &mut Dead) {
    let first = analysis.graph.section_count();
    for (number, node) in analysis.graph.extra_nodes.iter().enumerate() {
        let (ExtraNode::CommonsOf { size, .. } | ExtraNode::Common { size, .. }) = *node else { continue };
        let live = !answer.collects || analysis.liveness.is_live(NodeId::from_usize(first + number));
        let amount = if live { &mut answer.commons_kept } else { &mut answer.commons_dropped };
        amount.add(size);
    }
}

struct Groups {
    by: Grouping,
    rows: Vec<GroupRow>,
    number: BTreeMap<BString, usize>,
    last: Option<(FileId, usize)>,
    /// By section, for [`Grouping::Region`].
    regions: Option<place::RegionsOfSections>,
}

impl Groups {
    fn new(by: Grouping) -> Self {
        Groups { by, rows: Vec::new(), number: BTreeMap::new(), last: None, regions: None }
    }

    fn row(&mut self, key: BString) -> usize {
        let Groups { rows, number, .. } = self;
        *number.entry(key.clone()).or_insert_with(|| {
            rows.push(GroupRow { key, totals: Totals::default() });
            rows.len() - 1
        })
    }

    fn add(
        &mut self,
        program: &Program<'_>,
        file: FileId,
        section: SectionId,
        fate: Fate,
        size: u64,
        pieces: u64,
    ) {
        let by_file = matches!(self.by, Grouping::File | Grouping::Archive | Grouping::Directory);
        let row = match (self.by, self.last) {
            (Grouping::Symbol, _) => return,
            (_, Some((last, row))) if by_file && last == file => row,
            _ => {
                let key = match &self.regions {
                    Some(regions) => BString::from(regions.name_of(section)),
                    None => key(self.by, program, file, section),
                };
                self.row(key)
            }
        };
        self.last = Some((file, row));
        if let Some(row) = self.rows.get_mut(row) {
            row.totals.add(fate, size, pieces);
        }
    }

    fn add_symbols(&mut self, program: &Program<'_>, file: FileId, fates: &Table<SectionId, Fate>) {
        symbols::divide(program, file, |section, name, bytes| {
            let fate = fates[section];
            let row = self.row(BString::from(name));
            if let Some(row) = self.rows.get_mut(row) {
                row.totals.add(fate, bytes, 0);
            }
        });
    }
}

fn key(by: Grouping, program: &Program<'_>, file: FileId, section: SectionId) -> BString {
    let f = &program.files[file];
    match by {
        Grouping::File | Grouping::Symbol => BString::from(file_label(program, file)),
        Grouping::Archive if f.archive.is_some() => BString::from(f.path),
        Grouping::Archive => BString::from("(objects)"),
        Grouping::Directory => {
            let path = f.joined.unwrap_or(f.path);
            match path.rfind_byte(b'/') {
                Some(0) => BString::from("/"),
                Some(at) => BString::from(path.get(..at).unwrap_or(path)),
                None => BString::from("."),
            }
        }
        Grouping::Section => BString::from(program.section_name(section)),
        Grouping::Kind => BString::from(kind_of(program, section)),
        Grouping::Region => BString::from(place::NO_REGION),
    }
}

/// `path` or `archive(member)`, bytes as stored.
pub fn file_label(program: &Program<'_>, file: FileId) -> Vec<u8> {
    let f = &program.files[file];
    if f.archive.is_none() { f.path.to_vec() } else { [f.path, b"(", f.member, b")"].concat() }
}

/// The sort of content, by type and flags.
pub fn kind_of(program: &Program<'_>, section: SectionId) -> &'static str {
    let (file, index) = program.locate(section);
    let Content::Object(object) = &program.files[file].content else { return "data" };
    let Some(row) = object.sections.get(index as usize) else { return "other" };
    let name = object.section_name(index);
    match row.kind {
        SHT_SYMTAB | SHT_STRTAB | SHT_SYMTAB_SHNDX | SHT_GROUP => "tables",
        kind if crate::load::elf::is_relocation_type(kind) => "relocations",
        SHT_NOTE => "note",
        _ if !row.is_alloc() && (name.starts_with(b".debug") || name.starts_with(b".zdebug")) => "debug",
        _ if !row.is_alloc() => "other",
        _ if name == b".eh_frame" || name.starts_with(b".gcc_except_table") => "unwind",
        _ if row.flags & SHF_TLS != 0 => "tls",
        SHT_NOBITS => "bss",
        _ if row.flags & SHF_EXECINSTR != 0 => "text",
        _ if row.flags & SHF_WRITE != 0 => "data",
        _ => "rodata",
    }
}

//! What becomes of each input section.
//!
//! In: a finished analysis. Out: one [`Fate`] per section, and for sections that stay the bytes that
//! go all the same (FDEs of dead code). Always true: a section has exactly one fate.

use rayon::prelude::*;

use super::{Analysis, pieces};
use crate::graph::{Class, NO_NODE};
use crate::ids::{FileId, Id, NodeId, SectionId, Table};
use crate::load::eh_frame::{self, AtTerminator};
use crate::load::elf::Place;
use crate::plan::{Flavor, OutputKind};
use crate::program::{Content, Program};

/// What becomes of an input section (cli.md 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// In the output.
    Kept,
    /// Removed by garbage collection.
    Dropped,
    /// Member of a losing COMDAT copy.
    GroupDuplicate,
    /// Discarded without garbage collection.
    Discarded,
    /// Its file is not in the link.
    NotExtracted,
    /// Not a thing that is collected: tables of the object format.
    NotACandidate,
}

impl Fate {
    /// The word for it in all formats.
    pub fn word(self) -> &'static str {
        match self {
            Fate::Kept => "kept",
            Fate::Dropped => "dropped",
            Fate::GroupDuplicate => "group-duplicate",
            Fate::Discarded => "discarded",
            Fate::NotExtracted => "not-extracted",
            Fate::NotACandidate => "not-a-candidate",
        }
    }

    /// Whether the section's bytes reach the output or serve the linker.
    pub fn stays(self) -> bool {
        matches!(self, Fate::Kept | Fate::NotACandidate)
    }
}

/// Whether this link collects at all: `--gc-sections` is in force, and the linker does not ignore it
/// (mold with `-r`, GS 8).
pub fn collects(program: &Program<'_>) -> bool {
    let plan = program.plan;
    plan.gc_sections == Some(true)
        && !(plan.profile.flavor == Flavor::Mold && plan.output_kind == OutputKind::Relocatable)
}

/// Fates of all sections. Null sections have no fate: they are [`Fate::NotACandidate`] with size 0
/// and are left out of every count.
pub fn fates(analysis: &Analysis<'_>) -> Table<SectionId, Fate> {
    let program = &analysis.program;
    let collects = collects(program);
    let per_file: Vec<Vec<Fate>> = program
        .files
        .as_slice()
        .par_iter()
        .enumerate()
        .with_min_len(64)
        .map(|(number, f)| {
            let in_link = analysis.resolution.is_in_link(FileId::from_usize(number));
            let just_symbols = f.mode.just_symbols;
            program
                .sections_of(FileId::from_usize(number))
                .map(|section| fate(analysis, section, in_link && !just_symbols, collects, in_link))
                .collect()
        })
        .collect();
    Table::from_vec(per_file.into_iter().flatten().collect())
}

fn fate(
    analysis: &Analysis<'_>,
    section: SectionId,
    takes_part: bool,
    collects: bool,
    in_link: bool,
) -> Fate {
    if !in_link {
        return Fate::NotExtracted;
    }
    if !takes_part {
        return Fate::NotACandidate;
    }
    if analysis.resolution.is_lost(section) {
        return Fate::GroupDuplicate;
    }
    match analysis.graph.class[section] {
        Class::Absent | Class::Structural => Fate::NotACandidate,
        Class::Kept | Class::Pieces => Fate::Kept,
        Class::Discarded => Fate::Discarded,
        Class::Duplicate => Fate::GroupDuplicate,
        Class::Node if !collects || analysis.liveness.is_live(NodeId(section.0)) => Fate::Kept,
        Class::Node => Fate::Dropped,
    }
}

/// Bytes of FDEs that describe code which is not in the output, by `.eh_frame` section (GS 6.4).
/// Sections that cannot be split, and links that keep unwind data whole (`-r`), have none.
pub fn dead_unwind_bytes(analysis: &Analysis<'_>, fates: &Table<SectionId, Fate>) -> Vec<(SectionId, u64)> {
    let program = &analysis.program;
    if program.plan.output_kind == OutputKind::Relocatable {
        return Vec::new();
    }
    let found: Vec<Vec<(SectionId, u64)>> = analysis
        .resolution
        .files
        .par_iter()
        .with_min_len(16)
        .map(|&file| {
            let f = &program.files[file];
            let Content::Object(object) = &f.content else { return Vec::new() };
            let mut out = Vec::new();
            for index in 1..object.sections.len() as u32 {
                let id = f.section_id(index);
                if fates[id] != Fate::Kept || object.section_name(index) != b".eh_frame" {
                    continue;
                }
                let Ok(frame) = eh_frame::read(object, index, AtTerminator::Stop) else { continue };
                let mut bytes = 0u64;
                for record in frame.records.iter().filter(|r| !r.is_cie) {
                    let Some(first) = frame.relocs_of(record).first() else { continue };
                    if !describes_kept(analysis, fates, file, first.symbol) {
                        bytes = bytes.saturating_add(record.size);
                    }
                }
                if bytes > 0 {
                    out.push((id, bytes));
                }
            }
            out
        })
        .collect();
    found.into_iter().flatten().collect()
}

/// All FDEs of a link, for whom a link is saved: section, the section whose fate decides (`None`: it stays), bytes.
pub(crate) fn unwind_records(analysis: &Analysis<'_>) -> Vec<(SectionId, Option<SectionId>, u64)> {
    let program = &analysis.program;
    if program.plan.output_kind == OutputKind::Relocatable {
        return Vec::new();
    }
    let of_file = |&file: &FileId| {
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return Vec::new() };
        let mut out = Vec::new();
        for index in (1..object.sections.len() as u32).filter(|&i| object.section_name(i) == b".eh_frame") {
            let Ok(frame) = eh_frame::read(object, index, AtTerminator::Stop) else { continue };
            for record in frame.records.iter().filter(|r| !r.is_cie) {
                let Some(first) = frame.relocs_of(record).first() else { continue };
                out.push((f.section_id(index), described(analysis, file, first.symbol), record.size));
            }
        }
        out
    };
    let files = &analysis.resolution.files;
    let found: Vec<Vec<(SectionId, Option<SectionId>, u64)>> =
        files.par_iter().with_min_len(16).map(of_file).collect();
    found.into_iter().flatten().collect()
}

/// Bytes of mergeable pieces that nothing live refers to, by section (lld and mold, GS 6.9).
pub fn dead_mergeable_bytes(analysis: &Analysis<'_>) -> Vec<(SectionId, u64)> {
    if !collects(&analysis.program) {
        return Vec::new();
    }
    pieces::pieces(analysis).into_iter().map(|row| (row.section, row.dead_bytes)).collect()
}

fn describes_kept(
    analysis: &Analysis<'_>,
    fates: &Table<SectionId, Fate>,
    file: FileId,
    symbol: u32,
) -> bool {
    described(analysis, file, symbol).is_none_or(|section| fates[section].stays())
}

/// The section that an FDE's symbol lies in; `None` if it describes something that stays in any case.
fn described(analysis: &Analysis<'_>, file: FileId, symbol: u32) -> Option<SectionId> {
    let f = &analysis.program.files[file];
    let found = f.object().and_then(|o| o.symbol(symbol))?;
    match found.place {
        Place::Section(section) => Some(f.section_id(section)),
        _ => {
            let target = analysis.graph.targets.get(file.idx()).and_then(|t| t.get(symbol as usize));
            target.filter(|t| **t != NO_NODE).and_then(|t| analysis.graph.section(NodeId(*t)))
        }
    }
}

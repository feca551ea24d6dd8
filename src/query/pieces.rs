//! Which pieces of mergeable sections live (GS 6.9): lld and mold drop the others without a word.
//!
//! In: a finished analysis. Out: one row per section that is kept piece by piece. Always true: a
//! section that nothing live refers to has no live piece, and what cannot be read counts as live.

use rayon::prelude::*;

use super::Analysis;
use super::symbols::value_in_section;
use crate::graph::{Class, NO_NODE};
use crate::ids::{FileId, Id, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Symbol};
use crate::load::implicit;
use crate::load::merge::{self, Pieces};
use crate::load::relocs::Reloc;
use crate::program::InputFile;

/// The pieces of one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionPieces {
    /// The section.
    pub section: SectionId,
    /// Number of pieces.
    pub total: usize,
    /// Number of pieces that something live refers to.
    pub live: usize,
    /// Bytes of all other pieces.
    pub dead_bytes: u64,
}

/// All sections that are kept piece by piece, split, and which pieces live.
pub struct LivePieces {
    sections: Vec<SectionId>,
    split: Vec<Option<Pieces>>,
    /// Where each section's pieces begin in `live`; one more at the end.
    starts: Vec<usize>,
    live: fixedbitset::FixedBitSet,
}

impl LivePieces {
    /// The live pieces of a section in order, as ranges of bytes; `None` if the section is not kept
    /// piece by piece, or does not split.
    pub fn of(&self, section: SectionId) -> Option<impl Iterator<Item = std::ops::Range<u64>> + '_> {
        let number = self.sections.binary_search(&section).ok()?;
        let pieces = self.split.get(number)?.as_ref()?;
        let start = self.starts.get(number).copied()?;
        let live = move |piece: &usize| self.live.contains(start + piece);
        Some((0..pieces.len()).filter(live).map(|piece| pieces.range(piece)))
    }
}

/// Rows of all sections that are kept piece by piece, in section order.
pub fn pieces(analysis: &Analysis<'_>) -> Vec<SectionPieces> {
    let program = &analysis.program;
    let all = live_pieces(analysis);
    let row = |(number, &section): (usize, &SectionId)| {
        let size = program.section_size(section);
        let range = all.starts[number]..all.starts[number + 1];
        let live_count = all.live.count_ones(range.clone());
        let dead_bytes = match &all.split[number] {
            Some(pieces) => {
                let dead = (0..pieces.len()).filter(|p| !all.live.contains(range.start + p));
                dead.map(|p| pieces.range(p)).map(|r| r.end - r.start).sum()
            }
            None if live_count == 0 => size,
            None => 0,
        };
        SectionPieces { section, total: range.len(), live: live_count, dead_bytes }
    };
    all.sections.iter().enumerate().map(row).collect()
}

/// Who refers to which pieces, live or not, for whom a link is saved.
pub(crate) struct References {
    /// The sections that are kept piece by piece, in order.
    pub(crate) sections: Vec<SectionId>,
    /// Where each one's pieces begin in the common numbering; one more at the end.
    pub(crate) starts: Vec<usize>,
    /// Bytes of all pieces.
    pub(crate) sizes: Vec<u64>,
    /// Section and piece, sorted.
    pub(crate) from: Vec<(SectionId, usize)>,
    /// Position of a root and piece.
    pub(crate) roots: Vec<(usize, usize)>,
}

/// Finds the references of all sections.
pub(crate) fn references(analysis: &Analysis<'_>) -> References {
    let (sections, split, starts) = split_all(analysis);
    let table = Table { sections: &sections, split: &split, starts: &starts };
    let found: Vec<Vec<(SectionId, usize)>> = analysis
        .resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| of_file(analysis, &table, file, false))
        .collect();
    let mut from: Vec<(SectionId, usize)> = found.into_iter().flatten().collect();
    from.sort_unstable();
    let mut sizes = Vec::with_capacity(starts.last().copied().unwrap_or(0));
    for (section, split) in sections.iter().zip(&split) {
        match split {
            Some(pieces) => sizes.extend((0..pieces.len()).map(|p| pieces.range(p)).map(|r| r.end - r.start)),
            None => sizes.push(analysis.program.section_size(*section)),
        }
    }
    let roots = of_roots(analysis, &table);
    References { sections, starts, sizes, from, roots }
}

/// The sections kept piece by piece, split, and where each one's pieces begin in the common numbering.
fn split_all(analysis: &Analysis<'_>) -> (Vec<SectionId>, Vec<Option<Pieces>>, Vec<usize>) {
    // Split sections, and where each one's pieces begin in the common numbering.
    let sections: Vec<SectionId> = (0..analysis.graph.class.len())
        .map(SectionId::from_usize)
        .filter(|s| analysis.graph.class[*s] == Class::Pieces)
        .collect();
    let split: Vec<Option<Pieces>> = sections.par_iter().map(|s| split(analysis, *s)).collect();
    let mut starts = Vec::with_capacity(split.len() + 1);
    let mut total = 0usize;
    for pieces in &split {
        starts.push(total);
        total += pieces.as_ref().map_or(1, Pieces::len);
    }
    starts.push(total);
    (sections, split, starts)
}

/// Finds the live pieces of all sections.
pub fn live_pieces(analysis: &Analysis<'_>) -> LivePieces {
    let (sections, split, starts) = split_all(analysis);
    let total = starts.last().copied().unwrap_or(0);
    let table = Table { sections: &sections, split: &split, starts: &starts };
    let mut marks: Vec<Vec<usize>> = analysis
        .resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| of_file(analysis, &table, file, true).into_iter().map(|(_, piece)| piece).collect())
        .collect();
    marks.push(of_roots(analysis, &table).into_iter().map(|(_, piece)| piece).collect());
    let mut live = fixedbitset::FixedBitSet::with_capacity(total);
    for piece in marks.into_iter().flatten() {
        live.insert(piece);
    }
    LivePieces { sections, split, starts, live }
}

fn split(analysis: &Analysis<'_>, section: SectionId) -> Option<Pieces> {
    let (file, index) = analysis.program.locate(section);
    let object = analysis.program.files[file].object()?;
    let strings = object.sections.get(index as usize)?.flags & SHF_STRINGS != 0;
    merge::split(object.section_data(index)?, object.header(index).entsize, strings).ok()
}

/// Pieces of all sections in one numbering; a section that does not split is one piece.
struct Table<'a> {
    sections: &'a [SectionId],
    split: &'a [Option<Pieces>],
    starts: &'a [usize],
}

impl Table<'_> {
    /// Calls `f` with the piece at an offset, or with all pieces if there is no such place.
    fn at(&self, section: SectionId, offset: Option<u64>, mut f: impl FnMut(usize)) {
        let Ok(number) = self.sections.binary_search(&section) else { return };
        let place = match (&self.split[number], offset) {
            (Some(pieces), Some(offset)) => pieces.at(offset),
            _ => None,
        };
        match place {
            Some(piece) => f(self.starts[number] + piece),
            None => (self.starts[number]..self.starts[number + 1]).for_each(f),
        }
    }
}

/// Pieces that the sections of a file refer to, all or the live ones; each section with its pieces in order.
fn of_file(analysis: &Analysis<'_>, table: &Table<'_>, file: FileId, live: bool) -> Vec<(SectionId, usize)> {
    let mut out = Vec::new();
    let program = &analysis.program;
    let input = &program.files[file];
    let Some(object) = input.object() else { return out };
    for section in program.sections_of(file) {
        if live && !analysis.liveness.is_live(NodeId(section.0)) {
            continue;
        }
        let index = section.0 - input.section_base;
        analysis.graph.for_each_relocation(program, section, |target, reloc, encoding| {
            let target = SectionId(target.0);
            let class = analysis.graph.class.as_slice().get(target.idx());
            if class != Some(&Class::Pieces) {
                return;
            }
            let offset = object.symbol(reloc.symbol).filter(|_| encoding != 0).and_then(|symbol| {
                offset_of(analysis, input, object, index, target, &symbol, reloc, encoding)
            });
            table.at(target, offset, |piece| out.push((section, piece)));
        });
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Where in `target` a relocation points: the symbol's value, plus the addend for a section symbol.
#[allow(clippy::too_many_arguments)]
fn offset_of(
    analysis: &Analysis<'_>,
    input: &InputFile<'_>,
    object: &Object<'_>,
    section: u32,
    target: SectionId,
    symbol: &Symbol,
    reloc: Reloc,
    encoding: u32,
) -> Option<u64> {
    if reloc.symbol >= object.first_global {
        return value_in_section(analysis, input.global_name(reloc.symbol)?, target);
    }
    if symbol.kind != STT_SECTION {
        return Some(symbol.value);
    }
    let table = object.reloc_table(encoding).ok()?;
    let addend = if table.has_addends() {
        reloc.addend
    } else {
        let bytes = object.section_data(section)?.get(usize::try_from(reloc.offset).ok()?..)?;
        implicit::addend(object.machine, object.endian(), reloc.kind, bytes)
    };
    symbol.value.checked_add_signed(addend)
}

/// Pieces that roots name, and whatever lives for another reason than a relocation.
fn of_roots(analysis: &Analysis<'_>, table: &Table<'_>) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let class = analysis.graph.class.as_slice();
    for (number, root) in analysis.roots.roots.iter().enumerate() {
        if class.get(root.node.index()) == Some(&Class::Pieces) && root.node.0 != NO_NODE {
            let section = SectionId(root.node.0);
            let offset = root.name.and_then(|name| value_in_section(analysis, name, section));
            table.at(section, offset, |piece| out.push((number, piece)));
        }
    }
    out
}

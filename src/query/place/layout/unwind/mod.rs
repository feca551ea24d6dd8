//! `.eh_frame` at the size that it has once the frames of code that is gone are taken out and equal
//! CIEs are put together.
//!
//! In: output sections with their inputs. Out: the same with sizes as the linker makes them, and the
//! size of `.eh_frame_hdr`. A file per linker says how records are laid out. Always true: where a
//! record is not understood the sizes of inputs stay, and [`Made::Unwind`] with them.

mod bfd;
mod cfa;
mod lld;

use super::super::Placement;
use super::build::{Item, Out};
use super::{Made, PieceOf};
use crate::graph::NO_NODE;
use crate::ids::{FileId, NameId, NodeId, SectionId, Table};
use crate::load::eh_frame::{self, AtTerminator, EhFrame};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::plan::{Flavor, OutputKind};
use crate::query::Analysis;
use crate::query::fate::{self, Fate};

/// One `.eh_frame` input, and where it stands in its output section.
struct Frames<'d> {
    item: usize,
    position: usize,
    align: u64,
    data: &'d [u8],
    split: EhFrame,
    /// By record: what its first relocation or personality says.
    records: Vec<Entry>,
}

/// What is to know of a record beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// A CIE and its personality routine.
    Cie(Option<Personality>),
    /// An FDE, of code that stays or not.
    Fde(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Personality {
    Global(NameId),
    Local(FileId, u32),
}

/// Sizes of all `.eh_frame` output sections.
pub(super) fn shrink(analysis: &Analysis<'_>, placement: &Placement, outs: &mut [Out<'_>]) {
    let plan = analysis.program.plan;
    if plan.output_kind == OutputKind::Relocatable
        || !matches!(plan.profile.flavor, Flavor::Bfd | Flavor::Lld)
    {
        return;
    }
    let fates = fate::fates(analysis);
    let mut live = Some(0u64);
    for out in outs.iter_mut().filter(|o| !o.skipped && o.name == ".eh_frame" && o.has_inputs()) {
        let frames = frames(analysis, placement, &fates, out);
        let done = frames.as_ref().is_some_and(|list| match plan.profile.flavor {
            Flavor::Bfd => bfd::shrink(analysis, out, list),
            _ => lld::shrink(analysis, out, list),
        });
        if !done || out.made == Some(Made::Content) {
            live = None;
            continue;
        }
        out.made = None;
        let kept = |f: &Frames<'_>| f.records.iter().filter(|r| **r == Entry::Fde(true)).count() as u64;
        live = live.map(|n| n + frames.iter().flatten().map(kept).sum::<u64>());
    }
    let Some(live) = live else { return };
    for out in outs.iter_mut().filter(|o| o.name == ".eh_frame_hdr") {
        let pieces =
            out.items.iter_mut().filter_map(|i| if let Item::Inputs(l) = i { Some(l) } else { None });
        for input in pieces.flatten().filter(|i| i.of == PieceOf::Linker) {
            input.size = 12 + 8 * live;
            input.align = 4;
            out.align = out.align.max(4);
            out.made = None;
        }
    }
}

/// The inputs in their order; `None` if one does not split.
fn frames<'d>(
    analysis: &Analysis<'d>,
    placement: &Placement,
    fates: &Table<SectionId, Fate>,
    out: &Out<'_>,
) -> Option<Vec<Frames<'d>>> {
    let program = &analysis.program;
    let mut found = Vec::new();
    for (item, position, input, section) in out.sections() {
        if program.section_name(section) != b".eh_frame" {
            return None;
        }
        let (file, index) = program.locate(section);
        let object = program.files[file].object()?;
        let split = eh_frame::read(object, index, AtTerminator::Stop).ok()?;
        let stays = |symbol: u32| stays(analysis, placement, fates, file, object, symbol);
        let mut records = Vec::with_capacity(split.records.len());
        for record in &split.records {
            let first = split.relocs_of(record).first();
            records.push(match (record.is_cie, first) {
                (true, None) => Entry::Cie(None),
                (true, Some(reloc)) => {
                    let global = program.files[file].global_name(reloc.symbol);
                    let local = Personality::Local(file, reloc.symbol);
                    Entry::Cie(Some(global.map_or(local, Personality::Global)))
                }
                // bfd and lld look for the code's relocation at the third word.
                (false, Some(reloc)) if reloc.offset == record.offset + 8 => Entry::Fde(stays(reloc.symbol)),
                (false, _) => return None,
            });
        }
        let data = object.section_data(index)?;
        found.push(Frames { item, position, align: input.align, data, split, records });
    }
    Some(found)
}

/// Whether the code that an FDE's symbol names is in the output (bfd `bfd_elf_reloc_symbol_deleted_p`;
/// lld `isFdeLive`).
fn stays(
    analysis: &Analysis<'_>,
    placement: &Placement,
    fates: &Table<SectionId, Fate>,
    file: FileId,
    object: &Object<'_>,
    symbol: u32,
) -> bool {
    let f = &analysis.program.files[file];
    let Some(found) = object.symbol(symbol).filter(|_| symbol != 0) else { return false };
    let in_output = |section: SectionId| fates[section].stays() && !placement.is_discarded(section);
    match found.place {
        Place::Section(section) if found.bind == STB_LOCAL => in_output(f.section_id(section)),
        _ => {
            let target = analysis.graph.targets.get(file.idx()).and_then(|t| t.get(symbol as usize));
            let section = target.filter(|t| **t != NO_NODE).map(|t| NodeId(*t));
            match section.and_then(|node| analysis.graph.section(node)) {
                Some(section) => {
                    let own = analysis.program.locate(section).0 == file;
                    in_output(section) && own
                }
                // A name of this file that another file's definition replaced.
                None => matches!(found.place, Place::Section(s) if in_output(f.section_id(s))),
            }
        }
    }
}

/// The bytes of a record.
fn bytes<'d>(frames: &Frames<'d>, number: usize) -> &'d [u8] {
    let Some(record) = frames.split.records.get(number) else { return &[] };
    let start = usize::try_from(record.offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(record.size).unwrap_or(usize::MAX));
    frames.data.get(start..end).unwrap_or_default()
}

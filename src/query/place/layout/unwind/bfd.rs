//! GNU ld: inputs stay where they are, each without the records that go.
//!
//! In: `.eh_frame` inputs in output order. Out: their sizes. A CIE stays where an FDE needs it first
//! among equal ones; padding at a record's end is left out; only the last input keeps its terminator; all but the last are padded to the
//! output's alignment. Source: bfd `_bfd_elf_discard_section_eh_frame`, `find_merged_cie`,
//! `bfd_elf_discard_info`.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::super::build::{Item, Out};
use super::cfa::Cie;
use super::{Entry, Frames, Personality, bytes};
use crate::load::eh_frame::NO_CIE;
use crate::plan::OutputKind;
use crate::query::Analysis;

/// Longest CIE, in bytes, whose instructions are certainly short enough to be compared.
const LONGEST: u64 = 60;

/// Sets the sizes; `false` if a record is not understood.
pub(super) fn shrink(analysis: &Analysis<'_>, out: &mut Out<'_>, list: &[Frames<'_>]) -> bool {
    let is_64 = analysis.program.target.is_none_or(|t| t.is_64);
    let pic = analysis.program.plan.output_kind != OutputKind::Executable;
    let mut seen: HashSet<(&[u8], Option<Personality>), FixedState> = HashSet::default();
    let mut sizes = Vec::with_capacity(list.len());
    for (number, frames) in list.iter().enumerate() {
        let last = number + 1 == list.len();
        let Some(size) = size(frames, last, is_64, pic, &mut seen) else { return false };
        sizes.push(size);
    }
    // Behind the last input with records only a terminator may follow.
    let tail = sizes.iter().rposition(|s| *s > 4).unwrap_or(0);
    for (number, (frames, size)) in list.iter().zip(sizes).enumerate() {
        let Some(Item::Inputs(inputs)) = out.items.get_mut(frames.item) else { continue };
        let Some(input) = inputs.get_mut(frames.position) else { continue };
        input.size = if number < tail { size.next_multiple_of(out.align.max(1)) } else { size };
        if size == 0 && number > tail {
            input.align = 1;
        }
    }
    true
}

/// What becomes of a CIE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Unused,
    Kept,
    /// An equal one stands for it.
    Merged,
}

fn size<'d>(
    frames: &Frames<'d>,
    last: bool,
    is_64: bool,
    pic: bool,
    seen: &mut HashSet<(&'d [u8], Option<Personality>), FixedState>,
) -> Option<u64> {
    let records = &frames.split.records;
    let mut uses = vec![Use::Unused; records.len()];
    for (record, entry) in records.iter().zip(&frames.records) {
        if *entry != Entry::Fde(true) {
            continue;
        }
        let cie = record.cie as usize;
        let slot = uses.get_mut(cie).filter(|_| record.cie != NO_CIE)?;
        if *slot == Use::Unused {
            let Some(&Entry::Cie(personality)) = frames.records.get(cie) else { return None };
            let text = bytes(frames, cie);
            let read = Cie::read(text, is_64).filter(|c| c.size <= LONGEST)?;
            let text = text.get(4..usize::try_from(read.size).ok()?)?;
            *slot = if seen.insert((text, personality)) { Use::Kept } else { Use::Merged };
        }
    }
    let mut offset = 0u64;
    for (number, ((record, entry), used)) in records.iter().zip(&frames.records).zip(&uses).enumerate() {
        let (align, size) = match entry {
            Entry::Cie(_) if *used == Use::Kept => (4, Cie::read(bytes(frames, number), is_64)?.size),
            Entry::Fde(true) => {
                let cie = Cie::read(bytes(frames, record.cie as usize), is_64)?;
                // Position-independent output may need another encoding.
                if pic && cie.width == 8 {
                    return None;
                }
                (cie.width.max(4), cie.fde_size(bytes(frames, number))?)
            }
            _ => continue,
        };
        offset = offset.next_multiple_of(align) + size;
    }
    if last && frames.split.terminator.is_some() {
        offset = offset.next_multiple_of(4) + 4;
    }
    Some(offset.next_multiple_of(4))
}

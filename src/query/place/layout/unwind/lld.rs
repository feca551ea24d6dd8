//! lld: one section, its records CIE by CIE.
//!
//! In: `.eh_frame` inputs in output order. Out: the first has the whole size, the others none. Equal
//! CIEs are one, used or not; up to lld 14 every record is padded to the word size; a terminator follows. Source:
//! lld `EhFrameSection::addRecords`, `finalizeContents`.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::super::build::{Item, Out};
use super::{Entry, Frames, Personality, bytes};
use crate::plan::Version;
use crate::query::Analysis;

/// Sets the sizes.
pub(super) fn shrink(analysis: &Analysis<'_>, out: &mut Out<'_>, list: &[Frames<'_>]) -> bool {
    // lld 14 pads every record.
    let plan = analysis.program.plan;
    let padded = plan.profile.version < Version(15, 0, 0);
    let word = if analysis.program.target.is_none_or(|t| t.is_64) { 8u64 } else { 4 };
    let mut seen: HashSet<(&[u8], Option<Personality>), FixedState> = HashSet::default();
    let mut total = 4u64;
    for frames in list {
        for (number, (record, entry)) in frames.split.records.iter().zip(&frames.records).enumerate() {
            let counts = match entry {
                Entry::Cie(personality) => seen.insert((bytes(frames, number), *personality)),
                Entry::Fde(live) => *live,
            };
            if counts {
                total += if padded { record.size.next_multiple_of(word) } else { record.size };
            }
        }
    }
    for (number, frames) in list.iter().enumerate() {
        let Some(Item::Inputs(inputs)) = out.items.get_mut(frames.item) else { continue };
        let Some(input) = inputs.get_mut(frames.position) else { continue };
        (input.size, input.align) = if number == 0 { (total, frames.align.max(word)) } else { (0, 1) };
    }
    true
}

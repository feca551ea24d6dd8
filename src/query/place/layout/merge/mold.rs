//! mold: live entries of all inputs that share an output section.
//!
//! In: mergeable inputs. Out: the first has all that is left, the others nothing. Where an entry asks
//! for an alignment the size depends on how a hash table is filled: then it is not exact, and the
//! padding between entries is left out. Source: mold `MergedSection::assign_offsets`.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::super::build::Out;
use super::{Entry, input_mut};
use crate::load::merge;
use crate::query::pieces::LivePieces;

/// Merges; `false` if sizes cannot be told.
pub(super) fn merge(out: &mut Out<'_>, entries: &[Entry<'_>], live: Option<&LivePieces>) -> bool {
    let mut seen: HashSet<&[u8], FixedState> = HashSet::default();
    let (mut total, mut aligned, mut first) = (0u64, false, true);
    let taking: Vec<&Entry<'_>> =
        entries.iter().filter(|e| e.entsize > 0 && !e.data.is_empty() && !e.relocated).collect();
    for entry in &taking {
        let mut add = |range: std::ops::Range<u64>| {
            let bytes = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let bytes = bytes.and_then(|(start, end)| entry.data.get(start..end)).unwrap_or_default();
            aligned |= entry.align > 1;
            if seen.insert(bytes) {
                total += bytes.len() as u64;
            }
        };
        match live.and_then(|l| l.of(entry.section)) {
            Some(pieces) => pieces.for_each(&mut add),
            None => {
                let Ok(pieces) = merge::split(entry.data, entry.entsize as u64, entry.strings) else {
                    return false;
                };
                (0..pieces.len()).map(|p| pieces.range(p)).for_each(&mut add);
            }
        }
    }
    for entry in taking {
        let Some(input) = input_mut(out, entry) else { continue };
        (input.size, input.align) = if first { (total, entry.align) } else { (0, 1) };
        first = false;
    }
    // Equal entries of one size and alignment lie without gaps.
    let one = entries.first().map(|e| (e.entsize, e.align, e.strings));
    let uniform = entries.iter().all(|e| Some((e.entsize, e.align, e.strings)) == one);
    let gapless =
        uniform && one.is_some_and(|(size, align, strings)| !strings && (size as u64).is_multiple_of(align));
    !aligned || gapless
}

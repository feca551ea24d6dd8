//! lld: live entries of all inputs of an output section with the same flags and entry size, strings
//! with the same alignment, too.
//!
//! In: mergeable inputs in the order of their statements. Out: the first of each kind has all that is
//! left, the others nothing. Entries are spread over 32 shards by their hash, and aligned in each.
//! `-O2` also looks for strings that others end with: not computed. Source: lld
//! `OutputSection::finalizeInputSections`, `MergeNoTailSection::finalizeContents`.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::super::build::Out;
use super::{Entry, input_mut};
use crate::load::elf::consts::*;
use crate::load::merge;
use crate::plan::{LinkPlan, Version};
use crate::query::pieces::LivePieces;

const SHARDS: usize = 32;

/// sh_info names a section.
const SHF_INFO_LINK: u32 = 0x40;

/// Inputs that become one.
struct Group<'e, 'd> {
    flags: u32,
    entsize: usize,
    align: u64,
    entries: Vec<&'e Entry<'d>>,
}

/// Merges; `false` if sizes cannot be told. `live` is `None` if everything lives.
pub(super) fn merge(
    plan: &LinkPlan,
    out: &mut Out<'_>,
    entries: &[Entry<'_>],
    live: Option<&LivePieces>,
) -> bool {
    let level = level(plan);
    if level == 0 {
        return true;
    }
    let mut groups: Vec<Group<'_, '_>> = Vec::new();
    for entry in entries.iter().filter(|e| e.entsize > 0 && !e.data.is_empty() && !e.relocated) {
        if entry.strings && level >= 2 {
            return false;
        }
        if live.and_then(|l| l.of(entry.section)).is_some_and(|mut pieces| pieces.next().is_none()) {
            let Some(input) = input_mut(out, entry) else { continue };
            (input.size, input.align) = (0, 1);
            continue;
        }
        let Some(flags) = input_mut(out, entry).map(|i| i.flags & !(SHF_GROUP | SHF_INFO_LINK)) else {
            continue;
        };
        let same = |g: &&mut Group<'_, '_>| {
            g.flags == flags && g.entsize == entry.entsize && (g.align == entry.align || !entry.strings)
        };
        match groups.iter_mut().find(same) {
            Some(group) => {
                group.align = group.align.max(entry.align);
                group.entries.push(entry);
            }
            None => {
                groups.push(Group { flags, entsize: entry.entsize, align: entry.align, entries: vec![entry] })
            }
        }
    }
    let sizes: Option<Vec<u64>> = groups.iter().map(|g| size(plan, g, live)).collect();
    let Some(sizes) = sizes else { return false };
    for (group, size) in groups.iter().zip(sizes) {
        for (number, entry) in group.entries.iter().enumerate() {
            let Some(input) = input_mut(out, entry) else { continue };
            (input.size, input.align) = if number == 0 { (size, group.align) } else { (0, 1) };
        }
    }
    true
}

/// The last `-O`.
fn level(plan: &LinkPlan) -> u8 {
    let words = plan.words.iter().filter_map(|w| w.as_encoded_bytes().strip_prefix(b"-O"));
    let digit = |w: &[u8]| w.first().filter(|b| b.is_ascii_digit()).map(|b| b - b'0');
    words.rev().find_map(digit).unwrap_or(1)
}

fn size(plan: &LinkPlan, group: &Group<'_, '_>, live: Option<&LivePieces>) -> Option<u64> {
    let mut seen: HashSet<&[u8], FixedState> = HashSet::default();
    let mut shards = [0u64; SHARDS];
    for entry in &group.entries {
        let mut add = |range: std::ops::Range<u64>| {
            let bytes = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let bytes = bytes.and_then(|(start, end)| entry.data.get(start..end)).unwrap_or_default();
            if seen.insert(bytes)
                && let Some(shard) = shards.get_mut(shard_of(plan, group.align, bytes))
            {
                *shard = shard.next_multiple_of(group.align) + bytes.len() as u64;
            }
        };
        match live.and_then(|l| l.of(entry.section)) {
            Some(pieces) => pieces.for_each(&mut add),
            None => {
                let pieces = merge::split(entry.data, group.entsize as u64, entry.strings).ok()?;
                (0..pieces.len()).map(|p| pieces.range(p)).for_each(&mut add);
            }
        }
    }
    let mut end = 0u64;
    for shard in shards.into_iter().filter(|s| *s > 0) {
        end = end.next_multiple_of(group.align) + shard;
    }
    Some(end)
}

/// The upper five bits of the hash's lower word; without alignment shards do not matter.
fn shard_of(plan: &LinkPlan, align: u64, bytes: &[u8]) -> usize {
    if align <= 1 {
        return 0;
    }
    let hash = if plan.profile.version < Version(17, 0, 0) {
        twox_hash::XxHash64::oneshot(0, bytes)
    } else {
        twox_hash::XxHash3_64::oneshot(bytes)
    };
    (hash as u32 >> 27) as usize
}

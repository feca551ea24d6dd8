//! mold's symbol table: which key a name stands for, and the best-ranked definition per key.
//!
//! In: the program's names. Out: [`Keys`] and [`Ranks`]. A rank, the file's position and the symbol
//! index are packed into one integer, lowest wins, so entering files in parallel gives the same
//! table whatever the order (mold `get_rank`, `insert_symbol`).

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::ids::{FileId, Id, NameId};
use crate::program::Program;
use crate::resolve::{DefKind, Definition, Wraps};

/// What a name means as a key of the symbol table.
pub(super) struct Keys {
    /// By name: the key; empty if every name is its own.
    remap: Vec<NameId>,
    /// `--wrap` names.
    pub(super) wraps: Wraps,
}

impl Keys {
    /// GS 3.4, 5.8: `foo@@V` is `foo`; `foo@V`, `foo@` and `foo@@` are names of their own.
    pub(super) fn new(program: &Program<'_>) -> Self {
        let count = program.names.len();
        let of_version = |&(id, at): &(NameId, u32)| {
            let (stem, version) = program.name(id).split_at_checked(at as usize)?;
            if !version.starts_with(b"@@") || version.len() == 2 {
                return None;
            }
            Some((id, program.names.find(stem)?))
        };
        let versioned: Vec<(NameId, NameId)> =
            program.names.versioned().iter().filter_map(of_version).collect();
        let mut remap = Vec::new();
        if !versioned.is_empty() {
            remap.extend((0..count).map(NameId::from_usize));
            for &(name, key) in &versioned {
                remap[name.idx()] = key;
            }
        }
        Keys { wraps: Wraps::of(program), remap }
    }

    /// The key that a symbol table entry of that name enters or asks for.
    #[inline]
    pub(super) fn key(&self, name: NameId, undefined: bool) -> NameId {
        let key = self.remap.get(name.idx()).copied().unwrap_or(name);
        if undefined { self.wraps.by_real_first(key) } else { key }
    }

    /// Names that stand for another name.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (NameId, NameId)> + '_ {
        let pairs = self.remap.iter().enumerate().map(|(i, &key)| (NameId::from_usize(i), key));
        pairs.filter(|(name, key)| name != key)
    }
}

/// GS 3.3: low wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Defined by the linker itself.
    Internal = 0,
    /// Strong, in an object of the link.
    Strong = 1,
    /// Weak, in an object of the link.
    Weak = 2,
    /// Strong, in a shared library or a member that is not (yet) in the link.
    FarStrong = 3,
    /// Weak there.
    FarWeak = 4,
    /// Common.
    Common = 5,
    /// Common in a member that is not in the link; in the final table: a strong reference.
    FarCommon = 6,
    /// Final table only: a weak reference.
    WeakReference = 7,
}

/// Nothing entered.
const NONE: u64 = u64::MAX;
const FILE_BITS: u32 = 29;

/// The best entry per key.
pub(super) struct Ranks {
    best: Vec<AtomicU64>,
}

/// An entry of the table, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its rank as a number.
    pub(super) rank: u64,
    /// The file.
    pub(super) file: FileId,
    /// The symbol's index there.
    pub(super) symbol: u32,
}

fn decode(value: u64) -> Option<Entry> {
    if value == NONE {
        return None;
    }
    Some(Entry {
        rank: value >> (FILE_BITS + 32),
        file: FileId((value >> 32) as u32 & ((1 << FILE_BITS) - 1)),
        symbol: value as u32,
    })
}

impl Ranks {
    /// An empty table.
    pub(super) fn new(count: usize) -> Self {
        let mut best = Vec::new();
        best.resize_with(count, || AtomicU64::new(NONE));
        Ranks { best }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.best.par_iter_mut().with_min_len(65536).for_each(|slot| *slot.get_mut() = NONE);
    }

    /// Offers an entry.
    #[inline]
    pub(super) fn offer(&self, key: NameId, rank: Rank, file: FileId, symbol: u32) {
        let value = ((rank as u64) << (FILE_BITS + 32)) | (u64::from(file.0) << 32) | u64::from(symbol);
        if let Some(slot) = self.best.get(key.idx())
            && value < slot.load(Ordering::Relaxed)
        {
            slot.fetch_min(value, Ordering::Relaxed);
        }
    }

    /// The winner so far.
    #[inline]
    pub(super) fn get(&self, key: NameId) -> Option<Entry> {
        decode(self.best.get(key.idx())?.load(Ordering::Relaxed))
    }

    /// All winners of the final table as definitions.
    pub(super) fn definitions(&self) -> Vec<Definition> {
        self.best
            .par_iter()
            .with_min_len(65536)
            .map(|slot| {
                let Some(entry) = decode(slot.load(Ordering::Relaxed)) else { return Definition::default() };
                let kind = match entry.rank {
                    0 => {
                        return Definition { kind: DefKind::Assigned, ..Definition::default() };
                    }
                    1 => DefKind::Strong,
                    2 => DefKind::Weak,
                    3 | 4 => DefKind::Shared,
                    5 => DefKind::Common,
                    6 => DefKind::Undefined,
                    _ => DefKind::UndefinedWeak,
                };
                Definition { kind, file: entry.file, symbol: entry.symbol }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_beats_position_and_position_beats_symbol() {
        let ranks = Ranks::new(1);
        let key = NameId(0);
        assert_eq!(ranks.get(key), None);
        ranks.offer(key, Rank::Common, FileId(0), 9);
        ranks.offer(key, Rank::Weak, FileId(7), 3);
        ranks.offer(key, Rank::Weak, FileId(5), 4);
        ranks.offer(key, Rank::Weak, FileId(5), 2);
        assert_eq!(ranks.get(key), Some(Entry { rank: 2, file: FileId(5), symbol: 2 }));
        ranks.offer(key, Rank::WeakReference, FileId((1 << FILE_BITS) - 1), u32::MAX - 1);
        assert_eq!(ranks.definitions()[0].kind, DefKind::Weak);
    }
}

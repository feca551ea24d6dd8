//! Global symbol names, interned: every distinct name gets one dense [`NameId`].
//!
//! Names are hashed while files are parsed, then each shard walks the files in order, so ids depend
//! on the input alone, never on the thread count. Names are slices of the inputs; nothing is
//! copied.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::ids::{Id, NameId};

/// Number of shards; a power of two.
const SHARDS: usize = 16;

/// One mention of a name.
#[derive(Clone, Copy)]
struct Mention<'d> {
    /// Decides the shard and the place in its table.
    hash: u64,
    /// Tells names of one hash apart: another hash, by a seed that differs from run to run, so that no
    /// input can be made for it. Two names are taken for one with a chance of about 2^-100; to compare
    /// their bytes would cost two cache misses a mention.
    check: u64,
    name: &'d [u8],
    position: u32,
    /// Where its first `@` stands, looked for while the name is at hand; [`NO_VERSION`] if it has none.
    version: u32,
}

const NO_VERSION: u32 = u32::MAX;

/// The names of one source (a file or an archive index), hashed and grouped by shard.
#[derive(Default)]
pub struct NameList<'d> {
    /// Grouped by shard, in position order within a shard.
    entries: Vec<Mention<'d>>,
    /// Start of each shard's group in `entries`.
    starts: [u32; SHARDS + 1],
    count: usize,
}

fn shard_of(hash: u64) -> usize {
    (hash >> 57) as usize & (SHARDS - 1)
}

fn hash(name: &[u8]) -> u64 {
    FixedState::with_seed(0x6c69_6e6b_7377).hash_one(name)
}

fn check(name: &[u8]) -> u64 {
    static SEED: OnceLock<RandomState> = OnceLock::new();
    SEED.get_or_init(RandomState::default).hash_one(name)
}

/// Room for the names of one file, used again for the next.
#[derive(Default)]
pub(super) struct Scratch<'d> {
    /// The names; taken in by [`Scratch::list`].
    pub(super) names: Vec<&'d [u8]>,
    hashed: Vec<Mention<'d>>,
}

impl<'d> Scratch<'d> {
    /// The list of the names, which are gone from here then.
    pub(super) fn list(&mut self) -> NameList<'d> {
        NameList::with_room(self.names.drain(..), &mut self.hashed)
    }
}

impl<'d> NameList<'d> {
    /// Hashes names; position is their index in the iterator.
    pub fn new(names: impl Iterator<Item = &'d [u8]>) -> Self {
        NameList::with_room(names, &mut Vec::new())
    }

    /// As [`NameList::new`]; `hashed` is room that is used again and again.
    fn with_room(names: impl Iterator<Item = &'d [u8]>, hashed: &mut Vec<Mention<'d>>) -> Self {
        hashed.clear();
        let mention = |(name, position): (&'d [u8], u32)| {
            let version = memchr::memchr(b'@', name).map_or(NO_VERSION, |at| at as u32);
            Mention { hash: hash(name), check: check(name), name, position, version }
        };
        hashed.extend(names.zip(0..).map(mention));
        let mut starts = [0u32; SHARDS + 1];
        for mention in hashed.iter() {
            starts[shard_of(mention.hash) + 1] += 1;
        }
        for shard in 0..SHARDS {
            starts[shard + 1] += starts[shard];
        }
        let mut next = starts;
        let mut entries = hashed.clone();
        for mention in hashed.iter() {
            let slot = &mut next[shard_of(mention.hash)];
            entries[*slot as usize] = *mention;
            *slot += 1;
        }
        NameList { count: entries.len(), entries, starts }
    }

    /// Number of names (with repetitions).
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn shard(&self, shard: usize) -> &[Mention<'d>] {
        &self.entries[self.starts[shard] as usize..self.starts[shard + 1] as usize]
    }
}

/// A name in a table: what decides about it stands beside its id.
#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    check: u64,
    id: u32,
}

struct Shard<'d> {
    table: HashTable<Entry>,
    names: Vec<&'d [u8]>,
    /// Of names with an `@`: where it stands.
    versioned: Vec<(u32, u32)>,
}

impl<'d> Shard<'d> {
    fn intern(&mut self, mention: &Mention<'d>) -> u32 {
        let Shard { table, names, versioned } = self;
        let Mention { hash, check, name, version, .. } = *mention;
        let entry = table.entry(hash, |other| other.hash == hash && other.check == check, |other| other.hash);
        match entry {
            hashbrown::hash_table::Entry::Occupied(found) => found.get().id,
            hashbrown::hash_table::Entry::Vacant(slot) => {
                let id = names.len() as u32;
                if version != NO_VERSION {
                    versioned.push((id, version));
                }
                names.push(name);
                slot.insert(Entry { hash, check, id });
                id
            }
        }
    }
}

/// All interned names.
pub struct Names<'d> {
    names: Vec<&'d [u8]>,
    shards: Vec<HashTable<Entry>>,
    bases: [u32; SHARDS + 1],
    /// Names with an `@` in the order of their ids, and where its first stands.
    versioned: Vec<(NameId, u32)>,
}

impl<'d> Names<'d> {
    /// Interns all lists; returns the names and, per list, the id of each position.
    pub fn build(lists: &[NameList<'d>]) -> (Self, Vec<Vec<NameId>>) {
        let built: Vec<(Shard<'d>, Vec<u32>)> = (0..SHARDS)
            .into_par_iter()
            .map(|number| {
                let total: usize = lists.iter().map(|l| l.shard(number).len()).sum();
                let mut shard = Shard {
                    // Of the names of large links about every third is a new one.
                    table: HashTable::with_capacity(total / 3),
                    names: Vec::with_capacity(total / 3),
                    versioned: Vec::new(),
                };
                let mut local = Vec::with_capacity(total);
                for list in lists {
                    local.extend(list.shard(number).iter().map(|mention| shard.intern(mention)));
                }
                (shard, local)
            })
            .collect();
        let mut bases = [0u32; SHARDS + 1];
        for (number, (shard, _)) in built.iter().enumerate() {
            bases[number + 1] = bases[number] + shard.names.len() as u32;
        }
        // Where each list's part begins in each shard's sequence of local ids.
        let mut offsets = Vec::with_capacity(lists.len());
        let mut next = [0usize; SHARDS];
        for list in lists {
            offsets.push(next);
            for (number, slot) in next.iter_mut().enumerate() {
                *slot += list.shard(number).len();
            }
        }
        let ids = lists
            .par_iter()
            .zip(&offsets)
            .map(|(list, offset)| {
                let mut out = vec![NameId(0); list.len()];
                for (number, (_, local)) in built.iter().enumerate() {
                    let part = &local[offset[number]..];
                    for (mention, id) in list.shard(number).iter().zip(part) {
                        out[mention.position as usize] = NameId(bases[number] + id);
                    }
                }
                out
            })
            .collect();
        let mut names = Vec::with_capacity(bases[SHARDS] as usize);
        let mut shards = Vec::with_capacity(SHARDS);
        let mut versioned = Vec::new();
        for ((shard, _), base) in built.into_iter().zip(bases) {
            versioned.extend(shard.versioned.iter().map(|&(id, at)| (NameId(base + id), at)));
            names.extend_from_slice(&shard.names);
            shards.push(shard.table);
        }
        (Names { names, shards, bases, versioned }, ids)
    }

    /// The id of a name, if any input mentions it.
    pub fn find(&self, name: &[u8]) -> Option<NameId> {
        let hash = hash(name);
        let shard = shard_of(hash);
        let base = self.bases[shard];
        let same = |entry: &Entry| {
            entry.hash == hash
                && self.names.get((base + entry.id) as usize).is_some_and(|other| *other == name)
        };
        self.shards[shard].find(hash, same).map(|entry| NameId(base + entry.id))
    }

    /// The bytes of a name.
    pub fn name(&self, id: NameId) -> &'d [u8] {
        self.names.get(id.index()).copied().unwrap_or(b"")
    }

    /// Where the first `@` of a name stands, if it has one.
    #[inline]
    pub fn version_at(&self, id: NameId) -> Option<usize> {
        if self.versioned.is_empty() {
            return None;
        }
        let found = self.versioned.binary_search_by_key(&id, |(name, _)| *name).ok()?;
        self.versioned.get(found).map(|(_, at)| *at as usize)
    }

    /// All names with an `@`, and where the first stands.
    pub fn versioned(&self) -> &[(NameId, u32)] {
        &self.versioned
    }

    /// Number of distinct names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = NameId> + use<> {
        (0..self.names.len()).map(NameId::from_usize)
    }
}

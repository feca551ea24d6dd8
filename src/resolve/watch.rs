//! Which index entries of archives deserve another look (bfd, gold).
//!
//! Both linkers read an archive's index again and again until nothing new is taken, and groups likewise. Most
//! such looks see what they saw before. In: the files as they are added. Out: by archive, the entries whose
//! names they mention. Always true of a settled archive: an entry that is not pending would be judged as it
//! was when it was last looked at.
//!
//! It costs a table of all index entries and a look at it for every name of every file, so it starts only when
//! an archive or group has been read [`Watch::patience`] times.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;

use crate::ids::{ArchiveId, FileId};
use crate::program::Program;

/// Readings of one archive or group that are not worth a table, in a link with few index entries.
const PATIENCE: u32 = 3;
/// The same in a link with many: ordinary large links read a group some ten times.
const LONG_PATIENCE: u32 = 64;
/// Index entries that are many.
const MANY: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Off,
    On,
    /// Names have versions or are wrapped: a file may change more than the names it mentions.
    Never,
}

/// An index entry to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    /// Its place in the index.
    pub(super) at: u32,
    /// Its name was defined before the change.
    pub(super) was_defined: bool,
}

/// What is pending, by archive.
pub(super) struct Watch {
    mode: Mode,
    /// By name, where its entries start in `entries`; one more at the end.
    starts: Vec<u32>,
    /// Archive and place in its index, by name.
    entries: Vec<(u32, u32)>,
    pending: Vec<Vec<Pending>>,
    settled: FixedBitSet,
    /// Archives that are not settled or have something pending.
    unread: BTreeSet<u32>,
    /// How often everything was forgotten.
    epoch: u32,
    /// Readings of one archive or group after which the table is worth its price.
    patience: u32,
}

impl Watch {
    /// `plain` tells that a file changes no names but its own.
    pub(super) fn new(program: &Program<'_>, plain: bool) -> Self {
        let entries: usize = program.archives.iter().filter_map(|a| a.index.as_ref()).map(Vec::len).sum();
        Watch {
            patience: if entries < MANY { PATIENCE } else { LONG_PATIENCE },
            mode: if plain { Mode::Off } else { Mode::Never },
            starts: Vec::new(),
            entries: Vec::new(),
            pending: Vec::new(),
            settled: FixedBitSet::new(),
            unread: BTreeSet::new(),
            epoch: 0,
        }
    }

    /// Readings of one archive or group that are not worth a table.
    pub(super) fn patience(&self) -> u32 {
        self.patience
    }

    pub(super) fn is_on(&self) -> bool {
        self.mode == Mode::On
    }

    /// Makes the table, if the link allows it.
    pub(super) fn start(&mut self, program: &Program<'_>) {
        if self.mode != Mode::Off {
            return;
        }
        let indexes = || {
            let indexed = program.archives.enumerate().filter(|(_, a)| !a.mode.whole_archive);
            indexed.filter_map(|(id, a)| Some((id.0, a.index.as_deref()?)))
        };
        let versioned = |index: &[(crate::ids::NameId, Option<FileId>)]| {
            index.iter().any(|(name, _)| program.name(*name).contains(&b'@'))
        };
        if program.files.iter().any(|f| f.has_versions) || indexes().any(|(_, index)| versioned(index)) {
            self.mode = Mode::Never;
            return;
        }
        let mut starts = vec![0u32; program.names.len() + 1];
        for (name, _) in indexes().flat_map(|(_, index)| index) {
            starts[name.0 as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        self.entries = vec![(0, 0); starts.last().map_or(0, |&n| n as usize)];
        for (archive, index) in indexes() {
            for (at, (name, _)) in (0u32..).zip(index) {
                let slot = &mut next[name.0 as usize];
                self.entries[*slot as usize] = (archive, at);
                *slot += 1;
            }
        }
        self.starts = starts;
        self.pending = vec![Vec::new(); program.archives.len()];
        self.settled = FixedBitSet::with_capacity(program.archives.len());
        self.unread = indexes().map(|(archive, _)| archive).collect();
        self.mode = Mode::On;
    }

    /// Anything may have changed.
    pub(super) fn forget(&mut self) {
        self.epoch += 1;
        if self.is_on() {
            self.unread.extend(self.settled.ones().map(|archive| archive as u32));
            self.settled.clear();
        }
    }

    /// Names of a file may have changed; `was_defined` tells by the name's place in the file what was so before.
    pub(super) fn touched(
        &mut self,
        program: &Program<'_>,
        file: FileId,
        was_defined: impl Fn(usize) -> bool,
    ) {
        if !self.is_on() {
            return;
        }
        for (place, name) in program.files[file].names.iter().enumerate() {
            let range = self.starts[name.0 as usize] as usize..self.starts[name.0 as usize + 1] as usize;
            for &(archive, at) in &self.entries[range] {
                self.pending[archive as usize].push(Pending { at, was_defined: was_defined(place) });
                self.unread.insert(archive);
            }
        }
    }

    pub(super) fn is_settled(&self, archive: ArchiveId) -> bool {
        self.is_on() && self.settled.contains(archive.0 as usize)
    }

    /// A reading begins: what [`Self::settle`] wants to know when it ends.
    pub(super) fn begin(&self) -> u32 {
        self.epoch
    }

    /// What is pending; nothing is afterwards.
    pub(super) fn take(&mut self, archive: ArchiveId) -> Vec<Pending> {
        self.pending.get_mut(archive.0 as usize).map(std::mem::take).unwrap_or_default()
    }

    /// The archive was read from that [`Self::begin`] on; `left` is still to be looked at.
    pub(super) fn settle(&mut self, archive: ArchiveId, begun: u32, left: impl IntoIterator<Item = Pending>) {
        if !self.is_on() || begun != self.epoch {
            return;
        }
        let pending = &mut self.pending[archive.0 as usize];
        pending.extend(left);
        if pending.is_empty() {
            self.unread.remove(&archive.0);
        } else {
            self.unread.insert(archive.0);
        }
        self.settled.insert(archive.0 as usize);
    }

    /// The first archive in the range that must be read.
    pub(super) fn next_unread(&self, from: u32, to: u32) -> Option<ArchiveId> {
        if from > to {
            return None;
        }
        self.unread.range(from..=to).next().map(|&archive| ArchiveId(archive))
    }
}

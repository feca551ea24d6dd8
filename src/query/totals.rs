//! Amounts of input by fate, and their sum.
//!
//! In: sections with a fate and a size. Out: [`Totals`]. Always true: the parts add up to the whole,
//! in sections and in bytes (cli.md 4); callers assert it with [`Totals::sum`].

use super::fate::Fate;

/// A number of sections and their bytes (`sh_size`, NOBITS included).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Sections.
    pub sections: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Amount {
    /// Adds one section.
    pub fn add(&mut self, bytes: u64) {
        self.sections += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn plus(self, other: Amount) -> Amount {
        Amount { sections: self.sections + other.sections, bytes: self.bytes.saturating_add(other.bytes) }
    }
}

/// All input, divided by fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// In the output.
    pub kept: Amount,
    /// Removed by garbage collection.
    pub dropped: Amount,
    /// Bytes of mergeable pieces and FDEs that go while their section stays (no sections).
    pub dropped_pieces: u64,
    /// Losing copies of COMDAT groups and linkonce sections.
    pub group_duplicates: Amount,
    /// Discarded without garbage collection: SHF_EXCLUDE, `/DISCARD/`, stripped debug data.
    pub discarded: Amount,
    /// Sections of archive members and `--start-lib` objects that are not in the link.
    pub not_extracted: Amount,
    /// Sections that are never collected as such: symbol, string and relocation tables, groups.
    pub not_a_candidate: Amount,
}

impl Totals {
    /// Adds one section of `size` bytes, `pieces` of which go while the section stays.
    pub fn add(&mut self, fate: Fate, size: u64, pieces: u64) {
        let pieces = if fate == Fate::Kept { pieces.min(size) } else { 0 };
        let amount = match fate {
            Fate::Kept => &mut self.kept,
            Fate::Dropped => &mut self.dropped,
            Fate::GroupDuplicate => &mut self.group_duplicates,
            Fate::Discarded => &mut self.discarded,
            Fate::NotExtracted => &mut self.not_extracted,
            Fate::NotACandidate => &mut self.not_a_candidate,
        };
        amount.add(size - pieces);
        self.dropped_pieces = self.dropped_pieces.saturating_add(pieces);
    }

    /// Everything.
    pub fn sum(&self) -> Amount {
        let pieces = Amount { sections: 0, bytes: self.dropped_pieces };
        self.kept
            .plus(self.dropped)
            .plus(pieces)
            .plus(self.group_duplicates)
            .plus(self.discarded)
            .plus(self.not_extracted)
            .plus(self.not_a_candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let mut totals = Totals::default();
        let fates = [
            Fate::Kept,
            Fate::Dropped,
            Fate::GroupDuplicate,
            Fate::Discarded,
            Fate::NotExtracted,
            Fate::NotACandidate,
        ];
        for (i, fate) in fates.into_iter().enumerate() {
            totals.add(fate, 10 + i as u64, 3);
        }
        assert_eq!(totals.sum(), Amount { sections: 6, bytes: 10 + 11 + 12 + 13 + 14 + 15 });
        assert_eq!(totals.dropped_pieces, 3);
        assert_eq!(totals.kept, Amount { sections: 1, bytes: 7 });
    }

    #[test]
    fn pieces_never_exceed_their_section() {
        let mut totals = Totals::default();
        totals.add(Fate::Kept, 4, 9);
        assert_eq!((totals.kept.bytes, totals.dropped_pieces), (0, 4));
    }
}

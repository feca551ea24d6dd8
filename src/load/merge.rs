//! Mergeable sections as pieces: the unit in which lld and mold keep or drop their bytes (GS 6.9).
//!
//! In: a section's bytes, entry size and kind. Out: [`Pieces`]: where each piece begins. Pure. Always
//! true: pieces are in order, not empty, and cover the section.

/// The pieces of one section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    size: u64,
    layout: Layout,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Layout {
    /// Every piece has this size in bytes.
    Fixed(u64),
    /// Start offsets of strings.
    Strings(Vec<u32>),
}

impl Pieces {
    /// Number of pieces.
    pub fn len(&self) -> usize {
        match &self.layout {
            Layout::Fixed(size) => usize::try_from(self.size / size).unwrap_or(usize::MAX),
            Layout::Strings(starts) => starts.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The piece that an offset (bytes from the section's start) lies in; `None` outside.
    pub fn at(&self, offset: u64) -> Option<usize> {
        if offset >= self.size {
            return None;
        }
        match &self.layout {
            Layout::Fixed(size) => usize::try_from(offset / size).ok(),
            Layout::Strings(starts) => starts.partition_point(|&s| u64::from(s) <= offset).checked_sub(1),
        }
    }

    /// Start and end offset of a piece in bytes; empty for a number out of range.
    pub fn range(&self, piece: usize) -> std::ops::Range<u64> {
        match &self.layout {
            Layout::Fixed(size) => {
                let start = (piece as u64).saturating_mul(*size).min(self.size);
                start..start.saturating_add(*size).min(self.size)
            }
            Layout::Strings(starts) => {
                let at = |i: usize| starts.get(i).map_or(self.size, |&s| u64::from(s));
                at(piece)..at(piece.saturating_add(1))
            }
        }
    }
}

/// Splits a section: `strings` for SHF_STRINGS, else entries of `entsize` bytes. An entry size of 0
/// is 1 for strings (mold); callers decide whether such a section is split at all.
///
/// # Errors
/// A string without terminator, a size that is no multiple of the entry size, or an entry size of 0
/// without strings; a section of 4 GiB or more.
pub fn split(data: &[u8], entsize: u64, strings: bool) -> Result<Pieces, &'static str> {
    let size = data.len() as u64;
    if u32::try_from(size).is_err() {
        return Err("mergeable section is too big");
    }
    if !strings {
        if entsize == 0 {
            return Err("mergeable section with entry size 0");
        }
        if !size.is_multiple_of(entsize) {
            return Err("section size is no multiple of the entry size");
        }
        return Ok(Pieces { size, layout: Layout::Fixed(entsize) });
    }
    let unit = usize::try_from(entsize.max(1)).map_err(|_| "string is not null terminated")?;
    let mut starts = Vec::new();
    let mut start = 0usize;
    if unit == 1 {
        for end in data.iter().enumerate().filter(|(_, b)| **b == 0).map(|(i, _)| i) {
            starts.push(start as u32);
            start = end + 1;
        }
    } else {
        // A terminator is looked for at whole units from the start of its string, which are whole
        // units from the start of the section.
        for (number, entry) in data.chunks_exact(unit).enumerate() {
            if entry.iter().all(|&b| b == 0) {
                starts.push(start as u32);
                start = (number + 1) * unit;
            }
        }
    }
    if start != data.len() {
        return Err("string is not null terminated");
    }
    Ok(Pieces { size, layout: Layout::Strings(starts) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_one_byte() {
        let pieces = split(b"ab\0\0xyz\0", 1, true).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(pieces.len(), 3);
        assert_eq!((pieces.range(0), pieces.range(1), pieces.range(2)), (0..3, 3..4, 4..8));
        assert_eq!(
            (pieces.at(0), pieces.at(2), pieces.at(3), pieces.at(7)),
            (Some(0), Some(0), Some(1), Some(2))
        );
        assert_eq!((pieces.at(8), pieces.range(3)), (None, 8..8));
        assert_eq!(split(b"ab\0c", 1, true), Err("string is not null terminated"));
        assert!(split(b"", 0, true).is_ok_and(|p| p.is_empty()));
    }

    #[test]
    fn wide_strings() {
        // A zero pair that straddles two units is no terminator.
        let pieces = split(b"a\0\0b\0\0c\0\0\0", 2, true).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((pieces.len(), pieces.range(0), pieces.range(1)), (2, 0..6, 6..10));
        assert!(split(b"a\0\0\0b", 2, true).is_err());
    }

    #[test]
    fn fixed_entries() {
        let pieces = split(&[0; 24], 8, false).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((pieces.len(), pieces.at(15), pieces.range(2), pieces.at(24)), (3, Some(1), 16..24, None));
        assert!(split(&[0; 25], 8, false).is_err());
        assert!(split(&[0; 8], 0, false).is_err());
    }
}

//! What stands in a CIE or FDE: how wide addresses are, where instructions begin, where padding does.
//!
//! In: the bytes of a record. Out: [`Cie`] and sizes without padding; `None` for what GNU ld does not
//! understand either. Source: bfd `_bfd_elf_parse_eh_frame`, `skip_non_nops`.

/// What the FDEs of a CIE need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cie {
    /// Bytes of an address.
    pub(super) width: u64,
    /// FDEs have augmentation data.
    sized: bool,
    /// Its own size without the padding at the end.
    pub(super) size: u64,
}

/// A place in the bytes of a record.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(count).ok()?)?;
        (self.at <= self.bytes.len()).then_some(())
    }

    fn leb(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0u64, 0u32);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift = shift.saturating_add(7);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    }

    /// One call frame instruction.
    fn instruction(&mut self, width: u64) -> Option<()> {
        let op = self.byte()?;
        match (op & 0xc0, op & 0x3f) {
            (0x40 | 0xc0, _) => Some(()),
            (0x80, _) => self.leb().map(drop),
            (_, 0 | 0x0a | 0x0b | 0x2d) => Some(()),
            (_, 0x06 | 0x07 | 0x08 | 0x0d | 0x0e | 0x13 | 0x2e) => self.leb().map(drop),
            (_, 0x05 | 0x09 | 0x0c | 0x11 | 0x12 | 0x14 | 0x15 | 0x2f) => {
                self.leb()?;
                self.leb().map(drop)
            }
            (_, 0x0f) => {
                let length = self.leb()?;
                self.skip(length)
            }
            (_, 0x10 | 0x16) => {
                self.leb()?;
                let length = self.leb()?;
                self.skip(length)
            }
            (_, 0x01) => self.skip(width),
            (_, 0x02) => self.skip(1),
            (_, 0x03) => self.skip(2),
            (_, 0x04) => self.skip(4),
            (_, 0x1d) => self.skip(8),
            _ => None,
        }
    }

    /// The end of the last instruction that does something.
    fn end_of_instructions(&mut self, width: u64) -> Option<u64> {
        let mut last = self.at;
        while let Some(&op) = self.bytes.get(self.at) {
            if op == 0 {
                self.at += 1;
                continue;
            }
            self.instruction(width)?;
            last = self.at;
        }
        Some(last as u64)
    }
}

/// Bytes of a DW_EH_PE encoding.
fn width_of(encoding: u8, word: u64) -> Option<u64> {
    if encoding & 0x60 == 0x60 {
        return None;
    }
    match encoding & 7 {
        0 => Some(word),
        2 => Some(2),
        3 => Some(4),
        4 => Some(8),
        _ => None,
    }
}

impl Cie {
    /// Reads a CIE, its length field included.
    pub(super) fn read(bytes: &[u8], is_64: bool) -> Option<Cie> {
        let word = if is_64 { 8 } else { 4 };
        let mut cursor = Cursor { bytes, at: 8 };
        let version = cursor.byte()?;
        let augmentation: &[u8] = bytes.get(9..)?.split(|b| *b == 0).next()?;
        cursor.skip(augmentation.len() as u64 + 1)?;
        cursor.leb()?;
        cursor.leb()?;
        match version {
            1 => drop(cursor.byte()?),
            _ => drop(cursor.leb()?),
        }
        let mut cie = Cie { width: word, sized: false, size: 0 };
        match augmentation.first() {
            None => {}
            Some(b'z') => {
                cie.sized = true;
                let length = cursor.leb()?;
                let data = cursor.at;
                for letter in augmentation.iter().skip(1) {
                    match letter {
                        b'R' => cie.width = width_of(cursor.byte()?, word)?,
                        b'L' => drop(cursor.byte()?),
                        b'P' => {
                            let encoding = cursor.byte()?;
                            // An aligned pointer has padding before it.
                            if encoding & 0x70 == 0x50 {
                                return None;
                            }
                            cursor.skip(width_of(encoding, word)?)?;
                        }
                        b'S' | b'B' => {}
                        _ => return None,
                    }
                }
                cursor.at = data;
                cursor.skip(length)?;
            }
            Some(_) => return None,
        }
        cie.size = cursor.end_of_instructions(cie.width)?;
        Some(cie)
    }

    /// The size of an FDE without the padding at its end.
    pub(super) fn fde_size(&self, bytes: &[u8]) -> Option<u64> {
        let mut cursor = Cursor { bytes, at: 8 };
        cursor.skip(2 * self.width)?;
        if self.sized {
            let length = cursor.leb()?;
            cursor.skip(length)?;
        }
        cursor.end_of_instructions(self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A CIE with `zR` as gcc writes it for x86-64, then an FDE of it.
    #[test]
    fn padding_is_left_out() {
        let cie =
            [20, 0, 0, 0, 0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1, 0, 0];
        let read = Cie::read(&cie, true);
        assert_eq!(read, Some(Cie { width: 4, sized: true, size: 22 }));
        let fde = [20, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0x44, 0x07, 16, 0, 0, 0, 0];
        assert_eq!(read.and_then(|cie| cie.fde_size(&fde)), Some(20));
        // An instruction that is cut off.
        let cut = [8, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0x0f, 9];
        assert_eq!(read.and_then(|cie| cie.fde_size(&cut)), None);
        assert_eq!(Cie::read(cie.get(..12).unwrap_or(&[]), true), None);
    }
}

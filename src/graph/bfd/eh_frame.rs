//! `.eh_frame` as bfd attaches it to code (GS 6.4): an FDE belongs to the section that its first
//! relocation names; what the FDE and its CIE refer to lives with that section.
//!
//! Follows `_bfd_elf_parse_eh_frame`: a section that it cannot take apart stays an ordinary one.

use object::Endianness;

use crate::load::elf::Object;
use crate::load::relocs::Reloc;

/// An FDE attached to code, or its CIE, as ranges of relocation numbers to be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// First relocation number.
    pub(super) first: usize,
    /// Offset just behind the entry: relocations from `first` on count while below it.
    pub(super) end_offset: u64,
}

/// One FDE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fde {
    /// Symbol of its first relocation: the described code.
    pub(super) symbol: u32,
    /// The FDE's own relocations.
    pub(super) own: Entry,
    /// The CIE's relocations; `None` for an FDE with an empty address range.
    pub(super) cie: Option<Entry>,
}

struct Cie {
    offset: usize,
    entry: Entry,
    layout: Layout,
}

/// What a CIE says of its FDEs.
#[derive(Clone, Copy)]
struct Layout {
    fde_encoding: u8,
    /// The augmentation begins with `z`.
    sized: bool,
    /// FDEs name a language specific area.
    lsda: bool,
}

const OMIT: u8 = 0xff;

struct Reader<'a> {
    data: &'a [u8],
    relocs: &'a [Reloc],
    next: usize,
    endian: Endianness,
    pointer: usize,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> Option<u32> {
        let field: [u8; 4] = self.data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self.endian {
            Endianness::Little => u32::from_le_bytes(field),
            Endianness::Big => u32::from_be_bytes(field),
        })
    }

    /// No relocation may lie before `at` (entries of type and symbol 0 are skipped).
    fn no_relocs_before(&mut self, at: usize) -> Option<()> {
        while let Some(reloc) = self.relocs.get(self.next).filter(|r| r.offset < at as u64) {
            if reloc.symbol != 0 || reloc.kind != 0 {
                return None;
            }
            self.next += 1;
        }
        Some(())
    }

    fn skip_relocs_before(&mut self, at: usize) {
        while self.relocs.get(self.next).is_some_and(|r| r.offset < at as u64) {
            self.next += 1;
        }
    }

    fn reloc_at(&self, at: usize) -> Option<&Reloc> {
        self.relocs.get(self.next).filter(|r| r.offset == at as u64)
    }

    fn width(&self, encoding: u8) -> usize {
        if encoding & 0x60 == 0x60 {
            return 0;
        }
        match encoding & 7 {
            2 => 2,
            3 => 4,
            4 => 8,
            0 => self.pointer,
            _ => 0,
        }
    }
}

/// Skips a LEB128 number that must end before `end`.
fn leb(data: &[u8], at: usize, end: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    let mut shift = 0;
    let mut at = at;
    loop {
        if at >= end {
            return None;
        }
        let byte = *data.get(at)?;
        if shift < 64 {
            value |= u64::from(byte & 0x7f) << shift;
        }
        shift += 7;
        at += 1;
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
    }
}

/// Takes a section apart; `None` if bfd gives up on it.
pub(super) fn parse(object: &Object<'_>, data: &[u8], relocs: &[Reloc]) -> Option<Vec<Fde>> {
    let pointer = if object.is_64 { 8 } else { 4 };
    let mut reader = Reader { data, relocs, next: 0, endian: object.endian(), pointer };
    let mut cies: Vec<Cie> = Vec::new();
    let mut fdes = Vec::new();
    // First a walk over all lengths: one bad length spoils the section.
    let mut at = 0;
    while at != data.len() {
        let length = reader.word(at)? as usize;
        if length == u32::MAX as usize {
            return None;
        }
        if length == 0 {
            break;
        }
        if length < 4 || at.checked_add(4 + length)? > data.len() {
            return None;
        }
        at += 4 + length;
    }
    let mut at = 0;
    while at != data.len() {
        let length = reader.word(at)? as usize;
        let body = at + 4;
        if length == 0 {
            // For bfd terminators must be last in the section.
            let rest = data.get(body..)?;
            if rest.len() % 4 != 0 || rest.iter().any(|&b| b != 0) {
                return None;
            }
            reader.no_relocs_before(data.len())?;
            break;
        }
        let end = body + length;
        let id = reader.word(body)?;
        if id == 0 {
            let first = first_in(&reader, at);
            let (layout, instructions) = cie(&mut reader, body + 4, end)?;
            let entry = Entry { first, end_offset: end as u64 };
            cies.push(Cie { offset: at, entry, layout });
            let moves = instructions_moves(data.get(instructions..end)?, reader.width(layout.fde_encoding))?;
            if moves {
                return None;
            }
        } else {
            let wanted = body.checked_sub(id as usize)?;
            let cie = cies.iter().rev().find(|c| c.offset == wanted)?;
            let (entry, layout) = (cie.entry, cie.layout);
            let start = body + 4;
            reader.no_relocs_before(start)?;
            let first = first_in(&reader, at);
            let symbol = reader.reloc_at(start)?.symbol;
            let width = reader.width(layout.fde_encoding);
            let range = start + width;
            if range + width > end {
                return None;
            }
            reader.skip_relocs_before(range);
            let empty =
                reader.reloc_at(range).is_none() && data.get(range..range + width)?.iter().all(|&b| b == 0);
            let own = Entry { first, end_offset: end as u64 };
            fdes.push(Fde { symbol, own, cie: (!empty).then_some(entry) });
            let mut instructions = range + width;
            if layout.sized {
                let (length, behind) = leb(data, instructions, end)?;
                // bfd reads the length into 32 bits.
                instructions = behind + (length as u32) as usize;
            } else if layout.lsda {
                instructions = end;
            }
            if instructions > end {
                return None;
            }
            instructions_moves(data.get(instructions..end)?, width)?;
            reader.skip_relocs_before(end);
        }
        at = end;
    }
    Some(fdes)
}

fn first_in(reader: &Reader<'_>, at: usize) -> usize {
    let rest = &reader.relocs[reader.next.min(reader.relocs.len())..];
    reader.next + rest.iter().take_while(|r| r.offset < at as u64).count()
}

/// Goes through call frame instructions; `None` if bfd does not know one (`skip_non_nops`), else
/// whether one of them sets the location.
fn instructions_moves(code: &[u8], pointer: usize) -> Option<bool> {
    let end = code.len();
    let number = |at: usize| leb(code, at, end);
    let mut moves = false;
    let mut at = 0;
    while at < end {
        let op = code[at];
        at += 1;
        let skip = |count: usize| at.checked_add(count).filter(|&next| next <= end);
        let block = |from: usize| {
            let (length, behind) = number(from)?;
            // bfd reads the length into 64 bits and compares with what is left.
            usize::try_from(length).ok().and_then(|l| behind.checked_add(l)).filter(|&next| next <= end)
        };
        at = match if op & 0xc0 != 0 { op & 0xc0 } else { op } {
            0 | 0x40 | 0xc0 | 0x0a | 0x0b | 0x2d => at,
            0x80 | 0x06 | 0x07 | 0x08 | 0x0d | 0x0e | 0x13 | 0x2e => number(at)?.1,
            0x14 | 0x15 | 0x05 | 0x09 | 0x11 | 0x12 | 0x0c | 0x2f => number(number(at)?.1)?.1,
            0x0f => block(at)?,
            0x10 | 0x16 => block(number(at)?.1)?,
            0x01 => {
                moves = true;
                skip(pointer)?
            }
            0x02 => skip(1)?,
            0x03 => skip(2)?,
            0x04 => skip(4)?,
            0x1d => skip(8)?,
            _ => return None,
        };
    }
    Some(moves)
}

/// Checks a CIE as far as bfd does; returns what it says of its FDEs, and where its instructions begin.
fn cie(reader: &mut Reader<'_>, start: usize, end: usize) -> Option<(Layout, usize)> {
    let data = reader.data;
    let version = *data.get(start).filter(|_| start < end)?;
    if !matches!(version, 1 | 3 | 4) {
        return None;
    }
    let text = start + 1;
    let length = data.get(text..end)?.iter().position(|&b| b == 0)?;
    // bfd keeps at most 19 characters of augmentation.
    if length >= 20 {
        return None;
    }
    let augmentation = &data[text..text + length];
    let mut at = text + length + 1;
    reader.no_relocs_before(at)?;
    // bfd looks for these two letters behind the augmentation.
    if data.get(at..).is_some_and(|rest| rest.starts_with(b"eh")) {
        at += reader.pointer;
        if at > end {
            return None;
        }
        reader.skip_relocs_before(at);
    }
    if version >= 4 {
        if at + 1 >= end || usize::from(data[at]) != reader.pointer || data[at + 1] != 0 {
            return None;
        }
        at += 2;
    }
    at = leb(data, at, end)?.1;
    at = leb(data, at, end)?.1;
    at = if version == 1 { (at < end).then_some(at + 1)? } else { leb(data, at, end)?.1 };
    reader.no_relocs_before(at)?;
    let mut fde_encoding = OMIT;
    let mut lsda = false;
    if !augmentation.starts_with(b"eh") {
        let mut rest = augmentation;
        if let Some(tail) = rest.strip_prefix(b"z") {
            rest = tail;
            at = leb(data, at, end)?.1;
            reader.no_relocs_before(at)?;
        }
        for letter in rest {
            match letter {
                b'B' | b'S' => {}
                b'L' | b'R' => {
                    let encoding = *data.get(at).filter(|_| at < end)?;
                    at += 1;
                    reader.no_relocs_before(at)?;
                    if reader.width(encoding) == 0 {
                        return None;
                    }
                    if *letter == b'R' {
                        fde_encoding = encoding;
                    } else {
                        lsda = encoding != OMIT;
                    }
                }
                b'P' => {
                    let encoding = *data.get(at).filter(|_| at < end)?;
                    at += 1;
                    let width = reader.width(encoding);
                    if width == 0 {
                        return None;
                    }
                    if encoding & 0x70 == 0x50 {
                        at = at.next_multiple_of(width);
                    }
                    reader.no_relocs_before(at)?;
                    reader.reloc_at(at)?;
                    while reader.reloc_at(at).is_some() {
                        reader.next += 1;
                    }
                    at += width;
                    if at > end {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }
    reader.no_relocs_before(end)?;
    let fde_encoding = if fde_encoding == OMIT { 0 } else { fde_encoding };
    Some((Layout { fde_encoding, sized: augmentation.starts_with(b"z"), lsda }, at))
}

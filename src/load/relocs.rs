//! Relocation tables of every encoding behind one loop: REL, RELA, CREL, both classes, both byte
//! orders, the packed entries of mips64, the data bits of sparc v9 (targets 3).
//!
//! In: the bytes of one relocation section. Out: [`Reloc`] values in file order. Class, byte order
//! and encoding are matched once per table, not per entry.

use object::elf;
use object::read::elf::CrelIterator;
use object::{Endianness, pod};

use super::elf::consts::*;

/// One relocation, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reloc {
    /// Where in the section, in bytes.
    pub offset: u64,
    /// Symbol index in the object's symbol table; 0 means none.
    pub symbol: u32,
    /// Relocation type. For mips64 the low byte is the first operation's type and the top byte is
    /// the second operation's symbol index (`r_ssym`).
    pub kind: u32,
    /// Explicit addend; 0 for REL (the addend is in the section's bytes).
    pub addend: i64,
}

/// A relocation section's entries, not yet decoded.
#[derive(Clone, Copy)]
pub struct RelocTable<'d> {
    raw: RawTable<'d>,
    endian: Endianness,
    machine: u16,
}

#[derive(Clone, Copy)]
enum RawTable<'d> {
    Rel32(&'d [elf::Rel32<Endianness>]),
    Rela32(&'d [elf::Rela32<Endianness>]),
    Rel64(&'d [elf::Rel64<Endianness>]),
    Rela64(&'d [elf::Rela64<Endianness>]),
    Crel(&'d [u8], usize),
}

impl<'d> RelocTable<'d> {
    pub(super) fn new(
        kind: u32,
        data: &'d [u8],
        entsize: u64,
        is_64: bool,
        endian: Endianness,
        machine: u16,
    ) -> Result<Self, String> {
        fn entries<T: pod::Pod>(data: &[u8], entsize: u64) -> Result<&[T], String> {
            let size = size_of::<T>();
            if entsize != 0 && entsize != size as u64 {
                return Err(format!("entry size {entsize} instead of {size}"));
            }
            if !data.len().is_multiple_of(size) {
                return Err(format!("size {} is no multiple of the entry size {size}", data.len()));
            }
            pod::slice_from_bytes(data, data.len() / size)
                .map(|r| r.0)
                .map_err(|()| "misplaced entries".to_string())
        }
        let raw = match (kind, is_64) {
            (SHT_REL, false) => RawTable::Rel32(entries(data, entsize)?),
            (SHT_RELA, false) => RawTable::Rela32(entries(data, entsize)?),
            (SHT_REL, true) => RawTable::Rel64(entries(data, entsize)?),
            (SHT_RELA, true) => RawTable::Rela64(entries(data, entsize)?),
            (SHT_CREL, _) => {
                let mut count = 0;
                for entry in CrelIterator::new(data).map_err(|e| e.to_string())? {
                    entry.map_err(|e| e.to_string())?;
                    count += 1;
                }
                RawTable::Crel(data, count)
            }
            _ => return Err(format!("relocation encoding of section type {kind:#x} is not known")),
        };
        Ok(RelocTable { raw, endian, machine })
    }

    /// Whether entries carry an explicit addend (RELA, CREL with addends).
    pub fn has_addends(&self) -> bool {
        matches!(self.raw, RawTable::Rela32(_) | RawTable::Rela64(_) | RawTable::Crel(..))
    }

    /// Whether the table is encoded as CREL.
    pub fn is_crel(&self) -> bool {
        matches!(self.raw, RawTable::Crel(..))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        match self.raw {
            RawTable::Rel32(t) => t.len(),
            RawTable::Rela32(t) => t.len(),
            RawTable::Rel64(t) => t.len(),
            RawTable::Rela64(t) => t.len(),
            RawTable::Crel(_, count) => count,
        }
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The highest symbol index that an entry names; 0 if there are none.
    pub fn highest_symbol(&self) -> u32 {
        let mut highest = 0;
        self.for_each(|_, reloc| highest = highest.max(reloc.symbol));
        highest
    }

    /// Calls `f` with every entry's number and value, in order.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(usize, Reloc)) {
        self.walk(0, usize::MAX, &mut |i, r| f(i, r));
    }

    /// Calls `f` for entries `from..to` (clamped to the table).
    #[inline]
    pub fn for_range(&self, from: usize, to: usize, mut f: impl FnMut(usize, Reloc)) {
        self.walk(from, to, &mut |i, r| f(i, r));
    }

    #[inline]
    fn walk(&self, from: usize, to: usize, f: &mut impl FnMut(usize, Reloc)) {
        let endian = self.endian;
        let to = to.min(self.len());
        let from = from.min(to);
        let wide = |offset: u64, info: u64, addend: i64| Reloc {
            offset,
            symbol: (info >> 32) as u32,
            kind: info as u32,
            addend,
        };
        let fix = |r: Reloc| Reloc { kind: r.kind & 0xff, ..r };
        match self.raw {
            RawTable::Rel32(table) => {
                for (i, r) in table[from..to].iter().enumerate() {
                    let info = r.r_info.get(endian);
                    let reloc = Reloc {
                        offset: r.r_offset.get(endian).into(),
                        symbol: info >> 8,
                        kind: info & 0xff,
                        addend: 0,
                    };
                    f(from + i, reloc);
                }
            }
            RawTable::Rela32(table) => {
                for (i, r) in table[from..to].iter().enumerate() {
                    let info = r.r_info.get(endian);
                    let reloc = Reloc {
                        offset: r.r_offset.get(endian).into(),
                        symbol: info >> 8,
                        kind: info & 0xff,
                        addend: r.r_addend.get(endian).into(),
                    };
                    f(from + i, reloc);
                }
            }
            RawTable::Rel64(table) => {
                for (i, r) in table[from..to].iter().enumerate() {
                    let info = self.info64(r.r_info.get(endian));
                    let reloc = wide(r.r_offset.get(endian), info, 0);
                    f(from + i, if self.machine == EM_SPARCV9 { fix(reloc) } else { reloc });
                }
            }
            // By far the most common, without a question per entry.
            RawTable::Rela64(table)
                if endian == Endianness::Little && !matches!(self.machine, EM_MIPS | EM_SPARCV9) =>
            {
                let endian = Endianness::Little;
                for (i, r) in table[from..to].iter().enumerate() {
                    f(from + i, wide(r.r_offset.get(endian), r.r_info.get(endian), r.r_addend.get(endian)));
                }
            }
            RawTable::Rela64(table) => {
                for (i, r) in table[from..to].iter().enumerate() {
                    let info = self.info64(r.r_info.get(endian));
                    let reloc = wide(r.r_offset.get(endian), info, r.r_addend.get(endian));
                    f(from + i, if self.machine == EM_SPARCV9 { fix(reloc) } else { reloc });
                }
            }
            RawTable::Crel(data, _) => {
                let Ok(entries) = CrelIterator::new(data) else { return };
                for (i, entry) in entries.enumerate().take(to).skip(from) {
                    let Ok(r) = entry else { return };
                    f(i, Reloc { offset: r.r_offset, symbol: r.r_sym, kind: r.r_type.0, addend: r.r_addend });
                }
            }
        }
    }

    /// Little-endian mips64 stores the symbol in the low word and the types in reverse order.
    #[inline]
    fn info64(&self, info: u64) -> u64 {
        if self.machine == EM_MIPS && self.endian == Endianness::Little {
            (info << 32) | u64::from(((info >> 32) as u32).swap_bytes())
        } else {
            info
        }
    }
}

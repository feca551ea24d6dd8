//! Small reads that every form of an export record needs: words, strings and relocations of a section
//! of one object.
//!
//! In: an object and a section. Out: values, or `None` where the bytes are not there.

use object::Endianness;

use crate::load::elf::consts::{EM_MIPS, STT_SECTION};
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;

/// The relocations of one section, by offset.
pub(super) struct Relocs {
    list: Vec<(Reloc, bool)>,
}

impl Relocs {
    /// Reads all relocations that apply to `section`; unreadable tables are left out (the object names
    /// them as unreadable).
    pub(super) fn of(object: &Object<'_>, section: u32) -> Self {
        let mut list = Vec::new();
        for table in object.reloc_sections(section) {
            if let Ok(table) = object.reloc_table(table) {
                let explicit = table.has_addends();
                table.for_each(|_, reloc| list.push((reloc, explicit)));
            }
        }
        list.sort_by_key(|(r, _)| r.offset);
        Relocs { list }
    }

    /// The first relocation at `offset` that names a symbol.
    pub(super) fn at(&self, offset: u64) -> Option<&(Reloc, bool)> {
        let start = self.list.partition_point(|(r, _)| r.offset < offset);
        let here = self.list.iter().skip(start).take_while(|(r, _)| r.offset == offset);
        here.into_iter().find(|(r, _)| r.symbol != 0)
    }

    /// Relocations with `from <= offset < to` that name a symbol.
    pub(super) fn within(&self, from: u64, to: u64) -> impl Iterator<Item = &(Reloc, bool)> {
        let start = self.list.partition_point(|(r, _)| r.offset < from);
        let rest = self.list.iter().skip(start);
        rest.take_while(move |(r, _)| r.offset < to).filter(|(r, _)| r.symbol != 0)
    }

    /// Number of relocations.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The smallest distance between two relocations: the width of a table's words, in bytes.
    pub(super) fn stride(&self) -> Option<u64> {
        let pairs = self.list.iter().zip(self.list.iter().skip(1));
        pairs.map(|((a, _), (b, _))| b.offset - a.offset).filter(|&d| d > 0).min()
    }
}

/// A target as a relocation names it: symbol and addend.
pub(super) fn target(object: &Object<'_>, section: u32, width: u64, entry: &(Reloc, bool)) -> (u32, i64) {
    let (reloc, explicit) = *entry;
    let addend = if explicit {
        reloc.addend
    } else {
        word(object, section, reloc.offset, width).map_or(0, |w| sign(w, width))
    };
    (reloc.symbol, addend)
}

fn sign(value: u64, width: u64) -> i64 {
    if width == 4 { i64::from(value as u32 as i32) } else { value as i64 }
}

/// A word of `width` (1, 4 or 8) bytes at `offset` of a section.
pub(super) fn word(object: &Object<'_>, section: u32, offset: u64, width: u64) -> Option<u64> {
    let data = object.section_data(section)?;
    let start = usize::try_from(offset).ok()?;
    let bytes = data.get(start..start.checked_add(usize::try_from(width).ok()?)?)?;
    let mut value = 0u64;
    match object.endian() {
        Endianness::Little => bytes.iter().rev().for_each(|&b| value = (value << 8) | u64::from(b)),
        Endianness::Big => bytes.iter().for_each(|&b| value = (value << 8) | u64::from(b)),
    }
    Some(value)
}

/// The NUL-terminated string at `offset` of a section.
pub(super) fn string<'d>(object: &Object<'d>, section: u32, offset: u64) -> Option<&'d [u8]> {
    let data = object.section_data(section)?;
    let rest = data.get(usize::try_from(offset).ok()?..)?;
    let end = rest.iter().position(|&b| b == 0)?;
    rest.get(..end)
}

/// The string that a word of an entry points at, if it stands in the same object.
pub(super) fn pointed_string<'d>(
    object: &Object<'d>,
    section: u32,
    width: u64,
    entry: &(Reloc, bool),
) -> Option<&'d [u8]> {
    let (symbol, addend) = target(object, section, width, entry);
    let found = object.symbol(symbol)?;
    let Place::Section(home) = found.place else { return None };
    let offset = i64::try_from(found.value).ok()?.checked_add(addend)?;
    string(object, home, u64::try_from(offset).ok()?)
}

/// The symbol that an export's word stands for: the relocation's own, or for a section symbol with an
/// addend the one defined there, best the one called `name`.
pub(super) fn resolve_alias(object: &Object<'_>, symbol: u32, addend: i64, name: &[u8]) -> u32 {
    let Some(found) = object.symbol(symbol) else { return 0 };
    let Place::Section(section) = found.place else { return symbol };
    let direct = found.kind != STT_SECTION && addend == 0;
    if direct && object.symbol_name(found.name) == name {
        return symbol;
    }
    let Some(at) = i64::try_from(found.value).ok().and_then(|v| v.checked_add(addend)) else { return symbol };
    let mut best = if found.kind == STT_SECTION { 0 } else { symbol };
    for index in 1..object.symbol_count() {
        let Some(other) = object.symbol(index) else { continue };
        // The lowest bit of a value marks a compressed instruction set (mips).
        let value = if object.machine == EM_MIPS { other.value & !1 } else { other.value };
        if other.place != Place::Section(section) || i64::try_from(value) != Ok(at) {
            continue;
        }
        if object.symbol_name(other.name) == name {
            return index;
        }
        if best == 0 && other.kind != STT_SECTION {
            best = index;
        }
    }
    if best == 0 { symbol } else { best }
}

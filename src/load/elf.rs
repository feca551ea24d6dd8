//! A relocatable ELF object: borrowed tables behind one class- and endian-independent face.
//!
//! In: the bytes of one object. Out: [`Object`], whose section rows hold what is asked often and
//! whose headers, symbols and relocations are decoded from the mapped bytes on demand. Always
//! true: every index handed out was checked; whatever could not be read is in
//! [`Object::unreadable`] and never looks like "no references".

use std::sync::OnceLock;

use bstr::ByteSlice;
use object::elf;
use object::{Endianness, U32};

use super::relocs::RelocTable;

pub mod consts;
mod head;
mod read;

use consts::*;
pub use head::{HeadFilter, NameHead};

/// What is asked of a section most often; the rest is decoded from its header on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SectionRow {
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`, low 32 bits (no rule needs higher ones).
    pub flags: u32,
    /// Section index of the first relocation section that applies to this one; 0 if none.
    pub reloc: u32,
    /// 1 + number of the group in [`Object::groups`] that this section belongs to; 0 if none.
    pub group: u32,
}

impl SectionRow {
    /// Whether SHF_ALLOC is set.
    #[inline]
    pub fn is_alloc(self) -> bool {
        self.flags & SHF_ALLOC != 0
    }
}

/// One section group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Section index of the SHT_GROUP section.
    pub section: u32,
    /// Whether the COMDAT flag is set.
    pub comdat: bool,
    /// All flag bits.
    pub flags: u32,
    /// Symbol index of the signature (see [`Object::signature`]).
    pub symbol: u32,
    /// Range in [`Object::group_members`].
    pub first_member: u32,
    /// Number of members.
    pub member_count: u32,
}

/// Where a symbol is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// SHN_UNDEF.
    Undefined,
    /// SHN_ABS, or a reserved index that means no section.
    Absolute,
    /// SHN_COMMON and the targets' small or large commons.
    Common,
    /// A section of the same object; the index was checked.
    Section(u32),
}

/// One symbol, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    /// Offset of the name in the string table.
    pub name: u32,
    /// STB_*.
    pub bind: u8,
    /// STT_*.
    pub kind: u8,
    /// STV_*.
    pub visibility: u8,
    /// All of `st_other`.
    pub other: u8,
    /// Where it is defined.
    pub place: Place,
    /// `st_value`: offset in the section; alignment for commons.
    pub value: u64,
    /// `st_size` in bytes.
    pub size: u64,
    /// `st_shndx` as stored.
    pub shndx: u16,
}

/// A part of the object that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The section whose references are unknown (0: the whole object).
    pub section: u32,
    /// Why.
    pub reason: String,
}

/// The class-dependent tables.
#[derive(Clone, Copy)]
enum Raw<'d> {
    E32 { headers: &'d [elf::SectionHeader32<Endianness>], symbols: &'d [elf::Sym32<Endianness>] },
    E64 { headers: &'d [elf::SectionHeader64<Endianness>], symbols: &'d [elf::Sym64<Endianness>] },
}

/// A parsed relocatable object.
#[derive(Clone)]
pub struct Object<'d> {
    data: &'d [u8],
    endian: Endianness,
    raw: Raw<'d>,
    section_names: &'d [u8],
    symbol_names: &'d [u8],
    /// Heads of the names of sections, by index; those of relocation sections are not read.
    heads: Vec<NameHead>,
    /// Relocation sections and what they apply to, in file order.
    relocations: Vec<(u32, u32)>,
    /// What is wrong with them, once somebody asked.
    relocation_faults: OnceLock<Vec<Unreadable>>,
    /// `sh_link`ed extended section indexes; empty if there are none.
    xindex: &'d [U32<Endianness>],
    /// `e_machine`.
    pub machine: u16,
    /// ELF class 64.
    pub is_64: bool,
    /// `e_flags`.
    pub flags: u32,
    /// `EI_OSABI`.
    pub osabi: u8,
    /// Rows by section index; row 0 is the null section.
    pub sections: Vec<SectionRow>,
    /// Groups in section order.
    pub groups: Vec<Group>,
    /// Section indexes of all groups' members, concatenated.
    pub group_members: Vec<u32>,
    /// Second and later relocation sections of a section: (section, relocation section), sorted.
    pub extra_relocs: Vec<(u32, u32)>,
    /// Section index of the symbol table; 0 if none.
    pub symtab: u32,
    /// Section index of the section name table; 0 if none.
    pub name_table: u32,
    /// Index of the first non-local symbol (`sh_info` of the symbol table, clamped).
    pub first_global: u32,
    /// What could not be read, relocations apart (see [`Object::unreadable`]).
    pub unreadable: Vec<Unreadable>,
    /// Symbols that a question takes the definition of, sorted: they are read as undefined.
    pub undefined: Vec<u32>,
}

/// The most section headers an object may have for its size: each takes at least 40 bytes, so
/// counts beyond the file are refused by the reader itself.
pub(crate) fn identify(data: &[u8]) -> Option<(bool, Endianness)> {
    if data.len() < 20 || !data.starts_with(b"\x7fELF") {
        return None;
    }
    let is_64 = match data[4] {
        1 => false,
        2 => true,
        _ => return None,
    };
    let endian = match data[5] {
        1 => Endianness::Little,
        2 => Endianness::Big,
        _ => return None,
    };
    Some((is_64, endian))
}

/// `e_type` of ELF bytes, if they are ELF.
pub fn elf_type(data: &[u8]) -> Option<u16> {
    let (_, endian) = identify(data)?;
    let field = [*data.get(16)?, *data.get(17)?];
    Some(match endian {
        Endianness::Little => u16::from_le_bytes(field),
        Endianness::Big => u16::from_be_bytes(field),
    })
}

/// `e_machine` and whether the class is 64, if the bytes are ELF.
pub fn machine_and_class(data: &[u8]) -> Option<(u16, bool)> {
    let (is_64, endian) = identify(data)?;
    let field = [*data.get(18)?, *data.get(19)?];
    let machine = match endian {
        Endianness::Little => u16::from_le_bytes(field),
        Endianness::Big => u16::from_be_bytes(field),
    };
    Some((machine, is_64))
}

impl<'d> Object<'d> {
    /// Reads an object's tables.
    ///
    /// # Errors
    /// A reason, if the object's own headers, section names or symbol table cannot be read. Parts
    /// that can be left out (relocations, groups) go to [`Object::unreadable`] instead.
    pub fn parse(data: &'d [u8]) -> Result<Self, String> {
        let (is_64, _) = identify(data).ok_or("not an ELF object")?;
        if is_64 {
            read::object::<elf::FileHeader64<Endianness>>(data, |headers, symbols| Raw::E64 {
                headers,
                symbols,
            })
        } else {
            read::object::<elf::FileHeader32<Endianness>>(data, |headers, symbols| Raw::E32 {
                headers,
                symbols,
            })
        }
    }

    /// The object's bytes.
    pub fn data(&self) -> &'d [u8] {
        self.data
    }

    /// Byte order.
    pub fn endian(&self) -> Endianness {
        self.endian
    }

    /// Number of symbols, the null symbol included.
    pub fn symbol_count(&self) -> u32 {
        let n = match self.raw {
            Raw::E32 { symbols, .. } => symbols.len(),
            Raw::E64 { symbols, .. } => symbols.len(),
        };
        u32::try_from(n).unwrap_or(u32::MAX)
    }

    /// The name table from a section's name on; empty if its offset is bad.
    fn name_and_rest(&self, section: u32) -> &'d [u8] {
        let offset = match self.raw {
            Raw::E32 { headers, .. } => headers.get(section as usize).map(|h| h.sh_name.get(self.endian)),
            Raw::E64 { headers, .. } => headers.get(section as usize).map(|h| h.sh_name.get(self.endian)),
        };
        offset.and_then(|o| self.section_names.get(o as usize..)).unwrap_or_default()
    }

    /// The name of a section; empty if its offset is bad.
    pub fn section_name(&self, section: u32) -> &'d [u8] {
        until_zero(self.name_and_rest(section))
    }

    /// The first bytes of a section's name, without a look at the name; nothing for relocation
    /// sections, whose names are in nobody's rules.
    #[inline]
    pub fn head(&self, section: u32) -> NameHead {
        self.heads.get(section as usize).copied().unwrap_or_default()
    }

    /// Whether that is a section's name. Cheaper than to compare [`Object::section_name`], whose end must be found first.
    /// Never true for relocation sections, as with [`Object::name_begins`].
    #[inline]
    pub fn is_named(&self, section: u32, name: &[u8]) -> bool {
        if self.head(section).is_not(name) {
            return false;
        }
        self.name_and_rest(section).strip_prefix(name).is_some_and(|behind| behind.first() == Some(&0))
    }

    /// Whether a section's name begins so.
    #[inline]
    pub fn name_begins(&self, section: u32, prefix: &[u8]) -> bool {
        self.head(section).begins(prefix)
            && (prefix.len() <= NameHead::LENGTH || self.section_name(section).starts_with(prefix))
    }

    /// The full header of a section, widened to 64 bits.
    pub fn header(&self, section: u32) -> Header {
        let endian = self.endian;
        match self.raw {
            Raw::E32 { headers, .. } => headers.get(section as usize).map(|h| Header {
                address: u64::from(h.sh_addr.get(endian)),
                offset: u64::from(h.sh_offset.get(endian)),
                size: u64::from(h.sh_size.get(endian)),
                link: h.sh_link.get(endian),
                info: h.sh_info.get(endian),
                align: u64::from(h.sh_addralign.get(endian)),
                entsize: u64::from(h.sh_entsize.get(endian)),
            }),
            Raw::E64 { headers, .. } => headers.get(section as usize).map(|h| Header {
                address: h.sh_addr.get(endian),
                offset: h.sh_offset.get(endian),
                size: h.sh_size.get(endian),
                link: h.sh_link.get(endian),
                info: h.sh_info.get(endian),
                align: h.sh_addralign.get(endian),
                entsize: h.sh_entsize.get(endian),
            }),
        }
        .unwrap_or_default()
    }

    /// `sh_size` of a section in bytes.
    pub fn section_size(&self, section: u32) -> u64 {
        match self.raw {
            Raw::E32 { headers, .. } => {
                headers.get(section as usize).map_or(0, |h| u64::from(h.sh_size.get(self.endian)))
            }
            Raw::E64 { headers, .. } => {
                headers.get(section as usize).map_or(0, |h| h.sh_size.get(self.endian))
            }
        }
    }

    /// The bytes of a section; empty for NOBITS; `None` if they lie outside the file.
    pub fn section_data(&self, section: u32) -> Option<&'d [u8]> {
        let row = self.sections.get(section as usize)?;
        if row.kind == SHT_NOBITS {
            return Some(&[]);
        }
        let header = self.header(section);
        let start = usize::try_from(header.offset).ok()?;
        let end = start.checked_add(usize::try_from(header.size).ok()?)?;
        self.data.get(start..end)
    }

    /// Decodes a symbol; `None` beyond the table. An index into a section that does not exist is
    /// read as absolute (nothing can be kept through it).
    #[inline]
    pub fn symbol(&self, index: u32) -> Option<Symbol> {
        let endian = self.endian;
        let (name, info, other, shndx, value, size) = match self.raw {
            Raw::E64 { symbols, .. } => {
                let s = symbols.get(index as usize)?;
                let shndx = s.st_shndx.get(endian).0;
                (
                    s.st_name.get(endian),
                    s.st_info.0,
                    s.st_other.0,
                    shndx,
                    s.st_value.get(endian),
                    s.st_size.get(endian),
                )
            }
            Raw::E32 { symbols, .. } => {
                let s = symbols.get(index as usize)?;
                let shndx = s.st_shndx.get(endian).0;
                let (value, size) = (s.st_value.get(endian).into(), s.st_size.get(endian).into());
                (s.st_name.get(endian), s.st_info.0, s.st_other.0, shndx, value, size)
            }
        };
        let shndx = if self.is_taken(index) { SHN_UNDEF } else { shndx };
        Some(Symbol {
            name,
            bind: info >> 4,
            kind: info & 15,
            visibility: other & 3,
            other,
            place: self.place(index, shndx),
            value,
            size,
            shndx,
        })
    }

    /// Where a symbol's name stands in the string table; 0, the empty name, beyond the table.
    #[inline]
    pub fn name_offset(&self, index: u32) -> u32 {
        match self.raw {
            Raw::E64 { symbols, .. } => symbols.get(index as usize).map(|s| s.st_name.get(self.endian)),
            Raw::E32 { symbols, .. } => symbols.get(index as usize).map(|s| s.st_name.get(self.endian)),
        }
        .unwrap_or_default()
    }

    /// Whether that is a symbol's name. Cheaper than to compare [`Object::symbol_name`], whose end must be found first.
    pub fn symbol_is_named(&self, index: u32, name: &[u8]) -> bool {
        let text = self.symbol_names.get(self.name_offset(index) as usize..).unwrap_or_default();
        text.strip_prefix(name).is_some_and(|behind| behind.first() == Some(&0))
    }

    /// Whether a question takes a symbol's definition away.
    #[inline]
    fn is_taken(&self, index: u32) -> bool {
        !self.undefined.is_empty() && self.undefined.binary_search(&index).is_ok()
    }

    #[inline]
    fn place(&self, index: u32, shndx: u16) -> Place {
        let section = match shndx {
            SHN_UNDEF => return Place::Undefined,
            SHN_XINDEX => match self.xindex.get(index as usize) {
                Some(wide) => wide.get(self.endian),
                None => return Place::Absolute,
            },
            SHN_COMMON => return Place::Common,
            // GS targets 5, 8: small commons and "undefined" of mips; large commons of x86-64.
            0xff03 if self.machine == EM_MIPS => return Place::Common,
            0xff04 if self.machine == EM_MIPS => return Place::Undefined,
            0xff02 if self.machine == EM_X86_64 => return Place::Common,
            _ if shndx >= SHN_LORESERVE => return Place::Absolute,
            _ => u32::from(shndx),
        };
        if section == 0 {
            Place::Undefined
        } else if (section as usize) < self.sections.len() {
            Place::Section(section)
        } else {
            Place::Absolute
        }
    }

    /// The name of a symbol by the offset in [`Symbol::name`]; empty if the offset is bad.
    #[inline]
    pub fn symbol_name(&self, offset: u32) -> &'d [u8] {
        until_zero(self.symbol_names.get(offset as usize..).unwrap_or_default())
    }

    /// The name of a symbol by the offset in [`Symbol::name`], and of that the part before the first `@`
    /// if there is one.
    #[inline]
    pub fn versioned_name(&self, offset: u32) -> (&'d [u8], Option<&'d [u8]>) {
        let text = self.symbol_names.get(offset as usize..).unwrap_or_default();
        match memchr::memchr2(0, b'@', text) {
            Some(end) if text[end] == 0 => (&text[..end], None),
            Some(at) => {
                (until_zero(text), Some(&text[..at]).filter(|stem| until_zero(text).len() > stem.len()))
            }
            None => (b"", None),
        }
    }

    /// Whether a string table section is the section name table or the symbol table's.
    pub fn is_own_string_table(&self, section: u32) -> bool {
        section == self.name_table || (self.symtab != 0 && self.header(self.symtab).link == section)
    }

    /// Relocation sections and the sections they apply to, in file order; without those that apply to nothing.
    pub fn relocations(&self) -> &[(u32, u32)] {
        &self.relocations
    }

    /// All that could not be read. Relocations are looked through at the first call.
    pub fn unreadable(&self) -> impl Iterator<Item = &Unreadable> {
        self.relocation_faults().iter().chain(&self.unreadable)
    }

    /// What to tell of a part that could not be read.
    pub fn told(&self, part: &Unreadable) -> String {
        if part.section == 0 {
            return part.reason.clone();
        }
        let name = String::from_utf8_lossy(self.section_name(part.section));
        let kept = "are unknown, everything the file names is kept";
        format!("references of section {name} {kept}: {}", part.reason)
    }

    /// The relocation sections that cannot be decoded, or name symbols that do not exist.
    pub fn relocation_faults(&self) -> &[Unreadable] {
        self.relocation_faults.get_or_init(|| read::faults(self))
    }

    /// GS 6.2: a group's signature is its symbol's name, or the section's name for a nameless section symbol.
    pub fn signature(&self, group: &Group) -> &'d [u8] {
        let Some(found) = self.symbol(group.symbol) else { return b"" };
        let name = self.symbol_name(found.name);
        match found.place {
            Place::Section(section) if found.kind == STT_SECTION && name.is_empty() => {
                self.section_name(section)
            }
            _ => name,
        }
    }

    /// Members of a group as section indexes.
    pub fn members(&self, group: &Group) -> &[u32] {
        let start = group.first_member as usize;
        self.group_members.get(start..start + group.member_count as usize).unwrap_or(&[])
    }

    /// The group a section belongs to.
    pub fn group_of(&self, section: u32) -> Option<&Group> {
        let row = self.sections.get(section as usize)?;
        self.groups.get((row.group as usize).checked_sub(1)?)
    }

    /// The relocation sections that apply to `section`, first the one in its row.
    pub fn reloc_sections(&self, section: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.sections.get(section as usize).map_or(0, |r| r.reloc);
        let more = if first == 0 { &[][..] } else { &self.extra_relocs[..] };
        let start = more.partition_point(|(s, _)| *s < section);
        let more = more.get(start..).unwrap_or_default();
        (first != 0)
            .then_some(first)
            .into_iter()
            .chain(more.iter().take_while(move |(s, _)| *s == section).map(|(_, r)| *r))
    }

    /// The table of one relocation section.
    ///
    /// # Errors
    /// The reason why it cannot be read.
    pub fn reloc_table(&self, reloc_section: u32) -> Result<RelocTable<'d>, String> {
        let row = self.sections.get(reloc_section as usize).ok_or("no such section")?;
        let data = self.section_data(reloc_section).ok_or("relocations lie outside the file")?;
        let entsize = self.header(reloc_section).entsize;
        RelocTable::new(row.kind, data, entsize, self.is_64, self.endian, self.machine)
    }
}

/// The fields of a section header that are decoded on demand, all in bytes or indexes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// `sh_addr`: 0 in relocatable objects.
    pub address: u64,
    /// `sh_offset`.
    pub offset: u64,
    /// `sh_size`.
    pub size: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
    /// `sh_addralign`.
    pub align: u64,
    /// `sh_entsize`.
    pub entsize: u64,
}

/// What stands before the first zero; nothing if there is none.
#[inline]
fn until_zero(text: &[u8]) -> &[u8] {
    text.find_byte(0).and_then(|end| text.get(..end)).unwrap_or_default()
}

/// Whether a section type holds relocations in some encoding.
pub fn is_relocation_type(kind: u32) -> bool {
    matches!(
        kind,
        SHT_REL | SHT_RELA | SHT_CREL | SHT_RELR | SHT_ANDROID_REL | SHT_ANDROID_RELA | SHT_ANDROID_RELR
    )
}

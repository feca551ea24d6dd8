//! A linked image, or any other ELF file, as `size` and `nm` see it: allocated sections in three
//! classes, symbols with their one-letter types.
//!
//! In: the bytes of the file. Out: [`Image`]. Sources of the rules: BFD `_bfd_elf_make_section_from_shdr`
//! (what a section's flags mean), `bfd_decode_symclass` (letters), `size`'s Berkeley format. Always true:
//! a file whose tables cannot be read is an error, never a file without symbols.

use super::elf::consts::*;
use super::elf::{self, Object, Place, Symbol};

/// What `size` counts a section under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SizeClass {
    /// Code and read-only sections.
    Text,
    /// Writable sections with content.
    Data,
    /// Writable sections without content.
    Bss,
}

impl SizeClass {
    /// The class of an allocated section; `None` for all others.
    pub fn of(flags: u32, nobits: bool) -> Option<SizeClass> {
        if flags & SHF_ALLOC == 0 {
            None
        } else if flags & SHF_EXECINSTR != 0 || flags & SHF_WRITE == 0 {
            Some(SizeClass::Text)
        } else if nobits {
            Some(SizeClass::Bss)
        } else {
            Some(SizeClass::Data)
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            SizeClass::Text => "text",
            SizeClass::Data => "data",
            SizeClass::Bss => "bss",
        }
    }
}

/// A symbol that has a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizedSymbol<'d> {
    /// Its name as stored.
    pub name: &'d [u8],
    /// The letter that `nm` shows.
    pub letter: u8,
    /// Section index.
    pub section: u32,
    /// Offset in the section, in bytes.
    pub offset: u64,
    /// `st_size` in bytes.
    pub size: u64,
}

/// An allocated section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSection<'d> {
    /// Section index.
    pub index: u32,
    /// Its name.
    pub name: &'d [u8],
    /// What `size` counts it under.
    pub class: SizeClass,
    /// Size in bytes.
    pub size: u64,
}

/// The file.
pub struct Image<'d> {
    object: Object<'d>,
    relocatable: bool,
}

impl<'d> Image<'d> {
    /// Reads the file's tables.
    ///
    /// # Errors
    /// A reason, if it is no ELF file or if its headers, section names or symbols cannot be read.
    pub fn parse(data: &'d [u8]) -> Result<Self, String> {
        let object = Object::parse(data)?;
        Ok(Image { object, relocatable: elf::elf_type(data) == Some(1) })
    }

    /// `e_machine`.
    pub fn machine(&self) -> u16 {
        self.object.machine
    }

    /// Whether it was not linked, or by `-r`.
    pub fn is_relocatable(&self) -> bool {
        self.relocatable
    }

    /// Whether it has a symbol table.
    pub fn has_symbols(&self) -> bool {
        self.object.symtab != 0
    }

    /// Allocated sections in file order.
    pub fn sections(&self) -> impl Iterator<Item = ImageSection<'d>> + '_ {
        let rows = self.object.sections.iter().enumerate().skip(1);
        rows.filter_map(|(index, row)| {
            let class = SizeClass::of(row.flags, row.kind == SHT_NOBITS)?;
            let index = u32::try_from(index).ok()?;
            let (name, size) = (self.object.section_name(index), self.object.section_size(index));
            Some(ImageSection { index, name, class, size })
        })
    }

    /// What `nm --size-sort` lists, in the order of the symbol table: defined symbols with a size,
    /// section and file symbols left out.
    pub fn symbols(&self) -> impl Iterator<Item = SizedSymbol<'d>> + '_ {
        (1..self.object.symbol_count()).filter_map(|index| {
            let symbol = self.object.symbol(index)?;
            let Place::Section(section) = symbol.place else { return None };
            if symbol.size == 0 || matches!(symbol.kind, STT_SECTION | STT_FILE) {
                return None;
            }
            let start = if self.relocatable { 0 } else { self.object.header(section).address };
            Some(SizedSymbol {
                name: self.object.symbol_name(symbol.name),
                letter: self.letter(&symbol, section),
                section,
                offset: symbol.value.wrapping_sub(start),
                size: symbol.size,
            })
        })
    }

    fn letter(&self, symbol: &Symbol, section: u32) -> u8 {
        if symbol.kind == STT_GNU_IFUNC {
            return b'i';
        }
        match symbol.bind {
            STB_WEAK if symbol.kind == STT_OBJECT => b'V',
            STB_WEAK => b'W',
            STB_GNU_UNIQUE => b'u',
            STB_GLOBAL => self.section_letter(section).to_ascii_uppercase(),
            STB_LOCAL => self.section_letter(section),
            _ => b'?',
        }
    }

    fn section_letter(&self, section: u32) -> u8 {
        let name = self.object.section_name(section);
        // Names of another object format count whatever the flags say.
        for (stem, letter) in
            [(&b".drectve"[..], b'i'), (b".edata", b'e'), (b".idata", b'i'), (b".pdata", b'p')]
        {
            let ends = |rest: &[u8]| rest.first().is_none_or(|c| b".$0123456789".contains(c));
            if name.strip_prefix(stem).is_some_and(ends) {
                return letter;
            }
        }
        let Some(row) = self.object.sections.get(section as usize) else { return b'?' };
        let (alloc, content) = (row.is_alloc(), row.kind != SHT_NOBITS);
        let small = self.is_small(row.flags, name);
        let read_only = row.flags & SHF_WRITE == 0;
        if row.flags & SHF_EXECINSTR != 0 {
            b't'
        } else if alloc && content {
            match (read_only, small) {
                (true, _) => b'r',
                (false, true) => b'g',
                (false, false) => b'd',
            }
        } else if !content {
            if small { b's' } else { b'b' }
        } else if is_debugging(name) {
            b'N'
        } else if read_only {
            b'n'
        } else {
            b'?'
        }
    }

    /// Data reached through a global pointer, where BFD says so of sections of the usual types: by a flag
    /// (alpha, ia64) or by name (powerpc64). Not on mips and 32-bit powerpc.
    fn is_small(&self, flags: u32, name: &[u8]) -> bool {
        const EM_IA_64: u16 = 50;
        const GP_RELATIVE: u32 = 0x1000_0000;
        match self.object.machine {
            EM_ALPHA | EM_IA_64 => flags & GP_RELATIVE != 0,
            EM_PPC64 => name.starts_with(b".sbss") || name.starts_with(b".sdata"),
            _ => false,
        }
    }
}

fn is_debugging(name: &[u8]) -> bool {
    let stems: [&[u8]; 7] = [
        b".debug",
        b".zdebug",
        b".gnu.debuglto_.debug_",
        b".gnu.linkonce.wi.",
        b".line",
        b".stab",
        b".gdb_index",
    ];
    stems.iter().any(|s| name.starts_with(s))
}

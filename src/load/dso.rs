//! Shared libraries as a link sees them: dynamic symbols with versions, name, dependencies.
//!
//! In: the bytes of an ET_DYN file. Out: [`SharedLibrary`]; names borrow from the bytes. A library
//! without a dynamic symbol table has no symbols; damaged tables are an error.

use object::elf;
use object::read::SymbolIndex;
use object::read::elf::{Dyn as _, FileHeader, Sym as _};
use object::{Endianness, SectionIndex};

use super::elf::consts::*;

/// One dynamic symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DsoSymbol<'d> {
    /// Name without version.
    pub name: &'d [u8],
    /// Version name; `None` for unversioned symbols and the base version.
    pub version: Option<&'d [u8]>,
    /// The hidden bit of the version: `name@VERSION`, not the default.
    pub hidden_version: bool,
    /// Version index is VER_NDX_LOCAL: not visible to links.
    pub local_version: bool,
    /// Defined in the library (otherwise a reference).
    pub defined: bool,
    /// STB_WEAK.
    pub weak: bool,
    /// STT_*.
    pub kind: u8,
    /// STV_*.
    pub visibility: u8,
    /// Defined as SHN_COMMON.
    pub common: bool,
    /// Defined as SHN_ABS.
    pub absolute: bool,
    /// Defined in a NOBITS section: may have been a common when the library was made.
    pub nobits: bool,
    /// `st_size` in bytes.
    pub size: u64,
    /// `st_shndx` as stored.
    pub section: u16,
    /// `st_value`.
    pub value: u64,
}

/// What a link takes from a shared library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedLibrary<'d> {
    /// DT_SONAME.
    pub soname: Option<&'d [u8]>,
    /// DT_NEEDED entries in order.
    pub needed: Vec<&'d [u8]>,
    /// DT_RPATH and DT_RUNPATH texts.
    pub run_paths: Vec<&'d [u8]>,
    /// Global dynamic symbols in table order.
    pub symbols: Vec<DsoSymbol<'d>>,
    /// `e_machine`.
    pub machine: u16,
    /// ELF class 64.
    pub is_64: bool,
}

impl<'d> SharedLibrary<'d> {
    /// Reads a shared library.
    ///
    /// # Errors
    /// A reason, when headers, dynamic symbols or version tables are damaged.
    pub fn parse(data: &'d [u8]) -> Result<Self, String> {
        match super::elf::identify(data) {
            Some((true, _)) => parse_class::<elf::FileHeader64<Endianness>>(data),
            Some((false, _)) => parse_class::<elf::FileHeader32<Endianness>>(data),
            None => Err("not an ELF file".into()),
        }
    }
}

fn parse_class<'d, Elf: FileHeader<Endian = Endianness>>(
    data: &'d [u8],
) -> Result<SharedLibrary<'d>, String> {
    let text = |e: object::read::Error| e.to_string();
    let file = Elf::parse(data).map_err(text)?;
    let endian = file.endian().map_err(text)?;
    let sections = file.sections(endian, data).map_err(text)?;
    let mut library =
        SharedLibrary { machine: file.e_machine(endian).0, is_64: file.is_class_64(), ..Default::default() };
    if let Some((dynamic, strings)) = sections.dynamic(endian, data).map_err(text)? {
        let strings = sections.strings(endian, data, SectionIndex(strings.0)).unwrap_or_default();
        for entry in dynamic {
            let tag: i64 = entry.d_tag(endian).0;
            if tag == 0 {
                break;
            }
            let value: u64 = entry.d_val(endian).into();
            let name = || u32::try_from(value).ok().and_then(|v| strings.get(v).ok());
            match tag {
                1 => library.needed.extend(name()),
                14 => library.soname = name(),
                15 | 29 => library.run_paths.extend(name()),
                _ => {}
            }
        }
    }
    let table = sections.symbols(endian, data, elf::SHT_DYNSYM).map_err(text)?;
    let versions = sections.versions(endian, data).map_err(text)?;
    for (index, symbol) in table.symbols().iter().enumerate() {
        let bind = symbol.st_bind().0;
        if index == 0 || bind == STB_LOCAL {
            continue;
        }
        let name = table.symbol_name(endian, symbol).map_err(text)?;
        let shndx = symbol.st_shndx(endian).0;
        let mut entry = DsoSymbol {
            name,
            version: None,
            hidden_version: false,
            local_version: false,
            defined: shndx != SHN_UNDEF,
            weak: bind == STB_WEAK,
            kind: symbol.st_type().0,
            visibility: symbol.st_other().0 & 3,
            common: shndx == SHN_COMMON,
            absolute: shndx == SHN_ABS,
            nobits: sections
                .section(SectionIndex(usize::from(shndx)))
                .is_ok_and(|s| object::read::elf::SectionHeader::sh_type(s, endian).0 == SHT_NOBITS),
            size: symbol.st_size(endian).into(),
            section: shndx,
            value: symbol.st_value(endian).into(),
        };
        if let Some(versions) = &versions {
            let versym = versions.version_index(endian, SymbolIndex(index));
            entry.hidden_version = versym.is_hidden();
            entry.local_version = versym.is_local();
            if !versym.is_local() && !versym.is_global() {
                entry.version = versions.version(versym.index()).map_err(text)?.map(|v| v.name());
            }
        }
        library.symbols.push(entry);
    }
    Ok(library)
}

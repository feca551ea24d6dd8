//! Reading an object's tables: one walk over the section headers, the symbol table, groups; and, when somebody
//! asks, whether every relocation can be decoded.
//!
//! In: the bytes of one object. Out: [`Object`]. Time and memory are proportional to the file's size,
//! whatever its headers claim.

use std::sync::OnceLock;

use object::read::elf::{FileHeader, SectionHeader as _, Sym as _};
use object::{Endianness, U32};

use super::consts::*;
use super::{Group, NameHead, Object, Raw, SectionRow, Unreadable, is_relocation_type};
use crate::load::relocs::RelocTable;

/// Reads the tables of an object of one class.
pub(super) fn object<'d, Elf>(
    data: &'d [u8],
    make: impl Fn(&'d [Elf::SectionHeader], &'d [Elf::Sym]) -> Raw<'d>,
) -> Result<Object<'d>, String>
where
    Elf: FileHeader<Endian = Endianness>,
{
    let file = Elf::parse(data).map_err(|e| e.to_string())?;
    let endian = file.endian().map_err(|e| e.to_string())?;
    let headers = file.section_headers(endian, data).map_err(|e| e.to_string())?;
    let mut name_table = 0u32;
    let section_names = match file.section_strings_index(endian, data) {
        Ok(index) if index.0 != 0 => {
            name_table = index.0 as u32;
            let header = headers.get(index.0).ok_or("section name table index out of range")?;
            text_of::<Elf>(header, endian, data).ok_or("section name table lies outside the file")?
        }
        Ok(_) => &[],
        Err(error) => return Err(error.to_string()),
    };
    // With a constant byte order the loop has no branches for it.
    let found = match endian {
        Endianness::Little => survey::<Elf>(headers, Endianness::Little, section_names, data.len() as u64),
        Endianness::Big => survey::<Elf>(headers, Endianness::Big, section_names, data.len() as u64),
    }?;
    let mut symbols: &[Elf::Sym] = &[];
    let mut symbol_names: &[u8] = &[];
    let mut first_global = 0u32;
    let mut xindex: &[U32<Endianness>] = &[];
    if let Some(header) = headers.get(found.symtab as usize).filter(|_| found.symtab != 0) {
        symbols = header
            .data_as_array::<Elf::Sym, _>(endian, data)
            .map_err(|_| "symbol table lies outside the file".to_string())?;
        let strings =
            headers.get(header.sh_link(endian) as usize).ok_or("symbol table without string table")?;
        symbol_names =
            text_of::<Elf>(strings, endian, data).ok_or("symbol string table lies outside the file")?;
        first_global = header.sh_info(endian).min(u32::try_from(symbols.len()).unwrap_or(u32::MAX));
        if found.extended != 0 {
            xindex = headers[found.extended]
                .data_as_array::<U32<Endianness>, _>(endian, data)
                .map_err(|_| "extended section index table lies outside the file".to_string())?;
        }
        let wide = symbols.iter().rposition(|s| s.st_shndx(endian).0 == SHN_XINDEX);
        if let Some(last) = wide.filter(|&last| last >= xindex.len()) {
            return Err(format!(
                "symbol {last} has an extended section index, but their table has {} entries",
                xindex.len()
            ));
        }
    }
    let mut object = Object {
        data,
        endian,
        raw: make(headers, symbols),
        section_names,
        symbol_names,
        heads: found.heads,
        relocations: found.relocations,
        relocation_faults: OnceLock::new(),
        xindex,
        machine: file.e_machine(endian).0,
        is_64: file.is_class_64(),
        flags: file.e_flags(endian).0,
        osabi: file.e_ident().os_abi.0,
        sections: found.rows,
        groups: Vec::new(),
        group_members: Vec::new(),
        extra_relocs: Vec::new(),
        symtab: found.symtab,
        name_table,
        first_global,
        unreadable: Vec::new(),
        undefined: Vec::new(),
    };
    attach_relocations(&mut object);
    read_groups(&mut object, &found.groups);
    Ok(object)
}

/// What one walk over the section headers finds.
struct Survey {
    rows: Vec<SectionRow>,
    heads: Vec<NameHead>,
    symtab: u32,
    /// Section index of the extended section indexes.
    extended: usize,
    /// SHT_GROUP sections.
    groups: Vec<u32>,
    /// Relocation sections and their `sh_info`.
    relocations: Vec<(u32, u32)>,
}

/// Walks the headers; refuses those that claim the same bytes again and again.
#[inline(always)]
fn survey<Elf: FileHeader<Endian = Endianness>>(
    headers: &[Elf::SectionHeader],
    endian: Endianness,
    names: &[u8],
    file_size: u64,
) -> Result<Survey, String> {
    let mut out = Survey {
        rows: Vec::with_capacity(headers.len()),
        heads: Vec::with_capacity(headers.len()),
        symtab: 0,
        extended: 0,
        groups: Vec::new(),
        relocations: Vec::with_capacity(headers.len() / 2),
    };
    let mut claimed = 0u64;
    for (index, header) in headers.iter().enumerate() {
        let kind = header.sh_type(endian).0;
        let flags: u64 = header.sh_flags(endian).0;
        let (offset, size): (u64, u64) = (header.sh_offset(endian).into(), header.sh_size(endian).into());
        let inside = offset.checked_add(size).is_some_and(|end| end <= file_size);
        if inside && !matches!(kind, SHT_NULL | SHT_NOBITS) {
            claimed = claimed.saturating_add(size);
        }
        let mut head = NameHead::default();
        if is_relocation_type(kind) {
            out.relocations.push((index as u32, header.sh_info(endian)));
        } else {
            head = names.get(header.sh_name(endian) as usize..).map(NameHead::read).unwrap_or_default();
            match kind {
                SHT_SYMTAB if out.symtab == 0 => out.symtab = index as u32,
                SHT_GROUP if index != 0 => out.groups.push(index as u32),
                SHT_SYMTAB_SHNDX => out.extended = index,
                _ => {}
            }
        }
        out.heads.push(head);
        #[allow(clippy::cast_possible_truncation)]
        out.rows.push(SectionRow { kind, flags: flags as u32, reloc: 0, group: 0 });
    }
    if claimed > file_size.saturating_mul(OVERLAP_LIMIT) {
        return Err(format!("sections overlap: they claim {claimed} bytes of a file of {file_size}"));
    }
    Ok(out)
}

/// The bytes of a string table.
fn text_of<'d, Elf: FileHeader<Endian = Endianness>>(
    header: &Elf::SectionHeader,
    endian: Endianness,
    data: &'d [u8],
) -> Option<&'d [u8]> {
    let offset: u64 = header.sh_offset(endian).into();
    let size: u64 = header.sh_size(endian).into();
    let start = usize::try_from(offset).ok()?;
    data.get(start..start.checked_add(usize::try_from(size).ok()?)?)
}

/// How many times over sections may claim the bytes of their file. Writers never let sections
/// overlap; without a limit, reading a small file could take time and memory without measure.
const OVERLAP_LIMIT: u64 = 4;

/// Connects each relocation section with the section it applies to.
fn attach_relocations(object: &mut Object<'_>) {
    let Object { sections, relocations, extra_relocs, .. } = object;
    let mut nowhere: Vec<(u32, u32)> = Vec::new();
    relocations.retain(|&(index, target)| {
        // A relocation section that names no section applies to nothing (object files made
        // from linked images have such).
        if index == 0 || target == 0 {
            return false;
        }
        let Some(row) = sections.get_mut(target as usize).filter(|_| target != index) else {
            nowhere.push((index, target));
            return false;
        };
        if row.reloc == 0 {
            row.reloc = index;
        } else {
            extra_relocs.push((target, index));
        }
        true
    });
    // By section; relocation sections of one stay in file order.
    extra_relocs.sort_unstable();
    for (index, target) in nowhere {
        let reason = if index == target {
            format!("relocation section {index} applies to itself")
        } else {
            let name = String::from_utf8_lossy(object.section_name(index)).into_owned();
            format!("relocation section {name} applies to section {target}, which does not exist")
        };
        object.unreadable.push(Unreadable { section: 0, reason });
    }
}

/// Checks that the entries of every relocation section can be decoded.
pub(super) fn faults(object: &Object<'_>) -> Vec<Unreadable> {
    let mut out = Vec::new();
    for &(index, target) in &object.relocations {
        let checked = object.reloc_table(index).and_then(|table| check_symbols(object, target, &table));
        if let Err(reason) = checked {
            let name = String::from_utf8_lossy(object.section_name(index)).into_owned();
            out.push(Unreadable { section: target, reason: format!("relocation section {name}: {reason}") });
        }
    }
    out
}

/// Whether the relocations of a loaded section name symbols that exist.
fn check_symbols(object: &Object<'_>, target: u32, table: &RelocTable<'_>) -> Result<(), String> {
    if !object.sections.get(target as usize).is_some_and(|r| r.is_alloc()) {
        return Ok(());
    }
    let highest = table.highest_symbol();
    let count = object.symbol_count();
    if highest != 0 && highest >= count {
        return Err(format!("a relocation names symbol {highest}, the symbol table has {count}"));
    }
    Ok(())
}

fn read_groups(object: &mut Object<'_>, sections: &[u32]) {
    let endian = object.endian;
    let word = |bytes: &[u8]| -> u32 {
        let mut field = [0u8; 4];
        field.copy_from_slice(&bytes[..4]);
        match endian {
            Endianness::Little => u32::from_le_bytes(field),
            Endianness::Big => u32::from_be_bytes(field),
        }
    };
    object.groups.reserve_exact(sections.len());
    object.group_members.reserve(sections.len() * 2);
    for &index in sections {
        let Some(data) = object.section_data(index).filter(|d| d.len() >= 4) else {
            let reason = format!("section group {index} cannot be read");
            object.unreadable.push(Unreadable { section: 0, reason });
            continue;
        };
        let flags = word(data);
        let symbol = object.header(index).info;
        let first_member = object.group_members.len() as u32;
        let number = object.groups.len() as u32 + 1;
        let mut wrong = None;
        for member in data[4..].chunks_exact(4).map(word) {
            if member == index {
                wrong = Some(format!("section group {index} names itself"));
                continue;
            }
            let Some(row) = object.sections.get_mut(member as usize).filter(|_| member != 0) else {
                wrong = Some(format!("section group {index} names section {member}, which does not exist"));
                continue;
            };
            if row.group == 0 {
                row.group = number;
            }
            // Relocation sections are listed too, but no linker treats them as members.
            if !is_relocation_type(row.kind) {
                object.group_members.push(member);
            }
        }
        object.unreadable.extend(wrong.map(|reason| Unreadable { section: 0, reason }));
        let member_count = object.group_members.len() as u32 - first_member;
        let group =
            Group { section: index, comdat: flags & 1 != 0, flags, symbol, first_member, member_count };
        object.groups.push(group);
    }
}

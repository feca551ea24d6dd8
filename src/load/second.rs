//! A second opinion on ELF objects and archives: goblin, an independently written decoder.
//!
//! In: what our own reader found, and the bytes. Out: what was compared, and where the two differ.
//! Known gaps of goblin (CREL relocations, SYMTAB_SHNDX section indexes, thin archives) are named,
//! not compared.

use goblin::elf::Elf;

use super::archive;
use super::elf::consts::*;
use super::elf::{Object, is_relocation_type};

/// The outcome for one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// Section headers compared.
    pub sections: u64,
    /// Symbols compared.
    pub symbols: u64,
    /// Relocations counted by both.
    pub relocations: u64,
    /// Archive members compared.
    pub members: u64,
    /// Where the readers differ.
    pub differences: Vec<String>,
    /// What the second reader cannot do here.
    pub gaps: Vec<&'static str>,
}

/// The most differences that are spelled out for one file.
const SPELLED: usize = 8;

impl Check {
    fn differ(&mut self, text: String) {
        if self.differences.len() < SPELLED {
            self.differences.push(text);
        }
    }
}

/// Compares an object on the common subset.
pub fn object(ours: &Object<'_>) -> Check {
    let mut check = Check::default();
    let theirs = match Elf::parse(ours.data()) {
        Ok(elf) => elf,
        Err(error) => {
            check.differ(format!("the second reader refuses it: {error}"));
            return check;
        }
    };
    if theirs.section_headers.len() != ours.sections.len() {
        check.differ(format!("{} sections against {}", ours.sections.len(), theirs.section_headers.len()));
    }
    for (index, (header, row)) in theirs.section_headers.iter().zip(&ours.sections).enumerate().skip(1) {
        check.sections += 1;
        let own = ours.header(index as u32);
        let same = header.sh_type == row.kind
            && header.sh_flags as u32 == row.flags
            && (header.sh_size, header.sh_offset) == (own.size, own.offset)
            && (header.sh_link, header.sh_info) == (own.link, own.info)
            && (header.sh_entsize, header.sh_addralign) == (own.entsize, own.align);
        let name = theirs.shdr_strtab.get_at(header.sh_name);
        // A name that is not UTF-8 is not handed out by the second reader.
        let same_name = name.is_none_or(|n| n.as_bytes() == ours.section_name(index as u32));
        if !same || !same_name {
            check.differ(format!("section {index} is read differently"));
        }
    }
    symbols(ours, &theirs, &mut check);
    relocations(ours, &theirs, &mut check);
    check
}

fn symbols(ours: &Object<'_>, theirs: &Elf<'_>, check: &mut Check) {
    if theirs.syms.len() != ours.symbol_count() as usize {
        check.differ(format!("{} symbols against {}", ours.symbol_count(), theirs.syms.len()));
    }
    if ours.sections.iter().any(|r| r.kind == SHT_SYMTAB_SHNDX) {
        check.gaps.push("extended section indexes of symbols (SYMTAB_SHNDX)");
    }
    for (index, symbol) in theirs.syms.iter().enumerate().skip(1) {
        let Some(own) = ours.symbol(index as u32) else { break };
        check.symbols += 1;
        let same = (symbol.st_value, symbol.st_size) == (own.value, own.size)
            && symbol.st_shndx == usize::from(own.shndx)
            && (symbol.st_bind(), symbol.st_type(), symbol.st_other) == (own.bind, own.kind, own.other);
        let name = theirs.strtab.get_at(symbol.st_name);
        if !same || name.is_some_and(|n| n.as_bytes() != ours.symbol_name(own.name)) {
            check.differ(format!("symbol {index} is read differently"));
        }
    }
}

fn relocations(ours: &Object<'_>, theirs: &Elf<'_>, check: &mut Check) {
    for (index, row) in ours.sections.iter().enumerate() {
        match row.kind {
            SHT_REL | SHT_RELA => {
                let Ok(table) = ours.reloc_table(index as u32) else { continue };
                let found = theirs.shdr_relocs.iter().find(|(section, _)| *section == index);
                let count = found.map_or(0, |(_, relocs)| relocs.len());
                check.relocations += table.len() as u64;
                if count != table.len() {
                    check.differ(format!("section {index}: {} relocations against {count}", table.len()));
                }
            }
            kind if is_relocation_type(kind) => {
                let gap = "compact relocations (CREL and other packed forms)";
                if !check.gaps.contains(&gap) {
                    check.gaps.push(gap);
                }
            }
            _ => {}
        }
    }
}

/// Compares an archive's members.
pub fn archive(bytes: &[u8], thin: bool) -> Check {
    let mut check = Check::default();
    if thin {
        check.gaps.push("thin archives");
        return check;
    }
    let Ok(ours) = archive::parse(bytes) else { return check };
    match goblin::archive::Archive::parse(bytes) {
        Err(error) => check.differ(format!("the second reader refuses it: {error}")),
        Ok(theirs) => {
            check.members = ours.members.len() as u64;
            if theirs.len() != ours.members.len() {
                check.differ(format!("{} members against {}", ours.members.len(), theirs.len()));
            }
        }
    }
    check
}

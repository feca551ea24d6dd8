//! Section counts of objects and archives, and what they tell of the compiler's options.
//!
//! In: an analysis. Out: one row per object in the link and per archive.

use std::collections::BTreeSet;

use bstr::BString;
use rayon::prelude::*;

use crate::ids::{FileId, Id};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, is_relocation_type};
use crate::program::{Content, Program};
use crate::query::Analysis;

/// Options that the sections of an object look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlagGuess {
    /// `-ffunction-sections`: functions stand in sections that end in their names.
    pub function_sections: bool,
    /// `-fdata-sections`.
    pub data_sections: bool,
}

impl FlagGuess {
    /// The options, as typed.
    pub fn words(self) -> &'static str {
        match (self.function_sections, self.data_sections) {
            (true, true) => "-ffunction-sections -fdata-sections",
            (true, false) => "-ffunction-sections",
            (false, true) => "-fdata-sections",
            (false, false) => "",
        }
    }
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRow {
    /// The archive; empty if none.
    pub archive: BString,
    /// File or member.
    pub file: BString,
    /// Section headers, the null header included.
    pub headers: u64,
    /// Of them relocation sections.
    pub relocation_sections: u64,
    /// Of them groups.
    pub groups: u64,
    /// Sections of one function each.
    pub function_sections: u64,
    /// Sections of one variable each.
    pub data_sections: u64,
    /// What the compiler was asked.
    pub flags: FlagGuess,
}

/// One archive, the members that are left behind included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRow {
    /// Its path.
    pub archive: BString,
    /// Members.
    pub members: u64,
    /// Members in the link.
    pub taken: u64,
    /// Section headers of all members.
    pub headers: u64,
    /// Most headers of one member.
    pub biggest: u64,
    /// That member.
    pub biggest_member: BString,
    /// Headers if all members were linked with `-r`: one per name, one more where it has relocations,
    /// groups and their members apart.
    pub merged: u64,
}

/// Rows of all objects in the link, and of all archives.
pub(super) fn rows(analysis: &Analysis<'_>) -> (Vec<InputRow>, Vec<ArchiveRow>) {
    let program = &analysis.program;
    let files = program.files.as_slice();
    let all: Vec<Option<InputRow>> = files
        .par_iter()
        .enumerate()
        .with_min_len(16)
        .map(|(number, f)| Some(row(program, FileId::from_usize(number), f.object()?)))
        .collect();
    let mut archives = Vec::new();
    for (_, archive) in program.archives.enumerate() {
        let members = archive.members();
        let mut found = ArchiveRow {
            archive: BString::from(archive.path),
            members: members.len() as u64,
            taken: 0,
            headers: 0,
            biggest: 0,
            biggest_member: BString::default(),
            merged: merged(program, archive.members()),
        };
        for member in members {
            found.taken += u64::from(analysis.resolution.is_in_link(member));
            let Some(Some(row)) = all.get(member.idx()) else { continue };
            found.headers += row.headers;
            if row.headers > found.biggest {
                found.biggest = row.headers;
                found.biggest_member = row.file.clone();
            }
        }
        archives.push(found);
    }
    let in_link = |(number, row): (usize, Option<InputRow>)| {
        row.filter(|_| analysis.resolution.is_in_link(FileId::from_usize(number)))
    };
    (all.into_iter().enumerate().filter_map(in_link).collect(), archives)
}

fn row(program: &Program<'_>, file: FileId, object: &Object<'_>) -> InputRow {
    let f = &program.files[file];
    let own = if f.archive.is_some() { f.member } else { f.path };
    let mut row = InputRow {
        archive: if f.archive.is_some() { BString::from(f.path) } else { BString::default() },
        file: BString::from(own),
        headers: object.sections.len() as u64,
        relocation_sections: 0,
        groups: 0,
        function_sections: 0,
        data_sections: 0,
        flags: FlagGuess::default(),
    };
    for section in &object.sections {
        row.relocation_sections += u64::from(is_relocation_type(section.kind));
        row.groups += u64::from(section.kind == SHT_GROUP);
    }
    let mut seen: BTreeSet<u32> = BTreeSet::new();
    let (mut functions, mut variables) = (0u64, 0u64);
    for index in 1..object.symbol_count() {
        let Some(symbol) = object.symbol(index) else { continue };
        let Place::Section(section) = symbol.place else { continue };
        let function = symbol.kind == STT_FUNC;
        if !function && symbol.kind != STT_OBJECT {
            continue;
        }
        *(if function { &mut functions } else { &mut variables }) += 1;
        if is_named_after(object.section_name(section), object.symbol_name(symbol.name), function)
            && seen.insert(section)
        {
            *(if function { &mut row.function_sections } else { &mut row.data_sections }) += 1;
        }
    }
    row.flags.function_sections = row.function_sections * 2 > functions;
    row.flags.data_sections = row.data_sections * 2 > variables;
    row
}

/// Whether a section's name is a compiler's prefix and the symbol's name.
fn is_named_after(section: &[u8], symbol: &[u8], function: bool) -> bool {
    const CODE: [&[u8]; 5] =
        [b".text.", b".text.unlikely.", b".text.startup.", b".text.hot.", b".text.exit."];
    const DATA: [&[u8]; 9] = [
        b".data.",
        b".bss.",
        b".rodata.",
        b".data.rel.ro.",
        b".data.rel.",
        b".data.rel.local.",
        b".data.rel.ro.local.",
        b".tdata.",
        b".tbss.",
    ];
    let prefixes: &[&[u8]] = if function { &CODE } else { &DATA };
    !symbol.is_empty() && section.strip_suffix(symbol).is_some_and(|front| prefixes.contains(&front))
}

/// Headers of `ld -r` over some files, nothing collected: by name, as all linkers merge (GS 10.5).
fn merged(program: &Program<'_>, members: impl Iterator<Item = FileId>) -> u64 {
    let mut names: std::collections::BTreeMap<&[u8], bool> = std::collections::BTreeMap::new();
    let mut groups: BTreeSet<&[u8]> = BTreeSet::new();
    // Null, symbol table, both string tables.
    let mut apart = 4u64;
    for member in members {
        let Content::Object(object) = &program.files[member].content else { continue };
        let mut lost = vec![false; object.groups.len()];
        for (number, group) in object.groups.iter().enumerate() {
            let duplicate = group.comdat && !groups.insert(object.signature(group));
            apart += u64::from(!duplicate);
            if let Some(slot) = lost.get_mut(number) {
                *slot = duplicate;
            }
        }
        for (index, section) in object.sections.iter().enumerate().skip(1) {
            if matches!(section.kind, SHT_SYMTAB | SHT_SYMTAB_SHNDX | SHT_GROUP)
                || is_relocation_type(section.kind)
                || object.is_own_string_table(index as u32)
            {
                continue;
            }
            let relocated = section.reloc != 0;
            if section.group != 0 {
                if !lost.get(section.group as usize - 1).copied().unwrap_or(false) {
                    apart += 1 + u64::from(relocated);
                }
                continue;
            }
            *names.entry(object.section_name(index as u32)).or_insert(false) |= relocated;
        }
    }
    apart + names.values().map(|&relocated| 1 + u64::from(relocated)).sum::<u64>()
}

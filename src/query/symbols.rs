//! Symbols as names for sections: which symbol tells best what a section is, and how the bytes of a
//! section divide among its symbols. One pass over a file's symbol table.

use super::Analysis;
use crate::ids::{FileId, NameId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Place, Symbol};
use crate::program::{Content, Program};

/// How well a symbol names its section: functions and objects before the rest, global before local,
/// bigger before smaller.
type Rank = (bool, bool, u64);

fn rank(symbol: &Symbol) -> Rank {
    let typed = matches!(symbol.kind, STT_FUNC | STT_OBJECT | STT_TLS | STT_GNU_IFUNC);
    (typed, symbol.bind != STB_LOCAL, symbol.size)
}

fn names_something(symbol: &Symbol) -> bool {
    !matches!(symbol.kind, STT_SECTION | STT_FILE) && symbol.name != 0
}

/// By section index of a file: the symbol that names it best.
pub fn best_of_sections(program: &Program<'_>, file: FileId) -> Vec<Option<u32>> {
    let Content::Object(object) = &program.files[file].content else { return Vec::new() };
    let mut best: Vec<Option<(u32, Rank)>> = vec![None; object.sections.len()];
    for index in 1..object.symbol_count() {
        let Some(symbol) = object.symbol(index).filter(names_something) else { continue };
        let Place::Section(section) = symbol.place else { continue };
        let Some(slot) = best.get_mut(section as usize) else { continue };
        let own = rank(&symbol);
        if slot.is_none_or(|(_, other)| own > other) {
            *slot = Some((index, own));
        }
    }
    best.into_iter().map(|b| b.map(|(index, _)| index)).collect()
}

/// The name of a symbol of a file.
pub fn name<'d>(program: &Program<'d>, file: FileId, symbol: u32) -> &'d [u8] {
    let Content::Object(object) = &program.files[file].content else { return b"" };
    object.symbol(symbol).map_or(b"", |s| object.symbol_name(s.name))
}

/// The value of a global name's definition, if it lies in `section`.
pub fn value_in_section(analysis: &Analysis<'_>, name: NameId, section: SectionId) -> Option<u64> {
    let definition = analysis.resolution.definitions[name];
    if !definition.is_regular() {
        return None;
    }
    let file = &analysis.program.files[definition.file];
    let symbol = file.object()?.symbol(definition.symbol)?;
    match symbol.place {
        Place::Section(index) if file.section_id(index) == section => Some(symbol.value),
        _ => None,
    }
}

/// Calls `f` with section, name and bytes for each part of each section of a file: bytes of sized
/// symbols go to the symbol (of aliases, to the first), the rest to the section's own name.
pub fn divide(program: &Program<'_>, file: FileId, mut f: impl FnMut(SectionId, &[u8], u64)) {
    let input = &program.files[file];
    let Content::Object(object) = &input.content else {
        for section in program.sections_of(file).skip(1) {
            f(section, program.section_name(section), program.section_size(section));
        }
        return;
    };
    let mut spans: Vec<(u32, u64, u64, u32)> = Vec::new();
    for index in 1..object.symbol_count() {
        let Some(symbol) = object.symbol(index).filter(names_something) else { continue };
        if let (Place::Section(section), true) = (symbol.place, symbol.size > 0) {
            spans.push((section, symbol.value, symbol.size, index));
        }
    }
    spans.sort_unstable_by_key(|&(section, value, size, index)| {
        (section, value, std::cmp::Reverse(size), index)
    });
    let mut spans = spans.into_iter().peekable();
    for section in 1..object.sections.len() as u32 {
        let size = object.section_size(section);
        let id = input.section_id(section);
        let (mut end, mut named) = (0u64, 0u64);
        while let Some((_, value, length, index)) = spans.next_if(|s| s.0 <= section) {
            let from = value.max(end).min(size);
            let to = value.saturating_add(length).min(size);
            if to > from {
                f(id, name(program, file, index), to - from);
                named += to - from;
                end = to;
            }
        }
        if size > named {
            f(id, object.section_name(section), size - named);
        }
    }
}

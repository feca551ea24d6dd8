//! Constructors and destructors: the entries of `.init_array` and its kin, with the functions that they call.
//!
//! In: a section. Out: offset and function name of each entry; empty if the section is no such table.

use crate::ids::SectionId;
use crate::load::elf::Place;
use crate::load::elf::consts::{SHT_FINI_ARRAY, SHT_INIT_ARRAY, SHT_PREINIT_ARRAY, STT_FUNC, STT_SECTION};
use crate::program::Program;

const TABLES: [&[u8]; 5] = [b".init_array", b".fini_array", b".preinit_array", b".ctors", b".dtors"];

/// The entries of a table in order.
pub fn constructors<'d>(program: &Program<'d>, section: SectionId) -> Vec<(u64, &'d [u8])> {
    let (file, index) = program.locate(section);
    let Some(object) = program.files[file].object() else { return Vec::new() };
    let name = object.section_name(index);
    let named = |table: &&[u8]| {
        name.strip_prefix(*table).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
    };
    let kind = object.sections.get(index as usize).map(|r| r.kind);
    let typed = matches!(kind, Some(SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY));
    if !typed && !TABLES.iter().any(named) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for table in object.reloc_sections(index) {
        let Ok(table) = object.reloc_table(table) else { continue };
        table.for_each(|_, reloc| {
            let Some(symbol) = object.symbol(reloc.symbol).filter(|_| reloc.symbol != 0) else { return };
            let name = match (symbol.kind, symbol.place) {
                // Against a section: the function that stands there.
                (STT_SECTION, Place::Section(home)) => (1..object.symbol_count())
                    .filter_map(|i| object.symbol(i))
                    .find(|s| {
                        s.kind == STT_FUNC
                            && s.place == Place::Section(home)
                            && s.value as i64 == (symbol.value as i64).saturating_add(reloc.addend)
                    })
                    .map_or(&b""[..], |s| object.symbol_name(s.name)),
                _ => object.symbol_name(symbol.name),
            };
            found.push((reloc.offset, name));
        });
    }
    found.sort_unstable();
    found
}

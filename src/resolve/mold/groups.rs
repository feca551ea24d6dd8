//! mold's COMDAT choice: after extraction, the copy in the first file of the link stays.
//!
//! In: the files in the link. Out: losing members in [`Resolution::lost`] (mold
//! `do_resolve_symbols`, second part; GS 6.2).

use hashbrown::HashMap;

use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, NameId, SectionId};
use crate::load::elf::consts::STT_SECTION;
use crate::load::elf::{Group, Object, Place};
use crate::program::{InputFile, Program};
use crate::resolve::Resolution;

/// Chooses the copies.
pub(super) fn choose(program: &Program<'_>, out: &mut Resolution) {
    // First owner by name id, and by text for signatures that are no global name.
    let mut by_name: Vec<(FileId, u32)> = vec![(FileId(u32::MAX), 0); program.names.len()];
    let mut by_text: HashMap<&[u8], (FileId, u32), foldhash::fast::FixedState> = HashMap::default();
    for &file in &out.files {
        let input = &program.files[file];
        let Some(object) = input.object() else { continue };
        for group in &object.groups {
            if group.flags == 0 {
                continue;
            }
            let text = signature(object, group);
            // A malformed group of debug macros that gcc once made.
            if text.starts_with(b"wm4.") {
                continue;
            }
            if group.flags != 1 {
                let message = "unsupported SHT_GROUP format";
                out.diagnostics.push(Diagnostic::new(Severity::Error, program.label(file), message));
                continue;
            }
            let owner = match name_of(program, input, object, group, text) {
                Some(name) => &mut by_name[name.idx()],
                None => by_text.entry(text).or_insert((FileId(u32::MAX), 0)),
            };
            if owner.0.0 == u32::MAX {
                *owner = (file, group.section);
            }
            if owner.0 == file {
                continue;
            }
            let winner = program.files[owner.0].section_id(owner.1);
            let loser: SectionId = input.section_id(group.section);
            out.lost_to.push((loser, winner));
            for &member in object.members(group) {
                out.lost.insert(input.section_id(member).idx());
            }
        }
    }
}

/// The symbol's name, or the section's name for any section symbol.
fn signature<'d>(object: &Object<'d>, group: &Group) -> &'d [u8] {
    match object.symbol(group.symbol) {
        Some(symbol) if symbol.kind == STT_SECTION => match symbol.place {
            Place::Section(section) => object.section_name(section),
            _ => object.signature(group),
        },
        _ => object.signature(group),
    }
}

fn name_of(
    program: &Program<'_>,
    input: &InputFile<'_>,
    object: &Object<'_>,
    group: &Group,
    text: &[u8],
) -> Option<NameId> {
    let section_symbol = object.symbol(group.symbol).is_some_and(|s| s.kind == STT_SECTION);
    match input.global_name(group.symbol) {
        Some(name) if !section_symbol => Some(name),
        _ => program.names.find(text),
    }
}

//! Sections that gold takes out of an object while reading it, by name (gold `do_layout`).
//!
//! In: objects. Out: per file the short lists [`FileNotes`]; most files have none.

use rayon::prelude::*;

use crate::load::elf::consts::*;
use crate::load::elf::{HeadFilter, Object};
use crate::plan::OutputKind;
use crate::program::Program;

/// What is special about one file's sections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FileNotes {
    /// Consumed sections; symbols in them count as undefined.
    pub(super) omitted: Vec<u32>,
    /// Ungrouped `.gnu.linkonce` sections in order.
    pub(super) linkonce: Vec<u32>,
}

impl FileNotes {
    pub(super) fn is_empty(&self) -> bool {
        self.omitted.is_empty() && self.linkonce.is_empty()
    }
}

/// Notes on every file, by file number.
pub(super) fn note_all(program: &Program<'_>) -> Vec<FileNotes> {
    let shared = program.plan.output_kind == OutputKind::Shared;
    program
        .files
        .as_slice()
        .par_iter()
        .with_max_len(64)
        .map(|file| file.object().map_or_else(FileNotes::default, |object| note(object, shared)))
        .collect()
}

fn note(object: &Object<'_>, shared: bool) -> FileNotes {
    let mut notes = FileNotes::default();
    for (index, row) in object.sections.iter().enumerate().skip(1) {
        let index = index as u32;
        if is_consumed(object, index, row.kind, shared) {
            notes.omitted.push(index);
        } else if row.flags & SHF_GROUP == 0
            && row.kind != SHT_GROUP
            && object.name_begins(index, b".gnu.linkonce")
        {
            notes.linkonce.push(index);
        }
    }
    notes
}

/// GS 2: sections that gold consumes while reading: they are no nodes and never printed.
pub(crate) fn is_consumed(object: &Object<'_>, section: u32, kind: u32, shared: bool) -> bool {
    // Most names are none of these; their heads tell.
    const HEADS: [HeadFilter; 3] =
        [HeadFilter::begins(b".note."), HeadFilter::begins(b".gnu."), HeadFilter::begins(b".ARM.")];
    let head = object.head(section);
    if !HEADS.iter().any(|filter| filter.passes(head)) {
        return false;
    }
    let name = object.section_name(section);
    match name {
        b".note.GNU-stack" | b".gnu.attributes" => true,
        b".note.GNU-split-stack" | b".note.GNU-no-split-stack" => !shared,
        b".note.gnu.property" => kind == SHT_NOTE,
        b".ARM.attributes" => object.machine == EM_ARM,
        _ => name.starts_with(b".gnu.warning.") && !shared,
    }
}

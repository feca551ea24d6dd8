//! Where every winning definition lies, as one column: asked for each name again and again, and the symbol
//! tables of thousands of files are far apart.
//!
//! In: the program and the definitions. Out: [`Placed`] by name. Most are found by walking the symbol
//! tables in order; only names whose definition is spelled otherwise are looked up.

use rayon::prelude::*;

use super::{Definition, Resolution};
use crate::ids::{FileId, Id, NameId, SectionId, Table};
use crate::load::elf::Place;
use crate::load::elf::consts::STT_NOTYPE;
use crate::program::{Content, Program};

const NO_SECTION: u32 = u32::MAX;

/// Where a name's winning definition in an object or data file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    section: u32,
    /// STT_* of the defining symbol.
    pub kind: u8,
    /// It is a number, not an address.
    pub absolute: bool,
    known: bool,
}

impl Placed {
    const UNKNOWN: Placed = Placed { section: NO_SECTION, kind: STT_NOTYPE, absolute: false, known: false };

    /// The section, if it lies in one.
    #[inline]
    pub fn section(self) -> Option<SectionId> {
        (self.section != NO_SECTION).then_some(SectionId(self.section))
    }
}

/// The column; names without a regular definition lie nowhere.
pub(super) fn find(program: &Program<'_>, resolution: &Resolution) -> Table<NameId, Placed> {
    let mut placed = Table::filled(Placed::UNKNOWN, program.names.len());
    let of_file = |file: FileId| -> Vec<(NameId, Placed)> {
        let input = &program.files[file];
        let Some(object) = input.object().filter(|_| resolution.is_in_link(file)) else { return Vec::new() };
        let own = |&(symbol, &name): &(u32, &NameId)| {
            let definition = resolution.definitions[name];
            definition.is_regular() && definition.file == file && definition.symbol == symbol
        };
        let mentions = (object.first_global..).zip(&input.names).filter(own);
        mentions.map(|(_, &name)| (name, of(program, resolution.definitions[name]))).collect()
    };
    let files = (0..program.files.len()).into_par_iter().with_max_len(64);
    let lists: Vec<Vec<(NameId, Placed)>> = files.map(|number| of_file(FileId::from_usize(number))).collect();
    for (name, found) in lists.into_iter().flatten() {
        placed[name] = found;
    }
    for name in program.names.ids() {
        let definition = resolution.definitions[name];
        if definition.is_regular() && !placed[name].known {
            placed[name] = of(program, definition);
        }
    }
    placed
}

/// Where one definition lies.
pub(crate) fn of(program: &Program<'_>, definition: Definition) -> Placed {
    let nowhere = Placed { known: true, ..Placed::UNKNOWN };
    let Some(file) = program.files.get(definition.file) else { return nowhere };
    match &file.content {
        Content::Object(object) => {
            let Some(symbol) = object.symbol(definition.symbol) else { return nowhere };
            let section = match symbol.place {
                Place::Section(section) => file.section_id(section).0,
                _ => NO_SECTION,
            };
            Placed { section, kind: symbol.kind, absolute: symbol.place == Place::Absolute, known: true }
        }
        // The size of a data file is a number.
        Content::Binary(_) if definition.symbol < 2 => Placed { section: file.section_id(1).0, ..nowhere },
        _ => nowhere,
    }
}

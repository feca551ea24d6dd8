//! The shape of a table: how big an entry is and how it must be aligned, as far as the inputs tell.
//!
//! In: the table's input sections. Out: [`Shape`].

use crate::ids::SectionId;
use crate::load::elf::Place;
use crate::load::elf::consts::*;
use crate::query::Analysis;

/// What is known of a table's entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of one entry; 0 if the inputs do not tell.
    pub entry: u64,
    /// Objects, `sh_entsize` or many different sizes tell the entry's size; else it is a guess.
    pub certain: bool,
    /// The biggest alignment that an input asks for.
    pub align: u64,
}

impl Shape {
    /// How many entries so many bytes are.
    pub fn entries(&self, bytes: u64) -> Option<u64> {
        (self.entry > 0 && bytes.is_multiple_of(self.entry)).then(|| bytes / self.entry)
    }
}

/// Reads the shape: the size of the objects in it where all agree, else `sh_entsize`, else the greatest
/// distance at which sizes and relocations of all inputs repeat.
pub(super) fn of(analysis: &Analysis<'_>, sections: &[SectionId]) -> Shape {
    let program = &analysis.program;
    let mut shape = Shape::default();
    let (mut objects, mut entsize): (Option<u64>, Option<u64>) = (None, None);
    let (mut agree, mut step, mut relocs) = (true, 0u64, 0u64);
    let mut sizes: Vec<u64> = Vec::new();
    for &section in sections {
        let (file, index) = program.locate(section);
        let Some(object) = program.files[file].object() else { continue };
        let header = object.header(index);
        shape.align = shape.align.max(header.align);
        entsize = match (entsize, header.entsize) {
            (None, e) => Some(e),
            (Some(a), e) if a == e => Some(a),
            _ => Some(0),
        };
        let size = object.section_size(index);
        step = gcd(step, size);
        relocs = gcd(relocs, period(object, index));
        if sizes.len() < 3 && !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    let mut files: Vec<_> = sections.iter().map(|&s| program.locate(s).0).collect();
    files.sort_unstable();
    files.dedup();
    let own: std::collections::BTreeSet<SectionId> = sections.iter().copied().collect();
    for file in files {
        let f = &program.files[file];
        let Some(object) = f.object() else { continue };
        for symbol in (1..object.symbol_count()).filter_map(|s| object.symbol(s)) {
            let Place::Section(index) = symbol.place else { continue };
            if symbol.kind == STT_OBJECT && symbol.size > 0 && own.contains(&f.section_id(index)) {
                agree &= objects.is_none_or(|o| o == symbol.size);
                objects = Some(symbol.size);
            }
        }
    }
    (shape.entry, shape.certain) = match (objects.filter(|_| agree), entsize.filter(|e| *e > 1)) {
        (Some(size), _) => (size, true),
        (None, Some(size)) => (size, true),
        (None, None) if sizes.len() >= 3 => (step, true),
        (None, None) => (gcd(step, relocs), false),
    };
    shape
}

/// The greatest common distance of a section's relocations of one type; 0 if there are too few.
fn period(object: &crate::load::elf::Object<'_>, index: u32) -> u64 {
    let (mut step, mut first): (u64, Option<(u64, u32)>) = (0, None);
    for table in object.reloc_sections(index) {
        let Ok(table) = object.reloc_table(table) else { continue };
        table.for_each(|_, reloc| match first {
            None => first = Some((reloc.offset, reloc.kind)),
            Some((offset, kind)) if kind == reloc.kind => step = gcd(step, reloc.offset.abs_diff(offset)),
            Some(_) => {}
        });
    }
    step
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

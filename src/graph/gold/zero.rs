//! gold's section 0: undefined symbols and symbol index 0 count as references to section 0 of
//! their object, which matters only where something hangs on it: an `.ARM.exidx` section whose
//! `sh_link` is 0 (targets 7.3).

use fixedbitset::FixedBitSet;

use crate::graph::{Build, EdgeKind};
use crate::ids::{FileId, NodeId};
use crate::load::elf::Place;
use crate::load::elf::consts::{EM_ARM, SHT_ARM_EXIDX};
use crate::program::Program;
use crate::resolve::Resolution;

/// Objects whose section 0 has an edge.
pub(super) struct Files(FixedBitSet);

/// Finds them.
pub(super) fn files(program: &Program<'_>, resolution: &Resolution) -> Files {
    let mut files = FixedBitSet::with_capacity(program.files.len());
    for &file in &resolution.files {
        let Some(object) = program.files[file].object().filter(|o| o.machine == EM_ARM) else { continue };
        let mut rows = object.sections.iter().enumerate();
        if rows.any(|(i, row)| row.kind == SHT_ARM_EXIDX && object.header(i as u32).link == 0) {
            files.insert(file.idx());
        }
    }
    Files(files)
}

impl Files {
    /// Section 0 of a file, if it matters.
    pub(super) fn node(&self, program: &Program<'_>, file: FileId) -> Option<NodeId> {
        self.0.contains(file.idx()).then(|| NodeId(program.files[file].section_base))
    }
}

/// References by symbol index 0 and by undefined local symbols.
pub(super) fn add_edges(build: &mut Build<'_, '_>, files: &Files) {
    let program = build.program;
    for file in files.0.ones() {
        let file = FileId(file as u32);
        let input = &program.files[file];
        let Some(object) = input.object() else { continue };
        for (index, row) in object.sections.iter().enumerate().skip(1) {
            let section = input.section_id(index as u32);
            if row.reloc == 0 || !build.follow.contains(section.idx()) {
                continue;
            }
            let mut found = false;
            for table in object.reloc_sections(index as u32) {
                let Ok(table) = object.reloc_table(table) else { continue };
                table.for_each(|_, reloc| {
                    found |= reloc.symbol < object.first_global
                        && object.symbol(reloc.symbol).is_some_and(|s| s.place == Place::Undefined);
                });
            }
            if found {
                build.add_edge(NodeId(section.0), NodeId(input.section_base), EdgeKind::WithFile);
            }
        }
    }
}

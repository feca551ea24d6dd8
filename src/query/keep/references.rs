//! One pass over all relocations of the link: which sections something points at, and who uses the
//! bounds of tables.
//!
//! In: an analysis, the placement, the names of bounds. Out: [`References`]. "Points at" asks for any
//! relocation of an allocated section that is not discarded, live or dead, other than the section
//! itself (cli.md 3, LSW001).

use fixedbitset::FixedBitSet;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::statements::Placement;
use crate::graph::{Class, NO_NODE};
use crate::ids::{FileId, NameId, NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::{SHF_EXCLUDE, STB_LOCAL, STT_FUNC, STT_GNU_IFUNC, STT_SECTION};
use crate::query::Analysis;

/// A section that refers to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundUse {
    /// The section with the relocation.
    pub section: SectionId,
    /// Offset of the first relocation in it.
    pub offset: u64,
    /// How many relocations.
    pub count: u32,
    /// The section lives.
    pub live: bool,
}

/// What the pass found.
pub(super) struct References {
    /// By section: another allocated, undiscarded section points at it.
    pub pointed: FixedBitSet,
    /// By section: it defines a global symbol.
    pub global: FixedBitSet,
    /// By section: it defines a function.
    pub function: FixedBitSet,
    uses: HashMap<NameId, Vec<BoundUse>, foldhash::fast::FixedState>,
}

impl References {
    /// Allocated sections that refer to a name, in link order.
    pub(super) fn uses(&self, name: NameId) -> &[BoundUse] {
        self.uses.get(&name).map_or(&[], |u| u.as_slice())
    }
}

/// Whether a section's bytes stay in the output.
pub fn is_live(analysis: &Analysis<'_>, section: SectionId) -> bool {
    match analysis.graph.class[section] {
        Class::Kept | Class::Pieces => true,
        Class::Node => analysis.liveness.is_live(NodeId(section.0)),
        _ => false,
    }
}

/// Runs the pass; `names` are the bounds asked for.
pub(super) fn references(analysis: &Analysis<'_>, placement: &Placement, names: &[NameId]) -> References {
    let program = &analysis.program;
    let mut wanted = FixedBitSet::with_capacity(program.names.len());
    for name in names {
        wanted.insert(name.idx());
    }
    type Part = (Vec<u32>, Vec<(NameId, BoundUse)>);
    let parts: Vec<Part> = analysis
        .resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| of_file(analysis, placement, &wanted, file))
        .collect();
    let mut out = References {
        pointed: FixedBitSet::with_capacity(program.section_count as usize),
        global: FixedBitSet::with_capacity(program.section_count as usize),
        function: FixedBitSet::with_capacity(program.section_count as usize),
        uses: HashMap::default(),
    };
    for &file in &analysis.resolution.files {
        let f = &program.files[file];
        let Some(object) = f.object() else { continue };
        for symbol in (1..object.symbol_count()).filter_map(|s| object.symbol(s)) {
            let Place::Section(index) = symbol.place else { continue };
            let section = f.section_id(index).idx();
            if symbol.bind != STB_LOCAL && symbol.kind != STT_SECTION {
                out.global.insert(section);
            }
            if matches!(symbol.kind, STT_FUNC | STT_GNU_IFUNC) {
                out.function.insert(section);
            }
        }
    }
    for (targets, uses) in parts {
        for target in targets {
            out.pointed.insert(target as usize);
        }
        for (name, found) in uses {
            out.uses.entry(name).or_default().push(found);
        }
    }
    out
}

fn of_file(
    analysis: &Analysis<'_>,
    placement: &Placement,
    wanted: &FixedBitSet,
    file: FileId,
) -> (Vec<u32>, Vec<(NameId, BoundUse)>) {
    let (program, graph) = (&analysis.program, &analysis.graph);
    let f = &program.files[file];
    let (mut hits, mut uses) = (Vec::new(), Vec::new());
    let Some(object) = f.object() else { return (hits, uses) };
    let targets = graph.targets.get(file.idx()).map_or(&[][..], |t| t.as_slice());
    let bound = |symbol: u32| f.global_name(symbol).filter(|n| wanted.contains(n.idx()));
    let has_bounds = f.names.iter().any(|n| wanted.contains(n.idx()));
    for index in 1..object.sections.len() as u32 {
        let (Some(row), from) = (object.sections.get(index as usize), f.section_id(index)) else { continue };
        let apart = row.flags & SHF_EXCLUDE != 0 || analysis.resolution.is_lost(from);
        if !row.is_alloc() || row.reloc == 0 || apart || placement.is_discarded(from) {
            continue;
        }
        let live = is_live(analysis, from);
        let mut last = NO_NODE;
        let first_use = uses.len();
        for table in object.reloc_sections(index) {
            let Ok(table) = object.reloc_table(table) else { continue };
            table.for_each(|_, reloc| {
                let target = targets.get(reloc.symbol as usize).copied().unwrap_or(NO_NODE);
                if target != last && target != from.0 && (target as usize) < graph.section_count() {
                    hits.push(target);
                    last = target;
                }
                let Some(name) = has_bounds.then(|| bound(reloc.symbol)).flatten() else { return };
                let own = uses.get_mut(first_use..).unwrap_or_default();
                match own.iter_mut().find(|(n, _): &&mut (NameId, BoundUse)| *n == name) {
                    Some((_, found)) => found.count = found.count.saturating_add(1),
                    None => {
                        uses.push((name, BoundUse { section: from, offset: reloc.offset, count: 1, live }))
                    }
                }
            });
        }
    }
    (hits, uses)
}

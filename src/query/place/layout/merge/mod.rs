//! Mergeable inputs of an output section at the size that they have once equal entries are put
//! together.
//!
//! In: output sections with their inputs. Out: the same with sizes as the linker makes them. A file
//! per linker says which inputs meet and what becomes of each. Always true: an output section whose
//! merged size cannot be told keeps [`Made::Merged`] and the sizes of its inputs.

mod bfd;
mod lld;
mod mold;

use super::Made;
use super::build::{Item, Out};
use super::gather::Input;
use crate::ids::{Id as _, SectionId};
use crate::load::elf::consts::*;
use crate::plan::{Flavor, OutputKind};
use crate::query::{Analysis, fate, pieces};

/// A mergeable input section, and where its [`Input`] stands in the output section.
#[derive(Debug, Clone, Copy)]
struct Entry<'d> {
    item: usize,
    position: usize,
    section: SectionId,
    data: &'d [u8],
    /// Entry size in bytes.
    entsize: usize,
    /// Alignment in bytes.
    align: u64,
    /// Entries are strings.
    strings: bool,
    /// It has relocations.
    relocated: bool,
}

/// Merges in all output sections.
pub(super) fn merge(analysis: &Analysis<'_>, outs: &mut [Out<'_>]) {
    let plan = analysis.program.plan;
    if plan.output_kind == OutputKind::Relocatable {
        return;
    }
    let order = link_order(analysis);
    let by_piece =
        matches!(plan.profile.flavor, Flavor::Lld | Flavor::Mold) && fate::collects(&analysis.program);
    let live = by_piece.then(|| pieces::live_pieces(analysis));
    for out in outs.iter_mut().filter(|o| !o.skipped) {
        let Some(mut entries) = entries(analysis, out, &order) else { continue };
        if entries.is_empty() {
            continue;
        }
        let exact = match plan.profile.flavor {
            Flavor::Bfd => bfd::merge(out, &entries),
            Flavor::Lld => {
                entries.sort_by_key(|e| (e.item, e.position));
                lld::merge(plan, out, &entries, live.as_ref())
            }
            Flavor::Mold => mold::merge(out, &entries, live.as_ref()),
            Flavor::Gold => false,
        };
        if exact && out.made == Some(Made::Merged) {
            out.made = None;
        }
    }
}

/// The place of every section in link order, by its number.
fn link_order(analysis: &Analysis<'_>) -> Vec<u32> {
    let mut order = vec![u32::MAX; analysis.graph.class.len()];
    let mut next = 0u32;
    for &file in &analysis.resolution.files {
        for section in analysis.program.sections_of(file) {
            if let Some(place) = order.get_mut(section.index()) {
                *place = next;
            }
            next = next.saturating_add(1);
        }
    }
    order
}

/// The mergeable inputs of an output section in link order; `None` if one cannot be read.
fn entries<'d>(analysis: &Analysis<'d>, out: &Out<'_>, order: &[u32]) -> Option<Vec<Entry<'d>>> {
    let program = &analysis.program;
    let mut found = Vec::new();
    for (item, position, input, section) in out.sections() {
        if input.flags & SHF_MERGE == 0 {
            continue;
        }
        if input.flags & SHF_COMPRESSED != 0 {
            return None;
        }
        let (file, index) = program.locate(section);
        let object = program.files[file].object()?;
        let row = object.sections.get(index as usize)?;
        found.push(Entry {
            item,
            position,
            section,
            data: object.section_data(index)?,
            entsize: usize::try_from(object.header(index).entsize).ok()?,
            align: input.align,
            strings: input.flags & SHF_STRINGS != 0,
            relocated: row.reloc != 0,
        });
    }
    found.sort_by_key(|e| order.get(e.section.index()).copied());
    Some(found)
}

/// The input that an entry is about.
fn input_mut<'o>(out: &'o mut Out<'_>, entry: &Entry<'_>) -> Option<&'o mut Input> {
    match out.items.get_mut(entry.item)? {
        Item::Inputs(list) => list.get_mut(entry.position),
        _ => None,
    }
}

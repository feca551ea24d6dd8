//! The memory region of every input section, for sums by region.
//!
//! In: an analysis. Out: [`RegionsOfSections`]. A section counts in the region it runs in; the region
//! it is loaded from is told by [`super::layout::Layout::regions`] alone, so that sums add up.

use bstr::{BStr, BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::layout::layout;
use super::{Analysis, Spot, place};
use crate::ids::{SectionId, Table};

/// The key of what lies in no region of MEMORY.
pub const NO_REGION: &str = "(no region)";

/// Regions by section.
pub struct RegionsOfSections {
    names: Vec<BString>,
    of: Table<SectionId, u32>,
}

impl RegionsOfSections {
    /// The name of a section's region, or [`NO_REGION`].
    pub fn name_of(&self, section: SectionId) -> &BStr {
        let number = self.of.get(section).copied().unwrap_or(u32::MAX);
        self.names.get(number as usize).map_or(BStr::new(NO_REGION), |n| n.as_bstr())
    }
}

/// Finds them: by the output section that a section goes to, or would go to.
pub fn regions_of_sections(analysis: &Analysis<'_>) -> RegionsOfSections {
    let placement = place(analysis);
    let layout = layout(analysis, &placement);
    let names = layout.regions.iter().map(|r| r.name.clone()).collect();
    let mut by_statement: Vec<u32> = vec![u32::MAX; placement.outputs().len()];
    for (slot, region) in by_statement.iter_mut().zip(&layout.region_of_statement) {
        *slot = region.unwrap_or(u32::MAX);
    }
    let mut by_name: HashMap<&BStr, Option<u32>, FixedState> = HashMap::default();
    for output in &layout.outputs {
        by_name.entry(output.name.as_bstr()).or_insert(output.region);
    }
    let of = placement
        .spots
        .enumerate()
        .map(|(section, spot)| match spot {
            Spot::Statement(id) => {
                let output = placement.statements().get(*id).map_or(usize::MAX, |s| s.output_number as usize);
                by_statement.get(output).copied().unwrap_or(u32::MAX)
            }
            Spot::Orphan(_) | Spot::Rule(_) => {
                let name = placement.output_of(section);
                name.and_then(|n| by_name.get(n)).copied().flatten().unwrap_or(u32::MAX)
            }
            Spot::Nowhere => u32::MAX,
        })
        .collect();
    RegionsOfSections { names, of: Table::from_vec(of) }
}

//! The linkers' own lines, spelled as each prints them (`--format=linker`).

mod bfd;
mod gold;
mod lld;
mod mold;

use super::Analysis;
use crate::plan::Flavor;

/// The lines of `--print-gc-sections`, without the program prefix of bfd and gold, in the
/// linker's order (mold: file order).
pub fn removed_lines(analysis: &Analysis<'_>) -> Vec<Vec<u8>> {
    match analysis.program.plan.profile.flavor {
        Flavor::Bfd => bfd::removed(analysis),
        Flavor::Gold => gold::removed(analysis),
        Flavor::Lld => lld::removed(analysis),
        Flavor::Mold => mold::removed(analysis),
    }
}

/// The linker's report of extracted members, complete; `None` if the linker has no such report.
pub fn extraction_report(analysis: &Analysis<'_>) -> Option<Vec<u8>> {
    match analysis.program.plan.profile.flavor {
        Flavor::Bfd => bfd::extraction(analysis),
        Flavor::Gold => gold::extraction(analysis),
        Flavor::Lld => lld::extraction(analysis),
        Flavor::Mold => mold::extraction(analysis),
    }
}

//! What the modelled linker would refuse once it knows what lives: duplicate and undefined symbols
//! and the like. The answer stays complete; these are the reasons for exit status 2.

mod bfd;
mod gold;
mod lld;
mod mold;
mod scan;

use super::Analysis;
use crate::error::Diagnostic;
use crate::plan::Flavor;

/// All reasons, beside those already found in program and resolution.
pub fn refusals(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    match analysis.program.plan.profile.flavor {
        Flavor::Bfd => bfd::refusals(analysis),
        Flavor::Mold => mold::refusals(analysis),
        Flavor::Lld => lld::refusals(analysis),
        Flavor::Gold => gold::refusals(analysis),
    }
}

//! What the modelled linker would refuse once it knows what lives: duplicate and undefined symbols
//! and the like. The answer stays complete; these are the reasons for exit status 2.

mod bfd;
mod gold;
mod lld;
mod mold;
mod scan;

use super::Analysis;
use crate::error::{Diagnostic, Severity};
use crate::plan::Flavor;

/// All reasons, beside those already found in program and resolution.
pub fn refusals(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let mut all = match analysis.program.plan.profile.flavor {
        Flavor::Bfd => bfd::refusals(analysis),
        Flavor::Mold => mold::refusals(analysis),
        Flavor::Lld => lld::refusals(analysis),
        Flavor::Gold => gold::refusals(analysis),
    };
    // What intermediate code really refers to shows after code generation: less may live than we
    // keep, so what dead code would break is possible, not certain.
    let program = &analysis.program;
    if analysis.resolution.files.iter().any(|&f| program.files[f].is_stand_in()) {
        for diagnostic in all.iter_mut().filter(|d| d.severity == Severity::Error) {
            diagnostic.severity = Severity::Warning;
            diagnostic.message.push_str(" (possible: code generation decides what refers to it)");
        }
    }
    all
}

//! Nodes, edges and roots as mold sees them (GS 2, 4, 5, 6).

use super::{Build, RootSet, SectionGraph};
use crate::program::Program;
use crate::resolve::Resolution;

/// Builds graph and roots.
pub(super) fn build<'d>(program: &Program<'d>, resolution: &Resolution) -> (SectionGraph<'d>, RootSet) {
    let build = Build::new(program, resolution);
    (build.finish(), RootSet::default())
}

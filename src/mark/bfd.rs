//! bfd's marking: the closure, then the order-dependent walk over the files (GS 6.3, 6.6, 11).

use super::{Liveness, Marker};
use crate::graph::{RootSet, SectionGraph};
use crate::program::Program;
use crate::resolve::Resolution;

/// Marks everything that bfd keeps.
pub(super) fn mark(
    program: &Program<'_>,
    _: &Resolution,
    graph: &SectionGraph<'_>,
    roots: &RootSet,
) -> Liveness {
    let mut marker = Marker::new(program, graph);
    for root in &roots.roots {
        marker.add(root.node);
    }
    marker.run();
    Liveness { live: marker.live, staged: Vec::new() }
}

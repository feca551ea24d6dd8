//! Edges that a question takes away (`what-if`): nothing is rebuilt, the walk passes them by.
//!
//! In: single relocations and edges. Out: [`Cuts`], asked for each edge of a graph that has any.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::ids::{NodeId, SectionId};
use crate::load::relocs::Reloc;

/// Taken away edges; none by default.
#[derive(Debug, Clone, Default)]
pub struct Cuts {
    /// Section, offset, symbol.
    relocations: HashSet<(SectionId, u64, u32), FixedState>,
    edges: HashSet<(NodeId, NodeId), FixedState>,
}

impl Cuts {
    /// Whether nothing is cut.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.relocations.is_empty() && self.edges.is_empty()
    }

    /// Number of relocations and edges.
    pub fn len(&self) -> usize {
        self.relocations.len() + self.edges.len()
    }

    /// Takes a relocation of a section away.
    pub fn cut_relocation(&mut self, section: SectionId, reloc: &Reloc) {
        self.relocations.insert((section, reloc.offset, reloc.symbol));
    }

    /// Takes an edge away that is no relocation.
    pub fn cut_edge(&mut self, from: NodeId, to: NodeId) {
        self.edges.insert((from, to));
    }

    /// Whether a relocation is taken away.
    pub fn relocation(&self, section: SectionId, reloc: &Reloc) -> bool {
        self.relocations.contains(&(section, reloc.offset, reloc.symbol))
    }

    /// Whether another edge is taken away.
    pub fn edge(&self, from: NodeId, to: NodeId) -> bool {
        self.edges.contains(&(from, to))
    }
}

//! Questions about a finished analysis: one file per question, plain complete data out.

pub mod added;
pub mod check;
pub mod compare;
pub mod dead;
pub mod diff;
pub mod dominators;
pub mod fate;
pub mod finding;
pub mod finished;
pub mod inputs;
pub mod keep;
pub mod kernel;
pub mod linediff;
pub mod listing;
pub mod members;
pub mod pieces;
pub mod place;
pub mod portrait;
pub mod refusals;
pub mod retained;
pub mod sections;
pub mod select;
pub mod symbols;
pub mod totals;
pub mod undefined;
pub mod what_if;
pub mod why;

use crate::graph::{RootSet, SectionGraph};
use crate::mark::Liveness;
use crate::program::Program;
use crate::resolve::Resolution;

/// The finished values that every question borrows.
pub struct Analysis<'d> {
    /// The tables.
    pub program: Program<'d>,
    /// Definitions, members, COMDAT copies.
    pub resolution: Resolution,
    /// Nodes and edges.
    pub graph: SectionGraph<'d>,
    /// Roots.
    pub roots: RootSet,
    /// What lives.
    pub liveness: Liveness,
}

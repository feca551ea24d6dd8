//! What would go if one thing went: dominators over the live graph from a super-root over all roots.

pub mod live_graph;

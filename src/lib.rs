//! linksweep reads everything a link is made of, builds the section-and-symbol reachability
//! graph, and tells, without linking, exactly what `--gc-sections` or on-demand archive linking
//! would drop, and why each thing lives or dies.
//!
//! Data walks one way; the modules below are listed in that order. A module imports only those
//! above it.

// Floor 0: no files, no ELF, no printing.
pub mod error;
pub mod ids;

// Floor 1: what the linker was asked to do.
pub mod plan;
pub mod script;

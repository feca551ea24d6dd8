//! linksweep reads everything a link is made of, builds the section-and-symbol reachability
//! graph, and tells, without linking, exactly what `--gc-sections` or on-demand archive linking
//! would drop, and why each thing lives or dies.
//!
//! Data walks one way; the modules below are listed in that order. A module imports only those
//! above it.

// Floor 0: no files, no ELF, no printing.
pub mod demangle;
pub mod error;
pub mod ids;

// Floor 1: what the linker was asked to do.
pub mod plan;
pub mod script;

// Floor 2: bytes of the inputs.
pub mod load;

// Floor 3: the program as tables.
pub mod program;

// Floor 4: definitions, members, group copies.
pub mod resolve;

// Floor 5: nodes, edges, roots.
pub mod graph;

// Floor 6: what lives.
pub mod mark;

// Floor 7: questions and their answers as plain data.
pub mod query;

// Floor 8: answers as text, JSON and tables.
pub mod report;

// Floor 9: the shell.
pub mod cli;

use error::Result;
use load::{FileStore, OpenedLink};
use plan::LinkPlan;
use query::Analysis;

/// Opens every input of a plan. The result owns all bytes; [`analyze`] borrows from it.
///
/// # Errors
/// A missing or malformed input, named.
pub fn open(plan: &LinkPlan) -> Result<OpenedLink> {
    load::open(plan, FileStore::default())
}

/// Runs every phase on an opened link: tables, resolution, graph, marking.
///
/// # Errors
/// An input that cannot take part in the link at all.
pub fn analyze<'d>(plan: &'d LinkPlan, link: &'d OpenedLink) -> Result<Analysis<'d>> {
    analyze_observed(plan, link, |_| {})
}

/// As [`analyze`]; `done` is told the name of each phase when it ends.
///
/// # Errors
/// As [`analyze`].
pub fn analyze_observed<'d>(
    plan: &'d LinkPlan,
    link: &'d OpenedLink,
    mut done: impl FnMut(&'static str),
) -> Result<Analysis<'d>> {
    let program = program::build(plan, link)?;
    done("tables");
    let resolution = resolve::resolve(&program);
    done("resolution");
    let (graph, roots) = graph::build(&program, &resolution);
    done("graph");
    let liveness = mark::mark(&program, &resolution, &graph, &roots);
    done("marking");
    Ok(Analysis { program, resolution, graph, roots, liveness })
}

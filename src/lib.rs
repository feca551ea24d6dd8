//! linksweep reads everything a link is made of, builds the section-and-symbol reachability
//! graph, and tells, without linking, exactly what `--gc-sections` or on-demand archive linking
//! would drop, and why each thing lives or dies.
//!
//! Data walks one way; the modules below are listed in that order. A module imports only those
//! above it.
//!
//! A link is read in three steps: a command line becomes a [`plan::LinkPlan`], [`open`] opens every
//! input, [`analyze`] runs the phases. Questions about the result are functions of [`query`]:
//!
//! ```
//! use linksweep::plan::{self, Overrides};
//! use linksweep::query::{dead, members};
//!
//! # fn main() -> Result<(), linksweep::error::Error> {
//! # let folder = std::env::temp_dir().join(format!("linksweep-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).unwrap();
//! # std::fs::write(folder.join("libempty.a"), b"!<arch>\n").unwrap();
//! # let mut words: Vec<std::ffi::OsString> = vec!["--gc-sections".into()];
//! # words.push(folder.join("libempty.a").into());
//! // `words` is a linker command line, such as `ld.lld --gc-sections main.o libx.a`.
//! let plan = plan::parse_command(&words, &Overrides::default())?;
//! let link = linksweep::open(&plan)?;
//! let analysis = linksweep::analyze(&plan, &link)?;
//!
//! let answer = dead::dead(&analysis, &[]);
//! let totals = &answer.totals;
//! assert_eq!(totals.kept.bytes + totals.dropped.bytes, totals.sum().bytes - totals.dropped_pieces
//!     - totals.group_duplicates.bytes - totals.discarded.bytes - totals.not_extracted.bytes
//!     - totals.not_a_candidate.bytes);
//! for row in &answer.dropped {
//!     let name = String::from_utf8_lossy(analysis.program.section_name(row.section));
//!     println!("{:8} {name} of {}", row.bytes, analysis.program.label(row.file));
//! }
//! let taken = members::members(&analysis, false);
//! println!("{} archive members are in the link", taken.rows.len());
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok(())
//! # }
//! ```

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

// Floor 8: saved links.
pub mod snapshot;

// Floor 9: answers as text, JSON and tables.
pub mod report;

// Floor 10: the shell.
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

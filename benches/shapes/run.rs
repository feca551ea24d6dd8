//! One link through the phases, each a function that is never inlined.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use std::hint::black_box;
use std::path::Path;

use linksweep::error::Diagnostic;
use linksweep::graph::{RootSet, SectionGraph};
use linksweep::load::{FileStore, OpenedLink};
use linksweep::mark::Liveness;
use linksweep::plan::{self, LinkPlan, Overrides, ProfileSpec};
use linksweep::program::Program;
use linksweep::query::{Analysis, dead, finding, listing};
use linksweep::resolve::Resolution;

use super::shapes::Link;

/// The linkers whose rules are measured.
pub const LINKERS: [&str; 4] = ["bfd", "gold", "lld@19.1.7", "mold"];

/// The phases in order.
pub const PHASES: [&str; 8] =
    ["load", "tables", "resolve", "graph", "mark", "refusals", "listing", "accounting"];

/// Whether the linker can read the shape: mold has no scripts with SECTIONS.
pub fn reads(linker: &str, shape: &str) -> bool {
    linker != "mold" || shape != "kernel"
}

/// The plan of a link by a linker's rules.
pub fn plan_of(link: &Link, linker: &str, folder: &Path) -> LinkPlan {
    let words: Vec<std::ffi::OsString> =
        std::iter::once("ld").chain(link.words.iter().map(String::as_str)).map(Into::into).collect();
    let linker = ProfileSpec::parse(linker).expect("a known linker");
    let overrides = Overrides { linker: Some(linker), directory: folder.into(), ..Overrides::default() };
    plan::parse_command(&words, &overrides).expect("a command line")
}

#[inline(never)]
pub fn phase_load(plan: &LinkPlan, store: FileStore) -> OpenedLink {
    black_box(linksweep::load::open(plan, store).expect("inputs"))
}

#[inline(never)]
pub fn phase_tables<'d>(plan: &'d LinkPlan, link: &'d OpenedLink) -> Program<'d> {
    black_box(linksweep::program::build(plan, link).expect("tables"))
}

#[inline(never)]
pub fn phase_resolve(program: &Program<'_>) -> Resolution {
    black_box(linksweep::resolve::resolve(program))
}

#[inline(never)]
pub fn phase_graph<'d>(program: &Program<'d>, resolution: &Resolution) -> (SectionGraph<'d>, RootSet) {
    black_box(linksweep::graph::build(program, resolution))
}

#[inline(never)]
pub fn phase_mark(
    program: &Program<'_>,
    resolution: &Resolution,
    graph: &SectionGraph<'_>,
    roots: &RootSet,
) -> Liveness {
    black_box(linksweep::mark::mark(program, resolution, graph, roots))
}

#[inline(never)]
pub fn phase_refusals(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    black_box(finding::diagnostics(analysis))
}

#[inline(never)]
pub fn phase_listing(analysis: &Analysis<'_>) -> Vec<u8> {
    black_box(listing::removed_text(analysis))
}

#[inline(never)]
pub fn phase_accounting(analysis: &Analysis<'_>) -> u64 {
    black_box(dead::dead(analysis, &[]).totals.dropped.bytes)
}

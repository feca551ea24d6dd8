//! Wall time of each phase on the common shapes, by each linker's rules: `cargo bench --bench phases`.
//!
//! For a guard against slow code use `--bench instructions`: times of a busy machine mean little.
#![allow(clippy::expect_used)]

#[path = "shapes/run.rs"]
mod run;
mod shapes;

use std::path::Path;

use divan::{Bencher, counter::ItemsCount};
use linksweep::load::{FileStore, OpenedLink};
use linksweep::plan::LinkPlan;
use linksweep::query::Analysis;
use shapes::{Link, PHASE_SHAPES};

const SECTIONS: usize = 50_000;
const FOLDER: &str = "/linksweep-no-such-folder";

/// Every shape by every linker's rules.
fn cases() -> impl Iterator<Item = Case> {
    let all =
        PHASE_SHAPES.iter().flat_map(|&shape| run::LINKERS.iter().map(move |&linker| Case { shape, linker }));
    all.filter(|case| run::reads(case.linker, case.shape))
}

#[derive(Clone, Copy)]
struct Case {
    shape: &'static str,
    linker: &'static str,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.shape, self.linker)
    }
}

impl Case {
    fn link(self) -> (Link, LinkPlan) {
        let link = shapes::link(self.shape, SECTIONS).expect("a shape");
        // Scripts and other texts are read with the plan, from a folder.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("phases-{}", self.shape));
        link.write(&folder).expect("a folder that can be written");
        let mut plan = run::plan_of(&link, self.linker, &folder);
        plan.directory = FOLDER.into();
        (link, plan)
    }
}

fn store(link: &Link) -> FileStore {
    let mut store = FileStore::default();
    for (name, bytes) in &link.files {
        store.add_memory(Path::new(FOLDER).join(name), bytes.clone());
    }
    store
}

fn opened(case: Case) -> (LinkPlan, OpenedLink) {
    let (link, plan) = case.link();
    let opened = run::phase_load(&plan, store(&link));
    (plan, opened)
}

fn with_analysis(case: Case, f: impl FnOnce(&Analysis<'_>)) {
    let (plan, link) = opened(case);
    f(&linksweep::analyze(&plan, &link).expect("analysis"));
}

#[divan::bench(args = cases())]
fn load(bencher: Bencher<'_, '_>, case: Case) {
    let (link, plan) = case.link();
    bencher
        .counter(ItemsCount::new(SECTIONS))
        .with_inputs(|| store(&link))
        .bench_values(|store| run::phase_load(&plan, store));
}

#[divan::bench(args = cases())]
fn tables(bencher: Bencher<'_, '_>, case: Case) {
    let (plan, link) = opened(case);
    bencher.counter(ItemsCount::new(SECTIONS)).bench(|| run::phase_tables(&plan, &link).section_count);
}

#[divan::bench(args = cases())]
fn resolve(bencher: Bencher<'_, '_>, case: Case) {
    with_analysis(case, |a| {
        bencher.counter(ItemsCount::new(SECTIONS)).bench(|| run::phase_resolve(&a.program));
    });
}

#[divan::bench(args = cases())]
fn graph(bencher: Bencher<'_, '_>, case: Case) {
    with_analysis(case, |a| {
        let bencher = bencher.counter(ItemsCount::new(SECTIONS));
        bencher.bench(|| run::phase_graph(&a.program, &a.resolution).1);
    });
}

#[divan::bench(args = cases())]
fn mark(bencher: Bencher<'_, '_>, case: Case) {
    with_analysis(case, |a| {
        let bencher = bencher.counter(ItemsCount::new(SECTIONS));
        bencher.bench(|| run::phase_mark(&a.program, &a.resolution, &a.graph, &a.roots));
    });
}

#[divan::bench(args = cases())]
fn refusals(bencher: Bencher<'_, '_>, case: Case) {
    with_analysis(case, |a| bencher.counter(ItemsCount::new(SECTIONS)).bench(|| run::phase_refusals(a)));
}

#[divan::bench(args = cases())]
fn listing(bencher: Bencher<'_, '_>, case: Case) {
    with_analysis(case, |a| bencher.counter(ItemsCount::new(SECTIONS)).bench(|| run::phase_listing(a)));
}

#[divan::bench(args = cases())]
fn accounting(bencher: Bencher<'_, '_>, case: Case) {
    with_analysis(case, |a| bencher.counter(ItemsCount::new(SECTIONS)).bench(|| run::phase_accounting(a)));
}

fn main() {
    divan::main();
}

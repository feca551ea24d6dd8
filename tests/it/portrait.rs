//! A portrait says what the analysis says: sections, fates, edges, symbols, what lives.
//!
//! In: the links of `tests/cases`, by every linker's rules. Out: one test per link and linker.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fixedbitset::FixedBitSet;
use libtest_mimic::Failed;
use linksweep::graph::EdgeKind;
use linksweep::ids::{Id, NodeId};
use linksweep::plan::{self, Overrides, ProfileSpec};
use linksweep::query::Analysis;
use linksweep::query::dead;
use linksweep::query::fate;
use linksweep::query::finished::Finished;
use linksweep::query::portrait::{Portrait, has_row};
use linksweep::query::retained::{By, Forest, one, retained, stacks};
use linksweep::query::select::{Selection, SortBy};
use linksweep::query::what_if::kill::kill;
use linksweep::report;
use linksweep::resolve::DefKind;
use linksweep::snapshot::{self, PathRoots};

use crate::case::{Case, Link};
use crate::linkers::LinkerId;

/// Calls `then` with the analysis of a link, unless the linker refuses the link at once.
pub fn with_analysis(
    case: &Case,
    link: &Link,
    linker: LinkerId,
    then: impl FnOnce(&Analysis<'_>) -> Result<(), String>,
) -> Result<(), Failed> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    case.materialise(dir.path()).map_err(|e| format!("{}: {e}", case.name))?;
    let overrides = Overrides {
        linker: Some(ProfileSpec::parse(linker.profile()).map_err(|e| e.to_string())?),
        directory: dir.path().to_path_buf(),
        assume_gc: true,
        ..Overrides::default()
    };
    let mut words: Vec<std::ffi::OsString> = Vec::new();
    if !case.prefix.is_empty() && matches!(linker, LinkerId::Bfd | LinkerId::Gold) {
        words.push(format!("{}ld.{}", case.prefix, linker.name()).into());
    }
    words.extend(link.words.iter().map(Into::into));
    let Ok(plan) = plan::parse_command(&words, &overrides) else { return Ok(()) };
    let Ok(opened) = linksweep::open(&plan) else { return Ok(()) };
    let Ok(analysis) = linksweep::analyze(&plan, &opened) else { return Ok(()) };
    Ok(then(&analysis)?)
}

/// Compares one link.
pub fn check(case: &Case, link: &Link, linker: LinkerId) -> Result<(), Failed> {
    with_analysis(case, link, linker, compare)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found:?} instead of {wanted:?}")) }
}

fn compare(analysis: &Analysis<'_>) -> Result<(), String> {
    let portrait = Portrait::of(analysis);
    let (program, graph) = (&analysis.program, &analysis.graph);
    same("totals", portrait.head.totals, dead::dead(analysis, &[]).totals)?;
    let fates = fate::fates(analysis);
    let mut rows: BTreeMap<NodeId, u32> = BTreeMap::new();
    let mut next = 0u32;
    for file in program.file_ids() {
        same("file", portrait.label(file.0), dead::file_label(program, file))?;
        same("in link", portrait.is_in_link(file.0), analysis.resolution.is_in_link(file))?;
        let first = next;
        for section in program.sections_of(file).filter(|_| analysis.resolution.is_in_link(file)) {
            if !has_row(analysis, section) {
                continue;
            }
            rows.insert(NodeId(section.0), next);
            same("name", portrait.section_name(next), program.section_name(section))?;
            same("size", portrait.size(next), program.section_size(section))?;
            same("fate", portrait.fate(next), fates[section])?;
            same("sort", portrait.sort(next), dead::kind_of(program, section))?;
            same("file of", portrait.file_of(next), file.0)?;
            next += 1;
        }
        same("sections", portrait.sections_of(file.0), first..next)?;
    }
    same("section count", portrait.section_count(), next as usize)?;
    for extra in graph.section_count()..graph.node_count() {
        rows.insert(NodeId::from_usize(extra), next);
        next += 1;
    }
    same("nodes", portrait.node_count(), next as usize)?;
    for (&node, &row) in &rows {
        same("live", portrait.is_live(row), analysis.liveness.is_live(node))?;
        let lost = graph.section(node).is_some_and(|s| analysis.resolution.is_lost(s));
        let mut wanted: BTreeSet<u32> = BTreeSet::new();
        if !lost || analysis.liveness.is_live(node) {
            graph.for_each_edge(program, node, |to, _| wanted.extend(rows.get(&to)));
        }
        let found: BTreeSet<u32> = portrait.targets(row).iter().copied().collect();
        same("edges", found.len(), portrait.targets(row).len())?;
        same("targets", found, wanted)?;
        for edge in portrait.edges_of(row) {
            let told = portrait.edge_symbol(edge);
            if portrait.edge_kind(edge) == EdgeKind::Relocation && portrait.edges.count[edge] > 0 {
                let name = told.map(|t| t.name).ok_or("a relocation without symbol")?;
                same("symbol of a relocation", name < portrait.strings.len() as u32, true)?;
            }
        }
    }
    names(analysis, &portrait)?;
    marked(analysis, &portrait, &rows)?;
    retained_alike(analysis, &portrait)?;
    written(&portrait)
}

/// What lives is what marking again says, also without some nodes.
fn marked(
    analysis: &Analysis<'_>,
    portrait: &Portrait<'_>,
    rows: &BTreeMap<NodeId, u32>,
) -> Result<(), String> {
    if portrait.head.counted {
        return Ok(());
    }
    let again = portrait.mark_again(&portrait.roots(), None).map_err(|e| e.to_string())?;
    same("marked again", again, Finished::live(portrait))?;
    if analysis.program.plan.gc_sections != Some(true) {
        return Ok(());
    }
    let step = (rows.len() / 6).max(1);
    for (&node, &row) in rows.iter().step_by(step) {
        let mut without = FixedBitSet::with_capacity(analysis.graph.node_count());
        without.insert(node.index());
        let wanted = analysis.mark_again(&analysis.roots(), Some(&without)).map_err(|e| e.to_string())?;
        let wanted: BTreeSet<u32> =
            wanted.ones().filter_map(|n| rows.get(&NodeId::from_usize(n)).copied()).collect();
        let mut without = FixedBitSet::with_capacity(portrait.node_count());
        without.insert(row as usize);
        let found = portrait.mark_again(&portrait.roots(), Some(&without)).map_err(|e| e.to_string())?;
        same("marked without a node", found.ones().map(|n| n as u32).collect::<BTreeSet<u32>>(), wanted)?;
    }
    Ok(())
}

const ALL: [By; 7] = [By::Section, By::Symbol, By::File, By::Directory, By::Archive, By::Crate, By::Root];

/// What goes with what, in both.
fn retained_alike(analysis: &Analysis<'_>, portrait: &Portrait<'_>) -> Result<(), String> {
    let selection = Selection { sort: SortBy::Input, ..Selection::default() };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (wanted, found) =
        (retained(analysis, &ALL, &selection, |_| {}), retained(portrait, &ALL, &selection, |_| {}));
    same("live", found.live, wanted.live)?;
    same("order", found.order_dependent, wanted.order_dependent)?;
    same("retained", text(report::retained::csv(&found)), text(report::retained::csv(&wanted)))?;
    if wanted.collects {
        let (a, b) = (Forest::of(analysis), Forest::of(portrait));
        same("stacks", stacks(portrait, &b), stacks(analysis, &a))?;
    }
    if portrait.head.counted {
        return Ok(());
    }
    let mut patterns: BTreeSet<Vec<u8>> = BTreeSet::new();
    for &file in analysis.resolution.files.iter().take(2) {
        patterns.insert([&b"file:"[..], &dead::file_label(&analysis.program, file)].concat());
        for section in analysis.program.sections_of(file).skip(1).take(2) {
            patterns.insert([&b"section:"[..], analysis.program.section_name(section)].concat());
        }
    }
    for pattern in &patterns {
        let about = String::from_utf8_lossy(pattern).into_owned();
        let wanted = one::goes_with(analysis, pattern).map_err(|e| e.to_string())?;
        let found = one::goes_with(portrait, pattern).map_err(|e| e.to_string())?;
        same(&about, found, wanted)?;
        let wanted = kill(analysis, pattern).map_err(|e| e.to_string())?;
        let found = kill(portrait, pattern).map_err(|e| e.to_string())?;
        same(&about, found, wanted)?;
    }
    Ok(())
}

/// What is written is read again, and is the same whatever the thread count.
fn written(portrait: &Portrait<'_>) -> Result<(), String> {
    let roots = PathRoots::default();
    let pool =
        |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| e.to_string());
    let bytes = pool(1)?.install(|| snapshot::write(portrait, &roots));
    let again = pool(3)?.install(|| snapshot::write(portrait, &roots));
    same("bytes", again == bytes, true)?;
    let saved = snapshot::from_bytes(Path::new("x.lsw"), bytes).map_err(|e| e.to_string())?;
    let read = saved.portrait().map_err(|e| e.to_string())?;
    same("what is read", read == *portrait, true)
}

/// Every name of the link means the same in both.
fn names(analysis: &Analysis<'_>, portrait: &Portrait<'_>) -> Result<(), String> {
    let program = &analysis.program;
    let mut known: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    for (symbol, (name, info)) in portrait.symbols.name.iter().zip(portrait.symbols.info.iter()).enumerate() {
        if info & linksweep::query::portrait::tables::symbol_info::WINS != 0 {
            let file = portrait.file_of(portrait.section_of_symbol(symbol));
            let before = known.insert(portrait.strings.get(*name).to_vec(), file);
            same("winners of a name", before, None)?;
        }
    }
    for (name, file) in portrait.names.name.iter().zip(portrait.names.file.iter()) {
        let before = known.insert(portrait.strings.get(*name).to_vec(), *file);
        same("meanings of a name", before, None)?;
    }
    for name in program.names.ids() {
        let definition = analysis.resolution.definitions[name];
        let file = program.files.get(definition.file).map_or(u32::MAX, |_| definition.file.0);
        let found = known.get(program.name(name)).copied();
        if definition.kind == DefKind::Unknown {
            // Defined by what stayed out or lost, or by nothing.
            continue;
        }
        let wanted = Some(file);
        if definition.kind == DefKind::Assigned {
            same("assigned", found.is_some(), true)?;
            continue;
        }
        same(&format!("{}", String::from_utf8_lossy(program.name(name))), found, wanted)?;
    }
    Ok(())
}

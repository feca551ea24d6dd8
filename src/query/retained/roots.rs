//! Rows per root: KEEP statements, entries, `-u`, exported symbols from the reasons of the live graph; initcalls, kernel exports, head
//! sections and constructor tables one by one, although one KEEP statement keeps them all.
//!
//! In: a link and its [`Forest`]. Out: all rows in the order in which the linker finds them, statements first.

use bstr::BString;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::live_graph::Reason;
use super::sets::{Own, retained_by_groups};
use super::{Forest, Row, sum};
use crate::graph::RootKind;
use crate::ids::{NodeId, SectionId};
use crate::query::dominators::NONE;
use crate::query::finished::Finished;
use crate::query::kernel::roots::KernelRoot;

/// Name and place of a reason: a symbol, a KEEP's text with where it stands, a section with its file.
pub fn reason(link: &impl Finished, reason: &Reason) -> (BString, BString) {
    match (reason.name, reason.keep, reason.node) {
        (Some(name), ..) => (link.name(name).into(), BString::default()),
        (None, Some(keep), _) => link.keep_text(keep).unwrap_or_default(),
        (None, None, Some(node)) => {
            let (_, name, place) = link.thing(node);
            (name, place)
        }
        _ => Default::default(),
    }
}

/// The most entries of a table that are part of its name.
const NAMED: usize = 4;

/// A section's name, and the functions in it if it is a table of constructors.
fn table_name(link: &impl Finished, section: SectionId) -> BString {
    let mut name = BString::from(link.section_name(section));
    let entries = link.constructors(section);
    for (number, (_, function)) in entries.iter().take(NAMED).enumerate() {
        name.extend_from_slice(if number == 0 { b" " } else { b", " });
        name.extend_from_slice(function);
    }
    if entries.len() > NAMED {
        name.extend_from_slice(b", ...");
    }
    name
}

/// All roots.
pub(super) fn roots(link: &impl Finished, forest: &Forest) -> Vec<Row> {
    // What each reason leads to directly is its own.
    let mut rows: Vec<Row> = Vec::new();
    let mut single: Vec<(NodeId, &'static str)> = Vec::new();
    for (number, reason) in forest.graph.reasons.iter().enumerate() {
        let vertex = forest.graph.of_reason(number);
        let targets = forest.graph.flow.successors(vertex);
        let (mut name, place) = self::reason(link, reason);
        if let Some(section) = reason.node.and_then(|n| link.section(n)) {
            name = table_name(link, section);
        }
        rows.push(Row {
            name,
            place,
            kind: reason.kind.word(),
            direct: sum(targets.iter().map(|&v| forest.own[v as usize])),
            retained: forest.below[vertex as usize],
            vertices: vec![vertex],
            ..Row::default()
        });
    }
    rows.sort_by_key(|r| r.kind != "keep" || r.place.is_empty());
    // What the kernel calls roots.
    for root in link.roots().iter().filter(|r| r.keep.is_some()) {
        let table = |s| !link.constructors(s).is_empty();
        if let Some(found) = link.kernel_root(root.node) {
            single.push((root.node, found.word()));
        } else if link.section(root.node).is_some_and(table) {
            single.push((root.node, RootKind::InitArray.word()));
        }
    }
    single.sort_unstable();
    single.dedup();
    let mut exports: HashMap<&[u8], u32, FixedState> = HashMap::default();
    let mut group = vec![NONE; forest.own.len()];
    let first = rows.len();
    let mut export_rows: Vec<Row> = Vec::new();
    for &(node, word) in &single {
        let Some(vertex) = forest.graph.of(node) else { continue };
        let Some(section) = link.section(node) else { continue };
        let place = link.label(link.section_file(section));
        if let Some(KernelRoot::Export { name, .. }) = link.kernel_root(node) {
            // The entry and its checksum go together.
            let at = *exports.entry(name).or_insert_with(|| {
                export_rows.push(Row { name: name.into(), place, kind: word, ..Row::default() });
                export_rows.len() as u32 - 1
            });
            group[vertex as usize] = at;
            let row = &mut export_rows[at as usize];
            row.direct = sum([row.direct, forest.own[vertex as usize]]);
            row.vertices.push(vertex);
            continue;
        }
        let calls = link.initcalls(section);
        let names: Vec<&[u8]> = calls.iter().map(|c| c.function).collect();
        let name = match calls.first() {
            None => table_name(link, section),
            Some(call) => [call.level.0, b" ", &names.join(&b", "[..])].concat().into(),
        };
        rows.push(Row {
            name,
            place,
            kind: word,
            direct: forest.own[vertex as usize],
            retained: forest.below[vertex as usize],
            vertices: vec![vertex],
            ..Row::default()
        });
    }
    let sums: Vec<Own> = retained_by_groups(&forest.graph.flow, &group, export_rows.len(), &forest.own);
    for (row, retained) in export_rows.iter_mut().zip(sums) {
        row.retained = retained;
    }
    rows.extend(export_rows);
    debug_assert!(rows.len() >= first);
    rows
}

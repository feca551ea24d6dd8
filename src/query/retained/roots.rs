//! Rows per root: KEEP statements, entries, `-u`, exported symbols from the reasons of the live graph; initcalls, kernel exports, head
//! sections and constructor tables one by one, although one KEEP statement keeps them all.
//!
//! In: analysis and [`Forest`]. Out: all rows in the order in which the linker finds them, statements first.

use bstr::BString;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::constructors::constructors;
use super::live_graph::Reason;
use super::sets::{Own, retained_by_groups};
use super::{Forest, Row, sum, thing};
use crate::graph::RootKind;
use crate::ids::{NodeId, SectionId};
use crate::query::Analysis;
use crate::query::dead::file_label;
use crate::query::dominators::NONE;
use crate::query::kernel::roots::{self as kernel, KernelRoot, of_node};
use crate::script::{StatementKind, walk};

/// A KEEP statement's text without white space, and its place `FILE:LINE:COLUMN`.
pub fn statement(analysis: &Analysis<'_>, keep: (u32, u32)) -> Option<(BString, BString)> {
    let file = analysis.program.scripts.get(keep.0 as usize)?;
    let mut number = 0;
    for placed in walk::output_sections(&file.script) {
        for statement in &placed.section.body {
            let StatementKind::Input(input) = &statement.kind else { continue };
            if number == keep.1 {
                let mut text = BString::from(file.script.text(input.inner));
                text.retain(|b| !b.is_ascii_whitespace());
                let at = file.script.location(input.span);
                let place = format!("{}:{}:{}", at.file.display(), at.line, at.column);
                return Some((text, place.into()));
            }
            number += 1;
        }
    }
    None
}

/// Name and place of a reason: a symbol, a KEEP's text with where it stands, a section with its file.
pub fn reason(analysis: &Analysis<'_>, reason: &Reason) -> (BString, BString) {
    match (reason.name, reason.keep, reason.node) {
        (Some(name), ..) => (analysis.program.name(name).into(), BString::default()),
        (None, Some(keep), _) => statement(analysis, keep).unwrap_or_default(),
        (None, None, Some(node)) => {
            let (_, name, place) = thing(analysis, node);
            (name, place)
        }
        _ => Default::default(),
    }
}

/// The most entries of a table that are part of its name.
const NAMED: usize = 4;

/// A section's name, and the functions in it if it is a table of constructors.
fn table_name(analysis: &Analysis<'_>, section: SectionId) -> BString {
    let mut name = BString::from(analysis.program.section_name(section));
    let entries = constructors(&analysis.program, section);
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
pub(super) fn roots(analysis: &Analysis<'_>, forest: &Forest) -> Vec<Row> {
    let program = &analysis.program;
    // What each reason leads to directly is its own.
    let mut rows: Vec<Row> = Vec::new();
    let mut single: Vec<(NodeId, &'static str)> = Vec::new();
    for (number, reason) in forest.graph.reasons.iter().enumerate() {
        let vertex = forest.graph.of_reason(number);
        let targets = forest.graph.flow.successors(vertex);
        let (mut name, place) = self::reason(analysis, reason);
        if let Some(section) = reason.node.and_then(|n| analysis.graph.section(n)) {
            name = table_name(analysis, section);
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
    for root in analysis.roots.roots.iter().filter(|r| r.keep.is_some()) {
        let table = |s| !constructors(program, s).is_empty();
        if let Some(found) = of_node(analysis, root.node) {
            single.push((root.node, found.word()));
        } else if analysis.graph.section(root.node).is_some_and(table) {
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
        let Some(section) = analysis.graph.section(node) else { continue };
        let place = BString::from(file_label(program, program.locate(section).0));
        if let Some(KernelRoot::Export { name, .. }) = of_node(analysis, node) {
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
        let calls = kernel::initcalls(program, section);
        let names: Vec<&[u8]> = calls.iter().map(|c| c.function).collect();
        let name = match calls.first() {
            None => table_name(analysis, section),
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

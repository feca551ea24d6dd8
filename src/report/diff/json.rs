//! `diff` for programs: schema `linksweep.diff/1`.

use serde::Serialize;

use super::View;
use crate::query::diff::{Row, Side, SideKind, Sums};
use crate::report::json::{self, TOOL, Tool};

#[derive(Serialize)]
struct DiffJson {
    schema: &'static str,
    tool: Tool,
    old: SideJson,
    new: SideJson,
    change: ChangeJson,
    groups: Vec<GroupJson>,
    notes: Vec<String>,
    findings: [(); 0],
}

#[derive(Serialize)]
struct SideJson {
    name: String,
    kind: &'static str,
    text: u64,
    data: u64,
    bss: u64,
    dec: u64,
    inexact: Vec<String>,
}

#[derive(Serialize)]
struct SumsJson {
    text: u64,
    data: u64,
    bss: u64,
    dec: u64,
}

#[derive(Serialize)]
struct ChangeJson {
    text: i128,
    data: i128,
    bss: i128,
    dec: i128,
}

#[derive(Serialize)]
struct GroupJson {
    by: &'static str,
    rows: Vec<RowJson>,
    omitted: u64,
    unchanged: u64,
}

#[derive(Serialize)]
struct RowJson {
    name: String,
    file: Option<String>,
    was: Option<String>,
    was_in: Option<String>,
    change: &'static str,
    delta: i128,
    old: Option<SumsJson>,
    new: Option<SumsJson>,
}

fn sums(sums: Sums) -> SumsJson {
    SumsJson { text: sums.text, data: sums.data, bss: sums.bss, dec: sums.dec() }
}

fn side(side: &Side) -> SideJson {
    let SumsJson { text, data, bss, dec } = sums(side.sums);
    let kind = match side.kind {
        SideKind::Image => "image",
        SideKind::Link => "link",
    };
    let inexact = side.inexact.iter().map(|n| json::string(n)).collect();
    SideJson { name: side.name.clone(), kind, text, data, bss, dec, inexact }
}

fn row(row: &Row) -> RowJson {
    RowJson {
        name: json::string(&row.name),
        file: (!row.file.is_empty()).then(|| json::string(&row.file)),
        was: row.was.as_ref().map(|t| json::string(t)),
        was_in: row.was_in.as_ref().map(|t| json::string(t)),
        change: row.change(),
        delta: row.delta(),
        old: row.old.map(sums),
        new: row.new.map(sums),
    }
}

/// `linksweep.diff/1`.
pub fn json(view: &View<'_>) -> Vec<u8> {
    let (old, new) = (view.diff.old, view.diff.new);
    let minus = |a: u64, b: u64| i128::from(a) - i128::from(b);
    let groups = view.diff.groups.iter().map(|(by, all)| {
        let rows = view.rows(all);
        let shown = view.selection.shown(rows.len());
        GroupJson {
            by: by.word(),
            rows: rows.iter().take(shown).map(|r| row(r)).collect(),
            omitted: (rows.len() - shown) as u64,
            unchanged: all.iter().filter(|r| !super::differs(r)).count() as u64,
        }
    });
    json::render(&DiffJson {
        schema: "linksweep.diff/1",
        tool: TOOL,
        old: side(view.old),
        new: side(view.new),
        change: ChangeJson {
            text: minus(new.text, old.text),
            data: minus(new.data, old.data),
            bss: minus(new.bss, old.bss),
            dec: minus(new.dec(), old.dec()),
        },
        groups: groups.collect(),
        notes: view.notes.to_vec(),
        findings: [],
    })
}

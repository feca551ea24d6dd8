//! `diff` for programs: schema `linksweep.diff/1`.

use serde::Serialize;

use super::{View, causes};
use crate::query::diff::causes::{Cause, Named, Step};
use crate::query::diff::{Row, Side, SideKind, Sums};
use crate::report::json::{self, TOOL, Tool};
use crate::report::labels::Style;
use crate::report::reloc_names;

#[derive(Serialize)]
struct DiffJson {
    schema: &'static str,
    tool: Tool,
    old: SideJson,
    new: SideJson,
    change: ChangeJson,
    account: Vec<AccountJson>,
    causes: Vec<CauseJson>,
    causes_omitted: u64,
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
struct AccountJson {
    what: &'static str,
    old: SumsJson,
    new: SumsJson,
    delta: i128,
}

#[derive(Serialize)]
struct NamedJson {
    file: String,
    section: String,
    symbol: String,
}

#[derive(Serialize)]
struct CauseJson {
    change: &'static str,
    step: &'static str,
    text: String,
    bytes: SumsJson,
    parts: u64,
    to: NamedJson,
    elsewhere: &'static str,
    root: Option<String>,
    from: Option<NamedJson>,
    symbol: Option<String>,
    relocation: Option<String>,
    offset: Option<u64>,
    in_both: Option<bool>,
    instead: Option<NamedJson>,
    name: Option<String>,
    by: Option<String>,
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

fn named(name: &Named) -> NamedJson {
    let text = |t: &bstr::BString| json::string(t);
    NamedJson { file: text(&name.file), section: text(&name.section), symbol: text(&name.symbol) }
}

fn cause(view: &View<'_>, cause: &Cause) -> CauseJson {
    let text = |t: &bstr::BString| json::string(t);
    let mut out = CauseJson {
        change: if cause.is_new { "new" } else { "lost" },
        step: causes::step_word(&cause.step),
        text: causes::words(view, cause),
        bytes: sums(cause.bytes),
        parts: cause.nodes,
        to: named(&cause.to),
        elsewhere: cause.elsewhere.word(),
        root: (!cause.root.is_empty()).then(|| text(&cause.root)),
        from: None,
        symbol: None,
        relocation: None,
        offset: None,
        in_both: None,
        instead: None,
        name: None,
        by: None,
    };
    match &cause.step {
        Step::Edge { from, symbol, reloc, in_both, instead } => {
            out.from = Some(named(from));
            out.symbol = symbol.as_ref().map(text);
            out.relocation = reloc.map(|(kind, _)| reloc_names::name(view.machine, kind));
            out.offset = reloc.map(|(_, offset)| offset);
            out.in_both = Some(*in_both);
            out.instead = instead.as_ref().map(named);
        }
        Step::Root { name, in_both } => {
            out.name = Some(text(name));
            out.in_both = Some(*in_both);
        }
        Step::Extracted { by, symbol } => {
            out.by = Some(text(by));
            out.symbol = Some(text(symbol));
        }
        Step::Input | Step::Changed => {}
    }
    out
}

/// `linksweep.diff/1`.
pub fn json(view: &View<'_>) -> Vec<u8> {
    let (old, new) = (view.diff.old, view.diff.new);
    let minus = |a: u64, b: u64| i128::from(a) - i128::from(b);
    let groups = view.diff.groups.iter().map(|(by, all)| {
        let rows = view.rows(*by, all);
        let shown = view.selection.shown(rows.len());
        GroupJson {
            by: by.word(),
            rows: rows.iter().take(shown).map(|r| row(r)).collect(),
            omitted: (rows.len() - shown) as u64,
            unchanged: all.iter().filter(|r| !super::differs(*by, r)).count() as u64,
        }
    });
    let found = view.causes.map_or(&[][..], |c| &c.causes);
    let shown = view.selection.shown(found.len());
    let account = view.causes.iter().flat_map(|c| causes::accounts(c)).map(|(what, change)| AccountJson {
        what,
        old: sums(change.old),
        new: sums(change.new),
        delta: causes::delta(change),
    });
    // Machine formats never demangle.
    let plain = View { style: Style::default(), ..*view };
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
        account: account.collect(),
        causes: found.iter().take(shown).map(|c| cause(&plain, c)).collect(),
        causes_omitted: (found.len() - shown) as u64,
        groups: groups.collect(),
        notes: view.notes.to_vec(),
        findings: [],
    })
}

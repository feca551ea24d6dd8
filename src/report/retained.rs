//! `retained` as text, JSON, CSV and folded stacks.

use bstr::BString;
use serde::Serialize;

use super::Sheet;
use super::csv::csv_record;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::{Style, escape};
use super::text::{count, more, percent, plural, size, table};
use crate::query::retained::one::{Goes, Gone};
use crate::query::retained::sets::Own;
use crate::query::retained::{By, Retained, Row};
use crate::query::select::SortBy;

fn head(page: &Sheet<'_>, collects: bool) -> String {
    let mut out = page.first.clone();
    if !collects {
        out.push_str("This link does not collect garbage: whatever is in it stays.\n");
    }
    out
}

fn name(style: Style, by: By, row: &Row) -> String {
    match by {
        By::Symbol => style.symbol(&row.name),
        By::Section => style.section(&row.name),
        By::Root if row.kind != "keep" => style.symbol(&row.name),
        _ => escape(&row.name),
    }
}

/// For people.
pub fn text(page: &Sheet<'_>, answer: &Retained) -> Vec<u8> {
    let style = page.style;
    let mut out = head(page, answer.collects);
    if answer.collects {
        out.push_str(&style.heading(&format!(
            "{} ({} bytes) live in {}\n",
            size(answer.live.bytes),
            count(answer.live.bytes),
            plural(answer.live.sections, "section", "sections")
        )));
    }
    if answer.order_dependent {
        out.push_str(
            "This linker's walk depends on order in this link: rows are near what it would free; `retained PATTERN` is exact.\n",
        );
    }
    for group in &answer.groups {
        out.push_str(&style.heading(&format!("\nby {}\n", group.by.word())));
        let placed = matches!(group.by, By::Section | By::Symbol | By::Root);
        let mut heads: Vec<String> =
            ["retained", "", "sections", "direct", "shared"].map(String::from).into();
        if group.by == By::Root {
            heads.push("kind".into());
        }
        heads.push(group.by.word().into());
        if placed {
            heads.push("of".into());
        }
        let mut lines = vec![heads];
        for row in &group.rows {
            let least = if row.at_least { ">= " } else { "" };
            let mut cells = vec![
                format!("{least}{}", size(row.retained.bytes)),
                percent(row.retained.bytes, answer.live.bytes),
                count(row.retained.sections),
                size(row.direct.bytes),
                row.shared.map_or_else(|| "-".into(), |s| size(s.bytes)),
            ];
            if group.by == By::Root {
                cells.push(row.kind.into());
            }
            cells.push(name(style, group.by, row));
            if placed {
                cells.push(escape(&row.place));
            }
            lines.push(cells);
        }
        out.push_str(&table(lines, &[0, 1, 2, 3, 4]));
        more(&mut out, group.omitted, "rows");
    }
    out.push_str(
        "\nretained: what goes with it, itself included; shared: what it reaches and others keep too\n\
         next: `linksweep retained NAME` lists what goes with one thing, `linksweep what-if` what goes after changes\n",
    );
    out.into_bytes()
}

fn amount(own: Own) -> String {
    format!(
        "{} ({} bytes) in {}",
        size(own.bytes),
        count(own.bytes),
        plural(own.sections, "section", "sections")
    )
}

fn gone_rows<'a>(page: &Sheet<'_>, goes: &'a Goes) -> Vec<&'a Gone> {
    let selection = page.selection;
    let mut rows: Vec<&Gone> =
        goes.gone.iter().filter(|g| selection.matches(&[&g.section, &g.symbol, &g.file])).collect();
    match selection.sort {
        SortBy::Input => {}
        SortBy::Size | SortBy::Count => rows.sort_by_key(|g| std::cmp::Reverse(g.bytes)),
        SortBy::Name => rows.sort_by(|a, b| a.section.cmp(&b.section)),
    }
    rows
}

/// What goes with one thing, for people.
pub fn one_text(page: &Sheet<'_>, pattern: &[u8], goes: &Goes) -> Vec<u8> {
    let style = page.style;
    let mut out = head(page, goes.collects);
    out.push_str(&format!("{} names {}\n", escape(pattern), plural(goes.matched as u64, "thing", "things")));
    if goes.collects && goes.direct == Own::default() {
        out.push_str("None of it lives: nothing goes with it.\n");
    }
    for (word, own) in [("direct", goes.direct), ("retained", goes.retained), ("shared", goes.shared)] {
        out.push_str(&format!("{word:>8}  {}\n", amount(own)));
    }
    let rows = gone_rows(page, goes);
    let shown = page.selection.shown(rows.len());
    if !rows.is_empty() {
        out.push_str(&style.heading("\ngoes with it (* is what was named)\n"));
        let lines = rows.iter().take(shown).map(|g| {
            let mark = if g.named { "*" } else { "" };
            vec![
                size(g.bytes),
                mark.into(),
                style.section(&g.section),
                style.symbol(&g.symbol),
                escape(&g.file),
            ]
        });
        out.push_str(&table(lines.collect(), &[0]));
        more(&mut out, rows.len() - shown, "sections");
    }
    out.into_bytes()
}

/// One record per row.
pub fn csv(answer: &Retained) -> Vec<u8> {
    let mut out = Vec::new();
    let header = [
        "by",
        "kind",
        "name",
        "of",
        "direct_bytes",
        "direct_sections",
        "retained_bytes",
        "retained_sections",
        "shared_bytes",
        "shared_sections",
        "at_least",
    ];
    csv_record(&mut out, header.map(str::as_bytes));
    for group in &answer.groups {
        for row in &group.rows {
            let text = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
            let numbers = [
                Some(row.direct.bytes),
                Some(row.direct.sections),
                Some(row.retained.bytes),
                Some(row.retained.sections),
                row.shared.map(|s| s.bytes),
                row.shared.map(|s| s.sections),
            ]
            .map(text);
            let front: [&[u8]; 4] = [group.by.word().as_bytes(), row.kind.as_bytes(), &row.name, &row.place];
            let least: &[u8] = if row.at_least { b"true" } else { b"false" };
            csv_record(
                &mut out,
                front.into_iter().chain(numbers.iter().map(|n| n.as_bytes())).chain([least]),
            );
        }
    }
    out
}

/// One record per section that goes.
pub fn one_csv(page: &Sheet<'_>, goes: &Goes) -> Vec<u8> {
    let mut out = Vec::new();
    csv_record(&mut out, ["named", "file", "section", "symbol", "bytes"].map(str::as_bytes));
    let rows = gone_rows(page, goes);
    for g in rows.iter().take(page.selection.shown(rows.len())) {
        let bytes = g.bytes.to_string();
        let named: &[u8] = if g.named { b"true" } else { b"false" };
        csv_record(&mut out, [named, &g.file, &g.section, &g.symbol, bytes.as_bytes()]);
    }
    out
}

/// One line per stack: frames with semicolons between them, a blank, bytes.
pub fn folded(stacks: &[(Vec<BString>, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (frames, bytes) in stacks {
        for (number, frame) in frames.iter().enumerate() {
            if number > 0 {
                out.push(b';');
            }
            out.extend(escape(frame).bytes().map(|b| if b == b';' { b':' } else { b }));
        }
        out.extend_from_slice(format!(" {bytes}\n").as_bytes());
    }
    out
}

/// Sections and their bytes.
#[derive(Serialize)]
pub(super) struct OwnJson {
    sections: u64,
    bytes: u64,
}

impl From<Own> for OwnJson {
    fn from(own: Own) -> Self {
        OwnJson { sections: own.sections, bytes: own.bytes }
    }
}

#[derive(Serialize)]
struct RetainedJson<'a> {
    schema: &'static str,
    tool: Tool,
    link: &'a LinkInfo,
    live: OwnJson,
    order_dependent: bool,
    groups: Vec<GroupJson>,
    subject: Option<SubjectJson>,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct GroupJson {
    by: &'static str,
    rows: Vec<RowJson>,
    omitted: u64,
}

#[derive(Serialize)]
struct RowJson {
    name: String,
    of: Option<String>,
    kind: Option<&'static str>,
    direct: OwnJson,
    retained: OwnJson,
    shared: Option<OwnJson>,
    at_least: bool,
}

#[derive(Serialize)]
struct SubjectJson {
    pattern: String,
    matched: u64,
    direct: OwnJson,
    retained: OwnJson,
    shared: OwnJson,
    gone: Vec<GoneJson>,
    omitted: u64,
}

#[derive(Serialize)]
struct GoneJson {
    named: bool,
    section: String,
    symbol: Option<String>,
    file: String,
    bytes: u64,
}

fn text_of(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| json::string(bytes))
}

/// `linksweep.retained/1`.
pub fn json(page: &Sheet<'_>, answer: &Retained) -> Vec<u8> {
    let groups = answer.groups.iter().map(|group| GroupJson {
        by: group.by.word(),
        rows: group
            .rows
            .iter()
            .map(|r| RowJson {
                name: json::string(&r.name),
                of: text_of(&r.place),
                kind: (!r.kind.is_empty()).then_some(r.kind),
                direct: r.direct.into(),
                retained: r.retained.into(),
                shared: r.shared.map(OwnJson::from),
                at_least: r.at_least,
            })
            .collect(),
        omitted: group.omitted as u64,
    });
    json::render(&RetainedJson {
        schema: "linksweep.retained/1",
        tool: TOOL,
        link: &page.link,
        live: answer.live.into(),
        order_dependent: answer.order_dependent,
        groups: groups.collect(),
        subject: None,
        findings: json::findings(page.findings),
    })
}

/// `linksweep.retained/1` about one thing.
pub fn one_json(page: &Sheet<'_>, pattern: &[u8], goes: &Goes) -> Vec<u8> {
    let rows = gone_rows(page, goes);
    let shown = page.selection.shown(rows.len());
    let gone = rows.iter().take(shown).map(|g| GoneJson {
        named: g.named,
        section: json::string(&g.section),
        symbol: text_of(&g.symbol),
        file: json::string(&g.file),
        bytes: g.bytes,
    });
    json::render(&RetainedJson {
        schema: "linksweep.retained/1",
        tool: TOOL,
        link: &page.link,
        live: goes.live.into(),
        order_dependent: false,
        groups: Vec::new(),
        subject: Some(SubjectJson {
            pattern: json::string(pattern),
            matched: goes.matched as u64,
            direct: goes.direct.into(),
            retained: goes.retained.into(),
            shared: goes.shared.into(),
            gone: gone.collect(),
            omitted: (rows.len() - shown) as u64,
        }),
        findings: json::findings(page.findings),
    })
}

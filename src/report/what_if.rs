//! `what-if` as text, JSON and CSV.

use serde::Serialize;

use super::Sheet;
use super::csv::csv_record;
use super::json::{self, AmountJson, FindingJson, LinkInfo, TOOL, Tool, TotalsJson};
use super::labels::escape;
use super::text::{count, more, plural, size, table};
use crate::query::dead::Grouping;
use crate::query::select::{Selection, SortBy};
use crate::query::totals::{Amount, Totals};
use crate::query::what_if::compare::{Group, Row, WhatIf};

fn rows<'a>(selection: &Selection, list: &'a [Row]) -> Vec<&'a Row> {
    let mut rows: Vec<&Row> =
        list.iter().filter(|r| selection.matches(&[&r.section, &r.label(), &r.symbol])).collect();
    match selection.sort {
        SortBy::Input => {}
        SortBy::Size | SortBy::Count => rows.sort_by_key(|r| std::cmp::Reverse(r.bytes)),
        SortBy::Name => rows.sort_by(|a, b| a.section.cmp(&b.section)),
    }
    rows
}

fn groups(selection: &Selection, answer: &WhatIf, by: Grouping) -> Vec<Group> {
    let mut groups = answer.groups(by);
    groups.retain(|g| selection.matches(&[&g.key]));
    match selection.sort {
        SortBy::Name => groups.sort_by(|a, b| a.key.cmp(&b.key)),
        SortBy::Count => groups.sort_by_key(|g| std::cmp::Reverse(g.dies.sections + g.lives.sections)),
        SortBy::Input | SortBy::Size => {}
    }
    groups
}

/// `-1,234` or `+1,234`.
fn change(before: u64, after: u64) -> String {
    match after.cmp(&before) {
        std::cmp::Ordering::Less => format!("-{}", count(before - after)),
        std::cmp::Ordering::Equal => "0".into(),
        std::cmp::Ordering::Greater => format!("+{}", count(after - before)),
    }
}

/// For people.
pub fn text(page: &Sheet<'_>, answer: &WhatIf, by: &[Grouping]) -> Vec<u8> {
    let style = page.style;
    let mut out = page.first.clone();
    for applied in &answer.applied {
        out.push_str(&escape(&applied.change));
        if applied.count > 0 {
            let one = applied.what.strip_suffix('s').unwrap_or(applied.what);
            out.push_str(&format!(": {}", plural(applied.count, one, applied.what)));
            let names: Vec<String> = applied.names.iter().map(|n| escape(n)).collect();
            let more = applied.count.saturating_sub(names.len() as u64);
            if !names.is_empty() {
                out.push_str(&format!(" ({}{})", names.join(", "), if more > 0 { ", ..." } else { "" }));
            }
        }
        out.push('\n');
    }
    if !answer.collects {
        out.push_str("This link does not collect garbage: whatever is in it stays.\n");
    }
    let (b, a) = (&answer.before, &answer.after);
    let kept = |t: &Totals| t.kept.bytes;
    out.push_str(&style.heading(&format!(
        "kept {} -> {}: {} bytes, {} sections\n\n",
        size(kept(b)),
        size(kept(a)),
        change(kept(b), kept(a)),
        change(b.kept.sections, a.kept.sections)
    )));
    let line = |name: &str, b: Amount, a: Amount| {
        vec![
            name.to_string(),
            count(b.sections),
            count(a.sections),
            count(b.bytes),
            count(a.bytes),
            change(b.bytes, a.bytes),
        ]
    };
    let pieces = |t: &Totals| Amount { sections: 0, bytes: t.dropped_pieces };
    let heads = ["", "sections", "after", "bytes", "after", "change"];
    let mut lines = vec![heads.iter().map(|h| h.to_string()).collect()];
    lines.push(line("kept", b.kept, a.kept));
    lines.push(line("dropped", b.dropped, a.dropped));
    lines.push(line("dropped pieces", pieces(b), pieces(a)));
    lines.push(line("group duplicates", b.group_duplicates, a.group_duplicates));
    lines.push(line("discarded", b.discarded, a.discarded));
    lines.push(line("not extracted", b.not_extracted, a.not_extracted));
    lines.push(line("not a candidate", b.not_a_candidate, a.not_a_candidate));
    lines.push(line("all input", b.sum(), a.sum()));
    out.push_str(&table(lines, &[1, 2, 3, 4, 5]));
    if answer.commons != (Amount::default(), Amount::default()) {
        out.push_str(&format!(
            "\ncommon symbols (no input sections): kept {} -> {}\n",
            size(answer.commons.0.bytes),
            size(answer.commons.1.bytes)
        ));
    }
    for (what, list) in
        [("members that enter the link", &answer.extracted), ("members that stay out", &answer.left)]
    {
        if !list.is_empty() {
            let shown = page.selection.shown(list.len());
            out.push_str(&style.heading(&format!("\n{what}: {}\n", count(list.len() as u64))));
            for name in list.iter().take(shown) {
                out.push_str(&format!("  {}\n", escape(name)));
            }
            more(&mut out, list.len() - shown, "members");
        }
    }
    for &by in by {
        let rows = groups(page.selection, answer, by);
        let shown = page.selection.shown(rows.len());
        out.push_str(&style.heading(&format!("\nby {}\n", by.word())));
        let heads = ["dies", "sections", "comes alive", "sections", by.word()];
        let mut lines: Vec<Vec<String>> = vec![heads.iter().map(|h| h.to_string()).collect()];
        for row in rows.iter().take(shown) {
            let name = match by {
                Grouping::Symbol => style.symbol(&row.key),
                Grouping::Section => style.section(&row.key),
                _ => escape(&row.key),
            };
            let cells = [
                size(row.dies.bytes),
                count(row.dies.sections),
                size(row.lives.bytes),
                count(row.lives.sections),
            ];
            lines.push(cells.into_iter().chain([name]).collect());
        }
        out.push_str(&table(lines, &[0, 1, 2, 3]));
        more(&mut out, rows.len() - shown, "rows");
    }
    if by.is_empty() {
        for (what, list) in [("dies", &answer.dies), ("comes alive", &answer.lives)] {
            let amount = WhatIf::amount(list);
            out.push_str(&style.heading(&format!(
                "\n{what}: {} ({} bytes) in {}\n",
                size(amount.bytes),
                count(amount.bytes),
                plural(amount.sections, "section", "sections")
            )));
            let rows = rows(page.selection, list);
            let shown = page.selection.shown(rows.len());
            let lines = rows.iter().take(shown).map(|row| {
                vec![
                    size(row.bytes),
                    style.section(&row.section),
                    style.symbol(&row.symbol),
                    escape(&row.label()),
                ]
            });
            out.push_str(&table(lines.collect(), &[0]));
            more(&mut out, rows.len() - shown, "sections");
        }
    }
    out.push_str("\nnext: `--format=linker` gives the changed link's own lines, `--by=archive` groups, `linksweep why NAME` says what keeps something\n");
    out.into_bytes()
}

#[derive(Serialize)]
struct WhatIfJson<'a> {
    schema: &'static str,
    tool: Tool,
    link: &'a LinkInfo,
    changes: Vec<ChangeJson>,
    before: SideJson,
    after: SideJson,
    dies: AmountJson,
    comes_alive: AmountJson,
    members_entering: Vec<String>,
    members_leaving: Vec<String>,
    groups: Vec<GroupJson>,
    sections: Vec<RowJson>,
    sections_omitted: u64,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct ChangeJson {
    change: String,
    what: &'static str,
    count: u64,
    names: Vec<String>,
}

#[derive(Serialize)]
struct SideJson {
    totals: TotalsJson,
    commons_kept: AmountJson,
    commons_dropped: AmountJson,
}

#[derive(Serialize)]
struct GroupJson {
    by: &'static str,
    rows: Vec<GroupRowJson>,
    omitted: u64,
}

#[derive(Serialize)]
struct GroupRowJson {
    key: String,
    dies: AmountJson,
    comes_alive: AmountJson,
}

#[derive(Serialize)]
struct RowJson {
    change: &'static str,
    section: String,
    index: u32,
    symbol: Option<String>,
    file: String,
    archive: Option<String>,
    kind: &'static str,
    bytes: u64,
    before: &'static str,
    after: &'static str,
}

/// Both lists with the word for each.
fn both<'a>(selection: &Selection, answer: &'a WhatIf) -> Vec<(&'static str, &'a Row)> {
    let dies = rows(selection, &answer.dies).into_iter().map(|r| ("dies", r));
    let lives = rows(selection, &answer.lives).into_iter().map(|r| ("comes-alive", r));
    dies.chain(lives).collect()
}

/// `linksweep.what-if/1`.
pub fn json(page: &Sheet<'_>, answer: &WhatIf, by: &[Grouping]) -> Vec<u8> {
    let strings = |list: &[bstr::BString]| list.iter().map(|s| json::string(s)).collect();
    let groups = by.iter().map(|&by| {
        let rows = groups(page.selection, answer, by);
        let shown = page.selection.shown(rows.len());
        GroupJson {
            by: by.word(),
            rows: rows
                .iter()
                .take(shown)
                .map(|g| GroupRowJson {
                    key: json::string(&g.key),
                    dies: g.dies.into(),
                    comes_alive: g.lives.into(),
                })
                .collect(),
            omitted: (rows.len() - shown) as u64,
        }
    });
    let rows = both(page.selection, answer);
    let shown = page.selection.shown(rows.len());
    let text = |s: &bstr::BString| (!s.is_empty()).then(|| json::string(s));
    let sections = rows.iter().take(shown).map(|&(change, r)| RowJson {
        change,
        section: json::string(&r.section),
        index: r.index,
        symbol: text(&r.symbol),
        file: json::string(&r.file),
        archive: text(&r.archive),
        kind: r.kind,
        bytes: r.bytes,
        before: r.was.word(),
        after: r.is.word(),
    });
    let side = |totals: &Totals, kept: Amount, dropped: Amount| SideJson {
        totals: totals.into(),
        commons_kept: kept.into(),
        commons_dropped: dropped.into(),
    };
    json::render(&WhatIfJson {
        schema: "linksweep.what-if/1",
        tool: TOOL,
        link: &page.link,
        changes: answer
            .applied
            .iter()
            .map(|a| ChangeJson {
                change: json::string(&a.change),
                what: a.what,
                count: a.count,
                names: strings(&a.names),
            })
            .collect(),
        before: side(&answer.before, answer.commons.0, answer.commons_dropped.0),
        after: side(&answer.after, answer.commons.1, answer.commons_dropped.1),
        dies: WhatIf::amount(&answer.dies).into(),
        comes_alive: WhatIf::amount(&answer.lives).into(),
        members_entering: strings(&answer.extracted),
        members_leaving: strings(&answer.left),
        groups: groups.collect(),
        sections: sections.collect(),
        sections_omitted: (rows.len() - shown) as u64,
        findings: json::findings(page.findings),
    })
}

/// One record per section whose fate changes, or per row of the groupings asked for.
pub fn csv(page: &Sheet<'_>, answer: &WhatIf, by: &[Grouping]) -> Vec<u8> {
    let mut out = Vec::new();
    if by.is_empty() {
        let header = ["change", "archive", "file", "section", "symbol", "bytes", "before", "after"];
        csv_record(&mut out, header.map(str::as_bytes));
        let rows = both(page.selection, answer);
        for &(change, r) in rows.iter().take(page.selection.shown(rows.len())) {
            let bytes = r.bytes.to_string();
            let cells: [&[u8]; 8] = [
                change.as_bytes(),
                &r.archive,
                &r.file,
                &r.section,
                &r.symbol,
                bytes.as_bytes(),
                r.was.word().as_bytes(),
                r.is.word().as_bytes(),
            ];
            csv_record(&mut out, cells);
        }
        return out;
    }
    let header = ["by", "key", "dies_sections", "dies_bytes", "comes_alive_sections", "comes_alive_bytes"];
    csv_record(&mut out, header.map(str::as_bytes));
    for &by in by {
        let rows = groups(page.selection, answer, by);
        for g in rows.iter().take(page.selection.shown(rows.len())) {
            let numbers =
                [g.dies.sections, g.dies.bytes, g.lives.sections, g.lives.bytes].map(|n| n.to_string());
            let front: [&[u8]; 2] = [by.word().as_bytes(), &g.key];
            csv_record(&mut out, front.into_iter().chain(numbers.iter().map(|n| n.as_bytes())));
        }
    }
    out
}

//! `gc` as text, JSON and CSV.

use bstr::ByteSlice;
use serde::Serialize;

use super::Page;
use super::csv::csv_record;
use super::json::{self, AmountJson, FindingJson, LinkInfo, TOOL, Tool, TotalsJson};
use super::labels::escape;
use super::outputs::{ImageJson, OutputJson, Outputs, RegionJson};
use super::text::{count, linker, machine, more, output_kind, percent, plural, size, table};
use crate::query::dead::{Dead, DroppedSection, GroupRow, Grouping, file_label};
use crate::query::select::{Selection, SortBy};
use crate::query::symbols;
use crate::query::totals::Amount;

fn rows<'a>(page: &Page<'_, '_>, dead: &'a Dead) -> Vec<&'a DroppedSection> {
    let program = &page.analysis.program;
    let name = |row: &DroppedSection| program.section_name(row.section);
    let symbol = |row: &DroppedSection| row.symbol.map_or(&b""[..], |s| symbols::name(program, row.file, s));
    let mut rows: Vec<&DroppedSection> = dead.dropped.iter().collect();
    if page.selection.filter.is_some() {
        rows.retain(|row| {
            let label = file_label(program, row.file);
            page.selection.matches(&[name(row), &label, symbol(row)])
        });
    }
    match page.selection.sort {
        SortBy::Input => {}
        SortBy::Size | SortBy::Count => rows.sort_by_key(|row| (std::cmp::Reverse(row.bytes), row.section)),
        SortBy::Name => rows.sort_by_key(|row| (name(row), row.section)),
    }
    rows
}

fn group_rows<'a>(selection: &Selection, rows: &'a [GroupRow]) -> Vec<&'a GroupRow> {
    let mut out: Vec<&GroupRow> = rows.iter().filter(|r| selection.matches(&[&r.key])).collect();
    let gone = |r: &GroupRow| r.totals.dropped.bytes.saturating_add(r.totals.dropped_pieces);
    match selection.sort {
        SortBy::Input => {}
        SortBy::Size => out.sort_by(|a, b| {
            let by_kept = b.totals.kept.bytes.cmp(&a.totals.kept.bytes);
            gone(b).cmp(&gone(a)).then(by_kept).then_with(|| a.key.cmp(&b.key))
        }),
        SortBy::Count => out.sort_by(|a, b| {
            b.totals.dropped.sections.cmp(&a.totals.dropped.sections).then_with(|| a.key.cmp(&b.key))
        }),
        SortBy::Name => out.sort_by(|a, b| a.key.cmp(&b.key)),
    }
    out
}

/// For people; with `outputs` also memory regions, and if `verbose` the output sections.
pub fn text(page: &Page<'_, '_>, dead: &Dead, outputs: Option<&Outputs<'_>>, verbose: bool) -> Vec<u8> {
    let program = &page.analysis.program;
    let (style, totals) = (page.style, &dead.totals);
    let mut out = String::new();
    let kind = output_kind(program.plan.output_kind);
    out.push_str(&format!("{}, {}, {kind}\n", linker(program.plan.profile), machine(program)));
    if !dead.collects {
        out.push_str("Nothing is dropped: this link does not collect garbage.\n");
    }
    let gone = totals.dropped.bytes.saturating_add(totals.dropped_pieces);
    let candidates = totals.kept.bytes.saturating_add(gone);
    out.push_str(&style.heading(&format!(
        "dropped {} ({} bytes) in {}, {} of what takes part\n\n",
        size(gone),
        count(gone),
        plural(totals.dropped.sections, "section", "sections"),
        percent(gone, candidates)
    )));
    let line = |name: &str, a: Amount, sections: bool| {
        let number = if sections { count(a.sections) } else { "-".into() };
        vec![name.to_string(), number, size(a.bytes), count(a.bytes)]
    };
    let pieces = Amount { sections: 0, bytes: totals.dropped_pieces };
    out.push_str(&table(
        vec![
            vec!["".into(), "sections".into(), "size".into(), "bytes".into()],
            line("kept", totals.kept, true),
            line("dropped", totals.dropped, true),
            line("dropped pieces", pieces, false),
            line("group duplicates", totals.group_duplicates, true),
            line("discarded", totals.discarded, true),
            line("not extracted", totals.not_extracted, true),
            line("not a candidate", totals.not_a_candidate, true),
            line("all input", totals.sum(), true),
        ],
        &[1, 2, 3],
    ));
    if dead.commons_kept.sections + dead.commons_dropped.sections > 0 {
        out.push_str(&format!(
            "\ncommon symbols (no input sections): kept {}, dropped {}\n",
            size(dead.commons_kept.bytes),
            size(dead.commons_dropped.bytes)
        ));
    }
    if dead.unreadable_files > 0 {
        out.push_str(&format!(
            "\nPARTIAL: {} could not be read fully: what is known of them is kept; see LSW009 on stderr\n",
            plural(dead.unreadable_files, "file", "files")
        ));
    }
    for (by, rows) in &dead.groups {
        let rows = group_rows(page.selection, rows);
        let shown = page.selection.shown(rows.len());
        out.push('\n');
        out.push_str(&style.heading(&format!("by {}\n", by.word())));
        let mut lines = vec![vec!["dropped".into(), "sections".into(), "kept".into(), by.word().to_string()]];
        for row in rows.iter().take(shown) {
            let name = match by {
                Grouping::Symbol => style.symbol(&row.key),
                Grouping::Section => style.section(&row.key),
                _ => escape(&row.key),
            };
            let gone = row.totals.dropped.bytes.saturating_add(row.totals.dropped_pieces);
            lines.push(vec![
                size(gone),
                count(row.totals.dropped.sections),
                size(row.totals.kept.bytes),
                name,
            ]);
        }
        out.push_str(&table(lines, &[0, 1, 2]));
        more(&mut out, rows.len() - shown, "rows");
    }
    if let Some(outputs) = outputs {
        if dead.groups.iter().any(|(by, _)| *by == Grouping::Region) {
            out.push_str(&outputs.regions_text(style));
        }
        if verbose {
            out.push_str(&outputs.text(style));
        }
    }
    if dead.groups.is_empty() && !dead.dropped.is_empty() {
        let rows = rows(page, dead);
        let shown = page.selection.shown(rows.len());
        out.push('\n');
        out.push_str(&style.heading("dropped sections, biggest first\n"));
        let mut lines = vec![vec!["size".into(), "section".into(), "symbol".into(), "file".into()]];
        for row in rows.iter().take(shown) {
            let symbol =
                row.symbol.map_or(String::new(), |s| style.symbol(symbols::name(program, row.file, s)));
            let name = program.section_name(row.section);
            // `.text.NAME` beside NAME says the same twice.
            let repeats = row.symbol.is_some_and(|s| {
                let symbol = symbols::name(program, row.file, s);
                !symbol.is_empty() && name.strip_suffix(symbol).is_some_and(|front| front.ends_with(b"."))
            });
            let shown_name = match name.rfind_byte(b'.').filter(|_| repeats) {
                Some(at) if at > 0 => format!("{}.*", escape(name.get(..at).unwrap_or(name))),
                _ => style.section(name),
            };
            lines.push(vec![size(row.bytes), shown_name, symbol, escape(&file_label(program, row.file))]);
        }
        out.push_str(&table(lines, &[0]));
        more(&mut out, rows.len() - shown, "sections");
    }
    out.push('\n');
    out.push_str(if dead.collects {
        "next: `linksweep why NAME` says what keeps something, `linksweep why --dead NAME` why nothing does;\n      \
         `--by=archive` or `--by=symbol` groups, `--format=linker` gives the linker's own lines\n"
    } else {
        "next: leave out --no-gc-sections to see what garbage collection would drop\n"
    });
    out.into_bytes()
}

#[derive(Serialize)]
struct GcJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    totals: TotalsJson,
    commons: CommonsJson,
    groups: Vec<GroupJson>,
    image: Option<ImageJson>,
    output_sections: Vec<OutputJson>,
    regions: Vec<RegionJson>,
    dropped: Vec<DroppedJson>,
    dropped_omitted: u64,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct CommonsJson {
    kept: AmountJson,
    dropped: AmountJson,
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
    totals: TotalsJson,
}

#[derive(Serialize)]
struct DroppedJson {
    section: String,
    index: u32,
    symbol: Option<String>,
    file: String,
    archive: Option<String>,
    bytes: u64,
}

/// `linksweep.gc/1`.
pub fn json(page: &Page<'_, '_>, dead: &Dead, outputs: Option<&Outputs<'_>>) -> Vec<u8> {
    let program = &page.analysis.program;
    let groups = dead.groups.iter().map(|(by, rows)| {
        let rows = group_rows(page.selection, rows);
        let shown = page.selection.shown(rows.len());
        GroupJson {
            by: by.word(),
            rows: rows
                .iter()
                .take(shown)
                .map(|r| GroupRowJson { key: json::string(&r.key), totals: (&r.totals).into() })
                .collect(),
            omitted: (rows.len() - shown) as u64,
        }
    });
    let rows = rows(page, dead);
    let shown = page.selection.shown(rows.len());
    let dropped = rows.iter().take(shown).map(|row| {
        let f = &program.files[row.file];
        DroppedJson {
            section: json::string(program.section_name(row.section)),
            index: row.section.0 - f.section_base,
            symbol: row.symbol.map(|s| json::string(symbols::name(program, row.file, s))),
            file: json::string(if f.archive.is_some() { f.member } else { f.path }),
            archive: f.archive.map(|_| json::string(f.path)),
            bytes: row.bytes,
        }
    });
    json::render(&GcJson {
        schema: "linksweep.gc/1",
        tool: TOOL,
        link: json::link(page),
        totals: (&dead.totals).into(),
        commons: CommonsJson { kept: dead.commons_kept.into(), dropped: dead.commons_dropped.into() },
        groups: groups.collect(),
        image: outputs.map(Outputs::image_json),
        output_sections: outputs.map_or_else(Vec::new, Outputs::json),
        regions: outputs.map_or_else(Vec::new, Outputs::regions_json),
        dropped: dropped.collect(),
        dropped_omitted: (rows.len() - shown) as u64,
        findings: json::findings(page.findings),
    })
}

/// One record per dropped section, or per row of the groupings asked for.
pub fn csv(page: &Page<'_, '_>, dead: &Dead) -> Vec<u8> {
    let program = &page.analysis.program;
    let mut out = Vec::new();
    if dead.groups.is_empty() {
        csv_record(&mut out, ["archive", "file", "section", "symbol", "bytes"].map(str::as_bytes));
        let rows = rows(page, dead);
        for row in rows.iter().take(page.selection.shown(rows.len())) {
            let f = &program.files[row.file];
            let (archive, file) = if f.archive.is_some() { (f.path, f.member) } else { (&b""[..], f.path) };
            let symbol = row.symbol.map_or(&b""[..], |s| symbols::name(program, row.file, s));
            let bytes = row.bytes.to_string();
            csv_record(
                &mut out,
                [archive, file, program.section_name(row.section), symbol, bytes.as_bytes()],
            );
        }
        return out;
    }
    const PARTS: [&str; 6] =
        ["kept", "dropped", "group_duplicates", "discarded", "not_extracted", "not_a_candidate"];
    let mut header = vec!["by".to_string(), "key".to_string()];
    for part in PARTS {
        header.extend([format!("{part}_sections"), format!("{part}_bytes")]);
    }
    header.push("dropped_pieces_bytes".into());
    csv_record(&mut out, header.iter().map(|h| h.as_bytes()));
    for (by, rows) in &dead.groups {
        let rows = group_rows(page.selection, rows);
        for row in rows.iter().take(page.selection.shown(rows.len())) {
            let t = &row.totals;
            let parts =
                [t.kept, t.dropped, t.group_duplicates, t.discarded, t.not_extracted, t.not_a_candidate];
            let mut cells: Vec<Vec<u8>> = vec![by.word().as_bytes().to_vec(), row.key.to_vec()];
            for part in parts {
                cells.push(part.sections.to_string().into_bytes());
                cells.push(part.bytes.to_string().into_bytes());
            }
            cells.push(t.dropped_pieces.to_string().into_bytes());
            csv_record(&mut out, cells.iter().map(|c| c.as_slice()));
        }
    }
    out
}

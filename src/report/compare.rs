//! `gc --compare` as text, JSON and CSV.

use serde::Serialize;

use super::Page;
use super::csv::csv_record;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::escape;
use super::text::{count, flavor, plural, size, table, version};
use crate::plan::Profile;
use crate::query::compare::{Comparison, Difference};
use crate::query::dead::file_label;
use crate::query::select::SortBy;

/// `bfd@2.40`.
pub fn profile_label(profile: Profile) -> String {
    format!("{}@{}", flavor(profile), version(profile))
}

fn rows<'a>(page: &Page<'_, '_>, comparison: &'a Comparison) -> Vec<&'a Difference> {
    let program = &page.analysis.program;
    let mut rows: Vec<&Difference> = comparison.differences.iter().collect();
    if page.selection.filter.is_some() {
        rows.retain(|r| {
            let label = file_label(program, program.locate(r.section).0);
            page.selection.matches(&[program.section_name(r.section), &label, r.rule.as_bytes()])
        });
    }
    match page.selection.sort {
        SortBy::Input => {}
        SortBy::Size | SortBy::Count => rows.sort_by_key(|r| (std::cmp::Reverse(r.bytes), r.section)),
        SortBy::Name => rows.sort_by_key(|r| (program.section_name(r.section), r.section)),
    }
    rows
}

/// For people.
pub fn text(page: &Page<'_, '_>, profiles: &[Profile], comparison: &Comparison) -> Vec<u8> {
    let program = &page.analysis.program;
    let names: Vec<String> = profiles.iter().map(|&p| profile_label(p)).collect();
    let differing = comparison.differences.len() as u64;
    let mut out = page.style.heading(&format!(
        "{} of {} compared: {}\n",
        plural(differing, "section differs", "sections differ"),
        count(comparison.compared),
        names.join(", ")
    ));
    let rows = rows(page, comparison);
    let shown = page.selection.shown(rows.len());
    if !rows.is_empty() {
        let mut header = vec!["size".to_string()];
        header.extend(names);
        header.extend(["rule", "section", "file"].map(str::to_string));
        let mut lines = vec![header];
        for row in rows.iter().take(shown) {
            let mut cells = vec![size(row.bytes)];
            cells.extend(row.fates.iter().map(|f| f.word().to_string()));
            cells.push(row.rule.to_string());
            cells.push(page.style.section(program.section_name(row.section)));
            cells.push(escape(&file_label(program, program.locate(row.section).0)));
            lines.push(cells);
        }
        out.push('\n');
        out.push_str(&table(lines, &[0]));
        if rows.len() > shown {
            out.push_str(&format!(
                "  ... and {} more (-n 0 shows all)\n",
                count((rows.len() - shown) as u64)
            ));
        }
    }
    out.into_bytes()
}

#[derive(Serialize)]
struct CompareJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    linkers: Vec<String>,
    compared: u64,
    differences: Vec<DifferenceJson>,
    differences_omitted: u64,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct DifferenceJson {
    section: String,
    index: u32,
    file: String,
    archive: Option<String>,
    bytes: u64,
    fates: Vec<&'static str>,
    rule: &'static str,
}

/// `linksweep.compare/1`; `fates` has one entry per entry of `linkers`.
pub fn json(page: &Page<'_, '_>, profiles: &[Profile], comparison: &Comparison) -> Vec<u8> {
    let program = &page.analysis.program;
    let rows = rows(page, comparison);
    let shown = page.selection.shown(rows.len());
    let differences = rows.iter().take(shown).map(|row| {
        let (file, index) = program.locate(row.section);
        let f = &program.files[file];
        DifferenceJson {
            section: json::string(program.section_name(row.section)),
            index,
            file: json::string(if f.archive.is_some() { f.member } else { f.path }),
            archive: f.archive.map(|_| json::string(f.path)),
            bytes: row.bytes,
            fates: row.fates.iter().map(|f| f.word()).collect(),
            rule: row.rule,
        }
    });
    json::render(&CompareJson {
        schema: "linksweep.compare/1",
        tool: TOOL,
        link: json::link(page),
        linkers: profiles.iter().map(|&p| profile_label(p)).collect(),
        compared: comparison.compared,
        differences: differences.collect(),
        differences_omitted: (rows.len() - shown) as u64,
        findings: json::findings(page.findings),
    })
}

/// One record per differing section; one column per linker.
pub fn csv(page: &Page<'_, '_>, profiles: &[Profile], comparison: &Comparison) -> Vec<u8> {
    let program = &page.analysis.program;
    let mut out = Vec::new();
    let names: Vec<String> = profiles.iter().map(|&p| profile_label(p)).collect();
    let head = ["archive", "file", "section", "bytes"].iter().map(|c| c.as_bytes());
    csv_record(&mut out, head.chain(names.iter().map(|n| n.as_bytes())).chain([&b"rule"[..]]));
    let rows = rows(page, comparison);
    for row in rows.iter().take(page.selection.shown(rows.len())) {
        let f = &program.files[program.locate(row.section).0];
        let (archive, file) = if f.archive.is_some() { (f.path, f.member) } else { (&b""[..], f.path) };
        let bytes = row.bytes.to_string();
        let cells = [archive, file, program.section_name(row.section), bytes.as_bytes()].into_iter();
        let fates = row.fates.iter().map(|f| f.word().as_bytes());
        csv_record(&mut out, cells.chain(fates).chain([row.rule.as_bytes()]));
    }
    out
}

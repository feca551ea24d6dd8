//! `extract` as text, JSON and TSV.

use serde::Serialize;

use std::collections::BTreeSet;

use super::Page;
use super::csv::tsv_record;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::escape;
use super::text::{count, linker, machine, plural, size, table};
use crate::ids::FileId;
use crate::program::Program;
use crate::query::added::{AddedSymbol, added};
use crate::query::dead::file_label;
use crate::query::members::{MemberRow, Members, Reference};
use crate::query::select::SortBy;

fn reference(program: &Program<'_>, reference: &Reference) -> Vec<u8> {
    match reference {
        Reference::File(file) => file_label(program, *file),
        Reference::Option(text) => text.clone().into_bytes(),
        Reference::Whole => b"--whole-archive".to_vec(),
    }
}

fn columns<'d>(program: &Program<'d>, file: FileId) -> (&'d [u8], &'d [u8]) {
    let f = &program.files[file];
    if f.archive.is_some() { (f.path, f.member) } else { (b"", f.path) }
}

fn rows<'a>(page: &Page<'_, '_>, members: &'a Members) -> Vec<&'a MemberRow> {
    let program = &page.analysis.program;
    let symbol = |row: &MemberRow| row.symbol.map_or(&b""[..], |s| program.name(s));
    let mut rows: Vec<&MemberRow> = members.rows.iter().collect();
    if page.selection.filter.is_some() {
        rows.retain(|r| {
            let (label, asker) = (file_label(program, r.file), reference(program, &r.reference));
            page.selection.matches(&[&label, &asker, symbol(r)])
        });
    }
    match page.selection.sort {
        SortBy::Input | SortBy::Count => {}
        SortBy::Size => rows.sort_by_key(|r| std::cmp::Reverse(r.bytes)),
        SortBy::Name => rows.sort_by_key(|r| columns(program, r.file)),
    }
    rows
}

/// One row per member in the link, in link order: the columns of the contract.
pub fn tsv(page: &Page<'_, '_>, members: &Members) -> Vec<u8> {
    let program = &page.analysis.program;
    let mut out = b"archive\tmember\tsymbol\treference\n".to_vec();
    // An archive that is mentioned twice can be in the link twice; its members are listed once.
    let mut listed = BTreeSet::new();
    for row in &members.rows {
        let (archive, member) = columns(program, row.file);
        let input = &program.files[row.file];
        let place = input.archive.map(|a| row.file.0 - program.archives[a].first.0);
        if !listed.insert((archive, member, place)) {
            continue;
        }
        let symbol = row.symbol.map_or(&b""[..], |s| program.name(s));
        tsv_record(&mut out, [archive, member, symbol, &reference(program, &row.reference)]);
    }
    out
}

/// For people.
pub fn text(page: &Page<'_, '_>, members: &Members, all: bool) -> Vec<u8> {
    let program = &page.analysis.program;
    let style = page.style;
    let mut out = format!("{}, {}\n", linker(program.plan.profile), machine(program));
    let bytes = members.rows.iter().fold(0u64, |s, r| s.saturating_add(r.bytes));
    let left: u64 = members.archives.iter().map(|a| a.left.len() as u64).sum();
    let left_bytes = members.archives.iter().fold(0u64, |s, a| s.saturating_add(a.left_bytes));
    out.push_str(&style.heading(&format!(
        "{} in the link, {} ({} bytes); {} left behind, {} ({} bytes)\n",
        plural(members.rows.len() as u64, "archive member", "archive members"),
        size(bytes),
        count(bytes),
        count(left),
        size(left_bytes),
        count(left_bytes)
    )));
    let rows = rows(page, members);
    let shown = page.selection.shown(rows.len());
    let mut unsized_rows = 0;
    if !rows.is_empty() {
        out.push('\n');
        out.push_str(&style.heading("taken, and who asked first\n"));
        let mut lines = vec![vec!["size".into(), "member".into(), "symbol".into(), "asked by".into()]];
        for row in rows.iter().take(shown) {
            let symbol = row.symbol.map_or(String::new(), |s| style.symbol(program.name(s)));
            let unknown = program.files[row.file].is_stand_in();
            unsized_rows += u64::from(unknown);
            lines.push(vec![
                if unknown { "?".into() } else { size(row.bytes) },
                escape(&file_label(program, row.file)),
                symbol,
                escape(&reference(program, &row.reference)),
            ]);
            for &(file, name) in row.askers.iter().filter(|_| all) {
                let also = format!("  {}", escape(&file_label(program, file)));
                lines.push(vec![String::new(), String::new(), style.symbol(program.name(name)), also]);
            }
        }
        out.push_str(&table(lines, &[0]));
        if unsized_rows > 0 {
            out.push_str("  ?: intermediate code, whose size is known only after code generation\n");
        }
        if rows.len() > shown {
            let more = count((rows.len() - shown) as u64);
            out.push_str(&format!("  ... and {more} more members (-n 0 shows all)\n"));
        }
    }
    if !members.archives.is_empty() {
        out.push('\n');
        out.push_str(&style.heading("archives, and what --whole-archive would add\n"));
        let mut lines = vec![vec!["taken".into(), "left".into(), "would add".into(), "archive".into()]];
        for row in &members.archives {
            lines.push(vec![
                count(u64::from(row.taken)),
                count(row.left.len() as u64),
                size(row.left_bytes),
                escape(program.archives[row.archive].path),
            ]);
        }
        out.push_str(&table(lines, &[0, 1, 2]));
    }
    let symbols: Vec<AddedSymbol<'_>> =
        members.archives.iter().flat_map(|row| added(page.analysis, row.archive, &row.left)).collect();
    if !symbols.is_empty() {
        out.push('\n');
        out.push_str(&style.heading("symbols that --whole-archive would add\n"));
        let shown = page.selection.shown(symbols.len());
        let mut lines = vec![vec!["size".into(), "mark".into(), "symbol".into(), "member".into()]];
        for symbol in symbols.iter().take(shown) {
            let mark = match symbol.serves {
                _ if symbol.exported => "exported".to_string(),
                Some(export) => format!("for {}", style.symbol(export)),
                None => "pure cost".to_string(),
            };
            let member = escape(&file_label(program, symbol.file));
            lines.push(vec![size(symbol.bytes), mark, style.symbol(symbol.name), member]);
        }
        out.push_str(&table(lines, &[0]));
        if symbols.len() > shown {
            let more = count((symbols.len() - shown) as u64);
            out.push_str(&format!("  ... and {more} more symbols (-n 0 shows all)\n"));
        }
    }
    if !members.left_objects.is_empty() {
        out.push_str("\n--start-lib objects left behind:\n");
        for &file in &members.left_objects {
            out.push_str(&format!("  {}\n", escape(program.files[file].path)));
        }
    }
    out.push_str("\nnext: --all lists everyone who refers to a member; --format=linker gives the linker's own report\n");
    out.into_bytes()
}

#[derive(Serialize)]
struct ExtractJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    members: Vec<MemberJson>,
    members_omitted: u64,
    archives: Vec<ArchiveJson>,
    left_objects: Vec<String>,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct MemberJson {
    archive: Option<String>,
    member: String,
    symbol: Option<String>,
    reference: String,
    whole_archive: bool,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    askers: Option<Vec<AskerJson>>,
}

#[derive(Serialize)]
struct AskerJson {
    file: String,
    symbol: String,
}

#[derive(Serialize)]
struct ArchiveJson {
    archive: String,
    thin: bool,
    members: u32,
    taken: u32,
    left: Vec<String>,
    whole_archive: WholeJson,
}

#[derive(Serialize)]
struct WholeJson {
    members: u64,
    bytes: u64,
    symbols: Vec<AddedJson>,
}

#[derive(Serialize)]
struct AddedJson {
    name: String,
    member: String,
    bytes: u64,
    exported: bool,
    pure_cost: bool,
    serves: Option<String>,
}

fn added_json(program: &Program<'_>, symbol: &AddedSymbol<'_>) -> AddedJson {
    AddedJson {
        name: json::string(symbol.name),
        member: json::string(program.files[symbol.file].member),
        bytes: symbol.bytes,
        exported: symbol.exported,
        pure_cost: symbol.is_pure_cost(),
        serves: symbol.serves.map(json::string),
    }
}

/// `linksweep.extract/1`.
pub fn json(page: &Page<'_, '_>, members: &Members, all: bool) -> Vec<u8> {
    let program = &page.analysis.program;
    let rows = rows(page, members);
    let shown = page.selection.shown(rows.len());
    let list = rows.iter().take(shown).map(|row| {
        let (archive, member) = columns(program, row.file);
        MemberJson {
            archive: program.files[row.file].archive.map(|_| json::string(archive)),
            member: json::string(member),
            symbol: row.symbol.map(|s| json::string(program.name(s))),
            reference: json::string(&reference(program, &row.reference)),
            whole_archive: row.reference == Reference::Whole,
            bytes: row.bytes,
            askers: all.then(|| {
                let asker = |&(file, name): &(FileId, _)| AskerJson {
                    file: json::string(&file_label(program, file)),
                    symbol: json::string(program.name(name)),
                };
                row.askers.iter().map(asker).collect()
            }),
        }
    });
    let archives = members.archives.iter().map(|row| {
        let archive = &program.archives[row.archive];
        ArchiveJson {
            archive: json::string(archive.path),
            thin: archive.thin,
            members: archive.count,
            taken: row.taken,
            left: row.left.iter().map(|&f| json::string(program.files[f].member)).collect(),
            whole_archive: WholeJson {
                members: row.left.len() as u64,
                bytes: row.left_bytes,
                symbols: added(page.analysis, row.archive, &row.left)
                    .iter()
                    .map(|symbol| added_json(program, symbol))
                    .collect(),
            },
        }
    });
    json::render(&ExtractJson {
        schema: "linksweep.extract/1",
        tool: TOOL,
        link: json::link(page),
        members: list.collect(),
        members_omitted: (rows.len() - shown) as u64,
        archives: archives.collect(),
        left_objects: members.left_objects.iter().map(|&f| json::string(program.files[f].path)).collect(),
        findings: json::findings(page.findings),
    })
}

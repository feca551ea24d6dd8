//! `undefined` as text, JSON and CSV.

use serde::Serialize;

use super::Page;
use super::csv::csv_record;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::escape;
use super::text::{count, linker, machine, plural};
use crate::ids::FileId;
use crate::query::finding::{Level, level_word};
use crate::query::kernel::module::Module;
use crate::query::select::SortBy;
use crate::query::undefined::{Needer, Referrer, Row, Undefined};

/// What the renderers get besides the page.
pub struct View<'a, 'd> {
    /// The answer.
    pub undefined: &'a Undefined,
    /// The modules it speaks of.
    pub modules: &'a [Module<'d>],
}

impl View<'_, '_> {
    fn module(&self, needer: Needer) -> Option<String> {
        match needer {
            Needer::Link => None,
            Needer::Module(at) => self.modules.get(at).map(|m| json::string(&m.path)),
        }
    }
}

/// Rows that pass the filter, in the order asked for; errors first in text.
fn rows<'a>(page: &Page<'_, '_>, view: &View<'a, '_>) -> Vec<&'a Row> {
    let mut rows: Vec<&Row> = view.undefined.rows.iter().collect();
    if page.selection.filter.is_some() {
        rows.retain(|r| {
            let module = view.module(r.needer).unwrap_or_default();
            page.selection.matches(&[&r.name, module.as_bytes(), r.cause.word().as_bytes()])
        });
    }
    match page.selection.sort {
        SortBy::Input => {}
        SortBy::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        SortBy::Count => rows.sort_by_key(|r| std::cmp::Reverse(r.referrer_count)),
        SortBy::Size => rows.sort_by_key(|r| std::cmp::Reverse(r.level)),
    }
    rows
}

fn place(page: &Page<'_, '_>, referrer: &Referrer) -> String {
    let program = &page.analysis.program;
    let label = program.label(referrer.file);
    match referrer.section {
        Some(section) => {
            let dropped = if referrer.kept { "" } else { ", dropped" };
            format!("{label}:({}{dropped})", page.style.section(program.section_name(section)))
        }
        None => label,
    }
}

/// For people: each symbol with what the tool says, the cause, the remedy.
pub fn text(page: &Page<'_, '_>, view: &View<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let style = page.style;
    let answer = view.undefined;
    let mut out = format!("{}, {}\n", linker(program.plan.profile), machine(program));
    let of = if answer.modules > 0 {
        format!("; {} looked at", plural(answer.modules as u64, "module", "modules"))
    } else {
        String::new()
    };
    out.push_str(&style.heading(&format!(
        "{}, {}, {}{of}\n",
        plural(answer.count(Level::Error) as u64, "error", "errors"),
        plural(answer.count(Level::Warning) as u64, "warning", "warnings"),
        plural(answer.count(Level::Note) as u64, "note", "notes"),
    )));
    if answer.unread > 0 {
        let files = plural(answer.unread as u64, "input", "inputs");
        out.push_str(&format!("partial: {files} could not be read; they may define or need more\n"));
    }
    let rows = rows(page, view);
    let shown = page.selection.shown(rows.len());
    for row in rows.iter().take(shown) {
        out.push('\n');
        let from = view.module(row.needer).filter(|_| row.name.is_empty());
        let message = if style.demangle && matches!(row.needer, Needer::Link) {
            row.message.replace(&row.name.to_string(), &style.symbol(&row.name))
        } else {
            row.message.clone()
        };
        out.push_str(&style.heading(&format!("{}: {}\n", level_word(row.level), escape(message.as_bytes()))));
        if let Some(module) = from {
            out.push_str(&format!("  module:  {}\n", escape(module.as_bytes())));
        }
        let explain = row.cause.explain(program, view.modules, &row.name);
        out.push_str(&format!("  cause:   {} ({})\n", escape(explain.as_bytes()), row.cause.word()));
        if !row.referrers.is_empty() {
            let list: Vec<String> = row.referrers.iter().map(|r| escape(place(page, r).as_bytes())).collect();
            let more = row.referrer_count - row.referrers.len();
            let more = if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
            out.push_str(&format!("  used by: {}{more}\n", list.join(", ")));
        }
        let remedy = row.cause.remedy(program, view.modules, &row.name);
        if !remedy.is_empty() {
            out.push_str(&format!("  remedy:  {}\n", escape(remedy.as_bytes())));
        }
        if let Some(near) = &row.near {
            out.push_str(&format!("  near:    {}\n", style.symbol(near)));
        }
    }
    if rows.is_empty() {
        out.push_str("Nothing is undefined.\n");
    }
    if rows.len() > shown {
        let more = count((rows.len() - shown) as u64);
        out.push_str(&format!("\n... and {more} more symbols (-n 0 shows all)\n"));
    }
    out.into_bytes()
}

/// One record per row.
pub fn csv(page: &Page<'_, '_>, view: &View<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let mut out = b"symbol,needer,level,cause,explanation,remedy,near,message\n".to_vec();
    let rows = rows(page, view);
    for row in rows.iter().take(page.selection.shown(rows.len())) {
        let needer = view.module(row.needer).unwrap_or_default();
        let near = row.near.as_ref().map_or(&b""[..], |n| n.as_slice());
        csv_record(
            &mut out,
            [
                row.name.as_slice(),
                needer.as_bytes(),
                level_word(row.level).as_bytes(),
                row.cause.word().as_bytes(),
                row.cause.explain(program, view.modules, &row.name).as_bytes(),
                row.cause.remedy(program, view.modules, &row.name).as_bytes(),
                near,
                row.message.as_bytes(),
            ],
        );
    }
    out
}

#[derive(Serialize)]
struct UndefinedJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    totals: TotalsJson,
    symbols: Vec<SymbolJson>,
    symbols_omitted: u64,
    partial: bool,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct TotalsJson {
    errors: u64,
    warnings: u64,
    notes: u64,
    modules: u64,
}

#[derive(Serialize)]
struct SymbolJson {
    name: String,
    module: Option<String>,
    level: &'static str,
    cause: &'static str,
    explanation: String,
    remedy: String,
    near: Option<String>,
    message: String,
    referrers: Vec<ReferrerJson>,
    referrer_count: u64,
}

#[derive(Serialize)]
struct ReferrerJson {
    archive: Option<String>,
    file: String,
    section: Option<String>,
    kept: bool,
}

/// `linksweep.undefined/1`.
pub fn json(page: &Page<'_, '_>, view: &View<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let answer = view.undefined;
    let split = |file: FileId| {
        let f = &program.files[file];
        match f.archive {
            Some(_) => (Some(json::string(f.path)), json::string(f.member)),
            None => (None, json::string(f.path)),
        }
    };
    let rows = rows(page, view);
    let shown = page.selection.shown(rows.len());
    let symbols = rows.iter().take(shown).map(|row| SymbolJson {
        name: json::string(&row.name),
        module: view.module(row.needer),
        level: level_word(row.level),
        cause: row.cause.word(),
        explanation: row.cause.explain(program, view.modules, &row.name),
        remedy: row.cause.remedy(program, view.modules, &row.name),
        near: row.near.as_ref().map(|n| json::string(n)),
        message: row.message.clone(),
        referrers: row
            .referrers
            .iter()
            .map(|r| {
                let (archive, file) = split(r.file);
                let section = r.section.map(|s| json::string(program.section_name(s)));
                ReferrerJson { archive, file, section, kept: r.kept }
            })
            .collect(),
        referrer_count: row.referrer_count as u64,
    });
    json::render(&UndefinedJson {
        schema: "linksweep.undefined/1",
        tool: TOOL,
        link: json::link(page),
        totals: TotalsJson {
            errors: answer.count(Level::Error) as u64,
            warnings: answer.count(Level::Warning) as u64,
            notes: answer.count(Level::Note) as u64,
            modules: answer.modules as u64,
        },
        symbols: symbols.collect(),
        symbols_omitted: (rows.len() - shown) as u64,
        partial: answer.unread > 0,
        findings: json::findings(page.findings),
    })
}

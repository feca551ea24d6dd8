//! `check` in all its forms: one file per format that a service reads, text, JSON and CSV here.
//!
//! In: [`View`]. Out: bytes. Names come from inputs and may hold anything: each format escapes what
//! would change its own structure, and control characters where they would reach a terminal or a page.

mod github;
mod gitlab;
mod junit;
#[cfg(test)]
mod limits_tests;
mod markdown;
mod sarif;

pub use github::github;
pub use gitlab::gitlab;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;

use serde::Serialize;

use super::Page;
use super::csv::csv_record;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::escape;
use super::text::{count, linker, machine, output_kind, plural, size};
use crate::query::check::{BudgetResult, Check};
use crate::query::finding::{Finding, Level, level_word, name_of};

/// What the renderers of `check` get.
pub struct View<'a> {
    /// The answer.
    pub check: &'a Check,
    /// The configuration file, as spelled from the repository's root; empty if there is none.
    pub config: String,
    /// What it is compared with; empty: nothing.
    pub base: String,
    /// The most bytes of Markdown.
    pub limit: usize,
    /// From which level on the check fails.
    pub fail_on: Level,
    /// What tells runs of several builds apart: `x86-64-executable`.
    pub category: String,
    /// The folder that reported paths are relative to, with a slash at its end; empty if unknown.
    pub root: String,
}

/// The place to show a finding at: path from the root, line and column. Never a build artefact: without
/// a place to fix it is the first line of the configuration file.
pub(super) fn place(view: &View<'_>, finding: &Finding) -> (String, u32, u32) {
    match &finding.location {
        Some(at) if !at.file.is_empty() => {
            let file = at.file.strip_prefix(&view.root).filter(|_| !view.root.is_empty());
            let mut file = file.unwrap_or(&at.file);
            while let Some(rest) = file.strip_prefix("./") {
                file = rest;
            }
            (file.to_string(), at.line.max(1), at.column.max(1))
        }
        _ if view.config.is_empty() => ("linksweep.toml".to_string(), 1, 1),
        _ => (view.config.clone(), 1, 1),
    }
}

/// `libx.a(member)`, `a.o: .text`, a name.
pub(super) fn subject(finding: &Finding) -> String {
    let s = &finding.subject;
    let file = if s.archive.is_empty() { s.file.clone() } else { format!("{}({})", s.archive, s.file) };
    if s.name == s.file || s.name.is_empty() {
        file
    } else if file.is_empty() {
        s.name.clone()
    } else {
        format!("{} in {file}", s.name)
    }
}

/// `2 errors, 1 warning, 3 notes`.
pub(super) fn summary(check: &Check) -> String {
    let known = match check.known.len() {
        0 => String::new(),
        n => format!(", {} known from the base", count(n as u64)),
    };
    let of = |level, one, many| plural(check.count(level) as u64, one, many);
    format!(
        "{}, {}, {}{known}",
        of(Level::Error, "error", "errors"),
        of(Level::Warning, "warning", "warnings"),
        of(Level::Note, "note", "notes")
    )
}

fn budget_words(result: &BudgetResult) -> String {
    let bytes = result.unit() == "bytes";
    let amount = |n: u64| if bytes { size(n) } else { count(n) };
    let budget = &result.budget;
    let mut words = vec![result.value.map_or_else(|| "not measured".to_string(), amount)];
    if let Some(max) = budget.max {
        words.push(format!("{} allowed", amount(max)));
    }
    if let Some(min) = budget.min {
        words.push(format!("{} wanted", amount(min)));
    }
    if let Some(base) = result.base {
        words.push(format!("{} in the base", amount(base)));
    }
    match (budget.ratchet, budget.max_growth) {
        (true, _) => words.push("no growth allowed".into()),
        (false, Some(growth)) => words.push(format!("growth of {} allowed", amount(growth))),
        (false, None) => {}
    }
    if !result.note.is_empty() {
        words.push(result.note.to_string());
    }
    words.join(", ")
}

/// For people.
pub fn text(page: &Page<'_, '_>, view: &View<'_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let style = page.style;
    let check = view.check;
    let mut out = format!(
        "{}, {}, {}\n",
        linker(program.plan.profile),
        machine(program),
        output_kind(program.plan.output_kind)
    );
    let config = if view.config.is_empty() { "no linksweep.toml".to_string() } else { view.config.clone() };
    out.push_str(&style.heading(&format!(
        "{}; {} allowed, {} of rules that are off ({})\n",
        summary(check),
        count(check.allowed.len() as u64),
        count(check.off),
        escape(config.as_bytes())
    )));
    let shown = page.selection.shown(check.findings.len());
    for finding in check.findings.iter().take(shown) {
        out.push_str(&format!(
            "\n{} {} {}: {}\n",
            level_word(finding.level),
            finding.id,
            name_of(finding.id),
            escape(finding.message.as_bytes())
        ));
        if let Some(at) = &finding.location {
            out.push_str(&format!("  at  {}:{}:{}\n", escape(at.file.as_bytes()), at.line, at.column));
        }
        let about = subject(finding);
        if !about.is_empty() {
            out.push_str(&format!("  in  {}\n", escape(about.as_bytes())));
        }
        if !finding.remedy.is_empty() {
            out.push_str(&format!("  fix {}\n", escape(finding.remedy.as_bytes())));
        }
    }
    if check.findings.len() > shown {
        let more = count((check.findings.len() - shown) as u64);
        out.push_str(&format!("\n... and {more} more findings (-n 0 shows all)\n"));
    }
    if !check.budgets.is_empty() {
        out.push('\n');
        out.push_str(&style.heading("budgets\n"));
        for result in &check.budgets {
            let name = escape(result.budget.name.as_bytes());
            out.push_str(&format!("  {name}: {}, {}\n", result.state.word(), budget_words(result)));
        }
    }
    for allowed in &check.allowed {
        let until = allowed.until.map_or_else(String::new, |d| format!(" until {d}"));
        out.push_str(&format!(
            "\nallowed{until}: {} {}\n  because {}\n",
            allowed.finding.id,
            escape(subject(&allowed.finding).as_bytes()),
            escape(allowed.reason.as_bytes())
        ));
    }
    for note in &check.notes {
        out.push_str(&format!("\nnote: {}\n", escape(note.as_bytes())));
    }
    out.push_str("\nnext: keep, exports, undefined and sections tell more about their own findings\n");
    out.into_bytes()
}

#[derive(Serialize)]
struct CheckJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    config: Option<String>,
    fail_on: &'static str,
    failed: bool,
    counts: CountsJson,
    allowed: Vec<AllowedJson>,
    budgets: Vec<BudgetJson>,
    notes: Vec<String>,
    base: Option<String>,
    known: Vec<FindingJson>,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct CountsJson {
    error: usize,
    warning: usize,
    note: usize,
    allowed: usize,
    off: u64,
    known: usize,
}

#[derive(Serialize)]
struct AllowedJson {
    finding: Option<FindingJson>,
    reason: String,
    until: Option<String>,
}

#[derive(Serialize)]
struct BudgetJson {
    name: String,
    metric: &'static str,
    r#match: Option<String>,
    region: Option<String>,
    keep: Option<String>,
    unit: &'static str,
    value: Option<u64>,
    base: Option<u64>,
    max: Option<u64>,
    min: Option<u64>,
    max_growth: Option<u64>,
    ratchet: bool,
    state: &'static str,
    note: &'static str,
}

/// `linksweep.check/1`.
pub fn json(page: &Page<'_, '_>, view: &View<'_>) -> Vec<u8> {
    let check = view.check;
    json::render(&CheckJson {
        schema: "linksweep.check/1",
        tool: TOOL,
        link: json::link(page),
        config: (!view.config.is_empty()).then(|| view.config.clone()),
        fail_on: level_word(view.fail_on),
        failed: check.fails(view.fail_on),
        counts: CountsJson {
            error: check.count(Level::Error),
            warning: check.count(Level::Warning),
            note: check.count(Level::Note),
            allowed: check.allowed.len(),
            off: check.off,
            known: check.known.len(),
        },
        allowed: check
            .allowed
            .iter()
            .map(|a| AllowedJson {
                finding: json::findings(std::slice::from_ref(&a.finding)).pop(),
                reason: a.reason.clone(),
                until: a.until.map(|d| d.to_string()),
            })
            .collect(),
        budgets: check
            .budgets
            .iter()
            .map(|b| BudgetJson {
                name: b.budget.name.clone(),
                metric: b.budget.metric.word(),
                r#match: b.budget.matching.clone(),
                region: b.budget.region.clone(),
                keep: b.budget.keep.clone(),
                unit: b.unit(),
                value: b.value,
                base: b.base,
                max: b.budget.max,
                min: b.budget.min,
                max_growth: b.budget.max_growth,
                ratchet: b.budget.ratchet,
                state: b.state.word(),
                note: b.note,
            })
            .collect(),
        notes: check.notes.clone(),
        base: (!view.base.is_empty()).then(|| view.base.clone()),
        known: json::findings(&check.known),
        findings: json::findings(&check.findings),
    })
}

/// One row per finding.
pub fn csv(view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let header = [
        "id",
        "name",
        "level",
        "message",
        "kind",
        "subject",
        "file",
        "archive",
        "location",
        "line",
        "column",
        "bytes",
        "remedy",
        "fingerprint",
        "state",
    ];
    csv_record(&mut out, header.map(str::as_bytes));
    let own = view.check.findings.iter().map(|f| (f, if view.check.has_base { "new" } else { "" }));
    for (f, state) in own.chain(view.check.known.iter().map(|f| (f, "known"))) {
        let at = f.location.as_ref();
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let cells = [
            f.id.to_string(),
            name_of(f.id).to_string(),
            level_word(f.level).to_string(),
            f.message.clone(),
            f.subject.kind.to_string(),
            f.subject.name.clone(),
            f.subject.file.clone(),
            f.subject.archive.clone(),
            at.map_or_else(String::new, |l| l.file.clone()),
            number(at.map(|l| u64::from(l.line))),
            number(at.map(|l| u64::from(l.column))),
            number(f.bytes),
            f.remedy.clone(),
            f.fingerprint(),
            state.to_string(),
        ];
        csv_record(&mut out, cells.iter().map(|c| c.as_bytes()));
    }
    out
}

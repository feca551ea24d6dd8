//! Markdown for a step summary or a comment: a table, the worst and biggest first, within a budget of
//! bytes (a comment ends at 64 KiB, and a summary above 1 MiB is dropped as a whole).

use std::fmt::Write as _;

use super::{View, place, subject, summary};
use crate::query::finding::{Finding, Level, level_word, name_of};
use crate::report::markdown::cell;
use crate::report::text::{count, size};

/// Bytes that the heads of blocks and the closing remarks may take.
const RESERVE: usize = 600;

fn row(view: &View<'_>, finding: &Finding) -> String {
    let (file, line, _) = place(view, finding);
    let at = if finding.location.is_some() { format!("{file}:{line}") } else { subject(finding) };
    let bytes = finding.bytes.map_or_else(String::new, size);
    format!(
        "| {} | {} {} | {} | {} | {} |\n",
        level_word(finding.level),
        finding.id,
        name_of(finding.id),
        cell(&finding.message),
        cell(&at),
        bytes
    )
}

const HEAD: &str = "| level | rule | finding | where | bytes |\n| --- | --- | --- | --- | ---: |\n";

/// The page.
pub fn markdown(view: &View<'_>) -> Vec<u8> {
    let check = view.check;
    let verdict = if check.fails(view.fail_on) { "failed" } else { "passed" };
    let mut out = format!("## linksweep {verdict}: {}\n\n{}\n", summary(check), cell(&view.category));
    let (mut notes, mut others): (Vec<&Finding>, Vec<&Finding>) =
        check.findings.iter().partition(|f| f.level == Level::Note);
    for list in [&mut notes, &mut others] {
        list.sort_by_key(|f| (std::cmp::Reverse(f.level), std::cmp::Reverse(f.bytes.unwrap_or(0))));
    }
    let mut left = 0usize;
    let mut add = |out: &mut String, list: &[&Finding]| {
        for finding in list {
            let row = row(view, finding);
            if out.len() + row.len() + RESERVE > view.limit {
                left += 1;
            } else {
                out.push_str(&row);
            }
        }
    };
    if !others.is_empty() {
        let _ = write!(out, "\n{HEAD}");
        add(&mut out, &others);
    }
    if !check.budgets.is_empty() {
        out.push_str("\n| budget | state | measured |\n| --- | --- | ---: |\n");
        let mut hidden = 0u64;
        for result in &check.budgets {
            let (name, words) = (cell(&result.budget.name), super::budget_words(result));
            let row = format!("| {name} | {} | {words} |\n", result.state.word());
            if out.len() + row.len() + RESERVE > view.limit {
                hidden += 1;
            } else {
                out.push_str(&row);
            }
        }
        if hidden > 0 {
            let _ = writeln!(out, "\n{} more budgets are left out here.", count(hidden));
        }
    }
    if !notes.is_empty() {
        let _ = write!(out, "\n<details><summary>{} notes</summary>\n\n{HEAD}", count(notes.len() as u64));
        add(&mut out, &notes);
        out.push_str("\n</details>\n");
    }
    if left > 0 {
        let _ = writeln!(out, "\n{} more findings are left out here.", count(left as u64));
    }
    if !check.allowed.is_empty() {
        let _ = writeln!(
            out,
            "\n{} findings are allowed by the configuration.",
            count(check.allowed.len() as u64)
        );
    }
    out.into_bytes()
}

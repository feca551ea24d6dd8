//! Markdown for a step summary or a comment: a table, the worst and biggest first, within a budget of
//! bytes (a comment ends at 64 KiB, and a summary above 1 MiB is dropped as a whole).

use std::fmt::Write as _;

use super::{View, place, subject, summary};
use crate::query::finding::{Finding, Level, level_word, name_of};
use crate::report::labels::escape;
use crate::report::text::{count, size};

/// Bytes of the whole.
const BUDGET: usize = 60 * 1024;
/// The longest message in a cell, in characters.
const CELL: usize = 400;

/// Escapes text for a table's cell: nothing of it is markup, a link, a mention or a new cell.
fn cell(text: &str) -> String {
    let shortened: String = text.chars().take(CELL).collect();
    let dots = if shortened.len() < text.len() { "…" } else { "" };
    let mut out = String::with_capacity(shortened.len() + 8);
    for c in escape(shortened.as_bytes()).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out + dots
}

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
            if out.len() + row.len() > BUDGET {
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
        for result in &check.budgets {
            let name = cell(&result.budget.name);
            let _ = writeln!(out, "| {name} | {} | {} |", result.state.word(), super::budget_words(result));
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

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn escapes() {
        assert_eq!(cell("a|b`c\nd<img>@x"), "a\\|b\\`c\\\\nd&lt;img&gt;&#64;x");
        assert!(cell(&"x".repeat(1000)).ends_with('…'));
    }
}

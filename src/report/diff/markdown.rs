//! `diff` as Markdown for a step summary or a comment: totals first, then each grouping in a block that
//! opens on demand, biggest change first, within a budget of bytes.

use std::fmt::Write as _;

use super::{View, causes, per_cent, signed};
use crate::query::diff::causes::Causes;
use crate::query::diff::{By, Row, Sums};
use crate::report::markdown::cell;
use crate::report::text::count;

/// Bytes that the end of a block and the closing remark may take.
const RESERVE: usize = 200;

/// The page, at most `limit` bytes unless the totals alone have more.
pub fn markdown(view: &View<'_>, limit: usize) -> Vec<u8> {
    let (old, new) = (view.diff.old, view.diff.new);
    let delta = |old: u64, new: u64| signed(i128::from(new) - i128::from(old));
    let mut out = format!(
        "## linksweep: {} bytes ({})\n\n{} → {}\n\n",
        delta(old.dec(), new.dec()),
        per_cent(old.dec(), new.dec()),
        cell(&view.old.name),
        cell(&view.new.name)
    );
    out.push_str("| | old | new | change | |\n| --- | ---: | ---: | ---: | ---: |\n");
    for (name, old, new) in [
        ("text", old.text, new.text),
        ("data", old.data, new.data),
        ("bss", old.bss, new.bss),
        ("**all**", old.dec(), new.dec()),
    ] {
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} |",
            count(old),
            count(new),
            delta(old, new),
            per_cent(old, new)
        );
    }
    for note in view.notes {
        let _ = writeln!(out, "\n> {}", cell(note));
    }
    let mut left = 0u64;
    if let Some(found) = view.causes {
        left += why(&mut out, view, found, limit);
    }
    for (by, rows) in &view.diff.groups {
        left += group(&mut out, view, *by, rows, limit);
    }
    if left > 0 {
        let _ = writeln!(out, "\n{} more rows are left out here.", count(left));
    }
    out.into_bytes()
}

/// Adds the causes; returns how many did not fit.
fn why(out: &mut String, view: &View<'_>, found: &Causes, limit: usize) -> u64 {
    let head = "\n| change | why |\n| ---: | --- |\n";
    if found.causes.is_empty() || out.len() + head.len() + RESERVE > limit {
        return found.causes.len() as u64;
    }
    out.push_str(head);
    // The first few are read by everybody, the rest by those who ask.
    const OPEN: usize = 10;
    let shown = view.selection.shown(found.causes.len());
    let mut left = (found.causes.len() - shown) as u64;
    let mut folded = false;
    for (number, cause) in found.causes.iter().take(shown).enumerate() {
        let bytes = i128::from(cause.bytes.dec());
        let change = signed(if cause.is_new { bytes } else { -bytes });
        let line = format!("| {change} | {} |\n", cell(&causes::words(view, cause)));
        let more =
            format!("\n<details><summary>{} more causes</summary>\n{head}", count((shown - number) as u64));
        let opens = number == OPEN;
        let need = line.len() + if opens { more.len() } else { 0 } + RESERVE;
        if left > 0 || out.len() + need > limit {
            left += 1;
            continue;
        }
        if opens {
            out.push_str(&more);
            folded = true;
        }
        out.push_str(&line);
    }
    if folded {
        out.push_str("\n</details>\n");
    }
    left
}

/// Adds a block; returns how many rows did not fit.
fn group(out: &mut String, view: &View<'_>, by: By, rows: &[Row], limit: usize) -> u64 {
    let rows = view.rows(by, rows);
    let shown = view.selection.shown(rows.len());
    if rows.is_empty() {
        return 0;
    }
    let head = format!(
        "\n<details><summary>by {} ({} changed)</summary>\n\n| change | old | new | {} |\n| ---: | ---: | ---: | --- |\n",
        by.word(),
        count(rows.len() as u64),
        by.word()
    );
    if out.len() + head.len() + RESERVE > limit {
        return rows.len() as u64;
    }
    out.push_str(&head);
    let mut left = (rows.len() - shown) as u64;
    for row in rows.iter().take(shown) {
        let line = line(row);
        if out.len() + line.len() + RESERVE > limit {
            left += 1;
        } else {
            out.push_str(&line);
        }
    }
    out.push_str("\n</details>\n");
    left
}

fn line(row: &Row) -> String {
    let amount = |sums: Option<Sums>| sums.map_or_else(|| "-".into(), |s| count(s.dec()));
    let text = |bytes: &[u8]| cell(&String::from_utf8_lossy(bytes));
    let mut name = text(&row.name);
    if !row.file.is_empty() {
        let _ = write!(name, " in {}", text(&row.file));
    }
    if let Some(was) = &row.was {
        let _ = write!(name, " (was {})", text(was));
    }
    format!("| {} | {} | {} | {name} |\n", signed(row.delta()), amount(row.old), amount(row.new))
}

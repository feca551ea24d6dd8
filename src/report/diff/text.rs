//! `diff` for people: totals, causes, the biggest changes, what to do next.

use std::fmt::Write as _;

use super::{View, causes, per_cent, signed};
use crate::query::diff::causes::{Causes, Step};
use crate::query::diff::{By, Row, SideKind, Sums};
use crate::report::labels::escape;
use crate::report::text::{count, table};

/// The page.
pub fn text(view: &View<'_>) -> Vec<u8> {
    let mut out = String::new();
    let _ = writeln!(out, "{} -> {}", escape(view.old.name.as_bytes()), escape(view.new.name.as_bytes()));
    out.push_str(&totals(view.diff.old, view.diff.new));
    for note in view.notes {
        let _ = writeln!(out, "warning: {}", escape(note.as_bytes()));
    }
    if let Some(note) = super::inexact(view) {
        let _ = writeln!(out, "note: {note}");
    }
    if let Some(found) = view.causes {
        accounts(&mut out, view, found);
        list(&mut out, view, found);
    }
    for (by, rows) in &view.diff.groups {
        group(&mut out, view, *by, rows);
    }
    let next = match view.new.kind {
        SideKind::Image => {
            "diff of the links instead of the images names causes; --format=bloat-o-meter for the kernel's form"
        }
        SideKind::Link => {
            "why PATTERN shows the whole chain; check with max_growth in linksweep.toml guards it"
        }
    };
    let _ = writeln!(out, "\nnext: {next}");
    out.into_bytes()
}

fn accounts(out: &mut String, view: &View<'_>, found: &Causes) {
    out.push('\n');
    out.push_str(&view.style.heading("where it comes from\n"));
    let mut lines = vec![["change", "old", "new", ""].map(String::from).to_vec()];
    for (name, change) in causes::accounts(found) {
        let (old, new) = (change.old.dec(), change.new.dec());
        if old == 0 && new == 0 {
            continue;
        }
        let name = match name {
            "new" => "new code and data",
            "lost" => "lost code and data",
            "changed" => "code and data of both",
            other => other,
        };
        lines.push(vec![signed(causes::delta(change)), count(old), count(new), name.to_string()]);
    }
    out.push_str(&table(lines, &[0, 1, 2]));
}

fn list(out: &mut String, view: &View<'_>, found: &Causes) {
    if found.causes.is_empty() {
        return;
    }
    out.push('\n');
    out.push_str(&view.style.heading("why\n"));
    let shown = view.selection.shown(found.causes.len());
    let mut lines = vec![["change", "parts", ""].map(String::from).to_vec()];
    lines.extend(found.causes.iter().take(shown).map(|cause| {
        let bytes = i128::from(cause.bytes.dec());
        let change = signed(if cause.is_new { bytes } else { -bytes });
        let mut words = causes::words(view, cause);
        if matches!(cause.step, Step::Edge { .. }) && !cause.root.is_empty() {
            let _ = write!(words, "; root: {}", escape(&cause.root));
        }
        vec![change, count(cause.nodes), words]
    }));
    out.push_str(&table(lines, &[0, 1]));
    if found.causes.len() > shown {
        let more = count((found.causes.len() - shown) as u64);
        let _ = writeln!(out, "  ... and {more} more causes (-n 0 shows all)");
    }
}

fn totals(old: Sums, new: Sums) -> String {
    let line = |name: &str, old: u64, new: u64| {
        let delta = signed(i128::from(new) - i128::from(old));
        vec![name.to_string(), count(old), count(new), delta, per_cent(old, new)]
    };
    let head = ["", "old", "new", "change", ""].map(String::from).to_vec();
    let rows = vec![
        head,
        line("text", old.text, new.text),
        line("data", old.data, new.data),
        line("bss", old.bss, new.bss),
        line("all", old.dec(), new.dec()),
    ];
    table(rows, &[1, 2, 3, 4])
}

fn name(view: &View<'_>, by: By, row: &Row) -> String {
    let spell = |text: &[u8]| match by {
        By::Symbol => causes::short(view.style.symbol(text)),
        By::Input => causes::short(view.style.section(text)),
        _ => escape(text),
    };
    let mut out = spell(&row.name);
    if !row.file.is_empty() {
        let _ = write!(out, "  {}", causes::short_file(&row.file));
    }
    match (&row.was, &row.was_in) {
        (Some(was), Some(file)) => {
            let _ = write!(out, "  (was {} in {})", spell(was), escape(file));
        }
        (Some(was), None) => {
            let _ = write!(out, "  (was {})", spell(was));
        }
        (None, Some(file)) if file.is_empty() => {}
        (None, Some(file)) => {
            let _ = write!(out, "  (was in {})", escape(file));
        }
        (None, None) => {}
    }
    out
}

fn group(out: &mut String, view: &View<'_>, by: By, rows: &[Row]) {
    let rows = view.rows(by, rows);
    out.push('\n');
    out.push_str(&view.style.heading(&format!("by {}\n", by.word())));
    if rows.is_empty() {
        out.push_str("  no change\n");
        return;
    }
    let amount = |sums: Option<Sums>| sums.map_or_else(|| "-".into(), |s| count(s.dec()));
    let mut lines = vec![["change", "old", "new", ""].map(String::from).to_vec()];
    let shown = view.selection.shown(rows.len());
    lines.extend(
        rows.iter()
            .take(shown)
            .map(|row| vec![signed(row.delta()), amount(row.old), amount(row.new), name(view, by, row)]),
    );
    out.push_str(&table(lines, &[0, 1, 2]));
    if rows.len() > shown {
        let rest: i128 = rows.iter().skip(shown).map(|r| r.delta()).sum();
        let more = count((rows.len() - shown) as u64);
        let _ = writeln!(out, "  ... and {more} more, together {} (-n 0 shows all)", signed(rest));
    }
}

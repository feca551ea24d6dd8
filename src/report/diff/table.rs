//! `diff` as CSV: one record per row of every grouping.

use super::View;
use crate::query::diff::Sums;
use crate::report::csv::csv_record;

/// The records; rows without a change are left out.
pub fn csv(view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let header = [
        "by", "name", "file", "was", "was_in", "change", "old", "new", "delta", "old_text", "old_data",
        "old_bss", "new_text", "new_data", "new_bss",
    ];
    csv_record(&mut out, header.map(str::as_bytes));
    let mut record = |texts: [&[u8]; 6], old: Option<Sums>, new: Option<Sums>| {
        let dec = |sums: Option<Sums>| sums.map_or_else(String::new, |s| s.dec().to_string());
        let parts = |sums: Option<Sums>| {
            let s = sums.unwrap_or_default();
            [s.text, s.data, s.bss].map(|n| n.to_string())
        };
        let delta = i128::from(new.map_or(0, Sums::dec)) - i128::from(old.map_or(0, Sums::dec));
        let mut numbers = vec![dec(old), dec(new)];
        // A number is no formula: it is written as it is.
        numbers.push(delta.to_string());
        numbers.extend(parts(old));
        numbers.extend(parts(new));
        csv_record(&mut out, texts);
        out.pop();
        for number in numbers {
            out.push(b',');
            out.extend_from_slice(number.as_bytes());
        }
        out.push(b'\n');
    };
    record([b"total", b"", b"", b"", b"", b""], Some(view.diff.old), Some(view.diff.new));
    for (by, rows) in &view.diff.groups {
        let rows = view.rows(*by, rows);
        for row in rows.iter().take(view.selection.shown(rows.len())) {
            let text = |t: &'_ Option<bstr::BString>| t.clone().unwrap_or_default();
            let (was, was_in) = (text(&row.was), text(&row.was_in));
            record(
                [by.word().as_bytes(), &row.name, &row.file, &was, &was_in, row.change().as_bytes()],
                row.old,
                row.new,
            );
        }
    }
    out
}

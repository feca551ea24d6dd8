//! `diff --format=bloat-o-meter`: the lines of the kernel's script of that name.

use std::fmt::Write as _;

use bstr::ByteSlice;

use crate::query::diff::bloat::SymbolTable;

/// The tables, one behind the other. Names are written as they are stored: a program reads this.
pub fn bloat_o_meter(tables: &[SymbolTable]) -> Vec<u8> {
    let mut out = Vec::new();
    for table in tables {
        one(&mut out, table);
    }
    out
}

fn one(out: &mut Vec<u8>, table: &SymbolTable) {
    let (up, down) = (i128::from(table.up), i128::from(table.down));
    let mut text = format!(
        "add/remove: {}/{} grow/shrink: {}/{} up/down: {up}/{} ({})\n",
        table.added,
        table.removed,
        table.grown,
        table.shrunk,
        -down,
        up - down
    );
    let _ = writeln!(text, "{:<40} {:>7} {:>7} {:>7}", table.symbols.heading(), "old", "new", "delta");
    out.extend_from_slice(text.as_bytes());
    let number = |n: Option<u64>| n.map_or_else(|| "-".to_string(), |n| n.to_string());
    for row in &table.rows {
        out.extend_from_slice(&row.name);
        let width = row.name.chars().count();
        out.resize(out.len() + 40usize.saturating_sub(width), b' ');
        let line = format!(" {:>7} {:>7} {:>+7}\n", number(row.old), number(row.new), row.delta());
        out.extend_from_slice(line.as_bytes());
    }
    let per_cent = if table.before == 0 { 0.0 } else { (up - down) as f64 * 100.0 / table.before as f64 };
    let total = format!("Total: Before={}, After={}, chg {per_cent:+.2}%\n", table.before, table.after);
    out.extend_from_slice(total.as_bytes());
}

//! `diff` in all its forms. In: [`View`]. Out: bytes.

mod bloat;
mod causes;
mod json;
mod markdown;
mod table;
mod text;

pub use bloat::bloat_o_meter;
pub use json::json;
pub use markdown::markdown;
pub use table::csv;
pub use text::text;

use super::labels::Style;
use crate::query::diff::causes::Causes;
use crate::query::diff::{By, Diff, Row, Side};
use crate::query::select::Selection;

/// What the renderers get.
pub struct View<'a> {
    /// The answer.
    pub diff: &'a Diff,
    /// Causes, if both sides are links.
    pub causes: Option<&'a Causes>,
    /// `e_machine`, for names of relocations.
    pub machine: u16,
    /// Before.
    pub old: &'a Side,
    /// Now.
    pub new: &'a Side,
    /// Remarks on what was compared.
    pub notes: &'a [String],
    /// Which rows.
    pub selection: &'a Selection,
    /// How text looks.
    pub style: Style,
}

impl View<'_> {
    /// Rows that changed and pass the filter.
    fn rows<'r>(&self, by: By, rows: &'r [Row]) -> Vec<&'r Row> {
        let texts = |r: &'r Row| [&r.name[..], &r.file[..]];
        rows.iter().filter(|r| differs(by, r) && self.selection.matches(&texts(r))).collect()
    }
}

/// Output sections whose sizes are predicted from inputs only, in words.
fn inexact(view: &View<'_>) -> Option<String> {
    let mut names: Vec<&bstr::BString> = view.old.inexact.iter().chain(&view.new.inexact).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return None;
    }
    const NAMED: usize = 8;
    let shown: Vec<String> = names.iter().take(NAMED).map(|n| super::labels::escape(n)).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("the linker rewrites {}{more}: counted as its inputs are", shown.join(", ")))
}

/// A row that is worth showing.
fn differs(by: By, row: &Row) -> bool {
    row.changed() || (by == By::Symbol && row.was.is_some())
}

/// `+1,234`, `-5`, `0`.
fn signed(n: i128) -> String {
    let digits = super::text::count(u64::try_from(n.unsigned_abs()).unwrap_or(u64::MAX));
    match n {
        0 => digits,
        n if n > 0 => format!("+{digits}"),
        _ => format!("-{digits}"),
    }
}

/// The change in per cent of what was there.
fn per_cent(old: u64, new: u64) -> String {
    if old == 0 {
        return if new == 0 { "0.00 %".into() } else { "new".into() };
    }
    let change = i128::from(new) - i128::from(old);
    format!("{:+.2} %", change as f64 * 100.0 / old as f64)
}

//! Names spelled almost like one that nothing defines.
//!
//! In: rows without a cause, and every defined or exported name. Out: the nearest one per row, if it is
//! near enough: one edit for each four letters, three at most.

use bstr::BString;
use rayon::prelude::*;

use super::{Cause, Row};
use crate::query::Analysis;
use crate::query::finding::Level;
use crate::query::kernel::exports::Exports;
use crate::resolve::DefKind;

/// The most rows that get a suggestion.
const ROWS: usize = 1000;

/// The longest names that are compared, in bytes.
const LENGTH: usize = 128;

/// Fills in [`Row::near`].
pub(super) fn suggest(analysis: &Analysis<'_>, exports: &Exports<'_>, rows: &mut [Row]) {
    let wants =
        |r: &&mut Row| matches!(r.cause, Cause::Unknown | Cause::DraggedIn { .. }) && r.level != Level::Note;
    let mut open: Vec<&mut Row> = rows.iter_mut().filter(wants).take(ROWS).collect();
    if open.is_empty() {
        return;
    }
    let program = &analysis.program;
    let defined = program.names.ids().filter(|&name| {
        !matches!(
            analysis.resolution.definitions[name].kind,
            DefKind::Unknown | DefKind::Undefined | DefKind::UndefinedWeak
        )
    });
    let mut names: Vec<&[u8]> = defined.map(|n| program.name(n)).collect();
    names.extend(exports.rows.iter().map(|r| r.name));
    names.retain(|n| n.len() <= LENGTH && !n.is_empty());
    names.sort_unstable();
    names.dedup();
    open.par_iter_mut().for_each(|row| row.near = nearest(&row.name, &names));
}

/// The nearest of `names` (sorted) to a name.
pub(in crate::query) fn nearest(name: &[u8], names: &[&[u8]]) -> Option<BString> {
    let limit = (name.len() / 4).min(3);
    if limit == 0 || name.len() > LENGTH {
        return None;
    }
    let mut best: Option<(usize, &[u8])> = None;
    for &other in names {
        let bound = best.map_or(limit, |(d, _)| d - 1);
        if other.len().abs_diff(name.len()) > bound || other == name {
            continue;
        }
        if let Some(found) = distance(name, other, bound) {
            best = Some((found, other));
            if found == 1 {
                break;
            }
        }
    }
    best.map(|(_, other)| BString::from(other))
}

/// Edits (insert, delete, replace, swap neighbours) from one name to the other, if at most `limit`.
fn distance(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    let mut before = vec![0usize; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        let mut lowest = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                cost = cost.min(before[j - 1] + 1);
            }
            lowest = lowest.min(cost);
            row.push(cost);
        }
        if lowest > limit {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|&d| d <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance(b"kmalloc", b"kmaloc", 3), Some(1));
        assert_eq!(distance(b"printk", b"pritnk", 3), Some(1));
        assert_eq!(distance(b"abcd", b"wxyz", 3), None);
        assert_eq!(
            nearest(b"usb_regsiter", &[b"usb_deregister", b"usb_register"]),
            Some("usb_register".into())
        );
        assert_eq!(nearest(b"foo", &[b"fop"]), None);
    }
}

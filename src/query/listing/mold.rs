//! The lines of mold: `--print-gc-sections` and its extraction report (GS 3.6, 7).

use crate::query::Analysis;

/// Lines of removed sections, without program prefix, in the linker's order.
pub(super) fn removed(_analysis: &Analysis<'_>) -> Vec<Vec<u8>> {
    Vec::new()
}

/// The linker's extraction report, complete with header; `None` if it has none.
pub(super) fn extraction(_analysis: &Analysis<'_>) -> Option<Vec<u8>> {
    None
}

//! Which rows of an answer are shown: filter, order, number.
//!
//! In: rows. Out: the rows to show. Totals are never affected.

use regex::bytes::Regex;

/// The order of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// Biggest first, then by name.
    #[default]
    Size,
    /// By name.
    Name,
    /// Most sections first, then by name.
    Count,
    /// In link order.
    Input,
}

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Rows whose text matches.
    pub filter: Option<Regex>,
    /// Their order.
    pub sort: SortBy,
    /// At most so many; 0: all.
    pub limit: usize,
}

impl Selection {
    /// Whether one of the texts of a row matches.
    pub fn matches(&self, texts: &[&[u8]]) -> bool {
        self.filter.as_ref().is_none_or(|f| texts.iter().any(|t| f.is_match(t)))
    }

    /// How many of `count` rows are shown.
    pub fn shown(&self, count: usize) -> usize {
        if self.limit == 0 { count } else { self.limit.min(count) }
    }
}

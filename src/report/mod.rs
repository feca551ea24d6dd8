//! Answers as text, JSON and tables: one file per question or notion, no computing.
//!
//! In: plain answers of the queries and the analysis they speak of. Out: bytes. Machine formats never
//! demangle and escape control characters only where the format needs it (cli.md 1).

pub mod check;
pub mod compare;
pub mod csv;
pub mod diff;
pub mod doctor;
pub mod exports;
pub mod extract;
pub mod gc;
pub mod json;
pub mod keep;
pub mod keep_json;
mod kernel;
pub mod kill;
pub mod labels;
pub mod markdown;
pub mod outputs;
pub mod reloc_names;
pub mod retained;
pub mod schema;
pub mod sections;
pub mod text;
pub mod undefined;
pub mod verify;
pub mod what_if;
pub mod why_json;
mod why_kernel;
pub mod why_text;
pub mod why_words;

use crate::query::Analysis;
use crate::query::finding::Finding;
use crate::query::select::Selection;

/// What every renderer of an analysed link gets.
pub struct Page<'a, 'd> {
    /// The analysis.
    pub analysis: &'a Analysis<'d>,
    /// Findings of the phases.
    pub findings: &'a [Finding],
    /// Which rows.
    pub selection: &'a Selection,
    /// How text looks.
    pub style: labels::Style,
}

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
pub mod reasons;
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
use crate::query::portrait::Portrait;
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

/// What a renderer gets that does not ask whether a link is analysed or saved.
pub struct Sheet<'a> {
    /// The first line of text.
    pub first: String,
    /// The link, for JSON.
    pub link: json::LinkInfo,
    /// Findings of the phases.
    pub findings: &'a [Finding],
    /// Which rows.
    pub selection: &'a Selection,
    /// How text looks.
    pub style: labels::Style,
}

impl<'a> Sheet<'a> {
    /// Of an analysed link.
    pub fn of(page: &Page<'a, '_>) -> Sheet<'a> {
        let program = &page.analysis.program;
        let kind = text::output_kind(program.plan.output_kind);
        let first = format!("{}, {}, {kind}\n", text::linker(program.plan.profile), text::machine(program));
        let Page { findings, selection, style, .. } = *page;
        Sheet { first, link: json::link(page), findings, selection, style }
    }

    /// Of a saved link.
    pub fn of_saved(
        portrait: &Portrait<'_>,
        findings: &'a [Finding],
        selection: &'a Selection,
        style: labels::Style,
    ) -> Sheet<'a> {
        let head = &portrait.head;
        let machine = match head.has_target {
            true => text::machine_words(head.machine, head.is_64, head.big_endian),
            false => text::machine_words_unknown(),
        };
        let kind = text::output_kind(head.output_kind);
        let first = format!("{}, {machine}, {kind}\n", text::linker(head.profile));
        Sheet { first, link: json::link_of_portrait(portrait), findings, selection, style }
    }
}

//! `verify` as text and JSON: identical, or a short difference.

use serde::Serialize;

use super::json::{self, TOOL, Tool};
use super::labels::escape;
use super::text::count;
use crate::query::linediff::LineDiff;

/// The most lines that each side of a difference shows as text.
const SHOWN: usize = 20;

/// What was compared.
pub struct Verified<'a> {
    /// The program that ran, with its version.
    pub program: &'a str,
    /// Sections.
    pub sections: &'a LineDiff,
    /// Extraction report, where the linker has one.
    pub extraction: Option<&'a LineDiff>,
}

impl Verified<'_> {
    /// No difference anywhere.
    pub fn is_identical(&self) -> bool {
        self.sections.is_identical() && self.extraction.is_none_or(|e| e.is_identical())
    }
}

/// For people.
pub fn text(answer: &Verified<'_>) -> Vec<u8> {
    let mut out = String::new();
    if answer.sections.is_identical() {
        // The contract's own words, so no singular and no separators.
        out.push_str(&format!("identical: {} sections\n", answer.sections.same));
    } else {
        difference(&mut out, "sections", answer.sections);
    }
    if let Some(extraction) = answer.extraction {
        if extraction.is_identical() {
            out.push_str(&format!("identical: {} lines of the extraction report\n", extraction.same));
        } else {
            difference(&mut out, "extraction report", extraction);
        }
    }
    out.into_bytes()
}

fn difference(out: &mut String, what: &str, diff: &LineDiff) {
    out.push_str(&format!(
        "different {what}: {} the same, {} only in the answer (-), {} only from the linker (+)\n",
        count(diff.same as u64),
        count(diff.only_ours.len() as u64),
        count(diff.only_theirs.len() as u64)
    ));
    for (mark, lines) in [('-', &diff.only_ours), ('+', &diff.only_theirs)] {
        for line in lines.iter().take(SHOWN) {
            out.push_str(&format!("{mark} {}\n", escape(line.as_bytes())));
        }
        if lines.len() > SHOWN {
            out.push_str(&format!("{mark} ... and {} more\n", count((lines.len() - SHOWN) as u64)));
        }
    }
    if let Some((line, ours, theirs)) = &diff.order {
        out.push_str(&format!("the order differs from line {line} on\n"));
        out.push_str(&format!("- {}\n+ {}\n", escape(ours.as_bytes()), escape(theirs.as_bytes())));
    }
}

#[derive(Serialize)]
struct VerifyJson<'a> {
    schema: &'static str,
    tool: Tool,
    program: &'a str,
    identical: bool,
    sections: DiffJson<'a>,
    extraction: Option<DiffJson<'a>>,
}

#[derive(Serialize)]
struct DiffJson<'a> {
    identical: bool,
    same: usize,
    only_answer: &'a [String],
    only_linker: &'a [String],
    order_differs_from: Option<usize>,
}

fn diff_json(diff: &LineDiff) -> DiffJson<'_> {
    DiffJson {
        identical: diff.is_identical(),
        same: diff.same,
        only_answer: &diff.only_ours,
        only_linker: &diff.only_theirs,
        order_differs_from: diff.order.as_ref().map(|o| o.0),
    }
}

/// `linksweep.verify/1`.
pub fn json(answer: &Verified<'_>) -> Vec<u8> {
    json::render(&VerifyJson {
        schema: "linksweep.verify/1",
        tool: TOOL,
        program: answer.program,
        identical: answer.is_identical(),
        sections: diff_json(answer.sections),
        extraction: answer.extraction.map(diff_json),
    })
}

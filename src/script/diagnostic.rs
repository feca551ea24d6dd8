//! Errors in scripts: what is wrong, with the line and a caret under it.
//!
//! In: a source, a byte range, a message. Out: an [`Error`] whose `excerpt` is rendered for people.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use bstr::ByteSlice;

use super::ast::Source;
use crate::error::Error;

/// How much of a long line is shown on either side of the place, in bytes.
const WINDOW: usize = 4096;

/// An error about `start..end` of `source`; a range that spans lines is cut to its first line.
pub(super) fn at(source: &Source, start: usize, end: usize, message: &str) -> Error {
    let text = &source.text;
    let start = start.min(text.len());
    let (line, column) = source.line_column(u32::try_from(start).unwrap_or(u32::MAX));
    let line_start = start.saturating_sub(column as usize - 1);
    let line_end = text.get(start..).and_then(|t| t.find_byte(b'\n')).map_or(text.len(), |n| start + n);
    let shown_end = line_end.min(start.saturating_add(WINDOW));
    // Everything before the place is kept (so that the column is right) unless it is very long.
    let shown_start = if start - line_start > WINDOW { start - WINDOW } else { line_start };
    let lossy = |from: usize, to: usize| {
        text.get(from..to).unwrap_or_default().to_str_lossy().replace(['\r', '\0'], " ")
    };
    let before = lossy(shown_start, start);
    let marked = lossy(start, end.clamp(start, shown_end));
    let after = lossy(end.clamp(start, shown_end), shown_end);
    let shown = format!("{before}{marked}{after}");
    let path = source.path.to_string_lossy();
    let range = before.len()..before.len() + marked.len();
    let snippet = Snippet::source(shown.as_str())
        .line_start(line as usize)
        .path(path.as_ref())
        .annotation(AnnotationKind::Primary.span(range));
    let report = [Level::ERROR.primary_title(message).element(snippet)];
    let excerpt = Renderer::plain().render(&report).to_string();
    let mut error = Error::new(format!("{path}:{line}:{column}"), message);
    error.excerpt = excerpt;
    error
}

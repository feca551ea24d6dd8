//! Causes in words, for text and Markdown.

use std::fmt::Write as _;

use super::View;
use crate::query::diff::causes::{Cause, Causes, Change, Elsewhere, Named, Step};
use crate::report::labels::escape;
use crate::report::reloc_names;

/// What the bytes of both outputs are, in the order in which they are told.
pub(super) fn accounts(causes: &Causes) -> [(&'static str, Change); 6] {
    [
        ("new", causes.added),
        ("lost", causes.lost),
        ("changed", causes.changed),
        ("padding", causes.padding),
        ("script statements", causes.statements),
        ("linker-made", causes.linker),
    ]
}

/// The change of an account.
pub(super) fn delta(change: Change) -> i128 {
    i128::from(change.new.dec()) - i128::from(change.old.dec())
}

/// Longer names are cut: a template's may fill a page.
const NAME: usize = 100;

/// A name that fits into a line.
pub(super) fn short(name: String) -> String {
    match name.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}...", name.get(..at).unwrap_or("")),
        None => name,
    }
}

/// Longer paths are shown without their folders.
const PATH: usize = 60;

/// A file label that fits into a line.
pub(super) fn short_file(file: &[u8]) -> String {
    let whole = escape(file);
    if whole.chars().count() <= PATH {
        return whole;
    }
    let folders = whole.split('(').next().and_then(|path| path.rfind('/'));
    folders.map_or(whole.clone(), |at| format!("...{}", whole.get(at..).unwrap_or("")))
}

/// `foo (main.o: .text.foo)`; the section is left out where its name ends in the symbol's.
fn named(view: &View<'_>, name: &Named) -> String {
    let tells = name.symbol.is_empty() || !name.section.ends_with(&name.symbol);
    let section = if tells { short(view.style.section(&name.section)) } else { String::new() };
    let file = short_file(&name.file);
    let place = match (file.is_empty(), section.is_empty()) {
        (_, true) => file,
        (true, false) => section,
        (false, false) => format!("{file}: {section}"),
    };
    let symbol = short(view.style.symbol(&name.symbol));
    match (symbol.is_empty(), place.is_empty()) {
        (true, _) => place,
        (false, true) => symbol,
        (false, false) => format!("{symbol} ({place})"),
    }
}

/// The word for a step.
pub(super) fn step_word(step: &Step) -> &'static str {
    match step {
        Step::Edge { .. } => "edge",
        Step::Root { .. } => "root",
        Step::Extracted { .. } => "extracted",
        Step::Input => "input",
        Step::Changed => "changed",
    }
}

/// A cause as a sentence.
pub(super) fn words(view: &View<'_>, cause: &Cause) -> String {
    let to = named(view, &cause.to);
    let mut out = String::new();
    match &cause.step {
        Step::Edge { from, symbol, reloc, in_both, instead } => {
            let from = named(view, from);
            let verb = match (cause.is_new, in_both) {
                (true, false) => "now refers to",
                (true, true) => "refers to what is new:",
                (false, false) => "no longer refers to",
                (false, true) => "refers to what went:",
            };
            let _ = write!(out, "{from} {verb} {to}");
            let mut notes = Vec::new();
            if let Some(symbol) = symbol.as_ref().filter(|s| **s != cause.to.symbol && !s.is_empty()) {
                notes.push(format!("as {}", short(view.style.symbol(symbol))));
            }
            if let Some((kind, offset)) = reloc {
                notes.push(format!("{} at {offset:#x}", reloc_names::name(view.machine, *kind)));
            }
            if let Some(instead) = instead {
                let when = if cause.is_new { "before" } else { "now" };
                notes.push(format!("{when} {}", named(view, instead)));
            }
            if !notes.is_empty() {
                let _ = write!(out, " [{}]", notes.join(", "));
            }
        }
        Step::Root { name, in_both } => {
            let verb = match (cause.is_new, in_both) {
                (true, false) => "is a new root and holds",
                (true, true) => "holds what is new:",
                (false, false) => "is no root any more and held",
                (false, true) => "held what went:",
            };
            let _ = write!(out, "{} {verb} {to}", escape(name));
        }
        Step::Extracted { by, symbol } => {
            let verb = if cause.is_new { "now asks for" } else { "no longer asks for" };
            let what =
                if symbol.is_empty() { "the whole archive".to_string() } else { view.style.symbol(symbol) };
            let _ = write!(out, "{} {verb} {what}: {}", escape(by), short_file(&cause.to.file));
        }
        Step::Input => {
            let verb = if cause.is_new { "is a new input" } else { "is no input any more" };
            let _ = write!(out, "{} {verb}", short_file(&cause.to.file));
        }
        Step::Changed => {
            let verb = if cause.is_new { "has new sections" } else { "has lost sections" };
            let _ = write!(out, "{} {verb}, the first is {to}", short_file(&cause.to.file));
        }
    }
    let state = match (cause.elsewhere, cause.is_new, &cause.step) {
        (Elsewhere::Dropped, true, _) => ", dropped before",
        (Elsewhere::Dropped, false, _) => ", dropped now",
        (Elsewhere::NotExtracted, true, Step::Edge { .. } | Step::Root { .. }) => {
            ", whose file was not in the link"
        }
        (Elsewhere::NotExtracted, false, Step::Edge { .. } | Step::Root { .. }) => {
            ", whose file is not in the link"
        }
        (Elsewhere::Absent, false, Step::Edge { .. } | Step::Root { .. }) => ", which does not exist now",
        _ => "",
    };
    out.push_str(state);
    out
}

//! `retained`: what would go if one thing went.

use std::ffi::OsString;

use super::Answer;
use super::args::{Format, RetainedArgs, RetainedBy};
use super::options;
use super::saved::{self, SavedLink};
use super::session::{self, Clock};
use crate::error::{Error, Result};
use crate::query::finding;
use crate::query::finished::Finished;
use crate::query::retained::{self, By, one};
use crate::query::select::SortBy;
use crate::report::{self, Page, Sheet};

pub(super) fn run(args: RetainedArgs) -> Result<Answer> {
    let allowed = [Format::Text, Format::Json, Format::Csv, Format::Folded];
    let output = options::output(args.output, "retained", &allowed)?;
    let order =
        if args.rows.sort.is_none() && output.format != Format::Folded { Some(SortBy::Size) } else { None };
    let mut selection = options::rows(args.rows, output.format, SortBy::Size)?;
    // Of many rows the biggest are wanted in every form.
    if let Some(order) = order {
        selection.sort = order;
    }
    if output.format == Format::Folded && (args.pattern.is_some() || !args.by.is_empty()) {
        return Err(Error::new(
            "option --format=folded",
            "shows the whole dominator tree: no pattern, no --by",
        ));
    }
    let question = Question { pattern: args.pattern, by: args.by, format: output.format };
    if let Some(saved) = saved::open(&args.link)? {
        let mut clock = Clock::new(saved.telling);
        let portrait = saved.snapshot.portrait()?;
        let told = SavedLink::told(&portrait);
        clock.done("reading");
        let sheet = Sheet::of_saved(&portrait, &told.findings, &selection, output.style);
        let bytes = answer(&portrait, &question, &sheet, &mut clock)?;
        let code = saved.tell(&told);
        clock.finish();
        std::mem::forget(portrait);
        return Ok(Answer { bytes, output: output.output, code });
    }
    let link = options::link(args.link, false)?;
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let findings = finding::findings(&diagnostics);
    let page = Page { analysis: &analysis, findings: &findings, selection: &selection, style: output.style };
    let bytes = answer(&analysis, &question, &Sheet::of(&page), &mut clock)?;
    let code = session::tell_diagnostics(&link, &diagnostics);
    clock.finish();
    // The process ends soon: giving memory back piece by piece would only cost time.
    std::mem::forget(analysis);
    std::mem::forget(opened);
    Ok(Answer { bytes, output: output.output, code })
}

/// What is asked, and in which form.
struct Question {
    pattern: Option<OsString>,
    by: Vec<RetainedBy>,
    format: Format,
}

/// The answer of a link, or of a saved one.
fn answer(
    link: &impl Finished,
    question: &Question,
    sheet: &Sheet<'_>,
    clock: &mut Clock,
) -> Result<Vec<u8>> {
    let bytes = if let Some(pattern) = &question.pattern {
        let goes = one::goes_with(link, pattern.as_encoded_bytes())?;
        clock.done("marking again");
        if goes.matched == 0 {
            let what = format!("pattern {}", pattern.to_string_lossy());
            return Err(Error::new(what, "no section, symbol or file matches"));
        }
        match question.format {
            Format::Json => report::retained::one_json(sheet, pattern.as_encoded_bytes(), &goes),
            Format::Csv => report::retained::one_csv(sheet, &goes),
            _ => report::retained::one_text(sheet, pattern.as_encoded_bytes(), &goes),
        }
    } else if question.format == Format::Folded {
        let forest = retained::Forest::of(link);
        clock.done("dominators");
        report::retained::folded(&retained::stacks(link, &forest))
    } else {
        let by: Vec<By> = match question.by.is_empty() {
            true => vec![By::Root, By::File],
            false => question.by.iter().map(|b| kind(*b)).collect(),
        };
        let answer = retained::retained(link, &by, sheet.selection, |phase| clock.done(phase));
        match question.format {
            Format::Json => report::retained::json(sheet, &answer),
            Format::Csv => report::retained::csv(&answer),
            _ => report::retained::text(sheet, &answer),
        }
    };
    clock.done("rendering");
    Ok(bytes)
}

fn kind(by: RetainedBy) -> By {
    match by {
        RetainedBy::Section => By::Section,
        RetainedBy::Symbol => By::Symbol,
        RetainedBy::File => By::File,
        RetainedBy::Directory => By::Directory,
        RetainedBy::Archive => By::Archive,
        RetainedBy::Crate => By::Crate,
        RetainedBy::Root => By::Root,
    }
}

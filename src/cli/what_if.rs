//! `what-if`: the link after changes.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::Path;

use bstr::BString;

use super::Answer;
use super::args::{By, Format, WhatIfArgs};
use super::options::{self, OutputOptions};
use super::saved::{self, SavedLink};
use super::session::{self, Clock, Opened};
use crate::error::{Error, Result, Severity};
use crate::query::dead::Grouping;
use crate::query::finished::Finished;
use crate::query::select::{Selection, SortBy};
use crate::query::what_if::compare::{self, Snapshot};
use crate::query::what_if::saved::Changed;
use crate::query::what_if::{Change, Edited, kill, listed_names};
use crate::query::{finding, listing};
use crate::report::labels::escape;
use crate::report::{self, Page, Sheet};

pub(super) fn run(args: WhatIfArgs) -> Result<Answer> {
    if args.kill.is_some() {
        return run_kill(args);
    }
    let allowed = [Format::Text, Format::Json, Format::Csv, Format::Linker];
    let output = options::output(args.output, "what-if", &allowed)?;
    let selection = options::rows(args.rows, output.format, SortBy::Size)?;
    if output.format == Format::Linker && !args.by.is_empty() {
        return Err(Error::new("option --by", "not with --format=linker"));
    }
    let by: Vec<Grouping> = args.by.iter().map(|b| grouping(*b)).collect::<Result<_>>()?;
    let folder = args.link.directory.clone().unwrap_or_default();
    let mut changes = changes(
        [&args.drop_root, &args.drop_keep, &args.add_keep, &args.drop_export, &args.drop_symbol, &args.cut],
        &folder,
        &args.only_exports,
    )?;
    if let Some(saved) = saved::open(&args.link)? {
        changes.extend(options::archive_modes(args.modes).into_iter().map(Change::Archive));
        let bytes = of_saved(&saved, &changes, &by, &selection, &output)?;
        return Ok(Answer { bytes: bytes.0, output: output.output, code: bytes.1 });
    }
    let mut link = options::link(args.link, false)?;
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    options::modes(&mut link, args.modes);
    changes.extend(link.modes.iter().cloned().map(Change::Archive));
    some(&changes)?;
    // Archives in another mode make another link of the same files.
    let reopened: OnceCell<Opened> = OnceCell::new();
    let (edited, edited_again): (OnceCell<Edited>, OnceCell<Edited>) = (OnceCell::new(), OnceCell::new());
    let mut analysis = session::analyze(&link, &opened, &mut clock)?;
    let diagnostics = finding::diagnostics(&analysis);
    let others = !link.modes.is_empty();
    let before = Snapshot::of(&analysis, others);
    clock.done("link as it is");
    let mut changed = None;
    if others {
        let again = session::open(&link, &link.overrides, &mut clock)?;
        let again = reopened.get_or_init(|| again);
        if let Some(error) = &again.link.broken {
            return Err(error.clone());
        }
        changed = Some(crate::analyze_observed(&again.plan, &again.link, |phase| clock.done(phase))?);
    }
    let cell = if others { &edited_again } else { &edited };
    let new = changed.as_mut().unwrap_or(&mut analysis);
    let found = Edited::new(new, &changes)?;
    let edit = cell.get_or_init(|| found);
    if changes.iter().any(|c| !matches!(c, Change::Archive(_))) {
        edit.apply(new, &changes);
    }
    clock.done("changed link");
    let (old, new) = match &changed {
        Some(new) => (Some(&analysis), new),
        None => (None, &analysis),
    };
    let after = finding::diagnostics(new);
    let bytes = if output.format == Format::Linker {
        listing::removed_text(new)
    } else {
        let answer = compare::compare(&before, old, new, edit.applied().to_vec());
        clock.done("comparison");
        let findings = finding::findings(&diagnostics);
        let page = Page { analysis: new, findings: &findings, selection: &selection, style: output.style };
        let page = Sheet::of(&page);
        match output.format {
            Format::Json => report::what_if::json(&page, &answer, &by),
            Format::Csv => report::what_if::csv(&page, &answer, &by),
            _ => report::what_if::text(&page, &answer, &by),
        }
    };
    clock.done("rendering");
    let code = session::tell_diagnostics(&link, &diagnostics);
    if !link.telling.quiet {
        let refused = after.iter().filter(|d| d.severity == Severity::Error && !diagnostics.contains(d));
        for diagnostic in refused.take(20) {
            let text = escape(diagnostic.to_string().as_bytes());
            session::tell(&format!("note: the linker would refuse the changed link: {text}"));
        }
    }
    clock.finish();
    // The process ends soon: giving memory back piece by piece would only cost time.
    std::mem::forget(changed);
    std::mem::forget(analysis);
    Ok(Answer { bytes, output: output.output, code })
}

/// There is a change.
fn some(changes: &[Change]) -> Result<()> {
    match changes.is_empty() {
        true => {
            Err(Error::new("what-if", "no change given: --drop-root, --drop-keep, --cut, ... (see --help)"))
        }
        false => Ok(()),
    }
}

/// The answer of a saved link, and the exit status.
fn of_saved(
    saved: &SavedLink,
    changes: &[Change],
    by: &[Grouping],
    selection: &Selection,
    output: &OutputOptions,
) -> Result<(Vec<u8>, u8)> {
    some(changes)?;
    let mut clock = Clock::new(saved.telling);
    let portrait = saved.snapshot.portrait()?;
    let told = SavedLink::told(&portrait);
    clock.done("reading");
    let changed = Changed::new(&portrait, changes)?;
    clock.done("changed link");
    let bytes = if output.format == Format::Linker {
        listing::removed_text_of_saved(&portrait, &changed.live)
    } else {
        let answer = changed.compare(&portrait);
        clock.done("comparison");
        let sheet = Sheet::of_saved(&portrait, &told.findings, selection, output.style);
        match output.format {
            Format::Json => report::what_if::json(&sheet, &answer, by),
            Format::Csv => report::what_if::csv(&sheet, &answer, by),
            _ => report::what_if::text(&sheet, &answer, by),
        }
    };
    clock.done("rendering");
    let code = saved.tell(&told);
    clock.finish();
    std::mem::forget(portrait);
    Ok((bytes, code))
}

/// `--kill`: what must go so that something dies.
fn run_kill(args: WhatIfArgs) -> Result<Answer> {
    let output = options::output(args.output, "what-if --kill", &[Format::Text, Format::Json])?;
    let selection = options::rows(args.rows, output.format, SortBy::Size)?;
    let pattern = BString::from(args.kill.unwrap_or_default().into_encoded_bytes());
    if let Some(saved) = saved::open(&args.link)? {
        let mut clock = Clock::new(saved.telling);
        let portrait = saved.snapshot.portrait()?;
        let told = SavedLink::told(&portrait);
        clock.done("reading");
        let sheet = Sheet::of_saved(&portrait, &told.findings, &selection, output.style);
        let bytes = cuts(&portrait, &pattern, &sheet, output.format)?;
        clock.done("cuts");
        let code = saved.tell(&told);
        clock.finish();
        return Ok(Answer { bytes, output: output.output, code });
    }
    let link = options::link(args.link, false)?;
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let diagnostics = finding::diagnostics(&analysis);
    let findings = finding::findings(&diagnostics);
    let page = Page { analysis: &analysis, findings: &findings, selection: &selection, style: output.style };
    let bytes = cuts(&analysis, &pattern, &Sheet::of(&page), output.format)?;
    clock.done("cuts");
    let code = session::tell_diagnostics(&link, &diagnostics);
    clock.finish();
    Ok(Answer { bytes, output: output.output, code })
}

/// What must go, of a link or a saved one.
fn cuts(link: &impl Finished, pattern: &BString, sheet: &Sheet<'_>, format: Format) -> Result<Vec<u8>> {
    let answer = kill::kill(link, pattern)?;
    if answer.matched == 0 {
        return Err(Error::new(format!("option --kill={pattern}"), "no section, symbol or file matches"));
    }
    Ok(match format {
        Format::Json => report::kill::json(sheet, pattern, &answer),
        _ => report::kill::text(sheet, pattern, &answer),
    })
}

fn grouping(by: By) -> Result<Grouping> {
    match by {
        By::Region => Err(Error::new(
            "option --by=region",
            "what-if has file, archive, directory, section, kind, symbol",
        )),
        by => Ok(super::gc::grouping(by)),
    }
}

/// The changes of the options, roots and KEEPs first.
fn changes(words: [&Vec<OsString>; 6], folder: &Path, lists: &[std::path::PathBuf]) -> Result<Vec<Change>> {
    let text = |word: &OsString| BString::from(word.as_encoded_bytes());
    let [roots, keeps, added, exports, symbols, cuts] = words;
    let mut out: Vec<Change> = roots.iter().map(|w| Change::DropRoot(text(w))).collect();
    out.extend(keeps.iter().map(|w| Change::DropKeep(text(w))));
    out.extend(added.iter().map(|w| Change::AddKeep(text(w))));
    out.extend(exports.iter().map(|w| Change::DropExport(text(w))));
    for path in lists {
        let file = folder.join(path);
        let bytes = std::fs::read(&file)
            .map_err(|e| Error::new(format!("option --only-exports={}", file.display()), e.to_string()))?;
        let shown = BString::from(path.as_os_str().as_encoded_bytes());
        out.push(Change::OnlyExports { file: shown, names: listed_names(&bytes) });
    }
    out.extend(symbols.iter().map(|w| Change::DropSymbol(text(w))));
    for word in cuts {
        out.push(Change::cut(word.as_encoded_bytes())?);
    }
    Ok(out)
}

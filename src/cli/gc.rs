//! `gc`: what garbage collection drops, and `gc --compare`.

use super::Answer;
use super::args::{By, Format, GcArgs};
use super::options::{self, LinkOptions, OutputOptions};
use super::saved::{self, SavedLink};
use super::session::{self, Clock, Opened};
use crate::error::{Error, Result};
use crate::plan::{Overrides, Profile, ProfileSpec};
use crate::query::dead::{self, Grouping};
use crate::query::finding;
use crate::query::finished::Finished;
use crate::query::select::{Selection, SortBy};
use crate::query::{Analysis, compare, listing, place};
use crate::report::outputs::Outputs;
use crate::report::{self, Page};

pub(super) fn run(args: GcArgs) -> Result<Answer> {
    let comparing = !args.compare.is_empty();
    let allowed: &[Format] = if comparing {
        &[Format::Text, Format::Json, Format::Csv]
    } else {
        &[Format::Text, Format::Json, Format::Csv, Format::Linker]
    };
    let name = if comparing { "gc --compare" } else { "gc" };
    let output = options::output(args.output, name, allowed)?;
    let selection = options::rows(args.rows, output.format, SortBy::Size)?;
    if output.format == Format::Linker && !args.by.is_empty() {
        return Err(Error::new("option --by", "not with --format=linker"));
    }
    let specs: Vec<ProfileSpec> =
        args.compare.iter().map(|s| ProfileSpec::parse(s)).collect::<Result<_>>()?;
    if let (Some(saved), false) = (saved::open(&args.link)?, comparing) {
        return of_saved(&saved, output);
    }
    let link = options::link(args.link, true)?;
    if comparing {
        return run_compare(&link, output, &selection, &specs);
    }
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = match output.format {
        Format::Linker => session::analyze_linkers_part(&link, &opened, &mut clock)?,
        _ => session::analyze(&link, &opened, &mut clock)?,
    };
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let bytes = match output.format {
        Format::Linker => {
            super::run::deliver_by(output.output.as_deref(), |out| listing::write_removed(&analysis, out))?;
            Vec::new()
        }
        format => {
            let by: Vec<Grouping> = args.by.iter().map(|b| grouping(*b)).collect();
            let dead = dead::dead(&analysis, &by);
            clock.done("accounting");
            let wanted = match format {
                Format::Json => true,
                Format::Text => link.telling.verbose || by.contains(&Grouping::Region),
                _ => false,
            };
            let placed = wanted.then(|| {
                let placement = place::place(&analysis);
                let layout = place::layout::layout(&analysis, &placement);
                (placement, layout)
            });
            let outputs = placed.as_ref().map(|(placement, layout)| Outputs { layout, placement });
            if wanted {
                clock.done("layout");
            }
            let findings = finding::findings(&diagnostics);
            let page =
                Page { analysis: &analysis, findings: &findings, selection: &selection, style: output.style };
            match format {
                Format::Json => report::gc::json(&page, &dead, outputs.as_ref()),
                Format::Csv => report::gc::csv(&page, &dead),
                _ => report::gc::text(&page, &dead, outputs.as_ref(), link.telling.verbose),
            }
        }
    };
    clock.done("rendering");
    clock.finish();
    let code = session::tell_diagnostics(&link, &diagnostics);
    // The process ends soon: giving memory back piece by piece would only cost time.
    std::mem::forget(analysis);
    std::mem::forget(opened);
    // What linkers print was delivered already.
    let target = if output.format == Format::Linker { None } else { output.output };
    Ok(Answer { bytes, output: target, code })
}

/// What the words of `--by` mean.
pub(super) fn grouping(by: By) -> Grouping {
    match by {
        By::File => Grouping::File,
        By::Archive => Grouping::Archive,
        By::Directory => Grouping::Directory,
        By::Section => Grouping::Section,
        By::Kind => Grouping::Kind,
        By::Symbol => Grouping::Symbol,
        By::Region => Grouping::Region,
    }
}

/// The linker's own lines from a saved link; other forms need sizes that are not saved.
fn of_saved(saved: &SavedLink, output: OutputOptions) -> Result<Answer> {
    let refuse = |cause: &str| Err(Error::new("option --snapshot", cause));
    if output.format != Format::Linker {
        return refuse("of a saved link gc has --format=linker: the other forms need the link itself");
    }
    let portrait = saved.snapshot.portrait()?;
    if !portrait.head.gc_sections {
        return refuse("this link was saved without --gc-sections: ask the link itself");
    }
    let told = SavedLink::told(&portrait);
    let bytes = listing::removed_text_of_saved(&portrait, &Finished::live(&portrait));
    Ok(Answer { bytes, output: output.output, code: saved.tell(&told) })
}

fn run_compare(
    link: &LinkOptions,
    output: OutputOptions,
    selection: &Selection,
    specs: &[ProfileSpec],
) -> Result<Answer> {
    let mut clock = Clock::new(link.telling);
    let mut opened: Vec<Opened> = Vec::new();
    if specs.len() == 1 {
        // One linker is compared with the link's own.
        opened.push(session::open(link, &link.overrides, &mut clock)?);
    }
    for &spec in specs {
        let overrides = Overrides { linker: Some(spec), ..link.overrides.clone() };
        opened.push(session::open(link, &overrides, &mut clock)?);
    }
    let analyses: Vec<Analysis<'_>> =
        opened.iter().map(|o| session::analyze(link, o, &mut clock)).collect::<Result<_>>()?;
    let profiles: Vec<Profile> = opened.iter().map(|o| o.plan.profile).collect();
    let comparison = compare::compare(&analyses.iter().collect::<Vec<_>>());
    clock.done("comparison");
    let Some(first) = analyses.first() else {
        return Err(Error::new("option --compare", "names no linker"));
    };
    let diagnostics: Vec<_> = analyses.iter().map(finding::diagnostics).collect();
    let findings = finding::findings(diagnostics.first().map_or(&[], |d| d.as_slice()));
    let page = Page { analysis: first, findings: &findings, selection, style: output.style };
    let bytes = match output.format {
        Format::Json => report::compare::json(&page, &profiles, &comparison),
        Format::Csv => report::compare::csv(&page, &profiles, &comparison),
        _ => report::compare::text(&page, &profiles, &comparison),
    };
    let mut code = 0;
    for own in &diagnostics {
        code = code.max(session::tell_diagnostics(link, own));
    }
    clock.finish();
    Ok(Answer { bytes, output: output.output, code })
}

//! `extract`: which archive members a link takes, and who asked.

use super::Answer;
use super::args::{ExtractArgs, Format};
use super::options;
use super::session::{self, Clock};
use crate::error::{Error, Result};
use crate::query::select::SortBy;
use crate::query::{finding, listing, members};
use crate::report::{self, Page};

pub(super) fn run(args: ExtractArgs) -> Result<Answer> {
    let allowed = [Format::Text, Format::Json, Format::Tsv, Format::Linker];
    let output = options::output(args.output, "extract", &allowed)?;
    let selection = options::rows(args.rows, output.format, SortBy::Input)?;
    if args.all && matches!(output.format, Format::Tsv | Format::Linker) {
        return Err(Error::new("option --all", "only with --format=text or json"));
    }
    let mut link = options::link(args.link, false)?;
    options::modes(&mut link, args.modes);
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = match output.format {
        Format::Linker => session::analyze_linkers_part(&link, &opened, &mut clock)?,
        _ => session::analyze(&link, &opened, &mut clock)?,
    };
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let bytes = if output.format == Format::Linker {
        listing::extraction_report(&analysis).ok_or_else(|| {
            Error::new(
                "extract --format=linker",
                "mold writes no report of extracted members; use --format=tsv",
            )
        })?
    } else {
        let members = members::members(&analysis, args.all);
        clock.done("members");
        let findings = finding::findings(&diagnostics);
        let page =
            Page { analysis: &analysis, findings: &findings, selection: &selection, style: output.style };
        match output.format {
            Format::Json => report::extract::json(&page, &members, args.all),
            Format::Tsv => report::extract::tsv(&page, &members),
            _ => report::extract::text(&page, &members, args.all),
        }
    };
    clock.done("rendering");
    clock.finish();
    let code = session::tell_diagnostics(&link, &diagnostics);
    Ok(Answer { bytes, output: output.output, code })
}

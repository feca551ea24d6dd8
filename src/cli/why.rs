//! `why`: the chain that keeps something, or the reason why nothing does.

use std::ffi::OsStr;

use super::Answer;
use super::args::{Format, WhyArgs};
use super::options::{self, LinkOptions, OutputOptions};
use super::saved::{self, SavedLink};
use super::session::{self, Clock};
use crate::error::{Error, Result};
use crate::query::Analysis;
use crate::query::finding;
use crate::query::select::Selection;
use crate::query::why::{WhyRequest, answer, live_sections, named_nodes, reasons, why};
use crate::report::{self, Page, json, why_json, why_text};

pub(super) fn run(args: WhyArgs) -> Result<Answer> {
    let output = options::output(args.output, "why", &[Format::Text, Format::Json, Format::Tsv])?;
    if args.chains == 0 {
        return Err(Error::new("option -k", "at least 1"));
    }
    let mut request = WhyRequest::new(args.pattern.as_encoded_bytes());
    request.exact = args.exact;
    request.chains = args.chains;
    request.dead = args.dead;
    if let Some(rows) = args.rows {
        request.limit = rows;
    }
    let table = output.format == Format::Tsv;
    let more = request.dead || request.chains > 1 || request.exact || args.rows.is_some();
    if table && (more || args.link.snapshot.is_some()) {
        let why = "tells one reason for each live section of a link: not with --dead, -k, -n, --exact or a saved link";
        return Err(Error::new("option --format=tsv", why));
    }
    if let Some(saved) = saved::open(&args.link)? {
        return of_snapshot(&saved, &request, output);
    }
    let link = options::link(args.link, false)?;
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    if table {
        return of_all(&link, &analysis, &args.pattern, output, &mut clock);
    }
    let answer = why(&analysis, &request);
    clock.done("question");
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let head = |page: &Page<'_, '_>| head(serde_json::to_value(json::link(page)));
    let mut bytes = Vec::new();
    let written = match output.format {
        Format::Json => {
            let findings = finding::findings(&diagnostics);
            let selection = Selection::default();
            let page =
                Page { analysis: &analysis, findings: &findings, selection: &selection, style: output.style };
            let head = head(&page);
            why_json::render(&answer, &analysis, &head, &mut bytes)
        }
        _ => {
            let options = why_text::Options { demangle: output.style.demangle };
            why_text::render(&answer, &analysis, &options, &mut bytes)
        }
    };
    written.map_err(|e| Error::new("rendering", e.to_string()))?;
    clock.done("rendering");
    clock.finish();
    let refused = session::tell_diagnostics(&link, &diagnostics);
    Ok(Answer { bytes, output: output.output, code: refused.max(answer.exit_status()) })
}

/// The reason of every live section that the pattern names, one line each.
fn of_all(
    link: &LinkOptions,
    analysis: &Analysis<'_>,
    pattern: &OsStr,
    output: OutputOptions,
    clock: &mut Clock,
) -> Result<Answer> {
    let pattern = pattern.as_encoded_bytes();
    let every = matches!(pattern, b"*" | b"section:*");
    let wanted = (!every).then(|| named_nodes(analysis, pattern));
    let unknown = wanted.as_ref().is_some_and(|w| w.is_clear());
    let reasons = reasons(analysis);
    clock.done("reasons");
    let sections = live_sections(analysis, wanted.as_ref());
    let bytes = report::reasons::tsv(analysis, &reasons, &sections);
    clock.done("rendering");
    let diagnostics = finding::diagnostics(analysis);
    clock.done("refusals");
    clock.finish();
    let refused = session::tell_diagnostics(link, &diagnostics);
    let code = match (unknown, sections.is_empty()) {
        (true, _) => 2,
        (_, true) => 1,
        _ => 0,
    };
    Ok(Answer { bytes, output: output.output, code: refused.max(code) })
}

/// What stands at the head of JSON.
fn head(link: std::result::Result<serde_json::Value, serde_json::Error>) -> why_json::Head {
    why_json::Head {
        tool: serde_json::to_value(json::TOOL).unwrap_or_default(),
        link: link.unwrap_or_default(),
    }
}

/// The same answer from a saved link.
fn of_snapshot(saved: &SavedLink, request: &WhyRequest, output: OutputOptions) -> Result<Answer> {
    let portrait = saved.snapshot.portrait()?;
    let told = SavedLink::told(&portrait);
    let answer = answer(&portrait, request);
    let mut bytes = Vec::new();
    let written = match output.format {
        Format::Json => {
            let head = head(serde_json::to_value(json::link_of_portrait(&portrait)));
            why_json::render(&answer, &portrait, &head, &mut bytes)
        }
        _ => {
            let options = why_text::Options { demangle: output.style.demangle };
            why_text::render(&answer, &portrait, &options, &mut bytes)
        }
    };
    written.map_err(|e| Error::new("rendering", e.to_string()))?;
    Ok(Answer { bytes, output: output.output, code: saved.tell(&told).max(answer.exit_status()) })
}

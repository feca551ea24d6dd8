//! `doctor`: what the inputs are and whether two readers agree on them.

use super::Answer;
use super::args::{DoctorArgs, Format};
use super::options;
use super::session::{self, Clock};
use crate::error::{Diagnostic, Result, Severity};
use crate::plan::Flavor;
use crate::query::inputs::Inputs;
use crate::query::kernel::roots;
use crate::query::select::Selection;
use crate::query::{Analysis, finding, inputs};
use crate::report::{self, Page};

pub(super) fn run(args: DoctorArgs) -> Result<Answer> {
    let output = options::output(args.output, "doctor", &[Format::Text, Format::Json])?;
    let link = options::link(args.link, false)?;
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let answer = inputs::inputs(&opened.link, &analysis);
    clock.done("second reader");
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let mut findings = finding::findings(&diagnostics);
    findings.extend(finding::findings(&index_diagnostics(&analysis, &answer)));
    let selection = Selection::default();
    let page = Page { analysis: &analysis, findings: &findings, selection: &selection, style: output.style };
    let roots = roots::roots(&analysis);
    let kernel = link.kernel().map(|tree| (tree, &roots));
    let bytes = match output.format {
        Format::Json => report::doctor::json(&page, &answer, kernel),
        _ => report::doctor::text(&page, &answer, kernel),
    };
    clock.done("rendering");
    clock.finish();
    let mut code = session::tell_diagnostics(&link, &diagnostics);
    if !answer.second.differences.is_empty() {
        session::tell("error: the two readers of ELF disagree on this input");
        code = 2;
    }
    Ok(Answer { bytes, output: output.output, code })
}

/// LSW011 for stale indexes. lld and mold read the members themselves, so a stale index misleads
/// only bfd and gold; a missing index is told by the phases.
fn index_diagnostics(analysis: &Analysis<'_>, answer: &Inputs) -> Vec<Diagnostic> {
    let program = &analysis.program;
    let needs_index = matches!(program.plan.profile.flavor, Flavor::Bfd | Flavor::Gold);
    answer
        .archives
        .iter()
        .filter(|state| state.is_stale() && !state.whole)
        .map(|state| {
            let severity = if needs_index { Severity::Error } else { Severity::Note };
            let path = String::from_utf8_lossy(program.archives[state.archive].path).into_owned();
            let message = format!(
                "the archive's index is stale: {} entries are wrong, {} are missing",
                state.wrong_entries, state.missing_entries
            );
            Diagnostic::new(severity, path, message).with_id("LSW011")
        })
        .collect()
}

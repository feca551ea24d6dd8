//! `exports`: a kernel's exports, linked or not, and who uses them.

use super::Answer;
use super::args::{ExportsArgs, Format};
use super::session::{self, Clock};
use super::{kernel, options};
use crate::error::Result;
use crate::query::finding;
use crate::query::kernel::{exports, gathered};
use crate::query::select::SortBy;
use crate::report::{self, Page};

pub(super) fn run(args: ExportsArgs) -> Result<Answer> {
    let output = options::output(args.output, "exports", &[Format::Text, Format::Json, Format::Csv])?;
    let selection = options::rows(args.rows, output.format, SortBy::Input)?;
    let mut clock = Clock::new(options::telling(&args.link.run));
    let mut gathered = kernel::gather(args.link, &args.extra_module)?;
    options::modes(&mut gathered.link, args.modes);
    let link = gathered.link;
    clock.done("options and modules");
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let mut modules = gathered::modules(&gathered.files);
    clock.done("symbols of modules");
    if let Some(only) = gathered.only {
        // One module's use of the exports; what it offers itself counts too.
        modules = modules.into_iter().skip(only).take(1).collect();
    }
    let code = exports::intermediate::read(&analysis.program);
    let answer = kernel::exported(&link, &analysis, &code, &modules, &gathered.facts);
    clock.done("exports");
    let found = exports::findings(&analysis, &answer, &modules);
    let failed = found.iter().any(|f| f.level >= args.fail_on.level());
    let page = Page { analysis: &analysis, findings: &found, selection: &selection, style: output.style };
    let view = report::exports::View { exports: &answer, modules: &modules };
    let bytes = match output.format {
        Format::Json => report::exports::json(&page, &view),
        Format::Csv => report::exports::csv(&page, &view),
        _ => report::exports::text(&page, &view),
    };
    clock.done("rendering");
    clock.finish();
    let refused = session::tell_diagnostics(&link, &finding::diagnostics(&analysis));
    // The process ends soon: giving memory back piece by piece would only cost time.
    std::mem::forget(answer);
    std::mem::forget(analysis);
    std::mem::forget(opened);
    Ok(Answer { bytes, output: output.output, code: refused.max(u8::from(failed)) })
}

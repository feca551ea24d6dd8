//! `undefined`: each undefined symbol of a link or of a module, its cause and remedy.

use super::Answer;
use super::args::{Format, UndefinedArgs};
use super::kernel;
use super::options::{self, LinkOptions};
use super::session::{self, Clock};
use crate::error::{Diagnostic, Result};
use crate::load::sources;
use crate::query::Analysis;
use crate::query::finding;
use crate::query::kernel::exports::Exports;
use crate::query::kernel::facts::KernelFacts;
use crate::query::kernel::module::Module;
use crate::query::kernel::{exports, gathered};
use crate::query::select::SortBy;
use crate::query::undefined::{self, Request, Undefined};
use crate::report::{self, Page};

pub(super) fn run(args: UndefinedArgs) -> Result<Answer> {
    let output = options::output(args.output, "undefined", &[Format::Text, Format::Json, Format::Csv])?;
    let selection = options::rows(args.rows, output.format, SortBy::Size)?;
    let mut clock = Clock::new(options::telling(&args.link.run));
    let mut gathered = kernel::gather(args.link, &args.extra_module)?;
    options::modes(&mut gathered.link, args.modes);
    let link = gathered.link;
    clock.done("options and modules");
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let modules = gathered::modules(&gathered.files);
    clock.done("symbols of modules");
    let facts = gathered.facts;
    let code = exports::intermediate::read(&analysis.program);
    let exported = kernel::exported(&link, &analysis, &code, &modules, &facts);
    clock.done("exports");
    let request = Request { only: gathered.only, modules_only: false };
    let given = Given { link: &link, modules: &modules, facts: &facts, request };
    let answer = explained(&analysis, &exported, &given, &mut clock)?;
    clock.done("causes");
    let found = undefined::findings(&analysis, &answer, &modules);
    let failed = found.iter().any(|f| f.level >= args.fail_on.level());
    let page = Page { analysis: &analysis, findings: &found, selection: &selection, style: output.style };
    let view = report::undefined::View { undefined: &answer, modules: &modules };
    let bytes = match output.format {
        Format::Json => report::undefined::json(&page, &view),
        Format::Csv => report::undefined::csv(&page, &view),
        _ => report::undefined::text(&page, &view),
    };
    clock.done("rendering");
    // Undefined names are the answer itself, not a reason to refuse it.
    let others: Vec<Diagnostic> =
        finding::diagnostics(&analysis).into_iter().filter(|d| d.symbol.is_empty()).collect();
    clock.finish();
    let refused = session::tell_diagnostics(&link, &others);
    // The process ends soon: giving memory back piece by piece would only cost time.
    std::mem::forget(exported);
    std::mem::forget(analysis);
    std::mem::forget(opened);
    Ok(Answer { bytes, output: output.output, code: refused.max(u8::from(failed)) })
}

/// What the causes are searched in beside the link.
pub(super) struct Given<'a, 'd> {
    /// The link's options.
    pub(super) link: &'a LinkOptions,
    /// Modules.
    pub(super) modules: &'a [Module<'d>],
    /// What the tree says.
    pub(super) facts: &'a KernelFacts,
    /// What is asked.
    pub(super) request: Request,
}

/// Undefined symbols with their causes; of a kernel tree also from what is built but not listed, and
/// from its sources.
pub(super) fn explained(
    analysis: &Analysis<'_>,
    exported: &Exports<'_>,
    given: &Given<'_, '_>,
    clock: &mut Clock,
) -> Result<Undefined> {
    let mut answer = undefined::undefined(analysis, exported, given.modules, given.facts, given.request);
    if let Some(tree) = given.link.kernel() {
        if !answer.unexplained().is_empty() {
            let unlisted = kernel::unlisted(tree)?;
            answer = answer.with_unlisted(&gathered::modules(&unlisted));
            clock.done("unlisted modules");
        }
        let open = answer.unexplained();
        if let Some(root) = sources::root_of(&tree.directory).filter(|_| !answer.rows.is_empty()) {
            let is_on = |option: &str| tree.config.get(option).is_some();
            if !open.is_empty() {
                let hints = sources::search(&root, tree.srcarch.as_deref(), &open, is_on);
                answer = answer.with_sources(|name| hints.get(name.as_ref() as &bstr::BStr).cloned());
            }
            answer = answer.with_places(analysis, |object| sources::line_of_object(&root, object, is_on));
            clock.done("sources");
        }
    }
    Ok(answer)
}

//! `sections`: section counts against the limits; of a kernel tree also `vmlinux.o` and all modules.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::Answer;
use super::args::{AuditArgs, Format};
use super::options::{self, Input, LinkOptions};
use super::session::{self, Clock};
use crate::error::{Error, Result};
use crate::plan::kbuild::{self, KernelTree, Module, cmdfile};
use crate::plan::{self, LinkPlan, Overrides};
use crate::query::finding;
use crate::query::sections::{self, Sections};
use crate::query::select::SortBy;
use crate::report::labels::escape;
use crate::report::{self, Page};

pub(super) fn run(args: AuditArgs) -> Result<Answer> {
    let output = options::output(args.output, "sections", &[Format::Text, Format::Json, Format::Csv])?;
    let selection = options::rows(args.rows, output.format, SortBy::Count)?;
    let link = options::link(args.link, false)?;
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let mut answer = sections::sections(&analysis, "");
    clock.done("sections");
    if let Input::Kernel(tree, None) = &link.input {
        of_kernel(&link, tree, &opened.plan, &mut answer, &mut clock);
        clock.done("vmlinux.o and modules");
    }
    let found = sections::findings(&answer);
    let failed = found.iter().any(|f| f.level >= args.fail_on.level());
    let page = Page { analysis: &analysis, findings: &found, selection: &selection, style: output.style };
    let bytes = match output.format {
        Format::Json => report::sections::json(&page, &answer),
        Format::Csv => report::sections::csv(&page, &answer),
        _ => report::sections::text(&page, &answer),
    };
    clock.done("rendering");
    clock.finish();
    let refused = session::tell_diagnostics(&link, &finding::diagnostics(&analysis));
    Ok(Answer { bytes, output: output.output, code: refused.max(u8::from(failed)) })
}

/// Adds `vmlinux.o` and every module, as far as the tree has what they are made of. `plan` is that of vmlinux.
pub(super) fn of_kernel(
    link: &LinkOptions,
    tree: &KernelTree,
    plan: &LinkPlan,
    answer: &mut Sections,
    clock: &mut Clock,
) {
    let overrides = link.overrides.after(plan);
    let mut jobs: Vec<Option<&Module>> = tree.modules.iter().map(Some).collect();
    if tree.vmlinux_object.is_some() || tree.command_of(Path::new("vmlinux.o")).is_some() {
        jobs.insert(0, None);
    }
    let (done, all) = (AtomicUsize::new(0), jobs.len());
    let count = |job: &Option<&Module>| {
        let (what, plan) = match job {
            None => (PathBuf::from("vmlinux.o"), partial_link(tree, &overrides)),
            Some(module) => (module.ko(), kbuild::module_plan(tree, module, &overrides)),
        };
        let what = what.to_string_lossy().into_owned();
        let found = plan.and_then(|p| one(&p, &what));
        clock.count(done.fetch_add(1, Ordering::Relaxed) + 1, all, "modules");
        (what, found)
    };
    let counted: Vec<(String, Result<Sections>)> = jobs.par_iter().map(count).collect();
    let mut found = Vec::new();
    for (what, sections) in counted {
        match sections {
            Ok(sections) => found.push(sections),
            Err(error) if link.telling.quiet => drop(error),
            Err(error) => {
                let (what, error) = (escape(what.as_bytes()), escape(error.to_string().as_bytes()));
                clock.note(&format!("note: {what}: not counted: {error}"));
            }
        }
    }
    answer.extend(found);
}

fn one(plan: &LinkPlan, name: &str) -> Result<Sections> {
    let opened = crate::open(plan)?;
    let analysis = crate::analyze(plan, &opened)?;
    Ok(sections::sections(&analysis, name))
}

/// The `ld -r` that made `vmlinux.o`, as `.vmlinux.o.cmd` records it.
fn partial_link(tree: &KernelTree, overrides: &Overrides) -> Result<LinkPlan> {
    let recorded = tree.command_of(Path::new("vmlinux.o")).map(|c| c.command).unwrap_or_default();
    let mut commands = cmdfile::commands(&recorded).into_iter();
    let is_link = |c: &Vec<cmdfile::ShellWord>| c.iter().any(|w| w.text == "-r");
    let Some(words) = commands.find(is_link) else {
        return Err(Error::new("its link", "no .cmd file of the tree records it"));
    };
    let words: Vec<OsString> = words.into_iter().map(|w| OsString::from_vec(w.text.into())).collect();
    let words = named_linker(words);
    let overrides =
        Overrides { directory: tree.directory.clone(), assumed: tree.config.linker(), ..overrides.clone() };
    plan::parse_command(&words, &overrides)
}

/// Nothing that lies in the tree is ever asked for its version: of a path only the name counts.
fn named_linker(mut words: Vec<OsString>) -> Vec<OsString> {
    if let Some(first) = words.first_mut()
        && let Some(base) = Path::new(&*first).file_name().map(OsString::from)
    {
        *first = base;
    }
    words
}

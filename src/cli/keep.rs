//! `keep`: the KEEP audit of a script.

use std::path::{Path, PathBuf};

use super::Answer;
use super::args::{AuditArgs, Format};
use super::options;
use super::session::{self, Clock};
use crate::error::Result;
use crate::load::ScriptFile;
use crate::plan::{LinkPlan, OutputKind, Overrides};
use crate::query::finding;
use crate::query::keep::{self, Given, SourceText};
use crate::query::select::SortBy;
use crate::report::{self, Page};

/// A source text bigger than this is not one of a linker script.
const BIGGEST_SOURCE: u64 = 1 << 20;

pub(super) fn run(args: AuditArgs) -> Result<Answer> {
    let output = options::output(args.output, "keep", &[Format::Text, Format::Json, Format::Csv])?;
    let selection = options::rows(args.rows, output.format, SortBy::Input)?;
    let link = options::link(args.link, true)?;
    let mut clock = Clock::new(link.telling);
    let overrides = Overrides { assume_gc: false, ..link.overrides.clone() };
    let mut opened = session::open(&link, &overrides, &mut clock)?;
    let would = assume(&mut opened.plan, link.kernel().is_some());
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let sources = source_texts(analysis.program.scripts, &opened.plan.directory);
    let audit = keep::audit(&analysis, Given { would, sources });
    clock.done("audit");
    let mut findings = keep::findings(&analysis, &audit);
    findings.extend(finding::findings(&diagnostics));
    let page = Page { analysis: &analysis, findings: &findings, selection: &selection, style: output.style };
    let bytes = match output.format {
        Format::Json => report::keep_json::json(&page, &audit),
        Format::Csv => report::keep::csv(&page),
        _ => report::keep::text(&page, &audit),
    };
    clock.done("rendering");
    clock.finish();
    let refused = session::tell_diagnostics(&link, &diagnostics);
    let least = args.fail_on.level();
    let failed = findings.iter().any(|f| f.level >= least);
    let code = if refused > 0 { refused } else { u8::from(failed) };
    // The process ends soon: giving memory back piece by piece would only cost time.
    std::mem::forget(audit);
    std::mem::forget(analysis);
    std::mem::forget(opened);
    Ok(Answer { bytes, output: output.output, code })
}

/// A link that collects nothing is judged as if it did: its tables would be lost. Of a kernel the
/// recorded command has the last word, of a line only an explicit `--no-gc-sections` (cli.md 1, 3). `-r`
/// links need roots of their own, so they stay as written.
pub(super) fn assume(plan: &mut LinkPlan, kernel: bool) -> bool {
    let written = plan.gc_sections;
    if written == Some(true) {
        return false;
    }
    if plan.output_kind == OutputKind::Relocatable {
        plan.notes.push("-r without --gc-sections: no table loses entries here".into());
        return true;
    }
    plan.gc_sections = Some(true);
    let would = kernel || written == Some(false);
    plan.notes.push(if would {
        "the link collects no garbage: what follows would happen with --gc-sections".into()
    } else {
        "assuming --gc-sections".into()
    });
    would
}

/// Texts that preprocessed scripts were made of: `X.S` beside a script `X`, and in a kernel tree the
/// headers with the macros. What is not there is left out.
pub(super) fn source_texts(scripts: &[ScriptFile], directory: &Path) -> Vec<SourceText> {
    let mut out: Vec<SourceText> = Vec::new();
    for file in scripts {
        for source in &file.script.sources {
            let script = source.path.as_path();
            for tree in trees(script) {
                for path in candidates(script, &tree) {
                    let shown = path.strip_prefix(&tree).unwrap_or(&path).to_string_lossy().into_owned();
                    if out.iter().any(|s| s.path == shown) {
                        continue;
                    }
                    if let Some(text) = read(&directory.join(&path)) {
                        out.push(SourceText { path: shown, text: text.into() });
                    }
                }
            }
        }
    }
    out
}

/// Folders that may be the source tree of a script: that of its `arch` folder, and its `source` link.
fn trees(script: &Path) -> Vec<PathBuf> {
    let above = script.ancestors().find(|p| p.file_name().is_some_and(|n| n == "arch"));
    match above.and_then(Path::parent) {
        Some(tree) => vec![tree.join("source"), tree.to_path_buf()],
        None => vec![PathBuf::new()],
    }
}

fn candidates(script: &Path, tree: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let object_tree = trees(script).pop().unwrap_or_default();
    let inside = script.strip_prefix(&object_tree).unwrap_or(script);
    let mut name = inside.as_os_str().to_os_string();
    name.push(".S");
    out.push(tree.join(name));
    let mut parts = inside.components().map(|c| c.as_os_str());
    if parts.next().is_some_and(|p| p == "arch")
        && let Some(arch) = parts.next()
    {
        let arch = tree.join("arch").join(arch);
        out.push(arch.join("kernel/vmlinux.lds.S"));
        out.push(arch.join("include/asm/vmlinux.lds.h"));
        out.push(tree.join("include/asm-generic/vmlinux.lds.h"));
    }
    out
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let known = std::fs::metadata(path).ok()?;
    (known.is_file() && known.len() <= BIGGEST_SOURCE).then(|| std::fs::read(path).ok()).flatten()
}

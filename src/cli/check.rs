//! `check`: every finding and every budget, judged by `linksweep.toml`.

mod forms;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Answer;
use super::args::{CheckArgs, LinkArgs};
use super::options::{self, Input, LinkOptions};
use super::session::{self, Clock, Opened, tell};
use super::{keep, kernel, run, sections, undefined};
use crate::error::{Diagnostic, Error, Result};
use crate::load::modules::OpenedModules;
use crate::plan::config::{self, Config, Date, LinkSection, Setting};
use crate::plan::{Flavor, LinkPlan, OutputKind, Overrides, ProfileSpec};
use crate::query::check::{self, BudgetResult, budgets, disagreement};
use crate::query::diff;
use crate::query::finding::{self, Finding};
use crate::query::keep::Given;
use crate::query::kernel::facts::KernelFacts;
use crate::query::kernel::{exports, gathered};
use crate::query::portrait::Portrait;
use crate::query::sections as counts;
use crate::query::undefined::Request;
use crate::query::{Analysis, compare};
use crate::report::labels::escape;
use crate::report::{self, text};
use crate::snapshot;

/// The name of the configuration file.
const NAME: &str = "linksweep.toml";

pub(super) fn run(args: CheckArgs) -> Result<Answer> {
    let files = forms::files(&args)?;
    let here = std::env::current_dir().map_err(|e| Error::new("working directory", e.to_string()))?;
    let root = root(&here);
    let named = args.config.or_else(|| variable("LINKSWEEP_CONFIG").map(PathBuf::from));
    let (config, file) = configuration(named, &here, root.as_deref())?;
    let today = match &args.today {
        Some(text) => Date::parse(text)
            .ok_or_else(|| Error::new(format!("option --today={text}"), "a day is YYYY-MM-DD"))?,
        None => today(),
    };
    let mut clock = Clock::new(options::telling(&args.link.run));
    let (mut link, beside) = gather(args.link)?;
    apply(&mut link, &config.link, &file)?;
    clock.done("options and modules");
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let mut found = finding::findings(&diagnostics);
    found.extend(all(&link, &opened, &analysis, &beside, &config, &mut clock)?);
    let saved = args.base.as_deref().map(snapshot::open).transpose()?;
    let base = saved.as_ref().map(|s| s.portrait()).transpose()?;
    let mut measured = Vec::new();
    let mut unlike = Vec::new();
    if base.is_some() || !config.budgets.is_empty() {
        let portrait = Portrait::of(&analysis);
        measured = budgets::evaluate(&config.budgets, &analysis, &portrait, base.as_ref());
        unlike = base.as_ref().map_or_else(Vec::new, |base| diff::unlike(base, &portrait));
    }
    clock.done("budgets");
    if args.update_budgets {
        lower(&measured, &file, &config)?;
    }
    let known = base.as_ref().map(check::fingerprints);
    let mut judged = check::check(found, &config, measured, today, known.as_ref());
    // A base that is another kind of build makes everything look new.
    judged.notes.extend(unlike.into_iter().map(|note| format!("the base is another build: {note}")));
    clock.done("judging");

    let fail_on = args.fail_on.level();
    let view = report::check::View {
        check: &judged,
        config: config.path.to_string_lossy().into_owned(),
        base: args.base.as_ref().map_or_else(String::new, |p| p.to_string_lossy().into_owned()),
        limit: args.limit,
        fail_on,
        category: args.category.unwrap_or_else(|| category(&analysis)),
        root: root.map_or_else(String::new, |r| format!("{}/", r.display())),
    };
    let mut answer = forms::Answers { analysis: &analysis, view, rows: args.rows };
    for file in &files {
        let bytes =
            answer.bytes(file.form, file.limit.unwrap_or(args.limit), options::color(args.color, true));
        run::write(&file.path, &bytes)?;
    }
    let color = options::color(args.color, args.output.is_some());
    let bytes = answer.bytes(args.format, args.limit, color);
    clock.done("rendering");
    // Undefined names are findings here, not a reason to refuse the answer.
    let others: Vec<Diagnostic> = diagnostics.into_iter().filter(|d| d.symbol.is_empty()).collect();
    clock.finish();
    let refused = session::tell_diagnostics(&link, &others);
    let code = if refused > 0 { refused } else { u8::from(judged.fails(fail_on)) };
    // The process ends soon: giving memory back piece by piece would only cost time.
    std::mem::forget(analysis);
    std::mem::forget((opened, beside));
    Ok(Answer { bytes, output: args.output, code })
}

/// Writes the lower figures of ratchet budgets into the configuration.
fn lower(measured: &[BudgetResult], file: &Path, config: &Config) -> Result<()> {
    let what = || format!("option --update-budgets: {}", file.display());
    if file.as_os_str().is_empty() {
        return Err(Error::new("option --update-budgets", "there is no linksweep.toml"));
    }
    let text = std::fs::read_to_string(file).map_err(|e| Error::new(what(), e.to_string()))?;
    // The spans of the budgets are those of the text that was read.
    if Config::parse(&config.path, &text)? != *config {
        return Err(Error::new(what(), "the file has changed"));
    }
    let values: Vec<_> = measured.iter().filter_map(|m| Some((&m.budget, m.value?))).collect();
    let (new, names) = config::lower(&text, &values);
    if !names.is_empty() {
        std::fs::write(file, new).map_err(|e| Error::new(what(), e.to_string()))?;
    }
    for name in &names {
        let value = measured.iter().find(|m| m.budget.name == *name).and_then(|m| m.value).unwrap_or(0);
        tell(&format!("note: budget {}: max is now {value}", escape(name.as_bytes())));
    }
    Ok(())
}

/// The link, and for a kernel what lies beside it.
pub(super) fn gather(args: LinkArgs) -> Result<(LinkOptions, Beside)> {
    if args.kbuild.is_some() && args.module.is_some() {
        return Ok((options::link(args, false)?, Beside::default()));
    }
    let gathered = kernel::gather(args, &[])?;
    Ok((gathered.link, Beside { files: gathered.files, facts: gathered.facts }))
}

/// All findings but those that are diagnostics of the phases. What does not depend on each other runs side by side;
/// the order of findings and of what is told is fixed.
pub(super) fn all(
    link: &LinkOptions,
    opened: &Opened,
    analysis: &Analysis<'_>,
    beside: &Beside,
    config: &Config,
    clock: &mut Clock,
) -> Result<Vec<Finding>> {
    let clocks: [Clock; 4] = std::array::from_fn(|_| clock.beside());
    let [mut counting, mut exporting, mut auditing, mut comparing] = clocks;
    let ((counted, compared), (exported, audited)) = rayon::join(
        || {
            (
                counted(link, &opened.plan, analysis, &mut counting),
                disagreements(link, &opened.plan, analysis, config, &mut comparing),
            )
        },
        || {
            (
                exports_and_undefined(analysis, link, beside, &mut exporting),
                audited(link, opened, analysis, config, &mut auditing),
            )
        },
    );
    for done in [counting, exporting, auditing, comparing] {
        clock.join(done);
    }
    let mut found = counted;
    found.extend(exported?);
    found.extend(audited?);
    found.extend(compared);
    Ok(found)
}

/// LSW005 of the link, and of a kernel tree of everything else that it links.
fn counted(link: &LinkOptions, plan: &LinkPlan, analysis: &Analysis<'_>, clock: &mut Clock) -> Vec<Finding> {
    let mut answer = counts::sections(analysis, "");
    clock.done("sections");
    if let Input::Kernel(tree, None) = &link.input {
        sections::of_kernel(link, tree, plan, &mut answer, clock);
        clock.done("vmlinux.o and modules");
    }
    counts::findings(&answer)
}

/// An environment variable that is set and not empty.
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|v| !v.is_empty())
}

/// The day, UTC.
fn today() -> Date {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Date::from_unix(now.map_or(0, |d| d.as_secs()))
}

/// The configuration and the file it was read from: the one named, else the one found upwards to the
/// repository's root, else none. Findings name the file from the repository's root.
fn configuration(named: Option<PathBuf>, here: &Path, root: Option<&Path>) -> Result<(Config, PathBuf)> {
    let path = match named {
        Some(path) => path,
        None => {
            let inside = |folder: &&Path| root.is_none_or(|r| folder.starts_with(r));
            match here.ancestors().take_while(inside).find(|f| f.join(NAME).is_file()) {
                Some(folder) => folder.join(NAME),
                None => return Ok((Config::default(), PathBuf::new())),
            }
        }
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|e| Error::new(format!("reading {}", path.display()), e.to_string()))?;
    let mut config = Config::parse(&path, &text)?;
    config.path = PathBuf::from(relative(&path, here, root));
    Ok((config, path))
}

/// The root of the repository that a folder lies in.
fn root(here: &Path) -> Option<PathBuf> {
    let marks = [".git", ".hg", ".svn", ".jj", ".bzr"];
    here.ancestors().find(|f| marks.iter().any(|m| f.join(m).exists())).map(Path::to_path_buf)
}

/// The configuration file's path from the repository's root, or as it is.
fn relative(path: &Path, here: &Path, root: Option<&Path>) -> String {
    // `..` goes before prefixes are compared.
    let full = here.join(path);
    let full = full.canonicalize().unwrap_or(full);
    let root = root.map(|r| r.canonicalize().unwrap_or(r.to_path_buf()));
    let from = root.as_deref().and_then(|r| full.strip_prefix(r).ok()).unwrap_or(path);
    from.to_string_lossy().into_owned()
}

/// `[link]`: what the command line leaves open.
fn apply(link: &mut LinkOptions, section: &LinkSection, config: &Path) -> Result<()> {
    if link.overrides.linker.is_none() {
        let model = match variable("LINKSWEEP_LINKER") {
            Some(text) => Some(text.to_string_lossy().into_owned()),
            None => section.model.clone(),
        };
        if let Some(model) = model {
            let parsed = ProfileSpec::parse(&model);
            link.overrides.linker = Some(parsed.map_err(|e| e.within(format!("model {model}")))?);
        }
    }
    if let Input::Words(words) = &mut link.input {
        let has_script = words.iter().any(|w| {
            let word = w.as_encoded_bytes();
            word.starts_with(b"-T") || word.starts_with(b"--script")
        });
        if let Some(script) = section.script.as_ref().filter(|_| !has_script) {
            let folder = config.parent().unwrap_or(Path::new(""));
            let path = std::path::absolute(folder.join(script)).unwrap_or_else(|_| folder.join(script));
            words.push("-T".into());
            words.push(path.into());
        }
        for root in &section.roots {
            words.push("-u".into());
            words.push(root.into());
        }
    }
    Ok(())
}

/// What is read beside the link.
#[derive(Default)]
pub(super) struct Beside {
    files: OpenedModules,
    facts: KernelFacts,
}

/// LSW003, LSW004: exports that are not linked, symbols that nobody will give.
fn exports_and_undefined(
    analysis: &Analysis<'_>,
    link: &LinkOptions,
    beside: &Beside,
    clock: &mut Clock,
) -> Result<Vec<Finding>> {
    let modules = gathered::modules(&beside.files);
    let code = exports::intermediate::read(&analysis.program);
    let exported = kernel::exported(link, analysis, &code, &modules, &beside.facts);
    let mut found = exports::findings(analysis, &exported, &modules);
    clock.done("exports");
    let request = Request { only: None, modules_only: false };
    let given = undefined::Given { link, modules: &modules, facts: &beside.facts, request };
    let answer = undefined::explained(analysis, &exported, &given, clock)?;
    found.extend(crate::query::undefined::findings(analysis, &answer, &modules));
    clock.done("undefined symbols");
    Ok(found)
}

/// The audit of the scripts, of the link as `keep` sees it: one that collects.
fn audited(
    link: &LinkOptions,
    opened: &Opened,
    analysis: &Analysis<'_>,
    config: &Config,
    clock: &mut Clock,
) -> Result<Vec<Finding>> {
    let rules = ["LSW001", "LSW002", "LSW006", "LSW007", "LSW008", "LSW013", "LSW014"];
    if rules.iter().all(|r| config.setting(r) == Some(Setting::Off)) {
        return Ok(Vec::new());
    }
    let audit = |analysis: &Analysis<'_>, would: bool| {
        let sources = keep::source_texts(analysis.program.scripts, &opened.plan.directory);
        let audit = crate::query::keep::audit(analysis, Given { would, sources });
        crate::query::keep::findings(analysis, &audit)
    };
    let found = if opened.plan.gc_sections == Some(true) {
        audit(analysis, false)
    } else {
        let mut plan = opened.plan.clone();
        let would = keep::assume(&mut plan, link.kernel().is_some());
        audit(&crate::analyze(&plan, &opened.link)?, would)
    };
    clock.done("audit");
    Ok(found)
}

/// LSW012: the same link by the rules of the other linkers. One that would not read the line has no
/// opinion.
fn disagreements(
    link: &LinkOptions,
    plan: &LinkPlan,
    analysis: &Analysis<'_>,
    config: &Config,
    clock: &mut Clock,
) -> Vec<Finding> {
    let off = config.setting("LSW012") == Some(Setting::Off);
    if off || plan.gc_sections != Some(true) || plan.output_kind == OutputKind::Relocatable {
        return Vec::new();
    }
    let others = [(Flavor::Bfd, "bfd"), (Flavor::Gold, "gold"), (Flavor::Lld, "lld"), (Flavor::Mold, "mold")];
    let mut opened = Vec::new();
    for (_, name) in others.into_iter().filter(|(flavor, _)| *flavor != plan.profile.flavor) {
        let Ok(linker) = ProfileSpec::parse(name).map(Some) else { continue };
        let overrides = Overrides { linker, ..link.overrides.after(plan) };
        let Ok(plan) = link.plan(&overrides) else { continue };
        let Ok(inputs) = crate::open(&plan) else { continue };
        opened.push((plan, inputs));
    }
    let answers: Vec<Result<Analysis<'_>>> =
        opened.par_iter().map(|(plan, inputs)| crate::analyze(plan, inputs)).collect();
    let mut analyses = vec![analysis];
    let mut names = vec![text::linker(plan.profile)];
    for ((plan, _), answer) in opened.iter().zip(&answers) {
        let name = text::linker(plan.profile);
        match answer {
            Ok(analysis) => {
                names.push(name);
                analyses.push(analysis);
            }
            Err(error) if !link.telling.quiet => {
                let error = escape(error.to_string().as_bytes());
                clock.note(&format!("note: not compared with {name}: {error}"));
            }
            Err(_) => {}
        }
    }
    if analyses.len() < 2 {
        return Vec::new();
    }
    let comparison = compare::compare(&analyses);
    let found = disagreement::findings(&analyses, &names, &comparison);
    clock.done("other linkers");
    // As the link itself: see `run`.
    std::mem::forget(answers);
    std::mem::forget(opened);
    found
}

/// What tells this build from others of the same repository.
fn category(analysis: &Analysis<'_>) -> String {
    let program = &analysis.program;
    let machine = program.target.map_or_else(|| "unknown".to_string(), |t| text::machine_name(t.machine));
    let what = match program.plan.output.as_ref().and_then(|o| o.file_name()) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => text::output_kind(program.plan.output_kind).to_string(),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    format!("{machine}-{what}").chars().map(plain).collect()
}

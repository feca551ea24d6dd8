//! Options checked: what was typed becomes what is meant, or an error that names the option.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use regex::bytes::{Regex, RegexBuilder};

use super::args::{Demangle, Format, LinkArgs, ModeArgs, OutputArgs, Progress, RowArgs, RunArgs, Sort, When};
use crate::error::{Error, Result};
use crate::plan::kbuild::{self, KernelTree, Module};
use crate::plan::modes::{self, ArchiveMode};
use crate::plan::{self, LinkPlan, Overrides, ProfileSpec};
use crate::query::select::{Selection, SortBy};
use crate::report::labels::Style;

/// Rows of a text answer where `-n` is not given.
pub(super) const TEXT_ROWS: usize = 20;

/// How much is told on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Telling {
    /// Notes and warnings are left out.
    pub(super) quiet: bool,
    /// More is told.
    pub(super) verbose: bool,
    /// Timings are told.
    pub(super) timings: bool,
    /// Progress is shown.
    pub(super) progress: bool,
}

/// What is analysed.
#[derive(Debug)]
pub(super) struct LinkOptions {
    /// Where the link is told.
    pub(super) input: Input,
    /// Archives in another mode.
    pub(super) modes: Vec<ArchiveMode>,
    /// Profile, folder, assumed collection.
    pub(super) overrides: Overrides,
    /// Any diagnostic is an error.
    pub(super) strict: bool,
    /// What stderr gets.
    pub(super) telling: Telling,
}

/// Where a link is told.
#[derive(Debug)]
pub(super) enum Input {
    /// The words of a command line.
    Words(Vec<OsString>),
    /// A kernel tree, and the module in it if one is meant.
    Kernel(Box<KernelTree>, Option<Module>),
}

impl LinkOptions {
    /// The kernel tree that the link is read from, if it is.
    pub(super) fn kernel(&self) -> Option<&KernelTree> {
        match &self.input {
            Input::Kernel(tree, _) => Some(tree),
            Input::Words(_) => None,
        }
    }

    /// The plan under these overrides.
    pub(super) fn plan(&self, overrides: &Overrides) -> Result<LinkPlan> {
        let plan = match &self.input {
            Input::Words(words) => plan::parse_command(words, overrides)?,
            Input::Kernel(tree, None) => kbuild::vmlinux_plan(tree, overrides)?,
            Input::Kernel(tree, Some(module)) => kbuild::module_plan(tree, module, overrides)?,
        };
        if self.modes.is_empty() { Ok(plan) } else { modes::change(plan, &self.modes) }
    }
}

/// `--on-demand` and `--whole-archive`.
pub(super) fn archive_modes(args: ModeArgs) -> Vec<ArchiveMode> {
    let text = |glob: OsString| glob.into_encoded_bytes();
    let on_demand = args.on_demand.into_iter().map(|g| ArchiveMode::on_demand(text(g)));
    on_demand.chain(args.whole_archive.into_iter().map(|g| ArchiveMode::whole(text(g)))).collect()
}

/// Adds them.
pub(super) fn modes(link: &mut LinkOptions, args: ModeArgs) {
    link.modes.extend(archive_modes(args));
}

/// Checks the link options; `assume_gc` for commands that assume `--gc-sections`.
pub(super) fn link(args: LinkArgs, assume_gc: bool) -> Result<LinkOptions> {
    if let Some(path) = &args.snapshot {
        let what = format!("option --snapshot={}", path.display());
        return Err(Error::new(what, "this question needs the link itself, not a saved one"));
    }
    let linker = args.linker.as_deref().map(ProfileSpec::parse).transpose()?;
    let folder = args.directory.clone().unwrap_or_default();
    let input = match (&args.link_file, &args.kbuild) {
        (Some(path), _) => Input::Words(plan::read_link_file(path)?),
        (None, Some(tree)) => {
            let tree = KernelTree::read(&folder.join(tree))?;
            let module = args.module.as_deref().map(|m| tree.module(m)).transpose()?;
            Input::Kernel(Box::new(tree), module)
        }
        (None, None) if args.line.is_empty() => {
            return Err(Error::new(
                "no link given",
                "write `-- LINKER ARGS...` behind the options, or --link-file FILE, or --kbuild DIR",
            ));
        }
        (None, None) => Input::Words(args.line),
    };
    if let (Input::Words(_), Some(module)) = (&input, &args.module) {
        let what = format!("option --module={}", module.display());
        return Err(Error::new(what, "needs --kbuild DIR, the kernel tree that the module belongs to"));
    }
    if let Some(directory) = args.directory.as_ref().filter(|d| !d.is_dir()) {
        return Err(Error::new(format!("option -C {}", directory.display()), "not a folder"));
    }
    threads(&args.run)?;
    Ok(LinkOptions {
        input,
        modes: Vec::new(),
        overrides: Overrides { linker, directory: folder, assume_gc, ..Overrides::default() },
        strict: args.run.strict,
        telling: telling(&args.run),
    })
}

/// Sets the number of threads.
pub(super) fn threads(args: &RunArgs) -> Result<()> {
    if let Some(threads) = args.threads {
        if threads == 0 {
            return Err(Error::new("option --threads", "at least 1"));
        }
        // Only the first call can set the size; a later one (tests) keeps what is there.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.min(1024)).build_global();
    }
    Ok(())
}

/// What stderr gets: progress only on a terminal that nothing else is told to.
pub(super) fn telling(args: &RunArgs) -> Telling {
    let progress =
        args.progress == Progress::Auto && !args.quiet && !args.timings && std::io::stderr().is_terminal();
    Telling { quiet: args.quiet, verbose: args.verbose, timings: args.timings, progress }
}

/// Where the answer goes and how it looks.
#[derive(Debug)]
pub(super) struct OutputOptions {
    /// Its form.
    pub(super) format: Format,
    /// A file instead of standard output.
    pub(super) output: Option<PathBuf>,
    /// Look of text.
    pub(super) style: Style,
}

/// Checks the output options; `allowed` are the forms that the command has.
pub(super) fn output(args: OutputArgs, command: &str, allowed: &[Format]) -> Result<OutputOptions> {
    if !allowed.contains(&args.format) {
        let names: Vec<String> = allowed.iter().map(|&f| format_name(f)).collect();
        return Err(Error::new(
            format!("option --format={}", format_name(args.format)),
            format!("{command} has {}", names.join(", ")),
        ));
    }
    let color = color(args.color, args.output.is_some());
    let style = Style { color, demangle: args.demangle == Demangle::Auto };
    Ok(OutputOptions { format: args.format, output: args.output, style })
}

/// Whether text is coloured.
pub(super) fn color(when: When, to_file: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
                || std::env::var_os("TERM").is_some_and(|t| t == "dumb");
            !to_file && !refused && std::io::stdout().is_terminal()
        }
    }
}

fn format_name(format: Format) -> String {
    use clap::ValueEnum;
    format.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string())
}

/// Checks the row options. Text is sorted by size unless told otherwise, machine formats keep link
/// order.
pub(super) fn rows(args: RowArgs, format: Format, text_order: SortBy) -> Result<Selection> {
    if matches!(format, Format::Linker | Format::Tsv) {
        let given = [
            (args.rows.is_some(), "-n"),
            (args.sort.is_some(), "--sort"),
            (args.filter.is_some(), "--filter"),
        ];
        if let Some((_, option)) = given.iter().find(|(given, _)| *given) {
            let message = format!("not with --format={}", format_name(format));
            return Err(Error::new(format!("option {option}"), message));
        }
    }
    let filter = filter(args.filter.as_deref())?;
    let text = format == Format::Text;
    let sort = match args.sort {
        Some(Sort::Size) => SortBy::Size,
        Some(Sort::Name) => SortBy::Name,
        Some(Sort::Count) => SortBy::Count,
        Some(Sort::Input) => SortBy::Input,
        None if text => text_order,
        None => SortBy::Input,
    };
    Ok(Selection { filter, sort, limit: args.rows.unwrap_or(if text { TEXT_ROWS } else { 0 }) })
}

/// The pattern of `--filter`.
pub(super) fn filter(pattern: Option<&str>) -> Result<Option<Regex>> {
    let Some(pattern) = pattern else { return Ok(None) };
    let built = RegexBuilder::new(pattern).size_limit(1 << 22).build();
    built
        .map(Some)
        .map_err(|e| Error::new(format!("option --filter={pattern}"), e.to_string().replace('\n', " ")))
}

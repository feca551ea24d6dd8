//! The command line as typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::error::Severity;

const INPUT_HELP: &str = "\
INPUT is a linker command line behind `--`, as the linker gets it (@response files, -l/-L, -T), a compiler-driver \
line (cc, c++, gcc, g++, clang, clang++; expanded by asking the driver), a file holding either (--link-file), or a \
built Linux kernel object tree (--kbuild DIR, with --module for one of its modules).

Exit status: 0 done; 1 findings or differences, from commands that judge; 2 wrong usage, unreadable input, or a \
link that the linker itself would refuse (the answer is printed all the same).";

const DIFF_HELP: &str = "\
OLD and NEW are each a linked image (executable, shared library, vmlinux, .ko, object: sizes by section and symbol), \
a file that holds a link line (as --link-file takes it), a built Linux kernel object tree, or a saved graph (.lsw). \
Links and trees are answered by file, archive, directory, symbol, root, section and memory region, with causes.

Exit status: 0 done; 2 wrong usage, unreadable input, or a link that the linker itself would refuse.";

const WHAT_IF_HELP: &str = "\
All changes can be given together and repeatedly. A pattern is a glob; A and B of --cut also take section:, symbol:, \
file: and FILE:(SECTION) as in `why`. --format=linker writes the lines that the linker would print for the \
changed link.

Exit status: 0 done; 2 wrong usage, a change that matches nothing, unreadable input, or a link that the linker itself \
would refuse as it is (the answer is printed all the same). What it would refuse only after the changes is told on stderr.";

/// Tells, without linking, what --gc-sections and on-demand archive linking drop, and why.
#[derive(Debug, Parser)]
#[command(name = "linksweep", version, max_term_width = 100, after_help = INPUT_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What --gc-sections drops, in bytes and sections
    #[command(after_help = INPUT_HELP)]
    Gc(GcArgs),
    /// Which archive members a link takes, who asked first and for which symbol
    #[command(after_help = INPUT_HELP)]
    Extract(ExtractArgs),
    /// A kernel's exports: where defined, linked or not, used by which modules
    #[command(after_help = INPUT_HELP)]
    Exports(ExportsArgs),
    /// Each undefined symbol of a link or of a module: cause and remedy
    #[command(after_help = INPUT_HELP)]
    Undefined(UndefinedArgs),
    /// Every finding and every budget, judged by linksweep.toml
    #[command(after_help = INPUT_HELP)]
    Check(CheckArgs),
    /// What changed between two links or images, in bytes, and why
    #[command(after_help = DIFF_HELP)]
    Diff(DiffArgs),
    /// How many sections there are, against the limits of ELF and its readers
    #[command(after_help = INPUT_HELP)]
    Sections(AuditArgs),
    /// Why something is live, or why nothing keeps it
    #[command(after_help = INPUT_HELP)]
    Why(WhyArgs),
    /// The link after changes: what dies, what comes alive
    #[command(after_help = WHAT_IF_HELP)]
    WhatIf(WhatIfArgs),
    /// What would go if one thing went: direct, retained and shared bytes
    #[command(after_help = INPUT_HELP)]
    Retained(RetainedArgs),
    /// Save a finished link as a compact file that later questions are answered from
    #[command(after_help = INPUT_HELP)]
    Snapshot(SnapshotArgs),
    /// The KEEP audit of a script: tables that lose entries, and what the KEEPs keep
    #[command(after_help = INPUT_HELP)]
    Keep(AuditArgs),
    /// Run the real linker in a scratch folder and compare line by line
    #[command(after_help = INPUT_HELP)]
    Verify(VerifyArgs),
    /// What the inputs are, what cannot be read, and a second reader's opinion
    #[command(after_help = INPUT_HELP)]
    Doctor(DoctorArgs),
    /// The main job on a small link built in memory; needs nothing else
    Demo(DemoArgs),
    /// The JSON Schema of a kind of JSON answer
    Schema {
        /// gc, compare, extract, verify, doctor, ...
        kind: String,
        /// Write the answer to FILE
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// The manual page
    Man {
        /// Write the answer to FILE
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// A completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
        /// Write the answer to FILE
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Output formats of all commands together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One object with a schema number
    Json,
    /// Comma separated
    Csv,
    /// Tab separated
    Tsv,
    /// The linker's own lines
    Linker,
    /// Stacks of the dominator tree with bytes, for flame graph viewers
    Folded,
}

/// `auto`, `always`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// If the output is a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `auto`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Progress {
    /// On a terminal
    Auto,
    /// Never
    Never,
}

/// `auto`, `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Demangle {
    /// Rust, then C++
    Auto,
    /// As in the objects
    None,
}

/// Order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// Biggest first
    Size,
    /// By name
    Name,
    /// Most sections first
    Count,
    /// In link order
    Input,
}

/// What rows stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
    /// Object or archive member
    File,
    /// Archive
    Archive,
    /// Folder
    Directory,
    /// Section name
    Section,
    /// text, rodata, data, bss, ...
    Kind,
    /// Symbol
    Symbol,
    /// Memory region of the script
    Region,
}

/// Options that say what is analysed and how.
#[derive(Debug, ClapArgs)]
pub(super) struct LinkArgs {
    /// Whose rules: bfd, gold, lld or mold, with @VERSION for a certain one
    #[arg(long, value_name = "NAME[@VERSION]")]
    pub(super) linker: Option<String>,
    /// Read the command line from FILE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["line", "kbuild"])]
    pub(super) link_file: Option<PathBuf>,
    /// A saved link, for the commands that can answer from one
    #[arg(long, value_name = "FILE.lsw", conflicts_with_all = ["line", "kbuild", "link_file"])]
    pub(super) snapshot: Option<PathBuf>,
    /// A built Linux kernel object tree: the link of its vmlinux
    #[arg(long, value_name = "DIR", conflicts_with = "line")]
    pub(super) kbuild: Option<PathBuf>,
    /// The link of one module of that tree, path as in modules.order
    #[arg(long, value_name = "PATH.ko")]
    pub(super) module: Option<OsString>,
    /// The folder that relative input paths start from
    #[arg(short = 'C', value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// The linker's or the compiler driver's command line
    #[arg(last = true, value_name = "LINK LINE")]
    pub(super) line: Vec<OsString>,
}

/// How a command runs, and what it tells meanwhile.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct RunArgs {
    /// Number of threads
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Tell on stderr how long each phase took
    #[arg(long)]
    pub(super) timings: bool,
    /// Progress on stderr
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(super) progress: Progress,
    /// No notes and warnings on stderr
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// More on stderr
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Any diagnostic is an error
    #[arg(long)]
    pub(super) strict: bool,
}

/// Options that change how archives are linked.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(super) struct ModeArgs {
    /// As if the archives that match were linked on demand
    #[arg(long, value_name = "GLOB")]
    pub(super) on_demand: Vec<OsString>,
    /// As if the archives that match were linked whole; the last option that matches counts
    #[arg(long, value_name = "GLOB")]
    pub(super) whole_archive: Vec<OsString>,
}

/// Options that say where the answer goes and how it looks.
#[derive(Debug, ClapArgs)]
pub(super) struct OutputArgs {
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) format: Format,
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Colours in text
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(super) color: When,
    /// Readable symbol names in text
    #[arg(long, value_name = "HOW", value_enum, default_value = "auto")]
    pub(super) demangle: Demangle,
}

/// Options that choose rows (text, json, csv).
#[derive(Debug, ClapArgs)]
pub(super) struct RowArgs {
    /// At most N rows; 0: all [default: 20 in text, else all]
    #[arg(short = 'n', value_name = "N")]
    pub(super) rows: Option<usize>,
    /// Order of rows
    #[arg(long, value_name = "ORDER", value_enum)]
    pub(super) sort: Option<Sort>,
    /// Only rows that match
    #[arg(long, value_name = "REGEX")]
    pub(super) filter: Option<String>,
}

/// `gc`.
#[derive(Debug, ClapArgs)]
pub(super) struct GcArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
    /// Group the bytes
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub(super) by: Vec<By>,
    /// Only sections whose fate differs between these linkers
    #[arg(long, value_name = "LINKER,...", value_delimiter = ',', conflicts_with = "by")]
    pub(super) compare: Vec<String>,
}

/// `extract`.
#[derive(Debug, ClapArgs)]
pub(super) struct ExtractArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) modes: ModeArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
    /// Everyone who refers to a member, not only who asked first (text, json)
    #[arg(long)]
    pub(super) all: bool,
}

/// `why`.
#[derive(Debug, ClapArgs)]
pub(super) struct WhyArgs {
    /// A glob over names; section:, symbol:, file: or member: in front limits it to one kind
    pub(super) pattern: OsString,
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// At most N explained things; 0: all [default: 20]
    #[arg(short = 'n', value_name = "N")]
    pub(super) rows: Option<usize>,
    /// The pattern is an exact name
    #[arg(long)]
    pub(super) exact: bool,
    /// Number of distinct chains
    #[arg(short = 'k', value_name = "N", default_value_t = 1)]
    pub(super) chains: usize,
    /// Who refers to something dropped or not extracted, and why none of them is live
    #[arg(long)]
    pub(super) dead: bool,
}

/// What rows of `retained` stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RetainedBy {
    /// Every live section
    Section,
    /// Every symbol
    Symbol,
    /// Object or archive member
    File,
    /// Folder
    Directory,
    /// Archive
    Archive,
    /// Rust crate or C++ namespace
    Crate,
    /// Every root: KEEP statement, export, initcall, entry, -u, constructor table, dynamic export
    Root,
}

/// `retained`.
#[derive(Debug, ClapArgs)]
pub(super) struct RetainedArgs {
    /// One thing: what goes with everything that this glob names (section:, symbol:, file: as in `why`)
    pub(super) pattern: Option<OsString>,
    #[command(flatten)]
    pub(super) link: LinkArgs,
    /// What rows stand for [default: root,file]
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',', conflicts_with = "pattern")]
    pub(super) by: Vec<RetainedBy>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
}

/// `what-if`.
#[derive(Debug, ClapArgs)]
pub(super) struct WhatIfArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    /// No root by this name: entry (as with -e 0), -u, EXTERN, exported symbol, initcall, kernel export, or section
    #[arg(long, value_name = "NAME")]
    pub(super) drop_root: Vec<OsString>,
    /// No KEEP around a statement: the text inside KEEP( ) without spaces, FILE:LINE:COLUMN, or a glob over its
    /// section pattern
    #[arg(long, value_name = "K")]
    pub(super) drop_keep: Vec<OsString>,
    /// KEEP around a statement (its text, or FILE:LINE:COLUMN), else KEEP(*(PATTERN)), or KEEP(PATTERN) if it has
    /// parentheses, before all other statements
    #[arg(long, value_name = "PATTERN")]
    pub(super) add_keep: Vec<OsString>,
    /// Kernel exports whose table entries are not kept
    #[arg(long, value_name = "GLOB")]
    pub(super) drop_export: Vec<OsString>,
    /// Only the kernel exports that FILE names are kept (names, Module.symvers, or nm -u of modules)
    #[arg(long, value_name = "FILE")]
    pub(super) only_exports: Vec<PathBuf>,
    /// Nothing defines this symbol
    #[arg(long, value_name = "NAME")]
    pub(super) drop_symbol: Vec<OsString>,
    /// A does not refer to B
    #[arg(long, value_name = "A,B")]
    pub(super) cut: Vec<OsString>,
    /// Instead of a change: the smallest sets of roots and sections that must go so that what PATTERN names dies
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["drop_root", "drop_keep", "add_keep", "drop_export",
        "only_exports", "drop_symbol", "cut", "on_demand", "whole_archive", "by"])]
    pub(super) kill: Option<OsString>,
    #[command(flatten)]
    pub(super) modes: ModeArgs,
    /// Group what dies and what comes alive
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub(super) by: Vec<By>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
}

/// `snapshot`.
#[derive(Debug, ClapArgs)]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    /// Write the snapshot (or what --dump prints) to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Print a snapshot as JSON Lines
    #[arg(long, value_name = "FILE.lsw", conflicts_with_all = ["line", "kbuild", "link_file", "snapshot"])]
    pub(super) dump: Option<PathBuf>,
    /// Leave out what `check` finds (faster; `check --base` then takes everything for new)
    #[arg(long)]
    pub(super) no_findings: bool,
}

/// The level from which findings make the exit status 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Errors
    Error,
    /// Warnings and errors
    Warning,
    /// Everything
    Note,
}

impl FailOn {
    /// As findings spell it.
    pub(super) fn level(self) -> Severity {
        match self {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Note => Severity::Note,
        }
    }
}

/// `keep`, `sections`: audits of one link.
#[derive(Debug, ClapArgs)]
pub(super) struct AuditArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(super) fail_on: FailOn,
}

/// `undefined`.
#[derive(Debug, ClapArgs)]
pub(super) struct UndefinedArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) modes: ModeArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
    /// More modules that use or offer exports
    #[arg(long, value_name = "FILE")]
    pub(super) extra_module: Vec<PathBuf>,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(super) fail_on: FailOn,
}

/// `exports`.
#[derive(Debug, ClapArgs)]
pub(super) struct ExportsArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) modes: ModeArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) rows: RowArgs,
    /// More modules that use or offer exports
    #[arg(long, value_name = "FILE")]
    pub(super) extra_module: Vec<PathBuf>,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(super) fail_on: FailOn,
}

/// Output formats of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// For people
    Text,
    /// One object with a schema number
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// GitHub's workflow commands
    Github,
    /// GitLab's code quality report
    Gitlab,
    /// JUnit XML
    Junit,
    /// For a step summary or a comment
    Markdown,
    /// Comma separated
    Csv,
}

/// `check`.
#[derive(Debug, ClapArgs)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) format: CheckFormat,
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Colours in text
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(super) color: When,
    /// At most N findings in text; 0: all [default: 50]
    #[arg(short = 'n', value_name = "N")]
    pub(super) rows: Option<usize>,
    /// The configuration [default: linksweep.toml, upwards to the repository's root]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// A saved graph of what this link is compared with: what it was found to have does not fail, and
    /// budgets may limit growth
    #[arg(long, value_name = "OLD.lsw")]
    pub(super) base: Option<PathBuf>,
    /// Write what ratchet budgets measure into the configuration where it is lower than their `max`
    #[arg(long)]
    pub(super) update_budgets: bool,
    /// The most bytes of --format=markdown: a comment may have 65,536, a step summary 1,048,576
    #[arg(long, value_name = "BYTES", default_value_t = crate::report::markdown::COMMENT)]
    pub(super) limit: usize,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(super) fail_on: FailOn,
    /// What tells this build from others (SARIF's category) [default: machine and output]
    #[arg(long, value_name = "NAME")]
    pub(super) category: Option<String>,
    /// The day that `until` dates are held against [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) today: Option<String>,
}

/// `verify`.
#[derive(Debug, ClapArgs)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// The linker to run
    #[arg(long, value_name = "PROGRAM")]
    pub(super) linker_path: Option<OsString>,
}

/// `doctor`.
#[derive(Debug, ClapArgs)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) link: LinkArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `demo`.
#[derive(Debug, ClapArgs)]
pub(super) struct DemoArgs {
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(super) color: When,
}

/// Output formats of `diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
    /// For people
    Text,
    /// One object with a schema number
    Json,
    /// Comma separated
    Csv,
    /// Step summaries and comments, limited in bytes
    Markdown,
    /// The lines of the kernel's bloat-o-meter (two images)
    BloatOMeter,
}

/// Groupings of `diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffBy {
    /// Object or archive member
    File,
    /// Archive
    Archive,
    /// Folder
    Directory,
    /// Symbol, renames matched
    Symbol,
    /// What keeps it: the root of its shortest chain
    Root,
    /// Output section
    Section,
    /// Input section's name
    Input,
    /// Memory region
    Region,
}

/// Symbols of `--format=bloat-o-meter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffSymbols {
    /// One table of all
    All,
    /// Code (the script's -t)
    Functions,
    /// Data (the script's -d)
    Data,
    /// Three tables: code, data, read-only data (the script's -c)
    Categories,
}

/// `diff`.
#[derive(Debug, ClapArgs)]
pub(super) struct DiffArgs {
    /// Before: an image, a link file, a kernel tree or a .lsw
    pub(super) old: PathBuf,
    /// After
    pub(super) new: PathBuf,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) format: DiffFormat,
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Colours in text
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(super) color: When,
    /// Readable symbol names in text
    #[arg(long, value_name = "HOW", value_enum, default_value = "auto")]
    pub(super) demangle: Demangle,
    /// Group the bytes [default: symbol, file, section]
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub(super) by: Vec<DiffBy>,
    /// At most N rows of each kind; 0: all [default: 20 in text, else all]
    #[arg(short = 'n', value_name = "N")]
    pub(super) rows: Option<usize>,
    /// Order of rows: size (of the change), or name
    #[arg(long, value_name = "ORDER", value_enum, default_value = "size")]
    pub(super) sort: DiffSort,
    /// Only rows that match
    #[arg(long, value_name = "REGEX")]
    pub(super) filter: Option<String>,
    /// Which symbols --format=bloat-o-meter shows
    #[arg(long, value_name = "WHICH", value_enum, default_value = "all")]
    pub(super) symbols: DiffSymbols,
    /// The most bytes of --format=markdown
    #[arg(long, value_name = "BYTES", default_value_t = crate::report::markdown::COMMENT)]
    pub(super) limit: usize,
    /// Whose rules, for links: bfd, gold, lld or mold, with @VERSION for a certain one
    #[arg(long, value_name = "NAME[@VERSION]")]
    pub(super) linker: Option<String>,
    /// The link of one module of both kernel trees, path as in modules.order
    #[arg(long, value_name = "PATH.ko")]
    pub(super) module: Option<OsString>,
    /// The folder that relative input paths of both links start from
    #[arg(short = 'C', value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    /// The folder that relative input paths of OLD start from
    #[arg(long, value_name = "DIR")]
    pub(super) old_directory: Option<PathBuf>,
    /// The folder that relative input paths of NEW start from
    #[arg(long, value_name = "DIR")]
    pub(super) new_directory: Option<PathBuf>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// Orders of rows of `diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffSort {
    /// Biggest change first
    Size,
    /// By name
    Name,
}

//! What several commands take: what is analysed, how a command runs, where its answer goes and how it looks.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::error::Severity;

/// Output formats of all commands together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
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
pub(in crate::cli) enum When {
    /// If the output is a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `auto`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Progress {
    /// On a terminal
    Auto,
    /// Never
    Never,
}

/// `auto`, `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Demangle {
    /// Rust, then C++
    Auto,
    /// As in the objects
    None,
}

/// Order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Sort {
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
pub(in crate::cli) enum By {
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
pub(in crate::cli) struct LinkArgs {
    /// Whose rules: bfd, gold, lld or mold, with @VERSION for a certain one
    #[arg(long, value_name = "NAME[@VERSION]")]
    pub(in crate::cli) linker: Option<String>,
    /// Read the command line from FILE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["line", "kbuild"])]
    pub(in crate::cli) link_file: Option<PathBuf>,
    /// A saved link, for the commands that can answer from one
    #[arg(long, value_name = "FILE.lsw", conflicts_with_all = ["line", "kbuild", "link_file"])]
    pub(in crate::cli) snapshot: Option<PathBuf>,
    /// A built Linux kernel object tree: the link of its vmlinux
    #[arg(long, value_name = "DIR", conflicts_with = "line")]
    pub(in crate::cli) kbuild: Option<PathBuf>,
    /// The link of one module of that tree, path as in modules.order
    #[arg(long, value_name = "PATH.ko")]
    pub(in crate::cli) module: Option<OsString>,
    /// The folder that relative input paths start from
    #[arg(short = 'C', value_name = "DIR")]
    pub(in crate::cli) directory: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
    /// The linker's or the compiler driver's command line
    #[arg(last = true, value_name = "LINK LINE")]
    pub(in crate::cli) line: Vec<OsString>,
}

/// How a command runs, and what it tells meanwhile.
#[derive(Debug, Clone, ClapArgs)]
pub(in crate::cli) struct RunArgs {
    /// Number of threads
    #[arg(long, value_name = "N")]
    pub(in crate::cli) threads: Option<usize>,
    /// Tell on stderr how long each phase took
    #[arg(long)]
    pub(in crate::cli) timings: bool,
    /// Progress on stderr
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(in crate::cli) progress: Progress,
    /// No notes and warnings on stderr
    #[arg(short, long, conflicts_with = "verbose")]
    pub(in crate::cli) quiet: bool,
    /// More on stderr
    #[arg(short, long)]
    pub(in crate::cli) verbose: bool,
    /// Any diagnostic is an error
    #[arg(long)]
    pub(in crate::cli) strict: bool,
}

/// Options that change how archives are linked.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(in crate::cli) struct ModeArgs {
    /// As if the archives that match were linked on demand
    #[arg(long, value_name = "GLOB")]
    pub(in crate::cli) on_demand: Vec<OsString>,
    /// As if the archives that match were linked whole; the last option that matches counts
    #[arg(long, value_name = "GLOB")]
    pub(in crate::cli) whole_archive: Vec<OsString>,
}

/// Options that say where the answer goes and how it looks.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct OutputArgs {
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(in crate::cli) format: Format,
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Colours in text
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(in crate::cli) color: When,
    /// Readable symbol names in text
    #[arg(long, value_name = "HOW", value_enum, default_value = "auto")]
    pub(in crate::cli) demangle: Demangle,
}

/// Options that choose rows (text, json, csv).
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RowArgs {
    /// At most N rows; 0: all [default: 20 in text, else all]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) rows: Option<usize>,
    /// Order of rows
    #[arg(long, value_name = "ORDER", value_enum)]
    pub(in crate::cli) sort: Option<Sort>,
    /// Only rows that match
    #[arg(long, value_name = "REGEX")]
    pub(in crate::cli) filter: Option<String>,
}

/// The level from which findings make the exit status 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FailOn {
    /// Errors
    Error,
    /// Warnings and errors
    Warning,
    /// Everything
    Note,
}

impl FailOn {
    /// As findings spell it.
    pub(in crate::cli) fn level(self) -> Severity {
        match self {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Note => Severity::Note,
        }
    }
}

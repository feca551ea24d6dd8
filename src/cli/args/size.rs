//! Commands about sizes and changes: `retained`, `what-if`, `snapshot`, `diff`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::common::{By, Demangle, LinkArgs, ModeArgs, OutputArgs, RowArgs, RunArgs, When};

/// What rows of `retained` stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RetainedBy {
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
pub(in crate::cli) struct RetainedArgs {
    /// One thing: what goes with everything that this glob names (section:, symbol:, file: as in `why`)
    pub(in crate::cli) pattern: Option<OsString>,
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    /// What rows stand for [default: root,file]
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',', conflicts_with = "pattern")]
    pub(in crate::cli) by: Vec<RetainedBy>,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) rows: RowArgs,
}

/// `what-if`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct WhatIfArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    /// No root by this name: entry (as with -e 0), -u, EXTERN, exported symbol, initcall, kernel export, or section
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) drop_root: Vec<OsString>,
    /// No KEEP around a statement: the text inside KEEP( ) without spaces, FILE:LINE:COLUMN, or a glob over its
    /// section pattern
    #[arg(long, value_name = "K")]
    pub(in crate::cli) drop_keep: Vec<OsString>,
    /// KEEP around a statement (its text, or FILE:LINE:COLUMN), else KEEP(*(PATTERN)), or KEEP(PATTERN) if it has
    /// parentheses, before all other statements
    #[arg(long, value_name = "PATTERN")]
    pub(in crate::cli) add_keep: Vec<OsString>,
    /// Kernel exports whose table entries are not kept
    #[arg(long, value_name = "GLOB")]
    pub(in crate::cli) drop_export: Vec<OsString>,
    /// Only the kernel exports that FILE names are kept (names, Module.symvers, or nm -u of modules)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) only_exports: Vec<PathBuf>,
    /// Nothing defines this symbol
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) drop_symbol: Vec<OsString>,
    /// A does not refer to B
    #[arg(long, value_name = "A,B")]
    pub(in crate::cli) cut: Vec<OsString>,
    /// Instead of a change: the smallest sets of roots and sections that must go so that what PATTERN names dies
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["drop_root", "drop_keep", "add_keep", "drop_export",
        "only_exports", "drop_symbol", "cut", "on_demand", "whole_archive", "by"])]
    pub(in crate::cli) kill: Option<OsString>,
    #[command(flatten)]
    pub(in crate::cli) modes: ModeArgs,
    /// Group what dies and what comes alive
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub(in crate::cli) by: Vec<By>,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) rows: RowArgs,
}

/// `snapshot`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SnapshotArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    /// Write the snapshot (or what --dump prints) to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Print a snapshot as JSON Lines
    #[arg(long, value_name = "FILE.lsw", conflicts_with_all = ["line", "kbuild", "link_file", "snapshot"])]
    pub(in crate::cli) dump: Option<PathBuf>,
    /// Leave out what `check` finds (faster; `check --base` then takes everything for new)
    #[arg(long)]
    pub(in crate::cli) no_findings: bool,
}

/// Output formats of `diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DiffFormat {
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
pub(in crate::cli) enum DiffBy {
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
pub(in crate::cli) enum DiffSymbols {
    /// One table of all
    All,
    /// Code (the script's -t)
    Functions,
    /// Data (the script's -d)
    Data,
    /// Three tables: code, data, read-only data (the script's -c)
    Categories,
}

/// Orders of rows of `diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DiffSort {
    /// Biggest change first
    Size,
    /// By name
    Name,
}

/// `diff`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct DiffArgs {
    /// Before: an image, a link file, a kernel tree or a .lsw
    pub(in crate::cli) old: PathBuf,
    /// After
    pub(in crate::cli) new: PathBuf,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(in crate::cli) format: DiffFormat,
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Colours in text
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(in crate::cli) color: When,
    /// Readable symbol names in text
    #[arg(long, value_name = "HOW", value_enum, default_value = "auto")]
    pub(in crate::cli) demangle: Demangle,
    /// Group the bytes [default: symbol, file, section]
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub(in crate::cli) by: Vec<DiffBy>,
    /// At most N rows of each kind; 0: all [default: 20 in text, else all]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) rows: Option<usize>,
    /// Order of rows: size (of the change), or name
    #[arg(long, value_name = "ORDER", value_enum, default_value = "size")]
    pub(in crate::cli) sort: DiffSort,
    /// Only rows that match
    #[arg(long, value_name = "REGEX")]
    pub(in crate::cli) filter: Option<String>,
    /// Which symbols --format=bloat-o-meter shows
    #[arg(long, value_name = "WHICH", value_enum, default_value = "all")]
    pub(in crate::cli) symbols: DiffSymbols,
    /// The most bytes of --format=markdown
    #[arg(long, value_name = "BYTES", default_value_t = crate::report::markdown::COMMENT)]
    pub(in crate::cli) limit: usize,
    /// Whose rules, for links: bfd, gold, lld or mold, with @VERSION for a certain one
    #[arg(long, value_name = "NAME[@VERSION]")]
    pub(in crate::cli) linker: Option<String>,
    /// The link of one module of both kernel trees, path as in modules.order
    #[arg(long, value_name = "PATH.ko")]
    pub(in crate::cli) module: Option<OsString>,
    /// The folder that relative input paths of both links start from
    #[arg(short = 'C', value_name = "DIR")]
    pub(in crate::cli) directory: Option<PathBuf>,
    /// The folder that relative input paths of OLD start from
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) old_directory: Option<PathBuf>,
    /// The folder that relative input paths of NEW start from
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) new_directory: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

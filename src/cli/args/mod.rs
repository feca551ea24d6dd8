//! The command line as typed: the program and its commands; their options are in a file per group.

mod audit;
mod common;
mod link;
mod size;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(super) use audit::{AuditArgs, CheckArgs, CheckFormat, ExportsArgs, UndefinedArgs};
pub(super) use common::{
    By, Demangle, Format, LinkArgs, ModeArgs, OutputArgs, Progress, RowArgs, RunArgs, Sort, When,
};
pub(super) use link::{DemoArgs, DoctorArgs, ExtractArgs, GcArgs, VerifyArgs, WhyArgs};
pub(super) use size::{
    DiffArgs, DiffBy, DiffFormat, DiffSort, DiffSymbols, RetainedArgs, RetainedBy, SnapshotArgs, WhatIfArgs,
};

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

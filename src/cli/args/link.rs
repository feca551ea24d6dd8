//! Commands that tell what a link does: `gc`, `extract`, `why`; and what stands behind the answers: `verify`,
//! `doctor`, `demo`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::common::{By, LinkArgs, ModeArgs, OutputArgs, RowArgs, When};

/// `gc`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct GcArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) rows: RowArgs,
    /// Group the bytes
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub(in crate::cli) by: Vec<By>,
    /// Only sections whose fate differs between these linkers
    #[arg(long, value_name = "LINKER,...", value_delimiter = ',', conflicts_with = "by")]
    pub(in crate::cli) compare: Vec<String>,
}

/// `extract`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ExtractArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) modes: ModeArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) rows: RowArgs,
    /// Everyone who refers to a member, not only who asked first (text, json)
    #[arg(long)]
    pub(in crate::cli) all: bool,
}

/// `why`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct WhyArgs {
    /// A glob over names; section:, symbol:, file: or member: in front limits it to one kind
    pub(in crate::cli) pattern: OsString,
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    /// At most N explained things; 0: all [default: 20]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) rows: Option<usize>,
    /// The pattern is an exact name
    #[arg(long)]
    pub(in crate::cli) exact: bool,
    /// Number of distinct chains
    #[arg(short = 'k', value_name = "N", default_value_t = 1)]
    pub(in crate::cli) chains: usize,
    /// Who refers to something dropped or not extracted, and why none of them is live
    #[arg(long)]
    pub(in crate::cli) dead: bool,
}

/// `verify`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    /// The linker to run
    #[arg(long, value_name = "PROGRAM")]
    pub(in crate::cli) linker_path: Option<OsString>,
}

/// `doctor`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

/// `demo`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct DemoArgs {
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(in crate::cli) color: When,
}

//! Commands that judge: `keep`, `sections`, `undefined`, `exports`, `check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::common::{FailOn, LinkArgs, ModeArgs, OutputArgs, RowArgs, When};

/// `keep`, `sections`: audits of one link.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct AuditArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) rows: RowArgs,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(in crate::cli) fail_on: FailOn,
}

/// `undefined`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct UndefinedArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) modes: ModeArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) rows: RowArgs,
    /// More modules that use or offer exports
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) extra_module: Vec<PathBuf>,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(in crate::cli) fail_on: FailOn,
}

/// `exports`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ExportsArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    #[command(flatten)]
    pub(in crate::cli) modes: ModeArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) rows: RowArgs,
    /// More modules that use or offer exports
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) extra_module: Vec<PathBuf>,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(in crate::cli) fail_on: FailOn,
}

/// Output formats of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CheckFormat {
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
pub(in crate::cli) struct CheckArgs {
    #[command(flatten)]
    pub(in crate::cli) link: LinkArgs,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(in crate::cli) format: CheckFormat,
    /// Write the answer to FILE
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// The same answer in another form to FILE, as often as wanted; markdown:BYTES has a limit of its own
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(in crate::cli) write: Vec<OsString>,
    /// Colours in text
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(in crate::cli) color: When,
    /// At most N findings in text; 0: all [default: 50]
    #[arg(short = 'n', value_name = "N")]
    pub(in crate::cli) rows: Option<usize>,
    /// The configuration [default: linksweep.toml, upwards to the repository's root]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
    /// A saved graph of what this link is compared with: what it was found to have does not fail, and
    /// budgets may limit growth
    #[arg(long, value_name = "OLD.lsw")]
    pub(in crate::cli) base: Option<PathBuf>,
    /// Write what ratchet budgets measure into the configuration where it is lower than their `max`
    #[arg(long)]
    pub(in crate::cli) update_budgets: bool,
    /// The most bytes of --format=markdown: a comment may have 65,536, a step summary 1,048,576
    #[arg(long, value_name = "BYTES", default_value_t = crate::report::markdown::COMMENT)]
    pub(in crate::cli) limit: usize,
    /// Findings of this level or above make the exit status 1
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "error")]
    pub(in crate::cli) fail_on: FailOn,
    /// What tells this build from others (SARIF's category) [default: machine and output]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) category: Option<String>,
    /// The day that `until` dates are held against [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(in crate::cli) today: Option<String>,
}

//! A saved link as the input of a command: the file, what the linker complained about, what stderr gets.

use super::args::LinkArgs;
use super::options::{self, Telling};
use super::session;
use crate::error::{Diagnostic, Result};
use crate::query::finding::{self, Finding};
use crate::query::portrait::Portrait;
use crate::snapshot::{self, Snapshot};

/// An opened `.lsw` file with the options that count for it.
pub(super) struct SavedLink {
    /// The file.
    pub(super) snapshot: Snapshot,
    /// What stderr gets.
    pub(super) telling: Telling,
    strict: bool,
}

/// Opens what `--snapshot` names; `None` if the link is told otherwise.
pub(super) fn open(args: &LinkArgs) -> Result<Option<SavedLink>> {
    let Some(path) = &args.snapshot else { return Ok(None) };
    options::threads(&args.run)?;
    let snapshot = snapshot::open(&args.directory.clone().unwrap_or_default().join(path))?;
    Ok(Some(SavedLink { snapshot, telling: options::telling(&args.run), strict: args.run.strict }))
}

/// What the phases found when the link was saved.
pub(super) struct Told {
    diagnostics: Vec<Diagnostic>,
    /// As findings.
    pub(super) findings: Vec<Finding>,
}

impl SavedLink {
    /// What is saved of the linker's complaints.
    pub(super) fn told(portrait: &Portrait<'_>) -> Told {
        let diagnostics = portrait.complaints();
        let findings = finding::findings(&diagnostics);
        Told { diagnostics, findings }
    }

    /// Tells them; the exit status that they call for.
    pub(super) fn tell(&self, told: &Told) -> u8 {
        session::tell_as(self.telling, self.strict, &told.diagnostics)
    }
}

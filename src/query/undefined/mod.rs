//! `undefined`: each undefined symbol of a link or of a module, its cause, and what to do about it.
//!
//! In: an analysis, its exports, the modules, the tree's facts. Out: [`Undefined`]: one row per name of the
//! link, in order of its first mention, then per module and name. All are listed, however many. Rules:
//! KL 7.1, 7.3.

mod cause;
mod evidence;
mod helpers;
mod link;
mod modpost;
mod modules;
pub(super) mod near;

pub use cause::{Cause, MemberReason};
pub use modpost::Wording;

use bstr::BString;

use super::Analysis;
use super::finding::{Finding, Level, Location, Subject};
use super::kernel::exports::Exports;
use super::kernel::facts::KernelFacts;
use super::kernel::module::Module;
use crate::ids::{FileId, SectionId};
use crate::load::sources::SourceHint;

/// Whose symbol is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needer {
    /// The link as a whole.
    Link,
    /// A module, by position.
    Module(usize),
}

/// A place that refers to the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referrer {
    /// The file.
    pub file: FileId,
    /// The section; `None` for shared libraries, scripts, or a name without relocation.
    pub section: Option<SectionId>,
    /// The section stays in the output.
    pub kept: bool,
}

/// One undefined symbol, or a module's other trouble with modpost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name; empty if the trouble is the module's own (a missing licence).
    pub name: BString,
    /// Who needs it.
    pub needer: Needer,
    /// How bad it is.
    pub level: Level,
    /// Why.
    pub cause: Cause,
    /// What the linker or modpost says.
    pub message: String,
    /// Up to [`REFERRERS`] places that refer to it, kept ones first.
    pub referrers: Vec<Referrer>,
    /// Number of all such places.
    pub referrer_count: usize,
    /// A defined or exported name that is spelled almost the same.
    pub near: Option<BString>,
    /// The Makefile line of the archive member that is the cause, where the sources are at hand.
    pub place: Option<(String, u32)>,
}

impl Row {
    /// The place to fix, where it is known: file and line.
    pub fn location(&self) -> Option<(String, u32)> {
        self.cause.location().or_else(|| self.place.clone())
    }
}

/// The most referrers that a row keeps.
pub const REFERRERS: usize = 5;

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undefined {
    /// The rows.
    pub rows: Vec<Row>,
    /// Number of modules that were looked at.
    pub modules: usize,
    /// Inputs of the link that could not be read.
    pub unread: usize,
}

impl Undefined {
    /// Number of rows of a level.
    pub fn count(&self, level: Level) -> usize {
        self.rows.iter().filter(|r| r.level == level).count()
    }

    /// Names that nothing in the tree defines: the sources may tell where they would come from.
    pub fn unexplained(&self) -> Vec<BString> {
        let mut names: Vec<BString> = self
            .rows
            .iter()
            .filter(|r| matches!(r.cause, Cause::Unknown | Cause::DraggedIn { .. }) && r.level != Level::Note)
            .map(|r| r.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The same answer, where modules outside `modules.order` export what nothing else does.
    #[must_use]
    pub fn with_unlisted(mut self, unlisted: &[Module<'_>]) -> Self {
        for row in self.rows.iter_mut().filter(|r| r.cause == Cause::Unknown) {
            let exporter = unlisted.iter().find(|m| m.exports.iter().any(|e| e.name == row.name.as_slice()));
            if let Some(module) = exporter {
                row.cause = Cause::ExporterMissing(String::from_utf8_lossy(&module.path).into_owned());
                row.near = None;
            }
        }
        self
    }

    /// The same answer, where the sources tell which Makefile line puts a member into its archive (`lib-y`).
    /// `locate` takes the member's object path as a thin archive names it.
    #[must_use]
    pub fn with_places(
        mut self,
        analysis: &Analysis<'_>,
        locate: impl Fn(&[u8]) -> Option<(String, u32)>,
    ) -> Self {
        for row in &mut self.rows {
            row.place = row.cause.member().and_then(|m| locate(analysis.program.files[m].joined?));
        }
        self
    }

    /// The same answer, where the sources tell where names come from.
    #[must_use]
    pub fn with_sources(mut self, hint: impl Fn(&[u8]) -> Option<SourceHint>) -> Self {
        for row in &mut self.rows {
            if row.cause == Cause::Unknown
                && let Some(hint) = hint(&row.name)
            {
                row.cause = Cause::NotBuilt(Box::new(hint));
                row.near = None;
            }
        }
        self
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request {
    /// Only this module's symbols, not the link's.
    pub only: Option<usize>,
    /// Leave the link's own symbols out.
    pub modules_only: bool,
}

/// Collects the answer.
pub fn undefined(
    analysis: &Analysis<'_>,
    exports: &Exports<'_>,
    modules: &[Module<'_>],
    facts: &KernelFacts,
    request: Request,
) -> Undefined {
    let mut out = Undefined { unread: exports.unread.len(), ..Undefined::default() };
    if request.only.is_none() && !request.modules_only {
        out.rows = link::rows(analysis, modules);
    }
    let context = modules::Context { analysis, exports, modules, facts };
    let wanted = modules.iter().enumerate().filter(|(at, _)| request.only.is_none_or(|only| only == *at));
    let wanted: Vec<usize> = wanted.map(|(at, _)| at).collect();
    out.modules = wanted.len();
    out.rows.extend(modules::rows(&context, &wanted));
    near::suggest(analysis, exports, &mut out.rows);
    out
}

/// LSW004 for every row.
pub fn findings(analysis: &Analysis<'_>, answer: &Undefined, modules: &[Module<'_>]) -> Vec<Finding> {
    let program = &analysis.program;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    answer
        .rows
        .iter()
        .map(|row| {
            let (file, archive) = match (row.needer, row.referrers.first()) {
                (Needer::Module(at), _) => (modules.get(at).map_or(String::new(), |m| text(&m.path)), None),
                (Needer::Link, Some(first)) => {
                    let f = &program.files[first.file];
                    match f.archive {
                        Some(_) => (text(f.member), Some(text(f.path))),
                        None => (text(f.path), None),
                    }
                }
                (Needer::Link, None) => (String::new(), None),
            };
            let (kind, name) = match row.name.is_empty() {
                true => ("file", file.clone()),
                false => ("symbol", text(&row.name)),
            };
            let mut remedy = row.cause.remedy(program, modules, &row.name);
            if let Some(near) = &row.near {
                let hint = format!("{near} exists: a misspelling?");
                remedy = if remedy.is_empty() { hint } else { format!("{remedy}; {hint}") };
            }
            Finding {
                id: if row.name.is_empty() { "LSW009" } else { "LSW004" },
                level: row.level,
                message: format!("{}: {}", row.message, row.cause.explain(program, modules, &row.name)),
                subject: Subject { kind, name, file, archive: archive.unwrap_or_default() },
                location: row.location().map(|(file, line)| Location { file, line, column: 1 }),
                bytes: None,
                remedy,
            }
        })
        .collect()
}

//! Findings: what a user should act on, in the form of the contract (cli.md 3 and 4).
//!
//! In: diagnostics of the phases. Out: [`Finding`]s, with a fingerprint that depends on what is found
//! and where, never on order or addresses.

use super::Analysis;
use super::refusals::refusals;
use crate::error::{Diagnostic, Severity};

/// How serious a finding is.
pub use crate::error::Severity as Level;

/// What a finding is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// `file`, `member`, `archive`, `symbol`, `section`, `table`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The file it is in.
    pub file: String,
    /// The archive that file is in; empty if none.
    pub archive: String,
}

/// The place to fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Path as spelled.
    pub file: String,
    /// Line from 1.
    pub line: u32,
    /// Column from 1.
    pub column: u32,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `LSW009`.
    pub id: &'static str,
    /// Level.
    pub level: Level,
    /// The message.
    pub message: String,
    /// The subject.
    pub subject: Subject,
    /// The place to fix, where there is one.
    pub location: Option<Location>,
    /// Bytes concerned, where that means something.
    pub bytes: Option<u64>,
    /// What to do.
    pub remedy: String,
}

/// The name of a finding id; empty for an unknown one.
pub fn name_of(id: &str) -> &'static str {
    match id {
        "LSW001" => "missing-keep",
        "LSW002" => "keep-matches-nothing",
        "LSW003" => "export-not-linked",
        "LSW004" => "undefined-symbol",
        "LSW005" => "section-count",
        "LSW006" => "keep-pins-code",
        "LSW007" => "orphan-section",
        "LSW008" => "pattern-captured",
        "LSW009" => "opaque-input",
        "LSW010" => "budget",
        "LSW011" => "archive-index",
        "LSW012" => "linker-disagreement",
        "LSW013" => "section-type-conflict",
        "LSW014" => "table-stride",
        _ => "",
    }
}

impl Finding {
    /// 16 hex digits over id, subject and location file (FNV-1a).
    pub fn fingerprint(&self) -> String {
        let location = self.location.as_ref().map_or("", |l| l.file.as_str());
        let s = &self.subject;
        fingerprint([self.id, s.kind, &s.name, &s.file, &s.archive, location].map(str::as_bytes))
    }
}

/// The fingerprint of a finding by id, kind, name, file and archive of its subject, and the file of its
/// location.
pub fn fingerprint(parts: [&[u8]; 6]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for part in parts {
        for &byte in part.iter().chain(&[0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// All diagnostics of an analysed link in the order of the phases, what the linker would refuse in
/// the end last.
pub fn diagnostics(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let phases = analysis.program.diagnostics.iter().chain(&analysis.resolution.diagnostics);
    let mut all = intermediate(analysis);
    all.extend(relocations(analysis));
    all.extend(phases.chain(&analysis.liveness.diagnostics).cloned());
    all.extend(refusals(analysis));
    all
}

/// LSW009 for the files of the link that hold intermediate code.
fn intermediate(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let program = &analysis.program;
    let told = |file| {
        let about = program.files[file].intermediate.as_ref()?;
        // A member that stays out is told of only if its symbols are not sure.
        let counts = analysis.resolution.is_in_link(file) || about.approximate.is_some();
        let message = about.message().filter(|_| counts)?;
        Some(Diagnostic::new(Severity::Warning, program.label(file), message).with_id("LSW009"))
    };
    program.file_ids().filter_map(told).collect()
}

/// LSW009 for relocations of the link's files that cannot be read. Those of members that stay out are
/// nobody's concern.
fn relocations(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let program = &analysis.program;
    let mut out = Vec::new();
    for file in program.file_ids().filter(|&f| analysis.resolution.is_in_link(f)) {
        let Some(object) = program.files[file].object().filter(|_| !program.files[file].is_stand_in()) else {
            continue;
        };
        for part in object.relocation_faults() {
            let told = Diagnostic::new(Severity::Warning, program.label(file), object.told(part));
            out.push(told.with_id("LSW009"));
        }
    }
    out
}

/// The diagnostics that are findings.
pub fn findings(diagnostics: &[Diagnostic]) -> Vec<Finding> {
    diagnostics.iter().filter(|d| !d.id.is_empty()).map(from_diagnostic).collect()
}

fn from_diagnostic(diagnostic: &Diagnostic) -> Finding {
    let subject = match diagnostic.subject.strip_suffix(')').and_then(|s| s.rsplit_once('(')) {
        Some((archive, member)) => Subject {
            kind: "member",
            name: member.to_string(),
            file: member.to_string(),
            archive: archive.to_string(),
        },
        None => Subject {
            kind: if diagnostic.id == "LSW011" { "archive" } else { "file" },
            name: diagnostic.subject.clone(),
            file: diagnostic.subject.clone(),
            archive: String::new(),
        },
    };
    let remedy = match diagnostic.id {
        "LSW009" => {
            "give an ordinary object (no LTO, the target's machine, a relocation encoding that the linker reads)"
        }
        "LSW011" => "run ranlib on the archive",
        _ => "",
    };
    Finding {
        id: diagnostic.id,
        level: diagnostic.severity,
        message: diagnostic.message.clone(),
        subject,
        location: None,
        bytes: None,
        remedy: remedy.to_string(),
    }
}

/// The word for a level.
pub fn level_word(level: Severity) -> &'static str {
    match level {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

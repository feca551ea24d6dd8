//! What all JSON answers share: the envelope, the description of the link, findings (cli.md 4).

use serde::Serialize;

use super::Page;
use super::text;
use crate::program::Content;
use crate::query::finding::{Finding, level_word, name_of};
use crate::query::portrait::tables::file_flags;
use crate::query::portrait::{NONE, Portrait};
use crate::query::totals::{Amount, Totals};

/// `tool`.
#[derive(Serialize)]
pub struct Tool {
    name: &'static str,
    version: &'static str,
}

/// This program.
pub const TOOL: Tool = Tool { name: "linksweep", version: env!("CARGO_PKG_VERSION") };

/// `link`.
#[derive(Serialize)]
pub struct LinkInfo {
    linker: &'static str,
    version: String,
    emulation: Option<String>,
    machine: Option<String>,
    output: &'static str,
    gc_sections: bool,
    objects: u64,
    archives: u64,
    members: u64,
    shared_libraries: u64,
    unreadable: u64,
    partial: bool,
}

/// Describes the analysed link.
pub fn link(page: &Page<'_, '_>) -> LinkInfo {
    let program = &page.analysis.program;
    let (mut objects, mut members, mut shared, mut unreadable) = (0, 0, 0, 0);
    for file in program.file_ids() {
        let f = &program.files[file];
        match &f.content {
            Content::Object(_) => *(if f.archive.is_some() { &mut members } else { &mut objects }) += 1,
            Content::Binary(_) => objects += 1,
            Content::Shared(_) => shared += 1,
            Content::Opaque(_) => {}
        }
        // What intermediate code defines is known: a member that stays out takes nothing away.
        let stays_out = f.intermediate.is_some() && !page.analysis.resolution.is_in_link(file);
        unreadable += u64::from(f.is_partial() && !stays_out);
    }
    LinkInfo {
        linker: text::flavor(program.plan.profile),
        version: text::version(program.plan.profile),
        emulation: program.plan.emulation.clone(),
        machine: program.target.map(|t| text::machine_name(t.machine)),
        output: text::output_kind(program.plan.output_kind),
        gc_sections: program.plan.gc_sections == Some(true),
        objects,
        archives: program.archives.len() as u64,
        members,
        shared_libraries: shared,
        unreadable,
        partial: unreadable > 0,
    }
}

/// Describes a saved link, as the link itself is described.
pub fn link_of_portrait(portrait: &Portrait<'_>) -> LinkInfo {
    let (mut objects, mut members, mut shared, mut unreadable) = (0, 0, 0, 0);
    let f = &portrait.files;
    for row in 0..f.path.len() {
        match f.kind.at(row) {
            0 if f.archive.get(row).is_some_and(|a| *a != NONE) => members += 1,
            0 | 2 => objects += 1,
            1 => shared += 1,
            _ => {}
        }
        let flags = f.flags.at(row);
        let stays_out = flags & file_flags::INTERMEDIATE != 0 && flags & file_flags::IN_LINK == 0;
        unreadable += u64::from(flags & file_flags::PARTIAL != 0 && !stays_out);
    }
    let head = &portrait.head;
    LinkInfo {
        linker: text::flavor(head.profile),
        version: text::version(head.profile),
        emulation: head.emulation_given.clone(),
        machine: head.has_target.then(|| text::machine_name(head.machine)),
        output: text::output_kind(head.output_kind),
        gc_sections: head.gc_sections,
        objects,
        archives: portrait.archives.path.len() as u64,
        members,
        shared_libraries: shared,
        unreadable,
        partial: unreadable > 0,
    }
}

/// `subject`.
#[derive(Serialize)]
pub struct SubjectJson {
    kind: &'static str,
    name: String,
    file: String,
    archive: String,
}

/// `location`.
#[derive(Serialize)]
pub struct LocationJson {
    file: String,
    line: u32,
    column: u32,
}

/// A finding.
#[derive(Serialize)]
pub struct FindingJson {
    id: &'static str,
    name: &'static str,
    level: &'static str,
    message: String,
    subject: SubjectJson,
    location: Option<LocationJson>,
    bytes: Option<u64>,
    remedy: String,
    fingerprint: String,
}

/// Findings in their JSON form.
pub fn findings(list: &[Finding]) -> Vec<FindingJson> {
    list.iter()
        .map(|f| FindingJson {
            id: f.id,
            name: name_of(f.id),
            level: level_word(f.level),
            message: f.message.clone(),
            subject: SubjectJson {
                kind: f.subject.kind,
                name: f.subject.name.clone(),
                file: f.subject.file.clone(),
                archive: f.subject.archive.clone(),
            },
            location: f.location.as_ref().map(|l| LocationJson {
                file: l.file.clone(),
                line: l.line,
                column: l.column,
            }),
            bytes: f.bytes,
            remedy: f.remedy.clone(),
            fingerprint: f.fingerprint(),
        })
        .collect()
}

/// Sections and bytes.
#[derive(Serialize)]
pub struct AmountJson {
    sections: u64,
    bytes: u64,
}

impl From<Amount> for AmountJson {
    fn from(a: Amount) -> Self {
        AmountJson { sections: a.sections, bytes: a.bytes }
    }
}

/// Bytes only.
#[derive(Serialize)]
pub struct BytesJson {
    bytes: u64,
}

/// Totals by fate.
#[derive(Serialize)]
pub struct TotalsJson {
    input: AmountJson,
    kept: AmountJson,
    dropped: AmountJson,
    dropped_pieces: BytesJson,
    group_duplicates: AmountJson,
    discarded: AmountJson,
    not_extracted: AmountJson,
    not_a_candidate: AmountJson,
}

impl From<&Totals> for TotalsJson {
    fn from(t: &Totals) -> Self {
        TotalsJson {
            input: t.sum().into(),
            kept: t.kept.into(),
            dropped: t.dropped.into(),
            dropped_pieces: BytesJson { bytes: t.dropped_pieces },
            group_duplicates: t.group_duplicates.into(),
            discarded: t.discarded.into(),
            not_extracted: t.not_extracted.into(),
            not_a_candidate: t.not_a_candidate.into(),
        }
    }
}

/// Text of bytes; what is no UTF-8 is replaced.
pub fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Serializes an answer, indented, with a line feed at its end.
pub fn render(value: &impl Serialize) -> Vec<u8> {
    // Serializing plain structs to memory cannot fail.
    let mut out = serde_json::to_vec_pretty(value).unwrap_or_default();
    out.push(b'\n');
    out
}

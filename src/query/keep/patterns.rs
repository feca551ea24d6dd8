//! Patterns of a script that do not do what they are written for: LSW002, LSW007, LSW008.
//!
//! In: an analysis and the placement. Out: KEEPs that match nothing, patterns that a missing dot
//! makes useless, sections that no statement places, sections that an earlier wildcard takes.

use bstr::BString;

use super::references::{References, is_live};
use super::statements::{NO_STATEMENT, Placement, Statement};
use crate::graph::Class;
use crate::ids::{FileId, SectionId};
use crate::load::elf::consts::*;
use crate::plan::OutputKind;
use crate::query::Analysis;
use crate::script::glob::Pattern;

/// A pattern that matches no input section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdlePattern {
    /// The statement.
    pub statement: u32,
    /// Its pattern.
    pub pattern: u32,
    /// The spelling that would match: the same with a dot in front.
    pub meant: Option<BString>,
    /// Archive members outside the link that have sections which it matches by name.
    pub left_behind: Vec<FileId>,
}

/// Live sections of one name that no statement places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The name.
    pub name: BString,
    /// The sections, in link order.
    pub sections: Vec<SectionId>,
    /// Bytes.
    pub bytes: u64,
    /// A pattern of the script that lacks only its first dot to match the name.
    pub near: Option<(u32, u32)>,
}

/// Sections that one statement takes before another that names them better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The statement that takes them.
    pub first: u32,
    /// Its pattern.
    pub first_pattern: u32,
    /// The later statement.
    pub later: u32,
    /// Its pattern.
    pub later_pattern: u32,
    /// The sections, in link order.
    pub sections: Vec<SectionId>,
    /// Their bytes.
    pub bytes: u64,
}

/// Names of sections that the linker itself makes: their patterns match no input, and rightly so.
const LINKER_MADE: [&str; 17] = [
    "COMMON",
    ".scommon",
    ".got",
    ".plt",
    ".iplt",
    ".igot",
    ".dyn",
    ".rel",
    ".hash",
    ".gnu.hash",
    ".gnu.version",
    ".interp",
    ".linker_stub_catch",
    ".branch_lt",
    ".glink",
    ".note.gnu.build-id",
    ".lcomm",
];

/// KEEP patterns (and others, if only a dot is missing) that match nothing.
pub(super) fn idle(analysis: &Analysis<'_>, placement: &Placement) -> Vec<IdlePattern> {
    let names = live_names(analysis);
    let mut out = Vec::new();
    if !placement.thorough {
        return out;
    }
    for (number, (statement, matched)) in placement.statements.iter().zip(&placement.matched).enumerate() {
        for (pattern, _count) in (0u32..).zip(matched).filter(|(_, count)| **count == 0) {
            let Some(own) = statement.patterns.get(pattern as usize) else { continue };
            let made = LINKER_MADE.iter().any(|n| own.text.starts_with(n.as_bytes()));
            let meant = dotted(statement, &own.text, &names);
            if (statement.keep && !made) || meant.is_some() {
                out.push(IdlePattern { statement: number as u32, pattern, meant, left_behind: Vec::new() });
            }
        }
    }
    left_behind(analysis, placement, &mut out);
    out
}

/// Looks for the patterns' sections in archive members that are not in the link.
fn left_behind(analysis: &Analysis<'_>, placement: &Placement, idle: &mut [IdlePattern]) {
    let program = &analysis.program;
    let mut patterns: Vec<(Pattern, &mut IdlePattern)> = Vec::new();
    for row in idle.iter_mut().filter(|r| r.meant.is_none()) {
        let own = placement.statements.get(row.statement as usize);
        if let Some(pattern) = own.and_then(|s| s.patterns.get(row.pattern as usize)) {
            patterns.push((Pattern::gold(&pattern.text), row));
        }
    }
    if patterns.is_empty() {
        return;
    }
    for file in program.file_ids().filter(|f| !analysis.resolution.is_in_link(*f)) {
        let Some(object) = program.files[file].object() else { continue };
        for index in 1..object.sections.len() as u32 {
            let name = object.section_name(index);
            for (pattern, row) in &mut patterns {
                if row.left_behind.last() != Some(&file) && pattern.matches(name) {
                    row.left_behind.push(file);
                }
            }
        }
    }
}

/// Names of allocated sections of the link, sorted.
fn live_names<'d>(analysis: &Analysis<'d>) -> Vec<&'d [u8]> {
    let program = &analysis.program;
    let mut names: Vec<&[u8]> = Vec::new();
    for &file in &analysis.resolution.files {
        for section in program.sections_of(file).skip(1) {
            names.push(program.section_name(section));
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// The pattern with a dot in front, if it stands beside patterns that have one and either one of
/// them, or an input section, shows that it was meant so.
fn dotted(statement: &Statement, text: &[u8], names: &[&[u8]]) -> Option<BString> {
    if !text.first()?.is_ascii_lowercase() || !text.contains(&b'.') {
        return None;
    }
    let dotted = [b".", text].concat();
    let literal: Vec<u8> = dotted.iter().copied().take_while(|b| !matches!(b, b'*' | b'?' | b'[')).collect();
    let beside = statement
        .patterns
        .iter()
        .any(|p| p.text.first() == Some(&b'.') && literal.starts_with(&p.text) && !p.text.contains(&b'*'));
    let at = names.partition_point(|n| *n < literal.as_slice());
    let matches = literal.len() < dotted.len() && names.get(at).is_some_and(|n| n.starts_with(&literal));
    (beside || matches).then(|| dotted.into())
}

/// Live allocated sections without a statement (GS 9.4).
pub(super) fn orphans(
    analysis: &Analysis<'_>,
    placement: &Placement,
    references: &References,
) -> Vec<Orphan> {
    let program = &analysis.program;
    let mut out: Vec<Orphan> = Vec::new();
    if !placement.complete || program.plan.output_kind == OutputKind::Relocatable {
        return out;
    }
    let mut by_name: std::collections::BTreeMap<&[u8], usize> = std::collections::BTreeMap::new();
    for &file in &analysis.resolution.files {
        for section in program.sections_of(file).skip(1) {
            if placement.placed[section] != NO_STATEMENT || !is_orphan(analysis, section) {
                continue;
            }
            let name = program.section_name(section);
            if !by_name.contains_key(name) && has_linker_bounds(analysis, references, name) {
                continue;
            }
            let at = *by_name.entry(name).or_insert_with(|| {
                out.push(Orphan {
                    name: name.into(),
                    sections: Vec::new(),
                    bytes: 0,
                    near: near(placement, name),
                });
                out.len() - 1
            });
            if let Some(orphan) = out.get_mut(at) {
                orphan.sections.push(section);
                orphan.bytes = orphan.bytes.saturating_add(program.section_size(section));
            }
        }
    }
    out
}

/// Live code uses `__start_X` or `__stop_X`: the linker makes them only if X has an output section of its
/// own, so it is meant to be an orphan.
fn has_linker_bounds(analysis: &Analysis<'_>, references: &References, name: &[u8]) -> bool {
    [&b"__start_"[..], b"__stop_"].iter().any(|prefix| {
        let id = analysis.program.names.find(&[prefix, name].concat());
        id.is_some_and(|id| references.uses(id).iter().any(|u| u.live))
    })
}

fn is_orphan(analysis: &Analysis<'_>, section: SectionId) -> bool {
    let (file, index) = analysis.program.locate(section);
    let Some(object) = analysis.program.files[file].object() else { return false };
    let Some(row) = object.sections.get(index as usize).filter(|r| r.is_alloc()) else { return false };
    object.section_size(index) > 0
        && row.flags & SHF_EXCLUDE == 0
        && !matches!(analysis.graph.class[section], Class::Structural | Class::Discarded)
        && !analysis.resolution.is_lost(section)
        // The linker merges these into sections of its own.
        && !matches!(object.section_name(index), b".MIPS.abiflags" | b".reginfo" | b".note.gnu.property")
        && is_live(analysis, section)
}

/// A pattern that would match a name if it had a dot in front.
fn near(placement: &Placement, name: &[u8]) -> Option<(u32, u32)> {
    let bare = name.strip_prefix(b".")?;
    for (number, statement) in (0u32..).zip(&placement.statements) {
        for (at, pattern) in (0u32..).zip(&statement.patterns) {
            let text = pattern.text.as_slice();
            let front = text.split(|b| *b == b'*').next().unwrap_or_default();
            let wild = front.len() + 1 == text.len() && text.ends_with(b"*");
            if text == bare || (wild && front.contains(&b'.') && bare.starts_with(front)) {
                return Some((number, at));
            }
        }
    }
    None
}

/// Live sections that a later and more specific statement names, by pair of patterns.
pub(super) fn captured(analysis: &Analysis<'_>, placement: &Placement) -> Vec<Captured> {
    let mut out: Vec<Captured> = Vec::new();
    for also in &placement.also {
        let section = also.section;
        let empty = analysis.program.section_size(section) == 0;
        if empty || !is_live(analysis, section) {
            continue;
        }
        let key = (also.first, also.first_pattern, also.later, also.pattern);
        let same = |c: &&mut Captured| (c.first, c.first_pattern, c.later, c.later_pattern) == key;
        let statement = |n: u32| placement.statements.get(n as usize);
        let (Some(first), Some(later)) = (statement(also.first), statement(also.later)) else { continue };
        if !is_more_specific(first, also.first_pattern, later, also.pattern) {
            continue;
        }
        let size = analysis.program.section_size(section);
        match out.iter_mut().rev().take(64).find(same) {
            Some(row) => {
                row.sections.push(section);
                row.bytes = row.bytes.saturating_add(size);
            }
            None => out.push(Captured {
                first: also.first,
                first_pattern: also.first_pattern,
                later: also.later,
                later_pattern: also.pattern,
                sections: vec![section],
                bytes: size,
            }),
        }
    }
    // A section that two later statements name counts for the first of them.
    out.sort_by_key(|c| (c.later, c.later_pattern, c.first, c.first_pattern));
    out
}

/// Letters of a pattern in front of its first wildcard, and whether it has one.
fn literal(pattern: &[u8]) -> (usize, bool) {
    let at = pattern.iter().position(|b| matches!(b, b'*' | b'?' | b'['));
    (at.unwrap_or(pattern.len()), at.is_some())
}

/// Whether the later statement names a section more closely than an earlier one that takes it by
/// a wildcard.
fn is_more_specific(first: &Statement, own: u32, later: &Statement, other: u32) -> bool {
    let text =
        |s: &Statement, p: u32| s.patterns.get(p as usize).map_or(BString::from("*"), |p| p.text.clone());
    let (a, b) = (text(first, own), text(later, other));
    let ((a_len, a_wild), (b_len, b_wild)) = (literal(&a), literal(&b));
    let (a_file, b_file) = (literal(&first.file), literal(&later.file));
    let closer_file = a_file.1 && b_file.0 > a_file.0;
    let wider_file = b_file.0 < a_file.0;
    let closer_name = a_wild && (!b_wild || b_len > a_len);
    let same_name = a == b;
    (closer_name && !wider_file) || (same_name && closer_file)
}

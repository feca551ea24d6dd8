//! Why an archive member is in the link, and why another one is not.
//!
//! In: a file. Out: the chain of askers back to the command line ([`Extracted`]), or for a member
//! that stayed behind what each symbol that it defines lacked ([`LeftBehind`]). GS 3.

use super::referrers::{mentions, use_of_symbol};
use super::uses::RelocUse;
use crate::ids::{FileId, NameId};
use crate::load::elf::Place;
use crate::program::Content;
use crate::query::Analysis;
use crate::resolve::{Asker, DefKind, Definition};

/// One link of the chain of askers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The member.
    pub file: FileId,
    /// Who asked for it first.
    pub asker: Asker,
    /// For which name; `None` if it was taken whole.
    pub symbol: Option<NameId>,
    /// The asker's reference: its relocation (a live one, if there is one) and whether the section
    /// that holds it lives.
    pub reference: Option<(RelocUse, bool)>,
}

/// Why a symbol of a member that stayed behind did not fetch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No file of the link mentions it.
    NobodyAsks,
    /// Only weak references: `FileId` has one.
    WeakOnly(FileId),
    /// Something else defines it.
    DefinedElsewhere(Definition),
    /// It stayed undefined although the member defines it: the archive was searched before the
    /// reference was read (bfd, gold), or its index does not list the name.
    TooEarly(FileId),
    /// The same, and the archive's index does not name it.
    NotInIndex(FileId),
}

/// One symbol of a member that stayed behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name.
    pub name: NameId,
    /// Index in the member's symbol table.
    pub symbol: u32,
    /// What it lacked.
    pub verdict: Verdict,
    /// Other members that stayed behind and refer to it, at most three, and how many in all.
    pub wanted_by: (Vec<FileId>, u64),
}

/// A member (or `--start-lib` object) that did not enter the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    /// The member.
    pub file: FileId,
    /// Its global definitions in symbol table order.
    pub symbols: Vec<Step>,
    /// Why its contents are unknown, if they cannot be read.
    pub unreadable: bool,
    /// The first member of the same archive that did enter, if any.
    pub sibling: Option<FileId>,
    /// What would bring it in.
    pub remedies: Vec<super::Remedy>,
}

/// The chain of askers of a file, innermost first; empty for files of the command line.
pub(super) fn extraction(analysis: &Analysis<'_>, file: FileId) -> Vec<Extracted> {
    let list = &analysis.resolution.extractions;
    let mut out: Vec<Extracted> = Vec::new();
    let mut at = file;
    while let Some(found) = list.iter().find(|e| e.file == at) {
        if out.iter().any(|e| e.file == at) {
            break;
        }
        let reference = match (&found.asker, found.symbol) {
            (Asker::File(asker), Some(name)) => reference(analysis, *asker, name),
            _ => None,
        };
        out.push(Extracted { file: at, asker: found.asker.clone(), symbol: found.symbol, reference });
        match found.asker {
            Asker::File(asker) => at = asker,
            _ => break,
        }
    }
    out
}

/// A file's reference to a name, by any of the names that stand for it.
pub(crate) fn reference(analysis: &Analysis<'_>, file: FileId, name: NameId) -> Option<(RelocUse, bool)> {
    let f = &analysis.program.files[file];
    let object = f.object()?;
    // `--wrap`: a reference to `foo` asks for `__wrap_foo`.
    let written = analysis.resolution.wraps.iter().find_map(|w| match name {
        n if n == w.wrapper => Some(w.name),
        n if n == w.name => Some(w.real),
        _ => None,
    });
    let at = f.names.iter().position(|&n| n == name || Some(n) == written)?;
    use_of_symbol(analysis, file, object.first_global + at as u32)
}

/// What the symbols of a file that is not in the link lacked.
pub(super) fn left_behind(analysis: &Analysis<'_>, file: FileId) -> LeftBehind {
    let program = &analysis.program;
    let f = &program.files[file];
    let mut out = LeftBehind {
        file,
        symbols: Vec::new(),
        unreadable: matches!(f.content, Content::Opaque(_)),
        sibling: None,
        remedies: Vec::new(),
    };
    if let Some(archive) = f.archive {
        let mut members = program.archives[archive].members();
        out.sibling = members.find(|&m| analysis.resolution.is_in_link(m));
    }
    let Some(object) = f.object() else { return out };
    let mut names: Vec<(u32, NameId)> = Vec::new();
    for (symbol, &name) in (object.first_global..).zip(&f.names) {
        if object.symbol(symbol).is_some_and(|s| s.place != Place::Undefined) {
            names.push((symbol, name));
        }
    }
    let ids: Vec<NameId> = names.iter().map(|(_, n)| *n).collect();
    let uses = mentions(analysis, &ids);
    let index = f.archive.and_then(|a| program.archives[a].index.as_ref());
    for ((symbol, name), uses) in names.into_iter().zip(uses) {
        let definition = analysis.resolution.definitions[name];
        let inside = |u: &&super::referrers::NameUse| analysis.resolution.is_in_link(u.file) && u.undefined;
        let verdict = match definition.kind {
            DefKind::Unknown => Verdict::NobodyAsks,
            DefKind::UndefinedWeak => match uses.iter().find(inside) {
                Some(found) => Verdict::WeakOnly(found.file),
                None => Verdict::NobodyAsks,
            },
            DefKind::Undefined => {
                let strong = uses.iter().find(|u| inside(u) && !u.weak).or(uses.iter().find(inside));
                match strong {
                    Some(found) => {
                        let named =
                            |(n, member): &(NameId, Option<FileId>)| *n == name && *member == Some(file);
                        if index.is_some_and(|index| !index.iter().any(named)) {
                            Verdict::NotInIndex(found.file)
                        } else {
                            Verdict::TooEarly(found.file)
                        }
                    }
                    None => Verdict::NobodyAsks,
                }
            }
            _ => Verdict::DefinedElsewhere(definition),
        };
        let outside: Vec<FileId> = uses
            .iter()
            .filter(|u| u.undefined && u.file != file && !analysis.resolution.is_in_link(u.file))
            .map(|u| u.file)
            .collect();
        let count = outside.len() as u64;
        let wanted_by = (outside.into_iter().take(3).collect(), count);
        out.symbols.push(Step { name, symbol, verdict, wanted_by });
    }
    out
}

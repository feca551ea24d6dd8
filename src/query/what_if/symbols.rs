//! `--drop-symbol`: a name that nothing defines.
//!
//! In: the tables of a program. Out: the same with every definition of the name read as undefined: in objects,
//! shared libraries and the symbol indexes of archives.

use bstr::BString;

use super::{Applied, Change, nothing};
use crate::error::Result;
use crate::ids::NameId;
use crate::load::elf::Place;
use crate::program::{Content, Program};
use crate::query::Analysis;

/// The files that define a name.
pub(super) fn defined(analysis: &Analysis<'_>, change: &Change, name: &[u8]) -> Result<Applied> {
    let program = &analysis.program;
    let mut found: Vec<BString> = Vec::new();
    if let Some(id) = program.names.find(name) {
        for file in program.file_ids() {
            let f = &program.files[file];
            let defines = match &f.content {
                Content::Object(object) => (object.first_global..)
                    .zip(&f.names)
                    .any(|(s, n)| *n == id && object.symbol(s).is_some_and(|s| s.place != Place::Undefined)),
                Content::Shared(library) => {
                    library.symbols.iter().zip(&f.names).any(|(s, n)| *n == id && s.defined)
                }
                _ => false,
            };
            if defines {
                found.push(program.label(file).into());
            }
        }
    }
    if !found.is_empty() {
        return Ok(Applied::of(change, "definitions", found));
    }
    let known = program.names.ids().map(|n| program.name(n)).collect();
    Err(nothing(change, "defined symbol", name, known))
}

fn dropped(program: &Program<'_>, changes: &[Change]) -> Vec<NameId> {
    let mut names: Vec<NameId> = changes
        .iter()
        .filter_map(|c| match c {
            Change::DropSymbol(name) => program.names.find(name),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names
}

/// Takes the definitions away.
pub(super) fn take(analysis: &mut Analysis<'_>, changes: &[Change]) {
    let names = dropped(&analysis.program, changes);
    if names.is_empty() {
        return;
    }
    for file in analysis.program.files.as_mut_slice() {
        match &mut file.content {
            Content::Object(object) => {
                let own = (object.first_global..).zip(&file.names);
                let mut gone: Vec<u32> =
                    own.filter(|(_, n)| names.binary_search(n).is_ok()).map(|(symbol, _)| symbol).collect();
                gone.extend(&object.undefined);
                gone.sort_unstable();
                object.undefined = gone;
            }
            Content::Shared(library) => {
                for (symbol, name) in library.symbols.iter_mut().zip(&file.names) {
                    if names.binary_search(name).is_ok() {
                        symbol.defined = false;
                    }
                }
            }
            _ => {}
        }
    }
    for archive in analysis.program.archives.as_mut_slice() {
        if let Some(index) = &mut archive.index {
            index.retain(|(name, _)| names.binary_search(name).is_err());
        }
    }
}

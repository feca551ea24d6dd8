//! Exports that compilers' intermediate code holds: they become table entries only at code generation.
//!
//! In: the inputs. Out: [`Code`], whose names the rows of an answer borrow. Of bitcode all exports are found; of
//! GCC's objects those that the compressed text tells, so that one more may exist. Source: LTO input formats,
//! sections 2.2, 4.4 and 6.2.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::records::{Form, Licence};
use super::{ExportRow, Exporter, State};
use crate::ids::FileId;
use crate::load::lto::facts::{self, IrExport, LtoFacts};
use crate::program::{Half, InputFile, Program};
use crate::query::Analysis;

/// What the inputs with intermediate code tell, by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code {
    facts: BTreeMap<FileId, LtoFacts>,
    /// Inputs whose intermediate code cannot be read.
    pub(super) unread: Vec<FileId>,
}

/// Reads the intermediate code of all inputs, linked or not. Of an object that has machine code too, what the linker
/// reads counts.
pub fn read(program: &Program<'_>) -> Code {
    let files: Vec<FileId> = program.file_ids().filter(|&f| counts(&program.files[f])).collect();
    let read: Vec<(FileId, Option<LtoFacts>)> = files
        .into_par_iter()
        .map(|file| {
            let data = program.files[file].intermediate.as_ref().map_or(&b""[..], |i| i.data);
            (file, facts::facts(data).ok().flatten())
        })
        .collect();
    let mut code = Code::default();
    for (file, facts) in read {
        match facts {
            Some(facts) => {
                if !facts.unread.is_empty() {
                    code.unread.push(file);
                }
                code.facts.insert(file, facts);
            }
            None => code.unread.push(file),
        }
    }
    code
}

fn counts(file: &InputFile<'_>) -> bool {
    file.intermediate.as_ref().is_some_and(|i| i.half != Half::Native || !i.format.is_fat())
}

/// The exports of a file's intermediate code.
pub(super) fn rows<'c>(analysis: &Analysis<'_>, code: &'c Code, file: FileId) -> Vec<ExportRow<'c>> {
    let state = if analysis.resolution.is_in_link(file) { State::Linked } else { State::NotLinked };
    let exports = code.facts.get(&file).map_or(&[][..], |f| &f.exports);
    exports.iter().map(|export| row(export, file, state)).collect()
}

fn row(export: &IrExport, file: FileId, state: State) -> ExportRow<'_> {
    ExportRow {
        name: &export.symbol,
        licence: if export.gpl_only { Licence::Gpl } else { Licence::Any },
        namespace: &export.namespace,
        form: Form::Intermediate,
        relative: false,
        exporter: Exporter::File(file),
        state,
        definition: None,
        assigned: false,
        crc: None,
        users: Vec::new(),
        problem: None,
        twice: None,
    }
}

//! KEEP of all scripts of a link, as lld asks (GS 9.1): any KEEP description of any script.
//!
//! In: the program's scripts. Out: [`Keeps`], asked per file and section name. Source: lld
//! `LinkerScript::shouldKeep`.

use crate::program::{InputFile, Program};
use crate::script::filematch::FileName;
use crate::script::keep::{FileState, KeepTable};

/// The compiled descriptions of scripts that have a KEEP, with the scripts' numbers.
pub(super) struct Keeps {
    tables: Vec<(u32, KeepTable)>,
}

impl Keeps {
    /// Compiles them. Patterns that do not compile were refused when the script was read.
    pub(super) fn new(program: &Program<'_>) -> Self {
        let compiled = program.scripts.iter().enumerate().filter_map(|(number, file)| {
            let table = KeepTable::new(&file.script).ok()?;
            table.any_keep().then_some((number as u32, table))
        });
        Keeps { tables: compiled.collect() }
    }

    /// Starts on a file.
    pub(super) fn file<'k>(&'k self, file: &InputFile<'k>) -> KeepsOfFile<'k> {
        let name = match (file.archive, file.joined) {
            (None, _) => FileName::plain(file.path),
            (Some(_), Some(joined)) => FileName::thin(file.path, file.member, joined),
            (Some(_), None) => FileName::member(file.path, file.member),
        };
        KeepsOfFile { tables: self.tables.iter().map(|(n, table)| (*n, table, table.file(name))).collect() }
    }
}

/// The descriptions while one file's sections are asked about.
pub(super) struct KeepsOfFile<'k> {
    tables: Vec<(u32, &'k KeepTable, FileState<'k>)>,
}

impl KeepsOfFile<'_> {
    /// Whether nothing is kept by any script.
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The script and description whose KEEP names a section.
    pub(super) fn keep(&mut self, name: &[u8], flags: u32) -> Option<(u32, u32)> {
        self.tables.iter_mut().find_map(|(number, table, state)| {
            let names = table.matches(name);
            if names.is_empty() {
                return None;
            }
            table.keeps(state, &names, u64::from(flags)).map(|description| (*number, description.0))
        })
    }
}

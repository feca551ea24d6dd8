//! The scripts of a link: their texts, and from these the scripts again.
//!
//! In: an analysis, or a portrait. Out: tables, or [`ScriptFile`]s as the linker read them: spans, numbers of statements
//! and places are the same.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::rows::{Rows, Texts};
use super::tables::*;
use super::{Paths, Portrait};
use crate::error::{Error, Result};
use crate::load::ScriptFile;
use crate::query::Analysis;
use crate::query::finished::Finished;
use crate::script::{self, Options, parse_script};

/// The strings of scripts, as noted texts.
pub(super) struct ScriptTexts {
    shown: Vec<u32>,
    paths: Vec<u32>,
    demands: Vec<u32>,
}

/// Notes them.
pub(super) fn texts(analysis: &Analysis<'_>, paths: &dyn Paths, texts: &mut Texts) -> ScriptTexts {
    let scripts = analysis.program.scripts;
    let shown = scripts.iter().map(|s| texts.add(&paths.stored(&s.shown))).collect();
    let sources = scripts.iter().flat_map(|s| &s.script.sources);
    let path = |source: &script::Source| paths.stored(source.path.as_os_str().as_bytes());
    let sources: Vec<Vec<u8>> = sources.map(path).collect();
    ScriptTexts {
        shown,
        paths: sources.iter().map(|p| texts.add(p)).collect(),
        demands: analysis.demanded().iter().map(|n| texts.add(n)).collect(),
    }
}

impl ScriptTexts {
    /// The tables.
    pub(super) fn finish(
        &self,
        analysis: &Analysis<'_>,
        rows: &Rows<'_, '_>,
    ) -> (Scripts<'static>, Sources<'static>, ScriptText<'static>, Demands<'static>) {
        let program = &analysis.program;
        let (mut first, mut begins, mut bytes) = (vec![0u32], vec![0u32], Vec::new());
        let mut count = 0u32;
        for file in program.scripts {
            for source in &file.script.sources {
                bytes.extend_from_slice(&source.text);
                begins.push(bytes.len() as u32);
                count += 1;
            }
            first.push(count);
        }
        let text = |slot: &u32| rows.text(*slot);
        let scripts = Scripts {
            shown: self.shown.iter().map(text).collect::<Vec<_>>().into(),
            as_input: program.scripts.iter().map(|s| u8::from(s.as_input)).collect::<Vec<_>>().into(),
            start: program.script_starts().iter().map(|f| f.0).collect::<Vec<_>>().into(),
            first: first.into(),
        };
        let sources =
            Sources { path: self.paths.iter().map(text).collect::<Vec<_>>().into(), first: begins.into() };
        let demands = Demands { name: self.demands.iter().map(text).collect::<Vec<_>>().into() };
        (scripts, sources, ScriptText { byte: bytes.into() }, demands)
    }
}

impl Portrait<'_> {
    /// The scripts of the link.
    ///
    /// # Errors
    /// A text that the linker would not have read.
    pub fn script_files(&self) -> Result<Vec<ScriptFile>> {
        let path = |id: u32| PathBuf::from(OsStr::from_bytes(self.strings.get(id)));
        let text = |source: usize| -> Vec<u8> {
            let range = self.sources.first.at(source) as usize..self.sources.first.at(source + 1) as usize;
            self.script_text.byte.get(range).unwrap_or_default().to_vec()
        };
        let mut out = Vec::new();
        for row in 0..self.scripts.shown.len() {
            let (from, to) = (self.scripts.first.at(row) as usize, self.scripts.first.at(row + 1) as usize);
            let next = Cell::new(from + 1);
            let include = |name: &[u8]| {
                let at = next.replace(next.get() + 1);
                match at < to {
                    true => Ok((path(self.sources.path.at(at)), text(at))),
                    false => Err(Error::new("script of a saved link", String::from_utf8_lossy(name))),
                }
            };
            let dialect = script::dialect(self.head.profile);
            let options = Options { dialect, includes: &include, assumed: false };
            let script = parse_script(path(self.sources.path.at(from)), text(from), options)?;
            let shown = self.strings.get(self.scripts.shown.at(row)).into();
            out.push(ScriptFile { shown, script, as_input: self.scripts.as_input.at(row) != 0 });
        }
        Ok(out)
    }
}

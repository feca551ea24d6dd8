//! Inputs of lld that are no relocatable objects: shared libraries and `-b binary` data.
//!
//! In: a file that is in the link. Out: its names entered. Sources: lld `SharedFile::parse`,
//! `BinaryFile::parse`.

use super::parse::{Frame, Reader};
use super::symbols::{Definer, Kind, Reference, Then, flag};
use crate::ids::{FileId, NameId};
use crate::load::dso::SharedLibrary;
use crate::load::elf::consts::*;
use crate::program::Content;

impl Reader<'_, '_> {
    pub(super) fn library(&mut self, file: FileId, from: u32) {
        let program = self.program;
        let f = &program.files[file];
        let Content::Shared(library) = &f.content else { return };
        let mut versioned = Vec::new();
        for (next, (symbol, &name)) in library.symbols.iter().zip(&f.names).enumerate().skip(from as usize) {
            let with_version = |versioned: &mut Vec<u8>| {
                let version = symbol.version.filter(|_| self.versions)?;
                versioned.clear();
                versioned.extend_from_slice(symbol.name);
                versioned.push(b'@');
                versioned.extend_from_slice(version);
                program.names.find(versioned)
            };
            let bind = if symbol.weak { STB_WEAK } else { STB_GLOBAL };
            if !symbol.defined {
                // A reference to a version that no object mentions concerns no object.
                let name = if symbol.version.is_some() { with_version(&mut versioned) } else { Some(name) };
                let Some(name) = name else { continue };
                let name = self.insert(name);
                self.symbols.row_mut(name).flags |= flag::DSO_EXPORT;
                let reference = Reference {
                    file: file.0,
                    symbol: next as u32,
                    bind,
                    visibility: symbol.visibility,
                    from_library: true,
                    discarded: false,
                };
                if let Then::Extract(member) = self.symbols.undefined(name, reference) {
                    self.stack.push(Frame::Library { file, next: next as u32 + 1 });
                    self.extract(name, member, file.0, true, false);
                    return;
                }
                continue;
            }
            if symbol.local_version {
                continue;
            }
            let definer = Definer { file: file.0, symbol: next as u32, bind, visibility: symbol.visibility };
            let other = with_version(&mut versioned);
            if !symbol.hidden_version {
                let name = self.insert(name);
                self.symbols.shared(name, definer, symbol.size);
            }
            if let Some(name) = other {
                let name = self.insert(name);
                self.symbols.shared(name, definer, symbol.size);
            }
        }
    }

    /// `-b binary`: three symbols made of the path (`BinaryFile::parse`).
    pub(super) fn read_binary(&mut self, file: FileId) {
        self.binaries.push(file);
        let program = self.program;
        let mut stem = b"_binary_".to_vec();
        let path = program.files[file].path;
        stem.extend(path.iter().map(|&b| if b.is_ascii_alphanumeric() { b } else { b'_' }));
        for (symbol, suffix) in [&b"_start"[..], b"_end", b"_size"].into_iter().enumerate() {
            let Some(name) = program.names.find(&[&stem, suffix].concat()) else { continue };
            let name = self.insert(name);
            let definer =
                Definer { file: file.0, symbol: symbol as u32, bind: STB_GLOBAL, visibility: STV_DEFAULT };
            let before = self.symbols.row(name);
            let then = self.symbols.defined(name, definer, false);
            let clash = before.kind == Kind::Defined && before.bind != STB_WEAK;
            if (then != Then::Nothing || clash) && !program.plan.allow_multiple_definition {
                self.error(file, format!("duplicate symbol: {}", self.shown(name)));
            }
        }
    }

    pub(super) fn library_size(&self, name: NameId) -> u64 {
        let row = self.symbols.row(name);
        if row.kind != Kind::Shared {
            return 0;
        }
        let file = self.program.files.get(FileId(row.file));
        let library: Option<&SharedLibrary<'_>> = file.and_then(|f| f.shared());
        library.and_then(|l| l.symbols.get(row.symbol as usize)).map_or(0, |s| s.size)
    }
}

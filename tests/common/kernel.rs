//! A folder with objects, archives and files of a small kernel, and runs of the program in it.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::fixture::archive::{Index, Member, archive};
use crate::fixture::elf::Place;
use crate::fixture::object as objects;
use crate::program;

/// The folder; it goes away with the value.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, with its folders.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    /// Writes an object: attribute words and object lines of `tests/cases/README.md`.
    pub fn object(&self, name: &str, words: &str, body: &str) {
        self.file(name, object_bytes(words, body).0);
    }

    /// Writes an archive with an index.
    pub fn archive(&self, name: &str, members: &[(&str, &str)]) {
        self.file(name, archive_bytes(members, Index::Gnu));
    }

    /// Writes an archive without an index.
    pub fn bare_archive(&self, name: &str, members: &[(&str, &str)]) {
        self.file(name, archive_bytes(members, Index::None));
    }

    /// Writes a thin archive of objects that are already in its folder.
    pub fn thin(&self, name: &str, members: &[&str], index: bool) {
        let folder = self.path().join(name).parent().unwrap().to_path_buf();
        let members: Vec<Member> = members
            .iter()
            .map(|member| {
                let data = std::fs::read(folder.join(member)).unwrap();
                let symbols = defined(&data);
                Member { name: (*member).into(), data, symbols, origin: None }
            })
            .collect();
        let index = if index { Index::Gnu } else { Index::None };
        self.file(name, archive(true, index, None, &members));
    }

    /// Runs the program.
    pub fn run(&self, words: &[&str]) -> Output {
        program::linksweep(self.path(), words)
    }

    /// Standard output of a run that must end with `code`.
    pub fn text(&self, words: &[&str], code: i32) -> String {
        program::answer(self.path(), words, code)
    }

    /// The same as JSON.
    pub fn json(&self, words: &[&str], code: i32) -> Value {
        program::json(self.path(), words, code)
    }
}

/// Names that an object's bytes define for others.
fn defined(data: &[u8]) -> Vec<String> {
    use object::{Object as _, ObjectSymbol as _};
    let file = object::File::parse(data).unwrap();
    let names = file.symbols().filter(|s| s.is_global() && s.is_definition());
    names.map(|s| s.name().unwrap().to_string()).collect()
}

/// The bytes of an object and the names it defines.
pub fn object_bytes(words: &str, body: &str) -> (Vec<u8>, Vec<String>) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let lines: Vec<&str> = body.lines().collect();
    let object = objects::object(&words, &lines).unwrap();
    let defined = object.symbols.iter().filter(|s| s.bind != 0 && s.place != Place::Undefined);
    let names = defined.map(|s| s.name.clone()).collect();
    (object.write(), names)
}

fn archive_bytes(members: &[(&str, &str)], index: Index) -> Vec<u8> {
    let members: Vec<Member> = members
        .iter()
        .map(|(name, body)| {
            let (data, symbols) = object_bytes("", body);
            Member { name: (*name).into(), data, symbols, origin: None }
        })
        .collect();
    archive(false, index, None, &members)
}

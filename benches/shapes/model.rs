//! What synthetic links are made of: sections, objects, archives, text files, words.
//!
//! Objects become bytes as they are added, so that a large link never exists twice.

use std::io::Write as _;
use std::path::Path;

use super::encode;

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Code.
    Text,
    /// Writable data.
    Data,
    /// Read-only data.
    ReadOnly,
    /// Not in memory at run time.
    Debug,
}

/// What a relocation refers to.
#[derive(Debug, Clone)]
pub enum To {
    /// A section of the same object, by its number in [`Unit::parts`].
    Part(usize),
    /// A global symbol by name.
    Name(String),
}

/// One section.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The global symbol at its start.
    pub symbol: Option<String>,
    /// The signature of its COMDAT group.
    pub group: Option<String>,
    /// What its relocations refer to, eight bytes each.
    pub to: Vec<To>,
}

impl Part {
    /// Code named `.text.SYMBOL`, with that global symbol.
    pub fn code(symbol: impl Into<String>) -> Self {
        let symbol = symbol.into();
        Part {
            name: format!(".text.{symbol}"),
            kind: Kind::Text,
            symbol: Some(symbol),
            group: None,
            to: vec![],
        }
    }

    /// A section without a symbol.
    pub fn bare(name: impl Into<String>, kind: Kind) -> Self {
        Part { name: name.into(), kind, symbol: None, group: None, to: Vec::new() }
    }

    /// With a reference to a global symbol.
    #[must_use]
    pub fn naming(mut self, symbol: impl Into<String>) -> Self {
        self.to.push(To::Name(symbol.into()));
        self
    }

    /// With a reference to a section of the same object.
    #[must_use]
    pub fn part(mut self, part: usize) -> Self {
        self.to.push(To::Part(part));
        self
    }

    /// In a COMDAT group.
    #[must_use]
    pub fn grouped(mut self, signature: impl Into<String>) -> Self {
        self.group = Some(signature.into());
        self
    }
}

/// One object.
#[derive(Debug, Clone, Default)]
pub struct Unit {
    /// Its sections.
    pub parts: Vec<Part>,
    /// It has an `.eh_frame` with an entry for each section of code.
    pub unwind: bool,
}

impl Unit {
    /// An object of those sections.
    pub fn of(parts: Vec<Part>) -> Self {
        Unit { parts, unwind: false }
    }
}

/// A whole link.
#[derive(Default)]
pub struct Link {
    /// The words behind the linker's name.
    pub words: Vec<String>,
    /// Every input by its name.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Link {
    /// A link with `--gc-sections` and without inputs.
    pub fn new() -> Self {
        Link { words: vec!["--gc-sections".into(), "-nostdlib".into()], files: Vec::new() }
    }

    /// Adds a word.
    pub fn word(&mut self, word: impl Into<String>) {
        self.words.push(word.into());
    }

    /// Adds an object at the end of the words.
    pub fn object(&mut self, name: &str, unit: &Unit) {
        self.files.push((name.into(), encode::object(unit)));
        self.word(name);
    }

    /// Adds an archive of those objects at the end of the words.
    pub fn archive<'u>(&mut self, name: &str, units: impl Iterator<Item = &'u Unit>) {
        self.files.push((name.into(), encode::archive(units)));
        self.word(name);
    }

    /// Adds a script given with `-T`.
    pub fn script(&mut self, text: String) {
        self.files.push(("link.lds".into(), text.into_bytes()));
        self.words.extend(["-T".into(), "link.lds".into()]);
    }

    /// Adds objects of `per` sections each.
    pub fn spread(&mut self, prefix: &str, parts: impl Iterator<Item = Part>, per: usize, unwind: bool) {
        let mut parts = parts.peekable();
        let mut number = 0;
        while parts.peek().is_some() {
            let unit = Unit { parts: parts.by_ref().take(per).collect(), unwind };
            self.object(&format!("{prefix}{number:05}.o"), &unit);
            number += 1;
        }
    }

    /// Writes all inputs and `link.txt`, a link file, to a folder.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes)?;
        }
        let mut out = std::io::BufWriter::new(std::fs::File::create(folder.join("link.txt"))?);
        writeln!(out, "ld")?;
        for word in &self.words {
            writeln!(out, "'{word}'")?;
        }
        out.flush()
    }
}

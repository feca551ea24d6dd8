//! Kernel modules as files: opened in parallel, with the objects that `.mod` files say they are made of.
//!
//! In: paths as spelled. Out: [`OpenedModules`], whose bytes the query borrows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::FileStore;
use crate::error::Result;

/// The most bytes that are read of a `.mod` file.
const MOD_LIMIT: usize = 1 << 22;

/// One module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleFile {
    /// The path as spelled.
    pub shown: Vec<u8>,
    /// File in the store.
    pub file: usize,
    /// The folder that its path and those in its `.mod` file start from.
    folder: PathBuf,
}

/// Opened modules.
#[derive(Default)]
pub struct OpenedModules {
    /// All bytes.
    pub store: FileStore,
    /// The modules in order.
    pub modules: Vec<ModuleFile>,
}

/// Opens modules; relative paths start from `directory`.
///
/// # Errors
/// A module that cannot be opened, named.
pub fn open(paths: &[PathBuf], directory: &Path) -> Result<OpenedModules> {
    let mut opened = OpenedModules::default();
    opened.add(paths, directory)?;
    Ok(opened)
}

/// A part of a module: its name as `.mod` spells it, and its bytes if it could be opened.
pub type Part = (Vec<u8>, Option<Vec<u8>>);

impl OpenedModules {
    /// Opens more modules.
    ///
    /// # Errors
    /// As [`open`].
    pub fn add(&mut self, paths: &[PathBuf], directory: &Path) -> Result<()> {
        let joined: Vec<PathBuf> = paths.iter().map(|p| directory.join(p)).collect();
        for (path, file) in paths.iter().zip(self.store.open_many(&joined)) {
            let shown = path.as_os_str().as_bytes().to_vec();
            let file = file.map_err(|e| e.within("opening a module"))?;
            self.modules.push(ModuleFile { shown, file, folder: directory.to_path_buf() });
        }
        Ok(())
    }

    /// The bytes of a module.
    pub fn bytes(&self, module: &ModuleFile) -> &[u8] {
        self.store.bytes(module.file)
    }

    /// The objects that a module is made of, from `NAME.mod` beside it (KL 7.2): all on the first line,
    /// or one a line. Empty without such a file.
    pub fn parts(&self, module: &ModuleFile) -> Vec<Part> {
        let path = module.folder.join(OsStr::from_bytes(&module.shown)).with_extension("mod");
        let Ok(text) = std::fs::read(&path) else { return Vec::new() };
        let text = text.get(..text.len().min(MOD_LIMIT)).unwrap_or(&[]);
        let folder = path.parent().unwrap_or(Path::new(""));
        let names = part_names(text);
        names
            .into_iter()
            .map(|name| {
                let own = Path::new(OsStr::from_bytes(name));
                let beside = own.file_name().map(|n| folder.join(n));
                let bytes = std::fs::read(module.folder.join(own)).ok();
                (name.to_vec(), bytes.or_else(|| std::fs::read(beside?).ok()))
            })
            .collect()
    }
}

/// Object names of a `.mod` file: the words of the first line, and following lines as long as they name
/// one object each (5.19 and later); undefined names of older files are not taken.
fn part_names(text: &[u8]) -> Vec<&[u8]> {
    let lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let mut out = Vec::new();
    for line in lines {
        let words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect();
        out.extend(words.into_iter().filter(|w| w.ends_with(b".o")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_every_age() {
        assert_eq!(part_names(b"a/x.o a/y.o\nprintk kfree\n"), [&b"a/x.o"[..], b"a/y.o"]);
        assert_eq!(part_names(b"a/x.o\na/y.o\n"), [&b"a/x.o"[..], b"a/y.o"]);
        assert_eq!(part_names(b"a/m.ko\na/x.o\n"), [&b"a/x.o"[..]]);
    }
}

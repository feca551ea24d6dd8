//! Bytes of input files: mapped, read whole, or given in memory. The only place with `unsafe`.
//!
//! All files are opened before anything is parsed; afterwards the [`FileStore`] is frozen and
//! everything borrows from it. Invariant: a slice handed out here never changes or goes away while
//! the store lives.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Files up to this many bytes are read whole, larger ones are mapped. Measured on warm files:
/// below about 100 KB a read costs no more than map plus unmap, and it keeps the number of maps
/// (limited by the system to some 65,000) and the risk of SIGBUS small.
const READ_WHOLE_BELOW: u64 = 128 * 1024;

enum Bytes {
    Owned(Vec<u8>),
    Mapped(memmap2::Mmap),
}

/// One opened file and the path it was opened by.
pub struct StoredFile {
    path: PathBuf,
    bytes: Bytes,
}

impl StoredFile {
    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole contents.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Owned(v) => v,
            Bytes::Mapped(m) => m,
        }
    }
}

/// All files of one analysis; index by the number that [`FileStore::open`] returned.
#[derive(Default)]
pub struct FileStore {
    files: Vec<StoredFile>,
    by_path: std::collections::BTreeMap<PathBuf, usize>,
}

impl FileStore {
    /// Opens `path` (once: a second call for the same path returns the same number).
    ///
    /// # Errors
    /// The file cannot be opened or read, or is not a regular file.
    pub fn open(&mut self, path: &Path) -> Result<usize> {
        if let Some(&index) = self.by_path.get(path) {
            return Ok(index);
        }
        let stored = read_file(path)?;
        Ok(self.add(stored))
    }

    /// Opens many files at once, in parallel; results are in the order of `paths`.
    pub fn open_many(&mut self, paths: &[PathBuf]) -> Vec<Result<usize>> {
        use rayon::prelude::*;
        let opened: Vec<Option<Result<StoredFile>>> = paths
            .par_iter()
            .with_min_len(16)
            .map(|path| if self.by_path.contains_key(path) { None } else { Some(read_file(path)) })
            .collect();
        paths
            .iter()
            .zip(opened)
            .map(|(path, file)| match (self.by_path.get(path), file) {
                (Some(&index), _) => Ok(index),
                (None, Some(Ok(stored))) => Ok(self.add(stored)),
                (None, Some(Err(error))) => Err(error),
                (None, None) => self.open(path),
            })
            .collect()
    }

    /// Adds bytes given in memory under a path that need not exist (tests, demo, fuzzing).
    pub fn add_memory(&mut self, path: impl Into<PathBuf>, bytes: Vec<u8>) -> usize {
        self.add(StoredFile { path: path.into(), bytes: Bytes::Owned(bytes) })
    }

    fn add(&mut self, stored: StoredFile) -> usize {
        let index = self.files.len();
        self.by_path.insert(stored.path.clone(), index);
        self.files.push(stored);
        index
    }

    /// The file of that number; numbers come from this store.
    pub fn file(&self, index: usize) -> &StoredFile {
        &self.files[index]
    }

    /// The bytes of a file.
    pub fn bytes(&self, index: usize) -> &[u8] {
        self.files[index].bytes()
    }

    /// Whether `path` can be opened as a regular file (or was given in memory).
    pub fn exists(&self, path: &Path) -> bool {
        self.by_path.contains_key(path) || path.is_file()
    }

    /// Number of files opened.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether nothing was opened.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

fn read_file(path: &Path) -> Result<StoredFile> {
    let fail = |cause: std::io::Error| {
        let cause = match cause.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_string(),
            _ => cause.to_string(),
        };
        Error::new(format!("cannot open {}", path.display()), cause)
    };
    let mut file = File::open(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if metadata.is_dir() {
        return Err(Error::new(format!("cannot open {}", path.display()), "is a directory"));
    }
    let bytes = if !metadata.is_file() || metadata.len() < READ_WHOLE_BELOW {
        let mut buffer = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        file.read_to_end(&mut buffer).map_err(fail)?;
        Bytes::Owned(buffer)
    } else {
        // SAFETY: the map is private and read-only. If another process truncates the file while we
        // run, reads fault; that is the accepted risk of every mapping linker, and no other
        // process may rely on our memory.
        Bytes::Mapped(unsafe { memmap2::Mmap::map(&file) }.map_err(fail)?)
    };
    Ok(StoredFile { path: path.to_path_buf(), bytes })
}

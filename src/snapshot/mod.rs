//! Saved links: `.lsw` files, one JSON header line, then columns that are mapped.
//!
//! In: a [`Portrait`] ([`write()`]), or the path of a file ([`open`]). Out: the other one. Always true: the same
//! portrait gives the same bytes; a file that is cut off, damaged, foreign or from a newer version is an error
//! that says so, never a wrong answer. The format is described in `docs/snapshot.md`.

mod check;
mod dump;
mod header;
mod paths;
mod read;
mod write;

pub use dump::dump;
pub use header::{ColumnEntry, FORMAT, Header};
pub use paths::PathRoots;
pub use write::{hash, write};

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::load::FileStore;
use crate::query::portrait::Portrait;

/// An opened `.lsw` file.
pub struct Snapshot {
    path: PathBuf,
    store: FileStore,
    file: usize,
    header: Header,
}

/// Opens a `.lsw` file and reads its header.
///
/// # Errors
/// The file cannot be read, is no `.lsw` file, or is of a newer format.
pub fn open(path: &Path) -> Result<Snapshot> {
    let mut store = FileStore::default();
    let file = store.open(path)?;
    Snapshot::new(path, store, file)
}

/// The same for bytes in memory; `path` is for messages.
///
/// # Errors
/// As [`open`].
pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Snapshot> {
    let mut store = FileStore::default();
    let file = store.add_memory(path, bytes);
    Snapshot::new(path, store, file)
}

impl Snapshot {
    fn new(path: &Path, store: FileStore, file: usize) -> Result<Snapshot> {
        let header = header::parse(store.bytes(file)).map_err(|cause| error(path, cause))?;
        Ok(Snapshot { path: path.to_path_buf(), store, file, header })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The link. Columns are borrowed from the file; paths are restored through the header's roots.
    ///
    /// # Errors
    /// A column is missing or lies outside the file, a number is outside its table, the digest is another.
    pub fn portrait(&self) -> Result<Portrait<'_>> {
        let portrait = read::portrait(&self.header, self.store.bytes(self.file), true);
        portrait.map_err(|cause| error(&self.path, cause))
    }

    /// The same without a look at the digest, so that tests reach what it protects.
    ///
    /// # Errors
    /// As [`Snapshot::portrait`].
    #[doc(hidden)]
    pub fn unverified(&self) -> Result<Portrait<'_>> {
        let portrait = read::portrait(&self.header, self.store.bytes(self.file), false);
        portrait.map_err(|cause| error(&self.path, cause))
    }
}

fn error(path: &Path, cause: String) -> Error {
    Error::new(format!("reading snapshot {}", path.display()), cause)
}

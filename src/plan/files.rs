//! Text files that options name: scripts, version scripts, dynamic lists.
//!
//! In: a name, the linker, the `-L` folders that it would search. Out: the file's text and the path
//! under which it was found. A name is tried as it is, then (where the linker does so) in the folders.
//! Source: ld `ldfile_find_command_file`; gold `read_script_file`; lld `searchScript`; mold
//! `find_from_search_paths`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::TextFile;
use crate::error::{Error, Result};

/// Bytes that one text file may have.
const LIMIT: u64 = 1 << 28;

/// Reads `name` from `directory`, else from the `dirs` (themselves relative to `directory`).
///
/// # Errors
/// The file is nowhere, cannot be read, or is too large; `what` says what it was for.
pub(super) fn read(directory: &Path, what: &str, name: &[u8], dirs: &[PathBuf]) -> Result<TextFile> {
    let name = Path::new(OsStr::from_bytes(name));
    let candidates = std::iter::once(name.to_path_buf())
        .chain(dirs.iter().filter(|_| name.is_relative()).map(|dir| dir.join(name)));
    for path in candidates {
        let full = directory.join(&path);
        let Ok(found) = std::fs::metadata(&full) else { continue };
        let fail = |why: String| Error::new(format!("{what} {}", path.display()), why);
        if found.is_dir() {
            return Err(fail("it is a folder".into()));
        }
        if found.len() > LIMIT {
            return Err(fail("it is too large".into()));
        }
        let text = std::fs::read(&full).map_err(|e| fail(e.to_string()))?;
        return Ok(TextFile { path, text });
    }
    Err(Error::new(format!("{what} {}", name.display()), "no such file"))
}

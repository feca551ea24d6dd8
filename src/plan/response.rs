//! Response files: `@FILE` words replaced by the words in the file, as each linker does it.
//!
//! In: words and the folder that relative names start from. Out: the words with every response file
//! expanded. bfd and gold use the GNU rules (nested, a missing file leaves the word as it is, at most
//! 2000 files); lld its own GNU-like tokenizer (no empty words, no file inside itself); mold reads
//! one level only, and a missing file is an error.
//! Source: libiberty `expandargv`, `buildargv`; LLVM `TokenizeGNUCommandLine`; mold `cmdline.h`.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::Flavor;
use crate::error::{Error, Result};

/// Response files that one command may read, as the GNU code limits it.
const FILE_LIMIT: usize = 2000;
/// Bytes that the response files of one command may hold together.
const BYTE_LIMIT: u64 = 1 << 28;

/// Expands the response files among `words`.
///
/// # Errors
/// A folder, too many files, too many bytes, for mold a missing file or an open quote.
pub fn expand(flavor: Flavor, words: &[OsString], directory: &Path) -> Result<Vec<OsString>> {
    let mut out = Vec::with_capacity(words.len());
    // Words still to look at, each with the chain of files that it came from.
    let mut queue: VecDeque<(OsString, Option<usize>)> = words.iter().map(|w| (w.clone(), None)).collect();
    let mut files: Vec<(PathBuf, Option<usize>)> = Vec::new();
    let mut bytes_read = 0u64;
    while let Some((word, parent)) = queue.pop_front() {
        let Some(name) = word.as_bytes().strip_prefix(b"@") else {
            out.push(word);
            continue;
        };
        let what = || format!("response file {}", OsStr::from_bytes(name).display());
        let path = directory.join(OsStr::from_bytes(name));
        let own = (flavor == Flavor::Mold && parent.is_some())
            || (flavor == Flavor::Lld && inside_itself(&files, parent, &path));
        let found = if own || name.is_empty() { None } else { std::fs::metadata(&path).ok() };
        let Some(found) = found else {
            if flavor == Flavor::Mold && !own {
                return Err(Error::new(what(), "no such file"));
            }
            out.push(word);
            continue;
        };
        if found.is_dir() {
            return Err(Error::new(what(), "it is a folder"));
        }
        bytes_read = bytes_read.saturating_add(found.len());
        if files.len() >= FILE_LIMIT || bytes_read > BYTE_LIMIT {
            return Err(Error::new(what(), "too many response files"));
        }
        let text = std::fs::read(&path).map_err(|e| Error::new(what(), e.to_string()))?;
        bytes_read = bytes_read.saturating_add((text.len() as u64).saturating_sub(found.len()));
        let inner = match flavor {
            Flavor::Bfd | Flavor::Gold => gnu_words(&text),
            Flavor::Lld => llvm_words(&text),
            Flavor::Mold => mold_words(&text).ok_or_else(|| Error::new(what(), "a quote is not closed"))?,
        };
        files.push((path, parent));
        let from = Some(files.len() - 1);
        for word in inner.into_iter().rev() {
            queue.push_front((OsString::from_vec(word), from));
        }
    }
    Ok(out)
}

fn inside_itself(files: &[(PathBuf, Option<usize>)], mut at: Option<usize>, path: &Path) -> bool {
    while let Some((file, parent)) = at.and_then(|i| files.get(i)) {
        if file == path {
            return true;
        }
        at = *parent;
    }
    false
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// GNU rules: a backslash takes the next byte as it is, also inside quotes; either quote groups;
/// empty quotes make an empty word; a NUL ends the text.
pub fn gnu_words(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.split(|&b| b == 0).next().unwrap_or_default();
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote: Option<u8> = None;
    let mut escaped = false;
    for &b in text {
        if escaped {
            escaped = false;
            word.get_or_insert_default().push(b);
        } else if quote.is_none() && is_space(b) {
            words.extend(word.take());
        } else if b == b'\\' {
            escaped = true;
            word.get_or_insert_default();
        } else if quote == Some(b) {
            quote = None;
        } else if quote.is_none() && (b == b'\'' || b == b'"') {
            quote = Some(b);
            word.get_or_insert_default();
        } else {
            word.get_or_insert_default().push(b);
        }
    }
    words.extend(word);
    words
}

/// LLVM's reading of the GNU rules: as [`gnu_words`], but empty words vanish, a backslash at the very
/// end stays, and a byte order mark is skipped.
pub fn llvm_words(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut words = Vec::new();
    let mut word = Vec::new();
    let mut quote: Option<u8> = None;
    let mut bytes = text.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        match (b, bytes.peek()) {
            (b'\\', Some(&next)) => {
                word.push(next);
                bytes.next();
            }
            _ if quote == Some(b) => quote = None,
            (b'\'' | b'"', _) if quote.is_none() => quote = Some(b),
            _ if quote.is_none() && matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0) => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(b),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// mold's rules: a quote counts only at the start of a word and the word ends with it.
fn mold_words(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(first) = bytes.next() {
        if is_space(first) {
            continue;
        }
        let mut word = Vec::new();
        if first == b'\'' || first == b'"' {
            loop {
                match bytes.next()? {
                    b'\\' => word.push(bytes.next()?),
                    b if b == first => break,
                    b => word.push(b),
                }
            }
            words.push(word);
            continue;
        }
        let mut current = Some(first);
        while let Some(b) = current {
            match (b, bytes.peek()) {
                (b'\\', Some(&next)) => {
                    word.push(next);
                    bytes.next();
                }
                _ => word.push(b),
            }
            current = match bytes.peek() {
                Some(&next) if !is_space(next) => bytes.next(),
                _ => None,
            };
        }
        words.push(word);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: Vec<Vec<u8>>) -> Vec<String> {
        words.into_iter().map(|w| String::from_utf8_lossy(&w).into_owned()).collect()
    }

    #[test]
    fn quoting() {
        let text = br#"-e foo 'a b' "c\"d" x\ y 'q\z' "" p'q'r"#;
        assert_eq!(texts(gnu_words(text)), ["-e", "foo", "a b", "c\"d", "x y", "qz", "", "pqr"]);
        assert_eq!(texts(llvm_words(text)), ["-e", "foo", "a b", "c\"d", "x y", "qz", "pqr"]);
        assert_eq!(texts(mold_words(text).unwrap()), ["-e", "foo", "a b", "c\"d", "x y", "qz", "", "p'q'r"]);
        assert_eq!(mold_words(b"'open"), None);
        assert_eq!(mold_words(b"'open\\"), None);
        assert!(gnu_words(b" \n\t").is_empty());
        assert_eq!(texts(gnu_words(b"a\0b")), ["a"]);
    }

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("linksweep-response-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn run(flavor: Flavor, dir: &Path, words: &[&str]) -> Result<Vec<String>> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let words = expand(flavor, &words, dir)?;
        Ok(words.into_iter().map(|w| w.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn nesting_and_loops() {
        let dir = folder("nest");
        std::fs::write(dir.join("one"), "a @two b").unwrap();
        std::fs::write(dir.join("two"), "c @missing").unwrap();
        std::fs::write(dir.join("loop"), "x @loop").unwrap();
        assert_eq!(run(Flavor::Bfd, &dir, &["@one", "z"]).unwrap(), ["a", "c", "@missing", "b", "z"]);
        assert_eq!(run(Flavor::Lld, &dir, &["@one"]).unwrap(), ["a", "c", "@missing", "b"]);
        assert_eq!(run(Flavor::Mold, &dir, &["@one"]).unwrap(), ["a", "@two", "b"]);
        assert!(run(Flavor::Bfd, &dir, &["@loop"]).is_err());
        assert_eq!(run(Flavor::Lld, &dir, &["@loop"]).unwrap(), ["x", "@loop"]);
        assert!(run(Flavor::Mold, &dir, &["@missing"]).is_err());
        assert!(run(Flavor::Bfd, &dir, &["@."]).is_err());
        assert_eq!(run(Flavor::Gold, &dir, &["@"]).unwrap(), ["@"]);
        std::fs::remove_dir_all(dir).unwrap();
    }
}

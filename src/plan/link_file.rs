//! Link files: a file that holds a command line.
//!
//! In: a path. Out: the words in it. The text is read as a shell would (quotes, backslashes, lines
//! continued by a backslash, `#` comments), without expanding anything; a file whose words are ended
//! by NUL bytes, as `/proc/PID/cmdline` has them, is read as such.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::error::{Error, Result};

/// Reads the words of a command line from a file; the line may be a linker's or a driver's.
///
/// # Errors
/// The file cannot be read, a quote is not closed, or there is no word in it.
pub fn read_link_file(path: &Path) -> Result<Vec<OsString>> {
    let fail = |why: String| Error::new(format!("link file {}", path.display()), why);
    let text = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    let words = if text.contains(&0) {
        text.strip_suffix(b"\0").unwrap_or(&text).split(|&b| b == 0).map(<[u8]>::to_vec).collect()
    } else {
        shell_words(&text).ok_or_else(|| fail("a quote is not closed".into()))?
    };
    if words.is_empty() {
        return Err(fail("it holds no command".into()));
    }
    Ok(words.into_iter().map(OsString::from_vec).collect())
}

/// The words of a shell-like text; `None` if a quote is not closed.
pub fn shell_words(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        match b {
            b' ' | b'\t' | b'\n' | b'\r' => words.extend(word.take()),
            b'#' if word.is_none() => while bytes.next_if(|&b| b != b'\n').is_some() {},
            b'\\' => match bytes.next() {
                Some(b'\n') => {}
                Some(b'\r') if bytes.next_if_eq(&b'\n').is_some() => {}
                Some(next) => word.get_or_insert_default().push(next),
                None => word.get_or_insert_default().push(b'\\'),
            },
            b'\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match bytes.next()? {
                        b'\'' => break,
                        b => word.push(b),
                    }
                }
            }
            b'"' => {
                let word = word.get_or_insert_default();
                loop {
                    match bytes.next()? {
                        b'"' => break,
                        b'\\' => match bytes.next()? {
                            b'\n' => {}
                            b @ (b'"' | b'\\' | b'$' | b'`') => word.push(b),
                            b => word.extend([b'\\', b]),
                        },
                        b => word.push(b),
                    }
                }
            }
            b => word.get_or_insert_default().push(b),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let t = |text: &str| {
            shell_words(text.as_bytes())
                .map(|w| w.into_iter().map(|w| String::from_utf8_lossy(&w).into_owned()).collect::<Vec<_>>())
        };
        let some = |w: &[&str]| Some(w.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        assert_eq!(t("#!/bin/sh\nld -o 'a b' \\\n  x.o # end\n"), some(&["ld", "-o", "a b", "x.o"]));
        assert_eq!(t(r#"a"b\"c"'d\e' \f "" "\x$""#), some(&["ab\"cd\\e", "f", "", "\\x$"]));
        assert_eq!(t("a#b \\\r\n c"), some(&["a#b", "c"]));
        assert_eq!(t(""), some(&[]));
        assert_eq!(t("'open"), None);
        assert_eq!(t("\"open\\"), None);
    }
}

//! Where a statement of a preprocessed script comes from, and the patch that puts KEEP around it.
//!
//! In: statements, and the texts that the script may have been made of (`.lds.S` files and the header
//! with the macros), read by the caller. Out: [`Origin`] and unified diffs.

use std::fmt::Write as _;

use bstr::{BString, ByteSlice};

use super::statements::Statement;

/// A text that a script may have been made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Path for users, relative to the source tree.
    pub path: String,
    /// Contents.
    pub text: BString,
}

/// A place in a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Number of the text.
    pub text: usize,
    /// Line, from 1.
    pub line: u32,
    /// Byte column, from 1.
    pub column: u32,
    /// The macro of the header that the line belongs to.
    pub within: Option<String>,
    /// Byte range of the description in the text.
    pub range: (usize, usize),
}

/// Finds the line that a statement was written in: the same description literally, else one that
/// macro parameters make equal. Texts given first win.
pub(super) fn origin(statement: &Statement, texts: &[SourceText]) -> Option<Origin> {
    let mut pasted = None;
    for (number, source) in texts.iter().enumerate() {
        for group in groups(&source.text) {
            let (from, to) = group;
            let inner: Vec<u8> =
                source.text.get(from..to)?.iter().copied().filter(|b| !is_filler(*b)).collect();
            if is_kept(&source.text, from) != statement.keep {
                continue;
            }
            let exact = inner == statement.text.as_slice();
            let same = exact || (pasted.is_none() && matches_pasted(&inner, &statement.text));
            if !same {
                continue;
            }
            let line = source.text.get(..from)?.find_iter("\n").count() as u32 + 1;
            let start = source.text.get(..from)?.rfind_byte(b'\n').map_or(0, |at| at + 1);
            let found = Origin {
                text: number,
                line,
                column: (from - start) as u32 + 1,
                within: macro_around(&source.text, from),
                range: (from, to),
            };
            if exact {
                return Some(found);
            }
            pasted = Some(found);
        }
    }
    pasted
}

fn is_filler(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\\'
}

/// Byte ranges of everything that looks like `*( ... )`.
fn groups(text: &[u8]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    for at in text.find_iter("*(") {
        let mut depth = 0usize;
        for (offset, byte) in text.get(at..).unwrap_or_default().iter().enumerate().take(4096) {
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        out.push((at, at + offset + 1));
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    out
}

fn is_kept(text: &[u8], at: usize) -> bool {
    let front = text.get(..at).unwrap_or_default().trim_ascii_end();
    front.strip_suffix(b"(").is_some_and(|f| f.trim_ascii_end().ends_with(b"KEEP"))
}

/// `*(__##name##_of_table)` against `*(__clk_of_table)`: pasted parameters stand for anything.
fn matches_pasted(written: &[u8], statement: &[u8]) -> bool {
    if !written.contains_str("##") {
        return false;
    }
    let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = written;
    while let Some(at) = rest.find("##") {
        let (front, behind) = rest.split_at(at);
        let behind = behind.get(2..).unwrap_or_default();
        let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let Some(last) = parts.last_mut() else { return false };
        // `a##b`: of the words beside the paste the one without underscores in front is the parameter.
        let own = front.iter().rev().take_while(|b| word(b)).count();
        let next = behind.iter().take_while(|b| word(b)).count();
        let left = front.get(front.len() - own..).unwrap_or_default();
        if left.starts_with(b"_") || left.is_empty() {
            last.extend_from_slice(front);
            rest = behind.get(next..).unwrap_or_default();
        } else {
            last.extend_from_slice(front.get(..front.len() - own).unwrap_or_default());
            rest = behind;
        }
        parts.push(Vec::new());
        rest = rest.strip_prefix(b"##").unwrap_or(rest);
    }
    let Some(last) = parts.last_mut() else { return false };
    last.extend_from_slice(rest);
    let mut at = match parts.first().and_then(|p| statement.strip_prefix(p.as_slice())) {
        Some(rest) => rest,
        None => return false,
    };
    let count = parts.len();
    for (number, part) in parts.iter().enumerate().skip(1) {
        if number + 1 == count {
            return at.ends_with(part) && at.len() > part.len();
        }
        let Some(found) = at.find(part.as_slice()) else { return false };
        at = at.get(found + part.len()..).unwrap_or_default();
    }
    false
}

/// The `#define NAME` whose continued lines reach the place.
fn macro_around(text: &[u8], at: usize) -> Option<String> {
    let mut end = text.get(..at)?.rfind_byte(b'\n').map_or(0, |n| n + 1);
    loop {
        let own = text.get(end..)?.lines().next()?.trim_ascii_start();
        if let Some(rest) = own.strip_prefix(b"#") {
            let name = rest.trim_ascii_start().strip_prefix(b"define")?.trim_ascii_start();
            let name: Vec<u8> =
                name.iter().copied().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').collect();
            return Some(String::from_utf8_lossy(&name).into_owned());
        }
        if end == 0 {
            return None;
        }
        let before = text.get(..end - 1)?;
        if !before.trim_ascii_end().ends_with(b"\\") {
            return None;
        }
        end = before.rfind_byte(b'\n').map_or(0, |n| n + 1);
    }
}

/// A unified diff that puts `KEEP( )` around byte ranges of a text. Empty if there are none.
pub(super) fn keep_patch(path: &str, text: &[u8], ranges: &[(usize, usize)]) -> String {
    const CONTEXT: usize = 3;
    if ranges.is_empty() {
        return String::new();
    }
    let mut marks: Vec<(usize, &str)> = ranges.iter().flat_map(|&(a, b)| [(a, "KEEP("), (b, ")")]).collect();
    marks.sort_unstable();
    marks.dedup();
    let lines: Vec<&[u8]> = text.lines_with_terminator().collect();
    let (mut start, mut next) = (0usize, marks.into_iter().peekable());
    let mut changed: Vec<(usize, Vec<u8>)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let end = start + line.len();
        let (mut new, mut at) = (Vec::new(), start);
        while let Some((offset, word)) = next.next_if(|(offset, _)| *offset < end) {
            new.extend_from_slice(text.get(at..offset).unwrap_or_default());
            new.extend_from_slice(word.as_bytes());
            at = offset;
        }
        if at > start || !new.is_empty() {
            new.extend_from_slice(text.get(at..end).unwrap_or_default());
            changed.push((number, new));
        }
        start = end;
    }
    let mut out = String::new();
    let path = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
    let _ = write!(out, "--- a/{path}\n+++ b/{path}\n");
    let mut at = 0;
    while let Some(&(first, _)) = changed.get(at) {
        // One hunk for changes whose contexts touch.
        let mut until = at + 1;
        while let (Some(last), Some(following)) = (changed.get(until - 1), changed.get(until))
            && following.0 <= last.0 + 2 * CONTEXT
        {
            until += 1;
        }
        let hunk = changed.get(at..until).unwrap_or_default();
        let last = hunk.last().map_or(first, |c| c.0);
        let (from, to) = (first.saturating_sub(CONTEXT), (last + CONTEXT + 1).min(lines.len()));
        let _ = writeln!(out, "@@ -{},{} +{},{} @@", from + 1, to - from, from + 1, to - from);
        let mut added: Vec<&[u8]> = Vec::new();
        for (number, line) in lines.iter().enumerate().take(to).skip(from) {
            match hunk.iter().find(|c| c.0 == number) {
                Some((_, new)) => {
                    diff_line(&mut out, '-', line);
                    added.push(new);
                }
                None => {
                    added.drain(..).for_each(|new| diff_line(&mut out, '+', new));
                    diff_line(&mut out, ' ', line);
                }
            }
        }
        added.drain(..).for_each(|new| diff_line(&mut out, '+', new));
        at = until;
    }
    if changed.is_empty() { String::new() } else { out }
}

fn diff_line(out: &mut String, mark: char, line: &[u8]) {
    out.push(mark);
    out.push_str(&String::from_utf8_lossy(line.trim_end_with(|c| c == '\n' || c == '\r')));
    out.push('\n');
    if !line.ends_with(b"\n") {
        out.push_str("\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_names() {
        assert!(matches_pasted(b"*(__##name##_of_table)", b"*(__clk_of_table)"));
        assert!(!matches_pasted(b"*(__##name##_of_table)", b"*(__clk_of_table_end)"));
        assert!(matches_pasted(b"*(.initcall##level##.init)", b"*(.initcall6.init)"));
        assert!(!matches_pasted(b"*(.data)", b"*(.data)"));
    }

    #[test]
    fn patches() {
        let text = b"a\nb\nc\nd\n  *(x) *(y)\ne\nf\ng\nh\n";
        let patch = keep_patch("s.ld", text, &[(10, 14)]);
        assert_eq!(
            patch,
            "--- a/s.ld\n+++ b/s.ld\n@@ -2,7 +2,7 @@\n b\n c\n d\n-  *(x) *(y)\n+  KEEP(*(x)) *(y)\n e\n f\n g\n"
        );
        assert_eq!(keep_patch("s.ld", text, &[]), "");
        for path in ["./arch/s.ld", "/arch/s.ld", "arch/./s.ld", ".//arch/s.ld"] {
            let patch = keep_patch(path, text, &[(10, 14)]);
            assert!(patch.starts_with("--- a/arch/s.ld\n+++ b/arch/s.ld\n@@"), "{path}: {patch}");
        }
    }

    #[test]
    fn macros() {
        let text = b"#define OF(name) \\\n  a; \\\n  *(__##name##_t)\nx *(y)\n";
        assert_eq!(macro_around(text, 30).as_deref(), Some("OF"));
        assert_eq!(macro_around(text, text.len() - 3), None);
    }
}

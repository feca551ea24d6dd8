//! Assembly text of a module, as far as kernel tables need it: labels, the section each stands in,
//! and the strings and words that follow.
//!
//! In: text. Out: [`Item`]s in text order. Always true: text that is not understood yields nothing;
//! it is never taken for a definition.

/// A label and what follows it up to the next label or section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// Section that the label stands in; empty if none was named.
    pub section: &'a [u8],
    /// The label.
    pub label: &'a [u8],
    /// Operands of `.asciz`, `.string`, `.ascii`, without quotes.
    pub strings: Vec<&'a [u8]>,
    /// First words of `.long`, `.quad` and the like.
    pub words: Vec<&'a [u8]>,
}

/// Nested `.pushsection`s.
const DEPTH_LIMIT: usize = 64;

/// Reads the text.
pub fn items(text: &[u8]) -> Vec<Item<'_>> {
    let mut out: Vec<Item<'_>> = Vec::new();
    let mut section: &[u8] = b"";
    let mut previous: &[u8] = b"";
    let mut pushed: Vec<&[u8]> = Vec::new();
    let mut open = false;
    for statement in Statements(text) {
        let mut rest = statement.trim_ascii();
        while let Some((label, tail)) = label(rest) {
            out.push(Item { section, label, strings: Vec::new(), words: Vec::new() });
            open = true;
            rest = tail.trim_ascii_start();
        }
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (word, operands) = rest.split_at(end);
        let operands = operands.trim_ascii();
        match word {
            b".section" | b".pushsection" => {
                if word == b".pushsection" && pushed.len() < DEPTH_LIMIT {
                    pushed.push(section);
                }
                previous = section;
                section = first_operand(operands);
                open = false;
            }
            b".popsection" => {
                section = pushed.pop().unwrap_or(b"");
                open = false;
            }
            b".previous" => {
                std::mem::swap(&mut section, &mut previous);
                open = false;
            }
            b".text" | b".data" | b".bss" => {
                previous = section;
                section = word;
                open = false;
            }
            b".asciz" | b".string" | b".ascii" => {
                if let Some(item) = out.last_mut().filter(|_| open) {
                    item.strings.push(first_operand(operands));
                }
            }
            b".long" | b".quad" | b".word" | b".4byte" | b".8byte" | b".int" | b".short" => {
                if let Some(item) = out.last_mut().filter(|_| open) {
                    let end = operands.iter().position(|b| !is_name(*b)).unwrap_or(operands.len());
                    item.words.push(operands.get(..end).unwrap_or(b""));
                }
            }
            _ => {}
        }
    }
    out
}

/// Names made global or weak by the text, with whether weak.
pub fn globals(text: &[u8]) -> Vec<(&[u8], bool)> {
    let mut out = Vec::new();
    for statement in Statements(text) {
        let statement = statement.trim_ascii();
        let end = statement.iter().position(u8::is_ascii_whitespace).unwrap_or(statement.len());
        let (word, operands) = statement.split_at(end);
        let weak = match word {
            b".globl" | b".global" => false,
            b".weak" => true,
            _ => continue,
        };
        out.extend(
            operands.split(|&b| b == b',').map(|n| (n.trim_ascii(), weak)).filter(|n| !n.0.is_empty()),
        );
    }
    out
}

/// Bytes of symbol names.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$')
}

/// `name:` at the start.
fn label(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|b| !is_name(*b))?;
    let tail = text.get(end..)?.strip_prefix(b":")?;
    (end > 0).then(|| (text.get(..end).unwrap_or(b""), tail))
}

/// The first operand, quotes removed.
fn first_operand(operands: &[u8]) -> &[u8] {
    if let Some(quoted) = operands.strip_prefix(b"\"") {
        let end = quoted.iter().position(|&b| b == b'"').unwrap_or(quoted.len());
        return quoted.get(..end).unwrap_or(b"");
    }
    let end = operands.iter().position(|&b| b == b',').unwrap_or(operands.len());
    operands.get(..end).unwrap_or(b"").trim_ascii()
}

/// Statements: lines and parts between semicolons, outside quotes.
struct Statements<'a>(&'a [u8]);

impl<'a> Iterator for Statements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (mut quoted, mut escaped) = (false, false);
        let end = self.0.iter().position(|&b| {
            if std::mem::take(&mut escaped) {
                return false;
            }
            match b {
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                // A string never spans lines; an odd quote (comment) ends with its line.
                b'\n' => return true,
                b';' => return !quoted,
                _ => {}
            }
            false
        });
        let end = end.unwrap_or(self.0.len());
        let (statement, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or(b"");
        Some(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_know_their_section_and_data() {
        let text = b".section \"___ksymtab_gpl+f\", \"a\"\n\t.balign 4\n__ksymtab_f:\n\t.long f- .\n\
            .previous\n.section \"__ksymtab_strings\",\"aMS\",%progbits,1 ; __kstrtabns_f: .asciz \"N;S\"; .previous\nx: y:\n";
        let found = items(text);
        let labels: Vec<_> = found.iter().map(|i| (i.section, i.label)).collect();
        assert_eq!(
            labels,
            [
                (&b"___ksymtab_gpl+f"[..], &b"__ksymtab_f"[..]),
                (b"__ksymtab_strings", b"__kstrtabns_f"),
                (b"", b"x"),
                (b"", b"y"),
            ]
        );
        assert_eq!(found[0].words, [b"f"]);
        assert_eq!(found[1].strings, [b"N;S"]);
        assert_eq!(globals(b".globl a, b\n.weak c"), [(&b"a"[..], false), (b"b", false), (b"c", true)]);
    }
}

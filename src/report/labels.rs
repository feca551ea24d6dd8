//! Names for people: demangled, with control characters escaped.
//!
//! In: bytes of an input. Out: text that cannot disturb a terminal.

use std::fmt::Write as _;

/// Longer mangled names are shown as they are, in bytes.
const DEMANGLE_LIMIT: usize = 4096;

/// How text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Terminal colours are used.
    pub color: bool,
    /// Symbols are demangled.
    pub demangle: bool,
}

impl Style {
    /// A heading.
    pub fn heading(self, text: &str) -> String {
        if !self.color {
            return text.to_string();
        }
        let words = text.trim_end_matches('\n');
        format!("\x1b[1m{words}\x1b[0m{}", text.get(words.len()..).unwrap_or(""))
    }

    /// A symbol's name: Rust's scheme first, then C++'s, else as it is.
    pub fn symbol(self, name: &[u8]) -> String {
        if self.demangle
            && name.len() <= DEMANGLE_LIMIT
            && let Some(plain) = std::str::from_utf8(name).ok().and_then(demangle)
        {
            return escape(plain.as_bytes());
        }
        escape(name)
    }

    /// A section's name; the mangled symbol behind its last dot is demangled.
    pub fn section(self, name: &[u8]) -> String {
        if self.demangle
            && name.len() <= DEMANGLE_LIMIT
            && let Ok(text) = std::str::from_utf8(name)
        {
            for mark in ["._R", "._Z"] {
                let split = text.find(mark).and_then(|at| Some((text.get(..=at)?, text.get(at + 1..)?)));
                if let Some((front, plain)) = split.and_then(|(front, rest)| Some((front, demangle(rest)?))) {
                    return escape(format!("{front}{plain}").as_bytes());
                }
            }
        }
        escape(name)
    }
}

fn demangle(name: &str) -> Option<String> {
    if let Ok(plain) = rustc_demangle::try_demangle(name) {
        return Some(format!("{plain:#}"));
    }
    cpp(name)
}

#[cfg(feature = "cpp")]
fn cpp(name: &str) -> Option<String> {
    if !name.starts_with("_Z") {
        return None;
    }
    let options = cpp_demangle::DemangleOptions::new().recursion_limit(96);
    let parse = cpp_demangle::ParseOptions::default().recursion_limit(96);
    let symbol = cpp_demangle::BorrowedSymbol::new_with_options(name.as_bytes(), &parse).ok()?;
    let plain = symbol.demangle_with_options(&options).ok()?;
    (plain.len() <= 4 * DEMANGLE_LIMIT).then_some(plain)
}

#[cfg(not(feature = "cpp"))]
fn cpp(_name: &str) -> Option<String> {
    None
}

/// Text with control characters (and bytes that are no UTF-8) written as escapes.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                // Bidirectional overrides reorder what stands beside them.
                c if c.is_control()
                    || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
                {
                    let code = u32::from(c);
                    let _ = if code < 0x100 {
                        write!(out, "\\x{code:02x}")
                    } else {
                        write!(out, "\\u{{{code:x}}}")
                    };
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { color: false, demangle: true };

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape(b"a\x1b[31m\n\xff\t"), "a\\x1b[31m\\n\\xff\\t");
        assert_eq!(escape("é\u{202e}".as_bytes()), "é\\u{202e}");
    }

    #[test]
    fn symbols_are_demangled() {
        assert_eq!(STYLE.symbol(b"_ZN3foo3barEv"), "foo::bar()");
        assert_eq!(STYLE.symbol(b"_ZN4core3fmt5write17h0123456789abcdefE"), "core::fmt::write");
        assert_eq!(STYLE.symbol(b"plain"), "plain");
        assert_eq!(STYLE.section(b".text._ZN3foo3barEv"), ".text.foo::bar()");
        assert_eq!(Style::default().symbol(b"_ZN3foo3barEv"), "_ZN3foo3barEv");
    }

    #[test]
    fn long_names_stay_as_they_are() {
        let name = [b"_ZN".to_vec(), vec![b'1'; 5000]].concat();
        assert_eq!(STYLE.symbol(&name).len(), name.len());
    }
}

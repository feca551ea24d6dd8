//! mold's glob patterns for version scripts: many patterns at once, the lowest number wins (mold
//! `MultiGlob`, `Glob`). `[^...]` negates, `[!...]` does not, a backslash escapes only in brackets.
//!
//! In: patterns as written. Out: [`Globs::find`].

use bstr::ByteSlice;
use hashbrown::HashMap;

/// One element of a compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Element {
    Byte(u8),
    Any,
    Star,
    /// 256 bits.
    Set(Box<[u64; 4]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Inside(Vec<u8>),
    Full(Vec<Element>),
}

/// A set of patterns with numbers.
#[derive(Debug, Default)]
pub(super) struct Globs {
    exact: HashMap<Vec<u8>, usize, foldhash::fast::FixedState>,
    /// In number order.
    others: Vec<(Shape, usize)>,
}

impl Globs {
    /// Adds a pattern; numbers must rise. A malformed one matches nothing.
    pub(super) fn add(&mut self, pattern: &[u8], number: usize) {
        let inner = pattern.strip_prefix(b"*").unwrap_or(pattern);
        let core = inner.strip_suffix(b"*").unwrap_or(inner);
        let simple = !core.is_empty() && !core.iter().any(|b| b"*?[".contains(b));
        if !simple {
            if let Some(elements) = compile(pattern) {
                self.others.push((Shape::Full(elements), number));
            }
            return;
        }
        let core = core.to_vec();
        let shape = match (pattern.starts_with(b"*"), pattern.ends_with(b"*")) {
            (false, false) => {
                self.exact.entry(core).or_insert(number);
                return;
            }
            (false, true) => Shape::Prefix(core),
            (true, false) => Shape::Suffix(core),
            (true, true) => Shape::Inside(core),
        };
        self.others.push((shape, number));
    }

    /// Whether there are no patterns.
    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.others.is_empty()
    }

    /// The lowest number of a pattern that matches.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let exact = self.exact.get(name).copied();
        let matches = |shape: &Shape| match shape {
            Shape::Prefix(core) => name.starts_with(core),
            Shape::Suffix(core) => name.ends_with(core),
            Shape::Inside(core) => name.contains_str(core),
            Shape::Full(elements) => full_match(elements, name),
        };
        let before = exact.unwrap_or(usize::MAX);
        let other = self.others.iter().take_while(|(_, n)| *n < before).find(|(s, _)| matches(s));
        other.map(|(_, number)| *number).or(exact)
    }
}

/// Elements of a pattern; `None` if it is malformed.
fn compile(pattern: &[u8]) -> Option<Vec<Element>> {
    let mut out: Vec<Element> = Vec::new();
    let mut rest = pattern;
    let mut stars = 0;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        stars = if byte == b'*' { stars + 1 } else { 0 };
        match byte {
            b'[' => out.push(Element::Set(Box::new(bracket(&mut rest)?))),
            b'?' => out.push(Element::Any),
            b'*' if stars > 1 => {}
            b'*' => out.push(Element::Star),
            _ => out.push(Element::Byte(byte)),
        }
    }
    if stars > 1 {
        // Two stars at the end do not match the empty rest.
        out.push(Element::Any);
    }
    Some(out)
}

/// A set up to its `]`.
fn bracket(rest: &mut &[u8]) -> Option<[u64; 4]> {
    fn next(rest: &mut &[u8]) -> Option<u8> {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        Some(byte)
    }
    let mut set = [0u64; 4];
    let mut put = |byte: u8| set[usize::from(byte >> 6)] |= 1 << (byte & 63);
    let negate = rest.first() == Some(&b'^');
    if negate {
        next(rest);
    }
    loop {
        let mut byte = next(rest)?;
        if byte == b']' {
            break;
        }
        if byte == b'\\' {
            byte = next(rest)?;
        }
        if rest.len() >= 2 && rest[0] == b'-' {
            next(rest);
            let mut end = next(rest)?;
            if end == b'\\' {
                end = next(rest)?;
            }
            if end < byte {
                return None;
            }
            (byte..=end).for_each(&mut put);
        } else {
            put(byte);
        }
    }
    if negate {
        set = set.map(|word| !word);
    }
    Some(set)
}

/// Linear in pattern times name: only the last star is ever taken back.
fn full_match(elements: &[Element], name: &[u8]) -> bool {
    let fits = |element: &Element, byte: u8| match element {
        Element::Byte(b) => *b == byte,
        Element::Any => true,
        Element::Star => false,
        Element::Set(set) => set[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0,
    };
    let (mut e, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        match elements.get(e) {
            Some(Element::Star) => {
                back = Some((e + 1, n));
                e += 1;
            }
            Some(element) if fits(element, name[n]) => {
                e += 1;
                n += 1;
            }
            _ => match &mut back {
                Some((after, start)) => {
                    *start += 1;
                    (e, n) = (*after, *start);
                }
                None => return false,
            },
        }
    }
    elements[e.min(elements.len())..].iter().all(|x| *x == Element::Star)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(pattern: &str, name: &str) -> bool {
        let mut globs = Globs::default();
        globs.add(pattern.as_bytes(), 3);
        globs.find(name.as_bytes()) == Some(3)
    }

    #[test]
    fn shapes() {
        for (pattern, yes, no) in [
            ("foo", "foo", "foox"),
            ("fo*", "foo", "xfo"),
            ("*oo", "foo", "oox"),
            ("*o*", "foo", "bar"),
            ("f?o", "foo", "fo"),
            ("f*o*x", "foaox", "fox1"),
            ("[a-c]x", "bx", "dx"),
            ("[^a-c]x", "dx", "bx"),
            ("[!a]x", "!x", "bx"),
            ("[\\]]x", "]x", "\\x"),
            ("a**", "ab", "a"),
            ("a*[bc]*d", "axbyd", "axyd"),
        ] {
            assert!(one(pattern, yes), "{pattern} {yes}");
            assert!(!one(pattern, no), "{pattern} {no}");
        }
        assert!(one("*", ""));
        assert!(!one("[ab", "a"));
    }

    #[test]
    fn the_first_pattern_counts() {
        let mut globs = Globs::default();
        for (number, pattern) in ["b*", "abc", "a*", "*c"].iter().enumerate() {
            globs.add(pattern.as_bytes(), number);
        }
        assert_eq!(globs.find(b"abc"), Some(1));
        assert_eq!(globs.find(b"abd"), Some(2));
        assert_eq!(globs.find(b"bc"), Some(0));
        assert_eq!(globs.find(b"xc"), Some(3));
        assert_eq!(globs.find(b"x"), None);
    }
}

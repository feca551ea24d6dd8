//! Name patterns of `why`: a glob with `*`, `?` and `[...]`, or an exact name.
//!
//! In: the pattern's bytes. Out: [`Pattern`], which matches byte strings in time linear in practice
//! (one point of return per `*`), without recursion.

use bstr::BString;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: BString,
    literal: bool,
}

impl Pattern {
    /// A glob, or with `exact` the bytes themselves.
    pub fn new(text: &[u8], exact: bool) -> Self {
        let literal = exact || !text.iter().any(|b| matches!(b, b'*' | b'?' | b'[' | b'\\'));
        Pattern { text: text.into(), literal }
    }

    /// The bytes that alone can match, if there are no wildcards.
    pub fn literal(&self) -> Option<&[u8]> {
        self.literal.then_some(self.text.as_slice())
    }

    /// Whether a name matches as a whole.
    pub fn matches(&self, name: &[u8]) -> bool {
        if self.literal { self.text == name } else { glob(&self.text, name) }
    }
}

fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, n));
                p += 1;
                continue;
            }
            None if n == name.len() => return true,
            None => None,
            Some(_) => name.get(n).and_then(|&byte| one(pattern, p, byte)),
        };
        match (step, back) {
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((star, from))) if from < name.len() => {
                back = Some((star, from + 1));
                p = star;
                n = from + 1;
            }
            _ => return false,
        }
    }
}

/// Matches one byte against the element at `at`; returns the place behind the element.
fn one(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    match *pattern.get(at)? {
        b'?' => Some(at + 1),
        b'\\' if at + 1 < pattern.len() => (pattern.get(at + 1) == Some(&byte)).then_some(at + 2),
        b'[' => match set(pattern, at, byte) {
            Some((hit, next)) => hit.then_some(next),
            None => (byte == b'[').then_some(at + 1),
        },
        other => (other == byte).then_some(at + 1),
    }
}

/// Reads a bracket expression: whether `byte` is in it, and the place behind it. `None` if it is
/// never closed.
fn set(pattern: &[u8], open: usize, byte: u8) -> Option<(bool, usize)> {
    let mut at = open + 1;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let first = at;
    let mut hit = false;
    loop {
        let low = *pattern.get(at)?;
        if low == b']' && at > first {
            return Some((hit != negated, at + 1));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                hit |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                hit |= low == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let p = Pattern::new(pattern.as_bytes(), false);
        for name in yes {
            assert!(p.matches(name.as_bytes()), "{pattern} should match {name}");
        }
        for name in no {
            assert!(!p.matches(name.as_bytes()), "{pattern} should not match {name}");
        }
    }

    #[test]
    fn globs() {
        check("main", &["main"], &["mai", "main2", ""]);
        check(".text.*", &[".text.f", ".text."], &[".text", ".data.text.f"]);
        check("*init*", &["init", "do_init_x"], &["int"]);
        check("a*b*c", &["abc", "axbbyc"], &["ab", "acb"]);
        check("f[0-9a]?", &["f1x", "fa1"], &["fb1", "f1"]);
        check("[!a]x", &["bx"], &["ax"]);
        check("a[b", &["a[b"], &["ab"]);
        check("\\*x", &["*x"], &["ax"]);
        check("*", &["", "x"], &[]);
        assert!(Pattern::new(b"a*", true).matches(b"a*"));
        assert!(!Pattern::new(b"a*", true).matches(b"ab"));
    }
}

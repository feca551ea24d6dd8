//! Names that differ only in what compilers and tools number or hash.
//!
//! In: a symbol's name. Out: its stem, equal for `foo.isra.0` and `foo.constprop.1`, for two builds of a
//! Rust function, for two copies of a static. Numbers alone are never taken from the end of a plain
//! word: `crc32` stays.

use bstr::{BString, ByteSlice};

/// Suffixes that compilers put behind a clone's or a part's name, with a number or without.
const CLONES: [&str; 16] = [
    "isra",
    "constprop",
    "part",
    "cold",
    "lto_priv",
    "llvm",
    "localalias",
    "specialized",
    "resolver",
    "outlined",
    "hot",
    "unlikely",
    "constprop_isra",
    "__uniq",
    "memprof",
    "warm",
];

/// The name without numbers, clone suffixes and hashes.
pub fn stem(name: &[u8]) -> BString {
    let name = without_clones(name);
    if let Some(plain) = without_legacy_hash(name) {
        return BString::from(plain);
    }
    if name.starts_with(b"_R") {
        return without_disambiguators(name);
    }
    BString::from(name)
}

/// Whether a part behind a dot is a clone's word or a number.
fn is_clone_part(part: &[u8]) -> bool {
    if !part.is_empty() && part.iter().all(u8::is_ascii_digit) {
        return true;
    }
    // `.llvm.123` has its number behind a dot, `.cold` may have none.
    CLONES.iter().any(|word| {
        part.strip_prefix(word.as_bytes()).is_some_and(|rest| rest.iter().all(u8::is_ascii_digit))
    })
}

fn without_clones(mut name: &[u8]) -> &[u8] {
    while let Some(at) = name.rfind_byte(b'.') {
        let (front, part) = (name.get(..at).unwrap_or(name), name.get(at + 1..).unwrap_or(&[]));
        if front.is_empty() || !is_clone_part(part) {
            break;
        }
        name = front;
    }
    name
}

/// `_ZN..17h<16 hex>E` without its hash.
fn without_legacy_hash(name: &[u8]) -> Option<&[u8]> {
    let body = name.strip_suffix(b"E").filter(|_| name.starts_with(b"_ZN"))?;
    let at = body.len().checked_sub(19)?;
    let (front, hash) = body.split_at_checked(at)?;
    let digits = hash.strip_prefix(b"17h")?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(front)
}

/// A v0 name with every disambiguator `s<base-62>_` taken out. In v0 they stand in front of an
/// identifier or behind the `C` of a crate.
fn without_disambiguators(name: &[u8]) -> BString {
    let mut out = Vec::with_capacity(name.len());
    let mut at = 0;
    while let Some(&byte) = name.get(at) {
        let number = name.get(at + 1..).unwrap_or(&[]);
        let digits = number.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let ends = number.get(digits) == Some(&b'_');
        // An identifier follows: its length, or `u` for one that is encoded.
        let follows = number.get(digits + 1).is_some_and(|b| b.is_ascii_digit() || *b == b'u');
        if byte == b's' && ends && follows && digits <= 12 {
            at += digits + 2;
            continue;
        }
        if byte.is_ascii_digit() {
            // An identifier: its letters are none of the grammar's.
            let digits = name.get(at..).unwrap_or(&[]).iter().take_while(|b| b.is_ascii_digit()).count();
            let text = name.get(at..at + digits).unwrap_or(&[]);
            let length = std::str::from_utf8(text).ok().and_then(|t| t.parse::<usize>().ok()).unwrap_or(0);
            let mut end = at + digits;
            if length > 0 && name.get(end) == Some(&b'_') {
                end += 1;
            }
            let end = end.saturating_add(length).min(name.len());
            out.extend_from_slice(name.get(at..end).unwrap_or(&[]));
            at = end;
            continue;
        }
        out.push(byte);
        at += 1;
    }
    BString::from(out)
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn clones_and_numbers() {
        for name in ["foo.isra.0", "foo.constprop.1", "foo.part.0", "foo.cold", "foo.lto_priv.3", "foo.12"] {
            assert_eq!(stem(name.as_bytes()), "foo", "{name}");
        }
        assert_eq!(stem(b"foo.llvm.123456"), "foo");
        assert_eq!(stem(b"foo.isra.0.constprop.2.cold"), "foo");
        assert_eq!(stem(b"crc32"), "crc32");
        assert_eq!(stem(b"a.b"), "a.b");
        assert_eq!(stem(b".5"), ".5");
    }

    #[test]
    fn rust_names() {
        let (one, two) = ("_ZN4core3fmt5write17h0123456789abcdefE", "_ZN4core3fmt5write17hfedcba9876543210E");
        assert_eq!(stem(one.as_bytes()), stem(two.as_bytes()));
        let (one, two) = ("_RNvCs15kBYyAo9fc_7mycrate3foo", "_RNvCsdZ3k9_7mycrate3foo");
        assert_eq!(stem(one.as_bytes()), stem(two.as_bytes()));
        assert_eq!(stem(one.as_bytes()), "_RNvC7mycrate3foo");
        // The letters of an identifier stay, whatever they look like.
        assert_eq!(stem(b"_RNvC7mycrate5s1_3x"), "_RNvC7mycrate5s1_3x");
        assert_ne!(stem(b"_ZN4core3fmt5writeE"), stem(b"_ZN4core3fmt4readE"));
    }
}

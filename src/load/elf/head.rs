//! The first bytes of a section name as one number, so that most questions about names are answered without
//! looking at the name table again: names lie scattered, and their end must be searched for.
//!
//! In: name bytes, once, while an object is read. Out: [`NameHead`], compared as an integer.

/// The first eight bytes of a name, the first in the lowest bits; behind its end zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NameHead(pub u64);

impl NameHead {
    /// How many bytes of a name are told.
    pub const LENGTH: usize = 8;

    /// The head of a name that is given whole.
    pub const fn of(name: &[u8]) -> Self {
        let mut head = 0u64;
        let mut at = 0;
        while at < name.len() && at < Self::LENGTH {
            head |= (name[at] as u64) << (8 * at);
            at += 1;
        }
        NameHead(head)
    }

    /// The head of the name that `text` begins with; a zero ends it.
    #[inline]
    pub fn read(text: &[u8]) -> Self {
        let Some(first) = text.first_chunk::<8>() else {
            let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
            return NameHead::of(text.get(..end).unwrap_or_default());
        };
        let word = u64::from_le_bytes(*first);
        // The lowest set bit marks the lowest zero byte.
        let zeros = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
        if zeros == 0 {
            return NameHead(word);
        }
        let kept = zeros.trailing_zeros() & !7;
        NameHead(word & ((1u64 << kept) - 1))
    }

    /// Whether the name may begin with `prefix`: certain up to [`NameHead::LENGTH`] bytes.
    #[inline]
    pub const fn begins(self, prefix: &[u8]) -> bool {
        let length = if prefix.len() < Self::LENGTH { prefix.len() } else { Self::LENGTH };
        if length == 0 {
            return true;
        }
        (self.0 ^ NameHead::of(prefix).0) << (64 - 8 * length) == 0
    }

    /// Whether the name is certainly longer or other than `name`.
    #[inline]
    pub const fn is_not(self, name: &[u8]) -> bool {
        self.0 != NameHead::of(name).0
    }
}

/// A question about heads, prepared for asking it of many.
#[derive(Debug, Clone, Copy)]
pub struct HeadFilter {
    mask: u64,
    value: u64,
}

impl HeadFilter {
    /// Names that may be `name`.
    pub const fn is(name: &[u8]) -> Self {
        HeadFilter { mask: u64::MAX, value: NameHead::of(name).0 }
    }

    /// Names that may begin with `prefix`.
    pub const fn begins(prefix: &[u8]) -> Self {
        let unseen = NameHead::LENGTH.saturating_sub(prefix.len());
        let mask = if unseen >= NameHead::LENGTH { 0 } else { u64::MAX >> (8 * unseen) };
        HeadFilter { mask, value: NameHead::of(prefix).0 }
    }

    /// Whether a name with this head may be one of them.
    #[inline]
    pub const fn passes(self, head: NameHead) -> bool {
        head.0 & self.mask == self.value
    }
}

#[cfg(test)]
mod tests {
    use super::{HeadFilter, NameHead};

    #[test]
    fn heads_of_short_and_long_names() {
        for text in
            [&b"\0"[..], b".text\0.data\0", b".text", b".eh_frame\0", b".rodata\0xyz", b".groups1\0", b""]
        {
            let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
            let name = &text[..end];
            let head = NameHead::read(text);
            assert_eq!(head, NameHead::of(name), "{text:?}");
            assert!(!head.is_not(name));
            for length in 0..=name.len().min(8) {
                assert!(head.begins(&name[..length]));
            }
            assert!(!head.begins(b".textual"));
        }
        let head = NameHead::of(b".ctors.65535");
        assert!(HeadFilter::begins(b".ctors.").passes(head) && HeadFilter::begins(b"").passes(head));
        assert!(
            HeadFilter::begins(b".ctors.6553").passes(head) && !HeadFilter::begins(b".dtors").passes(head)
        );
        assert!(
            !HeadFilter::is(b".ctors").passes(head)
                && HeadFilter::is(b".ctors").passes(NameHead::of(b".ctors"))
        );
        assert!(NameHead::of(b".text").is_not(b".text."));
        assert!(!NameHead::of(b".text").begins(b".text."));
    }
}

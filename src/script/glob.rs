//! Patterns for section, file and symbol names, matched exactly as each linker does.
//!
//! In: pattern bytes and whose rules. Out: [`Pattern`] (exact, prefix/suffix, or general) and
//! [`PatternSet`], which finds all matching patterns of a name without trying each. Matching keeps
//! at most one retry point, so time is bounded by pattern times name length.

use bstr::{BStr, BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::error::{Error, Result};

/// Whose glob language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// POSIX `fnmatch(pattern, name, 0)` as glibc does it.
    Posix,
    /// The same with `FNM_NOESCAPE` (gold's version scripts).
    PosixNoEscape,
    /// LLVM's `GlobPattern` without brace expansion (lld).
    Llvm,
    /// mold 1.10's `Glob`: backslash only inside brackets, `!` does not negate.
    Mold,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Byte(u8),
    One,
    Star,
    Set(Box<[u64; 4]>),
}

impl Item {
    fn takes(&self, b: u8) -> bool {
        match self {
            Item::Byte(own) => *own == b,
            Item::One => true,
            Item::Star => false,
            Item::Set(bits) => bits.get(usize::from(b >> 6)).is_some_and(|word| word >> (b & 63) & 1 == 1),
        }
    }
}

/// A compiled glob of one syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Glob {
    items: Vec<Item>,
    /// It can match nothing (glibc: a trailing backslash, an unknown character class).
    never: bool,
}

fn set_bit(bits: &mut [u64; 4], b: u8) {
    if let Some(word) = bits.get_mut(usize::from(b >> 6)) {
        *word |= 1 << (b & 63);
    }
}

fn set_range(bits: &mut [u64; 4], from: u8, to: u8) {
    (from..=to).for_each(|b| set_bit(bits, b));
}

fn flip(bits: &mut [u64; 4]) {
    bits.iter_mut().for_each(|word| *word = !*word);
}

impl Glob {
    fn compile(pattern: &[u8], syntax: Syntax) -> Result<Glob> {
        let mut glob = Glob { items: Vec::new(), never: false };
        let mut rest = pattern;
        while let Some((&b, tail)) = rest.split_first() {
            rest = tail;
            match b {
                b'*' => {
                    if glob.items.last() != Some(&Item::Star) {
                        glob.items.push(Item::Star);
                    }
                }
                b'?' => glob.items.push(Item::One),
                b'[' => {
                    let (item, after) = match syntax {
                        Syntax::Posix | Syntax::PosixNoEscape => {
                            match posix_set(tail, syntax == Syntax::Posix) {
                                PosixSet::Set(bits, after) => (Item::Set(bits), after),
                                PosixSet::Literal => (Item::Byte(b'['), tail),
                                PosixSet::Never => {
                                    glob.never = true;
                                    return Ok(glob);
                                }
                            }
                        }
                        Syntax::Llvm => llvm_set(tail).ok_or_else(|| invalid(pattern))?,
                        Syntax::Mold => mold_set(tail).ok_or_else(|| invalid(pattern))?,
                    };
                    glob.items.push(item);
                    rest = after;
                }
                b'\\' if matches!(syntax, Syntax::Posix | Syntax::Llvm) => match tail.split_first() {
                    Some((&literal, after)) => {
                        glob.items.push(Item::Byte(literal));
                        rest = after;
                    }
                    None if syntax == Syntax::Llvm => return Err(invalid(pattern)),
                    None => glob.never = true,
                },
                other => glob.items.push(Item::Byte(other)),
            }
        }
        Ok(glob)
    }

    fn matches(&self, name: &[u8]) -> bool {
        if self.never {
            return false;
        }
        let (mut at, mut item) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.items.get(item), name.get(at)) {
                (None, None) => return true,
                (Some(Item::Star), _) => {
                    item += 1;
                    if item == self.items.len() {
                        return true;
                    }
                    retry = Some((at, item));
                    continue;
                }
                (Some(one), Some(&b)) if one.takes(b) => {
                    at += 1;
                    item += 1;
                    continue;
                }
                _ => {}
            }
            match retry.as_mut() {
                Some((from, after)) if *from < name.len() => {
                    *from += 1;
                    at = *from;
                    item = *after;
                }
                _ => return false,
            }
        }
    }
}

fn invalid(pattern: &[u8]) -> Error {
    Error::new("", format!("invalid glob pattern: {}", pattern.as_bstr()))
}

enum PosixSet<'a> {
    Set(Box<[u64; 4]>, &'a [u8]),
    /// No closing bracket: the `[` stands for itself.
    Literal,
    Never,
}

/// A bracket expression after its `[`, in the C locale.
fn posix_set(body: &[u8], escapes: bool) -> PosixSet<'_> {
    let mut bits = Box::new([0u64; 4]);
    let mut rest = body;
    let negate = matches!(rest.first(), Some(b'!' | b'^'));
    if negate {
        rest = rest.get(1..).unwrap_or_default();
    }
    let mut first = true;
    loop {
        let Some((&b, tail)) = rest.split_first() else { return PosixSet::Literal };
        rest = tail;
        if b == b']' && !first {
            if negate {
                flip(&mut bits);
            }
            return PosixSet::Set(bits, rest);
        }
        first = false;
        let mut from = b;
        if b == b'\\' && escapes {
            let Some((&literal, after)) = rest.split_first() else { return PosixSet::Never };
            from = literal;
            rest = after;
        } else if b == b'[' && rest.first() == Some(&b':') {
            let name = rest.get(1..).unwrap_or_default();
            let length = name.iter().take_while(|b| (b'a'..=b'y').contains(b)).count();
            if name.get(length..).is_some_and(|t| t.starts_with(b":]")) {
                if !set_class(&mut bits, name.get(..length).unwrap_or_default()) {
                    return PosixSet::Never;
                }
                rest = name.get(length + 2..).unwrap_or_default();
                continue;
            }
        } else if let (b'[', Some(&mark @ (b'=' | b'.'))) = (b, rest.first()) {
            // An equivalence class or collating symbol of one byte.
            match rest {
                [_, literal, m, b']', after @ ..] if *m == mark => {
                    from = *literal;
                    rest = after;
                    if mark == b'=' {
                        set_bit(&mut bits, from);
                        continue;
                    }
                }
                [_, _, ..] if mark == b'=' => return PosixSet::Never,
                _ => {}
            }
        }
        match rest {
            [b'-', end, after @ ..] if *end != b']' => {
                let mut to = *end;
                rest = after;
                if to == b'\\' && escapes {
                    let Some((&literal, after)) = rest.split_first() else { return PosixSet::Never };
                    to = literal;
                    rest = after;
                } else if let (b'[', [b'.', literal, b'.', b']', after @ ..]) = (to, rest) {
                    to = *literal;
                    rest = after;
                }
                set_range(&mut bits, from, to);
            }
            _ => set_bit(&mut bits, from),
        }
    }
}

fn set_class(bits: &mut [u64; 4], name: &[u8]) -> bool {
    let test: fn(u8) -> bool = match name {
        b"alpha" => |b| b.is_ascii_alphabetic(),
        b"digit" => |b| b.is_ascii_digit(),
        b"alnum" => |b| b.is_ascii_alphanumeric(),
        b"upper" => |b| b.is_ascii_uppercase(),
        b"lower" => |b| b.is_ascii_lowercase(),
        b"space" => |b| b.is_ascii_whitespace() || b == 0x0b,
        b"blank" => |b| b == b' ' || b == b'\t',
        b"punct" => |b| b.is_ascii_punctuation(),
        b"print" => |b| b.is_ascii_graphic() || b == b' ',
        b"graph" => |b| b.is_ascii_graphic(),
        b"cntrl" => |b| b.is_ascii_control(),
        b"xdigit" => |b| b.is_ascii_hexdigit(),
        _ => return false,
    };
    (0..=255u8).filter(|b| test(*b)).for_each(|b| set_bit(bits, b));
    true
}

/// LLVM: `]` may come first, no escapes inside, a descending range is an error.
fn llvm_set(body: &[u8]) -> Option<(Item, &[u8])> {
    let close = body.get(1..)?.find_byte(b']')? + 1;
    let mut chars = body.get(..close)?;
    let negate = matches!(chars.first(), Some(b'^' | b'!'));
    if negate {
        chars = chars.get(1..)?;
    }
    let mut bits = Box::new([0u64; 4]);
    while let Some((&from, tail)) = chars.split_first() {
        match tail {
            [b'-', to, after @ ..] => {
                if from > *to {
                    return None;
                }
                set_range(&mut bits, from, *to);
                chars = after;
            }
            _ => {
                set_bit(&mut bits, from);
                chars = tail;
            }
        }
    }
    if negate {
        flip(&mut bits);
    }
    Some((Item::Set(bits), body.get(close + 1..)?))
}

/// mold: only `^` negates, backslash escapes, an empty set is possible.
fn mold_set(body: &[u8]) -> Option<(Item, &[u8])> {
    let mut bits = Box::new([0u64; 4]);
    let negate = body.first() == Some(&b'^');
    let mut rest = if negate { body.get(1..)? } else { body };
    loop {
        match rest {
            [] => return None,
            [b']', after @ ..] => {
                if negate {
                    flip(&mut bits);
                }
                return Some((Item::Set(bits), after));
            }
            _ => {}
        }
        if let [b'\\', after @ ..] = rest {
            rest = after;
        }
        match rest {
            [] => return None,
            [from, b'-', to, after @ ..] => {
                let (mut to, mut after) = (*to, after);
                if to == b'\\' {
                    let (&literal, tail) = after.split_first()?;
                    to = literal;
                    after = tail;
                }
                if to < *from {
                    return None;
                }
                set_range(&mut bits, *from, to);
                rest = after;
            }
            [one, after @ ..] => {
                set_bit(&mut bits, *one);
                rest = after;
            }
        }
    }
}

/// How the bytes between a pattern's literal ends are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Middle {
    /// The name is exactly the prefix.
    Exact,
    /// Anything; `overlap` lets prefix and suffix share bytes (ld 2.40's `spec_match` defect).
    Anything { overlap: bool },
    /// A glob over the name from byte `skip` on.
    Glob { glob: Glob, skip: usize },
}

/// One compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    prefix: BString,
    suffix: BString,
    middle: Middle,
}

/// Whether ld and gold take `text` for a pattern at all: one of `?*[` in it. A backslash alone
/// does not make one (GS 9.2).
pub fn is_wildcard(text: &[u8]) -> bool {
    text.find_byteset("?*[").is_some()
}

impl Pattern {
    /// Matches exactly `text`.
    pub fn literal(text: &[u8]) -> Pattern {
        Pattern { prefix: text.into(), suffix: BString::default(), middle: Middle::Exact }
    }

    /// Matches every name.
    pub fn every() -> Pattern {
        Pattern {
            prefix: BString::default(),
            suffix: BString::default(),
            middle: Middle::Anything { overlap: false },
        }
    }

    /// A glob of the given syntax.
    ///
    /// Errors: LLVM and mold refuse malformed brackets and stray backslashes.
    pub fn glob(text: &[u8], syntax: Syntax) -> Result<Pattern> {
        let glob = Glob::compile(text, syntax)?;
        let byte = |item: &Item| match item {
            Item::Byte(b) => Some(*b),
            _ => None,
        };
        let prefix: Vec<u8> = glob.items.iter().map_while(byte).collect();
        if glob.never {
            return Ok(Pattern {
                prefix: prefix.into(),
                suffix: BString::default(),
                middle: Middle::Glob { glob, skip: 0 },
            });
        }
        if prefix.len() == glob.items.len() {
            return Ok(Pattern { prefix: prefix.into(), suffix: BString::default(), middle: Middle::Exact });
        }
        let mut suffix: Vec<u8> = glob.items.iter().rev().map_while(byte).collect();
        suffix.reverse();
        let one_star = glob.items.len() == prefix.len() + suffix.len() + 1
            && glob.items.get(prefix.len()) == Some(&Item::Star);
        let middle =
            if one_star { Middle::Anything { overlap: false } } else { Middle::Glob { glob, skip: 0 } };
        Ok(Pattern { prefix: prefix.into(), suffix: suffix.into(), middle })
    }

    /// gold: `fnmatch` if there is a wildcard, else the very text.
    pub fn gold(text: &[u8]) -> Pattern {
        if is_wildcard(text) { Pattern::posix(text) } else { Pattern::literal(text) }
    }

    fn posix(text: &[u8]) -> Pattern {
        // POSIX patterns always compile.
        Pattern::glob(text, Syntax::Posix).unwrap_or_else(|_| Pattern::literal(text))
    }

    /// ld's `name_match` for file names: `abcd*` compares the text before the star as it stands,
    /// other wildcards go to `fnmatch`.
    pub fn bfd_file(text: &[u8]) -> Pattern {
        match text.find_byteset("*?[") {
            None => Pattern::literal(text),
            Some(at) if at >= 4 && at + 1 == text.len() && text.last() == Some(&b'*') => Pattern {
                prefix: text.get(..at).unwrap_or_default().into(),
                suffix: BString::default(),
                middle: Middle::Anything { overlap: false },
            },
            Some(_) => Pattern::posix(text),
        }
    }

    /// ld 2.40's section name patterns (`spec_match`): literal ends are compared as they stand,
    /// backslashes included, and may overlap around a single star.
    pub fn bfd_section(text: &[u8]) -> Pattern {
        let Some(start) = text.find_byteset("?*[") else { return Pattern::literal(text) };
        let tail = text.get(start..).unwrap_or_default();
        let suffix_length = tail.iter().rev().take_while(|b| !matches!(b, b'?' | b'*' | b']')).count();
        let prefix: BString = text.get(..start).unwrap_or_default().into();
        let suffix: BString = tail.get(tail.len() - suffix_length..).unwrap_or_default().into();
        let one_star = text.len() == start + suffix_length + 1 && tail.first() == Some(&b'*');
        let middle = if one_star {
            Middle::Anything { overlap: true }
        } else {
            match Glob::compile(tail, Syntax::Posix) {
                Ok(glob) => Middle::Glob { glob, skip: start },
                Err(_) => Middle::Exact,
            }
        };
        Pattern { prefix, suffix, middle }
    }

    /// lld: an LLVM glob; a file pattern in quotes is literal.
    ///
    /// Errors: a malformed glob.
    pub fn lld(text: &[u8], literal: bool) -> Result<Pattern> {
        if literal { Ok(Pattern::literal(text)) } else { Pattern::glob(text, Syntax::Llvm) }
    }

    /// Whether `name` matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        match &self.middle {
            Middle::Exact => name == self.prefix.as_slice(),
            Middle::Anything { overlap } => {
                name.starts_with(&self.prefix)
                    && name.ends_with(&self.suffix)
                    && (*overlap || name.len() >= self.prefix.len() + self.suffix.len())
            }
            Middle::Glob { glob, skip } => {
                name.starts_with(&self.prefix)
                    && name.ends_with(&self.suffix)
                    && name.get(*skip..).is_some_and(|rest| glob.matches(rest))
            }
        }
    }

    /// The only name it matches, if there is just one.
    pub fn exact(&self) -> Option<&BStr> {
        (self.middle == Middle::Exact).then(|| self.prefix.as_bstr())
    }

    /// Whether it matches every name (`*`).
    pub fn is_every(&self) -> bool {
        matches!(self.middle, Middle::Anything { .. }) && self.prefix.is_empty() && self.suffix.is_empty()
    }
}

/// Patterns grouped by what is literal in them.
#[derive(Debug, Clone, Default)]
struct Buckets {
    rows: HashMap<BString, Vec<u32>, FixedState>,
    /// The distinct key lengths, ascending.
    lengths: Vec<usize>,
}

impl Buckets {
    fn add(&mut self, key: &BString, row: u32) {
        if let Err(at) = self.lengths.binary_search(&key.len()) {
            self.lengths.insert(at, key.len());
        }
        self.rows.entry(key.clone()).or_default().push(row);
    }

    fn get(&self, key: &[u8]) -> &[u32] {
        self.rows.get(key.as_bstr()).map_or(&[], Vec::as_slice)
    }

    /// Rows of every key that `name` begins with.
    fn of_start(&self, name: &[u8]) -> impl Iterator<Item = &[u32]> {
        self.lengths.iter().map_while(|&length| name.get(..length)).map(|key| self.get(key))
    }

    /// Rows of every key that `name` ends with.
    fn of_end(&self, name: &[u8]) -> impl Iterator<Item = &[u32]> {
        let lengths = self.lengths.iter().take_while(|&&length| length <= name.len());
        lengths.map(|&length| self.get(name.get(name.len() - length..).unwrap_or_default()))
    }
}

/// Many patterns; finds those that match a name, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct PatternSet {
    patterns: Vec<Pattern>,
    exact: Buckets,
    prefixes: Buckets,
    suffixes: Buckets,
    others: Vec<u32>,
}

impl PatternSet {
    /// An empty set.
    pub fn new() -> Self {
        PatternSet::default()
    }

    /// Adds a pattern; its number is the count of those before it.
    pub fn push(&mut self, pattern: Pattern) -> u32 {
        let row = u32::try_from(self.patterns.len()).unwrap_or(u32::MAX);
        if pattern.middle == Middle::Exact {
            self.exact.add(&pattern.prefix, row);
        } else if pattern.prefix.is_empty() && pattern.suffix.is_empty() {
            self.others.push(row);
        } else if pattern.prefix.len() >= pattern.suffix.len() {
            self.prefixes.add(&pattern.prefix, row);
        } else {
            // The longer end tells more patterns apart.
            self.suffixes.add(&pattern.suffix, row);
        }
        self.patterns.push(pattern);
        row
    }

    /// The pattern of a number.
    pub fn get(&self, row: u32) -> Option<&Pattern> {
        self.patterns.get(row as usize)
    }

    /// Number of patterns.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether any pattern matches `name`.
    pub fn matches(&self, name: &[u8]) -> bool {
        let any = |rows: &[u32]| rows.iter().any(|&row| self.get(row).is_some_and(|p| p.matches(name)));
        !self.exact.get(name).is_empty()
            || self.prefixes.of_start(name).any(any)
            || self.suffixes.of_end(name).any(any)
            || any(&self.others)
    }

    /// Numbers of all patterns that match `name`, ascending.
    pub fn matching(&self, name: &[u8]) -> Vec<u32> {
        let mut rows = self.exact.get(name).to_vec();
        let mut verify = |candidates: &[u32]| {
            rows.extend(
                candidates.iter().copied().filter(|&row| self.get(row).is_some_and(|p| p.matches(name))),
            );
        };
        self.prefixes.of_start(name).for_each(&mut verify);
        self.suffixes.of_end(name).for_each(&mut verify);
        verify(&self.others);
        rows.sort_unstable();
        rows
    }
}

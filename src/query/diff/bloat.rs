//! Symbol sizes of two images, added up by name, in the manner of the kernel's `bloat-o-meter`: the
//! same names, sums, order and counts.
//!
//! In: two images. Out: [`SymbolTable`]s. Only symbols whose letter is asked for count (so no weak
//! ones); names that tools number or generate are joined or left out. Always true: `up - down` is
//! `after - before`.

use std::collections::BTreeMap;

use bstr::BString;

use crate::load::image::Image;

/// Which symbols a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbols {
    /// Code, data, zeroed and read-only data.
    All,
    /// Code.
    Functions,
    /// Data, read-only data included.
    AllData,
    /// Data that can be written.
    Data,
    /// Read-only data.
    ReadOnly,
}

impl Symbols {
    /// The letters of `nm`.
    fn letters(self) -> &'static [u8] {
        match self {
            Symbols::All => b"tTdDbBrR",
            Symbols::Functions => b"tT",
            Symbols::AllData => b"dDbBrR",
            Symbols::Data => b"dDbB",
            Symbols::ReadOnly => b"rR",
        }
    }

    /// The heading of the first column.
    pub fn heading(self) -> &'static str {
        match self {
            Symbols::All | Symbols::Functions => "Function",
            Symbols::AllData | Symbols::Data => "Data",
            Symbols::ReadOnly => "RO Data",
        }
    }
}

/// One name that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolRow {
    /// The name, numbers taken off.
    pub name: BString,
    /// Bytes before; `None` if there was none.
    pub old: Option<u64>,
    /// Bytes after.
    pub new: Option<u64>,
}

impl SymbolRow {
    /// The change.
    pub fn delta(&self) -> i128 {
        i128::from(self.new.unwrap_or(0)) - i128::from(self.old.unwrap_or(0))
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolTable {
    /// What it is about.
    pub symbols: Symbols,
    /// Names that are new, gone, bigger, smaller.
    pub added: u64,
    /// Names that are gone.
    pub removed: u64,
    /// Names that are bigger.
    pub grown: u64,
    /// Names that are smaller.
    pub shrunk: u64,
    /// Bytes of what is new or bigger.
    pub up: u64,
    /// Bytes of what is gone or smaller.
    pub down: u64,
    /// All bytes before.
    pub before: u64,
    /// All bytes after.
    pub after: u64,
    /// Names whose bytes differ: biggest growth first, of equal ones the greater name.
    pub rows: Vec<SymbolRow>,
}

/// Compares two images.
pub fn compare(old: &Image<'_>, new: &Image<'_>, symbols: Symbols) -> SymbolTable {
    let (old, new) = (sizes(old, symbols), sizes(new, symbols));
    let mut table = SymbolTable {
        symbols,
        added: 0,
        removed: 0,
        grown: 0,
        shrunk: 0,
        up: 0,
        down: 0,
        before: old.values().fold(0, |a, b| a.saturating_add(*b)),
        after: new.values().fold(0, |a, b| a.saturating_add(*b)),
        rows: Vec::new(),
    };
    let names: std::collections::BTreeSet<&BString> = old.keys().chain(new.keys()).collect();
    for name in names {
        let row = SymbolRow { name: name.clone(), old: old.get(name).copied(), new: new.get(name).copied() };
        let (was, is) = (row.old.unwrap_or(0), row.new.unwrap_or(0));
        table.up = table.up.saturating_add(is.saturating_sub(was));
        table.down = table.down.saturating_add(was.saturating_sub(is));
        match (row.old, row.new) {
            (None, _) => table.added += 1,
            (_, None) => table.removed += 1,
            _ if is > was => table.grown += 1,
            _ if is < was => table.shrunk += 1,
            _ => {}
        }
        if is != was {
            table.rows.push(row);
        }
    }
    table.rows.sort_by(|a, b| (b.delta(), &b.name).cmp(&(a.delta(), &a.name)));
    table
}

fn sizes(image: &Image<'_>, symbols: Symbols) -> BTreeMap<BString, u64> {
    let mut sums: BTreeMap<BString, u64> = BTreeMap::new();
    for symbol in image.symbols().filter(|s| symbols.letters().contains(&s.letter)) {
        if is_left_out(symbol.name) {
            continue;
        }
        let sum = sums.entry(without_numbers(symbol.name)).or_insert(0);
        *sum = sum.saturating_add(symbol.size);
    }
    sums
}

/// Names that build tools generate, and those that a line of `nm` cannot carry (a colon ends it, a
/// blank divides it).
fn is_left_out(name: &[u8]) -> bool {
    let generated: [&[u8]; 4] = [b"__mod_", b"__se_sys", b"__se_compat_sys", b"__addressable_"];
    generated.iter().any(|p| name.starts_with(p))
        || name == b"linux_banner"
        || name == b"vermagic"
        || name.is_empty()
        || name.iter().any(|b| *b == b':' || b.is_ascii_whitespace())
}

/// A name without `.123` anywhere in it.
fn without_numbers(name: &[u8]) -> BString {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.iter().take_while(|b| b.is_ascii_digit()).count();
        if first == b'.' && digits > 0 {
            rest = tail.get(digits..).unwrap_or(&[]);
        } else {
            out.push(first);
            rest = tail;
        }
    }
    BString::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_words_stay() {
        assert_eq!(without_numbers(b"foo.isra.0"), "foo.isra");
        assert_eq!(without_numbers(b"__key.12345"), "__key");
        assert_eq!(without_numbers(b"a.1.2b.c."), "ab.c.");
    }

    #[test]
    fn generated_names_are_left_out() {
        assert!(is_left_out(b"__se_sys_open") && is_left_out(b"vermagic") && is_left_out(b"a:b"));
        assert!(!is_left_out(b"vermagic2"));
    }
}

//! Which symbol before is which symbol now: the same name in the same file; the same name in another
//! file; a name that differs in a number or hash only; in one file the only two of one size.
//!
//! In: two sides. Out: [`Row`]s. Always true: every item of both sides is in exactly one row.

use std::collections::BTreeMap;

use bstr::BString;

use super::names::stem;
use super::{PartKind, Row, Side, SideKind, Sums, special};

/// Two symbols of one file are taken for one that was renamed if no other has their size, and if
/// there are at least this many bytes.
const RENAMED_FROM: u64 = 32;

struct Item {
    kind: PartKind,
    /// The file by the label that both sides have for it.
    file: BString,
    /// By its own.
    label: BString,
    /// Empty for bytes that no symbol covers.
    symbol: BString,
    /// The input section of those.
    input: BString,
    sums: Sums,
}

impl Item {
    fn name(&self) -> BString {
        match special(self.kind) {
            Some(word) => BString::from(word),
            None if self.symbol.is_empty() => BString::from(format!("({})", self.input)),
            None => self.symbol.clone(),
        }
    }
}

/// The items of a side, in order of file and name.
fn items(side: &Side, files: bool) -> Vec<Item> {
    let mut sums: BTreeMap<(PartKind, u32, u32, u32), Sums> = BTreeMap::new();
    for part in &side.parts {
        let key = if part.kind == PartKind::Content {
            let file = if files { part.file } else { 0 };
            let rest = if files { part.input } else { part.output };
            (part.kind, file, part.symbol, if part.symbol == 0 { rest } else { 0 })
        } else {
            (part.kind, 0, 0, 0)
        };
        sums.entry(key).or_default().add(part.class, part.bytes);
    }
    let text = |number: u32| BString::from(side.text(number));
    let mut items: Vec<Item> = sums
        .into_iter()
        .map(|((kind, file, symbol, input), sums)| Item {
            kind,
            file: BString::from(side.common_label(file)),
            label: text(file),
            symbol: text(symbol),
            input: text(input),
            sums,
        })
        .collect();
    items.sort_by(|a, b| (a.kind, &a.file, &a.symbol, &a.input).cmp(&(b.kind, &b.file, &b.symbol, &b.input)));
    items
}

struct Matcher {
    old: Vec<Item>,
    new: Vec<Item>,
    /// By old item: the new one.
    pairs: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Matcher {
    /// Pairs what is left and has equal keys, in order; `alone`: only where both keys are unique.
    fn pass<K: Ord>(&mut self, alone: bool, key: impl Fn(&Item) -> Option<K>) {
        let mut left: BTreeMap<K, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (number, item) in self.old.iter().enumerate() {
            if self.pairs.get(number).is_some_and(Option::is_none)
                && let Some(key) = key(item)
            {
                left.entry(key).or_default().0.push(number);
            }
        }
        for (number, item) in self.new.iter().enumerate() {
            if self.taken.get(number) == Some(&false)
                && let Some(key) = key(item)
                && let Some((_, list)) = left.get_mut(&key)
            {
                list.push(number);
            }
        }
        for (before, now) in left.into_values() {
            if alone && (before.len() != 1 || now.len() != 1) {
                continue;
            }
            for (from, to) in before.into_iter().zip(now) {
                if let (Some(pair), Some(taken)) = (self.pairs.get_mut(from), self.taken.get_mut(to)) {
                    *pair = Some(to);
                    *taken = true;
                }
            }
        }
    }
}

/// Rows by symbol.
pub(super) fn symbols(old: &Side, new: &Side) -> Vec<Row> {
    // An image does not know its files.
    let files = old.kind == SideKind::Link && new.kind == SideKind::Link;
    let (old, new) = (items(old, files), items(new, files));
    let (pairs, taken) = (vec![None; old.len()], vec![false; new.len()]);
    let mut matcher = Matcher { old, new, pairs, taken };
    let named = |i: &Item| i.kind == PartKind::Content && !i.symbol.is_empty();
    matcher.pass(false, |i| Some((i.kind, i.file.clone(), i.symbol.clone(), i.input.clone())));
    matcher.pass(true, |i| named(i).then(|| i.symbol.clone()));
    matcher.pass(false, |i| named(i).then(|| (i.file.clone(), stem(&i.symbol))));
    matcher.pass(true, |i| named(i).then(|| stem(&i.symbol)));
    let rest = |i: &Item| i.kind == PartKind::Content && i.symbol.is_empty();
    matcher.pass(false, |i| rest(i).then(|| (i.file.clone(), stem(&i.input))));
    let big = |i: &Item| files && named(i) && i.sums.dec() >= RENAMED_FROM;
    matcher.pass(true, |i| big(i).then(|| (i.file.clone(), (i.sums.text, i.sums.data, i.sums.bss))));

    let Matcher { old, new, pairs, taken } = matcher;
    let mut rows = Vec::with_capacity(old.len());
    for (item, pair) in old.iter().zip(&pairs) {
        let now = pair.and_then(|p| new.get(p));
        let shown = now.unwrap_or(item);
        let (name, was) = (shown.name(), item.name());
        rows.push(Row {
            was: (was != name).then_some(was),
            was_in: (item.file != shown.file).then(|| item.label.clone()),
            name,
            file: shown.label.clone(),
            old: Some(item.sums),
            new: now.map(|n| n.sums),
        });
    }
    for (item, taken) in new.iter().zip(taken) {
        if !taken {
            rows.push(Row {
                name: item.name(),
                file: item.label.clone(),
                new: Some(item.sums),
                ..Row::default()
            });
        }
    }
    rows
}

//! What became of every section of a saved link after changes.
//!
//! In: a portrait and [`Changed`]. Out: [`WhatIf`], as from two analyses of the link.

use std::collections::BTreeMap;

use super::super::compare::{Commons, Row, WhatIf, balance, commons_rows};
use super::{Changed, node};
use crate::graph::Class;
use crate::ids::{FileId, Id};
use crate::query::fate::Fate;
use crate::query::finished::Finished;
use crate::query::portrait::codes::{self, ExtraKind};
use crate::query::portrait::{Member, NONE, Portrait};
use crate::query::totals::Amount;

impl Changed {
    /// The fates of all sections after the changes.
    pub fn fates(&self, p: &Portrait<'_>) -> Vec<Fate> {
        let fate = |section: usize| {
            let row = section as u32;
            let was = p.fate(row);
            let class = codes::class(p.kinds.class.at(p.kind(row)));
            match was {
                Fate::Kept | Fate::Dropped if class == Class::Node && p.head.collects => {
                    if self.live.contains(section) { Fate::Kept } else { Fate::Dropped }
                }
                _ => was,
            }
        };
        (0..p.section_count()).map(fate).collect()
    }

    /// Compares with the link as it was saved.
    pub fn compare(&self, p: &Portrait<'_>) -> WhatIf {
        let fates = self.fates(p);
        let mut answer = WhatIf {
            applied: self.applied.clone(),
            before: p.head.totals,
            after: p.head.totals,
            commons: (p.head.commons_kept, Amount::default()),
            commons_dropped: (p.head.commons_dropped, Amount::default()),
            collects: p.head.collects,
            ..WhatIf::default()
        };
        self.rows(p, &fates, &mut answer);
        self.totals(p, &fates, &mut answer);
        balance(&answer);
        let live = p.live();
        let before = commons(p, |n| live.contains(n));
        let after = commons(p, |n| self.live.contains(n));
        for &(size, lives) in after.1.iter() {
            let amount = if lives { &mut answer.commons.1 } else { &mut answer.commons_dropped.1 };
            amount.add(size);
        }
        commons_rows(&before.0, &after.0, &mut answer);
        answer
    }

    /// Sections whose fate changes, in order.
    fn rows(&self, p: &Portrait<'_>, fates: &[Fate], answer: &mut WhatIf) {
        type Best<'p> = (u32, u32, Vec<Option<&'p [u8]>>);
        let mut best: Option<Best<'_>> = None;
        for (row, &is) in (0u32..).zip(fates) {
            let was = p.fate(row);
            if (was == Fate::Kept) == (is == Fate::Kept) {
                continue;
            }
            let file = p.file_of(row);
            if p.is_stand_in(FileId(file)) {
                continue;
            }
            let known = best.take().filter(|(own, ..)| *own == file);
            let (_, base, names) = best.insert(known.unwrap_or_else(|| {
                let (base, names) = p.best_names(FileId(file));
                (file, base, names)
            }));
            let symbol = row.checked_sub(*base).and_then(|at| names.get(at as usize).copied().flatten());
            let Member { path, member } = p.member(file);
            let (archive, own) = member.map_or((&b""[..], path), |member| (path, member));
            let found = Row {
                section: p.section_name(row).into(),
                index: p.sections.index.at(row as usize),
                symbol: symbol.unwrap_or_default().into(),
                file: own.into(),
                archive: archive.into(),
                kind: p.sort(row),
                bytes: p.size(row),
                was,
                is,
            };
            if was == Fate::Kept { answer.dies.push(found) } else { answer.lives.push(found) }
        }
    }

    /// Totals after the changes.
    fn totals(&self, p: &Portrait<'_>, fates: &[Fate], answer: &mut WhatIf) {
        let mut whole = Vec::new();
        let mut rows = std::collections::HashSet::new();
        for &(row, root) in &self.roots {
            let class = || codes::class(p.kinds.class.at(p.kind(root.node.0)));
            if row != NONE {
                rows.insert(row);
            } else if p.is_section(root.node.0) && class() == Class::Pieces {
                whole.push(root.node.0);
            }
        }
        let mut pieces = 0u64;
        for (section, bytes) in p.shrunk(fates, &self.live, &|row| rows.contains(&row), &whole, &self.cuts) {
            let kept = fates.get(section as usize) == Some(&Fate::Kept);
            if kept && !p.is_stand_in(FileId(p.file_of(section))) {
                pieces = pieces.saturating_add(bytes.min(p.size(section)));
            }
        }
        let after = &mut answer.after;
        // All bytes of kept sections first, the pieces that go from them last.
        after.kept.bytes = after.kept.bytes.saturating_add(after.dropped_pieces);
        let change = |rows: &[Row], from: &mut Amount, to: &mut Amount| {
            let amount = WhatIf::amount(rows);
            from.sections = from.sections.saturating_sub(amount.sections);
            from.bytes = from.bytes.saturating_sub(amount.bytes);
            to.sections += amount.sections;
            to.bytes = to.bytes.saturating_add(amount.bytes);
        };
        change(&answer.dies, &mut after.kept, &mut after.dropped);
        change(&answer.lives, &mut after.dropped, &mut after.kept);
        after.kept.bytes = after.kept.bytes.saturating_sub(pieces);
        after.dropped_pieces = pieces;
    }
}

/// Commons by file and name, and one by one: bytes, and whether they live.
fn commons(p: &Portrait<'_>, live: impl Fn(usize) -> bool) -> (Commons, Vec<(u64, bool)>) {
    let (mut out, mut all) = (BTreeMap::new(), Vec::new());
    let first = p.section_count();
    for row in 0..p.extras.kind.len() {
        let name = match codes::extra(p.extras.kind.at(row)) {
            ExtraKind::CommonsOf => "COMMON".into(),
            ExtraKind::SmallCommonsOf => ".scommon".into(),
            ExtraKind::Common => p.strings.get(p.extras.name.at(row)).into(),
            _ => continue,
        };
        let lives = !p.head.collects || live(node(first + row).index());
        let size = p.extras.size.at(row);
        all.push((size, lives));
        out.insert((Finished::label(p, FileId(p.extras.file.at(row))), name), (size, lives));
    }
    (out, all)
}

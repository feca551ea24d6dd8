//! `--cut=A,B` in a saved link.
//!
//! In: two patterns. Out: edges that go. The portrait holds the first of several relocations between two sections, their number, and
//! whether all name the same symbol: a cut that these do not decide is refused.

use bstr::ByteSlice;
use fixedbitset::FixedBitSet;
use hashbrown::HashSet;

use super::super::{Applied, Change};
use super::refuse;
use crate::error::{Error, Result};
use crate::graph::EdgeKind;
use crate::ids::{Id, NodeId};
use crate::query::portrait::Portrait;
use crate::query::portrait::tables::{edge_kind, section_flags, symbol_info};
use crate::query::why::{self, SymbolPlace, What};

/// What one side of a cut names.
struct Side {
    whole: FixedBitSet,
    /// Section (or other node) and rows of the symbols in it; none: a symbol without a row.
    symbols: Vec<(u32, Vec<usize>)>,
    found: bool,
}

impl Side {
    fn of(p: &Portrait<'_>, change: &Change, pattern: &[u8]) -> Result<Side> {
        let count = p.node_count();
        let mut side = Side { whole: FixedBitSet::with_capacity(count), symbols: Vec::new(), found: false };
        for (what, nodes) in why::named(p, pattern) {
            side.found |= !nodes.is_empty() || matches!(what, What::File(_) | What::Section(_));
            match what {
                What::Symbol { name, symbol, place, .. } => {
                    let rows = |section: u32| -> Vec<usize> {
                        let same = |row: &usize| {
                            let info = p.symbols.info.at(*row);
                            let wins = info & symbol_info::WINS != 0;
                            p.symbols.name.at(*row) == symbol
                                && if name.is_some() { wins } else { info & symbol_info::LOCAL != 0 }
                        };
                        p.symbols_of(section).filter(same).collect()
                    };
                    // What a file calls it may have no version.
                    if p.strings.get(symbol).contains(&b'@') {
                        return Err(refuse(change, "it is about a symbol with a version"));
                    }
                    for node in nodes {
                        let rows = match place {
                            SymbolPlace::Section(section) => rows(section.0),
                            _ => Vec::new(),
                        };
                        side.symbols.push((node.0, rows));
                    }
                }
                _ => nodes.iter().for_each(|n| side.whole.insert(n.index())),
            }
        }
        Ok(side)
    }

    fn nodes(&self) -> FixedBitSet {
        let mut all = self.whole.clone();
        self.symbols.iter().for_each(|s| all.insert(s.0 as usize));
        all
    }

    fn rows(&self, node: u32) -> impl Iterator<Item = &Vec<usize>> {
        self.symbols.iter().filter(move |s| s.0 == node).map(|s| &s.1)
    }
}

/// What is known of some of the relocations of an edge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    None,
    First(bool),
}

/// Which of an edge's relocations lie in the symbols of its source.
fn from_here(p: &Portrait<'_>, side: &Side, node: u32, edge: usize) -> Which {
    if side.whole.contains(node as usize) {
        return Which::All;
    }
    let size = p.size(node);
    let mut first = false;
    for rows in side.rows(node) {
        if rows.is_empty() {
            return Which::All;
        }
        for &row in rows {
            let (value, long) = (p.symbols.value.at(row), p.symbols.size.at(row));
            if long == 0 || (value == 0 && long >= size) {
                return Which::All;
            }
            first |= (value..value.saturating_add(long)).contains(&p.edges.offset.at(edge));
        }
    }
    Which::First(first)
}

/// Which of an edge's relocations are against the symbols of its target.
fn to_there(p: &Portrait<'_>, side: &Side, node: u32, target: u32, edge: usize) -> Which {
    if side.whole.contains(target as usize) {
        return Which::All;
    }
    let Some(used) = p.edge_symbol(edge) else { return Which::First(false) };
    let alike = p.edges.kind.at(edge) & edge_kind::SYMBOLS == 0;
    let own = p.is_section(target) && p.is_section(node) && p.file_of(node) == p.file_of(target);
    let mut first = false;
    for rows in side.rows(target) {
        if rows.is_empty() {
            return Which::All;
        }
        for &row in rows {
            let local = p.symbols.info.at(row) & symbol_info::LOCAL != 0;
            let named = !used.sectional && p.symbols.name.at(row) == used.name && (!local || own);
            first |= named;
            if used.sectional && own {
                let at = p.edges.addend.at(edge) as i64;
                let (from, long) = (p.symbols.value.at(row) as i64, p.symbols.size.at(row) as i64);
                first |= at == from || (at > from && at < from.saturating_add(long));
            }
        }
    }
    match (alike && !used.sectional, first) {
        (true, true) => Which::All,
        (true, false) => Which::None,
        _ => Which::First(first),
    }
}

/// The edges that go, and how many relocations and other edges the change takes away.
fn collect(p: &Portrait<'_>, change: &Change, from: &[u8], to: &[u8]) -> Result<(Vec<(u32, u32)>, u64)> {
    let fail = |cause: String| Error::new(format!("option {}", change.spelled()), cause);
    let sides = [Side::of(p, change, from)?, Side::of(p, change, to)?];
    for (side, text) in sides.iter().zip([from, to]) {
        if !side.found {
            return Err(fail(format!("no section, symbol or file matches {}", text.as_bstr())));
        }
    }
    let [from, to] = &sides;
    let targets = to.nodes();
    let (mut gone, mut count) = (Vec::new(), 0u64);
    for number in from.nodes().ones() {
        let node = NodeId::from_usize(number).0;
        let lost = p.is_section(node) && p.kinds.bits.at(p.kind(node)) & section_flags::LOST != 0;
        if lost && !p.is_live(node) {
            return Err(refuse(change, "what copies that lost their group refer to is not saved"));
        }
        for edge in p.edges_of(node) {
            let Some(&target) = p.edges.target.get(edge) else { continue };
            if !targets.contains(target as usize) {
                continue;
            }
            let relocated = p.edge_kind(edge) == EdgeKind::Relocation;
            let other = !relocated || p.edges.kind.at(edge) & edge_kind::ANOTHER != 0;
            let relocations = if relocated { p.edges.count.at(edge) } else { 0 };
            count += u64::from(other);
            if relocations == 0 {
                gone.push((node, target));
                continue;
            }
            let cut = match (from_here(p, from, node, edge), to_there(p, to, node, target, edge)) {
                (Which::All, Which::All) => relocations,
                (Which::None, _) | (_, Which::None) => 0,
                (Which::All, Which::First(one)) | (Which::First(one), Which::All) if relocations == 1 => {
                    u32::from(one)
                }
                (Which::First(a), Which::First(b)) if relocations == 1 => u32::from(a && b),
                _ => {
                    let name = String::from_utf8_lossy(p.section_name(node)).into_owned();
                    return Err(refuse(
                        change,
                        format!("{relocations} relocations of {name} are saved as one"),
                    ));
                }
            };
            count += u64::from(cut);
            if cut == relocations {
                gone.push((node, target));
            }
        }
    }
    Ok((gone, count))
}

/// How many edges a cut takes away.
pub(super) fn matching(p: &Portrait<'_>, change: &Change, from: &[u8], to: &[u8]) -> Result<Applied> {
    let (_, count) = collect(p, change, from, to)?;
    if count == 0 {
        let cause = "nothing of the first refers to anything of the second";
        return Err(Error::new(format!("option {}", change.spelled()), cause));
    }
    let mut applied = Applied::of(change, "edges", Vec::new());
    applied.count = count;
    Ok(applied)
}

/// The edges that all cuts take away.
pub(super) fn find(p: &Portrait<'_>, changes: &[Change]) -> Result<HashSet<(u32, u32)>> {
    let mut gone = HashSet::new();
    for change in changes {
        if let Change::Cut(from, to) = change {
            gone.extend(collect(p, change, from, to)?.0);
        }
    }
    Ok(gone)
}

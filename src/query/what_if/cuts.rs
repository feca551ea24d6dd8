//! `--cut=A,B`: the edges from what A names to what B names.
//!
//! In: two patterns as of `why`. Out: single relocations and edges. A symbol as A stands for the relocations inside
//! it, as B for those against it (or against its place in the section); anything else for whole sections.

use fixedbitset::FixedBitSet;

use super::{Applied, Change};
use crate::error::{Error, Result};
use crate::graph::Cuts;
use crate::ids::{FileId, Id, NodeId};
use crate::load::elf::consts::STT_SECTION;
use crate::load::elf::{Object, Place, Symbol};
use crate::load::relocs::Reloc;
use crate::query::Analysis;
use crate::query::why::{self, What};

/// What one side of a cut names.
struct Side<'d> {
    /// Nodes taken whole.
    whole: FixedBitSet,
    symbols: Vec<Named<'d>>,
    found: bool,
}

/// A symbol: node, defining file and symbol number, name of a global.
type Named<'d> = (NodeId, Option<FileId>, u32, Option<&'d [u8]>);

impl<'d> Side<'d> {
    fn of(analysis: &Analysis<'d>, pattern: &[u8]) -> Side<'d> {
        let mut side = Side {
            whole: FixedBitSet::with_capacity(analysis.graph.node_count()),
            symbols: Vec::new(),
            found: false,
        };
        for (what, nodes) in why::named(analysis, pattern) {
            side.found |= !nodes.is_empty();
            match what {
                What::Symbol { name, file, symbol, .. } => {
                    let name = name.map(|n| analysis.program.name(n));
                    side.symbols.extend(nodes.into_iter().map(|n| (n, file, symbol, name)));
                }
                _ => nodes.iter().for_each(|n| side.whole.insert(n.index())),
            }
        }
        side
    }

    fn nodes(&self) -> FixedBitSet {
        let mut all = self.whole.clone();
        self.symbols.iter().for_each(|s| all.insert(s.0.index()));
        all
    }
}

fn definition(analysis: &Analysis<'_>, file: Option<FileId>, symbol: u32) -> Option<Symbol> {
    analysis.program.files[file?].object()?.symbol(symbol)
}

/// Whether a relocation lies in one of the symbols that stand for its section.
fn from_here(analysis: &Analysis<'_>, side: &Side<'_>, node: NodeId, reloc: &Reloc) -> bool {
    side.whole.contains(node.index())
        || side.symbols.iter().filter(|s| s.0 == node).any(|&(_, file, symbol, _)| {
            match definition(analysis, file, symbol) {
                Some(s) if s.size > 0 => (s.value..s.value.saturating_add(s.size)).contains(&reloc.offset),
                _ => true,
            }
        })
}

/// Whether a relocation is against one of the symbols that stand for its target.
fn to_there(
    analysis: &Analysis<'_>,
    side: &Side<'_>,
    object: &Object<'_>,
    own: FileId,
    target: NodeId,
    reloc: &Reloc,
) -> bool {
    if side.whole.contains(target.index()) {
        return true;
    }
    let Some(used) = object.symbol(reloc.symbol) else { return false };
    let used_name = object.symbol_name(used.name);
    side.symbols.iter().filter(|s| s.0 == target).any(|&(_, file, symbol, name)| {
        if name.is_some_and(|n| n == used_name) && reloc.symbol >= object.first_global {
            return true;
        }
        if file == Some(own) && symbol == reloc.symbol {
            return true;
        }
        // Against the section, or another symbol of it: by place.
        let Some(wanted) = definition(analysis, file, symbol) else { return true };
        let Place::Section(_) = used.place else { return false };
        if used.kind != STT_SECTION || file != Some(own) {
            return false;
        }
        let at = (used.value as i64).saturating_add(reloc.addend);
        let from = wanted.value as i64;
        at == from || (at > from && at < from.saturating_add(wanted.size as i64))
    })
}

fn collect(analysis: &Analysis<'_>, from: &Side<'_>, to: &Side<'_>, cuts: &mut Cuts) {
    let program = &analysis.program;
    let targets = to.nodes();
    for number in from.nodes().ones() {
        let node = NodeId::from_usize(number);
        if let Some(section) = analysis.graph.section(node) {
            let file = program.locate(section).0;
            if let Some(object) = program.files[file].object() {
                analysis.graph.for_each_relocation(program, section, |target, reloc, _| {
                    if targets.contains(target.index())
                        && from_here(analysis, from, node, &reloc)
                        && to_there(analysis, to, object, file, target, &reloc)
                    {
                        cuts.cut_relocation(section, &reloc);
                    }
                });
            }
        }
        for &(target, _) in analysis.graph.extra.of(node) {
            if targets.contains(target.index()) {
                cuts.cut_edge(node, target);
            }
        }
    }
}

/// How many edges a cut takes away.
pub(super) fn matching(analysis: &Analysis<'_>, change: &Change, from: &[u8], to: &[u8]) -> Result<Applied> {
    let fail = |cause: String| Error::new(format!("option {}", change.spelled()), cause);
    let sides = [Side::of(analysis, from), Side::of(analysis, to)];
    for (side, text) in sides.iter().zip([from, to]) {
        if !side.found {
            let text = String::from_utf8_lossy(text);
            return Err(fail(format!("no section, symbol or file matches {text}")));
        }
    }
    let mut cuts = Cuts::default();
    collect(analysis, &sides[0], &sides[1], &mut cuts);
    if cuts.is_empty() {
        return Err(fail("nothing of the first refers to anything of the second".into()));
    }
    let mut applied = Applied::of(change, "edges", Vec::new());
    applied.count = cuts.len() as u64;
    Ok(applied)
}

/// The edges that all cuts take away.
pub(super) fn find(analysis: &Analysis<'_>, changes: &[Change]) -> Cuts {
    let mut cuts = Cuts::default();
    for change in changes {
        if let Change::Cut(from, to) = change {
            collect(analysis, &Side::of(analysis, from), &Side::of(analysis, to), &mut cuts);
        }
    }
    cuts
}

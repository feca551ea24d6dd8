//! The edges of all nodes as columns.
//!
//! In: an analysis and its rows. Out: [`Edges`] and [`Vias`]. Of several relocations to one target the first in
//! table order stands for all, as in a chain of `why`; a copy that lost its group and does not live has none.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::codes::edge_code;
use super::rows::Rows;
use super::tables::{Edges, NONE, Symbols, VIA, Vias, edge_kind};
use crate::graph::{EdgeKind, ExtraNode};
use crate::ids::{FileId, Id, NodeId};
use crate::query::Analysis;
use crate::query::why::bound_use;

/// Symbols of a target that are looked at to name a relocation's.
const LOOKED_AT: usize = 64;

/// The edges of some nodes.
#[derive(Default)]
struct Part {
    counts: Vec<u32>,
    target: Vec<u32>,
    kind: Vec<u8>,
    count: Vec<u32>,
    reloc: Vec<u32>,
    offset: Vec<u64>,
    addend: Vec<u64>,
    symbol: Vec<u32>,
    /// What [`VIA`] rows of this part name.
    vias: Vec<(u32, bool)>,
}

/// One edge before its symbol is known by position.
#[derive(Clone, Copy)]
struct Edge {
    target: u32,
    kind: EdgeKind,
    count: u32,
    reloc: u32,
    offset: u64,
    addend: i64,
    symbol: u32,
    /// Bits of [`edge_kind`].
    more: u8,
}

/// Makes the columns.
pub(super) fn edges(
    analysis: &Analysis<'_>,
    rows: &Rows<'_, '_>,
    section_names: &[u32],
    symbols: &Symbols<'_>,
) -> (Edges<'static>, Vias<'static>) {
    let program = &analysis.program;
    let ids: Vec<FileId> = program.file_ids().collect();
    let namer = Namer { section_names, symbols };
    let mut parts: Vec<Part> = ids
        .par_iter()
        .with_max_len(64)
        .map(|&file| {
            let mut part = Part::default();
            let f = &program.files[file];
            for &index in rows.files.get(file.idx()).map_or(&[][..], |r| &r.sections) {
                let mut list = from_node(analysis, rows, NodeId(f.section_id(index).0));
                part.counts.push(list.len() as u32);
                for edge in list.drain(..) {
                    part.push(
                        &edge,
                        |symbol| match f.object() {
                            Some(object) if edge.count > 0 => rows.shown(file.idx(), f, object, symbol),
                            _ => (NONE, false),
                        },
                        &namer,
                    );
                }
            }
            part
        })
        .collect();
    let mut last = Part::default();
    for extra in analysis.graph.section_count()..analysis.graph.node_count() {
        let list = from_node(analysis, rows, NodeId::from_usize(extra));
        last.counts.push(list.len() as u32);
        for edge in list {
            last.push(&edge, |_| (NONE, false), &namer);
        }
    }
    parts.push(last);
    join(parts)
}

fn join(parts: Vec<Part>) -> (Edges<'static>, Vias<'static>) {
    let total: usize = parts.iter().map(|p| p.target.len()).sum();
    let nodes: usize = parts.iter().map(|p| p.counts.len()).sum();
    let mut first = Vec::with_capacity(nodes + 1);
    let mut all = Part::default();
    all.target.reserve_exact(total);
    let mut number: HashMap<(u32, bool), u32> = HashMap::new();
    let (mut names, mut sectional) = (Vec::new(), Vec::new());
    let mut next = 0u32;
    first.push(0);
    for mut part in parts {
        for symbol in part.symbol.iter_mut().filter(|s| **s & VIA != 0) {
            let Some(&via) = part.vias.get((*symbol & !VIA) as usize) else { continue };
            let row = *number.entry(via).or_insert_with(|| {
                names.push(via.0);
                sectional.push(u8::from(via.1));
                (names.len() - 1) as u32
            });
            *symbol = VIA | row;
        }
        first.extend(part.counts.iter().map(|n| {
            next += n;
            next
        }));
        all.target.append(&mut part.target);
        all.kind.append(&mut part.kind);
        all.count.append(&mut part.count);
        all.reloc.append(&mut part.reloc);
        all.offset.append(&mut part.offset);
        all.addend.append(&mut part.addend);
        all.symbol.append(&mut part.symbol);
    }
    let edges = Edges {
        first: first.into(),
        target: all.target.into(),
        kind: all.kind.into(),
        count: all.count.into(),
        reloc: all.reloc.into(),
        offset: all.offset.into(),
        addend: all.addend.into(),
        symbol: all.symbol.into(),
    };
    (edges, Vias { name: names.into(), sectional: sectional.into() })
}

/// The edges of a node by target, one to each.
fn from_node(analysis: &Analysis<'_>, rows: &Rows<'_, '_>, node: NodeId) -> Vec<Edge> {
    let (program, graph) = (&analysis.program, &analysis.graph);
    let mut list: Vec<Edge> = Vec::new();
    let section = graph.section(node);
    if section.is_some_and(|s| analysis.resolution.is_lost(s)) && !analysis.liveness.is_live(node) {
        return list;
    }
    if let Some(section) = section {
        graph.for_each_relocation(program, section, |target, r, _| {
            let target = rows.node(target);
            if target != NONE {
                let kind = EdgeKind::Relocation;
                let (reloc, offset, addend, symbol) = (r.kind, r.offset, r.addend, r.symbol);
                list.push(Edge { target, kind, count: 1, reloc, offset, addend, symbol, more: 0 });
            }
        });
    }
    for &(to, kind) in graph.extra.of(node) {
        let target = rows.node(to);
        if target == NONE {
            continue;
        }
        let bound = matches!(graph.extra_node(to), Some(ExtraNode::StartStop { .. }));
        let mut edge = Edge { target, kind, count: 0, reloc: 0, offset: 0, addend: 0, symbol: 0, more: 0 };
        if let Some(found) = bound.then(|| bound_use(analysis, node, to)).flatten() {
            (edge.count, edge.reloc, edge.offset) = (found.count, found.kind, found.offset);
            (edge.addend, edge.symbol) = (found.addend, found.symbol);
        }
        list.push(edge);
    }
    // The sort keeps table order among equal targets, relocations in front of the rest.
    list.sort_by_key(|e| e.target);
    list.dedup_by(|later, first| {
        let same = later.target == first.target;
        if same && later.kind == EdgeKind::Relocation {
            first.count = first.count.saturating_add(1);
            if later.symbol != first.symbol {
                first.more |= edge_kind::SYMBOLS;
            }
        } else if same {
            first.more |= edge_kind::ANOTHER;
            if later.kind == EdgeKind::Group {
                first.more |= edge_kind::OF_GROUP;
            }
        }
        same
    });
    list
}

impl Part {
    fn push(&mut self, edge: &Edge, shown: impl Fn(u32) -> (u32, bool), namer: &Namer<'_, '_>) {
        self.target.push(edge.target);
        self.kind.push(edge_code(edge.kind) | edge.more);
        self.count.push(edge.count);
        self.reloc.push(edge.reloc);
        self.offset.push(edge.offset);
        self.addend.push(edge.addend as u64);
        let symbol = if edge.count == 0 {
            0
        } else {
            let (name, sectional) = shown(edge.symbol);
            namer.by_target(edge.target, name, sectional).unwrap_or_else(|| {
                self.vias.push((name, sectional));
                VIA | (self.vias.len() - 1) as u32
            })
        };
        self.symbol.push(symbol);
    }
}

struct Namer<'a, 's> {
    section_names: &'a [u32],
    symbols: &'a Symbols<'s>,
}

impl Namer<'_, '_> {
    /// How the target itself tells a symbol's name, if it does.
    fn by_target(&self, target: u32, name: u32, sectional: bool) -> Option<u32> {
        let at = target as usize;
        if sectional {
            return (self.section_names.get(at) == Some(&name)).then_some(0);
        }
        let (from, to) = (*self.symbols.first.get(at)? as usize, *self.symbols.first.get(at + 1)? as usize);
        let own = self.symbols.name.get(from..to)?;
        own.iter().take(LOOKED_AT).position(|&n| n == name).map(|n| n as u32 + 1)
    }
}

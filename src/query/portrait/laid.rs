//! The predicted output of a link: sizes of its output sections, what lies where, memory regions.
//!
//! In: an analysis and its layout. Out: the tables [`Outputs`], [`Laid`], [`Regions`]. Always true: bytes of nodes,
//! padding and statements of an output section are at most its size; the rest is the linker's own.

use std::collections::BTreeMap;

use super::rows::{Rows, Texts};
use super::tables::*;
use crate::graph::ExtraNode;
use crate::ids::{FileId, Id, NodeId};
use crate::load::image::SizeClass;
use crate::query::Analysis;
use crate::query::fate;
use crate::query::place::Placement;
use crate::query::place::layout::{Layout, OutputLayout, PieceOf, layout};

/// A layout with its names noted.
pub(super) struct LaidOut {
    layout: Layout,
    outputs: Vec<u32>,
    regions: Vec<u32>,
}

impl LaidOut {
    /// Lays the link out and notes the names.
    pub(super) fn new(analysis: &Analysis<'_>, placement: &Placement, texts: &mut Texts) -> Self {
        let layout = layout(analysis, placement);
        let outputs = layout.outputs.iter().map(|o| texts.add(&o.name)).collect();
        let regions = layout.regions.iter().map(|r| texts.add(&r.name)).collect();
        LaidOut { layout, outputs, regions }
    }

    /// The tables.
    pub(super) fn finish(
        &self,
        analysis: &Analysis<'_>,
        rows: &Rows<'_, '_>,
    ) -> (Outputs<'static>, Laid<'static>, Regions<'static>) {
        let mut laid = Nodes::new(analysis, rows);
        let mut padding: Vec<u64> = Vec::with_capacity(self.layout.outputs.len());
        for (number, output) in (0u32..).zip(&self.layout.outputs) {
            let mut space = output.padding();
            for piece in &output.pieces {
                match piece.of {
                    PieceOf::Section(section) => laid.put(rows.section(section), number, piece.size),
                    // Between the commons of one file there may be space.
                    PieceOf::Commons(file) => space += laid.put_commons(file, number, piece.size),
                    PieceOf::Padding | PieceOf::Dot | PieceOf::Data | PieceOf::Linker => {}
                }
            }
            padding.push(space);
        }
        let list = &self.layout.outputs;
        let region = |o: &OutputLayout| {
            let slot = o.region.and_then(|r| self.regions.get(r as usize));
            slot.map_or(NONE, |&slot| rows.text(slot))
        };
        let outputs = Outputs {
            name: self.outputs.iter().map(|&o| rows.text(o)).collect::<Vec<_>>().into(),
            class: list.iter().map(class).collect::<Vec<_>>().into(),
            size: list.iter().map(|o| o.size).collect::<Vec<_>>().into(),
            padding: padding.into(),
            stated: list.iter().map(stated).collect::<Vec<_>>().into(),
            made: list.iter().map(|o| o.made.map_or(0, |m| 1 + m as u8)).collect::<Vec<_>>().into(),
            region: list.iter().map(region).collect::<Vec<_>>().into(),
        };
        let of = &self.layout.regions;
        let regions = Regions {
            name: self.regions.iter().map(|&r| rows.text(r)).collect::<Vec<_>>().into(),
            origin: of.iter().map(|r| r.origin).collect::<Vec<_>>().into(),
            length: of.iter().map(|r| r.length).collect::<Vec<_>>().into(),
            used: of.iter().map(|r| r.used).collect::<Vec<_>>().into(),
        };
        (outputs, Laid { place: laid.place.into(), bytes: laid.bytes.into() }, regions)
    }
}

fn class(output: &OutputLayout) -> u8 {
    match SizeClass::of(output.flags, output.nobits) {
        Some(SizeClass::Text) => 0,
        Some(SizeClass::Data) => 1,
        Some(SizeClass::Bss) => 2,
        None => 3,
    }
}

fn stated(output: &OutputLayout) -> u64 {
    let stated = output.pieces.iter().filter(|p| matches!(p.of, PieceOf::Dot | PieceOf::Data));
    stated.map(|p| p.size).sum()
}

/// Places and bytes of nodes in the making.
struct Nodes {
    place: Vec<u32>,
    bytes: Vec<u64>,
    /// By file: its commons that stay, as node and size.
    commons: BTreeMap<FileId, Vec<(u32, u64)>>,
}

impl Nodes {
    fn new(analysis: &Analysis<'_>, rows: &Rows<'_, '_>) -> Self {
        let first = analysis.graph.section_count();
        let collects = fate::collects(&analysis.program);
        let mut commons: BTreeMap<FileId, Vec<(u32, u64)>> = BTreeMap::new();
        for (number, extra) in analysis.graph.extra_nodes.iter().enumerate() {
            let (ExtraNode::CommonsOf { file, size, .. } | ExtraNode::Common { file, size, .. }) = *extra
            else {
                continue;
            };
            let node = NodeId::from_usize(first + number);
            if !collects || analysis.liveness.is_live(node) {
                commons.entry(file).or_default().push((rows.node(node), size));
            }
        }
        for list in commons.values_mut() {
            // Handed out from the end.
            list.reverse();
        }
        let count = rows.sections() as usize + analysis.graph.extra_nodes.len();
        Nodes { place: vec![NONE; count], bytes: vec![0; count], commons }
    }

    fn put(&mut self, node: u32, place: u32, size: u64) {
        if let (Some(slot), Some(bytes)) =
            (self.place.get_mut(node as usize), self.bytes.get_mut(node as usize))
        {
            *slot = place;
            *bytes = bytes.saturating_add(size);
        }
    }

    /// Returns what is more than the commons themselves.
    fn put_commons(&mut self, file: FileId, place: u32, size: u64) -> u64 {
        match self.commons.get_mut(&file).and_then(Vec::pop) {
            Some((node, own)) => {
                let own = own.min(size);
                self.put(node, place, own);
                size - own
            }
            None => size,
        }
    }
}

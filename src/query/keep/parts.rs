//! Sections cut at their symbols, and the relocation edges between them: read once, walked many times.
//!
//! In: an analysis and the sections to cut. Out: [`Parts`]: per reached node its targets, with the part of the target
//! where that is certain; per part of a cut section the edges that leave it.

use crate::graph::NO_NODE;
use crate::ids::{Id, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;
use crate::query::Analysis;
use crate::query::symbols::value_in_section;

/// In place of a part: the whole section, or a place that is not certain.
pub(super) const ALL: u32 = u32::MAX;

/// In place of a number: not cut.
const WHOLE: u32 = u32::MAX;

/// A section cut into parts.
pub(super) struct Cut {
    section: SectionId,
    size: u64,
    /// Where parts begin; the first at 0.
    pub(super) starts: Vec<u64>,
    /// Symbol of each part.
    pub(super) symbols: Vec<Option<u32>>,
    /// Parts that code beside them may reach without a relocation.
    pub(super) near: Vec<usize>,
    /// Number of its first part among those of all cut sections.
    pub(super) first: usize,
    /// Edges of each part, as positions in [`Parts::targets`].
    edges: Vec<(u32, u32)>,
}

impl Cut {
    fn at(&self, offset: u64) -> usize {
        self.starts.partition_point(|s| *s <= offset).saturating_sub(1)
    }

    /// Where a part ends.
    pub(super) fn end(&self, part: usize) -> u64 {
        self.starts.get(part + 1).copied().unwrap_or(self.size)
    }
}

/// Cut sections and edges.
pub(super) struct Parts {
    /// Cut sections, in the order that they were given in.
    pub(super) cuts: Vec<Cut>,
    /// By node: number of its cut section, or [`WHOLE`].
    numbers: Vec<u32>,
    /// By node: its edges, as positions in `targets`.
    ranges: Vec<(u32, u32)>,
    /// Target and part of it.
    targets: Vec<(NodeId, u32)>,
}

impl Parts {
    /// Cuts the sections that consist of more than one part.
    pub(super) fn cut(analysis: &Analysis<'_>, sections: impl Iterator<Item = SectionId>) -> Parts {
        let mut cuts: Vec<Cut> = Vec::new();
        let mut first = 0;
        for mut own in sections.filter_map(|s| cut(analysis, s)) {
            own.first = first;
            first += own.starts.len();
            cuts.push(own);
        }
        let mut numbers = Vec::new();
        if !cuts.is_empty() {
            numbers.resize(analysis.graph.node_count(), WHOLE);
        }
        for (number, own) in (0u32..).zip(&cuts) {
            if let Some(slot) = numbers.get_mut(own.section.index()) {
                *slot = number;
            }
        }
        Parts { cuts, numbers, ranges: Vec::new(), targets: Vec::new() }
    }

    /// Whether nothing was cut.
    pub(super) fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Number of all parts.
    pub(super) fn count(&self) -> usize {
        self.cuts.last().map_or(0, |c| c.first + c.starts.len())
    }

    /// Number of the cut section that a node is.
    pub(super) fn number(&self, node: NodeId) -> Option<u32> {
        self.numbers.get(node.index()).copied().filter(|&n| n != WHOLE)
    }

    /// The part of a node at a place.
    pub(super) fn part(&self, node: NodeId, place: Option<u64>) -> u32 {
        let cut = self.number(node).and_then(|n| self.cuts.get(n as usize));
        cut.zip(place).map_or(ALL, |(cut, place)| cut.at(place) as u32)
    }

    /// Relocation edges of a node.
    pub(super) fn edges(&self, node: NodeId) -> &[(NodeId, u32)] {
        self.between(self.ranges.get(node.index()).copied().unwrap_or((0, 0)))
    }

    /// Relocation edges of a part of a cut section.
    pub(super) fn edges_of_part(&self, number: u32, part: usize) -> &[(NodeId, u32)] {
        let range = self.cuts.get(number as usize).and_then(|c| c.edges.get(part)).copied();
        self.between(range.unwrap_or((0, 0)))
    }

    fn between(&self, (from, to): (u32, u32)) -> &[(NodeId, u32)] {
        self.targets.get(from as usize..to as usize).unwrap_or(&[])
    }

    /// Reads the edges of everything that roots reach if nothing is split. `followers` are nodes that follow a node
    /// without an edge.
    pub(super) fn connect<'f>(
        &mut self,
        analysis: &Analysis<'_>,
        followers: impl Fn(NodeId) -> &'f [NodeId],
    ) {
        let count = analysis.graph.node_count();
        self.ranges = vec![(0, 0); count];
        let mut seen = fixedbitset::FixedBitSet::with_capacity(count);
        let mut stack: Vec<NodeId> = Vec::new();
        let mut found: Vec<(u64, NodeId, u32)> = Vec::new();
        let mut reach = |node: NodeId, stack: &mut Vec<NodeId>| {
            if !seen.put(node.index()) {
                stack.push(node);
            }
        };
        analysis.roots.roots.iter().for_each(|root| reach(root.node, &mut stack));
        while let Some(node) = stack.pop() {
            found.clear();
            if let Some(section) = analysis.graph.section(node) {
                relocations(analysis, section, |offset, to, place| {
                    found.push((offset, to, self.part(to, place)));
                });
            }
            match self.number(node) {
                Some(number) => {
                    found.sort_by_key(|f| f.0);
                    self.divide(number, &found);
                }
                None => {
                    found.sort_unstable_by_key(|f| (f.1, f.2));
                    found.dedup_by_key(|f| (f.1, f.2));
                }
            }
            let from = self.targets.len() as u32;
            self.targets.extend(found.iter().map(|f| (f.1, f.2)));
            if let Some(range) = self.ranges.get_mut(node.index()) {
                *range = (from, self.targets.len() as u32);
            }
            found.iter().for_each(|f| reach(f.1, &mut stack));
            analysis.graph.extra.of(node).iter().for_each(|&(to, _)| reach(to, &mut stack));
            followers(node).iter().for_each(|&to| reach(to, &mut stack));
        }
    }

    /// Notes which of a cut section's edges, by offset, leave which part; they are about to be added.
    fn divide(&mut self, number: u32, edges: &[(u64, NodeId, u32)]) {
        let base = self.targets.len();
        let Some(cut) = self.cuts.get_mut(number as usize) else { return };
        let at = |offset: u64| (base + edges.partition_point(|e| e.0 < offset)) as u32;
        cut.edges = (0..cut.starts.len())
            .map(|part| (at(cut.starts.get(part).copied().unwrap_or(0)), at(cut.end(part))))
            .collect();
    }
}

/// Cuts a section at its symbols; `None` if there is nothing to tell apart.
fn cut(analysis: &Analysis<'_>, section: SectionId) -> Option<Cut> {
    let (file, index) = analysis.program.locate(section);
    let object = analysis.program.files[file].object()?;
    let row = object.sections.get(index as usize)?;
    let size = object.section_size(index);
    let code = row.flags & SHF_EXECINSTR != 0;
    if row.flags & SHF_MERGE != 0 {
        return None;
    }
    let mut marks: Vec<(u64, bool, u32)> = Vec::new();
    if object.section_name(index) == b".toc" {
        let word = if object.is_64 { 8 } else { 4 };
        marks.extend((0..size / word).map(|n| (n * word, false, 0)));
    }
    for (number, symbol) in (1..object.symbol_count()).filter_map(|s| Some((s, object.symbol(s)?))) {
        if symbol.place == Place::Section(index)
            && matches!(symbol.kind, STT_FUNC | STT_OBJECT | STT_GNU_IFUNC)
            && symbol.value < size
        {
            marks.push((symbol.value, code && symbol.bind == STB_LOCAL, number));
        }
    }
    marks.sort_unstable();
    let (mut starts, mut symbols, mut near) = (Vec::new(), Vec::new(), Vec::new());
    if marks.first().is_none_or(|m| m.0 > 0) {
        // What stands before the first symbol belongs to everything.
        starts.push(0);
        symbols.push(None);
        near.push(true);
    }
    for (value, local, symbol) in marks {
        let own = (symbol != 0).then_some(symbol);
        if starts.last() == Some(&value) {
            if let (Some(last), Some(n)) = (symbols.last_mut(), near.last_mut()) {
                *last = last.or(own);
                *n &= local;
            }
            continue;
        }
        starts.push(value);
        symbols.push(own);
        near.push(local);
    }
    if starts.len() < 2 {
        return None;
    }
    let near = near.iter().enumerate().filter(|(_, n)| **n).map(|(i, _)| i).collect();
    Some(Cut { section, size, starts, symbols, near, first: 0, edges: Vec::new() })
}

/// The relocation edges of a section: offset, target, and the place in the target if it is certain.
fn relocations(analysis: &Analysis<'_>, section: SectionId, mut f: impl FnMut(u64, NodeId, Option<u64>)) {
    let (file, _) = analysis.program.locate(section);
    let input = &analysis.program.files[file];
    let Some(object) = input.object() else { return };
    analysis.graph.for_each_relocation(&analysis.program, section, |to, reloc, encoding| {
        if to.0 == NO_NODE {
            return;
        }
        let target = SectionId(to.0);
        let place = if analysis.graph.section(to).is_none() || encoding == 0 {
            None
        } else if reloc.symbol >= object.first_global {
            input.global_name(reloc.symbol).and_then(|name| value_in_section(analysis, name, target))
        } else {
            place_of_local(object, reloc, encoding)
        };
        f(reloc.offset, to, place);
    });
}

/// A local symbol's value; a section symbol's place only where the addend stands in the relocation and is
/// no distance from the instruction's end (x86).
fn place_of_local(object: &Object<'_>, reloc: Reloc, encoding: u32) -> Option<u64> {
    let symbol = object.symbol(reloc.symbol)?;
    if symbol.kind != STT_SECTION {
        return Some(symbol.value);
    }
    let table = object.reloc_table(encoding).ok()?;
    let relative = object.machine == EM_X86_64 && matches!(reloc.kind, 2 | 4 | 9 | 26 | 41 | 42);
    if !table.has_addends() || relative {
        return None;
    }
    symbol.value.checked_add_signed(reloc.addend)
}

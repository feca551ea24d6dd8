//! Retention by sharing: what lives only because it stands in one section with something live.
//!
//! In: an analysis of a link that collects. Out: [`Shared`] per section name. Sections of explicit names
//! (`.init.text`) hold every function of their file that is marked so, `.toc` every address that some
//! function of the file uses (kernel-linkage 2.3, 4.4). The closure is run once more with the sections
//! of one name split at their symbols (`.toc`: at its words). What may be reached without a relocation, local
//! functions beside live code, counts as live, so the figures are lower limits.

use std::collections::BTreeSet;

use bstr::BString;
use fixedbitset::FixedBitSet;
use hashbrown::HashMap;

use super::lost::Weight;
use super::references::is_live;
use crate::graph::{Class, EdgeKind, NO_NODE};
use crate::ids::{Id, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;
use crate::query::Analysis;
use crate::query::symbols::value_in_section;

/// Section names that hold what belongs to many: the kernel's explicit ones, and the plain names of objects made
/// without a section per function.
const NAMES: [&[u8]; 22] = [
    b".toc",
    b".init.text",
    b".exit.text",
    b".ref.text",
    b".noinstr.text",
    b".sched.text",
    b".cpuidle.text",
    b".kprobes.text",
    b".spinlock.text",
    b".irqentry.text",
    b".entry.text",
    b".init.data",
    b".init.rodata",
    b".ref.data",
    b".data..read_mostly",
    b".data..ro_after_init",
    b".data..cacheline_aligned",
    b".data..percpu",
    b".text",
    b".data",
    b".rodata",
    b".bss",
];

/// A part of a live section that nothing live refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenant {
    /// The section.
    pub section: SectionId,
    /// Offset in it.
    pub offset: u64,
    /// Bytes.
    pub bytes: u64,
    /// The symbol there, if there is one.
    pub symbol: Option<u32>,
}

/// What sharing sections of one name keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shared {
    /// The section name.
    pub name: BString,
    /// Live sections of that name with a part that nothing live refers to.
    pub sections: u64,
    /// Bytes of those parts.
    pub bytes: u64,
    /// Those parts, biggest first.
    pub tenants: Vec<Tenant>,
    /// Other sections that live only through those parts.
    pub through: Weight,
}

/// Runs the closure once per name that occurs.
pub(super) fn shared(analysis: &Analysis<'_>) -> Vec<Shared> {
    let mut by_name: Vec<Vec<SectionId>> = vec![Vec::new(); NAMES.len()];
    for &file in &analysis.resolution.files {
        for section in analysis.program.sections_of(file).skip(1) {
            let name = analysis.program.section_name(section);
            if let Some(at) = NAMES.iter().position(|n| *n == name)
                && analysis.graph.class[section] == Class::Node
                && is_live(analysis, section)
                && let Some(list) = by_name.get_mut(at)
            {
                list.push(section);
            }
        }
    }
    let mut followers: HashMap<u32, Vec<NodeId>, foldhash::fast::FixedState> = HashMap::default();
    for staged in analysis.liveness.staged.iter().filter(|s| s.kind == EdgeKind::LinkOrder) {
        followers.entry(staged.because.0).or_default().push(staged.node);
    }
    // Splitting everything at once shows which names are worth a closure of their own.
    let all: Vec<SectionId> = by_name.iter().flatten().copied().collect();
    let mut together = Walk::new(analysis, &followers, &all);
    if together.split.is_empty() {
        return Vec::new();
    }
    together.run();
    let promising: BTreeSet<SectionId> = together.result(b"").tenants.iter().map(|t| t.section).collect();
    for list in &mut by_name {
        if !list.iter().any(|s| promising.contains(s)) {
            list.clear();
        }
    }
    NAMES
        .iter()
        .zip(by_name)
        .filter_map(|(name, sections)| {
            let mut walk = Walk::new(analysis, &followers, &sections);
            if walk.split.is_empty() {
                return None;
            }
            walk.run();
            let found = walk.result(name);
            (found.bytes > 0).then_some(found)
        })
        .collect()
}

/// A section cut into pieces.
struct Split {
    /// Where pieces begin; the first at 0.
    starts: Vec<u64>,
    size: u64,
    live: FixedBitSet,
    /// Pieces that code beside them may reach without a relocation.
    near: FixedBitSet,
    /// Symbol of each piece.
    symbols: Vec<Option<u32>>,
    /// Relocations in order: offset, target, place in the target.
    relocs: Vec<(u64, NodeId, Option<u64>)>,
}

impl Split {
    fn at(&self, offset: u64) -> usize {
        self.starts.partition_point(|s| *s <= offset).saturating_sub(1)
    }

    fn end(&self, piece: usize) -> u64 {
        self.starts.get(piece + 1).copied().unwrap_or(self.size)
    }
}

enum Item {
    Whole(NodeId),
    Piece(SectionId, usize),
}

struct Walk<'a, 'd> {
    analysis: &'a Analysis<'d>,
    followers: &'a HashMap<u32, Vec<NodeId>, foldhash::fast::FixedState>,
    split: HashMap<SectionId, Split, foldhash::fast::FixedState>,
    order: Vec<SectionId>,
    live: FixedBitSet,
    stack: Vec<Item>,
}

impl<'a, 'd> Walk<'a, 'd> {
    fn new(
        analysis: &'a Analysis<'d>,
        followers: &'a HashMap<u32, Vec<NodeId>, foldhash::fast::FixedState>,
        sections: &[SectionId],
    ) -> Self {
        let mut split = HashMap::default();
        for &section in sections {
            if let Some(pieces) = cut(analysis, section) {
                split.insert(section, pieces);
            }
        }
        let order = sections.iter().copied().filter(|s| split.contains_key(s)).collect();
        let live = FixedBitSet::with_capacity(analysis.graph.node_count());
        Walk { analysis, followers, split, order, live, stack: Vec::new() }
    }

    fn run(&mut self) {
        let analysis = self.analysis;
        for root in &analysis.roots.roots {
            let section = analysis.graph.section(root.node);
            let place = root.name.zip(section).and_then(|(name, s)| value_in_section(analysis, name, s));
            self.reach(root.node, place);
        }
        while let Some(item) = self.stack.pop() {
            match item {
                Item::Whole(node) => {
                    let mut found: Vec<(NodeId, Option<u64>)> = Vec::new();
                    if let Some(section) = analysis.graph.section(node) {
                        relocations(analysis, section, |_, to, place| found.push((to, place)));
                    }
                    found.into_iter().for_each(|(to, place)| self.reach(to, place));
                    self.beside(node);
                }
                Item::Piece(section, piece) => {
                    let Some(own) = self.split.get(&section) else { continue };
                    let (from, to) = (own.starts.get(piece).copied().unwrap_or(0), own.end(piece));
                    let first = own.relocs.partition_point(|r| r.0 < from);
                    let list: Vec<(NodeId, Option<u64>)> =
                        own.relocs.iter().skip(first).take_while(|r| r.0 < to).map(|r| (r.1, r.2)).collect();
                    list.into_iter().for_each(|(to, place)| self.reach(to, place));
                }
            }
        }
    }

    /// Edges of a node that are no relocations.
    fn beside(&mut self, node: NodeId) {
        let analysis = self.analysis;
        for &(to, _) in analysis.graph.extra.of(node) {
            self.reach(to, None);
        }
        for &to in self.followers.get(&node.0).map_or(&[][..], |l| l.as_slice()) {
            self.reach(to, None);
        }
    }

    fn reach(&mut self, node: NodeId, place: Option<u64>) {
        let section = SectionId(node.0);
        let Some(own) = self.split.get_mut(&section) else {
            if !self.live.put(node.index()) {
                self.stack.push(Item::Whole(node));
            }
            return;
        };
        let pieces = match place {
            Some(offset) => own.at(offset)..own.at(offset) + 1,
            None => 0..own.starts.len(),
        };
        for piece in pieces {
            if !own.live.put(piece) {
                self.stack.push(Item::Piece(section, piece));
            }
        }
        if !self.live.put(node.index()) {
            for piece in own.near.ones() {
                if !own.live.put(piece) {
                    self.stack.push(Item::Piece(section, piece));
                }
            }
            self.beside(node);
        }
    }

    fn result(&self, name: &[u8]) -> Shared {
        let mut out = Shared { name: name.into(), ..Shared::default() };
        for &section in &self.order {
            let Some(own) = self.split.get(&section).filter(|o| o.live.count_ones(..) > 0) else { continue };
            let before = out.bytes;
            for piece in own.live.zeroes() {
                let offset = own.starts.get(piece).copied().unwrap_or(0);
                let bytes = own.end(piece).saturating_sub(offset);
                if bytes > 0 {
                    out.bytes = out.bytes.saturating_add(bytes);
                    let symbol = own.symbols.get(piece).copied().flatten();
                    out.tenants.push(Tenant { section, offset, bytes, symbol });
                }
            }
            out.sections += u64::from(out.bytes > before);
        }
        out.tenants.sort_by_key(|t| (std::cmp::Reverse(t.bytes), t.section, t.offset));
        for node in self.analysis.liveness.live.difference(&self.live) {
            if let Some(section) = self.analysis.graph.section(NodeId::from_usize(node)) {
                out.through.add(self.analysis, section);
            }
        }
        out
    }
}

/// Cuts a section at its symbols; `None` if there is nothing to tell apart.
fn cut(analysis: &Analysis<'_>, section: SectionId) -> Option<Split> {
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
    let mut split = Split {
        size,
        live: FixedBitSet::with_capacity(starts.len()),
        near: near.iter().enumerate().filter(|(_, n)| **n).map(|(i, _)| i).collect(),
        starts,
        symbols,
        relocs: Vec::new(),
    };
    relocations(analysis, section, |offset, to, place| split.relocs.push((offset, to, place)));
    split.relocs.sort_by_key(|r| r.0);
    Some(split)
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

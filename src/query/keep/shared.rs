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
use rayon::prelude::*;

use super::lost::Weight;
use super::parts::{ALL, Parts};
use super::references::is_live;
use crate::graph::{Class, EdgeKind};
use crate::ids::{Id, NodeId, SectionId};
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

/// Nodes that follow a node without an edge.
type Followers = HashMap<u32, Vec<NodeId>, foldhash::fast::FixedState>;

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
    let mut parts = Parts::cut(analysis, by_name.iter().flatten().copied());
    if parts.is_empty() {
        return Vec::new();
    }
    let mut followers = Followers::default();
    for staged in analysis.liveness.staged.iter().filter(|s| s.kind == EdgeKind::LinkOrder) {
        followers.entry(staged.because.0).or_default().push(staged.node);
    }
    parts.connect(analysis, |node| followers.get(&node.0).map_or(&[], |l| l.as_slice()));
    // Splitting everything at once shows which names are worth a closure of their own.
    let all: Vec<SectionId> = by_name.iter().flatten().copied().collect();
    let together = Walk::run(analysis, &parts, &followers, &all);
    let promising: BTreeSet<SectionId> = together.result(b"").tenants.iter().map(|t| t.section).collect();
    let worth = |list: &[SectionId]| list.iter().any(|s| promising.contains(s));
    NAMES
        .par_iter()
        .zip(by_name)
        .filter(|(_, sections)| worth(sections))
        .map(|(name, sections)| Walk::run(analysis, &parts, &followers, &sections).result(name))
        .filter(|found| found.bytes > 0)
        .collect()
}

enum Item {
    Whole(NodeId),
    Part(u32, usize),
}

/// One closure in which some sections are split.
struct Walk<'a, 'd> {
    analysis: &'a Analysis<'d>,
    parts: &'a Parts,
    followers: &'a Followers,
    /// Split sections in link order.
    order: &'a [SectionId],
    /// By number of a cut section: it is split here.
    split: FixedBitSet,
    live: FixedBitSet,
    /// By part of all cut sections.
    live_parts: FixedBitSet,
    stack: Vec<Item>,
}

impl<'a, 'd> Walk<'a, 'd> {
    fn run(
        analysis: &'a Analysis<'d>,
        parts: &'a Parts,
        followers: &'a Followers,
        order: &'a [SectionId],
    ) -> Self {
        let mut walk = Walk {
            analysis,
            parts,
            followers,
            order,
            split: FixedBitSet::with_capacity(parts.cuts.len()),
            live: FixedBitSet::with_capacity(analysis.graph.node_count()),
            live_parts: FixedBitSet::with_capacity(parts.count()),
            stack: Vec::new(),
        };
        for number in order.iter().filter_map(|s| parts.number(NodeId(s.0))) {
            walk.split.insert(number as usize);
        }
        for root in &analysis.roots.roots {
            let section = analysis.graph.section(root.node);
            let place = root.name.zip(section).and_then(|(name, s)| value_in_section(analysis, name, s));
            walk.reach(root.node, parts.part(root.node, place));
        }
        while let Some(item) = walk.stack.pop() {
            match item {
                Item::Whole(node) => {
                    for &(to, part) in parts.edges(node) {
                        walk.reach(to, part);
                    }
                    walk.beside(node);
                }
                Item::Part(number, part) => {
                    for &(to, part) in parts.edges_of_part(number, part) {
                        walk.reach(to, part);
                    }
                }
            }
        }
        walk
    }

    /// Edges of a node that are no relocations.
    fn beside(&mut self, node: NodeId) {
        let analysis = self.analysis;
        for &(to, _) in analysis.graph.extra.of(node) {
            self.reach(to, ALL);
        }
        for &to in self.followers.get(&node.0).map_or(&[][..], |l| l.as_slice()) {
            self.reach(to, ALL);
        }
    }

    fn reach(&mut self, node: NodeId, part: u32) {
        let split = self.parts.number(node).filter(|n| self.split.contains(*n as usize));
        let Some((number, cut)) = split.and_then(|n| Some((n, self.parts.cuts.get(n as usize)?))) else {
            if !self.live.put(node.index()) {
                self.stack.push(Item::Whole(node));
            }
            return;
        };
        let reached = if part == ALL { 0..cut.starts.len() } else { part as usize..part as usize + 1 };
        for part in reached {
            if !self.live_parts.put(cut.first + part) {
                self.stack.push(Item::Part(number, part));
            }
        }
        if !self.live.put(node.index()) {
            for &part in &cut.near {
                if !self.live_parts.put(cut.first + part) {
                    self.stack.push(Item::Part(number, part));
                }
            }
            self.beside(node);
        }
    }

    fn result(&self, name: &[u8]) -> Shared {
        let mut out = Shared { name: name.into(), ..Shared::default() };
        for &section in self.order {
            let number = self.parts.number(NodeId(section.0));
            let Some(cut) = number.and_then(|n| self.parts.cuts.get(n as usize)) else { continue };
            // Every part of a section that nothing reaches is no tenant.
            if !self.live.contains(section.index()) {
                continue;
            }
            let before = out.bytes;
            for part in (0..cut.starts.len()).filter(|p| !self.live_parts.contains(cut.first + p)) {
                let offset = cut.starts.get(part).copied().unwrap_or(0);
                let bytes = cut.end(part).saturating_sub(offset);
                if bytes > 0 {
                    out.bytes = out.bytes.saturating_add(bytes);
                    let symbol = cut.symbols.get(part).copied().flatten();
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

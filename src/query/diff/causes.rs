//! Why code came and went: what is new in the output leads back to the edge, root or input that made it live,
//! what is lost to the one that went.
//!
//! In: two links. Out: [`Causes`]. What is new is searched breadth first from what both outputs have and from
//! the roots: everything behind the first step belongs to that step. What is lost is the same with the two
//! links exchanged. Always true: new, lost and changed bytes, padding, statements and the linker's own add up
//! to the totals of both sides (asserted), and the causes add up to what is new and what is lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bstr::BString;

use super::links::LinkSide;
use super::nodes::{NodeMatch, match_nodes};
use super::side::{PartKind, Sums};
use crate::query::portrait::NONE;

/// A node as people name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The file; empty for hubs.
    pub file: BString,
    /// The section; empty for commons and hubs.
    pub section: BString,
    /// The symbol that names it best; may be empty.
    pub symbol: BString,
}

/// The first step to what is new, or that led to what is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A reference from something that both outputs have.
    Edge {
        /// Where it is.
        from: Named,
        /// The symbol it names, if a relocation makes it.
        symbol: Option<BString>,
        /// Type and offset of the first relocation.
        reloc: Option<(u32, u64)>,
        /// The reference itself is in both links: what it reaches came or went.
        in_both: bool,
        /// What the same reference reaches in the other link, if that is something else.
        instead: Option<Named>,
    },
    /// A root.
    Root {
        /// In words.
        name: BString,
        /// The other link has it too.
        in_both: bool,
    },
    /// A member that a file of both links asks for, in one of them.
    Extracted {
        /// Who asks; empty for an option.
        by: BString,
        /// For which symbol; empty if it was taken whole.
        symbol: BString,
    },
    /// An input that only one of the links names.
    Input,
    /// A section of a file that both links have: the file itself changed.
    Changed,
}

/// What the other link has in the place of the first node behind the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// No such section.
    Absent,
    /// Its file is not in the link.
    NotExtracted,
    /// It is there and dropped.
    Dropped,
}

impl Elsewhere {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Elsewhere::Absent => "absent",
            Elsewhere::NotExtracted => "not-extracted",
            Elsewhere::Dropped => "dropped",
        }
    }
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// It makes bytes new; else bytes are lost.
    pub is_new: bool,
    /// The step.
    pub step: Step,
    /// The first node behind it.
    pub to: Named,
    /// What the other link has in its place.
    pub elsewhere: Elsewhere,
    /// Sections and commons behind the step.
    pub nodes: u64,
    /// Their bytes.
    pub bytes: Sums,
    /// The root that keeps it, in words; empty if none does.
    pub root: BString,
}

/// Bytes before and now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub old: Sums,
    /// Now.
    pub new: Sums,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes {
    /// Sections and commons that only the new output has.
    pub added: Change,
    /// Those that only the old one has.
    pub lost: Change,
    /// Those that both have.
    pub changed: Change,
    /// Padding.
    pub padding: Change,
    /// Script statements.
    pub statements: Change,
    /// The linker's own.
    pub linker: Change,
    /// Causes of what is new or lost: most bytes first.
    pub causes: Vec<Cause>,
}

/// Explains the difference of two links.
///
/// # Panics
/// If the parts do not add up: a defect of this program.
pub fn causes(old: &LinkSide<'_, '_>, new: &LinkSide<'_, '_>) -> Causes {
    let pairs = match_nodes(old, new);
    let mut answer = Causes::default();
    account(old, new, &pairs, &mut answer);
    answer.causes = Half::new(new, old, &pairs, true).causes();
    answer.causes.extend(Half::new(old, new, &pairs, false).causes());
    let (mut added, mut lost) = (Sums::default(), Sums::default());
    for cause in &answer.causes {
        (if cause.is_new { &mut added } else { &mut lost }).join(cause.bytes);
    }
    assert_eq!((added, lost), (answer.added.new, answer.lost.old), "causes add up");
    answer.causes.retain(|c| c.bytes.dec() > 0);
    answer.causes.sort_by(|a, b| {
        let key = |c: &Cause| (std::cmp::Reverse(c.bytes.dec()), c.is_new);
        key(a).cmp(&key(b)).then_with(|| {
            let key = |c: &'_ Cause| (c.to.file.clone(), c.to.section.clone(), c.to.symbol.clone());
            key(a).cmp(&key(b))
        })
    });
    answer
}

/// Where all bytes went.
fn account(old: &LinkSide<'_, '_>, new: &LinkSide<'_, '_>, pairs: &NodeMatch, answer: &mut Causes) {
    for (link, other, partner, is_new) in [(old, new, &pairs.new_of, false), (new, old, &pairs.old_of, true)]
    {
        for node in 0..link.portrait.node_count() as u32 {
            let Some(&(bytes, Some(class))) = link.laid.get(node as usize) else { continue };
            let mate = partner.get(node as usize).copied().unwrap_or(NONE);
            let change = if mate != NONE && other.is_kept(mate) {
                &mut answer.changed
            } else if is_new {
                &mut answer.added
            } else {
                &mut answer.lost
            };
            (if is_new { &mut change.new } else { &mut change.old }).add(class, bytes);
        }
        for part in &link.side.parts {
            let change = match part.kind {
                PartKind::Content => continue,
                PartKind::Padding => &mut answer.padding,
                PartKind::Statement => &mut answer.statements,
                PartKind::Linker => &mut answer.linker,
            };
            (if is_new { &mut change.new } else { &mut change.old }).add(part.class, part.bytes);
        }
    }
    let all = [answer.added, answer.lost, answer.changed, answer.padding, answer.statements, answer.linker];
    let (mut before, mut now) = (Sums::default(), Sums::default());
    for change in all {
        before.join(change.old);
        now.join(change.new);
    }
    assert_eq!((before, now), (old.side.sums, new.side.sums), "the account adds up");
}

/// One direction: what `here` has and `there` has not.
struct Half<'a, 'p, 'd> {
    here: &'a LinkSide<'p, 'd>,
    there: &'a LinkSide<'p, 'd>,
    /// By node of `here`: the node of `there`.
    there_of: &'a [u32],
    /// By node of `there`: the node of `here`.
    here_of: &'a [u32],
    is_new: bool,
    /// Files in the other link.
    labels: BTreeSet<BString>,
    /// By file of `here`: its row among the extractions.
    extracted: BTreeMap<u32, u32>,
}

/// How the search came to a node.
#[derive(Clone, Copy)]
enum Entry {
    Root(u32),
    Edge(u32, Option<usize>),
    Extracted(u32),
    Input,
    Changed,
}

impl<'a, 'p, 'd> Half<'a, 'p, 'd> {
    fn new(
        here: &'a LinkSide<'p, 'd>,
        there: &'a LinkSide<'p, 'd>,
        pairs: &'a NodeMatch,
        is_new: bool,
    ) -> Self {
        let (there_of, here_of) = if is_new {
            (&pairs.old_of[..], &pairs.new_of[..])
        } else {
            (&pairs.new_of[..], &pairs.old_of[..])
        };
        let q = there.portrait;
        let files = (0..q.files.path.len() as u32).filter(|&f| q.is_in_link(f));
        let labels = files.map(|f| there.common_label(f)).collect();
        let extracted = here.portrait.extractions.file.iter().copied().zip(0u32..).collect();
        Half { here, there, there_of, here_of, is_new, labels, extracted }
    }

    fn mate(&self, node: u32) -> Option<u32> {
        self.there_of.get(node as usize).copied().filter(|&m| m != NONE)
    }

    /// Kept here, not kept there.
    fn is_own(&self, node: u32) -> bool {
        self.here.is_kept(node) && !self.mate(node).is_some_and(|m| self.there.is_kept(m))
    }

    fn causes(&self) -> Vec<Cause> {
        let p = self.here.portrait;
        let count = p.node_count();
        let mut own = vec![false; count];
        for node in 0..count as u32 {
            if let Some(slot) = own.get_mut(node as usize) {
                *slot = self.is_own(node);
            }
        }
        let mut entries: Vec<(Entry, u32)> = Vec::new();
        let mut entry_of = vec![NONE; count];
        let mut queue = VecDeque::new();
        let mut enter = |entry: Entry, node: u32, queue: &mut VecDeque<u32>, entry_of: &mut Vec<u32>| {
            if own.get(node as usize) == Some(&true)
                && let Some(slot) = entry_of.get_mut(node as usize).filter(|s| **s == NONE)
            {
                *slot = entries.len() as u32;
                entries.push((entry, node));
                queue.push_back(node);
            }
        };
        // References tell more than roots of which there are many: a root counts where nothing refers.
        // Relocations tell more than groups and rules.
        for relocations in [true, false] {
            for node in
                (0..count as u32).filter(|&n| own.get(n as usize) == Some(&false) && self.here.is_kept(n))
            {
                self.here.for_each_target(node, |target, edge| {
                    if edge.is_some_and(|e| p.edges.count.at(e) > 0) == relocations {
                        enter(Entry::Edge(node, edge), target, &mut queue, &mut entry_of);
                    }
                });
            }
            self.spread(&own, &mut queue, &mut entry_of);
        }
        let roots: BTreeSet<BString> =
            (0..self.there.portrait.roots.node.len() as u32).map(|r| self.there.root_name(r)).collect();
        let is_new_root = |root: u32| !roots.contains(&self.here.root_name(root));
        let rooted: Vec<(u32, u32)> = (0u32..)
            .zip(p.roots.node.iter().copied())
            .filter(|(_, node)| own.get(*node as usize) == Some(&true))
            .collect();
        for &(root, node) in rooted.iter().filter(|r| is_new_root(r.0)) {
            enter(Entry::Root(root), node, &mut queue, &mut entry_of);
        }
        self.spread(&own, &mut queue, &mut entry_of);
        // Whatever a file has that only one of the links has came with that file.
        self.with_their_files(&own, &mut queue, &mut entry_of);
        for &(root, node) in &rooted {
            enter(Entry::Root(root), node, &mut queue, &mut entry_of);
        }
        self.spread(&own, &mut queue, &mut entry_of);
        // What no edge reaches was not collected: the input it is in says why.
        for node in 0..count as u32 {
            if own.get(node as usize) == Some(&true) && entry_of.get(node as usize) == Some(&NONE) {
                enter(self.entry_of_file(node), node, &mut queue, &mut entry_of);
                self.spread(&own, &mut queue, &mut entry_of);
            }
        }
        self.sum_up(&entries, &entry_of, &roots)
    }

    fn spread(&self, own: &[bool], queue: &mut VecDeque<u32>, entry_of: &mut [u32]) {
        while let Some(node) = queue.pop_front() {
            let entry = entry_of.get(node as usize).copied().unwrap_or(NONE);
            self.here.for_each_target(node, |target, _| {
                if own.get(target as usize) == Some(&true)
                    && let Some(slot) = entry_of.get_mut(target as usize).filter(|s| **s == NONE)
                {
                    *slot = entry;
                    queue.push_back(target);
                }
            });
        }
    }

    /// Gives what is left of files that the other link has not to the first step that reached the file, or
    /// the file that asked for it.
    fn with_their_files(&self, own: &[bool], queue: &mut VecDeque<u32>, entry_of: &mut [u32]) {
        let p = self.here.portrait;
        let mut first: BTreeMap<u32, u32> = BTreeMap::new();
        for (node, &entry) in (0u32..).zip(entry_of.iter()) {
            if entry != NONE {
                let slot = first.entry(p.owner(node)).or_insert(entry);
                *slot = entry.min(*slot);
            }
        }
        let mut found: BTreeMap<u32, Option<u32>> = BTreeMap::new();
        for node in 0..own.len() as u32 {
            let free = own.get(node as usize) == Some(&true) && entry_of.get(node as usize) == Some(&NONE);
            let file = p.owner(node);
            if !free || file == NONE {
                continue;
            }
            let entry = *found.entry(file).or_insert_with(|| self.step_to_file(file, &first));
            if let (Some(entry), Some(slot)) = (entry, entry_of.get_mut(node as usize)) {
                *slot = entry;
                queue.push_back(node);
            }
        }
        self.spread(own, queue, entry_of);
    }

    /// From asker to asker, as far as only this link has them.
    fn step_to_file(&self, file: u32, first: &BTreeMap<u32, u32>) -> Option<u32> {
        let (mut at, mut seen) = (file, BTreeSet::new());
        while at != NONE && !self.has_file(at) && seen.insert(at) {
            if let Some(&entry) = first.get(&at) {
                return Some(entry);
            }
            let row = *self.extracted.get(&at)?;
            at = self.here.portrait.extractions.by.get(row as usize).copied().unwrap_or(NONE);
        }
        None
    }

    /// Whether the other link has a file of this label in it.
    fn has_file(&self, file: u32) -> bool {
        file != NONE && self.labels.contains(&self.here.common_label(file))
    }

    fn entry_of_file(&self, node: u32) -> Entry {
        let p = self.here.portrait;
        let file = p.owner(node);
        if self.has_file(file) {
            return Entry::Changed;
        }
        // From asker to asker, until one is in both links.
        let (mut at, mut last) = (file, None);
        let mut seen = BTreeSet::new();
        while let Some(&row) = self.extracted.get(&at) {
            last = Some(row);
            let by = p.extractions.by.get(row as usize).copied().unwrap_or(NONE);
            if by == NONE || self.has_file(by) || !seen.insert(by) {
                break;
            }
            at = by;
        }
        last.map_or(Entry::Input, Entry::Extracted)
    }

    fn name(&self, link: &LinkSide<'_, '_>, node: u32) -> Named {
        let p = link.portrait;
        let section =
            if p.is_section(node) { BString::from(p.section_name(node)) } else { BString::default() };
        Named { file: link.file(p.owner(node)), section, symbol: BString::from(link.symbol(node)) }
    }

    fn sum_up(&self, entries: &[(Entry, u32)], entry_of: &[u32], roots: &BTreeSet<BString>) -> Vec<Cause> {
        let mut sums: Vec<(u64, Sums)> = vec![(0, Sums::default()); entries.len()];
        for (node, &entry) in entry_of.iter().enumerate() {
            if let (Some(sum), Some(&(bytes, Some(class)))) =
                (sums.get_mut(entry as usize), self.here.laid.get(node))
            {
                sum.0 += 1;
                sum.1.add(class, bytes);
            }
        }
        let mut causes: Vec<Cause> = Vec::new();
        // Entries of one file and reason that are no reference are one cause.
        let mut joined: BTreeMap<(u8, BString, BString), usize> = BTreeMap::new();
        for (&(entry, node), &(nodes, bytes)) in entries.iter().zip(&sums) {
            if nodes == 0 {
                continue;
            }
            let to = self.name(self.here, node);
            let step = self.step(entry, node, roots);
            let key = match &step {
                Step::Changed => Some((0, to.file.clone(), BString::default())),
                Step::Input => Some((1, to.file.clone(), BString::default())),
                Step::Extracted { by, symbol } => Some((2, by.clone(), symbol.clone())),
                Step::Root { name, .. } => Some((3, name.clone(), to.file.clone())),
                Step::Edge { .. } => None,
            };
            if let Some(key) = key {
                if let Some(cause) = joined.get(&key).and_then(|&at| causes.get_mut(at)) {
                    cause.nodes += nodes;
                    cause.bytes.join(bytes);
                    continue;
                }
                joined.insert(key, causes.len());
            }
            let root = self.here.root_of.get(node as usize).copied().filter(|&r| r != NONE);
            causes.push(Cause {
                is_new: self.is_new,
                step,
                to,
                elsewhere: self.elsewhere(node),
                nodes,
                bytes,
                root: root.map(|r| self.here.root_name(r)).unwrap_or_default(),
            });
        }
        causes
    }

    fn elsewhere(&self, node: u32) -> Elsewhere {
        if self.mate(node).is_some() {
            return Elsewhere::Dropped;
        }
        let owner = self.here.portrait.owner(node);
        if owner == NONE || self.has_file(owner) { Elsewhere::Absent } else { Elsewhere::NotExtracted }
    }

    fn step(&self, entry: Entry, node: u32, roots: &BTreeSet<BString>) -> Step {
        let p = self.here.portrait;
        let text = |id: u32| BString::from(p.strings.get(id));
        match entry {
            Entry::Root(root) => {
                let name = self.here.root_name(root);
                let in_both = roots.contains(&name);
                Step::Root { name, in_both }
            }
            Entry::Edge(from, edge) => {
                let symbol = edge.and_then(|e| p.edge_symbol(e)).map(|s| text(s.name));
                let reloc = edge
                    .filter(|&e| p.edges.count.at(e) > 0)
                    .map(|e| (p.edges.reloc.at(e), p.edges.offset.at(e)));
                let (in_both, instead) = self.same_reference(from, node, symbol.as_ref());
                Step::Edge { from: self.name(self.here, from), symbol, reloc, in_both, instead }
            }
            Entry::Extracted(row) => {
                let at = row as usize;
                let by = p.extractions.by.get(at).copied().unwrap_or(NONE);
                let option = p.extractions.text.get(at).copied().unwrap_or(NONE);
                let by = if by == NONE { text(option) } else { self.here.file(by) };
                Step::Extracted { by, symbol: text(p.extractions.symbol.get(at).copied().unwrap_or(NONE)) }
            }
            Entry::Input => Step::Input,
            Entry::Changed => Step::Changed,
        }
    }

    /// Whether the other link's copy of `from` refers to the same thing, and what it reaches there by the
    /// same symbol if that is something else.
    fn same_reference(&self, from: u32, to: u32, symbol: Option<&BString>) -> (bool, Option<Named>) {
        let q = self.there.portrait;
        let Some(mate) = self.mate(from) else { return (false, None) };
        let (mut in_both, mut instead) = (false, None);
        self.there.for_each_target(mate, |target, edge| {
            let back = self.here_of.get(target as usize).copied().unwrap_or(NONE);
            let named = edge
                .and_then(|e| q.edge_symbol(e))
                .is_some_and(|s| Some(q.strings.get(s.name)) == symbol.map(|s| &s[..]) && !s.sectional);
            if back == to {
                in_both = true;
            } else if named {
                in_both = true;
                instead = Some(target);
            }
        });
        (in_both, instead.map(|node| self.name(self.there, node)))
    }
}

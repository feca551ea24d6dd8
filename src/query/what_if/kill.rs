//! What must go so that something dies (`--kill`).
//!
//! In: a finished link and a pattern as of `why`. Out: [`Kill`]: sets of roots and sections without which nothing that the pattern names lives:
//! the smallest ones nearest the roots and nearest the thing, every single one where one suffices, and that of roots
//! alone. Each is verified by marking again; the smallest come first, of equal ones those that free most.

use bstr::BString;
use fixedbitset::FixedBitSet;

use super::flow::smallest_cuts;
use crate::error::Result;
use crate::ids::Id;
use crate::query::dominators::{FlowGraph, NONE};
use crate::query::finished::{Finished, nodes};
use crate::query::retained::live_graph::Vertex;
use crate::query::retained::sets::Own;
use crate::query::retained::{Forest, roots};
use crate::query::why;

/// Larger sets are not looked for.
pub const MOST_ITEMS: usize = 500;

/// The most single vertices that are told where one suffices.
const MOST_SINGLE: usize = 20;

/// Something that goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// The kind of root, or `section`.
    pub kind: &'static str,
    /// Its name: a KEEP's text, a symbol, a section.
    pub name: BString,
    /// A KEEP's place, a section's file.
    pub place: BString,
}

/// A set that suffices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    /// It holds roots only.
    pub roots_only: bool,
    /// Its members.
    pub items: Vec<Item>,
    /// What dies without them, they themselves included.
    pub freed: Own,
    /// Marking again has confirmed that all that was named dies.
    pub verified: bool,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kill {
    /// Things that the pattern names.
    pub matched: usize,
    /// Live sections among them.
    pub live: Own,
    /// Whether anything of it lives.
    pub lives: bool,
    /// Sets that suffice: the smallest first, of equal ones those that free most.
    pub cuts: Vec<Cut>,
    /// No set was found: the linker keeps it by a rule of its own, or more than [`MOST_ITEMS`] things would have to go.
    pub endless: bool,
}

/// Answers.
///
/// # Errors
/// Marking again needs more than is known of the link.
pub fn kill(link: &impl Finished, pattern: &[u8]) -> Result<Kill> {
    let named = why::named(link, pattern);
    let mut answer = Kill { matched: named.len(), ..Kill::default() };
    if !link.collects() {
        answer.endless = true;
        return Ok(answer);
    }
    let forest = Forest::of(link);
    let mut sinks: Vec<u32> =
        named.into_iter().flat_map(|(_, nodes)| nodes).filter_map(|node| forest.graph.of(node)).collect();
    sinks.sort_unstable();
    sinks.dedup();
    for &sink in &sinks {
        let own = forest.own[sink as usize];
        answer.live.bytes = answer.live.bytes.saturating_add(own.bytes);
        answer.live.sections += own.sections;
    }
    answer.lives = !sinks.is_empty();
    if sinks.is_empty() {
        return Ok(answer);
    }
    let removable = |v: u32| matches!(forest.graph.vertex(v), Vertex::Reason(_) | Vertex::Node(_));
    let mut sets: Vec<Vec<u32>> = Vec::new();
    if let Some(cuts) = smallest_cuts(&forest.graph.flow, &sinks, removable, MOST_ITEMS) {
        if cuts.nearest_source.len() == 1 {
            sets.extend(common_dominators(&forest, &sinks).into_iter().take(MOST_SINGLE).map(|v| vec![v]));
        }
        sets.extend([cuts.nearest_source, cuts.nearest_sink]);
    }
    let above = leading_to(&forest.graph.flow, &sinks);
    let rooted: Vec<u32> = (0..forest.graph.reasons.len())
        .map(|r| forest.graph.of_reason(r))
        .filter(|&v| above[v as usize])
        .collect();
    let by_rule = forest
        .graph
        .flow
        .successors(0)
        .iter()
        .any(|&v| above[v as usize] && !matches!(forest.graph.vertex(v), Vertex::Reason(_)));
    if !by_rule && rooted.len() <= MOST_ITEMS {
        sets.push(rooted);
    }
    for set in &mut sets {
        set.sort_unstable();
    }
    let mut seen: Vec<Vec<u32>> = Vec::new();
    for set in sets {
        if !seen.contains(&set) && !set.is_empty() {
            answer.cuts.push(verified(link, &forest, &sinks, &set)?);
            seen.push(set);
        }
    }
    answer.cuts.sort_by_key(|c| (!c.verified, c.items.len(), std::cmp::Reverse(c.freed.bytes)));
    answer.endless = answer.cuts.is_empty();
    Ok(answer)
}

/// Vertices that every path to every sink passes through, nearest the sinks first.
fn common_dominators(forest: &Forest, sinks: &[u32]) -> Vec<u32> {
    let chain = |vertex: u32| {
        let mut out = Vec::new();
        let mut at = forest.tree.idom[vertex as usize];
        while at != NONE && at != 0 {
            out.push(at);
            at = forest.tree.idom[at as usize];
        }
        out
    };
    let Some((&first, rest)) = sinks.split_first() else { return Vec::new() };
    let mut common = chain(first);
    for &sink in rest {
        let own: std::collections::BTreeSet<u32> = chain(sink).into_iter().collect();
        common.retain(|v| own.contains(v) && !sinks.contains(v));
    }
    common.retain(|&v| matches!(forest.graph.vertex(v), Vertex::Reason(_) | Vertex::Node(_)));
    common
}

/// What leads to some vertices.
fn leading_to(graph: &FlowGraph, sinks: &[u32]) -> Vec<bool> {
    let count = graph.len() as u32;
    let edges: Vec<(u32, u32)> =
        (0..count).flat_map(|v| graph.successors(v).iter().map(move |&next| (next, v))).collect();
    let back = FlowGraph::from_edges(count as usize, &edges);
    let mut seen = vec![false; count as usize];
    let mut stack: Vec<u32> = sinks.to_vec();
    while let Some(at) = stack.pop() {
        if !std::mem::replace(&mut seen[at as usize], true) {
            stack.extend(back.successors(at));
        }
    }
    seen
}

/// Takes a set away and marks again.
fn verified(link: &impl Finished, forest: &Forest, sinks: &[u32], set: &[u32]) -> Result<Cut> {
    let mut cut = Cut { roots_only: true, ..Cut::default() };
    let mut removed = FixedBitSet::with_capacity(link.node_count());
    let mut left = link.roots();
    for &vertex in set {
        match forest.graph.vertex(vertex) {
            Vertex::Reason(number) => {
                let reason = forest.graph.reasons[number];
                left.retain(|root| !reason.covers(root));
                let (name, place) = roots::reason(link, &reason);
                cut.items.push(Item { kind: reason.kind.word(), name, place });
            }
            Vertex::Node(node) => {
                removed.insert(node.index());
                cut.roots_only = false;
                let (kind, name, place) = link.thing(node);
                cut.items.push(Item { kind, name, place });
            }
            _ => {}
        }
    }
    let stays = link.mark_again(&left, Some(&removed))?;
    let mut gone = link.live();
    gone.difference_with(&stays);
    for node in nodes(&gone) {
        let own = link.own(node);
        cut.freed.bytes = cut.freed.bytes.saturating_add(own.bytes);
        cut.freed.sections += own.sections;
    }
    cut.verified = sinks.iter().all(|&sink| match forest.graph.vertex(sink) {
        Vertex::Node(node) => !stays.contains(node.index()),
        _ => true,
    });
    Ok(cut)
}

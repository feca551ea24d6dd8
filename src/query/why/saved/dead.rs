//! Why something of a saved link does not live.
//!
//! In: dead subjects and the edges of the portrait. Out: a [`Death`] for each, as far as edges tell: referrers
//! and the dropped nodes they hang on. Scripts, symbols that lost and references that do not count are known
//! to the link alone.

use std::collections::VecDeque;

use fixedbitset::FixedBitSet;

use super::super::death::{Cause, Death, Head, MOST_REFERRERS, Referrer, ReferrerState, Uncounted};
use super::super::subject::{State, What};
use super::super::view::View;
use super::super::{Remedy, Subject};
use super::find;
use crate::graph::EdgeKind;
use crate::ids::{Id, NodeId, SectionId};
use crate::query::portrait::{Column, Portrait};

/// Dropped nodes visited on the way up from one subject.
const MOST_VISITED: usize = 100_000;

/// Explains all dead subjects.
pub(super) fn explain(p: &Portrait<'_>, subjects: &mut [Subject]) {
    let reverse = Reverse::new(p);
    for s in subjects.iter_mut() {
        if let (What::File(file), None) = (s.what, s.node) {
            let dead = |n: &u32| find::section_state(p, SectionId(*n)) == State::Dead;
            let key = |n: &u32| (p.is_alloc(*n), p.size(*n), std::cmp::Reverse(*n));
            s.node = p.sections_of(file.0).filter(dead).max_by_key(key).map(NodeId);
        }
        let Some(node) = s.node.filter(|n| n.index() < p.node_count()) else { continue };
        if s.state.is_live() {
            continue;
        }
        s.death = Some(Box::new(death(p, &reverse, node)));
    }
}

/// Sources by target.
struct Reverse {
    first: Vec<u32>,
    source: Vec<u32>,
}

impl Reverse {
    fn new(p: &Portrait<'_>) -> Reverse {
        let nodes = p.node_count();
        let mut first = vec![0u32; nodes + 1];
        let targets: &Column<'_, u32> = &p.edges.target;
        for &target in targets.iter() {
            if let Some(slot) = first.get_mut(target as usize + 1) {
                *slot += 1;
            }
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        let mut next = first.clone();
        let mut source = vec![0u32; targets.len()];
        for from in 0..nodes as u32 {
            for &target in p.targets(from) {
                if let Some(at) = next.get_mut(target as usize) {
                    if let Some(slot) = source.get_mut(*at as usize) {
                        *slot = from;
                    }
                    *at += 1;
                }
            }
        }
        Reverse { first, source }
    }

    fn of(&self, node: u32) -> &[u32] {
        let at = |row: usize| self.first.get(row).copied().unwrap_or(0) as usize;
        self.source.get(at(node as usize)..at(node as usize + 1)).unwrap_or_default()
    }
}

fn death(p: &Portrait<'_>, reverse: &Reverse, node: NodeId) -> Death {
    let section = View::section(p, node);
    let group = section.and_then(|s| p.group_of(s.0));
    let members = group.map_or(&[][..], |g| p.group_members(g));
    let peers: Vec<SectionId> = members.iter().filter(|m| **m != node.0).map(|&m| SectionId(m)).collect();
    let mut list: Vec<Referrer> = Vec::new();
    for &from in reverse.of(node.0).iter().filter(|from| **from != node.0) {
        let Some(edge) = p.edge_between(from, node.0) else { continue };
        let kind = p.edge_kind(edge);
        let reloc = p.edge_use(from, edge);
        if reloc.is_none() && (peers.contains(&SectionId(from)) || kind == EdgeKind::Group) {
            continue;
        }
        list.push(Referrer { from: NodeId(from), reloc, kind, state: referrer_state(p, reverse, from) });
    }
    let count = list.len() as u64;
    list.sort_by_key(|r| (!matches!(r.state, ReferrerState::Live(_)), r.from));
    list.truncate(MOST_REFERRERS);
    let heads = heads(p, reverse, node.0);
    let state = section.map(|s| find::section_state(p, s));
    let counted = list.iter().any(|r| !matches!(r.state, ReferrerState::Live(_)));
    let cause = match (state, count) {
        (Some(State::Lost), _) => Cause::Lost { winner: None },
        (Some(State::Excluded), _) => Cause::Excluded,
        (Some(State::Structural | State::Pieces | State::AlwaysKept), _) => Cause::Structural,
        (_, 0) => Cause::NoReferrer,
        _ if !counted => Cause::OnlyUncounted,
        _ if heads.is_empty() => Cause::Cycle,
        _ => Cause::OnlyDead,
    };
    let remedies = section.map(Remedy::Refer).into_iter().collect();
    Death {
        node,
        section,
        cause,
        referrers: list,
        referrer_count: count,
        heads,
        nearest_live: None,
        group_peers: peers,
        symbols: Vec::new(),
        table: None,
        placed: None,
        remedies,
    }
}

fn referrer_state(p: &Portrait<'_>, reverse: &Reverse, from: u32) -> ReferrerState {
    let Some(section) = View::section(p, NodeId(from)) else {
        let live = p.is_live(from);
        return if live { ReferrerState::Live(Uncounted::Bounds) } else { ReferrerState::Dead };
    };
    match find::section_state(p, section) {
        State::Lost if p.is_live(from) => ReferrerState::Live(Uncounted::LostCopy),
        State::Lost => ReferrerState::Lost,
        State::Excluded => ReferrerState::Excluded,
        State::Live | State::AlwaysKept | State::Pieces => {
            let why = if p.is_alloc(from) { Uncounted::Other } else { Uncounted::NotAllocated };
            ReferrerState::Live(why)
        }
        _ if reverse.of(from).iter().any(|n| *n != from) => ReferrerState::Dead,
        _ => ReferrerState::DeadUnreferenced,
    }
}

/// The nearest dropped nodes that nothing dropped refers to and that lead here, at most three.
fn heads(p: &Portrait<'_>, reverse: &Reverse, node: u32) -> Vec<Head> {
    let mut seen = FixedBitSet::with_capacity(p.node_count());
    let mut below: Vec<(u32, usize)> = vec![(node, usize::MAX)];
    let mut queue: VecDeque<usize> = VecDeque::from([0]);
    seen.insert(node as usize);
    let mut out = Vec::new();
    while let Some(at) = queue.pop_front() {
        let Some(&(current, _)) = below.get(at) else { continue };
        let mut above = 0;
        for &from in reverse.of(current).iter().filter(|from| **from != current && !p.is_live(**from)) {
            above += 1;
            if !seen.put(from as usize) && below.len() < MOST_VISITED {
                below.push((from, at));
                queue.push_back(below.len() - 1);
            }
        }
        if above == 0 && at > 0 {
            let mut path = Vec::new();
            let mut back = at;
            while let Some(&(n, previous)) = below.get(back) {
                path.push(NodeId(n));
                back = previous;
            }
            out.push(Head { path, table: None });
            if out.len() == 3 {
                break;
            }
        }
    }
    out
}

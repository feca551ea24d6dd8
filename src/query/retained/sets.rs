//! What every path to a vertex passes through: not single vertices (that is dominance) but groups of them.
//!
//! In: a flow graph and a group number per vertex. Out: for each group what is not reached without it, all groups
//! at once. The set of groups on every path to a vertex is that of its own group and those on every path to all of
//! its predecessors; sets only shrink, so the walk ends at the greatest solution.

use crate::query::dominators::{FlowGraph, NONE};

/// Amounts of a vertex.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Own {
    /// Bytes.
    pub bytes: u64,
    /// Sections.
    pub sections: u64,
}

/// Sums `own` of everything that is not reached from vertex 0 without the vertices of each group. `group` holds a
/// group number below `count` or [`NONE`] per vertex.
pub fn retained_by_groups(graph: &FlowGraph, group: &[u32], count: usize, own: &[Own]) -> Vec<Own> {
    let mut sums = vec![Own::default(); count];
    let sets = groups_on_all_paths(graph, group);
    for (set, own) in sets.iter().zip(own) {
        for &number in set.iter().flatten() {
            if let Some(sum) = sums.get_mut(number as usize) {
                sum.bytes = sum.bytes.saturating_add(own.bytes);
                sum.sections += own.sections;
            }
        }
    }
    sums
}

/// By vertex: the groups that every path from vertex 0 passes through, sorted; `None` for what is not reached.
pub fn groups_on_all_paths(graph: &FlowGraph, group: &[u32]) -> Vec<Option<Vec<u32>>> {
    let order = reverse_postorder(graph);
    let mut sets: Vec<Option<Vec<u32>>> = vec![None; graph.len()];
    if let Some(&root) = order.first() {
        let own = group.get(root as usize).copied().filter(|&g| g != NONE);
        sets[root as usize] = Some(own.into_iter().collect());
    }
    loop {
        let mut changed = false;
        for &vertex in &order {
            let Some(from) = sets[vertex as usize].take() else { continue };
            for &next in graph.successors(vertex) {
                if next == vertex {
                    continue;
                }
                let own = group.get(next as usize).copied().unwrap_or(NONE);
                match &mut sets[next as usize] {
                    Some(set) => {
                        let before = set.len();
                        set.retain(|g| *g == own || from.binary_search(g).is_ok());
                        changed |= set.len() != before;
                    }
                    slot => {
                        let mut set = from.clone();
                        if own != NONE
                            && let Err(at) = set.binary_search(&own)
                        {
                            set.insert(at, own);
                        }
                        *slot = Some(set);
                        changed = true;
                    }
                }
            }
            sets[vertex as usize] = Some(from);
        }
        if !changed {
            return sets;
        }
    }
}

fn reverse_postorder(graph: &FlowGraph) -> Vec<u32> {
    let mut order = Vec::new();
    if graph.is_empty() {
        return order;
    }
    let mut seen = vec![false; graph.len()];
    let mut stack: Vec<(u32, u32)> = vec![(0, 0)];
    seen[0] = true;
    while let Some(top) = stack.last_mut() {
        let (vertex, at) = *top;
        match graph.successors(vertex).get(at as usize) {
            Some(&next) => {
                top.1 += 1;
                if !std::mem::replace(&mut seen[next as usize], true) {
                    stack.push((next, 0));
                }
            }
            None => {
                order.push(vertex);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reached(graph: &FlowGraph, without: impl Fn(u32) -> bool) -> Vec<bool> {
        let mut seen = vec![false; graph.len()];
        let mut stack = Vec::new();
        if !without(0) {
            seen[0] = true;
            stack.push(0u32);
        }
        while let Some(vertex) = stack.pop() {
            for &next in graph.successors(vertex) {
                if !without(next) && !std::mem::replace(&mut seen[next as usize], true) {
                    stack.push(next);
                }
            }
        }
        seen
    }

    proptest! {
        #[test]
        fn equals_taking_groups_away(
            (count, edges, groups) in (2u32..30).prop_flat_map(|n| (
                Just(n),
                prop::collection::vec((0..n, 0..n), 0..100),
                prop::collection::vec(0u32..6, n as usize),
            ))
        ) {
            let graph = FlowGraph::from_edges(count as usize, &edges);
            let mut group = groups;
            group[0] = NONE;
            let own = vec![Own { bytes: 1, sections: 1 }; count as usize];
            let sums = retained_by_groups(&graph, &group, 6, &own);
            let all = reached(&graph, |_| false);
            for number in 0..6u32 {
                let left = reached(&graph, |v| group[v as usize] == number);
                let freed = all.iter().zip(&left).filter(|(a, l)| **a && !**l).count() as u64;
                prop_assert_eq!(sums[number as usize].bytes, freed, "group {}", number);
            }
        }
    }
}

//! Smallest sets of vertices between a source and a sink: maximum flow with capacity 1 per vertex (Dinic).
//!
//! In: a flow graph, which vertices can be taken, the sinks. Out: the smallest set nearest the source and the one
//! nearest the sinks. Without recursion; the flow is given up beyond a limit.

use crate::query::dominators::FlowGraph;

const ENDLESS: u32 = u32::MAX / 2;

/// The two outermost of all smallest sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuts {
    /// The one nearest the source.
    pub nearest_source: Vec<u32>,
    /// The one nearest the sinks.
    pub nearest_sink: Vec<u32>,
}

struct Network {
    heads: Vec<Vec<u32>>,
    to: Vec<u32>,
    capacity: Vec<u32>,
}

impl Network {
    fn add(&mut self, from: u32, to: u32, capacity: u32) {
        self.heads[from as usize].push(self.to.len() as u32);
        self.to.push(to);
        self.capacity.push(capacity);
        self.heads[to as usize].push(self.to.len() as u32);
        self.to.push(from);
        self.capacity.push(0);
    }

    /// Distances from `source` in the residual network.
    fn levels(&self, source: u32) -> Vec<u32> {
        let mut level = vec![u32::MAX; self.heads.len()];
        level[source as usize] = 0;
        let mut queue = std::collections::VecDeque::from([source]);
        while let Some(at) = queue.pop_front() {
            for &edge in &self.heads[at as usize] {
                let next = self.to[edge as usize];
                if self.capacity[edge as usize] > 0 && level[next as usize] == u32::MAX {
                    level[next as usize] = level[at as usize] + 1;
                    queue.push_back(next);
                }
            }
        }
        level
    }

    /// What leads to `sink` in the residual network.
    fn leading_to(&self, sink: u32) -> Vec<bool> {
        let mut seen = vec![false; self.heads.len()];
        seen[sink as usize] = true;
        let mut stack = vec![sink];
        while let Some(at) = stack.pop() {
            for &edge in &self.heads[at as usize] {
                let before = self.to[edge as usize];
                // The edge back to `at` is this one's twin.
                if self.capacity[(edge ^ 1) as usize] > 0
                    && !std::mem::replace(&mut seen[before as usize], true)
                {
                    stack.push(before);
                }
            }
        }
        seen
    }

    /// Sends one unit along the levels; the edges tried are not tried again.
    fn send(&mut self, source: u32, sink: u32, level: &[u32], next: &mut [usize]) -> bool {
        let mut path: Vec<u32> = Vec::new();
        let mut at = source;
        while at != sink {
            let heads = &self.heads[at as usize];
            match heads.get(next[at as usize]).copied() {
                Some(edge) => {
                    let to = self.to[edge as usize];
                    let down = level[to as usize] != u32::MAX && level[to as usize] == level[at as usize] + 1;
                    if self.capacity[edge as usize] > 0 && down {
                        path.push(edge);
                        at = to;
                    } else {
                        next[at as usize] += 1;
                    }
                }
                None => {
                    let Some(edge) = path.pop() else { return false };
                    at = self.to[(edge ^ 1) as usize];
                    next[at as usize] += 1;
                }
            }
        }
        for edge in path {
            self.capacity[edge as usize] -= 1;
            self.capacity[(edge ^ 1) as usize] += 1;
        }
        true
    }
}

/// The smallest sets of vertices for which `can_go` holds, without which vertex 0 reaches none of `sinks`; `None` if there
/// is none, or none of at most `limit` vertices.
pub fn smallest_cuts(
    graph: &FlowGraph,
    sinks: &[u32],
    can_go: impl Fn(u32) -> bool,
    limit: usize,
) -> Option<Cuts> {
    let count = graph.len() as u32;
    let (enter, leave, sink) = (|v: u32| 2 * v, |v: u32| 2 * v + 1, 2 * count);
    let mut network =
        Network { heads: vec![Vec::new(); 2 * count as usize + 1], to: Vec::new(), capacity: Vec::new() };
    let mut is_sink = vec![false; count as usize];
    for &vertex in sinks {
        is_sink[vertex as usize] = true;
    }
    for vertex in 0..count {
        if is_sink[vertex as usize] {
            network.add(enter(vertex), sink, ENDLESS);
            continue;
        }
        let capacity = if vertex != 0 && can_go(vertex) { 1 } else { ENDLESS };
        network.add(enter(vertex), leave(vertex), capacity);
        for &next in graph.successors(vertex) {
            network.add(leave(vertex), enter(next), ENDLESS);
        }
    }
    let source = leave(0);
    let mut flow = 0usize;
    loop {
        let level = network.levels(source);
        if level[sink as usize] == u32::MAX {
            break;
        }
        let mut next = vec![0usize; network.heads.len()];
        while network.send(source, sink, &level, &mut next) {
            flow += 1;
            if flow > limit {
                return None;
            }
        }
    }
    let from_source = network.levels(source);
    let to_sink = network.leading_to(sink);
    let middle = |split: &dyn Fn(u32, u32) -> bool| {
        (1..count).filter(|&v| !is_sink[v as usize] && split(enter(v), leave(v))).collect::<Vec<u32>>()
    };
    let reached = |v: u32| from_source[v as usize] != u32::MAX;
    Some(Cuts {
        nearest_source: middle(&|enter, leave| reached(enter) && !reached(leave)),
        nearest_sink: middle(&|enter, leave| !to_sink[enter as usize] && to_sink[leave as usize]),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reaches(graph: &FlowGraph, sink: u32, gone: &[u32]) -> bool {
        let mut seen = vec![false; graph.len()];
        let mut stack = vec![0u32];
        while let Some(at) = stack.pop() {
            if gone.contains(&at) || std::mem::replace(&mut seen[at as usize], true) {
                continue;
            }
            stack.extend(graph.successors(at));
        }
        seen[sink as usize]
    }

    #[test]
    fn both_ends() {
        let graph = FlowGraph::from_edges(6, &[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5)]);
        let cuts = smallest_cuts(&graph, &[5], |_| true, 9);
        assert_eq!(cuts, Some(Cuts { nearest_source: vec![1], nearest_sink: vec![4] }));
        let cuts = smallest_cuts(&graph, &[5], |v| v == 2 || v == 3, 9);
        assert_eq!(cuts, Some(Cuts { nearest_source: vec![2, 3], nearest_sink: vec![2, 3] }));
        assert_eq!(smallest_cuts(&graph, &[5], |v| v == 2, 9), None);
        assert_eq!(smallest_cuts(&graph, &[1], |_| true, 9), None);
    }

    proptest! {
        #[test]
        fn are_smallest(
            (count, edges) in (3u32..9).prop_flat_map(|n| (Just(n), prop::collection::vec((0..n, 0..n), 0..30)))
        ) {
            let graph = FlowGraph::from_edges(count as usize, &edges);
            let sink = count - 1;
            let others: Vec<u32> = (1..sink).collect();
            // The smallest of all subsets.
            let best = (0u32..1 << others.len())
                .map(|bits| others.iter().copied().filter(|v| bits >> (v - 1) & 1 == 1).collect::<Vec<_>>())
                .filter(|gone| !reaches(&graph, sink, gone))
                .map(|gone| gone.len())
                .min();
            match smallest_cuts(&graph, &[sink], |_| true, 100) {
                None => prop_assert_eq!(best, None),
                Some(cuts) => {
                    for cut in [&cuts.nearest_source, &cuts.nearest_sink] {
                        prop_assert_eq!(Some(cut.len()), best);
                        prop_assert!(!reaches(&graph, sink, cut));
                    }
                }
            }
        }
    }
}

//! Immediate dominators of a flow graph: Semi-NCA (Georgiadis 2005) on a CSR, without recursion.
//!
//! In: [`FlowGraph`] and its root. Out: the immediate dominator of every vertex. Vertices that the root does not reach
//! have none.

/// "No vertex."
pub const NONE: u32 = u32::MAX;

/// A directed graph as a CSR.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowGraph {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl FlowGraph {
    /// Builds the CSR from the successors of each vertex in order.
    pub fn new(successors: impl IntoIterator<Item = Vec<u32>>) -> Self {
        let mut graph = FlowGraph { starts: vec![0], targets: Vec::new() };
        for list in successors {
            graph.targets.extend(list);
            graph.starts.push(u32::try_from(graph.targets.len()).unwrap_or(u32::MAX));
        }
        graph
    }

    /// Sorts edges by source; edges of vertices beyond `count` are left out.
    pub fn from_edges(count: usize, edges: &[(u32, u32)]) -> Self {
        let inside = |&&(from, to): &&(u32, u32)| (from as usize) < count && (to as usize) < count;
        let mut starts = vec![0u32; count + 1];
        for &(from, _) in edges.iter().filter(inside) {
            starts[from as usize + 1] += 1;
        }
        for vertex in 0..count {
            starts[vertex + 1] += starts[vertex];
        }
        let mut next = starts.clone();
        let mut targets = vec![0u32; starts[count] as usize];
        for &(from, to) in edges.iter().filter(inside) {
            targets[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        }
        FlowGraph { starts, targets }
    }

    /// Number of vertices.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there are no vertices.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Successors of a vertex.
    #[inline]
    pub fn successors(&self, vertex: u32) -> &[u32] {
        let from = self.starts.get(vertex as usize).copied().unwrap_or(0) as usize;
        let to = self.starts.get(vertex as usize + 1).copied().unwrap_or(0) as usize;
        self.targets.get(from..to).unwrap_or(&[])
    }

    /// Number of edges.
    pub fn edge_count(&self) -> usize {
        self.targets.len()
    }
}

/// The dominator tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dominators {
    /// Immediate dominator of each vertex; [`NONE`] for the root and for what it does not reach.
    pub idom: Vec<u32>,
    /// Reached vertices in depth-first preorder, the root first. A dominator stands before what it dominates.
    pub preorder: Vec<u32>,
}

/// Computes the immediate dominators of what `root` reaches.
pub fn dominators(graph: &FlowGraph, root: u32) -> Dominators {
    let count = graph.len();
    let mut number = vec![NONE; count];
    let mut preorder: Vec<u32> = Vec::new();
    // Parent in the depth-first tree, by preorder number.
    let mut parent: Vec<u32> = Vec::new();
    if (root as usize) < count {
        let mut stack: Vec<(u32, u32)> = vec![(root, 0)];
        number[root as usize] = 0;
        preorder.push(root);
        parent.push(0);
        while let Some(top) = stack.last_mut() {
            let (vertex, at) = *top;
            let Some(&next) = graph.successors(vertex).get(at as usize) else {
                stack.pop();
                continue;
            };
            top.1 += 1;
            if number[next as usize] == NONE {
                number[next as usize] = preorder.len() as u32;
                parent.push(number[vertex as usize]);
                preorder.push(next);
                stack.push((next, 0));
            }
        }
    }
    let reached = preorder.len();
    let (starts, sources) = predecessors(graph, &preorder, &number);

    // All by preorder number from here on.
    let mut semi: Vec<u32> = (0..reached as u32).collect();
    let mut label: Vec<u32> = semi.clone();
    let mut ancestor: Vec<u32> = parent.clone();
    let mut path: Vec<u32> = Vec::new();
    for vertex in (1..reached as u32).rev() {
        let mut best = parent[vertex as usize];
        for &source in &sources[starts[vertex as usize] as usize..starts[vertex as usize + 1] as usize] {
            let found = evaluate(source, vertex, &mut ancestor, &mut label, &semi, &mut path);
            best = best.min(semi[found as usize]);
        }
        semi[vertex as usize] = best;
    }
    let mut above: Vec<u32> = parent;
    for vertex in 1..reached {
        let mut at = above[vertex];
        while at > semi[vertex] {
            at = above[at as usize];
        }
        above[vertex] = at;
    }
    let mut idom = vec![NONE; count];
    for vertex in 1..reached {
        idom[preorder[vertex] as usize] = preorder[above[vertex] as usize];
    }
    Dominators { idom, preorder }
}

/// Edges backwards, in preorder numbers.
fn predecessors(graph: &FlowGraph, preorder: &[u32], number: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; preorder.len() + 2];
    for &vertex in preorder {
        for &next in graph.successors(vertex) {
            starts[number[next as usize] as usize + 2] += 1;
        }
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut sources = vec![0u32; starts.last().copied().unwrap_or(0) as usize];
    for (source, &vertex) in (0u32..).zip(preorder) {
        for &next in graph.successors(vertex) {
            let slot = &mut starts[number[next as usize] as usize + 1];
            sources[*slot as usize] = source;
            *slot += 1;
        }
    }
    (starts, sources)
}

/// The vertex of least semidominator on the linked path above `vertex`; everything from `linked` on is not linked yet.
fn evaluate(
    vertex: u32,
    linked: u32,
    ancestor: &mut [u32],
    label: &mut [u32],
    semi: &[u32],
    path: &mut Vec<u32>,
) -> u32 {
    if vertex <= linked {
        return vertex;
    }
    path.clear();
    let mut at = vertex;
    while ancestor[at as usize] > linked {
        path.push(at);
        at = ancestor[at as usize];
    }
    // From the top down, every vertex of the path takes over what is best above it.
    while let Some(below) = path.pop() {
        let above = ancestor[below as usize];
        if semi[label[above as usize] as usize] < semi[label[below as usize] as usize] {
            label[below as usize] = label[above as usize];
        }
        ancestor[below as usize] = ancestor[above as usize];
    }
    label[vertex as usize]
}

/// Sums `own` over every subtree of the dominator tree.
pub fn subtree_sums(tree: &Dominators, own: &[u64]) -> Vec<u64> {
    let mut sums = own.to_vec();
    for &vertex in tree.preorder.iter().rev() {
        let above = tree.idom[vertex as usize];
        if above != NONE {
            sums[above as usize] = sums[above as usize].saturating_add(sums[vertex as usize]);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use petgraph::algo::dominators::simple_fast;
    use petgraph::graph::{DiGraph, NodeIndex};
    use proptest::prelude::*;

    use super::*;

    fn graph(count: u32, edges: &[(u32, u32)]) -> FlowGraph {
        FlowGraph::from_edges(count as usize, edges)
    }

    #[test]
    fn a_join_is_dominated_by_the_fork() {
        let tree = dominators(&graph(6, &[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5)]), 0);
        assert_eq!(tree.idom, [NONE, 0, 1, 1, 1, 4]);
        assert_eq!(subtree_sums(&tree, &[1; 6]), [6, 5, 1, 1, 2, 1]);
    }

    #[test]
    fn a_million_deep_chain_needs_no_stack() {
        let count = 1_000_000u32;
        let chain = FlowGraph::new((0..count).map(|v| if v + 1 < count { vec![v + 1] } else { vec![0] }));
        let tree = dominators(&chain, 0);
        assert_eq!(tree.idom[count as usize - 1], count - 2);
    }

    proptest! {
        #[test]
        fn equals_petgraph(
            (count, edges) in (1u32..40).prop_flat_map(|n| (Just(n), prop::collection::vec((0..n, 0..n), 0..140)))
        ) {
            let mut other = DiGraph::<(), ()>::new();
            for _ in 0..count {
                other.add_node(());
            }
            for &(a, b) in &edges {
                other.add_edge(NodeIndex::new(a as usize), NodeIndex::new(b as usize), ());
            }
            let theirs = simple_fast(&other, NodeIndex::new(0));
            let ours = dominators(&graph(count, &edges), 0);
            for vertex in 0..count {
                let theirs = theirs.immediate_dominator(NodeIndex::new(vertex as usize)).map(|n| n.index() as u32);
                let mine = ours.idom[vertex as usize];
                prop_assert_eq!((mine != NONE).then_some(mine), theirs, "vertex {}", vertex);
            }
        }
    }
}

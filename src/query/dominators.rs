//! Dominators of a reachability graph: what every path from the roots to a node goes through.
//!
//! In: successors as a CSR and a root. Out: [`Dominators`]. Follows Cooper, Harvey and Kennedy, "A Simple,
//! Fast Dominance Algorithm": immediate dominators by iteration over the reverse postorder. No
//! recursion; time is linear but for a small factor on real links.

/// "Not reached" in [`Dominators::parent`].
pub const UNREACHED: u32 = u32::MAX;

/// Edges by source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Successors {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Successors {
    /// Sorts edges by source; edges of nodes beyond `count` are left out.
    pub fn build(count: usize, edges: &[(u32, u32)]) -> Self {
        let inside = |&&(from, to): &&(u32, u32)| (from as usize) < count && (to as usize) < count;
        let mut starts = vec![0u32; count + 1];
        for &(from, _) in edges.iter().filter(inside) {
            if let Some(n) = starts.get_mut(from as usize + 1) {
                *n += 1;
            }
        }
        let mut sum = 0u32;
        for n in &mut starts {
            sum += *n;
            *n = sum;
        }
        let mut next = starts.clone();
        let mut targets = vec![0u32; sum as usize];
        for &(from, to) in edges.iter().filter(inside) {
            if let Some(slot) = next.get_mut(from as usize) {
                if let Some(place) = targets.get_mut(*slot as usize) {
                    *place = to;
                }
                *slot += 1;
            }
        }
        Successors { starts, targets }
    }

    /// Number of nodes.
    pub fn count(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Targets of a node.
    pub fn of(&self, node: u32) -> &[u32] {
        match (self.starts.get(node as usize), self.starts.get(node as usize + 1)) {
            (Some(&from), Some(&to)) => self.targets.get(from as usize..to as usize).unwrap_or(&[]),
            _ => &[],
        }
    }
}

/// Immediate dominators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dominators {
    /// By node: its immediate dominator, the root's own number for the root, or [`UNREACHED`].
    pub parent: Vec<u32>,
    /// Reached nodes so that a dominator stands before what it dominates.
    pub order: Vec<u32>,
}

/// Computes immediate dominators from `root`.
pub fn dominators(graph: &Successors, root: u32) -> Dominators {
    let count = graph.count();
    let order = reverse_postorder(graph, root);
    let mut rank = vec![UNREACHED; count];
    for (at, &node) in order.iter().enumerate() {
        if let Some(slot) = rank.get_mut(node as usize) {
            *slot = at as u32;
        }
    }
    let rank_of = |node: u32| rank.get(node as usize).copied().unwrap_or(UNREACHED);
    let mut backward = Vec::new();
    for &node in &order {
        backward.extend(graph.of(node).iter().map(|&to| (rank_of(to), rank_of(node))));
    }
    let predecessors = Successors::build(order.len(), &backward);
    // Everything below is in ranks: a dominator has a lower one.
    let mut idom = vec![UNREACHED; order.len()];
    if let Some(first) = idom.first_mut() {
        *first = 0;
    }
    let mut changed = true;
    while changed {
        changed = false;
        for node in 1..order.len() as u32 {
            let mut new = UNREACHED;
            for &from in predecessors.of(node) {
                if idom.get(from as usize).is_none_or(|d| *d == UNREACHED) {
                    continue;
                }
                new = if new == UNREACHED { from } else { meet(&idom, from, new) };
            }
            if let Some(slot) = idom.get_mut(node as usize)
                && *slot != new
            {
                *slot = new;
                changed = true;
            }
        }
    }
    let mut parent = vec![UNREACHED; count];
    for (&node, &dominator) in order.iter().zip(&idom) {
        let above = order.get(dominator as usize).copied().unwrap_or(UNREACHED);
        if let Some(slot) = parent.get_mut(node as usize) {
            *slot = above;
        }
    }
    Dominators { parent, order }
}

/// The nearest common dominator of two ranks.
fn meet(idom: &[u32], mut a: u32, mut b: u32) -> u32 {
    let up = |rank: u32| idom.get(rank as usize).copied().unwrap_or(0);
    while a != b {
        while a > b {
            a = up(a);
        }
        while b > a {
            b = up(b);
        }
    }
    a
}

fn reverse_postorder(graph: &Successors, root: u32) -> Vec<u32> {
    let mut seen = fixedbitset::FixedBitSet::with_capacity(graph.count());
    let mut order = Vec::new();
    if root as usize >= graph.count() {
        return order;
    }
    seen.insert(root as usize);
    let mut stack = vec![(root, graph.of(root).iter())];
    while let Some((node, rest)) = stack.last_mut() {
        match rest.next() {
            Some(&to) => {
                if !seen.put(to as usize) {
                    stack.push((to, graph.of(to).iter()));
                }
            }
            None => {
                order.push(*node);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idoms(count: usize, edges: &[(u32, u32)]) -> Vec<u32> {
        dominators(&Successors::build(count, edges), 0).parent
    }

    #[test]
    fn diamonds_and_loops() {
        assert_eq!(idoms(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]), [0, 0, 0, 0]);
        assert_eq!(idoms(4, &[(0, 1), (1, 2), (2, 1), (2, 3)]), [0, 0, 1, 2]);
        assert_eq!(idoms(3, &[(0, 1)]), [0, 0, UNREACHED]);
        // Irreducible: two entries into a loop.
        assert_eq!(idoms(5, &[(0, 1), (0, 2), (1, 2), (2, 1), (1, 3), (3, 4)]), [0, 0, 0, 1, 3]);
        assert!(dominators(&Successors::default(), 0).order.is_empty());
    }

    /// Against the definition: removing the dominator unreaches the node.
    #[test]
    fn matches_the_definition() {
        let mut state = 7u32;
        for _ in 0..200 {
            let mut edges = Vec::new();
            for _ in 0..20 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                edges.push(((state >> 8) % 10, (state >> 20) % 10));
            }
            let graph = Successors::build(10, &edges);
            let found = dominators(&graph, 0);
            let reached = |without: u32| -> Vec<bool> {
                let kept: Vec<_> =
                    edges.iter().copied().filter(|(a, b)| *a != without && *b != without).collect();
                let order = reverse_postorder(&Successors::build(10, &kept), 0);
                (0..10).map(|n| order.contains(&n)).collect()
            };
            for without in 1..10u32 {
                for (node, reached) in (0..10u32).zip(reached(without)).skip(1) {
                    if found.parent[node as usize] == UNREACHED {
                        continue;
                    }
                    let mut up = node;
                    let mut dominated = false;
                    while up != 0 {
                        dominated |= up == without;
                        up = found.parent[up as usize];
                    }
                    assert_eq!(dominated, !reached, "{edges:?}: {without} over {node}");
                }
            }
        }
    }
}

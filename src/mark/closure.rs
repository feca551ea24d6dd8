//! The closure over a graph's edges by all threads. What is reached does not depend on who reaches it first,
//! so the result is that of one thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use fixedbitset::FixedBitSet;
use rayon::Scope;

use super::Edges;
use crate::ids::{Id, NodeId};

/// Nodes that a thread may hold before it offers a part of them to others.
const SHARE: usize = 256;

const BITS: usize = usize::BITS as usize;

struct Closure<'a, E> {
    edges: &'a E,
    live: Vec<AtomicUsize>,
}

impl<'a, E: Edges> Closure<'a, E> {
    /// Marks a node; true if it was not marked.
    #[inline]
    fn put(&self, node: NodeId) -> bool {
        let Some(block) = self.live.get(node.index() / BITS) else { return false };
        let bit = 1usize << (node.index() % BITS);
        // Most nodes are met again and again: a load shares the cache line, an exchange does not.
        block.load(Ordering::Relaxed) & bit == 0 && block.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    fn follow<'s>(&'s self, scope: &Scope<'s>, mut stack: Vec<NodeId>)
    where
        'a: 's,
    {
        while let Some(node) = stack.pop() {
            self.edges.each_edge(node, |target, _| {
                if self.put(target) {
                    stack.push(target);
                }
            });
            if stack.len() > SHARE {
                let part = stack.drain(..SHARE / 2).collect();
                scope.spawn(move |scope| self.follow(scope, part));
            }
        }
    }
}

/// Marks in `live` everything that the nodes of `stack`, marked already, reach.
pub(super) fn close<E: Edges>(edges: &E, live: &mut FixedBitSet, stack: Vec<NodeId>) {
    let blocks = live.as_slice().iter().map(|&block| AtomicUsize::new(block)).collect();
    let closure = Closure { edges, live: blocks };
    rayon::scope(|scope| {
        for part in stack.chunks(SHARE) {
            let part = part.to_vec();
            let closure = &closure;
            scope.spawn(move |scope| closure.follow(scope, part));
        }
    });
    for (block, closed) in live.as_mut_slice().iter_mut().zip(closure.live) {
        *block = closed.into_inner();
    }
}

//! What would go if one thing went (`retained`): dominance over the live graph from a super-root over all roots.
//!
//! In: a finished link. Out: rows per section, symbol, file, directory, archive, crate or root with what they take themselves,
//! what lives only because of them, and what they share with others; or all that goes with one thing. Where the
//! linker's own walk depends on order ([`live_graph::LiveGraph::order_dependent`]) rows are only near the truth, and say so;
//! what goes with one thing is always found by marking again.

pub mod constructors;
pub mod crates;
pub mod groups;
pub mod live_graph;
pub mod one;
pub mod roots;
pub mod sets;

use bstr::BString;
use rayon::prelude::*;

use self::live_graph::{LiveGraph, Vertex};
use self::sets::Own;
use super::dominators::{Dominators, NONE, dominators};
use super::finished::Finished;
use super::select::{Selection, SortBy};

/// What rows stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Every live section.
    Section,
    /// Every symbol that lies in a live section.
    Symbol,
    /// Object or archive member.
    File,
    /// Folder.
    Directory,
    /// Archive.
    Archive,
    /// Rust crate or C++ namespace.
    Crate,
    /// Every root.
    Root,
}

impl By {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            By::Section => "section",
            By::Symbol => "symbol",
            By::File => "file",
            By::Directory => "directory",
            By::Archive => "archive",
            By::Crate => "crate",
            By::Root => "root",
        }
    }
}

/// The most rows for which what they share is found out: each asks for a walk of its own.
pub const MOST_SHARED: usize = 2000;

/// A row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Section, symbol, file, folder, archive, crate, or name of a root.
    pub name: BString,
    /// Sections and symbols: their file. Roots: place and text of a KEEP, the file of others.
    pub place: BString,
    /// Roots: the kind, as in cli.md 2; else empty.
    pub kind: &'static str,
    /// Its own.
    pub direct: Own,
    /// What goes if it goes, its own included.
    pub retained: Own,
    /// What it reaches and others keep too; `None` if not asked (see [`MOST_SHARED`]).
    pub shared: Option<Own>,
    /// A symbol in a section with others: the section stays, so what is retained is at least this.
    pub at_least: bool,
    /// Vertices that it stands for.
    vertices: Vec<u32>,
}

/// Rows of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they stand for.
    pub by: By,
    /// The rows that were asked for.
    pub rows: Vec<Row>,
    /// How many more match.
    pub omitted: usize,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retained {
    /// Everything that lives.
    pub live: Own,
    /// One per question.
    pub groups: Vec<Group>,
    /// The linker's walk depends on order in this link: retained sizes may differ from what a link would free.
    pub order_dependent: bool,
    /// Whether the link collects garbage; if not, nothing is retained by anything.
    pub collects: bool,
}

/// The live graph with its dominator tree and the amounts below each vertex.
pub struct Forest {
    /// Vertices and edges.
    pub graph: LiveGraph,
    /// The tree.
    pub tree: Dominators,
    /// Each vertex alone.
    pub own: Vec<Own>,
    /// Each vertex with all that it dominates.
    pub below: Vec<Own>,
}

impl Forest {
    /// Builds all of it.
    pub fn of(link: &impl Finished) -> Forest {
        let graph = LiveGraph::build(link);
        let tree = dominators(&graph.flow, 0);
        let own: Vec<Own> = (0..graph.flow.len() as u32)
            .map(|vertex| match graph.vertex(vertex) {
                Vertex::Node(node) => link.own(node),
                _ => Own::default(),
            })
            .collect();
        let mut below = own.clone();
        for &vertex in tree.preorder.iter().rev() {
            let above = tree.idom[vertex as usize];
            if above != NONE {
                below[above as usize] = sum([below[above as usize], below[vertex as usize]]);
            }
        }
        Forest { graph, tree, own, below }
    }

    /// What is reached from some vertices, themselves included.
    fn reach(&self, from: &[u32]) -> Own {
        let mut seen = fixedbitset::FixedBitSet::with_capacity(self.own.len());
        let mut stack: Vec<u32> = Vec::new();
        let mut out = Own::default();
        for &vertex in from {
            if !seen.put(vertex as usize) {
                stack.push(vertex);
            }
        }
        while let Some(vertex) = stack.pop() {
            out = sum([out, self.own[vertex as usize]]);
            for &next in self.graph.flow.successors(vertex) {
                if !seen.put(next as usize) {
                    stack.push(next);
                }
            }
        }
        out
    }
}

fn sum(parts: impl IntoIterator<Item = Own>) -> Own {
    parts.into_iter().fold(Own::default(), |a, b| Own {
        bytes: a.bytes.saturating_add(b.bytes),
        sections: a.sections + b.sections,
    })
}

/// Answers for each grouping; `done` is told the name of each step when it ends.
pub fn retained(
    link: &impl Finished,
    by: &[By],
    selection: &Selection,
    mut done: impl FnMut(&'static str),
) -> Retained {
    let mut answer = Retained { collects: link.collects(), ..Retained::default() };
    if !answer.collects {
        return answer;
    }
    let forest = Forest::of(link);
    done("dominators");
    answer.order_dependent = forest.graph.order_dependent;
    answer.live = sum(forest.own.iter().copied());
    for &by in by {
        let rows = match by {
            By::Section => groups::sections(link, &forest),
            By::Symbol => groups::symbols(link, &forest),
            By::Root => roots::roots(link, &forest),
            _ => groups::of(link, &forest, by),
        };
        answer.groups.push(selected(&forest, by, rows, selection));
        done(by.word());
    }
    answer
}

fn selected(forest: &Forest, by: By, mut rows: Vec<Row>, selection: &Selection) -> Group {
    rows.retain(|r| selection.matches(&[&r.name, &r.place, r.kind.as_bytes()]));
    match selection.sort {
        SortBy::Input => {}
        SortBy::Size => rows.sort_by_key(|r| std::cmp::Reverse((r.retained.bytes, r.direct.bytes))),
        SortBy::Count => rows.sort_by_key(|r| std::cmp::Reverse((r.retained.sections, r.retained.bytes))),
        SortBy::Name => rows.sort_by(|a, b| (&a.name, &a.place).cmp(&(&b.name, &b.place))),
    }
    let shown = selection.shown(rows.len());
    let omitted = rows.len() - shown;
    rows.truncate(shown);
    rows.par_iter_mut().take(MOST_SHARED).filter(|r| !r.at_least).for_each(|row| {
        let reach = forest.reach(&row.vertices);
        row.shared = Some(Own {
            bytes: reach.bytes.saturating_sub(row.retained.bytes),
            sections: reach.sections.saturating_sub(row.retained.sections),
        });
    });
    Group { by, rows, omitted }
}

/// The deepest stacks that are told; what lies below is counted there.
const DEEPEST: usize = 200;

/// The dominator tree as stacks of names with the bytes of the last: roots, then sections, as flame graph viewers read
/// them.
pub fn stacks(link: &impl Finished, forest: &Forest) -> Vec<(Vec<BString>, u64)> {
    let frame = |vertex: u32| -> BString {
        match forest.graph.vertex(vertex) {
            Vertex::Super => "link".into(),
            Vertex::Reason(number) => {
                let reason = &forest.graph.reasons[number];
                [reason.kind.word().as_bytes(), b" ", &roots::reason(link, reason).0].concat().into()
            }
            Vertex::Node(node) => link.node_name(node).unwrap_or_else(|| "start-stop".into()),
            Vertex::FileHub(file) => link.label(file),
        }
    };
    // Depth, and for what lies too deep the vertex that is told in its place.
    let count = forest.own.len();
    let (mut depth, mut told) = (vec![0usize; count], vec![0u32; count]);
    let mut bytes = vec![0u64; count];
    for &vertex in &forest.tree.preorder {
        let (at, above) = (vertex as usize, forest.tree.idom[vertex as usize]);
        told[at] = vertex;
        if above != NONE {
            depth[at] = depth[above as usize] + 1;
            if depth[at] > DEEPEST {
                told[at] = told[above as usize];
            }
        }
        bytes[told[at] as usize] = bytes[told[at] as usize].saturating_add(forest.own[at].bytes);
    }
    let mut out = Vec::new();
    for &vertex in forest.tree.preorder.iter().filter(|&&v| bytes[v as usize] > 0) {
        let mut frames = Vec::new();
        let mut at = vertex;
        while at != NONE {
            frames.push(frame(at));
            at = forest.tree.idom[at as usize];
        }
        frames.reverse();
        out.push((frames, bytes[vertex as usize]));
    }
    out
}

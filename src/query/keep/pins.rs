//! LSW006: what every KEEP alone keeps alive besides its own sections.
//!
//! In: an analysis of a link that collects and the placement. Out: [`Pins`]: a row per KEEP statement that
//! is a root of something, with what it dominates. The statement is a node of its own between the
//! super-root and the sections it keeps; what another root reaches too is not pinned.

use std::collections::BTreeSet;

use crate::ids::{Id, NodeId, SectionId};
use crate::load::elf::consts::SHF_EXECINSTR;
use crate::mark;
use crate::query::Analysis;
use crate::query::dominators::{NONE, dominators};
use crate::query::retained::live_graph::{LiveGraph, Vertex};

use super::lost::Weight;
use super::statements::{Placement, Statement};

/// What sort of root a KEEP is (kernel-linkage 5, taxonomy of retention).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// A table of exports.
    Export,
    /// Initcalls and setup functions.
    Initcall,
    /// Constructors and destructors.
    Constructors,
    /// Metadata that points at code.
    Table,
    /// Code, unwind data or notes that are kept as such.
    Itself,
}

impl Sort {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Sort::Export => "exports",
            Sort::Initcall => "initcalls",
            Sort::Constructors => "constructors",
            Sort::Table => "table",
            Sort::Itself => "root",
        }
    }
}

/// What one KEEP statement pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptStatement {
    /// Number of the statement.
    pub statement: u32,
    /// What sort it is.
    pub sort: Sort,
    /// Its own sections.
    pub own: Weight,
    /// What lives only through it, its own sections left out.
    pub pinned: Weight,
    /// The pinned sections, biggest first.
    pub sections: Vec<SectionId>,
}

/// The answer.
#[derive(Debug, Default)]
pub struct Pins {
    /// One row per KEEP statement that keeps something, in script order.
    pub rows: Vec<KeptStatement>,
    /// What all tables (sort [`Sort::Table`]) pin together.
    pub tables_together: Weight,
    /// What exports pin together.
    pub exports_together: Weight,
    /// What tables and exports pin together.
    pub both_together: Weight,
}

/// Computes what each KEEP pins.
pub(super) fn pins(analysis: &Analysis<'_>, placement: &Placement) -> Pins {
    let program = &analysis.program;
    let mut first_of_script = Vec::new();
    for number in 0..program.scripts.len() as u32 {
        first_of_script.push(placement.statements.partition_point(|s| s.script < number) as u32);
    }
    let statement_of = |keep: (u32, u32)| first_of_script.get(keep.0 as usize).map(|first| first + keep.1);
    let mut own: Vec<Vec<NodeId>> = vec![Vec::new(); placement.statements.len()];
    for root in &analysis.roots.roots {
        let statement = root.keep.and_then(statement_of);
        if let Some(list) = statement.and_then(|s| own.get_mut(s as usize)) {
            list.push(root.node);
        }
    }
    own.iter_mut().for_each(|list| list.sort_unstable());
    if own.iter().all(Vec::is_empty) {
        return Pins::default();
    }
    let graph = LiveGraph::build(analysis);
    let tree = dominators(&graph.flow, 0);
    let mut out = Pins::default();
    let mut owner = vec![NONE; graph.flow.len()];
    let mut sections: Vec<Vec<SectionId>> = vec![Vec::new(); placement.statements.len()];
    for &vertex in &tree.preorder {
        let what = graph.vertex(vertex);
        let statement = match what {
            Vertex::Reason(number) => graph.reasons.get(number).and_then(|r| r.keep).and_then(statement_of),
            _ => None,
        };
        let above = tree.idom.get(vertex as usize).copied().unwrap_or(NONE);
        let found = statement.or_else(|| owner.get(above as usize).copied()).unwrap_or(NONE);
        if let Some(slot) = owner.get_mut(vertex as usize) {
            *slot = found;
        }
        let Vertex::Node(node) = what else { continue };
        let Some(section) = analysis.graph.section(node) else { continue };
        if let Some(list) = sections.get_mut(found as usize) {
            list.push(section);
        }
    }
    for (number, (list, mut pinned)) in own.iter().zip(sections).enumerate() {
        let Some(statement) = placement.statements.get(number).filter(|_| !list.is_empty()) else { continue };
        let mut row = KeptStatement {
            statement: number as u32,
            sort: sort_of(analysis, statement, list),
            own: Weight::default(),
            pinned: Weight::default(),
            sections: Vec::new(),
        };
        for section in list.iter().filter_map(|n| analysis.graph.section(*n)) {
            row.own.add(analysis, section);
        }
        pinned.retain(|s| list.binary_search(&NodeId(s.0)).is_err());
        pinned.retain(|&s| {
            let mut weight = Weight::default();
            weight.add(analysis, s);
            row.pinned.sections += weight.sections;
            row.pinned.code = row.pinned.code.saturating_add(weight.code);
            row.pinned.data = row.pinned.data.saturating_add(weight.data);
            weight.sections > 0
        });
        pinned.sort_by_key(|&s| (std::cmp::Reverse(program.section_size(s)), s));
        row.sections = pinned;
        out.rows.push(row);
    }
    let is = |sorts: &[Sort]| -> BTreeSet<u32> {
        out.rows.iter().filter(|r| sorts.contains(&r.sort)).map(|r| r.statement).collect()
    };
    let (tables, exports) = (is(&[Sort::Table]), is(&[Sort::Export]));
    let both = is(&[Sort::Table, Sort::Export]);
    let together = |list: &BTreeSet<u32>| {
        let gone = |keep: (u32, u32)| statement_of(keep).is_some_and(|s| list.contains(&s));
        without(analysis, gone)
    };
    out.tables_together = together(&tables);
    out.exports_together = together(&exports);
    out.both_together =
        if tables.is_empty() || exports.is_empty() { Weight::default() } else { together(&both) };
    out
}

/// What dies, the roots themselves left out, when KEEP roots go.
fn without(analysis: &Analysis<'_>, gone: impl Fn((u32, u32)) -> bool) -> Weight {
    let mut roots = analysis.roots.clone();
    let mut weight = Weight::default();
    let dropped: Vec<NodeId> =
        roots.roots.iter().filter(|r| r.keep.is_some_and(&gone)).map(|r| r.node).collect();
    if dropped.is_empty() {
        return weight;
    }
    roots.roots.retain(|r| !r.keep.is_some_and(&gone));
    let mut own = fixedbitset::FixedBitSet::with_capacity(analysis.graph.node_count());
    dropped.iter().for_each(|n| own.insert(n.index()));
    let with = mark::mark(&analysis.program, &analysis.resolution, &analysis.graph, &roots);
    for node in analysis.liveness.live.difference(&with.live).filter(|n| !own.contains(*n)) {
        if let Some(section) = analysis.graph.section(NodeId::from_usize(node)) {
            weight.add(analysis, section);
        }
    }
    weight
}

fn sort_of(analysis: &Analysis<'_>, statement: &Statement, own: &[NodeId]) -> Sort {
    let starts = |prefixes: &[&str]| {
        !statement.patterns.is_empty()
            && statement
                .patterns
                .iter()
                .all(|p| prefixes.iter().any(|prefix| p.text.starts_with(prefix.as_bytes())))
    };
    if starts(&["___ksymtab", "__ksymtab", "___kcrctab", "__kcrctab", "___kflagstab", "___kentry"]) {
        return Sort::Export;
    }
    if starts(&[".initcall", ".con_initcall", ".security_initcall", ".init.setup"]) {
        return Sort::Initcall;
    }
    const CONSTRUCTORS: [&str; 8] =
        [".init_array", ".fini_array", ".preinit_array", ".ctors", ".dtors", ".init", ".fini", ".jcr"];
    let exact = |p: &[u8]| {
        CONSTRUCTORS.iter().any(|c| {
            p.strip_prefix(c.as_bytes()).is_some_and(|r| {
                r.is_empty() || matches!(r, b"*" | b".*") || (c.len() > 5 && r.starts_with(b"."))
            })
        })
    };
    if !statement.patterns.is_empty() && statement.patterns.iter().all(|p| exact(&p.text)) {
        return Sort::Constructors;
    }
    let code = own.iter().filter_map(|n| analysis.graph.section(*n)).any(|s| {
        let (file, index) = analysis.program.locate(s);
        let object = analysis.program.files[file].object();
        let row = object.and_then(|o| o.sections.get(index as usize));
        row.is_some_and(|r| r.flags & SHF_EXECINSTR != 0 || !r.is_alloc())
    });
    if code || starts(&[".eh_frame", ".gcc_except_table", ".note", ".ARM.ex", ".head.text", ".opd"]) {
        return Sort::Itself;
    }
    Sort::Table
}

//! Roots with their statements, initcalls, groups, staged marks, nodes beyond the sections.
//!
//! In: an analysis. Out: tables whose strings are numbers of noted texts first ([`Texts`]) and become string
//! ids when all rows are known.

use std::collections::BTreeMap;

use super::Paths;
use super::codes::{ExtraKind, edge_code, extra_code, root_code};
use super::rows::{Rows, Texts};
use super::tables::*;
use crate::graph::{ExtraNode, Root, RootKind};
use crate::ids::{FileId, Id, NameId, NodeId};
use crate::program::Program;
use crate::query::Analysis;
use crate::query::kernel::roots::{self, KernelRoot};
use crate::query::why::{NamedBy, description_span, named_by};

/// Roots, KEEP statements and initcalls before their strings have ids.
#[derive(Default)]
pub(super) struct RootTables {
    names: Vec<u32>,
    keep: Vec<u32>,
    by: Vec<u8>,
    library: Vec<u32>,
    keeps: Keeps<'static>,
    initcalls: Vec<(NodeId, u64, [u32; 3])>,
}

/// Notes what roots need in words.
pub(super) fn roots(analysis: &Analysis<'_>, paths: &dyn Paths, texts: &mut Texts) -> RootTables {
    let program = &analysis.program;
    let mut out = RootTables::default();
    let mut number: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut libraries: Option<Vec<u32>> = None;
    let mut keeps: Vec<[u32; 6]> = Vec::new();
    for root in &analysis.roots.roots {
        out.names.push(root.name.map_or(NONE, |n| texts.add(program.name(n))));
        out.by.push(by(analysis, root));
        out.library.push(match root.name {
            Some(name) if root.kind == RootKind::DsoReference => {
                let first = libraries.get_or_insert_with(|| first_library(program));
                first.get(name.idx()).copied().unwrap_or(NONE)
            }
            _ => NONE,
        });
        let Some(keep) = root.keep else {
            out.keep.push(NONE);
            continue;
        };
        let row = *number.entry(keep).or_insert_with(|| {
            let (path, line, column, text) = statement(program, keep);
            let (path, text) = (texts.add(&paths.stored(path.as_bytes())), texts.add(text));
            keeps.push([keep.0, keep.1, path, line, column, text]);
            (keeps.len() - 1) as u32
        });
        out.keep.push(row);
    }
    let column = |at: usize| keeps.iter().map(|k| k[at]).collect::<Vec<u32>>().into();
    out.keeps = Keeps {
        script: column(0),
        description: column(1),
        file: column(2),
        line: column(3),
        column: column(4),
        text: column(5),
    };
    initcalls(analysis, texts, &mut out);
    out
}

/// Path, line, column and text of a KEEP statement.
fn statement<'p>(program: &Program<'p>, keep: (u32, u32)) -> (String, u32, u32, &'p [u8]) {
    let Some(file) = program.scripts.get(keep.0 as usize) else { return Default::default() };
    let Some(span) = description_span(&file.script, keep.1) else {
        return (file.shown.to_string(), 0, 0, b"");
    };
    let at = file.script.location(span);
    (at.file.display().to_string(), at.line, at.column, file.script.text(span))
}

/// Which option asked for a name; see [`Roots::by`].
fn by(analysis: &Analysis<'_>, root: &Root) -> u8 {
    match (root.kind, named_by(analysis, root)) {
        (RootKind::UndefinedOption, NamedBy::Option) => 1,
        (RootKind::UndefinedOption, NamedBy::Fini) => 2,
        (RootKind::UndefinedOption, NamedBy::Init) => 3,
        _ => 0,
    }
}

/// By name: the first shared library that mentions it.
fn first_library(program: &Program<'_>) -> Vec<u32> {
    let mut first = vec![NONE; program.names.len()];
    for file in program.file_ids() {
        let f = &program.files[file];
        if f.shared().is_none() {
            continue;
        }
        for name in &f.names {
            if let Some(slot @ &mut NONE) = first.get_mut(name.idx()) {
                *slot = file.0;
            }
        }
    }
    first
}

fn initcalls(analysis: &Analysis<'_>, texts: &mut Texts, out: &mut RootTables) {
    let mut kept: Vec<NodeId> =
        analysis.roots.roots.iter().filter(|r| r.kind == RootKind::Keep).map(|r| r.node).collect();
    kept.sort_unstable();
    kept.dedup();
    for node in kept {
        if !matches!(roots::of_node(analysis, node), Some(KernelRoot::Initcall(_))) {
            continue;
        }
        let Some(section) = analysis.graph.section(node) else { continue };
        for call in roots::initcalls(&analysis.program, section) {
            let words = [texts.add(call.level.0), texts.add(call.function), texts.some(call.module)];
            out.initcalls.push((node, call.offset, words));
        }
    }
}

impl RootTables {
    /// With string ids and node numbers.
    pub(super) fn finish(
        mut self,
        analysis: &Analysis<'_>,
        rows: &Rows<'_, '_>,
    ) -> (Roots<'static>, Keeps<'static>, Initcalls<'static>) {
        let text = |slot: &u32| rows.text(*slot);
        let list = &analysis.roots.roots;
        let kept: Vec<usize> = (0..list.len()).filter(|&i| rows.node(list[i].node) != NONE).collect();
        let pick = |column: &[u32]| kept.iter().map(|&i| column[i]).collect::<Vec<u32>>();
        let roots = Roots {
            node: kept.iter().map(|&i| rows.node(list[i].node)).collect::<Vec<_>>().into(),
            kind: kept.iter().map(|&i| root_code(list[i].kind)).collect::<Vec<_>>().into(),
            name: pick(&self.names).iter().map(text).collect::<Vec<_>>().into(),
            keep: pick(&self.keep).into(),
            by: kept.iter().map(|&i| self.by[i]).collect::<Vec<_>>().into(),
            library: pick(&self.library).into(),
        };
        self.keeps.file.replace(self.keeps.file.iter().map(text).collect());
        self.keeps.text.replace(self.keeps.text.iter().map(text).collect());
        let calls = &self.initcalls;
        let word = |at: usize| calls.iter().map(|c| rows.text(c.2[at])).collect::<Vec<u32>>().into();
        let initcalls = Initcalls {
            section: calls.iter().map(|c| rows.node(c.0)).collect::<Vec<_>>().into(),
            offset: calls.iter().map(|c| c.1).collect::<Vec<_>>().into(),
            level: word(0),
            function: word(1),
            module: word(2),
        };
        (roots, self.keeps, initcalls)
    }
}

/// Names of nodes beyond the sections, as noted texts.
pub(super) fn extra_names(analysis: &Analysis<'_>, texts: &mut Texts) -> Vec<u32> {
    let program = &analysis.program;
    let mut name = |node: &ExtraNode<'_>| match *node {
        ExtraNode::CommonsOf { .. } => NONE,
        ExtraNode::Common { name, .. } | ExtraNode::ScriptSymbol { name } => texts.add(program.name(name)),
        ExtraNode::StartStop { section } => texts.add(section),
        ExtraNode::Routines { stem } => texts.add(stem.as_bytes()),
    };
    analysis.graph.extra_nodes.iter().map(&mut name).collect()
}

/// Nodes beyond the sections.
pub(super) fn extras(analysis: &Analysis<'_>, rows: &Rows<'_, '_>, names: &[u32]) -> Extras<'static> {
    let nodes = &analysis.graph.extra_nodes;
    let row = |node: &ExtraNode<'_>| match *node {
        ExtraNode::CommonsOf { file, size, small: false } => (ExtraKind::CommonsOf, file.0, size),
        ExtraNode::CommonsOf { file, size, .. } => (ExtraKind::SmallCommonsOf, file.0, size),
        ExtraNode::Common { file, size, .. } => (ExtraKind::Common, file.0, size),
        ExtraNode::StartStop { .. } => (ExtraKind::StartStop, NONE, 0),
        ExtraNode::Routines { .. } => (ExtraKind::Routines, NONE, 0),
        ExtraNode::ScriptSymbol { .. } => (ExtraKind::ScriptSymbol, NONE, 0),
    };
    Extras {
        kind: nodes.iter().map(|n| extra_code(row(n).0)).collect::<Vec<_>>().into(),
        file: nodes.iter().map(|n| row(n).1).collect::<Vec<_>>().into(),
        name: names.iter().map(|&slot| rows.text(slot)).collect::<Vec<_>>().into(),
        size: nodes.iter().map(|n| row(n).2).collect::<Vec<_>>().into(),
    }
}

/// What rules marked after the closure, and the live nodes.
pub(super) fn marks(analysis: &Analysis<'_>, rows: &Rows<'_, '_>) -> (Vec<u64>, Staged<'static>) {
    let count = rows.sections() as usize + analysis.graph.extra_nodes.len();
    let mut live = vec![0u64; count.div_ceil(64)];
    for node in analysis.liveness.live.ones() {
        let at = rows.node(NodeId::from_usize(node)) as usize;
        if at < count
            && let Some(word) = live.get_mut(at / 64)
        {
            *word |= 1 << (at % 64);
        }
    }
    let list = analysis.liveness.staged.iter();
    let marks: Vec<[u32; 3]> = list
        .map(|s| [rows.node(s.node), rows.node(s.because), u32::from(edge_code(s.kind))])
        .filter(|[node, because, _]| *node != NONE && *because != NONE)
        .collect();
    let staged = Staged {
        node: marks.iter().map(|m| m[0]).collect::<Vec<_>>().into(),
        because: marks.iter().map(|m| m[1]).collect::<Vec<_>>().into(),
        kind: marks.iter().map(|m| m[2] as u8).collect::<Vec<_>>().into(),
    };
    (live, staged)
}

/// A group and the noted text of its signature.
type GroupOf = (FileId, usize, u32);

/// Notes the signatures of all groups of the link.
pub(super) fn signatures(analysis: &Analysis<'_>, texts: &mut Texts) -> Vec<GroupOf> {
    let program = &analysis.program;
    let mut out = Vec::new();
    for file in program.file_ids().filter(|&f| analysis.resolution.is_in_link(f)) {
        let Some(object) = program.files[file].object() else { continue };
        for (number, group) in object.groups.iter().enumerate() {
            let id = program.files[file].section_id(group.section);
            if !analysis.resolution.is_lost(id) {
                out.push((file, number, texts.add(group.signature)));
            }
        }
    }
    out
}

/// Groups with rows.
pub(super) fn groups(analysis: &Analysis<'_>, rows: &Rows<'_, '_>, list: &[GroupOf]) -> Groups<'static> {
    let program = &analysis.program;
    let (mut section, mut signature, mut first, mut members) =
        (Vec::new(), Vec::new(), vec![0u32], Vec::new());
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for &(file, number, text) in list {
        let f = &program.files[file];
        let Some((object, group)) = f.object().and_then(|o| Some((o, o.groups.get(number)?))) else {
            continue;
        };
        let of = section.len() as u32;
        let found =
            object.members(group).iter().map(|&m| rows.section(f.section_id(m))).filter(|&m| m != NONE);
        let before = members.len();
        members.extend(found);
        let own = rows.section(f.section_id(group.section));
        if members.len() == before && own == NONE {
            continue;
        }
        pairs.extend(members.iter().skip(before).map(|&m| (m, of)));
        section.push(own);
        signature.push(rows.text(text));
        first.push(members.len() as u32);
    }
    // A section that two groups claim is the first one's.
    pairs.sort_unstable();
    pairs.dedup_by_key(|p| p.0);
    Groups {
        section: section.into(),
        signature: signature.into(),
        first: first.into(),
        members: members.into(),
        sorted: pairs.iter().map(|p| p.0).collect::<Vec<_>>().into(),
        of: pairs.iter().map(|p| p.1).collect::<Vec<_>>().into(),
    }
}

/// By name: whether `--defsym` assigns it.
pub(super) fn is_defsym(program: &Program<'_>, name: NameId) -> bool {
    let bytes = program.name(name);
    program.plan.defsyms.iter().any(|d| d.name == bytes)
}

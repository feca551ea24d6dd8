//! Roots with their statements, initcalls, groups, staged marks, nodes beyond the sections.
//!
//! In: an analysis. Out: tables whose strings are numbers of noted texts first ([`Texts`]) and become string
//! ids when all rows are known.

use std::collections::BTreeMap;

use super::Paths;
use super::codes::{ExtraKind, edge_code, extra_code, root_code};
use super::rows::{Rows, Texts};
use super::tables::*;
use crate::graph::bfd::section_order;
use crate::graph::{Class, ExtraNode, Root, RootKind};
use crate::ids::{FileId, Id, NameId, NodeId};
use crate::load::elf::consts::{SHF_LINK_ORDER, SHT_ARM_EXIDX};
use crate::load::elf::{Group, Object};
use crate::plan::Flavor;
use crate::program::Program;
use crate::query::Analysis;
use crate::query::finished::Finished;
use crate::query::kernel::roots::{self, KernelRoot};
use crate::query::retained::constructors;
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
    constructors: Vec<(NodeId, u64, u32)>,
}

/// Notes what roots need in words.
pub(super) fn roots(analysis: &Analysis<'_>, paths: &dyn Paths, texts: &mut Texts) -> RootTables {
    let program = &analysis.program;
    let mut out = RootTables::default();
    let mut number: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut libraries: Option<Vec<u32>> = None;
    let mut keeps: Vec<[u32; 7]> = Vec::new();
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
            let inner = texts.add(&Finished::keep_text(analysis, keep).unwrap_or_default().0);
            keeps.push([keep.0, keep.1, path, line, column, text, inner]);
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
        inner: column(6),
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
    let mut nodes: Vec<NodeId> = analysis.roots.roots.iter().map(|r| r.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let Some(section) = analysis.graph.section(node) else { continue };
        for (offset, function) in constructors::constructors(&analysis.program, section) {
            out.constructors.push((node, offset, texts.add(function)));
        }
        if !matches!(roots::of_node(analysis, node), Some(KernelRoot::Initcall(_))) {
            continue;
        }
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
    ) -> (Roots<'static>, Keeps<'static>, Initcalls<'static>, Constructors<'static>) {
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
        self.keeps.inner.replace(self.keeps.inner.iter().map(text).collect());
        let calls = &self.initcalls;
        let word = |at: usize| calls.iter().map(|c| rows.text(c.2[at])).collect::<Vec<u32>>().into();
        let initcalls = Initcalls {
            section: calls.iter().map(|c| rows.node(c.0)).collect::<Vec<_>>().into(),
            offset: calls.iter().map(|c| c.1).collect::<Vec<_>>().into(),
            level: word(0),
            function: word(1),
            module: word(2),
            target: targets(analysis, rows, calls.iter().map(|c| (c.0, c.1))).into(),
        };
        let calls = &self.constructors;
        let constructors = Constructors {
            section: calls.iter().map(|c| rows.node(c.0)).collect::<Vec<_>>().into(),
            offset: calls.iter().map(|c| c.1).collect::<Vec<_>>().into(),
            function: calls.iter().map(|c| rows.text(c.2)).collect::<Vec<_>>().into(),
            target: targets(analysis, rows, calls.iter().map(|c| (c.0, c.1))).into(),
        };
        (roots, self.keeps, initcalls, constructors)
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

/// What the entries at some places of tables refer to; of several relocations at one place the last.
fn targets(
    analysis: &Analysis<'_>,
    rows: &Rows<'_, '_>,
    places: impl Iterator<Item = (NodeId, u64)>,
) -> Vec<u32> {
    let mut known: BTreeMap<NodeId, BTreeMap<u64, u32>> = BTreeMap::new();
    let target = |(node, offset): (NodeId, u64)| {
        let of_table = known.entry(node).or_insert_with(|| {
            let mut found = BTreeMap::new();
            if let Some(section) = analysis.graph.section(node) {
                analysis.graph.for_each_relocation(&analysis.program, section, |to, reloc, _| {
                    found.insert(reloc.offset, rows.node(to));
                });
            }
            found
        });
        of_table.get(&offset).copied().unwrap_or(NONE)
    };
    places.map(target).collect()
}

/// A group, and the noted text of its signature if its first member's name does not end in that.
type GroupOf = (FileId, usize, u8, u32);

/// Notes the signatures of all groups of the link.
pub(super) fn signatures(analysis: &Analysis<'_>, texts: &mut Texts) -> Vec<GroupOf> {
    let program = &analysis.program;
    let mut out = Vec::new();
    for file in program.file_ids().filter(|&f| analysis.resolution.is_in_link(f)) {
        let Some(object) = program.files[file].object() else { continue };
        for (number, group) in object.groups.iter().enumerate() {
            let id = program.files[file].section_id(group.section);
            // Linkers with nodes for groups print those of lost copies.
            if analysis.resolution.is_lost(id) && analysis.graph.class[id] != Class::Node {
                continue;
            }
            let signature = object.signature(group);
            let first = first_member(analysis, file, object, group);
            let skip = first.and_then(|m| object.section_name(m).strip_suffix(signature));
            let short = |front: &[u8]| u8::try_from(front.len()).ok().filter(|n| *n != ODD);
            match skip.and_then(short) {
                Some(skip) => out.push((file, number, skip, NONE)),
                None => out.push((file, number, ODD, texts.add(signature))),
            }
        }
    }
    out
}

/// The first member with a row.
fn first_member(analysis: &Analysis<'_>, file: FileId, object: &Object<'_>, group: &Group) -> Option<u32> {
    let f = &analysis.program.files[file];
    object.members(group).iter().copied().find(|&m| super::rows::has_row(analysis, f.section_id(m)))
}

/// Groups with rows.
pub(super) fn groups(
    analysis: &Analysis<'_>,
    rows: &Rows<'_, '_>,
    list: &[GroupOf],
) -> (Groups<'static>, Signatures<'static>) {
    let program = &analysis.program;
    let (mut section, mut bits, mut skips, mut first, mut members) =
        (Vec::new(), Vec::new(), Vec::new(), vec![0u32], Vec::new());
    let mut odd: Vec<(u32, u32)> = Vec::new();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for &(file, number, skip, text) in list {
        let f = &program.files[file];
        let Some((object, group)) = f.object().and_then(|o| Some((o, o.groups.get(number)?))) else {
            continue;
        };
        let of = section.len() as u32;
        let all = object.members(group);
        let found = all.iter().map(|&m| rows.section(f.section_id(m))).filter(|&m| m != NONE);
        let before = members.len();
        members.extend(found);
        let id = f.section_id(group.section);
        let own = rows.section(id);
        if members.len() == before && own == NONE {
            continue;
        }
        let lost = analysis.resolution.is_lost(id);
        if !lost {
            pairs.extend(members.iter().skip(before).map(|&m| (m, of)));
        }
        let headless = all.first().is_none_or(|&m| rows.section(f.section_id(m)) == NONE);
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        section.push(own);
        bits.push(bit(lost, group_bits::LOST) | bit(headless, group_bits::HEADLESS));
        skips.push(skip);
        if skip == ODD {
            odd.push((of, rows.text(text)));
        }
        first.push(members.len() as u32);
    }
    // A section that two groups claim is the first one's.
    pairs.sort_unstable();
    pairs.dedup_by_key(|p| p.0);
    let groups = Groups {
        section: section.into(),
        bits: bits.into(),
        skip: skips.into(),
        first: first.into(),
        members: members.into(),
        sorted: pairs.iter().map(|p| p.0).collect::<Vec<_>>().into(),
        of: pairs.iter().map(|p| p.1).collect::<Vec<_>>().into(),
    };
    let signatures = Signatures {
        group: odd.iter().map(|o| o.0).collect::<Vec<_>>().into(),
        name: odd.iter().map(|o| o.1).collect::<Vec<_>>().into(),
    };
    (groups, signatures)
}

/// Roots that others stand before.
pub(super) fn shadowed(analysis: &Analysis<'_>, rows: &Rows<'_, '_>) -> Shadowed<'static> {
    let mut nodes: Vec<u32> = analysis.roots.shadowed.iter().map(|&n| rows.node(n)).collect();
    nodes.retain(|&n| n != NONE);
    nodes.sort_unstable();
    nodes.dedup();
    Shadowed { node: nodes.into() }
}

/// The rows of roots that have one: by position in the analysis.
pub(super) fn root_rows(analysis: &Analysis<'_>, rows: &Rows<'_, '_>) -> Vec<u32> {
    let mut next = 0u32;
    let row = |root: &Root| {
        if rows.node(root.node) == NONE {
            return NONE;
        }
        next += 1;
        next - 1
    };
    analysis.roots.roots.iter().map(row).collect()
}

/// Files of the link in its order.
pub(super) fn linked(analysis: &Analysis<'_>) -> Linked<'static> {
    Linked { file: analysis.resolution.files.iter().map(|f| f.0).collect::<Vec<_>>().into() }
}

/// What bfd's walk asks beyond rows: chains of descriptions, and the order of sections where rows and groups do not
/// tell it.
pub(super) fn walked(
    analysis: &Analysis<'_>,
    rows: &Rows<'_, '_>,
) -> (Links<'static>, Orders<'static>, Ordered<'static>) {
    let program = &analysis.program;
    if program.plan.profile.flavor != Flavor::Bfd {
        return (
            Links::default(),
            Orders { first: vec![0u32].into(), ..Orders::default() },
            Ordered::default(),
        );
    }
    let (mut links, mut files, mut first, mut ordered) = (Vec::new(), Vec::new(), vec![0u32], Vec::new());
    for file in program.file_ids().filter(|&f| analysis.resolution.is_in_link(f)) {
        let f = &program.files[file];
        let Some((object, own)) = f.object().zip(rows.files.get(file.idx())) else { continue };
        for &index in &own.sections {
            let row = object.sections.get(index as usize).copied().unwrap_or_default();
            if row.flags & SHF_LINK_ORDER == 0 && row.kind != SHT_ARM_EXIDX {
                continue;
            }
            let link = object.header(index).link;
            if link != 0 && (link as usize) < object.sections.len() {
                links.push((rows.section(f.section_id(index)), rows.section(f.section_id(link))));
            }
        }
        let order = section_order(object).into_iter().map(|i| rows.section(f.section_id(i)));
        let order: Vec<u32> = order.filter(|&row| row != NONE).collect();
        let told = super::marking::told_order(own.sections.iter().map(|&index| {
            let row = object.sections.get(index as usize).copied().unwrap_or_default();
            let group = object.groups.binary_search_by_key(&index, |g| g.section).is_ok();
            (rows.section(f.section_id(index)), row.flags, group)
        }));
        if told != order {
            files.push(file.0);
            ordered.extend(order);
            first.push(ordered.len() as u32);
        }
    }
    links.sort_unstable();
    (
        Links {
            section: links.iter().map(|l| l.0).collect::<Vec<_>>().into(),
            to: links.iter().map(|l| l.1).collect::<Vec<_>>().into(),
        },
        Orders { file: files.into(), first: first.into() },
        Ordered { section: ordered.into() },
    )
}

/// By name: whether `--defsym` assigns it.
pub(super) fn is_defsym(program: &Program<'_>, name: NameId) -> bool {
    let bytes = program.name(name);
    program.plan.defsyms.iter().any(|d| d.name == bytes)
}

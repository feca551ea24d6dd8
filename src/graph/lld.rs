//! Nodes, edges and roots as lld sees them (GS 2, 4, 5, 6, 8).
//!
//! In: program and resolution. Out: graph and roots. The order of steps is that of
//! `MarkLive::run`: roots by symbol, unwind references, then a walk over all sections; a section
//! that this walk marks without queueing has no edges. Per-object facts come from [`sections`].

mod keeps;
mod routines;
mod sections;

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::{Build, Class, EdgeKind, ExtraNode, NO_NODE, Root, RootKind, RootSet, SectionGraph};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::plan::DemandKind;
use crate::program::{Content, Program};
use crate::resolve::lld::entry_name;
use crate::resolve::{DefKind, Resolution};
use keeps::Keeps;
use sections::{Event, Facts, Mode, facts, start_stop_name};

/// Builds graph and roots.
pub(super) fn build<'d>(program: &Program<'d>, resolution: &Resolution) -> (SectionGraph<'d>, RootSet) {
    let mode = Mode::new(program.plan);
    let keeps = Keeps::new(program);
    let found: Vec<Facts> = resolution
        .files
        .par_iter()
        .with_max_len(16)
        .map(|&file| match &program.files[file].content {
            Content::Object(object) => facts(program, resolution, mode, file, object, &keeps),
            Content::Binary(_) => binary_facts(program, mode, file, &keeps),
            _ => Facts::default(),
        })
        .collect();
    let mut build = Build::new(program, resolution);
    build.crel_invisible = !mode.reads_crel;
    let mut reachable = FixedBitSet::with_capacity(program.section_count as usize);
    let mut ring = FixedBitSet::with_capacity(program.section_count as usize);
    for (&file, facts) in resolution.files.iter().zip(&found) {
        let base = program.files[file].section_base + 1;
        for (offset, &(class, follow)) in facts.rows.iter().enumerate() {
            let section = SectionId(base + offset as u32);
            build.class[section] = class;
            if follow {
                build.follow.insert(section.idx());
            }
            if matches!(class, Class::Node | Class::Kept | Class::Pieces) {
                reachable.insert(section.idx());
            }
        }
        for &section in &facts.hidden {
            reachable.insert(section as usize);
        }
        for &section in &facts.ring {
            ring.insert(section as usize);
        }
    }
    let commons = add_commons(&mut build);
    let mut hubs = add_hubs(&mut build, mode, &found, &keeps);
    hubs.extend(routines::add(&mut build));
    fill_targets(&mut build, &reachable, &commons, &hubs);
    let mut walk = Walk {
        build,
        roots: RootSet::default(),
        queued: FixedBitSet::with_capacity(program.section_count as usize),
        quiet: FixedBitSet::with_capacity(program.section_count as usize),
        reachable,
        commons,
    };
    walk.symbol_roots();
    walk.unwind(&found, &ring);
    walk.sections(&found, &keeps);
    walk.finish(&found)
}

/// A `-b binary` file has one section, `.data`, allocated and writable.
fn binary_facts(program: &Program<'_>, mode: Mode, file: FileId, keeps: &Keeps) -> Facts {
    let mut out = Facts { rows: vec![(Class::Node, false)], ..Facts::default() };
    let id = program.files[file].section_id(1).0;
    if let Some(keep) = keeps.file(&program.files[file]).keep(b".data", SHF_ALLOC | SHF_WRITE) {
        out.events.push(Event::Keep(id, keep));
    } else if start_stop_name(mode, b".data") {
        out.events.push(Event::Named(id));
    }
    out
}

fn add_commons(build: &mut Build<'_, '_>) -> BTreeMap<NameId, NodeId> {
    let resolution = build.resolution;
    let add = resolution.commons.iter().map(|common| {
        let node = ExtraNode::Common { name: common.name, file: common.file, size: common.size };
        (common.name, build.add_node(node))
    });
    add.collect()
}

/// One node per X whose sections `__start_X` and `__stop_X` keep; by symbol name.
fn add_hubs<'d>(
    build: &mut Build<'_, 'd>,
    mode: Mode,
    found: &[Facts],
    keeps: &Keeps,
) -> BTreeMap<NameId, NodeId> {
    let program = build.program;
    let mut by_section: BTreeMap<&'d [u8], NodeId> = BTreeMap::new();
    let mut hubs = BTreeMap::new();
    let mut members: Vec<(&'d [u8], NodeId)> = Vec::new();
    if start_stop_name(mode, b"COMMON") {
        for (number, common) in build.resolution.commons.iter().enumerate() {
            let node = NodeId::from_usize(build.class.len() + number);
            let mut keeps = keeps.file(&program.files[common.file]);
            if keeps.keep(b"COMMON", SHF_ALLOC | SHF_WRITE).is_none() {
                members.push((b"COMMON", node));
            }
        }
    }
    for event in found.iter().flat_map(|facts| &facts.events) {
        if let Event::Named(section) = *event {
            members.push((program.section_name(SectionId(section)), NodeId(section)));
        }
    }
    for (section, member) in members {
        let hub = *by_section.entry(section).or_insert_with(|| {
            let hub = build.add_node(ExtraNode::StartStop { section });
            for prefix in [&b"__start_"[..], b"__stop_"] {
                if let Some(name) = program.names.find(&[prefix, section].concat()) {
                    hubs.insert(name, hub);
                }
            }
            hub
        });
        build.add_edge(hub, member, EdgeKind::StartStop);
    }
    hubs
}

fn fill_targets(
    build: &mut Build<'_, '_>,
    reachable: &FixedBitSet,
    commons: &BTreeMap<NameId, NodeId>,
    hubs: &BTreeMap<NameId, NodeId>,
) {
    let resolution = build.resolution;
    build.fill_targets(
        |section| reachable.contains(section.idx()),
        |_, _, _, name| {
            let name = resolution.wraps.by_last(name);
            symbol_node(resolution, name, reachable, commons).or_else(|| {
                let kind = resolution.definitions[name].kind;
                let defined =
                    matches!(kind, DefKind::Weak | DefKind::Strong | DefKind::Assigned | DefKind::Common);
                if defined || hubs.is_empty() { None } else { hubs.get(&name).copied() }
            })
        },
    );
}

/// The node that a name's definition lies in.
fn symbol_node(
    resolution: &Resolution,
    name: NameId,
    reachable: &FixedBitSet,
    commons: &BTreeMap<NameId, NodeId>,
) -> Option<NodeId> {
    let definition = resolution.definitions[name];
    match definition.kind {
        DefKind::Common => commons.get(&name).copied(),
        DefKind::Weak | DefKind::Strong => {
            let section = resolution.placed[name].section()?;
            reachable.contains(section.idx()).then_some(NodeId(section.0))
        }
        _ => None,
    }
}

/// The steps of `MarkLive::run`.
struct Walk<'a, 'd> {
    build: Build<'a, 'd>,
    roots: RootSet,
    /// Sections in lld's queue: their edges count.
    queued: FixedBitSet,
    /// Sections marked without being queued: their edges do not count.
    quiet: FixedBitSet,
    reachable: FixedBitSet,
    commons: BTreeMap<NameId, NodeId>,
}

impl<'d> Walk<'_, 'd> {
    fn enqueue(&mut self, node: NodeId, kind: RootKind, name: Option<NameId>) {
        if let Some(class) = self.build.class.get(SectionId(node.0)).copied() {
            let index = node.index();
            if !self.quiet.contains(index) {
                self.queued.insert(index);
                // Reached before the walk over the sections, a non-alloc section has edges.
                let program = self.build.program;
                if class == Class::Kept && program.section_name(SectionId(node.0)) != b".eh_frame" {
                    let (file, section) = program.locate(SectionId(node.0));
                    let object = program.files[file].object();
                    let merge = object.and_then(|o| o.sections.get(section as usize).copied());
                    if merge.is_some_and(|row| row.flags & SHF_MERGE == 0 || row.reloc != 0) {
                        self.build.follow.insert(index);
                    }
                }
            }
        }
        self.roots.roots.push(Root { node, kind, name, keep: None });
    }

    /// The last root stands for this KEEP.
    fn note_keep(&mut self, keep: (u32, u32)) {
        if let Some(root) = self.roots.roots.last_mut() {
            root.keep = Some(keep);
        }
    }

    fn mark_name(&mut self, name: NameId, kind: RootKind) {
        let resolution = self.build.resolution;
        if let Some(node) = symbol_node(resolution, name, &self.reachable, &self.commons) {
            self.enqueue(node, kind, Some(name));
        }
    }

    fn mark_text(&mut self, text: &[u8], kind: RootKind) {
        if let Some(name) = self.build.program.names.find(text) {
            self.mark_name(self.build.resolution.wraps.by_last(name), kind);
        }
    }

    fn symbol_roots(&mut self) {
        let program = self.build.program;
        let plan = program.plan;
        for name in self.build.resolution.exported.ones().map(NameId::from_usize).collect::<Vec<_>>() {
            let dso = self.build.resolution.dynamic_reference.contains(name.idx());
            self.mark_name(name, if dso { RootKind::DsoReference } else { RootKind::DynamicExport });
        }
        if let Some(entry) = entry_name(program) {
            self.mark_text(entry, RootKind::Entry);
        }
        self.mark_text(plan.init.as_ref().map_or(b"_init", |n| n.as_slice()), RootKind::UndefinedOption);
        self.mark_text(plan.fini.as_ref().map_or(b"_fini", |n| n.as_slice()), RootKind::UndefinedOption);
        for (name, kind) in &plan.demands {
            match kind {
                DemandKind::Undefined => self.mark_text(name, RootKind::UndefinedOption),
                DemandKind::Require => self.mark_text(name, RootKind::RequireDefined),
                DemandKind::Glob => {}
            }
        }
        let resolution = self.build.resolution;
        for &name in &resolution.externs {
            self.mark_name(resolution.wraps.by_last(name), RootKind::Extern);
        }
        for &name in &resolution.script_references {
            self.mark_name(resolution.wraps.by_last(name), RootKind::ScriptReference);
        }
    }

    /// References of CIEs and FDEs. What an FDE describes is not kept by it, nor is an LSDA that
    /// goes with its function anyway (`resolveReloc` with `fromFDE`).
    fn unwind(&mut self, found: &[Facts], ring: &FixedBitSet) {
        let (program, resolution) = (self.build.program, self.build.resolution);
        let targets = &self.build.targets;
        let kept: Vec<Vec<u32>> = resolution
            .files
            .par_iter()
            .zip(found)
            .with_max_len(16)
            .map(|(&file, facts)| {
                let Some(targets) = targets.get(file.idx()) else { return Vec::new() };
                let mut nodes: Vec<u32> = Vec::new();
                for reference in &facts.unwind {
                    let node = targets.get(reference.symbol as usize).copied().unwrap_or(NO_NODE);
                    if node == NO_NODE || reference.symbol == 0 || nodes.last() == Some(&node) {
                        continue;
                    }
                    if reference.fde && node < program.section_count {
                        let (owner, section) = program.locate(SectionId(node));
                        let row =
                            program.files[owner].object().and_then(|o| o.sections.get(section as usize));
                        let follows = row.is_some_and(|r| r.flags & (SHF_EXECINSTR | SHF_LINK_ORDER) != 0);
                        if follows || ring.contains(node as usize) {
                            continue;
                        }
                    }
                    nodes.push(node);
                }
                nodes
            })
            .collect();
        for node in kept.into_iter().flatten() {
            if !self.queued.contains(node as usize) || node >= self.build.program.section_count {
                self.enqueue(NodeId(node), RootKind::Unwind, None);
            } else if self.roots.shadowed.last() != Some(&NodeId(node)) {
                self.roots.shadowed.push(NodeId(node));
            }
        }
    }

    fn sections(&mut self, found: &[Facts], keeps: &Keeps) {
        let program = self.build.program;
        for (number, common) in self.build.resolution.commons.iter().enumerate() {
            let mut keeps = keeps.file(&program.files[common.file]);
            if let Some(keep) = keeps.keep(b"COMMON", SHF_ALLOC | SHF_WRITE) {
                let node = NodeId::from_usize(self.build.class.len() + number);
                self.enqueue(node, RootKind::Keep, Some(common.name));
                self.note_keep(keep);
            }
        }
        for event in found.iter().flat_map(|facts| &facts.events) {
            match *event {
                Event::Root(section, kind) => self.enqueue(NodeId(section), kind, None),
                Event::Keep(section, keep) => {
                    self.enqueue(NodeId(section), RootKind::Keep, None);
                    self.note_keep(keep);
                }
                Event::Dependent(section) => {
                    if !self.queued.contains(section as usize) {
                        self.quiet.insert(section as usize);
                        self.build.follow.remove(section as usize);
                        self.roots.add(NodeId(section), RootKind::Keep, None);
                    }
                }
                Event::Named(_) => {}
            }
        }
    }

    /// Adds the edges of sections that were not marked quietly.
    fn finish(mut self, found: &[Facts]) -> (SectionGraph<'d>, RootSet) {
        let always = &self.build.class;
        for &(from, to, kind) in found.iter().flat_map(|facts| &facts.edges) {
            let from = from as usize;
            let has_edges = !self.quiet.contains(from)
                && (always[SectionId(from as u32)] != Class::Kept || self.queued.contains(from));
            if has_edges {
                self.build.edges.push((NodeId(from as u32), NodeId(to), kind));
            }
        }
        (self.build.finish(), self.roots)
    }
}

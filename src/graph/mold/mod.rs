//! Nodes, edges and roots as mold sees them (GS 2, 4, 5, 6): alloc sections and one node per common
//! symbol; mergeable sections are replaced by their pieces and never collected as sections.
//!
//! In: program and resolution. Out: graph and roots. Written for mold 1.10; the rules of later
//! versions (GS 12) stand beside those they replace.

mod exports;
mod glob;
mod sections;
mod unwind;
mod versions;

use rayon::prelude::*;

use self::sections::Parts;
use super::{Build, Class, EdgeKind, ExtraNode, NO_NODE, RootKind, RootSet, SectionGraph};
use crate::ids::{Id, NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::*;
use crate::plan::{DemandKind, OutputKind, Version};
use crate::program::Program;
use crate::resolve::{DefKind, Resolution};

/// What differs between versions (GS 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Drift {
    /// 2.42: `__start_X` references keep X; before, every C-identifier section is a root.
    start_stop: bool,
    /// After 2.36: text keeps its `.ARM.exidx`; before, each of those is a root.
    exidx_edge: bool,
    /// 2.42: `.got2` of ppc32 is a root.
    got2: bool,
    /// SHT_CREL is read, and both other encodings.
    all_encodings: bool,
}

impl Drift {
    fn of(version: Version) -> Self {
        let late = version >= Version(2, 42, 0);
        Drift {
            start_stop: late,
            exidx_edge: version > Version(2, 36, u32::MAX),
            got2: late,
            all_encodings: late,
        }
    }
}

/// Builds graph and roots.
pub(super) fn build<'d>(program: &Program<'d>, resolution: &Resolution) -> (SectionGraph<'d>, RootSet) {
    let drift = Drift::of(program.plan.profile.version);
    let mut build = Build::new(program, resolution);
    let mut roots = RootSet::default();
    if !drift.all_encodings {
        build.only_encoding = program.target.map(|t| sections::encoding(t.machine));
    }
    let parts: Vec<Parts> = resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| sections::of_file(program, resolution, file, drift))
        .collect();
    for (&file, parts) in resolution.files.iter().zip(&parts) {
        let base = program.files[file].section_base;
        for (section, &(class, follow)) in (base..).zip(&parts.classes) {
            build.class[SectionId(section)] = class;
            build.follow.set(section as usize, follow);
        }
    }
    let mut targets = name_targets(&mut build);
    if drift.start_stop {
        start_stop(&mut build, &mut targets);
    }
    let wraps = &resolution.wraps;
    let class = std::mem::take(&mut build.class);
    build.fill_targets(
        |section| matches!(class[section], Class::Node | Class::Pieces),
        |_, input, symbol, mut name| {
            if !wraps.is_empty() {
                let place = input.object().and_then(|o| o.symbol(symbol)).map(|s| s.place);
                if place == Some(Place::Undefined) {
                    name = wraps.by_real_first(name);
                }
            }
            let target = targets.get(name.idx()).copied().unwrap_or(NO_NODE);
            (target != NO_NODE).then_some(NodeId(target))
        },
    );
    build.class = class;
    if program.plan.output_kind == OutputKind::Relocatable || program.plan.gc_sections == Some(false) {
        // GS 8: with -r the output is made before any collection.
        keep_all(&mut build);
        return (build.finish(), roots);
    }
    for (&file, parts) in resolution.files.iter().zip(&parts) {
        for &(section, kind) in &parts.roots {
            roots.add(node(program.files[file].section_id(section)), kind, None);
        }
    }
    exports::add_roots(program, resolution, &targets, &mut roots);
    add_named_roots(program, &targets, &mut roots);
    for &name in &resolution.glob_roots {
        let target = targets.get(name.idx()).copied().unwrap_or(NO_NODE);
        if target != NO_NODE {
            roots.add(NodeId(target), RootKind::UndefinedOption, Some(name));
        }
    }
    unwind::add(&mut build, &mut roots, &parts);
    if drift.exidx_edge {
        exidx_edges(&mut build);
    }
    (build.finish(), roots)
}

fn node(section: SectionId) -> NodeId {
    NodeId(section.0)
}

/// The node behind each name. A definition in a mergeable section, even one that lost, takes the
/// name for its piece (mold `resolve_section_pieces` does not ask who won).
fn name_targets(build: &mut Build<'_, '_>) -> Vec<u32> {
    let (program, resolution) = (build.program, build.resolution);
    let class = &build.class;
    let mut targets: Vec<u32> = resolution
        .definitions
        .as_slice()
        .par_iter()
        .with_min_len(16384)
        .map(|definition| {
            if !definition.is_regular() {
                return NO_NODE;
            }
            let file = &program.files[definition.file];
            match file.object().and_then(|o| o.symbol(definition.symbol)).map(|s| s.place) {
                Some(Place::Section(section)) => {
                    let id = file.section_id(section);
                    if matches!(class[id], Class::Node | Class::Pieces) { id.0 } else { NO_NODE }
                }
                _ => NO_NODE,
            }
        })
        .collect();
    for &(name, section) in &resolution.piece_definitions {
        let class = build.class[section];
        let alloc_or_not = class == Class::Pieces || class == Class::Kept;
        if alloc_or_not && resolution.definitions[name].kind != DefKind::Common {
            targets[name.idx()] = if class == Class::Pieces { section.0 } else { NO_NODE };
        }
    }
    for common in &resolution.commons {
        let id =
            build.add_node(ExtraNode::Common { name: common.name, file: common.file, size: common.size });
        targets[common.name.idx()] = id.0;
    }
    targets
}

/// Entry, `-u`, `--require-defined` (GS 4.2, 4.3): the name as written, if defined in an object.
fn add_named_roots(program: &Program<'_>, targets: &[u32], roots: &mut RootSet) {
    let plan = program.plan;
    let entry = plan.entry.as_ref().map_or(&b"_start"[..], |e| e.as_slice());
    let demands = |kind: DemandKind, root: RootKind| {
        plan.demands.iter().filter(move |d| d.1 == kind).map(move |d| (d.0.as_slice(), root))
    };
    let names = std::iter::once((entry, RootKind::Entry))
        .chain(demands(DemandKind::Undefined, RootKind::UndefinedOption))
        .chain(demands(DemandKind::Require, RootKind::RequireDefined));
    for (text, kind) in names {
        let Some(name) = program.names.find(text) else { continue };
        let target = targets.get(name.idx()).copied().unwrap_or(NO_NODE);
        if target != NO_NODE {
            roots.add(NodeId(target), kind, Some(name));
        }
    }
}

fn keep_all(build: &mut Build<'_, '_>) {
    for number in 0..build.class.len() {
        let section = SectionId::from_usize(number);
        if matches!(build.class[section], Class::Node | Class::Pieces) {
            build.class[section] = Class::Kept;
        }
    }
}

/// mold 2.42: a reference to `__start_X` or `__stop_X` reaches every alloc section X, besides the
/// definition of that name.
fn start_stop(build: &mut Build<'_, '_>, targets: &mut [u32]) {
    let program = build.program;
    let mut tables: std::collections::BTreeMap<&[u8], Vec<SectionId>> = std::collections::BTreeMap::new();
    for &file in &build.resolution.files {
        for section in program.sections_of(file) {
            if build.class[section] == Class::Node {
                let name = program.section_name(section);
                if sections::is_c_identifier(name) {
                    tables.entry(name).or_default().push(section);
                }
            }
        }
    }
    for (name, members) in tables {
        for prefix in [&b"__start_"[..], b"__stop_"] {
            let Some(symbol) = program.names.find(&[prefix, name].concat()) else { continue };
            let hub = build.add_node(ExtraNode::StartStop { section: name });
            for &member in &members {
                build.add_edge(hub, node(member), EdgeKind::StartStop);
            }
            let target = &mut targets[symbol.idx()];
            if *target != NO_NODE {
                build.add_edge(hub, NodeId(*target), EdgeKind::Relocation);
            }
            *target = hub.0;
        }
    }
}

/// mold after 2.36: live text keeps the `.ARM.exidx` that describes it.
fn exidx_edges(build: &mut Build<'_, '_>) {
    let program = build.program;
    if program.target.is_none_or(|t| t.machine != EM_ARM) {
        return;
    }
    for &file in &build.resolution.files {
        let input = &program.files[file];
        let Some(object) = input.object() else { continue };
        for (index, row) in (0u32..).zip(&object.sections) {
            let link = object.header(index).link;
            if row.kind == SHT_ARM_EXIDX && link != 0 && (link as usize) < object.sections.len() {
                let (text, exidx) = (node(input.section_id(link)), node(input.section_id(index)));
                build.add_edge(text, exidx, EdgeKind::LinkOrder);
            }
        }
    }
}

//! Nodes, edges and roots as GNU ld sees them (GS 2, 4, 5, 6).
//!
//! Follows bfd `_bfd_elf_gc_mark`, `_bfd_elf_gc_mark_rsec`, `bfd_elf_gc_sections` and ld
//! `lang_gc_sections`. The walk that comes after the closure is in `mark::bfd`.

pub(crate) mod arm;
mod eh_frame;
mod opd;
mod roots;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::{Build, Class, EdgeKind, ExtraNode, NO_NODE, RootSet, SectionGraph};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Group, Object, Place, SectionRow};
use crate::load::relocs::Reloc;
use crate::plan::OutputKind;
use crate::program::{Content, Program};
use crate::resolve::Resolution;

/// Builds graph and roots.
pub(super) fn build<'d>(program: &Program<'d>, resolution: &Resolution) -> (SectionGraph<'d>, RootSet) {
    let mut build = Build::new(program, resolution);
    let kind = program.plan.output_kind;
    build.classify(|_, object, index, row| classify(object, index, row, kind));
    symbols_only(&mut build);
    build.ignored_types = vtable_types(program);
    let mut names = NameNodes::new(&mut build);
    let descriptors = opd::Descriptors::read(program, &mut build, &mut names);
    let meant = |file: FileId, symbol: u32, name: NameId| meant(program, resolution, file, symbol, name);
    build.fill_targets(|_| true, |file, _, symbol, name| names.node(meant(file, symbol, name)));
    add_groups(&mut build);
    add_unwind(&mut build, &descriptors);
    second_symbols(&mut build);
    tls_calls(&mut build, &names);
    descriptors.add_edges(&mut build, meant);
    let roots = roots::find(&build, &names, &descriptors);
    (build.finish(), roots)
}

/// The name that a file's global symbol refers to, `--wrap` applied to references.
fn meant(program: &Program<'_>, resolution: &Resolution, file: FileId, symbol: u32, name: NameId) -> NameId {
    let file = &program.files[file];
    match file.object().and_then(|o| o.symbol(symbol)).map(|s| s.place) {
        Some(Place::Undefined) => resolution.wraps.by_first(name),
        Some(Place::Section(section)) if resolution.is_lost(file.section_id(section)) => {
            resolution.wraps.by_first(name)
        }
        _ => name,
    }
}

/// GS 2, column bfd.
fn classify(object: &Object<'_>, index: u32, row: SectionRow, output: OutputKind) -> (Class, bool) {
    let relocatable = output == OutputKind::Relocatable;
    let executable = matches!(output, OutputKind::Executable | OutputKind::Pie);
    let has_relocs = row.reloc != 0;
    match row.kind {
        SHT_NULL => (Class::Absent, false),
        SHT_SYMTAB | SHT_SYMTAB_SHNDX | SHT_REL | SHT_RELA | SHT_CREL => (Class::Structural, false),
        SHT_STRTAB if object.is_own_string_table(index) => (Class::Structural, false),
        SHT_GROUP => (Class::Node, false),
        // Executables consume the text of a warning symbol (`elf_link_add_object_symbols`).
        _ if executable && object.name_begins(index, b".gnu.warning.") => (Class::Discarded, false),
        // ld `ldelf_after_open`: build ids of inputs are excluded.
        _ if !relocatable && object.is_named(index, b".note.gnu.build-id") => (Class::Discarded, has_relocs),
        _ if row.flags & SHF_EXCLUDE != 0 && !relocatable => (Class::Discarded, has_relocs),
        _ => (Class::Node, has_relocs),
    }
}

/// Objects given for their symbols only (`--just-symbols`): never collected or printed, but what
/// refers to their symbols also reaches what their sections refer to (`_bfd_elf_gc_mark`).
fn symbols_only(build: &mut Build<'_, '_>) {
    let (program, resolution) = (build.program, build.resolution);
    for file in program.file_ids().filter(|&f| program.files[f].mode.just_symbols && resolution.is_in_link(f))
    {
        let Content::Object(object) = &program.files[file].content else { continue };
        for (index, row) in (0u32..).zip(object.sections.iter()) {
            if row.reloc != 0 {
                build.follow.insert(program.files[file].section_id(index).idx());
            }
        }
        add_rings(build, file);
    }
}

/// Targets 3: types that are no edge to a global symbol.
fn vtable_types(program: &Program<'_>) -> Vec<u32> {
    let machine = program.target.map_or(0, |t| t.machine);
    match machine {
        EM_386 | EM_X86_64 | EM_S390 | 2 | 18 | EM_SPARCV9 => vec![250, 251],
        EM_ARM => vec![100, 101],
        EM_MIPS | EM_PPC | EM_PPC64 => vec![253, 254],
        4 => vec![23, 24],
        42 => vec![22, 23],
        EM_LOONGARCH => vec![57, 58],
        15 => vec![232, 233],
        _ => Vec::new(),
    }
}

/// The node that each global name reaches.
pub(super) struct NameNodes {
    nodes: Vec<u32>,
    /// `__start_X`/`__stop_X` names that bfd defines itself: name, hub, first X.
    pub(super) start_stop: Vec<(NameId, NodeId, SectionId)>,
}

impl NameNodes {
    fn new(build: &mut Build<'_, '_>) -> Self {
        let (program, resolution) = (build.program, build.resolution);
        let mut nodes: Vec<u32> = (0..program.names.len())
            .into_par_iter()
            .map(|index| build.defined_section(NameId::from_usize(index)).map_or(NO_NODE, |s| s.0))
            .collect();
        for &(name, section) in &resolution.assigned {
            nodes[name.idx()] = section.0;
        }
        add_commons(build, &mut nodes);
        let mut names = NameNodes { nodes, start_stop: Vec::new() };
        names.add_start_stop(build);
        names
    }

    /// The node of a name, if it reaches one.
    pub(super) fn node(&self, name: NameId) -> Option<NodeId> {
        let node = self.nodes[name.idx()];
        (node != NO_NODE).then_some(NodeId(node))
    }

    /// Gives a name a node.
    pub(super) fn set(&mut self, name: NameId, node: NodeId) {
        self.nodes[name.idx()] = node.0;
    }

    /// GS 6.5: a hub for each `__start_X`/`__stop_X` that bfd defines itself.
    fn add_start_stop(&mut self, build: &mut Build<'_, '_>) {
        let gc = build.program.plan.start_stop_gc == Some(true);
        for (name, sections) in &build.resolution.start_stop {
            let section = build.program.section_name(sections[0]);
            let hub = build.add_node(ExtraNode::StartStop { section });
            let reached = if gc { &sections[..1] } else { &sections[..] };
            for &section in reached {
                build.add_edge(hub, NodeId(section.0), EdgeKind::StartStop);
            }
            self.nodes[name.idx()] = hub.0;
            self.start_stop.push((*name, hub, sections[0]));
        }
    }
}

/// GS 6.8: all winning commons of one object are one node; targets 5: small ones apart on mips and
/// nowhere (linker-created) on ppc32 and alpha.
fn add_commons(build: &mut Build<'_, '_>, nodes: &mut [u32]) {
    let (program, resolution) = (build.program, build.resolution);
    if program.plan.output_kind == OutputKind::Relocatable && !program.plan.define_common {
        return;
    }
    let machine = program.target.map_or(0, |t| t.machine);
    let limit = program.plan.small_data_limit.unwrap_or(8);
    let mut by_file: HashMap<(FileId, bool), NodeId, foldhash::fast::FixedState> = HashMap::default();
    for common in &resolution.commons {
        let symbol = program.files[common.file].object().and_then(|o| o.symbol(common.symbol));
        let tls = symbol.is_some_and(|s| s.kind == STT_TLS);
        // They lie in `.tcommon`, which the linker makes and keeps (`elf_link_add_object_symbols`).
        if tls && program.plan.output_kind != OutputKind::Relocatable {
            continue;
        }
        let scommon = symbol.is_some_and(|s| s.shndx == 0xff03);
        let small = match machine {
            EM_MIPS => !tls && (common.size <= limit || scommon),
            EM_PPC | EM_ALPHA => common.size <= limit,
            _ => false,
        };
        if small && machine != EM_MIPS {
            continue;
        }
        let node = *by_file
            .entry((common.file, small))
            .or_insert_with(|| build.add_node(ExtraNode::CommonsOf { file: common.file, size: 0, small }));
        let index = node.index() - build.class.len();
        if let Some(ExtraNode::CommonsOf { size, .. }) = build.extra_nodes.get_mut(index) {
            *size = size.saturating_add(common.size);
        }
        nodes[common.name.idx()] = node.0;
    }
}

/// GS 6.1: a ring over all members; the group section lives with its members.
fn add_groups(build: &mut Build<'_, '_>) {
    for &file in &build.resolution.files {
        add_rings(build, file);
    }
}

fn add_rings(build: &mut Build<'_, '_>, file: FileId) {
    let f = &build.program.files[file];
    let Content::Object(object) = &f.content else { return };
    for group in &object.groups {
        let members = object.members(group);
        let node = |section: u32| NodeId(f.section_id(section).0);
        for (i, &member) in members.iter().enumerate() {
            let next = members[(i + 1) % members.len()];
            if next != member {
                build.add_edge(node(member), node(next), EdgeKind::Group);
            }
        }
        if let Some(&first) = members.first() {
            build.add_edge(node(first), node(group.section), EdgeKind::Group);
            build.add_edge(node(group.section), node(first), EdgeKind::Group);
        }
    }
}

/// GS 6.4: FDEs and their CIEs become edges of the section they describe.
fn add_unwind(build: &mut Build<'_, '_>, descriptors: &opd::Descriptors) {
    let (program, resolution) = (build.program, build.resolution);
    type Found = (Vec<(NodeId, NodeId, EdgeKind)>, Option<SectionId>);
    let targets = &build.targets;
    let found: Vec<Found> = resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| unwind_of(program, resolution, targets, descriptors, file))
        .collect();
    for (edges, parsed) in found {
        build.edges.extend(edges);
        if let Some(section) = parsed {
            build.follow.set(section.idx(), false);
        }
    }
}

fn unwind_of(
    program: &Program<'_>,
    resolution: &Resolution,
    targets: &[Vec<u32>],
    descriptors: &opd::Descriptors,
    file: FileId,
) -> (Vec<(NodeId, NodeId, EdgeKind)>, Option<SectionId>) {
    let f = &program.files[file];
    let Content::Object(object) = &f.content else { return (Vec::new(), None) };
    let targets = &targets[file.idx()];
    let target = |symbol: u32| targets.get(symbol as usize).copied().filter(|&t| t != NO_NODE);
    let mut fdes = Vec::new();
    let mut last: Option<(SectionId, Vec<Reloc>)> = None;
    for index in 1..object.sections.len() as u32 {
        let row = object.sections[index as usize];
        if !matches!(row.kind, SHT_PROGBITS | SHT_X86_64_UNWIND) || !object.is_named(index, b".eh_frame") {
            continue;
        }
        let section = f.section_id(index);
        let Some(data) = object.section_data(index).filter(|d| !d.is_empty()) else { continue };
        if resolution.is_lost(section) {
            continue;
        }
        let mut relocs = Vec::new();
        for table in object.reloc_sections(index) {
            if let Ok(table) = object.reloc_table(table) {
                table.for_each(|_, r| relocs.push(r));
            }
        }
        if let Some(mut parsed) = eh_frame::parse(object, data, &relocs) {
            // An FDE of a section in another file spoils the whole (bfd requires rsec->owner).
            let own = f.section_base..f.section_base + f.section_count();
            if parsed.iter().any(|fde| target(fde.symbol).is_some_and(|t| !own.contains(&t))) {
                continue;
            }
            fdes.append(&mut parsed);
            last = Some((section, relocs));
        }
    }
    let Some((section, relocs)) = last else { return (Vec::new(), None) };
    let mut edges = Vec::new();
    for fde in &fdes {
        let Some(code) = target(fde.symbol) else { continue };
        for entry in std::iter::once(fde.own).chain(fde.cie) {
            let rest = relocs.get(entry.first..).unwrap_or(&[]);
            for reloc in rest.iter().take_while(|r| r.offset < entry.end_offset) {
                if let Some(to) = target(reloc.symbol).filter(|&t| t != code && reloc.symbol != 0) {
                    edges.push((NodeId(code), NodeId(to), EdgeKind::Unwind));
                }
                let meant = |file, symbol, name| meant(program, resolution, file, symbol, name);
                if let Some(to) = descriptors.second(program, file, object, reloc, meant) {
                    edges.push((NodeId(code), to, EdgeKind::Unwind));
                }
            }
        }
    }
    (edges, Some(section))
}

/// Targets 3: in mips n64 entries the second symbol index (`r_ssym`) is the symbol of the second of
/// the three operations that bfd makes of an entry (`mips_elf64_slurp_one_reloc_table`).
fn second_symbols(build: &mut Build<'_, '_>) {
    let program = build.program;
    if program.target.is_none_or(|t| t.machine != EM_MIPS || !t.is_64) {
        return;
    }
    each_relocation(build, |_, _, reloc, targets| {
        let second = reloc.kind >> 24;
        let target = targets.get(second as usize).copied().filter(|&t| second != 0 && t != NO_NODE);
        target.map(NodeId)
    });
}

/// Targets 3.1: in sparc shared libraries the call relocations of dynamic TLS refer to
/// `__tls_get_addr`, not to their own symbol (`sparc_elf_gc_mark_hook`).
fn tls_calls(build: &mut Build<'_, '_>, names: &NameNodes) {
    const CALLS: [u32; 2] = [59, 63];
    let program = build.program;
    if program.target.is_none_or(|t| t.machine != EM_SPARCV9)
        || program.plan.output_kind != OutputKind::Shared
    {
        return;
    }
    build.ignored_types.extend(CALLS);
    let Some(called) = program.names.find(b"__tls_get_addr").and_then(|n| names.node(n)) else { return };
    each_relocation(build, |_, _, reloc, _| CALLS.contains(&reloc.kind).then_some(called));
}

/// Adds the edges that `more` finds in the relocations of sections whose relocations count; it gets the file,
/// the relocation and the file's targets.
fn each_relocation(
    build: &mut Build<'_, '_>,
    more: impl Fn(FileId, &Object<'_>, Reloc, &[u32]) -> Option<NodeId>,
) {
    let program = build.program;
    for &file in &build.resolution.files {
        let input = &program.files[file];
        let Some(object) = input.object() else { continue };
        for index in 1..object.sections.len() as u32 {
            let from = input.section_id(index);
            if !build.follow.contains(from.idx()) {
                continue;
            }
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                let (edges, targets) = (&mut build.edges, &build.targets[file.idx()]);
                table.for_each(|_, reloc| {
                    if let Some(to) = more(file, object, reloc, targets) {
                        edges.push((NodeId(from.0), to, EdgeKind::Relocation));
                    }
                });
            }
        }
    }
}

/// Sections with a KEEP or another property that bfd asks by flag; shared with the walk in `mark`.
pub(crate) fn is_debug(object: &Object<'_>, index: u32) -> bool {
    let row = object.sections[index as usize];
    if row.is_alloc() || row.kind == SHT_GROUP {
        return false;
    }
    DEBUG.iter().any(|p| object.name_begins(index, p)) || object.is_named(index, INDEX)
}

const DEBUG: [&[u8]; 6] =
    [b".debug", b".gnu.debuglto_.debug_", b".gnu.linkonce.wi.", b".zdebug", b".line", b".stab"];
const INDEX: &[u8] = b".gdb_index";

/// The name of a section that is neither allocated nor a group, for [`is_debug`].
pub(crate) fn is_debug_name(name: &[u8]) -> bool {
    DEBUG.iter().any(|p| name.starts_with(p)) || name == INDEX
}

/// The group that a SHT_GROUP section stands for; groups stand in section order.
pub(crate) fn group_at<'o>(object: &'o Object<'_>, section: u32) -> Option<&'o Group> {
    object.groups.get(object.groups.binary_search_by_key(&section, |group| group.section).ok()?)
}

/// GS 2: neither allocated nor with relocations.
pub(crate) fn is_special(object: &Object<'_>, index: u32) -> bool {
    let row = object.sections[index as usize];
    !row.is_alloc()
        && !object.reloc_sections(index).any(|r| object.reloc_table(r).is_ok_and(|t| !t.is_empty()))
}

/// The section that a SHF_LINK_ORDER section describes.
pub(crate) fn linked_to(object: &Object<'_>, index: u32) -> Option<u32> {
    let row = object.sections.get(index as usize)?;
    if row.flags & SHF_LINK_ORDER == 0 {
        return None;
    }
    let link = object.header(index).link;
    (link != 0 && (link as usize) < object.sections.len()).then_some(link)
}

/// The order in which bfd makes an object's sections (it prints and walks them so): header order,
/// except that the first member of a group makes all groups, and a relocation section makes the
/// section it applies to (bfd `bfd_section_from_shdr`, `setup_group`).
pub(crate) fn section_order(object: &Object<'_>) -> Vec<u32> {
    let count = object.sections.len() as u32;
    let mut made = vec![false; count as usize];
    let mut order = Vec::with_capacity(count as usize);
    let mut groups_made = object.groups.is_empty();
    let mut make = |index: u32, made: &mut Vec<bool>| {
        if std::mem::replace(&mut made[index as usize], true) {
            return;
        }
        order.push(index);
        if !groups_made && object.sections[index as usize].flags & SHF_GROUP != 0 {
            groups_made = true;
            for group in &object.groups {
                if !std::mem::replace(&mut made[group.section as usize], true) {
                    order.push(group.section);
                }
            }
        }
    };
    for index in 1..count {
        let row = object.sections[index as usize];
        if matches!(row.kind, SHT_REL | SHT_RELA) {
            let target = object.header(index).info;
            if target != 0 && target < count && object.sections[target as usize].reloc != 0 {
                make(target, &mut made);
            }
            continue;
        }
        make(index, &mut made);
    }
    order
}

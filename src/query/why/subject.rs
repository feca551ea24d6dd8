//! What a pattern names: sections, symbols, commons, files; and whether each of them lives.
//!
//! In: analysis and request. Out: subjects in a fixed order: files, sections and local symbols by
//! position, global symbols by name.

use rayon::prelude::*;

use super::pattern::Pattern;
use super::view::View;
use super::{Kind, WhyRequest, collects};
use crate::graph::{Class, ExtraNode};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Place, is_relocation_type};
use crate::program::{Content, Program};
use crate::query::Analysis;
use crate::resolve::DefKind;

/// One thing that a pattern can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An input section.
    Section(SectionId),
    /// A symbol: a global by name, or a local one of a file.
    Symbol {
        /// The global name; `None` for a local symbol.
        name: Option<NameId>,
        /// Where it is defined, or for undefined names who refers to it first.
        file: Option<FileId>,
        /// Index in that file's symbol table.
        symbol: u32,
        /// What kind of definition it has.
        place: SymbolPlace,
    },
    /// The commons node (`COMMON`) of a file or symbol.
    Common(NodeId),
    /// A file of the link, or a member that may enter it.
    File(FileId),
}

/// Where a symbol lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolPlace {
    /// In an input section.
    Section(SectionId),
    /// A common; the node that holds it, where the linker has one.
    Common(Option<NodeId>),
    /// An absolute value.
    Absolute,
    /// In a shared library.
    Shared,
    /// Assigned by a script or `--defsym`.
    Assigned,
    /// A start or stop name that the linker defines itself: the hub of its sections.
    Bounds(NodeId),
    /// Referenced, not defined.
    Undefined,
    /// Referenced only weakly, not defined.
    UndefinedWeak,
    /// Defined only by a file that did not enter the link.
    NotExtracted,
}

/// Whether a subject lives, and if not, in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In the output, reached from a root.
    Live,
    /// In the output; this linker never drops it.
    AlwaysKept,
    /// Dropped by garbage collection.
    Dead,
    /// Its file did not enter the link.
    NotExtracted,
    /// A group or linkonce copy that lost against another one.
    Lost,
    /// Left out by SHF_EXCLUDE or a strip option.
    Excluded,
    /// Symbol tables, relocation sections and the like: the linker makes its own.
    Structural,
    /// Split into pieces, each of which lives or dies by itself.
    Pieces,
    /// A value without a section: absolute, from a script, from a shared library.
    Outside,
    /// Not defined anywhere.
    Undefined,
}

impl State {
    /// Whether it counts as live for the exit status.
    pub fn is_live(self) -> bool {
        matches!(self, State::Live | State::AlwaysKept | State::Pieces | State::Outside)
    }
}

/// The state of a section.
pub(super) fn section_state(analysis: &Analysis<'_>, section: SectionId) -> State {
    let (file, _) = analysis.program.locate(section);
    let graph = &analysis.graph;
    let live = analysis.liveness.is_live(NodeId(section.0)) || !collects(analysis);
    if !analysis.resolution.is_in_link(file) {
        return State::NotExtracted;
    }
    match graph.class[section] {
        Class::Absent | Class::Structural => State::Structural,
        Class::Duplicate => State::Lost,
        _ if analysis.resolution.is_lost(section) => State::Lost,
        Class::Discarded => State::Excluded,
        Class::Kept => State::AlwaysKept,
        Class::Node if live => State::Live,
        Class::Node => State::Dead,
        Class::Pieces => State::Pieces,
    }
}

/// The state of a subject.
pub(super) fn state(analysis: &Analysis<'_>, what: &What) -> State {
    let node = |node: NodeId| match analysis.graph.section(node) {
        Some(section) => section_state(analysis, section),
        None if analysis.liveness.is_live(node) || !collects(analysis) => State::Live,
        None => State::Dead,
    };
    state_of(what, |s| section_state(analysis, s), node, |f| file_state(analysis, f))
}

/// The state of a subject, told by those of the sections, nodes and files.
pub(super) fn state_of(
    what: &What,
    section_state: impl Fn(SectionId) -> State,
    node_state: impl Fn(NodeId) -> State,
    file_state: impl Fn(FileId) -> State,
) -> State {
    match *what {
        What::Section(section) => section_state(section),
        What::Common(node) => node_state(node),
        What::File(file) => file_state(file),
        What::Symbol { place, .. } => match place {
            SymbolPlace::Section(section) => section_state(section),
            SymbolPlace::Common(Some(node)) => node_state(node),
            SymbolPlace::Common(None) => State::AlwaysKept,
            SymbolPlace::Bounds(node) => node_state(node),
            SymbolPlace::Absolute | SymbolPlace::Shared | SymbolPlace::Assigned => State::Outside,
            SymbolPlace::Undefined | SymbolPlace::UndefinedWeak => State::Undefined,
            SymbolPlace::NotExtracted => State::NotExtracted,
        },
    }
}

/// A file lives if any of its non-empty sections does; data and libraries live by being there.
fn file_state(analysis: &Analysis<'_>, file: FileId) -> State {
    if !analysis.resolution.is_in_link(file) {
        return State::NotExtracted;
    }
    let program = &analysis.program;
    match &program.files[file].content {
        Content::Shared(_) | Content::Opaque(_) => State::Outside,
        Content::Object(_) | Content::Binary(_) => {
            let lives = |s: SectionId| {
                let state = section_state(analysis, s);
                program.section_size(s) > 0
                    && matches!(state, State::Live | State::AlwaysKept | State::Pieces)
                    && is_loaded(program, s)
            };
            let commons = analysis.graph.extra_nodes.iter().enumerate().any(|(offset, node)| {
                let owner = match *node {
                    ExtraNode::CommonsOf { file, .. } | ExtraNode::Common { file, .. } => file,
                    _ => return false,
                };
                owner == file && analysis.liveness.is_live(extra_id(analysis, offset))
            });
            if commons || program.sections_of(file).any(lives) { State::Live } else { State::Dead }
        }
    }
}

/// Whether a section is an input of its own rather than a table about others.
pub(crate) fn is_content(program: &Program<'_>, section: SectionId) -> bool {
    let (file, index) = program.locate(section);
    let Some(object) = program.files[file].object() else { return true };
    let Some(row) = object.sections.get(index as usize) else { return false };
    let table = matches!(row.kind, SHT_NULL | SHT_GROUP | SHT_SYMTAB | SHT_SYMTAB_SHNDX);
    let own_strings = row.kind == SHT_STRTAB && object.is_own_string_table(index);
    !(table || own_strings || is_relocation_type(row.kind))
}

/// The first file outside the link that defines a name.
pub(super) fn outside_definition(analysis: &Analysis<'_>, name: NameId) -> Option<FileId> {
    let (file, _) = first_definitions(analysis, &[name]).into_iter().next()?;
    file.filter(|f| !analysis.resolution.is_in_link(*f))
}

/// Whether a section takes room in memory; a file of which only debug data is left counts as dead.
pub(super) fn is_loaded(program: &Program<'_>, section: SectionId) -> bool {
    let (file, index) = program.locate(section);
    let loaded = |o: &crate::load::elf::Object<'_>| {
        // Unwind data is there because of what it describes.
        o.sections.get(index as usize).is_some_and(|r| r.is_alloc()) && o.section_name(index) != b".eh_frame"
    };
    program.files[file].object().is_none_or(loaded)
}

pub(super) fn extra_id(analysis: &Analysis<'_>, offset: usize) -> NodeId {
    NodeId::from_usize(analysis.graph.section_count() + offset)
}

/// The node that a subject's chains lead to.
pub(super) fn node(what: &What) -> Option<NodeId> {
    match *what {
        What::Section(section) => Some(NodeId(section.0)),
        What::Common(node) => Some(node),
        What::File(_) => None,
        What::Symbol { place, .. } => match place {
            SymbolPlace::Section(section) => Some(NodeId(section.0)),
            SymbolPlace::Common(node) => node,
            SymbolPlace::Bounds(node) => Some(node),
            _ => None,
        },
    }
}

/// `file.o:(.text.f)`, as linkers write a section: both parts.
pub(super) fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_suffix(b")")?;
    let at = text.windows(2).position(|w| w == b":(")?;
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// All subjects of a request.
pub(super) fn find(analysis: &Analysis<'_>, request: &WhyRequest) -> Vec<What> {
    let text = request.pattern.as_slice();
    let split = split(text);
    let mut out = Vec::new();
    if let (Some((file, section)), Kind::Any | Kind::Section) = (split, request.kind) {
        let file = Pattern::new(file, request.exact);
        let section = Pattern::new(section, request.exact);
        sections(analysis, &section, Some(&file), &mut out);
        if !out.is_empty() {
            return out;
        }
    }
    let pattern = Pattern::new(text, request.exact);
    let is = |kind: Kind| request.kind == Kind::Any || request.kind == kind;
    if is(Kind::File) || request.kind == Kind::Member {
        files(analysis, &pattern, request.kind, &mut out);
    }
    if is(Kind::Section) {
        sections(analysis, &pattern, None, &mut out);
    }
    if is(Kind::Symbol) {
        globals(analysis, &pattern, &mut out);
        locals(analysis, &pattern, &mut out);
    }
    out
}

fn names_file(analysis: &Analysis<'_>, pattern: &Pattern, file: FileId, kind: Kind) -> bool {
    View::file(analysis, file).is_some_and(|f| f.is_named(pattern, kind))
}

fn files(analysis: &Analysis<'_>, pattern: &Pattern, kind: Kind, out: &mut Vec<What>) {
    let program = &analysis.program;
    let ids: Vec<FileId> = program.file_ids().collect();
    let found: Vec<FileId> =
        ids.into_par_iter().filter(|&file| names_file(analysis, pattern, file, kind)).collect();
    out.extend(found.into_iter().map(What::File));
}

fn sections(analysis: &Analysis<'_>, pattern: &Pattern, file: Option<&Pattern>, out: &mut Vec<What>) {
    let program = &analysis.program;
    let ids: Vec<FileId> = program.file_ids().collect();
    let found: Vec<Vec<SectionId>> = ids
        .into_par_iter()
        .with_max_len(64)
        .map(|id| {
            if file.is_some_and(|p| !names_file(analysis, p, id, Kind::File)) {
                return Vec::new();
            }
            let f = &program.files[id];
            match &f.content {
                Content::Object(object) => (1..object.sections.len() as u32)
                    // Relocation sections are part of what they relocate.
                    .filter(|&i| object.sections.get(i as usize).is_some_and(|r| !is_relocation_type(r.kind)))
                    .filter(|&i| pattern.matches(object.section_name(i)))
                    .map(|i| f.section_id(i))
                    .collect(),
                Content::Binary(_) if pattern.matches(b".data") => vec![f.section_id(1)],
                _ => Vec::new(),
            }
        })
        .collect();
    out.extend(found.into_iter().flatten().map(What::Section));
    for (offset, node) in analysis.graph.extra_nodes.iter().enumerate() {
        let (name, owner): (&[u8], FileId) = match *node {
            ExtraNode::CommonsOf { file, small: false, .. } => (b"COMMON", file),
            ExtraNode::CommonsOf { file, .. } => (b".scommon", file),
            ExtraNode::Common { file, .. } => (b"COMMON", file),
            _ => continue,
        };
        if pattern.matches(name) && file.is_none_or(|p| names_file(analysis, p, owner, Kind::File)) {
            out.push(What::Common(extra_id(analysis, offset)));
        }
    }
}

fn globals(analysis: &Analysis<'_>, pattern: &Pattern, out: &mut Vec<What>) {
    let program = &analysis.program;
    let mut names: Vec<NameId> = match pattern.literal() {
        Some(name) => program.names.find(name).into_iter().collect(),
        None => {
            let count = program.names.len();
            let hit = |n: &NameId| pattern.matches(program.name(*n));
            (0..count).into_par_iter().map(NameId::from_usize).filter(hit).collect()
        }
    };
    names.sort_by_key(|&n| program.name(n));
    if names.is_empty() {
        return;
    }
    let mut unknown: Vec<NameId> = Vec::new();
    let mut found: Vec<(NameId, What)> = Vec::new();
    for name in names {
        let definition = analysis.resolution.definitions[name];
        let place = match definition.kind {
            DefKind::Unknown => {
                unknown.push(name);
                continue;
            }
            DefKind::Shared => bounds(analysis, name).map_or(SymbolPlace::Shared, SymbolPlace::Bounds),
            DefKind::Assigned => SymbolPlace::Assigned,
            DefKind::Common => SymbolPlace::Common(common_node(analysis, name, definition.file)),
            DefKind::Undefined => bounds(analysis, name).map_or(SymbolPlace::Undefined, SymbolPlace::Bounds),
            DefKind::UndefinedWeak => {
                bounds(analysis, name).map_or(SymbolPlace::UndefinedWeak, SymbolPlace::Bounds)
            }
            DefKind::Weak | DefKind::Strong => {
                let file = program.files.get(definition.file);
                match file.and_then(|f| Some((f, f.object()?.symbol(definition.symbol)?.place))) {
                    Some((f, Place::Section(section))) => SymbolPlace::Section(f.section_id(section)),
                    _ => SymbolPlace::Absolute,
                }
            }
        };
        let file = program.files.get(definition.file).map(|_| definition.file);
        found.push((name, What::Symbol { name: Some(name), file, symbol: definition.symbol, place }));
    }
    // Names that no file of the link mentions: defined by what stayed behind.
    for (name, (file, symbol)) in unknown.iter().zip(first_definitions(analysis, &unknown)) {
        if let Some(file) = file {
            let place = SymbolPlace::NotExtracted;
            found.push((*name, What::Symbol { name: Some(*name), file: Some(file), symbol, place }));
        }
    }
    found.sort_by_key(|(name, _)| program.name(*name));
    out.extend(found.into_iter().map(|(_, what)| what));
}

/// For each name the first file that defines it, in the link or not.
pub(crate) fn first_definitions(analysis: &Analysis<'_>, names: &[NameId]) -> Vec<(Option<FileId>, u32)> {
    let program = &analysis.program;
    let mut out = vec![(None, 0); names.len()];
    if names.is_empty() {
        return out;
    }
    let mut position = vec![u32::MAX; program.names.len()];
    for (i, name) in names.iter().enumerate() {
        position[name.idx()] = i as u32;
    }
    let ids: Vec<FileId> = program.file_ids().collect();
    let found: Vec<Vec<(u32, FileId, u32)>> = ids
        .into_par_iter()
        .with_max_len(64)
        .map(|id| {
            let f = &program.files[id];
            let Some(object) = f.object() else { return Vec::new() };
            let mut hits = Vec::new();
            for (symbol, name) in (object.first_global..).zip(&f.names) {
                let at = position[name.idx()];
                let defined = || object.symbol(symbol).is_some_and(|s| s.place != Place::Undefined);
                if at != u32::MAX && defined() {
                    hits.push((at, id, symbol));
                }
            }
            hits
        })
        .collect();
    for (at, file, symbol) in found.into_iter().flatten() {
        if let Some(slot @ (None, _)) = out.get_mut(at as usize) {
            *slot = (Some(file), symbol);
        }
    }
    out
}

/// The start/stop hub that a name reaches.
pub(crate) fn bounds(analysis: &Analysis<'_>, name: NameId) -> Option<NodeId> {
    let text = analysis.program.name(name);
    let x = text.strip_prefix(b"__start_").or_else(|| text.strip_prefix(b"__stop_"))?;
    let hub = |node: &ExtraNode<'_>| matches!(node, ExtraNode::StartStop { section } if *section == x);
    let hubs: Vec<NodeId> = (0..analysis.graph.extra_nodes.len())
        .filter(|&i| hub(&analysis.graph.extra_nodes[i]))
        .map(|i| extra_id(analysis, i))
        .collect();
    // bfd has one hub per name: any live one speaks for both.
    hubs.iter().copied().find(|&n| analysis.liveness.is_live(n)).or(hubs.first().copied())
}

pub(crate) fn common_node(analysis: &Analysis<'_>, name: NameId, owner: FileId) -> Option<NodeId> {
    let target = analysis.graph.targets.get(owner.idx())?;
    let f = &analysis.program.files[owner];
    let first = f.object()?.first_global;
    let at = f.names.iter().position(|&n| n == name)?;
    let node = *target.get(first as usize + at)?;
    (node != crate::graph::NO_NODE).then_some(NodeId(node))
}

fn locals(analysis: &Analysis<'_>, pattern: &Pattern, out: &mut Vec<What>) {
    let program = &analysis.program;
    let ids: Vec<FileId> = program.file_ids().collect();
    let found: Vec<Vec<What>> = ids
        .into_par_iter()
        .with_max_len(64)
        .map(|id| {
            let f = &program.files[id];
            let Some(object) = f.object() else { return Vec::new() };
            let mut hits = Vec::new();
            for symbol in 1..object.first_global {
                let Some(s) = object.symbol(symbol) else { continue };
                let Place::Section(section) = s.place else { continue };
                if matches!(s.kind, STT_SECTION | STT_FILE) || s.name == 0 {
                    continue;
                }
                if pattern.matches(object.symbol_name(s.name)) {
                    let place = SymbolPlace::Section(f.section_id(section));
                    hits.push(What::Symbol { name: None, file: Some(id), symbol, place });
                }
            }
            hits
        })
        .collect();
    out.extend(found.into_iter().flatten());
}

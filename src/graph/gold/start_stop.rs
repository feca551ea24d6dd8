//! `__start_X` and `__stop_X` as gold treats them (GS 6.5): any reference that names them keeps
//! every section X, whoever defines the symbol.
//!
//! Quirk kept: within one relocation table the last such name stays in force, so that a later
//! relocation does what the first could not do because a shared library defines the name
//! (gold `gc_process_relocs`).

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use crate::graph::{Build, EdgeKind, ExtraNode};
use crate::ids::{FileId, NodeId, SectionId};
use crate::load::elf::{Object, Place};
use crate::plan::OutputKind;
use crate::program::{Content, InputFile, Program};
use crate::resolve::gold::sections::is_consumed;
use crate::resolve::{DefKind, Resolution};

const PREFIXES: [&[u8]; 2] = [b"__start_", b"__stop_"];

/// Adds hubs and edges.
pub(super) fn add_edges(build: &mut Build<'_, '_>) {
    let (program, resolution) = (build.program, build.resolution);
    let sections = identifier_sections(program, resolution);
    let mut names = FixedBitSet::with_capacity(program.names.len());
    let mut any = false;
    for name in sections.keys() {
        for prefix in PREFIXES {
            if let Some(id) = program.names.find(&[prefix, name].concat()) {
                names.insert(id.idx());
                any = true;
            }
        }
    }
    if !any {
        return;
    }
    let found: Vec<Vec<(SectionId, &[u8])>> = resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| {
            let input = &program.files[file];
            match &input.content {
                Content::Object(object) if input.names.iter().any(|n| names.contains(n.idx())) => {
                    references(build, file, input, object)
                }
                _ => Vec::new(),
            }
        })
        .collect();
    let mut hubs: BTreeMap<&[u8], NodeId> = BTreeMap::new();
    for (from, name) in found.into_iter().flatten() {
        let Some((&section, members)) = sections.get_key_value(name) else { continue };
        let hub = match hubs.get(section) {
            Some(&hub) => hub,
            None => {
                let hub = build.add_node(ExtraNode::StartStop { section });
                hubs.insert(section, hub);
                for member in members {
                    build.add_edge(hub, NodeId(member.0), EdgeKind::StartStop);
                }
                hub
            }
        };
        build.add_edge(NodeId(from.0), hub, EdgeKind::StartStop);
    }
}

/// Sections with names of letters, digits and underscores (an empty name and a leading digit count
/// too), of the link's files in order.
fn identifier_sections<'d>(
    program: &Program<'d>,
    resolution: &Resolution,
) -> BTreeMap<&'d [u8], Vec<SectionId>> {
    let shared = program.plan.output_kind == OutputKind::Shared;
    let lists: Vec<Vec<(&[u8], SectionId)>> = resolution
        .files
        .par_iter()
        .with_max_len(64)
        .map(|&file| {
            let input = &program.files[file];
            let Content::Object(object) = &input.content else { return Vec::new() };
            if input.mode.just_symbols {
                return Vec::new();
            }
            let mut list = Vec::new();
            for (index, row) in object.sections.iter().enumerate().skip(1) {
                if object.name_begins(index as u32, b".") {
                    continue;
                }
                let name = object.section_name(index as u32);
                let section = input.section_id(index as u32);
                if name.iter().all(|&b| b == b'_' || b.is_ascii_alphanumeric())
                    && !resolution.is_lost(section)
                    && !is_consumed(object, index as u32, row.kind, shared)
                {
                    list.push((name, section));
                }
            }
            list
        })
        .collect();
    let mut sections: BTreeMap<&[u8], Vec<SectionId>> = BTreeMap::new();
    for (name, section) in lists.into_iter().flatten() {
        sections.entry(name).or_default().push(section);
    }
    sections
}

/// What one symbol of a file is to the walk over a relocation table.
#[derive(Clone, Copy)]
struct Meaning<'d> {
    /// X, if the name is `__start_X` or `__stop_X`.
    section: Option<&'d [u8]>,
    /// The reference counts: it reaches a section of a regular object, or section 0.
    counts: bool,
    /// A local symbol of this section: it never counts from inside.
    local: u32,
}

/// Sections of a file and the X that they keep.
fn references<'d>(
    build: &Build<'_, 'd>,
    file: FileId,
    input: &InputFile<'d>,
    object: &Object<'d>,
) -> Vec<(SectionId, &'d [u8])> {
    let program = build.program;
    let mut meanings = Vec::with_capacity(object.symbol_count() as usize);
    for symbol in 0..object.first_global {
        let place = object.symbol(symbol).map(|s| s.place);
        let local = if let Some(Place::Section(section)) = place { section } else { 0 };
        let counts = matches!(place, Some(Place::Section(_) | Place::Undefined));
        meanings.push(Meaning { section: None, counts, local });
    }
    for (at, &name) in input.names.iter().enumerate() {
        let symbol = object.first_global + at as u32;
        let text = program.name(name);
        let section = PREFIXES.iter().find_map(|p| text.strip_prefix(*p));
        let definition = build.resolution.meaning(file, symbol, name);
        let counts = match definition.kind {
            DefKind::Undefined | DefKind::UndefinedWeak => {
                program.files.get(definition.file).is_some_and(|f| matches!(f.content, Content::Object(_)))
            }
            DefKind::Strong | DefKind::Weak => {
                crate::graph::builder::section_of(program, definition).is_some()
            }
            _ => false,
        };
        meanings.push(Meaning { section, counts, local: u32::MAX });
    }
    let mut found = Vec::new();
    for index in 1..object.sections.len() as u32 {
        let section = input.section_id(index);
        if !build.follow.contains(section.idx()) {
            continue;
        }
        for table in object.reloc_sections(index) {
            let Ok(table) = object.reloc_table(table) else { continue };
            let mut name: Option<&[u8]> = None;
            table.for_each(|_, reloc| {
                let Some(meaning) = meanings.get(reloc.symbol as usize) else { return };
                if meaning.section.is_some() {
                    name = meaning.section;
                }
                if let (Some(name), true) = (name, meaning.counts && meaning.local != index)
                    && found.last() != Some(&(section, name))
                {
                    found.push((section, name));
                }
            });
        }
    }
    found
}

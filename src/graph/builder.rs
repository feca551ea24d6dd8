//! The common part of building a graph: columns sized for the program, symbol targets filled in
//! parallel by file, extra nodes and edges collected.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::{Class, EdgeKind, ExtraEdges, ExtraNode, NO_NODE, SectionGraph};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId, Table};
use crate::load::elf::{Object, Place, SectionRow};
use crate::program::{Content, InputFile, Program};
use crate::resolve::{Definition, Resolution};

/// A graph under construction. The linker's own file sets classes, targets, extra nodes and edges,
/// then calls [`Build::finish`].
pub struct Build<'a, 'd> {
    /// The program.
    pub program: &'a Program<'d>,
    /// The resolution.
    pub resolution: &'a Resolution,
    /// What each section is; everything starts as [`Class::Absent`].
    pub class: Table<SectionId, Class>,
    /// Sections whose relocations are edges.
    pub follow: FixedBitSet,
    /// Extra nodes so far.
    pub extra_nodes: Vec<ExtraNode<'d>>,
    /// Extra edges so far: from, to, kind.
    pub edges: Vec<(NodeId, NodeId, EdgeKind)>,
    /// Symbol targets per file.
    pub targets: Vec<Vec<u32>>,
    /// Relocation types that are no edge to a global symbol.
    pub ignored_types: Vec<u32>,
    /// CREL is invisible to this linker.
    pub crel_invisible: bool,
    /// The only encoding of relocations that this linker reads.
    pub only_encoding: Option<u32>,
}

impl<'a, 'd> Build<'a, 'd> {
    /// Empty columns of the right size.
    pub fn new(program: &'a Program<'d>, resolution: &'a Resolution) -> Self {
        let sections = program.section_count as usize;
        // Found here by all threads; asked for in the end.
        resolution.files.par_iter().with_max_len(16).for_each(|&file| {
            if let Content::Object(object) = &program.files[file].content {
                object.relocation_faults();
            }
        });
        Build {
            program,
            resolution,
            class: Table::filled(Class::Absent, sections),
            follow: FixedBitSet::with_capacity(sections),
            extra_nodes: Vec::new(),
            edges: Vec::new(),
            targets: Vec::new(),
            ignored_types: Vec::new(),
            crel_invisible: false,
            only_encoding: None,
        }
    }

    /// Adds a node that is not a section.
    pub fn add_node(&mut self, node: ExtraNode<'d>) -> NodeId {
        let id = NodeId::from_usize(self.class.len() + self.extra_nodes.len());
        self.extra_nodes.push(node);
        id
    }

    /// Adds an edge that is not a relocation.
    pub fn add_edge(&mut self, from: NodeId, to: NodeId, kind: EdgeKind) {
        self.edges.push((from, to, kind));
    }

    /// Classifies every section of every object in the link (section 0 stays absent). `classify`
    /// gets the file, its object, section index and row, and returns the class and whether the
    /// section's relocations are edges. Binary data sections are given as `Node` by themselves.
    pub fn classify(
        &mut self,
        classify: impl Fn(FileId, &Object<'d>, u32, SectionRow) -> (Class, bool) + Sync,
    ) {
        let program = self.program;
        let rows: Vec<Vec<(Class, bool)>> = self
            .resolution
            .files
            .par_iter()
            .map(|&file| match &program.files[file].content {
                Content::Object(object) => {
                    let rows = object.sections.iter().enumerate().skip(1);
                    rows.map(|(index, row)| classify(file, object, index as u32, *row)).collect()
                }
                Content::Binary(_) => vec![(Class::Node, false)],
                _ => Vec::new(),
            })
            .collect();
        for (&file, rows) in self.resolution.files.iter().zip(rows) {
            let base = program.files[file].section_base + 1;
            for (offset, (class, follow)) in rows.into_iter().enumerate() {
                let section = SectionId(base + offset as u32);
                self.class[section] = class;
                if follow {
                    self.follow.insert(section.idx());
                }
            }
        }
    }

    /// Fills the symbol targets of all files in the link. Local symbols reach their own section,
    /// if `local` says that the section can be a target. `global` maps a global symbol of a file
    /// (symbol index and name) to its node.
    pub fn fill_targets(
        &mut self,
        local: impl Fn(SectionId) -> bool + Sync,
        global: impl Fn(FileId, &InputFile<'d>, u32, NameId) -> Option<NodeId> + Sync,
    ) {
        let (program, resolution) = (self.program, self.resolution);
        self.targets = program
            .files
            .as_slice()
            .par_iter()
            .enumerate()
            .with_max_len(64)
            .map(|(number, file)| {
                let id = FileId::from_usize(number);
                let Content::Object(object) = &file.content else { return Vec::new() };
                if !resolution.is_in_link(id) {
                    return Vec::new();
                }
                let count = object.symbol_count();
                let mut out = vec![NO_NODE; count as usize];
                for symbol in 1..object.first_global {
                    if let Some(Place::Section(section)) = object.symbol(symbol).map(|s| s.place) {
                        let section = file.section_id(section);
                        if local(section) {
                            out[symbol as usize] = section.0;
                        }
                    }
                }
                for (symbol, &name) in (object.first_global..count).zip(&file.names) {
                    if let Some(node) = global(id, file, symbol, name) {
                        out[symbol as usize] = node.0;
                    }
                }
                out
            })
            .collect();
    }

    /// The section that a global name's winning definition lies in, if it is a regular definition
    /// in a section.
    pub fn defined_section(&self, name: NameId) -> Option<SectionId> {
        self.resolution.placed[name].section()
    }

    /// Finishes the graph.
    pub fn finish(self) -> SectionGraph<'d> {
        let mut unreadable = FixedBitSet::with_capacity(self.class.len());
        for &file in &self.resolution.files {
            let f = &self.program.files[file];
            if let Content::Object(object) = &f.content {
                for part in object.unreadable() {
                    if part.section != 0 {
                        unreadable.insert(f.section_id(part.section).idx());
                    }
                }
            }
        }
        let node_count = self.class.len() + self.extra_nodes.len();
        SectionGraph {
            class: self.class,
            follow: self.follow,
            extra_nodes: self.extra_nodes,
            targets: self.targets,
            extra: ExtraEdges::build(node_count, &self.edges),
            ignored_types: self.ignored_types,
            unreadable,
            crel_invisible: self.crel_invisible,
            only_encoding: self.only_encoding,
            cuts: super::Cuts::default(),
        }
    }
}

/// The section that a regular definition lies in.
pub(super) fn section_of(program: &Program<'_>, definition: Definition) -> Option<SectionId> {
    let file = program.files.get(definition.file)?;
    let place = match &file.content {
        Content::Object(object) => object.symbol(definition.symbol)?.place,
        Content::Binary(_) if definition.symbol < 2 => Place::Section(1),
        _ => return None,
    };
    if let Place::Section(section) = place { Some(file.section_id(section)) } else { None }
}

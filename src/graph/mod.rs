//! The reachability graph: sections, commons and hubs as nodes; relocations, groups, link order,
//! start/stop names, unwind data and script symbols as edges; roots with their reasons.
//!
//! In: program and resolution. Out: [`SectionGraph`] and [`RootSet`]. Relocation edges are not
//! copied: a node's relocations are read from the object and mapped through
//! [`SectionGraph::targets`]; all other edges stand in one CSR. One file per linker decides what is
//! a node, what an edge, what a root (GS 2, 4, 5, 6); this file holds the common value.

pub(crate) mod bfd;
mod builder;
mod cuts;
mod gold;
mod lld;
mod mold;

pub use builder::Build;
pub use cuts::Cuts;

use fixedbitset::FixedBitSet;

use crate::ids::{FileId, Id, NameId, NodeId, SectionId, Table};
use crate::load::relocs::Reloc;
use crate::plan::Flavor;
use crate::program::{Content, Program};
use crate::resolve::Resolution;

/// Builds the graph and finds the roots as the plan's linker does.
pub fn build<'d>(program: &Program<'d>, resolution: &Resolution) -> (SectionGraph<'d>, RootSet) {
    let (mut graph, mut roots) = match program.plan.profile.flavor {
        Flavor::Bfd => bfd::build(program, resolution),
        Flavor::Gold => gold::build(program, resolution),
        Flavor::Lld => lld::build(program, resolution),
        Flavor::Mold => mold::build(program, resolution),
    };
    root_stand_ins(program, resolution, &mut graph, &mut roots);
    (graph, roots)
}

/// What becomes of intermediate code is known only after code generation: all of it stays (LTO input
/// formats, section 9).
fn root_stand_ins(
    program: &Program<'_>,
    resolution: &Resolution,
    graph: &mut SectionGraph<'_>,
    roots: &mut RootSet,
) {
    for &file in resolution.files.iter().filter(|&&f| program.files[f].is_stand_in()) {
        for section in program.sections_of(file) {
            if graph.class[section] == Class::Node {
                roots.add(NodeId(section.0), RootKind::Opaque, None);
                // Not every linker looks for references in a section without relocations.
                graph.follow.insert(section.idx());
                graph.unreadable.insert(section.idx());
            }
        }
    }
}

/// "No node" in [`SectionGraph::targets`].
pub const NO_NODE: u32 = u32::MAX;

/// What an input section is for garbage collection (GS 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// Not in the link at all (unextracted member) or no section (index 0).
    #[default]
    Absent,
    /// Collectable.
    Node,
    /// Always there: the linker does not reason about it.
    Kept,
    /// Symbol tables, string tables, relocation sections, groups where the linker has no node.
    Structural,
    /// Dropped without a word: SHF_EXCLUDE, debug sections with `-S` (lld, mold), ...
    Discarded,
    /// Member of a losing COMDAT copy where losers are no nodes.
    Duplicate,
    /// mold and lld: replaced by its mergeable pieces; live or dead piece by piece.
    Pieces,
}

/// Why one node makes another live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// A relocation.
    Relocation,
    /// Member of the same section group.
    Group,
    /// SHF_LINK_ORDER: the described section is live.
    LinkOrder,
    /// `__start_X` / `__stop_X`.
    StartStop,
    /// A CIE or FDE of the section: personality, LSDA.
    Unwind,
    /// A script or `--defsym` symbol's value.
    Script,
    /// Kept with its file (bfd: debug and special sections, GS 6.6; targets: exidx, abiflags).
    WithFile,
}

/// A node that is not an input section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraNode<'d> {
    /// bfd: all winning commons of one object (`COMMON`, or `.scommon` if `small`).
    CommonsOf {
        /// The owner.
        file: FileId,
        /// Total size in bytes.
        size: u64,
        /// The small commons of mips.
        small: bool,
    },
    /// lld, mold: one common symbol.
    Common {
        /// Its name.
        name: NameId,
        /// The owner.
        file: FileId,
        /// Size in bytes.
        size: u64,
    },
    /// Everything named X: the target of `__start_X` and `__stop_X`.
    StartStop {
        /// X.
        section: &'d [u8],
    },
    /// lld on ppc64: routines that the linker itself makes, a section `.text` of its own.
    Routines {
        /// What their names begin with.
        stem: &'static str,
    },
    /// A script symbol with a value in a section.
    ScriptSymbol {
        /// Its name.
        name: NameId,
    },
}

/// The kinds of roots of the contract (`spec/cli.md` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// The entry symbol.
    Entry,
    /// `-u`, and `_init`/`_fini` or the names given instead.
    UndefinedOption,
    /// `--require-defined`.
    RequireDefined,
    /// EXTERN() of a script.
    Extern,
    /// KEEP() of a script, the built-in one included, or the linker's own list of kept names.
    Keep,
    /// SHT_NOTE or a note name.
    Note,
    /// Constructor and destructor tables by type or name.
    InitArray,
    /// SHF_GNU_RETAIN.
    RetainFlag,
    /// Exported to the dynamic symbol table.
    DynamicExport,
    /// Referenced by a shared library of the link.
    DsoReference,
    /// Named in a script expression or `--defsym`.
    ScriptReference,
    /// A C identifier name (mold 1.10), or a start/stop name kept by rule.
    StartStop,
    /// Unwind data that the linker roots (lld, mold: personality, LSDA).
    Unwind,
    /// Kept because references of an input cannot be read.
    Opaque,
}

impl RootKind {
    /// The contract's word for it (cli.md 2).
    pub fn word(self) -> &'static str {
        match self {
            RootKind::Entry => "entry",
            RootKind::UndefinedOption => "undefined-option",
            RootKind::RequireDefined => "require-defined",
            RootKind::Extern => "extern",
            RootKind::Keep => "keep",
            RootKind::Note => "note",
            RootKind::InitArray => "init-array",
            RootKind::RetainFlag => "retain-flag",
            RootKind::DynamicExport => "dynamic-export",
            RootKind::DsoReference => "dso-reference",
            RootKind::ScriptReference => "script-reference",
            RootKind::StartStop => "start-stop",
            RootKind::Unwind => "unwind",
            RootKind::Opaque => "opaque",
        }
    }
}

/// One root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// The node.
    pub node: NodeId,
    /// Why.
    pub kind: RootKind,
    /// The symbol that names it, where one does.
    pub name: Option<NameId>,
    /// For KEEP: the script number and description number within it; `None` for built-in rules.
    pub keep: Option<(u32, u32)>,
}

/// All roots, in the order in which the linker finds them (a node may have several).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootSet {
    /// The roots.
    pub roots: Vec<Root>,
    /// Nodes that unwind data would root if roots of their own did not stand before it (lld).
    pub shadowed: Vec<NodeId>,
}

impl RootSet {
    /// Adds a root without a KEEP statement.
    pub fn add(&mut self, node: NodeId, kind: RootKind, name: Option<NameId>) {
        self.roots.push(Root { node, kind, name, keep: None });
    }
}

/// Edges other than relocations: CSR over all nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtraEdges {
    starts: Vec<u32>,
    edges: Vec<(NodeId, EdgeKind)>,
}

impl ExtraEdges {
    /// Builds the CSR; edges of one node keep the order in which they were given.
    pub fn build(node_count: usize, list: &[(NodeId, NodeId, EdgeKind)]) -> Self {
        let mut starts = vec![0u32; node_count + 1];
        for (from, _, _) in list {
            starts[from.index() + 1] += 1;
        }
        for i in 0..node_count {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut edges = vec![(NodeId(0), EdgeKind::Group); list.len()];
        for &(from, to, kind) in list {
            let slot = &mut next[from.index()];
            edges[*slot as usize] = (to, kind);
            *slot += 1;
        }
        ExtraEdges { starts, edges }
    }

    /// Edges of a node.
    #[inline]
    pub fn of(&self, node: NodeId) -> &[(NodeId, EdgeKind)] {
        match (self.starts.get(node.index()), self.starts.get(node.index() + 1)) {
            (Some(&from), Some(&to)) => self.edges.get(from as usize..to as usize).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// Number of edges.
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }
}

/// The finished graph.
pub struct SectionGraph<'d> {
    /// What each section is.
    pub class: Table<SectionId, Class>,
    /// Sections whose relocations are edges. (A live node outside this set has no relocation
    /// edges: `.eh_frame` in bfd, non-alloc sections in lld.)
    pub follow: FixedBitSet,
    /// Nodes beyond the sections.
    pub extra_nodes: Vec<ExtraNode<'d>>,
    /// Per file (by file id), per symbol index: the node that a reference reaches, or [`NO_NODE`].
    /// Empty for files that are not in the link.
    pub targets: Vec<Vec<u32>>,
    /// Edges that are not relocations.
    pub extra: ExtraEdges,
    /// Relocation types that are no edge when their symbol is global (bfd: vtable types).
    pub ignored_types: Vec<u32>,
    /// Sections with unreadable relocations: they refer to every symbol of their file.
    pub unreadable: FixedBitSet,
    /// CREL relocations are invisible to the modelled linker (gold, lld 14, mold 1.10).
    pub crel_invisible: bool,
    /// The only type of relocation section (SHT_REL or SHT_RELA) that the modelled linker reads on
    /// this target; `None`: all (mold 1.10).
    pub only_encoding: Option<u32>,
    /// Edges that a question takes away.
    pub cuts: Cuts,
}

impl<'d> SectionGraph<'d> {
    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.class.len() + self.extra_nodes.len()
    }

    /// Number of section nodes; ids from here on are extra nodes.
    pub fn section_count(&self) -> usize {
        self.class.len()
    }

    /// The extra node of an id, if it is one.
    pub fn extra_node(&self, node: NodeId) -> Option<&ExtraNode<'d>> {
        self.extra_nodes.get(node.index().checked_sub(self.class.len())?)
    }

    /// The section of an id, if it is one.
    pub fn section(&self, node: NodeId) -> Option<SectionId> {
        (node.index() < self.class.len()).then_some(SectionId(node.0))
    }

    /// Calls `f` with every edge of `node` in order: relocations in table order, then the others.
    /// Duplicates are not removed.
    #[inline]
    pub fn for_each_edge(&self, program: &Program<'_>, node: NodeId, mut f: impl FnMut(NodeId, EdgeKind)) {
        if let Some(section) = self.section(node) {
            self.for_each_relocation(program, section, |target, _, _| f(target, EdgeKind::Relocation));
        }
        for &(target, kind) in self.extra.of(node) {
            if self.cuts.is_empty() || !self.cuts.edge(node, target) {
                f(target, kind);
            }
        }
    }

    /// Calls `f` with every relocation edge of a section: target, relocation, relocation section.
    #[inline]
    pub fn for_each_relocation(
        &self,
        program: &Program<'_>,
        section: SectionId,
        mut f: impl FnMut(NodeId, Reloc, u32),
    ) {
        if !self.follow.contains(section.0 as usize) {
            return;
        }
        let (file, index) = program.locate(section);
        let Content::Object(object) = &program.files[file].content else { return };
        let targets = &self.targets[file.idx()];
        if self.unreadable.contains(section.0 as usize) {
            for (symbol, &target) in targets.iter().enumerate() {
                let reloc = Reloc { offset: 0, symbol: symbol as u32, kind: 0, addend: 0 };
                if target != NO_NODE && !self.cuts.relocation(section, &reloc) {
                    f(NodeId(target), reloc, 0);
                }
            }
            return;
        }
        for table_index in object.reloc_sections(index) {
            if self.only_encoding.is_some_and(|kind| object.sections[table_index as usize].kind != kind) {
                continue;
            }
            let Ok(table) = object.reloc_table(table_index) else { continue };
            if self.crel_invisible && table.is_crel() {
                continue;
            }
            table.for_each(|_, reloc| {
                let target = targets.get(reloc.symbol as usize).copied().unwrap_or(NO_NODE);
                if target == NO_NODE || reloc.symbol == 0 {
                    return;
                }
                if !self.ignored_types.is_empty()
                    && reloc.symbol >= object.first_global
                    && self.ignored_types.contains(&reloc.kind)
                {
                    return;
                }
                if self.cuts.is_empty() || !self.cuts.relocation(section, &reloc) {
                    f(NodeId(target), reloc, table_index);
                }
            });
        }
    }
}

//! A finished link as questions about dominance and marking see it: an analysis, or a saved link.
//!
//! In: ids, as of [`View`]. Out: roots, what lives, the names of things. Always true: both forms of one link answer
//! alike, in the same order, though their ids differ.

use bstr::BString;
use fixedbitset::FixedBitSet;

use super::why::{Beyond, Pattern, View};
use super::{Analysis, kernel::roots::KernelRoot, kernel::roots::classify, symbols};
use crate::error::Result;
use crate::graph::Root;
use crate::ids::{FileId, Id, NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::{SHT_GROUP, SHT_NOTE, STT_FILE, STT_SECTION};
use crate::mark::mark_without;
use crate::query::retained::{constructors, live_graph, sets::Own};
use crate::script::{CommandKind, StatementKind, walk};

/// A named symbol of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named<'v> {
    /// The section.
    pub section: SectionId,
    /// Offset in the section.
    pub value: u64,
    /// `st_size` in bytes.
    pub size: u64,
    /// Index in its file's symbol table.
    pub index: u32,
    /// Its name.
    pub name: &'v [u8],
}

/// A link as the questions about marking see it.
pub trait Finished: View {
    /// All roots, in the linker's order.
    fn roots(&self) -> Vec<Root>;
    /// What lives, by node.
    fn live(&self) -> FixedBitSet;
    /// The linker's own walk depends on order in this link.
    fn order_dependent(&self) -> bool;
    /// The files of the link, in the linker's order.
    fn linked_files(&self) -> Vec<FileId>;
    /// Live group sections, each behind the first member of its group.
    fn kept_groups(&self) -> Vec<(NodeId, NodeId)>;
    /// A section makes what goes with its file live (bfd): allocated, and no note.
    fn keeps_file(&self, section: SectionId) -> bool;
    /// A file's sections stand for intermediate code.
    fn is_stand_in(&self, file: FileId) -> bool;
    /// The number of a file's first section, and from there on the name of the symbol that tells best what each one is.
    fn best_names(&self, file: FileId) -> (u32, Vec<Option<&[u8]>>);
    /// The symbols with a name in the sections of a file, in order.
    fn named_symbols(&self, file: FileId) -> Vec<Named<'_>>;
    /// The entries of a constructor table that is a root, with their functions.
    fn constructors(&self, section: SectionId) -> Vec<(u64, &[u8])>;
    /// A KEEP statement's text without white space, and its place `FILE:LINE:COLUMN`.
    fn keep_text(&self, keep: (u32, u32)) -> Option<(BString, BString)>;
    /// Whether a pattern matches a symbol of a section.
    fn has_symbol(&self, section: SectionId, pattern: &Pattern) -> bool;
    /// The names that `-u` and its like and EXTERN ask for.
    fn demanded(&self) -> Vec<BString>;
    /// What lives if these are the roots and the nodes of `removed` do not exist.
    ///
    /// # Errors
    /// The answer needs more than is known of this link.
    fn mark_again(&self, roots: &[Root], removed: Option<&FixedBitSet>) -> Result<FixedBitSet>;

    /// What the kernel calls a root of this node.
    fn kernel_root(&self, node: NodeId) -> Option<KernelRoot<'_>> {
        classify(self.section_name(self.section(node)?))
    }

    /// `path` or `archive(member)`, bytes as stored.
    fn label(&self, file: FileId) -> BString {
        match self.file(file) {
            Some(f) if f.archive => [f.path, b"(", f.member, b")"].concat().into(),
            Some(f) => f.path.into(),
            None => BString::default(),
        }
    }

    /// The file that a node belongs to, if it is of one.
    fn file_of(&self, node: NodeId) -> Option<FileId> {
        match (self.section(node), self.beyond(node)) {
            (Some(section), _) => Some(self.section_file(section)),
            (None, Some(Beyond::CommonsOf { file, .. } | Beyond::Common { file, .. })) => Some(file),
            _ => None,
        }
    }

    /// Bytes and sections of a node.
    fn own(&self, node: NodeId) -> Own {
        match (self.section(node), self.beyond(node)) {
            (Some(section), _) => match self.is_stand_in(self.section_file(section)) {
                true => Own::default(),
                false => Own { bytes: self.section_size(section), sections: 1 },
            },
            (None, Some(Beyond::CommonsOf { size, .. } | Beyond::Common { size, .. })) => {
                Own { bytes: size, sections: 0 }
            }
            _ => Own::default(),
        }
    }

    /// The name of a node that has bytes.
    fn node_name(&self, node: NodeId) -> Option<BString> {
        match (self.section(node), self.beyond(node)) {
            (Some(section), _) => Some(self.section_name(section).into()),
            (None, Some(Beyond::CommonsOf { small, .. })) => {
                Some(if small { ".scommon" } else { "COMMON" }.into())
            }
            (None, Some(Beyond::Common { name, .. })) => Some(name.into()),
            _ => None,
        }
    }

    /// A node for people: what it is, its name, its file.
    fn thing(&self, node: NodeId) -> (&'static str, BString, BString) {
        let place = self.file_of(node).map_or_else(BString::default, |f| self.label(f));
        match (self.node_name(node), self.beyond(node)) {
            (Some(name), _) => ("section", name, place),
            (None, Some(Beyond::StartStop { section })) => ("start-stop", section.into(), place),
            (None, Some(Beyond::ScriptSymbol { name })) => ("symbol", name.into(), place),
            _ => ("section", BString::default(), place),
        }
    }
}

impl Finished for Analysis<'_> {
    fn roots(&self) -> Vec<Root> {
        self.roots.roots.clone()
    }

    fn live(&self) -> FixedBitSet {
        self.liveness.live.clone()
    }

    fn order_dependent(&self) -> bool {
        live_graph::order_dependent(self)
    }

    fn linked_files(&self) -> Vec<FileId> {
        self.resolution.files.clone()
    }

    fn kept_groups(&self) -> Vec<(NodeId, NodeId)> {
        let mut found = Vec::new();
        for &file in &self.resolution.files {
            let input = &self.program.files[file];
            let Some(object) = input.object() else { continue };
            for group in &object.groups {
                let node = NodeId(input.section_id(group.section).0);
                let kind = object.sections.get(group.section as usize).map(|r| r.kind);
                if let Some(&first) = object.members(group).first()
                    && kind == Some(SHT_GROUP)
                    && self.liveness.is_live(node)
                {
                    found.push((NodeId(input.section_id(first).0), node));
                }
            }
        }
        found
    }

    fn keeps_file(&self, section: SectionId) -> bool {
        let (file, index) = self.program.locate(section);
        let row = self.program.files[file].object().and_then(|o| o.sections.get(index as usize));
        row.is_some_and(|row| row.is_alloc() && row.kind != SHT_NOTE)
    }

    fn is_stand_in(&self, file: FileId) -> bool {
        self.program.files[file].is_stand_in()
    }

    fn best_names(&self, file: FileId) -> (u32, Vec<Option<&[u8]>>) {
        let best = symbols::best_of_sections(&self.program, file);
        let names = best.into_iter().map(|b| b.map(|s| symbols::name(&self.program, file, s)));
        (self.program.files[file].section_base, names.collect())
    }

    fn named_symbols(&self, file: FileId) -> Vec<Named<'_>> {
        let input = &self.program.files[file];
        let Some(object) = input.object() else { return Vec::new() };
        let mut own = Vec::new();
        for index in 1..object.symbol_count() {
            let Some(symbol) = object.symbol(index) else { continue };
            let named = symbol.name != 0 && !matches!(symbol.kind, STT_SECTION | STT_FILE);
            if let (Place::Section(section), true) = (symbol.place, named) {
                let (value, size) = (symbol.value, symbol.size);
                let name = symbols::name(&self.program, file, index);
                own.push(Named { section: input.section_id(section), value, size, index, name });
            }
        }
        own.sort_unstable();
        own
    }

    fn constructors(&self, section: SectionId) -> Vec<(u64, &[u8])> {
        constructors::constructors(&self.program, section)
    }

    fn has_symbol(&self, section: SectionId, pattern: &Pattern) -> bool {
        let (file, index) = self.program.locate(section);
        let Some(object) = self.program.files[file].object() else { return false };
        let lies = |i: u32| object.symbol(i).filter(|s| s.place == Place::Section(index));
        let mut own = (1..object.symbol_count()).filter_map(lies);
        own.any(|s| s.name != 0 && pattern.matches(object.symbol_name(s.name)))
    }

    fn demanded(&self) -> Vec<BString> {
        let mut names: Vec<BString> = self.program.plan.demands.iter().map(|(n, _)| n.clone()).collect();
        for command in self.program.scripts.iter().flat_map(|s| &s.script.commands) {
            if let CommandKind::Extern(externs) = &command.kind {
                names.extend(externs.iter().map(|n| n.text.clone()));
            }
        }
        names
    }

    fn keep_text(&self, keep: (u32, u32)) -> Option<(BString, BString)> {
        let file = self.program.scripts.get(keep.0 as usize)?;
        let statements =
            walk::output_sections(&file.script).into_iter().flat_map(|placed| &placed.section.body);
        let mut inputs = statements.filter_map(|s| match &s.kind {
            StatementKind::Input(input) => Some(input),
            _ => None,
        });
        let input = inputs.nth(keep.1 as usize)?;
        let mut text = BString::from(file.script.text(input.inner));
        text.retain(|b| !b.is_ascii_whitespace());
        let at = file.script.location(input.span);
        Some((text, format!("{}:{}:{}", at.file.display(), at.line, at.column).into()))
    }

    fn mark_again(&self, roots: &[Root], removed: Option<&FixedBitSet>) -> Result<FixedBitSet> {
        let roots = crate::graph::RootSet { roots: roots.to_vec(), shadowed: Vec::new() };
        Ok(mark_without(&self.program, &self.resolution, &self.graph, &roots, removed).live)
    }
}

/// The nodes of a set, in order.
pub fn nodes(set: &FixedBitSet) -> impl Iterator<Item = NodeId> + '_ {
    set.ones().map(NodeId::from_usize)
}

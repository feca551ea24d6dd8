//! Reading a portrait: what stands behind the numbers.
//!
//! In: a [`Portrait`] and a number. Out: values and ranges; a number outside its table gives an empty answer.

use std::ops::Range;

use super::tables::*;
use super::{Portrait, codes};
use crate::error::{Diagnostic, Severity};
use crate::graph::{EdgeKind, RootKind};
use crate::load::elf::consts::SHF_ALLOC;
use crate::query::fate::Fate;

/// What the first relocation of an edge names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeSymbol {
    /// String of the name.
    pub name: u32,
    /// It is a section symbol.
    pub sectional: bool,
}

/// A file by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'p> {
    /// The file's, or its archive's path.
    pub path: &'p [u8],
    /// The member's name, if it is one.
    pub member: Option<&'p [u8]>,
}

/// A range of a column of starts.
fn span(first: &[u32], row: usize) -> Range<usize> {
    match (first.get(row), first.get(row + 1)) {
        (Some(&from), Some(&to)) if from <= to => from as usize..to as usize,
        _ => 0..0,
    }
}

impl Portrait<'_> {
    /// Number of sections; nodes from here on are [`Portrait::extras`].
    pub fn section_count(&self) -> usize {
        self.sections.name.len()
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.section_count() + self.extras.kind.len()
    }

    /// Whether a node is a section.
    pub fn is_section(&self, node: u32) -> bool {
        (node as usize) < self.section_count()
    }

    /// The row of [`Portrait::extras`] of a node that is no section.
    pub fn extra(&self, node: u32) -> Option<usize> {
        (node as usize).checked_sub(self.section_count()).filter(|row| *row < self.extras.kind.len())
    }

    /// Whether a node is live.
    #[inline]
    pub fn is_live(&self, node: u32) -> bool {
        self.live.get(node as usize / 64).is_some_and(|word| word >> (node % 64) & 1 != 0)
    }

    /// The file of a section.
    pub fn file_of(&self, section: u32) -> u32 {
        let after = self.files.first_section.partition_point(|&first| first <= section);
        after.checked_sub(1).map_or(NONE, |file| file as u32)
    }

    /// The file that a node belongs to: of commons their owner, of hubs [`NONE`].
    pub fn owner(&self, node: u32) -> u32 {
        match self.extra(node) {
            Some(row) => self.extras.file.get(row).copied().unwrap_or(NONE),
            None => self.file_of(node),
        }
    }

    /// The sections of a file.
    pub fn sections_of(&self, file: u32) -> Range<u32> {
        let range = span(&self.files.first_section, file as usize);
        range.start as u32..range.end as u32
    }

    /// Whether a file is in the link.
    pub fn is_in_link(&self, file: u32) -> bool {
        self.files.flags.at(file as usize) & file_flags::IN_LINK != 0
    }

    /// A file by its parts.
    pub fn member(&self, file: u32) -> Member<'_> {
        let at = |column: &[u32]| column.get(file as usize).copied().unwrap_or(NONE);
        let path = self.strings.get(at(&self.files.path));
        Member { path, member: self.strings.some(at(&self.files.member)) }
    }

    /// A file as `path` or `archive(member)`.
    pub fn label(&self, file: u32) -> Vec<u8> {
        let Member { path, member } = self.member(file);
        match member {
            Some(member) => [path, b"(", member, b")"].concat(),
            None => path.to_vec(),
        }
    }

    /// A section's name.
    pub fn section_name(&self, section: u32) -> &[u8] {
        self.strings.get(self.sections.name.get(section as usize).copied().unwrap_or(NONE))
    }

    /// A node's size in bytes; hubs have none.
    pub fn size(&self, node: u32) -> u64 {
        match self.extra(node) {
            Some(row) => self.extras.size.at(row),
            None => self.sections.size.at(node as usize),
        }
    }

    /// The row of [`Portrait::kinds`] of a section.
    #[inline]
    pub fn kind(&self, section: u32) -> usize {
        if self.is_section(section) { self.sections.kind.at(section as usize) as usize } else { usize::MAX }
    }

    /// What becomes of a section.
    pub fn fate(&self, section: u32) -> Fate {
        codes::fate(self.kinds.fate.at(self.kind(section)))
    }

    /// Sort of content: text, rodata, data, bss, ...
    pub fn sort(&self, section: u32) -> &'static str {
        codes::SORTS.get(self.kinds.sort.at(self.kind(section)) as usize).copied().unwrap_or("other")
    }

    /// Low 32 bits of `sh_flags`.
    pub fn section_flags(&self, section: u32) -> u32 {
        self.kinds.flags.at(self.kind(section))
    }

    /// `sh_type`.
    pub fn section_type(&self, section: u32) -> u32 {
        self.kinds.sh_type.at(self.kind(section))
    }

    /// Takes room in memory.
    pub fn is_alloc(&self, section: u32) -> bool {
        self.section_flags(section) & SHF_ALLOC != 0
    }

    /// The output section, if it has one.
    pub fn output(&self, section: u32) -> Option<&[u8]> {
        self.strings.some(self.kinds.output.get(self.kind(section)).copied().unwrap_or(NONE))
    }

    /// The memory region, if it lies in one.
    pub fn region(&self, section: u32) -> Option<&[u8]> {
        self.strings.some(self.kinds.region.get(self.kind(section)).copied().unwrap_or(NONE))
    }

    /// The output section that a node lies in: a row of [`Portrait::outputs`], or [`NONE`].
    pub fn place(&self, node: u32) -> u32 {
        self.laid.place.get(node as usize).copied().unwrap_or(NONE)
    }

    /// Bytes of a node in the output.
    pub fn laid_bytes(&self, node: u32) -> u64 {
        self.laid.bytes.at(node as usize)
    }

    /// The edges of a node: rows of [`Portrait::edges`].
    #[inline]
    pub fn edges_of(&self, node: u32) -> Range<usize> {
        span(&self.edges.first, node as usize)
    }

    /// The targets of a node, in order, each once.
    #[inline]
    pub fn targets(&self, node: u32) -> &[u32] {
        self.edges.target.get(self.edges_of(node)).unwrap_or_default()
    }

    /// What an edge is.
    pub fn edge_kind(&self, edge: usize) -> EdgeKind {
        codes::edge(self.edges.kind.at(edge) & edge_kind::KIND)
    }

    /// What the first relocation of an edge names, if one makes it.
    pub fn edge_symbol(&self, edge: usize) -> Option<EdgeSymbol> {
        if self.edges.count.at(edge) == 0 {
            return None;
        }
        let (code, target) = (self.edges.symbol.at(edge), *self.edges.target.get(edge)?);
        if code & VIA != 0 {
            let row = (code & !VIA) as usize;
            return Some(EdgeSymbol {
                name: *self.vias.name.get(row)?,
                sectional: self.vias.sectional.at(row) != 0,
            });
        }
        match (code as usize).checked_sub(1) {
            None => Some(EdgeSymbol { name: *self.sections.name.get(target as usize)?, sectional: true }),
            Some(at) => {
                let row = self.symbols_of(target).nth(at)?;
                Some(EdgeSymbol { name: *self.symbols.name.get(row)?, sectional: false })
            }
        }
    }

    /// The symbols of a section: rows of [`Portrait::symbols`].
    pub fn symbols_of(&self, section: u32) -> Range<usize> {
        span(&self.symbols.first, section as usize)
    }

    /// The section of a symbol row.
    pub fn section_of_symbol(&self, symbol: usize) -> u32 {
        let after = self.symbols.first.partition_point(|&first| first as usize <= symbol);
        after.checked_sub(1).map_or(NONE, |section| section as u32)
    }

    /// The group of a section: a row of [`Portrait::groups`].
    pub fn group_of(&self, section: u32) -> Option<usize> {
        let at = self.groups.sorted.binary_search(&section).ok()?;
        self.groups.of.get(at).map(|&g| g as usize)
    }

    /// The signature of a group.
    pub fn signature(&self, group: usize) -> &[u8] {
        match self.groups.skip.at(group) {
            ODD => {
                let row = self.signatures.group.binary_search(&(group as u32));
                row.map_or(b"", |row| self.strings.get(self.signatures.name.at(row)))
            }
            skip => {
                let first = self.group_members(group).first();
                first.and_then(|&m| self.section_name(m).get(usize::from(skip)..)).unwrap_or_default()
            }
        }
    }

    /// The members of a group.
    pub fn group_members(&self, group: usize) -> &[u32] {
        self.groups.members.get(span(&self.groups.first, group)).unwrap_or_default()
    }

    /// What linkers complained about when the link was saved, in their order.
    pub fn complaints(&self) -> Vec<Diagnostic> {
        let d = &self.diagnostics;
        let text = |id: u32| String::from_utf8_lossy(self.strings.get(id)).into_owned();
        let row = |row: usize| {
            let severity = match d.severity.at(row) {
                0 => Severity::Note,
                1 => Severity::Warning,
                _ => Severity::Error,
            };
            let id = self.strings.get(d.id.at(row));
            let known = [&b"LSW009"[..], b"LSW011"].iter().position(|k| *k == id);
            let id = known.and_then(|at| ["LSW009", "LSW011"].get(at)).copied().unwrap_or_default();
            Diagnostic::new(severity, text(d.subject.at(row)), text(d.message.at(row))).with_id(id)
        };
        (0..d.severity.len()).map(row).collect()
    }

    /// The kind of a root.
    pub fn root_kind(&self, root: usize) -> RootKind {
        codes::root(self.roots.kind.at(root))
    }
}

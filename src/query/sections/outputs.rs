//! Output sections as they are collected: what all linkers share.
//!
//! In: analysis, placement, fates. Out: [`View`] (the input sections that reach the output, in link
//! order) and [`Built`] (output sections with their numbers).

use std::collections::BTreeSet;

use bstr::BString;
use fixedbitset::FixedBitSet;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::graph::{ExtraNode, RootKind};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId, Table};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, is_relocation_type};
use crate::plan::{LinkPlan, OutputKind, Strip};
use crate::program::{Content, Program};
use crate::query::Analysis;
use crate::query::fate::{self, Fate};
use crate::query::place::{Placement, Spot};

use super::needs::{self, Needs};

/// Why an output section exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A statement of a script, the built-in one included, collects it.
    Statement,
    /// No statement takes its input sections.
    Orphan,
    /// The linker's own rule, without a script.
    Rule,
    /// The linker itself: `.dynsym`, `.got`, ...
    Linker,
}

impl Made {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Made::Statement => "statement",
            Made::Orphan => "orphan",
            Made::Rule => "rule",
            Made::Linker => "linker",
        }
    }
}

/// One output section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSection {
    /// Its name.
    pub name: BString,
    /// Why it exists.
    pub made: Made,
    /// Input sections in it.
    pub inputs: u32,
    /// Bytes of them, without padding.
    pub bytes: u64,
    /// Type of the first one.
    pub kind: u32,
    /// Flags of all, or'ed.
    pub flags: u32,
    /// It has relocations (`-r`, `--emit-relocs`).
    pub relocated: bool,
    /// A KEEP took some of it.
    pub kept: bool,
}

/// An input section on its way to the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'d> {
    pub(super) section: SectionId,
    pub(super) file: FileId,
    pub(super) name: &'d [u8],
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) entsize: u64,
    pub(super) size: u64,
    pub(super) in_group: bool,
    pub(super) relocated: bool,
    pub(super) spot: Spot,
}

impl Input<'_> {
    /// Whether the section is loaded from the file.
    pub(super) fn is_loaded(&self) -> bool {
        self.flags & SHF_ALLOC != 0 && self.kind != SHT_NOBITS
    }
}

/// Everything that the linkers' own files ask.
pub(super) struct View<'a, 'd> {
    pub(super) analysis: &'a Analysis<'d>,
    pub(super) placement: &'a Placement,
    pub(super) fates: &'a Table<SectionId, Fate>,
    /// Names that get a dynamic symbol with a definition here.
    pub(super) exported: FixedBitSet,
    /// Mergeable sections with dead pieces, and how many bytes are dead (lld, mold); sorted.
    dead_pieces: Vec<(SectionId, u64)>,
}

impl<'a, 'd> View<'a, 'd> {
    pub(super) fn new(
        analysis: &'a Analysis<'d>,
        placement: &'a Placement,
        fates: &'a Table<SectionId, Fate>,
    ) -> Self {
        let mut exported = FixedBitSet::with_capacity(analysis.program.names.len());
        for root in &analysis.roots.roots {
            let dynamic = matches!(root.kind, RootKind::DynamicExport | RootKind::DsoReference);
            if let Some(name) = root.name.filter(|_| dynamic) {
                exported.insert(name.idx());
            }
        }
        let mut dead_pieces = fate::dead_mergeable_bytes(analysis);
        dead_pieces.sort_unstable();
        View { analysis, placement, fates, exported, dead_pieces }
    }

    pub(super) fn program(&self) -> &'a Program<'d> {
        &self.analysis.program
    }

    pub(super) fn plan(&self) -> &'d LinkPlan {
        self.analysis.program.plan
    }

    pub(super) fn is_relocatable(&self) -> bool {
        self.plan().output_kind == OutputKind::Relocatable
    }

    /// Input sections that reach the output, groups and tables left out, in link order.
    pub(super) fn inputs(&self) -> impl Iterator<Item = Input<'d>> + '_ {
        self.analysis.resolution.files.iter().flat_map(move |&file| self.inputs_of(file))
    }

    fn inputs_of(&self, file: FileId) -> impl Iterator<Item = Input<'d>> + '_ {
        let program = self.program();
        program.sections_of(file).filter_map(move |section| {
            let spot = self.placement.spot(section);
            if self.fates[section] != Fate::Kept || spot == Spot::Nowhere {
                return None;
            }
            if self.placement.is_discarded(section) {
                return None;
            }
            let mut input = Input {
                section,
                file,
                name: program.section_name(section),
                kind: SHT_PROGBITS,
                flags: SHF_ALLOC | SHF_WRITE,
                entsize: 0,
                size: program.section_size(section),
                in_group: false,
                relocated: false,
                spot,
            };
            if let Content::Object(object) = &program.files[file].content {
                let (_, index) = program.locate(section);
                let row = object.sections.get(index as usize)?;
                if row.kind == SHT_GROUP || is_relocation_type(row.kind) {
                    return None;
                }
                input.kind = row.kind;
                input.flags = row.flags;
                input.in_group = row.group != 0;
                if row.flags & SHF_MERGE != 0 {
                    input.entsize = object.header(index).entsize;
                }
                input.relocated = row.reloc != 0
                    && object
                        .reloc_sections(index)
                        .any(|r| object.reloc_table(r).is_ok_and(|t| !t.is_empty()));
            }
            let dead = self.dead_pieces.binary_search_by_key(&section, |d| d.0).ok();
            let dead = dead.and_then(|at| self.dead_pieces.get(at)).map_or(0, |d| d.1);
            (dead == 0 || dead < input.size).then_some(input)
        })
    }

    /// Groups that survive in the output of `-r`.
    pub(super) fn groups(&self, comdat_only: bool) -> u64 {
        if !self.is_relocatable() || self.plan().force_group_allocation {
            return 0;
        }
        let program = self.program();
        let mut count = 0;
        for &file in &self.analysis.resolution.files {
            let f = &program.files[file];
            let Content::Object(object) = &f.content else { continue };
            for group in &object.groups {
                let lost = self.analysis.resolution.is_lost(f.section_id(group.section));
                let live = object.members(group).iter().any(|&m| self.fates[f.section_id(m)] == Fate::Kept);
                count += u64::from(!lost && live && (group.comdat || !comdat_only));
            }
        }
        count
    }

    /// What live relocations ask of the linker.
    pub(super) fn needs(&self) -> Needs {
        needs::needs(self)
    }

    /// Whether some common symbol gets space, and whether some thread-local one does.
    pub(super) fn commons(&self) -> (bool, bool) {
        let graph = &self.analysis.graph;
        let mut dead_files = BTreeSet::new();
        let mut dead_names = BTreeSet::new();
        for (offset, extra) in graph.extra_nodes.iter().enumerate() {
            let node = NodeId::from_usize(graph.section_count() + offset);
            if !fate::collects(self.program()) || self.analysis.liveness.is_live(node) {
                continue;
            }
            match *extra {
                ExtraNode::CommonsOf { file, small: false, .. } => drop(dead_files.insert(file)),
                ExtraNode::Common { name, .. } => drop(dead_names.insert(name)),
                _ => {}
            }
        }
        let mut found = (false, false);
        for common in &self.analysis.resolution.commons {
            if dead_files.contains(&common.file) || dead_names.contains(&common.name) {
                continue;
            }
            let object = self.program().files[common.file].object();
            let tls = object.and_then(|o| o.symbol(common.symbol)).is_some_and(|s| s.kind == STT_TLS);
            *(if tls { &mut found.1 } else { &mut found.0 }) = true;
        }
        found
    }

    /// Some object has a common symbol of its own.
    pub(super) fn has_commons(&self) -> bool {
        let common = |o: &Object<'_>| {
            (o.first_global..o.symbol_count()).any(|s| o.symbol(s).is_some_and(|s| s.place == Place::Common))
        };
        self.objects().any(common)
    }

    /// Sections that hold symbols of `.dynsym`, one per symbol.
    pub(super) fn exported_sections(&self) -> Vec<SectionId> {
        let graph = &self.analysis.graph;
        let dynamic = |r: &&crate::graph::Root| {
            matches!(r.kind, RootKind::DynamicExport | RootKind::DsoReference) && r.name.is_some()
        };
        let roots = self.analysis.roots.roots.iter().filter(dynamic);
        let mut rows: Vec<(NameId, SectionId)> =
            roots.filter_map(|r| Some((r.name?, graph.section(r.node)?))).collect();
        rows.sort_unstable();
        rows.dedup_by_key(|r| r.0);
        rows.into_iter().map(|r| r.1).collect()
    }

    /// The null header, and unless all is stripped the symbol table with its strings, the section
    /// names.
    pub(super) fn tables(&self) -> u64 {
        if self.plan().strip == Strip::All && !self.is_relocatable() { 2 } else { 4 }
    }

    /// A shared library takes part in the link, needed or not.
    pub(super) fn has_libraries(&self) -> bool {
        let program = self.program();
        let in_link = |f: &FileId| self.analysis.resolution.is_in_link(*f);
        program.file_ids().filter(in_link).any(|f| program.files[f].shared().is_some())
    }

    /// Every object has a section of this name, and there is one.
    pub(super) fn all_have(&self, name: &[u8]) -> bool {
        let mut objects = self.objects().peekable();
        objects.peek().is_some() && objects.all(|o| has_section(o, name))
    }

    /// Some object has a section of this name.
    pub(super) fn any_has(&self, name: &[u8]) -> bool {
        self.objects().any(|o| has_section(o, name))
    }

    /// Whether some property of `.note.gnu.property` is left when the objects' are merged (bfd
    /// `_bfd_x86_elf_merge_gnu_properties`): one that is or'ed stays, one that is and'ed only if every
    /// object has it.
    pub(super) fn property_stays(&self) -> bool {
        if self.all_have(b".note.gnu.property") {
            return true;
        }
        self.objects().any(|object| {
            let indexes = 1..object.sections.len() as u32;
            let mut notes = indexes.filter(|&i| object.is_named(i, b".note.gnu.property"));
            notes.any(|index| has_or_property(object, object.section_data(index).unwrap_or_default()))
        })
    }

    fn objects(&self) -> impl Iterator<Item = &'a Object<'d>> {
        let program = self.program();
        self.analysis.resolution.files.iter().filter_map(move |&f| program.files[f].object())
    }
}

/// A property of the x86 range that is or'ed.
fn has_or_property(object: &Object<'_>, data: &[u8]) -> bool {
    let word = |at: usize| {
        let bytes = data.get(at..at.checked_add(4)?)?;
        let bytes: [u8; 4] = bytes.try_into().ok()?;
        Some(if object.endian() == object::Endianness::Big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    };
    let align = if object.is_64 { 8 } else { 4 };
    let mut at = 16;
    while let (Some(kind), Some(size)) = (word(at), word(at + 4)) {
        if (0xc000_8000..=0xc000_ffff).contains(&kind) {
            return true;
        }
        at += 8 + (size as usize).next_multiple_of(align);
    }
    false
}

fn has_section(object: &Object<'_>, name: &[u8]) -> bool {
    (1..object.sections.len() as u32).any(|index| object.section_name(index) == name)
}

/// Output sections in the making.
#[derive(Default)]
pub(super) struct Collector {
    pub(super) outputs: Vec<OutputSection>,
    keys: HashMap<(BString, u64), u32, FixedState>,
    /// By section: number of its output section; `u32::MAX` if none.
    pub(super) of: Vec<u32>,
    /// Everything that the linker itself puts in, an output section of its own or not.
    pub(super) own: Vec<OwnSection>,
}

/// Something that the linker itself makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSection {
    /// What the linker calls it: `.got`, `.dynsym`, ...
    pub name: &'static str,
    /// The output section that it goes to.
    pub output: BString,
    /// SHF_*.
    pub flags: u32,
}

impl Collector {
    pub(super) fn new(view: &View<'_, '_>) -> Self {
        let of = vec![u32::MAX; view.program().section_count as usize];
        let keys = HashMap::with_hasher(FixedState::default());
        Collector { outputs: Vec::new(), keys, of, own: Vec::new() }
    }

    /// The output section of a key, if there is one.
    pub(super) fn find(&self, name: &[u8], key: u64) -> Option<u32> {
        self.keys.get(&(BString::from(name), key)).copied()
    }

    /// A new output section, found again under its key if one is given.
    pub(super) fn make(&mut self, name: &[u8], key: Option<u64>, made: Made) -> u32 {
        let number = self.outputs.len() as u32;
        let name = BString::from(name);
        if let Some(key) = key {
            self.keys.insert((name.clone(), key), number);
        }
        self.outputs.push(OutputSection {
            name,
            made,
            inputs: 0,
            bytes: 0,
            kind: SHT_NULL,
            flags: 0,
            relocated: false,
            kept: false,
        });
        number
    }

    /// The output section of a key, made if there is none.
    pub(super) fn find_or_make(&mut self, name: &[u8], key: u64, made: Made) -> u32 {
        match self.find(name, key) {
            Some(number) => number,
            None => self.make(name, Some(key), made),
        }
    }

    /// Puts an input section into an output section.
    pub(super) fn put(&mut self, number: u32, input: &Input<'_>) {
        let Some(output) = self.outputs.get_mut(number as usize) else { return };
        if output.inputs == 0 {
            output.kind = input.kind;
        }
        output.inputs += 1;
        output.bytes = output.bytes.saturating_add(input.size);
        output.flags |= input.flags;
        output.relocated |= input.relocated;
        if let Some(slot) = self.of.get_mut(input.section.0 as usize) {
            *slot = number;
        }
    }

    /// A section that the linker makes: new, or more for one that is there.
    pub(super) fn linker(&mut self, name: &'static str, kind: u32, flags: u32) -> u32 {
        self.own.push(OwnSection { name, output: BString::from(name), flags });
        if let Some(number) = self.outputs.iter().position(|o| o.name == name.as_bytes()) {
            return number as u32;
        }
        let number = self.make(name.as_bytes(), None, Made::Linker);
        if let Some(output) = self.outputs.get_mut(number as usize) {
            output.kind = kind;
            output.flags = flags;
        }
        number
    }

    /// Leaves out the output sections that `keep` refuses; the others keep their order.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&OutputSection) -> bool) {
        let mut number = vec![u32::MAX; self.outputs.len()];
        let mut next = 0u32;
        for (at, output) in self.outputs.iter().enumerate() {
            if keep(output) {
                if let Some(slot) = number.get_mut(at) {
                    *slot = next;
                }
                next += 1;
            }
        }
        let mut at = 0;
        self.outputs.retain(|_| {
            let stays = number.get(at).is_some_and(|n| *n != u32::MAX);
            at += 1;
            stays
        });
        for slot in &mut self.of {
            *slot = number.get(*slot as usize).copied().unwrap_or(u32::MAX);
        }
        self.keys.clear();
    }

    /// Output sections that need a relocation section.
    pub(super) fn relocated(&self) -> u64 {
        self.outputs.iter().filter(|o| o.relocated).count() as u64
    }
}

/// The finished output.
pub(super) struct Built {
    pub(super) outputs: Vec<OutputSection>,
    pub(super) of: Vec<u32>,
    pub(super) relocation_sections: u64,
    pub(super) groups: u64,
    pub(super) tables: u64,
    pub(super) dynamic_beyond: u64,
    pub(super) estimated: bool,
    pub(super) own: Vec<OwnSection>,
}

impl Built {
    /// All section headers.
    pub(super) fn headers(&self) -> u64 {
        self.outputs.len() as u64 + self.relocation_sections + self.groups + self.tables
    }

    /// Finishes a collection; `extra` decides about `.symtab_shndx` from all other headers.
    pub(super) fn new(view: &View<'_, '_>, collector: Collector, groups: u64, shndx_from: u64) -> Built {
        let emits = view.is_relocatable() || view.plan().emit_relocs;
        let mut built = Built {
            relocation_sections: if emits { collector.relocated() } else { 0 },
            outputs: collector.outputs,
            of: collector.of,
            own: collector.own,
            groups,
            tables: view.tables(),
            dynamic_beyond: 0,
            estimated: false,
        };
        if built.headers() >= shndx_from && built.tables == 4 {
            built.tables += 1;
        }
        built
    }

    /// Counts symbols of `.dynsym` whose output section has a number from 65280 on; `order` holds
    /// the numbers of the output sections in file order, `first` the index of the first.
    pub(super) fn count_beyond(&mut self, view: &View<'_, '_>, order: &[u32], first: u64) {
        let limit = super::limits::LIMIT;
        if order.len() as u64 + first <= limit {
            return;
        }
        let emits = view.plan().emit_relocs;
        let mut index = vec![0u64; self.outputs.len()];
        let mut next = first;
        for &number in order {
            if let Some(slot) = index.get_mut(number as usize) {
                *slot = next;
            }
            let relocated = self.outputs.get(number as usize).is_some_and(|o| o.relocated);
            next += 1 + u64::from(emits && relocated);
        }
        let beyond = |s: &SectionId| {
            let number = self.of.get(s.0 as usize).copied().unwrap_or(u32::MAX);
            index.get(number as usize).is_some_and(|i| *i >= limit)
        };
        self.dynamic_beyond = view.exported_sections().iter().filter(|s| beyond(s)).count() as u64;
    }
}

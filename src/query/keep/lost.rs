//! LSW001: tables that live code walks through their bounds and that lose entries.
//!
//! In: an analysis of a link that collects, placement, ranges, references. Out: [`LostTable`]s in script
//! order. Follows the definition of cli.md 3; what a range must be to count as a table rather than
//! a stretch of named code or data stands in [`Candidate`].

use std::collections::BTreeSet;

use bstr::BString;
use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::bounds::{Form, Range, Ranges};
use super::references::{BoundUse, References, is_live};
use super::shape::{self, Shape};
use super::statements::{Placement, Statement};
use crate::graph::{Class, RootKind};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::*;
use crate::mark;
use crate::plan::Flavor;
use crate::query::Analysis;

/// Bytes and sections by what they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Allocated sections.
    pub sections: u64,
    /// Bytes of executable sections.
    pub code: u64,
    /// Bytes of other allocated sections.
    pub data: u64,
}

impl Weight {
    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.code.saturating_add(self.data)
    }

    /// Adds an allocated section; others weigh nothing.
    pub fn add(&mut self, analysis: &Analysis<'_>, section: SectionId) {
        let (file, index) = analysis.program.locate(section);
        let Some(object) = analysis.program.files[file].object() else { return };
        let Some(row) = object.sections.get(index as usize).filter(|r| r.is_alloc()) else { return };
        let size = object.section_size(index);
        self.sections += u64::from(size > 0);
        let part = if row.flags & SHF_EXECINSTR != 0 { &mut self.code } else { &mut self.data };
        *part = part.saturating_add(size);
    }
}

/// One bound of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableBound {
    /// Its name.
    pub name: BString,
    /// Index in [`Ranges::bounds`]; `None` for names that the linker makes.
    pub assigned: Option<u32>,
    /// Sections that refer to it.
    pub uses: Vec<BoundUse>,
}

/// A table that loses entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostTable {
    /// Its name: that of its sections.
    pub name: BString,
    /// The range of the script; `None` for a table whose bounds the linker makes.
    pub range: Option<u32>,
    /// Start and, if there is one, stop.
    pub bounds: Vec<TableBound>,
    /// Statements that place lost entries, in script order.
    pub statements: Vec<u32>,
    /// Input sections that are lost, in link order.
    pub lost: Vec<SectionId>,
    /// Files that they are in.
    pub files: Vec<FileId>,
    /// Bytes lost.
    pub bytes: u64,
    /// Bytes of the table that stay.
    pub kept_bytes: u64,
    /// Input sections that stay.
    pub kept_sections: u64,
    /// Size and alignment of entries, as far as the inputs tell.
    pub shape: Shape,
    /// Sections that die only because the entries do, by node id, the entries left out.
    pub cascade: Vec<SectionId>,
    /// Their weight.
    pub cascade_weight: Weight,
}

/// Finds all lost tables.
pub(super) fn lost_tables(
    analysis: &Analysis<'_>,
    placement: &Placement,
    ranges: &Ranges,
    references: &References,
) -> Vec<LostTable> {
    let mut tables = Vec::new();
    let mut inputs: Vec<Vec<SectionId>> = vec![Vec::new(); placement.statements.len()];
    for (section, &statement) in placement.placed.enumerate() {
        if let Some(list) = inputs.get_mut(statement as usize) {
            list.push(section);
        }
    }
    let search = Search { analysis, placement, ranges, references, inputs: &inputs };
    let mut done = FixedBitSet::with_capacity(ranges.ranges.len());
    for (number, statement) in placement.statements.iter().enumerate() {
        let losing = inputs.get(number).is_some_and(|l| l.iter().any(|&s| search.may_be_lost(s)));
        if statement.discard || !losing {
            continue;
        }
        let Some(range) = search.table_of(number as u32) else { continue };
        if !done.put(range) {
            tables.extend(search.lost(range));
        }
    }
    let mut made = linker_made(analysis, placement, references);
    // lld drops what PROVIDEd names bound, too; the range has told it.
    let told: BTreeSet<SectionId> = tables.iter().flat_map(|t: &LostTable| t.lost.iter().copied()).collect();
    made.retain(|t| !t.lost.iter().any(|s| told.contains(s)));
    tables.extend(made);
    tables
        .par_iter_mut()
        .enumerate()
        .for_each(|(number, table)| cascade(analysis, table, number < MOST_MARKS));
    tables
}

struct Search<'a, 'd> {
    analysis: &'a Analysis<'d>,
    placement: &'a Placement,
    ranges: &'a Ranges,
    references: &'a References,
    inputs: &'a [Vec<SectionId>],
}

impl Search<'_, '_> {
    /// Dropped, nothing points at it, and it does not go by design with something else.
    fn may_be_lost(&self, section: SectionId) -> bool {
        is_lost_entry(self.analysis, self.references, section)
    }

    fn uses(&self, bound: u32) -> &[BoundUse] {
        let name = self.ranges.bounds.get(bound as usize);
        let id = name.and_then(|b| self.analysis.program.names.find(&b.name));
        id.map_or(&[], |id| self.references.uses(id))
    }

    fn is_walked(&self, bound: u32) -> bool {
        self.uses(bound).iter().any(|u| u.live)
    }

    /// The range that makes a table of what a statement places: the innermost one, or one further
    /// out as long as it holds no ordinary code and data.
    fn table_of(&self, statement: u32) -> Option<usize> {
        for (number, range) in self.ranges.around(statement) {
            let ordinary = range.statements().any(|s| {
                let statement = self.placement.statements.get(s as usize);
                statement.is_some_and(|s| family(s) == Family::Ordinary)
            });
            if ordinary {
                return None;
            }
            let stop = range.stop.is_none_or(|stop| self.is_walked(stop));
            if self.is_walked(range.start) && stop {
                return Some(number);
            }
        }
        None
    }

    /// Whether live code copies the output section of a range to its place: a data segment.
    fn is_copied(&self, range: &Range) -> bool {
        let output = self.placement.statements.get(range.first as usize).map(|s| &s.output);
        self.ranges
            .copied
            .iter()
            .filter(|(name, _)| Some(name) == output)
            .any(|(_, bounds)| bounds.iter().any(|b| self.is_walked(*b)))
    }

    /// Whether global objects of these sections have different sizes: no entries of one table.
    fn has_mixed_objects(&self, sections: &[SectionId]) -> bool {
        let mut size = None;
        files_of(self.analysis, sections).into_iter().any(|file| {
            let f = &self.analysis.program.files[file];
            let Some(object) = f.object() else { return false };
            let own = (object.first_global..object.symbol_count()).filter_map(|s| object.symbol(s));
            own.filter(|s| s.kind == STT_OBJECT && s.size > 0)
                .filter(|s| {
                    matches!(s.place, Place::Section(i) if sections.binary_search(&f.section_id(i)).is_ok())
                })
                .any(|s| size.replace(s.size).is_some_and(|before| before != s.size))
        })
    }

    fn lost(&self, number: usize) -> Option<LostTable> {
        let range = self.ranges.ranges.get(number)?;
        let (mut lost, mut statements, mut candidate) = (Vec::new(), Vec::new(), Candidate::default());
        let (mut kept_bytes, mut kept_sections, mut all) = (0u64, 0, Vec::new());
        for number in range.statements() {
            let Some(statement) = self.placement.statements.get(number as usize) else { continue };
            let inputs = self.inputs.get(number as usize).map_or(&[][..], |l| l.as_slice());
            for &section in inputs {
                let size = self.analysis.program.section_size(section);
                if size == 0 {
                    continue;
                }
                all.push(section);
                candidate.inputs += 1;
                candidate.pointed += u64::from(self.references.pointed.contains(section.idx()));
                if is_live(self.analysis, section) {
                    kept_bytes = kept_bytes.saturating_add(size);
                    kept_sections += 1;
                } else if self.may_be_lost(section) && is_entry(self.analysis, self.references, section) {
                    if self.references.global.contains(section.idx()) {
                        candidate.named.push(section);
                        candidate.dedicated |= family(statement) == Family::Dedicated;
                    }
                    lost.push(section);
                    if statements.last() != Some(&(number)) {
                        statements.push(number);
                    }
                }
            }
        }
        candidate.named.sort_unstable();
        if candidate.is_named_data() || self.is_copied(range) || self.has_mixed_objects(&candidate.named) {
            lost.retain(|s| candidate.named.binary_search(s).is_err());
        }
        let &first = lost.first()?;
        let mut table = LostTable {
            name: self.analysis.program.section_name(first).into(),
            range: Some(number as u32),
            bounds: Vec::new(),
            statements,
            files: files_of(self.analysis, &lost),
            bytes: 0,
            kept_bytes,
            kept_sections,
            shape: shape::of(self.analysis, &all),
            cascade: Vec::new(),
            cascade_weight: Weight::default(),
            lost,
        };
        table.bytes = table.lost.iter().map(|&s| self.analysis.program.section_size(s)).sum();
        table.name = name_of(self.analysis, self.ranges, range, &table);
        for bound in std::iter::once(range.start).chain(range.stop) {
            let name = self.ranges.bounds.get(bound as usize).map(|b| b.name.clone()).unwrap_or_default();
            table.bounds.push(TableBound { name, assigned: Some(bound), uses: self.uses(bound).to_vec() });
        }
        Some(table)
    }
}

/// The common name of the lost sections, else what the bounds are called.
fn name_of(analysis: &Analysis<'_>, ranges: &Ranges, range: &Range, table: &LostTable) -> BString {
    let same = table.lost.iter().all(|&s| analysis.program.section_name(s) == table.name);
    let start = ranges.bounds.get(range.start as usize);
    match start {
        Some(bound) if !same && range.form != Form::StartOnly => match bound.name.strip_prefix(b"__start_") {
            Some(section) => BString::from(section),
            None => BString::from(super::bounds::stem(&bound.name).text),
        },
        _ => table.name.clone(),
    }
}

fn files_of(analysis: &Analysis<'_>, sections: &[SectionId]) -> Vec<FileId> {
    let mut files: Vec<FileId> = sections.iter().map(|&s| analysis.program.locate(s).0).collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// What the inputs of a range say about it.
#[derive(Default)]
struct Candidate {
    inputs: u64,
    pointed: u64,
    /// Lost sections that define a global symbol.
    named: Vec<SectionId>,
    /// Some of them in a part of the compiler's own sections that has a name.
    dedicated: bool,
}

impl Candidate {
    /// Entries of a table are reached through its bounds. Where most inputs are referred to by name,
    /// global data that nobody refers to is just unused data.
    fn is_named_data(&self) -> bool {
        self.pointed * 2 > self.inputs || (self.dedicated && self.pointed > 0)
    }
}

/// Whether a section is dropped as an entry of a table would be lost: allocated, nothing points at it,
/// nothing that it describes or is grouped with is dropped.
pub(super) fn is_lost_entry(analysis: &Analysis<'_>, references: &References, section: SectionId) -> bool {
    let (file, index) = analysis.program.locate(section);
    let Some(object) = analysis.program.files[file].object() else { return false };
    let Some(row) = object.sections.get(index as usize) else { return false };
    if !row.is_alloc()
        || analysis.graph.class[section] != Class::Node
        || is_live(analysis, section)
        || analysis.resolution.is_lost(section)
        || references.pointed.contains(section.idx())
        || object.section_size(index) == 0
        || row.flags & SHF_LINK_ORDER != 0
        || row.kind == SHT_GROUP
        || object.section_name(index).starts_with(b".eh_frame")
    {
        return false;
    }
    let f = &analysis.program.files[file];
    let others = object.group_of(index).map_or(&[][..], |g| object.members(g));
    !others.iter().any(|&m| m != index && !is_live(analysis, f.section_id(m)))
}

/// What a statement's patterns are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Compiler-made code and data: `.text`, `.data.*`, `COMMON`, everything.
    Ordinary,
    /// A part of it that has a name of its own: `.data..percpu`, `.rodata.commands`.
    Dedicated,
    /// Anything else.
    Other,
}

const ORDINARY: [&str; 34] = [
    ".text",
    ".data",
    ".rodata",
    ".bss",
    ".sdata",
    ".sbss",
    ".sdata2",
    ".sbss2",
    ".srodata",
    ".tdata",
    ".tbss",
    ".ldata",
    ".lrodata",
    ".lbss",
    ".init.text",
    ".init.data",
    ".init.rodata",
    ".exit.text",
    ".exit.data",
    ".ref.text",
    ".ref.data",
    ".meminit.text",
    ".meminit.data",
    ".memexit.text",
    ".memexit.data",
    ".cpuinit.text",
    ".cpuinit.data",
    ".head.text",
    ".gnu.linkonce",
    ".literal",
    ".got",
    ".plt",
    ".toc",
    ".rdata",
];

fn family(statement: &Statement) -> Family {
    if statement.patterns.is_empty() {
        return Family::Ordinary;
    }
    let mut found = Family::Other;
    for pattern in &statement.patterns {
        let text = pattern.text.as_slice();
        if matches!(text, b"" | b"*" | b"COMMON") || text.starts_with(b"*.") || text.ends_with(b".text") {
            return Family::Ordinary;
        }
        for root in ORDINARY {
            let Some(rest) = text.strip_prefix(root.as_bytes()) else { continue };
            // `.text`, `.text*`, `.text.*`, `.text.[a-z]*` against `.text.hot*`, `.data..percpu`.
            let rest = rest.strip_prefix(b".").unwrap_or(rest);
            if rest.first().is_none_or(|b| matches!(b, b'*' | b'[' | b'?')) {
                return Family::Ordinary;
            }
            if text.get(root.len()) == Some(&b'.') {
                found = Family::Dedicated;
            }
        }
    }
    found
}

/// Whether a lost section can be an entry at all: code that has function symbols is what it is named.
fn is_entry(analysis: &Analysis<'_>, references: &References, section: SectionId) -> bool {
    let (file, index) = analysis.program.locate(section);
    let Some(object) = analysis.program.files[file].object() else { return false };
    let Some(row) = object.sections.get(index as usize) else { return false };
    if row.flags & SHF_EXECINSTR != 0 {
        let name = object.section_name(index);
        let code = name.starts_with(b".text") || name.ends_with(b".text");
        return !code && !references.function.contains(section.idx());
    }
    true
}

/// Tables whose `__start_X`/`__stop_X` the linker makes, and that it does not keep for them: lld with
/// `-z start-stop-gc` (its default), bfd if asked (GS 6.5).
fn linker_made(analysis: &Analysis<'_>, placement: &Placement, references: &References) -> Vec<LostTable> {
    let program = &analysis.program;
    if !matches!(program.plan.profile.flavor, Flavor::Lld | Flavor::Bfd) {
        return Vec::new();
    }
    let mut by_name: std::collections::BTreeMap<&[u8], Vec<SectionId>> = std::collections::BTreeMap::new();
    for &file in &analysis.resolution.files {
        for section in program.sections_of(file).skip(1) {
            let name = program.section_name(section);
            if is_c_identifier(name)
                && is_lost_entry(analysis, references, section)
                && !placement.is_discarded(section)
            {
                by_name.entry(name).or_default().push(section);
            }
        }
    }
    let mut out = Vec::new();
    for (name, lost) in by_name {
        let bound = |prefix: &[u8]| -> Option<(NameId, TableBound)> {
            let text = [prefix, name].concat();
            let id = program.names.find(&text)?;
            Some((id, TableBound { name: text.into(), assigned: None, uses: references.uses(id).to_vec() }))
        };
        let found: Vec<(NameId, TableBound)> =
            [&b"__start_"[..], b"__stop_"].into_iter().filter_map(bound).collect();
        // Names that a script or an object defines are not the linker's.
        let made = found.iter().all(|(id, _)| {
            let own = |b: &super::bounds::Bound| b.name == program.name(*id);
            !analysis.resolution.definitions[*id].is_regular() && !scripts_assign(analysis, own)
        });
        if !made || !found.iter().any(|(_, b)| b.uses.iter().any(|u| u.live)) {
            continue;
        }
        let of_name = |s: &SectionId| program.section_name(*s) == name && !analysis.resolution.is_lost(*s);
        let mut kept = (0u64, 0u64);
        let mut all = lost.clone();
        for &file in &analysis.resolution.files {
            for section in program.sections_of(file).skip(1).filter(of_name) {
                if is_live(analysis, section) {
                    kept = (kept.0.saturating_add(program.section_size(section)), kept.1 + 1);
                    all.push(section);
                }
            }
        }
        all.sort_unstable();
        let mut statements: Vec<u32> = lost
            .iter()
            .filter_map(|s| placement.placed.get(*s).copied())
            .filter(|s| *s != super::statements::NO_STATEMENT)
            .collect();
        statements.sort_unstable();
        statements.dedup();
        out.push(LostTable {
            name: name.into(),
            range: None,
            bounds: found.into_iter().map(|(_, b)| b).collect(),
            statements,
            files: files_of(analysis, &lost),
            bytes: lost.iter().map(|&s| program.section_size(s)).sum(),
            kept_bytes: kept.0,
            kept_sections: kept.1,
            shape: shape::of(analysis, &all),
            cascade: Vec::new(),
            cascade_weight: Weight::default(),
            lost,
        });
    }
    out
}

fn scripts_assign(analysis: &Analysis<'_>, hit: impl Fn(&super::bounds::Bound) -> bool) -> bool {
    use crate::script::walk::{self, StepKind};
    analysis.program.scripts.iter().enumerate().any(|(number, file)| {
        walk::steps(&file.script).iter().any(|step| match step.kind {
            StepKind::Assign(a) if !a.kind.is_provide() => hit(&super::bounds::Bound {
                name: a.name.text.clone(),
                script: number as u32,
                span: a.span,
                provide: false,
            }),
            _ => false,
        })
    })
}

fn is_c_identifier(name: &[u8]) -> bool {
    name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// How many tables get a marking of their own with all the linker's stages. Further ones (no real script has
/// them) get the plain closure.
const MOST_MARKS: usize = 64;

/// What else lives if the table's lost inputs are roots.
fn cascade(analysis: &Analysis<'_>, table: &mut LostTable, staged: bool) {
    let live = if staged {
        let mut roots = analysis.roots.clone();
        for section in &table.lost {
            roots.add(NodeId(section.0), RootKind::Keep, None);
        }
        mark::mark(&analysis.program, &analysis.resolution, &analysis.graph, &roots).live
    } else {
        let edges = mark::Analysed { program: &analysis.program, graph: &analysis.graph };
        let mut marker = mark::Marker::new(&edges);
        marker.live = analysis.liveness.live.clone();
        table.lost.iter().for_each(|s| marker.add(NodeId(s.0)));
        marker.run();
        marker.live
    };
    let own: BTreeSet<SectionId> = table.lost.iter().copied().collect();
    for node in live.difference(&analysis.liveness.live) {
        let node = NodeId::from_usize(node);
        if let Some(section) = analysis.graph.section(node).filter(|s| !own.contains(s)) {
            let before = table.cascade_weight;
            table.cascade_weight.add(analysis, section);
            if table.cascade_weight != before {
                table.cascade.push(section);
            }
        }
    }
}

/// Whether a range holds ordinary code and data, so that it is no table.
pub(super) fn holds_ordinary(placement: &Placement, range: &Range) -> bool {
    let ordinary =
        |s: u32| placement.statements.get(s as usize).is_some_and(|s| family(s) == Family::Ordinary);
    range.statements().any(ordinary)
}

//! The relocations behind edges of an analysis.
//!
//! In: two nodes, or a section and an offset. Out: [`RelocUse`]: the first relocation that makes the edge, read
//! from the object again.

use super::chain::Hop;
use crate::graph::{EdgeKind, ExtraNode};
use crate::ids::{NodeId, SectionId};
use crate::load::elf::consts::{STT_FILE, STT_SECTION};
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;
use crate::program::{Content, Program};
use crate::query::Analysis;

/// A relocation that makes an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelocUse {
    /// The section whose relocation it is.
    pub section: SectionId,
    /// Offset in that section, in bytes.
    pub offset: u64,
    /// Relocation type as stored.
    pub kind: u32,
    /// Explicit addend; 0 for REL.
    pub addend: i64,
    /// Symbol index in the file's symbol table.
    pub symbol: u32,
    /// The symbol of `section` that covers the offset, if any.
    pub inside: Option<u32>,
    /// How many relocations of the section reach the same target.
    pub count: u32,
    /// The relocations could not be read: the section is taken to refer to all its file names.
    pub unreadable: bool,
}

/// Finds the edge between two neighbours of a chain again.
pub(super) fn hop(analysis: &Analysis<'_>, from: NodeId, to: NodeId) -> Hop {
    let section = analysis.graph.section(from);
    if let Some(reloc) = section.and_then(|s| find_use(analysis, s, to, true)) {
        return Hop { from, to, kind: EdgeKind::Relocation, reloc: Some(reloc), staged: false };
    }
    if let Some(&(_, kind)) = analysis.graph.extra.of(from).iter().find(|(target, _)| *target == to) {
        let reloc = bound_use(analysis, from, to);
        return Hop { from, to, kind, reloc, staged: false };
    }
    let staged = analysis.liveness.staged.iter().find(|s| s.node == to && s.because == from);
    let kind = staged.map_or(EdgeKind::WithFile, |s| s.kind);
    Hop { from, to, kind, reloc: None, staged: true }
}

/// The relocation against `__start_X` or `__stop_X` where the linker has its own edge to their hub.
pub(crate) fn bound_use(analysis: &Analysis<'_>, from: NodeId, to: NodeId) -> Option<RelocUse> {
    let Some(ExtraNode::StartStop { section: x }) = analysis.graph.extra_node(to) else { return None };
    let program = &analysis.program;
    let section = analysis.graph.section(from)?;
    let (file, index) = program.locate(section);
    let f = &program.files[file];
    let object = f.object()?;
    let bound = |name: crate::ids::NameId| {
        let text = program.name(name);
        text.strip_prefix(b"__start_").or_else(|| text.strip_prefix(b"__stop_")) == Some(*x)
    };
    let mut first = First::of(section);
    first.among(object, index, |r| f.global_name(r.symbol).is_some_and(bound));
    first.found(program)
}

/// The first of some relocations of a section, and how many there are.
pub(super) struct First {
    section: SectionId,
    found: Option<RelocUse>,
}

impl First {
    /// None yet.
    pub(super) fn of(section: SectionId) -> Self {
        First { section, found: None }
    }

    /// One more.
    fn note(&mut self, r: &Reloc) {
        match &mut self.found {
            Some(first) => first.count += 1,
            None => {
                self.found = Some(RelocUse {
                    section: self.section,
                    offset: r.offset,
                    kind: r.kind,
                    addend: r.addend,
                    symbol: r.symbol,
                    inside: None,
                    count: 1,
                    unreadable: false,
                });
            }
        }
    }

    /// Those of the object's section `index` that `wanted` names.
    pub(super) fn among(&mut self, object: &Object<'_>, index: u32, wanted: impl Fn(&Reloc) -> bool) {
        for table in object.reloc_sections(index) {
            let Ok(table) = object.reloc_table(table) else { continue };
            table.for_each(|_, r| {
                if wanted(&r) {
                    self.note(&r);
                }
            });
        }
    }

    /// The first one, with the symbol that it stands in.
    pub(super) fn found(self, program: &Program<'_>) -> Option<RelocUse> {
        let mut found = self.found?;
        found.inside = covering_symbol(program, self.section, found.offset);
        Some(found)
    }
}

/// The first relocation of a section that reaches a node. With `edges` only relocations that count
/// as edges for this linker are looked at, else every one that the file holds.
pub(super) fn find_use(
    analysis: &Analysis<'_>,
    from: SectionId,
    to: NodeId,
    edges: bool,
) -> Option<RelocUse> {
    let (program, graph) = (&analysis.program, &analysis.graph);
    let mut first = First::of(from);
    if edges {
        graph.for_each_relocation(program, from, |target, r, _| {
            if target == to {
                first.note(&r);
            }
        });
    } else {
        let (file, index) = program.locate(from);
        let Content::Object(object) = &program.files[file].content else { return None };
        let targets = graph.targets.get(file.idx())?;
        first.among(object, index, |r| r.symbol != 0 && targets.get(r.symbol as usize) == Some(&to.0));
    }
    let mut found = first.found(program)?;
    found.unreadable = graph.unreadable.contains(from.idx());
    Some(found)
}

/// The named symbol of a section that covers an offset: the last one at or before it whose size
/// reaches over it (or that has none); functions and objects before bare labels.
pub(super) fn covering_symbol(program: &Program<'_>, section: SectionId, offset: u64) -> Option<u32> {
    let (file, index) = program.locate(section);
    let object = program.files[file].object()?;
    let mut best: Option<(bool, u64, u32)> = None;
    for number in 1..object.symbol_count() {
        let Some(s) = object.symbol(number) else { continue };
        if s.place != Place::Section(index) || matches!(s.kind, STT_SECTION | STT_FILE) || s.name == 0 {
            continue;
        }
        let covers = s.value <= offset && (s.size == 0 || offset - s.value < s.size);
        if !covers {
            continue;
        }
        let typed = s.kind != 0;
        if best.is_none_or(|(t, value, _)| (typed, s.value) > (t, value)) {
            best = Some((typed, s.value, number));
        }
    }
    best.map(|(_, _, number)| number)
}

/// The name of a hub or common, for callers that walk chains.
pub(super) fn is_hub(analysis: &Analysis<'_>, node: NodeId) -> bool {
    matches!(
        analysis.graph.extra_node(node),
        Some(ExtraNode::StartStop { .. } | ExtraNode::ScriptSymbol { .. })
    )
}

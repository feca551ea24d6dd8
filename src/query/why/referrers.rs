//! Who refers to something: reverse references, found by one pass over the relocations.
//!
//! In: a set of nodes. Out: [`Reverse`], sorted pairs; and the uses of a name. Files are read in
//! parallel; a file none of whose symbols reach the set is not read at all.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::uses::{First, RelocUse};
use crate::graph::NO_NODE;
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::Object;
use crate::program::Content;
use crate::query::Analysis;

/// Reverse references of a set of nodes: (target, referrer), sorted, without repetitions.
pub(super) struct Reverse {
    pairs: Vec<(u32, u32)>,
}

impl Reverse {
    /// References to `wanted`. With `edges` only those that are edges for this linker, else also
    /// those that do not count (debug sections, unwind tables, ...).
    pub(super) fn new(analysis: &Analysis<'_>, wanted: &FixedBitSet, edges: bool) -> Self {
        let (program, graph) = (&analysis.program, &analysis.graph);
        let lists: Vec<Vec<(u32, u32)>> = analysis
            .resolution
            .files
            .par_iter()
            .with_max_len(64)
            .map(|&file| {
                let f = &program.files[file];
                let Content::Object(object) = &f.content else { return Vec::new() };
                let Some(targets) = graph.targets.get(file.idx()) else { return Vec::new() };
                let hit = |t: u32| t != NO_NODE && wanted.contains(t as usize);
                if !targets.iter().any(|&t| hit(t)) {
                    return Vec::new();
                }
                let mut out = Vec::new();
                for index in 1..object.sections.len() as u32 {
                    let from = f.section_id(index);
                    let mut note = |target: u32| {
                        if hit(target) && out.last() != Some(&(target, from.0)) {
                            out.push((target, from.0));
                        }
                    };
                    if edges {
                        graph.for_each_relocation(program, from, |target, _, _| note(target.0));
                    } else {
                        each_target(object, index, targets, &mut note);
                    }
                }
                out
            })
            .collect();
        let mut pairs: Vec<(u32, u32)> = lists.into_iter().flatten().collect();
        for from in (0..graph.node_count()).map(NodeId::from_usize) {
            for &(target, _) in graph.extra.of(from) {
                if wanted.contains(target.index()) {
                    pairs.push((target.0, from.0));
                }
            }
        }
        pairs.par_sort_unstable();
        pairs.dedup();
        Reverse { pairs }
    }

    /// Referrers of a node in id order.
    pub(super) fn of(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let from = self.pairs.partition_point(|&(target, _)| target < node.0);
        self.pairs[from..].iter().take_while(move |(t, _)| *t == node.0).map(|&(_, f)| NodeId(f))
    }
}

fn each_target(object: &Object<'_>, index: u32, targets: &[u32], note: &mut impl FnMut(u32)) {
    for table in object.reloc_sections(index) {
        let Ok(table) = object.reloc_table(table) else { continue };
        table.for_each(|_, r| {
            if r.symbol != 0 {
                note(targets.get(r.symbol as usize).copied().unwrap_or(NO_NODE));
            }
        });
    }
}

/// One file's use of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NameUse {
    pub(super) file: FileId,
    /// Symbol index in that file.
    pub(super) symbol: u32,
    /// The file only refers to it.
    pub(super) undefined: bool,
    /// Weakly.
    pub(super) weak: bool,
}

/// Every mention of the names in all objects, in the link or not, by name position and file.
pub(super) fn mentions(analysis: &Analysis<'_>, names: &[NameId]) -> Vec<Vec<NameUse>> {
    use crate::load::elf::Place;
    use crate::load::elf::consts::STB_WEAK;
    let program = &analysis.program;
    let mut out = vec![Vec::new(); names.len()];
    if names.is_empty() {
        return out;
    }
    let mut position = vec![u32::MAX; program.names.len()];
    for (i, name) in names.iter().enumerate() {
        if let Some(slot) = position.get_mut(name.idx()) {
            *slot = i as u32;
        }
    }
    let ids: Vec<FileId> = program.file_ids().collect();
    let found: Vec<Vec<(u32, NameUse)>> = ids
        .into_par_iter()
        .with_max_len(64)
        .map(|file| {
            let f = &program.files[file];
            let Some(object) = f.object() else { return Vec::new() };
            let mut hits = Vec::new();
            for (symbol, name) in (object.first_global..).zip(&f.names) {
                let at = position.get(name.idx()).copied().unwrap_or(u32::MAX);
                if at == u32::MAX {
                    continue;
                }
                if let Some(s) = object.symbol(symbol) {
                    let undefined = s.place == Place::Undefined;
                    hits.push((at, NameUse { file, symbol, undefined, weak: s.bind == STB_WEAK }));
                }
            }
            hits
        })
        .collect();
    for (at, hit) in found.into_iter().flatten() {
        if let Some(list) = out.get_mut(at as usize) {
            list.push(hit);
        }
    }
    out
}

/// The first relocation of a file against a symbol; live sections before others.
pub(super) fn use_of_symbol(analysis: &Analysis<'_>, file: FileId, symbol: u32) -> Option<(RelocUse, bool)> {
    let program = &analysis.program;
    let f = &program.files[file];
    let object = f.object()?;
    let mut dead: Option<RelocUse> = None;
    for index in 1..object.sections.len() as u32 {
        let section: SectionId = f.section_id(index);
        let mut first = First::of(section);
        first.among(object, index, |r| r.symbol == symbol);
        let Some(found) = first.found(program) else { continue };
        let follows = analysis.graph.follow.contains(section.idx());
        if analysis.liveness.is_live(NodeId(section.0)) && follows {
            return Some((found, true));
        }
        dead = dead.or(Some(found));
    }
    dead.map(|d| (d, false))
}

//! `.eh_frame` in mold: all CIEs live with everything they refer to; an FDE's references, but the
//! one to the function, live with the section that it describes (GS 6.4; mold `read_ehframe`).
//!
//! In: classified sections and filled targets. Out: edges and roots.

use rayon::prelude::*;

use super::sections::Parts;
use crate::graph::{Build, Class, EdgeKind, NO_NODE, RootKind, RootSet};
use crate::ids::{FileId, Id, NodeId, SectionId};
use crate::load::eh_frame::{self, AtTerminator, EhFrame};
use crate::load::elf::{Object, Place};

#[derive(Default)]
struct Found {
    roots: Vec<NodeId>,
    edges: Vec<(NodeId, NodeId)>,
    /// The records could not be read: everything the file names is kept.
    opaque: bool,
}

/// Reads all `.eh_frame` sections of the link.
pub(super) fn add(build: &mut Build<'_, '_>, roots: &mut RootSet, parts: &[Parts]) {
    let found: Vec<Found> = {
        let build = &*build;
        let files = build.resolution.files.par_iter().zip(parts).with_max_len(64);
        files.map(|(&file, parts)| of_file(build, file, parts)).collect()
    };
    for (&file, found) in build.resolution.files.iter().zip(found) {
        for node in found.roots {
            roots.add(node, RootKind::Unwind, None);
        }
        for (from, to) in found.edges {
            build.edges.push((from, to, EdgeKind::Unwind));
        }
        if found.opaque {
            let targets = build.targets.get(file.index()).map_or(&[][..], |t| t);
            for &target in targets.iter().filter(|t| **t != NO_NODE) {
                roots.add(NodeId(target), RootKind::Opaque, None);
            }
        }
    }
}

fn of_file(build: &Build<'_, '_>, file: FileId, parts: &Parts) -> Found {
    let mut out = Found::default();
    let input = &build.program.files[file];
    let Some(object) = input.object() else { return out };
    let targets = build.targets.get(file.index()).map_or(&[][..], |t| t);
    let target = |symbol: u32| {
        let target = targets.get(symbol as usize).copied().unwrap_or(NO_NODE);
        (symbol != 0 && target != NO_NODE).then_some(NodeId(target))
    };
    for (number, &section) in parts.eh_frames.iter().enumerate() {
        let Ok(frame) = eh_frame::read(object, section, AtTerminator::Stop) else {
            out.opaque = true;
            continue;
        };
        if number > 0 {
            // A section's FDEs are those of the last `.eh_frame` that has any for it.
            let described: Vec<NodeId> =
                described(object, &frame).map(|s| NodeId(input.section_base + s)).collect();
            out.edges.retain(|(from, _)| !described.contains(from));
        }
        for record in &frame.records {
            let relocs = frame.relocs_of(record);
            if record.is_cie {
                out.roots.extend(relocs.iter().filter_map(|r| target(r.symbol)));
                continue;
            }
            let [first, rest @ ..] = relocs else { continue };
            if rest.is_empty() || first.symbol == 0 {
                continue;
            }
            let Some(Place::Section(text)) = object.symbol(first.symbol).map(|s| s.place) else { continue };
            let from = NodeId(input.section_base + text);
            // References to pieces are not followed here.
            let section_only = |node: &NodeId| {
                build.class.as_slice().get(node.index()).is_none_or(|class| *class != Class::Pieces)
            };
            let reached = rest.iter().filter_map(|r| target(r.symbol)).filter(section_only);
            out.edges.extend(reached.map(|to| (from, to)));
        }
    }
    // Only live sections' records count, and a section that is no node never becomes live.
    out.edges.retain(|(from, _)| build.class[SectionId(from.0)] == Class::Node);
    out
}

/// Sections described by a frame's FDEs.
fn described<'a>(object: &'a Object<'_>, frame: &'a EhFrame) -> impl Iterator<Item = u32> + 'a {
    frame.records.iter().filter(|r| !r.is_cie).filter_map(|record| {
        let first = frame.relocs_of(record).first()?;
        match object.symbol(first.symbol)?.place {
            Place::Section(section) if first.symbol != 0 => Some(section),
            _ => None,
        }
    })
}

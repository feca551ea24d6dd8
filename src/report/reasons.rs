//! The reason of every live section as tab separated lines.

use rayon::prelude::*;

use super::csv::tsv_record;
use crate::graph::{EdgeKind, ExtraNode};
use crate::ids::{FileId, NodeId};
use crate::query::Analysis;
use crate::query::dead::file_label;
use crate::query::why::{Reason, Reasons};

/// Rows that one task writes.
const AT_ONCE: usize = 4096;

/// The name of an edge's kind in tables.
fn kind(kind: EdgeKind) -> &'static [u8] {
    match kind {
        EdgeKind::Relocation => b"relocation",
        EdgeKind::Group => b"group",
        EdgeKind::LinkOrder => b"link-order",
        EdgeKind::StartStop => b"start-stop",
        EdgeKind::Unwind => b"unwind",
        EdgeKind::Script => b"script-symbol",
        EdgeKind::WithFile => b"with-file",
    }
}

/// File and name of a node as cells.
fn cells<'a>(analysis: &'a Analysis<'_>, labels: &'a [Vec<u8>], node: NodeId) -> (&'a [u8], &'a [u8]) {
    let program = &analysis.program;
    let label = |file: FileId| labels.get(file.0 as usize).map_or(&b""[..], Vec::as_slice);
    if let Some(section) = analysis.graph.section(node) {
        let (file, _) = program.locate(section);
        return (label(file), program.section_name(section));
    }
    match analysis.graph.extra_node(node) {
        Some(ExtraNode::CommonsOf { file, small, .. }) => {
            (label(*file), if *small { b".scommon" } else { b"COMMON" })
        }
        Some(ExtraNode::Common { name, file, .. }) => (label(*file), program.name(*name)),
        Some(ExtraNode::StartStop { section }) => (b"", section),
        Some(ExtraNode::Routines { stem }) => (b"", stem.as_bytes()),
        Some(ExtraNode::ScriptSymbol { name }) => (b"", program.name(*name)),
        None => (b"", b""),
    }
}

/// One row per live section of `sections`: its file and name; the kind of root or of edge, or `rule`; the symbol
/// that names the root; file and name of the live thing that keeps it.
pub fn tsv(analysis: &Analysis<'_>, reasons: &Reasons, sections: &[(FileId, NodeId)]) -> Vec<u8> {
    let program = &analysis.program;
    let ids: Vec<FileId> = program.file_ids().collect();
    let labels: Vec<Vec<u8>> = ids.par_iter().map(|&file| file_label(program, file)).collect();
    let rows = |some: &[(FileId, NodeId)]| {
        let mut out = Vec::with_capacity(some.len() * 256);
        for &(_, node) in some {
            let (file, section) = cells(analysis, &labels, node);
            let none = (&b""[..], &b""[..]);
            let (reason, name, (by_file, by)) = match reasons.of(node) {
                Some(Reason::Root(number)) => match analysis.roots.roots.get(number as usize) {
                    Some(root) => {
                        (root.kind.word().as_bytes(), root.name.map_or(&b""[..], |n| program.name(n)), none)
                    }
                    None => continue,
                },
                Some(Reason::Kept { by, kind: edge }) => (kind(edge), &b""[..], cells(analysis, &labels, by)),
                Some(Reason::Rule) => (&b"rule"[..], &b""[..], none),
                None => continue,
            };
            tsv_record(&mut out, [file, section, reason, name, by_file, by]);
        }
        out
    };
    let parts: Vec<Vec<u8>> = sections.par_chunks(AT_ONCE).map(rows).collect();
    let mut out = Vec::with_capacity(parts.iter().map(Vec::len).sum::<usize>() + 64);
    out.extend_from_slice(b"file\tsection\treason\tsymbol\tby-file\tby\n");
    for part in parts {
        out.extend_from_slice(&part);
    }
    out
}

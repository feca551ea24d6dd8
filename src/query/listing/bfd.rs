//! The lines of GNU ld: `--print-gc-sections` (bfd `elf_gc_sweep`) and the map's block of archive
//! members (ld `add_archive_element`). GS 3.6, 7.

use std::io::{Result, Write};

use crate::graph::bfd::section_order;
use crate::graph::{Class, ExtraNode};
use crate::ids::{FileId, NodeId, SectionId};
use crate::program::{Content, Program};
use crate::query::Analysis;
use crate::resolve::Asker;

/// Lines of removed sections, without program prefix, in the linker's order.
pub(super) fn removed(analysis: &Analysis<'_>, out: &mut dyn Write) -> Result<()> {
    let program = &analysis.program;
    let graph = &analysis.graph;
    let mut commons: Vec<(FileId, NodeId, bool)> = Vec::new();
    for (offset, node) in graph.extra_nodes.iter().enumerate() {
        let id = NodeId((graph.section_count() + offset) as u32);
        if let ExtraNode::CommonsOf { file, size, small } = *node
            && size > 0
            && !analysis.liveness.is_live(id)
        {
            commons.push((file, id, small));
        }
    }
    commons.sort_by_key(|&(file, id, _)| (file, id));
    super::by_file(analysis, out, |file, text| {
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return };
        let mut label: Option<Vec<u8>> = None;
        let mut line = |name: &[u8], group: Option<&[u8]>| {
            self::line(name, group, label.get_or_insert_with(|| self::label(program, file)), text);
        };
        for index in section_order(object) {
            let section = SectionId(f.section_base + index);
            if graph.class[section] != Class::Node
                || analysis.liveness.is_live(NodeId(section.0))
                || object.section_size(index) == 0
            {
                continue;
            }
            line(object.section_name(index), object.group_of(index).map(|g| object.signature(g)));
        }
        let from = commons.partition_point(|&(owner, ..)| owner < file);
        for &(owner, _, small) in &commons[from..] {
            if owner != file {
                break;
            }
            line(if small { b".scommon" } else { b"COMMON" }, None);
        }
    })
}

/// One line.
pub(super) fn line(name: &[u8], group: Option<&[u8]>, label: &[u8], text: &mut Vec<u8>) {
    text.extend_from_slice(b"removing unused section '");
    text.extend_from_slice(name);
    if let Some(signature) = group {
        text.push(b'[');
        text.extend_from_slice(signature);
        text.push(b']');
    }
    text.extend_from_slice(b"' in file '");
    text.extend_from_slice(label);
    text.extend_from_slice(b"'\n");
}

/// `%pB`: `ARCHIVE(MEMBER)`, a thin member by its path alone.
fn label(program: &Program<'_>, file: FileId) -> Vec<u8> {
    let f = &program.files[file];
    label_of(f.path, f.archive.map(|_| f.member), f.joined, f.nested)
}

/// The same by parts.
pub(super) fn label_of(
    path: &[u8],
    member: Option<&[u8]>,
    joined: Option<&[u8]>,
    nested: Option<&[u8]>,
) -> Vec<u8> {
    match (member, joined, nested) {
        (None, ..) => path.to_vec(),
        (Some(_), Some(joined), None) => joined.to_vec(),
        (Some(_), Some(joined), Some(nested)) => [joined, b"(", nested, b")"].concat(),
        (Some(member), None, _) => [path, b"(", member, b")"].concat(),
    }
}

/// The map's block of archive members; empty if there is none.
pub(super) fn extraction(analysis: &Analysis<'_>) -> Option<Vec<u8>> {
    let program = &analysis.program;
    let mut out = Vec::new();
    for extraction in &analysis.resolution.extractions {
        if out.is_empty() {
            out.extend_from_slice(b"Archive member included to satisfy reference by file (symbol)\n\n");
        }
        let member = label(program, extraction.file);
        out.extend_from_slice(&member);
        let mut column = member.len();
        if column >= 29 {
            out.push(b'\n');
            column = 0;
        }
        out.resize(out.len() + 30 - column, b' ');
        if let Asker::File(file) = extraction.asker {
            out.extend_from_slice(&label(program, file));
            out.push(b' ');
        }
        let symbol = extraction.symbol.map_or(&b"--whole-archive"[..], |n| program.name(n));
        out.push(b'(');
        out.extend_from_slice(symbol);
        out.extend_from_slice(b")\n");
    }
    Some(out)
}

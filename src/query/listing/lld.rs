//! The lines of lld: `--print-gc-sections` and the `--why-extract` file (GS 3.6, 7).
//!
//! In: a finished analysis. Out: lines as bytes, in lld's order: sections of its own, commons, then
//! objects in parse order, each by section index. An error before garbage collection leaves no line.

use std::io::{Result, Write};

use crate::graph::{Class, ExtraNode};
use crate::ids::{FileId, Id, NodeId};
use crate::plan::Version;
use crate::program::Program;
use crate::query::Analysis;
use crate::resolve::lld::{FOR_COMMON, LIBCALL};
use crate::resolve::{Asker, DefKind};

/// `PATH` or `ARCHIVE(MEMBER)`, as lld's `toString(const InputFile *)` spells it.
fn file_name(program: &Program<'_>, file: FileId, out: &mut Vec<u8>) {
    let Some(f) = program.files.get(file) else { return };
    out.extend_from_slice(f.path);
    if f.archive.is_some() {
        out.push(b'(');
        out.extend_from_slice(f.member);
        out.push(b')');
    }
}

fn line(program: &Program<'_>, file: FileId, section: &[u8], out: &mut Vec<u8>) {
    let mut label = Vec::new();
    file_name(program, file, &mut label);
    line_of(&label, section, out);
}

/// One line by parts.
pub(super) fn line_of(label: &[u8], section: &[u8], out: &mut Vec<u8>) {
    for part in [b"removing unused section ", label, b":(", section, b")\n"] {
        out.extend_from_slice(part);
    }
}

/// Lines of removed sections, without program prefix, in the linker's order.
pub(super) fn removed(analysis: &Analysis<'_>, out: &mut dyn Write) -> Result<()> {
    let Analysis { program, graph, liveness, .. } = analysis;
    let mut first = Vec::new();
    let dead = |number: usize| !liveness.is_live(NodeId::from_usize(graph.section_count() + number));
    for (number, node) in graph.extra_nodes.iter().enumerate() {
        if matches!(node, ExtraNode::Routines { .. }) && dead(number) {
            first.extend_from_slice(b"removing unused section <internal>:(.text)\n");
        }
    }
    for (number, node) in graph.extra_nodes.iter().enumerate() {
        if let ExtraNode::Common { file, .. } = *node
            && dead(number)
        {
            line(program, file, b"COMMON", &mut first);
        }
    }
    out.write_all(&first)?;
    super::by_file(analysis, out, |file, text| {
        for section in program.sections_of(file) {
            let collectable = matches!(graph.class[section], Class::Node | Class::Pieces);
            if collectable && !liveness.is_live(NodeId(section.0)) {
                line(program, file, program.section_name(section), text);
            }
        }
    })
}

/// The linker's extraction report, complete with header; `None` if it has none.
pub(super) fn extraction(analysis: &Analysis<'_>) -> Option<Vec<u8>> {
    let Analysis { program, resolution, .. } = analysis;
    let mut out = b"reference\textracted\tsymbol\n".to_vec();
    for extraction in &resolution.extractions {
        match &extraction.asker {
            Asker::Whole => continue,
            Asker::Option(text) if text == FOR_COMMON => continue,
            Asker::Option(text) if text == LIBCALL && program.plan.profile.version < Version(15, 0, 0) => {
                continue;
            }
            Asker::Option(text) => out.extend_from_slice(text.as_bytes()),
            Asker::File(file) => file_name(program, *file, &mut out),
        }
        out.push(b'\t');
        // lld 14 names the archive alone if the member left the name as it was offered.
        let offered = extraction.symbol.is_some_and(|n| resolution.definitions[n].kind == DefKind::Unknown);
        match program.files.get(extraction.file) {
            Some(f) if offered && f.archive.is_some() => out.extend_from_slice(f.path),
            _ => file_name(program, extraction.file, &mut out),
        }
        out.push(b'\t');
        out.extend_from_slice(extraction.symbol.map_or(&b""[..], |name| program.name(name)));
        out.push(b'\n');
    }
    Some(out)
}

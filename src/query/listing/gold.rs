//! The lines of gold: `--print-gc-sections` (gold `do_layout`, second pass) and the map's block of
//! archive members (gold `Mapfile::report_include_archive_member`). GS 3.6, 7.

use std::io::{Result, Write};

use crate::graph::Class;
use crate::ids::{FileId, NodeId, SectionId};
use crate::program::{Content, Program};
use crate::query::Analysis;
use crate::resolve::Asker;
use crate::resolve::gold::file_name;

/// Lines of removed sections, without program prefix, in the linker's order. Sections of size 0
/// are among them.
pub(super) fn removed(analysis: &Analysis<'_>, out: &mut dyn Write) -> Result<()> {
    let program = &analysis.program;
    super::by_file(analysis, out, |file, text| {
        let base = program.files[file].section_base;
        let mut label: Option<Vec<u8>> = None;
        for index in 1..program.files[file].section_count() {
            let section = SectionId(base + index);
            if analysis.graph.class[section] != Class::Node || analysis.liveness.is_live(NodeId(section.0)) {
                continue;
            }
            let label = label.get_or_insert_with(|| file_name(program, file));
            let name = section_name(program, file, index);
            for part in [b"removing unused section from '", name, b"' in file '", label.as_slice(), b"'\n"] {
                text.extend_from_slice(part);
            }
        }
    })
}

fn section_name<'d>(program: &Program<'d>, file: FileId, index: u32) -> &'d [u8] {
    match &program.files[file].content {
        Content::Object(object) => object.section_name(index),
        Content::Binary(_) => b".data",
        _ => b"",
    }
}

/// The map's block of archive members; empty if there is none.
pub(super) fn extraction(analysis: &Analysis<'_>) -> Option<Vec<u8>> {
    let program = &analysis.program;
    let mut out = Vec::new();
    for extraction in &analysis.resolution.extractions {
        if program.files[extraction.file].archive.is_none() {
            continue;
        }
        if out.is_empty() {
            out.extend_from_slice(b"Archive member included because of file (symbol)\n\n");
        }
        let member = file_name(program, extraction.file);
        out.extend_from_slice(&member);
        let mut column = member.len();
        if column >= 29 {
            out.push(b'\n');
            column = 0;
        }
        out.resize(out.len() + 30 - column, b' ');
        match (&extraction.asker, extraction.symbol) {
            (Asker::File(file), symbol) => {
                out.extend_from_slice(&file_name(program, *file));
                out.extend_from_slice(b" (");
                out.extend_from_slice(symbol.map_or(&b""[..], |name| program.name(name)));
                out.push(b')');
            }
            (Asker::Option(why), _) => out.extend_from_slice(why.as_bytes()),
            (Asker::Whole, _) => out.extend_from_slice(b"--whole-archive"),
        }
        out.push(b'\n');
    }
    Some(out)
}

//! The lines of mold: `--print-gc-sections` (GS 7). mold has no report of extracted members.

use std::io::{Result, Write};

use bstr::BString;

use crate::graph::{Class, ExtraNode};
use crate::ids::{FileId, Id, NodeId};
use crate::plan::Version;
use crate::program::Program;
use crate::query::Analysis;

/// Lines of removed sections in file position order, then section index; commons come after the
/// sections of their file. mold 2.42 adds a summary, which says 0 in every case.
pub(super) fn removed(analysis: &Analysis<'_>, out: &mut dyn Write) -> Result<()> {
    let program = &analysis.program;
    let graph = &analysis.graph;
    let first_extra = graph.section_count();
    let mut commons: Vec<(FileId, NodeId)> = Vec::new();
    for (number, extra) in graph.extra_nodes.iter().enumerate() {
        let node = NodeId::from_usize(first_extra + number);
        if let ExtraNode::Common { file, .. } = extra
            && !analysis.liveness.is_live(node)
        {
            commons.push((*file, node));
        }
    }
    commons.sort();
    super::by_file(analysis, out, |file, text| {
        let mut label: Option<Vec<u8>> = None;
        let mut add = |section: &[u8]| {
            let label = label.get_or_insert_with(|| spelled(program, file));
            for part in [b"removing unused section ", label.as_slice(), b":(", section, b")\n"] {
                text.extend_from_slice(part);
            }
        };
        for section in program.sections_of(file) {
            if graph.class[section] == Class::Node && !analysis.liveness.is_live(NodeId(section.0)) {
                add(program.section_name(section));
            }
        }
        let from = commons.partition_point(|&(owner, _)| owner < file);
        for _ in commons[from..].iter().take_while(|&&(owner, _)| owner == file) {
            add(b".common");
        }
    })?;
    if program.plan.profile.version >= Version(2, 42, 0) {
        out.write_all(b"GC saved 0 bytes\n")?;
    }
    Ok(())
}

/// There is none.
pub(super) fn extraction(_analysis: &Analysis<'_>) -> Option<Vec<u8>> {
    None
}

/// A file as mold names it: cleaned path, or cleaned archive with the member as stored; a thin
/// archive's member is joined with the archive's folder, not cleaned.
fn spelled(program: &Program<'_>, file: FileId) -> Vec<u8> {
    let input = &program.files[file];
    spelled_of(input.path, input.archive.map(|_| input.member), input.joined.is_some())
}

/// The same by parts.
pub(super) fn spelled_of(whole: &[u8], member: Option<&[u8]>, thin: bool) -> Vec<u8> {
    let path = clean(whole);
    let Some(member) = member else { return path };
    let mut out = path;
    out.push(b'(');
    if thin && !member.starts_with(b"/") {
        let folder = parent(whole);
        out.extend_from_slice(folder);
        if !folder.is_empty() && !folder.ends_with(b"/") {
            out.push(b'/');
        }
    }
    out.extend_from_slice(member);
    out.push(b')');
    out
}

/// The path before the last component, without slashes at its end.
fn parent(path: &[u8]) -> &[u8] {
    let Some(end) = path.iter().rposition(|&b| b == b'/') else { return b"" };
    let folder = &path[..end];
    match folder.iter().rposition(|&b| b != b'/') {
        Some(last) => &folder[..=last],
        None => &path[..1],
    }
}

/// The lexically normal form of a path: no `.`, no `DIR/..`, single slashes.
fn clean(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return Vec::new();
    }
    let absolute = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut folder_at_end = false;
    for part in path.split(|&b| b == b'/') {
        folder_at_end = matches!(part, b"" | b"." | b"..");
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(&b"..") | None if absolute && parts.is_empty() => {}
                Some(&b"..") | None => parts.push(part),
                Some(_) => {
                    parts.pop();
                }
            },
            _ => parts.push(part),
        }
    }
    let mut out = if absolute { b"/".to_vec() } else { Vec::new() };
    out.extend_from_slice(&parts.join(&b'/'));
    // A path that ends as a folder keeps its slash, unless it ends in `..`.
    if folder_at_end && parts.last().is_some_and(|last| *last != b"..") {
        out.push(b'/');
    }
    if out.is_empty() { BString::from(".").into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::{clean, parent};

    #[test]
    fn cleaned_paths() {
        for (path, expected) in [
            ("./sub/../b.o", "b.o"),
            ("a//b/./c.o", "a/b/c.o"),
            ("../x/../y.o", "../y.o"),
            ("../../y.o", "../../y.o"),
            ("/../a.o", "/a.o"),
            ("//a.o", "/a.o"),
            ("a/..", "."),
            ("a/b/", "a/b/"),
            ("a/b/..", "a/"),
            ("", ""),
        ] {
            assert_eq!(clean(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn parents() {
        for (path, expected) in
            [("a.a", ""), ("d/a.a", "d"), ("./d//a.a", "./d"), ("/a.a", "/"), ("//a.a", "/")]
        {
            assert_eq!(parent(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }
}

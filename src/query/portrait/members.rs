//! Archives, files and the reasons why members are in the link.
//!
//! In: an analysis. Out: tables whose strings are noted texts first.

use rayon::prelude::*;

use super::Paths;
use super::rows::{Rows, Texts};
use super::tables::*;

use crate::program::{Content, Half, InputFile};
use crate::query::Analysis;
use crate::query::why::{Demand, RelocUse, demand, opaque, reference};
use crate::resolve::Asker;

/// The strings of files, as noted texts.
pub(super) struct FileTexts {
    archives: Vec<u32>,
    /// Path, member, joined, nested, opaque.
    files: Vec<[u32; 5]>,
    absolute_archives: Vec<bool>,
    absolute_files: Vec<bool>,
    /// What options that fetched members are called, and names asked for.
    extractions: Vec<[u32; 2]>,
}

/// Notes them.
pub(super) fn texts(analysis: &Analysis<'_>, paths: &dyn Paths, texts: &mut Texts) -> FileTexts {
    let program = &analysis.program;
    let archives = program.archives.iter().map(|a| texts.add(&paths.stored(a.path))).collect::<Vec<u32>>();
    let files = program.files.iter().map(|f| {
        let path = match f.archive.and_then(|a| archives.get(a.idx())) {
            Some(&path) => path,
            None => texts.add(&paths.stored(f.path)),
        };
        let member = texts.some(f.archive.map(|_| f.member));
        let words = opaque(f).map(str::as_bytes);
        let joined = f.joined.map(|p| paths.stored(p));
        let nested = f.nested.map(|p| paths.stored(p));
        let rest = [joined.as_deref(), nested.as_deref(), words].map(|t| texts.some(t));
        let [joined, nested, words] = rest;
        [path, member, joined, nested, words]
    });
    let files = files.collect();
    // Where a relative path stands for one that was spelled from the root.
    let absolute = |path: &[u8]| {
        path.starts_with(b"/")
            && !paths.stored(path).starts_with(b"/")
            && !paths.stored(path).starts_with(b"@")
    };
    let absolute_archives = program.archives.iter().map(|a| absolute(a.path)).collect();
    let absolute_files = program.files.iter().map(|f| absolute(f.path)).collect();
    let extractions = analysis.resolution.extractions.iter().map(|e| {
        let text = match &e.asker {
            Asker::Option(text) => Some(text.as_bytes()),
            _ => None,
        };
        [texts.some(text), texts.some(e.symbol.map(|n| program.name(n)))]
    });
    let extractions = extractions.collect();
    FileTexts { archives, files, absolute_archives, absolute_files, extractions }
}

/// Archives and files.
pub(super) fn files(
    analysis: &Analysis<'_>,
    rows: &Rows<'_, '_>,
    texts: &FileTexts,
) -> (Archives<'static>, Files<'static>) {
    let program = &analysis.program;
    let list = &program.archives;
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    let archives = Archives {
        path: texts.archives.iter().map(|&t| rows.text(t)).collect::<Vec<_>>().into(),
        flags: list
            .iter()
            .zip(&texts.absolute_archives)
            .map(|(a, absolute)| {
                flag(*absolute, archive_flags::ABSOLUTE)
                    | flag(a.thin, archive_flags::THIN)
                    | flag(a.mode.whole_archive, archive_flags::WHOLE)
                    | flag(a.by_library, archive_flags::BY_LIBRARY)
                    | flag(a.index.is_some(), archive_flags::INDEXED)
            })
            .collect::<Vec<_>>()
            .into(),
        first: list.iter().map(|a| a.first.0).collect::<Vec<_>>().into(),
        count: list.iter().map(|a| a.count).collect::<Vec<_>>().into(),
    };
    let column = |at: usize| texts.files.iter().map(|t| rows.text(t[at])).collect::<Vec<u32>>().into();
    let kind = |f: &InputFile<'_>| match f.content {
        Content::Object(_) => 0,
        Content::Shared(_) => 1,
        Content::Binary(_) => 2,
        Content::Opaque(_) => 3,
    };
    let flags = program.files.enumerate().zip(&texts.absolute_files).map(|((file, f), absolute)| {
        let stand_in = f.intermediate.as_ref().is_some_and(|i| i.half == Half::Intermediate);
        flag(analysis.resolution.is_in_link(file), file_flags::IN_LINK)
            | flag(f.is_partial(), file_flags::PARTIAL)
            | flag(stand_in, file_flags::STAND_IN)
            | flag(f.in_lib, file_flags::IN_LIB)
            | flag(f.mode.just_symbols, file_flags::JUST_SYMBOLS)
            | flag(*absolute, file_flags::ABSOLUTE)
            | flag(f.intermediate.is_some(), file_flags::INTERMEDIATE)
    });
    let files = Files {
        path: column(0),
        archive: program.files.iter().map(|f| f.archive.map_or(NONE, |a| a.0)).collect::<Vec<_>>().into(),
        member: column(1),
        joined: column(2),
        nested: column(3),
        bytes: program.files.iter().map(|f| f.bytes).collect::<Vec<_>>().into(),
        flags: flags.collect::<Vec<_>>().into(),
        kind: program.files.iter().map(kind).collect::<Vec<_>>().into(),
        opaque: column(4),
        first_section: rows.first.clone().into(),
    };
    (archives, files)
}

/// Why members are in the link; the references that fetched them are looked up in parallel.
pub(super) fn extractions(
    analysis: &Analysis<'_>,
    rows: &Rows<'_, '_>,
    texts: &FileTexts,
) -> Extractions<'static> {
    let list = &analysis.resolution.extractions;
    let found: Vec<Option<Reference>> = list
        .par_iter()
        .with_max_len(16)
        .map(|e| match (&e.asker, e.symbol) {
            (Asker::File(file), Some(name)) => {
                let (found, live) = reference(analysis, *file, name)?;
                Some(Reference::new(analysis, rows, &found, live))
            }
            _ => None,
        })
        .collect();
    let column = |f: fn(&Reference) -> u32, none: u32| {
        found.iter().map(|r| r.as_ref().map_or(none, f)).collect::<Vec<u32>>().into()
    };
    let wide =
        |f: fn(&Reference) -> u64| found.iter().map(|r| r.as_ref().map_or(0, f)).collect::<Vec<u64>>().into();
    let text = |at: usize| texts.extractions.iter().map(|t| rows.text(t[at])).collect::<Vec<u32>>().into();
    let asker = |a: &Asker| match a {
        Asker::File(file) => (0u8, file.0),
        Asker::Option(_) => (1, NONE),
        Asker::Whole => (2, NONE),
    };
    Extractions {
        file: list.iter().map(|e| e.file.0).collect::<Vec<_>>().into(),
        asker: list.iter().map(|e| asker(&e.asker).0).collect::<Vec<_>>().into(),
        by: list.iter().map(|e| asker(&e.asker).1).collect::<Vec<_>>().into(),
        text: text(0),
        symbol: text(1),
        demand: list
            .iter()
            .map(|e| match demand(analysis, e.symbol) {
                None => 0,
                Some(Demand::Undefined) => 1,
                Some(Demand::Require) => 2,
                Some(Demand::Glob) => 3,
                Some(Demand::Entry) => 4,
            })
            .collect::<Vec<_>>()
            .into(),
        section: column(|r| r.section, NONE),
        live: found.iter().map(|r| u8::from(r.as_ref().is_some_and(|r| r.live))).collect::<Vec<_>>().into(),
        reloc: column(|r| r.reloc, 0),
        offset: wide(|r| r.offset),
        addend: wide(|r| r.addend),
        count: column(|r| r.count, 0),
        inside: column(|r| r.inside, NONE),
        written: column(|r| r.written, NONE),
    }
}

struct Reference {
    section: u32,
    live: bool,
    reloc: u32,
    offset: u64,
    addend: u64,
    count: u32,
    inside: u32,
    written: u32,
}

impl Reference {
    fn new(analysis: &Analysis<'_>, rows: &Rows<'_, '_>, found: &RelocUse, live: bool) -> Self {
        let (file, _) = analysis.program.locate(found.section);
        let f = &analysis.program.files[file];
        let shown =
            |symbol: u32| f.object().map_or(NONE, |object| rows.shown(file.idx(), f, object, symbol).0);
        Reference {
            section: rows.section(found.section),
            live,
            reloc: found.kind,
            offset: found.offset,
            addend: found.addend as u64,
            count: found.count,
            inside: found.inside.map_or(NONE, shown),
            written: shown(found.symbol),
        }
    }
}

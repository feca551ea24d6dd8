//! Which archive members a link takes, who asked, what stays behind (`extract`).
//!
//! In: an analysis. Out: [`Members`]: one row per member (or `--start-lib` object) in the link, in
//! link order, and one per archive with what was left.

use hashbrown::HashMap;

use super::Analysis;
use crate::ids::{ArchiveId, FileId, NameId};
use crate::load::elf::Place;
use crate::load::elf::consts::{STB_WEAK, STV_DEFAULT};
use crate::plan::DemandKind;
use crate::program::{Content, Program};
use crate::resolve::{Asker, Extraction};

/// Who asked for a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file of the link.
    File(FileId),
    /// An option or script, as it is spelled.
    Option(String),
    /// `--whole-archive`.
    Whole,
}

/// One member in the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The member.
    pub file: FileId,
    /// Who asked first.
    pub reference: Reference,
    /// For which symbol; `None` if taken whole.
    pub symbol: Option<NameId>,
    /// Bytes of its allocated sections.
    pub bytes: u64,
    /// Everyone with a non-weak undefined reference to one of its symbols, in link order; filled on
    /// demand.
    pub askers: Vec<(FileId, NameId)>,
}

/// One archive mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRow {
    /// The archive.
    pub archive: ArchiveId,
    /// Members in the link.
    pub taken: u32,
    /// Members left behind, in file order.
    pub left: Vec<FileId>,
    /// Bytes of the allocated sections of those: what `--whole-archive` would add.
    pub left_bytes: u64,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Members in the link.
    pub rows: Vec<MemberRow>,
    /// Archives in link order.
    pub archives: Vec<ArchiveRow>,
    /// `--start-lib` objects left behind.
    pub left_objects: Vec<FileId>,
}

/// Bytes of a file's allocated sections.
pub fn allocated_bytes(program: &Program<'_>, file: FileId) -> u64 {
    match &program.files[file].content {
        Content::Object(object) => (1..object.sections.len() as u32)
            .filter(|&i| object.sections.get(i as usize).is_some_and(|r| r.is_alloc()))
            .fold(0u64, |sum, i| sum.saturating_add(object.section_size(i))),
        Content::Binary(size) => *size,
        _ => 0,
    }
}

/// Collects the answer; `all` fills in all askers.
pub fn members(analysis: &Analysis<'_>, all: bool) -> Members {
    let program = &analysis.program;
    let first: HashMap<FileId, &Extraction, foldhash::fast::FixedState> =
        analysis.resolution.extractions.iter().rev().map(|e| (e.file, e)).collect();
    let mut order: Vec<FileId> =
        analysis.resolution.files.iter().copied().filter(|&f| is_lazy(program, f)).collect();
    let mut listed = fixedbitset::FixedBitSet::with_capacity(program.files.len());
    order.iter().for_each(|f| listed.insert(f.idx()));
    for file in program.file_ids() {
        // Members that entered the link without sections that count: bitcode, foreign objects.
        if is_lazy(program, file) && analysis.resolution.is_in_link(file) && !listed.contains(file.idx()) {
            order.push(file);
        }
    }
    let unasked = |f: &FileId| !first.contains_key(f) && !is_whole(program, *f);
    let mut askers = if all || order.iter().any(unasked) { all_askers(analysis) } else { HashMap::default() };
    let rows = order
        .iter()
        .map(|&file| {
            let found = askers.remove(&file).unwrap_or_default();
            let (reference, symbol) = match first.get(&file) {
                Some(extraction) => (reference(program, extraction), extraction.symbol),
                None if is_whole(program, file) => (Reference::Whole, None),
                None => match found.first() {
                    Some(&(asker, name)) => (Reference::File(asker), Some(name)),
                    None => (Reference::Option("<internal>".into()), None),
                },
            };
            let symbol = if reference == Reference::Whole { None } else { symbol };
            let bytes = allocated_bytes(program, file);
            MemberRow { file, reference, symbol, bytes, askers: if all { found } else { Vec::new() } }
        })
        .collect();
    let archives = program
        .archives
        .enumerate()
        .map(|(archive, input)| {
            let left: Vec<FileId> = input.members().filter(|&m| !analysis.resolution.is_in_link(m)).collect();
            let left_bytes =
                left.iter().fold(0u64, |sum, &m| sum.saturating_add(allocated_bytes(program, m)));
            ArchiveRow { archive, taken: input.count - left.len() as u32, left, left_bytes }
        })
        .collect();
    let left_objects = program
        .file_ids()
        .filter(|&f| {
            let input = &program.files[f];
            input.archive.is_none() && input.in_lib && !analysis.resolution.is_in_link(f)
        })
        .collect();
    Members { rows, archives, left_objects }
}

fn is_lazy(program: &Program<'_>, file: FileId) -> bool {
    let f = &program.files[file];
    f.archive.is_some() || f.in_lib
}

fn is_whole(program: &Program<'_>, file: FileId) -> bool {
    program.files[file].mode.whole_archive
}

fn reference(program: &Program<'_>, extraction: &Extraction) -> Reference {
    match &extraction.asker {
        Asker::File(file) => Reference::File(*file),
        Asker::Whole => Reference::Whole,
        Asker::Option(text) if !text.is_empty() => Reference::Option(text.clone()),
        Asker::Option(_) => Reference::Option(option_for(program, extraction.symbol)),
    }
}

/// Which option or script construct names a symbol, where the linker's own report is silent.
fn option_for(program: &Program<'_>, symbol: Option<NameId>) -> String {
    let Some(name) = symbol.map(|s| program.name(s)) else { return "<internal>".into() };
    let plan = program.plan;
    if let Some((_, kind)) = plan.demands.iter().find(|(n, _)| n == name) {
        let option = if *kind == DemandKind::Require { "--require-defined" } else { "-u" };
        return option.into();
    }
    if crate::resolve::externs(program).iter().any(|&n| program.name(n) == name) {
        return "EXTERN".into();
    }
    if plan.entry.as_ref().is_some_and(|e| e == name)
        || crate::resolve::bfd_entry_name(program).is_some_and(|e| e == name)
    {
        return "--entry".into();
    }
    "<internal>".into()
}

type Askers = HashMap<FileId, Vec<(FileId, NameId)>, foldhash::fast::FixedState>;

/// Non-weak undefined references of every file of the link to definitions in lazy files.
fn all_askers(analysis: &Analysis<'_>) -> Askers {
    let program = &analysis.program;
    let mut out = Askers::default();
    let mut note = |asker: FileId, name: NameId| {
        let definition = analysis.resolution.definitions[name];
        if definition.kind == crate::resolve::DefKind::Assigned
            || definition.file.idx() >= program.files.len()
        {
            return;
        }
        let member = definition.file;
        if member != asker && is_lazy(program, member) && analysis.resolution.is_in_link(member) {
            let list = out.entry(member).or_default();
            if list.last() != Some(&(asker, name)) {
                list.push((asker, name));
            }
        }
    };
    for file in program.file_ids() {
        if !analysis.resolution.is_in_link(file) {
            continue;
        }
        let f = &program.files[file];
        match &f.content {
            Content::Object(object) => {
                for (offset, &name) in f.names.iter().enumerate() {
                    let Some(symbol) = object.symbol(object.first_global + offset as u32) else { continue };
                    if symbol.place == Place::Undefined && symbol.bind != STB_WEAK {
                        note(file, name);
                    }
                }
            }
            Content::Shared(library) => {
                for (symbol, &name) in library.symbols.iter().zip(&f.names) {
                    if !symbol.defined && !symbol.weak && symbol.visibility == STV_DEFAULT {
                        note(file, name);
                    }
                }
            }
            _ => {}
        }
    }
    out
}

//! Sections whose fate differs between linkers (`gc --compare`), with the rule that decides.
//!
//! In: the same link analysed under several profiles. Out: [`Comparison`]. Files are matched by path,
//! member and number of mention, sections by index. Whether a section stays or goes is compared, not
//! the name of its fate.

use hashbrown::HashMap;

use super::Analysis;
use super::fate::{self, Fate};
use crate::graph::RootKind;
use crate::ids::{FileId, Id, SectionId, Table};
use crate::load::elf::consts::*;
use crate::program::{Content, Program};

/// A section that the linkers treat differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The section in the first analysis.
    pub section: SectionId,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its fate per analysis.
    pub fates: Vec<Fate>,
    /// The rule that decides, as far as it can be told.
    pub rule: &'static str,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Differing sections, in the first analysis' link order.
    pub differences: Vec<Difference>,
    /// Sections that were compared.
    pub compared: u64,
}

/// Path without `./`, member, and which mention of the two.
type FileKey<'d> = (&'d [u8], &'d [u8], u32);

fn keys<'d>(program: &Program<'d>) -> Vec<FileKey<'d>> {
    let mut seen: HashMap<(&[u8], &[u8]), u32, foldhash::fast::FixedState> = HashMap::default();
    let mut out = Vec::with_capacity(program.files.len());
    for f in program.files.iter() {
        let mut path = f.path;
        while let Some(rest) = path.strip_prefix(b"./") {
            path = rest;
        }
        let count = seen.entry((path, f.member)).or_insert(0);
        out.push((path, f.member, *count));
        *count += 1;
    }
    out
}

/// Compares analyses of one link.
pub fn compare(analyses: &[&Analysis<'_>]) -> Comparison {
    let mut out = Comparison::default();
    let Some((first, others)) = analyses.split_first() else { return out };
    let fates: Vec<Table<SectionId, Fate>> = analyses.iter().map(|a| fate::fates(a)).collect();
    let maps: Vec<HashMap<FileKey<'_>, FileId, foldhash::fast::FixedState>> = others
        .iter()
        .map(|a| keys(&a.program).into_iter().enumerate().map(|(i, k)| (k, FileId::from_usize(i))).collect())
        .collect();
    for (number, key) in keys(&first.program).iter().enumerate() {
        let file = FileId::from_usize(number);
        let counterparts: Vec<Option<FileId>> = maps.iter().map(|m| m.get(key).copied()).collect();
        for section in first.program.sections_of(file).skip(1) {
            // A marker that every linker reads and consumes.
            if first.program.section_name(section) == b".note.GNU-stack" {
                continue;
            }
            let index = section.0 - first.program.files[file].section_base;
            let mut row = vec![fates[0][section]];
            let mut ids = vec![Some(section)];
            for (other, counterpart) in counterparts.iter().enumerate() {
                let id = counterpart.and_then(|f| {
                    let input = &others[other].program.files[f];
                    (index < input.section_count()).then(|| input.section_id(index))
                });
                row.push(id.map_or(Fate::NotExtracted, |id| fates[other + 1][id]));
                ids.push(id);
            }
            out.compared += 1;
            // Tables of the object format have no fate of their own: they come and go with the file.
            let tables = row.contains(&Fate::NotACandidate) && !row.contains(&Fate::Kept);
            if tables || row.iter().all(|f| f.stays() == row[0].stays()) {
                continue;
            }
            let bytes = first.program.section_size(section);
            let rule = rule(analyses, &ids, &row);
            out.differences.push(Difference { section, bytes, fates: row, rule });
        }
    }
    out
}

/// The rule by which a section stays in one linker and goes in another.
fn rule(analyses: &[&Analysis<'_>], ids: &[Option<SectionId>], fates: &[Fate]) -> &'static str {
    if fates.contains(&Fate::NotExtracted) {
        return "archive extraction";
    }
    let keepers = analyses.iter().zip(ids).zip(fates).filter(|(_, f)| f.stays());
    let mut class_only = None;
    for ((analysis, id), fate) in keepers {
        let Some(id) = *id else { continue };
        let root = analysis.roots.roots.iter().find(|r| r.node.0 == id.0);
        if let Some(root) = root {
            return root_rule(analysis, id, root.kind);
        }
        if *fate == Fate::NotACandidate {
            class_only = Some("not a node there");
        }
    }
    if fates.contains(&Fate::GroupDuplicate) {
        return "choice of the COMDAT copy";
    }
    if fates.contains(&Fate::Discarded) {
        return "discarded outright (SHF_EXCLUDE, stripped, /DISCARD/)";
    }
    let Some((analysis, Some(id))) = analyses.iter().zip(ids).next() else { return "" };
    by_facts(analysis, *id).or(class_only).unwrap_or("reached from another section that differs")
}

fn root_rule(analysis: &Analysis<'_>, id: SectionId, kind: RootKind) -> &'static str {
    match kind {
        RootKind::Entry => "entry symbol",
        RootKind::UndefinedOption => "-u",
        RootKind::RequireDefined => "--require-defined",
        RootKind::Extern => "EXTERN",
        RootKind::Keep => match facts(analysis, id) {
            Some((name, _)) if is_c_identifier(name) => "C identifier name",
            _ => "KEEP or the linker's list of kept names",
        },
        RootKind::Note => "note",
        RootKind::InitArray => "constructor table",
        RootKind::RetainFlag => "SHF_GNU_RETAIN (bfd wants the GNU OS ABI)",
        RootKind::DynamicExport => "dynamic export",
        RootKind::DsoReference => "referenced by a shared library",
        RootKind::ScriptReference => "named in a script expression",
        RootKind::StartStop => "start/stop name",
        RootKind::Unwind => "unwind data",
        RootKind::Opaque => "references that cannot be read",
    }
}

fn facts<'d>(analysis: &Analysis<'d>, id: SectionId) -> Option<(&'d [u8], crate::load::elf::SectionRow)> {
    let (file, index) = analysis.program.locate(id);
    let Content::Object(object) = &analysis.program.files[file].content else { return None };
    Some((object.section_name(index), *object.sections.get(index as usize)?))
}

/// The special structure that a section takes part in.
fn by_facts(analysis: &Analysis<'_>, id: SectionId) -> Option<&'static str> {
    let (name, row) = facts(analysis, id)?;
    Some(match row.kind {
        SHT_GROUP => "section group as a node",
        SHT_NOTE => "note",
        _ if row.flags & SHF_GNU_RETAIN != 0 => "SHF_GNU_RETAIN (bfd wants the GNU OS ABI)",
        _ if row.flags & SHF_LINK_ORDER != 0 || row.kind == SHT_ARM_EXIDX => "link order",
        _ if row.group != 0 => "section group",
        _ if is_c_identifier(name) => "start/stop reference to a C identifier name",
        _ if row.flags & SHF_MERGE != 0 => "mergeable section",
        SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY => "constructor table",
        _ if name == b".eh_frame" || name.starts_with(b".gcc_except_table") => "unwind data",
        _ if !row.is_alloc() => "non-allocated section",
        _ => return None,
    })
}

fn is_c_identifier(name: &[u8]) -> bool {
    name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

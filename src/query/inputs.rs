//! What the inputs of a link are (`doctor`): counts by kind, what cannot be read, the state of
//! archive indexes, and a second reader's opinion.
//!
//! In: an opened link and its analysis. Out: [`Inputs`]. Nothing here changes the analysis.

use rayon::prelude::*;

use super::Analysis;
use crate::ids::ArchiveId;
use crate::load::elf::Place;
use crate::load::elf::consts::*;
use crate::load::lto::Format;
use crate::load::{Item, OpenedLink, second};
use crate::program::{Content, Half, Opaque, Program};

/// Counts of what was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects on the command line.
    pub objects: u64,
    /// Objects in archives.
    pub members: u64,
    /// Shared libraries.
    pub shared_libraries: u64,
    /// Files given as plain data.
    pub binary_files: u64,
    /// Archives, and how many of them are thin.
    pub archives: u64,
    /// Thin archives.
    pub thin_archives: u64,
    /// Scripts.
    pub scripts: u64,
    /// Sections of all objects.
    pub sections: u64,
    /// Symbols of all objects.
    pub symbols: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// LLVM bitcode files.
    pub bitcode: u64,
    /// GCC slim LTO objects.
    pub slim_lto: u64,
    /// Objects that carry intermediate code beside machine code (GCC fat LTO, LLVM embedded).
    pub fat_lto: u64,
    /// Files whose intermediate code is what this linker reads.
    pub intermediate_read: u64,
    /// Files whose intermediate code has symbols that could not be read whole.
    pub approximate: u64,
    /// Files for another machine, class or byte order.
    pub foreign: u64,
    /// Files that are damaged, missing or no objects.
    pub unreadable: u64,
    /// Objects with a part that cannot be read.
    pub partly_unreadable: u64,
    /// Sections with SHF_COMPRESSED or a `.zdebug` name.
    pub compressed_sections: u64,
    /// Objects with CREL relocations.
    pub crel_objects: u64,
}

/// The state of one archive's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveState {
    /// The archive.
    pub archive: ArchiveId,
    /// Has an index.
    pub indexed: bool,
    /// Is taken whole.
    pub whole: bool,
    /// Index entries that name no member, or a member that does not define the symbol.
    pub wrong_entries: u64,
    /// Global definitions of members that the index does not list.
    pub missing_entries: u64,
}

impl ArchiveState {
    /// The index exists and does not describe the members.
    pub fn is_stale(&self) -> bool {
        self.indexed && (self.wrong_entries > 0 || self.missing_entries > 0)
    }
}

/// The second reader's opinion, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecondOpinion {
    /// Objects compared.
    pub objects: u64,
    /// Archives compared.
    pub archives: u64,
    /// Section headers compared.
    pub sections: u64,
    /// Symbols compared.
    pub symbols: u64,
    /// Relocations counted by both.
    pub relocations: u64,
    /// Archive members counted by both.
    pub members: u64,
    /// File and difference.
    pub differences: Vec<(String, String)>,
    /// What the second reader cannot do, and in how many files.
    pub gaps: Vec<(&'static str, u64)>,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Counts.
    pub counts: Counts,
    /// `e_machine` and number of objects, by machine.
    pub machines: Vec<(u16, u64)>,
    /// Archives in link order.
    pub archives: Vec<ArchiveState>,
    /// Second opinion.
    pub second: SecondOpinion,
}

/// Describes the inputs.
pub fn inputs(link: &OpenedLink, analysis: &Analysis<'_>) -> Inputs {
    let program = &analysis.program;
    let mut answer = Inputs::default();
    let counts = &mut answer.counts;
    counts.scripts = link.scripts.len() as u64;
    for f in program.files.iter() {
        counts.bytes = counts.bytes.saturating_add(f.bytes);
        if let Some(about) = &f.intermediate {
            match about.format {
                Format::Bitcode => counts.bitcode += 1,
                Format::GccSlim => counts.slim_lto += 1,
                Format::FatBitcode | Format::GccFat => counts.fat_lto += 1,
            }
            counts.intermediate_read += u64::from(about.half == Half::Intermediate);
            counts.approximate += u64::from(about.approximate.is_some());
            // A stand-in's sections and symbols are no input's.
            if f.is_stand_in() {
                continue;
            }
        }
        match &f.content {
            Content::Object(object) => {
                *(if f.archive.is_some() { &mut counts.members } else { &mut counts.objects }) += 1;
                counts.sections += object.sections.len().saturating_sub(1) as u64;
                counts.symbols += u64::from(object.symbol_count().saturating_sub(1));
                counts.partly_unreadable += u64::from(object.unreadable().next().is_some());
                let (mut crel, mut embedded) = (false, false);
                for (index, row) in object.sections.iter().enumerate() {
                    let name = object.section_name(index as u32);
                    let compressed = row.flags & SHF_COMPRESSED != 0 || name.starts_with(b".zdebug");
                    counts.compressed_sections += u64::from(compressed);
                    crel |= row.kind == SHT_CREL;
                    embedded |= name == b".llvmbc";
                }
                counts.crel_objects += u64::from(crel);
                counts.fat_lto += u64::from(embedded && f.intermediate.is_none());
                match answer.machines.iter_mut().find(|m| m.0 == object.machine) {
                    Some(machine) => machine.1 += 1,
                    None => answer.machines.push((object.machine, 1)),
                }
            }
            Content::Shared(_) => counts.shared_libraries += 1,
            Content::Binary(_) => counts.binary_files += 1,
            Content::Opaque(Opaque::Bitcode | Opaque::SlimLto) => {}
            Content::Opaque(Opaque::ForeignMachine) => counts.foreign += 1,
            Content::Opaque(
                Opaque::NotAnObject | Opaque::Damaged(_) | Opaque::DamagedLibrary(_) | Opaque::Missing(_),
            ) => {
                counts.unreadable += 1;
            }
        }
    }
    answer.machines.sort_unstable();
    counts.archives = program.archives.len() as u64;
    counts.thin_archives = program.archives.iter().filter(|a| a.thin).count() as u64;
    answer.archives = program.archives.ids().map(|a| archive_state(program, a)).collect();
    answer.second = second_opinion(link, program);
    answer
}

fn archive_state(program: &Program<'_>, id: ArchiveId) -> ArchiveState {
    let archive = &program.archives[id];
    let mut state = ArchiveState {
        archive: id,
        indexed: archive.index.is_some(),
        whole: archive.mode.whole_archive,
        wrong_entries: 0,
        missing_entries: 0,
    };
    let Some(index) = &archive.index else { return state };
    let mut listed: Vec<(u32, u32)> = Vec::with_capacity(index.len());
    for &(name, member) in index {
        match member {
            None => state.wrong_entries += 1,
            Some(member) => listed.push((member.0, name.0)),
        }
    }
    listed.sort_unstable();
    let mut defined: Vec<(u32, u32)> = Vec::with_capacity(listed.len());
    for member in archive.members() {
        let f = &program.files[member];
        // The index may list what intermediate code defines, though the linker reads the other half.
        let other_half = f.intermediate.as_ref().is_some_and(|i| i.half != Half::Intermediate);
        if other_half {
            defined.extend(listed.iter().filter(|l| l.0 == member.0));
        }
        let Content::Object(object) = &f.content else {
            // What an unreadable member defines is unknown: its entries are taken as right.
            defined.extend(listed.iter().filter(|l| l.0 == member.0));
            continue;
        };
        for (offset, &name) in f.names.iter().enumerate() {
            let symbol = object.symbol(object.first_global + offset as u32);
            if symbol.is_some_and(|s| s.place != Place::Undefined && s.bind != STB_LOCAL && s.name != 0) {
                defined.push((member.0, name.0));
            }
        }
    }
    defined.sort_unstable();
    defined.dedup();
    state.wrong_entries += listed.iter().filter(|l| defined.binary_search(l).is_err()).count() as u64;
    state.missing_entries = defined.iter().filter(|d| listed.binary_search(d).is_err()).count() as u64;
    state
}

fn second_opinion(link: &OpenedLink, program: &Program<'_>) -> SecondOpinion {
    let files = program.files.as_slice();
    let checks: Vec<(String, second::Check)> = files
        .par_iter()
        .enumerate()
        .filter_map(|(number, f)| {
            let object = f.object().filter(|_| !f.is_stand_in())?;
            let label = program.label(crate::ids::FileId(number as u32));
            Some((label, second::object(object)))
        })
        .collect();
    let mut sum = SecondOpinion { objects: checks.len() as u64, ..SecondOpinion::default() };
    let mut seen = std::collections::BTreeSet::new();
    let archives = link.items.iter().filter_map(|item| match item {
        Item::Archive(number) => link.archives.get(*number),
        _ => None,
    });
    let archives: Vec<(String, second::Check)> = archives
        .filter(|a| seen.insert(a.file))
        .map(|a| (a.shown.to_string(), second::archive(link.store.bytes(a.file), a.thin)))
        .collect();
    sum.archives = archives.len() as u64;
    for (label, check) in checks.into_iter().chain(archives) {
        sum.sections += check.sections;
        sum.symbols += check.symbols;
        sum.relocations += check.relocations;
        sum.members += check.members;
        sum.differences.extend(check.differences.into_iter().map(|d| (label.clone(), d)));
        for gap in check.gaps {
            match sum.gaps.iter_mut().find(|g| g.0 == gap) {
                Some(found) => found.1 += 1,
                None => sum.gaps.push((gap, 1)),
            }
        }
    }
    sum
}

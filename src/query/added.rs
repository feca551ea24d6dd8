//! What `--whole-archive` would add to a link, symbol by symbol (`extract`).
//!
//! In: an analysis. Out: per archive the named functions and objects of the members left behind, each marked:
//! exported to modules, needed by such an export, or pure cost. Export tables themselves are not symbols
//! of the program and are left out.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Analysis;
use super::kernel::exports::records;
use crate::ids::{ArchiveId, FileId};
use crate::load::elf::consts::{
    STB_LOCAL, STT_COMMON, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, STT_OBJECT, STT_TLS,
};
use crate::load::elf::{Object, Place, Symbol};

/// One symbol that would join the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddedSymbol<'d> {
    /// Its name.
    pub name: &'d [u8],
    /// The member.
    pub file: FileId,
    /// `st_size` in bytes.
    pub bytes: u64,
    /// The kernel exports it to modules.
    pub exported: bool,
    /// The export of the archive that needs it; `None` for exports themselves and for pure cost.
    pub serves: Option<&'d [u8]>,
}

impl AddedSymbol<'_> {
    /// Neither exported nor needed by an export.
    pub fn is_pure_cost(&self) -> bool {
        !self.exported && self.serves.is_none()
    }
}

type Map<K, V> = HashMap<K, V, FixedState>;

/// Symbols of the members of an archive that are left behind, in member order, then in symbol table
/// order.
pub fn added<'d>(analysis: &Analysis<'d>, archive: ArchiveId, left: &[FileId]) -> Vec<AddedSymbol<'d>> {
    let program = &analysis.program;
    debug_assert!(left.iter().all(|&f| program.files[f].archive == Some(archive)));
    // Where left members define names.
    let mut defined: Map<&'d [u8], (FileId, u32)> = Map::default();
    let mut exported: Vec<(&'d [u8], FileId, u32)> = Vec::new();
    for &file in left {
        let Some(object) = program.files[file].object() else { continue };
        for index in object.first_global..object.symbol_count() {
            let Some(symbol) = object.symbol(index).filter(|s| s.place != Place::Undefined) else { continue };
            defined.entry(object.symbol_name(symbol.name)).or_insert((file, index));
        }
        for record in records::of_object(object).records {
            exported.push((record.name, file, record.target));
        }
    }
    // Exports whose target stands in another member (Rust) go by name.
    let mut targets: Map<(FileId, u32), &'d [u8]> = Map::default();
    for (name, file, target) in exported {
        let own = program.files[file].object().and_then(|o| o.symbol(target));
        let place = match own.filter(|s| target != 0 && s.place != Place::Undefined) {
            Some(_) => Some((file, target)),
            None => defined.get(name).copied(),
        };
        if let Some(place) = place {
            targets.entry(place).or_insert(name);
        }
    }
    let served = served(analysis, &targets, &defined);
    let mut out = Vec::new();
    for &file in left {
        let f = &program.files[file];
        let Some(object) = f.object() else { continue };
        for index in 1..object.symbol_count() {
            let Some(symbol) = object.symbol(index).filter(|s| is_named(object, s)) else { continue };
            let name = object.symbol_name(symbol.name);
            let exported = targets.contains_key(&(file, index));
            let home = match symbol.place {
                Place::Section(section) => served.get(&(file, section)).copied(),
                _ => None,
            };
            let serves = if exported { None } else { home };
            out.push(AddedSymbol { name, file, bytes: symbol.size, exported, serves });
        }
    }
    out
}

/// Whether a symbol is a function or object of the program.
fn is_named(object: &Object<'_>, symbol: &Symbol) -> bool {
    let name = object.symbol_name(symbol.name);
    let kind = match symbol.kind {
        STT_FUNC | STT_OBJECT | STT_TLS | STT_GNU_IFUNC | STT_COMMON => true,
        // Code in assembly has no type.
        STT_NOTYPE => symbol.bind != STB_LOCAL,
        _ => false,
    };
    if !kind || name.is_empty() || name.starts_with(b".L") || name.starts_with(b"$") {
        return false;
    }
    match symbol.place {
        Place::Common => true,
        Place::Section(section) => {
            let own = object.section_name(section);
            let tables: [&[u8]; 6] =
                [b"___k", b"__ksymtab", b"__kcrctab", b"__kflagstab", b".export_symbol", b".discard"];
            object.sections.get(section as usize).is_some_and(|r| r.is_alloc())
                && !tables.iter().any(|t| own.starts_with(t))
        }
        Place::Undefined | Place::Absolute => false,
    }
}

/// Sections of left members that exports reach through relocations, with the export.
fn served<'d>(
    analysis: &Analysis<'d>,
    targets: &Map<(FileId, u32), &'d [u8]>,
    defined: &Map<&'d [u8], (FileId, u32)>,
) -> Map<(FileId, u32), &'d [u8]> {
    let program = &analysis.program;
    let mut starts: Vec<((FileId, u32), &'d [u8])> = targets.iter().map(|(k, v)| (*k, *v)).collect();
    starts.sort_unstable();
    let mut out: Map<(FileId, u32), &'d [u8]> = Map::default();
    let mut open: Vec<(FileId, u32, &'d [u8])> = Vec::new();
    let enter = |out: &mut Map<(FileId, u32), &'d [u8]>, file, section, export| {
        let fresh = !out.contains_key(&(file, section));
        if fresh {
            out.insert((file, section), export);
        }
        fresh
    };
    for ((file, symbol), export) in starts {
        let place = program.files[file].object().and_then(|o| o.symbol(symbol)).map(|s| s.place);
        if let Some(Place::Section(section)) = place
            && enter(&mut out, file, section, export)
        {
            open.push((file, section, export));
        }
    }
    while let Some((file, section, export)) = open.pop() {
        let Some(object) = program.files[file].object() else { continue };
        for table in object.reloc_sections(section) {
            let Ok(table) = object.reloc_table(table) else { continue };
            table.for_each(|_, reloc| {
                let Some(symbol) = object.symbol(reloc.symbol) else { return };
                let (home, found) = match symbol.place {
                    Place::Undefined => match defined.get(object.symbol_name(symbol.name)) {
                        Some(&(home, index)) => {
                            (home, program.files[home].object().and_then(|o| o.symbol(index)))
                        }
                        None => return,
                    },
                    _ => (file, Some(symbol)),
                };
                if let Some(Place::Section(next)) = found.map(|s| s.place)
                    && enter(&mut out, home, next, export)
                {
                    open.push((home, next, export));
                }
            });
        }
    }
    out
}

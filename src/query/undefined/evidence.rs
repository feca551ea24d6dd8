//! Where names stand in everything that was read, linked or not.
//!
//! In: names. Out: one [`Evidence`] per name. All symbol tables are walked once, in parallel.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rayon::prelude::*;

use crate::ids::{FileId, Id};
use crate::load::elf::Place;
use crate::load::elf::consts::{STB_LOCAL, STT_FILE, STT_SECTION};
use crate::program::{Content, Opaque, Program};
use crate::query::kernel::module::Module;

/// What is known of a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Files with a global or weak definition, in link order.
    pub(super) globals: Vec<FileId>,
    /// Files with a local definition.
    pub(super) locals: Vec<FileId>,
    /// Modules that define it globally.
    pub(super) module_globals: Vec<usize>,
    /// Modules with a local definition.
    pub(super) module_locals: Vec<usize>,
}

/// Looks all names up.
pub(super) fn collect<'n>(
    program: &Program<'_>,
    modules: &[Module<'_>],
    names: &[&'n [u8]],
) -> HashMap<&'n [u8], Evidence, FixedState> {
    let mut out: HashMap<&'n [u8], Evidence, FixedState> = HashMap::default();
    if names.is_empty() {
        return out;
    }
    let wanted: HashMap<&[u8], u32, FixedState> =
        names.iter().enumerate().map(|(at, name)| (*name, at as u32)).collect();
    // File by file: number of the name, and whether the definition is local.
    let found: Vec<Vec<(u32, bool)>> = program
        .files
        .as_slice()
        .par_iter()
        .with_min_len(16)
        .map(|f| {
            let Content::Object(object) = &f.content else { return Vec::new() };
            let mut own = Vec::new();
            for index in 1..object.symbol_count() {
                let Some(symbol) = object.symbol(index) else { continue };
                let idle = matches!(symbol.kind, STT_FILE | STT_SECTION) || symbol.name == 0;
                if idle || symbol.place == Place::Undefined {
                    continue;
                }
                if let Some(&at) = wanted.get(object.symbol_name(symbol.name)) {
                    own.push((at, symbol.bind == STB_LOCAL));
                }
            }
            own
        })
        .collect();
    let mut list: Vec<Evidence> = vec![Evidence::default(); names.len()];
    for (number, own) in found.into_iter().enumerate() {
        let file = FileId::from_usize(number);
        for (at, local) in own {
            let Some(evidence) = list.get_mut(at as usize) else { continue };
            let place = if local { &mut evidence.locals } else { &mut evidence.globals };
            if place.last() != Some(&file) {
                place.push(file);
            }
        }
    }
    for (name, mut evidence) in names.iter().zip(list) {
        for (at, module) in modules.iter().enumerate() {
            if module.defines.binary_search(name).is_ok() {
                evidence.module_globals.push(at);
            } else if module.locals.binary_search(name).is_ok() {
                evidence.module_locals.push(at);
            }
        }
        out.insert(*name, evidence);
    }
    out
}

/// An input that may define what is missing: one that cannot be read, in the link or in an archive.
pub(super) fn opaque_inputs(program: &Program<'_>) -> Vec<(FileId, String)> {
    let describe = |f: &Content<'_>| {
        Some(match f {
            Content::Opaque(Opaque::Bitcode) => "it is LLVM bitcode".to_string(),
            Content::Opaque(Opaque::SlimLto) => "it holds GCC's intermediate code only".to_string(),
            Content::Opaque(Opaque::NotAnObject) => "it is no object, or empty".to_string(),
            Content::Opaque(Opaque::Damaged(reason)) => format!("it cannot be read: {reason}"),
            Content::Opaque(Opaque::Missing(reason)) => format!("it cannot be opened: {reason}"),
            _ => return None,
        })
    };
    program.file_ids().filter_map(|file| Some((file, describe(&program.files[file].content)?))).collect()
}

//! Modules read from what was opened, all at once.
//!
//! In: opened modules. Out: [`Module`]s in the same order; a module without a licence is looked at more
//! closely, because modpost says the same of one whose parts it could not read.

use rayon::prelude::*;

use super::module::{self, Module};
use crate::load::modules::OpenedModules;

/// Reads all modules.
pub fn modules(opened: &OpenedModules) -> Vec<Module<'_>> {
    opened
        .modules
        .par_iter()
        .map(|file| {
            let mut module = Module::read(&file.shown, opened.bytes(file));
            if module.licences.is_empty() || module.unread.is_some() {
                for (name, bytes) in opened.parts(file) {
                    let bad = bytes.and_then(|b| module::object(&b).err());
                    module.bad_parts.extend(bad.map(|reason| (name, reason)));
                }
            }
            module
        })
        .collect()
}

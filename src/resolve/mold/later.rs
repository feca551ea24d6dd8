//! What mold 2.42 added to resolution (GS 12): `--undefined-glob`, and libraries that cannot give what
//! a hidden reference asks for.
//!
//! In: the ranks of a first round. Out: files to take, names to root, names that libraries do not
//! offer in the next round. Written from mold's sources (`mark_live_objects`, `resolve_symbols`).

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;

use super::Files;
use super::ranks::{Keys, Ranks};
use crate::ids::{FileId, NameId};
use crate::load::elf::consts::*;
use crate::plan::{DemandKind, Version};
use crate::program::Program;
use crate::script::glob::Pattern;

/// Whether these rules count.
pub(super) fn applies(program: &Program<'_>) -> bool {
    program.plan.profile.version >= Version(2, 42, 0)
}

/// Names that libraries do not offer.
#[derive(Debug, Default)]
pub(super) struct Skipped(BTreeSet<NameId>);

impl Skipped {
    pub(super) fn contains(&self, key: NameId) -> bool {
        self.0.contains(&key)
    }

    /// Adds the names that a library of the link won although an object of the link wants them
    /// hidden. Returns whether there are new ones.
    pub(super) fn add_hidden(
        &mut self,
        program: &Program<'_>,
        keys: &Keys,
        ranks: &Ranks,
        usable: &[FileId],
        live: &FixedBitSet,
    ) -> bool {
        let before = self.0.len();
        for &file in usable.iter().filter(|f| live.contains(f.idx())) {
            let input = &program.files[file];
            let Some(object) = input.object() else { continue };
            for (symbol, &name) in (object.first_global..).zip(&input.names) {
                let Some(entry) = object.symbol(symbol) else { break };
                if !matches!(entry.visibility, STV_HIDDEN | STV_INTERNAL) {
                    continue;
                }
                let key = keys.key(name, entry.shndx == SHN_UNDEF);
                let library = ranks.get(key).filter(|found| {
                    live.contains(found.file.idx())
                        && program.files.get(found.file).is_some_and(|f| f.shared().is_some())
                });
                if library.is_some() {
                    self.0.insert(key);
                }
            }
        }
        self.0.len() > before
    }
}

/// `--undefined-glob`: of every object that neither `-u` nor the like has reached, the first global
/// symbol that it defines, if a pattern matches the name. The file is taken and the name rooted.
pub(super) fn by_glob(
    program: &Program<'_>,
    keys: &Keys,
    ranks: &Ranks,
    files: &Files,
    live: &FixedBitSet,
) -> (Vec<(FileId, NameId)>, Vec<NameId>) {
    let patterns: Vec<Pattern> = program
        .plan
        .demands
        .iter()
        .filter(|(_, kind)| *kind == DemandKind::Glob)
        .filter_map(|(text, _)| Pattern::lld(text, false).ok())
        .collect();
    let (mut taken, mut roots) = (Vec::new(), Vec::new());
    if patterns.is_empty() {
        return (taken, roots);
    }
    for &file in &files.usable {
        let input = &program.files[file];
        let Some(object) = input.object() else { continue };
        // Files named on the line are reached only after this.
        if live.contains(file.idx()) && !files.start.contains(file.idx()) {
            continue;
        }
        for (symbol, &name) in (object.first_global..).zip(&input.names) {
            let Some(entry) = object.symbol(symbol) else { break };
            let key = keys.key(name, entry.shndx == SHN_UNDEF);
            let own = ranks.get(key).is_some_and(|found| found.file == file);
            if own && patterns.iter().any(|p| p.matches(program.name(key))) {
                taken.push((file, key));
                roots.push(key);
                break;
            }
        }
    }
    (taken, roots)
}

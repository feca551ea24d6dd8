//! Which symbols mold exports, and so roots (GS 4.5; mold `apply_version_script`,
//! `parse_symbol_version`, `compute_import_export`).
//!
//! In: resolution and the plan's version scripts, dynamic lists and export options. Out: one root
//! per exported symbol that has a node, in file order.

use rayon::prelude::*;

use super::versions::{GLOBAL, LOCAL, Versions};
use crate::graph::{NO_NODE, RootKind, RootSet};
use crate::ids::{FileId, Id, NameId, NodeId};
use crate::load::elf::consts::*;
use crate::plan::OutputKind;
use crate::program::Program;
use crate::resolve::{DefKind, Resolution};

/// One exported symbol.
struct Export {
    file: FileId,
    symbol: u32,
    name: NameId,
    kind: RootKind,
}

/// Adds the roots.
pub(super) fn add_roots(
    program: &Program<'_>,
    resolution: &Resolution,
    targets: &[u32],
    roots: &mut RootSet,
) {
    let versions = Versions::new(program);
    let shared = program.plan.output_kind == OutputKind::Shared;
    if versions.exports_nothing() && resolution.dynamic_reference.is_clear() {
        return;
    }
    let assigned = versions.of_symbol_names(program, resolution, shared);
    let mut exports: Vec<Export> = resolution
        .definitions
        .as_slice()
        .par_iter()
        .enumerate()
        .with_min_len(4096)
        .filter_map(|(number, definition)| {
            let in_object = definition.is_regular() || definition.kind == DefKind::Common;
            if !in_object || targets.get(number).is_none_or(|t| *t == NO_NODE) {
                return None;
            }
            let name = NameId::from_usize(number);
            if matches!(resolution.visibility[name], STV_HIDDEN | STV_INTERNAL) || is_alias(program, name) {
                return None;
            }
            let version = assigned
                .binary_search_by_key(&name, |entry| entry.0)
                .ok()
                .and_then(|at| assigned.get(at))
                .map_or_else(|| versions.of(program, name), |entry| entry.1);
            let referenced = !shared && resolution.dynamic_reference.contains(number);
            let kind = if version != LOCAL {
                RootKind::DynamicExport
            } else if referenced && !versions.default_from_script {
                RootKind::DsoReference
            } else {
                return None;
            };
            Some(Export { file: definition.file, symbol: definition.symbol, name, kind })
        })
        .collect();
    exports.sort_by_key(|e| (e.file, e.symbol));
    for export in exports {
        if let Some(&target) = targets.get(export.name.idx()) {
            roots.add(NodeId(target), export.kind, Some(export.name));
        }
    }
}

/// `foo@@V`: its key `foo` speaks for it.
fn is_alias(program: &Program<'_>, name: NameId) -> bool {
    let text = program.name(name);
    text.iter()
        .position(|&b| b == b'@')
        .is_some_and(|at| text[at..].starts_with(b"@@") && text.len() > at + 2)
}

/// Whether a default version exports.
pub(super) fn default_version(shared: bool, export_dynamic: bool) -> u16 {
    if shared || export_dynamic { GLOBAL } else { LOCAL }
}

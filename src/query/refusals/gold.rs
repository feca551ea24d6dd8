//! Relocations that gold refuses in position independent output ("recompile with -fPIC"), as far as
//! inputs alone tell: x86-64 (`Target_x86_64::Scan::check_non_pic`, `needs_dynamic_reloc`).

use rayon::prelude::*;

use crate::demangle;
use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{FileId, Id, NameId, NodeId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::plan::{OutputKind, Symbolic};
use crate::program::Content;
use crate::query::Analysis;
use crate::resolve::DefKind;
use crate::script::versionmatch::Scope;

/// The reasons, the first of every section, in file order.
pub(super) fn refusals(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let program = &analysis.program;
    let plan = program.plan;
    let mut out = Vec::new();
    let shared = plan.output_kind == OutputKind::Shared;
    if analysis.resolution.stopped
        || !(shared || plan.output_kind == OutputKind::Pie)
        || program.target.is_none_or(|t| t.machine != EM_X86_64 || !t.is_64)
    {
        return out;
    }
    // By name: refused when absolute, when relative.
    let by_name: Vec<(bool, bool)> = (0..program.names.len())
        .into_par_iter()
        .with_min_len(4096)
        .map(|number| {
            let name = Some(NameId::from_usize(number));
            let refused = |kind| is_refused(analysis, shared, kind, name);
            (refused(ABSOLUTE[0]), refused(RELATIVE[0]))
        })
        .collect();
    let of_file = |&file: &FileId| -> Vec<Diagnostic> {
        let mut out = Vec::new();
        let input = &program.files[file];
        let Content::Object(object) = &input.content else { return out };
        for index in 1..object.sections.len() as u32 {
            let id = input.section_id(index);
            let row = object.sections[index as usize];
            let kept = analysis.graph.class[id] == Class::Node
                && (plan.gc_sections != Some(true) || analysis.liveness.is_live(NodeId(id.0)));
            if row.reloc == 0 || !row.is_alloc() || !kept || analysis.resolution.is_lost(id) {
                continue;
            }
            let mut bad = None;
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                table.for_each(|_, reloc| {
                    let refused = match reloc.kind {
                        23 => shared,
                        kind if ABSOLUTE.contains(&kind) || RELATIVE.contains(&kind) => {
                            let absolute = ABSOLUTE.contains(&kind);
                            match meant(analysis, file, object, reloc.symbol) {
                                None => absolute,
                                Some(name) if absolute => by_name[name.idx()].0,
                                Some(name) => by_name[name.idx()].1,
                            }
                        }
                        _ => false,
                    };
                    if bad.is_none() && refused {
                        bad = Some(reloc.kind);
                    }
                });
            }
            if let Some(kind) = bad {
                let from = String::from_utf8_lossy(object.section_name(index)).into_owned();
                let message = format!("relocation of type {kind} in position independent output");
                let subject = format!("{}:({from})", program.label(file));
                out.push(Diagnostic::new(Severity::Error, subject, message));
            }
        }
        out
    };
    let lists: Vec<Vec<Diagnostic>> =
        analysis.resolution.files.par_iter().with_max_len(16).map(of_file).collect();
    out.extend(lists.into_iter().flatten());
    out
}

/// R_X86_64_8, _16, _32, _32S.
const ABSOLUTE: [u32; 4] = [14, 12, 10, 11];
/// The place-relative ones of all widths.
const RELATIVE: [u32; 4] = [15, 13, 2, 24];

/// The name that a file's global symbol means.
fn meant(analysis: &Analysis<'_>, file: FileId, object: &Object<'_>, symbol: u32) -> Option<NameId> {
    let name = analysis.program.files[file].global_name(symbol)?;
    let wraps = &analysis.resolution.wraps;
    if wraps.is_empty() {
        return Some(name);
    }
    match object.symbol(symbol).map(|s| s.place) {
        Some(Place::Undefined) => Some(wraps.by_first(name)),
        _ => Some(name),
    }
}

fn is_refused(analysis: &Analysis<'_>, shared: bool, kind: u32, name: Option<NameId>) -> bool {
    let absolute = ABSOLUTE.contains(&kind);
    let Some(name) = name else { return absolute };
    let definition = analysis.resolution.definitions[name];
    let object = analysis.program.files.get(definition.file).and_then(|f| f.object());
    let symbol = object.and_then(|o| o.symbol(definition.symbol));
    match definition.kind {
        DefKind::Undefined | DefKind::UndefinedWeak => {
            let text = analysis.program.name(name);
            shared && !text.starts_with(b"__start_") && !text.starts_with(b"__stop_")
        }
        DefKind::Shared => absolute || shared,
        DefKind::Common => absolute || is_preemptible(analysis, shared, name),
        DefKind::Strong | DefKind::Weak => match symbol {
            Some(s) if !matches!(s.place, Place::Section(_)) || s.kind == STT_GNU_IFUNC => false,
            Some(_) => absolute || is_preemptible(analysis, shared, name),
            None => false,
        },
        _ => false,
    }
}

/// gold `Symbol::is_preemptible` for definitions of objects.
fn is_preemptible(analysis: &Analysis<'_>, shared: bool, name: NameId) -> bool {
    let program = &analysis.program;
    let text = program.name(name);
    let local = program.controls.versions.as_ref().is_some_and(|versions| {
        let found = versions.classify(text, demangle::cxx(text).as_deref());
        found.is_some_and(|c| c.scope == Scope::Local)
    });
    shared
        && analysis.resolution.visibility[name] == STV_DEFAULT
        && program.plan.symbolic == Symbolic::None
        && program.controls.dynamic_list.is_none()
        && !local
}

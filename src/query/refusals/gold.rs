//! Relocations that gold refuses in position independent output ("recompile with -fPIC"), as far as
//! inputs alone tell: x86-64 (`Target_x86_64::Scan::check_non_pic`, `needs_dynamic_reloc`).

use crate::demangle;
use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{NameId, NodeId};
use crate::load::elf::Place;
use crate::load::elf::consts::*;
use crate::plan::{OutputKind, Symbolic};
use crate::program::Content;
use crate::query::Analysis;
use crate::resolve::{DefKind, referenced};
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
    for &file in &analysis.resolution.files {
        let input = &program.files[file];
        let Content::Object(object) = &input.content else { continue };
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
                    let place = object.symbol(reloc.symbol).map(|s| s.place);
                    let global = (reloc.symbol >= object.first_global)
                        .then(|| input.global_name(reloc.symbol))
                        .flatten()
                        .map(|name| match place {
                            Some(Place::Undefined) => referenced(&analysis.resolution.wraps, name),
                            _ => name,
                        });
                    if bad.is_none() && is_refused(analysis, shared, reloc.kind, global) {
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
    }
    out
}

fn is_refused(analysis: &Analysis<'_>, shared: bool, kind: u32, name: Option<NameId>) -> bool {
    // R_X86_64_8, _16, _32, _32S; the place-relative ones of all widths; TPOFF32.
    let absolute = matches!(kind, 14 | 12 | 10 | 11);
    let relative = matches!(kind, 15 | 13 | 2 | 24);
    if kind == 23 {
        return shared;
    }
    if !absolute && !relative {
        return false;
    }
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

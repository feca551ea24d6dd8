//! Relocations that GNU ld refuses in position independent output or against a library's symbol
//! ("recompile with -fPIC"), as far as inputs alone tell: x86-64.
//!
//! Follows `elf_x86_64_scan_relocs` and the place-relative part of `elf_x86_64_relocate_section`. Values
//! that do not fit are left out.

use super::{error, in_references};
use crate::demangle;
use crate::error::Diagnostic;
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::plan::{OutputKind, Symbolic};
use crate::query::Analysis;
use crate::resolve::DefKind;
use crate::script::versionmatch::Scope;

const R_8: u32 = 14;
const R_16: u32 = 12;
const R_32: u32 = 10;
const R_32S: u32 = 11;
const R_PC8: u32 = 15;
const R_PC16: u32 = 13;
const R_PC32: u32 = 2;
const R_TPOFF32: u32 = 23;

/// Adds the first such relocation of every section.
pub(super) fn refusals(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let program = &analysis.program;
    let plan = program.plan;
    let Some(target) = program.target.filter(|t| t.machine == EM_X86_64) else { return };
    let shared = plan.output_kind == OutputKind::Shared;
    let pic = shared || plan.output_kind == OutputKind::Pie;
    if !pic && analysis.resolution.needed_libraries.is_clear() {
        return;
    }
    let allocated = |_, object: &Object<'_>, section: u32| object.sections[section as usize].is_alloc();
    let found = in_references(
        analysis,
        allocated,
        |_, _| None,
        |file, object, section, reloc| {
            let row = object.sections[section as usize];
            let writable = row.flags & SHF_WRITE != 0;
            let absolute =
                matches!(reloc.kind, R_8 | R_16 | R_32 | R_32S) && (reloc.kind != R_32 || target.is_64);
            let relative = matches!(reloc.kind, R_PC8 | R_PC16 | R_PC32) && shared && !writable;
            let thread_local = reloc.kind == R_TPOFF32 && shared && target.is_64;
            if !(absolute || relative || thread_local) {
                return None;
            }
            let place = object.symbol(reloc.symbol).map(|s| s.place);
            let name =
                program.files[file].global_name(reloc.symbol).filter(|_| reloc.symbol >= object.first_global);
            let name = name.map(|name| match place {
                Some(Place::Undefined) => analysis.resolution.wraps.by_first(name),
                _ => name,
            });
            let kind = name.map(|name| analysis.resolution.definitions[name].kind);
            let from_library = kind == Some(DefKind::Shared);
            let refused = thread_local
                || (absolute && !plan.no_reloc_overflow && (pic || (from_library && writable)))
                || (relative && name.is_some_and(|name| is_preemptible(analysis, name)));
            refused.then_some((file, section, reloc.kind, name))
        },
    );
    let mut last = None;
    for (file, section, kind, name) in found {
        if last.replace((file, section)) == Some((file, section)) {
            continue;
        }
        let section = program.files[file].section_id(section);
        let from = String::from_utf8_lossy(program.section_name(section)).into_owned();
        let what = match name {
            Some(name) => String::from_utf8_lossy(program.name(name)).into_owned(),
            None => "a local symbol".to_string(),
        };
        let message = format!("relocation of type {kind} against {what} in position independent output");
        out.push(error(format!("{}:({from})", program.label(file)), message));
    }
}

/// Whether a shared library's name may mean another object's symbol at run time. Where bfd's answer
/// depends on more than names (`-Bsymbolic`, dynamic lists, names of scripts), no.
fn is_preemptible(analysis: &Analysis<'_>, name: crate::ids::NameId) -> bool {
    let program = &analysis.program;
    let plan = program.plan;
    if matches!(analysis.resolution.visibility[name], STV_HIDDEN | STV_INTERNAL | STV_PROTECTED) {
        return false;
    }
    let definition = analysis.resolution.definitions[name];
    match definition.kind {
        DefKind::Shared => true,
        DefKind::Undefined | DefKind::UndefinedWeak => {
            !analysis.resolution.start_stop.iter().any(|(n, _)| *n == name)
                && !super::is_provided(analysis, program.name(name))
        }
        DefKind::Strong | DefKind::Weak | DefKind::Common => {
            let listed = program.controls.dynamic_list.is_some() || program.controls.export_list.is_some();
            let object = program.files.get(definition.file).and_then(|f| f.object());
            let symbol = object.and_then(|o| o.symbol(definition.symbol));
            let text = program.name(name);
            let hidden = program.controls.versions.as_ref().is_some_and(|versions| {
                let found = versions.classify(text, demangle::cxx(text).as_deref());
                found.is_some_and(|c| c.scope == Scope::Local)
            });
            plan.symbolic == Symbolic::None
                && !listed
                && !hidden
                && symbol.is_some_and(|s| s.kind != STT_GNU_IFUNC)
        }
        _ => false,
    }
}

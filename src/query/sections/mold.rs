//! mold 1.10: output sections by name, type and flags; merged sections; what it adds.
//!
//! Sources: mold `get_output_section_key`, `MergedSection::get_instance`, `create_synthetic_sections`,
//! `combine_objects`, `compute_section_headers`, `sort_output_sections_regular`.

use bstr::ByteSlice;

use super::options;
use super::outputs::{Built, Collector, Input, Made, View};
use crate::load::elf::consts::*;
use crate::plan::OutputKind;

/// Predicts the output.
pub(super) fn build(view: &View<'_, '_>) -> Built {
    let plan = view.plan();
    let relocatable = view.is_relocatable();
    let mut all = Collector::new(view);
    for input in view.inputs() {
        if input.name == b".note.GNU-stack" {
            continue;
        }
        if input.name == b".note.gnu.property" && !relocatable {
            continue;
        }
        if is_merged(&input) {
            let name = merged_name(&input, relocatable);
            let key = key(input.kind, input.flags & !(SHF_GROUP | SHF_COMPRESSED), true);
            let number = all.find_or_make(name, key, Made::Rule);
            all.put(number, &input);
            if let Some(output) = all.outputs.get_mut(number as usize) {
                output.relocated = false;
            }
            continue;
        }
        let Some(name) = view.placement.output_of(input.section) else { continue };
        let kind = canonical_kind(name.as_bytes(), input.kind);
        let mut flags = input.flags & !SHF_COMPRESSED;
        if !relocatable {
            flags &= !(SHF_GROUP | SHF_GNU_RETAIN);
        }
        if matches!(kind, SHT_INIT_ARRAY | SHT_FINI_ARRAY) {
            flags |= SHF_WRITE;
        }
        // `.eh_frame` is rebuilt from its records.
        let key = if name == ".eh_frame" { u64::MAX } else { key(kind, flags, false) };
        let number = all.find_or_make(name, key, Made::Rule);
        all.put(number, &input);
    }
    let needs = view.needs();
    if relocatable && view.any_has(b".note.GNU-stack") {
        all.linker(".note.GNU-stack", SHT_PROGBITS, 0);
    }
    if !relocatable {
        add_own(view, &mut all, &needs);
    } else if !all.outputs.iter().any(|o| o.name == ".comment" && o.flags & SHF_MERGE != 0) {
        all.make(b".comment", None, Made::Linker);
    }
    let groups = view.groups(true);
    let mut built = Built::new(view, all, groups, super::LIMIT);
    built.estimated = !needs.known && !relocatable;
    if plan.output_kind == OutputKind::Shared || plan.output_kind == OutputKind::Pie {
        let order = order(&built);
        built.count_beyond(view, &order, 1);
    }
    built
}

fn is_merged(input: &Input<'_>) -> bool {
    input.flags & SHF_MERGE != 0 && input.entsize > 0 && input.size > 0 && !input.relocated
}

fn merged_name<'d>(input: &Input<'d>, relocatable: bool) -> &'d [u8] {
    let rodata = input.name == b".rodata" || input.name.starts_with(b".rodata.");
    match (relocatable || !rodata, input.flags & SHF_STRINGS != 0) {
        (true, _) => input.name,
        (false, true) => b".rodata.str",
        (false, false) => b".rodata.cst",
    }
}

fn key(kind: u32, flags: u32, merged: bool) -> u64 {
    u64::from(kind) << 32 | u64::from(flags) ^ (u64::from(merged) << 63)
}

fn canonical_kind(name: &[u8], kind: u32) -> u32 {
    match kind {
        SHT_PROGBITS if name == b".init_array" || name.starts_with(b".init_array.") => SHT_INIT_ARRAY,
        SHT_PROGBITS if name == b".fini_array" || name.starts_with(b".fini_array.") => SHT_FINI_ARRAY,
        SHT_X86_64_UNWIND => SHT_PROGBITS,
        kind => kind,
    }
}

fn add_own(view: &View<'_, '_>, all: &mut Collector, needs: &super::needs::Needs) {
    let plan = view.plan();
    let pic = matches!(plan.output_kind, OutputKind::Shared | OutputKind::Pie);
    let dynamic = pic || view.has_libraries();
    let (sysv, gnu) = options::hash_styles(plan);
    let tags = view.program().controls.version_tags.iter().any(|t| !t.is_empty());
    let executable = plan.output_kind != OutputKind::Shared;
    let (commons, tls) = view.commons();
    let padding = !options::z(plan, "norelro");
    let ro = SHF_ALLOC;
    let rw = SHF_ALLOC | SHF_WRITE;
    let x86 = needs.known;
    let list: [(bool, &'static str, u32); 24] = [
        (executable && options::dynamic_linker(plan), ".interp", ro),
        (dynamic && sysv, ".hash", ro),
        (dynamic && gnu, ".gnu.hash", ro),
        (dynamic, ".dynsym", ro),
        (dynamic, ".dynstr", ro),
        (dynamic && (needs.needs_versions || tags), ".gnu.version", ro),
        (dynamic && needs.needs_versions, ".gnu.version_r", ro),
        (dynamic && tags, ".gnu.version_d", ro),
        ((needs.dynamic && dynamic) || needs.iplt, ".rela.dyn", ro),
        (needs.plt(), ".rela.plt", ro),
        (options::eh_frame_hdr(plan, true), ".eh_frame_hdr", ro),
        (needs.lazy(), ".plt", ro | SHF_EXECINSTR),
        (needs.plt_got || needs.iplt, ".plt.got", ro | SHF_EXECINSTR),
        (dynamic, ".dynamic", rw),
        (true, ".got", rw),
        (padding, ".relro_padding", rw),
        (x86, ".got.plt", rw),
        (needs.copy, ".copyrel", rw),
        (commons, ".common", rw),
        (tls, ".tls_common", rw),
        (options::build_id(plan), ".note.gnu.build-id", ro),
        (options::relr(plan) && needs.relative, ".relr.dyn", ro),
        (view.all_have(b".note.gnu.property"), ".note.gnu.property", ro),
        (true, ".comment", 0),
    ];
    for (wanted, name, flags) in list {
        if wanted {
            all.linker(name, SHT_PROGBITS, flags);
        }
    }
}

/// Numbers of output sections in file order, as far as kinds decide it.
fn order(built: &Built) -> Vec<u32> {
    let mut keyed: Vec<(u32, u32)> = Vec::with_capacity(built.outputs.len());
    for (number, output) in (0u32..).zip(&built.outputs) {
        let (flags, name): (u32, &[u8]) = (output.flags, &output.name);
        let front = [&b".interp"[..], b".hash", b".gnu.hash", b".dynsym", b".dynstr", b".gnu.version"]
            .iter()
            .chain(&[&b".gnu.version_r"[..], b".rela.dyn", b".rela.plt"])
            .any(|n| *n == name);
        let rank = if front {
            0
        } else {
            1 << 10
                | u32::from(flags & SHF_ALLOC == 0) << 9
                | u32::from(flags & SHF_WRITE != 0) << 8
                | u32::from(flags & SHF_EXECINSTR != 0) << 7
                | u32::from(flags & SHF_TLS == 0) << 6
                | u32::from(output.kind == SHT_NOBITS) << 4
        };
        keyed.push((rank, number));
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|k| k.1).collect()
}

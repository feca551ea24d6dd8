//! GNU gold: output sections by name, type and flags; what it adds.
//!
//! Sources: gold `Layout::layout`, `Layout::choose_output_section`, `Layout::get_output_section`,
//! `Layout::finalize`, `Target_x86_64`.

use super::options;
use super::outputs::{Built, Collector, Input, Made, View};
use crate::load::elf::consts::*;
use crate::plan::{OutputKind, Strip};
use crate::query::place::Spot;

const SHF_INFO_LINK: u32 = 0x40;

/// Predicts the output.
pub(super) fn build(view: &View<'_, '_>) -> Built {
    let plan = view.plan();
    let relocatable = view.is_relocatable();
    let mut all = Collector::new(view);
    for input in view.inputs() {
        if input.name == b".gnu_debuglink"
            || input.name == b".note.GNU-stack"
            || (input.name == b".note.gnu.property" && !relocatable)
        {
            continue;
        }
        if plan.strip != Strip::None && is_debug(&input) {
            continue;
        }
        let number = match view.placement.output_of(input.section) {
            Some(name) if relocatable && input.in_group => all.make(name, None, Made::Rule),
            Some(name) => match input.spot {
                Spot::Statement(_) => all.find_or_make(name, u64::MAX, Made::Statement),
                _ => all.find_or_make(name, key(view, &input, relocatable), made(input.spot)),
            },
            None => continue,
        };
        all.put(number, &input);
    }
    let needs = view.needs();
    if relocatable && view.any_has(b".note.GNU-stack") {
        all.linker(".note.GNU-stack", SHT_PROGBITS, 0);
    }
    if !relocatable {
        add_own(view, &mut all, &needs);
    }
    let groups = view.groups(false);
    let mut built = Built::new(view, all, groups, super::LIMIT + 3);
    built.estimated = !needs.known && !relocatable;
    let dynamic = plan.output_kind != OutputKind::Executable || view.has_libraries();
    if !relocatable && dynamic && built.headers() >= super::LIMIT {
        // `.dynsym_shndx`: gold writes one, though nobody reads it.
        built.tables += 1;
    }
    built
}

/// What `-S` and `-s` strip (gold `is_debug_info_section`).
fn is_debug(input: &Input<'_>) -> bool {
    const FRONTS: [&[u8]; 5] = [b".debug", b".zdebug", b".gnu.linkonce.wi.", b".line", b".stab"];
    input.kind == SHT_PROGBITS
        && input.flags & SHF_ALLOC == 0
        && FRONTS.iter().any(|f| input.name.starts_with(f))
}

fn made(spot: Spot) -> Made {
    if matches!(spot, Spot::Orphan(_)) { Made::Orphan } else { Made::Rule }
}

/// Type and flags that keep sections of one name apart.
fn key(view: &View<'_, '_>, input: &Input<'_>, relocatable: bool) -> u64 {
    let mut flags = input.flags
        & !(SHF_INFO_LINK | SHF_GROUP | SHF_COMPRESSED | SHF_MERGE | SHF_STRINGS | SHF_WRITE | SHF_EXECINSTR);
    if !relocatable {
        flags &= !SHF_LINK_ORDER;
    }
    let osabi = view.program().files[input.file].object().map_or(0, |o| o.osabi);
    if matches!(osabi, ELFOSABI_GNU | ELFOSABI_FREEBSD) {
        flags &= !SHF_GNU_RETAIN;
    }
    let mut kind = match input.kind {
        SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY => SHT_PROGBITS,
        kind => kind,
    };
    // Unwind data is one section, whatever its type says.
    if input.name == b".eh_frame" {
        kind = SHT_X86_64_UNWIND;
    }
    u64::from(kind) << 32 | u64::from(flags)
}

fn add_own(view: &View<'_, '_>, all: &mut Collector, needs: &super::needs::Needs) {
    let plan = view.plan();
    let libraries = view.has_libraries();
    let dynamic = libraries || matches!(plan.output_kind, OutputKind::Shared | OutputKind::Pie);
    let (sysv, gnu) = options::hash_styles(plan);
    let tags = view.program().controls.version_tags.iter().any(|t| !t.is_empty());
    let versions = dynamic && (needs.needs_versions || tags);
    let (commons, tls) = view.commons();
    let got = needs.got || needs.plt() || needs.iplt || needs.got_base;
    let frames = needs.plt() || all.outputs.iter().any(|o| o.name == ".eh_frame");
    let ro = SHF_ALLOC;
    let rw = SHF_ALLOC | SHF_WRITE;
    let list: [(bool, &'static str, u32); 21] = [
        (dynamic && plan.output_kind != OutputKind::Shared, ".interp", ro),
        (dynamic, ".dynsym", ro),
        (dynamic, ".dynstr", ro),
        (dynamic && gnu, ".gnu.hash", ro),
        (dynamic && sysv, ".hash", ro),
        (versions, ".gnu.version", ro),
        (dynamic && tags, ".gnu.version_d", ro),
        (dynamic && needs.needs_versions, ".gnu.version_r", ro),
        (dynamic && (needs.dynamic || needs.copy), ".rela.dyn", ro),
        (needs.plt() || needs.iplt, ".rela.plt", ro),
        (needs.plt() || needs.iplt, ".plt", ro),
        (needs.plt() && !plan_no_unwind(view), ".eh_frame", ro),
        (dynamic, ".dynamic", rw),
        (got, ".got", rw),
        (got, ".got.plt", rw),
        (commons || needs.copy, ".bss", rw),
        (tls, ".tbss", rw),
        (options::eh_frame_hdr(plan, false) && frames, ".eh_frame_hdr", ro),
        (options::build_id(plan), ".note.gnu.build-id", ro),
        (view.any_has(b".note.gnu.property"), ".note.gnu.property", ro),
        (true, ".note.gnu.gold-version", 0),
    ];
    for (wanted, name, flags) in list {
        if wanted {
            all.linker(name, SHT_PROGBITS, flags);
        }
    }
}

fn plan_no_unwind(view: &View<'_, '_>) -> bool {
    view.plan().words.iter().any(|w| w == "--no-ld-generated-unwind-info")
}

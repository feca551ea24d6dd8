//! Names that mold defines itself after collection (targets 10; mold `add_synthetic_symbols`).

use crate::load::elf::consts::*;
use crate::plan::OutputKind;
use crate::program::Program;

/// Whether mold defines `name`.
pub(super) fn is_provided(program: &Program<'_>, name: &[u8]) -> bool {
    let machine = program.target.map_or(0, |t| t.machine);
    let rel = matches!(machine, EM_386 | EM_ARM);
    let kind = program.plan.output_kind;
    match name {
        b"__ehdr_start"
        | b"__init_array_start"
        | b"__init_array_end"
        | b"__fini_array_start"
        | b"__fini_array_end"
        | b"__preinit_array_start"
        | b"__preinit_array_end"
        | b"_DYNAMIC"
        | b"_GLOBAL_OFFSET_TABLE_"
        | b"_PROCEDURE_LINKAGE_TABLE_"
        | b"__bss_start"
        | b"_end"
        | b"_etext"
        | b"_edata"
        | b"__executable_start"
        | b"__GNU_EH_FRAME_HDR"
        | b"end"
        | b"etext"
        | b"edata"
        | b"__dso_handle" => true,
        b"__rela_iplt_start" | b"__rela_iplt_end" => !rel,
        b"__rel_iplt_start" | b"__rel_iplt_end" => rel,
        b"_TLS_MODULE_BASE_" => matches!(machine, EM_X86_64 | EM_386 | EM_ARM | EM_AARCH64),
        b"__global_pointer$" => machine == EM_RISCV && kind != OutputKind::Shared,
        b"__exidx_start" | b"__exidx_end" => machine == EM_ARM,
        b".TOC." => machine == EM_PPC64,
        b"_SDA_BASE_" => machine == EM_PPC,
        _ => false,
    }
}

//! Names that GNU ld defines itself when something refers to them (targets 10): by its built-in
//! script, or by code whatever the script.

use crate::load::elf::consts::*;
use crate::plan::OutputKind;
use crate::program::Program;
use crate::resolve::{self, is_save_restore};

const HPPA: u16 = 15;
const SH: u16 = 42;

/// Names of every built-in script.
const SCRIPT: [&[u8]; 17] = [
    b"__executable_start",
    b"_end",
    b"end",
    b"_edata",
    b"edata",
    b"_etext",
    b"etext",
    b"__etext",
    b"__bss_start",
    b"__init_array_start",
    b"__init_array_end",
    b"__fini_array_start",
    b"__fini_array_end",
    b"__preinit_array_start",
    b"__preinit_array_end",
    b"__tdata_start",
    b"__ehdr_start",
];

/// Whether ld defines `name`; `dynamic`: the output has dynamic sections.
pub(super) fn is_provided(program: &Program<'_>, name: &[u8], dynamic: bool) -> bool {
    let machine = program.target.map_or(0, |t| t.machine);
    by_code(program, machine, name, dynamic)
        || (!resolve::has_own_script(program) && by_script(program, machine, name))
}

/// A global offset table is taken for granted where only some links have one.
fn by_code(program: &Program<'_>, machine: u16, name: &[u8], dynamic: bool) -> bool {
    match name {
        b"__ehdr_start" | b"_TLS_MODULE_BASE_" => true,
        b"_GLOBAL_OFFSET_TABLE_" => machine != EM_PPC64,
        b"_DYNAMIC" => dynamic,
        b"_PROCEDURE_LINKAGE_TABLE_" => dynamic && matches!(machine, EM_RISCV | EM_SPARCV9 | EM_ALPHA),
        b".TOC." => machine == EM_PPC64,
        b"_SDA_BASE_" | b"_SDA2_BASE_" => machine == EM_PPC,
        b"__gnu_local_gp" => machine == EM_MIPS,
        b"_gp_disp" => machine == EM_MIPS && program.target.is_some_and(|t| !t.is_64),
        // Edited away in executables; a library gets it from the dynamic loader.
        b"__tls_get_addr" | b"___tls_get_addr" => true,
        _ => machine == EM_PPC64 && is_save_restore(name),
    }
}

fn by_script(program: &Program<'_>, machine: u16, name: &[u8]) -> bool {
    if SCRIPT.contains(&name) {
        return true;
    }
    let fixed = program.plan.output_kind == OutputKind::Executable;
    match name {
        b"__rela_iplt_start" | b"__rela_iplt_end" => fixed && machine != EM_386,
        b"__rel_iplt_start" | b"__rel_iplt_end" => fixed && matches!(machine, EM_ARM | EM_MIPS | EM_386),
        b"__exidx_start" | b"__exidx_end" => machine == EM_ARM,
        b"__data_start" => matches!(machine, EM_ARM | EM_AARCH64 | SH),
        b"__bss_start__" | b"_bss_end__" | b"__bss_end__" | b"__end__" => {
            matches!(machine, EM_ARM | EM_AARCH64)
        }
        b"__noinit_start" | b"__noinit_end" | b"__persistent_start" | b"__persistent_end" | b"_stack" => {
            matches!(resolve::emulation(program), "armelf" | "armelfb")
        }
        b"__global_pointer$" | b"__DATA_BEGIN__" | b"__SDATA_BEGIN__" | b"__BSS_END__" => machine == EM_RISCV,
        b"_gp" | b"_fdata" | b"_ftext" | b"_fbss" => machine == EM_MIPS,
        b"__sbss_start" | b"__sbss_end" | b"___sbss_start" | b"___sbss_end" => machine == EM_PPC,
        b"$global$" => machine == HPPA,
        _ => false,
    }
}

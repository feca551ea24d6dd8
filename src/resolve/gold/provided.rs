//! Names that gold defines itself in the end (targets 10): a reference to one of them is no
//! undefined reference. Names that it defines only if the link needs a table (GOT, TLS module
//! base) count as defined.

use crate::load::elf::consts::*;
use crate::program::Program;
use crate::resolve::is_save_restore;

/// Names for every target (gold/defstd.cc).
const STANDARD: [&[u8]; 17] = [
    b"__preinit_array_start",
    b"__preinit_array_end",
    b"__init_array_start",
    b"__init_array_end",
    b"__fini_array_start",
    b"__fini_array_end",
    b"__stack",
    b"__executable_start",
    b"__ehdr_start",
    b"etext",
    b"_etext",
    b"__etext",
    b"_edata",
    b"edata",
    b"__bss_start",
    b"_end",
    b"end",
];

/// Whether gold defines `name`; `dynamic`: the output has dynamic sections.
pub(crate) fn is_provided(program: &Program<'_>, name: &[u8], dynamic: bool) -> bool {
    if STANDARD.contains(&name) || matches!(name, b"_GLOBAL_OFFSET_TABLE_" | b"_TLS_MODULE_BASE_") {
        return true;
    }
    if matches!(name, b"_DYNAMIC" | b"_PROCEDURE_LINKAGE_TABLE_") {
        return dynamic;
    }
    let rela = matches!(name, b"__rela_iplt_start" | b"__rela_iplt_end");
    let rel = matches!(name, b"__rel_iplt_start" | b"__rel_iplt_end");
    match program.target.map_or(0, |t| t.machine) {
        EM_X86_64 => rela || name == b"__tls_get_addr",
        EM_AARCH64 => rela,
        EM_386 => rel || name == b"___tls_get_addr",
        EM_ARM => rel || matches!(name, b"__exidx_start" | b"__exidx_end" | b"__tls_get_addr"),
        EM_PPC => rela || matches!(name, b"_SDA_BASE_" | b"__tls_get_addr"),
        EM_PPC64 => rela || matches!(name, b".TOC." | b"__tls_get_addr") || is_save_restore(name),
        EM_S390 => rela || name == b"__tls_get_offset",
        EM_MIPS => matches!(name, b"_gp" | b"__gnu_local_gp" | b"_gp_disp" | b"___tls_get_addr"),
        EM_SPARCV9 => rela || name == b"___tls_get_addr",
        _ => false,
    }
}

//! Names that lld defines itself after collection if they are referenced (targets 10; lld
//! `addReservedSymbols`, `addPPC64SaveRestore`, `addRelIpltSymbols`).

use crate::load::elf::consts::*;
use crate::plan::OutputKind;
use crate::program::{Content, Program};

const SPARC: u16 = EM_SPARCV9;

/// Whether lld defines `name`.
pub(super) fn is_provided(program: &Program<'_>, name: &[u8]) -> bool {
    let machine = program.target.map_or(0, |t| t.machine);
    let kind = program.plan.output_kind;
    let position_independent = matches!(kind, OutputKind::Shared | OutputKind::Pie);
    match name {
        b"__init_array_start"
        | b"__init_array_end"
        | b"__fini_array_start"
        | b"__fini_array_end"
        | b"__preinit_array_start"
        | b"__preinit_array_end"
        | b"__bss_start"
        | b"__ehdr_start"
        | b"__executable_start"
        | b"__dso_handle"
        | b"_end"
        | b"end"
        | b"_edata"
        | b"edata"
        | b"_etext"
        | b"etext" => true,
        b"_GLOBAL_OFFSET_TABLE_" => machine != EM_PPC64,
        b".TOC." => machine == EM_PPC64,
        b"_DYNAMIC" => {
            let library = |content: &Content<'_>| matches!(content, Content::Shared(_));
            position_independent
                || program.plan.export_dynamic
                || program.files.iter().any(|f| library(&f.content))
        }
        b"__rela_iplt_start" | b"__rela_iplt_end" => {
            !position_independent && !matches!(machine, EM_386 | EM_ARM | EM_MIPS | SPARC)
        }
        b"__rel_iplt_start" | b"__rel_iplt_end" => {
            !position_independent && matches!(machine, EM_386 | EM_ARM | EM_MIPS | SPARC)
        }
        b"__global_pointer$" => machine == EM_RISCV && kind != OutputKind::Shared,
        b"_TLS_MODULE_BASE_" => matches!(machine, EM_386 | EM_X86_64),
        b"__exidx_start" | b"__exidx_end" => machine == EM_ARM,
        b"_gp" | b"_gp_disp" | b"__gnu_local_gp" => machine == EM_MIPS,
        b"_SDA_BASE_" => machine == EM_PPC,
        b"__tls_get_addr_opt" => matches!(machine, EM_PPC | EM_PPC64),
        // Calls of them go away with relaxation; a library gets them from the dynamic loader.
        b"__tls_get_addr" | b"___tls_get_addr" | b"__tls_get_offset" => true,
        _ => machine == EM_PPC64 && is_routine(name),
    }
}

/// ppc64 register save and restore routines.
fn is_routine(name: &[u8]) -> bool {
    const STEMS: [&[u8]; 4] = [b"_savegpr0_", b"_restgpr0_", b"_savegpr1_", b"_restgpr1_"];
    let number = |rest: &[u8]| std::str::from_utf8(rest).ok().and_then(|d| d.parse::<u32>().ok());
    STEMS.iter().any(|stem| name.strip_prefix(*stem).and_then(number).is_some_and(|n| (14..=31).contains(&n)))
}

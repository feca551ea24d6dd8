//! Names of the compilers' support libraries, which kernels do not link (KL 7.3 "arch helper").

/// Beginnings of such names.
const PREFIXES: [&[u8]; 20] = [
    b"__aeabi_",
    b"_savegpr",
    b"_restgpr",
    b"_savefpr",
    b"_restfpr",
    b"_savevr_",
    b"_restvr_",
    b"_rest32gpr_",
    b"_save32gpr_",
    b"__sync_",
    b"__atomic_",
    b"__riscv_save_",
    b"__riscv_restore_",
    b"__mips16_",
    b"__movmem",
    b"__float",
    b"__fix",
    b"__gnu_mcount_",
    b"__divsc",
    b"__sfp_",
];

/// Operations of libgcc, followed by a mode (`si`, `di`, `ti`, `sf`, `df`, `tf`) and `2`, `3` or `4`.
const OPERATIONS: [&[u8]; 35] = [
    b"div",
    b"udiv",
    b"mod",
    b"umod",
    b"udivmod",
    b"divmod",
    b"mul",
    b"ashl",
    b"ashr",
    b"lshr",
    b"neg",
    b"cmp",
    b"ucmp",
    b"bswap",
    b"clz",
    b"ctz",
    b"ffs",
    b"popcount",
    b"parity",
    b"add",
    b"sub",
    b"addv",
    b"subv",
    b"mulv",
    b"negv",
    b"absv",
    b"powi",
    b"eq",
    b"ne",
    b"gt",
    b"ge",
    b"lt",
    b"le",
    b"unord",
    b"sdiv",
];

/// Whether a name is one that the compiler calls on its own.
pub(super) fn is_arch_helper(name: &[u8]) -> bool {
    if PREFIXES.iter().any(|p| name.starts_with(p)) {
        return true;
    }
    let Some(rest) = name.strip_prefix(b"__") else { return false };
    let Some(rest) = rest.strip_suffix(b"2").or(rest.strip_suffix(b"3")).or(rest.strip_suffix(b"4")) else {
        return false;
    };
    let modes: [&[u8]; 8] = [b"hi", b"si", b"di", b"ti", b"sf", b"df", b"xf", b"tf"];
    let operation = modes.iter().find_map(|m| rest.strip_suffix(*m));
    operation.is_some_and(|o| OPERATIONS.contains(&o))
}

#[cfg(test)]
mod tests {
    use super::is_arch_helper;

    #[test]
    fn names() {
        for name in
            ["__udivdi3", "__aeabi_uldivmod", "_savegpr0_14", "__bswapsi2", "__popcountdi2", "__ashldi3"]
        {
            assert!(is_arch_helper(name.as_bytes()), "{name}");
        }
        for name in ["printk", "__memcat_p", "div_u64", "__div64_32", "__kmalloc", "__add3"] {
            assert!(!is_arch_helper(name.as_bytes()), "{name}");
        }
    }
}

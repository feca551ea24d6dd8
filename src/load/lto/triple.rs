//! From a target triple to what an ELF header says.
//!
//! In: a triple as bitcode carries it. Out: [`Machine`]. Source: lld `getBitcodeMachineKind`, the
//! ELF supplements for the flags.

use crate::load::elf::Object;

/// The ELF face of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// `e_machine`.
    pub machine: u16,
    /// Class 64.
    pub is_64: bool,
    /// Big-endian.
    pub big_endian: bool,
    /// `e_flags` that tell ABIs apart.
    pub flags: u32,
}

/// The target of an object.
pub fn of_object(object: &Object<'_>) -> Machine {
    Machine {
        machine: object.machine,
        is_64: object.is_64,
        big_endian: object.endian() == object::Endianness::Big,
        flags: object.flags,
    }
}

/// The target of a triple; `None` for one that has no ELF form we know.
pub fn machine(triple: &[u8]) -> Option<Machine> {
    let arch = triple.split(|&b| b == b'-').next()?;
    let arch = std::str::from_utf8(arch).ok()?;
    let make = |machine, is_64, big_endian, flags| Some(Machine { machine, is_64, big_endian, flags });
    let n32 = triple.ends_with(b"abin32");
    match arch {
        "x86_64" | "amd64" | "x86_64h" => make(62, !triple.ends_with(b"x32"), false, 0),
        "i386" | "i486" | "i586" | "i686" => make(3, false, false, 0),
        "aarch64" | "arm64" => make(183, true, false, 0),
        "aarch64_be" => make(183, true, true, 0),
        "powerpc" | "ppc" | "ppc32" => make(20, false, true, 0),
        "powerpcle" | "ppcle" => make(20, false, false, 0),
        "powerpc64" | "ppc64" => make(21, true, true, 0),
        "powerpc64le" | "ppc64le" => make(21, true, false, 2),
        "mips64" if n32 => make(8, false, true, 0x20),
        "mips64el" if n32 => make(8, false, false, 0x20),
        "mips" | "mipsr6" | "mipsisa32r6" => make(8, false, true, 0),
        "mipsel" | "mipsr6el" | "mipsisa32r6el" => make(8, false, false, 0),
        "mips64" | "mips64r6" | "mipsisa64r6" => make(8, true, true, 0),
        "mips64el" | "mips64r6el" | "mipsisa64r6el" => make(8, true, false, 0),
        "riscv32" => make(243, false, false, 0),
        "riscv64" => make(243, true, false, 0),
        "loongarch32" => make(258, false, false, 0),
        "loongarch64" => make(258, true, false, 0),
        "s390x" | "systemz" => make(22, true, true, 0),
        "sparc" => make(2, false, true, 0),
        "sparcv9" | "sparc64" => make(43, true, true, 0),
        "hexagon" => make(164, false, false, 0),
        "msp430" => make(105, false, false, 0),
        "avr" => make(83, false, false, 0),
        "amdgcn" => make(224, true, false, 0),
        _ if arch.starts_with("armeb") || arch.starts_with("thumbeb") => make(40, false, true, 0x0500_0000),
        _ if arch.starts_with("arm") || arch.starts_with("thumb") => make(40, false, false, 0x0500_0000),
        _ => None,
    }
}

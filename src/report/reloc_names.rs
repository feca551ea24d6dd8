//! Names of relocation types.
//!
//! In: machine and type as stored. Out: the name (`R_X86_64_PLT32`), or `type N` where none is known.

use object::elf;

use crate::load::elf::consts::EM_MIPS;

/// The name of a relocation type. For mips64, whose entries carry up to three types, the names are
/// joined with `/`.
pub fn name(machine: u16, kind: u32) -> String {
    if machine == EM_MIPS && kind > 0xff {
        let parts = [kind & 0xff, (kind >> 8) & 0xff, (kind >> 16) & 0xff];
        let used = parts.iter().rposition(|&k| k != 0).unwrap_or(0);
        return parts[..=used].iter().map(|&k| single(machine, k)).collect::<Vec<_>>().join("/");
    }
    single(machine, kind)
}

fn single(machine: u16, kind: u32) -> String {
    let known = elf::machine_names(elf::Machine(machine)).r.name(elf::RelocationType(kind));
    known.map_or_else(|| format!("type {kind}"), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn known_and_unknown() {
        let table = [
            (62, 4, "R_X86_64_PLT32"),
            (3, 2, "R_386_PC32"),
            (183, 283, "R_AARCH64_CALL26"),
            (40, 28, "R_ARM_CALL"),
            (21, 10, "R_PPC64_REL24"),
            (20, 10, "R_PPC_REL24"),
            (8, 4, "R_MIPS_26"),
            (8, 0x0005_1807, "R_MIPS_GPREL16/R_MIPS_SUB/R_MIPS_HI16"),
            (243, 18, "R_RISCV_CALL"),
            (22, 19, "R_390_PC32DBL"),
            (62, 200, "type 200"),
            (9999, 1, "type 1"),
        ];
        for (machine, kind, expected) in table {
            assert_eq!(name(machine, kind), expected);
        }
    }
}

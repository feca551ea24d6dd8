//! Emulation names (`-m`): what machine, class and byte order each means, which linker knows it, and
//! which one a linker takes without `-m` (targets 1, 1.2).
//!
//! In: a name, or what the first object is. Out: a row of one table. Sources: ld `emulparams/`, lld
//! `parseEmulation`, mold `parse_nonpositional_args`.

use super::{Flavor, Profile, Version};

/// What an emulation links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emulation {
    /// The name for `-m`.
    pub name: &'static str,
    /// `e_machine`.
    pub machine: u16,
    /// ELF class 64.
    pub is_64: bool,
    /// Big-endian.
    pub big_endian: bool,
    known: u8,
}

const BFD: u8 = 1;
/// lld 14 and later.
const LLD: u8 = 2;
/// Newer lld only.
const LLD_NEW: u8 = 4;
const MOLD: u8 = 8;
const ALL: u8 = BFD | LLD | MOLD;

const fn row(name: &'static str, machine: u16, class: u8, big_endian: bool, known: u8) -> Emulation {
    Emulation { name, machine, is_64: class == 64, big_endian, known }
}

/// All names; the first of a machine, class and byte order is what that target's ld takes by itself.
const TABLE: [Emulation; 68] = [
    row("elf_x86_64", 62, 64, false, ALL),
    row("elf_amd64", 62, 64, false, LLD),
    row("elf32_x86_64", 62, 32, false, BFD | LLD),
    row("elf_i386", 3, 32, false, ALL),
    row("elf_iamcu", 6, 32, false, BFD | LLD),
    row("aarch64linux", 183, 64, false, ALL),
    row("aarch64elf", 183, 64, false, BFD | LLD),
    row("aarch64linuxb", 183, 64, true, BFD | LLD),
    row("aarch64elfb", 183, 64, true, BFD | LLD),
    row("aarch64linux32", 183, 32, false, BFD),
    row("aarch64elf32", 183, 32, false, BFD),
    row("aarch64linux32b", 183, 32, true, BFD),
    row("aarch64elf32b", 183, 32, true, BFD),
    row("armelf_linux_eabi", 40, 32, false, ALL),
    row("armelf", 40, 32, false, BFD | LLD),
    row("armelfb_linux_eabi", 40, 32, true, BFD | LLD_NEW),
    row("armelfb", 40, 32, true, BFD | LLD_NEW),
    row("elf64lriscv", 243, 64, false, ALL),
    row("elf64lriscv_lp64f", 243, 64, false, BFD),
    row("elf64lriscv_lp64", 243, 64, false, BFD),
    row("elf32lriscv", 243, 32, false, ALL),
    row("elf32lriscv_ilp32f", 243, 32, false, BFD),
    row("elf32lriscv_ilp32", 243, 32, false, BFD),
    row("elf64briscv", 243, 64, true, BFD | MOLD),
    row("elf64briscv_lp64f", 243, 64, true, BFD),
    row("elf64briscv_lp64", 243, 64, true, BFD),
    row("elf32briscv", 243, 32, true, BFD | MOLD),
    row("elf32briscv_ilp32f", 243, 32, true, BFD),
    row("elf32briscv_ilp32", 243, 32, true, BFD),
    row("elf64loongarch", 258, 64, false, BFD | LLD_NEW),
    row("elf32loongarch", 258, 32, false, BFD | LLD_NEW),
    row("elf32ppclinux", 20, 32, true, ALL),
    row("elf32ppc", 20, 32, true, ALL),
    row("elf32ppcsim", 20, 32, true, BFD),
    row("elf32lppclinux", 20, 32, false, BFD | LLD),
    row("elf32lppc", 20, 32, false, BFD | LLD),
    row("elf32lppcsim", 20, 32, false, BFD),
    row("elf64ppc", 21, 64, true, ALL),
    row("elf64lppc", 21, 64, false, ALL),
    row("elf64_s390", 22, 64, true, BFD | LLD_NEW | MOLD),
    row("elf_s390", 22, 32, true, BFD),
    row("elf32btsmip", 8, 32, true, BFD | LLD),
    row("elf32ltsmip", 8, 32, false, BFD | LLD),
    row("elf32btsmipn32", 8, 32, true, BFD | LLD),
    row("elf32ltsmipn32", 8, 32, false, BFD | LLD),
    row("elf64btsmip", 8, 64, true, BFD | LLD),
    row("elf64ltsmip", 8, 64, false, BFD | LLD),
    row("elf64_sparc", 43, 64, true, ALL),
    row("elf32_sparc", 2, 32, true, BFD),
    row("m68kelf", 4, 32, true, BFD | MOLD),
    row("shlelf_linux", 42, 32, false, BFD | MOLD),
    row("shelf_linux", 42, 32, true, BFD),
    row("shlelf_fd", 42, 32, false, BFD),
    row("shlelf", 42, 32, false, BFD),
    row("shelf", 42, 32, true, BFD),
    row("elf64alpha", 0x9026, 64, false, BFD | MOLD),
    row("hppalinux", 15, 32, true, BFD),
    row("hppaelf", 15, 32, true, BFD),
    row("elf64hppa", 15, 64, true, BFD),
    row("hppa64linux", 15, 64, true, BFD),
    row("msp430elf", 105, 32, false, BFD | LLD),
    row("elf64_amdgpu", 224, 64, false, LLD_NEW),
    row("hexagonelf", 164, 32, false, LLD_NEW),
    row("elf_i386_nacl", 3, 32, false, BFD),
    row("elf_x86_64_nacl", 62, 64, false, BFD),
    row("elf32_x86_64_nacl", 62, 32, false, BFD),
    row("i386pep", 62, 64, false, BFD),
    row("i386pe", 3, 32, false, BFD),
];

/// The row of a name, FreeBSD spellings included.
pub fn find(name: &str) -> Option<&'static Emulation> {
    let plain = name.strip_suffix("_fbsd").unwrap_or(name);
    TABLE.iter().find(|e| e.name == plain)
}

/// Whether a linker takes `-m name`; gold takes every word.
pub fn is_known(profile: Profile, name: &str) -> bool {
    let mask = match profile.flavor {
        Flavor::Gold => return true,
        Flavor::Bfd => BFD,
        Flavor::Lld if profile.version < Version(17, 0, 0) => LLD,
        Flavor::Lld => LLD | LLD_NEW,
        Flavor::Mold if name.ends_with("_fbsd") => return false,
        Flavor::Mold => MOLD,
    };
    find(name).is_some_and(|e| e.known & mask != 0)
}

/// Whether the GNU ld whose default is `default` has `name` too: binutils builds a target with its
/// relatives.
pub fn is_related(default: &str, name: &str) -> bool {
    fn family(machine: u16) -> u16 {
        match machine {
            62 | 3 | 6 => 62,
            20 | 21 => 20,
            2 | 43 => 43,
            other => other,
        }
    }
    let (Some(default), Some(named)) = (find(default), find(name)) else { return false };
    family(default.machine) == family(named.machine) || (default.machine == 183 && named.machine == 40)
}

/// The emulation that links such objects when no `-m` says otherwise.
pub fn of(machine: u16, is_64: bool, big_endian: bool) -> Option<&'static Emulation> {
    TABLE.iter().find(|e| e.machine == machine && e.is_64 == is_64 && e.big_endian == big_endian)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Version;

    #[test]
    fn names() {
        let lld = |major| Profile { flavor: Flavor::Lld, version: Version(major, 0, 0) };
        let of_flavor = |flavor| Profile { flavor, version: Version(2, 40, 0) };
        assert!(is_known(lld(19), "elf64_s390") && !is_known(lld(14), "elf64_s390"));
        assert!(
            is_known(lld(14), "elf_x86_64_fbsd") && !is_known(of_flavor(Flavor::Mold), "elf_x86_64_fbsd")
        );
        assert!(is_known(of_flavor(Flavor::Gold), "anything") && !is_known(lld(19), "m68kelf"));
        assert!(is_related("elf32btsmip", "elf64ltsmip") && !is_related("elf32btsmip", "elf_x86_64"));
        assert!(is_related("aarch64linux", "armelf") && !is_related("armelf_linux_eabi", "aarch64linux"));
        assert_eq!(of(40, false, false).map(|e| e.name), Some("armelf_linux_eabi"));
        assert_eq!(of(21, true, true).map(|e| e.name), Some("elf64ppc"));
        assert_eq!(of(9999, true, true), None);
    }
}

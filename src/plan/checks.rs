//! Values and combinations of options that a linker refuses.
//!
//! In: an option's value, or the finished plan. Out: nothing, or why the linker stops.
//! Source: ld `parse_args`, `ldelf.c`; gold `General_options::finalize`; lld `readConfigs`,
//! `checkOptions`; mold `parse_nonpositional_args`.

use super::{Flavor, Icf, LinkPlan, OutputKind, Strip};
use crate::error::{Error, Result};

/// Emulation names that lld and mold know, and those of the GNU linkers for the same machines.
const EMULATIONS: &str = "elf_x86_64 elf_amd64 elf32_x86_64 elf_i386 elf_iamcu aarch64elf aarch64linux \
    aarch64elfb aarch64linuxb aarch64elf32 aarch64elf32b aarch64linux32 aarch64linux32b armelf armelfb \
    armelf_linux_eabi armelfb_linux_eabi elf32lriscv elf64lriscv elf32briscv elf64briscv \
    elf64lriscv_lp64f elf64lriscv_lp64 elf32lriscv_ilp32f elf32lriscv_ilp32 elf64briscv_lp64f \
    elf64briscv_lp64 elf32briscv_ilp32f elf32briscv_ilp32 elf32ppc elf32ppclinux elf32ppcsim elf32lppc \
    elf32lppclinux elf32lppcsim elf64ppc elf64lppc elf32btsmip elf32ltsmip elf32btsmipn32 \
    elf32ltsmipn32 elf64btsmip elf64ltsmip elf_s390 elf64_s390 elf32_sparc elf64_sparc msp430elf \
    elf64_amdgpu elf64loongarch elf32loongarch hexagonelf m68kelf shlelf_linux elf64alpha \
    elf_x86_64_fbsd elf_i386_fbsd elf32_x86_64_nacl elf_x86_64_nacl elf_i386_nacl i386pep i386pe";

/// Refuses an unknown `-m` name.
pub(super) fn emulation(name: &[u8]) -> Result<()> {
    let known = EMULATIONS.split_ascii_whitespace().any(|e| e.as_bytes() == name);
    if known { Ok(()) } else { Err(bad("-m", name, "not an emulation")) }
}

/// An error about an option's value.
pub(super) fn bad(option: &str, value: &[u8], why: &str) -> Error {
    Error::new(format!("option {option} {}", String::from_utf8_lossy(value)), why)
}

fn one_of(option: &str, value: &[u8], words: &[&str]) -> Result<()> {
    if words.iter().any(|w| w.as_bytes() == value) {
        return Ok(());
    }
    Err(bad(option, value, &format!("not one of {}", words.join(", "))))
}

/// Refuses wrong values of options that have no effect on us but have a fixed set of values.
pub(super) fn ignored_value(flavor: Flavor, name: &str, value: Option<&[u8]>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    let gnu = matches!(flavor, Flavor::Bfd | Flavor::Gold);
    match name {
        "hash-style" => one_of("--hash-style", value, &["sysv", "gnu", "both"]),
        "assert" if gnu => {
            one_of("-assert", value, &["definitions", "nodefinitions", "nosymbolic", "pure-text"])
        }
        "sort-section" => match flavor {
            Flavor::Bfd => one_of("--sort-section", value, &["name", "alignment"]),
            Flavor::Gold => one_of("--sort-section", value, &["none", "name"]),
            Flavor::Lld => one_of("--sort-section", value, &["none", "name", "alignment"]),
            Flavor::Mold => Ok(()),
        },
        "sort-common" if flavor == Flavor::Bfd => {
            one_of("--sort-common", value, &["ascending", "descending"])
        }
        "target2" if flavor != Flavor::Bfd => one_of("--target2", value, &["rel", "abs", "got-rel"]),
        "compress-debug-sections" => {
            let words: &[&str] = &["none", "zlib", "zlib-gnu", "zlib-gabi", "zstd"];
            one_of("--compress-debug-sections", &value.to_ascii_lowercase(), words)
        }
        "section-start" => match value.iter().position(|&b| b == b'=') {
            Some(at) if at > 0 && at + 1 < value.len() => Ok(()),
            _ => Err(bad("--section-start", value, "not SECTION=ADDRESS")),
        },
        _ => Ok(()),
    }
}

/// A decimal, octal or hexadecimal number as C's `strtoul` with base 0 reads it, nothing behind it.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok();
    }
    if text.len() > 1 && text.starts_with('0') {
        return u64::from_str_radix(text, 8).ok();
    }
    text.parse().ok()
}

/// Refuses combinations that the linker refuses. `given` tells which output kinds the line names.
pub(super) fn combinations(plan: &LinkPlan, given: Given) -> Result<()> {
    let refuse = |a: &str, b: &str| Err(Error::new(format!("options {a} and {b}"), "not together"));
    let relocatable = plan.output_kind == OutputKind::Relocatable;
    let shared = given.shared;
    match plan.profile.flavor {
        Flavor::Bfd => {
            if plan.no_define_common && !shared {
                return Err(Error::new("option --no-define-common", "not without -shared"));
            }
        }
        Flavor::Gold => {
            if shared && plan.is_static {
                return refuse("-shared", "-static");
            }
            if shared && given.pie {
                return refuse("-shared", "-pie");
            }
            if given.pie && plan.is_static {
                return refuse("-pie", "-static");
            }
            if relocatable && !plan.retain_symbols.is_empty() {
                return refuse("-r", "--retain-symbols-file");
            }
        }
        Flavor::Lld => {
            if shared && given.pie {
                return refuse("-shared", "-pie");
            }
            if relocatable && plan.export_dynamic {
                return refuse("-r", "--export-dynamic");
            }
            if relocatable && plan.icf != Icf::None {
                return refuse("-r", "--icf");
            }
            if plan.strip == Strip::All && plan.emit_relocs {
                return refuse("--strip-all", "--emit-relocs");
            }
            if plan.no_define_common && !relocatable {
                return Err(Error::new("option --no-define-common", "not without -r"));
            }
        }
        Flavor::Mold => {}
    }
    if plan.profile.flavor != Flavor::Mold && given.relocatable {
        if shared {
            return refuse("-r", "-shared");
        }
        if given.pie {
            return refuse("-r", "-pie");
        }
    }
    if given.filter && !shared {
        return Err(Error::new("options -f and -F", "not without -shared"));
    }
    Ok(())
}

/// Output kinds that the line names, each on its own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Given {
    /// `-shared` in force.
    pub(super) shared: bool,
    /// `-pie` in force.
    pub(super) pie: bool,
    /// `-r` and relatives.
    pub(super) relocatable: bool,
    /// `-f` or `-F`.
    pub(super) filter: bool,
}

//! Values and combinations of options that a linker refuses.
//!
//! In: an option's value, or the finished plan. Out: nothing, or why the linker stops.
//! Source: ld `parse_args`, `ldelf.c`; gold `General_options::finalize`; lld `readConfigs`,
//! `checkOptions`; mold `parse_nonpositional_args`.

use super::{Flavor, Icf, LinkPlan, OutputKind, Profile, Strip, emulations};
use crate::error::{Error, Result};

/// Refuses an `-m` name that the linker, or the GNU ld of this target, does not know (targets 1.2).
pub(super) fn emulation(profile: Profile, default: Option<&str>, name: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(name);
    let known = emulations::is_known(profile, &text)
        && (profile.flavor != Flavor::Bfd || default.is_none_or(|d| emulations::is_related(d, &text)));
    if known { Ok(()) } else { Err(bad("-m", name, "not an emulation of this linker")) }
}

/// The text of `-mips1` to `-mips64r6` behind `-m`, which compilers pass on (ld `get_emulation`).
pub(super) fn is_mips_generation(value: &[u8]) -> bool {
    const WORDS: &str = "ips1 ips2 ips3 ips4 ips5 ips32 ips32r2 ips32r3 ips32r5 ips32r6 ips64 ips64r2 \
        ips64r3 ips64r5 ips64r6";
    WORDS.split_ascii_whitespace().any(|w| w.as_bytes() == value)
}

/// An error about an option's value.
pub(super) fn bad(option: &str, value: &[u8], why: &str) -> Error {
    Error::new(format!("option {option} {}", String::from_utf8_lossy(value)), why)
}

/// An error if the value is none of some words.
pub(super) fn one_of(option: &str, value: &[u8], words: &[&str]) -> Result<()> {
    if words.iter().any(|w| w.as_bytes() == value) {
        return Ok(());
    }
    Err(bad(option, value, &format!("not one of {}", words.join(", "))))
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
    /// gold: `--unresolved-symbols`.
    pub(super) unresolved_symbols: bool,
}

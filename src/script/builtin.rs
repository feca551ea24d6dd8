//! What GNU ld's built-in scripts keep and where they enter, per emulation (GS 4.1, targets 1.1, 2).
//!
//! In: an emulation name and whether the link is `-r`. Out: [`Builtin`]: section patterns under
//! KEEP, and ENTRY. Every KEEP of these scripts applies to all files: where one description of
//! `.ctors` excludes the crt files, another keeps them.

use std::fmt::Write as _;

use super::ast::{Dialect, Script};
use super::parser::{Options, no_includes, parse_script};
use crate::error::Result;

/// The built-in script of one emulation, as far as liveness needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builtin {
    /// ENTRY of the script; `-r` scripts have none (the default is then `start`, GS 4.2).
    pub entry: Option<&'static str>,
    /// Section patterns under KEEP, in script order.
    pub keeps: Vec<&'static str>,
}

const FINAL: [&str; 11] = [
    ".preinit_array",
    ".init_array.*",
    ".ctors.*",
    ".init_array",
    ".ctors",
    ".fini_array.*",
    ".dtors.*",
    ".fini_array",
    ".dtors",
    ".jcr",
    ".gnu.attributes",
];

/// Markers of mips ABIs that scripts keep.
pub(super) const MIPS: [&str; 8] = [
    ".mdebug.abi32",
    ".mdebug.abiN32",
    ".mdebug.abi64",
    ".mdebug.abiO64",
    ".mdebug.eabi32",
    ".mdebug.eabi64",
    ".gcc_compiled_long32",
    ".gcc_compiled_long64",
];

/// The built-in script of `emulation` (a `-m` name), for a final link or `-r`.
pub fn builtin(emulation: &str, relocatable: bool) -> Builtin {
    let mips = emulation.starts_with("elf") && emulation.contains("mip");
    let ppc64 = matches!(emulation, "elf64ppc" | "elf64lppc" | "elf64ppc_fbsd" | "elf64lppc_fbsd");
    let aarch64 = emulation.starts_with("aarch64");
    let arm = emulation.starts_with("armelf");
    // Linux arm scripts leave the attributes out.
    let arm_attributes = aarch64 || (arm && !emulation.contains("linux"));

    let mut keeps = vec![".init", ".fini", ".eh_frame"];
    if relocatable {
        keeps.extend([".jcr", ".gnu.attributes"]);
    } else {
        keeps.extend(FINAL);
    }
    if ppc64 {
        keeps.push(".opd");
    }
    if arm_attributes {
        keeps.push(".ARM.attributes");
    }
    if aarch64 || arm {
        keeps.push(".note.gnu.arm.ident");
    }
    // Only the o32 scripts have these (ld `emulparams/elf32bmip.sh`); n32 and n64 do not.
    if mips && emulation.starts_with("elf32") && !emulation.contains("n32") {
        keeps.extend(MIPS);
    }
    let entry = match emulation {
        _ if relocatable => None,
        _ if mips => Some("__start"),
        "hppa64linux" | "elf64hppa" => Some("main"),
        "elf32rx_linux" => Some("start"),
        "elf64mmix" => Some("_start."),
        "elf32metag" | "elf32ip2k" | "elf64alpha_nbsd" => Some("__start"),
        _ => Some("_start"),
    };
    Builtin { entry, keeps }
}

impl Builtin {
    /// The same as a script, so that one kind of query serves both.
    ///
    /// Errors: none in practice; the text is ours.
    pub fn script(&self) -> Result<Script> {
        let mut text = String::new();
        if let Some(entry) = self.entry {
            let _ = writeln!(text, "ENTRY({entry})");
        }
        text.push_str("SECTIONS {\n");
        for keep in &self.keeps {
            let output = keep.trim_end_matches(".*");
            let _ = writeln!(text, "  {output} : {{ KEEP (*({keep})) }}");
        }
        text.push_str("}\n");
        let options = Options { dialect: Dialect::Bfd, includes: &no_includes, assumed: false };
        parse_script("built-in linker script", text.into_bytes(), options)
    }
}

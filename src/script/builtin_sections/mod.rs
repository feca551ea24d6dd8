//! The SECTIONS of GNU ld's built-in scripts, per emulation and kind of output: where sections go
//! when no script is given.
//!
//! In: an emulation name and [`Kind`]. Out: a [`Script`] that places sections and moves the location
//! counter as the built-in one does (ld 2.40 `scripttempl/elf.sc` with `emulparams`); a test compares
//! it with what the installed linkers print. Emulations that are not listed get the common form.

mod code;
mod data;
mod head;
mod relro;
mod tail;

use std::fmt::Write as _;

use super::ast::{Dialect, Script};
use super::builtin::builtin;
use super::parser::{Options, no_includes, parse_script};
use crate::error::Result;

/// The path that statements of built-in scripts name as their file.
pub const FILE: &str = "built-in linker script";

/// What is linked: each has a script of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A program at a fixed address.
    Executable,
    /// `-pie`.
    Pie,
    /// `-shared`.
    Shared,
    /// `-r`.
    Relocatable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    X86,
    Arm,
    Aarch64,
    Ppc64,
    Ppc32,
    Mips,
    Riscv,
    S390,
    Other,
}

/// What tells one emulation's script from another's.
struct Shape<'a> {
    emulation: &'a str,
    family: Family,
    kind: Kind,
    /// `.rel` and `.rela` forms of relocation sections.
    rel: &'static [&'static str],
    /// Word size in bytes.
    word: u32,
    /// The script leaves room for small data sections.
    small_data: bool,
    /// A script for bare hardware (no `-linux` in the target).
    bare: bool,
    /// Code and read-only data begin on pages of their own.
    separate_code: bool,
    base: u64,
}

/// The built-in script. `separate_code` is `-z separate-code`, `None` for the default.
///
/// # Errors
/// None in practice; the text is ours.
pub fn sections(emulation: &str, kind: Kind, separate_code: Option<bool>) -> Result<Script> {
    let text = shape(emulation, kind, separate_code).text();
    let options = Options { dialect: Dialect::Bfd, includes: &no_includes, assumed: false };
    parse_script(FILE, text.into_bytes(), options)
}

fn shape(emulation: &str, kind: Kind, separate_code: Option<bool>) -> Shape<'_> {
    let family = match emulation {
        e if e.contains("x86_64") || e.contains("i386") || e.contains("iamcu") => Family::X86,
        e if e.starts_with("aarch64") => Family::Aarch64,
        e if e.starts_with("armelf") => Family::Arm,
        e if e.starts_with("elf64") && e.contains("ppc") => Family::Ppc64,
        e if e.contains("ppc") => Family::Ppc32,
        e if e.contains("mip") && !e.contains("mmix") => Family::Mips,
        e if e.contains("riscv") => Family::Riscv,
        e if e.contains("s390") => Family::S390,
        _ => Family::Other,
    };
    let is_64 = emulation.starts_with("elf64")
        || emulation == "elf_x86_64"
        || emulation == "elf32_x86_64"
        || (family == Family::Aarch64 && !emulation.contains("32"));
    let word = if is_64 && emulation != "elf32_x86_64" { 8 } else { 4 };
    let rel: &[&str] = match family {
        Family::X86 if !is_64 => &[".rel"],
        Family::Arm | Family::Mips => &[".rel", ".rela"],
        _ => &[".rela"],
    };
    let base = match family {
        Family::X86 if emulation == "elf_i386" || emulation == "elf_iamcu" => 0x0804_8000,
        Family::X86 | Family::Aarch64 => 0x40_0000,
        Family::Arm if emulation.contains("linux") => 0x1_0000,
        Family::Arm => 0x8000,
        Family::Ppc32 if emulation.contains("linux") || emulation.contains("sim") => 0x1000_0000,
        Family::Ppc32 => 0x0180_0000,
        Family::Ppc64 => 0x1000_0000,
        Family::Mips if emulation.contains("64") => 0x1_2000_0000,
        Family::Mips if emulation.contains("n32") => 0x1000_0000,
        Family::Mips => 0x40_0000,
        Family::Riscv => 0x1_0000,
        Family::S390 if emulation.contains("64") => 0x100_0000,
        Family::S390 | Family::Other => 0x40_0000,
    };
    Shape {
        emulation,
        family,
        kind,
        rel,
        word,
        small_data: matches!(family, Family::Ppc64 | Family::Ppc32 | Family::Mips | Family::Riscv),
        bare: matches!(family, Family::Arm | Family::Aarch64) && !emulation.contains("linux"),
        separate_code: separate_code.unwrap_or(family == Family::X86),
        base,
    }
}

impl Shape<'_> {
    fn shared(&self) -> bool {
        self.kind == Kind::Shared
    }

    fn relocatable(&self) -> bool {
        self.kind == Kind::Relocatable
    }

    /// n32 and n64 rather than o32.
    fn new_mips(&self) -> bool {
        self.family == Family::Mips && (self.emulation.contains("64") || self.emulation.contains("n32"))
    }

    fn bare_ppc(&self) -> bool {
        self.family == Family::Ppc32 && !self.emulation.contains("linux")
    }

    fn large_data(&self) -> bool {
        self.family == Family::X86 && self.rel == [".rela"]
    }

    fn text(&self) -> String {
        let mut t = String::with_capacity(12_000);
        if let Some(entry) = builtin(self.emulation, self.relocatable()).entry {
            let _ = writeln!(t, "ENTRY({entry})");
        }
        if self.bare_ppc() && matches!(self.kind, Kind::Executable | Kind::Pie) {
            t.push_str("PROVIDE (__stack = 0); PROVIDE (___stack = 0);\n");
        }
        t.push_str("SECTIONS {\n");
        self.start(&mut t);
        self.dynamic_tables(&mut t);
        self.relocations(&mut t);
        self.code(&mut t);
        self.read_only(&mut t);
        self.unwind(&mut t);
        self.relro(&mut t);
        self.data(&mut t);
        self.bss(&mut t);
        self.end(&mut t);
        t.push_str("}\n");
        t
    }

    /// `name : { patterns }`, at address 0 with `-r`, where patterns keep only their first name.
    fn out(&self, t: &mut String, name: &str, patterns: &[&str]) {
        self.out_with(t, name, "", patterns);
    }

    fn out_with(&self, t: &mut String, name: &str, header: &str, patterns: &[&str]) {
        let zero = if self.relocatable() { " 0" } else { "" };
        let _ = write!(t, "  {name}{zero} : {header} {{");
        for pattern in patterns {
            let _ = write!(t, " *({})", self.short(pattern));
        }
        t.push_str(" }\n");
    }

    /// With `-r` only sections of exactly the output's name are put together.
    fn short<'p>(&self, pattern: &'p str) -> &'p str {
        if self.relocatable() { pattern.split(' ').next().unwrap_or(pattern) } else { pattern }
    }

    /// `PROVIDE (x = .);` in shared libraries, `x = .;` elsewhere, nothing with `-r`.
    fn symbol(&self, t: &mut String, name: &str) {
        match self.kind {
            Kind::Relocatable => {}
            Kind::Shared => drop(writeln!(t, "  PROVIDE ({name} = .);")),
            _ => drop(writeln!(t, "  {name} = .;")),
        }
    }

    /// A start or end symbol of tables, which programs have and shared libraries not.
    fn bound(&self, t: &mut String, name: &str) {
        if matches!(self.kind, Kind::Executable | Kind::Pie) {
            let _ = write!(t, " PROVIDE_HIDDEN ({name} = .);");
        }
    }
}

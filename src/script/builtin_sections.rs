//! The SECTIONS of GNU ld's built-in scripts, per emulation and kind of output: where sections go
//! when no script is given.
//!
//! In: an emulation name and [`Kind`]. Out: a [`Script`] that places sections and moves the location
//! counter as the built-in one does (ld 2.40 `scripttempl/elf.sc` with `emulparams`); a test compares
//! it with what the installed linkers print. Emulations that are not listed get the common form.

use std::fmt::Write as _;

use super::ast::{Dialect, Script};
use super::builtin::builtin;
use super::builtin_tail::{DEBUG, MIPS_LATE};
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

    fn start(&self, t: &mut String) {
        let headers = if self.bare && self.kind == Kind::Executable { "" } else { " + SIZEOF_HEADERS" };
        let base = if self.kind == Kind::Executable { self.base } else { 0 };
        if !self.relocatable() {
            if !self.shared() {
                let _ = writeln!(
                    t,
                    "  PROVIDE (__executable_start = SEGMENT_START(\"text-segment\", {base:#x}));"
                );
            }
            let _ = writeln!(t, "  . = SEGMENT_START(\"text-segment\", {base:#x}){headers};");
        }
        let n64 = self.family == Family::Mips && self.emulation.contains("64");
        if !self.shared() && !n64 {
            self.out(t, ".interp", &[".interp"]);
        }
        if self.family == Family::Mips {
            self.out(t, ".MIPS.abiflags", &[".MIPS.abiflags"]);
            if !self.new_mips() {
                self.out(t, ".reginfo", &[".reginfo"]);
            }
            self.out(t, ".MIPS.xhash", &[".MIPS.xhash"]);
            if n64 {
                t.push_str("  .MIPS.options : { *(.MIPS.options) }\n");
            } else if self.new_mips() {
                self.out(t, ".reginfo", &[".reginfo"]);
            }
        }
    }

    fn dynamic_tables(&self, t: &mut String) {
        self.out(t, ".note.gnu.build-id", &[".note.gnu.build-id"]);
        if self.family == Family::Mips {
            self.out(t, ".dynamic", &[".dynamic"]);
        }
        const TABLES: [&str; 7] =
            [".hash", ".gnu.hash", ".dynsym", ".dynstr", ".gnu.version", ".gnu.version_d", ".gnu.version_r"];
        for name in TABLES {
            self.out(t, name, &[name]);
        }
    }

    fn relocations(&self, t: &mut String) {
        let iplt_in_dyn = !matches!(
            self.family,
            Family::X86 | Family::Aarch64 | Family::Riscv | Family::S390 | Family::Other
        );
        if self.relocatable() {
            for (stem, _) in self.relocated() {
                for rel in self.rel {
                    if *rel == ".rela" && stem == ".dyn" {
                        continue;
                    }
                    let _ = writeln!(t, "  {rel}{stem} 0 : {{ *({rel}{stem}) }}");
                }
            }
            if iplt_in_dyn {
                for rel in self.rel {
                    let _ = writeln!(t, "  {rel}.iplt 0 : {{ *({rel}.iplt) }}");
                }
            }
            for rel in self.rel {
                let _ = writeln!(t, "  {rel}.plt 0 : {{ *({rel}.plt) }}");
            }
        } else {
            for rel in self.rel {
                let _ = write!(t, "  {rel}.dyn : {{");
                for (stem, patterns) in self.relocated() {
                    if *rel == ".rela" && stem == ".dyn" {
                        continue;
                    }
                    if *rel == ".rela" && stem == ".data.rel.ro" {
                        continue;
                    }
                    let _ = write!(t, " *(");
                    let _ = write!(t, "{rel}{stem}");
                    for pattern in patterns {
                        let _ = write!(t, " {rel}{pattern}");
                    }
                    t.push(')');
                }
                if iplt_in_dyn {
                    self.iplt(t, rel);
                }
                t.push_str(" }\n");
            }
            for rel in self.rel {
                let _ = write!(t, "  {rel}.plt : {{ *({rel}.plt)");
                if !iplt_in_dyn {
                    self.iplt(t, rel);
                }
                t.push_str(" }\n");
            }
        }
        if matches!(self.family, Family::X86 | Family::Ppc64) && self.emulation != "elf_iamcu" {
            t.push_str("  .relr.dyn : { *(.relr.dyn) }\n");
        }
    }

    fn iplt(&self, t: &mut String, rel: &str) {
        let bounds = self.kind == Kind::Executable;
        let word = rel.trim_start_matches('.');
        if bounds {
            let _ = write!(t, " PROVIDE_HIDDEN (__{word}_iplt_start = .);");
        }
        let _ = write!(t, " *({rel}.iplt)");
        if bounds {
            let _ = write!(t, " PROVIDE_HIDDEN (__{word}_iplt_end = .);");
        }
    }

    /// What relocation sections are named after, and the names that join them in a final link.
    fn relocated(&self) -> Vec<(&'static str, &'static [&'static str])> {
        let mut list: Vec<(&str, &[&str])> = Vec::new();
        if self.family == Family::Ppc64 {
            list.push((".opd", &[]));
        }
        list.push((".init", &[]));
        list.extend::<[(&str, &[&str]); 9]>([
            (".text", &[".text.*", ".gnu.linkonce.t.*"]),
            (".fini", &[]),
            (".rodata", &[".rodata.*", ".gnu.linkonce.r.*"]),
            (".data.rel.ro", &[".data.rel.ro.*", ".gnu.linkonce.d.rel.ro.*"]),
            (".data", &[".data.*", ".gnu.linkonce.d.*"]),
            (".tdata", &[".tdata.*", ".gnu.linkonce.td.*"]),
            (".tbss", &[".tbss.*", ".gnu.linkonce.tb.*"]),
            (".ctors", &[]),
            (".dtors", &[]),
        ]);
        list.push((".got", &[]));
        match self.family {
            Family::Mips => list.push((".dyn", &[])),
            Family::Ppc64 => list.extend::<[(&str, &[&str]); 4]>([
                (".toc", &[]),
                (".toc1", &[]),
                (".tocbss", &[]),
                (".branch_lt", &[]),
            ]),
            Family::Ppc32 => list.push((".branch_lt", &[])),
            _ => {}
        }
        if self.small_data {
            list.extend::<[(&str, &[&str]); 4]>([
                (".sdata", &[".sdata.*", ".gnu.linkonce.s.*"]),
                (".sbss", &[".sbss.*", ".gnu.linkonce.sb.*"]),
                (".sdata2", &[".sdata2.*", ".gnu.linkonce.s2.*"]),
                (".sbss2", &[".sbss2.*", ".gnu.linkonce.sb2.*"]),
            ]);
        }
        list.push((".bss", &[".bss.*", ".gnu.linkonce.b.*"]));
        if self.large_data() {
            list.extend::<[(&str, &[&str]); 3]>([
                (".ldata", &[".ldata.*", ".gnu.linkonce.l.*"]),
                (".lbss", &[".lbss.*", ".gnu.linkonce.lb.*"]),
                (".lrodata", &[".lrodata.*", ".gnu.linkonce.lr.*"]),
            ]);
        }
        if matches!(self.family, Family::X86 | Family::Aarch64 | Family::Riscv | Family::S390 | Family::Other)
        {
            list.push((".ifunc", &[]));
        }
        list
    }

    /// The filler of code.
    fn fill(&self) -> &'static str {
        match self.family {
            Family::Aarch64 => " =0x1f2003d5",
            Family::S390 => " =0x07070707",
            _ => "",
        }
    }

    fn code(&self, t: &mut String) {
        let zero = if self.relocatable() { " 0" } else { "" };
        let fill = self.fill();
        if self.separate_code && !self.relocatable() {
            t.push_str("  . = ALIGN(CONSTANT (MAXPAGESIZE));\n");
        }
        let _ = writeln!(t, "  .init{zero} : {{ KEEP (*(SORT_NONE(.init))) }}{fill}");
        self.plt_before_text(t);
        let _ = write!(t, "  .text{zero} : {{");
        if self.relocatable() {
            t.push_str(" *(.text .stub)");
        } else {
            if self.family == Family::Mips {
                let name = if self.shared() { "PROVIDE (_ftext = .)" } else { "_ftext = ." };
                let _ = write!(t, " {name};");
            }
            t.push_str(" *(.text.unlikely .text.*_unlikely .text.unlikely.*)");
            t.push_str(" *(.text.exit .text.exit.*) *(.text.startup .text.startup.*)");
            t.push_str(" *(.text.hot .text.hot.*) *(SORT(.text.sorted.*))");
            t.push_str(" *(.text .stub .text.* .gnu.linkonce.t.*)");
        }
        t.push_str(" *(.gnu.warning)");
        if !self.relocatable() {
            t.push_str(match self.family {
                Family::Mips => " *(.mips16.fn.*) *(.mips16.call.*)",
                Family::Arm => " *(.glue_7t) *(.glue_7) *(.vfp11_veneer) *(.v4_bx)",
                Family::Ppc64 => " *(.sfpr .glink)",
                Family::Ppc32 => " *(.glink)",
                _ => "",
            });
        }
        let _ = writeln!(t, " }}{fill}");
        let _ = writeln!(t, "  .fini{zero} : {{ KEEP (*(SORT_NONE(.fini))) }}{fill}");
        if !self.relocatable() {
            for name in ["__etext", "_etext", "etext"] {
                let _ = writeln!(t, "  PROVIDE ({name} = .);");
            }
        }
        if self.separate_code && !self.relocatable() {
            t.push_str("  . = ALIGN(CONSTANT (MAXPAGESIZE));\n");
            t.push_str("  . = SEGMENT_START(\"rodata-segment\", ALIGN(CONSTANT (MAXPAGESIZE)) + (. & (CONSTANT (MAXPAGESIZE) - 1)));\n");
        }
    }

    fn plt_before_text(&self, t: &mut String) {
        let plain: &[&str] = if self.relocatable() { &[".plt"] } else { &[".plt", ".iplt"] };
        match self.family {
            Family::X86 => {
                self.out(t, ".plt", plain);
                self.out(t, ".plt.got", &[".plt.got"]);
                if self.emulation != "elf_iamcu" {
                    self.out(t, ".plt.sec", &[".plt.sec"]);
                }
            }
            Family::Aarch64 if !self.bare => self.out_with(t, ".plt", "ALIGN(16)", plain),
            Family::Arm => {
                self.out(t, ".plt", &[".plt"]);
                self.out(t, ".iplt", &[".iplt"]);
            }
            Family::Mips if self.new_mips() => {
                self.out(t, ".plt", &[".plt"]);
                self.out(t, ".iplt", &[".iplt"]);
            }
            Family::Aarch64 | Family::Riscv | Family::S390 | Family::Other => self.out(t, ".plt", plain),
            Family::Mips | Family::Ppc64 | Family::Ppc32 => {}
        }
    }

    fn read_only(&self, t: &mut String) {
        self.out(t, ".rodata", &[".rodata .rodata.* .gnu.linkonce.r.*"]);
        self.out(t, ".rodata1", &[".rodata1"]);
        if self.small_data && !self.shared() {
            self.out(t, ".sdata2", &[".sdata2 .sdata2.* .gnu.linkonce.s2.*"]);
            self.out(t, ".sbss2", &[".sbss2 .sbss2.* .gnu.linkonce.sb2.*"]);
        }
        if self.family == Family::Arm {
            let zero = if self.relocatable() { " 0" } else { "" };
            if self.relocatable() {
                self.out(t, ".ARM.extab", &[".ARM.extab"]);
            } else {
                t.push_str("  .ARM.extab : { *(.ARM.extab* .gnu.linkonce.armextab.*) }\n");
            }
            let _ = write!(t, "  .ARM.exidx{zero} : {{");
            self.exidx(t);
            t.push_str(" }\n");
        }
    }

    fn exidx(&self, t: &mut String) {
        if self.relocatable() {
            t.push_str(" *(.ARM.exidx)");
            return;
        }
        t.push_str(" PROVIDE_HIDDEN (__exidx_start = .);");
        t.push_str(" *(.ARM.exidx* .gnu.linkonce.armexidx.*)");
        t.push_str(" PROVIDE_HIDDEN (__exidx_end = .);");
    }

    /// Unwind data: with the read-only sections, or with the data if any of it is writable.
    fn unwind(&self, t: &mut String) {
        let r = self.relocatable();
        if r {
            self.out(t, ".eh_frame_hdr", &[".eh_frame_hdr"]);
        } else {
            self.out(t, ".eh_frame_hdr", &[".eh_frame_hdr", ".eh_frame_entry .eh_frame_entry.*"]);
        }
        self.unwind_of(t, "ONLY_IF_RO");
        // o32 calls through stubs that stand before the writable data.
        if self.family == Family::Mips && !self.new_mips() {
            self.out(t, ".plt", &[".plt"]);
            self.out(t, ".iplt", &[".iplt"]);
        }
        if !r {
            match (self.bare, self.kind) {
                (true, _) => {
                    t.push_str("  . = ALIGN(CONSTANT (MAXPAGESIZE)) + (. & (CONSTANT (MAXPAGESIZE) - 1));\n")
                }
                _ => t.push_str(
                    "  . = DATA_SEGMENT_ALIGN (CONSTANT (MAXPAGESIZE), CONSTANT (COMMONPAGESIZE));\n",
                ),
            }
        }
        self.unwind_of(t, "ONLY_IF_RW");
    }

    fn unwind_of(&self, t: &mut String, when: &str) {
        let r = self.relocatable();
        let zero = if r { " 0" } else { "" };
        let more = |name: &str| if r { String::new() } else { format!(" *({name}.*)") };
        let _ = writeln!(t, "  .eh_frame{zero} : {when} {{ KEEP (*(.eh_frame)){} }}", more(".eh_frame"));
        let _ = writeln!(t, "  .sframe{zero} : {when} {{ *(.sframe){} }}", more(".sframe"));
        let table = if r { "" } else { " .gcc_except_table.*" };
        let except = format!("  .gcc_except_table{zero} : {when} {{ *(.gcc_except_table{table}) }}\n");
        let star = if r { "" } else { "*" };
        let ranges = format!("  .exception_ranges{zero} : {when} {{ *(.exception_ranges{star}) }}\n");
        if when == "ONLY_IF_RO" {
            t.push_str(&except);
            let _ = writeln!(t, "  .gnu_extab{zero} : {when} {{ *(.gnu_extab*) }}");
        } else {
            let _ = writeln!(t, "  .gnu_extab{zero} : {when} {{ *(.gnu_extab) }}");
            t.push_str(&except);
        }
        t.push_str(&ranges);
    }

    fn relro(&self, t: &mut String) {
        let zero = if self.relocatable() { " 0" } else { "" };
        let _ = write!(t, "  .tdata{zero} : {{");
        if self.relocatable() {
            t.push_str(" *(.tdata) }\n");
            t.push_str("  .tbss 0 : { *(.tbss) }\n");
        } else {
            self.bound(t, "__tdata_start");
            t.push_str(" *(.tdata .tdata.* .gnu.linkonce.td.*) }\n");
            t.push_str("  .tbss : { *(.tbss .tbss.* .gnu.linkonce.tb.*) *(.tcommon) }\n");
            self.tables(t);
        }
        let _ = writeln!(t, "  .jcr{zero} : {{ KEEP (*(.jcr)) }}");
        if !self.relocatable() {
            t.push_str("  .data.rel.ro : { *(.data.rel.ro.local* .gnu.linkonce.d.rel.ro.local.*)");
            t.push_str(" *(.data.rel.ro .data.rel.ro.* .gnu.linkonce.d.rel.ro.*) }\n");
        }
        self.got_in_relro(t);
    }

    fn tables(&self, t: &mut String) {
        const CRT: &str = "EXCLUDE_FILE (*crtbegin.o *crtbegin?.o *crtend.o *crtend?.o)";
        t.push_str("  .preinit_array : {");
        self.bound(t, "__preinit_array_start");
        t.push_str(" KEEP (*(.preinit_array))");
        self.bound(t, "__preinit_array_end");
        t.push_str(" }\n");
        for (stem, old) in [("init", "ctors"), ("fini", "dtors")] {
            let _ = write!(t, "  .{stem}_array : {{");
            self.bound(t, &format!("__{stem}_array_start"));
            let sorted = |name: &str| format!("SORT_BY_INIT_PRIORITY(.{name}.*)");
            let _ = write!(t, " KEEP (*({} {}))", sorted(&format!("{stem}_array")), sorted(old));
            let _ = write!(t, " KEEP (*(.{stem}_array {CRT} .{old}))");
            self.bound(t, &format!("__{stem}_array_end"));
            t.push_str(" }\n");
        }
        for old in ["ctors", "dtors"] {
            let _ = writeln!(
                t,
                "  .{old} : {{ KEEP (*crtbegin.o(.{old})) KEEP (*crtbegin?.o(.{old})) \
                 KEEP (*(EXCLUDE_FILE (*crtend.o *crtend?.o) .{old})) KEEP (*(SORT(.{old}.*))) KEEP (*(.{old})) }}"
            );
        }
    }

    fn got_in_relro(&self, t: &mut String) {
        let r = self.relocatable();
        let end = |t: &mut String, offset: &str| {
            if !r && !self.bare {
                let _ = writeln!(t, "  . = DATA_SEGMENT_RELRO_END ({offset}, .);");
            }
        };
        let one =
            |name: &'static str, both: &'static [&'static str]| if r { vec![name] } else { both.to_vec() };
        match self.family {
            Family::S390 => {
                self.out(t, ".dynamic", &[".dynamic"]);
                if self.word == 8 {
                    self.out(t, ".got", &one(".got", &[".got", ".igot"]));
                    end(t, "0");
                    if !r {
                        self.out(t, ".got.plt", &[".got.plt", ".igot.plt"]);
                    }
                } else {
                    end(t, "0");
                    self.out(t, ".got", &one(".got", &[".got.plt", ".igot.plt", ".got", ".igot"]));
                }
            }
            Family::X86 | Family::Aarch64 | Family::Other => {
                self.out(t, ".dynamic", &[".dynamic"]);
                self.out(t, ".got", &one(".got", &[".got", ".igot"]));
                let offset = match (self.family, self.large_data()) {
                    (Family::X86, true) => "SIZEOF (.got.plt) >= 24 ? 24 : 0",
                    (Family::X86, false) => "SIZEOF (.got.plt) >= 12 ? 12 : 0",
                    (Family::Aarch64, _) if self.word == 8 => "24",
                    (Family::Aarch64, _) => "12",
                    _ => "0",
                };
                end(t, offset);
                self.out(t, ".got.plt", &one(".got.plt", &[".got.plt", ".igot.plt"]));
            }
            Family::Arm => {
                self.out(t, ".dynamic", &[".dynamic"]);
                end(t, "0");
                self.out(t, ".got", &one(".got", &[".got.plt", ".igot.plt", ".got", ".igot"]));
            }
            Family::Ppc64 => self.ppc64_got(t, end),
            Family::Ppc32 => {
                if self.bare_ppc() {
                    self.out(t, ".fixup", &[".fixup"]);
                }
                for name in [".got1", ".got2", ".dynamic"] {
                    self.out(t, name, &[name]);
                }
                if r {
                    self.out(t, ".branch_lt", &[".branch_lt"]);
                } else {
                    t.push_str("  .branch_lt : ALIGN(4) { *(.branch_lt) }\n");
                }
                self.out_with(t, ".got", "SPECIAL", &[".got"]);
                end(t, "0");
                self.out_with(t, ".plt", "SPECIAL", &[".plt"]);
            }
            Family::Mips => {
                end(t, "0");
                if !self.new_mips() {
                    self.out(t, ".got.plt", &[".got.plt"]);
                }
            }
            Family::Riscv => {
                self.out(t, ".dynamic", &[".dynamic"]);
                end(t, "0");
            }
        }
    }

    fn ppc64_got(&self, t: &mut String, end: impl Fn(&mut String, &str)) {
        self.out(t, ".dynamic", &[".dynamic"]);
        if self.relocatable() {
            t.push_str("  .opd 0 : { KEEP (*(.opd)) }\n");
            for name in [".toc1", ".branch_lt", ".got", ".toc", ".toc"] {
                self.out(t, name, &[name]);
            }
            for name in [".sdata", ".tocbss", ".sbss"] {
                self.out(t, name, &[name]);
            }
            self.out(t, ".plt", &[".plt"]);
            self.out(t, ".iplt", &[".iplt"]);
            return;
        }
        t.push_str("  .opd : ALIGN(8) { KEEP (*(.opd)) }\n  .toc1 : ALIGN(8) { *(.toc1) }\n");
        t.push_str(
            "  .branch_lt ALIGNOF(.branch_lt) < 256 && SIZEOF(.got) != 0 \
                    ? . + (((-MAX(ALIGNOF(.branch_lt),8) & (-SIZEOF(.branch_lt))) - .) & 255) \
                    : ALIGN(MAX(ALIGNOF(.branch_lt), SIZEOF(.got) != 0 ? 256 : 8)) : { *(.branch_lt) }\n",
        );
        t.push_str("  .got : ALIGN(256) { *(.got .toc) }\n");
        end(t, "0");
        t.push_str("  .toc : ALIGN(8) { *(.toc) }\n");
        self.sdata(t);
        t.push_str("  .tocbss : ALIGN(8) { *(.tocbss) }\n");
        self.sbss(t);
        self.out(t, ".plt", &[".plt"]);
        self.out(t, ".iplt", &[".iplt"]);
    }

    fn sdata(&self, t: &mut String) {
        if self.relocatable() {
            return self.out(t, ".sdata", &[".sdata"]);
        }
        t.push_str("  .sdata : {");
        if self.family == Family::Riscv {
            if !self.shared() {
                t.push_str(" __SDATA_BEGIN__ = .;");
            }
            t.push_str(" *(.srodata.cst16) *(.srodata.cst8) *(.srodata.cst4) *(.srodata.cst2)");
            t.push_str(" *(.srodata .srodata.*)");
        }
        if self.shared() {
            t.push_str(" *(.sdata2 .sdata2.* .gnu.linkonce.s2.*)");
        }
        t.push_str(" *(.sdata .sdata.* .gnu.linkonce.s.*) }\n");
    }

    fn sbss(&self, t: &mut String) {
        if self.relocatable() {
            return self.out(t, ".sbss", &[".sbss"]);
        }
        t.push_str("  .sbss : {");
        let bounds = self.family == Family::Ppc32 && !self.shared();
        if bounds {
            t.push_str(" PROVIDE (__sbss_start = .); PROVIDE (___sbss_start = .);");
        }
        if self.shared() {
            t.push_str(" *(.sbss2 .sbss2.* .gnu.linkonce.sb2.*)");
        }
        t.push_str(" *(.dynsbss)");
        t.push_str(" *(.sbss .sbss.* .gnu.linkonce.sb.*) *(.scommon)");
        if bounds {
            t.push_str(" PROVIDE (__sbss_end = .); PROVIDE (___sbss_end = .);");
        }
        t.push_str(" }\n");
    }

    fn data(&self, t: &mut String) {
        if self.relocatable() {
            self.out(t, ".data", &[".data"]);
            self.out(t, ".data1", &[".data1"]);
        } else {
            t.push_str("  .data : {");
            match self.family {
                Family::Mips if self.shared() => t.push_str(" PROVIDE (_fdata = .);"),
                Family::Mips => t.push_str(" _fdata = .;"),
                Family::Riscv if !self.shared() => t.push_str(" __DATA_BEGIN__ = .;"),
                Family::Arm | Family::Aarch64 if self.bare && !self.shared() => {
                    t.push_str(" __data_start = .;");
                }
                Family::Arm | Family::Aarch64 => t.push_str(" PROVIDE (__data_start = .);"),
                _ => {}
            }
            t.push_str(" *(.data .data.* .gnu.linkonce.d.*) SORT(CONSTRUCTORS) }\n");
            self.out(t, ".data1", &[".data1"]);
        }
        match self.family {
            Family::Mips => {
                if self.new_mips() {
                    self.out(t, ".got.plt", &[".got.plt"]);
                }
                if !self.relocatable() {
                    t.push_str("  . = .; HIDDEN (_gp = ALIGN (16) + 0x7ff0);\n");
                }
                self.out(t, ".got", &[".got"]);
                self.sdata(t);
                self.out(t, ".lit8", &[".lit8"]);
                self.out(t, ".lit4", &[".lit4"]);
                if self.new_mips() {
                    self.out(t, ".srdata", &[".srdata"]);
                }
            }
            Family::Riscv => {
                if self.relocatable() {
                    self.out(t, ".got", &[".got"]);
                } else {
                    self.out(t, ".got", &[".got.plt", ".igot.plt", ".got", ".igot"]);
                }
                self.sdata(t);
            }
            Family::Ppc32 => {
                self.out_with(t, ".got", "SPECIAL", &[".got"]);
                self.sdata(t);
            }
            _ => {}
        }
    }

    fn persistent(&self, t: &mut String) {
        t.push_str("  .persistent : { . = ALIGN(32 / 8); PROVIDE (__persistent_start = .);");
        t.push_str(" *(.persistent .persistent.* .gnu.linkonce.p.*)");
        t.push_str(" . = ALIGN(32 / 8); PROVIDE (__persistent_end = .); }\n");
    }

    fn bss(&self, t: &mut String) {
        let bits = self.word * 8;
        if !self.relocatable() {
            self.symbol(t, "_edata");
            t.push_str("  PROVIDE (edata = .);\n");
            if self.family == Family::Arm && self.bare {
                self.persistent(t);
            }
            t.push_str("  . = .;\n");
            self.symbol(t, "__bss_start");
            match self.family {
                Family::Mips => self.symbol(t, "_fbss"),
                Family::Arm | Family::Aarch64 => self.symbol(t, "__bss_start__"),
                _ => {}
            }
        }
        match self.family {
            Family::Mips | Family::Riscv => self.sbss(t),
            Family::Ppc32 => {
                self.sbss(t);
                self.out_with(t, ".plt", "SPECIAL", &[".plt"]);
                self.out(t, ".iplt", &[".iplt"]);
            }
            _ => {}
        }
        if self.relocatable() {
            let bare_arm = self.family == Family::Arm && self.bare;
            if bare_arm {
                t.push_str("  .persistent : { *(.persistent) }\n");
            }
            self.out(t, ".bss", &[".bss"]);
            if bare_arm {
                t.push_str("  .noinit (NOLOAD) : { *(.noinit) }\n");
            }
            if self.large_data() {
                for name in [".lbss", ".lrodata", ".ldata"] {
                    self.out(t, name, &[name]);
                }
            }
            return;
        }
        let _ = writeln!(
            t,
            "  .bss : {{ *(.dynbss) *(.bss .bss.* .gnu.linkonce.b.*) *(COMMON) . = ALIGN(. != 0 ? {bits} / 8 : 1); }}"
        );
        if matches!(self.family, Family::Arm | Family::Aarch64) {
            self.symbol(t, "_bss_end__");
            self.symbol(t, "__bss_end__");
        }
        if self.family == Family::Arm && self.bare {
            t.push_str("  .noinit (NOLOAD) : { . = ALIGN(32 / 8); PROVIDE (__noinit_start = .);");
            t.push_str(" *(.noinit .noinit.* .gnu.linkonce.n.*)");
            t.push_str(" . = ALIGN(32 / 8); PROVIDE (__noinit_end = .); }\n");
        }
        if self.large_data() {
            t.push_str("  .lbss : { *(.dynlbss) *(.lbss .lbss.* .gnu.linkonce.lb.*) *(LARGE_COMMON) }\n");
        }
        let _ = writeln!(t, "  . = ALIGN({bits} / 8);");
        t.push_str("  . = SEGMENT_START(\"ldata-segment\", .);\n");
        if self.large_data() {
            let at = "ALIGN(CONSTANT (MAXPAGESIZE)) + (. & (CONSTANT (MAXPAGESIZE) - 1))";
            let _ = writeln!(t, "  .lrodata {at} : {{ *(.lrodata .lrodata.* .gnu.linkonce.lr.*) }}");
            let _ = writeln!(
                t,
                "  .ldata {at} : {{ *(.ldata .ldata.* .gnu.linkonce.l.*) . = ALIGN(. != 0 ? {bits} / 8 : 1); }}"
            );
        }
        let _ = writeln!(t, "  . = ALIGN({bits} / 8);");
    }

    fn end(&self, t: &mut String) {
        if !self.relocatable() {
            if matches!(self.family, Family::Arm | Family::Aarch64) {
                self.symbol(t, "__end__");
            }
            if self.family == Family::Riscv && !self.shared() {
                t.push_str("  __BSS_END__ = .;\n");
                t.push_str(
                    "  __global_pointer$ = MIN(__SDATA_BEGIN__ + 0x800, \
                            MAX(__DATA_BEGIN__ + 0x800, __BSS_END__ - 0x800));\n",
                );
            }
            if self.bare_ppc() {
                self.symbol(t, "__end");
            }
            self.symbol(t, "_end");
            t.push_str("  PROVIDE (end = .);\n");
            if self.bare {
                t.push_str("  .stack 0x80000 : { _stack = .; *(.stack) }\n");
            } else {
                t.push_str("  . = DATA_SEGMENT_END (.);\n");
            }
        }
        if self.relocatable() && self.bare {
            t.push_str("  .stack 0 : { *(.stack) }\n");
        }
        for (name, patterns) in DEBUG {
            let at = if *name == ".gnu.build.attributes" { "" } else { " 0" };
            let _ = writeln!(t, "  {name}{at} : {{ *({}) }}", self.short(patterns));
        }
        if self.family == Family::Aarch64 || (self.family == Family::Arm && self.bare) {
            t.push_str("  .ARM.attributes 0 : { KEEP (*(.ARM.attributes)) KEEP (*(.gnu.attributes)) }\n");
        } else {
            t.push_str("  .gnu.attributes 0 : { KEEP (*(.gnu.attributes)) }\n");
        }
        if matches!(self.family, Family::Arm | Family::Aarch64) {
            t.push_str("  .note.gnu.arm.ident 0 : { KEEP (*(.note.gnu.arm.ident)) }\n");
        }
        if self.family == Family::Mips {
            if self.relocatable() {
                t.push_str("  .gptab.sdata : { *(.gptab.sdata) }\n  .gptab.sbss : { *(.gptab.sbss) }\n");
            } else {
                t.push_str("  .gptab.sdata : { *(.gptab.data) *(.gptab.sdata) }\n");
                t.push_str("  .gptab.sbss : { *(.gptab.bss) *(.gptab.sbss) }\n");
            }
            if !self.new_mips() {
                for name in MIPS_LATE {
                    let _ = writeln!(t, "  {name} 0 : {{ KEEP(*({name})) }}");
                }
            }
        }
        if self.family == Family::Ppc32 && self.emulation.contains("linux") && !self.relocatable() {
            t.push_str("  /DISCARD/ : { *(.fixup) }\n");
        }
        if !self.relocatable() {
            t.push_str("  /DISCARD/ : { *(.note.GNU-stack) *(.gnu_debuglink) *(.gnu.lto_*) }\n");
        }
    }
}

//! Code, read-only data and unwind tables of a built-in script.
//!
//! In: a [`Shape`]. Out: its statements from `.init` to the end of the read-only part, as text.

use std::fmt::Write as _;

use super::{Family, Shape};

impl Shape<'_> {
    /// The filler of code.
    fn fill(&self) -> &'static str {
        match self.family {
            Family::Aarch64 => " =0x1f2003d5",
            Family::S390 => " =0x07070707",
            _ => "",
        }
    }

    pub(super) fn code(&self, t: &mut String) {
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

    pub(super) fn read_only(&self, t: &mut String) {
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
    pub(super) fn unwind(&self, t: &mut String) {
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
}

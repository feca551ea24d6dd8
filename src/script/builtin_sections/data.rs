//! Data, small data and zeroed data of a built-in script.
//!
//! In: a [`Shape`]. Out: its statements from `.data` to the last alignment, as text.

use std::fmt::Write as _;

use super::{Family, Shape};

impl Shape<'_> {
    pub(super) fn sdata(&self, t: &mut String) {
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

    pub(super) fn sbss(&self, t: &mut String) {
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

    pub(super) fn data(&self, t: &mut String) {
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

    pub(super) fn bss(&self, t: &mut String) {
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
}

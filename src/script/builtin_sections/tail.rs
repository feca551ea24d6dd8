//! The end of a built-in script: the last symbols, debugging data and what targets add.
//!
//! In: a [`Shape`]. Out: its statements behind the zeroed data, as text.

use std::fmt::Write as _;

use super::{Family, Shape};
use crate::script::builtin::MIPS;

/// Stabs, comments and DWARF: output section and patterns, in order.
const DEBUG: &[(&str, &str)] = &[
    (".stab", ".stab"),
    (".stabstr", ".stabstr"),
    (".stab.excl", ".stab.excl"),
    (".stab.exclstr", ".stab.exclstr"),
    (".stab.index", ".stab.index"),
    (".stab.indexstr", ".stab.indexstr"),
    (".comment", ".comment"),
    (".gnu.build.attributes", ".gnu.build.attributes .gnu.build.attributes.*"),
    (".debug", ".debug"),
    (".line", ".line"),
    (".debug_srcinfo", ".debug_srcinfo"),
    (".debug_sfnames", ".debug_sfnames"),
    (".debug_aranges", ".debug_aranges"),
    (".debug_pubnames", ".debug_pubnames"),
    (".debug_info", ".debug_info .gnu.linkonce.wi.*"),
    (".debug_abbrev", ".debug_abbrev"),
    (".debug_line", ".debug_line .debug_line.* .debug_line_end"),
    (".debug_frame", ".debug_frame"),
    (".debug_str", ".debug_str"),
    (".debug_loc", ".debug_loc"),
    (".debug_macinfo", ".debug_macinfo"),
    (".debug_weaknames", ".debug_weaknames"),
    (".debug_funcnames", ".debug_funcnames"),
    (".debug_typenames", ".debug_typenames"),
    (".debug_varnames", ".debug_varnames"),
    (".debug_pubtypes", ".debug_pubtypes"),
    (".debug_ranges", ".debug_ranges"),
    (".debug_addr", ".debug_addr"),
    (".debug_line_str", ".debug_line_str"),
    (".debug_loclists", ".debug_loclists"),
    (".debug_macro", ".debug_macro"),
    (".debug_names", ".debug_names"),
    (".debug_rnglists", ".debug_rnglists"),
    (".debug_str_offsets", ".debug_str_offsets"),
    (".debug_sup", ".debug_sup"),
];

impl Shape<'_> {
    pub(super) fn end(&self, t: &mut String) {
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
                for name in MIPS {
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

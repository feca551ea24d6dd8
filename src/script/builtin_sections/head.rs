//! The front of a built-in script: the image's start, tables for dynamic linking, relocations.
//!
//! In: a [`Shape`]. Out: its statements up to code, as text.

use std::fmt::Write as _;

use super::{Family, Kind, Shape};

impl Shape<'_> {
    pub(super) fn start(&self, t: &mut String) {
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

    pub(super) fn dynamic_tables(&self, t: &mut String) {
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

    pub(super) fn relocations(&self, t: &mut String) {
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
}

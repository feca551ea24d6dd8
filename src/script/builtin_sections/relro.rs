//! What a built-in script protects after relocation: constructors, `.dynamic`, the GOT where it belongs.
//!
//! In: a [`Shape`]. Out: its statements between the page break and `.data`, as text.

use std::fmt::Write as _;

use super::{Family, Shape};

impl Shape<'_> {
    pub(super) fn relro(&self, t: &mut String) {
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
}

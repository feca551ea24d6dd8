//! `undefined` on small kernels built in memory: every cause, with its remedy.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "common/kernel.rs"]
mod kernel;
#[path = "common/program.rs"]
mod program;
#[path = "common/schema.rs"]
mod schema_check;

use kernel::Folder;
use schema_check::fits;
use serde_json::Value;

/// A module's `.modinfo` and `__this_module`, GPL unless told otherwise.
fn module(info: &str, code: &str) -> String {
    let strings: String =
        info.split(';').filter(|s| !s.is_empty()).map(|s| format!("string \"{s}\"\n")).collect();
    format!("section .modinfo a\n{strings}{code}\n")
}

fn export(name: &str) -> String {
    format!("fn {name}\nsection ___ksymtab+{name} a\nref {name}\nref -\nref -\n")
}

/// `EXPORT_SYMBOL_NS_GPL` or the like: table suffix and namespace.
fn export_as(name: &str, table: &str, namespace: &str) -> String {
    format!(
        "fn {name}\nsection __ksymtab_strings_{name} ams entsize=1\nstring \"{namespace}\"\n\
         section ___ksymtab{table}+{name} a\nref {name}\nref -\nref [__ksymtab_strings_{name}]+0\n"
    )
}

/// Rows of an answer: symbol, level, cause.
fn rows(value: &Value) -> Vec<(&str, &str, &str)> {
    let text = |v: &'_ Value| -> Option<&'static str> { v.as_str().map(|s| &*s.to_string().leak()) };
    value["symbols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (text(&s["name"]).unwrap(), text(&s["level"]).unwrap(), text(&s["cause"]).unwrap()))
        .collect()
}

/// The only row about `name`.
fn row<'v>(value: &'v Value, name: &str) -> &'v Value {
    let list = value["symbols"].as_array().unwrap();
    let mut found = list.iter().filter(|s| s["name"] == name);
    let first = found.next().unwrap_or_else(|| panic!("{name} in {value:#}"));
    assert!(found.next().is_none(), "{name} twice");
    first
}

const IMAGE: [&str; 6] = ["--", "ld", "-e", "start", "image.o", "lib.a"];

/// An image with all kinds of names, and a library whose members nobody needs.
fn image() -> Folder {
    let dir = Folder::new();
    let parts = [
        "fn start".to_string(),
        export("good"),
        export_as("spaced", "", "USB"),
        export_as("chosen", "_gpl", "module:other,kvm*"),
        export_as("gpl", "_gpl", ""),
        "fn plain".to_string(),
        "fn hidden local".to_string(),
        "section .discard.ksym a\ndef __ksym_marker_trimmed local\nzero 1\nfn trimmed".to_string(),
        export("table_lost"),
    ];
    dir.object("image.o", "", &parts.join("\n"));
    dir.archive("lib.a", &[("unused.o", &export("unlinked"))]);
    dir
}

#[test]
fn causes_of_a_module() {
    let dir = image();
    let needs = "spaced chosen gpl plain hidden trimmed unlinked good __udivdi3 __start_mytab nowhere goood";
    let code = format!("fn init_module: {needs}\nundef weak_one weak\ndata w: weak_one");
    dir.object("m.ko", "", &module("license=Proprietary;vermagic=6.1.0 SMP", &code));
    let value = dir.json(&[&["undefined", "--format=json", "--module=m.ko"][..], &IMAGE].concat(), 1);
    let mut found = rows(&value);
    found.sort();
    let mut expected = [
        ("spaced", "error", "namespace"),
        ("chosen", "error", "restricted"),
        ("gpl", "error", "gpl-only"),
        ("plain", "error", "not-exported"),
        ("hidden", "error", "local"),
        ("trimmed", "error", "trimmed"),
        ("unlinked", "error", "export-not-linked"),
        ("__udivdi3", "error", "arch-helper"),
        ("__start_mytab", "error", "start-stop"),
        ("nowhere", "error", "not-defined"),
        ("goood", "error", "not-defined"),
        ("weak_one", "note", "weak"),
    ];
    expected.sort();
    assert_eq!(found, expected);
    let says = |name: &str| row(&value, name)["message"].as_str().unwrap();
    assert_eq!(says("plain"), "ERROR: modpost: \"plain\" [m.ko] undefined!");
    assert_eq!(
        says("spaced"),
        "ERROR: modpost: module m uses symbol spaced from namespace USB, but does not import it."
    );
    assert_eq!(says("gpl"), "ERROR: modpost: GPL-incompatible module m.ko uses GPL-only symbol 'gpl'");
    let remedy = |name: &str| row(&value, name)["remedy"].as_str().unwrap();
    assert!(remedy("spaced").contains("MODULE_IMPORT_NS"));
    assert!(remedy("plain").contains("EXPORT_SYMBOL_GPL(plain)"));
    assert!(remedy("trimmed").contains("CONFIG_UNUSED_KSYMS_WHITELIST"));
    assert!(remedy("unlinked").contains("obj-y instead of lib-y, or link lib.a with --whole-archive"));
    assert_eq!(row(&value, "goood")["near"], "good");
    assert_eq!(value["totals"]["errors"], 11);
    let ids: Vec<&str> =
        value["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 12);
    assert!(ids.iter().all(|id| *id == "LSW004"));
    let schema = dir.json(&["schema", "undefined"], 0);
    fits(&value, &schema, &schema, "undefined");
    // Weak names alone are no failure, unless notes are.
    dir.object("w.ko", "", &module("license=GPL", "undef weak_one weak\ndata w: weak_one good"));
    dir.text(&[&["undefined", "--module=w.ko"][..], &IMAGE].concat(), 0);
    dir.text(&[&["undefined", "--module=w.ko", "--fail-on=note"][..], &IMAGE].concat(), 1);
}

#[test]
fn modules_that_may_use_restricted_exports() {
    let dir = image();
    let good = module("license=GPL;import_ns=USB", "fn init_module: spaced chosen gpl good");
    dir.object("kvm-intel.ko", "", &good);
    let value = dir.json(&[&["undefined", "--format=json", "--module=kvm-intel.ko"][..], &IMAGE].concat(), 0);
    assert_eq!(rows(&value), []);
    assert!(
        dir.text(&[&["undefined", "--module=kvm-intel.ko"][..], &IMAGE].concat(), 0).contains("Nothing is")
    );
}

/// modpost prints ten and a count: the answer has them all.
#[test]
fn all_symbols_are_listed() {
    let dir = image();
    let names: Vec<String> = (0..40).map(|n| format!("missing_number_{n}")).collect();
    dir.object("m.ko", "", &module("license=GPL", &format!("fn init_module: {}", names.join(" "))));
    let value = dir.json(&[&["undefined", "--format=json", "--module=m.ko"][..], &IMAGE].concat(), 1);
    assert_eq!(rows(&value).len(), 40);
    let text = dir.text(&[&["undefined", "-n0", "--module=m.ko"][..], &IMAGE].concat(), 1);
    assert_eq!(text.matches(" undefined!").count(), 40);
    let csv = dir.text(&[&["undefined", "--format=csv", "--module=m.ko"][..], &IMAGE].concat(), 1);
    assert_eq!(csv.lines().count(), 41);
}

/// modpost's words changed with the kernel; a module's own version magic tells which are meant.
#[test]
fn words_follow_the_kernel() {
    let dir = image();
    for (magic, says) in [
        ("4.9.1 SMP", "ERROR: \"foo\" [m.ko] undefined!"),
        ("5.10.0", "ERROR: modpost: \"foo\" [m.ko] undefined!"),
        ("7.3.0-rc3", "ERROR: modpost: m.ko: symbol 'foo' undefined!"),
    ] {
        dir.object("m.ko", "", &module(&format!("license=GPL;vermagic={magic}"), "fn init_module: foo"));
        let value = dir.json(&[&["undefined", "--format=json", "--module=m.ko"][..], &IMAGE].concat(), 1);
        assert_eq!(row(&value, "foo")["message"], says);
    }
}

#[test]
fn an_export_whose_table_entry_is_collected() {
    let dir = Folder::new();
    dir.object("image.o", "", &format!("fn start\n{}", export("foo")));
    dir.file("k.lds", "ENTRY(start) SECTIONS { .t : { *(.text*) } .k : { *(___ksymtab*) } }");
    dir.object("m.ko", "", &module("license=GPL", "fn init_module: foo"));
    let line = [
        "undefined",
        "--format=json",
        "--module=m.ko",
        "--",
        "ld",
        "--gc-sections",
        "-T",
        "k.lds",
        "image.o",
    ];
    let value = dir.json(&line, 1);
    assert_eq!(rows(&value), [("foo", "error", "export-collected")]);
    assert!(row(&value, "foo")["remedy"].as_str().unwrap().contains("KEEP"));
    dir.file("k.lds", "ENTRY(start) SECTIONS { .t : { *(.text*) } .k : { KEEP(*(___ksymtab*)) } }");
    assert_eq!(rows(&dir.json(&line, 0)), []);
}

#[test]
fn exports_of_other_modules() {
    let dir = image();
    dir.object("user.ko", "", &module("license=GPL", "fn init_module: shared kept_back"));
    let table = "section __ksymtab a\ndef __ksymtab_shared local\nref shared\nref -\nref -\n";
    dir.object("offer.ko", "", &module("license=GPL", &format!("fn shared\nfn kept_back\n{table}")));
    let words = ["undefined", "--format=json", "--module=user.ko", "--extra-module=offer.ko"];
    let value = dir.json(&[&words[..], &IMAGE].concat(), 1);
    assert_eq!(rows(&value), [("kept_back", "error", "not-exported")]);
    assert!(row(&value, "kept_back")["explanation"].as_str().unwrap().contains("offer.ko"));
    // The image cannot use what only a module has.
    dir.object("image.o", "", "fn start: shared");
    let value = dir.json(&[&words[..], &IMAGE].concat(), 1);
    assert_eq!(rows(&value), [("kept_back", "error", "not-exported")]);
    let words = ["undefined", "--format=json", "--extra-module=offer.ko"];
    let value = dir.json(&[&words[..], &IMAGE].concat(), 1);
    let found = row(&value, "shared");
    assert_eq!((&found["cause"], &found["module"]), (&"built-in-needs-module".into(), &Value::Null));
}

#[test]
fn exports_without_a_checksum() {
    let dir = Folder::new();
    let versioned =
        |name: &str, crc: &str| format!("{}section ___kcrctab+{name} a\nbytes {crc}\n", export(name));
    dir.object(
        "image.o",
        "",
        &format!("fn start\n{}{}", versioned("a", "01020304"), versioned("b", "00000000")),
    );
    dir.object("m.ko", "", &module("license=GPL;vermagic=6.1.0", "fn init_module: a b"));
    let line = ["undefined", "--format=json", "--module=m.ko", "--", "ld", "-e", "start", "image.o"];
    let value = dir.json(&line, 0);
    assert_eq!(rows(&value), [("b", "warning", "no-crc")]);
    assert!(row(&value, "b")["remedy"].as_str().unwrap().contains("asm-prototypes"));
}

/// 2017: parts of a module were LTO objects, modpost read none of them and missed the licence.
#[test]
fn a_missing_licence_names_the_part_that_is_intermediate_code() {
    let dir = image();
    let slim = "section .gnu.lto_.symtab e\nzero 8\ncommon __gnu_lto_slim 1\n";
    dir.object("drivers/m.o", "", "fn init_module: good");
    dir.object("drivers/part1.o", "", "fn init_module");
    dir.object("drivers/part2.o", "", slim);
    dir.file("drivers/m.mod", "drivers/part1.o\ndrivers/part2.o\n");
    let line = |format: &'static str| [&["undefined", format, "--module=drivers/m.o"][..], &IMAGE].concat();
    let value = dir.json(&line("--format=json"), 1);
    let found = &value["symbols"][0];
    assert_eq!((&found["cause"], &found["name"]), (&"opaque-input".into(), &"".into()));
    assert_eq!(found["message"], "ERROR: modpost: missing MODULE_LICENSE() in drivers/m.o");
    assert!(found["explanation"].as_str().unwrap().contains("drivers/part2.o"), "{found}");
    assert_eq!(value["findings"][0]["id"], "LSW009");
    assert!(dir.text(&line("--format=text"), 1).contains("drivers/part2.o"));
    // The whole module as bitcode, and one that truly has no licence.
    dir.file("drivers/m.o", b"BC\xc0\xde\0\0\0\0");
    let value = dir.json(&line("--format=json"), 1);
    assert!(value["symbols"][0]["explanation"].as_str().unwrap().contains("drivers/part2.o"));
    dir.file("drivers/m.mod", "");
    let value = dir.json(&line("--format=json"), 1);
    assert!(value["symbols"][0]["explanation"].as_str().unwrap().contains("LLVM bitcode"));
    dir.object("drivers/m.o", "", "fn init_module: good");
    let value = dir.json(&line("--format=json"), 1);
    assert_eq!(rows(&value), [("", "error", "no-licence")]);
}

/// What nothing readable defines may stand in an object that cannot be read.
#[test]
fn an_opaque_member_may_define_it() {
    let dir = image();
    dir.file("lto.bc", b"BC\xc0\xde\0\0\0\0");
    dir.object("m.ko", "", &module("license=GPL", "fn init_module: foo"));
    let line = ["--", "ld", "-e", "start", "image.o", "lib.a", "lto.bc"];
    let words = ["undefined", "--format=json", "--module=m.ko", "--linker=lld"];
    let run = dir.run(&[&words[..], &line].concat());
    let value: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(rows(&value), [("foo", "error", "opaque-input")]);
    assert!(value["partial"].as_bool().unwrap());
}

#[test]
fn causes_of_a_link() {
    let dir = Folder::new();
    dir.archive("early.a", &[("early.o", "fn early")]);
    dir.bare_archive("bare.a", &[("bare.o", "fn bare")]);
    dir.object(
        "main.o",
        "",
        "fn _start: early bare nowhere local_only __udivdi3\nundef w weak\ndata d: w\nfn dead: deadly",
    );
    dir.object("other.o", "", "fn local_only local\nfn x: local_only");
    let line = ["--", "ld.bfd", "--gc-sections", "early.a", "main.o", "other.o"];
    let value = dir.json(&[&["undefined", "--format=json"][..], &line].concat(), 1);
    let mut found = rows(&value);
    found.sort();
    let mut expected = [
        ("early", "error", "member-not-taken"),
        ("bare", "error", "not-defined"),
        ("nowhere", "error", "not-defined"),
        ("local_only", "error", "local"),
        ("__udivdi3", "error", "arch-helper"),
        ("w", "note", "weak"),
        ("deadly", "note", "not-defined"),
    ];
    expected.sort();
    assert_eq!(found, expected);
    let explains = |name: &str| row(&value, name)["explanation"].as_str().unwrap();
    assert!(explains("early").contains("early.a(early.o) defines it, and stands before main.o"), "{value:#}");
    // ld itself ends at an archive without index, before it looks for names: status 2, and the archive is named.
    let run = dir.run(&[&["undefined"][..], &line, &["bare.a"]].concat());
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.code() == Some(2) && told.contains("bare.a"), "{told}");
    assert_eq!(row(&value, "early")["message"], "undefined reference to `early'");
    assert_eq!(row(&value, "early")["referrers"][0]["section"], ".text._start");
    let value = dir.json(&[&["undefined", "--format=json", "--linker=lld"][..], &line].concat(), 1);
    assert_eq!(row(&value, "nowhere")["message"], "undefined symbol: nowhere");
    // Nothing is an error where undefined names are allowed.
    let shared = ["--", "ld.bfd", "-shared", "main.o"];
    let value = dir.json(&[&["undefined", "--format=json"][..], &shared].concat(), 0);
    assert!(rows(&value).iter().all(|r| r.1 == "note"), "{value:#}");
}

/// 2016: archives of built-in objects need `--whole-archive`, and with it a member that nobody needs
/// brings a name that nothing defines.
#[test]
fn archive_modes_and_the_failures_they_bring() {
    let dir = Folder::new();
    dir.archive("arch/arm/kernel/built-in.o", &[("sleep.o", "fn cpu_resume_mmu")]);
    dir.archive("arch/arm/mm/built-in.o", &[("proc-v7.o", "fn cpu_v7_do_resume: cpu_resume_mmu")]);
    dir.archive("arch/arm/lib/lib.a", &[("used.o", "fn memcpy"), ("io-acorn.o", "fn insl: printk")]);
    dir.object("head.o", "", "fn stext: cpu_v7_do_resume memcpy");
    let base = ["--", "ld.bfd", "-e", "stext", "head.o"];
    let archives =
        ["--whole-archive", "arch/arm/kernel/built-in.o", "arch/arm/mm/built-in.o", "--no-whole-archive"];
    let line = [&base[..], &archives, &["arch/arm/lib/lib.a"]].concat();
    let good = dir.json(&[&["undefined", "--format=json"][..], &line].concat(), 0);
    assert_eq!(rows(&good), []);
    let words = ["undefined", "--format=json", "--on-demand=*built-in.o"];
    let without = dir.json(&[&words[..], &line].concat(), 1);
    assert_eq!(rows(&without), [("cpu_resume_mmu", "error", "member-not-taken")]);
    let found = row(&without, "cpu_resume_mmu");
    let explained = found["explanation"].as_str().unwrap();
    assert!(
        explained.contains("arch/arm/kernel/built-in.o(sleep.o) defines it, and stands before"),
        "{found}"
    );
    assert!(found["remedy"].as_str().unwrap().contains("--whole-archive"));
    let words = ["undefined", "--format=json", "--whole-archive=*lib.a"];
    let with = dir.json(&[&words[..], &line].concat(), 1);
    assert_eq!(rows(&with), [("printk", "error", "dragged-in")]);
    let found = row(&with, "printk");
    assert!(found["explanation"].as_str().unwrap().contains("arch/arm/lib/lib.a(io-acorn.o)"), "{found}");
    assert!(found["remedy"].as_str().unwrap().contains("leave arch/arm/lib/lib.a on demand"));
}

/// 2016: fifteen symbols of a library that only `--whole-archive` brings; two of them are exported.
#[test]
fn what_whole_archive_would_add_and_what_it_costs_to_leave_it() {
    let dir = Folder::new();
    let noop = ["alloc", "free", "map_page", "map_sg", "mapping_error", "supported"];
    let mut body: String = noop.iter().map(|n| format!("fn dma_noop_{n} local size=16\n")).collect();
    let targets: Vec<String> = noop.iter().map(|n| format!("dma_noop_{n}")).collect();
    body.push_str("section .rodata.dma_noop_ops a align=8\ndef dma_noop_ops object size=48\n");
    body.extend(targets.iter().map(|t| format!("ref {t}\n")));
    body.push_str("section ___ksymtab+dma_noop_ops a\nref dma_noop_ops\nref -\n");
    let fdt = [
        "fdt_create_empty_tree",
        "fdt_open_into",
        "fdt_pack",
        "fdt_node_end_offset_",
        "fdt_strerror",
        "fdt_move",
    ];
    let fdt_body: String = fdt.iter().map(|n| format!("fn {n}\n")).collect();
    let ioremap =
        "fn ioremap_page_range\nsection ___ksymtab_gpl+ioremap_page_range a\nref ioremap_page_range\nref -\n";
    dir.archive(
        "lib/lib.a",
        &[
            ("string.o", "fn memcpy"),
            ("dma-noop.o", &body),
            ("fdt.o", &fdt_body),
            ("earlycpio.o", "fn find_cpio_data"),
            ("ioremap.o", ioremap),
        ],
    );
    dir.object("main.o", "", "fn start: memcpy");
    dir.object("m.ko", "", &module("license=GPL;vermagic=4.7.0", "fn init_module: dma_noop_ops"));
    let line = ["--", "ld", "-e", "start", "main.o", "lib/lib.a"];
    let value = dir.json(&[&["extract", "--format=json"][..], &line].concat(), 0);
    let symbols = value["archives"][0]["whole_archive"]["symbols"].as_array().unwrap();
    assert_eq!(symbols.len(), 15, "{symbols:#?}");
    let named = |test: &dyn Fn(&Value) -> bool| -> Vec<&str> {
        symbols.iter().filter(|s| test(s)).map(|s| s["name"].as_str().unwrap()).collect()
    };
    assert_eq!(named(&|s| s["exported"] == true), ["dma_noop_ops", "ioremap_page_range"]);
    assert_eq!(named(&|s| s["serves"] == "dma_noop_ops"), targets);
    let mut cost = fdt.to_vec();
    cost.push("find_cpio_data");
    assert_eq!(named(&|s| s["pure_cost"] == true), cost);
    let text = dir.text(&[&["extract"][..], &line].concat(), 0);
    let line_of = |name: &str| text.lines().find(|l| l.contains(&format!(" {name} "))).unwrap().to_string();
    assert!(line_of("find_cpio_data").contains("pure cost"));
    assert!(line_of("ioremap_page_range").contains("exported"));
    assert!(line_of("dma_noop_free").contains("for dma_noop_ops"));
    // A module that needs the export fails, in modpost's words, and the cause is named.
    let words = ["undefined", "--format=json", "--module=m.ko"];
    let value = dir.json(&[&words[..], &line].concat(), 1);
    assert_eq!(rows(&value), [("dma_noop_ops", "error", "export-not-linked")]);
    let finding = &value["findings"][0];
    let message = finding["message"].as_str().unwrap();
    assert!(message.starts_with("ERROR: \"dma_noop_ops\" [m.ko] undefined!"), "{message}");
    assert!(message.contains("exported by lib/lib.a(dma-noop.o), which is not in the link"), "{message}");
    assert_eq!(finding["id"], "LSW004");
    // Taken whole, all is well and there is nothing left to add.
    let words = ["undefined", "--module=m.ko", "--whole-archive=lib/lib.a"];
    dir.text(&[&words[..], &line].concat(), 0);
    let words = ["extract", "--format=json", "--whole-archive=lib/lib.a"];
    let value = dir.json(&[&words[..], &line].concat(), 0);
    assert_eq!(value["archives"][0]["whole_archive"]["symbols"].as_array().unwrap().len(), 0);
}

/// A tree as kbuild leaves it (6.1), with sources beside the objects.
fn tree() -> Folder {
    let dir = Folder::new();
    dir.file(
        "include/config/auto.conf",
        "# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.5 Kernel Configuration\n\
         CONFIG_MODULES=y\nCONFIG_BUS=y\nCONFIG_LD_DEAD_CODE_DATA_ELIMINATION=y\n",
    );
    dir.file("include/config/kernel.release", "6.1.5\n");
    dir.file(
        "arch/x86/kernel/vmlinux.lds",
        "ENTRY(startup) SECTIONS { .text : { *(.text .text.*) } .k : { KEEP(*(___ksymtab*)) } .r : { *(.rodata .data .data.*) } }",
    );
    dir.file(
        ".vmlinux.cmd",
        "cmd_vmlinux := scripts/link-vmlinux.sh \"ld\" \"-m elf_x86_64\" \"--gc-sections\"\n",
    );
    dir.file(
        ".vmlinux.a.cmd",
        "cmd_vmlinux.a := rm -f vmlinux.a; ar cDPrST vmlinux.a ./built-in.a lib/lib.a\n",
    );
    dir.file(
        ".vmlinux.o.cmd",
        "cmd_vmlinux.o := ld -m elf_x86_64 -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group --end-group\n",
    );
    dir.object("init/main.o", "", &format!("fn startup: used\n{}", export("core")));
    dir.object("lib/used.o", "", &export("used"));
    dir.object("lib/memcat_p.o", "", &export("__memcat_p"));
    dir.object("init/version-timestamp.o", "", "data linux_banner");
    dir.thin("lib/lib.a", &["used.o", "memcat_p.o"], true);
    dir.thin("vmlinux.a", &["init/main.o", "lib/used.o", "lib/memcat_p.o"], true);
    dir.object("vmlinux.o", "", "fn startup");
    let info = "license=GPL;vermagic=6.1.5 SMP";
    dir.object("drivers/a/user.ko", "", &module(info, "fn init_module: core __memcat_p"));
    dir.object("drivers/b/bus.ko", "", &module(info, "fn init_module: bus_probe core bus_gone"));
    dir.file("modules.order", "drivers/a/user.ko\ndrivers/b/bus.ko\n");
    dir.file(
        "Module.symvers",
        "0x00000000\tcore\tvmlinux\tEXPORT_SYMBOL\t\n0x00000000\tused\tvmlinux\tEXPORT_SYMBOL\t\n\
         0x00000000\t__memcat_p\tvmlinux\tEXPORT_SYMBOL\t\n0x00000000\tbus_gone\tdrivers/c/gone\tEXPORT_SYMBOL_GPL\t\n",
    );
    dir.file("Kbuild", "obj-y += drivers/\n");
    dir.file("kernel/Makefile", "");
    dir.file("lib/Makefile", "lib-y := used.o \\\n\tmemcat_p.o\n");
    dir.file("drivers/Makefile", "obj-$(CONFIG_BUS) += bus/\n");
    dir.file("drivers/bus/Makefile", "obj-$(CONFIG_BUS_CORE) += core.o\n");
    dir.file("drivers/bus/core.c", "int bus_probe(void)\n{\n\treturn 0;\n}\nEXPORT_SYMBOL_GPL(bus_probe);\n");
    dir
}

#[test]
fn a_tree_whose_library_is_linked_on_demand() {
    let dir = tree();
    let value = dir.json(&["exports", "--format=json", "--kbuild=."], 0);
    assert_eq!((&value["totals"]["exports"], &value["totals"]["linked"]), (&3.into(), &3.into()));
    assert_eq!(value["totals"]["listed"], 4);
    let value = dir.json(&["exports", "--format=json", "--kbuild=.", "--on-demand=*lib/lib.a"], 1);
    let found = value["findings"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((&found[0]["id"], &found[0]["subject"]["name"]), (&"LSW003".into(), &"__memcat_p".into()));
    assert!(found[0]["message"].as_str().unwrap().contains("drivers/a/user.ko needs it"));
    assert_eq!(
        (&found[0]["location"]["file"], &found[0]["location"]["line"]),
        (&"lib/Makefile".into(), &1.into())
    );
    let words = ["undefined", "--format=json", "--kbuild=.", "--on-demand=*lib/lib.a", "--module=user"];
    let value = dir.json(&words, 1);
    assert_eq!(rows(&value), [("__memcat_p", "error", "export-not-linked")]);
    assert_eq!(value["totals"]["modules"], 1);
    let place = &value["findings"][0]["location"];
    assert_eq!((&place["file"], &place["line"]), (&"lib/Makefile".into(), &1.into()));
}

/// A finding is the same one, whichever command tells it, so a base that knows it silences it everywhere.
#[test]
fn findings_of_exports_and_undefined_are_those_of_check() {
    let dir = tree();
    // The library beside the archive that is linked as a whole.
    dir.file(".vmlinux.a.cmd", "cmd_vmlinux.a := rm -f vmlinux.a; ar cDPrST vmlinux.a ./built-in.a\n");
    dir.file(
        ".vmlinux.o.cmd",
        "cmd_vmlinux.o := ld -m elf_x86_64 -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group lib/lib.a --end-group\n",
    );
    dir.thin("vmlinux.a", &["init/main.o"], true);
    let told = |command: &str, rule: &str| -> Vec<(String, String, String)> {
        let value = dir.json(&[command, "--format=json", "--kbuild=."], 1);
        let mut found: Vec<_> = value["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["id"] == rule)
            .map(|f| (f["fingerprint"].to_string(), f["message"].to_string(), f["location"].to_string()))
            .collect();
        found.sort();
        found
    };
    let exports = told("exports", "LSW003");
    assert_eq!(exports.len(), 1, "{exports:?}");
    assert!(exports[0].2.contains("lib/Makefile"), "{exports:?}");
    assert_eq!(exports, told("check", "LSW003"));
    let undefined = told("undefined", "LSW004");
    assert_eq!(undefined.len(), 3, "{undefined:?}");
    assert_eq!(undefined, told("check", "LSW004"));
    dir.text(&["snapshot", "--kbuild=.", "-o", "base.lsw"], 0);
    let value = dir.json(&["check", "--format=json", "--kbuild=.", "--base=base.lsw"], 0);
    let new = value["findings"].as_array().unwrap().iter().filter(|f| f["state"] != "known");
    assert_eq!(new.count(), 0, "{value:#}");
}

#[test]
fn a_tree_that_tells_which_option_is_off() {
    let dir = tree();
    let value = dir.json(&["undefined", "--format=json", "--kbuild=."], 1);
    let mut found = rows(&value);
    found.sort();
    assert_eq!(found, [("bus_gone", "error", "exporter-missing"), ("bus_probe", "error", "not-built")]);
    let probe = row(&value, "bus_probe");
    assert_eq!(probe["message"], "ERROR: modpost: \"bus_probe\" [drivers/b/bus.ko] undefined!");
    assert!(probe["explanation"].as_str().unwrap().contains("drivers/bus/core.c:5"), "{probe}");
    assert!(probe["explanation"].as_str().unwrap().contains("CONFIG_BUS_CORE is off"), "{probe}");
    let remedy = probe["remedy"].as_str().unwrap();
    assert!(remedy.contains("drivers/bus/Makefile:1: obj-$(CONFIG_BUS_CORE) += core.o"), "{remedy}");
    assert!(row(&value, "bus_gone")["explanation"].as_str().unwrap().contains("drivers/c/gone.ko"));
    let finding = value["findings"].as_array().unwrap().iter().find(|f| f["subject"]["name"] == "bus_probe");
    assert_eq!(finding.unwrap()["location"]["file"], "drivers/bus/Makefile");
}

/// Checksums stand in saved commands and in what modpost generated.
#[test]
fn a_tree_with_symbol_versions() {
    let dir = tree();
    let config = "# Linux/x86 6.1.5 Kernel Configuration\nCONFIG_MODULES=y\nCONFIG_MODVERSIONS=y\n";
    dir.file("include/config/auto.conf", config);
    dir.file(
        "lib/.used.o.cmd",
        "cmd_lib/used.o := gcc -c -o lib/used.o lib/used.c\n\n#SYMVER used 0x12345678\n",
    );
    dir.file(
        ".vmlinux.export.c",
        "#include <linux/export-internal.h>\n\nSYMBOL_CRC(core, 0xdeadbeef, \"\");\n",
    );
    let value = dir.json(&["exports", "--format=json", "--kbuild=."], 0);
    let crcs: Vec<(&str, &str)> = value["exports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["name"].as_str().unwrap(), e["crc"].as_str().unwrap()))
        .collect();
    assert_eq!(crcs, [("core", "0xdeadbeef"), ("used", "0x12345678"), ("__memcat_p", "0x00000000")]);
    let value = dir.json(&["undefined", "--format=json", "--kbuild=.", "--module=user"], 0);
    assert_eq!(rows(&value), [("__memcat_p", "warning", "no-crc")]);
    dir.text(&["undefined", "--kbuild=.", "--module=user", "--fail-on=warning"], 1);
}

/// A module that is there, and not in `modules.order`.
#[test]
fn a_tree_with_a_module_that_is_not_listed() {
    let dir = tree();
    let table = "section __ksymtab a\ndef __ksymtab_bus_probe local\nref bus_probe\nref -\nref -\n";
    dir.object("extra/left.ko", "", &module("license=GPL", &format!("fn bus_probe\n{table}")));
    let value = dir.json(&["undefined", "--format=json", "--kbuild=.", "--module=bus"], 1);
    let found = row(&value, "bus_probe");
    assert_eq!(found["cause"], "exporter-missing");
    assert!(found["explanation"].as_str().unwrap().contains("extra/left.ko"), "{found}");
}

#[test]
fn a_tree_whose_symvers_do_not_fit() {
    let dir = tree();
    dir.object("drivers/b/bus.ko", "", &module("license=GPL", "fn init_module: vanished"));
    dir.file("Module.symvers", "0x00000000\tvanished\tvmlinux\tEXPORT_SYMBOL\t\n");
    let value = dir.json(&["undefined", "--format=json", "--kbuild=.", "--module=drivers/b/bus.ko"], 1);
    assert_eq!(rows(&value), [("vanished", "error", "stale-symvers")]);
    // A module from outside is held against the file, not against the image.
    dir.object("out.ko", "", &module("license=GPL", "fn init_module: core"));
    let value = dir.json(&["undefined", "--format=json", "--kbuild=.", "--extra-module=out.ko"], 1);
    assert!(rows(&value).contains(&("core", "error", "stale-symvers")), "{value:#}");
}

//! Sizes of output sections beside those of real images.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use linksweep::plan::{self, Overrides};
use linksweep::query::place::layout::{Layout, layout};
use linksweep::query::place::place;
use object::{Object, ObjectSection};

/// Sizes of all sections of an image but the tables that only the linker knows, by name, in order.
pub fn real_sections(path: &Path) -> Vec<(String, u64, u64)> {
    let bytes = fs::read(path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let tables = [".symtab", ".strtab", ".shstrtab", ""];
    file.sections()
        .map(|s| (s.name().unwrap().to_owned(), s.size(), s.address()))
        .filter(|s| !tables.contains(&s.0.as_str()))
        .collect()
}

/// Our layout of a link.
pub fn ours(words: &[&str], folder: &Path) -> Layout {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let overrides = Overrides { directory: folder.to_owned(), ..Overrides::default() };
    let plan = plan::parse_command(&words, &overrides).expect("a plan");
    let link = linksweep::open(&plan).expect("inputs");
    let analysis = linksweep::analyze(&plan, &link).expect("an analysis");
    let placement = place(&analysis);
    layout(&analysis, &placement)
}

pub fn run(folder: &Path, words: &[&str]) -> Option<String> {
    let (program, rest) = words.split_first().unwrap();
    let out = Command::new(program).args(rest).current_dir(folder).output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{words:?}: {text}");
    Some(text)
}

/// What of a real image is not as we say; sections with content of the linker's own are not compared.
pub fn differences(words: &[&str], folder: &Path, output: &str, addresses: bool) -> (usize, String) {
    let layout = ours(words, folder);
    let real = real_sections(&folder.join(output));
    let mut problems = String::new();
    let mut sizes: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    for (name, size, address) in &real {
        sizes.entry(name).or_default().push((*size, *address));
    }
    let mut compared = 0;
    for out in &layout.outputs {
        let name = out.name.to_string();
        let theirs = sizes.get_mut(name.as_str()).and_then(|list| (!list.is_empty()).then(|| list.remove(0)));
        if out.made.is_some() {
            continue;
        }
        compared += 1;
        match theirs {
            None if out.size == 0 => {}
            None => drop(writeln!(problems, "{name}: ours {} there none", out.size)),
            Some((size, address)) => {
                if size != out.size {
                    let _ = writeln!(problems, "{name}: ours {} theirs {size}", out.size);
                }
                if addresses && out.address.is_some_and(|a| a != address) {
                    let _ = writeln!(problems, "{name}: at {:x?} theirs {address:x}", out.address);
                }
            }
        }
    }
    for (name, left) in sizes {
        let made = [
            ".interp",
            ".note.gnu.build-id",
            ".hash",
            ".gnu.hash",
            ".dynsym",
            ".dynstr",
            ".gnu.version",
            ".gnu.version_r",
            ".rela.dyn",
            ".rela.plt",
            ".rel.dyn",
            ".plt",
            ".plt.got",
            ".dynamic",
            ".got",
            ".got.plt",
            ".eh_frame_hdr",
            ".comment",
            ".note.gnu.property",
            ".rel.plt",
            ".iplt",
            ".note.gnu.gold-version",
            ".relro_padding",
            ".plt.sec",
            ".bss.rel.ro",
            ".copyrel",
            ".copyrel.rel.ro",
            ".ARM.exidx",
        ];
        if !left.is_empty() && !made.contains(&name) && left.iter().any(|l| l.0 > 0) {
            let _ = writeln!(problems, "{name}: only there {left:?}");
        }
    }
    (compared, problems)
}

pub fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    assert!(found || std::env::var_os("LINKSWEEP_REQUIRE_LINKERS").is_none(), "{program} is not installed");
    found
}

const SCRIPT: &str = r#"
MEMORY {
  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 64K
  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 16K
  CCM (rw) : ORIGIN = 0x10000000, LENGTH = 4K
}
_stack_size = 0x200;
ENTRY(main)
SECTIONS {
  .vectors : { KEEP(*(.vectors)) . = ALIGN(64); LONG(0x12345678) } >FLASH
  .text : ALIGN(16) { *(EXCLUDE_FILE(*b.o) .text.main .text) *(SORT_BY_NAME(.text.*)) . = ALIGN(4); _etext = .; } >FLASH
  .rodata : { *(SORT_BY_ALIGNMENT(.rodata) SORT_BY_ALIGNMENT(.rodata.*)) . = ALIGN(8); } >FLASH
  .ARM.extab : { *(.ARM.extab*) } >FLASH
  .ARM.exidx : { *(.ARM.exidx*) } >FLASH
  _sidata = LOADADDR(.data);
  .data : { _sdata = .; *(.data .data.*) . = ALIGN(4); _edata = .; BYTE(1) SHORT(2) QUAD(3) } >RAM AT>FLASH
  .ccm : SUBALIGN(16) { *(.ccm .ccm.*) } >CCM AT>FLASH
  .bss (NOLOAD) : { _sbss = .; *(.bss .bss.* COMMON) . = ALIGN(4); _ebss = .; } >RAM
  .stack (NOLOAD) : { . = ALIGN(8); . = . + _stack_size; } >RAM
  .heap (NOLOAD) : { . = . + (ORIGIN(RAM) + LENGTH(RAM) - .) / 2; } >RAM
  /DISCARD/ : { *(.comment) *(.note.*) *(.gnu.*) *(.eh_frame*) *(.ARM.attributes) *(.riscv.attributes) }
}
"#;

const A_C: &str = "
int helper(int); int other(int);
__attribute__((section(\".vectors\"), used)) const void *const vectors[3] = {0};
const unsigned char small[3] = {1,2,3}; const double big[5] = {1}; const short mid[7] = {2};
unsigned char d1[3] = {1}; unsigned long d2[4] = {2}; static char dead_data[100] = {1};
__attribute__((section(\".ccm\"))) char c1[3] = {1}; __attribute__((section(\".ccm.x\"))) char c2[5] = {1};
char z[33]; int zz[9]; char *unused(void) { return dead_data; }
int main(void) { return helper(small[1]) + big[2] + mid[1] + d1[0] + d2[1] + z[1] + zz[2] + c1[0] + c2[1] + other(1); }
";
const B_C: &str = "
int lone[77]; __attribute__((section(\".text\"))) int helper(int x) { return x + 1; } int other(int x) { return x * 3; }
int dead(int x) { return lone[x]; }
const char table[9] = {1}; const char *deadtable(void) { return table; }
";

fn build(folder: &Path, cc: &str, flags: &[&str]) -> bool {
    if !installed(cc) {
        return false;
    }
    for (name, text) in [("a.c", A_C), ("b.c", B_C)] {
        fs::write(folder.join(name), text).unwrap();
        let object = name.replace(".c", ".o");
        let mut words =
            vec![cc, "-c", "-O1", "-ffunction-sections", "-fdata-sections", "-fno-pic", "-ffreestanding"];
        words.extend(["-fno-asynchronous-unwind-tables", name, "-o", object.as_str()]);
        words.extend(flags);
        run(folder, &words);
    }
    fs::write(folder.join("s.ld"), SCRIPT).unwrap();
    true
}

#[test]
fn firmware_scripts_with_memory() {
    let targets: [(&str, &[&str], &[&str]); 4] = [
        ("arm-linux-gnueabihf-gcc", &["-mthumb"], &["arm-linux-gnueabihf-ld.bfd", "ld.lld-14", "ld.lld-19"]),
        ("gcc", &["-mcmodel=large"], &["ld.bfd", "ld.lld-14", "ld.lld-19"]),
        ("aarch64-linux-gnu-gcc", &["-mcmodel=large"], &["aarch64-linux-gnu-ld.bfd", "ld.lld-19"]),
        ("mips-linux-gnu-gcc", &["-mno-abicalls", "-G0"], &["mips-linux-gnu-ld.bfd"]),
    ];
    let mut problems = String::new();
    let mut compared = 0;
    for (cc, flags, linkers) in targets {
        let folder = tempfile::tempdir().unwrap();
        if !build(folder.path(), cc, flags) {
            continue;
        }
        for linker in linkers.iter().filter(|l| installed(l)) {
            for gc in ["--gc-sections", "--no-gc-sections"] {
                let mut words = vec![*linker, gc, "-T", "s.ld", "a.o", "b.o", "-o", "out"];
                // lld 14 does not have it.
                words.extend((*linker != "ld.lld-14").then_some("--print-memory-usage"));
                let printed = run(folder.path(), &words).unwrap();
                let (n, found) = differences(&words, folder.path(), "out", true);
                compared += n;
                if !found.is_empty() {
                    let _ = writeln!(problems, "{cc} {linker} {gc}\n{found}");
                }
                let layout = ours(&words, folder.path());
                let used: Vec<u64> = layout.regions.iter().map(|r| r.used).collect();
                let theirs = memory_usage(&printed);
                if !theirs.is_empty() && used != theirs {
                    let _ = writeln!(problems, "{cc} {linker} {gc}: regions {used:?} theirs {theirs:?}");
                }
            }
        }
    }
    assert!(problems.is_empty(), "{compared} compared\n{problems}");
    assert!(compared > 0 || !installed("gcc") || !installed("ld.bfd"), "nothing was compared");
}

/// The used sizes of `--print-memory-usage`.
fn memory_usage(printed: &str) -> Vec<u64> {
    let rows = printed.lines().skip_while(|l| !l.starts_with("Memory region")).skip(1);
    rows.filter_map(|row| {
        let (_, rest) = row.split_once(':')?;
        let mut words = rest.split_whitespace();
        let number: u64 = words.next()?.parse().ok()?;
        Some(match words.next()? {
            "GB" => number << 30,
            "MB" => number << 20,
            "KB" => number << 10,
            _ => number,
        })
    })
    .collect()
}

#[test]
fn static_programs() {
    let folder = tempfile::tempdir().unwrap();
    let c = "#include <stdio.h>\nint main(int c, char **v) { printf(\"%d %s\\n\", c, v[0]); return 0; }\n";
    fs::write(folder.path().join("hello.c"), c).unwrap();
    if !installed("gcc") {
        return;
    }
    run(folder.path(), &["gcc", "-c", "-O2", "-ffunction-sections", "hello.c", "-o", "hello.o"]);
    let mut problems = String::new();
    for (linker, mode) in [
        ("bfd", "-static"),
        ("gold", "-static"),
        ("lld-14", "-static"),
        ("lld-19", "-static"),
        ("bfd", "-pie"),
        ("gold", "-pie"),
        ("lld-14", "-pie"),
        ("lld-19", "-pie"),
    ] {
        if !installed(&format!("ld.{linker}")) {
            continue;
        }
        for gc in ["--gc-sections", "--no-gc-sections"] {
            let out = Command::new("gcc")
                .args([mode, "hello.o", "-o", "out", "-###", &format!("-Wl,{gc}")])
                .current_dir(folder.path())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            let line = text.lines().rfind(|l| l.contains("collect2")).unwrap().to_owned();
            let mut words: Vec<String> =
                line.split_whitespace().map(|w| w.trim_matches('"').to_owned()).collect();
            words[0] = format!("ld.{linker}");
            words.retain(|w| !w.contains("plugin"));
            let words: Vec<&str> =
                words.iter().map(String::as_str).filter(|w| !w.contains("lto-wrapper")).collect();
            run(folder.path(), &words);
            let (n, found) = differences(&words, folder.path(), "out", false);
            if !found.is_empty() {
                let _ = writeln!(problems, "{linker} {mode} {gc} ({n} compared)\n{found}");
            }
            // Strings are put together and frames of dead code left out as these two do it.
            let layout = ours(&words, folder.path());
            for name in [".rodata", ".eh_frame"] {
                let out = layout.outputs.iter().find(|o| o.name == name).unwrap();
                let exact = linker.starts_with("lld") || (linker == "bfd" && mode == "-static");
                assert!(!exact || out.made.is_none(), "{linker} {mode} {gc}: {name} is marked");
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

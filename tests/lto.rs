//! Intermediate code beside the compilers' own tools and the linkers: symbol lists against
//! `llvm-nm` and `gcc-nm`, extraction against `ld.lld --why-extract`, collection of fat and slim
//! objects against every linker.
//!
//! Inputs are compiled here; a test whose compiler or linker is not installed is ignored by name.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use linksweep::load::elf::Object;
use linksweep::load::lto::{self, IrSymbol, Kind, bitcode, facts, gcc};

type Outcome = Result<(), Failed>;

fn installed(tool: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    Path::new(tool).is_file() || std::env::split_paths(&paths).any(|dir| dir.join(tool).is_file())
}

/// Runs a tool that must succeed; returns what it printed.
fn run(dir: &Path, tool: &str, words: &[&str]) -> Result<String, Failed> {
    let out = Command::new(tool).args(words).current_dir(dir).env("LC_ALL", "C").output();
    let out = out.map_err(|e| format!("{tool}: {e}"))?;
    if !out.status.success() {
        let why = String::from_utf8_lossy(&out.stderr).into_owned();
        return Err(format!("{tool} {words:?}: {why}").into());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

const PLAIN: &str = "
int com; int big[100]; static int local = 4; extern int outside; extern int maybe __attribute__((weak));
__attribute__((weak)) int weak_data = 5; __attribute__((visibility(\"hidden\"))) int hidden(void) { return local++; }
__attribute__((section(\"mine\"))) int placed(void) { return 1; }
__attribute__((section(\"table\"), used)) static const int entry = 7;
__thread int thread = 3; void *memcpy(void *, const void *, __SIZE_TYPE__);
__attribute__((weak)) int weak_code(void) { return outside + maybe; }
int alias_target(void) { return 2; }
int alias(void) __attribute__((alias(\"alias_target\")));
void copy(char *a, char *b) { memcpy(a, b, 4000); hidden(); weak_code(); com++; }
";

const WITH_ASM: &str = "
int c_name(void) { return 1; }
__asm__(\".globl from_asm\\nfrom_asm: .long c_name - .\\nlocal_label: .long wanted\\n.weak weak_from_asm\\nweak_from_asm: .long 0\\n\");
";

const CXX: &str = "
struct Base { virtual ~Base() {} virtual int f() { return 1; } };
struct Derived : Base { int f() override { return 2; } };
template <class T> struct Counted { static int count() { static int n; return ++n; } };
inline int shared_inline(int x) { static int seen; return seen += x; }
Base *make(int x) { if (x) return new Derived; return new Base; }
int use(Base &b) { return b.f() + Counted<int>::count() + shared_inline(3); }
";

/// (letter, name) of the global symbols, sorted.
fn listed(nm: &str) -> Vec<(char, String)> {
    let line = |l: &str| {
        let mut words = l.split_whitespace().rev();
        let (name, letter) = (words.next()?.to_string(), words.next()?.chars().next()?);
        // A label of assembly may have no name.
        let local = letter.is_lowercase() && !matches!(letter, 'w' | 'v');
        (!local && letter.is_alphabetic()).then_some((letter, name))
    };
    let mut out: Vec<_> = nm.lines().filter_map(line).collect();
    out.sort();
    out
}

fn ours(symbols: &[IrSymbol<'_>], gnu: bool) -> Vec<(char, String)> {
    let letter = |s: &IrSymbol<'_>| match (s.kind, s.weak) {
        (Kind::Undefined, false) => 'U',
        (Kind::Undefined, true) => 'w',
        (Kind::Common { .. }, _) => 'C',
        (Kind::Defined, true) => 'W',
        (Kind::Defined, false) if s.executable => 'T',
        (Kind::Defined, false) if gnu && s.bss => 'B',
        (Kind::Defined, false) => 'D',
    };
    let mut out: Vec<_> =
        symbols.iter().map(|s| (letter(s), String::from_utf8_lossy(s.name).into_owned())).collect();
    out.sort();
    out
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Outcome {
    if ours == theirs { Ok(()) } else { Err(format!("{what}:\n ours   {ours:?}\n theirs {theirs:?}").into()) }
}

/// Bitcode of every kind, against `llvm-nm`; then every prefix and many flips of one file.
fn bitcode_symbols(version: &str) -> Outcome {
    let dir = tempfile::tempdir()?;
    for (name, text) in [("plain.c", PLAIN), ("asm.c", WITH_ASM), ("x.cc", CXX)] {
        std::fs::write(dir.path().join(name), text)?;
    }
    let (clang, nm) = (format!("clang-{version}"), format!("llvm-nm-{version}"));
    let kinds: [&[&str]; 4] = [
        &["-flto=full"],
        &["-flto=thin"],
        &["-flto=thin", "-fsplit-lto-unit", "-fwhole-program-vtables", "-fvisibility=hidden"],
        &["-flto=full", "-fcommon", "-fvisibility=protected"],
    ];
    let triples = ["x86_64-linux-gnu", "aarch64-linux-gnu", "mips-linux-gnu", "powerpc64-linux-gnu"];
    let mut modules = Vec::new();
    for triple in triples {
        for kind in kinds {
            for source in ["plain.c", "asm.c", "x.cc"] {
                let mut words = vec!["--target", triple, "-ffreestanding", "-O1"];
                if source == "x.cc" && triple != "x86_64-linux-gnu" {
                    continue;
                }
                let target = format!("--target={triple}");
                words.splice(0..2, [target.as_str()]);
                words.extend(kind);
                words.extend(["-c", source, "-o", "out.o"]);
                run(dir.path(), &clang, &words)?;
                let bytes = std::fs::read(dir.path().join("out.o"))?;
                let table = bitcode::read(&bytes)?;
                same("approximate", &table.approximate, &None)?;
                let theirs = listed(&run(dir.path(), &nm, &["out.o"])?);
                same(&format!("{words:?}"), &ours(&table.symbols, false), &theirs)?;
                let file = bitcode::parse(&bytes, bitcode::Depth::Facts)?;
                modules.push(file.modules.len());
                if source == "plain.c" {
                    let placed = table.symbols.iter().find(|s| s.name == b"placed").unwrap();
                    let section = &table.sections[placed.section.unwrap() as usize];
                    assert!(section.name == b"mine" && section.executable);
                    let hidden = table.symbols.iter().find(|s| s.name == b"hidden").unwrap();
                    assert_eq!(hidden.visibility, 2);
                    assert!(table.sections.iter().any(|s| s.name == b"table" && !s.writable));
                    assert!(table.symbols.iter().any(|s| s.name == b"thread" && s.tls));
                }
            }
        }
    }
    assert!(modules.contains(&2), "some file has two modules");
    let bytes = std::fs::read(dir.path().join("out.o"))?;
    for end in 0..bytes.len() {
        let _ = facts::facts(&bytes[..end]);
        let mut wrong = bytes.clone();
        wrong[end] ^= 1 << (end % 8);
        let _ = (facts::facts(&wrong), bitcode::read(&wrong).map(|t| t.symbols.len()));
    }
    // Two files in one: no symbol table covers both, the modules still tell.
    let twice = [bytes.as_slice(), &bytes[4..]].concat();
    let table = bitcode::read(&twice)?;
    assert!(table.approximate.is_some() && !table.symbols.is_empty());
    let mut wrapped = vec![0xde, 0xc0, 0x17, 0x0b, 0, 0, 0, 0, 20, 0, 0, 0];
    wrapped.extend((bytes.len() as u32).to_le_bytes());
    wrapped.extend([7, 0, 0, 1]);
    wrapped.extend(&bytes);
    same("wrapped", &bitcode::read(&wrapped)?, &bitcode::read(&bytes)?)
}

/// The modules alone, as if the file had no symbol table, tell the same of C and C++ code.
fn modules_alone() -> Outcome {
    let dir = tempfile::tempdir()?;
    for (name, text) in [("plain.c", PLAIN), ("x.cc", CXX)] {
        std::fs::write(dir.path().join(name), text)?;
        run(dir.path(), "clang-19", &["-flto=thin", "-c", name, "-o", "out.o"])?;
        let mut bytes = std::fs::read(dir.path().join("out.o"))?;
        let whole = bitcode::read(&bytes)?;
        let whole = ours(&whole.symbols, false);
        // The symbol table's number of modules: a lie makes the table unusable.
        let blob = (0..bytes.len() - 76)
            .rev()
            .find(|&at| bytes[at..at + 4] == [3, 0, 0, 0] && bytes[at + 12..at + 16] == [76, 0, 0, 0]);
        bytes[blob.ok_or("no symbol table found")? + 16] = 0;
        let alone = bitcode::read(&bytes)?;
        assert!(alone.approximate.is_some());
        same(name, &ours(&alone.symbols, false), &whole)?;
    }
    Ok(())
}

/// GCC's tables, slim, fat and merged, against `gcc-nm`.
fn gcc_symbols(prefix: &str) -> Outcome {
    let dir = tempfile::tempdir()?;
    for (name, text) in [("plain.c", PLAIN), ("asm.c", WITH_ASM)] {
        std::fs::write(dir.path().join(name), text)?;
    }
    let (cc, nm, ld) = (format!("{prefix}gcc"), format!("{prefix}gcc-nm"), format!("{prefix}ld"));
    let compile = |words: &[&str]| run(dir.path(), &cc, words).map(|_| ());
    compile(&["-flto", "-O1", "-c", "plain.c", "-o", "slim.o"])?;
    compile(&["-flto", "-O1", "-fcommon", "-c", "plain.c", "-o", "common.o"])?;
    compile(&["-flto", "-O1", "-ffat-lto-objects", "-c", "plain.c", "-o", "fat.o"])?;
    compile(&["-flto", "-O1", "-c", "asm.c", "-o", "asm.o"])?;
    run(dir.path(), &ld, &["-r", "slim.o", "asm.o", "-o", "merged.o"])?;
    for name in ["slim.o", "common.o", "fat.o", "asm.o", "merged.o"] {
        let bytes = std::fs::read(dir.path().join(name))?;
        let object = Object::parse(&bytes)?;
        let format = lto::format_of_object(&object).ok_or("no LTO found")?;
        same(name, &format.is_fat(), &(name == "fat.o"))?;
        let table = lto::read_object(&object, format)?;
        let theirs = listed(&run(dir.path(), &nm, &[name])?);
        same(name, &ours(&table.symbols, true), &theirs)?;
        let hidden = table.symbols.iter().find(|s| s.name == b"hidden");
        assert!(hidden.is_none_or(|s| s.visibility == 2));
        let asm = gcc::assembly(&object);
        let has_asm = matches!(name, "asm.o" | "merged.o");
        same("assembly", &asm.iter().any(|t| t.windows(8).any(|w| w == b"from_asm")), &has_asm)?;
        for end in (0..bytes.len()).step_by(7) {
            let mut wrong = bytes.clone();
            wrong[end] ^= 1 << (end % 8);
            let _ = (facts::facts(&bytes[..end]), facts::facts(&wrong));
        }
    }
    Ok(())
}

fn rust_lld() -> Option<PathBuf> {
    let out = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let root = PathBuf::from(String::from_utf8(out.stdout).ok()?.trim());
    let found = root.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld");
    found.is_file().then_some(found)
}

/// Forty sources with COMDATs, weak functions, thread-local and common data, some native, some
/// thin; and bitcode that defines what code generation may call.
fn write_sources(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut state = 12345u32;
    let mut next = |n: u32| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
        (state >> 16) % n
    };
    let mut names = Vec::new();
    for i in 0..40u32 {
        let refs: Vec<u32> = (0..next(3) + 1).map(|_| next(40)).collect();
        let mut text =
            "template <class T> struct B { static int k() { static int c; return ++c; } };\n".to_string();
        for r in &refs {
            text += &format!("extern \"C\" int f{r}();\n");
        }
        text += &format!("extern \"C\" __attribute__((weak)) int wk{0}() {{ return {i}; }}\n", i % 11);
        text += &format!("inline int inl{0}(int x) {{ static int z; return x + z++; }}\n", i % 5);
        text += &format!("extern \"C\" int v{0}; int v{0}[4]; thread_local int t{i} = 3;\n", i)
            .replace(&format!("extern \"C\" int v{i}; "), "");
        let calls: String = refs.iter().map(|r| format!("f{r}() + ")).collect();
        text += &format!(
            "extern \"C\" int f{i}() {{ return {calls}inl{}(2) + wk{}() + B<int>::k() + v{i}[1]; }}\n",
            i % 5,
            i % 11
        );
        if i % 9 == 0 {
            text += &format!("asm(\".globl asm{i}\\nasm{i}: .long f{}\\n\");\n", (i + 1) % 40);
        }
        std::fs::write(dir.join(format!("s{i}.cc")), text)?;
        names.push(format!("s{i}"));
    }
    std::fs::write(
        dir.join("m.cc"),
        "extern \"C\" int f3(), f17(); extern \"C\" void _start() { f3(); f17(); }\n",
    )?;
    let helpers = [
        (
            "copy",
            "void *memcpy(void *d, const void *s, unsigned long n) { char *a = d; while (n--) *a++ = 0; return d; }",
        ),
        ("divide", "long helper(long); long __divti3(long a, long b) { return helper(a) + b; }"),
        ("helper", "long helper(long x) { return x * 3; }"),
    ];
    for (name, text) in helpers {
        std::fs::write(dir.join(format!("{name}.c")), text)?;
    }
    Ok(names)
}

/// Rows of `--why-extract`, in order.
fn extraction(clang: &str, linker: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    let names = write_sources(dir)?;
    let flags =
        ["-O1", "-ffreestanding", "-fno-exceptions", "-fno-threadsafe-statics", "-ffunction-sections"];
    let compile = |source: &str, out: &str, lto: Option<&str>| {
        let mut words = flags.to_vec();
        words.extend(lto);
        words.extend(["-c", source, "-o", out]);
        run(dir, clang, &words).map(|_| ())
    };
    compile("m.cc", "m.o", None)?;
    for (number, name) in names.iter().enumerate() {
        let lto = [None, Some("-flto"), Some("-flto=thin"), Some("-flto")][number % 4];
        compile(&format!("{name}.cc"), &format!("{name}.o"), lto)?;
    }
    for name in ["copy", "divide", "helper"] {
        compile(&format!("{name}.c"), &format!("{name}.o"), Some("-flto"))?;
    }
    let objects: Vec<String> = names.iter().map(|n| format!("{n}.o")).collect();
    let ar = clang.replace("clang", "llvm-ar");
    for (archive, part) in [("a.a", &objects[..20]), ("b.a", &objects[20..])] {
        let mut words = vec!["rcs", archive];
        words.extend(part.iter().map(String::as_str));
        if archive == "b.a" {
            words.extend(["copy.o", "divide.o", "helper.o"]);
        }
        run(dir, &ar, &words)?;
    }
    let mut group = vec!["--start-lib"];
    group.extend(objects.iter().map(String::as_str));
    group.extend(["copy.o", "divide.o", "helper.o", "--end-lib"]);
    let links: [&[&str]; 5] = [
        &["a.a", "b.a"],
        &["b.a", "a.a"],
        &group,
        &["-u", "asm9", "a.a", "b.a"],
        &["--whole-archive", "a.a", "--no-whole-archive", "b.a"],
    ];
    let mut most = 0;
    for inputs in links {
        let mut words = vec!["m.o"];
        words.extend(inputs);
        words.extend(["-o", "out", "--gc-sections", "--unresolved-symbols=ignore-all"]);
        let mut line = words.clone();
        line.push("--why-extract=theirs");
        run(dir, linker, &line)?;
        let theirs = std::fs::read_to_string(dir.join("theirs"))?;
        let out = Command::new(env!("CARGO_BIN_EXE_linksweep"))
            .args(["extract", "--format=linker", "--", linker])
            .args(&words)
            .current_dir(dir)
            .output()?;
        let own = String::from_utf8_lossy(&out.stdout).into_owned();
        if own != theirs {
            let why = String::from_utf8_lossy(&out.stderr).into_owned();
            return Err(format!("{linker} {words:?}\nours:\n{own}theirs:\n{theirs}{why}").into());
        }
        most = most.max(theirs.lines().count());
        assert!(theirs.contains("<libcall>") || linker.ends_with("14"), "{theirs}");
    }
    assert!(most > 10, "the longest report has {most} lines");
    Ok(())
}

/// Lines of `--print-gc-sections` with objects whose machine code counts, and slim ones.
fn collection(linker: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    std::fs::write(
        dir.join("a.c"),
        "int g(void); int com; int f(void) { return g(); } int dead(void) { return 2; }",
    )?;
    std::fs::write(dir.join("b.c"), "int g(void) { return 1; } int dead2(void) { return 3; }")?;
    std::fs::write(
        dir.join("m.c"),
        "int f(void); void _start(void) { f(); }\n__attribute__((section(\"gone\"))) int unused(void) { return 9; }",
    )?;
    let flags = ["-O1", "-ffunction-sections", "-fcommon", "-fno-pic", "-c"];
    let compile = |cc: &str, source: &str, out: &str, more: &[&str]| {
        let mut words = flags.to_vec();
        words.extend(more);
        words.extend([source, "-o", out]);
        run(dir, cc, &words).map(|_| ())
    };
    compile("gcc", "m.c", "m.o", &[])?;
    compile("gcc", "b.c", "b.o", &[])?;
    compile("gcc", "a.c", "fat.o", &["-flto", "-ffat-lto-objects"])?;
    compile("gcc", "a.c", "slim.o", &["-flto"])?;
    let clang = installed("clang-19");
    if clang {
        compile("clang-19", "a.c", "llvm.o", &["-flto", "-ffat-lto-objects"])?;
    }
    for object in ["fat.o", "llvm.o", "slim.o"] {
        if (object == "llvm.o" && !clang) || (object == "slim.o" && linker == "mold") {
            continue;
        }
        let mut words = vec!["m.o", object, "b.o", "-o", "out", "--gc-sections", "--print-gc-sections"];
        if object == "slim.o" {
            words.push("--unresolved-symbols=ignore-all");
        }
        let out = Command::new(linker).args(&words).current_dir(dir).env("LC_ALL", "C").output()?;
        let both = [out.stdout, out.stderr].concat();
        let both = String::from_utf8_lossy(&both).into_owned();
        let lines = |text: &str| -> Vec<String> {
            let at = |l: &str| l.find("removing unused section").map(|at| l[at..].to_string());
            let mut lines: Vec<String> = text.lines().filter_map(at).collect();
            if linker == "mold" {
                lines.sort();
            }
            lines
        };
        let own = Command::new(env!("CARGO_BIN_EXE_linksweep"))
            .args(["gc", "--format=linker", "--", linker])
            .args(&words)
            .current_dir(dir)
            .output()?;
        let own_lines = lines(&String::from_utf8_lossy(&own.stdout));
        same(&format!("{linker} {object}"), &own_lines, &lines(&both))?;
        assert!(!own_lines.is_empty());
        let told = String::from_utf8_lossy(&own.stderr).into_owned();
        same(&format!("{linker} {object}: {told}"), &told.contains("LSW009"), &(object == "slim.o"))?;
    }
    Ok(())
}

/// A member that intermediate code needs, and one whose only user is intermediate code, live; the
/// answer is partial.
fn kept_and_told() -> Outcome {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    std::fs::write(dir.join("m.c"), "int f(void); void _start(void) { f(); }")?;
    std::fs::write(dir.join("a.c"), "int g(void); int f(void) { return g(); }")?;
    std::fs::write(dir.join("b.c"), "int g(void) { return 1; } int gone(void) { return 3; }")?;
    for (source, lto) in [("m", false), ("a", true), ("b", false)] {
        let (source, out) = (format!("{source}.c"), format!("{source}.o"));
        let mut words = vec!["-ffunction-sections", "-c", source.as_str(), "-o", out.as_str()];
        words.extend(lto.then_some("-flto"));
        run(dir, "clang-19", &words)?;
    }
    let plugin = "-plugin=/usr/lib/llvm-19/lib/LLVMgold.so";
    for linker in ["ld.lld@19.1.7", "ld.bfd@2.40", "ld.gold@2.40", "mold@1.10.1"] {
        let (program, version) = linker.split_once('@').unwrap();
        let profile = format!("--linker={}@{version}", program.trim_start_matches("ld."));
        let mut words = vec!["gc", "--format=json", &profile, "--", program];
        words.extend(["m.o", "a.o", "b.o", "--gc-sections", "-o", "out"]);
        if program != "ld.lld" {
            words.push(plugin);
        }
        let out = Command::new(env!("CARGO_BIN_EXE_linksweep")).args(&words).current_dir(dir).output()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|e| format!("{linker}: {e} {told}"))?;
        assert_eq!(value["link"]["partial"], true, "{linker} {text}");
        let dropped: Vec<&str> = value["dropped"]
            .as_array()
            .map_or(Vec::new(), |d| d.iter().filter_map(|r| r["section"].as_str()).collect());
        assert!(dropped.contains(&".text.gone") && !dropped.contains(&".text.g"), "{linker} {text}");
        assert!(told.contains("a.o: LLVM bitcode (LLVM19.1.7)") && told.contains("LSW009"), "{told}");
    }
    Ok(())
}

const MODULE: &str = r#"
extern int later(void);
int exported(void) { return 1; }
#define EXPORT(name, sec, ns) asm(".section \"___ksymtab" sec "+" #name "\", \"a\"\n.balign 4\n__ksymtab_" #name ":\n.long " #name "- .\n.long __kstrtab_" #name "- .\n.long __kstrtabns_" #name "- .\n.previous\n.section \"__ksymtab_strings\",\"aMS\",%progbits,1\n__kstrtab_" #name ":\n.asciz \"" #name "\"\n__kstrtabns_" #name ":\n.asciz \"" ns "\"\n.previous\n");
EXPORT(exported, "_gpl", "SPACE")
int plain_export(void) { return 2; }
EXPORT(plain_export, "", "")
#define INFO(n, text) static const char info##n[] __attribute__((used, section(".modinfo"), aligned(1))) = text;
INFO(1, "license=Dual BSD/GPL") INFO(2, "author=nobody") INFO(3, "parm=x:y")
int __initstub__kmod_demo__1_2_start6(void) { return later(); }
asm(".section \".initcall6.init..demo\", \"a\"\n__initcall__kmod_demo__1_2_start6:\n.long __initstub__kmod_demo__1_2_start6 - .\n.previous\n");
void inline_asm(void) { asm volatile("call __sw_hweight64"); }
"#;

/// What kernel builds look for, in bitcode exactly, in GCC's slim objects as hints.
fn kernel_facts(compiler: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    std::fs::write(dir.join("k.c"), MODULE)?;
    run(dir, compiler, &["-flto", "-O1", "-fno-toplevel-reorder", "-c", "k.c", "-o", "k.o"])
        .or_else(|_| run(dir, compiler, &["-flto", "-O1", "-c", "k.c", "-o", "k.o"]))?;
    let found = facts::facts(&std::fs::read(dir.join("k.o"))?)?.ok_or("no facts")?;
    same("hint", &found.hint, &(compiler == "gcc"))?;
    same("licences", &found.licences, &vec![b"Dual BSD/GPL".to_vec()])?;
    let exports: BTreeMap<String, (bool, String)> = found
        .exports
        .iter()
        .map(|e| {
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            (text(&e.symbol), (e.gpl_only, text(&e.namespace)))
        })
        .collect();
    let expected = [("exported", (true, "SPACE")), ("plain_export", (false, ""))];
    let expected = expected.map(|(n, (g, s))| (n.to_string(), (g, s.to_string()))).into();
    same("exports", &exports, &expected)?;
    let [call] = found.initcalls.as_slice() else { return Err(format!("{:?}", found.initcalls).into()) };
    same("level", &call.level, &b"6".to_vec())?;
    same("target", &call.target, &b"__initstub__kmod_demo__1_2_start6".to_vec())?;
    if compiler != "gcc" {
        assert!(found.asm_words.iter().any(|w| w == b"__sw_hweight64"));
        assert!(found.modinfo.iter().any(|m| m == b"parm=x:y"));
        same("unread", &found.unread, &Vec::new())?;
    }
    Ok(())
}

/// `exports` lists what intermediate code exports, and `undefined` raises no alarm for it.
fn exports_of_intermediate_code(compiler: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let dir = folder.path();
    std::fs::write(dir.join("k.c"), MODULE)?;
    std::fs::write(
        dir.join("start.c"),
        "int exported(void); int later(void) { return exported(); } void _start(void) {}",
    )?;
    std::fs::write(
        dir.join("m.c"),
        "int plain_export(void), missing(void); int init_module(void) { return plain_export() + missing(); }\n\
         __asm__(\".section .modinfo,\\\"a\\\"\\n.asciz \\\"license=GPL\\\"\\n.previous\");",
    )?;
    run(dir, compiler, &["-flto", "-O1", "-fno-toplevel-reorder", "-c", "k.c", "-o", "k.o"])
        .or_else(|_| run(dir, compiler, &["-flto", "-O1", "-c", "k.c", "-o", "k.o"]))?;
    run(dir, compiler, &["-c", "start.c", "-o", "start.o"])?;
    run(dir, compiler, &["-c", "m.c", "-o", "m.ko"])?;
    let ask = |command: &str| -> Result<serde_json::Value, Failed> {
        let words = [command, "-q", "--format=json", "--extra-module=m.ko", "--", "ld.lld", "start.o", "k.o"];
        let out = Command::new(env!("CARGO_BIN_EXE_linksweep")).args(words).current_dir(dir).output()?;
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        serde_json::from_slice(&out.stdout).map_err(|e| format!("{e} {told}").into())
    };
    let answer = ask("exports")?;
    let mut listed: Vec<(String, String, String, String)> = Vec::new();
    for e in answer["exports"].as_array().ok_or("no exports")? {
        let text = |key: &str| e[key].as_str().unwrap_or("").to_string();
        listed.push((text("name"), text("licence"), text("namespace"), text("form")));
    }
    listed.sort();
    let row = |name: &str, licence: &str, space: &str| {
        (name.to_string(), licence.to_string(), space.to_string(), "intermediate".to_string())
    };
    let expected =
        vec![row("exported", "EXPORT_SYMBOL_GPL", "SPACE"), row("plain_export", "EXPORT_SYMBOL", "")];
    same("exports", &listed, &expected)?;
    let answer = ask("undefined")?;
    let named: Vec<&str> = answer["symbols"]
        .as_array()
        .map_or(Vec::new(), |rows| rows.iter().filter_map(|r| r["name"].as_str()).collect());
    assert!(named.contains(&"missing") && !named.contains(&"plain_export"), "{answer:#}");
    Ok(())
}

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    let mut add = |name: String, tools: &[&str], test: Box<dyn FnOnce() -> Outcome + Send>| {
        let ready = tools.iter().all(|t| installed(t));
        trials.push(Trial::test(name, test).with_ignored_flag(!ready));
    };
    for version in ["14", "19"] {
        let (clang, nm) = (format!("clang-{version}"), format!("llvm-nm-{version}"));
        add(format!("bitcode/{version}"), &[&clang, &nm], Box::new(move || bitcode_symbols(version)));
        add(format!("facts/{clang}"), &[&clang.clone()], Box::new(move || kernel_facts(&clang)));
    }
    add("facts/gcc".into(), &["gcc"], Box::new(|| kernel_facts("gcc")));
    for compiler in ["clang-14", "clang-19", "gcc"] {
        add(
            format!("exports/{compiler}"),
            &[compiler],
            Box::new(move || exports_of_intermediate_code(compiler)),
        );
    }
    add("bitcode/modules_alone".into(), &["clang-19"], Box::new(modules_alone));
    for prefix in [
        "",
        "aarch64-linux-gnu-",
        "arm-linux-gnueabihf-",
        "riscv64-linux-gnu-",
        "powerpc64le-linux-gnu-",
        "mips-linux-gnu-",
    ] {
        let tools = [format!("{prefix}gcc"), format!("{prefix}gcc-nm"), format!("{prefix}ld")];
        let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
        add(format!("gcc/{prefix}gcc"), &tools, Box::new(move || gcc_symbols(prefix)));
    }
    let newest = rust_lld().map(|p| p.display().to_string()).unwrap_or_else(|| "rust-lld".into());
    let links = [
        ("clang-14", "ld.lld-14"),
        ("clang-14", "ld.lld-19"),
        ("clang-19", "ld.lld-19"),
        ("clang-19", newest.as_str()),
    ];
    for (clang, linker) in links {
        let short = if linker == newest { "rust-lld".to_string() } else { linker.to_string() };
        let (ar, linker) = (clang.replace("clang", "llvm-ar"), linker.to_string());
        let tools = [clang, &ar, &linker.clone()];
        add(format!("extract/{clang}/{short}"), &tools, Box::new(move || extraction(clang, &linker)));
    }
    for linker in ["ld.bfd", "ld.gold", "ld.lld-14", "ld.lld-19", "mold"] {
        add(format!("gc/{linker}"), &["gcc", linker], Box::new(move || collection(linker)));
    }
    add("gc/kept_and_told".into(), &["clang-19"], Box::new(kept_and_told));
    libtest_mimic::run(&args, trials).exit();
}

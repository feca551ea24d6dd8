use super::super::{Overrides, parse_command};
use super::*;

fn plan(words: &[&str]) -> LinkPlan {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    parse_command(&words, &Overrides::default()).unwrap()
}

fn spelled(plan: &LinkPlan, name: &str, static_libs: bool, count: usize) -> Vec<String> {
    let path = SearchPath::new(plan, &[], false);
    let found = path.library(BStr::new(name), static_libs);
    found.iter().take(count).map(|c| c.spelled.to_string_lossy().into_owned()).collect()
}

#[test]
fn spelling_per_linker() {
    let dirs = ["-L./d", "-Le/", "-L", "."];
    for (linker, want) in [
        ("ld.bfd", ["./d/libx.so", "./d/libx.a", "e//libx.so", "e//libx.a", "./libx.so", "./libx.a"]),
        ("ld.gold", ["./d/libx.so", "./d/libx.a", "e//libx.so", "e//libx.a", "./libx.so", "./libx.a"]),
        ("ld.lld", ["./d/libx.so", "./d/libx.a", "e/libx.so", "e/libx.a", "./libx.so", "./libx.a"]),
        ("mold", ["d/libx.so", "d/libx.a", "e//libx.so", "e//libx.a", "./libx.so", "./libx.a"]),
    ] {
        let p = plan(&[&[linker][..], &dirs[..], &["-lx"][..]].concat());
        assert_eq!(spelled(&p, "x", false, 6), want, "{linker}");
        assert_eq!(spelled(&p, "x", true, 1), [want[1]], "{linker}");
        assert_eq!(spelled(&p, ":x.o", true, 1), [want[0].replace("libx.so", "x.o")], "{linker}");
    }
}

#[test]
fn built_in_folders() {
    let p = plan(&["ld.bfd", "-m", "elf_x86_64", "-lx"]);
    let path = SearchPath::new(&p, &[], false);
    let folders: Vec<_> = path.folders().take(3).map(|f| f.to_string_lossy().into_owned()).collect();
    assert_eq!(
        folders,
        ["/usr/local/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"]
    );
    assert_eq!(path.folders().count(), 12);
    let p = plan(&["ld.bfd", "-nostdlib", "-lx"]);
    assert_eq!(SearchPath::new(&p, &[], false).folders().count(), 0);
    let p = plan(&["ld.bfd", "-Y", "P,/a:/b"]);
    assert_eq!(SearchPath::new(&p, &[], false).folders().count(), 2);
    let p = plan(&["ld.bfd", "--sysroot=/s", "-L=/q", "-lx"]);
    let path = SearchPath::new(&p, &[], false);
    assert_eq!(path.folders().next(), Some(Path::new("/s/q")));
    assert_eq!(path.folders().nth(1), Some(Path::new("/s/usr/local/lib/x86_64-linux-gnu")));
    let p = plan(&["ld.gold", "-lx"]);
    let path = SearchPath::new(&p, &[], false);
    assert_eq!(path.folders().next(), Some(Path::new("//lib/x86_64-linux-gnu")));
    assert_eq!(path.library(BStr::new("/abs"), false)[0].spelled, Path::new("/abs"));
    for linker in ["ld.lld", "mold"] {
        assert_eq!(SearchPath::new(&plan(&[linker, "a.o"]), &[], false).folders().count(), 0);
    }
    let p = plan(&["ld.lld", "--sysroot=/s/", "-L=/q", "a.o"]);
    assert_eq!(SearchPath::new(&p, &[], false).folders().next(), Some(Path::new("/s/q")));
}

/// The built-in folders are those that the installed linkers themselves tell.
#[test]
fn built_in_folders_of_installed_bfd() {
    let emulations = [
        ("ld.bfd", "elf_x86_64"),
        ("ld.bfd", "elf_i386"),
        ("ld.bfd", "elf32_x86_64"),
        ("aarch64-linux-gnu-ld", "aarch64linux"),
        ("arm-linux-gnueabihf-ld", "armelf_linux_eabi"),
        ("riscv64-linux-gnu-ld", "elf64lriscv"),
        ("powerpc64le-linux-gnu-ld", "elf64lppc"),
        ("mips-linux-gnu-ld", "elf32btsmip"),
        ("mips-linux-gnu-ld", "elf64btsmip"),
        ("mips-linux-gnu-ld", "elf32ltsmipn32"),
    ];
    for (linker, emulation) in emulations {
        let Ok(output) = std::process::Command::new(linker).args(["-m", emulation, "--verbose"]).output()
        else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told: Vec<&str> =
            text.split("SEARCH_DIR(\"=").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let ours = bfd_folders(emulation);
        assert_eq!(ours, told, "{linker} {emulation}");
    }
}

#[test]
fn scripts_replace_bfd_folders() {
    let dir = std::env::temp_dir().join(format!("linksweep-library-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("s.lds"), "SEARCH_DIR(m) SECTIONS {}").unwrap();
    let script = dir.join("s.lds");
    let script = script.to_str().unwrap();
    let dirs = [ScriptDir { script: 0, text: "m".into() }];
    let p = plan(&["ld.bfd", "-La", "-T", script, "-Lb", "-lx"]);
    let path = SearchPath::new(&p, &dirs, false);
    assert_eq!(path.folders().collect::<Vec<_>>(), ["a", "m", "b"].map(Path::new));
    let p = plan(&["ld.lld", "-La", "-T", script, "-Lb", "a.o"]);
    let path = SearchPath::new(&p, &dirs, false);
    assert_eq!(path.folders().collect::<Vec<_>>(), ["a", "b", "m"].map(Path::new));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn script_inputs() {
    let first = |linker: &str, script: &str, in_sysroot, name: &str| {
        let p = plan(&[linker, "--sysroot=/s", "-Lq", "a.o"]);
        let path = SearchPath::new(&p, &[], false);
        let found = path.script_input(Path::new(script), in_sysroot, BStr::new(name));
        found.iter().take(3).map(|c| c.spelled.to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(first("ld.bfd", "l.so", false, "libc.a"), ["./libc.a", "libc.a", "q/libc.a"]);
    assert_eq!(first("ld.bfd", "d/l.so", false, "libc.a"), ["d/libc.a", "libc.a", "q/libc.a"]);
    assert_eq!(first("ld.gold", "l.so", false, "libc.a")[..2], ["./libc.a", "q/libc.a"]);
    assert_eq!(first("ld.lld", "l.so", false, "libc.a")[..2], ["libc.a", "q/libc.a"]);
    assert_eq!(first("ld.lld", "d/l.so", false, "libc.a")[..2], ["d/libc.a", "libc.a"]);
    assert_eq!(first("mold", "d/l.so", false, "libc.a")[..2], ["libc.a", "q/libc.a"]);
    for linker in ["ld.bfd", "ld.gold", "ld.lld", "mold"] {
        assert_eq!(first(linker, "d/l.so", true, "/lib/c"), ["/s/lib/c"]);
        assert_eq!(first(linker, "d/l.so", false, "/lib/c"), ["/lib/c"]);
    }
    assert_eq!(first("ld.lld", "l.so", false, "=lib/c"), ["/s/lib/c"]);
}

#[test]
fn choice_per_linker() {
    let p = plan(&["ld.bfd", "-La", "-Lb"]);
    let path = SearchPath::new(&p, &[], false);
    let files = path.library(BStr::new("x"), false);
    let look = |c: &Candidate| match c.spelled.to_str() {
        Some("a/libx.so") => Verdict::Incompatible,
        Some("a/libx.a" | "b/libx.so") => Verdict::Fits,
        _ => Verdict::Missing,
    };
    for (flavor, found, skipped) in [
        (Flavor::Bfd, 1, vec![0]),
        (Flavor::Gold, 2, vec![0]),
        (Flavor::Lld, 0, vec![]),
        (Flavor::Mold, 1, vec![0]),
    ] {
        assert_eq!(choose(flavor, &files, look), Choice { found: Some(found), skipped }, "{flavor:?}");
    }
}

#[test]
fn clean_paths() {
    for (path, want) in [
        ("./sub/../b.o", "b.o"),
        (".", "."),
        ("a/..", "."),
        ("/../x", "/x"),
        ("../x", "../x"),
        ("d/", "d/"),
        ("", ""),
    ] {
        assert_eq!(lexically_normal(Path::new(path)), Path::new(want), "{path}");
        assert_eq!(bytes(&lexically_normal(Path::new(path))), want.as_bytes(), "{path}");
    }
}

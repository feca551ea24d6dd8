//! Section counts before the link beside what the installed linkers write: `e_shnum` (or header 0's
//! size) of their outputs, and the words with which they give up.
//!
//! A linker that is not installed is left out, unless `LINKSWEEP_REQUIRE_LINKERS` names it.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "it/linkers.rs"]
mod linkers;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use linkers::LinkerId;
use linksweep::plan::{self, Overrides, ProfileSpec};
use linksweep::query::sections::{self, Image, ImageKind};

fn object(lines: &[String]) -> Vec<u8> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    fixture::object::object(&[], &lines).unwrap().write()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|l| l.trim().to_string()).filter(|l| !l.is_empty()).collect()
}

fn required(linker: LinkerId) -> bool {
    std::env::var("LINKSWEEP_REQUIRE_LINKERS").is_ok_and(|v| v.split(',').any(|n| n == linker.name()))
}

/// The prediction for a link in `dir`.
fn predict(linker: LinkerId, dir: &Path, words: &[&str]) -> Image {
    let overrides = Overrides {
        linker: Some(ProfileSpec::parse(linker.profile()).unwrap()),
        directory: dir.to_path_buf(),
        ..Overrides::default()
    };
    let all = ["ld", "-o", "linked-output"].iter().chain(words);
    let words: Vec<OsString> = all.map(|w| OsString::from(*w)).collect();
    let plan = plan::parse_command(&words, &overrides).unwrap();
    let link = linksweep::open(&plan).unwrap();
    let analysis = linksweep::analyze(&plan, &link).unwrap();
    sections::image(&analysis, "")
}

/// What the linker wrote: number of headers, and its complaint.
fn real(linker: LinkerId, dir: &Path, words: &[&str]) -> Option<(Option<u64>, String)> {
    let Some(program) = linker.program("") else {
        assert!(!required(linker), "{} is not installed", linker.name());
        return None;
    };
    let output = dir.join("linked-output");
    let _ = std::fs::remove_file(&output);
    let mut command = Command::new(program);
    command.args(["-o", "linked-output"]).args(words);
    let run = linkers::run(command, dir).unwrap();
    // gold and lld leave an output behind only where they succeed; ld removes a failed one.
    let headers = std::fs::read(&output).ok().filter(|_| run.code == Some(0)).map(|data| {
        let word = |at: usize| u16::from_le_bytes([data[at], data[at + 1]]);
        let long = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().unwrap());
        match word(0x3c) {
            0 => long(usize::try_from(long(0x28)).unwrap() + 0x20),
            n => u64::from(n),
        }
    });
    Some((headers, run.stdout + &run.stderr))
}

/// Links that all linkers accept: counts must be equal.
fn compare(dir: &Path, linkers: &[LinkerId], links: &[&str]) -> usize {
    let mut compared = 0;
    let mut differences = Vec::new();
    for link in links {
        let words: Vec<&str> = link.split_whitespace().collect();
        for &linker in linkers {
            let Some((headers, said)) = real(linker, dir, &words) else { continue };
            let image = predict(linker, dir, &words);
            let made: Vec<String> = image.outputs.iter().map(|o| o.name.to_string()).collect();
            if headers != Some(image.headers) {
                let (name, ours) = (linker.name(), image.headers);
                differences.push(format!("{name} {link}: {headers:?}, not {ours}: {made:?}\n{said}"));
            }
            assert!(!image.estimated, "{link}");
            compared += 1;
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    compared
}

/// Code with calls inside and outside, a constructor, tables, strings, a group, commons, TLS.
const ONE: &str = "
    undef outside func
    fn _start: near outside shared
    fn near: near_data
    data near_data: near
    fn shared group=shared weak: near
    section .rodata.str1.1 ams entsize=1
    string \"text\"
    section .rodata.cst8 am entsize=8
    zero 8
    section .init_array aw type=init_array
    ref near
    section .comment ms entsize=1
    string \"compiler\"
    section .debug_info -
    ref near
    section .note.GNU-stack -
    common space 8";

const TWO: &str = "
    fn outside: near
    fn shared group=shared weak: near
    section .text.near axR
    zero 1
    sec own_name a
    sec other_name aw
    sec .data.rel.ro.x aw: outside
    section .tdata awT
    zero 4
    section .tbss awT type=nobits size=4
    section .note.GNU-stack -
    common space 16";

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("one.o"), object(&lines(ONE))).unwrap();
    std::fs::write(dir.path().join("two.o"), object(&lines(TWO))).unwrap();
    dir
}

#[test]
fn headers_are_those_that_linkers_write() {
    let dir = folder();
    let links = [
        "one.o two.o",
        "-shared one.o two.o",
        "-pie one.o two.o",
        "-r one.o two.o",
        "-r two.o one.o",
        "--gc-sections one.o two.o",
        "--gc-sections -shared one.o two.o",
        "-s one.o two.o",
        "--emit-relocs one.o two.o",
        "-shared --hash-style=gnu --build-id=sha1 --eh-frame-hdr one.o two.o",
    ];
    let compared = compare(dir.path(), &linkers::ALL, &links);
    let unique = compare(dir.path(), &[LinkerId::Bfd, LinkerId::Lld19], &["-r --unique one.o two.o"]);
    assert!(compared > 0 && unique > 0, "no linker is installed");
}

#[test]
fn scripts_and_orphans() {
    let dir = folder();
    let script = "SECTIONS { .text : { *(.text) } .data : { *(.data .data.*) } .bss : { *(.bss) *(COMMON) } \
                  /DISCARD/ : { *(own_name) } }";
    std::fs::write(dir.path().join("s.lds"), script).unwrap();
    let links = ["-T s.lds one.o two.o", "-r -T s.lds one.o two.o", "-T s.lds --unique one.o two.o"];
    assert!(compare(dir.path(), &[LinkerId::Bfd], &links) > 0);
    assert!(compare(dir.path(), &[LinkerId::Lld14, LinkerId::Lld19], &links[..1]) > 0);
}

/// Programs with the C library: start files, notes, versions, PLT and GOT as compilers make them.
#[test]
fn compiled_programs() {
    let dir = tempfile::tempdir().unwrap();
    let source = "#include <stdio.h>\n#include <math.h>\nint main(int c, char **v) { printf(\"%f\", sin(c)); return v == 0; }";
    std::fs::write(dir.path().join("main.c"), source).unwrap();
    let run = |words: &[&str]| {
        Command::new("gcc").args(words).current_dir(dir.path()).output().is_ok_and(|o| o.status.success())
    };
    if !run(&["-ffunction-sections", "-fdata-sections", "-fPIC", "-c", "main.c"]) {
        assert!(!required(LinkerId::Bfd), "no C compiler");
        return;
    }
    for linker in [LinkerId::Bfd, LinkerId::Gold, LinkerId::Lld14] {
        let choice = match linker {
            LinkerId::Bfd => "-fuse-ld=bfd",
            LinkerId::Gold => "-fuse-ld=gold",
            _ => "-fuse-ld=lld",
        };
        for kind in ["-no-pie", "-pie", "-shared", "-static"] {
            let words = ["gcc", kind, choice, "main.o", "-lm", "-o", "linked-output"];
            if linker.program("").is_none() || !run(&words[1..]) {
                continue;
            }
            let data = std::fs::read(dir.path().join("linked-output")).unwrap();
            let headers = u64::from(u16::from_le_bytes([data[0x3c], data[0x3d]]));
            let overrides = Overrides {
                linker: Some(ProfileSpec::parse(linker.profile()).unwrap()),
                directory: dir.path().to_path_buf(),
                ..Overrides::default()
            };
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let plan = plan::parse_command(&words, &overrides).unwrap();
            let link = linksweep::open(&plan).unwrap();
            let analysis = linksweep::analyze(&plan, &link).unwrap();
            let image = sections::image(&analysis, "");
            let made: Vec<String> = image.outputs.iter().map(|o| o.name.to_string()).collect();
            assert_eq!(image.headers, headers, "{} {kind}: {made:?}", linker.name());
        }
    }
}

/// 65,600 functions, each in a section of its own.
fn many(prefix: &str) -> Vec<u8> {
    let mut all = vec!["fn _start sec=.text fl=ax".to_string()];
    all.extend((0..65_600).map(|n| format!("fn f{n} sec={prefix}{n} fl=ax")));
    object(&all)
}

/// GS 10.2: the four links that GNU ld refuses, with its own number.
#[test]
fn too_many_sections() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("fn.o"), many("fn_")).unwrap();
    std::fs::write(dir.path().join("text.o"), many(".text.f")).unwrap();
    let script = "SECTIONS { .text : { *(.text) } .data : { *(.data) } .bss : { *(.bss) } }";
    std::fs::write(dir.path().join("s.lds"), script).unwrap();
    let links = [
        ("-shared fn.o", 65_607),
        ("-pie -E fn.o", 65_608),
        ("-shared -T s.lds text.o", 65_606),
        ("-pie -E -T s.lds text.o", 65_607),
    ];
    let linker = LinkerId::Bfd;
    // Assemblers add `.data` and `.bss` of size 0; they change no number.
    for (link, number) in links {
        let words: Vec<&str> = link.split_whitespace().collect();
        let image = predict(linker, dir.path(), &words);
        let expected = format!("linked-output: too many sections: {number} (>= 65280)");
        assert_eq!(image.refusal.as_deref(), Some(expected.as_str()), "{link}");
        assert!(image.extended && image.dynamic_beyond > 0 && image.counted == number);
        let answer = sections::Sections { images: vec![image], ..sections::Sections::default() };
        let found = sections::findings(&answer);
        assert!(found.len() == 1 && found[0].level == linksweep::query::finding::Level::Error, "{found:?}");
        assert!(found[0].message.contains(&expected) && found[0].remedy.contains(".text : {"), "{found:?}");
        if let Some((headers, said)) = real(linker, dir.path(), &words) {
            assert_eq!(headers, None, "{link}");
            assert!(said.contains(&expected), "{link}: {said}");
        }
    }
    // What goes through: merged by the built-in script, without dynamic symbols, or by other linkers.
    compare(dir.path(), &[linker], &["-shared text.o", "-pie fn.o", "-r fn.o"]);
    compare(dir.path(), &[LinkerId::Gold, LinkerId::Lld19], &["-shared fn.o"]);
    compare(dir.path(), &[LinkerId::Mold], &["-r fn.o"]);
    let image = predict(LinkerId::Mold, dir.path(), &["-shared", "fn.o"]);
    assert!(image.refusal.is_some_and(|r| r.contains("output symbol index too large")));
    if let Some((headers, said)) = real(LinkerId::Mold, dir.path(), &["-shared", "fn.o"]) {
        assert!(headers.is_none() && said.contains("output symbol index too large"), "{said}");
    }
}

/// KL 9: the thresholds of objects, `-r` outputs, modules and images.
#[test]
fn levels() {
    use linksweep::query::finding::Level;
    let dir = tempfile::tempdir().unwrap();
    let sized = |count: usize| {
        let mut all = vec!["fn _start".to_string()];
        all.extend((0..count).map(|n| format!("sec s{n} a")));
        object(&all)
    };
    for (name, count) in
        [("small.o", 10), ("k2.o", 2_000), ("k31.o", 31_000), ("k33.o", 33_000), ("k66.o", 66_000)]
    {
        std::fs::write(dir.path().join(name), sized(count)).unwrap();
    }
    let level = |words: &[&str]| {
        let overrides = Overrides { directory: dir.path().to_path_buf(), ..Overrides::default() };
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let plan = plan::parse_command(&words, &overrides).unwrap();
        let link = linksweep::open(&plan).unwrap();
        let analysis = linksweep::analyze(&plan, &link).unwrap();
        let answer = sections::sections(&analysis, "");
        let found = sections::findings(&answer);
        (answer.images[0].kind, found.iter().map(|f| (f.level, f.subject.name.clone())).collect::<Vec<_>>())
    };
    let of = |level: Level, name: &str| (level, name.to_string());
    assert_eq!(level(&["ld", "small.o"]), (ImageKind::Final, vec![]));
    assert_eq!(level(&["ld", "k2.o"]), (ImageKind::Final, vec![of(Level::Warning, "a.out")]));
    assert_eq!(level(&["ld", "-r", "k2.o"]), (ImageKind::Relocatable, vec![]));
    assert_eq!(
        level(&["ld", "-r", "k31.o", "-o", "x.o"]),
        (ImageKind::Relocatable, vec![of(Level::Note, "k31.o")])
    );
    assert_eq!(
        level(&["ld", "-r", "k33.o", "-o", "m.ko"]),
        (ImageKind::Module, vec![of(Level::Warning, "m.ko"), of(Level::Note, "k33.o")])
    );
    assert_eq!(
        level(&["ld", "-r", "k66.o", "-o", "m.ko"]),
        (ImageKind::Module, vec![of(Level::Error, "m.ko"), of(Level::Note, "k66.o")])
    );
    assert_eq!(
        level(&["ld", "-r", "k66.o", "-o", "vmlinux.o"]),
        (ImageKind::Relocatable, vec![of(Level::Warning, "vmlinux.o"), of(Level::Note, "k66.o")])
    );
}

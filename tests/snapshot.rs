//! Saved links through the command line: the same answers as from the link, the same bytes whatever the threads
//! and the folder, clear errors for everything that is no sound `.lsw` file.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "common/links.rs"]
mod links;
#[path = "common/program.rs"]
mod program;

use std::path::Path;

use links::folder;
use linksweep::snapshot;
use program::{linksweep, run, text};

const LINK: [&str; 5] = ["--", "ld.lld", "--gc-sections", "main.o", "libx.a"];

fn save(dir: &Path, options: &[&str]) -> Vec<u8> {
    run(dir, &[&["snapshot", "-o", "x.lsw"], options, &LINK[..]].concat(), 0);
    std::fs::read(dir.join("x.lsw")).unwrap()
}

#[test]
fn why_says_the_same() {
    let dir = folder();
    save(dir.path(), &[]);
    for pattern in ["foo", "*", "symbol:_start", "member:foo.o", "file:main.o", "section:.text.*", "bar"] {
        for options in [&["--format=text"][..], &["--format=json"], &["-k", "3"]] {
            let of_link = linksweep(dir.path(), &[&["why", pattern], options, &LINK[..]].concat());
            let saved =
                linksweep(dir.path(), &[&["why", pattern], options, &["--snapshot", "x.lsw"]].concat());
            assert_eq!(text(&of_link.stdout), text(&saved.stdout), "{pattern} {options:?}");
            assert_eq!(of_link.status.code(), saved.status.code(), "{pattern} {options:?}");
        }
    }
    for words in [
        &["retained"][..],
        &["retained", "--by=section,symbol,file,directory,archive,crate,root"],
        &["retained", "foo"],
        &["retained", "file:main.o"],
        &["retained", "nothing"],
        &["what-if", "--kill=foo"],
        &["retained", "--format=folded"],
    ] {
        for options in [&[][..], &["--format=json"], &["--format=csv"], &["-n", "1", "--sort=name"]] {
            let of_link = linksweep(dir.path(), &[words, options, &LINK[..]].concat());
            let saved = linksweep(dir.path(), &[words, options, &["--snapshot", "x.lsw"]].concat());
            assert_eq!(text(&of_link.stdout), text(&saved.stdout), "{words:?} {options:?}");
            assert_eq!(of_link.status.code(), saved.status.code(), "{words:?} {options:?}");
        }
    }
    for words in [
        &["gc", "--format=linker"][..],
        &["what-if", "--drop-root=_start", "--format=linker"],
        &["what-if", "--drop-root=_start"],
        &["what-if", "--cut=_start,foo"],
        &["what-if", "--cut=section:.text*,file:*"],
        &["what-if", "--add-keep=.text.dead*", "--by=file,symbol"],
        &["what-if", "--add-keep=.nothing"],
    ] {
        for options in [&[][..], &["--format=json"], &["--format=csv"], &["--format=linker"]] {
            if words[0] == "gc" && !options.is_empty() {
                continue;
            }
            let of_link = linksweep(dir.path(), &[words, options, &LINK[..]].concat());
            let saved = linksweep(dir.path(), &[words, options, &["--snapshot", "x.lsw"]].concat());
            assert_eq!(text(&of_link.stdout), text(&saved.stdout), "{words:?} {options:?}");
            assert_eq!(of_link.status.code(), saved.status.code(), "{words:?} {options:?}");
        }
    }
    for change in ["--drop-symbol=foo", "--whole-archive=*", "--on-demand=libx.a"] {
        let (_, said) = run(dir.path(), &["what-if", change, "--snapshot", "x.lsw"], 2);
        assert!(said.contains("ask the link itself"), "{said}");
    }
    let (dead, _) = run(dir.path(), &["why", "dead_data", "--dead", "--snapshot", "x.lsw"], 1);
    assert!(dead.contains("referred to by\n    main.o:(.text.dead_one)"), "{dead}");
    run(dir.path(), &["why", "nowhere", "--snapshot", "x.lsw"], 2);
}

#[test]
fn other_commands_say_that_they_cannot() {
    let dir = folder();
    save(dir.path(), &[]);
    let (_, told) = run(dir.path(), &["keep", "--snapshot", "x.lsw"], 2);
    assert!(told.contains("needs the link itself"), "{told}");
    let (_, told) = run(dir.path(), &[&["snapshot"], &LINK[..]].concat(), 2);
    assert!(told.contains("-o FILE.lsw"), "{told}");
}

#[test]
fn the_same_bytes_whatever_the_threads() {
    let dir = folder();
    let one = save(dir.path(), &["--threads=1"]);
    assert_eq!(one, save(dir.path(), &["--threads=4"]));
}

#[test]
fn the_digest_does_not_know_the_folder() {
    let digest = |dir: &Path| {
        let base = dir.to_str().unwrap();
        let (main, lib) = (format!("{base}/main.o"), format!("{base}/libx.a"));
        let link = ["--", "ld.lld", "--gc-sections", &main, &lib];
        run(dir, &[&["snapshot", "-C", base, "-o", "x.lsw"], &link[..]].concat(), 0);
        let bytes = std::fs::read(dir.join("x.lsw")).unwrap();
        let line_end = bytes.iter().position(|&b| b == b'\n').unwrap();
        let hay = &bytes[line_end..];
        assert!(!hay.windows(base.len()).any(|w| w == base.as_bytes()), "the folder stands in a column");
        // Restored, the paths are those of the link.
        let (why, _) = run(dir, &["why", "foo", "--snapshot", "x.lsw"], 0);
        assert!(why.contains(&format!("{base}/libx.a(foo.o)")), "{why}");
        snapshot::open(&dir.join("x.lsw")).unwrap().header().digest.clone()
    };
    let (a, b) = (folder(), folder());
    assert_eq!(digest(a.path()), digest(b.path()));
}

#[test]
fn the_dump_is_sorted_lines() {
    let dir = folder();
    save(dir.path(), &[]);
    let (out, _) = run(dir.path(), &["snapshot", "--dump", "x.lsw"], 0);
    let lines: Vec<serde_json::Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["schema"], "linksweep.snapshot/2");
    let kinds: Vec<&str> = lines.iter().map(|l| l["kind"].as_str().unwrap()).collect();
    for kind in ["archive", "file", "section", "root", "name", "extraction"] {
        assert!(kinds.contains(&kind), "{kind}");
        let of_kind: Vec<&str> =
            out.lines().zip(&kinds).filter(|(_, k)| **k == kind).map(|(l, _)| l).collect();
        assert!(of_kind.is_sorted(), "{kind}");
    }
    let start = lines.iter().find(|l| l["name"] == ".text._start").unwrap();
    assert_eq!(start["refers"][0]["to"][1], ".text.foo");
    assert_eq!(start["fate"], "kept");
}

/// What is told about bytes that are no sound snapshot.
fn refusal(bytes: Vec<u8>) -> String {
    let saved = snapshot::from_bytes(Path::new("x.lsw"), bytes);
    match saved.and_then(|s| s.portrait().map(|_| ())) {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn unsound_files_are_named_errors() {
    let dir = folder();
    let bytes = save(dir.path(), &[]);
    assert_eq!(refusal(bytes.clone()), "");
    let line = text(&bytes[..bytes.iter().position(|&b| b == b'\n').unwrap() + 1]);
    let data = &bytes[line.len()..];
    let with = |from: &str, to: &str| {
        assert!(line.contains(from), "{from}");
        [line.replacen(from, to, 1).into_bytes(), data.to_vec()].concat()
    };
    for (damaged, said) in [
        (Vec::new(), "the file is empty"),
        (b"\x7fELF\x02\x01\x01".to_vec(), "not a linksweep snapshot"),
        (b"{\"schema\":\"linksweep.why/1\"}\n".to_vec(), "not a snapshot but \"linksweep.why/1\""),
        (bytes[..100].to_vec(), "cut off: the header line has no end"),
        (with("snapshot/2", "snapshot/3"), "written by a newer linksweep: format 3"),
        (with("snapshot/2", "snapshot/1"), "written by an older linksweep: format 1"),
        (with("\"columns\":[", "\"columns\":[0,"), "the header cannot be read"),
        (with("\"edges.target\"", "\"edges.tarjet\""), "there is no column edges.target"),
        (with("\"digest\":\"", "\"digest\":\"0"), "the digest of the contents is another"),
        (bytes[..bytes.len() - 200].to_vec(), "lies outside the file"),
    ] {
        let told = refusal(damaged.clone());
        assert!(told.contains(said), "{said}: {told}");
        std::fs::write(dir.path().join("bad.lsw"), damaged).unwrap();
        let (_, told) = run(dir.path(), &["why", "*", "--snapshot", "bad.lsw"], 2);
        assert!(told.contains(said) && told.contains("bad.lsw"), "{told}");
    }
    // A column more is no harm; then the digest is of other contents, which the reader tells apart.
    let more = "\"columns\":[{\"name\":\"new.thing\",\"type\":\"u8\",\"offset\":0,\"length\":0,\"count\":0,\"store\":\"plain\"},";
    let saved = snapshot::from_bytes(Path::new("x.lsw"), with("\"columns\":[", more)).unwrap();
    assert!(saved.unverified().is_ok());
}

#[test]
fn cut_and_flipped_files_never_pass() {
    let dir = folder();
    let bytes = save(dir.path(), &[]);
    for length in (0..bytes.len()).step_by(bytes.len() / 200) {
        assert_ne!(refusal(bytes[..length].to_vec()), "", "cut to {length}");
    }
    let start = bytes.iter().position(|&b| b == b'\n').unwrap() + 1;
    for at in (start..bytes.len()).step_by((bytes.len() - start) / 200 + 1) {
        let mut other = bytes.clone();
        other[at] ^= 0x55;
        assert_ne!(refusal(other), "", "flipped at {at}");
    }
}

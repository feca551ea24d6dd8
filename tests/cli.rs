//! The command line as its users see it: each command's answer, its forms, what goes to stderr, the
//! exit status. Inputs are built in memory; no linker is needed.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "common/links.rs"]
mod links;
#[path = "common/program.rs"]
mod program;
#[path = "common/schema.rs"]
mod schema_check;

use std::process::Stdio;

use fixture::archive::{Index, Member, archive};
use links::{folder, object};
use program::{answer, command, json, linksweep, text};
use schema_check::fits;

const LINK: [&str; 3] = ["--", "main.o", "libx.a"];

fn with<'a>(front: &[&'a str], back: &[&'a str]) -> Vec<&'a str> {
    [front, back].concat()
}

#[test]
fn gc_as_linker_lines() {
    let dir = folder();
    let out = answer(dir.path(), &with(&["gc", "--format=linker", "--linker=bfd@2.40"], &LINK), 0);
    assert_eq!(
        out,
        "removing unused section '.text.dead_one' in file 'main.o'\n\
         removing unused section '.data.dead_data' in file 'main.o'\n\
         removing unused section '.text._ZN3foo6unusedEv' in file 'libx.a(foo.o)'\n"
    );
}

#[test]
fn gc_as_text() {
    let dir = folder();
    let run = linksweep(dir.path(), &with(&["gc", "--linker=bfd"], &LINK));
    let out = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0));
    assert!(out.starts_with("GNU ld 2.40, x86-64, 64-bit, executable\ndropped "), "{out}");
    for words in ["kept", "all input", "not extracted", "foo::unused()", "libx.a(foo.o)", "next: "] {
        assert!(out.contains(words), "{words} in\n{out}");
    }
    assert!(!out.contains('\x1b'));
    let told = text(&run.stderr);
    assert!(told.contains("rules of GNU ld 2.40") && told.contains("assuming --gc-sections"), "{told}");
    let mangled = answer(dir.path(), &with(&["gc", "--demangle=none"], &LINK), 0);
    assert!(mangled.contains("_ZN3foo6unusedEv") && !mangled.contains("foo::unused()"));
    let coloured = answer(dir.path(), &with(&["gc", "--color=always"], &LINK), 0);
    assert!(coloured.contains("\x1b[1m"));
    let one = answer(dir.path(), &with(&["gc", "-n1"], &LINK), 0);
    assert!(one.contains("... and 2 more sections (-n 0 shows all)"), "{one}");
}

#[test]
fn gc_as_json() {
    let dir = folder();
    let value = json(dir.path(), &with(&["gc", "--format=json", "--by=archive,kind,symbol"], &LINK), 0);
    assert_eq!(value["schema"], "linksweep.gc/1");
    assert_eq!(value["link"]["linker"], "bfd");
    let parts = [
        "kept",
        "dropped",
        "dropped_pieces",
        "group_duplicates",
        "discarded",
        "not_extracted",
        "not_a_candidate",
    ];
    let sum =
        |field: &str| -> u64 { parts.iter().map(|p| value["totals"][p][field].as_u64().unwrap_or(0)).sum() };
    for field in ["bytes", "sections"] {
        assert_eq!(value["totals"]["input"][field].as_u64(), Some(sum(field)));
    }
    assert_eq!(value["totals"]["dropped"]["sections"], 3);
    let dropped: Vec<&str> =
        value["dropped"].as_array().unwrap().iter().map(|d| d["section"].as_str().unwrap()).collect();
    assert_eq!(dropped, [".text.dead_one", ".data.dead_data", ".text._ZN3foo6unusedEv"]);
    assert_eq!(value["dropped"][2]["archive"], "libx.a");
    assert_eq!(value["dropped"][2]["symbol"], "_ZN3foo6unusedEv");
    let by: Vec<&str> =
        value["groups"].as_array().unwrap().iter().map(|g| g["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["archive", "kind", "symbol"]);
    let keys: Vec<&str> =
        value["groups"][0]["rows"].as_array().unwrap().iter().map(|r| r["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["(objects)", "libx.a"]);
}

#[test]
fn gc_as_csv() {
    let dir = folder();
    let out = answer(dir.path(), &with(&["gc", "--format=csv", "--sort=name", "--filter=text"], &LINK), 0);
    let columns: Vec<Vec<&str>> = out.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(columns[0], ["archive", "file", "section", "symbol", "bytes"]);
    assert_eq!(columns[1][..4], ["libx.a", "foo.o", ".text._ZN3foo6unusedEv", "_ZN3foo6unusedEv"]);
    assert_eq!(columns[2][..4], ["", "main.o", ".text.dead_one", "dead_one"]);
    assert_eq!(columns.len(), 3);
    let groups = answer(dir.path(), &with(&["gc", "--format=csv", "--by=file"], &LINK), 0);
    assert!(groups.lines().nth(1).unwrap().starts_with("file,main.o,"));
}

#[test]
fn without_collection_nothing_goes() {
    let dir = folder();
    let words = with(&["gc", "--format=linker"], &["--", "main.o", "libx.a", "--no-gc-sections"]);
    let run = linksweep(dir.path(), &words);
    assert_eq!((run.status.code(), text(&run.stdout)), (Some(0), String::new()));
    assert!(text(&run.stderr).contains("--no-gc-sections of the line wins"));
    let out = answer(dir.path(), &["gc", "--", "main.o", "libx.a", "--no-gc-sections"], 0);
    assert!(out.contains("Nothing is dropped"));
}

#[test]
fn extract_forms() {
    let dir = folder();
    let tsv = answer(dir.path(), &with(&["extract", "--format=tsv"], &LINK), 0);
    assert_eq!(tsv, "archive\tmember\tsymbol\treference\nlibx.a\tfoo.o\tfoo\tmain.o\n");
    let whole = ["--", "main.o", "--whole-archive", "libx.a"];
    let tsv = answer(dir.path(), &with(&["extract", "--format=tsv"], &whole), 0);
    assert_eq!(
        tsv,
        "archive\tmember\tsymbol\treference\n\
         libx.a\tfoo.o\t\t--whole-archive\n\
         libx.a\tbar.o\t\t--whole-archive\n"
    );
    let map = answer(dir.path(), &with(&["extract", "--format=linker", "--linker=bfd"], &LINK), 0);
    assert_eq!(
        map,
        "Archive member included to satisfy reference by file (symbol)\n\n\
         libx.a(foo.o)                 main.o (foo)\n"
    );
    let run = linksweep(dir.path(), &with(&["extract", "--format=linker", "--linker=mold"], &LINK));
    assert_eq!((run.status.code(), text(&run.stdout)), (Some(2), String::new()));
    let value = json(
        dir.path(),
        &with(&["extract", "--format=json", "--all"], &["--", "main.o", "-u", "bar", "libx.a"]),
        0,
    );
    assert_eq!(value["schema"], "linksweep.extract/1");
    let askers: Vec<(&str, Vec<&str>)> = value["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| {
            let askers = m["askers"].as_array().unwrap();
            (m["member"].as_str().unwrap(), askers.iter().map(|a| a["file"].as_str().unwrap()).collect())
        })
        .collect();
    assert!(askers.contains(&("foo.o", vec!["main.o", "libx.a(bar.o)"])), "{askers:?}");
    let text = answer(dir.path(), &with(&["extract"], &LINK), 0);
    assert!(text.contains("libx.a(foo.o)") && text.contains("--whole-archive would add"), "{text}");
}

#[test]
fn doctor_reads_twice() {
    let dir = folder();
    let value = json(dir.path(), &with(&["doctor", "--format=json"], &LINK), 0);
    assert_eq!(value["schema"], "linksweep.doctor/1");
    assert_eq!(value["inputs"]["members"], 2);
    assert_eq!(value["second_reader"]["objects"], 3);
    assert_eq!(value["second_reader"]["differences"].as_array().unwrap().len(), 0);
    assert_eq!(value["archives"][0]["stale"], false);
    assert!(answer(dir.path(), &with(&["doctor"], &LINK), 0).contains("the two readers agree"));
}

#[test]
fn doctor_names_what_cannot_be_read() {
    let dir = folder();
    std::fs::write(dir.path().join("x.bc"), b"BC\xc0\xde\0\0\0\0").unwrap();
    let crel = fixture::object::object(&["rel=crel"], &["fn g: h"]).unwrap().write();
    std::fs::write(dir.path().join("crel.o"), crel).unwrap();
    let stale = [Member {
        name: "foo.o".into(),
        data: object(links::FOO),
        symbols: vec!["gone".into()],
        origin: None,
    }];
    std::fs::write(dir.path().join("libs.a"), archive(false, Index::Gnu, None, &stale)).unwrap();
    let words =
        ["doctor", "--linker=lld@19.1.7", "--format=json", "--", "main.o", "x.bc", "crel.o", "libs.a"];
    let run = linksweep(dir.path(), &words);
    let value: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(value["inputs"]["bitcode"], 1);
    assert_eq!(value["inputs"]["crel_objects"], 1);
    assert!(value["second_reader"]["gaps"].as_array().unwrap().len() == 1, "{value}");
    let archive = &value["archives"][0];
    assert_eq!((archive["wrong_entries"].as_u64(), archive["missing_entries"].as_u64()), (Some(1), Some(2)));
    let ids: Vec<&str> =
        value["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"LSW009") && ids.contains(&"LSW011"), "{ids:?}");
    assert!(text(&run.stderr).contains("LSW009"));
}

#[test]
fn wrong_usage_is_two_and_names_the_word() {
    let dir = folder();
    for (words, named) in [
        (with(&["gc", "--frob"], &LINK), "--frob"),
        (vec!["gc", "--", "main.o", "--frobnicate"], "--frobnicate"),
        (vec!["gc", "--", "missing.o"], "missing.o"),
        (vec!["gc"], "no link given"),
        (vec!["gc", "--link-file", "nothing.txt"], "nothing.txt"),
        (with(&["gc", "--linker=frob"], &LINK), "frob"),
        (with(&["gc", "--filter=("], &LINK), "--filter"),
        (with(&["gc", "--format=linker", "-n", "3"], &LINK), "-n"),
        (with(&["gc", "--format=tsv"], &LINK), "tsv"),
        (with(&["gc", "-C", "nowhere"], &LINK), "nowhere"),
        (vec!["schema", "frob"], "frob"),
        (vec!["frob"], "frob"),
        (vec![], "Usage"),
    ] {
        let run = linksweep(dir.path(), &words);
        assert_eq!(run.status.code(), Some(2), "{words:?}");
        assert!(run.stdout.is_empty(), "{words:?}");
        assert!(text(&run.stderr).contains(named), "{words:?}: {}", text(&run.stderr));
    }
}

#[test]
fn a_refused_link_is_answered_and_ends_with_two() {
    let dir = folder();
    let run = linksweep(dir.path(), &["gc", "--format=linker", "--linker=bfd", "--", "main.o"]);
    assert_eq!(run.status.code(), Some(2), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("'.text.dead_one' in file 'main.o'"));
    assert!(text(&run.stderr).contains("foo"), "{}", text(&run.stderr));
}

#[test]
fn strict_makes_any_diagnostic_an_error() {
    let dir = folder();
    std::fs::write(dir.path().join("x.bc"), b"BC\xc0\xde\0\0\0\0").unwrap();
    let link = ["--", "main.o", "libx.a", "x.bc"];
    answer(dir.path(), &with(&["gc", "--linker=bfd", "--strict"], &link), 2);
}

#[test]
fn the_answer_goes_where_it_is_told() {
    let dir = folder();
    let out = answer(dir.path(), &with(&["gc", "--format=linker", "-o", "answer.txt"], &LINK), 0);
    assert!(out.is_empty());
    let written = std::fs::read_to_string(dir.path().join("answer.txt")).unwrap();
    assert_eq!(written, answer(dir.path(), &with(&["gc", "--format=linker"], &LINK), 0));
    answer(dir.path(), &with(&["gc", "-o", "no/such/folder/x"], &LINK), 2);
}

#[test]
fn a_closed_pipe_is_a_quiet_success() {
    let dir = folder();
    let mut command = command(dir.path(), &with(&["gc", "-q"], &LINK));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = child.wait_with_output().unwrap();
    assert_eq!((run.status.code(), text(&run.stderr)), (Some(0), String::new()));
}

#[test]
fn link_files_folders_and_response_files() {
    let dir = folder();
    std::fs::write(dir.path().join("line.txt"), "ld.bfd \\\n  main.o 'libx.a' # the link\n").unwrap();
    std::fs::write(dir.path().join("words"), "main.o libx.a").unwrap();
    let wanted = answer(dir.path(), &with(&["gc", "--format=linker", "--linker=bfd"], &LINK), 0);
    let words = ["gc", "--format=linker", "--linker=bfd", "--link-file", "line.txt"];
    assert_eq!(answer(dir.path(), &words, 0), wanted);
    let words = ["gc", "--format=linker", "--linker=bfd", "--", "@words"];
    assert_eq!(answer(dir.path(), &words, 0), wanted);
    let path = dir.path().to_str().unwrap();
    let words = ["gc", "--format=linker", "--linker=bfd", "-C", path, "--", "main.o", "libx.a"];
    assert_eq!(answer(std::path::Path::new("/"), &words, 0), wanted);
}

#[test]
fn the_thread_count_changes_no_byte() {
    let dir = folder();
    for command in [&["gc", "--format=json", "--by=symbol"][..], &["gc"], &["extract", "--all"], &["doctor"]]
    {
        let one = answer(dir.path(), &with(&with(command, &["--threads=1"]), &LINK), 0);
        for threads in ["--threads=2", "--threads=16"] {
            assert_eq!(answer(dir.path(), &with(&with(command, &[threads]), &LINK), 0), one);
        }
    }
}

#[test]
fn quiet_and_timings() {
    let dir = folder();
    let run = linksweep(dir.path(), &with(&["gc", "-q"], &LINK));
    assert!(run.stderr.is_empty());
    let run = linksweep(dir.path(), &with(&["gc", "--timings"], &LINK));
    let told = text(&run.stderr);
    for phase in ["opening", "tables", "resolution", "graph", "marking", "total"] {
        assert!(told.contains(phase), "{phase} in {told}");
    }
}

#[test]
fn compare_names_the_linkers() {
    let dir = folder();
    let value = json(dir.path(), &with(&["gc", "--format=json", "--compare=bfd,bfd@2.35"], &LINK), 0);
    assert_eq!(value["schema"], "linksweep.compare/1");
    assert_eq!(value["linkers"].as_array().unwrap().len(), 2);
    assert_eq!(value["differences"].as_array().unwrap().len(), 0);
    let out = answer(dir.path(), &with(&["gc", "--compare=bfd"], &LINK), 0);
    assert!(out.starts_with("0 sections differ of "), "{out}");
}

#[test]
fn names_cannot_disturb_the_terminal() {
    let dir = folder();
    let name = "evil\u{1b}[31m.o";
    std::fs::write(dir.path().join(name), object(&["fn quiet_one"])).unwrap();
    let out = answer(dir.path(), &["gc", "--", "main.o", "libx.a", name], 0);
    assert!(out.contains("evil\\x1b[31m.o") && !out.contains('\u{1b}'), "{out}");
    let lines = answer(dir.path(), &["gc", "--format=linker", "--", "main.o", "libx.a", name], 0);
    assert!(lines.contains(name), "the linker's own lines stay as they are");
}

#[test]
fn why_answers_and_judges() {
    let dir = folder();
    let link = ["--", "--gc-sections", "main.o", "libx.a"];
    let out = answer(dir.path(), &with(&["why", "foo"], &link), 0);
    assert!(out.contains("_start") && out.contains("libx.a(foo.o)"), "{out}");
    assert!(!answer(dir.path(), &with(&["why", "symbol:dead_data", "--dead"], &link), 1).is_empty());
    answer(dir.path(), &with(&["why", "dead_data"], &link), 1);
    answer(dir.path(), &with(&["why", "no_such_thing"], &link), 2);
    let value = json(dir.path(), &with(&["why", "foo", "--format=json"], &link), 0);
    assert_eq!(value["schema"], "linksweep.why/1");
    assert_eq!(value["link"]["linker"], "bfd");
}

#[test]
fn one_reason_for_every_live_section() {
    let dir = folder();
    for linker in ["bfd@2.40", "gold@1.16", "lld@19.1.7", "mold@1.10.1"] {
        let linker = format!("--linker={linker}");
        let link = [linker.as_str(), "--", "--gc-sections", "main.o", "libx.a"];
        let out = answer(dir.path(), &with(&["why", "*", "--format=tsv"], &link), 0);
        let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(rows[0], ["file", "section", "reason", "symbol", "by-file", "by"], "{out}");
        assert!(rows.iter().all(|row| row.len() == 6), "{out}");
        let row = |section: &str| rows.iter().find(|row| row[1].contains(section)).expect("a row");
        assert_eq!(row("_start")[2..], ["entry", "_start", "", ""], "{out}");
        assert_eq!(row("foo")[..1], ["libx.a(foo.o)"], "{out}");
        assert_eq!(row("foo")[2], "relocation", "{out}");
        // What keeps something lives itself, and has a row.
        for row in rows.iter().skip(1).filter(|row| !row[4].is_empty()) {
            assert!(rows.iter().any(|other| other[..2] == row[4..]), "{row:?} in\n{out}");
        }
        assert!(!out.contains("dead_data"), "{out}");
    }
    let link = ["--", "--gc-sections", "main.o", "libx.a"];
    let some = answer(dir.path(), &with(&["why", "foo", "--format=tsv"], &link), 0);
    assert_eq!(some.lines().count(), 2, "{some}");
    answer(dir.path(), &with(&["why", "no_such_thing", "--format=tsv"], &link), 2);
    answer(dir.path(), &with(&["why", "foo", "--format=tsv", "-k2"], &link), 2);
}

#[test]
fn demo_needs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let run = command(dir.path(), &["demo"]).env("PATH", "").output().unwrap();
    let out = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    for words in ["old_main", "log::debug_dump(int)", "libdemo.a(greet.o)", "forgotten KEEP"] {
        assert!(out.contains(words), "{words} in\n{out}");
    }
}

#[test]
fn schemas_manual_and_completions() {
    let dir = tempfile::tempdir().unwrap();
    for kind in ["gc", "keep", "compare", "extract", "verify", "doctor"] {
        let schema = json(dir.path(), &["schema", kind], 0);
        assert_eq!(schema["properties"]["schema"]["const"], format!("linksweep.{kind}/1"));
    }
    let man = answer(dir.path(), &["man"], 0);
    for words in [".TH linksweep", "linksweep gc", "print", "\\-\\-compare"] {
        assert!(man.contains(words), "{words}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(answer(dir.path(), &["completions", shell], 0).contains("linksweep"));
    }
    assert!(answer(dir.path(), &["--version"], 0).starts_with("linksweep "));
    assert!(answer(dir.path(), &["gc", "--help"], 0).contains("--compare"));
}

/// Every answer has exactly the fields that its schema names.
#[test]
fn answers_fit_their_schemas() {
    let dir = folder();
    for (kind, words) in [
        ("gc", with(&["gc", "--format=json", "--by=file"], &LINK)),
        ("extract", with(&["extract", "--format=json"], &LINK)),
        ("doctor", with(&["doctor", "--format=json"], &LINK)),
        ("keep", with(&["keep", "--format=json"], &LINK)),
        ("compare", with(&["gc", "--format=json", "--compare=bfd"], &LINK)),
    ] {
        let schema = json(dir.path(), &["schema", kind], 0);
        fits(&json(dir.path(), &words, 0), &schema, &schema, kind);
    }
}

/// A folder with a script that forgets a KEEP, beside its source.
fn audited() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let script = "ENTRY(_start)\nSECTIONS {\n  .text : { *(.text .text.*) }\n  \
        tab : { __start_tab = .; *(tab) __stop_tab = .; }\n  \
        kept : { __start_kept = .; KEEP(*(kept)) __stop_kept = .; KEEP(*(none)) }\n}\n";
    let main = object(&["fn _start: __start_tab __stop_tab __start_kept __stop_kept"]);
    let entries = object(&["sec tab a: entry", "sec kept a: pinned", "fn entry:", "fn pinned:"]);
    std::fs::write(dir.path().join("main.o"), main).unwrap();
    std::fs::write(dir.path().join("entries.o"), entries).unwrap();
    std::fs::write(dir.path().join("t.lds"), script).unwrap();
    std::fs::write(dir.path().join("t.lds.S"), "#define FIRST\n\t\t*(tab)\n").unwrap();
    dir
}

const AUDITED: [&str; 5] = ["--", "-T", "t.lds", "main.o", "entries.o"];

#[test]
fn keep_as_text() {
    let dir = audited();
    let run = linksweep(dir.path(), &with(&["keep"], &AUDITED));
    assert_eq!(run.status.code(), Some(1));
    let (out, told) = (text(&run.stdout), text(&run.stderr));
    assert!(told.contains("assuming --gc-sections"), "{told}");
    for words in [
        "error LSW001: table tab loses 1 entry of 8 B (8 B in 1 file); nothing is left",
        "t.lds:4:28  *(tab)",
        "written in    t.lds.S:2:3",
        "used by main.o:(.text._start)",
        "dies too      1 B in 1 section (1 B code, 0 B data): entry 1 B",
        "--- a/t.lds.S\n+++ b/t.lds.S\n@@ -1,2 +1,2 @@\n #define FIRST\n-\t\t*(tab)\n+\t\tKEEP(*(tab))\n",
        "pinned",
        "patterns that match no input section (LSW002): 1",
    ] {
        assert!(out.contains(words), "{words} in\n{out}");
    }
    let would = answer(dir.path(), &with(&["keep"], &with(&AUDITED, &["--no-gc-sections"])), 0);
    assert!(would.contains("note LSW001: table tab would lose"), "{would}");
    let filtered = answer(dir.path(), &with(&["keep", "--filter=nothing"], &AUDITED), 1);
    assert!(!filtered.contains("table tab"), "{filtered}");
}

#[test]
fn keep_as_data() {
    let dir = audited();
    let schema = json(dir.path(), &["schema", "keep"], 0);
    let words = with(&["keep", "--format=json", "-q"], &AUDITED);
    let value: serde_json::Value = serde_json::from_str(&answer(dir.path(), &words, 1)).unwrap();
    fits(&value, &schema, &schema, "keep");
    assert_eq!(value["lost"][0]["table"], "tab");
    assert_eq!(value["lost"][0]["cascade"]["code_bytes"], 1);
    assert_eq!(value["kept"][0]["pinned"]["sections"], 1);
    assert_eq!(value["kept"][0]["pinned_sections"][0]["symbol"], "pinned");
    let ids: Vec<&str> =
        value["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["LSW001", "LSW002", "LSW006"]);
    assert_eq!(value["findings"][0]["location"]["file"], "t.lds.S");
    let table = answer(dir.path(), &with(&["keep", "--format=csv", "-q"], &AUDITED), 1);
    assert!(
        table.starts_with("id,name,level,kind,subject,file,line,column,bytes,message,remedy\nLSW001,"),
        "{table}"
    );
    // The level that fails.
    let healthy = with(&["keep", "-q"], &["--", "-T", "t.lds", "main.o"]);
    answer(dir.path(), &healthy, 0);
    answer(dir.path(), &with(&["keep", "-q", "--fail-on=note"], &healthy[2..]), 1);
}

/// A folder with two objects and a script with two tables, one of them kept.
fn tables() -> tempfile::TempDir {
    let dir = folder();
    let two =
        ["fn listed: deep", "fn deep", "fn unlisted", "sec .table aw: listed", "sec .other aw: unlisted"];
    std::fs::write(dir.path().join("two.o"), object(&two)).unwrap();
    let script = "SECTIONS\n{\n  .text : { *(.text .text.*) }\n  .t : { KEEP(*(.table)) *(.other) }\n}\n";
    std::fs::write(dir.path().join("t.ld"), script).unwrap();
    dir
}

const TABLES: [&str; 10] =
    ["--", "ld", "-e", "_start", "--gc-sections", "-T", "t.ld", "main.o", "two.o", "libx.a"];

#[test]
fn what_if_as_linker_lines() {
    let dir = tables();
    let run = |changes: &[&str]| {
        answer(
            dir.path(),
            &with(&with(&["what-if", "--format=linker", "--linker=bfd@2.40"], changes), &TABLES),
            0,
        )
    };
    let lines = |names: &[&str]| -> String {
        names.iter().map(|n| format!("removing unused section '{n}' in file 'two.o'\n")).collect()
    };
    let only = |out: &str| -> String {
        out.lines().filter(|l| l.contains("'two.o'")).map(|l| format!("{l}\n")).collect()
    };
    assert_eq!(only(&run(&["--drop-root=_start"])), lines(&[".text.unlisted", ".other"]));
    let all = [".text.listed", ".text.deep", ".text.unlisted", ".table", ".other"];
    assert_eq!(only(&run(&["--drop-keep=.table"])), lines(&all));
    assert_eq!(
        only(&run(&["--drop-keep=*(.table)", "--add-keep=*(.other)"])),
        lines(&[".text.listed", ".text.deep", ".table"])
    );
    assert_eq!(only(&run(&["--cut=listed,deep"])), lines(&[".text.deep", ".text.unlisted", ".other"]));
    assert_eq!(only(&run(&["--drop-symbol=deep"])), lines(&[".text.deep", ".text.unlisted", ".other"]));
}

#[test]
fn what_if_in_all_forms() {
    let dir = tables();
    let words = with(&["what-if", "-q", "--linker=bfd@2.40", "--drop-keep=.table"], &TABLES);
    let out = answer(dir.path(), &words, 0);
    for part in [
        "--drop-keep=.table: 1 KEEP statement (t.ld:4:10 *(.table))",
        "dies: 15 B (15 bytes) in 3 sections",
        "comes alive: 0 B (0 bytes) in 0 sections",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let value = json(dir.path(), &with(&["what-if", "-q", "--format=json"], &words[2..]), 0);
    assert_eq!(value["schema"], "linksweep.what-if/1");
    assert_eq!(value["dies"]["sections"], 3);
    let schema: serde_json::Value =
        serde_json::from_str(&answer(dir.path(), &["schema", "what-if"], 0)).unwrap();
    assert_eq!(schema["$id"], value["schema"]);
    for key in schema["required"].as_array().unwrap() {
        assert!(value.get(key.as_str().unwrap()).is_some(), "{key}");
    }
    let out = answer(dir.path(), &with(&["what-if", "-q", "--format=csv", "--by=file"], &words[2..]), 0);
    assert_eq!(
        out,
        "by,key,dies_sections,dies_bytes,comes_alive_sections,comes_alive_bytes\nfile,two.o,3,15,0,0\n"
    );
    // Members that enter.
    let out = answer(dir.path(), &with(&["what-if", "-q", "--whole-archive=libx.a"], &words[4..]), 0);
    assert!(out.contains("members that enter the link: 1\n  libx.a(bar.o)\n"), "{out}");
}

#[test]
fn what_if_that_matches_nothing() {
    let dir = tables();
    let refused = |changes: &[&str], said: &str| {
        let run = linksweep(dir.path(), &with(&with(&["what-if", "-q"], changes), &TABLES));
        assert_eq!(run.status.code(), Some(2), "{changes:?}");
        let stderr = text(&run.stderr);
        assert!(stderr.contains(said), "{said}: {stderr}");
        assert!(run.stdout.is_empty());
    };
    refused(&[], "no change given");
    refused(&["--drop-keep=.tabel"], "near it: .table");
    refused(&["--drop-root=_strat"], "near it: _start");
    refused(&["--drop-symbol=listd"], "near it: listed");
    refused(&["--add-keep=.tabel"], "near it: .table");
    refused(&["--drop-export=*"], "no export matches; this link has none");
    refused(&["--cut=listed"], "two patterns with a comma");
    refused(&["--cut=listed,nothing"], "no section, symbol or file matches nothing");
    refused(&["--cut=deep,listed"], "nothing of the first refers to anything of the second");
    refused(&["--kill=deep", "--cut=a,b"], "cannot be used with");
    refused(&["--kill=nothing"], "no section, symbol or file matches");
}

#[test]
fn what_must_go() {
    let dir = tables();
    let words = with(&["what-if", "-q", "--linker=bfd@2.40", "--kill=deep"], &TABLES);
    let out = answer(dir.path(), &words, 0);
    for part in [
        "any one of these sets ends it:",
        "1. this alone: frees 15 B",
        "keep *(.table) of t.ld:4:10",
        "section .text.listed of two.o",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let value = json(dir.path(), &with(&["what-if", "-q", "--format=json"], &words[2..]), 0);
    let cuts = value["cuts"].as_array().unwrap();
    assert_eq!(cuts.len(), 3, "{value}");
    assert!(cuts.iter().all(|c| c["verified"] == true && c["items"].as_array().unwrap().len() == 1));
    assert_eq!(value["schema"], "linksweep.kill/1");
    let out =
        answer(dir.path(), &with(&["what-if", "-q", "--linker=bfd@2.40", "--kill=unlisted"], &TABLES), 0);
    assert!(out.contains("None of it lives"), "{out}");
}

#[test]
fn retained_in_all_forms() {
    let dir = tables();
    let words = |more: &[&'static str]| with(&with(&["retained", "-q", "--linker=bfd@2.40"], more), &TABLES);
    let value = json(
        dir.path(),
        &words(&["--format=json", "--by=root,section,symbol,file,directory,archive,crate"]),
        0,
    );
    assert_eq!(value["schema"], "linksweep.retained/1");
    let groups = value["groups"].as_array().unwrap();
    let row = |by: usize, name: &str| {
        groups[by]["rows"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["name"] == name)
            .unwrap_or_else(|| panic!("{name}: {value}"))
    };
    let bytes = |row: &serde_json::Value| {
        ["direct", "retained", "shared"].map(|part| row[part]["bytes"].as_u64().unwrap())
    };
    assert_eq!(row(0, "*(.table)")["kind"], "keep");
    assert_eq!(row(0, "*(.table)")["of"], "t.ld:4:10");
    assert_eq!(bytes(row(0, "*(.table)")), [8, 15, 0]);
    assert_eq!(row(0, "_start")["kind"], "entry");
    assert_eq!(bytes(row(1, ".text.listed")), [6, 7, 0]);
    assert_eq!(bytes(row(2, "listed")), [6, 7, 0]);
    assert_eq!(bytes(row(3, "two.o")), [15, 15, 0]);
    assert_eq!(bytes(row(4, "."))[1], value["live"]["bytes"].as_u64().unwrap());
    assert_eq!(row(5, "libx.a")["direct"]["sections"], 1);
    assert_eq!(bytes(row(6, "(no namespace)"))[1], value["live"]["bytes"].as_u64().unwrap());
    let out = answer(dir.path(), &words(&["--by=root", "-n1"]), 0);
    assert!(out.contains("*(.table)") && out.contains("t.ld:4:10") && out.contains("more rows"), "{out}");
    let out = answer(dir.path(), &words(&["listed"]), 0);
    assert!(out.contains("retained  7 B (7 bytes) in 2 sections") && out.contains(".text.deep"), "{out}");
    let out = answer(dir.path(), &words(&["--format=csv", "listed"]), 0);
    assert_eq!(out.lines().count(), 3, "{out}");
    let out = answer(dir.path(), &words(&["--format=folded"]), 0);
    assert!(out.contains("link;keep *(.table);.table;.text.listed;.text.deep 1\n"), "{out}");
    assert_eq!(linksweep(dir.path(), &words(&["nothing_at_all"])).status.code(), Some(2));
    // Without collection nothing is retained by anything.
    let out = answer(dir.path(), &["retained", "-q", "--", "ld", "main.o", "libx.a"], 0);
    assert!(out.contains("does not collect garbage"), "{out}");
}

/// `--timings` has a line per step; together they are the whole run.
#[test]
fn timings_leave_no_gap() {
    let dir = folder();
    answer(dir.path(), &with(&["snapshot", "-q", "-o", "x.lsw", "--linker=bfd@2.40"], &LINK), 0);
    let commands: [&[&str]; 14] = [
        &["gc"],
        &["extract"],
        &["exports"],
        &["undefined"],
        &["check"],
        &["sections"],
        &["why", "foo"],
        &["what-if", "--drop-symbol=foo"],
        &["what-if", "--kill=foo"],
        &["retained"],
        &["retained", "foo"],
        &["keep"],
        &["doctor"],
        &["snapshot", "-o", "y.lsw"],
    ];
    let told = |words: &[&str]| {
        let run = linksweep(dir.path(), words);
        let told = text(&run.stderr);
        let line = |l: &str| {
            let (name, time) = l.strip_prefix("linksweep: time: ")?.strip_suffix(" ms")?.rsplit_once(' ')?;
            Some((name.to_string(), time.parse::<f64>().unwrap()))
        };
        let steps: Vec<(String, f64)> = told.lines().filter_map(line).collect();
        assert!(steps.len() > 3, "{words:?}\n{told}");
        let last = steps.iter().rev().take(2).map(|s| s.0.as_str()).collect::<Vec<_>>();
        assert!(
            last[0] == "total" && ["rendering", "writing", "cuts"].contains(&last[1]),
            "{words:?}\n{told}"
        );
    };
    for command in commands {
        told(&with(&with(command, &["-q", "--timings", "--linker=bfd@2.40"]), &LINK));
    }
    told(&["diff", "-q", "--timings", "x.lsw", "x.lsw"]);
}

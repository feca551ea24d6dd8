//! `exports` on small kernels built in memory: every representation of an export, what becomes of it, who
//! uses it.

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

/// Name, macro, namespace, modules, as the answer lists them.
type Listed = (String, String, Option<String>, Vec<String>);

fn listed(value: &Value) -> Vec<Listed> {
    let mut out: Vec<Listed> = value["exports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            let text = |v: &Value| v.as_str().unwrap().to_string();
            let modules = e["for_modules"].as_array().unwrap().iter().map(text).collect();
            (text(&e["name"]), text(&e["licence"]), e["namespace"].as_str().map(String::from), modules)
        })
        .collect();
    out.sort();
    out
}

fn expected() -> Vec<Listed> {
    let row = |name: &str, licence: &str, namespace: Option<&str>, modules: &[&str]| -> Listed {
        let modules = modules.iter().map(|m| m.to_string()).collect();
        (name.into(), licence.into(), namespace.map(String::from), modules)
    };
    vec![
        row("alpha", "EXPORT_SYMBOL", None, &[]),
        row("beta", "EXPORT_SYMBOL_GPL", None, &[]),
        row("delta", "EXPORT_SYMBOL_GPL", None, &["kvm", "foo*"]),
        row("gamma", "EXPORT_SYMBOL", Some("USB"), &[]),
    ]
}

const CODE: &str = "fn alpha\nfn beta\nfn gamma\ndata delta\n";

/// Strings at 0 "", 1 alpha, 7 beta, 12 gamma, 18 delta, 24 USB, 28 module list.
const STRINGS: &str = "section __ksymtab_strings ams entsize=1\nstring \"\"\nstring \"alpha\"\nstring \"beta\"\n\
    string \"gamma\"\nstring \"delta\"\nstring \"USB\"\nstring \"module:kvm,foo*\"\n";

const NAMES: [(&str, &str, u32, u32); 4] =
    [("alpha", "", 1, 0), ("beta", "_gpl", 7, 0), ("gamma", "", 12, 24), ("delta", "_gpl", 18, 28)];

/// One section per export, three words each, written with the directive `word`.
fn sections(word: &str) -> String {
    let mut out = format!("{CODE}{STRINGS}");
    for (name, table, text, namespace) in NAMES {
        out.push_str(&format!("section ___ksymtab{table}+{name} a align=4\ndef __ksymtab_{name} local\n"));
        for target in [
            name.to_string(),
            format!("[__ksymtab_strings]+{text}"),
            format!("[__ksymtab_strings]+{namespace}"),
        ] {
            out.push_str(&format!("{word} {target}\n"));
        }
    }
    out
}

fn check(form: &str, words: &str, body: &str) -> Value {
    let dir = Folder::new();
    dir.object("main.o", words, "fn _start: alpha");
    dir.object("all.o", words, body);
    let value = dir.json(&["exports", "--format=json", "--", "ld.bfd", "-e", "_start", "main.o", "all.o"], 0);
    assert_eq!(listed(&value), expected(), "{form} {words}");
    for export in value["exports"].as_array().unwrap() {
        assert_eq!(export["form"], form);
        assert_eq!(export["definition"]["file"], "all.o", "{export}");
        let name = export["name"].as_str().unwrap();
        let section = export["definition"]["section"].as_str().unwrap();
        assert!(section.ends_with(name), "{section}");
        assert_eq!((&export["state"], &export["problem"]), (&"linked".into(), &Value::Null));
    }
    value
}

#[test]
fn sections_of_absolute_words() {
    for machine in ["x86-64", "ppc64le", "ppc64", "mips", "arm", "i386", "mips64el", "s390x"] {
        let value = check("section", &format!("machine={machine}"), &sections("ref"));
        assert_eq!(value["exports"][0]["relative"], false);
    }
}

#[test]
fn sections_of_relative_words() {
    for machine in ["x86-64", "aarch64", "s390x"] {
        // The fixture's place-relative words are 4 bytes with the distance to their end: take it back.
        let body = sections("pc").replace("]+", "]+4+").lines().map(plus_four).collect::<String>();
        let value = check("section", &format!("machine={machine}"), &body);
        assert_eq!(value["exports"][0]["relative"], true);
    }
}

/// `pc X` subtracts 4: adds it again.
fn plus_four(line: &str) -> String {
    match line.strip_prefix("pc ").map(|t| t.split("+4+").collect::<Vec<_>>()) {
        Some(parts) if parts.len() == 2 => {
            format!("pc {}+{}\n", parts[0], parts[1].parse::<u32>().unwrap() + 4)
        }
        Some(parts) => format!("pc {}+4\n", parts[0]),
        None => format!("{line}\n"),
    }
}

/// One table, as in a `.ko` and in kernels up to 2.6.38; entries are found by their symbols.
fn tables(symbols: bool) -> String {
    let mut out = format!("{CODE}{STRINGS}");
    for table in ["", "_gpl"] {
        out.push_str(&format!("section __ksymtab{table} a align=8\n"));
        for (name, _, text, namespace) in NAMES.iter().filter(|n| n.1 == table) {
            if symbols {
                out.push_str(&format!("def __ksymtab_{name} local\n"));
            }
            out.push_str(&format!(
                "ref {name}\nref [__ksymtab_strings]+{text}\nref [__ksymtab_strings]+{namespace}\n"
            ));
        }
    }
    out
}

#[test]
fn folded_tables() {
    for machine in ["x86-64", "mips", "arm"] {
        check("table", &format!("machine={machine}"), &tables(true));
        check("table", &format!("machine={machine}"), &tables(false));
    }
}

fn record(name: &str, licence: &str, namespace: &str, word: u32) -> String {
    let used = licence.len() as u32 + namespace.len() as u32 + 2;
    let pad = used.next_multiple_of(word) - used;
    format!(
        "def __export_symbol_{name} local\nstring \"{licence}\"\nstring \"{namespace}\"\nzero {pad}\nref {name}\n"
    )
}

#[test]
fn records_that_modpost_reads() {
    for (machine, word) in [("x86-64", 8), ("mips", 4), ("arm", 4), ("s390x", 8)] {
        let mut body = format!("{CODE}section .export_symbol a align=8\n");
        for (name, licence, namespace) in [
            ("alpha", "", ""),
            ("beta", "GPL", ""),
            ("gamma", "", "USB"),
            ("delta", "GPL", "module:kvm,foo*"),
        ] {
            body.push_str(&record(name, licence, namespace, word));
        }
        check("record", &format!("machine={machine}"), &body);
    }
}

#[test]
fn flags_instead_of_gpl_tables() {
    let mut body = sections("ref").replace("___ksymtab_gpl+", "___ksymtab+");
    for (name, flag) in [("alpha", "00"), ("beta", "01"), ("gamma", "00"), ("delta", "01")] {
        body.push_str(&format!("section ___kflagstab+{name} a\nbytes {flag}\n"));
    }
    check("section", "", &body);
}

#[test]
fn two_words_have_no_namespace_and_old_flavours_are_told_apart() {
    let dir = Folder::new();
    let mut body = String::from("fn f\nsection __ksymtab_strings a\ndef __kstrtab_f local\nstring \"f\"\n");
    for flavour in ["", "_gpl", "_unused", "_unused_gpl", "_gpl_future"] {
        body.push_str(&format!("section ___ksymtab{flavour}+f{flavour} a align=8\nref f\nref __kstrtab_f\n"));
    }
    dir.object("a.o", "", &body);
    let value = dir.json(&["exports", "--format=json", "--", "ld", "-e", "f", "a.o"], 0);
    let macros: Vec<String> = listed(&value).into_iter().map(|l| l.1).collect();
    let expected = [
        "EXPORT_SYMBOL",
        "EXPORT_SYMBOL_GPL",
        "EXPORT_SYMBOL_GPL_FUTURE",
        "EXPORT_UNUSED_SYMBOL",
        "EXPORT_UNUSED_SYMBOL_GPL",
    ];
    assert_eq!(macros, expected);
    assert!(value["exports"].as_array().unwrap().iter().all(|e| e["namespace"].is_null()));
}

#[test]
fn checksums_of_every_age() {
    let dir = Folder::new();
    let export = |name: &str| format!("fn {name}\nsection ___ksymtab+{name} a\nref {name}\nref -\n");
    let body = [
        // A constant (5.19), a word for an absolute symbol (up to 5.18), a distance to the value (4.11).
        export("one") + "section ___kcrctab+one a\nbytes 78563412\n",
        export("two") + "abs __crc_two 0x12345678\nsection ___kcrctab+two a\nref __crc_two\n",
        export("three")
            + "section .rodata a\ndef __crc_three\nbytes 78563412\nsection ___kcrctab+three a\nreloc R_X86_64_PC32 __crc_three\n",
        export("none") + "undef __crc_none weak\nsection ___kcrctab+none a\nref __crc_none\n",
    ];
    dir.object("a.o", "", &body.concat());
    let value = dir.json(&["exports", "--format=json", "--", "ld", "-e", "one", "a.o"], 0);
    let crcs: Vec<(&str, Option<&str>)> = value["exports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["name"].as_str().unwrap(), e["crc"].as_str()))
        .collect();
    let known = Some("0x12345678");
    assert_eq!(crcs, [("one", known), ("two", known), ("three", known), ("none", None)]);
}

/// `rust/exports.c` exports what other crates define: the target is undefined in its own object.
#[test]
fn targets_are_resolved_across_the_link() {
    let dir = Folder::new();
    let name = "_RNvNtCs123_6kernel5print4call";
    dir.object("core.o", "", &format!("fn {name}"));
    dir.object(
        "exports.o",
        "",
        &format!("section ___ksymtab_gpl+{name} a align=8\nref {name}\nref -\nref -\n"),
    );
    let link =
        ["exports", "--format=json", "--", "ld", "--gc-sections", "-T", "k.lds", "exports.o", "core.o"];
    dir.file("k.lds", "SECTIONS { .t : { *(.text*) } .k : { KEEP(*(___ksymtab*)) } }");
    let value = dir.json(&link, 0);
    let export = &value["exports"][0];
    assert_eq!(export["file"], "exports.o");
    assert_eq!(export["definition"]["file"], "core.o");
    assert_eq!((&export["definition"]["fate"], &export["state"]), (&"kept".into(), &"linked".into()));
    dir.file("k.lds", "ENTRY(none) SECTIONS { .t : { *(.text*) } .k : { *(___ksymtab*) } }");
    let export = &dir.json(&link, 0)["exports"][0];
    assert_eq!((&export["definition"]["fate"], &export["state"]), (&"dropped".into(), &"collected".into()));
}

#[test]
fn an_archive_member_with_an_export_that_nobody_calls() {
    let dir = Folder::new();
    let export = |name: &str| format!("fn {name}\nsection ___ksymtab+{name} a\nref {name}\nref -\n");
    dir.object("main.o", "", "fn _start: used");
    dir.archive("lib.a", &[("used.o", &export("used")), ("unused.o", &export("unused"))]);
    dir.object("m.ko", "", "fn init_module: unused used");
    let line = ["--", "ld", "main.o", "lib.a"];
    let value = dir.json(&[&["exports", "--format=json", "--extra-module=m.ko"][..], &line].concat(), 1);
    let states: Vec<(&str, &str)> = value["exports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["name"].as_str().unwrap(), e["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("used", "linked"), ("unused", "not-linked")]);
    assert_eq!(value["exports"][1]["users"][0], "m.ko");
    let found = value["findings"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["id"], &found[0]["level"]), (&"LSW003".into(), &"error".into()));
    let subject = &found[0]["subject"];
    assert_eq!(
        (&subject["name"], &subject["file"], &subject["archive"]),
        (&"unused".into(), &"unused.o".into(), &"lib.a".into())
    );
    let schema = dir.json(&["schema", "exports"], 0);
    fits(&value, &schema, &schema, "exports");
    // Taken whole, nothing is amiss.
    let whole = ["exports", "--", "ld", "main.o", "--whole-archive", "lib.a"];
    let text = dir.text(&whole, 0);
    assert!(text.contains("2 exports: 2 linked, 0 not linked"), "{text}");
    let text = dir.text(&[&["exports"][..], &line].concat(), 1);
    assert!(
        text.contains("error: unused is exported by lib.a(unused.o), which is not in the link"),
        "{text}"
    );
    let csv = dir.text(&[&["exports", "--format=csv"][..], &line].concat(), 1);
    assert!(csv.contains("unused,EXPORT_SYMBOL,,not-linked,lib.a,unused.o,section,.text.unused"), "{csv}");
}

/// A member that another mention of its archive takes is no finding.
#[test]
fn a_second_mention_of_the_archive_counts() {
    let dir = Folder::new();
    let export = "fn f\nsection ___ksymtab+f a\nref f\nref -\n";
    dir.object("main.o", "", "fn _start");
    dir.archive("lib.a", &[("f.o", export)]);
    let line = ["exports", "--format=json", "--", "ld", "main.o", "lib.a", "-u", "f", "lib.a"];
    let value = dir.json(&line, 0);
    assert_eq!(value["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn trimmed_exports_old_and_new() {
    let dir = Folder::new();
    // 4.7 to 6.4: a marker without a record.
    dir.object(
        "old.o",
        "",
        "fn kept\nfn gone\nsection ___ksymtab+kept a\nref kept\nref -\nsection .discard.ksym a\n\
         def __ksym_marker_kept local\nzero 1\ndef __ksym_marker_gone local\nzero 1\n",
    );
    let value = dir.json(&["exports", "--format=json", "--", "ld", "-e", "kept", "old.o"], 0);
    assert_eq!(listed(&value).len(), 1);
    assert_eq!(value["trimmed"][0]["name"], "gone");
    assert_eq!(value["totals"]["trimmed"], 1);
    // 6.5 and later: the record is always there, the generated table lacks the entry.
    let records = record("kept", "", "", 8) + &record("gone", "GPL", "", 8);
    dir.object("new.o", "", &format!("fn kept\nfn gone\nsection .export_symbol a align=8\n{records}"));
    dir.object("table.o", "", "section ___ksymtab+kept a\nref kept\nref -\nref -\n");
    let value = dir.json(&["exports", "--format=json", "--", "ld", "-e", "kept", "new.o", "table.o"], 0);
    let states: Vec<(&str, &str, &str)> = value["exports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["name"].as_str().unwrap(), e["state"].as_str().unwrap(), e["file"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("kept", "linked", "new.o"), ("gone", "trimmed", "new.o")]);
}

#[test]
fn records_that_modpost_refuses() {
    let dir = Folder::new();
    dir.object(
        "a.o",
        "",
        &format!(
            "fn good\nfn other\nfn hidden local\nsection .export_symbol a align=8\n{}{}{}{}",
            record("good", "", "", 8),
            record("bad", "", "", 8).replace("ref bad", "ref other"),
            record("hidden", "", "", 8),
            record("odd", "BSD", "", 8),
        ),
    );
    let value = dir.json(&["exports", "--format=json", "--", "ld", "-e", "good", "a.o"], 2);
    let problems: Vec<Option<&str>> =
        value["exports"].as_array().unwrap().iter().map(|e| e["problem"].as_str()).collect();
    assert_eq!(problems[0], None);
    assert!(problems[1].unwrap().contains("does not refer to the symbol"));
    assert!(problems[2].unwrap().contains("a local symbol is exported"));
    assert!(problems[3].unwrap().contains("unknown licence"));
}

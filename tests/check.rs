//! `check` and `sections` as their users see them: `linksweep.toml`, exit status, every format, names
//! that try to break out of it. Inputs are built in memory; no linker is needed.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "common/program.rs"]
mod program;

use std::path::Path;
use std::process::Output;

use fixture::archive::{Index, Member, archive};
use program::text;
use serde_json::Value;

/// A name with everything that some format gives a meaning to.
const HOSTILE: &str = "x|`y`<b>\u{1b}[31m\"',:%0A&@team](http://z)";

fn object(lines: &[String]) -> Vec<u8> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    fixture::object::object(&[], &lines).unwrap().write()
}

/// A repository with `app/main.o` (31,000 sections: a note; many orphans: a warning) and `libx.a`
/// without an index (an error for GNU ld).
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut lines = vec!["fn _start: foo".to_string()];
    lines.extend((0..31_000).map(|n| format!("sec s_{n} a")));
    let member = Member {
        name: "foo.o".into(),
        data: object(&["fn foo".to_string()]),
        symbols: vec!["foo".into()],
        origin: None,
    };
    std::fs::create_dir_all(dir.path().join("app")).unwrap();
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    std::fs::write(dir.path().join("app/main.o"), object(&lines)).unwrap();
    std::fs::write(dir.path().join("app/libx.a"), archive(false, Index::None, None, &[member])).unwrap();
    std::fs::write(dir.path().join("app/plain.o"), object(&["fn _start".to_string()])).unwrap();
    dir
}

fn config(dir: &Path, text: &str) {
    std::fs::write(dir.join("linksweep.toml"), format!("version = 1\n{text}")).unwrap();
}

/// Runs the program in the folder `app`.
fn linksweep(dir: &Path, words: &[&str]) -> Output {
    program::linksweep(&dir.join("app"), words)
}

fn answer(dir: &Path, words: &[&str], code: i32) -> String {
    program::answer(&dir.join("app"), words, code)
}

fn check(format: &str) -> Vec<&str> {
    let mut words = vec!["check", "--linker=bfd@2.40", "-q", "--today=2026-11-21", format];
    words.extend(["--", "ld", "-u", "foo", "--unresolved-symbols=ignore-all", "main.o"]);
    words
}

fn ids(value: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_string();
    value["findings"].as_array().unwrap().iter().map(|f| (text(&f["id"]), text(&f["level"]))).collect()
}

#[test]
fn exit_status_follows_fail_on() {
    let dir = folder();
    let words = check("--format=json");
    let value: Value = serde_json::from_str(&answer(dir.path(), &words, 0)).unwrap();
    assert_eq!(value["schema"], "linksweep.check/1");
    let found = ids(&value);
    assert!(found.contains(&("LSW005".into(), "warning".into())), "{found:?}");
    assert!(found.contains(&("LSW005".into(), "note".into())), "{found:?}");
    let with = |level: &'static str| [&["check", level][..], &check("--format=json")[1..]].concat();
    answer(dir.path(), &with("--fail-on=warning"), 1);
    answer(dir.path(), &with("--fail-on=note"), 1);
    answer(dir.path(), &with("--fail-on=error"), 0);
}

#[test]
fn configuration_is_found_upwards_to_the_repository() {
    let dir = folder();
    config(dir.path(), "[rules]\nLSW005 = \"error\"\n");
    let value: Value = serde_json::from_str(&answer(dir.path(), &check("--format=json"), 1)).unwrap();
    assert_eq!(value["config"], "linksweep.toml");
    assert!(ids(&value).iter().all(|(id, level)| id != "LSW005" || level == "error"));
    // Not beyond the repository.
    std::fs::create_dir(dir.path().join("app/.git")).unwrap();
    let value: Value = serde_json::from_str(&answer(dir.path(), &check("--format=json"), 0)).unwrap();
    assert_eq!(value["config"], Value::Null);
    // A file that is named counts wherever it is.
    let words = [&["check", "--config=../linksweep.toml"][..], &check("--format=json")[1..]].concat();
    answer(dir.path(), &words, 1);
    config(dir.path(), "[rules]\nLSW05 = \"off\"\n");
    let run = linksweep(dir.path(), &words);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("linksweep.toml:3:1: unknown rule `LSW05`: did you mean `LSW005`?"));
}

/// Every form from one run is what a run of its own gives.
#[test]
fn several_forms_at_once() {
    let dir = folder();
    let forms = ["text", "json", "sarif", "github", "gitlab", "junit", "markdown", "csv"];
    let options: Vec<String> = forms.iter().map(|f| format!("--write={f}={f}.out")).collect();
    let mut words = check("--format=github");
    let mut all: Vec<&str> = vec!["check", "--write", "markdown:900=short.out", "-o", "answer.out"];
    all.extend(options.iter().map(String::as_str));
    all.extend(words.drain(1..));
    assert_eq!(answer(dir.path(), &all, 0), "");
    let read = |name: &str| std::fs::read_to_string(dir.path().join("app").join(name)).unwrap();
    for form in forms {
        let option = format!("--format={form}");
        assert_eq!(read(&format!("{form}.out")), answer(dir.path(), &check(&option), 0), "{form}");
    }
    assert_eq!(read("answer.out"), read("github.out"));
    let short =
        [&check("--format=markdown")[..3], &["--limit=900"], &check("--format=markdown")[3..]].concat();
    assert_eq!(read("short.out"), answer(dir.path(), &short, 0));
    for wrong in
        ["--write=xml=x", "--write=json", "--write=json:9=x", "--write=json=-", "--write=json=answer.out"]
    {
        let words = [&["check", "-o", "answer.out", wrong][..], &check("--format=json")[1..]].concat();
        let run = linksweep(dir.path(), &words);
        assert_eq!(run.status.code(), Some(2), "{wrong}");
        assert!(text(&run.stderr).contains("--write="), "{}", text(&run.stderr));
    }
}

#[test]
fn allowed_until_a_day_and_budgets() {
    let dir = folder();
    config(
        dir.path(),
        "allow = [{ rule = \"section-count\", name = \"main.o\", reason = \"generated\", until = \"2026-12-01\" }]\n\
         budget = [{ name = \"headers\", metric = \"section-count\", max = 60 }, { name = \"all\", max = \"1 GiB\" }, \
         { name = \"growth\", max_growth = \"1 KiB\" }]\n",
    );
    let value: Value = serde_json::from_str(&answer(dir.path(), &check("--format=json"), 1)).unwrap();
    assert_eq!(value["allowed"][0]["finding"]["subject"]["name"], "main.o");
    assert_eq!(value["allowed"][0]["until"], "2026-12-01");
    let states: Vec<&str> =
        value["budgets"].as_array().unwrap().iter().map(|b| b["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["exceeded", "met", "not-evaluated"]);
    let budget = value["findings"].as_array().unwrap().iter().find(|f| f["id"] == "LSW010").unwrap();
    assert_eq!(budget["location"]["file"], "linksweep.toml");
    let line = std::fs::read_to_string(dir.path().join("linksweep.toml")).unwrap();
    assert!(
        line.lines()
            .nth(budget["location"]["line"].as_u64().unwrap() as usize - 1)
            .unwrap()
            .contains("headers")
    );
    let late: Vec<&str> = check("--format=json")
        .into_iter()
        .map(|w| if w.starts_with("--today") { "--today=2026-12-02" } else { w })
        .collect();
    let value: Value = serde_json::from_str(&answer(dir.path(), &late, 1)).unwrap();
    assert_eq!(value["allowed"].as_array().unwrap().len(), 0);
    let message = |f: &Value| f["message"].as_str().unwrap().to_string();
    let all: Vec<String> = value["findings"].as_array().unwrap().iter().map(message).collect();
    assert!(all.iter().any(|m| m.ends_with("(was allowed until 2026-12-01: generated)")), "{all:?}");
}

#[test]
fn ratchets_follow_downwards() {
    let dir = folder();
    config(
        dir.path(),
        "[[budget]]\nname = \"all\" # everything\nratchet = true\nmax = \"1 GiB\"\n[[budget]]\nname = \"count\"\n\
         metric = \"section-count\"\nratchet = true\n",
    );
    let path = dir.path().join("linksweep.toml");
    let words = [&["check", "--update-budgets"][..], &check("--format=json")[1..]].concat();
    answer(dir.path(), &words, 0);
    let first = std::fs::read_to_string(&path).unwrap();
    assert!(
        first.contains("name = \"all\" # everything\nratchet = true\nmax = ") && !first.contains("GiB"),
        "{first}"
    );
    assert!(first.contains("name = \"count\"\nmax = 31"), "{first}");
    // What is measured again is met, and changes nothing.
    answer(dir.path(), &words, 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
    // One byte less is a failure, and is not raised.
    let lower = first.replace("max = 31", "max = 30");
    std::fs::write(&path, &lower).unwrap();
    answer(dir.path(), &words, 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), lower);
}

#[test]
fn budgets_of_regions_and_keeps() {
    let dir = folder();
    std::fs::write(
        dir.path().join("r.lds"),
        "ENTRY(_start) MEMORY { rom (rx) : ORIGIN = 0, LENGTH = 100 ram (rw) : ORIGIN = 0x1000, LENGTH = 50 }\n\
         SECTIONS { .text : { *(.text .text.*) } > rom tab : { KEEP(*(tab)) } > ram }",
    )
    .unwrap();
    let lines = ["fn _start: ".to_string(), "sec tab a: held".into(), "fn held".into()];
    std::fs::write(dir.path().join("app/m.o"), object(&lines)).unwrap();
    config(
        dir.path(),
        "budget = [\n{ name = \"rom\", region = \"rom\", max = 1 },\n{ name = \"left\", metric = \"headroom\", region = \"ram\", min = 1 },\n\
         { name = \"held\", metric = \"retained\", keep = \"tab\", max = 1 },\n{ name = \"none\", region = \"rum\", max = 1 },\n\
         { name = \"text in rom\", region = \"rom\", match = \".text*\", max = 1 },\n{ name = \"ram text\", region = \"ram\", match = \".text*\", max = 0 },\n]\n",
    );
    let words = [
        "check",
        "--linker=bfd@2.40",
        "-q",
        "--format=json",
        "--",
        "ld",
        "--gc-sections",
        "-T",
        "../r.lds",
        "m.o",
    ];
    let value: Value = serde_json::from_str(&answer(dir.path(), &words, 1)).unwrap();
    let budgets = value["budgets"].as_array().unwrap();
    let states: Vec<&str> = budgets.iter().map(|b| b["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["exceeded", "met", "exceeded", "not-evaluated", "exceeded", "met"], "{budgets:?}");
    // The table's entry and what it refers to.
    let size = |name: &str| {
        let all = budgets.iter().find(|b| b["name"] == name).unwrap();
        all["value"].as_u64().unwrap()
    };
    assert!(size("held") > 8 && size("left") < 50 && size("text in rom") <= size("rom"), "{budgets:?}");
    let schema: Value = serde_json::from_str(&answer(dir.path(), &["schema", "check"], 0)).unwrap();
    draft4::validate(&value, &schema, &schema, "$");
}

/// Debug information that GNU ld keeps with the first live section of its file stays with the next one when a KEEP
/// goes: it is no part of what the KEEP retains.
#[test]
fn what_a_keep_retains_is_marked_anew() {
    let dir = folder();
    std::fs::write(
        dir.path().join("r.lds"),
        "ENTRY(_start) SECTIONS { .text : { *(.text .text.*) } tab : { KEEP(*(tab)) } .debug_info 0 : { *(.debug_info) } }",
    )
    .unwrap();
    config(
        dir.path(),
        "budget = [{ name = \"held\", metric = \"retained\", keep = \"tab\", max_growth = 0 }]\n",
    );
    let front = ["sec tab a: held".to_string(), "fn held".into()];
    let start = ["fn _start".to_string()];
    let debug = ["section .debug_info -".to_string(), "zero 4096".into()];
    let lines = ["section .debug_line.text.held -".to_string(), "zero 64".into()];
    let plain = [&front[..], &start].concat();
    let link = ["--linker=bfd@2.40", "-q", "--", "ld", "--gc-sections", "-T", "../r.lds", "m.o"];
    let held = |object: &[String]| -> u64 {
        std::fs::write(dir.path().join("app/m.o"), self::object(object)).unwrap();
        let words = [&["check", "--format=json"][..], &link].concat();
        let value: Value = serde_json::from_str(&answer(dir.path(), &words, 0)).unwrap();
        value["budgets"][0]["value"].as_u64().unwrap()
    };
    let alone = held(&plain);
    assert!(alone > 0 && alone < 100, "{alone}");
    let whole = [&front[..], &start, &debug].concat();
    assert_eq!(held(&whole), alone);
    // A saved link is marked anew just so.
    for object in [whole.clone(), [&whole[..], &lines].concat()] {
        let value = held(&object);
        answer(dir.path(), &[&["snapshot", "-o", "old.lsw"][..], &link].concat(), 0);
        let words = [&["check", "--format=json", "--base=old.lsw"][..], &link].concat();
        let json: Value = serde_json::from_str(&answer(dir.path(), &words, 0)).unwrap();
        assert_eq!(
            (&json["budgets"][0]["base"], &json["budgets"][0]["state"]),
            (&value.into(), &"met".into())
        );
        assert!(value < 200, "{value}");
    }
}

#[test]
fn a_base_makes_findings_known_and_limits_growth() {
    let dir = folder();
    let line = ["--linker=bfd@2.40", "-q"];
    let link = |file: &'static str| ["--", "ld", "-u", "foo", "--unresolved-symbols=ignore-all", file];
    let save = |name: &'static str, file: &'static str| {
        let words = [&["snapshot", "-o", name][..], &line, &link(file)].concat();
        answer(dir.path(), &words, 0);
    };
    save("old.lsw", "main.o");
    config(
        dir.path(),
        "[rules]\nLSW005 = \"error\"\n[[budget]]\nname = \"growth\"\nmax_growth = 8\n[[budget]]\nname = \"count\"\n\
         metric = \"section-count\"\nmax = 100\n[[budget]]\nname = \"ratchet\"\nmetric = \"section-count\"\nratchet = true\n",
    );
    let judged = |file: &'static str, base: &[&'static str], code: i32| -> Value {
        let words =
            [&["check", "--format=json", "--today=2026-11-21"][..], base, &line, &link(file)].concat();
        serde_json::from_str(&answer(dir.path(), &words, code)).unwrap()
    };
    let states = |value: &Value| -> Vec<String> {
        value["budgets"].as_array().unwrap().iter().map(|b| b["state"].as_str().unwrap().into()).collect()
    };
    // Without a base everything fails; with one nothing is new.
    let alone = judged("main.o", &[], 1);
    assert!(alone["known"].as_array().unwrap().is_empty() && alone["base"].is_null());
    assert_eq!(states(&alone), ["not-evaluated", "exceeded", "not-evaluated"]);
    let same = judged("main.o", &["--base=old.lsw"], 0);
    assert_eq!(same["base"], "old.lsw");
    assert_eq!(same["known"].as_array().unwrap().len(), alone["findings"].as_array().unwrap().len());
    assert_eq!(states(&same), ["met", "exceeded-in-base", "met"]);
    let schema: Value = serde_json::from_str(&answer(dir.path(), &["schema", "check"], 0)).unwrap();
    draft4::validate(&same, &schema, &schema, "$");
    // More than the growth that is allowed.
    let mut lines = vec!["fn _start: foo".to_string(), "sec more a".into()];
    lines.extend((0..31_000).map(|n| format!("sec s_{n} a")));
    lines.extend((0..40).map(|n| format!("data d_{n}")));
    std::fs::write(dir.path().join("app/main.o"), object(&lines)).unwrap();
    let grown = judged("main.o", &["--base=old.lsw"], 1);
    let budgets: Vec<&str> = grown["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["id"] == "LSW010")
        .map(|f| f["subject"]["name"].as_str().unwrap())
        .collect();
    assert!(budgets.contains(&"ratchet"), "{grown}");
    assert!(!budgets.contains(&"count"), "{budgets:?}");
    // A base of another build is told.
    let words =
        [&["check", "--format=json", "--base=old.lsw", "-q", "--linker=lld@19.1.7"][..], &link("main.o")]
            .concat();
    let other: Value = serde_json::from_str(&text(&linksweep(dir.path(), &words).stdout)).unwrap();
    let told = |n: &Value| {
        n.as_str().is_some_and(|n| n.starts_with("the base is another build: the linker differs"))
    };
    assert!(other["notes"].as_array().unwrap().iter().any(told), "{}", other["notes"]);
    // Foreign files are no base.
    std::fs::write(dir.path().join("app/bad.lsw"), "{}").unwrap();
    let words = [&["check", "--base=bad.lsw"][..], &line, &link("main.o")].concat();
    assert_eq!(linksweep(dir.path(), &words).status.code(), Some(2));
}

#[test]
fn link_section_of_the_configuration() {
    let dir = folder();
    std::fs::write(dir.path().join("s.lds"), "SECTIONS { .all : { *(.text* .data* s_*) } }").unwrap();
    config(dir.path(), "[link]\nmodel = \"lld@19.1.7\"\nscript = \"s.lds\"\nroots = [\"foo\"]\n");
    let words = ["check", "--format=json", "-q", "--", "ld", "--unresolved-symbols=ignore-all", "main.o"];
    let value: Value = serde_json::from_str(&answer(dir.path(), &words, 0)).unwrap();
    assert_eq!(value["link"]["linker"], "lld");
    // The script merges everything: no warning about the image is left.
    assert!(!ids(&value).contains(&("LSW005".into(), "warning".into())), "{value}");
    let words = [&["check", "--linker=bfd@2.40"][..], &words[1..]].concat();
    let value: Value = serde_json::from_str(&answer(dir.path(), &words, 0)).unwrap();
    assert_eq!(value["link"]["linker"], "bfd");
}

#[test]
fn sarif_is_valid() {
    let dir = folder();
    config(
        dir.path(),
        "allow = [{ rule = \"LSW005\", name = \"main.o\", reason = \"generated\" }]\n[rules]\nLSW005 = \"error\"\n",
    );
    let log: Value = serde_json::from_str(&answer(dir.path(), &check("--format=sarif"), 1)).unwrap();
    let schema = std::fs::read_to_string("tests/data/sarif-schema-2.1.0.json").unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    draft4::validate(&log, &schema, &schema, "$");
    assert_eq!(log["$schema"], schema["id"]);
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 14);
    assert_eq!(run["automationDetails"]["id"], "linksweep/x86-64-executable/");
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 2);
    for result in results {
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "linksweep.toml", "{result}");
        for field in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(location["region"][field].as_u64().unwrap() > 0);
        }
        assert_eq!(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().len(), 16);
        let rule = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    }
    assert!(results.iter().any(|r| r["suppressions"][0]["justification"] == "generated"));
    // What is no SARIF is found out.
    let mut broken = log.clone();
    broken["runs"][0]["results"][0]["level"] = Value::from("fatal");
    assert!(std::panic::catch_unwind(|| draft4::validate(&broken, &schema, &schema, "$")).is_err());
}

/// Findings whose names hold what formats are made of: an object of that name with many sections.
fn hostile() -> tempfile::TempDir {
    let dir = folder();
    let name = HOSTILE.replace('/', "_");
    std::fs::rename(dir.path().join("app/main.o"), dir.path().join("app").join(&name)).unwrap();
    std::fs::write(dir.path().join("app/args"), "").unwrap();
    dir
}

fn hostile_answer(format: &str) -> String {
    let dir = hostile();
    let name = HOSTILE.replace('/', "_");
    let words =
        ["check", "--linker=bfd@2.40", "-q", format, "--", "ld", "--unresolved-symbols=ignore-all", &name];
    answer(dir.path(), &words, 0)
}

#[test]
fn hostile_names_stay_names() {
    let out = hostile_answer("--format=text");
    assert!(!out.contains('\u{1b}') && out.contains("\\x1b[31m"), "{out}");

    let out = hostile_answer("--format=github");
    for line in out.lines() {
        let legal = ["::error ", "::warning ", "::notice "];
        assert!(legal.iter().any(|l| line.starts_with(l)), "{line}");
    }
    assert!(!out.contains('\u{1b}') && out.contains("%250A"), "{out}");

    let out = hostile_answer("--format=markdown");
    assert!(!out.contains("<b>") && !out.contains('\u{1b}') && !out.contains("@team"), "{out}");
    for line in out.lines().filter(|l| l.starts_with("| note") || l.starts_with("| warning")) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{line}");
    }

    let out = hostile_answer("--format=junit");
    assert!(out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>"), "{out}");
    assert!(!out.contains("<b>") && !out.contains('\u{1b}') && out.contains("&lt;b&gt;"), "{out}");
    assert_eq!(out.matches("<testcase ").count(), 14);
    let closed = out.matches("</testcase>").count() + out.matches("\"/>\n").count();
    assert!(closed >= 14, "{out}");

    for format in ["--format=json", "--format=gitlab", "--format=sarif"] {
        let out = hostile_answer(format);
        serde_json::from_str::<Value>(&out).unwrap_or_else(|e| panic!("{format}: {e}\n{out}"));
        assert!(!out.contains('\u{1b}'), "{format}");
    }

    let out = hostile_answer("--format=csv");
    let first = out.lines().next().unwrap();
    assert_eq!(
        first,
        "id,name,level,message,kind,subject,file,archive,location,line,column,bytes,remedy,fingerprint,state"
    );
    assert!(out.lines().count() >= 3 && out.contains("\"\"',:%0A"), "{out}");
}

#[test]
fn gitlab_issues() {
    let dir = folder();
    let out = answer(dir.path(), &check("--format=gitlab"), 0);
    let value: Value = serde_json::from_str(&out).unwrap();
    let mut prints = Vec::new();
    for issue in value.as_array().unwrap() {
        assert!(["info", "major", "critical"].contains(&issue["severity"].as_str().unwrap()));
        assert!(!issue["location"]["path"].as_str().unwrap().starts_with("./"));
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
        prints.push(issue["fingerprint"].as_str().unwrap().to_string());
    }
    let count = prints.len();
    prints.sort();
    prints.dedup();
    assert!(count >= 2 && prints.len() == count, "{out}");
}

#[test]
fn fingerprints_do_not_depend_on_order() {
    let dir = folder();
    let prints = |files: [&str; 2]| {
        let mut words = vec!["check", "--linker=bfd@2.40", "-q", "--format=json", "--", "ld"];
        words.push("--unresolved-symbols=ignore-all");
        words.extend(files);
        let value: Value = serde_json::from_str(&text(&linksweep(dir.path(), &words).stdout)).unwrap();
        let mut all: Vec<String> =
            value["findings"].as_array().unwrap().iter().map(|f| f["fingerprint"].to_string()).collect();
        all.sort();
        all
    };
    std::fs::write(dir.path().join("app/data.o"), object(&["data other".to_string()])).unwrap();
    assert_eq!(prints(["main.o", "data.o"]), prints(["data.o", "main.o"]));
}

#[test]
fn sections_as_text_csv_and_json() {
    let dir = folder();
    let link = ["--", "ld", "--unresolved-symbols=ignore-all", "main.o"];
    let with = |front: &[&'static str]| [&["sections", "--linker=bfd@2.40", "-q"][..], front, &link].concat();
    let out = answer(dir.path(), &with(&[]), 0);
    for words in ["GNU ld 2.40", "a.out: 31,", "s_*", "warning LSW005", "main.o"] {
        assert!(out.contains(words), "{words} in\n{out}");
    }
    answer(dir.path(), &with(&["--fail-on=warning"]), 1);
    let out = answer(dir.path(), &with(&["--format=csv"]), 0);
    assert!(out.starts_with("kind,archive,name,headers,"), "{out}");
    let value: Value = serde_json::from_str(&answer(dir.path(), &with(&["--format=json"]), 0)).unwrap();
    let schema: Value = serde_json::from_str(&answer(dir.path(), &["schema", "sections"], 0)).unwrap();
    draft4::validate(&value, &schema, &schema, "$");
    let image = &value["images"][0];
    let number = |field: &str| image[field].as_u64().unwrap();
    assert_eq!(
        number("headers"),
        number("output_sections") + number("relocation_sections") + number("groups") + number("tables")
    );
    let checked: Value = serde_json::from_str(&answer(dir.path(), &check("--format=json"), 0)).unwrap();
    let schema: Value = serde_json::from_str(&answer(dir.path(), &["schema", "check"], 0)).unwrap();
    draft4::validate(&checked, &schema, &schema, "$");
}

/// The keywords that the published SARIF schema (draft 4) and our own use; an unknown one is a failure,
/// so that nothing is passed over.
mod draft4 {
    use serde_json::Value;

    pub fn validate(value: &Value, schema: &Value, root: &Value, at: &str) {
        let Value::Object(keys) = schema else { panic!("{at}: schema is {schema}") };
        for (key, rule) in keys {
            match key.as_str() {
                "$schema" | "id" | "$id" | "title" | "description" | "default" | "definitions" | "$defs" => {}
                "$ref" => {
                    let target = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    validate(value, root.pointer(target).unwrap(), root, at);
                }
                "type" => {
                    let is = |name: &Value| match name.as_str().unwrap() {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "integer" => value.is_i64() || value.is_u64(),
                        "number" => value.is_number(),
                        "null" => value.is_null(),
                        other => panic!("type {other}"),
                    };
                    let fits = rule.as_array().map_or_else(|| is(rule), |all| all.iter().any(is));
                    assert!(fits, "{at}: {value} is no {rule}");
                }
                "enum" => assert!(rule.as_array().unwrap().contains(value), "{at}: {value} not in {rule}"),
                "const" => assert_eq!(value, rule, "{at}"),
                "required" => {
                    if let Value::Object(found) = value {
                        for name in rule.as_array().unwrap() {
                            assert!(found.contains_key(name.as_str().unwrap()), "{at}: no {name}");
                        }
                    }
                }
                "properties" => {
                    if let Value::Object(found) = value {
                        for (name, rule) in rule.as_object().unwrap() {
                            if let Some(inner) = found.get(name) {
                                validate(inner, rule, root, &format!("{at}.{name}"));
                            }
                        }
                    }
                }
                "additionalProperties" => {
                    if let Value::Object(found) = value {
                        let empty = serde_json::Map::new();
                        let known = keys.get("properties").and_then(Value::as_object).unwrap_or(&empty);
                        for (name, inner) in found.iter().filter(|(n, _)| !known.contains_key(*n)) {
                            match rule {
                                Value::Bool(true) => {}
                                Value::Bool(false) => panic!("{at}: unknown {name}"),
                                rule => validate(inner, rule, root, &format!("{at}.{name}")),
                            }
                        }
                    }
                }
                "items" => {
                    for (number, inner) in value.as_array().into_iter().flatten().enumerate() {
                        validate(inner, rule, root, &format!("{at}[{number}]"));
                    }
                }
                "minItems" => {
                    let count = value.as_array().map(Vec::len);
                    assert!(
                        count.is_none_or(|n| n as u64 >= rule.as_u64().unwrap()),
                        "{at}: {count:?} items"
                    );
                }
                "uniqueItems" => {
                    let items: Vec<String> =
                        value.as_array().into_iter().flatten().map(Value::to_string).collect();
                    let mut unique = items.clone();
                    unique.sort();
                    unique.dedup();
                    assert!(
                        rule == &Value::Bool(false) || unique.len() == items.len(),
                        "{at}: repeated items"
                    );
                }
                "minimum" => assert!(value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()), "{at}"),
                "maximum" => assert!(value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()), "{at}"),
                "pattern" => {
                    let regex = regex::Regex::new(rule.as_str().unwrap()).unwrap();
                    assert!(value.as_str().is_none_or(|v| regex.is_match(v)), "{at}: {value} !~ {rule}");
                }
                "format" => {
                    // Every URI here is a reference: no blanks, no controls, no quotes.
                    let legal =
                        |v: &str| v.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
                    assert!(value.as_str().is_none_or(legal), "{at}: {value} is no {rule}");
                }
                "anyOf" => {
                    let fits = |rule: &Value| fits(value, rule, root, at);
                    assert!(rule.as_array().unwrap().iter().any(fits), "{at}: none of {rule}");
                }
                "oneOf" => {
                    let fitting =
                        rule.as_array().unwrap().iter().filter(|r| fits(value, r, root, at)).count();
                    assert_eq!(fitting, 1, "{at}: {value} fits {fitting} of {rule}");
                }
                other => panic!("{at}: keyword {other}"),
            }
        }
    }

    fn fits(value: &Value, schema: &Value, root: &Value, at: &str) -> bool {
        let hook = std::panic::AssertUnwindSafe(|| validate(value, schema, root, at));
        std::panic::catch_unwind(hook).is_ok()
    }
}

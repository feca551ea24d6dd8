//! `diff` of linked images beside `size` and the kernel's `bloat-o-meter`: recorded answers, and the
//! script itself where it is given.
//!
//! Links are built in memory; no linker is needed.
//!
//! `LINKSWEEP_BLOAT_O_METER=FILE` names the script (python3 and nm are needed then);
//! `LINKSWEEP_BLOAT_PAIRS="PREFIX:OLD:NEW ..."` names more pairs for it, PREFIX as for its `-p`.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "common/links.rs"]
mod links;
#[path = "common/program.rs"]
mod program;

use std::path::{Path, PathBuf};
use std::process::Command;

use fixture::archive::{Index, Member, archive};
use links::object;
use program::linksweep;
use serde_json::Value;

const PAIRS: [(&str, &str); 5] = [
    ("x86-64", ""),
    ("i386", ""),
    ("mips", "mips-linux-gnu-"),
    ("powerpc", "powerpc64le-linux-gnu-"),
    ("powerpc64", "powerpc64le-linux-gnu-"),
];
const FORMS: [(&str, &str); 4] = [("all", ""), ("categories", "-c"), ("data", "-d"), ("functions", "-t")];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diff")
}

fn answer(dir: &Path, words: &[&str]) -> String {
    program::answer(dir, words, 0)
}

fn bloat(dir: &Path, old: &str, new: &str, form: &str) -> String {
    let symbols = format!("--symbols={form}");
    answer(dir, &["diff", old, new, "--format=bloat-o-meter", &symbols])
}

#[test]
fn recorded_answers_of_bloat_o_meter() {
    let dir = data();
    for (name, _) in PAIRS {
        for (form, _) in FORMS {
            let recorded = std::fs::read_to_string(dir.join(format!("{name}.{form}.txt"))).unwrap();
            assert!(recorded.contains("Total: Before="));
            let own = bloat(&dir, &format!("{name}.old"), &format!("{name}.new"), form);
            assert_eq!(own, recorded, "{name} {form}");
        }
    }
}

#[test]
fn the_script_itself() {
    let Some(script) = std::env::var_os("LINKSWEEP_BLOAT_O_METER") else { return };
    let dir = data();
    let more = std::env::var("LINKSWEEP_BLOAT_PAIRS").unwrap_or_default();
    let mut pairs: Vec<[String; 3]> = PAIRS
        .iter()
        .map(|(name, prefix)| [prefix.to_string(), format!("{name}.old"), format!("{name}.new")])
        .collect();
    pairs.extend(more.split_whitespace().map(|pair| {
        let mut parts = pair.split(':').map(str::to_string);
        [parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap()]
    }));
    for [prefix, old, new] in pairs {
        for (form, option) in FORMS {
            let mut command = Command::new("python3");
            command.current_dir(&dir).arg(&script).args(Some(option).filter(|o| !o.is_empty()));
            if !prefix.is_empty() {
                command.args(["-p", &prefix]);
            }
            let run = command.args([&old, &new]).output().unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            let real = String::from_utf8(run.stdout).unwrap();
            assert_eq!(bloat(&dir, &old, &new, form), real, "{old} {new} {form}");
        }
    }
}

#[test]
fn sizes_are_those_of_size() {
    let dir = data();
    for (name, _) in PAIRS {
        let recorded = std::fs::read_to_string(dir.join(format!("{name}.size.txt"))).unwrap();
        let numbers = |line: &str| -> Vec<u64> {
            line.split_whitespace().take(4).map(|n| n.parse().unwrap()).collect()
        };
        let lines: Vec<Vec<u64>> = recorded.lines().skip(1).map(numbers).collect();
        let (old, new) = (format!("{name}.old"), format!("{name}.new"));
        let value: Value =
            serde_json::from_str(&answer(&dir, &["diff", &old, &new, "--format=json"])).unwrap();
        for (side, line) in ["old", "new"].iter().zip(&lines) {
            let of = |key: &str| value[side][key].as_u64().unwrap();
            assert_eq!(&vec![of("text"), of("data"), of("bss"), of("dec")], line, "{name} {side}");
        }
        sums_up(&value);
    }
}

/// Rows add up to the change, per grouping.
fn sums_up(value: &Value) {
    let change = value["change"]["dec"].as_i64().unwrap();
    let groups = value["groups"].as_array().unwrap();
    assert!(!groups.is_empty());
    for group in groups {
        assert_eq!(group["omitted"], 0);
        let sum: i64 = group["rows"].as_array().unwrap().iter().map(|r| r["delta"].as_i64().unwrap()).sum();
        assert_eq!(sum, change, "{}", group["by"]);
    }
}

#[test]
fn numbered_names_are_the_same_symbol() {
    let value: Value =
        serde_json::from_str(&answer(&data(), &["diff", "x86-64.old", "x86-64.new", "--format=json"]))
            .unwrap();
    let rows = value["groups"][0]["rows"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|r| r["name"] == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(row("table")["change"], "grown");
    assert_eq!(row("newone")["change"], "added");
    assert_eq!(value["groups"][0]["by"], "symbol");
}

#[test]
fn wrong_usage_is_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("line"), "ld a.o\n").unwrap();
    std::fs::copy(data().join("mips.old"), dir.path().join("image")).unwrap();
    let told = |words: &[&str], part: &str| {
        let run = linksweep(dir.path(), words);
        let error = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(2), "{words:?} {error}");
        assert!(error.contains(part), "{words:?} {error}");
    };
    told(&["diff", "image", "line", "--format=bloat-o-meter"], "not a linked image");
    told(&["diff", "image", "nothing"], "nothing");
    told(&["diff", "image", "image", "--by=file"], "section and symbol only");
    std::fs::write(dir.path().join("cut"), b"\x7fELF\x02\x01").unwrap();
    told(&["diff", "image", "cut"], "reading cut");
}

#[test]
fn every_form() {
    let dir = data();
    let of = |format: &str| answer(&dir, &["diff", "i386.old", "i386.new", format]);
    assert!(of("--format=text").contains("next: "));
    let csv = of("--format=csv");
    assert!(csv.starts_with("by,name,file,") && csv.lines().nth(1).unwrap().starts_with("total,"));
    let page = of("--format=markdown");
    assert!(page.contains("<details><summary>by symbol") && page.contains("| **all** |"));
    let by_name =
        answer(&dir, &["diff", "i386.old", "i386.new", "--format=csv", "--sort=name", "--by=symbol"]);
    let names: Vec<&str> = by_name.lines().skip(2).map(|l| l.split(',').nth(1).unwrap()).collect();
    assert!(names.len() > 1 && names.is_sorted(), "{names:?}");
    let small = answer(&dir, &["diff", "i386.old", "i386.new", "--format=markdown", "--limit=900"]);
    assert!(small.len() <= 900 && small.contains("rows are left out here"), "{small}");
}

/// A folder with `old/` and `new/`: objects, `libx.a` of the given members, and a file `link`.
struct Links(tempfile::TempDir);

impl Links {
    fn new() -> Self {
        Links(tempfile::tempdir().unwrap())
    }

    fn add(
        &self,
        side: &str,
        words: &str,
        objects: &[(&str, &[&str])],
        members: &[(&str, &[&str])],
    ) -> &Self {
        let dir = self.0.path().join(side);
        std::fs::create_dir_all(&dir).unwrap();
        for (name, lines) in objects {
            std::fs::write(dir.join(name), object(lines)).unwrap();
        }
        let members: Vec<Member> = members
            .iter()
            .map(|(name, lines)| Member {
                name: (*name).into(),
                data: object(lines),
                symbols: lines
                    .iter()
                    .filter_map(|l| l.strip_prefix("fn "))
                    .map(|l| l.split([':', ' ']).next().unwrap().to_string())
                    .collect(),
                origin: None,
            })
            .collect();
        std::fs::write(dir.join("libx.a"), archive(false, Index::Gnu, None, &members)).unwrap();
        std::fs::write(dir.join("link"), format!("{words}\n")).unwrap();
        self
    }

    fn words<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut words =
            vec!["diff", "old/link", "new/link", "--old-directory=old", "--new-directory=new", "-q"];
        words.extend(more);
        words
    }

    fn json(&self, more: &[&str]) -> Value {
        let mut words =
            self.words(&["--format=json", "--by=symbol,file,archive,directory,root,section,region"]);
        words.extend(more);
        let value: Value = serde_json::from_str(&answer(self.0.path(), &words)).unwrap();
        sums_up(&value);
        accounted(&value);
        fits(&value);
        value
    }
}

/// The account adds up to the change, and the causes to what is new and lost.
fn accounted(value: &Value) {
    let account = value["account"].as_array().unwrap();
    let sum: i64 = account.iter().map(|a| a["delta"].as_i64().unwrap()).sum();
    assert_eq!(sum, value["change"]["dec"].as_i64().unwrap());
    let causes = |change: &str| -> i64 {
        let all = value["causes"].as_array().unwrap().iter().filter(|c| c["change"] == change);
        all.map(|c| c["bytes"]["dec"].as_i64().unwrap()).sum()
    };
    let of = |what: &str, side: &str| {
        account.iter().find(|a| a["what"] == what).unwrap()[side]["dec"].as_i64().unwrap()
    };
    assert_eq!((causes("new"), causes("lost")), (of("new", "new"), of("lost", "old")));
}

/// The answer has exactly the fields that its schema names.
fn fits(value: &Value) {
    let schema: Value = serde_json::from_str(&answer(&data(), &["schema", "diff"])).unwrap();
    fn walk(value: &Value, schema: &Value, root: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            return walk(value, root.pointer(&name[1..]).unwrap(), root, at);
        }
        if let Some(first) = schema["anyOf"].as_array().and_then(|a| a.first()) {
            return if value.is_null() {
            } else {
                walk(value, first, root, at)
            };
        }
        if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
            for key in properties.keys() {
                assert!(object.contains_key(key), "{at}.{key} is missing");
            }
            for (key, value) in object {
                let own = properties.get(key).unwrap_or_else(|| panic!("{at}.{key} is not in the schema"));
                walk(value, own, root, &format!("{at}.{key}"));
            }
        } else if let Some(list) = value.as_array().filter(|_| schema.get("items").is_some()) {
            for item in list {
                walk(item, &schema["items"], root, at);
            }
        } else if let Some(words) = schema["enum"].as_array() {
            assert!(words.contains(value), "{at}: {value}");
        }
    }
    walk(value, &schema, &schema, "diff");
}

fn first<'a>(value: &'a Value, change: &str) -> &'a Value {
    let all = value["causes"].as_array().unwrap();
    all.iter().find(|c| c["change"] == change).unwrap_or_else(|| panic!("{change}: {value}"))
}

const LIB: [(&str, &[&str]); 2] =
    [("one.o", &["fn helper", "fn other: deep"]), ("two.o", &["fn deep", "fn idle"])];

#[test]
fn new_code_names_the_reference() {
    let links = Links::new();
    let line = "ld --gc-sections main.o libx.a";
    links.add("old", line, &[("main.o", &["fn _start: helper", "fn idle_too"])], &LIB);
    links.add("new", line, &[("main.o", &["fn _start: helper other", "fn idle_too"])], &LIB);
    let value = links.json(&[]);
    let cause = first(&value, "new");
    assert_eq!((&cause["step"], &cause["parts"]), (&Value::from("edge"), &Value::from(2)), "{cause}");
    assert_eq!(cause["from"]["symbol"], "_start");
    assert_eq!(cause["to"]["symbol"], "other");
    assert_eq!((&cause["elsewhere"], &cause["in_both"]), (&Value::from("dropped"), &Value::from(false)));
    assert_eq!(cause["root"], "entry _start");
    // The other way round the same reference went.
    std::fs::rename(links.0.path().join("old"), links.0.path().join("x")).unwrap();
    std::fs::rename(links.0.path().join("new"), links.0.path().join("old")).unwrap();
    std::fs::rename(links.0.path().join("x"), links.0.path().join("new")).unwrap();
    let value = links.json(&[]);
    let cause = first(&value, "lost");
    assert_eq!(cause["from"]["symbol"], "_start");
    assert!(cause["text"].as_str().unwrap().contains("no longer refers to other"), "{cause}");
    let page = answer(links.0.path(), &links.words(&["--format=text"]));
    for words in ["where it comes from", "why\n", "no longer refers to", "dropped now", "by symbol"] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let page = answer(links.0.path(), &links.words(&["--format=markdown"]));
    assert!(page.contains("| change | why |"), "{page}");
}

#[test]
fn a_keep_that_moves_is_the_cause() {
    let links = Links::new();
    let script = |keep: &str| {
        format!("SECTIONS {{ .text : {{ *(.text .text.*) }} tab : {{ s = .; {keep} e = .; }} }}")
    };
    let objects: [(&str, &[&str]); 2] =
        [("main.o", &["fn _start: s e"]), ("tab.o", &["sec tab a: entry", "fn entry: more", "fn more"])];
    for side in ["old", "new"] {
        links.add(side, "ld --gc-sections -T t.lds main.o tab.o", &objects, &[]);
    }
    std::fs::write(links.0.path().join("old/t.lds"), script("*(tab)")).unwrap();
    std::fs::write(links.0.path().join("new/t.lds"), script("KEEP(*(tab))")).unwrap();
    let value = links.json(&[]);
    let cause = first(&value, "new");
    assert_eq!((&cause["step"], &cause["parts"]), (&Value::from("root"), &Value::from(3)), "{cause}");
    assert_eq!(cause["in_both"], false);
    assert!(cause["name"].as_str().unwrap().starts_with("keep KEEP(*(tab)) in t.lds"), "{cause}");
    assert_eq!(value["causes"].as_array().unwrap().len(), 1);
}

#[test]
fn definitions_that_went_and_moved() {
    let links = Links::new();
    let line = "ld --gc-sections main.o libx.a";
    links.add("old", line, &[("main.o", &["fn _start: gone stays"])], &[("one.o", &["fn gone", "fn stays"])]);
    links.add(
        "new",
        &format!("{line} --unresolved-symbols=ignore-all"),
        &[("main.o", &["fn _start: gone stays"])],
        &[("two.o", &["fn stays"])],
    );
    let value = links.json(&[]);
    let cause = first(&value, "lost");
    assert_eq!(cause["to"]["symbol"], "gone", "{value}");
    assert_eq!(cause["elsewhere"], "not-extracted");
    // `stays` came to another file: that is no new code.
    assert!(!value["causes"].as_array().unwrap().iter().any(|c| c["to"]["symbol"] == "stays"), "{value}");
    let rows = value["groups"][0]["rows"].as_array().unwrap();
    assert!(rows.iter().all(|r| r["name"] != "stays" || r["change"] == "renamed"), "{rows:?}");
}

#[test]
fn numbered_clones_are_the_same_code() {
    let links = Links::new();
    let line = "ld --gc-sections main.o";
    links.add("old", line, &[("main.o", &["fn _start: work.isra.0", "fn work.isra.0"])], &[]);
    links.add("new", line, &[("main.o", &["fn _start: work.constprop.1", "fn work.constprop.1"])], &[]);
    let value = links.json(&[]);
    assert_eq!(value["causes"].as_array().unwrap().len(), 0, "{value}");
    let row = &value["groups"][0]["rows"][0];
    assert_eq!((&row["name"], &row["was"]), (&Value::from("work.constprop.1"), &Value::from("work.isra.0")));
    assert_eq!((&row["delta"], &row["change"]), (&Value::from(0), &Value::from("renamed")));
}

#[test]
fn a_link_that_collects_nothing_names_who_asked() {
    let links = Links::new();
    let line = "ld main.o libx.a";
    links.add("old", line, &[("main.o", &["fn _start: helper"])], &[("one.o", &["fn helper"]), LIB[1]]);
    links.add("new", line, &[("main.o", &["fn _start: helper"])], &LIB);
    let value = links.json(&[]);
    let of = |name: &str| {
        let all = value["causes"].as_array().unwrap();
        all.iter().find(|c| c["to"]["file"] == name).unwrap_or_else(|| panic!("{name} {value}")).clone()
    };
    assert_eq!(of("libx.a(one.o)")["step"], "changed");
    let run = linksweep(links.0.path(), &["diff", "old/link", "new/link", "-C", "old", "--by=input"]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn unlike_links_are_warned_of() {
    let links = Links::new();
    links.add("old", "ld main.o", &[("main.o", &["fn _start"])], &[]);
    links.add("new", "ld.lld --gc-sections main.o", &[("main.o", &["fn _start"])], &[]);
    let value = links.json(&[]);
    let notes: Vec<&str> = value["notes"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert!(notes.iter().any(|n| n.starts_with("the linker differs")), "{notes:?}");
    assert!(notes.iter().any(|n| n.starts_with("garbage collection differs")), "{notes:?}");
}

#[test]
fn builds_in_folders_of_their_own_are_the_same() {
    let links = Links::new();
    for side in ["old", "new"] {
        let objects: [(&str, &[&str]); 1] = [("main.o", &["fn _start: work", "fn work"])];
        links.add(side, &format!("ld --gc-sections {side}/main.o {side}/libx.a -u helper"), &objects, &LIB);
    }
    let words = ["diff", "old/link", "new/link", "-q", "--format=json", "--by=file,symbol"];
    let value: Value = serde_json::from_str(&answer(links.0.path(), &words)).unwrap();
    assert_eq!(value["causes"].as_array().unwrap().len(), 0, "{value}");
    for group in value["groups"].as_array().unwrap() {
        assert_eq!(group["rows"].as_array().unwrap().len(), 0, "{group}");
        assert!(group["unchanged"].as_u64().unwrap() > 0);
    }
}

#[test]
fn saved_graphs_say_what_the_links_say() {
    let links = Links::new();
    let line = "ld --gc-sections main.o libx.a";
    links.add("old", line, &[("main.o", &["fn _start: helper"])], &LIB);
    links.add("new", line, &[("main.o", &["fn _start: helper other"])], &LIB);
    for side in ["old", "new"] {
        let run = linksweep(
            links.0.path(),
            &[
                "snapshot",
                "-q",
                "-C",
                side,
                "--link-file",
                &format!("{side}/link"),
                "-o",
                &format!("{side}.lsw"),
            ],
        );
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let by = "--by=symbol,file,archive,directory,root,section,region";
    let told = |old: &str, new: &str| {
        let words =
            ["diff", old, new, "--old-directory=old", "--new-directory=new", "-q", "--format=json", by];
        let mut value: Value = serde_json::from_str(&answer(links.0.path(), &words)).unwrap();
        for side in ["old", "new"] {
            value[side]["name"] = Value::Null;
        }
        value
    };
    let from_links = told("old/link", "new/link");
    assert_eq!(told("old.lsw", "new.lsw"), from_links);
    assert_eq!(told("old.lsw", "new/link"), from_links);
    assert!(!from_links["causes"].as_array().unwrap().is_empty());
    // A file that is cut off is no answer.
    let bytes = std::fs::read(links.0.path().join("old.lsw")).unwrap();
    std::fs::write(links.0.path().join("cut.lsw"), &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(linksweep(links.0.path(), &["diff", "cut.lsw", "new.lsw"]).status.code(), Some(2));
}

#[test]
fn an_image_and_a_link() {
    let links = Links::new();
    links.add("new", "ld main.o", &[("main.o", &["fn _start", "data table"])], &[]);
    let image = data().join("x86-64.old");
    let words = ["diff", image.to_str().unwrap(), "new/link", "--new-directory=new", "-q", "--format=json"];
    let value: Value = serde_json::from_str(&answer(links.0.path(), &words)).unwrap();
    sums_up(&value);
    assert_eq!((&value["old"]["kind"], &value["new"]["kind"]), (&Value::from("image"), &Value::from("link")));
}

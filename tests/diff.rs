//! `diff` of linked images beside `size` and the kernel's `bloat-o-meter`: recorded answers, and the
//! script itself where it is given.
//!
//! `LINKSWEEP_BLOAT_O_METER=FILE` names the script (python3 and nm are needed then);
//! `LINKSWEEP_BLOAT_PAIRS="PREFIX:OLD:NEW ..."` names more pairs for it, PREFIX as for its `-p`.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PAIRS: [(&str, &str); 3] = [("x86-64", ""), ("i386", ""), ("mips", "mips-linux-gnu-")];
const FORMS: [(&str, &str); 4] = [("all", ""), ("categories", "-c"), ("data", "-d"), ("functions", "-t")];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diff")
}

fn linksweep(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linksweep"));
    command.current_dir(dir).args(words).stdin(Stdio::null()).env_remove("NO_COLOR").output().unwrap()
}

fn answer(dir: &Path, words: &[&str]) -> String {
    let run = linksweep(dir, words);
    assert_eq!(run.status.code(), Some(0), "{words:?}\n{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
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
    let small = answer(&dir, &["diff", "i386.old", "i386.new", "--format=markdown", "--limit=900"]);
    assert!(small.len() <= 900 && small.contains("rows are left out here"), "{small}");
}

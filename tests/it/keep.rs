//! `keep` on small links: the findings of the audit are exactly those listed.
//!
//! In: `tests/keep/NAME.case` (inputs and one link, as in `tests/cases`) and `NAME.finds`. Out: one test per
//! case. A block of `NAME.finds` begins with `== LINKER...`, `== LINKER... no-gc` (the link as written does not
//! collect) or `== LINKER... refuses`; then follow all findings in order, `ID LEVEL SUBJECT BYTES` each,
//! and lines `+ TEXT` that the text answer (or the refusal) must hold.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use linksweep::query::finding::level_word;
use linksweep::query::keep::{self, Given, SourceText};
use linksweep::query::select::Selection;
use linksweep::report::{self, Page};

use crate::case::Case;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keep")
}

/// One test per case.
pub fn trials() -> Vec<Trial> {
    let Ok(entries) = fs::read_dir(folder()) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "case"));
    paths.sort();
    let trial = |path: PathBuf| {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        Trial::test(format!("keep {name}"), move || run(&path, &name))
    };
    paths.into_iter().map(trial).collect()
}

fn run(path: &Path, name: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let case = Case::parse(name, &text, path.with_extension("expect"))?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    case.materialise(dir.path())?;
    let finds = fs::read_to_string(path.with_extension("finds")).map_err(|e| e.to_string())?;
    let mut faults = String::new();
    let mut blocks = 0;
    for block in finds.split("== ").skip(1) {
        let (head, body) = block.split_once('\n').unwrap_or((block, ""));
        let words: Vec<&str> = head.split_whitespace().collect();
        let refuses = words.contains(&"refuses");
        let collects = !words.contains(&"no-gc");
        for linker in words.iter().filter(|w| !matches!(**w, "refuses" | "no-gc")) {
            blocks += 1;
            let fault = match (answer(&case, dir.path(), linker, collects), refuses) {
                (Ok((found, text)), false) => differences(body, &found, &text),
                (Err(error), true) => differences(body, &[], &error),
                (Ok(_), true) => Some("the link was not refused".to_string()),
                (Err(error), false) => Some(error),
            };
            if let Some(fault) = fault {
                faults.push_str(&format!("== {linker}{}\n{fault}\n", if collects { "" } else { " no-gc" }));
            }
        }
    }
    match (blocks, faults.is_empty()) {
        (0, _) => Err("no block of expected findings".into()),
        (_, true) => Ok(()),
        _ => Err(faults.into()),
    }
}

fn differences(body: &str, found: &[String], text: &str) -> Option<String> {
    let lines = body.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let (words, findings): (Vec<&str>, Vec<&str>) = lines.partition(|l| l.starts_with("+ "));
    let missing: Vec<&&str> = words.iter().filter(|w| !text.contains(w[2..].trim())).collect();
    if findings == found && missing.is_empty() {
        return None;
    }
    Some(format!("findings:\n{}\nmissing in the text: {missing:?}\ntext:\n{text}", found.join("\n")))
}

fn answer(case: &Case, dir: &Path, linker: &str, collects: bool) -> Result<(Vec<String>, String), String> {
    let link = case.links.first().ok_or("no link")?;
    let plan = Case::plan(link, dir, linker, "ld", true)?;
    let opened = linksweep::open(&plan).map_err(|e| e.to_string())?;
    let analysis = linksweep::analyze(&plan, &opened).map_err(|e| e.to_string())?;
    let source = |name: &str| {
        let text = fs::read(dir.join(name)).ok()?;
        Some(SourceText { path: name.to_string(), text: text.into() })
    };
    let sources = ["vmlinux.lds.S", "vmlinux.lds.h"].into_iter().filter_map(source).collect();
    let audit = keep::audit(&analysis, Given { would: !collects, sources });
    let findings = keep::findings(&analysis, &audit);
    let shown = findings.iter().map(|f| {
        let bytes = f.bytes.map_or_else(|| "-".to_string(), |b| b.to_string());
        format!("{} {} {} {bytes}", f.id, level_word(f.level), f.subject.name)
    });
    let selection = Selection::default();
    let page = Page {
        analysis: &analysis,
        findings: &findings,
        selection: &selection,
        style: report::labels::Style::default(),
    };
    let text = report::keep::text(&page, &audit);
    let json = report::keep_json::json(&page, &audit);
    serde_json::from_slice::<serde_json::Value>(&json).map_err(|e| e.to_string())?;
    Ok((shown.collect(), String::from_utf8(text).map_err(|e| e.to_string())?))
}

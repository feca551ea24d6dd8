//! Turns case files into named tests and runs them.
//!
//! In: `tests/cases/**/*.case` and the records beside them. Out: one test for each case, link,
//! linker and kind. A test builds its inputs in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};

use crate::case::{Case, Claim, Link};
use crate::linkers::{self, ALL, Answer, LinkerId};
use crate::record::Record;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn case_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    for p in paths {
        if p.is_dir() {
            case_files(&p, out);
        } else if p.extension().is_some_and(|e| e == "case") {
            out.push(p);
        }
    }
}

fn load() -> Vec<Result<Case, String>> {
    let base = root().join("tests/cases");
    let mut files = Vec::new();
    case_files(&base, &mut files);
    files
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&base).unwrap_or(path).with_extension("");
            let name = name.to_string_lossy().into_owned();
            let text = fs::read_to_string(path).map_err(|e| format!("{name}: {e}"))?;
            Case::parse(&name, &text, path.with_extension("expect")).map_err(|e| format!("{name}: {e}"))
        })
        .collect()
}

fn label(kind: &str, case: &Case, link: &Link, linker: LinkerId) -> String {
    let sep = if link.name.is_empty() { "" } else { ":" };
    format!("{kind}/{}{sep}{} {}", case.name, link.name, linker.name())
}

fn folder(case: &Case) -> Result<tempfile::TempDir, Failed> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    case.materialise(dir.path()).map_err(|e| format!("{}: {e}", case.name))?;
    Ok(dir)
}

/// Shows how two lists differ.
fn difference(what: &str, expected: &[String], actual: &[String]) -> Result<(), Failed> {
    if expected == actual {
        return Ok(());
    }
    let show = |l: &[String]| l.iter().map(|s| format!("    {s}\n")).collect::<String>();
    Err(format!("{what} differ\n  recorded:\n{}  found:\n{}", show(expected), show(actual)).into())
}

fn real(case: &Case, link: &Link, linker: LinkerId) -> Result<Answer, Failed> {
    let dir = folder(case)?;
    Ok(linker.link(&case.prefix, dir.path(), &link.words, link.extract)?)
}

fn check_real(case: &Case, link: &Link, linker: LinkerId, recorded: &Answer) -> Result<(), Failed> {
    let a = real(case, link, linker)?;
    if a.ok != recorded.ok {
        return Err(format!("exit differs; recorded ok: {}; it said:\n{}", recorded.ok, a.raw).into());
    }
    difference("removal lines", &recorded.lines, &a.lines)?;
    match (&recorded.extract, &a.extract) {
        (Some(e), Some(f)) => difference("extraction records", e, f),
        (None, None) => Ok(()),
        _ => Err("extraction record: there in one, absent in the other".into()),
    }
}

fn linksweep(
    case: &Case,
    link: &Link,
    linker: LinkerId,
    command: &str,
) -> Result<(linkers::Run, Vec<String>), Failed> {
    let dir = folder(case)?;
    let mut cmd = Command::new(env!("CARGO_BIN_EXE_linksweep"));
    cmd.args([command, "--format=linker"]).arg(format!("--linker={}", linker.profile())).arg("--");
    if !case.prefix.is_empty() && matches!(linker, LinkerId::Bfd | LinkerId::Gold) {
        cmd.arg(format!("{}ld.{}", case.prefix, linker.name()));
    }
    // As the linkers were run; `extract` does not assume it.
    cmd.arg("--gc-sections").args(&link.words);
    let run = linkers::run(cmd, dir.path())?;
    let lines = run.stdout.lines().map(str::to_string).collect();
    Ok((run, lines))
}

fn check_exit(link: &Link, linker: LinkerId, run: &linkers::Run, recorded: &Answer) -> Result<(), Failed> {
    let fine = match run.code {
        Some(0) => recorded.ok,
        Some(2) => !recorded.ok,
        _ => false,
    };
    let free = link.exit_free.contains(&linker) && matches!(run.code, Some(0 | 2));
    if fine || free {
        return Ok(());
    }
    let wanted = if recorded.ok { 0 } else { 2 };
    Err(format!("exit status {:?}, expected {wanted}\nstderr:\n{}", run.code, run.stderr).into())
}

fn check_gc(case: &Case, link: &Link, linker: LinkerId, recorded: &Answer) -> Result<(), Failed> {
    let (run, mut lines) = linksweep(case, link, linker, "gc")?;
    if linker == LinkerId::Mold {
        lines.sort();
    }
    // A link that stopped before it printed anything says nothing about the lines.
    if recorded.ok || !recorded.lines.is_empty() {
        difference("removal lines", &recorded.lines, &lines)
            .map_err(|e| format!("{}stderr:\n{}", e.message().unwrap_or(""), run.stderr))?;
    }
    check_exit(link, linker, &run, recorded)
}

fn check_extract(case: &Case, link: &Link, linker: LinkerId, recorded: &Answer) -> Result<(), Failed> {
    let (run, lines) = linksweep(case, link, linker, "extract")?;
    let lines: Vec<String> = lines.iter().map(|l| l.trim_end().to_string()).collect();
    let expected = recorded.extract.clone().unwrap_or_default();
    if recorded.ok || !expected.is_empty() {
        difference("extraction records", &expected, &lines)
            .map_err(|e| format!("{}stderr:\n{}", e.message().unwrap_or(""), run.stderr))?;
    }
    check_exit(link, linker, &run, recorded)
}

/// Section and file of a removal line, whatever linker wrote it.
fn parts(line: &str) -> (String, String) {
    let quoted: Vec<&str> = line.split('\'').collect();
    if let [_, section, _, file, ..] = quoted.as_slice() {
        let section = section.split('[').next().unwrap_or(section);
        return (section.to_string(), file.to_string());
    }
    let rest = line.trim_start_matches("removing unused section ");
    match rest.rsplit_once(":(") {
        Some((file, section)) => (section.trim_end_matches(')').to_string(), file.to_string()),
        None => (rest.to_string(), String::new()),
    }
}

fn check_claims(link: &Link, linker: LinkerId, recorded: &Answer) -> Result<(), Failed> {
    let printed: Vec<(String, String)> = recorded.lines.iter().map(|l| parts(l)).collect();
    let has = |wanted: &str| {
        let (section, file) = wanted.split_once('@').unwrap_or((wanted, ""));
        printed.iter().any(|(s, f)| s == section && (file.is_empty() || f == file))
    };
    let member = |wanted: &str| {
        let lines = recorded.extract.iter().flatten().skip(1);
        lines.clone().any(|l| match linker.is_lld() {
            true => l.split('\t').nth(1).is_some_and(|m| m.contains(wanted)),
            false => !l.starts_with(' ') && l.split_whitespace().next().is_some_and(|m| m.contains(wanted)),
        })
    };
    for (_, claim) in link.claims.iter().filter(|(ids, _)| ids.contains(&linker)) {
        let holds = match claim {
            Claim::Drops(s) => has(s),
            // A link that stopped before it printed anything keeps nothing.
            Claim::Keeps(s) => !has(s) && (recorded.ok || !recorded.lines.is_empty()),
            Claim::Ok => recorded.ok,
            Claim::Fails => !recorded.ok,
            // mold writes no extraction record; its claims are made through sections.
            Claim::Extracts(m) => linker == LinkerId::Mold || member(m),
            Claim::Leaves(m) => linker == LinkerId::Mold || !member(m),
        };
        if !holds {
            let show = Record::show(recorded);
            return Err(format!("does not hold: {claim:?}; the record is\n{show}").into());
        }
    }
    Ok(())
}

fn rules(cases: &[Arc<Case>]) -> String {
    let mut out = String::from(
        "# Rules and the cases that prove them\n\n\
         Made from the first lines of `tests/cases/**/*.case` (`LINKSWEEP_RECORD=1 cargo test --test it rules`); \
         do not edit.\n\"GS\" is the document of the exact rules of section garbage collection.\n",
    );
    let mut section = "";
    for c in cases {
        let (dir, name) = c.name.split_once('/').unwrap_or(("", &c.name));
        if dir != section {
            section = dir;
            out.push_str(&format!("\n## {dir}\n\n| case | links | rule |\n| --- | --- | --- |\n"));
        }
        out.push_str(&format!("| `{name}` | {} | {} |\n", c.links.len(), c.header.replace('|', "\\|")));
    }
    out
}

fn check_rules(cases: &[Arc<Case>], write: bool) -> Result<(), Failed> {
    let path = root().join("docs/rules.md");
    let text = rules(cases);
    if write {
        fs::write(&path, text).map_err(|e| e.to_string())?;
        return Ok(());
    }
    let now = fs::read_to_string(&path).unwrap_or_default();
    if now == text { Ok(()) } else { Err("docs/rules.md is not up to date".into()) }
}

/// Records all answers of a case from the linkers that are installed; keeps the others.
fn record(case: &Case) -> Result<(), Failed> {
    let old = fs::read_to_string(&case.expect).unwrap_or_default();
    let old = Record::parse(&old)?;
    let mut new = Record::default();
    for link in &case.links {
        for &linker in &link.linkers {
            let key = (link.name.clone(), linker);
            if linker.program(&case.prefix).is_some() {
                let mut a = real(case, link, linker)?;
                a.raw.clear();
                new.answers.insert(key, a);
            } else if let Some(a) = old.answers.get(&key) {
                new.answers.insert(key, a.clone());
            }
        }
    }
    let order: Vec<String> = case.links.iter().map(|l| l.name.clone()).collect();
    fs::write(&case.expect, new.write(&order)).map_err(|e| e.to_string())?;
    // What was just written is also judged.
    let mut wrong = String::new();
    for link in &case.links {
        for &linker in &link.linkers {
            let answer = new.answers.get(&(link.name.clone(), linker));
            if let Some(Err(e)) = answer.map(|a| check_claims(link, linker, a)) {
                wrong.push_str(&format!(
                    "{} {}\n",
                    label("claim", case, link, linker),
                    e.message().unwrap_or("")
                ));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}

fn case_trials(case: &Arc<Case>, required: &[String], out: &mut Vec<Trial>) {
    let record =
        match fs::read_to_string(&case.expect).map_err(|e| e.to_string()).and_then(|t| Record::parse(&t)) {
            Ok(r) => r,
            Err(e) => {
                let name = format!("load/{}", case.name);
                out.push(Trial::test(name, move || Err(format!("no record: {e}").into())));
                return;
            }
        };
    for link in &case.links {
        for &linker in &link.linkers {
            let Some(answer) = record.answers.get(&(link.name.clone(), linker)).cloned() else {
                let name = label("load", case, link, linker);
                out.push(Trial::test(name, || Err("no record for this linker".into())));
                continue;
            };
            let answer = Arc::new(answer);
            type Check = fn(&Case, &Link, LinkerId, &Answer) -> Result<(), Failed>;
            let mut add = |kind: &str, ignored: bool, check: Check| {
                let (c, l, a) = (case.clone(), link.clone(), answer.clone());
                let trial = Trial::test(label(kind, case, link, linker), move || check(&c, &l, linker, &a));
                out.push(if ignored {
                    trial.with_kind("linker absent").with_ignored_flag(true)
                } else {
                    trial
                });
            };
            add("claim", false, |_, l, id, a| check_claims(l, id, a));
            let absent = linker.program(&case.prefix).is_none();
            // Only the native linkers can be required.
            let cross = !case.prefix.is_empty() && matches!(linker, LinkerId::Bfd | LinkerId::Gold);
            let must = !cross && required.iter().any(|r| r == linker.name());
            add("real", absent && !must, check_real);
            add("gc", false, check_gc);
            add("retained", false, |c, l, id, _| crate::retained::check(c, l, id));
            add("portrait", false, |c, l, id, _| crate::portrait::check(c, l, id));
            add("saved", false, |c, l, id, _| crate::saved::check(c, l, id));
            if link.extract && linker != LinkerId::Mold {
                add("extract", false, check_extract);
            }
        }
    }
}

/// Builds all tests and runs them.
pub fn run(args: &Arguments) -> Conclusion {
    let recording = std::env::var_os("LINKSWEEP_RECORD").is_some();
    let required: Vec<String> = std::env::var("LINKSWEEP_REQUIRE_LINKERS")
        .unwrap_or_default()
        .split(',')
        .filter(|s| !s.is_empty())
        .map(str::to_string)
        .collect();
    let mut trials = Vec::new();
    let mut cases = Vec::new();
    for c in load() {
        match c {
            Ok(c) => cases.push(Arc::new(c)),
            Err(e) => trials.push(Trial::test(format!("load/{e}"), move || Err(e.into()))),
        }
    }
    for name in &required {
        let known = ALL.iter().any(|l| l.name() == name);
        let name = name.clone();
        trials.push(Trial::test(format!("required/{name}"), move || {
            let found = ALL.iter().find(|l| l.name() == name).and_then(|l| l.program(""));
            if known && found.is_some() { Ok(()) } else { Err(format!("{name} is not installed").into()) }
        }));
    }
    // A folder for looking at the inputs by hand.
    let shelf = std::env::var_os("LINKSWEEP_FIXTURES").map(PathBuf::from);
    for case in &cases {
        if let Some(shelf) = &shelf {
            let (c, dir) = (case.clone(), shelf.join(&case.name));
            trials.push(Trial::test(format!("write/{}", case.name), move || Ok(c.materialise(&dir)?)));
        } else if recording {
            let c = case.clone();
            trials.push(Trial::test(format!("record/{}", case.name), move || record(&c)));
        } else {
            case_trials(case, &required, &mut trials);
        }
    }
    trials.extend(crate::why::trials(recording));
    if !recording {
        trials.extend(crate::keep::trials());
    }
    let all = cases.clone();
    trials.push(Trial::test("rules/index", move || check_rules(&all, recording)));
    libtest_mimic::run(args, trials)
}

//! `why` on small links: the text and JSON answers are compared with recorded ones.
//!
//! In: `tests/why/NAME.case` (inputs and one link, as in `tests/cases`), `NAME.asks` (one question a
//! line: `LINKER [--json] [--dead] [--exact] [-k N] PATTERN`). Out: one test per case; the answers stand in
//! `NAME.answers`. `LINKSWEEP_RECORD=1` rewrites them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use linksweep::query::Analysis;
use linksweep::query::portrait::Portrait;
use linksweep::query::why::{WhyRequest, answer as answer_of, why};
use linksweep::report::{why_json, why_text};
use linksweep::snapshot::{self, PathRoots};

use crate::case::Case;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why")
}

/// One test per case.
pub fn trials(recording: bool) -> Vec<Trial> {
    let Ok(entries) = fs::read_dir(folder()) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "case"));
    paths.sort();
    let trial = |path: PathBuf| {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        Trial::test(format!("why {name}"), move || run(&path, &name, recording))
    };
    paths.into_iter().map(trial).collect()
}

fn run(path: &Path, name: &str, recording: bool) -> Result<(), Failed> {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let case = Case::parse(name, &text, path.with_extension("expect"))?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    case.materialise(dir.path())?;
    let asks = fs::read_to_string(path.with_extension("asks")).map_err(|e| e.to_string())?;
    let mut found = String::new();
    for ask in asks.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let _ = writeln!(found, "== {ask}");
        let (status, out) = answer(&case, dir.path(), ask).map_err(|e| format!("{ask}: {e}"))?;
        let _ = writeln!(found, "{out}-- exit {status}\n");
    }
    let record = path.with_extension("answers");
    if recording {
        fs::write(record, found).map_err(|e| e.to_string())?;
        return Ok(());
    }
    let expected = fs::read_to_string(record).map_err(|e| e.to_string())?;
    if expected == found { Ok(()) } else { Err(format!("recorded:\n{expected}\nfound:\n{found}").into()) }
}

fn answer(case: &Case, dir: &Path, ask: &str) -> Result<(u8, String), String> {
    let mut words = ask.split_whitespace();
    let linker = words.next().unwrap_or("bfd");
    let (mut json, mut dead, mut exact, mut chains, mut pattern) = (false, false, false, 1, "");
    while let Some(word) = words.next() {
        match word {
            "--json" => json = true,
            "--dead" => dead = true,
            "--exact" => exact = true,
            "-k" => chains = words.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            other => pattern = other,
        }
    }
    let link = case.links.first().ok_or("no link")?;
    let plan = Case::plan(link, dir, linker, "ld", false)?;
    let opened = linksweep::open(&plan).map_err(|e| e.to_string())?;
    let analysis = linksweep::analyze(&plan, &opened).map_err(|e| e.to_string())?;
    let request = WhyRequest { dead, exact, chains, ..WhyRequest::new(pattern.as_bytes()) };
    let answer = why(&analysis, &request);
    let mut out = Vec::new();
    let written = if json {
        why_json::render(&answer, &analysis, &why_json::Head::default(), &mut out)
    } else {
        why_text::render(&answer, &analysis, &why_text::Options { demangle: true }, &mut out)
    };
    written.map_err(|e| e.to_string())?;
    let text = String::from_utf8(out).map_err(|e| e.to_string())?;
    if !dead {
        same_when_saved(&analysis, &request, json, (answer.exit_status(), &text))?;
    }
    Ok((answer.exit_status(), text))
}

/// A saved link gives the same answer.
fn same_when_saved(
    analysis: &Analysis<'_>,
    request: &WhyRequest,
    json: bool,
    wanted: (u8, &str),
) -> Result<(), String> {
    let roots = PathRoots::new(analysis, analysis.program.plan, b"/nowhere");
    let bytes = snapshot::write(&Portrait::with_paths(analysis, &roots), &roots);
    let saved = snapshot::from_bytes(Path::new("x.lsw"), bytes).map_err(|e| e.to_string())?;
    let portrait = saved.portrait().map_err(|e| e.to_string())?;
    let answer = answer_of(&portrait, request);
    let mut out = Vec::new();
    let written = if json {
        why_json::render(&answer, &portrait, &why_json::Head::default(), &mut out)
    } else {
        why_text::render(&answer, &portrait, &why_text::Options { demangle: true }, &mut out)
    };
    written.map_err(|e| e.to_string())?;
    let text = String::from_utf8(out).map_err(|e| e.to_string())?;
    if (answer.exit_status(), text.as_str()) == wanted {
        return Ok(());
    }
    Err(format!("from the link:\n{}\nsaved:\n{text}\nexit {}", wanted.1, answer.exit_status()))
}

//! One arm per command: analyse, query, render (first form: `gc` and `extract` as linker lines).

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::{Error, Result, Severity};
use crate::plan::{self, Overrides, ProfileSpec};
use crate::query::listing;

/// Runs the program with the words behind its name.
pub fn main(words: Vec<OsString>) -> ExitCode {
    match run(&words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "linksweep: error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[OsString]) -> Result<u8> {
    let mut overrides = Overrides { assume_gc: true, ..Overrides::default() };
    let mut line: Vec<OsString> = Vec::new();
    let command = words.first().cloned().unwrap_or_default();
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let text = word.to_string_lossy().into_owned();
        at += 1;
        if let Some(spec) = text.strip_prefix("--linker=") {
            overrides.linker = Some(ProfileSpec::parse(spec)?);
        } else if text == "-C" {
            overrides.directory = words.get(at).map(PathBuf::from).unwrap_or_default();
            at += 1;
        } else if text == "--link-file" {
            line = plan::read_link_file(&words.get(at).map(PathBuf::from).unwrap_or_default())?;
            at += 1;
        } else if text == "--" {
            line = words[at..].to_vec();
            break;
        } else if !text.starts_with("--format") {
            return Err(Error::new(text, "unknown option"));
        }
    }
    let plan = plan::parse_command(&line, &overrides)?;
    let link = crate::open(&plan)?;
    let analysis = crate::analyze(&plan, &link)?;
    let mut out = Vec::new();
    if command == "extract" {
        out = listing::extraction_report(&analysis).ok_or_else(|| Error::new("extract", "no report"))?;
    } else {
        for line in listing::removed_lines(&analysis) {
            out.extend_from_slice(&line);
            out.push(b'\n');
        }
    }
    let _ = std::io::stdout().write_all(&out);
    let mut failed = false;
    for d in plan.notes.iter() {
        let _ = writeln!(std::io::stderr(), "linksweep: note: {d}");
    }
    let refusals = crate::query::refusals::refusals(&analysis);
    let loaded = analysis.program.diagnostics.iter().chain(&analysis.resolution.diagnostics);
    for d in loaded.chain(&analysis.liveness.diagnostics).chain(&refusals) {
        failed |= d.severity == Severity::Error;
        let _ = writeln!(std::io::stderr(), "linksweep: {d}");
    }
    Ok(if failed { 2 } else { 0 })
}

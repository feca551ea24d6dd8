//! `verify`: the real linker run in a scratch folder, its lines beside ours.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Answer;
use super::args::{Format, VerifyArgs};
use super::options;
use super::session::{self, Clock};
use crate::error::{Error, Result};
use crate::plan::{Flavor, LinkPlan, Profile, RunFiles, program, rewrite_for_run};
use crate::query::{finding, linediff, listing};
use crate::report::labels::escape;
use crate::report::text;
use crate::report::verify::{self, Verified};

/// A folder of our own that goes when we go.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let base = std::env::temp_dir();
        for number in 0..1000u32 {
            let path = base.join(format!("linksweep-verify-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Scratch(path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::new(format!("making {}", path.display()), e.to_string())),
            }
        }
        Err(Error::new("making a scratch folder", "no free name"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn run(args: VerifyArgs) -> Result<Answer> {
    let output = options::output(args.output, "verify", &[Format::Text, Format::Json])?;
    let link = options::link(args.link, true)?;
    let mut clock = Clock::new(link.telling);
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let plan = &opened.plan;
    let flavor = plan.profile.flavor;
    let real = find_program(plan, args.linker_path.as_deref())?;
    if real.profile != plan.profile && !link.telling.quiet {
        session::tell(&format!(
            "warning: {} is {}, the rules followed are those of {}",
            real.shown(),
            text::linker(real.profile),
            text::linker(plan.profile)
        ));
    }
    let ours = split_lines(&listing::removed_text(&analysis));
    let our_report = listing::extraction_report(&analysis).map(|r| split_lines(&r));
    clock.done("answer");
    let ran = real.run(plan)?;
    clock.done("linker");
    let sections = linediff::compare(&ours, &ran.lines, flavor != Flavor::Mold);
    let extraction = match (our_report, ran.report) {
        (Some(ours), Some(theirs)) => Some(linediff::compare(&block(ours), &theirs, true)),
        _ => None,
    };
    let shown = format!("{} ({})", real.shown(), text::linker(real.profile));
    let answer = Verified { program: &shown, sections: &sections, extraction: extraction.as_ref() };
    let bytes = match output.format {
        Format::Json => verify::json(&answer),
        _ => verify::text(&answer),
    };
    let mut code = session::tell_diagnostics(&link, &finding::diagnostics(&analysis));
    if let Some(reason) = ran.failed {
        session::tell(&format!("error: {} fails on this link: {}", real.shown(), escape(reason.as_bytes())));
        code = 2;
    }
    if !answer.is_identical() {
        code = 1;
    }
    clock.finish();
    Ok(Answer { bytes, output: output.output, code })
}

fn split_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(|l| l.trim_end().to_string()).collect()
}

/// The report proper of a map: header, blank line, entries; lld's file has no blank lines.
fn block(lines: Vec<String>) -> Vec<String> {
    let start = lines.iter().position(|l| l.starts_with("Archive member included")).unwrap_or(0);
    let is_map = lines.get(start).is_some_and(|l| l.starts_with("Archive member included"));
    let rest = lines.into_iter().skip(start);
    if !is_map {
        return rest.collect();
    }
    rest.enumerate().take_while(|(number, line)| *number < 2 || !line.is_empty()).map(|(_, l)| l).collect()
}

/// The linker to run.
struct Real {
    program: OsString,
    leading: Vec<OsString>,
    profile: Profile,
}

/// What it said.
struct Ran {
    lines: Vec<String>,
    report: Option<Vec<String>>,
    failed: Option<String>,
}

fn leading(program: &OsStr) -> Vec<OsString> {
    let base = Path::new(program).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if base == "rust-lld" || base == "lld" || base.starts_with("lld-") {
        vec!["-flavor".into(), "gnu".into()]
    } else {
        Vec::new()
    }
}

/// The program given, the one that the line names, or one of the modelled linker's usual names;
/// of those the first whose version is the modelled one, else the first that runs.
fn find_program(plan: &LinkPlan, given: Option<&OsStr>) -> Result<Real> {
    let mut names: Vec<OsString> = Vec::new();
    match given {
        Some(program) => names.push(program.to_os_string()),
        None => {
            names.extend(plan.program.as_ref().map(OsString::from));
            let major = plan.profile.version.0;
            let usual: Vec<String> = match plan.profile.flavor {
                Flavor::Bfd => vec!["ld.bfd".into(), "ld".into()],
                Flavor::Gold => vec!["ld.gold".into(), "gold".into()],
                Flavor::Lld => vec![format!("ld.lld-{major}"), "ld.lld".into(), "rust-lld".into()],
                Flavor::Mold => vec!["mold".into(), "ld.mold".into()],
            };
            names.extend(usual.into_iter().map(OsString::from));
        }
    }
    let mut second = None;
    for program in names {
        let leading = leading(&program);
        let Some(profile) = program::probe(&program, &leading, &plan.directory) else { continue };
        let real = Real { program, leading, profile };
        if real.profile == plan.profile || given.is_some() {
            return Ok(real);
        }
        if real.profile.flavor == plan.profile.flavor && second.is_none() {
            second = Some(real);
        }
    }
    second.ok_or_else(|| {
        let what = match given {
            Some(program) => format!("running {}", program.display()),
            None => format!("looking for {}", text::linker(plan.profile)),
        };
        Error::new(what, "no such linker can be run; --linker-path=PROGRAM names one")
    })
}

impl Real {
    fn shown(&self) -> String {
        escape(self.program.as_encoded_bytes())
    }

    fn run(&self, plan: &LinkPlan) -> Result<Ran> {
        let scratch = Scratch::new()?;
        let flavor = self.profile.flavor;
        let map = scratch.0.join("report");
        let files = RunFiles {
            output: scratch.0.join("output"),
            map: matches!(flavor, Flavor::Bfd | Flavor::Gold).then(|| map.clone()),
            why_extract: (flavor == Flavor::Lld).then(|| map.clone()),
        };
        let words = rewrite_for_run(plan, &files)?;
        let fail = |e: std::io::Error| Error::new(format!("running {}", self.shown()), e.to_string());
        let located = if self.program.as_encoded_bytes().contains(&b'/') {
            std::path::absolute(plan.directory.join(&self.program)).map_err(fail)?.into_os_string()
        } else {
            self.program.clone()
        };
        // Files, not pipes: a linker may print much on both.
        let (stdout, stderr) = (scratch.0.join("stdout"), scratch.0.join("stderr"));
        let mut command = Command::new(located);
        command.args(&self.leading).args(words).stdin(Stdio::null());
        command.env("LC_ALL", "C").env_remove("LANGUAGE").env_remove("LD_RUN_PATH");
        command.stdout(std::fs::File::create(&stdout).map_err(fail)?);
        command.stderr(std::fs::File::create(&stderr).map_err(fail)?);
        if !plan.directory.as_os_str().is_empty() {
            command.current_dir(&plan.directory);
        }
        let status = command.status().map_err(fail)?;
        let read = |path: &Path| std::fs::read(path).map(|b| split_lines(&b)).unwrap_or_default();
        let printed = read(if matches!(flavor, Flavor::Bfd | Flavor::Gold) { &stderr } else { &stdout });
        const MARK: &str = "removing unused section";
        let lines = printed
            .iter()
            .filter_map(|l| l.find(MARK).and_then(|at| l.get(at..)))
            .map(str::to_string)
            .collect();
        let report = if flavor == Flavor::Mold || !map.exists() {
            None
        } else {
            let lines = read(&map);
            let has_block =
                flavor == Flavor::Lld || lines.iter().any(|l| l.starts_with("Archive member included"));
            Some(if has_block { block(lines) } else { Vec::new() })
        };
        let failed = (!status.success()).then(|| {
            let said = read(&stderr).into_iter().rev().find(|l| !l.is_empty() && !l.contains(MARK));
            said.unwrap_or_else(|| status.to_string())
        });
        Ok(Ran { lines, report, failed })
    }
}

//! Runs one command: words to an answer, the answer to its place, the outcome to an exit status.

use std::ffi::OsString;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use super::args::{Args, Command};
use super::{
    Answer, check, demo, diff, doctor, exports, extract, gc, keep, retained, sections, session, snapshot,
    undefined, verify, what_if, why,
};
use crate::error::{Error, Result};
use crate::report::labels::escape;
use crate::report::schema;

/// Runs the program with the words behind its name.
pub fn main(words: Vec<OsString>) -> ExitCode {
    let args = match Args::try_parse_from(std::iter::once(OsString::from("linksweep")).chain(words)) {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let outcome = run(args.command).and_then(|answer| deliver(&answer).map(|()| answer.code));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // A rendered script excerpt has lines of its own.
            let text = error.to_string();
            let lines: Vec<String> = text.lines().map(|l| escape(l.as_bytes())).collect();
            session::tell(&format!("error: {}", lines.join("\n")));
            ExitCode::from(2)
        }
    }
}

/// Help and version are answers; anything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    if error.use_stderr() {
        let _ = write!(std::io::stderr().lock(), "{text}");
        return ExitCode::from(2);
    }
    let answer = Answer { bytes: text.to_string().into_bytes(), output: None, code: 0 };
    match deliver(&answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

fn run(command: Command) -> Result<Answer> {
    match command {
        Command::Gc(args) => gc::run(args),
        Command::Extract(args) => extract::run(args),
        Command::Exports(args) => exports::run(args),
        Command::Undefined(args) => undefined::run(args),
        Command::Check(args) => check::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Sections(args) => sections::run(args),
        Command::Why(args) => why::run(args),
        Command::WhatIf(args) => what_if::run(args),
        Command::Retained(args) => retained::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Keep(args) => keep::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Schema { kind, output } => match schema::schema(&kind) {
            Some(text) => Ok(Answer { bytes: text.into(), output, code: 0 }),
            None => {
                let kinds: Vec<&str> = schema::SCHEMAS.iter().map(|(name, _)| *name).collect();
                Err(Error::new(format!("schema {kind}"), format!("there are {}", kinds.join(", "))))
            }
        },
        Command::Man { output } => Ok(Answer { bytes: man()?, output, code: 0 }),
        Command::Completions { shell, output } => {
            let mut bytes = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "linksweep", &mut bytes);
            Ok(Answer { bytes, output, code: 0 })
        }
    }
}

/// One page: the program, then each command as a section.
fn man() -> Result<Vec<u8>> {
    let fail = |e: std::io::Error| Error::new("manual page", e.to_string());
    let mut command = Args::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(fail)?;
    for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
        let mut own = Vec::new();
        let man = clap_mangen::Man::new(sub.clone());
        man.render_description_section(&mut own).map_err(fail)?;
        man.render_options_section(&mut own).map_err(fail)?;
        let title = format!(".SH \"linksweep {}\"\n", sub.get_name());
        page.extend_from_slice(title.as_bytes());
        page.extend_from_slice(String::from_utf8_lossy(&own).replace(".SH ", ".SS ").as_bytes());
    }
    Ok(page)
}

/// Writes an answer's bytes to a file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    deliver_by(Some(path), |out| out.write_all(bytes))
}

/// Writes the answer.
fn deliver(answer: &Answer) -> Result<()> {
    deliver_by(answer.output.as_deref(), |out| out.write_all(&answer.bytes))
}

/// Has an answer written. A reader that went away has seen enough: that is no error.
pub(super) fn deliver_by(
    output: Option<&Path>,
    write: impl Fn(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    if let Some(path) = output.filter(|p| *p != Path::new("-")) {
        let written = std::fs::File::create(path).and_then(|mut file| write(&mut file));
        return written.map_err(|e| Error::new(format!("writing {}", path.display()), e.to_string()));
    }
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Error::new("writing the answer", e.to_string())),
        _ => Ok(()),
    }
}

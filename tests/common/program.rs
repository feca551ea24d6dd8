//! Runs of the program as its users start it: in a folder, with words, without settings of the machine's own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Settings that would change answers.
const SETTINGS: [&str; 3] = ["NO_COLOR", "LINKSWEEP_CONFIG", "LINKSWEEP_LINKER"];

/// The program with `words` in `dir`, not started yet.
pub fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linksweep"));
    command.current_dir(dir).args(words).stdin(Stdio::null());
    for setting in SETTINGS {
        command.env_remove(setting);
    }
    command
}

/// Runs it.
pub fn linksweep(dir: &Path, words: &[&str]) -> Output {
    command(dir, words).output().unwrap()
}

/// Bytes that must be text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard output and standard error of a run that must end with `code`.
pub fn run(dir: &Path, words: &[&str], code: i32) -> (String, String) {
    let run = linksweep(dir, words);
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    let answer = String::from_utf8_lossy(&run.stdout);
    assert_eq!(run.status.code(), Some(code), "{words:?}\n{answer}\n{told}");
    (text(&run.stdout), told)
}

/// Standard output of a run that must end with `code`.
pub fn answer(dir: &Path, words: &[&str], code: i32) -> String {
    run(dir, words, code).0
}

/// The same as JSON.
pub fn json(dir: &Path, words: &[&str], code: i32) -> serde_json::Value {
    serde_json::from_str(&answer(dir, words, code)).unwrap()
}

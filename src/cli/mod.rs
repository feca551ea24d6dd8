//! The shell around the library: flags, commands, exit codes.

mod args;
mod check;
mod demo;
mod demo_link;
mod diff;
mod doctor;
mod exports;
mod extract;
mod gc;
mod keep;
mod kernel;
mod options;
mod progress;
mod retained;
mod run;
mod saved;
mod sections;
mod session;
mod snapshot;
mod undefined;
mod verify;
mod what_if;
mod why;

pub use run::main;

use std::path::PathBuf;

/// What a command hands back: bytes for standard output or a file, and the exit status.
struct Answer {
    bytes: Vec<u8>,
    output: Option<PathBuf>,
    code: u8,
}

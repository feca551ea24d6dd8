//! The shell around the library: flags, commands, exit codes.

mod run;

pub use run::main;

//! The fuzz targets as plain functions of bytes; `tests/fuzz_replay.rs` of the main package runs
//! the same code on kept inputs.

mod targets;

pub use targets::*;

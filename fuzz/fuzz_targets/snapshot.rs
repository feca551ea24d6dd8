//! `snapshot`: see `targets.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| linksweep_fuzz::snapshot(data));

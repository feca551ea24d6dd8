//! The case suite: every case of `tests/cases` against every linker that it names.
//!
//! Tests, by the first part of the name: `claim` (the record shows what the case says it shows),
//! `real` (the installed linker still gives the recorded answer), `gc` and `extract` (linksweep
//! gives the recorded answer), `rules` (the index of cases is up to date).
//! `LINKSWEEP_RECORD=1` rewrites the records from the installed linkers instead of comparing.
//! `LINKSWEEP_FIXTURES=DIR` only writes the inputs of the cases below `DIR`.
//! `LINKSWEEP_REQUIRE_LINKERS=bfd,gold,...` makes the absence of a linker a failure.

#![allow(unreachable_pub)]

mod case;
mod fixture;
mod keep;
mod linkers;
mod portrait;
mod record;
mod retained;
mod saved;
mod suite;
mod why;

fn main() {
    let args = libtest_mimic::Arguments::from_args();
    suite::run(&args).exit();
}

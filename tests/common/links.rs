//! Objects and a small link, built in memory.

use std::path::Path;

use crate::fixture::archive::{Index, Member, archive};

const MAIN: &[&str] = &["fn _start: foo", "fn dead_one: dead_data", "data dead_data"];
/// Lines of `foo.o`.
pub const FOO: &[&str] = &["fn foo", "fn _ZN3foo6unusedEv"];
const BAR: &[&str] = &["fn bar: foo"];

/// The bytes of an object: lines of `tests/cases/README.md`.
pub fn object(lines: &[&str]) -> Vec<u8> {
    crate::fixture::object::object(&[], lines).unwrap().write()
}

/// Writes `main.o` and `libx.a` with `foo.o` (taken) and `bar.o` (left behind).
pub fn fill(dir: &Path) {
    let member = |name: &str, lines: &[&str], symbols: &[&str]| Member {
        name: name.into(),
        data: object(lines),
        symbols: symbols.iter().map(|s| s.to_string()).collect(),
        origin: None,
    };
    let members = [member("foo.o", FOO, &["foo", "_ZN3foo6unusedEv"]), member("bar.o", BAR, &["bar"])];
    std::fs::write(dir.join("main.o"), object(MAIN)).unwrap();
    std::fs::write(dir.join("libx.a"), archive(false, Index::Gnu, None, &members)).unwrap();
}

/// A folder with that link; it goes away with the value.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    dir
}

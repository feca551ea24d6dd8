//! The shape of the source tree, as docs/architecture.md states it: no module imports a higher
//! floor, every file opens with a header, `unsafe` stands in one file, no file is too long.
//!
//! Reads `src/` as text; what a test module says does not count.

#![allow(clippy::expect_used)]

use std::path::{Path, PathBuf};

/// Floors from below; modules of one floor may use each other.
const FLOORS: [&[&str]; 10] = [
    &["error", "ids", "demangle"],
    &["plan", "script"],
    &["load"],
    &["program"],
    &["resolve"],
    &["graph"],
    &["mark"],
    &["query"],
    &["snapshot"],
    &["report"],
];

/// The shell stands above all others.
const TOP: usize = FLOORS.len();

const LONGEST: usize = 760;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut out) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("source folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("source file");
                out.push((path.strip_prefix(&root).expect("below src").to_path_buf(), text));
            }
        }
    }
    out.sort();
    assert!(out.len() > 100, "only {} source files", out.len());
    out
}

fn is_tests(path: &Path) -> bool {
    path.file_stem().is_some_and(|s| s.to_string_lossy().ends_with("tests"))
}

/// The file without its test module, which stands last.
fn code(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at])
}

fn floor(module: &str) -> Option<usize> {
    match module {
        "cli" => Some(TOP),
        _ => FLOORS.iter().position(|floor| floor.contains(&module)),
    }
}

/// The top-level module that a file belongs to; `None` for the crate's own roots.
fn module(path: &Path) -> Option<String> {
    let first = path.components().next()?.as_os_str().to_string_lossy().into_owned();
    let name = first.trim_end_matches(".rs").to_string();
    (name != "lib" && name != "main").then_some(name)
}

/// Every `crate::NAME` of the code, in comments too: a link in a comment is an import of the reader.
fn imports(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (at, word) in text.match_indices("crate::") {
        let rest = &text[at + word.len()..];
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            // `use crate::{a, b::c}`.
            let list = rest.trim_start_matches('{').split_once(';').map_or("", |(list, _)| list);
            let mut depth = 0;
            let mut start = true;
            let mut word = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        out.push(std::mem::take(&mut word));
                        start = true;
                    }
                    c if start && depth == 0 && (c.is_ascii_alphanumeric() || c == '_') => word.push(c),
                    c if c.is_whitespace() => {}
                    _ => start = false,
                }
            }
            out.push(word);
        } else {
            out.push(name);
        }
    }
    out
}

#[test]
fn nothing_imports_a_higher_floor() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if is_tests(&path) {
            continue;
        }
        let Some(own) = module(&path) else { continue };
        let Some(own) = floor(&own) else {
            wrong.push(format!("{}: a module without a floor", path.display()));
            continue;
        };
        for name in imports(code(&text)) {
            // What the crate's root offers itself (`crate::analyze`) is for the shell.
            let other = floor(&name).unwrap_or(TOP);
            if other > own {
                wrong.push(format!("{} uses {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_a_header() {
    let bare: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| !text.starts_with("//! ") && !is_tests(path))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(bare.is_empty(), "{}", bare.join("\n"));
}

#[test]
fn unsafe_stands_in_one_file() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let has = text.lines().filter(|l| !l.trim_start().starts_with("//")).any(|line| {
            line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == "unsafe")
        });
        if has {
            found.push(path.display().to_string());
        }
    }
    assert_eq!(found, ["load/bytes.rs"]);
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn import_lists_are_read() {
    let text = "use crate::{ids::FileId, plan::{self, Version}, Error};\ncrate::load::open();";
    assert_eq!(imports(text), ["ids", "plan", "Error", "load"]);
}

//! Where a kernel's sources define names that no object has, and which Makefile line would build them.
//!
//! In: the source tree, the configuration, names. Out: one [`SourceHint`] per name that is found. Files are
//! searched as text: an `EXPORT_SYMBOL` line wins over a definition, a definition over an inline one.
//! Links are not followed; sizes and depth are limited.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use rayon::prelude::*;
use regex::bytes::{Regex, RegexBuilder};

/// Larger files are not source files.
const FILE_LIMIT: u64 = 8 << 20;
/// The most files that are searched.
const FILES: usize = 200_000;
/// The deepest folder.
const DEPTH: usize = 24;
/// The most names that are looked for.
const NAMES: usize = 2_000;

/// Where the sources define a name that no object of the tree has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceHint {
    /// The source file, relative to the source tree.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// The source exports the name.
    pub exported: bool,
    /// The definition is `static` or `inline`.
    pub is_static: bool,
    /// The Makefile line that decides, if one was found: the innermost whose option is off, else the
    /// object's own.
    pub makefile: Option<MakefileLine>,
}

/// A line of a Makefile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MakefileLine {
    /// The Makefile, relative to the source tree.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// The text, `obj-$(CONFIG_X) += foo.o`.
    pub text: String,
    /// The options on the way to it that are off, innermost first.
    pub off: Vec<String>,
}

/// The source tree of an object tree: itself, or what `source` in it points at.
pub fn root_of(directory: &Path) -> Option<PathBuf> {
    let is_source = |path: &Path| path.join("Kbuild").is_file() && path.join("kernel/Makefile").is_file();
    if is_source(directory) {
        return Some(directory.to_path_buf());
    }
    let linked = directory.join("source").canonicalize().ok()?;
    is_source(&linked).then_some(linked)
}

/// The Makefile line that names an object (`lib/string.o`), if its source's folder has one.
pub fn line_of_object(root: &Path, object: &[u8], is_on: impl Fn(&str) -> bool) -> Option<(String, u32)> {
    let object = Path::new(OsStr::from_bytes(object));
    let inside = object.is_relative() && !object.components().any(|c| c == std::path::Component::ParentDir);
    if !inside || object.extension().is_none_or(|e| e != "o") {
        return None;
    }
    let line = makefile(root, &object.with_extension("c"), &is_on)?;
    Some((line.file, line.line))
}

/// Looks names up in the sources below `root`. `arch` is the one architecture whose folder counts;
/// `is_on` tells whether an option is set.
pub fn search(
    root: &Path,
    arch: Option<&str>,
    names: &[BString],
    is_on: impl Fn(&str) -> bool,
) -> BTreeMap<BString, SourceHint> {
    let wanted: Vec<&BString> = names.iter().filter(|n| is_plain(n)).take(NAMES).collect();
    let mut out = BTreeMap::new();
    if wanted.is_empty() {
        return out;
    }
    let list: Vec<String> = wanted.iter().map(|n| regex::escape(&n.to_string())).collect();
    let Some(searcher) = Searcher::new(&list.join("|")) else { return out };
    let mut files = Vec::new();
    collect(root, Path::new(""), arch, 0, &mut files);
    let found: Vec<Vec<(BString, Hit)>> =
        files.par_iter().with_min_len(32).map(|file| searcher.file(root, file)).collect();
    for (file, hits) in files.iter().zip(found) {
        for (name, hit) in hits {
            let better = |old: &SourceHint| hit.rank() > rank(old.exported, old.is_static);
            if out.get(&name).is_none_or(better) {
                let hint = SourceHint {
                    file: file.to_string_lossy().into_owned(),
                    line: hit.line,
                    exported: hit.exported,
                    is_static: hit.is_static,
                    makefile: None,
                };
                out.insert(name, hint);
            }
        }
    }
    for hint in out.values_mut() {
        hint.makefile = makefile(root, Path::new(&hint.file), &is_on);
    }
    out
}

/// Names that stand in sources as they are.
fn is_plain(name: &BString) -> bool {
    name.len() > 1 && name.len() <= 256 && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

fn rank(exported: bool, is_static: bool) -> u8 {
    if exported { 2 } else { u8::from(!is_static) }
}

struct Hit {
    line: u32,
    exported: bool,
    is_static: bool,
}

impl Hit {
    fn rank(&self) -> u8 {
        rank(self.exported, self.is_static)
    }
}

struct Searcher {
    any: Regex,
    export: Regex,
    definition: Regex,
}

impl Searcher {
    fn new(names: &str) -> Option<Searcher> {
        let build = |text: String| {
            RegexBuilder::new(&text).multi_line(true).unicode(false).size_limit(1 << 26).build().ok()
        };
        Some(Searcher {
            any: build(names.to_string())?,
            export: build(format!(r"EXPORT_\w*SYMBOL\w*\s*\(\s*({names})\s*[,)]"))?,
            // A function whose declaration begins at the line's start, an object, an assembler label.
            definition: build(format!(
                r"^(?:[A-Za-z_][\w \t\*]*[ \t\*])?({names})(?:\s*\([^;{{}}]*\)[^;{{}}]*\{{|(?:\[[^\]]*\])*\s*=|\[[^\]]*\];|;)|^(?:ENTRY|SYM_\w+|_GLOBAL\w*|FUNC_START)\(({names})\)|^({names}):"
            ))?,
        })
    }

    fn file(&self, root: &Path, file: &Path) -> Vec<(BString, Hit)> {
        let path = root.join(file);
        let small = std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= FILE_LIMIT);
        if !small {
            return Vec::new();
        }
        let Ok(text) = std::fs::read(&path) else { return Vec::new() };
        if !self.any.is_match(&text) {
            return Vec::new();
        }
        let mut out = Vec::new();
        let line = |at: usize| text.get(..at).map_or(0, |t| t.find_iter(b"\n").count()) as u32 + 1;
        for found in self.export.captures_iter(&text) {
            if let Some(name) = found.get(1) {
                let hit = Hit { line: line(name.start()), exported: true, is_static: false };
                out.push((BString::from(name.as_bytes()), hit));
            }
        }
        for found in self.definition.captures_iter(&text) {
            let Some(name) = found.get(1).or_else(|| found.get(2)).or_else(|| found.get(3)) else { continue };
            let head = found.get(0).map_or(&b""[..], |m| m.as_bytes());
            let words = || head.split(|b| !(b.is_ascii_alphanumeric() || *b == b'_'));
            if words().any(|w| matches!(w, b"extern" | b"return" | b"goto" | b"else" | b"typedef")) {
                continue;
            }
            let is_static = words().any(|w| matches!(w, b"static" | b"inline" | b"__always_inline"));
            let hit = Hit { line: line(name.start()), exported: false, is_static };
            out.push((BString::from(name.as_bytes()), hit));
        }
        out
    }
}

/// Source files below a folder, in sorted order.
fn collect(root: &Path, folder: &Path, arch: Option<&str>, depth: usize, out: &mut Vec<PathBuf>) {
    const IDLE: [&str; 8] =
        ["Documentation", "tools", "scripts", "samples", "LICENSES", "usr", "debian", "node_modules"];
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return };
    let mut entries: Vec<_> = entries.filter_map(|e| e.ok()).collect();
    entries.sort_by_key(|e| e.file_name());
    for entry in entries {
        let name = entry.file_name();
        let Some(text) = name.to_str() else { continue };
        if out.len() >= FILES {
            return;
        }
        let Ok(kind) = entry.file_type() else { continue };
        let path = folder.join(&name);
        if kind.is_dir() {
            let skipped = text.starts_with('.')
                || (depth == 0 && IDLE.contains(&text))
                || (folder == Path::new("arch") && arch.is_some_and(|a| a != text));
            if !skipped && depth < DEPTH {
                collect(root, &path, arch, depth + 1, out);
            }
        } else if kind.is_file() && [".c", ".S", ".rs", ".h"].iter().any(|e| text.ends_with(e)) {
            out.push(path);
        }
    }
}

/// One line of a Makefile with what it assigns.
struct Assignment {
    line: u32,
    text: String,
    left: String,
    right: Vec<String>,
}

fn assignments(text: &[u8]) -> Vec<Assignment> {
    let text = String::from_utf8_lossy(text);
    let mut out = Vec::new();
    let mut pending: Option<(u32, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let (start, mut joined) = pending.take().unwrap_or((number as u32 + 1, String::new()));
        joined.push_str(line.trim_end_matches('\\'));
        if line.ends_with('\\') && joined.len() < 1 << 16 {
            joined.push(' ');
            pending = Some((start, joined));
            continue;
        }
        let body = joined.split('#').next().unwrap_or("");
        let Some((left, right)) = body.split_once('=') else { continue };
        let left = left.trim_end_matches(['+', ':', '?']).trim().to_string();
        let right = right.split_whitespace().map(str::to_string).collect();
        let text = joined.split_whitespace().collect::<Vec<_>>().join(" ");
        out.push(Assignment { line: start, text, left, right });
    }
    out
}

/// The option in `obj-$(CONFIG_X)`.
fn option(left: &str) -> Option<&str> {
    let rest = left.split("$(").nth(1)?;
    let name = rest.split(')').next()?;
    name.starts_with("CONFIG_").then_some(name)
}

/// Follows a source file up to the top of the tree: its object, composite objects, folders.
fn makefile(root: &Path, source: &Path, is_on: &impl Fn(&str) -> bool) -> Option<MakefileLine> {
    if source.extension().is_none_or(|e| e == "h") {
        return None;
    }
    let mut folder = source.parent()?.to_path_buf();
    // What the Makefile of `folder` must mention.
    let mut wanted = format!("{}.o", source.file_stem()?.to_str()?);
    let mut own: Option<MakefileLine> = None;
    let mut first_off: Option<MakefileLine> = None;
    let mut off: Vec<String> = Vec::new();
    for _ in 0..4 * DEPTH {
        let names = ["Kbuild", "Makefile"].map(|n| folder.join(n));
        let read = names.iter().find_map(|n| Some((n, std::fs::read(root.join(n)).ok()?)));
        let listed = read.as_ref().map(|(_, text)| assignments(text)).unwrap_or_default();
        // Of several lines one whose option is on counts.
        let lines = || listed.iter().filter(|a| a.right.contains(&wanted));
        let open = lines().find(|a| option(&a.left).is_none_or(is_on));
        let found = open.or_else(|| lines().next());
        if let (Some(found), Some((file, _))) = (found, &read) {
            let line = MakefileLine {
                file: file.to_string_lossy().into_owned(),
                line: found.line,
                text: found.text.clone(),
                off: Vec::new(),
            };
            if let Some(option) = option(&found.left).filter(|o| !is_on(o)) {
                if !off.iter().any(|o| o == option) {
                    off.push(option.to_string());
                }
                first_off.get_or_insert_with(|| line.clone());
            }
            own.get_or_insert(line);
            // `foo-y`, `foo-objs`, `foo-$(CONFIG_X)`: parts of foo.o.
            let stem = found.left.rsplit_once('-').map_or("", |(stem, _)| stem);
            // The other lists of the top Makefile (core-y, drivers-y, ...) name folders, never objects.
            let kinds = ["obj", "lib", "always", "head"];
            if !stem.is_empty() && !kinds.contains(&stem) && wanted.ends_with(".o") {
                let whole = format!("{stem}.o");
                if whole != wanted {
                    wanted = whole;
                    continue;
                }
            }
            let Some(name) = folder.file_name().and_then(|n| n.to_str()) else { break };
            wanted = format!("{name}/");
        } else {
            // A Makefile further up may name it with its path.
            let Some(name) = folder.file_name().and_then(|n| n.to_str()) else { break };
            wanted = format!("{name}/{wanted}");
        }
        match folder.parent() {
            Some(parent) => folder = parent.to_path_buf(),
            None => break,
        }
    }
    let mut line = first_off.or(own)?;
    line.off = off;
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_name_to_makefile_line() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("Kbuild", "obj-y += drivers/\n");
        write("kernel/Makefile", "");
        write("drivers/Makefile", "obj-y += a/\nobj-$(CONFIG_BUS) += bus/\n");
        write("drivers/bus/Makefile", "# x\nobj-$(CONFIG_BUS_CORE) += core.o\ncore-y := one.o \\\n  two.o\n");
        write(
            "drivers/bus/two.c",
            "int other(void);\n\nint bus_probe(struct bus *b,\n  int x)\n{\n}\nEXPORT_SYMBOL_GPL(bus_probe);\n",
        );
        write(
            "drivers/bus/one.c",
            "static int bus_hidden(void)\n{\n}\nint bus_plain(int a)\n{\n return bus_probe(0);\n}\n",
        );
        write("arch/x86/y.S", "SYM_FUNC_START(arch_fn)\n");
        write("arch/arm/y.S", "ENTRY(arch_fn)\n");
        let names = ["bus_probe", "bus_hidden", "bus_plain", "arch_fn", "nowhere"].map(BString::from);
        let found = search(&root_of(dir.path()).unwrap(), Some("x86"), &names, |o| o == "CONFIG_BUS");
        let probe = &found[&names[0]];
        assert_eq!((probe.file.as_str(), probe.line, probe.exported), ("drivers/bus/two.c", 7, true));
        let line = probe.makefile.as_ref().unwrap();
        assert_eq!((line.file.as_str(), line.line), ("drivers/bus/Makefile", 2));
        assert_eq!(line.text, "obj-$(CONFIG_BUS_CORE) += core.o");
        assert_eq!(line.off, ["CONFIG_BUS_CORE"]);
        assert!(found[&names[1]].is_static && !found[&names[2]].is_static);
        assert_eq!(found[&names[2]].line, 4);
        assert_eq!(found[&names[3]].file, "arch/x86/y.S");
        assert!(!found.contains_key(&names[4]));
        let both = search(dir.path(), None, &names[..1], |_| false);
        assert_eq!(both[&names[0]].makefile.as_ref().unwrap().off, ["CONFIG_BUS_CORE", "CONFIG_BUS"]);
    }
}

//! Paths that mean the same on another machine.
//!
//! In: paths as linkers spell them. Out: paths below the base folder as relative ones, those of the compiler's or
//! linker's own library folders as `@toolchain/...`, others as `@sysroot/...`; and back. A path that itself
//! begins with `@` gets a second one.

use std::collections::BTreeMap;

use bstr::ByteSlice;

use crate::plan::LinkPlan;
use crate::query::Analysis;
use crate::query::portrait::tables::{archive_flags, file_flags};
use crate::query::portrait::{Column, NONE, Paths, Portrait};

/// The name of the base folder in the table.
const BASE: &str = "";
/// What absolute paths begin with.
const SYSROOT: &str = "@sysroot";
/// What paths of the compiler begin with; more than one folder are numbered from 2.
const TOOLCHAIN: &str = "@toolchain";

/// What stored paths begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathRoots {
    base: Vec<u8>,
    toolchains: Vec<Vec<u8>>,
    sysroot: Vec<u8>,
}

impl PathRoots {
    /// The roots of a link; `base` is the absolute path of the folder that relative paths start from.
    pub fn new(analysis: &Analysis<'_>, plan: &LinkPlan, base: &[u8]) -> Self {
        let mut toolchains: Vec<Vec<u8>> = Vec::new();
        let program = &analysis.program;
        let paths = program.files.iter().map(|f| f.path).chain(program.archives.iter().map(|a| a.path));
        for path in paths {
            let Some(folder) = toolchain(path) else { continue };
            if std::str::from_utf8(folder).is_ok() && !toolchains.iter().any(|t| t == folder) {
                toolchains.push(folder.to_vec());
            }
        }
        let sysroot = plan.sysroot.as_deref().and_then(|p| p.to_str()).filter(|p| p.starts_with('/'));
        let sysroot = sysroot.map_or("", |p| p.trim_end_matches('/'));
        PathRoots { base: base.to_vec(), toolchains, sysroot: sysroot.into() }
    }

    /// The header's table.
    pub(super) fn table(&self) -> BTreeMap<String, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut table = BTreeMap::from([(BASE.to_string(), text(&self.base))]);
        table.insert(SYSROOT.into(), text(&self.sysroot));
        for (number, folder) in self.toolchains.iter().enumerate() {
            table.insert(token(number), text(folder));
        }
        table
    }
}

fn token(number: usize) -> String {
    if number == 0 { TOOLCHAIN.into() } else { format!("{TOOLCHAIN}{}", number + 1) }
}

/// The library folder of a compiler that a path begins with: `.../lib/gcc/TARGET/VERSION`,
/// `.../lib/clang/VERSION`, `.../lib/rustlib/TARGET/lib`.
fn toolchain(path: &[u8]) -> Option<&[u8]> {
    if !path.starts_with(b"/") {
        return None;
    }
    let mut words = path.split(|&b| b == b'/').map(|w| (w, w.as_ptr() as usize - path.as_ptr() as usize));
    let (mut before, mut more) = (&b""[..], None);
    words.find_map(|(word, at)| {
        if let Some(left) = &mut more {
            *left -= 1;
            return (*left == 0).then(|| path.get(..at + word.len())).flatten();
        }
        if matches!(before, b"lib" | b"lib32" | b"lib64" | b"libx32" | b"libexec") {
            more = match word {
                b"gcc" | b"gcc-cross" | b"rustlib" => Some(2),
                b"clang" => Some(1),
                _ => None,
            };
        }
        before = word;
        None
    })
}

/// What stands behind a folder in a path that lies in it.
fn below<'p>(path: &'p [u8], folder: &[u8]) -> Option<&'p [u8]> {
    path.strip_prefix(folder)?.strip_prefix(b"/")
}

impl Paths for PathRoots {
    fn stored(&self, path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"@") {
            return [b"@", path].concat();
        }
        if !path.starts_with(b"/") {
            return path.to_vec();
        }
        if let Some(rest) = below(path, &self.base).filter(|r| !r.starts_with(b"@") && !self.base.is_empty())
        {
            return rest.to_vec();
        }
        // The longest folder counts.
        let found =
            self.toolchains.iter().enumerate().filter_map(|(n, f)| Some((f.len(), n, below(path, f)?)));
        if let Some((_, number, rest)) = found.max_by_key(|(long, number, _)| (*long, usize::MAX - number)) {
            return [token(number).as_bytes(), b"/", rest].concat();
        }
        match below(path, &self.sysroot) {
            Some(rest) => [SYSROOT.as_bytes(), b"/", rest].concat(),
            // Outside the folder that stands for the whole system.
            None => [b"@", path].concat(),
        }
    }
}

/// A stored path as it was spelled.
fn spelled(path: &[u8], roots: &BTreeMap<String, String>, absolute: bool) -> Option<Vec<u8>> {
    if let Some(rest) = path.strip_prefix(b"@@") {
        return Some([b"@", rest].concat());
    }
    if path.starts_with(b"@/") {
        return path.get(1..).map(<[u8]>::to_vec);
    }
    if path.starts_with(b"@") {
        let slash = path.find_byte(b'/')?;
        let (token, rest) = (path.get(..slash)?, path.get(slash + 1..)?);
        let folder = roots.get(std::str::from_utf8(token).ok()?)?;
        return Some([folder.as_bytes(), b"/", rest].concat());
    }
    if absolute && !path.starts_with(b"/") {
        return Some([roots.get(BASE)?.as_bytes(), b"/", path].concat());
    }
    None
}

/// Restores all paths of a portrait.
pub(super) fn restore(portrait: &mut Portrait<'_>, roots: &BTreeMap<String, String>) {
    let mut known: BTreeMap<(u32, bool), u32> = BTreeMap::new();
    let mut one = |strings: &mut crate::query::portrait::Strings<'_>, id: u32, absolute: bool| -> u32 {
        if id == NONE {
            return id;
        }
        if let Some(&found) = known.get(&(id, absolute)) {
            return found;
        }
        let restored = spelled(strings.get(id), roots, absolute).map(|text| strings.add(text));
        let new = restored.unwrap_or(id);
        known.insert((id, absolute), new);
        new
    };
    let strings = &mut portrait.strings;
    let mut change = |column: &mut Column<'_, u32>, absolute: &dyn Fn(usize) -> bool| {
        let rows = column.iter().enumerate().map(|(row, &id)| one(strings, id, absolute(row)));
        let rows: Vec<u32> = rows.collect();
        column.replace(rows);
    };
    let archives = portrait.archives.flags.to_vec();
    let whole = |row: usize| archives.get(row).is_some_and(|f| f & archive_flags::ABSOLUTE != 0);
    change(&mut portrait.archives.path, &whole);
    let files = portrait.files.flags.to_vec();
    let whole = |row: usize| files.get(row).is_some_and(|f| f & file_flags::ABSOLUTE != 0);
    change(&mut portrait.files.path, &whole);
    change(&mut portrait.files.joined, &whole);
    change(&mut portrait.files.nested, &whole);
    change(&mut portrait.keeps.file, &|_| false);
    change(&mut portrait.scripts.shown, &|_| false);
    change(&mut portrait.sources.path, &|_| false);
    change(&mut portrait.diagnostics.subject, &|_| false);
    for column in [&mut portrait.findings.file, &mut portrait.findings.archive, &mut portrait.findings.place]
    {
        change(column, &|_| false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> PathRoots {
        PathRoots {
            base: b"/home/me/tree".to_vec(),
            toolchains: vec![b"/usr/lib/gcc/x86_64-linux-gnu/12".to_vec()],
            sysroot: Vec::new(),
        }
    }

    #[test]
    fn paths_come_back() {
        let roots = roots();
        let table = roots.table();
        for (path, stored) in [
            ("a.o", "a.o"),
            ("../a.o", "../a.o"),
            ("/home/me/tree/sub/a.o", "sub/a.o"),
            ("/home/me/treehouse/a.o", "@sysroot/home/me/treehouse/a.o"),
            ("/usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a", "@toolchain/libgcc.a"),
            ("/usr/lib/gcc/x86_64-linux-gnu/12/../crt1.o", "@toolchain/../crt1.o"),
            ("/lib/libc.so", "@sysroot/lib/libc.so"),
            ("@odd/a.o", "@@odd/a.o"),
        ] {
            assert_eq!(roots.stored(path.as_bytes()).as_bstr(), stored);
            let absolute = path.starts_with('/') && !stored.starts_with('@');
            let back = spelled(stored.as_bytes(), &table, absolute).unwrap_or_else(|| stored.into());
            assert_eq!(back.as_bstr(), path);
        }
        let other = PathRoots { sysroot: b"/opt/sys".to_vec(), ..roots };
        assert_eq!(other.stored(b"/opt/sys/usr/lib/a.a").as_bstr(), "@sysroot/usr/lib/a.a");
        assert_eq!(other.stored(b"/srv/a.a").as_bstr(), "@/srv/a.a");
        assert_eq!(spelled(b"@/srv/a.a", &other.table(), false).unwrap_or_default().as_bstr(), "/srv/a.a");
    }

    #[test]
    fn toolchains_are_known_by_their_folders() {
        let of = |path: &'static str| toolchain(path.as_bytes()).map(|f| f.as_bstr().to_string());
        let is = |text: &str| Some(text.to_string());
        assert_eq!(of("/usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a"), is("/usr/lib/gcc/x86_64-linux-gnu/12"));
        assert_eq!(of("/x/lib/rustlib/wasm/lib/libstd.rlib"), is("/x/lib/rustlib/wasm/lib"));
        assert_eq!(of("/usr/lib/llvm-19/lib/clang/19/lib/linux/a.a"), is("/usr/lib/llvm-19/lib/clang/19"));
        assert_eq!(of("/usr/lib/x86_64-linux-gnu/libc.a"), None);
        assert_eq!(of("lib/gcc/a/b/c.o"), None);
    }
}

//! Modules of a tree: which there are, what each is made from, how each was linked.
//!
//! In: `modules.order`, `*.mod`, `.*.ko.cmd`. Out: [`Module`]s in order, their files, and the words of
//! a module's link. All three formats of `modules.order` and of `.mod` files are read (KL 7.2).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::{Config, KernelTree, Reader, cmdfile, is_inside};
use crate::error::{Error, Result};
use crate::plan::Version;
use crate::plan::program::{self, First};

/// A module of `modules.order`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Module {
    /// Its path without suffix, relative to the tree: `drivers/net/tun`.
    pub stem: PathBuf,
}

/// The files of a module, as far as they are there; relative to the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleFiles {
    /// `M.ko`.
    pub ko: Option<PathBuf>,
    /// `M.o`: all parts together, before modpost.
    pub object: Option<PathBuf>,
    /// `M.mod.o`: what modpost adds.
    pub mod_object: Option<PathBuf>,
    /// `.module-common.o` (since 6.12), where the module's link has it.
    pub common: Option<PathBuf>,
    /// The objects that `M.o` is made from, in order, as `M.mod` names them; also those that are not
    /// there.
    pub parts: Vec<PathBuf>,
    /// Undefined names that `M.mod` (5.3 to 5.18) or `M.usyms` lists; empty in other times.
    pub undefined: Vec<BString>,
}

impl Module {
    fn with(&self, suffix: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
    }

    /// `M.ko`.
    pub fn ko(&self) -> PathBuf {
        self.with(".ko")
    }

    /// `M.o`.
    pub fn object(&self) -> PathBuf {
        self.with(".o")
    }

    /// The last part of the path, as written.
    pub fn name(&self) -> &OsStr {
        self.stem.file_name().unwrap_or_default()
    }

    /// The name that the running kernel has for it: `-` is `_`.
    pub fn kernel_name(&self) -> BString {
        self.name().as_bytes().iter().map(|&b| if b == b'-' { b'_' } else { b }).collect::<Vec<u8>>().into()
    }
}

/// Modules of `modules.order`; lines that cannot be one are noted.
pub(super) fn list(reader: &mut Reader<'_>, release: Option<Version>, config: &Config) -> Vec<Module> {
    let Some(text) = reader.text("modules.order") else {
        if config.is_on("CONFIG_MODULES") {
            reader.note("no modules.order: no modules were built");
        }
        return Vec::new();
    };
    let lines: Vec<&[u8]> = text.lines().map(|l| l.trim()).filter(|l| !l.is_empty()).collect();
    // Up to 5.2 each path starts with `kernel/`, the folder that modules are installed in.
    let installed = lines.iter().all(|l| l.starts_with(b"kernel/"))
        && match release {
            Some(release) => release < Version(5, 3, 0),
            None => {
                lines.first().is_some_and(|l| !reader.exists(with_suffix(OsStr::from_bytes(stem(l)), ".o")))
            }
        };
    let mut modules = Vec::with_capacity(lines.len());
    let mut outside = 0usize;
    for line in lines {
        let line = if installed { line.strip_prefix(b"kernel/").unwrap_or(line) } else { line };
        let stem = PathBuf::from(OsStr::from_bytes(stem(line)));
        if is_inside(&stem) && stem.file_name().is_some() {
            modules.push(Module { stem });
        } else {
            outside += 1;
        }
    }
    if outside > 0 {
        reader.note(format!("modules.order names {outside} paths outside the tree: left out"));
    }
    modules
}

/// A path less `.ko` or `.o`, and less `./` in front.
fn stem(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    path.strip_suffix(b".ko").or_else(|| path.strip_suffix(b".o")).unwrap_or(path)
}

fn with_suffix(path: &OsStr, suffix: &str) -> PathBuf {
    let mut path = path.to_os_string();
    path.push(suffix);
    PathBuf::from(path)
}

impl KernelTree {
    /// The module that a path (`drivers/net/tun.ko`, also `.o` or without suffix) or a bare name (`tun`)
    /// means; `-` and `_` are the same in a bare name.
    ///
    /// # Errors
    /// No such module, or a bare name that several have: these are listed.
    pub fn module(&self, name: &OsStr) -> Result<Module> {
        let what = || format!("module {}", name.display());
        let wanted = stem(name.as_bytes());
        let path = Path::new(OsStr::from_bytes(wanted));
        if let Some(found) = self.modules.iter().find(|m| m.stem == path) {
            return Ok(found.clone());
        }
        if wanted.contains(&b'/') {
            let installed = wanted.strip_prefix(b"kernel/").map(|p| Path::new(OsStr::from_bytes(p)));
            if let Some(found) = self.modules.iter().find(|m| Some(m.stem.as_path()) == installed) {
                return Ok(found.clone());
            }
            let module = Module { stem: path.to_path_buf() };
            if is_inside(path) && [module.ko(), module.object()].iter().any(|p| self.has(p)) {
                return Ok(module);
            }
            return Err(Error::new(what(), "not in modules.order, and there is no such object"));
        }
        let plain = Module { stem: path.to_path_buf() }.kernel_name();
        let mut found: Vec<&Module> = self.modules.iter().filter(|m| m.kernel_name() == plain).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(Error::new(what(), "no module of that name in modules.order")),
            _ => {
                found.sort();
                let names: Vec<String> = found.iter().map(|m| m.ko().display().to_string()).collect();
                Err(Error::new(what(), format!("several modules have that name: {}", names.join(", "))))
            }
        }
    }

    /// Whether a path of the tree is a file.
    pub fn has(&self, path: &Path) -> bool {
        self.directory.join(path).is_file()
    }

    /// The files of a module.
    pub fn module_files(&self, module: &Module) -> ModuleFiles {
        let present = |path: PathBuf| Some(path).filter(|p| self.has(p));
        let mut files = ModuleFiles {
            ko: present(module.ko()),
            object: present(module.object()),
            mod_object: present(module.with(".mod.o")),
            common: None,
            parts: Vec::new(),
            undefined: Vec::new(),
        };
        if self.release.is_none_or(|r| r >= Version(6, 12, 0)) {
            files.common = present(PathBuf::from(".module-common.o"));
        }
        let own = self.text(&module.with(".mod"));
        let old = || {
            let name = with_suffix(module.name(), ".mod");
            self.text(&Path::new(".tmp_versions").join(name)).filter(|text| {
                // Two modules of one name: the file tells which one it belongs to.
                text.lines().next().is_some_and(|l| stem(l.trim()) == module.stem.as_os_str().as_bytes())
            })
        };
        if let Some(text) = own.or_else(old) {
            (files.parts, files.undefined) = parse_mod(&text);
        }
        if let Some(text) = self.text(&module.with(".usyms")) {
            files
                .undefined
                .extend(text.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty()).map(BString::from));
        }
        if files.parts.is_empty() && files.object.is_some() {
            files.parts.push(module.object());
        }
        files
    }
}

/// Parts and undefined names of a `.mod` file of any time: `M.ko`, objects, names on three lines (up to
/// 5.2), objects and names on two (to 5.18), one object on each line.
fn parse_mod(text: &[u8]) -> (Vec<PathBuf>, Vec<BString>) {
    let lines: Vec<Vec<&[u8]>> = text
        .lines()
        .map(|l| l.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty()).collect())
        .collect();
    let mut lines = lines.as_slice();
    let is_object = |w: &&[u8]| w.ends_with(b".o") || w.ends_with(b".a");
    let path = |w: &&[u8]| PathBuf::from(OsStr::from_bytes(w));
    if let [first, rest @ ..] = lines
        && matches!(first.as_slice(), [ko] if ko.ends_with(b".ko"))
    {
        lines = rest;
    }
    if lines.iter().all(|l| l.len() <= 1 && l.iter().all(is_object)) {
        return (lines.iter().flatten().map(path).collect(), Vec::new());
    }
    let parts = lines.first().map(|l| l.iter().map(path).collect()).unwrap_or_default();
    let undefined = lines.iter().skip(1).flatten().map(|w| BString::from(*w)).collect();
    (parts, undefined)
}

/// The words of a module's final link: those recorded, else the usual ones.
pub(super) fn words(tree: &KernelTree, module: &Module, notes: &mut Vec<String>) -> Result<Vec<OsString>> {
    let ko = module.ko();
    let mut note = |text: String| notes.push(format!("kernel tree: {text}"));
    if let Some(file) = tree.command_of(&ko) {
        for command in cmdfile::commands(&file.command) {
            let Some(first) = command.first() else { continue };
            let is_linker = matches!(program::recognize(OsStr::from_bytes(&first.text)), First::Linker(_));
            if !is_linker || !command.iter().any(|w| w.text == "-r") {
                continue;
            }
            let mut words = vec![super::linker_word(&tree.directory, &first.text, &tree.config)];
            words.extend(command.into_iter().skip(1).map(|w| OsString::from_vec(w.text.into())));
            return Ok(words);
        }
        note(format!(".{}.ko.cmd holds no link: the usual one is made", module.name().display()));
    } else {
        note(format!("no saved command of {}: the usual link is made", ko.display()));
    }
    let files = tree.module_files(module);
    let object = files.object.ok_or_else(|| {
        Error::new(format!("module {}", ko.display()), format!("{} was not built", module.object().display()))
    })?;
    let recorded = tree.vmlinux.linker.as_ref().map_or(&b""[..], |l| l.as_bytes());
    let mut words = vec![super::linker_word(&tree.directory, recorded, &tree.config), "-r".into()];
    // Only what tells the target is common to both links.
    let mut flags = tree.vmlinux.flags.iter();
    while let Some(flag) = flags.next() {
        if flag == "-m" {
            words.extend([flag.clone(), flags.next().cloned().unwrap_or_default()]);
        } else if flag == "-EL" || flag == "-EB" || flag.as_bytes().starts_with(b"-m") {
            words.push(flag.clone());
        }
    }
    let arch = tree.srcarch.as_deref().unwrap_or_default();
    let scripts = [
        "scripts/module.lds".to_string(),
        format!("arch/{arch}/module.lds"),
        "scripts/module-common.lds".into(),
    ];
    match scripts.iter().find(|s| tree.has(Path::new(s))) {
        Some(script) => words.extend(["-T".into(), OsString::from(script)]),
        None => note("no scripts/module.lds: the module is linked without a script".into()),
    }
    words.extend(["-o".into(), ko.clone().into_os_string(), object.into_os_string()]);
    match files.mod_object {
        Some(path) => words.push(path.into_os_string()),
        None => note(format!("no {}: modpost has not made its part", module.with(".mod.o").display())),
    }
    words.extend(files.common.map(PathBuf::into_os_string));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mod_files() {
        let show = |text: &[u8]| {
            let (parts, undefined) = parse_mod(text);
            let parts: Vec<String> = parts.iter().map(|p| p.display().to_string()).collect();
            let undefined: Vec<String> = undefined.iter().map(|u| u.to_string()).collect();
            format!("{} | {}", parts.join(" "), undefined.join(" "))
        };
        assert_eq!(show(b"d/m.ko\nd/a.o d/b.o\nprintk kfree\n"), "d/a.o d/b.o | printk kfree");
        assert_eq!(show(b"d/m.ko\nd/m.o\n"), "d/m.o | ");
        assert_eq!(show(b"d/a.o d/b.o\nprintk kfree\n"), "d/a.o d/b.o | printk kfree");
        assert_eq!(show(b"d/m.o\n\n"), "d/m.o | ");
        assert_eq!(show(b"d/m.o\nprintk\n"), "d/m.o | printk");
        assert_eq!(show(b"d/a.o\nd/b.o\n"), "d/a.o d/b.o | ");
        assert_eq!(show(b""), " | ");
    }
}

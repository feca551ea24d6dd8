//! A built Linux kernel object tree: how its vmlinux and its modules were linked.
//!
//! In: a folder. Out: a [`KernelTree`], a plain value (paths are relative to the folder), and from it
//! [`LinkPlan`]s: of vmlinux ([`vmlinux_plan`]) and of modules ([`module_plan`]). What the build
//! recorded is taken over word by word; what it did not is derived from the kernel's own rules and
//! said in a note, as is what is missing. Only files inside the folder are read (KL 0, 3, 7.2, 8).

pub mod cmdfile;
pub mod config;
mod legacy;
mod modules;
mod vmlinux;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

pub use cmdfile::CmdFile;
pub use config::Config;
pub use modules::{Module, ModuleFiles};
pub use vmlinux::{Shape, VmlinuxLink};

use super::program::{self, First};
use super::{Flavor, LinkPlan, Overrides, Version, parse_command};
use crate::error::{Error, Result};

/// Bytes that one text file of a tree may have.
const LIMIT: u64 = 1 << 28;

/// How a kernel of some time collects what vmlinux is linked from (KL 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// `built-in.o` of each folder made by `ld -r` (up to 4.12).
    Objects,
    /// `built-in.o` are thin archives, one more stands at the top (4.9 to 4.16).
    ThinObjects,
    /// A thin `built-in.a` at the top (4.17 to 4.19).
    TopArchive,
    /// The folders' `built-in.a` on the command line (4.20 to 6.0).
    Folders,
    /// `vmlinux.a` (since 6.1).
    VmlinuxArchive,
}

impl Era {
    /// In a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Era::Objects => "built-in.o objects (up to 4.12)",
            Era::ThinObjects => "built-in.o thin archives (4.9 to 4.16)",
            Era::TopArchive => "top built-in.a (4.17 to 4.19)",
            Era::Folders => "built-in.a of folders (4.20 to 6.0)",
            Era::VmlinuxArchive => "vmlinux.a (since 6.1)",
        }
    }
}

/// A kernel object tree. All paths but `directory` are relative to it.
#[derive(Debug, Clone)]
pub struct KernelTree {
    /// The folder.
    pub directory: PathBuf,
    /// How vmlinux is put together; `None` if nothing of it was built.
    pub era: Option<Era>,
    /// The kernel's version, as far as the tree tells.
    pub release: Option<Version>,
    /// The folder of the architecture below `arch/`.
    pub srcarch: Option<String>,
    /// `include/config/auto.conf`.
    pub config: Config,
    /// The link of vmlinux.
    pub vmlinux: VmlinuxLink,
    /// Modules in the order of `modules.order`.
    pub modules: Vec<Module>,
    /// `Module.symvers`, or what stands for it in a partial build.
    pub symvers: Option<PathBuf>,
    /// `vmlinux.o`, if it was made.
    pub vmlinux_object: Option<PathBuf>,
    /// The linked image (`vmlinux.unstripped` or `vmlinux`), if it was made.
    pub image: Option<PathBuf>,
    /// What is missing or was derived, for stderr.
    pub notes: Vec<String>,
}

/// What a link plan knows about the kernel that it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelLink {
    /// The module that is linked; `None` for vmlinux.
    pub module: Option<PathBuf>,
    /// The archive that holds all unconditional objects, as the plan's inputs spell it.
    pub whole: Option<PathBuf>,
    /// Archives whose members were put into `whole` (KL 7.4), in order.
    pub merged: Vec<PathBuf>,
    /// `CONFIG_MODULES`: exports are reachable from outside.
    pub modular: bool,
}

impl KernelTree {
    /// Reads a tree. A partial build is no error; see [`KernelTree::notes`].
    ///
    /// # Errors
    /// The folder cannot be read, or holds nothing of a kernel build.
    pub fn read(directory: &Path) -> Result<KernelTree> {
        let what = || format!("kernel tree {}", directory.display());
        if !directory.is_dir() {
            return Err(Error::new(what(), "not a folder"));
        }
        let mut reader = Reader { directory, notes: Vec::new() };
        let config = reader.config();
        let release = config.release.or_else(|| {
            let text = reader.text("include/config/kernel.release")?;
            program::parse_version(std::str::from_utf8(&text).ok()?.trim())
        });
        let srcarch = config.srcarch().map(str::to_string).or_else(|| reader.only_script_arch());
        let era = reader.era(release);
        let has_modules = reader.exists("modules.order") || reader.exists("Module.symvers");
        if era.is_none() && !has_modules && config.is_empty() {
            return Err(Error::new(
                what(),
                "not a built kernel object tree: no configuration, no objects, no modules.order",
            ));
        }
        let vmlinux = vmlinux::read(&mut reader, era, release, srcarch.as_deref(), &config);
        let modules = modules::list(&mut reader, release, &config);
        let present = |names: &[&str]| names.iter().find(|n| reader.exists(n)).map(PathBuf::from);
        let symvers = present(&["Module.symvers", "vmlinux.symvers", "modules-only.symvers"]);
        let vmlinux_object = present(&["vmlinux.o"]);
        let image = present(&["vmlinux.unstripped", "vmlinux"]);
        let notes = reader.notes;
        Ok(KernelTree {
            directory: directory.to_path_buf(),
            era,
            release,
            srcarch,
            config,
            vmlinux,
            modules,
            symvers,
            vmlinux_object,
            image,
            notes,
        })
    }

    /// The saved command of a target (`fs/ext4/ext4.ko`), if there is one.
    pub fn command_of(&self, target: &Path) -> Option<CmdFile> {
        command_of(&self.directory, target)
    }

    /// The text of a file of the tree; `None` if it is not there or too large.
    pub fn text(&self, path: &Path) -> Option<Vec<u8>> {
        read_text(&self.directory.join(path)).ok().flatten()
    }
}

/// The plan of vmlinux's final link. `overrides.directory` is not looked at: the tree's folder counts.
///
/// # Errors
/// Too little was built to tell the link (no linker script, no objects), or as
/// [`parse_command`](super::parse_command).
pub fn vmlinux_plan(tree: &KernelTree, overrides: &Overrides) -> Result<LinkPlan> {
    let words = vmlinux::words(tree)?;
    let mut plan = plan_of(tree, words, overrides)?;
    plan.notes.splice(0..0, tree.notes.iter().cloned());
    plan.kernel = Some(KernelLink {
        module: None,
        whole: tree.vmlinux.container.clone(),
        merged: tree.vmlinux.merged.clone(),
        modular: tree.config.is_on("CONFIG_MODULES"),
    });
    Ok(plan)
}

/// The plan of a module's final link, `ld -r ... -o M.ko M.o M.mod.o`.
///
/// # Errors
/// The module's objects are not there, or as [`parse_command`](super::parse_command).
pub fn module_plan(tree: &KernelTree, module: &Module, overrides: &Overrides) -> Result<LinkPlan> {
    let mut notes = Vec::new();
    let words = modules::words(tree, module, &mut notes)?;
    let mut plan = plan_of(tree, words, overrides)?;
    plan.notes.splice(0..0, notes);
    plan.kernel = Some(KernelLink { module: Some(module.ko()), modular: true, ..KernelLink::default() });
    Ok(plan)
}

fn plan_of(tree: &KernelTree, words: Vec<OsString>, overrides: &Overrides) -> Result<LinkPlan> {
    let overrides =
        Overrides { directory: tree.directory.clone(), assumed: tree.config.linker(), ..overrides.clone() };
    parse_command(&words, &overrides)
}

/// The linker that a tree's files name, if it is one that may be asked for its version: a name that is
/// looked up, or a program outside the tree. Nothing that lies in the tree itself is ever run.
fn linker_word(directory: &Path, word: &[u8], config: &Config) -> OsString {
    let word = OsStr::from_bytes(word);
    let path = Path::new(word);
    let base = path.file_name().unwrap_or(OsStr::new(""));
    if !matches!(program::recognize(word), First::Linker(_)) {
        let lld = config.linker().is_some_and(|p| p.flavor == Flavor::Lld);
        return OsString::from(if lld { "ld.lld" } else { "ld" });
    }
    if word.as_bytes().contains(&b'/') {
        let outside = path.is_absolute()
            && match (path.canonicalize(), directory.canonicalize()) {
                (Ok(program), Ok(tree)) => !program.starts_with(tree),
                _ => false,
            };
        if !outside {
            return base.to_os_string();
        }
    }
    word.to_os_string()
}

/// A path that stays inside the tree: relative, without `..`.
fn is_inside(path: &Path) -> bool {
    !path.as_os_str().is_empty()
        && path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
}

/// `DIR/.NAME.cmd` of a target.
fn command_of(directory: &Path, target: &Path) -> Option<CmdFile> {
    let mut name = OsString::from(".");
    name.push(target.file_name()?);
    name.push(".cmd");
    let text = read_text(&directory.join(target).with_file_name(name)).ok().flatten()?;
    Some(cmdfile::parse(&text))
}

/// A regular file's bytes; `None` if there is no such file.
fn read_text(path: &Path) -> std::result::Result<Option<Vec<u8>>, String> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
        Ok(found) if !found.is_file() => Err("not a regular file".into()),
        Ok(found) if found.len() > LIMIT => Err("it is too large".into()),
        Ok(_) => std::fs::read(path).map(Some).map_err(|e| e.to_string()),
    }
}

/// A folder being read, and what is to be said about it.
struct Reader<'t> {
    directory: &'t Path,
    notes: Vec<String>,
}

impl Reader<'_> {
    fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.directory.join(path).is_file()
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(format!("kernel tree: {}", text.into()));
    }

    /// A file's text; one that is there but cannot be read is noted.
    fn text(&mut self, path: &str) -> Option<Vec<u8>> {
        match read_text(&self.directory.join(path)) {
            Ok(text) => text,
            Err(why) => {
                self.note(format!("{path} cannot be read: {why}"));
                None
            }
        }
    }

    fn command(&self, target: &str) -> Option<CmdFile> {
        command_of(self.directory, Path::new(target)).filter(|f| !f.command.is_empty())
    }

    fn config(&mut self) -> Config {
        if let Some(text) = self.text("include/config/auto.conf") {
            return Config::parse(&text);
        }
        match self.text(".config") {
            Some(text) => {
                self.note(
                    "no include/config/auto.conf: .config is read instead, which the build may not have used",
                );
                Config::parse(&text)
            }
            None => {
                self.note("no include/config/auto.conf: the configuration is not known");
                Config::default()
            }
        }
    }

    /// The architecture whose `vmlinux.lds` is there, if there is one only.
    fn only_script_arch(&self) -> Option<String> {
        let entries = std::fs::read_dir(self.directory.join("arch")).ok()?;
        let mut found: Vec<String> = entries
            .take(1000)
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|name| self.exists(format!("arch/{name}/kernel/vmlinux.lds")))
            .collect();
        if found.len() == 1 { found.pop() } else { None }
    }

    fn is_thin(&self, path: &str) -> bool {
        use std::io::Read;
        let mut magic = [0; 8];
        let file = std::fs::File::open(self.directory.join(path));
        file.and_then(|mut f| f.read_exact(&mut magic)).is_ok() && &magic == b"!<thin>\n"
    }

    fn era(&self, release: Option<Version>) -> Option<Era> {
        let since = |major, minor| release.is_some_and(|r| r >= Version(major, minor, 0));
        let any = |name: &str| {
            ["init", "kernel", "mm", "fs", "lib", "drivers"]
                .iter()
                .map(|d| format!("{d}/{name}"))
                .find(|p| self.exists(p))
        };
        let archives = any("built-in.a");
        if ["vmlinux.a", ".vmlinux.a.cmd", "built-in-fixup.a"].iter().any(|f| self.exists(f))
            || (since(6, 1) && (archives.is_some() || self.exists("vmlinux.o")))
        {
            return Some(Era::VmlinuxArchive);
        }
        if self.exists("built-in.a") {
            return Some(Era::TopArchive);
        }
        if archives.is_some() {
            return Some(if release.is_some() && !since(4, 20) { Era::TopArchive } else { Era::Folders });
        }
        if self.exists("built-in.o") {
            return Some(Era::ThinObjects);
        }
        let objects = any("built-in.o")?;
        Some(if self.is_thin(&objects) { Era::ThinObjects } else { Era::Objects })
    }
}

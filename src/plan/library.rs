//! Libraries: which files `-lX` may mean, in order, and how the one found is spelled.
//!
//! In: a plan, the `SEARCH_DIR`s of its scripts, a library or script input name. Out: candidates in
//! the order in which the linker tries them. Nothing is opened here: [`choose`] takes the caller's
//! verdict on each candidate. The spelling is what the linker prints (GS 7).
//! Source: ld `ldfile_open_file_search`, `ldelf_open_dynamic_archive`; gold `Input_file::find_file`,
//! `Read_symbols`; lld `searchLibrary`, `ScriptParser::addFile`; mold `find_library`, `resolve_path`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use bstr::{BStr, BString};

use super::{Flavor, LinkPlan, OutputKind};

/// One file that a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The path as the linker prints it.
    pub spelled: PathBuf,
    /// The path to open, from the current folder.
    pub open: PathBuf,
    /// Which searched folder it lies in; candidates of one folder stand together.
    pub folder: usize,
    /// It was reached through a folder that the linker put under the sysroot itself: in gold,
    /// absolute names in a script found there are put under it too.
    pub in_sysroot: bool,
}

/// A `SEARCH_DIR` of a `-T` script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptDir {
    /// Index into [`LinkPlan::scripts`].
    pub script: usize,
    /// The text in the parentheses.
    pub text: BString,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Dir {
    spelled: PathBuf,
    in_sysroot: bool,
}

/// The folders that a link searches, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPath {
    flavor: Flavor,
    directory: PathBuf,
    sysroot: Vec<u8>,
    relocatable: bool,
    dirs: Vec<Dir>,
}

/// What the caller found at a candidate's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No such file.
    Missing,
    /// A file for another machine.
    Incompatible,
    /// A file that the link can use (or one that the linker stops at).
    Fits,
}

/// The outcome of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Index of the candidate taken.
    pub found: Option<usize>,
    /// Indexes of candidates that were skipped as incompatible; the linker warns of each.
    pub skipped: Vec<usize>,
}

/// Picks the first candidate that fits. bfd and mold go on behind an incompatible file, gold goes on
/// in the next folder, lld takes it (and stops at it).
pub fn choose(
    flavor: Flavor,
    candidates: &[Candidate],
    mut look: impl FnMut(&Candidate) -> Verdict,
) -> Choice {
    let mut choice = Choice::default();
    let mut passed_folder = None;
    for (i, candidate) in candidates.iter().enumerate() {
        if passed_folder == Some(candidate.folder) {
            continue;
        }
        match look(candidate) {
            Verdict::Missing => {}
            Verdict::Incompatible if flavor != Flavor::Lld => {
                choice.skipped.push(i);
                passed_folder = (flavor == Flavor::Gold).then_some(candidate.folder);
            }
            Verdict::Incompatible | Verdict::Fits => {
                choice.found = Some(i);
                break;
            }
        }
    }
    choice
}

/// The multiarch names of an emulation and the `lib` suffix of its bi-arch folders, for the built-in
/// folders of bfd: (multiarch, tool folder, bi-arch suffixes, `ABI` sub-folder).
fn bfd_folders(emulation: &str) -> Vec<String> {
    let list = |text: &str| text.split_ascii_whitespace().map(str::to_string).collect();
    let common = |triple: &str, lib64: bool| {
        let mut dirs: Vec<String> =
            ["/usr/local/lib/", "/lib/", "/usr/lib/"].iter().map(|d| format!("{d}{triple}")).collect();
        if lib64 {
            dirs.extend(["/usr/local/lib64", "/lib64", "/usr/lib64"].map(String::from));
        }
        dirs.extend(["/usr/local/lib", "/lib", "/usr/lib"].map(String::from));
        if lib64 {
            dirs.push(format!("/usr/{triple}/lib64"));
        }
        dirs.push(format!("/usr/{triple}/lib"));
        dirs
    };
    match emulation {
        "elf_i386" => list(
            "/usr/local/lib/i386-linux-gnu /lib/i386-linux-gnu /usr/lib/i386-linux-gnu \
             /usr/lib/x86_64-linux-gnu32 /usr/local/lib32 /lib32 /usr/lib32 /usr/lib/x86_64-linux-gnu \
             /usr/local/lib /lib /usr/lib /usr/i386-linux-gnu/lib32 /usr/x86_64-linux-gnu/lib32 \
             /usr/i386-linux-gnu/lib",
        ),
        "elf32_x86_64" => list(
            "/usr/local/lib/x86_64-linux-gnux32 /lib/x86_64-linux-gnux32 /usr/lib/x86_64-linux-gnux32 \
             /usr/local/lib/i386-linux-gnu /lib/i386-linux-gnu /usr/lib/i386-linux-gnu \
             /usr/local/libx32 /libx32 /usr/libx32 /usr/lib/x86_64-linux-gnu /usr/local/lib /lib \
             /usr/lib /usr/x86_64-linux-gnu/libx32 /usr/x86_64-linux-gnu/lib",
        ),
        "elf64lriscv" => list(
            "/usr/local/lib/riscv64-linux-gnu /lib/riscv64-linux-gnu /usr/lib/riscv64-linux-gnu \
             /usr/local/lib64/lp64d /usr/local/lib64 /lib64/lp64d /lib64 /usr/lib64/lp64d /usr/lib64 \
             /usr/local/lib /lib /usr/lib /usr/riscv64-linux-gnu/lib64/lp64d \
             /usr/riscv64-linux-gnu/lib64 /usr/riscv64-linux-gnu/lib",
        ),
        "elf64btsmip" | "elf64ltsmip" => list(
            "/usr/local/lib/mips64-linux-gnuabi64 /lib/mips64-linux-gnuabi64 \
             /usr/lib/mips64-linux-gnuabi64 /usr/local/lib64 /lib64 /usr/lib64 /usr/local/lib /lib \
             /usr/lib /usr/mips-linux-gnu/lib64 /usr/mips-linux-gnu/lib",
        ),
        "elf32btsmipn32" | "elf32ltsmipn32" => list(
            "/usr/local/lib/mips-linux-gnu /lib/mips-linux-gnu /usr/lib/mips-linux-gnu /usr/local/lib32 \
             /lib32 /usr/lib32 /usr/local/lib /lib /usr/lib /usr/mips-linux-gnu/lib32 \
             /usr/mips-linux-gnu/lib",
        ),
        "elf32btsmip" | "elf32ltsmip" => common("mips-linux-gnu", false),
        "aarch64linux" | "aarch64elf" => common("aarch64-linux-gnu", false),
        "armelf_linux_eabi" | "armelf" => common("arm-linux-gnueabihf", false),
        "elf64lppc" => common("powerpc64le-linux-gnu", true),
        _ => list(
            "/usr/local/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu \
             /usr/lib/x86_64-linux-gnu64 /usr/local/lib64 /lib64 /usr/lib64 /usr/local/lib /lib \
             /usr/lib /usr/x86_64-linux-gnu/lib64 /usr/x86_64-linux-gnu/lib",
        ),
    }
}

/// gold's built-in folders, all put under the sysroot.
fn gold_folders(emulation: &str) -> Vec<String> {
    let triple = match emulation {
        "aarch64linux" | "aarch64elf" => "aarch64-linux-gnu",
        "armelf_linux_eabi" | "armelf" => "arm-linux-gnueabihf",
        "elf64lppc" => "powerpc64le-linux-gnu",
        e if e.contains("tsmip") => "mips-linux-gnu",
        _ => "x86_64-linux-gnu",
    };
    [format!("/lib/{triple}"), format!("/usr/lib/{triple}"), "/lib".into(), "/usr/lib".into()].to_vec()
}

fn joined(parts: &[&[u8]]) -> PathBuf {
    PathBuf::from(OsString::from_vec(parts.concat()))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Joins two path texts as LLVM does: one separator between them, none in front of the first.
pub(super) fn llvm_append(mut path: Vec<u8>, part: &[u8]) -> Vec<u8> {
    if part.is_empty() {
        return path;
    }
    if path.last() == Some(&b'/') {
        let start = part.iter().position(|&b| b != b'/').unwrap_or(part.len());
        path.extend_from_slice(part.get(start..).unwrap_or_default());
        return path;
    }
    if part.first() != Some(&b'/') && !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(part);
    path
}

/// The path without `.` and `x/..`, by its text alone, as mold cleans paths.
pub fn lexically_normal(path: &Path) -> PathBuf {
    let mut out: Vec<Component<'_>> = Vec::new();
    for component in path.components() {
        match (component, out.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                out.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => out.push(component),
        }
    }
    let ends_with_slash = bytes(path).last() == Some(&b'/');
    let mut normal: PathBuf = out.iter().collect();
    if normal.as_os_str().is_empty() {
        if path.as_os_str().is_empty() {
            return normal;
        }
        normal.push(".");
    } else if ends_with_slash && bytes(&normal) != b"/" {
        normal.push("");
    }
    normal
}

impl SearchPath {
    /// The folders of a link. With a `-T` script bfd has none of its built-in ones, which come with
    /// its built-in script; `insert_only` says that every script only inserts into that one.
    pub fn new(plan: &LinkPlan, script_dirs: &[ScriptDir], insert_only: bool) -> SearchPath {
        let flavor = plan.profile.flavor;
        let mut sysroot = plan.sysroot.as_deref().map(bytes).unwrap_or_default().to_vec();
        if flavor == Flavor::Gold && sysroot.is_empty() {
            sysroot = b"/".to_vec();
        }
        let mut path = SearchPath {
            flavor,
            directory: plan.directory.clone(),
            sysroot,
            relocatable: plan.output_kind == OutputKind::Relocatable,
            dirs: Vec::new(),
        };
        let gnu = matches!(flavor, Flavor::Bfd | Flavor::Gold);
        for (i, dir) in plan.search_dirs.iter().enumerate() {
            if gnu {
                path.script_dirs_before(plan, script_dirs, |before| before == i);
            }
            path.dirs.push(Dir { spelled: dir.clone(), in_sysroot: false });
        }
        if gnu {
            let len = plan.search_dirs.len();
            path.script_dirs_before(plan, script_dirs, |before| before >= len);
        } else if flavor == Flavor::Lld {
            path.script_dirs_before(plan, script_dirs, |_| true);
        }
        let emulation = plan.emulation.as_deref().unwrap_or_default();
        let built_in = match flavor {
            Flavor::Bfd | Flavor::Gold if plan.default_dirs.is_some() => {
                let dirs = plan.default_dirs.as_ref().map(|d| d.split(|&b| b == b':')).into_iter().flatten();
                dirs.filter(|d| !d.is_empty()).map(|d| String::from_utf8_lossy(d).into_owned()).collect()
            }
            _ if plan.no_std_dirs => Vec::new(),
            Flavor::Bfd if plan.scripts.is_empty() && plan.default_script.is_none() || insert_only => {
                bfd_folders(emulation)
            }
            Flavor::Gold => gold_folders(emulation),
            _ => Vec::new(),
        };
        for dir in built_in {
            let spelled = path.under_sysroot(dir.as_bytes());
            path.dirs.push(Dir { spelled, in_sysroot: flavor == Flavor::Gold });
        }
        path
    }

    fn script_dirs_before(&mut self, plan: &LinkPlan, dirs: &[ScriptDir], here: impl Fn(usize) -> bool) {
        for dir in dirs {
            let before = plan.search_dirs_before_script.get(dir.script).copied();
            if !plan.no_std_dirs && here(before.unwrap_or(usize::MAX)) {
                let spelled = self.named(&dir.text);
                self.dirs.push(Dir { spelled, in_sysroot: false });
            }
        }
    }

    /// Adds a `SEARCH_DIR` that an input script names: bfd takes it from there on, lld too.
    pub fn add_script_dir(&mut self, text: &BStr) {
        if matches!(self.flavor, Flavor::Bfd | Flavor::Lld) {
            let spelled = self.named(text);
            self.dirs.push(Dir { spelled, in_sysroot: false });
        }
    }

    /// A folder text with `=` or `$SYSROOT` replaced, where the linker does so.
    fn named(&self, text: &[u8]) -> PathBuf {
        let rest = match self.flavor {
            Flavor::Bfd | Flavor::Mold => text.strip_prefix(b"=").or_else(|| text.strip_prefix(b"$SYSROOT")),
            Flavor::Lld => text.strip_prefix(b"="),
            Flavor::Gold => None,
        };
        match (self.flavor, rest) {
            (_, None) => joined(&[text]),
            (Flavor::Lld, Some(rest)) => {
                PathBuf::from(OsString::from_vec(llvm_append(self.sysroot.clone(), rest)))
            }
            (_, Some(rest)) => joined(&[&self.sysroot, rest]),
        }
    }

    fn under_sysroot(&self, text: &[u8]) -> PathBuf {
        joined(&[&self.sysroot, text])
    }

    /// The folders in order, as spelled.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(|d| d.spelled.as_path())
    }

    fn candidate(&self, spelled: PathBuf, folder: usize, in_sysroot: bool) -> Candidate {
        Candidate { open: self.directory.join(&spelled), spelled, folder, in_sysroot }
    }

    fn in_dir(&self, dir: &Dir, name: &[u8]) -> PathBuf {
        let dir = bytes(&dir.spelled);
        match self.flavor {
            Flavor::Lld => PathBuf::from(OsString::from_vec(llvm_append(dir.to_vec(), name))),
            _ => joined(&[dir, b"/", name]),
        }
    }

    /// The files that `-lNAME` (or `-l:FILE`) may mean; `static_libs` as in the input's mode.
    pub fn library(&self, name: &BStr, static_libs: bool) -> Vec<Candidate> {
        let name: &[u8] = name;
        if self.flavor == Flavor::Gold && name.starts_with(b"/") {
            return vec![self.candidate(joined(&[name]), 0, false)];
        }
        let exact = match name.strip_prefix(b":") {
            // bfd takes a lone ":" for a library of that name.
            Some(b"") if self.flavor == Flavor::Bfd => None,
            exact => exact,
        };
        let archives_only = static_libs || (self.relocatable && self.flavor == Flavor::Bfd);
        let names: Vec<Vec<u8>> = match exact {
            Some(file) => vec![file.to_vec()],
            None if !archives_only => vec![[b"lib", name, b".so"].concat(), [b"lib", name, b".a"].concat()],
            None => vec![[b"lib", name, b".a"].concat()],
        };
        if self.flavor == Flavor::Gold
            && let Some(absolute) = exact.filter(|n| n.starts_with(b"/"))
        {
            return vec![self.candidate(joined(&[absolute]), 0, false)];
        }
        let mut out = Vec::with_capacity(names.len() * self.dirs.len());
        for (folder, dir) in self.dirs.iter().enumerate() {
            for name in &names {
                out.push(self.candidate(self.in_dir(dir, name), folder, dir.in_sysroot));
            }
        }
        out
    }

    /// The files that a name in `INPUT()` or `GROUP()` of a script may mean. `script` is the script as
    /// spelled; `in_sysroot` says that it lies under the sysroot (its real path), or for gold that it
    /// was found in a built-in folder.
    pub fn script_input(&self, script: &Path, in_sysroot: bool, name: &BStr) -> Vec<Candidate> {
        let text: &[u8] = name;
        let plain = |path: PathBuf, folder| self.candidate(path, folder, in_sysroot);
        if let Some(rest) = text.strip_prefix(b"=").filter(|_| self.flavor != Flavor::Gold) {
            let path = match self.flavor {
                Flavor::Lld if !self.sysroot.is_empty() => joined(&[&self.sysroot, b"/", rest]),
                _ => joined(&[&self.sysroot, rest]),
            };
            return vec![plain(path, 0)];
        }
        if let Some(rest) = text.strip_prefix(b"$SYSROOT").filter(|_| self.flavor == Flavor::Bfd) {
            return vec![plain(joined(&[&self.sysroot, rest]), 0)];
        }
        if text.starts_with(b"/") {
            let path = if in_sysroot { joined(&[&self.sysroot, text]) } else { joined(&[text]) };
            return vec![plain(path, 0)];
        }
        let mut out: Vec<PathBuf> = Vec::new();
        let script = bytes(script);
        let slash = script.iter().rposition(|&b| b == b'/');
        let folder = slash.map(|at| script.get(..at).unwrap_or_default());
        match self.flavor {
            Flavor::Bfd => {
                // ldirname: "." where the script has no folder, "/" for one in the root.
                let folder = match folder {
                    None => &b"."[..],
                    Some(b"") => b"/",
                    Some(folder) => folder,
                };
                if !script.is_empty() {
                    out.push(joined(&[folder, b"/", text]));
                }
                out.push(joined(&[text]));
            }
            Flavor::Gold => match folder {
                None => out.push(joined(&[b"./", text])),
                Some(folder) => out.push(joined(&[folder, b"/", text])),
            },
            Flavor::Lld => {
                if let Some(folder) = folder.filter(|f| !f.is_empty()) {
                    out.push(PathBuf::from(OsString::from_vec(llvm_append(folder.to_vec(), text))));
                }
                out.push(joined(&[text]));
            }
            Flavor::Mold => out.push(joined(&[text])),
        }
        out.extend(self.dirs.iter().map(|dir| self.in_dir(dir, text)));
        out.into_iter().enumerate().map(|(i, path)| plain(path, i)).collect()
    }

    /// Whether a file lies under the sysroot by its real path (bfd, lld, mold).
    pub fn is_under_sysroot(&self, file: &Path) -> bool {
        if self.sysroot.is_empty() {
            return false;
        }
        let sysroot = self.directory.join(OsStr::from_bytes(&self.sysroot));
        let real = |p: &Path| std::fs::canonicalize(p).ok();
        match (real(&sysroot), real(&self.directory.join(file))) {
            (Some(root), Some(file)) => bytes(&root) != b"/" && file.starts_with(root),
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;

//! What `exports` and `undefined` read beside the link: modules, and what a kernel tree says of itself.
//!
//! In: link options and module names. Out: opened modules and plain facts.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bstr::{BString, ByteSlice};
use rayon::prelude::*;

use super::args::LinkArgs;
use super::options::{self, LinkOptions};
use crate::error::Result;
use crate::load::modules::{self, OpenedModules};
use crate::load::sources;
use crate::plan::kbuild::KernelTree;
use crate::query::Analysis;
use crate::query::kernel::exports::intermediate::Code;
use crate::query::kernel::exports::{self, Exports};
use crate::query::kernel::facts::KernelFacts;
use crate::query::kernel::module::Module;

/// What was gathered.
pub(super) struct Gathered {
    /// The link of the image.
    pub(super) link: LinkOptions,
    /// Modules: those of the tree, then the ones given.
    pub(super) files: OpenedModules,
    /// The module that is asked about, by position.
    pub(super) only: Option<usize>,
    /// What the tree says.
    pub(super) facts: KernelFacts,
}

/// Reads modules and facts. With a tree `--module` is one of its modules, without one it is a file.
pub(super) fn gather(mut args: LinkArgs, extra: &[PathBuf]) -> Result<Gathered> {
    let asked: Option<OsString> = args.module.take();
    let folder = args.directory.clone().unwrap_or_default();
    let link = options::link(args, false)?;
    let (mut paths, mut only, mut facts) = (Vec::new(), None, KernelFacts::default());
    let mut start = folder.clone();
    match link.kernel() {
        Some(tree) => {
            start = tree.directory.clone();
            for module in &tree.modules {
                let built = [module.ko(), module.object()].into_iter().find(|p| tree.has(p));
                paths.extend(built);
            }
            if let Some(asked) = asked {
                let module = tree.module(&asked)?;
                let wanted = [module.ko(), module.object()];
                only = paths.iter().position(|p| wanted.contains(p));
                if only.is_none() {
                    only = Some(paths.len());
                    let [ko, object] = wanted;
                    paths.push(if tree.has(&ko) { ko } else { object });
                }
            }
            facts = self::facts(tree);
        }
        None => {
            if let Some(asked) = asked {
                paths.push(PathBuf::from(asked));
                only = Some(0);
            }
        }
    }
    let mut files = modules::open(&paths, &start)?;
    if !extra.is_empty() {
        files.add(extra, &folder)?;
    }
    Ok(Gathered { link, files, only, facts })
}

/// The exports of a link for every command that speaks of them: records of objects and of intermediate code, and of
/// a kernel tree the Makefile lines of what is not linked. What all commands say of an export, its fingerprint too, is
/// therefore the same.
pub(super) fn exported<'d>(
    link: &LinkOptions,
    analysis: &Analysis<'d>,
    code: &'d Code,
    modules: &[Module<'d>],
    facts: &KernelFacts,
) -> Exports<'d> {
    let answer = exports::exports(analysis, modules, facts, code);
    let Some(tree) = link.kernel() else { return answer };
    let Some(root) = sources::root_of(&tree.directory) else { return answer };
    let is_on = |option: &str| tree.config.get(option).is_some();
    answer.with_places(analysis, |object| sources::line_of_object(&root, object, is_on))
}

fn facts(tree: &KernelTree) -> KernelFacts {
    let mut facts = KernelFacts {
        version: tree.release.map(Into::into),
        config: tree.config.clone(),
        symvers: tree.symvers.as_deref().and_then(|p| tree.text(p)),
        stale_symvers: stale(tree),
        crcs: BTreeMap::new(),
        module_order: tree.modules.iter().map(|m| m.stem.as_os_str().as_bytes().into()).collect(),
    };
    if tree.config.is_on("CONFIG_MODVERSIONS") {
        facts.crcs = checksums(tree);
    }
    facts
}

/// Why `Module.symvers` cannot be trusted.
fn stale(tree: &KernelTree) -> Option<String> {
    let time = |path: &Path| -> Option<SystemTime> {
        std::fs::metadata(tree.directory.join(path)).ok()?.modified().ok()
    };
    let Some(symvers) = tree.symvers.as_deref() else {
        return tree.config.is_on("CONFIG_MODULES").then(|| "it is missing".to_string());
    };
    let Some(object) = tree.vmlinux_object.as_deref() else {
        return Some("vmlinux.o is missing".to_string());
    };
    (time(symvers)? < time(object)?)
        .then(|| format!("{} is older than {}", symvers.display(), object.display()))
}

/// Checksums of exports (KL 1.1, 1.3): `SYMBOL_CRC` lines that modpost generated, and `#SYMVER` lines of
/// the objects' saved commands.
fn checksums(tree: &KernelTree) -> BTreeMap<BString, u32> {
    let mut out = BTreeMap::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    files_below(&tree.directory, Path::new(""), b".o.cmd", 0, &mut folders);
    let found: Vec<Vec<(BString, u32)>> = folders
        .par_iter()
        .with_min_len(16)
        .map(|path| {
            let text = tree.text(path).unwrap_or_default();
            // Most saved commands belong to objects without exports.
            if text.find(b"#SYMVER ").is_some() {
                crate::plan::kbuild::cmdfile::parse(&text).versions
            } else {
                Vec::new()
            }
        })
        .collect();
    out.extend(found.into_iter().flatten());
    if let Some(text) = tree.text(Path::new(".vmlinux.export.c")) {
        out.extend(symbol_crcs(&text));
    }
    out
}

/// `SYMBOL_CRC(name, 0xcrc, "sec");` lines.
fn symbol_crcs(text: &[u8]) -> Vec<(BString, u32)> {
    let line = |line: &[u8]| -> Option<(BString, u32)> {
        let rest = line.trim().strip_prefix(b"SYMBOL_CRC(")?;
        let mut words = rest.split(|&b| b == b',');
        let name = words.next()?.trim();
        let crc = std::str::from_utf8(words.next()?.trim().strip_prefix(b"0x")?).ok()?;
        Some((name.into(), u32::from_str_radix(crc, 16).ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// Modules that lie in the tree although `modules.order` does not list them: left over from another
/// configuration, or built from outside.
pub(super) fn unlisted(tree: &KernelTree) -> Result<OpenedModules> {
    let mut found: Vec<PathBuf> = Vec::new();
    files_below(&tree.directory, Path::new(""), b".ko", 0, &mut found);
    let listed: BTreeSet<PathBuf> = tree.modules.iter().map(|m| m.ko()).collect();
    found.retain(|p| !listed.contains(p));
    modules::open(&found, &tree.directory)
}

/// Files of a tree whose names end in `suffix`, in sorted order; hidden folders are left out.
fn files_below(root: &Path, folder: &Path, suffix: &[u8], depth: usize, out: &mut Vec<PathBuf>) {
    const LIMIT: usize = 200_000;
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return };
    let mut entries: Vec<_> = entries.filter_map(|e| e.ok()).collect();
    entries.sort_by_key(|e| e.file_name());
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let path = folder.join(&name);
        if kind.is_dir() && depth < 24 && !name.as_bytes().starts_with(b".") {
            files_below(root, &path, suffix, depth + 1, out);
        } else if kind.is_file() && name.as_bytes().ends_with(suffix) && out.len() < LIMIT {
            out.push(path);
        }
    }
}

//! What vmlinux is linked from where no file records it: kernels before 6.1, and partial builds.
//!
//! In: the files of a tree. Out: the inputs in the order of the kernel's own Makefiles: head objects,
//! `init usr arch/* kernel certs mm fs ipc security crypto ...`, libraries, `drivers sound net virt`
//! (KL 3, 7.4, 8.1). Only what is there counts, so that a folder that a configuration leaves out is
//! no question; each derivation is noted.

use std::path::{Path, PathBuf};

use super::{Config, Reader, VmlinuxLink, vmlinux::Shape};
use crate::plan::Version;

/// Objects that stood first in vmlinux (`head-y`), below `arch/`.
const HEADS: &[(&str, &[&str])] = &[
    ("alpha", &["head"]),
    ("arc", &["head"]),
    ("arm", &["head-nommu", "head"]),
    ("arm64", &["head"]),
    ("csky", &["head"]),
    ("h8300", &["head_ram", "head_rom"]),
    ("hexagon", &["head"]),
    ("ia64", &["head"]),
    ("loongarch", &["head"]),
    ("m68k", &["head", "sun3-head"]),
    ("microblaze", &["head"]),
    ("mips", &["head"]),
    ("nds32", &["head"]),
    ("nios2", &["head"]),
    ("openrisc", &["head"]),
    ("parisc", &["head"]),
    (
        "powerpc",
        &[
            "head_40x",
            "head_44x",
            "head_64",
            "head_8xx",
            "head_fsl_booke",
            "head_85xx",
            "head_32",
            "head_book3s_32",
            "entry_64",
            "fpu",
            "vector",
            "prom_init",
        ],
    ),
    ("riscv", &["head"]),
    ("s390", &["head64"]),
    ("sh", &["head_32"]),
    ("sparc", &["head_32", "head_64"]),
    ("x86", &["head_32", "head_64", "head32", "head64", "ebda", "platform-quirks"]),
    ("xtensa", &["head"]),
];

const CORE: &[&str] =
    &["kernel", "certs", "mm", "fs", "ipc", "security", "crypto", "io_uring", "block", "rust"];

/// Head objects that are there.
fn heads(reader: &Reader<'_>, srcarch: Option<&str>) -> Vec<PathBuf> {
    let Some(arch) = srcarch else { return Vec::new() };
    let names = HEADS.iter().find(|(a, _)| *a == arch).map_or(&[][..], |(_, n)| n);
    let paths = names.iter().map(|n| format!("arch/{arch}/kernel/{n}.o"));
    paths.filter(|p| reader.exists(p)).map(PathBuf::from).collect()
}

/// Libraries of folders (`libs-y`) that are there.
pub(super) fn library_archives(reader: &Reader<'_>, srcarch: Option<&str>) -> Vec<PathBuf> {
    let mut folders = vec!["lib".to_string()];
    if let Some(arch) = srcarch {
        folders.extend(["lib", "prom", "fw/lib"].iter().map(|d| format!("arch/{arch}/{d}")));
        // These put their own in front.
        if matches!(arch, "arm" | "arm64" | "x86") {
            folders.swap(0, 1);
        }
    }
    let paths = folders.iter().map(|d| format!("{d}/lib.a"));
    paths.filter(|p| reader.exists(p)).map(PathBuf::from).collect()
}

/// Libraries that the Makefiles name as files: the EFI stub.
pub(super) fn library_files(reader: &Reader<'_>, srcarch: Option<&str>, config: &Config) -> Vec<PathBuf> {
    let path = "./drivers/firmware/efi/libstub/lib.a";
    let linked = matches!(srcarch, Some("arm64" | "riscv" | "loongarch")) && config.is_on("CONFIG_EFI_STUB");
    if linked && reader.exists(path) { vec![PathBuf::from(path)] } else { Vec::new() }
}

/// Puts the libraries of folders among the unconditional inputs or the libraries (KL 7.4).
pub(super) fn libraries(
    reader: &mut Reader<'_>,
    link: &mut VmlinuxLink,
    srcarch: Option<&str>,
    release: Option<Version>,
    config: &Config,
) {
    let libs = library_archives(reader, srcarch);
    let modules = config.is_on("CONFIG_MODULES");
    let forced = match release {
        Some(r) => r >= Version(6, 16, 0) || (r >= Version(5, 7, 0) && modules),
        None => modules,
    };
    if forced {
        link.inputs.extend(libs)
    } else {
        link.libs.extend(libs)
    }
    link.libs.extend(library_files(reader, srcarch, config));
}

/// Top folders of the architecture: those with a `name` that no folder above them collects.
fn arch_folders(reader: &Reader<'_>, srcarch: Option<&str>, name: &str) -> Vec<String> {
    let Some(arch) = srcarch else { return Vec::new() };
    let top = format!("arch/{arch}");
    let mut found = Vec::new();
    let collected = if reader.exists(format!("{top}/{name}")) {
        found.push(top.clone());
        // What the folder's own archive was made from.
        let made = reader.command(&format!("{top}/{name}")).map(|f| f.command).unwrap_or_default();
        Some(String::from_utf8_lossy(&made).into_owned())
    } else {
        None
    };
    let entries = std::fs::read_dir(reader.directory.join(&top));
    let mut below: Vec<String> = entries
        .into_iter()
        .flatten()
        .take(10_000)
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|d| !matches!(d.as_str(), "lib" | "boot" | "purgatory" | "vdso" | "realmode"))
        .filter(|d| reader.exists(format!("{top}/{d}/{name}")))
        .filter(|d| {
            collected.as_ref().is_none_or(|made| {
                let inner = format!("{d}/{name}");
                !made.is_empty()
                    && !made.split_ascii_whitespace().any(|w| w.trim_end_matches(';').ends_with(&inner))
            })
        })
        .collect();
    below.sort();
    // The order of the architecture's Makefile, where the source is at hand.
    if let Ok(makefile) = std::fs::read(reader.directory.join(&top).join("Makefile")) {
        let text = String::from_utf8_lossy(&makefile);
        below.sort_by_key(|d| text.find(&format!("{top}/{d}/")).unwrap_or(usize::MAX));
    }
    found.extend(below.into_iter().map(|d| format!("{top}/{d}")));
    found
}

/// The folders in link order: `core` before the libraries, `drivers` behind them.
struct Order {
    core: Vec<String>,
    drivers: Vec<String>,
}

fn order(reader: &Reader<'_>, srcarch: Option<&str>, release: Option<Version>, name: &str) -> Order {
    let there = |folders: &[&str]| -> Vec<String> {
        folders.iter().filter(|d| reader.exists(format!("{d}/{name}"))).map(|d| d.to_string()).collect()
    };
    let mut core = there(&["usr"]);
    let mut drivers = there(&["drivers", "sound", "firmware"]);
    let (arch_core, arch_drivers): (Vec<String>, Vec<String>) =
        arch_folders(reader, srcarch, name).into_iter().partition(|d| {
            let last = d.rsplit('/').next().unwrap_or_default();
            !matches!(last, "pci" | "power" | "math-emu" | "ras" | "video" | "oprofile")
        });
    core.extend(arch_core);
    core.extend(there(CORE));
    let net = there(&["samples", "net", "virt"]);
    if release.is_none_or(|r| r >= Version(5, 8, 0)) {
        drivers.extend(net);
        drivers.extend(arch_drivers);
    } else {
        drivers.extend(arch_drivers);
        drivers.extend(net);
    }
    Order { core, drivers }
}

/// 4.20 to 6.0, and partial builds of other times: every folder's `built-in.a` on the line.
pub(super) fn folders(
    reader: &mut Reader<'_>,
    link: &mut VmlinuxLink,
    srcarch: Option<&str>,
    release: Option<Version>,
    config: &Config,
) {
    let name = "built-in.a";
    let path = |d: &String| Path::new(d).join(name);
    let order = order(reader, srcarch, release, name);
    // Since 6.1 head objects are members of their folder's archive.
    if release.is_none_or(|r| r < Version(6, 1, 0)) {
        link.inputs.extend(heads(reader, srcarch));
    }
    link.inputs.extend(reader.exists("init/built-in.a").then(|| PathBuf::from("init/built-in.a")));
    link.inputs.extend(order.core.iter().map(path));
    let collected: Vec<String> = ["lib".to_string()]
        .into_iter()
        .chain(srcarch.map(|a| format!("arch/{a}/lib")))
        .filter(|d| reader.exists(path(d)))
        .collect();
    link.inputs.extend(collected.iter().map(path));
    libraries(reader, link, srcarch, release, config);
    link.inputs.extend(order.drivers.iter().map(path));
    reader.note("the inputs of vmlinux are not recorded: derived from the folders that are there, in the kernel's usual order");
}

/// Up to 4.12 without thin archives: `HEAD --start-group ... --end-group`.
pub(super) fn objects(
    reader: &mut Reader<'_>,
    link: &mut VmlinuxLink,
    srcarch: Option<&str>,
    release: Option<Version>,
    config: &Config,
) {
    let name = "built-in.o";
    let path = |d: &String| Path::new(d).join(name);
    let order = order(reader, srcarch, release, name);
    link.shape = Shape::Grouped;
    link.head = heads(reader, srcarch);
    link.head.extend(reader.exists("init/built-in.o").then(|| PathBuf::from("init/built-in.o")));
    link.inputs.extend(order.core.iter().map(path));
    let mut libs = library_archives(reader, srcarch);
    libs.extend(library_files(reader, srcarch, config));
    // Since 4.13 libraries stand behind all else in the group.
    if release.is_some_and(|r| r >= Version(4, 13, 0)) {
        link.libs = libs;
    } else {
        link.inputs.extend(libs);
    }
    let collected = ["lib".to_string()].into_iter().chain(srcarch.map(|a| format!("arch/{a}/lib")));
    let collected: Vec<String> = collected.filter(|d| reader.exists(path(d))).collect();
    link.inputs.extend(collected.iter().map(path));
    link.inputs.extend(order.drivers.iter().map(path));
    reader.note("the inputs of vmlinux are not recorded: derived from the folders that are there, in the kernel's usual order");
}

//! The final link of vmlinux, as `scripts/link-vmlinux.sh` of each time does it (KL 8.1).
//!
//! In: the saved commands and the files of a tree. Out: a [`VmlinuxLink`], and the words of the link.
//! `.vmlinux.cmd` records linker and flags only; the inputs follow from `vmlinux.a`,
//! `.vmlinux.o.cmd` and the configuration, as in the script.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::cmdfile::{self, ShellWord};
use super::{Config, Era, KernelTree, Reader, legacy};
use crate::error::{Error, Result};
use crate::plan::Version;

/// How the inputs stand on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// `--whole-archive OBJECTS --no-whole-archive --start-group LIBS --end-group MORE`.
    #[default]
    Whole,
    /// `--whole-archive OBJECTS MORE`, never ended (4.9 to 4.12 with thin archives).
    OpenWhole,
    /// `HEAD --start-group OBJECTS --end-group MORE` (up to 4.12 without thin archives).
    Grouped,
}

/// What vmlinux is linked from, and how. Paths are as the build spells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VmlinuxLink {
    /// The linker as recorded; `None` if it is not recorded.
    pub linker: Option<OsString>,
    /// `KBUILD_LDFLAGS` and `LDFLAGS_vmlinux`.
    pub flags: Vec<OsString>,
    /// The preprocessed linker script, if it was made.
    pub script: Option<PathBuf>,
    /// What is written: `vmlinux` or `vmlinux.unstripped` (since 6.15).
    pub output: PathBuf,
    /// Where things stand.
    pub shape: Shape,
    /// With [`Shape::Grouped`]: objects in front of the group.
    pub head: Vec<PathBuf>,
    /// Unconditional inputs that are there, in order.
    pub inputs: Vec<PathBuf>,
    /// Libraries that are linked on demand (`KBUILD_VMLINUX_LIBS`), in order.
    pub libs: Vec<PathBuf>,
    /// Objects behind the libraries: kallsyms, BTF.
    pub trailing: Vec<PathBuf>,
    /// The archive among `inputs` that holds all unconditional objects; `None` where folders stand
    /// alone or `vmlinux.o` was linked.
    pub container: Option<PathBuf>,
    /// Archives whose members were put into `container`, in order, without the top `built-in.a`.
    pub merged: Vec<PathBuf>,
    /// `vmlinux.o` replaces the objects (LTO, IBT, objtool on vmlinux.o): sections are merged and
    /// results coarser (KL 8.4).
    pub prelinked: bool,
    /// Inputs that the link has but the tree lacks.
    pub missing: Vec<PathBuf>,
}

/// Finds out the link of vmlinux; what is missing is noted.
pub(super) fn read(
    reader: &mut Reader<'_>,
    era: Option<Era>,
    release: Option<Version>,
    srcarch: Option<&str>,
    config: &Config,
) -> VmlinuxLink {
    let mut link = VmlinuxLink { output: PathBuf::from("vmlinux"), ..VmlinuxLink::default() };
    let Some(era) = era else {
        reader.note("nothing of vmlinux was built");
        return link;
    };
    read_flags(reader, &mut link, config);
    let script = srcarch.map(|arch| format!("./arch/{arch}/kernel/vmlinux.lds"));
    match script {
        Some(path) if reader.exists(&path) => link.script = Some(PathBuf::from(path)),
        Some(path) => {
            let path = path.trim_start_matches("./").to_string();
            reader.note(format!("no {path}: it is made when vmlinux is linked"));
        }
        None => reader.note("the architecture is not known, hence no linker script"),
    }
    let lto = config.is_on("CONFIG_LTO_CLANG") || config.is_on("CONFIG_LTO_CLANG_THIN");
    link.prelinked = match era {
        Era::VmlinuxArchive => {
            ["CONFIG_LTO_CLANG", "CONFIG_X86_KERNEL_IBT", "CONFIG_OBJTOOL_DEFERRED", "CONFIG_KLP_BUILD"]
                .iter()
                .any(|option| config.is_on(option))
        }
        Era::Folders => lto && release.is_none_or(|r| r >= Version(5, 12, 0)),
        _ => false,
    };
    if link.prelinked {
        link.inputs.push(PathBuf::from("vmlinux.o"));
        let note = "vmlinux is linked from vmlinux.o, where sections of one name are merged already";
        reader.note(format!("{note}: results are coarser"));
    } else if let Some((inputs, libs)) =
        recorded(reader).filter(|(inputs, _)| era != Era::VmlinuxArchive && !inputs.is_empty())
    {
        (link.inputs, link.libs) = (inputs, libs);
    } else {
        match era {
            Era::VmlinuxArchive => vmlinux_archive(reader, &mut link, srcarch, release, config),
            Era::TopArchive => top_archive(reader, &mut link, "built-in.a", srcarch, release, config),
            Era::ThinObjects => {
                top_archive(reader, &mut link, "built-in.o", srcarch, release, config);
                // Up to 4.12 libraries are members of the top archive.
                let joined = link.container.is_some() || release.is_none_or(|r| r >= Version(4, 9, 0));
                if joined && release.map_or(link.libs.is_empty(), |r| r < Version(4, 13, 0)) {
                    link.shape = Shape::OpenWhole;
                    link.libs.clear();
                }
            }
            Era::Folders => legacy::folders(reader, &mut link, srcarch, release, config),
            Era::Objects => legacy::objects(reader, &mut link, srcarch, release, config),
        }
    }
    if era == Era::VmlinuxArchive {
        if config.is_on("CONFIG_GENERIC_BUILTIN_DTB") {
            link.inputs.push(PathBuf::from(".builtin-dtbs.o"));
        }
        // Unconditional since 6.15.
        if config.is_on("CONFIG_MODULES") || reader.exists(".vmlinux.export.o") {
            link.inputs.push(PathBuf::from(".vmlinux.export.o"));
        }
        link.inputs.push(PathBuf::from("init/version-timestamp.o"));
    }
    trailing(reader, &mut link, config);
    check(reader, &mut link);
    if srcarch == Some("um") {
        reader.note(
            "a user mode kernel is linked by the compiler driver, whose own files are not in this link",
        );
    }
    link
}

/// Inputs that are not there leave the link, with a note.
fn check(reader: &mut Reader<'_>, link: &mut VmlinuxLink) {
    let mut missing = Vec::new();
    for list in [&mut link.head, &mut link.inputs, &mut link.libs] {
        list.retain(|path| {
            let there = reader.exists(path);
            if !there {
                missing.push(path.clone());
            }
            there
        });
    }
    for path in &missing {
        reader.note(format!("{} is missing: the link is analysed without it", path.display()));
    }
    link.missing.append(&mut missing);
    if link.container.as_ref().is_some_and(|c| !link.inputs.contains(c)) {
        link.container = None;
    }
}

/// Linker and flags of `.vmlinux.cmd`, else of `.vmlinux.o.cmd`, else of the configuration.
fn read_flags(reader: &mut Reader<'_>, link: &mut VmlinuxLink, config: &Config) {
    for target in ["vmlinux.unstripped", "vmlinux"] {
        let Some(file) = reader.command(target) else { continue };
        let Some(found) = script_arguments(&file.command) else {
            reader.note(format!(".{target}.cmd does not call link-vmlinux.sh: not understood"));
            continue;
        };
        link.linker = found.linker.map(OsString::from_vec);
        link.flags = found.flags.into_iter().map(OsString::from_vec).collect();
        link.output = found.output.map_or_else(|| PathBuf::from(target), |o| OsString::from_vec(o).into());
        return;
    }
    if let Some(file) = reader.command("vmlinux.o")
        && let Some((words, at)) = relocatable_link(&file.command)
    {
        let mut front = words.into_iter().take(at).map(|w| OsString::from_vec(w.text.into()));
        link.linker = front.next();
        link.flags = front.collect();
        reader.note("no .vmlinux.cmd: vmlinux was not linked; LDFLAGS_vmlinux is not known");
    } else {
        reader.note("no .vmlinux.cmd: vmlinux was not linked; linker and flags are not known");
    }
    if config.is_on("CONFIG_LD_DEAD_CODE_DATA_ELIMINATION") {
        link.flags.push("--gc-sections".into());
    }
}

struct ScriptArguments {
    linker: Option<Vec<u8>>,
    flags: Vec<Vec<u8>>,
    output: Option<Vec<u8>>,
}

/// What the build hands to `link-vmlinux.sh`: `"LD" "KBUILD_LDFLAGS" "LDFLAGS_vmlinux" ["OUTPUT"]`,
/// up to 5.9 without quotes.
fn script_arguments(command: &[u8]) -> Option<ScriptArguments> {
    let commands = cmdfile::commands(command);
    let arguments = commands.iter().find_map(|words| {
        let at = words.iter().position(|w| w.text.ends_with(b"link-vmlinux.sh"))?;
        words.get(at + 1..)
    })?;
    let split = |words: &[ShellWord]| -> Vec<Vec<u8>> {
        let pieces = words.iter().flat_map(|w| w.text.split(|b| b.is_ascii_whitespace()));
        pieces.filter(|p| !p.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let quoted = arguments.first().is_some_and(|w| w.quoted);
    let (flags, output) = match arguments {
        [_, flags @ ..] if !quoted => (flags, None),
        [_, _, _, output, ..] if !output.text.is_empty() => {
            (arguments.get(1..3).unwrap_or_default(), Some(output.text.to_vec()))
        }
        [_, flags @ ..] => (flags, None),
        [] => (arguments, None),
    };
    let linker = split(arguments.get(..1).unwrap_or_default()).into_iter().next();
    Some(ScriptArguments { linker, flags: split(flags), output })
}

/// The `ld ... -r -o vmlinux.o ...` of a saved command, and where its `-r` stands.
fn relocatable_link(command: &[u8]) -> Option<(Vec<ShellWord>, usize)> {
    cmdfile::commands(command).into_iter().find_map(|words| {
        let at = words.iter().position(|w| w.text == "-r")?;
        Some((words, at))
    })
}

/// Unconditional inputs and libraries (`KBUILD_VMLINUX_LIBS`) as `.vmlinux.o.cmd` has them.
fn recorded(reader: &Reader<'_>) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (words, _) = relocatable_link(&reader.command("vmlinux.o")?.command)?;
    let between = |start: &str, end: &str| -> Option<Vec<PathBuf>> {
        let at = words.iter().position(|w| w.text == start)?;
        let inner = words.iter().skip(at + 1).take_while(|w| w.text != end);
        Some(inner.map(|w| PathBuf::from(OsString::from_vec(w.text.to_vec()))).collect())
    };
    let whole = between("--whole-archive", "--no-whole-archive").unwrap_or_default();
    Some((whole, between("--start-group", "--end-group")?))
}

/// Since 6.1: `vmlinux.a` and the recorded libraries.
fn vmlinux_archive(
    reader: &mut Reader<'_>,
    link: &mut VmlinuxLink,
    srcarch: Option<&str>,
    release: Option<Version>,
    config: &Config,
) {
    if reader.exists("vmlinux.a") {
        link.inputs.push(PathBuf::from("vmlinux.a"));
        link.container = Some(PathBuf::from("vmlinux.a"));
        for target in ["vmlinux.a", "built-in-fixup.a"] {
            link.merged = reader.command(target).map(|f| archived(&f.command, target)).unwrap_or_default();
            if !link.merged.is_empty() {
                break;
            }
        }
        match recorded(reader) {
            Some((_, libs)) => link.libs = libs,
            None => {
                reader.note("no .vmlinux.o.cmd: libraries that are linked on demand are derived");
                link.libs = legacy::library_files(reader, srcarch, config);
            }
        }
        return;
    }
    reader.note("no vmlinux.a: not all objects were built; what the folders hold is linked instead");
    if reader.exists("built-in.a") {
        link.inputs.push(PathBuf::from("./built-in.a"));
        legacy::libraries(reader, link, srcarch, release, config);
    } else {
        legacy::folders(reader, link, srcarch, release, config);
    }
}

/// The archives that `ar FLAGS TARGET ARCHIVES` puts into the target, without the top `built-in.a`.
fn archived(command: &[u8], target: &str) -> Vec<PathBuf> {
    for words in cmdfile::commands(command) {
        let [_, _, made, rest @ ..] = words.as_slice() else { continue };
        if made.text != target || rest.is_empty() {
            continue;
        }
        let names = rest.iter().map(|w| w.text.as_slice());
        let archives = names.filter(|n| n.ends_with(b".a") && !matches!(*n, b"./built-in.a" | b"built-in.a"));
        return archives.map(|n| PathBuf::from(OsString::from_vec(n.to_vec()))).collect();
    }
    Vec::new()
}

/// 4.9 to 4.19: one thin archive at the top.
fn top_archive(
    reader: &mut Reader<'_>,
    link: &mut VmlinuxLink,
    name: &str,
    srcarch: Option<&str>,
    release: Option<Version>,
    config: &Config,
) {
    if !reader.exists(name) {
        reader.note(format!("no {name} at the top: what the folders hold is linked instead"));
        if name == "built-in.a" {
            legacy::folders(reader, link, srcarch, release, config);
        } else {
            legacy::objects(reader, link, srcarch, release, config);
            // Thin archives do not stand alone in a group.
            link.shape = Shape::Whole;
            link.inputs.splice(0..0, std::mem::take(&mut link.head));
            // Before 4.9 libraries are linked on demand (KL 7.4); up to 4.12 they join the top archive.
            if release.is_some_and(|r| r < Version(4, 9, 0)) {
                let libs = legacy::library_archives(reader, srcarch);
                link.inputs.retain(|path| !libs.contains(path));
                link.libs.splice(0..0, libs);
            }
        }
        return;
    }
    link.inputs.push(PathBuf::from(name));
    link.container = Some(PathBuf::from(name));
    link.libs = legacy::library_archives(reader, srcarch);
    link.libs.extend(legacy::library_files(reader, srcarch, config));
    if !link.libs.is_empty() {
        reader.note("the libraries of this link are not recorded: derived from the files that are there");
    }
}

/// kallsyms and BTF objects of the last pass.
fn trailing(reader: &mut Reader<'_>, link: &mut VmlinuxLink, config: &Config) {
    if config.is_on("CONFIG_KALLSYMS") || config.is_empty() {
        let made = |path: &str| {
            let found = std::fs::metadata(reader.directory.join(path)).ok().filter(|m| m.is_file())?;
            found.modified().ok()
        };
        let families: [&[&str]; 3] = [
            &[
                ".tmp_vmlinux0.kallsyms.o",
                ".tmp_vmlinux1.kallsyms.o",
                ".tmp_vmlinux2.kallsyms.o",
                ".tmp_vmlinux3.kallsyms.o",
            ],
            &[".tmp_vmlinux.kallsyms1.o", ".tmp_vmlinux.kallsyms2.o", ".tmp_vmlinux.kallsyms3.o"],
            &[".tmp_kallsyms1.o", ".tmp_kallsyms2.o", ".tmp_kallsyms3.o"],
        ];
        // The last pass; an object that is older than that of the pass before is a former build's.
        let last = families.iter().find_map(|family| {
            let mut last = None;
            for name in *family {
                match (made(name), last) {
                    (Some(time), Some((_, before))) if time < before => break,
                    (Some(time), _) => last = Some((*name, time)),
                    (None, _) => {}
                }
            }
            last.map(|(name, _)| name)
        });
        match last {
            Some(name) => link.trailing.push(PathBuf::from(name)),
            None if config.is_on("CONFIG_KALLSYMS") => {
                reader.note("no kallsyms object: the link is analysed without it");
            }
            None => {}
        }
    }
    if config.is_on("CONFIG_DEBUG_INFO_BTF") {
        let names = [".tmp_vmlinux1.btf.o", ".btf.vmlinux.bin.o"];
        match names.iter().find(|n| reader.exists(n)) {
            Some(name) => link.trailing.push(PathBuf::from(name)),
            None => reader.note("no BTF object: the link is analysed without it"),
        }
    }
    if config.is_on("CONFIG_ARCH_WANTS_PRE_LINK_VMLINUX")
        && let Some(arch) = config.srcarch()
    {
        let path = format!("arch/{arch}/tools/vmlinux.arch.o");
        if reader.exists(&path) {
            link.trailing.push(PathBuf::from(path));
        } else {
            reader.note(format!("no {path}: the link is analysed without it"));
        }
    }
}

/// The words of the final link.
pub(super) fn words(tree: &KernelTree) -> Result<Vec<OsString>> {
    let link = &tree.vmlinux;
    let fail = |why: String| Error::new(format!("kernel tree {}", tree.directory.display()), why);
    let told = |why: &str| {
        let mut text = why.to_string();
        for note in tree.notes.iter().take(20) {
            text.push_str("; ");
            text.push_str(note.strip_prefix("kernel tree: ").unwrap_or(note));
        }
        fail(text)
    };
    let Some(script) = &link.script else {
        return Err(told("vmlinux cannot be linked: there is no linker script"));
    };
    if link.inputs.is_empty() && link.head.is_empty() {
        return Err(told("vmlinux cannot be linked: none of its inputs was built"));
    }
    let recorded = link.linker.as_ref().map_or(&b""[..], |l| l.as_bytes());
    let mut words = vec![super::linker_word(&tree.directory, recorded, &tree.config)];
    words.extend(link.flags.iter().cloned());
    let mut option = OsString::from("--script=");
    option.push(script);
    words.push(option);
    words.push("-o".into());
    words.push(link.output.clone().into());
    let paths = |list: &[PathBuf]| list.iter().map(|p| p.clone().into_os_string()).collect::<Vec<_>>();
    match link.shape {
        Shape::Whole => {
            words.push("--whole-archive".into());
            words.extend(paths(&link.inputs));
            words.push("--no-whole-archive".into());
            words.push("--start-group".into());
            words.extend(paths(&link.libs));
            words.push("--end-group".into());
        }
        Shape::OpenWhole => {
            words.push("--whole-archive".into());
            words.extend(paths(&link.inputs));
        }
        Shape::Grouped => {
            words.extend(paths(&link.head));
            words.push("--start-group".into());
            words.extend(paths(&link.inputs));
            words.extend(paths(&link.libs));
            words.push("--end-group".into());
        }
    }
    words.extend(paths(&link.trailing));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Option<(String, Vec<String>, Option<String>)> {
        let show = |b: &Vec<u8>| String::from_utf8_lossy(b).into_owned();
        script_arguments(text.as_bytes()).map(|a| {
            (
                a.linker.as_ref().map(show).unwrap_or_default(),
                a.flags.iter().map(show).collect(),
                a.output.as_ref().map(show),
            )
        })
    }

    #[test]
    fn arguments_of_the_script() {
        let strings = |w: &[&str]| w.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        assert_eq!(
            arguments(
                r#"scripts/link-vmlinux.sh "x-ld" "-EL -m elf64lppc" "--gc-sections  --build-id=sha1"; make -f x vmlinux"#
            ),
            Some((
                "x-ld".into(),
                strings(&["-EL", "-m", "elf64lppc", "--gc-sections", "--build-id=sha1"]),
                None
            ))
        );
        assert_eq!(
            arguments(r#"scripts/link-vmlinux.sh "ld.lld" "-m elf_x86_64" "" "vmlinux.unstripped"; true"#),
            Some(("ld.lld".into(), strings(&["-m", "elf_x86_64"]), Some("vmlinux.unstripped".into())))
        );
        assert_eq!(
            arguments("/bin/bash scripts/link-vmlinux.sh ld -m elf_x86_64 --emit-relocs --build-id ;  true"),
            Some(("ld".into(), strings(&["-m", "elf_x86_64", "--emit-relocs", "--build-id"]), None))
        );
        assert_eq!(arguments("ld -o vmlinux"), None);
        assert_eq!(arguments("link-vmlinux.sh"), Some((String::new(), Vec::new(), None)));
    }

    #[test]
    fn archives_put_into_one() {
        let text = b"rm -f vmlinux.a; ar cDPrST vmlinux.a ./built-in.a lib/lib.a arch/powerpc/lib/lib.a; ar mPiT $(ar t vmlinux.a | sed -n 1p) vmlinux.a";
        assert_eq!(
            archived(text, "vmlinux.a"),
            [PathBuf::from("lib/lib.a"), "arch/powerpc/lib/lib.a".into()]
        );
    }
}

//! Programs: is the first word a linker or a compiler driver, and which linker is it really?
//!
//! In: a word, or a `--linker` text. Out: what it names, its target, its profile. A linker's own
//! `--version` is asked, since `ld` may be any of them; without an answer the defaults of the
//! contract hold (cli.md 1).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Flavor, Profile, Version};
use crate::error::{Error, Result};

/// A `--linker` text: flavour and, if given, version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileSpec {
    /// The family.
    pub flavor: Flavor,
    /// The version behind `@`, or behind the `-` of a program name.
    pub version: Option<Version>,
}

impl ProfileSpec {
    /// Reads `bfd`, `gold@1.16`, `lld@19`, `ld.lld-14`, `mold` and the like.
    ///
    /// # Errors
    /// A name that is no linker's, or a version that is no number.
    pub fn parse(text: &str) -> Result<ProfileSpec> {
        let wrong = |why: &str| Error::new(format!("linker {text:?}"), why);
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => {
                (name, Some(parse_version(version).ok_or_else(|| wrong("the version is not a number"))?))
            }
            None => (text, None),
        };
        let flavor = match name {
            "bfd" | "ld" => Some(Flavor::Bfd),
            _ => match recognize(OsStr::new(name)) {
                First::Linker(linker) => linker.flavor,
                _ => None,
            },
        };
        let flavor = flavor.ok_or_else(|| wrong("not one of bfd, gold, lld, mold"))?;
        let suffix = name.rsplit_once('-').and_then(|(_, v)| parse_version(v));
        let version = match (flavor, version.or(suffix)) {
            // gold's binutils version stands for its own.
            (Flavor::Gold, Some(Version(2.., _, _))) => None,
            (_, version) => version,
        };
        Ok(ProfileSpec { flavor, version })
    }

    /// The profile, with the default version where none was given.
    pub fn profile(self) -> Profile {
        let version = self.version.unwrap_or(default_version(self.flavor));
        Profile { flavor: self.flavor, version }
    }
}

/// The version assumed when nothing tells it (cli.md 1).
pub fn default_version(flavor: Flavor) -> Version {
    match flavor {
        Flavor::Bfd => Version(2, 40, 0),
        Flavor::Gold => Version(1, 16, 0),
        Flavor::Lld => Version(22, 1, 2),
        Flavor::Mold => Version(1, 10, 1),
    }
}

/// A linker as its program name tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkerName {
    /// The family; `None` for plain `ld`, which may be any.
    pub flavor: Option<Flavor>,
    /// The `TARGET-` prefix without its dash.
    pub target: Option<String>,
}

/// What the first word of a command names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum First {
    /// A linker.
    Linker(LinkerName),
    /// A compiler driver.
    Compiler,
    /// Neither: the words are a linker's arguments only.
    Other,
}

const LINKERS: &[(&str, Option<Flavor>)] = &[
    ("rust-lld", Some(Flavor::Lld)),
    ("ld.bfd", Some(Flavor::Bfd)),
    ("ld.gold", Some(Flavor::Gold)),
    ("gold", Some(Flavor::Gold)),
    ("ld.lld", Some(Flavor::Lld)),
    ("lld", Some(Flavor::Lld)),
    ("ld.mold", Some(Flavor::Mold)),
    ("mold", Some(Flavor::Mold)),
    ("ld", None),
];

const COMPILERS: &[&str] = &["cc", "c++", "gcc", "g++", "clang", "clang++"];

/// Recognizes the first word by its base name, less a `TARGET-` prefix and a `-N` suffix.
pub fn recognize(word: &OsStr) -> First {
    let bytes = word.as_bytes();
    let base = bytes.rsplit(|&b| b == b'/').next().unwrap_or(bytes);
    let Ok(mut base) = std::str::from_utf8(base) else { return First::Other };
    if let Some((front, version)) = base.rsplit_once('-')
        && !version.is_empty()
        && version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        base = front;
    }
    // "rust-lld" is a name of its own, not an lld for a target "rust".
    let split = |name: &str| match base.strip_suffix(name) {
        Some("") => Some(None),
        Some(front) => front.strip_suffix('-').filter(|t| !t.is_empty()).map(|t| Some(t.to_string())),
        None => None,
    };
    for &(name, flavor) in LINKERS {
        if let Some(target) = split(name) {
            return First::Linker(LinkerName { flavor, target });
        }
    }
    if COMPILERS.iter().any(|name| split(name).is_some()) { First::Compiler } else { First::Other }
}

/// Reads a version such as `2.40`, `19.1.7`, `2.40.50.20230119` or `2.38-17`.
pub fn parse_version(text: &str) -> Option<Version> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|p| p.parse::<u32>().ok());
    let major = parts.next()??;
    let mut rest = || parts.next().flatten().unwrap_or(0);
    Some(Version(major, rest(), rest()))
}

/// Reads the first line that a linker prints for `--version`.
pub fn parse_version_line(line: &str) -> Option<Profile> {
    let word_after = |name: &str| {
        let mut words = line.split_ascii_whitespace();
        words.find(|w| *w == name)?;
        words.next().and_then(parse_version)
    };
    let last = || line.split_ascii_whitespace().last().and_then(parse_version);
    let (flavor, version) = if line.starts_with("GNU gold") {
        (Flavor::Gold, last()?)
    } else if line.starts_with("GNU ld") {
        (Flavor::Bfd, last()?)
    } else if let Some(version) = word_after("LLD") {
        (Flavor::Lld, version)
    } else if let Some(version) = word_after("mold") {
        (Flavor::Mold, version)
    } else {
        return None;
    };
    Some(Profile { flavor, version })
}

/// A command for `program`, started in `directory` (empty: the current one), without input and in
/// the C locale. A program named by a relative path is looked up from `directory`.
pub(super) fn command(program: &OsStr, directory: &Path) -> Command {
    let path = Path::new(program);
    let located: PathBuf = if path.is_relative() && program.as_bytes().contains(&b'/') {
        let joined = directory.join(path);
        std::path::absolute(&joined).unwrap_or(joined)
    } else {
        path.to_path_buf()
    };
    let mut command = Command::new(located);
    if !directory.as_os_str().is_empty() {
        command.current_dir(directory);
    }
    command.stdin(Stdio::null()).env("LC_ALL", "C").env_remove("LANGUAGE");
    command
}

/// Asks the program for its `--version`; `None` if it cannot be run or says something else.
pub fn probe(program: &OsStr, leading: &[OsString], directory: &Path) -> Option<Profile> {
    let output = command(program, directory).args(leading).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version_line(text.lines().next()?)
}

/// The default emulation of a linker built for `target`.
pub fn target_emulation(target: &str) -> Option<&'static str> {
    let cpu = target.split('-').next().unwrap_or(target);
    Some(match cpu {
        "x86_64" if target.ends_with("x32") => "elf32_x86_64",
        "x86_64" | "amd64" => "elf_x86_64",
        "i386" | "i486" | "i586" | "i686" => "elf_i386",
        "aarch64" | "arm64" if !target.contains("linux") => "aarch64elf",
        "aarch64" | "arm64" => "aarch64linux",
        "aarch64_be" => "aarch64linuxb",
        "riscv64" => "elf64lriscv",
        "riscv32" => "elf32lriscv",
        "powerpc64le" | "ppc64le" => "elf64lppc",
        "powerpc64" | "ppc64" => "elf64ppc",
        "powerpc" | "ppc" => "elf32ppclinux",
        "mips" => "elf32btsmip",
        "mipsel" => "elf32ltsmip",
        "mips64" if target.ends_with("abin32") => "elf32btsmipn32",
        "mips64el" if target.ends_with("abin32") => "elf32ltsmipn32",
        "mips64" => "elf64btsmip",
        "mips64el" => "elf64ltsmip",
        "s390x" => "elf64_s390",
        "sparc64" => "elf64_sparc",
        "loongarch64" => "elf64loongarch",
        "m68k" => "m68kelf",
        "sh4" => "shlelf_linux",
        "alpha" => "elf64alpha",
        "hppa" => "hppalinux",
        _ if cpu.starts_with("armeb") && !target.contains("linux") => "armelfb",
        _ if cpu.starts_with("arm") && !target.contains("linux") => "armelf",
        _ if cpu.starts_with("armeb") => "armelfb_linux_eabi",
        _ if cpu.starts_with("arm") => "armelf_linux_eabi",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words() {
        let linker = |flavor, target: Option<&str>| {
            First::Linker(LinkerName { flavor, target: target.map(str::to_string) })
        };
        for (word, want) in [
            ("ld", linker(None, None)),
            ("/usr/bin/ld.bfd", linker(Some(Flavor::Bfd), None)),
            ("x86_64-linux-gnu-ld.bfd", linker(Some(Flavor::Bfd), Some("x86_64-linux-gnu"))),
            ("powerpc64le-linux-gnu-ld", linker(None, Some("powerpc64le-linux-gnu"))),
            ("ld.lld-14", linker(Some(Flavor::Lld), None)),
            ("ld.lld-19.1", linker(Some(Flavor::Lld), None)),
            ("./rust-lld", linker(Some(Flavor::Lld), None)),
            ("ld.mold", linker(Some(Flavor::Mold), None)),
            ("x86_64-linux-gnu-gold", linker(Some(Flavor::Gold), Some("x86_64-linux-gnu"))),
            ("gcc", First::Compiler),
            ("clang++-19", First::Compiler),
            ("x86_64-linux-gnu-gcc-12", First::Compiler),
            ("c++", First::Compiler),
            ("a.o", First::Other),
            ("-shared", First::Other),
            ("build", First::Other),
            ("gcc-ar", First::Other),
            ("", First::Other),
        ] {
            assert_eq!(recognize(OsStr::new(word)), want, "{word}");
        }
        assert_eq!(recognize(OsStr::from_bytes(b"\xff-ld")), First::Other);
    }

    #[test]
    fn version_lines() {
        for (line, flavor, version) in [
            ("GNU ld (GNU Binutils for Debian) 2.40", Flavor::Bfd, Version(2, 40, 0)),
            ("GNU ld version 2.38-17.el9", Flavor::Bfd, Version(2, 38, 17)),
            ("GNU gold (GNU Binutils for Debian 2.40) 1.16", Flavor::Gold, Version(1, 16, 0)),
            ("Debian LLD 14.0.6 (compatible with GNU linkers)", Flavor::Lld, Version(14, 0, 6)),
            ("LLD 22.1.2 (/x 1cb4e38) (compatible with GNU linkers)", Flavor::Lld, Version(22, 1, 2)),
            ("mold 1.10.1 (compatible with GNU ld)", Flavor::Mold, Version(1, 10, 1)),
        ] {
            assert_eq!(parse_version_line(line), Some(Profile { flavor, version }), "{line}");
        }
        assert_eq!(parse_version_line("hello"), None);
        assert_eq!(parse_version_line(""), None);
    }

    #[test]
    fn specs() {
        let p = |t: &str| ProfileSpec::parse(t).map(|s| (s.flavor, s.version));
        assert_eq!(p("bfd"), Ok((Flavor::Bfd, None)));
        assert_eq!(p("lld@19"), Ok((Flavor::Lld, Some(Version(19, 0, 0)))));
        assert_eq!(p("ld.lld-14"), Ok((Flavor::Lld, Some(Version(14, 0, 0)))));
        assert_eq!(p("gold@1.16"), Ok((Flavor::Gold, Some(Version(1, 16, 0)))));
        assert_eq!(p("gold@2.40"), Ok((Flavor::Gold, None)));
        assert_eq!(p("mold@1.10.1"), Ok((Flavor::Mold, Some(Version(1, 10, 1)))));
        for text in ["", "foo", "lld@", "lld@x", "gcc", "@1"] {
            assert!(p(text).is_err(), "{text}");
        }
    }
}

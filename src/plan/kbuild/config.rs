//! `include/config/auto.conf`: the configuration that a kernel was really built with.
//!
//! In: the file's bytes. Out: options by name, and what the header says: architecture and release.
//! Options that are off are absent.

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};

use crate::plan::{Flavor, Profile, Version, program};

/// A kernel's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    options: BTreeMap<BString, BString>,
    /// `ARCH` as the header `# Linux/ARCH RELEASE Kernel Configuration` has it.
    pub arch: Option<String>,
    /// The kernel's version of that header.
    pub release: Option<Version>,
}

impl Config {
    /// Reads the text of `auto.conf` (or of `.config`, which is the same but for options that are off).
    pub fn parse(text: &[u8]) -> Config {
        let mut config = Config::default();
        for line in text.lines() {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix(b"#") {
                if config.arch.is_none() {
                    config.read_header(comment);
                }
                continue;
            }
            let Some((name, value)) = line.split_once_str("=") else { continue };
            if name.starts_with(b"CONFIG_") {
                config.options.insert(name.into(), unquote(value));
            }
        }
        config
    }

    fn read_header(&mut self, comment: &[u8]) {
        let Ok(text) = std::str::from_utf8(comment) else { return };
        let Some(rest) = text.trim().strip_prefix("Linux/") else { return };
        let mut words = rest.split_ascii_whitespace();
        self.arch = words.next().map(str::to_string);
        self.release = words.next().and_then(program::parse_version);
    }

    /// Whether an option, named with `CONFIG_`, is `y`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| v == b"y")
    }

    /// An option's value: `y`, `m`, a number, or a string without its quotes.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.options.get(name.as_bytes().as_bstr()).map(|v| v.as_slice())
    }

    /// All options that are set, by name.
    pub fn options(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.options.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// No option was read.
    pub fn is_empty(&self) -> bool {
        self.options.is_empty()
    }

    /// The source folder of the architecture below `arch/`.
    pub fn srcarch(&self) -> Option<&str> {
        Some(match self.arch.as_deref()? {
            "i386" | "x86_64" => "x86",
            "sparc32" | "sparc64" => "sparc",
            "parisc64" => "parisc",
            "sh64" => "sh",
            other => other,
        })
    }

    /// The linker that the configuration was made for (`CONFIG_LD_IS_*`, `CONFIG_L[L]D_VERSION`).
    pub fn linker(&self) -> Option<Profile> {
        let number = |name| self.get(name).and_then(|v| std::str::from_utf8(v).ok()?.parse::<u32>().ok());
        // 2.40 is 24000; kernels up to 5.11 wrote 240000000.
        let split = |n: u32| {
            let n = if n >= 10_000_000 { n / 10_000 } else { n };
            Version(n / 10_000, n / 100 % 100, n % 100)
        };
        if self.is_on("CONFIG_LD_IS_LLD") {
            let flavor = Flavor::Lld;
            let version = number("CONFIG_LLD_VERSION").map_or(program::default_version(flavor), split);
            return Some(Profile { flavor, version });
        }
        let version = number("CONFIG_LD_VERSION").filter(|&n| n > 0);
        (self.is_on("CONFIG_LD_IS_BFD") || version.is_some()).then(|| Profile {
            flavor: Flavor::Bfd,
            version: version.map_or(program::default_version(Flavor::Bfd), split),
        })
    }
}

fn unquote(value: &[u8]) -> BString {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")) else {
        return value.into();
    };
    let mut out = BString::default();
    let mut bytes = inner.iter().copied();
    while let Some(b) = bytes.next() {
        out.push(if b == b'\\' { bytes.next().unwrap_or(b) } else { b });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_header() {
        let text = b"#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86_64 6.1.192 Kernel Configuration\n#\n\
            CONFIG_A=y\nCONFIG_B=m\nCONFIG_S=\"a \\\"b\\\"\"\nCONFIG_N=12\nbroken\nCONFIG_LD_IS_BFD=y\n\
            CONFIG_LD_VERSION=24000\n";
        let config = Config::parse(text);
        assert_eq!(config.srcarch(), Some("x86"));
        assert_eq!(config.release, Some(Version(6, 1, 192)));
        assert!(config.is_on("CONFIG_A") && !config.is_on("CONFIG_B") && !config.is_on("CONFIG_C"));
        assert_eq!(config.get("CONFIG_S"), Some(&b"a \"b\""[..]));
        assert_eq!(config.linker(), Some(Profile { flavor: Flavor::Bfd, version: Version(2, 40, 0) }));
        let config = Config::parse(b"CONFIG_LD_IS_LLD=y\nCONFIG_LLD_VERSION=140006\n");
        assert_eq!(config.linker(), Some(Profile { flavor: Flavor::Lld, version: Version(14, 0, 6) }));
        let config = Config::parse(b"CONFIG_LD_VERSION=235020000\n");
        assert_eq!(config.linker().map(|p| p.version), Some(Version(2, 35, 2)));
        assert_eq!(Config::parse(b"").linker(), None);
    }
}

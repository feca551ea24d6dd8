//! What a kernel tree says beside its objects, as plain data that the caller gathers.
//!
//! Everything is optional: a plain link line has none of it, and every answer works without.

use std::collections::BTreeMap;

use bstr::BString;

use crate::plan::Version;
use crate::plan::kbuild::Config;

/// A kernel's version; only as far as rules distinguish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelVersion(pub u32, pub u32);

impl KernelVersion {
    /// Reads the first two numbers of `6.1.192-foo SMP mod_unload`.
    pub fn parse(text: &[u8]) -> Option<KernelVersion> {
        let text = std::str::from_utf8(text).ok()?;
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some(KernelVersion(major, minor))
    }
}

impl From<Version> for KernelVersion {
    fn from(version: Version) -> Self {
        KernelVersion(version.0, version.1)
    }
}

/// The facts.
#[derive(Debug, Clone, Default)]
pub struct KernelFacts {
    /// Release of the tree.
    pub version: Option<KernelVersion>,
    /// The configuration; empty if it is not known.
    pub config: Config,
    /// `Module.symvers` as it is; `None` if there is none.
    pub symvers: Option<Vec<u8>>,
    /// `Module.symvers` is older than what it describes: why.
    pub stale_symvers: Option<String>,
    /// Version checksums by name, from `#SYMVER` lines and `SYMBOL_CRC` (KL 1.3).
    pub crcs: BTreeMap<BString, u32>,
    /// Paths, without suffix, of all modules of `modules.order`.
    pub module_order: Vec<BString>,
}

impl KernelFacts {
    /// Whether an option is `y`; `None` if the configuration is not known.
    pub fn is_on(&self, option: &str) -> Option<bool> {
        (!self.config.is_empty()).then(|| self.config.is_on(option))
    }
}

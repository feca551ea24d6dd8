//! Linker scripts, version scripts and dynamic lists: text in, syntax trees with byte spans out.
//!
//! In: bytes of a script and a [`Dialect`] (whose grammar). Out: a [`Script`] whose every statement,
//! input section description and pattern knows the bytes it was written with; matchers and
//! queries built on it. No file is opened here: INCLUDE asks the caller through [`Includes`].
//! Arbitrary bytes give an [`Error`](crate::error::Error) at worst, never a panic or a hang.

mod ast;
pub mod expr;
pub mod version;

pub use ast::*;

/// Answers INCLUDE: path and bytes of the named script.
pub type Includes<'a> = dyn Fn(&[u8]) -> crate::error::Result<(std::path::PathBuf, Vec<u8>)> + 'a;

/// Whose grammar a profile reads.
pub fn dialect(profile: crate::plan::Profile) -> Dialect {
    use crate::plan::{Flavor, Version};
    match profile.flavor {
        Flavor::Bfd => Dialect::Bfd,
        Flavor::Gold => Dialect::Gold,
        Flavor::Lld if profile.version < Version(15, 0, 0) => Dialect::Lld14,
        Flavor::Lld => Dialect::Lld19,
        Flavor::Mold => Dialect::Mold,
    }
}

/// Reads a script (temporary form: nothing is understood).
pub fn parse(
    path: &std::path::Path,
    text: &[u8],
    dialect: Dialect,
    _: &Includes<'_>,
) -> crate::error::Result<Script> {
    Ok(Script { dialect, sources: vec![Source::new(path, text.to_vec(), None)], commands: Vec::new() })
}

//! Linker scripts, version scripts and dynamic lists: text in, syntax trees with byte spans out.
//!
//! In: bytes of a script and a [`Dialect`] (whose grammar). Out: a [`Script`] whose every statement,
//! input section description and pattern knows the bytes it was written with; matchers and
//! queries built on it. No file is opened here: INCLUDE asks the caller through [`Includes`].
//! Arbitrary bytes give an [`Error`](crate::error::Error) at worst, never a panic or a hang.

mod ast;
pub mod builtin;
pub mod builtin_sections;
mod diagnostic;
pub mod edit;
pub mod eval;
pub mod expr;
pub mod filematch;
mod flags;
pub mod glob;
mod gnu;
mod gnu_sections;
pub mod keep;
mod keywords;
mod lexer;
mod lld;
mod mold;
mod nodes;
mod operands;
mod parser;
pub mod version;
pub mod versionmatch;
pub mod walk;
mod words;

#[cfg(test)]
#[allow(clippy::expect_used, clippy::unwrap_used)]
mod tests;

pub use ast::*;
pub use parser::{
    Includes, Options, no_includes, parse_dynamic_list, parse_expression, parse_script, parse_version_script,
};

/// Whose grammar and matching rules a profile follows.
pub fn dialect(profile: crate::plan::Profile) -> Dialect {
    use crate::plan::{Flavor, Version};
    match profile.flavor {
        Flavor::Bfd => Dialect::Bfd,
        Flavor::Gold => Dialect::Gold,
        Flavor::Lld if profile.version < Version(15, 0, 0) => Dialect::Lld14,
        Flavor::Lld if profile.version < Version(20, 0, 0) => Dialect::Lld19,
        Flavor::Lld => Dialect::Lld20,
        Flavor::Mold => Dialect::Mold,
    }
}

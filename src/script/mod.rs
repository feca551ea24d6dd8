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

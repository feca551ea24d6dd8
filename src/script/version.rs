//! Version scripts and dynamic lists: nodes, patterns, and which of them a symbol name matches.
//!
//! In: text, or the body of `VERSION { }` in a linker script. Out: [`VersionScript`]; matching is
//! per dialect (GS 4.5).

use super::ast::{Dialect, Name, Span};

/// The language an `extern "..."` block names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Plain names.
    C,
    /// Demangled C++ names.
    Cxx,
    /// Demangled Java names (never produced by us: such patterns match no name).
    Java,
}

/// One pattern of a version node or a dynamic list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionPattern {
    /// The name or glob; quoted ones are literal.
    pub name: Name,
    /// What it is matched against.
    pub language: Language,
}

/// One version node: `TAG { global: ...; local: ...; } DEPS;`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionNode {
    /// The whole node.
    pub span: Span,
    /// The version tag; `None` for the anonymous node.
    pub tag: Option<Name>,
    /// Patterns of the global part, in order.
    pub globals: Vec<VersionPattern>,
    /// Patterns of the local part, in order.
    pub locals: Vec<VersionPattern>,
    /// Versions this one depends on.
    pub dependencies: Vec<Name>,
}

/// A version script, or one `VERSION { }` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionScript {
    /// Whose grammar and matching.
    pub dialect: Dialect,
    /// Nodes in order.
    pub nodes: Vec<VersionNode>,
}

/// A dynamic list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamicList {
    /// Whose grammar and matching.
    pub dialect: Dialect,
    /// Patterns in order.
    pub patterns: Vec<VersionPattern>,
}

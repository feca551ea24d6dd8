//! Version numbers of symbols: the default, what patterns of version scripts and lists assign, and
//! what names like `foo@V` say themselves.
//!
//! In: the plan. Out: [`Versions`]. If all patterns are plain names, a later one overrides; with
//! any wildcard, the first pattern that matches counts (mold `apply_version_script`).

use bstr::BString;
use hashbrown::HashMap;

use super::exports::default_version;
use super::glob::Globs;
use crate::ids::NameId;
use crate::plan::OutputKind;
use crate::program::Program;
use crate::resolve::Resolution;
use crate::script::version::{Language, VersionNode, VersionPattern};
use crate::script::{CommandKind, Dialect, parse_dynamic_list, parse_version_script};

/// VER_NDX_LOCAL.
pub(super) const LOCAL: u16 = 0;
/// VER_NDX_GLOBAL.
pub(super) const GLOBAL: u16 = 1;

struct Pattern {
    text: BString,
    version: u16,
    cxx: bool,
}

/// What decides a symbol's version.
pub(super) struct Versions {
    default: u16,
    /// The default was set by `*` in a version script.
    pub(super) default_from_script: bool,
    patterns: Vec<Pattern>,
    tags: Vec<BString>,
    /// Present if some pattern is no plain name: for C names and for demangled ones.
    globs: Option<(Globs, Globs)>,
    /// Otherwise: version by plain name.
    plain: HashMap<NameId, u16, foldhash::fast::FixedState>,
}

impl Versions {
    /// Reads all lists. One that does not parse is left out here and reported elsewhere.
    pub(super) fn new(program: &Program<'_>) -> Self {
        let plan = program.plan;
        let shared = plan.output_kind == OutputKind::Shared;
        let mut versions = Versions {
            default: if plan.default_symver {
                GLOBAL + 1
            } else {
                default_version(shared, plan.export_dynamic)
            },
            default_from_script: false,
            patterns: Vec::new(),
            tags: Vec::new(),
            globs: None,
            plain: HashMap::default(),
        };
        for command in program.scripts.iter().flat_map(|s| &s.script.commands) {
            if let CommandKind::Version(script) = &command.kind {
                versions.add_nodes(&script.nodes);
            }
        }
        for file in &plan.version_scripts {
            if let Ok(script) = parse_version_script(&file.path, file.text.clone(), Dialect::Mold) {
                versions.add_nodes(&script.nodes);
            }
        }
        for file in plan.dynamic_lists.iter().chain(&plan.export_dynamic_symbol_lists) {
            if let Ok(list) = parse_dynamic_list(&file.path, file.text.clone(), Dialect::Mold) {
                list.patterns.iter().for_each(|p| versions.add_exported(p));
            }
        }
        for name in &plan.export_dynamic_symbols {
            if name == "*" {
                versions.default = GLOBAL;
            } else {
                versions.patterns.push(Pattern { text: name.clone(), version: GLOBAL, cxx: false });
            }
        }
        versions.compile(program);
        versions
    }

    fn add_nodes(&mut self, nodes: &[VersionNode]) {
        for node in nodes {
            let version = match &node.tag {
                None => GLOBAL,
                Some(tag) => {
                    self.tags.push(tag.text.clone());
                    GLOBAL + u16::try_from(self.tags.len()).unwrap_or(u16::MAX - GLOBAL)
                }
            };
            // Both parts in the order in which they are written.
            let globals = node.globals.iter().map(|p| (p, version));
            let mut all: Vec<(&VersionPattern, u16)> =
                globals.chain(node.locals.iter().map(|p| (p, LOCAL))).collect();
            all.sort_by_key(|(p, _)| p.name.span.start);
            for (pattern, version) in all {
                if pattern.name.text == "*" && !pattern.name.quoted {
                    self.default = version;
                    self.default_from_script = true;
                } else {
                    self.push(pattern, version);
                }
            }
        }
    }

    fn add_exported(&mut self, pattern: &VersionPattern) {
        if pattern.name.text == "*" && !pattern.name.quoted {
            self.default = GLOBAL;
        } else {
            self.push(pattern, GLOBAL);
        }
    }

    fn push(&mut self, pattern: &VersionPattern, version: u16) {
        let cxx = pattern.language == Language::Cxx;
        self.patterns.push(Pattern { text: pattern.name.text.clone(), version, cxx });
    }

    fn compile(&mut self, program: &Program<'_>) {
        let meta = |p: &Pattern| p.cxx || p.text.iter().any(|b| b"*?[".contains(b));
        if !self.patterns.iter().any(meta) {
            for pattern in &self.patterns {
                if let Some(name) = program.names.find(&pattern.text) {
                    self.plain.insert(name, pattern.version);
                }
            }
            return;
        }
        let (mut names, mut cxx) = (Globs::default(), Globs::default());
        for (number, pattern) in self.patterns.iter().enumerate() {
            let globs = if pattern.cxx { &mut cxx } else { &mut names };
            globs.add(&pattern.text, number);
        }
        self.globs = Some((names, cxx));
    }

    /// Whether no symbol can be exported by version alone.
    pub(super) fn exports_nothing(&self) -> bool {
        self.default == LOCAL && self.patterns.is_empty()
    }

    /// The version of a name, its own `@V` left aside.
    pub(super) fn of(&self, program: &Program<'_>, name: NameId) -> u16 {
        let Some((names, cxx)) = &self.globs else {
            return self.plain.get(&name).copied().unwrap_or(self.default);
        };
        let text = program.name(name);
        let text = text.iter().position(|&b| b == b'@').map_or(text, |at| &text[..at]);
        let mut found = names.find(text);
        if !cxx.is_empty() {
            let other = match demangle(text) {
                Some(demangled) => cxx.find(demangled.as_bytes()),
                None => cxx.find(text),
            };
            found = [found, other].into_iter().flatten().min();
        }
        found.and_then(|number| self.patterns.get(number)).map_or(self.default, |p| p.version)
    }

    /// `-shared` only: versions that symbols carry in their names, and what those do to the plain
    /// name; ordered by name.
    pub(super) fn of_symbol_names(
        &self,
        program: &Program<'_>,
        resolution: &Resolution,
        shared: bool,
    ) -> Vec<(NameId, u16)> {
        let mut out: Vec<(NameId, u16)> = Vec::new();
        if !shared || self.tags.is_empty() {
            return out;
        }
        for name in program.names.ids() {
            let text = program.name(name);
            let Some(at) = text.iter().position(|&b| b == b'@') else { continue };
            if !resolution.definitions[name].is_regular() {
                continue;
            }
            let default = text[at..].starts_with(b"@@");
            let tag = &text[at + 1 + usize::from(default)..];
            let Some(number) = self.tags.iter().position(|t| t == tag) else { continue };
            let version = GLOBAL + 1 + u16::try_from(number).unwrap_or(0);
            let Some(plain) = program.names.find(&text[..at]) else { continue };
            if default {
                out.push((plain, version));
                continue;
            }
            out.push((name, version));
            // `foo@V` hides an unversioned `foo` of the same file.
            let (one, other) = (resolution.definitions[name], resolution.definitions[plain]);
            let own = self.of(program, plain);
            if other.is_regular() && other.file == one.file && (own == self.default || own == version) {
                let versioned = program.files[other.file]
                    .object()
                    .and_then(|o| o.symbol(other.symbol).map(|s| o.symbol_name(s.name)))
                    .is_some_and(|n| n.contains(&b'@'));
                if !versioned {
                    out.push((plain, LOCAL));
                }
            }
        }
        out.sort_by_key(|entry| entry.0);
        out.dedup_by_key(|entry| entry.0);
        out
    }
}

/// The full C++ signature of a mangled name.
#[cfg(feature = "cpp")]
fn demangle(name: &[u8]) -> Option<String> {
    if !name.starts_with(b"_Z") {
        return None;
    }
    cpp_demangle::Symbol::new(name).ok()?.demangle().ok()
}

#[cfg(not(feature = "cpp"))]
fn demangle(_: &[u8]) -> Option<String> {
    None
}

//! Which version node a symbol falls into, and whether as global or local, per linker (GS 4.5).
//!
//! In: [`VersionScript`]s or a [`DynamicList`]. Out: [`VersionMatcher`], asked per symbol name.
//! Order of precedence differs: see the function of each linker.

use bstr::BString;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::ast::Dialect;
use super::glob::{Pattern, PatternSet, Syntax, is_wildcard};
use super::version::{DynamicList, Language, VersionPattern, VersionScript};
use crate::error::Result;

/// Global or local part of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Exported.
    Global,
    /// Hidden.
    Local,
}

/// What a version script says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Exported or hidden.
    pub scope: Scope,
    /// Index of the node among all nodes, in order.
    pub node: usize,
    /// The match was the pattern `*` alone: mold exports everything in an executable for such a
    /// global (GS 4.5).
    pub star: bool,
}

struct Rule {
    class: Class,
    language: Language,
}

/// Wildcard rules of one language in the order they are tried.
#[derive(Default)]
struct Globs {
    patterns: PatternSet,
    /// By pattern: its place in the order of all languages.
    places: Vec<u32>,
}

impl Globs {
    /// Places of the patterns that match, ascending.
    fn matching(&self, text: Option<&[u8]>) -> impl Iterator<Item = u32> {
        let found = text.filter(|_| !self.places.is_empty()).map(|t| self.patterns.matching(t));
        found.into_iter().flatten().filter_map(|row| self.places.get(row as usize).copied())
    }
}

/// A compiled version script or dynamic list.
pub struct VersionMatcher {
    dialect: Dialect,
    /// Names without wildcard: the rules (by index) that name them, in order.
    exact: HashMap<BString, Vec<u32>, FixedState>,
    rules: Vec<Rule>,
    /// Wildcard rules in the order they are tried.
    wild: Vec<u32>,
    /// The same for matching, in that order too.
    wild_c: Globs,
    wild_cxx: Globs,
    /// Rules that are `*` alone, in the order they are tried.
    stars: Vec<u32>,
    /// mold: no wildcards and no C++ anywhere, so the last mention wins.
    simple: bool,
}

impl VersionMatcher {
    /// Compiles the nodes of all scripts in order.
    ///
    /// Errors: a glob that lld or mold refuses.
    pub fn new(dialect: Dialect, scripts: &[&VersionScript]) -> Result<VersionMatcher> {
        let mut matcher = VersionMatcher::empty(dialect);
        let mut entries: Vec<(Class, &VersionPattern)> = Vec::new();
        for (node, body) in scripts.iter().flat_map(|s| &s.nodes).enumerate() {
            let of = |scope| Class { scope, node, star: false };
            let globals = body.globals.iter().map(|p| (of(Scope::Global), p));
            let locals = body.locals.iter().map(|p| (of(Scope::Local), p));
            // gold enters locals first; lld does so for the anonymous node.
            let locals_first = dialect == Dialect::Gold || (dialect.is_lld() && body.tag.is_none());
            if locals_first {
                entries.extend(locals.chain(globals))
            } else {
                entries.extend(globals.chain(locals))
            }
        }
        matcher.fill(&entries)?;
        Ok(matcher)
    }

    /// Compiles a dynamic list: [`Self::classify`] is `Some` for the names on it.
    ///
    /// Errors: a glob that lld or mold refuses.
    pub fn for_list(lists: &[&DynamicList], dialect: Dialect) -> Result<VersionMatcher> {
        let mut matcher = VersionMatcher::empty(dialect);
        let class = Class { scope: Scope::Global, node: 0, star: false };
        let entries: Vec<_> = lists.iter().flat_map(|l| &l.patterns).map(|p| (class, p)).collect();
        matcher.fill(&entries)?;
        Ok(matcher)
    }

    fn empty(dialect: Dialect) -> VersionMatcher {
        VersionMatcher {
            dialect,
            exact: HashMap::with_hasher(FixedState::default()),
            rules: Vec::new(),
            wild: Vec::new(),
            wild_c: Globs::default(),
            wild_cxx: Globs::default(),
            stars: Vec::new(),
            simple: false,
        }
    }

    fn fill(&mut self, entries: &[(Class, &VersionPattern)]) -> Result<()> {
        let mut globs: Vec<(u32, Pattern)> = Vec::new();
        for (class, pattern) in entries {
            let (text, wild, star) = self.read(pattern);
            let row = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
            let syntax = match self.dialect {
                Dialect::Bfd => Syntax::Posix,
                Dialect::Gold => Syntax::PosixNoEscape,
                Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => Syntax::Llvm,
                Dialect::Mold => Syntax::Mold,
            };
            self.rules.push(Rule { class: Class { star, ..*class }, language: pattern.language });
            if star {
                self.stars.push(row);
            } else if wild {
                globs.push((row, Pattern::glob(&text, syntax)?));
                self.wild.push(row);
            } else {
                self.exact.entry(text).or_default().push(row);
            }
        }
        match self.dialect {
            // gold tries globs from the last; of several `*` the last counts.
            Dialect::Gold => {
                self.wild.reverse();
                self.stars.reverse();
            }
            Dialect::Mold => {
                self.stars.reverse();
                let c_only = self.rules.iter().all(|r| r.language == Language::C);
                self.simple = self.wild.is_empty() && c_only;
            }
            Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => self.order_for_lld(),
            Dialect::Bfd => {}
        }
        for (place, row) in (0u32..).zip(&self.wild) {
            // The rows of `globs` ascend.
            let Ok(at) = globs.binary_search_by_key(row, |(row, _)| *row) else { continue };
            let (Some((_, pattern)), Some(rule)) = (globs.get(at), self.rules.get(*row as usize)) else {
                continue;
            };
            let set = match rule.language {
                Language::C => &mut self.wild_c,
                Language::Cxx => &mut self.wild_cxx,
                Language::Java => continue,
            };
            set.patterns.push(pattern.clone());
            set.places.push(place);
        }
        Ok(())
    }

    /// Later nodes first; within a node globals before locals, each in order.
    fn order_for_lld(&mut self) {
        let rules = &self.rules;
        let key = |row: &u32| {
            let class = rules.get(*row as usize).map(|r| r.class);
            class.map(|c| (std::cmp::Reverse(c.node), c.scope, *row))
        };
        self.wild.sort_by_key(key);
        self.stars.sort_by_key(key);
    }

    /// The pattern text to compare, whether it is a glob, and whether it is the lone `*`.
    fn read(&self, pattern: &VersionPattern) -> (BString, bool, bool) {
        let text = &pattern.name.text;
        let quoted = pattern.name.quoted;
        match self.dialect {
            Dialect::Bfd | Dialect::Gold => {
                let star = text == "*" && (!quoted || self.dialect == Dialect::Gold);
                if quoted || star {
                    return (text.clone(), star, star);
                }
                match unescaped(text) {
                    Some(plain) => (plain, false, false),
                    None => (text.clone(), true, false),
                }
            }
            Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => {
                // Quotes count only inside extern blocks.
                let in_block = pattern.language != Language::C;
                let wild = is_wildcard(text) && !(quoted && in_block);
                (text.clone(), wild, wild && text == "*")
            }
            Dialect::Mold => {
                let star = text == "*" && !quoted;
                (text.clone(), is_wildcard(text), star)
            }
        }
    }

    /// Patterns without wildcard, in order: text, language, class.
    pub fn exact_patterns(&self) -> Vec<(&BString, Language, Class)> {
        let mut rows: Vec<(u32, &BString)> =
            self.exact.iter().flat_map(|(text, rows)| rows.iter().map(move |&row| (row, text))).collect();
        rows.sort_unstable();
        rows.into_iter()
            .filter_map(|(row, text)| {
                self.rules.get(row as usize).map(|rule| (text, rule.language, rule.class))
            })
            .collect()
    }

    /// Whether any pattern is matched against demangled names.
    pub fn needs_demangling(&self) -> bool {
        self.rules.iter().any(|rule| rule.language == Language::Cxx)
    }

    /// What the script says of `name`. `demangled` is its demangled C++ form, if it has one.
    pub fn classify(&self, name: &[u8], demangled: Option<&str>) -> Option<Class> {
        match self.dialect {
            Dialect::Bfd => self.classify_bfd(name, demangled),
            Dialect::Mold => self.classify_mold(name, demangled),
            // gold does not match C++ patterns against a name that does not demangle; lld does.
            Dialect::Gold => self.first(name, demangled, None),
            Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => self.first(name, demangled, Some(name)),
        }
    }

    /// Rules that name `name` exactly, in order.
    fn named<'a>(&'a self, name: &[u8], cxx: Option<&[u8]>) -> impl Iterator<Item = (u32, &'a Rule)> {
        let of = |text: Option<&[u8]>, language: Language| {
            let rows = text.and_then(|t| self.exact.get(bstr::BStr::new(t))).map_or(&[][..], Vec::as_slice);
            rows.iter()
                .filter_map(|&row| self.rules.get(row as usize).map(|rule| (row, rule)))
                .filter(move |(_, rule)| rule.language == language)
        };
        of(Some(name), Language::C).chain(of(cxx, Language::Cxx))
    }

    fn wild_rule(&self, place: u32) -> Option<(u32, &Rule)> {
        let row = *self.wild.get(place as usize)?;
        Some((row, self.rules.get(row as usize)?))
    }

    /// The first wildcard rule that matches, with its number.
    fn first_glob(&self, name: &[u8], cxx: Option<&[u8]>) -> Option<(u32, &Rule)> {
        let (c, cxx) = (self.wild_c.matching(Some(name)).next(), self.wild_cxx.matching(cxx).next());
        self.wild_rule(c.into_iter().chain(cxx).min()?)
    }

    /// All wildcard rules that match, in the order they are tried.
    fn globs(&self, name: &[u8], cxx: Option<&[u8]>) -> Vec<&Rule> {
        let mut places: Vec<u32> =
            self.wild_c.matching(Some(name)).chain(self.wild_cxx.matching(cxx)).collect();
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.wild_rule(place).map(|(_, rule)| rule)).collect()
    }

    /// gold and lld: exact, then globs in their order, then `*`.
    fn first(&self, name: &[u8], demangled: Option<&str>, otherwise: Option<&[u8]>) -> Option<Class> {
        let cxx = demangled.map(str::as_bytes).or(otherwise);
        let named = self.named(name, cxx);
        let exact = if self.dialect == Dialect::Gold {
            // C names before C++ names.
            let mut named = named;
            named.next()
        } else {
            named.min_by_key(|(row, _)| *row)
        };
        if let Some((_, rule)) = exact {
            return Some(rule.class);
        }
        let wild = self.first_glob(name, cxx).map(|(_, rule)| rule);
        let star = || self.stars.first().and_then(|&row| self.rules.get(row as usize));
        wild.or_else(star).map(|rule| rule.class)
    }

    /// mold: the earliest of all matching patterns; `*` last.
    fn classify_mold(&self, name: &[u8], demangled: Option<&str>) -> Option<Class> {
        let cxx = Some(demangled.map_or(name, str::as_bytes));
        let star = || self.stars.first().and_then(|&row| self.rules.get(row as usize)).map(|r| r.class);
        if self.simple {
            return self.named(name, None).max_by_key(|(row, _)| *row).map(|(_, r)| r.class).or_else(star);
        }
        let exact = self.named(name, cxx).map(|(row, _)| row).min();
        let wild = self.first_glob(name, cxx).map(|(row, _)| row);
        let row = exact.into_iter().chain(wild).min();
        row.and_then(|row| self.rules.get(row as usize)).map(|r| r.class).or_else(star)
    }

    /// ld's `bfd_find_version_for_sym`: nodes in order until one names the symbol exactly; a glob
    /// keeps looking; an exact local overrides global globs; a global glob beats a local one; `*`
    /// counts last.
    fn classify_bfd(&self, name: &[u8], demangled: Option<&str>) -> Option<Class> {
        let cxx = Some(demangled.map_or(name, str::as_bytes));
        let exact =
            self.named(name, cxx).map(|(_, rule)| rule.class).min_by_key(|class| (class.node, class.scope));
        let limit = exact.map_or((usize::MAX, Scope::Local), |c| (c.node, c.scope));
        let mut global = None;
        let mut local = None;
        for rule in self.globs(name, cxx) {
            if (rule.class.node, rule.class.scope) < limit {
                let slot = if rule.class.scope == Scope::Global { &mut global } else { &mut local };
                *slot = Some(rule.class);
            }
        }
        let star = |scope| {
            let mut classes =
                self.stars.iter().rev().filter_map(|&row| self.rules.get(row as usize)).map(|r| r.class);
            classes.find(|c| c.scope == scope && (c.node, c.scope) < limit)
        };
        match exact {
            // The exact mention is the last one seen of its scope; a local one clears the globals.
            Some(class) => Some(class),
            None => global
                .or_else(|| if local.is_none() { star(Scope::Global) } else { None })
                .or(local)
                .or_else(|| star(Scope::Local)),
        }
    }
}

/// The name with backslashes removed if no unescaped wildcard is in it.
fn unescaped(text: &[u8]) -> Option<BString> {
    let mut plain = Vec::with_capacity(text.len());
    let mut escaped = false;
    for &b in text {
        if !escaped {
            if matches!(b, b'?' | b'*' | b'[') {
                return None;
            }
            if b == b'\\' {
                escaped = true;
                continue;
            }
        }
        escaped = false;
        plain.push(b);
    }
    if escaped {
        plain.push(b'\\');
    }
    Some(plain.into())
}

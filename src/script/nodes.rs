//! Reading version nodes and dynamic lists, in all dialects.
//!
//! In: the parser's cursor. Out: [`VersionScript`], [`DynamicList`]. ld and gold have one grammar
//! (`vers_nodes`), lld and mold read words. lld's quirk that a quoted plain name still counts as a
//! wildcard is left to matching.

use super::ast::{Dialect, Name, Span};
use super::lexer::{Kind, Mode, Token};
use super::parser::Parser;
use super::version::{DynamicList, Language, VersionNode, VersionPattern, VersionScript};
use crate::error::Result;

const WORD: Mode = Mode::Script;

impl Parser<'_> {
    fn words(&self) -> bool {
        !matches!(self.dialect, Dialect::Bfd | Dialect::Gold)
    }

    /// Version nodes up to, not including, `}` (inside VERSION) or the end of the file.
    pub(super) fn version_nodes(&mut self, inside: bool) -> Result<VersionScript> {
        let nodes = match self.dialect {
            Dialect::Bfd | Dialect::Gold => self.gnu_nodes()?,
            Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => self.lld_nodes()?,
            Dialect::Mold => self.mold_nodes()?,
        };
        let _ = inside;
        Ok(VersionScript { dialect: self.dialect, nodes })
    }

    /// A dynamic list.
    pub(super) fn dynamic_list(&mut self) -> Result<DynamicList> {
        let mut patterns = Vec::new();
        if self.words() {
            self.expect(WORD, "{")?;
            if self.dialect == Dialect::Mold {
                self.mold_patterns(false, None, &mut patterns, &mut Vec::new())?;
                self.expect(WORD, "}")?;
            } else {
                let mut locals = Vec::new();
                self.lld_patterns(&mut patterns, &mut locals)?;
                if let Some(local) = locals.first() {
                    let place = local.name.span;
                    return Err(self.refuse(
                        Token::new(Kind::Name, place.start as usize, place.end as usize),
                        "syntax error: \"local:\" scope not supported in --dynamic-list",
                    ));
                }
            }
            self.expect(WORD, ";")?;
            return Ok(DynamicList { dialect: self.dialect, patterns });
        }
        loop {
            self.expect(Mode::Tags, "{")?;
            self.gnu_patterns(Language::C, &mut patterns)?;
            self.expect(Mode::Node, ";")?;
            self.expect(Mode::Node, "}")?;
            self.expect(Mode::Tags, ";")?;
            if !self.at(Mode::Tags, "{")? {
                return Ok(DynamicList { dialect: self.dialect, patterns });
            }
        }
    }

    // ---- GNU ld and gold -----------------------------------------------------------------------

    fn gnu_nodes(&mut self) -> Result<Vec<VersionNode>> {
        let mut nodes = Vec::new();
        loop {
            let token = self.peek(Mode::Tags)?;
            if !nodes.is_empty() && (token.kind == Kind::Eof || self.is(token, "}")) {
                return Ok(nodes);
            }
            let span = self.span(token);
            let mut node = VersionNode {
                span,
                tag: None,
                globals: Vec::new(),
                locals: Vec::new(),
                dependencies: Vec::new(),
            };
            if !self.is(token, "{") {
                node.tag = Some(self.name(Mode::Tags, "a version tag or `{`")?);
            }
            self.expect(Mode::Tags, "{")?;
            self.gnu_node_body(&mut node)?;
            self.expect(Mode::Node, "}")?;
            while !self.eat(Mode::Tags, ";")? {
                if node.tag.is_none() {
                    let token = self.peek(Mode::Tags)?;
                    return Err(self.syntax(token, "`;`"));
                }
                node.dependencies.push(self.name(Mode::Tags, "a version tag or `;`")?);
            }
            node.span = self.since(span);
            nodes.push(node);
        }
    }

    /// `global:` and `local:` lists, each at most once and in this order.
    fn gnu_node_body(&mut self, node: &mut VersionNode) -> Result<()> {
        if self.at(Mode::Node, "}")? {
            return Ok(());
        }
        let global = self.gnu_label("global")?;
        let local = !global && self.gnu_label("local")?;
        let list = if local { &mut node.locals } else { &mut node.globals };
        self.gnu_patterns(Language::C, list)?;
        self.expect(Mode::Node, ";")?;
        if global && self.gnu_label("local")? {
            self.gnu_patterns(Language::C, &mut node.locals)?;
            self.expect(Mode::Node, ";")?;
        }
        Ok(())
    }

    /// `global :` or `local :`; without the colon it is a symbol of that name.
    fn gnu_label(&mut self, word: &str) -> Result<bool> {
        let rewind = self.mark();
        if self.eat(Mode::Node, word)? {
            if self.eat(Mode::Node, ":")? {
                return Ok(true);
            }
            self.rewind(rewind);
        }
        Ok(false)
    }

    /// Patterns separated by `;`, without the last `;`. A following label or `}` ends the list.
    fn gnu_patterns(&mut self, language: Language, out: &mut Vec<VersionPattern>) -> Result<()> {
        loop {
            let token = self.peek(Mode::Node)?;
            let rewind = self.mark();
            if self.is(token, "extern") {
                self.bump(token);
                let named = self.peek(Mode::Node)?;
                // ld wants the language quoted; gold takes a bare word, too.
                let bare = self.dialect == Dialect::Gold && named.kind == Kind::Name;
                if named.kind == Kind::Quoted || bare {
                    let name = self.name_of(named);
                    self.bump(named);
                    let inner = language_of(&name.text);
                    self.expect(Mode::Node, "{")?;
                    self.nested(|p| p.gnu_patterns(inner, out))?;
                    self.eat(Mode::Node, ";")?;
                    self.expect(Mode::Node, "}")?;
                } else {
                    self.rewind(rewind);
                    out.push(VersionPattern { name: self.name(Mode::Node, "a symbol")?, language });
                }
            } else {
                let name = self.name(Mode::Node, "a symbol pattern")?;
                let label = !name.quoted && (name.text == "global" || name.text == "local");
                if label && self.at(Mode::Node, ":")? {
                    let colon = self.peek(Mode::Node)?;
                    return Err(self.syntax(colon, "`;`"));
                }
                out.push(VersionPattern { name, language });
            }
            let after = self.mark();
            if !self.eat(Mode::Node, ";")? {
                return Ok(());
            }
            // The list goes on unless a brace or `local:` follows.
            let next = self.peek(Mode::Node)?;
            let here = self.mark();
            let ends = self.is(next, "}") || self.gnu_label("local")? || next.kind == Kind::Eof;
            self.rewind(if ends { after } else { here });
            if ends {
                return Ok(());
            }
        }
    }

    // ---- lld -----------------------------------------------------------------------------------

    fn lld_nodes(&mut self) -> Result<Vec<VersionNode>> {
        let mut nodes = Vec::new();
        let first = self.peek(WORD)?;
        if self.is(first, "{") {
            self.bump(first);
            let span = self.span(first);
            let mut node = VersionNode {
                span,
                tag: None,
                globals: Vec::new(),
                locals: Vec::new(),
                dependencies: Vec::new(),
            };
            self.lld_patterns(&mut node.globals, &mut node.locals)?;
            self.expect(WORD, ";")?;
            node.span = self.since(span);
            nodes.push(node);
            return Ok(nodes);
        }
        loop {
            let token = self.peek(WORD)?;
            if token.kind == Kind::Eof || self.is(token, "}") {
                return Ok(nodes);
            }
            if self.is(token, "{") {
                return Err(self.refuse(
                    token,
                    "syntax error: anonymous version definition is used in combination with other version definitions",
                ));
            }
            let span = self.span(token);
            let tag = Some(self.name_of(token));
            self.bump(token);
            self.expect(WORD, "{")?;
            let mut node =
                VersionNode { span, tag, globals: Vec::new(), locals: Vec::new(), dependencies: Vec::new() };
            self.lld_patterns(&mut node.globals, &mut node.locals)?;
            // One word may stand before the semicolon: the parent version, which lld ignores.
            let parent = self.next(WORD)?;
            if !self.is(parent, ";") {
                node.dependencies.push(self.name_of(parent));
                self.expect(WORD, ";")?;
            }
            node.span = self.since(span);
            nodes.push(node);
        }
    }

    /// `label:` in one word or two.
    fn word_label(&mut self, word: &str) -> Result<bool> {
        if self.eat(WORD, &format!("{word}:"))? {
            return Ok(true);
        }
        let rewind = self.mark();
        if self.eat(WORD, word)? {
            if self.eat(WORD, ":")? {
                return Ok(true);
            }
            self.rewind(rewind);
        }
        Ok(false)
    }

    /// A body up to and including `}`.
    fn lld_patterns(
        &mut self,
        globals: &mut Vec<VersionPattern>,
        locals: &mut Vec<VersionPattern>,
    ) -> Result<()> {
        let mut local = false;
        loop {
            if self.eat(WORD, "}")? {
                return Ok(());
            }
            if self.word_label("local")? {
                local = true;
                continue;
            }
            if self.word_label("global")? {
                local = false;
                continue;
            }
            let out = if local { &mut *locals } else { &mut *globals };
            if self.eat(WORD, "extern")? {
                let token = self.next(WORD)?;
                let language = match self.raw(token) {
                    b"\"C++\"" => Language::Cxx,
                    b"\"C\"" => Language::C,
                    _ => return Err(self.refuse(token, "syntax error: unknown language")),
                };
                self.expect(WORD, "{")?;
                while !self.eat(WORD, "}")? {
                    out.push(self.word_pattern(language)?);
                    if self.eat(WORD, "}")? {
                        break;
                    }
                    self.expect(WORD, ";")?;
                }
            } else {
                out.push(self.word_pattern(Language::C)?);
            }
            self.expect(WORD, ";")?;
        }
    }

    fn word_pattern(&mut self, language: Language) -> Result<VersionPattern> {
        let token = self.next(WORD)?;
        if token.kind == Kind::Eof {
            return Err(self.syntax(token, "a symbol pattern"));
        }
        Ok(VersionPattern { name: self.name_of(token), language })
    }

    // ---- mold ----------------------------------------------------------------------------------

    fn mold_nodes(&mut self) -> Result<Vec<VersionNode>> {
        let mut nodes = Vec::new();
        loop {
            let token = self.peek(WORD)?;
            if token.kind == Kind::Eof || self.is(token, "}") {
                return Ok(nodes);
            }
            let span: Span = self.span(token);
            let mut tag: Option<Name> = None;
            if !self.is(token, "{") {
                tag = Some(self.name_of(token));
                self.bump(token);
            }
            self.expect(WORD, "{")?;
            let mut node =
                VersionNode { span, tag, globals: Vec::new(), locals: Vec::new(), dependencies: Vec::new() };
            self.mold_patterns(true, None, &mut node.globals, &mut node.locals)?;
            self.expect(WORD, "}")?;
            let parent = self.peek(WORD)?;
            if parent.kind != Kind::Eof && !self.is(parent, ";") {
                node.dependencies.push(self.name_of(parent));
                self.bump(parent);
            }
            self.expect(WORD, ";")?;
            node.span = self.since(span);
            nodes.push(node);
        }
    }

    /// Patterns up to, not including, `}`. Inside `extern` a body starts as global again, as in mold.
    fn mold_patterns(
        &mut self,
        labels: bool,
        language: Option<Language>,
        globals: &mut Vec<VersionPattern>,
        locals: &mut Vec<VersionPattern>,
    ) -> Result<()> {
        let mut local = false;
        loop {
            let token = self.peek(WORD)?;
            if token.kind == Kind::Eof || self.is(token, "}") {
                return Ok(());
            }
            if labels && self.word_label("global")? {
                local = false;
                continue;
            }
            if labels && self.word_label("local")? {
                local = true;
                continue;
            }
            if self.eat(WORD, "extern")? {
                let inner = if self.eat(WORD, "\"C\"")? {
                    Language::C
                } else {
                    self.expect(WORD, "\"C++\"")?;
                    Language::Cxx
                };
                self.expect(WORD, "{")?;
                self.nested(|p| p.mold_patterns(labels, Some(inner), globals, locals))?;
                self.expect(WORD, "}")?;
                self.expect(WORD, ";")?;
                continue;
            }
            let pattern = self.word_pattern(language.unwrap_or(Language::C))?;
            if local {
                locals.push(pattern)
            } else {
                globals.push(pattern)
            }
            if labels && self.at(WORD, "}")? {
                return Ok(());
            }
            self.expect(WORD, ";")?;
        }
    }
}

/// The language of `extern "..."`; an unknown one is an error later in ld, C until then.
fn language_of(name: &[u8]) -> Language {
    if name.eq_ignore_ascii_case(b"C++") {
        Language::Cxx
    } else if name.eq_ignore_ascii_case(b"Java") {
        Language::Java
    } else {
        Language::C
    }
}

//! The parser's cursor over one or more texts: peeking, eating, including, reporting.
//!
//! In: a script's bytes and [`Options`]. Out: a [`Script`]. The grammars stand in `gnu*.rs` (GNU ld
//! and gold), `lld.rs` and `mold.rs`; expressions in `operands.rs`, version nodes in `nodes.rs`.
//! Nesting, INCLUDE depth and the number of included texts are limited.

use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::ast::{Dialect, Name, Script, Source, SourceId, Span};
use super::diagnostic;
use super::expr::Expr;
use super::keywords;
use super::lexer::{self, Kind, LexError, Mode, Token};
use super::version::{DynamicList, VersionScript};
use super::words;
use crate::error::{Error, Result};

/// Finds the text that an INCLUDE names: the path found and its bytes.
pub type Includes<'a> = dyn Fn(&[u8]) -> Result<(PathBuf, Vec<u8>)> + 'a;

/// How to read a script.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Whose grammar.
    pub dialect: Dialect,
    /// Resolves INCLUDE.
    pub includes: &'a Includes<'a>,
    /// The text is an input file that merely was not recognized as an object: GNU ld then refuses
    /// bytes that it would skip with a warning in a `-T` script.
    pub assumed: bool,
}

/// An [`Options::includes`] that refuses every INCLUDE.
pub fn no_includes(name: &[u8]) -> Result<(PathBuf, Vec<u8>)> {
    Err(Error::new(format!("INCLUDE {}", name.as_bstr()), "no file can be included here"))
}

/// Nested parentheses, blocks and extern groups before we give up.
const MAX_DEPTH: u32 = 200;
/// Nested INCLUDEs (ld `MAX_INCLUDE_DEPTH`).
const MAX_INCLUDE_DEPTH: usize = 10;
/// INCLUDEd texts in all.
const MAX_INCLUDES: usize = 1000;
/// Texts are addressed with 32 bits.
const MAX_TEXT: usize = 1 << 30;

/// Reads a linker script.
///
/// Errors: what the dialect's linker would refuse as a syntax error, with place and excerpt; an
/// INCLUDE that fails; a text that is too big or nested too deeply.
pub fn parse_script(path: impl AsRef<Path>, text: Vec<u8>, options: Options<'_>) -> Result<Script> {
    let mut parser = Parser::new(path.as_ref(), text, options)?;
    let commands = match options.dialect {
        Dialect::Bfd | Dialect::Gold => parser.gnu_script()?,
        Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => parser.lld_script()?,
        Dialect::Mold => parser.mold_script()?,
    };
    Ok(Script { dialect: options.dialect, sources: parser.sources, commands, keeps_only: false })
}

/// Reads a version script file (`--version-script`).
///
/// Errors: a syntax error of the dialect.
pub fn parse_version_script(
    path: impl AsRef<Path>,
    text: Vec<u8>,
    dialect: Dialect,
) -> Result<VersionScript> {
    let options = Options { dialect, includes: &no_includes, assumed: false };
    let mut parser = Parser::new(path.as_ref(), text, options)?;
    let script = parser.version_nodes(false)?;
    parser.expect_end()?;
    Ok(script)
}

/// Reads a dynamic list (`--dynamic-list`, `--export-dynamic-symbol-list`).
///
/// Errors: a syntax error of the dialect.
pub fn parse_dynamic_list(path: impl AsRef<Path>, text: Vec<u8>, dialect: Dialect) -> Result<DynamicList> {
    let options = Options { dialect, includes: &no_includes, assumed: false };
    let mut parser = Parser::new(path.as_ref(), text, options)?;
    let list = parser.dynamic_list()?;
    parser.expect_end()?;
    Ok(list)
}

/// Reads the right side of `--defsym NAME=EXPRESSION`.
///
/// Errors: a syntax error of the dialect.
pub fn parse_expression(text: &[u8], dialect: Dialect) -> Result<Expr> {
    let options = Options { dialect, includes: &no_includes, assumed: false };
    let mut parser = Parser::new(Path::new("--defsym"), text.to_vec(), options)?;
    let value = parser.expression()?;
    let rest = parser.peek(Mode::Expression)?;
    if rest.kind != Kind::Eof {
        return Err(parser.syntax(rest, "the end of the expression"));
    }
    Ok(value)
}

/// A place in one text.
struct Frame {
    source: usize,
    at: usize,
    /// End of the word that expression splitting has begun to cut (lld).
    split: usize,
}

pub(super) struct Parser<'a> {
    pub(super) dialect: Dialect,
    sources: Vec<Source>,
    frames: Vec<Frame>,
    options: Options<'a>,
    depth: u32,
    /// lld's `inExpr`: words are being split at operators.
    pub(super) in_expression: bool,
    /// Names lld has INCLUDEd: it refuses a second time.
    included: Vec<BString>,
    last: Span,
}

impl<'a> Parser<'a> {
    fn new(path: &Path, text: Vec<u8>, options: Options<'a>) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(Error::new(
                format!("reading {}", path.display()),
                "the text is too big for a script",
            ));
        }
        Ok(Parser {
            dialect: options.dialect,
            sources: vec![Source::new(path, text, None)],
            frames: vec![Frame { source: 0, at: 0, split: 0 }],
            options,
            depth: 0,
            in_expression: false,
            included: Vec::new(),
            last: Span::default(),
        })
    }

    fn top(&self) -> (usize, usize, usize) {
        self.frames.last().map_or((0, 0, 0), |f| (f.source, f.at, f.split))
    }

    fn text_of(&self, source: usize) -> &[u8] {
        self.sources.get(source).map_or(&[], |s| &s.text)
    }

    /// The next token in `mode`, not consumed. For lld the mode is only "expression or not", and an
    /// INCLUDEd text that ends continues in the including one.
    pub(super) fn peek(&mut self, mode: Mode) -> Result<Token> {
        loop {
            let (source, at, split) = self.top();
            let text = self.text_of(source);
            let token = match self.dialect {
                Dialect::Bfd | Dialect::Gold => {
                    lexer::next(self.dialect, text, at, mode, self.options.assumed)
                }
                _ if at < split => {
                    let rest = Token::new(Kind::Name, at, split);
                    Ok(words::expression_piece(self.dialect, text, rest))
                }
                _ => words::next(self.dialect, text, at).map(|word| {
                    let split = self.in_expression || mode == Mode::Expression;
                    if split { words::expression_piece(self.dialect, text, word) } else { word }
                }),
            };
            let token = token.map_err(|e| self.lex_error(e))?;
            let words = !matches!(self.dialect, Dialect::Bfd | Dialect::Gold);
            if words && token.kind == Kind::Eof && self.frames.len() > 1 {
                self.frames.pop();
                continue;
            }
            return Ok(token);
        }
    }

    /// Consumes a token that `peek` returned.
    pub(super) fn bump(&mut self, token: Token) {
        self.last = self.span(token);
        let words = !matches!(self.dialect, Dialect::Bfd | Dialect::Gold);
        let (source, at, split) = self.top();
        let text = self.text_of(source);
        // A word of which only a piece was taken stays split until its end.
        let split = if words && token.end >= split && matches!(token.kind, Kind::Name | Kind::Op(_)) {
            words::next(self.dialect, text, at)
                .map_or(split, |word| if word.start == token.start { word.end } else { split })
        } else {
            split
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.at = token.end;
            frame.split = split;
        }
    }

    pub(super) fn next(&mut self, mode: Mode) -> Result<Token> {
        let token = self.peek(mode)?;
        self.bump(token);
        Ok(token)
    }

    /// The token's bytes as written, quotes included.
    pub(super) fn raw(&self, token: Token) -> &[u8] {
        self.text_of(self.top().0).get(token.start..token.end).unwrap_or_default()
    }

    /// Whether the token is exactly this unquoted text.
    pub(super) fn is(&self, token: Token, text: &str) -> bool {
        token.kind != Kind::Eof && self.raw(token) == text.as_bytes()
    }

    /// Whether the next token is `text`.
    pub(super) fn at(&mut self, mode: Mode, text: &str) -> Result<bool> {
        let token = self.peek(mode)?;
        Ok(self.is(token, text))
    }

    /// Consumes the next token if it is `text`.
    pub(super) fn eat(&mut self, mode: Mode, text: &str) -> Result<bool> {
        let token = self.peek(mode)?;
        let found = self.is(token, text);
        if found {
            self.bump(token);
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, mode: Mode, text: &str) -> Result<Token> {
        let token = self.peek(mode)?;
        if !self.is(token, text) {
            return Err(self.syntax(token, &format!("`{text}`")));
        }
        self.bump(token);
        Ok(token)
    }

    /// The name a token holds.
    pub(super) fn name_of(&self, token: Token) -> Name {
        let text = self.text_of(self.top().0).get(token.text.0..token.text.1).unwrap_or_default();
        Name { text: BString::from(text), quoted: token.kind == Kind::Quoted, span: self.span(token) }
    }

    /// A name; `what` says which for the error.
    pub(super) fn name(&mut self, mode: Mode, what: &str) -> Result<Name> {
        let token = self.peek(mode)?;
        if !matches!(token.kind, Kind::Name | Kind::Quoted) || self.is_keyword(mode, token) {
            return Err(self.syntax(token, what));
        }
        let name = self.name_of(token);
        self.bump(token);
        Ok(name)
    }

    /// Whether the token is a word that the mode does not take for a name.
    pub(super) fn is_keyword(&self, mode: Mode, token: Token) -> bool {
        token.kind == Kind::Name && keywords::is_keyword(self.dialect, mode, self.raw(token))
    }

    /// `( NAME )`.
    pub(super) fn paren_name(&mut self, mode: Mode, what: &str) -> Result<Name> {
        self.expect(mode, "(")?;
        let name = self.name(mode, what)?;
        self.expect(mode, ")")?;
        Ok(name)
    }

    pub(super) fn span(&self, token: Token) -> Span {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { source: SourceId(narrow(self.top().0)), start: narrow(token.start), end: narrow(token.end) }
    }

    /// From a token to the last one consumed.
    pub(super) fn since(&self, start: Span) -> Span {
        start.to(self.last)
    }

    pub(super) fn expect_end(&mut self) -> Result<()> {
        let token = self.peek(Mode::Tags)?;
        if token.kind == Kind::Eof { Ok(()) } else { Err(self.syntax(token, "the end of the file")) }
    }

    /// The place before the next token, to come back to with [`Self::rewind`] in the same text.
    pub(super) fn mark(&self) -> (usize, usize, Span) {
        let (_, at, split) = self.top();
        (at, split, self.last)
    }

    /// Goes back to a [`Self::mark`].
    pub(super) fn rewind(&mut self, (at, split, last): (usize, usize, Span)) {
        if let Some(frame) = self.frames.last_mut() {
            frame.at = at;
            frame.split = split;
        }
        self.last = last;
    }

    // ---- nesting and including -----------------------------------------------------------------

    /// Runs `inner` one level deeper.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            let (_, at, _) = self.top();
            return Err(self.error_at(at, at + 1, "nested too deeply"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Opens the text that `name` includes as the current one.
    pub(super) fn push_include(&mut self, name: &Name) -> Result<()> {
        let fail =
            |parser: &Self, why: &str| parser.error_at(name.span.start as usize, name.span.end as usize, why);
        if self.frames.len() > MAX_INCLUDE_DEPTH || self.sources.len() > MAX_INCLUDES {
            return Err(fail(self, "includes nested too deeply"));
        }
        if self.dialect.is_lld() {
            if self.included.contains(&name.text) {
                return Err(fail(self, "there is a cycle in linker script INCLUDEs"));
            }
            self.included.push(name.text.clone());
        }
        let (path, text) = (self.options.includes)(&name.text)
            .map_err(|e| fail(self, &format!("cannot include {}: {e}", name.text)))?;
        if text.len() > MAX_TEXT {
            return Err(fail(self, "the included text is too big for a script"));
        }
        self.frames.push(Frame { source: self.sources.len(), at: 0, split: 0 });
        self.sources.push(Source::new(path, text, Some(name.span)));
        Ok(())
    }

    /// Parses an INCLUDEd text with `list` up to its end (GNU ld and gold).
    pub(super) fn included<T>(&mut self, list: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let name = self.name(Mode::Script, "a file name")?;
        self.push_include(&name)?;
        let result = self.nested(list)?;
        let token = self.peek(Mode::Script)?;
        if token.kind != Kind::Eof {
            return Err(self.syntax(token, "the end of the included file"));
        }
        self.frames.pop();
        self.last = name.span;
        Ok(result)
    }

    // ---- errors --------------------------------------------------------------------------------

    fn error_at(&self, start: usize, end: usize, message: &str) -> Error {
        match self.sources.get(self.top().0) {
            Some(source) => diagnostic::at(source, start, end, message),
            None => Error::new("script", message),
        }
    }

    fn lex_error(&self, e: LexError) -> Error {
        self.error_at(e.at, e.end, &format!("syntax error: {}", e.message))
    }

    /// A syntax error at `token`.
    pub(super) fn syntax(&self, token: Token, expected: &str) -> Error {
        let found = match token.kind {
            Kind::Eof => "the end of the file".to_owned(),
            _ => format!("`{}`", self.raw(token).as_bstr().chars().take(60).collect::<String>()),
        };
        let message = format!("syntax error: expected {expected}, found {found}");
        self.error_at(token.start, token.end.max(token.start + 1), &message)
    }

    /// An error about a token, in our words.
    pub(super) fn refuse(&self, token: Token, message: &str) -> Error {
        self.error_at(token.start, token.end, message)
    }
}

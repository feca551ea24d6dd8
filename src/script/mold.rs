//! The script grammar of mold 1.10: what makes `libc.so` work, and no more.
//!
//! In: the parser's cursor over words. Out: [`Command`]s. Follows mold `linker-script.cc`.

use super::ast::{AssignKind, Assignment, Command, CommandKind, InputItem};
use super::expr::{Expr, Node};
use super::lexer::{Kind, Mode};
use super::parser::Parser;
use crate::error::Result;

const WORD: Mode = Mode::Script;

impl Parser<'_> {
    /// A whole script.
    pub(super) fn mold_script(&mut self) -> Result<Vec<Command>> {
        let mut out = Vec::new();
        loop {
            let token = self.next(WORD)?;
            let start = self.span(token);
            let kind = match self.raw(token) {
                _ if token.kind == Kind::Eof => return Ok(out),
                b";" => continue,
                b"OUTPUT_FORMAT" => {
                    self.expect(WORD, "(")?;
                    let mut names = Vec::new();
                    while !self.eat(WORD, ")")? {
                        let token = self.next(WORD)?;
                        if token.kind == Kind::Eof {
                            return Err(self.syntax(token, "`)`"));
                        }
                        names.push(self.name_of(token));
                    }
                    CommandKind::OutputFormat(names)
                }
                word @ (b"INPUT" | b"GROUP") => {
                    let group = word == b"GROUP";
                    let mut items = Vec::new();
                    self.mold_inputs(false, &mut items)?;
                    if group { CommandKind::Group(items) } else { CommandKind::Input(items) }
                }
                b"VERSION" => {
                    self.expect(WORD, "{")?;
                    let script = self.version_nodes(true)?;
                    self.expect(WORD, "}")?;
                    CommandKind::Version(Box::new(script))
                }
                _ => {
                    // Only `NAME = NAME ;` is an assignment.
                    let name = self.name_of(token);
                    if !self.eat(WORD, "=")? {
                        return Err(self.refuse(token, "syntax error: unknown linker script token"));
                    }
                    let value = self.next(WORD)?;
                    if !matches!(value.kind, Kind::Name | Kind::Quoted) {
                        return Err(self.syntax(value, "a symbol"));
                    }
                    let node = Node::Symbol(self.name_of(value).text);
                    let value = Expr { span: self.span(value), nodes: vec![node] };
                    self.expect(WORD, ";")?;
                    let span = self.since(start);
                    CommandKind::Assignment(Assignment {
                        span,
                        name,
                        kind: AssignKind::Plain,
                        value,
                        compound: false,
                    })
                }
            };
            out.push(Command { span: self.since(start), kind });
        }
    }

    fn mold_inputs(&mut self, as_needed: bool, items: &mut Vec<InputItem>) -> Result<()> {
        self.expect(WORD, "(")?;
        while !self.eat(WORD, ")")? {
            let token = self.next(WORD)?;
            if token.kind == Kind::Eof {
                return Err(self.syntax(token, "`)`"));
            }
            if self.is(token, "AS_NEEDED") {
                self.nested(|p| p.mold_inputs(true, items))?;
                continue;
            }
            let mut name = self.name_of(token);
            let library = name.text.starts_with(b"-l");
            if library {
                name.text.drain(..2);
            }
            items.push(InputItem { name, library, as_needed });
        }
        Ok(())
    }
}

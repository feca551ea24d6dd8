//! The script grammar of GNU ld and gold: top-level commands.
//!
//! In: the parser's cursor. Out: [`Command`]s. Follows ld `ldgram.y` and gold `yyscript.y`; a
//! command that only one of them knows is, for the other, the name of an assignment or an error.

use super::ast::{
    Assert, AssignKind, Assignment, Command, CommandKind, Dialect, InputItem, MemoryRegion, Name, Phdr, Span,
};
use super::lexer::{Kind, Mode, Token};
use super::operands::compound;
use super::parser::Parser;
use crate::error::Result;

/// Commands without effect on liveness that take one name in parentheses.
const ONE_NAME: [(&str, bool, bool); 6] = [
    // keyword, known to ld, known to gold
    ("OUTPUT", true, false),
    ("OUTPUT_ARCH", true, true),
    ("TARGET", true, true),
    ("MAP", true, false),
    ("LD_FEATURE", true, false),
    ("OPTION", false, true),
];

/// Commands that are a bare word.
const BARE: [(&str, bool, bool); 5] = [
    ("FORCE_COMMON_ALLOCATION", true, true),
    ("INHIBIT_COMMON_ALLOCATION", true, true),
    ("FORCE_GROUP_ALLOCATION", true, false),
    ("FLOAT", true, false),
    ("NOFLOAT", true, false),
];

impl Parser<'_> {
    pub(super) fn is_gold(&self) -> bool {
        self.dialect == Dialect::Gold
    }

    fn knows(&self, ld: bool, gold: bool) -> bool {
        if self.is_gold() { gold } else { ld }
    }

    /// A whole script, or an INCLUDEd part of one.
    pub(super) fn gnu_script(&mut self) -> Result<Vec<Command>> {
        let mut commands = Vec::new();
        loop {
            let token = self.peek(Mode::Script)?;
            if token.kind == Kind::Eof {
                return Ok(commands);
            }
            self.gnu_command(token, &mut commands)?;
        }
    }

    fn gnu_command(&mut self, token: Token, out: &mut Vec<Command>) -> Result<()> {
        if self.is(token, ";") {
            self.bump(token);
            return Ok(());
        }
        if !matches!(token.kind, Kind::Name | Kind::Quoted) {
            return Err(self.syntax(token, "a command"));
        }
        let start = self.span(token);
        let word = if token.kind == Kind::Name { self.raw(token).to_vec() } else { Vec::new() };
        let ld = !self.is_gold();
        let kind = match word.as_slice() {
            b"INCLUDE" => {
                self.bump(token);
                out.append(&mut self.included(Self::gnu_script)?);
                return Ok(());
            }
            b"SECTIONS" => {
                self.bump(token);
                self.expect(Mode::Script, "{")?;
                let body = self.gnu_sections_body()?;
                self.expect(Mode::Script, "}")?;
                CommandKind::Sections(body)
            }
            b"INPUT" | b"GROUP" => {
                self.bump(token);
                let items = self.gnu_inputs()?;
                if word == b"INPUT" { CommandKind::Input(items) } else { CommandKind::Group(items) }
            }
            b"EXTERN" => {
                self.bump(token);
                CommandKind::Extern(self.gnu_extern()?)
            }
            b"MEMORY" => {
                self.bump(token);
                self.expect(Mode::Script, "{")?;
                let regions = self.gnu_memory()?;
                self.expect(Mode::Script, "}")?;
                CommandKind::Memory(regions)
            }
            b"PHDRS" => {
                self.bump(token);
                CommandKind::Phdrs(self.gnu_phdrs()?)
            }
            b"VERSION" => {
                self.bump(token);
                self.expect(Mode::Tags, "{")?;
                let script = self.version_nodes(true)?;
                self.expect(Mode::Tags, "}")?;
                CommandKind::Version(Box::new(script))
            }
            b"OUTPUT_FORMAT" => {
                self.bump(token);
                self.expect(Mode::Script, "(")?;
                let mut names = vec![self.name(Mode::Script, "a format name")?];
                if self.eat(Mode::Script, ",")? {
                    names.push(self.name(Mode::Script, "a format name")?);
                    self.expect(Mode::Script, ",")?;
                    names.push(self.name(Mode::Script, "a format name")?);
                }
                self.expect(Mode::Script, ")")?;
                CommandKind::OutputFormat(names)
            }
            b"SEARCH_DIR" => {
                self.bump(token);
                CommandKind::SearchDir(self.paren_name(Mode::Script, "a path")?)
            }
            b"STARTUP" if ld => {
                self.bump(token);
                CommandKind::Startup(self.paren_name(Mode::Script, "a file name")?)
            }
            b"INSERT" if ld => {
                self.bump(token);
                let before = self.eat(Mode::Script, "BEFORE")?;
                if !before {
                    self.expect(Mode::Script, "AFTER")?;
                }
                let section = self.name(Mode::Script, "a section name")?;
                CommandKind::Insert { before, section }
            }
            b"REGION_ALIAS" if ld => {
                self.bump(token);
                self.expect(Mode::Script, "(")?;
                let alias = self.name(Mode::Script, "a region name")?;
                self.expect(Mode::Script, ",")?;
                let region = self.name(Mode::Script, "a region name")?;
                self.expect(Mode::Script, ")")?;
                CommandKind::RegionAlias(alias, region)
            }
            b"NOCROSSREFS" | b"NOCROSSREFS_TO" if ld => {
                self.bump(token);
                let sections = self.gnu_names()?;
                CommandKind::NoCrossRefs { to: word == b"NOCROSSREFS_TO", sections }
            }
            b"HLL" | b"SYSLIB" if ld => {
                self.bump(token);
                let keyword = if word == b"HLL" { "HLL" } else { "SYSLIB" };
                CommandKind::Other { keyword, arguments: self.gnu_names()? }
            }
            _ => match self.gnu_plain_command(token, &word)? {
                Some(kind) => kind,
                None => self.gnu_anywhere(token)?,
            },
        };
        out.push(Command { span: self.since(start), kind });
        Ok(())
    }

    fn gnu_plain_command(&mut self, token: Token, word: &[u8]) -> Result<Option<CommandKind>> {
        if let Some(&(keyword, ..)) =
            ONE_NAME.iter().find(|(k, ld, gold)| k.as_bytes() == word && self.knows(*ld, *gold))
        {
            self.bump(token);
            let arguments = vec![self.paren_name(Mode::Script, "a name")?];
            return Ok(Some(CommandKind::Other { keyword, arguments }));
        }
        if let Some(&(keyword, ..)) =
            BARE.iter().find(|(k, ld, gold)| k.as_bytes() == word && self.knows(*ld, *gold))
        {
            self.bump(token);
            return Ok(Some(CommandKind::Other { keyword, arguments: Vec::new() }));
        }
        Ok(None)
    }

    /// ENTRY, ASSERT or an assignment: what may stand at top level and inside SECTIONS.
    pub(super) fn gnu_anywhere(&mut self, token: Token) -> Result<CommandKind> {
        if self.is(token, "ENTRY") {
            self.bump(token);
            return Ok(CommandKind::Entry(self.paren_name(Mode::Script, "a symbol")?));
        }
        if self.is(token, "ASSERT") {
            self.bump(token);
            return Ok(CommandKind::Assert(self.gnu_assert(token)?));
        }
        let assignment = self.gnu_assignment(token, Mode::Script)?;
        match assignment {
            Some(assignment) => Ok(CommandKind::Assignment(assignment)),
            None => {
                let at = if self.is_keyword(Mode::Script, token) { token } else { self.peek(Mode::Script)? };
                Err(self.syntax(at, "an assignment"))
            }
        }
    }

    /// `( expression, "message" )` after ASSERT.
    pub(super) fn gnu_assert(&mut self, keyword: Token) -> Result<Assert> {
        let start = self.span(keyword);
        self.expect(Mode::Expression, "(")?;
        let value = self.expression()?;
        self.expect(Mode::Expression, ",")?;
        let message = self.name(Mode::Expression, "a message")?;
        self.expect(Mode::Expression, ")")?;
        Ok(Assert { span: self.since(start), value, message })
    }

    /// An assignment with its terminator. `token` is its first token, not yet consumed; if it turns
    /// out to be no assignment, the name is consumed and `None` returned.
    pub(super) fn gnu_assignment(&mut self, token: Token, mode: Mode) -> Result<Option<Assignment>> {
        let start = self.span(token);
        let kind = match self.raw(token) {
            b"PROVIDE" => AssignKind::Provide,
            b"PROVIDE_HIDDEN" => AssignKind::ProvideHidden,
            b"HIDDEN" => AssignKind::Hidden,
            _ => AssignKind::Plain,
        };
        let assignment = if kind != AssignKind::Plain {
            self.bump(token);
            self.expect(mode, "(")?;
            let name = self.name(mode, "a symbol")?;
            self.expect(mode, "=")?;
            let value = self.expression()?;
            self.expect(Mode::Expression, ")")?;
            Assignment { span: self.since(start), name, kind, value, compound: false }
        } else {
            let name = self.name_of(token);
            let keyword = self.is_keyword(mode, token);
            self.bump(token);
            if keyword {
                return Ok(None);
            }
            let op = self.peek(mode)?;
            let applied =
                if matches!(op.kind, Kind::Op(_)) { compound(self.dialect, self.raw(op)) } else { None };
            if !self.is(op, "=") && applied.is_none() {
                return Ok(None);
            }
            self.bump(op);
            let mut value = self.expression()?;
            if let Some(applied) = applied {
                value = value.applied_to(&name.text, applied);
            }
            Assignment { span: self.since(start), name, kind, value, compound: applied.is_some() }
        };
        self.gnu_separator()?;
        Ok(Some(assignment))
    }

    /// `;` or `,` after an assignment.
    pub(super) fn gnu_separator(&mut self) -> Result<()> {
        let token = self.peek(Mode::Expression)?;
        if !self.is(token, ";") && !self.is(token, ",") {
            return Err(self.syntax(token, "`;`"));
        }
        self.bump(token);
        Ok(())
    }

    /// `( NAME [,] NAME ... )`, possibly empty.
    fn gnu_names(&mut self) -> Result<Vec<Name>> {
        self.expect(Mode::Script, "(")?;
        let mut names = Vec::new();
        while !self.eat(Mode::Script, ")")? {
            names.push(self.name(Mode::Script, "a name")?);
            self.eat(Mode::Script, ",")?;
        }
        Ok(names)
    }

    fn gnu_extern(&mut self) -> Result<Vec<Name>> {
        // The closing parenthesis too is read as in an expression.
        self.expect(Mode::Script, "(")?;
        let mut names = vec![self.name(Mode::Expression, "a symbol")?];
        while !self.eat(Mode::Expression, ")")? {
            self.eat(Mode::Expression, ",")?;
            names.push(self.name(Mode::Expression, "a symbol")?);
        }
        Ok(names)
    }

    fn gnu_inputs(&mut self) -> Result<Vec<InputItem>> {
        self.expect(Mode::Script, "(")?;
        let mut items = Vec::new();
        self.gnu_input_list(false, &mut items)?;
        Ok(items)
    }

    /// A non-empty list up to and including its `)`.
    fn gnu_input_list(&mut self, as_needed: bool, items: &mut Vec<InputItem>) -> Result<()> {
        let mode = if self.is_gold() { Mode::Script } else { Mode::Inputs };
        let mut first = true;
        loop {
            if !first {
                if self.eat(mode, ")")? {
                    return Ok(());
                }
                self.eat(mode, ",")?;
            }
            first = false;
            let token = self.peek(mode)?;
            if self.is(token, "AS_NEEDED") {
                self.bump(token);
                self.expect(mode, "(")?;
                self.nested(|p| p.gnu_input_list(true, items))?;
                continue;
            }
            if self.is_gold() && self.is(token, "-") {
                self.bump(token);
                let library = self.peek(mode)?;
                let raw = self.raw(library);
                if library.kind != Kind::Name || raw.first() != Some(&b'l') {
                    return Err(self.syntax(library, "`-lNAME`"));
                }
                let mut name = self.name_of(library);
                name.text.remove(0);
                self.bump(library);
                items.push(InputItem { name, library: true, as_needed });
                continue;
            }
            let library = token.kind == Kind::Library;
            if !library && !matches!(token.kind, Kind::Name | Kind::Quoted) {
                return Err(self.syntax(token, "a file name"));
            }
            items.push(InputItem { name: self.name_of(token), library, as_needed });
            self.bump(token);
        }
    }

    /// Regions up to, not including, the closing brace or the end of an INCLUDEd text.
    fn gnu_memory(&mut self) -> Result<Vec<MemoryRegion>> {
        let mut regions = Vec::new();
        loop {
            self.eat(Mode::Script, ",")?;
            let token = self.peek(Mode::Script)?;
            if token.kind == Kind::Eof || self.is(token, "}") {
                return Ok(regions);
            }
            if self.is(token, "INCLUDE") {
                self.bump(token);
                regions.append(&mut self.included(Self::gnu_memory)?);
                continue;
            }
            let name = self.name(Mode::Script, "a region name")?;
            let mut attributes = Vec::new();
            if self.eat(Mode::Script, "(")? {
                while !self.eat(Mode::Script, ")")? {
                    self.eat(Mode::Script, "!")?;
                    attributes.push(self.name(Mode::Script, "attributes")?);
                }
            }
            self.expect(Mode::Script, ":")?;
            self.keyword(&["ORIGIN", "org", "o"])?;
            self.expect(Mode::Script, "=")?;
            let origin = self.expression()?;
            self.eat(Mode::Expression, ",")?;
            self.keyword(&["LENGTH", "len", "l"])?;
            self.expect(Mode::Script, "=")?;
            let length = self.expression()?;
            regions.push(MemoryRegion { name, attributes, origin, length });
        }
    }

    fn keyword(&mut self, known: &[&str]) -> Result<()> {
        let token = self.peek(Mode::Script)?;
        if !known.iter().any(|k| self.is(token, k)) {
            return Err(self.syntax(token, &format!("`{}`", known.first().copied().unwrap_or_default())));
        }
        self.bump(token);
        Ok(())
    }

    fn gnu_phdrs(&mut self) -> Result<Vec<Phdr>> {
        self.expect(Mode::Script, "{")?;
        let mut headers = Vec::new();
        while !self.eat(Mode::Script, "}")? {
            let name = self.name(Mode::Script, "a program header name")?;
            let phdr_type = self.expression()?;
            let mut header = Phdr { name, phdr_type, filehdr: false, phdrs: false, at: None, flags: None };
            while !self.eat(Mode::Expression, ";")? {
                let token = self.next(Mode::Expression)?;
                if self.is(token, "AT") {
                    header.at = Some(self.paren_expression()?);
                } else if self.is(token, "FLAGS") {
                    header.flags = Some(self.paren_expression()?);
                } else if self.is(token, "FILEHDR") {
                    header.filehdr = true;
                } else if self.is(token, "PHDRS") {
                    header.phdrs = true;
                } else {
                    return Err(self.syntax(token, "`FILEHDR`, `PHDRS`, `AT`, `FLAGS` or `;`"));
                }
            }
            headers.push(header);
        }
        Ok(headers)
    }

    /// The span of a token, for builders in other files.
    pub(super) fn start_of(&mut self, mode: Mode) -> Result<Span> {
        let token = self.peek(mode)?;
        Ok(self.span(token))
    }
}

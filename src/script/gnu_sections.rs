//! The script grammar of GNU ld and gold: SECTIONS, output sections and what stands in them.
//!
//! In: the parser's cursor. Out: [`OutputSection`]s and [`Statement`]s. Where ld and gold differ
//! (GS 9.2) the smaller grammar refuses: OVERLAY, constraints, section types, sort forms.

use super::ast::{
    Command, CommandKind, Constraint, FlagFilter, InputDescription, Name, OutputSection, Overlay,
    SectionPattern, Sort, Span, Statement, StatementKind,
};
use super::expr::Expr;
use super::lexer::{Kind, Mode, Token};
use super::parser::Parser;
use crate::error::Result;

const TYPES: [&str; 7] = ["NOLOAD", "DSECT", "COPY", "INFO", "OVERLAY", "READONLY", "TYPE"];

/// What surrounds a pattern: SORT keywords and EXCLUDE_FILE.
struct Wrapped {
    name: Name,
    excludes: Vec<Name>,
    sorts: Vec<Sort>,
}

impl Parser<'_> {
    fn wild(&self) -> Mode {
        if self.is_gold() { Mode::Script } else { Mode::Wild }
    }

    /// Statements of SECTIONS up to, not including, `}` or the end of an INCLUDEd text.
    pub(super) fn gnu_sections_body(&mut self) -> Result<Vec<Command>> {
        let mut out = Vec::new();
        loop {
            let token = self.peek(Mode::Script)?;
            if token.kind == Kind::Eof || self.is(token, "}") {
                return Ok(out);
            }
            if !matches!(token.kind, Kind::Name | Kind::Quoted) {
                return Err(self.syntax(token, "an output section or an assignment"));
            }
            let start = self.span(token);
            let ld = !self.is_gold();
            let kind = if self.is(token, "INCLUDE") {
                self.bump(token);
                out.append(&mut self.included(Self::gnu_sections_body)?);
                continue;
            } else if self.is(token, "ENTRY") || self.is(token, "ASSERT") {
                self.gnu_anywhere(token)?
            } else if ld && self.is(token, "OVERLAY") {
                self.bump(token);
                CommandKind::Overlay(Box::new(self.gnu_overlay()?))
            } else if ld && self.is(token, "GROUP") {
                self.bump(token);
                let address = self.gnu_address(start)?.0;
                self.expect(Mode::Script, "{")?;
                let body = self.nested(Self::gnu_sections_body)?;
                self.expect(Mode::Script, "}")?;
                CommandKind::SectionGroup(address, body)
            } else {
                let name = self.name_of(token);
                let keyword = self.is_keyword(Mode::Script, token);
                match self.gnu_assignment(token, Mode::Script)? {
                    Some(assignment) => CommandKind::Assignment(assignment),
                    None if keyword => return Err(self.syntax(token, "an output section or an assignment")),
                    None => CommandKind::OutputSection(Box::new(self.gnu_output_section(name)?)),
                }
            };
            out.push(Command { span: self.since(start), kind });
        }
    }

    /// `[address] [(TYPE)] :`
    fn gnu_address(&mut self, start: Span) -> Result<(Option<Expr>, Option<Name>)> {
        let mode = Mode::Expression;
        let mut address = None;
        let mut section_type = None;
        if !self.is_gold() && self.at(mode, "BIND")? {
            self.next(mode)?;
            address = Some(self.paren_expression()?);
            if self.eat(mode, "BLOCK")? {
                self.paren_expression()?;
            }
            section_type = self.gnu_type(start)?.unwrap_or(None);
        } else if !self.at(mode, ":")? {
            match self.gnu_type(start)? {
                Some(found) => section_type = found,
                None => {
                    address = Some(self.expression()?);
                    section_type = self.gnu_type(start)?.unwrap_or(None);
                }
            }
        }
        self.expect(mode, ":")?;
        Ok((address, section_type))
    }

    /// `( )` or `( TYPE )` if that is what follows: `Some(None)` for the empty form.
    fn gnu_type(&mut self, start: Span) -> Result<Option<Option<Name>>> {
        let mode = Mode::Expression;
        let open = self.peek(mode)?;
        if !self.is(open, "(") {
            return Ok(None);
        }
        let rewind = self.mark();
        self.bump(open);
        let token = self.peek(mode)?;
        if self.is(token, ")") {
            self.bump(token);
            return Ok(Some(None));
        }
        let known = TYPES.iter().any(|t| self.is(token, t));
        if !known || token.kind != Kind::Name {
            self.rewind(rewind);
            return Ok(None);
        }
        if self.is_gold() && !self.is(token, "NOLOAD") {
            return Err(self.refuse(token, "this section type is unsupported"));
        }
        let name = self.name_of(token);
        self.bump(token);
        if self.is(token, "READONLY") && self.eat(mode, "(")? {
            self.expect(mode, "TYPE")?;
            self.expect(mode, "=")?;
            self.expression()?;
            self.expect(mode, ")")?;
        } else if self.is(token, "TYPE") {
            self.expect(mode, "=")?;
            self.expression()?;
        }
        self.expect(mode, ")")?;
        let _ = start;
        Ok(Some(Some(name)))
    }

    fn optional(&mut self, keyword: &str) -> Result<Option<Expr>> {
        if self.eat(Mode::Expression, keyword)? { self.paren_expression().map(Some) } else { Ok(None) }
    }

    fn gnu_output_section(&mut self, name: Name) -> Result<OutputSection> {
        let start = name.span;
        let (address, section_type) = self.gnu_address(start)?;
        let load_address = self.optional("AT")?;
        let align = self.optional("ALIGN")?;
        if !self.is_gold() {
            self.eat(Mode::Expression, "ALIGN_WITH_INPUT")?;
        }
        let subalign = self.optional("SUBALIGN")?;
        let token = self.peek(Mode::Expression)?;
        let constraint = if self.is(token, "ONLY_IF_RO") {
            Some(Constraint::OnlyIfRo)
        } else if self.is(token, "ONLY_IF_RW") {
            Some(Constraint::OnlyIfRw)
        } else if self.is(token, "SPECIAL") {
            Some(Constraint::Special)
        } else {
            None
        };
        if constraint.is_some() {
            self.bump(token);
        }
        self.expect(Mode::Expression, "{")?;
        let body = self.gnu_statements()?;
        self.expect(self.wild(), "}")?;
        let mut section = OutputSection {
            span: start,
            name,
            address,
            section_type,
            load_address,
            align,
            subalign,
            constraint,
            body,
            region: None,
            load_region: None,
            phdrs: Vec::new(),
            fill: None,
        };
        self.gnu_trailer(&mut section, true)?;
        section.span = self.since(start);
        self.eat(Mode::Script, ",")?;
        Ok(section)
    }

    /// `>region AT>region :phdr =fill`; overlaid sections have no regions.
    fn gnu_trailer(&mut self, section: &mut OutputSection, regions: bool) -> Result<()> {
        if regions {
            if self.eat(Mode::Script, ">")? {
                section.region = Some(self.name(Mode::Script, "a region name")?);
            }
            if self.eat(Mode::Script, "AT")? {
                self.expect(Mode::Script, ">")?;
                section.load_region = Some(self.name(Mode::Script, "a region name")?);
            }
        }
        while self.eat(Mode::Script, ":")? {
            section.phdrs.push(self.name(Mode::Script, "a program header name")?);
        }
        if self.eat(Mode::Script, "=")? {
            section.fill = Some(self.expression()?);
        }
        Ok(())
    }

    fn gnu_overlay(&mut self) -> Result<Overlay> {
        let mode = Mode::Expression;
        let address = if self.at(mode, ":")? { None } else { Some(self.expression()?) };
        self.expect(mode, ":")?;
        let no_cross_refs = self.eat(mode, "NOCROSSREFS")?;
        let load_address = self.optional("AT")?;
        self.optional("SUBALIGN")?;
        self.expect(mode, "{")?;
        let mut sections = Vec::new();
        while !self.at(Mode::Script, "}")? {
            let name = self.name(Mode::Script, "a section name")?;
            let start = name.span;
            self.expect(Mode::Script, "{")?;
            let body = self.gnu_statements()?;
            self.expect(self.wild(), "}")?;
            let mut section = OutputSection::bare(name, body);
            self.gnu_trailer(&mut section, false)?;
            section.span = self.since(start);
            self.eat(Mode::Script, ",")?;
            sections.push(section);
        }
        self.expect(Mode::Script, "}")?;
        let mut last =
            OutputSection::bare(Name { text: "".into(), quoted: false, span: Span::default() }, Vec::new());
        self.gnu_trailer(&mut last, true)?;
        self.eat(Mode::Script, ",")?;
        Ok(Overlay { address, load_address, no_cross_refs, sections })
    }

    /// Statements of an output section up to, not including, `}` or an INCLUDEd text's end.
    fn gnu_statements(&mut self) -> Result<Vec<Statement>> {
        let mode = self.wild();
        let mut out = Vec::new();
        loop {
            let token = self.peek(mode)?;
            if token.kind == Kind::Eof || self.is(token, "}") {
                return Ok(out);
            }
            if self.is(token, ";") {
                self.bump(token);
                continue;
            }
            if self.is(token, "INCLUDE") {
                self.bump(token);
                out.append(&mut self.included(Self::gnu_statements)?);
                continue;
            }
            let start = self.span(token);
            let kind = self.gnu_statement(token, mode)?;
            out.push(Statement { span: self.since(start), kind });
        }
    }

    fn gnu_statement(&mut self, token: Token, mode: Mode) -> Result<StatementKind> {
        let ld = !self.is_gold();
        let word = if token.kind == Kind::Quoted { Vec::new() } else { self.raw(token).to_vec() };
        let size = match word.as_slice() {
            b"BYTE" => 1,
            b"SHORT" => 2,
            b"LONG" => 4,
            b"QUAD" | b"SQUAD" => 8,
            _ => 0,
        };
        if size > 0 {
            self.bump(token);
            return Ok(StatementKind::Data(size, self.gnu_value_in_parens(mode)?));
        }
        match word.as_slice() {
            b"FILL" => {
                self.bump(token);
                Ok(StatementKind::Fill(self.gnu_value_in_parens(mode)?))
            }
            b"ASSERT" => {
                self.bump(token);
                let assert = self.gnu_assert(token)?;
                if ld {
                    self.gnu_separator()?;
                }
                Ok(StatementKind::Assert(assert))
            }
            b"CONSTRUCTORS" => {
                self.bump(token);
                Ok(StatementKind::Marker("CONSTRUCTORS"))
            }
            b"CREATE_OBJECT_SYMBOLS" if ld => {
                self.bump(token);
                Ok(StatementKind::Marker("CREATE_OBJECT_SYMBOLS"))
            }
            b"LINKER_VERSION" if ld => {
                self.bump(token);
                Ok(StatementKind::Marker("LINKER_VERSION"))
            }
            b"ASCIZ" | b"ASCII" if ld => {
                // Words of GNU ld 2.41 on; to 2.40 they are file names.
                let rewind = self.mark();
                self.bump(token);
                if word == b"ASCII" {
                    self.eat(mode, "(")?;
                }
                let text = self.peek(mode)?;
                if text.kind != Kind::Quoted {
                    self.rewind(rewind);
                    return self.gnu_input_statement(token, mode);
                }
                let name = self.name_of(text);
                self.bump(text);
                if word == b"ASCII" {
                    self.eat(mode, ")")?;
                }
                Ok(StatementKind::Text(name))
            }
            b"SORT" | b"SORT_BY_NAME" => {
                let rewind = self.mark();
                self.bump(token);
                self.expect(mode, "(")?;
                if self.eat(mode, "CONSTRUCTORS")? {
                    self.expect(mode, ")")?;
                    return Ok(StatementKind::Marker("CONSTRUCTORS"));
                }
                self.rewind(rewind);
                self.gnu_input_statement(token, mode)
            }
            b"PROVIDE" | b"PROVIDE_HIDDEN" | b"HIDDEN" => match self.gnu_assignment(token, mode)? {
                Some(assignment) => Ok(StatementKind::Assignment(assignment)),
                None => Err(self.syntax(token, "an assignment")),
            },
            _ => self.gnu_input_statement(token, mode),
        }
    }

    fn gnu_value_in_parens(&mut self, mode: Mode) -> Result<Expr> {
        self.expect(mode, "(")?;
        let value = self.expression()?;
        self.expect(Mode::Expression, ")")?;
        Ok(value)
    }

    /// An assignment by name, or an input section description with or without KEEP.
    fn gnu_input_statement(&mut self, token: Token, mode: Mode) -> Result<StatementKind> {
        let start = self.span(token);
        if self.is(token, "KEEP") {
            self.bump(token);
            self.expect(mode, "(")?;
            let inner = self.start_of(mode)?;
            let mut description = self.gnu_description(mode)?;
            description.inner = self.since(inner);
            description.keep = true;
            self.expect(mode, ")")?;
            description.span = self.since(start);
            return Ok(StatementKind::Input(Box::new(description)));
        }
        let plain = matches!(token.kind, Kind::Name | Kind::Quoted);
        if plain && !self.is(token, "EXCLUDE_FILE") && self.sort_of(token).is_none() {
            let rewind = self.mark();
            if let Some(assignment) = self.gnu_assignment(token, mode)? {
                return Ok(StatementKind::Assignment(assignment));
            }
            self.rewind(rewind);
        }
        let mut description = self.gnu_description(mode)?;
        description.span = self.since(start);
        description.inner = description.span;
        Ok(StatementKind::Input(Box::new(description)))
    }

    fn sort_of(&self, token: Token) -> Option<Sort> {
        let gold = self.is_gold();
        if token.kind != Kind::Name {
            return None;
        }
        Some(match self.raw(token) {
            b"SORT" | b"SORT_BY_NAME" => Sort::Name,
            b"SORT_BY_ALIGNMENT" => Sort::Alignment,
            b"SORT_BY_INIT_PRIORITY" => Sort::InitPriority,
            b"SORT_NONE" if !gold => Sort::None,
            _ => return None,
        })
    }

    /// A description without KEEP.
    fn gnu_description(&mut self, mode: Mode) -> Result<InputDescription> {
        let mut description = InputDescription {
            span: Span::default(),
            inner: Span::default(),
            keep: false,
            flags: None,
            file: None,
            file_excludes: Vec::new(),
            sections: Vec::new(),
            has_list: false,
        };
        let ld = !self.is_gold();
        if ld && self.at(mode, "INPUT_SECTION_FLAGS")? {
            self.next(mode)?;
            description.flags = Some(self.gnu_flags(mode)?);
        }
        if ld && self.eat(mode, "[")? {
            description.has_list = true;
            self.gnu_section_list(mode, "]", &mut description)?;
            return Ok(description);
        }
        let first = self.peek(mode)?;
        let sort = self.sort_of(first);
        let wrapped = sort.is_some() || (ld && self.is(first, "EXCLUDE_FILE"));
        if sort.is_some_and(|s| !matches!(s, Sort::Name | Sort::None)) {
            return Err(self.syntax(first, "a file pattern"));
        }
        let file = if sort.is_some() {
            self.bump(first);
            self.expect(mode, "(")?;
            let inner = self.gnu_maybe_excluding(mode)?;
            self.expect(mode, ")")?;
            inner
        } else {
            self.gnu_maybe_excluding(mode)?
        };
        description.file_excludes = file.excludes;
        description.file = Some(file.name);
        if self.eat(mode, "(")? {
            description.has_list = true;
            self.gnu_section_list(mode, ")", &mut description)?;
        } else if wrapped {
            let token = self.peek(mode)?;
            return Err(self.syntax(token, "`(`"));
        }
        Ok(description)
    }

    fn gnu_flags(&mut self, mode: Mode) -> Result<FlagFilter> {
        let mut filter = FlagFilter::default();
        self.expect(mode, "(")?;
        loop {
            let name = self.name(mode, "a section flag")?;
            let (text, without) = match name.text.strip_prefix(b"!") {
                Some(rest) => (rest, true),
                None => (name.text.as_slice(), false),
            };
            let value = super::flags::value(text).unwrap_or(0);
            if without {
                filter.without |= value;
            } else {
                filter.with |= value;
            }
            if self.eat(mode, ")")? {
                return Ok(filter);
            }
            self.expect(mode, "&")?;
        }
    }

    /// A pattern; gold also reads a lone `*` or `?` as one.
    fn gnu_pattern(&mut self, mode: Mode) -> Result<Name> {
        let token = self.peek(mode)?;
        if self.is_gold() && (self.is(token, "*") || self.is(token, "?")) {
            self.bump(token);
            return Ok(self.name_of(token));
        }
        self.name(mode, "a pattern")
    }

    /// `PATTERN` or (ld) `EXCLUDE_FILE(...) PATTERN`.
    fn gnu_maybe_excluding(&mut self, mode: Mode) -> Result<Wrapped> {
        let mut excludes = Vec::new();
        if !self.is_gold() && self.at(mode, "EXCLUDE_FILE")? {
            self.next(mode)?;
            excludes = self.gnu_excludes(mode)?;
        }
        Ok(Wrapped { name: self.gnu_pattern(mode)?, excludes, sorts: Vec::new() })
    }

    /// `( PATTERN ... )` after EXCLUDE_FILE; not empty.
    fn gnu_excludes(&mut self, mode: Mode) -> Result<Vec<Name>> {
        self.expect(mode, "(")?;
        let mut names = vec![self.gnu_pattern(mode)?];
        while !self.eat(mode, ")")? {
            if self.is_gold() {
                self.eat(mode, ",")?;
            }
            names.push(self.gnu_pattern(mode)?);
        }
        Ok(names)
    }

    /// A non-empty list of section patterns up to and including `close`.
    fn gnu_section_list(&mut self, mode: Mode, close: &str, into: &mut InputDescription) -> Result<()> {
        let mut first = true;
        loop {
            if !first {
                if self.eat(mode, close)? {
                    return Ok(());
                }
                self.eat(mode, ",")?;
            }
            first = false;
            let start = self.start_of(mode)?;
            if self.is_gold() && self.at(mode, "EXCLUDE_FILE")? {
                self.next(mode)?;
                into.file_excludes.append(&mut self.gnu_excludes(mode)?);
                continue;
            }
            let found = self.gnu_section_spec(mode, 0)?;
            let span = self.since(start);
            into.sections.push(SectionPattern {
                span,
                name: found.name,
                excludes: found.excludes,
                sorts: found.sorts,
            });
        }
    }

    /// A section pattern inside any SORTs. ld nests name and alignment sorts two deep at most.
    fn gnu_section_spec(&mut self, mode: Mode, outer: u32) -> Result<Wrapped> {
        let token = self.peek(mode)?;
        let Some(sort) = self.sort_of(token) else {
            return self.gnu_maybe_excluding(mode);
        };
        let nests = matches!(sort, Sort::Name | Sort::Alignment);
        if outer > 0 && ((!self.is_gold() && outer > 1) || (!self.is_gold() && !nests)) {
            return Err(self.syntax(token, "a pattern"));
        }
        self.bump(token);
        self.expect(mode, "(")?;
        let mut inner = if nests {
            self.nested(|p| p.gnu_section_spec(mode, outer + 1))?
        } else {
            self.gnu_maybe_excluding(mode)?
        };
        self.expect(mode, ")")?;
        inner.sorts.insert(0, sort);
        Ok(inner)
    }
}

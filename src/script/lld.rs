//! The script grammar of lld 14 and lld 15+.
//!
//! In: the parser's cursor over words. Out: [`Command`]s. Follows lld `ScriptParser.cpp`, which
//! reads by hand: what it does not check is accepted here, too (lld 14 takes KEEP after
//! INPUT_SECTION_FLAGS for a file name).

use super::ast::{
    Assert, AssignKind, Assignment, Command, CommandKind, Constraint, Dialect, FlagFilter, InputDescription,
    InputItem, MemoryRegion, Name, OutputSection, Overlay, Phdr, SectionPattern, Sort, Span, Statement,
    StatementKind,
};
use super::expr::{Expr, Node};
use super::flags;
use super::lexer::{Kind, Mode, Token};
use super::operands::compound;
use super::parser::Parser;
use crate::error::Result;

const WORD: Mode = Mode::Script;

impl Parser<'_> {
    /// Any next token as a name (lld's `next()`).
    fn word(&mut self) -> Result<Name> {
        let token = self.next(WORD)?;
        if token.kind == Kind::Eof {
            return Err(self.syntax(token, "a word"));
        }
        Ok(self.name_of(token))
    }

    fn words_until_close(&mut self) -> Result<Vec<Name>> {
        self.expect(WORD, "(")?;
        let mut names = Vec::new();
        while !self.eat(WORD, ")")? {
            names.push(self.word()?);
        }
        Ok(names)
    }

    fn paren_word(&mut self) -> Result<Name> {
        self.expect(WORD, "(")?;
        let name = self.word()?;
        self.expect(WORD, ")")?;
        Ok(name)
    }

    /// A whole script.
    pub(super) fn lld_script(&mut self) -> Result<Vec<Command>> {
        let mut out = Vec::new();
        loop {
            let token = self.next(WORD)?;
            if token.kind == Kind::Eof {
                return Ok(out);
            }
            if !self.is(token, ";") {
                self.lld_command(token, &mut out)?;
            }
        }
    }

    fn lld_command(&mut self, token: Token, out: &mut Vec<Command>) -> Result<()> {
        let start = self.span(token);
        let word = self.raw(token).to_vec();
        let new = self.dialect.is_new_lld();
        let kind = match word.as_slice() {
            b"ENTRY" => CommandKind::Entry(self.paren_word()?),
            b"EXTERN" => CommandKind::Extern(self.words_until_close()?),
            b"INPUT" => CommandKind::Input(self.lld_inputs()?),
            b"GROUP" => CommandKind::Group(self.lld_inputs()?),
            b"INCLUDE" => return self.lld_include(),
            b"MEMORY" => CommandKind::Memory(self.lld_memory()?),
            b"OUTPUT" => CommandKind::Other { keyword: "OUTPUT", arguments: vec![self.paren_word()?] },
            b"OUTPUT_ARCH" => {
                CommandKind::Other { keyword: "OUTPUT_ARCH", arguments: self.words_until_close()? }
            }
            b"OUTPUT_FORMAT" => {
                self.expect(WORD, "(")?;
                let mut names = vec![self.word()?];
                if !self.eat(WORD, ")")? {
                    self.expect(WORD, ",")?;
                    names.push(self.word()?);
                    self.expect(WORD, ",")?;
                    names.push(self.word()?);
                    self.eat(WORD, ")")?;
                }
                CommandKind::OutputFormat(names)
            }
            b"OVERWRITE_SECTIONS" => {
                self.expect(WORD, "{")?;
                let mut sections = Vec::new();
                while !self.eat(WORD, "}")? {
                    let name = self.word()?;
                    let start = name.span;
                    let section = self.lld_output_section(name)?;
                    sections.push(Command {
                        span: self.since(start),
                        kind: CommandKind::OutputSection(Box::new(section)),
                    });
                }
                CommandKind::OverwriteSections(sections)
            }
            b"PHDRS" => CommandKind::Phdrs(self.lld_phdrs()?),
            b"REGION_ALIAS" => {
                self.expect(WORD, "(")?;
                let alias = self.word()?;
                self.expect(WORD, ",")?;
                let region = self.word()?;
                self.expect(WORD, ")")?;
                CommandKind::RegionAlias(alias, region)
            }
            b"SEARCH_DIR" => CommandKind::SearchDir(self.paren_word()?),
            b"SECTIONS" => return self.lld_sections(start, out),
            b"TARGET" => CommandKind::Other { keyword: "TARGET", arguments: vec![self.paren_word()?] },
            b"VERSION" => {
                self.expect(WORD, "{")?;
                let script = self.version_nodes(true)?;
                self.expect(WORD, "}")?;
                CommandKind::Version(Box::new(script))
            }
            b"NOCROSSREFS" | b"NOCROSSREFS_TO" if new => CommandKind::NoCrossRefs {
                to: word == b"NOCROSSREFS_TO",
                sections: self.words_until_close()?,
            },
            _ => match self.lld_assignment(token)? {
                Some(kind) => kind,
                None => return Err(self.refuse(token, "syntax error: unknown directive")),
            },
        };
        out.push(Command { span: self.since(start), kind });
        Ok(())
    }

    fn lld_include(&mut self) -> Result<()> {
        let name = self.word()?;
        self.push_include(&name)
    }

    fn lld_inputs(&mut self) -> Result<Vec<InputItem>> {
        let mut items = Vec::new();
        self.expect(WORD, "(")?;
        while !self.eat(WORD, ")")? {
            if self.eat(WORD, "AS_NEEDED")? {
                for name in self.words_until_close()? {
                    items.push(input_item(name, true));
                }
            } else {
                let name = self.word()?;
                items.push(input_item(name, false));
            }
        }
        Ok(items)
    }

    fn lld_memory(&mut self) -> Result<Vec<MemoryRegion>> {
        let mut regions = Vec::new();
        self.expect(WORD, "{")?;
        while !self.eat(WORD, "}")? {
            let name = self.word()?;
            if name.text == "INCLUDE" && !name.quoted {
                self.lld_include()?;
                continue;
            }
            let mut attributes = Vec::new();
            if self.eat(WORD, "(")? {
                attributes.push(self.word()?);
                self.expect(WORD, ")")?;
            }
            self.expect(WORD, ":")?;
            let origin = self.lld_memory_value(&["ORIGIN", "org", "o"])?;
            self.expect(WORD, ",")?;
            let length = self.lld_memory_value(&["LENGTH", "len", "l"])?;
            regions.push(MemoryRegion { name, attributes, origin, length });
        }
        Ok(regions)
    }

    fn lld_memory_value(&mut self, keywords: &[&str]) -> Result<Expr> {
        let token = self.next(WORD)?;
        if !keywords.iter().any(|k| self.is(token, k)) {
            return Err(self.syntax(token, &format!("`{}`", keywords.first().copied().unwrap_or_default())));
        }
        self.expect(WORD, "=")?;
        self.expression()
    }

    fn lld_phdrs(&mut self) -> Result<Vec<Phdr>> {
        let mut headers = Vec::new();
        self.expect(WORD, "{")?;
        while !self.eat(WORD, "}")? {
            let name = self.word()?;
            let type_name = self.word()?;
            let node = match super::words::integer(&type_name.text) {
                Some(value) => Node::Integer(value),
                None => Node::Symbol(type_name.text),
            };
            let phdr_type = Expr { span: type_name.span, nodes: vec![node] };
            let mut header = Phdr { name, phdr_type, filehdr: false, phdrs: false, at: None, flags: None };
            while !self.eat(WORD, ";")? {
                let token = self.next(WORD)?;
                match self.raw(token) {
                    b"FILEHDR" => header.filehdr = true,
                    b"PHDRS" => header.phdrs = true,
                    b"AT" => header.at = Some(self.paren_expression()?),
                    b"FLAGS" => header.flags = Some(self.paren_expression()?),
                    _ => return Err(self.syntax(token, "a header attribute")),
                }
            }
            headers.push(header);
        }
        Ok(headers)
    }

    fn lld_sections(&mut self, start: Span, out: &mut Vec<Command>) -> Result<()> {
        self.expect(WORD, "{")?;
        let mut body = Vec::new();
        while !self.eat(WORD, "}")? {
            let token = self.next(WORD)?;
            if token.kind == Kind::Eof {
                return Err(self.syntax(token, "`}`"));
            }
            let begin = self.span(token);
            let kind = if self.is(token, "OVERLAY") {
                CommandKind::Overlay(Box::new(self.lld_overlay()?))
            } else if self.is(token, "INCLUDE") {
                self.lld_include()?;
                continue;
            } else if let Some(kind) = self.lld_assignment(token)? {
                kind
            } else {
                let name = self.name_of(token);
                CommandKind::OutputSection(Box::new(self.lld_output_section(name)?))
            };
            body.push(Command { span: self.since(begin), kind });
        }
        out.push(Command { span: self.since(start), kind: CommandKind::Sections(body) });
        let insert = self.peek(WORD)?;
        if self.is(insert, "INSERT") {
            self.bump(insert);
            let start = self.span(insert);
            let after = self.eat(WORD, "AFTER")?;
            if !after {
                self.expect(WORD, "BEFORE")?;
            }
            let section = self.word()?;
            out.push(Command {
                span: self.since(start),
                kind: CommandKind::Insert { before: !after, section },
            });
        }
        Ok(())
    }

    /// ASSERT or an assignment that begins with `token` (consumed); `None` if it is neither, with
    /// nothing more consumed.
    fn lld_assignment(&mut self, token: Token) -> Result<Option<CommandKind>> {
        let start = self.span(token);
        if self.is(token, "ASSERT") {
            self.expect(WORD, "(")?;
            let value = self.expression()?;
            self.expect(WORD, ",")?;
            let message = self.word()?;
            self.expect(WORD, ")")?;
            return Ok(Some(CommandKind::Assert(Assert { span: self.since(start), value, message })));
        }
        let new = self.dialect.is_new_lld();
        let name = self.name_of(token);
        let op = self.peek(WORD)?;
        let op_text = if op.kind == Kind::Quoted { Vec::new() } else { self.raw(op).to_vec() };
        let kind = match self.raw(token) {
            b"PROVIDE" => Some(AssignKind::Provide),
            b"PROVIDE_HIDDEN" => Some(AssignKind::ProvideHidden),
            b"HIDDEN" => Some(AssignKind::Hidden),
            _ => None,
        };
        // A word that merely begins with `=` counts from lld 15 on (`x =y`).
        let plain = op_text == b"=" || (new && op_text.first() == Some(&b'='));
        let assignment = if plain {
            self.in_expression = new;
            let op = self.peek(WORD);
            let op = op.inspect_err(|_| ())?;
            self.bump(op);
            let value = self.expression();
            self.in_expression = false;
            Assignment { span: start, name, kind: AssignKind::Plain, value: value?, compound: false }
        } else if let Some(applied) = compound(self.dialect, &op_text) {
            self.bump(op);
            let value = self.expression()?.applied_to(&name.text, applied);
            Assignment { span: start, name, kind: AssignKind::Plain, value, compound: true }
        } else if let Some(kind) = kind {
            self.in_expression = new;
            let inner = self.lld_provide(kind, start);
            self.in_expression = false;
            inner?
        } else {
            return Ok(None);
        };
        self.expect(WORD, ";")?;
        let span = self.since(start);
        Ok(Some(CommandKind::Assignment(Assignment { span, ..assignment })))
    }

    fn lld_provide(&mut self, kind: AssignKind, start: Span) -> Result<Assignment> {
        self.expect(WORD, "(")?;
        let name = self.word()?;
        let op = self.peek(WORD)?;
        let raw = self.raw(op).to_vec();
        let applied = if self.dialect == Dialect::Lld14 { compound(self.dialect, &raw) } else { None };
        if raw != b"=" && applied.is_none() {
            return Err(self.syntax(op, "`=`"));
        }
        self.bump(op);
        let mut value = self.expression()?;
        if let Some(applied) = applied {
            value = value.applied_to(&name.text, applied);
        }
        self.expect(WORD, ")")?;
        Ok(Assignment { span: start, name, kind, value, compound: applied.is_some() })
    }

    fn lld_overlay(&mut self) -> Result<Overlay> {
        let new = self.dialect.is_new_lld();
        let address = if new && self.eat(WORD, ":")? {
            None
        } else {
            let address = self.expression()?;
            self.expect(WORD, ":")?;
            Some(address)
        };
        let no_cross_refs = self.dialect == Dialect::Lld20 && self.eat(WORD, "NOCROSSREFS")?;
        let load_address = if !new || self.at(WORD, "AT")? {
            self.expect(WORD, "AT")?;
            Some(self.paren_expression()?)
        } else {
            None
        };
        self.expect(WORD, "{")?;
        let mut sections = Vec::new();
        while !self.eat(WORD, "}")? {
            let name = self.word()?;
            let start = name.span;
            self.expect(WORD, "{")?;
            let mut body = Vec::new();
            while !self.eat(WORD, "}")? {
                let begin = self.start_of(WORD)?;
                let keep = self.dialect == Dialect::Lld20 && self.eat(WORD, "KEEP")?;
                if keep {
                    self.expect(WORD, "(")?;
                }
                let inner = self.start_of(WORD)?;
                let flags =
                    if self.eat(WORD, "INPUT_SECTION_FLAGS")? { Some(self.lld_flags()?) } else { None };
                let file = self.word()?;
                let mut description = self.lld_rules(file, flags)?;
                description.keep = keep;
                description.inner = self.since(inner);
                if keep {
                    self.expect(WORD, ")")?;
                }
                description.span = self.since(begin);
                body.push(Statement {
                    span: description.span,
                    kind: StatementKind::Input(Box::new(description)),
                });
            }
            let mut section = OutputSection::bare(name, body);
            if new {
                section.phdrs = self.lld_section_phdrs()?;
            }
            section.span = self.since(start);
            sections.push(section);
        }
        Ok(Overlay { address, load_address, no_cross_refs, sections })
    }

    /// `(NOLOAD)` and relatives after an opening parenthesis; `None` if it is none of them.
    fn lld_type(&mut self) -> Result<Option<Name>> {
        let new = self.dialect.is_new_lld();
        let token = self.peek(WORD)?;
        let known = ["NOLOAD", "COPY", "INFO", "OVERLAY"].iter().any(|t| self.is(token, t));
        let known = known || (new && self.is(token, "TYPE"));
        if !known {
            return Ok(None);
        }
        self.bump(token);
        let name = self.name_of(token);
        if self.is(token, "TYPE") {
            self.expect(WORD, "=")?;
            self.expression()?;
        }
        self.expect(WORD, ")")?;
        Ok(Some(name))
    }

    fn lld_address(&mut self) -> Result<(Option<Expr>, Option<Name>)> {
        if self.at(WORD, ":")? {
            return Ok((None, None));
        }
        let new = self.dialect.is_new_lld();
        let rewind = self.mark();
        if self.eat(WORD, "(")? {
            self.in_expression = new;
            let found = self.lld_type();
            self.in_expression = false;
            if let Some(name) = found? {
                return Ok((None, Some(name)));
            }
            if new {
                // lld takes what is in the parentheses for the whole address.
                self.in_expression = true;
                let value = self.expression().and_then(|value| self.expect(WORD, ")").map(|_| value));
                self.in_expression = false;
                return self.lld_type_after(value?);
            }
            self.rewind(rewind);
        }
        let address = self.expression()?;
        self.lld_type_after(address)
    }

    fn lld_type_after(&mut self, address: Expr) -> Result<(Option<Expr>, Option<Name>)> {
        if !self.eat(WORD, "(")? {
            return Ok((Some(address), None));
        }
        self.in_expression = self.dialect.is_new_lld();
        let found = self.lld_type();
        self.in_expression = false;
        match found? {
            Some(name) => Ok((Some(address), Some(name))),
            None => {
                let token = self.peek(WORD)?;
                Err(self.syntax(token, "a section type"))
            }
        }
    }

    fn lld_output_section(&mut self, name: Name) -> Result<OutputSection> {
        let start = name.span;
        let mut section = OutputSection::bare(name, Vec::new());
        (section.address, section.section_type) = self.lld_address()?;
        self.expect(WORD, ":")?;
        if self.eat(WORD, "AT")? {
            section.load_address = Some(self.paren_expression()?);
        }
        if self.eat(WORD, "ALIGN")? {
            section.align = Some(self.paren_expression()?);
        }
        if self.eat(WORD, "SUBALIGN")? {
            section.subalign = Some(self.paren_expression()?);
        }
        if self.eat(WORD, "ONLY_IF_RO")? {
            section.constraint = Some(Constraint::OnlyIfRo);
        }
        if self.eat(WORD, "ONLY_IF_RW")? {
            section.constraint = Some(Constraint::OnlyIfRw);
        }
        self.expect(WORD, "{")?;
        while !self.eat(WORD, "}")? {
            self.lld_statement(&mut section)?;
        }
        if self.eat(WORD, ">")? {
            section.region = Some(self.word()?);
        }
        if self.eat(WORD, "AT")? {
            self.expect(WORD, ">")?;
            section.load_region = Some(self.word()?);
        }
        section.phdrs = self.lld_section_phdrs()?;
        let fill = self.peek(WORD)?;
        if fill.kind != Kind::Quoted && self.raw(fill).first() == Some(&b'=') {
            self.in_expression = true;
            let value = self.eat(WORD, "=").and_then(|_| self.single_operand());
            self.in_expression = false;
            section.fill = Some(value?);
        }
        self.eat(WORD, ",")?;
        section.span = self.since(start);
        Ok(section)
    }

    fn lld_section_phdrs(&mut self) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        loop {
            let token = self.peek(WORD)?;
            if token.kind == Kind::Quoted || self.raw(token).first() != Some(&b':') {
                return Ok(names);
            }
            self.bump(token);
            let mut name = self.name_of(token);
            if name.text.len() == 1 {
                name = self.word()?;
            } else {
                name.text.remove(0);
            }
            names.push(name);
        }
    }

    fn lld_statement(&mut self, section: &mut OutputSection) -> Result<()> {
        let token = self.next(WORD)?;
        if token.kind == Kind::Eof {
            return Err(self.syntax(token, "`}`"));
        }
        let start = self.span(token);
        let word = self.raw(token).to_vec();
        let new = self.dialect.is_new_lld();
        if word == b";" {
            return Ok(());
        }
        let size = match word.as_slice() {
            b"BYTE" => 1,
            b"SHORT" => 2,
            b"LONG" => 4,
            b"QUAD" => 8,
            _ => 0,
        };
        let kind = if let Some(kind) = self.lld_assignment(token)? {
            match kind {
                CommandKind::Assert(assert) => StatementKind::Assert(assert),
                CommandKind::Assignment(assignment) => StatementKind::Assignment(assignment),
                _ => return Ok(()),
            }
        } else if size > 0 {
            StatementKind::Data(size, self.paren_expression()?)
        } else if word == b"CONSTRUCTORS" {
            StatementKind::Marker("CONSTRUCTORS")
        } else if word == b"FILL" {
            if !self.at(WORD, "(")? {
                let after = self.peek(WORD)?;
                return Err(self.syntax(after, "`(`"));
            }
            StatementKind::Fill(self.single_operand()?)
        } else if word == b"SORT" {
            self.expect(WORD, "(")?;
            self.expect(WORD, "CONSTRUCTORS")?;
            self.expect(WORD, ")")?;
            StatementKind::Marker("CONSTRUCTORS")
        } else if word == b"INCLUDE" {
            return self.lld_include();
        } else if new && (word == b"(" || word == b")") {
            return Err(self.syntax(token, "a file name pattern"));
        } else if self.at(WORD, "(")? {
            StatementKind::Input(Box::new(self.lld_description(token, start)?))
        } else {
            let file = self.name_of(token);
            StatementKind::Input(Box::new(InputDescription {
                span: start,
                inner: start,
                keep: false,
                flags: None,
                file: Some(file),
                file_excludes: Vec::new(),
                sections: Vec::new(),
                has_list: false,
            }))
        };
        section.body.push(Statement { span: self.since(start), kind });
        Ok(())
    }

    fn lld_description(&mut self, token: Token, start: Span) -> Result<InputDescription> {
        if self.is(token, "KEEP") {
            self.expect(WORD, "(")?;
            let inner = self.start_of(WORD)?;
            let flags = if self.eat(WORD, "INPUT_SECTION_FLAGS")? { Some(self.lld_flags()?) } else { None };
            let file = self.word()?;
            let mut description = self.lld_rules(file, flags)?;
            description.inner = self.since(inner);
            description.keep = true;
            self.expect(WORD, ")")?;
            description.span = self.since(start);
            return Ok(description);
        }
        let (file, flags) = if self.is(token, "INPUT_SECTION_FLAGS") {
            let flags = self.lld_flags()?;
            (self.word()?, Some(flags))
        } else {
            (self.name_of(token), None)
        };
        let mut description = self.lld_rules(file, flags)?;
        description.span = self.since(start);
        description.inner = description.span;
        Ok(description)
    }

    fn lld_flags(&mut self) -> Result<FlagFilter> {
        let mut filter = FlagFilter::default();
        self.expect(WORD, "(")?;
        loop {
            let token = self.next(WORD)?;
            let name = self.name_of(token);
            let (text, without) = match name.text.strip_prefix(b"!") {
                Some(rest) => (rest, true),
                None => (name.text.as_slice(), false),
            };
            let Some(value) = flags::value(text) else {
                return Err(self.refuse(token, "syntax error: unrecognised flag"));
            };
            if without {
                filter.without |= value;
            } else {
                filter.with |= value;
            }
            if self.eat(WORD, ")")? {
                return Ok(filter);
            }
            self.expect(WORD, "&")?;
        }
    }

    fn lld_sort(&mut self) -> Result<Option<Sort>> {
        let token = self.peek(WORD)?;
        let sort = match self.raw(token) {
            b"SORT" | b"SORT_BY_NAME" => Sort::Name,
            b"SORT_BY_ALIGNMENT" => Sort::Alignment,
            b"SORT_BY_INIT_PRIORITY" => Sort::InitPriority,
            b"SORT_NONE" => Sort::None,
            b"REVERSE" if self.dialect.is_new_lld() => Sort::Reverse,
            _ => return Ok(None),
        };
        Ok(Some(sort))
    }

    /// `( patterns )` after a file pattern.
    fn lld_rules(&mut self, file: Name, flags: Option<FlagFilter>) -> Result<InputDescription> {
        let mut description = InputDescription {
            span: file.span,
            inner: file.span,
            keep: false,
            flags,
            file: Some(file),
            file_excludes: Vec::new(),
            sections: Vec::new(),
            has_list: true,
        };
        self.expect(WORD, "(")?;
        while !self.eat(WORD, ")")? {
            let before = self.mark();
            let mut sorts = Vec::new();
            for _ in 0..2 {
                if let Some(sort) = self.lld_sort()? {
                    self.next(WORD)?;
                    self.expect(WORD, "(")?;
                    sorts.push(sort);
                } else {
                    break;
                }
            }
            self.lld_list(&sorts, &mut description.sections)?;
            for _ in &sorts {
                self.expect(WORD, ")")?;
            }
            if self.mark() == before {
                let token = self.peek(WORD)?;
                return Err(self.syntax(token, "a section pattern"));
            }
        }
        Ok(description)
    }

    /// Patterns and EXCLUDE_FILEs up to a `)` or a SORT. An EXCLUDE_FILE covers the patterns that
    /// follow it up to the next one.
    fn lld_list(&mut self, sorts: &[Sort], out: &mut Vec<SectionPattern>) -> Result<()> {
        let new = self.dialect.is_new_lld();
        loop {
            if self.at(WORD, ")")? {
                return Ok(());
            }
            let mut excludes = Vec::new();
            let start = self.start_of(WORD)?;
            if self.eat(WORD, "EXCLUDE_FILE")? {
                excludes = self.words_until_close()?;
            }
            let mut any = false;
            loop {
                let token = self.peek(WORD)?;
                let stop =
                    self.is(token, ")") || self.is(token, "EXCLUDE_FILE") || self.lld_sort()?.is_some();
                if stop {
                    break;
                }
                let meta = matches!(self.raw(token).first(), Some(b'(' | b')' | b'{' | b'}'));
                if token.kind == Kind::Eof || (new && meta) {
                    return Err(self.syntax(token, "a section pattern"));
                }
                self.bump(token);
                let name = self.name_of(token);
                let span = if any { name.span } else { start.to(name.span) };
                any = true;
                out.push(SectionPattern { span, name, excludes: excludes.clone(), sorts: sorts.to_vec() });
            }
            if !any {
                if excludes.is_empty() {
                    return Ok(());
                }
                let token = self.peek(WORD)?;
                return Err(self.syntax(token, "a section pattern"));
            }
        }
    }
}

fn input_item(mut name: Name, as_needed: bool) -> InputItem {
    let library = name.text.starts_with(b"-l");
    if library {
        name.text.drain(..2);
    }
    InputItem { name, library, as_needed }
}

//! Reading expressions: operators by precedence, functions, names, numbers.
//!
//! In: the parser's cursor. Out: [`Expr`] nodes in post-order. Long chains loop; only parentheses,
//! unary operators and `?:` nest, and those are limited. The differences between linkers are which
//! functions exist and how names in parentheses are cut into tokens.

use bstr::BString;

use super::ast::{Dialect, Name};
use super::expr::{BinaryOp, Expr, NameFn, Node, NodeIndex, UnaryOp};
use super::lexer::{Kind, Mode, Token};
use super::parser::Parser;
use super::words;
use crate::error::Result;

fn precedence(dialect: Dialect, op: &[u8]) -> Option<(u8, BinaryOp)> {
    use BinaryOp::*;
    let flat = dialect == Dialect::Lld14;
    Some(match op {
        b"*" => (11, Mul),
        b"/" => (11, Div),
        b"%" => (11, Rem),
        b"+" => (10, Add),
        b"-" => (10, Sub),
        b"<<" => (9, Shl),
        b">>" => (9, Shr),
        b"<" => (8, Lt),
        b">" => (8, Gt),
        b"<=" => (8, Le),
        b">=" => (8, Ge),
        b"==" => (if flat { 8 } else { 7 }, Eq),
        b"!=" => (if flat { 8 } else { 7 }, Ne),
        b"&" => (6, BitAnd),
        b"^" if dialect != Dialect::Lld14 => (5, BitXor),
        b"|" => (4, BitOr),
        b"&&" => (3, And),
        b"||" => (2, Or),
        _ => return None,
    })
}

/// The operator that a compound assignment applies, if `text` is one for the dialect.
pub(super) fn compound(dialect: Dialect, text: &[u8]) -> Option<BinaryOp> {
    let op = match text {
        b"+=" => BinaryOp::Add,
        b"-=" => BinaryOp::Sub,
        b"*=" => BinaryOp::Mul,
        b"/=" => BinaryOp::Div,
        b"<<=" => BinaryOp::Shl,
        b">>=" => BinaryOp::Shr,
        b"&=" => BinaryOp::BitAnd,
        b"|=" => BinaryOp::BitOr,
        b"^=" if dialect.is_new_lld() => BinaryOp::BitXor,
        _ => return None,
    };
    (dialect != Dialect::Lld14 || text == b"+=").then_some(op)
}

impl Parser<'_> {
    /// An expression up to the first token that cannot continue it.
    pub(super) fn expression(&mut self) -> Result<Expr> {
        let was = std::mem::replace(&mut self.in_expression, true);
        let result = self.whole_expression();
        self.in_expression = was;
        result
    }

    fn whole_expression(&mut self) -> Result<Expr> {
        let first = self.peek(Mode::Expression)?;
        let start = self.span(first);
        let mut nodes = Vec::new();
        self.ternary(&mut nodes)?;
        Ok(Expr { span: self.since(start), nodes })
    }

    /// One operand without operators after it (lld's fill values).
    pub(super) fn single_operand(&mut self) -> Result<Expr> {
        let was = std::mem::replace(&mut self.in_expression, true);
        let first = self.peek(Mode::Expression)?;
        let start = self.span(first);
        let mut nodes = Vec::new();
        let result = self.operand(&mut nodes);
        self.in_expression = was;
        result?;
        Ok(Expr { span: self.since(start), nodes })
    }

    /// `( expression )`.
    pub(super) fn paren_expression(&mut self) -> Result<Expr> {
        self.expect(Mode::Expression, "(")?;
        let value = self.expression()?;
        self.expect(Mode::Expression, ")")?;
        Ok(value)
    }

    fn ternary(&mut self, nodes: &mut Vec<Node>) -> Result<NodeIndex> {
        self.nested(|p| {
            let condition = p.binary(nodes)?;
            if !p.eat(Mode::Expression, "?")? {
                return Ok(condition);
            }
            let yes = p.ternary(nodes)?;
            p.expect(Mode::Expression, ":")?;
            let no = p.ternary(nodes)?;
            Ok(push(nodes, Node::Ternary(condition, yes, no)))
        })
    }

    /// Operators by precedence with an explicit stack (shunting-yard).
    fn binary(&mut self, nodes: &mut Vec<Node>) -> Result<NodeIndex> {
        let mut values = vec![self.operand(nodes)?];
        let mut waiting: Vec<(u8, BinaryOp)> = Vec::new();
        let reduce = |nodes: &mut Vec<Node>, values: &mut Vec<NodeIndex>, op: BinaryOp| {
            if let (Some(b), Some(a)) = (values.pop(), values.pop()) {
                values.push(push(nodes, Node::Binary(op, a, b)));
            }
        };
        loop {
            let token = self.peek(Mode::Expression)?;
            let found =
                if token.kind == Kind::Quoted { None } else { precedence(self.dialect, self.raw(token)) };
            let limit = found.map_or(0, |(level, _)| level);
            while let Some(&(level, op)) = waiting.last().filter(|(level, _)| *level >= limit) {
                let _ = level;
                waiting.pop();
                reduce(nodes, &mut values, op);
            }
            let Some(found) = found else { break };
            self.bump(token);
            waiting.push(found);
            values.push(self.operand(nodes)?);
        }
        Ok(values.pop().unwrap_or(0))
    }

    /// A prefix operator, parenthesis, function, number or name.
    fn operand(&mut self, nodes: &mut Vec<Node>) -> Result<NodeIndex> {
        self.nested(|p| {
            let token = p.next(Mode::Expression)?;
            match token.kind {
                Kind::Integer(value) => return Ok(push(nodes, Node::Integer(value))),
                Kind::Op("(") => {
                    let inner = p.ternary(nodes)?;
                    p.expect(Mode::Expression, ")")?;
                    return Ok(inner);
                }
                Kind::Op("+") if !p.dialect.is_lld() => return p.operand(nodes),
                Kind::Op(op @ ("-" | "!" | "~")) => {
                    let inner = p.operand(nodes)?;
                    let op = match op {
                        "-" => UnaryOp::Minus,
                        "!" => UnaryOp::Not,
                        _ => UnaryOp::Complement,
                    };
                    return Ok(push(nodes, Node::Unary(op, inner)));
                }
                Kind::Quoted => {
                    let name = p.name_of(token).text;
                    return Ok(push(nodes, symbol(name)));
                }
                Kind::Name => {}
                _ => return Err(p.syntax(token, "an expression")),
            }
            if let Some(index) = p.function(token, nodes)? {
                return Ok(index);
            }
            let name = p.name_of(token);
            if p.dialect.is_lld() {
                return p.lld_word(token, name, nodes);
            }
            if p.is_keyword(Mode::Expression, token) {
                return Err(p.syntax(token, "an expression"));
            }
            Ok(push(nodes, symbol(name.text)))
        })
    }

    /// A number or symbol of lld; anything else is "malformed number" there.
    fn lld_word(&mut self, token: Token, name: Name, nodes: &mut Vec<Node>) -> Result<NodeIndex> {
        if name.text == "." {
            return Ok(push(nodes, Node::Dot));
        }
        if let Some(value) = words::integer(&name.text) {
            return Ok(push(nodes, Node::Integer(value)));
        }
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'.' | b'_');
        let starts_well = name.text.first().is_some_and(|b| !b.is_ascii_digit());
        if !starts_well || !name.text.iter().all(plain) {
            return Err(self.refuse(token, &format!("malformed number: {}", name.text)));
        }
        Ok(push(nodes, Node::Symbol(name.text)))
    }

    /// A built-in function, if `token` names one of the dialect.
    fn function(&mut self, token: Token, nodes: &mut Vec<Node>) -> Result<Option<NodeIndex>> {
        let word = self.raw(token).to_vec();
        let gold = self.dialect == Dialect::Gold;
        let lld = self.dialect.is_lld();
        let of_name = match word.as_slice() {
            b"DEFINED" => Some(NameFn::Defined),
            b"SIZEOF" => Some(NameFn::Sizeof),
            b"ALIGNOF" => Some(NameFn::Alignof),
            b"ADDR" => Some(NameFn::Addr),
            b"LOADADDR" => Some(NameFn::Loadaddr),
            b"ORIGIN" => Some(NameFn::Origin),
            b"LENGTH" => Some(NameFn::Length),
            b"CONSTANT" => Some(NameFn::Constant),
            _ => None,
        };
        if let Some(function) = of_name {
            // ld reads section and region names in its SCRIPT state; gold stays in expressions.
            let script_name = !matches!(function, NameFn::Defined | NameFn::Constant) && !gold;
            let mode = if script_name || lld { Mode::Script } else { Mode::Expression };
            let name = self.literal_in_parens(mode)?;
            return Ok(Some(push(nodes, Node::Function(function, name))));
        }
        let one = match word.as_slice() {
            b"ABSOLUTE" => Some(UnaryOp::Absolute),
            b"BLOCK" if !lld => Some(UnaryOp::Align),
            b"NEXT" if self.dialect == Dialect::Bfd => Some(UnaryOp::Next),
            b"LOG2CEIL" if !gold => Some(UnaryOp::Log2Ceil),
            b"DATA_SEGMENT_END" => Some(UnaryOp::DataSegmentEnd),
            _ => None,
        };
        if let Some(op) = one {
            let arguments = self.arguments(nodes, 1, 1)?;
            let inner = arguments.first().copied().unwrap_or(0);
            return Ok(Some(push(nodes, Node::Unary(op, inner))));
        }
        let two = match word.as_slice() {
            b"MAX" => Some(BinaryOp::Max),
            b"MIN" => Some(BinaryOp::Min),
            b"ALIGN" => Some(BinaryOp::Align),
            b"DATA_SEGMENT_ALIGN" => Some(BinaryOp::DataSegmentAlign),
            b"DATA_SEGMENT_RELRO_END" => Some(BinaryOp::DataSegmentRelroEnd),
            _ => None,
        };
        if let Some(op) = two {
            let fewest = if op == BinaryOp::Align { 1 } else { 2 };
            let arguments = self.arguments(nodes, fewest, 2)?;
            return Ok(Some(match arguments.as_slice() {
                [a, b] => push(nodes, Node::Binary(op, *a, *b)),
                [a] => push(nodes, Node::Unary(UnaryOp::Align, *a)),
                _ => 0,
            }));
        }
        match word.as_slice() {
            b"SIZEOF_HEADERS" => Ok(Some(push(nodes, Node::SizeofHeaders))),
            b"sizeof_headers" if gold => Ok(Some(push(nodes, Node::SizeofHeaders))),
            b"SEGMENT_START" => {
                let mode = if gold { Mode::Expression } else { Mode::Script };
                self.expect(Mode::Expression, "(")?;
                let segment = self.literal(mode)?;
                self.expect(Mode::Expression, ",")?;
                let value = self.ternary(nodes)?;
                self.expect(Mode::Expression, ")")?;
                Ok(Some(push(nodes, Node::SegmentStart(segment, value))))
            }
            b"ASSERT" => {
                self.expect(Mode::Expression, "(")?;
                let value = self.ternary(nodes)?;
                self.expect(Mode::Expression, ",")?;
                let message = self.name(Mode::Expression, "a message")?;
                self.expect(Mode::Expression, ")")?;
                Ok(Some(push(nodes, Node::Assert(value, message.text))))
            }
            _ => Ok(None),
        }
    }

    fn literal_in_parens(&mut self, mode: Mode) -> Result<BString> {
        self.expect(Mode::Expression, "(")?;
        let name = self.literal(mode)?;
        self.expect(Mode::Expression, ")")?;
        Ok(name)
    }

    /// A name that is not split at operators, even by lld within an expression.
    fn literal(&mut self, mode: Mode) -> Result<BString> {
        let was = std::mem::replace(&mut self.in_expression, false);
        let name = self.name(mode, "a name");
        self.in_expression = was;
        Ok(name?.text)
    }

    fn arguments(&mut self, nodes: &mut Vec<Node>, fewest: usize, most: usize) -> Result<Vec<NodeIndex>> {
        self.expect(Mode::Expression, "(")?;
        let mut arguments = vec![self.ternary(nodes)?];
        while arguments.len() < most {
            if arguments.len() >= fewest && self.at(Mode::Expression, ")")? {
                break;
            }
            self.expect(Mode::Expression, ",")?;
            arguments.push(self.ternary(nodes)?);
        }
        self.expect(Mode::Expression, ")")?;
        Ok(arguments)
    }
}

fn symbol(name: BString) -> Node {
    if name == "." { Node::Dot } else { Node::Symbol(name) }
}

fn push(nodes: &mut Vec<Node>, node: Node) -> NodeIndex {
    let index = NodeIndex::try_from(nodes.len()).unwrap_or(NodeIndex::MAX);
    nodes.push(node);
    index
}

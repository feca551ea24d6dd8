//! Expressions of linker scripts and `--defsym`: the tree, and the facts that liveness needs.
//!
//! In: nodes pushed by the parser. Out: [`Expr`], a flat list where every operand stands before
//! its operator, so that no walk recurses; referenced symbols (GS 4.3); and for GNU ld the section
//! an expression's value belongs to (GS 4.4, `ldexp.c exp_fold_tree_1`).

use bstr::{BStr, BString, ByteSlice};

use super::ast::Span;

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-e`
    Minus,
    /// `!e`
    Not,
    /// `~e`
    Complement,
    /// `ABSOLUTE(e)`
    Absolute,
    /// `ALIGN(e)`, `BLOCK(e)`: the location counter aligned
    Align,
    /// `NEXT(e)`
    Next,
    /// `LOG2CEIL(e)`
    Log2Ceil,
    /// `DATA_SEGMENT_END(e)`
    DataSegmentEnd,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the C operators speak for themselves
pub enum BinaryOp {
    Mul,
    Div,
    Rem,
    Add,
    Sub,
    Shl,
    Shr,
    Eq,
    Ne,
    Le,
    Ge,
    Lt,
    Gt,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
    Max,
    Min,
    /// `ALIGN(value, alignment)`
    Align,
    /// `DATA_SEGMENT_ALIGN(max, common)`
    DataSegmentAlign,
    /// `DATA_SEGMENT_RELRO_END(offset, exp)`, operands as written
    DataSegmentRelroEnd,
}

impl BinaryOp {
    /// The operator on plain numbers, truth as 0 or 1. `None`: a division by zero, or an operator that needs
    /// the location counter.
    pub(crate) fn of_numbers(self, x: u64, y: u64) -> Option<u64> {
        use BinaryOp::*;
        let truth = |t: bool| Some(u64::from(t));
        let shift = |by: u64| u32::try_from(by).ok().filter(|&s| s < 64);
        let signed = |f: fn(i64, i64) -> i64| f(x.cast_signed(), y.cast_signed()).cast_unsigned();
        match self {
            Add => Some(x.wrapping_add(y)),
            Sub => Some(x.wrapping_sub(y)),
            Mul => Some(x.wrapping_mul(y)),
            Div | Rem if y == 0 => None,
            Div => Some(signed(i64::wrapping_div)),
            Rem => Some(signed(i64::wrapping_rem)),
            Shl => Some(shift(y).map_or(0, |s| x << s)),
            Shr => Some(shift(y).map_or(0, |s| x >> s)),
            BitAnd => Some(x & y),
            BitXor => Some(x ^ y),
            BitOr => Some(x | y),
            Eq => truth(x == y),
            Ne => truth(x != y),
            Lt => truth(x < y),
            Gt => truth(x > y),
            Le => truth(x <= y),
            Ge => truth(x >= y),
            And => truth(x != 0 && y != 0),
            Or => truth(x != 0 || y != 0),
            Max => Some(x.max(y)),
            Min => Some(x.min(y)),
            Align | DataSegmentAlign | DataSegmentRelroEnd => None,
        }
    }
}

/// The next multiple of `to`.
pub(crate) fn align(value: u64, to: u64) -> u64 {
    if to <= 1 { value } else { (value.wrapping_add(to - 1) / to).wrapping_mul(to) }
}

/// `LOG2CEIL(value)`.
pub(crate) fn log2ceil(value: u64) -> u64 {
    value.checked_next_power_of_two().map_or(64, |p| u64::from(p.trailing_zeros()))
}

/// Functions of one section, region or constant name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // named as in scripts
pub enum NameFn {
    Defined,
    Sizeof,
    Alignof,
    Addr,
    Loadaddr,
    Origin,
    Length,
    Constant,
}

/// Index of a [`Node`] in its [`Expr`].
pub type NodeIndex = u32;

/// One node; operands are indexes of earlier nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A number.
    Integer(u64),
    /// `.`
    Dot,
    /// A symbol.
    Symbol(BString),
    /// DEFINED, SIZEOF, ...
    Function(NameFn, BString),
    /// `SIZEOF_HEADERS`
    SizeofHeaders,
    /// Unary operator.
    Unary(UnaryOp, NodeIndex),
    /// Binary operator.
    Binary(BinaryOp, NodeIndex, NodeIndex),
    /// `condition ? yes : no`
    Ternary(NodeIndex, NodeIndex, NodeIndex),
    /// `SEGMENT_START(segment, default)`
    SegmentStart(BString, NodeIndex),
    /// `ASSERT(e, "message")` as a value
    Assert(NodeIndex, BString),
}

/// An expression: nodes in post-order; the last one is the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// Where it is written.
    pub span: Span,
    /// Nodes, operands before operators. Never empty when made by the parser.
    pub nodes: Vec<Node>,
}

impl Expr {
    /// `name OP self`: the value of a compound assignment (`name += self`).
    #[must_use]
    pub fn applied_to(self, name: &[u8], op: BinaryOp) -> Expr {
        let target = if name == b"." { Node::Dot } else { Node::Symbol(name.into()) };
        let mut nodes = Vec::with_capacity(self.nodes.len() + 2);
        nodes.push(target);
        nodes.extend(self.nodes.into_iter().map(|node| node.shifted(1)));
        let root = index(nodes.len().saturating_sub(1));
        nodes.push(Node::Binary(op, 0, root));
        Expr { span: self.span, nodes }
    }

    /// Names of symbols the value is made of, in order, with repetitions: not those only asked
    /// about in DEFINED, SIZEOF, ADDR and relatives (GS 4.3), and not `.`.
    pub fn symbols_referenced(&self) -> impl Iterator<Item = &BStr> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Symbol(name) => Some(name.as_bstr()),
            _ => None,
        })
    }

    /// The number, if the expression is a literal one.
    pub fn literal(&self) -> Option<u64> {
        match self.nodes.as_slice() {
            [Node::Integer(value)] => Some(*value),
            _ => None,
        }
    }
}

impl Node {
    fn shifted(self, by: NodeIndex) -> Node {
        let s = |i: NodeIndex| i.saturating_add(by);
        match self {
            Node::Unary(op, a) => Node::Unary(op, s(a)),
            Node::Binary(op, a, b) => Node::Binary(op, s(a), s(b)),
            Node::Ternary(c, a, b) => Node::Ternary(s(c), s(a), s(b)),
            Node::SegmentStart(name, a) => Node::SegmentStart(name, s(a)),
            Node::Assert(a, message) => Node::Assert(s(a), message),
            leaf => leaf,
        }
    }
}

fn index(n: usize) -> NodeIndex {
    NodeIndex::try_from(n).unwrap_or(NodeIndex::MAX)
}

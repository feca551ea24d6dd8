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

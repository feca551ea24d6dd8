//! Expressions of linker scripts and `--defsym`: the tree, and the facts that liveness needs.
//!
//! In: nodes pushed by the parser. Out: [`Expr`], a flat list where every operand stands before
//! its operator, so that no walk recurses; referenced symbols (GS 4.3); and for GNU ld the section
//! an expression's value belongs to (GS 4.4, `ldexp.c exp_fold_tree_1`).

use bstr::BString;

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

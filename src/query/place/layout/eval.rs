//! Values of script expressions while addresses are given out.
//!
//! In: an expression, the location counter, the section it stands in, what is known of symbols and
//! output sections so far ([`World`]). Out: a [`Value`], or nothing where it cannot be computed yet.
//! ld keeps values relative to sections (`ldexp.c`); in lld literals are absolute everywhere.

use bstr::{BStr, BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::regions::Region;
use crate::script::expr::{BinaryOp, Expr, NameFn, Node, NodeIndex, UnaryOp, align, log2ceil};

/// A number and what it is relative to: an address, or nothing (a plain number).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) number: u64,
    pub(super) base: Option<u64>,
}

impl Value {
    pub(super) fn absolute(number: u64) -> Value {
        Value { number, base: Some(0) }
    }

    pub(super) fn plain(number: u64) -> Value {
        Value { number, base: None }
    }

    /// The address it means where a plain number is an address.
    pub(super) fn address(self) -> u64 {
        self.number.wrapping_add(self.base.unwrap_or(0))
    }
}

/// What is known of an output section.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) address: u64,
    pub(super) load: u64,
    pub(super) size: u64,
    pub(super) align: u64,
}

/// Everything an expression may ask for.
pub(super) struct World {
    pub(super) lld: bool,
    pub(super) symbols: HashMap<BString, Value, FixedState>,
    pub(super) outputs: HashMap<BString, Known, FixedState>,
    pub(super) regions: Vec<Region>,
    pub(super) aliases: Vec<(BString, BString)>,
    pub(super) headers: u64,
    pub(super) max_page: u64,
    pub(super) common_page: u64,
    pub(super) segments: Vec<(BString, u64)>,
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    /// The location counter, an address.
    pub(super) dot: u64,
    /// The address of the output section it stands in.
    pub(super) inside: Option<u64>,
}

impl World {
    /// The number of a region of this name or alias.
    pub(super) fn region(&self, name: &BStr) -> Option<usize> {
        let name = self.aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, n)| n.as_bstr());
        self.regions.iter().position(|r| r.name == name)
    }

    /// The value of `expr`; `None` where something is not known.
    pub(super) fn value(&self, expr: &Expr, at: At) -> Option<Value> {
        let mut done: Vec<Option<Value>> = Vec::with_capacity(expr.nodes.len());
        for node in &expr.nodes {
            let value = self.node(node, at, &done);
            done.push(value);
        }
        done.last().copied().flatten()
    }

    /// The address that `expr` means.
    pub(super) fn address(&self, expr: &Expr, at: At) -> Option<u64> {
        self.value(expr, at).map(Value::address)
    }

    fn literal(&self, number: u64, at: At) -> Value {
        if at.inside.is_some() && !self.lld { Value::plain(number) } else { Value::absolute(number) }
    }

    /// An address as seen from where the expression stands.
    fn here(&self, address: u64, at: At) -> Value {
        let base = at.inside.unwrap_or(0);
        Value { number: address.wrapping_sub(base), base: Some(base) }
    }

    fn node(&self, node: &Node, at: At, done: &[Option<Value>]) -> Option<Value> {
        let of = |index: NodeIndex| done.get(index as usize).copied().flatten();
        match node {
            Node::Integer(number) => Some(self.literal(*number, at)),
            Node::Dot => Some(self.here(at.dot, at)),
            Node::Symbol(name) => {
                let value = self.symbols.get(name).copied()?;
                let absolute = value.base == Some(0) && at.inside.is_some() && !self.lld;
                Some(if absolute { Value::plain(value.number) } else { value })
            }
            Node::Function(function, name) => self.function(*function, name.as_bstr(), at),
            Node::SizeofHeaders => Some(Value::plain(self.headers)),
            Node::Unary(op, a) => self.unary(*op, of(*a)?, at),
            Node::Binary(op, a, b) => self.binary(*op, of(*a)?, of(*b)?, at),
            Node::Ternary(c, a, b) => of(if of(*c)?.number != 0 { *a } else { *b }),
            Node::SegmentStart(name, default) => {
                let given = self.segments.iter().find(|(n, _)| n == name).map(|(_, v)| Value::absolute(*v));
                given.or_else(|| of(*default))
            }
            Node::Assert(a, _) => of(*a),
        }
    }

    fn function(&self, function: NameFn, name: &BStr, at: At) -> Option<Value> {
        let known = self.outputs.get(name).copied();
        Some(match function {
            NameFn::Defined => Value::plain(u64::from(self.symbols.contains_key(name))),
            NameFn::Sizeof => Value::plain(known.unwrap_or_default().size),
            NameFn::Alignof => Value::plain(known.unwrap_or_default().align),
            NameFn::Addr => {
                let address = known?.address;
                if at.inside.is_some() {
                    Value { number: 0, base: Some(address) }
                } else {
                    Value::absolute(address)
                }
            }
            NameFn::Loadaddr => self.here(known?.load, at),
            NameFn::Length => Value::plain(self.region(name).and_then(|r| self.regions.get(r))?.length),
            NameFn::Origin => self.here(self.region(name).and_then(|r| self.regions.get(r))?.origin, at),
            NameFn::Constant if name == "COMMONPAGESIZE" => Value::plain(self.common_page),
            NameFn::Constant => Value::plain(self.max_page),
        })
    }

    fn unary(&self, op: UnaryOp, a: Value, at: At) -> Option<Value> {
        let with = |number| Some(Value { number, ..a });
        match op {
            UnaryOp::Minus => with(a.number.wrapping_neg()),
            UnaryOp::Not => with(u64::from(a.number == 0)),
            UnaryOp::Complement => with(!a.number),
            UnaryOp::Absolute => Some(Value::absolute(a.address())),
            UnaryOp::Log2Ceil => Some(Value::plain(log2ceil(a.number))),
            UnaryOp::Align => Some(self.here(align(at.dot, a.address()), at)),
            UnaryOp::Next => Some(Value::absolute(align(at.dot, a.address()))),
            UnaryOp::DataSegmentEnd => Some(a),
        }
    }

    fn binary(&self, op: BinaryOp, a: Value, b: Value, at: At) -> Option<Value> {
        use BinaryOp::*;
        let same = a.base == b.base;
        let (a, b, base) = match (a.base, b.base) {
            (Some(_), Some(_)) if !same => {
                (Value::absolute(a.address()), Value::absolute(b.address()), Some(0))
            }
            (None, base) => (a, b, base),
            (base, _) => (a, b, base),
        };
        let (x, y) = (a.number, b.number);
        // A difference of two places in one section is a number.
        let arithmetic = |number: u64| {
            let base = match (same, base) {
                (true, Some(section)) if section != 0 && !self.lld => None,
                (true, Some(section)) if section != 0 && op == Sub => Some(0),
                (_, base) => base,
            };
            Some(Value { number, base })
        };
        let keeping = |number: u64| Some(Value { number, base });
        let numbers = op.of_numbers(x, y);
        match op {
            Add | Sub | Mul | Div | Rem | Shl | Shr | BitAnd | BitXor | BitOr => numbers.and_then(arithmetic),
            Eq | Ne | Lt | Gt | Le | Ge | And | Or => numbers.map(Value::plain),
            Max | Min => numbers.and_then(keeping),
            Align => keeping(align(a.address(), y).wrapping_sub(a.base.unwrap_or(0))),
            DataSegmentAlign => {
                let page = a.address();
                let offset = at.dot & page.saturating_sub(1);
                Some(Value::absolute(align(at.dot, page).wrapping_add(offset)))
            }
            DataSegmentRelroEnd => Some(b),
        }
    }
}

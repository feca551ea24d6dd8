//! GNU ld's idea of an expression before garbage collection: its number and, above all, the
//! section its value belongs to (GS 4.4).
//!
//! In: an [`Expr`], whether it stands inside an output section, and what symbols are at that
//! moment ([`Symbols`]). Out: [`Value`] or nothing, and what an assignment does with it. Follows
//! `ldexp.c` (`exp_fold_tree_1` and the folds below it) for the phases up to the mark phase.

use bstr::{BStr, ByteSlice};

use super::expr::{BinaryOp, Expr, NameFn, Node, NodeIndex, UnaryOp, align, log2ceil};

/// When ld evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// While inputs are opened (`lang_first_phase_enum`): `.` and sizes are not known.
    First,
    /// Once before garbage collection (`lang_mark_phase_enum`).
    Mark,
}

/// The section of a value; `S` identifies an input section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSection<S> {
    /// A plain number: takes the section of what it is combined with.
    Number,
    /// Absolute.
    Absolute,
    /// An input section: the one that a reference to the symbol keeps alive.
    Input(S),
    /// An output section (that of `.`): keeps nothing alive.
    Output,
}

/// A number and its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<S> {
    /// The number, relative to the section; addresses are 0 before layout.
    pub number: u64,
    /// The section.
    pub section: ValueSection<S>,
}

/// What a symbol is when an expression asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolState<S> {
    /// Unknown or undefined, weak or not.
    Undefined,
    /// A common without space yet: DEFINED, but no value.
    Common,
    /// Defined with a value ([`ValueSection::Number`] does not occur).
    Defined(Value<S>),
}

/// The world an expression is evaluated in.
pub trait Symbols<S> {
    /// What `name` is now.
    fn state(&self, name: &BStr) -> SymbolState<S>;

    /// Whether `DEFINED(name)` is 1: by default if it has a value or is common. A symbol that only
    /// the script defines, and further down, is not.
    fn defined(&self, name: &BStr) -> bool {
        !matches!(self.state(name), SymbolState::Undefined)
    }

    /// Origin and length of a MEMORY region.
    fn region(&self, _name: &BStr) -> Option<(u64, u64)> {
        None
    }

    /// `CONSTANT(name)`.
    fn constant(&self, _name: &BStr) -> u64 {
        0x1000
    }
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which evaluation.
    pub phase: Phase,
    /// Inside the braces of an output section: plain numbers are numbers there, absolute outside.
    pub inside: bool,
    /// The location counter.
    pub dot: u64,
}

#[derive(Clone, Copy)]
struct Folded<S> {
    value: Option<Value<S>>,
    /// ld folded it while parsing: it behaves like a literal.
    literal: bool,
    /// The value came from the symbol being assigned.
    own: bool,
}

/// What an assignment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<S> {
    /// The symbol keeps the state it had.
    Unchanged,
    /// It is defined so.
    Define(Value<S>),
}

impl Expr {
    /// The value, or `None` where ld calls the result invalid at this point.
    pub fn evaluate<S: Copy + Eq>(&self, place: Place, symbols: &impl Symbols<S>) -> Option<Value<S>> {
        self.fold(place, symbols, None).value
    }

    /// The symbols that ld looks up when it evaluates this: operands behind an invalid one, and the
    /// branch of a condition that is not taken, are not reached (`fold_binary`, `fold_trinary`).
    pub fn asked<S: Copy + Eq>(&self, place: Place, symbols: &impl Symbols<S>) -> Vec<&BStr> {
        let mut done: Vec<Folded<S>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let fold = Fold { place, symbols, own: None, done: &done };
            let folded = fold.node(node);
            done.push(folded);
        }
        let value = |index: NodeIndex| done.get(index as usize).and_then(|f| f.value);
        let mut found = Vec::new();
        let mut stack: Vec<NodeIndex> =
            self.nodes.len().checked_sub(1).map(|i| i as NodeIndex).into_iter().collect();
        while let Some(index) = stack.pop() {
            match self.nodes.get(index as usize) {
                Some(Node::Symbol(name)) => found.push(name.as_bstr()),
                Some(Node::Unary(_, a) | Node::SegmentStart(_, a) | Node::Assert(a, _)) => stack.push(*a),
                Some(Node::Binary(_, a, b)) => {
                    if value(*a).is_some() {
                        stack.push(*b);
                    }
                    stack.push(*a);
                }
                Some(Node::Ternary(c, a, b)) => {
                    if let Some(condition) = value(*c) {
                        stack.push(if condition.number != 0 { *a } else { *b });
                    }
                    stack.push(*c);
                }
                _ => {}
            }
        }
        found
    }

    /// What `name = self` does at this point. `known` tells whether anything refers to or defines
    /// the name so far; an unknown one becomes 0 when the value is invalid. PROVIDE's condition is
    /// the caller's.
    pub fn assign<S: Copy + Eq>(
        &self,
        name: &BStr,
        known: bool,
        place: Place,
        symbols: &impl Symbols<S>,
    ) -> Outcome<S> {
        let result = self.fold(place, symbols, Some(name));
        let absolute = |s| matches!(s, SymbolState::Defined(Value { section: ValueSection::Absolute, .. }));
        if result.own && !absolute(symbols.state(name)) {
            return Outcome::Unchanged;
        }
        let value = match result.value {
            Some(value) => value,
            None if !known => Value { number: 0, section: ValueSection::Number },
            None => return Outcome::Unchanged,
        };
        let section = match value.section {
            ValueSection::Number if place.inside => ValueSection::Output,
            ValueSection::Number => ValueSection::Absolute,
            other => other,
        };
        Outcome::Define(Value { section, ..value })
    }

    fn fold<S: Copy + Eq>(&self, place: Place, symbols: &impl Symbols<S>, own: Option<&BStr>) -> Folded<S> {
        let invalid = Folded { value: None, literal: false, own: false };
        let mut folded: Vec<Folded<S>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let next = Fold { place, symbols, own, done: &folded }.node(node);
            folded.push(next);
        }
        folded.last().copied().unwrap_or(invalid)
    }
}

struct Fold<'a, S, T> {
    place: Place,
    symbols: &'a T,
    own: Option<&'a BStr>,
    done: &'a [Folded<S>],
}

impl<S: Copy + Eq, T: Symbols<S>> Fold<'_, S, T> {
    fn at(&self, index: NodeIndex) -> Folded<S> {
        let invalid = Folded { value: None, literal: false, own: false };
        self.done.get(index as usize).copied().unwrap_or(invalid)
    }

    fn literal(&self, number: u64) -> Value<S> {
        let section = if self.place.inside { ValueSection::Number } else { ValueSection::Absolute };
        Value { number, section }
    }

    /// `new_rel_from_abs`: relative to where the expression stands.
    fn here(&self, number: u64) -> Value<S> {
        let section = if self.place.inside { ValueSection::Output } else { ValueSection::Absolute };
        Value { number, section }
    }

    fn mark(&self) -> bool {
        self.place.phase == Phase::Mark
    }

    fn node(&self, node: &Node) -> Folded<S> {
        let plain = |value| Folded { value, literal: false, own: false };
        match node {
            Node::Integer(number) => Folded { value: Some(self.literal(*number)), literal: true, own: false },
            Node::Dot => plain(Some(self.here(self.place.dot))),
            Node::SizeofHeaders => plain(self.mark().then_some(number(0))),
            Node::Function(function, name) => plain(self.function(*function, name.as_bstr())),
            Node::Symbol(name) => Folded {
                value: self.symbol(name.as_bstr()),
                literal: false,
                own: self.own == Some(name.as_bstr()),
            },
            Node::Unary(op, a) => self.unary(*op, self.at(*a)),
            Node::Binary(op, a, b) => self.binary(*op, self.at(*a), self.at(*b)),
            Node::Ternary(c, a, b) => {
                let (condition, yes, no) = (self.at(*c), self.at(*a), self.at(*b));
                let literal = condition.literal && yes.literal && no.literal;
                match condition.value {
                    None => Folded { value: None, literal: false, own: condition.own },
                    Some(value) => {
                        let chosen = if value.number != 0 { yes } else { no };
                        Folded { value: chosen.value, literal, own: condition.own || chosen.own }
                    }
                }
            }
            Node::SegmentStart(_, default) => {
                let inner = self.at(*default);
                Folded { value: inner.value.map(|v| self.here(v.number)), literal: false, own: inner.own }
            }
            Node::Assert(a, _) => Folded { literal: false, ..self.at(*a) },
        }
    }

    fn symbol(&self, name: &BStr) -> Option<Value<S>> {
        match self.symbols.state(name) {
            SymbolState::Defined(Value { number: n, section: ValueSection::Absolute })
                if self.place.inside =>
            {
                Some(number(n))
            }
            SymbolState::Defined(value) => Some(value),
            _ => None,
        }
    }

    fn function(&self, function: NameFn, name: &BStr) -> Option<Value<S>> {
        match function {
            NameFn::Defined => Some(number(u64::from(self.symbols.defined(name)))),
            NameFn::Sizeof | NameFn::Alignof => self.mark().then_some(number(0)),
            NameFn::Addr | NameFn::Loadaddr => None,
            NameFn::Length => Some(number(self.symbols.region(name).map_or(0, |r| r.1))),
            NameFn::Origin => Some(self.here(self.symbols.region(name).map_or(0, |r| r.0))),
            NameFn::Constant => Some(number(self.symbols.constant(name))),
        }
    }

    fn unary(&self, op: UnaryOp, a: Folded<S>) -> Folded<S> {
        let folds = matches!(op, UnaryOp::Minus | UnaryOp::Not | UnaryOp::Complement | UnaryOp::Log2Ceil);
        let literal = a.literal && folds;
        let result = |value| Folded { value, literal, own: a.own };
        let Some(v) = a.value else { return result(None) };
        let with = |n| Some(Value { number: n, ..v });
        result(match op {
            UnaryOp::Minus => with(v.number.wrapping_neg()),
            UnaryOp::Not => with(u64::from(v.number == 0)),
            UnaryOp::Complement => with(!v.number),
            UnaryOp::Absolute => Some(Value { section: ValueSection::Absolute, ..v }),
            UnaryOp::Log2Ceil => {
                let n = log2ceil(v.number);
                // A folded literal is a literal again.
                Some(if literal { self.literal(n) } else { number(n) })
            }
            UnaryOp::Align => self.mark().then(|| self.here(align(self.place.dot, v.number))),
            UnaryOp::Next => self
                .mark()
                .then(|| Value { number: align(self.place.dot, v.number), section: ValueSection::Absolute }),
            UnaryOp::DataSegmentEnd => (self.mark() && !self.place.inside).then_some(v),
        })
    }

    fn binary(&self, op: BinaryOp, a: Folded<S>, b: Folded<S>) -> Folded<S> {
        use BinaryOp::*;
        let folds = !matches!(op, Align | DataSegmentAlign | DataSegmentRelroEnd);
        let literal = a.literal && b.literal && folds;
        let own = a.own || b.own;
        // ld keeps the operands of DATA_SEGMENT_RELRO_END the other way round.
        let (a, b) = if op == DataSegmentRelroEnd { (b, a) } else { (a, b) };
        let (Some(left), Some(right)) = (a.value, b.value) else {
            return Folded { value: None, literal: false, own };
        };
        let (mut left_section, mut section) = (left.section, right.section);
        if left_section != section {
            if section != ValueSection::Number && left_section != ValueSection::Number {
                left_section = ValueSection::Absolute;
                section = ValueSection::Absolute;
            } else if section == ValueSection::Number {
                section = left_section;
                left_section = ValueSection::Number;
            }
        }
        let (x, y) = (left.number, right.number);
        let arithmetic = |n: u64| {
            let section = match section == left_section {
                true if self.place.inside => ValueSection::Number,
                true => ValueSection::Absolute,
                false => section,
            };
            Some(Value { number: n, section })
        };
        let truth = |n: u64| Some(if literal { self.literal(n) } else { number(n) });
        let keeping = |n: u64| Some(Value { number: n, section });
        let numbers = op.of_numbers(x, y);
        let value = match op {
            // ld makes 0 of a division by zero here and complains later.
            Div | Rem if y == 0 => arithmetic(0),
            Add | Sub | Mul | Div | Rem | Shl | Shr | BitAnd | BitXor | BitOr => numbers.and_then(arithmetic),
            Eq | Ne | Lt | Gt | Le | Ge | And | Or => numbers.and_then(truth),
            Max | Min => numbers.and_then(keeping),
            Align => keeping(align(x, y)),
            DataSegmentAlign if self.mark() && !self.place.inside => keeping(align(self.place.dot, x)),
            DataSegmentRelroEnd if self.mark() && !self.place.inside => keeping(x),
            DataSegmentAlign | DataSegmentRelroEnd => None,
        };
        Folded { value, literal, own }
    }
}

fn number<S>(number: u64) -> Value<S> {
    Value { number, section: ValueSection::Number }
}

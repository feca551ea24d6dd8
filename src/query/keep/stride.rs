//! LSW014: bounded tables with padding in them, or entries at places that are not aligned.
//!
//! In: an analysis, placement, ranges, references. Out: [`BadStride`]s. The live inputs of an output section
//! are laid out in script order from offset 0; what lies between the bounds must be entries and
//! nothing else, because the code that walks the table reads padding as an entry.

use bstr::BString;

use super::bounds::{Form, Range, Ranges};
use super::references::{References, is_live};
use super::shape::{self, Shape};
use super::statements::Placement;
use crate::ids::SectionId;
use crate::query::Analysis;
use crate::script::Span;
use crate::script::expr::{BinaryOp, Expr, Node, UnaryOp};
use crate::script::walk::{self, StepKind};

/// A table whose bounds enclose more than entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadStride {
    /// The table: name of its first section.
    pub name: BString,
    /// The range.
    pub range: u32,
    /// Its first statement.
    pub statement: u32,
    /// Entry size and alignment.
    pub shape: Shape,
    /// Bytes between the bounds.
    pub size: u64,
    /// Bytes between the start symbol and the first entry.
    pub lead: u64,
    /// Bytes of padding between inputs.
    pub inner: u64,
    /// Bytes between the last entry and the stop symbol.
    pub tail: u64,
    /// The first input that is not where its entries must be aligned.
    pub misaligned: Option<SectionId>,
}

/// An input section with its start and end in the output section.
type Placed = (SectionId, u64, u64);

/// Offsets within one output section.
struct Layout {
    /// By statement number: end of what is placed in front of it, and of it.
    inputs: Vec<(u32, Vec<Placed>)>,
    /// By bound index: its offset.
    bounds: Vec<(u32, u64)>,
}

/// Finds all tables with a bad stride.
pub(super) fn bad_strides(
    analysis: &Analysis<'_>,
    placement: &Placement,
    ranges: &Ranges,
    references: &References,
) -> Vec<BadStride> {
    let mut inputs: Vec<Vec<SectionId>> = vec![Vec::new(); placement.statements.len()];
    for (section, &statement) in placement.placed.enumerate() {
        if let Some(list) = inputs.get_mut(statement as usize)
            && is_live(analysis, section)
            && analysis.program.section_size(section) > 0
        {
            list.push(section);
        }
    }
    let layouts = layouts(analysis, placement, ranges, &inputs);
    let mut of_bound: hashbrown::HashMap<u32, (usize, u64), foldhash::fast::FixedState> = Default::default();
    for (at, layout) in layouts.iter().enumerate() {
        of_bound.extend(layout.bounds.iter().map(|&(bound, offset)| (bound, (at, offset))));
    }
    let mut out = Vec::new();
    for (number, range) in (0u32..).zip(&ranges.ranges) {
        let walked = |bound: u32| {
            let id = ranges.bounds.get(bound as usize).and_then(|b| analysis.program.names.find(&b.name));
            id.is_some_and(|id| references.uses(id).iter().any(|u| u.live))
        };
        let Some(stop) = range.stop.filter(|s| walked(*s) && walked(range.start)) else { continue };
        // Only the innermost range is the table.
        let innermost = ranges.around(range.first).next().is_some_and(|(n, _)| n == number as usize);
        if !innermost || range.form == Form::Section || super::lost::holds_ordinary(placement, range) {
            continue;
        }
        let (Some(&(at, start)), Some(&(other, end))) = (of_bound.get(&range.start), of_bound.get(&stop))
        else {
            continue;
        };
        if let Some(layout) = layouts.get(at).filter(|_| at == other) {
            out.extend(check(analysis, layout, (number, range), (start, end), &inputs));
        }
    }
    out
}

fn check(
    analysis: &Analysis<'_>,
    layout: &Layout,
    (number, range): (u32, &Range),
    (start, end): (u64, u64),
    inputs: &[Vec<SectionId>],
) -> Option<BadStride> {
    let sections: Vec<SectionId> =
        range.statements().filter_map(|s| inputs.get(s as usize)).flatten().copied().collect();
    let mut placed: Vec<(SectionId, u64, u64)> = Vec::new();
    let first = layout.inputs.partition_point(|(s, _)| *s < range.first);
    for (_, list) in layout.inputs.iter().skip(first).take_while(|(s, _)| *s <= range.last) {
        placed.extend(list);
    }
    let (&(first, at, _), &(_, _, last)) = (placed.first()?, placed.last()?);
    let shape = shape::of(analysis, &sections);
    let bytes: u64 = placed.iter().map(|(_, from, to)| to - from).sum();
    let size = end.checked_sub(start)?;
    let (lead, tail) = (at.saturating_sub(start), end.saturating_sub(last));
    let inner = size.saturating_sub(bytes).saturating_sub(lead).saturating_sub(tail);
    let whole = shape.entry > 3 && placed.iter().all(|(_, from, to)| (to - from).is_multiple_of(shape.entry));
    if !whole {
        return None;
    }
    let natural = (1u64 << shape.entry.trailing_zeros()).min(word(analysis));
    let misaligned = placed
        .iter()
        .find(|(s, from, _)| !from.is_multiple_of(natural) && has_relocations(analysis, *s))
        .map(|(s, _, _)| *s);
    // Padding of whole entries is read as entries, too; only a certain size tells them from gaps.
    let padded = lead + inner > 0 || (tail > 0 && shape.certain);
    (padded || misaligned.is_some()).then(|| BadStride {
        name: analysis.program.section_name(first).into(),
        range: number,
        statement: range.first,
        shape,
        size,
        lead,
        inner,
        tail,
        misaligned,
    })
}

fn word(analysis: &Analysis<'_>) -> u64 {
    if analysis.program.target.is_some_and(|t| t.is_64) { 8 } else { 4 }
}

fn has_relocations(analysis: &Analysis<'_>, section: SectionId) -> bool {
    let (file, index) = analysis.program.locate(section);
    let object = analysis.program.files[file].object();
    object.and_then(|o| o.sections.get(index as usize)).is_some_and(|r| r.reloc != 0)
}

fn layouts(
    analysis: &Analysis<'_>,
    placement: &Placement,
    ranges: &Ranges,
    inputs: &[Vec<SectionId>],
) -> Vec<Layout> {
    let mut out = Vec::new();
    let bounds: hashbrown::HashMap<(u32, Span), u32, foldhash::fast::FixedState> =
        (0u32..).zip(&ranges.bounds).map(|(n, b)| ((b.script, b.span), n)).collect();
    let statements: hashbrown::HashMap<(u32, Span), u32, foldhash::fast::FixedState> =
        (0u32..).zip(&placement.statements).map(|(n, s)| ((s.script, s.span), n)).collect();
    for (number, file) in (0u32..).zip(analysis.program.scripts) {
        let mut layout: Option<Layout> = None;
        let mut dot: Option<u64> = None;
        for step in walk::steps(&file.script) {
            match step.kind {
                StepKind::Enter => {
                    dot = Some(0);
                    layout = Some(Layout { inputs: Vec::new(), bounds: Vec::new() });
                }
                StepKind::Leave => {
                    out.extend(layout.take().filter(|l| l.bounds.len() > 1 && !l.inputs.is_empty()));
                    dot = None;
                }
                StepKind::Assign(a) if a.name.text == "." => dot = dot.and_then(|d| value(&a.value, d)),
                StepKind::Assign(a) => {
                    if let (Some(layout), Some(at), Some(&bound)) =
                        (&mut layout, dot, bounds.get(&(number, a.span)))
                        && let Some(at) = value(&a.value, at)
                    {
                        layout.bounds.push((bound, at));
                    }
                }
                StepKind::Data(size, _) => dot = dot.map(|d| d.saturating_add(size.into())),
                StepKind::Input => {
                    let (Some(layout), Some(at)) = (&mut layout, &mut dot) else { continue };
                    let Some(&statement) = statements.get(&(number, step.span)) else { continue };
                    let mut list = Vec::new();
                    for &section in inputs.get(statement as usize).map_or(&[][..], |l| l.as_slice()) {
                        let align = align_of(analysis, section);
                        let from = at.checked_next_multiple_of(align).unwrap_or(*at);
                        let to = from.saturating_add(analysis.program.section_size(section));
                        list.push((section, from, to));
                        *at = to;
                    }
                    layout.inputs.push((statement, list));
                }
                _ => {}
            }
        }
    }
    out
}

fn align_of(analysis: &Analysis<'_>, section: SectionId) -> u64 {
    let (file, index) = analysis.program.locate(section);
    analysis.program.files[file].object().map_or(1, |o| o.header(index).align.max(1))
}

/// The value of an expression of numbers and `.`, relative to the output section.
fn value(expression: &Expr, dot: u64) -> Option<u64> {
    let mut values: Vec<Option<u64>> = Vec::with_capacity(expression.nodes.len());
    for node in &expression.nodes {
        let get = |i: u32| values.get(i as usize).copied().flatten();
        let found = match node {
            Node::Integer(n) => Some(*n),
            Node::Dot => Some(dot),
            Node::Unary(UnaryOp::Absolute, a) => get(*a),
            Node::Unary(UnaryOp::Align, a) => get(*a).and_then(|n| aligned(dot, n)),
            Node::Binary(op, a, b) => match (op, get(*a)?, get(*b)?) {
                (BinaryOp::Add, a, b) => a.checked_add(b),
                (BinaryOp::Sub, a, b) => a.checked_sub(b),
                (BinaryOp::Mul, a, b) => a.checked_mul(b),
                (BinaryOp::Shl, a, b) => a.checked_shl(u32::try_from(b).ok()?),
                (BinaryOp::Max, a, b) => Some(a.max(b)),
                (BinaryOp::Min, a, b) => Some(a.min(b)),
                (BinaryOp::Align, a, b) => aligned(a, b),
                _ => None,
            },
            _ => None,
        };
        values.push(found);
    }
    values.last().copied().flatten()
}

fn aligned(value: u64, to: u64) -> Option<u64> {
    if to == 0 { Some(value) } else { value.checked_next_multiple_of(to) }
}

//! GNU ld: equal entries of all inputs of an output section with one entry size and alignment.
//!
//! In: mergeable inputs in link order. Out: what is left of each. An entry stays in the input that
//! has it first; a string that another one ends with goes into that one; an input with nothing left
//! is taken out and aligns nothing. Source: bfd `_bfd_add_merge_section`, `record_section`,
//! `merge_strings`, `_bfd_merge_sections`.

use std::cmp::Ordering;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::super::build::Out;
use super::{Entry, input_mut};

/// Merges; always exact.
pub(super) fn merge(out: &mut Out<'_>, entries: &[Entry<'_>]) -> bool {
    let mut groups: Vec<Vec<&Entry<'_>>> = Vec::new();
    for entry in entries.iter().filter(|e| takes_part(e)) {
        let kind = |e: &Entry<'_>| (e.strings, e.entsize, e.align);
        match groups.iter_mut().find(|g| g.first().is_some_and(|f| kind(f) == kind(entry))) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    for group in groups {
        let sizes =
            if group.first().is_some_and(|e| e.strings) { strings(&group) } else { constants(&group) };
        for (entry, size) in group.iter().zip(sizes) {
            let Some(input) = input_mut(out, entry) else { continue };
            (input.size, input.align) = size.map_or((0, 1), |size| (size, input.align));
        }
    }
    true
}

/// Whether entries of the input are merged at all.
fn takes_part(entry: &Entry<'_>) -> bool {
    let (size, align) = (entry.entsize as u64, entry.align);
    let fits = if size < align {
        size.is_power_of_two() && entry.strings
    } else {
        size & (align - 1) == 0 || size == align
    };
    let whole = size > 0 && (entry.data.len() as u64).is_multiple_of(size);
    !entry.data.is_empty() && whole && !entry.relocated && fits
}

/// If all inputs are padded to their alignment, the last one is padded again.
fn pad(group: &[&Entry<'_>], sizes: &mut [Option<u64>], last: usize) {
    let align = group.first().map_or(1, |e| e.align);
    let padded = group.iter().all(|e| (e.data.len() as u64).is_multiple_of(align));
    if let Some(Some(size)) = sizes.get_mut(last).filter(|_| padded) {
        *size = size.next_multiple_of(align.max(1));
    }
}

fn constants(group: &[&Entry<'_>]) -> Vec<Option<u64>> {
    let mut seen: HashMap<&[u8], (), FixedState> = HashMap::default();
    let mut sizes: Vec<Option<u64>> = vec![None; group.len()];
    let mut last = 0;
    for (number, (entry, size)) in group.iter().zip(&mut sizes).enumerate() {
        for bytes in entry.data.chunks_exact(entry.entsize) {
            if seen.insert(bytes, ()).is_none() {
                *size = Some(size.unwrap_or(0) + bytes.len() as u64);
                last = number;
            }
        }
    }
    pad(group, &mut sizes, last);
    sizes
}

/// A distinct string while its place is looked for.
struct Text<'d> {
    /// Without its terminator.
    bytes: &'d [u8],
    /// Alignment in bytes; 0 once it is part of another string or replaced by a better aligned copy.
    align: u64,
    input: usize,
}

/// Strings of one group, in the order in which they are first met.
struct Texts<'d> {
    list: Vec<Text<'d>>,
    of: HashMap<&'d [u8], usize, FixedState>,
}

impl<'d> Texts<'d> {
    fn add(&mut self, bytes: &'d [u8], align: u64, input: usize) {
        if let Some(&known) = self.of.get(bytes)
            && let Some(text) = self.list.get_mut(known)
        {
            if text.align >= align {
                return;
            }
            text.align = 0;
        }
        self.of.insert(bytes, self.list.len());
        self.list.push(Text { bytes, align, input });
    }

    /// All strings of an input; the first run of zeros at an aligned place is a string of its own.
    fn record(&mut self, entry: &Entry<'d>, number: usize) {
        let (data, unit) = (entry.data, entry.entsize);
        let zero = |at: usize| data.get(at..at + unit).is_none_or(|u| u.iter().all(|b| *b == 0));
        let mut empty_seen = false;
        let mut at = 0;
        while at < data.len() {
            let mut end = at;
            while !zero(end) {
                end += unit;
            }
            let own = if at == 0 { entry.align } else { 1u64 << at.trailing_zeros() };
            self.add(data.get(at..end).unwrap_or_default(), own.min(entry.align), number);
            at = end + unit;
            while at < data.len() && zero(at) {
                if !empty_seen && (at as u64).is_multiple_of(entry.align) {
                    empty_seen = true;
                    self.add(&[], entry.align, number);
                }
                at += unit;
            }
        }
    }

    /// Takes out strings that others end with.
    fn merge_tails(&mut self, unit: usize) {
        let mut order: Vec<usize> = (0..self.list.len()).filter(|&n| self.align(n) > 0).collect();
        let first = order.first().map_or(0, |&n| self.align(n));
        let uniform = order.iter().all(|&n| self.align(n) == first);
        let by_rest = uniform && first > unit as u64;
        let rest = |bytes: &[u8]| if by_rest { bytes.len() as u64 & (first - 1) } else { 0 };
        order.sort_unstable_by(|&a, &b| {
            let (a, b) = (self.bytes(a), self.bytes(b));
            rest(a).cmp(&rest(b)).then_with(|| reversed(a, b))
        });
        let mut longest: Option<usize> = None;
        for number in order.into_iter().rev() {
            let (bytes, align) = (self.bytes(number), self.align(number));
            let inside = longest.is_some_and(|long| {
                let long_bytes = self.bytes(long);
                self.align(long) >= align
                    && (long_bytes.len().wrapping_sub(bytes.len()) as u64) & (align - 1) == 0
                    && long_bytes.len() > bytes.len()
                    && long_bytes.ends_with(bytes)
            });
            if !inside {
                longest = Some(number);
            } else if let Some(text) = self.list.get_mut(number) {
                text.align = 0;
            }
        }
    }

    fn bytes(&self, number: usize) -> &'d [u8] {
        self.list.get(number).map_or(&[], |t| t.bytes)
    }

    fn align(&self, number: usize) -> u64 {
        self.list.get(number).map_or(0, |t| t.align)
    }
}

/// Order by the last byte first.
fn reversed(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

fn strings(group: &[&Entry<'_>]) -> Vec<Option<u64>> {
    let mut texts = Texts { list: Vec::new(), of: HashMap::default() };
    for (number, entry) in group.iter().enumerate() {
        texts.record(entry, number);
    }
    let unit = group.first().map_or(1, |e| e.entsize);
    texts.merge_tails(unit);
    let mut sizes: Vec<Option<u64>> = vec![None; group.len()];
    for text in texts.list.iter().filter(|t| t.align > 0) {
        if let Some(size) = sizes.get_mut(text.input) {
            let start = size.unwrap_or(0).next_multiple_of(text.align);
            *size = Some(start + (text.bytes.len() + unit) as u64);
        }
    }
    let last = texts.list.last().map_or(0, |t| t.input);
    pad(group, &mut sizes, last);
    sizes
}

//! All strings of a portrait, each once; one that ends another lies inside it.
//!
//! In: interned names. Out: [`Strings`]. `.rela.text._ZN1aEv`, `.text._ZN1aEv` and `_ZN1aEv` take the room of
//! the first. Ids follow the order of interning, which depends on the input alone.

use rayon::prelude::*;

use super::column::Column;
use super::tables::{NONE, Sink, Source, Store};
use crate::ids::{Id, NameId};
use crate::program::Names;

/// The table of strings.
#[derive(Debug, Default, PartialEq)]
pub struct Strings<'d> {
    start: Column<'d, u32>,
    length: Column<'d, u32>,
    blob: Column<'d, u8>,
    /// Strings that a reader made: restored paths.
    more: Vec<Vec<u8>>,
}

impl<'d> Strings<'d> {
    /// The bytes of a string; empty for [`NONE`] and unknown ids.
    pub fn get(&self, id: u32) -> &[u8] {
        let at = id as usize;
        let (Some(&start), Some(&length)) = (self.start.get(at), self.length.get(at)) else {
            let made = at.checked_sub(self.start.len()).and_then(|at| self.more.get(at));
            return made.map_or(b"", Vec::as_slice);
        };
        let start = start as usize;
        self.blob.get(start..start.saturating_add(length as usize)).unwrap_or(b"")
    }

    /// The bytes, or `None` for [`NONE`].
    pub fn some(&self, id: u32) -> Option<&[u8]> {
        (id != NONE).then(|| self.get(id))
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.start.len() + self.more.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of a string, found by looking at all of them.
    pub fn find(&self, text: &[u8]) -> Option<u32> {
        let same = |id: &usize| self.get(*id as u32) == text;
        let wanted = text.len() as u32;
        let lengths = self.length.iter().enumerate().filter(|(_, l)| **l == wanted).map(|(id, _)| id);
        let made = self.start.len()..self.len();
        lengths.chain(made).find(same).map(|id| id as u32)
    }

    /// Adds a string; the columns stay as they are.
    pub(crate) fn add(&mut self, text: Vec<u8>) -> u32 {
        self.more.push(text);
        (self.len() - 1) as u32
    }

    /// Lays out interned names; ids stay.
    pub(super) fn lay_out(names: &Names<'_>) -> Strings<'static> {
        let inside = containers(names);
        let count = names.len();
        let mut start = vec![0u32; count];
        let mut length = vec![0u32; count];
        let own = |id: usize| inside.get(id).is_none_or(|&c| c == NONE);
        let total: usize =
            (0..count).filter(|&id| own(id)).map(|id| names.name(NameId::from_usize(id)).len()).sum();
        let mut blob: Vec<u8> = Vec::with_capacity(total);
        for id in (0..count).filter(|&id| own(id)) {
            let text = names.name(NameId::from_usize(id));
            // Offsets are 32 bits: what lies beyond 4 GiB of names is left empty.
            if let (Ok(at), Ok(long)) = (u32::try_from(blob.len()), u32::try_from(text.len()))
                && at.checked_add(long).is_some()
            {
                blob.extend_from_slice(text);
                (start[id], length[id]) = (at, long);
            }
        }
        for id in (0..count).filter(|&id| !own(id)) {
            let mut outer = id;
            // Each is longer than the one before: the walk ends.
            while let Some(&next) = inside.get(outer).filter(|&&next| next != NONE) {
                outer = next as usize;
            }
            let long = names.name(NameId::from_usize(id)).len() as u32;
            let whole = length.get(outer).copied().unwrap_or(0);
            if whole >= long {
                start[id] = start[outer] + (whole - long);
                length[id] = long;
            }
        }
        Strings { start: start.into(), length: length.into(), blob: blob.into(), more: Vec::new() }
    }

    /// Hands out the columns; strings that a reader made are laid behind the others.
    pub fn write(&self, sink: &mut impl Sink) {
        if self.more.is_empty() {
            sink.column("strings.start", Store::Plain, &self.start);
            sink.column("strings.length", Store::Plain, &self.length);
            sink.column("strings.blob", Store::Plain, &self.blob);
            return;
        }
        let (mut start, mut length, mut blob) =
            (self.start.to_vec(), self.length.to_vec(), self.blob.to_vec());
        for text in &self.more {
            start.push(blob.len() as u32);
            length.push(text.len() as u32);
            blob.extend_from_slice(text);
        }
        sink.column("strings.start", Store::Plain, &start.into());
        sink.column("strings.length", Store::Plain, &length.into());
        sink.column("strings.blob", Store::Plain, &blob.into());
    }

    /// Takes the columns in.
    ///
    /// # Errors
    /// The source's.
    pub fn read<S: Source<'d>>(source: &mut S) -> Result<Self, S::Error> {
        Ok(Strings {
            start: source.column("strings.start")?,
            length: source.column("strings.length")?,
            blob: source.column("strings.blob")?,
            more: Vec::new(),
        })
    }

    /// The first id whose bytes lie outside the blob.
    pub fn first_outside(&self) -> Option<usize> {
        let end = self.blob.len() as u64;
        let outside = |(s, l): (&u32, &u32)| u64::from(*s) + u64::from(*l) > end;
        if self.start.len() != self.length.len() {
            return Some(self.start.len().min(self.length.len()));
        }
        self.start.iter().zip(self.length.iter()).position(outside)
    }
}

/// For each name the shortest of those that end in it, as far as the dots of section names tell.
fn containers(names: &Names<'_>) -> Vec<u32> {
    let found: Vec<Vec<(u32, u32)>> = (0..names.len())
        .into_par_iter()
        .with_min_len(4096)
        .fold(Vec::new, |mut out, id| {
            let text = names.name(NameId::from_usize(id));
            if text.first() == Some(&b'.') {
                let dots = text.iter().enumerate().skip(1).filter(|(_, b)| **b == b'.').take(3);
                let dots: Vec<usize> = dots.map(|(at, _)| at).collect();
                let find = |at: usize| {
                    let rest = text.get(at..)?;
                    (rest.len() > 1).then(|| names.find(rest)).flatten()
                };
                // Mangled names are most of all; few others are worth the look.
                let mangled = dots.iter().copied().find(|at| text.get(at + 1) == Some(&b'_'));
                let inner = match mangled {
                    Some(at) => find(at + 1),
                    None => dots.iter().find_map(|&at| find(at + 1).or_else(|| find(at))),
                };
                if let Some(inner) = inner {
                    out.push((inner.0, id as u32));
                }
            }
            out
        })
        .collect();
    let mut inside = vec![NONE; names.len()];
    for (inner, outer) in found.into_iter().flatten() {
        let slot = &mut inside[inner as usize];
        let shorter = |a: u32, b: u32| {
            let long = |id: u32| names.name(NameId(id)).len();
            (long(a), a) < (long(b), b)
        };
        if *slot == NONE || shorter(outer, *slot) {
            *slot = outer;
        }
    }
    inside
}

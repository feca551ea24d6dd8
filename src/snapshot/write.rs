//! A portrait as bytes of a `.lsw` file.
//!
//! In: a [`Portrait`] and the path roots it was made with. Out: the file's bytes, the same for the same link
//! whatever the thread count.

use rayon::prelude::*;
use twox_hash::XxHash3_128;

use super::PathRoots;
use super::header::{ALIGN, ColumnEntry, Header};
use crate::query::portrait::{Column, Element, Portrait, Sink, Store, pack};

/// A column on its way.
struct Pending {
    entry: ColumnEntry,
    width: usize,
    packed: bool,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Collector(Vec<Pending>);

impl Sink for Collector {
    fn column<T: Element>(&mut self, name: &'static str, store: Store, rows: &Column<'_, T>) {
        let packed = store == Store::Packed;
        let entry = ColumnEntry {
            name: name.into(),
            kind: T::WORD.into(),
            offset: 0,
            length: 0,
            count: rows.len() as u64,
            store: if packed { "packed" } else { "plain" }.into(),
        };
        self.0.push(Pending { entry, width: T::WIDTH, packed, bytes: rows.bytes().into_owned() });
    }
}

/// The file's bytes.
pub fn write(portrait: &Portrait<'_>, roots: &PathRoots) -> Vec<u8> {
    let mut collector = Collector::default();
    portrait.write(&mut collector);
    let mut columns = collector.0;
    columns.par_iter_mut().filter(|c| c.packed).for_each(|c| c.bytes = pack(&c.bytes, c.width));
    let mut header = Header::new(&portrait.head, roots.table());
    let mut at = 0usize;
    for column in &mut columns {
        column.entry.offset = at as u64;
        column.entry.length = column.bytes.len() as u64;
        at = (at + column.bytes.len()).next_multiple_of(ALIGN);
        header.columns.push(column.entry.clone());
    }
    let mut data = Vec::with_capacity(at);
    for column in columns {
        data.extend_from_slice(&column.bytes);
        data.resize(data.len().next_multiple_of(ALIGN), 0);
    }
    header.digest = digest(&header, &data);
    let mut out = header.line();
    out.append(&mut data);
    out
}

/// A name for some bytes: 32 hex digits of XXH3-128.
pub fn hash(bytes: &[u8]) -> String {
    format!("{:032x}", XxHash3_128::oneshot(bytes))
}

/// The digest of a header and the data behind it.
pub(super) fn digest(header: &Header, data: &[u8]) -> String {
    let covered = XxHash3_128::oneshot(&header.covered());
    format!("{:032x}", XxHash3_128::oneshot_with_seed(covered as u64, data) ^ covered)
}

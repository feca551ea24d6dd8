//! Dense `u32` identifiers, one newtype per kind of thing, and columns indexed by them.
//!
//! An id is an index into a table of its kind. Conversions from `usize` happen only here; a count
//! that does not fit 32 bits is refused when the tables are sized (see `program`), never wrapped.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A dense identifier: a `u32` in a newtype.
pub trait Id: Copy + Eq + Ord + std::fmt::Debug {
    /// The id of table row `index`. Rows beyond `u32::MAX` saturate; table builders refuse them first.
    fn from_usize(index: usize) -> Self;
    /// The table row.
    fn index(self) -> usize;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl Id for $name {
            #[inline]
            fn from_usize(index: usize) -> Self {
                $name(u32::try_from(index).unwrap_or(u32::MAX))
            }
            #[inline]
            fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl $name {
            /// The row number as `usize`.
            #[inline]
            pub fn idx(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// One object, shared library, or archive member as it may enter the link. An archive that is
    /// named twice yields two sets of these.
    FileId;
    /// One mention of an archive on the command line or in a script.
    ArchiveId;
    /// One input section of one file (section header index within the file plus the file's base).
    SectionId;
    /// One interned global symbol name.
    NameId;
    /// A node of the reachability graph: first all input sections with the same numbers, then
    /// commons and hubs.
    NodeId;
    /// A linker script of the plan.
    ScriptId;
}

/// A column: values of `T` indexed by one kind of id only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<I, T> {
    rows: Vec<T>,
    kind: PhantomData<fn(I)>,
}

impl<I: Id, T> Default for Table<I, T> {
    fn default() -> Self {
        Table::new()
    }
}

impl<I: Id, T> Table<I, T> {
    /// An empty column.
    pub fn new() -> Self {
        Table { rows: Vec::new(), kind: PhantomData }
    }

    /// A column over existing rows.
    pub fn from_vec(rows: Vec<T>) -> Self {
        Table { rows, kind: PhantomData }
    }

    /// Appends a row and returns its id.
    pub fn push(&mut self, row: T) -> I {
        let id = I::from_usize(self.rows.len());
        self.rows.push(row);
        id
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All ids in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.rows.len()).map(I::from_usize)
    }

    /// All rows in id order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    /// Rows with their ids.
    pub fn enumerate(&self) -> impl DoubleEndedIterator<Item = (I, &T)> {
        self.rows.iter().enumerate().map(|(i, row)| (I::from_usize(i), row))
    }

    /// The row of `id`, or `None` if there is no such row.
    pub fn get(&self, id: I) -> Option<&T> {
        self.rows.get(id.index())
    }

    /// The rows as a slice.
    pub fn as_slice(&self) -> &[T] {
        &self.rows
    }

    /// The rows as a mutable slice.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.rows
    }
}

impl<I: Id, T: Clone> Table<I, T> {
    /// A column of `len` equal rows.
    pub fn filled(value: T, len: usize) -> Self {
        Table { rows: vec![value; len], kind: PhantomData }
    }
}

impl<I: Id, T> Index<I> for Table<I, T> {
    type Output = T;
    #[inline]
    fn index(&self, id: I) -> &T {
        &self.rows[id.index()]
    }
}

impl<I: Id, T> IndexMut<I> for Table<I, T> {
    #[inline]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.rows[id.index()]
    }
}

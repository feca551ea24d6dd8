//! One column: numbers of one width, owned, or borrowed from a mapped file, or packed in one and unpacked when
//! first read.
//!
//! In: rows, or stored bytes. Out: a slice. Always true: a column that cannot be unpacked is empty, so readers
//! go through `get` or the accessors of the tables.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::OnceLock;

use object::pod;

use super::packed;

/// A width of numbers that columns can have.
pub trait Element: pod::Pod + Copy + Default + Ord + Send + Sync + std::fmt::Debug {
    /// What the directory of a file calls it.
    const WORD: &'static str;
    /// Bytes of one number.
    const WIDTH: usize;
    /// As 64 bits.
    fn wide(self) -> u64;
    /// From 64 bits; what does not fit is cut off.
    fn narrow(wide: u64) -> Self;
}

macro_rules! elements {
    ($($type:ty, $word:literal;)*) => {$(
        impl Element for $type {
            const WORD: &'static str = $word;
            const WIDTH: usize = size_of::<$type>();
            #[inline]
            fn wide(self) -> u64 {
                u64::from(self)
            }
            #[inline]
            fn narrow(wide: u64) -> Self {
                wide as $type
            }
        }
    )*};
}

elements! {
    u8, "u8";
    u32, "u32";
    u64, "u64";
}

enum Repr<'d, T: Element> {
    Owned(Vec<T>),
    Mapped(&'d [T]),
    Packed { bytes: &'d [u8], count: usize, blocks: Vec<OnceLock<Vec<T>>>, rows: OnceLock<Vec<T>> },
}

/// A column of numbers.
pub struct Column<'d, T: Element>(Repr<'d, T>);

impl<'d, T: Element> Column<'d, T> {
    /// A column that borrows its rows.
    pub fn mapped(rows: &'d [T]) -> Self {
        Column(Repr::Mapped(rows))
    }

    /// A column over packed bytes that hold `count` rows.
    pub fn packed(bytes: &'d [u8], count: usize) -> Self {
        if !packed::fits(bytes, count, T::WIDTH) {
            return Column::default();
        }
        let blocks = (0..count.div_ceil(packed::BLOCK)).map(|_| OnceLock::new()).collect();
        Column(Repr::Packed { bytes, count, blocks, rows: OnceLock::new() })
    }

    /// The rows.
    pub fn rows(&self) -> &[T] {
        match &self.0 {
            Repr::Owned(rows) => rows,
            Repr::Mapped(rows) => rows,
            Repr::Packed { bytes, count, rows, .. } => {
                rows.get_or_init(|| packed::unpack(bytes, *count).unwrap_or_default())
            }
        }
    }

    /// The number of rows that it should have, known without unpacking.
    pub fn count(&self) -> usize {
        match &self.0 {
            Repr::Packed { count, .. } => *count,
            _ => self.rows().len(),
        }
    }

    /// The row at a place, or 0. Of a packed column only the block that holds it is unpacked.
    #[inline]
    pub fn at(&self, row: usize) -> T {
        match &self.0 {
            Repr::Owned(rows) => rows.get(row).copied().unwrap_or_default(),
            Repr::Mapped(rows) => rows.get(row).copied().unwrap_or_default(),
            Repr::Packed { bytes, count, blocks, rows } => {
                if let Some(rows) = rows.get() {
                    return rows.get(row).copied().unwrap_or_default();
                }
                let Some(block) = blocks.get(row / packed::BLOCK) else { return T::default() };
                let number = row / packed::BLOCK;
                let rows =
                    block.get_or_init(|| packed::unpack_block(bytes, *count, number).unwrap_or_default());
                rows.get(row % packed::BLOCK).copied().unwrap_or_default()
            }
        }
    }

    /// A column of other rows.
    pub fn replace(&mut self, rows: Vec<T>) {
        self.0 = Repr::Owned(rows);
    }

    /// The rows as little-endian bytes.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            return Cow::Borrowed(pod::bytes_of_slice(self.rows()));
        }
        let wide = self.rows().iter().flat_map(|v| v.wide().to_le_bytes().into_iter().take(T::WIDTH));
        Cow::Owned(wide.collect())
    }
}

impl<T: Element> From<Vec<T>> for Column<'_, T> {
    fn from(rows: Vec<T>) -> Self {
        Column(Repr::Owned(rows))
    }
}

impl<T: Element> Default for Column<'_, T> {
    fn default() -> Self {
        Column(Repr::Owned(Vec::new()))
    }
}

impl<T: Element> PartialEq for Column<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.rows() == other.rows()
    }
}

impl<T: Element> std::fmt::Debug for Column<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.count(), T::WORD)
    }
}

impl<T: Element> Deref for Column<'_, T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        self.rows()
    }
}

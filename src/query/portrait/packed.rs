//! Packed columns: blocks of rows; in each differences of neighbours, bytes of equal weight side by side, deflate.
//!
//! In: rows, or packed bytes with the number of rows. Out: the other one, or one block. Always true: unpacking
//! never makes more than the number of rows that the reader was told, and refuses anything else.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rayon::prelude::*;

use super::column::Element;

/// Rows of a block.
pub(super) const BLOCK: usize = 1 << 14;

/// Deflate turns one byte into 1,032 at most; a column that claims more is damaged.
const MOST_PER_BYTE: usize = 1032;

/// Level of deflate.
const LEVEL: u32 = 5;

/// Packs rows given as little-endian bytes, `width` bytes each: the ends of the blocks as `u32`, then the blocks.
pub fn pack(bytes: &[u8], width: usize) -> Vec<u8> {
    let width = width.clamp(1, 8);
    let blocks: Vec<Vec<u8>> =
        bytes.par_chunks(BLOCK * width).map(|block| pack_block(block, width)).collect();
    let mut out = Vec::new();
    let mut end = 0u32;
    for block in &blocks {
        end = end.saturating_add(block.len() as u32);
        out.extend_from_slice(&end.to_le_bytes());
    }
    for block in &blocks {
        out.extend_from_slice(block);
    }
    out
}

fn pack_block(bytes: &[u8], width: usize) -> Vec<u8> {
    let count = bytes.len() / width;
    let mut planes = vec![0u8; count * width];
    let mut last = 0u64;
    for (at, row) in bytes.chunks_exact(width).enumerate() {
        let mut wide = [0u8; 8];
        for (slot, byte) in wide.iter_mut().zip(row) {
            *slot = *byte;
        }
        let wide = u64::from_le_bytes(wide);
        let step = zigzag(wide.wrapping_sub(last), width);
        last = wide;
        for (plane, byte) in step.to_le_bytes().into_iter().take(width).enumerate() {
            if let Some(slot) = planes.get_mut(plane * count + at) {
                *slot = byte;
            }
        }
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(LEVEL));
    // Writing into memory cannot fail.
    let _ = encoder.write_all(&planes);
    encoder.finish().unwrap_or_default()
}

/// Whether packed bytes can hold that many rows of a width at all.
pub fn fits(bytes: &[u8], count: usize, width: usize) -> bool {
    let table = count.div_ceil(BLOCK).checked_mul(4);
    let size = count.checked_mul(width);
    table
        .zip(size)
        .is_some_and(|(table, size)| table <= bytes.len() && size / MOST_PER_BYTE <= bytes.len() - table)
}

/// The rows of one block; `None` if there is no such block or its bytes hold anything else.
pub(super) fn unpack_block<T: Element>(bytes: &[u8], count: usize, block: usize) -> Option<Vec<T>> {
    let rows = count.checked_sub(block.checked_mul(BLOCK)?)?.min(BLOCK);
    let table = count.div_ceil(BLOCK).checked_mul(4)?;
    let end = |block: usize| -> Option<usize> {
        let at = block.checked_mul(4)?;
        let field: [u8; 4] = bytes.get(..table)?.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(field) as usize)
    };
    let from = match block.checked_sub(1) {
        Some(before) => end(before)?,
        None => 0,
    };
    unpack_rows(bytes.get(table..)?.get(from..end(block)?)?, rows)
}

/// Unpacks `count` rows; `None` if the bytes hold anything else.
pub fn unpack<T: Element>(bytes: &[u8], count: usize) -> Option<Vec<T>> {
    if !fits(bytes, count, T::WIDTH) {
        return None;
    }
    let all = 0..count.div_ceil(BLOCK);
    let one = |block: usize| unpack_block(bytes, count, block);
    // A worker that waits for others may take up a task that waits for this very column.
    let blocks: Option<Vec<Vec<T>>> = match rayon::current_thread_index() {
        Some(_) => all.map(one).collect(),
        None => all.into_par_iter().map(one).collect(),
    };
    let mut rows = Vec::with_capacity(count);
    for mut block in blocks? {
        rows.append(&mut block);
    }
    Some(rows)
}

fn unpack_rows<T: Element>(bytes: &[u8], count: usize) -> Option<Vec<T>> {
    let size = count.checked_mul(T::WIDTH)?;
    let mut planes = Vec::with_capacity(size);
    let mut decoder = ZlibDecoder::new(bytes).take(size as u64 + 1);
    decoder.read_to_end(&mut planes).ok()?;
    if planes.len() != size {
        return None;
    }
    let mut rows = Vec::with_capacity(count);
    let mut last = 0u64;
    for at in 0..count {
        let mut step = [0u8; 8];
        for (plane, byte) in step.iter_mut().take(T::WIDTH).enumerate() {
            *byte = *planes.get(plane * count + at)?;
        }
        last = last.wrapping_add(unzigzag(u64::from_le_bytes(step)));
        rows.push(T::narrow(last));
    }
    Some(rows)
}

/// A difference as a small number whatever its sign, in the width of the column.
fn zigzag(step: u64, width: usize) -> u64 {
    let unused = 64 - 8 * width as u32;
    let signed = ((step << unused) as i64) >> unused;
    ((signed << 1) ^ (signed >> 63)) as u64
}

fn unzigzag(step: u64) -> u64 {
    (step >> 1) ^ (step & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::super::column::{Column, Element};
    use super::{BLOCK, unpack};

    fn pack<T: Element>(rows: &[T]) -> Vec<u8> {
        super::pack(&Column::from(rows.to_vec()).bytes(), T::WIDTH)
    }

    #[test]
    fn rows_come_back() {
        let rows: Vec<u32> = vec![0, 5, 4, u32::MAX, 0, 1 << 31, 7];
        assert_eq!(unpack(&pack(&rows), rows.len()), Some(rows));
        let wide: Vec<u64> = vec![u64::MAX, 0, 1 << 63, 3];
        assert_eq!(unpack(&pack(&wide), wide.len()), Some(wide));
        let bytes: Vec<u8> = vec![255, 0, 128, 1];
        assert_eq!(unpack(&pack(&bytes), bytes.len()), Some(bytes));
        assert_eq!(unpack::<u32>(&pack::<u32>(&[]), 0), Some(Vec::new()));
        let many: Vec<u32> = (0..BLOCK as u32 * 2 + 5).map(|n| n.wrapping_mul(77_777)).collect();
        let packed = pack(&many);
        assert_eq!(unpack(&packed, many.len()).as_ref(), Some(&many));
        let column: Column<'_, u32> = Column::packed(&packed, many.len());
        for row in [0, 1, BLOCK - 1, BLOCK, many.len() - 1] {
            assert_eq!(column.at(row), many[row]);
        }
        assert_eq!(column.at(many.len()), 0);
        assert_eq!(column.rows(), many);
    }

    #[test]
    fn anything_else_is_refused() {
        let packed = pack(&[1u32, 2, 3]);
        for count in [2, 4, BLOCK * 3, usize::MAX] {
            assert_eq!(unpack::<u32>(&packed, count), None, "{count}");
        }
        assert_eq!(unpack::<u32>(b"nothing", 1), None);
        assert_eq!(unpack::<u32>(packed.get(..packed.len() / 2).unwrap_or_default(), 3), None);
    }
}

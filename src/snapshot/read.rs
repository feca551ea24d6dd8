//! The bytes of a `.lsw` file as a portrait.
//!
//! In: header and bytes. Out: a [`Portrait`] that borrows its columns, or in words what is wrong.

use object::pod;

use super::check;
use super::header::{ColumnEntry, Header};
use super::paths;
use super::write::digest;
use crate::query::portrait::{Column, Element, Portrait, Source, fits};

/// A column may be that many times as large as the whole file, and a little more: what a real link packs
/// better than that is small.
const MOST_PER_BYTE: usize = 16;

/// Bytes that any column may have.
const LITTLE: usize = 1 << 20;

struct Directory<'d, 'h> {
    entries: &'h [ColumnEntry],
    data: &'d [u8],
}

impl<'d> Source<'d> for Directory<'d, '_> {
    type Error = String;

    fn column<T: Element>(&mut self, name: &'static str) -> Result<Column<'d, T>, String> {
        let Some(entry) = self.entries.iter().find(|e| e.name == name) else {
            return Err(format!("damaged: there is no column {name}"));
        };
        let bad = |why: &str| Err(format!("damaged: column {name} {why}"));
        if entry.kind != T::WORD {
            return bad(&format!("has numbers of type {} instead of {}", entry.kind, T::WORD));
        }
        let range = usize::try_from(entry.offset).ok().zip(usize::try_from(entry.length).ok());
        let bytes = range.and_then(|(at, long)| self.data.get(at..at.checked_add(long)?));
        let Some(bytes) = bytes else { return bad("lies outside the file (is it cut off?)") };
        let Ok(count) = usize::try_from(entry.count) else { return bad("has too many rows") };
        match entry.store.as_str() {
            "packed" => {
                // What cannot be unpacked at all is refused here; the rest when it is read.
                let most = self.data.len().saturating_mul(MOST_PER_BYTE).saturating_add(LITTLE);
                let size = count.checked_mul(T::WIDTH);
                if size.is_none_or(|size| size > most) || !fits(bytes, count, T::WIDTH) {
                    return bad("claims more rows than its bytes can hold");
                }
                Ok(Column::packed(bytes, count))
            }
            "plain" => {
                if count.checked_mul(T::WIDTH) != Some(bytes.len()) {
                    return bad("has another length than its rows need");
                }
                Ok(plain(bytes, count))
            }
            other => bad(&format!("is stored as \"{}\"", other.escape_default())),
        }
    }
}

/// Mapped rows; copied where the machine's byte order or the place in memory does not allow that.
fn plain<T: Element>(bytes: &[u8], count: usize) -> Column<'_, T> {
    if cfg!(target_endian = "little")
        && let Ok((rows, _)) = pod::slice_from_bytes::<T>(bytes, count)
    {
        return Column::mapped(rows);
    }
    let wide = |chunk: &[u8]| {
        let mut all = [0u8; 8];
        for (slot, byte) in all.iter_mut().zip(chunk) {
            *slot = *byte;
        }
        T::narrow(u64::from_le_bytes(all))
    };
    Column::from(bytes.chunks_exact(T::WIDTH).map(wide).collect::<Vec<T>>())
}

/// Reads and checks all columns.
///
/// # Errors
/// In words what is wrong.
pub(super) fn portrait<'d>(header: &Header, bytes: &'d [u8], verify: bool) -> Result<Portrait<'d>, String> {
    let data = bytes.get(header.data_start..).unwrap_or_default();
    let mut source = Directory { entries: &header.columns, data };
    let mut portrait = Portrait::read(header.head()?, &mut source)?;
    if verify && digest(header, data) != header.digest {
        return Err("damaged: the digest of the contents is another".into());
    }
    check::check(&portrait)?;
    paths::restore(&mut portrait, &header.roots);
    Ok(portrait)
}

//! Archives: regular, thin and nested-thin, GNU and BSD names, 32 and 64 bit symbol indexes.
//!
//! In: the bytes of an archive. Out: its members as ranges (nothing is copied) and its index as
//! member numbers. Members are 2-byte aligned; a damaged header ends with an error that names the
//! offset. Time and memory are proportional to the file's size, whatever its counts claim.
//! Rules: GS 3.1, 3.5.

use std::ops::Range;

use bstr::ByteSlice;

/// Which kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `!<arch>`: members' bytes are inside.
    Regular,
    /// `!<thin>`: members are files beside it.
    Thin,
}

/// One member, in file order. The symbol index and the name table are not members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Offset of the member's header in the archive (what the index refers to).
    pub header: u64,
    /// Where the name stands in the archive's bytes.
    pub name: Range<usize>,
    /// Bytes of the member inside the archive; empty range in thin archives.
    pub data: Range<usize>,
    /// Size the header states, in bytes.
    pub size: u64,
    /// For `/NAME:ORIGIN` entries of thin archives: the member stands at this header offset of the
    /// archive called NAME.
    pub nested_origin: Option<u64>,
}

/// The archive symbol index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// Entries in index order: where the symbol's name stands, and the member number if the
    /// offset is one of a member's.
    pub entries: Vec<(Range<usize>, Option<u32>)>,
}

/// A parsed archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Regular or thin.
    pub kind: Kind,
    /// Members in file order.
    pub members: Vec<Member>,
    /// The symbol index, if there is one (it may be empty).
    pub index: Option<Index>,
}

/// Whether `bytes` begin like an archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"!<arch>\n") || bytes.starts_with(b"!<thin>\n")
}

const HEADER: usize = 60;

fn number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end();
    if text.is_empty() {
        return None;
    }
    text.parse().ok()
}

fn trimmed(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|&b| b != b' ').map_or(0, |p| p + 1);
    &field[..end]
}

/// Reads the archive's structure.
///
/// # Errors
/// A reason with the offset of the damaged header. No member is returned then, because a later
/// one could be misread.
pub fn parse(bytes: &[u8]) -> Result<Archive, String> {
    let (mut archive, raw_index) = walk(bytes, usize::MAX)?;
    if let Some((raw, range)) = raw_index {
        archive.index = Some(parse_index(bytes, raw, range, &archive.members)?);
    }
    Ok(archive)
}

/// The first members of an archive, at most `count`, without a look at what stands behind them.
///
/// # Errors
/// As [`parse`], as far as the walk comes.
pub fn first_members(bytes: &[u8], count: usize) -> Result<Vec<Member>, String> {
    Ok(walk(bytes, count)?.0.members)
}

/// The members in file order until there are `limit`, and where the index stands.
fn walk(bytes: &[u8], limit: usize) -> Result<(Archive, Option<IndexPlace>), String> {
    let kind = if bytes.starts_with(b"!<arch>\n") {
        Kind::Regular
    } else if bytes.starts_with(b"!<thin>\n") {
        Kind::Thin
    } else {
        return Err("not an archive".into());
    };
    let mut members: Vec<Member> = Vec::new();
    let mut names: Option<Range<usize>> = None;
    let mut raw_index: Option<(RawIndex, Range<usize>)> = None;
    let mut pos = 8usize;
    while pos < bytes.len() && members.len() < limit {
        if bytes.len() - pos < HEADER {
            // Trailing padding of less than a header is tolerated only if it is padding.
            if bytes[pos..].iter().all(|&b| b == b'\n' || b == 0) {
                break;
            }
            return Err(format!("truncated member header at offset {pos}"));
        }
        let header = &bytes[pos..pos + HEADER];
        if &header[58..60] != b"`\n" {
            return Err(format!("bad member header at offset {pos}"));
        }
        let size = number(&header[48..58]).ok_or_else(|| format!("bad member size at offset {pos}"))?;
        let body = pos + HEADER;
        let field = trimmed(&header[..16]);
        let special = field == b"/" || field == b"/SYM64/" || field == b"//" || field == b"ARFILENAMES/";
        let stored_inside = kind == Kind::Regular || special || field.starts_with(b"__.SYMDEF");
        let stated_end = usize::try_from(size).ok().and_then(|s| body.checked_add(s));
        let end = match stated_end {
            Some(end) if !stored_inside || end <= bytes.len() => {
                if stored_inside {
                    end
                } else {
                    body
                }
            }
            _ => {
                return Err(format!(
                    "member at offset {pos} claims {size} bytes, beyond the end of the file"
                ));
            }
        };
        let next = if stored_inside { end.saturating_add(end & 1) } else { body };
        let mut data = body..end;
        if special && field != b"//" && field != b"ARFILENAMES/" {
            if raw_index.is_none() {
                let raw = if field == b"/SYM64/" { RawIndex::Gnu64 } else { RawIndex::Gnu32 };
                raw_index = Some((raw, data));
            }
        } else if field == b"//" || field == b"ARFILENAMES/" {
            names = Some(data);
        } else {
            let mut nested_origin = None;
            let name = if let Some(length) = field.strip_prefix(b"#1/") {
                let length = number(length).and_then(|n| usize::try_from(n).ok());
                let length = length
                    .filter(|&n| n <= data.len())
                    .ok_or_else(|| format!("bad BSD member name at offset {pos}"))?;
                let name = &bytes[data.start..data.start + length];
                let used = name.iter().position(|&b| b == 0).unwrap_or(length);
                let range = data.start..data.start + used;
                data.start += length;
                range
            } else if field.len() > 1 && field[0] == b'/' && field[1].is_ascii_digit() {
                let (offset, origin) = match field.iter().position(|&b| b == b':') {
                    Some(colon) => (&field[1..colon], Some(&field[colon + 1..])),
                    None => (&field[1..], None),
                };
                if let Some(origin) = origin {
                    nested_origin = Some(
                        number(origin).ok_or_else(|| format!("bad nested member origin at offset {pos}"))?,
                    );
                }
                let table =
                    names.clone().ok_or_else(|| format!("long name without name table at offset {pos}"))?;
                // Members that `ar m` moved have a `/` at the end of the padded field.
                let digits = offset.iter().position(|b| !b.is_ascii_digit()).unwrap_or(offset.len());
                let start = number(&offset[..digits])
                    .filter(|_| offset[digits..].iter().all(|b| matches!(b, b' ' | b'/')))
                    .and_then(|n| usize::try_from(n).ok())
                    .and_then(|n| table.start.checked_add(n))
                    .filter(|&n| n < table.end)
                    .ok_or_else(|| format!("name offset out of range at offset {pos}"))?;
                let rest = &bytes[start..table.end];
                let length = rest.iter().position(|&b| b == b'\n' || b == 0).unwrap_or(rest.len());
                let length = if length > 0 && rest[length - 1] == b'/' { length - 1 } else { length };
                start..start + length
            } else {
                let length = match field.iter().position(|&b| b == b'/') {
                    Some(slash) if slash > 0 => slash,
                    _ => field.len(),
                };
                pos..pos + length
            };
            if bytes[name.clone()].starts_with(b"__.SYMDEF") {
                if raw_index.is_none() {
                    let wide = bytes[name].starts_with(b"__.SYMDEF_64");
                    raw_index = Some((if wide { RawIndex::Bsd64 } else { RawIndex::Bsd32 }, data));
                }
            } else {
                members.push(Member { header: pos as u64, name, data, size, nested_origin });
            }
        }
        pos = next;
    }
    Ok((Archive { kind, members, index: None }, raw_index))
}

/// How the index is written, and where.
type IndexPlace = (RawIndex, Range<usize>);

#[derive(Clone, Copy)]
enum RawIndex {
    Gnu32,
    Gnu64,
    Bsd32,
    Bsd64,
}

/// The member number whose header stands at `offset`.
fn member_at(members: &[Member], offset: u64) -> Option<u32> {
    let found = members.binary_search_by(|m| m.header.cmp(&offset)).ok()?;
    u32::try_from(found).ok()
}

fn parse_index(
    bytes: &[u8],
    raw: RawIndex,
    range: Range<usize>,
    members: &[Member],
) -> Result<Index, String> {
    let data = &bytes[range.clone()];
    let mut entries = Vec::new();
    match raw {
        RawIndex::Gnu32 | RawIndex::Gnu64 => {
            let width = if matches!(raw, RawIndex::Gnu32) { 4 } else { 8 };
            let word = |at: usize| -> Option<u64> {
                let field = data.get(at..at.checked_add(width)?)?;
                Some(field.iter().fold(0u64, |n, &b| (n << 8) | u64::from(b)))
            };
            if data.is_empty() {
                return Ok(Index::default());
            }
            let count = word(0).ok_or("archive symbol index is too short")?;
            let count = usize::try_from(count)
                .ok()
                .filter(|&n| n <= data.len() / (width + 1))
                .ok_or("archive symbol index claims more symbols than fit")?;
            let mut at = width + count * width;
            entries.reserve(count);
            // A member's names stand side by side.
            let mut last = (0, None);
            for i in 0..count {
                let offset = word(width + i * width).ok_or("archive symbol index is too short")?;
                let rest = data.get(at..).ok_or("archive symbol index: names are cut off")?;
                let length = rest.find_byte(0).ok_or("archive symbol index: a name has no end")?;
                let start = range.start + at;
                if offset != last.0 {
                    last = (offset, member_at(members, offset));
                }
                entries.push((start..start + length, last.1));
                at += length + 1;
            }
        }
        RawIndex::Bsd32 | RawIndex::Bsd64 => {
            let width = if matches!(raw, RawIndex::Bsd32) { 4 } else { 8 };
            let word = |at: usize| -> Option<u64> {
                let field = data.get(at..at.checked_add(width)?)?;
                Some(field.iter().rev().fold(0u64, |n, &b| (n << 8) | u64::from(b)))
            };
            let table =
                word(0).and_then(|n| usize::try_from(n).ok()).ok_or("archive symbol index is too short")?;
            let strings = table.checked_add(2 * width).ok_or("archive symbol index is damaged")?;
            if strings > data.len() {
                return Err("archive symbol index claims more symbols than fit".into());
            }
            for i in 0..table / (2 * width) {
                let name = word(width + i * 2 * width).and_then(|n| usize::try_from(n).ok());
                let offset = word(width + i * 2 * width + width);
                let (Some(name), Some(offset)) = (name, offset) else {
                    return Err("archive symbol index is too short".into());
                };
                let rest = strings
                    .checked_add(name)
                    .and_then(|s| data.get(s..))
                    .ok_or("archive symbol index: names are cut off")?;
                let length = rest.find_byte(0).ok_or("archive symbol index: a name has no end")?;
                let start = range.start + strings + name;
                entries.push((start..start + length, member_at(members, offset)));
            }
        }
    }
    Ok(Index { entries })
}

/// The single member whose header stands at `origin` of an archive given as bytes; see
/// [`member_of`].
///
/// # Errors
/// The bytes are not an archive, or no member's bytes start there.
pub fn member_at_origin(bytes: &[u8], origin: u64) -> Result<Member, String> {
    member_of(&parse(bytes)?, origin)
}

/// The single member whose header stands at `origin` of a regular archive: used for nested thin
/// entries. A thin archive holds no bytes to refer to, itself or another.
///
/// # Errors
/// The archive is thin, or no member starts there.
pub fn member_of(archive: &Archive, origin: u64) -> Result<Member, String> {
    if archive.kind == Kind::Thin {
        return Err("the archive that holds the member is itself thin".into());
    }
    member_at(&archive.members, origin)
        .and_then(|number| archive.members.get(number as usize).cloned())
        .ok_or_else(|| "no member at the stated origin".into())
}

//! GCC LTO objects: the symbol tables that GCC writes for linker plugins, and hints from the rest.
//!
//! In: an ELF object with `.gnu.lto_` sections. Out: [`IrTable`], and text found in compressed
//! sections. Always true: entries are read as the plugin reads them; references inside function
//! bodies are never claimed to be known. Source: LTO input formats, section 4.

use std::collections::BTreeMap;

use object::{CompressedData, CompressionFormat};

use super::{IrComdat, IrSymbol, IrTable, Kind};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};

const SYMTAB: &[u8] = b".gnu.lto_.symtab.";
const EXTENSION: &[u8] = b".gnu.lto_.ext_symtab.";
const VERSION: &[u8] = b".gnu.lto_.lto.";

/// The most bytes that one compressed section may become.
const UNPACKED_LIMIT: u64 = 1 << 28;
/// How much larger than its compressed form a section may become.
const UNPACKED_RATIO: u64 = 1024;

/// What the object says of its compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Major version of the format; from GCC 11 on the compiler's own.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
    /// Intermediate code only.
    pub slim: bool,
    /// Compressed with zstd (else zlib).
    pub zstd: bool,
    /// Written on a big-endian host.
    pub big_endian: bool,
}

/// Sections whose name begins with `prefix`: index and the rest of the name.
fn sections<'d>(object: &Object<'d>, prefix: &'static [u8]) -> Vec<(u32, &'d [u8])> {
    let all = 1..object.sections.len() as u32;
    all.filter_map(|s| Some((s, object.section_name(s).strip_prefix(prefix)?))).collect()
}

/// The format version, if the object tells (GCC 10 and later). Numbers are in the byte order of the
/// compiler's host, so the order is found by what gives a possible version.
pub fn version(object: &Object<'_>) -> Option<Version> {
    let (section, _) = *sections(object, VERSION).first()?;
    let data: [u8; 8] = object.section_data(section)?.get(..8)?.try_into().ok()?;
    let [a, b, c, d, slim, _, e, f] = data;
    let big_endian = u16::from_le_bytes([a, b]) > 255;
    let word = |pair: [u8; 2]| if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
    Some(Version {
        major: word([a, b]),
        minor: word([c, d]),
        slim: slim != 0,
        zstd: word([e, f]) & 1 != 0,
        big_endian,
    })
}

/// Whether an object with `.gnu.lto_` sections holds nothing but intermediate code: it says so, or
/// it has the mark symbol.
pub fn is_slim(object: &Object<'_>) -> bool {
    let marked = (0..object.symbol_count())
        .filter_map(|i| object.symbol(i))
        .any(|s| matches!(object.symbol_name(s.name), b"__gnu_lto_slim" | b"___gnu_lto_slim"));
    marked || version(object).is_some_and(|v| v.slim)
}

/// What to call the compiler.
pub fn producer(object: &Object<'_>) -> String {
    match version(object) {
        Some(v) => format!("GCC LTO format {}.{}", v.major, v.minor),
        None => "GCC LTO format without a version".to_string(),
    }
}

/// The symbols that the compiler wrote for linker plugins.
///
/// # Errors
/// Why they cannot be read.
pub fn read<'d>(object: &Object<'d>) -> Result<IrTable<'d>, String> {
    let tables = sections(object, SYMTAB);
    if tables.is_empty() {
        return Err("no .gnu.lto_.symtab section".to_string());
    }
    let extensions: BTreeMap<&[u8], u32> =
        sections(object, EXTENSION).into_iter().map(|(s, id)| (id, s)).collect();
    let big_endian = version(object).is_some_and(|v| v.big_endian);
    let mut table = IrTable { producer: producer(object), ..IrTable::default() };
    let mut comdats: BTreeMap<&[u8], u32> = BTreeMap::new();
    let mut seen: BTreeMap<&[u8], usize> = BTreeMap::new();
    for &(section, id) in &tables {
        let name = || String::from_utf8_lossy(object.section_name(section)).into_owned();
        let data = plain_data(object, section).ok_or_else(|| format!("{} cannot be read", name()))?;
        let first = table.symbols.len();
        let mut fresh = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            let entry = entry(&mut rest, big_endian).ok_or_else(|| format!("{} is cut short", name()))?;
            fresh.push(entry);
        }
        let extension = extensions.get(id).and_then(|&s| plain_data(object, s));
        let extension = extension.and_then(|e| e.split_first());
        let kinds = extension.filter(|(v, e)| **v == 1 && e.len() == 2 * fresh.len()).map(|(_, e)| e);
        for (number, entry) in fresh.into_iter().enumerate() {
            let (mut symbol, key) = entry?;
            let kind = kinds.and_then(|k| k.get(2 * number..2 * number + 2));
            symbol.executable = kind.is_none_or(|k| k.first() == Some(&1));
            symbol.bss = kind.is_some_and(|k| k.get(1).is_some_and(|b| b & 1 != 0));
            if !key.is_empty() {
                let next = table.comdats.len() as u32;
                let comdat = *comdats.entry(key).or_insert(next);
                if comdat == next {
                    table.comdats.push(IrComdat { name: key, exclusive: true });
                }
                symbol.comdat = Some(comdat);
            }
            // Several compilations in one object (`ld -r`): the strongest mention counts.
            match seen.get(symbol.name).copied().filter(|&at| at < first) {
                Some(at) => {
                    if let Some(old) = table.symbols.get_mut(at).filter(|old| rank(old) < rank(&symbol)) {
                        *old = symbol;
                    }
                }
                None => {
                    seen.insert(symbol.name, table.symbols.len());
                    table.symbols.push(symbol);
                }
            }
        }
    }
    Ok(table)
}

fn rank(symbol: &IrSymbol<'_>) -> u8 {
    match (symbol.kind, symbol.weak) {
        (Kind::Defined, false) => 4,
        (Kind::Common { .. }, _) => 3,
        (Kind::Defined, true) => 2,
        (Kind::Undefined, false) => 1,
        (Kind::Undefined, true) => 0,
    }
}

type Entry<'d> = Result<(IrSymbol<'d>, &'d [u8]), String>;

/// One entry: name, COMDAT key, kind, visibility, size, slot. `None` if the table ends within it.
fn entry<'d>(rest: &mut &'d [u8], big_endian: bool) -> Option<Entry<'d>> {
    let text = |rest: &mut &'d [u8]| -> Option<&'d [u8]> {
        let end = rest.iter().position(|&b| b == 0)?;
        let (name, tail) = (rest.get(..end)?, rest.get(end + 1..)?);
        *rest = tail;
        Some(name)
    };
    let name = text(rest)?;
    let key = text(rest)?;
    let (fixed, tail) = rest.split_at_checked(14)?;
    *rest = tail;
    let size: [u8; 8] = fixed.get(2..10)?.try_into().ok()?;
    let size = if big_endian { u64::from_be_bytes(size) } else { u64::from_le_bytes(size) };
    let (kind, weak) = match fixed.first()? {
        0 => (Kind::Defined, false),
        1 => (Kind::Defined, true),
        2 => (Kind::Undefined, false),
        3 => (Kind::Undefined, true),
        4 => (Kind::Common { size, align: 0 }, false),
        other => return Some(Err(format!("its symbol table has an unknown kind of symbol ({other})"))),
    };
    let visibility = match fixed.get(1)? {
        0 => STV_DEFAULT,
        1 => STV_PROTECTED,
        2 => STV_INTERNAL,
        3 => STV_HIDDEN,
        other => return Some(Err(format!("its symbol table has an unknown visibility ({other})"))),
    };
    let symbol = IrSymbol {
        name,
        kind,
        weak,
        visibility,
        comdat: None,
        section: None,
        executable: false,
        bss: false,
        tls: false,
        used: false,
        from_asm: false,
    };
    Some(Ok((symbol, key)))
}

/// A section's bytes, unless ELF itself compressed them.
fn plain_data<'d>(object: &Object<'d>, section: u32) -> Option<&'d [u8]> {
    let row = object.sections.get(section as usize)?;
    if row.flags & SHF_COMPRESSED != 0 {
        return None;
    }
    object.section_data(section)
}

/// Names of functions whose bodies the object holds, with the size of their compressed form in
/// bytes: a section `.gnu.lto_NAME.ORDER.ID` each.
pub fn bodies<'d>(object: &Object<'d>) -> Vec<(&'d [u8], u64)> {
    let mut out = Vec::new();
    for (section, rest) in sections(object, b".gnu.lto_") {
        if rest.starts_with(b".") {
            continue;
        }
        let mut parts = rest.rsplitn(3, |&b| b == b'.');
        let (Some(_), Some(order), name) = (parts.next(), parts.next(), parts.next()) else { continue };
        let numbered = !order.is_empty() && order.iter().all(u8::is_ascii_digit);
        match name {
            Some(name) if numbered => out.push((name, object.section_size(section))),
            // Older compilers leave the order out.
            _ => out.push((
                rest.get(..rest.len() - rest.rsplit(|&b| b == b'.').next().map_or(0, |i| i.len() + 1))
                    .unwrap_or(rest),
                object.section_size(section),
            )),
        }
    }
    out
}

/// A compressed section's contents.
///
/// # Errors
/// Why they cannot be had.
pub fn unpack(data: &[u8]) -> Result<Vec<u8>, String> {
    if data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let size = zstd_size(data).ok_or("a compressed section that does not tell its size")?;
        if size > UNPACKED_LIMIT || size / UNPACKED_RATIO > data.len() as u64 {
            return Err(format!("a compressed section claims to hold {size} bytes"));
        }
        let compressed =
            CompressedData { format: CompressionFormat::Zstandard, data, uncompressed_size: size };
        return compressed.decompress().map(|d| d.into_owned()).map_err(|e| e.to_string());
    }
    Err("a section in an unknown compression".to_string())
}

/// The content size that a zstd frame's header tells.
fn zstd_size(data: &[u8]) -> Option<u64> {
    let descriptor = *data.get(4)?;
    let single = descriptor & 0x20 != 0;
    let dictionary = [0usize, 1, 2, 4][usize::from(descriptor & 3)];
    let at = 5 + usize::from(!single) + dictionary;
    let field = |len: usize| -> Option<u64> {
        let bytes = data.get(at..at + len)?;
        Some(bytes.iter().rev().fold(0, |sum, &b| sum << 8 | u64::from(b)))
    };
    match descriptor >> 6 {
        0 if single => field(1),
        0 => None,
        1 => field(2).map(|v| v + 256),
        2 => field(4),
        _ => field(8),
    }
}

/// Text that the declarations hold and that begins with `prefix` (`license=`): a hint, since the
/// streams themselves are not decoded.
pub fn literals(object: &Object<'_>, prefix: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (section, _) in sections(object, b".gnu.lto_.decls") {
        let Some(data) = plain_data(object, section) else { continue };
        let Ok(text) = unpack(data) else { continue };
        let mut from = 0;
        while let Some(at) = find(&text, prefix, from) {
            let start = at;
            let tail = text.get(start..).unwrap_or(b"");
            let end = tail.iter().position(|b| !(0x20..0x7f).contains(b)).unwrap_or(tail.len());
            out.push(tail.get(..end).unwrap_or(b"").to_vec());
            from = start + end.max(1);
        }
    }
    out
}

fn find(text: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(what.len().max(1)).position(|w| w == what).map(|at| at + from)
}

/// Toplevel assembly text.
pub fn assembly(object: &Object<'_>) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (section, _) in sections(object, b".gnu.lto_.asm") {
        let Some(data) = plain_data(object, section) else { continue };
        let Ok(text) = unpack(data) else { continue };
        // Two sizes and an index stand before the strings.
        out.extend(strings_of(&text));
    }
    out
}

/// The strings at the end of a stream: after two 32-bit sizes and the main part, lengths in ULEB128
/// before each.
fn strings_of(text: &[u8]) -> Vec<Vec<u8>> {
    let word = |at: usize| -> Option<usize> {
        let field = text.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(field.try_into().ok()?)).ok()
    };
    let mut out = Vec::new();
    let (Some(main), Some(strings)) = (word(0), word(4)) else { return out };
    let header = text.len().checked_sub(main.saturating_add(strings));
    let Some(start) = header.map(|h| h + main) else { return out };
    let mut rest = text.get(start..).unwrap_or(b"");
    while let Some((length, tail)) = uleb(rest) {
        let Some(piece) = usize::try_from(length).ok().and_then(|l| tail.get(..l)) else { break };
        if !piece.is_empty() {
            out.push(piece.to_vec());
        }
        rest = tail.get(piece.len()..).unwrap_or(b"");
    }
    out
}

fn uleb(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (number, &byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(number + 1..)?));
        }
    }
    None
}

/// Whether the object defines the mark of a slim object as a common, which is all that a linker
/// without the plugin sees of it.
pub fn has_mark(object: &Object<'_>) -> bool {
    (object.first_global..object.symbol_count())
        .filter_map(|i| object.symbol(i))
        .any(|s| s.place == Place::Common && object.symbol_name(s.name) == b"__gnu_lto_slim")
}

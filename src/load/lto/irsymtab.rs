//! LLVM's own symbol table for linkers (`irsymtab`), the blob in a bitcode file's SYMTAB block.
//!
//! In: that blob and the string table. Out: plain rows. Always true: the blob's length was checked
//! against its own counts, so the layout is known whatever version it claims. Source: LTO input
//! formats, section 3.

/// Flag bits of [`Row::flags`].
pub(super) mod flag {
    pub(crate) const VISIBILITY: u32 = 3;
    pub(crate) const UNCOMMON: u32 = 1 << 2;
    pub(crate) const UNDEFINED: u32 = 1 << 3;
    pub(crate) const WEAK: u32 = 1 << 4;
    pub(crate) const COMMON: u32 = 1 << 5;
    pub(crate) const USED: u32 = 1 << 7;
    pub(crate) const TLS: u32 = 1 << 8;
    pub(crate) const GLOBAL: u32 = 1 << 10;
    pub(crate) const FORMAT_SPECIFIC: u32 = 1 << 11;
    pub(crate) const EXECUTABLE: u32 = 1 << 13;
}

/// Size of the fixed part.
const HEADER: usize = 76;

/// One symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'d> {
    /// The assembler's name.
    pub(super) name: &'d [u8],
    /// The name in the module; empty for symbols of module-level assembly.
    pub(super) ir_name: &'d [u8],
    /// Index of its COMDAT.
    pub(super) comdat: Option<u32>,
    /// Bits of [`flag`].
    pub(super) flags: u32,
    /// Size and alignment of a common.
    pub(super) common: (u64, u64),
}

/// The whole table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SymbolTable<'d> {
    /// Version as stored.
    pub(super) version: u32,
    /// Who wrote it.
    pub(super) producer: &'d [u8],
    /// Target triple.
    pub(super) triple: &'d [u8],
    /// COMDAT keys and selection kinds.
    pub(super) comdats: Vec<(&'d [u8], u32)>,
    /// Symbols in stored order.
    pub(super) rows: Vec<Row<'d>>,
    /// Dependent libraries.
    pub(super) libraries: Vec<&'d [u8]>,
    /// Number of modules it covers.
    pub(super) modules: u32,
}

fn word(blob: &[u8], at: usize) -> Option<u32> {
    let bytes = blob.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// A range: first byte and number of elements, checked to lie in the blob.
fn range(blob: &[u8], at: usize, element: usize) -> Result<(usize, usize), String> {
    let (offset, count) = word(blob, at).zip(word(blob, at + 4)).ok_or("its symbol table is cut short")?;
    let (offset, count) = (offset as usize, count as usize);
    let end = count.checked_mul(element).and_then(|size| offset.checked_add(size));
    if end.is_none_or(|end| end > blob.len()) {
        return Err("its symbol table names entries beyond its end".to_string());
    }
    Ok((offset, count))
}

/// Reads the table.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn parse<'d>(blob: &'d [u8], strings: &'d [u8]) -> Result<SymbolTable<'d>, String> {
    let text = |at: usize| -> Result<&'d [u8], String> {
        let (offset, size) = word(blob, at).zip(word(blob, at + 4)).ok_or("its symbol table is cut short")?;
        let end = (offset as usize).checked_add(size as usize);
        let found = end.and_then(|end| strings.get(offset as usize..end));
        found.ok_or_else(|| "its symbol table names a string beyond the string table".to_string())
    };
    if blob.len() < HEADER {
        return Err("its symbol table is cut short".to_string());
    }
    let (_, modules) = range(blob, 12, 12)?;
    let (comdats_at, comdats) = range(blob, 20, 12)?;
    let (symbols_at, symbols) = range(blob, 28, 24)?;
    let (libraries_at, libraries) = range(blob, 68, 8)?;
    let (_, uncommons) = range(blob, 36, 24)?;
    let fixed = HEADER + 12 * modules + 12 * comdats + 24 * symbols + 8 * libraries;
    let wide = match blob.len().checked_sub(fixed) {
        Some(rest) if rest == uncommons * 24 => false,
        Some(rest) if rest == uncommons * 28 => true,
        _ => {
            let version = word(blob, 0).unwrap_or(0);
            return Err(format!("its symbol table has an unknown layout (version {version})"));
        }
    };
    let uncommon_size = if wide { 28 } else { 24 };
    let (uncommons_at, uncommons) = range(blob, 36, uncommon_size)?;
    let mut table = SymbolTable {
        version: word(blob, 0).unwrap_or(0),
        producer: text(4)?,
        triple: text(44)?,
        modules: modules as u32,
        ..SymbolTable::default()
    };
    for number in 0..comdats {
        let at = comdats_at + 12 * number;
        table.comdats.push((text(at)?, word(blob, at + 8).unwrap_or(0)));
    }
    for number in 0..libraries {
        table.libraries.push(text(libraries_at + 8 * number)?);
    }
    let mut next_uncommon = 0usize;
    for number in 0..symbols {
        let at = symbols_at + 24 * number;
        let (comdat, flags) =
            word(blob, at + 16).zip(word(blob, at + 20)).ok_or("its symbol table is cut short")?;
        let mut common = (0, 0);
        if flags & flag::UNCOMMON != 0 {
            if next_uncommon >= uncommons {
                return Err("its symbol table lacks details of a symbol".to_string());
            }
            let at = uncommons_at + uncommon_size * next_uncommon;
            next_uncommon += 1;
            let low = u64::from(word(blob, at).unwrap_or(0));
            let second = u64::from(word(blob, at + 4).unwrap_or(0));
            let third = u64::from(word(blob, at + 8).unwrap_or(0));
            common = if wide { (low | second << 32, third) } else { (low, second) };
        }
        let comdat = match comdat {
            u32::MAX => None,
            index if (index as usize) < comdats => Some(index),
            _ => return Err("its symbol table names a COMDAT that does not exist".to_string()),
        };
        table.rows.push(Row { name: text(at)?, ir_name: text(at + 8)?, comdat, flags, common });
    }
    Ok(table)
}

//! `Module.symvers`: which symbols are exported, by whom, how.
//!
//! In: the file's bytes. Out: one row per line. The columns changed their order (KL 7.2): which one
//! holds the kind of export tells the order.

use bstr::{BString, ByteSlice};

use super::cmdfile::hexadecimal;

/// How a symbol is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportKind {
    /// `EXPORT_SYMBOL`.
    Plain,
    /// `EXPORT_SYMBOL_GPL`.
    Gpl,
    /// `EXPORT_UNUSED_SYMBOL` (kernels up to 5.11).
    Unused,
    /// `EXPORT_UNUSED_SYMBOL_GPL` (kernels up to 5.11).
    UnusedGpl,
    /// `EXPORT_SYMBOL_GPL_FUTURE` (kernels up to 5.11).
    GplFuture,
}

impl ExportKind {
    fn parse(text: &[u8]) -> Option<ExportKind> {
        Some(match text {
            b"EXPORT_SYMBOL" => ExportKind::Plain,
            b"EXPORT_SYMBOL_GPL" => ExportKind::Gpl,
            b"EXPORT_UNUSED_SYMBOL" => ExportKind::Unused,
            b"EXPORT_UNUSED_SYMBOL_GPL" => ExportKind::UnusedGpl,
            b"EXPORT_SYMBOL_GPL_FUTURE" => ExportKind::GplFuture,
            _ => return None,
        })
    }
}

/// One line of a `Module.symvers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symver {
    /// Version of the symbol; 0 where versions are off.
    pub crc: u32,
    /// The symbol.
    pub name: BString,
    /// The exporter: a module's path without suffix, or `vmlinux`.
    pub module: BString,
    /// The kind.
    pub kind: ExportKind,
    /// The namespace; empty if none.
    pub namespace: BString,
}

/// Reads a `Module.symvers`; also how many lines could not be read.
pub fn parse(text: &[u8]) -> (Vec<Symver>, usize) {
    let mut rows = Vec::new();
    let mut bad = 0;
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        match parse_line(line) {
            Some(row) => rows.push(row),
            None => bad += 1,
        }
    }
    (rows, bad)
}

fn parse_line(line: &[u8]) -> Option<Symver> {
    let columns: Vec<&[u8]> = line.split(|&b| b == b'\t').map(|c| c.trim()).collect();
    let crc = hexadecimal(columns.first()?)?;
    let name = *columns.get(1).filter(|n| !n.is_empty())?;
    let third = *columns.get(2)?;
    let at = |i: usize| columns.get(i).copied().unwrap_or_default();
    let (module, kind, namespace) = match (ExportKind::parse(at(3)), ExportKind::parse(at(4))) {
        // crc name module kind [namespace]
        (Some(kind), _) => (third, kind, at(4)),
        // crc name namespace module kind
        (None, Some(kind)) => (at(3), kind, third),
        (None, None) => return None,
    };
    Some(Symver { crc, name: name.into(), module: module.into(), kind, namespace: namespace.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_orders() {
        let (rows, bad) = parse(
            b"0x00000001\ta\tvmlinux\tEXPORT_SYMBOL\n0x2\tb\tNS\tdrivers/x\tEXPORT_SYMBOL_GPL\n\
              0x3\tc\tdrivers/x\tEXPORT_SYMBOL_GPL\t\n0x4\td\tvmlinux\tEXPORT_SYMBOL\tNS2\n\
              0x5\te\t\tvmlinux\tEXPORT_UNUSED_SYMBOL\nrubbish\n0x6\tf\n\n",
        );
        let show: Vec<String> = rows
            .iter()
            .map(|r| format!("{} {} {} {:?} {}", r.crc, r.name, r.module, r.kind, r.namespace))
            .collect();
        assert_eq!(
            show,
            [
                "1 a vmlinux Plain ",
                "2 b drivers/x Gpl NS",
                "3 c drivers/x Gpl ",
                "4 d vmlinux Plain NS2",
                "5 e vmlinux Unused "
            ]
        );
        assert_eq!(bad, 2);
    }
}

//! `Module.symvers`: what modpost wrote down about exports (KL 7.2).
//!
//! In: its bytes. Out: one [`Line`] per export. The order of columns changed twice; which it is shows in
//! the column that holds `EXPORT_...`. Lines that fit no order are counted, never guessed.

use super::exports::records::Licence;

/// One export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'d> {
    /// The version checksum; 0 where versions are off.
    pub crc: u32,
    /// The name.
    pub name: &'d [u8],
    /// The exporter: `vmlinux`, or a module's path without suffix.
    pub module: &'d [u8],
    /// To whom.
    pub licence: Licence,
    /// The namespace; empty for none.
    pub namespace: &'d [u8],
}

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symvers<'d> {
    /// Its lines in order.
    pub lines: Vec<Line<'d>>,
    /// Number of lines that could not be read.
    pub bad: usize,
}

/// Reads `Module.symvers`, `vmlinux.symvers` or `modules-only.symvers`.
pub fn parse(bytes: &[u8]) -> Symvers<'_> {
    let mut out = Symvers::default();
    for line in bytes.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        match read(line) {
            Some(line) => out.lines.push(line),
            None => out.bad += 1,
        }
    }
    out
}

fn read(line: &[u8]) -> Option<Line<'_>> {
    let columns: Vec<&[u8]> = line.split(|&b| b == b'\t').collect();
    let [crc, name, rest @ ..] = columns.as_slice() else { return None };
    let crc = std::str::from_utf8(crc.strip_prefix(b"0x")?).ok()?;
    let crc = u32::from_str_radix(crc, 16).ok()?;
    let (module, licence, namespace): (&[u8], &[u8], &[u8]) = match rest {
        // Up to 5.3.
        [module, licence] => (module, licence, b""),
        [a, b, c] if Licence::from_macro(b).is_some() => (a, b, c),
        // 5.4 to 5.6.
        [namespace, module, licence] => (module, licence, namespace),
        _ => return None,
    };
    let licence = Licence::from_macro(licence)?;
    let module = module.strip_suffix(b".ko").unwrap_or(module);
    (!name.is_empty()).then_some(Line { crc, name, module, licence, namespace })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_columns_is_one_model() {
        let old = b"0x12345678\tfoo\tdrivers/a/b\tEXPORT_SYMBOL_GPL\n";
        let middle = b"0x12345678\tfoo\tNS\tdrivers/a/b\tEXPORT_SYMBOL_GPL\n";
        let new = b"0x12345678\tfoo\tdrivers/a/b\tEXPORT_SYMBOL_GPL\tNS\n";
        let expected = |namespace| Line {
            crc: 0x1234_5678,
            name: b"foo",
            module: b"drivers/a/b",
            licence: Licence::Gpl,
            namespace,
        };
        assert_eq!(parse(old).lines, [expected(b"")]);
        assert_eq!(parse(middle).lines, [expected(b"NS")]);
        assert_eq!(parse(new).lines, [expected(b"NS")]);
        let bare = parse(b"0x00000000\tbar\tvmlinux\tEXPORT_UNUSED_SYMBOL\t\n");
        assert_eq!(bare.lines[0].namespace, b"");
        assert_eq!((bare.lines[0].licence, bare.lines[0].crc), (Licence::Unused, 0));
    }

    #[test]
    fn lines_of_no_order_are_counted() {
        let read = parse(b"foo\n0x1\tfoo\n0xzz\ta\tb\tEXPORT_SYMBOL\n0x1\ta\tb\tEXPORTED\t\n\n");
        assert_eq!((read.lines.len(), read.bad), (0, 4));
    }
}

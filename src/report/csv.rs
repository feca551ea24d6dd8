//! Cells of comma and tab separated tables.

/// Appends one CSV record: quoted where needed, and never read as a formula by a spreadsheet.
pub fn csv_record<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a [u8]>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        let formula = matches!(cell.first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'));
        if formula || cell.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
            out.push(b'"');
            if formula {
                out.push(b'\'');
            }
            for &byte in cell {
                if byte == b'"' {
                    out.push(b'"');
                }
                out.push(byte);
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(cell);
        }
    }
    out.push(b'\n');
}

/// Appends one TSV record; tabs, line ends and backslashes in cells are escaped.
pub fn tsv_record<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a [u8]>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(b'\t');
        }
        for &byte in cell {
            match byte {
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\\' => out.extend_from_slice(b"\\\\"),
                _ => out.push(byte),
            }
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let mut out = Vec::new();
        csv_record(&mut out, [&b"a"[..], b"b,c", b"say \"x\"", b"=1+1", b""]);
        assert_eq!(out, b"a,\"b,c\",\"say \"\"x\"\"\",\"'=1+1\",\n");
        out.clear();
        tsv_record(&mut out, [&b"a\tb"[..], b"c\nd", b"e\\f"]);
        assert_eq!(out, b"a\\tb\tc\\nd\te\\\\f\n");
    }
}

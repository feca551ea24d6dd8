//! GitHub's workflow commands: `::error file=...,line=...::message`.
//!
//! A step shows ten errors and ten warnings; the worst ten findings are written, then one line with the
//! true count.

use super::{View, place, summary};
use crate::query::finding::{Level, name_of};

/// Findings that get an annotation of their own.
const SHOWN: usize = 10;

/// Escapes a message: what would end the command or start a new line. Other control characters are
/// written as escapes, for the log is a terminal.
fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            c => out.push_str(&crate::report::labels::escape(c.encode_utf8(&mut [0; 4]).as_bytes())),
        }
    }
    out
}

/// Escapes a property: also what separates properties.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The commands.
pub fn github(view: &View<'_>) -> Vec<u8> {
    let check = view.check;
    let mut out = String::new();
    for finding in check.findings.iter().take(SHOWN) {
        let (file, line, column) = place(view, finding);
        let command = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        let remedy = if finding.remedy.is_empty() { String::new() } else { format!("\n{}", finding.remedy) };
        out.push_str(&format!(
            "::{command} file={},line={line},col={column},title={}::{}\n",
            property(&file),
            property(&format!("{} {}", finding.id, name_of(finding.id))),
            message(&format!("{}{remedy}", finding.message))
        ));
    }
    let command = if check.fails(view.fail_on) { "error" } else { "notice" };
    let left = check.findings.len().saturating_sub(SHOWN);
    let more = if left > 0 { format!(", {left} of them not shown above") } else { String::new() };
    out.push_str(&format!("::{command} title=linksweep::{}{more}\n", message(&summary(check))));
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(message("100%\nx\r:,\x1b[0m"), "100%25%0Ax%0D:,\\x1b[0m");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}

//! GitHub's workflow commands: `::error file=...,line=...::message`.
//!
//! A step shows ten errors, ten warnings and ten notices and drops the rest without a word: the worst ten
//! errors and the worst ten warnings are written, then one notice with the true count.

use super::{View, place, summary};
use crate::query::finding::{Level, name_of};

/// Findings of one level that get an annotation of their own.
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
    let mut shown = 0;
    for (level, command) in [(Level::Error, "error"), (Level::Warning, "warning")] {
        for finding in check.findings.iter().filter(|f| f.level == level).take(SHOWN) {
            let (file, line, column) = place(view, finding);
            let remedy =
                if finding.remedy.is_empty() { String::new() } else { format!("\n{}", finding.remedy) };
            out.push_str(&format!(
                "::{command} file={},line={line},col={column},title={}::{}\n",
                property(&file),
                property(&format!("{} {}", finding.id, name_of(finding.id))),
                message(&format!("{}{remedy}", finding.message))
            ));
            shown += 1;
        }
    }
    let verdict = if check.fails(view.fail_on) { "failed" } else { "passed" };
    let left = check.findings.len() - shown;
    let more = if left > 0 { format!(", {left} of them not shown above") } else { String::new() };
    out.push_str(&format!("::notice title=linksweep {verdict}::{}{more}\n", message(&summary(check))));
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

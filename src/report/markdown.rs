//! What all Markdown answers share: text that cannot become markup, tables within a budget of bytes.

use super::labels::escape;

/// Bytes that a comment of a code-hosting service may have, with some left for what is put around it.
pub const COMMENT: usize = 60 * 1024;

/// The longest text in a cell, in characters.
const CELL: usize = 400;

/// Escapes text for a table's cell: nothing of it is markup, a link, a mention or a new cell.
pub fn cell(text: &str) -> String {
    let shortened: String = text.chars().take(CELL).collect();
    let dots = if shortened.len() < text.len() { "…" } else { "" };
    let mut out = String::with_capacity(shortened.len() + 8);
    for c in escape(shortened.as_bytes()).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out + dots
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn escapes() {
        assert_eq!(cell("a|b`c\nd<img>@x"), "a\\|b\\`c\\\\nd&lt;img&gt;&#64;x");
        assert!(cell(&"x".repeat(1000)).ends_with('…'));
    }
}

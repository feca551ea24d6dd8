//! Tokens of the GNU linkers' scripts: re-lexed on demand from a byte position in a given mode.
//!
//! In: text, position, [`Mode`], dialect. Out: one [`Token`]. What a name may contain depends on
//! the mode (ld `ldlex.l` start conditions, gold `Lex::can_continue_name`), so nothing is buffered:
//! the parser asks again in another mode. lld and mold split words instead: see `words.rs`.

use super::ast::Dialect;

/// What the parser expects to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Commands, section names (ld SCRIPT, gold LINKER_SCRIPT).
    Script,
    /// File lists of INPUT and GROUP (ld INPUTLIST).
    Inputs,
    /// Expressions.
    Expression,
    /// Inside an output section (ld WILD).
    Wild,
    /// Version tags, between version nodes (ld VERS_SCRIPT).
    Tags,
    /// Inside a version node (ld VERS_NODE).
    Node,
}

/// Kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or pattern; `text` is without quotes.
    Name,
    /// A name that stood in double quotes.
    Quoted,
    /// `-lNAME` in a file list (ld): `text` is NAME.
    Library,
    /// A number.
    Integer(u64),
    /// An operator or punctuation.
    Op(&'static str),
    /// End of the text.
    Eof,
}

/// One token: its kind and byte ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// First byte, quote included.
    pub(super) start: usize,
    /// One past the last byte, quote included.
    pub(super) end: usize,
    /// The bytes that count: without quotes, without `-l`.
    pub(super) text: (usize, usize),
}

impl Token {
    pub(super) fn new(kind: Kind, start: usize, end: usize) -> Token {
        Token { kind, start, end, text: (start, end) }
    }
}

/// A text that has no token here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LexError {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) message: &'static str,
}

fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// Bytes from `at` on that satisfy `test`.
pub(super) fn run(text: &[u8], at: usize, test: impl Fn(u8) -> bool) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|&&b| test(b)).count()
}

/// Position after a `/* */` comment that begins at `at`, or `None` if it never ends.
pub(super) fn after_comment(text: &[u8], at: usize) -> Option<usize> {
    let body = text.get(at + 2..)?;
    body.windows(2).position(|w| w == b"*/").map(|end| at + 2 + end + 2)
}

const OPS: [&str; 41] = [
    "<<=", ">>=", "||", "==", "!=", ">=", "<=", "<<", ">>", "+=", "-=", "*=", "/=", "&=", "|=", "&&", "(",
    ")", "{", "}", ",", ";", ":", "=", ">", "<", "&", "|", "~", "!", "?", "*", "+", "-", "/", "%", "[", "]",
    "^", "%=", "^=",
];

/// The longest operator at `at` among those `known` in the mode.
fn operator(text: &[u8], at: usize, known: impl Fn(&'static str) -> bool) -> Option<&'static str> {
    let rest = text.get(at..)?;
    OPS.iter().copied().filter(|op| rest.starts_with(op.as_bytes()) && known(op)).max_by_key(|op| op.len())
}

/// The next token of a GNU ld or gold script.
///
/// Errors: a comment or string that never ends; in gold also a byte that begins no token. GNU ld
/// ignores such bytes with a warning, and so do we; `strict` makes it an error there too.
pub(super) fn next(
    dialect: Dialect,
    text: &[u8],
    at: usize,
    mode: Mode,
    strict: bool,
) -> Result<Token, LexError> {
    let mut at = at;
    loop {
        let here = byte(text, at);
        if at >= text.len() {
            return Ok(Token::new(Kind::Eof, text.len(), text.len()));
        }
        if matches!(here, b' ' | b'\t' | b'\r' | b'\n') {
            at += 1;
            continue;
        }
        if here == b'/' && byte(text, at + 1) == b'*' {
            at = after_comment(text, at).ok_or(LexError {
                at,
                end: at + 2,
                message: "this comment never ends",
            })?;
            continue;
        }
        if here == b'#' {
            at += run(text, at, |b| b != b'\n');
            continue;
        }
        let token =
            if dialect == Dialect::Gold { gold_token(text, at, mode)? } else { bfd_token(text, at, mode)? };
        match token {
            Some(token) => return Ok(token),
            None if strict || dialect == Dialect::Gold => {
                return Err(LexError { at, end: at + 1, message: "invalid character" });
            }
            None => at += 1,
        }
    }
}

fn quoted(text: &[u8], at: usize, one_line: bool) -> Result<Token, LexError> {
    let body = run(text, at + 1, |b| b != b'"' && !(one_line && b == b'\n'));
    let close = at + 1 + body;
    if byte(text, close) != b'"' {
        return Err(LexError { at, end: at + 1, message: "this quoted name never ends" });
    }
    Ok(Token { kind: Kind::Quoted, start: at, end: close + 1, text: (at + 1, close) })
}

// ---- GNU ld ------------------------------------------------------------------------------------

fn is_filename(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'_' | b'/' | b'.' | b'\\' | b'$' | b'~' | b'-' | b'+' | b':' | b'[' | b']' | b',' | b'='
        )
}

fn is_filename_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || matches!(b, b'_' | b'/' | b'.' | b'\\' | b'$' | b'~')
}

fn is_symbol(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'.' | b'\\' | b'$' | b'~')
}

fn is_symbol_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'\\' | b'$')
}

fn is_wild(b: u8) -> bool {
    is_filename(b) || matches!(b, b'?' | b'*' | b'^' | b'!')
}

fn is_version(b: u8) -> bool {
    b.is_ascii_alphabetic()
        || matches!(b, b'*' | b'?' | b'.' | b'$' | b'_' | b'[' | b']' | b'-' | b'!' | b'^' | b'\\')
}

fn bfd_operator(mode: Mode, op: &str) -> bool {
    let assign = matches!(op, "<<=" | ">>=" | "+=" | "-=" | "*=" | "/=" | "&=" | "|=");
    match mode {
        Mode::Inputs => matches!(op, "," | "(" | ")"),
        Mode::Wild => assign || matches!(op, "[" | "]" | "&" | "=" | "{" | "}" | "(" | ")" | ";"),
        Mode::Script => {
            assign
                || matches!(op, ">" | "," | "~" | "!" | "+" | "-" | "=" | "{" | "}" | "(" | ")" | ":" | ";")
        }
        Mode::Expression => !matches!(op, "[" | "]" | "^" | "%=" | "^="),
        Mode::Tags | Mode::Node => matches!(op, ":" | "," | ";" | "{" | "}"),
    }
}

/// The longest match wins; of equal lengths number, operator, name, as `ldlex.l` lists its rules.
fn bfd_token(text: &[u8], at: usize, mode: Mode) -> Result<Option<Token>, LexError> {
    let here = byte(text, at);
    if here == b'"' && mode != Mode::Tags {
        return quoted(text, at, false).map(Some);
    }
    let number = match mode {
        Mode::Expression => bfd_expression_number(text, at),
        Mode::Script => plain_number(text, at, true),
        _ => None,
    };
    let name = match mode {
        Mode::Script if is_filename_start(here) => run(text, at, is_filename),
        Mode::Inputs if is_filename_start(here) => run(text, at, is_filename),
        Mode::Inputs if here == b'=' && is_filename_start(byte(text, at + 1)) => {
            1 + run(text, at + 1, is_filename)
        }
        Mode::Inputs if here == b'-' && byte(text, at + 1) == b'l' && is_filename(byte(text, at + 2)) => {
            let end = at + run(text, at, is_filename);
            return Ok(Some(Token { kind: Kind::Library, start: at, end, text: (at + 2, end) }));
        }
        Mode::Expression if is_symbol_start(here) => run(text, at, is_symbol),
        Mode::Expression if text.get(at..).is_some_and(|t| t.starts_with(b"/DISCARD/")) => 9,
        Mode::Wild => run(text, at, is_wild),
        Mode::Tags if here.is_ascii_alphabetic() || matches!(here, b'.' | b'$' | b'_') => {
            1 + run(text, at + 1, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'))
        }
        Mode::Node if is_version(here) => version_name(text, at, |b| is_version(b) || b.is_ascii_digit()),
        _ => 0,
    };
    let op = operator(text, at, |op| bfd_operator(mode, op));
    let op_length = op.map_or(0, str::len);
    if let Some((value, length)) = number
        && length >= op_length.max(name)
    {
        return Ok(Some(Token::new(Kind::Integer(value), at, at + length)));
    }
    if let Some(op) = op
        && op_length >= name
    {
        return Ok(Some(Token::new(Kind::Op(op), at, at + op_length)));
    }
    Ok((name > 0).then(|| Token::new(Kind::Name, at, at + name)))
}

/// Length of a version pattern: plain bytes and `::`.
fn version_name(text: &[u8], at: usize, plain: impl Fn(u8) -> bool) -> usize {
    let mut end = at + 1;
    loop {
        if plain(byte(text, end)) && end < text.len() {
            end += 1;
        } else if byte(text, end) == b':' && byte(text, end + 1) == b':' {
            end += 2;
        } else {
            return end - at;
        }
    }
}

/// Value of digits in a base, wrapping, stopping at the first byte that is no digit of it.
fn digits(text: &[u8], base: u32) -> u64 {
    let values = text.iter().map_while(|&b| char::from(b).to_digit(base));
    values.fold(0u64, |sum, digit| sum.wrapping_mul(u64::from(base)).wrapping_add(u64::from(digit)))
}

/// `0x..`, decimal or (leading zero) octal digits with an optional K or M; `$hex` where `dollar`.
fn plain_number(text: &[u8], at: usize, dollar: bool) -> Option<(u64, usize)> {
    let here = byte(text, at);
    let next = byte(text, at + 1);
    let (skip, base, count) = if here == b'$' && dollar {
        (1, 16, run(text, at + 1, |b| b.is_ascii_hexdigit()))
    } else if here == b'0' && matches!(next, b'x' | b'X') && byte(text, at + 2).is_ascii_hexdigit() {
        (2, 16, run(text, at + 2, |b| b.is_ascii_hexdigit()))
    } else {
        let base = if here == b'0' { 8 } else { 10 };
        (0, base, run(text, at, |b| b.is_ascii_digit()))
    };
    if count == 0 {
        return None;
    }
    let value = digits(text.get(at + skip..at + skip + count)?, base);
    Some(match byte(text, at + skip + count) {
        b'k' | b'K' => (value.wrapping_mul(1024), skip + count + 1),
        b'm' | b'M' => (value.wrapping_mul(1024 * 1024), skip + count + 1),
        _ => (value, skip + count),
    })
}

/// ld's numbers in expressions: also `1fh`, `101b`, `17o`, `99d`, `1fx`. A symbol that looks like
/// one (`add`, `dead`) is a number to ld, too.
fn bfd_expression_number(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let plain = plain_number(text, at, true);
    let hex = run(text, at, |b| b.is_ascii_hexdigit());
    let suffixed = {
        let after = byte(text, at + hex);
        let is_suffix =
            |b: u8| matches!(b, b'h' | b'H' | b'x' | b'X' | b'o' | b'O' | b'b' | b'B' | b'd' | b'D');
        // b and d are digits too: the longest text that still ends in a suffix letter.
        if hex >= 1 && is_suffix(after) {
            Some(hex + 1)
        } else {
            let run = text.get(at..at + hex).unwrap_or_default();
            run.iter().rposition(|&b| is_suffix(b)).filter(|&last| last >= 1).map(|last| last + 1)
        }
    };
    let suffixed = suffixed.map(|length| {
        let body = text.get(at..at + length - 1).unwrap_or_default();
        let base = match byte(text, at + length - 1) {
            b'h' | b'H' | b'x' | b'X' => 16,
            b'o' | b'O' => 8,
            b'b' | b'B' => 2,
            _ => 10,
        };
        (digits(body, base), length)
    });
    match (plain, suffixed) {
        (Some(a), Some(b)) if b.1 >= a.1 => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

// ---- gold --------------------------------------------------------------------------------------

fn gold_starts(text: &[u8], at: usize, mode: Mode) -> bool {
    let script = matches!(mode, Mode::Script | Mode::Inputs | Mode::Wild);
    let version = matches!(mode, Mode::Tags | Mode::Node);
    match byte(text, at) {
        b if b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'$') => true,
        b'/' | b'\\' => script,
        b'~' => script && gold_continues(text, at + 1, mode) > 0,
        b'*' | b'[' => version || (script && gold_continues(text, at + 1, mode) > 0),
        _ => false,
    }
}

/// How many bytes at `at` continue a name: 0, 1, or 2 for `::`.
fn gold_continues(text: &[u8], at: usize, mode: Mode) -> usize {
    let script = matches!(mode, Mode::Script | Mode::Inputs | Mode::Wild);
    let version = matches!(mode, Mode::Tags | Mode::Node);
    let ok = match byte(text, at) {
        b if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$') => true,
        b'/' | b'\\' | b'~' | b'=' | b'+' | b',' => script,
        b'[' | b']' | b'*' | b'?' | b'-' => script || version,
        b'^' => version,
        b':' if version => return if byte(text, at + 1) == b':' { 2 } else { 0 },
        b':' => script,
        _ => false,
    };
    usize::from(ok)
}

fn gold_token(text: &[u8], at: usize, mode: Mode) -> Result<Option<Token>, LexError> {
    if byte(text, at) == b'"' {
        return quoted(text, at, true).map(Some);
    }
    if gold_starts(text, at, mode) {
        let mut end = at + 1;
        loop {
            match gold_continues(text, end, mode) {
                0 => return Ok(Some(Token::new(Kind::Name, at, end))),
                more => end += more,
            }
        }
    }
    if let Some((value, length)) = plain_number(text, at, false) {
        return Ok(Some(Token::new(Kind::Integer(value), at, at + length)));
    }
    let op = operator(text, at, |op| !matches!(op, "%=" | "^="));
    Ok(op.map(|op| Token::new(Kind::Op(op), at, at + op.len())))
}

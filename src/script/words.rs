//! Words of lld's and mold's scripts: the text is cut into words, and expressions cut words further.
//!
//! In: text and position. Out: one [`Token`]. A word holds operator bytes too (`file-name.cpp`,
//! `*=`); only inside expressions is it split at operators (lld `ScriptLexer::tokenize`,
//! `tokenizeExpr`; mold `tokenize`).

use super::ast::Dialect;
use super::lexer::{Kind, LexError, Token, after_comment, run};

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'_' | b'.'
                | b'$'
                | b'/'
                | b'\\'
                | b'~'
                | b'='
                | b'+'
                | b'['
                | b']'
                | b'*'
                | b'?'
                | b'-'
                | b'!'
                | b'^'
                | b':'
        )
}

/// Single bytes and operators that stand alone, as text.
fn punctuation(text: &[u8]) -> &'static str {
    const KNOWN: [&str; 28] = [
        "(", ")", "{", "}", ",", ";", ">", "<", "&", "|", "%", "@", "'", "<<=", ">>=", "<<", ">>", "<=",
        ">=", "&&", "||", "*=", "/=", "+=", "-=", "&=", "|=", "^=",
    ];
    KNOWN.iter().copied().find(|known| known.as_bytes() == text).unwrap_or("?byte")
}

/// The next word at or after `at`.
pub(super) fn next(dialect: Dialect, text: &[u8], at: usize) -> Result<Token, LexError> {
    let mut at = at;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(&here) = rest.first() else {
            return Ok(Token::new(Kind::Eof, text.len(), text.len()));
        };
        if here.is_ascii_whitespace() || here == 0x0b {
            at += 1;
        } else if rest.starts_with(b"/*") {
            at = after_comment(text, at).ok_or(LexError { at, end: at + 2, message: "unclosed comment" })?;
        } else if here == b'#' {
            at += run(text, at, |b| b != b'\n');
        } else if here == b'"' {
            let close = at + 1 + run(text, at + 1, |b| b != b'"');
            if close >= text.len() {
                return Err(LexError { at, end: at + 1, message: "unclosed quote" });
            }
            return Ok(Token { kind: Kind::Quoted, start: at, end: close + 1, text: (at + 1, close) });
        } else {
            let joined = joined_operator(dialect, rest);
            if joined > 0 {
                return Ok(op(text, at, joined));
            }
            let length = run(text, at, is_word);
            return Ok(if length == 0 { op(text, at, 1) } else { Token::new(Kind::Name, at, at + length) });
        }
    }
}

fn op(text: &[u8], at: usize, length: usize) -> Token {
    let bytes = text.get(at..at + length).unwrap_or_default();
    Token::new(Kind::Op(punctuation(bytes)), at, at + length)
}

/// Length of an operator that forms a word of its own even before words are read.
fn joined_operator(dialect: Dialect, rest: &[u8]) -> usize {
    let (a, b) = (rest.first().copied().unwrap_or(0), rest.get(1).copied().unwrap_or(0));
    match dialect {
        Dialect::Lld14 => {
            let two = rest.get(..2).unwrap_or_default();
            if [&b"<<"[..], b"<=", b">>", b">=", b"||", b"&&"].contains(&two) { 2 } else { 0 }
        }
        Dialect::Lld19 | Dialect::Lld20 if rest.starts_with(b"<<=") || rest.starts_with(b">>=") => 3,
        Dialect::Lld19 | Dialect::Lld20 => {
            let assigns = b == b'=' && b"*/+-<>&^|".contains(&a);
            let doubled = a == b && b"<>&|".contains(&a);
            if assigns || doubled { 2 } else { 0 }
        }
        _ => 0,
    }
}

/// The first piece of a word in an expression: a run without operators, or one operator.
pub(super) fn expression_piece(dialect: Dialect, text: &[u8], word: Token) -> Token {
    if word.kind == Kind::Quoted || word.kind == Kind::Eof {
        return word;
    }
    let bytes = text.get(word.start..word.end).unwrap_or_default();
    let ops: &[u8] = if dialect == Dialect::Lld14 { b"+-*/:!~=<>" } else { b"!~*/+-<>?^:=" };
    let plain = bytes.iter().take_while(|b| !ops.contains(b)).count();
    if plain > 0 {
        let kind = match word.kind {
            Kind::Op(op) if plain == bytes.len() => Kind::Op(op),
            _ => Kind::Name,
        };
        return Token::new(kind, word.start, word.start + plain);
    }
    const PIECES: [&str; 18] =
        ["!=", "==", ">=", "<=", "<<", ">>", "!", "~", "*", "/", "+", "-", "<", ">", "?", "^", ":", "="];
    let piece = PIECES.iter().copied().find(|p| bytes.starts_with(p.as_bytes())).unwrap_or("=");
    Token::new(Kind::Op(piece), word.start, word.start + piece.len())
}

/// lld's `parseInt`: `0x` or trailing `H` is hexadecimal; decimal may end in K or M.
pub(super) fn integer(word: &[u8]) -> Option<u64> {
    let parse = |digits: &[u8], base| {
        let text = std::str::from_utf8(digits).ok().filter(|t| !t.is_empty() && !t.starts_with('+'))?;
        u64::from_str_radix(text, base).ok()
    };
    if let [b'0', b'x' | b'X', hex @ ..] = word {
        return parse(hex, 16);
    }
    match word {
        [hex @ .., b'h' | b'H'] => parse(hex, 16),
        [number @ .., b'k' | b'K'] => parse(number, 10).map(|n| n.wrapping_mul(1024)),
        [number @ .., b'm' | b'M'] => parse(number, 10).map(|n| n.wrapping_mul(1024 * 1024)),
        _ => parse(word, 10),
    }
}

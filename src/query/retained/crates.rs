//! The crate or namespace of a symbol, from its mangled name.
//!
//! In: a symbol's name. Out: the Rust crate, the outermost C++ namespace (or class), or a word in
//! parentheses for names that have none.

use bstr::{BString, ByteSlice};

/// Names without a scheme, such as C's.
pub const PLAIN: &str = "(no namespace)";
/// C++ names outside all namespaces.
pub const GLOBAL: &str = "(global)";
/// C++ names in an unnamed namespace.
pub const UNNAMED: &str = "(anonymous)";

/// The crate or namespace of a name.
pub fn crate_of(name: &[u8]) -> BString {
    if let Ok(text) = std::str::from_utf8(name)
        && name.len() <= 4096
        && is_rust(name)
        && let Ok(rust) = rustc_demangle::try_demangle(text)
    {
        return rust_crate(&format!("{rust:#}"));
    }
    match name.strip_prefix(b"_Z") {
        Some(rest) => cxx_scope(rest),
        None => PLAIN.into(),
    }
}

/// Rust's own scheme, or the older one that looks like C++'s: its last segment is a hash.
fn is_rust(name: &[u8]) -> bool {
    if name.starts_with(b"_R") {
        return true;
    }
    name.strip_prefix(b"_ZN").is_some_and(|rest| {
        rest.rfind(b"17h").is_some_and(|at| {
            let tail = rest.get(at + 3..).unwrap_or_default();
            tail.get(16) == Some(&b'E') && tail.iter().take(16).all(u8::is_ascii_hexdigit)
        })
    })
}

/// The first path segment of a demangled name: `<alloc::vec::Vec<T> as core::ops::Drop>::drop` is alloc's.
fn rust_crate(text: &str) -> BString {
    let mut rest = text;
    loop {
        let before = rest;
        for front in ["<", "&", "*const ", "*mut ", "mut ", "dyn ", "impl ", "[", "(", "for<'a> "] {
            rest = rest.strip_prefix(front).unwrap_or(rest);
        }
        if rest == before {
            break;
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    match rest.get(..end) {
        Some(name) if !name.is_empty() && rest.get(end..).is_some_and(|r| r.starts_with("::")) => name.into(),
        // A primitive type's own methods: the crate stands behind `as`, or is core's.
        _ => match rest.split_once(" as ") {
            Some((_, path)) if path.contains("::") => rust_crate(path),
            _ => PLAIN.into(),
        },
    }
}

/// The outermost scope of what follows `_Z` in an Itanium name.
fn cxx_scope(mut rest: &[u8]) -> BString {
    // Special names, guards, thunks and local entities speak of another name.
    for front in [&b"TV"[..], b"TT", b"TI", b"TS", b"TC", b"GV", b"GR", b"TW", b"TH"] {
        if let Some(inner) = rest.strip_prefix(front) {
            rest = inner;
            break;
        }
    }
    if let Some(thunk) =
        rest.strip_prefix(b"Th").or_else(|| rest.strip_prefix(b"Tv")).or_else(|| rest.strip_prefix(b"Tc"))
    {
        // Offsets end in underscores; the target follows.
        let from = thunk.find(b"_N").or_else(|| thunk.find(b"_Z")).map_or(thunk.len(), |at| at + 1);
        rest = thunk.get(from..).unwrap_or_default();
    }
    while let Some(inner) = rest.strip_prefix(b"Z") {
        rest = inner;
    }
    let nested = rest.strip_prefix(b"N");
    let mut rest = nested.unwrap_or(rest);
    while let [b'K' | b'V' | b'r' | b'R' | b'O', tail @ ..] = rest {
        rest = tail;
    }
    if matches!(rest, [b'S', b't' | b'a' | b'b' | b's' | b'i' | b'o' | b'd', ..]) {
        return "std".into();
    }
    if nested.is_none() {
        return GLOBAL.into();
    }
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let length = rest.get(..digits).and_then(|d| d.to_str().ok()).and_then(|d| d.parse::<usize>().ok());
    let name = length.and_then(|n| rest.get(digits..digits.checked_add(n)?)).filter(|n| !n.is_empty());
    match name {
        Some(name) if name.starts_with(b"_GLOBAL__N") => UNNAMED.into(),
        Some(name) => name.into(),
        None => GLOBAL.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::crate_of;

    #[test]
    fn scopes() {
        for (name, expected) in [
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core"),
            (
                "_ZN60_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..Drop$GT$4drop17h0123456789abcdefE",
                "alloc",
            ),
            ("_RNvCskwGfYPst2Cb_3foo16example_function", "foo"),
            ("_RNvMs_Cs4fqI2P2rA04_13const_genericINtB4_3FooKpE3foo", "const_generic"),
            ("_ZN4llvm3FooC1Ev", "llvm"),
            ("_ZNK4llvm3Foo3barEv", "llvm"),
            ("_ZTVN5clang4DeclE", "clang"),
            ("_ZThn16_N5clang4Decl1fEv", "clang"),
            ("_ZZN5clang1fEvE1x", "clang"),
            ("_ZNSt6vectorIiE4pushEv", "std"),
            ("_ZSt4cout", "std"),
            ("_ZN12_GLOBAL__N_11fEv", "(anonymous)"),
            ("_Z3foov", "(global)"),
            ("printf", "(no namespace)"),
            ("_Z", "(global)"),
            ("_ZN99999999999999999999x", "(global)"),
        ] {
            assert_eq!(crate_of(name.as_bytes()), expected, "{name}");
        }
    }
}

//! Demangling, for people and for version scripts with C++ patterns.

/// Longer names are left alone: deep templates make demanglers slow, never useful.
const LONGEST: usize = 4096;

/// The demangled form of an Itanium C++ name.
#[cfg(feature = "cpp")]
pub fn cxx(name: &[u8]) -> Option<String> {
    if !name.starts_with(b"_Z") || name.len() > LONGEST {
        return None;
    }
    let symbol = cpp_demangle::Symbol::new(name).ok()?;
    symbol.demangle().ok()
}

/// Without the `cpp` feature no name is C++.
#[cfg(not(feature = "cpp"))]
pub fn cxx(_name: &[u8]) -> Option<String> {
    None
}

/// The readable form of a Rust or C++ name; `None` if it is neither.
pub fn readable(name: &[u8]) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(name).ok()?;
    if let Ok(rust) = rustc_demangle::try_demangle(text) {
        return Some(format!("{rust:#}"));
    }
    cxx(name)
}

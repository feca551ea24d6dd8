//! A shared library with a C interface; rustc gives the linker a version script of the exported names.
use std::ffi::{c_char, CStr};

/// Counts the words of a C string.
#[no_mangle]
pub unsafe extern "C" fn count_words(text: *const c_char) -> usize {
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    text.split_whitespace().count()
}

/// Reads a file into a list of lines and returns its length, or -1.
#[no_mangle]
pub extern "C" fn count_lines(path: *const c_char) -> isize {
    let path = unsafe { CStr::from_ptr(path) }.to_string_lossy().into_owned();
    std::fs::read_to_string(path).map_or(-1, |text| text.lines().count() as isize)
}

/// Public in Rust, not exported: must go.
pub fn unused() -> String {
    std::env::vars().map(|(name, value)| name + &value).collect()
}

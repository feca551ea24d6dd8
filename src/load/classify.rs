//! What kind of input a file's bytes are. Pure: bytes in, kind out.

use super::{archive, elf};

/// The kinds of input that a link may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// ELF ET_REL.
    Object,
    /// ELF ET_DYN.
    Shared,
    /// ELF of another type (executable, core).
    OtherElf,
    /// Regular or thin archive.
    Archive,
    /// LLVM bitcode, raw or wrapped.
    Bitcode,
    /// Anything else; as a command-line input this is read as a linker script.
    Other,
}

/// Recognises an input by its first bytes.
pub fn classify(bytes: &[u8]) -> InputKind {
    if archive::is_archive(bytes) {
        return InputKind::Archive;
    }
    if bytes.starts_with(b"BC\xc0\xde") || bytes.starts_with(&[0xde, 0xc0, 0x17, 0x0b]) {
        return InputKind::Bitcode;
    }
    match elf::elf_type(bytes) {
        Some(1) => InputKind::Object,
        Some(3) => InputKind::Shared,
        Some(_) => InputKind::OtherElf,
        None => InputKind::Other,
    }
}

//! Names of ELF section flags in INPUT_SECTION_FLAGS.

use super::words;

/// The bits of a flag name or number, as lld's `parseFlag` knows them; `None` if unknown.
pub(super) fn value(name: &[u8]) -> Option<u64> {
    if let Some(number) = words::integer(name) {
        return Some(number);
    }
    Some(match name {
        b"SHF_WRITE" => 0x1,
        b"SHF_ALLOC" => 0x2,
        b"SHF_EXECINSTR" => 0x4,
        b"SHF_MERGE" => 0x10,
        b"SHF_STRINGS" => 0x20,
        b"SHF_INFO_LINK" => 0x40,
        b"SHF_LINK_ORDER" => 0x80,
        b"SHF_OS_NONCONFORMING" => 0x100,
        b"SHF_GROUP" => 0x200,
        b"SHF_TLS" => 0x400,
        b"SHF_COMPRESSED" => 0x800,
        b"SHF_EXCLUDE" => 0x8000_0000,
        b"SHF_ARM_PURECODE" => 0x2000_0000,
        _ => return None,
    })
}

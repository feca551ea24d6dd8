//! Memory regions of MEMORY commands while a layout is made.
//!
//! In: the scripts' regions with origin and length computed. Out: [`Region`] with what it holds.
//! Sources: ld `lang_memory_region_lookup`, `lang_memory_default`, `lang_print_memory_usage`.

use bstr::BString;

use crate::load::elf::consts::{SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE};
use crate::script::Name;

/// One region of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: BString,
    /// ORIGIN.
    pub origin: u64,
    /// LENGTH in bytes.
    pub length: u64,
    /// Bytes from the origin to the last section's end.
    pub used: u64,
    /// Bytes of dropped input sections that would lie here.
    pub dropped: u64,
    /// Number of them.
    pub dropped_sections: u64,
    pub(super) current: u64,
    pub(super) wants: u32,
    pub(super) refuses: u32,
}

/// Attribute letters of MEMORY as bits: writable, read-only, executable, allocated, loaded.
const ALLOC: u32 = 1;
const CODE: u32 = 2;
const READ_ONLY: u32 = 4;
const DATA: u32 = 8;
const LOAD: u32 = 16;

impl Region {
    /// Bytes that are left; 0 if it overflows.
    pub fn free(&self) -> u64 {
        self.length.saturating_sub(self.used)
    }

    /// Reads `(rx!w)` (ld `lang_set_flags`).
    pub(super) fn set_attributes(&mut self, attributes: &[Name]) {
        let mut refused = false;
        for letter in attributes.iter().flat_map(|n| n.text.iter()) {
            let bit = match letter.to_ascii_lowercase() {
                b'!' => {
                    refused = !refused;
                    continue;
                }
                b'a' => ALLOC,
                b'r' => READ_ONLY,
                b'w' => DATA,
                b'x' => CODE,
                b'l' | b'i' => LOAD,
                _ => continue,
            };
            if refused {
                self.refuses |= bit;
            } else {
                self.wants |= bit;
            }
        }
    }

    /// Whether a section of these flags goes here by itself (ld `lang_memory_default`).
    pub(super) fn takes(&self, flags: u32, nobits: bool) -> bool {
        let mut has = 0;
        if flags & SHF_ALLOC != 0 {
            has |= ALLOC;
            if !nobits {
                has |= LOAD;
            }
        }
        if flags & SHF_EXECINSTR != 0 {
            has |= CODE;
        } else if !nobits {
            has |= DATA;
        }
        if flags & SHF_WRITE == 0 {
            has |= READ_ONLY;
        } else if flags & SHF_EXECINSTR == 0 {
            has |= DATA;
        }
        self.wants & has != 0 && self.refuses & has == 0
    }
}

//! Addends of REL relocations, read from the relocated bytes (targets 3; needed only to find the
//! piece of a mergeable section that a section symbol refers to, GS 6.9).
//!
//! In: machine, relocation type, the bytes at the relocated place. Out: the addend as lld and mold
//! take it from that one place; pairs such as mips HI16/LO16 are not put together, as lld does not.

use object::Endianness;

use super::elf::consts::*;

/// The addend in `bytes` (starting at the relocated place); 0 if the bytes end too early or the
/// type holds none.
pub fn addend(machine: u16, endian: Endianness, kind: u32, bytes: &[u8]) -> i64 {
    let word = |at: usize| -> Option<u32> {
        let field: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if endian == Endianness::Little { u32::from_le_bytes(field) } else { u32::from_be_bytes(field) })
    };
    let half = |at: usize| -> Option<u16> {
        let field: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if endian == Endianness::Little { u16::from_le_bytes(field) } else { u16::from_be_bytes(field) })
    };
    let full = || word(0).map(|w| i64::from(w.cast_signed()));
    let found = match machine {
        EM_386 => match kind {
            // R_386_8, R_386_PC8
            22 | 23 => bytes.first().map(|b| i64::from(b.cast_signed())),
            // R_386_16, R_386_PC16
            20 | 21 => half(0).map(|h| i64::from(h.cast_signed())),
            _ => full(),
        },
        EM_ARM => match kind {
            // Marker types.
            0 | 40 => Some(0),
            // PC24, CALL, JUMP24, PLT32: 24 bits of words.
            1 | 27 | 28 | 29 => word(0).map(|w| sign(w << 2, 26)),
            // MOVW_ABS_NC, MOVT_ABS, MOVW_PREL_NC, MOVT_PREL
            43..=46 => word(0).map(|w| sign(((w >> 4) & 0xf000) | (w & 0xfff), 16)),
            // THM_MOVW_ABS_NC .. THM_MOVT_PREL
            47..=50 => half(0).zip(half(2)).map(|(high, low)| {
                let (high, low) = (u32::from(high), u32::from(low));
                let value =
                    ((high & 0xf) << 12) | ((high & 0x400) << 1) | ((low & 0x7000) >> 4) | (low & 0xff);
                sign(value, 16)
            }),
            // ABS16, ABS8
            5 => half(0).map(|h| i64::from(h.cast_signed())),
            8 => bytes.first().map(|b| i64::from(b.cast_signed())),
            // PREL31
            42 => word(0).map(|w| sign(w, 31)),
            // Branches of Thumb never lead into a mergeable section.
            10 | 30 | 51 | 102 | 103 => Some(0),
            _ => full(),
        },
        EM_MIPS => match kind & 0xff {
            // 26: words.
            4 => word(0).map(|w| sign(w << 2, 28)),
            // HI16, GOT16, HIGHER..: the high half.
            5 | 9 => word(0).map(|w| sign(w, 16) << 16),
            // LO16, GPREL16, LITERAL, CALL16 and relatives.
            6 | 7 | 8 | 11 | 19 | 20 => word(0).map(|w| sign(w, 16)),
            // 64
            18 => word(0).zip(word(4)).map(|(a, b)| {
                let (high, low) = if endian == Endianness::Little { (b, a) } else { (a, b) };
                ((u64::from(high) << 32) | u64::from(low)).cast_signed()
            }),
            0 | 37 => Some(0),
            _ => full(),
        },
        _ => full(),
    };
    found.unwrap_or(0)
}

/// The low `bits` bits as a signed number.
fn sign(value: u32, bits: u32) -> i64 {
    let shift = 64 - bits;
    (i64::from(value) << shift) >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addends() {
        let le = Endianness::Little;
        assert_eq!(addend(EM_386, le, 1, &[0xfc, 0xff, 0xff, 0xff]), -4);
        assert_eq!(addend(EM_386, le, 23, &[0xfe]), -2);
        assert_eq!(addend(EM_386, le, 1, &[1, 2]), 0);
        // movw r0, #0x1234
        assert_eq!(addend(EM_ARM, le, 43, &0xe301_0234u32.to_le_bytes()), 0x1234);
        assert_eq!(addend(EM_ARM, le, 2, &8u32.to_le_bytes()), 8);
        assert_eq!(addend(EM_MIPS, Endianness::Big, 6, &0x2442_0010u32.to_be_bytes()), 16);
        assert_eq!(addend(EM_MIPS, Endianness::Big, 5, &0x3c02_0001u32.to_be_bytes()), 65536);
    }
}

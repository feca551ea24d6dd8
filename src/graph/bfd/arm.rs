//! ARMv8-M in bfd: whether the output is for it, and a file's secure entry functions
//! (`elf32_arm_gc_mark_extra_sections`).

use crate::load::elf::Object;
use crate::load::elf::consts::EM_ARM;

const SHT_ARM_ATTRIBUTES: u32 = 0x7000_0003;
const CPU_ARCH: u64 = 6;
const CPU_ARCH_PROFILE: u64 = 7;
const V8M_BASE: u64 = 16;

/// The prefix of the special symbols of secure entry functions.
pub(crate) const SECURE_ENTRY: &[u8] = b"__acle_se_";

/// Whether a file's build attributes say ARMv8-M or later, profile M.
pub(crate) fn is_v8m(object: &Object<'_>) -> bool {
    if object.machine != EM_ARM {
        return false;
    }
    let found = object.sections.iter().position(|row| row.kind == SHT_ARM_ATTRIBUTES);
    let data = found.and_then(|index| object.section_data(index as u32));
    data.and_then(|data| file_attributes(object, data))
        .is_some_and(|(arch, profile)| arch >= V8M_BASE && profile == u64::from(b'M'))
}

/// Architecture and profile of the whole file, from the first subsection of vendor `aeabi`.
fn file_attributes(object: &Object<'_>, data: &[u8]) -> Option<(u64, u64)> {
    let rest = data.strip_prefix(b"A")?;
    let word = |bytes: &[u8]| -> Option<usize> {
        let field: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        let little = object.endian() == object::Endianness::Little;
        Some(if little { u32::from_le_bytes(field) } else { u32::from_be_bytes(field) } as usize)
    };
    let vendor = rest.get(..word(rest)?)?.get(4..)?.strip_prefix(b"aeabi\0")?;
    // Tag_File, size with tag and size.
    let file = vendor.strip_prefix(b"\x01")?;
    let mut list = file.get(4..word(file)?.checked_sub(1)?)?;
    let (mut arch, mut profile) = (0, 0);
    while !list.is_empty() {
        let tag = number(&mut list)?;
        match tag {
            4 | 5 | 65 | 67 => string(&mut list)?,
            32 => {
                number(&mut list)?;
                string(&mut list)?;
            }
            _ if tag > 32 && tag % 2 == 1 => string(&mut list)?,
            _ => {
                let value = number(&mut list)?;
                match tag {
                    CPU_ARCH => arch = value,
                    CPU_ARCH_PROFILE => profile = value,
                    _ => {}
                }
            }
        }
    }
    Some((arch, profile))
}

fn number(list: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    let mut shift = 0u32;
    loop {
        let (&byte, rest) = list.split_first()?;
        *list = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(7);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

fn string(list: &mut &[u8]) -> Option<()> {
    let end = list.iter().position(|&b| b == 0)?;
    *list = list.get(end + 1..)?;
    Some(())
}

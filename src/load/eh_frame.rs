//! `.eh_frame` as records: where each CIE and FDE stands and which relocations lie in it.
//!
//! In: the section's bytes and its relocations. Out: [`EhFrame`]; relocation numbers count in
//! offset order (table order, unless the table is unsorted). Always true: records lie inside the
//! section, in order, without overlap. Nothing of an augmentation is interpreted here; what a
//! linker does with a damaged section is that linker's rule (GS 6.4).

use object::Endianness;

use super::elf::Object;
use super::relocs::Reloc;

/// "No CIE" in [`Record::cie`].
pub const NO_CIE: u32 = u32::MAX;

/// One CIE or FDE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Offset of the length field in the section, in bytes.
    pub offset: u64,
    /// Size in bytes, the length field included.
    pub size: u64,
    /// The second word is 0: a CIE. Otherwise an FDE.
    pub is_cie: bool,
    /// For an FDE: number of its CIE in [`EhFrame::records`]; [`NO_CIE`] if its pointer names none.
    /// For a CIE: its own number.
    pub cie: u32,
    /// First relocation whose offset lies in the record; equals `end_reloc` if there is none.
    pub first_reloc: u32,
    /// One past the last such relocation.
    pub end_reloc: u32,
}

impl Record {
    /// Numbers of the record's relocations in [`EhFrame::relocs`].
    pub fn reloc_range(&self) -> std::ops::Range<usize> {
        self.first_reloc as usize..self.end_reloc as usize
    }
}

/// A section split into records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EhFrame {
    /// CIEs and FDEs in section order; terminators (length 0) are not records.
    pub records: Vec<Record>,
    /// The section's relocations, ordered by offset (stable).
    pub relocs: Vec<Reloc>,
    /// The table itself was in that order, so numbers are table numbers.
    pub in_table_order: bool,
    /// Offset of the first terminator, if one was met.
    pub terminator: Option<u64>,
    /// Why splitting stopped early: the records before that point are there.
    pub damage: Option<&'static str>,
}

impl EhFrame {
    /// The relocations of a record.
    pub fn relocs_of(&self, record: &Record) -> &[Reloc] {
        self.relocs.get(record.reloc_range()).unwrap_or(&[])
    }
}

/// What happens at a record of length 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtTerminator {
    /// Nothing behind it is read.
    Stop,
    /// It is skipped (lld 14).
    Continue,
}

/// Reads the `.eh_frame` section with index `section` of an object. Several relocation sections
/// count as one table in their order.
///
/// # Errors
/// The reason, if the bytes or the relocations cannot be read at all, or the section does not
/// split into whole records.
pub fn read(object: &Object<'_>, section: u32, at_terminator: AtTerminator) -> Result<EhFrame, String> {
    let data = object.section_data(section).ok_or("the section lies outside the file")?;
    let mut relocs = Vec::new();
    for table in object.reloc_sections(section) {
        let table = object.reloc_table(table)?;
        relocs.reserve(table.len());
        table.for_each(|_, reloc| relocs.push(reloc));
    }
    let frame = split(data, object.endian(), relocs, at_terminator);
    match frame.damage {
        Some(reason) => Err(reason.to_string()),
        None => Ok(frame),
    }
}

/// Splits section bytes into records.
pub fn split(
    data: &[u8],
    endian: Endianness,
    mut relocs: Vec<Reloc>,
    at_terminator: AtTerminator,
) -> EhFrame {
    let in_table_order = relocs.is_sorted_by_key(|r| r.offset);
    if !in_table_order {
        relocs.sort_by_key(|r| r.offset);
    }
    let word = |at: usize| -> Option<u32> {
        let field: [u8; 4] = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match endian {
            Endianness::Little => u32::from_le_bytes(field),
            Endianness::Big => u32::from_be_bytes(field),
        })
    };
    let mut frame = EhFrame { in_table_order, ..EhFrame::default() };
    let mut cies: Vec<(usize, u32)> = Vec::new();
    let mut at = 0usize;
    let mut reloc = 0usize;
    while at < data.len() {
        let Some(length) = word(at) else {
            frame.damage = Some("CIE/FDE too small");
            break;
        };
        if length == 0 {
            frame.terminator.get_or_insert(at as u64);
            if at_terminator == AtTerminator::Stop {
                break;
            }
            at += 4;
            continue;
        }
        if length == u32::MAX {
            frame.damage = Some("CIE/FDE too large");
            break;
        }
        let size = length as usize + 4;
        if size > data.len() - at {
            frame.damage = Some("CIE/FDE ends past the end of the section");
            break;
        }
        let Some(id) = word(at + 4).filter(|_| length >= 4) else {
            frame.damage = Some("CIE/FDE too small");
            break;
        };
        while relocs.get(reloc).is_some_and(|r| r.offset < at as u64) {
            reloc += 1;
        }
        let first = reloc;
        while relocs.get(reloc).is_some_and(|r| r.offset < (at + size) as u64) {
            reloc += 1;
        }
        let number = frame.records.len() as u32;
        let cie = if id == 0 {
            cies.push((at, number));
            number
        } else {
            // The CIE pointer counts back from its own field.
            let target = (at + 4).checked_sub(id as usize);
            target
                .and_then(|t| cies.binary_search_by_key(&t, |c| c.0).ok())
                .and_then(|found| cies.get(found))
                .map_or(NO_CIE, |c| c.1)
        };
        frame.records.push(Record {
            offset: at as u64,
            size: size as u64,
            is_cie: id == 0,
            cie,
            first_reloc: first as u32,
            end_reloc: reloc as u32,
        });
        at += size;
    }
    frame.relocs = relocs;
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reloc(offset: u64) -> Reloc {
        Reloc { offset, symbol: 1, kind: 1, addend: 0 }
    }

    fn words(list: &[u32]) -> Vec<u8> {
        list.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn cie_fde_and_terminator() {
        // CIE of 12 bytes at 0, FDE of 16 bytes at 12, terminator at 28.
        let data = words(&[8, 0, 1, 12, 16, 0, 4, 0]);
        let relocs = vec![reloc(20), reloc(8), reloc(24)];
        let frame = split(&data, Endianness::Little, relocs, AtTerminator::Stop);
        assert_eq!(frame.damage, None);
        assert_eq!(frame.terminator, Some(28));
        assert!(!frame.in_table_order);
        assert_eq!(frame.records.len(), 2);
        let (cie, fde) = (frame.records[0], frame.records[1]);
        assert!(cie.is_cie && !fde.is_cie);
        assert_eq!((cie.cie, fde.cie), (0, 0));
        assert_eq!((cie.reloc_range(), fde.reloc_range()), (0..1, 1..3));
        assert_eq!((fde.offset, fde.size), (12, 16));
        assert_eq!(frame.relocs_of(&fde)[0].offset, 20);
    }

    #[test]
    fn damage_is_named_and_never_panics() {
        let whole = words(&[8, 0, 1, 12, 16, 0, 4]);
        for cut in 0..whole.len() {
            let frame = split(&whole[..cut], Endianness::Little, Vec::new(), AtTerminator::Stop);
            assert_eq!(frame.damage.is_some(), !matches!(cut, 0 | 12), "cut at {cut}");
        }
        for length in [1u32, 3, 0x7fff_ffff, u32::MAX] {
            let data = words(&[length, 0]);
            let frame = split(&data, Endianness::Little, Vec::new(), AtTerminator::Continue);
            assert!(frame.damage.is_some());
        }
    }

    #[test]
    fn an_fde_may_name_no_cie() {
        let data = words(&[8, 99, 0]);
        let frame = split(&data, Endianness::Little, Vec::new(), AtTerminator::Stop);
        assert_eq!(frame.records[0].cie, NO_CIE);
    }

    #[test]
    fn records_behind_a_terminator_are_read_on_request() {
        let data = words(&[0, 8, 0, 1]);
        let stop = split(&data, Endianness::Little, Vec::new(), AtTerminator::Stop);
        let on = split(&data, Endianness::Little, Vec::new(), AtTerminator::Continue);
        assert_eq!((stop.records.len(), on.records.len()), (0, 1));
    }
}

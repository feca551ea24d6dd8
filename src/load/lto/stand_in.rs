//! A relocatable object that stands for intermediate code: its symbols, and empty sections to hold
//! them.
//!
//! In: an [`IrTable`] and a target. Out: the bytes of an ELF object with the same symbols in the
//! same order, one empty section for each section that the source names, one COMDAT group for each
//! COMDAT, and no relocations (what the code refers to is unknown until it is compiled). All phases
//! read it as they read any object; GNU ld's plugin code makes the same kind of object for itself.

use super::triple::Machine;
use super::{IrTable, Kind};
use crate::load::elf::consts::*;

/// A section to be written.
struct Section {
    name: Vec<u8>,
    kind: u32,
    flags: u32,
    data: Vec<u8>,
    link: u32,
    info: u32,
    align: u64,
    entsize: u64,
}

/// Writes numbers as the target does.
struct Put {
    is_64: bool,
    big_endian: bool,
    bytes: Vec<u8>,
}

impl Put {
    fn number(&mut self, value: u64, size: usize) {
        let all = value.to_le_bytes();
        let kept = all.get(..size).unwrap_or(&all);
        if self.big_endian {
            self.bytes.extend(kept.iter().rev());
        } else {
            self.bytes.extend_from_slice(kept);
        }
    }

    fn half(&mut self, value: u16) {
        self.number(u64::from(value), 2);
    }

    fn word(&mut self, value: u32) {
        self.number(u64::from(value), 4);
    }

    /// An address, offset or size.
    fn wide(&mut self, value: u64) {
        self.number(value, if self.is_64 { 8 } else { 4 });
    }
}

/// The object's bytes, or `None` if there are more things than an object can number.
pub fn write(table: &IrTable<'_>, machine: Machine) -> Option<Vec<u8>> {
    let plain = |name: &[u8], kind: u32, flags: u32| Section {
        name: name.to_vec(),
        kind,
        flags,
        data: Vec::new(),
        link: 0,
        info: 0,
        align: 1,
        entsize: 0,
    };
    let mut sections =
        vec![plain(b"", SHT_NULL, 0), plain(b".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR)];
    sections.extend(table.sections.iter().map(|s| {
        let flags =
            SHF_ALLOC | if s.executable { SHF_EXECINSTR } else { 0 } | if s.writable { SHF_WRITE } else { 0 };
        plain(&s.name, SHT_PROGBITS, flags)
    }));
    let mut thread = None;
    if table.symbols.iter().any(|s| s.tls && s.kind == Kind::Defined) {
        thread = Some(sections.len());
        sections.push(plain(b".tbss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE | SHF_TLS));
    }
    // Group and body of each exclusive COMDAT.
    let mut bodies: Vec<Option<usize>> = vec![None; table.comdats.len()];
    let put = |bytes: Vec<u8>| Put { is_64: machine.is_64, big_endian: machine.big_endian, bytes };
    let mut symbols = put(Vec::new());
    let mut strings: Vec<u8> = vec![0];
    let mut count = 0u32;
    symbol(&mut symbols, [0; 3], 0, 0, (0, 0));
    count += 1;
    for (number, comdat) in table.comdats.iter().enumerate().filter(|(_, c)| c.exclusive) {
        let mut named = table.symbols.iter().filter(|s| s.comdat == Some(number as u32));
        let place = named.find_map(|s| table.sections.get(s.section? as usize));
        let name = place.map_or(&b".text"[..], |s| &s.name);
        let group = sections.len();
        let body = group + 1;
        let mut data = put(Vec::new());
        data.word(1);
        data.word(u32::try_from(body).ok()?);
        let mut row = plain(b".group", SHT_GROUP, 0);
        (row.data, row.info, row.align, row.entsize) = (data.bytes, count, 4, 4);
        sections.push(row);
        let flags = place.map_or(SHF_ALLOC | SHF_EXECINSTR, |s| {
            SHF_ALLOC | if s.executable { SHF_EXECINSTR } else { SHF_WRITE }
        });
        sections.push(plain(name, SHT_PROGBITS, flags | SHF_GROUP));
        if let Some(slot) = bodies.get_mut(number) {
            *slot = Some(body);
        }
        // The signature is a local symbol, so that it is no definition.
        let at = intern(&mut strings, comdat.name)?;
        symbol(&mut symbols, [STT_NOTYPE, STV_DEFAULT, STB_LOCAL], at, section_number(body)?, (0, 0));
        count = count.checked_add(1)?;
    }
    let first_global = count;
    for s in &table.symbols {
        let at = intern(&mut strings, s.name)?;
        let bind = if s.weak { STB_WEAK } else { STB_GLOBAL };
        let comdat = s.comdat.and_then(|c| bodies.get(c as usize).copied().flatten());
        let (place, value, size) = match s.kind {
            Kind::Undefined => (SHN_UNDEF, 0, 0),
            Kind::Common { size, align } => (SHN_COMMON, align.max(1), size),
            Kind::Defined => {
                let own = match (comdat, thread, s.section) {
                    (Some(body), ..) => body,
                    (_, Some(thread), _) if s.tls => thread,
                    (.., Some(section)) => section as usize + 2,
                    _ => 1,
                };
                (section_number(own)?, 0, 0)
            }
        };
        let kind = match s.kind {
            Kind::Undefined => STT_NOTYPE,
            _ if s.tls => STT_TLS,
            Kind::Common { .. } => STT_OBJECT,
            Kind::Defined if s.executable && !s.from_asm => STT_FUNC,
            Kind::Defined if s.from_asm => STT_NOTYPE,
            Kind::Defined => STT_OBJECT,
        };
        symbol(&mut symbols, [kind, s.visibility, bind], at, place, (value, size));
    }
    let table_at = sections.len();
    let mut row = plain(b".symtab", SHT_SYMTAB, 0);
    (row.data, row.info, row.align) = (symbols.bytes, first_global, 8);
    row.link = u32::try_from(table_at + 1).ok()?;
    row.entsize = if machine.is_64 { 24 } else { 16 };
    sections.push(row);
    let mut row = plain(b".strtab", SHT_STRTAB, 0);
    row.data = strings;
    sections.push(row);
    for group in sections.iter_mut().filter(|s| s.kind == SHT_GROUP) {
        group.link = u32::try_from(table_at).ok()?;
    }
    finish(sections, machine)
}

/// Section numbers from 0xff00 on mean something else.
fn section_number(number: usize) -> Option<u16> {
    u16::try_from(number).ok().filter(|&n| n < SHN_LORESERVE)
}

fn intern(strings: &mut Vec<u8>, name: &[u8]) -> Option<u32> {
    let at = u32::try_from(strings.len()).ok()?;
    strings.extend(name.iter().take_while(|&&b| b != 0));
    strings.push(0);
    Some(at)
}

/// One symbol: type, visibility, binding; name; section; value and size.
fn symbol(out: &mut Put, face: [u8; 3], name: u32, section: u16, number: (u64, u64)) {
    let [kind, visibility, bind] = face;
    let info = u64::from(bind << 4 | kind);
    out.word(name);
    if out.is_64 {
        out.number(info, 1);
        out.number(u64::from(visibility), 1);
        out.half(section);
        out.wide(number.0);
        out.wide(number.1);
    } else {
        out.wide(number.0);
        out.wide(number.1);
        out.number(info, 1);
        out.number(u64::from(visibility), 1);
        out.half(section);
    }
}

fn finish(mut sections: Vec<Section>, machine: Machine) -> Option<Vec<u8>> {
    let mut names: Vec<u8> = vec![0];
    let own = sections.len();
    section_number(own)?;
    sections.push(Section {
        name: b".shstrtab".to_vec(),
        kind: SHT_STRTAB,
        flags: 0,
        data: Vec::new(),
        link: 0,
        info: 0,
        align: 1,
        entsize: 0,
    });
    let mut offsets = Vec::with_capacity(sections.len());
    for section in &sections {
        offsets.push(intern(&mut names, &section.name)?);
    }
    if let Some(last) = sections.last_mut() {
        last.data = names;
    }
    let mut out = Put { is_64: machine.is_64, big_endian: machine.big_endian, bytes: Vec::new() };
    let class = if machine.is_64 { 2 } else { 1 };
    let order = if machine.big_endian { 2 } else { 1 };
    out.bytes.extend_from_slice(&[0x7f, b'E', b'L', b'F', class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let header = if machine.is_64 { 64 } else { 52 };
    let data_size: usize = sections.iter().map(|s| s.data.len().next_multiple_of(8)).sum();
    let headers = (header as usize).next_multiple_of(8) + data_size;
    out.half(1);
    out.half(machine.machine);
    out.word(1);
    out.wide(0);
    out.wide(0);
    out.wide(headers as u64);
    out.word(machine.flags);
    out.half(header);
    out.half(0);
    out.half(0);
    out.half(if machine.is_64 { 64 } else { 40 });
    out.half(section_number(sections.len())?);
    out.half(section_number(own)?);
    let mut places = Vec::with_capacity(sections.len());
    for section in &sections {
        out.bytes.resize(out.bytes.len().next_multiple_of(8), 0);
        places.push(out.bytes.len());
        out.bytes.extend_from_slice(&section.data);
    }
    out.bytes.resize(headers, 0);
    for ((section, name), place) in sections.iter().zip(offsets).zip(places) {
        let empty = section.kind == SHT_NULL;
        out.word(if empty { 0 } else { name });
        out.word(section.kind);
        out.wide(u64::from(section.flags));
        out.wide(0);
        out.wide(if empty { 0 } else { place as u64 });
        out.wide(section.data.len() as u64);
        out.word(section.link);
        out.word(section.info);
        out.wide(if empty { 0 } else { section.align });
        out.wide(section.entsize);
    }
    Some(out.bytes)
}

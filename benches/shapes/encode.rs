//! Bytes of synthetic objects (x86-64) and archives.

use std::collections::HashMap;

use object::write::{Comdat, Object, Relocation, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, ComdatKind, Endianness, RelocationFlags, SectionFlags, SectionKind,
    SymbolFlags, SymbolKind, SymbolScope, elf,
};

use super::model::{Kind, Part, To, Unit};

fn symbol(name: &str, section: SymbolSection) -> Symbol {
    Symbol {
        name: name.into(),
        value: 0,
        size: 8,
        kind: SymbolKind::Text,
        scope: SymbolScope::Linkage,
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}

fn kind(part: &Part) -> (SectionKind, u64) {
    match part.kind {
        Kind::Text => (SectionKind::Text, 6),
        Kind::Data => (SectionKind::Data, 3),
        Kind::ReadOnly => (SectionKind::ReadOnlyData, 2),
        Kind::Debug => (SectionKind::Debug, 0),
    }
}

/// One object's bytes. Equal group signatures make one group.
pub fn object(unit: &Unit) -> Vec<u8> {
    let mut out = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let mut names: HashMap<&str, SymbolId> = HashMap::new();
    let mut groups: HashMap<&str, object::write::ComdatId> = HashMap::new();
    let mut sections = Vec::with_capacity(unit.parts.len());
    for part in &unit.parts {
        let (section_kind, flags) = kind(part);
        let id = out.add_section(Vec::new(), part.name.as_bytes().to_vec(), section_kind);
        let sh_flags = elf::SectionFlags(flags);
        out.section_mut(id).flags = SectionFlags::Elf { sh_type: elf::SHT_PROGBITS, sh_flags };
        out.set_section_data(id, vec![0u8; 8 * (part.to.len() + 1)], 8);
        let own = part.symbol.as_deref().map(|name| {
            let id = out.add_symbol(symbol(name, SymbolSection::Section(id)));
            names.insert(name, id);
            id
        });
        if let Some(signature) = part.group.as_deref() {
            let group = *groups.entry(signature).or_insert_with(|| {
                let symbol = own.filter(|_| part.symbol.as_deref() == Some(signature)).unwrap_or_else(|| {
                    let mut own = symbol(signature, SymbolSection::Section(id));
                    own.scope = SymbolScope::Compilation;
                    out.add_symbol(own)
                });
                out.add_comdat(Comdat { kind: ComdatKind::Any, symbol, sections: Vec::new() })
            });
            out.comdat_mut(group).sections.push(id);
        }
        sections.push(id);
    }
    for (part, &section) in unit.parts.iter().zip(&sections) {
        for (slot, to) in part.to.iter().enumerate() {
            let symbol = match to {
                To::Part(other) => out.section_symbol(sections[*other]),
                To::Name(name) => *names.entry(name).or_insert_with(|| {
                    let mut wanted = symbol(name, SymbolSection::Undefined);
                    wanted.size = 0;
                    wanted.kind = SymbolKind::Unknown;
                    out.add_symbol(wanted)
                }),
            };
            let flags = RelocationFlags::Elf { r_type: elf::R_X86_64_64 };
            let relocation = Relocation { offset: 8 * slot as u64, symbol, addend: 0, flags };
            out.add_relocation(section, relocation).expect("a known relocation");
        }
    }
    if unit.unwind {
        unwind(unit, &sections, &mut out);
    }
    out.write().expect("an object that can be written")
}

/// An `.eh_frame` with one CIE and an FDE for each section of code.
fn unwind(unit: &Unit, sections: &[object::write::SectionId], out: &mut Object<'_>) {
    // Version 1, "zR": code alignment 1, data alignment -8, return register 16, pointers pc-relative of four bytes;
    // the canonical frame is rsp + 8, the return address below it.
    let mut bytes: Vec<u8> =
        vec![20, 0, 0, 0, 0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1, 0, 0];
    let frame = out.add_section(Vec::new(), b".eh_frame".to_vec(), SectionKind::ReadOnlyData);
    let code = unit.parts.iter().zip(sections).filter(|(part, _)| part.kind == Kind::Text);
    for (_, &section) in code {
        let at = bytes.len() as u32;
        bytes.extend(16u32.to_le_bytes());
        bytes.extend((at + 4).to_le_bytes());
        bytes.extend([0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
        let symbol = out.section_symbol(section);
        let flags = RelocationFlags::Elf { r_type: elf::R_X86_64_PC32 };
        let relocation = Relocation { offset: u64::from(at) + 8, symbol, addend: 0, flags };
        out.add_relocation(frame, relocation).expect("a known relocation");
    }
    bytes.extend([0; 4]);
    let sh_flags = elf::SectionFlags(2);
    out.section_mut(frame).flags = SectionFlags::Elf { sh_type: elf::SHT_X86_64_UNWIND, sh_flags };
    out.set_section_data(frame, bytes, 8);
}

/// A GNU archive with an index of 64-bit offsets; members are `m0.o`, `m1.o` and so on.
pub fn archive<'u>(units: impl Iterator<Item = &'u Unit>) -> Vec<u8> {
    let header =
        |name: &str, size: usize| format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644);
    let mut body: Vec<u8> = Vec::new();
    // Symbols with the offset of their member in `body`.
    let (mut offsets, mut names) = (Vec::new(), Vec::new());
    for (number, unit) in units.enumerate() {
        for name in unit.parts.iter().filter_map(|part| part.symbol.as_deref()) {
            offsets.push(body.len() as u64);
            names.extend(name.bytes().chain([0]));
        }
        let bytes = object(unit);
        body.extend(header(&format!("m{number}.o/"), bytes.len()).bytes());
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(2), b'\n');
    }
    let size = (8 + 8 * offsets.len() + names.len()).next_multiple_of(2);
    let start = (8 + 60 + size) as u64;
    let mut out = b"!<arch>\n".to_vec();
    out.extend(header("/SYM64/", size).bytes());
    out.extend((offsets.len() as u64).to_be_bytes());
    out.extend(offsets.iter().flat_map(|offset| (start + offset).to_be_bytes()));
    out.extend(names);
    out.resize(start as usize, 0);
    out.append(&mut body);
    out
}

//! The inputs of `demo`, made in memory: objects, an archive, two scripts.
//!
//! Out: named bytes, the same every time. The program greets, runs commands from a table that its
//! script gathers between two symbols, and takes one of three members of an archive.

use object::write::{Object, Relocation, StandardSegment, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationEncoding, RelocationFlags, RelocationKind, SectionKind,
    SymbolFlags, SymbolKind, SymbolScope,
};

use crate::error::{Error, Result};

/// A script that gathers the table without KEEP: the defect.
pub(super) const SCRIPT_LOST: &str = "\
ENTRY(main)
SECTIONS
{
  .text : { *(.text .text.*) }
  .commands : { commands_start = .; *(.commands) commands_end = .; }
  .rodata : { *(.rodata .rodata.*) }
  .data : { *(.data .data.*) }
  .bss : { *(.bss .bss.*) }
}
";

/// The same with KEEP.
pub(super) const SCRIPT_KEPT: &str = "\
ENTRY(main)
SECTIONS
{
  .text : { *(.text .text.*) }
  .commands : { commands_start = .; KEEP(*(.commands)) commands_end = .; }
  .rodata : { *(.rodata .rodata.*) }
  .data : { *(.data .data.*) }
  .bss : { *(.bss .bss.*) }
}
";

/// An object under construction.
struct Maker<'a>(Object<'a>);

impl Maker<'_> {
    fn new() -> Self {
        Maker(Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little))
    }

    fn named(&mut self, name: &str, kind: SymbolKind, section: SymbolSection, size: u64) -> SymbolId {
        let name = name.as_bytes();
        if let Some(id) = self.0.symbol_id(name) {
            if section != SymbolSection::Undefined {
                let symbol = self.0.symbol_mut(id);
                (symbol.kind, symbol.section, symbol.size) = (kind, section, size);
            }
            return id;
        }
        self.0.add_symbol(Symbol {
            name: name.to_vec(),
            value: 0,
            size,
            kind,
            scope: SymbolScope::Dynamic,
            weak: false,
            section,
            flags: SymbolFlags::None,
        })
    }

    /// A section of `size` bytes with one symbol and one reference per target.
    fn section(
        &mut self,
        section: &str,
        kind: SectionKind,
        symbol: &str,
        size: usize,
        targets: &[&str],
    ) -> Result<()> {
        let segment = self.0.segment_name(StandardSegment::Text).to_vec();
        let id = self.0.add_section(segment, section.as_bytes().to_vec(), kind);
        let text = kind == SectionKind::Text;
        self.0.append_section_data(id, &vec![if text { 0x90 } else { 0 }; size], 8);
        let symbol_kind = if text { SymbolKind::Text } else { SymbolKind::Data };
        self.named(symbol, symbol_kind, SymbolSection::Section(id), size as u64);
        for (number, target) in targets.iter().enumerate() {
            let symbol = self.named(target, SymbolKind::Unknown, SymbolSection::Undefined, 0);
            let (kind, size) =
                if text { (RelocationKind::Relative, 32) } else { (RelocationKind::Absolute, 64) };
            let flags = RelocationFlags::Generic { kind, encoding: RelocationEncoding::Generic, size };
            let addend = if text { -4 } else { 0 };
            let relocation = Relocation { offset: number as u64 * 8, symbol, addend, flags };
            self.0
                .add_relocation(id, relocation)
                .map_err(|e| Error::new("building the demo", e.to_string()))?;
        }
        Ok(())
    }

    fn function(&mut self, name: &str, size: usize, calls: &[&str]) -> Result<()> {
        self.section(&format!(".text.{name}"), SectionKind::Text, name, size, calls)
    }

    fn constant(&mut self, name: &str, size: usize) -> Result<()> {
        self.section(&format!(".rodata.{name}"), SectionKind::ReadOnlyData, name, size, &[])
    }

    fn finish(self) -> Result<Vec<u8>> {
        self.0.write().map_err(|e| Error::new("building the demo", e.to_string()))
    }
}

/// Names and bytes of the demo's inputs.
pub(super) fn files() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let mut main = Maker::new();
    main.function("main", 64, &["greet", "commands_start", "commands_end"])?;
    main.function("old_main", 2048, &["old_banner"])?;
    main.constant("old_banner", 512)?;
    let mut commands = Maker::new();
    for (number, name) in ["list", "show"].into_iter().enumerate() {
        commands.function(&format!("command_{name}"), 640 + 128 * number, &[])?;
        let (entry, target) = (format!("entry_{name}"), format!("command_{name}"));
        commands.section(".commands", SectionKind::Data, &entry, 16, &[&target])?;
    }
    let mut greet = Maker::new();
    greet.function("greet", 96, &["greeting", "log_line"])?;
    greet.constant("greeting", 32)?;
    let mut log = Maker::new();
    log.function("log_line", 128, &[])?;
    log.function("_ZN3log10debug_dumpEi", 1024, &["debug_tables"])?;
    log.constant("debug_tables", 4096)?;
    let mut farewell = Maker::new();
    farewell.function("farewell", 256, &["greet"])?;
    let members: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("greet.o", greet.finish()?, &["greet", "greeting"]),
        ("log.o", log.finish()?, &["log_line", "_ZN3log10debug_dumpEi", "debug_tables"]),
        ("farewell.o", farewell.finish()?, &["farewell"]),
    ];
    Ok(vec![("main.o", main.finish()?), ("commands.o", commands.finish()?), ("libdemo.a", archive(&members))])
}

/// A GNU archive with an index; names are shorter than 16 bytes.
fn archive(members: &[(&str, Vec<u8>, &[&str])]) -> Vec<u8> {
    let names: usize = members.iter().flat_map(|m| m.2).map(|n| n.len() + 1).sum();
    let count: usize = members.iter().map(|m| m.2.len()).sum();
    let index_size = 4 + 4 * count + names;
    let padded = |size: usize| size + size % 2;
    let header = |name: &str, size: usize| {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, "644").into_bytes()
    };
    let mut offsets = Vec::new();
    let mut at = 8 + 60 + padded(index_size);
    for (_, data, symbols) in members {
        offsets.extend(symbols.iter().map(|_| at as u32));
        at += 60 + padded(data.len());
    }
    let mut out = b"!<arch>\n".to_vec();
    out.extend(header("/", index_size));
    out.extend((count as u32).to_be_bytes());
    out.extend(offsets.iter().flat_map(|o| o.to_be_bytes()));
    for name in members.iter().flat_map(|m| m.2) {
        out.extend(name.bytes().chain([0]));
    }
    for (name, data, _) in members {
        out.resize(padded(out.len()), b'\n');
        out.extend(header(&format!("{name}/"), data.len()));
        out.extend_from_slice(data);
    }
    out.resize(padded(out.len()), b'\n');
    out
}

//! An LLVM bitcode file: container, modules, symbol table.
//!
//! In: the bytes of the file. Out: [`Bitcode`] (what its modules say of their values) and, from
//! that, [`IrTable`]. Always true: symbols come from the file's own symbol table where it has one
//! that covers it; otherwise from the modules, and the table says that it is approximate. Source:
//! LTO input formats, sections 1 to 3.

use std::collections::BTreeMap;

use super::bits::{Event, Fault, Stream};
use super::irsymtab::{self, flag};
use super::{IrComdat, IrSection, IrSymbol, IrTable, Kind, asm};
use crate::load::elf::consts::*;

/// `BC` 0xC0DE.
const RAW: &[u8] = b"BC\xc0\xde";
/// 0x0B17C0DE, little-endian.
const WRAPPED: &[u8] = &[0xde, 0xc0, 0x17, 0x0b];

const BLOCK_CONSTANTS: u32 = 11;
const BLOCK_FUNCTION: u32 = 12;
const BLOCK_MODULE: u32 = 8;
const BLOCK_IDENTIFICATION: u32 = 13;
const BLOCK_STRTAB: u32 = 23;
const BLOCK_SYMTAB: u32 = 25;

/// Records of one kind in one module: beyond any real program.
const VALUE_LIMIT: usize = 1 << 24;

/// The sorts of values that have a record of their own in a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A global variable.
    Variable,
    /// A function.
    Function,
    /// An alias.
    Alias,
    /// An indirect function.
    Indirect,
}

/// A global value of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Offset and length of its name in the string table.
    pub name: (u64, u64),
    /// Sort.
    pub kind: ValueKind,
    /// Only declared here.
    pub declaration: bool,
    /// LLVM's linkage number.
    pub linkage: u64,
    /// LLVM's visibility number: default, hidden, protected.
    pub visibility: u64,
    /// 1-based number of its section name in the module; 0 if none.
    pub section: u32,
    /// 1-based number of its COMDAT; 0 if none.
    pub comdat: u32,
    /// Thread-local.
    pub tls: bool,
    /// A constant variable.
    pub constant: bool,
    /// 1 + value id of a variable's initial value, 0 if none; the value id that an alias stands for.
    pub init: u64,
}

/// One module.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Module<'d> {
    /// Format version of names: 2 keeps them in the string table.
    pub version: u64,
    /// Values in record order: the number of a value is its id.
    pub values: Vec<Value>,
    /// Section names.
    pub sections: Vec<Vec<u8>>,
    /// COMDATs: name in the string table, selection kind.
    pub comdats: Vec<((u64, u64), u64)>,
    /// Module-level assembly.
    pub asm: Vec<u8>,
    /// Target triple.
    pub triple: Vec<u8>,
    /// The source file's name.
    pub source: Vec<u8>,
    /// String constants by value id (only for readers that asked).
    pub strings: BTreeMap<u64, Vec<u8>>,
    /// Assembly texts inside functions (only for readers that asked).
    pub inline_asm: Vec<Vec<u8>>,
    /// The string table that holds its names.
    pub names: &'d [u8],
}

impl<'d> Module<'d> {
    /// The name of a value or COMDAT; empty if it lies outside the string table.
    pub fn name(&self, at: (u64, u64)) -> &'d [u8] {
        let start = usize::try_from(at.0).unwrap_or(usize::MAX);
        let end = usize::try_from(at.1).ok().and_then(|size| start.checked_add(size));
        end.and_then(|end| self.names.get(start..end)).unwrap_or(b"")
    }

    /// The section that a value is put into by name.
    pub fn section(&self, value: &Value) -> Option<&[u8]> {
        let number = (value.section as usize).checked_sub(1)?;
        self.sections.get(number).map(Vec::as_slice)
    }
}

/// A bitcode file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bitcode<'d> {
    /// Producer, such as `LLVM19.1.7`.
    pub producer: Vec<u8>,
    /// Modules in file order.
    pub modules: Vec<Module<'d>>,
    /// Symbol tables: blobs, and how many modules stood before each.
    symtabs: Vec<&'d [u8]>,
    /// String tables in file order.
    strtabs: Vec<&'d [u8]>,
}

/// How much of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What symbols need.
    Symbols,
    /// String constants and inline assembly too.
    Facts,
}

/// Whether the bytes are bitcode.
pub fn is_bitcode(bytes: &[u8]) -> bool {
    bytes.starts_with(RAW) || bytes.starts_with(WRAPPED)
}

/// The bit stream inside a wrapper, or the bytes themselves.
fn payload(bytes: &[u8]) -> Result<&[u8], String> {
    if !bytes.starts_with(WRAPPED) {
        return Ok(bytes);
    }
    let word = |at: usize| -> Option<usize> {
        let field = bytes.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(field.try_into().ok()?)).ok()
    };
    let inner = word(8).zip(word(12)).and_then(|(at, size)| bytes.get(at..at.checked_add(size)?));
    inner.ok_or_else(|| "the bitcode wrapper points outside the file".to_string())
}

/// Reads the file's blocks.
///
/// # Errors
/// Why it cannot be read.
pub fn parse(bytes: &[u8], depth: Depth) -> Result<Bitcode<'_>, String> {
    let data = payload(bytes)?;
    if !data.starts_with(RAW) {
        return Err("no bitcode behind the wrapper".to_string());
    }
    blocks(data, depth).map_err(|fault| format!("damaged bitcode: {fault}"))
}

fn blocks(data: &[u8], depth: Depth) -> Result<Bitcode<'_>, Fault> {
    let mut stream = Stream::new(data);
    let mut file = Bitcode::default();
    let mut unnamed = 0;
    loop {
        match stream.next()? {
            Event::Finished => return Ok(file),
            Event::Enter(BLOCK_IDENTIFICATION) => loop {
                match stream.next()? {
                    Event::Record(1) if file.producer.is_empty() => {
                        file.producer = letters(&stream.operands);
                    }
                    Event::Record(_) => {}
                    Event::Enter(_) => stream.skip(),
                    Event::End => break,
                    Event::Finished => return Err("a block has no end"),
                }
            },
            Event::Enter(BLOCK_MODULE) => {
                stream.forget_block_info();
                let module = module(&mut stream, depth)?;
                file.modules.push(module);
            }
            Event::Enter(id @ (BLOCK_SYMTAB | BLOCK_STRTAB)) => {
                let blob = only_blob(&mut stream)?;
                if id == BLOCK_SYMTAB {
                    file.symtabs.push(blob);
                } else {
                    file.strtabs.push(blob);
                    for module in file.modules.iter_mut().skip(unnamed) {
                        module.names = blob;
                    }
                    unnamed = file.modules.len();
                }
            }
            Event::Enter(_) => stream.skip(),
            Event::Record(_) | Event::End => {}
        }
    }
}

/// The blob of the record 1 of a block.
fn only_blob<'d>(stream: &mut Stream<'d>) -> Result<&'d [u8], Fault> {
    let mut blob: &[u8] = &[];
    loop {
        match stream.next()? {
            Event::Record(1) => blob = stream.blob,
            Event::Record(_) => {}
            Event::Enter(_) => stream.skip(),
            Event::End => return Ok(blob),
            Event::Finished => return Err("a block has no end"),
        }
    }
}

fn letters(operands: &[u64]) -> Vec<u8> {
    operands.iter().map(|&o| o as u8).collect()
}

fn module<'d>(stream: &mut Stream<'d>, depth: Depth) -> Result<Module<'d>, Fault> {
    let mut module = Module::default();
    let mut next_constant = None;
    loop {
        match stream.next()? {
            Event::End => return Ok(module),
            Event::Finished => return Err("a module has no end"),
            Event::Enter(BLOCK_CONSTANTS) if depth == Depth::Facts => {
                let first = next_constant.unwrap_or(module.values.len() as u64);
                next_constant = Some(constants(stream, &mut module, first, true)?);
            }
            Event::Enter(BLOCK_FUNCTION) if depth == Depth::Facts => function(stream, &mut module)?,
            Event::Enter(_) => stream.skip(),
            Event::Record(code) => record(&mut module, code, &stream.operands)?,
        }
    }
}

/// Constants from value id `next` on; returns the id after the last.
fn constants(
    stream: &mut Stream<'_>,
    module: &mut Module<'_>,
    next: u64,
    global: bool,
) -> Result<u64, Fault> {
    let mut next = next;
    loop {
        match stream.next()? {
            Event::End => return Ok(next),
            Event::Finished => return Err("constants have no end"),
            Event::Enter(_) => stream.skip(),
            // SETTYPE defines nothing.
            Event::Record(1) => {}
            Event::Record(code) => {
                match code {
                    8 | 9 if global => {
                        module.strings.insert(next, letters(&stream.operands));
                    }
                    28 => asm_text(&stream.operands, 1, module),
                    30 => asm_text(&stream.operands, 2, module),
                    _ => {}
                }
                next += 1;
            }
        }
    }
}

/// The text of an inline assembly constant: a length at `at`, then the letters.
fn asm_text(operands: &[u64], at: usize, module: &mut Module<'_>) {
    let Some(length) = operands.get(at).and_then(|&n| usize::try_from(n).ok()) else { return };
    let text = operands.get(at + 1..).and_then(|rest| rest.get(..length));
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        module.inline_asm.push(letters(text));
    }
}

fn function(stream: &mut Stream<'_>, module: &mut Module<'_>) -> Result<(), Fault> {
    loop {
        match stream.next()? {
            Event::End => return Ok(()),
            Event::Finished => return Err("a function has no end"),
            Event::Enter(BLOCK_CONSTANTS) => {
                constants(stream, module, 0, false)?;
            }
            Event::Enter(_) => stream.skip(),
            Event::Record(_) => {}
        }
    }
}

fn record(module: &mut Module<'_>, code: u32, operands: &[u64]) -> Result<(), Fault> {
    let word = |at: usize| operands.get(at).copied().unwrap_or(0);
    let number = |at: usize| u32::try_from(word(at)).unwrap_or(u32::MAX);
    let room = |len: usize| if len >= VALUE_LIMIT { Err("too many records in a module") } else { Ok(()) };
    let mut value = Value {
        name: (word(0), word(1)),
        kind: ValueKind::Variable,
        declaration: false,
        linkage: 0,
        visibility: 0,
        section: 0,
        comdat: 0,
        tls: false,
        constant: false,
        init: 0,
    };
    match code {
        1 => {
            module.version = word(0);
            return Ok(());
        }
        2 => {
            module.triple = letters(operands);
            return Ok(());
        }
        4 => {
            module.asm = letters(operands);
            return Ok(());
        }
        5 => {
            room(module.sections.len())?;
            module.sections.push(letters(operands));
            return Ok(());
        }
        12 => {
            room(module.comdats.len())?;
            module.comdats.push(((word(0), word(1)), word(2)));
            return Ok(());
        }
        16 => {
            module.source = letters(operands);
            return Ok(());
        }
        7 => {
            value.constant = word(3) & 1 != 0;
            (value.init, value.linkage) = (word(4), word(5));
            (value.section, value.visibility) = (number(7), word(8));
            (value.tls, value.comdat) = (word(9) != 0, number(13));
            value.declaration = value.init == 0;
        }
        8 => {
            value.kind = ValueKind::Function;
            (value.declaration, value.linkage) = (word(4) != 0, word(5));
            (value.section, value.visibility, value.comdat) = (number(8), word(9), number(14));
        }
        14 => {
            value.kind = ValueKind::Alias;
            value.init = word(4);
            (value.linkage, value.visibility) = (word(5), word(6));
        }
        18 => {
            value.kind = ValueKind::Indirect;
            (value.linkage, value.visibility) = (word(5), word(6));
        }
        _ => return Ok(()),
    }
    room(module.values.len())?;
    module.values.push(value);
    Ok(())
}

/// Whether a linkage number means a symbol that linkers never see by name.
fn is_local(linkage: u64) -> bool {
    matches!(linkage, 3 | 9 | 13 | 14)
}

fn is_weak(linkage: u64) -> bool {
    matches!(linkage, 1 | 4 | 7 | 10 | 11 | 16..=19)
}

fn is_code(kind: ValueKind) -> bool {
    matches!(kind, ValueKind::Function | ValueKind::Indirect)
}

/// STV_* for LLVM's default, hidden, protected.
fn visibility(number: u64) -> u8 {
    match number {
        1 => STV_HIDDEN,
        2 => STV_PROTECTED,
        _ => STV_DEFAULT,
    }
}

/// The symbols of a bitcode file.
///
/// # Errors
/// Why they cannot be read.
pub fn read(bytes: &[u8]) -> Result<IrTable<'_>, String> {
    let file = parse(bytes, Depth::Symbols)?;
    table(&file)
}

/// The symbols of a parsed file.
///
/// # Errors
/// Why they cannot be read.
pub fn table<'d>(file: &Bitcode<'d>) -> Result<IrTable<'d>, String> {
    if file.modules.is_empty() {
        return Err("bitcode without a module".to_string());
    }
    let producer = String::from_utf8_lossy(&file.producer).into_owned();
    let mut table = IrTable { producer, ..IrTable::default() };
    let mut by_name: BTreeMap<&[u8], u32> = BTreeMap::new();
    let mut places: BTreeMap<&[u8], u32> = BTreeMap::new();
    for module in &file.modules {
        if table.triple.is_empty() {
            table.triple.clone_from(&module.triple);
        }
        for value in &module.values {
            let Some(name) = module.section(value) else { continue };
            let fresh = table.sections.len() as u32;
            let place = *by_name.entry(name).or_insert(fresh);
            if place == fresh {
                table.sections.push(IrSection { name: name.to_vec(), executable: false, writable: false });
            }
            if let Some(section) = table.sections.get_mut(place as usize) {
                section.executable |= value.kind == ValueKind::Function;
                section.writable |= value.kind == ValueKind::Variable && !value.constant;
            }
            places.insert(module.name(value.name), place);
        }
    }
    let own = match (file.symtabs.as_slice(), file.strtabs.as_slice()) {
        ([symtab], [strings]) => irsymtab::parse(symtab, strings).and_then(|t| {
            let all = t.modules as usize == file.modules.len();
            if all { Ok(t) } else { Err("its symbol table covers some of its modules only".to_string()) }
        }),
        ([], _) => Err("it has no symbol table".to_string()),
        _ => Err("it is several bitcode files in one".to_string()),
    };
    match own {
        Ok(own) => from_symtab(&own, &places, &mut table),
        Err(reason) => {
            if file.modules.iter().any(|m| m.version < 2) {
                return Err(format!("{reason}, and its modules are of an old format"));
            }
            from_modules(file, &places, &mut table);
            table.approximate = Some(reason);
        }
    }
    Ok(table)
}

fn from_symtab<'d>(own: &irsymtab::SymbolTable<'d>, places: &BTreeMap<&[u8], u32>, table: &mut IrTable<'d>) {
    if table.triple.is_empty() {
        table.triple = own.triple.to_vec();
    }
    table.libraries.clone_from(&own.libraries);
    let comdat = |&(name, kind): &(&'d [u8], u32)| IrComdat { name, exclusive: kind != 3 };
    table.comdats = own.comdats.iter().map(comdat).collect();
    for row in &own.rows {
        if row.flags & flag::FORMAT_SPECIFIC != 0 {
            continue;
        }
        if row.flags & flag::GLOBAL == 0 {
            table.locals.push(row.name);
            continue;
        }
        let is = |bit: u32| row.flags & bit != 0;
        let kind = if is(flag::UNDEFINED) {
            Kind::Undefined
        } else if is(flag::COMMON) {
            Kind::Common { size: row.common.0, align: row.common.1 }
        } else {
            Kind::Defined
        };
        table.symbols.push(IrSymbol {
            name: row.name,
            kind,
            weak: is(flag::WEAK),
            visibility: visibility(u64::from(row.flags & flag::VISIBILITY)),
            comdat: row.comdat,
            section: places.get(row.ir_name).copied().filter(|_| !row.ir_name.is_empty()),
            executable: is(flag::EXECUTABLE),
            bss: false,
            tls: is(flag::TLS),
            used: is(flag::USED),
            from_asm: row.ir_name.is_empty(),
        });
    }
}

/// Functions, then variables, aliases, indirect functions, then what the assembly text tells.
fn from_modules<'d>(file: &Bitcode<'d>, places: &BTreeMap<&[u8], u32>, table: &mut IrTable<'d>) {
    for module in &file.modules {
        let first_comdat = table.comdats.len() as u32;
        let comdat = |&(name, kind): &((u64, u64), u64)| IrComdat {
            name: module.name(name),
            // MODULE records count the kinds from 1 (any); 4 is "no deduplication".
            exclusive: kind != 4,
        };
        table.comdats.extend(module.comdats.iter().map(comdat));
        let order = [ValueKind::Function, ValueKind::Variable, ValueKind::Alias, ValueKind::Indirect];
        for kind in order {
            for value in module.values.iter().filter(|v| v.kind == kind) {
                let name = module.name(value.name);
                let plain = name.strip_prefix(b"\x01").unwrap_or(name);
                if plain.is_empty() || plain.starts_with(b"llvm.") {
                    continue;
                }
                if is_local(value.linkage) {
                    table.locals.push(plain);
                    continue;
                }
                let meant = match value.kind {
                    ValueKind::Alias => usize::try_from(value.init).ok().and_then(|v| module.values.get(v)),
                    _ => None,
                };
                let comdat = value.comdat.checked_sub(1).filter(|&c| (c as usize) < module.comdats.len());
                let kind = if value.declaration || value.linkage == 12 {
                    Kind::Undefined
                } else if value.linkage == 8 {
                    Kind::Common { size: 0, align: 0 }
                } else {
                    Kind::Defined
                };
                table.symbols.push(IrSymbol {
                    name: plain,
                    kind,
                    weak: is_weak(value.linkage),
                    visibility: visibility(value.visibility),
                    comdat: comdat.map(|c| c + first_comdat),
                    section: places.get(name).copied(),
                    executable: is_code(meant.unwrap_or(value).kind),
                    bss: false,
                    tls: value.tls,
                    used: false,
                    from_asm: false,
                });
            }
        }
    }
}

/// Letters of [`asm`] texts of all modules, one after the other.
pub fn module_asm<'a>(file: &'a Bitcode<'_>) -> impl Iterator<Item = asm::Item<'a>> {
    file.modules.iter().flat_map(|m| asm::items(&m.asm))
}

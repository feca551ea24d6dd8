//! Inputs that lld refuses while it makes input sections of an object, thus before it collects
//! anything: property notes, link order, relocation sections, section types, mergeable strings,
//! thread-local attributes.
//!
//! In: all files read. Out: diagnostics of severity error; lld prints no removed section then.
//! Sources: lld `ObjFile::initializeSections`, `createInputSection`, `readAndFeatures` (14),
//! `readGnuProperty` (15+), `getRelocTarget`, `splitStrings`, `ObjFile::postParse`.

use fixedbitset::FixedBitSet;

use super::parse::Reader;
use super::symbols::{Era, INTERNAL, Kind};
use crate::ids::{FileId, NameId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow};
use crate::plan::Version;
use crate::program::{Content, InputFile};

const SHT_LOOS: u32 = 0x6000_0000;
const SHT_HIOS: u32 = 0x6fff_ffff;
const SHT_HIPROC: u32 = 0x7fff_ffff;
const SHT_LOUSER: u32 = 0x8000_0000;
const SHF_OS_NONCONFORMING: u32 = 0x100;

impl Reader<'_, '_> {
    /// All objects of the link.
    pub(super) fn check_inputs(&mut self) {
        let this = &*self;
        let found = this.of_objects(&this.objects, |file, f, object, out| {
            let mut messages = Vec::new();
            Sections { reader: this, f, object }.check(&mut messages);
            out.extend(messages.into_iter().map(|message| (file, message)));
        });
        for (file, message) in found {
            self.error(file, message);
        }
        if self.era == Era::Fifteen && !self.program.plan.noinhibit_exec {
            self.check_thread_local();
        }
    }

    /// `ObjFile::postParse`: a thread-local name mentioned as a plain function or object.
    fn check_thread_local(&mut self) {
        let this = &*self;
        let names = this.thread_local_names();
        if names.is_clear() {
            return;
        }
        let found = this.of_objects(&this.symbol_files, |file, f, object, out| {
            for (index, &name) in (object.first_global..object.symbol_count()).zip(&f.names) {
                let name = this.canonical(name);
                if !names.contains(name.idx()) {
                    continue;
                }
                let Some(symbol) = object.symbol(index) else { break };
                if matches!(symbol.kind, STT_TLS | STT_NOTYPE) {
                    continue;
                }
                if this.type_of(name) == Some(STT_TLS) {
                    out.push((file, name));
                }
            }
        });
        for (file, name) in found {
            let message = format!("TLS attribute mismatch: {}", self.shown(name));
            self.error(file, message);
        }
    }

    /// Names that some file mentions as thread-local.
    fn thread_local_names(&self) -> FixedBitSet {
        let mut names = FixedBitSet::with_capacity(self.program.names.len());
        let of_objects = self.of_objects(&self.symbol_files, |_, f, object, out| {
            let symbols = (object.first_global..object.symbol_count()).zip(&f.names);
            let thread =
                |&(index, _): &(u32, &NameId)| object.symbol(index).is_some_and(|s| s.kind == STT_TLS);
            out.extend(symbols.filter(thread).map(|(_, &name)| self.canonical(name).idx()));
        });
        names.extend(of_objects);
        for file in self.program.file_ids().filter(|f| self.read.contains(f.idx())) {
            let f = &self.program.files[file];
            let Some(library) = f.shared() else { continue };
            let symbols = library.symbols.iter().zip(&f.names).filter(|(s, _)| s.kind == STT_TLS);
            names.extend(symbols.map(|(_, &name)| self.canonical(name).idx()));
        }
        names
    }

    /// lld 14 (`Symbol::replace`): what a name was, if that and a new definition of kind `kind` are not
    /// both thread-local or both not.
    pub(super) fn thread_local_before(&self, name: NameId, kind: u8) -> Option<u8> {
        if !self.thread_locals.contains(&name) {
            return None;
        }
        self.type_of(name).filter(|&before| (before == STT_TLS) != (kind == STT_TLS))
    }

    /// STT_* of what a name currently is.
    fn type_of(&self, name: NameId) -> Option<u8> {
        let row = self.symbols.row(name);
        if row.file == INTERNAL || matches!(row.kind, Kind::Placeholder | Kind::Lazy | Kind::LazyArchive) {
            return None;
        }
        match &self.program.files.get(FileId(row.file))?.content {
            Content::Object(object) => object.symbol(row.symbol).map(|s| s.kind),
            Content::Shared(library) => library.symbols.get(row.symbol as usize).map(|s| s.kind),
            _ => None,
        }
    }
}

struct Sections<'a, 'd> {
    reader: &'a Reader<'a, 'd>,
    f: &'a InputFile<'d>,
    object: &'a Object<'d>,
}

/// What lld has at a section index when it looks at links between sections.
#[derive(PartialEq, Eq)]
enum Slot {
    /// Nothing: tables, relocation sections, an index out of range.
    Nothing,
    /// Thrown away.
    Discarded,
    /// An input section that is taken apart: mergeable, unwind data.
    Parts,
    /// Any other input section.
    Plain,
}

impl Sections<'_, '_> {
    fn fourteen(&self) -> bool {
        self.reader.era == Era::Fourteen
    }

    fn is_relocations(&self, row: SectionRow) -> bool {
        matches!(row.kind, SHT_REL | SHT_RELA) || (row.kind == SHT_CREL && !self.fourteen())
    }

    fn is_lost(&self, index: u32) -> bool {
        self.reader.lost.contains(self.f.section_id(index).idx())
    }

    fn slot(&self, index: u32, row: SectionRow) -> Slot {
        if self.is_lost(index) || self.reader.discarded.contains(self.f.section_id(index).idx()) {
            return Slot::Discarded;
        }
        if matches!(row.kind, SHT_NULL | SHT_SYMTAB | SHT_STRTAB | SHT_SYMTAB_SHNDX)
            || self.is_relocations(row)
        {
            return Slot::Nothing;
        }
        if self.object.is_named(index, b".eh_frame") && !self.reader.is_relocatable() {
            return Slot::Parts;
        }
        if self.merges(index, row) { Slot::Parts } else { Slot::Plain }
    }

    /// Mergeable, relocations aside.
    fn merges(&self, index: u32, row: SectionRow) -> bool {
        if row.flags & SHF_MERGE == 0 {
            return false;
        }
        let optimizes = self.reader.is_relocatable() || self.reader.program.plan.optimize != Some(0);
        let header = self.object.header(index);
        optimizes && header.size != 0 && header.entsize != 0
    }

    fn check(&self, out: &mut Vec<String>) {
        let relocatable = self.reader.is_relocatable();
        let name = |index: u32| String::from_utf8_lossy(self.object.section_name(index)).into_owned();
        let mut targets = self.object.relocations().iter().copied().peekable();
        let mut relocated = FixedBitSet::with_capacity(self.object.sections.len());
        for (index, row) in (1u32..).zip(self.object.sections.iter().copied().skip(1)) {
            let applies_to = targets.next_if(|&(section, _)| section == index).map(|(_, target)| target);
            if self.is_lost(index) || (row.flags & SHF_EXCLUDE != 0 && !relocatable) {
                continue;
            }
            let slot = self.slot(index, row);
            if slot == Slot::Discarded {
                self.note(index, relocatable, out);
                continue;
            }
            let tolerant = self.fourteen() || self.reader.program.plan.noinhibit_exec;
            if !tolerant && slot != Slot::Nothing && !is_known_type(row) {
                out.push(format!("{}: unknown section type {:#x}", name(index), row.kind));
            }
            if self.is_relocations(row) {
                let target = applies_to.unwrap_or_else(|| self.object.header(index).info);
                match self.object.sections.get(target as usize).map(|&row| self.slot(target, row)) {
                    Some(Slot::Discarded) => {}
                    Some(Slot::Parts | Slot::Plain) if !relocated.put(target as usize) => {}
                    Some(Slot::Parts | Slot::Plain) => {
                        out.push(format!("{}: a second relocation section is not supported", name(target)));
                    }
                    Some(Slot::Nothing) | None => {
                        out.push(format!("relocation section {index} has invalid sh_info {target}"));
                    }
                }
                continue;
            }
            let linked = row.flags & SHF_LINK_ORDER != 0 && slot != Slot::Nothing;
            let link = if linked { self.object.header(index).link } else { 0 };
            if link != 0 {
                match self.object.sections.get(link as usize).map(|&row| self.slot(link, row)) {
                    // A relocation section that follows has not replaced a mergeable one yet.
                    Some(Slot::Parts) if !self.becomes_plain(link, index) => {
                        let what = "link order must not name a section that is taken apart";
                        out.push(format!("{}: {what}: {}", name(index), name(link)));
                    }
                    Some(Slot::Nothing) | None => {
                        out.push(format!("{}: invalid sh_link index {link}", name(index)));
                    }
                    _ => {}
                }
            }
            // Later versions go on and refuse the link in the end.
            let early = self.reader.program.plan.profile.version < Version(20, 0, 0);
            let strings = early && row.flags & SHF_STRINGS != 0 && row.flags & SHF_COMPRESSED == 0;
            if strings && self.merges(index, row) && row.reloc == 0 {
                let entry = usize::try_from(self.object.header(index).entsize).unwrap_or(usize::MAX);
                let data = self.object.section_data(index).unwrap_or_default();
                let last = data.len().checked_sub(entry).and_then(|at| data.get(at..));
                if last.is_some_and(|end| end.iter().any(|&b| b != 0)) {
                    out.push(format!("{}: string is not null terminated", name(index)));
                }
            }
        }
    }

    /// Whether a mergeable section's relocation section stands before section `before`, so that it
    /// already counts as an ordinary one there.
    fn becomes_plain(&self, section: u32, before: u32) -> bool {
        self.object.section_name(section) != b".eh_frame"
            && self.object.sections.get(section as usize).is_some_and(|r| r.reloc != 0 && r.reloc < before)
    }

    /// Notes that are read before they are thrown away.
    fn note(&self, index: u32, relocatable: bool, out: &mut Vec<String>) {
        match self.object.section_name(index) {
            b".note.gnu.property" => {
                let data = self.object.section_data(index).unwrap_or_default();
                // From lld 17 on the section's alignment counts, before that 4.
                let align = if self.fourteen() { 4 } else { self.object.header(index).align.max(1) };
                if let Err(why) = properties(self.object, data, align) {
                    out.push(format!(".note.gnu.property: {why}"));
                }
            }
            b".note.GNU-split-stack" if relocatable => {
                out.push("split-stack and other code in a relocatable link".to_string());
            }
            _ => {}
        }
    }
}

/// lld 15+: types it takes without complaint (`isKnownSpecificSectionType`).
fn is_known_type(row: SectionRow) -> bool {
    match row.kind {
        SHT_PROGBITS | SHT_NOTE | SHT_NOBITS | SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY
        | SHT_GROUP => true,
        SHT_LOOS..=SHT_HIOS => row.flags & SHF_OS_NONCONFORMING == 0,
        SHT_LOUSER.. => !row.is_alloc(),
        kind => (SHT_HIOS + 1..=SHT_HIPROC).contains(&kind),
    }
}

fn aligned(value: u64, align: u64) -> u64 {
    value.checked_next_multiple_of(align.max(1)).unwrap_or(u64::MAX)
}

/// Walks the notes of a property section.
fn properties(object: &Object<'_>, data: &[u8], align: u64) -> Result<(), &'static str> {
    const TOO_SHORT: &str = "data is too short";
    const PROPERTY: &str = "program property is too short";
    let word = |data: &[u8], at: usize| -> Option<u32> {
        let field: [u8; 4] = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match object.endian() {
            ::object::Endianness::Little => u32::from_le_bytes(field),
            ::object::Endianness::Big => u32::from_be_bytes(field),
        })
    };
    let feature = if object.machine == EM_AARCH64 { 0xc000_0000 } else { 0xc000_0002 };
    let step = if object.is_64 { 8 } else { 4 };
    let mut at = 0usize;
    while at < data.len() {
        let rest = data.get(at..).unwrap_or_default();
        let (Some(names), Some(bytes), Some(kind)) = (word(rest, 0), word(rest, 4), word(rest, 8)) else {
            return Err(TOO_SHORT);
        };
        let start = if align == 4 {
            12 + aligned(u64::from(names), 4)
        } else {
            aligned(12 + u64::from(names), align)
        };
        let size = start.saturating_add(aligned(u64::from(bytes), align));
        if (rest.len() as u64) < size {
            return Err(TOO_SHORT);
        }
        at += size as usize;
        if kind != 5 || rest.get(12..12 + (names as usize).saturating_sub(1)) != Some(b"GNU") {
            continue;
        }
        let mut body = rest.get(start as usize..(start + u64::from(bytes)) as usize).unwrap_or_default();
        while !body.is_empty() {
            let (Some(kind), Some(length)) = (word(body, 0), word(body, 4)) else { return Err(PROPERTY) };
            body = body.get(8..).unwrap_or_default();
            if body.len() < length as usize {
                return Err(PROPERTY);
            }
            if kind == feature && length < 4 {
                return Err("FEATURE_1_AND entry is too short");
            }
            body = body.get(aligned(u64::from(length), step) as usize..).unwrap_or_default();
        }
    }
    Ok(())
}

//! One kernel module: what it needs, what it offers, what its `.modinfo` says.
//!
//! In: the bytes of a `.ko` or of a module's object. Out: [`Module`]; an object that cannot be read as
//! ELF says so and has no names, which is never the same as needing nothing.

use super::exports::records::{self, ExportRecord};
use crate::load::classify::{InputKind, classify};
use crate::load::elf::consts::{EM_PPC, EM_PPC64, STB_LOCAL, STB_WEAK, STT_SECTION};
use crate::load::elf::{Object, Place};
use crate::load::lto::{self, Format};

/// Why a module's object tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// LLVM bitcode.
    Bitcode,
    /// GCC intermediate code only.
    SlimLto,
    /// Shorter than an ELF header.
    Empty,
    /// Not ELF, or damaged: the reason.
    Damaged(String),
}

impl Unread {
    /// In words.
    pub fn message(&self) -> String {
        match self {
            Unread::Bitcode => "it is LLVM bitcode".into(),
            Unread::SlimLto => "it holds GCC's intermediate code only".into(),
            Unread::Empty => "it is empty".into(),
            Unread::Damaged(reason) => format!("it cannot be read: {reason}"),
        }
    }
}

/// A name that a module needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed<'d> {
    /// The name.
    pub name: &'d [u8],
    /// All references are weak.
    pub weak: bool,
}

/// A module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module<'d> {
    /// Path without `.ko`, as `Module.symvers` writes it.
    pub name: Vec<u8>,
    /// The file's path as spelled.
    pub path: Vec<u8>,
    /// What it needs, in the order of its symbol table.
    pub needs: Vec<Needed<'d>>,
    /// Its exports.
    pub exports: Vec<ExportRecord<'d>>,
    /// Its other global definitions, sorted.
    pub defines: Vec<&'d [u8]>,
    /// Its local functions and objects, sorted.
    pub locals: Vec<&'d [u8]>,
    /// Its section names, sorted, without repetitions.
    pub sections: Vec<&'d [u8]>,
    /// `license=` values.
    pub licences: Vec<&'d [u8]>,
    /// `import_ns=` values.
    pub imports: Vec<&'d [u8]>,
    /// `vermagic=`.
    pub vermagic: Option<&'d [u8]>,
    /// Why it tells nothing.
    pub unread: Option<Unread>,
    /// Parts that modpost cannot read (LTO objects, empty files), with the reason.
    pub bad_parts: Vec<(Vec<u8>, Unread)>,
}

impl<'d> Module<'d> {
    /// Reads a module. `path` is spelled as the user or `modules.order` does.
    pub fn read(path: &[u8], bytes: &'d [u8]) -> Module<'d> {
        let name = path.strip_suffix(b".ko").or_else(|| path.strip_suffix(b".o")).unwrap_or(path);
        let mut module = Module {
            name: name.to_vec(),
            path: path.to_vec(),
            needs: Vec::new(),
            exports: Vec::new(),
            defines: Vec::new(),
            locals: Vec::new(),
            sections: Vec::new(),
            licences: Vec::new(),
            imports: Vec::new(),
            vermagic: None,
            unread: None,
            bad_parts: Vec::new(),
        };
        match object(bytes) {
            Ok(object) => module.fill(&object),
            Err(reason) => module.unread = Some(reason),
        }
        module
    }

    fn fill(&mut self, object: &Object<'d>) {
        self.exports = records::of_object(object).records;
        for section in 1..object.sections.len() as u32 {
            let name = object.section_name(section);
            if name == b".modinfo" {
                self.modinfo(object.section_data(section).unwrap_or(b""));
            }
            self.sections.push(name);
        }
        self.sections.sort_unstable();
        self.sections.dedup();
        for index in 1..object.symbol_count() {
            let Some(symbol) = object.symbol(index).filter(|s| s.name != 0) else { continue };
            let name = object.symbol_name(symbol.name);
            if symbol.kind == STT_SECTION || name.is_empty() {
                continue;
            }
            match (symbol.place, symbol.bind) {
                (Place::Undefined, STB_LOCAL) => {}
                (Place::Undefined, bind) if !is_ignored(name, object.machine) => {
                    self.needs.push(Needed { name, weak: bind == STB_WEAK });
                }
                (Place::Undefined, _) => {}
                (Place::Section(_), STB_LOCAL) => self.locals.push(name),
                (_, STB_LOCAL) => {}
                _ => self.defines.push(name),
            }
        }
        self.defines.sort_unstable();
        self.locals.sort_unstable();
    }

    fn modinfo(&mut self, data: &'d [u8]) {
        for entry in data.split(|&b| b == 0) {
            if let Some(licence) = entry.strip_prefix(b"license=") {
                self.licences.push(licence);
            } else if let Some(namespace) = entry.strip_prefix(b"import_ns=") {
                self.imports.push(namespace);
            } else if let Some(vermagic) = entry.strip_prefix(b"vermagic=") {
                self.vermagic = Some(vermagic);
            }
        }
    }

    /// The module's own name: the last part of its path, with `-` as `_`.
    pub fn base_name(&self) -> Vec<u8> {
        let start = self.name.iter().rposition(|&b| b == b'/').map_or(0, |p| p + 1);
        let base = self.name.get(start..).unwrap_or(b"");
        base.iter().map(|&b| if b == b'-' { b'_' } else { b }).collect()
    }

    /// Whether GPL-only exports are open to it: every licence named is compatible (kernel
    /// `license_is_gpl_compatible`). `None` if it names none.
    pub fn is_gpl(&self) -> Option<bool> {
        const COMPATIBLE: [&[u8]; 6] = [
            b"GPL",
            b"GPL v2",
            b"GPL and additional rights",
            b"Dual BSD/GPL",
            b"Dual MIT/GPL",
            b"Dual MPL/GPL",
        ];
        if self.licences.is_empty() {
            return None;
        }
        Some(self.licences.iter().all(|l| COMPATIBLE.contains(l)))
    }
}

/// The ELF object that `bytes` hold, or why there is none.
///
/// # Errors
/// The reason.
pub fn object(bytes: &[u8]) -> Result<Object<'_>, Unread> {
    match classify(bytes) {
        InputKind::Bitcode => return Err(Unread::Bitcode),
        InputKind::Object => {}
        _ if bytes.len() < 52 => return Err(Unread::Empty),
        _ => return Err(Unread::Damaged("not a relocatable ELF object".into())),
    }
    let object = Object::parse(bytes).map_err(Unread::Damaged)?;
    if lto::format_of_object(&object) == Some(Format::GccSlim) { Err(Unread::SlimLto) } else { Ok(object) }
}

/// Names that modpost never asks for (KL 7.1).
fn is_ignored(name: &[u8], machine: u16) -> bool {
    if matches!(name, b"__this_module" | b"_GLOBAL_OFFSET_TABLE_") {
        return true;
    }
    let stem = |stems: &[&[u8]]| stems.iter().any(|s| name.starts_with(s));
    match machine {
        EM_PPC => {
            stem(&[b"_restgpr_", b"_savegpr_", b"_rest32gpr_", b"_save32gpr_", b"_restvr_", b"_savevr_"])
        }
        EM_PPC64 => {
            name == b".TOC."
                || stem(&[
                    b"_restgpr0_",
                    b"_savegpr0_",
                    b"_restgpr1_",
                    b"_savegpr1_",
                    b"_restvr_",
                    b"_savevr_",
                ])
                || stem(&[b"_restfpr_", b"_savefpr_"])
        }
        _ => false,
    }
}

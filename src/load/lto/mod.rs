//! Inputs that hold a compiler's intermediate code: LLVM bitcode and GCC LTO objects, read without
//! either compiler's libraries.
//!
//! In: the bytes of one input. Out: [`IrTable`], the symbols that linkers are told of, and
//! [`LtoFacts`], what kernel builds look for. Always true: every offset and count was checked
//! against the bytes; what a table does not tell is never read as "nothing there". Source: LTO
//! input formats, sections 1 to 4.

pub mod asm;
pub mod bitcode;
mod bits;
pub mod facts;
pub mod gcc;
mod irsymtab;
pub mod libcalls;
pub mod stand_in;
pub mod triple;

pub use facts::LtoFacts;

use super::elf::Object;

/// The forms in which intermediate code reaches a linker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// LLVM bitcode, raw or wrapped.
    Bitcode,
    /// LLVM bitcode in `.llvm.lto` of an object with machine code.
    FatBitcode,
    /// GCC, intermediate code only.
    GccSlim,
    /// GCC, beside machine code.
    GccFat,
}

impl Format {
    /// What to call such a file.
    pub fn word(self) -> &'static str {
        match self {
            Format::Bitcode => "LLVM bitcode",
            Format::FatBitcode => "object with LLVM bitcode beside machine code",
            Format::GccSlim => "GCC slim LTO object",
            Format::GccFat => "GCC fat LTO object",
        }
    }

    /// GCC's (the others are LLVM's).
    pub fn is_gcc(self) -> bool {
        matches!(self, Format::GccSlim | Format::GccFat)
    }

    /// Machine code stands beside it.
    pub fn is_fat(self) -> bool {
        matches!(self, Format::FatBitcode | Format::GccFat)
    }
}

/// What a symbol of intermediate code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Defined.
    Defined,
    /// Referred to.
    Undefined,
    /// Common: size and alignment in bytes.
    Common {
        /// Size in bytes.
        size: u64,
        /// Alignment in bytes; 0 if not told.
        align: u64,
    },
}

/// One global symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IrSymbol<'d> {
    /// The assembler's name.
    pub name: &'d [u8],
    /// What it is.
    pub kind: Kind,
    /// Weak.
    pub weak: bool,
    /// STV_*.
    pub visibility: u8,
    /// Index in [`IrTable::comdats`].
    pub comdat: Option<u32>,
    /// Index in [`IrTable::sections`], if the source names a section.
    pub section: Option<u32>,
    /// A function (bitcode: any symbol of module-level assembly too).
    pub executable: bool,
    /// Known to lie in zeroed memory (GCC).
    pub bss: bool,
    /// Thread-local.
    pub tls: bool,
    /// Kept by the compiler whatever refers to it (bitcode).
    pub used: bool,
    /// Comes from module-level assembly.
    pub from_asm: bool,
}

/// A COMDAT of intermediate code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IrComdat<'d> {
    /// The key.
    pub name: &'d [u8],
    /// Copies exclude each other (LLVM "nodeduplicate" does not).
    pub exclusive: bool,
}

/// A section that the source names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IrSection {
    /// Its name.
    pub name: Vec<u8>,
    /// Holds a function.
    pub executable: bool,
    /// Holds a variable that is not constant.
    pub writable: bool,
}

/// The symbols of one input, in the order in which linkers are told of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IrTable<'d> {
    /// Global symbols.
    pub symbols: Vec<IrSymbol<'d>>,
    /// COMDATs.
    pub comdats: Vec<IrComdat<'d>>,
    /// Sections named in the source.
    pub sections: Vec<IrSection>,
    /// Local symbols (bitcode), most of them labels of module-level assembly.
    pub locals: Vec<&'d [u8]>,
    /// Names of libraries that the input asks for.
    pub libraries: Vec<&'d [u8]>,
    /// Target triple (bitcode).
    pub triple: Vec<u8>,
    /// Who wrote it.
    pub producer: String,
    /// The input's own symbol table is missing or of an unknown version: the symbols were taken from
    /// elsewhere and may lack some.
    pub approximate: Option<String>,
}

/// The kind of intermediate code in an ELF object; `None` if it has none that a linker uses
/// (`.llvmbc` is not for linkers).
pub fn format_of_object(object: &Object<'_>) -> Option<Format> {
    let mut gcc = false;
    for section in 1..object.sections.len() as u32 {
        if object.is_named(section, b".llvm.lto") {
            return Some(Format::FatBitcode);
        }
        gcc |= object.name_begins(section, b".gnu.lto_");
    }
    if !gcc {
        return None;
    }
    Some(if gcc::is_slim(object) { Format::GccSlim } else { Format::GccFat })
}

/// The symbols of an ELF object's intermediate code.
///
/// # Errors
/// Why they cannot be read.
pub fn read_object<'d>(object: &Object<'d>, format: Format) -> Result<IrTable<'d>, String> {
    match format {
        Format::GccSlim | Format::GccFat => gcc::read(object),
        Format::Bitcode | Format::FatBitcode => bitcode::read(embedded(object)?),
    }
}

/// The bitcode in `.llvm.lto`.
pub(crate) fn embedded<'d>(object: &Object<'d>) -> Result<&'d [u8], String> {
    let section = (1..object.sections.len() as u32).find(|&s| object.is_named(s, b".llvm.lto"));
    section.and_then(|s| object.section_data(s)).ok_or_else(|| ".llvm.lto cannot be read".to_string())
}

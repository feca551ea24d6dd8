//! Which half of an input counts: compilers' intermediate code, or the machine code beside it.
//!
//! In: the plan and the input's form. Out: [`Half`]. A plugin takes what it knows: GCC's takes GCC's
//! objects, LLVM's takes bitcode. Source: LTO input formats, 5.1; checked with the linkers.

use crate::load::lto::Format;
use crate::plan::{Flavor, LinkPlan};

/// An input with intermediate code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intermediate<'d> {
    /// Its form.
    pub format: Format,
    /// The half that the linker reads.
    pub half: Half,
    /// The input's own bytes.
    pub data: &'d [u8],
    /// Target triple (bitcode).
    pub triple: Vec<u8>,
    /// Who wrote it.
    pub producer: String,
    /// Why its symbols may be incomplete.
    pub approximate: Option<String>,
    /// Definitions and references that its table lists.
    pub symbols: (u32, u32),
    /// Libraries that it asks for.
    pub libraries: Vec<&'d [u8]>,
}

impl Intermediate<'_> {
    /// What to tell of it (LSW009); `None` if the linker reads machine code and misses nothing.
    pub fn message(&self) -> Option<String> {
        let what = self.format.word();
        let by = if self.producer.is_empty() { String::new() } else { format!(" ({})", self.producer) };
        let (definitions, references) = self.symbols;
        let counts = format!("{definitions} definitions and {references} references");
        let symbols = match &self.approximate {
            None => format!("its {counts} were read"),
            Some(reason) if definitions + references == 0 => format!("its symbols are unknown: {reason}"),
            Some(reason) => format!("its symbols are approximate ({counts}): {reason}"),
        };
        match self.half {
            Half::Native if self.format != Format::GccSlim => None,
            Half::Native => Some(format!(
                "{what}{by}: this linker reads it as an object without code; {}, which it does not see",
                symbols
            )),
            Half::Refused => Some(format!("{what}{by}: this link has no plugin for it; {symbols}")),
            Half::Intermediate if self.format.is_fat() => Some(format!(
                "{what}{by}: the intermediate code is what counts; {symbols}; its sections exist only after \
                 code generation, everything it names is kept"
            )),
            Half::Intermediate => Some(format!(
                "{what}{by}: {symbols}; its sections exist only after code generation, everything it names \
                 is kept"
            )),
        }
    }
}

/// The half of an input that the linker reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The intermediate code: its symbols count, its sections exist only after code generation.
    Intermediate,
    /// The machine code (for a slim object: next to nothing).
    Native,
    /// None: the linker stops.
    Refused,
}

/// What the plan's linker does with an input of that form.
pub(super) fn half(plan: &LinkPlan, format: Format) -> Half {
    match plan.profile.flavor {
        Flavor::Lld => match format {
            Format::Bitcode => Half::Intermediate,
            Format::FatBitcode if plan.fat_lto_objects => Half::Intermediate,
            // GCC's slim objects are objects without code to lld.
            _ => Half::Native,
        },
        Flavor::Bfd | Flavor::Gold => match format {
            _ if claimed(plan, format) => Half::Intermediate,
            Format::Bitcode => Half::Refused,
            _ => Half::Native,
        },
        Flavor::Mold => match format {
            _ if claimed(plan, format) => Half::Intermediate,
            Format::GccFat | Format::FatBitcode => Half::Native,
            _ => Half::Refused,
        },
    }
}

/// Whether the plugin of the link takes inputs of that form. bfd and gold offer LLVM's plugin
/// objects with `.llvm.lto`, which it takes (from LLVM 17 on); mold does not offer them.
fn claimed(plan: &LinkPlan, format: Format) -> bool {
    let Some(plugin) = &plan.plugin else { return false };
    let name = plugin.file_name().map(|n| n.as_encoded_bytes().to_ascii_lowercase()).unwrap_or_default();
    let has = |part: &[u8]| name.windows(part.len()).any(|w| w == part);
    match format {
        Format::GccSlim | Format::GccFat => !has(b"llvm"),
        Format::Bitcode => !has(b"liblto_plugin"),
        Format::FatBitcode => has(b"llvm") && plan.profile.flavor != Flavor::Mold,
    }
}

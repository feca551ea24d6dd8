//! How large every output section becomes and where it lies: live inputs in script order with their
//! alignment, assignments to the location counter, data statements, memory regions.
//!
//! In: an analysis and its [`Placement`]. Out: [`Layout`]: output sections with their pieces, totals
//! as `size` counts them, memory regions as `--print-memory-usage` counts them. Always true: the
//! pieces of an output section add up to its size. What the linker itself makes (tables for dynamic
//! linking, merged strings, rewritten unwind data) has sizes that inputs do not tell: those output
//! sections say so in [`OutputLayout::made`].

mod build;
mod eval;
mod gather;
mod made;
mod merge;
mod orphans;
mod outputs;
mod own;
mod regions;
mod setup;
mod unwind;
mod walk;

use bstr::BString;

use super::super::Analysis;
use super::super::totals::Amount;
use super::Placement;
use crate::ids::{FileId, SectionId};

pub use regions::Region;

/// Whose bytes a piece holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceOf {
    /// An input section.
    Section(SectionId),
    /// Common symbols of a file.
    Commons(FileId),
    /// Something of the linker's own; of size 0 where its size cannot be told.
    Linker,
    /// Space before the next piece, for its alignment.
    Padding,
    /// Space that a statement makes by moving the location counter.
    Dot,
    /// BYTE, SHORT, LONG, QUAD.
    Data,
}

/// A part of an output section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Whose.
    pub of: PieceOf,
    /// Offset in the output section.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
}

/// Why the real size may differ from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Made {
    /// The linker puts content of its own here.
    Content,
    /// Equal strings or constants of inputs are put together.
    Merged,
    /// Unwind entries are put together or dropped.
    Unwind,
}

impl Made {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Made::Content => "linker-made",
            Made::Merged => "merged",
            Made::Unwind => "unwind",
        }
    }
}

/// An output section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLayout {
    /// Its name.
    pub name: BString,
    /// The script's output section, by its number in [`Placement::outputs`]; `None` for orphans and
    /// where no script says.
    pub statement: Option<u32>,
    /// Address; `None` where only the linker knows (no script, or not allocated).
    pub address: Option<u64>,
    /// Load address, where it is known.
    pub load_address: Option<u64>,
    /// Size in bytes.
    pub size: u64,
    /// Alignment in bytes.
    pub align: u64,
    /// SHF_* of its inputs together.
    pub flags: u32,
    /// It has no bytes in the file.
    pub nobits: bool,
    /// Memory region and load region, by their number in [`Layout::regions`].
    pub region: Option<u32>,
    /// Load region.
    pub load_region: Option<u32>,
    /// What lies in it, in order.
    pub pieces: Vec<Piece>,
    /// Why the real size may differ.
    pub made: Option<Made>,
    /// Input sections that were dropped and would lie here.
    pub dropped: Amount,
}

impl OutputLayout {
    /// Bytes of padding.
    pub fn padding(&self) -> u64 {
        self.pieces.iter().filter(|p| p.of == PieceOf::Padding).map(|p| p.size).sum()
    }

    /// Bytes that come from inputs.
    pub fn input_bytes(&self) -> u64 {
        let input = |p: &&Piece| matches!(p.of, PieceOf::Section(_) | PieceOf::Commons(_));
        self.pieces.iter().filter(input).map(|p| p.size).sum()
    }

    /// Whether it takes memory.
    pub fn is_alloc(&self) -> bool {
        self.flags & crate::load::elf::consts::SHF_ALLOC != 0
    }
}

/// text, data and bss as `size` prints them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Berkeley {
    /// Code and read-only sections.
    pub text: u64,
    /// Writable sections with content.
    pub data: u64,
    /// Sections without content.
    pub bss: u64,
}

impl Berkeley {
    /// The sum.
    pub fn dec(self) -> u64 {
        self.text.saturating_add(self.data).saturating_add(self.bss)
    }
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Output sections in output order.
    pub outputs: Vec<OutputLayout>,
    /// Memory regions in script order; empty without MEMORY.
    pub regions: Vec<Region>,
    /// The region of each output section of the scripts, by its number in [`Placement::outputs`].
    pub region_of_statement: Vec<Option<u32>>,
    /// Totals.
    pub berkeley: Berkeley,
    /// Expressions that could not be computed, and other reasons why sizes may be off.
    pub notes: Vec<String>,
}

/// Lays out a link.
pub fn layout(analysis: &Analysis<'_>, placement: &Placement) -> Layout {
    let mut layout = walk::run(analysis, placement);
    let mut sums = Berkeley::default();
    for output in &layout.outputs {
        use crate::load::elf::consts::{SHF_EXECINSTR, SHF_WRITE};
        if !output.is_alloc() {
            continue;
        }
        let sum = if output.flags & SHF_EXECINSTR != 0 || output.flags & SHF_WRITE == 0 {
            &mut sums.text
        } else if output.nobits {
            &mut sums.bss
        } else {
            &mut sums.data
        };
        *sum = sum.saturating_add(output.size);
        debug_assert_eq!(
            output.pieces.iter().map(|p| p.size).sum::<u64>(),
            output.size,
            "pieces of {} add up",
            output.name
        );
    }
    layout.berkeley = sums;
    layout
}

//! What an output section is: flags, type and alignment from its inputs, and whether the linker has a
//! part in its content.
//!
//! In: an [`Out`] with its items. Out: the same, finished.

use bstr::BStr;

use super::build::{Item, Out};
use super::{Made, PieceOf};
use crate::load::elf::consts::*;
use crate::plan::{Flavor, OutputKind};
use crate::query::Analysis;

/// Flags, type and alignment of an output section from what is in it.
pub(super) fn finish(analysis: &Analysis<'_>, out: &mut Out<'_>) {
    let plan = analysis.program.plan;
    let (mut contents, mut merged, mut unwind, mut any, mut moves) = (false, false, false, false, false);
    for item in &out.items {
        match item {
            Item::Inputs(list) => {
                for input in list {
                    any = true;
                    out.flags |= input.flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR | SHF_TLS);
                    out.align = out.align.max(input.align);
                    out.kind = input.kind;
                    contents |= input.kind != SHT_NOBITS;
                    merged |= input.flags & SHF_MERGE != 0;
                    if let PieceOf::Section(section) = input.of {
                        unwind |= analysis.program.section_name(section) == b".eh_frame";
                    }
                }
            }
            Item::Data(..) => {
                contents = true;
                out.flags |= SHF_ALLOC;
            }
            Item::Assign(a) => moves |= a.name.text == ".",
        }
    }
    if !any && !contents && moves {
        out.flags |= SHF_ALLOC | SHF_WRITE;
    }
    let kind = out.section.and_then(|s| s.section_type.as_ref()).map(|n| n.text.as_slice());
    match kind {
        Some(b"NOLOAD") => contents = false,
        Some(b"COPY" | b"INFO" | b"OVERLAY" | b"DSECT") => out.flags &= !SHF_ALLOC,
        Some(b"READONLY") => out.flags &= !SHF_WRITE,
        _ => {}
    }
    // lld: one without inputs is of type PROGBITS.
    let lld = plan.profile.flavor == Flavor::Lld;
    out.nobits = !contents && (any || !lld || kind == Some(b"NOLOAD"));
    let partial = plan.output_kind == OutputKind::Relocatable;
    out.made = if is_rewritten(BStr::new(&out.name)) && any {
        Some(Made::Content)
    } else if unwind && !partial {
        Some(Made::Unwind)
    } else if merged && !partial {
        Some(Made::Merged)
    } else {
        None
    };
}

/// Output sections whose inputs linkers read and write anew.
fn is_rewritten(name: &BStr) -> bool {
    const NAMES: [&[u8]; 13] = [
        b".note.gnu.property",
        b".toc",
        b".opd",
        b".got",
        b".MIPS.abiflags",
        b".MIPS.options",
        b".reginfo",
        b".ARM.exidx",
        b".ARM.attributes",
        b".riscv.attributes",
        b".gnu.attributes",
        b".gnu_debuglink",
        b".gnu.version",
    ];
    NAMES.contains(&&**name)
}

//! What an output section is: flags, type and alignment from its inputs, and whether the linker has a
//! part in its content.
//!
//! In: an [`Out`] with its items. Out: the same, finished.

use bstr::BStr;

use super::super::{Placement, options};
use super::build::{Item, Out};
use super::{Made, PieceOf};
use crate::load::elf::consts::*;
use crate::plan::OutputKind;
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
    out.nobits = !contents;
    let partial = plan.output_kind == OutputKind::Relocatable;
    out.made = if is_made(BStr::new(&out.name)) {
        Some(Made::Content)
    } else if unwind && !partial {
        Some(Made::Unwind)
    } else if merged && !partial {
        Some(Made::Merged)
    } else {
        None
    };
}

/// Sections that the linker makes go where statements put them, in the name of the first file.
pub(super) fn mark_made(analysis: &Analysis<'_>, placement: &Placement, outs: &mut [Out<'_>]) {
    let program = &analysis.program;
    let Some(&first) = analysis.resolution.files.first() else { return };
    let mut names: Vec<&[u8]> = vec![b".got", b".got.plt", b".plt", b".iplt", b".dynamic", b".rela.dyn"];
    if options::has_build_id(program.plan) {
        names.push(b".note.gnu.build-id");
    }
    if program.target.is_some_and(|t| t.machine == EM_PPC64) {
        names.extend([&b".sfpr"[..], b".glink", b".branch_lt"]);
    }
    for name in names {
        let Some(id) = placement.place_named(program, first, name, u64::from(SHF_ALLOC)) else { continue };
        let output = placement.statements().get(id).map_or(usize::MAX, |s| s.output_number as usize);
        if let Some(out) = outs.get_mut(output).filter(|o| !o.skipped) {
            out.made = Some(Made::Content);
        }
    }
}

/// Output sections that linkers fill themselves.
fn is_made(name: &BStr) -> bool {
    const NAMES: [&[u8]; 34] = [
        b".interp",
        b".note.gnu.build-id",
        b".note.gnu.property",
        b".hash",
        b".gnu.hash",
        b".dynsym",
        b".dynstr",
        b".gnu.version",
        b".gnu.version_d",
        b".gnu.version_r",
        b".relr.dyn",
        b".plt",
        b".plt.got",
        b".plt.sec",
        b".iplt",
        b".dynamic",
        b".got",
        b".got.plt",
        b".igot",
        b".igot.plt",
        b".eh_frame_hdr",
        b".comment",
        b".branch_lt",
        b".glink",
        b".toc",
        b".opd",
        b".MIPS.abiflags",
        b".MIPS.options",
        b".reginfo",
        b".ARM.exidx",
        b".ARM.attributes",
        b".riscv.attributes",
        b".gnu.attributes",
        b".gnu_debuglink",
    ];
    let name: &[u8] = name;
    NAMES.contains(&name)
        || name.starts_with(b".rela.")
        || name.starts_with(b".rel.")
        || matches!(name, b".rel" | b".rela" | b".rela.dyn" | b".rel.dyn")
}

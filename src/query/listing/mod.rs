//! The linkers' own lines, spelled as each prints them (`--format=linker`).

mod bfd;
mod gold;
mod lld;
mod mold;
mod saved;

pub use saved::removed_text as removed_text_of_saved;

use std::io::{Result, Write};

use rayon::prelude::*;

use super::Analysis;
use crate::error::Severity;
use crate::ids::FileId;
use crate::plan::{Flavor, OutputKind};

/// The text of `--print-gc-sections`, without the program prefix of bfd and gold, every line with its end, in the
/// linker's order (mold: file order).
pub fn removed_text(analysis: &Analysis<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    // A vector takes everything.
    let _ = write_removed(analysis, &mut text);
    text
}

/// Writes what [`removed_text`] tells, without ever holding all of it.
///
/// # Errors
/// Those of the writer.
pub fn write_removed(analysis: &Analysis<'_>, out: &mut dyn Write) -> Result<()> {
    if !lists(analysis) {
        return Ok(());
    }
    match analysis.program.plan.profile.flavor {
        Flavor::Bfd => bfd::removed(analysis, out),
        Flavor::Gold => gold::removed(analysis, out),
        Flavor::Lld => lld::removed(analysis, out),
        Flavor::Mold => mold::removed(analysis, out),
    }
}

/// Whether the linker gets as far as to print what it removes.
pub fn lists(analysis: &Analysis<'_>) -> bool {
    let plan = analysis.program.plan;
    let resolution = &analysis.resolution;
    plan.gc_sections != Some(false)
        && match plan.profile.flavor {
            Flavor::Bfd | Flavor::Gold => !resolution.stopped,
            Flavor::Lld => !resolution.diagnostics.iter().any(|d| d.severity == Severity::Error),
            Flavor::Mold => !resolution.stopped && plan.output_kind != OutputKind::Relocatable,
        }
}

/// Files whose lines are held at a time.
const AT_ONCE: usize = 512;

/// What `write` writes for each file of the link, in link order.
fn by_file(
    analysis: &Analysis<'_>,
    out: &mut dyn Write,
    write: impl Fn(FileId, &mut Vec<u8>) + Sync,
) -> Result<()> {
    let of_file = |&file: &FileId| {
        let mut text = Vec::new();
        write(file, &mut text);
        text
    };
    for files in analysis.resolution.files.chunks(AT_ONCE) {
        let parts: Vec<Vec<u8>> = files.par_iter().with_min_len(8).map(of_file).collect();
        for part in parts {
            out.write_all(&part)?;
        }
    }
    Ok(())
}

/// The linker's report of extracted members, complete; `None` if the linker has no such report.
pub fn extraction_report(analysis: &Analysis<'_>) -> Option<Vec<u8>> {
    match analysis.program.plan.profile.flavor {
        Flavor::Bfd => bfd::extraction(analysis),
        Flavor::Gold => gold::extraction(analysis),
        Flavor::Lld => lld::extraction(analysis),
        Flavor::Mold => mold::extraction(analysis),
    }
}

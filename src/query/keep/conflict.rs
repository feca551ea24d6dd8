//! LSW013: one section name with conflicting types or flags.
//!
//! In: an analysis. Out: [`Conflict`]s. Only what changes where bytes go or whether a loader sees
//! them counts: the type (code or data, no bits, note), and whether it is allocated, executable, or
//! thread-local. A name that is writable here and read-only there counts if the script gives it a place of its
//! own, not for compiler-made names.

use bstr::BString;

use super::references::is_live;
use crate::graph::Class;
use crate::ids::SectionId;
use crate::load::elf::consts::*;
use crate::query::Analysis;

/// One kind of section under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// `sh_type`, arrays counted as ordinary bytes.
    pub kind: u32,
    /// Flags that matter.
    pub flags: u32,
    /// How many sections.
    pub count: u64,
    /// The first of them.
    pub first: SectionId,
}

/// A name with more than one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The name.
    pub name: BString,
    /// Kinds, the most frequent first.
    pub variants: Vec<Variant>,
}

const MATTERS: u32 = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR | SHF_TLS;

/// Finds all conflicts among live sections.
pub fn conflicts(analysis: &Analysis<'_>) -> Vec<Conflict> {
    let program = &analysis.program;
    let mut by_name: std::collections::BTreeMap<&[u8], Vec<Variant>> = std::collections::BTreeMap::new();
    for &file in &analysis.resolution.files {
        let f = &program.files[file];
        let Some(object) = f.object() else { continue };
        for (index, row) in (0u32..).zip(&object.sections).skip(1) {
            let section = f.section_id(index);
            let structural = matches!(analysis.graph.class[section], Class::Structural | Class::Absent);
            if structural || object.section_size(index) == 0 || !is_live(analysis, section) {
                continue;
            }
            let kind = match row.kind {
                SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY => SHT_PROGBITS,
                // Processor-specific types go with their names (`.eh_frame`, `.ARM.exidx`).
                kind if kind >= 0x6000_0000 => SHT_PROGBITS,
                kind => kind,
            };
            let flags = row.flags & MATTERS;
            let variants = by_name.entry(object.section_name(index)).or_default();
            match variants.iter_mut().find(|v| v.kind == kind && v.flags == flags) {
                Some(variant) => variant.count += 1,
                None => variants.push(Variant { kind, flags, count: 1, first: section }),
            }
        }
    }
    by_name
        .into_iter()
        .filter(|(name, variants)| variants.len() > 1 && is_conflict(name, variants))
        .map(|(name, mut variants)| {
            variants.sort_by_key(|v| (std::cmp::Reverse(v.count), v.first));
            Conflict { name: name.into(), variants }
        })
        .collect()
}

fn is_conflict(name: &[u8], variants: &[Variant]) -> bool {
    let Some(first) = variants.first() else { return false };
    // What is written into an ordinary data section as zeros may be given bits.
    let kinds = variants.iter().any(|v| v.kind != first.kind);
    let hard = variants.iter().any(|v| (v.flags ^ first.flags) & !SHF_WRITE != 0);
    let write = variants.iter().any(|v| (v.flags ^ first.flags) & SHF_WRITE != 0);
    let unwind = name.starts_with(b".eh_frame") || name.starts_with(b".gcc_except_table");
    kinds || hard || (write && !unwind)
}

//! Who made many output sections: names with a common stem, and the objects they come from.
//!
//! In: the output sections and the input sections in them. Out: [`Maker`]s, most sections first.

use std::collections::BTreeMap;

use bstr::BString;

use super::outputs::{Built, Made, View};
use crate::ids::FileId;
use crate::load::elf::consts::*;

/// Output sections whose names have a stem in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maker {
    /// `.text.`, `fn_`, ...
    pub stem: BString,
    /// Output sections.
    pub outputs: u64,
    /// Input sections in them.
    pub inputs: u64,
    /// Of them those that no statement places.
    pub orphans: u64,
    /// The output section that usually collects them: `.text`, `.data`, ...
    pub target: BString,
    /// The compiler's option that makes such names; empty if none is known.
    pub option: &'static str,
    /// Objects, with their number of sections: the three with most.
    pub files: Vec<(BString, u64)>,
    /// Number of objects.
    pub file_count: u64,
}

/// Prefixes that compilers put before a symbol's name, longest first, and their option.
const PREFIXES: [(&[u8], &str); 14] = [
    (b".data.rel.ro.local.", "-fdata-sections"),
    (b".data.rel.local.", "-fdata-sections"),
    (b".text.unlikely.", "-ffunction-sections"),
    (b".text.startup.", "-ffunction-sections"),
    (b".data.rel.ro.", "-fdata-sections"),
    (b".text.exit.", "-ffunction-sections"),
    (b".text.hot.", "-ffunction-sections"),
    (b".data.rel.", "-fdata-sections"),
    (b".rodata.", "-fdata-sections"),
    (b".tdata.", "-fdata-sections"),
    (b".text.", "-ffunction-sections"),
    (b".data.", "-fdata-sections"),
    (b".tbss.", "-fdata-sections"),
    (b".bss.", "-fdata-sections"),
];

fn stem(name: &[u8]) -> (&[u8], &'static str) {
    if let Some((prefix, option)) = PREFIXES.iter().find(|(p, _)| name.starts_with(p) && name.len() > p.len())
    {
        return (prefix, option);
    }
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let front = name.get(..name.len() - digits).unwrap_or(name);
    (if front.is_empty() { name } else { front }, "")
}

/// Makers of output sections.
pub(super) fn makers(view: &View<'_, '_>, built: &Built) -> Vec<Maker> {
    struct Sum {
        outputs: u64,
        inputs: u64,
        orphans: u64,
        flags: u32,
        kind: u32,
        option: &'static str,
        files: BTreeMap<FileId, u64>,
    }
    let mut sums: BTreeMap<&[u8], Sum> = BTreeMap::new();
    for output in &built.outputs {
        if matches!(output.made, Made::Linker) {
            continue;
        }
        let (stem, option) = stem(&output.name);
        let sum = sums.entry(stem).or_insert_with(|| Sum {
            outputs: 0,
            inputs: 0,
            orphans: 0,
            flags: output.flags,
            kind: output.kind,
            option,
            files: BTreeMap::new(),
        });
        sum.outputs += 1;
        sum.inputs += u64::from(output.inputs);
        sum.orphans += u64::from(output.made == Made::Orphan);
    }
    sums.retain(|_, sum| sum.outputs > 1);
    for input in view.inputs() {
        let number = built.of.get(input.section.0 as usize).copied().unwrap_or(u32::MAX);
        let Some(output) = built.outputs.get(number as usize) else { continue };
        if let Some(sum) = sums.get_mut(stem(&output.name).0) {
            *sum.files.entry(input.file).or_insert(0) += 1;
        }
    }
    let mut found: Vec<Maker> = sums
        .into_iter()
        .map(|(stem, sum)| {
            let mut files: Vec<(u64, FileId)> = sum.files.iter().map(|(&file, &n)| (n, file)).collect();
            files.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            let label = |&(n, file): &(u64, FileId)| (BString::from(view.program().label(file)), n);
            Maker {
                stem: BString::from(stem),
                outputs: sum.outputs,
                inputs: sum.inputs,
                orphans: sum.orphans,
                target: target(stem, sum.flags, sum.kind),
                option: sum.option,
                file_count: files.len() as u64,
                files: files.iter().take(3).map(label).collect(),
            }
        })
        .collect();
    found.sort_by(|a, b| b.outputs.cmp(&a.outputs).then_with(|| a.stem.cmp(&b.stem)));
    found
}

/// The output section for sections with these flags.
fn target(stem: &[u8], flags: u32, kind: u32) -> BString {
    if stem.starts_with(b".data.rel.ro.") {
        return BString::from(".data.rel.ro");
    }
    BString::from(match () {
        () if flags & SHF_EXECINSTR != 0 => ".text",
        () if flags & SHF_TLS != 0 && kind == SHT_NOBITS => ".tbss",
        () if flags & SHF_TLS != 0 => ".tdata",
        () if kind == SHT_NOBITS => ".bss",
        () if flags & SHF_WRITE != 0 => ".data",
        () => ".rodata",
    })
}

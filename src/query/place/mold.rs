//! mold: names of output sections; it has no SECTIONS.
//!
//! Source: mold 1.10 `get_output_name` (elf/passes.cc), `get_merged_output_name`.

use super::{OutputName, kept_name, options};
use crate::load::elf::consts::{EM_ALPHA, EM_ARM, SHF_MERGE, SHF_STRINGS};
use crate::plan::OutputKind;
use crate::program::Program;

const STEMS: [&[u8]; 14] = [
    b".text",
    b".data.rel.ro",
    b".data",
    b".rodata",
    b".bss.rel.ro",
    b".bss",
    b".init_array",
    b".fini_array",
    b".tbss",
    b".tdata",
    b".gcc_except_table",
    b".ctors",
    b".dtors",
    b".gnu.warning",
];

const TEXT: [&[u8]; 5] = [b".text.hot", b".text.unknown", b".text.unlikely", b".text.startup", b".text.exit"];

/// The output section of a section. Mergeable sections keep their names, but for read-only data.
pub(super) fn output_name<'n>(program: &Program<'_>, flags: u64, name: &'n [u8]) -> OutputName<'n> {
    let plan = program.plan;
    if plan.output_kind == OutputKind::Relocatable || plan.unique.all {
        return kept_name(name);
    }
    if flags & u64::from(SHF_MERGE) != 0 {
        let rodata =
            name.strip_prefix(b".rodata").is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."));
        return kept_name(match flags & u64::from(SHF_STRINGS) {
            _ if !rodata => name,
            0 => b".rodata.cst",
            _ => b".rodata.str",
        });
    }
    let machine = program.target.map_or(0, |t| t.machine);
    let of_machine: &[&[u8]] = match machine {
        EM_ARM => &[b".ARM.exidx", b".ARM.extab"],
        EM_ALPHA => &[b".sdata", b".sbss"],
        _ => &[],
    };
    let begins =
        |stem: &&&[u8]| name.starts_with(stem) && (machine == EM_ARM || name.get(stem.len()) == Some(&b'.'));
    if let Some(stem) = of_machine.iter().find(begins) {
        return kept_name(stem);
    }
    let text: &[&[u8]] = if options::has_z(plan, b"keep-text-section-prefix") { &TEXT } else { &[] };
    let belongs = |stem: &&&[u8]| {
        name.strip_prefix(**stem).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
    };
    let stem = text.iter().chain(&STEMS).find(belongs);
    kept_name(stem.copied().unwrap_or(name))
}

//! lld: names of output sections without SECTIONS, and of orphans.
//!
//! Source: lld `getOutputSectionName` (LinkerScript.cpp).

use super::{Analysis, OutputName, kept_name, options};
use crate::ids::{NodeId, SectionId};
use crate::plan::{OutputKind, Version};
use crate::program::Program;
use crate::query::fate;

/// Names that take everything that begins with them and a dot, the longest first where it matters.
const STEMS: [&[u8]; 14] = [
    b".data.rel.ro",
    b".data",
    b".rodata",
    b".bss.rel.ro",
    b".bss",
    b".gcc_except_table",
    b".init_array",
    b".fini_array",
    b".tbss",
    b".tdata",
    b".ARM.exidx",
    b".ARM.extab",
    b".ctors",
    b".dtors",
];

/// Since lld 18.
const LARGE: [&[u8]; 3] = [b".ldata", b".lrodata", b".lbss"];

/// With `-z keep-text-section-prefix`.
const TEXT: [&[u8]; 6] =
    [b".text.hot", b".text.unknown", b".text.unlikely", b".text.startup", b".text.exit", b".text.split"];

/// The output section for a section that no statement takes.
pub(super) fn output_name<'n>(program: &Program<'_>, name: &'n [u8], scripted: bool) -> OutputName<'n> {
    if program.plan.output_kind == OutputKind::Relocatable {
        return kept_name(name);
    }
    if name == b"COMMON" {
        return kept_name(b".bss");
    }
    if scripted {
        return kept_name(name);
    }
    if belongs(name, b".text") {
        let kept = options::has_z(program.plan, b"keep-text-section-prefix");
        let stem = TEXT.iter().find(|s| kept && belongs(name, s));
        return kept_name(stem.copied().unwrap_or(b".text"));
    }
    let large: &[&[u8]] = if program.plan.profile.version >= Version(18, 0, 0) { &LARGE } else { &[] };
    let stem = STEMS.iter().chain(large).find(|s| belongs(name, s));
    kept_name(stem.copied().unwrap_or(name))
}

fn belongs(name: &[u8], stem: &[u8]) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'.'))
}

/// Whether a section is alive when SECTIONS are applied.
pub(super) fn is_live(analysis: &Analysis<'_>, section: SectionId) -> bool {
    use crate::graph::Class;
    match analysis.graph.class[section] {
        Class::Node => !fate::collects(&analysis.program) || analysis.liveness.is_live(NodeId(section.0)),
        Class::Kept | Class::Pieces => true,
        _ => false,
    }
}

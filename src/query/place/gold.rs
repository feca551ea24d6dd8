//! gold: names of output sections without a script, and of orphans.
//!
//! Source: gold `Layout::output_section_name`, `Layout::section_name_mapping`.

use bstr::ByteSlice;

use super::{OutputName, kept_name, options};
use crate::ids::FileId;
use crate::plan::OutputKind;
use crate::program::Program;

/// Prefix of input names and the output section they go to.
const BY_PREFIX: [(&[u8], &[u8]); 39] = [
    (b".text.", b".text"),
    (b".rodata.", b".rodata"),
    (b".data.rel.ro.local.", b".data.rel.ro.local"),
    (b".data.rel.ro.", b".data.rel.ro"),
    (b".data.", b".data"),
    (b".bss.", b".bss"),
    (b".tdata.", b".tdata"),
    (b".tbss.", b".tbss"),
    (b".init_array.", b".init_array"),
    (b".fini_array.", b".fini_array"),
    (b".sdata.", b".sdata"),
    (b".sbss.", b".sbss"),
    (b".sdata2.", b".sdata"),
    (b".sbss2.", b".sbss"),
    (b".lrodata.", b".lrodata"),
    (b".ldata.", b".ldata"),
    (b".lbss.", b".lbss"),
    (b".gcc_except_table.", b".gcc_except_table"),
    (b".gnu.linkonce.d.rel.ro.local.", b".data.rel.ro.local"),
    (b".gnu.linkonce.d.rel.ro.", b".data.rel.ro"),
    (b".gnu.linkonce.t.", b".text"),
    (b".gnu.linkonce.r.", b".rodata"),
    (b".gnu.linkonce.d.", b".data"),
    (b".gnu.linkonce.b.", b".bss"),
    (b".gnu.linkonce.s.", b".sdata"),
    (b".gnu.linkonce.sb.", b".sbss"),
    (b".gnu.linkonce.s2.", b".sdata"),
    (b".gnu.linkonce.sb2.", b".sbss"),
    (b".gnu.linkonce.wi.", b".debug_info"),
    (b".gnu.linkonce.td.", b".tdata"),
    (b".gnu.linkonce.tb.", b".tbss"),
    (b".gnu.linkonce.lr.", b".lrodata"),
    (b".gnu.linkonce.l.", b".ldata"),
    (b".gnu.linkonce.lb.", b".lbss"),
    (b".ARM.extab", b".ARM.extab"),
    (b".gnu.linkonce.armextab.", b".ARM.extab"),
    (b".ARM.exidx", b".ARM.exidx"),
    (b".gnu.linkonce.armexidx.", b".ARM.exidx"),
    (b".gnu.build.attributes.", b".gnu.build.attributes"),
];

/// With `-z keep-text-section-prefix`.
const TEXT: [&[u8]; 4] = [b".text.unlikely", b".text.exit", b".text.startup", b".text.hot"];

/// The output section for a section that no statement takes. Under a script it keeps its name.
pub(super) fn output_name<'n>(
    program: &Program<'_>,
    file: FileId,
    name: &'n [u8],
    scripted: bool,
) -> OutputName<'n> {
    if scripted || program.plan.output_kind == OutputKind::Relocatable {
        return kept_name(name);
    }
    if options::has_z(program.plan, b"keep-text-section-prefix")
        && let Some(stem) = TEXT.iter().find(|s| belongs(name, s))
    {
        return kept_name(stem);
    }
    if matches!(name, b".data.rel.ro" | b".data.rel.ro.local") {
        return kept_name(name);
    }
    if let Some((_, output)) = BY_PREFIX.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return kept_name(output);
    }
    // Constructors join the arrays, but not those of the compiler's own start files.
    let array: &[u8] = if name.starts_with(b".ctors") { b".init_array" } else { b".fini_array" };
    if name.starts_with(b".ctors.") || name.starts_with(b".dtors.") {
        return kept_name(array);
    }
    if name == b".ctors" || name == b".dtors" {
        let f = &program.files[file];
        let path = if f.archive.is_some() { f.member } else { f.path };
        let base = path.rfind_byte(b'/').and_then(|at| path.get(at + 1..)).unwrap_or(path);
        if !is_start_file(base, b"crtbegin") && !is_start_file(base, b"crtend") {
            return kept_name(array);
        }
    }
    kept_name(name)
}

/// `crtbegin.o`, `crtbeginS.o` and the like.
fn is_start_file(base: &[u8], stem: &[u8]) -> bool {
    let Some(rest) = base.strip_prefix(stem) else { return false };
    rest == b".o" || (rest.len() == 3 && rest.ends_with(b".o"))
}

fn belongs(name: &[u8], stem: &[u8]) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'.'))
}

//! GNU ld: its built-in script, what it never places, names of orphans' output sections.
//!
//! Sources: ld `lang_discard_section_p`, `unique_section_p`, `ldelf_place_orphan`.

use super::tables::kind_of;
use super::{OutputName, kept_name};
use crate::graph::bfd::is_debug;
use crate::ids::SectionId;
use crate::load::elf::consts::{SHF_EXCLUDE, SHT_GROUP};
use crate::plan::{OutputKind, Strip};
use crate::program::{Content, Program};
use crate::resolve::{emulation, has_own_script};
use crate::script::Script;
use crate::script::builtin_sections;
use crate::script::glob::Pattern;

/// The built-in script, unless a script replaces it.
pub(super) fn built_in(program: &Program<'_>) -> Option<Script> {
    if has_own_script(program) {
        return None;
    }
    let separate_code = super::options::separate_code(program.plan);
    builtin_sections::sections(emulation(program), kind_of(program), separate_code).ok()
}

/// `--unique=PATTERN`.
pub(super) fn unique_patterns(program: &Program<'_>) -> Vec<Pattern> {
    program.plan.unique.patterns.iter().map(|p| Pattern::bfd_file(p)).collect()
}

/// Excluded, group and (with `-S`) debug sections are thrown away before statements count.
pub(super) fn is_placed(program: &Program<'_>, section: SectionId) -> bool {
    let plan = program.plan;
    let (file, index) = program.locate(section);
    let Content::Object(object) = &program.files[file].content else { return true };
    let Some(row) = object.sections.get(index as usize) else { return false };
    let partial = plan.output_kind == OutputKind::Relocatable;
    let excluded = row.flags & SHF_EXCLUDE != 0 && !partial;
    let group = row.kind == SHT_GROUP && (!partial || plan.force_group_allocation);
    let stripped = plan.strip != Strip::None && is_debug(object, index);
    !excluded && !group && !stripped
}

/// An orphan's output section has its own name.
pub(super) fn output_name(name: &[u8]) -> OutputName<'_> {
    kept_name(name)
}

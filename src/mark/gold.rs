//! What gold complains about when it relocates (GS 3.4, 6.5): undefined symbols and references to
//! sections that are gone, in sections that stay. Dead sections are never relocated.
//!
//! In: graph and marks. Out: errors, each name once. Sources: gold/target-reloc.h
//! `issue_undefined_symbol_error`, `relocate_section`.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::Liveness;
use crate::error::{Diagnostic, Severity};
use crate::graph::{Class, SectionGraph};
use crate::ids::{FileId, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::plan::OutputKind;
use crate::program::{Content, Program};
use crate::resolve::gold::file_name;
use crate::resolve::gold::provided::is_provided;
use crate::resolve::{DefKind, Definition, Resolution};
use crate::script::filematch::FileName;
use crate::script::keep::KeepTable;

/// One complaint: the file that refers, and the message.
type Complaint = (FileId, String);

/// All complaints about one link.
pub(super) fn check(
    program: &Program<'_>,
    resolution: &Resolution,
    graph: &SectionGraph<'_>,
    liveness: &Liveness,
) -> Vec<Diagnostic> {
    let plan = program.plan;
    if plan.output_kind == OutputKind::Relocatable {
        let message = "cannot mix -r with --gc-sections";
        return vec![Diagnostic::new(Severity::Error, "", message)];
    }
    let libraries =
        program.file_ids().any(|f| resolution.is_in_link(f) && program.files[f].shared().is_some());
    let check = Check {
        program,
        resolution,
        graph,
        liveness,
        dynamic: libraries || matches!(plan.output_kind, OutputKind::Shared | OutputKind::Pie),
        report: plan.undefined_is_error.unwrap_or(plan.output_kind != OutputKind::Shared),
        silent: plan.undefined_is_error == Some(false),
    };
    let complaints: Vec<Vec<Complaint>> =
        resolution.files.par_iter().with_max_len(64).map(|&file| check.file(file)).collect();
    let mut seen = BTreeSet::new();
    let severity = if plan.warn_unresolved { Severity::Warning } else { Severity::Error };
    let mut diagnostics = Vec::new();
    for (file, message) in complaints.into_iter().flatten() {
        if seen.insert(message.clone()) {
            let subject = String::from_utf8_lossy(&file_name(program, file)).into_owned();
            diagnostics.push(Diagnostic::new(severity, subject, message));
        }
    }
    diagnostics
}

struct Check<'a, 'd> {
    program: &'a Program<'d>,
    resolution: &'a Resolution,
    graph: &'a SectionGraph<'d>,
    liveness: &'a Liveness,
    dynamic: bool,
    /// Undefined symbols of default visibility are errors.
    report: bool,
    /// No undefined symbol is an error.
    silent: bool,
}

impl Check<'_, '_> {
    /// Whether a section's relocations are applied.
    fn stays(&self, section: SectionId) -> bool {
        match self.graph.class[section] {
            Class::Node => self.liveness.is_live(NodeId(section.0)),
            Class::Kept => true,
            _ => false,
        }
    }

    fn file(&self, file: FileId) -> Vec<Complaint> {
        let program = self.program;
        let input = &program.files[file];
        let Content::Object(object) = &input.content else { return Vec::new() };
        let missing = self.missing(file, object);
        let lost = self.lost(file, object);
        let mut complaints = BTreeMap::new();
        if missing.is_empty() && lost.is_empty() && object.machine != EM_X86_64 {
            return Vec::new();
        }
        for (index, row) in object.sections.iter().enumerate().skip(1) {
            let index = index as u32;
            let section = input.section_id(index);
            if row.reloc == 0 || !self.stays(section) || row.flags & SHF_EXCLUDE != 0 {
                continue;
            }
            let strict = is_strict(object.section_name(index));
            let unwind = self.graph.class[section] == Class::Kept && row.is_alloc();
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                table.for_each(|_, reloc| {
                    if unwind {
                        return;
                    }
                    if object.machine == EM_X86_64 && row.is_alloc() && matches!(reloc.kind, 32 | 33) {
                        complaints
                            .entry(u32::MAX)
                            .or_insert_with(|| (file, format!("unsupported relocation type {}", reloc.kind)));
                    }
                    let list = if reloc.symbol >= object.first_global { &missing } else { &lost };
                    if let Ok(at) = list.binary_search_by_key(&reloc.symbol, |(s, _)| *s) {
                        let (message, always) = &list[at].1;
                        if *always || strict {
                            complaints.entry(reloc.symbol).or_insert_with(|| (file, message.clone()));
                        }
                    }
                });
            }
        }
        complaints.into_values().collect()
    }

    /// Global symbols of a file that gold would complain about when used: the message, and whether
    /// it comes for references from every section.
    fn missing(&self, file: FileId, object: &Object<'_>) -> Vec<(u32, (String, bool))> {
        let program = self.program;
        let resolution = self.resolution;
        let mut list = Vec::new();
        for (&name, symbol) in program.files[file].names.iter().zip(object.first_global..) {
            let definition = resolution.meaning(file, symbol, name);
            if definition.kind != DefKind::Undefined {
                continue;
            }
            let text = program.name(name);
            let shown = String::from_utf8_lossy(text).into_owned();
            if self.is_in_discarded(definition) {
                let message = format!("reference to '{shown}', which is defined in a discarded section");
                list.push((symbol, (message, false)));
                continue;
            }
            let hidden = resolution.visibility[name] == STV_HIDDEN;
            let reported = !self.silent && (self.report || hidden);
            if reported
                && !resolution.script_names.contains(name.idx())
                && !is_provided(program, text, self.dynamic)
                && !self.is_bound(text)
            {
                list.push((symbol, (format!("undefined reference to '{shown}'"), true)));
            }
        }
        list
    }

    fn is_in_discarded(&self, definition: Definition) -> bool {
        let file = self.program.files.get(definition.file);
        let symbol = file.and_then(|f| f.object()).and_then(|o| o.symbol(definition.symbol));
        matches!(symbol.map(|s| s.place), Some(Place::Section(_)))
    }

    /// Local symbols of sections that are not in the output.
    fn lost(&self, file: FileId, object: &Object<'_>) -> Vec<(u32, (String, bool))> {
        let input = &self.program.files[file];
        let mut list = Vec::new();
        for symbol in 1..object.first_global {
            let Some(found) = object.symbol(symbol) else { break };
            let Place::Section(section) = found.place else { continue };
            let id = input.section_id(section);
            let excluded = object.sections.get(section as usize).is_some_and(|r| r.flags & SHF_EXCLUDE != 0);
            let structural = self.graph.class[id] == Class::Structural;
            if structural || (self.stays(id) && !excluded) {
                continue;
            }
            let name = String::from_utf8_lossy(object.symbol_name(found.name)).into_owned();
            let message = format!(
                "relocation refers to local symbol '{name}' [{symbol}], which is defined in a discarded section"
            );
            list.push((symbol, (message, false)));
        }
        list
    }

    /// `__start_X` and `__stop_X` where the output has a section X.
    fn is_bound(&self, name: &[u8]) -> bool {
        let Some(wanted) = name.strip_prefix(b"__start_").or_else(|| name.strip_prefix(b"__stop_")) else {
            return false;
        };
        if wanted.is_empty() || !wanted.iter().all(|&b| b == b'_' || b.is_ascii_alphanumeric()) {
            return false;
        }
        let program = self.program;
        let tables: Vec<KeepTable> =
            program.scripts.iter().filter_map(|file| KeepTable::new(&file.script).ok()).collect();
        self.resolution.files.iter().any(|&file| {
            let input = &program.files[file];
            (1..input.section_count()).any(|index| {
                let section = input.section_id(index);
                if !self.stays(section) {
                    return false;
                }
                let name = program.section_name(section);
                let shown = file_name(program, file);
                let placed = tables.iter().find_map(|table| {
                    let mut state = table.file(FileName::plain(&shown));
                    let id = table.places(&mut state, &table.matches(name), 0)?;
                    table.get(id)
                });
                match placed {
                    Some(description) => !description.discard && description.output == wanted,
                    None => name == wanted,
                }
            })
        })
    }
}

/// gold `get_comdat_behavior`: references from debug and unwind sections may miss their target.
fn is_strict(name: &[u8]) -> bool {
    const LENIENT: [&[u8]; 6] = [b".debug", b".zdebug", b".gnu.linkonce.wi.", b".line", b".stab", b".pdr"];
    name != b".eh_frame" && name != b".gcc_except_table" && !LENIENT.iter().any(|p| name.starts_with(p))
}

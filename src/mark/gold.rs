//! What gold complains about when it relocates (GS 3.4, 6.5): undefined symbols and references to
//! sections that are gone, in sections that stay. Dead sections are never relocated.
//!
//! In: graph and marks. Out: errors, each name once. Sources: gold/target-reloc.h
//! `issue_undefined_symbol_error`, `relocate_section`.

use std::collections::{BTreeMap, BTreeSet};

use bstr::BStr;
use fixedbitset::FixedBitSet;
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
use crate::script::{Constraint, Span, walk};

/// One complaint: the file that refers, and the message.
type Complaint = (FileId, String);

const R_X86_64_SIZE32: u32 = 32;
const R_X86_64_SIZE64: u32 = 33;

/// A symbol that gold complains about where it is used.
struct Suspect {
    symbol: u32,
    message: String,
    /// Also in debug and unwind sections.
    always: bool,
}

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
    if let Some(name) = check.unmatched_constraint() {
        let message = "no matching section constraint";
        diagnostics.push(Diagnostic::new(Severity::Error, name, message));
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
        let mut lost: Option<Vec<u32>> = None;
        let mut flagged: Option<FixedBitSet> = None;
        let mut complaints = BTreeMap::new();
        for (index, row) in (0u32..).zip(&object.sections).skip(1) {
            let section = input.section_id(index);
            if row.reloc == 0 || !self.stays(section) || row.flags & SHF_EXCLUDE != 0 {
                continue;
            }
            let unwind = self.graph.class[section] == Class::Kept && row.is_alloc();
            let strict = is_strict(object, index);
            if unwind || (missing.is_empty() && !strict) {
                continue;
            }
            let lost = lost.get_or_insert_with(|| self.lost(file, object));
            let flagged = flagged.get_or_insert_with(|| {
                let mut flagged = FixedBitSet::with_capacity(object.symbol_count() as usize);
                flagged.extend(lost.iter().map(|&symbol| symbol as usize));
                flagged.extend(missing.iter().map(|suspect| suspect.symbol as usize));
                flagged
            });
            let size = object.section_size(index);
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                let mut any = false;
                table.for_each(|_, reloc| {
                    any |= flagged.contains(reloc.symbol as usize)
                        || reloc.offset >= size
                        || matches!(reloc.kind, R_X86_64_SIZE32 | R_X86_64_SIZE64);
                });
                if !any {
                    continue;
                }
                table.for_each(|_, reloc| {
                    if object.machine == EM_X86_64
                        && row.is_alloc()
                        && matches!(reloc.kind, R_X86_64_SIZE32 | R_X86_64_SIZE64)
                    {
                        let message = format!("unsupported relocation type {}", reloc.kind);
                        complaints.entry(u32::MAX).or_insert_with(|| (file, message));
                    }
                    if reloc.offset >= size {
                        let message = format!("relocation has bad offset {}", reloc.offset);
                        complaints.entry(u32::MAX - 1).or_insert_with(|| (file, message));
                    }
                    let symbol = reloc.symbol;
                    if symbol < object.first_global {
                        if strict && lost.binary_search(&symbol).is_ok() {
                            let name = object.symbol(symbol).map_or(&b""[..], |s| object.symbol_name(s.name));
                            let message = format!(
                                "relocation refers to local symbol '{}' [{symbol}], which is defined in a discarded section",
                                BStr::new(name)
                            );
                            complaints.entry(symbol).or_insert_with(|| (file, message));
                        }
                    } else if let Ok(at) = missing.binary_search_by_key(&symbol, |suspect| suspect.symbol)
                        && (missing[at].always || strict) {
                            let message = missing[at].message.clone();
                            complaints.entry(symbol).or_insert_with(|| (file, message));
                        }
                });
            }
        }
        complaints.into_values().collect()
    }

    /// Global symbols of a file that gold would complain about when used.
    fn missing(&self, file: FileId, object: &Object<'_>) -> Vec<Suspect> {
        let program = self.program;
        let resolution = self.resolution;
        let mut list = Vec::new();
        for (&name, symbol) in program.files[file].names.iter().zip(object.first_global..) {
            let definition = resolution.meaning(file, symbol, name);
            if definition.kind != DefKind::Undefined {
                continue;
            }
            let name = resolution.wraps.by_first(name);
            let text = program.name(name);
            let shown = BStr::new(text);
            if self.is_in_discarded(definition) {
                let message = format!("reference to '{shown}', which is defined in a discarded section");
                list.push(Suspect { symbol, message, always: false });
                continue;
            }
            // gold `visibility_error`: what must be defined here is asked for in any case.
            let confined = resolution.visibility[name] != STV_DEFAULT;
            let reported = (!self.silent && self.report) || confined;
            if reported
                && !resolution.script_names.contains(name.idx())
                && !is_provided(program, text, self.dynamic)
                && !self.is_bound(text)
            {
                let message = format!("undefined reference to '{shown}'");
                list.push(Suspect { symbol, message, always: true });
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
    fn lost(&self, file: FileId, object: &Object<'_>) -> Vec<u32> {
        let input = &self.program.files[file];
        let gone = |symbol: &u32| {
            let Some(Place::Section(section)) = object.symbol(*symbol).map(|s| s.place) else { return false };
            let id = input.section_id(section);
            let excluded = object.sections.get(section as usize).is_some_and(|r| r.flags & SHF_EXCLUDE != 0);
            self.graph.class[id] != Class::Structural && (excluded || !self.stays(id))
        };
        (1..object.first_global).filter(gone).collect()
    }

    /// An output section whose ONLY_IF_RO or ONLY_IF_RW does not hold and that has no other form.
    fn unmatched_constraint(&self) -> Option<String> {
        let program = self.program;
        for file in program.scripts {
            let sections: Vec<_> =
                walk::output_sections(&file.script).into_iter().map(|p| p.section).collect();
            if sections.iter().all(|s| s.constraint.is_none()) {
                continue;
            }
            let table = KeepTable::new(&file.script).ok()?;
            // By place of the output section: anything in it, anything writable in it.
            let mut seen: BTreeMap<Span, bool> = BTreeMap::new();
            for &id in &self.resolution.files {
                let input = &program.files[id];
                let Content::Object(object) = &input.content else { continue };
                let shown = file_name(program, id);
                let mut state = table.file(FileName::plain(&shown));
                for (index, row) in (0u32..).zip(&object.sections).skip(1) {
                    if !self.stays(input.section_id(index)) || !row.is_alloc() {
                        continue;
                    }
                    let names = table.matches(object.section_name(index));
                    let placed = table.places(&mut state, &names, 0).and_then(|id| table.get(id));
                    if let Some(description) = placed {
                        *seen.entry(description.output_span).or_default() |= row.flags & SHF_WRITE != 0;
                    }
                }
            }
            for section in &sections {
                let Some(&writable) = seen.get(&section.name.span) else { continue };
                let fails = match section.constraint {
                    Some(Constraint::OnlyIfRo) => writable,
                    Some(Constraint::OnlyIfRw) => !writable,
                    _ => false,
                };
                let others = sections.iter().filter(|o| o.name.text == section.name.text).count();
                if fails && others < 2 {
                    return Some(section.name.text.to_string());
                }
            }
        }
        None
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

/// gold `get_comdat_behavior`: references from debug and unwind sections may miss their target, on
/// PowerPC also those of descriptors and tables (`Target_powerpc::Relocate_comdat_behavior`).
fn is_strict(object: &Object<'_>, index: u32) -> bool {
    let is = |name: &[u8]| object.is_named(index, name);
    match object.machine {
        EM_PPC if is(b".fixup") || is(b".got2") => return false,
        EM_PPC64 if is(b".opd") || is(b".toc") || is(b".toc1") => return false,
        _ => {}
    }
    const LENIENT: [&[u8]; 6] = [b".debug", b".zdebug", b".gnu.linkonce.wi.", b".line", b".stab", b".pdr"];
    !is(b".eh_frame")
        && !is(b".gcc_except_table")
        && !LENIENT.iter().any(|prefix| object.name_begins(index, prefix))
}

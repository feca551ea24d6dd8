//! References of what lives to undefined symbols and, from lld 15 on, to symbols of dropped sections:
//! relocations of live allocated sections, and those of live unwind records.
//!
//! In: a finished analysis. Out: one diagnostic per name. Sources: lld `Relocations.cpp`
//! (`RelocationScanner::scanOne`, `maybeReportUndefined`), `Writer.cpp` (`demoteSymbols...`). Which symbols
//! must not be referred to is told first, so that an ordinary relocation costs one look.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::provided;
use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{FileId, NameId, NodeId, SectionId};
use crate::load::eh_frame::{AtTerminator, read};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, Symbol};
use crate::load::relocs::Reloc;
use crate::plan::{OutputKind, Version};
use crate::program::{Content, InputFile};
use crate::query::Analysis;
use crate::resolve::DefKind;

/// All of them; `bounds` names the sections whose start and stop symbols get defined.
pub(super) fn refusals<'d>(analysis: &Analysis<'d>, bounds: BTreeSet<&'d [u8]>, out: &mut Vec<Diagnostic>) {
    let plan = analysis.program.plan;
    let mut check = Check {
        analysis,
        fourteen: plan.profile.version < Version(15, 0, 0),
        reports: !plan.warn_unresolved
            && plan.undefined_is_error.unwrap_or(plan.output_kind != OutputKind::Shared),
        collects: plan.gc_sections == Some(true),
        bounds,
        bad: FixedBitSet::with_capacity(analysis.program.names.len()),
    };
    let bad: Vec<NameId> = analysis.program.names.ids().filter(|&name| check.is_bad(name, false)).collect();
    check.bad.extend(bad.iter().map(|name| name.idx()));
    let found: Vec<Vec<(NameId, FileId)>> =
        analysis.resolution.files.par_iter().with_max_len(16).map(|&file| check.file(file)).collect();
    let mut seen = BTreeSet::new();
    for (name, file) in found.into_iter().flatten() {
        if name == LOCAL || seen.insert(name) {
            let message = if name == LOCAL {
                "a relocation refers to a symbol in a discarded section".to_string()
            } else {
                format!("undefined symbol: {}", String::from_utf8_lossy(analysis.program.name(name)))
            };
            let about = if name == LOCAL { b"" } else { analysis.program.name(name) };
            let subject = analysis.program.label(file);
            out.push(Diagnostic::new(Severity::Error, subject, message).about(about));
        }
    }
}

/// Stands for a local symbol.
const LOCAL: NameId = NameId(u32::MAX);

struct Check<'a, 'd> {
    analysis: &'a Analysis<'d>,
    fourteen: bool,
    /// Undefined symbols of default visibility are errors.
    reports: bool,
    collects: bool,
    /// X of every `__start_X` that gets defined.
    bounds: BTreeSet<&'d [u8]>,
    /// Names that nothing live may refer to, lenient sections apart.
    bad: FixedBitSet,
}

impl Check<'_, '_> {
    fn is_live(&self, section: SectionId) -> bool {
        let class = self.analysis.graph.class[section];
        class == Class::Kept || !self.collects || self.analysis.liveness.is_live(NodeId(section.0))
    }

    fn file(&self, file: FileId) -> Vec<(NameId, FileId)> {
        let f = &self.analysis.program.files[file];
        let Content::Object(object) = &f.content else { return Vec::new() };
        let mut out = Vec::new();
        let flagged = self.flagged(f, object);
        if flagged.is_clear() {
            return out;
        }
        for (index, row) in object.sections.iter().enumerate().skip(1) {
            let (index, section) = (index as u32, f.section_id(index as u32));
            if row.reloc == 0 || !row.is_alloc() {
                continue;
            }
            match self.analysis.graph.class[section] {
                Class::Node | Class::Pieces
                    if self.is_live(section) && self.refers(object, index, &flagged) =>
                {
                    self.section(file, f, object, index, &mut out);
                }
                Class::Kept
                    if object.is_named(index, b".eh_frame")
                        && self.may_unwind_to(file, object, index, &flagged) =>
                {
                    self.unwind(file, f, object, index, &mut out);
                }
                _ => {}
            }
        }
        out
    }

    /// The symbols of a file that nothing live may refer to.
    fn flagged(&self, f: &InputFile<'_>, object: &Object<'_>) -> FixedBitSet {
        let wraps = &self.analysis.resolution.wraps;
        let mut flagged = FixedBitSet::with_capacity(object.symbol_count() as usize);
        for index in 1..object.first_global {
            if object.symbol(index).is_some_and(|symbol| self.local_is_gone(f, &symbol)) {
                flagged.insert(index as usize);
            }
        }
        for (index, &name) in (object.first_global as usize..flagged.len()).zip(&f.names) {
            let name = if wraps.is_empty() { name } else { wraps.by_last(name) };
            if self.bad.contains(name.idx()) {
                flagged.insert(index);
            }
        }
        flagged
    }

    /// Whether a section's relocations name a flagged symbol.
    fn refers(&self, object: &Object<'_>, index: u32, flagged: &FixedBitSet) -> bool {
        let tables = object.reloc_sections(index).filter_map(|table| object.reloc_table(table).ok());
        let mut found = false;
        for table in tables {
            table.for_each(|_, reloc| found |= flagged.contains(reloc.symbol as usize));
        }
        found
    }

    fn section(
        &self,
        file: FileId,
        f: &InputFile<'_>,
        object: &Object<'_>,
        index: u32,
        out: &mut Vec<(NameId, FileId)>,
    ) {
        let lenient = object.is_named(index, b".got2") || object.is_named(index, b".toc");
        for table in object.reloc_sections(index) {
            let Ok(table) = object.reloc_table(table) else { continue };
            if table.is_crel() && self.fourteen {
                continue;
            }
            table.for_each(|_, reloc| out.extend(self.relocation(file, f, object, reloc, lenient)));
        }
    }

    /// Whether a record of a live function, or any CIE, may name a flagged symbol: a walk along the sorted
    /// relocations. What it cannot follow may.
    fn may_unwind_to(&self, file: FileId, object: &Object<'_>, index: u32, flagged: &FixedBitSet) -> bool {
        let mut tables = object.reloc_sections(index);
        let table = tables.next().and_then(|table| object.reloc_table(table).ok());
        let (Some(table), None) = (table, tables.next()) else { return true };
        let (Some(data), Some(targets)) =
            (object.section_data(index), self.analysis.graph.targets.get(file.idx()))
        else {
            return true;
        };
        let little = object.endian() == object::Endianness::Little;
        let word = |at: u64| -> Option<u32> {
            let at = usize::try_from(at).ok()?;
            let field = *data.get(at..)?.first_chunk::<4>()?;
            Some(if little { u32::from_le_bytes(field) } else { u32::from_be_bytes(field) })
        };
        // The record that the walk stands in: where it ends, and whether its references count.
        let (mut end, mut counts, mut first, mut before) = (0u64, false, false, 0u64);
        let mut found = false;
        table.for_each(|_, reloc| {
            if found {
                return;
            }
            found |= reloc.offset < before;
            before = reloc.offset;
            while reloc.offset >= end {
                let (Some(length), Some(id)) = (word(end), word(end + 4)) else {
                    found = true;
                    return;
                };
                if matches!(length, 0..4 | u32::MAX) {
                    found = true;
                    return;
                }
                (counts, first) = (id == 0, id != 0);
                end += u64::from(length) + 4;
            }
            if std::mem::take(&mut first) {
                let described = targets.get(reloc.symbol as usize).copied().map(SectionId);
                counts = described
                    .filter(|section| section.0 < self.analysis.program.section_count)
                    .is_some_and(|section| self.is_live(section));
            }
            found |= counts && flagged.contains(reloc.symbol as usize);
        });
        found
    }

    /// Records of live functions, and the CIEs they use.
    fn unwind(
        &self,
        file: FileId,
        f: &InputFile<'_>,
        object: &Object<'_>,
        index: u32,
        out: &mut Vec<(NameId, FileId)>,
    ) {
        let Ok(frame) = read(object, index, AtTerminator::Stop) else { return };
        let targets = &self.analysis.graph.targets;
        let Some(targets) = targets.get(file.idx()) else { return };
        let mut cies = BTreeSet::new();
        for record in frame.records.iter().filter(|r| !r.is_cie) {
            let Some(first) = frame.relocs_of(record).first() else { continue };
            let described = targets.get(first.symbol as usize).copied().map(SectionId);
            let live = described
                .filter(|section| section.0 < self.analysis.program.section_count)
                .is_some_and(|section| self.is_live(section));
            if live {
                cies.insert(record.cie);
                let relocs = frame.relocs_of(record).iter();
                out.extend(relocs.filter_map(|r| self.relocation(file, f, object, *r, false)));
            }
        }
        for record in cies.into_iter().filter_map(|cie| frame.records.get(cie as usize)) {
            let relocs = frame.relocs_of(record).iter();
            out.extend(relocs.filter_map(|r| self.relocation(file, f, object, *r, false)));
        }
    }

    /// The name that a relocation of something live must not refer to.
    fn relocation(
        &self,
        file: FileId,
        f: &InputFile<'_>,
        object: &Object<'_>,
        reloc: Reloc,
        lenient: bool,
    ) -> Option<(NameId, FileId)> {
        // From lld 15 on R_*_NONE, 0 on every target, is passed over first.
        if reloc.symbol == 0 || (!self.fourteen && reloc.kind & 0xff == 0) {
            return None;
        }
        let symbol = object.symbol(reloc.symbol)?;
        let Some(name) = f.global_name(reloc.symbol) else {
            return (!lenient && self.local_is_gone(f, &symbol)).then_some((LOCAL, file));
        };
        let name = self.analysis.resolution.wraps.by_last(name);
        (self.bad.contains(name.idx()) && self.is_bad(name, lenient)).then_some((name, file))
    }

    /// Whether no live section (`lenient`: of those whose references are forgiven) may refer to a name.
    fn is_bad(&self, name: NameId, lenient: bool) -> bool {
        let Analysis { program, resolution, .. } = self.analysis;
        let definition = resolution.definitions[name];
        let default = resolution.visibility[name] == STV_DEFAULT;
        // Nothing is known about a version that no library gives.
        let versioned = || program.names.version_at(name).is_some();
        match definition.kind {
            DefKind::Undefined | DefKind::UndefinedWeak if versioned() => true,
            DefKind::Undefined => {
                let ignored = !self.reports && default;
                !ignored && !lenient && !self.is_provided(program.name(name))
            }
            // From lld 15 on a definition in a dropped section counts as undefined.
            DefKind::Weak | DefKind::Strong if !self.fourteen && self.collects => {
                let Some(section) = resolution.placed[name].section() else { return false };
                let collectable = matches!(self.analysis.graph.class[section], Class::Node | Class::Pieces);
                let gone = collectable && !self.is_live(section);
                gone && (self.reports || !default)
            }
            _ => false,
        }
    }

    fn local_is_gone(&self, f: &InputFile<'_>, symbol: &Symbol) -> bool {
        let Place::Section(section) = symbol.place else { return symbol.place == Place::Undefined };
        let section = f.section_id(section);
        match self.analysis.graph.class[section] {
            Class::Discarded | Class::Duplicate => true,
            Class::Node | Class::Pieces => !self.fourteen && !self.is_live(section),
            _ => false,
        }
    }

    fn is_provided(&self, name: &[u8]) -> bool {
        // Its calls go where executables need no dynamic thread-local model; libraries may lack it.
        if provided::is_provided(&self.analysis.program, name)
            || matches!(name, b"__tls_get_addr" | b"___tls_get_addr")
        {
            return true;
        }
        let bound = name.strip_prefix(b"__start_").or_else(|| name.strip_prefix(b"__stop_"));
        bound.is_some_and(|section| self.bounds.contains(section))
    }
}

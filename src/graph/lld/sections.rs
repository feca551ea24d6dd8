//! What one object gives to lld's graph: the class of each section, group rings, dependent
//! sections, root sections by rule, unwind references (GS 2, 4.1, 6.1, 6.3, 6.4).
//!
//! In: one object in the link. Out: [`Facts`] with section ids; nothing here looks at another file,
//! so files are done in parallel. Sources: lld `ObjFile::initializeSections`,
//! `createInputSection`, `shouldMerge`, `handleSectionGroup`; `MarkLive::run`, `isReserved`,
//! `scanEhFrameSection`.

use super::keeps::{Keeps, KeepsOfFile};
use crate::graph::{Class, EdgeKind, RootKind};
use crate::ids::FileId;
use crate::load::eh_frame::{AtTerminator, split};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, SectionRow};
use crate::plan::{LinkPlan, OutputKind, Strip, Version};
use crate::program::{InputFile, Program};
use crate::resolve::Resolution;
use crate::resolve::lld::discards;

/// What the plan says about sections, read once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    /// `-r`.
    pub(super) relocatable: bool,
    /// Relocation sections are nodes (`-r`, `--emit-relocs`).
    pub(super) copy_relocs: bool,
    /// Debug sections are removed before GC.
    pub(super) strip: bool,
    /// Mergeable sections live piece by piece.
    pub(super) merges: bool,
    /// CREL is read.
    pub(super) reads_crel: bool,
    /// lld 14.
    pub(super) fourteen: bool,
    /// A reference to `__start_X` keeps X, whatever X is called.
    pub(super) start_stop_keeps: bool,
}

impl Mode {
    pub(super) fn new(plan: &LinkPlan) -> Self {
        let relocatable = plan.output_kind == OutputKind::Relocatable;
        let fourteen = plan.profile.version < Version(15, 0, 0);
        Mode {
            relocatable,
            copy_relocs: relocatable || plan.emit_relocs,
            strip: plan.strip != Strip::None,
            merges: relocatable || plan.optimize != Some(0),
            reads_crel: !fourteen,
            fourteen,
            start_stop_keeps: plan.start_stop_gc == Some(false),
        }
    }
}

/// What the walk over the sections meets, in section order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// A root by rule.
    Root(u32, RootKind),
    /// Kept by a script: script number, description number.
    Keep(u32, (u32, u32)),
    /// A non-alloc section that is always there: this dependent lives, without edges.
    Dependent(u32),
    /// A name that `__start_X` or `__stop_X` may keep.
    Named(u32),
}

/// A reference out of `.eh_frame`: symbol index, and whether an FDE (rather than a CIE) makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnwindReference {
    /// Symbol index in the file.
    pub(super) symbol: u32,
    /// Made by an FDE.
    pub(super) fde: bool,
}

/// What one object gives.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Class of sections 1.., and whether their relocations are edges.
    pub(super) rows: Vec<(Class, bool)>,
    /// Sections of [`Class::Discarded`] that references still reach (debug sections with `-S`).
    pub(super) hidden: Vec<u32>,
    /// Sections in a ring.
    pub(super) ring: Vec<u32>,
    /// Edges by section id.
    pub(super) edges: Vec<(u32, u32, EdgeKind)>,
    /// Steps of the walk.
    pub(super) events: Vec<Event>,
    /// References out of `.eh_frame`.
    pub(super) unwind: Vec<UnwindReference>,
}

fn is_debug(object: &Object<'_>, index: u32, row: SectionRow) -> bool {
    let named = |prefix| object.name_begins(index, prefix);
    !row.is_alloc() && (named(b".debug") || named(b".zdebug"))
}

/// `isReserved`, without the name list's KEEP part.
fn reserved(object: &Object<'_>, index: u32, kind: u32, in_ring: bool) -> Option<RootKind> {
    let begins = |prefix| object.name_begins(index, prefix);
    let is = |name| object.is_named(index, name);
    match kind {
        SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY => Some(RootKind::InitArray),
        SHT_NOTE => (!in_ring).then_some(RootKind::Note),
        _ => {
            if begins(b".init_array") || begins(b".ctors") || begins(b".dtors") {
                Some(RootKind::InitArray)
            } else {
                (is(b".init") || is(b".fini") || is(b".jcr")).then_some(RootKind::Keep)
            }
        }
    }
}

/// `isValidCIdentifier`.
pub(super) fn is_c_identifier(name: &[u8]) -> bool {
    let rest = name.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_');
    rest && name.first().is_some_and(|b| !b.is_ascii_digit())
}

/// Whether `__start_X` can keep a section of this name.
pub(super) fn start_stop_name(mode: Mode, name: &[u8]) -> bool {
    (mode.start_stop_keeps || name.starts_with(b"__libc_")) && is_c_identifier(name)
}

/// Reads one object.
pub(super) fn facts(
    program: &Program<'_>,
    resolution: &Resolution,
    mode: Mode,
    file: FileId,
    object: &Object<'_>,
    keeps: &Keeps,
) -> Facts {
    let f = &program.files[file];
    let mut work = Work { program, resolution, mode, f, object, rows: Vec::new(), ring: Vec::new() };
    work.classify();
    let mut out = Facts::default();
    work.rings(&mut out);
    let mut keeps = keeps.file(f);
    for (index, row) in object.sections.iter().enumerate().skip(1) {
        work.section(index as u32, *row, &mut keeps, &mut out);
    }
    out.rows = work.rows.split_off(1.min(work.rows.len()));
    out
}

struct Work<'a, 'd> {
    program: &'a Program<'d>,
    resolution: &'a Resolution,
    mode: Mode,
    f: &'a InputFile<'d>,
    object: &'a Object<'d>,
    rows: Vec<(Class, bool)>,
    ring: Vec<bool>,
}

impl Work<'_, '_> {
    /// First classes: non-alloc sections and rings are corrected later.
    fn classify(&mut self) {
        let object = self.object;
        self.ring = vec![false; object.sections.len()];
        self.rows = vec![(Class::Absent, false); object.sections.len()];
        for (index, row) in object.sections.iter().enumerate().skip(1) {
            if !self.is_relocation(row.kind) {
                self.rows[index] = self.class(index as u32, *row);
            }
        }
        for (index, row) in object.sections.iter().enumerate().skip(1) {
            if self.is_relocation(row.kind) {
                self.rows[index] = self.relocation_class(index as u32);
            }
        }
    }

    fn is_relocation(&self, kind: u32) -> bool {
        matches!(kind, SHT_REL | SHT_RELA) || (kind == SHT_CREL && self.mode.reads_crel)
    }

    fn is_lost(&self, index: u32) -> bool {
        self.resolution.is_lost(self.f.section_id(index))
    }

    fn class(&self, index: u32, row: SectionRow) -> (Class, bool) {
        if self.is_lost(index) {
            return (Class::Duplicate, false);
        }
        match row.kind {
            SHT_NULL | SHT_SYMTAB | SHT_STRTAB | SHT_SYMTAB_SHNDX | SHT_GROUP => {
                return (Class::Structural, false);
            }
            _ => {}
        }
        if discards(self.program.plan, self.object, index, row) {
            return (Class::Discarded, false);
        }
        if self.object.is_named(index, b".eh_frame") && !self.mode.relocatable {
            return (Class::Kept, false);
        }
        if self.mode.strip && is_debug(self.object, index, row) {
            return (Class::Discarded, true);
        }
        if self.is_mergeable(index, row) {
            return (Class::Pieces, false);
        }
        (Class::Node, true)
    }

    /// `shouldMerge`; a section with relocations is an ordinary one.
    fn is_mergeable(&self, index: u32, row: SectionRow) -> bool {
        if row.flags & SHF_MERGE == 0 || row.reloc != 0 || !self.mode.merges {
            return false;
        }
        let header = self.object.header(index);
        header.size != 0 && header.entsize != 0
    }

    fn relocation_class(&self, index: u32) -> (Class, bool) {
        if self.is_lost(index) {
            return (Class::Duplicate, false);
        }
        let target = self.object.header(index).info as usize;
        match self.rows.get(target) {
            Some((Class::Node | Class::Kept | Class::Pieces, _)) if self.mode.copy_relocs => {
                (Class::Node, false)
            }
            Some((Class::Discarded, true)) if self.mode.copy_relocs => (Class::Discarded, true),
            _ => (Class::Structural, false),
        }
    }

    /// Whether lld has an input section here.
    fn exists(&self, index: u32) -> bool {
        matches!(
            self.rows.get(index as usize),
            Some((Class::Node | Class::Kept | Class::Pieces, _) | (Class::Discarded, true))
        )
    }

    /// Whether marking the section goes on to its edges (an `InputSection` in lld).
    fn is_ordinary(&self, index: u32) -> bool {
        match self.rows.get(index as usize) {
            Some((Class::Node, _) | (Class::Discarded, true)) => true,
            Some((Class::Kept, _)) => !self.object.is_named(index, b".eh_frame"),
            _ => false,
        }
    }

    fn rings(&mut self, out: &mut Facts) {
        for group in &self.object.groups {
            let members = self.object.members(group);
            let winner = !group.comdat || !members.iter().any(|&m| self.is_lost(m));
            let mixed = members.iter().any(|&m| {
                self.exists(m) && self.object.sections.get(m as usize).is_some_and(|row| row.is_alloc())
            });
            if !winner || !mixed {
                continue;
            }
            let present: Vec<u32> = members.iter().copied().filter(|&m| self.exists(m)).collect();
            for (position, &member) in present.iter().enumerate() {
                self.ring[member as usize] = true;
                out.ring.push(self.f.section_id(member).0);
                let next = present[(position + 1) % present.len()];
                if next != member && self.is_ordinary(member) {
                    let (from, to) = (self.f.section_id(member).0, self.f.section_id(next).0);
                    out.edges.push((from, to, EdgeKind::Group));
                }
            }
        }
    }

    fn section(&mut self, index: u32, row: SectionRow, keeps: &mut KeepsOfFile<'_>, out: &mut Facts) {
        let at = index as usize;
        if !self.exists(index) {
            return;
        }
        let id = self.f.section_id(index).0;
        let in_ring = self.ring[at];
        let relocation = self.is_relocation(row.kind);
        if !row.is_alloc()
            && !relocation
            && !in_ring
            && row.flags & (SHF_GNU_RETAIN | SHF_LINK_ORDER) == 0
            && self.rows[at].0 != Class::Discarded
        {
            self.rows[at] = (Class::Kept, false);
        }
        if self.rows[at].0 == Class::Discarded {
            out.hidden.push(id);
        }
        self.dependency(index, row, relocation, out);
        let object = self.object;
        let unwind = self.rows[at].0 == Class::Kept && object.is_named(index, b".eh_frame");
        if unwind && !self.mode.relocatable {
            self.unwind(index, out);
            return;
        }
        if self.rows[at].0 == Class::Discarded {
            return;
        }
        if row.flags & SHF_GNU_RETAIN != 0 {
            out.events.push(Event::Root(id, RootKind::RetainFlag));
            return;
        }
        if row.flags & SHF_LINK_ORDER != 0 || self.rows[at].0 == Class::Kept {
            return;
        }
        if let Some(kind) = reserved(object, index, row.kind, in_ring) {
            out.events.push(Event::Root(id, kind));
            return;
        }
        // Most names begin with a dot and match nothing.
        if keeps.is_empty() && object.name_begins(index, b".") {
            return;
        }
        let name = object.section_name(index);
        if let Some(keep) = keeps.keep(name, row.flags) {
            out.events.push(Event::Keep(id, keep));
        } else if start_stop_name(self.mode, name) {
            out.events.push(Event::Named(id));
        }
    }

    /// `dependentSections`: relocation sections of what they relocate, link-order sections of what
    /// they describe.
    fn dependency(&self, index: u32, row: SectionRow, relocation: bool, out: &mut Facts) {
        let header = self.object.header(index);
        let owner = if relocation {
            header.info
        } else if row.flags & SHF_LINK_ORDER != 0 && header.link != 0 {
            header.link
        } else {
            return;
        };
        let Some(&owner_row) = self.object.sections.get(owner as usize) else { return };
        if !self.exists(owner) {
            return;
        }
        let (from, to) = (self.f.section_id(owner).0, self.f.section_id(index).0);
        let always = !owner_row.is_alloc()
            && !self.is_relocation(owner_row.kind)
            && !self.ring[owner as usize]
            && owner_row.flags & (SHF_GNU_RETAIN | SHF_LINK_ORDER) == 0
            && !matches!(self.rows[owner as usize].0, Class::Discarded);
        if always {
            out.events.push(Event::Dependent(to));
        }
        if self.is_ordinary(owner) {
            out.edges.push((from, to, EdgeKind::LinkOrder));
        }
    }

    /// The references of CIEs (the first of each) and FDEs (all). Relocation numbers count in
    /// offset order but are used as table positions, as lld does.
    fn unwind(&self, index: u32, out: &mut Facts) {
        let object = self.object;
        let Some(data) = object.section_data(index) else { return };
        let mut relocs = Vec::new();
        let table = object.reloc_sections(index).next().and_then(|t| object.reloc_table(t).ok());
        if let Some(table) = table.filter(|table| !table.is_crel() || self.mode.reads_crel) {
            relocs.reserve(table.len());
            table.for_each(|_, reloc| relocs.push(reloc));
        }
        let sorted = relocs.is_sorted_by_key(|r| r.offset);
        let original = if sorted { Vec::new() } else { relocs.clone() };
        let at_terminator = if self.mode.fourteen { AtTerminator::Continue } else { AtTerminator::Stop };
        let frame = split(data, object.endian(), relocs, at_terminator);
        let table = if sorted { &frame.relocs } else { &original };
        for record in &frame.records {
            if record.first_reloc == record.end_reloc {
                continue;
            }
            let first = record.first_reloc as usize;
            if record.is_cie {
                if let Some(reloc) = table.get(first) {
                    out.unwind.push(UnwindReference { symbol: reloc.symbol, fde: false });
                }
                continue;
            }
            let end = record.offset + record.size;
            let rest = table.get(first..).unwrap_or(&[]);
            for reloc in rest.iter().take_while(|r| r.offset < end) {
                out.unwind.push(UnwindReference { symbol: reloc.symbol, fde: true });
            }
        }
    }
}

//! Resolution and extraction as GNU ld does them (GS 3): inputs strictly left to right, archives
//! through their index in repeated passes, groups until nothing new is undefined, COMDAT choice
//! when a file is added.
//!
//! Follows ld `open_input_bfds` and `load_symbols`, bfd `elf_link_add_archive_symbols` and
//! `elf_link_add_object_symbols`.

mod archive;
mod comdat;
mod dso;
pub(crate) mod opd;
mod script;
mod symbols;

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use super::Resolution;
use super::watch::Watch;
use crate::ids::{FileId, NameId};
use crate::plan::{DemandKind, OutputKind};
use crate::program::{Content, LinkItem, Program};
use comdat::Comdats;
use symbols::Symbols;

/// The link while it is being read.
struct Link<'a, 'd> {
    program: &'a Program<'d>,
    out: Resolution,
    symbols: Symbols,
    comdats: Comdats<'d>,
    /// Counts additions to the list of undefined symbols: bfd's loops end when it stands still.
    undefs: u64,
    /// Archives and `--as-needed` libraries already read once, by archive/file.
    whole_done: FixedBitSet,
    library_done: FixedBitSet,
    /// What repeated readings of archives need to look at.
    watch: Watch,
    /// Values of script symbols.
    values: script::Values,
    /// PROVIDEd names that were taken once: from then on they are plain assignments.
    provided: std::collections::BTreeSet<NameId>,
    /// ppc64: names `.foo` that are new since the last file.
    dot_names: Vec<NameId>,
    /// ppc64: ABI version of the output so far.
    output_abi: u32,
    /// Every object in the order of adding, those given for their symbols only included.
    entered: Vec<FileId>,
    /// An input was missing: the link ends when all others were read.
    missing: bool,
}

/// A group that is being read.
struct Group {
    /// Place of the first item of its body.
    start: usize,
    /// Place of the item that ends it.
    end: usize,
    /// How many undefined symbols there were when this reading began.
    before: u64,
    /// A group around it is being repeated.
    again: bool,
    readings: u32,
    /// The first and last archive, if its body has nothing else.
    archives: Option<(u32, u32)>,
    /// Its body is one group.
    is_only_a_group: bool,
}

/// Resolves the whole link.
pub(super) fn resolve(program: &Program<'_>) -> Resolution {
    let mut link = Link {
        program,
        out: Resolution::new(program),
        symbols: Symbols::new(program),
        comdats: Comdats::new(program),
        undefs: 0,
        whole_done: FixedBitSet::with_capacity(program.archives.len()),
        library_done: FixedBitSet::with_capacity(program.files.len()),
        watch: Watch::new(program, program.plan.wraps.is_empty() && !opd::applies(program)),
        values: script::Values::default(),
        provided: std::collections::BTreeSet::new(),
        dot_names: Vec::new(),
        output_abi: 0,
        entered: Vec::new(),
        missing: false,
    };
    link.place_undefineds();
    link.out.wraps = super::Wraps::of(program);
    link.symbols.set_wraps(link.out.wraps.clone());
    link.run(&program.items);
    link.out.stopped |= link.missing;
    if !link.out.stopped {
        link.read_needed();
    }
    link.finish()
}

impl Link<'_, '_> {
    /// Names demanded by the command line and scripts, before any input (ld
    /// `lang_place_undefineds`, `after_parse_default`).
    fn place_undefineds(&mut self) {
        let program = self.program;
        let plan = program.plan;
        let mut names: Vec<NameId> = Vec::new();
        for (name, kind) in &plan.demands {
            if *kind != DemandKind::Glob {
                names.extend(program.names.find(name));
            }
        }
        names.extend(super::externs(program));
        let executable = matches!(plan.output_kind, OutputKind::Executable | OutputKind::Pie);
        if executable || plan.entry.is_some() {
            names.extend(super::bfd_parse_entry(program).and_then(|n| program.names.find(n)));
        }
        for name in names {
            if self.symbols.demand(name) {
                self.undefs += 1;
                self.note_dot_name(name);
            }
        }
    }

    /// Reads items in order; a group is read again until no new undefined symbol appears. In such repetitions
    /// only archives are read once more. Groups may nest as deep as the line likes.
    fn run(&mut self, items: &[LinkItem]) {
        let ends = group_ends(items);
        let mut open: Vec<Group> = Vec::new();
        // The innermost group is being repeated, or one around it.
        let mut again = false;
        let mut at = 0;
        loop {
            let end = open.last().map_or(items.len(), |group| group.end);
            if self.out.stopped || at >= end {
                // Each list of statements ends with this check (ld `open_input_bfds`).
                let Some(group) = open.last_mut() else { return };
                self.out.stopped |= self.missing;
                if group.before == self.undefs || self.out.stopped || group.is_only_a_group {
                    again = group.again;
                    at = end + 1;
                    open.pop();
                    continue;
                }
                group.before = self.undefs;
                group.readings += 1;
                if group.readings > self.watch.patience() {
                    self.watch.start(self.program);
                }
                (again, at) = (true, group.start);
                self.skip_to_unread(open.last(), &mut at);
                continue;
            }
            let Some(&item) = items.get(at) else { return };
            at += 1;
            match item {
                LinkItem::GroupStart => {
                    let end = ends.get(&(at - 1)).copied().unwrap_or(items.len());
                    let body = items.get(at..end).unwrap_or(&[]);
                    open.push(Group {
                        start: at,
                        end,
                        before: self.undefs,
                        again,
                        readings: 1,
                        archives: archives_only(body),
                        // What it holds is stable once the inner group is.
                        is_only_a_group: ends.get(&at).is_some_and(|inner| inner + 1 == end),
                    });
                    if again {
                        self.skip_to_unread(open.last(), &mut at);
                    }
                }
                LinkItem::Archive(archive) => self.read_archive(archive),
                LinkItem::File(file) => self.read_file(file, again),
                LinkItem::Script(number) => {
                    if !again {
                        self.watch.forget();
                        self.read_assignments(number);
                        self.out.stopped |= self.missing && self.places_sections(number);
                    }
                }
                LinkItem::Defsym(number) => {
                    if !again {
                        self.watch.forget();
                        self.read_defsym(number);
                    }
                }
                LinkItem::Missing => self.missing = true,
                LinkItem::Stop => self.out.stopped = true,
                LinkItem::GroupEnd | LinkItem::LibStart | LinkItem::LibEnd => {}
            }
        }
    }

    /// A repeated group of nothing but archives is done at once: those are read that could give something.
    fn skip_to_unread(&mut self, group: Option<&Group>, at: &mut usize) {
        if let Some(Group { archives: Some((first, last)), end, .. }) = group
            && self.watch.is_on()
        {
            let (first, last, end) = (*first, *last, *end);
            self.read_unread(first, last);
            *at = end;
        }
    }

    fn read_file(&mut self, file: FileId, again: bool) {
        match &self.program.files[file].content {
            Content::Object(_) | Content::Binary(_) => {
                if !again {
                    if matches!(self.program.files[file].content, Content::Binary(_)) {
                        // It defines names that it does not list.
                        self.watch.forget();
                    }
                    self.add_object(file);
                }
            }
            Content::Shared(_) => {
                if !self.library_done.contains(file.idx()) && self.add_library(file) {
                    self.library_done.insert(file.idx());
                }
            }
            Content::Opaque(_) => {
                if !again && !self.is_unusable(file) {
                    self.enter(file);
                }
            }
        }
    }

    /// Libraries that libraries of the link need (ld `ldelf_after_open`).
    fn read_needed(&mut self) {
        let program = self.program;
        let base = |path: &'_ [u8]| path.rsplit(|&b| b == b'/').next().map(<[u8]>::to_vec);
        for &file in &program.needed {
            let Some(library) = program.files[file].shared() else { continue };
            let soname = library.soname.map(<[u8]>::to_vec).or_else(|| base(program.files[file].path));
            let by = self.out.needed_libraries.ones().any(|other| {
                let other = program.files[FileId(other as u32)].shared();
                other.is_some_and(|o| o.needed.iter().any(|n| soname.as_deref() == Some(n)))
            });
            if by {
                self.add_library(file);
            }
        }
    }

    fn finish(mut self) -> Resolution {
        self.read_late_assignments();
        self.define_start_stop();
        self.mark_phase();
        self.out.assigned = self.assigned_sections();
        self.symbols.finish(&mut self.out);
        self.out
    }
}

/// The first and last archive of a group's body that has nothing but archives to read again.
fn archives_only(body: &[LinkItem]) -> Option<(u32, u32)> {
    let mut span: Option<(u32, u32)> = None;
    for item in body {
        let LinkItem::Archive(archive) = item else { return None };
        // They are numbered as they stand.
        if span.is_some_and(|(_, last)| archive.0 != last + 1) {
            return None;
        }
        span = Some((span.map_or(archive.0, |(first, _)| first), archive.0));
    }
    span
}

/// By the place of each start of a group: the place of its end, that of the items if there is none.
fn group_ends(items: &[LinkItem]) -> BTreeMap<usize, usize> {
    let (mut ends, mut open) = (BTreeMap::new(), Vec::new());
    for (at, item) in items.iter().enumerate() {
        match item {
            LinkItem::GroupStart => open.push(at),
            LinkItem::GroupEnd => {
                if let Some(start) = open.pop() {
                    ends.insert(start, at);
                }
            }
            _ => {}
        }
    }
    ends.extend(open.into_iter().map(|start| (start, items.len())));
    ends
}

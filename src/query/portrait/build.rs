//! From an analysis to its portrait.
//!
//! In: an [`Analysis`]. Out: a [`Portrait`] that owns its columns, the same whatever the thread count.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::codes::{Meaning, class_code, fate_code, place_code, sort_code};
use super::rows::{Rows, Text, Texts};
use super::tables::*;
use super::{AsSpelled, Head, Paths, Portrait, Strings, details, edges, laid, members, scripts, shrink};
use crate::error::Diagnostic;
use crate::graph::bfd::{arm, is_special};
use crate::ids::{FileId, Id, NameId, SectionId, Table};
use crate::load::elf::Place;
use crate::load::elf::consts::{ELFOSABI_FREEBSD, ELFOSABI_GNU, SHF_GNU_RETAIN};
use crate::plan::Flavor;
use crate::program::InputFile;
use crate::query::dead;
use crate::query::fate::{self, Fate};
use crate::query::kernel::roots;
use crate::query::place::{self, Placement, Spot};
use crate::query::retained::live_graph;
use crate::query::why::{bounds_of_name, common_node};
use crate::query::{Analysis, finding::Finding, listing};
use crate::resolve::{DefKind, emulation};
use crate::script::CommandKind;

impl Portrait<'static> {
    /// The portrait of a finished link. Findings are added by [`Portrait::add_findings`].
    pub fn of(analysis: &Analysis<'_>) -> Self {
        Self::with_paths(analysis, &AsSpelled)
    }

    /// The same with paths in another form.
    pub fn with_paths(analysis: &Analysis<'_>, paths: &dyn Paths) -> Self {
        let program = &analysis.program;
        let fates = fate::fates(analysis);
        let pieces = dead::pieces(analysis, &fates);
        let account = dead::account(analysis, &[], &fates, &pieces);

        let mut texts = Texts::default();
        let file_texts = members::texts(analysis, paths, &mut texts);
        let root_tables = details::roots(analysis, paths, &mut texts);
        let extra_names = details::extra_names(analysis, &mut texts);
        let signatures = details::signatures(analysis, &mut texts);
        let outputs = Outputs::new(analysis, &mut texts);
        let laid_out = laid::LaidOut::new(analysis, &outputs.placement, &mut texts);
        let script_texts = scripts::texts(analysis, paths, &mut texts);
        let rows = Rows::new(analysis, &texts);
        let (laid_outputs, laid, regions) = laid_out.finish(analysis, &rows);

        let (archives, files) = members::files(analysis, &rows, &file_texts);
        let (sections, kinds) = sections(analysis, &rows, &fates, &outputs);
        let symbols = symbols(&rows);
        let (edges, vias) = edges::edges(analysis, &rows, &sections.name, &symbols);
        let (live, staged) = details::marks(analysis, &rows);
        let (roots, keeps, initcalls, constructors) = root_tables.finish(analysis, &rows);
        let (groups, signatures) = details::groups(analysis, &rows, &signatures);
        let (links, orders, ordered) = details::walked(analysis, &rows);
        let (scripts, sources, script_text, demands) = script_texts.finish(analysis, &rows);
        let shrinking = shrink::of(analysis, &rows);
        let target = program.target;
        let head = Head {
            profile: program.plan.profile,
            emulation: emulation(program).to_string(),
            has_target: target.is_some(),
            machine: target.map_or(0, |t| t.machine),
            is_64: target.is_none_or(|t| t.is_64),
            big_endian: target.is_some_and(|t| t.big_endian),
            output_kind: program.plan.output_kind,
            emulation_given: program.plan.emulation.clone(),
            gc_sections: program.plan.gc_sections == Some(true),
            collects: fate::collects(program),
            words: Vec::new(),
            totals: account.totals,
            commons_kept: account.commons_kept,
            commons_dropped: account.commons_dropped,
            unreadable_files: account.unreadable_files,
            order_dependent: live_graph::order_dependent(analysis),
            counted: counted(analysis),
            start_stop_keeps: program.plan.start_stop_gc == Some(false),
            lists: listing::lists(analysis),
            script_entry: roots::script_entry(analysis).map(|e| String::from_utf8_lossy(e).into_owned()),
            kernel: None,
        };
        Portrait {
            head,
            archives,
            files,
            linked: details::linked(analysis),
            sections,
            kinds,
            pieces: Pieces {
                section: pieces.iter().map(|p| rows.section(p.0)).collect::<Vec<_>>().into(),
                bytes: pieces.iter().map(|p| p.1).collect::<Vec<_>>().into(),
            },
            extras: details::extras(analysis, &rows, &extra_names),
            outputs: laid_outputs,
            whole: Whole { headers: vec![crate::query::sections::image(analysis, "").headers].into() },
            laid,
            regions,
            live: live.into(),
            edges,
            vias,
            staged,
            groups,
            signatures,
            links,
            orders,
            ordered,
            roots,
            keeps,
            initcalls,
            constructors,
            shadowed: details::shadowed(analysis, &rows),
            demands,
            scripts,
            sources,
            script_text,
            unwind: shrinking.unwind,
            merged: shrinking.merged,
            merged_pieces: shrinking.merged_pieces,
            piece_uses: shrinking.piece_uses,
            root_pieces: shrinking.root_pieces,
            names: names(analysis, &rows),
            symbols,
            outside: outside(&rows),
            outside_locals: outside_locals(&rows),
            extractions: members::extractions(analysis, &rows, &file_texts),
            diagnostics: Diagnostics::default(),
            findings: Findings::default(),
            strings: Strings::lay_out(&rows.names),
        }
    }
}

impl Portrait<'_> {
    /// Adds what the linker complains about.
    pub fn add_diagnostics(&mut self, list: &[Diagnostic], paths: &dyn Paths) {
        let strings = &mut self.strings;
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut text = |s: Vec<u8>| *known.entry(s).or_insert_with_key(|s| strings.add(s.clone()));
        let rows: Vec<[u32; 3]> = list
            .iter()
            .map(|d| {
                let subject = paths.stored(d.subject.as_bytes());
                [text(d.id.into()), text(subject), text(d.message.clone().into())]
            })
            .collect();
        let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<u32>>().into();
        self.diagnostics = Diagnostics {
            severity: list.iter().map(|d| d.severity as u8).collect::<Vec<_>>().into(),
            id: column(0),
            subject: column(1),
            message: column(2),
        };
    }

    /// Adds findings, as `check` would tell them.
    pub fn add_findings(&mut self, list: &[Finding], paths: &dyn Paths) {
        let strings = &mut self.strings;
        let mut known: HashMap<String, u32> = HashMap::new();
        let mut text = |s: &str| *known.entry_ref(s).or_insert_with(|| strings.add(s.as_bytes().to_vec()));
        let stored = |s: &str| String::from_utf8_lossy(&paths.stored(s.as_bytes())).into_owned();
        let table: Vec<[u32; 10]> = list
            .iter()
            .map(|f| {
                let place = f.location.as_ref();
                [
                    text(f.id),
                    text(&f.message),
                    text(f.subject.kind),
                    text(&f.subject.name),
                    text(&stored(&f.subject.file)),
                    text(&stored(&f.subject.archive)),
                    place.map_or(NONE, |l| text(&stored(&l.file))),
                    place.map_or(0, |l| l.line),
                    place.map_or(0, |l| l.column),
                    text(&f.remedy),
                ]
            })
            .collect();
        let column = |at: usize| table.iter().map(|row| row[at]).collect::<Vec<u32>>().into();
        self.findings = Findings {
            id: column(0),
            level: list.iter().map(|f| f.level as u8).collect::<Vec<_>>().into(),
            message: column(1),
            kind: column(2),
            name: column(3),
            file: column(4),
            archive: column(5),
            place: column(6),
            line: column(7),
            column: column(8),
            has_bytes: list.iter().map(|f| u8::from(f.bytes.is_some())).collect::<Vec<_>>().into(),
            bytes: list.iter().map(|f| f.bytes.unwrap_or(0)).collect::<Vec<_>>().into(),
            remedy: column(9),
        };
    }
}

/// Whether what lives after a change depends on single relocations, or on symbols that have no rows.
fn counted(analysis: &Analysis<'_>) -> bool {
    let program = &analysis.program;
    let secure = || {
        let objects = analysis.resolution.files.iter().filter_map(|&f| program.files[f].object());
        objects.into_iter().any(arm::is_v8m)
    };
    program.plan.profile.flavor == Flavor::Bfd && (program.plan.start_stop_gc == Some(true) || secure())
}

/// Output sections and regions by section, as noted texts.
struct Outputs {
    placement: Placement,
    /// By statement, then by the number of a name that no script tells.
    by_statement: Vec<u32>,
    by_number: Vec<u32>,
    regions: Option<place::RegionsOfSections>,
    region_texts: Vec<(bstr::BString, u32)>,
}

impl Outputs {
    fn new(analysis: &Analysis<'_>, texts: &mut Texts) -> Self {
        let placement = place::place(analysis);
        let mut of_output: Vec<Option<u32>> = vec![None; placement.outputs().len()];
        let mut by_statement = Vec::with_capacity(placement.statements().len());
        for statement in placement.statements().iter() {
            by_statement.push(match of_output.get_mut(statement.output_number as usize) {
                _ if statement.discard => NONE,
                Some(slot) => *slot.get_or_insert_with(|| texts.add(&statement.output)),
                None => texts.add(&statement.output),
            });
        }
        let mut by_number = Vec::new();
        for spot in placement.spots.iter() {
            if let Spot::Orphan(number) | Spot::Rule(number) = spot {
                let at = *number as usize;
                if by_number.len() <= at {
                    by_number.resize(at + 1, NONE);
                }
                if by_number[at] == NONE {
                    by_number[at] = texts.add(placement.name(*number));
                }
            }
        }
        let scripts = analysis.program.scripts.iter().flat_map(|s| &s.script.commands);
        let has_regions = scripts.into_iter().any(|c| matches!(c.kind, CommandKind::Memory(_)));
        let regions = has_regions.then(|| place::regions_of_sections(analysis));
        let mut region_texts: Vec<(bstr::BString, u32)> = Vec::new();
        if let Some(regions) = &regions {
            for section in (0..analysis.graph.section_count()).map(SectionId::from_usize) {
                let name = regions.name_of(section);
                if !region_texts.iter().any(|(n, _)| n == name) {
                    region_texts.push((name.into(), texts.add(name)));
                }
            }
        }
        Outputs { placement, by_statement, by_number, regions, region_texts }
    }

    fn of(&self, rows: &Rows<'_, '_>, section: SectionId) -> (u32, u32) {
        let slot = match self.placement.spot(section) {
            Spot::Nowhere => None,
            Spot::Statement(id) => self.by_statement.get(id.index()),
            Spot::Orphan(number) | Spot::Rule(number) => self.by_number.get(number as usize),
        };
        let region = self.regions.as_ref().map(|r| r.name_of(section)).filter(|n| *n != place::NO_REGION);
        let region = region.and_then(|name| self.region_texts.iter().find(|(n, _)| n == name));
        (slot.map_or(NONE, |&s| rows.text(s)), region.map_or(NONE, |r| rows.text(r.1)))
    }
}

/// What sections have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    sh_type: u32,
    flags: u32,
    align: u64,
    codes: [u8; 4],
    output: u32,
    region: u32,
}

fn sections(
    analysis: &Analysis<'_>,
    rows: &Rows<'_, '_>,
    fates: &Table<SectionId, Fate>,
    outputs: &Outputs,
) -> (Sections<'static>, Kinds<'static>) {
    let program = &analysis.program;
    let ids: Vec<FileId> = program.file_ids().collect();
    let of_file = |&file: &FileId| -> Vec<(u64, u32, Kind)> {
        let f = &program.files[file];
        let list = rows.files.get(file.idx()).map_or(&[][..], |r| &r.sections);
        list.iter()
            .map(|&index| {
                let id = f.section_id(index);
                let row = f.object().and_then(|o| Some((o.sections.get(index as usize)?, o.header(index))));
                let bit = |on: bool, bit: u8| if on { bit } else { 0 };
                let bits = bit(analysis.graph.unreadable.contains(id.idx()), section_flags::UNREADABLE)
                    | bit(analysis.graph.follow.contains(id.idx()), section_flags::FOLLOWED)
                    | bit(analysis.resolution.is_lost(id), section_flags::LOST)
                    | of_object(program.plan.profile.flavor, f, index);
                let (output, region) = outputs.of(rows, id);
                let class = class_code(analysis.graph.class[id]);
                let sort = sort_code(dead::kind_of(program, id));
                let kind = Kind {
                    sh_type: row.as_ref().map_or(1, |r| r.0.kind),
                    flags: row.as_ref().map_or(3, |r| r.0.flags),
                    align: row.as_ref().map_or(1, |r| r.1.align),
                    codes: [class, fate_code(fates[id]), sort, bits],
                    output,
                    region,
                };
                (program.section_size(id), index, kind)
            })
            .collect()
    };
    let lists: Vec<Vec<(u64, u32, Kind)>> = ids.par_iter().with_max_len(64).map(of_file).collect();
    let count = rows.sections() as usize;
    let (mut name, mut size, mut index, mut kind) = (
        Vec::with_capacity(count),
        Vec::with_capacity(count),
        Vec::with_capacity(count),
        Vec::with_capacity(count),
    );
    let mut number: HashMap<Kind, u32> = HashMap::new();
    let mut kinds: Vec<Kind> = Vec::new();
    for (file, list) in lists.into_iter().enumerate() {
        for (position, (bytes, at, own)) in (0u32..).zip(list) {
            name.push(rows.own(file, position));
            size.push(bytes);
            index.push(at);
            kind.push(*number.entry(own).or_insert_with(|| {
                kinds.push(own);
                (kinds.len() - 1) as u32
            }));
        }
    }
    let code = |at: usize| kinds.iter().map(|k| k.codes[at]).collect::<Vec<u8>>().into();
    let table = Kinds {
        sh_type: kinds.iter().map(|k| k.sh_type).collect::<Vec<_>>().into(),
        flags: kinds.iter().map(|k| k.flags).collect::<Vec<_>>().into(),
        align: kinds.iter().map(|k| k.align).collect::<Vec<_>>().into(),
        class: code(0),
        fate: code(1),
        sort: code(2),
        bits: code(3),
        output: kinds.iter().map(|k| k.output).collect::<Vec<_>>().into(),
        region: kinds.iter().map(|k| k.region).collect::<Vec<_>>().into(),
    };
    let sections = Sections { name: name.into(), size: size.into(), kind: kind.into(), index: index.into() };
    (sections, table)
}

/// Bits that an object tells of a section.
fn of_object(flavor: Flavor, f: &InputFile<'_>, index: u32) -> u8 {
    let Some(object) = f.object() else { return 0 };
    let row = object.sections.get(index as usize).copied().unwrap_or_default();
    let retains = matches!(object.osabi, ELFOSABI_GNU | ELFOSABI_FREEBSD) && row.flags & SHF_GNU_RETAIN != 0;
    let bit = |on: bool, bit: u8| if on { bit } else { 0 };
    bit(retains, section_flags::RETAINED)
        | bit(row.group != 0, section_flags::GROUPED)
        | bit(flavor == Flavor::Bfd && is_special(object, index), section_flags::SPECIAL)
}

fn symbols(rows: &Rows<'_, '_>) -> Symbols<'static> {
    let count: usize = rows.files.iter().map(|f| f.symbols.len()).sum();
    let mut first = Vec::with_capacity(rows.sections() as usize + 1);
    let (mut name, mut info, mut index) =
        (Vec::with_capacity(count), Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut value, mut size) = (Vec::with_capacity(count), Vec::with_capacity(count));
    first.push(0u32);
    for (file, f) in rows.files.iter().enumerate() {
        let mut list = f.symbols.iter().peekable();
        for &section in &f.sections {
            while let Some(symbol) = list.next_if(|s| s.section == section) {
                name.push(rows.symbol_text(file, symbol.text));
                info.push(symbol.info);
                value.push(symbol.value);
                size.push(symbol.size);
                index.push(symbol.index);
            }
            first.push(name.len() as u32);
        }
    }
    Symbols {
        first: first.into(),
        name: name.into(),
        info: info.into(),
        value: value.into(),
        size: size.into(),
        index: index.into(),
    }
}

fn outside(rows: &Rows<'_, '_>) -> Outside<'static> {
    let mut first = vec![0u32];
    let mut table = Vec::new();
    for (file, f) in rows.files.iter().enumerate() {
        table.extend(f.outside.iter().map(|o| (rows.own(file, o.3), o.1, o.0, u8::from(o.2))));
        first.push(table.len() as u32);
    }
    Outside {
        first: first.into(),
        name: table.iter().map(|r| r.0).collect::<Vec<_>>().into(),
        size: table.iter().map(|r| r.1).collect::<Vec<_>>().into(),
        index: table.iter().map(|r| r.2).collect::<Vec<_>>().into(),
        content: table.iter().map(|r| r.3).collect::<Vec<_>>().into(),
    }
}

fn outside_locals(rows: &Rows<'_, '_>) -> OutsideLocals<'static> {
    let mut first = vec![0u32];
    let mut name = Vec::new();
    for (file, f) in rows.files.iter().enumerate() {
        name.extend(f.outside_locals.iter().map(|&at| rows.own(file, at)));
        first.push(name.len() as u32);
    }
    OutsideLocals { first: first.into(), name: name.into() }
}

/// Names whose meaning is no symbol row.
fn names(analysis: &Analysis<'_>, rows: &Rows<'_, '_>) -> Names<'static> {
    let program = &analysis.program;
    let mut told = fixedbitset::FixedBitSet::with_capacity(program.names.len());
    for symbol in rows.files.iter().flat_map(|f| &f.symbols) {
        if let (Text::Global(name), true) = (symbol.text, symbol.info & symbol_info::WINS != 0) {
            told.insert(name.idx());
        }
    }
    let mut table: Vec<(u32, u8, u32, u32)> = Vec::new();
    for name in (0..program.names.len()).map(NameId::from_usize) {
        let text = rows.global(name);
        if text == NONE || told.contains(name.idx()) {
            continue;
        }
        let definition = analysis.resolution.definitions[name];
        let or_bounds = |meaning: Meaning| match bounds_of_name(analysis, name) {
            Some(node) => (Meaning::Bounds, rows.node(node)),
            None => (meaning, NONE),
        };
        let (meaning, node) = match definition.kind {
            DefKind::Unknown => continue,
            DefKind::Shared => or_bounds(Meaning::Shared),
            DefKind::Undefined => or_bounds(Meaning::Undefined),
            DefKind::UndefinedWeak => or_bounds(Meaning::UndefinedWeak),
            DefKind::Assigned if details::is_defsym(program, name) => (Meaning::Defsym, NONE),
            DefKind::Assigned => (Meaning::Assigned, NONE),
            DefKind::Common => {
                let node = common_node(analysis, name, definition.file);
                (Meaning::Common, node.map_or(NONE, |n| rows.node(n)))
            }
            DefKind::Weak | DefKind::Strong => {
                let file = program.files.get(definition.file);
                match file.and_then(|f| Some((f, f.object()?.symbol(definition.symbol)?.place))) {
                    Some((f, Place::Section(index))) => (Meaning::Section, rows.section(f.section_id(index))),
                    _ => (Meaning::Absolute, NONE),
                }
            }
        };
        let file = program.files.get(definition.file).map_or(NONE, |_| definition.file.0);
        table.push((text, place_code(meaning), file, node));
    }
    for &(name, file) in &rows.left {
        table.push((rows.global(name), place_code(Meaning::NotExtracted), file.0, NONE));
    }
    Names {
        name: table.iter().map(|r| r.0).collect::<Vec<_>>().into(),
        place: table.iter().map(|r| r.1).collect::<Vec<_>>().into(),
        file: table.iter().map(|r| r.2).collect::<Vec<_>>().into(),
        node: table.iter().map(|r| r.3).collect::<Vec<_>>().into(),
    }
}

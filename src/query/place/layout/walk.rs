//! The walk over a script that gives out addresses and sizes.
//!
//! In: an analysis and a placement. Out: a [`Layout`] without totals. Repeated until nothing moves,
//! since expressions may name later sections. Sources: ld `lang_size_sections_1`, `size_input_section`;
//! lld `LinkerScript::assignOffsets`.

use bstr::{BStr, BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::super::{Placement, options};
use super::eval::{At, Known, Value, World};
use super::gather::{Gathered, Input, gather};
use super::regions::Region;
use super::{Layout, Made, OutputLayout, Piece, PieceOf, orphans};
use crate::ids::SectionId;
use crate::load::elf::Place;
use crate::load::elf::consts::*;
use crate::plan::{Flavor, OutputKind};
use crate::query::Analysis;
use crate::query::totals::Amount;
use crate::script::expr::align;
use crate::script::expr::{Expr, Node};
use crate::script::{
    AssignKind, Assignment, Command, CommandKind, Constraint, OutputSection, Script, StatementKind,
};

/// One thing that happens between output sections.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Assign(&'a Assignment),
    Output(usize),
    OverlayStart(Option<&'a Expr>),
    OverlayEnd,
    /// Before (true) or after the named output section.
    Insert(bool, &'a BStr),
}

/// One thing inside an output section.
pub(super) enum Item<'a> {
    Inputs(Vec<Input>),
    Assign(&'a Assignment),
    /// Bytes of a data command.
    Data(u8),
}

/// An output section while it is laid out.
pub(super) struct Out<'a> {
    pub(super) name: BString,
    statement: Option<u32>,
    pub(super) section: Option<&'a OutputSection>,
    items: Vec<Item<'a>>,
    align: u64,
    pub(super) flags: u32,
    pub(super) kind: u32,
    pub(super) nobits: bool,
    pub(super) skipped: bool,
    in_overlay: bool,
    pub(super) region: Option<&'a BStr>,
    pub(super) load_region: Option<&'a BStr>,
    made: Option<Made>,
    dropped: Amount,
}

impl Out<'_> {
    pub(super) fn has_inputs(&self) -> bool {
        self.items.iter().any(|i| matches!(i, Item::Inputs(list) if !list.is_empty()))
    }

    /// The linker makes an output section for it at all.
    pub(super) fn exists(&self) -> bool {
        !self.skipped && (self.has_inputs() || self.items.iter().any(|i| !matches!(i, Item::Inputs(_))))
    }

    /// It gives symbols values, so the location counter counts even if it is empty.
    fn defines_symbols(&self) -> bool {
        self.items.iter().any(|i| matches!(i, Item::Assign(a) if a.name.text != "."))
    }
}

/// Lays out.
pub(super) fn run(analysis: &Analysis<'_>, placement: &Placement) -> Layout {
    let mut gathered = gather(analysis, placement);
    let mut builder = Builder { placement, steps: Vec::new(), outs: Vec::new(), next_input: 0 };
    for script in placement.scripts() {
        if let Some(tree) = script.script(&analysis.program) {
            builder.commands(&tree.commands, &mut gathered);
        }
    }
    let orphans = builder.loose(gathered);
    let Builder { mut steps, mut outs, .. } = builder;
    for out in &mut outs {
        finish(analysis, out);
    }
    mark_made(analysis, placement, &mut outs);
    insert(&mut steps, &outs);
    orphans::place(analysis.program.plan.profile, &mut steps, &mut outs, &orphans);
    let mut walker = Walker::new(analysis, placement, &outs);
    walker.until_stable(&steps)
}

struct Builder<'a> {
    placement: &'a Placement,
    steps: Vec<Step<'a>>,
    outs: Vec<Out<'a>>,
    next_input: usize,
}

impl<'a> Builder<'a> {
    fn commands(&mut self, commands: &'a [Command], gathered: &mut Gathered) {
        for command in commands {
            match &command.kind {
                CommandKind::Assignment(a) => self.steps.push(Step::Assign(a)),
                CommandKind::Sections(body)
                | CommandKind::SectionGroup(_, body)
                | CommandKind::OverwriteSections(body) => self.commands(body, gathered),
                CommandKind::OutputSection(section) => self.section(section, gathered, None),
                CommandKind::Overlay(overlay) => {
                    self.steps.push(Step::OverlayStart(overlay.address.as_ref()));
                    for (number, section) in overlay.sections.iter().enumerate() {
                        let load = overlay.load_address.as_ref().filter(|_| number == 0);
                        self.section(section, gathered, Some(load));
                    }
                    self.steps.push(Step::OverlayEnd);
                }
                CommandKind::Insert { before, section } => {
                    self.steps.push(Step::Insert(*before, section.text.as_bstr()));
                }
                _ => {}
            }
        }
    }

    fn section(
        &mut self,
        section: &'a OutputSection,
        gathered: &mut Gathered,
        overlay: Option<Option<&'a Expr>>,
    ) {
        let number = self.outs.len();
        let statement = self.placement.outputs().get(number);
        let mut items = Vec::new();
        for body in &section.body {
            items.push(match &body.kind {
                StatementKind::Input(_) => {
                    let list =
                        gathered.taken.get_mut(self.next_input).map(std::mem::take).unwrap_or_default();
                    self.next_input += 1;
                    Item::Inputs(list)
                }
                StatementKind::Assignment(a) => Item::Assign(a),
                StatementKind::Data(size, _) => Item::Data(*size),
                _ => continue,
            });
        }
        self.outs.push(Out {
            name: section.name.text.clone(),
            statement: u32::try_from(number).ok(),
            section: Some(section),
            items,
            align: 1,
            flags: 0,
            kind: 0,
            nobits: true,
            skipped: section.is_discard() || statement.is_some_and(|s| s.skipped),
            in_overlay: overlay.is_some(),
            region: section.region.as_ref().map(|n| n.text.as_bstr()),
            load_region: section.load_region.as_ref().map(|n| n.text.as_bstr()),
            made: None,
            dropped: gathered.dropped.get(number).copied().unwrap_or_default(),
        });
        self.steps.push(Step::Output(number));
    }

    /// Output sections that no script names; returns their numbers. Sections that fit an output
    /// section of the script by name join it.
    fn loose(&mut self, gathered: Gathered) -> Vec<usize> {
        let mut orphans = Vec::new();
        for loose in gathered.loose {
            if loose.inputs.is_empty() && loose.dropped.sections == 0 {
                continue;
            }
            let alloc = loose.inputs.first().map(|i| i.flags & SHF_ALLOC);
            let fits = |o: &Out<'_>| {
                let same = |list: &Vec<Input>| list.first().map(|i| i.flags & SHF_ALLOC);
                let has = o.items.iter().find_map(|i| if let Item::Inputs(l) = i { same(l) } else { None });
                o.section.is_some() && !o.skipped && o.name == loose.name && (has.is_none() || has == alloc)
            };
            if let Some(out) = self.outs.iter_mut().find(|o| fits(o)) {
                out.items.push(Item::Inputs(loose.inputs));
                out.dropped.sections += loose.dropped.sections;
                out.dropped.bytes = out.dropped.bytes.saturating_add(loose.dropped.bytes);
                continue;
            }
            self.outs.push(Out {
                name: loose.name,
                statement: None,
                section: None,
                items: vec![Item::Inputs(loose.inputs)],
                align: 1,
                flags: 0,
                kind: 0,
                nobits: true,
                skipped: false,
                in_overlay: false,
                region: None,
                load_region: None,
                made: None,
                dropped: loose.dropped,
            });
            orphans.push(self.outs.len() - 1);
        }
        orphans
    }
}

/// Flags, type and alignment of an output section from what is in it.
fn finish(analysis: &Analysis<'_>, out: &mut Out<'_>) {
    let plan = analysis.program.plan;
    let (mut contents, mut merged, mut unwind, mut any, mut moves) = (false, false, false, false, false);
    for item in &out.items {
        match item {
            Item::Inputs(list) => {
                for input in list {
                    any = true;
                    out.flags |= input.flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR | SHF_TLS);
                    out.align = out.align.max(input.align);
                    out.kind = input.kind;
                    contents |= input.kind != SHT_NOBITS;
                    merged |= input.flags & SHF_MERGE != 0;
                    if let PieceOf::Section(section) = input.of {
                        unwind |= analysis.program.section_name(section) == b".eh_frame";
                    }
                }
            }
            Item::Data(..) => {
                contents = true;
                out.flags |= SHF_ALLOC;
            }
            Item::Assign(a) => moves |= a.name.text == ".",
        }
    }
    if !any && !contents && moves {
        out.flags |= SHF_ALLOC | SHF_WRITE;
    }
    let kind = out.section.and_then(|s| s.section_type.as_ref()).map(|n| n.text.as_slice());
    match kind {
        Some(b"NOLOAD") => contents = false,
        Some(b"COPY" | b"INFO" | b"OVERLAY" | b"DSECT") => out.flags &= !SHF_ALLOC,
        Some(b"READONLY") => out.flags &= !SHF_WRITE,
        _ => {}
    }
    out.nobits = !contents;
    let partial = plan.output_kind == OutputKind::Relocatable;
    out.made = if is_made(out.name.as_bstr()) {
        Some(Made::Content)
    } else if unwind && !partial {
        Some(Made::Unwind)
    } else if merged && !partial {
        Some(Made::Merged)
    } else {
        None
    };
}

/// Sections that the linker makes go where statements put them, in the name of the first file.
fn mark_made(analysis: &Analysis<'_>, placement: &Placement, outs: &mut [Out<'_>]) {
    let program = &analysis.program;
    let Some(&first) = analysis.resolution.files.first() else { return };
    let mut names: Vec<&[u8]> = vec![b".got", b".got.plt", b".plt", b".iplt", b".dynamic", b".rela.dyn"];
    if options::has_build_id(program.plan) {
        names.push(b".note.gnu.build-id");
    }
    if program.target.is_some_and(|t| t.machine == EM_PPC64) {
        names.extend([&b".sfpr"[..], b".glink", b".branch_lt"]);
    }
    for name in names {
        let Some(id) = placement.place_named(program, first, name, u64::from(SHF_ALLOC)) else { continue };
        let output = placement.statements().get(id).map_or(usize::MAX, |s| s.output_number as usize);
        if let Some(out) = outs.get_mut(output).filter(|o| !o.skipped) {
            out.made = Some(Made::Content);
        }
    }
}

/// Output sections that linkers fill themselves.
fn is_made(name: &BStr) -> bool {
    const NAMES: [&[u8]; 34] = [
        b".interp",
        b".note.gnu.build-id",
        b".note.gnu.property",
        b".hash",
        b".gnu.hash",
        b".dynsym",
        b".dynstr",
        b".gnu.version",
        b".gnu.version_d",
        b".gnu.version_r",
        b".relr.dyn",
        b".plt",
        b".plt.got",
        b".plt.sec",
        b".iplt",
        b".dynamic",
        b".got",
        b".got.plt",
        b".igot",
        b".igot.plt",
        b".eh_frame_hdr",
        b".comment",
        b".branch_lt",
        b".glink",
        b".toc",
        b".opd",
        b".MIPS.abiflags",
        b".MIPS.options",
        b".reginfo",
        b".ARM.exidx",
        b".ARM.attributes",
        b".riscv.attributes",
        b".gnu.attributes",
        b".gnu_debuglink",
    ];
    let name: &[u8] = name;
    NAMES.contains(&name)
        || name.starts_with(b".rela.")
        || name.starts_with(b".rel.")
        || matches!(name, b".rel" | b".rela" | b".rela.dyn" | b".rel.dyn")
}

/// INSERT moves everything before it to its place, once sections are matched.
fn insert(steps: &mut Vec<Step<'_>>, outs: &[Out<'_>]) {
    let mut start = 0;
    while let Some(at) =
        steps.iter().skip(start).position(|s| matches!(s, Step::Insert(..))).map(|p| p + start)
    {
        let Some(&Step::Insert(before, name)) = steps.get(at) else { return };
        let block: Vec<Step<'_>> = steps.drain(start..=at).take(at - start).collect();
        let named =
            |s: &Step<'_>| matches!(s, Step::Output(n) if outs.get(*n).is_some_and(|o| o.name == name));
        let Some(place) = steps.iter().position(named) else {
            start += block.len();
            steps.splice(start - block.len()..start - block.len(), block);
            continue;
        };
        let to = if before { place } else { place + 1 };
        if to <= start {
            start += block.len();
        }
        steps.splice(to..to, block);
    }
}

struct Walker<'a, 'd> {
    analysis: &'a Analysis<'d>,
    outs: &'a [Out<'a>],
    lld: bool,
    scripted: bool,
    world: World,
    /// Symbols of inputs that expressions name: name, section, offset.
    inputs: Vec<(BString, Option<SectionId>, u64)>,
    wanted: HashSet<SectionId, FixedState>,
    places: HashMap<SectionId, (u64, u64), FixedState>,
    notes: Vec<String>,
}

/// What moves while walking.
struct State {
    dot: u64,
    /// Something of the linker's own, whose size is not known, stands before.
    unsure: bool,
    /// Where a section without address and region goes: ld keeps it apart from `.`, which an address
    /// before an empty section moves too.
    current: u64,
    /// In an OVERLAY: its start and its largest section.
    overlay: Option<(u64, u64)>,
    /// Address and load address of the last section without a load region.
    last: Option<(u64, u64)>,
}

impl<'a, 'd> Walker<'a, 'd> {
    fn new(analysis: &'a Analysis<'d>, placement: &'a Placement, outs: &'a [Out<'a>]) -> Self {
        let plan = analysis.program.plan;
        let flavor = plan.profile.flavor;
        let (max_page, common_page) = options::page_sizes(&analysis.program);
        let world = World {
            lld: flavor == Flavor::Lld,
            symbols: HashMap::with_hasher(FixedState::default()),
            outputs: HashMap::with_hasher(FixedState::default()),
            regions: Vec::new(),
            aliases: Vec::new(),
            headers: headers_size(analysis),
            max_page,
            common_page,
            segments: Vec::new(),
        };
        let mut walker = Walker {
            analysis,
            outs,
            lld: flavor == Flavor::Lld,
            scripted: placement.own_script(),
            world,
            inputs: Vec::new(),
            wanted: HashSet::with_hasher(FixedState::default()),
            places: HashMap::with_hasher(FixedState::default()),
            notes: Vec::new(),
        };
        for script in placement.scripts() {
            if let Some(tree) = script.script(&analysis.program) {
                walker.find_symbols(tree);
            }
        }
        for script in placement.scripts() {
            if let Some(tree) = script.script(&analysis.program) {
                walker.find_regions(&tree.commands);
            }
        }
        walker
    }

    /// Values of symbols that inputs define and expressions name.
    fn find_symbols(&mut self, script: &Script) {
        let program = &self.analysis.program;
        for name in named_symbols(script) {
            let Some(id) = program.names.find(name) else { continue };
            let definition = self.analysis.resolution.definitions[id];
            if !definition.is_regular() {
                continue;
            }
            let f = &program.files[definition.file];
            let Some(symbol) = f.object().and_then(|o| o.symbol(definition.symbol)) else { continue };
            let section = match symbol.place {
                Place::Section(index) => Some(f.section_id(index)),
                Place::Absolute => None,
                _ => continue,
            };
            self.wanted.extend(section);
            self.inputs.push((BString::from(name.as_bytes()), section, symbol.value));
        }
    }

    fn find_regions(&mut self, commands: &[Command]) {
        let at = At { dot: 0, inside: None };
        for command in commands {
            match &command.kind {
                CommandKind::Memory(regions) => {
                    for region in regions {
                        let origin = self.world.address(&region.origin, at).unwrap_or(0);
                        let length = self.world.address(&region.length, at).unwrap_or(0);
                        let mut made =
                            Region { name: region.name.text.clone(), origin, length, ..Region::default() };
                        made.set_attributes(&region.attributes);
                        self.world.regions.push(made);
                    }
                }
                CommandKind::RegionAlias(alias, region) => {
                    self.world.aliases.push((alias.text.clone(), region.text.clone()));
                }
                CommandKind::Assignment(a) => {
                    // Constants that ORIGIN and LENGTH are made of.
                    if let Some(value) = self.world.value(&a.value, at).filter(|_| a.name.text != ".") {
                        self.world.symbols.insert(a.name.text.clone(), value);
                    }
                }
                _ => {}
            }
        }
    }

    fn until_stable(&mut self, steps: &[Step<'a>]) -> Layout {
        let mut layout = Layout::default();
        for _ in 0..10 {
            self.notes.clear();
            let next = self.once(steps);
            let same = |a: &OutputLayout, b: &OutputLayout| (a.address, a.size) == (b.address, b.size);
            let stable = layout.outputs.len() == next.outputs.len()
                && layout.outputs.iter().zip(&next.outputs).all(|(a, b)| same(a, b));
            layout = next;
            if stable {
                break;
            }
        }
        layout
    }

    fn once(&mut self, steps: &[Step<'a>]) -> Layout {
        for region in &mut self.world.regions {
            region.current = region.origin;
            (region.dropped, region.dropped_sections) = (0, 0);
        }
        for (name, section, value) in &self.inputs {
            let known = match section {
                None => Some(Value::absolute(*value)),
                Some(section) => self
                    .places
                    .get(section)
                    .map(|&(base, offset)| Value { number: offset.wrapping_add(*value), base: Some(base) }),
            };
            self.world.symbols.insert(name.clone(), known.unwrap_or(Value::absolute(0)));
        }
        let mut state = State { dot: 0, unsure: false, current: 0, overlay: None, last: None };
        let mut layout = Layout::default();
        for step in steps {
            match step {
                Step::Assign(a) => {
                    let mut dot = state.dot;
                    self.assign(a, &mut dot, None);
                    state.dot = dot;
                    if a.name.text == "." {
                        state.current = dot;
                    }
                }
                Step::OverlayStart(address) => {
                    let at = At { dot: state.dot, inside: None };
                    if let Some(address) = address.and_then(|a| self.world.address(a, at)) {
                        state.dot = address;
                    }
                    state.overlay = Some((state.dot, 0));
                }
                Step::OverlayEnd => {
                    if let Some((base, size)) = state.overlay.take() {
                        state.dot = base.wrapping_add(size);
                        state.current = state.dot;
                    }
                }
                Step::Insert(..) => {}
                Step::Output(number) => {
                    let Some(out) = self.outs.get(*number) else { continue };
                    if let Some(done) = self.output(out, &mut state) {
                        layout.outputs.push(done);
                    }
                }
            }
        }
        for region in &mut self.world.regions {
            region.used = region.current.wrapping_sub(region.origin);
        }
        layout.regions.clone_from(&self.world.regions);
        layout.notes = self.notes.clone();
        let stated = self.outs.iter().filter(|o| o.statement.is_some());
        let number = |o: &Out<'_>| self.regions_of(o).0.and_then(|r| u32::try_from(r).ok());
        layout.region_of_statement = stated.map(number).collect();
        layout
    }

    fn assign(&mut self, a: &Assignment, dot: &mut u64, inside: Option<u64>) {
        let at = At { dot: *dot, inside };
        let value = self.world.value(&a.value, at);
        if a.name.text == "." {
            match value {
                // ld: a plain number is an offset in the section.
                Some(value) => {
                    *dot = value.number.wrapping_add(value.base.unwrap_or(inside.unwrap_or(0)));
                }
                None => {
                    self.notes.push("an assignment to the location counter cannot be computed".to_owned())
                }
            }
            return;
        }
        if matches!(a.kind, AssignKind::Provide | AssignKind::ProvideHidden)
            && self.inputs.iter().any(|(name, _, _)| *name == a.name.text)
        {
            return;
        }
        if let Some(value) = value {
            let base = value.base.or(inside).unwrap_or(0);
            self.world.symbols.insert(a.name.text.clone(), Value { number: value.number, base: Some(base) });
        }
    }

    /// The region of an output section (ld `lang_get_regions`, `lang_memory_default`).
    fn regions_of(&self, out: &Out<'_>) -> (Option<usize>, Option<usize>) {
        let named = |name: Option<&BStr>| name.and_then(|n| self.world.region(n));
        let load = named(out.load_region);
        let has_address = out.section.is_some_and(|s| s.address.is_some());
        let mut region = named(out.region);
        if region.is_none() && !has_address {
            region = load;
        }
        if region.is_none() && !has_address && out.flags & SHF_ALLOC != 0 {
            region = self.world.regions.iter().position(|r| r.takes(out.flags, out.nobits));
        }
        (region, load)
    }

    fn output(&mut self, out: &Out<'a>, state: &mut State) -> Option<OutputLayout> {
        if out.section.is_some_and(|s| s.constraint == Some(Constraint::Special)) && !out.exists() {
            return None;
        }
        if out.skipped {
            return None;
        }
        let (region, load_region) = self.regions_of(out);
        if out.dropped.sections > 0 {
            self.count_dropped(out, region, load_region);
        }
        let before = state.dot;
        let at = At { dot: state.dot, inside: None };
        let alloc = out.flags & SHF_ALLOC != 0;
        let header = out.section.and_then(|s| s.address.as_ref());
        let given = header.and_then(|e| self.world.address(e, at));
        if let Some(address) = given {
            state.dot = address;
        }
        if !out.exists() {
            return None;
        }
        let mut start = if given.is_some() || self.lld { state.dot } else { state.current };
        if let (None, Some(r)) = (given, region.and_then(|r| self.world.regions.get(r))) {
            start = r.current;
        }
        if let Some((base, _)) = state.overlay.filter(|_| out.in_overlay) {
            start = base;
        }
        if !alloc && given.is_none() && out.has_inputs() {
            start = 0;
        }
        let own = out.section.and_then(|s| s.align.as_ref()).and_then(|e| self.world.address(e, at));
        let subalign = out.section.and_then(|s| s.subalign.as_ref()).and_then(|e| self.world.address(e, at));
        let mut section_align = if subalign.is_some() { subalign.unwrap_or(1) } else { out.align };
        if self.lld && subalign.is_none() {
            section_align = out.align;
        }
        section_align = section_align.max(own.unwrap_or(1));
        // An explicit address is not aligned, save to ALIGN (ld).
        let aligned = match given {
            None => align(start, section_align),
            Some(_) => align(start, own.unwrap_or(1)),
        };
        let mut dot = aligned;
        let pieces = self.pieces(out, subalign, &mut dot, aligned);
        let size = dot.wrapping_sub(aligned);
        let keeps_place = size > 0 || (self.lld && (out.has_inputs() || out.defines_symbols()));
        if !keeps_place {
            // ld leaves it out; its symbols still move the location counter.
            if !out.defines_symbols() {
                if given.is_none() {
                    state.dot = before;
                }
                self.remember(out, aligned, aligned, 0, section_align);
                return None;
            }
            state.dot = aligned;
            if alloc || region.is_some() {
                self.advance(out, state, region, load_region, aligned, 0);
            }
            self.remember(out, aligned, aligned, 0, section_align);
            return None;
        }
        let load = self.load_address(
            out,
            state,
            region,
            load_region,
            aligned,
            aligned.wrapping_sub(start),
            size,
            section_align,
        );
        self.remember(out, aligned, load, size, section_align);
        let thread_zero = out.flags & SHF_TLS != 0 && out.nobits;
        let grows = if thread_zero { 0 } else { size };
        if alloc {
            state.dot = aligned.wrapping_add(grows);
            self.advance(out, state, region, load_region, load, grows);
        } else if !self.lld && given.is_some() {
            state.dot = aligned.wrapping_add(grows);
        } else {
            state.dot = before;
        }
        if let Some((_, largest)) = state.overlay.as_mut().filter(|_| out.in_overlay) {
            *largest = (*largest).max(size);
        }
        // Behind what the linker makes itself, only it knows addresses.
        let known = self.scripted && alloc && !state.unsure;
        state.unsure |= alloc && out.made.is_some();
        Some(OutputLayout {
            name: out.name.clone(),
            statement: out.statement,
            address: known.then_some(aligned),
            load_address: known.then_some(load),
            size,
            align: section_align,
            flags: out.flags,
            nobits: out.nobits,
            region: region.and_then(|r| u32::try_from(r).ok()),
            load_region: load_region.and_then(|r| u32::try_from(r).ok()),
            pieces,
            made: out.made,
            dropped: out.dropped,
        })
    }

    fn count_dropped(&mut self, out: &Out<'_>, region: Option<usize>, load: Option<usize>) {
        let both = [region, load.filter(|l| Some(*l) != region && !out.nobits)];
        for number in both.into_iter().flatten() {
            if let Some(region) = self.world.regions.get_mut(number) {
                region.dropped = region.dropped.saturating_add(out.dropped.bytes);
                region.dropped_sections += out.dropped.sections;
            }
        }
    }

    fn remember(&mut self, out: &Out<'_>, address: u64, load: u64, size: u64, align: u64) {
        self.world.outputs.insert(out.name.clone(), Known { address, load, size, align });
    }

    /// What lies in the section, up to its end in `dot`.
    fn pieces(&mut self, out: &Out<'a>, subalign: Option<u64>, dot: &mut u64, start: u64) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for item in &out.items {
            match item {
                Item::Inputs(list) => {
                    for input in list {
                        let at = align(*dot, subalign.unwrap_or(input.align));
                        if at != *dot {
                            let offset = dot.wrapping_sub(start);
                            pieces.push(Piece { of: PieceOf::Padding, offset, size: at.wrapping_sub(*dot) });
                        }
                        let offset = at.wrapping_sub(start);
                        if let PieceOf::Section(section) = input.of
                            && self.wanted.contains(&section)
                        {
                            self.places.insert(section, (start, offset));
                        }
                        pieces.push(Piece { of: input.of, offset, size: input.size });
                        *dot = at.wrapping_add(input.size);
                    }
                }
                Item::Data(size) => {
                    let offset = dot.wrapping_sub(start);
                    pieces.push(Piece { of: PieceOf::Data, offset, size: u64::from(*size) });
                    *dot = dot.wrapping_add(u64::from(*size));
                }
                Item::Assign(a) => {
                    let was = *dot;
                    self.assign(a, dot, Some(start));
                    if *dot < was {
                        self.notes.push(format!("{}: the location counter moves backwards", out.name));
                        *dot = was;
                    } else if *dot > was {
                        let offset = was.wrapping_sub(start);
                        pieces.push(Piece { of: PieceOf::Dot, offset, size: dot.wrapping_sub(was) });
                    }
                }
            }
        }
        pieces
    }

    #[allow(clippy::too_many_arguments)]
    fn load_address(
        &mut self,
        out: &Out<'_>,
        state: &mut State,
        region: Option<usize>,
        load_region: Option<usize>,
        address: u64,
        moved: u64,
        size: u64,
        section_align: u64,
    ) -> u64 {
        let at = At { dot: address, inside: None };
        let given = out.section.and_then(|s| s.load_address.as_ref()).and_then(|e| self.world.address(e, at));
        if let Some(load) = given {
            state.last = Some((address, load));
            return load;
        }
        if let Some(current) = load_region.and_then(|r| self.world.regions.get(r)).map(|r| r.current) {
            let load = match load_region == region {
                true => align(current, section_align),
                // lld: what aligning moves counts in both regions.
                false if self.lld => align(current.wrapping_add(moved), section_align),
                false => {
                    let own = out.section.and_then(|s| s.align.as_ref());
                    align(current, own.and_then(|e| self.world.address(e, at)).unwrap_or(1))
                }
            };
            return load;
        }
        let offset = match state.last {
            Some((last, load)) if address >= last || size == 0 => load.wrapping_sub(last),
            _ => 0,
        };
        if out.flags & SHF_ALLOC != 0 && region.is_none() {
            state.last = Some((address, address.wrapping_add(offset)));
            return address.wrapping_add(offset);
        }
        address
    }

    #[allow(clippy::too_many_arguments)]
    fn advance(
        &mut self,
        out: &Out<'_>,
        state: &mut State,
        region: Option<usize>,
        load_region: Option<usize>,
        load: u64,
        grows: u64,
    ) {
        let end = state.dot;
        if region.is_none() {
            state.current = end;
        }
        if let Some(region) = region.and_then(|r| self.world.regions.get_mut(r)) {
            region.current = end;
        }
        if load_region != region
            && (!out.nobits || self.lld)
            && let Some(region) = load_region.and_then(|r| self.world.regions.get_mut(r))
        {
            region.current = load.wrapping_add(grows);
        }
    }
}

/// Names in expressions of a script, DEFINED included.
fn named_symbols(script: &Script) -> Vec<&BStr> {
    let mut names = Vec::new();
    for step in crate::script::walk::steps(script) {
        use crate::script::walk::StepKind;
        match step.kind {
            StepKind::Assign(a) => {
                names.extend(symbols_of(&a.value));
                names.push(a.name.text.as_bstr());
            }
            StepKind::Data(_, value) => names.extend(symbols_of(value)),
            StepKind::Enter => {
                if let Some(section) = step.inside {
                    let header = [&section.address, &section.load_address, &section.align, &section.subalign];
                    for expr in header.into_iter().flatten() {
                        names.extend(symbols_of(expr));
                    }
                }
            }
            _ => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn symbols_of(expr: &Expr) -> impl Iterator<Item = &BStr> {
    expr.nodes.iter().filter_map(|node| match node {
        Node::Symbol(name) | Node::Function(crate::script::expr::NameFn::Defined, name) => {
            Some(name.as_bstr())
        }
        _ => None,
    })
}

/// SIZEOF_HEADERS, roughly: the file header and the program headers of a plain program.
fn headers_size(analysis: &Analysis<'_>) -> u64 {
    let is_64 = analysis.program.target.is_none_or(|t| t.is_64);
    let (file, program) = if is_64 { (64, 56) } else { (52, 32) };
    file + 4 * program
}

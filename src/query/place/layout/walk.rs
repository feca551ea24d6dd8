//! The walk over a script that gives out addresses and sizes.
//!
//! In: an analysis and a placement. Out: a [`Layout`] without totals. Repeated until nothing moves,
//! since expressions may name later sections. Sources: ld `lang_size_sections_1`, `size_input_section`;
//! lld `LinkerScript::assignOffsets`.

use bstr::BString;
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::super::{Placement, options};
use super::build::{Out, Step, build};
use super::eval::{At, Value, World};
use super::gather::gather;
use super::made::finish;
use super::merge::merge;
use super::setup::headers_size;
use super::unwind::shrink;
use super::{Layout, OutputLayout, orphans, own};
use crate::ids::SectionId;
use crate::plan::Flavor;
use crate::query::Analysis;
use crate::script::{AssignKind, Assignment};

/// Lays out.
pub(super) fn run(analysis: &Analysis<'_>, placement: &Placement) -> Layout {
    let gathered = gather(analysis, placement);
    let (mut steps, mut outs, mut orphans) = build(analysis, placement, gathered);
    for out in &mut outs {
        finish(analysis, out);
    }
    own::add(analysis, placement, &mut outs, &mut orphans);
    merge(analysis, &mut outs);
    shrink(analysis, placement, &mut outs);
    orphans::place(analysis.program.plan.profile, &mut steps, &mut outs, &orphans);
    let mut walker = Walker::new(analysis, placement, &outs);
    walker.until_stable(&steps)
}

pub(super) struct Walker<'a, 'd> {
    pub(super) analysis: &'a Analysis<'d>,
    pub(super) outs: &'a [Out<'a>],
    pub(super) lld: bool,
    pub(super) scripted: bool,
    pub(super) world: World,
    /// Symbols of inputs that expressions name: name, section, offset.
    pub(super) inputs: Vec<(BString, Option<SectionId>, u64)>,
    pub(super) wanted: HashSet<SectionId, FixedState>,
    pub(super) places: HashMap<SectionId, (u64, u64), FixedState>,
    pub(super) notes: Vec<String>,
}

/// What moves while walking.
pub(super) struct State {
    pub(super) dot: u64,
    /// Something of the linker's own, whose size is not known, stands before.
    pub(super) unsure: bool,
    /// A merged section whose size is not known stands before.
    pub(super) merged: bool,
    /// Where a section without address and region goes: ld keeps it apart from `.`, which an address
    /// before an empty section moves too.
    pub(super) current: u64,
    /// In an OVERLAY: its start and its largest section.
    pub(super) overlay: Option<(u64, u64)>,
    /// Address and load address of the last section without a load region.
    pub(super) last: Option<(u64, u64)>,
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
        let mut state = State { dot: 0, unsure: false, merged: false, current: 0, overlay: None, last: None };
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

    pub(super) fn assign(&mut self, a: &Assignment, dot: &mut u64, inside: Option<u64>) {
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
}

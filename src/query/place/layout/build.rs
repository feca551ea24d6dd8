//! A script as a list of steps, and its output sections with what was gathered for each.
//!
//! In: the script's tree and [`Gathered`] inputs. Out: [`Step`]s in script order, INSERT done, and an
//! [`Out`] per output section, those that no script names behind the others.

use bstr::{BStr, BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::super::Placement;
use super::gather::{Gathered, Input};
use super::{Made, PieceOf};
use crate::ids::SectionId;
use crate::load::elf::consts::*;
use crate::query::Analysis;
use crate::query::totals::Amount;
use crate::script::expr::Expr;
use crate::script::{Assignment, Command, CommandKind, OutputSection, StatementKind};

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
    pub(super) statement: Option<u32>,
    pub(super) section: Option<&'a OutputSection>,
    pub(super) items: Vec<Item<'a>>,
    pub(super) align: u64,
    pub(super) flags: u32,
    pub(super) kind: u32,
    pub(super) nobits: bool,
    pub(super) skipped: bool,
    pub(super) in_overlay: bool,
    pub(super) region: Option<&'a BStr>,
    pub(super) load_region: Option<&'a BStr>,
    pub(super) made: Option<Made>,
    pub(super) dropped: Amount,
}

impl Out<'_> {
    /// One that no script names, empty.
    pub(super) fn loose(name: BString) -> Self {
        Out {
            name,
            statement: None,
            section: None,
            items: Vec::new(),
            align: 1,
            flags: 0,
            kind: 0,
            nobits: true,
            skipped: false,
            in_overlay: false,
            region: None,
            load_region: None,
            made: None,
            dropped: Amount::default(),
        }
    }

    pub(super) fn has_inputs(&self) -> bool {
        self.items.iter().any(|i| matches!(i, Item::Inputs(list) if !list.is_empty()))
    }

    /// The input sections in order: number of the item, position in it, the input, its section.
    pub(super) fn sections(&self) -> impl Iterator<Item = (usize, usize, &Input, SectionId)> {
        self.items.iter().enumerate().flat_map(|(item, of)| {
            let list = if let Item::Inputs(list) = of { list.as_slice() } else { &[] };
            list.iter().enumerate().filter_map(move |(position, input)| match input.of {
                PieceOf::Section(section) => Some((item, position, input, section)),
                _ => None,
            })
        })
    }

    /// Something of the linker's own lies in it.
    pub(super) fn has_own(&self) -> bool {
        let own = |l: &Vec<Input>| l.iter().any(|i| i.of == PieceOf::Linker);
        self.items.iter().any(|i| matches!(i, Item::Inputs(list) if own(list)))
    }

    /// The linker makes an output section for it at all.
    pub(super) fn exists(&self) -> bool {
        !self.skipped && (self.has_inputs() || self.items.iter().any(|i| !matches!(i, Item::Inputs(_))))
    }

    /// It gives symbols values, so the location counter counts even if it is empty.
    pub(super) fn defines_symbols(&self) -> bool {
        self.items.iter().any(|i| matches!(i, Item::Assign(a) if a.name.text != "."))
    }
}

/// The steps of all scripts, all output sections, and the numbers of those that no script names, in
/// the order in which they were met.
pub(super) type Built<'a> = (Vec<Step<'a>>, Vec<Out<'a>>, Vec<usize>);

/// Builds.
pub(super) fn build<'a>(
    analysis: &'a Analysis<'_>,
    placement: &'a Placement,
    mut gathered: Gathered,
) -> Built<'a> {
    let mut builder = Builder { placement, steps: Vec::new(), outs: Vec::new(), next_input: 0 };
    for script in placement.scripts() {
        if let Some(tree) = script.script(&analysis.program) {
            builder.commands(&tree.commands, &mut gathered);
        }
    }
    let orphans = builder.loose(gathered);
    let Builder { mut steps, outs, .. } = builder;
    insert(&mut steps, &outs);
    (steps, outs, orphans)
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
        let mut stated: HashMap<BString, Vec<usize>, FixedState> =
            HashMap::with_hasher(FixedState::default());
        for (number, out) in self.outs.iter().enumerate().filter(|(_, o)| !o.skipped) {
            stated.entry(out.name.clone()).or_default().push(number);
        }
        for loose in gathered.loose {
            if loose.inputs.is_empty() && loose.dropped.sections == 0 {
                continue;
            }
            let alloc = loose.inputs.first().map(|i| i.flags & SHF_ALLOC);
            let fits = |o: &Out<'_>| {
                let same = |list: &Vec<Input>| list.first().map(|i| i.flags & SHF_ALLOC);
                let has = o.items.iter().find_map(|i| if let Item::Inputs(l) = i { same(l) } else { None });
                has.is_none() || has == alloc
            };
            let named = stated.get(&loose.name).into_iter().flatten().copied();
            let found = { named }.find(|&n| self.outs.get(n).is_some_and(fits));
            if let Some(out) = found.and_then(|n| self.outs.get_mut(n)) {
                out.items.push(Item::Inputs(loose.inputs));
                out.dropped.sections += loose.dropped.sections;
                out.dropped.bytes = out.dropped.bytes.saturating_add(loose.dropped.bytes);
                continue;
            }
            let mut out = Out::loose(loose.name);
            out.items.push(Item::Inputs(loose.inputs));
            out.dropped = loose.dropped;
            self.outs.push(out);
            orphans.push(self.outs.len() - 1);
        }
        orphans
    }
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

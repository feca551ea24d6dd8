//! What comes to each statement, in the order in which the linker lays it out.
//!
//! In: an analysis and a placement. Out: [`Gathered`]: live inputs per statement and per output
//! section that no script names, sorted as SORT asks, and what was dropped from each output section.
//! Sources: ld `wild_sort`, `compare_section`, `lang_common`; lld `computeInputSections`.

use std::cmp::Ordering;

use bstr::{BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::super::{Placement, Spot, StatementId};
use super::PieceOf;
use crate::graph::{Class, ExtraNode};
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::plan::Flavor;
use crate::program::Content;
use crate::query::Analysis;
use crate::query::fate::{self, Fate};
use crate::query::totals::Amount;
use crate::resolve::WinningCommon;
use crate::script::{InputDescription, Sort, StatementKind, walk};

/// One input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input {
    pub(super) of: PieceOf,
    pub(super) size: u64,
    pub(super) align: u64,
    pub(super) flags: u32,
    pub(super) kind: u32,
}

/// An output section that no script names.
#[derive(Debug, Clone)]
pub(super) struct Loose {
    pub(super) name: BString,
    pub(super) inputs: Vec<Input>,
    pub(super) dropped: Amount,
}

/// All of it.
pub(super) struct Gathered {
    /// By statement.
    pub(super) taken: Vec<Vec<Input>>,
    /// Dropped inputs by the script's output section.
    pub(super) dropped: Vec<Amount>,
    /// In the order in which the linker meets them.
    pub(super) loose: Vec<Loose>,
}

/// Sections of which the output has one.
const SINGLE: [&[u8]; 2] = [b".MIPS.abiflags", b".reginfo"];

/// Gathers.
pub(super) fn gather(analysis: &Analysis<'_>, placement: &Placement) -> Gathered {
    let program = &analysis.program;
    let mut all = Gathered {
        taken: vec![Vec::new(); placement.statements().len()],
        dropped: vec![Amount::default(); placement.outputs().len()],
        loose: Vec::new(),
    };
    let mut loose_of: Vec<Vec<usize>> = Vec::new();
    let fates = fate::fates(analysis);
    let bfd = program.plan.profile.flavor == Flavor::Bfd;
    let mips = program.target.is_some_and(|t| t.machine == EM_MIPS);
    let mut single = [false; SINGLE.len()];
    let by_kind = matches!(program.plan.profile.flavor, Flavor::Mold | Flavor::Gold);
    for &file in &analysis.resolution.files {
        for section in program.sections_of(file) {
            let (Some(input), fate) = (input_of(analysis, section), fates[section]) else { continue };
            let stays = fate == Fate::Kept;
            let mut input = input;
            // mips: one block in the output speaks for all files.
            if stays
                && mips
                && let Some(at) = SINGLE.iter().position(|n| *n == program.section_name(section))
            {
                if single.get(at) == Some(&true) {
                    input.size = 0;
                }
                if let Some(seen) = single.get_mut(at) {
                    *seen = true;
                }
            }
            if !stays && fate != Fate::Dropped {
                continue;
            }
            match placement.spot(section) {
                Spot::Nowhere => {}
                Spot::Statement(id) => {
                    let output =
                        placement.statements().get(id).map_or(usize::MAX, |s| s.output_number as usize);
                    if stays {
                        if let Some(list) = all.taken.get_mut(id.index()) {
                            list.push(input);
                        }
                    } else if let Some(amount) = all.dropped.get_mut(output) {
                        amount.add(input.size);
                    }
                }
                Spot::Orphan(name) | Spot::Rule(name) => {
                    // Unlike sections of one name go to outputs of their own.
                    let same = |l: &Loose| {
                        l.inputs.first().is_none_or(|first| {
                            let differ = first.flags ^ input.flags;
                            if by_kind {
                                differ & (SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR | SHF_TLS) == 0
                            } else if bfd {
                                differ & SHF_ALLOC == 0
                            } else {
                                true
                            }
                        })
                    };
                    let number = name as usize;
                    if loose_of.len() <= number {
                        loose_of.resize(number + 1, Vec::new());
                    }
                    let Some(known) = loose_of.get_mut(number) else { continue };
                    let found = known.iter().copied().find(|&at| all.loose.get(at).is_some_and(same));
                    let at = found.unwrap_or_else(|| {
                        let name = BString::from(placement.name(name));
                        all.loose.push(Loose { name, inputs: Vec::new(), dropped: Amount::default() });
                        known.push(all.loose.len() - 1);
                        all.loose.len() - 1
                    });
                    let Some(loose) = all.loose.get_mut(at) else { continue };
                    if stays {
                        loose.inputs.push(input);
                    } else {
                        loose.dropped.add(input.size);
                    }
                }
            }
        }
    }
    if program.plan.profile.flavor == Flavor::Gold && !placement.own_script() {
        for loose in all.loose.iter_mut().filter(|l| l.name == ".text") {
            gold_text(analysis, &mut loose.inputs);
        }
    }
    commons(analysis, placement, &mut all);
    sort(analysis, placement, &mut all);
    all
}

/// Code that gold puts first, unless `--no-text-reorder`. Padding is made when a section is added,
/// and on x86 stays when they are sorted (gold `Output_section::add_input_section`,
/// `Layout::special_ordering_of_input_section`).
fn gold_text(analysis: &Analysis<'_>, inputs: &mut Vec<Input>) {
    const FIRST: [&[u8]; 5] =
        [b".text.unlikely", b".text.exit", b".text.startup", b".text.hot", b".text.sorted"];
    let program = &analysis.program;
    let rank = |input: &Input| {
        let PieceOf::Section(section) = input.of else { return FIRST.len() };
        let name = program.section_name(section);
        FIRST.iter().position(|p| name.starts_with(p)).unwrap_or(FIRST.len())
    };
    let fixed = program.plan.words.iter().any(|w| w == "--no-text-reorder");
    if fixed || inputs.iter().all(|i| rank(i) == FIRST.len()) {
        return;
    }
    if program.target.is_some_and(|t| matches!(t.machine, EM_X86_64 | EM_386)) {
        let mut end = 0u64;
        let mut filled = Vec::with_capacity(inputs.len() * 2);
        for input in inputs.drain(..) {
            let start = crate::script::expr::align(end, input.align);
            if start != end {
                let size = start.wrapping_sub(end);
                filled.push(Input { of: PieceOf::Padding, size, align: 1, ..input });
            }
            end = start.wrapping_add(input.size);
            filled.push(input);
        }
        *inputs = filled;
    }
    inputs.sort_by_key(rank);
}

fn input_of(analysis: &Analysis<'_>, section: SectionId) -> Option<Input> {
    let program = &analysis.program;
    if !matches!(analysis.graph.class[section], Class::Node | Class::Kept | Class::Pieces) {
        return None;
    }
    let (file, index) = program.locate(section);
    let of = PieceOf::Section(section);
    match &program.files[file].content {
        Content::Object(object) => {
            let row = object.sections.get(index as usize)?;
            let align = object.header(index).align.max(1);
            Some(Input { of, size: object.section_size(index), align, flags: row.flags, kind: row.kind })
        }
        Content::Binary(size) => {
            let flags = SHF_WRITE | SHF_ALLOC;
            Some(Input { of, size: *size, align: 1, flags, kind: SHT_PROGBITS })
        }
        _ => None,
    }
}

/// Commons that stay: bfd has one block per file, the others one per symbol.
fn commons(analysis: &Analysis<'_>, placement: &Placement, all: &mut Gathered) {
    let program = &analysis.program;
    let collects = fate::collects(program);
    // lld has its commons before everything else.
    let in_front = program.plan.profile.flavor == Flavor::Lld;
    let first = analysis.graph.section_count();
    let mut by_name: HashMap<NameId, Vec<&WinningCommon>, FixedState> = HashMap::default();
    let mut by_file: HashMap<FileId, Vec<&WinningCommon>, FixedState> = HashMap::default();
    for common in &analysis.resolution.commons {
        by_name.entry(common.name).or_default().push(common);
        by_file.entry(common.file).or_default().push(common);
    }
    let mut joining: Vec<(Option<StatementId>, Vec<Input>)> = Vec::new();
    for (number, node) in analysis.graph.extra_nodes.iter().enumerate() {
        let (file, small) = match *node {
            ExtraNode::CommonsOf { file, small, .. } => (file, small),
            ExtraNode::Common { file, .. } => (file, false),
            _ => continue,
        };
        if collects && !analysis.liveness.is_live(NodeId::from_usize(first + number)) {
            continue;
        }
        let (mut size, mut align) = (0u64, 1u64);
        let of_node = match *node {
            ExtraNode::Common { name, .. } => by_name.get(&name),
            _ => by_file.get(&file),
        };
        for common in of_node.into_iter().flatten() {
            let wanted = program.files[common.file].object().and_then(|o| o.symbol(common.symbol));
            let wanted = wanted.map_or(1, |s| s.value).max(1);
            size = crate::script::expr::align(size, wanted).saturating_add(common.size);
            align = align.max(wanted);
        }
        let input =
            Input { of: PieceOf::Commons(file), size, align, flags: SHF_ALLOC | SHF_WRITE, kind: SHT_NOBITS };
        let name: &[u8] = if small { b".scommon" } else { b"COMMON" };
        let to = placement.place_named(program, file, name, u64::from(input.flags));
        match joining.iter_mut().find(|(known, _)| *known == to) {
            Some((_, list)) => list.push(input),
            None => joining.push((to, vec![input])),
        }
    }
    for (to, inputs) in joining {
        let list = match to {
            Some(id) => all.taken.get_mut(id.index()),
            None => {
                if !all.loose.iter().any(|l| l.name == ".bss") {
                    all.loose.push(Loose {
                        name: BString::from(".bss"),
                        inputs: Vec::new(),
                        dropped: Amount::default(),
                    });
                }
                all.loose.iter_mut().find(|l| l.name == ".bss").map(|l| &mut l.inputs)
            }
        };
        let Some(list) = list else { continue };
        let at = if in_front { 0 } else { list.len() };
        list.splice(at..at, inputs);
    }
}

/// The descriptions of all statements, in their order.
pub(super) fn descriptions<'a>(
    analysis: &'a Analysis<'_>,
    placement: &'a Placement,
) -> Vec<&'a InputDescription> {
    let mut list = Vec::with_capacity(placement.statements().len());
    for script in placement.scripts() {
        let Some(script) = script.script(&analysis.program) else { continue };
        for placed in walk::output_sections(script) {
            list.extend(placed.section.body.iter().filter_map(|s| match &s.kind {
                StatementKind::Input(input) => Some(input.as_ref()),
                _ => None,
            }));
        }
    }
    list
}

fn sort(analysis: &Analysis<'_>, placement: &Placement, all: &mut Gathered) {
    let lld = analysis.program.plan.profile.flavor == Flavor::Lld;
    for (number, description) in descriptions(analysis, placement).into_iter().enumerate() {
        let sorted = |p: &crate::script::SectionPattern| p.sorts.iter().any(|s| *s != Sort::None);
        if !description.sections.iter().any(sorted) {
            continue;
        }
        let Some(list) = all.taken.get_mut(number) else { continue };
        let id = StatementId::from_usize(number);
        let mut keyed: Vec<(usize, usize, Input)> = Vec::with_capacity(list.len());
        for (position, input) in list.iter().enumerate() {
            let pattern = match input.of {
                PieceOf::Section(section) => placement.pattern_index(&analysis.program, section, id),
                _ => 0,
            };
            keyed.push((pattern as usize, position, *input));
        }
        let order = Order { analysis, description };
        if lld {
            order.by_lld(&mut keyed)
        } else {
            order.by_ld(&mut keyed)
        }
        *list = keyed.into_iter().map(|(_, _, input)| input).collect();
    }
}

struct Order<'a, 'd> {
    analysis: &'a Analysis<'d>,
    description: &'a InputDescription,
}

type Keyed = (usize, usize, Input);

impl Order<'_, '_> {
    fn name(&self, input: &Input) -> &[u8] {
        match input.of {
            PieceOf::Section(section) => self.analysis.program.section_name(section),
            _ => b"COMMON",
        }
    }

    fn sorts(&self, pattern: usize) -> &[Sort] {
        self.description.sections.get(pattern).map_or(&[], |p| p.sorts.as_slice())
    }

    /// lld: what a sorted pattern matches forms a run of its own; runs of other patterns stay in
    /// input order.
    fn by_lld(&self, keyed: &mut Vec<Keyed>) {
        let mut out: Vec<Keyed> = Vec::with_capacity(keyed.len());
        let mut waiting: Vec<Keyed> = Vec::new();
        for pattern in 0..self.description.sections.len() {
            let mut mine: Vec<Keyed> = keyed.iter().filter(|k| k.0 == pattern).copied().collect();
            let sorts = self.sorts(pattern);
            if sorts.is_empty() {
                waiting.append(&mut mine);
                continue;
            }
            waiting.sort_by_key(|k| k.1);
            out.append(&mut waiting);
            // The inner order first, then the outer one over it.
            if sorts.first() != Some(&Sort::None) {
                for sort in sorts.iter().rev() {
                    match sort {
                        Sort::Reverse => mine.reverse(),
                        sort => mine.sort_by(|a, b| self.compare_lld(*sort, &a.2, &b.2)),
                    }
                }
            }
            out.append(&mut mine);
        }
        waiting.sort_by_key(|k| k.1);
        out.append(&mut waiting);
        *keyed = out;
    }

    fn compare_lld(&self, sort: Sort, a: &Input, b: &Input) -> Ordering {
        match sort {
            Sort::Name => self.name(a).cmp(self.name(b)),
            Sort::Alignment => b.align.cmp(&a.align),
            Sort::InitPriority => {
                let priority = |i: &Input| init_priority(self.name(i)).unwrap_or(65536);
                priority(a).cmp(&priority(b))
            }
            Sort::None | Sort::Reverse => Ordering::Equal,
        }
    }

    /// ld grows a tree: unsorted patterns append at its right end, sorted ones are compared with
    /// whatever is there. With one way of sorting that is a stable sort.
    fn by_ld(&self, keyed: &mut Vec<Keyed>) {
        let first = keyed.first().map_or(0, |k| k.0);
        let uniform = keyed.iter().all(|k| self.sorts(k.0) == self.sorts(first));
        if uniform || keyed.len() > 20_000 {
            keyed.sort_by(|a, b| self.compare_ld(self.sorts(first), &a.2, &b.2));
            return;
        }
        const NONE: usize = usize::MAX;
        let mut tree: Vec<(usize, usize)> = Vec::with_capacity(keyed.len());
        let mut rightmost: Option<usize> = None;
        for number in 0..keyed.len() {
            let Some(&(pattern, _, input)) = keyed.get(number) else { break };
            tree.push((NONE, NONE));
            if number == 0 {
                if self.plain(pattern) {
                    rightmost = Some(0);
                }
                continue;
            }
            if self.plain(pattern) {
                let mut at = rightmost.unwrap_or(0);
                while let Some(&(_, right)) = tree.get(at).filter(|n| n.1 != NONE) {
                    at = right;
                }
                if let Some(node) = tree.get_mut(at) {
                    node.1 = number;
                }
                rightmost = Some(number);
                continue;
            }
            let mut at = 0;
            while let Some(&(_, _, there)) = keyed.get(at) {
                let less = self.compare_ld(self.sorts(pattern), &input, &there) == Ordering::Less;
                let Some(node) = tree.get_mut(at) else { break };
                let slot = if less { &mut node.0 } else { &mut node.1 };
                if *slot == NONE {
                    *slot = number;
                    break;
                }
                at = *slot;
            }
        }
        let mut out = Vec::with_capacity(keyed.len());
        let mut stack: Vec<usize> = Vec::new();
        let mut at = if tree.is_empty() { NONE } else { 0 };
        while at != NONE || !stack.is_empty() {
            while let Some(&(left, _)) = tree.get(at) {
                stack.push(at);
                at = left;
            }
            let Some(top) = stack.pop() else { break };
            out.extend(keyed.get(top).copied());
            at = tree.get(top).map_or(NONE, |n| n.1);
        }
        *keyed = out;
    }

    fn plain(&self, pattern: usize) -> bool {
        self.sorts(pattern).iter().all(|s| matches!(s, Sort::None | Sort::Reverse))
    }

    fn compare_ld(&self, sorts: &[Sort], a: &Input, b: &Input) -> Ordering {
        let by_name = || self.name(a).cmp(self.name(b));
        let by_align = || b.align.cmp(&a.align);
        match sorts {
            [Sort::InitPriority, ..] => match (ld_priority(self.name(a)), ld_priority(self.name(b))) {
                (Some(x), Some(y)) => x.cmp(&y).then_with(by_name),
                _ => by_name(),
            },
            [Sort::Name, Sort::Alignment, ..] => by_name().then_with(by_align),
            [Sort::Alignment, Sort::Name, ..] => by_align().then_with(by_name),
            [Sort::Name, ..] => by_name(),
            [Sort::Alignment, ..] => by_align(),
            _ => Ordering::Equal,
        }
    }
}

/// The number behind the last dot.
fn init_priority(name: &[u8]) -> Option<u64> {
    let dot = name.rfind_byte(b'.')?;
    std::str::from_utf8(name.get(dot + 1..)?).ok()?.parse().ok()
}

/// ld `get_init_priority`: constructors count downwards.
fn ld_priority(name: &[u8]) -> Option<u64> {
    let number = init_priority(name)?;
    let old =
        name.rfind_byte(b'.') == Some(6) && (name.starts_with(b".ctors") || name.starts_with(b".dtors"));
    let number = if old { 65535u64.wrapping_sub(number) } else { number };
    (number <= i32::MAX as u64).then_some(number)
}

//! What relocations of live sections refer to, for linkers that refuse some pairs of relocation and
//! symbol while they scan (lld, mold). x86-64 only: other targets are not checked.
//!
//! In: a finished analysis. Out: [`Use`]s, and diagnostics made from a linker's own rule.

use rayon::prelude::*;

use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{FileId, Id, NameId, NodeId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, Symbol};
use crate::plan::OutputKind;
use crate::program::Content;
use crate::query::Analysis;
use crate::resolve::DefKind;

/// Types that both linkers know; later ones are not judged.
const KNOWN: [u32; 33] = [
    0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29, 31, 32, 33,
    34, 35, 41, 42, 28,
];

/// What kind of value a relocation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// An address of the machine's width.
    Word,
    /// An address in fewer bits.
    Narrow,
    /// A distance from the place; `wide` in 64 bits.
    Distance {
        /// 64 bits.
        wide: bool,
    },
    /// A distance from the global offset table.
    FromTable,
    /// An offset from the thread pointer.
    ThreadOffset,
    /// Something that always has a value: tables, calls through stubs, sizes.
    Always,
    /// A type that the linkers do not know.
    Unknown,
}

/// Where a relocation leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// A section of the output.
    Section,
    /// A number.
    Absolute,
    /// A weak reference that nothing satisfies.
    Nowhere,
    /// A shared library's function, object, or neither.
    Library {
        /// STT_*.
        kind: u8,
        /// STV_PROTECTED there.
        protected: bool,
    },
    /// A strong reference that nothing satisfies, and that is allowed.
    Open,
}

/// One relocation of something live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    /// What it asks for.
    pub(super) wants: Wants,
    /// Where it leads.
    pub(super) leads: Leads,
    /// The name, for a global symbol.
    pub(super) name: Option<NameId>,
    /// The defining symbol's STT_*.
    pub(super) kind: u8,
    /// The defining symbol's binding is weak.
    pub(super) weak: bool,
    /// The relocated section is writable.
    pub(super) writable: bool,
}

fn wants(kind: u32) -> Wants {
    match kind {
        1 => Wants::Word,
        10..=12 | 14 => Wants::Narrow,
        2 | 13 | 15 => Wants::Distance { wide: false },
        24 => Wants::Distance { wide: true },
        25 => Wants::FromTable,
        18 | 23 => Wants::ThreadOffset,
        kind if KNOWN.contains(&kind) || kind > 42 => Wants::Always,
        _ => Wants::Unknown,
    }
}

fn led(symbol: &Symbol) -> Option<Leads> {
    match symbol.place {
        Place::Section(_) | Place::Common => Some(Leads::Section),
        Place::Absolute => Some(Leads::Absolute),
        Place::Undefined => None,
    }
}

/// Asks `rule` about every relocation of every live allocated section but unwind data; one reason a
/// file and name. In executables it must not tell names defined in objects apart.
pub(super) fn judge(
    analysis: &Analysis<'_>,
    rule: impl Fn(&Use) -> Option<&'static str> + Sync,
    out: &mut Vec<Diagnostic>,
) {
    let Analysis { program, resolution, graph, liveness, .. } = analysis;
    if program.target.is_none_or(|t| t.machine != EM_X86_64) {
        return;
    }
    let suspects = Suspects::of(analysis, &rule);
    let of_file = |&file: &FileId| -> Vec<Diagnostic> {
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return Vec::new() };
        let mut found: Vec<(Option<NameId>, &'static str)> = Vec::new();
        let suspected = suspects.of_file(file, object);
        for (index, row) in (0u32..).zip(&object.sections) {
            let section = f.section_id(index);
            let live = match graph.class[section] {
                Class::Node | Class::Pieces => {
                    program.plan.gc_sections != Some(true) || liveness.is_live(NodeId(section.0))
                }
                Class::Kept => !object.is_named(index, b".eh_frame"),
                _ => false,
            };
            if !live || !row.is_alloc() || row.reloc == 0 {
                continue;
            }
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                let writable = usize::from(row.flags & SHF_WRITE != 0);
                let mut any = false;
                table.for_each(|_, reloc| {
                    let ways = suspected.get(reloc.symbol as usize).copied().unwrap_or_default();
                    any |= ways & WAYS[writable][(reloc.kind as usize).min(WAYS[0].len() - 1)] != 0;
                });
                if !any {
                    continue;
                }
                table.for_each(|_, reloc| {
                    let Some(symbol) = object.symbol(reloc.symbol) else { return };
                    if reloc.symbol == 0 || reloc.kind == 0 {
                        return;
                    }
                    let name = f.global_name(reloc.symbol).map(|name| resolution.wraps.by_last(name));
                    let target = match name {
                        None => led(&symbol).map(|leads| (leads, symbol.kind, false)),
                        Some(name) => defined(analysis, name),
                    };
                    let Some((leads, kind, weak)) = target else { return };
                    let writable = row.flags & SHF_WRITE != 0;
                    let one = Use { wants: wants(reloc.kind), leads, name, kind, weak, writable };
                    if let Some(why) = rule(&one)
                        && !found.contains(&(name, why))
                        && found.len() < 20
                    {
                        found.push((name, why));
                    }
                });
            }
        }
        let message = |(name, why): (Option<NameId>, &str)| {
            let shown = name.map_or("a local symbol".into(), |n| String::from_utf8_lossy(program.name(n)));
            Diagnostic::new(Severity::Error, program.label(file), format!("{why}: {shown}"))
        };
        found.into_iter().map(message).collect()
    };
    let found: Vec<Vec<Diagnostic>> = resolution.files.par_iter().with_max_len(16).map(of_file).collect();
    out.extend(found.into_iter().flatten());
}

/// What a rule looks at beside the symbol, one bit each: what is wanted, in a read-only section, in a
/// writable one; the last bit stands for a type that the linkers do not know.
const ASKED: [Wants; 6] = [
    Wants::Word,
    Wants::Narrow,
    Wants::Distance { wide: false },
    Wants::Distance { wide: true },
    Wants::FromTable,
    Wants::ThreadOffset,
];
const UNKNOWN: u16 = 1 << 15;

/// The bit of a relocation type, by whether the section is writable; types beyond the table always have a
/// value.
const WAYS: [[u16; 44]; 2] = {
    let mut out = [[0u16; 44]; 2];
    let mut kind = 0;
    while kind < 43 {
        let bit = match kind {
            1 => 0,
            10..=12 | 14 => 1,
            2 | 13 | 15 => 2,
            24 => 3,
            25 => 4,
            18 | 23 => 5,
            _ => 16,
        };
        if bit < 16 {
            out[0][kind] = 1 << (2 * bit);
            out[1][kind] = 2 << (2 * bit);
        } else {
            let (mut known, mut at) = (false, 0);
            while at < KNOWN.len() {
                known |= KNOWN[at] as usize == kind;
                at += 1;
            }
            if !known {
                out[0][kind] = UNKNOWN;
                out[1][kind] = UNKNOWN;
            }
        }
        kind += 1;
    }
    out
};

/// In which ways a symbol may be refused: asked once a name instead of once a relocation.
struct Suspects<'a, 'd> {
    analysis: &'a Analysis<'d>,
    names: Vec<u16>,
    /// Local symbols in sections, absolute ones: by STT_*.
    placed: [u16; 16],
    absolute: [u16; 16],
}

impl<'a, 'd> Suspects<'a, 'd> {
    fn of(analysis: &'a Analysis<'d>, rule: &(impl Fn(&Use) -> Option<&'static str> + Sync)) -> Self {
        let refused = |leads: Leads, name: Option<NameId>, kind: u8, weak: bool| {
            let mut ways = UNKNOWN;
            for (at, &wants) in ASKED.iter().enumerate() {
                for (bit, writable) in [(0, false), (1, true)] {
                    let refused = rule(&Use { wants, leads, name, kind, weak, writable }).is_some();
                    ways |= u16::from(refused) << (2 * at + bit);
                }
            }
            ways
        };
        let alike = analysis.program.plan.output_kind != OutputKind::Shared;
        let any = NameId::from_usize(0);
        let of_kind = |leads: Leads| -> [[u16; 2]; 16] {
            let ways = |kind: usize, weak: bool| refused(leads, Some(any), kind as u8, weak);
            std::array::from_fn(|kind| [ways(kind, false), ways(kind, true)])
        };
        let executable = alike && !analysis.program.names.is_empty();
        let known = executable.then(|| (of_kind(Leads::Section), of_kind(Leads::Absolute)));
        let of_name = |number: usize| {
            let name = NameId::from_usize(number);
            let (leads, kind, weak) = defined(analysis, name)?;
            let at = (usize::from(kind & 15), usize::from(weak));
            Some(match (leads, &known) {
                (Leads::Section, Some((placed, _))) => placed[at.0][at.1],
                (Leads::Absolute, Some((_, absolute))) => absolute[at.0][at.1],
                _ => refused(leads, Some(name), kind, weak),
            })
        };
        let count = analysis.program.names.len();
        let names = (0..count).into_par_iter().with_min_len(4096);
        let names = names.map(|number| of_name(number).unwrap_or_default()).collect();
        let local = |leads: Leads| std::array::from_fn(|kind| refused(leads, None, kind as u8, false));
        Suspects { analysis, names, placed: local(Leads::Section), absolute: local(Leads::Absolute) }
    }

    /// The ways of a file's symbols, by symbol index.
    fn of_file(&self, file: FileId, object: &Object<'_>) -> Vec<u16> {
        let Analysis { program, resolution, .. } = self.analysis;
        let mut out = vec![0; object.symbol_count() as usize];
        for index in 1..object.first_global {
            let Some(symbol) = object.symbol(index) else { break };
            out[index as usize] = match led(&symbol) {
                Some(Leads::Section) => self.placed[usize::from(symbol.kind & 15)],
                Some(_) => self.absolute[usize::from(symbol.kind & 15)],
                None => 0,
            };
        }
        let globals = out.get_mut(object.first_global as usize..).unwrap_or_default();
        for (ways, &name) in globals.iter_mut().zip(&program.files[file].names) {
            *ways = self.names[resolution.wraps.by_last(name).idx()];
        }
        out
    }
}

/// What a global name is: where it leads, STT_*, weak. `None` if the linker itself defines it.
fn defined(analysis: &Analysis<'_>, name: NameId) -> Option<(Leads, u8, bool)> {
    let Analysis { program, resolution, .. } = analysis;
    let definition = resolution.definitions[name];
    let file = program.files.get(definition.file);
    match definition.kind {
        DefKind::Undefined => Some((Leads::Open, STT_NOTYPE, false)),
        DefKind::UndefinedWeak => Some((Leads::Nowhere, STT_NOTYPE, true)),
        DefKind::Shared => {
            let symbol = file?.shared()?.symbols.get(definition.symbol as usize)?;
            let protected = symbol.visibility == STV_PROTECTED;
            Some((Leads::Library { kind: symbol.kind, protected }, symbol.kind, symbol.weak))
        }
        DefKind::Common => Some((Leads::Section, STT_OBJECT, false)),
        DefKind::Strong | DefKind::Weak => {
            let file = file.filter(|file| file.object().is_some())?;
            let placed = resolution.placed[name];
            if file.mode.just_symbols {
                return Some((Leads::Absolute, placed.kind, false));
            }
            let leads = match placed.section() {
                Some(_) => Leads::Section,
                None if placed.absolute => Leads::Absolute,
                None => return None,
            };
            Some((leads, placed.kind, definition.kind == DefKind::Weak))
        }
        _ => None,
    }
}

//! What relocations of live sections refer to, for linkers that refuse some pairs of relocation and
//! symbol while they scan (lld, mold). x86-64 only: other targets are not checked.
//!
//! In: a finished analysis. Out: [`Use`]s, and diagnostics made from a linker's own rule.

use rayon::prelude::*;

use crate::error::{Diagnostic, Severity};
use crate::graph::Class;
use crate::ids::{FileId, NameId, NodeId};
use crate::load::elf::consts::*;
use crate::load::elf::{Place, Symbol};
use crate::program::Content;
use crate::query::Analysis;
use crate::resolve::{DefKind, lld};

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
/// file and name.
pub(super) fn judge(
    analysis: &Analysis<'_>,
    rule: impl Fn(&Use) -> Option<&'static str> + Sync,
    out: &mut Vec<Diagnostic>,
) {
    let Analysis { program, resolution, graph, liveness, .. } = analysis;
    if program.target.is_none_or(|t| t.machine != EM_X86_64) {
        return;
    }
    let of_file = |&file: &FileId| -> Vec<Diagnostic> {
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return Vec::new() };
        let mut found: Vec<(Option<NameId>, &'static str)> = Vec::new();
        for (index, row) in (0u32..).zip(&object.sections) {
            let section = f.section_id(index);
            let live = match graph.class[section] {
                Class::Node | Class::Pieces => {
                    program.plan.gc_sections != Some(true) || liveness.is_live(NodeId(section.0))
                }
                Class::Kept => object.section_name(index) != b".eh_frame",
                _ => false,
            };
            if !live || !row.is_alloc() || row.reloc == 0 {
                continue;
            }
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                table.for_each(|_, reloc| {
                    let Some(symbol) = object.symbol(reloc.symbol) else { return };
                    if reloc.symbol == 0 || reloc.kind == 0 {
                        return;
                    }
                    let name = f.global_name(reloc.symbol).map(|name| lld::redirect(&resolution.wraps, name));
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
            let symbol = file?.object()?.symbol(definition.symbol)?;
            if file?.mode.just_symbols {
                return Some((Leads::Absolute, symbol.kind, false));
            }
            Some((led(&symbol)?, symbol.kind, definition.kind == DefKind::Weak))
        }
        _ => None,
    }
}

//! The KEEP audit of a script (`keep`): which tables lose entries for want of a KEEP and what goes with
//! them, which KEEPs match nothing, what the others pin, and which patterns miss what they are for.
//!
//! In: an analysis of a link that collects. Out: [`Audit`], plain data; [`findings`] makes findings of it.
//! Without a script that places sections only the tables whose bounds the linker makes are judged.

pub mod bounds;
mod conflict;
mod findings;
mod lost;
mod parts;
mod patterns;
mod pins;
mod references;
mod shape;
mod shared;
mod source;
mod statements;
mod stride;

pub use bounds::{Bound, Form, Range, Ranges};
pub use conflict::{Conflict, Variant, conflicts};
pub use findings::findings;
pub use lost::{LostTable, TableBound, Weight};
pub use patterns::{Captured, IdlePattern, Orphan};
pub use pins::{KeptStatement, Pins, Sort};
pub use references::{BoundUse, is_live};
pub use shape::Shape;
pub use shared::{Shared, Tenant};
pub use source::{Origin, SourceText};
pub use statements::{NO_STATEMENT, Placement, Statement, StatementPattern};
pub use stride::BadStride;

use std::collections::BTreeMap;

use crate::ids::{FileId, NameId, SectionId};
use crate::query::Analysis;
use crate::query::fate::collects;
use crate::query::symbols;

/// The place where a table's statements are to be changed, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fix {
    /// By statement of the table: where the source tree has it.
    pub origins: Vec<Option<Origin>>,
    /// A unified diff against the source, or against the script if the source is not known. Empty
    /// if there is no statement to change.
    pub patch: String,
}

/// The whole audit.
pub struct Audit {
    /// Whether the link as written collects garbage; if not, tables only would be lost.
    pub collects: bool,
    /// Statements and what they place.
    pub placement: Placement,
    /// Bounds and the ranges between them.
    pub ranges: Ranges,
    /// LSW001, in script order.
    pub lost: Vec<LostTable>,
    /// By lost table: what to change.
    pub fixes: Vec<Fix>,
    /// One patch for all of them.
    pub patch: String,
    /// LSW002.
    pub idle: Vec<IdlePattern>,
    /// LSW006.
    pub pins: Pins,
    /// What lives only through a section that it shares, by section name.
    pub shared: Vec<Shared>,
    /// LSW007.
    pub orphans: Vec<Orphan>,
    /// LSW008.
    pub captured: Vec<Captured>,
    /// LSW013.
    pub conflicts: Vec<Conflict>,
    /// LSW014.
    pub strides: Vec<BadStride>,
    /// Texts that scripts may have been made of.
    pub sources: Vec<SourceText>,
    /// The symbol that names each section best, for the sections of cascades and pins.
    pub best: BTreeMap<SectionId, u32>,
}

/// The best symbol of each section that the answer names. Mapping symbols (`$d`) name nothing.
fn best(analysis: &Analysis<'_>, lost: &[LostTable], pins: &Pins) -> BTreeMap<SectionId, u32> {
    let lists = lost.iter().flat_map(|t| [&t.lost, &t.cascade]).chain(pins.rows.iter().map(|r| &r.sections));
    let mut sections: Vec<SectionId> = lists.flatten().copied().collect();
    sections.sort_unstable();
    sections.dedup();
    let mut out = BTreeMap::new();
    let mut known: Option<(FileId, Vec<Option<u32>>)> = None;
    for section in sections {
        let (file, index) = analysis.program.locate(section);
        let own = match &mut known {
            Some((last, own)) if *last == file => own,
            slot => &mut slot.insert((file, symbols::best_of_sections(&analysis.program, file))).1,
        };
        let symbol = own.get(index as usize).copied().flatten();
        if let Some(symbol) = symbol.filter(|&s| !symbols::name(&analysis.program, file, s).starts_with(b"$"))
        {
            out.insert(section, symbol);
        }
    }
    out
}

/// How many tables get a patch of their own; [`Audit::patch`] holds all.
const MOST_PATCHES: usize = 256;

/// What the caller knows beyond the link.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The link as written collects no garbage: everything is what would happen.
    pub would: bool,
    /// Texts of `.lds.S` files and of the header with the macros.
    pub sources: Vec<SourceText>,
}

/// Audits the scripts of a link. If the analysis is one of a link that does not collect, no table is
/// judged and nothing is said to be pinned.
pub fn audit(analysis: &Analysis<'_>, given: Given) -> Audit {
    let placement = statements::placement(analysis);
    let ranges = bounds::ranges(&analysis.program, &placement.statements);
    let references = references::references(analysis, &placement, &bound_names(analysis, &ranges));
    let collects = collects(&analysis.program);
    let lost =
        if collects { lost::lost_tables(analysis, &placement, &ranges, &references) } else { Vec::new() };
    let pins = if collects { pins::pins(analysis, &placement) } else { Pins::default() };
    let fixes = lost.iter().enumerate().map(|(number, t)| {
        let statements = if number < MOST_PATCHES { t.statements.as_slice() } else { &[] };
        fix(analysis, &placement, &given.sources, statements)
    });
    let fixes = fixes.collect();
    let mut all: Vec<u32> = lost.iter().flat_map(|t| t.statements.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    Audit {
        collects: !given.would,
        idle: patterns::idle(analysis, &placement),
        best: best(analysis, &lost, &pins),
        pins,
        shared: if collects && placement.complete { shared::shared(analysis) } else { Vec::new() },
        patch: fix(analysis, &placement, &given.sources, &all).patch,
        orphans: patterns::orphans(analysis, &placement, &references),
        captured: patterns::captured(analysis, &placement),
        conflicts: conflicts(analysis),
        strides: stride::bad_strides(analysis, &placement, &ranges, &references),
        lost,
        fixes,
        placement,
        ranges,
        sources: given.sources,
    }
}

/// Names of all bounds: those that scripts assign, and `__start_`/`__stop_` names.
fn bound_names(analysis: &Analysis<'_>, ranges: &Ranges) -> Vec<NameId> {
    let names = &analysis.program.names;
    let mut out: Vec<NameId> = ranges.bounds.iter().filter_map(|b| names.find(&b.name)).collect();
    out.extend(names.ids().filter(|&n| {
        let text = analysis.program.name(n);
        text.starts_with(b"__start_") || text.starts_with(b"__stop_")
    }));
    out
}

fn fix(analysis: &Analysis<'_>, placement: &Placement, sources: &[SourceText], statements: &[u32]) -> Fix {
    let list: Vec<&Statement> =
        statements.iter().filter_map(|s| placement.statements.get(*s as usize)).filter(|s| !s.keep).collect();
    let origins: Vec<Option<Origin>> = list.iter().map(|s| source::origin(s, sources)).collect();
    let mut patch = String::new();
    for (number, text) in sources.iter().enumerate() {
        let own = origins.iter().flatten().filter(|o| o.text == number);
        let ranges: Vec<(usize, usize)> = own.map(|o| o.range).collect();
        patch.push_str(&source::keep_patch(&text.path, &text.text, &ranges));
    }
    for (number, file) in (0u32..).zip(analysis.program.scripts) {
        for (at, text) in (0u32..).zip(&file.script.sources) {
            let here = |(s, o): &(&&Statement, &Option<Origin>)| {
                o.is_none() && s.script == number && s.span.source.0 == at
            };
            let ranges: Vec<(usize, usize)> = list
                .iter()
                .zip(&origins)
                .filter(here)
                .map(|(s, _)| (s.span.start as usize, s.span.end as usize))
                .collect();
            patch.push_str(&source::keep_patch(&text.path.to_string_lossy(), &text.text, &ranges));
        }
    }
    Fix { origins, patch }
}

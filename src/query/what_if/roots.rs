//! `--drop-root`: a root that is none any more.
//!
//! In: a name: of an entry, `-u`, EXTERN, exported symbol, initcall, constructor, kernel export, or of a section (or a symbol
//! in a section) that is a root itself. Out: the plan and the scripts without the demand, and the roots without it. An
//! entry becomes what `-e 0` asks for: nothing.

use bstr::BString;

use super::{Applied, Change, Edited, nothing};
use crate::error::Result;
use crate::graph::{Root, RootKind};
use crate::ids::{NodeId, SectionId};
use crate::load::elf::Place;
use crate::plan::Flavor;
use crate::query::Analysis;
use crate::query::kernel::roots::{self as kernel, KernelRoot, of_node};
use crate::query::retained::constructors::constructors;
use crate::query::why::Pattern;
use crate::script::CommandKind;

/// How a name speaks of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    /// The root as such.
    Whole,
    /// Some entries of a table of initcalls or constructors: their offsets are asked for again.
    Part,
}

/// The name that a root goes by.
fn shown(analysis: &Analysis<'_>, root: &Root) -> BString {
    match (root.name, analysis.graph.section(root.node)) {
        (Some(name), _) => analysis.program.name(name).into(),
        (None, Some(section)) => {
            let file = analysis.program.locate(section).0;
            let label = analysis.program.label(file);
            format!("{label}:({})", BString::from(analysis.program.section_name(section))).into()
        }
        _ => BString::default(),
    }
}

fn direct(analysis: &Analysis<'_>, root: &Root, pattern: &Pattern) -> Option<Match> {
    if let Some(name) = root.name {
        return pattern.matches(analysis.program.name(name)).then_some(Match::Whole);
    }
    let section = analysis.graph.section(root.node)?;
    if pattern.matches(analysis.program.section_name(section)) {
        return Some(Match::Whole);
    }
    if let Some(KernelRoot::Export { name, .. }) = of_node(analysis, root.node) {
        return pattern.matches(name).then_some(Match::Whole);
    }
    let entries = entries(analysis, section);
    match entries.iter().filter(|(_, name)| pattern.matches(name)).count() {
        0 => None,
        n if n == entries.len() => Some(Match::Whole),
        _ => Some(Match::Part),
    }
}

/// The functions that a table of initcalls or constructors calls, with their offsets.
fn entries<'d>(analysis: &Analysis<'d>, section: SectionId) -> Vec<(u64, &'d [u8])> {
    match of_node(analysis, NodeId(section.0)) {
        Some(KernelRoot::Initcall(_)) => {
            let calls = kernel::initcalls(&analysis.program, section);
            calls.into_iter().map(|c| (c.offset, c.function)).collect()
        }
        _ => constructors(&analysis.program, section),
    }
}

/// A symbol of a section that is a root for its own sake.
fn by_symbol(analysis: &Analysis<'_>, root: &Root, pattern: &Pattern) -> bool {
    let Some(section) = analysis.graph.section(root.node).filter(|_| root.name.is_none()) else {
        return false;
    };
    let (file, index) = analysis.program.locate(section);
    let Some(object) = analysis.program.files[file].object() else { return false };
    (1..object.symbol_count()).any(|i| {
        object
            .symbol(i)
            .is_some_and(|s| s.place == Place::Section(index) && pattern.matches(object.symbol_name(s.name)))
    })
}

/// Which roots a name speaks of, by position; `loose`: as a symbol in a section that is a root.
fn matching(analysis: &Analysis<'_>, pattern: &Pattern, loose: bool) -> Vec<(usize, Match)> {
    let roots = analysis.roots.roots.iter().enumerate();
    if loose {
        return roots
            .filter(|(_, r)| by_symbol(analysis, r, pattern))
            .map(|(at, _)| (at, Match::Whole))
            .collect();
    }
    roots.filter_map(|(at, r)| Some((at, direct(analysis, r, pattern)?))).collect()
}

/// Whether a name is no root's own.
fn is_loose(analysis: &Analysis<'_>, pattern: &Pattern) -> bool {
    let program = &analysis.program;
    let externs = program.scripts.iter().flat_map(|s| &s.script.commands).filter_map(|c| match &c.kind {
        CommandKind::Extern(names) => Some(names),
        _ => None,
    });
    !program.plan.demands.iter().any(|(n, _)| pattern.matches(n))
        && !externs.flatten().any(|n| pattern.matches(&n.text))
        && !analysis.roots.roots.iter().any(|r| direct(analysis, r, pattern).is_some())
}

/// The names of all `--drop-root` with what [`is_loose`] says of the link as it is.
pub(super) fn wanted(analysis: &Analysis<'_>, changes: &[Change]) -> Vec<(Pattern, bool)> {
    let all = patterns(changes).into_iter().map(|p| {
        let loose = is_loose(analysis, &p);
        (p, loose)
    });
    all.collect()
}

/// Takes demands of the name out of plan and scripts.
pub(super) fn edit(
    analysis: &Analysis<'_>,
    change: &Change,
    name: &[u8],
    edited: &mut Edited,
) -> Result<Applied> {
    let pattern = Pattern::new(name, false);
    let mut found: Vec<BString> = Vec::new();
    for (at, _) in matching(analysis, &pattern, is_loose(analysis, &pattern)) {
        let root = &analysis.roots.roots[at];
        found.push(shown(analysis, root));
        if root.kind == RootKind::Entry {
            edited.plan.entry = Some("0".into());
            edited.plan.entry_after_scripts = edited.plan.scripts.len();
            edited.resolves_again = true;
        }
    }
    let before = edited.plan.demands.len();
    edited.plan.demands.retain(|(n, _)| !pattern.matches(n));
    let mut demanded = before - edited.plan.demands.len();
    let mut externs: Vec<BString> = Vec::new();
    for command in edited.scripts.iter().flat_map(|s| &s.script.commands) {
        if let CommandKind::Extern(names) = &command.kind {
            externs.extend(names.iter().filter(|n| pattern.matches(&n.text)).map(|n| n.text.clone()));
        }
    }
    for name in &externs {
        demanded += edited.scripts.iter_mut().map(|s| s.script.drop_extern(name)).sum::<usize>();
    }
    edited.resolves_again |= demanded > 0;
    found.sort_unstable();
    found.dedup();
    if found.is_empty() && demanded > 0 {
        found.push(name.into());
    }
    if !found.is_empty() {
        return Ok(Applied::of(change, "roots", found));
    }
    let shown: Vec<BString> = analysis
        .roots
        .roots
        .iter()
        .map(|r| match (r.name, of_node(analysis, r.node)) {
            (None, Some(KernelRoot::Export { name, .. })) => name.into(),
            _ => shown(analysis, r),
        })
        .collect();
    let mut known: Vec<&[u8]> = shown.iter().map(|s| s.as_slice()).collect();
    let mut calls = Vec::new();
    for root in &analysis.roots.roots {
        if let Some(section) = analysis.graph.section(root.node) {
            calls.extend(entries(analysis, section).into_iter().map(|(_, name)| name));
        }
    }
    known.extend(calls);
    Err(nothing(change, "root", name, known))
}

fn patterns(changes: &[Change]) -> Vec<Pattern> {
    let name = |c: &Change| match c {
        Change::DropRoot(name) => Some(Pattern::new(name, false)),
        _ => None,
    };
    changes.iter().filter_map(name).collect()
}

/// lld decides about exports before it walks.
pub(super) fn unexport(analysis: &mut Analysis<'_>, changes: &[Change]) {
    let patterns = patterns(changes);
    let program = &analysis.program;
    let exported = &mut analysis.resolution.exported;
    let gone: Vec<usize> = exported
        .ones()
        .filter(|&n| {
            let name = program.name(<crate::ids::NameId as crate::ids::Id>::from_usize(n));
            patterns.iter().any(|p| p.matches(name))
        })
        .collect();
    gone.into_iter().for_each(|n| exported.set(n, false));
}

/// Whether roots decide about edges, so that the graph is built again.
pub(super) fn asks_graph(analysis: &Analysis<'_>, changes: &[Change]) -> bool {
    analysis.program.plan.profile.flavor == Flavor::Lld
        && changes.iter().any(|c| matches!(c, Change::DropRoot(_)))
}

/// Takes the roots away; of an initcall table with other entries only the reference.
pub(super) fn take(analysis: &mut Analysis<'_>, wanted: &[(Pattern, bool)]) {
    for (pattern, loose) in wanted {
        let mut gone = vec![false; analysis.roots.roots.len()];
        for (at, how) in matching(analysis, pattern, *loose) {
            if how == Match::Whole {
                gone[at] = true;
            } else if let Some(section) = analysis.graph.section(analysis.roots.roots[at].node) {
                let offsets: Vec<u64> = entries(analysis, section)
                    .into_iter()
                    .filter(|(_, name)| pattern.matches(name))
                    .map(|(offset, _)| offset)
                    .collect();
                let mut relocs = Vec::new();
                analysis
                    .graph
                    .for_each_relocation(&analysis.program, section, |_, reloc, _| relocs.push(reloc));
                for reloc in relocs.iter().filter(|r| offsets.contains(&r.offset)) {
                    analysis.graph.cuts.cut_relocation(section, reloc);
                }
            }
        }
        let mut gone = gone.into_iter();
        analysis.roots.roots.retain(|_| !gone.next().unwrap_or(false));
    }
}

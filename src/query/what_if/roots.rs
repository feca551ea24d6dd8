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
use crate::plan::Flavor;
use crate::query::Analysis;
use crate::query::finished::Finished;
use crate::query::kernel::roots::KernelRoot;
use crate::query::why::Pattern;
use crate::script::CommandKind;

/// How a name speaks of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// The root as such.
    Whole,
    /// Some entries of a table of initcalls or constructors: their offsets are asked for again.
    Part,
}

/// The name that a root goes by.
fn shown(link: &impl Finished, root: &Root) -> BString {
    match (root.name, link.section(root.node)) {
        (Some(name), _) => link.name(name).into(),
        (None, Some(section)) => {
            let label = link.label(link.section_file(section));
            format!("{label}:({})", BString::from(link.section_name(section))).into()
        }
        _ => BString::default(),
    }
}

fn direct(link: &impl Finished, root: &Root, pattern: &Pattern) -> Option<Match> {
    if let Some(name) = root.name {
        return pattern.matches(link.name(name)).then_some(Match::Whole);
    }
    let section = link.section(root.node)?;
    if pattern.matches(link.section_name(section)) {
        return Some(Match::Whole);
    }
    if let Some(KernelRoot::Export { name, .. }) = link.kernel_root(root.node) {
        return pattern.matches(name).then_some(Match::Whole);
    }
    let entries = entries(link, section);
    match entries.iter().filter(|(_, name)| pattern.matches(name)).count() {
        0 => None,
        n if n == entries.len() => Some(Match::Whole),
        _ => Some(Match::Part),
    }
}

/// The functions that a table of initcalls or constructors calls, with their offsets.
pub(super) fn entries(link: &impl Finished, section: SectionId) -> Vec<(u64, &[u8])> {
    match link.kernel_root(NodeId(section.0)) {
        Some(KernelRoot::Initcall(_)) => {
            link.initcalls(section).into_iter().map(|c| (c.offset, c.function)).collect()
        }
        _ => link.constructors(section),
    }
}

/// A symbol of a section that is a root for its own sake.
fn by_symbol(link: &impl Finished, root: &Root, pattern: &Pattern) -> bool {
    let section = link.section(root.node).filter(|_| root.name.is_none());
    section.is_some_and(|section| link.has_symbol(section, pattern))
}

/// Which roots a name speaks of, by position; `loose`: as a symbol in a section that is a root.
pub(super) fn matching(
    link: &impl Finished,
    roots: &[Root],
    pattern: &Pattern,
    loose: bool,
) -> Vec<(usize, Match)> {
    let roots = roots.iter().enumerate();
    if loose {
        return roots
            .filter(|(_, r)| by_symbol(link, r, pattern))
            .map(|(at, _)| (at, Match::Whole))
            .collect();
    }
    roots.filter_map(|(at, r)| Some((at, direct(link, r, pattern)?))).collect()
}

/// Whether a name is no root's own.
fn is_loose(link: &impl Finished, roots: &[Root], pattern: &Pattern) -> bool {
    !link.demanded().iter().any(|n| pattern.matches(n))
        && !roots.iter().any(|r| direct(link, r, pattern).is_some())
}

/// The names of all `--drop-root` with what [`is_loose`] says of the link as it is.
pub(super) fn wanted(link: &impl Finished, changes: &[Change]) -> Vec<(Pattern, bool)> {
    let roots = if patterns(changes).is_empty() { Vec::new() } else { link.roots() };
    let all = patterns(changes).into_iter().map(|p| {
        let loose = is_loose(link, &roots, &p);
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
    let (applied, entry) = named(analysis, change, name, demanded > 0)?;
    if entry {
        edited.plan.entry = Some("0".into());
        edited.plan.entry_after_scripts = edited.plan.scripts.len();
    }
    edited.resolves_again |= entry || demanded > 0;
    Ok(applied)
}

/// The roots that a change speaks of, and whether the entry is among them. `demanded`: some `-u` or EXTERN goes.
pub(super) fn named(
    link: &impl Finished,
    change: &Change,
    name: &[u8],
    demanded: bool,
) -> Result<(Applied, bool)> {
    let pattern = Pattern::new(name, false);
    let roots = link.roots();
    let mut found: Vec<BString> = Vec::new();
    let mut entry = false;
    for (at, _) in matching(link, &roots, &pattern, is_loose(link, &roots, &pattern)) {
        let Some(root) = roots.get(at) else { continue };
        found.push(shown(link, root));
        entry |= root.kind == RootKind::Entry;
    }
    found.sort_unstable();
    found.dedup();
    if found.is_empty() && demanded {
        found.push(name.into());
    }
    if !found.is_empty() {
        return Ok((Applied::of(change, "roots", found), entry));
    }
    let shown: Vec<BString> = roots
        .iter()
        .map(|r| match (r.name, link.kernel_root(r.node)) {
            (None, Some(KernelRoot::Export { name, .. })) => name.into(),
            _ => shown(link, r),
        })
        .collect();
    let mut known: Vec<&[u8]> = shown.iter().map(|s| s.as_slice()).collect();
    let mut calls = Vec::new();
    for root in &roots {
        if let Some(section) = link.section(root.node) {
            calls.extend(entries(link, section).into_iter().map(|(_, name)| name));
        }
    }
    known.extend(calls);
    Err(nothing(change, "root", name, known))
}

pub(super) fn patterns(changes: &[Change]) -> Vec<Pattern> {
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
        let roots = std::mem::take(&mut analysis.roots.roots);
        let mut gone = vec![false; roots.len()];
        for (at, how) in matching(analysis, &roots, pattern, *loose) {
            if how == Match::Whole {
                gone[at] = true;
            } else if let Some(section) = analysis.graph.section(roots[at].node) {
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
        analysis.roots.roots = roots;
        analysis.roots.roots.retain(|_| !gone.next().unwrap_or(false));
    }
}

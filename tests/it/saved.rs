//! A saved link answers `what-if` as the link does: the same lines, the same totals, the same rows.
//!
//! In: the links of `tests/cases`, by every linker's rules, and changes made of what is in them. Out: one test per link and linker. A saved
//! link may refuse a change (other members, other definitions, references saved as one), but never answer otherwise.

use std::collections::BTreeSet;
use std::path::Path;

use libtest_mimic::Failed;
use linksweep::graph::{Root, RootKind};
use linksweep::ids::{Id, NodeId};
use linksweep::load::OpenedLink;
use linksweep::plan::LinkPlan;
use linksweep::query::Analysis;
use linksweep::query::finished::Finished;
use linksweep::query::listing;
use linksweep::query::portrait::Portrait;
use linksweep::query::what_if::compare::{self, Snapshot};
use linksweep::query::what_if::saved::Changed;
use linksweep::query::what_if::{Change, Edited};
use linksweep::snapshot::{self, PathRoots};

use crate::case::{Case, Link};
use crate::linkers::LinkerId;

/// Changes of each kind that are tried.
const TRIED: usize = 1;

/// Compares one link.
pub fn check(case: &Case, link: &Link, linker: LinkerId) -> Result<(), Failed> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    case.materialise(dir.path()).map_err(|e| format!("{}: {e}", case.name))?;
    let program = match linker {
        LinkerId::Bfd | LinkerId::Gold => format!("{}ld.{}", case.prefix, linker.name()),
        _ => "ld".to_string(),
    };
    // What the linker refuses at once has no graph.
    let Ok(plan) = Case::plan(link, dir.path(), linker.profile(), &program, true) else { return Ok(()) };
    let Ok(opened) = linksweep::open(&plan) else { return Ok(()) };
    let Ok(analysis) = linksweep::analyze(&plan, &opened) else { return Ok(()) };
    let bytes = snapshot::write(&Portrait::of(&analysis), &PathRoots::default());
    let saved = snapshot::from_bytes(Path::new("x.lsw"), bytes).map_err(|e| e.to_string())?;
    let portrait = saved.portrait().map_err(|e| e.to_string())?;
    as_it_is(&analysis, &portrait)?;
    for changes in changes(&analysis) {
        changed(&plan, &opened, &portrait, &changes)?;
    }
    Ok(())
}

fn same(what: &str, found: &str, wanted: &str) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}:\n{found}\ninstead of\n{wanted}")) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Without a change.
fn as_it_is(analysis: &Analysis<'_>, portrait: &Portrait<'_>) -> Result<(), String> {
    let live = Finished::live(portrait);
    let found = listing::removed_text_of_saved(portrait, &live);
    same("list", &text(&found), &text(&listing::removed_text(analysis)))?;
    let scripts = portrait.script_files().map_err(|e| e.to_string())?;
    let keeps = |roots: &[Root]| -> BTreeSet<(NodeId, Option<(u32, u32)>)> {
        roots.iter().filter(|r| r.keep.is_some()).map(|r| (r.node, r.keep)).collect()
    };
    let again = portrait.keep_roots(&scripts).map_err(|e| e.to_string())?;
    same("KEEPs", &format!("{:?}", keeps(&again)), &format!("{:?}", keeps(&portrait.roots())))?;
    if portrait.head.counted {
        return Ok(());
    }
    let unchanged = Changed::new(portrait, &[]).map_err(|e| e.to_string())?;
    let answer = unchanged.compare(portrait);
    same("totals", &format!("{:?}", answer.after), &format!("{:?}", answer.before))
}

/// Changes that mean something in a link.
fn changes(analysis: &Analysis<'_>) -> Vec<Vec<Change>> {
    let program = &analysis.program;
    let (mut roots, mut keeps, mut exports) = (BTreeSet::new(), BTreeSet::new(), false);
    for root in &analysis.roots.roots {
        if let Some(keep) = root.keep {
            keeps.extend(analysis.keep_text(keep).map(|(text, _)| text));
        } else if let Some(name) = root.name {
            roots.insert(program.name(name).to_vec());
        } else if let Some(section) = analysis.graph.section(root.node) {
            roots.insert(program.section_name(section).to_vec());
            if root.kind == RootKind::InitArray {
                roots.extend(analysis.constructors(section).iter().map(|(_, f)| f.to_vec()));
            }
        }
        exports |= analysis.kernel_root(root.node).is_some();
    }
    let (mut names, mut dead) = (Vec::new(), BTreeSet::new());
    let mut cuts: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for node in (0..analysis.graph.section_count()).map(NodeId::from_usize) {
        let Some(section) = analysis.graph.section(node) else { continue };
        let (file, _) = program.locate(section);
        let name = program.section_name(section);
        if !analysis.resolution.is_in_link(file) || name.is_empty() || name.contains(&b',') {
            continue;
        }
        if !analysis.liveness.is_live(node) {
            dead.insert(name.to_vec());
        } else if cuts.len() < 2 * TRIED {
            let mut target = None;
            analysis
                .graph
                .for_each_edge(program, node, |to, _| target = target.or(analysis.graph.section(to)));
            if let Some(target) = target.filter(|t| !program.section_name(*t).contains(&b',')) {
                let to = program.section_name(target);
                cuts.push(([b"section:", name].concat(), [b"section:", to].concat()));
                let symbol = |section| {
                    let own = analysis.named_symbols(program.locate(section).0);
                    own.iter().find(|s| s.section == section).map(|s| s.name.to_vec())
                };
                if let (Some(a), Some(b)) = (symbol(section), symbol(target)) {
                    cuts.push((a, b));
                }
            }
        }
        names.push(name.to_vec());
    }
    let mut out: Vec<Vec<Change>> = Vec::new();
    out.extend(roots.iter().take(TRIED).map(|r| vec![Change::DropRoot(r.as_slice().into())]));
    out.push(vec![Change::DropRoot("_start".into())]);
    out.extend(keeps.iter().take(TRIED).map(|k| vec![Change::DropKeep(k.clone())]));
    out.push(keeps.iter().map(|k| Change::DropKeep(k.clone())).collect());
    for glob in [".init_array*", "*.note*", ".fini*", ".ctors"] {
        out.push(vec![Change::DropKeep(glob.into())]);
    }
    out.extend(dead.iter().take(TRIED).map(|d| vec![Change::AddKeep(d.as_slice().into())]));
    out.extend(cuts.into_iter().map(|(a, b)| vec![Change::Cut(a.into(), b.into())]));
    if let (Some(root), Some(dead)) = (roots.iter().next_back(), dead.iter().next_back()) {
        let both = [Change::DropRoot(root.as_slice().into()), Change::AddKeep(dead.as_slice().into())];
        out.push(both.into());
    }
    if exports {
        out.push(vec![Change::DropExport("*".into())]);
        out.push(vec![Change::OnlyExports { file: "none".into(), names: Vec::new() }]);
    }
    out.retain(|changes| !changes.is_empty());
    out
}

fn changed(
    plan: &LinkPlan,
    opened: &OpenedLink,
    portrait: &Portrait<'_>,
    changes: &[Change],
) -> Result<(), String> {
    let about = format!("{:?}", changes.iter().map(Change::spelled).collect::<Vec<_>>());
    let mut analysis = linksweep::analyze(plan, opened).map_err(|e| e.to_string())?;
    let before = Snapshot::of(&analysis, false);
    let edited = Edited::new(&analysis, changes);
    let found = Changed::new(portrait, changes);
    let (edited, found) = match (edited, found) {
        (Ok(edited), Ok(found)) => (edited, found),
        (_, Err(error)) if error.to_string().contains("ask the link itself") => return Ok(()),
        (Err(wanted), Err(found)) => return same(&about, &found.to_string(), &wanted.to_string()),
        (Err(wanted), Ok(_)) => return Err(format!("{about}: no error, but {wanted}")),
        (Ok(_), Err(found)) => return Err(format!("{about}: {found}")),
    };
    edited.apply(&mut analysis, changes);
    let lines = listing::removed_text_of_saved(portrait, &found.live);
    same(&about, &text(&lines), &text(&listing::removed_text(&analysis)))?;
    let wanted = compare::compare(&before, None, &analysis, edited.applied().to_vec());
    same(&about, &format!("{:#?}", found.compare(portrait)), &format!("{wanted:#?}"))
}

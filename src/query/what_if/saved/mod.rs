//! A saved link after changes.
//!
//! In: a portrait and changes. Out: what lives then ([`Changed`]), exactly as the changed link says, or an error that names
//! what of the inputs the answer would need. Always true: nothing is guessed: a change that could fetch other members, define
//! names otherwise or move references that are not saved one by one is refused.

mod compare;
mod cuts;

use bstr::{BString, ByteSlice};
use fixedbitset::FixedBitSet;
use hashbrown::HashSet;

use super::roots::Match;
use super::{Applied, Change, exports, roots, scripts};
use crate::error::{Error, Result};
use crate::graph::{Class, Root, RootKind};
use crate::ids::{Id, NodeId, SectionId};
use crate::load::ScriptFile;
use crate::load::elf::consts::SHF_LINK_ORDER;
use crate::load::elf::is_relocation_type;
use crate::plan::Flavor;
use crate::query::finished::Finished;
use crate::query::kernel::roots::KernelRoot;
use crate::query::portrait::codes::{self, Meaning};
use crate::query::portrait::tables::{section_flags, symbol_info};
use crate::query::portrait::{NONE, Portrait};
use crate::query::why::Pattern;
use crate::script::filematch::has_insert;

/// A saved link after changes.
pub struct Changed {
    /// What each change is about, in their order.
    pub applied: Vec<Applied>,
    /// What lives.
    pub live: FixedBitSet,
    /// The roots that are left: row in the portrait, or nothing.
    roots: Vec<(u32, Root)>,
    cuts: HashSet<(u32, u32)>,
}

fn refuse(change: &Change, cause: impl Into<String>) -> Error {
    Error::new(
        format!("option {}", change.spelled()),
        format!("{}: ask the link itself, not a saved one", cause.into()),
    )
}

/// The KEEPs of the built-in script, where that one counts.
fn of_linker(p: &Portrait<'_>, scripts: &[ScriptFile]) -> Vec<BString> {
    let own = scripts.iter().any(|s| !s.as_input && !has_insert(&s.script));
    scripts::keeps_of_linker(p.head.profile, &p.head.emulation, p.head.output_kind, own)
}

/// The names of all sections of the link.
fn section_names<'p>(p: &'p Portrait<'_>) -> Vec<&'p [u8]> {
    let mut names: Vec<&[u8]> = Vec::new();
    for &file in p.linked.file.iter() {
        names.extend(p.sections_of(file).map(|section| p.section_name(section)));
        let file = file as usize;
        let rows = p.outside.first.at(file) as usize..p.outside.first.at(file + 1) as usize;
        names.extend(rows.map(|row| p.strings.get(p.outside.name.at(row))));
    }
    names
}

impl Changed {
    /// Changes a saved link.
    ///
    /// # Errors
    /// A change that matches nothing, or whose answer needs the inputs.
    pub fn new(p: &Portrait<'_>, changes: &[Change]) -> Result<Changed> {
        let asks_scripts = changes.iter().any(|c| matches!(c, Change::DropKeep(_) | Change::AddKeep(_)));
        let mut files = if asks_scripts { p.script_files()? } else { Vec::new() };
        let builtin = of_linker(p, &files);
        let (mut applied, mut no_entry) = (Vec::new(), false);
        for change in changes {
            applied.push(match change {
                Change::DropKeep(text) => scripts::drop_keep(builtin.clone(), change, text, &mut files)?,
                Change::AddKeep(text) => {
                    scripts::add_keep(p.head.profile, || section_names(p), change, text, &mut files)?
                }
                Change::DropRoot(name) => {
                    let (done, entry) = undemanded(p, change, name)?;
                    no_entry |= entry;
                    done
                }
                Change::DropExport(glob) => exports::matching(p, change, glob)?,
                Change::OnlyExports { names, .. } => exports::others(p, change, names),
                Change::Cut(from, to) => cuts::matching(p, change, from, to)?,
                Change::DropSymbol(_) => {
                    return Err(refuse(change, "other definitions and other members may take its place"));
                }
                Change::Archive(_) => return Err(refuse(change, "members of archives would come or go")),
            });
        }
        let mut gone = cuts::find(p, changes)?;
        let mut left: Vec<(u32, Root)> = (0u32..).zip(p.roots()).collect();
        if asks_scripts {
            left = with_keeps(p, changes, left, &files)?;
        }
        let wanted = roots::wanted(p, changes);
        unshadow(p, &wanted, &mut left)?;
        for (pattern, loose) in &wanted {
            take(p, pattern, *loose, &mut left, &mut gone)?;
        }
        // Whoever has several entries gets none.
        left.retain(|(_, root)| !no_entry || root.kind != RootKind::Entry);
        let retained = |s: SectionId| p.kinds.bits.at(p.kind(s.0)) & section_flags::RETAINED != 0;
        retain(&mut left, |roots| scripts::without_builtin(p, builtin.clone(), changes, roots, retained));
        retain(&mut left, |roots| exports::left(p, changes, roots));
        let list: Vec<Root> = left.iter().map(|r| r.1).collect();
        let live = p.mark(&list, None, &gone)?;
        Ok(Changed { applied, live, roots: left, cuts: gone })
    }
}

/// Takes out of a list with rows what `filter` takes out of the roots alone.
fn retain(left: &mut Vec<(u32, Root)>, filter: impl FnOnce(&mut Vec<Root>)) {
    let mut roots: Vec<Root> = left.iter().map(|r| r.1).collect();
    let before = roots.len();
    filter(&mut roots);
    if roots.len() == before {
        return;
    }
    // What is left stands in the old order.
    let mut kept = roots.iter().peekable();
    left.retain(|(_, root)| kept.next_if(|k| *k == root).is_some());
}

/// `--drop-root`: names that nothing asks for any more must not have fetched anything.
fn undemanded(p: &Portrait<'_>, change: &Change, name: &[u8]) -> Result<(Applied, bool)> {
    let pattern = Pattern::new(name, false);
    let mut names: Vec<BString> = p.demanded().into_iter().filter(|n| pattern.matches(n)).collect();
    let (applied, entry) = roots::named(p, change, name, !names.is_empty())?;
    if entry {
        let entries = (0..p.roots.node.len()).filter(|&row| p.root_kind(row) == RootKind::Entry);
        names.extend(entries.map(|row| BString::from(p.strings.get(p.roots.name.at(row)))));
    }
    for name in &names {
        let Some(id) = p.strings.find(name) else { continue };
        let shown = name.as_bstr();
        if p.extractions.symbol.contains(&id) {
            return Err(refuse(change, format!("{shown} has fetched an archive member")));
        }
        let own = p.symbols.name.iter().zip(p.symbols.info.iter());
        if own.into_iter().any(|(n, info)| *n == id && info & symbol_info::WINS != 0) {
            continue;
        }
        let row = p.names.name.iter().position(|&n| n == id);
        match row.map(|row| codes::place(p.names.place.at(row))) {
            None
            | Some(
                Meaning::Section | Meaning::Common | Meaning::Absolute | Meaning::Assigned | Meaning::Defsym,
            ) => {}
            Some(_) => return Err(refuse(change, format!("no file of the link defines {shown}"))),
        }
    }
    Ok((applied, entry))
}

/// The roots with those of changed KEEPs.
fn with_keeps(
    p: &Portrait<'_>,
    changes: &[Change],
    before: Vec<(u32, Root)>,
    scripts: &[ScriptFile],
) -> Result<Vec<(u32, Root)>> {
    let change = changes.iter().find(|c| matches!(c, Change::DropKeep(_) | Change::AddKeep(_)));
    let (old, mut left): (Vec<_>, Vec<_>) = before.into_iter().partition(|(_, root)| root.keep.is_some());
    let new = p.keep_roots(scripts)?;
    if let (Flavor::Lld, Some(change)) = (p.head.profile.flavor, change) {
        let nodes = |roots: &mut dyn Iterator<Item = NodeId>| roots.collect::<HashSet<NodeId>>();
        let was = nodes(&mut old.iter().map(|(_, r)| r.node));
        let is = nodes(&mut new.iter().map(|r| r.node));
        for &node in was.symmetric_difference(&is) {
            if p.is_section(node.0) && is_relocation_type(p.section_type(node.0)) {
                return Err(refuse(change, "it is about sections of relocations"));
            }
        }
        // Without KEEP a section may hang on `__start_X`.
        for &node in was.difference(&is) {
            let name = p.node_name(node).unwrap_or_default();
            let bounded = p.head.start_stop_keeps || name.starts_with(b"__libc_");
            let mentioned = |front: &[u8]| p.strings.find(&[front, name.as_slice()].concat()).is_some();
            if bounded && (mentioned(b"__start_") || mentioned(b"__stop_")) {
                return Err(refuse(change, format!("references to the bounds of {name} may keep it")));
            }
        }
    }
    for root in new {
        let same = old.iter().find(|(_, o)| o.node == root.node);
        left.push((same.map_or(NONE, |o| o.0), root));
    }
    Ok(left)
}

/// lld: unwind data roots what no named root stands before any more.
fn unshadow(p: &Portrait<'_>, wanted: &[(Pattern, bool)], left: &mut Vec<(u32, Root)>) -> Result<()> {
    if p.head.profile.flavor != Flavor::Lld {
        return Ok(());
    }
    let mut more = Vec::new();
    for (_, root) in left.iter() {
        let Some(name) = root.name.filter(|_| root.kind != RootKind::Keep) else { continue };
        let text = p.strings.get(name.0);
        if !wanted.iter().any(|(pattern, _)| pattern.matches(text)) {
            continue;
        }
        let node = root.node.0;
        if p.is_section(node) {
            let class = codes::class(p.kinds.class.at(p.kind(node)));
            let odd = class == Class::Kept
                || p.section_flags(node) & SHF_LINK_ORDER != 0
                || is_relocation_type(p.section_type(node));
            if odd {
                let change = Change::DropRoot(text.into());
                return Err(refuse(&change, "what its section refers to counts by the way it is reached"));
            }
        }
        if p.shadowed.node.contains(&node) {
            more.push((NONE, Root { node: root.node, kind: RootKind::Unwind, name: None, keep: None }));
        }
    }
    left.extend(more);
    Ok(())
}

/// Takes roots of a name away; of a table with other entries only the references.
fn take(
    p: &Portrait<'_>,
    pattern: &Pattern,
    loose: bool,
    left: &mut Vec<(u32, Root)>,
    gone: &mut HashSet<(u32, u32)>,
) -> Result<()> {
    let list: Vec<Root> = left.iter().map(|r| r.1).collect();
    let mut away = vec![false; list.len()];
    for (at, how) in roots::matching(p, &list, pattern, loose) {
        match (how, list.get(at)) {
            (Match::Whole, _) => away.iter_mut().skip(at).take(1).for_each(|a| *a = true),
            (Match::Part, Some(root)) => part(p, root, pattern, gone)?,
            (Match::Part, None) => {}
        }
    }
    let mut away = away.into_iter();
    left.retain(|_| !away.next().unwrap_or(false));
    Ok(())
}

/// The references of the entries of a table that a pattern names.
fn part(p: &Portrait<'_>, root: &Root, pattern: &Pattern, gone: &mut HashSet<(u32, u32)>) -> Result<()> {
    let section = root.node.0;
    let calls = matches!(p.kernel_root(root.node), Some(KernelRoot::Initcall(_)));
    // Function and target of each entry.
    let entries: Vec<(u32, u32)> = if calls {
        let i = &p.initcalls;
        let rows = (0..i.section.len()).filter(|&row| i.section.at(row) == section);
        rows.map(|row| (i.function.at(row), i.target.at(row))).collect()
    } else {
        let c = &p.constructors;
        p.constructor_rows(section).map(|row| (c.function.at(row), c.target.at(row))).collect()
    };
    let goes = |function: u32| pattern.matches(p.strings.get(function));
    for &(function, target) in &entries {
        if !goes(function) || target == NONE {
            continue;
        }
        let same = entries.iter().filter(|e| e.1 == target);
        let (all, going) = same.fold((0u32, 0u32), |n, e| (n.0 + 1, n.1 + u32::from(goes(e.0))));
        let edge = p.targets(section).binary_search(&target).ok().map(|at| p.edges_of(section).start + at);
        let count = edge.map_or(0, |edge| p.edges.count.at(edge));
        if count != all {
            let name = String::from_utf8_lossy(p.strings.get(function)).into_owned();
            let change = Change::DropRoot(name.into());
            return Err(refuse(&change, "its table has references beside its entries"));
        }
        if going == all {
            gone.insert((section, target));
        }
    }
    Ok(())
}

/// A node of the portrait.
fn node(section: usize) -> NodeId {
    NodeId::from_usize(section)
}

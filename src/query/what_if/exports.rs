//! `--drop-export` and `--only-exports`: what trimming a kernel's exports would save.
//!
//! In: the roots. Out: the roots without the table entries (`___ksymtab*+NAME`, `___kcrctab*+NAME`, `___kflagstab*+NAME`, which
//! since Linux 6.5 stand in the object that modpost makes) of the exports that go.

use bstr::BString;

use super::{Applied, Change, nothing};
use crate::error::Result;
use crate::graph::Root;
use crate::query::Analysis;
use crate::query::finished::Finished;
use crate::query::kernel::roots::KernelRoot;
use crate::query::why::Pattern;

/// The exports whose table entries are roots, sorted.
fn rooted<L: Finished>(link: &L) -> Vec<&[u8]> {
    let mut names: Vec<&[u8]> = link.roots().iter().filter_map(|r| export(link, r)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn export<'l, L: Finished>(link: &'l L, root: &Root) -> Option<&'l [u8]> {
    match link.kernel_root(root.node)? {
        KernelRoot::Export { name, .. } if root.name.is_none() => Some(name),
        _ => None,
    }
}

/// The exports that a glob matches.
pub(super) fn matching(link: &impl Finished, change: &Change, glob: &[u8]) -> Result<Applied> {
    let pattern = Pattern::new(glob, false);
    let known = rooted(link);
    let found: Vec<BString> =
        known.iter().filter(|n| pattern.matches(n)).map(|n| BString::from(*n)).collect();
    match found.is_empty() {
        true => Err(nothing(change, "export", glob, known)),
        false => Ok(Applied::of(change, "exports", found)),
    }
}

/// The exports that a list does not name.
pub(super) fn others(link: &impl Finished, change: &Change, names: &[BString]) -> Applied {
    let listed = |name: &&[u8]| names.binary_search_by(|n| n.as_slice().cmp(name)).is_ok();
    let gone = rooted(link).into_iter().filter(|n| !listed(n)).map(BString::from).collect();
    Applied::of(change, "exports", gone)
}

/// Takes the roots away.
pub(super) fn take(analysis: &mut Analysis<'_>, changes: &[Change]) {
    let mut roots = std::mem::take(&mut analysis.roots.roots);
    left(analysis, changes, &mut roots);
    analysis.roots.roots = roots;
}

/// Takes roots of exports out of a list.
pub(super) fn left(link: &impl Finished, changes: &[Change], roots: &mut Vec<Root>) {
    let mut globs = Vec::new();
    let mut lists: Vec<&BString> = Vec::new();
    let mut limited = false;
    for change in changes {
        match change {
            Change::DropExport(glob) => globs.push(Pattern::new(glob, false)),
            Change::OnlyExports { names, .. } => {
                limited = true;
                lists.extend(names);
            }
            _ => {}
        }
    }
    if globs.is_empty() && !limited {
        return;
    }
    // Of several lists each adds to what stays.
    lists.sort_unstable();
    let goes = |name: &[u8]| {
        globs.iter().any(|g| g.matches(name))
            || (limited && lists.binary_search_by(|n| n.as_slice().cmp(name)).is_err())
    };
    roots.retain(|root| !export(link, root).is_some_and(goes));
}

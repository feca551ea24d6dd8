//! Where output sections that no script names stand among those of the script.
//!
//! In: the steps of the script and the sections to add. Out: the steps with them put in. Sources: ld
//! `ldelf_place_orphan`, `lang_output_section_find_by_flags`, `insert_os_after`; lld
//! `getRankProximity`, `findOrphanPos`.

use super::build::{Out, Step};
use crate::load::elf::consts::*;
use crate::plan::{Flavor, Profile, Version};

/// What decides about neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Note,
    Text,
    ReadOnly,
    ThreadData,
    Data,
    Zero,
    NotLoaded,
}

fn sort_of(out: &Out<'_>) -> Sort {
    let flags = out.flags;
    if flags & SHF_ALLOC == 0 {
        Sort::NotLoaded
    } else if out.kind == SHT_NOTE {
        Sort::Note
    } else if flags & SHF_TLS != 0 {
        Sort::ThreadData
    } else if out.nobits {
        Sort::Zero
    } else if flags & SHF_WRITE != 0 {
        Sort::Data
    } else if flags & SHF_EXECINSTR != 0 {
        Sort::Text
    } else {
        Sort::ReadOnly
    }
}

/// The output section of the script that orphans of a sort follow, if it is there.
fn usual_neighbour(sort: Sort) -> &'static str {
    match sort {
        Sort::Note => ".interp",
        Sort::Text => ".text",
        Sort::ReadOnly => ".rodata",
        Sort::ThreadData => ".tdata",
        Sort::Data => ".data",
        Sort::Zero => ".bss",
        Sort::NotLoaded => ".comment",
    }
}

/// Puts the output sections `orphans` (numbers in `outs`, in the order in which they were met) in.
pub(super) fn place<'a>(
    profile: Profile,
    steps: &mut Vec<Step<'a>>,
    outs: &mut [Out<'a>],
    orphans: &[usize],
) {
    let flavor = profile.flavor;
    let first_run = flavor == Flavor::Lld && profile.version < Version(15, 0, 0);
    // One place per sort: later orphans follow earlier ones of their sort. They wait until a new
    // sort looks for its neighbour, so that each is moved once.
    let mut runs: Vec<Run> = Vec::new();
    for &orphan in orphans {
        let Some(sort) = outs.get(orphan).map(sort_of) else { continue };
        if let Some(run) = runs.iter_mut().find(|r| r.sort == sort) {
            run.waiting.push(orphan);
            continue;
        }
        put(steps, &mut runs);
        let neighbour = neighbour(flavor, first_run, steps, outs, sort);
        if let Some(after) = neighbour.and_then(|n| outs.get(n)) {
            let (region, load_region) = (after.region, after.load_region);
            if let Some(out) = outs.get_mut(orphan).filter(|o| o.flags & SHF_ALLOC != 0) {
                (out.region, out.load_region) = (region, load_region);
            }
        }
        let at = neighbour.and_then(|n| position_of(steps, n)).map(|p| behind(steps, outs, p));
        let at = at.unwrap_or(if sort == Sort::Note { 0 } else { steps.len() });
        steps.insert(at.min(steps.len()), Step::Output(orphan));
        runs.push(Run { sort, last: orphan, waiting: Vec::new() });
    }
    put(steps, &mut runs);
}

/// Orphans of one sort.
struct Run {
    sort: Sort,
    /// The last one that has its place.
    last: usize,
    waiting: Vec<usize>,
}

/// Puts those that wait behind the last of their sort.
fn put(steps: &mut Vec<Step<'_>>, runs: &mut [Run]) {
    for run in runs {
        let Some(&last) = run.waiting.last() else { continue };
        let at = position_of(steps, run.last).map_or(steps.len(), |p| p + 1);
        steps.splice(at..at, run.waiting.drain(..).map(Step::Output));
        run.last = last;
    }
}

fn position_of(steps: &[Step<'_>], out: usize) -> Option<usize> {
    steps.iter().position(|s| matches!(s, Step::Output(n) if *n == out))
}

fn neighbour(
    flavor: Flavor,
    first_run: bool,
    steps: &[Step<'_>],
    outs: &[Out<'_>],
    sort: Sort,
) -> Option<usize> {
    let numbers = || steps.iter().filter_map(|s| if let Step::Output(n) = s { Some(*n) } else { None });
    if flavor == Flavor::Bfd
        && let Some(found) = numbers().find(|&n| {
            outs.get(n).is_some_and(|o| o.name == usual_neighbour(sort) && !o.skipped && o.section.is_some())
        })
    {
        return Some(found);
    }
    // The last of exactly its sort; lld up to 14 the end of the first run of them.
    let exact: Vec<(usize, usize)> = numbers()
        .enumerate()
        .filter(|(_, n)| outs.get(*n).is_some_and(|o| o.exists() && sort_of(o) == sort))
        .collect();
    if let Some(&(_, last)) = exact.last() {
        if !first_run {
            return Some(last);
        }
        let run = exact.windows(2).find(|w| matches!(w, [a, b] if b.0 != a.0 + 1));
        return Some(run.and_then(|w| w.first()).map_or(last, |found| found.1));
    }
    let fits = |o: &Out<'_>| {
        let other = sort_of(o);
        let loaded = o.flags & SHF_ALLOC != 0;
        match sort {
            Sort::Text => other == Sort::Text,
            Sort::ReadOnly | Sort::Note => matches!(other, Sort::ReadOnly | Sort::Text | Sort::Note),
            Sort::ThreadData => loaded && !matches!(other, Sort::Zero),
            Sort::Data => loaded && !matches!(other, Sort::Zero),
            Sort::Zero => loaded,
            Sort::NotLoaded => true,
        }
    };
    let close: Vec<usize> =
        numbers().filter(|&n| outs.get(n).is_some_and(|o| o.exists() && fits(o))).collect();
    close.last().copied()
}

/// ld puts an orphan before an assignment to `.` that belongs to the next output section.
fn behind(steps: &[Step<'_>], outs: &[Out<'_>], position: usize) -> usize {
    let mut assign = None;
    for (number, step) in steps.iter().enumerate().skip(position + 1) {
        match step {
            Step::Assign(a) if a.name.text == "." => assign = assign.or(Some(number)),
            Step::Assign(_) | Step::Insert(..) | Step::OverlayEnd => {}
            Step::OverlayStart(_) => return assign.unwrap_or(number),
            Step::Output(next) => {
                let loaded = outs.get(*next).is_none_or(|o| !o.has_inputs() || o.flags & SHF_ALLOC != 0);
                return if loaded { assign.unwrap_or(number) } else { number };
            }
        }
    }
    steps.len()
}

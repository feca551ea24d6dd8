//! Archives in another mode than the line says: `--on-demand=GLOB`, `--whole-archive=GLOB`.
//!
//! In: a plan and what the user asks. Out: the changed plan. Archives are matched by the name that the
//! linker would print; it is known only when they are found, so the plan carries the globs, and
//! `load::open` applies them. On a kernel tree an archive that the build merged into another leaves
//! it and takes its place in the group (cli.md 2, KL 7.4).

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::BString;

use super::{InputMode, InputName, LinkPlan, Step};
use crate::error::Result;
use crate::script::glob::{Pattern, Syntax};

/// One `--on-demand` or `--whole-archive`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveMode {
    /// A glob over archive names as the linker prints them; `*` also takes `/`.
    pub glob: BString,
    /// `--whole-archive`; otherwise on demand.
    pub whole: bool,
    /// Some archive must match it when the inputs are opened.
    pub must_match: bool,
}

impl ArchiveMode {
    /// `--on-demand=GLOB`.
    pub fn on_demand(glob: impl Into<BString>) -> ArchiveMode {
        ArchiveMode { glob: glob.into(), whole: false, must_match: true }
    }

    /// `--whole-archive=GLOB`.
    pub fn whole(glob: impl Into<BString>) -> ArchiveMode {
        ArchiveMode { glob: glob.into(), whole: true, must_match: true }
    }

    /// The option as typed.
    pub fn spelled(&self) -> String {
        let name = if self.whole { "--whole-archive" } else { "--on-demand" };
        format!("option {name}={}", self.glob)
    }

    /// The glob, compiled.
    ///
    /// # Errors
    /// The glob is not one.
    pub fn pattern(&self) -> Result<Pattern> {
        Pattern::glob(&self.glob, Syntax::Posix).map_err(|e| e.within(self.spelled()))
    }
}

/// The plan with archives in other modes; of several globs that match an archive the last counts.
///
/// # Errors
/// A glob that is not one. One that no archive matches is found out when the inputs are opened.
pub fn change(mut plan: LinkPlan, changes: &[ArchiveMode]) -> Result<LinkPlan> {
    let mut changes: Vec<ArchiveMode> = changes.to_vec();
    let patterns: Vec<Pattern> = changes.iter().map(ArchiveMode::pattern).collect::<Result<_>>()?;
    let last_match = |path: &Path| {
        let name = path.as_os_str().as_bytes();
        patterns.iter().rposition(|p| p.matches(name) || p.matches(plain(name)))
    };
    if let Some(kernel) = plan.kernel.clone() {
        let mut leaving: Vec<PathBuf> = Vec::new();
        for path in &kernel.merged {
            let Some(change) = last_match(path).and_then(|at| changes.get_mut(at)) else { continue };
            let Some(whole) = kernel.whole.as_ref() else { continue };
            if change.whole {
                change.must_match = false;
                plan.notes.push(format!("{} is a part of {} already", path.display(), whole.display()));
            } else {
                plan.left_out.push((whole.clone(), path.clone()));
                leaving.push(path.clone());
            }
        }
        // Before vmlinux.a each library stands by itself among the unconditional inputs.
        let mut steps = std::mem::take(&mut plan.steps);
        let container = kernel.whole.as_deref();
        steps.retain(|step| {
            let Step::Input { name: InputName::Path(path), mode } = step else { return true };
            let moves = mode.whole_archive
                && container != Some(path)
                && path.extension().is_some_and(|e| e == "a")
                && last_match(path).and_then(|at| changes.get(at)).is_some_and(|c| !c.whole);
            if moves {
                leaving.push(path.clone());
            }
            !moves
        });
        if !leaving.is_empty() {
            let group = steps.iter().position(|s| *s == Step::StartGroup);
            let inputs = leaving
                .into_iter()
                .map(|path| Step::Input { name: InputName::Path(path), mode: InputMode::default() });
            match group {
                Some(at) => drop(steps.splice(at + 1..at + 1, inputs)),
                None => steps.extend(inputs),
            }
        }
        plan.steps = steps;
    }
    plan.archive_modes.append(&mut changes);
    Ok(plan)
}

/// A path without `./` in front.
fn plain(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"./").unwrap_or(name)
}

/// The mode of an archive under the globs of a plan: of those that match, the last. Tells also which
/// matched.
pub fn mode_of(patterns: &[(Pattern, bool)], shown: &[u8]) -> Option<(usize, bool)> {
    let at = patterns.iter().rposition(|(p, _)| p.matches(shown) || p.matches(plain(shown)))?;
    patterns.get(at).map(|(_, whole)| (at, *whole))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::super::kbuild::KernelLink;
    use super::super::{Overrides, parse_command};
    use super::*;

    fn plan(text: &str, kernel: Option<KernelLink>) -> LinkPlan {
        let words: Vec<OsString> = text.split_ascii_whitespace().map(OsString::from).collect();
        let mut plan = parse_command(&words, &Overrides::default()).unwrap();
        plan.kernel = kernel;
        plan
    }

    fn show(plan: &LinkPlan) -> String {
        let steps = plan.steps.iter().map(|s| match s {
            Step::Input { name: InputName::Path(p), mode } => {
                format!("{}{}", p.display(), if mode.whole_archive { "!" } else { "" })
            }
            Step::StartGroup => "(".into(),
            Step::EndGroup => ")".into(),
            _ => "?".into(),
        });
        steps.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_merged_archive_takes_its_place_in_the_group() {
        let kernel = KernelLink {
            whole: Some("vmlinux.a".into()),
            merged: vec!["lib/lib.a".into(), "arch/x/lib/lib.a".into()],
            ..KernelLink::default()
        };
        let line = "ld --whole-archive vmlinux.a x.o --no-whole-archive --start-group s.a --end-group k.o";
        let changed =
            change(plan(line, Some(kernel.clone())), &[ArchiveMode::on_demand("*lib/lib.a")]).unwrap();
        assert_eq!(show(&changed), "vmlinux.a! x.o! ( lib/lib.a arch/x/lib/lib.a s.a ) k.o");
        assert_eq!(changed.left_out.len(), 2);
        let changed = change(
            plan(line, Some(kernel.clone())),
            &[ArchiveMode::on_demand("*lib/lib.a"), ArchiveMode::whole("arch/*")],
        )
        .unwrap();
        assert_eq!(show(&changed), "vmlinux.a! x.o! ( lib/lib.a s.a ) k.o");
        assert!(!changed.archive_modes[1].must_match);
        // The container itself never moves.
        let changed = change(plan(line, Some(kernel)), &[ArchiveMode::on_demand("*")]).unwrap();
        assert!(show(&changed).starts_with("vmlinux.a! x.o! ( lib/lib.a"));
    }

    #[test]
    fn libraries_on_the_line_move_into_the_group() {
        let line = "ld --whole-archive fs/built-in.a lib/lib.a --no-whole-archive --start-group --end-group";
        let changed =
            change(plan(line, Some(KernelLink::default())), &[ArchiveMode::on_demand("lib/lib.a")]).unwrap();
        assert_eq!(show(&changed), "fs/built-in.a! ( lib/lib.a )");
        // A user's own link keeps its order.
        let changed = change(plan(line, None), &[ArchiveMode::on_demand("lib/lib.a")]).unwrap();
        assert_eq!(show(&changed), "fs/built-in.a! lib/lib.a! ( )");
        assert_eq!(changed.archive_modes.len(), 1);
    }

    #[test]
    fn the_last_glob_counts() {
        let compiled: Vec<(Pattern, bool)> = [ArchiveMode::on_demand("*.a"), ArchiveMode::whole("lib*")]
            .iter()
            .map(|c| (c.pattern().unwrap(), c.whole))
            .collect();
        assert_eq!(mode_of(&compiled, b"libx.a"), Some((1, true)));
        assert_eq!(mode_of(&compiled, b"./libx.a"), Some((1, true)));
        assert_eq!(mode_of(&compiled, b"d/x.a"), Some((0, false)));
        assert_eq!(mode_of(&compiled, b"x.o"), None);
    }
}

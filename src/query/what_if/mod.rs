//! The link after changes (`what-if`).
//!
//! In: an analysis and a list of [`Change`]s. Out: the analysis of the changed link ([`Edited::apply`]) and what
//! became of every section ([`compare::WhatIf`]). Always true: a change acts on what a phase reads (the plan, the
//! scripts, the symbols, the roots, single edges), and every phase that reads it runs again, so that the
//! answer is what the linker would say of an edited link.

pub mod compare;
mod cuts;
mod exports;
pub mod flow;
pub mod kill;
mod roots;
pub mod saved;
mod scripts;
mod symbols;

use bstr::{BString, ByteSlice};

use super::Analysis;
use super::undefined::near::nearest;
use crate::error::{Error, Result};
use crate::load::ScriptFile;
use crate::plan::LinkPlan;
use crate::plan::modes::ArchiveMode;
use crate::{graph, mark, resolve};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `--drop-root=NAME`: a root by the name of its symbol, initcall, export or section.
    DropRoot(BString),
    /// `--drop-keep=K`: KEEP taken off a statement.
    DropKeep(BString),
    /// `--add-keep=PATTERN`: KEEP around a statement, or of sections by name.
    AddKeep(BString),
    /// `--drop-export=GLOB`: the table entries of exports are no roots.
    DropExport(BString),
    /// `--only-exports=FILE`: only the named exports stay.
    OnlyExports {
        /// The file, as typed.
        file: BString,
        /// The names in it, sorted.
        names: Vec<BString>,
    },
    /// `--drop-symbol=NAME`: nothing defines it.
    DropSymbol(BString),
    /// `--cut=A,B`: A does not refer to B.
    Cut(BString, BString),
    /// `--whole-archive=GLOB` or `--on-demand=GLOB`; they are part of the plan already.
    Archive(ArchiveMode),
}

impl Change {
    /// `--cut=A,B` from the text behind `=`.
    ///
    /// # Errors
    /// Not two patterns with a comma between them.
    pub fn cut(text: &[u8]) -> Result<Change> {
        match text.split_once_str(",") {
            Some((a, b)) if !a.is_empty() && !b.is_empty() => Ok(Change::Cut(a.into(), b.into())),
            _ => Err(Error::new(
                format!("option --cut={}", text.as_bstr()),
                "two patterns with a comma between them: --cut=FROM,TO",
            )),
        }
    }

    /// The option as typed.
    pub fn spelled(&self) -> BString {
        let with = |option: &str, text: &[u8]| BString::from([option.as_bytes(), text].concat());
        match self {
            Change::DropRoot(name) => with("--drop-root=", name),
            Change::DropKeep(text) => with("--drop-keep=", text),
            Change::AddKeep(text) => with("--add-keep=", text),
            Change::DropExport(glob) => with("--drop-export=", glob),
            Change::OnlyExports { file, .. } => with("--only-exports=", file),
            Change::DropSymbol(name) => with("--drop-symbol=", name),
            Change::Cut(a, b) => with("--cut=", &[a.as_slice(), b",", b].concat()),
            Change::Archive(mode) if mode.whole => with("--whole-archive=", &mode.glob),
            Change::Archive(mode) => with("--on-demand=", &mode.glob),
        }
    }
}

/// The names in a list of exports: one a line, or lines of `Module.symvers` (the name is the second of
/// their tab separated fields), or of `nm -u` (the name is behind `U`). Sorted.
pub fn listed_names(text: &[u8]) -> Vec<BString> {
    let mut names: Vec<BString> = Vec::new();
    for line in text.lines() {
        if line.starts_with(b"0x") && line.contains(&b'\t') {
            names.extend(line.split(|&b| b == b'\t').nth(1).map(BString::from));
            continue;
        }
        let line = line.split(|&b| b == b'#').next().unwrap_or_default();
        let mut words = line.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty());
        match (words.next(), words.next()) {
            (Some(b"U" | b"w" | b"v"), Some(name)) => {
                names.push(name.into());
                // 64-bit PowerPC: `.foo` is the code of `foo`.
                names.extend(name.strip_prefix(b".").map(BString::from));
            }
            (Some(name), _) => names.push(name.into()),
            _ => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// What a change did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The option as typed.
    pub change: BString,
    /// How many things it is about: statements, roots, exports, symbols, relocations.
    pub count: u64,
    /// What sort of things, in the plural.
    pub what: &'static str,
    /// Some of them, in order.
    pub names: Vec<BString>,
}

/// The most names that are told of one change.
const TOLD: usize = 5;

impl Applied {
    fn of(change: &Change, what: &'static str, names: Vec<BString>) -> Applied {
        let count = names.len() as u64;
        Applied { change: change.spelled(), count, what, names: names.into_iter().take(TOLD).collect() }
    }
}

/// Nothing is called like that: an error with what is almost called so.
fn nothing(change: &Change, what: &str, wanted: &[u8], mut known: Vec<&[u8]>) -> Error {
    known.retain(|n| !n.is_empty());
    known.sort_unstable();
    known.dedup();
    let mut near: Vec<BString> = nearest(wanted, &known).into_iter().collect();
    let plain: Vec<u8> = wanted.iter().copied().filter(|b| !matches!(b, b'*' | b'?')).collect();
    if near.is_empty() && plain.len() > 2 {
        let holds = |n: &&&[u8]| n.contains_str(&plain) || (n.len() > 3 && plain.contains_str(**n));
        near.extend(known.iter().filter(holds).take(TOLD).map(|n| BString::from(*n)));
    }
    let mut cause = format!("no {what} matches");
    if !near.is_empty() {
        let list: Vec<String> = near.iter().map(|n| n.to_string()).collect();
        cause.push_str(&format!("; near it: {}", list.join(", ")));
    } else if known.is_empty() {
        cause.push_str("; this link has none");
    }
    Error::new(format!("option {}", change.spelled()), cause)
}

/// Plan and scripts as they are after the changes.
#[derive(Debug, Clone)]
pub struct Edited {
    plan: LinkPlan,
    scripts: Vec<ScriptFile>,
    /// Definitions or demands have changed.
    resolves_again: bool,
    /// KEEPs have changed.
    rebuilds: bool,
    applied: Vec<Applied>,
}

impl Edited {
    /// Edits the plan and the scripts of an analysed link.
    ///
    /// # Errors
    /// A change that matches nothing, or that this linker cannot follow.
    pub fn new(analysis: &Analysis<'_>, changes: &[Change]) -> Result<Edited> {
        let program = &analysis.program;
        let mut edited = Edited {
            plan: program.plan.clone(),
            scripts: program.scripts.to_vec(),
            resolves_again: false,
            rebuilds: false,
            applied: Vec::new(),
        };
        for change in changes {
            let done = match change {
                Change::DropKeep(text) => {
                    scripts::drop_keep(scripts::builtin_keeps(analysis), change, text, &mut edited.scripts)?
                }
                Change::AddKeep(text) => {
                    let known = || scripts::section_names(analysis);
                    scripts::add_keep(program.plan.profile, known, change, text, &mut edited.scripts)?
                }
                Change::DropRoot(name) => roots::edit(analysis, change, name, &mut edited)?,
                Change::DropExport(glob) => exports::matching(analysis, change, glob)?,
                Change::OnlyExports { names, .. } => exports::others(analysis, change, names),
                Change::DropSymbol(name) => symbols::defined(analysis, change, name)?,
                Change::Cut(from, to) => cuts::matching(analysis, change, from, to)?,
                Change::Archive(_) => Applied::of(change, "archive", Vec::new()),
            };
            edited.resolves_again |= matches!(change, Change::DropSymbol(_));
            edited.rebuilds |= matches!(change, Change::DropKeep(_) | Change::AddKeep(_));
            edited.applied.push(done);
        }
        Ok(edited)
    }

    /// What each change is about, in their order.
    pub fn applied(&self) -> &[Applied] {
        &self.applied
    }

    /// Turns an analysis into that of the changed link.
    pub fn apply<'d>(&'d self, analysis: &mut Analysis<'d>, changes: &[Change]) {
        // Patterns mean what they mean in the link as it is.
        let cut = cuts::find(analysis, changes);
        let wanted = roots::wanted(analysis, changes);
        analysis.program.plan = &self.plan;
        analysis.program.scripts = &self.scripts;
        symbols::take(analysis, changes);
        if self.resolves_again {
            analysis.resolution = resolve::resolve(&analysis.program);
        }
        roots::unexport(analysis, changes);
        if self.resolves_again || self.rebuilds || roots::asks_graph(analysis, changes) {
            (analysis.graph, analysis.roots) = graph::build(&analysis.program, &analysis.resolution);
        }
        analysis.graph.cuts = cut;
        roots::take(analysis, &wanted);
        scripts::take_builtin(analysis, changes);
        exports::take(analysis, changes);
        analysis.liveness =
            mark::mark(&analysis.program, &analysis.resolution, &analysis.graph, &analysis.roots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_exports() {
        let is = |text: &str, names: &[&str]| {
            assert_eq!(
                listed_names(text.as_bytes()),
                names.iter().map(|n| BString::from(*n)).collect::<Vec<_>>()
            );
        };
        is("b\na # why\n\na\n", &["a", "b"]);
        is("0x12345678\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n", &["kfree"]);
        is("                 U printk\nmodule.o:\n", &["module.o:", "printk"]);
    }

    #[test]
    fn cuts_are_two_patterns() {
        assert_eq!(Change::cut(b"a,b"), Ok(Change::Cut("a".into(), "b".into())));
        assert!(Change::cut(b"a").is_err() && Change::cut(b",b").is_err() && Change::cut(b"a,").is_err());
        assert_eq!(Change::cut(b"a,b").map(|c| c.spelled()), Ok("--cut=a,b".into()));
    }
}

//! What a kernel tree is, and the roots of its link in the order of a boot: the kernel's part of
//! `doctor`, as text and JSON.
//!
//! In: the tree's plain value and the roots found in its link. Out: text lines, or a JSON object.

use serde::Serialize;

use super::json;
use super::labels::{Style, escape};
use super::text::{count, plural, table};
use crate::plan::kbuild::KernelTree;
use crate::program::Program;
use crate::query::kernel::roots::{Initcall, KernelRoots};

/// Head sections that text names.
const HEADS: usize = 8;

/// For people.
pub(super) fn text(
    tree: &KernelTree,
    roots: &KernelRoots<'_>,
    program: &Program<'_>,
    style: Style,
) -> String {
    let mut out = style.heading("kernel\n");
    let release = tree.release.map_or("unknown".into(), |v| format!("{}.{}.{}", v.0, v.1, v.2));
    let era = tree.era.map_or("nothing of vmlinux built", |e| e.describe());
    let arch = tree.srcarch.as_deref().map_or("unknown".into(), |a| escape(a.as_bytes()));
    let mut rows = vec![
        vec!["release".into(), release],
        vec!["objects".into(), era.to_string()],
        vec!["architecture".into(), arch],
        vec!["modules".into(), count(tree.modules.len() as u64)],
        vec!["entry".into(), entry(roots, program, style)],
        vec!["exports kept".into(), count(roots.exports)],
    ];
    let head: Vec<String> = roots
        .head
        .iter()
        .take(HEADS)
        .map(|s| {
            let (file, _) = program.locate(*s);
            format!(
                "{}:({})",
                escape(program.label(file).as_bytes()),
                style.section(program.section_name(*s))
            )
        })
        .collect();
    for (number, section) in head.into_iter().enumerate() {
        rows.push(vec![if number == 0 { "head".into() } else { String::new() }, section]);
    }
    if roots.head.len() > HEADS {
        rows.push(vec![String::new(), format!("and {} more", roots.head.len() - HEADS)]);
    }
    for level in levels(roots) {
        let [first, ..] = level else { continue };
        let name = |c: &&Initcall<'_>| style.symbol(c.function);
        let mut names: Vec<String> = level.iter().take(3).map(|c| name(&c)).collect();
        if level.len() > 3 {
            names.push("...".into());
        }
        let title = match first.level.0 {
            [b'0'..=b'9', ..] => format!("initcalls {} ({})", escape(first.level.0), first.level.word()),
            _ => format!("initcalls {}", first.level.word()),
        };
        let calls = plural(level.len() as u64, "call", "calls");
        rows.push(vec![title, format!("{calls}: {}", names.join(", "))]);
    }
    out.push_str(&table(rows, &[]));
    out
}

fn entry(roots: &KernelRoots<'_>, program: &Program<'_>, style: Style) -> String {
    match roots.entry {
        None => "none is named".into(),
        Some(e) if e.by_script => {
            format!("{}, assigned by the script: it keeps nothing", style.symbol(e.name))
        }
        Some(e) => match e.section {
            Some(section) => {
                let (file, _) = program.locate(section);
                let name = style.section(program.section_name(section));
                format!("{} in {}:({name})", style.symbol(e.name), escape(program.label(file).as_bytes()))
            }
            None => format!("{}, not defined in this link", style.symbol(e.name)),
        },
    }
}

/// Initcalls of one level each, in order.
fn levels<'r, 'd>(roots: &'r KernelRoots<'d>) -> impl Iterator<Item = &'r [Initcall<'d>]> {
    roots.initcalls.chunk_by(|a, b| a.level == b.level)
}

/// The JSON object.
#[derive(Serialize)]
pub(super) struct KernelJson {
    release: Option<String>,
    era: Option<&'static str>,
    architecture: Option<String>,
    modules: u64,
    entry: Option<EntryJson>,
    exports_kept: u64,
    head: Vec<PlaceJson>,
    initcalls: Vec<InitcallJson>,
}

#[derive(Serialize)]
struct EntryJson {
    name: String,
    by_script: bool,
}

#[derive(Serialize)]
struct PlaceJson {
    file: String,
    section: String,
}

#[derive(Serialize)]
struct InitcallJson {
    level: String,
    level_name: &'static str,
    function: String,
    module: Option<String>,
    file: String,
}

/// For programs: every initcall in the order of a boot.
pub(super) fn json(tree: &KernelTree, roots: &KernelRoots<'_>, program: &Program<'_>) -> KernelJson {
    let file = |section| program.label(program.locate(section).0);
    KernelJson {
        release: tree.release.map(|v| format!("{}.{}.{}", v.0, v.1, v.2)),
        era: tree.era.map(|e| e.describe()),
        architecture: tree.srcarch.clone(),
        modules: tree.modules.len() as u64,
        entry: roots.entry.map(|e| EntryJson { name: json::string(e.name), by_script: e.by_script }),
        exports_kept: roots.exports,
        head: roots
            .head
            .iter()
            .map(|&s| PlaceJson { file: file(s), section: json::string(program.section_name(s)) })
            .collect(),
        initcalls: roots
            .initcalls
            .iter()
            .map(|c| InitcallJson {
                level: json::string(c.level.0),
                level_name: c.level.word(),
                function: json::string(c.function),
                module: c.module.map(json::string),
                file: file(c.section),
            })
            .collect(),
    }
}

//! Retained sizes on real links of the C library, by every linker's rules: what the dominator tree promises of a node is what
//! marking without the node frees.
//!
//! Links come from the compiler driver; without it the tests are ignored by name.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use fixedbitset::FixedBitSet;
use libtest_mimic::{Arguments, Failed, Trial};
use linksweep::ids::{Id, NodeId};
use linksweep::mark::mark_without;
use linksweep::plan::{self, Overrides, ProfileSpec};
use linksweep::query::dominators::NONE;
use linksweep::query::finished::Finished;
use linksweep::query::retained::live_graph::Vertex;
use linksweep::query::retained::{By, Forest, retained};
use linksweep::query::select::Selection;

/// Nodes taken away per link.
const SAMPLE: usize = 150;

const SOURCE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>
#include <time.h>
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
int unused(void) { return system("true"); }
int main(int argc, char **argv) {
    setlocale(LC_ALL, "");
    qsort(argv, argc, sizeof *argv, compare);
    time_t now = time(0);
    printf("%d %s %f\n", argc, ctime(&now), strtod(argv[0], 0));
    return 0;
}
"#;

fn compile(dir: &Path) -> bool {
    std::fs::write(dir.join("main.c"), SOURCE).unwrap();
    let gcc = Command::new("gcc")
        .args(["-O1", "-c", "-ffunction-sections", "-fdata-sections", "main.c"])
        .current_dir(dir)
        .status();
    gcc.is_ok_and(|s| s.success())
}

fn check(linker: &str, words: &[&str]) -> Result<(), Failed> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    if !compile(dir.path()) {
        return Err("gcc cannot compile".into());
    }
    let overrides = Overrides {
        linker: Some(ProfileSpec::parse(linker).map_err(|e| e.to_string())?),
        directory: dir.path().to_path_buf(),
        assume_gc: true,
        ..Overrides::default()
    };
    let words: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
    let plan = plan::parse_command(&words, &overrides).map_err(|e| e.to_string())?;
    let link = linksweep::open(&plan).map_err(|e| e.to_string())?;
    let analysis = linksweep::analyze(&plan, &link).map_err(|e| e.to_string())?;
    let forest = Forest::of(&analysis);
    if forest.graph.order_dependent {
        return Err("this link does not depend on order".into());
    }
    let nodes = &forest.graph.nodes;
    if nodes.len() < 100 {
        return Err(format!("only {} live nodes", nodes.len()).into());
    }
    let freed_without = |removed: &FixedBitSet| {
        let (program, graph) = (&analysis.program, &analysis.graph);
        let left = mark_without(program, &analysis.resolution, graph, &analysis.roots, Some(removed));
        let mut freed = analysis.liveness.live.clone();
        freed.difference_with(&left.live);
        freed
    };
    let mut more_than_itself = 0;
    for &node in nodes.iter().step_by((nodes.len() / SAMPLE).max(1)) {
        let mut removed = FixedBitSet::with_capacity(analysis.graph.node_count());
        removed.insert(node.index());
        let freed = freed_without(&removed);
        let vertex = forest.graph.of(node).ok_or("a live node without a vertex")?;
        let mut below: BTreeSet<u32> = [vertex].into();
        for &v in &forest.tree.preorder {
            let above = forest.tree.idom[v as usize];
            if above != NONE && below.contains(&above) {
                below.insert(v);
            }
        }
        let promised: BTreeSet<usize> = below
            .iter()
            .filter_map(|&v| match forest.graph.vertex(v) {
                Vertex::Node(n) => Some(n.index()),
                _ => None,
            })
            .collect();
        let freed: BTreeSet<usize> = freed.ones().collect();
        if freed != promised {
            return Err(format!("node {}: freed {}, promised {}", node.0, freed.len(), promised.len()).into());
        }
        let bytes: u64 = freed.iter().map(|&n| analysis.own(NodeId::from_usize(n)).bytes).sum();
        if bytes != forest.below[vertex as usize].bytes {
            return Err(format!("node {}: {bytes} bytes", node.0).into());
        }
        more_than_itself += usize::from(freed.len() > 1);
    }
    if more_than_itself == 0 {
        return Err("no node retains another".into());
    }
    // Everything together keeps all that lives.
    let answer = retained(&analysis, &[By::Archive, By::Directory], &Selection::default(), |_| {});
    let sum: u64 = answer.groups.iter().flat_map(|g| &g.rows).map(|r| r.direct.bytes).sum();
    if sum != 2 * answer.live.bytes {
        return Err(format!("groups have {sum} bytes, the link {}", answer.live.bytes).into());
    }
    Ok(())
}

fn main() {
    let args = Arguments::from_args();
    let absent = tempfile::tempdir().map_or(true, |dir| !compile(dir.path()));
    let mut trials = Vec::new();
    for linker in ["bfd@2.40", "gold@1.16", "lld@14.0.6", "lld@19.1.7", "mold@1.10.1"] {
        let test = move || check(linker, &["gcc", "-static", "main.o"]);
        trials.push(Trial::test(format!("static {linker}"), test).with_ignored_flag(absent));
    }
    libtest_mimic::run(&args, trials).exit();
}

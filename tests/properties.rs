//! Properties over random links in memory: marking equals plain reachability where a linker's rules
//! are a closure, all bytes have one fate, and the thread count changes nothing.
//!
//! The first property knows the expected answer from the model that the objects are written from; the
//! others take the program's own graph and ask petgraph.

#![allow(clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use linksweep::ids::{Id, NodeId};
use linksweep::load::FileStore;
use linksweep::plan::{DemandKind, Flavor, InputMode, InputName, LinkPlan, Profile, Step, Version};
use linksweep::query::{Analysis, dead, listing, totals::Totals};
use object::write::{Object, Relocation, SectionId, StandardSegment, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, RelocationEncoding,
    RelocationFlags, RelocationKind, SectionFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Dfs;
use proptest::prelude::*;

const PROFILES: [(Flavor, Version); 6] = [
    (Flavor::Bfd, Version(2, 40, 0)),
    (Flavor::Gold, Version(1, 16, 0)),
    (Flavor::Lld, Version(14, 0, 6)),
    (Flavor::Lld, Version(19, 1, 7)),
    (Flavor::Lld, Version(22, 1, 2)),
    (Flavor::Mold, Version(1, 10, 1)),
];

/// Names of the richer sections; what they mean differs from linker to linker.
const NAMES: [&str; 8] =
    [".text", ".data.x", "meta", "set1", ".init_array.5", ".rodata.str", ".note.x", ".custom"];

const RETAIN: u64 = 0x20_0000;

/// A section of the model.
#[derive(Debug, Clone)]
struct Part {
    /// Index into [`NAMES`]; `None` for a name of its own.
    name: Option<usize>,
    allocated: bool,
    retain: bool,
    group: bool,
    /// Sections that it refers to.
    to: Vec<usize>,
    /// Refers to `__start_meta` too.
    bounds: bool,
}

/// Named input files, and the objects in them.
type Inputs = (Vec<(String, Vec<u8>)>, Vec<Vec<u8>>);

/// A link: the parts of each file, and the parts named by `-u`.
#[derive(Debug, Clone)]
struct Model {
    files: Vec<Vec<usize>>,
    parts: Vec<Part>,
    roots: Vec<usize>,
    /// The last file is a member of an archive.
    archive: bool,
}

fn parts(plain: bool) -> impl Strategy<Value = Vec<Part>> {
    (1usize..40).prop_flat_map(move |count| {
        let to = prop::collection::vec(0..count, 0..4);
        let odd = !plain;
        let name = prop::option::of(0..NAMES.len()).prop_map(move |n| n.filter(|_| odd));
        let bit = || prop::bool::weighted(if odd { 0.15 } else { 0.0 });
        let part = (name, bit(), bit(), bit(), to, bit());
        let part = part.prop_map(|(name, bare, retain, group, to, bounds)| Part {
            name,
            allocated: !bare,
            retain,
            group,
            to,
            bounds,
        });
        prop::collection::vec(part, count)
    })
}

fn models(plain: bool) -> impl Strategy<Value = Model> {
    let shape = (parts(plain), 1usize..5, any::<bool>(), any::<u64>());
    shape.prop_map(move |(parts, count, archive, seed)| {
        let mut files = vec![Vec::new(); count];
        for index in 0..parts.len() {
            // Part 0 is the entry and stands in the first file.
            let file = if index == 0 { 0 } else { (seed >> (index % 48)) as usize % count };
            files[file].push(index);
        }
        let roots = (0..parts.len()).filter(|i| (seed >> (i % 60)) & 15 == 7).collect();
        Model { files, roots, archive: archive && count > 1 && !plain, parts }
    })
}

fn symbol_name(part: usize) -> String {
    if part == 0 { "_start".to_string() } else { format!("s{part}") }
}

impl Model {
    fn section_name(&self, part: usize) -> String {
        self.parts[part].name.map_or_else(|| format!(".text.s{part}"), |n| NAMES[n].to_string())
    }

    /// One file's bytes.
    fn object(&self, file: usize) -> Vec<u8> {
        let mut out = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let mut sections: Vec<(usize, SectionId)> = Vec::new();
        let mut symbols: Vec<(String, SymbolId)> = Vec::new();
        let segment = out.segment_name(StandardSegment::Text).to_vec();
        let symbol = |name: &str, section| Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size: 8,
            kind: SymbolKind::Text,
            scope: SymbolScope::Linkage,
            weak: false,
            section,
            flags: SymbolFlags::None,
        };
        for &part in &self.files[file] {
            let model = &self.parts[part];
            let name = self.section_name(part).into_bytes();
            let id = out.add_section(segment.clone(), name, SectionKind::Data);
            let mut flags = if model.allocated { 3 } else { 0u64 };
            if model.retain {
                flags |= RETAIN;
            }
            let (sh_type, sh_flags) = (object::elf::SHT_PROGBITS, object::elf::SectionFlags(flags));
            out.section_mut(id).flags = SectionFlags::Elf { sh_type, sh_flags };
            out.append_section_data(id, &vec![0; 8 * (model.to.len() + 2)], 8);
            let name = symbol_name(part);
            let symbol = out.add_symbol(symbol(&name, SymbolSection::Section(id)));
            if model.group {
                out.add_comdat(object::write::Comdat {
                    kind: object::ComdatKind::Any,
                    symbol,
                    sections: vec![id],
                });
            }
            sections.push((part, id));
            symbols.push((name, symbol));
        }
        for &(part, id) in &sections {
            let mut wanted: Vec<String> = self.parts[part].to.iter().map(|&to| symbol_name(to)).collect();
            if self.parts[part].bounds {
                wanted.push("__start_meta".to_string());
            }
            for (slot, name) in wanted.into_iter().enumerate() {
                let known = symbols.iter().find(|(n, _)| *n == name).map(|s| s.1);
                let target = known.unwrap_or_else(|| {
                    let id = out.add_symbol(symbol(&name, SymbolSection::Undefined));
                    symbols.push((name, id));
                    id
                });
                let flags = RelocationFlags::Generic {
                    kind: RelocationKind::Absolute,
                    encoding: RelocationEncoding::Generic,
                    size: 64,
                };
                let relocation = Relocation { offset: 8 * slot as u64, symbol: target, addend: 0, flags };
                out.add_relocation(id, relocation).expect("relocation");
            }
        }
        out.write().expect("object")
    }

    /// Names and bytes of the inputs, and of each object in them.
    fn inputs(&self) -> Inputs {
        let objects: Vec<Vec<u8>> = (0..self.files.len()).map(|file| self.object(file)).collect();
        let mut inputs: Vec<(String, Vec<u8>)> =
            objects.iter().enumerate().map(|(i, bytes)| (format!("f{i}.o"), bytes.clone())).collect();
        if self.archive
            && let Some(((name, bytes), parts)) = inputs.pop().zip(self.files.last())
        {
            let names: Vec<String> = parts.iter().map(|&part| symbol_name(part)).collect();
            inputs.push(("libx.a".to_string(), archive(&name, &bytes, &names)));
        }
        (inputs, objects)
    }
}

/// A GNU archive of one member with its index.
fn archive(member: &str, bytes: &[u8], symbols: &[String]) -> Vec<u8> {
    let header =
        |name: &str, size: usize| format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644);
    let names: Vec<u8> = symbols.iter().flat_map(|s| s.bytes().chain([0])).collect();
    let mut size = 4 + 4 * symbols.len() + names.len();
    size += size % 2;
    let start = u32::try_from(8 + 60 + size).expect("small");
    let mut index = u32::try_from(symbols.len()).expect("small").to_be_bytes().to_vec();
    for _ in symbols {
        index.extend(start.to_be_bytes());
    }
    index.extend(names);
    index.resize(size, 0);
    let mut out = b"!<arch>\n".to_vec();
    out.extend(header("/", size).bytes());
    out.extend(index);
    out.extend(header(&format!("{member}/"), bytes.len()).bytes());
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(2), b'\n');
    out
}

/// Analyses the model for one profile.
fn with_analysis<T>(
    model: &Model,
    (flavor, version): (Flavor, Version),
    f: impl FnOnce(&Analysis<'_>) -> T,
) -> T {
    const FOLDER: &str = "/linksweep-no-such-folder";
    let mut plan = LinkPlan::new(Profile { flavor, version });
    plan.directory = FOLDER.into();
    plan.no_std_dirs = true;
    plan.gc_sections = Some(true);
    for &root in &model.roots {
        plan.demands.push((symbol_name(root).into(), DemandKind::Undefined));
    }
    let mut store = FileStore::default();
    for (name, bytes) in model.inputs().0 {
        store.add_memory(Path::new(FOLDER).join(&name), bytes);
        plan.steps.push(Step::Input { name: InputName::Path(name.into()), mode: InputMode::default() });
    }
    let link = linksweep::load::open(&plan, store).expect("inputs");
    let analysis = linksweep::analyze(&plan, &link).expect("analysis");
    f(&analysis)
}

/// Section names in a removal list.
fn removed(analysis: &Analysis<'_>) -> BTreeSet<String> {
    let name = |line: &str| {
        let quoted = line.split('\'').nth(1).map(str::to_string);
        quoted
            .unwrap_or_else(|| line.rsplit('(').next().unwrap_or_default().trim_end_matches(')').to_string())
    };
    let text = String::from_utf8_lossy(&listing::removed_text(analysis)).into_owned();
    text.lines().map(name).filter(|name| name.starts_with(".text.")).collect()
}

fn reachable(count: usize, edges: &[(usize, usize)], roots: impl Iterator<Item = usize>) -> BTreeSet<usize> {
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(count, edges.len());
    for _ in 0..count {
        graph.add_node(());
    }
    graph.extend_with_edges(edges.iter().map(|&(a, b)| (a as u32, b as u32)));
    let mut seen = BTreeSet::new();
    let mut walk = Dfs::empty(&graph);
    for root in roots {
        walk.move_to(NodeIndex::new(root));
        while let Some(node) = walk.next(&graph) {
            seen.insert(node.index());
        }
    }
    seen
}

static POOLS: LazyLock<Vec<rayon::ThreadPool>> = LazyLock::new(|| {
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("threads");
    [1, 2, 16].map(pool).into()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Plain functions and references: what is dropped is what cannot be reached, for every linker.
    #[test]
    fn plain_links_drop_what_cannot_be_reached(model in models(true)) {
        let edges: Vec<(usize, usize)> = model
            .parts
            .iter()
            .enumerate()
            .flat_map(|(from, part)| part.to.iter().map(move |&to| (from, to)))
            .collect();
        let roots = std::iter::once(0).chain(model.roots.iter().copied());
        let live = reachable(model.parts.len(), &edges, roots);
        let expected: BTreeSet<String> =
            (0..model.parts.len()).filter(|i| !live.contains(i)).map(|i| model.section_name(i)).collect();
        for profile in PROFILES {
            let found = with_analysis(&model, profile, removed);
            prop_assert_eq!(&found, &expected, "{:?}", profile);
        }
    }

    /// gold, lld, mold: marking is reachability over the graph that their rules make.
    #[test]
    fn marking_is_reachability(model in models(false)) {
        for profile in PROFILES.into_iter().filter(|(flavor, _)| *flavor != Flavor::Bfd) {
            with_analysis(&model, profile, |analysis| {
                let (graph, program) = (&analysis.graph, &analysis.program);
                let mut edges = Vec::new();
                for node in 0..graph.node_count() {
                    let from = NodeId(u32::try_from(node).expect("small"));
                    graph.for_each_edge(program, from, |to, _| edges.push((node, to.index())));
                }
                let roots = analysis.roots.roots.iter().map(|root| root.node.index());
                let expected = reachable(graph.node_count(), &edges, roots);
                let live: BTreeSet<usize> = analysis.liveness.live.ones().collect();
                prop_assert_eq!(live, expected, "{:?}", profile);
                Ok(())
            })?;
        }
    }

    /// Every section of every input has exactly one fate, and all bytes are accounted for.
    #[test]
    fn totals_add_up(model in models(false)) {
        let (mut sections, mut bytes) = (0u64, 0u64);
        for data in model.inputs().1 {
            for section in object::File::parse(&*data).expect("object").sections() {
                sections += 1;
                bytes += section.size();
            }
        }
        for profile in PROFILES {
            let sum = with_analysis(&model, profile, |analysis| dead::dead(analysis, &[]).totals.sum());
            prop_assert_eq!((sum.sections, sum.bytes), (sections, bytes), "{:?}", profile);
        }
    }

    /// The same answer from one, two and sixteen threads.
    #[test]
    fn threads_change_nothing(model in models(false)) {
        for profile in PROFILES {
            let answer = || {
                with_analysis(&model, profile, |analysis| {
                    let totals: Totals = dead::dead(analysis, &[]).totals;
                    (listing::removed_text(analysis), listing::extraction_report(analysis), totals)
                })
            };
            let answers: Vec<_> = POOLS.iter().map(|pool| pool.install(answer)).collect();
            prop_assert_eq!(&answers[0], &answers[1], "{:?}", profile);
            prop_assert_eq!(&answers[0], &answers[2], "{:?}", profile);
        }
    }
}

//! Rows per section and symbol (from the dominator tree) and per file, folder, archive, crate (groups of sections).
//!
//! In: analysis and [`Forest`]. Out: all rows in link order.

use bstr::{BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::sets::{Own, retained_by_groups};
use super::{By, Forest, Row, crates, file_of};
use crate::graph::ExtraNode;
use crate::ids::{FileId, NodeId};
use crate::load::elf::Place;
use crate::load::elf::consts::{STT_FILE, STT_SECTION};
use crate::query::dead::file_label;
use crate::query::dominators::NONE;
use crate::query::{Analysis, symbols};

/// The name of a node that has bytes.
pub(super) fn node_name(analysis: &Analysis<'_>, node: NodeId) -> Option<BString> {
    match (analysis.graph.section(node), analysis.graph.extra_node(node)) {
        (Some(section), _) => Some(analysis.program.section_name(section).into()),
        (None, Some(ExtraNode::CommonsOf { small, .. })) => {
            Some(if *small { ".scommon" } else { "COMMON" }.into())
        }
        (None, Some(ExtraNode::Common { name, .. })) => Some(analysis.program.name(*name).into()),
        _ => None,
    }
}

/// The live nodes that have a name, with their vertices.
fn live<'a>(
    analysis: &'a Analysis<'_>,
    forest: &'a Forest,
) -> impl Iterator<Item = (NodeId, u32, FileId)> + 'a {
    forest.graph.nodes.iter().filter_map(move |&node| {
        let file = file_of(analysis, node)?;
        (!analysis.program.files[file].is_stand_in()).then_some(())?;
        Some((node, forest.graph.of(node)?, file))
    })
}

/// One row per live section.
pub(super) fn sections(analysis: &Analysis<'_>, forest: &Forest) -> Vec<Row> {
    live(analysis, forest)
        .filter_map(|(node, vertex, file)| {
            Some(Row {
                name: node_name(analysis, node)?,
                place: file_label(&analysis.program, file).into(),
                direct: forest.own[vertex as usize],
                retained: forest.below[vertex as usize],
                vertices: vec![vertex],
                ..Row::default()
            })
        })
        .collect()
}

/// One row per symbol with a name in a live section. A symbol that has its section for itself (with others of the same place and
/// size at most) retains what the section does.
pub(super) fn symbols(analysis: &Analysis<'_>, forest: &Forest) -> Vec<Row> {
    let program = &analysis.program;
    let mut rows = Vec::new();
    for &file in &analysis.resolution.files {
        let input = &program.files[file];
        let Some(object) = input.object().filter(|_| !input.is_stand_in()) else { continue };
        let mut own: Vec<(u32, u64, u64, u32)> = Vec::new();
        for index in 1..object.symbol_count() {
            let Some(symbol) = object.symbol(index) else { continue };
            let named = symbol.name != 0 && !matches!(symbol.kind, STT_SECTION | STT_FILE);
            if let (Place::Section(section), true) = (symbol.place, named) {
                own.push((section, symbol.value, symbol.size, index));
            }
        }
        own.sort_unstable();
        for of_section in own.chunk_by(|a, b| a.0 == b.0) {
            let node = NodeId(input.section_id(of_section[0].0).0);
            let Some(vertex) = forest.graph.of(node) else { continue };
            let sized: Vec<(u64, u64)> = of_section.iter().filter(|s| s.2 > 0).map(|s| (s.1, s.2)).collect();
            let alone = sized.windows(2).all(|w| w[0] == w[1]);
            for &(_, _, size, index) in of_section {
                let name = symbols::name(program, file, index);
                // Mapping symbols and the compiler's labels name no thing.
                if name.starts_with(b"$") || name.starts_with(b".L") || (size == 0 && !sized.is_empty()) {
                    continue;
                }
                let whole = forest.own[vertex as usize];
                rows.push(Row {
                    name: name.into(),
                    place: file_label(program, file).into(),
                    direct: Own {
                        bytes: if size == 0 { whole.bytes } else { size.min(whole.bytes) },
                        sections: u64::from(alone),
                    },
                    retained: match alone {
                        true => forest.below[vertex as usize],
                        false => Own { bytes: size.min(whole.bytes), sections: 0 },
                    },
                    at_least: !alone,
                    vertices: vec![vertex],
                    ..Row::default()
                });
            }
        }
    }
    rows
}

/// The key of a node in a grouping.
struct Keys<'a, 'd> {
    analysis: &'a Analysis<'d>,
    by: By,
    best: Option<(FileId, Vec<Option<u32>>)>,
}

impl Keys<'_, '_> {
    fn key(&mut self, node: NodeId, file: FileId) -> BString {
        let program = &self.analysis.program;
        let input = &program.files[file];
        match self.by {
            By::Directory => {
                let path = input.joined.unwrap_or(input.path);
                match path.rfind_byte(b'/') {
                    Some(0) => "/".into(),
                    Some(at) => path[..at].into(),
                    None => ".".into(),
                }
            }
            By::Archive if input.archive.is_none() => "(objects)".into(),
            By::Archive => input.path.into(),
            By::Crate => self.scope(node, file),
            _ => file_label(program, file).into(),
        }
    }

    fn scope(&mut self, node: NodeId, file: FileId) -> BString {
        let program = &self.analysis.program;
        let Some(section) = self.analysis.graph.section(node) else { return crates::PLAIN.into() };
        let name = program.section_name(section);
        let mangled =
            [&b"._ZN"[..], b"._Z", b"._R"].iter().find_map(|m| name.find(m)).map(|at| &name[at + 1..]);
        if let Some(mangled) = mangled {
            return crates::crate_of(mangled);
        }
        if self.best.as_ref().is_none_or(|(own, _)| *own != file) {
            self.best = Some((file, symbols::best_of_sections(program, file)));
        }
        let index = program.locate(section).1 as usize;
        let best = self.best.as_ref().and_then(|(_, b)| b.get(index).copied().flatten());
        best.map_or_else(|| crates::PLAIN.into(), |s| crates::crate_of(symbols::name(program, file, s)))
    }
}

/// Rows per group.
pub(super) fn of(analysis: &Analysis<'_>, forest: &Forest, by: By) -> Vec<Row> {
    let mut keys = Keys { analysis, by, best: None };
    let mut number: HashMap<BString, u32, FixedState> = HashMap::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut group = vec![NONE; forest.own.len()];
    let mut last: Option<(FileId, u32)> = None;
    for (node, vertex, file) in live(analysis, forest) {
        let at = match last {
            Some((own, at)) if own == file && by != By::Crate => at,
            _ => {
                let key = keys.key(node, file);
                *number.entry(key.clone()).or_insert_with(|| {
                    rows.push(Row { name: key, ..Row::default() });
                    rows.len() as u32 - 1
                })
            }
        };
        last = Some((file, at));
        group[vertex as usize] = at;
        let row = &mut rows[at as usize];
        row.direct = super::sum([row.direct, forest.own[vertex as usize]]);
        row.vertices.push(vertex);
    }
    let sums = retained_by_groups(&forest.graph.flow, &group, rows.len(), &forest.own);
    for (row, sum) in rows.iter_mut().zip(sums) {
        row.retained = sum;
    }
    rows
}

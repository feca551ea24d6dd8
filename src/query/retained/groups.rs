//! Rows per section and symbol (from the dominator tree) and per file, folder, archive, crate (groups of sections).
//!
//! In: a link and its [`Forest`]. Out: all rows in link order.

use bstr::{BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::sets::{Own, retained_by_groups};
use super::{By, Forest, Row, crates};
use crate::ids::{FileId, NodeId};
use crate::query::dominators::NONE;
use crate::query::finished::{Finished, Named};

/// The live nodes that have a name, with their vertices.
fn live<'a>(link: &'a impl Finished, forest: &'a Forest) -> impl Iterator<Item = (NodeId, u32, FileId)> + 'a {
    forest.graph.nodes.iter().filter_map(move |&node| {
        let file = link.file_of(node)?;
        (!link.is_stand_in(file)).then_some(())?;
        Some((node, forest.graph.of(node)?, file))
    })
}

/// One row per live section.
pub(super) fn sections(link: &impl Finished, forest: &Forest) -> Vec<Row> {
    live(link, forest)
        .filter_map(|(node, vertex, file)| {
            Some(Row {
                name: link.node_name(node)?,
                place: link.label(file),
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
pub(super) fn symbols(link: &impl Finished, forest: &Forest) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in link.linked_files() {
        if link.is_stand_in(file) {
            continue;
        }
        let own = link.named_symbols(file);
        for of_section in own.chunk_by(|a, b| a.section == b.section) {
            let Some(section) = of_section.first().map(|s| s.section) else { continue };
            let Some(vertex) = forest.graph.of(NodeId(section.0)) else { continue };
            let sized: Vec<(u64, u64)> =
                of_section.iter().filter(|s| s.size > 0).map(|s| (s.value, s.size)).collect();
            let alone = sized.windows(2).all(|w| w[0] == w[1]);
            for &Named { size, name, .. } in of_section {
                // Mapping symbols and the compiler's labels name no thing.
                if name.starts_with(b"$") || name.starts_with(b".L") || (size == 0 && !sized.is_empty()) {
                    continue;
                }
                let whole = forest.own[vertex as usize];
                rows.push(Row {
                    name: name.into(),
                    place: link.label(file),
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

/// The names of the sections of a file by their best symbols: file, first section, names.
type Best<'l> = (FileId, u32, Vec<Option<&'l [u8]>>);

/// The key of a node in a grouping.
struct Keys<'l, L> {
    link: &'l L,
    by: By,
    best: Option<Best<'l>>,
}

impl<'l, L: Finished> Keys<'l, L> {
    fn key(&mut self, node: NodeId, file: FileId) -> BString {
        let Some(input) = self.link.file(file) else { return BString::default() };
        match self.by {
            By::Directory => {
                let path = input.joined.unwrap_or(input.path);
                match path.rfind_byte(b'/') {
                    Some(0) => "/".into(),
                    Some(at) => path[..at].into(),
                    None => ".".into(),
                }
            }
            By::Archive if !input.archive => "(objects)".into(),
            By::Archive => input.path.into(),
            By::Crate => self.scope(node, file),
            _ => self.link.label(file),
        }
    }

    fn scope(&mut self, node: NodeId, file: FileId) -> BString {
        let link: &'l L = self.link;
        let Some(section) = link.section(node) else { return crates::PLAIN.into() };
        let name = link.section_name(section);
        let mangled =
            [&b"._ZN"[..], b"._Z", b"._R"].iter().find_map(|m| name.find(m)).map(|at| &name[at + 1..]);
        if let Some(mangled) = mangled {
            return crates::crate_of(mangled);
        }
        let known = self.best.take().filter(|(own, ..)| *own == file);
        let (_, base, names) = self.best.insert(known.unwrap_or_else(|| {
            let (base, names) = link.best_names(file);
            (file, base, names)
        }));
        let best = section.0.checked_sub(*base).and_then(|at| names.get(at as usize).copied().flatten());
        best.map_or_else(|| crates::PLAIN.into(), crates::crate_of)
    }
}

/// Rows per group.
pub(super) fn of(link: &impl Finished, forest: &Forest, by: By) -> Vec<Row> {
    let mut keys = Keys { link, by, best: None };
    let mut number: HashMap<BString, u32, FixedState> = HashMap::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut group = vec![NONE; forest.own.len()];
    let mut last: Option<(FileId, u32)> = None;
    for (node, vertex, file) in live(link, forest) {
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

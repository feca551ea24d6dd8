//! Which sections of a saved link the KEEPs of scripts root.
//!
//! In: a portrait and scripts, perhaps changed ones. Out: roots, as each linker finds them (GS 9.1). One function per
//! linker, beside the one that does it for objects in `graph/`.

use std::collections::HashSet;

use hashbrown::HashMap;

use super::codes::{self, ExtraKind};
use super::tables::{NONE, file_flags, section_flags};
use super::{Member, Portrait};
use crate::error::Result;
use crate::graph::{Class, Root, RootKind};
use crate::ids::{NameId, NodeId};
use crate::load::ScriptFile;
use crate::load::elf::consts::{SHF_ALLOC, SHF_GNU_RETAIN, SHF_LINK_ORDER, SHF_WRITE};
use crate::plan::Flavor;
use crate::script::filematch::FileName;
use crate::script::keep::{KeepTable, NameMatches};

/// Matches by string.
type ByName = HashMap<u32, Vec<NameMatches>>;

/// Compiled scripts with their numbers, and what matches each name.
struct Tables {
    tables: Vec<(u32, KeepTable)>,
    by_name: ByName,
}

impl Tables {
    fn matches(&mut self, id: u32, name: &[u8]) -> &[NameMatches] {
        let tables = &self.tables;
        self.by_name.entry(id).or_insert_with(|| tables.iter().map(|(_, t)| t.matches(name)).collect())
    }
}

impl Portrait<'_> {
    /// The name that a file's patterns are matched against.
    fn pattern_name(&self, file: u32, nested: bool) -> FileName<'_> {
        let at = |column: &[u32]| self.strings.some(column.get(file as usize).copied().unwrap_or(NONE));
        let Member { path, member } = self.member(file);
        match (member, at(&self.files.nested).filter(|_| nested), at(&self.files.joined)) {
            (None, ..) => FileName::plain(path),
            (Some(_), Some(nested), _) => FileName::member(path, nested),
            (Some(member), None, Some(joined)) => FileName::thin(path, member, joined),
            (Some(member), None, None) => FileName::member(path, member),
        }
    }

    fn class(&self, section: u32) -> Class {
        codes::class(self.kinds.class.at(self.kind(section)))
    }

    /// The roots of KEEPs of scripts.
    ///
    /// # Errors
    /// A pattern that the linker refuses.
    pub fn keep_roots(&self, scripts: &[ScriptFile]) -> Result<Vec<Root>> {
        let mut tables = Tables { tables: Vec::new(), by_name: HashMap::new() };
        for (number, file) in (0u32..).zip(scripts) {
            let table = KeepTable::new(&file.script)?;
            if table.any_keep() || self.head.profile.flavor == Flavor::Gold {
                tables.tables.push((number, table));
            }
        }
        if !tables.tables.iter().any(|(_, t)| t.any_keep()) {
            return Ok(Vec::new());
        }
        let mut roots = Vec::new();
        match self.head.profile.flavor {
            Flavor::Bfd => self.bfd_keeps(&mut tables, &mut roots),
            Flavor::Gold => self.gold_keeps(&mut tables, scripts, &mut roots),
            Flavor::Lld => self.lld_keeps(&mut tables, &mut roots),
            Flavor::Mold => {}
        }
        Ok(roots)
    }

    /// Any KEEP of any script (`graph::bfd::roots`).
    fn bfd_keeps(&self, tables: &mut Tables, roots: &mut Vec<Root>) {
        let flags = u64::from(SHF_ALLOC | SHF_WRITE);
        let first = self.section_count() as u32;
        for row in 0..self.extras.kind.len() {
            let name: &[u8] = match codes::extra(self.extras.kind.at(row)) {
                ExtraKind::CommonsOf => b"COMMON",
                ExtraKind::SmallCommonsOf => b".scommon",
                _ => continue,
            };
            for (number, table) in &tables.tables {
                let mut state = table.file(self.pattern_name(self.extras.file.at(row), false));
                if let Some(id) = table.keeps(&mut state, &table.matches(name), flags) {
                    roots.push(keep(first + row as u32, None, (*number, id.0)));
                }
            }
        }
        for &file in self.linked.file.iter().filter(|f| self.files.kind.at(**f as usize) == 0) {
            let name = self.pattern_name(file, false);
            let mut states: Vec<_> = tables.tables.iter().map(|(_, t)| t.file(name)).collect();
            for section in self.sections_of(file) {
                if self.class(section) != Class::Node {
                    continue;
                }
                let id = self.sections.name.at(section as usize);
                tables.matches(id, self.strings.get(id));
                let Some(matches) = tables.by_name.get(&id) else { continue };
                let flags = u64::from(self.section_flags(section));
                for (((number, table), state), names) in tables.tables.iter().zip(&mut states).zip(matches) {
                    if names.is_empty() {
                        continue;
                    }
                    if let Some(id) = table.keeps(state, names, flags) {
                        roots.push(keep(section, None, (*number, id.0)));
                    }
                }
            }
        }
    }

    /// The first description that matches, if it stands in KEEP (`graph::gold::roots`).
    fn gold_keeps(&self, tables: &mut Tables, scripts: &[ScriptFile], roots: &mut Vec<Root>) {
        let start = |number: u32| self.scripts.start.get(number as usize).copied();
        debug_assert!(scripts.len() >= self.scripts.start.len());
        for &file in self.linked.file.iter() {
            let name = self.pattern_name(file, true);
            let mut states: Vec<_> = tables.tables.iter().map(|(_, t)| t.file(name)).collect();
            for section in self.sections_of(file) {
                let bits = self.kinds.bits.at(self.kind(section));
                let class = self.class(section);
                let unwind = class == Class::Kept && bits & section_flags::FOLLOWED != 0;
                if class != Class::Node && !unwind {
                    continue;
                }
                let id = self.sections.name.at(section as usize);
                tables.matches(id, self.strings.get(id));
                let Some(matches) = tables.by_name.get(&id) else { continue };
                let mut own = tables.tables.iter().zip(&mut states).zip(matches);
                let added = own.find_map(|(((number, table), state), names)| {
                    let id = table.keeps_only().then(|| table.keeps(state, names, 0)).flatten()?;
                    Some((*number, id.0))
                });
                if let Some(at) = added {
                    roots.push(keep(section, None, at));
                    continue;
                }
                let mut own = tables.tables.iter().zip(&mut states).zip(matches);
                let found = own.find_map(|(((number, table), state), names)| {
                    if table.keeps_only() || start(*number).is_some_and(|start| file < start) {
                        return None;
                    }
                    let id = table.places(state, names, 0)?;
                    Some((*number, id, table.get(id)?))
                });
                if let Some((number, id, description)) = found
                    && description.keep
                    && !description.discard
                {
                    roots.push(keep(section, None, (number, id.0)));
                }
            }
        }
    }

    /// Any KEEP of any script, for sections that are no roots by their type or name (`graph::lld`).
    fn lld_keeps(&self, tables: &mut Tables, roots: &mut Vec<Root>) {
        let mut reserved: HashSet<u32> = HashSet::new();
        for row in 0..self.roots.node.len() {
            let own = self.roots.name.at(row) == NONE && self.roots.keep.at(row) == NONE;
            let kind = self.root_kind(row);
            let by_name =
                matches!(kind, RootKind::InitArray | RootKind::Note | RootKind::Keep | RootKind::RetainFlag);
            if own && by_name {
                reserved.insert(self.roots.node.at(row));
            }
        }
        let flags = u64::from(SHF_ALLOC | SHF_WRITE);
        let first = self.section_count() as u32;
        for row in 0..self.extras.kind.len() {
            if codes::extra(self.extras.kind.at(row)) != ExtraKind::Common {
                continue;
            }
            let file = self.extras.file.at(row);
            let found = tables.tables.iter().find_map(|(number, table)| {
                let mut state = table.file(self.pattern_name(file, false));
                Some((*number, table.keeps(&mut state, &table.matches(b"COMMON"), flags)?.0))
            });
            if let Some(at) = found {
                roots.push(keep(first + row as u32, Some(NameId(self.extras.name.at(row))), at));
            }
        }
        for &file in self.linked.file.iter() {
            if self.files.flags.at(file as usize) & file_flags::IN_LINK == 0 {
                continue;
            }
            let name = self.pattern_name(file, false);
            let mut states: Vec<_> = tables.tables.iter().map(|(_, t)| t.file(name)).collect();
            for section in self.sections_of(file) {
                let flags = self.section_flags(section);
                let class = self.class(section);
                if !matches!(class, Class::Node | Class::Pieces)
                    || flags & (SHF_GNU_RETAIN | SHF_LINK_ORDER) != 0
                    || reserved.contains(&section)
                {
                    continue;
                }
                let id = self.sections.name.at(section as usize);
                tables.matches(id, self.strings.get(id));
                let Some(matches) = tables.by_name.get(&id) else { continue };
                let mut own = tables.tables.iter().zip(&mut states).zip(matches);
                let found = own.find_map(|(((number, table), state), names)| {
                    if names.is_empty() {
                        return None;
                    }
                    table.keeps(state, names, u64::from(flags)).map(|id| (*number, id.0))
                });
                if let Some(at) = found {
                    roots.push(keep(section, None, at));
                }
            }
        }
    }
}

fn keep(node: u32, name: Option<NameId>, at: (u32, u32)) -> Root {
    Root { node: NodeId(node), kind: RootKind::Keep, name, keep: Some(at) }
}

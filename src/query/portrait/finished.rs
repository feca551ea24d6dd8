//! A portrait as questions about dominance and marking see it.
//!
//! In: ids, as of its [`View`](crate::query::why::View). Out: what an analysis answers.

use std::cmp::Reverse;

use bstr::BString;
use fixedbitset::FixedBitSet;
use hashbrown::HashSet;

use super::Portrait;
use super::tables::{NONE, file_flags, group_bits, symbol_info};
use crate::error::Result;
use crate::graph::Root;
use crate::ids::{FileId, NameId, NodeId, SectionId};
use crate::load::elf::consts::{
    SHF_ALLOC, SHT_GROUP, SHT_NOTE, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT, STT_TLS,
};
use crate::query::finished::{Finished, Named};
use crate::query::why::Pattern;

impl Portrait<'_> {
    /// The root of a row.
    pub fn root(&self, row: usize) -> Root {
        let keep = self.roots.keep.get(row).copied().unwrap_or(NONE) as usize;
        let statement = self.keeps.script.get(keep).zip(self.keeps.description.get(keep));
        let name = self.roots.name.get(row).copied().unwrap_or(NONE);
        Root {
            node: NodeId(self.roots.node.at(row)),
            kind: self.root_kind(row),
            name: (name != NONE).then_some(NameId(name)),
            keep: statement.map(|(script, description)| (*script, *description)),
        }
    }

    /// The rows of a sorted column that hold a section.
    pub(crate) fn constructor_rows(&self, section: u32) -> std::ops::Range<usize> {
        let column = &self.constructors.section;
        column.partition_point(|&s| s < section)..column.partition_point(|&s| s <= section)
    }
}

impl Finished for Portrait<'_> {
    fn roots(&self) -> Vec<Root> {
        (0..self.roots.node.len()).map(|row| self.root(row)).collect()
    }

    fn live(&self) -> FixedBitSet {
        let count = self.node_count();
        let mut live = FixedBitSet::with_capacity(count);
        for (at, &word) in self.live.iter().enumerate() {
            let mut left = word;
            while left != 0 {
                let node = at * 64 + left.trailing_zeros() as usize;
                if node < count {
                    live.insert(node);
                }
                left &= left - 1;
            }
        }
        live
    }

    fn order_dependent(&self) -> bool {
        self.head.order_dependent
    }

    fn linked_files(&self) -> Vec<FileId> {
        self.linked.file.iter().map(|&f| FileId(f)).collect()
    }

    fn kept_groups(&self) -> Vec<(NodeId, NodeId)> {
        let mut found = Vec::new();
        for (group, &section) in self.groups.section.iter().enumerate() {
            let headless = self.groups.bits.at(group) & group_bits::HEADLESS != 0;
            if section != NONE
                && !headless
                && self.is_live(section)
                && self.section_type(section) == SHT_GROUP
                && let Some(&first) = self.group_members(group).first()
            {
                found.push((NodeId(first), NodeId(section)));
            }
        }
        found
    }

    fn keeps_file(&self, section: SectionId) -> bool {
        self.section_flags(section.0) & SHF_ALLOC != 0 && self.section_type(section.0) != SHT_NOTE
    }

    fn is_stand_in(&self, file: FileId) -> bool {
        self.files.flags.at(file.0 as usize) & file_flags::STAND_IN != 0
    }

    fn best_names(&self, file: FileId) -> (u32, Vec<Option<&[u8]>>) {
        let rows = self.sections_of(file.0);
        let best = |section: u32| {
            let key = |row: &usize| {
                let info = self.symbols.info.at(*row);
                let typed =
                    matches!(info & symbol_info::TYPE, STT_FUNC | STT_OBJECT | STT_TLS | STT_GNU_IFUNC);
                (typed, info & symbol_info::LOCAL == 0, self.symbols.size.at(*row), Reverse(*row))
            };
            let best = self.symbols_of(section).max_by_key(key)?;
            Some(self.strings.get(self.symbols.name.at(best)))
        };
        (rows.start, rows.map(best).collect())
    }

    fn named_symbols(&self, file: FileId) -> Vec<Named<'_>> {
        let mut own = Vec::new();
        for section in self.sections_of(file.0) {
            for row in self.symbols_of(section) {
                own.push(Named {
                    section: SectionId(section),
                    value: self.symbols.value.at(row),
                    size: self.symbols.size.at(row),
                    index: self.symbols.index.at(row),
                    name: self.strings.get(self.symbols.name.at(row)),
                });
            }
        }
        own.sort_unstable();
        own
    }

    fn constructors(&self, section: SectionId) -> Vec<(u64, &[u8])> {
        let rows = self.constructor_rows(section.0);
        let c = &self.constructors;
        rows.map(|row| (c.offset.at(row), self.strings.get(c.function.at(row)))).collect()
    }

    fn has_symbol(&self, section: SectionId, pattern: &Pattern) -> bool {
        let mut names = self.symbols_of(section.0).map(|row| self.strings.get(self.symbols.name.at(row)));
        names.any(|name| pattern.matches(name))
    }

    fn demanded(&self) -> Vec<BString> {
        self.demands.name.iter().map(|&n| self.strings.get(n).into()).collect()
    }

    fn keep_text(&self, keep: (u32, u32)) -> Option<(BString, BString)> {
        let k = &self.keeps;
        let row = (0..k.script.len()).find(|&row| (k.script.at(row), k.description.at(row)) == keep)?;
        let text = self.strings.get(k.inner.at(row));
        let path = String::from_utf8_lossy(self.strings.get(k.file.at(row)));
        Some((text.into(), format!("{path}:{}:{}", k.line.at(row), k.column.at(row)).into()))
    }

    fn mark_again(&self, roots: &[Root], removed: Option<&FixedBitSet>) -> Result<FixedBitSet> {
        self.mark(roots, removed, &HashSet::new())
    }
}

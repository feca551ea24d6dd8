//! The linkers' own lines of removed sections from a saved link.
//!
//! In: a portrait and what lives. Out: the same lines in the same order as from the link itself; the spelling of each
//! linker stands beside the one for objects.

use fixedbitset::FixedBitSet;
use hashbrown::HashMap;

use super::{bfd, lld, mold};
use crate::graph::Class;
use crate::plan::{Flavor, Version};
use crate::query::portrait::codes::{self, ExtraKind};
use crate::query::portrait::{Member, NONE, Portrait};

/// The text of `--print-gc-sections`, without the program prefix of bfd and gold.
pub fn removed_text(p: &Portrait<'_>, live: &FixedBitSet) -> Vec<u8> {
    if !p.head.lists {
        return Vec::new();
    }
    let list = List { p, live };
    match p.head.profile.flavor {
        Flavor::Bfd => list.bfd(),
        Flavor::Gold => list.gold(),
        Flavor::Lld => list.lld(),
        Flavor::Mold => list.mold(),
    }
}

struct List<'p, 'd> {
    p: &'p Portrait<'d>,
    live: &'p FixedBitSet,
}

impl<'p> List<'p, '_> {
    fn is_dead(&self, section: u32, classes: &[Class]) -> bool {
        !self.live.contains(section as usize)
            && classes.contains(&codes::class(self.p.kinds.class.at(self.p.kind(section))))
    }

    fn path(&self, file: u32, column: &[u32]) -> Option<&'p [u8]> {
        self.p.strings.some(column.get(file as usize).copied().unwrap_or(NONE))
    }

    /// Dead nodes of some kinds beyond the sections: file and row, in node order.
    fn dead_extras(&self, kinds: &[ExtraKind]) -> Vec<(u32, usize)> {
        let first = self.p.section_count();
        let rows = (0..self.p.extras.kind.len()).filter(|&row| {
            kinds.contains(&codes::extra(self.p.extras.kind.at(row))) && !self.live.contains(first + row)
        });
        rows.map(|row| (self.p.extras.file.at(row), row)).collect()
    }

    fn bfd(&self) -> Vec<u8> {
        let p = self.p;
        let mut commons = self.dead_extras(&[ExtraKind::CommonsOf, ExtraKind::SmallCommonsOf]);
        commons.retain(|&(_, row)| p.extras.size.at(row) > 0);
        commons.sort_unstable();
        // The first group that claims a section names it.
        let mut group_of: HashMap<u32, u32> = HashMap::new();
        for group in (0..p.groups.section.len()).rev() {
            for &member in p.group_members(group) {
                group_of.insert(member, group as u32);
            }
        }
        let mut text = Vec::new();
        let walk = p.bfd_walk();
        for &file in p.linked.file.iter() {
            if p.files.kind.at(file as usize) != 0 {
                continue;
            }
            let Member { path, member } = p.member(file);
            let joined = self.path(file, &p.files.joined);
            let label = bfd::label_of(path, member, joined, self.path(file, &p.files.nested));
            for section in walk.order(file) {
                if p.size(section) == 0 || !self.is_dead(section, &[Class::Node]) {
                    continue;
                }
                let group = group_of.get(&section).map(|&g| p.signature(g as usize));
                bfd::line(p.section_name(section), group, &label, &mut text);
            }
            let from = commons.partition_point(|c| c.0 < file);
            for &(_, row) in commons.iter().skip(from).take_while(|c| c.0 == file) {
                let small = codes::extra(p.extras.kind.at(row)) == ExtraKind::SmallCommonsOf;
                bfd::line(if small { b".scommon" } else { b"COMMON" }, None, &label, &mut text);
            }
        }
        text
    }

    fn gold(&self) -> Vec<u8> {
        let p = self.p;
        let mut text = Vec::new();
        for &file in p.linked.file.iter() {
            let Member { path, member } = p.member(file);
            let inner = self.path(file, &p.files.nested).or(self.path(file, &p.files.joined)).or(member);
            let label = match member {
                None => path.to_vec(),
                Some(_) => [path, b"(", inner.unwrap_or_default(), b")"].concat(),
            };
            for section in p.sections_of(file) {
                if p.sections.index.at(section as usize) > 0 && self.is_dead(section, &[Class::Node]) {
                    let name = p.section_name(section);
                    for part in [b"removing unused section from '", name, b"' in file '", &label, b"'\n"] {
                        text.extend_from_slice(part);
                    }
                }
            }
        }
        text
    }

    fn lld(&self) -> Vec<u8> {
        let p = self.p;
        let mut text = Vec::new();
        for _ in self.dead_extras(&[ExtraKind::Routines]) {
            text.extend_from_slice(b"removing unused section <internal>:(.text)\n");
        }
        for (file, _) in self.dead_extras(&[ExtraKind::Common]) {
            lld::line_of(&p.label(file), b"COMMON", &mut text);
        }
        for &file in p.linked.file.iter() {
            let label = p.label(file);
            for section in p.sections_of(file) {
                if self.is_dead(section, &[Class::Node, Class::Pieces]) {
                    lld::line_of(&label, p.section_name(section), &mut text);
                }
            }
        }
        text
    }

    fn mold(&self) -> Vec<u8> {
        let p = self.p;
        let mut commons = self.dead_extras(&[ExtraKind::Common]);
        commons.sort_unstable();
        let mut text = Vec::new();
        for &file in p.linked.file.iter() {
            let Member { path, member } = p.member(file);
            let label = mold::spelled_of(path, member, self.path(file, &p.files.joined).is_some());
            let mut add = |section: &[u8]| {
                for part in [b"removing unused section ", label.as_slice(), b":(", section, b")\n"] {
                    text.extend_from_slice(part);
                }
            };
            for section in p.sections_of(file) {
                if self.is_dead(section, &[Class::Node]) {
                    add(p.section_name(section));
                }
            }
            let from = commons.partition_point(|c| c.0 < file);
            for _ in commons.iter().skip(from).take_while(|c| c.0 == file) {
                add(b".common");
            }
        }
        if p.head.profile.version >= Version(2, 42, 0) {
            text.extend_from_slice(b"GC saved 0 bytes\n");
        }
        text
    }
}

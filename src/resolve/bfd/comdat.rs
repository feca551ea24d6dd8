//! bfd's choice among copies of COMDAT groups and `.gnu.linkonce` sections (GS 6.2), made when a
//! file is added. Follows `_bfd_elf_section_already_linked`.

use hashbrown::HashMap;

use super::Link;
use crate::ids::{FileId, SectionId};
use crate::load::elf::consts::SHF_EXCLUDE;
use crate::load::elf::{Object, Place};
use crate::plan::OutputKind;
use crate::program::Content;

/// One entry of the list of a key.
#[derive(Debug, Clone, Copy)]
enum Linked<'d> {
    /// A COMDAT group: file, number of the group.
    Group(FileId, u32),
    /// A `.gnu.linkonce` section: file, section index, name.
    Once(FileId, u32, &'d [u8]),
}

/// What has been linked already, by signature or linkonce key.
#[derive(Default)]
pub(super) struct Comdats<'d> {
    by_key: HashMap<&'d [u8], Vec<Linked<'d>>, foldhash::fast::FixedState>,
}

const LINK_ONCE: &[u8] = b".gnu.linkonce.";

impl<'d> Link<'_, 'd> {
    /// Decides for every group and linkonce section of a file that is being added.
    pub(super) fn choose_comdats(&mut self, file: FileId) {
        let program = self.program;
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { return };
        let final_link = program.plan.output_kind != OutputKind::Relocatable;
        for (number, group) in object.groups.iter().enumerate() {
            if group.comdat && group.member_count > 0 {
                self.choose_group(file, object, number as u32, group.signature);
            }
        }
        for index in 1..object.sections.len() as u32 {
            let row = object.sections[index as usize];
            // ld `section_already_linked`: an excluded section is discarded at once.
            if final_link && row.flags & SHF_EXCLUDE != 0 && row.kind != crate::load::elf::consts::SHT_GROUP {
                self.symbols.discard(f.section_id(index));
            }
            if row.group == 0 && row.kind != 0 {
                let name = object.section_name(index);
                if name.starts_with(LINK_ONCE) {
                    self.choose_once(file, index, name);
                }
            }
        }
    }

    fn choose_group(&mut self, file: FileId, object: &Object<'d>, number: u32, signature: &'d [u8]) {
        let list = self.comdats.by_key.entry(signature).or_default();
        let same = list.iter().find_map(|l| match *l {
            Linked::Group(winner, group) => Some((winner, group)),
            Linked::Once(..) => None,
        });
        let single = object.groups[number as usize].member_count == 1;
        let once: Vec<(FileId, u32)> = match same {
            None if single => {
                let entries = list.iter();
                entries
                    .filter_map(|l| if let Linked::Once(w, s, _) = *l { Some((w, s)) } else { None })
                    .collect()
            }
            _ => Vec::new(),
        };
        if same.is_none() {
            list.push(Linked::Group(file, number));
        }
        if let Some((winner, group)) = same {
            self.lose_group(file, object, number, winner, group);
            return;
        }
        let member = object.members(&object.groups[number as usize]).first().copied().unwrap_or(0);
        for (winner, section) in once {
            if self.same_symbols(winner, section, file, member) {
                self.lose(file, member, winner, section);
                self.out.lost.insert(
                    self.program.files[file].section_id(object.groups[number as usize].section).idx(),
                );
                return;
            }
        }
    }

    fn lose_group(&mut self, file: FileId, object: &Object<'d>, number: u32, winner: FileId, won: u32) {
        let group = object.groups[number as usize];
        let Some(other) = self.program.files[winner].object() else { return };
        let Some(other_group) = other.groups.get(won as usize) else { return };
        let others = other.members(other_group);
        self.lose(file, group.section, winner, other_group.section);
        for &member in object.members(&group) {
            let name = object.section_name(member);
            let match_in = others.iter().copied().find(|&o| other.section_name(o) == name);
            self.lose(file, member, winner, match_in.unwrap_or(other_group.section));
        }
    }

    fn choose_once(&mut self, file: FileId, index: u32, name: &'d [u8]) {
        let rest = &name[LINK_ONCE.len()..];
        let key = match rest.iter().position(|&b| b == b'.') {
            Some(dot) => &rest[dot + 1..],
            None => name,
        };
        let list = self.comdats.by_key.entry(key).or_default().clone();
        for entry in &list {
            if let Linked::Once(winner, section, other) = *entry
                && other == name
            {
                self.lose(file, index, winner, section);
                return;
            }
        }
        for entry in &list {
            if let Linked::Group(winner, number) = *entry {
                let Some(object) = self.program.files[winner].object() else { continue };
                let Some(group) = object.groups.get(number as usize) else { continue };
                if let [member] = *object.members(group)
                    && self.same_symbols(winner, member, file, index)
                {
                    self.lose(file, index, winner, member);
                    break;
                }
            }
        }
        if name.starts_with(b".gnu.linkonce.r.") {
            for entry in &list {
                if let Linked::Once(winner, section, other) = *entry
                    && other.starts_with(b".gnu.linkonce.t.")
                {
                    if winner != file {
                        self.lose(file, index, winner, section);
                    }
                    break;
                }
            }
        }
        if let Some(list) = self.comdats.by_key.get_mut(key) {
            list.push(Linked::Once(file, index, name));
        }
    }

    fn lose(&mut self, file: FileId, section: u32, winner: FileId, won: u32) {
        let (files, out) = (&self.program.files, &mut self.out);
        let loser: SectionId = files[file].section_id(section);
        if !out.lost.put(loser.idx()) {
            out.lost_to.push((loser, files[winner].section_id(won)));
        }
    }

    /// Whether two sections define the same global symbols (bfd
    /// `bfd_elf_match_symbols_in_sections`).
    fn same_symbols(&self, a: FileId, a_section: u32, b: FileId, b_section: u32) -> bool {
        let collect = |file: FileId, section: u32| {
            let f = &self.program.files[file];
            let Some(object) = f.object() else { return Vec::new() };
            let mut names: Vec<(&[u8], u8)> = (1..object.symbol_count())
                .filter_map(|i| object.symbol(i))
                .filter(|s| {
                    s.place == Place::Section(section) && s.kind != crate::load::elf::consts::STT_SECTION
                })
                .map(|s| (object.symbol_name(s.name), s.kind))
                .collect();
            names.sort_unstable();
            names
        };
        let first = collect(a, a_section);
        !first.is_empty() && first == collect(b, b_section)
    }
}

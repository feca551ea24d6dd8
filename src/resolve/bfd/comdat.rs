//! bfd's choice among copies of COMDAT groups and `.gnu.linkonce` sections (GS 6.2), made when a
//! file is added. Follows `_bfd_elf_section_already_linked`.

use hashbrown::HashMap;

use super::Link;
use crate::ids::{FileId, NameId, SectionId};
use crate::load::elf::consts::SHF_EXCLUDE;
use crate::load::elf::{Object, Place};
use crate::plan::OutputKind;
use crate::program::{Content, Program};

/// The first group of a signature: file, number of the group.
type Winner = (FileId, u32);

/// A `.gnu.linkonce` section: file, section index, name.
type Once<'d> = (FileId, u32, &'d [u8]);

const NOBODY: Winner = (FileId(u32::MAX), 0);

/// What has been linked already, by signature or linkonce key.
pub(super) struct Comdats<'d> {
    /// Winning groups whose signature is an interned name.
    by_name: Vec<Winner>,
    /// All other winning groups.
    by_text: HashMap<&'d [u8], Winner, foldhash::fast::FixedState>,
    once: HashMap<&'d [u8], Vec<Once<'d>>, foldhash::fast::FixedState>,
}

impl<'d> Comdats<'d> {
    pub(super) fn new(program: &Program<'d>) -> Self {
        let by_name = vec![NOBODY; program.names.len()];
        Comdats { by_name, by_text: HashMap::default(), once: HashMap::default() }
    }

    /// The group that has a signature; `name` is its id, if it is known to have one.
    fn group(&self, program: &Program<'d>, name: Option<NameId>, text: &[u8]) -> Option<Winner> {
        match name.or_else(|| program.names.find(text)) {
            Some(name) => self.by_name.get(name.idx()).copied().filter(|winner| *winner != NOBODY),
            None => self.by_text.get(text).copied(),
        }
    }

    fn set_group(&mut self, program: &Program<'d>, name: Option<NameId>, text: &'d [u8], winner: Winner) {
        match name.or_else(|| program.names.find(text)).and_then(|name| self.by_name.get_mut(name.idx())) {
            Some(slot) => *slot = winner,
            None => drop(self.by_text.insert(text, winner)),
        }
    }
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
                self.choose_group(file, object, number as u32);
            }
        }
        for index in 1..object.sections.len() as u32 {
            let row = object.sections[index as usize];
            // ld `section_already_linked`: an excluded section is discarded at once.
            if final_link && row.flags & SHF_EXCLUDE != 0 && row.kind != crate::load::elf::consts::SHT_GROUP {
                self.symbols.discard(f.section_id(index));
            }
            if row.group == 0 && row.kind != 0 && object.name_begins(index, LINK_ONCE) {
                self.choose_once(file, index, object.section_name(index));
            }
        }
    }

    fn choose_group(&mut self, file: FileId, object: &Object<'d>, number: u32) {
        let program = self.program;
        let group = object.groups[number as usize];
        // A symbol without a name stands for its section's.
        let name = program.files[file].global_name(group.symbol).filter(|&n| !program.name(n).is_empty());
        let signature = if name.is_some() { b"" } else { object.signature(&group) };
        if let Some((winner, won)) = self.comdats.group(program, name, signature) {
            self.lose_group(file, object, number, winner, won);
            return;
        }
        self.comdats.set_group(program, name, signature, (file, number));
        if group.member_count != 1 || self.comdats.once.is_empty() {
            return;
        }
        let once = self.comdats.once.get(object.signature(&group)).cloned().unwrap_or_default();
        let member = object.members(&group).first().copied().unwrap_or(0);
        for (winner, section, _) in once {
            if self.same_symbols(winner, section, file, member) {
                self.lose(file, member, winner, section);
                self.out.lost.insert(program.files[file].section_id(group.section).idx());
                return;
            }
        }
    }

    /// All members go; which copy of the winner stands for which is found when somebody asks.
    fn lose_group(&mut self, file: FileId, object: &Object<'d>, number: u32, winner: FileId, won: u32) {
        let group = object.groups[number as usize];
        let Some(other) = self.program.files[winner].object() else { return };
        let Some(other_group) = other.groups.get(won as usize) else { return };
        self.lose(file, group.section, winner, other_group.section);
        for &member in object.members(&group) {
            self.out.lost.insert(self.program.files[file].section_id(member).idx());
        }
    }

    fn choose_once(&mut self, file: FileId, index: u32, name: &'d [u8]) {
        let rest = &name[LINK_ONCE.len()..];
        let key = match rest.iter().position(|&b| b == b'.') {
            Some(dot) => &rest[dot + 1..],
            None => name,
        };
        let list = self.comdats.once.get(key).cloned().unwrap_or_default();
        for &(winner, section, other) in &list {
            if other == name {
                self.lose(file, index, winner, section);
                return;
            }
        }
        if let Some((winner, number)) = self.comdats.group(self.program, None, key)
            && let Some(object) = self.program.files[winner].object()
            && let Some(group) = object.groups.get(number as usize)
            && let [member] = *object.members(group)
            && self.same_symbols(winner, member, file, index)
        {
            self.lose(file, index, winner, member);
        }
        if name.starts_with(b".gnu.linkonce.r.")
            && let Some(&(winner, section, _)) =
                list.iter().find(|(_, _, other)| other.starts_with(b".gnu.linkonce.t."))
            && winner != file
        {
            self.lose(file, index, winner, section);
        }
        self.comdats.once.entry(key).or_default().push((file, index, name));
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

//! What lld refuses before garbage collection: duplicate definitions, mergeable sections it cannot
//! merge. Also demotes definitions whose winner lies in a discarded section (lld 15+).
//!
//! In: all files read. Out: diagnostics; with one of severity error lld prints no removed section.
//! Sources: lld `Symbol::compare`, `reportDuplicate`, `ObjFile::postParse`, `shouldMerge`.

use rayon::prelude::*;

use super::parse::Reader;
use super::symbols::{Era, INTERNAL, Kind, flag};
use crate::ids::{FileId, NameId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, Symbol};
use crate::program::{Content, InputFile};

impl Reader<'_, '_> {
    /// lld 14: two strong definitions (`Symbol::compare`, `reportDuplicate`).
    pub(super) fn duplicate(&mut self, name: NameId, first: FileId, second: FileId, symbol: &Symbol) {
        if self.program.plan.allow_multiple_definition {
            return;
        }
        let held = self.symbols.row(name).symbol;
        let held = self.program.files.get(first).and_then(|f| f.object()).and_then(|o| o.symbol(held));
        let same = |held: &Symbol| {
            self.is_absolute(first, held)
                && self.is_absolute(second, symbol)
                && held.value == symbol.value
                && symbol.bind == STB_GLOBAL
        };
        if held.as_ref().is_some_and(same) {
            return;
        }
        self.report_duplicate(name, first, second);
    }

    /// A definition without an input section: absolute, or taken by `--just-symbols`.
    fn is_absolute(&self, file: FileId, symbol: &Symbol) -> bool {
        let just_symbols = self.program.files.get(file).is_some_and(|f| f.mode.just_symbols);
        just_symbols || !matches!(symbol.place, Place::Section(_))
    }

    fn report_duplicate(&mut self, name: NameId, first: FileId, second: FileId) {
        // From lld 15 on this is an error that --noinhibit-exec turns into a warning.
        if self.era == Era::Fifteen && self.program.plan.noinhibit_exec {
            return;
        }
        let message =
            format!("duplicate symbol {}, first defined in {}", self.shown(name), self.program.label(first));
        self.error(second, message);
    }

    /// lld 15+, after all files were read: definitions whose winner lies in a discarded section
    /// become references, and strong definitions of one name are errors (`ObjFile::postParse`).
    pub(super) fn check_definitions(&mut self) {
        type Found = (Vec<NameId>, Vec<(NameId, FileId)>);
        let this = &*self;
        let found: Vec<Found> = self
            .symbol_files
            .par_iter()
            .with_max_len(64)
            .map(|&file| {
                let (mut gone, mut twice) = (Vec::new(), Vec::new());
                let f = &this.program.files[file];
                let Content::Object(object) = &f.content else { return (gone, twice) };
                for (index, &name) in (object.first_global..object.symbol_count()).zip(&f.names) {
                    let Some(symbol) = object.symbol(index) else { break };
                    if matches!(symbol.shndx, SHN_UNDEF | SHN_COMMON) {
                        continue;
                    }
                    let name = this.canonical(name);
                    let row = this.symbols.row(name);
                    if row.kind != Kind::Defined || row.file == INTERNAL {
                        continue;
                    }
                    if this.is_discarded(file, &symbol) {
                        if row.file == file.0 {
                            gone.push(name);
                        }
                    } else if row.file != file.0 && !row.is_weak() && symbol.bind != STB_WEAK {
                        let held = this.program.files.get(FileId(row.file)).and_then(|f| f.object());
                        let held = held.and_then(|o| o.symbol(row.symbol));
                        let same_value = held.is_some_and(|h| {
                            this.is_absolute(FileId(row.file), &h)
                                && this.is_absolute(file, &symbol)
                                && symbol.value != 0
                                && h.value == symbol.value
                        });
                        if !same_value {
                            twice.push((name, file));
                        }
                    }
                }
                (gone, twice)
            })
            .collect();
        let (gone, twice): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        for name in gone.into_iter().flatten() {
            let row = self.symbols.row_mut(name);
            row.kind = Kind::Undefined;
            row.flags |= flag::DISCARDED;
        }
        for (name, file) in twice.into_iter().flatten() {
            let row = self.symbols.row(name);
            if row.kind == Kind::Defined
                && !self.program.plan.allow_multiple_definition
                && self.program.name(name) != b"__x86.get_pc_thunk.bx"
            {
                self.report_duplicate(name, FileId(row.file), file);
            }
        }
    }

    /// What `look` finds in each object of `files`, in the order of the files.
    pub(super) fn of_objects<T: Send>(
        &self,
        files: &[FileId],
        look: impl Fn(FileId, &InputFile<'_>, &Object<'_>, &mut Vec<T>) + Sync,
    ) -> Vec<T> {
        let look = |&file: &FileId| {
            let mut out = Vec::new();
            let f = &self.program.files[file];
            if let Content::Object(object) = &f.content {
                look(file, f, object, &mut out);
            }
            out
        };
        let found: Vec<Vec<T>> = files.par_iter().with_max_len(64).map(look).collect();
        found.into_iter().flatten().collect()
    }

    /// Sections that lld refuses while it makes input sections of them: mergeable ones that are
    /// writable or of odd size; in lld 14, `.zdebug` ones that are not compressed.
    pub(super) fn check_sections(&mut self) {
        let this = &*self;
        let merges = this.relocatable || this.program.plan.optimize != Some(0);
        let found = this.of_objects(&this.objects, |file, f, object, out| {
            for (index, row) in object.sections.iter().enumerate().skip(1) {
                let index = index as u32;
                let id = f.section_id(index).idx();
                let name = || String::from_utf8_lossy(object.section_name(index)).into_owned();
                if this.lost.contains(id) || this.discarded.contains(id) {
                    continue;
                }
                if merges && row.flags & SHF_MERGE != 0 {
                    let header = object.header(index);
                    if header.size == 0 || header.entsize == 0 {
                        continue;
                    }
                    if header.size % header.entsize != 0 {
                        let what = "size of a mergeable section is no multiple of its entry size";
                        out.push((file, format!("{}: {what}", name())));
                    } else if row.flags & SHF_WRITE != 0 {
                        let what = "writable mergeable section is not supported";
                        out.push((file, format!("{}: {what}", name())));
                    }
                }
                if this.era == Era::Fourteen
                    && !row.is_alloc()
                    && object.section_name(index).starts_with(b".zdebug")
                    && !object.section_data(index).is_some_and(|data| data.starts_with(b"ZLIB"))
                {
                    out.push((file, format!("{}: corrupted compressed section", name())));
                }
            }
        });
        for (file, message) in found {
            self.error(file, message);
        }
    }
}

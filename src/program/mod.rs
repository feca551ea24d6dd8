//! The program as tables: files, archives, sections and names of everything that may enter the
//! link, with dense ids.
//!
//! In: the opened inputs. Out: [`Program`], which never changes again. File ids follow link order
//! (an archive's members stand at the archive's place, whether extracted or not); section ids are
//! contiguous per file, equal to the file's base plus the section header index.

mod build;
mod index;
mod intermediate;
mod names;

pub use build::build;
pub use intermediate::{Half, Intermediate};
use names::Scratch;
pub use names::{NameList, Names};

use bstr::BString;

use crate::error::Diagnostic;
use crate::ids::{ArchiveId, FileId, Id, NameId, SectionId, Table};
use crate::load::ScriptFile;
use crate::load::controls::Controls;
use crate::load::dso::SharedLibrary;
use crate::load::elf::Object;
use crate::load::lto::Format;
use crate::plan::{InputMode, LinkPlan};
use crate::script::filematch::FileName;

/// Why a file's contents cannot be analysed (finding LSW009).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opaque {
    /// LLVM bitcode.
    Bitcode,
    /// A GCC object with intermediate code only.
    SlimLto,
    /// An ELF object for another machine, class or byte order than the link's.
    ForeignMachine,
    /// Not ELF, not bitcode.
    NotAnObject,
    /// ELF whose headers or tables are damaged: the reason.
    Damaged(String),
    /// A shared library whose tables are damaged: the reason.
    DamagedLibrary(String),
    /// A thin archive's member that cannot be opened: the reason.
    Missing(String),
}

/// What a file holds.
pub enum Content<'d> {
    /// A relocatable object.
    Object(Box<Object<'d>>),
    /// A shared library.
    Shared(Box<SharedLibrary<'d>>),
    /// Data given with `-b binary`: its size in bytes.
    Binary(u64),
    /// Something that cannot be analysed.
    Opaque(Opaque),
}

/// One file that may enter the link.
pub struct InputFile<'d> {
    /// For a plain file its name as linkers spell it; for a member its archive's.
    pub path: &'d [u8],
    /// The archive mention it belongs to.
    pub archive: Option<ArchiveId>,
    /// The member's name as stored; empty for plain files.
    pub member: &'d [u8],
    /// Thin member: the archive's folder joined with the stored name.
    pub joined: Option<&'d [u8]>,
    /// Member of a regular archive that is itself named by a thin one.
    pub nested: Option<&'d [u8]>,
    /// Positional options in force where it stands.
    pub mode: InputMode,
    /// Inside `--start-lib`/`--end-lib`.
    pub in_lib: bool,
    /// Contents.
    pub content: Content<'d>,
    /// Id of the file's section 0.
    pub section_base: u32,
    /// Names of the file's global symbols: position `i` belongs to symbol `first_global + i`
    /// (objects) or to dynamic symbol `i` (shared libraries). Data files have three: start and end
    /// (in section 1) and size (absolute).
    pub names: Vec<NameId>,
    /// Holds intermediate code that linkers know of. If that is the half that is read, the object in
    /// `content` stands for it: its symbols are the input's, its sections are empty.
    pub intermediate: Option<Box<Intermediate<'d>>>,
    /// Some global symbol of the object is spelled `name@version`.
    pub has_versions: bool,
    /// Size of the file or member in bytes.
    pub bytes: u64,
}

impl<'d> InputFile<'d> {
    /// The object, if it is one.
    pub fn object(&self) -> Option<&Object<'d>> {
        match &self.content {
            Content::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Whether the object in `content` stands for intermediate code: its sections are not real.
    pub fn is_stand_in(&self) -> bool {
        self.intermediate.as_ref().is_some_and(|i| i.half == Half::Intermediate)
    }

    /// Whether some of what it holds could not be read, so that answers about it are partial.
    pub fn is_partial(&self) -> bool {
        let unseen = |i: &Intermediate<'_>| i.half == Half::Intermediate || i.format == Format::GccSlim;
        let damaged = match &self.content {
            Content::Object(object) => object.unreadable().next().is_some(),
            Content::Opaque(_) => true,
            Content::Shared(_) | Content::Binary(_) => false,
        };
        damaged || self.intermediate.as_ref().is_some_and(|i| unseen(i))
    }

    /// The shared library, if it is one.
    pub fn shared(&self) -> Option<&SharedLibrary<'d>> {
        match &self.content {
            Content::Shared(library) => Some(library),
            _ => None,
        }
    }

    /// Number of sections that have ids (the null section included).
    pub fn section_count(&self) -> u32 {
        match &self.content {
            Content::Object(object) => object.sections.len() as u32,
            // One data section, at index 1.
            Content::Binary(_) => 2,
            _ => 0,
        }
    }

    /// The name of the global symbol with that index in the object's symbol table.
    pub fn global_name(&self, symbol: u32) -> Option<NameId> {
        let first = self.object()?.first_global;
        self.names.get(symbol.checked_sub(first)? as usize).copied()
    }

    /// The id of a section of this file.
    pub fn section_id(&self, section: u32) -> SectionId {
        SectionId(self.section_base + section)
    }
}

/// One mention of an archive.
pub struct ArchiveInput<'d> {
    /// The name that linkers print.
    pub path: &'d [u8],
    /// Positional options.
    pub mode: InputMode,
    /// Thin archive.
    pub thin: bool,
    /// Found by `-l` or a search.
    pub by_library: bool,
    /// Id of the first member; members have consecutive ids in file order.
    pub first: FileId,
    /// Number of members.
    pub count: u32,
    /// The symbol index in its own order: name and member (`None`: the offset is no member's).
    /// `None` if the archive has no index.
    pub index: Option<Vec<(NameId, Option<FileId>)>>,
}

impl ArchiveInput<'_> {
    /// Members' file ids in file order.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = FileId> + ExactSizeIterator + use<> {
        let first = self.first.0;
        (first..first + self.count).map(FileId)
    }
}

/// One step of the link, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkItem {
    /// A single file.
    File(FileId),
    /// An archive.
    Archive(ArchiveId),
    /// Start of a group.
    GroupStart,
    /// End of a group.
    GroupEnd,
    /// `--start-lib`.
    LibStart,
    /// `--end-lib`.
    LibEnd,
    /// Script number (in [`Program::scripts`]).
    Script(usize),
    /// `--defsym` number.
    Defsym(usize),
    /// bfd: a missing input: the link ends behind the last input.
    Missing,
    /// bfd: the link ends here.
    Stop,
}

/// The target that all inputs must share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// `e_machine`.
    pub machine: u16,
    /// Class 64.
    pub is_64: bool,
    /// Big-endian.
    pub big_endian: bool,
}

/// All tables.
pub struct Program<'d> {
    /// The plan.
    pub plan: &'d LinkPlan,
    /// Class, byte order and machine, from the emulation or the first object.
    pub target: Option<Target>,
    /// Files in link order.
    pub files: Table<FileId, InputFile<'d>>,
    /// Archives in link order.
    pub archives: Table<ArchiveId, ArchiveInput<'d>>,
    /// Steps in link order.
    pub items: Vec<LinkItem>,
    /// bfd: libraries that only other libraries name; read after all items.
    pub needed: Vec<FileId>,
    /// Scripts.
    pub scripts: &'d [ScriptFile],
    /// Version scripts, dynamic lists, `--defsym` expressions.
    pub controls: &'d Controls,
    /// Interned global names.
    pub names: Names<'d>,
    /// Number of section ids.
    pub section_count: u32,
    /// The file each section belongs to.
    pub section_file: Table<SectionId, FileId>,
    /// What was noticed while loading.
    pub diagnostics: Vec<Diagnostic>,
}

impl<'d> Program<'d> {
    /// A section's file and its index in that file.
    pub fn locate(&self, section: SectionId) -> (FileId, u32) {
        let file = self.section_file[section];
        (file, section.0 - self.files[file].section_base)
    }

    /// A section's name.
    pub fn section_name(&self, section: SectionId) -> &'d [u8] {
        let (file, index) = self.locate(section);
        match &self.files[file].content {
            Content::Object(object) => object.section_name(index),
            Content::Binary(_) => b".data",
            _ => b"",
        }
    }

    /// A section's size in bytes.
    pub fn section_size(&self, section: SectionId) -> u64 {
        let (file, index) = self.locate(section);
        match &self.files[file].content {
            Content::Object(object) => object.section_size(index),
            Content::Binary(size) if index == 1 => *size,
            _ => 0,
        }
    }

    /// All section ids of a file.
    pub fn sections_of(&self, file: FileId) -> impl DoubleEndedIterator<Item = SectionId> + use<> {
        let f = &self.files[file];
        (f.section_base..f.section_base + f.section_count()).map(SectionId)
    }

    /// The name bytes of a global.
    pub fn name(&self, name: NameId) -> &'d [u8] {
        self.names.name(name)
    }

    /// A neutral label of a file for messages: `path` or `archive(member)`.
    pub fn label(&self, file: FileId) -> String {
        let f = &self.files[file];
        let path = BString::from(f.path);
        if f.archive.is_none() { path.to_string() } else { format!("{path}({})", BString::from(f.member)) }
    }

    /// A file as script patterns see it (GS 9.3).
    pub fn pattern_name(&self, file: FileId) -> FileName<'d> {
        let f = &self.files[file];
        match (f.archive, f.joined) {
            (None, _) => FileName::plain(f.path),
            (Some(_), Some(joined)) => FileName::thin(f.path, f.member, joined),
            (Some(_), None) => FileName::member(f.path, f.member),
        }
    }

    /// For each script the first file that is read after it; `-T` scripts are read before all.
    pub(crate) fn script_starts(&self) -> Vec<FileId> {
        let mut places = vec![FileId(0); self.scripts.len()];
        let mut next = FileId(0);
        for item in &self.items {
            match *item {
                LinkItem::File(file) => next = FileId(file.0 + 1),
                LinkItem::Archive(archive) => {
                    let input = &self.archives[archive];
                    next = FileId(input.first.0 + input.count);
                }
                LinkItem::Script(number) => {
                    if let (Some(place), Some(file)) = (places.get_mut(number), self.scripts.get(number)) {
                        *place = if file.as_input { next } else { FileId(0) };
                    }
                }
                _ => {}
            }
        }
        places
    }

    /// All file ids in link order.
    pub fn file_ids(&self) -> impl DoubleEndedIterator<Item = FileId> + use<> {
        (0..self.files.len()).map(FileId::from_usize)
    }
}

//! From a plan to opened inputs: every file that the link may read is opened here, before anything
//! is borrowed from it.
//!
//! In: a [`LinkPlan`]. Out: [`OpenedLink`]: the frozen [`FileStore`] and the items of the link in
//! order, scripts among the inputs already replaced by what they name. Afterwards no phase opens a
//! file.

pub mod archive;
pub mod bytes;
pub mod classify;
pub mod controls;
pub mod dso;
pub mod eh_frame;
pub mod elf;
mod extra_names;
pub mod image;
pub mod implicit;
pub mod lto;
pub mod merge;
pub mod modules;
mod open;
pub mod relocs;
pub mod second;
pub mod sources;

pub use bytes::FileStore;
pub use open::open;

use std::ops::Range;

use bstr::BString;

use crate::error::{Diagnostic, Error};
use crate::plan::InputMode;
use crate::script::Script;

/// One step of the link after all scripts and libraries were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A plain object, shared library, data file or other single file: index into
    /// [`OpenedLink::singles`].
    Single(usize),
    /// An archive: index into [`OpenedLink::archives`].
    Archive(usize),
    /// Start of a group (`--start-group`, `GROUP(`).
    GroupStart,
    /// End of a group.
    GroupEnd,
    /// `--start-lib`.
    LibStart,
    /// `--end-lib`.
    LibEnd,
    /// A script at its place: index into [`OpenedLink::scripts`].
    Script(usize),
    /// A `--defsym` at its place: index into `LinkPlan::defsyms`.
    Defsym(usize),
    /// bfd: an input that is not there; the link ends when all others were read.
    Missing,
    /// bfd: an input that ends the link at once.
    Stop,
}

/// A script of the link.
#[derive(Debug, Clone)]
pub struct ScriptFile {
    /// The path as spelled.
    pub shown: BString,
    /// What it says.
    pub script: Script,
    /// Given as an input rather than with `-T`.
    pub as_input: bool,
}

/// A single input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Single {
    /// The name that linkers print.
    pub shown: BString,
    /// File in the store.
    pub file: usize,
    /// Positional options.
    pub mode: InputMode,
    /// What its bytes are.
    pub kind: classify::InputKind,
    /// For data given with `-b binary`: the symbols made for it, `_binary_NAME_start`, `_end` (in
    /// its section) and `_size` (absolute). Empty otherwise.
    pub data_names: Vec<BString>,
}

/// Where an archive member's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSource {
    /// File in the store: the archive itself, or the thin member's own file.
    pub file: usize,
    /// Range of the member in that file.
    pub range: Range<usize>,
    /// The member's name as stored in the archive, as a range of the archive's bytes.
    pub name: Range<usize>,
    /// For thin members: the archive's folder joined with the stored path, as linkers spell it.
    pub joined: Option<BString>,
    /// For a member of a regular archive inside a thin one: that inner archive's member name.
    pub nested: Option<BString>,
    /// Why the member cannot be read; its range is empty then.
    pub missing: Option<String>,
}

/// One mention of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedArchive {
    /// The name that linkers print.
    pub shown: BString,
    /// File in the store.
    pub file: usize,
    /// Positional options.
    pub mode: InputMode,
    /// Thin archive.
    pub thin: bool,
    /// Found through `-l` (matters for wrong-machine members and `--exclude-libs`).
    pub by_library: bool,
    /// Members in file order.
    pub members: Vec<MemberSource>,
    /// The symbol index, if there is one.
    pub index: Option<archive::Index>,
}

/// Everything that was opened.
pub struct OpenedLink {
    /// All bytes.
    pub store: FileStore,
    /// Link items in order.
    pub items: Vec<Item>,
    /// Single files.
    pub singles: Vec<Single>,
    /// Archive mentions.
    pub archives: Vec<OpenedArchive>,
    /// `-T` scripts and scripts given as inputs, in the order in which they were met.
    pub scripts: Vec<ScriptFile>,
    /// bfd: libraries that others need (DT_NEEDED) and the line does not name: singles that no item
    /// mentions, read after all others.
    pub needed: Vec<usize>,
    /// Names of options and scripts that must have an id even if no input mentions them.
    pub extra_names: Vec<BString>,
    /// Version scripts, dynamic lists and `--defsym` expressions, compiled.
    pub controls: controls::Controls,
    /// Objects made to stand for intermediate code, by file number; each is made when the program is
    /// built for the first time.
    pub stand_ins: Vec<std::sync::OnceLock<Vec<u8>>>,
    /// What could not be opened or looks wrong, without being fatal.
    pub diagnostics: Vec<Diagnostic>,
    /// bfd: the first input that was missing or could not be read. Only what the linker itself writes
    /// before it gives up can be answered.
    pub broken: Option<Error>,
}

impl OpenedLink {
    /// Makes a place for the stand-in of every file (one per single and per archive member).
    fn make_room(&mut self) {
        let of_item = |item: &Item| match item {
            Item::Single(_) => 1,
            Item::Archive(index) => self.archives.get(*index).map_or(0, |a| a.members.len()),
            _ => 0,
        };
        let count = self.items.iter().map(of_item).sum::<usize>() + self.needed.len();
        self.stand_ins.resize_with(count, std::sync::OnceLock::new);
    }
}

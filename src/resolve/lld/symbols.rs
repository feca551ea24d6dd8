//! lld's symbol table: one row per name, and what happens when a file brings a name again.
//!
//! In: one mention of a name (undefined, defined, common, shared, lazy). Out: the changed row, and
//! for a lazy row met by a strong reference the member that must be read now. Nothing here opens a
//! file or recurses; `parse` does the reading. Sources: lld `Symbols.cpp` (14: `resolveUndefined`,
//! `resolveCommon`, `resolveDefined`, `resolveLazy`, `resolveShared`, `compare`; 15+: `resolve`
//! overloads, `shouldReplace`).

use std::collections::BTreeMap;

use crate::ids::{FileId, NameId};
use crate::load::elf::consts::*;
use crate::resolve::merge_visibility;

/// "Not from a file": `-u`, script references, reserved names.
pub(super) const INTERNAL: u32 = u32::MAX;

/// What a row currently is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// Not entered yet.
    #[default]
    Placeholder,
    /// Referenced only.
    Undefined,
    /// Defined in an object, or by the linker.
    Defined,
    /// A common.
    Common,
    /// Defined by a shared library.
    Shared,
    /// Offered by a member (or `--start-lib` object) that was not read yet.
    Lazy,
    /// lld 14: offered through an archive's index.
    LazyArchive,
}

/// Facts about a row, as bits.
pub(super) mod flag {
    /// A strong or weak reference came from a file or an option.
    pub(in crate::resolve::lld) const REFERENCED: u8 = 1;
    /// A shared library refers to it or defines it too.
    pub(in crate::resolve::lld) const DSO_EXPORT: u8 = 2;
    /// Matched by a dynamic list.
    pub(in crate::resolve::lld) const DYNAMIC_LIST: u8 = 4;
    /// Made local by a version script or `--exclude-libs`.
    pub(in crate::resolve::lld) const LOCAL: u8 = 8;
    /// Entered in the table (`SymbolTable::insert`).
    pub(in crate::resolve::lld) const INSERTED: u8 = 32;
    /// Its definition lay in a discarded section.
    pub(in crate::resolve::lld) const DISCARDED: u8 = 64;
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// File id of the defining, offering or referring file; [`INTERNAL`] if none.
    pub(super) file: u32,
    /// Symbol index in that file.
    pub(super) symbol: u32,
    /// What it is.
    pub(super) kind: Kind,
    /// STB_*. Weak on a lazy row: only weak references so far.
    pub(super) bind: u8,
    /// Merged STV_*.
    pub(super) visibility: u8,
    /// [`flag`] bits.
    pub(super) flags: u8,
}

impl Default for Row {
    fn default() -> Self {
        Row { file: INTERNAL, symbol: 0, kind: Kind::Placeholder, bind: 0, visibility: 0, flags: 0 }
    }
}

impl Row {
    pub(super) fn is_lazy(self) -> bool {
        matches!(self.kind, Kind::Lazy | Kind::LazyArchive)
    }

    pub(super) fn is_weak(self) -> bool {
        self.bind == STB_WEAK
    }

    pub(super) fn has(self, bit: u8) -> bool {
        self.flags & bit != 0
    }
}

/// A reference as a file states it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference {
    /// Referring file, or [`INTERNAL`].
    pub(super) file: u32,
    /// Symbol index in that file.
    pub(super) symbol: u32,
    /// STB_*.
    pub(super) bind: u8,
    /// STV_*.
    pub(super) visibility: u8,
    /// The referring file is a shared library.
    pub(super) from_library: bool,
    /// It is a definition in a discarded section, read as a reference.
    pub(super) discarded: bool,
}

/// What a file defines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definer {
    /// Defining file, or [`INTERNAL`].
    pub(super) file: u32,
    /// Symbol index in that file.
    pub(super) symbol: u32,
    /// STB_*.
    pub(super) bind: u8,
    /// STV_*.
    pub(super) visibility: u8,
}

/// What the caller has to do after entering a mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Nothing,
    /// Read this member now (it may have been read already).
    Extract(FileId),
    /// Both define the name and neither yields (lld 14 reports at once).
    Duplicate(u32),
}

/// How lld 14 and later versions differ while symbols are entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// lld 14.
    Fourteen,
    /// lld 15 and later.
    Fifteen,
}

/// The table.
pub(super) struct Symbols {
    rows: Vec<Row>,
    /// Sizes of commons, by name.
    pub(super) common_size: BTreeMap<u32, u64>,
    era: Era,
}

impl Symbols {
    pub(super) fn new(names: usize, era: Era) -> Self {
        Symbols { rows: vec![Row::default(); names], common_size: BTreeMap::new(), era }
    }

    #[inline]
    pub(super) fn row(&self, name: NameId) -> Row {
        self.rows[name.idx()]
    }

    #[inline]
    pub(super) fn row_mut(&mut self, name: NameId) -> &mut Row {
        &mut self.rows[name.idx()]
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Replaces what a row is; merged properties stay.
    #[inline]
    fn overwrite(row: &mut Row, kind: Kind, file: u32, symbol: u32, bind: u8) {
        row.kind = kind;
        row.file = file;
        row.symbol = symbol;
        row.bind = bind;
    }

    /// A reference.
    #[inline]
    pub(super) fn undefined(&mut self, name: NameId, other: Reference) -> Then {
        let row = &mut self.rows[name.idx()];
        row.visibility = merge_visibility(row.visibility, other.visibility);
        let replaces = match row.kind {
            Kind::Placeholder => true,
            Kind::Shared => other.visibility != STV_DEFAULT,
            Kind::Undefined => other.bind != STB_WEAK && other.discarded,
            _ => false,
        };
        if replaces {
            Self::overwrite(row, Kind::Undefined, other.file, other.symbol, other.bind);
            if other.discarded {
                row.flags |= flag::DISCARDED;
            }
            return Then::Nothing;
        }
        if row.is_lazy() {
            if other.bind == STB_WEAK {
                row.bind = STB_WEAK;
                return Then::Nothing;
            }
            return Then::Extract(FileId(row.file));
        }
        if other.from_library {
            return Then::Nothing;
        }
        if matches!(row.kind, Kind::Undefined | Kind::Shared)
            && (other.bind != STB_WEAK || !row.has(flag::REFERENCED))
        {
            row.bind = other.bind;
        }
        Then::Nothing
    }

    /// A definition in an object. `same_file_default` (lld 14): the name is also a `@@` name and
    /// the row is from the same file.
    #[inline]
    pub(super) fn defined(&mut self, name: NameId, other: Definer, same_file_default: bool) -> Then {
        let row = &mut self.rows[name.idx()];
        row.visibility = merge_visibility(row.visibility, other.visibility);
        let wins = match (row.kind, self.era) {
            (Kind::Common, Era::Fifteen) => other.bind != STB_WEAK,
            (Kind::Defined, Era::Fifteen) => row.bind != STB_GLOBAL && other.bind == STB_GLOBAL,
            (Kind::Defined | Kind::Common, Era::Fourteen) => {
                if same_file_default && row.file == other.file {
                    true
                } else if other.bind == STB_WEAK {
                    false
                } else if row.bind == STB_WEAK || row.kind == Kind::Common {
                    true
                } else {
                    return Then::Duplicate(row.file);
                }
            }
            _ => true,
        };
        if wins {
            if row.kind == Kind::Common {
                self.common_size.remove(&name.0);
            }
            Self::overwrite(row, Kind::Defined, other.file, other.symbol, other.bind);
        }
        Then::Nothing
    }

    /// A common of `size` bytes. `library_size` is the size of the shared definition that the row
    /// currently holds.
    pub(super) fn common(&mut self, name: NameId, other: Definer, size: u64, library_size: u64) {
        let row = &mut self.rows[name.idx()];
        row.visibility = merge_visibility(row.visibility, other.visibility);
        match row.kind {
            Kind::Defined if row.bind != STB_WEAK => {}
            // lld 14 lets a weak common lose to any definition and to any common, whatever the size.
            Kind::Defined | Kind::Common if self.era == Era::Fourteen && other.bind == STB_WEAK => {}
            Kind::Common if self.era == Era::Fifteen || row.bind != STB_WEAK => {
                let held = self.common_size.entry(name.0).or_insert(0);
                if *held < size {
                    *held = size;
                    row.file = other.file;
                    row.symbol = other.symbol;
                }
            }
            kind => {
                let size = if kind == Kind::Shared { size.max(library_size) } else { size };
                Self::overwrite(row, Kind::Common, other.file, other.symbol, other.bind);
                self.common_size.insert(name.0, size);
            }
        }
    }

    /// A definition in a shared library. `size` is its size in bytes.
    #[inline]
    pub(super) fn shared(&mut self, name: NameId, other: Definer, size: u64) {
        let exports = self.era == Era::Fifteen || other.visibility == STV_DEFAULT;
        let row = &mut self.rows[name.idx()];
        if exports {
            row.flags |= flag::DSO_EXPORT;
        }
        match row.kind {
            Kind::Placeholder => Self::overwrite(row, Kind::Shared, other.file, other.symbol, other.bind),
            Kind::Common => {
                let held = self.common_size.entry(name.0).or_insert(0);
                *held = size.max(*held);
            }
            Kind::Undefined | Kind::Lazy | Kind::LazyArchive if row.visibility == STV_DEFAULT => {
                let bind = row.bind;
                Self::overwrite(row, Kind::Shared, other.file, other.symbol, bind);
            }
            _ => {}
        }
    }

    /// An offer of a member that is not read yet. `for_common` says whether the member should be
    /// taken to replace a common (`--fortran-common`).
    #[inline]
    pub(super) fn lazy(
        &mut self,
        name: NameId,
        member: FileId,
        symbol: u32,
        kind: Kind,
        for_common: impl FnOnce() -> bool,
    ) -> Then {
        let row = &mut self.rows[name.idx()];
        match row.kind {
            Kind::Placeholder => Self::overwrite(row, kind, member.0, symbol, STB_GLOBAL),
            Kind::Common if for_common() => {
                self.common_size.remove(&name.0);
                Self::overwrite(row, kind, member.0, symbol, STB_GLOBAL);
                return Then::Extract(member);
            }
            Kind::Undefined if row.is_weak() => Self::overwrite(row, kind, member.0, symbol, STB_WEAK),
            Kind::Undefined => return Then::Extract(member),
            _ => {}
        }
        Then::Nothing
    }
}

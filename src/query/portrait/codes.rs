//! Small numbers for the words of columns: stable, whatever becomes of the enums in the program.
//!
//! In: a value of the program. Out: its number, and back. A number that means nothing gives a default, so that
//! a file from elsewhere cannot make a reader fail.

use crate::graph::{Class, EdgeKind, RootKind};
use crate::query::fate::Fate;

/// Sorts of content, by number ([`crate::query::dead::kind_of`]).
pub const SORTS: [&str; 11] =
    ["other", "text", "rodata", "data", "bss", "tls", "unwind", "note", "debug", "tables", "relocations"];

/// The number of a sort of content.
pub fn sort_code(word: &str) -> u8 {
    SORTS.iter().position(|s| *s == word).unwrap_or(0) as u8
}

macro_rules! codes {
    ($($type:ident $to:ident $from:ident $default:ident { $($value:ident = $code:literal,)* })*) => {$(
        /// The number of a value.
        pub fn $to(value: $type) -> u8 {
            match value { $($type::$value => $code,)* }
        }

        /// The value of a number.
        pub fn $from(code: u8) -> $type {
            match code { $($code => $type::$value,)* _ => $type::$default }
        }
    )*};
}

codes! {
    Class class_code class Absent {
        Absent = 0,
        Node = 1,
        Kept = 2,
        Structural = 3,
        Discarded = 4,
        Duplicate = 5,
        Pieces = 6,
    }
    Fate fate_code fate NotACandidate {
        Kept = 0,
        Dropped = 1,
        GroupDuplicate = 2,
        Discarded = 3,
        NotExtracted = 4,
        NotACandidate = 5,
    }
    EdgeKind edge_code edge Relocation {
        Relocation = 0,
        Group = 1,
        LinkOrder = 2,
        StartStop = 3,
        Unwind = 4,
        Script = 5,
        WithFile = 6,
    }
    RootKind root_code root Opaque {
        Entry = 0,
        UndefinedOption = 1,
        RequireDefined = 2,
        Extern = 3,
        Keep = 4,
        Note = 5,
        InitArray = 6,
        RetainFlag = 7,
        DynamicExport = 8,
        DsoReference = 9,
        ScriptReference = 10,
        StartStop = 11,
        Unwind = 12,
        Opaque = 13,
    }
    ExtraKind extra_code extra Routines {
        CommonsOf = 0,
        SmallCommonsOf = 1,
        Common = 2,
        StartStop = 3,
        Routines = 4,
        ScriptSymbol = 5,
    }
    Meaning place_code place Undefined {
        Section = 0,
        Common = 1,
        Absolute = 2,
        Shared = 3,
        Assigned = 4,
        Defsym = 5,
        Bounds = 6,
        Undefined = 7,
        UndefinedWeak = 8,
        NotExtracted = 9,
    }
}

/// The word for an edge in machine formats.
pub fn edge_word(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Relocation => "relocation",
        EdgeKind::Group => "group",
        EdgeKind::LinkOrder => "link-order",
        EdgeKind::StartStop => "start-stop",
        EdgeKind::Unwind => "unwind",
        EdgeKind::Script => "script",
        EdgeKind::WithFile => "with-file",
    }
}

/// The word for a node beyond the sections.
pub fn extra_word(kind: ExtraKind) -> &'static str {
    match kind {
        ExtraKind::CommonsOf | ExtraKind::Common => "common",
        ExtraKind::SmallCommonsOf => "small-common",
        ExtraKind::StartStop => "start-stop",
        ExtraKind::Routines => "linker-routines",
        ExtraKind::ScriptSymbol => "script-symbol",
    }
}

/// The word for what a name is.
pub fn place_word(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Section => "section",
        Meaning::Common => "common",
        Meaning::Absolute => "absolute",
        Meaning::Shared => "shared",
        Meaning::Assigned => "assigned",
        Meaning::Defsym => "defsym",
        Meaning::Bounds => "bounds",
        Meaning::Undefined => "undefined",
        Meaning::UndefinedWeak => "undefined-weak",
        Meaning::NotExtracted => "not-extracted",
    }
}

/// What a node beyond the sections is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraKind {
    /// bfd: all commons of a file.
    CommonsOf,
    /// bfd: its small commons (mips).
    SmallCommonsOf,
    /// One common symbol.
    Common,
    /// Everything of one name.
    StartStop,
    /// The linker's own routines.
    Routines,
    /// A script symbol.
    ScriptSymbol,
}

/// What a name of [`super::tables::Names`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// In a section of the link (or, without a node, in a table of the object format).
    Section,
    /// A common.
    Common,
    /// An absolute value.
    Absolute,
    /// In a shared library.
    Shared,
    /// Assigned by a script, or the linker's own.
    Assigned,
    /// Assigned by `--defsym`.
    Defsym,
    /// A start or stop name of the linker.
    Bounds,
    /// Referenced, not defined.
    Undefined,
    /// Referenced only weakly, not defined.
    UndefinedWeak,
    /// Defined only by a file that stayed out.
    NotExtracted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for code in 0..14 {
            assert_eq!(root_code(root(code)), code);
        }
        for code in 0..7 {
            assert_eq!((class_code(class(code)), edge_code(edge(code))), (code, code));
        }
        for code in 0..6 {
            assert_eq!((fate_code(fate(code)), extra_code(extra(code))), (code, code));
        }
        for code in 0..10 {
            assert_eq!(place_code(place(code)), code);
        }
        assert_eq!(root(200), RootKind::Opaque);
        assert_eq!(SORTS[sort_code("bss") as usize], "bss");
    }
}

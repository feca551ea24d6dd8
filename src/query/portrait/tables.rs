//! The tables of a portrait: named columns of equal length, and for lists of lists a column of starts.
//!
//! In: rows. Out: structs of [`Column`]s that can name, hand out and take in their columns. String columns
//! hold ids of [`super::Strings`], node columns node ids; [`NONE`] means nothing.

use super::column::{Column, Element};

/// Nothing: no string, no node, no file.
pub const NONE: u32 = u32::MAX;

/// How a column stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// As it is, to be mapped.
    Plain,
    /// Packed: not needed by the first question.
    Packed,
}

/// Takes the columns of a portrait one by one.
pub trait Sink {
    /// One column.
    fn column<T: Element>(&mut self, name: &'static str, store: Store, rows: &Column<'_, T>);
}

/// Hands out stored columns by name.
pub trait Source<'d> {
    /// Why a column cannot be had.
    type Error;
    /// One column.
    ///
    /// # Errors
    /// It is missing, of another width or outside the file.
    fn column<T: Element>(&mut self, name: &'static str) -> Result<Column<'d, T>, Self::Error>;
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident $label:literal {
        $($(#[$about:meta])* $field:ident: $type:ty => $store:ident,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default, PartialEq)]
        pub struct $name<'d> {
            $($(#[$about])* pub $field: Column<'d, $type>,)*
        }

        impl<'d> $name<'d> {
            /// Hands every column to `sink`, in a fixed order.
            pub fn write(&self, sink: &mut impl Sink) {
                $(sink.column(concat!($label, ".", stringify!($field)), Store::$store, &self.$field);)*
            }

            /// Takes every column from `source`.
            ///
            /// # Errors
            /// The source's.
            pub fn read<S: Source<'d>>(source: &mut S) -> Result<Self, S::Error> {
                Ok($name { $($field: source.column(concat!($label, ".", stringify!($field)))?,)* })
            }
        }
    )*};
}

tables! {
    /// Mentions of archives in link order; the numbers are those of the program.
    Archives "archives" {
        /// The name that linkers print.
        path: u32 => Plain,
        /// Bits: see [`archive_flags`].
        flags: u8 => Plain,
        /// First member.
        first: u32 => Plain,
        /// Number of members.
        count: u32 => Plain,
    }

    /// All files in link order, those that stayed out too; the numbers are those of the program.
    Files "files" {
        /// For a plain file its name as linkers spell it; for a member its archive's.
        path: u32 => Plain,
        /// The archive, or nothing.
        archive: u32 => Packed,
        /// The member's name as stored, or nothing.
        member: u32 => Plain,
        /// Thin member: the archive's folder joined with the stored name, or nothing.
        joined: u32 => Packed,
        /// Member of a regular archive that is itself named by a thin one, or nothing.
        nested: u32 => Packed,
        /// Size in bytes.
        bytes: u64 => Packed,
        /// Bits: see [`file_flags`].
        flags: u8 => Plain,
        /// What it is: 0 object, 1 shared library, 2 plain data, 3 unreadable.
        kind: u8 => Plain,
        /// In words why its contents are not known, or nothing.
        opaque: u32 => Packed,
        /// Number of its first section; one row more than there are files.
        first_section: u32 => Plain,
    }

    /// Files of the link in the linker's order.
    Linked "linked" {
        /// The file.
        file: u32 => Packed,
    }

    /// Sections of files in the link, file by file, tables of the object format left out.
    Sections "sections" {
        /// Name.
        name: u32 => Plain,
        /// `sh_size` in bytes.
        size: u64 => Packed,
        /// Row of [`Kinds`].
        kind: u32 => Packed,
        /// Index in its file.
        index: u32 => Packed,
    }

    /// What sections have in common: each combination once.
    Kinds "kinds" {
        /// `sh_type`.
        sh_type: u32 => Plain,
        /// `sh_flags`, low 32 bits.
        flags: u32 => Plain,
        /// `sh_addralign`.
        align: u64 => Plain,
        /// What it is to the collector ([`super::codes::class`]).
        class: u8 => Plain,
        /// What becomes of it ([`super::codes::fate`]).
        fate: u8 => Plain,
        /// Sort of content ([`super::codes::SORTS`]).
        sort: u8 => Plain,
        /// Bits: see [`section_flags`].
        bits: u8 => Plain,
        /// Output section, or nothing.
        output: u32 => Plain,
        /// Memory region, or nothing.
        region: u32 => Plain,
    }

    /// Bytes that go although their section stays: mergeable pieces, unwind entries.
    Pieces "pieces" {
        /// The section, in order.
        section: u32 => Packed,
        /// Bytes.
        bytes: u64 => Packed,
    }

    /// Nodes beyond the sections; the first has the number behind the last section.
    Extras "extras" {
        /// What it is ([`super::codes::extra`]).
        kind: u8 => Plain,
        /// The owner of a common, or nothing.
        file: u32 => Plain,
        /// The common's name, the name of bounded sections, the script's symbol, or nothing.
        name: u32 => Plain,
        /// Bytes of commons.
        size: u64 => Plain,
    }

    /// Output sections in output order, as the layout predicts them.
    Outputs "outputs" {
        /// Name.
        name: u32 => Plain,
        /// What `size` counts it under: 0 text, 1 data, 2 bss, 3 nothing (not allocated).
        class: u8 => Plain,
        /// Size in bytes.
        size: u64 => Plain,
        /// Bytes of padding between inputs.
        padding: u64 => Plain,
        /// Bytes that statements of the script make.
        stated: u64 => Plain,
        /// Why the real size may differ: 0 it does not, else 1 and the reason's number.
        made: u8 => Plain,
        /// Memory region, or nothing.
        region: u32 => Plain,
    }

    /// The output as a whole: one row.
    Whole "whole" {
        /// Section headers, as predicted.
        headers: u64 => Plain,
    }

    /// Where nodes lie in the output.
    Laid "laid" {
        /// By node: row of [`Outputs`], or nothing.
        place: u32 => Packed,
        /// By node: bytes there.
        bytes: u64 => Packed,
    }

    /// Memory regions in script order.
    Regions "regions" {
        /// Name.
        name: u32 => Plain,
        /// ORIGIN.
        origin: u64 => Plain,
        /// LENGTH in bytes.
        length: u64 => Plain,
        /// Bytes used.
        used: u64 => Plain,
    }

    /// Edges of all nodes in node order, by target; of several to one target the first relocation counts,
    /// else the first other edge.
    Edges "edges" {
        /// Number of a node's first edge; one row more than there are nodes.
        first: u32 => Plain,
        /// Target node.
        target: u32 => Plain,
        /// What it is ([`super::codes::edge`]), and bits: see [`edge_kind`].
        kind: u8 => Packed,
        /// Number of relocations that make it; 0: none does.
        count: u32 => Packed,
        /// Type of the first one.
        reloc: u32 => Packed,
        /// Offset of the first one in its section.
        offset: u64 => Packed,
        /// Explicit addend of the first one, two's complement.
        addend: u64 => Packed,
        /// Symbol of the first one: 0 the target's own section symbol, `1 + n` the target's `n`th symbol,
        /// else [`VIA`] and a row of [`Vias`].
        symbol: u32 => Packed,
    }

    /// Symbols of relocations that the target does not tell.
    Vias "vias" {
        /// Name.
        name: u32 => Plain,
        /// 1: it is a section symbol.
        sectional: u8 => Plain,
    }

    /// Nodes that a rule marked after the closure, in order.
    Staged "staged" {
        /// The node.
        node: u32 => Plain,
        /// The live node that made the rule apply; the node itself if nothing else did.
        because: u32 => Plain,
        /// The rule ([`super::codes::edge`]).
        kind: u8 => Plain,
    }

    /// Section groups of files in the link; of linkers that reason about group sections those of lost copies too.
    Groups "groups" {
        /// The group section, if it is one that the linker reasons about, or nothing.
        section: u32 => Packed,
        /// Bits: see [`group_bits`].
        bits: u8 => Packed,
        /// The signature is the first member's name without as many bytes at its begin; [`ODD`]: see
        /// [`Signatures`].
        skip: u8 => Packed,
        /// Number of its first member; one row more than there are groups.
        first: u32 => Packed,
        /// Members of all groups.
        members: u32 => Packed,
        /// The members of groups that did not lose, in section order ([`Groups::of`]).
        sorted: u32 => Packed,
        /// Their groups.
        of: u32 => Packed,
    }

    /// Signatures of groups that no member's name tells.
    Signatures "signatures" {
        /// The group, in order.
        group: u32 => Packed,
        /// The signature.
        name: u32 => Packed,
    }

    /// What sections describe (SHF_LINK_ORDER, `.ARM.exidx`), where the linker walks such chains.
    Links "links" {
        /// The section, in order.
        section: u32 => Packed,
        /// What it describes; nothing: a section without a row.
        to: u32 => Packed,
    }

    /// The order in which bfd makes the sections of a file, where groups and numbers do not tell.
    Orders "orders" {
        /// The file, in order.
        file: u32 => Packed,
        /// Its first row in `rows`; one more than there are files.
        first: u32 => Packed,
    }

    /// The sections of these files in that order.
    Ordered "ordered" {
        /// The section.
        section: u32 => Packed,
    }

    /// Roots in the order in which the linker finds them.
    Roots "roots" {
        /// The node.
        node: u32 => Plain,
        /// Why ([`super::codes::root`]).
        kind: u8 => Plain,
        /// The symbol that names it, or nothing.
        name: u32 => Plain,
        /// Row of [`Keeps`], or nothing.
        keep: u32 => Plain,
        /// What asked for it: 0 nothing to say, 1 `-u`, 2 `-fini`, 3 `-init`.
        by: u8 => Plain,
        /// The shared library that mentions it, or nothing.
        library: u32 => Plain,
    }

    /// KEEP statements that root something.
    Keeps "keeps" {
        /// Script number.
        script: u32 => Plain,
        /// Number of the input section description in the script.
        description: u32 => Plain,
        /// The script's path as spelled.
        file: u32 => Plain,
        /// Line from 1.
        line: u32 => Plain,
        /// Column from 1.
        column: u32 => Plain,
        /// The statement as written.
        text: u32 => Plain,
        /// What stands in KEEP( ), without white space.
        inner: u32 => Plain,
    }

    /// Nodes that unwind data would root if roots of their own did not stand before it.
    Shadowed "shadowed" {
        /// The node.
        node: u32 => Plain,
    }

    /// Names asked for from the beginning.
    Demands "demands" {
        /// The name.
        name: u32 => Plain,
    }

    /// Linker scripts in the order in which they count.
    Scripts "scripts" {
        /// Path as spelled.
        shown: u32 => Plain,
        /// 1: given as an input.
        as_input: u8 => Plain,
        /// The first file that is read after it.
        start: u32 => Plain,
        /// Number of its first text; one row more than there are scripts.
        first: u32 => Plain,
    }

    /// Their texts: a script's own, then those it includes as it meets them.
    Sources "sources" {
        /// Path.
        path: u32 => Plain,
        /// Where it begins in all texts; one row more than there are texts.
        first: u32 => Plain,
    }

    /// All these texts.
    ScriptText "script_text" {
        /// Bytes.
        byte: u8 => Packed,
    }

    /// FDEs.
    Unwind "unwind" {
        /// Their section.
        section: u32 => Packed,
        /// The section that they describe; nothing: they stay.
        target: u32 => Packed,
        /// Bytes.
        bytes: u64 => Packed,
    }

    /// Sections that are kept piece by piece.
    Merged "merged" {
        /// The section, in order.
        section: u32 => Packed,
        /// Its first piece; one row more than there are sections.
        first: u32 => Packed,
    }

    /// Their pieces.
    MergedPieces "merged_pieces" {
        /// Bytes.
        bytes: u64 => Packed,
    }

    /// Who refers to which piece.
    PieceUses "piece_uses" {
        /// The section that refers, in order.
        from: u32 => Packed,
        /// The piece.
        piece: u32 => Packed,
    }

    /// Pieces that roots name.
    RootPieces "root_pieces" {
        /// The root.
        root: u32 => Packed,
        /// The piece.
        piece: u32 => Packed,
    }

    /// Entries of initcall tables that are roots.
    Initcalls "initcalls" {
        /// The section.
        section: u32 => Plain,
        /// Offset there.
        offset: u64 => Plain,
        /// Level as spelled.
        level: u32 => Plain,
        /// Function; empty if nothing names it.
        function: u32 => Plain,
        /// Module, or nothing.
        module: u32 => Plain,
        /// The node that the entry refers to, or nothing.
        target: u32 => Plain,
    }

    /// Entries of constructor tables that are roots.
    Constructors "constructors" {
        /// The section, in order.
        section: u32 => Packed,
        /// Offset there.
        offset: u64 => Packed,
        /// Function; empty if nothing names it.
        function: u32 => Packed,
        /// The node that the entry refers to, or nothing.
        target: u32 => Packed,
    }

    /// Symbols that lie in the sections, section by section; of lost copies that do not live only local ones.
    Symbols "symbols" {
        /// Number of a section's first symbol; one row more than there are sections.
        first: u32 => Packed,
        /// Name.
        name: u32 => Plain,
        /// Bits: see [`symbol_info`].
        info: u8 => Plain,
        /// Offset in the section.
        value: u64 => Packed,
        /// `st_size` in bytes.
        size: u64 => Packed,
        /// Index in its file's symbol table.
        index: u32 => Packed,
    }

    /// Global names of the link whose meaning is no symbol of [`Symbols`].
    Names "names" {
        /// Name.
        name: u32 => Plain,
        /// What it is ([`super::codes::place`]).
        place: u8 => Plain,
        /// Where defined, or who refers to it first; or nothing.
        file: u32 => Plain,
        /// The node that it reaches, or nothing.
        node: u32 => Plain,
    }

    /// Sections without a row of their own: tables of the object format, and all of files that stayed out;
    /// relocation sections are nowhere.
    Outside "outside" {
        /// Number of a file's first one; one row more than there are files.
        first: u32 => Plain,
        /// Name.
        name: u32 => Packed,
        /// `sh_size` in bytes.
        size: u64 => Packed,
        /// Index in its file.
        index: u32 => Packed,
        /// 1: an input of its own rather than a table about others.
        content: u8 => Packed,
    }

    /// Local symbols that lie in sections without a row.
    OutsideLocals "outside_locals" {
        /// Number of a file's first one; one row more than there are files.
        first: u32 => Plain,
        /// Name.
        name: u32 => Packed,
    }

    /// Archive members (or `--start-lib` objects) that entered the link, in the linker's order.
    Extractions "extractions" {
        /// The member.
        file: u32 => Plain,
        /// Who asked first: 0 a file, 1 an option or script, 2 taken whole.
        asker: u8 => Plain,
        /// The asking file, or nothing.
        by: u32 => Plain,
        /// For an option what it is called, or nothing.
        text: u32 => Packed,
        /// The name asked for, or nothing.
        symbol: u32 => Plain,
        /// Who wants that name from the beginning: 0 nobody, 1 `-u`, 2 `--require-defined`,
        /// 3 `--undefined-glob`, 4 it is the entry.
        demand: u8 => Packed,
        /// The section whose relocation asked, or nothing.
        section: u32 => Packed,
        /// 1: that section lives.
        live: u8 => Packed,
        /// The relocation's type.
        reloc: u32 => Packed,
        /// Its offset.
        offset: u64 => Packed,
        /// Its addend.
        addend: u64 => Packed,
        /// How many there are.
        count: u32 => Packed,
        /// The symbol that covers the offset, or nothing.
        inside: u32 => Packed,
        /// The relocation's symbol as written.
        written: u32 => Packed,
    }

    /// What the linker complains about, and what could not be read.
    Diagnostics "diagnostics" {
        /// 0 note, 1 warning, 2 error.
        severity: u8 => Plain,
        /// Finding id, or empty.
        id: u32 => Plain,
        /// File concerned.
        subject: u32 => Plain,
        /// Message.
        message: u32 => Plain,
    }

    /// Findings.
    Findings "findings" {
        /// `LSW009`.
        id: u32 => Plain,
        /// 0 note, 1 warning, 2 error.
        level: u8 => Plain,
        /// Message.
        message: u32 => Plain,
        /// What the subject is.
        kind: u32 => Plain,
        /// Its name.
        name: u32 => Plain,
        /// Its file.
        file: u32 => Plain,
        /// That file's archive.
        archive: u32 => Plain,
        /// Path of the place to fix, or nothing.
        place: u32 => Plain,
        /// Line.
        line: u32 => Plain,
        /// Column.
        column: u32 => Plain,
        /// 1: the bytes mean something.
        has_bytes: u8 => Plain,
        /// Bytes concerned.
        bytes: u64 => Plain,
        /// What to do.
        remedy: u32 => Plain,
    }
}

/// In [`Edges::symbol`]: the rest is a row of [`Vias`].
pub const VIA: u32 = 1 << 31;

/// In [`Groups::skip`]: see [`Signatures`].
pub const ODD: u8 = 255;

/// Bits in [`Edges::kind`].
pub mod edge_kind {
    /// The kind.
    pub const KIND: u8 = 0x1f;
    /// Not all relocations name the same symbol.
    pub const SYMBOLS: u8 = 0x20;
    /// Besides the relocations there is another edge.
    pub const ANOTHER: u8 = 0x40;
    /// That one is of a group.
    pub const OF_GROUP: u8 = 0x80;
}

/// Bits of [`Groups::bits`].
pub mod group_bits {
    /// The copy lost.
    pub const LOST: u8 = 1;
    /// The first member has no row.
    pub const HEADLESS: u8 = 2;
}

/// Bits of [`Archives::flags`].
pub mod archive_flags {
    /// Thin.
    pub const THIN: u8 = 1;
    /// Taken whole.
    pub const WHOLE: u8 = 2;
    /// Found by `-l` or a search.
    pub const BY_LIBRARY: u8 = 4;
    /// Has an index.
    pub const INDEXED: u8 = 8;
    /// Its path was spelled from the root, though it is stored otherwise.
    pub const ABSOLUTE: u8 = 16;
}

/// Bits of [`Files::flags`].
pub mod file_flags {
    /// In the link.
    pub const IN_LINK: u8 = 1;
    /// Something of it could not be read.
    pub const PARTIAL: u8 = 2;
    /// Its sections stand for intermediate code.
    pub const STAND_IN: u8 = 4;
    /// Between `--start-lib` and `--end-lib`.
    pub const IN_LIB: u8 = 8;
    /// Only its symbols take part (`-R`).
    pub const JUST_SYMBOLS: u8 = 16;
    /// Its path was spelled from the root, though it is stored otherwise.
    pub const ABSOLUTE: u8 = 32;
    /// Holds intermediate code, read or not.
    pub const INTERMEDIATE: u8 = 64;
}

/// Bits of [`Kinds::bits`].
pub mod section_flags {
    /// Its relocations cannot be read: it refers to every symbol of its file.
    pub const UNREADABLE: u8 = 1;
    /// Its relocations are edges.
    pub const FOLLOWED: u8 = 2;
    /// Member of a losing COMDAT copy, or a linkonce loser.
    pub const LOST: u8 = 4;
    /// Neither allocated nor with relocations (bfd).
    pub const SPECIAL: u8 = 8;
    /// Member of a group, whatever became of that.
    pub const GROUPED: u8 = 16;
    /// SHF_GNU_RETAIN counts.
    pub const RETAINED: u8 = 32;
}

/// Bits of [`Symbols::info`].
pub mod symbol_info {
    /// STT_*.
    pub const TYPE: u8 = 0x0f;
    /// Local.
    pub const LOCAL: u8 = 0x10;
    /// Weak.
    pub const WEAK: u8 = 0x20;
    /// It is what its global name means in the link.
    pub const WINS: u8 = 0x40;
}

//! A portrait of a finished link: everything that later questions need, as plain columns with dense numbers.
//!
//! In: an analysis ([`Portrait::of`]), or the columns of a saved file. Out: [`Portrait`]. Nodes are the sections
//! of files in the link, without the tables of the object format, in the program's order, then commons and
//! hubs; files and archives have the program's numbers. Always true: numbers in columns of a portrait that
//! was made or checked here are inside their tables, or [`NONE`].

mod access;
mod build;
pub mod codes;
pub mod column;
mod details;
mod edges;
mod finished;
mod keeping;
mod laid;
mod marking;
mod members;
mod packed;
mod rows;
mod scripts;
mod shrink;
pub mod strings;
pub mod tables;

pub use access::{EdgeSymbol, Member};
pub use column::{Column, Element};
pub use packed::{fits, pack, unpack};
pub use rows::has_row;
pub use strings::Strings;
pub use tables::{NONE, Sink, Source, Store};

use super::totals::{Amount, Totals};
use crate::plan::{Flavor, OutputKind, Profile, Version};
use tables::*;

/// What stands at the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose rules were followed.
    pub profile: Profile,
    /// The emulation in force.
    pub emulation: String,
    /// The machine is known.
    pub has_target: bool,
    /// `e_machine`.
    pub machine: u16,
    /// Class 64.
    pub is_64: bool,
    /// Big-endian.
    pub big_endian: bool,
    /// What is made.
    pub output_kind: OutputKind,
    /// The emulation that the command line names.
    pub emulation_given: Option<String>,
    /// `--gc-sections` is in force.
    pub gc_sections: bool,
    /// Garbage is collected: `--gc-sections` is in force and the linker does not ignore it.
    pub collects: bool,
    /// The words of the command line, if the maker knew them.
    pub words: Vec<String>,
    /// All input by fate.
    pub totals: Totals,
    /// Common symbols that stay.
    pub commons_kept: Amount,
    /// Common symbols that are dropped.
    pub commons_dropped: Amount,
    /// Files of the link whose contents could not be read.
    pub unreadable_files: u64,
    /// The linker's own walk depends on order in this link, so that dominance is not the whole truth.
    pub order_dependent: bool,
    /// References are counted one by one (bfd `-z start-stop-gc`), or secure entries are looked for (ARMv8-M): what
    /// lives after a change is known to the link alone.
    pub counted: bool,
    /// A reference to `__start_X` keeps X, whatever X is called (lld `-z nostart-stop-gc`).
    pub start_stop_keeps: bool,
    /// The linker prints what it removes.
    pub lists: bool,
    /// The entry symbol, if a script defines it.
    pub script_entry: Option<String>,
    /// What a kernel tree says of itself.
    pub kernel: Option<KernelHead>,
}

/// What a kernel tree says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelHead {
    /// `include/config/kernel.release`.
    pub release: String,
    /// The architecture.
    pub arch: String,
    /// Hash of `.config`.
    pub config: String,
}

impl Default for Head {
    fn default() -> Self {
        Head {
            profile: Profile { flavor: Flavor::Bfd, version: Version(0, 0, 0) },
            emulation: String::new(),
            has_target: false,
            machine: 0,
            is_64: true,
            big_endian: false,
            output_kind: OutputKind::Executable,
            emulation_given: None,
            gc_sections: false,
            collects: false,
            words: Vec::new(),
            totals: Totals::default(),
            commons_kept: Amount::default(),
            commons_dropped: Amount::default(),
            unreadable_files: 0,
            order_dependent: false,
            counted: false,
            start_stop_keeps: false,
            lists: false,
            script_entry: None,
            kernel: None,
        }
    }
}

/// How paths stand in a portrait.
pub trait Paths {
    /// The form of a path that is kept.
    fn stored(&self, path: &[u8]) -> Vec<u8>;
}

/// Paths as linkers spell them.
pub struct AsSpelled;

impl Paths for AsSpelled {
    fn stored(&self, path: &[u8]) -> Vec<u8> {
        path.to_vec()
    }
}

/// A finished link as columns.
#[derive(Debug, Default, PartialEq)]
pub struct Portrait<'d> {
    /// What stands at the head.
    pub head: Head,
    /// All strings.
    pub strings: Strings<'d>,
    /// Mentions of archives.
    pub archives: Archives<'d>,
    /// All files.
    pub files: Files<'d>,
    /// Files of the link in its order.
    pub linked: Linked<'d>,
    /// Sections of files in the link.
    pub sections: Sections<'d>,
    /// What sections have in common.
    pub kinds: Kinds<'d>,
    /// Bytes that go although their section stays.
    pub pieces: Pieces<'d>,
    /// Nodes beyond the sections.
    pub extras: Extras<'d>,
    /// Output sections.
    pub outputs: Outputs<'d>,
    /// The output as a whole.
    pub whole: Whole<'d>,
    /// Where nodes lie in them.
    pub laid: Laid<'d>,
    /// Memory regions.
    pub regions: Regions<'d>,
    /// Live nodes, 64 to a row, lowest bit first.
    pub live: Column<'d, u64>,
    /// Edges of all nodes.
    pub edges: Edges<'d>,
    /// Symbols of relocations that the target does not tell.
    pub vias: Vias<'d>,
    /// What rules marked after the closure.
    pub staged: Staged<'d>,
    /// Section groups.
    pub groups: Groups<'d>,
    /// Signatures that no member tells.
    pub signatures: Signatures<'d>,
    /// What sections describe.
    pub links: Links<'d>,
    /// Files with an order of their own.
    pub orders: Orders<'d>,
    /// That order.
    pub ordered: Ordered<'d>,
    /// Roots.
    pub roots: Roots<'d>,
    /// KEEP statements that root something.
    pub keeps: Keeps<'d>,
    /// Entries of initcall tables.
    pub initcalls: Initcalls<'d>,
    /// Roots that others stand before.
    pub shadowed: Shadowed<'d>,
    /// Names asked for.
    pub demands: Demands<'d>,
    /// Linker scripts.
    pub scripts: Scripts<'d>,
    /// Their texts.
    pub sources: Sources<'d>,
    /// The bytes of these.
    pub script_text: ScriptText<'d>,
    /// FDEs.
    pub unwind: Unwind<'d>,
    /// Sections kept piece by piece.
    pub merged: Merged<'d>,
    /// Their pieces.
    pub merged_pieces: MergedPieces<'d>,
    /// Who refers to which.
    pub piece_uses: PieceUses<'d>,
    /// Which roots name.
    pub root_pieces: RootPieces<'d>,
    /// Entries of constructor tables.
    pub constructors: Constructors<'d>,
    /// Symbols in sections.
    pub symbols: Symbols<'d>,
    /// Names that mean something else.
    pub names: Names<'d>,
    /// Sections without a row.
    pub outside: Outside<'d>,
    /// Local symbols in sections without a row.
    pub outside_locals: OutsideLocals<'d>,
    /// Why members are in the link.
    pub extractions: Extractions<'d>,
    /// What the linker complains about.
    pub diagnostics: Diagnostics<'d>,
    /// Findings.
    pub findings: Findings<'d>,
}

impl<'d> Portrait<'d> {
    /// Hands every column to `sink`, in a fixed order; the head is not one.
    pub fn write(&self, sink: &mut impl Sink) {
        self.strings.write(sink);
        self.archives.write(sink);
        self.files.write(sink);
        self.linked.write(sink);
        self.sections.write(sink);
        self.kinds.write(sink);
        self.pieces.write(sink);
        self.extras.write(sink);
        self.outputs.write(sink);
        self.whole.write(sink);
        self.laid.write(sink);
        self.regions.write(sink);
        sink.column("live", Store::Plain, &self.live);
        self.edges.write(sink);
        self.vias.write(sink);
        self.staged.write(sink);
        self.groups.write(sink);
        self.signatures.write(sink);
        self.links.write(sink);
        self.orders.write(sink);
        self.ordered.write(sink);
        self.roots.write(sink);
        self.keeps.write(sink);
        self.initcalls.write(sink);
        self.constructors.write(sink);
        self.shadowed.write(sink);
        self.demands.write(sink);
        self.scripts.write(sink);
        self.sources.write(sink);
        self.script_text.write(sink);
        self.unwind.write(sink);
        self.merged.write(sink);
        self.merged_pieces.write(sink);
        self.piece_uses.write(sink);
        self.root_pieces.write(sink);
        self.symbols.write(sink);
        self.names.write(sink);
        self.outside.write(sink);
        self.outside_locals.write(sink);
        self.extractions.write(sink);
        self.diagnostics.write(sink);
        self.findings.write(sink);
    }

    /// Takes every column from `source`.
    ///
    /// # Errors
    /// The source's.
    pub fn read<S: Source<'d>>(head: Head, source: &mut S) -> Result<Self, S::Error> {
        Ok(Portrait {
            head,
            strings: Strings::read(source)?,
            archives: Archives::read(source)?,
            files: Files::read(source)?,
            linked: Linked::read(source)?,
            sections: Sections::read(source)?,
            kinds: Kinds::read(source)?,
            pieces: Pieces::read(source)?,
            extras: Extras::read(source)?,
            outputs: Outputs::read(source)?,
            whole: Whole::read(source)?,
            laid: Laid::read(source)?,
            regions: Regions::read(source)?,
            live: source.column("live")?,
            edges: Edges::read(source)?,
            vias: Vias::read(source)?,
            staged: Staged::read(source)?,
            groups: Groups::read(source)?,
            signatures: Signatures::read(source)?,
            links: Links::read(source)?,
            orders: Orders::read(source)?,
            ordered: Ordered::read(source)?,
            roots: Roots::read(source)?,
            keeps: Keeps::read(source)?,
            initcalls: Initcalls::read(source)?,
            constructors: Constructors::read(source)?,
            shadowed: Shadowed::read(source)?,
            demands: Demands::read(source)?,
            scripts: Scripts::read(source)?,
            sources: Sources::read(source)?,
            script_text: ScriptText::read(source)?,
            unwind: Unwind::read(source)?,
            merged: Merged::read(source)?,
            merged_pieces: MergedPieces::read(source)?,
            piece_uses: PieceUses::read(source)?,
            root_pieces: RootPieces::read(source)?,
            symbols: Symbols::read(source)?,
            names: Names::read(source)?,
            outside: Outside::read(source)?,
            outside_locals: OutsideLocals::read(source)?,
            extractions: Extractions::read(source)?,
            diagnostics: Diagnostics::read(source)?,
            findings: Findings::read(source)?,
        })
    }
}

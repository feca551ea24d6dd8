//! Which definition wins, which archive members enter the link, which COMDAT copy survives.
//!
//! In: the program's tables. Out: [`Resolution`]. One file per linker follows that linker's own
//! order of reading (GS 3, 6.2, 6.8); this file holds the finished value they all make and nothing
//! linker-specific. Always true: a definition names a file that is in the link.

pub(crate) mod bfd;
pub(crate) mod gold;
pub(crate) mod lld;
mod mold;
mod placed;
mod watch;
mod wraps;

use fixedbitset::FixedBitSet;

use crate::error::Diagnostic;
use crate::ids::{FileId, NameId, SectionId, Table};
use crate::load::elf::consts::{EF_MIPS_ABI2, EM_MIPS};
use crate::plan::{Flavor, emulations};
use crate::program::Program;
use crate::script::CommandKind;
use crate::script::builtin::builtin;

pub use placed::Placed;
pub use wraps::{Wrap, Wraps};

/// Resolves the link as the plan's linker does.
pub fn resolve(program: &Program<'_>) -> Resolution {
    let mut resolution = match program.plan.profile.flavor {
        Flavor::Bfd => bfd::resolve(program),
        Flavor::Gold => gold::resolve(program),
        Flavor::Lld => lld::resolve(program),
        Flavor::Mold => mold::resolve(program),
    };
    resolution.placed = placed::find(program, &resolution);
    resolution
}

/// What a global name is in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DefKind {
    /// No file of the link mentions it.
    #[default]
    Unknown,
    /// Only weak references.
    UndefinedWeak,
    /// Referenced and not defined.
    Undefined,
    /// Defined weak in an object.
    Weak,
    /// Defined strong in an object.
    Strong,
    /// A common; the definition names its owner.
    Common,
    /// Defined by a shared library.
    Shared,
    /// Defined by a script assignment, `--defsym` or the linker itself: `file` has no meaning.
    Assigned,
}

/// The winner for one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// What it is.
    pub kind: DefKind,
    /// The defining (or, for undefined names, first referring) file.
    pub file: FileId,
    /// Symbol index in that file's symbol table (shared libraries: position in
    /// `SharedLibrary::symbols`).
    pub symbol: u32,
}

impl Default for Definition {
    fn default() -> Self {
        Definition { kind: DefKind::Unknown, file: FileId(u32::MAX), symbol: 0 }
    }
}

impl Definition {
    /// Defined in a relocatable object, commons excluded.
    pub fn is_regular(self) -> bool {
        matches!(self.kind, DefKind::Weak | DefKind::Strong)
    }
}

/// Why an archive member was taken (GS 3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asker {
    /// The file whose undefined symbol asked.
    File(FileId),
    /// The option or script construct that asked; the text is what the linker's own report calls
    /// it (`-u foo` for gold, `<internal>` or `--entry` for lld, empty for bfd).
    Option(String),
    /// Taken whole (`--whole-archive`).
    Whole,
}

/// One archive member (or `--start-lib` object) that entered the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// The member.
    pub file: FileId,
    /// Who asked first.
    pub asker: Asker,
    /// For which name; `None` if taken whole.
    pub symbol: Option<NameId>,
}

/// A common symbol that is still one after resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WinningCommon {
    /// Its name.
    pub name: NameId,
    /// The file that owns it (GS 6.8).
    pub file: FileId,
    /// The owner's symbol index.
    pub symbol: u32,
    /// Final size in bytes.
    pub size: u64,
}

/// The finished resolution.
pub struct Resolution {
    /// Relocatable objects (and binary data files) in the link, in the order in which this linker
    /// prints them (GS 7 "file order").
    pub files: Vec<FileId>,
    /// All files in the link, shared libraries included, by file id.
    pub in_link: FixedBitSet,
    /// By file id: shared libraries that count as needed (an unneeded `--as-needed` one does not).
    pub needed_libraries: FixedBitSet,
    /// The winner for each name.
    pub definitions: Table<NameId, Definition>,
    /// By name: where the winner lies, if it is a regular definition.
    pub placed: Table<NameId, Placed>,
    /// Most constraining visibility (STV_*) over the files that count for this linker.
    pub visibility: Table<NameId, u8>,
    /// By name: a shared library of the link refers to it or defines it too, in the way that makes
    /// it a dynamic root for this linker (GS 4.5).
    pub dynamic_reference: FixedBitSet,
    /// By name: the definition is exported from what is linked, so it is a root (lld; the others
    /// decide this while they build the graph).
    pub exported: FixedBitSet,
    /// By section: member of a losing COMDAT copy (or `.gnu.linkonce` loser, where the linker has
    /// that rule).
    pub lost: FixedBitSet,
    /// For each losing group section or linkonce section: the winning section (for explanations).
    pub lost_to: Vec<(SectionId, SectionId)>,
    /// Members in the order in which this linker reports them.
    pub extractions: Vec<Extraction>,
    /// Commons that won, in this linker's order.
    pub commons: Vec<WinningCommon>,
    /// `--wrap`.
    pub wraps: Wraps,
    /// bfd on 64-bit PowerPC: the names `.foo` (code) that belong to a `foo` (descriptor).
    pub code_names: Vec<(NameId, NameId)>,
    /// Script and `--defsym` symbols whose value lies in an input section (bfd, GS 4.4).
    pub assigned: Vec<(NameId, SectionId)>,
    /// bfd: names that script expressions and `--defsym` need a value of.
    pub asked_by_script: Vec<NameId>,
    /// bfd: `__start_X`/`__stop_X` names that it defines itself, with all sections X (GS 6.5).
    pub start_stop: Vec<(NameId, Vec<SectionId>)>,
    /// lld: names of EXTERN statements, in order.
    pub externs: Vec<NameId>,
    /// mold 2.42: names that `--undefined-glob` roots.
    pub glob_roots: Vec<NameId>,
    /// gold: sections rooted while symbols were added (GS 4.5), with the name that did it.
    pub early_roots: Vec<(SectionId, NameId)>,
    /// mold: global definitions in mergeable sections, winners or not, in file order.
    pub piece_definitions: Vec<(NameId, SectionId)>,
    /// gold: symbols (file, symbol index) that do not mean what their spelled name means in
    /// [`Resolution::definitions`] (versions, `--wrap`), with what they mean; sorted.
    pub exceptions: Vec<(FileId, u32, Definition)>,
    /// gold, lld: names that script and `--defsym` expressions refer to (gold: EXTERN too, and only
    /// names that no script assigns), as far as they count for this linker (GS 4.3).
    pub script_references: Vec<NameId>,
    /// gold: by name: some script or `--defsym` assigns or provides it. Its definition in an object
    /// stays what references reach (GS 4.4).
    pub script_names: FixedBitSet,
    /// bfd, gold, mold: the linker ends before it collects anything.
    pub stopped: bool,
    /// Errors that the linker itself would report (exit status 2) and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl Resolution {
    /// An empty resolution sized for `program`.
    pub fn new(program: &Program<'_>) -> Self {
        let (files, names) = (program.files.len(), program.names.len());
        Resolution {
            files: Vec::new(),
            in_link: FixedBitSet::with_capacity(files),
            needed_libraries: FixedBitSet::with_capacity(files),
            definitions: Table::filled(Definition::default(), names),
            placed: Table::new(),
            visibility: Table::filled(0, names),
            dynamic_reference: FixedBitSet::with_capacity(names),
            exported: FixedBitSet::with_capacity(names),
            lost: FixedBitSet::with_capacity(program.section_count as usize),
            lost_to: Vec::new(),
            extractions: Vec::new(),
            commons: Vec::new(),
            wraps: Wraps::default(),
            code_names: Vec::new(),
            assigned: Vec::new(),
            asked_by_script: Vec::new(),
            start_stop: Vec::new(),
            externs: Vec::new(),
            glob_roots: Vec::new(),
            script_references: Vec::new(),
            early_roots: Vec::new(),
            piece_definitions: Vec::new(),
            exceptions: Vec::new(),
            script_names: FixedBitSet::with_capacity(names),
            stopped: false,
            diagnostics: Vec::new(),
        }
    }

    /// What a file's own global symbol means: its name's definition, unless it is an exception.
    pub fn meaning(&self, file: FileId, symbol: u32, name: NameId) -> Definition {
        let key = |&(file, symbol, _): &(FileId, u32, Definition)| (file, symbol);
        match self.exceptions.binary_search_by_key(&(file, symbol), key) {
            Ok(at) => self.exceptions[at].2,
            Err(_) => self.definitions[name],
        }
    }

    /// Whether a file is in the link.
    pub fn is_in_link(&self, file: FileId) -> bool {
        self.in_link.contains(file.idx())
    }

    /// Whether a section belongs to a losing COMDAT copy.
    pub fn is_lost(&self, section: SectionId) -> bool {
        self.lost.contains(section.0 as usize)
    }
}

/// STV_* values ordered by how much they constrain: internal, hidden, protected, default.
pub fn merge_visibility(a: u8, b: u8) -> u8 {
    match (a, b) {
        (0, other) | (other, 0) => other,
        (a, b) => a.min(b),
    }
}

/// Names of all EXTERN() statements, in script order.
pub(crate) fn externs(program: &Program<'_>) -> Vec<NameId> {
    let mut out = Vec::new();
    for file in program.scripts {
        for command in &file.script.commands {
            if let CommandKind::Extern(names) = &command.kind {
                out.extend(names.iter().filter_map(|n| program.names.find(&n.text)));
            }
        }
    }
    out
}

/// The entry that bfd knows when inputs are opened, which makes it extract and root (ld
/// `after_parse_default`): `-e`, else ENTRY of a `-T` script, else the built-in script's name;
/// `None` with `-T` and no ENTRY.
pub(crate) fn bfd_parse_entry<'p>(program: &'p Program<'_>) -> Option<&'p [u8]> {
    let plan = program.plan;
    if let Some(entry) = &plan.entry {
        return Some(entry);
    }
    // The built-in script, read after one that INSERTs, has the last word.
    let built_in = !has_own_script(program) && plan.output_kind != crate::plan::OutputKind::Relocatable;
    let commands =
        program.scripts.iter().filter(|s| !s.as_input && !built_in).flat_map(|s| &s.script.commands);
    let mut entries = commands.filter_map(|c| match &c.kind {
        CommandKind::Entry(name) => Some(name.text.as_slice()),
        _ => None,
    });
    if let Some(entry) = entries.next_back() {
        return Some(entry);
    }
    if !built_in {
        return None;
    }
    builtin(emulation(program), false).entry.map(str::as_bytes)
}

/// The emulation in force (targets 1.2): `-m`, else the linker's target, else what the inputs are.
pub(crate) fn emulation<'p>(program: &Program<'p>) -> &'p str {
    if let Some(named) = program.plan.emulation.as_deref() {
        return named;
    }
    let Some(target) = program.target else { return "elf_x86_64" };
    // The ABI flag in `e_flags` tells mips n32 from o32.
    let first = || program.files.iter().find_map(|f| f.object());
    if target.machine == EM_MIPS && !target.is_64 && first().is_some_and(|o| o.flags & EF_MIPS_ABI2 != 0) {
        return if target.big_endian { "elf32btsmipn32" } else { "elf32ltsmipn32" };
    }
    emulations::of(target.machine, target.is_64, target.big_endian).map_or("elf_x86_64", |e| e.name)
}

/// GS 4.2, bfd: the entry in the end; an ENTRY of a script given as input comes last.
pub(crate) fn bfd_entry_name<'p>(program: &'p Program<'_>) -> Option<&'p [u8]> {
    if let Some(entry) = &program.plan.entry {
        return Some(entry);
    }
    let inputs = program.scripts.iter().filter(|s| s.as_input).flat_map(|s| &s.script.commands);
    let mut entries = inputs.filter_map(|c| match &c.kind {
        CommandKind::Entry(name) => Some(name.text.as_slice()),
        _ => None,
    });
    entries.next_back().or_else(|| bfd_parse_entry(program))
}

/// Whether scripts replace bfd's built-in one: a `-T` or default script that does not merely
/// INSERT (GS 4.1, 9.1).
pub(crate) fn has_own_script(program: &Program<'_>) -> bool {
    program.scripts.iter().any(|s| !s.as_input && !crate::script::filematch::has_insert(&s.script))
}

/// ppc64, GNU linkers: `_savegpr0_N` and relatives, N from 14 (vectors: 20) to 31, which they
/// define themselves (targets 10).
pub(crate) fn is_save_restore(name: &[u8]) -> bool {
    const STEMS: [(&[u8], u32); 10] = [
        (b"_savegpr0_", 14),
        (b"_savegpr1_", 14),
        (b"_restgpr0_", 14),
        (b"_restgpr1_", 14),
        (b"_savefpr_", 14),
        (b"_restfpr_", 14),
        (b"._savef", 14),
        (b"._restf", 14),
        (b"_savevr_", 20),
        (b"_restvr_", 20),
    ];
    STEMS.iter().any(|(stem, first)| {
        let digits = name.strip_prefix(*stem).and_then(|rest| std::str::from_utf8(rest).ok());
        digits.and_then(|d| d.parse::<u32>().ok()).is_some_and(|n| (*first..=31).contains(&n))
    })
}

//! The syntax tree of a linker script: plain data with byte-accurate spans.
//!
//! One tree serves all dialects; where a linker attaches a construct differently (gold's
//! EXCLUDE_FILE covers a whole description, GS 9.2) the parser already put it where that linker
//! looks. INCLUDEd text stands in place, its spans naming its own [`Source`].

use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};

use super::expr::Expr;
use super::version::VersionScript;

/// Whose grammar and matching rules are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// GNU ld 2.40.
    Bfd,
    /// GNU gold 1.16.
    Gold,
    /// lld 14.
    Lld14,
    /// lld 15 to 19.
    Lld19,
    /// lld 20 and newer: `ARCHIVE:` and `:FILE` patterns, KEEP in OVERLAY.
    Lld20,
    /// mold 1.10: INPUT, GROUP, OUTPUT_FORMAT, VERSION and simple assignments only.
    Mold,
}

impl Dialect {
    /// Whether this is one of the lld dialects.
    pub fn is_lld(self) -> bool {
        matches!(self, Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20)
    }

    /// Whether this is lld 15 or newer.
    pub fn is_new_lld(self) -> bool {
        matches!(self, Dialect::Lld19 | Dialect::Lld20)
    }

    /// The linker's name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Bfd => "GNU ld",
            Dialect::Gold => "gold",
            Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => "lld",
            Dialect::Mold => "mold",
        }
    }
}

/// Index of a [`Source`] within its [`Script`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(pub u32);

/// A byte range of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Which text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `other`; `self` if they lie in different sources.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if self.source == other.source { Span { end: other.end.max(self.start), ..self } } else { self }
    }
}

/// One text a script was read from: the script itself or an INCLUDEd file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as given (or as the INCLUDE resolver returned it).
    pub path: PathBuf,
    /// All bytes.
    pub text: Vec<u8>,
    /// The INCLUDE statement that asked for it.
    pub included_at: Option<Span>,
    line_starts: Vec<u32>,
}

impl Source {
    /// A source with its line table.
    pub fn new(path: impl Into<PathBuf>, text: Vec<u8>, included_at: Option<Span>) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(text.find_iter("\n").map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX)));
        Source { path: path.into(), text, included_at, line_starts }
    }

    /// 1-based line and byte column of an offset.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|&start| start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        (u32::try_from(line).unwrap_or(u32::MAX), offset.saturating_sub(start).saturating_add(1))
    }
}

/// Where something is written, for people: file, 1-based line, 1-based byte column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location<'a> {
    /// The source's path.
    pub file: &'a Path,
    /// Line, from 1.
    pub line: u32,
    /// Byte column, from 1.
    pub column: u32,
}

/// A name as written: symbol, section, file or pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The bytes, without quotes.
    pub text: BString,
    /// It stood in double quotes (lld then takes wildcards literally, GS 9.2).
    pub quoted: bool,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// A parsed script: the texts and the commands in order.
#[derive(Debug, Clone)]
pub struct Script {
    /// Whose grammar it was read with.
    pub dialect: Dialect,
    /// The script (index 0) and its INCLUDEd texts.
    pub sources: Vec<Source>,
    /// Top-level commands in order; INCLUDEd commands stand in place.
    pub commands: Vec<Command>,
    /// Its statements keep what they name and place nothing: KEEPs that a question adds to a link.
    pub keeps_only: bool,
}

impl Script {
    /// The source a span lies in.
    pub fn source(&self, span: Span) -> Option<&Source> {
        self.sources.get(span.source.0 as usize)
    }

    /// The bytes of a span (empty if the span is not of this script).
    pub fn text(&self, span: Span) -> &BStr {
        let bytes = self.source(span).and_then(|s| s.text.get(span.start as usize..span.end as usize));
        BStr::new(bytes.unwrap_or_default())
    }

    /// Where a span begins.
    pub fn location(&self, span: Span) -> Location<'_> {
        match self.source(span) {
            Some(source) => {
                let (line, column) = source.line_column(span.start);
                Location { file: &source.path, line, column }
            }
            None => Location { file: Path::new(""), line: 0, column: 0 },
        }
    }
}

/// A top-level command or a statement directly inside SECTIONS.
#[derive(Debug, Clone)]
pub struct Command {
    /// The whole statement.
    pub span: Span,
    /// What it says.
    pub kind: CommandKind,
}

/// What a command says.
#[derive(Debug, Clone)]
pub enum CommandKind {
    /// `SECTIONS { ... }`; `INSERT` after it stands as its own command.
    Sections(Vec<Command>),
    /// `ENTRY(symbol)`.
    Entry(Name),
    /// `EXTERN(symbol ...)`.
    Extern(Vec<Name>),
    /// `INPUT(...)`.
    Input(Vec<InputItem>),
    /// `GROUP(...)` at top level.
    Group(Vec<InputItem>),
    /// `STARTUP(file)`: that file becomes the first input (bfd).
    Startup(Name),
    /// A symbol assignment.
    Assignment(Assignment),
    /// `ASSERT(expression, "message")`.
    Assert(Assert),
    /// An output section.
    OutputSection(Box<OutputSection>),
    /// `OVERLAY ... { ... }`.
    Overlay(Box<Overlay>),
    /// `OVERWRITE_SECTIONS { ... }` (lld).
    OverwriteSections(Vec<Command>),
    /// `GROUP` inside SECTIONS (bfd, old scripts): address and statements.
    SectionGroup(Option<Expr>, Vec<Command>),
    /// `INSERT BEFORE|AFTER section`.
    Insert {
        /// BEFORE rather than AFTER.
        before: bool,
        /// The output section named.
        section: Name,
    },
    /// `MEMORY { ... }`.
    Memory(Vec<MemoryRegion>),
    /// `REGION_ALIAS(alias, region)`.
    RegionAlias(Name, Name),
    /// `PHDRS { ... }`.
    Phdrs(Vec<Phdr>),
    /// `VERSION { ... }`.
    Version(Box<VersionScript>),
    /// `NOCROSSREFS(...)`, or `NOCROSSREFS_TO(...)` if `to`.
    NoCrossRefs {
        /// The `_TO` form.
        to: bool,
        /// Output sections.
        sections: Vec<Name>,
    },
    /// `SEARCH_DIR(path)`.
    SearchDir(Name),
    /// `OUTPUT_FORMAT(default[, big, little])`.
    OutputFormat(Vec<Name>),
    /// A command with name arguments and no effect on liveness: OUTPUT, OUTPUT_ARCH, TARGET, MAP,
    /// LD_FEATURE, HLL, SYSLIB, FLOAT, OPTION, FORCE_COMMON_ALLOCATION and relatives.
    Other {
        /// The keyword.
        keyword: &'static str,
        /// Its arguments.
        arguments: Vec<Name>,
    },
}

/// One element of INPUT or GROUP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputItem {
    /// The file name, or the text after `-l`.
    pub name: Name,
    /// It was written `-lNAME`.
    pub library: bool,
    /// It stands inside AS_NEEDED.
    pub as_needed: bool,
}

/// How an assignment treats its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssignKind {
    /// `s = e;`
    Plain,
    /// `HIDDEN(s = e)`
    Hidden,
    /// `PROVIDE(s = e)`
    Provide,
    /// `PROVIDE_HIDDEN(s = e)`
    ProvideHidden,
}

impl AssignKind {
    /// PROVIDE or PROVIDE_HIDDEN: only if referenced and undefined.
    pub fn is_provide(self) -> bool {
        matches!(self, AssignKind::Provide | AssignKind::ProvideHidden)
    }
}

/// A symbol (or `.`) assignment. `s += e` has the value `s + e`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The whole statement without its terminator.
    pub span: Span,
    /// The symbol; `.` is the location counter.
    pub name: Name,
    /// Plain, hidden or provided.
    pub kind: AssignKind,
    /// The right side; a compound operator is already applied.
    pub value: Expr,
    /// It was written with a compound operator (`+=`).
    pub compound: bool,
}

/// `ASSERT(expression, "message")`.
#[derive(Debug, Clone)]
pub struct Assert {
    /// The whole statement.
    pub span: Span,
    /// What must be true.
    pub value: Expr,
    /// The message.
    pub message: Name,
}

/// `ONLY_IF_RO` and relatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// ONLY_IF_RO
    OnlyIfRo,
    /// ONLY_IF_RW
    OnlyIfRw,
    /// SPECIAL
    Special,
}

/// An output section with its header, body and trailer.
#[derive(Debug, Clone)]
pub struct OutputSection {
    /// From the name to the end of the trailer.
    pub span: Span,
    /// The name; `/DISCARD/` drops what it matches.
    pub name: Name,
    /// Address expression before the colon.
    pub address: Option<Expr>,
    /// `(NOLOAD)`, `(COPY)`, `(TYPE=...)`: the keyword.
    pub section_type: Option<Name>,
    /// `AT(lma)`.
    pub load_address: Option<Expr>,
    /// `ALIGN(n)`.
    pub align: Option<Expr>,
    /// `SUBALIGN(n)`.
    pub subalign: Option<Expr>,
    /// `ONLY_IF_RO`, `ONLY_IF_RW`.
    pub constraint: Option<Constraint>,
    /// What is between the braces.
    pub body: Vec<Statement>,
    /// `>region`.
    pub region: Option<Name>,
    /// `AT>region`.
    pub load_region: Option<Name>,
    /// `:phdr ...`.
    pub phdrs: Vec<Name>,
    /// `=fill`.
    pub fill: Option<Expr>,
}

impl OutputSection {
    /// Whether this is `/DISCARD/`.
    pub fn is_discard(&self) -> bool {
        self.name.text == "/DISCARD/"
    }
}

/// An OVERLAY command.
#[derive(Debug, Clone)]
pub struct Overlay {
    /// Start address.
    pub address: Option<Expr>,
    /// `AT(lma)`.
    pub load_address: Option<Expr>,
    /// NOCROSSREFS was given.
    pub no_cross_refs: bool,
    /// The overlaid output sections.
    pub sections: Vec<OutputSection>,
}

/// A statement inside an output section.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The whole statement.
    pub span: Span,
    /// What it says.
    pub kind: StatementKind,
}

/// What a statement inside an output section says.
#[derive(Debug, Clone)]
pub enum StatementKind {
    /// An input section description, in KEEP or not.
    Input(Box<InputDescription>),
    /// A symbol or `.` assignment.
    Assignment(Assignment),
    /// ASSERT.
    Assert(Assert),
    /// BYTE, SHORT, LONG, QUAD, SQUAD: size in bytes and value.
    Data(u8, Expr),
    /// `FILL(expression)`.
    Fill(Expr),
    /// `ASCII`, `ASCIZ` text (GNU ld 2.41).
    Text(Name),
    /// CONSTRUCTORS, CREATE_OBJECT_SYMBOLS, LINKER_VERSION: the keyword.
    Marker(&'static str),
}

/// `INPUT_SECTION_FLAGS(...)`: flags a section must and must not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlagFilter {
    /// All of these must be set.
    pub with: u64,
    /// None of these may be set.
    pub without: u64,
}

/// One input section description: `FILE(PATTERN ...)`, a bare file, or bfd's `[PATTERN ...]`.
#[derive(Debug, Clone)]
pub struct InputDescription {
    /// The whole statement, KEEP( ) included.
    pub span: Span,
    /// The description without KEEP( ).
    pub inner: Span,
    /// It stands in KEEP.
    pub keep: bool,
    /// INPUT_SECTION_FLAGS, if given.
    pub flags: Option<FlagFilter>,
    /// The file pattern; `None` for bfd's `[...]` form, which means every file.
    pub file: Option<Name>,
    /// Files excluded from the whole description.
    pub file_excludes: Vec<Name>,
    /// Section patterns in order; empty means every section (a bare file name; gold also after an
    /// EXCLUDE_FILE that stands alone).
    pub sections: Vec<SectionPattern>,
    /// The section list was written (even if `sections` is empty).
    pub has_list: bool,
}

/// One section pattern of a description, with its own exclusions.
#[derive(Debug, Clone)]
pub struct SectionPattern {
    /// From SORT or EXCLUDE_FILE to the pattern.
    pub span: Span,
    /// The pattern.
    pub name: Name,
    /// Files this pattern does not apply to.
    pub excludes: Vec<Name>,
    /// SORT keywords around it, outermost first.
    pub sorts: Vec<Sort>,
}

/// A SORT keyword; transparent to matching (GS 9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// SORT, SORT_BY_NAME
    Name,
    /// SORT_BY_ALIGNMENT
    Alignment,
    /// SORT_BY_INIT_PRIORITY
    InitPriority,
    /// SORT_NONE
    None,
    /// REVERSE
    Reverse,
}

/// One MEMORY region.
#[derive(Debug, Clone)]
pub struct MemoryRegion {
    /// Its name.
    pub name: Name,
    /// Attributes as written (`rx`, `!w`).
    pub attributes: Vec<Name>,
    /// ORIGIN.
    pub origin: Expr,
    /// LENGTH.
    pub length: Expr,
}

/// One program header of PHDRS.
#[derive(Debug, Clone)]
pub struct Phdr {
    /// Its name.
    pub name: Name,
    /// Its type: `PT_LOAD` is a symbol expression.
    pub phdr_type: Expr,
    /// FILEHDR was given.
    pub filehdr: bool,
    /// PHDRS was given.
    pub phdrs: bool,
    /// `AT(address)`.
    pub at: Option<Expr>,
    /// `FLAGS(flags)`.
    pub flags: Option<Expr>,
}

impl OutputSection {
    /// A section with a name and a body only.
    pub(super) fn bare(name: Name, body: Vec<Statement>) -> Self {
        OutputSection {
            span: name.span,
            name,
            address: None,
            section_type: None,
            load_address: None,
            align: None,
            subalign: None,
            constraint: None,
            body,
            region: None,
            load_region: None,
            phdrs: Vec::new(),
            fill: None,
        }
    }
}

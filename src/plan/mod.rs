//! What the linker was asked to do, as plain values: the finished result of reading a command line.
//!
//! In: words of a linker or compiler-driver command. Out: a [`LinkPlan`]. Nothing here has opened
//! an input object yet; what an option *means* for a given linker is decided by the later phases.

pub mod library;

use std::path::PathBuf;

use bstr::BString;

/// The four families of linkers that linksweep models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavor {
    /// GNU ld (ld.bfd).
    Bfd,
    /// GNU gold.
    Gold,
    /// LLVM lld, ELF flavour.
    Lld,
    /// mold.
    Mold,
}

/// A linker version as `(major, minor, patch)`; only the parts that rules distinguish matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32, pub u32, pub u32);

/// Whose rules are followed: flavour and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The family.
    pub flavor: Flavor,
    /// The version within the family.
    pub version: Version,
}

/// The kind of output the link makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// An executable at a fixed address.
    Executable,
    /// A position independent executable (`-pie`).
    Pie,
    /// A shared library (`-shared`).
    Shared,
    /// A relocatable object (`-r`).
    Relocatable,
}

/// Positional state that applies to an input where it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InputMode {
    /// `--whole-archive` is in force.
    pub whole_archive: bool,
    /// `--as-needed` is in force.
    pub as_needed: bool,
    /// `-Bstatic` (or `-static` where it is positional) is in force: `-l` finds only archives.
    pub static_libs: bool,
    /// `-b binary`/`--format=binary` is in force: the file is data, whatever it contains.
    pub binary: bool,
    /// The file was given with `--just-symbols`/`-R FILE`: only its symbols' addresses are used.
    pub just_symbols: bool,
    /// Inside `--start-lib`/`--end-lib`: a plain object is lazy like an archive member.
    pub in_lib: bool,
}

/// How an input is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputName {
    /// A path as written.
    Path(PathBuf),
    /// The text after `-l`; `:NAME` keeps its colon.
    Library(BString),
}

/// One step of the command line, in order; order is what extraction depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An input file or library.
    Input {
        /// How it was named.
        name: InputName,
        /// Positional options in force there.
        mode: InputMode,
    },
    /// `--start-group`, `-(`.
    StartGroup,
    /// `--end-group`, `-)`.
    EndGroup,
    /// `--start-lib`.
    StartLib,
    /// `--end-lib`.
    EndLib,
    /// `-T FILE` at its position: index into [`LinkPlan::scripts`].
    Script(usize),
    /// `--defsym` at its position: index into [`LinkPlan::defsyms`].
    Defsym(usize),
}

/// How a symbol is demanded by the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemandKind {
    /// `-u`, `--undefined`.
    Undefined,
    /// `--require-defined`.
    Require,
    /// `--undefined-glob`.
    Glob,
}

/// One `--defsym NAME=EXPRESSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defsym {
    /// The symbol that is defined.
    pub name: BString,
    /// The expression text.
    pub expression: BString,
}

/// A text file named by an option, read when the plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// The path as written.
    pub path: PathBuf,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// Which symbols `-s`/`-S` strip; it decides whether debug sections exist (GS 2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strip {
    /// Nothing.
    #[default]
    None,
    /// `-S`, `--strip-debug`.
    Debug,
    /// `-s`, `--strip-all`.
    All,
}

/// `--unique` as given (GS 9.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unique {
    /// `--unique` without a pattern.
    pub all: bool,
    /// `--unique=PATTERN`, in order.
    pub patterns: Vec<BString>,
}

/// Everything a command line says that matters for liveness, extraction or what is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPlan {
    /// Whose rules.
    pub profile: Profile,
    /// The linker program as the command line names it, if it does.
    pub program: Option<String>,
    /// `-m NAME`, or the linker's target prefix's default.
    pub emulation: Option<String>,
    /// The folder that relative input paths start from (`-C`); empty for the current folder.
    pub directory: PathBuf,
    /// Inputs, groups and positional statements in order.
    pub steps: Vec<Step>,
    /// What is made.
    pub output_kind: OutputKind,
    /// `-static` given anywhere (GS 4.5: no dynamic sections unless PIE or shared).
    pub is_static: bool,
    /// The last of `--gc-sections`/`--no-gc-sections`, if any.
    pub gc_sections: Option<bool>,
    /// `-e`, `--entry`.
    pub entry: Option<BString>,
    /// `-init` if given (default `_init`).
    pub init: Option<BString>,
    /// `-fini` if given (default `_fini`).
    pub fini: Option<BString>,
    /// `-u` and relatives in order.
    pub demands: Vec<(BString, DemandKind)>,
    /// `--defsym` in order.
    pub defsyms: Vec<Defsym>,
    /// `--wrap` names in order, without duplicates.
    pub wraps: Vec<BString>,
    /// `-E`/`--export-dynamic` (last of it and `--no-export-dynamic`).
    pub export_dynamic: bool,
    /// `--export-dynamic-symbol` names or globs in order.
    pub export_dynamic_symbols: Vec<BString>,
    /// Files of `--export-dynamic-symbol-list`.
    pub export_dynamic_symbol_lists: Vec<TextFile>,
    /// Files of `--dynamic-list`.
    pub dynamic_lists: Vec<TextFile>,
    /// Files of `--version-script`.
    pub version_scripts: Vec<TextFile>,
    /// `--exclude-libs` names; `ALL` is one of them where given.
    pub exclude_libs: Vec<BString>,
    /// `--gc-keep-exported`.
    pub gc_keep_exported: bool,
    /// `-z start-stop-gc` / `-z nostart-stop-gc`, the last one.
    pub start_stop_gc: Option<bool>,
    /// `-s`, `-S`.
    pub strip: Strip,
    /// `-q`, `--emit-relocs`.
    pub emit_relocs: bool,
    /// `--unique`.
    pub unique: Unique,
    /// `-z muldefs`, `--allow-multiple-definition`.
    pub allow_multiple_definition: bool,
    /// `--fortran-common` / `--no-fortran-common`, the last one (lld).
    pub fortran_common: Option<bool>,
    /// `-d`, `-dc`, `-dp`: commons get space with `-r`.
    pub define_common: bool,
    /// `-O` level (lld: 0 turns per-piece liveness off); `None` if not given.
    pub optimize: Option<u32>,
    /// `-G N`: size limit of small commons (bytes).
    pub small_data_limit: Option<u64>,
    /// `--no-undefined`, `-z defs`, `--unresolved-symbols`, `--warn-unresolved-symbols`: whether an
    /// undefined symbol is an error; `None` means the linker's default for the output kind.
    pub undefined_is_error: Option<bool>,
    /// `-T` scripts in order.
    pub scripts: Vec<TextFile>,
    /// `-L` folders in order, with `=`/`$SYSROOT` already replaced.
    pub search_dirs: Vec<PathBuf>,
    /// `--sysroot`.
    pub sysroot: Option<PathBuf>,
    /// `-rpath-link` and `-rpath` folders, where shared libraries' own dependencies are searched.
    pub rpath_dirs: Vec<PathBuf>,
    /// `-nostdlib`: built-in search folders are not used.
    pub no_std_dirs: bool,
    /// `--no-demangle`/`--demangle` do not matter; options that another linker knows and that were
    /// dropped, and other remarks for stderr.
    pub notes: Vec<String>,
}

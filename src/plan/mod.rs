//! What the linker was asked to do, as plain values: the finished result of reading a command line.
//!
//! In: words of a linker or compiler-driver command. Out: a [`LinkPlan`]. Nothing here has opened
//! an input object yet; what an option *means* for a given linker is decided by the later phases.

mod build;
mod checks;
pub mod config;
pub mod driver;
pub mod emulations;
mod files;
pub mod kbuild;
pub mod library;
pub mod link_file;
pub mod modes;
pub mod options;
mod parse;
pub mod program;
pub mod response;
pub mod rewrite;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use bstr::BString;

pub use library::{Candidate, SearchPath};
pub use link_file::read_link_file;
pub use parse::{Overrides, parse_command};
pub use program::ProfileSpec;
pub use rewrite::{RunFiles, rewrite_for_run};

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
    /// `--copy-dt-needed-entries` (`--add-needed`) is in force: a shared library's own needed
    /// libraries join the link (bfd).
    pub copy_dt_needed: bool,
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

/// `--icf` (lld, gold, mold). It acts after garbage collection, and in gold together with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Icf {
    /// Off.
    #[default]
    None,
    /// `--icf=safe`.
    Safe,
    /// `--icf=all`.
    All,
}

/// `-Bsymbolic` and relatives, the last one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Symbolic {
    /// Not given, or `-Bno-symbolic`.
    #[default]
    None,
    /// `-Bsymbolic`.
    All,
    /// `-Bsymbolic-functions`.
    Functions,
    /// `-Bsymbolic-non-weak` (lld).
    NonWeak,
    /// `-Bsymbolic-non-weak-functions` (lld).
    NonWeakFunctions,
}

/// `--orphan-handling` (GS 9.4); an orphan is a section that no statement of the script places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrphanHandling {
    /// Place it.
    #[default]
    Place,
    /// Place it and warn.
    Warn,
    /// The link fails.
    Error,
    /// Discard it (bfd, gold); acts after garbage collection.
    Discard,
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
    /// The emulation was given by `-m`.
    pub emulation_given: bool,
    /// The folder that relative input paths start from (`-C`); empty for the current folder.
    pub directory: PathBuf,
    /// Inputs, groups and positional statements in order.
    pub steps: Vec<Step>,
    /// What is made.
    pub output_kind: OutputKind,
    /// `-static` given anywhere (GS 4.5: no dynamic sections unless PIE or shared).
    pub is_static: bool,
    /// `-static` stands before every input (GNU ld on x86).
    pub static_first: bool,
    /// `-z noreloc-overflow` (GNU ld on x86-64).
    pub no_reloc_overflow: bool,
    /// The last of `--dynamic-linker` and `--no-dynamic-linker`, if any (GNU ld, lld).
    pub dynamic_linker: Option<bool>,
    /// The last of `--gc-sections`/`--no-gc-sections`, if any.
    pub gc_sections: Option<bool>,
    /// `-e`, `--entry`.
    pub entry: Option<BString>,
    /// How many `-T` scripts stand before the last `-e` (gold: the last of `-e` and ENTRY counts).
    pub entry_after_scripts: usize,
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
    /// `--default-symver` (mold: every definition gets a version, so it is exported).
    pub default_symver: bool,
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
    /// `-z text` (`false`), `-z notext` and `-z textoff` (`true`): whether read-only sections may get
    /// dynamic relocations.
    pub text_relocations: Option<bool>,
    /// `-z nocopyreloc`.
    pub no_copy_relocations: bool,
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
    /// `--unresolved-symbols=ignore-in-shared-libs`, `--[no-]allow-shlib-undefined`: whether an
    /// undefined symbol of a shared library is an error; `None` means the linker's default.
    pub shlib_undefined_is_error: Option<bool>,
    /// `--undefined-version` / `--no-undefined-version`, the last one (lld): whether a version script may
    /// name symbols that are not defined.
    pub undefined_version: Option<bool>,
    /// `--warn-unresolved-symbols` is in force (not cancelled by `--error-unresolved-symbols`).
    pub warn_unresolved: bool,
    /// `--noinhibit-exec`: errors do not stop the output.
    pub noinhibit_exec: bool,
    /// `--ignore-unresolved-symbol` names (bfd).
    pub ignored_unresolved: Vec<BString>,
    /// `-T` scripts in order.
    pub scripts: Vec<TextFile>,
    /// For each of `scripts`, how many of `search_dirs` stood before it: a `SEARCH_DIR` of the
    /// script takes its place there (bfd, gold).
    pub search_dirs_before_script: Vec<usize>,
    /// `-dT`, `--default-script`: used when no `-T` is given.
    pub default_script: Option<TextFile>,
    /// `-L` folders in order, with `=`/`$SYSROOT` already replaced.
    pub search_dirs: Vec<PathBuf>,
    /// `--sysroot`.
    pub sysroot: Option<PathBuf>,
    /// `-rpath-link` and `-rpath` folders, where shared libraries' own dependencies are searched.
    pub rpath_dirs: Vec<PathBuf>,
    /// `-nostdlib`: built-in search folders are not used.
    pub no_std_dirs: bool,
    /// `-Y DIRS` (bfd, gold): replaces the built-in search folders, separated by `:`.
    pub default_dirs: Option<BString>,
    /// `-o`, if given.
    pub output: Option<PathBuf>,
    /// `-soname`, `-h`.
    pub soname: Option<BString>,
    /// `--oformat`.
    pub output_format: Option<BString>,
    /// `-EB` (true) or `-EL` (false), the last one.
    pub big_endian: Option<bool>,
    /// `--[no-]print-gc-sections`, the last one.
    pub print_gc_sections: Option<bool>,
    /// `--dynamic-list-data`.
    pub dynamic_list_data: bool,
    /// `--dynamic-list-cpp-new`.
    pub dynamic_list_cpp_new: bool,
    /// `--dynamic-list-cpp-typeinfo`.
    pub dynamic_list_cpp_typeinfo: bool,
    /// `--no-define-common`.
    pub no_define_common: bool,
    /// `--icf`.
    pub icf: Icf,
    /// `-Bsymbolic` and relatives.
    pub symbolic: Symbolic,
    /// `--orphan-handling`.
    pub orphan_handling: OrphanHandling,
    /// `--force-group-allocation`: `-r` dissolves section groups (GS 10.5).
    pub force_group_allocation: bool,
    /// `--retain-symbols-file`; lld makes every other symbol local, which narrows the dynamic roots.
    pub retain_symbols: Vec<TextFile>,
    /// `--[no-]dependent-libraries` (lld): whether `.deplibs` of objects name more libraries.
    pub dependent_libraries: bool,
    /// `--remap-inputs`, `--remap-inputs-file` (lld 16 and later): glob and replacement, in order.
    pub remap_inputs: Vec<(BString, BString)>,
    /// `-plugin FILE`, the last one; it matters for LTO inputs only.
    pub plugin: Option<PathBuf>,
    /// The kernel that the link belongs to, if it was read from a kernel tree.
    pub kernel: Option<kbuild::KernelLink>,
    /// Archives whose mode the user changes (`--on-demand`, `--whole-archive`), see [`modes`].
    pub archive_modes: Vec<modes::ArchiveMode>,
    /// Pairs of archives: members of the second are not in the first, see [`modes`].
    pub left_out: Vec<(PathBuf, PathBuf)>,
    /// `--fat-lto-objects` (lld): the bitcode of an object that also has machine code is what counts.
    pub fat_lto_objects: bool,
    /// The words of the linker line behind the program: a driver line expanded, response files
    /// not. [`rewrite_for_run`] makes a runnable line of them.
    pub words: Vec<OsString>,
    /// The linker whose option syntax `words` are written in: the program named, else `profile`.
    pub written_for: Profile,
    /// `--no-demangle`/`--demangle` do not matter; options that another linker knows and that were
    /// dropped, and other remarks for stderr.
    pub notes: Vec<String>,
}

impl LinkPlan {
    /// The plan of an empty line for this linker.
    pub fn new(profile: Profile) -> LinkPlan {
        LinkPlan {
            profile,
            program: None,
            emulation: None,
            emulation_given: false,
            directory: PathBuf::new(),
            steps: Vec::new(),
            output_kind: OutputKind::Executable,
            is_static: false,
            static_first: false,
            no_reloc_overflow: false,
            dynamic_linker: None,
            gc_sections: None,
            entry: None,
            entry_after_scripts: 0,
            init: None,
            fini: None,
            demands: Vec::new(),
            defsyms: Vec::new(),
            wraps: Vec::new(),
            export_dynamic: false,
            default_symver: false,
            text_relocations: None,
            no_copy_relocations: false,
            export_dynamic_symbols: Vec::new(),
            export_dynamic_symbol_lists: Vec::new(),
            dynamic_lists: Vec::new(),
            version_scripts: Vec::new(),
            exclude_libs: Vec::new(),
            gc_keep_exported: false,
            start_stop_gc: None,
            strip: Strip::None,
            emit_relocs: false,
            unique: Unique::default(),
            allow_multiple_definition: false,
            fortran_common: None,
            define_common: false,
            optimize: None,
            small_data_limit: None,
            undefined_is_error: None,
            shlib_undefined_is_error: None,
            undefined_version: None,
            warn_unresolved: false,
            noinhibit_exec: false,
            ignored_unresolved: Vec::new(),
            scripts: Vec::new(),
            search_dirs_before_script: Vec::new(),
            default_script: None,
            search_dirs: Vec::new(),
            sysroot: None,
            rpath_dirs: Vec::new(),
            no_std_dirs: false,
            default_dirs: None,
            output: None,
            soname: None,
            output_format: None,
            big_endian: None,
            print_gc_sections: None,
            dynamic_list_data: false,
            dynamic_list_cpp_new: false,
            dynamic_list_cpp_typeinfo: false,
            no_define_common: false,
            icf: Icf::None,
            symbolic: Symbolic::None,
            orphan_handling: OrphanHandling::Place,
            force_group_allocation: false,
            retain_symbols: Vec::new(),
            dependent_libraries: true,
            remap_inputs: Vec::new(),
            plugin: None,
            kernel: None,
            archive_modes: Vec::new(),
            left_out: Vec::new(),
            fat_lto_objects: false,
            words: Vec::new(),
            written_for: profile,
            notes: Vec::new(),
        }
    }
}

//! Arguments become the plan: options set fields, inputs become steps with the modes in force.
//!
//! In: the line's arguments, already taken apart. Out: the [`LinkPlan`]. What is positional for one
//! linker and global for another (`-static`, `-L` for script lookup) is settled in one first look
//! over all arguments, so that the walk itself is the same for every linker.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use bstr::BString;

use super::checks::{self, Given, bad};
use super::options::z::{self, Keyword};
use super::options::{self, Matched, Meaning};
use super::parse::{Argument, Item};
use super::values;
use super::{
    Defsym, DemandKind, Flavor, Icf, InputMode, InputName, LinkPlan, OutputKind, Profile, Step, Strip,
    TextFile, files,
};
use crate::error::{Error, Result};

/// What a plan is built from.
pub(super) struct Request {
    pub(super) profile: Profile,
    pub(super) arguments: Vec<Argument>,
    pub(super) directory: PathBuf,
    pub(super) emulation: Option<String>,
    pub(super) notes: Vec<String>,
}

/// What must be known before the walk.
#[derive(Default)]
struct Global {
    relocatable: bool,
    /// The last of `-static` and `-Bdynamic` (mold); any `-static` (gold).
    last_static: bool,
    any_static: bool,
    sysroot: Vec<u8>,
}

impl Global {
    fn look(flavor: Flavor, arguments: &[Argument]) -> Global {
        let mut global = Global::default();
        for argument in arguments {
            let Item::Option(Matched { meaning, value, .. }) = &argument.item else { continue };
            match meaning {
                Meaning::Relocatable => global.relocatable = true,
                Meaning::LibsStatic(on) => global.last_static = *on,
                Meaning::Magic => {
                    global.last_static = true;
                    global.any_static |= flavor == Flavor::Gold;
                }
                Meaning::Static => global.any_static = true,
                // bfd reads only the form with "=" (ld `get_sysroot`).
                Meaning::Sysroot
                    if flavor != Flavor::Bfd || argument.spelled.as_bytes().starts_with(b"--sysroot=") =>
                {
                    global.sysroot = value.clone().unwrap_or_default();
                }
                _ => {}
            }
        }
        global
    }
}

struct Builder {
    plan: LinkPlan,
    /// What the program's target prefix makes it link.
    target_emulation: Option<String>,
    global: Global,
    mode: InputMode,
    stack: Vec<InputMode>,
    groups: usize,
    given: Given,
    /// The names of `--wrap` so far.
    wrapped: std::collections::BTreeSet<BString>,
    rpath_link: Vec<PathBuf>,
    rpath: Vec<PathBuf>,
    /// Script-like files are read after the walk where every `-L` counts (lld, mold).
    late: Vec<(Late, Vec<u8>)>,
}

enum Late {
    VersionScript,
    DynamicList,
    ExportList,
    DefaultScript,
}

/// Builds the plan.
///
/// # Errors
/// A wrong value, an unreadable file that an option names, options that do not go together.
pub(super) fn build(request: Request) -> Result<LinkPlan> {
    let flavor = request.profile.flavor;
    let global = Global::look(flavor, &request.arguments);
    let static_libs = match flavor {
        Flavor::Gold => global.any_static,
        Flavor::Lld => global.relocatable,
        Flavor::Mold => global.last_static || global.relocatable,
        Flavor::Bfd => global.relocatable,
    };
    let mut plan = LinkPlan::new(request.profile);
    plan.directory = request.directory;
    plan.emulation = request.emulation.clone();
    plan.notes = request.notes;
    plan.is_static = global.any_static;
    if !global.sysroot.is_empty() {
        plan.sysroot = Some(PathBuf::from(OsString::from_vec(global.sysroot.clone())));
    }
    let mut builder = Builder {
        plan,
        target_emulation: request.emulation,
        global,
        mode: InputMode { static_libs, ..InputMode::default() },
        stack: Vec::new(),
        groups: 0,
        given: Given::default(),
        wrapped: std::collections::BTreeSet::new(),
        rpath_link: Vec::new(),
        rpath: Vec::new(),
        late: Vec::new(),
    };
    if flavor != Flavor::Bfd && flavor != Flavor::Gold {
        builder.search_dirs_first(&request.arguments);
    }
    for argument in request.arguments {
        match argument.item {
            Item::Input(name) => builder.input(name.into_vec()),
            Item::Option(option) => {
                let word = argument.spelled.to_string_lossy().into_owned();
                builder.option(&word, option)?;
            }
        }
    }
    builder.finish()
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

fn split_list(value: &[u8], separators: &[u8]) -> Vec<BString> {
    value.split(|b| separators.contains(b)).filter(|part| !part.is_empty()).map(BString::from).collect()
}

impl Builder {
    fn flavor(&self) -> Flavor {
        self.plan.profile.flavor
    }

    /// lld and mold look at every `-L` before they open anything.
    fn search_dirs_first(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            if let Item::Option(Matched { meaning: Meaning::SearchDir, value: Some(value), .. }) =
                &argument.item
            {
                let dir = self.search_dir(value);
                self.plan.search_dirs.push(dir);
            }
        }
    }

    /// The folder that `-L value` names (ld `ldfile_add_library_path`, lld `findFile`, mold; gold
    /// takes the text as it is).
    fn search_dir(&self, value: &[u8]) -> PathBuf {
        let sysroot = &self.global.sysroot;
        let joined = |rest: &[u8]| path([sysroot.as_slice(), rest].concat());
        let equals = value.strip_prefix(b"=");
        let named = value.strip_prefix(b"$SYSROOT");
        match self.flavor() {
            Flavor::Gold if value.is_empty() => PathBuf::from("."),
            Flavor::Gold => path(value.to_vec()),
            Flavor::Bfd => equals.or(named).map_or_else(|| path(value.to_vec()), joined),
            Flavor::Lld => match equals {
                Some(rest) => path(super::library::llvm_append(sysroot.clone(), rest)),
                None => path(value.to_vec()),
            },
            Flavor::Mold => {
                let dir = match equals.or(named) {
                    Some(rest) if !sysroot.is_empty() => joined(rest),
                    _ => path(value.to_vec()),
                };
                super::library::lexically_normal(&dir)
            }
        }
    }

    fn push_input(&mut self, name: InputName, mode: InputMode) {
        self.plan.steps.push(Step::Input { name, mode });
    }

    fn input(&mut self, mut name: Vec<u8>) {
        if self.flavor() == Flavor::Bfd {
            // ld `lang_add_input_file`.
            let rest = name.strip_prefix(b"=").or_else(|| name.strip_prefix(b"$SYSROOT"));
            if let Some(rest) = rest {
                name = [self.global.sysroot.as_slice(), rest].concat();
            }
        }
        self.push_input(InputName::Path(path(name)), self.mode);
    }

    fn read(&self, what: &str, name: &[u8], search: bool) -> Result<TextFile> {
        let dirs: &[PathBuf] = if search { &self.plan.search_dirs } else { &[] };
        files::read(&self.plan.directory, what, name, dirs)
    }

    fn option(&mut self, word: &str, option: Matched) -> Result<()> {
        use Meaning as M;
        let flavor = self.flavor();
        let has_value = option.value.is_some();
        let value = option.value.unwrap_or_default();
        let text = || BString::from(value.clone());
        let wrong = |why: &str| Error::new(format!("option {word}"), why);
        match option.meaning {
            M::Ignore => values::ignored(flavor, option.name, has_value.then_some(value.as_slice()))?,
            M::Print | M::WriteFile => {}
            M::Refuse(why) => return Err(wrong(why)),
            M::Output => self.plan.output = Some(path(value)),
            M::Entry => {
                self.plan.entry = Some(text());
                self.plan.entry_after_scripts = self.plan.scripts.len();
            }
            M::Undefined => self.plan.demands.push((text(), DemandKind::Undefined)),
            M::RequireDefined => self.plan.demands.push((text(), DemandKind::Require)),
            M::UndefinedGlob => self.plan.demands.push((text(), DemandKind::Glob)),
            M::Init => self.plan.init = Some(text()),
            M::Fini => self.plan.fini = Some(text()),
            M::Defsym => self.defsym(&value)?,
            M::Wrap => {
                if self.wrapped.insert(text()) {
                    self.plan.wraps.push(text());
                }
            }
            M::ExportDynamic(on) => self.plan.export_dynamic = on,
            M::DefaultSymver => self.plan.default_symver = true,
            M::ExportSymbol => self.plan.export_dynamic_symbols.push(text()),
            M::ExportSymbolList => self.list_file(Late::ExportList, value)?,
            M::DynamicList => self.list_file(Late::DynamicList, value)?,
            M::VersionScript => self.list_file(Late::VersionScript, value)?,
            M::DynamicListData => self.plan.dynamic_list_data = true,
            M::DynamicListCppNew => self.plan.dynamic_list_cpp_new = true,
            M::DynamicListCppTypeinfo => self.plan.dynamic_list_cpp_typeinfo = true,
            M::ExcludeLibs => self.plan.exclude_libs.extend(split_list(&value, b",:")),
            // In bfd the last of -shared, -pie and -no-pie holds (ld `parse_args`).
            M::Shared => {
                self.given.shared = true;
                self.given.pie &= flavor != Flavor::Bfd;
            }
            M::Pie(on) => {
                self.given.pie = on;
                self.given.shared &= flavor != Flavor::Bfd;
                self.given.relocatable &= on || flavor != Flavor::Bfd;
            }
            M::Relocatable => {
                self.given.relocatable = true;
                if flavor == Flavor::Bfd {
                    self.mode.static_libs = true;
                }
            }
            M::Static => {}
            M::DynamicLinker(on) => self.plan.dynamic_linker = Some(on),
            M::LibsStatic(on) => {
                let no_input = |step: &Step| !matches!(step, Step::Input { .. });
                self.plan.static_first |= on && self.plan.steps.iter().all(no_input);
                self.plan.is_static |= on && flavor != Flavor::Gold;
                if on || !self.global.relocatable {
                    self.mode.static_libs = on || (flavor == Flavor::Gold && self.global.any_static);
                }
            }
            M::Magic => {
                if flavor != Flavor::Mold {
                    self.mode.static_libs = true;
                }
            }
            M::LibsKind => match value.as_slice() {
                b"archive" => self.mode.static_libs = true,
                b"shared" | b"default" => self.mode.static_libs = self.global.relocatable,
                _ => return Err(wrong("not one of archive, shared, default")),
            },
            M::StripSymbols(strip) => {
                // bfd and lld: the last one; gold and mold: all wins over debug.
                if matches!(flavor, Flavor::Bfd | Flavor::Lld) || self.plan.strip != Strip::All {
                    self.plan.strip = strip;
                }
            }
            M::EmitRelocs => self.plan.emit_relocs = true,
            M::Unique if has_value => self.plan.unique.patterns.push(text()),
            M::Unique => self.plan.unique.all = true,
            M::GcSections(on) => self.plan.gc_sections = Some(on),
            M::PrintGcSections(on) => self.plan.print_gc_sections = Some(on),
            M::GcKeepExported => self.plan.gc_keep_exported = true,
            M::Z => self.z(word, &value)?,
            M::Group(true) => self.group_start(word)?,
            M::Group(false) => self.group_end(word)?,
            M::Lib(true) => {
                if self.mode.in_lib && flavor != Flavor::Mold {
                    return Err(wrong("already inside --start-lib"));
                }
                if self.groups > 0 && flavor != Flavor::Mold {
                    return Err(wrong("inside --start-group"));
                }
                self.mode.in_lib = true;
                self.plan.steps.push(Step::StartLib);
            }
            M::Lib(false) => {
                if !self.mode.in_lib && flavor != Flavor::Mold {
                    return Err(wrong("without --start-lib"));
                }
                self.mode.in_lib = false;
                self.plan.steps.push(Step::EndLib);
            }
            M::WholeArchive(on) => self.mode.whole_archive = on,
            M::AsNeeded(on) => self.mode.as_needed = on,
            M::CopyDtNeeded(on) => self.mode.copy_dt_needed = on,
            M::PushState => self.stack.push(self.mode),
            M::PopState => {
                let old = self.stack.pop().ok_or_else(|| wrong("no state was pushed"))?;
                // The input format is part of the state in gold only, --start-lib in mold only.
                let (binary, in_lib) = (self.mode.binary, self.mode.in_lib);
                self.mode = old;
                if flavor != Flavor::Gold {
                    self.mode.binary = binary;
                }
                if flavor != Flavor::Mold {
                    self.mode.in_lib = in_lib;
                }
            }
            M::Library => self.push_input(InputName::Library(value.into()), self.mode),
            M::SearchDir => {
                if matches!(flavor, Flavor::Bfd | Flavor::Gold) {
                    let dir = self.search_dir(&value);
                    self.plan.search_dirs.push(dir);
                }
            }
            M::Sysroot => {}
            M::JustSymbols => self.just_symbols(value),
            M::SymbolsOrRpath => {
                let found = std::fs::metadata(self.plan.directory.join(OsStr::from_bytes(&value)));
                if found.is_ok_and(|m| !m.is_dir()) {
                    if flavor == Flavor::Mold {
                        return Err(wrong("mold takes no symbols from a file"));
                    }
                    self.just_symbols(value);
                } else {
                    self.rpath.extend(split_list(&value, b":").into_iter().map(|p| path(p.into())));
                }
            }
            M::AllowMultiple(on) => self.plan.allow_multiple_definition = on,
            M::FortranCommon(on) => self.plan.fortran_common = Some(on),
            M::DefineCommon(on) => {
                self.plan.define_common = on;
                self.plan.no_define_common = !on;
            }
            M::Format => self.format(word, &value)?,
            M::OutputFormat => {
                if flavor == Flavor::Mold && value != b"binary" {
                    return Err(wrong("not supported"));
                }
                self.plan.output_format = Some(text());
            }
            M::Script => self.script(value)?,
            M::DefaultScript => self.late.push((Late::DefaultScript, value)),
            M::Optimize => self.optimize(word, &value)?,
            M::SmallData => match (checks::number(&value), flavor) {
                (Some(limit), _) => self.plan.small_data_limit = Some(limit),
                (None, Flavor::Bfd) => return Err(wrong("not a number")),
                (None, _) => {}
            },
            M::Emulation => {
                if flavor == Flavor::Mold {
                    checks::emulation(self.plan.profile, None, &value)?;
                }
                // gold takes any word and goes by the inputs; ld passes over `-mips32` and the like.
                let generation = flavor == Flavor::Bfd && checks::is_mips_generation(&value);
                if flavor != Flavor::Gold && !generation {
                    self.plan.emulation = Some(String::from_utf8_lossy(&value).into_owned());
                    self.plan.emulation_given = true;
                }
            }
            M::NoStdlib => self.plan.no_std_dirs = true,
            M::DefaultDirs => {
                let dirs = value.strip_prefix(b"P,").unwrap_or(&value);
                self.plan.default_dirs = Some(dirs.into());
            }
            M::Rpath => self.rpath.extend(split_list(&value, b":").into_iter().map(|p| path(p.into()))),
            M::RpathLink => {
                self.rpath_link.extend(split_list(&value, b":").into_iter().map(|p| path(p.into())));
            }
            M::NoUndefined if self.given.unresolved_symbols => {}
            M::NoUndefined => self.plan.undefined_is_error = Some(true),
            M::UndefinedVersion(on) => self.plan.undefined_version = Some(on),
            M::UnresolvedSymbols => {
                let (objects, shlibs) = match value.as_slice() {
                    b"ignore-all" => (false, false),
                    b"report-all" => (true, true),
                    b"ignore-in-object-files" => (false, true),
                    b"ignore-in-shared-libs" => (true, false),
                    _ => return Err(wrong("not a way to handle unresolved symbols")),
                };
                self.plan.undefined_is_error = Some(objects);
                self.given.unresolved_symbols = flavor == Flavor::Gold;
                // gold's test of shared libraries' own needs has its own option only.
                if self.plan.profile.flavor != Flavor::Gold {
                    self.plan.shlib_undefined_is_error = Some(shlibs);
                }
            }
            M::WarnUnresolved(on) => self.plan.warn_unresolved = on,
            M::AllowShlibUndefined(on) => self.plan.shlib_undefined_is_error = Some(!on),
            M::NoInhibitExec => self.plan.noinhibit_exec = true,
            M::IgnoreUnresolved => self.plan.ignored_unresolved.push(text()),
            M::Icf => {
                self.plan.icf = match value.as_slice() {
                    b"none" => Icf::None,
                    b"safe" => Icf::Safe,
                    b"all" => Icf::All,
                    _ => return Err(wrong("not one of none, safe, all")),
                }
            }
            M::NoIcf => self.plan.icf = Icf::None,
            M::SymbolicBinding(symbolic) => self.plan.symbolic = symbolic,
            M::FatLtoObjects(on) => self.plan.fat_lto_objects = on,
            M::Plugin => self.plan.plugin = Some(path(value)),
            M::BigEndian(on) => self.plan.big_endian = Some(on),
            M::Soname => self.plan.soname = Some(text()),
            M::Orphans => {
                self.plan.orphan_handling = options::orphan_handling(flavor, &value)
                    .ok_or_else(|| wrong("not a way to handle orphan sections"))?;
            }
            M::ForceGroupAllocation => self.plan.force_group_allocation = true,
            M::RetainSymbols => {
                let file = self.read("symbols file", &value, false)?;
                self.plan.retain_symbols.push(file);
            }
            M::DependentLibraries(on) => self.plan.dependent_libraries = on,
            M::RemapInputs => self.remap(word, &value)?,
            M::RemapInputsFile => {
                let file = self.read("remap file", &value, false)?;
                for line in file.text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii) {
                    if !line.is_empty() && !line.starts_with(b"#") {
                        self.remap(word, line)?;
                    }
                }
            }
            M::Incremental(on) => {
                if on {
                    self.plan.gc_sections = Some(false);
                    self.plan.notes.push("gold collects nothing in an incremental link".into());
                }
            }
            M::ChangeDir => self.plan.directory.push(OsStr::from_bytes(&value)),
            M::Filter => self.given.filter = true,
        }
        Ok(())
    }

    fn just_symbols(&mut self, name: Vec<u8>) {
        let mode = InputMode { just_symbols: true, ..self.mode };
        self.push_input(InputName::Path(path(name)), mode);
    }

    fn defsym(&mut self, value: &[u8]) -> Result<()> {
        let at = value.iter().position(|&b| b == b'=');
        let parts =
            at.map(|at| (value.get(..at).unwrap_or_default(), value.get(at + 1..).unwrap_or_default()));
        let (name, expression) = match parts {
            Some((name, expression)) => (name.trim_ascii(), expression.trim_ascii()),
            None => (value, &b""[..]),
        };
        if name.is_empty() || expression.is_empty() {
            return Err(bad("--defsym", value, "not SYMBOL=EXPRESSION"));
        }
        self.plan.steps.push(Step::Defsym(self.plan.defsyms.len()));
        self.plan.defsyms.push(Defsym { name: name.into(), expression: expression.into() });
        Ok(())
    }

    /// bfd and gold read these files where they stand, lld and mold after all options.
    fn list_file(&mut self, kind: Late, value: Vec<u8>) -> Result<()> {
        if matches!(self.flavor(), Flavor::Lld | Flavor::Mold) {
            self.late.push((kind, value));
            return Ok(());
        }
        self.read_list(kind, &value)
    }

    fn read_list(&mut self, kind: Late, value: &[u8]) -> Result<()> {
        // lld searches the -L folders for scripts only.
        let search =
            self.flavor() != Flavor::Lld || matches!(kind, Late::VersionScript | Late::DefaultScript);
        match kind {
            Late::DefaultScript => {
                self.plan.default_script = Some(self.read("default linker script", value, search)?);
            }
            Late::VersionScript => {
                let file = self.read("version script", value, search)?;
                self.plan.version_scripts.push(file);
            }
            Late::DynamicList => {
                let file = self.read("dynamic list", value, search)?;
                self.plan.dynamic_lists.push(file);
            }
            Late::ExportList => {
                let file = self.read("export list", value, search)?;
                self.plan.export_dynamic_symbol_lists.push(file);
            }
        }
        Ok(())
    }

    fn script(&mut self, value: Vec<u8>) -> Result<()> {
        if self.flavor() == Flavor::Mold {
            // mold reads -T as one more input.
            self.push_input(InputName::Path(path(value)), self.mode);
            return Ok(());
        }
        let file = self.read("linker script", &value, true)?;
        if self.flavor() == Flavor::Bfd && self.plan.scripts.iter().any(|s| s.path == file.path) {
            return Err(bad("-T", &value, "the script appears twice"));
        }
        self.plan.steps.push(Step::Script(self.plan.scripts.len()));
        self.plan.scripts.push(file);
        self.plan.search_dirs_before_script.push(self.plan.search_dirs.len());
        Ok(())
    }

    fn format(&mut self, word: &str, value: &[u8]) -> Result<()> {
        let wrong = |why: &str| Err(Error::new(format!("option {word}"), why));
        match (self.flavor(), value) {
            (Flavor::Mold, _) => return wrong("mold reads ELF only"),
            (_, b"binary") => self.mode.binary = true,
            (Flavor::Lld, b"elf" | b"default") | (Flavor::Bfd, _) => self.mode.binary = false,
            (Flavor::Lld, _) => return wrong("not one of elf, default, binary"),
            (Flavor::Gold, _) => {
                self.mode.binary = false;
                if !value.starts_with(b"elf") && value != b"default" {
                    return wrong("gold reads elf and binary only");
                }
            }
        }
        Ok(())
    }

    fn optimize(&mut self, word: &str, value: &[u8]) -> Result<()> {
        let level = checks::number(value).and_then(|n| u32::try_from(n).ok());
        if level.is_none() && matches!(self.flavor(), Flavor::Lld | Flavor::Gold) {
            return Err(Error::new(format!("option {word}"), "not a number"));
        }
        self.plan.optimize = level.or(Some(0)).filter(|_| level.is_some() || self.flavor() == Flavor::Bfd);
        Ok(())
    }

    fn remap(&mut self, word: &str, value: &[u8]) -> Result<()> {
        let mut parts = value.split(|&b| b == b'=');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(from), Some(to), None) if !to.is_empty() => {
                self.plan.remap_inputs.push((from.into(), to.into()));
                Ok(())
            }
            _ => Err(Error::new(format!("option {word}"), "not GLOB=FILE")),
        }
    }

    fn z(&mut self, word: &str, value: &[u8]) -> Result<()> {
        match z::keyword(self.plan.profile, value) {
            Keyword::StartStopGc(on) => self.plan.start_stop_gc = Some(on),
            Keyword::AllowMultiple => self.plan.allow_multiple_definition = true,
            Keyword::NoDefs if self.plan.undefined_is_error == Some(true) => {
                self.plan.undefined_is_error = None;
            }
            Keyword::NoDefs => {}
            Keyword::TextRelocations(on) => self.plan.text_relocations = Some(on),
            Keyword::CopyRelocations(on) => self.plan.no_copy_relocations = !on,
            // gold asks for --unresolved-symbols first (`issue_undefined_symbol_error`).
            Keyword::UndefinedIsError(_) if self.given.unresolved_symbols => {}
            Keyword::UndefinedIsError(on) => self.plan.undefined_is_error = Some(on),
            Keyword::NoRelocOverflow => self.plan.no_reloc_overflow = true,
            Keyword::Ignore => {}
            Keyword::Ignored => {
                let text = String::from_utf8_lossy(value);
                self.plan.notes.push(format!("-z {text} is ignored by this linker"));
            }
            Keyword::Refused => return Err(bad(word, value, "not a -z keyword of this linker")),
        }
        Ok(())
    }

    fn group_start(&mut self, word: &str) -> Result<()> {
        let wrong = |why: &str| Err(Error::new(format!("option {word}"), why));
        match self.flavor() {
            Flavor::Gold | Flavor::Lld if self.groups > 0 => return wrong("groups do not nest"),
            Flavor::Gold | Flavor::Lld if self.mode.in_lib => return wrong("inside --start-lib"),
            _ => {}
        }
        self.groups += 1;
        self.plan.steps.push(Step::StartGroup);
        Ok(())
    }

    fn group_end(&mut self, word: &str) -> Result<()> {
        if self.groups == 0 && self.flavor() != Flavor::Mold {
            return Err(Error::new(format!("option {word}"), "no group was started"));
        }
        self.groups = self.groups.saturating_sub(1);
        self.plan.steps.push(Step::EndGroup);
        Ok(())
    }

    fn finish(mut self) -> Result<LinkPlan> {
        for (kind, value) in std::mem::take(&mut self.late) {
            self.read_list(kind, &value)?;
        }
        match self.flavor() {
            Flavor::Gold if self.groups > 0 => {
                return Err(Error::new("option --start-group", "the group is not ended"));
            }
            Flavor::Gold if self.mode.in_lib => {
                return Err(Error::new("option --start-lib", "the library is not ended"));
            }
            Flavor::Bfd => {
                for _ in 0..self.groups {
                    self.plan.steps.push(Step::EndGroup);
                    self.plan.notes.push("missing --end-group: added at the end of the line".into());
                }
            }
            _ => {}
        }
        let given = self.given;
        self.plan.output_kind = if given.relocatable {
            OutputKind::Relocatable
        } else if given.shared {
            OutputKind::Shared
        } else if given.pie {
            OutputKind::Pie
        } else {
            OutputKind::Executable
        };
        if given.relocatable {
            // lld strips nothing with -r (`getStrip`), gold debug sections at most (`finalize`).
            self.plan.strip = match (self.flavor(), self.plan.strip) {
                (Flavor::Lld, _) => Strip::None,
                (Flavor::Gold, Strip::All) => Strip::Debug,
                (_, strip) => strip,
            };
        }
        self.plan.rpath_dirs = std::mem::take(&mut self.rpath_link);
        self.plan.rpath_dirs.append(&mut self.rpath);
        if self.plan.emulation_given
            && let Some(name) = &self.plan.emulation
        {
            // The last one counts.
            checks::emulation(self.plan.profile, self.target_emulation.as_deref(), name.as_bytes())?;
        }
        checks::combinations(&self.plan, given)?;
        Ok(self.plan)
    }
}

//! Opens every input of a plan in link order, following scripts and thin archives.
//!
//! Path rules of scripts: ld `new_afile`/`ldfile_open_file`, gold `Input_file::open`, lld
//! `ScriptParser::addFile`, mold `resolve_path`; spelled names matter because they are printed
//! (GS 7). A missing file or library is an error; a missing thin member is not, as long as nobody
//! needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use rayon::prelude::*;

use super::archive::{self, Archive, Kind};
use super::classify::{InputKind, classify};
use super::controls::{self, Controls};
use super::dso::SharedLibrary;
use super::elf;
use super::{FileStore, Item, MemberSource, OpenedArchive, OpenedLink, ScriptFile, Single, extra_names};
use crate::error::{Diagnostic, Error, Result, Severity};
use crate::plan::library::{self, Candidate, ScriptDir, SearchPath, Verdict};
use crate::plan::modes;
use crate::plan::{Flavor, InputMode, InputName, LinkPlan, OutputKind, Step, emulations};
use crate::script::glob::Pattern;
use crate::script::{self, CommandKind, Dialect, InputItem, Script, filematch};

/// Scripts that name each other stop here.
const SCRIPT_DEPTH_LIMIT: usize = 32;

/// Opens all inputs of `plan`; files already in `store` (given in memory) are used from there.
///
/// # Errors
/// A missing file or library, a damaged archive, a script that does not parse.
pub fn open(plan: &LinkPlan, store: FileStore) -> Result<OpenedLink> {
    let mut opener = Opener::new(plan, store, true)?;
    let read = opener.read_all();
    let put_off = opener.put_off.take().unwrap_or_default();
    if read.is_ok() && take_apart(&mut opener.link, &put_off) {
        return opener.finish();
    }
    if put_off.is_empty() {
        read?;
    }
    // What a damaged archive means depends on where it stands: once more, in order.
    let mut opener = Opener::new(plan, std::mem::take(&mut opener.link.store), false)?;
    opener.read_all()?;
    opener.finish()
}

/// Takes the archives apart that were put off; false if one is damaged.
fn take_apart(link: &mut OpenedLink, put_off: &[usize]) -> bool {
    let parsed: Vec<Option<(Vec<MemberSource>, Option<archive::Index>)>> = put_off
        .par_iter()
        .map(|&number| {
            let file = link.archives.get(number)?.file;
            let parsed = archive::parse(link.store.bytes(file)).ok()?;
            Some((inner_members(file, &parsed.members), parsed.index))
        })
        .collect();
    for (&number, parsed) in put_off.iter().zip(parsed) {
        let (Some(archive), Some((members, index))) = (link.archives.get_mut(number), parsed) else {
            return false;
        };
        (archive.members, archive.index) = (members, index);
    }
    true
}

/// Members whose bytes are in the archive.
fn inner_members(file: usize, members: &[archive::Member]) -> Vec<MemberSource> {
    let source = |m: &archive::Member| MemberSource {
        file,
        range: m.data.clone(),
        name: m.name.clone(),
        joined: None,
        nested: None,
        missing: None,
    };
    members.iter().map(source).collect()
}

struct Opener<'p> {
    plan: &'p LinkPlan,
    search: SearchPath,
    dialect: Dialect,
    link: OpenedLink,
    seen_archives: BTreeSet<BString>,
    /// Command-line inputs already read because a script's file pattern names them (bfd).
    named_early: BTreeSet<BString>,
    /// Machine and class that libraries must have to be taken in a search.
    machine: Option<(u16, bool)>,
    /// The globs of `plan::modes`, and those that met an archive.
    modes: Vec<(Pattern, bool)>,
    modes_met: BTreeSet<usize>,
    /// bfd: an input ended the link.
    stopped: bool,
    /// Archives that are taken apart later, by number, if any may be.
    put_off: Option<Vec<usize>>,
}

/// The machine and class of the emulation, where it tells (targets 1).
fn emulated_machine(plan: &LinkPlan) -> Option<(u16, bool)> {
    emulations::find(plan.emulation.as_deref()?).map(|e| (e.machine, e.is_64))
}

impl<'p> Opener<'p> {
    /// Nothing is read yet. `puts_off`: archives with members inside are only noted, to be taken apart
    /// together in the end.
    fn new(plan: &'p LinkPlan, store: FileStore, puts_off: bool) -> Result<Self> {
        Ok(Opener {
            plan,
            search: SearchPath::new(plan, &[], false),
            dialect: script::dialect(plan.profile),
            link: OpenedLink {
                store,
                items: Vec::new(),
                singles: Vec::new(),
                archives: Vec::new(),
                scripts: Vec::new(),
                needed: Vec::new(),
                extra_names: Vec::new(),
                controls: Controls::default(),
                stand_ins: Vec::new(),
                diagnostics: Vec::new(),
                broken: None,
            },
            seen_archives: BTreeSet::new(),
            named_early: BTreeSet::new(),
            machine: emulated_machine(plan),
            modes: plan.archive_modes.iter().map(|m| Ok((m.pattern()?, m.whole))).collect::<Result<_>>()?,
            modes_met: BTreeSet::new(),
            stopped: false,
            put_off: puts_off.then(Vec::new),
        })
    }

    /// Reads the steps of the plan in order.
    fn read_all(&mut self) -> Result<()> {
        let plan = self.plan;
        self.read_link_scripts()?;
        for step in &plan.steps {
            if self.stopped {
                break;
            }
            match step {
                Step::Input { name: InputName::Path(path), mode } => {
                    let shown = BString::from(path.as_os_str().as_encoded_bytes());
                    if !self.named_early.remove(&shown) {
                        let added = self.add_file(shown, path, *mode, false, 0);
                        self.survive(added)?;
                    }
                }
                Step::Input { name: InputName::Library(name), mode } => {
                    let added = self.add_library(name, *mode, 0);
                    self.survive(added)?;
                }
                Step::StartGroup => self.link.items.push(Item::GroupStart),
                Step::EndGroup => self.link.items.push(Item::GroupEnd),
                Step::StartLib => self.link.items.push(Item::LibStart),
                Step::EndLib => self.link.items.push(Item::LibEnd),
                Step::Script(index) => {
                    let placed = self.place_link_script(*index);
                    self.survive_bfd(placed)?;
                }
                Step::Defsym(index) => self.link.items.push(Item::Defsym(*index)),
            }
        }
        if plan.scripts.is_empty() && plan.default_script.is_some() {
            let placed = self.place_link_script(0);
            self.survive_bfd(placed)?;
        }
        if !self.stopped {
            let added = self.add_late_pattern_inputs();
            self.survive_bfd(added)?;
            self.find_needed();
        }
        let mut modes = plan.archive_modes.iter().enumerate();
        if let Some((_, unmet)) = modes.find(|(at, m)| m.must_match && !self.modes_met.contains(at)) {
            return Err(Error::new(unmet.spelled(), "no archive of the link matches"));
        }
        Ok(())
    }

    fn finish(self) -> Result<OpenedLink> {
        let plan = self.plan;
        let mut link = self.link;
        link.controls = controls::compile(plan, &link.scripts, self.dialect)?;
        link.make_room();
        link.extra_names = extra_names::collect(plan, &link.scripts, &link.controls.defsyms);
        Ok(link)
    }

    /// gold goes on after an input that it cannot open or read, and fails in the end.
    fn survive(&mut self, added: Result<()>) -> Result<()> {
        match added {
            Err(error) if self.plan.profile.flavor == Flavor::Gold => {
                self.link.diagnostics.push(Diagnostic::new(Severity::Error, "", error.to_string()));
                Ok(())
            }
            other => self.survive_bfd(other),
        }
    }

    /// bfd ends the link at an input that it cannot read; what it did before stays in the map.
    fn survive_bfd(&mut self, added: Result<()>) -> Result<()> {
        match added {
            Err(error) if self.plan.profile.flavor == Flavor::Bfd => {
                self.link.diagnostics.push(Diagnostic::new(Severity::Error, "", error.to_string()));
                self.link.items.push(Item::Stop);
                self.link.broken.get_or_insert(error);
                self.stopped = true;
                Ok(())
            }
            other => other,
        }
    }

    /// An input that is not there: bfd goes on to the last input (ld `ldfile_open_file`).
    fn missing(&mut self, error: Error) -> Result<()> {
        if self.plan.profile.flavor != Flavor::Bfd {
            return Err(error);
        }
        self.link.diagnostics.push(Diagnostic::new(Severity::Error, "", error.to_string()));
        self.link.items.push(Item::Missing);
        self.link.broken.get_or_insert(error);
        Ok(())
    }

    fn parse_script(&mut self, path: &Path, text: Vec<u8>, assumed: bool) -> Result<Script> {
        let plan = self.plan;
        let search = &self.search;
        let include = |name: &[u8]| -> Result<(PathBuf, Vec<u8>)> {
            let named = bytes_path(name);
            let in_folders = search.folders().map(|dir| dir.join(&named));
            let candidates = std::iter::once(named.clone()).chain(in_folders);
            for candidate in candidates {
                let full = plan.directory.join(&candidate);
                // Devices and pipes may have no end.
                let regular = std::fs::metadata(&full).is_ok_and(|m| m.is_file());
                if let Some(text) = regular.then(|| std::fs::read(&full).ok()).flatten() {
                    return Ok((candidate, text));
                }
            }
            Err(Error::new(format!("cannot open included script {}", named.display()), "no such file"))
        };
        let options = script::Options { dialect: self.dialect, includes: &include, assumed };
        script::parse_script(path, text, options)
    }

    /// `-T` scripts are parsed before any input, so that their SEARCH_DIRs count for all.
    fn read_link_scripts(&mut self) -> Result<()> {
        let mut dirs = Vec::new();
        let mut insert_only = !self.plan.scripts.is_empty();
        let default = self.plan.default_script.as_ref().filter(|_| self.plan.scripts.is_empty());
        for (number, file) in self.plan.scripts.iter().chain(default).enumerate() {
            let script = self.parse_script(&file.path, file.text.clone(), false)?;
            for command in &script.commands {
                if let CommandKind::SearchDir(name) = &command.kind {
                    dirs.push(ScriptDir { script: number, text: name.text.clone() });
                }
            }
            insert_only &= script.commands.iter().any(|c| matches!(c.kind, CommandKind::Insert { .. }));
            let shown = BString::from(file.path.as_os_str().as_encoded_bytes());
            self.link.scripts.push(ScriptFile { shown, script, as_input: false });
        }
        self.search = SearchPath::new(self.plan, &dirs, insert_only);
        Ok(())
    }

    fn place_link_script(&mut self, index: usize) -> Result<()> {
        self.link.items.push(Item::Script(index));
        let Some(file) = self.link.scripts.get(index) else { return Ok(()) };
        let (shown, script) = (file.shown.clone(), file.script.clone());
        self.add_pattern_inputs(&script)?;
        // Only the inputs of a script that is an input are searched beside it (ld `new_afile`).
        let beside = if self.plan.profile.flavor == Flavor::Bfd { BString::default() } else { shown };
        self.add_script_inputs(&beside, &script, InputMode::default(), 0)
    }

    /// GS 9.3: in bfd a file pattern without wildcard is an input, read where the script stands; a
    /// command-line input of exactly that name is read there instead of at its own place.
    fn add_pattern_inputs(&mut self, script: &Script) -> Result<()> {
        let names: Vec<BString> =
            filematch::extra_inputs(script).into_iter().map(|n| n.text.clone()).collect();
        for name in names {
            if self.named_early.contains(&name) || self.link.singles.iter().any(|s| s.shown == name) {
                continue;
            }
            let path = bytes_path(&name);
            let given = self.plan.steps.iter().find_map(|step| match step {
                Step::Input { name: InputName::Path(p), mode } if *p == path => Some(*mode),
                _ => None,
            });
            self.named_early.insert(name.clone());
            let Some(mode) = given else {
                let plain =
                    Candidate { spelled: path.clone(), open: self.real(&path), folder: 0, in_sysroot: false };
                let mut candidates = vec![plain];
                candidates.extend(self.search.library([b":", name.as_slice()].concat().as_bstr(), false));
                let found = self.choose(&candidates).ok_or_else(|| {
                    Error::new(
                        format!("input {name}"),
                        "named by a script's file pattern, but there is no such file",
                    )
                })?;
                let shown = BString::from(found.spelled.as_os_str().as_encoded_bytes());
                self.add_file(shown, &found.spelled, InputMode::default(), false, 0)?;
                continue;
            };
            self.add_file(name, &path, mode, false, 0)?;
        }
        Ok(())
    }

    /// GS 9.3 for scripts that are inputs themselves: ld opens what their patterns name only when it
    /// looks for sections, after all other inputs.
    fn add_late_pattern_inputs(&mut self) -> Result<()> {
        let scripts: Vec<Script> =
            self.link.scripts.iter().filter(|s| s.as_input).map(|s| s.script.clone()).collect();
        for script in &scripts {
            self.add_pattern_inputs(script)?;
        }
        Ok(())
    }

    fn note_search_dirs(&mut self, script: &Script) {
        for command in &script.commands {
            if let CommandKind::SearchDir(name) = &command.kind {
                self.search.add_script_dir(name.text.as_bstr());
            }
        }
    }

    fn real(&self, path: &Path) -> PathBuf {
        self.plan.directory.join(path)
    }

    /// Tries candidates in order; files for another machine are passed over as the linker does.
    fn choose(&mut self, candidates: &[Candidate]) -> Option<Candidate> {
        let machine = self.machine;
        let store = &mut self.link.store;
        let choice = library::choose(self.plan.profile.flavor, candidates, |candidate| {
            if !store.exists(&candidate.open) {
                return Verdict::Missing;
            }
            let Ok(file) = store.open(&candidate.open) else { return Verdict::Missing };
            match (machine, machine_of(store.bytes(file))) {
                (Some(wanted), Some(found)) if wanted != found => Verdict::Incompatible,
                _ => Verdict::Fits,
            }
        });
        for &skipped in &choice.skipped {
            let subject = candidates[skipped].spelled.display().to_string();
            let message = "skipping incompatible library";
            self.link.diagnostics.push(Diagnostic::new(Severity::Note, subject, message));
        }
        choice.found.map(|i| candidates[i].clone())
    }

    fn add_library(&mut self, name: &[u8], mode: InputMode, depth: usize) -> Result<()> {
        let candidates = self.search.library(name.as_bstr(), mode.static_libs);
        let Some(found) = self.choose(&candidates) else {
            let what = format!("-l{}", name.as_bstr());
            return self.missing(Error::new(what, "library not found in the search folders"));
        };
        let shown = BString::from(found.spelled.as_os_str().as_encoded_bytes());
        self.add_file(shown, &found.spelled, mode, true, depth)
    }

    /// Adds one file by what its bytes are.
    fn add_file(
        &mut self,
        shown: BString,
        path: &Path,
        mode: InputMode,
        by_library: bool,
        depth: usize,
    ) -> Result<()> {
        let flavor = self.plan.profile.flavor;
        let file = match self.link.store.open(&self.real(path)) {
            Ok(file) => file,
            Err(error) => return self.missing(error),
        };
        let bytes = self.link.store.bytes(file);
        if self.machine.is_none() && !mode.binary && flavor == Flavor::Bfd {
            self.machine = elf::machine_and_class(bytes);
        }
        let kind = if mode.binary { InputKind::Other } else { classify(bytes) };
        match kind {
            InputKind::Archive if !mode.just_symbols => self.add_archive(shown, path, file, mode, by_library),
            // GNU ld forgets the option for an archive; gold takes the members' symbols only.
            InputKind::Archive if flavor == Flavor::Bfd => {
                let mode = InputMode { just_symbols: false, ..mode };
                self.add_archive(shown, path, file, mode, by_library)
            }
            InputKind::Archive if flavor == Flavor::Gold => {
                self.add_archive(shown, path, file, mode, by_library)
            }
            InputKind::Shared if mode.just_symbols && matches!(flavor, Flavor::Bfd | Flavor::Gold) => {
                let what = format!("option --just-symbols: {shown}");
                Err(Error::new(what, "not with a shared library"))
            }
            InputKind::OtherElf if !mode.just_symbols && matches!(flavor, Flavor::Bfd | Flavor::Gold) => {
                Err(Error::new(format!("reading {shown}"), "an executable is no input of a link"))
            }
            InputKind::Other if !mode.binary => {
                let text = bytes.to_vec();
                self.add_input_script(&shown, path, text, mode, depth)
            }
            _ => {
                let index = self.link.singles.len();
                let data_names = if mode.binary { data_names(&shown) } else { Vec::new() };
                self.link.singles.push(Single { shown, file, mode, kind, data_names });
                self.link.items.push(Item::Single(index));
                Ok(())
            }
        }
    }

    fn add_input_script(
        &mut self,
        shown: &BString,
        path: &Path,
        text: Vec<u8>,
        mode: InputMode,
        depth: usize,
    ) -> Result<()> {
        if depth >= SCRIPT_DEPTH_LIMIT {
            return Err(Error::new(format!("reading script {shown}"), "scripts name each other too deeply"));
        }
        if text.iter().take(4096).any(|&b| b == 0) {
            return Err(Error::new(format!("reading {shown}"), "file format not recognized"));
        }
        let script = self.parse_script(path, text, true)?;
        self.note_search_dirs(&script);
        let index = self.link.scripts.len();
        self.link.scripts.push(ScriptFile { shown: shown.clone(), script: script.clone(), as_input: true });
        self.link.items.push(Item::Script(index));
        self.add_script_inputs(shown, &script, mode, depth + 1)
    }

    fn add_script_inputs(
        &mut self,
        shown: &BString,
        script: &Script,
        mode: InputMode,
        depth: usize,
    ) -> Result<()> {
        for command in &script.commands {
            match &command.kind {
                CommandKind::Input(items) => self.add_input_items(shown, items, mode, depth)?,
                CommandKind::Group(items) => {
                    self.link.items.push(Item::GroupStart);
                    self.add_input_items(shown, items, mode, depth)?;
                    self.link.items.push(Item::GroupEnd);
                }
                CommandKind::Startup(name) => {
                    // GS 9.2: that file becomes the first input.
                    let before = self.link.items.len();
                    self.add_named(shown, &name.text, mode, depth)?;
                    let added = self.link.items.split_off(before);
                    self.link.items.splice(0..0, added);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_input_items(
        &mut self,
        shown: &BString,
        items: &[InputItem],
        mode: InputMode,
        depth: usize,
    ) -> Result<()> {
        for item in items {
            let mode = InputMode { as_needed: mode.as_needed || item.as_needed, ..mode };
            if item.library {
                self.add_library(&item.name.text, mode, depth)?;
            } else {
                self.add_named(shown, &item.name.text, mode, depth)?;
            }
        }
        Ok(())
    }

    /// Adds a file named inside a script.
    fn add_named(&mut self, script: &BString, name: &BString, mode: InputMode, depth: usize) -> Result<()> {
        let path = bytes_path(script);
        let in_sysroot = self.search.is_under_sysroot(&path);
        let candidates = self.search.script_input(&path, in_sysroot, name.as_bstr());
        let Some(found) = self.choose(&candidates) else {
            let what = match script.is_empty() {
                true => format!("input {name} of a script"),
                false => format!("script {script}: input {name}"),
            };
            let error = Error::new(what, "no such file, neither as named nor in the search folders");
            return self.missing(error);
        };
        let shown = BString::from(found.spelled.as_os_str().as_encoded_bytes());
        self.add_file(shown, &found.spelled, mode, found.folder > 0, depth)
    }

    fn add_archive(
        &mut self,
        shown: BString,
        path: &Path,
        file: usize,
        mut mode: InputMode,
        by_library: bool,
    ) -> Result<()> {
        if let Some((_, whole)) = modes::mode_of(&self.modes, &shown) {
            mode.whole_archive = whole;
            let met = self.modes.iter().enumerate().filter(|(_, (p, _))| p.matches(&shown)).map(|(at, _)| at);
            self.modes_met.extend(met);
        }
        // mold ignores a second mention of an archive under the same spelling (GS 3.2).
        if !self.seen_archives.insert(shown.clone()) && self.plan.profile.flavor == Flavor::Mold {
            return Ok(());
        }
        let bytes = self.link.store.bytes(file);
        let index = self.link.archives.len();
        let regular = bytes.starts_with(b"!<arch>\n");
        if regular
            && self.plan.left_out.iter().all(|(container, _)| container != path)
            && let Some(put_off) = &mut self.put_off
        {
            put_off.push(index);
            let (members, symbols) = (Vec::new(), None);
            let opened =
                OpenedArchive { shown, file, mode, thin: false, by_library, members, index: symbols };
            self.link.archives.push(opened);
            self.link.items.push(Item::Archive(index));
            return Ok(());
        }
        let parsed =
            archive::parse(bytes).map_err(|cause| Error::new(format!("reading archive {shown}"), cause))?;
        let thin = parsed.kind == Kind::Thin;
        let members = if thin {
            self.thin_members(&shown, path, file, &parsed.members)
        } else {
            inner_members(file, &parsed.members)
        };
        let (members, symbols) = self.without_left_out(path, members, parsed.index)?;
        self.link.archives.push(OpenedArchive {
            shown,
            file,
            mode,
            thin,
            by_library,
            members,
            index: symbols,
        });
        self.link.items.push(Item::Archive(index));
        Ok(())
    }

    /// Takes members out that belong to archives which `plan.left_out` pairs with this one; the index
    /// follows.
    fn without_left_out(
        &mut self,
        path: &Path,
        members: Vec<MemberSource>,
        index: Option<archive::Index>,
    ) -> Result<(Vec<MemberSource>, Option<archive::Index>)> {
        let plan = self.plan;
        let mut leaving: BTreeSet<usize> = BTreeSet::new();
        for (_, other) in plan.left_out.iter().filter(|(container, _)| container == path) {
            let file = self.link.store.open(&self.real(other))?;
            let parsed = archive::parse(self.link.store.bytes(file))
                .map_err(|cause| Error::new(format!("reading archive {}", other.display()), cause))?;
            match parsed.kind {
                Kind::Regular => drop(leaving.insert(file)),
                Kind::Thin => {
                    // What is wrong with them is told when the archive is read for itself.
                    let told = self.link.diagnostics.len();
                    let shown = BString::from(other.as_os_str().as_encoded_bytes());
                    let own = self.thin_members(&shown, other, file, &parsed.members);
                    self.link.diagnostics.truncate(told);
                    leaving.extend(own.iter().filter(|m| m.missing.is_none()).map(|m| m.file));
                }
            }
        }
        if leaving.is_empty() {
            return Ok((members, index));
        }
        let mut numbers: Vec<Option<u32>> = Vec::with_capacity(members.len());
        let mut kept = Vec::with_capacity(members.len());
        for member in members {
            let stays = member.missing.is_some() || !leaving.contains(&member.file);
            numbers.push(u32::try_from(kept.len()).ok().filter(|_| stays));
            if stays {
                kept.push(member);
            }
        }
        let index = index.map(|mut index| {
            for (_, member) in &mut index.entries {
                *member = member.and_then(|m| numbers.get(m as usize).copied().flatten());
            }
            index
        });
        Ok((kept, index))
    }

    /// Opens the files behind a thin archive's members, in parallel.
    fn thin_members(
        &mut self,
        shown: &BString,
        path: &Path,
        file: usize,
        members: &[archive::Member],
    ) -> Vec<MemberSource> {
        let bytes = self.link.store.bytes(file);
        let shown_dir = shown.rfind_byte(b'/').map_or(&b""[..], |end| &shown[..=end]);
        let real_dir = self.real(path).parent().map(Path::to_path_buf).unwrap_or_default();
        let names: Vec<BString> = members.iter().map(|m| BString::from(&bytes[m.name.clone()])).collect();
        let paths: Vec<PathBuf> = names.iter().map(|n| real_dir.join(bytes_path(n))).collect();
        let opened = self.link.store.open_many(&paths);
        let mut sources = Vec::with_capacity(members.len());
        // Archives behind nested entries, each parsed once however many entries name it.
        let mut inner_archives: BTreeMap<usize, std::result::Result<Archive, String>> = BTreeMap::new();
        for ((member, name), opened) in members.iter().zip(&names).zip(opened) {
            let joined = if name.starts_with(b"/") {
                name.clone()
            } else {
                BString::from([shown_dir, name.as_slice()].concat())
            };
            let mut source = MemberSource {
                file,
                range: 0..0,
                name: member.name.clone(),
                joined: Some(joined),
                nested: None,
                missing: None,
            };
            match opened {
                Err(error) => source.missing = Some(error.to_string()),
                Ok(inner) => {
                    source.file = inner;
                    let inner_bytes = self.link.store.bytes(inner);
                    match member.nested_origin {
                        None => source.range = 0..inner_bytes.len(),
                        Some(origin) => match inner_archives
                            .entry(inner)
                            .or_insert_with(|| archive::parse(inner_bytes))
                            .as_ref()
                            .map_err(Clone::clone)
                            .and_then(|parsed| archive::member_of(parsed, origin))
                        {
                            Ok(found) => {
                                source.nested = Some(BString::from(&inner_bytes[found.name]));
                                source.range = found.data;
                            }
                            Err(cause) => source.missing = Some(cause),
                        },
                    }
                }
            }
            if let Some(cause) = &source.missing {
                let subject = format!("{shown}({name})");
                self.link.diagnostics.push(Diagnostic::new(Severity::Warning, subject, cause.clone()));
            }
            sources.push(source);
        }
        sources
    }
}

/// Names of the symbols of a data file: its path with everything but letters and digits replaced.
fn data_names(path: &[u8]) -> Vec<BString> {
    let plain: Vec<u8> = path.iter().map(|&b| if b.is_ascii_alphanumeric() { b } else { b'_' }).collect();
    let name = |suffix: &[u8]| BString::from([b"_binary_", plain.as_slice(), suffix].concat());
    vec![name(b"_start"), name(b"_end"), name(b"_size")]
}

/// A path from raw bytes, without any check.
pub(crate) fn bytes_path(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }
}

impl Opener<'_> {
    /// ld `ldelf_after_open`: an executable's libraries' own dependencies are looked into, one level
    /// deep, in `-rpath-link`, `-rpath` and the built-in folders. A missing one is no error.
    fn find_needed(&mut self) {
        let plan = self.plan;
        let executable = matches!(plan.output_kind, OutputKind::Executable | OutputKind::Pie);
        if plan.profile.flavor != Flavor::Bfd || !plan.shlib_undefined_is_error.unwrap_or(executable) {
            return;
        }
        let base = |path: &[u8]| BString::from(path.rsplit(|&b| b == b'/').next().unwrap_or(path));
        let mut known: BTreeSet<BString> = BTreeSet::new();
        let mut wanted: Vec<BString> = Vec::new();
        for single in self.link.singles.iter().filter(|s| s.kind == InputKind::Shared) {
            known.insert(base(&single.shown));
            if let Ok(library) = SharedLibrary::parse(self.link.store.bytes(single.file)) {
                known.extend(library.soname.map(BString::from));
                wanted.extend(library.needed.iter().map(|n| BString::from(*n)));
            }
        }
        let folders: Vec<PathBuf> =
            plan.rpath_dirs.iter().cloned().chain(self.search.folders().map(PathBuf::from)).collect();
        for name in wanted {
            if !known.insert(name.clone()) {
                continue;
            }
            let paths = folders.iter().map(|dir| dir.join(bytes_path(&name)));
            let Some(path) = paths.into_iter().find(|p| self.link.store.exists(&self.real(p))) else {
                continue;
            };
            let Ok(file) = self.link.store.open(&self.real(&path)) else { continue };
            let bytes = self.link.store.bytes(file);
            if classify(bytes) != InputKind::Shared
                || self.machine.is_some_and(|m| machine_of(bytes) != Some(m))
            {
                continue;
            }
            let shown = BString::from(path.as_os_str().as_encoded_bytes());
            self.link.needed.push(self.link.singles.len());
            let mode = InputMode::default();
            self.link.singles.push(Single {
                shown,
                file,
                mode,
                kind: InputKind::Shared,
                data_names: Vec::new(),
            });
        }
    }
}

/// Machine and class of an ELF file, or of an archive's first ELF member.
fn machine_of(bytes: &[u8]) -> Option<(u16, bool)> {
    if archive::is_archive(bytes) {
        let members = archive::first_members(bytes, 16).ok()?;
        return members.into_iter().find_map(|m| elf::machine_and_class(bytes.get(m.data)?));
    }
    elf::machine_and_class(bytes)
}

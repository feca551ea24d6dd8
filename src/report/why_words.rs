//! The words of `why`: places, roots, steps, causes and remedies in sentences that both the text
//! and the JSON form use.
//!
//! In: ids of a [`View`]. Out: strings with control characters escaped. Nothing is decided here.

use crate::graph::{EdgeKind, Root, RootKind};
use crate::ids::{FileId, NameId, NodeId, SectionId};
use crate::plan::{Flavor, OutputKind};
use crate::query::why::{
    Beyond, Cause, Death, Demand, Extracted, Hop, NamedBy, Origin, OwnSymbol, Referrer, ReferrerState,
    RelocUse, Remedy, ScriptPlace, State, StatementFacts, SymbolPlace, TableBounds, Uncounted, Verdict, View,
    What,
};
use crate::resolve::{Asker, DefKind, Definition};

/// Speaks about one analysis.
pub struct Words<'a> {
    /// What is spoken about.
    pub view: &'a dyn View,
    /// Symbol names are shown as in the source.
    pub demangle: bool,
}

/// Bytes as text: control characters escaped, bad UTF-8 replaced.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.chars().any(char::is_control) {
        return text.into_owned();
    }
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

impl Words<'_> {
    /// A symbol's name as people read it.
    pub fn symbol(&self, bytes: &[u8]) -> String {
        if self.demangle {
            if let Ok(text) = std::str::from_utf8(bytes)
                && let Ok(name) = rustc_demangle::try_demangle(text)
            {
                return shown(format!("{name:#}").as_bytes());
            }
            #[cfg(feature = "cpp")]
            if bytes.starts_with(b"_Z") {
                let symbol = cpp_demangle::Symbol::new(bytes).ok();
                if let Some(text) = symbol.and_then(|s| s.demangle().ok()) {
                    return shown(text.as_bytes());
                }
            }
        }
        shown(bytes)
    }

    /// A global name.
    pub fn name(&self, name: NameId) -> String {
        self.symbol(self.view.name(name))
    }

    /// A file: `path` or `archive(member)`.
    pub fn file(&self, file: FileId) -> String {
        match self.view.file(file) {
            Some(facts) => shown(facts.label().as_bytes()),
            None => "the linker".into(),
        }
    }

    /// A section: `file:(section)`; a group section names its group.
    pub fn section(&self, section: SectionId) -> String {
        let name = shown(self.view.section_name(section));
        let group = self.view.group_of_header(section).map(|(g, _)| format!(" [{}]", self.symbol(g)));
        format!("{}:({name}{})", self.file(self.view.section_file(section)), group.unwrap_or_default())
    }

    /// A node.
    pub fn node(&self, node: NodeId) -> String {
        if let Some(section) = self.view.section(node) {
            return self.section(section);
        }
        match self.view.beyond(node) {
            Some(Beyond::CommonsOf { file, small, .. }) => {
                format!("{}:({})", self.file(file), if small { ".scommon" } else { "COMMON" })
            }
            Some(Beyond::Common { name, file, .. }) => {
                format!("{}:(COMMON {})", self.file(file), self.symbol(name))
            }
            Some(Beyond::StartStop { section }) => {
                let x = shown(section);
                format!("__start_{x}/__stop_{x}")
            }
            Some(Beyond::ScriptSymbol { name }) => format!("script symbol {}", self.symbol(name)),
            Some(Beyond::Routines { stem }) => format!("the linker's own routines {}*", shown(stem)),
            None => format!("node {}", node.0),
        }
    }

    /// The symbol at an index of the file that holds a section.
    pub fn symbol_at(&self, section: SectionId, symbol: u32) -> String {
        self.symbol_of(self.view.section_file(section), symbol)
    }

    /// The symbol at an index of a file: its name, or the section that a section symbol stands for.
    pub fn symbol_of(&self, file: FileId, symbol: u32) -> String {
        let facts = self.view.symbol(file, symbol);
        if facts.is_section { shown(facts.text) } else { self.symbol(facts.text) }
    }

    /// A relocation: `R_X86_64_PLT32 at .text.f+0x12`.
    pub fn reloc(&self, reloc: &RelocUse) -> String {
        let name = super::reloc_names::name(self.view.machine(), reloc.kind);
        let section = shown(self.view.section_name(reloc.section));
        format!("{name} at {section}+{:#x}", reloc.offset)
    }

    /// Who refers: the covering symbol, else the section.
    pub fn from_symbol(&self, reloc: &RelocUse) -> String {
        match reloc.inside {
            Some(symbol) => self.symbol_at(reloc.section, symbol),
            None => shown(self.view.section_name(reloc.section)),
        }
    }

    /// What a relocation names: symbol and addend.
    pub fn target(&self, reloc: &RelocUse) -> String {
        let name = self.symbol_at(reloc.section, reloc.symbol);
        let facts = self.view.symbol(self.view.section_file(reloc.section), reloc.symbol);
        match (facts.sectional, reloc.addend) {
            (true, a) if a > 0 => format!("{name}+{a:#x}"),
            _ => name,
        }
    }

    fn uses(&self, reloc: &RelocUse) -> String {
        if reloc.unreadable {
            return "its relocations cannot be read, so it is taken to refer to everything its file names"
                .into();
        }
        let more = match reloc.count {
            0 | 1 => String::new(),
            n => format!(", first of {n}"),
        };
        format!("{} refers to {} ({}{more})", self.from_symbol(reloc), self.target(reloc), self.reloc(reloc))
    }

    /// Why one step of a chain holds.
    pub fn hop(&self, hop: &Hop) -> String {
        let view = self.view;
        if let Some(reloc) = &hop.reloc {
            let text = self.uses(reloc);
            return match view.beyond(hop.to) {
                Some(Beyond::StartStop { section }) => {
                    format!(
                        "{text}, a bound that the linker itself defines for the sections named {}",
                        shown(section)
                    )
                }
                Some(Beyond::ScriptSymbol { .. }) => {
                    format!("{text}, a symbol assigned by script or --defsym")
                }
                _ => text,
            };
        }
        match hop.kind {
            EdgeKind::Relocation => "its descriptor or table entry refers to it".into(),
            EdgeKind::Group => match self.group_of(hop.from).or_else(|| self.group_of(hop.to)) {
                Some(signature) => format!("same section group [{signature}]: one live member keeps the others"),
                None => "same section group: one live member keeps the others".into(),
            },
            EdgeKind::LinkOrder => "it describes the section above (SHF_LINK_ORDER) and lives with it".into(),
            EdgeKind::StartStop => match (view.beyond(hop.from), view.beyond(hop.to)) {
                (Some(Beyond::StartStop { section }), _) => {
                    format!("a section named {}: a live reference to its bounds keeps them all", shown(section))
                }
                (_, Some(Beyond::StartStop { section })) => {
                    let x = shown(section);
                    format!("it refers to the bounds __start_{x} or __stop_{x}")
                }
                _ => "a live reference to the bounds of its name keeps it".into(),
            },
            EdgeKind::Unwind => {
                "the unwind entries (.eh_frame) of the section above name it: personality routine or exception table".into()
            }
            EdgeKind::Script => "the value of that script symbol lies here".into(),
            EdgeKind::WithFile => {
                "not loaded at run time: kept with its file, since the section above is live".into()
            }
        }
    }

    fn group_of(&self, node: NodeId) -> Option<String> {
        let section = self.view.section(node)?;
        let member = self.view.group_of_member(section).map(|(_, signature)| signature);
        let signature = member.or_else(|| self.view.group_of_header(section).map(|(s, _)| s))?;
        Some(self.symbol(signature))
    }

    /// Where a chain begins, and why.
    pub fn origin(&self, origin: &Origin) -> String {
        match origin {
            Origin::Root(root) => self.root(root),
            Origin::Rule(_) => "kept by a rule of this linker that names no other section".into(),
            Origin::NoCollection(_) => "the link collects no garbage; --gc-sections would drop it".into(),
        }
    }

    fn root(&self, root: &Root) -> String {
        let (flavor, output) = (self.view.flavor(), self.view.output_kind());
        let name = root.name.map(|n| self.name(n)).unwrap_or_default();
        let section = self.view.section(root.node);
        let section_name = section.map(|s| shown(self.view.section_name(s))).unwrap_or_default();
        match root.kind {
            RootKind::Entry => format!("entry symbol {name}"),
            RootKind::UndefinedOption => match self.view.named_by(root) {
                NamedBy::Option => format!("named on the command line: -u {name}"),
                NamedBy::Fini => format!("termination function {name} (-fini)"),
                NamedBy::Init => format!("initialisation function {name} (-init)"),
            },
            RootKind::RequireDefined => format!("named on the command line: --require-defined={name}"),
            RootKind::Extern => format!("EXTERN({name}) in a linker script"),
            RootKind::Keep | RootKind::InitArray => match (root.keep, flavor) {
                (Some((script, description)), _) => self.keep_statement(script, description),
                (None, Flavor::Bfd)
                    if output == OutputKind::Relocatable && root.kind == RootKind::InitArray =>
                {
                    "a table of constructors or destructors, kept in -r output by its type".into()
                }
                (None, Flavor::Bfd) => {
                    format!("KEEP(*({})) in the linker's built-in script", builtin(&section_name))
                }
                (None, _) if root.kind == RootKind::InitArray => {
                    format!(
                        "a table of constructors or destructors ({section_name}), which this linker always keeps"
                    )
                }
                (None, _) => format!("sections named {section_name} are always kept by this linker"),
            },
            RootKind::Note if flavor == Flavor::Gold => {
                format!("a note by its name ({section_name}), always kept")
            }
            RootKind::Note => "a note (SHT_NOTE), always kept".into(),
            RootKind::RetainFlag => "marked to be retained (SHF_GNU_RETAIN, __attribute__((retain)))".into(),
            RootKind::DynamicExport => match output {
                OutputKind::Shared => format!("exported by the shared library: {name}"),
                _ => format!("exported dynamic symbol {name}"),
            },
            RootKind::DsoReference => match self.view.library_of(root) {
                Some(file) => format!("{name} is referenced (or also defined) by {}", self.file(file)),
                None => format!("{name} is referenced by a shared library of the link"),
            },
            RootKind::ScriptReference => format!("{name} is named in a script expression or --defsym"),
            RootKind::StartStop => format!(
                "its name {section_name} is a C identifier: __start_{section_name} could reach it, so this linker keeps it"
            ),
            RootKind::Unwind => "named by unwind data (.eh_frame), which this linker always keeps".into(),
            RootKind::Opaque => "references of an input cannot be read; what its file names is kept".into(),
        }
    }

    fn keep_statement(&self, script: u32, description: u32) -> String {
        match self.view.keep_statement((script, description)) {
            Some(StatementFacts { path, at: Some((line, column, text)) }) => {
                format!("{} at {path}:{line}:{column}", one_line(text))
            }
            Some(StatementFacts { path, at: None }) => format!("KEEP in {}", shown(path.as_bytes())),
            None => "KEEP in a linker script".into(),
        }
    }

    /// A script statement: `file:line:column: TEXT`.
    pub fn place(&self, place: &ScriptPlace) -> String {
        match self.view.statement(place) {
            Some(StatementFacts { path, at: Some((line, column, text)) }) => {
                format!("{path}:{line}:{column}: {}", one_line(text))
            }
            _ => String::new(),
        }
    }

    /// A subject in a few words: kind and name.
    pub fn what(&self, what: &What) -> String {
        match *what {
            What::Section(section) => format!("section {}", self.section(section)),
            What::Common(node) => format!("common {}", self.node(node)),
            What::File(file) => {
                let member = self.view.file(file).is_some_and(|f| f.archive);
                format!("{} {}", if member { "member" } else { "file" }, self.file(file))
            }
            What::Symbol { name: Some(name), .. } => format!("symbol {}", self.name(name)),
            What::Symbol { name: None, file, symbol, .. } => {
                let file = file.unwrap_or(FileId(u32::MAX));
                format!("local symbol {} of {}", self.symbol_of(file, symbol), self.file(file))
            }
        }
    }

    /// The state in words.
    pub fn state(&self, state: State) -> &'static str {
        match state {
            State::Live => "live",
            State::AlwaysKept => "kept (this linker never drops such sections)",
            State::Dead => "dropped",
            State::NotExtracted => "not in the link (its member was not extracted)",
            State::Lost => "dropped: another copy of the same group or linkonce section won",
            State::Excluded => "left out of the output by its flags or a strip option",
            State::Structural => "not an input to keep or drop: the linker makes its own",
            State::Pieces => "split into pieces that live or die one by one",
            State::Outside => "in the link, without a section of its own",
            State::Undefined => "not defined anywhere in the link",
        }
    }

    /// Machine word of a state.
    pub fn state_key(state: State) -> &'static str {
        match state {
            State::Live => "live",
            State::AlwaysKept => "always-kept",
            State::Dead => "dead",
            State::NotExtracted => "not-extracted",
            State::Lost => "group-duplicate",
            State::Excluded => "excluded",
            State::Structural => "structural",
            State::Pieces => "pieces",
            State::Outside => "no-section",
            State::Undefined => "undefined",
        }
    }

    /// Where a symbol is defined, as a sentence without a full stop; `None` for other subjects.
    pub fn definition_of(&self, what: &What) -> Option<String> {
        let What::Symbol { name, file, place, .. } = *what else { return None };
        let owner = |words: &str| match file {
            Some(file) => format!("{words} {}", self.file(file)),
            None => words.to_string(),
        };
        Some(match place {
            SymbolPlace::Section(section) => format!("defined in {}", self.section(section)),
            SymbolPlace::Common(_) => owner("a common symbol, allocated for"),
            SymbolPlace::Absolute => owner("an absolute value defined by"),
            SymbolPlace::Shared => owner("defined by the shared library"),
            SymbolPlace::Assigned => {
                if name.is_some_and(|n| self.view.is_defsym(n)) {
                    "assigned by --defsym".into()
                } else {
                    "assigned by a linker script, or provided by the linker".into()
                }
            }
            SymbolPlace::Bounds(_) => "provided by the linker as a bound of the sections of that name".into(),
            SymbolPlace::Undefined => owner("undefined; first referred to by"),
            SymbolPlace::UndefinedWeak => owner("undefined, and only weakly referred to (value 0), first by"),
            SymbolPlace::NotExtracted => owner("defined only by a file that stayed out of the link:"),
        })
    }

    /// A definition in a few words.
    pub fn definition(&self, definition: Definition) -> String {
        match definition.kind {
            DefKind::Assigned => "a linker script or --defsym".into(),
            DefKind::Unknown => "nothing".into(),
            _ => self.file(definition.file),
        }
    }

    /// One step of the extraction chain.
    pub fn asked(&self, step: &Extracted) -> String {
        let member = self.file(step.file);
        let symbol = step.symbol.map(|n| self.name(n)).unwrap_or_default();
        match &step.asker {
            Asker::Whole => format!("{member} was taken whole (--whole-archive)"),
            Asker::Option(text) => {
                let reason = self.demand(step, text);
                format!("{member} was taken for {symbol}, {reason}")
            }
            Asker::File(file) => {
                let by = self.file(*file);
                match &step.reference {
                    Some((reloc, live)) => {
                        let dead = if *live { "" } else { "; that reference is itself dropped" };
                        format!(
                            "{member} was taken for {symbol}: {by}: {} refers to it ({}{dead})",
                            self.from_symbol(reloc),
                            self.reloc(reloc)
                        )
                    }
                    None => format!("{member} was taken for {symbol}, undefined in {by}"),
                }
            }
        }
    }

    fn demand(&self, step: &Extracted, text: &str) -> String {
        match (self.view.demand(step), text) {
            (Some(Demand::Undefined), _) => "demanded by -u".into(),
            (Some(Demand::Require), _) => "demanded by --require-defined".into(),
            (Some(Demand::Glob), _) => "demanded by --undefined-glob".into(),
            (Some(Demand::Entry), _) => "the entry symbol".into(),
            (None, "" | "<internal>") => "demanded by an option or script".into(),
            (None, other) => format!("demanded by {}", shown(other.as_bytes())),
        }
    }

    /// Why a dropped thing is dropped.
    pub fn cause(&self, death: &Death) -> String {
        let flavor = self.view.flavor();
        match death.cause {
            Cause::NoReferrer => "nothing in the link refers to it".into(),
            Cause::OnlyDead => "everything that refers to it is dropped too".into(),
            Cause::Cycle => "it and the dropped sections around it refer only to each other".into(),
            Cause::OnlyUncounted
                if death.referrers.iter().all(|r| {
                    let state = r.state;
                    matches!(state, ReferrerState::Live(Uncounted::Unwind | Uncounted::NotAllocated))
                }) =>
            {
                "nothing refers to it but debug or unwind data, which keep nothing".into()
            }
            Cause::OnlyUncounted => {
                format!("what is live refers to it only in ways that keep nothing in {}", linker(flavor))
            }
            Cause::Table => {
                let table = death.table.as_ref();
                self.table(table, death.placed.as_ref())
            }
            Cause::Describes(section) => {
                let lives = self.view.is_live(NodeId(section.0));
                let what = self.section(section);
                if lives {
                    format!(
                        "it describes {what} (SHF_LINK_ORDER), which became live too late in this linker's walk over the files"
                    )
                } else {
                    format!("it describes {what} (SHF_LINK_ORDER), which is dropped")
                }
            }
            Cause::FileIsDead => {
                "not loaded at run time: it goes with its file, of which no loaded section is live".into()
            }
            Cause::Lost { winner: Some(winner) } => {
                let state = if self.view.is_live(NodeId(winner.0)) { "live" } else { "dropped as well" };
                format!("another copy won: {} ({state})", self.section(winner))
            }
            Cause::Lost { winner: None } => "another copy of the same group won".into(),
            Cause::Excluded => "SHF_EXCLUDE, or a strip option, leaves it out".into(),
            Cause::Structural => "the linker makes its own".into(),
        }
    }

    /// Machine word of a cause.
    pub fn cause_key(cause: Cause) -> &'static str {
        match cause {
            Cause::NoReferrer => "no-referrer",
            Cause::OnlyDead => "only-dead-referrers",
            Cause::Cycle => "dead-cycle",
            Cause::OnlyUncounted => "only-uncounted-references",
            Cause::Table => "table",
            Cause::Describes(_) => "link-order",
            Cause::FileIsDead => "file-dead",
            Cause::Lost { .. } => "group-duplicate",
            Cause::Excluded => "excluded",
            Cause::Structural => "structural",
        }
    }

    /// Why a table that live code walks is dropped.
    pub fn table(&self, table: Option<&TableBounds>, placed: Option<&ScriptPlace>) -> String {
        let flavor = self.view.flavor();
        let Some(table) = table else { return "a table whose bounds do not keep it".into() };
        let names: Vec<String> = table.names.iter().map(|n| self.name(*n)).collect();
        let names = names.join(" and ");
        let lead = format!("a table that live code walks by its bounds {names}");
        if table.assigned {
            let keep = match placed {
                Some(p) if !p.keep => ", and the statement that places it has no KEEP",
                _ => "",
            };
            return format!("{lead}; a script assigns these, so a reference to them keeps nothing{keep}");
        }
        if table.object {
            return format!("{lead}; an object defines these itself, so a reference to them keeps nothing");
        }
        match flavor {
            Flavor::Lld => {
                format!("{lead}; lld does not keep a table for that (-z start-stop-gc is its default)")
            }
            Flavor::Bfd => format!("{lead}; -z start-stop-gc is in force"),
            _ => format!("{lead}; {} does not keep a table for that", linker(flavor)),
        }
    }

    /// One referrer of something dropped.
    pub fn referrer(&self, referrer: &Referrer) -> String {
        let from = self.node(referrer.from);
        let how = match &referrer.reloc {
            Some(reloc) => format!(": {}", self.uses(reloc)),
            None => match referrer.kind {
                EdgeKind::Unwind => ": its unwind entries name it".into(),
                EdgeKind::StartStop => ": bounds of its name".into(),
                EdgeKind::LinkOrder => ": it is described there (SHF_LINK_ORDER)".into(),
                _ => String::new(),
            },
        };
        format!("{from}{how}; {}", self.referrer_state(referrer.state))
    }

    /// Why a referrer keeps nothing.
    pub fn referrer_state(&self, state: ReferrerState) -> &'static str {
        match state {
            ReferrerState::DeadUnreferenced => "dropped: nothing refers to it",
            ReferrerState::Dead => "dropped as well",
            ReferrerState::Lost => "in a group copy that lost",
            ReferrerState::Excluded => "left out by its flags",
            ReferrerState::Live(Uncounted::NotAllocated) => {
                "in the output but not loaded at run time: its references keep nothing"
            }
            ReferrerState::Live(Uncounted::Unwind) => {
                "unwind data: what it says about a function does not keep the function"
            }
            ReferrerState::Live(Uncounted::LostCopy) => "in a group copy that lost",
            ReferrerState::Live(Uncounted::Crel) => "live, but this linker cannot read its CREL relocations",
            ReferrerState::Live(Uncounted::IgnoredType) => "live, but relocations of this type keep nothing",
            ReferrerState::Live(Uncounted::Bounds) => "referred to, but such bounds keep nothing here",
            ReferrerState::Live(Uncounted::Other) => "live, but this reference keeps nothing in this linker",
        }
    }

    /// A symbol of a dropped section that references do not reach.
    pub fn overridden(&self, own: &OwnSymbol) -> String {
        let name = self.name(own.name);
        match own.winner.kind {
            DefKind::Assigned => format!("{name}: a script or --defsym assigns it, references go there"),
            _ => format!("{name}: references go to the definition in {}", self.definition(own.winner)),
        }
    }

    /// Why a symbol of a member that stayed behind did not fetch it.
    pub fn verdict(&self, verdict: Verdict) -> String {
        let flavor = self.view.flavor();
        match verdict {
            Verdict::NobodyAsks => "no file of the link refers to it".into(),
            Verdict::WeakOnly(file) => {
                format!("only weak references ({}), which fetch no member", self.file(file))
            }
            Verdict::DefinedElsewhere(definition) => match definition.kind {
                DefKind::Common => format!("already a common symbol in {}", self.definition(definition)),
                DefKind::Assigned => "assigned by a linker script or --defsym".into(),
                DefKind::Shared => {
                    format!("already defined by the shared library {}", self.definition(definition))
                }
                _ => format!("already defined by {}", self.definition(definition)),
            },
            Verdict::TooEarly(file) if matches!(flavor, Flavor::Bfd | Flavor::Gold) => format!(
                "wanted by {}, which {} reads after the archive: it does not look back",
                self.file(file),
                linker(flavor)
            ),
            Verdict::TooEarly(file) => format!("wanted by {}, yet not taken", self.file(file)),
            Verdict::NotInIndex(file) => {
                format!("wanted by {}, but the archive's index does not list it", self.file(file))
            }
        }
    }

    /// Why a file's contents cannot be known, if so.
    pub fn opaque(&self, file: FileId) -> Option<&str> {
        self.view.file(file)?.opaque
    }

    /// A remedy as an instruction.
    pub fn remedy(&self, remedy: &Remedy) -> String {
        let view = self.view;
        let archive = |id: crate::ids::ArchiveId| shown(view.archive_path(id));
        match *remedy {
            Remedy::KeepInScript { section, place } => {
                let name = shown(view.section_name(section));
                match place {
                    Some(place) if place.alone && !place.keep => {
                        format!("write KEEP( ) around {}", self.place(&place))
                    }
                    Some(place) if !place.keep => {
                        format!("KEEP(*({name})) before the statement at {}", self.place(&place))
                    }
                    _ => format!("KEEP(*({name})) in the linker script"),
                }
            }
            Remedy::Undefined(name) => format!("-u {}", shown(view.name(name))),
            Remedy::Retain { needs_osabi, has_osabi } => {
                let remark = match (needs_osabi, has_osabi) {
                    (true, false) => {
                        "; the object then needs OSABI GNU or FreeBSD, which assemblers set with it"
                    }
                    _ => "",
                };
                format!("__attribute__((used, retain)) on the definition (section flag R){remark}")
            }
            Remedy::Export { name, hidden } => {
                let shared = view.output_kind() == OutputKind::Shared;
                let text = shown(view.name(name));
                match (shared, hidden) {
                    (true, true) => format!("default visibility for {text}, so that the library exports it"),
                    (true, false) => format!("{text} under global: in the version script"),
                    (false, true) => {
                        format!("default visibility for {text} and --export-dynamic-symbol={text}")
                    }
                    (false, false) => format!("--export-dynamic-symbol={text}"),
                }
            }
            Remedy::WholeArchive(id) => {
                format!("--whole-archive {} --no-whole-archive (takes every member)", archive(id))
            }
            Remedy::MoveArchive(id, file) => {
                let (archive, file) = (archive(id), self.file(file));
                format!("name {archive} after {file}, or both inside --start-group ... --end-group")
            }
            Remedy::Reindex(id) => format!("make the index of {} anew (ranlib)", archive(id)),
            Remedy::StrongReference(name, file) => {
                format!("make the reference to {} in {} strong", self.name(name), self.file(file))
            }
            Remedy::NoStartStopGc => {
                "-z nostart-stop-gc (bounds referred to by live code then keep their sections)".into()
            }
            Remedy::Refer(section) => format!("refer to {} from something live", self.section(section)),
            Remedy::ClearExclude => "make it without SHF_EXCLUDE (section flag e)".into(),
            Remedy::WithoutCrel => "make the object without CREL relocations".into(),
        }
    }

    /// Machine word of a remedy.
    pub fn remedy_key(remedy: &Remedy) -> &'static str {
        match remedy {
            Remedy::KeepInScript { .. } => "keep",
            Remedy::Undefined(_) => "undefined-option",
            Remedy::Retain { .. } => "retain",
            Remedy::Export { .. } => "export",
            Remedy::WholeArchive(_) => "whole-archive",
            Remedy::MoveArchive(..) => "archive-order",
            Remedy::Reindex(_) => "archive-index",
            Remedy::StrongReference(..) => "strong-reference",
            Remedy::NoStartStopGc => "nostart-stop-gc",
            Remedy::Refer(_) => "reference",
            Remedy::ClearExclude => "clear-exclude",
            Remedy::WithoutCrel => "without-crel",
        }
    }
}

/// The linker's name.
fn linker(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::Bfd => "GNU ld",
        Flavor::Gold => "gold",
        Flavor::Lld => "lld",
        Flavor::Mold => "mold",
    }
}

/// The pattern of GNU ld's built-in script that keeps a section of this name.
fn builtin(name: &str) -> String {
    for family in [".init_array", ".fini_array", ".ctors", ".dtors"] {
        if name.strip_prefix(family).is_some_and(|rest| rest.starts_with('.')) {
            return format!("{family}.*");
        }
    }
    name.to_string()
}

fn one_line(text: &[u8]) -> String {
    shown(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

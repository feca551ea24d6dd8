//! What the command line and the scripts ask of single names: `-u`, the entry, script references
//! and assignments, `--wrap`, exports, versions, excluded libraries (gold/options.cc, script.cc).
//!
//! In: the plan and the scripts. Out: [`Options`], which answers by name number. Scripts given with
//! `-T` and `--defsym` count from the start, scripts among the inputs from where they stand.

use std::cell::RefCell;

use bstr::{BStr, ByteSlice};
use fixedbitset::FixedBitSet;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::demangle;
use crate::ids::NameId;
use crate::load::elf::consts::EM_MIPS;
use crate::plan::{DemandKind, OutputKind};
use crate::program::Program;
use crate::script::versionmatch::{Scope, VersionMatcher};
use crate::script::{CommandKind, Script, walk};

/// What a version script says of a name: the tag (empty for none), and whether it is global.
type VersionAnswer<'d> = Option<(&'d [u8], bool)>;

/// Answers about names that never change.
pub(super) struct Options<'a, 'd> {
    program: &'a Program<'d>,
    /// `-u` names.
    undefined: FixedBitSet,
    /// The entry symbol.
    entry: Option<NameId>,
    /// By name under `--wrap`: what it stands for.
    wrapped: HashMap<NameId, NameId, FixedState>,
    exports_all: bool,
    on_list: RefCell<Vec<Option<bool>>>,
    versions: RefCell<Vec<Option<VersionAnswer<'d>>>>,
}

impl<'a, 'd> Options<'a, 'd> {
    pub(super) fn new(program: &'a Program<'d>) -> Self {
        let plan = program.plan;
        let count = program.names.len();
        let mut undefined = FixedBitSet::with_capacity(count);
        for (name, kind) in &plan.demands {
            if let (DemandKind::Undefined, Some(id)) = (kind, program.names.find(name)) {
                undefined.insert(id.idx());
            }
        }
        let mut wrapped = HashMap::with_hasher(FixedState::default());
        for name in &plan.wraps {
            let find = |prefix: &[u8]| program.names.find(&[prefix, name.as_slice()].concat());
            for (from, to) in [(find(b""), find(b"__wrap_")), (find(b"__real_"), find(b""))] {
                if let (Some(from), Some(to)) = (from, to) {
                    wrapped.entry(from).or_insert(to);
                }
            }
        }
        Options {
            program,
            undefined,
            entry: program.names.find(entry_name(program)),
            wrapped,
            exports_all: plan.output_kind == OutputKind::Shared || plan.export_dynamic,
            on_list: RefCell::new(Vec::new()),
            versions: RefCell::new(Vec::new()),
        }
    }

    /// Whether `--wrap` was given.
    #[inline]
    pub(super) fn any_wrap(&self) -> bool {
        !self.wrapped.is_empty()
    }

    /// The name that stands for an undefined mention of `name` under `--wrap`.
    pub(super) fn wrapped(&self, name: NameId) -> Option<NameId> {
        self.wrapped.get(&name).copied()
    }

    /// Whether a visible definition of `name` goes to the dynamic symbol table.
    #[inline]
    pub(super) fn exports(&self, name: NameId) -> bool {
        self.exports_all || self.in_dynamic_list(name)
    }

    #[inline]
    fn in_dynamic_list(&self, name: NameId) -> bool {
        let Some(list) = &self.program.controls.dynamic_list else { return false };
        cached(&self.on_list, name, || {
            let text = self.program.name(name);
            list.classify(text, demangle::cxx(text).as_deref()).is_some()
        })
    }

    /// Whether version scripts name symbols.
    #[inline]
    pub(super) fn has_versions(&self) -> bool {
        self.program.controls.versions.is_some()
    }

    /// What the version scripts say about a defined name.
    pub(super) fn version_of(&self, name: NameId) -> VersionAnswer<'d> {
        let controls = self.program.controls;
        let matcher: &VersionMatcher = controls.versions.as_ref()?;
        let text = self.program.name(name);
        cached(&self.versions, name, || {
            let class = matcher.classify(text, demangle::cxx(text).as_deref())?;
            let tag = controls.version_tags.get(class.node).map_or(&b""[..], |t| t.as_slice());
            Some((tag, class.scope == Scope::Global))
        })
    }

    /// `--exclude-libs`: whether an archive's symbols are not exported.
    pub(super) fn is_excluded(&self, archive: &[u8]) -> bool {
        let list = &self.program.plan.exclude_libs;
        let has = |name: &[u8]| list.iter().any(|l| l.as_slice() == name);
        if list.is_empty() {
            return false;
        }
        let base = archive.rfind_byte(b'/').map_or(archive, |slash| &archive[slash + 1..]);
        has(b"ALL") || has(base) || base.strip_suffix(b".a").is_some_and(has)
    }
}

fn cached<T: Copy>(cache: &RefCell<Vec<Option<T>>>, name: NameId, answer: impl FnOnce() -> T) -> T {
    let mut cache = cache.borrow_mut();
    if cache.len() <= name.idx() {
        cache.resize(name.idx() + 1, None);
    }
    *cache[name.idx()].get_or_insert_with(answer)
}

/// The entry's name (GS 4.2): the last of `-e` and the ENTRYs of `-T` scripts as they stand on the
/// command line; an ENTRY in a script among the inputs does not count (gold `script_set_entry`).
pub(crate) fn entry_name<'p>(program: &Program<'p>) -> &'p [u8] {
    let plan = program.plan;
    let count = plan.scripts.len();
    let given = plan.entry.as_ref().map(|entry| (plan.entry_after_scripts, entry.as_slice()));
    let scripts = program.scripts.iter().take(count).enumerate();
    let entries = scripts.flat_map(|(number, file)| {
        file.script.commands.iter().filter_map(move |command| match &command.kind {
            CommandKind::Entry(name) => Some((number + 1, name.text.as_slice())),
            _ => None,
        })
    });
    // Of equal places `-e` stands behind the script.
    let last = entries.chain(given).max_by_key(|(place, _)| *place);
    let mips = program.target.is_some_and(|t| t.machine == EM_MIPS);
    last.map_or(if mips { b"__start" } else { b"_start" }, |(_, name)| name)
}

/// What scripts and `--defsym` said so far.
pub(super) struct Expressions {
    /// Names that expressions refer to and nothing assigns.
    referenced: FixedBitSet,
    /// Those that an expression needs that is evaluated in any case.
    needed: FixedBitSet,
    assigned: FixedBitSet,
    provided: FixedBitSet,
    /// Names assigned outside SECTIONS, PROVIDE included.
    pending: FixedBitSet,
}

impl Expressions {
    /// `--defsym` and `-T` scripts.
    pub(super) fn new(program: &Program<'_>) -> Self {
        let empty = || FixedBitSet::with_capacity(program.names.len());
        let mut expressions = Expressions {
            referenced: empty(),
            needed: empty(),
            assigned: empty(),
            provided: empty(),
            pending: empty(),
        };
        for file in program.scripts.iter().filter(|file| !file.as_input) {
            expressions.add(program, &file.script);
        }
        for (defsym, value) in program.plan.defsyms.iter().zip(&program.controls.defsyms) {
            value.symbols_referenced().for_each(|symbol| expressions.refer(program, symbol, true));
            expressions.assign(program, &defsym.name, true);
            expressions.put_pending(program, &defsym.name);
        }
        expressions
    }

    /// A script.
    pub(super) fn add(&mut self, program: &Program<'_>, script: &Script) {
        for reference in walk::references(script) {
            self.refer(program, reference.symbol, reference.provided.is_none());
        }
        for step in walk::steps(script) {
            match step.kind {
                walk::StepKind::Assign(a) => self.assign(program, &a.name.text, !a.kind.is_provide()),
                walk::StepKind::Extern(name) => self.refer(program, &name.text, false),
                _ => {}
            }
        }
        for command in &script.commands {
            if let CommandKind::Assignment(a) = &command.kind {
                self.put_pending(program, &a.name.text);
            }
        }
    }

    fn refer(&mut self, program: &Program<'_>, name: &[u8], needed: bool) {
        if let Some(id) = program.names.find(name) {
            if needed {
                self.needed.insert(id.idx());
            }
            if !self.assigned.contains(id.idx()) {
                self.referenced.insert(id.idx());
            }
        }
    }

    fn assign(&mut self, program: &Program<'_>, name: &[u8], plain: bool) {
        let Some(id) = program.names.find(name) else { return };
        if plain {
            self.assigned.insert(id.idx());
            self.referenced.set(id.idx(), false);
        } else {
            self.provided.insert(id.idx());
        }
    }

    fn put_pending(&mut self, program: &Program<'_>, name: &[u8]) {
        if let Some(id) = program.names.find(name) {
            self.pending.insert(id.idx());
        }
    }

    /// Whether an assignment outside SECTIONS waits for the name.
    pub(super) fn is_pending(&self, name: NameId) -> bool {
        self.pending.contains(name.idx())
    }

    /// Names that are roots because an expression refers to them.
    pub(super) fn referenced(&self) -> impl Iterator<Item = NameId> + '_ {
        self.referenced.ones().map(|n| NameId(n as u32))
    }

    /// Names that will be defined by an assignment.
    pub(super) fn defined(&self) -> FixedBitSet {
        &self.assigned | &self.provided
    }

    /// Names without which some expression has no value.
    pub(super) fn needed(&self) -> impl Iterator<Item = NameId> + '_ {
        self.needed.ones().map(|n| NameId(n as u32))
    }

    /// Whether some option wants a definition of a name that nothing read so far mentions, and
    /// what gold calls the reason.
    pub(super) fn demand(&self, options: &Options<'_, '_>, name: NameId) -> Option<String> {
        let text = || BStr::new(options.program.name(name));
        if options.undefined.contains(name.idx()) {
            return Some(format!("-u {}", text()));
        }
        if self.referenced.contains(name.idx()) {
            return Some(format!("script or expression reference to {}", text()));
        }
        if options.entry == Some(name) && options.program.plan.output_kind != OutputKind::Relocatable {
            return Some(format!("entry symbol {}", text()));
        }
        None
    }
}

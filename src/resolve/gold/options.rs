//! What the command line and the scripts ask of single names: `-u`, the entry, script references
//! and assignments, `--wrap`, exports, versions, excluded libraries (gold/options.cc, script.cc).
//!
//! In: the plan and the scripts. Out: [`Options`], which answers by name number.

use std::cell::RefCell;

use bstr::{BStr, ByteSlice};
use fixedbitset::FixedBitSet;

use crate::ids::NameId;
use crate::load::elf::consts::EM_MIPS;
use crate::plan::{DemandKind, LinkPlan, OutputKind};
use crate::program::Program;

/// Answers about names.
pub(super) struct Options<'d> {
    plan: &'d LinkPlan,
    /// `-u` names.
    pub(super) undefined: FixedBitSet,
    /// Names that scripts and `--defsym` refer to and do not define.
    pub(super) referenced: FixedBitSet,
    /// Names assigned outside SECTIONS.
    pub(super) pending: FixedBitSet,
    /// The entry symbol.
    pub(super) entry: Option<NameId>,
    wrapped: Vec<(NameId, NameId)>,
    any_wrap: FixedBitSet,
    exports_all: bool,
    dynamic_list: RefCell<Vec<Option<bool>>>,
}

impl<'d> Options<'d> {
    /// Options before any script given as an input was read.
    pub(super) fn new(program: &Program<'d>) -> Self {
        let plan = program.plan;
        let count = program.names.len();
        let mut undefined = FixedBitSet::with_capacity(count);
        for (name, kind) in &plan.demands {
            if let (DemandKind::Undefined, Some(id)) = (kind, program.names.find(name)) {
                undefined.insert(id.idx());
            }
        }
        let mut wrapped = Vec::new();
        let mut any_wrap = FixedBitSet::with_capacity(if plan.wraps.is_empty() { 0 } else { count });
        for name in &plan.wraps {
            let find = |prefix: &[u8]| program.names.find(&[prefix, name.as_slice()].concat());
            for (from, to) in [(find(b""), find(b"__wrap_")), (find(b"__real_"), find(b""))] {
                if let (Some(from), Some(to)) = (from, to) {
                    wrapped.push((from, to));
                    any_wrap.insert(from.idx());
                }
            }
        }
        let entry = entry_name(program).and_then(|name| program.names.find(&name));
        Options {
            plan,
            undefined,
            referenced: FixedBitSet::with_capacity(count),
            pending: FixedBitSet::with_capacity(count),
            entry,
            wrapped,
            any_wrap,
            exports_all: plan.output_kind == OutputKind::Shared || plan.export_dynamic,
            dynamic_list: RefCell::new(Vec::new()),
        }
    }

    /// Whether `--wrap` was given.
    #[inline]
    pub(super) fn any_wrap(&self) -> bool {
        !self.wrapped.is_empty()
    }

    /// The name that stands for an undefined mention of `name` under `--wrap`.
    pub(super) fn wrapped(&self, name: NameId) -> Option<NameId> {
        if !self.any_wrap.contains(name.idx()) {
            return None;
        }
        self.wrapped.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
    }

    /// Whether a visible definition of `name` goes to the dynamic symbol table.
    #[inline]
    pub(super) fn exports(&self, name: NameId) -> bool {
        self.exports_all || (!self.plan.dynamic_lists.is_empty() && self.in_dynamic_list(name))
    }

    /// Whether version scripts name symbols.
    #[inline]
    pub(super) fn has_versions(&self) -> bool {
        false
    }

    /// What the version scripts say about a defined name: version tag and whether it is global.
    pub(super) fn version_of(&self, _: &Program<'d>, _: NameId) -> Option<(Option<&'d [u8]>, bool)> {
        None
    }

    fn in_dynamic_list(&self, name: NameId) -> bool {
        let mut cache = self.dynamic_list.borrow_mut();
        if cache.len() <= name.idx() {
            cache.resize(name.idx() + 1, None);
        }
        let slot = &mut cache[name.idx()];
        *slot.get_or_insert(false)
    }

    /// Whether some option wants a definition of a name that nothing read so far mentions, and
    /// what gold calls the reason.
    pub(super) fn demand(&self, program: &Program<'_>, name: NameId) -> Option<String> {
        let text = BStr::new(program.name(name));
        if self.undefined.contains(name.idx()) {
            return Some(format!("-u {text}"));
        }
        if self.referenced.contains(name.idx()) {
            return Some(format!("script or expression reference to {text}"));
        }
        if self.entry == Some(name) && self.plan.output_kind != OutputKind::Relocatable {
            return Some(format!("entry symbol {text}"));
        }
        None
    }

    /// `--exclude-libs`: whether an archive's symbols are not exported.
    pub(super) fn is_excluded(&self, archive: &[u8]) -> bool {
        let list = &self.plan.exclude_libs;
        let has = |name: &[u8]| list.iter().any(|l| l.as_slice() == name);
        if list.is_empty() {
            return false;
        }
        let base = archive.rfind_byte(b'/').map_or(archive, |slash| &archive[slash + 1..]);
        has(b"ALL") || has(base) || base.strip_suffix(b".a").is_some_and(has)
    }
}

/// GS 4.2: the entry's name.
fn entry_name(program: &Program<'_>) -> Option<Vec<u8>> {
    if let Some(entry) = &program.plan.entry {
        return Some(entry.to_vec());
    }
    let mips = program.target.is_some_and(|t| t.machine == EM_MIPS);
    Some(if mips { b"__start".to_vec() } else { b"_start".to_vec() })
}

//! `--wrap` (GS 5.8): which other name a reference means, answered without a look at every option.
//!
//! Always true: no two entries wrap the same name.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::ids::NameId;
use crate::program::Program;

/// One `--wrap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrap {
    /// `foo`.
    pub name: NameId,
    /// `__wrap_foo`.
    pub wrapper: NameId,
    /// `__real_foo`.
    pub real: NameId,
}

/// All `--wrap`s of a link in order; as a slice, the list.
#[derive(Debug, Clone, Default)]
pub struct Wraps {
    list: Vec<Wrap>,
    by_name: HashMap<NameId, u32, FixedState>,
    by_real: HashMap<NameId, u32, FixedState>,
}

impl std::ops::Deref for Wraps {
    type Target = [Wrap];

    fn deref(&self) -> &[Wrap] {
        &self.list
    }
}

impl FromIterator<Wrap> for Wraps {
    fn from_iter<I: IntoIterator<Item = Wrap>>(wraps: I) -> Self {
        let mut out = Wraps::default();
        for (number, wrap) in (0u32..).zip(wraps) {
            out.by_name.entry(wrap.name).or_insert(number);
            out.by_real.entry(wrap.real).or_insert(number);
            out.list.push(wrap);
        }
        out
    }
}

impl Wraps {
    /// The names of the plan that some input mentions, with the two names made of each.
    pub(crate) fn of(program: &Program<'_>) -> Self {
        let find = |prefix: &[u8], name: &[u8]| program.names.find(&[prefix, name].concat());
        let wrap = |name: &bstr::BString| {
            let (wrapper, real) = (find(b"__wrap_", name)?, find(b"__real_", name)?);
            Some(Wrap { name: program.names.find(name)?, wrapper, real })
        };
        program.plan.wraps.iter().filter_map(wrap).collect()
    }

    /// What `name` means by the entry of that number.
    fn meaning(&self, number: Option<u32>, name: NameId) -> NameId {
        let wrap = number.and_then(|number| self.list.get(number as usize));
        wrap.map_or(name, |w| if w.name == name { w.wrapper } else { w.name })
    }

    /// GNU ld, gold: the name that an undefined reference to `name` means; the first entry that has a say
    /// counts.
    #[inline]
    pub(crate) fn by_first(&self, name: NameId) -> NameId {
        if self.list.is_empty() {
            return name;
        }
        let numbers = [self.by_name.get(&name), self.by_real.get(&name)];
        self.meaning(numbers.into_iter().flatten().copied().min(), name)
    }

    /// lld: the last entry that has a say counts, as a later map entry does.
    #[inline]
    pub(crate) fn by_last(&self, name: NameId) -> NameId {
        if self.list.is_empty() {
            return name;
        }
        let numbers = [self.by_name.get(&name), self.by_real.get(&name)];
        self.meaning(numbers.into_iter().flatten().copied().max(), name)
    }

    /// mold: `__real_foo` before `foo`, whatever their order.
    #[inline]
    pub(crate) fn by_real_first(&self, name: NameId) -> NameId {
        if self.list.is_empty() {
            return name;
        }
        self.meaning(self.by_real.get(&name).or_else(|| self.by_name.get(&name)).copied(), name)
    }
}

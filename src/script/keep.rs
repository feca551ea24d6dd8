//! Which sections a script's KEEPs keep, and where its descriptions place them, per linker (GS 9.1).
//!
//! In: a [`Script`]. Out: [`KeepTable`]: descriptions in script order and two queries. The caller
//! asks once per distinct section name ([`KeepTable::matches`]) and once per file
//! ([`KeepTable::file`]); the answer for a section is then a short walk over what matched.

use std::ops::ControlFlow;

use bstr::BString;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::ast::{Dialect, FlagFilter, InputDescription, Name, Script, Span, StatementKind};
use super::filematch::{FileName, FileTest};
use super::glob::{Pattern, PatternSet};
use super::walk;
use crate::error::{Error, Result};

/// Number of an input section description, in script order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DescriptionId(pub u32);

/// One input section description with what its queries need.
#[derive(Debug, Clone)]
pub struct Description {
    /// It stands in KEEP.
    pub keep: bool,
    /// Its output section is `/DISCARD/`.
    pub discard: bool,
    /// It stands in an OVERLAY.
    pub in_overlay: bool,
    /// The output section's name.
    pub output: BString,
    /// The output section's name, as a place.
    pub output_span: Span,
    /// Number of the output section in [`walk::output_sections`].
    pub output_number: u32,
    /// The whole statement, KEEP( ) included.
    pub span: Span,
    /// The description without KEEP( ).
    pub inner: Span,
    /// Text of `inner` with white space removed.
    pub text: BString,
    /// INPUT_SECTION_FLAGS.
    pub flags: Option<FlagFilter>,
    file: u32,
    excludes: Vec<u32>,
}

/// One section pattern: a row of the pattern set.
#[derive(Debug, Clone)]
struct Row {
    description: DescriptionId,
    excludes: Vec<u32>,
    span: Span,
}

/// The section patterns that match one section name; computed once per distinct name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMatches(Vec<u32>);

impl NameMatches {
    /// Numbers of the patterns, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.0
    }

    /// Whether no description of the script can apply.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is known of one file: file tests already tried.
#[derive(Debug, Clone)]
pub struct FileState<'a> {
    name: FileName<'a>,
    tried: Vec<Option<bool>>,
}

/// The descriptions of a script, ready for queries.
#[derive(Debug, Clone)]
pub struct KeepTable {
    dialect: Dialect,
    descriptions: Vec<Description>,
    rows: Vec<Row>,
    patterns: PatternSet,
    tests: Vec<FileTest>,
    any_keep: bool,
    keeps_only: bool,
}

/// Tests seen so far, so that equal ones are tried once per file.
struct Tests {
    dialect: Dialect,
    list: Vec<FileTest>,
    seen: HashMap<(BString, bool, bool), u32, FixedState>,
}

impl Tests {
    fn add(&mut self, name: Option<&Name>, exclude: bool) -> Result<u32> {
        let quoted = name.is_some_and(|n| n.quoted);
        let key = (name.map_or_else(|| BString::from("*"), |n| n.text.clone()), quoted, exclude);
        if let Some(&id) = self.seen.get(&key) {
            return Ok(id);
        }
        let test = match (exclude, name) {
            (true, Some(name)) => FileTest::exclude(name, self.dialect)?,
            _ => FileTest::pattern(name, self.dialect)?,
        };
        let id = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(test);
        self.seen.insert(key, id);
        Ok(id)
    }

    fn all(&mut self, names: &[Name]) -> Result<Vec<u32>> {
        names.iter().map(|name| self.add(Some(name), true)).collect()
    }
}

impl KeepTable {
    /// Compiles all descriptions of `script`.
    ///
    /// Errors: a glob that lld refuses, with its place.
    pub fn new(script: &Script) -> Result<KeepTable> {
        let dialect = script.dialect;
        let mut table = KeepTable {
            dialect,
            descriptions: Vec::new(),
            rows: Vec::new(),
            patterns: PatternSet::new(),
            tests: Vec::new(),
            any_keep: false,
            keeps_only: script.keeps_only,
        };
        let mut tests =
            Tests { dialect, list: Vec::new(), seen: HashMap::with_hasher(FixedState::default()) };
        for (output_number, placed) in (0u32..).zip(walk::output_sections(script)) {
            for statement in &placed.section.body {
                let StatementKind::Input(input) = &statement.kind else { continue };
                let place = |e: Error| {
                    let at = script.location(input.span);
                    e.within(format!("{}:{}:{}", at.file.display(), at.line, at.column))
                };
                let mut text = BString::from(script.text(input.inner));
                text.retain(|b| !b.is_ascii_whitespace());
                let description = Description {
                    keep: input.keep,
                    discard: placed.section.is_discard(),
                    in_overlay: placed.in_overlay,
                    output: placed.section.name.text.clone(),
                    output_span: placed.section.name.span,
                    output_number,
                    span: input.span,
                    inner: input.inner,
                    text,
                    flags: input.flags,
                    file: tests.add(input.file.as_ref(), false).map_err(place)?,
                    excludes: tests.all(&input.file_excludes).map_err(place)?,
                };
                table.add(input, description, &mut tests).map_err(place)?;
            }
        }
        table.tests = tests.list;
        Ok(table)
    }

    fn add(&mut self, input: &InputDescription, description: Description, tests: &mut Tests) -> Result<()> {
        let id = DescriptionId(u32::try_from(self.descriptions.len()).unwrap_or(u32::MAX));
        self.any_keep |= description.keep;
        self.descriptions.push(description);
        // No list means every section; so does gold's list of nothing but EXCLUDE_FILE.
        if input.sections.is_empty() && (!input.has_list || self.dialect == Dialect::Gold) {
            self.patterns.push(Pattern::every());
            self.rows.push(Row { description: id, excludes: Vec::new(), span: input.span });
        }
        for section in &input.sections {
            let text = section.name.text.as_slice();
            let pattern = match self.dialect {
                Dialect::Bfd => Pattern::bfd_section(text),
                Dialect::Gold | Dialect::Mold => Pattern::gold(text),
                // Quotes around a section pattern are dropped: its wildcards are active.
                Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => Pattern::lld(text, false)?,
            };
            let excludes = tests.all(&section.excludes)?;
            self.patterns.push(pattern);
            self.rows.push(Row { description: id, excludes, span: section.span });
        }
        Ok(())
    }

    /// All descriptions in script order.
    pub fn descriptions(&self) -> &[Description] {
        &self.descriptions
    }

    /// The description of an id.
    pub fn get(&self, id: DescriptionId) -> Option<&Description> {
        self.descriptions.get(id.0 as usize)
    }

    /// The number of a description's first pattern.
    pub fn first_row(&self, description: DescriptionId) -> u32 {
        u32::try_from(self.rows.partition_point(|r| r.description < description)).unwrap_or(u32::MAX)
    }

    /// The description that a pattern belongs to.
    pub fn description_of(&self, row: u32) -> Option<DescriptionId> {
        self.rows.get(row as usize).map(|r| r.description)
    }

    /// Whether any description stands in KEEP.
    pub fn any_keep(&self) -> bool {
        self.any_keep
    }

    /// Whether the descriptions place nothing ([`Script::keeps_only`]).
    pub fn keeps_only(&self) -> bool {
        self.keeps_only
    }

    /// The patterns that match a section name.
    pub fn matches(&self, section_name: &[u8]) -> NameMatches {
        NameMatches(self.patterns.matching(section_name))
    }

    /// Starts on a file.
    pub fn file<'a>(&self, name: FileName<'a>) -> FileState<'a> {
        FileState { name, tried: vec![None; self.tests.len()] }
    }

    fn test(&self, file: &mut FileState<'_>, id: u32) -> bool {
        let Some(slot) = file.tried.get_mut(id as usize) else { return false };
        if let Some(known) = *slot {
            return known;
        }
        let result = self.tests.get(id as usize).is_some_and(|t| t.matches(&file.name, self.dialect));
        *slot = Some(result);
        result
    }

    fn any(&self, file: &mut FileState<'_>, ids: &[u32]) -> bool {
        ids.iter().any(|&id| self.test(file, id))
    }

    /// The description whose KEEP makes a section a root, or `None`.
    ///
    /// `flags` are the section's `sh_flags`. ld: any KEEP, exclusions honoured, flags ignored.
    /// gold: only if the first description that matches at all is a KEEP. lld: any KEEP,
    /// exclusions ignored, flags honoured.
    pub fn keeps(&self, file: &mut FileState<'_>, names: &NameMatches, flags: u64) -> Option<DescriptionId> {
        for row in &names.0 {
            let row = self.rows.get(*row as usize)?;
            let description = self.get(row.description)?;
            let gold = self.dialect == Dialect::Gold;
            if (!description.keep && !gold) || !self.test(file, description.file) {
                continue;
            }
            let counts = match self.dialect {
                Dialect::Lld14 | Dialect::Lld19 | Dialect::Lld20 => passes(description.flags, flags),
                _ => !self.any(file, &description.excludes) && !self.any(file, &row.excludes),
            };
            if counts {
                // gold forgets the KEEP of what it discards.
                let kept = description.keep && !(gold && description.discard);
                return kept.then_some(row.description);
            }
        }
        None
    }

    /// The description that places a section: the first that matches, exclusions and flags
    /// honoured by ld and lld; `None` for an orphan (GS 9.3, 9.4). ONLY_IF_RO/RW is not decided here.
    pub fn places(&self, file: &mut FileState<'_>, names: &NameMatches, flags: u64) -> Option<DescriptionId> {
        if self.keeps_only {
            return None;
        }
        for row in &names.0 {
            let row = self.rows.get(*row as usize)?;
            let description = self.get(row.description)?;
            let flags_ok = self.dialect == Dialect::Gold || passes(description.flags, flags);
            if flags_ok
                && self.test(file, description.file)
                && !self.any(file, &description.excludes)
                && !self.any(file, &row.excludes)
            {
                return Some(row.description);
            }
        }
        None
    }

    /// Calls `visit` with each pattern that matches, in script order, exclusions honoured, until it
    /// breaks. Flags, and whether the output section takes part, are the caller's to ask.
    pub fn walk(
        &self,
        file: &mut FileState<'_>,
        names: &NameMatches,
        mut visit: impl FnMut(Match) -> ControlFlow<()>,
    ) {
        for &number in names.0.iter().filter(|_| !self.keeps_only) {
            let Some(row) = self.rows.get(number as usize) else { continue };
            let Some(description) = self.get(row.description) else { continue };
            if !self.test(file, description.file)
                || self.any(file, &description.excludes)
                || self.any(file, &row.excludes)
            {
                continue;
            }
            let found = Match { description: row.description, row: number, span: row.span };
            if visit(found).is_break() {
                return;
            }
        }
    }

    /// All descriptions (with the place of the matching pattern) whose file and section patterns
    /// match, in script order, exclusions honoured: for explaining and auditing.
    pub fn candidates(&self, file: &mut FileState<'_>, names: &NameMatches) -> Vec<(DescriptionId, Span)> {
        let mut out = Vec::new();
        for row in names.0.iter().filter(|_| !self.keeps_only).filter_map(|row| self.rows.get(*row as usize))
        {
            let Some(description) = self.get(row.description) else { continue };
            if self.test(file, description.file)
                && !self.any(file, &description.excludes)
                && !self.any(file, &row.excludes)
            {
                out.push((row.description, row.span));
            }
        }
        out
    }
}

/// One pattern that matches a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Its description.
    pub description: DescriptionId,
    /// Number of the pattern among all of the script, in script order.
    pub row: u32,
    /// The pattern with its SORT and EXCLUDE_FILE.
    pub span: Span,
}

/// Whether a section's flags pass INPUT_SECTION_FLAGS.
pub fn passes(filter: Option<FlagFilter>, flags: u64) -> bool {
    filter.is_none_or(|f| flags & f.with == f.with && flags & f.without == 0)
}

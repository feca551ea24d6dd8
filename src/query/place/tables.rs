//! The scripts of a link as one list of statements, in the order in which the linker tries them.
//!
//! In: the program's scripts, and for GNU ld its built-in one. Out: [`Tables`]: statements, output
//! sections, which of them take part, and the search for the first (or every) match of a section.

use std::ops::ControlFlow;

use bstr::{BStr, BString, ByteSlice};
use fixedbitset::FixedBitSet;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::{Analysis, bfd, is_placed, lld, section_flags};
use crate::ids::{FileId, Id, SectionId, Table};
use crate::load::elf::consts::SHF_WRITE;
use crate::plan::{Flavor, OutputKind};
use crate::program::Program;
use crate::script::keep::{DescriptionId, FileState, KeepTable, NameMatches, passes};
use crate::script::{CommandKind, Constraint, Script, Span, walk};

/// Number of a statement in [`super::Placement::statements`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementId(pub u32);

impl Id for StatementId {
    fn from_usize(index: usize) -> Self {
        StatementId(u32::try_from(index).unwrap_or(u32::MAX))
    }
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Whose script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptOf {
    /// A script of the plan, by its number in `Program::scripts`.
    Plan(u32),
    /// GNU ld's built-in one.
    BuiltIn,
}

/// A script that places sections.
#[derive(Debug, Clone)]
pub struct PlacingScript {
    /// Which.
    pub of: ScriptOf,
    /// The number of its first statement.
    pub first_statement: u32,
    /// The number of its first output section.
    pub first_output: u32,
    built_in: Option<Script>,
}

impl PlacingScript {
    /// The script's text and tree.
    pub fn script<'a>(&'a self, program: &'a Program<'_>) -> Option<&'a Script> {
        match self.of {
            ScriptOf::BuiltIn => self.built_in.as_ref(),
            ScriptOf::Plan(number) => program.scripts.get(number as usize).map(|s| &s.script),
        }
    }
}

/// An input section description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The script, by its number in [`super::Placement::scripts`].
    pub script: u32,
    /// Its number in that script: what a root's KEEP names.
    pub description: u32,
    /// The file it is written in.
    pub file: BString,
    /// Line, from 1.
    pub line: u32,
    /// Byte column, from 1.
    pub column: u32,
    /// The description without KEEP( ), white space removed: `*(.text.*)`.
    pub text: BString,
    /// The output section's name.
    pub output: BString,
    /// The output section, by its number in [`super::Placement::outputs`].
    pub output_number: u32,
    /// It stands in KEEP.
    pub keep: bool,
    /// Its output section is `/DISCARD/`.
    pub discard: bool,
    /// The whole statement in its script's sources.
    pub span: Span,
}

/// An output section of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputStatement {
    /// The script, by its number in [`super::Placement::scripts`].
    pub script: u32,
    /// Its number in that script ([`walk::output_sections`]).
    pub number: u32,
    /// Its name.
    pub name: BString,
    /// The file it is written in.
    pub file: BString,
    /// Line, from 1.
    pub line: u32,
    /// Byte column, from 1.
    pub column: u32,
    /// ONLY_IF_RO, ONLY_IF_RW.
    pub constraint: Option<Constraint>,
    /// It is `/DISCARD/`.
    pub discard: bool,
    /// It is part of an OVERLAY.
    pub in_overlay: bool,
    /// It does not take part: its constraint does not hold, or OVERWRITE_SECTIONS replaces it.
    pub skipped: bool,
    /// It stands in OVERWRITE_SECTIONS.
    pub overwrites: bool,
}

/// A file while its sections are asked about, for each script.
pub(super) type FileStates<'a> = Vec<FileState<'a>>;

/// All of it, ready for queries.
pub(super) struct Tables {
    flavor: Flavor,
    pub(super) scripts: Vec<PlacingScript>,
    pub(super) statements: Table<StatementId, Statement>,
    pub(super) outputs: Vec<OutputStatement>,
    pub(super) own_script: bool,
    by_rule: bool,
    keeps: Vec<KeepTable>,
    skipped: FixedBitSet,
    overwriting: FixedBitSet,
    /// Sections of these names are never placed by statements (bfd `--unique=PATTERN`).
    unique: Vec<crate::script::glob::Pattern>,
}

impl Tables {
    pub(super) fn new(analysis: &Analysis<'_>) -> Tables {
        let program = &analysis.program;
        let flavor = program.plan.profile.flavor;
        let mut tables = Tables {
            flavor,
            scripts: Vec::new(),
            statements: Table::new(),
            outputs: Vec::new(),
            own_script: false,
            by_rule: false,
            keeps: Vec::new(),
            skipped: FixedBitSet::new(),
            overwriting: FixedBitSet::new(),
            unique: Vec::new(),
        };
        let numbered = || (0u32..).zip(program.scripts);
        let of_plan = |(number, _)| (ScriptOf::Plan(number), None);
        let mut list: Vec<(ScriptOf, Option<Script>)> = Vec::new();
        if flavor == Flavor::Bfd {
            // ld appends the output sections of scripts among the inputs (`open_input_bfds`).
            list.extend(numbered().filter(|(_, s)| !s.as_input).map(of_plan));
            list.extend(bfd::built_in(program).map(|script| (ScriptOf::BuiltIn, Some(script))));
            list.extend(numbered().filter(|(_, s)| s.as_input).map(of_plan));
            tables.unique = bfd::unique_patterns(program);
        } else if program.scripts.iter().any(|s| !walk::output_sections(&s.script).is_empty()) {
            list.extend(numbered().map(of_plan));
        }
        tables.by_rule = flavor != Flavor::Bfd && !program.scripts.iter().any(|s| has_sections(&s.script));
        for (of, built_in) in list {
            tables.add(program, of, built_in);
        }
        tables.skipped = FixedBitSet::with_capacity(tables.outputs.len());
        tables.overwriting = FixedBitSet::with_capacity(tables.outputs.len());
        tables.decide_overwrites();
        tables
    }

    fn add(&mut self, program: &Program<'_>, of: ScriptOf, built_in: Option<Script>) {
        let number = u32::try_from(self.scripts.len()).unwrap_or(u32::MAX);
        let placing = PlacingScript {
            of,
            first_statement: u32::try_from(self.statements.len()).unwrap_or(u32::MAX),
            first_output: u32::try_from(self.outputs.len()).unwrap_or(u32::MAX),
            built_in,
        };
        let Some(script) = placing.script(program) else { return };
        // Patterns that do not compile were refused when the script was read.
        let Ok(keeps) = KeepTable::new(script) else { return };
        let overwrites = overwriting_spans(script);
        let place = |span: Span| {
            let at = script.location(span);
            (BString::from(at.file.as_os_str().as_encoded_bytes()), at.line, at.column)
        };
        for (index, placed) in (0u32..).zip(walk::output_sections(script)) {
            let section = placed.section;
            let (file, line, column) = place(section.name.span);
            self.outputs.push(OutputStatement {
                script: number,
                number: index,
                name: section.name.text.clone(),
                file,
                line,
                column,
                constraint: section.constraint,
                discard: section.is_discard(),
                in_overlay: placed.in_overlay,
                skipped: false,
                overwrites: overwrites.contains(&section.span),
            });
        }
        for (index, description) in (0u32..).zip(keeps.descriptions()) {
            let (file, line, column) = place(description.span);
            self.statements.push(Statement {
                script: number,
                description: index,
                file,
                line,
                column,
                text: description.text.clone(),
                output: description.output.clone(),
                output_number: placing.first_output + description.output_number,
                keep: description.keep,
                discard: description.discard,
                span: description.span,
            });
        }
        self.own_script |= of != ScriptOf::BuiltIn && has_sections(script);
        self.scripts.push(placing);
        self.keeps.push(keeps);
    }

    /// Whether the linker places by rule alone.
    pub(super) fn is_empty(&self) -> bool {
        self.by_rule
    }

    /// lld: an output section of OVERWRITE_SECTIONS is matched first and replaces its namesakes.
    fn decide_overwrites(&mut self) {
        let names: Vec<BString> =
            self.outputs.iter().filter(|o| o.overwrites).map(|o| o.name.clone()).collect();
        if names.is_empty() {
            return;
        }
        for (number, output) in self.outputs.iter_mut().enumerate() {
            if output.overwrites {
                self.overwriting.insert(number);
            } else if names.contains(&output.name) {
                output.skipped = true;
                self.skipped.insert(number);
            }
        }
    }

    /// ONLY_IF_RO and ONLY_IF_RW: in script order, by what would come to each. bfd asks about all
    /// sections that no earlier statement took, dead ones too (`check_input_sections`), lld about
    /// live ones (`matchConstraints`). gold places first and looks for the other form afterwards.
    pub(super) fn decide_constraints(&mut self, analysis: &Analysis<'_>, names: &Names) {
        let constrained: Vec<usize> = (0..self.outputs.len())
            .filter(|&n| {
                let constraint = self.outputs.get(n).and_then(|o| o.constraint);
                matches!(constraint, Some(Constraint::OnlyIfRo | Constraint::OnlyIfRw))
            })
            .collect();
        if constrained.is_empty() || self.flavor == Flavor::Gold {
            return;
        }
        let candidates = self.candidates_of(analysis, names, &constrained);
        let program = &analysis.program;
        for output in constrained {
            let mut any_writable = false;
            for &section in &candidates {
                let flags = section_flags(program, section);
                if flags & u64::from(SHF_WRITE) == 0 {
                    continue;
                }
                let (file, _) = program.locate(section);
                let mut states = self.file(program, file);
                let first = self.first(&mut states, names.matches_of(section), flags);
                let taken = first.and_then(|s| self.statements.get(s)).map(|s| s.output_number as usize);
                if taken == Some(output) {
                    any_writable = true;
                    break;
                }
            }
            let Some(statement) = self.outputs.get_mut(output) else { continue };
            let holds = match statement.constraint {
                Some(Constraint::OnlyIfRo) => !any_writable,
                _ => any_writable,
            };
            if !holds {
                statement.skipped = true;
                self.skipped.insert(output);
            }
        }
    }

    /// Sections whose name some pattern of these output sections matches, in link order.
    fn candidates_of(&self, analysis: &Analysis<'_>, names: &Names, outputs: &[usize]) -> Vec<SectionId> {
        let program = &analysis.program;
        let asked: Vec<bool> = (0..names.len()).map(|n| self.touches(&names.matches, n, outputs)).collect();
        let live_only = self.flavor == Flavor::Lld;
        let mut found = Vec::new();
        for &file in &analysis.resolution.files {
            for section in program.sections_of(file) {
                let counts = asked.get(names.of(section)).copied().unwrap_or(false)
                    && is_placed(analysis, section)
                    && (!live_only || lld::is_live(analysis, section));
                if counts {
                    found.push(section);
                }
            }
        }
        found
    }

    fn touches(&self, matches: &[Vec<NameMatches>], name: usize, outputs: &[usize]) -> bool {
        self.scripts.iter().zip(&self.keeps).zip(matches).any(|((script, keeps), of_script)| {
            let Some(rows) = of_script.get(name) else { return false };
            rows.rows().iter().filter_map(|&row| keeps.description_of(row)).any(|description| {
                let number = keeps.get(description).map_or(u32::MAX, |d| d.output_number);
                outputs.contains(&(script.first_output.saturating_add(number) as usize))
            })
        })
    }

    /// Starts on a file.
    pub(super) fn file<'a>(&self, program: &Program<'a>, file: FileId) -> FileStates<'a> {
        let name = program.pattern_name(file);
        self.keeps.iter().map(|k| k.file(name)).collect()
    }

    /// The statement that takes a section.
    pub(super) fn first(
        &self,
        states: &mut FileStates<'_>,
        matches: MatchesOf<'_>,
        flags: u64,
    ) -> Option<StatementId> {
        let mut found = None;
        self.each(states, matches, flags, true, |statement, _| {
            found = Some(statement);
            ControlFlow::Break(())
        });
        found
    }

    /// Every statement that would take a section, whether its output section takes part or not.
    pub(super) fn all(
        &self,
        states: &mut FileStates<'_>,
        matches: MatchesOf<'_>,
        flags: u64,
        mut visit: impl FnMut(StatementId, Span),
    ) {
        self.each(states, matches, flags, false, |statement, span| {
            visit(statement, span);
            ControlFlow::Continue(())
        });
    }

    /// What matches a name that no section need have.
    pub(super) fn matches_of_name(&self, name: &[u8]) -> Vec<Vec<NameMatches>> {
        self.keeps.iter().map(|k| vec![k.matches(name)]).collect()
    }

    /// The number of the first matching pattern within a statement.
    pub(super) fn pattern_index(
        &self,
        states: &mut FileStates<'_>,
        matches: MatchesOf<'_>,
        id: StatementId,
    ) -> u32 {
        let mut index = 0;
        let Some(number) = self.statements.get(id).map(|s| s.script as usize) else { return 0 };
        let found = (self.scripts.get(number), self.keeps.get(number), states.get_mut(number));
        let (Some(script), Some(keeps), Some(state)) = found else { return 0 };
        let Some(names) = matches.table.get(number).and_then(|m| m.get(matches.number)) else { return 0 };
        keeps.walk(state, names, |found| {
            if found.description.0.saturating_add(script.first_statement) != id.0 {
                return ControlFlow::Continue(());
            }
            index = found.row.saturating_sub(keeps.first_row(found.description));
            ControlFlow::Break(())
        });
        index
    }

    fn each(
        &self,
        states: &mut FileStates<'_>,
        matches: MatchesOf<'_>,
        flags: u64,
        takes_part: bool,
        mut visit: impl FnMut(StatementId, Span) -> ControlFlow<()>,
    ) {
        if self.unique.iter().any(|p| p.matches(matches.name)) {
            return;
        }
        let two_passes = !self.overwriting.is_clear();
        let passes_needed: &[bool] = if two_passes { &[true, false] } else { &[false] };
        for &overwriting in passes_needed {
            for (number, (script, keeps)) in self.scripts.iter().zip(&self.keeps).enumerate() {
                let Some(names) = matches.table.get(number).and_then(|m| m.get(matches.number)) else {
                    continue;
                };
                let Some(state) = states.get_mut(number) else { continue };
                let mut stopped = false;
                keeps.walk(state, names, |found| {
                    let Some(description) = keeps.get(found.description) else {
                        return ControlFlow::Continue(());
                    };
                    let output = script.first_output.saturating_add(description.output_number) as usize;
                    let counts = (!takes_part || !self.skipped.contains(output))
                        && (!two_passes || self.overwriting.contains(output) == overwriting)
                        && self.flags_pass(description.flags, description.discard, flags);
                    if !counts {
                        return ControlFlow::Continue(());
                    }
                    let DescriptionId(own) = found.description;
                    let flow = visit(StatementId(script.first_statement.saturating_add(own)), found.span);
                    stopped = flow.is_break();
                    flow
                });
                if stopped {
                    return;
                }
            }
        }
    }

    /// INPUT_SECTION_FLAGS: gold ignores them; ld discards before it looks at them
    /// (`lang_add_section`).
    fn flags_pass(&self, filter: Option<crate::script::FlagFilter>, discard: bool, flags: u64) -> bool {
        match self.flavor {
            Flavor::Gold | Flavor::Mold => true,
            Flavor::Bfd => discard || passes(filter, flags),
            Flavor::Lld => passes(filter, flags),
        }
    }
}

fn has_sections(script: &Script) -> bool {
    let mut commands = script.commands.iter().peekable();
    while let Some(command) = commands.next() {
        if matches!(command.kind, CommandKind::Sections(_)) {
            // lld: SECTIONS before INSERT only adds to what is there.
            let inserts = commands.peek().is_some_and(|c| matches!(c.kind, CommandKind::Insert { .. }));
            if !(inserts && script.dialect.is_lld()) {
                return true;
            }
        }
    }
    false
}

fn overwriting_spans(script: &Script) -> Vec<Span> {
    let mut spans = Vec::new();
    for command in &script.commands {
        let CommandKind::OverwriteSections(body) = &command.kind else { continue };
        spans.extend(body.iter().filter_map(|c| match &c.kind {
            CommandKind::OutputSection(section) => Some(section.span),
            _ => None,
        }));
    }
    spans
}

/// What is known of one section's name.
#[derive(Clone, Copy)]
pub(super) struct MatchesOf<'a> {
    name: &'a [u8],
    number: usize,
    table: &'a [Vec<NameMatches>],
}

impl<'a> MatchesOf<'a> {
    pub(super) fn of_one(name: &'a [u8], table: &'a [Vec<NameMatches>]) -> Self {
        MatchesOf { name, number: 0, table }
    }
}

/// Distinct section names, what matches each, and names of output sections that no script names.
pub(super) struct Names {
    number: Vec<u32>,
    names: Vec<BString>,
    /// By script, by name.
    matches: Vec<Vec<NameMatches>>,
    outputs: Vec<BString>,
    output_numbers: HashMap<BString, u32, FixedState>,
}

impl Names {
    pub(super) fn new(program: &Program<'_>, tables: &Tables) -> Names {
        let mut seen: HashMap<&[u8], u32, FixedState> = HashMap::with_hasher(FixedState::default());
        let mut names: Vec<BString> = Vec::new();
        let mut number = Vec::with_capacity(program.section_count as usize);
        for file in program.file_ids() {
            for section in program.sections_of(file) {
                let name = program.section_name(section);
                let id = *seen.entry(name).or_insert_with(|| {
                    names.push(BString::from(name));
                    u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
                });
                number.push(id);
            }
        }
        let of = |keeps: &KeepTable| names.par_iter().map(|n| keeps.matches(n)).collect();
        let matches = tables.keeps.iter().map(of).collect();
        let output_numbers = HashMap::with_hasher(FixedState::default());
        Names { number, names, matches, outputs: Vec::new(), output_numbers }
    }

    /// Number of distinct names.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    fn of(&self, section: SectionId) -> usize {
        self.number.get(section.0 as usize).map_or(usize::MAX, |&n| n as usize)
    }

    pub(super) fn matches_of(&self, section: SectionId) -> MatchesOf<'_> {
        let number = self.of(section);
        let name = self.names.get(number).map_or(&b""[..], |n| n.as_slice());
        MatchesOf { name, number, table: &self.matches }
    }

    /// The number of an output section's name.
    pub(super) fn output(&mut self, name: std::borrow::Cow<'_, [u8]>) -> u32 {
        if let Some(&known) = self.output_numbers.get(name.as_bstr()) {
            return known;
        }
        let number = u32::try_from(self.outputs.len()).unwrap_or(u32::MAX);
        self.outputs.push(BString::from(&*name));
        self.output_numbers.insert(BString::from(name.into_owned()), number);
        number
    }

    pub(super) fn output_name(&self, number: u32) -> &BStr {
        self.outputs.get(number as usize).map_or(BStr::new(b""), |n| n.as_bstr())
    }
}

/// What kind of built-in script a link uses.
pub(super) fn kind_of(program: &Program<'_>) -> crate::script::builtin_sections::Kind {
    use crate::script::builtin_sections::Kind;
    match program.plan.output_kind {
        OutputKind::Executable => Kind::Executable,
        OutputKind::Pie => Kind::Pie,
        OutputKind::Shared => Kind::Shared,
        OutputKind::Relocatable => Kind::Relocatable,
    }
}

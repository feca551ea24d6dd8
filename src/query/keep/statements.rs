//! The input section descriptions of a link's own scripts, and which of them every input section meets.
//!
//! In: the scripts and the files in the link. Out: [`Placement`]: statements with dense numbers, for each
//! section the one that places it (first match), and per statement what its patterns match at all.
//! Always true: a section without a statement is an orphan, or its link has no script.

use bstr::BString;
use hashbrown::HashMap;
use rayon::prelude::*;

use crate::ids::{FileId, SectionId, Table};
use crate::load::elf::consts::SHT_NULL;
use crate::program::{Content, Program};
use crate::query::Analysis;
use crate::resolve;
use crate::script::keep::{KeepTable, NameMatches};
use crate::script::{InputDescription, Span, StatementKind, walk};

/// "No statement" in [`Placement::placed`].
pub const NO_STATEMENT: u32 = u32::MAX;

/// Scripts with more statements than any real one are only asked which statement places a section, not
/// which others match it too.
const MOST_STATEMENTS: usize = 8192;

/// One section pattern of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPattern {
    /// The pattern without SORT and EXCLUDE_FILE.
    pub text: BString,
    /// Where the pattern with its SORT and EXCLUDE_FILE stands.
    pub span: Span,
}

/// One input section description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Number of the script in `Program::scripts`.
    pub script: u32,
    /// Number within that script.
    pub number: u32,
    /// The whole statement, KEEP( ) included.
    pub span: Span,
    /// The description without KEEP( ).
    pub inner: Span,
    /// Text of `inner` without white space: its name for users (cli.md 2).
    pub text: BString,
    /// The same with single blanks, as people write it.
    pub shown: BString,
    /// It stands in KEEP.
    pub keep: bool,
    /// It stands in `/DISCARD/`.
    pub discard: bool,
    /// It stands in an OVERLAY.
    pub in_overlay: bool,
    /// The output section's name.
    pub output: BString,
    /// The file pattern.
    pub file: BString,
    /// It (or one of its patterns) does not apply to all files that the file pattern names.
    pub excludes: bool,
    /// Section patterns.
    pub patterns: Vec<StatementPattern>,
}

impl Statement {
    /// Whether the file pattern takes every file.
    pub fn every_file(&self) -> bool {
        self.file == "*" && !self.excludes
    }
}

/// A later statement that also matches a section which an earlier one places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlsoMatched {
    /// The later statement.
    pub later: u32,
    /// Its pattern that matches.
    pub pattern: u32,
    /// The statement that places the section.
    pub first: u32,
    /// That statement's pattern.
    pub first_pattern: u32,
    /// The section.
    pub section: SectionId,
}

/// Where the scripts put everything.
#[derive(Debug, Default)]
pub struct Placement {
    /// Statements of all scripts in order.
    pub statements: Vec<Statement>,
    /// By section: number of the statement that places it, or [`NO_STATEMENT`].
    pub placed: Table<SectionId, u32>,
    /// By statement and pattern: how many input sections of the link it matches, whoever places them.
    pub matched: Vec<Vec<u32>>,
    /// Later matches, sorted.
    pub also: Vec<AlsoMatched>,
    /// All matches were looked for, not only the first.
    pub thorough: bool,
    /// The scripts are all there is: what they do not place is an orphan.
    pub complete: bool,
}

impl Placement {
    /// The statement that places a section.
    pub fn of(&self, section: SectionId) -> Option<&Statement> {
        self.statements.get(*self.placed.get(section)? as usize)
    }

    /// Whether a section goes to `/DISCARD/`.
    pub fn is_discarded(&self, section: SectionId) -> bool {
        self.of(section).is_some_and(|s| s.discard)
    }
}

/// What one file contributes.
#[derive(Default)]
struct OfFile {
    placed: Vec<(SectionId, u32)>,
    matched: Vec<(u32, u32)>,
    also: Vec<AlsoMatched>,
}

/// One script, compiled.
struct Compiled {
    table: KeepTable,
    first: u32,
}

/// Matches every section of every file in the link against all statements.
pub(super) fn placement(analysis: &Analysis<'_>) -> Placement {
    let program = &analysis.program;
    let mut out = Placement {
        placed: Table::filled(NO_STATEMENT, program.section_count as usize),
        ..Placement::default()
    };
    let mut compiled = Vec::new();
    for (number, file) in program.scripts.iter().enumerate() {
        let first = out.statements.len() as u32;
        for placed in walk::output_sections(&file.script) {
            for statement in &placed.section.body {
                let StatementKind::Input(input) = &statement.kind else { continue };
                let mut own = describe(input, number as u32, out.statements.len() as u32 - first);
                own.text = file.script.text(input.inner).into();
                own.text.retain(|b| !b.is_ascii_whitespace());
                own.shown = spaced(file.script.text(input.inner));
                own.discard = placed.section.is_discard();
                own.in_overlay = placed.in_overlay;
                own.output = placed.section.name.text.clone();
                out.statements.push(own);
            }
        }
        // Patterns that do not compile were refused when the script was read.
        if let Ok(table) = KeepTable::new(&file.script) {
            compiled.push(Compiled { table, first });
        }
    }
    out.matched = out.statements.iter().map(|s| vec![0; s.patterns.len().max(1)]).collect();
    out.complete = resolve::has_own_script(program) && !out.statements.is_empty();
    out.thorough = out.statements.len() <= MOST_STATEMENTS;
    if out.statements.is_empty() {
        return out;
    }
    let parts: Vec<OfFile> = analysis
        .resolution
        .files
        .par_chunks(64)
        .map(|files| of_files(analysis, &compiled, &out.statements, files))
        .collect();
    for part in parts {
        for (section, statement) in part.placed {
            out.placed[section] = statement;
        }
        for (statement, pattern) in part.matched {
            if let Some(n) = out.matched.get_mut(statement as usize).and_then(|m| m.get_mut(pattern as usize))
            {
                *n = n.saturating_add(1);
            }
        }
        out.also.extend(part.also);
    }
    out.also.sort_unstable();
    out
}

/// White space made single blanks.
fn spaced(text: &[u8]) -> BString {
    let mut out = BString::default();
    for word in text.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
    out
}

fn describe(input: &InputDescription, script: u32, number: u32) -> Statement {
    Statement {
        script,
        number,
        span: input.span,
        inner: input.inner,
        text: BString::default(),
        shown: BString::default(),
        keep: input.keep,
        discard: false,
        in_overlay: false,
        output: BString::default(),
        file: input.file.as_ref().map_or_else(|| BString::from("*"), |n| n.text.clone()),
        excludes: !input.file_excludes.is_empty() || input.sections.iter().any(|s| !s.excludes.is_empty()),
        patterns: input
            .sections
            .iter()
            .map(|s| StatementPattern { text: s.name.text.clone(), span: s.span })
            .collect(),
    }
}

fn of_files(
    analysis: &Analysis<'_>,
    compiled: &[Compiled],
    statements: &[Statement],
    files: &[FileId],
) -> OfFile {
    let program = &analysis.program;
    let mut out = OfFile::default();
    let thorough = statements.len() <= MOST_STATEMENTS;
    let mut by_name: Vec<HashMap<&[u8], NameMatches, foldhash::fast::FixedState>> =
        compiled.iter().map(|_| HashMap::default()).collect();
    for &file in files {
        let mut states: Vec<_> = compiled.iter().map(|c| c.table.file(program.pattern_name(file))).collect();
        for section in program.sections_of(file).skip(1) {
            let Some((name, flags)) = named(program, file, section) else { continue };
            if analysis.resolution.is_lost(section) {
                continue;
            }
            let mut first: Option<(u32, u32)> = None;
            for ((script, state), known) in compiled.iter().zip(&mut states).zip(&mut by_name) {
                let matches = known.entry(name).or_insert_with(|| script.table.matches(name));
                if matches.is_empty() {
                    continue;
                }
                let places = script.table.places(state, matches, flags).map(|d| d.0 + script.first);
                if !thorough {
                    first = first.or(places.map(|p| (p, 0)));
                    out.matched.extend(places.map(|p| (p, 0)));
                    continue;
                }
                for (description, span) in script.table.candidates(state, matches) {
                    let statement = description.0 + script.first;
                    let pattern = pattern_at(statements, statement, span);
                    out.matched.push((statement, pattern));
                    match first {
                        None if places == Some(statement) => first = Some((statement, pattern)),
                        Some((placing, own)) if placing != statement => out.also.push(AlsoMatched {
                            later: statement,
                            pattern,
                            first: placing,
                            first_pattern: own,
                            section,
                        }),
                        _ => {}
                    }
                }
            }
            if let Some((statement, _)) = first {
                out.placed.push((section, statement));
            }
        }
    }
    out
}

/// Name and flags of a section that patterns can match.
fn named<'d>(program: &Program<'d>, file: FileId, section: SectionId) -> Option<(&'d [u8], u64)> {
    let f = &program.files[file];
    match &f.content {
        Content::Object(object) => {
            let index = section.0 - f.section_base;
            let row = object.sections.get(index as usize).filter(|r| r.kind != SHT_NULL)?;
            Some((object.section_name(index), u64::from(row.flags)))
        }
        Content::Binary(_) => Some((b".data", 3)),
        _ => None,
    }
}

/// The number of the pattern that stands at a place; 0 for descriptions without a list.
fn pattern_at(statements: &[Statement], statement: u32, span: Span) -> u32 {
    let patterns = statements.get(statement as usize).map_or(&[][..], |s| s.patterns.as_slice());
    patterns.iter().position(|p| p.span == span).unwrap_or(0) as u32
}

//! Where every input section goes: the statement of a script that places it, the linker's own rule
//! where no script says, or nowhere (GS 9.3, 9.4).
//!
//! In: an analysis. Out: [`Placement`]: one [`Spot`] per section, live or dead (a dead one: where it
//! would go), and on demand everything else that would match it. Always true: a section of a file
//! that is not in the link, a table of the object format and a losing COMDAT copy have no spot.

mod bfd;
mod gold;
pub mod layout;
mod lld;
mod mold;
mod options;
mod regions;
mod tables;

use bstr::{BStr, ByteSlice};
use rayon::prelude::*;

use super::Analysis;
use crate::graph::Class;
use crate::ids::{FileId, Id, SectionId, Table};
use crate::load::elf::consts::SHF_WRITE;
use crate::plan::Flavor;
use crate::program::{Content, Program};
use crate::script::Span;
pub use regions::{NO_REGION, RegionsOfSections, regions_of_sections};
use tables::{FileStates, Names, Tables};
pub use tables::{OutputStatement, PlacingScript, ScriptOf, Statement, StatementId};

/// Where a section goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spot {
    /// It is not placed at all.
    #[default]
    Nowhere,
    /// This input section description takes it (`/DISCARD/` is one too).
    Statement(StatementId),
    /// There is a script with SECTIONS and none of its statements takes it: it goes to the output
    /// section of this name ([`Placement::name`]), made for it if there is none (LSW007).
    Orphan(u32),
    /// No script: the linker's own rule puts it into the output section of this name.
    Rule(u32),
}

/// One statement that would match a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The statement.
    pub statement: StatementId,
    /// The matching pattern, in the source of the statement's script.
    pub pattern: Span,
    /// It is the one that places the section.
    pub places: bool,
}

/// The answer.
pub struct Placement {
    /// One spot per input section.
    pub spots: Table<SectionId, Spot>,
    tables: Tables,
    names: Names,
}

/// Places all sections.
pub fn place(analysis: &Analysis<'_>) -> Placement {
    let program = &analysis.program;
    let mut tables = Tables::new(analysis);
    let mut names = Names::new(program, &tables);
    tables.decide_constraints(analysis, &names);
    let per_file: Vec<Vec<Spot>> = program
        .files
        .as_slice()
        .par_iter()
        .enumerate()
        .with_min_len(16)
        .map(|(number, _)| spots_of(analysis, &tables, &names, FileId::from_usize(number)))
        .collect();
    let mut spots = Table::from_vec(per_file.into_iter().flatten().collect());
    name_the_rest(analysis, &mut names, &mut spots, tables.is_empty());
    Placement { spots, tables, names }
}

fn spots_of(analysis: &Analysis<'_>, tables: &Tables, names: &Names, file: FileId) -> Vec<Spot> {
    let program = &analysis.program;
    let mut spots = Vec::with_capacity(program.files[file].section_count() as usize);
    let in_link = analysis.resolution.is_in_link(file) && !program.files[file].mode.just_symbols;
    let mut states = None;
    for section in program.sections_of(file) {
        if !in_link || !is_placed(analysis, section) {
            spots.push(Spot::Nowhere);
            continue;
        }
        let states = states.get_or_insert_with(|| tables.file(program, file));
        let flags = section_flags(program, section);
        let found = tables.first(states, names.matches_of(section), flags);
        spots.push(match found {
            Some(statement) => Spot::Statement(statement),
            None => Spot::Orphan(0),
        });
    }
    spots
}

/// Fills in the output names of sections that no statement takes.
fn name_the_rest(
    analysis: &Analysis<'_>,
    names: &mut Names,
    spots: &mut Table<SectionId, Spot>,
    no_script: bool,
) {
    let program = &analysis.program;
    let flavor = program.plan.profile.flavor;
    for file in program.file_ids() {
        for section in program.sections_of(file) {
            if spots[section] != Spot::Orphan(0) {
                continue;
            }
            let own = program.section_name(section);
            let output = match flavor {
                Flavor::Bfd => bfd::output_name(own),
                Flavor::Gold => gold::output_name(program, file, own, !no_script),
                Flavor::Lld => lld::output_name(program, own, !no_script),
                Flavor::Mold => mold::output_name(program, section_flags(program, section), own),
            };
            let number = names.output(output);
            spots[section] = if no_script { Spot::Rule(number) } else { Spot::Orphan(number) };
        }
    }
}

/// Whether a section is one that the linker gives a place.
fn is_placed(analysis: &Analysis<'_>, section: SectionId) -> bool {
    let program = &analysis.program;
    if analysis.resolution.is_lost(section) {
        return false;
    }
    let class = analysis.graph.class[section];
    if !matches!(class, Class::Node | Class::Kept | Class::Pieces) {
        return false;
    }
    program.plan.profile.flavor != Flavor::Bfd || bfd::is_placed(program, section)
}

/// `sh_flags` of a section, low 32 bits; data files have writable data.
fn section_flags(program: &Program<'_>, section: SectionId) -> u64 {
    let (file, index) = program.locate(section);
    match &program.files[file].content {
        Content::Object(object) => object.sections.get(index as usize).map_or(0, |r| u64::from(r.flags)),
        _ => u64::from(SHF_WRITE | crate::load::elf::consts::SHF_ALLOC),
    }
}

impl Placement {
    /// Scripts that place sections, in the order in which their statements count, GNU ld's
    /// built-in one included.
    pub fn scripts(&self) -> &[PlacingScript] {
        &self.tables.scripts
    }

    /// All input section descriptions, in the order in which they are tried.
    pub fn statements(&self) -> &Table<StatementId, Statement> {
        &self.tables.statements
    }

    /// The statement that a root's KEEP names: script number in the program, number in the script.
    pub fn statement_of_keep(&self, script: u32, description: u32) -> Option<StatementId> {
        let placing = self.scripts().iter().find(|s| s.of == ScriptOf::Plan(script))?;
        Some(StatementId(placing.first_statement.checked_add(description)?))
    }

    /// All output sections of the scripts, in script order.
    pub fn outputs(&self) -> &[OutputStatement] {
        &self.tables.outputs
    }

    /// Whether a script of the user, not only the built-in one, has SECTIONS.
    pub fn own_script(&self) -> bool {
        self.tables.own_script
    }

    /// The spot of a section.
    pub fn spot(&self, section: SectionId) -> Spot {
        self.spots.get(section).copied().unwrap_or_default()
    }

    /// The statement that places a section.
    pub fn statement_of(&self, section: SectionId) -> Option<(StatementId, &Statement)> {
        match self.spot(section) {
            Spot::Statement(id) => Some((id, self.statements().get(id)?)),
            _ => None,
        }
    }

    /// The output section's name; `None` if the section is placed nowhere or discarded.
    pub fn output_of(&self, section: SectionId) -> Option<&BStr> {
        match self.spot(section) {
            Spot::Nowhere => None,
            Spot::Statement(id) => {
                let statement = self.statements().get(id)?;
                (!statement.discard).then(|| statement.output.as_bstr())
            }
            Spot::Orphan(name) | Spot::Rule(name) => Some(self.name(name)),
        }
    }

    /// Whether `/DISCARD/` takes a section.
    pub fn is_discarded(&self, section: SectionId) -> bool {
        self.statement_of(section).is_some_and(|(_, s)| s.discard)
    }

    /// The name of an output section that no script names.
    pub fn name(&self, number: u32) -> &BStr {
        self.names.output_name(number)
    }

    /// Every statement that would match a section, in the order in which they are tried, exclusions
    /// and flags honoured: the first is the one that places it unless its output section does not
    /// take part (ONLY_IF_RO, ONLY_IF_RW).
    pub fn candidates(&self, program: &Program<'_>, section: SectionId) -> Vec<Candidate> {
        let mut found = Vec::new();
        if self.spot(section) == Spot::Nowhere {
            return found;
        }
        let (file, _) = program.locate(section);
        let mut states: FileStates<'_> = self.tables.file(program, file);
        let placed = match self.spot(section) {
            Spot::Statement(id) => Some(id),
            _ => None,
        };
        let flags = section_flags(program, section);
        self.tables.all(&mut states, self.names.matches_of(section), flags, |statement, pattern| {
            found.push(Candidate { statement, pattern, places: placed == Some(statement) });
        });
        found.dedup_by_key(|c| c.statement);
        found
    }

    /// The statement that takes something of this name in a file (commons: `COMMON`).
    pub(crate) fn place_named(
        &self,
        program: &Program<'_>,
        file: FileId,
        name: &[u8],
        flags: u64,
    ) -> Option<StatementId> {
        let table = self.tables.matches_of_name(name);
        let mut states = self.tables.file(program, file);
        self.tables.first(&mut states, tables::MatchesOf::of_one(name, &table), flags)
    }

    /// Which pattern of the statement that places a section matches it, from 0.
    pub(crate) fn pattern_index(&self, program: &Program<'_>, section: SectionId, id: StatementId) -> u32 {
        let (file, _) = program.locate(section);
        let mut states = self.tables.file(program, file);
        self.tables.pattern_index(&mut states, self.names.matches_of(section), id)
    }

    /// Live or dead sections that no statement of the user's script places.
    pub fn orphans(&self) -> impl Iterator<Item = (SectionId, &BStr)> {
        self.spots.enumerate().filter_map(|(section, spot)| match spot {
            Spot::Orphan(name) if self.own_script() => Some((section, self.name(*name))),
            _ => None,
        })
    }

    /// The output section statement that a statement belongs to.
    pub fn output_statement(&self, id: StatementId) -> Option<&OutputStatement> {
        self.outputs().get(self.statements().get(id)?.output_number as usize)
    }

    /// The name that a section's own name is remembered by, for the number of distinct names.
    pub fn distinct_names(&self) -> usize {
        self.names.len()
    }
}

/// A name made for an output section.
pub(super) type OutputName<'a> = std::borrow::Cow<'a, [u8]>;

fn kept_name(name: &[u8]) -> OutputName<'_> {
    OutputName::Borrowed(name)
}

impl std::fmt::Debug for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Placement").field("statements", &self.statements().len()).finish_non_exhaustive()
    }
}

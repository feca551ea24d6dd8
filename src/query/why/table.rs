//! Table-like sections: those whose bounds some code walks, by `__start_X`/`__stop_X` or by names that
//! a script assigns around them.
//!
//! In: a section name. Out: [`TableBounds`] with the uses of its bounds, and the script statement
//! that places the section. Script patterns are matched by section name alone here.

use super::pattern::Pattern;
use super::referrers::{mentions, use_of_symbol};
use super::uses::RelocUse;
use crate::ids::NameId;
use crate::query::Analysis;
use crate::resolve::DefKind;
use crate::script::{Command, CommandKind, OutputSection, Script, Span, StatementKind};

/// A statement of a script of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptPlace {
    /// Number of the script in `Program::scripts`.
    pub script: u32,
    /// The statement.
    pub span: Span,
    /// It stands in KEEP.
    pub keep: bool,
    /// It stands in `/DISCARD/`.
    pub discard: bool,
    /// It names this section and nothing else.
    pub alone: bool,
}

/// The bounds of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableBounds {
    /// The names of its bounds that the link mentions.
    pub names: Vec<NameId>,
    /// One use per file in the link: the relocation, and whether the section that holds it lives.
    pub uses: Vec<(RelocUse, bool)>,
    /// The bounds are assigned by a script, so the linker's own start/stop rule does not apply.
    pub assigned: bool,
    /// The bounds are defined by an object.
    pub object: bool,
}

impl TableBounds {
    /// Whether live code walks the table.
    pub fn is_walked(&self) -> bool {
        self.uses.iter().any(|(_, live)| *live)
    }
}

/// All input section descriptions of a script in order, with their output sections.
pub(super) fn output_sections(script: &Script) -> Vec<&OutputSection> {
    let mut out = Vec::new();
    // Depth is limited by the parser; the stack here is explicit all the same.
    let mut stack: Vec<std::slice::Iter<'_, Command>> = vec![script.commands.iter()];
    while let Some(commands) = stack.last_mut() {
        let Some(command) = commands.next() else {
            stack.pop();
            continue;
        };
        match &command.kind {
            CommandKind::OutputSection(section) => out.push(&**section),
            CommandKind::Overlay(overlay) => out.extend(&overlay.sections),
            CommandKind::Sections(body)
            | CommandKind::SectionGroup(_, body)
            | CommandKind::OverwriteSections(body) => stack.push(body.iter()),
            _ => {}
        }
    }
    out
}

/// The first statement of the link's scripts whose section pattern matches, and the names that are
/// assigned right before and right behind it.
pub(super) fn placed_by<'a>(analysis: &Analysis<'a>, section: &[u8]) -> Option<(ScriptPlace, Vec<&'a [u8]>)> {
    for (number, file) in analysis.program.scripts.iter().enumerate() {
        for output in output_sections(&file.script) {
            for (at, statement) in output.body.iter().enumerate() {
                let StatementKind::Input(input) = &statement.kind else { continue };
                let matches =
                    |p: &crate::script::SectionPattern| Pattern::new(&p.name.text, false).matches(section);
                if !input.sections.iter().any(matches) {
                    continue;
                }
                let place = ScriptPlace {
                    script: number as u32,
                    span: input.span,
                    keep: input.keep,
                    discard: output.is_discard(),
                    alone: input.sections.len() == 1 && input.sections.iter().all(|p| p.name.text == section),
                };
                let name = |s: &'a crate::script::Statement| match &s.kind {
                    StatementKind::Assignment(a) => Some(a.name.text.as_slice()),
                    _ => None,
                };
                let before = output.body[..at].iter().rev().map_while(name).find(|n| *n != b".");
                let behind = output.body[at + 1..].iter().map_while(name).find(|n| *n != b".");
                return Some((place, before.into_iter().chain(behind).collect()));
            }
        }
    }
    None
}

/// The bounds of a section name, if anything mentions them.
pub(super) fn bounds(analysis: &Analysis<'_>, section: &[u8], around: &[&[u8]]) -> Option<TableBounds> {
    let program = &analysis.program;
    let own = [[b"__start_".as_slice(), section].concat(), [b"__stop_".as_slice(), section].concat()];
    let mut names: Vec<NameId> = own.iter().filter_map(|n| program.names.find(n)).collect();
    let around_it = around.iter().filter_map(|n| program.names.find(n));
    for name in around_it {
        // A script may write the linker's own names around the statement.
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut table = TableBounds::default();
    for (name, uses) in names.iter().zip(mentions(analysis, &names)) {
        let kind = analysis.resolution.definitions[*name].kind;
        table.assigned |= kind == DefKind::Assigned || around.contains(&program.name(*name));
        table.object |= matches!(kind, DefKind::Strong | DefKind::Weak);
        for found in uses {
            if !found.undefined || !analysis.resolution.is_in_link(found.file) {
                continue;
            }
            if let Some(found) = use_of_symbol(analysis, found.file, found.symbol)
                && !table.uses.iter().any(|(u, _)| u.section == found.0.section)
            {
                table.uses.push(found);
            }
        }
    }
    table.uses.sort_by_key(|(u, live)| (!*live, u.section, u.offset));
    table.names = names;
    (!table.uses.is_empty()).then_some(table)
}

/// The place of a script's input section description by its number in script order.
pub fn description_span(script: &Script, number: u32) -> Option<Span> {
    let statements = output_sections(script).into_iter().flat_map(|o| &o.body);
    let inputs = statements.filter_map(|s| match &s.kind {
        StatementKind::Input(input) => Some(input.span),
        _ => None,
    });
    inputs.into_iter().nth(number as usize)
}

//! What scripts and `--defsym` do to lld's symbols (GS 4.2, 4.3): ENTRY, EXTERN, names in
//! expressions, assignments.
//!
//! In: the link's scripts and `--defsym`s in order. Out: [`ScriptSymbols`], plain lists. Sources:
//! lld `ScriptParser::readPrimary`, `LinkerScript::addScriptReferencedSymbolsToSymTable`,
//! `shouldDefineSym`, `declareSymbols`.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::Reader;
use super::symbols::{Era, INTERNAL, Kind, flag};
use crate::ids::NameId;
use crate::load::elf::consts::*;
use crate::program::{LinkItem, Program};
use crate::resolve::merge_visibility;
use crate::script::walk::{self, StepKind};
use crate::script::{AssignKind, Command, CommandKind, Script};

/// A symbol that a script or `--defsym` assigns.
#[derive(Debug, Clone, Copy)]
struct Assigned {
    name: NameId,
    kind: AssignKind,
}

/// What all scripts say, in order.
#[derive(Debug, Default)]
pub(super) struct ScriptSymbols {
    /// EXTERN names.
    pub(super) externs: Vec<NameId>,
    /// Some script has a SECTIONS command without INSERT.
    pub(super) has_sections: bool,
    /// Names in expressions that count in any case.
    references: Vec<NameId>,
    /// Provided names with the names on their right sides.
    provides: Vec<(NameId, Vec<NameId>)>,
    /// By provided name: its place in `provides`.
    provided: BTreeMap<NameId, usize>,
    assigned: Vec<Assigned>,
}

/// Scripts and `--defsym`s in the order in which lld reads them.
fn ordered<'d>(program: &Program<'d>) -> impl Iterator<Item = LinkItem> + use<'d> {
    let mut seen = vec![false; program.scripts.len()];
    let mut out = Vec::new();
    for &item in &program.items {
        match item {
            LinkItem::Script(number) => {
                if let Some(slot) = seen.get_mut(number) {
                    *slot = true;
                }
                out.push(item);
            }
            LinkItem::Defsym(_) => out.push(item),
            _ => {}
        }
    }
    // The script that stands for the built-in one has no place of its own.
    out.extend((0..seen.len()).filter(|&n| !seen[n]).map(LinkItem::Script));
    out.into_iter()
}

/// The first ENTRY of the link's scripts.
pub(super) fn entry<'d>(program: &Program<'d>) -> Option<&'d [u8]> {
    ordered(program).find_map(|item| {
        let LinkItem::Script(number) = item else { return None };
        let script = &program.scripts.get(number)?.script;
        walk::steps(script).into_iter().find_map(|step| match step.kind {
            StepKind::Entry(name) => Some(name.text.as_slice()),
            _ => None,
        })
    })
}

/// Collects.
pub(super) fn collect(program: &Program<'_>, era: Era) -> ScriptSymbols {
    let mut out = ScriptSymbols::default();
    for item in ordered(program) {
        match item {
            LinkItem::Script(number) => {
                if let Some(file) = program.scripts.get(number) {
                    out.add_script(program, &file.script, era);
                }
            }
            LinkItem::Defsym(number) => {
                if let Some(expression) = program.controls.defsyms.get(number) {
                    let names = expression.symbols_referenced();
                    out.references.extend(names.filter_map(|name| program.names.find(name)));
                }
                let name = program.plan.defsyms.get(number).and_then(|d| program.names.find(&d.name));
                out.assigned.extend(name.map(|name| Assigned { name, kind: AssignKind::Plain }));
            }
            _ => {}
        }
    }
    out
}

impl ScriptSymbols {
    fn add_script(&mut self, program: &Program<'_>, script: &Script, era: Era) {
        self.has_sections |= has_sections(&script.commands);
        for reference in walk::references(script) {
            let Some(symbol) = program.names.find(reference.symbol) else { continue };
            let provided = reference.provided.filter(|_| era == Era::Fifteen);
            let Some(provided) = provided.and_then(|name| program.names.find(name)) else {
                self.references.push(symbol);
                continue;
            };
            let place = *self.provided.entry(provided).or_insert(self.provides.len());
            match self.provides.get_mut(place) {
                Some((_, symbols)) => symbols.push(symbol),
                None => self.provides.push((provided, vec![symbol])),
            }
        }
        for step in walk::steps(script) {
            match step.kind {
                StepKind::Assign(a) if a.name.text != "." => {
                    // An output section that may not come to be declares nothing yet.
                    if step.inside.is_some_and(|section| section.constraint.is_some()) {
                        continue;
                    }
                    if let Some(name) = program.names.find(&a.name.text) {
                        self.assigned.push(Assigned { name, kind: a.kind });
                    }
                }
                StepKind::Extern(name) => self.externs.extend(program.names.find(&name.text)),
                _ => {}
            }
        }
    }

    /// lld 14: names in expressions are referenced as soon as all files are read.
    pub(super) fn reference_all(&self, reader: &mut Reader<'_, '_>) -> Vec<NameId> {
        for &name in &self.references {
            reader.demand(name, STB_GLOBAL, false);
        }
        self.references.clone()
    }

    /// lld 15+: the same, and the right sides of PROVIDEs that take effect, transitively. Returns
    /// all names that count.
    pub(super) fn reference_needed(&self, reader: &mut Reader<'_, '_>) -> Vec<NameId> {
        let mut out = self.references.clone();
        for &name in &self.references {
            reader.demand(name, STB_GLOBAL, true);
        }
        let mut added = BTreeSet::new();
        let mut stack = Vec::new();
        for (number, (name, _)) in self.provides.iter().enumerate() {
            if is_needed(reader, *name) && added.insert(*name) {
                stack.push(number);
            }
        }
        while let Some((_, symbols)) = stack.pop().and_then(|number| self.provides.get(number)) {
            for &symbol in symbols {
                reader.demand(symbol, STB_GLOBAL, true);
                out.push(symbol);
                let Some(&own) = self.provided.get(&symbol) else { continue };
                if is_needed(reader, symbol) && added.insert(symbol) {
                    stack.push(own);
                }
            }
        }
        out
    }

    /// `declareSymbols`: assigned names are defined by the linker from here on.
    pub(super) fn declare(&self, reader: &mut Reader<'_, '_>) {
        for assigned in &self.assigned {
            let name = reader.canonical(assigned.name);
            let row = reader.symbols.row(name);
            if assigned.kind.is_provide() {
                let defined =
                    row.kind == Kind::Defined || (row.kind == Kind::Common && reader.era == Era::Fifteen);
                if !row.has(flag::INSERTED) || defined {
                    continue;
                }
            }
            let hidden = matches!(assigned.kind, AssignKind::Hidden | AssignKind::ProvideHidden);
            let row = reader.symbols.row_mut(name);
            row.visibility = merge_visibility(row.visibility, if hidden { STV_HIDDEN } else { STV_DEFAULT });
            row.flags |= flag::INSERTED;
            row.kind = Kind::Defined;
            (row.file, row.symbol, row.bind) = (INTERNAL, 0, STB_GLOBAL);
        }
    }
}

/// `shouldAddProvideSym`: mentioned and not defined.
fn is_needed(reader: &Reader<'_, '_>, name: NameId) -> bool {
    let row = reader.symbols.row(reader.canonical(name));
    row.has(flag::INSERTED) && !matches!(row.kind, Kind::Defined | Kind::Common)
}

/// A SECTIONS command that is not followed by INSERT.
fn has_sections(commands: &[Command]) -> bool {
    commands.iter().enumerate().any(|(number, command)| {
        matches!(command.kind, CommandKind::Sections(_))
            && !commands.get(number + 1).is_some_and(|next| matches!(next.kind, CommandKind::Insert { .. }))
    })
}

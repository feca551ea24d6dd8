//! Walking a script in order: its output sections, its expressions, its symbol steps.
//!
//! In: a [`Script`]. Out: flat lists in the order the linker sees the statements.

use bstr::{BStr, ByteSlice};

use super::ast::{
    Assert, AssignKind, Assignment, Command, CommandKind, Dialect, Name, OutputSection, Script, Span,
    StatementKind,
};
use super::expr::Expr;

/// An output section where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The section.
    pub section: &'a OutputSection,
    /// It is part of an OVERLAY.
    pub in_overlay: bool,
}

/// All output sections in script order, those of overlays and OVERWRITE_SECTIONS included.
pub fn output_sections(script: &Script) -> Vec<Placed<'_>> {
    let mut out = Vec::new();
    each(&script.commands, &mut |command| match &command.kind {
        CommandKind::OutputSection(section) => out.push(Placed { section, in_overlay: false }),
        CommandKind::Overlay(overlay) => {
            out.extend(overlay.sections.iter().map(|section| Placed { section, in_overlay: true }));
        }
        _ => {}
    });
    out
}

/// Calls `visit` for every command, those in SECTIONS included. Depth is limited by the parser.
fn each<'a>(commands: &'a [Command], visit: &mut dyn FnMut(&'a Command)) {
    for command in commands {
        visit(command);
        match &command.kind {
            CommandKind::Sections(body)
            | CommandKind::SectionGroup(_, body)
            | CommandKind::OverwriteSections(body) => {
                each(body, visit);
            }
            _ => {}
        }
    }
}

/// One thing a script does with symbols.
#[derive(Debug, Clone, Copy)]
pub enum StepKind<'a> {
    /// An assignment; its name may be `.`.
    Assign(&'a Assignment),
    /// An ASSERT.
    Assert(&'a Assert),
    /// BYTE .. QUAD: size in bytes, value.
    Data(u8, &'a Expr),
    /// An input section description, for `.`'s sake.
    Input,
    /// ENTRY(symbol).
    Entry(&'a Name),
    /// EXTERN(symbol).
    Extern(&'a Name),
    /// The output section begins (its header's expressions stand in the section).
    Enter,
    /// The output section ends.
    Leave,
}

/// A step and where it happens.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What happens.
    pub kind: StepKind<'a>,
    /// The output section it stands in; `None` outside of all (also inside SECTIONS between them).
    pub inside: Option<&'a OutputSection>,
    /// The statement's place.
    pub span: Span,
}

/// Assignments, ASSERTs, data, ENTRY and EXTERN in script order.
pub fn steps(script: &Script) -> Vec<Step<'_>> {
    let mut out = Vec::new();
    each(&script.commands, &mut |command| {
        let span = command.span;
        let mut outside = |kind| out.push(Step { kind, inside: None, span });
        match &command.kind {
            CommandKind::Assignment(a) => outside(StepKind::Assign(a)),
            CommandKind::Assert(a) => outside(StepKind::Assert(a)),
            CommandKind::Entry(name) => outside(StepKind::Entry(name)),
            CommandKind::Extern(names) => names.iter().for_each(|name| outside(StepKind::Extern(name))),
            CommandKind::OutputSection(section) => section_steps(section, &mut out),
            CommandKind::Overlay(overlay) => overlay.sections.iter().for_each(|s| section_steps(s, &mut out)),
            _ => {}
        }
    });
    out
}

fn section_steps<'a>(section: &'a OutputSection, out: &mut Vec<Step<'a>>) {
    let inside = Some(section);
    out.push(Step { kind: StepKind::Enter, inside, span: section.name.span });
    for statement in &section.body {
        let kind = match &statement.kind {
            StatementKind::Assignment(a) => StepKind::Assign(a),
            StatementKind::Assert(a) => StepKind::Assert(a),
            StatementKind::Data(size, value) => StepKind::Data(*size, value),
            StatementKind::Input(_) => StepKind::Input,
            _ => continue,
        };
        out.push(Step { kind, inside, span: statement.span });
    }
    out.push(Step { kind: StepKind::Leave, inside, span: section.span });
}

/// A symbol named in some expression of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The symbol.
    pub symbol: &'a BStr,
    /// The PROVIDEd symbol whose right side names it: from lld 15 on such a reference counts only
    /// if that symbol is needed (GS 4.3).
    pub provided: Option<&'a BStr>,
}

/// Symbols that the script's expressions name, in order, with repetitions (GS 4.3): the roots that
/// gold and lld take from scripts. gold leaves out names that the script itself assigns.
pub fn references(script: &Script) -> Vec<Reference<'_>> {
    let mut out = Vec::new();
    let mut defined: Vec<&[u8]> = Vec::new();
    each(&script.commands, &mut |command| command_references(command, &mut out, &mut defined));
    if script.dialect == Dialect::Gold {
        defined.sort_unstable();
        out.retain(|r| defined.binary_search(&r.symbol.as_bytes()).is_err());
    }
    out
}

fn command_references<'a>(command: &'a Command, out: &mut Vec<Reference<'a>>, defined: &mut Vec<&'a [u8]>) {
    match &command.kind {
        CommandKind::Assignment(a) => assignment_references(a, out, defined),
        CommandKind::Assert(a) => plain(&a.value, out),
        CommandKind::OutputSection(section) => section_references(section, out, defined),
        CommandKind::Overlay(overlay) => {
            overlay.address.iter().chain(&overlay.load_address).for_each(|e| plain(e, out));
            overlay.sections.iter().for_each(|s| section_references(s, out, defined));
        }
        CommandKind::SectionGroup(address, _) => address.iter().for_each(|e| plain(e, out)),
        CommandKind::Memory(regions) => {
            regions.iter().flat_map(|r| [&r.origin, &r.length]).for_each(|e| plain(e, out));
        }
        CommandKind::Phdrs(headers) => {
            headers.iter().flat_map(|h| h.at.iter().chain(&h.flags)).for_each(|e| plain(e, out));
        }
        _ => {}
    }
}

fn section_references<'a>(
    section: &'a OutputSection,
    out: &mut Vec<Reference<'a>>,
    defined: &mut Vec<&'a [u8]>,
) {
    let header = [&section.address, &section.load_address, &section.align, &section.subalign];
    header.into_iter().flatten().for_each(|e| plain(e, out));
    for statement in &section.body {
        match &statement.kind {
            StatementKind::Assignment(a) => assignment_references(a, out, defined),
            StatementKind::Assert(a) => plain(&a.value, out),
            StatementKind::Data(_, value) | StatementKind::Fill(value) => plain(value, out),
            _ => {}
        }
    }
    section.fill.iter().for_each(|e| plain(e, out));
}

fn assignment_references<'a>(a: &'a Assignment, out: &mut Vec<Reference<'a>>, defined: &mut Vec<&'a [u8]>) {
    let provided = a.kind.is_provide().then(|| a.name.text.as_bstr());
    if matches!(a.kind, AssignKind::Plain | AssignKind::Hidden) {
        defined.push(&a.name.text);
    }
    // lld's `s += e` reads s when evaluated, without recording a reference.
    let skip = usize::from(a.compound);
    out.extend(a.value.symbols_referenced().skip(skip).map(|symbol| Reference { symbol, provided }));
}

fn plain<'a>(value: &'a Expr, out: &mut Vec<Reference<'a>>) {
    out.extend(value.symbols_referenced().map(|symbol| Reference { symbol, provided: None }));
}

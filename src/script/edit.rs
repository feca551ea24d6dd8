//! Changes to a parsed script that an editor could make by hand: KEEP taken off or put on, names taken out
//! of EXTERN, KEEP statements added.
//!
//! In: a [`Script`]. Out: the same script, changed; spans still tell where things stand in the text as it is.

use bstr::BStr;

use super::ast::{Command, CommandKind, Dialect, InputDescription, OutputSection, Script, StatementKind};
use super::parser::{Options, no_includes, parse_script};
use crate::error::{Error, Result};

impl Script {
    /// Calls `visit` with every input section description and its number, as [`super::keep::KeepTable`] counts.
    pub fn each_input_mut(&mut self, mut visit: impl FnMut(u32, &mut InputDescription)) {
        let mut number = 0u32;
        each_section(&mut self.commands, &mut |section| {
            for statement in &mut section.body {
                if let StatementKind::Input(input) = &mut statement.kind {
                    visit(number, input);
                    number += 1;
                }
            }
        });
    }

    /// Takes a name out of all EXTERN statements; returns how often it stood there.
    pub fn drop_extern(&mut self, name: &[u8]) -> usize {
        let mut count = 0;
        for command in &mut self.commands {
            if let CommandKind::Extern(names) = &mut command.kind {
                let before = names.len();
                names.retain(|n| n.text != name);
                count += before - names.len();
            }
        }
        count
    }
}

/// In the order of [`super::walk::output_sections`].
fn each_section(commands: &mut [Command], visit: &mut dyn FnMut(&mut OutputSection)) {
    for command in commands {
        match &mut command.kind {
            CommandKind::OutputSection(section) => visit(section),
            CommandKind::Overlay(overlay) => overlay.sections.iter_mut().for_each(&mut *visit),
            CommandKind::Sections(body)
            | CommandKind::SectionGroup(_, body)
            | CommandKind::OverwriteSections(body) => each_section(body, visit),
            _ => {}
        }
    }
}

/// A script of nothing but `KEEP(description)`; it keeps what it names and places nothing.
///
/// # Errors
/// A description that the dialect cannot read.
pub fn keeping(dialect: Dialect, description: &BStr) -> Result<Script> {
    let text = format!("SECTIONS {{ .kept : {{ KEEP({description}) }} }}\n");
    let options = Options { dialect, includes: &no_includes, assumed: false };
    let mut script = parse_script("added KEEP", text.into_bytes(), options)?;
    script.keeps_only = true;
    let mut found = 0;
    script.each_input_mut(|_, input| found += usize::from(input.keep));
    if found != 1 || script.commands.len() != 1 {
        return Err(Error::new(format!("KEEP({description})"), "not one input section description"));
    }
    Ok(script)
}

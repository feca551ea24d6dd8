//! What expressions of the scripts may ask for before anything is laid out: symbols of inputs, memory
//! regions, the size of headers.
//!
//! In: an analysis and its scripts. Out: the [`Walker`]'s world, filled.

use bstr::{BStr, BString, ByteSlice};

use super::eval::At;
use super::regions::Region;
use super::walk::Walker;
use crate::load::elf::Place;
use crate::query::Analysis;
use crate::script::expr::{Expr, Node};
use crate::script::{Command, CommandKind, Script};

impl Walker<'_, '_> {
    /// Values of symbols that inputs define and expressions name.
    pub(super) fn find_symbols(&mut self, script: &Script) {
        let program = &self.analysis.program;
        for name in named_symbols(script) {
            let Some(id) = program.names.find(name) else { continue };
            let definition = self.analysis.resolution.definitions[id];
            if !definition.is_regular() {
                continue;
            }
            let f = &program.files[definition.file];
            let Some(symbol) = f.object().and_then(|o| o.symbol(definition.symbol)) else { continue };
            let section = match symbol.place {
                Place::Section(index) => Some(f.section_id(index)),
                Place::Absolute => None,
                _ => continue,
            };
            self.wanted.extend(section);
            self.inputs.push((BString::from(name.as_bytes()), section, symbol.value));
        }
    }

    pub(super) fn find_regions(&mut self, commands: &[Command]) {
        let at = At { dot: 0, inside: None };
        for command in commands {
            match &command.kind {
                CommandKind::Memory(regions) => {
                    for region in regions {
                        let origin = self.world.address(&region.origin, at).unwrap_or(0);
                        let length = self.world.address(&region.length, at).unwrap_or(0);
                        let mut made =
                            Region { name: region.name.text.clone(), origin, length, ..Region::default() };
                        made.set_attributes(&region.attributes);
                        self.world.regions.push(made);
                    }
                }
                CommandKind::RegionAlias(alias, region) => {
                    self.world.aliases.push((alias.text.clone(), region.text.clone()));
                }
                CommandKind::Assignment(a) => {
                    // Constants that ORIGIN and LENGTH are made of.
                    if let Some(value) = self.world.value(&a.value, at).filter(|_| a.name.text != ".") {
                        self.world.symbols.insert(a.name.text.clone(), value);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Names in expressions of a script, DEFINED included.
fn named_symbols(script: &Script) -> Vec<&BStr> {
    let mut names = Vec::new();
    for step in crate::script::walk::steps(script) {
        use crate::script::walk::StepKind;
        match step.kind {
            StepKind::Assign(a) => {
                names.extend(symbols_of(&a.value));
                names.push(a.name.text.as_bstr());
            }
            StepKind::Data(_, value) => names.extend(symbols_of(value)),
            StepKind::Enter => {
                if let Some(section) = step.inside {
                    let header = [&section.address, &section.load_address, &section.align, &section.subalign];
                    for expr in header.into_iter().flatten() {
                        names.extend(symbols_of(expr));
                    }
                }
            }
            _ => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn symbols_of(expr: &Expr) -> impl Iterator<Item = &BStr> {
    expr.nodes.iter().filter_map(|node| match node {
        Node::Symbol(name) | Node::Function(crate::script::expr::NameFn::Defined, name) => {
            Some(name.as_bstr())
        }
        _ => None,
    })
}

/// SIZEOF_HEADERS, roughly: the file header and the program headers of a plain program.
pub(super) fn headers_size(analysis: &Analysis<'_>) -> u64 {
    let is_64 = analysis.program.target.is_none_or(|t| t.is_64);
    let (file, program) = if is_64 { (64, 56) } else { (52, 32) };
    file + 4 * program
}

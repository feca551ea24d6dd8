//! Shared libraries in bfd: `--as-needed`, versions, references that make roots (GS 3.3, 4.5).
//! Follows the dynamic half of `elf_link_add_object_symbols`.

use super::Link;
use super::symbols::State;
use crate::error::{Diagnostic, Severity};
use crate::ids::{FileId, NameId};
use crate::load::dso::DsoSymbol;
use crate::load::elf::consts::*;
use crate::program::Program;

/// The names a library's symbol answers: its own, and the versioned spellings that some input uses.
fn names_of(program: &Program<'_>, name: NameId, symbol: &DsoSymbol<'_>) -> [Option<NameId>; 3] {
    let Some(version) = symbol.version else { return [Some(name), None, None] };
    let single = program.names.find(&[symbol.name, b"@", version].concat());
    if symbol.hidden_version || !symbol.defined {
        return [None, single, None];
    }
    let double = program.names.find(&[symbol.name, b"@@", version].concat());
    [Some(name), single, double]
}

impl Link<'_, '_> {
    /// Reads a shared library; false if it is `--as-needed` and nothing needs it yet.
    pub(super) fn add_library(&mut self, file: FileId) -> bool {
        let program = self.program;
        let f = &program.files[file];
        let Some(library) = f.shared() else { return false };
        // ld `ldfile_try_open_bfd`.
        if f.mode.static_libs {
            let message = "attempted static link of dynamic object";
            self.out.diagnostics.push(Diagnostic::new(Severity::Error, program.label(file), message));
            self.out.stopped = true;
            return true;
        }
        if f.mode.as_needed && !self.is_needed(file) {
            return false;
        }
        self.watch.forget();
        self.out.in_link.insert(file.idx());
        self.out.needed_libraries.insert(file.idx());
        for (position, (symbol, &name)) in library.symbols.iter().zip(&f.names).enumerate() {
            if symbol.local_version && symbol.defined {
                continue;
            }
            for name in names_of(program, name, symbol).into_iter().flatten() {
                let name = if symbol.defined { name } else { self.symbols.wrapped(name) };
                if self.is_other_type(name, symbol) {
                    continue;
                }
                if !self.check_tls(file, name, symbol.kind, symbol.defined) {
                    return true;
                }
                if self.symbols.state(name) == State::New {
                    self.note_dot_name(name);
                }
                self.symbols.entry(name).fake = false;
                self.add_library_symbol(file, name, position as u32, symbol);
            }
        }
        self.adjust_dot_names(None);
        true
    }

    /// A library's definition of another type than the objects' own one is passed over whole (bfd
    /// `_bfd_elf_merge_symbol`, "time" in an executable).
    fn is_other_type(&self, name: NameId, symbol: &DsoSymbol<'_>) -> bool {
        let entry = self.symbols.peek(name);
        let function = |kind: u8| matches!(kind, STT_FUNC | STT_GNU_IFUNC);
        symbol.defined
            && !entry.dynamic
            && matches!(entry.state, State::Defined | State::DefinedWeak | State::Common)
            && symbol.kind != STT_NOTYPE
            && entry.kind != STT_NOTYPE
            && symbol.kind != entry.kind
            && !(function(symbol.kind) && function(entry.kind))
    }

    fn is_needed(&self, file: FileId) -> bool {
        let program = self.program;
        let f = &program.files[file];
        let Some(library) = f.shared() else { return false };
        library.symbols.iter().zip(&f.names).filter(|(s, _)| s.defined && !s.local_version).any(
            |(symbol, &name)| {
                names_of(program, name, symbol).into_iter().flatten().any(|name| {
                    let entry = self.symbols.peek(name);
                    matches!(entry.state, State::Undefined | State::UndefinedWeak)
                        && (entry.ref_regular_strong || entry.ref_dynamic_strong)
                        && entry.visibility == STV_DEFAULT
                })
            },
        )
    }

    fn add_library_symbol(&mut self, file: FileId, name: NameId, position: u32, symbol: &DsoSymbol<'_>) {
        if !symbol.defined {
            self.symbols.notice(name, file, position);
        }
        let recorded = self.merge_library_symbol(file, name, position, symbol);
        if recorded {
            let entry = self.symbols.entry(name);
            let regular =
                matches!(entry.state, State::Defined | State::DefinedWeak | State::Common) && !entry.dynamic;
            entry.record(regular || entry.ref_regular);
        }
    }

    /// False if the symbol was passed over, so that nothing more is recorded of it.
    fn merge_library_symbol(
        &mut self,
        file: FileId,
        name: NameId,
        position: u32,
        symbol: &DsoSymbol<'_>,
    ) -> bool {
        let entry = self.symbols.entry(name);
        if !symbol.defined {
            entry.ref_dynamic = true;
            entry.ref_dynamic_strong |= !symbol.weak;
            match entry.state {
                State::New => {
                    entry.state = if symbol.weak { State::UndefinedWeak } else { State::Undefined };
                    entry.file = file;
                    entry.symbol = position;
                    self.undefs += u64::from(!symbol.weak);
                }
                State::UndefinedWeak if !symbol.weak => {
                    entry.state = State::Undefined;
                    entry.file = file;
                    entry.symbol = position;
                    self.undefs += 1;
                }
                _ => {}
            }
            return true;
        }
        if entry.visibility != STV_DEFAULT && entry.state != State::New {
            // A hidden name ignores the library's definition, but it is referenced from there.
            entry.ref_dynamic = true;
            return entry.visibility == STV_PROTECTED;
        }
        let function = matches!(symbol.kind, STT_FUNC | STT_GNU_IFUNC);
        let maybe_common = symbol.nobits && symbol.size > 0 && !function && !symbol.weak;
        match entry.state {
            State::New | State::Undefined | State::UndefinedWeak => {
                entry.state = if symbol.weak { State::DefinedWeak } else { State::Defined };
                entry.dynamic = true;
                entry.dynamic_common = maybe_common;
                entry.function = function;
                entry.file = file;
                entry.symbol = position;
                entry.size = symbol.size;
            }
            State::Common => {
                if symbol.weak || function {
                    entry.ref_dynamic = true;
                } else if maybe_common {
                    entry.size = entry.size.max(symbol.size);
                    entry.ref_dynamic = true;
                } else {
                    entry.state = State::Defined;
                    entry.dynamic = true;
                    entry.dynamic_common = false;
                    entry.function = false;
                    entry.file = file;
                    entry.symbol = position;
                }
            }
            State::Defined | State::DefinedWeak | State::Assigned => {
                if !entry.dynamic {
                    entry.ref_dynamic = true;
                }
            }
        }
        true
    }
}

//! Script assignments and `--defsym` in bfd: evaluated where they stand while inputs are read, and
//! once more before garbage collection, when a value may carry a section (GS 4.3, 4.4).
//!
//! Follows ld `open_input_bfds` (`exp_fold_tree_no_dot`) and `lang_do_assignments` in its mark
//! phase; the evaluator itself is `script::eval`.

use bstr::{BStr, ByteSlice};
use hashbrown::HashMap;

use super::Link;
use super::symbols::{State, Symbols as Table};
use crate::ids::{NameId, SectionId};
use crate::load::elf::Place as SymbolPlace;
use crate::plan::OutputKind;
use crate::program::{LinkItem, Program};
use crate::script::AssignKind;
use crate::script::eval::{Outcome, Phase, Place, SymbolState, Symbols, Value, ValueSection};
use crate::script::expr::Expr;
use crate::script::walk::{self, Step, StepKind};

/// Values of assigned names.
pub(super) type Values = HashMap<NameId, Value<SectionId>, foldhash::fast::FixedState>;

struct World<'a, 'd> {
    program: &'a Program<'d>,
    table: &'a Table,
    values: &'a Values,
    lost: &'a fixedbitset::FixedBitSet,
    start_stop: &'a [(NameId, Vec<SectionId>)],
}

impl World<'_, '_> {
    fn find(&self, name: &BStr) -> Option<NameId> {
        self.program.names.find(name).map(|n| self.table.wrapped(n))
    }

    fn look(&self, name: NameId) -> SymbolState<SectionId> {
        if let Some((_, sections)) = self.start_stop.iter().find(|(n, _)| *n == name) {
            let section = sections.first().map_or(ValueSection::Absolute, |s| ValueSection::Input(*s));
            return SymbolState::Defined(Value { number: 0, section });
        }
        let entry = self.table.peek(name);
        let absolute = |number| SymbolState::Defined(Value { number, section: ValueSection::Absolute });
        match entry.state {
            State::New | State::Undefined | State::UndefinedWeak => SymbolState::Undefined,
            State::Common => SymbolState::Common,
            State::Assigned => match self.values.get(&name) {
                Some(value) => SymbolState::Defined(*value),
                None => absolute(0),
            },
            State::Defined | State::DefinedWeak if entry.dynamic => absolute(0),
            State::Defined | State::DefinedWeak => {
                let file = &self.program.files[entry.file];
                match file.object().and_then(|o| o.symbol(entry.symbol)) {
                    Some(symbol) => match symbol.place {
                        SymbolPlace::Section(section) => {
                            let id = file.section_id(section);
                            // A discarded section has the absolute section as its output.
                            if self.lost.contains(id.idx()) {
                                return absolute(symbol.value);
                            }
                            SymbolState::Defined(Value {
                                number: symbol.value,
                                section: ValueSection::Input(id),
                            })
                        }
                        _ => absolute(symbol.value),
                    },
                    None => absolute(0),
                }
            }
        }
    }
}

impl Symbols<SectionId> for World<'_, '_> {
    fn state(&self, name: &BStr) -> SymbolState<SectionId> {
        let Some(id) = self.find(name) else { return SymbolState::Undefined };
        self.look(id)
    }
}

impl Link<'_, '_> {
    /// Assignments of a script, in its order, while inputs are read.
    pub(super) fn read_assignments(&mut self, number: usize) {
        let late = self.program.scripts.get(number).is_some_and(|s| s.as_input);
        self.script_assignments(number, Phase::First, |step| !late || step.inside.is_none());
    }

    /// A link script whose output sections are statements at its place.
    pub(super) fn places_sections(&self, number: usize) -> bool {
        let script = self.program.scripts.get(number).filter(|s| !s.as_input);
        script.is_some_and(|s| !walk::output_sections(&s.script).is_empty())
    }

    /// A `--defsym` at its place.
    pub(super) fn read_defsym(&mut self, number: usize) {
        self.defsym(number, Phase::First);
    }

    /// GS 6.5: names `__start_X`/`__stop_X` that nothing but a library defines, with all sections X
    /// of the link in its order (ld `lang_init_start_stop`, bfd `bfd_elf_define_start_stop`).
    pub(super) fn define_start_stop(&mut self) {
        let program = self.program;
        if program.plan.output_kind == OutputKind::Relocatable {
            return;
        }
        let mut wanted: Vec<(&[u8], NameId)> = Vec::new();
        for name in program.names.ids() {
            let text = program.name(name);
            let Some(section) = text.strip_prefix(b"__start_").or_else(|| text.strip_prefix(b"__stop_"))
            else {
                continue;
            };
            let entry = self.symbols.peek(name);
            let free = match entry.state {
                State::Undefined | State::UndefinedWeak => true,
                State::Defined | State::DefinedWeak => entry.dynamic,
                _ => false,
            };
            if free && section.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                wanted.push((section, name));
            }
        }
        if wanted.is_empty() {
            return;
        }
        let mut found: HashMap<&[u8], Vec<SectionId>, foldhash::fast::FixedState> =
            wanted.iter().map(|(section, _)| (*section, Vec::new())).collect();
        for &file in &self.entered {
            for section in program.sections_of(file) {
                if let Some(list) = found.get_mut(program.section_name(section)) {
                    list.push(section);
                }
            }
        }
        for (section, name) in wanted {
            if let Some(list) = found.get(section).filter(|l| !l.is_empty()) {
                self.out.start_stop.push((name, list.clone()));
            }
        }
    }

    /// The evaluation before garbage collection: all statements once more, in link order.
    pub(super) fn mark_phase(&mut self) {
        let program = self.program;
        for item in &program.items {
            match *item {
                LinkItem::Script(number) => self.script_assignments(number, Phase::Mark, |_| true),
                LinkItem::Defsym(number) => self.defsym(number, Phase::Mark),
                _ => {}
            }
        }
    }

    /// What scripts given as inputs assign inside output sections comes after all inputs, where ld
    /// puts these output sections.
    pub(super) fn read_late_assignments(&mut self) {
        for item in &self.program.items {
            if let LinkItem::Script(number) = *item
                && self.program.scripts.get(number).is_some_and(|s| s.as_input)
            {
                self.script_assignments(number, Phase::First, |step| step.inside.is_some());
            }
        }
    }

    fn script_assignments(&mut self, number: usize, phase: Phase, counts: impl Fn(&Step<'_>) -> bool) {
        let program = self.program;
        let Some(file) = program.scripts.get(number) else { return };
        for step in walk::steps(&file.script) {
            let StepKind::Assign(assignment) = step.kind else { continue };
            if !counts(&step) {
                continue;
            }
            if assignment.name.text == "." {
                if phase == Phase::Mark {
                    self.evaluate_only(&assignment.value, step.inside.is_some(), phase);
                }
                continue;
            }
            let provide = matches!(assignment.kind, AssignKind::Provide | AssignKind::ProvideHidden);
            self.assign(
                assignment.name.text.as_bstr(),
                &assignment.value,
                step.inside.is_some(),
                provide,
                phase,
            );
        }
    }

    fn defsym(&mut self, number: usize, phase: Phase) {
        let program = self.program;
        let (Some(defsym), Some(value)) =
            (program.plan.defsyms.get(number), program.controls.defsyms.get(number))
        else {
            return;
        };
        self.assign(defsym.name.as_bstr(), value, false, false, phase);
    }

    fn evaluate_only(&mut self, value: &Expr, inside: bool, phase: Phase) {
        let world = self.world();
        let asked = value.asked(Place { phase, inside, dot: 0 }, &world);
        let asked: Vec<NameId> = asked.into_iter().filter_map(|n| world.find(n)).collect();
        self.note_asked(&asked);
    }

    fn world(&self) -> World<'_, '_> {
        World {
            program: self.program,
            table: &self.symbols,
            values: &self.values,
            lost: &self.out.lost,
            start_stop: &self.out.start_stop,
        }
    }

    /// Names that an expression mentions become undefined where they were unknown (`fold_name`).
    fn note_asked(&mut self, asked: &[NameId]) {
        for &name in asked {
            if self.symbols.demand(name) {
                self.undefs += 1;
            }
        }
    }

    fn assign(&mut self, name: &BStr, value: &Expr, inside: bool, provide: bool, phase: Phase) {
        let Some(id) = self.program.names.find(name) else { return };
        let provided = self.provided.contains(&id);
        if provide && !provided {
            let wanted = matches!(self.symbols.state(id), State::Undefined | State::UndefinedWeak)
                && !self.out.start_stop.iter().any(|(n, _)| *n == id);
            if !wanted {
                return;
            }
        }
        let known = self.symbols.state(id) != State::New;
        // In the first phase `.` and everything inside an output section count as absolute.
        let place = Place { phase, inside: inside && phase == Phase::Mark, dot: 0 };
        let world = self.world();
        let outcome = value.assign(name, known, place, &world);
        let asked = value.asked(place, &world);
        let asked: Vec<NameId> = asked.into_iter().filter_map(|n| world.find(n)).collect();
        self.note_asked(&asked);
        if phase == Phase::Mark {
            self.out.asked_by_script.extend(asked);
        }
        if let Outcome::Define(value) = outcome {
            self.symbols.assign(id);
            self.values.insert(id, value);
            self.out.start_stop.retain(|(n, _)| *n != id);
            if provide {
                self.provided.insert(id);
            }
        }
    }

    /// Names whose value lies in an input section.
    pub(super) fn assigned_sections(&self) -> Vec<(NameId, SectionId)> {
        let mut out: Vec<(NameId, SectionId)> = Vec::new();
        for name in self.program.names.ids() {
            if self.symbols.state(name) == State::Assigned
                && let Some(Value { section: ValueSection::Input(section), .. }) = self.values.get(&name)
            {
                out.push((name, *section));
            }
        }
        out
    }
}

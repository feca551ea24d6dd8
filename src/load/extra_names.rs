//! Names that matter although perhaps no input mentions them: the entry, `-u`, `--wrap` and its
//! prefixed forms, `--defsym` and script symbols. They are interned with all others.

use bstr::BString;

use super::ScriptFile;
use crate::plan::LinkPlan;
use crate::script::expr::Expr;
use crate::script::walk::{self, StepKind};

/// Entry and hook names that linkers use without being asked (GS 4.2, 4.3).
const DEFAULTS: [&str; 6] = ["_start", "__start", "start", "main", "_init", "_fini"];

/// All such names, in a fixed order; duplicates do no harm.
pub(super) fn collect(plan: &LinkPlan, scripts: &[ScriptFile], defsyms: &[Expr]) -> Vec<BString> {
    let mut names: Vec<BString> = DEFAULTS.iter().map(|n| BString::from(*n)).collect();
    names.extend(plan.entry.iter().cloned());
    names.extend(plan.init.iter().cloned());
    names.extend(plan.fini.iter().cloned());
    names.extend(plan.demands.iter().map(|(name, _)| name.clone()));
    for name in &plan.wraps {
        names.push(name.clone());
        names.push(BString::from([b"__wrap_", name.as_slice()].concat()));
        names.push(BString::from([b"__real_", name.as_slice()].concat()));
    }
    names.extend(plan.export_dynamic_symbols.iter().cloned());
    names.extend(plan.defsyms.iter().map(|d| d.name.clone()));
    names.extend(defsyms.iter().flat_map(Expr::symbols_referenced).map(BString::from));
    for file in scripts {
        for step in walk::steps(&file.script) {
            match step.kind {
                StepKind::Assign(assignment) => {
                    names.push(assignment.name.text.clone());
                    names.extend(assignment.value.symbols_referenced().map(BString::from));
                }
                StepKind::Entry(name) | StepKind::Extern(name) => names.push(name.text.clone()),
                StepKind::Assert(_)
                | StepKind::Data(..)
                | StepKind::Input
                | StepKind::Enter
                | StepKind::Leave => {}
            }
        }
        names.extend(walk::references(&file.script).into_iter().map(|r| BString::from(r.symbol)));
    }
    names
}

//! lld's refusals while it scans relocations: what cannot be computed at link time and has no dynamic
//! relocation (`RelocationScanner::processAux`, `isStaticLinkTimeConstant`, `handleTlsRelocation`).
//!
//! In: a finished analysis. Out: diagnostics; the list of removed sections was printed before.

use super::provided::is_provided;
use crate::error::Diagnostic;
use crate::ids::NameId;
use crate::load::elf::consts::*;
use crate::plan::{OutputKind, Symbolic};
use crate::query::Analysis;
use crate::query::refusals::scan::{Leads, Use, Wants, judge};

const POSITION: &str = "relocation cannot be used against this symbol, recompile with -fPIC";

/// Whether lld may define a name after collection.
fn defines(analysis: &Analysis<'_>, name: NameId) -> bool {
    let text = analysis.program.name(name);
    text.starts_with(b"__start_") || text.starts_with(b"__stop_") || is_provided(&analysis.program, text)
}

/// All of them.
pub(super) fn refusals(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let plan = analysis.program.plan;
    let shared = plan.output_kind == OutputKind::Shared;
    let pic = shared || plan.output_kind == OutputKind::Pie;
    let text = plan.text_relocations != Some(true);
    let preemptible = |one: &Use| {
        let Some(name) = one.name else { return false };
        if analysis.resolution.visibility[name] != STV_DEFAULT {
            return false;
        }
        match one.leads {
            Leads::Library { .. } => true,
            // Without a dynamic linker weak references stay out of the table (`includeInDynsym`).
            Leads::Nowhere => pic && plan.dynamic_linker != Some(false),
            Leads::Open => pic,
            Leads::Section | Leads::Absolute => {
                let function = matches!(one.kind, STT_FUNC | STT_GNU_IFUNC);
                let symbolic = match plan.symbolic {
                    Symbolic::None => false,
                    Symbolic::All => true,
                    Symbolic::Functions => function,
                    Symbolic::NonWeak => !one.weak,
                    Symbolic::NonWeakFunctions => function && !one.weak,
                };
                let listed = !plan.dynamic_lists.is_empty() || symbolic;
                shared && !listed && analysis.resolution.exported.contains(name.idx())
            }
        }
    };
    judge(
        analysis,
        |one| {
            // Names that lld itself will define are no references any more.
            if one.leads == Leads::Open && one.name.is_none_or(|name| defines(analysis, name)) {
                return None;
            }
            match one.wants {
                Wants::Unknown => return Some("unknown relocation"),
                Wants::Always => return None,
                Wants::ThreadOffset if shared => return Some("relocation cannot be used with -shared"),
                Wants::ThreadOffset => return None,
                _ => {}
            }
            let preemptible = preemptible(one);
            let distance = matches!(one.wants, Wants::Distance { .. } | Wants::FromTable);
            let number = matches!(one.leads, Leads::Absolute | Leads::Nowhere);
            if !preemptible {
                if !pic || number != distance {
                    return None;
                }
                if number {
                    return (one.leads == Leads::Absolute)
                        .then_some("relocation cannot refer to an absolute symbol");
                }
            }
            if !pic && matches!(one.leads, Leads::Nowhere | Leads::Open) {
                return None;
            }
            let dynamic = matches!(one.wants, Wants::Word | Wants::Distance { wide: true });
            if (one.writable || !text) && dynamic {
                return None;
            }
            match one.leads {
                Leads::Library { protected: true, .. } if !shared => Some("cannot preempt symbol"),
                Leads::Library { kind: STT_OBJECT | STT_COMMON, .. } if !shared => {
                    plan.no_copy_relocations.then_some("unresolvable relocation, recompile with -fPIC")
                }
                Leads::Library { kind: STT_FUNC | STT_GNU_IFUNC, .. } if !shared => None,
                _ => Some(POSITION),
            }
        },
        out,
    );
}

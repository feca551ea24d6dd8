//! mold's refusals while it scans relocations (`get_pcrel_action`, `get_absrel_action`,
//! `get_dyn_absrel_action`, `check_tlsle`).
//!
//! In: a finished analysis. Out: diagnostics; the list of removed sections was printed before.

use std::collections::BTreeSet;

use crate::error::Diagnostic;
use crate::graph::RootKind;
use crate::ids::NameId;
use crate::load::elf::consts::*;
use crate::plan::{OutputKind, Symbolic};
use crate::query::Analysis;
use crate::query::refusals::scan::{Leads, Use, Wants, judge};

const POSITION: &str = "relocation can not be used against this symbol, recompile with -fPIC";

/// All of them. Undefined symbols are not judged: whether they are imported depends on more.
pub(super) fn refusals(analysis: &Analysis<'_>, out: &mut Vec<Diagnostic>) {
    let plan = analysis.program.plan;
    let shared = plan.output_kind == OutputKind::Shared;
    let pic = shared || plan.output_kind == OutputKind::Pie;
    let exported: BTreeSet<NameId> = analysis
        .roots
        .roots
        .iter()
        .filter(|root| root.kind == RootKind::DynamicExport)
        .filter_map(|root| root.name)
        .collect();
    let imported = |one: &Use| {
        let Some(name) = one.name else { return false };
        if matches!(one.leads, Leads::Library { .. }) {
            return true;
        }
        let function = matches!(one.kind, STT_FUNC | STT_GNU_IFUNC);
        let bound = match plan.symbolic {
            Symbolic::None => false,
            Symbolic::Functions => function,
            _ => true,
        };
        shared && !bound && analysis.resolution.visibility[name] == STV_DEFAULT && exported.contains(&name)
    };
    judge(
        analysis,
        |one| {
            if matches!(one.leads, Leads::Nowhere | Leads::Open) {
                return None;
            }
            let imported = imported(one);
            let function = one.kind == STT_FUNC;
            let absolute = one.leads == Leads::Absolute && !imported;
            let protected = matches!(one.leads, Leads::Library { protected: true, .. });
            match one.wants {
                Wants::Unknown => Some("unknown relocation"),
                Wants::ThreadOffset => shared.then_some("relocation can not be used in a shared object"),
                Wants::Narrow if pic => (!absolute).then_some(POSITION),
                Wants::Distance { .. } if pic && absolute => Some("recompile with -fno-PIC"),
                Wants::Distance { .. } if shared && imported && !function => Some(POSITION),
                Wants::Word if pic => {
                    let text = plan.text_relocations == Some(false) && !one.writable;
                    (text && !absolute).then_some(POSITION)
                }
                Wants::Word if imported && !function && !one.writable && !plan.no_copy_relocations => {
                    protected.then_some("cannot make copy relocation for protected symbol")
                }
                Wants::Narrow | Wants::Distance { .. } if imported && !function => {
                    if plan.no_copy_relocations {
                        return Some(POSITION);
                    }
                    protected.then_some("cannot make copy relocation for protected symbol")
                }
                _ => None,
            }
        },
        out,
    );
}

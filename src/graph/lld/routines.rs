//! ppc64: routines that save and restore registers, which lld makes itself (`addPPC64SaveRestore`).
//!
//! In: names that the link mentions and nothing defines. Out: one node per family of routines, in the
//! order in which lld makes them. Each is an input section `.text` of lld's own, dropped and printed
//! like any other.

use crate::graph::{Build, ExtraNode};
use crate::ids::{NameId, NodeId};
use crate::load::elf::consts::EM_PPC64;
use crate::plan::OutputKind;
use crate::resolve::DefKind;

/// Adds the nodes; returns which names lead to which.
pub(super) fn add(build: &mut Build<'_, '_>) -> Vec<(NameId, NodeId)> {
    let program = build.program;
    let mut found = Vec::new();
    if program.target.is_none_or(|t| t.machine != EM_PPC64)
        || program.plan.output_kind == OutputKind::Relocatable
    {
        return found;
    }
    for stem in ["_restgpr0_", "_restgpr1_", "_savegpr0_", "_savegpr1_"] {
        let names = (14..32).filter_map(|n| program.names.find(format!("{stem}{n}").as_bytes()));
        let own: Vec<NameId> = names
            .filter(|&name| {
                let kind = build.resolution.definitions[name].kind;
                matches!(kind, DefKind::Undefined | DefKind::UndefinedWeak | DefKind::Shared)
            })
            .collect();
        if !own.is_empty() {
            let node = build.add_node(ExtraNode::Routines { stem });
            found.extend(own.into_iter().map(|name| (name, node)));
        }
    }
    found
}

//! The words of `why` for roots that a kernel has names for: initcalls, exports, head code.
//!
//! In: the chain's first node and first step. Out: the kind of root, and a sentence that names level,
//! function and module in front of the KEEP statement that makes it a root.

use super::why_words::{Words, shown};
use crate::graph::{Root, RootKind};
use crate::ids::{NodeId, SectionId};
use crate::query::kernel::roots::{self, Initcall, KernelRoot};
use crate::query::why::{Chain, Origin};

impl Words<'_> {
    /// The contract's word for the kind of a chain's root; a kernel's initcalls, exports and head code are
    /// kinds of their own.
    pub fn origin_kind(&self, origin: &Origin) -> &'static str {
        match origin {
            Origin::Root(root) => {
                let kernel =
                    (root.kind == RootKind::Keep).then(|| self.kernel_kind(root.node).map(KernelRoot::word));
                kernel.flatten().unwrap_or(root.kind.word())
            }
            Origin::Rule(_) => "rule",
            Origin::NoCollection(_) => "no-collection",
        }
    }

    /// Where a chain begins, and why; of an initcall table the entry that the first step goes through.
    pub fn chain_origin(&self, chain: &Chain) -> String {
        let text = self.origin(&chain.origin);
        let Origin::Root(Root { node, kind: RootKind::Keep, .. }) = chain.origin else { return text };
        let Some(kernel) = self.kernel_kind(node) else { return text };
        let via = chain.hops.first().and_then(|h| h.reloc.as_ref()).map(|r| (r.section, r.offset));
        match self.kernel_root(kernel, node, via) {
            Some(what) => format!("{what}; {text}"),
            None => text,
        }
    }

    fn kernel_kind(&self, node: NodeId) -> Option<KernelRoot<'_>> {
        roots::classify(self.view.section_name(self.view.section(node)?))
    }

    fn kernel_root(
        &self,
        root: KernelRoot<'_>,
        node: NodeId,
        via: Option<(SectionId, u64)>,
    ) -> Option<String> {
        const NAMED: usize = 3;
        Some(match root {
            KernelRoot::Initcall(level) => {
                let section = self.view.section(node)?;
                let calls = self.view.initcalls(section);
                let one = via
                    .filter(|(s, _)| *s == section)
                    .and_then(|(_, offset)| calls.iter().take_while(|c| c.offset <= offset).last());
                let calls = match one {
                    Some(call) => vec![*call],
                    None => calls,
                };
                let name = |call: &Initcall<'_>| {
                    let function = if call.function.is_empty() { "?".into() } else { shown(call.function) };
                    match call.module {
                        Some(module) => format!("{function} of {}", shown(module)),
                        None => function,
                    }
                };
                let mut names: Vec<String> = calls.iter().take(NAMED).map(name).collect();
                if calls.len() > NAMED {
                    names.push(format!("{} more", calls.len() - NAMED));
                }
                let level_text = match level.0 {
                    [b'0'..=b'9', ..] => {
                        let sync = if level.is_sync() { ", sync" } else { "" };
                        format!("level {} ({}{sync})", shown(level.0), level.word())
                    }
                    _ => level.word().to_string(),
                };
                format!("initcall, {level_text}: {}", names.join(", "))
            }
            KernelRoot::Export { name, flavour } => {
                let upper = shown(&flavour.to_ascii_uppercase());
                format!("export of {} (EXPORT_SYMBOL{upper})", shown(name))
            }
            KernelRoot::Head => match self.view.script_entry() {
                Some(entry) => format!(
                    "head of the image; the entry {} is assigned by the script and keeps nothing",
                    shown(entry)
                ),
                None => "head of the image".into(),
            },
        })
    }
}

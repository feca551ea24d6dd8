//! Which node of one link is which node of the other.
//!
//! In: two links. Out: [`NodeMatch`]. A section is the section of the same name in the same file, by its
//! turn among equals; else the only one that is left of that name in another file (a COMDAT copy that another
//! file gives now); else the one in the same file whose name differs in a number or hash only.

use std::collections::BTreeMap;

use bstr::BString;

use super::links::LinkSide;
use super::names::stem;
use crate::query::portrait::NONE;

/// Pairs of nodes.
pub(super) struct NodeMatch {
    /// By old node: the new one, or [`NONE`].
    pub(super) new_of: Vec<u32>,
    /// By new node: the old one, or [`NONE`].
    pub(super) old_of: Vec<u32>,
}

type Key = (BString, BString, u32);

/// File, name and turn of every node.
fn keys(link: &LinkSide<'_, '_>) -> Vec<Key> {
    let p = link.portrait;
    let mut labels: BTreeMap<u32, BString> = BTreeMap::new();
    let mut turns: BTreeMap<(BString, BString), u32> = BTreeMap::new();
    (0..p.node_count() as u32)
        .map(|node| {
            let owner = p.owner(node);
            let file = labels.entry(owner).or_insert_with(|| link.common_label(owner)).clone();
            let name = match p.extra(node) {
                Some(row) => {
                    let kind = p.extras.kind.at(row).to_string();
                    BString::from([kind.as_bytes(), b"/", link.symbol(node)].concat())
                }
                None => BString::from(p.section_name(node)),
            };
            let turn = turns.entry((file.clone(), name.clone())).or_insert(0);
            *turn += 1;
            (file, name, *turn)
        })
        .collect()
}

/// Matches all nodes.
pub(super) fn match_nodes(old: &LinkSide<'_, '_>, new: &LinkSide<'_, '_>) -> NodeMatch {
    let (old_keys, new_keys) = (keys(old), keys(new));
    let mut found = NodeMatch { new_of: vec![NONE; old_keys.len()], old_of: vec![NONE; new_keys.len()] };
    let by_key: BTreeMap<&Key, u32> = (0u32..).zip(&new_keys).map(|(node, key)| (key, node)).collect();
    for (node, key) in (0u32..).zip(&old_keys) {
        if let Some(&other) = by_key.get(key) {
            found.pair(node, other);
        }
    }
    // Names that tell one function or object, not the many `.text` and `.rodata`.
    let telling = |name: &BString| name.iter().filter(|b| **b == b'.').count() > 1;
    found.pass(old, new, true, |link, node| {
        let p = link.portrait;
        if !p.is_section(node) || !telling(&BString::from(p.section_name(node))) {
            return None;
        }
        Some((BString::default(), BString::from(p.section_name(node))))
    });
    found.pass(old, new, false, |link, node| {
        let p = link.portrait;
        if !p.is_section(node) || !telling(&BString::from(p.section_name(node))) {
            return None;
        }
        Some((link.common_label(p.owner(node)), stem(p.section_name(node))))
    });
    found
}

impl NodeMatch {
    fn pair(&mut self, old: u32, new: u32) {
        if let (Some(to), Some(from)) = (self.new_of.get_mut(old as usize), self.old_of.get_mut(new as usize))
        {
            *to = new;
            *from = old;
        }
    }

    /// Pairs kept nodes that are left, by a key; `alone`: only where it is unique on both sides.
    fn pass(
        &mut self,
        old: &LinkSide<'_, '_>,
        new: &LinkSide<'_, '_>,
        alone: bool,
        key: impl Fn(&LinkSide<'_, '_>, u32) -> Option<(BString, BString)>,
    ) {
        let mut left: BTreeMap<(BString, BString), (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        let free = |list: &[u32], node: u32| list.get(node as usize) == Some(&NONE);
        for node in 0..self.new_of.len() as u32 {
            if free(&self.new_of, node)
                && old.is_kept(node)
                && let Some(key) = key(old, node)
            {
                left.entry(key).or_default().0.push(node);
            }
        }
        for node in 0..self.old_of.len() as u32 {
            if free(&self.old_of, node)
                && new.is_kept(node)
                && let Some(key) = key(new, node)
                && let Some(lists) = left.get_mut(&key)
            {
                lists.1.push(node);
            }
        }
        for (before, now) in left.into_values() {
            if alone && (before.len() != 1 || now.len() != 1) {
                continue;
            }
            for (from, to) in before.into_iter().zip(now) {
                self.pair(from, to);
            }
        }
    }
}

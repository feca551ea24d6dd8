//! The side that is a link: what its portrait says of every byte of the output.
//!
//! In: a [`Portrait`]. Out: a [`LinkSide`]: the [`Side`], and per node the bytes it has in the output and the
//! root that its shortest chain begins with. Always true: content, padding, statements and what the linker
//! makes add up to the sizes of the output sections.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bstr::{BStr, BString, ByteSlice};
use fixedbitset::FixedBitSet;

use super::side::{Part, PartKind, Side, SideKind, Sums, Text, Texts};
use crate::graph::EdgeKind;
use crate::load::image::SizeClass;
use crate::query::fate::Fate;
use crate::query::portrait::codes::ExtraKind;
use crate::query::portrait::{NONE, Portrait, codes};

/// A link as one side of a comparison.
pub struct LinkSide<'p, 'd> {
    /// All bytes.
    pub side: Side,
    /// What is known of the link.
    pub portrait: &'p Portrait<'d>,
    /// By node: bytes in the output and what they count under.
    pub(super) laid: Vec<(u64, Option<SizeClass>)>,
    /// By node: the root that the shortest chain begins with, as a row of the portrait's roots.
    pub(super) root_of: Vec<u32>,
    /// What paths begin with and is not shown, with a slash at its end; empty: nothing.
    base: Vec<u8>,
    /// What rules marked: (because, node), sorted.
    staged: Vec<(u32, u32)>,
    /// Nodes that rules marked without following them: debug information keeps no code.
    unfollowed: FixedBitSet,
    /// By file label of this link: the label that the other link has for the same file.
    pub(super) aliases: BTreeMap<BString, BString>,
}

impl<'p, 'd> LinkSide<'p, 'd> {
    /// Prepares a link; `base` is the folder that its paths are shown from.
    pub fn new(name: String, portrait: &'p Portrait<'d>, base: &[u8]) -> Self {
        let base = match base {
            b"" | b"." => Vec::new(),
            base if base.ends_with(b"/") => base.to_vec(),
            base => [base, b"/"].concat(),
        };
        let mut staged: Vec<(u32, u32)> = portrait
            .staged
            .because
            .iter()
            .zip(portrait.staged.node.iter())
            .filter(|(because, node)| because != node)
            .map(|(&because, &node)| (because, node))
            .collect();
        staged.sort_unstable();
        let mut unfollowed = FixedBitSet::with_capacity(portrait.node_count());
        for (&node, &kind) in portrait.staged.node.iter().zip(portrait.staged.kind.iter()) {
            if codes::edge(kind) != EdgeKind::LinkOrder && (node as usize) < unfollowed.len() {
                unfollowed.insert(node as usize);
            }
        }
        let empty = Side::new(String::new(), SideKind::Link, Sums::default(), Vec::new(), Texts::new());
        let (laid, root_of) = (laid(portrait), Vec::new());
        let aliases = BTreeMap::new();
        let mut link = LinkSide { side: empty, portrait, laid, root_of, base, staged, unfollowed, aliases };
        link.root_of = link.roots();
        link.side = link.parts(name);
        link
    }

    /// Whether a node is in the output.
    pub(super) fn is_kept(&self, node: u32) -> bool {
        is_kept(self.portrait, node)
    }

    /// Calls `f` with every node that a node makes live, and the row of the edge if there is one.
    pub(super) fn for_each_target(&self, node: u32, mut f: impl FnMut(u32, Option<usize>)) {
        let leads_to = |target: u32| {
            !self.unfollowed.contains(node as usize) || self.unfollowed.contains(target as usize)
        };
        for edge in self.portrait.edges_of(node) {
            if let Some(&target) = self.portrait.edges.target.get(edge).filter(|t| leads_to(**t)) {
                f(target, Some(edge));
            }
        }
        let from = self.staged.partition_point(|s| s.0 < node);
        for &(_, target) in self.staged.iter().skip(from).take_while(|s| s.0 == node) {
            f(target, None);
        }
    }

    /// A path without the folder that paths are shown from.
    pub(super) fn shown<'a>(&self, path: &'a [u8]) -> &'a [u8] {
        let inside = path.strip_prefix(&self.base[..]).filter(|_| !self.base.is_empty());
        inside.or_else(|| path.strip_prefix(b"./")).unwrap_or(path)
    }

    /// A file as `path` or `archive(member)`.
    pub(super) fn file(&self, file: u32) -> BString {
        if file == NONE {
            return BString::default();
        }
        let member = self.portrait.member(file);
        let path = self.shown(member.path);
        match member.member {
            Some(inner) => BString::from([path, b"(", inner, b")"].concat()),
            None => BString::from(path),
        }
    }

    /// A file by the label that both links have for it.
    pub(super) fn common_label(&self, file: u32) -> BString {
        let label = self.file(file);
        self.aliases.get(&label).cloned().unwrap_or(label)
    }

    /// Labels of the files in the link.
    fn labels(&self) -> BTreeSet<BString> {
        let p = self.portrait;
        (0..p.files.path.len() as u32).filter(|&f| p.is_in_link(f)).map(|f| self.file(f)).collect()
    }

    /// Takes files of this link that only differ in their folder from one of `old` for the same: builds in
    /// folders of their own, objects in scratch folders.
    pub fn align(&mut self, old: &LinkSide<'_, '_>) {
        let (before, now) = (old.labels(), self.labels());
        let mut names: BTreeMap<BString, (Vec<&BString>, Vec<&BString>)> = BTreeMap::new();
        for label in before.difference(&now) {
            names.entry(base_name(label)).or_default().0.push(label);
        }
        for label in now.difference(&before) {
            names.entry(base_name(label)).or_default().1.push(label);
        }
        for (from, to) in names.into_values() {
            if let ([from], [to]) = (&from[..], &to[..]) {
                self.aliases.insert((*to).clone(), (*from).clone());
            }
        }
        self.side.aliases = self.aliases.clone();
    }

    /// The folder of an object; of a member that of its archive, or of the object that a thin one names.
    fn folder(&self, file: u32) -> BString {
        let p = self.portrait;
        let joined = p.files.joined.get(file as usize).and_then(|&j| p.strings.some(j));
        let path = self.shown(joined.unwrap_or_else(|| p.member(file).path));
        match path.rfind_byte(b'/') {
            Some(0) => BString::from("/"),
            Some(at) => BString::from(path.get(..at).unwrap_or(path)),
            None => BString::from("."),
        }
    }

    /// The symbol that names a section best: a global function or object, else the first of all.
    pub(super) fn symbol(&self, node: u32) -> &BStr {
        use crate::query::portrait::tables::symbol_info;
        let p = self.portrait;
        if let Some(row) = p.extra(node) {
            return p.strings.get(p.extras.name.get(row).copied().unwrap_or(NONE)).as_bstr();
        }
        let rank = |row: &usize| {
            let info = p.symbols.info.at(*row);
            let typed = matches!(info & symbol_info::TYPE, 1 | 2 | 6 | 10);
            (typed, info & symbol_info::LOCAL == 0, p.symbols.size.at(*row), std::cmp::Reverse(*row))
        };
        let best = p.symbols_of(node).max_by_key(rank);
        best.map_or(b"".as_bstr(), |row| {
            p.strings.get(p.symbols.name.get(row).copied().unwrap_or(NONE)).as_bstr()
        })
    }

    /// A root in words: its kind, and what names it.
    pub(super) fn root_name(&self, root: u32) -> BString {
        let p = self.portrait;
        let at = root as usize;
        let text = |column: &[u32], row: usize| p.strings.some(column.get(row).copied().unwrap_or(NONE));
        let kind = p.root_kind(at).word();
        let name = text(&p.roots.name, at).map(BString::from);
        let keep = p.roots.keep.get(at).copied().filter(|k| *k != NONE).map(|keep| {
            let statement = text(&p.keeps.text, keep as usize).unwrap_or(b"");
            let script = self.shown(text(&p.keeps.file, keep as usize).unwrap_or(b""));
            BString::from([statement, b" in ", script].concat())
        });
        let section = || {
            let node = p.roots.node.get(at).copied().unwrap_or(NONE);
            if p.is_section(node) { BString::from(p.section_name(node)) } else { BString::default() }
        };
        let what = name.or(keep).unwrap_or_else(section);
        BString::from([kind.as_bytes(), b" ", &what[..]].concat())
    }

    /// The nearest root of every node, breadth first in the order of the roots.
    fn roots(&self) -> Vec<u32> {
        let p = self.portrait;
        let mut root_of = vec![NONE; p.node_count()];
        let mut queue = VecDeque::new();
        for (root, &node) in p.roots.node.iter().enumerate() {
            if let Some(slot) = root_of.get_mut(node as usize)
                && *slot == NONE
            {
                *slot = root as u32;
                queue.push_back(node);
            }
        }
        while let Some(node) = queue.pop_front() {
            let root = root_of.get(node as usize).copied().unwrap_or(NONE);
            self.for_each_target(node, |target, _| {
                if let Some(slot) = root_of.get_mut(target as usize)
                    && *slot == NONE
                {
                    *slot = root;
                    queue.push_back(target);
                }
            });
        }
        root_of
    }

    fn parts(&self, name: String) -> Side {
        let p = self.portrait;
        let mut maker = Maker { link: self, texts: Texts::new(), parts: Vec::new(), roots: Vec::new() };
        maker.roots = vec![NONE; p.roots.node.len()];
        let mut inside = vec![0u64; p.outputs.name.len()];
        for node in 0..p.node_count() as u32 {
            let Some(&(bytes, Some(class))) = self.laid.get(node as usize) else { continue };
            let place = p.place(node);
            if let Some(sum) = inside.get_mut(place as usize) {
                *sum = sum.saturating_add(bytes);
            }
            maker.node(node, place, bytes, class);
        }
        let (mut sums, mut inexact) = (Sums::default(), Vec::new());
        for (row, &content) in inside.iter().enumerate() {
            let Some(class) = class_of(p.outputs.class.at(row)) else { continue };
            let (padding, stated) = (p.outputs.padding.at(row), p.outputs.stated.at(row));
            let known = content.saturating_add(padding).saturating_add(stated);
            // In a sound portrait no output section is smaller than what lies in it.
            let size = p.outputs.size.at(row).max(known);
            sums.add(class, size);
            if p.outputs.made.at(row) != 0 {
                inexact.push(BString::from(p.strings.get(p.outputs.name.at(row))));
            }
            let rest = size - known;
            for (kind, bytes) in
                [(PartKind::Padding, padding), (PartKind::Statement, stated), (PartKind::Linker, rest)]
            {
                maker.other(kind, row, bytes, class);
            }
        }
        let Maker { texts, parts, .. } = maker;
        let mut side = Side::new(name, SideKind::Link, sums, parts, texts);
        side.inexact = inexact;
        side
    }
}

/// `b.o` of `a/b.o`, `l.a(b.o)` of `a/l.a(b.o)`, hashes of 16 hexadecimal digits taken out.
fn base_name(label: &BString) -> BString {
    let path = label.split(|b| *b == b'(').next().unwrap_or_default();
    let from = path.rfind_byte(b'/').map_or(0, |at| at + 1);
    let mut rest = label.get(from..).unwrap_or_default();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&first, tail)) = rest.split_first() {
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if digits == 16 {
            out.push(b'#');
            rest = rest.get(digits..).unwrap_or_default();
        } else if digits > 0 {
            out.extend_from_slice(rest.get(..digits).unwrap_or_default());
            rest = rest.get(digits..).unwrap_or_default();
        } else {
            out.push(first);
            rest = tail;
        }
    }
    BString::from(out)
}

/// What the bytes of an output section count under, from its number.
fn class_of(code: u8) -> Option<SizeClass> {
    match code {
        0 => Some(SizeClass::Text),
        1 => Some(SizeClass::Data),
        2 => Some(SizeClass::Bss),
        _ => None,
    }
}

/// Whether a node is in the output.
fn is_kept(p: &Portrait<'_>, node: u32) -> bool {
    if p.is_section(node) { p.fate(node) == Fate::Kept } else { !p.head.collects || p.is_live(node) }
}

/// Bytes and classes of nodes. A file from elsewhere may say anything: what is not kept, or lies in no
/// output section, has no bytes.
fn laid(p: &Portrait<'_>) -> Vec<(u64, Option<SizeClass>)> {
    (0..p.node_count() as u32)
        .map(|node| {
            let place = p.place(node) as usize;
            if place >= p.outputs.name.len() || !is_kept(p, node) {
                return (0, None);
            }
            (p.laid_bytes(node), class_of(p.outputs.class.at(place)))
        })
        .collect()
}

/// Makes parts.
struct Maker<'a, 'p, 'd> {
    link: &'a LinkSide<'p, 'd>,
    texts: Texts,
    parts: Vec<Part>,
    /// By root: its text.
    roots: Vec<u32>,
}

impl Maker<'_, '_, '_> {
    fn root(&mut self, node: u32) -> Text {
        let p = self.link.portrait;
        let root = self.link.root_of.get(node as usize).copied().unwrap_or(NONE);
        if root == NONE {
            let word: &[u8] = if p.head.collects { b"(kept by rule)" } else { b"(nothing is collected)" };
            return self.texts.number(word);
        }
        if let Some(&text) = self.roots.get(root as usize).filter(|t| **t != NONE) {
            return text;
        }
        let text = self.texts.number(&self.link.root_name(root));
        if let Some(slot) = self.roots.get_mut(root as usize) {
            *slot = text;
        }
        text
    }

    /// The bytes of a node, divided among its symbols.
    fn node(&mut self, node: u32, place: u32, bytes: u64, class: SizeClass) {
        let p = self.link.portrait;
        let file = p.owner(node);
        let label = self.link.file(file);
        let archive = match file {
            NONE => 0,
            file => {
                let member = p.member(file);
                let path = self.link.shown(member.path);
                if member.member.is_some() { self.texts.number(path) } else { 0 }
            }
        };
        let directory = self.link.folder(file);
        let output = p.strings.get(p.outputs.name.at(place as usize));
        let region = p.outputs.region.get(place as usize).copied().unwrap_or(NONE);
        let input = match p.extra(node) {
            Some(_) => &b"COMMON"[..],
            None => p.section_name(node),
        };
        let part = Part {
            kind: PartKind::Content,
            class,
            bytes: 0,
            output: self.texts.number(output),
            input: self.texts.number(input),
            symbol: 0,
            file: self.texts.number(&label),
            directory: self.texts.number(&directory),
            archive,
            root: self.root(node),
            region: self.texts.number(p.strings.get(region)),
        };
        if let Some(row) = p.extra(node) {
            let named = codes::extra(p.extras.kind.at(row)) == ExtraKind::Common;
            let name = if named { self.link.symbol(node).to_vec() } else { Vec::new() };
            let symbol = self.texts.number(&name);
            self.parts.push(Part { bytes, symbol, ..part });
            return;
        }
        let mut spans: Vec<(u64, std::cmp::Reverse<u64>, u32)> = p
            .symbols_of(node)
            .filter(|&row| p.symbols.size.at(row) > 0)
            .map(|row| {
                let size = std::cmp::Reverse(p.symbols.size.at(row));
                (p.symbols.value.at(row), size, p.symbols.name.get(row).copied().unwrap_or(NONE))
            })
            .collect();
        spans.sort_by(|a, b| {
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| p.strings.get(a.2).cmp(p.strings.get(b.2)))
        });
        let (mut end, mut named) = (0u64, 0u64);
        for (value, std::cmp::Reverse(size), name) in spans {
            let from = value.max(end).min(bytes);
            let to = value.saturating_add(size).min(bytes);
            if to > from {
                let symbol = self.texts.number(p.strings.get(name));
                self.parts.push(Part { bytes: to - from, symbol, ..part });
                named += to - from;
                end = to;
            }
        }
        if bytes > named {
            // Hand-written code often gives its symbols no size.
            let symbol = if named == 0 { self.texts.number(self.link.symbol(node)) } else { 0 };
            self.parts.push(Part { bytes: bytes - named, symbol, ..part });
        }
    }

    fn other(&mut self, kind: PartKind, row: usize, bytes: u64, class: SizeClass) {
        if bytes == 0 {
            return;
        }
        let p = self.link.portrait;
        let output = self.texts.number(p.strings.get(p.outputs.name.at(row)));
        let region = p.outputs.region.get(row).copied().unwrap_or(NONE);
        let region = self.texts.number(p.strings.get(region));
        self.parts.push(Part { region, ..Part::of_output(kind, class, bytes, output) });
    }
}

#[cfg(test)]
mod tests {
    use super::base_name;

    #[test]
    fn folders_and_hashes_go() {
        let name = |label: &str| base_name(&label.into());
        assert_eq!(name("a/b/c.o"), "c.o");
        assert_eq!(
            name("/x/libcore-120cbae4e86ec454.rlib(core.c1f1a4ba060b9bfa-cgu.0.o)"),
            "libcore-#.rlib(core.#-cgu.0.o)"
        );
        assert_eq!(name("lib/x.a(sub/m.o)"), "x.a(sub/m.o)");
        assert_eq!(name("abc1234.o"), "abc1234.o");
    }
}

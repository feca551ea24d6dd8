//! One side of a comparison: every byte of an output, as parts that know whose they are.
//!
//! In: a linked image, or (`links.rs`) the portrait of a link. Out: [`Side`]. Always true: the parts add
//! up to text, data and bss (asserted where they are made).

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::load::image::{Image, SizeClass};

/// text, data and bss in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Code and read-only data.
    pub text: u64,
    /// Data with content.
    pub data: u64,
    /// Data without content.
    pub bss: u64,
}

impl Sums {
    /// Adds bytes of a class.
    pub fn add(&mut self, class: SizeClass, bytes: u64) {
        let sum = match class {
            SizeClass::Text => &mut self.text,
            SizeClass::Data => &mut self.data,
            SizeClass::Bss => &mut self.bss,
        };
        *sum = sum.saturating_add(bytes);
    }

    /// Adds another.
    pub fn join(&mut self, other: Sums) {
        self.add(SizeClass::Text, other.text);
        self.add(SizeClass::Data, other.data);
        self.add(SizeClass::Bss, other.bss);
    }

    /// The sum of all three.
    pub fn dec(self) -> u64 {
        self.text.saturating_add(self.data).saturating_add(self.bss)
    }
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// Bytes of a symbol, or of a section's rest that no symbol covers.
    Content,
    /// Space for the alignment of what follows.
    Padding,
    /// Space and data that statements of a script make.
    Statement,
    /// What the linker itself makes.
    Linker,
}

/// A text of a [`Side`], by number.
pub type Text = u32;

/// Some bytes of the output, with everything that they can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// What `size` counts it under.
    pub class: SizeClass,
    /// Bytes.
    pub bytes: u64,
    /// Output section.
    pub output: Text,
    /// Input section's name.
    pub input: Text,
    /// The symbol; empty for bytes that no symbol covers.
    pub symbol: Text,
    /// Object or archive member.
    pub file: Text,
    /// Folder of the object, or of the archive.
    pub directory: Text,
    /// Archive.
    pub archive: Text,
    /// What keeps it: the root that its shortest chain begins with.
    pub root: Text,
    /// Memory region.
    pub region: Text,
}

impl Part {
    /// Bytes of which only the output section is known.
    pub(super) fn of_output(kind: PartKind, class: SizeClass, bytes: u64, output: Text) -> Self {
        Part {
            kind,
            class,
            bytes,
            output,
            input: 0,
            symbol: 0,
            file: 0,
            directory: 0,
            archive: 0,
            root: 0,
            region: 0,
        }
    }
}

/// What a side is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideKind {
    /// A linked file: sizes only.
    Image,
    /// A link that was analysed.
    Link,
}

/// One side.
#[derive(Debug, Clone)]
pub struct Side {
    /// How the user calls it.
    pub name: String,
    /// What it is made from.
    pub kind: SideKind,
    /// The totals.
    pub sums: Sums,
    /// Where sizes are those of inputs because only the linker knows them; empty if all are exact.
    pub inexact: Vec<BString>,
    /// All bytes.
    pub parts: Vec<Part>,
    /// By file label: the label that the other side has for the same file.
    pub(super) aliases: BTreeMap<BString, BString>,
    texts: Texts,
}

/// Texts by number; number 0 is the empty one.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    list: Vec<BString>,
    numbers: HashMap<BString, Text, FixedState>,
}

impl Texts {
    pub(super) fn new() -> Self {
        let mut texts = Texts { list: Vec::new(), numbers: HashMap::with_hasher(FixedState::default()) };
        texts.number(b"");
        texts
    }

    pub(super) fn number(&mut self, text: &[u8]) -> Text {
        if let Some(&number) = self.numbers.get(text.as_bstr()) {
            return number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(0);
        self.list.push(BString::from(text));
        self.numbers.insert(BString::from(text), number);
        number
    }
}

impl Side {
    /// Puts a side together.
    ///
    /// # Panics
    /// If the parts do not add up to the totals: a defect of this program.
    pub(super) fn new(name: String, kind: SideKind, sums: Sums, parts: Vec<Part>, texts: Texts) -> Self {
        let mut all = Sums::default();
        for part in &parts {
            all.add(part.class, part.bytes);
        }
        assert_eq!(all, sums, "the parts of {name} add up to its sizes");
        Side { name, kind, sums, inexact: Vec::new(), parts, aliases: BTreeMap::new(), texts }
    }

    /// A side without any bytes.
    pub fn empty(name: String) -> Self {
        Side::new(name, SideKind::Link, Sums::default(), Vec::new(), Texts::new())
    }

    /// A text by its number.
    pub fn text(&self, number: Text) -> &BStr {
        self.texts.list.get(number as usize).map_or(b"".as_bstr(), |t| t.as_bstr())
    }

    /// A file by the label that both sides have for it.
    pub(super) fn common_label(&self, number: Text) -> &BStr {
        let own = self.text(number);
        self.aliases.get(own).map_or(own, |a| a.as_bstr())
    }

    /// An image: its allocated sections, divided among the symbols in them.
    pub fn of_image(name: String, image: &Image<'_>) -> Side {
        let mut texts = Texts::new();
        let mut symbols: Vec<_> = image.symbols().collect();
        symbols.sort_by(|a, b| {
            let key =
                |s: &crate::load::image::SizedSymbol<'_>| (s.section, s.offset, std::cmp::Reverse(s.size));
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(b.name))
        });
        let (mut parts, mut sums) = (Vec::new(), Sums::default());
        for section in image.sections() {
            sums.add(section.class, section.size);
            let output = texts.number(section.name);
            let mut part = |symbol: Text, bytes: u64| {
                let whole = Part::of_output(PartKind::Content, section.class, bytes, output);
                parts.push(Part { input: output, symbol, ..whole });
            };
            let first = symbols.partition_point(|s| s.section < section.index);
            let (mut end, mut named) = (0u64, 0u64);
            for symbol in symbols.iter().skip(first).take_while(|s| s.section == section.index) {
                let from = symbol.offset.max(end).min(section.size);
                let to = symbol.offset.saturating_add(symbol.size).min(section.size);
                if to > from {
                    part(texts.number(symbol.name), to - from);
                    named += to - from;
                    end = to;
                }
            }
            if section.size > named {
                part(0, section.size - named);
            }
        }
        Side::new(name, SideKind::Image, sums, parts, texts)
    }
}

//! What changed between two outputs, in bytes, and why (`diff`).
//!
//! In: two [`Side`]s. Out: [`Diff`]: totals as `size` counts them, rows by whatever they are asked by.
//! Always true: the rows of every grouping add up to the totals of both sides, class by class (asserted).

pub mod bloat;
pub mod causes;
mod links;
mod matching;
pub mod names;
mod nodes;
mod side;

use std::collections::BTreeMap;

use bstr::BString;

use super::portrait::Portrait;

pub use links::LinkSide;
pub use side::{Part, PartKind, Side, SideKind, Sums, Text};

/// What rows stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Object or archive member.
    File,
    /// Archive; plain objects together.
    Archive,
    /// Folder of the object or archive.
    Directory,
    /// Symbol, matched over renames.
    Symbol,
    /// The root that the shortest chain begins with.
    Root,
    /// Output section.
    Section,
    /// Input section's name.
    Input,
    /// Memory region.
    Region,
}

impl By {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            By::File => "file",
            By::Archive => "archive",
            By::Directory => "directory",
            By::Symbol => "symbol",
            By::Root => "root",
            By::Section => "section",
            By::Input => "input",
            By::Region => "region",
        }
    }

    /// Whether an image knows it.
    pub fn of_images(self) -> bool {
        matches!(self, By::Symbol | By::Section)
    }
}

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// What it is called now, or was called if it is gone.
    pub name: BString,
    /// What it was called, if that differs.
    pub was: Option<BString>,
    /// The file it is in (symbols of links); empty otherwise.
    pub file: BString,
    /// The file it was in, if that differs.
    pub was_in: Option<BString>,
    /// Bytes before; `None` if it was not there.
    pub old: Option<Sums>,
    /// Bytes now; `None` if it is gone.
    pub new: Option<Sums>,
}

impl Row {
    /// The change in bytes.
    pub fn delta(&self) -> i128 {
        let dec = |sums: Option<Sums>| i128::from(sums.map_or(0, Sums::dec));
        dec(self.new) - dec(self.old)
    }

    /// Whether any class changed.
    pub fn changed(&self) -> bool {
        self.old.unwrap_or_default() != self.new.unwrap_or_default()
    }

    /// The word for what happened.
    pub fn change(&self) -> &'static str {
        match (self.old, self.new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ if self.was.is_some() || self.was_in.is_some() => "renamed",
            _ if self.delta() > 0 => "grown",
            _ if self.delta() < 0 => "shrunk",
            _ if self.changed() => "moved",
            _ => "same",
        }
    }
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Totals before.
    pub old: Sums,
    /// Totals now.
    pub new: Sums,
    /// Rows of every grouping, those without a change included: biggest change first.
    pub groups: Vec<(By, Vec<Row>)>,
}

/// Compares two sides.
///
/// # Panics
/// If the rows of a grouping do not add up: a defect of this program.
pub fn diff(old: &Side, new: &Side, by: &[By]) -> Diff {
    let mut answer = Diff { old: old.sums, new: new.sums, groups: Vec::new() };
    for &by in by {
        let mut rows = if by == By::Symbol { matching::symbols(old, new) } else { grouped(old, new, by) };
        let (mut before, mut after) = (Sums::default(), Sums::default());
        for row in &rows {
            before.join(row.old.unwrap_or_default());
            after.join(row.new.unwrap_or_default());
        }
        assert_eq!((before, after), (old.sums, new.sums), "rows by {} add up", by.word());
        rows.sort_by(|a, b| {
            let size = |r: &Row| std::cmp::Reverse(r.delta().unsigned_abs());
            size(a).cmp(&size(b)).then_with(|| (&a.name, &a.file).cmp(&(&b.name, &b.file)))
        });
        answer.groups.push((by, rows));
    }
    answer
}

/// What differs between two links besides their inputs: each makes sizes hard to compare.
pub fn unlike(old: &Portrait<'_>, new: &Portrait<'_>) -> Vec<String> {
    let (a, b) = (&old.head, &new.head);
    let mut notes = Vec::new();
    let mut note = |what: &str, old: String, new: String| {
        if old != new {
            notes.push(format!("{what} differs: {old} before, {new} now"));
        }
    };
    let linker = |p: crate::plan::Profile| {
        let v = p.version;
        format!("{:?} {}.{}.{}", p.flavor, v.0, v.1, v.2).to_lowercase()
    };
    note("the linker", linker(a.profile), linker(b.profile));
    note("the emulation", a.emulation.clone(), b.emulation.clone());
    note("the machine", a.machine.to_string(), b.machine.to_string());
    note("the kind of output", format!("{:?}", a.output_kind), format!("{:?}", b.output_kind));
    let collects = |on: bool| if on { "on".to_string() } else { "off".to_string() };
    note("garbage collection", collects(a.collects), collects(b.collects));
    if let (Some(a), Some(b)) = (&a.kernel, &b.kernel) {
        note("the kernel's release", a.release.clone(), b.release.clone());
        note("the architecture", a.arch.clone(), b.arch.clone());
        note("the kernel's configuration", a.config.clone(), b.config.clone());
    }
    let partial = |n: u64| format!("{n} unreadable files");
    note("what could be read", partial(a.unreadable_files), partial(b.unreadable_files));
    notes
}

/// What a part that is nobody's is called.
fn special(kind: PartKind) -> Option<&'static str> {
    match kind {
        PartKind::Content => None,
        PartKind::Padding => Some("(padding)"),
        PartKind::Statement => Some("(script statements)"),
        PartKind::Linker => Some("(linker-made)"),
    }
}

fn grouped(old: &Side, new: &Side, by: By) -> Vec<Row> {
    let mut rows: BTreeMap<BString, Row> = BTreeMap::new();
    for (side, is_new) in [(old, false), (new, true)] {
        let mut keys: BTreeMap<(PartKind, Text), Sums> = BTreeMap::new();
        for part in &side.parts {
            let text = match by {
                By::File | By::Symbol => part.file,
                By::Directory => part.directory,
                By::Archive => part.archive,
                By::Root => part.root,
                By::Section => part.output,
                By::Input => part.input,
                By::Region => part.region,
            };
            let text = if special(part.kind).is_some() { 0 } else { text };
            keys.entry((part.kind, text)).or_default().add(part.class, part.bytes);
        }
        for ((kind, text), sums) in keys {
            let name = match special(kind) {
                Some(word) => BString::from(word),
                None => key(side, by, text),
            };
            // A file of another folder that stands for the same is one row.
            let common = match by {
                By::File => side.aliases.get(&name).cloned(),
                _ => None,
            };
            let row = rows
                .entry(common.clone().unwrap_or_else(|| name.clone()))
                .or_insert_with(|| Row { name: name.clone(), ..Row::default() });
            if common.is_some() && row.name != name {
                row.was = Some(std::mem::replace(&mut row.name, name));
            }
            let slot = if is_new { &mut row.new } else { &mut row.old };
            slot.get_or_insert_with(Sums::default).join(sums);
        }
    }
    rows.into_values().collect()
}

fn key(side: &Side, by: By, text: Text) -> BString {
    let text = side.text(text);
    match by {
        By::Directory if text.is_empty() => BString::from("."),
        By::Archive if text.is_empty() => BString::from("(objects)"),
        By::Region if text.is_empty() => BString::from("(no region)"),
        By::Root if text.is_empty() => BString::from("(no root)"),
        _ => BString::from(text),
    }
}

//! Ranges of a script: what stands between two symbols that the script assigns around statements.
//!
//! In: the scripts and their statements. Out: [`Range`]s with their bounds, innermost first for each
//! statement ([`Ranges::around`]). Recognised: symbols with the value of `.` on both sides
//! (`__start_X`/`__stop_X`, `X_begin`/`X_end`, `X`/`X_end`, PROVIDE, inside or around an output
//! section), `ADDR`/`LOADADDR` with `SIZEOF` of an output section, and a symbol in front of a
//! statement that bears the section's name (sentinel-terminated tables).

use bstr::BString;
use hashbrown::HashMap;

use super::statements::Statement;
use crate::program::Program;
use crate::script::expr::{Expr, NameFn, Node};
use crate::script::walk::{self, StepKind};
use crate::script::{Script, Span};

/// A symbol that a script assigns beside statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Its name.
    pub name: BString,
    /// Number of the script.
    pub script: u32,
    /// The assignment.
    pub span: Span,
    /// PROVIDE or PROVIDE_HIDDEN.
    pub provide: bool,
}

/// How a range was found; the more certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Two symbols whose names say start and end of the same thing.
    Pair,
    /// `ADDR` or `LOADADDR` of an output section, and the same with `SIZEOF`.
    Section,
    /// Two neighbouring start symbols of one family (`__initcall0_start`, `__initcall1_start`).
    Neighbours,
    /// A symbol with the section's name in front, nothing behind.
    StartOnly,
}

/// One range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// How it was found.
    pub form: Form,
    /// Index of the start symbol in [`Ranges::bounds`].
    pub start: u32,
    /// Index of the stop symbol, if it has one.
    pub stop: Option<u32>,
    /// The first statement between them.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

impl Range {
    /// The statements between the bounds, in order.
    pub fn statements(&self) -> std::ops::RangeInclusive<u32> {
        self.first..=self.last
    }

    /// How many there are.
    pub fn width(&self) -> u32 {
        self.last.saturating_sub(self.first) + 1
    }
}

/// How far behind a symbol its other half is looked for, in statements and symbols; and how many
/// nested ranges a statement knows. A script that exceeds these is no linker's.
const REACH: usize = 2048;
const MOST_AROUND: usize = 16;

/// All ranges of all scripts.
#[derive(Debug, Default)]
pub struct Ranges {
    /// Symbols in script order.
    pub bounds: Vec<Bound>,
    /// Ranges, fewest statements first.
    pub ranges: Vec<Range>,
    /// Output sections with the symbols that hold their load address: what is copied from there at start.
    pub copied: Vec<(BString, Vec<u32>)>,
    around: HashMap<u32, Vec<u32>, foldhash::fast::FixedState>,
}

impl Ranges {
    /// The ranges around a statement, innermost first.
    pub fn around(&self, statement: u32) -> impl Iterator<Item = (usize, &Range)> {
        let list = self.around.get(&statement).map_or(&[][..], |l| l.as_slice());
        list.iter().filter_map(|&r| Some((r as usize, self.ranges.get(r as usize)?)))
    }
}

/// What the search for ranges sees of a script, in order.
enum Item {
    /// A bound with the value of the location counter.
    Here(u32),
    /// A statement.
    Input(u32),
}

/// An output section, and the bounds that ADDR and SIZEOF make of it.
type Named = (BString, Vec<u32>, Vec<u32>);

/// Finds all ranges.
pub fn ranges(program: &Program<'_>, statements: &[Statement]) -> Ranges {
    let mut out = Ranges::default();
    for (number, file) in program.scripts.iter().enumerate() {
        of_script(&file.script, number as u32, statements, &mut out);
    }
    out.ranges.sort_by_key(|r| (r.width(), r.form, r.start));
    let Ranges { ranges, around, .. } = &mut out;
    for (number, range) in ranges.iter().enumerate() {
        for statement in range.statements() {
            let list = around.entry(statement).or_default();
            if list.len() < MOST_AROUND {
                list.push(number as u32);
            }
        }
    }
    out
}

fn of_script(script: &Script, number: u32, statements: &[Statement], out: &mut Ranges) {
    let mut by_span: HashMap<Span, u32, foldhash::fast::FixedState> = HashMap::default();
    for (at, statement) in statements.iter().enumerate() {
        if statement.script == number {
            by_span.insert(statement.span, at as u32);
        }
    }
    let mut items: Vec<Item> = Vec::new();
    let mut sections: Vec<Named> = Vec::new();
    let mut find: HashMap<BString, usize, foldhash::fast::FixedState> = HashMap::default();
    let steps = walk::steps(script);
    for step in &steps {
        match step.kind {
            StepKind::Assign(a) if a.name.text != "." => {
                let Some(value) = value_of(&a.value) else { continue };
                let bound = out.bounds.len() as u32;
                out.bounds.push(Bound {
                    name: a.name.text.clone(),
                    script: number,
                    span: a.span,
                    provide: a.kind.is_provide(),
                });
                let (name, stop) = match value {
                    Value::Here => {
                        items.push(Item::Here(bound));
                        continue;
                    }
                    Value::Start(name) => (name, false),
                    Value::Stop(name) => (name, true),
                };
                let at = *find.entry(name.clone()).or_insert_with(|| {
                    sections.push((name, Vec::new(), Vec::new()));
                    sections.len() - 1
                });
                if let Some((_, starts, stops)) = sections.get_mut(at) {
                    if stop { stops } else { starts }.push(bound);
                }
            }
            StepKind::Input => {
                if let Some(&statement) = by_span.get(&step.span)
                    && statements.get(statement as usize).is_some_and(|s| !s.discard)
                {
                    items.push(Item::Input(statement));
                }
            }
            _ => {}
        }
    }
    let stems: Vec<Stem> = out.bounds.iter().map(|b| stem(&b.name)).collect();
    pairs(&items, &stems, out);
    neighbours(&items, &stems, out);
    start_only(&items, &stems, statements, out);
    out.copied.extend(sections.iter().map(|(name, starts, _)| (name.clone(), starts.clone())));
    for (name, starts, stops) in sections {
        let own = |s: &&Statement| s.script == number && s.output == name && !s.discard;
        let mut inside = statements.iter().enumerate().filter(|(_, s)| own(s)).map(|(at, _)| at as u32);
        let (Some(&start), Some(&stop), Some(first)) = (starts.first(), stops.first(), inside.next()) else {
            continue;
        };
        // Statements of a second output section of that name are not between the bounds.
        let last = inside.scan(first, |at, next| (next == *at + 1).then(|| (*at = next, next).1)).last();
        let last = last.unwrap_or(first);
        out.ranges.push(Range { form: Form::Section, start, stop: Some(stop), first, last });
    }
}

/// What an assignment makes of its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// The place where it stands.
    Here,
    /// The start of an output section.
    Start(BString),
    /// The end of an output section.
    Stop(BString),
}

fn value_of(value: &Expr) -> Option<Value> {
    let mut dot = false;
    let (mut addr, mut sizeof) = (None, None);
    for node in &value.nodes {
        match node {
            Node::Dot => dot = true,
            // `. - __start`: a size; `other + 4`: an alias.
            Node::Symbol(_) => return None,
            Node::Function(NameFn::Addr | NameFn::Loadaddr, name) => addr = Some(name.clone()),
            Node::Function(NameFn::Sizeof, name) => sizeof = Some(name.clone()),
            _ => {}
        }
    }
    match (dot, addr, sizeof) {
        (true, None, None) => Some(Value::Here),
        (false, Some(name), None) => Some(Value::Start(name)),
        (false, Some(name), Some(size)) if name == size => Some(Value::Stop(name)),
        _ => None,
    }
}

/// What a bound's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stem {
    /// The name without the words for start and end.
    pub(super) text: String,
    /// It has a word for start.
    pub(super) start: bool,
    /// It has a word for end.
    pub(super) end: bool,
    /// The name in lower case without underscores in front.
    pub(super) bare: String,
}

const STARTS: [&str; 6] = ["start", "begin", "beginning", "first", "base", "head"];
const ENDS: [&str; 7] = ["end", "stop", "last", "limit", "finish", "tail", "ends"];

/// Takes a bound's name apart.
pub(super) fn stem(name: &[u8]) -> Stem {
    let text = String::from_utf8_lossy(name).to_lowercase();
    let (mut start, mut end) = (false, false);
    let mut words: Vec<&str> = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
        if STARTS.contains(&word) && !start {
            start = true;
        } else if ENDS.contains(&word) && !end {
            end = true;
        } else {
            words.push(word);
        }
    }
    let bare = text.trim_start_matches('_').to_string();
    Stem { text: words.join("_"), start, end, bare }
}

/// Whether `a` in front and `b` behind are the bounds of one thing.
fn is_pair(a: &Stem, b: &Stem) -> bool {
    if a.text == b.text && !a.end && b.end && !b.start {
        return true;
    }
    // `_sdata` and `_edata`.
    match (a.bare.strip_prefix('s'), b.bare.strip_prefix('e')) {
        (Some(a), Some(b)) => a.len() > 2 && a == b,
        _ => false,
    }
}

/// The first and last statement of a run.
fn ends(run: &[Item]) -> Option<(u32, u32)> {
    let mut inputs = run.iter().filter_map(|i| if let Item::Input(s) = *i { Some(s) } else { None });
    let first = inputs.next()?;
    Some((first, inputs.next_back().unwrap_or(first)))
}

/// For each symbol the next one that pairs with it by name.
fn pairs(items: &[Item], stems: &[Stem], out: &mut Ranges) {
    let of = |bound: u32| stems.get(bound as usize);
    for (at, item) in items.iter().enumerate() {
        let Item::Here(start) = *item else { continue };
        let Some(own) = of(start).filter(|s| !s.end) else { continue };
        let rest = items.get(at + 1..).unwrap_or_default();
        let hit = rest.iter().take(REACH).enumerate().find_map(|(n, later)| {
            let Item::Here(other) = *later else { return None };
            let stem = of(other)?;
            // The same start again: what follows belongs to that one.
            (is_pair(own, stem) || stem.bare == own.bare).then_some((n, other, stem.bare != own.bare))
        });
        let Some((n, stop, true)) = hit else { continue };
        if let Some((first, last)) = ends(rest.get(..n).unwrap_or_default()) {
            out.ranges.push(Range { form: Form::Pair, start, stop: Some(stop), first, last });
        }
    }
}

/// Two start symbols of one family with statements between them.
fn neighbours(items: &[Item], stems: &[Stem], out: &mut Ranges) {
    for (at, item) in items.iter().enumerate() {
        let Item::Here(start) = *item else { continue };
        let rest = items.get(at + 1..).unwrap_or_default();
        let count = rest.iter().take_while(|i| matches!(i, Item::Input(_))).count();
        let Some(Item::Here(stop)) = rest.get(count) else { continue };
        let Some((first, last)) = ends(rest.get(..count).unwrap_or_default()) else { continue };
        let (Some(a), Some(b)) = (stems.get(start as usize), stems.get(*stop as usize)) else { continue };
        let family = |s: &Stem| s.text.trim_end_matches(|c: char| c.is_ascii_digit()).to_string();
        let (one, other) = (family(a), family(b));
        let common = one.bytes().zip(other.bytes()).take_while(|(x, y)| x == y).count();
        let kin = one == other || (common >= 5 && common * 3 >= one.len().max(other.len()) * 2);
        if a.start && !a.end && kin && (b.start || b.end) {
            out.ranges.push(Range { form: Form::Neighbours, start, stop: Some(*stop), first, last });
        }
    }
}

/// A symbol that bears the name of the section behind it.
fn start_only(items: &[Item], stems: &[Stem], statements: &[Statement], out: &mut Ranges) {
    for (at, item) in items.iter().enumerate() {
        let Item::Here(start) = *item else { continue };
        let rest = items.get(at + 1..).unwrap_or_default();
        let count = rest.iter().take_while(|i| matches!(i, Item::Input(_))).count();
        let Some((first, last)) = ends(rest.get(..count).unwrap_or_default()) else { continue };
        let named = statements.get(first as usize).and_then(|s| s.patterns.first());
        let Some(section) = named.map(|p| squeeze(&p.text)).filter(|s| s.len() > 3) else { continue };
        let Some(own) = stems.get(start as usize).filter(|s| !s.end) else { continue };
        if squeeze(own.bare.as_bytes()) == section || squeeze(own.text.as_bytes()) == section {
            out.ranges.push(Range { form: Form::StartOnly, start, stop: None, first, last });
        }
    }
}

/// Letters and digits only, lower case.
fn squeeze(name: &[u8]) -> String {
    name.iter().filter(|b| b.is_ascii_alphanumeric()).map(|b| char::from(b.to_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_pair() {
        for (a, b) in [
            ("__start_tab", "__stop_tab"),
            ("__tagtable_begin", "__tagtable_end"),
            ("__alt_instructions", "__alt_instructions_end"),
            ("__start_pci_fixups_early", "__end_pci_fixups_early"),
            ("_sdata", "_edata"),
            ("__bss_start", "__bss_stop"),
            ("__init_begin", "__init_end"),
        ] {
            assert!(is_pair(&stem(a.as_bytes()), &stem(b.as_bytes())), "{a} {b}");
            assert!(!is_pair(&stem(b.as_bytes()), &stem(a.as_bytes())), "{b} {a}");
        }
        for (a, b) in [
            ("__initcall0_start", "__initcall1_start"),
            ("_etext", "__start_x"),
            ("a", "b"),
            ("_end", "_end"),
        ] {
            assert!(!is_pair(&stem(a.as_bytes()), &stem(b.as_bytes())), "{a} {b}");
        }
    }
}

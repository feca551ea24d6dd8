//! `why` for people.
//!
//! In: a [`WhyAnswer`]. Out: one paragraph per subject: what it is, the chain that keeps it step by
//! step, who fetched its member; or why it was dropped and what would keep it.

use std::io::{self, Write};

use super::why_words::Words;
use crate::ids::NodeId;
use crate::query::why::{
    Beyond, Cause, Chain, Death, Extracted, LeftBehind, Origin, State, Subject, SymbolPlace, Verdict, View,
    What, WhyAnswer,
};
use crate::resolve::Asker;

/// How the text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Show symbol names as in the source.
    pub demangle: bool,
}

/// Symbols of a member listed at most; the rest is counted.
const MOST_SYMBOLS: usize = 12;

/// Writes an answer.
///
/// # Errors
/// The writer's.
pub fn render(answer: &WhyAnswer, view: &dyn View, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let text = Text { words: Words { view, demangle: options.demangle }, answer };
    if answer.matched == 0 {
        return writeln!(out, "nothing matches {}", super::why_words::shown(&answer.request.pattern));
    }
    if !answer.collects {
        writeln!(out, "this link collects no garbage (no --gc-sections): whatever enters it stays\n")?;
    }
    for (number, subject) in answer.subjects.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        text.subject(subject, out)?;
    }
    if answer.left_out > 0 {
        writeln!(out, "\n... and {} more (-n 0 shows all)", answer.left_out)?;
    }
    let explained = answer.subjects.len() as u64 + answer.left_out;
    let others = answer.matched - explained.min(answer.matched);
    if others > 0 {
        let (what, how) = if answer.request.dead {
            ("live", "without --dead shows why")
        } else {
            ("not live", "--dead tells why")
        };
        let verb = if others == 1 { "match is" } else { "matches are" };
        writeln!(out, "\n{others} other {verb} {what} ({how})")?;
    } else if answer.live == 0 && !answer.request.dead {
        writeln!(out, "\nnothing live matches (--dead tells why)")?;
    }
    Ok(())
}

struct Text<'a> {
    words: Words<'a>,
    answer: &'a WhyAnswer,
}

impl Text<'_> {
    fn subject(&self, s: &Subject, out: &mut dyn Write) -> io::Result<()> {
        let words = &self.words;
        let mut state = words.state(s.state).to_string();
        if s.state == State::NotExtracted && matches!(s.what, What::File(_)) {
            state = "not in the link".into();
        }
        if let What::File(file) = s.what
            && let Some(reason) = words.opaque(file)
        {
            state = format!("in the link, contents unknown ({reason})");
        }
        if s.state == State::Dead && matches!(s.what, What::File(_)) {
            state = "in the link, but nothing of it that is loaded is live".into();
        }
        let size = match s.node {
            Some(node) if !matches!(s.what, What::File(_)) => self.size(node),
            _ => None,
        };
        let size = size.map(|n| format!(" ({n} bytes)")).unwrap_or_default();
        writeln!(out, "{}{size}: {state}", words.what(&s.what))?;
        if let Some(text) = words.definition_of(&s.what) {
            writeln!(out, "  {text}")?;
        }
        if let Some(parts) = &s.parts {
            if parts.live_sections + parts.dead_sections > 0 {
                writeln!(
                    out,
                    "  {} live sections, {} bytes; {} dropped, {} bytes",
                    parts.live_sections, parts.live_bytes, parts.dead_sections, parts.dead_bytes
                )?;
            }
            for section in parts.largest_live.iter().take(5) {
                let size = words.view.section_size(*section);
                writeln!(out, "    live: {} ({size} bytes)", words.section(*section))?;
            }
        }
        for (number, chain) in s.chains.iter().enumerate() {
            if s.chains.len() > 1 {
                writeln!(out, "  {}.", number + 1)?;
            }
            self.chain(chain, out)?;
        }
        self.extraction(&s.extracted, matches!(s.what, What::File(_)), out)?;
        if let Some(left) = &s.left_behind {
            self.left_behind(s, left, out)?;
        }
        if let Some(death) = &s.death {
            self.death(s, death, out)?;
        }
        Ok(())
    }

    fn size(&self, node: NodeId) -> Option<u64> {
        let view = self.words.view;
        match (view.section(node), view.beyond(node)) {
            (Some(section), _) => Some(view.section_size(section)),
            (_, Some(Beyond::CommonsOf { size, .. } | Beyond::Common { size, .. })) => Some(size),
            _ => None,
        }
    }

    fn chain(&self, chain: &Chain, out: &mut dyn Write) -> io::Result<()> {
        let words = &self.words;
        let root = words.node(chain.origin.node());
        match chain.origin {
            Origin::Root(_) => writeln!(out, "  {root}\n       root: {}", words.chain_origin(chain))?,
            _ => writeln!(out, "  {root}\n       {}", words.origin(&chain.origin))?,
        }
        for hop in &chain.hops {
            writeln!(out, "    -> {}\n       {}", words.node(hop.to), words.hop(hop))?;
        }
        Ok(())
    }

    fn extraction(&self, steps: &[Extracted], all: bool, out: &mut dyn Write) -> io::Result<()> {
        if steps.is_empty() {
            return Ok(());
        }
        writeln!(out, "  in the link because:")?;
        for step in steps.iter().take(if all { steps.len() } else { 1 }) {
            writeln!(out, "    {}", self.words.asked(step))?;
        }
        if steps.len() > 1 && !all {
            let (more, file) = (steps.len() - 1, self.words.file(steps[0].file));
            return writeln!(out, "    ... {more} more steps back to the command line: why 'member:{file}'");
        }
        if let Some(Extracted { asker: Asker::File(file), .. }) = steps.last() {
            writeln!(out, "    {} stands on the command line", self.words.file(*file))?;
        }
        Ok(())
    }

    fn left_behind(&self, s: &Subject, left: &LeftBehind, out: &mut dyn Write) -> io::Result<()> {
        let words = &self.words;
        let file = left.file;
        match s.state {
            State::Undefined => writeln!(out, "  {} would define it, but was not taken", words.file(file))?,
            _ => writeln!(out, "  {} was not taken", words.file(file))?,
        }
        if left.unreadable {
            return writeln!(
                out,
                "    its contents are unknown: {}",
                words.opaque(file).unwrap_or("unreadable")
            );
        }
        if left.symbols.is_empty() {
            writeln!(out, "    it defines no global symbol that anything could ask for")?;
        }
        let asked = |v: &Verdict| *v != Verdict::NobodyAsks;
        let mut rows: Vec<_> = left.symbols.iter().collect();
        rows.sort_by_key(|r| !asked(&r.verdict));
        let of_subject = match s.what {
            What::Symbol { name, .. } => name,
            _ => None,
        };
        rows.sort_by_key(|r| Some(r.name) != of_subject);
        for row in rows.iter().take(MOST_SYMBOLS) {
            writeln!(out, "    {}: {}", words.name(row.name), words.verdict(row.verdict))?;
            if let (Some(first), count) = (row.wanted_by.0.first(), row.wanted_by.1) {
                let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
                writeln!(out, "      {}{more} would, but stayed out of the link too", words.file(*first))?;
            }
        }
        if rows.len() > MOST_SYMBOLS {
            writeln!(out, "    ... and {} more symbols", rows.len() - MOST_SYMBOLS)?;
        }
        self.remedies(&left.remedies, out)
    }

    fn death(&self, s: &Subject, death: &Death, out: &mut dyn Write) -> io::Result<()> {
        let words = &self.words;
        if matches!(s.what, What::File(_)) {
            writeln!(out, "  its largest dropped section is {}", words.node(death.node))?;
        }
        if matches!(s.what, What::Symbol { place: SymbolPlace::Bounds(_), .. }) {
            writeln!(out, "  no live section refers to it, so it keeps none of them")?;
        }
        writeln!(out, "  because {}", words.cause(death))?;
        if let Some(table) = &death.table {
            for (reloc, live) in table.uses.iter().take(5) {
                let state = if *live { "live" } else { "dropped" };
                let section = words.section(reloc.section);
                let target = words.target(reloc);
                writeln!(out, "    {section} ({state}) refers to {target} ({})", words.reloc(reloc))?;
            }
        }
        if let Some(place) = &death.placed {
            writeln!(out, "  placed by {}", words.place(place))?;
        }
        if !death.group_peers.is_empty() && !matches!(death.cause, Cause::Lost { .. }) {
            let peers: Vec<String> = death.group_peers.iter().take(3).map(|p| words.section(*p)).collect();
            let more = death.group_peers.len().saturating_sub(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(out, "  in one section group with {}{more}", peers.join(", "))?;
        }
        for own in death.symbols.iter().filter(|o| !o.wins) {
            writeln!(out, "  {}", words.overridden(own))?;
        }
        if !death.referrers.is_empty() {
            writeln!(out, "  referred to by")?;
            for referrer in &death.referrers {
                writeln!(out, "    {}", words.referrer(referrer))?;
            }
            let more = death.referrer_count.saturating_sub(death.referrers.len() as u64);
            if more > 0 {
                writeln!(out, "    ... and {more} more")?;
            }
        }
        self.heads(death, out)?;
        self.remedies(&death.remedies, out)
    }

    fn heads(&self, death: &Death, out: &mut dyn Write) -> io::Result<()> {
        let words = &self.words;
        for head in &death.heads {
            let Some(first) = head.path.first() else { continue };
            if let Some((table, place)) = &head.table {
                writeln!(
                    out,
                    "  it hangs on {}, {}",
                    words.node(*first),
                    words.table(Some(table), place.as_ref())
                )?;
            } else if head.path.len() > 2 {
                let steps = head.path.len() - 1;
                writeln!(
                    out,
                    "  the dropped chain begins {steps} steps up, at {}: nothing refers to it",
                    words.node(*first)
                )?;
            }
        }
        if let Some((node, refers)) = death.nearest_live {
            let table = matches!(
                death.cause,
                Cause::Table | Cause::Lost { .. } | Cause::Excluded | Cause::Structural
            );
            if !table {
                let what = if refers { "refers to it without keeping it" } else { "same file" };
                writeln!(out, "  nearest live section: {} ({what})", words.node(node))?;
            }
        }
        Ok(())
    }

    fn remedies(&self, remedies: &[crate::query::why::Remedy], out: &mut dyn Write) -> io::Result<()> {
        if remedies.is_empty() || !self.answer.request.dead {
            return Ok(());
        }
        writeln!(out, "  to keep it, one of")?;
        for remedy in remedies {
            writeln!(out, "    {}", self.words.remedy(remedy))?;
        }
        Ok(())
    }
}

//! `what-if --kill` as text and JSON.

use serde::Serialize;

use super::Sheet;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::escape;
use super::retained::OwnJson;
use super::text::{count, plural, size};
use crate::query::what_if::kill::{Cut, Item, Kill, MOST_ITEMS};

/// The most members of a set that are told in text.
const TOLD: usize = 12;

fn item(page: &Sheet<'_>, item: &Item) -> String {
    let name = match item.kind {
        "section" => page.style.section(&item.name),
        "keep" => escape(&item.name),
        _ => page.style.symbol(&item.name),
    };
    let place = if item.place.is_empty() { String::new() } else { format!(" of {}", escape(&item.place)) };
    format!("{} {name}{place}", item.kind)
}

fn cut(page: &Sheet<'_>, number: usize, cut: &Cut, out: &mut String) {
    let doubt = if cut.verified { "" } else { " (not enough: the linker keeps it in another way too)" };
    let what = match (cut.items.len(), cut.roots_only) {
        (1, _) => "this alone".to_string(),
        (n, true) => format!("{n} roots"),
        (n, false) => format!("{n} things"),
    };
    out.push_str(&page.style.heading(&format!(
        "\n{number}. {what}: frees {} ({} bytes) in {}{doubt}\n",
        size(cut.freed.bytes),
        count(cut.freed.bytes),
        plural(cut.freed.sections, "section", "sections")
    )));
    for found in cut.items.iter().take(TOLD) {
        out.push_str(&format!("   {}\n", item(page, found)));
    }
    if cut.items.len() > TOLD {
        out.push_str(&format!(
            "   ... and {} more (--format=json lists all)\n",
            count((cut.items.len() - TOLD) as u64)
        ));
    }
}

/// For people.
pub fn text(page: &Sheet<'_>, pattern: &[u8], answer: &Kill) -> Vec<u8> {
    let mut out = page.first.clone();
    out.push_str(&format!(
        "{} names {}, of which {} ({} bytes) in {} live\n",
        escape(pattern),
        plural(answer.matched as u64, "thing", "things"),
        size(answer.live.bytes),
        count(answer.live.bytes),
        plural(answer.live.sections, "section", "sections")
    ));
    if answer.endless {
        out.push_str(&format!(
            "Nothing that could go would end it: this linker keeps it by itself, or more than {MOST_ITEMS} things keep it.\n"
        ));
    } else if !answer.lives {
        out.push_str("None of it lives: nothing has to go.\n");
    } else {
        out.push_str("any one of these sets ends it:\n");
    }
    let shown = page.selection.shown(answer.cuts.len());
    for (number, found) in answer.cuts.iter().take(shown).enumerate() {
        cut(page, number + 1, found, &mut out);
    }
    out.into_bytes()
}

#[derive(Serialize)]
struct KillJson<'a> {
    schema: &'static str,
    tool: Tool,
    link: &'a LinkInfo,
    pattern: String,
    matched: u64,
    live: OwnJson,
    lives: bool,
    endless: bool,
    cuts: Vec<CutJson>,
    cuts_omitted: u64,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct CutJson {
    roots_only: bool,
    verified: bool,
    freed: OwnJson,
    items: Vec<ItemJson>,
}

#[derive(Serialize)]
struct ItemJson {
    kind: &'static str,
    name: String,
    of: Option<String>,
}

/// `linksweep.kill/1`.
pub fn json(page: &Sheet<'_>, pattern: &[u8], answer: &Kill) -> Vec<u8> {
    let shown = page.selection.shown(answer.cuts.len());
    let cuts = answer.cuts.iter().take(shown).map(|cut| CutJson {
        roots_only: cut.roots_only,
        verified: cut.verified,
        freed: cut.freed.into(),
        items: cut
            .items
            .iter()
            .map(|i| ItemJson {
                kind: i.kind,
                name: json::string(&i.name),
                of: (!i.place.is_empty()).then(|| json::string(&i.place)),
            })
            .collect(),
    });
    json::render(&KillJson {
        schema: "linksweep.kill/1",
        tool: TOOL,
        link: &page.link,
        pattern: json::string(pattern),
        matched: answer.matched as u64,
        live: answer.live.into(),
        lives: answer.lives,
        endless: answer.endless,
        cuts: cuts.collect(),
        cuts_omitted: (answer.cuts.len() - shown) as u64,
        findings: json::findings(page.findings),
    })
}

//! `why` for programs: schema `linksweep.why/1`.
//!
//! In: a [`WhyAnswer`] and the common head (tool, link). Out: one JSON object, keys in a fixed order.
//! Every `text` repeats in words what the fields beside it say.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::reloc_names;
use super::why_words::{Words, shown};
use crate::ids::{FileId, NodeId, SectionId};
use crate::query::portrait::codes::edge_word;
use crate::query::why::{
    Beyond, Chain, Death, Extracted, Kind, LeftBehind, Origin, Referrer, RelocUse, Remedy, Subject, View,
    What, WhyAnswer,
};
use crate::resolve::Asker;

/// What stands at the head of every JSON answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Head {
    /// `tool`.
    pub tool: Value,
    /// `link`.
    pub link: Value,
}

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    tool: &'a Value,
    link: &'a Value,
    pattern: String,
    kind: &'static str,
    exact: bool,
    dead: bool,
    collects_garbage: bool,
    matched: u64,
    live: u64,
    left_out: u64,
    subjects: Vec<SubjectJson>,
    findings: [(); 0],
}

#[derive(Serialize)]
struct Place {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct SubjectJson {
    subject: Place,
    state: &'static str,
    live: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    defined: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<PartsJson>,
    chains: Vec<ChainJson>,
    extracted: Vec<ExtractedJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<DeathJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_extracted: Option<LeftJson>,
}

#[derive(Serialize)]
struct PartsJson {
    live_sections: u64,
    live_bytes: u64,
    dropped_sections: u64,
    dropped_bytes: u64,
    largest_live: Vec<Place>,
}

#[derive(Serialize)]
struct ChainJson {
    root: RootJson,
    hops: Vec<HopJson>,
}

#[derive(Serialize)]
struct RootJson {
    node: Place,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct HopJson {
    to: Place,
    edge: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    relocation: Option<RelocJson>,
    text: String,
}

#[derive(Serialize)]
struct RelocJson {
    #[serde(rename = "type")]
    kind: String,
    section: Place,
    offset: u64,
    addend: i64,
    symbol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<String>,
    count: u32,
}

#[derive(Serialize)]
struct ExtractedJson {
    member: Place,
    symbol: Option<String>,
    asker: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relocation: Option<RelocJson>,
    text: String,
}

#[derive(Serialize)]
struct DeathJson {
    section: Place,
    cause: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    placed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounds: Option<BoundsJson>,
    group_peers: Vec<Place>,
    overridden: Vec<String>,
    referrers: Vec<ReferrerJson>,
    referrer_count: u64,
    heads: Vec<HeadJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest_live: Option<NearJson>,
    remedies: Vec<RemedyJson>,
}

#[derive(Serialize)]
struct BoundsJson {
    names: Vec<String>,
    assigned: bool,
    uses: Vec<UseJson>,
}

#[derive(Serialize)]
struct UseJson {
    live: bool,
    relocation: RelocJson,
}

#[derive(Serialize)]
struct HeadJson {
    table: bool,
    path: Vec<Place>,
}

#[derive(Serialize)]
struct NearJson {
    section: Place,
    refers: bool,
}

#[derive(Serialize)]
struct ReferrerJson {
    from: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    relocation: Option<RelocJson>,
    state: &'static str,
    text: String,
}

#[derive(Serialize)]
struct LeftJson {
    member: Place,
    symbols: Vec<SymbolJson>,
    remedies: Vec<RemedyJson>,
}

#[derive(Serialize)]
struct SymbolJson {
    name: String,
    text: String,
    wanted_by_unextracted: u64,
}

#[derive(Serialize)]
struct RemedyJson {
    kind: &'static str,
    text: String,
}

/// Writes an answer and a final newline. Names are not demangled.
///
/// # Errors
/// The writer's.
pub fn render(answer: &WhyAnswer, view: &dyn View, head: &Head, out: &mut dyn Write) -> io::Result<()> {
    let json = Json { words: Words { view, demangle: false } };
    let value = Answer {
        schema: "linksweep.why/1",
        tool: &head.tool,
        link: &head.link,
        pattern: lossy(&answer.request.pattern),
        kind: match answer.request.kind {
            Kind::Any => "any",
            Kind::Section => "section",
            Kind::Symbol => "symbol",
            Kind::File => "file",
            Kind::Member => "member",
        },
        exact: answer.request.exact,
        dead: answer.request.dead,
        collects_garbage: answer.collects,
        matched: answer.matched,
        live: answer.live,
        left_out: answer.left_out,
        subjects: answer.subjects.iter().map(|s| json.subject(s)).collect(),
        findings: [],
    };
    serde_json::to_writer_pretty(&mut *out, &value)?;
    out.write_all(b"\n")
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Json<'a> {
    words: Words<'a>,
}

impl Json<'_> {
    fn file(&self, kind: &'static str, name: String, file: FileId) -> Place {
        let f = self.words.view.file(file);
        let (label, archive) = match f {
            Some(f) if f.archive => (lossy(f.joined.unwrap_or(f.member)), Some(lossy(f.path))),
            Some(f) => (lossy(f.path), None),
            None => return Place { kind, name, file: None, archive: None, bytes: None },
        };
        Place { kind, name, file: Some(label), archive, bytes: None }
    }

    fn whole_file(&self, file: FileId) -> Place {
        let mut place = self.file("file", String::new(), file);
        let f = self.words.view.file(file);
        place.name = place.file.clone().unwrap_or_default();
        if f.is_some_and(|f| f.archive) {
            place.kind = "member";
        }
        place.bytes = f.map(|f| f.bytes);
        place
    }

    fn section(&self, section: SectionId) -> Place {
        let view = self.words.view;
        let file = view.section_file(section);
        let mut place = self.file("section", lossy(view.section_name(section)), file);
        place.bytes = Some(view.section_size(section));
        place
    }

    fn node(&self, node: NodeId) -> Place {
        if let Some(section) = self.words.view.section(node) {
            return self.section(section);
        }
        let plain = |kind, name| Place { kind, name, file: None, archive: None, bytes: None };
        match self.words.view.beyond(node) {
            Some(Beyond::CommonsOf { file, size, small }) => {
                let name = if small { ".scommon" } else { "COMMON" };
                Place { bytes: Some(size), ..self.file("common", name.into(), file) }
            }
            Some(Beyond::Common { name, file, size }) => {
                Place { bytes: Some(size), ..self.file("common", lossy(name), file) }
            }
            Some(Beyond::StartStop { section }) => plain("start-stop", lossy(section)),
            Some(Beyond::Routines { stem }) => plain("linker-routines", lossy(stem)),
            Some(Beyond::ScriptSymbol { name }) => plain("script-symbol", lossy(name)),
            None => plain("node", node.0.to_string()),
        }
    }

    fn reloc(&self, reloc: &RelocUse) -> RelocJson {
        let machine = self.words.view.machine();
        RelocJson {
            kind: reloc_names::name(machine, reloc.kind),
            section: self.section(reloc.section),
            offset: reloc.offset,
            addend: reloc.addend,
            symbol: self.words.symbol_at(reloc.section, reloc.symbol),
            inside: reloc.inside.map(|s| self.words.symbol_at(reloc.section, s)),
            count: reloc.count,
        }
    }

    fn subject(&self, s: &Subject) -> SubjectJson {
        let words = &self.words;
        let subject = match s.what {
            What::Section(section) => self.section(section),
            What::Common(node) => self.node(node),
            What::File(file) => self.whole_file(file),
            What::Symbol { name, file, symbol, .. } => {
                let text = match (name, file) {
                    (Some(name), _) => lossy(words.view.name(name)),
                    (None, Some(file)) => words.symbol_of(file, symbol),
                    (None, None) => String::new(),
                };
                let kind = if name.is_some() { "symbol" } else { "local-symbol" };
                self.file(kind, text, file.unwrap_or(FileId(u32::MAX)))
            }
        };
        let symbol = matches!(s.what, What::Symbol { .. });
        SubjectJson {
            subject,
            state: Words::state_key(s.state),
            live: s.state.is_live(),
            defined: words.definition_of(&s.what),
            section: s.node.filter(|_| symbol).map(|n| self.node(n)),
            parts: s.parts.as_ref().map(|p| PartsJson {
                live_sections: p.live_sections,
                live_bytes: p.live_bytes,
                dropped_sections: p.dead_sections,
                dropped_bytes: p.dead_bytes,
                largest_live: p.largest_live.iter().map(|s| self.section(*s)).collect(),
            }),
            chains: s.chains.iter().map(|c| self.chain(c)).collect(),
            extracted: s.extracted.iter().map(|e| self.extracted(e)).collect(),
            dropped: s.death.as_deref().map(|d| self.death(d)),
            not_extracted: s.left_behind.as_deref().map(|l| self.left(l)),
        }
    }

    fn chain(&self, chain: &Chain) -> ChainJson {
        let words = &self.words;
        let kind = words.origin_kind(&chain.origin);
        let symbol = match chain.origin {
            Origin::Root(root) => root.name,
            Origin::Rule(_) | Origin::NoCollection(_) => None,
        };
        let hop = |h: &crate::query::why::Hop| HopJson {
            to: self.node(h.to),
            edge: edge_word(h.kind),
            relocation: h.reloc.as_ref().map(|r| self.reloc(r)),
            text: words.hop(h),
        };
        ChainJson {
            root: RootJson {
                node: self.node(chain.origin.node()),
                kind,
                symbol: symbol.map(|n| lossy(words.view.name(n))),
                text: words.chain_origin(chain),
            },
            hops: chain.hops.iter().map(hop).collect(),
        }
    }

    fn extracted(&self, step: &Extracted) -> ExtractedJson {
        ExtractedJson {
            member: self.whole_file(step.file),
            symbol: step.symbol.map(|n| lossy(self.words.view.name(n))),
            asker: match step.asker {
                Asker::File(file) => Some(self.whole_file(file)),
                _ => None,
            },
            relocation: step.reference.as_ref().map(|(r, _)| self.reloc(r)),
            text: self.words.asked(step),
        }
    }

    fn death(&self, death: &Death) -> DeathJson {
        let words = &self.words;
        let referrer = |r: &Referrer| ReferrerJson {
            from: self.node(r.from),
            relocation: r.reloc.as_ref().map(|x| self.reloc(x)),
            state: words.referrer_state(r.state),
            text: words.referrer(r),
        };
        let head = |h: &crate::query::why::Head| HeadJson {
            table: h.table.is_some(),
            path: h.path.iter().map(|n| self.node(*n)).collect(),
        };
        DeathJson {
            section: self.node(death.node),
            cause: Words::cause_key(death.cause),
            text: words.cause(death),
            placed: death.placed.as_ref().map(|p| words.place(p)),
            bounds: death.table.as_ref().map(|t| BoundsJson {
                names: t.names.iter().map(|n| lossy(words.view.name(*n))).collect(),
                assigned: t.assigned,
                uses: t
                    .uses
                    .iter()
                    .map(|(r, live)| UseJson { live: *live, relocation: self.reloc(r) })
                    .collect(),
            }),
            group_peers: death.group_peers.iter().map(|p| self.section(*p)).collect(),
            overridden: death.symbols.iter().filter(|o| !o.wins).map(|o| words.overridden(o)).collect(),
            referrers: death.referrers.iter().map(referrer).collect(),
            referrer_count: death.referrer_count,
            heads: death.heads.iter().map(head).collect(),
            nearest_live: death.nearest_live.map(|(n, refers)| NearJson { section: self.node(n), refers }),
            remedies: self.remedies(&death.remedies),
        }
    }

    fn left(&self, left: &LeftBehind) -> LeftJson {
        let symbol = |step: &crate::query::why::Step| SymbolJson {
            name: lossy(self.words.view.name(step.name)),
            text: self.words.verdict(step.verdict),
            wanted_by_unextracted: step.wanted_by.1,
        };
        LeftJson {
            member: self.whole_file(left.file),
            symbols: left.symbols.iter().map(symbol).collect(),
            remedies: self.remedies(&left.remedies),
        }
    }

    fn remedies(&self, list: &[Remedy]) -> Vec<RemedyJson> {
        list.iter()
            .map(|r| RemedyJson { kind: Words::remedy_key(r), text: shown(self.words.remedy(r).as_bytes()) })
            .collect()
    }
}

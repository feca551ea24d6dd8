//! Why something is in the link, or why it is not: `linksweep why`.
//!
//! In: an [`Analysis`] and a [`WhyRequest`]. Out: a [`WhyAnswer`]: ids and numbers only, complete, in
//! an order that depends on the input alone; words belong to the renderers. Chains are breadth-first
//! over live nodes from all roots, ties to the lowest id; reverse references are found by one pass
//! over the relocations when `--dead` or more than one chain is asked for.

mod chain;
mod death;
mod member;
mod pattern;
mod referrers;
mod remedy;
mod subject;
mod table;

pub(crate) use chain::bound_use;
pub use chain::{Chain, Hop, Origin, RelocUse};
pub use death::{Cause, Death, Head, MOST_REFERRERS, OwnSymbol, Referrer, ReferrerState, Uncounted};
pub(crate) use member::reference;
pub use member::{Extracted, LeftBehind, Step, Verdict};
pub use pattern::Pattern;
pub use remedy::Remedy;
pub use subject::{State, SymbolPlace, What};
pub(crate) use subject::{bounds as bounds_of_name, common_node};
pub use table::{ScriptPlace, TableBounds, description_span};

use bstr::BString;
use fixedbitset::FixedBitSet;

use super::Analysis;
use crate::ids::{FileId, Id, NodeId};
use crate::plan::OutputKind;

/// What a pattern as typed names, and the nodes of each: the section of a symbol, all sections of a file.
pub(super) fn named(analysis: &Analysis<'_>, pattern: &[u8]) -> Vec<(What, Vec<NodeId>)> {
    let found = subject::find(analysis, &WhyRequest::new(pattern));
    let nodes = |what: &What| match what {
        What::File(file) => analysis.program.sections_of(*file).skip(1).map(|s| NodeId(s.0)).collect(),
        _ => subject::node(analysis, what).into_iter().collect(),
    };
    found.into_iter().map(|what| (what, nodes(&what))).collect()
}

/// What kind of thing a pattern is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Everything.
    Any,
    /// `section:`
    Section,
    /// `symbol:`
    Symbol,
    /// `file:`
    File,
    /// `member:`
    Member,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyRequest {
    /// The pattern without its prefix.
    pub pattern: BString,
    /// What it is matched against.
    pub kind: Kind,
    /// No wildcards (`--exact`).
    pub exact: bool,
    /// Distinct chains per subject (`-k`), at least 1.
    pub chains: usize,
    /// Ask for what is dead (`--dead`).
    pub dead: bool,
    /// Subjects explained at most (`-n`); 0 means all.
    pub limit: usize,
}

impl WhyRequest {
    /// The request for a pattern as typed, with the default of one chain and 20 subjects.
    pub fn new(pattern: &[u8]) -> Self {
        let prefixes: [(&[u8], Kind); 4] = [
            (b"section:", Kind::Section),
            (b"symbol:", Kind::Symbol),
            (b"file:", Kind::File),
            (b"member:", Kind::Member),
        ];
        let found = prefixes.iter().find_map(|(p, kind)| Some((pattern.strip_prefix(*p)?, *kind)));
        let (rest, kind) = found.unwrap_or((pattern, Kind::Any));
        WhyRequest { pattern: rest.into(), kind, exact: false, chains: 1, dead: false, limit: 20 }
    }
}

/// One thing that matched.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The thing.
    pub what: What,
    /// Alive or not.
    pub state: State,
    /// Its node: the section that a symbol lies in, a common.
    pub node: Option<NodeId>,
    /// Why it lives: at most as many chains as were asked for, shortest first.
    pub chains: Vec<Chain>,
    /// For members and `--start-lib` objects in the link: who asked, back to the command line.
    pub extracted: Vec<Extracted>,
    /// Why it does not live (with `--dead`).
    pub death: Option<Box<Death>>,
    /// For members that stayed behind: what each of their symbols lacked.
    pub left_behind: Option<Box<LeftBehind>>,
    /// For files: sections and bytes that live and that do not.
    pub parts: Option<Parts>,
}

/// How much of a file lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Live sections, those loaded at run time first, then the largest, at most ten; ties by position.
    pub largest_live: Vec<crate::ids::SectionId>,
    /// Number of live sections that are not empty.
    pub live_sections: u64,
    /// Their bytes (`sh_size`).
    pub live_bytes: u64,
    /// Number of dropped sections that are not empty.
    pub dead_sections: u64,
    /// Their bytes.
    pub dead_bytes: u64,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct WhyAnswer {
    /// The question.
    pub request: WhyRequest,
    /// Whether the link collects garbage at all.
    pub collects: bool,
    /// How many things match.
    pub matched: u64,
    /// How many of them are live.
    pub live: u64,
    /// The explained ones: live ones, or dead ones with `--dead`; when none of these match, the
    /// others without explanation.
    pub subjects: Vec<Subject>,
    /// Things of the explained kind that the limit left out.
    pub left_out: u64,
}

impl WhyAnswer {
    /// The exit status of the contract: 2 if the pattern matches nothing at all, 1 if nothing live
    /// matches, else 0.
    pub fn exit_status(&self) -> u8 {
        match (self.matched, self.live) {
            (0, _) => 2,
            (_, 0) => 1,
            _ => 0,
        }
    }
}

/// Whether garbage is collected in this link.
pub(crate) fn collects(analysis: &Analysis<'_>) -> bool {
    let plan = analysis.program.plan;
    // mold leaves garbage collection out of -r (GS 8).
    let refused =
        plan.output_kind == OutputKind::Relocatable && plan.profile.flavor == crate::plan::Flavor::Mold;
    plan.gc_sections == Some(true) && !refused
}

/// Answers a question.
pub fn why(analysis: &Analysis<'_>, request: &WhyRequest) -> WhyAnswer {
    let found = subject::find(analysis, request);
    let matched = found.len() as u64;
    let states: Vec<State> = found.iter().map(|what| subject::state(analysis, what)).collect();
    let live = states.iter().filter(|s| s.is_live()).count() as u64;
    let wanted = |state: &State| state.is_live() != request.dead;
    let explain = states.iter().any(wanted);
    let limit = if request.limit == 0 { usize::MAX } else { request.limit };
    let mut left_out = 0;
    let mut subjects = Vec::new();
    for (what, state) in found.into_iter().zip(states) {
        if explain && !wanted(&state) {
            continue;
        }
        if subjects.len() >= limit {
            left_out += 1;
            continue;
        }
        let node = subject::node(analysis, &what);
        subjects.push(Subject {
            what,
            state,
            node,
            chains: Vec::new(),
            extracted: Vec::new(),
            death: None,
            left_behind: None,
            parts: None,
        });
    }
    let mut answer = WhyAnswer {
        request: request.clone(),
        collects: collects(analysis),
        matched,
        live,
        subjects,
        left_out,
    };
    explain_members(analysis, &mut answer);
    if explain && !request.dead {
        explain_life(analysis, &mut answer);
    } else if explain {
        death::explain(analysis, &mut answer.subjects);
    }
    answer
}

fn explain_members(analysis: &Analysis<'_>, answer: &mut WhyAnswer) {
    for subject in &mut answer.subjects {
        let file = match subject.what {
            What::File(file) => file,
            What::Section(section) => analysis.program.locate(section).0,
            What::Symbol { file: Some(file), .. } => file,
            What::Symbol { .. } | What::Common(_) => continue,
        };
        if subject.state == State::Undefined {
            if let (What::Symbol { name: Some(name), .. }, true) = (subject.what, answer.request.dead) {
                let left =
                    subject::outside_definition(analysis, name).map(|f| member::left_behind(analysis, f));
                subject.left_behind = left.map(Box::new);
            }
        } else if analysis.resolution.is_in_link(file) {
            subject.extracted = member::extraction(analysis, file);
        } else if answer.request.dead {
            subject.left_behind = Some(Box::new(member::left_behind(analysis, file)));
        }
        if matches!(subject.what, What::File(_)) {
            subject.parts = Some(parts(analysis, file));
        }
    }
}

fn explain_life(analysis: &Analysis<'_>, answer: &mut WhyAnswer) {
    let nodes: Vec<Option<NodeId>> = answer.subjects.iter().map(|s| chain_target(analysis, s)).collect();
    if answer.request.chains <= 1 {
        let mut wanted = FixedBitSet::with_capacity(analysis.graph.node_count());
        for node in nodes.iter().flatten() {
            wanted.insert(node.index());
        }
        if wanted.is_clear() {
            return;
        }
        let search = chain::Search::run(analysis, Some(&wanted), None);
        for (subject, node) in answer.subjects.iter_mut().zip(nodes) {
            subject.chains.extend(node.and_then(|node| search.chain(analysis, node)));
        }
    } else {
        for (subject, node) in answer.subjects.iter_mut().zip(nodes) {
            if let Some(node) = node {
                subject.chains = chain::several(analysis, node, answer.request.chains);
            }
        }
    }
}

/// The node whose chain explains a subject: a file is explained by its largest live section.
fn chain_target(analysis: &Analysis<'_>, subject: &Subject) -> Option<NodeId> {
    let node = match (&subject.what, &subject.parts) {
        (What::File(_), Some(parts)) => {
            let live = |s: &&crate::ids::SectionId| analysis.liveness.is_live(NodeId(s.0));
            parts.largest_live.iter().find(live).map(|s| NodeId(s.0))
        }
        _ => subject.node,
    };
    node.filter(|_| subject.state.is_live())
}

fn parts(analysis: &Analysis<'_>, file: FileId) -> Parts {
    let mut parts = Parts::default();
    let mut live = Vec::new();
    for section in analysis.program.sections_of(file) {
        let size = analysis.program.section_size(section);
        match subject::section_state(analysis, section) {
            _ if size == 0 || !subject::is_content(&analysis.program, section) => {}
            State::Live | State::AlwaysKept | State::Pieces => {
                parts.live_sections += 1;
                parts.live_bytes = parts.live_bytes.saturating_add(size);
                let loaded = subject::is_loaded(&analysis.program, section);
                live.push((!loaded, std::cmp::Reverse(size), section));
            }
            State::Structural => {}
            _ => {
                parts.dead_sections += 1;
                parts.dead_bytes = parts.dead_bytes.saturating_add(size);
            }
        }
    }
    live.sort_unstable();
    parts.largest_live = live.into_iter().take(10).map(|(_, _, s)| s).collect();
    parts
}

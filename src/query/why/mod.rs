//! Why something is in the link, or why it is not: `linksweep why`.
//!
//! In: an [`Analysis`], or anything else that is a [`View`], and a [`WhyRequest`]. Out: a [`WhyAnswer`]: ids and numbers only, complete, in
//! an order that depends on the input alone; words belong to the renderers. Chains are breadth-first
//! over live nodes from all roots, ties to the lowest id; reverse references are found by one pass
//! over the relocations when `--dead` or more than one chain is asked for.

mod answer;
mod chain;
mod death;
mod member;
mod of_analysis;
mod pattern;
mod reasons;
mod referrers;
mod remedy;
mod saved;
mod subject;
mod table;
mod uses;
mod view;

pub use chain::{Chain, Hop, Origin};
pub use death::{Cause, Death, Head, MOST_REFERRERS, OwnSymbol, Referrer, ReferrerState, Uncounted};
pub(crate) use member::reference;
pub use member::{Extracted, LeftBehind, Step, Verdict};
pub(crate) use of_analysis::{demand, named_by, opaque};
pub use pattern::Pattern;
pub use reasons::{Reason, Reasons, live_sections, named_nodes, reasons};
pub use remedy::Remedy;
pub use subject::{State, SymbolPlace, What};
pub(crate) use subject::{bounds as bounds_of_name, common_node, first_definitions, is_content};
pub use table::{ScriptPlace, TableBounds, description_span};
pub use uses::RelocUse;
pub(crate) use uses::bound_use;
pub use view::{Beyond, Demand, FileFacts, NamedBy, StatementFacts, SymbolFacts, View, answer};

use bstr::BString;

use super::Analysis;
use crate::ids::{Id, NodeId};
use crate::plan::OutputKind;

/// What a pattern as typed names, and the nodes of each: the section of a symbol, all sections of a file.
pub(super) fn named(link: &impl View, pattern: &[u8]) -> Vec<(What, Vec<NodeId>)> {
    let found = link.find(&WhyRequest::new(pattern));
    let count = link.node_count();
    let nodes = |what: &What| -> Vec<NodeId> {
        let all: Vec<NodeId> = match what {
            What::File(file) => link.sections_of(*file).into_iter().map(|s| NodeId(s.0)).collect(),
            _ => subject::node(what).into_iter().collect(),
        };
        all.into_iter().filter(|n| n.index() < count).collect()
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

/// Answers a question about an analysed link.
pub fn why(analysis: &Analysis<'_>, request: &WhyRequest) -> WhyAnswer {
    answer::answer(analysis, request)
}

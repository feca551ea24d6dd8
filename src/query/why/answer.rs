//! From a question to its answer, over any [`View`].
//!
//! In: a view and a [`WhyRequest`]. Out: [`WhyAnswer`].

use fixedbitset::FixedBitSet;

use super::subject::{self, State, What};
use super::view::View;
use super::{Parts, Subject, WhyAnswer, WhyRequest, chain};
use crate::ids::{FileId, Id, NodeId, SectionId};

/// Answers a question.
pub(super) fn answer(view: &dyn View, request: &WhyRequest) -> WhyAnswer {
    let found = view.find(request);
    let matched = found.len() as u64;
    let states: Vec<State> = found.iter().map(|what| view.state(what)).collect();
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
        let node = subject::node(&what);
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
    let mut answer =
        WhyAnswer { request: request.clone(), collects: view.collects(), matched, live, subjects, left_out };
    explain_members(view, &mut answer);
    if explain && !request.dead {
        explain_life(view, &mut answer);
    } else if explain {
        view.explain_deaths(&mut answer.subjects);
    }
    answer
}

fn explain_members(view: &dyn View, answer: &mut WhyAnswer) {
    for subject in &mut answer.subjects {
        let file = match subject.what {
            What::File(file) => file,
            What::Section(section) => view.section_file(section),
            What::Symbol { file: Some(file), .. } => file,
            What::Symbol { .. } | What::Common(_) => continue,
        };
        if subject.state == State::Undefined {
            if let (What::Symbol { name: Some(name), .. }, true) = (subject.what, answer.request.dead) {
                let left = view.outside_definition(name).and_then(|f| view.left_behind(f));
                subject.left_behind = left.map(Box::new);
            }
        } else if view.is_in_link(file) {
            subject.extracted = view.extraction(file);
        } else if answer.request.dead {
            subject.left_behind = view.left_behind(file).map(Box::new);
        }
        if matches!(subject.what, What::File(_)) {
            subject.parts = Some(parts(view, file));
        }
    }
}

fn explain_life(view: &dyn View, answer: &mut WhyAnswer) {
    let nodes: Vec<Option<NodeId>> = answer.subjects.iter().map(|s| chain_target(view, s)).collect();
    if answer.request.chains <= 1 {
        let mut wanted = FixedBitSet::with_capacity(view.node_count());
        for node in nodes.iter().flatten() {
            wanted.insert(node.index());
        }
        if wanted.is_clear() {
            return;
        }
        let search = chain::Search::run(view, Some(&wanted), None);
        for (subject, node) in answer.subjects.iter_mut().zip(nodes) {
            subject.chains.extend(node.and_then(|node| search.chain(view, node)));
        }
    } else {
        for (subject, node) in answer.subjects.iter_mut().zip(nodes) {
            if let Some(node) = node {
                subject.chains = chain::several(view, node, answer.request.chains);
            }
        }
    }
}

/// The node whose chain explains a subject: a file is explained by its largest live section.
fn chain_target(view: &dyn View, subject: &Subject) -> Option<NodeId> {
    let node = match (&subject.what, &subject.parts) {
        (What::File(_), Some(parts)) => {
            let live = |s: &&SectionId| view.is_live(NodeId(s.0));
            parts.largest_live.iter().find(live).map(|s| NodeId(s.0))
        }
        _ => subject.node,
    };
    node.filter(|n| subject.state.is_live() && n.index() < view.node_count())
}

fn parts(view: &dyn View, file: FileId) -> Parts {
    let mut parts = Parts::default();
    let mut live = Vec::new();
    for section in view.sections_of(file) {
        let size = view.section_size(section);
        match view.section_state(section) {
            _ if size == 0 || !view.is_content(section) => {}
            State::Live | State::AlwaysKept | State::Pieces => {
                parts.live_sections += 1;
                parts.live_bytes = parts.live_bytes.saturating_add(size);
                live.push((!view.is_loaded(section), std::cmp::Reverse(size), section));
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

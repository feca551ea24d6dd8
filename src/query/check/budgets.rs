//! Budgets of `linksweep.toml` against the predicted output.
//!
//! In: budgets, the image. Out: [`BudgetResult`]s. Growth is measured against a base; without one it is
//! not evaluated and said so.

use std::path::Path;

use crate::plan::config::{Budget, Metric};
use crate::query::finding::{Finding, Level, Location, Subject};
use crate::query::sections::Image;
use crate::script::glob::{Pattern, Syntax};

/// What became of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetState {
    /// Met.
    Met,
    /// Exceeded (LSW010).
    Exceeded,
    /// Not evaluated: a growth without a base, a pattern that cannot be read.
    NotEvaluated,
}

impl BudgetState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            BudgetState::Met => "met",
            BudgetState::Exceeded => "exceeded",
            BudgetState::NotEvaluated => "not-evaluated",
        }
    }
}

/// One budget and its measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetResult {
    /// The budget.
    pub budget: Budget,
    /// What was measured: bytes or headers.
    pub value: Option<u64>,
    /// The verdict.
    pub state: BudgetState,
}

/// Measures all budgets.
pub fn evaluate(budgets: &[Budget], image: &Image) -> Vec<BudgetResult> {
    budgets
        .iter()
        .map(|budget| {
            let value = measure(budget, image);
            let state = match (value, budget.max) {
                (Some(value), Some(max)) if value > max => BudgetState::Exceeded,
                (Some(_), Some(_)) => BudgetState::Met,
                _ => BudgetState::NotEvaluated,
            };
            BudgetResult { budget: budget.clone(), value, state }
        })
        .collect()
}

fn measure(budget: &Budget, image: &Image) -> Option<u64> {
    match budget.metric {
        Metric::SectionCount => Some(image.headers),
        Metric::Size => {
            let pattern = match &budget.matching {
                Some(text) => Some(Pattern::glob(text.as_bytes(), Syntax::Posix).ok()?),
                None => None,
            };
            let counts = |name: &[u8]| pattern.as_ref().is_none_or(|p| p.matches(name));
            Some(image.outputs.iter().filter(|o| counts(&o.name)).map(|o| o.bytes).sum())
        }
    }
}

impl BudgetResult {
    /// LSW010, if the budget is exceeded.
    pub(super) fn finding(&self, config: &Path) -> Option<Finding> {
        let (value, max) = (self.value?, self.budget.max?);
        if self.state != BudgetState::Exceeded {
            return None;
        }
        let name = &self.budget.name;
        let file = config.to_string_lossy().into_owned();
        let (unit, bytes) = match self.budget.metric {
            Metric::Size => ("bytes", Some(value - max)),
            Metric::SectionCount => ("section headers", None),
        };
        Some(Finding {
            id: "LSW010",
            level: Level::Error,
            message: format!(
                "budget {name} is exceeded: {value} {unit}, {max} allowed, {} too many",
                value - max
            ),
            subject: Subject {
                kind: "budget",
                name: name.clone(),
                file: file.clone(),
                archive: String::new(),
            },
            location: Some(Location { file, line: self.budget.line, column: 1 }),
            bytes,
            remedy: "find what grew (gc --by=symbol, diff), or raise the budget".to_string(),
        })
    }
}

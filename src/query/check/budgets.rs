//! Budgets of `linksweep.toml` against the predicted output, and against a base.
//!
//! In: budgets, the link and its portrait, that of the base. Out: [`BudgetResult`]s. Growth is measured
//! against the base; without one it is not evaluated and said so. Always true: a budget without a limit that
//! could be evaluated is never met.

use std::path::Path;

use super::retained;
use crate::plan::config::{Budget, Metric};
use crate::query::Analysis;
use crate::query::finding::{Finding, Level, Location, Subject};
use crate::query::portrait::{NONE, Portrait};
use crate::query::sections::LIMIT;
use crate::script::glob::{Pattern, Syntax};

/// What became of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetState {
    /// Met.
    Met,
    /// Exceeded (LSW010).
    Exceeded,
    /// Exceeded in the base already, and not grown beyond what is allowed: no failure.
    Known,
    /// Not evaluated: a growth without a base, a region that is not there.
    NotEvaluated,
}

impl BudgetState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            BudgetState::Met => "met",
            BudgetState::Exceeded => "exceeded",
            BudgetState::Known => "exceeded-in-base",
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
    /// The same of the base.
    pub base: Option<u64>,
    /// The verdict.
    pub state: BudgetState,
    /// Why nothing was measured or compared; empty otherwise.
    pub note: &'static str,
}

/// Measures all budgets; `now` is the portrait of `analysis`.
pub fn evaluate(
    budgets: &[Budget],
    analysis: &Analysis<'_>,
    now: &Portrait<'_>,
    base: Option<&Portrait<'_>>,
) -> Vec<BudgetResult> {
    budgets
        .iter()
        .map(|budget| {
            let own = match budget.metric {
                Metric::Retained => {
                    retained::retained_by(analysis, now, budget.keep.as_deref().unwrap_or(""))
                }
                _ => measure(budget, now),
            };
            result(budget, own, base.map(|b| measure(budget, b)))
        })
        .collect()
}

type Measured = Result<u64, &'static str>;

fn result(budget: &Budget, now: Measured, base: Option<Measured>) -> BudgetResult {
    let mut result = BudgetResult {
        budget: budget.clone(),
        value: now.ok(),
        base: base.and_then(Result::ok),
        state: BudgetState::NotEvaluated,
        note: "",
    };
    let Ok(value) = now else {
        result.note = now.err().unwrap_or("");
        return result;
    };
    let growth = result.growth_limit();
    result.state = if result.outgrown().is_some() {
        BudgetState::Exceeded
    } else if result.beyond(value).is_some() {
        let before = result.base.and_then(|b| result.beyond(b));
        if before.is_some() { BudgetState::Known } else { BudgetState::Exceeded }
    } else if budget.max.is_some() || budget.min.is_some() || (growth.is_some() && result.base.is_some()) {
        BudgetState::Met
    } else {
        BudgetState::NotEvaluated
    };
    if growth.is_some() && result.base.is_none() {
        result.note = match base {
            Some(Err(why)) => why,
            _ => "growth needs --base",
        };
    }
    result
}

impl BudgetResult {
    /// The growth that is allowed; a ratchet allows none.
    pub fn growth_limit(&self) -> Option<u64> {
        if self.budget.ratchet { Some(0) } else { self.budget.max_growth }
    }

    /// How much more it grew than is allowed.
    pub fn outgrown(&self) -> Option<u64> {
        let grown = self.value?.checked_sub(self.base?)?;
        grown.checked_sub(self.growth_limit()?).filter(|over| *over > 0)
    }

    /// By how much a value lies beyond `max` or `min`.
    fn beyond(&self, value: u64) -> Option<u64> {
        let over = self.budget.max.and_then(|max| value.checked_sub(max));
        let short = self.budget.min.and_then(|min| min.checked_sub(value));
        over.or(short).filter(|by| *by > 0)
    }

    /// What the measure counts.
    pub fn unit(&self) -> &'static str {
        let headers = self.budget.metric == Metric::SectionCount
            || (self.budget.metric == Metric::Headroom && self.budget.region.is_none());
        if headers { "section headers" } else { "bytes" }
    }

    /// LSW010, if the budget is exceeded, in the base too or not.
    pub(super) fn finding(&self, config: &Path) -> Option<Finding> {
        if !matches!(self.state, BudgetState::Exceeded | BudgetState::Known) {
            return None;
        }
        let (value, unit) = (self.value?, self.unit());
        let name = &self.budget.name;
        let mut reasons = Vec::new();
        let mut worst = 0;
        if let (Some(over), Some(max)) = (self.beyond(value), self.budget.max) {
            reasons.push(format!("{value} {unit}, {max} allowed, {over} too many"));
            worst = over;
        }
        if let (Some(short), Some(min)) = (self.beyond(value), self.budget.min) {
            reasons.push(format!("{value} {unit} left, {min} wanted, {short} too few"));
            worst = short;
        }
        if let (Some(over), Some(base), Some(limit)) = (self.outgrown(), self.base, self.growth_limit()) {
            reasons.push(format!("grown from {base} to {value} {unit}, {limit} allowed, {over} too many"));
            worst = worst.max(over);
        }
        if self.state == BudgetState::Known {
            reasons.push("so it was in the base".to_string());
        }
        let file = config.to_string_lossy().into_owned();
        // Growth is never known: a base that fails too has nothing to say about it.
        let kind = if self.outgrown().is_some() { "budget-growth" } else { "budget" };
        Some(Finding {
            id: "LSW010",
            level: Level::Error,
            message: format!("budget {name} is exceeded: {}", reasons.join("; ")),
            subject: Subject { kind, name: name.clone(), file: file.clone(), archive: String::new() },
            location: Some(Location { file, line: self.budget.line, column: 1 }),
            bytes: (unit == "bytes").then_some(worst),
            remedy: "find what grew (diff, gc --by=symbol), or raise the budget".to_string(),
        })
    }
}

fn measure(budget: &Budget, link: &Portrait<'_>) -> Measured {
    let headers = link.whole.headers.at(0);
    match budget.metric {
        Metric::SectionCount => Ok(headers),
        Metric::Size => size(budget, link),
        Metric::Headroom => match &budget.region {
            None => Ok(LIMIT.saturating_sub(headers)),
            Some(name) => {
                let row = region(link, name)?;
                Ok(link.regions.length.at(row).saturating_sub(link.regions.used.at(row)))
            }
        },
        Metric::Retained => retained::retained_in_saved(link, budget.keep.as_deref().unwrap_or("")),
    }
}

fn region(link: &Portrait<'_>, name: &str) -> Result<usize, &'static str> {
    let found = link.regions.name.iter().position(|&n| link.strings.get(n) == name.as_bytes());
    found.ok_or("the link has no memory region of this name")
}

/// Bytes of output sections: those that match, else all that take memory; of a region alone what
/// `--print-memory-usage` calls used.
fn size(budget: &Budget, link: &Portrait<'_>) -> Measured {
    let outputs = &link.outputs;
    let wanted = match &budget.region {
        None => None,
        Some(name) => {
            let row = region(link, name)?;
            if budget.matching.is_none() {
                return Ok(link.regions.used.at(row));
            }
            Some(link.regions.name.at(row))
        }
    };
    let pattern = match &budget.matching {
        None => None,
        Some(text) => {
            Some(Pattern::glob(text.as_bytes(), Syntax::Posix).map_err(|_| "the pattern cannot be read")?)
        }
    };
    let mut sum = 0u64;
    for (row, &name) in outputs.name.iter().enumerate() {
        let counts = match &pattern {
            Some(pattern) => pattern.matches(link.strings.get(name)),
            None => outputs.class.at(row) < 3,
        };
        let inside = wanted.is_none_or(|w| w == outputs.region.get(row).copied().unwrap_or(NONE));
        if counts && inside {
            sum = sum.saturating_add(outputs.size.at(row));
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::config::Config;

    fn judged(entry: &str, now: u64, base: Option<u64>) -> BudgetResult {
        let text = format!("version = 1\nbudget = [{{ name = \"x\", {entry} }}]\n");
        let config = Config::parse(Path::new("linksweep.toml"), &text).unwrap_or_else(|e| panic!("{e}"));
        result(&config.budgets[0], Ok(now), base.map(Ok))
    }

    #[test]
    fn verdicts() {
        use BudgetState::*;
        for (entry, now, base, state) in [
            ("max = 10", 10, None, Met),
            ("max = 10", 11, None, Exceeded),
            ("max = 10", 11, Some(9), Exceeded),
            ("max = 10", 12, Some(11), Known),
            ("max_growth = 5", 100, None, NotEvaluated),
            ("max_growth = 5", 105, Some(100), Met),
            ("max_growth = 5", 106, Some(100), Exceeded),
            ("max_growth = 5", 10, Some(100), Met),
            // Growth counts although the base was over its limit already.
            ("max = 10, max_growth = 5", 26, Some(20), Exceeded),
            ("max = 10, max_growth = 5", 25, Some(20), Known),
            ("ratchet = true", 101, Some(100), Exceeded),
            ("ratchet = true", 100, Some(100), Met),
            ("ratchet = true, max = 50", 51, None, Exceeded),
            ("metric = \"headroom\", min = 10", 9, None, Exceeded),
            ("metric = \"headroom\", min = 10", 10, None, Met),
        ] {
            assert_eq!(judged(entry, now, base).state, state, "{entry} {now} {base:?}");
        }
    }

    #[test]
    fn findings_name_the_line_and_all_reasons() {
        let config = Path::new("linksweep.toml");
        let finding = judged("max = 10, max_growth = 5", 26, Some(20)).finding(config);
        let finding = finding.unwrap_or_else(|| panic!("exceeded"));
        assert_eq!(finding.location.as_ref().map(|l| (l.file.as_str(), l.line)), Some(("linksweep.toml", 2)));
        for part in ["26 bytes, 10 allowed, 16 too many", "grown from 20 to 26 bytes, 5 allowed, 1 too many"]
        {
            assert!(finding.message.contains(part), "{}", finding.message);
        }
        assert_eq!((finding.subject.kind, finding.bytes), ("budget-growth", Some(16)));
        assert!(judged("max = 10", 10, None).finding(config).is_none());
    }
}

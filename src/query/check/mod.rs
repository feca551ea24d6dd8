//! All findings of a link, judged by `linksweep.toml` (`check`).
//!
//! In: findings of the other questions, the configuration, the day. Out: [`Check`]: what counts, what is
//! allowed, what became of the budgets. Nothing is dropped without being counted.

pub mod budgets;
pub mod disagreement;
mod retained;
pub mod rules;

use std::collections::BTreeSet;

use super::finding::{self, Finding, Level};
use super::portrait::{NONE, Portrait};
use crate::plan::config::{Allow, AllowKind, Config, Date, Setting};
use crate::script::glob::{Pattern, Syntax};

pub use budgets::{BudgetResult, BudgetState};

/// A finding that `allow` takes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The finding.
    pub finding: Finding,
    /// Why it is allowed.
    pub reason: String,
    /// The last day.
    pub until: Option<Date>,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// What counts: worst first, then by rule, file and name.
    pub findings: Vec<Finding>,
    /// What is allowed, in the same order.
    pub allowed: Vec<Allowed>,
    /// What the base has too, in the same order: it does not fail.
    pub known: Vec<Finding>,
    /// There is a base.
    pub has_base: bool,
    /// Number of findings of rules that are off.
    pub off: u64,
    /// Budgets, in the order of the file.
    pub budgets: Vec<BudgetResult>,
    /// Remarks: entries of `allow` that match nothing or have run out.
    pub notes: Vec<String>,
}

impl Check {
    /// How many findings have a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }

    /// Whether some finding has this level or a higher one.
    pub fn fails(&self, least: Level) -> bool {
        self.findings.iter().any(|f| f.level >= least)
    }
}

/// The fingerprints of what a saved link was found to have.
pub fn fingerprints(base: &Portrait<'_>) -> BTreeSet<String> {
    let f = &base.findings;
    let text = |column: &[u32], row: usize| {
        base.strings.some(column.get(row).copied().unwrap_or(NONE)).unwrap_or(b"")
    };
    (0..f.id.len())
        .map(|row| {
            let columns: [&[u32]; 6] = [&f.id, &f.kind, &f.name, &f.file, &f.archive, &f.place];
            finding::fingerprint(columns.map(|c| text(c, row)))
        })
        .collect()
}

/// Judges findings; those whose fingerprint the base has are known. Every finding is counted once: findings of one fingerprint are one.
pub fn check(
    found: Vec<Finding>,
    config: &Config,
    budgets: Vec<BudgetResult>,
    today: Date,
    base: Option<&BTreeSet<String>>,
) -> Check {
    let mut check = Check { budgets, has_base: base.is_some(), ..Check::default() };
    let mut list: Vec<Finding> = found;
    let mut known: BTreeSet<String> = base.cloned().unwrap_or_default();
    for budget in &check.budgets {
        let Some(finding) = budget.finding(&config.path) else { continue };
        // The measure of the base decides, not what was found there.
        if budget.state == BudgetState::Known {
            known.insert(finding.fingerprint());
        } else {
            known.remove(&finding.fingerprint());
        }
        list.push(finding);
    }
    let allows: Vec<Matcher<'_>> = config.allow.iter().map(Matcher::new).collect();
    let mut used = vec![false; allows.len()];
    let mut seen = std::collections::BTreeSet::new();
    for mut finding in list {
        if !seen.insert((finding.fingerprint(), finding.message.clone())) {
            continue;
        }
        match config.setting(finding.id) {
            Some(Setting::Off) => {
                check.off += 1;
                continue;
            }
            Some(Setting::Level(level)) => finding.level = level,
            None => {}
        }
        let mut allowed = None;
        for (matcher, used) in allows.iter().zip(&mut used) {
            if !matcher.matches(&finding) {
                continue;
            }
            *used = true;
            match matcher.allow.until {
                Some(until) if until < today => {
                    let reason = &matcher.allow.reason;
                    finding.message.push_str(&format!(" (was allowed until {until}: {reason})"));
                }
                _ => {
                    allowed = Some(matcher.allow);
                    break;
                }
            }
        }
        match allowed {
            Some(allow) => {
                let (reason, until) = (allow.reason.clone(), allow.until);
                check.allowed.push(Allowed { finding, reason, until });
            }
            None if known.contains(&finding.fingerprint()) => check.known.push(finding),
            None => check.findings.push(finding),
        }
    }
    for (allow, used) in config.allow.iter().zip(used) {
        if !used {
            let path = config.path.display();
            let note = format!("{path}:{}: allowed {} matches no finding", allow.line, allow.rule);
            check.notes.push(note);
        }
    }
    check.findings.sort_by(order);
    check.known.sort_by(order);
    check.allowed.sort_by(|a, b| order(&a.finding, &b.finding));
    check
}

fn order(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let key = |f: &Finding| (std::cmp::Reverse(f.level), f.id, std::cmp::Reverse(f.bytes.unwrap_or(0)));
    key(a).cmp(&key(b)).then_with(|| {
        let key = |f: &'_ Finding| {
            (f.subject.archive.clone(), f.subject.file.clone(), f.subject.name.clone(), f.fingerprint())
        };
        key(a).cmp(&key(b))
    })
}

/// An entry of `allow` with its globs compiled.
struct Matcher<'c> {
    allow: &'c Allow,
    globs: Vec<(AllowKind, Option<Pattern>, &'c str)>,
}

impl<'c> Matcher<'c> {
    fn new(allow: &'c Allow) -> Self {
        let compile = |(kind, text): &'c (AllowKind, String)| {
            (*kind, Pattern::glob(text.as_bytes(), Syntax::Posix).ok(), text.as_str())
        };
        Matcher { allow, globs: allow.subjects.iter().map(compile).collect() }
    }

    fn matches(&self, finding: &Finding) -> bool {
        if finding.id != self.allow.rule {
            return false;
        }
        if self.allow.fingerprint.as_ref().is_some_and(|f| *f != finding.fingerprint()) {
            return false;
        }
        let subject = &finding.subject;
        self.globs.iter().all(|(kind, pattern, text)| {
            // A glob that cannot be compiled is taken as it is written.
            let fits = |name: &str| match pattern {
                Some(pattern) => pattern.matches(name.as_bytes()),
                None => name == *text,
            };
            match kind {
                AllowKind::Kind(kind) => subject.kind == *kind && fits(&subject.name),
                AllowKind::Name => fits(&subject.name),
                AllowKind::Archive => !subject.archive.is_empty() && fits(&subject.archive),
                AllowKind::File => {
                    fits(&subject.file) || finding.location.as_ref().is_some_and(|l| fits(&l.file))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::finding::Subject;
    use std::path::Path;

    fn finding(id: &'static str, kind: &'static str, name: &str) -> Finding {
        let subject = Subject { kind, name: name.into(), file: "a.o".into(), archive: String::new() };
        let (location, bytes, remedy) = (None, None, String::new());
        Finding {
            id,
            level: Level::Error,
            message: format!("about {name}"),
            subject,
            location,
            bytes,
            remedy,
        }
    }

    fn judged(text: &str, today: &str) -> Check {
        let config = Config::parse(Path::new("linksweep.toml"), text).unwrap_or_else(|e| panic!("{e}"));
        let found = vec![
            finding("LSW003", "symbol", "__debug_a"),
            finding("LSW003", "symbol", "other"),
            finding("LSW003", "symbol", "other"),
            finding("LSW005", "file", "vmlinux"),
        ];
        let today = Date::parse(today).unwrap_or_else(|| panic!("{today}"));
        check(found, &config, Vec::new(), today, None)
    }

    fn names(check: &Check) -> Vec<&str> {
        check.findings.iter().map(|f| f.subject.name.as_str()).collect()
    }

    #[test]
    fn allowed_until_the_day() {
        let text = "version = 1\nallow = [{ rule = \"LSW003\", symbol = \"__debug_*\", reason = \"why\", until = 2027-03-01 }]\n";
        let before = judged(text, "2027-03-01");
        assert_eq!(names(&before), ["other", "vmlinux"]);
        assert_eq!(before.allowed.len(), 1);
        let after = judged(text, "2027-03-02");
        assert_eq!(names(&after), ["__debug_a", "other", "vmlinux"]);
        assert!(
            after
                .findings
                .first()
                .is_some_and(|f| f.message.ends_with("(was allowed until 2027-03-01: why)"))
        );
        assert!(after.notes.is_empty());
    }

    #[test]
    fn what_the_base_has_is_known() {
        let config = Config { path: "linksweep.toml".into(), ..Config::default() };
        let today = Date::parse("2027-01-01").unwrap_or_else(|| panic!("a day"));
        let found = vec![finding("LSW003", "symbol", "old"), finding("LSW003", "symbol", "new")];
        let base: BTreeSet<String> = found.iter().take(1).map(Finding::fingerprint).collect();
        let check = check(found, &config, Vec::new(), today, Some(&base));
        assert_eq!((names(&check), check.known.len(), check.has_base), (vec!["new"], 1, true));
    }

    #[test]
    fn levels_and_rules_that_are_off() {
        let check = judged("version = 1\n[rules]\nLSW005 = \"note\"\nLSW003 = \"off\"\n", "2027-01-01");
        assert_eq!(names(&check), ["vmlinux"]);
        assert_eq!((check.off, check.count(Level::Note)), (2, 1));
        assert!(check.fails(Level::Note) && !check.fails(Level::Warning));
    }

    #[test]
    fn an_entry_that_matches_nothing_is_told() {
        let check = judged(
            "version = 1\nallow = [{ rule = \"LSW003\", section = \"other\", reason = \"x\" }]\n",
            "2027-01-01",
        );
        assert_eq!(check.notes, ["linksweep.toml:2: allowed LSW003 matches no finding"]);
    }
}

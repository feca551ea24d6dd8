//! `[[budget]]` entries of `linksweep.toml`, and the file with lower ones written into it.
//!
//! In: the entries' tables. Out: [`Budget`]s that say one thing each: keys that do not go together are
//! errors. [`lower`] changes nothing of the text but the numbers of `max`.

use std::ops::Range;

use super::{Reader, Value};
use crate::error::Result;

/// What a budget measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Bytes of output sections, padding included.
    Size,
    /// Section headers of the output.
    SectionCount,
    /// What is left: bytes of a memory region, or section headers before extended numbering.
    Headroom,
    /// Bytes that would go if the KEEP statements that match went.
    Retained,
}

impl Metric {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Metric::Size => "size",
            Metric::SectionCount => "section-count",
            Metric::Headroom => "headroom",
            Metric::Retained => "retained",
        }
    }
}

/// An entry of `budget`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// What is measured.
    pub metric: Metric,
    /// Glob over output section names; `None` means all that take memory.
    pub matching: Option<String>,
    /// The memory region.
    pub region: Option<String>,
    /// Glob over KEEP patterns ([`Metric::Retained`]).
    pub keep: Option<String>,
    /// The most there may be: bytes or sections.
    pub max: Option<u64>,
    /// The least there may be ([`Metric::Headroom`]).
    pub min: Option<u64>,
    /// The most it may grow against a base, in the same unit.
    pub max_growth: Option<u64>,
    /// It may not grow at all, and `max` follows when it shrinks.
    pub ratchet: bool,
    /// Line of the entry.
    pub line: u32,
    /// Where the value of `max` stands in the text.
    max_at: Option<Range<usize>>,
    /// Where the value of `name` ends.
    name_end: usize,
    /// An inline table.
    inline: bool,
}

const KEYS: [&str; 9] = ["name", "match", "region", "keep", "metric", "max", "min", "max_growth", "ratchet"];

impl Reader<'_> {
    pub(super) fn budget(&self, entry: &Value<'_>) -> Result<Budget> {
        let at = entry.span().start;
        let mut budget = Budget {
            name: String::new(),
            metric: Metric::Size,
            matching: None,
            region: None,
            keep: None,
            max: None,
            min: None,
            max_growth: None,
            ratchet: false,
            line: self.line(at).0,
            max_at: None,
            name_end: 0,
            inline: self.text.get(at..).is_some_and(|t| t.starts_with('{')),
        };
        for (key, value) in self.table(entry)? {
            match key.get_ref().as_ref() {
                "name" => {
                    budget.name = self.string(value)?;
                    budget.name_end = value.span().end;
                }
                "match" => budget.matching = Some(self.string(value)?),
                "region" => budget.region = Some(self.string(value)?),
                "keep" => budget.keep = Some(self.string(value)?),
                "max" => {
                    budget.max = Some(self.amount(value)?);
                    budget.max_at = Some(value.span());
                }
                "min" => budget.min = Some(self.amount(value)?),
                "max_growth" => budget.max_growth = Some(self.amount(value)?),
                "ratchet" => {
                    let on = value.get_ref().as_bool();
                    budget.ratchet =
                        on.ok_or_else(|| self.error(value.span().start, "true or false is needed here"))?;
                }
                "metric" => {
                    let all = [Metric::Size, Metric::SectionCount, Metric::Headroom, Metric::Retained];
                    let word = self.string(value)?;
                    let found = all.into_iter().find(|m| m.word() == word);
                    budget.metric = found.ok_or_else(|| {
                        self.unknown("metric", &word, value.span().start, &all.map(Metric::word))
                    })?;
                }
                other => return Err(self.unknown("key", other, key.span().start, &KEYS)),
            }
        }
        match defect(&budget) {
            Some(defect) => Err(self.error(at, defect)),
            None => Ok(budget),
        }
    }

    /// A number, or a string such as `16 KiB`.
    fn amount(&self, value: &Value<'_>) -> Result<u64> {
        if value.get_ref().as_integer().is_some() {
            return self.number(value);
        }
        let text = self.string(value)?;
        amount(&text).ok_or_else(|| {
            let wanted =
                "a size is needed here: a number of bytes, or `12 MiB` (B, KiB, MiB, GiB, kB, MB, GB)";
            self.error(value.span().start, wanted)
        })
    }
}

/// What is wrong with an entry.
fn defect(budget: &Budget) -> Option<&'static str> {
    let headroom = budget.metric == Metric::Headroom;
    let most = budget.max.is_some() || budget.max_growth.is_some() || budget.ratchet;
    if budget.name.is_empty() {
        Some("a budget needs a `name`")
    } else if headroom && budget.min.is_none() {
        Some("a budget of the metric `headroom` needs `min`")
    } else if headroom && most {
        Some("a budget of the metric `headroom` has `min` alone")
    } else if !headroom && budget.min.is_some() {
        Some("`min` goes with the metric `headroom`")
    } else if !headroom && !most {
        Some("a budget needs `max`, `max_growth` or `ratchet`")
    } else if (budget.metric == Metric::Retained) != budget.keep.is_some() {
        Some("the metric `retained` and `keep` go together")
    } else if budget.matching.is_some() && budget.metric != Metric::Size {
        Some("`match` goes with the metric `size`")
    } else if budget.region.is_some() && !matches!(budget.metric, Metric::Size | Metric::Headroom) {
        Some("`region` goes with the metrics `size` and `headroom`")
    } else {
        None
    }
}

/// The text of the configuration with `max` of ratchet budgets lowered to what was measured, or added
/// where there is none; and the names of those that changed.
pub fn lower(text: &str, measured: &[(&Budget, u64)]) -> (String, Vec<String>) {
    let mut edits: Vec<(Range<usize>, String, &str)> = Vec::new();
    for (budget, value) in measured.iter().filter(|(b, _)| b.ratchet) {
        match (&budget.max_at, budget.max) {
            (Some(at), Some(max)) if *value < max => {
                edits.push((at.clone(), value.to_string(), &budget.name));
            }
            (None, _) => {
                let text =
                    if budget.inline { format!(", max = {value}") } else { format!("\nmax = {value}") };
                edits.push((budget.name_end..budget.name_end, text, &budget.name));
            }
            _ => {}
        }
    }
    edits.sort_by_key(|e| e.0.start);
    let (mut out, mut last) = (String::with_capacity(text.len()), 0);
    let mut names = Vec::new();
    for (range, new, name) in edits {
        // Spans come from this very text; any other is left alone.
        let Some(between) = text.get(last..range.start) else { continue };
        out.push_str(between);
        out.push_str(&new);
        last = range.end;
        names.push(name.to_string());
    }
    out.push_str(text.get(last..).unwrap_or(""));
    (out, names)
}

/// `12 MiB` in bytes.
fn amount(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'_').count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.replace('_', "").parse().ok()?;
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    fn read(text: &str) -> Result<Config> {
        Config::parse(Path::new("linksweep.toml"), text)
    }

    #[test]
    fn keys_that_do_not_go_together() {
        for (entry, part) in [
            ("name = \"a\", metric = \"headroom\"", "needs `min`"),
            ("name = \"a\", metric = \"headroom\", min = 1, max = 2", "has `min` alone"),
            ("name = \"a\", min = 1", "`min` goes with"),
            ("name = \"a\"", "needs `max`"),
            ("name = \"a\", metric = \"retained\", max = 1", "go together"),
            ("name = \"a\", metric = \"section-count\", match = \"x\", max = 1", "`match` goes with"),
            (
                "name = \"a\", metric = \"retained\", keep = \"x\", region = \"r\", max = 1",
                "`region` goes with",
            ),
            ("name = \"a\", max = 1, ratchet = 1", "true or false"),
            ("name = \"a\", mx = 1", "did you mean `max`?"),
        ] {
            let told = read(&format!("version = 1\nbudget = [{{ {entry} }}]\n")).unwrap_err().to_string();
            assert!(told.contains(part), "{entry}: {told}");
        }
        let twice = "version = 1\nbudget = [{ name = \"a\", max = 1 }, { name = \"a\", max = 2 }]\n";
        assert!(read(twice).unwrap_err().to_string().contains("two budgets"));
    }

    #[test]
    fn lower_numbers_are_written() {
        let text = "version = 1 # as ever\n[[budget]]\nname = \"a\" # text\nratchet = true\nmax = \"2 KiB\"\n\n\
                    [[budget]]\nname = \"b\"\nratchet = true\n[[budget]]\nname = \"c\"\nmax = 9\n";
        let config = read(text).unwrap_or_else(|e| panic!("{e}"));
        let values: Vec<_> = config.budgets.iter().zip([100, 200, 1]).collect();
        let (new, names) = lower(text, &values);
        assert_eq!(names, ["a", "b"]);
        assert!(new.contains("name = \"a\" # text\nratchet = true\nmax = 100\n"), "{new}");
        assert!(
            new.contains("name = \"b\"\nmax = 200\nratchet = true\n") && new.contains("max = 9"),
            "{new}"
        );
        // Never raised.
        let values: Vec<_> = config.budgets.iter().zip([4000, 200, 1]).collect();
        assert_eq!(lower(text, &values).1, ["b"]);
        let text = "version = 1\nbudget = [{ name = \"a\", ratchet = true }]\n";
        let config = read(text).unwrap_or_else(|e| panic!("{e}"));
        let values: Vec<_> = config.budgets.iter().zip([7]).collect();
        let (new, _) = lower(text, &values);
        assert!(new.contains("{ name = \"a\", max = 7, ratchet = true }"), "{new}");
        assert_eq!(read(&new).unwrap_or_else(|e| panic!("{e}")).budgets[0].max, Some(7));
    }

    #[test]
    fn units() {
        assert_eq!(amount("12 MiB"), Some(12 << 20));
        assert_eq!(amount("1_000"), Some(1000));
        assert_eq!((amount("5kB"), amount("5 parsecs")), (Some(5000), None));
    }
}

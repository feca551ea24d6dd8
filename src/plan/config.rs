//! `linksweep.toml`: which rules count, what is allowed for how long, budgets, how the link is read.
//!
//! In: the text of the file. Out: [`Config`]. Unknown keys and rules are errors that name the place
//! and the nearest known word; nothing is passed over.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

mod budget;

pub use budget::{Budget, Metric, lower};

use crate::error::{Error, Result, Severity};

/// A day of the calendar, ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Year.
    pub year: i32,
    /// Month from 1.
    pub month: u8,
    /// Day from 1.
    pub day: u8,
}

impl Date {
    /// `YYYY-MM-DD`; `None` if it is no day.
    pub fn parse(text: &str) -> Option<Date> {
        let mut parts = text.splitn(3, '-');
        let mut next = |digits: usize| {
            let part = parts.next()?;
            let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            if plain { part.parse::<i32>().ok() } else { None }
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        let day = (1..=days).contains(&day).then_some(day)?;
        Some(Date { year, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? })
    }

    /// The day that lies so many seconds after the start of 1970, UTC.
    pub fn from_unix(seconds: u64) -> Date {
        // Days since 0000-03-01, in eras of 400 years.
        let days = i64::try_from(seconds / 86_400).unwrap_or(0) + 719_468;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Known rules: id and name.
pub const RULES: [(&str, &str); 14] = [
    ("LSW001", "missing-keep"),
    ("LSW002", "keep-matches-nothing"),
    ("LSW003", "export-not-linked"),
    ("LSW004", "undefined-symbol"),
    ("LSW005", "section-count"),
    ("LSW006", "keep-pins-code"),
    ("LSW007", "orphan-section"),
    ("LSW008", "pattern-captured"),
    ("LSW009", "opaque-input"),
    ("LSW010", "budget"),
    ("LSW011", "archive-index"),
    ("LSW012", "linker-disagreement"),
    ("LSW013", "section-type-conflict"),
    ("LSW014", "table-stride"),
];

/// What is done with a rule's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// They are left out.
    Off,
    /// They all have this level.
    Level(Severity),
}

/// An entry of `allow`: findings that are known and accepted. Every pattern that is given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow {
    /// The rule's id.
    pub rule: String,
    /// Globs on the subject's name: for subjects of a kind, or of any.
    pub subjects: Vec<(AllowKind, String)>,
    /// Exact fingerprint.
    pub fingerprint: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Option<Date>,
    /// Line of the entry.
    pub line: u32,
}

/// What a glob of an [`Allow`] is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowKind {
    /// A subject of this kind: `symbol`, `section`, `table`.
    Kind(&'static str),
    /// The subject's name, whatever its kind.
    Name,
    /// The file of the subject or of the place to fix.
    File,
    /// The archive.
    Archive,
}

/// `[link]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkSection {
    /// Whose rules, as `--linker` takes it.
    pub model: Option<String>,
    /// A linker script, where the command line names none.
    pub script: Option<PathBuf>,
    /// Symbols that are needed besides, as `-u` names them.
    pub roots: Vec<String>,
}

/// The file's contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Where it was read from, as spelled.
    pub path: PathBuf,
    /// Rules by id.
    pub rules: Vec<(&'static str, Setting)>,
    /// Allowed findings.
    pub allow: Vec<Allow>,
    /// Budgets.
    pub budgets: Vec<Budget>,
    /// How the link is read.
    pub link: LinkSection,
}

impl Config {
    /// What the file says of a rule.
    pub fn setting(&self, id: &str) -> Option<Setting> {
        self.rules.iter().rev().find(|(rule, _)| *rule == id).map(|(_, setting)| *setting)
    }

    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// A syntax error, an unknown key or rule, a value that is none of the allowed ones: with line and
    /// column.
    pub fn parse(path: &Path, text: &str) -> Result<Config> {
        let reader = Reader { path, text };
        let table = DeTable::parse(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            reader.error(at, e.message())
        })?;
        let mut config = Config { path: path.to_path_buf(), ..Config::default() };
        let mut version = false;
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "version" => {
                    version = true;
                    if reader.number(value)? != 1 {
                        return Err(reader.error(value.span().start, "this program reads version 1"));
                    }
                }
                "rules" => reader.rules(reader.table(value)?, &mut config)?,
                "allow" => {
                    for entry in reader.array(value)? {
                        config.allow.push(reader.allow(entry)?);
                    }
                }
                "budget" => {
                    for entry in reader.array(value)? {
                        let budget = reader.budget(entry)?;
                        if config.budgets.iter().any(|b| b.name == budget.name) {
                            let told = format!("two budgets are named `{}`", budget.name);
                            return Err(reader.error(entry.span().start, told));
                        }
                        config.budgets.push(budget);
                    }
                }
                "link" => config.link = reader.link(reader.table(value)?)?,
                other => {
                    let known = ["version", "rules", "allow", "budget", "link"];
                    return Err(reader.unknown("key", other, key.span().start, &known));
                }
            }
        }
        if !version {
            return Err(reader.error(0, "`version = 1` is missing"));
        }
        Ok(config)
    }
}

struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
}

type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn line(&self, offset: usize) -> (u32, u32) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    fn error(&self, offset: usize, cause: impl Into<String>) -> Error {
        let (line, column) = self.line(offset);
        Error::new(format!("{}:{line}:{column}", self.path.display()), cause.into())
    }

    fn unknown(&self, what: &str, word: &str, offset: usize, known: &[&str]) -> Error {
        let near = nearest(word, known).map_or_else(
            || format!("there are {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        self.error(offset, format!("unknown {what} `{word}`: {near}"))
    }

    fn table<'v, 'i>(&self, value: &'v Value<'i>) -> Result<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        table.ok_or_else(|| self.error(value.span().start, "a table is needed here"))
    }

    fn array<'v, 'i>(&self, value: &'v Value<'i>) -> Result<&'v [Value<'i>]> {
        let array = value.get_ref().as_array();
        array
            .map(|a| &a[..])
            .ok_or_else(|| self.error(value.span().start, "an array of tables is needed here"))
    }

    fn string(&self, value: &Value<'_>) -> Result<String> {
        let text = value.get_ref().as_str();
        text.map(str::to_string).ok_or_else(|| self.error(value.span().start, "a string is needed here"))
    }

    fn number(&self, value: &Value<'_>) -> Result<u64> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|n| u64::from_str_radix(&n.as_str().replace('_', ""), n.radix()).ok());
        number.ok_or_else(|| self.error(value.span().start, "a whole number is needed here"))
    }

    fn date(&self, value: &Value<'_>) -> Result<Date> {
        let text = match value.get_ref().as_datetime() {
            Some(date) => date.to_string(),
            None => self.string(value)?,
        };
        Date::parse(&text).ok_or_else(|| self.error(value.span().start, "a day is needed here: YYYY-MM-DD"))
    }

    /// A rule's id, from its id or its name.
    fn rule(&self, word: &str, offset: usize) -> Result<&'static str> {
        let found = RULES.iter().find(|(id, name)| id.eq_ignore_ascii_case(word) || *name == word);
        found.map(|(id, _)| *id).ok_or_else(|| {
            let known: Vec<&str> = RULES.iter().flat_map(|(id, name)| [*id, *name]).collect();
            match nearest(word, &known) {
                Some(near) => self.error(offset, format!("unknown rule `{word}`: did you mean `{near}`?")),
                None => self.error(offset, format!("unknown rule `{word}`: rules are LSW001 to LSW014")),
            }
        })
    }

    fn rules(&self, table: &DeTable<'_>, config: &mut Config) -> Result<()> {
        for (key, value) in table {
            let rule = self.rule(key.get_ref(), key.span().start)?;
            let setting = match value.get_ref() {
                DeValue::Boolean(false) => Setting::Off,
                _ => match self.string(value)?.as_str() {
                    "off" => Setting::Off,
                    "note" => Setting::Level(Severity::Note),
                    "warning" => Setting::Level(Severity::Warning),
                    "error" => Setting::Level(Severity::Error),
                    other => {
                        let known = ["off", "note", "warning", "error"];
                        return Err(self.unknown("level", other, value.span().start, &known));
                    }
                },
            };
            config.rules.push((rule, setting));
        }
        Ok(())
    }

    fn allow(&self, entry: &Value<'_>) -> Result<Allow> {
        let at = entry.span().start;
        let mut allow = Allow { line: self.line(at).0, ..Allow::default() };
        for (key, value) in self.table(entry)? {
            let kind = match key.get_ref().as_ref() {
                "rule" => {
                    allow.rule = self.rule(&self.string(value)?, value.span().start)?.to_string();
                    continue;
                }
                "reason" => {
                    allow.reason = self.string(value)?;
                    continue;
                }
                "until" => {
                    allow.until = Some(self.date(value)?);
                    continue;
                }
                "fingerprint" => {
                    allow.fingerprint = Some(self.string(value)?);
                    continue;
                }
                "symbol" => AllowKind::Kind("symbol"),
                "section" => AllowKind::Kind("section"),
                "table" => AllowKind::Kind("table"),
                "name" => AllowKind::Name,
                "file" => AllowKind::File,
                "archive" => AllowKind::Archive,
                other => {
                    let known = [
                        "rule",
                        "symbol",
                        "section",
                        "table",
                        "name",
                        "file",
                        "archive",
                        "fingerprint",
                        "reason",
                        "until",
                    ];
                    return Err(self.unknown("key", other, key.span().start, &known));
                }
            };
            allow.subjects.push((kind, self.string(value)?));
        }
        if allow.rule.is_empty() {
            return Err(self.error(at, "an allowed finding needs its `rule`"));
        }
        if allow.reason.trim().is_empty() {
            return Err(self.error(at, "an allowed finding needs a `reason`"));
        }
        Ok(allow)
    }

    fn link(&self, table: &DeTable<'_>) -> Result<LinkSection> {
        let mut link = LinkSection::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "model" => link.model = Some(self.string(value)?),
                "script" => link.script = Some(PathBuf::from(self.string(value)?)),
                "roots" => {
                    for root in self.array(value)? {
                        link.roots.push(self.string(root)?);
                    }
                }
                other => {
                    return Err(self.unknown("key", other, key.span().start, &["model", "script", "roots"]));
                }
            }
        }
        Ok(link)
    }
}

/// The known word that is nearest by edits, if one is near.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let lower = word.to_lowercase();
    let scored = known.iter().map(|k| (distance(&lower, &k.to_lowercase()), *k));
    let (edits, near) = scored.min_by_key(|(edits, _)| *edits)?;
    (edits <= 2.max(near.len() / 3)).then_some(near)
}

/// Levenshtein distance; words longer than 64 bytes are far from everything.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let up = *cell;
            *cell = (diagonal + usize::from(x != y)).min(up + 1).min(left + 1);
            diagonal = up;
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        Config::parse(Path::new("linksweep.toml"), text)
    }

    #[test]
    fn everything() {
        let config = read(
            "version = 1\nbudget = [\n  { name = \"text\", match = \".text*\", max = \"12 MiB\", max_growth = \"16 KiB\" },\n  \
             { name = \"headroom\", metric = \"section-count\", max = 60_000 },\n]\n\
             allow = [{ rule = \"LSW003\", symbol = \"__debug_*\", reason = \"linked on demand\", until = \"2027-03-01\" }]\n\
             [link]\nmodel = \"bfd\"\nscript = \"a.lds\"\nroots = [\"startup_64\"]\n\
             [rules]\nLSW012 = \"off\"\norphan-section = \"error\"\n",
        );
        let config = config.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(config.budgets.iter().map(|b| b.max).collect::<Vec<_>>(), [Some(12 << 20), Some(60_000)]);
        assert_eq!(config.budgets.first().and_then(|b| b.max_growth), Some(16 << 10));
        assert_eq!(config.allow.first().and_then(|a| a.until), Date::parse("2027-03-01"));
        assert_eq!(config.setting("LSW012"), Some(Setting::Off));
        assert_eq!(config.setting("LSW007"), Some(Setting::Level(Severity::Error)));
        assert_eq!(config.link.roots, ["startup_64"]);
    }

    #[test]
    fn unknown_words() {
        let cases = [
            ("version = 1\nalow = []\n", "linksweep.toml:2:1: unknown key `alow`: did you mean `allow`?"),
            (
                "version = 1\n[rules]\nLSW05 = \"off\"\n",
                "linksweep.toml:3:1: unknown rule `LSW05`: did you mean",
            ),
            (
                "version = 1\n[rules]\nLSW005 = \"of\"\n",
                "linksweep.toml:3:10: unknown level `of`: did you mean `off`?",
            ),
            (
                "version = 1\n[link]\nmodle = \"bfd\"\n",
                "linksweep.toml:3:1: unknown key `modle`: did you mean `model`?",
            ),
            ("version = 2\n", "linksweep.toml:1:11: this program reads version 1"),
            ("[link]\n", "linksweep.toml:1:1: `version = 1` is missing"),
            (
                "version = 1\nallow = [{ rule = \"LSW001\" }]\n",
                "linksweep.toml:2:10: an allowed finding needs a `reason`",
            ),
            (
                "version = 1\nbudget = [{ name = \"x\", max = \"12 XB\" }]\n",
                "linksweep.toml:2:31: a size is needed",
            ),
            ("version = \n", "linksweep.toml:1:"),
        ];
        for (text, expected) in cases {
            let error = read(text).map(|_| ()).map_err(|e| e.to_string());
            assert!(error.as_ref().is_err_and(|e| e.starts_with(expected)), "{text}: {error:?}");
        }
    }

    #[test]
    fn days() {
        assert_eq!(Date::from_unix(0).to_string(), "1970-01-01");
        assert_eq!(Date::from_unix(951_782_400).to_string(), "2000-02-29");
        assert_eq!(Date::from_unix(1_795_219_200).to_string(), "2026-11-21");
        assert_eq!(Date::parse("2027-02-29"), None);
        assert!(Date::parse("2027-02-28") < Date::parse("2027-03-01"));
    }
}

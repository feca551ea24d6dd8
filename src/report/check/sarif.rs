//! SARIF 2.1.0, as code scanning services read it: one run, rules with help, one physical location and
//! `primaryLocationLineHash` per result. The log stays below the services' limits: new results first, of these the worst,
//! of these the biggest; a notification tells how many are left out.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::{View, place, subject};
use crate::query::check::rules::{RULES, Rule};
use crate::query::finding::{Finding, Level, level_word, name_of};
use crate::report::json;

/// The most results that a run may have.
const RESULTS: usize = 25_000;

/// The most results of a run that a service shows.
const SHOWN: usize = 5_000;

/// The most bytes of a log, compressed as it is uploaded: 10 MB, less what one compressor packs worse than another.
const BYTES: usize = 9_700_000;

/// The most bytes of a result's message.
const MESSAGE: usize = 8_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    automation_details: Automation,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: Vec<ResultOf<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Omitted>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
struct Omitted {
    omitted: usize,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    name: &'static str,
    short_description: Text,
    full_description: Text,
    help: Text,
    default_configuration: Configuration,
    properties: Tags,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Tags {
    tags: [&'static str; 2],
}

#[derive(Serialize)]
struct Text {
    text: String,
}

impl Text {
    fn new(text: impl Into<String>) -> Text {
        Text { text: text.into() }
    }
}

#[derive(Serialize)]
struct Automation {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOf<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints {
    primary_location_line_hash: String,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
}

/// A path as a relative URI reference: everything but unreserved characters and slashes is encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    // A first part with a colon would read as a scheme, two slashes as a host.
    let front = if path.starts_with("//") { "/." } else { "" };
    out.push_str(front);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'+' | b',') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn descriptor(rule: &Rule) -> Descriptor {
    Descriptor {
        id: rule.id,
        name: name_of(rule.id),
        short_description: Text::new(rule.short),
        full_description: Text::new(rule.full),
        help: Text::new(rule.help),
        default_configuration: Configuration { level: level_word(rule.level) },
        properties: Tags { tags: ["linker", if rule.level == Level::Note { "size" } else { "correctness" }] },
    }
}

fn result<'a>(view: &View<'_>, finding: &'a Finding, known: bool, reason: Option<&str>) -> ResultOf<'a> {
    let (file, line, column) = place(view, finding);
    let mut text = finding.message.clone();
    if !finding.remedy.is_empty() {
        text.push_str(". To fix: ");
        text.push_str(&finding.remedy);
    }
    let about = subject(finding);
    ResultOf {
        rule_id: finding.id,
        rule_index: RULES.iter().position(|r| r.id == finding.id),
        level: level_word(finding.level),
        baseline_state: match (view.check.has_base, known) {
            // What is allowed may have been in the base or not.
            (true, _) if reason.is_some() => None,
            (true, true) => Some("unchanged"),
            (true, false) => Some("new"),
            (false, _) => None,
        },
        message: Text::new(cut(text)),
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(&file) },
                region: Region {
                    start_line: line,
                    start_column: column,
                    end_line: line,
                    end_column: column.saturating_add(1),
                },
            },
            logical_locations: if about.is_empty() {
                Vec::new()
            } else {
                vec![Logical { fully_qualified_name: about }]
            },
        }],
        partial_fingerprints: Fingerprints { primary_location_line_hash: finding.fingerprint() },
        suppressions: reason
            .map(|r| Suppression { kind: "external", justification: r.to_string() })
            .into_iter()
            .collect(),
    }
}

/// A message of a length that services read.
fn cut(mut text: String) -> String {
    if text.len() > MESSAGE {
        let end = (0..=MESSAGE).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(" [...]");
    }
    text
}

/// The log.
pub fn sarif(view: &View<'_>) -> Vec<u8> {
    within(view, BYTES)
}

/// The log with as many results as fit into `limit` bytes, compressed.
pub(super) fn within(view: &View<'_>, limit: usize) -> Vec<u8> {
    let check = view.check;
    let mut all: Vec<(&Finding, bool, Option<&str>)> = Vec::new();
    all.extend(check.findings.iter().map(|f| (f, false, None)));
    all.extend(check.known.iter().map(|f| (f, true, None)));
    all.extend(check.allowed.iter().map(|a| (&a.finding, false, Some(a.reason.as_str()))));
    // A rule with thousands of small findings does not push out the big ones of the next.
    all.sort_by_key(|&(f, known, reason)| {
        (reason.is_some(), known, std::cmp::Reverse(f.level), std::cmp::Reverse(f.bytes.unwrap_or(0)))
    });
    let mut count = all.len().min(RESULTS);
    loop {
        let taken = all.iter().take(count).map(|&(f, known, reason)| result(view, f, known, reason));
        let bytes = log(view, taken.collect(), all.len());
        // What is small as it is need not be compressed.
        let size = if bytes.len() <= limit { 0 } else { compressed(&bytes) };
        if size <= limit || count == 0 {
            return bytes;
        }
        // Somewhat less than in proportion, and less each time.
        let next = (count as u128 * limit as u128 * 19 / (size as u128 * 20)) as usize;
        count = next.min(count - 1);
    }
}

fn compressed(bytes: &[u8]) -> usize {
    let mut packer = GzEncoder::new(Counter(0), Compression::default());
    // A counter takes everything.
    let _ = packer.write_all(bytes);
    packer.finish().map_or(usize::MAX, |counter| counter.0)
}

/// Counts what is written.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log with these results of `total`.
fn log(view: &View<'_>, results: Vec<ResultOf<'_>>, total: usize) -> Vec<u8> {
    let omitted = total - results.len();
    let (level, told) = if omitted > 0 {
        let limits = format!("services take {RESULTS} of a run and 10 MB, compressed");
        let first = "new ones come first, of these the worst, of these the biggest";
        ("warning", format!("{omitted} of {total} results are left out: {limits}; {first}"))
    } else {
        ("note", format!("a service may show the first {SHOWN} of {total} results only"))
    };
    let told = (omitted > 0 || total > SHOWN).then(|| Notification { level, message: Text::new(told) });
    json::render(&Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "linksweep",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: RULES.iter().map(descriptor).collect(),
                },
            },
            automation_details: Automation { id: format!("linksweep/{}/", view.category) },
            column_kind: "unicodeCodePoints",
            invocations: [Invocation {
                execution_successful: true,
                tool_execution_notifications: told.into_iter().collect(),
            }],
            results,
            properties: (omitted > 0).then_some(Omitted { omitted }),
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE, RULES, cut, uri};

    /// Limits of GitHub: 255 characters for names, 1,024 for descriptions.
    #[test]
    fn texts_of_rules_are_shown_whole() {
        for rule in RULES {
            assert!(
                rule.short.len() <= 1024 && rule.full.len() <= 1024 && rule.help.len() <= 1024,
                "{}",
                rule.id
            );
        }
        let long = cut("é".repeat(MESSAGE));
        assert!(long.len() <= MESSAGE + 6 && long.ends_with("é [...]"), "{}", long.len());
    }

    #[test]
    fn uris() {
        assert_eq!(uri("arch/x86/a b.lds.S"), "arch/x86/a%20b.lds.S");
        assert_eq!(uri("x:\n\"é"), "x%3A%0A%22%C3%A9");
        assert_eq!(uri("//host/x"), "/.//host/x");
    }
}

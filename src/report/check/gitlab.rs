//! GitLab's code quality report: an array of issues; issues with equal fingerprints are shown once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{View, place};
use crate::query::finding::{Level, name_of};
use crate::report::json;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: At,
}

#[derive(Serialize)]
struct At {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// The report.
pub fn gitlab(view: &View<'_>) -> Vec<u8> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let issues: Vec<Issue> = view
        .check
        .findings
        .iter()
        // The service compares with the report of the target branch itself.
        .chain(&view.check.known)
        .map(|finding| {
            let (path, line, _) = place(view, finding);
            let fingerprint = finding.fingerprint();
            let times = seen.entry(fingerprint.clone()).or_insert(0);
            *times += 1;
            let fingerprint = if *times > 1 { format!("{fingerprint}-{times}") } else { fingerprint };
            Issue {
                description: finding.message.clone(),
                check_name: format!("{} {}", finding.id, name_of(finding.id)),
                fingerprint,
                severity: match finding.level {
                    Level::Error => "critical",
                    Level::Warning => "major",
                    Level::Note => "info",
                },
                location: At { path, lines: Lines { begin: line } },
            }
        })
        .collect();
    json::render(&issues)
}

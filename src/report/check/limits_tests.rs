//! The limits of the services that read reports: what is cut, what is said of it, what comes first.

use super::*;
use crate::query::finding::{Location, Subject};

fn finding(level: Level, number: u64) -> Finding {
    let name = format!("object_{number}|`<details>`.o");
    Finding {
        id: if level == Level::Error { "LSW003" } else { "LSW005" },
        level,
        message: format!("finding {number} about {name}"),
        subject: Subject { kind: "file", name: name.clone(), file: name, archive: String::new() },
        location: Some(Location { file: "lib/Makefile".into(), line: 3, column: 1 }),
        bytes: Some(number),
        remedy: "mend it".into(),
    }
}

fn found(errors: u64, warnings: u64, notes: u64) -> Check {
    let of = |level, count: u64| (0..count).rev().map(move |n| finding(level, n));
    let all = of(Level::Error, errors).chain(of(Level::Warning, warnings)).chain(of(Level::Note, notes));
    Check { findings: all.collect(), ..Check::default() }
}

fn view(check: &Check, limit: usize) -> View<'_> {
    View {
        check,
        config: "linksweep.toml".into(),
        base: String::new(),
        limit,
        fail_on: Level::Error,
        category: "test".into(),
        root: String::new(),
    }
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn github_shows_ten_errors_ten_warnings_and_the_true_count() {
    let check = found(15, 25, 40);
    let out = text_of(github(&view(&check, 0)));
    let lines = |start: &str| out.lines().filter(|l| l.starts_with(start)).count();
    assert_eq!(
        (lines("::error "), lines("::warning "), lines("::notice "), out.lines().count()),
        (10, 10, 1, 21)
    );
    let last = out.lines().last().unwrap_or("");
    assert_eq!(
        last,
        "::notice title=linksweep failed::15 errors, 25 warnings, 40 notes, 60 of them not shown above"
    );
    // Warnings are not pushed out by errors, errors not by warnings.
    assert_eq!(text_of(github(&view(&found(0, 3, 0), 0))).lines().count(), 4);
}

#[test]
fn sarif_has_no_more_results_than_services_take() {
    let check = found(24_999, 3, 0);
    let log: serde_json::Value = serde_json::from_slice(&sarif(&view(&check, 0))).unwrap_or_default();
    let run = &log["runs"][0];
    assert_eq!(run["results"].as_array().map(Vec::len), Some(25_000));
    assert_eq!(run["properties"]["omitted"], 2);
    let told = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str();
    assert!(told.is_some_and(|t| t.starts_with("2 of 25002 results are left out")), "{told:?}");
    // All errors are among them.
    let levels = run["results"].as_array().into_iter().flatten().filter(|r| r["level"] == "error");
    assert_eq!(levels.count(), 24_999);
    let small: serde_json::Value =
        serde_json::from_slice(&sarif(&view(&found(1, 0, 0), 0))).unwrap_or_default();
    assert!(small["runs"][0]["invocations"][0]["toolExecutionNotifications"].is_null());
}

#[test]
fn sarif_is_no_bigger_than_services_take() {
    let packed = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packer, bytes).unwrap_or_else(|e| panic!("{e}"));
        packer.finish().unwrap_or_else(|e| panic!("{e}")).len()
    };
    // The biggest of all is a note, and there are known findings.
    let mut check = found(500, 700, 0);
    check.findings.push(finding(Level::Note, 9_000));
    check.known = found(300, 0, 0).findings;
    let whole = sarif::within(&view(&check, 0), usize::MAX);
    for limit in [packed(&whole) / 2, 20_000, 12_000, 1] {
        let bytes = sarif::within(&view(&check, 0), limit);
        let log: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let run = &log["runs"][0];
        let count = run["results"].as_array().map_or(0, Vec::len);
        assert!(packed(&bytes) <= limit || count == 0, "{} of {limit}", packed(&bytes));
        assert_eq!(run["properties"]["omitted"], 1501 - count);
        assert!(count > 0 || limit < 9_000, "{limit}");
        // Errors before warnings, big ones first, known ones last.
        let order: Vec<String> = run["results"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|r| r["message"]["text"].as_str().unwrap_or("").split(' ').nth(1).unwrap_or("").into())
            .collect();
        let expected = (0..500).rev().chain((0..700).rev()).chain([9_000]).chain((0..300).rev());
        assert_eq!(order, expected.take(count).map(|n: u64| n.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(sarif::within(&view(&check, 0), packed(&whole)), whole);
    let many: serde_json::Value =
        serde_json::from_slice(&sarif(&view(&found(0, 5_001, 0), 0))).unwrap_or_default();
    let told = &many["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!((&told["level"], &many["runs"][0]["properties"]), (&"note".into(), &serde_json::Value::Null));
}

#[test]
fn markdown_stays_below_its_limit() {
    let check = found(6_000, 6_000, 6_000);
    for limit in [65_536, 1 << 20, 4_000] {
        let out = text_of(markdown(&view(&check, limit)));
        assert!(out.len() <= limit, "{} of {limit}", out.len());
        assert!(out.len() + 4_000 > limit.min(1_000_000), "{} of {limit}", out.len());
        assert_eq!(out.matches("<details>").count(), out.matches("</details>").count());
        assert!(out.contains("more findings are left out here"), "{limit}");
        // Biggest first, and no markup from names.
        let first = out.lines().find(|l| l.starts_with("| error")).unwrap_or("");
        assert!(first.contains("finding 5999 about object\\_5999\\|\\`&lt;details&gt;\\`.o"), "{first}");
    }
    let all = found(3, 0, 2);
    assert!(!text_of(markdown(&view(&all, 65_536))).contains("left out"));
}

#[test]
fn budgets_are_in_every_format() {
    use crate::plan::config::Config;
    use crate::query::check::BudgetState;
    let text =
        "version = 1\nbudget = [{ name = \"a|b\", max = 10, max_growth = 2 }, { name = \"ok\", max = 9 }]\n";
    let config = Config::parse(std::path::Path::new("linksweep.toml"), text);
    let config = config.unwrap_or_else(|e| panic!("{e}"));
    let states = [BudgetState::Exceeded, BudgetState::Known];
    let results = config.budgets.iter().zip(states).map(|(budget, state)| BudgetResult {
        budget: budget.clone(),
        value: Some(14),
        base: Some(11),
        state,
        note: "",
    });
    let today = crate::plan::config::Date::parse("2026-11-21").unwrap_or_else(|| panic!("a day"));
    let base = std::collections::BTreeSet::new();
    let check = crate::query::check::check(Vec::new(), &config, results.collect(), today, Some(&base));
    assert_eq!((check.findings.len(), check.known.len()), (1, 1));
    let view = view(&check, COMMENT);
    let out = text_of(markdown(&view));
    assert!(
        out.contains("| a\\|b | exceeded | 14 B, 10 B allowed, 11 B in the base, growth of 2 B allowed |"),
        "{out}"
    );
    assert!(out.contains("| ok | exceeded-in-base |") && out.contains("1 known from the base"), "{out}");
    let out = text_of(junit(&view));
    assert!(out.contains("name=\"a|b\"") && out.contains("failures=\"2\""), "{out}");
    let out = text_of(github(&view));
    assert!(
        out.starts_with("::error file=linksweep.toml,line=2,col=1,title=LSW010 budget::budget a|b is"),
        "{out}"
    );
    let log: serde_json::Value = serde_json::from_slice(&sarif(&view)).unwrap_or_default();
    let states: Vec<_> = log["runs"][0]["results"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| (r["ruleId"].clone(), r["baselineState"].clone()))
        .collect();
    assert_eq!(states, [("LSW010".into(), "new".into()), ("LSW010".into(), "unchanged".into())]);
    let issues: serde_json::Value = serde_json::from_slice(&gitlab(&view)).unwrap_or_default();
    assert_eq!(issues.as_array().map(Vec::len), Some(2));
    let out = text_of(csv(&view));
    assert!(out.lines().nth(1).is_some_and(|l| l.ends_with(",new")), "{out}");
    assert!(out.lines().nth(2).is_some_and(|l| l.ends_with(",known")), "{out}");
}

const COMMENT: usize = crate::report::markdown::COMMENT;

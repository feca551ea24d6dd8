//! JUnit XML: every rule and every budget is a test case.

use super::{View, place, subject};
use crate::query::check::BudgetState;
use crate::query::check::rules::RULES;
use crate::query::finding::{level_word, name_of};

/// Escapes text and attributes; characters that XML 1.0 has no form for are left out.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => out.push(c),
            _ => {}
        }
    }
    out
}

/// The document.
pub fn junit(view: &View<'_>) -> Vec<u8> {
    let check = view.check;
    let mut cases = String::new();
    let mut failures = 0usize;
    for rule in &RULES {
        let found: Vec<_> = check.findings.iter().filter(|f| f.id == rule.id).collect();
        let failed = found.iter().filter(|f| f.level >= view.fail_on).count();
        let name = format!("{} {}", rule.id, name_of(rule.id));
        cases.push_str(&format!("    <testcase classname=\"linksweep.rules\" name=\"{}\"", xml(&name)));
        if found.is_empty() {
            cases.push_str("/>\n");
            continue;
        }
        cases.push_str(">\n");
        let mut lines = String::new();
        for finding in &found {
            let (file, line, _) = place(view, finding);
            lines.push_str(&format!(
                "{file}:{line}: {}: {} ({})\n",
                level_word(finding.level),
                finding.message,
                subject(finding)
            ));
        }
        if failed > 0 {
            failures += 1;
            cases.push_str(&format!(
                "      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                name_of(rule.id),
                xml(&format!("{failed} of {}: {}", found.len(), rule.short)),
                xml(&lines)
            ));
        } else {
            cases.push_str(&format!("      <system-out>{}</system-out>\n", xml(&lines)));
        }
        cases.push_str("    </testcase>\n");
    }
    for result in &check.budgets {
        let name = xml(&result.budget.name);
        cases.push_str(&format!("    <testcase classname=\"linksweep.budgets\" name=\"{name}\""));
        let words = super::budget_words(result);
        match result.state {
            BudgetState::Met => cases.push_str("/>\n"),
            BudgetState::Known => {
                cases.push_str(&format!(
                    ">\n      <system-out>{}</system-out>\n    </testcase>\n",
                    xml(&words)
                ));
            }
            BudgetState::NotEvaluated => {
                cases
                    .push_str(&format!(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(&words)));
            }
            BudgetState::Exceeded => {
                failures += 1;
                cases.push_str(&format!(
                    ">\n      <failure type=\"budget\" message=\"{}\"/>\n    </testcase>\n",
                    xml(&words)
                ));
            }
        }
    }
    let tests = RULES.len() + check.budgets.len();
    let skipped = check.budgets.iter().filter(|b| b.state == BudgetState::NotEvaluated).count();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    format!(
        "{head}\n<testsuites>\n  <testsuite name=\"linksweep {}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n{cases}  </testsuite>\n</testsuites>\n",
        xml(&view.category)
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn escapes() {
        assert_eq!(xml("a<b>&\"'\n\u{1}\u{1b}\u{fffe}é"), "a&lt;b&gt;&amp;&quot;&apos;&#10;é");
    }
}

//! LSW012: sections that another linker would treat differently, as findings per object.
//!
//! In: a comparison and the analyses it speaks of, the modelled link first. Out: findings, one per
//! object, in link order.

use std::collections::BTreeMap;

use crate::ids::FileId;
use crate::query::Analysis;
use crate::query::compare::Comparison;
use crate::query::finding::{Finding, Level, Subject};

/// Findings of a comparison; `names` are the linkers in the order of the analyses.
pub fn findings(analyses: &[&Analysis<'_>], names: &[String], comparison: &Comparison) -> Vec<Finding> {
    let Some(program) = analyses.first().map(|a| &a.program) else { return Vec::new() };
    struct Sum {
        sections: u64,
        bytes: u64,
        example: String,
    }
    let mut by_file: BTreeMap<FileId, Sum> = BTreeMap::new();
    for difference in &comparison.differences {
        let (file, _) = program.locate(difference.section);
        let sum = by_file.entry(file).or_insert_with(|| {
            let fates: Vec<String> = names
                .iter()
                .zip(&difference.fates)
                .map(|(name, fate)| format!("{name}: {}", fate.word()))
                .collect();
            let section = String::from_utf8_lossy(program.section_name(difference.section));
            Sum {
                sections: 0,
                bytes: 0,
                example: format!("{section} ({}; {})", fates.join(", "), difference.rule),
            }
        });
        sum.sections += 1;
        sum.bytes = sum.bytes.saturating_add(difference.bytes);
    }
    by_file
        .into_iter()
        .map(|(file, sum)| {
            let f = &program.files[file];
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (name, archive) = match f.archive {
                Some(_) => (text(f.member), text(f.path)),
                None => (text(f.path), String::new()),
            };
            let what = if sum.sections == 1 { "section".to_string() } else { format!("{} sections, first", sum.sections) };
            Finding {
                id: "LSW012",
                level: Level::Note,
                message: format!("linkers disagree about {what} {}", sum.example),
                subject: Subject {
                    kind: if archive.is_empty() { "file" } else { "member" },
                    name: name.clone(),
                    file: name,
                    archive,
                },
                location: None,
                bytes: Some(sum.bytes),
                remedy: "gc --compare names every section and the rule; a KEEP or a retained section makes them agree".to_string(),
            }
        })
        .collect()
}

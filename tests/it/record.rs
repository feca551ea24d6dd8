//! The recorded answers of the real linkers: the `.expect` file beside a case.
//!
//! In: text. Out: answers by linker and link name. Reading what was written gives the same value.

use std::collections::BTreeMap;

use crate::linkers::{ALL, Answer, LinkerId};

/// All answers of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// By link name and linker.
    pub answers: BTreeMap<(String, LinkerId), Answer>,
}

impl Record {
    /// Parses an `.expect` file.
    pub fn parse(text: &str) -> Result<Record, String> {
        let mut record = Record::default();
        let mut key: Option<(String, LinkerId)> = None;
        for line in text.lines() {
            if let Some(head) = line.strip_prefix("== ") {
                let mut words = head.split_whitespace();
                let linker = words.next().unwrap_or("");
                let id =
                    *ALL.iter().find(|l| l.name() == linker).ok_or_else(|| format!("bad line `{line}`"))?;
                let ok = match words.next() {
                    Some("ok") => true,
                    Some("fails") => false,
                    _ => return Err(format!("bad line `{line}`")),
                };
                let k = (words.next().unwrap_or("").to_string(), id);
                record.answers.insert(k.clone(), Answer { ok, ..Answer::default() });
                key = Some(k);
                continue;
            }
            let Some(answer) = key.as_ref().and_then(|k| record.answers.get_mut(k)) else { continue };
            if line == "-- extraction" {
                answer.extract = Some(Vec::new());
            } else if let Some(e) = &mut answer.extract {
                e.push(line.to_string());
            } else {
                answer.lines.push(line.to_string());
            }
        }
        Ok(record)
    }

    /// The text of the file: links in the order of `order`, linkers in the usual order.
    pub fn write(&self, order: &[String]) -> String {
        let mut out = String::new();
        for name in order {
            for id in ALL {
                let Some(a) = self.answers.get(&(name.clone(), id)) else { continue };
                let exit = if a.ok { "ok" } else { "fails" };
                out.push_str(format!("== {} {exit} {name}", id.name()).trim_end());
                out.push('\n');
                out.push_str(&Record::show(a));
            }
        }
        out
    }

    /// The lines of one answer.
    pub fn show(a: &Answer) -> String {
        let mut out = String::new();
        for l in &a.lines {
            out.push_str(l);
            out.push('\n');
        }
        if let Some(e) = &a.extract {
            out.push_str("-- extraction\n");
            for l in e {
                out.push_str(l);
                out.push('\n');
            }
        }
        out
    }
}

//! The audit as findings (cli.md 3).
//!
//! In: an [`Audit`]. Out: [`Finding`]s: one per table, pattern or section name, in the order of their ids.

use bstr::ByteSlice;

use super::{Audit, LostTable, NO_STATEMENT, Sort};
use crate::ids::SectionId;
use crate::load::elf::consts::*;
use crate::query::Analysis;
use crate::query::finding::{Finding, Level, Location, Subject};

/// Kept tables that pin less than this are no finding.
const LEAST_PINNED: u64 = 1;

/// All findings of an audit.
pub fn findings(analysis: &Analysis<'_>, audit: &Audit) -> Vec<Finding> {
    let words = Words { analysis, audit };
    let mut out = Vec::new();
    out.extend((0..audit.lost.len()).filter_map(|n| words.lost(n)));
    out.extend(audit.idle.iter().map(|i| words.idle(i)));
    out.extend(audit.pins.rows.iter().filter_map(|p| words.pins(p)));
    out.extend(audit.orphans.iter().map(|o| words.orphan(o)));
    out.extend(audit.captured.iter().map(|c| words.captured(c)));
    out.extend(audit.conflicts.iter().map(|c| words.conflict(c)));
    out.extend(audit.strides.iter().map(|s| words.stride(s)));
    out
}

struct Words<'a, 'd> {
    analysis: &'a Analysis<'d>,
    audit: &'a Audit,
}

fn plain(bytes: &[u8]) -> String {
    bytes.to_str_lossy().into_owned()
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

impl Words<'_, '_> {
    /// Where a statement stands in its script.
    fn place(&self, statement: u32) -> Option<Location> {
        let own = self.audit.placement.statements.get(statement as usize)?;
        let script = &self.analysis.program.scripts.get(own.script as usize)?.script;
        let at = script.location(own.span);
        Some(Location { file: at.file.to_string_lossy().into_owned(), line: at.line, column: at.column })
    }

    fn text(&self, statement: u32) -> String {
        let own = self.audit.placement.statements.get(statement as usize);
        own.map_or_else(String::new, |s| {
            if s.keep { format!("KEEP({})", plain(&s.shown)) } else { plain(&s.shown) }
        })
    }

    fn pattern(&self, statement: u32, pattern: u32) -> String {
        let own = self.audit.placement.statements.get(statement as usize);
        own.and_then(|s| s.patterns.get(pattern as usize)).map_or_else(|| "*".into(), |p| plain(&p.text))
    }

    /// The file of a section as subject.
    fn in_file(&self, section: SectionId) -> (String, String) {
        let (file, _) = self.analysis.program.locate(section);
        let f = &self.analysis.program.files[file];
        if f.archive.is_some() { (plain(f.member), plain(f.path)) } else { (plain(f.path), String::new()) }
    }

    fn label(&self, section: SectionId) -> String {
        self.analysis.program.label(self.analysis.program.locate(section).0)
    }

    fn table(&self, name: &[u8], location: Option<&Location>) -> Subject {
        let file = location.map_or_else(String::new, |l| l.file.clone());
        Subject { kind: "table", name: plain(name), file, archive: String::new() }
    }

    /// The source line if it is known, else the script's.
    fn fix_place(&self, number: usize, table: &LostTable) -> Option<Location> {
        let fix = self.audit.fixes.get(number)?;
        let origin = fix.origins.iter().flatten().next().and_then(|o| {
            let file = self.audit.sources.get(o.text)?.path.clone();
            Some(Location { file, line: o.line, column: o.column })
        });
        origin.or_else(|| self.place(*table.statements.first()?))
    }

    fn lost(&self, number: usize) -> Option<Finding> {
        let table = self.audit.lost.get(number)?;
        let location = self.fix_place(number, table);
        let loses = if self.audit.collects { "loses" } else { "would lose" };
        let whole = if table.kept_sections == 0 { "all" } else { "some" };
        let entries = match table.shape.entries(table.bytes) {
            Some(n) => format!("{}, ", plural(n, "entry", "entries")),
            _ => String::new(),
        };
        let bounds: Vec<String> = table.bounds.iter().map(|b| plain(&b.name)).collect();
        let user = table.bounds.iter().flat_map(|b| &b.uses).find(|u| u.live).map(|u| self.label(u.section));
        let mut message = format!(
            "the table {loses} {whole} of its entries ({entries}{} in {}): nothing refers to them but through {}, which {} uses",
            plural(table.bytes, "byte", "bytes"),
            plural(table.files.len() as u64, "file", "files"),
            bounds.join(" and "),
            user.unwrap_or_default(),
        );
        if table.cascade_weight.sections > 0 {
            let goes = if self.audit.collects { "go" } else { "would go" };
            message.push_str(&format!(
                "; with them {goes} {} of code and data",
                plural(table.cascade_weight.bytes(), "byte", "bytes")
            ));
        }
        let remedy = match table.statements.first() {
            Some(&statement) => format!("write KEEP({})", self.text(statement)),
            None if table.range.is_none() => {
                "link with -z nostart-stop-gc, or mark the entries retained".into()
            }
            None => String::new(),
        };
        Some(Finding {
            id: "LSW001",
            level: if self.audit.collects { Level::Error } else { Level::Note },
            message,
            subject: self.table(&table.name, location.as_ref()),
            location,
            bytes: Some(table.bytes),
            remedy,
        })
    }

    fn idle(&self, idle: &super::IdlePattern) -> Finding {
        let location = self.place(idle.statement);
        let pattern = self.pattern(idle.statement, idle.pattern);
        let remedy = match &idle.meant {
            Some(meant) => format!("write {meant}"),
            None => String::new(),
        };
        let mut hint = String::new();
        if idle.meant.is_some() {
            hint.push_str("; the dot in front is missing");
        } else if let Some(&member) = idle.left_behind.first() {
            let more = match idle.left_behind.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            hint = format!(
                "; {}{more} would have some, but is not in the link",
                self.analysis.program.label(member)
            );
        }
        Finding {
            id: "LSW002",
            level: Level::Note,
            message: format!(
                "the pattern {pattern} of {} matches no input section{hint}",
                self.text(idle.statement)
            ),
            subject: Subject {
                kind: "pattern",
                name: pattern,
                file: location.as_ref().map_or_else(String::new, |l| l.file.clone()),
                archive: String::new(),
            },
            location,
            bytes: None,
            remedy,
        }
    }

    fn pins(&self, row: &super::KeptStatement) -> Option<Finding> {
        if row.sort == Sort::Constructors || row.sort == Sort::Itself || row.pinned.bytes() < LEAST_PINNED {
            return None;
        }
        let location = self.place(row.statement);
        let text = self.text(row.statement);
        let biggest: Vec<String> =
            row.sections.iter().take(3).map(|&s| plain(self.analysis.program.section_name(s))).collect();
        let what = match row.sort {
            Sort::Export => "exports",
            Sort::Initcall => "initcalls",
            _ => "entries",
        };
        let name = self.audit.placement.statements.get(row.statement as usize)?.text.clone();
        Some(Finding {
            id: "LSW006",
            level: Level::Note,
            message: format!(
                "{} of code and data in {} live only through the {what} that {text} keeps, {} first",
                plural(row.pinned.bytes(), "byte", "bytes"),
                plural(row.pinned.sections, "section", "sections"),
                biggest.join(", "),
            ),
            subject: self.table(&name, location.as_ref()),
            location,
            bytes: Some(row.pinned.bytes()),
            remedy: String::new(),
        })
    }

    fn orphan(&self, orphan: &super::Orphan) -> Finding {
        let first = orphan.sections.first();
        let location = orphan.near.and_then(|(statement, _)| self.place(statement));
        let (file, archive) = first.map(|&s| self.in_file(s)).unwrap_or_default();
        let remedy = match orphan.near {
            Some((statement, pattern)) => {
                format!("{} lacks the dot in front: write .{0}", self.pattern(statement, pattern))
            }
            None => format!("place it: *({})", orphan.name),
        };
        Finding {
            id: "LSW007",
            level: Level::Warning,
            message: format!(
                "no statement of the script places {} ({} in {}, first in {})",
                orphan.name,
                plural(orphan.bytes, "byte", "bytes"),
                plural(orphan.sections.len() as u64, "section", "sections"),
                first.map(|&s| self.label(s)).unwrap_or_default(),
            ),
            subject: Subject { kind: "section", name: plain(&orphan.name), file, archive },
            location,
            bytes: Some(orphan.bytes),
            remedy,
        }
    }

    fn captured(&self, row: &super::Captured) -> Finding {
        let location = self.place(row.first);
        let first = row.sections.first();
        let name = first.map(|&s| plain(self.analysis.program.section_name(s))).unwrap_or_default();
        let at = self.place(row.later).map(|l| format!("{}:{}:{}", l.file, l.line, l.column));
        let pattern = self.pattern(row.later, row.later_pattern);
        Finding {
            id: "LSW008",
            level: Level::Warning,
            message: format!(
                "{} takes {} ({}, such as {name} of {}) that the later {} at {} names",
                self.text(row.first),
                plural(row.sections.len() as u64, "section", "sections"),
                plural(row.bytes, "byte", "bytes"),
                first.map(|&s| self.label(s)).unwrap_or_default(),
                self.text(row.later),
                at.unwrap_or_default(),
            ),
            subject: Subject {
                kind: "pattern",
                name: pattern.clone(),
                file: location.as_ref().map_or_else(String::new, |l| l.file.clone()),
                archive: String::new(),
            },
            location,
            bytes: Some(row.bytes),
            remedy: format!("put the statement with {pattern} first, or narrow {}", {
                self.pattern(row.first, row.first_pattern)
            }),
        }
    }

    fn conflict(&self, conflict: &super::Conflict) -> Finding {
        let words: Vec<String> = conflict
            .variants
            .iter()
            .take(4)
            .map(|v| {
                format!("{} {} ({})", kind_word(v.kind, v.flags), flag_letters(v.flags), self.label(v.first))
            })
            .collect();
        let odd = conflict.variants.last().map(|v| v.first);
        let (file, archive) = odd.map(|s| self.in_file(s)).unwrap_or_default();
        let placed = odd.and_then(|s| self.audit.placement.placed.get(s).copied());
        Finding {
            id: "LSW013",
            level: Level::Warning,
            message: format!("sections {} differ: {}", conflict.name, words.join("; ")),
            subject: Subject { kind: "section", name: plain(&conflict.name), file, archive },
            location: placed.filter(|s| *s != NO_STATEMENT).and_then(|s| self.place(s)),
            bytes: None,
            remedy: "give all sections of the name one type and the same flags".into(),
        }
    }

    fn stride(&self, bad: &super::BadStride) -> Finding {
        let location = self.place(bad.statement);
        let mut faults = Vec::new();
        if bad.lead > 0 {
            faults.push(format!("{} in front of the first entry", plural(bad.lead, "byte", "bytes")));
        }
        if bad.inner > 0 {
            faults.push(format!("{} between entries", plural(bad.inner, "byte", "bytes")));
        }
        if bad.tail > 0 {
            faults.push(format!("{} behind the last entry", plural(bad.tail, "byte", "bytes")));
        }
        let mut message = if faults.is_empty() {
            String::from("an input is not aligned as its entries must be")
        } else {
            format!(
                "between its bounds there are {} of padding ({} in all, entries of {})",
                faults.join(", "),
                plural(bad.size, "byte", "bytes"),
                bad.shape.entry
            )
        };
        if let Some(section) = bad.misaligned {
            message.push_str(&format!("; entries of {} are not aligned", self.label(section)));
        }
        Finding {
            id: "LSW014",
            level: Level::Warning,
            message,
            subject: self.table(&bad.name, location.as_ref()),
            location,
            bytes: Some(bad.lead + bad.inner + bad.tail),
            remedy: format!("align `.` to {} before the start symbol", bad.shape.align.max(1)),
        }
    }
}

fn kind_word(kind: u32, flags: u32) -> &'static str {
    match kind {
        SHT_NOTE => "note",
        SHT_NOBITS => "no bits",
        SHT_PROGBITS if flags & SHF_EXECINSTR != 0 => "code",
        SHT_PROGBITS => "data",
        _ => "other",
    }
}

fn flag_letters(flags: u32) -> String {
    let letters = [(SHF_ALLOC, 'a'), (SHF_WRITE, 'w'), (SHF_EXECINSTR, 'x'), (SHF_TLS, 'T')];
    let text: String = letters.iter().filter(|(f, _)| flags & f != 0).map(|(_, c)| *c).collect();
    if text.is_empty() { "-".into() } else { text }
}

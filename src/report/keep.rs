//! `keep` as text and CSV.
//!
//! In: an audit and its findings. Out: bytes. The text says for each lost table what is lost, why, the
//! line to change and what the change costs.

use bstr::ByteSlice;

use super::Page;
use super::csv::csv_record;
use super::labels::escape;
use super::text::{count, linker, machine, more, output_kind, plural, size, table};
use crate::ids::{FileId, SectionId};
use crate::query::Analysis;
use crate::query::finding::{Finding, Level, level_word, name_of};
use crate::query::keep::{
    Audit, BoundUse, KeptStatement, LostTable, Shared, Sort, Statement, Tenant, Weight,
};
use crate::query::select::SortBy;
use crate::query::symbols;

/// How many files, users and sections are named in one line of text.
const NAMED: usize = 6;

/// For people.
pub fn text(page: &Page<'_, '_>, audit: &Audit) -> Vec<u8> {
    let program = &page.analysis.program;
    let mut out = format!(
        "{}, {}, {}\n",
        linker(program.plan.profile),
        machine(program),
        output_kind(program.plan.output_kind)
    );
    scripts(&mut out, page, audit);
    out.push('\n');
    lost(&mut out, page, audit);
    kept(&mut out, page, audit);
    shared(&mut out, page, audit);
    others(&mut out, page);
    idle(&mut out, page, audit);
    out.into_bytes()
}

fn scripts(out: &mut String, page: &Page<'_, '_>, audit: &Audit) {
    let mut any = false;
    for (number, file) in (0u32..).zip(page.analysis.program.scripts) {
        let own: Vec<&Statement> = audit.placement.statements.iter().filter(|s| s.script == number).collect();
        if own.is_empty() {
            continue;
        }
        any = true;
        out.push_str(&format!(
            "script {}: {}, {} of them in KEEP\n",
            escape(&file.shown),
            plural(own.len() as u64, "input section description", "input section descriptions"),
            count(own.iter().filter(|s| s.keep).count() as u64),
        ));
    }
    if !any {
        out.push_str(
            "no script of the link places sections: only tables with bounds made by the linker are judged\n",
        );
    }
}

fn lost(out: &mut String, page: &Page<'_, '_>, audit: &Audit) {
    let tables: Vec<(usize, &LostTable)> = lost_rows(page, audit);
    let verb = match (audit.collects, audit.lost.len()) {
        (true, 1) => "loses",
        (true, _) => "lose",
        (false, _) => "would lose",
    };
    if audit.lost.is_empty() {
        out.push_str(&page.style.heading("lost tables\n"));
        out.push_str("  none: every table that live code walks keeps its entries\n");
    } else {
        let sections: u64 = audit.lost.iter().map(|t| t.lost.len() as u64).sum();
        let bytes: u64 = audit.lost.iter().map(|t| t.bytes).sum();
        let heading = format!(
            "lost tables: {} that live code walks {verb} {} ({})\n",
            plural(audit.lost.len() as u64, "table", "tables"),
            plural(sections, "input section", "input sections"),
            size(bytes),
        );
        out.push_str(&page.style.heading(&heading));
    }
    let shown = page.selection.shown(tables.len());
    for (number, table) in tables.iter().take(shown) {
        lost_table(out, page, audit, *number, table);
    }
    more(out, tables.len() - shown, "tables");
    if !audit.patch.is_empty() {
        out.push('\n');
        out.push_str(&page.style.heading("patch\n"));
        for line in audit.patch.lines() {
            // A preprocessed script has dozens of statements on one line.
            out.push_str(&escape_line(line));
            out.push('\n');
        }
    }
    out.push('\n');
}

fn escape_line(line: &str) -> String {
    line.chars()
        .map(|c| if c == '\t' { "\t".into() } else { escape(c.encode_utf8(&mut [0; 4]).as_bytes()) })
        .collect()
}

/// Tables that the selection shows, in its order.
pub(super) fn lost_rows<'a>(page: &Page<'_, '_>, audit: &'a Audit) -> Vec<(usize, &'a LostTable)> {
    let mut rows: Vec<(usize, &LostTable)> =
        audit.lost.iter().enumerate().filter(|(_, t)| page.selection.matches(&[t.name.as_slice()])).collect();
    match page.selection.sort {
        SortBy::Name => rows.sort_by(|a, b| a.1.name.cmp(&b.1.name)),
        SortBy::Size => {
            rows.sort_by_key(|(_, t)| std::cmp::Reverse(t.bytes.saturating_add(t.cascade_weight.bytes())))
        }
        SortBy::Count => rows.sort_by_key(|(_, t)| std::cmp::Reverse(t.lost.len())),
        SortBy::Input => {}
    }
    rows
}

fn lost_table(out: &mut String, page: &Page<'_, '_>, audit: &Audit, number: usize, lost: &LostTable) {
    let level = if audit.collects { "error" } else { "note" };
    let verb = if audit.collects { "loses" } else { "would lose" };
    let entries = match lost.shape.entries(lost.bytes) {
        Some(n) => format!("{} of {}", plural(n, "entry", "entries"), size(lost.shape.entry)),
        _ => plural(lost.lost.len() as u64, "input section", "input sections"),
    };
    let rest = if lost.kept_sections == 0 {
        "nothing is left".to_string()
    } else {
        format!("{} in {} stay", size(lost.kept_bytes), plural(lost.kept_sections, "section", "sections"))
    };
    let head = format!(
        "{level} LSW001: table {} {verb} {entries} ({} in {}); {rest}\n",
        escape(&lost.name),
        size(lost.bytes),
        plural(lost.files.len() as u64, "file", "files"),
    );
    out.push('\n');
    out.push_str(&page.style.heading(&head));
    let fix = audit.fixes.get(number);
    let kept: Vec<u32> = lost.statements.clone();
    let mut origins = fix.into_iter().flat_map(|f| f.origins.iter());
    for statement in kept {
        let Some(own) = audit.placement.statements.get(statement as usize) else { continue };
        row(out, "statement", &format!("{}  {}", place(page, own), spelled(own)));
        if own.keep {
            row(out, "", "this linker does not honour the KEEP here");
            continue;
        }
        if let Some(origin) = origins.next().and_then(|o| o.as_ref())
            && let Some(source) = audit.sources.get(origin.text)
        {
            let within = origin
                .within
                .as_ref()
                .map_or_else(String::new, |m| format!(", macro {}", escape(m.as_bytes())));
            let path = escape(source.path.as_bytes());
            row(out, "written in", &format!("{path}:{}:{}{within}", origin.line, origin.column));
        }
        row(out, "fix", &format!("KEEP({})", escape(&own.shown)));
    }
    if lost.statements.is_empty() {
        row(out, "fix", "link with -z nostart-stop-gc, or mark the entries SHF_GNU_RETAIN");
    }
    for bound in &lost.bounds {
        let live: Vec<&BoundUse> = bound.uses.iter().filter(|u| u.live).collect();
        let users = if live.is_empty() {
            "no live code refers to it".to_string()
        } else {
            format!("used by {}", list(live.len(), live.iter().map(|u| user(page, u))))
        };
        row(out, "bound", &format!("{}, {users}", page.style.symbol(&bound.name)));
    }
    row(out, "entries in", &list(lost.files.len(), lost.files.iter().map(|f| file(page.analysis, *f))));
    if lost.cascade.is_empty() {
        row(out, "dies too", "nothing: the entries refer to nothing that dies with them");
    } else {
        let mut biggest = lost.cascade.clone();
        biggest.sort_by_key(|&s| (std::cmp::Reverse(page.analysis.program.section_size(s)), s));
        let names = biggest
            .iter()
            .map(|&s| format!("{} {}", section(page, audit, s), size(page.analysis.program.section_size(s))));
        row(out, "dies too", &format!("{}: {}", weight(lost.cascade_weight), list(biggest.len(), names)));
    }
    let cost = lost.bytes.saturating_add(lost.cascade_weight.bytes());
    row(out, "keeping costs", &size(cost));
}

fn row(out: &mut String, what: &str, value: &str) {
    out.push_str(&format!("  {what:<14}{value}\n"));
}

fn list(all: usize, items: impl Iterator<Item = String>) -> String {
    let shown: Vec<String> = items.take(NAMED).collect();
    let hidden = all - shown.len().min(all);
    let mut out = shown.join(", ");
    if hidden > 0 {
        out.push_str(&format!(" and {} more", count(hidden as u64)));
    }
    out
}

fn weight(w: Weight) -> String {
    format!(
        "{} in {} ({} code, {} data)",
        size(w.bytes()),
        plural(w.sections, "section", "sections"),
        size(w.code),
        size(w.data)
    )
}

fn file(analysis: &Analysis<'_>, file: FileId) -> String {
    escape(analysis.program.label(file).as_bytes())
}

fn user(page: &Page<'_, '_>, found: &BoundUse) -> String {
    let (file, _) = page.analysis.program.locate(found.section);
    format!(
        "{}:({})",
        self::file(page.analysis, file),
        page.style.section(page.analysis.program.section_name(found.section))
    )
}

/// The symbol that names a section best, else its own name.
fn section(page: &Page<'_, '_>, audit: &Audit, section: SectionId) -> String {
    let program = &page.analysis.program;
    let (file, _) = program.locate(section);
    let best = audit.best.get(&section).copied();
    match best {
        Some(symbol) => page.style.symbol(symbols::name(program, file, symbol)),
        None => page.style.section(program.section_name(section)),
    }
}

fn place(page: &Page<'_, '_>, statement: &Statement) -> String {
    let Some(file) = page.analysis.program.scripts.get(statement.script as usize) else {
        return String::new();
    };
    let at = file.script.location(statement.span);
    format!("{}:{}:{}", escape(at.file.as_os_str().as_encoded_bytes()), at.line, at.column)
}

fn spelled(statement: &Statement) -> String {
    let text = escape(&statement.shown);
    if statement.keep { format!("KEEP({text})") } else { text }
}

/// Kept statements that the selection shows, in its order.
pub(super) fn kept_rows<'a>(page: &Page<'_, '_>, audit: &'a Audit) -> Vec<&'a KeptStatement> {
    let text = |r: &KeptStatement| {
        audit.placement.statements.get(r.statement as usize).map_or(&b""[..], |s| s.text.as_bytes())
    };
    let mut rows: Vec<&KeptStatement> =
        audit.pins.rows.iter().filter(|r| page.selection.matches(&[text(r)])).collect();
    match page.selection.sort {
        SortBy::Name => rows.sort_by(|a, b| text(a).cmp(text(b))),
        SortBy::Size => rows.sort_by_key(|r| std::cmp::Reverse(r.pinned.bytes())),
        SortBy::Count => rows.sort_by_key(|r| std::cmp::Reverse(r.pinned.sections)),
        SortBy::Input => {}
    }
    rows
}

fn kept(out: &mut String, page: &Page<'_, '_>, audit: &Audit) {
    let rows = kept_rows(page, audit);
    if audit.pins.rows.is_empty() {
        return;
    }
    out.push_str(
        &page.style.heading("what each KEEP alone keeps alive, its own sections left out (LSW006)\n"),
    );
    let mut lines: Vec<Vec<String>> = vec![
        ["pinned", "code", "sections", "own", "sort", "statement", "biggest"].map(String::from).to_vec(),
    ];
    let with: Vec<&&KeptStatement> = rows.iter().filter(|r| r.pinned.sections > 0).collect();
    let shown = page.selection.shown(with.len());
    for r in with.iter().take(shown) {
        let Some(statement) = audit.placement.statements.get(r.statement as usize) else { continue };
        let biggest: Vec<String> = r.sections.iter().take(2).map(|&s| section(page, audit, s)).collect();
        lines.push(vec![
            size(r.pinned.bytes()),
            size(r.pinned.code),
            count(r.pinned.sections),
            size(r.own.bytes()),
            r.sort.word().to_string(),
            escape(&statement.shown),
            biggest.join(", "),
        ]);
    }
    if lines.len() > 1 {
        out.push_str(&table(lines, &[0, 1, 2, 3]));
        more(out, with.len() - shown, "statements");
    } else {
        out.push_str("  no KEEP keeps anything alive but its own sections\n");
    }
    let p = &audit.pins;
    let of = |sort: Sort| p.rows.iter().filter(|r| r.sort == sort && r.pinned.sections > 0).count();
    if of(Sort::Table) > 1 {
        out.push_str(&format!("  all tables together pin {}\n", weight(p.tables_together)));
    }
    if of(Sort::Export) > 1 {
        out.push_str(&format!("  all exports together pin {}\n", weight(p.exports_together)));
    }
    if p.both_together.sections > 0 {
        out.push_str(&format!("  tables and exports together pin {}\n", weight(p.both_together)));
    }
    out.push('\n');
}

fn shared(out: &mut String, page: &Page<'_, '_>, audit: &Audit) {
    let rows: Vec<&Shared> = shared_rows(page, audit);
    if rows.is_empty() {
        return;
    }
    out.push_str(&page.style.heading("what lives only because it shares a section with something live\n"));
    let header = ["bytes", "in sections", "keeping", "section", "biggest"].map(String::from).to_vec();
    let mut lines: Vec<Vec<String>> = vec![header];
    let shown = page.selection.shown(rows.len());
    for r in rows.iter().take(shown) {
        let biggest: Vec<String> = r.tenants.iter().take(3).map(|t| tenant(page, t)).collect();
        lines.push(vec![
            size(r.bytes),
            count(r.sections),
            size(r.through.bytes()),
            escape(&r.name),
            biggest.join(", "),
        ]);
    }
    out.push_str(&table(lines, &[0, 1, 2]));
    more(out, rows.len() - shown, "section names");
    out.push('\n');
}

/// Rows of shared sections that the selection shows, in its order.
pub(super) fn shared_rows<'a>(page: &Page<'_, '_>, audit: &'a Audit) -> Vec<&'a Shared> {
    let mut rows: Vec<&Shared> =
        audit.shared.iter().filter(|r| page.selection.matches(&[r.name.as_slice()])).collect();
    match page.selection.sort {
        SortBy::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        SortBy::Size => rows.sort_by_key(|r| std::cmp::Reverse(r.bytes.saturating_add(r.through.bytes()))),
        SortBy::Count => rows.sort_by_key(|r| std::cmp::Reverse(r.sections)),
        SortBy::Input => {}
    }
    rows
}

fn tenant(page: &Page<'_, '_>, tenant: &Tenant) -> String {
    let program = &page.analysis.program;
    let (file, _) = program.locate(tenant.section);
    match tenant.symbol {
        Some(symbol) => page.style.symbol(symbols::name(program, file, symbol)),
        None => format!("{}+{:#x}", self::file(page.analysis, file), tenant.offset),
    }
}

/// Findings that have no part of their own above or below.
fn others(out: &mut String, page: &Page<'_, '_>) {
    let mut rows: Vec<&Finding> = page
        .findings
        .iter()
        .filter(|f| !matches!(f.id, "LSW001" | "LSW002" | "LSW006"))
        .filter(|f| page.selection.matches(&[f.subject.name.as_bytes(), f.message.as_bytes()]))
        .collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|f| (std::cmp::Reverse(f.level), f.id));
    out.push_str(&page.style.heading("other findings\n"));
    let shown = page.selection.shown(rows.len());
    for f in rows.iter().take(shown) {
        let at = f
            .location
            .as_ref()
            .map_or_else(String::new, |l| format!("{}:{}:{}: ", escape(l.file.as_bytes()), l.line, l.column));
        out.push_str(&format!(
            "  {at}{} {} ({}): {}\n",
            level_word(f.level),
            f.id,
            name_of(f.id),
            escape(f.message.as_bytes())
        ));
        if !f.remedy.is_empty() && f.level > Level::Note {
            out.push_str(&format!("      {}\n", escape(f.remedy.as_bytes())));
        }
    }
    more(out, rows.len() - shown, "findings");
    out.push('\n');
}

fn idle(out: &mut String, page: &Page<'_, '_>, audit: &Audit) {
    if audit.idle.is_empty() {
        return;
    }
    let heading =
        format!("patterns that match no input section (LSW002): {}\n", count(audit.idle.len() as u64));
    out.push_str(&page.style.heading(&heading));
    let mut lines = Vec::new();
    let shown = page.selection.shown(audit.idle.len());
    for row in audit.idle.iter().take(shown) {
        let Some(statement) = audit.placement.statements.get(row.statement as usize) else { continue };
        let pattern =
            statement.patterns.get(row.pattern as usize).map_or_else(String::new, |p| escape(&p.text));
        let hint = match (&row.meant, row.left_behind.first()) {
            (Some(meant), _) => format!("did you mean {}?", escape(meant)),
            (None, Some(&member)) => format!("not in the link: {}", file(page.analysis, member)),
            (None, None) => String::new(),
        };
        lines.push(vec![pattern, place(page, statement), spelled(statement), hint]);
    }
    out.push_str(&table(lines, &[]));
    more(out, audit.idle.len() - shown, "patterns");
}

/// One record per finding.
pub fn csv(page: &Page<'_, '_>) -> Vec<u8> {
    let mut out = Vec::new();
    let header =
        ["id", "name", "level", "kind", "subject", "file", "line", "column", "bytes", "message", "remedy"];
    csv_record(&mut out, header.map(str::as_bytes));
    let rows: Vec<&Finding> =
        page.findings.iter().filter(|f| page.selection.matches(&[f.subject.name.as_bytes()])).collect();
    for f in rows.iter().take(page.selection.shown(rows.len())) {
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let at = f.location.as_ref();
        let cells = [
            f.id.to_string(),
            name_of(f.id).to_string(),
            level_word(f.level).to_string(),
            f.subject.kind.to_string(),
            f.subject.name.clone(),
            at.map_or_else(|| f.subject.file.clone(), |l| l.file.clone()),
            number(at.map(|l| l.line.into())),
            number(at.map(|l| l.column.into())),
            number(f.bytes),
            f.message.clone(),
            f.remedy.clone(),
        ];
        csv_record(&mut out, cells.iter().map(|c| c.as_bytes()));
    }
    out
}

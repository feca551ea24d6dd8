//! `keep` as JSON: `linksweep.keep/1`.

use serde::Serialize;

use super::Page;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool, string};
use super::keep::{kept_rows, lost_rows, shared_rows};
use crate::ids::SectionId;
use crate::query::keep::{
    Audit, BoundUse, Form, KeptStatement, LostTable, Origin, Shared, Statement, Weight,
};
use crate::query::symbols;

#[derive(Serialize)]
struct KeepJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    collects: bool,
    statements: u64,
    keep_statements: u64,
    lost: Vec<LostJson>,
    lost_omitted: u64,
    kept: Vec<KeptJson>,
    kept_omitted: u64,
    tables_together: WeightJson,
    exports_together: WeightJson,
    both_together: WeightJson,
    shared: Vec<SharedJson>,
    shared_omitted: u64,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct SharedJson {
    section: String,
    sections: u64,
    bytes: u64,
    through: WeightJson,
    tenants: Vec<TenantJson>,
}

#[derive(Serialize)]
struct TenantJson {
    symbol: Option<String>,
    offset: u64,
    bytes: u64,
    file: String,
    archive: Option<String>,
}

#[derive(Serialize)]
struct LostJson {
    table: String,
    form: &'static str,
    sections: u64,
    bytes: u64,
    files: u64,
    kept_sections: u64,
    kept_bytes: u64,
    entry_bytes: u64,
    entry_certain: bool,
    entries: Option<u64>,
    bounds: Vec<BoundJson>,
    statements: Vec<StatementJson>,
    inputs: Vec<SectionJson>,
    cascade: WeightJson,
    cascade_sections: Vec<SectionJson>,
    patch: String,
}

#[derive(Serialize)]
struct BoundJson {
    name: String,
    made_by_linker: bool,
    users: Vec<UserJson>,
}

#[derive(Serialize)]
struct UserJson {
    section: String,
    file: String,
    archive: Option<String>,
    offset: u64,
    count: u32,
    live: bool,
}

#[derive(Serialize)]
struct StatementJson {
    file: String,
    line: u32,
    column: u32,
    text: String,
    keep: bool,
    source: Option<SourceJson>,
}

#[derive(Serialize)]
struct SourceJson {
    file: String,
    line: u32,
    column: u32,
    #[serde(rename = "macro")]
    within: Option<String>,
}

#[derive(Serialize)]
struct SectionJson {
    section: String,
    symbol: Option<String>,
    file: String,
    archive: Option<String>,
    bytes: u64,
}

#[derive(Serialize)]
struct WeightJson {
    sections: u64,
    code_bytes: u64,
    data_bytes: u64,
}

#[derive(Serialize)]
struct KeptJson {
    statement: StatementJson,
    sort: &'static str,
    own: WeightJson,
    pinned: WeightJson,
    pinned_sections: Vec<SectionJson>,
}

impl From<Weight> for WeightJson {
    fn from(w: Weight) -> Self {
        WeightJson { sections: w.sections, code_bytes: w.code, data_bytes: w.data }
    }
}

/// `linksweep.keep/1`.
pub fn json(page: &Page<'_, '_>, audit: &Audit) -> Vec<u8> {
    let lost = lost_rows(page, audit);
    let kept = kept_rows(page, audit);
    let shared = shared_rows(page, audit);
    let shared_shown = page.selection.shown(shared.len());
    let (lost_shown, kept_shown) = (page.selection.shown(lost.len()), page.selection.shown(kept.len()));
    json::render(&KeepJson {
        schema: "linksweep.keep/1",
        tool: TOOL,
        link: json::link(page),
        collects: audit.collects,
        statements: audit.placement.statements.len() as u64,
        keep_statements: audit.placement.statements.iter().filter(|s| s.keep).count() as u64,
        lost: lost.iter().take(lost_shown).map(|(n, t)| lost_json(page, audit, *n, t)).collect(),
        lost_omitted: (lost.len() - lost_shown) as u64,
        kept: kept.iter().take(kept_shown).map(|r| kept_json(page, audit, r)).collect(),
        kept_omitted: (kept.len() - kept_shown) as u64,
        tables_together: audit.pins.tables_together.into(),
        exports_together: audit.pins.exports_together.into(),
        both_together: audit.pins.both_together.into(),
        shared: shared.iter().take(shared_shown).map(|r| shared_json(page, r)).collect(),
        shared_omitted: (shared.len() - shared_shown) as u64,
        findings: json::findings(page.findings),
    })
}

fn lost_json(page: &Page<'_, '_>, audit: &Audit, number: usize, table: &LostTable) -> LostJson {
    let form =
        table.range.and_then(|r| audit.ranges.ranges.get(r as usize)).map_or("linker", |r| match r.form {
            Form::Pair => "pair",
            Form::Section => "section",
            Form::Neighbours => "neighbours",
            Form::StartOnly => "start-only",
        });
    let fix = audit.fixes.get(number);
    let mut origins = fix.into_iter().flat_map(|f| f.origins.iter());
    let statements =
        table.statements.iter().filter_map(|s| audit.placement.statements.get(*s as usize)).map(|s| {
            statement(page, audit, s, if s.keep { None } else { origins.next().and_then(|o| o.as_ref()) })
        });
    LostJson {
        table: string(&table.name),
        form,
        sections: table.lost.len() as u64,
        bytes: table.bytes,
        files: table.files.len() as u64,
        kept_sections: table.kept_sections,
        kept_bytes: table.kept_bytes,
        entry_bytes: table.shape.entry,
        entry_certain: table.shape.certain,
        entries: table.shape.entries(table.bytes),
        bounds: table
            .bounds
            .iter()
            .map(|b| BoundJson {
                name: string(&b.name),
                made_by_linker: b.assigned.is_none(),
                users: b.uses.iter().map(|u| user(page, u)).collect(),
            })
            .collect(),
        statements: statements.collect(),
        inputs: table.lost.iter().map(|&s| section(page, audit, s)).collect(),
        cascade: table.cascade_weight.into(),
        cascade_sections: table.cascade.iter().map(|&s| section(page, audit, s)).collect(),
        patch: fix.map_or_else(String::new, |f| f.patch.clone()),
    }
}

fn shared_json(page: &Page<'_, '_>, row: &Shared) -> SharedJson {
    let tenants = row.tenants.iter().map(|t| {
        let (file, archive) = place(page, t.section);
        let (id, _) = page.analysis.program.locate(t.section);
        let symbol = t.symbol.map(|s| string(symbols::name(&page.analysis.program, id, s)));
        TenantJson { symbol, offset: t.offset, bytes: t.bytes, file, archive }
    });
    SharedJson {
        section: string(&row.name),
        sections: row.sections,
        bytes: row.bytes,
        through: row.through.into(),
        tenants: tenants.collect(),
    }
}

fn kept_json(page: &Page<'_, '_>, audit: &Audit, row: &KeptStatement) -> KeptJson {
    let empty = StatementJson {
        file: String::new(),
        line: 0,
        column: 0,
        text: String::new(),
        keep: true,
        source: None,
    };
    let own = audit.placement.statements.get(row.statement as usize);
    KeptJson {
        statement: own.map_or(empty, |s| statement(page, audit, s, None)),
        sort: row.sort.word(),
        own: row.own.into(),
        pinned: row.pinned.into(),
        pinned_sections: row.sections.iter().map(|&s| section(page, audit, s)).collect(),
    }
}

fn statement(page: &Page<'_, '_>, audit: &Audit, own: &Statement, origin: Option<&Origin>) -> StatementJson {
    let script = page.analysis.program.scripts.get(own.script as usize);
    let (file, line, column) = script.map_or_else(Default::default, |s| {
        let at = s.script.location(own.span);
        (at.file.to_string_lossy().into_owned(), at.line, at.column)
    });
    let source = origin.and_then(|o| {
        let file = audit.sources.get(o.text)?.path.clone();
        Some(SourceJson { file, line: o.line, column: o.column, within: o.within.clone() })
    });
    StatementJson { file, line, column, text: string(&own.text), keep: own.keep, source }
}

fn place(page: &Page<'_, '_>, section: SectionId) -> (String, Option<String>) {
    let (file, _) = page.analysis.program.locate(section);
    let f = &page.analysis.program.files[file];
    (string(if f.archive.is_some() { f.member } else { f.path }), f.archive.map(|_| string(f.path)))
}

fn user(page: &Page<'_, '_>, found: &BoundUse) -> UserJson {
    let (file, archive) = place(page, found.section);
    UserJson {
        section: string(page.analysis.program.section_name(found.section)),
        file,
        archive,
        offset: found.offset,
        count: found.count,
        live: found.live,
    }
}

fn section(page: &Page<'_, '_>, audit: &Audit, section: SectionId) -> SectionJson {
    let program = &page.analysis.program;
    let (file, _) = program.locate(section);
    let best = audit.best.get(&section).copied();
    let (name, archive) = place(page, section);
    SectionJson {
        section: string(program.section_name(section)),
        symbol: best.map(|s| string(symbols::name(program, file, s))),
        file: name,
        archive,
        bytes: program.section_size(section),
    }
}

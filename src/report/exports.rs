//! `exports` as text, JSON and CSV.

use serde::Serialize;

use super::Page;
use super::csv::csv_record;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::escape;
use super::text::{count, linker, machine, plural, table};
use crate::query::kernel::exports::{ExportRow, Exporter, Exports, State};
use crate::query::kernel::module::Module;
use crate::query::select::SortBy;

/// What the renderers get besides the page.
pub struct View<'a, 'd> {
    /// The answer.
    pub exports: &'a Exports<'d>,
    /// The modules it speaks of.
    pub modules: &'a [Module<'d>],
}

/// Archive and file of a row's record.
fn place(page: &Page<'_, '_>, view: &View<'_, '_>, row: &ExportRow<'_>) -> (String, String) {
    match row.exporter {
        Exporter::File(file) => {
            let f = &page.analysis.program.files[file];
            match f.archive {
                Some(_) => (json::string(f.path), json::string(f.member)),
                None => (String::new(), json::string(f.path)),
            }
        }
        Exporter::Module(number) => {
            (String::new(), view.modules.get(number).map_or(String::new(), |m| json::string(&m.path)))
        }
    }
}

fn label((archive, file): &(String, String)) -> String {
    if archive.is_empty() { file.clone() } else { format!("{archive}({file})") }
}

fn user(view: &View<'_, '_>, number: usize) -> String {
    view.modules.get(number).map_or(String::new(), |m| json::string(&m.path))
}

/// Rows that pass the filter, in the order asked for.
fn rows<'a, 'd>(page: &Page<'_, '_>, view: &View<'a, 'd>) -> Vec<&'a ExportRow<'d>> {
    let mut rows: Vec<&ExportRow<'d>> = view.exports.rows.iter().collect();
    if page.selection.filter.is_some() {
        rows.retain(|r| {
            let place = label(&place(page, view, r));
            let users: Vec<String> = r.users.iter().map(|&u| user(view, u)).collect();
            let mut texts = vec![r.name, place.as_bytes(), r.state.word().as_bytes(), r.namespace];
            texts.extend(users.iter().map(String::as_bytes));
            page.selection.matches(&texts)
        });
    }
    match page.selection.sort {
        SortBy::Input => {}
        SortBy::Name => rows.sort_by_key(|r| r.name),
        SortBy::Count => rows.sort_by_key(|r| std::cmp::Reverse(r.users.len())),
        SortBy::Size => rows.sort_by_key(|r| std::cmp::Reverse(r.definition.map_or(0, |d| d.bytes))),
    }
    rows
}

/// For people: what is wrong first, then the list.
pub fn text(page: &Page<'_, '_>, view: &View<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let style = page.style;
    let exports = view.exports;
    let of_modules = exports.rows.iter().filter(|r| matches!(r.exporter, Exporter::Module(_))).count();
    let mut out = format!("{}, {}\n", linker(program.plan.profile), machine(program));
    out.push_str(&style.heading(&format!(
        "{}: {} linked, {} not linked, {} collected, {} discarded, {} trimmed\n",
        plural(exports.rows.len() as u64, "export", "exports"),
        count(exports.count(State::Linked) as u64),
        count(exports.count(State::NotLinked) as u64),
        count(exports.count(State::Collected) as u64),
        count(exports.count(State::Discarded) as u64),
        count((exports.count(State::Trimmed) + exports.trimmed.len()) as u64),
    )));
    if !view.modules.is_empty() {
        let used = exports.rows.iter().filter(|r| !r.users.is_empty()).count();
        out.push_str(&format!(
            "{}, {} of them from modules; {} used by a module\n",
            plural(view.modules.len() as u64, "module", "modules"),
            plural(of_modules as u64, "export", "exports"),
            count(used as u64)
        ));
    }
    if let Some(listed) = exports.listed {
        out.push_str(&format!("Module.symvers lists {}\n", count(listed as u64)));
    }
    if !exports.unread.is_empty() {
        let files = plural(exports.unread.len() as u64, "input", "inputs");
        out.push_str(&format!("partial: {files} could not be read; exports in them are not known\n"));
    }
    findings(page, &mut out);
    let rows = rows(page, view);
    if !rows.is_empty() {
        let shown = page.selection.shown(rows.len());
        out.push('\n');
        let head = ["state", "licence", "export", "exported by", "section", "used by"];
        let mut lines = vec![head.map(String::from).to_vec()];
        lines.extend(rows.iter().take(shown).map(|row| line(page, view, row)));
        out.push_str(&table(lines, &[]));
        if rows.len() > shown {
            let more = count((rows.len() - shown) as u64);
            out.push_str(&format!("  ... and {more} more exports (-n 0 shows all)\n"));
        }
    }
    out.push_str(
        "\nnext: undefined --module FILE tells what a module lacks; extract lists what is left behind\n",
    );
    out.into_bytes()
}

fn findings(page: &Page<'_, '_>, out: &mut String) {
    if page.findings.is_empty() {
        return;
    }
    out.push('\n');
    for finding in page.findings {
        let level = crate::query::finding::level_word(finding.level);
        out.push_str(&format!("{level}: {} [{}]\n", escape(finding.message.as_bytes()), finding.id));
        if !finding.remedy.is_empty() {
            out.push_str(&format!("  {}\n", escape(finding.remedy.as_bytes())));
        }
    }
}

fn line(page: &Page<'_, '_>, view: &View<'_, '_>, row: &ExportRow<'_>) -> Vec<String> {
    let program = &page.analysis.program;
    let mut name = page.style.symbol(row.name);
    if !row.namespace.is_empty() {
        name.push_str(&format!(" [{}]", escape(row.namespace)));
    }
    if let Some(problem) = row.problem {
        name.push_str(&format!(" ({})", problem.message()));
    }
    if row.twice.is_some() {
        name.push_str(" (exported twice)");
    }
    let section = match row.definition {
        None if matches!(row.exporter, Exporter::Module(_)) => String::new(),
        None if row.assigned => "defined by a script".into(),
        None => "not defined".into(),
        Some(d) => d.section.map_or("absolute".into(), |s| {
            let fate = d.fate.map_or("", |f| f.word());
            format!("{} ({fate})", page.style.section(program.section_name(s)))
        }),
    };
    let users = match row.users.as_slice() {
        [] => String::new(),
        [only] => escape(user(view, *only).as_bytes()),
        [first, rest @ ..] => format!("{} and {} more", escape(user(view, *first).as_bytes()), rest.len()),
    };
    let place = escape(label(&place(page, view, row)).as_bytes());
    vec![row.state.word().into(), row.licence.macro_name().into(), name, place, section, users]
}

/// One record per export.
pub fn csv(page: &Page<'_, '_>, view: &View<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let mut out = Vec::new();
    let head = "name,licence,namespace,state,archive,file,form,section,fate,crc,users";
    out.extend_from_slice(head.as_bytes());
    out.push(b'\n');
    let rows = rows(page, view);
    for row in rows.iter().take(page.selection.shown(rows.len())) {
        let (archive, file) = place(page, view, row);
        let section = row.definition.and_then(|d| d.section).map_or(&b""[..], |s| program.section_name(s));
        let fate = row.definition.and_then(|d| d.fate).map_or("", |f| f.word());
        let crc = row.crc.map_or(String::new(), |c| format!("{c:#010x}"));
        let users: Vec<String> = row.users.iter().map(|&u| user(view, u)).collect();
        csv_record(
            &mut out,
            [
                row.name,
                row.licence.macro_name().as_bytes(),
                row.namespace,
                row.state.word().as_bytes(),
                archive.as_bytes(),
                file.as_bytes(),
                row.form.word().as_bytes(),
                section,
                fate.as_bytes(),
                crc.as_bytes(),
                users.join(" ").as_bytes(),
            ],
        );
    }
    out
}

#[derive(Serialize)]
struct ExportsJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    totals: TotalsJson,
    exports: Vec<ExportJson>,
    exports_omitted: u64,
    trimmed: Vec<TrimmedJson>,
    modules: Vec<String>,
    partial: bool,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct TotalsJson {
    exports: u64,
    linked: u64,
    not_linked: u64,
    collected: u64,
    discarded: u64,
    trimmed: u64,
    of_modules: u64,
    used: u64,
    listed: Option<u64>,
}

#[derive(Serialize)]
struct ExportJson {
    name: String,
    licence: &'static str,
    gpl_only: bool,
    namespace: Option<String>,
    for_modules: Vec<String>,
    state: &'static str,
    form: &'static str,
    relative: bool,
    archive: Option<String>,
    file: String,
    module: bool,
    definition: Option<DefinitionJson>,
    script_defined: bool,
    crc: Option<String>,
    users: Vec<String>,
    problem: Option<&'static str>,
    exported_twice: bool,
}

#[derive(Serialize)]
struct DefinitionJson {
    archive: Option<String>,
    file: String,
    section: Option<String>,
    fate: Option<&'static str>,
    bytes: u64,
}

#[derive(Serialize)]
struct TrimmedJson {
    name: String,
    archive: Option<String>,
    file: String,
}

/// `linksweep.exports/1`.
pub fn json(page: &Page<'_, '_>, view: &View<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let exports = view.exports;
    let split = |file: crate::ids::FileId| {
        let f = &program.files[file];
        match f.archive {
            Some(_) => (Some(json::string(f.path)), json::string(f.member)),
            None => (None, json::string(f.path)),
        }
    };
    let rows = rows(page, view);
    let shown = page.selection.shown(rows.len());
    let list = rows.iter().take(shown).map(|row| {
        let (archive, file) = place(page, view, row);
        let restricted = row.namespace.strip_prefix(b"module:");
        ExportJson {
            name: json::string(row.name),
            licence: row.licence.macro_name(),
            gpl_only: row.licence.is_gpl_only(),
            namespace: (!row.namespace.is_empty() && restricted.is_none())
                .then(|| json::string(row.namespace)),
            for_modules: restricted
                .map_or(Vec::new(), |list| list.split(|&b| b == b',').map(json::string).collect()),
            state: row.state.word(),
            form: row.form.word(),
            relative: row.relative,
            archive: (!archive.is_empty()).then_some(archive),
            file,
            module: matches!(row.exporter, Exporter::Module(_)),
            definition: row.definition.map(|d| {
                let (archive, file) = split(d.file);
                DefinitionJson {
                    archive,
                    file,
                    section: d.section.map(|s| json::string(program.section_name(s))),
                    fate: d.fate.map(|f| f.word()),
                    bytes: d.bytes,
                }
            }),
            script_defined: row.assigned,
            crc: row.crc.map(|c| format!("{c:#010x}")),
            users: row.users.iter().map(|&u| user(view, u)).collect(),
            problem: row.problem.map(|p| p.message()),
            exported_twice: row.twice.is_some(),
        }
    });
    let of_modules = exports.rows.iter().filter(|r| matches!(r.exporter, Exporter::Module(_))).count();
    json::render(&ExportsJson {
        schema: "linksweep.exports/1",
        tool: TOOL,
        link: json::link(page),
        totals: TotalsJson {
            exports: exports.rows.len() as u64,
            linked: exports.count(State::Linked) as u64,
            not_linked: exports.count(State::NotLinked) as u64,
            collected: exports.count(State::Collected) as u64,
            discarded: exports.count(State::Discarded) as u64,
            trimmed: (exports.count(State::Trimmed) + exports.trimmed.len()) as u64,
            of_modules: of_modules as u64,
            used: exports.rows.iter().filter(|r| !r.users.is_empty()).count() as u64,
            listed: exports.listed.map(|n| n as u64),
        },
        exports: list.collect(),
        exports_omitted: (rows.len() - shown) as u64,
        trimmed: exports
            .trimmed
            .iter()
            .map(|t| {
                let (archive, file) = split(t.file);
                TrimmedJson { name: json::string(t.name), archive, file }
            })
            .collect(),
        modules: view.modules.iter().map(|m| json::string(&m.path)).collect(),
        partial: !exports.unread.is_empty(),
        findings: json::findings(page.findings),
    })
}

//! `sections` as text, JSON and CSV.

use bstr::BString;
use serde::Serialize;

use super::Page;
use super::csv::csv_record;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::labels::escape;
use super::text::{count, linker, machine, output_kind, plural, table};
use crate::query::finding::level_word;
use crate::query::sections::{Image, ImageKind, InputRow, LIMIT, Made, Sections};
use crate::query::select::SortBy;

fn label(row: &InputRow) -> String {
    if row.archive.is_empty() { row.file.to_string() } else { format!("{}({})", row.archive, row.file) }
}

/// Objects that pass the filter, most headers first unless told otherwise.
fn inputs<'a>(page: &Page<'_, '_>, sections: &'a Sections) -> Vec<&'a InputRow> {
    let mut rows: Vec<&InputRow> = sections.inputs.iter().collect();
    if page.selection.filter.is_some() {
        rows.retain(|r| page.selection.matches(&[label(r).as_bytes()]));
    }
    match page.selection.sort {
        SortBy::Input => {}
        SortBy::Name => rows.sort_by(|a, b| (&a.archive, &a.file).cmp(&(&b.archive, &b.file))),
        SortBy::Size | SortBy::Count => rows.sort_by_key(|r| std::cmp::Reverse(r.headers)),
    }
    rows
}

fn kind(image: &Image) -> &'static str {
    match image.kind {
        ImageKind::Final => "image",
        ImageKind::Relocatable => "relocatable",
        ImageKind::Module => "module",
    }
}

/// For people: the outputs, who made them, the biggest objects, archives.
pub fn text(page: &Page<'_, '_>, sections: &Sections) -> Vec<u8> {
    let program = &page.analysis.program;
    let style = page.style;
    let mut out = format!(
        "{}, {}, {}\n",
        linker(program.plan.profile),
        machine(program),
        output_kind(program.plan.output_kind)
    );
    for image in sections.images.iter().filter(|i| i.kind != ImageKind::Module) {
        image_text(&mut out, style, image);
    }
    modules_text(&mut out, style, page, sections);
    for finding in page.findings.iter().filter(|f| f.id == "LSW005") {
        let message = escape(finding.message.as_bytes());
        out.push_str(&format!("\n{} LSW005: {}\n", level_word(finding.level), message));
        out.push_str(&format!("  {}\n", escape(finding.remedy.as_bytes())));
    }
    let rows = inputs(page, sections);
    if !rows.is_empty() {
        out.push('\n');
        out.push_str(&style.heading(&format!(
            "{}, {} section headers\n",
            plural(sections.inputs.len() as u64, "object", "objects"),
            count(sections.inputs.iter().map(|r| r.headers).sum())
        )));
        let shown = page.selection.shown(rows.len());
        let head = ["headers", "relocation", "of a function", "of a variable", "object", "looks like"];
        let mut lines = vec![head.map(String::from).to_vec()];
        lines.extend(rows.iter().take(shown).map(|row| {
            vec![
                count(row.headers),
                count(row.relocation_sections),
                count(row.function_sections),
                count(row.data_sections),
                escape(label(row).as_bytes()),
                row.flags.words().to_string(),
            ]
        }));
        out.push_str(&table(lines, &[0, 1, 2, 3]));
        if rows.len() > shown {
            let more = count((rows.len() - shown) as u64);
            out.push_str(&format!("  ... and {more} more objects (-n 0 shows all)\n"));
        }
    }
    if !sections.archives.is_empty() {
        out.push('\n');
        out.push_str(&style.heading("archives\n"));
        let head = ["headers", "as one object (-r)", "members", "taken", "archive", "biggest member"];
        let mut lines = vec![head.map(String::from).to_vec()];
        lines.extend(sections.archives.iter().map(|row| {
            vec![
                count(row.headers),
                count(row.merged),
                count(row.members),
                count(row.taken),
                escape(&row.archive),
                format!("{} ({})", escape(&row.biggest_member), count(row.biggest)),
            ]
        }));
        out.push_str(&table(lines, &[0, 1, 2, 3]));
    }
    out.push_str("\nnext: check runs this with every other finding; gc --by=section shows the bytes\n");
    out.into_bytes()
}

fn image_text(out: &mut String, style: super::labels::Style, image: &Image) {
    out.push('\n');
    let about = if image.estimated { "about " } else { "" };
    let numbering = if image.extended {
        ", extended numbering".to_string()
    } else {
        format!(", {} left before extended numbering", count(image.headroom()))
    };
    out.push_str(&style.heading(&format!(
        "{}: {about}{}{numbering}\n",
        escape(&image.name),
        plural(image.headers, "section header", "section headers"),
    )));
    let by = |made: Made| count(image.outputs.iter().filter(|o| o.made == made).count() as u64);
    out.push_str(&format!(
        "  {} from {}: {} by statements, {} orphans, {} by name, {} the linker's own\n",
        plural(image.outputs.len() as u64, "output section", "output sections"),
        plural(image.inputs, "input section", "input sections"),
        by(Made::Statement),
        by(Made::Orphan),
        by(Made::Rule),
        by(Made::Linker),
    ));
    out.push_str(&format!(
        "  {}, {}, {}\n",
        plural(image.relocation_sections, "relocation section", "relocation sections"),
        plural(image.groups, "group", "groups"),
        plural(image.tables, "table of the format", "tables of the format"),
    ));
    if let Some(refusal) = &image.refusal {
        out.push_str(&format!(
            "  the linker will stop: {} ({} in sections numbered {LIMIT} or more)\n",
            escape(refusal.as_bytes()),
            plural(image.dynamic_beyond, "dynamic symbol", "dynamic symbols")
        ));
    }
    let many: Vec<_> = image.makers.iter().filter(|m| m.outputs >= 10).take(10).collect();
    if many.is_empty() {
        return;
    }
    let head = ["outputs", "inputs", "orphans", "named", "option", "from"];
    let mut lines = vec![head.map(String::from).to_vec()];
    for maker in many {
        let files: Vec<String> =
            maker.files.iter().map(|(f, n)| format!("{} ({})", escape(f), count(*n))).collect();
        let more = maker.file_count.saturating_sub(maker.files.len() as u64);
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        lines.push(vec![
            count(maker.outputs),
            count(maker.inputs),
            count(maker.orphans),
            format!("{}*", escape(&maker.stem)),
            maker.option.to_string(),
            format!("{}{more}", files.join(", ")),
        ]);
    }
    out.push_str(&table(lines, &[0, 1, 2]));
}

fn modules_text(out: &mut String, style: super::labels::Style, page: &Page<'_, '_>, sections: &Sections) {
    let mut modules: Vec<&Image> = sections.images.iter().filter(|i| i.kind == ImageKind::Module).collect();
    if modules.is_empty() {
        return;
    }
    modules.sort_by_key(|m| std::cmp::Reverse(m.headers));
    out.push('\n');
    let title = plural(modules.len() as u64, "module", "modules");
    out.push_str(&style.heading(&format!("{title}, the module loader's limit is {LIMIT} headers\n")));
    let mut lines = vec![["headers", "left", "module"].map(String::from).to_vec()];
    let shown = page.selection.shown(modules.len());
    lines.extend(
        modules.iter().take(shown).map(|m| vec![count(m.headers), count(m.headroom()), escape(&m.name)]),
    );
    out.push_str(&table(lines, &[0, 1]));
    if modules.len() > shown {
        let more = count((modules.len() - shown) as u64);
        out.push_str(&format!("  ... and {more} more modules (-n 0 shows all)\n"));
    }
}

#[derive(Serialize)]
struct SectionsJson<'a> {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    limit: u64,
    images: Vec<ImageJson>,
    objects: Vec<ObjectJson<'a>>,
    objects_omitted: u64,
    archives: Vec<ArchiveJson>,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct ImageJson {
    name: String,
    kind: &'static str,
    headers: u64,
    headroom: u64,
    extended: bool,
    estimated: bool,
    output_sections: u64,
    by_statement: u64,
    orphans: u64,
    by_rule: u64,
    linker_made: Vec<String>,
    relocation_sections: u64,
    groups: u64,
    tables: u64,
    counted: u64,
    dynamic_symbols_beyond: u64,
    refusal: Option<String>,
    input_sections: u64,
    makers: Vec<MakerJson>,
    outputs: Vec<OutputJson>,
    outputs_omitted: u64,
}

#[derive(Serialize)]
struct OutputJson {
    name: String,
    made: &'static str,
    inputs: u32,
    bytes: u64,
}

#[derive(Serialize)]
struct MakerJson {
    stem: String,
    outputs: u64,
    inputs: u64,
    orphans: u64,
    target: String,
    option: &'static str,
    files: Vec<FileJson>,
    file_count: u64,
}

#[derive(Serialize)]
struct FileJson {
    file: String,
    sections: u64,
}

#[derive(Serialize)]
struct ObjectJson<'a> {
    archive: Option<String>,
    file: String,
    headers: u64,
    relocation_sections: u64,
    groups: u64,
    function_sections: u64,
    data_sections: u64,
    looks_like: &'a str,
}

#[derive(Serialize)]
struct ArchiveJson {
    archive: String,
    members: u64,
    taken: u64,
    headers: u64,
    merged: u64,
    biggest: u64,
    biggest_member: String,
}

fn string(text: &BString) -> String {
    json::string(text)
}

/// `linksweep.sections/1`.
pub fn json(page: &Page<'_, '_>, sections: &Sections) -> Vec<u8> {
    let rows = inputs(page, sections);
    let shown = page.selection.shown(rows.len());
    let objects = rows.iter().take(shown).map(|row| ObjectJson {
        archive: (!row.archive.is_empty()).then(|| string(&row.archive)),
        file: string(&row.file),
        headers: row.headers,
        relocation_sections: row.relocation_sections,
        groups: row.groups,
        function_sections: row.function_sections,
        data_sections: row.data_sections,
        looks_like: row.flags.words(),
    });
    let archives = sections.archives.iter().map(|row| ArchiveJson {
        archive: string(&row.archive),
        members: row.members,
        taken: row.taken,
        headers: row.headers,
        merged: row.merged,
        biggest: row.biggest,
        biggest_member: string(&row.biggest_member),
    });
    json::render(&SectionsJson {
        schema: "linksweep.sections/1",
        tool: TOOL,
        link: json::link(page),
        limit: LIMIT,
        images: sections.images.iter().map(image_json).collect(),
        objects: objects.collect(),
        objects_omitted: (rows.len() - shown) as u64,
        archives: archives.collect(),
        findings: json::findings(page.findings),
    })
}

/// Output sections that are listed one by one.
const LISTED: usize = 1_000;

fn image_json(image: &Image) -> ImageJson {
    let by = |made: Made| image.outputs.iter().filter(|o| o.made == made).count() as u64;
    ImageJson {
        name: string(&image.name),
        kind: kind(image),
        headers: image.headers,
        headroom: image.headroom(),
        extended: image.extended,
        estimated: image.estimated,
        output_sections: image.outputs.len() as u64,
        by_statement: by(Made::Statement),
        orphans: by(Made::Orphan),
        by_rule: by(Made::Rule),
        linker_made: image
            .outputs
            .iter()
            .filter(|o| o.made == Made::Linker)
            .map(|o| string(&o.name))
            .collect(),
        relocation_sections: image.relocation_sections,
        groups: image.groups,
        tables: image.tables,
        counted: image.counted,
        dynamic_symbols_beyond: image.dynamic_beyond,
        refusal: image.refusal.clone(),
        input_sections: image.inputs,
        outputs: image
            .outputs
            .iter()
            .take(LISTED)
            .map(|o| OutputJson {
                name: string(&o.name),
                made: o.made.word(),
                inputs: o.inputs,
                bytes: o.bytes,
            })
            .collect(),
        outputs_omitted: image.outputs.len().saturating_sub(LISTED) as u64,
        makers: image
            .makers
            .iter()
            .map(|m| MakerJson {
                stem: string(&m.stem),
                outputs: m.outputs,
                inputs: m.inputs,
                orphans: m.orphans,
                target: string(&m.target),
                option: m.option,
                files: m.files.iter().map(|(f, n)| FileJson { file: string(f), sections: *n }).collect(),
                file_count: m.file_count,
            })
            .collect(),
    }
}

/// One row per output, archive and object.
pub fn csv(page: &Page<'_, '_>, sections: &Sections) -> Vec<u8> {
    let mut out = Vec::new();
    let header = ["kind", "archive", "name", "headers", "relocation_sections", "headroom", "looks_like"];
    csv_record(&mut out, header.map(str::as_bytes));
    let mut record = |kind: &str, archive: &BString, name: &BString, numbers: [u64; 2], flags: &str| {
        let [headers, relocations] = numbers;
        let left = LIMIT.saturating_sub(headers).to_string();
        let (headers, relocations) = (headers.to_string(), relocations.to_string());
        let cells: [&[u8]; 7] = [
            kind.as_bytes(),
            archive,
            name,
            headers.as_bytes(),
            relocations.as_bytes(),
            left.as_bytes(),
            flags.as_bytes(),
        ];
        csv_record(&mut out, cells);
    };
    let none = BString::default();
    for image in &sections.images {
        record(kind(image), &none, &image.name, [image.headers, image.relocation_sections], "");
    }
    for row in &sections.archives {
        record("archive", &none, &row.archive, [row.merged, 0], "");
    }
    let rows = inputs(page, sections);
    for row in rows.iter().take(page.selection.shown(rows.len())) {
        let numbers = [row.headers, row.relocation_sections];
        record("object", &row.archive, &row.file, numbers, row.flags.words());
    }
    out
}

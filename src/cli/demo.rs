//! `demo`: the main job on a small link that is built in memory.

use std::collections::BTreeSet;

use super::Answer;
use super::args::DemoArgs;
use super::demo_link::{self, SCRIPT_KEPT, SCRIPT_LOST};
use super::options;
use crate::error::{Error, Result};
use crate::load::{self, FileStore, OpenedLink};
use crate::plan::{self, LinkPlan, Overrides, ProfileSpec, Step, TextFile};
use crate::query::dead::{Dead, dead, file_label};
use crate::query::members::members;
use crate::query::select::{Selection, SortBy};
use crate::query::why::{WhyRequest, why};
use crate::query::{Analysis, symbols};
use crate::report::labels::{Style, escape};
use crate::report::text::{size, table};
use crate::report::{self, Page, why_text};

/// The demo's command line as a user would write it.
const LINE: &str = "ld.bfd --gc-sections -T demo.lds main.o commands.o libdemo.a";

pub(super) fn run(args: DemoArgs) -> Result<Answer> {
    let style = Style { color: options::color(args.color, args.output.is_some()), demangle: true };
    let (plan, link) = build(SCRIPT_LOST)?;
    let lost = crate::analyze(&plan, &link)?;
    let answer = dead(&lost, &[]);
    let mut out = String::new();
    out.push_str(
        "A small link, built in memory: main.o, commands.o and libdemo.a (greet.o, log.o, farewell.o).\n",
    );
    out.push_str(&step(style, 1, &format!("what would be dropped:  linksweep gc -- {LINE}")));
    let selection = Selection { filter: None, sort: SortBy::Size, limit: 20 };
    let page = Page { analysis: &lost, findings: &[], selection: &selection, style };
    out.push_str(&indented(&report::gc::text(&page, &answer, None, false)));
    out.push_str(&step(style, 2, "what stays"));
    out.push_str(&live_sections(&lost, style));
    out.push_str(&step(style, 3, &format!("which archive members it takes:  linksweep extract -- {LINE}")));
    let in_order = Selection { filter: None, sort: SortBy::Input, limit: 0 };
    let page = Page { selection: &in_order, ..page };
    out.push_str(&indented(&report::extract::text(&page, &members(&lost, false), false)));
    out.push_str(&step(style, 4, "what a forgotten KEEP loses"));
    out.push_str(&table_story(&lost, &answer, style)?);
    out.push_str(&step(style, 5, &format!("why is it gone:  linksweep why --dead command_list -- {LINE}")));
    out.push_str(&indented(&why_dead(&lost, "symbol:command_list")?));
    out.push_str("\nTry it on a link of your own: put `linksweep gc -- ` before its linker line.\n");
    Ok(Answer { bytes: out.into_bytes(), output: args.output, code: 0 })
}

fn step(style: Style, number: u32, text: &str) -> String {
    format!("\n{}\n\n", style.heading(&format!("{number}. {text}")))
}

fn indented(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().map(|l| if l.is_empty() { "\n".to_string() } else { format!("  {l}\n") }).collect()
}

/// Plan and inputs with the given script in the place of `-T demo.lds`.
fn build(script: &str) -> Result<(LinkPlan, OpenedLink)> {
    let words: Vec<_> = LINE.split(' ').skip(1).filter(|w| *w != "-T" && *w != "demo.lds").collect();
    let words: Vec<std::ffi::OsString> = words.into_iter().map(Into::into).collect();
    let overrides = Overrides { linker: Some(ProfileSpec::parse("bfd")?), ..Overrides::default() };
    let mut plan = plan::parse_command(&words, &overrides)?;
    plan.scripts.push(TextFile { path: "demo.lds".into(), text: script.as_bytes().to_vec() });
    plan.search_dirs_before_script.push(0);
    plan.steps.insert(0, Step::Script(0));
    plan.emulation = Some("elf_x86_64".into());
    let mut store = FileStore::default();
    for (name, bytes) in demo_link::files()? {
        store.add_memory(name, bytes);
    }
    let link = load::open(&plan, store)?;
    Ok((plan, link))
}

fn live_sections(analysis: &Analysis<'_>, style: Style) -> String {
    let program = &analysis.program;
    let fates = crate::query::fate::fates(analysis);
    let mut lines = vec![vec!["size".to_string(), "section".into(), "file".into()]];
    for &file in &analysis.resolution.files {
        for section in program.sections_of(file).skip(1) {
            if fates[section] == crate::query::fate::Fate::Kept && program.section_size(section) > 0 {
                lines.push(vec![
                    size(program.section_size(section)),
                    style.section(program.section_name(section)),
                    escape(&file_label(program, file)),
                ]);
            }
        }
    }
    table(lines, &[0])
}

fn why_dead(analysis: &Analysis<'_>, pattern: &str) -> Result<Vec<u8>> {
    let mut request = WhyRequest::new(pattern.as_bytes());
    request.dead = true;
    let answer = why(analysis, &request);
    let mut bytes = Vec::new();
    why_text::render(&answer, analysis, &why_text::Options { demangle: true }, &mut bytes)
        .map_err(|e| Error::new("rendering", e.to_string()))?;
    Ok(bytes)
}

/// What lives with KEEP and dies without it.
fn table_story(lost: &Analysis<'_>, without: &Dead, style: Style) -> Result<String> {
    let (plan, link) = build(SCRIPT_KEPT)?;
    let kept = crate::analyze(&plan, &link)?;
    let with = dead(&kept, &[]);
    let still: BTreeSet<_> = with.dropped.iter().map(|row| row.section).collect();
    let mut out = String::from(
        "  main walks the command table from commands_start to commands_end. The script says\n    \
         .commands : { commands_start = .; *(.commands) commands_end = .; }\n  \
         and nothing points at the entries themselves, so without KEEP they go, and the commands with them:\n\n",
    );
    let program = &lost.program;
    let mut lines = Vec::new();
    let mut bytes = 0;
    for row in without.dropped.iter().filter(|row| !still.contains(&row.section)) {
        let symbol = row.symbol.map_or(String::new(), |s| style.symbol(symbols::name(program, row.file, s)));
        bytes += row.bytes;
        let name = escape(program.section_name(row.section));
        lines.push(vec![size(row.bytes), name, symbol, escape(&file_label(program, row.file))]);
    }
    let count = lines.len();
    out.push_str(&indented(table(lines, &[0]).as_bytes()));
    out.push_str(&format!(
        "\n  With KEEP(*(.commands)) these {count} sections, {}, stay. The link succeeds either way: \
         without KEEP the\n  table is simply empty at run time.\n",
        size(bytes)
    ));
    Ok(out)
}

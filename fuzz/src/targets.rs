//! What each fuzz target does with its bytes.
//!
//! In: any bytes. Out: nothing; a target returns, without panic, in time and memory in proportion
//! to its input, whatever the bytes are. No file is opened and no process is started: paths in the
//! bytes are made relative to a folder that does not exist.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use linksweep::load::dso::SharedLibrary;
use linksweep::load::eh_frame::{self, AtTerminator};
use linksweep::load::elf::{self, Object, consts};
use linksweep::load::lto::{self, Kind, asm, bitcode, facts, gcc, stand_in, triple};
use linksweep::load::{FileStore, archive as ar, classify, implicit, merge, second};
use linksweep::plan::{
    DemandKind, Flavor, InputMode, InputName, LinkPlan, OutputKind, Overrides, Profile, ProfileSpec, Step,
    TextFile, Version, link_file, program, response,
};
use linksweep::query::{Analysis, dead, finding, inputs, listing, members, pieces, place, select, why};
use linksweep::report::{self, Page, labels};
use linksweep::script::eval::{Outcome, Phase, Place, SymbolState, Symbols, Value, ValueSection};
use linksweep::script::filematch::FileName;
use linksweep::script::keep::KeepTable;
use linksweep::script::versionmatch::VersionMatcher;
use linksweep::script::{self, CommandKind, Dialect, walk};
use linksweep::snapshot;

/// A folder that no machine has: relative paths lead nowhere.
const NOWHERE: &str = "/linksweep-fuzz-no-such-folder";

/// Archives: structure, index, members by origin, the second reader.
pub fn archive(data: &[u8]) {
    let Ok(parsed) = ar::parse(data) else { return };
    let mut headers = 0u64;
    for member in &parsed.members {
        assert!(member.header >= headers, "members stand in file order");
        headers = member.header;
        assert!(data.get(member.name.clone()).is_some(), "a name lies in the file");
        assert!(data.get(member.data.clone()).is_some(), "a member lies in the file");
    }
    for (name, number) in parsed.index.iter().flat_map(|i| &i.entries) {
        assert!(data.get(name.clone()).is_some(), "an index name lies in the file");
        assert!(number.is_none_or(|n| (n as usize) < parsed.members.len()), "an index number exists");
    }
    for member in parsed.members.iter().take(4) {
        let found = ar::member_at_origin(data, member.header);
        let wanted = (parsed.kind == ar::Kind::Regular).then_some(member);
        assert_eq!(found.as_ref().ok(), wanted, "the header offset of a member");
    }
    for origin in [0, 7, 8, 9, u64::MAX] {
        let _ = ar::member_at_origin(data, origin);
    }
    let _ = second::archive(data, parsed.kind == ar::Kind::Thin);
}

/// Intermediate code: bitcode, GCC's tables, facts, assembly text, and the object that stands for it.
pub fn lto(data: &[u8]) {
    if let Ok(Some(found)) = facts::facts(data) {
        assert!(found.exports.len() <= data.len() && found.modinfo.len() <= data.len());
    }
    let _ = (asm::items(data), asm::globals(data), triple::machine(data));
    let object = Object::parse(data).ok();
    let table = match &object {
        Some(object) => {
            let _ = (gcc::version(object), gcc::bodies(object), gcc::producer(object));
            lto::format_of_object(object).and_then(|format| lto::read_object(object, format).ok())
        }
        None => bitcode::read(data).ok(),
    };
    let Some(table) = table else { return };
    // Entries of LLVM's table take 24 bytes; records of modules a few bits.
    assert!(table.symbols.len() <= data.len().saturating_mul(8));
    let own = object.as_ref().map(triple::of_object).or_else(|| triple::machine(&table.triple));
    for machine in own.into_iter().chain(triple::machine(b"mips-unknown-linux-gnu")) {
        let Some(bytes) = stand_in::write(&table, machine) else { continue };
        let Ok(stand_in) = Object::parse(&bytes) else { panic!("a stand-in that cannot be read") };
        assert_eq!(stand_in.unreadable, []);
        let globals = stand_in.first_global..stand_in.symbol_count();
        assert_eq!(globals.len(), table.symbols.len());
        for (number, symbol) in globals.zip(&table.symbols) {
            let Some(written) = stand_in.symbol(number) else { panic!("symbol {number} is missing") };
            let undefined = written.place == elf::Place::Undefined;
            assert_eq!(undefined, symbol.kind == Kind::Undefined);
        }
    }
}

/// Objects and shared libraries: every accessor, unwind records, pieces, the second reader.
pub fn elf(data: &[u8]) {
    let _ = classify::classify(data);
    let _ = elf::machine_and_class(data);
    if let Ok(library) = SharedLibrary::parse(data) {
        assert!(library.symbols.len() <= data.len() / 16);
    }
    let Ok(object) = Object::parse(data) else { return };
    let _ = lto::format_of_object(&object);
    let count = object.sections.len() as u32;
    for section in (0..count).chain([count, u32::MAX]) {
        let row = object.sections.get(section as usize).copied();
        let _ = (object.section_name(section), object.header(section), object.section_size(section));
        let _ = (object.is_own_string_table(section), object.group_of(section).map(|g| object.members(g)));
        let bytes = object.section_data(section).unwrap_or_default();
        for table in object.reloc_sections(section) {
            let Ok(table) = object.reloc_table(table) else { continue };
            let mut seen = 0;
            table.for_each(|_, reloc| {
                seen += 1;
                let _ = object.symbol(reloc.symbol);
                let at = usize::try_from(reloc.offset).ok().and_then(|o| bytes.get(o..));
                let _ = implicit::addend(object.machine, object.endian(), reloc.kind, at.unwrap_or_default());
            });
            assert_eq!(seen, table.len());
            table.for_range(1, 3, |_, _| ());
        }
        let Some(row) = row else { continue };
        if object.section_name(section) == b".eh_frame" {
            let _ = eh_frame::read(&object, section, AtTerminator::Stop);
            if let Ok(frame) = eh_frame::read(&object, section, AtTerminator::Continue) {
                for record in &frame.records {
                    let _ = frame.relocs_of(record);
                }
            }
        }
        if row.flags & consts::SHF_MERGE != 0 {
            let entsize = object.header(section).entsize;
            if let Ok(pieces) = merge::split(bytes, entsize, row.flags & consts::SHF_STRINGS != 0) {
                for piece in 0..pieces.len() {
                    let range = pieces.range(piece);
                    assert!(range.start <= range.end && range.end <= bytes.len() as u64);
                }
                let _ = (pieces.at(0), pieces.at(bytes.len() as u64), pieces.at(u64::MAX));
            }
        }
    }
    for number in (0..object.symbol_count()).chain([u32::MAX]) {
        if let Some(symbol) = object.symbol(number) {
            let _ = object.symbol_name(symbol.name);
        }
    }
    for group in &object.groups {
        assert!(object.members(group).iter().all(|&m| m < count), "a member of a group exists");
    }
    let _ = second::object(&object);
}

/// A world in which a symbol's state follows from its name.
struct World;

impl Symbols<u32> for World {
    fn state(&self, name: &bstr::BStr) -> SymbolState<u32> {
        match name.len() % 5 {
            0 => SymbolState::Undefined,
            1 => SymbolState::Common,
            2 => SymbolState::Defined(Value { number: u64::MAX, section: ValueSection::Absolute }),
            3 => SymbolState::Defined(Value { number: 8, section: ValueSection::Input(1) }),
            _ => SymbolState::Defined(Value { number: 0, section: ValueSection::Output }),
        }
    }

    fn region(&self, name: &bstr::BStr) -> Option<(u64, u64)> {
        (name.len().is_multiple_of(2)).then_some((0x1000, u64::MAX))
    }
}

fn evaluate(expression: &script::expr::Expr) {
    for phase in [Phase::First, Phase::Mark] {
        for inside in [false, true] {
            let place = Place { phase, inside, dot: 16 };
            let _ = expression.evaluate(place, &World);
            let _ = expression.asked(place, &World);
            match expression.assign("a".into(), true, place, &World) {
                Outcome::Unchanged | Outcome::Define(_) => {}
            }
        }
    }
    let _ = expression.symbols_referenced().count();
}

const DIALECTS: [Dialect; 6] =
    [Dialect::Bfd, Dialect::Gold, Dialect::Lld14, Dialect::Lld19, Dialect::Lld20, Dialect::Mold];

const SECTIONS: [&[u8]; 8] =
    [b".text", b".text.f", b".init_array.00100", b".data.rel.ro", b"x", b"", b"COMMON", b"*.[a-"];

/// Scripts, version scripts, dynamic lists and expressions in every dialect. The first byte chooses
/// what the rest is read as; INCLUDE gives the script itself, or its second half.
pub fn script(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    for dialect in DIALECTS {
        match choice % 4 {
            0 => one_script(text, dialect, choice & 4 != 0),
            1 => {
                if let Ok(nodes) = script::parse_version_script("v.map", text.to_vec(), dialect)
                    && let Ok(matcher) = VersionMatcher::new(dialect, &[&nodes])
                {
                    names(&matcher);
                }
            }
            2 => {
                if let Ok(list) = script::parse_dynamic_list("d.list", text.to_vec(), dialect)
                    && let Ok(matcher) = VersionMatcher::for_list(&[&list], dialect)
                {
                    names(&matcher);
                }
            }
            _ => {
                if let Ok(expression) = script::parse_expression(text, dialect) {
                    evaluate(&expression);
                }
            }
        }
    }
}

fn names(matcher: &VersionMatcher) {
    let _ = matcher.needs_demangling();
    for name in ["f", "_ZN1a1bEv", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""] {
        let _ = matcher.classify(name.as_bytes(), Some("a::b()"));
        let _ = matcher.classify(name.as_bytes(), None);
    }
}

fn one_script(text: &[u8], dialect: Dialect, assumed: bool) {
    let include = |name: &[u8]| {
        let half =
            if name.len().is_multiple_of(2) { text } else { text.get(text.len() / 2..).unwrap_or_default() };
        Ok((PathBuf::from("included.ld"), half.to_vec()))
    };
    let options = script::Options { dialect, includes: &include, assumed };
    let Ok(parsed) = script::parse_script("link.ld", text.to_vec(), options) else { return };
    for step in walk::steps(&parsed) {
        let place = parsed.location(step.span);
        assert!(place.line >= 1);
        let _ = parsed.text(step.span);
        match step.kind {
            walk::StepKind::Assign(assignment) => evaluate(&assignment.value),
            walk::StepKind::Data(_, value) => evaluate(value),
            _ => {}
        }
    }
    let _ = walk::references(&parsed);
    let _ = script::filematch::extra_inputs(&parsed);
    for command in &parsed.commands {
        if let CommandKind::Version(version) = &command.kind {
            let _ = VersionMatcher::new(dialect, &[version.as_ref()]);
        }
    }
    let Ok(table) = KeepTable::new(&parsed) else { return };
    let files = [
        FileName::plain(b"dir/a.o"),
        FileName::member(b"libx.a", b"m.o"),
        FileName::thin(b"d/libt.a", b"m.o", b"d/m.o"),
    ];
    for file in files {
        let mut state = table.file(file);
        for section in SECTIONS {
            let matched = table.matches(section);
            for flags in [0, 2, 6, u64::MAX] {
                let _ = table.keeps(&mut state, &matched, flags);
                let _ = table.places(&mut state, &matched, flags);
            }
            let _ = table.candidates(&mut state, &matched);
        }
    }
}

/// The linkers by number.
fn profile(choice: u8) -> Profile {
    let (flavor, version) = match choice % 6 {
        0 => (Flavor::Bfd, Version(2, 40, 0)),
        1 => (Flavor::Gold, Version(1, 16, 0)),
        2 => (Flavor::Lld, Version(14, 0, 6)),
        3 => (Flavor::Lld, Version(19, 1, 7)),
        4 => (Flavor::Lld, Version(22, 1, 2)),
        _ => (Flavor::Mold, Version(1, 10, 1)),
    };
    Profile { flavor, version }
}

/// Command lines: the first byte chooses the linker; words are separated by newlines. Also read as
/// response and link file texts.
pub fn cmd(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    let _ = response::gnu_words(text);
    let _ = response::llvm_words(text);
    let _ = link_file::shell_words(text);
    let at = profile(choice);
    let spec = ProfileSpec { flavor: at.flavor, version: Some(at.version) };
    let harmless = |word: &[u8]| {
        let word = word.iter().filter(|&&b| b != 0).map(|&b| if b == b'/' { b'_' } else { b });
        OsString::from_vec(word.collect())
    };
    let words: Vec<OsString> = text.split(|&b| b == b'\n').map(harmless).collect();
    if words.first().is_none_or(|w| program::recognize(w) != program::First::Other) {
        return;
    }
    let _ = std::str::from_utf8(text).map(|t| {
        let _ = (ProfileSpec::parse(t), program::parse_version(t), program::parse_version_line(t));
    });
    let overrides = Overrides {
        linker: Some(spec),
        directory: NOWHERE.into(),
        assume_gc: choice & 0x80 != 0,
        ..Overrides::default()
    };
    if let Ok(plan) = linksweep::plan::parse_command(&words, &overrides) {
        let files = linksweep::plan::RunFiles { output: "out".into(), map: None, why_extract: None };
        let _ = linksweep::plan::rewrite_for_run(&plan, &files);
        let _ = linksweep::open(&LinkPlan { no_std_dirs: true, search_dirs: Vec::new(), ..plan });
    }
}

/// One part of the input of [`whole`].
struct Part<'a> {
    kind: u8,
    mode: u8,
    bytes: &'a [u8],
}

/// Splits into parts: kind, mode, length (2 bytes, little-endian, cut to what is there), bytes.
fn parts(mut rest: &[u8]) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    while let [kind, mode, low, high, tail @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (bytes, after) = tail.split_at(length);
        out.push(Part { kind: *kind, mode: *mode, bytes });
        rest = after;
        if out.len() >= 24 {
            break;
        }
    }
    out
}

/// A text in which no path leaves the folder.
fn tame(text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    for at in 0..out.len() {
        let near = |other: usize, byte: u8| out.get(other) == Some(&byte);
        let comment = near(at + 1, b'*') || (at > 0 && near(at - 1, b'*'));
        let discard = out[at..].starts_with(b"/DISCARD/") || out[..=at].ends_with(b"/DISCARD/");
        if out[at] == b'/' && !comment && !discard {
            out[at] = b'_';
        }
    }
    out
}

/// A whole link in memory. Byte 0: linker; bytes 1 and 2: options; then parts, see [`parts`]. Kinds
/// of parts: object, archive, member of a common archive, `-T` script, input script, version script,
/// dynamic list, `--defsym`, `--wrap` and such names, thin archive.
pub fn whole(data: &[u8]) {
    let [linker, options, more, rest @ ..] = data else { return };
    let mut plan = LinkPlan::new(profile(*linker));
    plan.directory = NOWHERE.into();
    plan.no_std_dirs = true;
    plan.gc_sections = Some(options & 1 == 0);
    plan.output_kind = match options >> 1 & 3 {
        0 | 1 => OutputKind::Executable,
        2 => OutputKind::Shared,
        _ => OutputKind::Relocatable,
    };
    plan.export_dynamic = options & 8 != 0;
    plan.gc_keep_exported = options & 16 != 0;
    plan.start_stop_gc = match options >> 5 & 3 {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    };
    plan.is_static = options & 128 != 0;
    plan.unique.all = more & 1 != 0;
    plan.emit_relocs = more & 2 != 0;
    plan.force_group_allocation = more & 4 != 0;
    plan.print_gc_sections = Some(true);
    let mut store = FileStore::default();
    let mut common: Vec<(String, &[u8])> = Vec::new();
    let (mut open_group, mut open_lib) = (false, false);
    for (number, part) in parts(rest).into_iter().enumerate() {
        let mut mode = InputMode::default();
        mode.whole_archive = part.mode & 1 != 0;
        mode.as_needed = part.mode & 2 != 0;
        mode.just_symbols = part.mode & 12 == 12;
        let name = format!("f{number}");
        let text = || TextFile { path: PathBuf::from(format!("f{number}")), text: tame(part.bytes) };
        match part.kind % 11 {
            0 | 1 | 4 | 9 => {
                let bytes = if part.kind % 11 == 4 { tame(part.bytes) } else { part.bytes.to_vec() };
                // Thin members must not lead out of memory.
                let bytes = match ar::parse(&bytes) {
                    Ok(archive) if archive.kind == ar::Kind::Thin => {
                        let mut bytes = bytes;
                        for member in &archive.members {
                            for b in bytes.get_mut(member.name.clone()).into_iter().flatten() {
                                *b = if *b == b'/' { b'_' } else { *b };
                            }
                        }
                        bytes
                    }
                    _ if classify::classify(&bytes) == classify::InputKind::Other => tame(&bytes),
                    _ => bytes,
                };
                store.add_memory(Path::new(NOWHERE).join(&name), bytes);
                if part.mode & 16 != 0 {
                    plan.steps.push(if open_group { Step::EndGroup } else { Step::StartGroup });
                    open_group = !open_group;
                } else if part.mode & 32 != 0 {
                    plan.steps.push(if open_lib { Step::EndLib } else { Step::StartLib });
                    open_lib = !open_lib;
                }
                mode.in_lib = open_lib;
                plan.steps.push(Step::Input { name: InputName::Path(name.into()), mode });
            }
            2 => common.push((format!("{name}.o/"), part.bytes)),
            3 => {
                plan.steps.push(Step::Script(plan.scripts.len()));
                plan.search_dirs_before_script.push(0);
                plan.scripts.push(text());
            }
            5 => plan.version_scripts.push(text()),
            6 => plan.dynamic_lists.push(text()),
            7 => {
                let mut halves = part.bytes.splitn(2, |&b| b == b'=');
                let (name, expression) = (halves.next(), halves.next());
                plan.steps.push(Step::Defsym(plan.defsyms.len()));
                plan.defsyms.push(linksweep::plan::Defsym {
                    name: name.unwrap_or_default().into(),
                    expression: expression.unwrap_or(b"1").into(),
                });
            }
            8 => plan.wraps.extend(part.bytes.split(|&b| b == b',').map(bstr::BString::from)),
            _ => match part.mode % 4 {
                0 => plan.entry = Some(part.bytes.into()),
                1 => plan.demands.push((part.bytes.into(), DemandKind::Undefined)),
                2 => plan.export_dynamic_symbols.push(part.bytes.into()),
                _ => plan.exclude_libs.push(part.bytes.into()),
            },
        }
    }
    if !common.is_empty() {
        let mut bytes = b"!<arch>\n".to_vec();
        for (name, member) in &common {
            bytes.extend(format!("{name:<48}{:<10}`\n", member.len()).as_bytes());
            bytes.extend_from_slice(member);
            bytes.resize(bytes.len() + (bytes.len() & 1), b'\n');
        }
        store.add_memory(Path::new(NOWHERE).join("lib.a"), bytes);
        let mode = InputMode::default();
        plan.steps.push(Step::Input { name: InputName::Path("lib.a".into()), mode });
    }
    if open_group {
        plan.steps.push(Step::EndGroup);
    }
    if open_lib {
        plan.steps.push(Step::EndLib);
    }
    let Ok(link) = linksweep::load::open(&plan, store) else { return };
    let Ok(analysis) = linksweep::analyze(&plan, &link) else { return };
    let _ = listing::removed_text(&analysis);
    let _ = listing::extraction_report(&analysis);
    reports(&link, &analysis);
}

/// Every question and report about an analysed link.
fn reports(link: &linksweep::load::OpenedLink, analysis: &Analysis<'_>) {
    let diagnostics = finding::diagnostics(analysis);
    let findings = finding::findings(&diagnostics);
    let selection = select::Selection::default();
    let style = labels::Style { color: false, demangle: true };
    let page = Page { analysis, findings: &findings, selection: &selection, style };
    let answer = dead::dead(analysis, &[dead::Grouping::Kind, dead::Grouping::Symbol]);
    let placement = place::place(analysis);
    let layout = place::layout::layout(analysis, &placement);
    let outputs = report::outputs::Outputs { layout: &layout, placement: &placement };
    let _ = (
        report::gc::text(&page, &answer, Some(&outputs), true),
        report::gc::json(&page, &answer, Some(&outputs)),
    );
    let taken = members::members(analysis, true);
    let _ = (report::extract::text(&page, &taken, true), report::extract::json(&page, &taken, true));
    let _ = pieces::pieces(analysis);
    let read = inputs::inputs(link, analysis);
    let _ = (report::doctor::text(&page, &read, None), report::doctor::json(&page, &read, None));
    for dead in [false, true] {
        for pattern in [&b"*"[..], b"section:.text*", b"file:*", b"member:*", b"symbol:f"] {
            let mut request = why::WhyRequest::new(pattern);
            (request.dead, request.chains) = (dead, 3);
            let answer = why::why(analysis, &request);
            let options = report::why_text::Options { demangle: true };
            let _ = report::why_text::render(&answer, analysis, &options, &mut Vec::new());
        }
    }
}

/// Saved links: header, directory, columns, and every question that is answered from them.
pub fn snapshot(data: &[u8]) {
    let Ok(saved) = snapshot::from_bytes(Path::new("fuzz.lsw"), data.to_vec()) else { return };
    let _ = saved.portrait();
    // The digest keeps damage out; what it would keep out must not be able to do harm either.
    let Ok(portrait) = saved.unverified() else { return };
    for (pattern, dead) in [("*", false), ("*", true), ("symbol:main", false), ("a*:(.text*)", false)] {
        for chains in [1, 3] {
            let request =
                why::WhyRequest { chains, dead, limit: 8, ..why::WhyRequest::new(pattern.as_bytes()) };
            let answer = why::answer(&portrait, &request);
            let mut out = Vec::new();
            let options = report::why_text::Options { demangle: true };
            let _ = report::why_text::render(&answer, &portrait, &options, &mut out);
            let _ = report::why_json::render(&answer, &portrait, &Default::default(), &mut out);
        }
    }
    assert!(portrait.node_count() <= 64 * (data.len() + 64) * 1032, "rows in proportion to the file");
    let _ = snapshot::dump(saved.header(), &portrait);
}

//! Damaged and hostile inputs made by hand, against every linker's profile.
//!
//! Always true: the answer is an error or a diagnostic that names file and member, in time and
//! memory in proportion to the input; nothing panics. Findings of the fuzzers are replayed by
//! `fuzz_replay.rs`.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use linksweep::load::FileStore;
use linksweep::plan::{Flavor, InputMode, InputName, LinkPlan, Profile, Step, TextFile, Version};
use linksweep::query::{dead, finding, listing};
use linksweep::script::{self, Dialect};

const FOLDER: &str = "/linksweep-no-such-folder";

const PROFILES: [(Flavor, Version); 6] = [
    (Flavor::Bfd, Version(2, 40, 0)),
    (Flavor::Gold, Version(1, 16, 0)),
    (Flavor::Lld, Version(14, 0, 6)),
    (Flavor::Lld, Version(19, 1, 7)),
    (Flavor::Lld, Version(22, 1, 2)),
    (Flavor::Mold, Version(1, 10, 1)),
];

const DIALECTS: [Dialect; 6] =
    [Dialect::Bfd, Dialect::Gold, Dialect::Lld14, Dialect::Lld19, Dialect::Lld20, Dialect::Mold];

/// One section of a 64-bit little-endian object; `size` overrides that of the bytes.
#[derive(Clone, Default)]
struct Section {
    name: &'static str,
    kind: u32,
    flags: u64,
    link: u32,
    info: u32,
    entsize: u64,
    bytes: Vec<u8>,
    size: Option<u64>,
    offset: Option<u64>,
}

fn section(name: &'static str, kind: u32, flags: u64, bytes: &[u8]) -> Section {
    Section { name, kind, flags, bytes: bytes.to_vec(), ..Section::default() }
}

/// An object of these sections; index 0 and the name table are added.
fn write(sections: &[Section]) -> Vec<u8> {
    let mut names = vec![0u8];
    let mut out = vec![0u8; 64];
    let mut headers = vec![0u8; 64];
    let table = section(".shstrtab", 3, 0, &[]);
    for s in sections.iter().chain([&table]) {
        let name = names.len() as u32;
        names.extend_from_slice(s.name.as_bytes());
        names.push(0);
        let bytes = if s.name == ".shstrtab" { names.clone() } else { s.bytes.clone() };
        out.resize(out.len().next_multiple_of(8), 0);
        headers.extend(name.to_le_bytes());
        headers.extend(s.kind.to_le_bytes());
        headers.extend(s.flags.to_le_bytes());
        headers.extend(0u64.to_le_bytes());
        headers.extend(s.offset.unwrap_or(out.len() as u64).to_le_bytes());
        headers.extend(s.size.unwrap_or(bytes.len() as u64).to_le_bytes());
        headers.extend(s.link.to_le_bytes());
        headers.extend(s.info.to_le_bytes());
        headers.extend(8u64.to_le_bytes());
        headers.extend(s.entsize.to_le_bytes());
        out.extend(bytes);
    }
    out.resize(out.len().next_multiple_of(8), 0);
    let start = out.len() as u64;
    out.extend(headers);
    out[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0");
    out[20] = 1;
    out[40..48].copy_from_slice(&start.to_le_bytes());
    out[52] = 64;
    out[58] = 64;
    out[60..62].copy_from_slice(&(sections.len() as u16 + 2).to_le_bytes());
    out[62..64].copy_from_slice(&(sections.len() as u16 + 1).to_le_bytes());
    out
}

fn symbol(name: u32, info: u8, shndx: u16) -> Vec<u8> {
    let mut out = name.to_le_bytes().to_vec();
    out.extend([info, 0]);
    out.extend(shndx.to_le_bytes());
    out.extend([0; 16]);
    out
}

fn rela(symbol: u32) -> Vec<u8> {
    let mut out = 0u64.to_le_bytes().to_vec();
    out.extend((u64::from(symbol) << 32 | 1).to_le_bytes());
    out.extend([0; 8]);
    out
}

const TEXT: usize = 0;
const RELA: usize = 2;
const SYMTAB: usize = 3;

/// `_start` in `.text.f` (section 1) refers to `g` in `.text.g` (2); `.rela.text.f` is 3, the symbol
/// table 4, its strings 5.
fn sound() -> Vec<Section> {
    let relocations = Section { link: 4, info: 1, entsize: 24, ..section(".rela.text.f", 4, 0, &rela(2)) };
    let symbols = [symbol(0, 0, 0), symbol(1, 0x12, 1), symbol(8, 0x12, 2)].concat();
    vec![
        section(".text.f", 1, 6, &[0; 16]),
        section(".text.g", 1, 6, &[0; 16]),
        relocations,
        Section { link: 5, info: 1, entsize: 24, ..section(".symtab", 2, 0, &symbols) },
        section(".strtab", 3, 0, b"\0_start\0g\0"),
    ]
}

fn archive(magic: &str, members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = magic.as_bytes().to_vec();
    for (name, bytes) in members {
        out.extend(format!("{name:<48}{:<10}`\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// Analyses a link in memory as each linker; the texts of its errors and diagnostics.
fn messages_with(files: &[(&str, &[u8])], change: impl Fn(&mut LinkPlan)) -> Vec<String> {
    let start = Instant::now();
    let answers = PROFILES.map(|(flavor, version)| {
        let mut plan = LinkPlan::new(Profile { flavor, version });
        plan.directory = FOLDER.into();
        plan.no_std_dirs = true;
        plan.gc_sections = Some(true);
        let mut store = FileStore::default();
        for (name, bytes) in files {
            store.add_memory(Path::new(FOLDER).join(name), bytes.to_vec());
            let name = InputName::Path(name.into());
            plan.steps.push(Step::Input { name, mode: InputMode::default() });
        }
        change(&mut plan);
        let link = match linksweep::load::open(&plan, store) {
            Ok(link) => link,
            Err(error) => return error.to_string(),
        };
        let mut texts: Vec<String> = link.diagnostics.iter().map(ToString::to_string).collect();
        match linksweep::analyze(&plan, &link) {
            Ok(analysis) => {
                texts.extend(finding::diagnostics(&analysis).iter().map(ToString::to_string));
                let _ = listing::removed_text(&analysis);
                let _ = listing::extraction_report(&analysis);
                let _ = dead::dead(&analysis, &[]);
            }
            Err(error) => texts.push(error.to_string()),
        }
        texts.join("\n")
    });
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    answers.into()
}

/// Every linker's profile says all of `wanted`.
fn says(files: &[(&str, &[u8])], wanted: &[&str]) {
    for (text, profile) in messages_with(files, |_| ()).iter().zip(PROFILES) {
        for part in wanted {
            assert!(text.contains(part), "{profile:?} does not say {part:?}:\n{text}");
        }
    }
}

#[test]
fn a_sound_object_has_nothing_to_say() {
    for text in messages_with(&[("a.o", &write(&sound()))], |_| ()) {
        assert_eq!(text, "");
    }
}

#[test]
fn every_cut_of_an_object() {
    let whole = write(&sound());
    for cut in (0..whole.len()).step_by(7) {
        let cut = whole.get(..cut).unwrap();
        let library = archive("!<arch>\n", &[("m.o/", cut)]);
        messages_with(&[("a.o", cut), ("libx.a", &library)], |_| ());
    }
}

#[test]
fn cut_member() {
    let whole = write(&sound());
    let cut = whole.get(..whole.len() - 70).unwrap();
    let library = archive("!<arch>\n", &[("m.o/", cut)]);
    says(&[("a.o", &whole), ("libx.a", &library)], &["libx.a(m.o)", "damaged object"]);
}

#[test]
fn cut_archive() {
    let whole = write(&sound());
    let library = archive("!<arch>\n", &[("m.o/", &whole)]);
    let cut = library.get(..library.len() - 9).unwrap();
    says(&[("a.o", &whole), ("libx.a", cut)], &["libx.a", "beyond the end of the file"]);
}

#[test]
fn thin_archive_that_names_itself() {
    let mut thin = archive("!<thin>\n", &[("//", b"loop.a/\n")]);
    thin.extend(format!("{:<48}{:<10}`\n", "/0", 10).as_bytes());
    says(&[("a.o", &write(&sound())), ("loop.a", &thin)], &["loop.a(loop.a)", "not an ELF object"]);
}

#[test]
fn nested_thin_archive_that_names_itself() {
    let mut thin = archive("!<thin>\n", &[("//", b"loop.a/\n")]);
    thin.extend(format!("{:<48}{:<10}`\n", "/0:76", 10).as_bytes());
    says(&[("a.o", &write(&sound())), ("loop.a", &thin)], &["loop.a(loop.a)", "itself thin"]);
}

#[test]
fn many_nested_entries_read_their_archive_once() {
    let inner: Vec<(&str, &[u8])> = vec![("m.o/", b""); 20_000];
    let inner = archive("!<arch>\n", &inner);
    let mut thin = archive("!<thin>\n", &[("//", b"inner.a/\n")]);
    for number in 0..20_000 {
        let name = format!("/0:{}", 8 + 60 * number);
        thin.extend(format!("{name:<48}{:<10}`\n", 0).as_bytes());
    }
    messages_with(&[("thin.a", &thin), ("inner.a", &inner)], |_| ());
}

#[test]
fn overlapping_sections() {
    let mut sections = sound();
    for _ in 0..500 {
        sections.push(Section { offset: Some(0), size: Some(30_000), ..section(".data.x", 1, 3, &[]) });
    }
    says(&[("a.o", &write(&sections))], &["a.o", "sections overlap"]);
}

#[test]
fn more_sections_than_the_file_holds() {
    let mut object = write(&sound());
    object[60..62].copy_from_slice(&0xfeff_u16.to_le_bytes());
    says(&[("b.o", &write(&sound())), ("a.o", &object)], &["a.o", "damaged object"]);
    // The count stands in the first header when the field is 0.
    let mut object = write(&sound());
    let headers = u64::from_le_bytes(object[40..48].try_into().unwrap()) as usize;
    object[60..62].copy_from_slice(&[0, 0]);
    object[headers + 32..headers + 40].copy_from_slice(&u64::MAX.to_le_bytes());
    says(&[("b.o", &write(&sound())), ("a.o", &object)], &["a.o", "damaged object"]);
}

#[test]
fn archive_index_with_a_huge_count() {
    for (name, count) in [("/", vec![0xff; 4]), ("/SYM64/", vec![0xff; 8])] {
        let library = archive("!<arch>\n", &[(name, &count), ("m.o/", &write(&sound()))]);
        says(&[("a.o", &write(&sound())), ("libx.a", &library)], &["libx.a", "more symbols than fit"]);
    }
}

#[test]
fn section_of_huge_size() {
    let mut sections = sound();
    sections[RELA].size = Some(u64::MAX - 15);
    says(&[("a.o", &write(&sections))], &["a.o", ".rela.text.f", "lie outside the file"]);
    let mut sections = sound();
    sections[SYMTAB].size = Some(u64::MAX - 15);
    says(
        &[("b.o", &write(&sound())), ("a.o", &write(&sections))],
        &["a.o", "damaged object", "symbol table"],
    );
    // Plain bytes are never read; their sizes only add up.
    let mut sections = sound();
    sections[TEXT].size = Some(u64::MAX);
    sections[TEXT + 1].size = Some(u64::MAX);
    messages_with(&[("a.o", &write(&sections))], |_| ());
}

fn with_group(words: &[u32]) -> Vec<u8> {
    let words: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let mut sections = sound();
    sections.push(Section { link: 4, info: 2, entsize: 4, ..section(".group", 17, 0, &words) });
    write(&sections)
}

#[test]
fn group_that_names_itself() {
    says(&[("a.o", &with_group(&[1, 2, 6]))], &["a.o", "section group 6 names itself"]);
}

#[test]
fn group_of_sections_that_do_not_exist() {
    let mut words = vec![0xffff_fff0; 10_000];
    words[0] = 1;
    let texts = messages_with(&[("a.o", &with_group(&words))], |_| ());
    for text in texts {
        assert!(text.contains("a.o") && text.contains("which does not exist"), "{text}");
        assert!(text.len() < 1000, "one line for one group");
    }
}

#[test]
fn relocation_against_a_symbol_that_does_not_exist() {
    for number in [3, 0xffff_ffff] {
        let mut sections = sound();
        sections[RELA].bytes = rela(number);
        let wanted = format!("names symbol {number}");
        says(&[("a.o", &write(&sections))], &["a.o", ".text.f", "are unknown", &wanted]);
    }
}

#[test]
fn relocations_that_apply_to_themselves() {
    let mut sections = sound();
    sections[RELA].info = 3;
    says(&[("a.o", &write(&sections))], &["a.o", "relocation section 3 applies to itself"]);
}

#[test]
fn relocations_of_a_section_that_does_not_exist() {
    let mut sections = sound();
    sections[RELA].info = 0xffff_ffff;
    says(&[("a.o", &write(&sections))], &["a.o", ".rela.text.f", "does not exist"]);
}

#[test]
fn table_of_extended_indexes_too_short() {
    let mut sections = sound();
    let last = sections[SYMTAB].bytes.len() - 24;
    sections[SYMTAB].bytes[last + 6..last + 8].copy_from_slice(&[0xff, 0xff]);
    sections.push(Section { link: 4, entsize: 4, ..section(".symtab_shndx", 18, 0, &[0; 8]) });
    says(&[("b.o", &write(&sound())), ("a.o", &write(&sections))], &["a.o", "extended section index"]);
}

#[test]
fn many_relocation_sections_of_many_sections() {
    let mut sections = sound();
    for number in 0..20_000 {
        let info = 1 + number % 2;
        sections.push(Section { link: 4, info, entsize: 24, ..section(".rela.x", 4, 0, &[]) });
    }
    messages_with(&[("a.o", &write(&sections))], |_| ());
}

#[test]
fn link_order_in_circles() {
    let mut sections = sound();
    for (link, name) in [(7, ".a"), (6, ".b"), (8, ".c"), (0xffff_fff0, ".d")] {
        sections.push(Section { link, ..section(name, 1, 0x82, &[0; 4]) });
    }
    messages_with(&[("a.o", &write(&sections))], |_| ());
}

#[test]
fn wraps_of_wraps() {
    let wraps = ["g", "__wrap_g", "__real_g", "__real___wrap_g", "g", ""];
    messages_with(&[("a.o", &write(&sound()))], |plan| {
        plan.wraps = wraps.iter().map(|w| (*w).into()).collect();
    });
}

fn every_dialect_refuses(text: &str) {
    let include = |_: &[u8]| Ok(("again.ld".into(), text.as_bytes().to_vec()));
    for dialect in DIALECTS {
        let start = Instant::now();
        let options = script::Options { dialect, includes: &include, assumed: false };
        let error = script::parse_script("link.ld", text.as_bytes().to_vec(), options);
        let shown: String = text.chars().take(20).collect();
        let error = error.err().unwrap_or_else(|| panic!("{dialect:?} takes {shown:?}")).to_string();
        assert!(error.contains("link.ld") || error.contains("again.ld"), "{dialect:?}: {error}");
        assert!(error.len() < 2000, "{dialect:?}: an error of {} bytes", error.len());
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn nested_parentheses() {
    for text in ["(", "x = (", "INPUT(AS_NEEDED(", "SECTIONS { .a : { *("] {
        every_dialect_refuses(&format!("{text}{}", "(".repeat(100_000)));
    }
    for repeated in ["-", "~", "!", "1 ? ", "1 ? 1 : ", "1 + (", "ALIGN(", "DEFINED("] {
        let text = format!("x = {}", repeated.repeat(100_000));
        every_dialect_refuses(&text);
    }
}

#[test]
fn nested_blocks() {
    for repeated in ["{", "SECTIONS {", "INPUT(AS_NEEDED(", "GROUP(", "SECTIONS { .a : {", "KEEP("] {
        every_dialect_refuses(&repeated.repeat(30_000));
    }
}

#[test]
fn scripts_that_include_themselves() {
    let include = |_: &[u8]| Ok(("again.ld".into(), b"INCLUDE again.ld INCLUDE again.ld".to_vec()));
    for dialect in &DIALECTS[..5] {
        let options = script::Options { dialect: *dialect, includes: &include, assumed: false };
        let error = script::parse_script("link.ld", b"INCLUDE again.ld\n".to_vec(), options);
        assert!(error.is_err(), "{dialect:?}");
    }
}

#[test]
fn input_scripts_that_name_themselves() {
    for text in ["INPUT(loop.ld)", "GROUP(loop.ld loop.ld)", "INPUT(AS_NEEDED(loop.ld))"] {
        says(&[("a.o", &write(&sound())), ("loop.ld", text.as_bytes())], &["loop.ld", "too deeply"]);
    }
}

#[test]
fn version_scripts_without_measure() {
    let texts = [
        "{".repeat(100_000),
        format!("{{ {}", "extern \"C\" { ".repeat(100_000)),
        "V { global: ".repeat(50_000),
        format!("{{ global: {}", "[".repeat(100_000)),
        format!("{{ global: \"{}", "\\".repeat(100_000)),
    ];
    for text in &texts {
        for dialect in DIALECTS {
            let start = Instant::now();
            let parsed = script::parse_version_script("v.map", text.as_bytes().to_vec(), dialect);
            assert!(parsed.is_err(), "{dialect:?} takes {:?}", &text[..20]);
            let list = script::parse_dynamic_list("d.list", text.as_bytes().to_vec(), dialect);
            assert!(list.is_err(), "{dialect:?} takes {:?}", &text[..20]);
            assert!(start.elapsed() < Duration::from_secs(5));
        }
    }
}

#[test]
fn patterns_that_could_take_exponential_time() {
    let pattern = format!("{{ global: {}b; local: *; }};", "*a".repeat(60));
    let mut sections = sound();
    let name = format!("\0_start\0{}\0", "a".repeat(5000));
    sections[4].bytes = name.into_bytes();
    let keep = format!("SECTIONS {{ .x : {{ KEEP(*{}b(*{}b)) }} }}", "*a".repeat(60), "*a".repeat(60));
    let aaa = "a".repeat(3000) + ".o";
    messages_with(&[(&aaa, &write(&sections))], |plan| {
        plan.version_scripts.push(TextFile { path: "v.map".into(), text: pattern.clone().into() });
        plan.scripts.push(TextFile { path: "k.ld".into(), text: keep.clone().into() });
        plan.search_dirs_before_script.push(0);
        plan.steps.insert(0, Step::Script(0));
    });
}

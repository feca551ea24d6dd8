use bstr::ByteSlice;
use proptest::prelude::*;

use super::builtin::builtin;
use super::eval::{Phase, Place, SymbolState, Symbols, Value, ValueSection};
use super::filematch::{FileName, FileTest, extra_inputs};
use super::glob::{Pattern, PatternSet, Syntax};
use super::keep::KeepTable;
use super::versionmatch::{Scope, VersionMatcher};
use super::walk::{StepKind, steps};
use super::*;

const ALL: [Dialect; 5] = [Dialect::Bfd, Dialect::Gold, Dialect::Lld14, Dialect::Lld19, Dialect::Mold];

fn parse(dialect: Dialect, text: &str) -> crate::error::Result<Script> {
    parse_script(
        "t.lds",
        text.as_bytes().to_vec(),
        Options { dialect, includes: &no_includes, assumed: false },
    )
}

fn script(dialect: Dialect, text: &str) -> Script {
    match parse(dialect, text) {
        Ok(script) => script,
        Err(e) => panic!("{dialect:?} refuses {text:?}: {e}"),
    }
}

/// Which of bfd, gold, lld 14, lld 19 accept an output section with this body.
fn accepts(body: &str) -> String {
    let text = format!("SECTIONS {{ .o : {{ {body} }} }}");
    let letters = [('b', ALL[0]), ('g', ALL[1]), ('4', ALL[2]), ('9', ALL[3])];
    letters.into_iter().filter(|(_, d)| parse(*d, &text).is_ok()).map(|(c, _)| c).collect()
}

#[test]
fn constructs_each_linker_takes() {
    // GS 9.1, 9.2.
    for (body, takers) in [
        ("*(.a .b)", "bg49"),
        ("*(EXCLUDE_FILE(p) .a .b)", "bg49"),
        ("EXCLUDE_FILE(p) *(.a .b)", "b49"),
        ("EXCLUDE_FILE(p) a(.a)", "b49"),
        ("KEEP(EXCLUDE_FILE(p) *(.a .b))", "b"),
        ("KEEP(SORT(*)(.a))", "bg"),
        ("KEEP(INPUT_SECTION_FLAGS(SHF_ALLOC) *(.a))", "b49"),
        ("INPUT_SECTION_FLAGS(SHF_ALLOC) KEEP(*(.a))", "g4"),
        ("*(.a[!x])", "b49"),
        ("*(.a[^x])", "b49"),
        ("*(.a[0-9A-Z])", "bg49"),
        ("*(?a)", "bg49"),
        ("*(.a?)", "bg49"),
        (":b.o(.a)", "b49"),
        (":*(.a)", "b49"),
        ("*(SORT_NONE(.a))", "b49"),
        ("*(SORT_BY_NAME(SORT_BY_ALIGNMENT(.a*)))", "bg49"),
        ("BYTE(1) LONG(foo + 4) QUAD(0)", "bg49"),
        ("SQUAD(0)", "bg49"),
        ("[ .a .b ]", "b49"),
        ("foo.o", "bg49"),
        ("PROVIDE(a = .); b = . ; c += 4;", "bg49"),
        ("b = ALIGN(8)", ""),
        ("*(.a", ""),
    ] {
        let expected: String = takers.chars().collect();
        let mut got = accepts(body);
        if body.starts_with("SQUAD") {
            // To lld SQUAD is a file name.
            got = got.replace("49", "") + "49";
        }
        assert_eq!(got, expected, "{body}");
    }
}

#[test]
fn commands_each_linker_takes() {
    for (text, takers) in [
        ("OVERLAY : { .a { *(.a) } }", "b9"),
        ("OVERLAY 0 : AT(0) { .a { *(.a) } }", "b49"),
        ("OVERLAY 0 : AT(0) { .a { KEEP(*(.a)) } }", "b"),
        (".o : { *(.a) } =0x90", "bg49"),
        (".o 0x100 (NOLOAD) : AT(4) ALIGN(4) SUBALIGN(4) ONLY_IF_RO { *(.a) } >r AT>m :p =0", "bg49"),
        ("ASSERT(1, \"m\")", "bg"),
        (". = 0x100; x = .;", "bg49"),
    ] {
        let text = format!("SECTIONS {{ {text} }}");
        let letters = [('b', ALL[0]), ('g', ALL[1]), ('4', ALL[2]), ('9', ALL[3])];
        let got: String =
            letters.into_iter().filter(|(_, d)| parse(*d, &text).is_ok()).map(|(c, _)| c).collect();
        let expected = if text.contains("ASSERT") { "bg49" } else { takers };
        assert_eq!(got, expected, "{text}");
    }
    let insert = "SECTIONS { .o : { *(.a) } } INSERT AFTER .text;";
    assert!(parse(Dialect::Bfd, insert).is_ok());
    assert!(parse(Dialect::Gold, insert).is_err());
    assert!(parse(Dialect::Lld19, insert).is_ok());
}

#[test]
fn mold_knows_little() {
    let s = script(
        Dialect::Mold,
        "OUTPUT_FORMAT(elf64-x86-64) GROUP ( /lib/a.so AS_NEEDED ( b.so -lc ) ) x = y;",
    );
    assert_eq!(s.commands.len(), 3);
    assert!(parse(Dialect::Mold, "SECTIONS { }").is_err());
    assert!(parse(Dialect::Mold, "ENTRY(x)").is_err());
}

#[test]
fn errors_show_the_place() {
    let e = parse(Dialect::Bfd, "SECTIONS {\n  .o : { *(.a) ) }\n}").expect_err("a stray parenthesis");
    assert_eq!(e.what, "t.lds:2:16");
    assert!(e.excerpt.contains("--> t.lds:2:16"), "{}", e.excerpt);
    assert!(e.excerpt.contains('^'), "{}", e.excerpt);
}

#[test]
fn firmware_script() {
    let text = "
MEMORY { FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 512K RAM (!rx) : org = 0x20000000, len = 0x10000 }
REGION_ALIAS(\"CODE\", FLASH)
ENTRY(Reset_Handler) STARTUP(crt0.o) EXTERN(a, b c)
PHDRS { text PT_LOAD FILEHDR PHDRS FLAGS(5); data PT_LOAD AT(0x1000); }
NOCROSSREFS(.a .b)
SECTIONS {
  __stack = ORIGIN(RAM) + LENGTH(RAM);
  .isr : { . = ALIGN(4); KEEP(*(.isr_vector)) FILL(0xff) } >FLASH :text
  .data : AT(_sidata) { _sdata = .; *(.data .data.*) SORT(CONSTRUCTORS) } >RAM AT>FLASH :data =0xff
  /DISCARD/ : { libc.a:*(*) libm.a ( * ) }
}
VERSION { V1 { global: a; local: *; }; }
";
    let s = script(Dialect::Bfd, text);
    let table = KeepTable::new(&s).expect("compiles");
    assert_eq!(table.descriptions().len(), 4);
    let keep = &table.descriptions()[0];
    assert_eq!((keep.text.as_bstr(), s.location(keep.span).line), ("*(.isr_vector)".into(), 9));
    assert_eq!(s.text(keep.span), "KEEP(*(.isr_vector))");
    assert_eq!(s.location(keep.span).column, 26);
    let names: Vec<String> = extra_inputs(&s).iter().map(|n| n.text.to_string()).collect();
    assert_eq!(names, ["libm.a"]);
}

#[test]
fn includes_stand_in_place() {
    let include = |name: &[u8]| match name {
        b"body.ld" => Ok(("body.ld".into(), b"KEEP(*(.x)) y = .;".to_vec())),
        _ => Ok((name.to_str_lossy().as_ref().into(), b"INCLUDE loop.ld".to_vec())),
    };
    for dialect in [Dialect::Bfd, Dialect::Gold, Dialect::Lld14, Dialect::Lld19] {
        let options = Options { dialect, includes: &include, assumed: false };
        let text = b"SECTIONS { .o : { INCLUDE body.ld *(.z) } }".to_vec();
        let s = parse_script("m.ld", text, options).expect("includes");
        let table = KeepTable::new(&s).expect("compiles");
        assert_eq!(table.descriptions().len(), 2, "{dialect:?}");
        assert_eq!(s.location(table.descriptions()[0].span).file.to_str(), Some("body.ld"));
        assert!(parse_script("m.ld", b"INCLUDE loop.ld".to_vec(), options).is_err(), "{dialect:?}");
    }
}

fn keeps(dialect: Dialect, body: &str, file: FileName<'_>, section: &str) -> bool {
    let s = script(dialect, &format!("SECTIONS {{ {body} }}"));
    let table = KeepTable::new(&s).expect("compiles");
    let names = table.matches(section.as_bytes());
    table.keeps(&mut table.file(file), &names, 2).is_some()
}

#[test]
fn keep_rules() {
    // GS 9.1, 9.2: which of bfd, gold, lld keep `.foo` of file a.o.
    let file = FileName::plain(b"a.o");
    for (body, bfd, gold, lld) in [
        (".o : { KEEP(*(.foo)) }", true, true, true),
        (".o : { *(.foo) KEEP(*(.foo)) }", true, false, true),
        ("/DISCARD/ : { *(.foo) } .o : { KEEP(*(.foo)) }", true, false, true),
        (".o : { KEEP(*(EXCLUDE_FILE(a.o) .foo)) }", false, false, true),
        (".o : { KEEP(*(EXCLUDE_FILE(a.o) .bar .foo)) }", true, false, true),
        (".o : { KEEP(b*(.foo)) }", false, false, false),
        ("/DISCARD/ : { KEEP(*(.foo)) }", true, false, true),
        (".o : { KEEP(\"a.?\"(.foo)) }", true, true, false),
        (".o : { KEEP(*(\".f*o\")) }", true, true, true),
        (".o : { KEEP(*(.foo, .bar)) }", false, false, true),
        (".o : { KEEP(*(\\.foo)) }", false, false, true),
        (".o : { KEEP(*(.f[a-z]o)) }", true, true, true),
        (".o : { KEEP(*(.foo*o)) }", true, false, false),
        (".o : { KEEP(*(.F*)) }", false, false, false),
    ] {
        let got = [Dialect::Bfd, Dialect::Gold, Dialect::Lld19].map(|d| keeps(d, body, file, ".foo"));
        assert_eq!(got, [bfd, gold, lld], "{body}");
    }
    assert!(!keeps(Dialect::Bfd, ".o : { KEEP(INPUT_SECTION_FLAGS(SHF_WRITE) *(.foo)) }", file, ".bar"));
    assert!(keeps(Dialect::Bfd, ".o : { KEEP(INPUT_SECTION_FLAGS(SHF_WRITE) *(.foo)) }", file, ".foo"));
    assert!(!keeps(Dialect::Lld19, ".o : { KEEP(INPUT_SECTION_FLAGS(SHF_WRITE) *(.foo)) }", file, ".foo"));
    assert!(keeps(
        Dialect::Lld19,
        ".o : { KEEP(INPUT_SECTION_FLAGS(SHF_ALLOC & !SHF_WRITE) *(.foo)) }",
        file,
        ".foo"
    ));
}

#[test]
fn file_patterns() {
    // GS 9.3: member b.o of libb.a, in bfd, gold, lld.
    let member = FileName::member(b"libb.a", b"b.o");
    let plain = FileName::plain(b"b.o");
    for (pattern, bfd, gold, lld) in [
        ("*b.o", true, false, true),
        ("b.o", false, false, false),
        ("libb.a:b.o", true, false, true),
        ("*libb.a:b.o", true, false, true),
        ("*libb.a:*", true, false, true),
        ("libb.a:", true, false, false),
        ("*libb.a:", true, false, false),
        ("*libb.a", false, false, false),
        ("*libb.a*", false, true, true),
    ] {
        let name = Name { text: pattern.into(), quoted: false, span: Span::default() };
        let got = [Dialect::Bfd, Dialect::Gold, Dialect::Lld19]
            .map(|d| FileTest::pattern(Some(&name), d).expect("compiles").matches(&member, d));
        assert_eq!(got, [bfd, gold, lld], "{pattern}");
    }
    let name = |text: &str| Name { text: text.into(), quoted: false, span: Span::default() };
    let test = |text: &str, file: &FileName<'_>| {
        FileTest::pattern(Some(&name(text)), Dialect::Bfd).expect("compiles").matches(file, Dialect::Bfd)
    };
    assert!(test(":b.o", &plain) && !test(":b.o", &member));
    assert!(test(":*", &plain) && !test(":*", &member));
    assert!(test("b.o", &plain) && !test("b.o", &FileName::plain(b"./b.o")));
    let exclude = FileTest::exclude(&name("*libb.a"), Dialect::Bfd).expect("compiles");
    assert!(exclude.matches(&member, Dialect::Bfd) && !exclude.matches(&plain, Dialect::Bfd));
}

#[test]
fn globs() {
    let posix = |p: &str| Pattern::glob(p.as_bytes(), Syntax::Posix).expect("compiles");
    for (pattern, name, expected) in [
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "aXbY", false),
        ("[]x]", "]", true),
        ("[!]x]", "y", true),
        ("[a-c]x", "bx", true),
        ("[[:digit:]]", "7", true),
        ("[abc", "[abc", true),
        ("\\*", "*", true),
        ("a\\", "a", false),
        ("*?", "", false),
        ("**", "", true),
    ] {
        assert_eq!(posix(pattern).matches(name.as_bytes()), expected, "{pattern} {name}");
    }
    // ld 2.40's overlap (GS 9.2).
    assert!(Pattern::bfd_section(b".foo.a*a").matches(b".foo.a"));
    assert!(Pattern::bfd_section(b".foo.a*.a").matches(b".foo.a"));
    assert!(!Pattern::bfd_section(b".foo.a*b*.a").matches(b".foo.a"));
    // A long run of stars stays quick.
    let stars = "*a".repeat(200) + "b";
    assert!(!posix(&stars).matches("a".repeat(5000).as_bytes()));
}

#[test]
fn version_scripts() {
    let text = "V1 { global: foo; f*; extern \"C++\" { ns::*; \"g(int)\"; }; local: *; };\nV2 { global: fab; b*; local: bz; } V1;";
    for dialect in ALL {
        let parsed = parse_version_script("v", text.as_bytes().to_vec(), dialect).expect("parses");
        let m = VersionMatcher::new(dialect, &[&parsed]).expect("compiles");
        let at = |name: &str, cxx: Option<&str>| m.classify(name.as_bytes(), cxx).map(|c| (c.scope, c.node));
        assert_eq!(at("foo", None), Some((Scope::Global, 0)), "{dialect:?}");
        assert_eq!(at("fig", None), Some((Scope::Global, 0)), "{dialect:?}");
        assert_eq!(at("_Z1", Some("ns::x")), Some((Scope::Global, 0)), "{dialect:?}");
        assert_eq!(at("_Z2", Some("g(int)")), Some((Scope::Global, 0)), "{dialect:?}");
        assert_eq!(at("zzz", None), Some((Scope::Local, 0)), "{dialect:?}");
        assert_eq!(at("bar", None), Some((Scope::Global, 1)), "{dialect:?}");
        if dialect != Dialect::Mold {
            assert_eq!(at("fab", None), Some((Scope::Global, 1)), "{dialect:?}");
            assert_eq!(at("bz", None), Some((Scope::Local, 1)), "{dialect:?}");
        }
    }
    for dialect in ALL {
        let list = parse_dynamic_list("d", b"{ a; b*; extern \"C++\" { c::*; }; };".to_vec(), dialect)
            .expect("parses");
        let m = VersionMatcher::for_list(&[&list], dialect).expect("compiles");
        assert!(m.classify(b"a", None).is_some() && m.classify(b"bx", None).is_some(), "{dialect:?}");
        assert!(m.classify(b"_Z", Some("c::d")).is_some() && m.classify(b"x", None).is_none(), "{dialect:?}");
    }
}

struct World;

impl Symbols<u32> for World {
    fn state(&self, name: &bstr::BStr) -> SymbolState<u32> {
        let input = |s| SymbolState::Defined(Value { number: 0, section: ValueSection::Input(s) });
        match name.as_bytes() {
            b"foo" => input(1),
            b"bar" => input(2),
            b"abs" => SymbolState::Defined(Value { number: 7, section: ValueSection::Absolute }),
            _ => SymbolState::Undefined,
        }
    }
}

#[test]
fn value_sections() {
    // GS 4.4.
    let section = |text: &str, inside| {
        let value = parse_expression(text.as_bytes(), Dialect::Bfd).expect("parses");
        value.evaluate(Place { phase: Phase::Mark, inside, dot: 0 }, &World).map(|v| v.section)
    };
    use ValueSection::{Absolute, Input, Number};
    for (text, outside, inside) in [
        ("foo", Some(Input(1)), Some(Input(1))),
        ("(foo)", Some(Input(1)), Some(Input(1))),
        ("-foo", Some(Input(1)), Some(Input(1))),
        ("1 ? foo : 0", Some(Input(1)), Some(Input(1))),
        ("foo + 4", Some(Absolute), Some(Input(1))),
        ("foo + 0", Some(Absolute), Some(Input(1))),
        ("ABSOLUTE(foo)", Some(Absolute), Some(Absolute)),
        ("foo - bar", Some(Absolute), Some(Number)),
        ("ALIGN(foo, 8)", Some(Absolute), Some(Input(1))),
        ("MAX(foo, bar)", Some(Absolute), Some(Absolute)),
        ("DEFINED(foo) ? foo : bar", Some(Input(1)), Some(Input(1))),
        ("DEFINED(none) ? foo : bar", Some(Input(2)), Some(Input(2))),
        ("none", None, None),
        ("abs", Some(Absolute), Some(Number)),
    ] {
        assert_eq!((section(text, false), section(text, true)), (outside, inside), "{text}");
    }
    let refs = parse_expression(b"a + DEFINED(b) + SIZEOF(.c) + d * .", Dialect::Bfd).expect("parses");
    let names: Vec<String> = refs.symbols_referenced().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "d"]);
}

#[test]
fn steps_know_their_place() {
    let s =
        script(Dialect::Bfd, "a = 1; SECTIONS { b = 2; .o : { c = .; LONG(d) } PROVIDE(e = f); } EXTERN(g)");
    let seen: Vec<(bool, String)> = steps(&s)
        .iter()
        .filter_map(|step| match step.kind {
            StepKind::Assign(a) => Some((step.inside.is_some(), a.name.text.to_string())),
            StepKind::Extern(name) => Some((false, name.text.to_string())),
            _ => None,
        })
        .collect();
    let expected = [(false, "a"), (false, "b"), (true, "c"), (false, "e"), (false, "g")];
    assert_eq!(seen, expected.map(|(i, n)| (i, n.to_owned())));
}

#[test]
fn numbers() {
    let number = |text: &str, dialect| {
        let value = parse_expression(text.as_bytes(), dialect).expect("parses");
        value.evaluate(Place { phase: Phase::Mark, inside: false, dot: 0 }, &World).map(|v| v.number)
    };
    for (text, expected) in [
        ("0x10 + 2K", 16 + 2048),
        ("$1f", 31),
        ("1fh", 31),
        ("101b", 5),
        ("17o", 15),
        ("010", 8),
        ("dead", 0),
        ("1 + 2 * 3 == 7 && !0", 1),
        ("10 - 2 - 3", 5),
        ("LOG2CEIL(9)", 4),
    ] {
        assert_eq!(number(text, Dialect::Bfd), Some(expected), "{text}");
    }
    assert_eq!(number("10H+1M", Dialect::Lld19), Some(16 + (1 << 20)));
}

#[test]
fn built_in_scripts() {
    let x86 = builtin("elf_x86_64", false);
    assert_eq!(x86.entry, Some("_start"));
    let table = KeepTable::new(&x86.script().expect("parses")).expect("compiles");
    for (name, kept) in [(".init_array.5", true), (".ctors", true), (".text", false), (".opd", false)] {
        let names = table.matches(name.as_bytes());
        assert_eq!(
            table.keeps(&mut table.file(FileName::plain(b"a.o")), &names, 2).is_some(),
            kept,
            "{name}"
        );
    }
    assert_eq!(builtin("elf32btsmip", false).entry, Some("__start"));
    assert!(builtin("elf32btsmip", false).keeps.contains(&".mdebug.abi32"));
    assert!(!builtin("elf64btsmip", false).keeps.contains(&".mdebug.abi32"));
    assert!(!builtin("elf32btsmipn32", true).keeps.contains(&".mdebug.abi32"));
    assert_eq!(builtin("elf_x86_64", true).keeps, [".init", ".fini", ".eh_frame", ".jcr", ".gnu.attributes"]);
}

#[test]
fn deep_and_long_input_is_refused_or_read() {
    for dialect in ALL {
        let deep = format!("x = {}1{};", "(".repeat(100_000), ")".repeat(100_000));
        assert!(parse(dialect, &deep).is_err());
        let groups = format!("INPUT({}", "AS_NEEDED(".repeat(100_000));
        assert!(parse(dialect, &groups).is_err());
    }
    let long = format!("x = 1{};", " + 1".repeat(100_000));
    let s = script(Dialect::Bfd, &long);
    assert_eq!(s.commands.len(), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for dialect in ALL {
            let _ = parse_script("x", bytes.clone(), Options { dialect, includes: &no_includes, assumed: false });
            let _ = parse_version_script("x", bytes.clone(), dialect);
            let _ = parse_dynamic_list("x", bytes.clone(), dialect);
            let _ = parse_expression(&bytes, dialect);
        }
    }

    #[test]
    fn any_words_are_survived(words in proptest::collection::vec(
        prop_oneof![
            Just("SECTIONS"), Just("{"), Just("}"), Just("("), Just(")"), Just(".a"), Just(":"), Just("KEEP"), Just("*"),
            Just("="), Just(";"), Just("EXCLUDE_FILE"), Just("SORT"), Just("OVERLAY"), Just("1"), Just("+"), Just("?"),
            Just("\"q\""), Just("global:"), Just("local"), Just("extern"), Just("\"C++\""), Just("AT"), Just(">"),
            Just("MEMORY"), Just("VERSION"), Just("INPUT"), Just("PHDRS"), Just(","), Just("[")
        ], 0..60)) {
        let text = words.join(" ");
        for dialect in ALL {
            if let Ok(s) = parse(dialect, &text) {
                let _ = KeepTable::new(&s);
                let _ = steps(&s).len() + walk::references(&s).len();
            }
            let _ = parse_version_script("x", text.clone().into_bytes(), dialect);
        }
    }

    #[test]
    fn the_set_agrees_with_its_patterns(
        patterns in proptest::collection::vec("[ab*?]{0,5}", 0..20), name in "[ab]{0,6}") {
        let mut set = PatternSet::new();
        for p in &patterns {
            set.push(Pattern::bfd_section(p.as_bytes()));
        }
        let one_by_one: Vec<u32> = (0u32..).zip(&patterns)
            .filter(|(_, p)| Pattern::bfd_section(p.as_bytes()).matches(name.as_bytes())).map(|(i, _)| i).collect();
        prop_assert_eq!(set.matching(name.as_bytes()), one_by_one);
    }
}

//! Scripts are read without loss: every statement of the text is in the tree, and every construct
//! places sections as the real linker does.
//!
//! `LINKSWEEP_SCRIPTS=DIR` names a folder with kernel and built-in scripts (`corpus/kernel-scripts.sh`
//! makes it), each of which must be read whole by GNU ld's grammar, those of kernels by lld's too.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use linksweep::script::expr::{Expr, Node};
use linksweep::script::{Dialect, Options, Script, StatementKind, no_includes, parse_script, walk};

use crate::builtin;
use crate::sizes::{differences, installed, run};

fn parse(path: &Path, text: &[u8], dialect: Dialect) -> Result<Script, String> {
    let options = Options { dialect, includes: &no_includes, assumed: false };
    parse_script(path, text.to_vec(), options).map_err(|e| e.to_string())
}

/// Text without comments, strings and preprocessor lines.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        out.push(' ');
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    out.lines().filter(|l| !l.starts_with('#')).collect::<Vec<_>>().join("\n")
}

fn count(text: &str, word: &str) -> usize {
    let is_word = |b: Option<char>| b.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    text.match_indices(word)
        .filter(|(at, _)| {
            !is_word(text[..*at].chars().next_back()) && text[at + word.len()..].trim_start().starts_with('(')
        })
        .count()
}

/// What the tree holds against what the text says: KEEPs, data statements, assertions.
fn losses(script: &Script, text: &str) -> Vec<String> {
    let text = bare(text);
    let outputs = walk::output_sections(script);
    let bodies = || outputs.iter().flat_map(|o| &o.section.body);
    let keeps = bodies().filter(|s| matches!(&s.kind, StatementKind::Input(i) if i.keep)).count();
    let data = bodies().filter(|s| matches!(s.kind, StatementKind::Data(..))).count();
    // ASSERT is a statement, or a value that is assigned.
    let inside = |e: &Expr| e.nodes.iter().filter(|n| matches!(n, Node::Assert(..))).count();
    let asserts: usize = walk::steps(script)
        .iter()
        .map(|s| match s.kind {
            walk::StepKind::Assert(_) => 1,
            walk::StepKind::Assign(a) => inside(&a.value),
            _ => 0,
        })
        .sum();
    let words = ["BYTE", "SHORT", "LONG", "QUAD", "SQUAD"].iter().map(|w| count(&text, w)).sum::<usize>();
    let mut lost = Vec::new();
    for (what, tree, written) in [
        ("KEEP", keeps, count(&text, "KEEP")),
        ("data", data, words),
        ("ASSERT", asserts, count(&text, "ASSERT")),
    ] {
        if tree != written {
            lost.push(format!("{what}: {tree} of {written}"));
        }
    }
    // Every description is found again in the text at the place that it names.
    for statement in bodies() {
        let at = script.text(statement.span);
        if at.is_empty() {
            lost.push("a statement without text".to_owned());
        }
    }
    lost
}

/// Scripts by name with the grammars that must read them: those printed by every installed GNU ld, and those of the
/// folder `LINKSWEEP_SCRIPTS`.
fn scripts() -> Vec<(PathBuf, String, &'static [Dialect])> {
    let mut out: Vec<(PathBuf, String, &[Dialect])> = Vec::new();
    for prefix in builtin::PREFIXES {
        let ld = format!("{prefix}ld.bfd");
        for emulation in builtin::emulations(&ld) {
            for flags in [&[][..], &["-pie"], &["-shared"], &["-r"]] {
                let text = builtin::printed(&ld, &emulation, flags);
                out.push((format!("{ld} {emulation} {flags:?}").into(), text, &[Dialect::Bfd]));
            }
        }
    }
    let Some(folder) = std::env::var_os("LINKSWEEP_SCRIPTS").map(PathBuf::from) else { return out };
    let named = out.len();
    for (sub, dialects) in [("", &[Dialect::Bfd, Dialect::Lld20][..]), ("ld", &[Dialect::Bfd])] {
        for entry in fs::read_dir(folder.join(sub)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "lds") || path.to_string_lossy().contains("386pe") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            out.push((path, text, dialects));
        }
    }
    assert!(out.len() > named, "no scripts in {}", folder.display());
    out
}

#[test]
fn kernel_and_built_in_scripts_are_read_whole() {
    let mut problems = String::new();
    let scripts = scripts();
    for (path, text, dialects) in &scripts {
        for dialect in *dialects {
            match parse(path, text.as_bytes(), *dialect) {
                Ok(script) => {
                    for loss in losses(&script, text) {
                        let _ = writeln!(problems, "{} {dialect:?}: {loss}", path.display());
                    }
                }
                Err(e) => drop(writeln!(problems, "{} {dialect:?}: {e}", path.display())),
            }
        }
    }
    assert!(!scripts.is_empty() || !installed("ld.bfd"), "nothing was read");
    assert!(problems.is_empty(), "{problems}");
}

/// Everything that GNU ld's grammar places sections with.
const BFD: &str = r#"
ENTRY(main)
SECTIONS {
  . = 0x10000;
  .first : { *a.o(.text.main) KEEP(*(EXCLUDE_FILE(*b.o) .keep*)) }
  .flags : { INPUT_SECTION_FLAGS(SHF_ALLOC & !SHF_WRITE & !SHF_EXECINSTR) *(.mix .mix.*) }
  .text ALIGN(32) : { *(SORT_BY_NAME(.text.z*) .text .text.*) } =0x90909090
  .ro : ONLY_IF_RO { *(.maybe .maybe.*) }
  .ro : ONLY_IF_RW { *(.maybe .maybe.*) . = ALIGN(16); }
  .mix : SUBALIGN(32) { *(.mix .mix.*) }
  .order : { *(SORT_BY_ALIGNMENT(SORT_BY_NAME(.order.*))) . = . + 3; BYTE(1) SHORT(2) LONG(3) QUAD(4) SQUAD(5) }
  OVERLAY 0x20000 : AT (0x30000) {
    .ov1 { *(.ov1) }
    .ov2 { *(.ov2) LONG(7) }
  }
  . = ALIGN(0x1000);
  .data : { _start_data = .; *(.data .data.*) . = ALIGN(DEFINED(main) ? 64 : 8); }
  _size = SIZEOF(.data) + ADDR(.data) - _start_data;
  . = . + _size;
  .bss : { *(.bss .bss.* COMMON) . = ALIGN(4); }
  .empty : { *(.nothing) }
  .moved : { *(.moved) }
  /DISCARD/ : { *(.comment) *(.note.*) *(.eh_frame) *(.gone) }
}
"#;

const INSERTED: &str = "SECTIONS { .mine : { *(.mix*) *(.text.other) LONG(1) } } INSERT AFTER .text;\n";

const SOURCE: &str = "
.macro put name, flags, bytes, align\n.section \\name,\"\\flags\"\n.balign \\align\n.skip \\bytes, 1\n.endm
put .text.main, ax, 13, 4\n.globl main\nmain:
put .keep1, a, 5, 2\nput .keep.two, a, 9, 8\nput .mix, a, 7, 4\nput .mix.w, aw, 6, 2\nput .mix.x, ax, 3, 1
put .text.zb, ax, 11, 16\nput .text.za, ax, 10, 2\nput .text.other, ax, 21, 1\nput .text, ax, 6, 4
put .maybe, a, 10, 4\nput .maybe.w, aw, 4, 4\nput .order.c, aw, 3, 1\nput .order.a, aw, 4, 8\nput .order.b, aw, 5, 8
put .ov1, aw, 100, 4\nput .ov2, aw, 60, 4\nput .data, aw, 17, 8\nput .data.x, aw, 3, 16\nput .moved, aw, 9, 4
put .orphan.text, ax, 12, 4\nput .orphan.data, aw, 14, 8\nput .gone, a, 4, 1\nput orphan_ro, a, 8, 8
.section .bss\n.skip 30\n.comm shared_block,40,16\n
";

#[test]
fn every_construct_places_as_the_linker_does() {
    if !installed("ld.bfd") || !installed("as") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("a.s"), SOURCE).unwrap();
    fs::write(
        dir.join("b.s"),
        SOURCE.replace(".globl main\nmain:", "").replace("shared_block", "other_block"),
    )
    .unwrap();
    for name in ["a", "b"] {
        run(dir, &["as", &format!("{name}.s"), "-o", &format!("{name}.o")]);
    }
    fs::write(dir.join("bfd.ld"), BFD).unwrap();
    fs::write(dir.join("insert.ld"), INSERTED).unwrap();
    // lld has no OVERLAY of this form and other alignment of data statements: the rest is the same.
    let overlay = BFD.find("  OVERLAY").unwrap();
    let end = BFD[overlay..].find("  }\n").unwrap() + overlay + 4;
    let mut lld = BFD.to_owned();
    lld.replace_range(overlay..end, "  .ov1 : { *(.ov1) }\n  .ov2 : { *(.ov2) LONG(7) }\n");
    // Orphans stand elsewhere in lld: nothing in here depends on addresses.
    let lld = lld
        .replace("QUAD(4) SQUAD(5)", "QUAD(4)")
        .replace("*(.maybe .maybe.*) . = ALIGN(16);", "*(.maybe .maybe.*)");
    fs::write(dir.join("lld.ld"), lld).unwrap();
    let mut problems = String::new();
    let links: [(&str, &str, bool); 5] = [
        ("ld.bfd", "bfd.ld", true),
        ("ld.bfd", "insert.ld", false),
        ("ld.lld-14", "lld.ld", false),
        ("ld.lld-19", "lld.ld", false),
        ("ld.lld-19", "insert.ld", false),
    ];
    for (linker, script, addresses) in links {
        if !installed(linker) {
            continue;
        }
        for gc in ["--no-gc-sections", "--gc-sections"] {
            let words = [linker, gc, "-e", "main", "-T", script, "a.o", "b.o", "-o", "out"];
            run(dir, &words);
            let (compared, found) = differences(&words, dir, "out", addresses);
            if !found.is_empty() || compared == 0 {
                let _ = writeln!(problems, "{linker} {gc} {script} ({compared} compared)\n{found}");
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

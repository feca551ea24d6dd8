//! Our rendition of GNU ld's built-in scripts against what every installed ld prints.

use std::fmt::Write as _;
use std::process::Command;

use linksweep::script::builtin_sections::{self, Kind};
use linksweep::script::{
    Assignment, Command as ScriptCommand, CommandKind, Dialect, Options, OutputSection, Script,
    StatementKind, no_includes, parse_script,
};

pub const PREFIXES: [&str; 7] = [
    "",
    "powerpc64le-linux-gnu-",
    "mips-linux-gnu-",
    "arm-linux-gnueabihf-",
    "aarch64-linux-gnu-",
    "riscv64-linux-gnu-",
    "s390x-linux-gnu-",
];

pub fn emulations(ld: &str) -> Vec<String> {
    let Ok(out) = Command::new(ld).arg("-V").output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if !text.contains("2.40") {
        return Vec::new();
    }
    let list = text.lines().skip_while(|l| !l.contains("emulations")).skip(1);
    // The PE emulations are not ELF.
    list.map(|l| l.trim().to_owned()).filter(|l| !l.is_empty() && !l.contains("386pe")).collect()
}

pub fn printed(ld: &str, emulation: &str, flags: &[&str]) -> String {
    let out = Command::new(ld).args(["-m", emulation]).args(flags).arg("--verbose").output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let rule = |l: &&str| !l.starts_with("======");
    text.lines().skip_while(rule).skip(1).take_while(rule).collect::<Vec<_>>().join("\n")
}

fn parse(text: &str) -> Script {
    let options = Options { dialect: Dialect::Bfd, includes: &no_includes, assumed: false };
    parse_script("printed", text.as_bytes().to_vec(), options).expect("a built-in script")
}

fn assignment(a: &Assignment) -> String {
    format!("{:?} {} = {:?}", a.kind, a.name.text, a.value.nodes)
}

/// A script's placing statements as lines, without spans and spelling.
fn canonical(commands: &[ScriptCommand], out: &mut String) {
    for command in commands {
        match &command.kind {
            CommandKind::Sections(body) => canonical(body, out),
            CommandKind::Assignment(a) => drop(writeln!(out, "{}", assignment(a))),
            CommandKind::OutputSection(section) => canonical_section(section, out),
            CommandKind::Entry(name) => drop(writeln!(out, "ENTRY {}", name.text)),
            _ => {}
        }
    }
}

fn canonical_section(section: &OutputSection, out: &mut String) {
    let nodes = |e: &Option<linksweep::script::expr::Expr>| e.as_ref().map(|e| e.nodes.clone());
    let _ = writeln!(
        out,
        "{} {:?} {:?} {:?} {:?} {:?}",
        section.name.text,
        nodes(&section.address),
        section.section_type.as_ref().map(|n| n.text.clone()),
        nodes(&section.align),
        section.constraint,
        nodes(&section.fill)
    );
    for statement in &section.body {
        match &statement.kind {
            StatementKind::Input(input) => {
                let _ =
                    write!(out, "    keep={} {:?}", input.keep, input.file.as_ref().map(|f| f.text.clone()));
                for pattern in &input.sections {
                    let excludes: Vec<_> = pattern.excludes.iter().map(|e| e.text.clone()).collect();
                    let _ = write!(out, " {}{:?}{:?}", pattern.name.text, pattern.sorts, excludes);
                }
                out.push('\n');
            }
            StatementKind::Assignment(a) => drop(writeln!(out, "    {}", assignment(a))),
            _ => {}
        }
    }
}

#[test]
fn built_in_scripts_are_those_of_the_installed_linkers() {
    let kinds: [(&[&str], Kind); 4] = [
        (&[], Kind::Executable),
        (&["-pie"], Kind::Pie),
        (&["-shared"], Kind::Shared),
        (&["-r"], Kind::Relocatable),
    ];
    let mut compared = 0;
    let mut problems = String::new();
    for prefix in PREFIXES {
        let ld = format!("{prefix}ld.bfd");
        for emulation in emulations(&ld) {
            for (flags, kind) in kinds {
                let theirs = printed(&ld, &emulation, flags);
                let ours = builtin_sections::sections(&emulation, kind, None).unwrap();
                let (mut a, mut b) = (String::new(), String::new());
                canonical(&parse(&theirs).commands, &mut a);
                canonical(&ours.commands, &mut b);
                compared += 1;
                if a != b {
                    let _ = writeln!(problems, "{ld} {emulation} {flags:?}");
                    for (one, two) in a.lines().zip(b.lines()).filter(|(x, y)| x != y).take(2) {
                        let _ = writeln!(problems, "  ld   {one}\n  ours {two}");
                    }
                }
            }
        }
    }
    let required = std::env::var_os("LINKSWEEP_REQUIRE_LINKERS").is_some();
    assert!(compared > 0 || !required, "no GNU ld 2.40 is installed");
    assert!(problems.is_empty(), "{compared} scripts compared:\n{problems}");
}

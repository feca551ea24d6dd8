//! `what-if` beside real links that were changed by hand: the same lines, in the same order.
//!
//! In: links built in memory, changes as options, and the same links with edited words, scripts or objects. Each
//! row is run with every installed linker that it names; without the linker the test is ignored by name.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "it/linkers.rs"]
mod linkers;

use std::path::Path;
use std::process::{Command, Stdio};

use fixture::archive::{Index, Member, archive};
use libtest_mimic::{Arguments, Failed, Trial};
use linkers::LinkerId::{self, Bfd, Gold, Lld14, Lld19, LldRustc, Mold};

const ALL: &[LinkerId] = &linkers::ALL;
/// Those that read KEEP.
const KEEPERS: &[LinkerId] = &[Bfd, Gold, Lld14, Lld19, LldRustc];
const LLDS: &[LinkerId] = &[Lld14, Lld19, LldRustc];
/// Those that add an INSERT script to their own rules.
const INSERTERS: &[LinkerId] = &[Bfd, Lld14, Lld19, LldRustc];

/// One change: options, and what the real linker is given instead of the link.
struct Row {
    name: &'static str,
    linkers: &'static [LinkerId],
    words: &'static str,
    changes: &'static [&'static str],
    relink: &'static str,
}

const fn row(
    name: &'static str,
    linkers: &'static [LinkerId],
    words: &'static str,
    changes: &'static [&'static str],
    relink: &'static str,
) -> Row {
    Row { name, linkers, words, changes, relink }
}

const ROWS: &[Row] = &[
    row("root/undefined", ALL, "-u extra main.o libx.a", &["--drop-root=extra"], "main.o libx.a"),
    row(
        "root/one_of_two",
        ALL,
        "-u extra -u foo main.o libx.a",
        &["--drop-root=extra"],
        "-u foo main.o libx.a",
    ),
    row("root/entry", ALL, "main.o libx.a -u other", &["--drop-root=_start"], "-e 0 main.o libx.a -u other"),
    row("root/other_entry", ALL, "-e other main.o libx.a", &["--drop-root=other"], "-e 0 main.o libx.a"),
    // As an object whose table is none.
    row(
        "root/constructor",
        ALL,
        "main.o ctor.o libx.a",
        &["--drop-root=starts"],
        "main.o ctor-without.o libx.a",
    ),
    row(
        "root/extern",
        KEEPERS,
        "-T extern.ld main.o two.o libx.a",
        &["--drop-root=extra"],
        "-T plain.ld main.o two.o libx.a",
    ),
    row(
        "root/export",
        ALL,
        "-shared main.o",
        &["--drop-root=dead_one"],
        "-shared --version-script=hide.map main.o",
    ),
    row(
        "keep/dropped",
        KEEPERS,
        "-T keep.ld main.o two.o libx.a",
        &["--drop-keep=.table"],
        "-T plain.ld main.o two.o libx.a",
    ),
    row(
        "keep/dropped_by_text",
        KEEPERS,
        "-T keep.ld main.o two.o libx.a",
        &["--drop-keep=* ( .table )"],
        "-T plain.ld main.o two.o libx.a",
    ),
    row(
        "keep/dropped_by_place",
        KEEPERS,
        "-T keep.ld main.o two.o libx.a",
        &["--drop-keep=keep.ld:4:14"],
        "-T plain.ld main.o two.o libx.a",
    ),
    row(
        "keep/added_around",
        KEEPERS,
        "-T plain.ld main.o two.o libx.a",
        &["--add-keep=*(.table)"],
        "-T keep.ld main.o two.o libx.a",
    ),
    row(
        "keep/added_by_name",
        KEEPERS,
        "-T plain.ld main.o two.o libx.a",
        &["--add-keep=.table"],
        "-T keep.ld main.o two.o libx.a",
    ),
    row(
        "keep/added_for_a_file",
        KEEPERS,
        "-T plain.ld main.o two.o libx.a",
        &["--add-keep=*two.o(.table)"],
        "-T keep-two.ld main.o two.o libx.a",
    ),
    row(
        "keep/added_to_own_rules",
        INSERTERS,
        "main.o two.o libx.a",
        &["--add-keep=.table .data.dead*"],
        "main.o two.o libx.a -T insert.ld",
    ),
    row(
        "keep/added_and_dropped",
        KEEPERS,
        "-T keep.ld main.o two.o libx.a",
        &["--drop-keep=.table", "--add-keep=.text.dead_*"],
        "-T dead.ld main.o two.o libx.a",
    ),
    row(
        "archive/whole",
        ALL,
        "main.o libx.a",
        &["--whole-archive=libx.a"],
        "main.o --whole-archive libx.a --no-whole-archive",
    ),
    row(
        "archive/one_of_two",
        ALL,
        "main.o libx.a liby.a",
        &["--whole-archive=*y.a"],
        "main.o libx.a --whole-archive liby.a",
    ),
    row(
        "archive/on_demand",
        ALL,
        "main.o --whole-archive libx.a liby.a",
        &["--on-demand=libx.a"],
        "main.o libx.a --whole-archive liby.a",
    ),
    row(
        "symbol/dropped",
        ALL,
        "--unresolved-symbols=ignore-all -e other main.o part.o",
        &["--drop-symbol=helper"],
        "--unresolved-symbols=ignore-all -e other main.o part-without.o",
    ),
    // Another member defines it too.
    row(
        "symbol/elsewhere",
        ALL,
        "--unresolved-symbols=ignore-all -e other main.o part.o libhelper.a",
        &["--drop-symbol=helper"],
        "--unresolved-symbols=ignore-all -e other main.o part-without.o libnone.a",
    ),
    row("cut/function", ALL, "main.o libx.a", &["--cut=_start,foo"], "main-without.o libx.a"),
    row(
        "cut/section",
        KEEPERS,
        "-T keep.ld main.o two.o libx.a",
        &["--cut=section:.table,section:.text.listed"],
        "-T keep.ld main.o two-without.o libx.a",
    ),
    row(
        "several",
        KEEPERS,
        "-T keep.ld -u extra main.o two.o libx.a liby.a",
        &["--drop-root=extra", "--drop-keep=.table", "--whole-archive=liby.a", "--cut=_start,foo"],
        "-T plain.ld main-without.o two.o libx.a --whole-archive liby.a",
    ),
];

/// Links whose files are named otherwise in the relink: pairs of names.
const RENAMED: [(&str, &str); 7] = [
    ("ctor-without.o", "ctor.o"),
    (".idle_array", ".init_array"),
    ("part-without.o", "part.o"),
    ("main-without.o", "main.o"),
    ("two-without.o", "two.o"),
    ("libnone.a", "libhelper.a"),
    ("keep-two.ld", "keep.ld"),
];

fn script(table: &str, text: &str, head: &str) -> String {
    format!(
        "{head}SECTIONS\n{{\n  .text : {{ {text} *(.text .text.*) }}\n  .table : {{ {table} }}\n  .data : {{ *(.data .data.*) }}\n}}\n"
    )
}

fn files(dir: &Path) {
    let object = |lines: &[&str]| fixture::object::object(&[], lines).unwrap().write();
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(dir.join(name), bytes).unwrap();
    let main = ["fn dead_one: dead_data", "data dead_data", "fn other: helper", "data used_data"];
    let with = |first: &'static str| [&[first][..], &main].concat();
    write("main.o", object(&with("fn _start: foo used_data")));
    write("main-without.o", object(&[&["fn _start: used_data", "undef foo"][..], &main].concat()));
    let two = ["fn listed", "fn unlisted", "sec .table aw: listed"];
    write("two.o", object(&two));
    write("two-without.o", object(&["fn listed", "fn unlisted", "sec .table aw"]));
    let ctor = ["fn starts: starts_data", "data starts_data", "fn ends"];
    write(
        "ctor.o",
        object(
            &[&ctor[..], &["sec .init_array aw type=14: starts", "sec .fini_array aw type=15: ends"]]
                .concat(),
        ),
    );
    write(
        "ctor-without.o",
        object(&[&ctor[..], &["sec .idle_array aw: starts", "sec .fini_array aw type=15: ends"]].concat()),
    );
    write("part.o", object(&["fn helper: helper_data", "data helper_data", "fn spare: helper"]));
    write(
        "part-without.o",
        object(&[
            "section .text.helper ax",
            "def gone func",
            "call helper_data",
            "data helper_data",
            "fn spare: helper",
        ]),
    );
    let member = |name: &str, lines: &[&str], symbols: &[&str]| Member {
        name: name.into(),
        data: object(lines),
        symbols: symbols.iter().map(|s| s.to_string()).collect(),
        origin: None,
    };
    let taken = member(
        "foo.o",
        &["fn foo: foo_data", "data foo_data", "fn foo_unused"],
        &["foo", "foo_data", "foo_unused"],
    );
    let extra = member(
        "extra.o",
        &["fn extra: extra_data", "data extra_data", "sec .table aw: extra"],
        &["extra", "extra_data"],
    );
    let lonely = member(
        "lonely.o",
        &["fn lonely: foo", "fn lonely_unused", "sec .init_array aw type=14: lonely"],
        &["lonely"],
    );
    write("libx.a", archive(false, Index::Gnu, None, &[taken, extra, lonely]));
    let y = member("y.o", &["fn yy: extra", "fn y_unused", "sec .init_array aw type=14: yy"], &["yy"]);
    write("liby.a", archive(false, Index::Gnu, None, &[y]));
    let helper = member(
        "h.o",
        &["fn helper: helper_own", "data helper_own", "fn init_h", "sec .init_array aw type=14: init_h"],
        &["helper"],
    );
    write("libhelper.a", archive(false, Index::Gnu, None, &[helper]));
    let none = member(
        "h.o",
        &[
            "section .text.helper ax",
            "def gone_too func",
            "call helper_own",
            "data helper_own",
            "fn init_h",
            "sec .init_array aw type=14: init_h",
        ],
        &["gone_too"],
    );
    write("libnone.a", archive(false, Index::Gnu, None, &[none]));
    let text = |name: &str, text: String| write(name, text.into_bytes());
    text("plain.ld", script("*(.table)", "", ""));
    text("keep.ld", script("KEEP(*(.table))", "", ""));
    text("keep-two.ld", script("KEEP(*two.o(.table)) *(.table)", "", ""));
    text("dead.ld", script("*(.table)", "KEEP(*(.text.dead_*))", ""));
    text("extern.ld", script("*(.table)", "", "EXTERN(extra)\n"));
    text("insert.ld", "SECTIONS { .kept : { KEEP(*(.table .data.dead*)) } } INSERT AFTER .data;\n".into());
    text("hide.map", "{ local: dead_one; };\n".into());
}

fn ours(dir: &Path, linker: LinkerId, row: &Row) -> Result<Vec<String>, Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linksweep"));
    command.args(["what-if", "-q", "--format=linker"]).arg(format!("--linker={}", linker.profile()));
    command.args(row.changes).args(["--", "ld", "--gc-sections"]).args(row.words.split(' '));
    let out = command.current_dir(dir).stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&out.stderr);
    if out.status.code().is_none_or(|code| code != 0 && out.stdout.is_empty()) {
        return Err(format!("{} ended with {:?}: {said}", row.name, out.status.code()).into());
    }
    let mut lines: Vec<String> = String::from_utf8_lossy(&out.stdout).lines().map(str::to_string).collect();
    if linker == Mold {
        lines.sort();
    }
    Ok(lines)
}

fn check(row: &Row, linker: LinkerId) -> Result<(), Failed> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    files(dir.path());
    let ours = ours(dir.path(), linker, row)?;
    let words: Vec<String> = row.relink.split(' ').map(str::to_string).collect();
    let real = linker.link("", dir.path(), &words, false)?;
    let plain = |line: &String| RENAMED.iter().fold(line.clone(), |l, (from, to)| l.replace(from, to));
    let mut theirs: Vec<String> = real.lines.iter().map(plain).collect();
    if linker == Mold {
        theirs.sort();
    }
    if theirs.is_empty() {
        return Err(format!("the linker removes nothing: {}", real.raw).into());
    }
    let before =
        linker.link("", dir.path(), &row.words.split(' ').map(str::to_string).collect::<Vec<_>>(), false)?;
    if before.lines == theirs {
        return Err("the change changes nothing".into());
    }
    match ours == theirs {
        true => Ok(()),
        false => {
            Err(format!("ours:\n  {}\nthe linker's:\n  {}", ours.join("\n  "), theirs.join("\n  ")).into())
        }
    }
}

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for row in ROWS {
        for &linker in row.linkers {
            let absent = linker.program("").is_none();
            let test = move || check(row, linker);
            trials
                .push(Trial::test(format!("{} {}", row.name, linker.name()), test).with_ignored_flag(absent));
        }
    }
    libtest_mimic::run(&args, trials).exit();
}

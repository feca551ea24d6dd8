//! The small kernel of `corpus/minikernel`, built by gcc and GNU ld in every era: what the program says
//! of its tree beside what the linker and the build themselves left there.
//!
//! Trees are built here, once each; without the tools every test is ignored by name.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

type Outcome = Result<(), Failed>;

const ERAS: [&str; 4] = ["48", "61", "65", "71"];

fn installed(tool: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|dir| dir.join(tool).is_file())
}

fn told(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}").into()) }
}

fn check(right: bool, what: impl FnOnce() -> String) -> Outcome {
    if right { Ok(()) } else { Err(what().into()) }
}

/// A built tree.
struct Tree(tempfile::TempDir);

impl Tree {
    fn build(settings: &[&str]) -> Result<Tree, Failed> {
        let dir = tempfile::tempdir().map_err(|e| format!("a folder for the tree: {e}"))?;
        let out = build(&dir.path().join("tree"), settings)?;
        check(out.status.success(), || format!("build.sh {settings:?}: {}", told(&out)))?;
        Ok(Tree(dir))
    }

    /// One to change: a copy of the usual tree of an era.
    fn copy(era: &str) -> Result<Tree, Failed> {
        let usual = usual(era)?;
        let dir = tempfile::tempdir().map_err(|e| format!("a folder for the tree: {e}"))?;
        let tree = Tree(dir);
        let to = tree.path().display().to_string();
        let out = usual.tool("cp", &["-r", ".", &to])?;
        check(out.status.success(), || told(&out))?;
        Ok(tree)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    fn tool(&self, tool: &str, words: &[&str]) -> Result<Output, Failed> {
        let mut command = Command::new(tool);
        command.args(words).current_dir(self.path()).env("LC_ALL", "C").stdin(Stdio::null());
        command.output().map_err(|e| format!("{tool}: {e}").into())
    }

    /// Runs `linksweep COMMAND --kbuild . WORDS`, which must end with `code`; returns standard output.
    fn run(&self, command: &str, words: &[&str], code: i32) -> Result<String, Failed> {
        let all = [&[command, "--kbuild", "."][..], words].concat();
        let out = self.tool(env!("CARGO_BIN_EXE_linksweep"), &all)?;
        let ended = out.status.code();
        check(ended == Some(code), || format!("{all:?} ended with {ended:?}, not {code}:\n{}", told(&out)))?;
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// The same as JSON, which must name its schema.
    fn json(&self, command: &str, words: &[&str], code: i32) -> Result<Value, Failed> {
        let text = self.run(command, &[&["--format=json"], words].concat(), code)?;
        let value: Value = serde_json::from_str(&text).map_err(|e| format!("{command}: {e}: {text}"))?;
        same("schema", &value["schema"], &format!("linksweep.{command}/1").into())?;
        Ok(value)
    }

    fn text(&self, path: &str) -> Result<String, Failed> {
        std::fs::read_to_string(self.path().join(path)).map_err(|e| format!("{path}: {e}").into())
    }

    fn write(&self, path: &str, text: &str) -> Outcome {
        std::fs::write(self.path().join(path), text).map_err(|e| format!("{path}: {e}").into())
    }
}

fn build(tree: &Path, settings: &[&str]) -> Result<Output, Failed> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/minikernel/build.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(tree).args(settings).stdin(Stdio::null());
    command.output().map_err(|e| format!("bash: {e}").into())
}

/// The tree of an era as it is built by default; built once, read only.
fn usual(era: &str) -> Result<&'static Tree, Failed> {
    static TREES: [OnceLock<Result<Tree, String>>; 4] = [const { OnceLock::new() }; 4];
    let at = ERAS.iter().position(|e| *e == era).ok_or("no such era")?;
    let make = || Tree::build(&[&format!("era={era}")]).map_err(|e| e.message().unwrap_or_default().into());
    TREES[at].get_or_init(make).as_ref().map_err(|e| e.clone().into())
}

fn strings(value: &Value, list: &str, key: &str) -> Vec<String> {
    let rows = value[list].as_array().into_iter().flatten();
    rows.map(|row| row[key].as_str().unwrap_or("?").to_string()).collect()
}

fn findings(value: &Value, id: &str) -> Vec<String> {
    let rows = value["findings"].as_array().into_iter().flatten();
    rows.filter(|f| f["id"] == id).map(|f| f["level"].as_str().unwrap_or("?").to_string()).collect()
}

/// The linker agrees with the plan, and the plan with the link that was made.
fn verified(tree: &Tree) -> Outcome {
    let text = tree.run("verify", &[], 0)?;
    let lines: Vec<&str> = text.lines().collect();
    check(lines.len() == 2 && lines.iter().all(|l| l.starts_with("identical: ")), || text.clone())?;
    let real = tree.text("link")?;
    // Without collection the linker prints nothing, and the program tells what would happen.
    let real = format!("{} --gc-sections --print-gc-sections -o again", real.trim_end());
    let out = tree.tool("sh", &["-c", &real])?;
    check(out.status.success(), || told(&out))?;
    let dropped = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|l| l.split_once("removing unused section "));
        lines.map(|(_, what)| what.to_string()).collect()
    };
    let ours = dropped(&tree.run("gc", &["--format=linker"], 0)?);
    check(!ours.is_empty(), || "nothing is dropped".into())?;
    same("dropped by the link that was made", &ours, &dropped(&told(&out)))
}

fn verify_usual(era: &str) -> Outcome {
    verified(usual(era)?)
}

/// Tables that the script forgets to keep.
fn keep(tree: &Tree, level: &str, tables: &[&str]) -> Outcome {
    let value = tree.json("keep", &[], if level == "error" && !tables.is_empty() { 1 } else { 0 })?;
    let mut lost = strings(&value, "lost", "table");
    lost.sort();
    same("lost tables", &lost, &tables.iter().map(|t| t.to_string()).collect())?;
    same("findings", &findings(&value, "LSW001"), &vec![level.to_string(); tables.len()])?;
    let text = tree.run("keep", &[], if level == "error" && !tables.is_empty() { 1 } else { 0 })?;
    let patch = text.find("\n--- a/arch/x86/kernel/vmlinux.lds\n+++ b/arch/x86/kernel/vmlinux.lds\n@@");
    same("a patch", &patch.is_some(), &!tables.is_empty())
}

const FORGOTTEN: [&str; 2] = [".taglist.init", "__barrier_fixup"];

fn keep_some(era: &str) -> Outcome {
    keep(usual(era)?, "error", &FORGOTTEN)
}

/// The proposed patch is what the audit wants: applied, nothing is lost, and the linker drops less.
fn keep_patched() -> Outcome {
    let tree = Tree::copy("61")?;
    let text = tree.run("keep", &[], 1)?;
    let from = text.find("\n--- a/").ok_or("no patch")?;
    let patch: Vec<&str> = text[from + 1..].lines().take_while(|l| !l.is_empty()).collect();
    let path = "arch/x86/kernel/vmlinux.lds";
    let mut script = tree.text(path)?;
    let of = |mark: char| patch.iter().skip(2).filter_map(move |l| l.strip_prefix(mark));
    same("changed lines", &(of('-').count(), of('+').count()), &(2, 2))?;
    for (old, new) in of('-').zip(of('+')) {
        check(script.contains(old), || format!("{old} does not stand in the script"))?;
        script = script.replace(old, new);
    }
    tree.write(path, &script)?;
    keep(&tree, "error", &[])?;
    verified(&tree)
}

fn keep_all() -> Outcome {
    let tree = Tree::build(&["era=71", "keep=all"])?;
    keep(&tree, "error", &[])?;
    verified(&tree)
}

fn keep_without_collection() -> Outcome {
    let tree = Tree::build(&["era=65", "dce=n"])?;
    keep(&tree, "note", &FORGOTTEN)?;
    let text = tree.run("verify", &[], 0)?;
    check(text.lines().all(|l| l.starts_with("identical: ")), || text.clone())
}

/// Name to module, class and namespace.
type Exports = BTreeMap<String, (String, String, String)>;

fn symvers(text: &str) -> Exports {
    let row = |line: &str| {
        let mut words = line.split('\t').skip(1).map(str::to_string);
        let mut next = || words.next().unwrap_or_default();
        let (name, module, class) = (next(), next(), next());
        (name, (module, class, next()))
    };
    text.lines().map(row).collect()
}

/// The exports that the answer has as linked, in the same form.
fn linked(value: &Value, namespaces: bool) -> Exports {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let rows = value["exports"].as_array().into_iter().flatten().filter(|e| e["state"] == "linked");
    let row = |e: &Value| {
        let module = match e["module"] == true {
            true => text(&e["file"]).trim_end_matches(".ko").to_string(),
            false => "vmlinux".to_string(),
        };
        let namespace = if namespaces { text(&e["namespace"]) } else { String::new() };
        (text(&e["name"]), (module, text(&e["licence"]), namespace))
    };
    rows.map(row).collect()
}

fn state<'v>(value: &'v Value, name: &str) -> &'v str {
    let mut rows = value["exports"].as_array().into_iter().flatten();
    rows.find(|e| e["name"] == name).and_then(|e| e["state"].as_str()).unwrap_or("absent")
}

fn exports(era: &str) -> Outcome {
    let tree = usual(era)?;
    let demand = era == "48";
    let value = tree.json("exports", &[], demand.into())?;
    let listed = symvers(&tree.text("Module.symvers")?);
    same("number of exports", &listed.len(), &if demand { 7 } else { 8 })?;
    same("exports", &linked(&value, !demand), &listed)?;
    // The library member whose only user is a module. Up to 6.4 it is lost wherever the library is linked on
    // demand; the tables that modpost makes since 6.5 ask for it, once made.
    let tables = matches!(era, "65" | "71");
    let value = tree.json("exports", &["--on-demand=*lib/lib.a"], i32::from(!tables))?;
    same("its state", &state(&value, "lib_memcat_p"), &if tables { "linked" } else { "not-linked" })?;
    same("number not linked", &value["totals"]["not_linked"], &i32::from(!tables).into())?;
    let expected = if tables { Vec::new() } else { vec!["error".to_string()] };
    same("findings", &findings(&value, "LSW003"), &expected)?;
    let asked = tree.run("extract", &["--on-demand=*lib/lib.a", "--format=linker"], 0)?;
    same("its extraction", &asked.contains("memcat.o"), &tables)?;
    let value = tree.json("exports", &["--whole-archive=*lib/lib.a"], 0)?;
    same("whole", &value["totals"]["linked"], &8.into())
}

/// A library on demand in fact, where it is whole by default.
fn exports_on_demand() -> Outcome {
    let tree = Tree::build(&["era=65", "libs=demand"])?;
    verified(&tree)?;
    let value = tree.json("exports", &[], 1)?;
    same("not linked", &state(&value, "lib_memcat_p"), &"not-linked")?;
    let value = tree.json("undefined", &["--module=drivers/pair.ko"], 1)?;
    same("cause", &strings(&value, "symbols", "cause"), &vec!["export-not-linked".to_string()])
}

/// From 6.5 on a record without an entry in modpost's tables is a trimmed export.
fn exports_trimmed(era: &str) -> Outcome {
    let tree = Tree::copy(era)?;
    for path in [".vmlinux.export.S", "Module.symvers"] {
        let text = tree.text(path)?;
        let left: Vec<&str> = text.lines().filter(|l| !l.contains("bus_unregister")).collect();
        check(left.len() < text.lines().count(), || format!("{path} has no bus_unregister"))?;
        tree.write(path, &format!("{}\n", left.join("\n")))?;
    }
    let out = tree.tool("gcc", &["-c", "-o", ".vmlinux.export.o", ".vmlinux.export.S"])?;
    check(out.status.success(), || told(&out))?;
    let value = tree.json("exports", &[], 0)?;
    same("trimmed", &state(&value, "bus_unregister"), &"trimmed")?;
    same("number trimmed", &value["totals"]["trimmed"], &1.into())?;
    same("exports", &linked(&value, true), &symvers(&tree.text("Module.symvers")?))?;
    let value = tree.json("undefined", &["--module=drivers/pair.ko"], 1)?;
    same("cause", &strings(&value, "symbols", "cause"), &vec!["trimmed".to_string()])
}

fn undefined(era: &str) -> Outcome {
    let tree = usual(era)?;
    let value = tree.json("undefined", &["--module=drivers/broken.ko"], 1)?;
    let rows = value["symbols"].as_array().into_iter().flatten();
    let text = |v: &Value| v.as_str().unwrap_or("-").to_string();
    let mut rows: Vec<_> = rows.map(|r| (text(&r["name"]), text(&r["cause"]), text(&r["near"]))).collect();
    rows.sort();
    let expected = [
        ("bus_debug_dump", "not-exported", "-"),
        ("bus_regster", "not-defined", "bus_register"),
        ("never_written", "not-defined", "-"),
    ];
    same("symbols", &rows, &expected.map(|(a, b, c)| (a.into(), b.into(), c.into())).to_vec())?;
    same("findings", &findings(&value, "LSW004"), &vec!["error".to_string(); 3])?;
    let value = tree.json("undefined", &["--module=drivers/clockdev.ko"], 0)?;
    same("clockdev", &strings(&value, "symbols", "name"), &Vec::new())?;
    // Its other part needs the library member that 4.8 does not link.
    let lacks: Vec<String> = if era == "48" { vec!["lib_memcat_p".into()] } else { Vec::new() };
    let value = tree.json("undefined", &["--module=drivers/pair.ko"], i32::from(era == "48"))?;
    same("pair", &strings(&value, "symbols", "name"), &lacks)
}

/// `e_shnum` of a 64-bit little-endian file.
fn headers(tree: &Tree, path: &str) -> Result<u64, Failed> {
    let bytes = std::fs::read(tree.path().join(path)).map_err(|e| format!("{path}: {e}"))?;
    let field = bytes.get(60..62).and_then(|b| b.try_into().ok()).ok_or("no file header")?;
    Ok(u16::from_le_bytes(field).into())
}

/// Section counts are those of the files that the build left.
fn sections(era: &str) -> Outcome {
    let tree = usual(era)?;
    let value = tree.json("sections", &[], 0)?;
    let images = value["images"].as_array().ok_or("no images")?;
    for image in images {
        let name = image["name"].as_str().unwrap_or("?");
        same(name, &image["headers"], &headers(tree, name)?.into())?;
    }
    // Where nothing records how vmlinux.o was made, it is not counted.
    let expected = if era == "48" { 4 } else { 5 };
    same("images", &images.len(), &expected)
}

/// The removed lines of the link that was made, after an edit of its script.
fn relinked(era: &str, edit: impl Fn(&str) -> String) -> Result<Vec<String>, Failed> {
    let tree = Tree::copy(era)?;
    let path = "arch/x86/kernel/vmlinux.lds";
    let script = tree.text(path)?;
    let edited = edit(&script);
    check(edited != script, || "the edit changes nothing".into())?;
    tree.write(path, &edited)?;
    let link = tree.text("link")?;
    let out =
        tree.tool("sh", &["-c", &format!("{} --gc-sections --print-gc-sections -o again", link.trim_end())])?;
    let text = told(&out);
    let lines = text.lines().filter_map(|l| l.split_once("removing unused section "));
    Ok(lines.map(|(_, what)| what.to_string()).collect())
}

/// The changed link is the edited script's.
fn what_if(era: &str) -> Outcome {
    let tree = usual(era)?;
    let before = tree.run("gc", &["--format=linker"], 0)?.lines().count();
    let same_as = |words: &[&str], edit: &dyn Fn(&str) -> String| -> Outcome {
        let ours = tree.run("what-if", &[&["--format=linker"], words].concat(), 0)?;
        let lines = ours.lines().filter_map(|l| l.split_once("removing unused section "));
        let ours: Vec<String> = lines.map(|(_, what)| what.to_string()).collect();
        check(ours.len() != before, || format!("{words:?} changes nothing"))?;
        same(&format!("{words:?}"), &ours, &relinked(era, edit)?)
    };
    let unkept = |tables: &'static [&'static str]| {
        move |script: &str| {
            tables
                .iter()
                .fold(script.to_string(), |s, t| s.replace(&format!("KEEP(*({t}))"), &format!("*({t})")))
        }
    };
    same_as(&["--drop-keep=__feature_fixup"], &unkept(&["__feature_fixup"]))?;
    same_as(
        &["--drop-keep=___ksymtab*", "--drop-keep=*( .pci_fixup )"],
        &unkept(&["SORT(___ksymtab+*)", "SORT(___ksymtab_gpl+*)", ".pci_fixup"]),
    )?;
    let kept = |script: &str| script.replace("*(__barrier_fixup)", "KEEP(*(__barrier_fixup))");
    same_as(&["--add-keep=__barrier_fixup"], &kept)?;
    same_as(&["--add-keep=*(__barrier_fixup)"], &kept)?;
    let some = |script: &str| {
        ["symtab", "symtab_gpl", "crctab", "flagstab"].iter().fold(script.to_string(), |s, table| {
            let all = format!("KEEP(*(SORT(___k{table}+*)))");
            s.replace(&all, &format!("KEEP(*(SORT(___k{table}+[!b]*))) *(SORT(___k{table}+*))"))
        })
    };
    same_as(&["--drop-export=b*"], &some)?;
    tree.write("names", "lib_checksum\nclock_now\n")?;
    let only = |script: &str| {
        ["symtab", "symtab_gpl", "crctab", "flagstab"].iter().fold(script.to_string(), |s, table| {
            let all = format!("KEEP(*(SORT(___k{table}+*)))");
            let kept =
                format!("KEEP(*(___k{table}+lib_checksum ___k{table}+clock_now)) *(SORT(___k{table}+*))");
            s.replace(&all, &kept)
        })
    };
    same_as(&["--only-exports=names"], &only)
}

/// All findings at once: the tables, the module that cannot be loaded, and in 4.8 the library member.
fn check_all(era: &str) -> Outcome {
    let tree = usual(era)?;
    let value = tree.json("check", &[], 1)?;
    for (id, count) in
        [("LSW001", 2), ("LSW003", usize::from(era == "48")), ("LSW004", 3 + usize::from(era == "48"))]
    {
        same(id, &findings(&value, id), &vec!["error".to_string(); count])?;
    }
    Ok(())
}

/// Two trees that differ in two KEEPs: `diff` names both, and the change is that of the built images.
fn diff_of_a_keep() -> Outcome {
    let old = Tree::build(&["era=61", "keep=some"])?;
    let new = Tree::build(&["era=61", "keep=all"])?;
    let program = env!("CARGO_BIN_EXE_linksweep");
    let path = |tree: &Tree, file: &str| tree.path().join(file).display().to_string();
    let compared = |from: &str, to: &str| -> Result<Value, Failed> {
        let out = old.tool(program, &["diff", from, to, "-q", "--format=json"])?;
        check(out.status.success(), || told(&out))?;
        Ok(serde_json::from_slice(&out.stdout)?)
    };
    let value = compared(&path(&old, ""), &path(&new, ""))?;
    let causes = value["causes"].as_array().ok_or("no causes")?;
    for cause in causes {
        same("step", &(&cause["change"], &cause["step"]), &(&"new".into(), &"root".into()))?;
    }
    for table in ["KEEP(*(.taglist.init))", "KEEP(*(__barrier_fixup))"] {
        let named = |c: &Value| c["name"].as_str().is_some_and(|n| n.contains(table));
        check(causes.iter().any(named), || format!("{table}: {value}"))?;
    }
    let images = compared(&path(&old, "vmlinux"), &path(&new, "vmlinux"))?;
    same("change", &value["change"], &images["change"])
}

/// A combination that no kernel has is refused in plain words.
fn refused() -> Outcome {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let out = build(&dir.path().join("tree"), &["era=48", "libs=whole"])?;
    same("exit status", &out.status.code(), &Some(2))?;
    check(told(&out).contains("on demand alone"), || told(&out))
}

fn main() {
    let args = Arguments::from_args();
    let tools = ["bash", "gcc", "cpp", "ld", "ar", "nm", "readelf", "size", "sed"];
    // The sources are written for x86-64.
    let ready = cfg!(target_arch = "x86_64") && tools.iter().all(|tool| installed(tool));
    let mut trials = Vec::new();
    let mut add = |name: String, test: Box<dyn FnOnce() -> Outcome + Send>| {
        trials.push(Trial::test(name, test).with_ignored_flag(!ready));
    };
    add("diff/keep".into(), Box::new(diff_of_a_keep));
    for era in ERAS {
        add(format!("verify/{era}"), Box::new(move || verify_usual(era)));
        add(format!("keep/{era}"), Box::new(move || keep_some(era)));
        add(format!("exports/{era}"), Box::new(move || exports(era)));
        add(format!("undefined/{era}"), Box::new(move || undefined(era)));
        add(format!("sections/{era}"), Box::new(move || sections(era)));
        add(format!("what_if/{era}"), Box::new(move || what_if(era)));
        add(format!("check/{era}"), Box::new(move || check_all(era)));
    }
    for era in ["65", "71"] {
        add(format!("exports/trimmed/{era}"), Box::new(move || exports_trimmed(era)));
    }
    add("exports/on_demand".into(), Box::new(exports_on_demand));
    add("keep/all".into(), Box::new(keep_all));
    add("keep/patched".into(), Box::new(keep_patched));
    add("keep/without_collection".into(), Box::new(keep_without_collection));
    add("refused".into(), Box::new(refused));
    libtest_mimic::run(&args, trials).exit();
}

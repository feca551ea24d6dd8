//! The line made ready to be run for comparison: our own output file, nothing else written.
//!
//! In: a plan and the files that the run may write. Out: the words for the modelled linker, program
//! excluded. `-o`, maps, dependency files and everything that only prints are dropped;
//! `--gc-sections --print-gc-sections` and what reports extraction are added (cli.md 2, `verify`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::options::{self, Dashes, Kind, Matched, Meaning, Opt, Taken};
use super::parse::{Item, split};
use super::{Flavor, LinkPlan, response};
use crate::error::Result;

/// The files that a run may write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFiles {
    /// `-o`.
    pub output: PathBuf,
    /// The map that tells of extraction (bfd, gold), if wanted.
    pub map: Option<PathBuf>,
    /// `--why-extract` (lld), if wanted.
    pub why_extract: Option<PathBuf>,
}

/// The words for running the plan's linker again, without the program.
///
/// # Errors
/// As [`super::parse_command`]: the line was accepted before, so only a vanished response file.
pub fn rewrite_for_run(plan: &LinkPlan, files: &RunFiles) -> Result<Vec<OsString>> {
    let words = response::expand(plan.written_for.flavor, &plan.words, &plan.directory)?;
    let mut notes = Vec::new();
    let arguments = split(plan.written_for, plan.profile, &words, &mut notes)?;
    let mut out = Vec::with_capacity(words.len() + 8);
    for argument in arguments {
        match argument.item {
            Item::Input(name) => out.push(name),
            Item::Option(option) if dropped(option.meaning) => {}
            Item::Option(option) => spell(plan, &option, &mut out),
        }
    }
    if plan.gc_sections != Some(false) {
        out.push("--gc-sections".into());
    }
    out.push("--print-gc-sections".into());
    out.push("--no-demangle".into());
    let with = |option: &str, path: &PathBuf| {
        let mut word = OsString::from(option);
        word.push(path);
        word
    };
    if let Some(map) = files.map.as_ref().filter(|_| plan.profile.flavor != Flavor::Mold) {
        out.push(with("-Map=", map));
    }
    if let Some(file) = files.why_extract.as_ref().filter(|_| plan.profile.flavor == Flavor::Lld) {
        out.push(with("--why-extract=", file));
    }
    out.push("-o".into());
    out.push(files.output.clone().into());
    Ok(out)
}

fn dropped(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Output
            | Meaning::Print
            | Meaning::WriteFile
            | Meaning::PrintGcSections(_)
            | Meaning::Refuse(_)
    )
}

/// Writes an option in a form that the modelled linker takes apart into just this option.
fn spell(plan: &LinkPlan, option: &Matched, out: &mut Vec<OsString>) {
    let table: &[Opt] = match plan.profile.flavor {
        Flavor::Bfd => options::bfd::options(),
        Flavor::Gold => options::gold::options(),
        Flavor::Lld => options::lld::options(plan.profile.version),
        Flavor::Mold => options::mold::options(),
    };
    let same_name = table.iter().filter(|o| o.name == option.name && o.meaning == option.meaning);
    let same_meaning = table.iter().filter(|o| o.meaning == option.meaning && o.meaning != Meaning::Ignore);
    let any_name = table.iter().filter(|o| o.name == option.name);
    for candidate in same_name.chain(same_meaning).chain(any_name) {
        for words in spellings(candidate, option.value.as_deref()) {
            if let Taken::Options(taken, used) = options::take(plan.profile, &words, 0)
                && used == words.len()
                && let [only] = taken.as_slice()
                && (only.meaning == option.meaning || candidate.meaning == only.meaning)
                && only.value == option.value
            {
                out.extend(words);
                return;
            }
        }
    }
}

/// The ways to write an option.
fn spellings(option: &Opt, value: Option<&[u8]>) -> Vec<Vec<OsString>> {
    let dashes: &[&str] = match option.dashes {
        Dashes::One => &["-"],
        Dashes::Two => &["--"],
        Dashes::Any => &["--", "-"],
    };
    let mut all = Vec::new();
    for dash in dashes {
        let name = format!("{dash}{}", option.name);
        let word = |middle: &str, value: &[u8]| {
            OsString::from_vec([name.as_bytes(), middle.as_bytes(), value].concat())
        };
        match value {
            None => all.push(vec![OsString::from(&name)]),
            Some(value) => {
                if !matches!(option.kind, Kind::Flag | Kind::Joined) {
                    all.push(vec![word("=", value)]);
                    all.push(vec![OsString::from(&name), OsStr::from_bytes(value).to_os_string()]);
                }
                all.push(vec![word("", value)]);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::{Overrides, parse_command};
    use super::*;

    fn rewritten(words: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let plan = parse_command(&words, &Overrides::default()).unwrap();
        let files =
            RunFiles { output: "OUT".into(), map: Some("MAP".into()), why_extract: Some("WHY".into()) };
        let words = rewrite_for_run(&plan, &files).unwrap();
        words.into_iter().map(|w| w.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn own_output_and_nothing_else_written() {
        let words = [
            "ld.bfd",
            "-o",
            "x",
            "-Map=m",
            "a.o",
            "-tM",
            "-sM",
            "--cref",
            "-Lq",
            "-l",
            "c",
            "-zdefs",
            "--gc-sec",
            "--dependency-file",
            "d",
            "-e",
            "f",
        ];
        assert_eq!(
            rewritten(&words),
            [
                "a.o",
                "-s",
                "-L",
                "q",
                "-l",
                "c",
                "-z",
                "defs",
                "--gc-sections",
                "-e",
                "f",
                "--gc-sections",
                "--print-gc-sections",
                "--no-demangle",
                "-Map=MAP",
                "-o",
                "OUT"
            ]
        );
    }

    #[test]
    fn per_linker() {
        assert_eq!(
            rewritten(&["ld.lld", "a.o", "--no-gc-sections", "--why-extract=-", "-plugin-opt", "O2"]),
            [
                "a.o",
                "--no-gc-sections",
                "--plugin-opt=O2",
                "--print-gc-sections",
                "--no-demangle",
                "-Map=MAP",
                "--why-extract=WHY",
                "-o",
                "OUT"
            ]
        );
        assert_eq!(
            rewritten(&["mold", "a.o", "-Bstatic", "-lx", "--print-map"]),
            [
                "a.o",
                "--Bstatic",
                "-l",
                "x",
                "--gc-sections",
                "--print-gc-sections",
                "--no-demangle",
                "-o",
                "OUT"
            ]
        );
    }

    /// A driver's line, rewritten, runs in every installed linker, and `-lX` is found where the linker
    /// itself finds it, spelled the same.
    #[test]
    fn rewritten_lines_run() {
        use super::super::library::{Verdict, choose};
        use super::super::{InputName, ProfileSpec, SearchPath, Step};
        use std::process::Command;
        let dir = std::env::temp_dir().join(format!("linksweep-rewrite-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("d")).unwrap();
        std::fs::write(
            dir.join("a.c"),
            "int q(void); int dead(void) { return 1; } int main(void) { return q(); }",
        )
        .unwrap();
        std::fs::write(dir.join("q.c"), "int q(void) { return 0; }").unwrap();
        let run = |program: &str, words: &[&str]| {
            Command::new(program).args(words).current_dir(&dir).output().is_ok_and(|o| o.status.success())
        };
        let made = run("gcc", &["-ffunction-sections", "-c", "a.c", "q.c"])
            && run("ar", &["rcs", "d/libq.a", "q.o"]);
        if !made {
            assert!(!std::path::Path::new("/usr/bin/gcc").exists());
            return;
        }
        for (linker, program) in
            [("bfd", "ld.bfd"), ("gold", "ld.gold"), ("lld@14", "ld.lld-14"), ("mold", "mold")]
        {
            let line =
                ["gcc", "-static", "a.o", "-L./d/", "-lq", "-o", "x", "-Wl,-Map=x.map"].map(OsString::from);
            let overrides = Overrides {
                linker: Some(ProfileSpec::parse(linker).unwrap()),
                directory: dir.clone(),
                ..Overrides::default()
            };
            let plan = parse_command(&line, &overrides).unwrap();
            let files = RunFiles { output: dir.join("out"), ..RunFiles::default() };
            let mut words = rewrite_for_run(&plan, &files).unwrap();
            words.push("--trace".into());
            let Ok(output) = Command::new(program).args(&words).current_dir(&dir).output() else { continue };
            let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success(), "{program}: {said}");
            assert!(said.contains(".text.dead"), "{program}: {said}");
            assert!(!dir.join("x").exists() && !dir.join("x.map").exists());
            let path = SearchPath::new(&plan, &[], false);
            for step in &plan.steps {
                let Step::Input { name: InputName::Library(name), mode } = step else { continue };
                let files = path.library(name.as_ref(), mode.static_libs);
                let look = |c: &super::super::Candidate| {
                    if c.open.exists() { Verdict::Fits } else { Verdict::Missing }
                };
                let found = choose(plan.profile.flavor, &files, look).found.unwrap();
                // mold prints paths cleaned.
                let spelled = match plan.profile.flavor {
                    Flavor::Mold => super::super::library::lexically_normal(&files[found].spelled),
                    _ => files[found].spelled.clone(),
                };
                let spelled = spelled.to_string_lossy();
                assert!(said.contains(&*spelled), "{program}: {spelled} in {said}");
            }
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

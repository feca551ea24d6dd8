//! The six linkers: names, where their programs are, how they are run, what of their output counts.
//!
//! In: a folder with inputs and the words of a link. Out: an [`Answer`]: exit class, removal lines
//! without the program's name, extraction record. mold's lines are sorted: its order is free.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// One of the linkers that the records cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkerId {
    /// GNU ld 2.40.
    Bfd,
    /// gold 1.16.
    Gold,
    /// lld 14.0.6.
    Lld14,
    /// lld 19.1.7.
    Lld19,
    /// The lld that comes with the Rust toolchain, 22.1.2.
    LldRustc,
    /// mold 1.10.1.
    Mold,
}

/// All of them, in the order of the records.
pub const ALL: [LinkerId; 6] =
    [LinkerId::Bfd, LinkerId::Gold, LinkerId::Lld14, LinkerId::Lld19, LinkerId::LldRustc, LinkerId::Mold];

/// What a link said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The linker made an output.
    pub ok: bool,
    /// Removal lines.
    pub lines: Vec<String>,
    /// Extraction record, if asked for and written.
    pub extract: Option<Vec<String>>,
    /// All it printed (not part of the record).
    pub raw: String,
}

fn version_has(program: &str, text: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains(text))
}

fn first(candidates: &[&str], version: &str) -> Option<String> {
    candidates.iter().find(|p| version_has(p, version)).map(|p| p.to_string())
}

fn rustc_lld() -> Option<String> {
    let out = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let root = String::from_utf8(out.stdout).ok()?;
    for host in fs::read_dir(Path::new(root.trim()).join("lib/rustlib")).ok()? {
        let path = host.ok()?.path().join("bin/gcc-ld/ld.lld");
        let path = path.to_string_lossy().into_owned();
        if Path::new(&path).exists() && version_has(&path, "LLD 22.1.2") {
            return Some(path);
        }
    }
    None
}

impl LinkerId {
    /// Name in records, cases and test names.
    pub fn name(self) -> &'static str {
        match self {
            LinkerId::Bfd => "bfd",
            LinkerId::Gold => "gold",
            LinkerId::Lld14 => "lld-14",
            LinkerId::Lld19 => "lld-19",
            LinkerId::LldRustc => "lld-rustc",
            LinkerId::Mold => "mold",
        }
    }

    /// The `--linker` word of linksweep.
    pub fn profile(self) -> &'static str {
        match self {
            LinkerId::Bfd => "bfd@2.40",
            LinkerId::Gold => "gold@1.16",
            LinkerId::Lld14 => "lld@14.0.6",
            LinkerId::Lld19 => "lld@19.1.7",
            LinkerId::LldRustc => "lld@22.1.2",
            LinkerId::Mold => "mold@1.10.1",
        }
    }

    /// True for the three lld versions.
    pub fn is_lld(self) -> bool {
        matches!(self, LinkerId::Lld14 | LinkerId::Lld19 | LinkerId::LldRustc)
    }

    /// The installed program of exactly the recorded version, if there is one.
    pub fn program(self, prefix: &str) -> Option<String> {
        static NATIVE: OnceLock<Vec<Option<String>>> = OnceLock::new();
        if !prefix.is_empty() && matches!(self, LinkerId::Bfd | LinkerId::Gold) {
            let name = format!("{prefix}{}", if self == LinkerId::Bfd { "ld.bfd" } else { "ld.gold" });
            return first(&[&name], "2.40");
        }
        let native = NATIVE.get_or_init(|| {
            vec![
                first(&["ld.bfd"], "2.40"),
                first(&["ld.gold"], "2.40) 1.16"),
                first(&["ld.lld-14", "ld.lld"], "LLD 14.0.6"),
                first(&["ld.lld-19", "ld.lld"], "LLD 19.1.7"),
                rustc_lld(),
                first(&["mold"], "mold 1.10.1 "),
            ]
        });
        native.get(self as usize)?.clone()
    }

    /// Runs the real linker in `dir`.
    pub fn link(self, prefix: &str, dir: &Path, words: &[String], extract: bool) -> Result<Answer, String> {
        let program = self.program(prefix).ok_or("linker absent")?;
        let mut cmd = Command::new(program);
        cmd.args(["--gc-sections", "--print-gc-sections", "--no-demangle", "-o", "linked-output"]);
        match self {
            LinkerId::Bfd | LinkerId::Gold if extract => {
                cmd.arg("-Map=extraction-record");
            }
            _ if extract && self.is_lld() => {
                cmd.arg("--why-extract=extraction-record");
            }
            _ => {}
        }
        cmd.args(words);
        let run = run(cmd, dir)?;
        let text = if self.is_lld() || self == LinkerId::Mold { &run.stdout } else { &run.stderr };
        let mut answer = Answer { ok: run.code == Some(0), lines: removal_lines(text), ..Answer::default() };
        if self == LinkerId::Mold {
            answer.lines.sort();
        }
        if extract && self != LinkerId::Mold {
            let record = fs::read(dir.join("extraction-record")).ok();
            answer.extract = record.map(|r| extraction(self, &String::from_utf8_lossy(&r)));
        }
        answer.raw = format!("{}{}", run.stdout, run.stderr);
        Ok(answer)
    }
}

/// Output of a finished program.
pub struct Run {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a program in `dir` with a time limit of twenty seconds.
pub fn run(mut cmd: Command, dir: &Path) -> Result<Run, String> {
    let name = cmd.get_program().to_string_lossy().into_owned();
    let file = |n: &str| fs::File::create(dir.join(n)).map_err(|e| e.to_string());
    cmd.current_dir(dir).env("LC_ALL", "C").stdin(Stdio::null());
    cmd.stdout(file("captured-stdout")?).stderr(file("captured-stderr")?);
    let mut child = cmd.spawn().map_err(|e| format!("cannot run {name}: {e}"))?;
    let start = Instant::now();
    let mut pause = 1;
    let status = loop {
        if let Some(s) = child.try_wait().map_err(|e| e.to_string())? {
            break s;
        }
        if start.elapsed() > Duration::from_secs(20) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{name} did not end in twenty seconds"));
        }
        std::thread::sleep(Duration::from_millis(pause));
        pause = (pause + 1).min(20);
    };
    let read = |n: &str| {
        fs::read(dir.join(n)).map(|b| String::from_utf8_lossy(&b).into_owned()).map_err(|e| e.to_string())
    };
    Ok(Run { code: status.code(), stdout: read("captured-stdout")?, stderr: read("captured-stderr")? })
}

/// The removal lines of an output, from their first fixed word on.
pub fn removal_lines(text: &str) -> Vec<String> {
    const MARK: &str = "removing unused section";
    text.lines().filter_map(|l| l.find(MARK).and_then(|at| l.get(at..)).map(str::to_string)).collect()
}

/// The extraction record proper: lld's whole file, or the first block of a map.
fn extraction(linker: LinkerId, text: &str) -> Vec<String> {
    let lines = text.lines().map(|l| l.trim_end().to_string());
    if linker.is_lld() {
        return lines.collect();
    }
    let mut block: Vec<String> = lines.skip_while(|l| !l.starts_with("Archive member included")).collect();
    // Header, blank line, entries, blank line. Remarks on IFUNC symbols may follow the entries directly.
    let ends = |line: &String| line.is_empty() || line.starts_with("Local IFUNC function");
    let end = block.iter().skip(2).position(ends).map_or(block.len(), |n| n + 2);
    block.truncate(end);
    block
}

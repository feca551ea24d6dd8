//! Instructions that each phase takes on the common shapes, by each linker's rules, under callgrind, beside the
//! recorded ones in `benches/baseline/instructions.tsv`. Fails when a phase takes more than the margin above them.
//!
//!   cargo bench --bench instructions                 compare
//!   cargo bench --bench instructions -- --record     record anew
//!   cargo bench --bench instructions -- kernel bfd   only cases with these words in their names
//!
//! One thread, which is the main one, so that all work is counted. Other versions of the compiler, the C library,
//! valgrind, or another processor change the counts a little: the margin is then the wide one, and it is said.
#![allow(clippy::expect_used, clippy::print_stdout)]

#[path = "shapes/run.rs"]
mod run;
mod shapes;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use linksweep::load::FileStore;
use linksweep::query::Analysis;
use run::{LINKERS, PHASES};
use shapes::PHASE_SHAPES;

const SECTIONS: usize = 10_000;
/// What a phase may take above its record, in percent, with the recorded tools and with others.
const MARGIN: u64 = 5;
const WIDE_MARGIN: u64 = 15;
/// And in instructions: short phases vary by more than their share.
const SLACK: u64 = 50_000;
/// A phase that takes this much less, in percent, should be recorded anew.
const GAIN: u64 = 20;

/// Instructions by `shape linker phase`.
type Counts = BTreeMap<String, u64>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [first, shape, linker, folder] = words.as_slice()
        && first == "--measured"
    {
        measured(shape, linker, Path::new(folder));
        return ExitCode::SUCCESS;
    }
    if cfg!(debug_assertions) {
        println!("instructions: this is no optimised build: use `cargo bench --bench instructions`");
        return ExitCode::SUCCESS;
    }
    let record = words.iter().any(|word| word == "--record");
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    if record && !wanted.is_empty() {
        println!("instructions: all cases are recorded together");
        return ExitCode::FAILURE;
    }
    let counts = count(&wanted);
    if record {
        std::fs::write(baseline(), text(&counts)).expect("baseline file");
        println!("instructions: {} counts recorded", counts.len());
        return ExitCode::SUCCESS;
    }
    compare(&counts, wanted.is_empty())
}

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baseline/instructions.tsv")
}

/// One link through all phases; runs under callgrind in a process of its own.
fn measured(shape: &str, linker: &str, folder: &Path) {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("one thread");
    // Only the words matter here; the files are there already.
    let words = std::fs::read_to_string(folder.join("words")).expect("words");
    let link = shapes::Link { words: words.lines().map(str::to_string).collect(), files: Vec::new() };
    let plan = run::plan_of(&link, linker, Path::new(""));
    boundary(0);
    let opened = run::phase_load(&plan, FileStore::default());
    boundary(1);
    let program = run::phase_tables(&plan, &opened);
    boundary(2);
    let resolution = run::phase_resolve(&program);
    boundary(3);
    let (graph, roots) = run::phase_graph(&program, &resolution);
    boundary(4);
    let liveness = run::phase_mark(&program, &resolution, &graph, &roots);
    boundary(5);
    let analysis = Analysis { program, resolution, graph, roots, liveness };
    let refused = run::phase_refusals(&analysis);
    boundary(6);
    let listed = run::phase_listing(&analysis);
    boundary(7);
    let bytes = run::phase_accounting(&analysis);
    boundary(8);
    println!(
        "{shape} {linker}: {} refusals, {} bytes listed, {bytes} bytes dropped",
        refused.len(),
        listed.len()
    );
    assert!(refused.is_empty(), "{refused:?}");
}

/// Callgrind writes what was counted since the last call whenever this is called.
#[inline(never)]
fn boundary(number: usize) {
    std::hint::black_box(number);
}

/// The counts of all cases, or of those that have all wanted words in their names.
fn count(wanted: &[&String]) -> Counts {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions");
    let mut counts = Counts::new();
    for shape in PHASE_SHAPES {
        for linker in LINKERS {
            let case = format!("{shape} {linker}");
            if !run::reads(linker, shape) || !wanted.iter().all(|word| case.contains(word.as_str())) {
                continue;
            }
            let inputs = folder.join(shape);
            if !inputs.join("words").exists() || linker == LINKERS[0] {
                let _ = std::fs::remove_dir_all(&inputs);
                let link = shapes::link(shape, SECTIONS).expect("a shape");
                link.write(&inputs).expect("a folder that can be written");
                std::fs::write(inputs.join("words"), link.words.join("\n")).expect("words");
            }
            let ours = run_case(shape, linker, &inputs);
            println!("{case}: {} million", ours.iter().map(|o| o.1).sum::<u64>() / 1_000_000);
            counts.extend(ours.into_iter().map(|(phase, count)| (format!("{case} {phase}"), count)));
        }
    }
    counts
}

fn run_case(shape: &str, linker: &str, inputs: &Path) -> Vec<(&'static str, u64)> {
    let stem = inputs.join("callgrind");
    for phase in 0..=PHASES.len() + 2 {
        let _ = std::fs::remove_file(format!("{}.{phase}", stem.display()));
    }
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", stem.display()));
    command.arg("--dump-before=instructions::boundary*");
    command.arg(std::env::current_exe().expect("own path")).args(["--measured", shape, linker, "."]);
    // The environment's size moves the stack; nothing else of it matters.
    command.current_dir(inputs).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.output().expect("valgrind, which must be installed");
    assert!(
        output.status.success(),
        "{shape} {linker}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    PHASES
        .iter()
        .enumerate()
        .map(|(at, &phase)| {
            // The first is what came before the first phase.
            let path = format!("{}.{}", stem.display(), at + 2);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let line = |start: &str| text.lines().find_map(|l| l.strip_prefix(start)).map(str::trim);
            let cause = line("desc: Trigger: ").unwrap_or_default();
            assert!(cause.contains("boundary"), "{path}: no dump of {phase}: {cause}");
            let count = line("totals:").or_else(|| line("summary:")).and_then(|t| t.parse().ok());
            (phase, count.expect("a count"))
        })
        .collect()
}

/// What the counts depend on beside the sources.
fn tools() -> String {
    let first = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        text.lines().next().unwrap_or("unknown").trim().to_string()
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags: Vec<&str> =
        cpu.lines().find(|l| l.starts_with("flags")).unwrap_or_default().split_whitespace().collect();
    let has: Vec<&str> = ["sse4_2", "avx2", "bmi2"].into_iter().filter(|f| flags.contains(f)).collect();
    format!(
        "{}; {}; {}; {}",
        first("rustc", &["--version"]),
        first("getconf", &["GNU_LIBC_VERSION"]),
        first("valgrind", &["--version"]),
        has.join(" ")
    )
}

fn text(counts: &Counts) -> String {
    let mut out = String::from(
        "# Instructions of each phase under callgrind. `cargo bench --bench instructions -- --record` writes this file.\n",
    );
    let _ = writeln!(out, "# tools: {}", tools());
    let _ = writeln!(out, "# {SECTIONS} sections a link");
    for (name, count) in counts {
        let _ = writeln!(out, "{name}\t{count}");
    }
    out
}

fn compare(counts: &Counts, all: bool) -> ExitCode {
    let text = std::fs::read_to_string(baseline()).expect("the recorded counts");
    let recorded: Counts = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, count)| Some((name.to_string(), count.parse().ok()?)))
        .collect();
    let then = text.lines().find_map(|l| l.strip_prefix("# tools: ")).unwrap_or("unknown");
    let now = tools();
    let margin = if then == now { MARGIN } else { WIDE_MARGIN };
    if then != now {
        println!("instructions: other tools than the recorded ones: margin {margin} % instead of {MARGIN} %");
        println!("  recorded: {then}\n  here:     {now}");
    }
    let mut failed = false;
    let mut gained = 0;
    for (name, &count) in counts {
        let Some(&before) = recorded.get(name) else {
            println!("{name}: {count}, not recorded");
            failed = true;
            continue;
        };
        let change = (count as f64 / before.max(1) as f64 - 1.0) * 100.0;
        if count > before + before * margin / 100 + SLACK {
            println!("{name}: {count} instead of {before} ({change:+.1} %): above the margin of {margin} %");
            failed = true;
        }
        gained += usize::from(count + SLACK < before - before * GAIN / 100);
    }
    if all {
        for name in recorded.keys().filter(|name| !counts.contains_key(*name)) {
            println!("{name}: recorded, but measured no more");
            failed = true;
        }
    }
    let (sum, before): (u64, u64) =
        (counts.values().sum(), counts.keys().filter_map(|n| recorded.get(n)).sum());
    println!(
        "instructions: {} counts, {sum} in all instead of {before} ({:+.1} %), margin {margin} % and {SLACK}",
        counts.len(),
        (sum as f64 / before.max(1) as f64 - 1.0) * 100.0
    );
    if gained > 0 {
        println!("instructions: {gained} phases take over {GAIN} % less: record anew (`-- --record`)");
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

//! Replays kept inputs through the fuzz targets: one test for each file of `corpus/malformed/TARGET`
//! (findings, and inputs made by hand) and one for the seeds of each target.
//!
//! A target panics if a promise is broken; here it must also return in time.

#![allow(clippy::expect_used, unreachable_pub, dead_code)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "../fuzz/src/targets.rs"]
mod targets;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 7] = [
    ("archive", targets::archive),
    ("elf", targets::elf),
    ("lto", targets::lto),
    ("script", targets::script),
    ("cmd", targets::cmd),
    ("whole", targets::whole),
    ("snapshot", targets::snapshot),
];

/// Time for one input in an unoptimized build on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    paths
}

fn replay(target: Target, path: &Path) -> Result<(), Failed> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let start = Instant::now();
    target(&bytes);
    let taken = start.elapsed();
    if taken > LIMIT {
        return Err(format!("{} took {:.1} s", path.display(), taken.as_secs_f64()).into());
    }
    Ok(())
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut trials = Vec::new();
    for (name, target) in TARGETS {
        let kept = files(&root.join("corpus/malformed").join(name));
        assert!(!kept.is_empty(), "corpus/malformed/{name} has inputs");
        for path in kept {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            trials.push(Trial::test(format!("{name}/{file}"), move || replay(target, &path)));
        }
        let seeds = files(&root.join("fuzz/seeds").join(name));
        trials.push(Trial::test(format!("seeds/{name}"), move || {
            seeds.iter().try_for_each(|path| replay(target, path))
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

//! `snapshot`: saves a finished link as a `.lsw` file, or prints one.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Answer;
use super::args::SnapshotArgs;
use super::check;
use super::options::{self, LinkOptions};
use super::session::{self, Clock};
use crate::error::{Error, Result};
use crate::plan::LinkPlan;
use crate::plan::config::Config;
use crate::query::finding;
use crate::query::portrait::{KernelHead, Portrait};
use crate::snapshot::{self, PathRoots};

pub(super) fn run(args: SnapshotArgs) -> Result<Answer> {
    if let Some(path) = &args.dump {
        let saved = snapshot::open(path)?;
        let bytes = snapshot::dump(saved.header(), &saved.portrait()?);
        return Ok(Answer { bytes, output: args.output, code: 0 });
    }
    let Some(output) = args.output else {
        return Err(Error::new("option -o", "a snapshot goes to a file: -o FILE.lsw"));
    };
    let mut clock = Clock::new(options::telling(&args.link.run));
    let (link, beside) = check::gather(args.link)?;
    clock.done("options and modules");
    let opened = session::open(&link, &link.overrides, &mut clock)?;
    let analysis = session::analyze(&link, &opened, &mut clock)?;
    let roots = PathRoots::new(&analysis, &opened.plan, &base(&link, &opened.plan)?);
    let mut portrait = Portrait::with_paths(&analysis, &roots);
    portrait.head.kernel = kernel(&link);
    clock.done("portrait");
    let diagnostics = finding::diagnostics(&analysis);
    portrait.add_diagnostics(&diagnostics, &roots);
    let mut findings = finding::findings(&diagnostics);
    if !args.no_findings {
        let config = Config::default();
        findings.extend(check::all(&link, &opened, &analysis, &beside, &config, &mut clock)?);
    }
    portrait.add_findings(&findings, &roots);
    clock.done("findings");
    let bytes = snapshot::write(&portrait, &roots);
    clock.done("writing");
    let code = session::tell_diagnostics(&link, &diagnostics);
    clock.finish();
    Ok(Answer { bytes, output: Some(output), code })
}

/// The folder that relative paths start from, from the root.
fn base(link: &LinkOptions, plan: &LinkPlan) -> Result<Vec<u8>> {
    let folder: &Path = match link.kernel() {
        Some(tree) => &tree.directory,
        None => &plan.directory,
    };
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_path_buf() };
    let fail = |e: std::io::Error| Error::new(format!("folder {}", folder.display()), e.to_string());
    let whole = std::path::absolute(&folder).map_err(fail)?;
    let bytes = whole.as_os_str().as_bytes();
    Ok(bytes.strip_suffix(b"/").unwrap_or(bytes).to_vec())
}

/// What a kernel tree says of itself.
pub(super) fn kernel(link: &LinkOptions) -> Option<KernelHead> {
    let tree = link.kernel()?;
    let release = tree.text(Path::new("include/config/kernel.release"));
    let config = [".config", "include/config/auto.conf"].iter().find_map(|p| tree.text(Path::new(p)));
    Some(KernelHead {
        release: String::from_utf8_lossy(&release.unwrap_or_default()).trim().to_string(),
        arch: tree.srcarch.clone().or(tree.config.arch.clone()).unwrap_or_default(),
        config: config.map_or_else(String::new, |text| snapshot::hash(&text)),
    })
}

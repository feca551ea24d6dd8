//! One analysed link as commands see it: plan, inputs, phases with their times, what stderr gets.

use std::io::Write;
use std::time::{Duration, Instant};

use super::options::{LinkOptions, Telling};
use crate::error::{Diagnostic, Result, Severity};
use crate::load::OpenedLink;
use crate::plan::{LinkPlan, Overrides};
use crate::query::Analysis;
use crate::report::labels::escape;
use crate::report::text;

/// The most diagnostics that are told one by one without `-v`.
const TOLD: usize = 50;

/// Writes one line to standard error; a closed stderr is nobody's error.
pub(super) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "linksweep: {line}");
}

/// Wall time of phases.
pub(super) struct Clock {
    telling: Telling,
    start: Instant,
    last: Instant,
    shown: bool,
}

impl Clock {
    /// Starts now.
    pub(super) fn new(telling: Telling) -> Self {
        let now = Instant::now();
        Clock { telling, start: now, last: now, shown: false }
    }

    /// A phase has ended.
    pub(super) fn done(&mut self, phase: &str) {
        let now = Instant::now();
        if self.telling.timings {
            tell(&format!("time: {phase} {:.1} ms", (now - self.last).as_secs_f64() * 1e3));
        } else if self.telling.progress && now - self.start > Duration::from_millis(700) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[Klinksweep: {phase} done");
            self.shown = true;
        }
        self.last = now;
    }

    /// All has ended.
    pub(super) fn finish(&mut self) {
        self.clear();
        if self.telling.timings {
            tell(&format!("time: total {:.1} ms", self.start.elapsed().as_secs_f64() * 1e3));
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// The plan and its opened inputs.
pub(super) struct Opened {
    /// What the linker was asked.
    pub(super) plan: LinkPlan,
    /// Its inputs.
    pub(super) link: OpenedLink,
}

/// Reads the command line and opens the inputs; `overrides` as in the options, or changed.
pub(super) fn open(options: &LinkOptions, overrides: &Overrides, clock: &mut Clock) -> Result<Opened> {
    let plan = options.plan(overrides)?;
    clock.done("command line");
    let link = crate::open(&plan)?;
    clock.done("opening");
    Ok(Opened { plan, link })
}

/// As [`analyze_linkers_part`], for answers that need every input.
pub(super) fn analyze<'d>(
    options: &LinkOptions,
    opened: &'d Opened,
    clock: &mut Clock,
) -> Result<Analysis<'d>> {
    match &opened.link.broken {
        Some(error) => Err(error.clone()),
        None => analyze_linkers_part(options, opened, clock),
    }
}

/// Runs the phases, and tells whose rules were followed; inputs that ended the link early are left to
/// the diagnostics (`--format=linker`).
pub(super) fn analyze_linkers_part<'d>(
    options: &LinkOptions,
    opened: &'d Opened,
    clock: &mut Clock,
) -> Result<Analysis<'d>> {
    let analysis = crate::analyze_observed(&opened.plan, &opened.link, |phase| clock.done(phase))?;
    clock.clear();
    if !options.telling.quiet {
        let plan = &opened.plan;
        let emulation = match &plan.emulation {
            Some(name) => format!("emulation {}", escape(name.as_bytes())),
            None => format!("machine of the first object ({})", text::machine(&analysis.program)),
        };
        tell(&format!("note: rules of {}, {emulation}", text::linker(plan.profile)));
        for note in &plan.notes {
            tell(&format!("note: {}", escape(note.as_bytes())));
        }
    }
    Ok(analysis)
}

/// Tells the diagnostics of an analysed link; returns the exit status that they call for: 2 if the
/// linker itself would refuse the link, or if `--strict` makes any diagnostic an error.
pub(super) fn tell_diagnostics(options: &LinkOptions, diagnostics: &[Diagnostic]) -> u8 {
    let mut all: Vec<&Diagnostic> = diagnostics.iter().collect();
    let refused = all.iter().any(|d| d.severity == Severity::Error);
    let failed = refused || (options.strict && !all.is_empty());
    // Errors first, so that they are never among those left out.
    all.sort_by_key(|d| std::cmp::Reverse(d.severity));
    if options.telling.quiet && !options.strict {
        all.retain(|d| d.severity == Severity::Error);
    }
    let shown = if options.telling.verbose { all.len() } else { all.len().min(TOLD) };
    for diagnostic in all.iter().take(shown) {
        tell(&escape(diagnostic.to_string().as_bytes()));
    }
    if all.len() > shown {
        tell(&format!("note: and {} more like these (-v tells all)", all.len() - shown));
    }
    if failed { 2 } else { 0 }
}

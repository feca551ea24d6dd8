//! One analysed link as commands see it: plan, inputs, phases with their times, what stderr gets.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use super::options::{LinkOptions, Telling};
use super::progress::Progress;
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

/// Wall time of phases, and what a terminal shows of them meanwhile.
pub(super) struct Clock {
    telling: Telling,
    start: Instant,
    last: Instant,
    progress: Option<Arc<Progress>>,
    /// Lines that wait until work beside this one has told its own.
    held: Option<Vec<String>>,
}

impl Clock {
    /// Starts now.
    pub(super) fn new(telling: Telling) -> Self {
        let now = Instant::now();
        let progress = telling.progress.then(|| Arc::new(Progress::new()));
        Clock { telling, start: now, last: now, progress, held: None }
    }

    /// A clock for work that runs beside other work: what it tells is held back until [`Clock::join`].
    pub(super) fn beside(&self) -> Clock {
        let now = Instant::now();
        let (telling, progress) = (self.telling, self.progress.clone());
        Clock { telling, start: now, last: now, progress, held: Some(Vec::new()) }
    }

    /// The work of a clock made by [`Clock::beside`] has ended: tells what that has to tell.
    pub(super) fn join(&mut self, other: Clock) {
        for line in other.held.unwrap_or_default() {
            self.note(&line);
        }
        self.last = Instant::now();
    }

    /// A phase has ended.
    pub(super) fn done(&mut self, phase: &str) {
        let now = Instant::now();
        if self.telling.timings {
            self.note(&format!("time: {phase} {:.1} ms", (now - self.last).as_secs_f64() * 1e3));
        }
        if let Some(progress) = &self.progress {
            progress.phase(phase);
        }
        self.last = now;
    }

    /// `at` of `of` things of the present phase are done.
    pub(super) fn count(&self, at: usize, of: usize, what: &str) {
        if let Some(progress) = &self.progress {
            progress.count(at, of, what);
        }
    }

    /// All has ended.
    pub(super) fn finish(&mut self) {
        self.progress = None;
        if self.telling.timings {
            tell(&format!("time: total {:.1} ms", self.start.elapsed().as_secs_f64() * 1e3));
        }
    }

    /// Runs what writes to standard error itself, without a line of progress in its way.
    pub(super) fn aside<T>(&self, told: impl FnOnce() -> T) -> T {
        match &self.progress {
            Some(progress) => progress.aside(told),
            None => told(),
        }
    }

    /// Tells a line on standard error, without a line of progress in its way.
    pub(super) fn note(&mut self, line: &str) {
        match (&mut self.held, &self.progress) {
            (Some(held), _) => held.push(line.to_string()),
            (None, Some(progress)) => progress.aside(|| tell(line)),
            (None, None) => tell(line),
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
    if !options.telling.quiet {
        tell_rules(&opened.plan, &analysis, clock);
    }
    Ok(analysis)
}

fn tell_rules(plan: &LinkPlan, analysis: &Analysis<'_>, clock: &mut Clock) {
    let emulation = match &plan.emulation {
        Some(name) => format!("emulation {}", escape(name.as_bytes())),
        None => format!("machine of the first object ({})", text::machine(&analysis.program)),
    };
    clock.note(&format!("note: rules of {}, {emulation}", text::linker(plan.profile)));
    for note in &plan.notes {
        clock.note(&format!("note: {}", escape(note.as_bytes())));
    }
}

/// Tells the diagnostics of an analysed link; returns the exit status that they call for: 2 if the
/// linker itself would refuse the link, or if `--strict` makes any diagnostic an error.
pub(super) fn tell_diagnostics(options: &LinkOptions, diagnostics: &[Diagnostic]) -> u8 {
    tell_as(options.telling, options.strict, diagnostics)
}

/// The same for a link that was saved.
pub(super) fn tell_as(telling: Telling, strict: bool, diagnostics: &[Diagnostic]) -> u8 {
    let mut all: Vec<&Diagnostic> = diagnostics.iter().collect();
    let refused = all.iter().any(|d| d.severity == Severity::Error);
    let failed = refused || (strict && !all.is_empty());
    // Errors first, so that they are never among those left out.
    all.sort_by_key(|d| std::cmp::Reverse(d.severity));
    if telling.quiet && !strict {
        all.retain(|d| d.severity == Severity::Error);
    }
    let shown = if telling.verbose { all.len() } else { all.len().min(TOLD) };
    for diagnostic in all.iter().take(shown) {
        tell(&escape(diagnostic.to_string().as_bytes()));
    }
    if all.len() > shown {
        tell(&format!("note: and {} more like these (-v tells all)", all.len() - shown));
    }
    if failed { 2 } else { 0 }
}

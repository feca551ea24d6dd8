//! A line on the terminal that tells that something is going on, for whoever waits longer than half a second.
//!
//! In: what was done last, how far a count has come. Out: one line on stderr, gone when the answer comes. Nothing is
//! drawn before [`PATIENCE`] is over, so that short runs leave no trace.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long nothing is drawn.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

/// The line.
pub(super) struct Progress {
    bar: ProgressBar,
    /// Dropping it ends the wait of the thread that would show the bar.
    stop: Option<Sender<()>>,
    waiting: Option<JoinHandle<()>>,
}

impl Progress {
    /// Waits in the background, then draws to standard error.
    pub(super) fn new() -> Self {
        Progress::on(ProgressDrawTarget::stderr, PATIENCE)
    }

    fn on(target: impl FnOnce() -> ProgressDrawTarget + Send + 'static, patience: Duration) -> Self {
        let bar = ProgressBar::hidden();
        bar.set_style(plain());
        let (stop, stopped) = mpsc::channel();
        let shown = bar.clone();
        let waiting = std::thread::spawn(move || {
            if stopped.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(target());
                shown.enable_steady_tick(TICK);
            }
        });
        Progress { bar, stop: Some(stop), waiting: Some(waiting) }
    }

    /// A phase has ended.
    pub(super) fn phase(&self, name: &str) {
        if self.bar.length().is_some() {
            self.bar.unset_length();
            self.bar.set_style(plain());
        }
        self.bar.set_message(format!("{name} done"));
    }

    /// `at` of `of` things of a phase are done.
    pub(super) fn count(&self, at: usize, of: usize, what: &str) {
        if self.bar.length() != Some(of as u64) {
            self.bar.set_length(of as u64);
            self.bar.set_style(counting());
        }
        self.bar.set_position(at as u64);
        // The message is what draws.
        self.bar.set_message(what.to_string());
    }

    /// Runs what writes to the terminal itself, with the line out of its way.
    pub(super) fn aside<T>(&self, told: impl FnOnce() -> T) -> T {
        self.bar.suspend(told)
    }

    /// Takes the line away for good.
    pub(super) fn end(&mut self) {
        self.stop = None;
        if let Some(waiting) = self.waiting.take() {
            // A thread that has panicked has drawn nothing that matters.
            let _ = waiting.join();
        }
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn plain() -> ProgressStyle {
    ProgressStyle::with_template("linksweep: {spinner} {elapsed} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counting() -> ProgressStyle {
    ProgressStyle::with_template("linksweep: {spinner} {elapsed} {msg} [{bar:30}] {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;

    fn shown(patience: Duration) -> (Progress, InMemoryTerm) {
        let term = InMemoryTerm::new(3, 100);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 200);
        (Progress::on(move || target, patience), term)
    }

    #[test]
    fn what_ends_early_draws_nothing() {
        let (mut progress, term) = shown(Duration::from_secs(3600));
        progress.phase("tables");
        progress.end();
        assert_eq!(term.contents(), "");
    }

    #[test]
    fn phases_and_counts_are_drawn_and_taken_away() {
        let (mut progress, term) = shown(Duration::ZERO);
        if let Some(waiting) = progress.waiting.take() {
            waiting.join().unwrap();
        }
        progress.phase("tables");
        assert!(term.contents().ends_with("tables done"), "{:?}", term.contents());
        progress.count(3, 7, "modules");
        assert!(
            term.contents().contains("modules [") && term.contents().ends_with("3/7"),
            "{:?}",
            term.contents()
        );
        progress.phase("modules");
        assert!(term.contents().ends_with("modules done"), "{:?}", term.contents());
        progress.end();
        assert_eq!(term.contents(), "");
    }
}

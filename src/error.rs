//! Errors and diagnostics: what we were doing, to which file, and why it failed.
//!
//! An [`Error`] ends the run (exit status 2). A [`Diagnostic`] is part of the answer: something
//! could not be read, is named, and was treated as keep-all.

use std::fmt;

/// A fatal error: wrong usage, unreadable or malformed input, or a link that the modelled linker
/// itself would refuse. Displays as one line; `cause` is shown after a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What we were doing ("reading archive libx.a", "option --wrap").
    pub what: String,
    /// Why it failed.
    pub cause: String,
    /// A rendered source excerpt (file, line, column, caret) for script errors; may be empty.
    pub excerpt: String,
}

impl Error {
    /// An error with a subject and a reason.
    pub fn new(what: impl Into<String>, cause: impl Into<String>) -> Self {
        Error { what: what.into(), cause: cause.into(), excerpt: String::new() }
    }

    /// The same error with more context in front.
    #[must_use]
    pub fn within(mut self, outer: impl fmt::Display) -> Self {
        self.what = if self.what.is_empty() { outer.to_string() } else { format!("{outer}: {}", self.what) };
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.excerpt.is_empty() {
            return f.write_str(self.excerpt.trim_end());
        }
        match (self.what.is_empty(), self.cause.is_empty()) {
            (false, false) => write!(f, "{}: {}", self.what, self.cause),
            (false, true) => f.write_str(&self.what),
            _ => f.write_str(&self.cause),
        }
    }
}

impl std::error::Error for Error {}

/// Result with our [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For information.
    Note,
    /// Something was read only partly, or kept because it could not be read.
    Warning,
    /// The modelled linker would refuse the link here; the answer is still complete.
    Error,
}

/// One thing worth telling about the inputs; never fatal by itself (`--strict` makes it so).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Severity.
    pub severity: Severity,
    /// Finding id (`LSW009`), or empty where none applies.
    pub id: &'static str,
    /// File or `archive(member)` concerned; may be empty.
    pub subject: String,
    /// The message, without the subject.
    pub message: String,
    /// The name that is undefined, where that is what the message says; else empty.
    pub symbol: Vec<u8>,
}

impl Diagnostic {
    /// A diagnostic of the given severity about `subject`.
    pub fn new(severity: Severity, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Diagnostic { severity, id: "", subject: subject.into(), message: message.into(), symbol: Vec::new() }
    }

    /// The same diagnostic, about an undefined name.
    #[must_use]
    pub fn about(mut self, symbol: &[u8]) -> Self {
        self.symbol = symbol.to_vec();
        self
    }

    /// The same diagnostic carrying a finding id.
    #[must_use]
    pub fn with_id(mut self, id: &'static str) -> Self {
        self.id = id;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{level}: ")?;
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        f.write_str(&self.message)?;
        if !self.id.is_empty() {
            write!(f, " [{}]", self.id)?;
        }
        Ok(())
    }
}

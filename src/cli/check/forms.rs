//! The forms of one answer of `check`: what is typed for them, and their bytes. One run gives as many as are asked for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use bstr::ByteSlice;
use clap::ValueEnum;

use crate::cli::args::{CheckArgs, CheckFormat};
use crate::error::{Error, Result};
use crate::query::Analysis;
use crate::query::select::{Selection, SortBy};
use crate::report::Page;
use crate::report::check::{self, View};
use crate::report::labels::Style;

/// Findings in text where `-n` is not given.
const TEXT_ROWS: usize = 50;

/// A form that goes to a file of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FormFile {
    /// The form.
    pub(super) form: CheckFormat,
    /// The most bytes of this one; `None`: as `--limit` says.
    pub(super) limit: Option<usize>,
    /// Where it goes.
    pub(super) path: PathBuf,
}

/// Reads `--write`: a form, `=` and a file, no file twice.
pub(super) fn files(args: &CheckArgs) -> Result<Vec<FormFile>> {
    let mut out: Vec<FormFile> = Vec::new();
    for word in &args.write {
        let fail = |what: String| Error::new(format!("option --write={}", word.display()), what);
        let file = one(word).map_err(fail)?;
        let taken = out.iter().any(|f| f.path == file.path) || args.output.as_ref() == Some(&file.path);
        if taken {
            return Err(fail("another form is written to the same file".into()));
        }
        out.push(file);
    }
    Ok(out)
}

fn one(word: &OsStr) -> std::result::Result<FormFile, String> {
    let usage = || {
        let all: Vec<String> = CheckFormat::value_variants().iter().filter_map(name).collect();
        format!("write FORMAT=FILE; forms are {}", all.join(", "))
    };
    let (front, path) = word.as_bytes().split_once_str("=").ok_or_else(usage)?;
    let front = front.to_str().map_err(|_| usage())?;
    let (form, limit) = match front.split_once(':') {
        Some((form, limit)) => (form, Some(limit)),
        None => (front, None),
    };
    let form = CheckFormat::from_str(form, false).map_err(|_| usage())?;
    let limit = match limit {
        Some(_) if form != CheckFormat::Markdown => return Err("only markdown takes a limit".into()),
        Some(text) => Some(text.parse().map_err(|_| format!("{text} is no number of bytes"))?),
        None => None,
    };
    if path.is_empty() || path == b"-" {
        return Err("it needs a file; --format says what goes to standard output".into());
    }
    Ok(FormFile { form, limit, path: PathBuf::from(OsString::from_vec(path.to_vec())) })
}

fn name(form: &CheckFormat) -> Option<String> {
    form.to_possible_value().map(|v| v.get_name().to_string())
}

/// What all forms are made from.
pub(super) struct Answers<'a, 'd> {
    /// The link.
    pub(super) analysis: &'a Analysis<'d>,
    /// The judgement.
    pub(super) view: View<'a>,
    /// `-n`.
    pub(super) rows: Option<usize>,
}

impl Answers<'_, '_> {
    /// The bytes of one form; `limit` is that of Markdown.
    pub(super) fn bytes(&mut self, form: CheckFormat, limit: usize, color: bool) -> Vec<u8> {
        self.view.limit = limit;
        let rows = self.rows.unwrap_or(if form == CheckFormat::Text { TEXT_ROWS } else { 0 });
        let selection = Selection { filter: None, sort: SortBy::Input, limit: rows };
        let style = Style { color, demangle: false };
        let view = &self.view;
        let page =
            Page { analysis: self.analysis, findings: &view.check.findings, selection: &selection, style };
        match form {
            CheckFormat::Text => check::text(&page, view),
            CheckFormat::Json => check::json(&page, view),
            CheckFormat::Sarif => check::sarif(view),
            CheckFormat::Github => check::github(view),
            CheckFormat::Gitlab => check::gitlab(view),
            CheckFormat::Junit => check::junit(view),
            CheckFormat::Markdown => check::markdown(view),
            CheckFormat::Csv => check::csv(view),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn forms_and_files() {
        let read = |word: &str| one(OsStr::new(word)).map(|f| (f.form, f.limit, f.path));
        assert_eq!(read("sarif=a=b.sarif"), Ok((CheckFormat::Sarif, None, Path::new("a=b.sarif").into())));
        assert_eq!(read("markdown:9=x"), Ok((CheckFormat::Markdown, Some(9), Path::new("x").into())));
        for wrong in ["", "json", "json=", "json=-", "xml=x", "json:9=x", "markdown:=x", "=x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

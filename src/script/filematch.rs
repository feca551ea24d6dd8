//! Which files a file pattern of a script means, per linker (GS 9.3).
//!
//! In: a pattern and a [`FileName`] (plain object, archive member, thin member). Out: yes or no.
//! The text that is matched differs: ld sees the member's name, gold `ARCHIVE(MEMBER)`, lld
//! `ARCHIVE:MEMBER`.

use std::borrow::Cow;

use bstr::{BString, ByteSlice};

use super::ast::{CommandKind, Dialect, Name, Script, StatementKind};
use super::glob::{Pattern, is_wildcard};
use super::walk;
use crate::error::Result;

/// Everything about an input's name that some linker's file patterns look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileName<'a> {
    /// The path it was opened by (a plain object), or the archive's for a member.
    pub path: &'a [u8],
    /// The name as given on the command line or in the script, before any search; ld compares a
    /// pattern without wildcard to this. Usually equal to `path`.
    pub given: &'a [u8],
    /// For an archive member: its name as stored in the archive (of a thin archive the stored,
    /// archive-relative path).
    pub member: Option<&'a [u8]>,
    /// For a thin member: the path the member's file is opened by.
    pub joined: Option<&'a [u8]>,
}

impl<'a> FileName<'a> {
    /// A plain object given and opened as `path`.
    pub fn plain(path: &'a [u8]) -> Self {
        FileName { path, given: path, member: None, joined: None }
    }

    /// Member `member` of the regular archive `archive`.
    pub fn member(archive: &'a [u8], member: &'a [u8]) -> Self {
        FileName { path: archive, given: archive, member: Some(member), joined: None }
    }

    /// A member of a thin archive: the stored path and the path it is opened by.
    pub fn thin(archive: &'a [u8], stored: &'a [u8], joined: &'a [u8]) -> Self {
        FileName { path: archive, given: archive, member: Some(stored), joined: Some(joined) }
    }

    /// The text a dialect matches file patterns against (GS 9.3).
    pub fn text(&self, dialect: Dialect) -> Cow<'a, [u8]> {
        let Some(member) = self.member else { return Cow::Borrowed(self.path) };
        let joined = self.joined.unwrap_or(member);
        match dialect {
            Dialect::Bfd => Cow::Borrowed(joined),
            Dialect::Gold => Cow::Owned([self.path, b"(", joined, b")"].concat()),
            _ => Cow::Owned([self.path, b":", member].concat()),
        }
    }

    fn archive(&self) -> Option<&'a [u8]> {
        self.member.map(|_| self.path)
    }
}

/// One compiled file test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileTest {
    /// Every file.
    Every,
    /// The dialect's text matches.
    Text(Pattern),
    /// ld `ARCHIVE:MEMBER`: no archive part means plain objects only, no member part every member
    /// (ld `input_statement_is_archive_path`).
    ArchivePath {
        /// Before the colon.
        archive: Option<Pattern>,
        /// After it.
        member: Option<Pattern>,
    },
    /// ld: the input given under exactly this name.
    Given(BString),
    /// ld EXCLUDE_FILE without a colon: the file's or its archive's name.
    FileOrArchive(Pattern),
}

impl FileTest {
    /// The test of a description's file pattern; `None` (ld's `[...]`) means every file.
    ///
    /// Errors: lld refuses a malformed glob.
    pub fn pattern(name: Option<&Name>, dialect: Dialect) -> Result<FileTest> {
        let Some(name) = name else { return Ok(FileTest::Every) };
        let text = name.text.as_slice();
        if text == b"*" && !(dialect.is_lld() && name.quoted) {
            return Ok(FileTest::Every);
        }
        Ok(match dialect {
            Dialect::Bfd => match archive_path(text) {
                Some(test) => test,
                None if is_wildcard(text) => FileTest::Text(Pattern::glob(text, super::glob::Syntax::Posix)?),
                None => FileTest::Given(text.into()),
            },
            Dialect::Gold if text.is_empty() => FileTest::Every,
            Dialect::Gold => FileTest::Text(Pattern::gold(text)),
            Dialect::Lld20 => lld_test(text, name.quoted)?,
            _ => FileTest::Text(Pattern::lld(text, name.quoted)?),
        })
    }

    /// The test of a name in EXCLUDE_FILE.
    ///
    /// Errors: lld refuses a malformed glob.
    pub fn exclude(name: &Name, dialect: Dialect) -> Result<FileTest> {
        let text = name.text.as_slice();
        Ok(match dialect {
            Dialect::Bfd => {
                archive_path(text).unwrap_or_else(|| FileTest::FileOrArchive(Pattern::bfd_file(text)))
            }
            Dialect::Gold => FileTest::Text(Pattern::gold(text)),
            Dialect::Lld20 => lld_test(text, name.quoted)?,
            _ => FileTest::Text(Pattern::lld(text, name.quoted)?),
        })
    }

    /// Whether `file` passes.
    pub fn matches(&self, file: &FileName<'_>, dialect: Dialect) -> bool {
        match self {
            FileTest::Every => true,
            FileTest::Text(pattern) => pattern.matches(&file.text(dialect)),
            FileTest::Given(name) => file.member.is_none() && file.given == name.as_slice(),
            FileTest::FileOrArchive(pattern) => {
                pattern.matches(&file.text(dialect)) || file.archive().is_some_and(|a| pattern.matches(a))
            }
            FileTest::ArchivePath { archive, member } => {
                let member_ok = member.as_ref().is_none_or(|m| m.matches(&file.text(dialect)));
                member_ok
                    && match (archive, file.archive()) {
                        (None, None) => true,
                        (Some(pattern), Some(path)) => pattern.matches(path),
                        _ => false,
                    }
            }
        }
    }
}

/// lld 20+: `ARCHIVE:` means every member, `:FILE` plain files only.
fn lld_test(text: &[u8], quoted: bool) -> Result<FileTest> {
    if let Some(archive) = text.strip_suffix(b":") {
        return Ok(FileTest::ArchivePath { archive: Some(Pattern::lld(archive, quoted)?), member: None });
    }
    if let Some(file) = text.strip_prefix(b":") {
        return Ok(FileTest::ArchivePath { archive: None, member: Some(Pattern::lld(file, quoted)?) });
    }
    Ok(FileTest::Text(Pattern::lld(text, quoted)?))
}

fn archive_path(text: &[u8]) -> Option<FileTest> {
    let colon = text.find_byte(b':')?;
    let (archive, member) = (text.get(..colon)?, text.get(colon + 1..)?);
    Some(FileTest::ArchivePath {
        archive: (!archive.is_empty()).then(|| Pattern::bfd_file(archive)),
        member: (!member.is_empty()).then(|| Pattern::bfd_file(member)),
    })
}

/// Names of files that GNU ld opens because a description's file pattern has no wildcard and no
/// colon, in script order, repetitions included (GS 9.3; ld `open_input_bfds`). Empty for others.
pub fn extra_inputs(script: &Script) -> Vec<&Name> {
    if script.dialect != Dialect::Bfd {
        return Vec::new();
    }
    let mut names = Vec::new();
    for section in walk::output_sections(script) {
        for statement in &section.section.body {
            if let StatementKind::Input(description) = &statement.kind
                && let Some(name) = &description.file
                && !is_wildcard(&name.text)
                && !name.text.contains(&b':')
            {
                names.push(name);
            }
        }
    }
    names
}

/// Whether the script has an INSERT command: GNU ld then keeps its built-in script beside it.
pub fn has_insert(script: &Script) -> bool {
    script.commands.iter().any(|c| matches!(c.kind, CommandKind::Insert { .. }))
}

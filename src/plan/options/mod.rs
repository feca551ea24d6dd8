//! Options: the names each linker knows, how many words each takes, and what it means.
//!
//! In: words and the position of one. Out: a [`Matched`] option (meaning, value, words used) or why
//! the word is no option of that linker. One file per linker holds its table and its own way of
//! taking words apart; meanings are shared. Nothing here looks at the meaning of a value.

pub mod bfd;
pub mod gold;
pub mod lld;
pub mod mold;
pub mod z;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::{Flavor, OrphanHandling, Profile, Strip, Symbolic};

/// What an option asks for. `Ignore` and the kinds that print or write do not change liveness,
/// extraction or the printed removal list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Each is named like its option; the module's tables pair them.
pub enum Meaning {
    /// Accepted by name, no effect on our answers.
    Ignore,
    /// Prints something more on the standard streams; no effect otherwise.
    Print,
    /// Writes a file that is not the output; no effect otherwise.
    WriteFile,
    /// The linker itself would stop or not link here; the text says why.
    Refuse(&'static str),
    Output,
    Entry,
    Undefined,
    RequireDefined,
    UndefinedGlob,
    Init,
    Fini,
    Defsym,
    Wrap,
    ExportDynamic(bool),
    DefaultSymver,
    ExportSymbol,
    ExportSymbolList,
    DynamicList,
    DynamicListData,
    DynamicListCppNew,
    DynamicListCppTypeinfo,
    VersionScript,
    ExcludeLibs,
    Shared,
    /// bfd's `-G` without a number is `-shared` (ld `parse_args`).
    Pie(bool),
    Relocatable,
    /// `-static` of gold: the whole link is static.
    Static,
    LibsStatic(bool),
    /// `-n`/`-N`: no page alignment; libraries are static from here (bfd, lld), everywhere (gold, mold).
    Magic,
    /// `--dynamic-linker` (true), `--no-dynamic-linker` of bfd and lld, by their long names.
    DynamicLinker(bool),
    /// bfd's `-a archive|shared|default`.
    LibsKind,
    StripSymbols(Strip),
    EmitRelocs,
    Unique,
    GcSections(bool),
    PrintGcSections(bool),
    GcKeepExported,
    /// `-z KEYWORD`, looked up in [`z`].
    Z,
    Group(bool),
    Lib(bool),
    WholeArchive(bool),
    PushState,
    PopState,
    AsNeeded(bool),
    CopyDtNeeded(bool),
    Library,
    SearchDir,
    Sysroot,
    JustSymbols,
    /// `-R`: a file's symbols or a run path, by what the path is (bfd, gold).
    SymbolsOrRpath,
    AllowMultiple(bool),
    FortranCommon(bool),
    DefineCommon(bool),
    Format,
    OutputFormat,
    Script,
    DefaultScript,
    Optimize,
    SmallData,
    Emulation,
    NoStdlib,
    DefaultDirs,
    Rpath,
    RpathLink,
    NoUndefined,
    UndefinedVersion(bool),
    UnresolvedSymbols,
    WarnUnresolved(bool),
    AllowShlibUndefined(bool),
    NoInhibitExec,
    IgnoreUnresolved,
    Icf,
    NoIcf,
    SymbolicBinding(Symbolic),
    Plugin,
    BigEndian(bool),
    Soname,
    Orphans,
    ForceGroupAllocation,
    FatLtoObjects(bool),
    RetainSymbols,
    DependentLibraries(bool),
    RemapInputs,
    RemapInputsFile,
    /// gold's incremental modes switch garbage collection off (`General_options::finalize`).
    Incremental(bool),
    /// `-C DIR` of mold.
    ChangeDir,
    /// `-f`, `-F`: refused without `-shared`.
    Filter,
}

/// How an option takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No value.
    Flag,
    /// `--name=VALUE` or `--name VALUE`.
    Value,
    /// `--name=VALUE` or nothing.
    Maybe,
    /// `-xVALUE` or `-x VALUE`.
    JoinedOrNext,
    /// The value follows the name at once (the name may end in `=`).
    Joined,
    /// `--name VALUE` only.
    Next,
}

/// How many dashes stand before the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dashes {
    /// One or two.
    Any,
    /// Exactly one.
    One,
    /// Exactly two.
    Two,
}

/// One option of a linker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    /// Its name without dashes.
    pub name: &'static str,
    /// The dashes it takes.
    pub dashes: Dashes,
    /// How it takes its value.
    pub kind: Kind,
    /// What it asks for.
    pub meaning: Meaning,
}

/// A table row: kind, meaning, and the names separated by spaces. A name written with `--` takes
/// exactly two dashes, with `-` exactly one, without any: both.
pub(super) type Row = (Kind, Meaning, &'static str);

/// The options of some rows, in order.
pub(super) fn table(rows: &[Row]) -> Vec<Opt> {
    let mut options = Vec::new();
    for &(kind, meaning, names) in rows {
        for word in names.split_ascii_whitespace() {
            let (dashes, name) = match (word.strip_prefix("--"), word.strip_prefix('-')) {
                (Some(name), _) if !name.is_empty() => (Dashes::Two, name),
                (_, Some(name)) if !name.is_empty() => (Dashes::One, name),
                _ => (Dashes::Any, word),
            };
            options.push(Opt { name, dashes, kind, meaning });
        }
    }
    options
}

/// A word (or two) taken as an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The option's name in the table, without dashes.
    pub name: &'static str,
    /// What it asks for.
    pub meaning: Meaning,
    /// Its value, if it has one.
    pub value: Option<Vec<u8>>,
}

/// One step of taking words apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Options (more than one where short ones are joined) and the number of words used.
    Options(Vec<Matched>, usize),
    /// An input file name.
    Input,
    /// `--`: what follows are inputs (gold) or nothing (bfd).
    EndOfOptions,
    /// Not an option of this linker.
    Unknown,
    /// An option of this linker, used wrongly; the text says how.
    Wrong(String),
}

impl Taken {
    pub(super) fn one(option: &Opt, value: Option<Vec<u8>>, words: usize) -> Taken {
        Taken::Options(vec![Matched { name: option.name, meaning: option.meaning, value }], words)
    }
}

/// Takes the word at `at` apart as `profile`'s linker does.
pub fn take(profile: Profile, words: &[OsString], at: usize) -> Taken {
    let Some(word) = words.get(at) else { return Taken::Unknown };
    let word = word.as_bytes();
    let next = words.get(at + 1).map(|w| w.as_bytes());
    match profile.flavor {
        Flavor::Bfd => bfd::take(word, next),
        Flavor::Gold => gold::take(word, next),
        Flavor::Lld => lld::take(profile.version, word, next),
        Flavor::Mold => mold::take(profile.version, word, next),
    }
}

/// Whether the linker has an option of this name, or another way to say the same.
pub fn knows(profile: Profile, option: &Matched) -> bool {
    let table: &[Opt] = match profile.flavor {
        Flavor::Bfd => bfd::options(),
        Flavor::Gold => gold::options(),
        Flavor::Lld => lld::options(profile.version),
        Flavor::Mold => mold::options(),
    };
    let without_effect = |m| matches!(m, Meaning::Ignore | Meaning::Print | Meaning::WriteFile);
    table.iter().any(|o| {
        if without_effect(option.meaning) {
            o.name.trim_end_matches('=') == option.name.trim_end_matches('=')
        } else {
            o.meaning == option.meaning
                || (o.name.trim_end_matches('=') == option.name && !without_effect(o.meaning))
        }
    })
}

/// The policy that `--orphan-handling` names; bfd takes any letter case (ld `parse_args`).
pub fn orphan_handling(flavor: Flavor, value: &[u8]) -> Option<OrphanHandling> {
    let lower = value.to_ascii_lowercase();
    let value = if flavor == Flavor::Bfd { lower.as_slice() } else { value };
    Some(match value {
        b"place" => OrphanHandling::Place,
        b"warn" => OrphanHandling::Warn,
        b"error" => OrphanHandling::Error,
        b"discard" if flavor != Flavor::Lld => OrphanHandling::Discard,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_names_say_their_dashes() {
        let t = table(&[(Kind::Flag, Meaning::Ignore, "a --b -c -( --")]);
        let got: Vec<_> = t.iter().map(|o| (o.name, o.dashes)).collect();
        assert_eq!(
            got,
            [
                ("a", Dashes::Any),
                ("b", Dashes::Two),
                ("c", Dashes::One),
                ("(", Dashes::One),
                ("-", Dashes::One)
            ]
        );
    }
}

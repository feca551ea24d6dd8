//! `-z KEYWORD`: the keywords each linker knows and the few that matter to us.
//!
//! In: a profile and the text behind `-z`. Out: what it asks for. gold refuses a keyword that it does
//! not know; the others warn and go on.
//! Source: ld `emultempl/elf.em`; gold `options.h`; lld `isKnownZFlag`; mold `cmdline.cc`.

use crate::plan::{Flavor, Profile};

/// What a keyword asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    /// `start-stop-gc`, `nostart-stop-gc`.
    StartStopGc(bool),
    /// `muldefs`.
    AllowMultiple,
    /// `defs`, `undefs`.
    UndefinedIsError(bool),
    /// `text`, `notext`, `textoff`: whether read-only sections may get dynamic relocations.
    TextRelocations(bool),
    /// `copyreloc`, `nocopyreloc`.
    CopyRelocations(bool),
    /// mold's `undefs`: takes `defs` back, no more.
    NoDefs,
    /// Known, without effect on our answers.
    Ignore,
    /// bfd: relocations that may overflow at run time are let through.
    NoRelocOverflow,
    /// Not known; the linker warns and goes on.
    Ignored,
    /// Not known; the linker refuses it.
    Refused,
}

/// gold's keywords; those that take a value end in `=`.
const GOLD: &str = "combreloc nocombreloc common-page-size= defs nodefs execstack noexecstack global \
    noglobal initfirst noinitfirst interpose nointerpose unique nounique lazy nolazy loadfltr \
    noloadfltr max-page-size= muldefs nomuldefs copyreloc nocopyreloc nodefaultlib nonodefaultlib \
    nodelete nonodelete nodlopen nonodlopen nodump nonodump nonoexecstack now nonow origin noorigin \
    relro norelro stack-size= start-stop-visibility= text notext textoff notextoff \
    text-unlikely-segment notext-unlikely-segment keep-text-section-prefix nokeep-text-section-prefix";

fn in_list(list: &str, text: &[u8]) -> bool {
    list.split_ascii_whitespace().any(|known| {
        let known = known.as_bytes();
        if known.ends_with(b"=") { text.starts_with(known) } else { text == known }
    })
}

/// The keyword's meaning for this linker.
pub fn keyword(profile: Profile, text: &[u8]) -> Keyword {
    match (profile.flavor, text) {
        (Flavor::Gold, b"muldefs") => Keyword::AllowMultiple,
        (Flavor::Gold, b"defs") => Keyword::UndefinedIsError(true),
        (Flavor::Gold, _) if in_list(GOLD, text) => Keyword::Ignore,
        (Flavor::Gold, _) => Keyword::Refused,
        // bfd compares a prefix only.
        (Flavor::Bfd, t) if t.starts_with(b"start-stop-gc") => Keyword::StartStopGc(true),
        (Flavor::Bfd, t) if t.starts_with(b"nostart-stop-gc") => Keyword::StartStopGc(false),
        (Flavor::Bfd, b"noreloc-overflow") => Keyword::NoRelocOverflow,
        (Flavor::Lld, b"start-stop-gc") => Keyword::StartStopGc(true),
        (Flavor::Lld, b"nostart-stop-gc") => Keyword::StartStopGc(false),
        (Flavor::Mold, b"start-stop-gc" | b"nostart-stop-gc") => Keyword::Ignored,
        (Flavor::Lld, b"textoff") => Keyword::Ignore,
        (_, b"text") => Keyword::TextRelocations(false),
        (_, b"notext" | b"textoff") => Keyword::TextRelocations(true),
        (_, b"copyreloc") => Keyword::CopyRelocations(true),
        (_, b"nocopyreloc") => Keyword::CopyRelocations(false),
        (_, b"muldefs") => Keyword::AllowMultiple,
        (_, b"defs") => Keyword::UndefinedIsError(true),
        // Only takes `-z defs` back, which counts with -shared.
        (Flavor::Mold, b"undefs") => Keyword::NoDefs,
        (_, b"undefs") => Keyword::UndefinedIsError(false),
        _ => Keyword::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Version;

    #[test]
    fn per_linker() {
        let p = |flavor| Profile { flavor, version: Version(0, 0, 0) };
        for (flavor, text, want) in [
            (Flavor::Bfd, "start-stop-gc", Keyword::StartStopGc(true)),
            (Flavor::Bfd, "start-stop-gcx", Keyword::StartStopGc(true)),
            (Flavor::Lld, "start-stop-gcx", Keyword::Ignore),
            (Flavor::Lld, "nostart-stop-gc", Keyword::StartStopGc(false)),
            (Flavor::Gold, "start-stop-gc", Keyword::Refused),
            (Flavor::Gold, "max-page-size=4096", Keyword::Ignore),
            (Flavor::Gold, "undefs", Keyword::Refused),
            (Flavor::Mold, "start-stop-gc", Keyword::Ignored),
            (Flavor::Mold, "defs", Keyword::UndefinedIsError(true)),
        ] {
            assert_eq!(keyword(p(flavor), text.as_bytes()), want, "{flavor:?} {text}");
        }
    }
}

//! A command becomes a plan: which linker, which words, which options.
//!
//! In: the words of a linker or driver command and what the user overrides. Out: a [`LinkPlan`].
//! Words are taken apart in the syntax of the program named; an option's meaning is then looked up
//! in the linker modelled, and one that only the other linker knows is dropped with a note (cli.md 1).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::options::{self, Matched, Meaning, Taken};
use super::program::{self, First};
use super::{LinkPlan, Profile, ProfileSpec, build, driver, response};
use crate::error::{Error, Result};

/// What the user's own options say about a link.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--linker`.
    pub linker: Option<ProfileSpec>,
    /// `-C`: the folder that relative paths start from; empty for the current one.
    pub directory: PathBuf,
    /// The command assumes `--gc-sections` (`gc`, `keep`, `verify`).
    pub assume_gc: bool,
    /// What the linker of the line is if it cannot be asked (a kernel's configuration, cli.md 1).
    pub assumed: Option<Profile>,
    /// A linker as its line spells it, and what it has said to be: it is not asked again.
    pub known: Option<(String, Profile)>,
}

impl Overrides {
    /// The same for further links of the build that `plan` belongs to: its linker has been asked.
    #[must_use]
    pub fn after(&self, plan: &LinkPlan) -> Overrides {
        let known = plan.program.clone().map(|program| (program, plan.written_for));
        Overrides { known, ..self.clone() }
    }
}

/// One option or input of the line, with the words that spell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Argument {
    /// An option, or an input file name.
    pub(super) item: Item,
    /// The first of its words as written, for messages.
    pub(super) spelled: OsString,
}

/// What an [`Argument`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// An option.
    Option(Matched),
    /// An input file name.
    Input(OsString),
}

/// Reads a linker line or a driver line.
///
/// # Errors
/// Wrong usage that the linker would refuse too: an unknown option, a wrong value, a file named by
/// an option that cannot be read, a driver that makes no link. The message names the word.
pub fn parse_command(words: &[OsString], overrides: &Overrides) -> Result<LinkPlan> {
    let Some(first) = words.first() else {
        return Err(Error::new("link command", "it has no words"));
    };
    let mut notes = Vec::new();
    let expanded;
    let words = if program::recognize(first) == First::Compiler {
        expanded = driver::expand(words, &overrides.directory)?;
        notes.push(format!("expanded by asking {}", first.display()));
        expanded.as_slice()
    } else {
        words
    };
    let named = words.first().map(|w| (w, program::recognize(w)));
    let (program, name, mut arguments) = match named {
        Some((word, First::Linker(name))) => (Some(word), Some(name), words.get(1..).unwrap_or_default()),
        _ => (None, None, words),
    };
    let mut leading: &[OsString] = &[];
    if let [flag, value, rest @ ..] = arguments
        && (flag == "-flavor" || flag == "--flavor")
        && name.as_ref().and_then(|n| n.flavor) == Some(super::Flavor::Lld)
    {
        if !matches!(value.as_bytes(), b"gnu" | b"ld" | b"ld.lld") {
            return Err(Error::new("option -flavor", format!("{} does not link ELF", value.display())));
        }
        leading = arguments.get(..2).unwrap_or_default();
        arguments = rest;
    }
    let (written, modelled) = profiles(program, name.as_ref(), leading, overrides);
    let emulation = name.as_ref().and_then(|n| n.target.as_deref()).and_then(program::target_emulation);
    let expanded = response::expand(written.flavor, arguments, &overrides.directory)?;
    let split = split(written, modelled, &expanded, &mut notes)?;
    let mut plan = build::build(build::Request {
        profile: modelled,
        arguments: split,
        directory: overrides.directory.clone(),
        emulation: emulation.map(str::to_string),
        notes,
    })?;
    plan.program = program.map(|p| p.to_string_lossy().into_owned());
    plan.words = arguments.to_vec();
    plan.written_for = written;
    if overrides.assume_gc {
        match plan.gc_sections {
            None => {
                plan.gc_sections = Some(true);
                plan.notes.push("assuming --gc-sections".into());
            }
            Some(false) => plan.notes.push("--no-gc-sections of the line wins: nothing is collected".into()),
            Some(true) => {}
        }
    }
    Ok(plan)
}

/// The linker that the line is written for, and the one that is modelled.
fn profiles(
    program: Option<&OsString>,
    name: Option<&program::LinkerName>,
    leading: &[OsString],
    overrides: &Overrides,
) -> (Profile, Profile) {
    let spec = overrides.linker;
    let written = match (program, name) {
        (Some(program), Some(name)) => {
            let known =
                overrides.known.as_ref().filter(|k| leading.is_empty() && OsStr::new(&k.0) == program);
            let asked = match known {
                Some((_, profile)) => Some(*profile),
                None => program::probe(program, leading, &overrides.directory),
            };
            let assumed = overrides.assumed.filter(|a| name.flavor.is_none_or(|f| f == a.flavor));
            asked.or(assumed).unwrap_or_else(|| {
                let flavor = name.flavor.unwrap_or(super::Flavor::Bfd);
                let spelled = program.to_string_lossy();
                let version = ProfileSpec::parse(spelled.rsplit('/').next().unwrap_or_default())
                    .ok()
                    .and_then(|s| s.version)
                    .unwrap_or(program::default_version(flavor));
                Profile { flavor, version }
            })
        }
        _ => match spec {
            Some(spec) => spec.profile(),
            None => ProfileSpec { flavor: super::Flavor::Bfd, version: None }.profile(),
        },
    };
    let modelled = match spec {
        None => written,
        // The program's own version counts where only the flavour is overridden, with the same one.
        Some(ProfileSpec { flavor, version: None }) if flavor == written.flavor => written,
        Some(spec) => spec.profile(),
    };
    (written, modelled)
}

/// Takes expanded words apart; options that only the other linker knows become notes.
pub(super) fn split(
    written: Profile,
    modelled: Profile,
    words: &[OsString],
    notes: &mut Vec<String>,
) -> Result<Vec<Argument>> {
    let mut out = Vec::with_capacity(words.len());
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let mut taken = options::take(written, words, at);
        if written != modelled && matches!(taken, Taken::Unknown | Taken::Wrong(_)) {
            taken = match options::take(modelled, words, at) {
                Taken::Unknown | Taken::Wrong(_) => taken,
                other => other,
            };
        }
        match taken {
            Taken::Input => {
                out.push(Argument { item: Item::Input(word.clone()), spelled: word.clone() });
                at += 1;
            }
            Taken::Options(options, used) => {
                for option in options {
                    if modelled != written && !options::knows(modelled, &option) {
                        if option.meaning != Meaning::Ignore || option.name != "plugin-opt" {
                            notes.push(format!(
                                "option {} is not known to this linker: dropped",
                                word.display()
                            ));
                        }
                        continue;
                    }
                    out.push(Argument { item: Item::Option(option), spelled: word.clone() });
                }
                at += used.max(1);
            }
            Taken::EndOfOptions => {
                // gold: all that follows are inputs; bfd looks at nothing behind it.
                let rest = words.get(at + 1..).unwrap_or_default();
                if written.flavor == super::Flavor::Gold {
                    out.extend(
                        rest.iter().map(|w| Argument { item: Item::Input(w.clone()), spelled: w.clone() }),
                    );
                } else if !rest.is_empty() {
                    notes.push(format!("{} words behind -- are not looked at", rest.len()));
                }
                break;
            }
            Taken::Unknown => {
                return Err(Error::new(format!("option {}", word.display()), "not an option of this linker"));
            }
            Taken::Wrong(why) => return Err(Error::new(format!("option {}", word.display()), why)),
        }
    }
    Ok(out)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

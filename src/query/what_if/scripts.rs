//! `--drop-keep` and `--add-keep`: the scripts as if they had been edited.
//!
//! In: the scripts of a link. Out: the same with KEEP off or on statements; a KEEP of sections by name becomes a
//! script of its own that places nothing (GS 9.1). Without a `-T` script bfd's built-in KEEPs can be taken off.

use bstr::{BString, ByteSlice};

use super::{Applied, Change, nothing};
use crate::error::{Error, Result};
use crate::graph::{Root, RootKind};
use crate::ids::{FileId, SectionId};
use crate::load::ScriptFile;
use crate::load::elf::consts::{ELFOSABI_FREEBSD, ELFOSABI_GNU, SHF_GNU_RETAIN};
use crate::load::elf::is_relocation_type;
use crate::plan::{Flavor, OutputKind, Profile};
use crate::query::Analysis;
use crate::query::finished::Finished;
use crate::query::portrait::has_row;
use crate::query::why::Pattern;
use crate::resolve;
use crate::script::builtin::builtin;
use crate::script::{self, InputDescription, Script, edit};

/// Text without white space.
fn squeezed(text: &[u8]) -> BString {
    let mut text = BString::from(text);
    text.retain(|b| !b.is_ascii_whitespace());
    text
}

/// Whether a user's words name a statement: its text, its place.
fn names(script: &Script, input: &InputDescription, wanted: &[u8]) -> bool {
    if squeezed(script.text(input.inner)) == wanted || squeezed(script.text(input.span)) == wanted {
        return true;
    }
    [input.span, input.inner].iter().any(|&span| {
        let at = script.location(span);
        let tail = format!(":{}:{}", at.line, at.column);
        let Some(file) = wanted.strip_suffix(tail.as_bytes()) else { return false };
        let path = squeezed(at.file.as_os_str().as_encoded_bytes());
        path == file || (path.ends_with(file) && path[..path.len() - file.len()].ends_with(b"/"))
    })
}

/// Whether a glob matches one of the section patterns of a statement, without or with SORT and the like.
fn holds(script: &Script, input: &InputDescription, glob: &Pattern) -> bool {
    input.sections.iter().any(|s| glob.matches(&s.name.text) || glob.matches(&squeezed(script.text(s.span))))
}

/// `FILE:LINE:COLUMN text`.
fn shown(script: &Script, input: &InputDescription) -> BString {
    let at = script.location(input.span);
    format!("{}:{}:{} {}", at.file.display(), at.line, at.column, squeezed(script.text(input.inner))).into()
}

/// Sets or clears KEEP of the statements that `choose` takes; returns their names.
fn set(
    scripts: &mut [ScriptFile],
    keep: bool,
    choose: impl Fn(&Script, &InputDescription) -> bool,
) -> Vec<BString> {
    let mut out = Vec::new();
    for file in scripts {
        // Spans are read from the script while its statements change.
        let text = file.script.clone();
        file.script.each_input_mut(|_, input| {
            if input.keep != keep && choose(&text, input) {
                input.keep = keep;
                out.push(shown(&text, input));
            }
        });
    }
    out
}

/// Takes KEEP off the statements that K names; `of_linker` are the KEEPs of the built-in script.
pub(super) fn drop_keep(
    of_linker: Vec<BString>,
    change: &Change,
    text: &[u8],
    scripts: &mut [ScriptFile],
) -> Result<Applied> {
    let wanted = squeezed(text);
    let mut found = set(scripts, false, |script, input| names(script, input, &wanted));
    if found.is_empty() {
        let glob = Pattern::new(&wanted, false);
        found = set(scripts, false, |script, input| holds(script, input, &glob));
    }
    if found.is_empty() {
        found = of_linker.iter().filter(|k| is_builtin(k, &wanted)).cloned().collect();
    }
    if !found.is_empty() {
        return Ok(Applied::of(change, "KEEP statements", found));
    }
    let mut known: Vec<BString> = of_linker;
    for file in scripts {
        let text = file.script.clone();
        file.script.each_input_mut(|_, input| {
            if input.keep {
                known.push(squeezed(text.text(input.inner)));
                let at = text.location(input.span);
                known.push(format!("{}:{}:{}", at.file.display(), at.line, at.column).into());
                known.extend(input.sections.iter().map(|s| s.name.text.clone()));
            }
        });
    }
    Err(nothing(change, "KEEP statement", &wanted, known.iter().map(|n| n.as_slice()).collect()))
}

/// KEEP around the statement that the words name, else of all sections of that name (or, with a file pattern
/// and parentheses, of that description). `known` tells the names of all sections of the link.
pub(super) fn add_keep<'k>(
    profile: Profile,
    known: impl FnOnce() -> Vec<&'k [u8]>,
    change: &Change,
    text: &[u8],
    scripts: &mut Vec<ScriptFile>,
) -> Result<Applied> {
    let fail = |cause: &str| Err(Error::new(format!("option {}", change.spelled()), cause));
    if profile.flavor == Flavor::Mold {
        return fail("mold reads no KEEP");
    }
    let wanted = squeezed(text);
    let found = set(scripts, true, |script, input| names(script, input, &wanted));
    if !found.is_empty() {
        return Ok(Applied::of(change, "statements", found));
    }
    let description = match text.contains(&b'(') {
        true => BString::from(text),
        false => BString::from([b"*(", text, b")"].concat()),
    };
    let script = edit::keeping(script::dialect(profile), description.as_bstr())
        .map_err(|e| Error::new(format!("option {}", change.spelled()), e.to_string()))?;
    let mut added = ScriptFile { shown: "added KEEP".into(), script, as_input: true };
    // What it matches is known by its own patterns; nothing at all is a mistake.
    let mut globs = Vec::new();
    added
        .script
        .each_input_mut(|_, i| globs.extend(i.sections.iter().map(|s| Pattern::new(&s.name.text, false))));
    let mut known = known();
    known.sort_unstable();
    known.dedup();
    if !known.iter().any(|n| globs.is_empty() || globs.iter().any(|g| g.matches(n))) {
        return Err(nothing(change, "section", &wanted, known));
    }
    scripts.push(added);
    Ok(Applied::of(change, "statements", vec![BString::from(format!("KEEP({description})"))]))
}

/// The names of all sections of a link; relocation sections count only where the linker reasons about them.
pub(super) fn section_names<'d>(analysis: &Analysis<'d>) -> Vec<&'d [u8]> {
    let program = &analysis.program;
    let counts = |section: &SectionId| {
        let (file, index) = program.locate(*section);
        let row = program.files[file].object().and_then(|o| o.sections.get(index as usize));
        has_row(analysis, *section) || !row.is_some_and(|r| is_relocation_type(r.kind))
    };
    let of_file =
        |&file: &FileId| program.sections_of(file).skip(1).filter(counts).map(|s| program.section_name(s));
    analysis.resolution.files.iter().flat_map(of_file).collect()
}

/// The KEEPs of bfd's built-in script, where that one counts.
pub(super) fn builtin_keeps(analysis: &Analysis<'_>) -> Vec<BString> {
    let program = &analysis.program;
    let own = resolve::has_own_script(program);
    keeps_of_linker(program.plan.profile, resolve::emulation(program), program.plan.output_kind, own)
}

/// The same by what decides: linker, emulation, output, and whether a script replaces the built-in one.
pub(super) fn keeps_of_linker(
    profile: Profile,
    emulation: &str,
    output: OutputKind,
    own_script: bool,
) -> Vec<BString> {
    if profile.flavor != Flavor::Bfd || own_script {
        return Vec::new();
    }
    let keeps = builtin(emulation, output == OutputKind::Relocatable).keeps;
    keeps.into_iter().map(|k| BString::from(format!("*({k})"))).collect()
}

fn is_builtin(keep: &[u8], wanted: &[u8]) -> bool {
    let inner = keep.strip_prefix(b"*(").and_then(|k| k.strip_suffix(b")")).unwrap_or(keep);
    keep == wanted || Pattern::new(wanted, false).matches(inner)
}

/// Takes away the roots of built-in KEEPs.
pub(super) fn take_builtin(analysis: &mut Analysis<'_>, changes: &[Change]) {
    let keeps = builtin_keeps(analysis);
    let mut roots = std::mem::take(&mut analysis.roots.roots);
    let retained = |section| retained(&analysis.program, section);
    without_builtin(analysis, keeps, changes, &mut roots, retained);
    analysis.roots.roots = roots;
}

/// Takes roots of built-in KEEPs out of a list; `retained` tells whether SHF_GNU_RETAIN counts for a section.
pub(super) fn without_builtin(
    link: &impl Finished,
    keeps: Vec<BString>,
    changes: &[Change],
    roots: &mut Vec<Root>,
    retained: impl Fn(SectionId) -> bool,
) {
    let gone = |keep: &BString| {
        changes.iter().any(|c| matches!(c, Change::DropKeep(text) if is_builtin(keep, &squeezed(text))))
    };
    let pattern = |k: &BString| {
        let inner = k.strip_prefix(b"*(").and_then(|k| k.strip_suffix(b")")).unwrap_or(k);
        Pattern::new(inner, false)
    };
    let (gone, left): (Vec<BString>, Vec<BString>) = keeps.into_iter().partition(gone);
    if gone.is_empty() {
        return;
    }
    let (gone, left): (Vec<Pattern>, Vec<Pattern>) =
        (gone.iter().map(pattern).collect(), left.iter().map(pattern).collect());
    roots.retain(|root| {
        let Some(section) = link.section(root.node) else { return true };
        if root.keep.is_some() || !matches!(root.kind, RootKind::Keep | RootKind::InitArray) {
            return true;
        }
        let name = link.section_name(section);
        let any = |list: &[Pattern]| list.iter().any(|p| p.matches(name));
        !any(&gone) || any(&left) || retained(section)
    });
}

fn retained(program: &crate::program::Program<'_>, section: SectionId) -> bool {
    let (file, index) = program.locate(section);
    program.files[file].object().is_some_and(|o| {
        matches!(o.osabi, ELFOSABI_GNU | ELFOSABI_FREEBSD)
            && o.sections.get(index as usize).is_some_and(|r| r.flags & SHF_GNU_RETAIN != 0)
    })
}

//! What would keep a dropped thing, for the linker of the link.
//!
//! In: the cause of a death. Out: [`Remedy`] values, the most fitting first.

use super::death::{Cause, Death, OwnSymbol};
use super::member::{LeftBehind, Verdict};
use super::table::ScriptPlace;
use crate::ids::{ArchiveId, FileId, NameId, SectionId};
use crate::load::elf::consts::{ELFOSABI_FREEBSD, ELFOSABI_GNU, STV_HIDDEN, STV_INTERNAL};
use crate::plan::{Flavor, OutputKind};
use crate::query::Analysis;

/// One way to keep something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Write `KEEP(*(NAME))` in the script, at this statement if one places the section.
    KeepInScript {
        /// The section.
        section: SectionId,
        /// The statement that places it now.
        place: Option<ScriptPlace>,
    },
    /// `-u NAME`.
    Undefined(NameId),
    /// Mark the definition `__attribute__((retain))` (SHF_GNU_RETAIN).
    Retain {
        /// This linker heeds the flag only if the object's OSABI is GNU or FreeBSD.
        needs_osabi: bool,
        /// The object's OSABI says so now.
        has_osabi: bool,
    },
    /// Export the symbol: `--export-dynamic-symbol=NAME`, or default visibility in a shared library.
    Export {
        /// The symbol.
        name: NameId,
        /// It is hidden now.
        hidden: bool,
    },
    /// Put the archive between `--whole-archive` and `--no-whole-archive`.
    WholeArchive(ArchiveId),
    /// Name the archive behind the file that needs it, or put both in a group.
    MoveArchive(ArchiveId, FileId),
    /// Make the archive's index anew.
    Reindex(ArchiveId),
    /// Make a reference strong.
    StrongReference(NameId, FileId),
    /// `-z nostart-stop-gc`.
    NoStartStopGc,
    /// Refer to it (or to what leads to it) from something live.
    Refer(SectionId),
    /// Clear SHF_EXCLUDE.
    ClearExclude,
    /// Make objects without CREL relocations.
    WithoutCrel,
}

/// Remedies for a dropped node.
pub(super) fn for_death(analysis: &Analysis<'_>, death: &Death) -> Vec<Remedy> {
    let plan = analysis.program.plan;
    let flavor = plan.profile.flavor;
    let Some(section) = death.section else { return symbol_only(&death.symbols) };
    let (file, index) = analysis.program.locate(section);
    let object = analysis.program.files[file].object();
    let alloc = object.is_some_and(|o| o.sections.get(index as usize).is_some_and(|r| r.is_alloc()));
    let mut out = Vec::new();
    let keep = Remedy::KeepInScript { section, place: death.placed };
    let placing = |s: &crate::load::ScriptFile| !super::table::output_sections(&s.script).is_empty();
    let scripts = flavor != Flavor::Mold && analysis.program.scripts.iter().any(placing);
    match death.cause {
        Cause::Lost { .. } | Cause::Structural | Cause::FileIsDead | Cause::Describes(_) => return out,
        Cause::Excluded => return vec![Remedy::ClearExclude],
        Cause::Table => {
            let assigned = death.table.as_ref().is_some_and(|t| t.assigned || t.object);
            if !assigned && matches!(flavor, Flavor::Lld | Flavor::Bfd) {
                out.push(Remedy::NoStartStopGc);
            }
            if scripts {
                out.push(keep);
            }
        }
        Cause::NoReferrer | Cause::OnlyDead | Cause::OnlyUncounted | Cause::Cycle => {
            let uncounted = death
                .referrers
                .iter()
                .any(|r| r.state == super::death::ReferrerState::Live(super::death::Uncounted::Crel));
            if uncounted {
                out.push(Remedy::WithoutCrel);
            }
            let top = |h: &super::death::Head| h.path.first().and_then(|n| analysis.graph.section(*n));
            let walked = death.heads.iter().find_map(|h| Some((top(h)?, h.table.as_ref()?)));
            if let Some((head, (table, place))) = walked {
                if !table.assigned && !table.object && matches!(flavor, Flavor::Lld | Flavor::Bfd) {
                    out.push(Remedy::NoStartStopGc);
                } else if scripts {
                    out.push(Remedy::KeepInScript { section: head, place: *place });
                }
            } else {
                out.push(Remedy::Refer(death.heads.first().and_then(top).unwrap_or(section)));
                if scripts {
                    out.push(keep);
                }
            }
        }
    }
    out.extend(symbol_only(&death.symbols));
    if alloc {
        let osabi = object.map_or(0, |o| o.osabi);
        out.push(Remedy::Retain {
            needs_osabi: matches!(flavor, Flavor::Bfd | Flavor::Gold),
            has_osabi: matches!(osabi, ELFOSABI_GNU | ELFOSABI_FREEBSD),
        });
    }
    let dynamic = matches!(plan.output_kind, OutputKind::Shared | OutputKind::Pie)
        || analysis.resolution.needed_libraries.count_ones(..) > 0
        || flavor != Flavor::Bfd;
    let exports = dynamic && plan.output_kind != OutputKind::Relocatable && alloc;
    if let Some(own) = death.symbols.iter().find(|s| s.wins && exports) {
        let hidden = matches!(analysis.resolution.visibility[own.name], STV_HIDDEN | STV_INTERNAL);
        out.push(Remedy::Export { name: own.name, hidden });
    }
    out
}

fn symbol_only(symbols: &[OwnSymbol]) -> Vec<Remedy> {
    symbols.iter().find(|s| s.wins).map(|s| Remedy::Undefined(s.name)).into_iter().collect()
}

/// Remedies for a member that stayed behind.
pub(super) fn for_member(analysis: &Analysis<'_>, file: FileId, left: &LeftBehind) -> Vec<Remedy> {
    let mut out = Vec::new();
    let archive = analysis.program.files[file].archive;
    let flavor = analysis.program.plan.profile.flavor;
    for step in &left.symbols {
        match (step.verdict, archive) {
            (Verdict::TooEarly(asker), Some(archive)) if matches!(flavor, Flavor::Bfd | Flavor::Gold) => {
                out.push(Remedy::MoveArchive(archive, asker));
                break;
            }
            (Verdict::NotInIndex(_), Some(archive)) => {
                out.push(Remedy::Reindex(archive));
                break;
            }
            (Verdict::WeakOnly(asker), _) => {
                out.push(Remedy::StrongReference(step.name, asker));
                break;
            }
            _ => {}
        }
    }
    let free = |v: Verdict| !matches!(v, Verdict::DefinedElsewhere(_));
    out.extend(left.symbols.iter().find(|s| free(s.verdict)).map(|s| Remedy::Undefined(s.name)));
    out.extend(archive.map(Remedy::WholeArchive));
    out
}

//! Undefined symbols of the link itself.
//!
//! In: an analysis. Out: one [`Row`] per name that no file of the link defines. A row is an error exactly if
//! the modelled linker reports the name; weak names and names that only dropped sections use are notes.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::cause::{Cause, MemberReason};
use super::evidence::{self, Evidence};
use super::{Needer, REFERRERS, Referrer, Row, helpers};
use crate::ids::{FileId, NameId};
use crate::load::elf::Place;
use crate::load::elf::consts::STB_WEAK;
use crate::plan::{Flavor, OutputKind};
use crate::program::{Content, LinkItem};
use crate::query::Analysis;
use crate::query::fate::{self, Fate};
use crate::query::finding::{self, Level};
use crate::query::kernel::module::Module;
use crate::resolve::DefKind;

/// All rows.
pub(super) fn rows(analysis: &Analysis<'_>, modules: &[Module<'_>]) -> Vec<Row> {
    let program = &analysis.program;
    let diagnostics = finding::diagnostics(analysis);
    let refused: HashSet<&[u8], FixedState> =
        diagnostics.iter().map(|d| d.symbol.as_slice()).filter(|s| !s.is_empty()).collect();
    let mut referrers = referrers(analysis);
    let mut missing: Vec<NameId> = referrers.keys().copied().collect();
    // Names that only options, scripts or shared libraries mention.
    for name in program.names.ids() {
        let undefined = analysis.resolution.definitions[name].kind == DefKind::Undefined;
        if (undefined || refused.contains(program.name(name))) && !referrers.contains_key(&name) {
            missing.push(name);
        }
    }
    missing.sort_unstable_by_key(|n| (first_mention(analysis, referrers.get(n), *n), *n));
    let names: Vec<&[u8]> = missing.iter().map(|&n| program.name(n)).collect();
    let evidence = evidence::collect(program, modules, &names);
    let opaque = evidence::opaque_inputs(program);
    let links = Links::new(analysis);
    let empty = Evidence::default();
    let mut out = Vec::new();
    for name in missing {
        let text = program.name(name);
        let mut places = referrers.remove(&name).unwrap_or_default();
        places.sort_by_key(|r| !r.kept);
        let weak = analysis.resolution.definitions[name].kind == DefKind::UndefinedWeak;
        let level = level(analysis, weak, &places, refused.contains(text));
        // What the linker itself defines in the end is not undefined at all.
        if level == Level::Note && !weak && is_linkers_own(analysis, text, &places) {
            continue;
        }
        let known = evidence.get(text).unwrap_or(&empty);
        let cause =
            if weak { Cause::Weak } else { cause(analysis, &links, text, known, &places, modules, &opaque) };
        let referrer_count = places.len();
        places.truncate(REFERRERS);
        out.push(Row {
            name: text.into(),
            needer: Needer::Link,
            level,
            cause,
            message: message(analysis, text),
            referrers: places,
            referrer_count,
            near: None,
            place: None,
        });
    }
    out
}

fn first_mention(analysis: &Analysis<'_>, places: Option<&Vec<Referrer>>, name: NameId) -> u32 {
    match places.and_then(|p| p.first()) {
        Some(first) => first.file.0,
        None => analysis.resolution.definitions[name].file.0,
    }
}

fn message(analysis: &Analysis<'_>, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    match analysis.program.plan.profile.flavor {
        Flavor::Bfd => format!("undefined reference to `{name}'"),
        Flavor::Gold => format!("undefined reference to '{name}'"),
        Flavor::Lld | Flavor::Mold => format!("undefined symbol: {name}"),
    }
}

fn level(analysis: &Analysis<'_>, weak: bool, places: &[Referrer], refused: bool) -> Level {
    let plan = analysis.program.plan;
    if refused {
        return Level::Error;
    }
    let asked = plan.undefined_is_error.unwrap_or(plan.output_kind != OutputKind::Shared);
    let live = places.iter().any(|r| r.kept);
    if weak || !live || !asked || plan.output_kind == OutputKind::Relocatable {
        return Level::Note;
    }
    match plan.profile.flavor {
        _ if plan.warn_unresolved || plan.noinhibit_exec => Level::Warning,
        // gold reports while it relocates; the others were asked above.
        Flavor::Gold => Level::Error,
        _ => Level::Note,
    }
}

/// Names like `_end` and `__ehdr_start`: live code refers to them, and the linker does not complain.
fn is_linkers_own(analysis: &Analysis<'_>, name: &[u8], places: &[Referrer]) -> bool {
    let plan = analysis.program.plan;
    let asked = plan.undefined_is_error.unwrap_or(plan.output_kind != OutputKind::Shared);
    let judged = asked && plan.output_kind != OutputKind::Relocatable && !plan.warn_unresolved;
    matches!(name, b"_GLOBAL_OFFSET_TABLE_" | b".TOC.") || (judged && places.iter().any(|r| r.kept))
}

/// Where every undefined name is used, by name. Files in link order, sections in file order; a mention
/// without relocation counts once.
fn referrers(analysis: &Analysis<'_>) -> BTreeMap<NameId, Vec<Referrer>> {
    let program = &analysis.program;
    let fates = fate::fates(analysis);
    let undefined = |name: NameId| {
        matches!(analysis.resolution.definitions[name].kind, DefKind::Undefined | DefKind::UndefinedWeak)
    };
    let per_file: Vec<Vec<(NameId, Referrer)>> = analysis
        .resolution
        .files
        .par_iter()
        .with_min_len(16)
        .map(|&file| {
            let f = &program.files[file];
            let Content::Object(object) = &f.content else { return Vec::new() };
            let mut wanted: HashMap<u32, NameId, FixedState> = HashMap::default();
            for (symbol, &name) in (object.first_global..).zip(&f.names) {
                let open = object.symbol(symbol).is_some_and(|s| s.place == Place::Undefined);
                if open && undefined(name) {
                    wanted.insert(symbol, name);
                }
            }
            let mut out: Vec<(NameId, Referrer)> = Vec::new();
            if wanted.is_empty() {
                return out;
            }
            for index in 1..object.sections.len() as u32 {
                let section = f.section_id(index);
                let kept = fates[section] == Fate::Kept;
                let mut seen: Vec<NameId> = Vec::new();
                for table in object.reloc_sections(index) {
                    let Ok(table) = object.reloc_table(table) else { continue };
                    table.for_each(|_, reloc| {
                        if let Some(&name) = wanted.get(&reloc.symbol)
                            && !seen.contains(&name)
                        {
                            seen.push(name);
                        }
                    });
                }
                let place = Referrer { file, section: Some(section), kept };
                out.extend(seen.into_iter().map(|name| (name, place)));
            }
            let mut mentioned: Vec<NameId> = wanted.into_values().collect();
            mentioned.sort_unstable();
            mentioned.dedup();
            let used: HashSet<NameId, FixedState> = out.iter().map(|(n, _)| *n).collect();
            mentioned.retain(|n| !used.contains(n));
            let place = Referrer { file, section: None, kept: false };
            out.extend(mentioned.into_iter().map(|name| (name, place)));
            out
        })
        .collect();
    let mut out: BTreeMap<NameId, Vec<Referrer>> = BTreeMap::new();
    for (name, place) in per_file.into_iter().flatten() {
        out.entry(name).or_default().push(place);
    }
    out
}

/// What all causes of a link share.
struct Links {
    /// Position of each file's item in the link, by file id; members of one group share the end of it.
    last_chance: Vec<u32>,
    /// The position of a file itself.
    position: Vec<u32>,
}

impl Links {
    fn new(analysis: &Analysis<'_>) -> Links {
        let program = &analysis.program;
        let mut links =
            Links { last_chance: vec![0; program.files.len()], position: vec![0; program.files.len()] };
        let mut group: Option<Vec<FileId>> = None;
        let mut at = 0u32;
        for item in &program.items {
            at += 1;
            let files: Vec<FileId> = match item {
                LinkItem::File(file) => vec![*file],
                LinkItem::Archive(archive) => program.archives[*archive].members().collect(),
                LinkItem::GroupStart => {
                    group = Some(Vec::new());
                    continue;
                }
                LinkItem::GroupEnd => {
                    for file in group.take().unwrap_or_default() {
                        if let Some(slot) = links.last_chance.get_mut(file.idx()) {
                            *slot = at;
                        }
                    }
                    continue;
                }
                _ => continue,
            };
            for &file in &files {
                if let (Some(own), Some(last)) =
                    (links.position.get_mut(file.idx()), links.last_chance.get_mut(file.idx()))
                {
                    (*own, *last) = (at, at);
                }
            }
            if let Some(group) = &mut group {
                group.extend(files);
            }
        }
        links
    }

    fn stands_before(&self, member: FileId, asker: FileId) -> bool {
        let last = self.last_chance.get(member.idx()).copied().unwrap_or(0);
        last < self.position.get(asker.idx()).copied().unwrap_or(0)
    }
}

fn cause(
    analysis: &Analysis<'_>,
    links: &Links,
    name: &[u8],
    known: &Evidence,
    places: &[Referrer],
    modules: &[Module<'_>],
    opaque: &[(FileId, String)],
) -> Cause {
    let program = &analysis.program;
    let outside = known.globals.iter().copied().find(|&f| !analysis.resolution.is_in_link(f));
    if let Some(member) = outside {
        let (reason, after) = member_reason(analysis, links, member, name, places);
        return Cause::MemberNotTaken { member, reason, after };
    }
    if let Some(&at) = known.module_globals.first() {
        return Cause::BuiltinNeedsModule(at);
    }
    if let Some(section) = bounded(name) {
        return Cause::StartStop(section);
    }
    if helpers::is_arch_helper(name) {
        return Cause::ArchHelper;
    }
    if let Some(&file) = known.locals.first() {
        return Cause::LocalOnly(file);
    }
    if let Some((file, what)) = opaque.first() {
        return Cause::Opaque { file: program.label(*file), what: what.clone(), defines: false };
    }
    if let Some(cause) = dragged_in(analysis, places) {
        return cause;
    }
    match known.module_locals.first() {
        Some(&at) if at < modules.len() => Cause::LocalInModule(at),
        _ => Cause::Unknown,
    }
}

/// The section that `__start_X` or `__stop_X` bounds.
pub(super) fn bounded(name: &[u8]) -> Option<String> {
    let section = name.strip_prefix(b"__start_").or_else(|| name.strip_prefix(b"__stop_"))?;
    (!section.is_empty()).then(|| String::from_utf8_lossy(section).into_owned())
}

fn member_reason(
    analysis: &Analysis<'_>,
    links: &Links,
    member: FileId,
    name: &[u8],
    places: &[Referrer],
) -> (MemberReason, Option<FileId>) {
    let program = &analysis.program;
    let flavor = program.plan.profile.flavor;
    if let Some(archive) = program.files[member].archive
        && matches!(flavor, Flavor::Bfd | Flavor::Gold)
    {
        match &program.archives[archive].index {
            None => return (MemberReason::NoIndex, None),
            Some(index) if !index.iter().any(|(n, _)| program.name(*n) == name) => {
                return (MemberReason::StaleIndex, None);
            }
            Some(_) => {}
        }
    }
    match places.iter().rev().find(|r| links.stands_before(member, r.file)) {
        Some(last) => (MemberReason::Order, Some(last.file)),
        None => (MemberReason::Other, None),
    }
}

/// All kept places are in members that stand under `--whole-archive` and that nothing else needs.
fn dragged_in(analysis: &Analysis<'_>, places: &[Referrer]) -> Option<Cause> {
    let program = &analysis.program;
    let mut only: Option<FileId> = None;
    for place in places {
        let f = &program.files[place.file];
        if f.archive.is_none() || !f.mode.whole_archive || is_needed(analysis, place.file) {
            return None;
        }
        only.get_or_insert(place.file);
    }
    let member = only?;
    Some(Cause::DraggedIn { member, archive: program.files[member].archive? })
}

/// Whether another file of the link has a reference to something that `member` defines.
fn is_needed(analysis: &Analysis<'_>, member: FileId) -> bool {
    let program = &analysis.program;
    let Some(object) = program.files[member].object() else { return true };
    let mut defined: HashSet<NameId, FixedState> = HashSet::default();
    for (symbol, &name) in (object.first_global..).zip(&program.files[member].names) {
        let own = object.symbol(symbol).is_some_and(|s| s.place != Place::Undefined);
        if own && analysis.resolution.definitions[name].file == member {
            defined.insert(name);
        }
    }
    analysis.resolution.files.iter().filter(|&&file| file != member).any(|&file| {
        let f = &program.files[file];
        let Some(object) = f.object() else { return false };
        (object.first_global..).zip(&f.names).any(|(symbol, name)| {
            let open = |s: crate::load::elf::Symbol| s.place == Place::Undefined && s.bind != STB_WEAK;
            defined.contains(name) && object.symbol(symbol).is_some_and(open)
        })
    })
}

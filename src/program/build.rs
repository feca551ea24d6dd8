//! Fills the tables: parses every file in parallel, then hands out ids in link order.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::index::Listed;
use super::intermediate::half;
use super::{
    ArchiveInput, Content, Half, InputFile, Intermediate, LinkItem, NameList, Names, Opaque, Program,
    Scratch, Target,
};
use crate::error::{Diagnostic, Error, Result, Severity};
use crate::ids::{ArchiveId, FileId, Id, NameId, SectionId, Table};
use crate::load::classify::{InputKind, classify};
use crate::load::dso::SharedLibrary;
use crate::load::elf::{Object, Unreadable};
use crate::load::lto::{self, Format, IrTable, Kind, stand_in, triple};
use crate::load::{Item, OpenedLink};
use crate::plan::{Flavor, InputMode, LinkPlan, emulations};

/// One file before it has ids.
struct Source<'d> {
    path: &'d [u8],
    archive: Option<ArchiveId>,
    member: &'d [u8],
    joined: Option<&'d [u8]>,
    nested: Option<&'d [u8]>,
    mode: InputMode,
    in_lib: bool,
    bytes: &'d [u8],
    missing: Option<&'d str>,
    data_names: &'d [bstr::BString],
}

/// Builds the tables.
///
/// # Errors
/// A plain input that is no object, library or archive, or is damaged; more things than 32-bit ids
/// can number.
pub fn build<'d>(plan: &'d LinkPlan, link: &'d OpenedLink) -> Result<Program<'d>> {
    let (mut sources, archives, items) = lay_out(link);
    let first_needed = sources.len();
    sources.extend(link.needed.iter().map(|&index| of_single(link, index, false)));
    let needed = (first_needed..sources.len()).map(FileId::from_usize).collect();
    let rooms = &link.stand_ins;
    let parsed: Vec<Parsed<'d>> = sources
        .par_iter()
        .enumerate()
        .with_max_len(64)
        .map_init(Scratch::default, |scratch, (number, source)| {
            parse(plan, source, rooms.get(number), scratch)
        })
        .collect();
    let mut contents = Vec::with_capacity(parsed.len());
    let mut lists = Vec::with_capacity(parsed.len());
    let mut intermediates = Vec::with_capacity(parsed.len());
    for file in parsed {
        contents.push(file.content);
        lists.push(file.names);
        intermediates.push(file.intermediate);
    }
    let file_lists = lists.len();
    let listed: Vec<Listed<'d>> = archives
        .par_iter()
        .map(|&(number, first)| {
            let opened = &link.archives[number];
            Listed::new(opened, link.store.bytes(opened.file), first, &contents)
        })
        .collect();
    let mut indexes = Vec::with_capacity(listed.len());
    for mut listed in listed {
        lists.push(std::mem::take(&mut listed.others));
        indexes.push(listed);
    }
    lists.push(NameList::new(link.extra_names.iter().map(|n| n.as_slice())));
    let (names, mut ids) = Names::build(&lists);
    drop(lists);
    ids.pop();
    let archive_ids = ids.split_off(file_lists);
    let target = find_target(plan, &contents);
    let mut diagnostics = link.diagnostics.clone();
    let mut files: Table<FileId, InputFile<'d>> = Table::new();
    let mut section_file: Vec<FileId> = Vec::new();
    let too_many = || Error::new("loading the inputs", "more than 4294967295 input sections");
    let parts = sources.into_iter().zip(contents).zip(ids).zip(intermediates);
    for (((source, mut content), mut names), mut intermediate) in parts {
        let mut has_versions = false;
        if let Content::Object(object) = &content {
            // Behind the symbols' own names stand the unversioned forms, which only need an id.
            let globals = (object.symbol_count() - object.first_global) as usize;
            has_versions = names.len() > globals;
            names.truncate(globals);
        }
        if let (Content::Object(object), Some(target)) = (&content, target)
            && of_object(object) != target
        {
            content = Content::Opaque(Opaque::ForeignMachine);
            intermediate = None;
        }
        let section_base = u32::try_from(section_file.len()).map_err(|_| too_many())?;
        let file = InputFile {
            path: source.path,
            archive: source.archive,
            member: source.member,
            joined: source.joined,
            nested: source.nested,
            mode: source.mode,
            in_lib: source.in_lib,
            content,
            section_base,
            names,
            intermediate,
            has_versions,
            bytes: source.bytes.len() as u64,
        };
        let id = FileId::from_usize(files.len());
        section_file.extend(std::iter::repeat_n(id, file.section_count() as usize));
        u32::try_from(section_file.len()).map_err(|_| too_many())?;
        note_unreadable(&file, &mut diagnostics);
        files.push(file);
    }
    let archives = finish_archives(link, archives, indexes, archive_ids, &files);
    Ok(Program {
        plan,
        target,
        files,
        archives,
        items,
        needed,
        scripts: &link.scripts,
        controls: &link.controls,
        names,
        section_count: section_file.len() as u32,
        section_file: Table::<SectionId, FileId>::from_vec(section_file),
        diagnostics,
    })
}

fn of_single(link: &OpenedLink, index: usize, in_lib: bool) -> Source<'_> {
    let single = &link.singles[index];
    Source {
        path: &single.shown,
        archive: None,
        member: b"",
        joined: None,
        nested: None,
        mode: single.mode,
        in_lib,
        bytes: link.store.bytes(single.file),
        missing: None,
        data_names: &single.data_names,
    }
}

type Layout<'d> = (Vec<Source<'d>>, Vec<(usize, FileId)>, Vec<LinkItem>);

/// Numbers files and archives in link order.
fn lay_out(link: &OpenedLink) -> Layout<'_> {
    let mut sources = Vec::new();
    let mut archives: Vec<(usize, FileId)> = Vec::new();
    let mut items = Vec::with_capacity(link.items.len());
    let mut in_lib = false;
    for item in &link.items {
        items.push(match item {
            Item::Single(index) => {
                let id = FileId::from_usize(sources.len());
                sources.push(of_single(link, *index, in_lib));
                LinkItem::File(id)
            }
            Item::Archive(index) => {
                let opened = &link.archives[*index];
                let archive = ArchiveId::from_usize(archives.len());
                archives.push((*index, FileId::from_usize(sources.len())));
                let own = link.store.bytes(opened.file);
                for member in &opened.members {
                    sources.push(Source {
                        path: &opened.shown,
                        archive: Some(archive),
                        member: own.get(member.name.clone()).unwrap_or(b""),
                        joined: member.joined.as_ref().map(|j| j.as_slice()),
                        nested: member.nested.as_ref().map(|n| n.as_slice()),
                        mode: opened.mode,
                        in_lib: false,
                        bytes: link.store.bytes(member.file).get(member.range.clone()).unwrap_or(b""),
                        missing: member.missing.as_deref(),
                        data_names: &[],
                    });
                }
                LinkItem::Archive(archive)
            }
            Item::GroupStart => LinkItem::GroupStart,
            Item::GroupEnd => LinkItem::GroupEnd,
            Item::LibStart => {
                in_lib = true;
                LinkItem::LibStart
            }
            Item::LibEnd => {
                in_lib = false;
                LinkItem::LibEnd
            }
            Item::Script(index) => LinkItem::Script(*index),
            Item::Defsym(index) => LinkItem::Defsym(*index),
            Item::Missing => LinkItem::Missing,
            Item::Stop => LinkItem::Stop,
        });
    }
    (sources, archives, items)
}

/// One file, read.
struct Parsed<'d> {
    content: Content<'d>,
    names: NameList<'d>,
    intermediate: Option<Box<Intermediate<'d>>>,
}

impl<'d> Parsed<'d> {
    fn new(content: Content<'d>, names: NameList<'d>) -> Self {
        Parsed { content, names, intermediate: None }
    }

    fn opaque(what: Opaque) -> Self {
        Parsed::new(Content::Opaque(what), NameList::new(std::iter::empty()))
    }

    fn object(object: Object<'d>, scratch: &mut Scratch<'d>) -> Self {
        let mut stems: Vec<&[u8]> = Vec::new();
        for symbol in object.first_global..object.symbol_count() {
            let (name, stem) = object.versioned_name(object.name_offset(symbol));
            scratch.names.push(name);
            stems.extend(stem);
        }
        scratch.names.append(&mut stems);
        Parsed::new(Content::Object(Box::new(object)), scratch.list())
    }
}

fn parse<'d>(
    plan: &LinkPlan,
    source: &Source<'d>,
    room: Option<&'d OnceLock<Vec<u8>>>,
    scratch: &mut Scratch<'d>,
) -> Parsed<'d> {
    if let Some(reason) = source.missing {
        return Parsed::opaque(Opaque::Missing(reason.to_string()));
    }
    if source.mode.binary {
        let names = NameList::new(source.data_names.iter().map(|n| n.as_slice()));
        return Parsed::new(Content::Binary(source.bytes.len() as u64), names);
    }
    match classify(source.bytes) {
        // Only the symbols of an executable can be taken.
        InputKind::OtherElf if !source.mode.just_symbols => Parsed::opaque(Opaque::NotAnObject),
        InputKind::Object | InputKind::OtherElf => match Object::parse(source.bytes) {
            Err(reason) => Parsed::opaque(Opaque::Damaged(reason)),
            Ok(object) => match lto::format_of_object(&object) {
                None => Parsed::object(object, scratch),
                Some(format) => {
                    let face = triple::of_object(&object);
                    let table = lto::read_object(&object, format);
                    let known = Known { format, table, machine: Some(face), data: source.bytes };
                    intermediate(plan, known, Some(object), room, scratch)
                }
            },
        },
        // A shared library inside an archive is not an input (linkers skip or refuse it).
        InputKind::Shared if source.archive.is_none() => match SharedLibrary::parse(source.bytes) {
            Err(reason) => Parsed::opaque(Opaque::DamagedLibrary(reason)),
            Ok(library) => {
                let list = NameList::new(library.symbols.iter().map(|s| s.name));
                Parsed::new(Content::Shared(Box::new(library)), list)
            }
        },
        InputKind::Bitcode => {
            let table = lto::bitcode::read(source.bytes);
            let machine = table.as_ref().ok().and_then(|t| triple::machine(&t.triple));
            let known = Known { format: Format::Bitcode, table, machine, data: source.bytes };
            intermediate(plan, known, None, room, scratch)
        }
        InputKind::Shared | InputKind::Archive | InputKind::Other => Parsed::opaque(Opaque::NotAnObject),
    }
}

/// What is known of an input with intermediate code.
struct Known<'d> {
    format: Format,
    table: std::result::Result<IrTable<'d>, String>,
    machine: Option<triple::Machine>,
    data: &'d [u8],
}

/// Chooses the half that the linker reads; `native` is the machine code, where there is any.
fn intermediate<'d>(
    plan: &LinkPlan,
    known: Known<'d>,
    native: Option<Object<'d>>,
    room: Option<&'d OnceLock<Vec<u8>>>,
    scratch: &mut Scratch<'d>,
) -> Parsed<'d> {
    let Known { format, table, machine, data } = known;
    let unread = if format.is_gcc() { Opaque::SlimLto } else { Opaque::Bitcode };
    let half = half(plan, format);
    let mut about = Intermediate {
        format,
        half,
        data,
        triple: Vec::new(),
        producer: String::new(),
        approximate: None,
        symbols: (0, 0),
        libraries: Vec::new(),
    };
    let mut stand_in = None;
    match table {
        Ok(table) => {
            let references = table.symbols.iter().filter(|s| s.kind == Kind::Undefined).count();
            about.symbols = ((table.symbols.len() - references) as u32, references as u32);
            if half == Half::Intermediate {
                let written = machine.zip(room).map(|(machine, room)| {
                    room.get_or_init(|| stand_in::write(&table, machine).unwrap_or_default())
                });
                stand_in = written.and_then(|bytes| Object::parse(bytes).ok());
                if stand_in.is_none() {
                    let triple = String::from_utf8_lossy(&table.triple);
                    about.approximate = Some(format!("its target {triple} is not known"));
                }
            }
            about.producer = table.producer;
            about.triple = table.triple;
            about.libraries = table.libraries;
            about.approximate = about.approximate.or(table.approximate);
        }
        Err(reason) => about.approximate = Some(reason),
    }
    let mut parsed = match (half, native, stand_in) {
        (Half::Native, Some(object), _) => Parsed::object(object, scratch),
        (Half::Intermediate, _, Some(mut object)) => {
            // All it refers to is unknown until code is made: everything it names is kept.
            let real = 1..object.sections.len() as u32;
            let loaded: Vec<u32> = real.filter(|&s| object.sections[s as usize].is_alloc()).collect();
            let reason = || "intermediate code".to_string();
            object.unreadable =
                loaded.into_iter().map(|section| Unreadable { section, reason: reason() }).collect();
            Parsed::object(object, scratch)
        }
        _ => Parsed::opaque(unread),
    };
    parsed.intermediate = Some(Box::new(about));
    parsed
}

fn of_object(object: &Object<'_>) -> Target {
    Target {
        machine: object.machine,
        is_64: object.is_64,
        big_endian: object.endian() == object::Endianness::Big,
    }
}

/// Targets 1.2: the first ELF object decides, unless `-m` (bfd: or the linker's own target) does.
fn find_target(plan: &LinkPlan, contents: &[Content<'_>]) -> Option<Target> {
    let binding = match plan.profile.flavor {
        Flavor::Bfd => true,
        Flavor::Gold => false,
        Flavor::Lld | Flavor::Mold => plan.emulation_given,
    };
    let named = plan.emulation.as_deref().filter(|_| binding).and_then(emulations::find);
    if let Some(e) = named {
        return Some(Target { machine: e.machine, is_64: e.is_64, big_endian: e.big_endian });
    }
    contents.iter().find_map(|content| match content {
        Content::Object(object) => Some(of_object(object)),
        _ => None,
    })
}

/// LSW009 for everything that could not be read.
fn note_unreadable(file: &InputFile<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let label = || {
        let path = String::from_utf8_lossy(file.path);
        if file.archive.is_some() {
            format!("{path}({})", String::from_utf8_lossy(file.member))
        } else {
            path.into_owned()
        }
    };
    // Whether intermediate code matters is known when members were chosen (`query::finding`).
    if file.intermediate.as_ref().is_some_and(|i| i.half != Half::Native) {
        return;
    }
    match &file.content {
        Content::Object(object) => {
            for part in &object.unreadable {
                let message = object.told(part);
                diagnostics.push(Diagnostic::new(Severity::Warning, label(), message).with_id("LSW009"));
            }
        }
        Content::Opaque(what) => {
            let message = match what {
                Opaque::Bitcode => {
                    "LLVM bitcode: its sections and references exist only after code generation".into()
                }
                Opaque::SlimLto => "GCC slim LTO object: it holds intermediate code only".into(),
                Opaque::ForeignMachine => "object for another machine, class or byte order".into(),
                Opaque::NotAnObject => "not an ELF object".into(),
                Opaque::Damaged(reason) => format!("damaged object: {reason}"),
                Opaque::DamagedLibrary(reason) => format!("damaged shared library: {reason}"),
                Opaque::Missing(reason) => format!("archive member cannot be read: {reason}"),
            };
            diagnostics.push(Diagnostic::new(Severity::Warning, label(), message).with_id("LSW009"));
        }
        Content::Shared(_) | Content::Binary(_) => {}
    }
}

fn finish_archives<'d>(
    link: &'d OpenedLink,
    archives: Vec<(usize, FileId)>,
    indexes: Vec<Listed<'d>>,
    ids: Vec<Vec<NameId>>,
    files: &Table<FileId, InputFile<'d>>,
) -> Table<ArchiveId, ArchiveInput<'d>> {
    let mut table = Table::new();
    let name = |file, position: u32| files.get(file)?.names.get(position as usize).copied();
    for (((number, first), index), others) in archives.into_iter().zip(indexes).zip(ids) {
        let opened = &link.archives[number];
        let index = index.finish(opened, first, name, others);
        table.push(ArchiveInput {
            path: &opened.shown,
            mode: opened.mode,
            thin: opened.thin,
            by_library: opened.by_library,
            first,
            count: opened.members.len() as u32,
            index,
        });
    }
    table
}

//! `diff OLD NEW`: two links or images, each told in its own way.

use std::path::{Path, PathBuf};

use super::Answer;
use super::args::{Demangle, DiffArgs, DiffBy, DiffFormat, DiffSort, DiffSymbols, LinkArgs};
use super::options;
use super::session::{self, Clock, tell};
use super::snapshot as saving;
use crate::error::{Error, Result};
use crate::load::FileStore;
use crate::load::image::Image;
use crate::query::diff::bloat::{self, Symbols};
use crate::query::diff::{self, By, LinkSide, Side};
use crate::query::finding;
use crate::query::portrait::Portrait;
use crate::query::select::{Selection, SortBy};
use crate::report::diff as report;
use crate::report::labels::{Style, escape};
use crate::snapshot::{self, Snapshot};

pub(super) fn run(args: DiffArgs) -> Result<Answer> {
    let mut store = FileStore::default();
    let (bytes, code) = if args.format == DiffFormat::BloatOMeter {
        (bloat_o_meter(&args, &mut store)?, 0)
    } else {
        compared(&args, &mut store)?
    };
    Ok(Answer { bytes, output: args.output, code })
}

/// What an operand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    Image,
    Tree,
    Snapshot,
    LinkFile,
}

fn operand(path: &Path, store: &mut FileStore) -> Result<(Operand, usize)> {
    if path.is_dir() {
        return Ok((Operand::Tree, 0));
    }
    let number = store.open(path)?;
    let bytes = store.bytes(number);
    let kind = if bytes.starts_with(b"\x7fELF") {
        Operand::Image
    } else if path.extension().is_some_and(|e| e == "lsw") {
        Operand::Snapshot
    } else {
        Operand::LinkFile
    };
    Ok((kind, number))
}

fn image<'d>(path: &Path, bytes: &'d [u8]) -> Result<Image<'d>> {
    Image::parse(bytes).map_err(|e| Error::new(format!("reading {}", path.display()), e))
}

fn bloat_o_meter(args: &DiffArgs, store: &mut FileStore) -> Result<Vec<u8>> {
    let mut numbers = Vec::new();
    for path in [&args.old, &args.new] {
        match operand(path, store)? {
            (Operand::Image, number) => numbers.push((path, number)),
            _ => {
                let what = format!("option --format=bloat-o-meter: {}", path.display());
                return Err(Error::new(what, "not a linked image: this form compares two images"));
            }
        }
    }
    let mut images = Vec::new();
    for (path, number) in numbers {
        let image = image(path, store.bytes(number))?;
        if !image.has_symbols() {
            tell(&format!("warning: {}: no symbols", path.display()));
        }
        images.push(image);
    }
    let [old, new] = &images[..] else { return Ok(Vec::new()) };
    let which: &[Symbols] = match args.symbols {
        DiffSymbols::All => &[Symbols::All],
        DiffSymbols::Functions => &[Symbols::Functions],
        DiffSymbols::Data => &[Symbols::AllData],
        DiffSymbols::Categories => &[Symbols::Functions, Symbols::Data, Symbols::ReadOnly],
    };
    let tables: Vec<_> = which.iter().map(|&w| bloat::compare(old, new, w)).collect();
    Ok(report::bloat_o_meter(&tables))
}

/// One operand, read.
enum Read {
    Image(Box<Side>),
    Link { name: String, portrait: Box<Portrait<'static>>, base: Vec<u8>, code: u8 },
    Saved { name: String, snapshot: Box<Snapshot> },
}

fn compared(args: &DiffArgs, store: &mut FileStore) -> Result<(Vec<u8>, u8)> {
    let mut clock = Clock::new(options::telling(&args.run));
    let old = read(args, &args.old, args.old_directory.as_ref(), store, &mut clock)?;
    let new = read(args, &args.new, args.new_directory.as_ref(), store, &mut clock)?;
    let images = matches!(old, Read::Image(_)) || matches!(new, Read::Image(_));
    let by = groupings(&args.by, images)?;
    let text = args.format == DiffFormat::Text;
    let filter = options::filter(args.filter.as_deref())?;
    let limit = args.rows.unwrap_or(if text { options::TEXT_ROWS } else { 0 });
    let selection = Selection { filter, sort: SortBy::Size, limit };
    let style = Style {
        color: options::color(args.color, args.output.is_some()),
        demangle: args.demangle == Demangle::Auto,
    };
    let (old_saved, new_saved) = (old.saved()?, new.saved()?);
    let (old_link, mut new_link) = (old.link(old_saved.as_ref()), new.link(new_saved.as_ref()));
    if let (Some(old), Some(new)) = (&old_link, &mut new_link) {
        new.align(old);
        clock.done("matching");
    }
    let (mut notes, mut causes, mut machine) = (Vec::new(), None, 0);
    if let (Some(old), Some(new)) = (&old_link, &new_link) {
        notes = diff::unlike(old.portrait, new.portrait);
        causes = Some(diff::causes::causes(old, new));
        machine = new.portrait.head.machine;
        clock.done("causes");
    }
    let side = |read: &'_ Read, link: &'_ Option<LinkSide<'_, '_>>| match (read, link) {
        (Read::Image(side), _) => (**side).clone(),
        (_, Some(link)) => link.side.clone(),
        (Read::Link { name, .. } | Read::Saved { name, .. }, None) => Side::empty(name.clone()),
    };
    let (old_side, new_side) = (side(&old, &old_link), side(&new, &new_link));
    let mut answer = diff::diff(&old_side, &new_side, &by);
    if args.sort == DiffSort::Name {
        for (_, rows) in &mut answer.groups {
            rows.sort_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
        }
    }
    clock.done("comparing");
    if !args.run.quiet {
        for note in &notes {
            clock.note(&format!("warning: {}", escape(note.as_bytes())));
        }
    }
    let view = report::View {
        diff: &answer,
        causes: causes.as_ref(),
        machine,
        old: &old_side,
        new: &new_side,
        notes: &notes,
        selection: &selection,
        style,
    };
    let bytes = match args.format {
        DiffFormat::Json => report::json(&view),
        DiffFormat::Csv => report::csv(&view),
        DiffFormat::Markdown => report::markdown(&view, args.limit),
        DiffFormat::Text | DiffFormat::BloatOMeter => report::text(&view),
    };
    clock.done("rendering");
    clock.finish();
    Ok((bytes, old.code().max(new.code())))
}

impl Read {
    /// The link of a saved graph.
    fn saved(&self) -> Result<Option<Portrait<'_>>> {
        match self {
            Read::Saved { snapshot, .. } => snapshot.portrait().map(Some),
            Read::Image(_) | Read::Link { .. } => Ok(None),
        }
    }

    fn link<'r>(&'r self, saved: Option<&'r Portrait<'r>>) -> Option<LinkSide<'r, 'r>> {
        match self {
            Read::Image(_) => None,
            Read::Link { name, portrait, base, .. } => Some(LinkSide::new(name.clone(), portrait, base)),
            Read::Saved { name, snapshot } => {
                let base = snapshot.header().roots.get("").map_or("", String::as_str);
                Some(LinkSide::new(name.clone(), saved?, base.as_bytes()))
            }
        }
    }

    fn code(&self) -> u8 {
        match self {
            Read::Image(_) | Read::Saved { .. } => 0,
            Read::Link { code, .. } => *code,
        }
    }
}

fn read(
    args: &DiffArgs,
    path: &Path,
    own: Option<&PathBuf>,
    store: &mut FileStore,
    clock: &mut Clock,
) -> Result<Read> {
    let name = path.to_string_lossy().into_owned();
    let directory = own.or(args.directory.as_ref()).cloned();
    let (link_file, kbuild) = match operand(path, store)? {
        (Operand::Image, number) => {
            let side = Side::of_image(name, &image(path, store.bytes(number))?);
            clock.done("image");
            return Ok(Read::Image(Box::new(side)));
        }
        (Operand::Snapshot, _) => {
            let snapshot = Box::new(snapshot::open(path)?);
            clock.done("saved link");
            return Ok(Read::Saved { name, snapshot });
        }
        (Operand::LinkFile, _) => (Some(path.to_path_buf()), None),
        (Operand::Tree, _) => (None, Some(path.to_path_buf())),
    };
    if kbuild.is_none() && args.module.is_some() {
        return Err(Error::new("option --module", format!("{name} is no kernel tree")));
    }
    let base = directory.clone().or_else(|| kbuild.clone()).unwrap_or_default();
    let base = std::path::absolute(&base).or_else(|_| std::env::current_dir()).unwrap_or(base);
    let words = LinkArgs {
        snapshot: None,
        linker: args.linker.clone(),
        link_file,
        module: args.module.clone().filter(|_| kbuild.is_some()),
        // An operand is found from where we are, its inputs from their folder.
        kbuild: kbuild.map(|tree| std::path::absolute(&tree).unwrap_or(tree)),
        directory,
        run: args.run.clone(),
        line: Vec::new(),
    };
    let link = options::link(words, false).map_err(|e| e.within(&name))?;
    let opened = session::open(&link, &link.overrides, clock).map_err(|e| e.within(&name))?;
    let analysis = session::analyze(&link, &opened, clock).map_err(|e| e.within(&name))?;
    let mut portrait = Box::new(Portrait::of(&analysis));
    portrait.head.kernel = saving::kernel(&link);
    clock.done("portrait");
    let diagnostics = finding::diagnostics(&analysis);
    clock.done("refusals");
    let code = clock.aside(|| session::tell_diagnostics(&link, &diagnostics));
    Ok(Read::Link { name, portrait, base: base.into_os_string().into_encoded_bytes(), code })
}

/// The groupings asked for; an image knows but two of them.
fn groupings(asked: &[DiffBy], images: bool) -> Result<Vec<By>> {
    if asked.is_empty() {
        return Ok(if images {
            vec![By::Symbol, By::Section]
        } else {
            vec![By::Symbol, By::File, By::Section]
        });
    }
    let mut list = Vec::new();
    for by in asked {
        let by = match by {
            DiffBy::File => By::File,
            DiffBy::Archive => By::Archive,
            DiffBy::Directory => By::Directory,
            DiffBy::Symbol => By::Symbol,
            DiffBy::Root => By::Root,
            DiffBy::Section => By::Section,
            DiffBy::Input => By::Input,
            DiffBy::Region => By::Region,
        };
        if images && !by.of_images() {
            let what = format!("option --by={}", by.word());
            return Err(Error::new(what, "a linked image tells section and symbol only; give the links"));
        }
        if !list.contains(&by) {
            list.push(by);
        }
    }
    Ok(list)
}

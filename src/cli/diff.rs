//! `diff OLD NEW`: two links or images, each told in its own way.

use std::path::Path;

use super::Answer;
use super::args::{Demangle, DiffArgs, DiffBy, DiffFormat, DiffSymbols};
use super::options;
use crate::error::{Error, Result};
use crate::load::FileStore;
use crate::load::image::Image;
use crate::query::diff::bloat::{self, Symbols};
use crate::query::diff::{self, By, Side, SideKind};
use crate::query::select::{Selection, SortBy};
use crate::report::diff as report;
use crate::report::labels::Style;

pub(super) fn run(args: DiffArgs) -> Result<Answer> {
    let mut store = FileStore::default();
    let bytes = if args.format == DiffFormat::BloatOMeter {
        bloat_o_meter(&args, &mut store)?
    } else {
        compared(&args, &mut store)?
    };
    Ok(Answer { bytes, output: args.output, code: 0 })
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
            super::session::tell(&format!("warning: {}: no symbols", path.display()));
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

fn compared(args: &DiffArgs, store: &mut FileStore) -> Result<Vec<u8>> {
    let old = side(args, &args.old, store)?;
    let new = side(args, &args.new, store)?;
    let images = old.kind == SideKind::Image || new.kind == SideKind::Image;
    let by = groupings(&args.by, images)?;
    let text = args.format == DiffFormat::Text;
    let filter = options::filter(args.filter.as_deref())?;
    let limit = args.rows.unwrap_or(if text { options::TEXT_ROWS } else { 0 });
    let selection = Selection { filter, sort: SortBy::Size, limit };
    let style = Style {
        color: options::color(args.color, args.output.is_some()),
        demangle: args.demangle == Demangle::Auto,
    };
    let answer = diff::diff(&old, &new, &by);
    let view = report::View { diff: &answer, old: &old, new: &new, notes: &[], selection: &selection, style };
    Ok(match args.format {
        DiffFormat::Json => report::json(&view),
        DiffFormat::Csv => report::csv(&view),
        DiffFormat::Markdown => report::markdown(&view, args.limit),
        DiffFormat::Text | DiffFormat::BloatOMeter => report::text(&view),
    })
}

fn side(_args: &DiffArgs, path: &Path, store: &mut FileStore) -> Result<Side> {
    let name = path.to_string_lossy().into_owned();
    match operand(path, store)? {
        (Operand::Image, number) => Ok(Side::of_image(name, &image(path, store.bytes(number))?)),
        _ => Err(Error::new(name, "not a linked image")),
    }
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

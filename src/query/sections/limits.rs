//! LSW005: section counts against limits (KL 9, GS 10.1, 10.6).
//!
//! In: [`Sections`]. Out: findings. A count that the file format can hold but some reader cannot is a
//! warning, one with which a reader cannot go on an error.

use bstr::{BString, ByteSlice};

use super::{Image, ImageKind, Sections};
use crate::query::finding::{Finding, Level, Subject};

/// SHN_LORESERVE: from this many headers on the numbers do not fit 16 bits.
pub const LIMIT: u64 = 0xff00;
/// An object from this many headers on is worth a note.
pub const MEMBER_NOTE: u64 = 30_000;
/// A kernel module from this many headers on is worth a warning.
pub const MODULE_WARNING: u64 = 32_768;
/// An image with more output sections than this surely has orphans.
pub const FINAL_WARNING: u64 = 1_000;

/// The findings of an answer, images first.
pub fn findings(answer: &Sections) -> Vec<Finding> {
    let mut found: Vec<Finding> = answer.images.iter().filter_map(of_image).collect();
    for row in &answer.inputs {
        if row.headers < MEMBER_NOTE {
            continue;
        }
        let flags = match row.flags.words() {
            "" => String::new(),
            words => format!(" (compiled with {words}, as it seems)"),
        };
        let extended = if row.headers >= LIMIT { ", numbered beyond 16 bits" } else { "" };
        found.push(finding(
            Level::Note,
            format!("{} section headers in one object{extended}{flags}", row.headers),
            Subject {
                kind: if row.archive.is_empty() { "file" } else { "member" },
                name: text(&row.file),
                file: text(&row.file),
                archive: text(&row.archive),
            },
            "split the object, or merge its sections with ld -r and a script".to_string(),
        ));
    }
    found
}

fn of_image(image: &Image) -> Option<Finding> {
    let headers = image.headers;
    let (level, message, remedy) = match image.kind {
        ImageKind::Module if headers >= LIMIT => (
            Level::Error,
            format!(
                "{headers} section headers: the module loader reads e_shnum alone and refuses the module (limit {LIMIT})"
            ),
            "merge sections in the module's linker script".to_string(),
        ),
        ImageKind::Module if headers >= MODULE_WARNING => (
            Level::Warning,
            format!(
                "{headers} section headers, {} left before the module loader refuses the module",
                image.headroom()
            ),
            "merge sections in the module's linker script".to_string(),
        ),
        ImageKind::Relocatable if headers >= LIMIT => (
            Level::Warning,
            format!(
                "{headers} section headers need extended numbering (e_shnum 0, SHT_SYMTAB_SHNDX): objtool, recordmcount, modpost, sorttable and every other reader of this file must know it"
            ),
            "merge sections with a script for -r, or link the objects themselves".to_string(),
        ),
        ImageKind::Final => return of_final(image),
        _ => return None,
    };
    Some(finding(level, format!("{message}{}", made_by(image)), subject(image), remedy))
}

fn of_final(image: &Image) -> Option<Finding> {
    let remedy = remedy(image);
    if let Some(refusal) = &image.refusal {
        let message = format!(
            "the link will fail: \"{refusal}\": {} dynamic symbols lie in output sections numbered {LIMIT} or more{}",
            image.dynamic_beyond,
            made_by(image)
        );
        return Some(finding(Level::Error, message, subject(image), remedy));
    }
    if image.counted <= FINAL_WARNING {
        return None;
    }
    let message = format!(
        "{} output sections ({} section headers) where tens are usual, {} left before extended numbering{}",
        image.counted,
        image.headers,
        image.headroom(),
        made_by(image)
    );
    Some(finding(Level::Warning, message, subject(image), remedy))
}

/// Who made the sections, in half a sentence.
fn made_by(image: &Image) -> String {
    let Some(first) = image.makers.first().filter(|m| m.outputs > 1) else { return String::new() };
    let option = if first.option.is_empty() { String::new() } else { format!(" ({})", first.option) };
    let files = match first.files.first() {
        Some((file, _)) if first.file_count > 1 => format!(", most of them from {}", text(file)),
        Some((file, _)) => format!(", all from {}", text(file)),
        None => String::new(),
    };
    format!("; {} are named {}*{option}{files}", first.outputs, text(&first.stem))
}

fn remedy(image: &Image) -> String {
    match image.makers.first() {
        Some(first) if !first.stem.is_empty() && first.outputs > 1 => format!(
            "add a statement that merges them, such as {} : {{ *({}*) }}, or compile without {}",
            text(&first.target),
            text(&first.stem),
            if first.option.is_empty() { "a section per function" } else { first.option }
        ),
        _ => "merge sections in the linker script".to_string(),
    }
}

fn subject(image: &Image) -> Subject {
    Subject { kind: "file", name: text(&image.name), file: text(&image.name), archive: String::new() }
}

fn finding(level: Level, message: String, subject: Subject, remedy: String) -> Finding {
    Finding { id: "LSW005", level, message, subject, location: None, bytes: None, remedy }
}

fn text(bytes: &BString) -> String {
    bytes.to_str_lossy().into_owned()
}

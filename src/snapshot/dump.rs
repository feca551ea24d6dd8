//! A snapshot as JSON Lines.
//!
//! In: header and portrait. Out: the header, then one line for each thing that the file holds, by kind, sorted
//! within a kind. Names are text with bad UTF-8 replaced; numbers of rows do not appear.

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::Header;
use crate::query::portrait::codes;
use crate::query::portrait::tables::{archive_flags, file_flags, symbol_info};
use crate::query::portrait::{NONE, Portrait};

/// What files are.
const CONTENTS: [&str; 4] = ["object", "shared", "data", "unreadable"];

/// Levels of findings.
const LEVELS: [&str; 3] = ["note", "warning", "error"];

/// The lines.
pub fn dump(header: &Header, portrait: &Portrait<'_>) -> Vec<u8> {
    let dump = Dump { p: portrait };
    let mut out = Vec::new();
    let head = json!({
        "kind": "snapshot",
        "schema": header.schema,
        "tool": header.tool,
        "digest": header.digest,
        "link": header.link,
        "totals": header.totals,
        "kernel": header.kernel,
        "roots": header.roots,
    });
    line(&mut out, &head);
    let p = portrait;
    let sections = p.section_count();
    dump.kind(&mut out, p.archives.path.len(), |row| Some(dump.archive(row)));
    dump.kind(&mut out, p.files.path.len(), |row| Some(dump.file(row)));
    dump.kind(&mut out, sections, |row| Some(dump.section(row as u32)));
    dump.kind(&mut out, p.extras.kind.len(), |row| Some(dump.extra((sections + row) as u32)));
    dump.kind(&mut out, p.roots.node.len(), |row| Some(dump.root(row)));
    dump.kind(&mut out, p.names.name.len(), |row| Some(dump.name(row)));
    dump.kind(&mut out, p.extractions.file.len(), |row| Some(dump.extraction(row)));
    dump.kind(&mut out, p.findings.id.len(), |row| Some(dump.finding(row)));
    out
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) {
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, value);
    out.push(b'\n');
}

struct Dump<'p, 'd> {
    p: &'p Portrait<'d>,
}

impl Dump<'_, '_> {
    fn kind(&self, out: &mut Vec<u8>, rows: usize, value: impl Fn(usize) -> Option<Value> + Sync) {
        let mut lines: Vec<Vec<u8>> = (0..rows)
            .into_par_iter()
            .filter_map(|row| {
                let mut bytes = Vec::new();
                line(&mut bytes, &value(row)?);
                Some(bytes)
            })
            .collect();
        lines.par_sort_unstable();
        for bytes in lines {
            out.extend_from_slice(&bytes);
        }
    }

    fn text(&self, id: u32) -> Value {
        match self.p.strings.some(id) {
            Some(bytes) => String::from_utf8_lossy(bytes).into(),
            None => Value::Null,
        }
    }

    fn label(&self, file: u32) -> Value {
        if file == NONE { Value::Null } else { String::from_utf8_lossy(&self.p.label(file)).into() }
    }

    /// A node by its file and name.
    fn node(&self, node: u32) -> Value {
        match self.p.extra(node) {
            Some(row) => {
                json!([self.label(self.p.extras.file.at(row)), self.text(self.p.extras.name.at(row))])
            }
            None => {
                let name = String::from_utf8_lossy(self.p.section_name(node)).into_owned();
                json!([self.label(self.p.file_of(node)), name])
            }
        }
    }

    fn archive(&self, row: usize) -> Value {
        let flags = self.p.archives.flags.at(row);
        json!({
            "kind": "archive",
            "path": self.text(self.p.archives.path.at(row)),
            "members": self.p.archives.count.at(row),
            "whole": flags & archive_flags::WHOLE != 0,
            "thin": flags & archive_flags::THIN != 0,
        })
    }

    fn file(&self, row: usize) -> Value {
        let f = &self.p.files;
        let flags = f.flags.at(row);
        json!({
            "kind": "file",
            "name": self.label(row as u32),
            "bytes": f.bytes.at(row),
            "in_link": flags & file_flags::IN_LINK != 0,
            "content": (CONTENTS.get(f.kind.at(row) as usize)),
            "opaque": self.text(f.opaque.at(row)),
        })
    }

    fn section(&self, section: u32) -> Value {
        let p = self.p;
        let name = String::from_utf8_lossy(p.section_name(section)).into_owned();
        let symbol = |row: usize| {
            let info = p.symbols.info.at(row);
            json!({
                "name": self.text(p.symbols.name.at(row)),
                "value": p.symbols.value.at(row),
                "size": p.symbols.size.at(row),
                "type": info & symbol_info::TYPE,
                "bind": match info {
                    i if i & symbol_info::LOCAL != 0 => "local",
                    i if i & symbol_info::WEAK != 0 => "weak",
                    _ => "global",
                },
            })
        };
        let symbols: Vec<Value> = p.symbols_of(section).map(symbol).collect();
        json!({
            "kind": "section",
            "file": self.label(p.file_of(section)),
            "index": p.sections.index.at(section as usize),
            "name": name,
            "bytes": p.size(section),
            "type": p.section_type(section),
            "flags": p.section_flags(section),
            "align": p.kinds.align.at(p.kind(section)),
            "sort": p.sort(section),
            "fate": p.fate(section).word(),
            "live": p.is_live(section),
            "output": p.output(section).map(|o| String::from_utf8_lossy(o)),
            "region": p.region(section).map(|o| String::from_utf8_lossy(o)),
            "symbols": symbols,
            "refers": self.refers(section),
        })
    }

    fn refers(&self, node: u32) -> Vec<Value> {
        let p = self.p;
        let edge = |edge: usize| {
            let mut value = json!({
                "to": self.node(p.edges.target.at(edge)),
                "edge": codes::edge_word(p.edge_kind(edge)),
            });
            if let (Some(symbol), Some(object)) = (p.edge_symbol(edge), value.as_object_mut()) {
                object.insert("symbol".into(), self.text(symbol.name));
                object.insert("type".into(), p.edges.reloc.at(edge).into());
                object.insert("offset".into(), p.edges.offset.at(edge).into());
                object.insert("addend".into(), (p.edges.addend.at(edge) as i64).into());
                object.insert("count".into(), p.edges.count.at(edge).into());
            }
            value
        };
        p.edges_of(node).map(edge).collect()
    }

    fn extra(&self, node: u32) -> Value {
        let Some(row) = self.p.extra(node) else { return Value::Null };
        let e = &self.p.extras;
        json!({
            "kind": "node",
            "what": codes::extra_word(codes::extra(e.kind.at(row))),
            "file": self.label(e.file.at(row)),
            "name": self.text(e.name.at(row)),
            "bytes": e.size.at(row),
            "live": self.p.is_live(node),
            "refers": self.refers(node),
        })
    }

    fn root(&self, row: usize) -> Value {
        let p = self.p;
        let keep = p.roots.keep.at(row) as usize;
        let keep = p.keeps.file.get(keep).map(|file| {
            json!({
                "file": self.text(*file),
                "line": p.keeps.line.at(keep),
                "column": p.keeps.column.at(keep),
                "text": self.text(p.keeps.text.at(keep)),
            })
        });
        json!({
            "kind": "root",
            "root": p.root_kind(row).word(),
            "node": self.node(p.roots.node.at(row)),
            "symbol": self.text(p.roots.name.at(row)),
            "keep": keep,
        })
    }

    fn name(&self, row: usize) -> Value {
        let n = &self.p.names;
        let node = n.node.at(row);
        json!({
            "kind": "name",
            "name": self.text(n.name.at(row)),
            "is": codes::place_word(codes::place(n.place.at(row))),
            "file": self.label(n.file.at(row)),
            "node": if node == NONE { Value::Null } else { self.node(node) },
        })
    }

    fn extraction(&self, row: usize) -> Value {
        let e = &self.p.extractions;
        json!({
            "kind": "extraction",
            "member": self.label(e.file.at(row)),
            "asker": match e.asker.at(row) {
                0 => self.label(e.by.at(row)),
                1 => self.text(e.text.at(row)),
                _ => "--whole-archive".into(),
            },
            "symbol": self.text(e.symbol.at(row)),
        })
    }

    fn finding(&self, row: usize) -> Value {
        let f = &self.p.findings;
        json!({
            "kind": "finding",
            "id": self.text(f.id.at(row)),
            "level": (LEVELS.get(f.level.at(row) as usize)),
            "subject": {
                "kind": self.text(f.kind.at(row)),
                "name": self.text(f.name.at(row)),
                "file": self.text(f.file.at(row)),
                "archive": self.text(f.archive.at(row)),
            },
            "message": self.text(f.message.at(row)),
            "remedy": self.text(f.remedy.at(row)),
        })
    }
}

//! Are the numbers of a read portrait inside their tables?
//!
//! In: a portrait. Out: nothing, or in words the first thing that is wrong. Packed columns are checked where
//! they are read: their accessors take any number.

use crate::query::portrait::{Column, Element, NONE, Portrait};

/// Checks everything that a reader relies on.
///
/// # Errors
/// In words the first thing that is wrong.
pub(super) fn check(p: &Portrait<'_>) -> Result<(), String> {
    let files = p.files.path.len();
    let archives = p.archives.path.len();
    let sections = p.section_count();
    let nodes = p.node_count();
    let strings = p.strings.len();
    if p.strings.first_outside().is_some() {
        return Err("damaged: a string lies outside its table".into());
    }

    let a = &p.archives;
    lengths("archives", archives, &[a.flags.count(), a.first.count(), a.count.count()])?;
    inside("archives.path", &a.path, strings)?;
    let f = &p.files;
    let counts = [&f.archive, &f.member, &f.joined, &f.nested, &f.opaque].map(|c| c.count());
    lengths("files", files, &counts)?;
    lengths("files", files, &[f.bytes.count(), f.flags.count(), f.kind.count()])?;
    within("files.archive", &f.archive, archives)?;
    for (name, column) in [
        ("files.path", &f.path),
        ("files.member", &f.member),
        ("files.joined", &f.joined),
        ("files.nested", &f.nested),
        ("files.opaque", &f.opaque),
    ] {
        within(name, column, strings)?;
    }
    starts("files.first_section", &f.first_section, files, sections)?;

    let s = &p.sections;
    lengths("sections", sections, &[s.size.count(), s.kind.count(), s.index.count()])?;
    inside("sections.name", &s.name, strings)?;
    let k = &p.kinds;
    let kinds = k.sh_type.len();
    lengths("kinds", kinds, &[k.flags.count(), k.align.count(), k.output.count(), k.region.count()])?;
    lengths("kinds", kinds, &[k.class.count(), k.fate.count(), k.sort.count(), k.bits.count()])?;
    within("kinds.output", &k.output, strings)?;
    within("kinds.region", &k.region, strings)?;
    lengths("pieces", p.pieces.section.count(), &[p.pieces.bytes.count()])?;
    let e = &p.extras;
    lengths("extras", e.kind.count(), &[e.file.count(), e.name.count(), e.size.count()])?;
    within("extras.file", &e.file, files)?;
    within("extras.name", &e.name, strings)?;
    lengths("live", nodes.div_ceil(64), &[p.live.count()])?;
    laid(p, nodes, strings)?;

    let e = &p.edges;
    let edges = e.target.len();
    let counts = [e.kind.count(), e.count.count(), e.reloc.count(), e.symbol.count()];
    lengths("edges", edges, &counts)?;
    lengths("edges", edges, &[e.offset.count(), e.addend.count()])?;
    starts("edges.first", &e.first, nodes, edges)?;
    inside("edges.target", &e.target, nodes)?;
    lengths("vias", p.vias.name.count(), &[p.vias.sectional.count()])?;
    within("vias.name", &p.vias.name, strings)?;
    let t = &p.staged;
    lengths("staged", t.node.count(), &[t.because.count(), t.kind.count()])?;
    inside("staged.node", &t.node, nodes)?;
    inside("staged.because", &t.because, nodes)?;
    let g = &p.groups;
    lengths("groups", g.section.count(), &[g.bits.count(), g.skip.count()])?;
    lengths("groups", g.section.count() + 1, &[g.first.count()])?;
    lengths("groups", g.sorted.count(), &[g.of.count()])?;
    lengths("signatures", p.signatures.group.count(), &[p.signatures.name.count()])?;
    lengths("links", p.links.section.count(), &[p.links.to.count()])?;
    let u = &p.unwind;
    lengths("unwind", u.section.count(), &[u.target.count(), u.bytes.count()])?;
    lengths("merged", p.merged.section.count() + 1, &[p.merged.first.count()])?;
    lengths("piece_uses", p.piece_uses.from.count(), &[p.piece_uses.piece.count()])?;
    lengths("root_pieces", p.root_pieces.root.count(), &[p.root_pieces.piece.count()])?;
    inside("shadowed.node", &p.shadowed.node, nodes)?;
    inside("demands.name", &p.demands.name, strings)?;
    let t = &p.scripts;
    lengths("scripts", t.shown.count(), &[t.as_input.count(), t.start.count()])?;
    within("scripts.shown", &t.shown, strings)?;
    starts("scripts.first", &t.first, t.shown.count(), p.sources.path.count())?;
    within("sources.path", &p.sources.path, strings)?;
    starts("sources.first", &p.sources.first, p.sources.path.count(), p.script_text.byte.count())?;
    lengths("orders", p.orders.file.count() + 1, &[p.orders.first.count()])?;
    reasons(p, nodes, sections, strings, files)?;
    meanings(p, nodes, sections, strings, files)
}

/// The predicted output.
fn laid(p: &Portrait<'_>, nodes: usize, strings: usize) -> Result<(), String> {
    let o = &p.outputs;
    let counts = [o.class.count(), o.size.count(), o.padding.count(), o.stated.count(), o.made.count()];
    lengths("outputs", o.name.count(), &counts)?;
    within("outputs.name", &o.name, strings)?;
    within("outputs.region", &o.region, strings)?;
    lengths("outputs", o.name.count(), &[o.region.count()])?;
    lengths("whole", 1, &[p.whole.headers.count()])?;
    lengths("laid", nodes, &[p.laid.place.count(), p.laid.bytes.count()])?;
    let r = &p.regions;
    lengths("regions", r.name.count(), &[r.origin.count(), r.length.count(), r.used.count()])?;
    within("regions.name", &r.name, strings)
}

fn reasons(
    p: &Portrait<'_>,
    nodes: usize,
    sections: usize,
    strings: usize,
    files: usize,
) -> Result<(), String> {
    let r = &p.roots;
    let keeps = p.keeps.script.count();
    let counts = [r.kind.count(), r.name.count(), r.keep.count(), r.by.count(), r.library.count()];
    lengths("roots", r.node.count(), &counts)?;
    inside("roots.node", &r.node, nodes)?;
    within("roots.name", &r.name, strings)?;
    within("roots.keep", &r.keep, keeps)?;
    within("roots.library", &r.library, files)?;
    let k = &p.keeps;
    let counts = [&k.description, &k.file, &k.line, &k.column, &k.text, &k.inner].map(|c| c.count());
    lengths("keeps", keeps, &counts)?;
    within("keeps.file", &k.file, strings)?;
    within("keeps.text", &k.text, strings)?;
    within("keeps.inner", &k.inner, strings)?;
    let i = &p.initcalls;
    within("initcalls.target", &i.target, nodes)?;
    let counts = [&i.level, &i.function, &i.module, &i.target].map(|c| c.count());
    lengths("initcalls", i.section.count(), &[i.offset.count()])?;
    lengths("initcalls", i.section.count(), &counts)?;
    within("initcalls.section", &i.section, sections)?;
    let c = &p.constructors;
    let of_constructors = [c.offset.count(), c.function.count(), c.target.count()];
    lengths("constructors", c.section.count(), &of_constructors)?;
    for (name, column) in
        [("initcalls.level", &i.level), ("initcalls.function", &i.function), ("initcalls.module", &i.module)]
    {
        within(name, column, strings)?;
    }
    Ok(())
}

fn meanings(
    p: &Portrait<'_>,
    nodes: usize,
    sections: usize,
    strings: usize,
    files: usize,
) -> Result<(), String> {
    let s = &p.symbols;
    let symbols = s.name.count();
    let counts = [s.info.count(), s.value.count(), s.size.count(), s.index.count()];
    lengths("symbols", symbols, &counts)?;
    starts("symbols.first", &s.first, sections, symbols)?;
    inside("symbols.name", &s.name, strings)?;
    let n = &p.names;
    lengths("names", n.name.count(), &[n.place.count(), n.file.count(), n.node.count()])?;
    inside("names.name", &n.name, strings)?;
    within("names.file", &n.file, files)?;
    within("names.node", &n.node, nodes)?;
    let o = &p.outside;
    lengths("outside", o.name.count(), &[o.size.count(), o.index.count(), o.content.count()])?;
    starts("outside.first", &o.first, files, o.name.count())?;
    starts("outside_locals.first", &p.outside_locals.first, files, p.outside_locals.name.count())?;
    let e = &p.extractions;
    let counts = [&e.by, &e.text, &e.symbol, &e.section, &e.reloc, &e.count, &e.inside, &e.written];
    lengths("extractions", e.file.count(), &counts.map(|c| c.count()))?;
    let counts = [e.asker.count(), e.live.count(), e.demand.count(), e.offset.count(), e.addend.count()];
    lengths("extractions", e.file.count(), &counts)?;
    inside("extractions.file", &e.file, files)?;
    within("extractions.by", &e.by, files)?;
    within("extractions.section", &e.section, sections)?;
    for (name, column) in [
        ("extractions.text", &e.text),
        ("extractions.symbol", &e.symbol),
        ("extractions.inside", &e.inside),
        ("extractions.written", &e.written),
    ] {
        within(name, column, strings)?;
    }
    let d = &p.diagnostics;
    lengths("diagnostics", d.severity.count(), &[d.id.count(), d.subject.count(), d.message.count()])?;
    for column in [&d.id, &d.subject, &d.message] {
        within("diagnostics", column, strings)?;
    }
    let f = &p.findings;
    let texts =
        [&f.id, &f.message, &f.kind, &f.name, &f.file, &f.archive, &f.place, &f.remedy, &f.line, &f.column];
    lengths("findings", f.id.count(), &texts.map(|c| c.count()))?;
    lengths("findings", f.id.count(), &[f.level.count(), f.has_bytes.count(), f.bytes.count()])?;
    for column in texts.into_iter().take(8) {
        within("findings", column, strings)?;
    }
    Ok(())
}

/// All columns of a table have as many rows.
fn lengths(table: &str, rows: usize, counts: &[usize]) -> Result<(), String> {
    match counts.iter().find(|count| **count != rows) {
        Some(count) => Err(format!("damaged: table {table} has columns of {rows} and of {count} rows")),
        None => Ok(()),
    }
}

/// Numbers are rows of a table, or nothing.
fn within(name: &str, column: &Column<'_, u32>, rows: usize) -> Result<(), String> {
    let outside = |value: &&u32| **value as usize >= rows && **value != NONE;
    match column.iter().find(outside) {
        Some(value) => Err(format!("damaged: column {name} names row {value} of {rows}")),
        None => Ok(()),
    }
}

/// Numbers are rows of a table.
fn inside(name: &str, column: &Column<'_, u32>, rows: usize) -> Result<(), String> {
    match column.iter().find(|value| **value as usize >= rows) {
        Some(value) => Err(format!("damaged: column {name} names row {value} of {rows}")),
        None => Ok(()),
    }
}

/// Starts of lists: one more than there are lists, never falling, up to the end.
fn starts<T: Element>(name: &str, column: &Column<'_, T>, lists: usize, rows: usize) -> Result<(), String> {
    let whole = column.first().map(|v| v.wide()) == Some(0)
        && column.last().map(|v| v.wide()) == Some(rows as u64)
        && column.len() == lists + 1;
    if whole && column.is_sorted() {
        return Ok(());
    }
    Err(format!("damaged: column {name} does not divide {rows} rows into {lists} lists"))
}

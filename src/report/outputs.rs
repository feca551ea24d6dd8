//! Output sections and memory regions of a link as text and JSON, for `gc`.

use std::fmt::Write as _;

use serde::Serialize;

use super::json::{self, AmountJson};
use super::labels::{Style, escape};
use super::text::{count, percent, size, table};
use crate::query::place::layout::{Layout, OutputLayout, PieceOf};
use crate::query::place::{OutputStatement, Placement};

/// A layout and the scripts it follows.
pub struct Outputs<'a> {
    /// Sizes.
    pub layout: &'a Layout,
    /// Statements.
    pub placement: &'a Placement,
}

/// `output_sections`: one row.
#[derive(Serialize)]
pub struct OutputJson {
    name: String,
    address: Option<String>,
    load_address: Option<String>,
    size: u64,
    align: u64,
    kind: &'static str,
    region: Option<String>,
    load_region: Option<String>,
    inputs: AmountJson,
    padding: u64,
    statements: u64,
    made: Option<&'static str>,
    dropped: AmountJson,
    location: Option<PlaceJson>,
}

#[derive(Serialize)]
struct PlaceJson {
    file: String,
    line: u32,
    column: u32,
}

/// `regions`: one row.
#[derive(Serialize)]
pub struct RegionJson {
    name: String,
    origin: String,
    length: u64,
    used: u64,
    free: u64,
    overflow: u64,
    dropped: AmountJson,
}

/// `image`: as `size` counts.
#[derive(Serialize)]
pub struct ImageJson {
    text: u64,
    data: u64,
    bss: u64,
    dec: u64,
    exact: bool,
}

fn kind(out: &OutputLayout) -> &'static str {
    use crate::load::elf::consts::{SHF_EXECINSTR, SHF_WRITE};
    match out {
        o if !o.is_alloc() => "other",
        o if o.flags & SHF_EXECINSTR != 0 || o.flags & SHF_WRITE == 0 => "text",
        o if o.nobits => "bss",
        _ => "data",
    }
}

fn sections(out: &OutputLayout) -> u64 {
    out.pieces.iter().filter(|p| matches!(p.of, PieceOf::Section(_) | PieceOf::Commons(_))).count() as u64
}

/// Bytes that statements make: data and moves of the location counter.
fn stated(out: &OutputLayout) -> u64 {
    out.pieces.iter().filter(|p| matches!(p.of, PieceOf::Dot | PieceOf::Data)).map(|p| p.size).sum()
}

impl Outputs<'_> {
    fn statement(&self, out: &OutputLayout) -> Option<&OutputStatement> {
        self.placement.outputs().get(out.statement? as usize)
    }

    fn region(&self, number: Option<u32>) -> Option<String> {
        let region = self.layout.regions.get(number? as usize)?;
        Some(json::string(&region.name))
    }

    /// `output_sections`.
    pub fn json(&self) -> Vec<OutputJson> {
        let row = |out: &OutputLayout| OutputJson {
            name: json::string(&out.name),
            address: out.address.map(|a| format!("{a:#x}")),
            load_address: out.load_address.map(|a| format!("{a:#x}")),
            size: out.size,
            align: out.align,
            kind: kind(out),
            region: self.region(out.region),
            load_region: self.region(out.load_region),
            inputs: crate::query::totals::Amount { sections: sections(out), bytes: out.input_bytes() }.into(),
            padding: out.padding(),
            statements: stated(out),
            made: out.made.map(|m| m.word()),
            dropped: out.dropped.into(),
            location: self.statement(out).map(|s| PlaceJson {
                file: json::string(&s.file),
                line: s.line,
                column: s.column,
            }),
        };
        self.layout.outputs.iter().map(row).collect()
    }

    /// `regions`.
    pub fn regions_json(&self) -> Vec<RegionJson> {
        let row = |r: &crate::query::place::layout::Region| RegionJson {
            name: json::string(&r.name),
            origin: format!("{:#x}", r.origin),
            length: r.length,
            used: r.used,
            free: r.free(),
            overflow: r.used.saturating_sub(r.length),
            dropped: crate::query::totals::Amount { sections: r.dropped_sections, bytes: r.dropped }.into(),
        };
        self.layout.regions.iter().map(row).collect()
    }

    /// `image`.
    pub fn image_json(&self) -> ImageJson {
        let sums = self.layout.berkeley;
        let exact = self.layout.outputs.iter().all(|o| o.made.is_none() || !o.is_alloc());
        ImageJson { text: sums.text, data: sums.data, bss: sums.bss, dec: sums.dec(), exact }
    }

    /// Output sections for people.
    pub fn text(&self, style: Style) -> String {
        let mut out = String::from("\n");
        out.push_str(&style.heading(
            "output sections (what the linker makes itself is marked: its size is that of the inputs)\n",
        ));
        let head = ["bytes", "address", "inputs", "padding", "dropped", "section", ""];
        let mut lines = vec![head.map(str::to_string).to_vec()];
        for row in &self.layout.outputs {
            lines.push(vec![
                count(row.size),
                row.address.map_or_else(|| "-".into(), |a| format!("{a:#x}")),
                count(sections(row)),
                count(row.padding()),
                count(row.dropped.bytes),
                escape(&row.name),
                row.made.map_or(String::new(), |m| m.word().to_string()),
            ]);
        }
        out.push_str(&table(lines, &[0, 1, 2, 3, 4]));
        let sums = self.layout.berkeley;
        let _ = writeln!(
            out,
            "text {}, data {}, bss {}, all {}",
            count(sums.text),
            count(sums.data),
            count(sums.bss),
            count(sums.dec())
        );
        for note in &self.layout.notes {
            let _ = writeln!(out, "note: {note}");
        }
        out
    }

    /// Memory regions for people.
    pub fn regions_text(&self, style: Style) -> String {
        let mut out = String::from("\n");
        if self.layout.regions.is_empty() {
            out.push_str("The link's scripts define no memory regions.\n");
            return out;
        }
        out.push_str(&style.heading("memory regions\n"));
        let head = ["region", "used", "length", "", "free", "dropped"];
        let mut lines = vec![head.map(str::to_string).to_vec()];
        for region in &self.layout.regions {
            lines.push(vec![
                escape(&region.name),
                size(region.used),
                size(region.length),
                percent(region.used, region.length),
                size(region.free()),
                size(region.dropped),
            ]);
        }
        out.push_str(&table(lines, &[1, 2, 3, 4, 5]));
        out
    }
}

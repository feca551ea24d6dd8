//! The header line of a `.lsw` file.
//!
//! In: bytes of a file, or a portrait's head. Out: [`Header`]. Keys that are not known are left alone; a newer
//! format is refused by its number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{Flavor, OutputKind, Profile, Version};
use crate::query::portrait::{Head, KernelHead};
use crate::query::totals::{Amount, Totals};

/// The format that this program writes and reads.
pub const FORMAT: u32 = 2;

/// What the schema's name begins with.
const SCHEMA: &str = "linksweep.snapshot/";

/// Columns and the data behind the header begin at multiples of this.
pub(super) const ALIGN: usize = 64;

/// The longest header line that is read.
const LONGEST: usize = 1 << 24;

/// One column of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnEntry {
    /// Table and column.
    pub name: String,
    /// `u8`, `u32`, `u64`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it begins behind the header line, in bytes.
    pub offset: u64,
    /// Stored bytes.
    pub length: u64,
    /// Rows.
    pub count: u64,
    /// `plain` or `packed`.
    pub store: String,
}

/// Who wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `linksweep`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The link in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkHead {
    linker: String,
    version: [u32; 3],
    emulation: String,
    emulation_given: Option<String>,
    machine: Option<u16>,
    class: u8,
    big_endian: bool,
    output: String,
    gc_sections: bool,
    collects: bool,
    unreadable_files: u64,
    order_dependent: bool,
    counted: bool,
    start_stop_keeps: bool,
    lists: bool,
    script_entry: Option<String>,
}

/// What a kernel tree says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelLine {
    release: String,
    arch: String,
    config: String,
}

/// Sections and bytes.
pub(super) type Pair = [u64; 2];

/// All input by fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalsLine {
    kept: Pair,
    dropped: Pair,
    dropped_pieces: u64,
    group_duplicates: Pair,
    discarded: Pair,
    not_extracted: Pair,
    not_a_candidate: Pair,
    commons_kept: Pair,
    commons_dropped: Pair,
}

/// The header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `linksweep.snapshot/2`.
    pub schema: String,
    /// Who wrote it.
    pub tool: Tool,
    /// XXH3-128 over the header without this, `tool` and `roots`, and over all data.
    pub digest: String,
    /// The link.
    pub link: LinkHead,
    /// Totals: sections and bytes.
    pub totals: TotalsLine,
    /// The kernel tree.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kernel: Option<KernelLine>,
    /// What `@toolchain`, `@sysroot` and relative paths begin with on the machine that wrote the file.
    pub roots: BTreeMap<String, String>,
    /// The columns.
    pub columns: Vec<ColumnEntry>,
    /// Bytes of the header line, its end included.
    #[serde(skip)]
    pub data_start: usize,
}

fn pair(amount: Amount) -> Pair {
    [amount.sections, amount.bytes]
}

fn amount(pair: Pair) -> Amount {
    Amount { sections: pair[0], bytes: pair[1] }
}

fn flavor_word(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::Bfd => "bfd",
        Flavor::Gold => "gold",
        Flavor::Lld => "lld",
        Flavor::Mold => "mold",
    }
}

fn output_word(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Executable => "executable",
        OutputKind::Pie => "pie",
        OutputKind::Shared => "shared",
        OutputKind::Relocatable => "relocatable",
    }
}

impl Header {
    /// The header of a portrait, columns and digest still empty.
    pub(super) fn new(head: &Head, roots: BTreeMap<String, String>) -> Header {
        let Version(major, minor, patch) = head.profile.version;
        let totals = &head.totals;
        Header {
            schema: format!("{SCHEMA}{FORMAT}"),
            tool: Tool { name: "linksweep".into(), version: env!("CARGO_PKG_VERSION").into() },
            digest: String::new(),
            link: LinkHead {
                linker: flavor_word(head.profile.flavor).into(),
                version: [major, minor, patch],
                emulation: head.emulation.clone(),
                emulation_given: head.emulation_given.clone(),
                machine: head.has_target.then_some(head.machine),
                class: if head.is_64 { 64 } else { 32 },
                big_endian: head.big_endian,
                output: output_word(head.output_kind).into(),
                gc_sections: head.gc_sections,
                collects: head.collects,
                unreadable_files: head.unreadable_files,
                order_dependent: head.order_dependent,
                counted: head.counted,
                start_stop_keeps: head.start_stop_keeps,
                lists: head.lists,
                script_entry: head.script_entry.clone(),
            },
            totals: TotalsLine {
                kept: pair(totals.kept),
                dropped: pair(totals.dropped),
                dropped_pieces: totals.dropped_pieces,
                group_duplicates: pair(totals.group_duplicates),
                discarded: pair(totals.discarded),
                not_extracted: pair(totals.not_extracted),
                not_a_candidate: pair(totals.not_a_candidate),
                commons_kept: pair(head.commons_kept),
                commons_dropped: pair(head.commons_dropped),
            },
            kernel: head.kernel.as_ref().map(|k| KernelLine {
                release: k.release.clone(),
                arch: k.arch.clone(),
                config: k.config.clone(),
            }),
            roots,
            columns: Vec::new(),
            data_start: 0,
        }
    }

    /// The head of the portrait.
    ///
    /// # Errors
    /// A word that is not known.
    pub(super) fn head(&self) -> Result<Head, String> {
        let link = &self.link;
        let flavors = [Flavor::Bfd, Flavor::Gold, Flavor::Lld, Flavor::Mold];
        let flavor = flavors.into_iter().find(|f| flavor_word(*f) == link.linker);
        let kinds = [OutputKind::Executable, OutputKind::Pie, OutputKind::Shared, OutputKind::Relocatable];
        let output_kind = kinds.into_iter().find(|k| output_word(*k) == link.output);
        let unknown = |what: &str, word: &str| format!("damaged: {what} \"{word}\" is not known");
        let totals = &self.totals;
        Ok(Head {
            profile: Profile {
                flavor: flavor.ok_or_else(|| unknown("linker", &link.linker))?,
                version: Version(link.version[0], link.version[1], link.version[2]),
            },
            emulation: link.emulation.clone(),
            emulation_given: link.emulation_given.clone(),
            has_target: link.machine.is_some(),
            machine: link.machine.unwrap_or(0),
            is_64: link.class == 64,
            big_endian: link.big_endian,
            output_kind: output_kind.ok_or_else(|| unknown("output", &link.output))?,
            gc_sections: link.gc_sections,
            collects: link.collects,
            words: Vec::new(),
            totals: Totals {
                kept: amount(totals.kept),
                dropped: amount(totals.dropped),
                dropped_pieces: totals.dropped_pieces,
                group_duplicates: amount(totals.group_duplicates),
                discarded: amount(totals.discarded),
                not_extracted: amount(totals.not_extracted),
                not_a_candidate: amount(totals.not_a_candidate),
            },
            commons_kept: amount(totals.commons_kept),
            commons_dropped: amount(totals.commons_dropped),
            unreadable_files: link.unreadable_files,
            order_dependent: link.order_dependent,
            counted: link.counted,
            start_stop_keeps: link.start_stop_keeps,
            lists: link.lists,
            script_entry: link.script_entry.clone(),
            kernel: self.kernel.as_ref().map(|k| KernelHead {
                release: k.release.clone(),
                arch: k.arch.clone(),
                config: k.config.clone(),
            }),
        })
    }

    /// The bytes of the header that the digest covers.
    pub(super) fn covered(&self) -> Vec<u8> {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            for key in ["digest", "roots", "tool"] {
                object.remove(key);
            }
        }
        value.to_string().into_bytes()
    }

    /// The header line: padded with spaces so that the data behind it is aligned.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        let whole = (line.len() + 1).next_multiple_of(ALIGN);
        line.resize(whole - 1, b' ');
        line.push(b'\n');
        line
    }
}

/// Reads the header line.
///
/// # Errors
/// In words what is wrong: foreign, newer, cut off.
pub(super) fn parse(bytes: &[u8]) -> Result<Header, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    if !bytes.starts_with(b"{\"schema\":\"linksweep.") {
        return Err("not a linksweep snapshot: it does not begin with a header line".into());
    }
    let begin = bytes.get(..bytes.len().min(LONGEST)).unwrap_or_default();
    let Some(end) = begin.iter().position(|&b| b == b'\n') else {
        return Err("cut off: the header line has no end".into());
    };
    let line = begin.get(..end).unwrap_or_default();
    let name = |line: &[u8]| -> Option<String> {
        let rest = line.strip_prefix(b"{\"schema\":\"")?;
        let word: Vec<u8> = rest.iter().copied().take_while(|b| *b != b'"').take(64).collect();
        String::from_utf8(word).ok()
    };
    let schema = name(line).unwrap_or_default();
    let Some(format) = schema.strip_prefix(SCHEMA).and_then(|n| n.parse::<u32>().ok()) else {
        return Err(format!("not a snapshot but \"{}\"", schema.escape_default()));
    };
    if format > FORMAT {
        return Err(format!(
            "written by a newer linksweep: format {format}, this program reads up to {FORMAT}"
        ));
    }
    if format < FORMAT {
        return Err(format!(
            "written by an older linksweep: format {format}, this program reads {FORMAT}; save the link again"
        ));
    }
    let mut header: Header =
        serde_json::from_slice(line).map_err(|e| format!("damaged: the header cannot be read: {e}"))?;
    header.data_start = end + 1;
    Ok(header)
}

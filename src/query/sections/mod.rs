//! How many sections there are, against the limits of the object format and of those who read it
//! (`sections`; GS 10, KL 9).
//!
//! In: an analysis. Out: [`Sections`]: headers of every object and archive, and the output as the
//! linker would number it, before it does. Always true: counts are section headers as `readelf -h`
//! prints them (the null header included), but for [`Image::counted`], which is what GNU ld counts.

mod bfd;
mod gold;
mod inputs;
mod limits;
mod lld;
mod makers;
mod mold;
mod needs;
mod options;
mod outputs;

use bstr::BString;

use super::Analysis;
use super::fate;
use super::place::{Placement, place};
use crate::plan::{Flavor, OutputKind};

pub use inputs::{ArchiveRow, FlagGuess, InputRow};
pub use limits::{FINAL_WARNING, LIMIT, MEMBER_NOTE, MODULE_WARNING, findings};
pub use makers::Maker;
pub use outputs::{Made, OutputSection, OwnSection};

/// What is made, as far as its readers care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// An executable or shared library.
    Final,
    /// The output of `-r`.
    Relocatable,
    /// A kernel module: read by the module loader, which knows no extended numbering.
    Module,
}

/// The output of one link, predicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its file name, or what it is.
    pub name: BString,
    /// What it is.
    pub kind: ImageKind,
    /// Output sections in no particular order but that of making, without relocation sections,
    /// groups and the tables of the object format.
    pub outputs: Vec<OutputSection>,
    /// Relocation sections (`-r`, `--emit-relocs`).
    pub relocation_sections: u64,
    /// SHT_GROUP sections (`-r`).
    pub groups: u64,
    /// Null header, symbol and string tables.
    pub tables: u64,
    /// All section headers.
    pub headers: u64,
    /// What GNU ld counts in its message: output sections, groups included.
    pub counted: u64,
    /// The numbers do not fit 16 bits: `e_shnum` is 0, the count stands in header 0.
    pub extended: bool,
    /// Dynamic symbols in an output section whose index does not fit `.dynsym`.
    pub dynamic_beyond: u64,
    /// What the linker says when it gives up for that reason, without its program name.
    pub refusal: Option<String>,
    /// Input sections that are placed.
    pub inputs: u64,
    /// What the linker itself adds depends on relocations that are not modelled for this machine: the
    /// count may differ by a few.
    pub estimated: bool,
    /// Names that many output sections share, most sections first.
    pub makers: Vec<Maker>,
}

impl Image {
    /// Headers left before extended numbering starts; 0 if it has started.
    pub fn headroom(&self) -> u64 {
        LIMIT.saturating_sub(self.headers)
    }
}

type Known<T> = hashbrown::HashSet<T, foldhash::fast::FixedState>;

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sections {
    /// Objects and extracted members in link order.
    pub inputs: Vec<InputRow>,
    /// Archives in link order.
    pub archives: Vec<ArchiveRow>,
    /// Outputs: of a kernel tree several, else one.
    pub images: Vec<Image>,
}

impl Sections {
    /// Adds answers of other links in order: objects and archives that an earlier one has are left out.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Sections>) {
        let object = |r: &InputRow| (r.archive.clone(), r.file.clone());
        let mut objects: Known<(BString, BString)> = self.inputs.iter().map(object).collect();
        let mut archives: Known<BString> = self.archives.iter().map(|a| a.archive.clone()).collect();
        for mut other in others {
            // Rows of one answer do not take each other's place.
            other.inputs.retain(|r| !objects.contains(&object(r)));
            other.archives.retain(|a| !archives.contains(&a.archive));
            objects.extend(other.inputs.iter().map(object));
            archives.extend(other.archives.iter().map(|a| a.archive.clone()));
            self.inputs.append(&mut other.inputs);
            self.archives.append(&mut other.archives);
            self.images.append(&mut other.images);
        }
    }
}

/// Counts the sections of a link; `name` is the output's, where the command line says none.
pub fn sections(analysis: &Analysis<'_>, name: &str) -> Sections {
    let (inputs, archives) = inputs::rows(analysis);
    Sections { inputs, archives, images: vec![image(analysis, name)] }
}

/// The output of the link.
pub fn image(analysis: &Analysis<'_>, name: &str) -> Image {
    let plan = analysis.program.plan;
    let fates = fate::fates(analysis);
    let placement = place(analysis);
    let view = outputs::View::new(analysis, &placement, &fates);
    let built = match plan.profile.flavor {
        Flavor::Bfd => bfd::build(&view),
        Flavor::Gold => gold::build(&view),
        Flavor::Lld => lld::build(&view),
        Flavor::Mold => mold::build(&view),
    };
    let path = plan.output.as_ref().map(|p| BString::from(p.as_os_str().as_encoded_bytes()));
    let name = match path {
        Some(path) if name.is_empty() => path,
        _ if name.is_empty() => BString::from("a.out"),
        _ => BString::from(name),
    };
    let kind = match plan.output_kind {
        OutputKind::Relocatable if name.ends_with(b".ko") => ImageKind::Module,
        OutputKind::Relocatable => ImageKind::Relocatable,
        _ => ImageKind::Final,
    };
    let makers = makers::makers(&view, &built);
    let headers = built.headers();
    let counted = built.outputs.len() as u64 + built.groups;
    let refusal = refusal(plan.profile.flavor, &name, counted, &built);
    Image {
        name,
        kind,
        relocation_sections: built.relocation_sections,
        groups: built.groups,
        tables: built.tables,
        headers,
        counted,
        extended: headers >= LIMIT,
        dynamic_beyond: built.dynamic_beyond,
        refusal,
        inputs: built.outputs.iter().map(|o| u64::from(o.inputs)).sum(),
        estimated: built.estimated,
        makers,
        outputs: built.outputs,
    }
}

/// What the linker itself puts into the output, and whether that is known for this machine.
pub(super) fn own(analysis: &Analysis<'_>, placement: &Placement) -> (Vec<OwnSection>, bool) {
    let fates = fate::fates(analysis);
    let view = outputs::View::new(analysis, placement, &fates);
    let built = match analysis.program.plan.profile.flavor {
        Flavor::Bfd => bfd::build(&view),
        Flavor::Gold => gold::build(&view),
        Flavor::Lld => lld::build(&view),
        Flavor::Mold => mold::build(&view),
    };
    let mut own = built.own;
    // mold: what is left of properties is not computed.
    if analysis.program.plan.profile.flavor == Flavor::Mold && view.any_has(b".note.gnu.property") {
        let (name, output) = (".note.gnu.property", BString::from(".note.gnu.property"));
        own.push(OwnSection { name, output, flags: crate::load::elf::consts::SHF_ALLOC });
    }
    // gold: a library with versions may name itself as one.
    let library = analysis.program.plan.output_kind == OutputKind::Shared;
    if analysis.program.plan.profile.flavor == Flavor::Gold && library {
        let (name, output) = (".gnu.version_d", BString::from(".gnu.version_d"));
        own.push(OwnSection { name, output, flags: crate::load::elf::consts::SHF_ALLOC });
    }
    (own, !built.estimated)
}

/// The size of the note with the build id.
pub(super) fn build_id_size(analysis: &Analysis<'_>) -> Option<u64> {
    options::build_id_bytes(analysis.program.plan).map(|bytes| 16 + bytes.next_multiple_of(4))
}

/// The size of `.interp`, if the command line names a dynamic linker.
pub(super) fn interp_size(analysis: &Analysis<'_>) -> Option<u64> {
    options::dynamic_linker_name(analysis.program.plan).map(|name| name.len() as u64 + 1)
}

/// GS 10.2, 10.3: bfd `check_dynsym`; mold `to_output_esym`. gold and lld go on.
fn refusal(flavor: Flavor, name: &BString, counted: u64, built: &outputs::Built) -> Option<String> {
    if built.dynamic_beyond == 0 {
        return None;
    }
    match flavor {
        Flavor::Bfd => Some(format!("{name}: too many sections: {counted} (>= {LIMIT})")),
        Flavor::Mold => Some("internal error: output symbol index too large".to_string()),
        Flavor::Gold | Flavor::Lld => None,
    }
}

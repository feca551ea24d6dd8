//! What the linker itself puts into output sections.
//!
//! In: output sections with their inputs. Out: the same with a piece for everything that the linker
//! makes: as large as it will be where the command line tells (build id, `.interp`), else empty, and
//! the output section marked. Always true: an output section without a mark has nothing else in it.
//! Sources: ld `ldelf_after_open`, `ldelf_setup_build_id`; lld `createSyntheticSections`.

use bstr::BString;

use super::super::Placement;
use super::build::{Item, Out};
use super::gather::Input;
use super::{Made, PieceOf};
use crate::ids::FileId;
use crate::load::elf::consts::*;
use crate::plan::{Flavor, OutputKind};
use crate::query::Analysis;
use crate::query::fate;
use crate::query::sections::{self, OwnSection};

/// The GOT of lld on mips where nothing asks for one: two reserved entries (lld `MipsGotSection`).
const MIPS_GOT: &str = ".got (header)";

/// Adds them; new output sections are added to `orphans`.
pub(super) fn add(
    analysis: &Analysis<'_>,
    placement: &Placement,
    outs: &mut Vec<Out<'_>>,
    orphans: &mut Vec<usize>,
) {
    let program = &analysis.program;
    if program.plan.output_kind == OutputKind::Relocatable {
        return;
    }
    let Some(&first) = analysis.resolution.files.first() else { return };
    let (mut own, known) = sections::own(analysis, placement);
    if !known {
        own.extend(likely(analysis, placement, first));
    }
    // Copies of read-only data (lld `addCopyRelSymbol`).
    if program.plan.profile.flavor == Flavor::Lld && own.iter().any(|o| o.name == ".bss") {
        let (name, output) = (".bss.rel.ro", BString::from(".bss.rel.ro"));
        own.push(OwnSection { name, output, flags: SHF_ALLOC | SHF_WRITE });
    }
    let scripted = program.plan.profile.flavor == Flavor::Bfd || placement.own_script();
    for made in own {
        let size = match made.name {
            ".note.gnu.build-id" => sections::build_id_size(analysis),
            ".interp" => sections::interp_size(analysis),
            MIPS_GOT => Some(if program.target.is_some_and(|t| t.is_64) { 16 } else { 8 }),
            _ => None,
        };
        let align = match made.name {
            ".note.gnu.build-id" => 4,
            MIPS_GOT => 16,
            _ => 1,
        };
        let kind = match made.name {
            ".dynbss" | ".bss" | ".bss.rel.ro" | ".copyrel" | ".common" | ".tbss" | ".tls_common"
            | ".relro_padding" => SHT_NOBITS,
            ".note.gnu.build-id" => SHT_NOTE,
            _ => SHT_PROGBITS,
        };
        let input = Input { of: PieceOf::Linker, size: size.unwrap_or(0), align, flags: made.flags, kind };
        let statement = scripted
            .then(|| {
                let name = made.name.strip_suffix(" (header)").unwrap_or(made.name);
                placement.place_named(program, first, name.as_bytes(), u64::from(made.flags))
            })
            .flatten();
        if statement.and_then(|id| placement.statements().get(id)).is_some_and(|s| s.discard) {
            continue;
        }
        let output = statement.and_then(|id| Some(placement.statements().get(id)?.output_number as usize));
        let named = || outs.iter().position(|o| !o.skipped && o.name == made.output);
        let number = output.or_else(named).unwrap_or_else(|| {
            outs.push(Out::loose(made.output.clone()));
            orphans.push(outs.len() - 1);
            outs.len() - 1
        });
        let nth = statement.map_or(0, |id| {
            let of_output = |s: &&super::super::Statement| s.output_number as usize == number;
            placement.statements().iter().take(id.0 as usize).filter(of_output).count()
        });
        let Some(out) = outs.get_mut(number) else { continue };
        put(out, nth, input, |section| program.locate(section).0 == first);
        if size.is_none() {
            out.made = Some(Made::Content);
        }
        // Copies of read-only data of libraries (ld `.data.rel.ro`, gold the same).
        if matches!(made.name, ".dynbss" | ".bss")
            && let Some(out) = outs.iter_mut().find(|o| o.name == ".data.rel.ro")
        {
            out.made = Some(Made::Content);
        }
    }
}

/// Behind what the first file has in the `nth` description.
fn put(out: &mut Out<'_>, nth: usize, input: Input, first: impl Fn(crate::ids::SectionId) -> bool) {
    out.flags |= input.flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR | SHF_TLS);
    if input.kind != SHT_NOBITS {
        out.nobits = false;
    }
    if out.kind == 0 {
        out.kind = input.kind;
    }
    out.align = out.align.max(input.align);
    let mut lists = out.items.iter_mut().filter_map(|i| if let Item::Inputs(l) = i { Some(l) } else { None });
    if let Some(list) = lists.nth(nth) {
        let of_first = |i: &&Input| matches!(i.of, PieceOf::Section(s) if first(s));
        let at = list.iter().take_while(of_first).count();
        list.insert(at, input);
        return;
    }
    out.items.push(Item::Inputs(vec![input]));
}

/// Where relocations are not understood: what there may be.
fn likely(analysis: &Analysis<'_>, placement: &Placement, first: FileId) -> Vec<OwnSection> {
    let program = &analysis.program;
    let machine = program.target.map_or(0, |t| t.machine);
    let alone = program.plan.output_kind == OutputKind::Executable
        && analysis.resolution.needed_libraries.count_ones(..) == 0;
    let mut names: Vec<&'static str> = Vec::new();
    if !alone || asks(analysis, machine) {
        names.extend([".got", ".got.plt", ".plt", ".iplt", ".rela.dyn", ".rel.dyn"]);
    }
    match machine {
        EM_PPC64 => names.extend([".sfpr", ".glink", ".branch_lt"]),
        EM_ARM => names.extend([".glue_7", ".glue_7t", ".vfp11_veneer", ".v4_bx"]),
        _ => {}
    }
    let by_name = |name: &&str| {
        let id = placement.place_named(program, first, name.as_bytes(), u64::from(SHF_ALLOC));
        id.is_some() || [".got", ".plt"].contains(name)
    };
    names.retain(by_name);
    let mips_lld = machine == EM_MIPS && program.plan.profile.flavor == Flavor::Lld;
    if mips_lld && !names.contains(&".got") {
        let flags = SHF_ALLOC | SHF_WRITE;
        return vec![OwnSection { name: MIPS_GOT, output: BString::from(".got"), flags }];
    }
    let flags = |name: &str| match name {
        ".got" | ".got.plt" => SHF_ALLOC | SHF_WRITE,
        ".plt" | ".iplt" | ".sfpr" | ".glink" | ".glue_7" | ".glue_7t" => SHF_ALLOC | SHF_EXECINSTR,
        _ => SHF_ALLOC,
    };
    names
        .into_iter()
        .map(|name| OwnSection { name, output: BString::from(name), flags: flags(name) })
        .collect()
}

/// Whether some live relocation asks for a GOT or PLT entry; true where the types are not known.
fn asks(analysis: &Analysis<'_>, machine: u16) -> bool {
    let asking: fn(u32) -> bool = match machine {
        EM_MIPS => |kind| matches!(kind, 9 | 11 | 19..=23 | 30 | 31 | 42..=46 | 100..=112 | 133..=174),
        EM_PPC => |kind| matches!(kind, 14..=18 | 23 | 27..=32 | 79..=94 | 101..=116 | 248),
        EM_ARM => |kind| matches!(kind, 24..=27 | 95 | 96 | 104..=107 | 160),
        _ => return true,
    };
    let program = &analysis.program;
    let fates = fate::fates(analysis);
    analysis.resolution.files.iter().any(|&file| {
        let Some(object) = program.files[file].object() else { return false };
        (1..object.sections.len() as u32).any(|index| {
            let section = program.files[file].section_id(index);
            let alloc = object.sections.get(index as usize).is_some_and(|r| r.is_alloc());
            let mut found = false;
            if alloc && fates[section] == fate::Fate::Kept {
                for table in object.reloc_sections(index) {
                    let Ok(table) = object.reloc_table(table) else { continue };
                    table.for_each(|_, reloc| found |= asking(reloc.kind));
                }
            }
            found
        })
    })
}

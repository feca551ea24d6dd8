//! What the relocations of the output's sections ask the linker to make: GOT entries, PLT entries,
//! dynamic relocations, copies (x86-64; for other machines only what needs no relocation type).
//!
//! In: a view. Out: [`Needs`]. An entry that the linker's relaxation takes away again is not counted;
//! the linkers differ in what they relax.

use std::collections::BTreeSet;

use super::outputs::View;
use crate::ids::{FileId, NameId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place};
use crate::load::relocs::Reloc;
use crate::plan::{Flavor, OutputKind, Symbolic};
use crate::program::Content;
use crate::query::fate::Fate;
use crate::query::place::Spot;
use crate::resolve::DefKind;

const STT_GNU_IFUNC: u8 = 10;

/// What has to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The relocation types of this machine are known here.
    pub(super) known: bool,
    /// GOT entries.
    pub(super) got: bool,
    /// Something is computed from the GOT's address.
    pub(super) got_base: bool,
    /// A PLT entry for a symbol that has a GOT entry, too (bfd `.plt.got`).
    pub(super) plt_got: bool,
    /// PLT entries of their own.
    lazy_plt: bool,
    /// PLT entries for local STT_GNU_IFUNC symbols.
    pub(super) iplt: bool,
    /// Dynamic relocations beside those of the PLT.
    pub(super) dynamic: bool,
    /// Of them some that are relative only.
    pub(super) relative: bool,
    /// Copies of a library's data.
    pub(super) copy: bool,
    /// Versions of library symbols are referred to.
    pub(super) needs_versions: bool,
}

impl Needs {
    /// There is a PLT of some kind.
    pub(super) fn plt(&self) -> bool {
        self.lazy_plt || self.plt_got
    }

    /// There are PLT entries that are not bound when the program starts.
    pub(super) fn lazy(&self) -> bool {
        self.lazy_plt
    }

    /// There are PLT entries with relocations of their own.
    pub(super) fn rela_plt(&self) -> bool {
        self.lazy_plt
    }
}

/// What a reference means.
#[derive(Clone, Copy)]
struct Target {
    /// Another module may define it.
    preemptible: bool,
    /// An absolute value, or an undefined weak one: no address to relocate.
    absolute: bool,
    function: bool,
    ifunc: bool,
    from_library: bool,
    name: Option<NameId>,
}

/// Reads the relocations of everything in the output.
pub(super) fn needs(view: &View<'_, '_>) -> Needs {
    let program = view.program();
    let mut found = Needs {
        known: program.target.is_some_and(|t| t.machine == EM_X86_64),
        needs_versions: needs_versions(view),
        ..Needs::default()
    };
    if view.is_relocatable() || !found.known {
        return found;
    }
    let (mut in_got, mut in_plt) = (BTreeSet::new(), BTreeSet::new());
    for &file in &view.analysis.resolution.files {
        let f = &program.files[file];
        let Content::Object(object) = &f.content else { continue };
        for (index, row) in object.sections.iter().enumerate().skip(1) {
            let index = index as u32;
            let section = f.section_id(index);
            let counts = row.flags & SHF_ALLOC != 0
                && view.fates[section] == Fate::Kept
                && view.placement.spot(section) != Spot::Nowhere
                && !view.placement.is_discarded(section);
            if !counts || object.section_name(index) == b".eh_frame" {
                continue;
            }
            let data = object.section_data(index).unwrap_or_default();
            for table in object.reloc_sections(index) {
                let Ok(table) = object.reloc_table(table) else { continue };
                table.for_each(|_, reloc| {
                    let target = target(view, file, object, reloc.symbol);
                    let writable = row.flags & SHF_WRITE != 0;
                    one(view, &mut found, &mut in_got, &mut in_plt, target, reloc, data, writable);
                });
            }
        }
    }
    let both = in_plt.iter().any(|name| in_got.contains(name));
    let own = in_plt.iter().any(|name| !in_got.contains(name));
    if view.plan().profile.flavor == Flavor::Bfd || view.plan().profile.flavor == Flavor::Mold {
        found.plt_got = both;
        found.lazy_plt = own;
    } else {
        found.lazy_plt = both || own;
    }
    found
}

fn is_pic(view: &View<'_, '_>) -> bool {
    matches!(view.plan().output_kind, OutputKind::Shared | OutputKind::Pie)
}

fn target(view: &View<'_, '_>, file: FileId, object: &Object<'_>, symbol: u32) -> Target {
    let mut target = Target {
        preemptible: false,
        absolute: symbol == 0,
        function: false,
        ifunc: false,
        from_library: false,
        name: None,
    };
    let Some(found) = object.symbol(symbol) else { return target };
    target.function = found.kind == STT_FUNC;
    let program = view.program();
    let Some(name) = program.files[file].global_name(symbol).filter(|_| found.bind != STB_LOCAL) else {
        target.absolute |= found.place == Place::Absolute;
        target.ifunc = found.kind == STT_GNU_IFUNC;
        return target;
    };
    target.name = Some(name);
    let definition = view.analysis.resolution.meaning(file, symbol, name);
    let plan = view.plan();
    let shared = plan.output_kind == OutputKind::Shared;
    let hidden = matches!(view.analysis.resolution.visibility[name], STV_HIDDEN | STV_INTERNAL);
    let text = program.name(name);
    match definition.kind {
        DefKind::Shared => {
            target.preemptible = true;
            target.from_library = true;
            let library = program.files.get(definition.file).and_then(|f| f.shared());
            let kind = library.and_then(|l| l.symbols.get(definition.symbol as usize)).map(|s| s.kind);
            target.function = matches!(kind, Some(STT_FUNC | STT_GNU_IFUNC));
        }
        // `_GLOBAL_OFFSET_TABLE_` and the like are the linker's own.
        DefKind::Unknown | DefKind::Undefined | DefKind::UndefinedWeak if shared => {
            target.preemptible =
                !hidden && text != b"_GLOBAL_OFFSET_TABLE_" && !text.starts_with(b"__start_");
        }
        DefKind::Unknown | DefKind::Undefined | DefKind::UndefinedWeak => target.absolute = true,
        DefKind::Assigned => {}
        DefKind::Strong | DefKind::Weak | DefKind::Common => {
            let own = program.files.get(definition.file).and_then(|f| f.object());
            let own = own.and_then(|o| o.symbol(definition.symbol));
            target.function = own.is_some_and(|s| s.kind == STT_FUNC);
            target.ifunc = own.is_some_and(|s| s.kind == STT_GNU_IFUNC);
            target.absolute |= own.is_some_and(|s| s.place == Place::Absolute);
            let bound = match plan.symbolic {
                Symbolic::All => true,
                Symbolic::Functions => target.function,
                Symbolic::None | Symbolic::NonWeak | Symbolic::NonWeakFunctions => false,
            };
            target.preemptible = shared
                && !bound
                && view.analysis.resolution.visibility[name] == 0
                && view.exported.contains(name.idx());
        }
    }
    target
}

#[allow(clippy::too_many_arguments)]
fn one(
    view: &View<'_, '_>,
    needs: &mut Needs,
    in_got: &mut BTreeSet<NameId>,
    in_plt: &mut BTreeSet<NameId>,
    target: Target,
    reloc: Reloc,
    data: &[u8],
    writable: bool,
) {
    let pic = is_pic(view);
    let shared = view.plan().output_kind == OutputKind::Shared;
    if let Some(name) = target.name
        && view.program().name(name) == b"_GLOBAL_OFFSET_TABLE_"
    {
        needs.got_base = true;
    }
    needs.iplt |= target.ifunc && !target.preemptible;
    match reloc.kind {
        // R_X86_64_64
        1 => {
            if target.preemptible && !pic && !writable {
                outside(needs, in_plt, target);
            } else if target.preemptible || (pic && !target.absolute) {
                needs.dynamic = true;
                needs.relative |= !target.preemptible;
            }
        }
        // PC32, 32, 32S, PC64: an executable reaches a library's symbol through a copy or the PLT.
        2 | 10 | 11 | 24 => {
            if target.from_library && !shared {
                outside(needs, in_plt, target);
            } else if target.preemptible
                && reloc.kind == 2
                && target.function
                && let Some(name) = target.name
            {
                in_plt.insert(name);
            }
        }
        // PLT32, PLTOFF64
        4 | 31 => {
            if let Some(name) = target.name.filter(|_| target.preemptible) {
                in_plt.insert(name);
            }
        }
        // GOTPCREL, GOTPCRELX, REX_GOTPCRELX
        9 | 41 | 42 => {
            if target.preemptible || !relaxes(view, reloc, data, target) {
                needs.got = true;
                if let Some(name) = target.name.filter(|_| target.preemptible) {
                    in_got.insert(name);
                }
                needs.dynamic |= target.preemptible || (pic && !target.absolute);
            } else if view.plan().profile.flavor == Flavor::Gold {
                needs.got_base = true;
            }
        }
        // GOT32, GOT64, GOTPCREL64, GOTPLT64
        3 | 27 | 28 | 30 => {
            needs.got = true;
            needs.got_base = true;
            needs.dynamic |= target.preemptible || (pic && !target.absolute);
        }
        // GOTTPOFF
        22 if shared || target.preemptible => {
            needs.got = true;
            needs.dynamic = true;
        }
        // TLSGD, TLSLD, GOTPC32_TLSDESC
        19 | 20 | 34 if shared => {
            needs.got = true;
            needs.dynamic = true;
        }
        // GOTOFF64, GOTPC32, GOTPC64
        25 | 26 | 29 => needs.got_base = true,
        _ => {}
    }
}

/// A symbol of a library, addressed directly by an executable.
fn outside(needs: &mut Needs, in_plt: &mut BTreeSet<NameId>, target: Target) {
    match target.name {
        Some(name) if target.function => {
            in_plt.insert(name);
        }
        _ => {
            needs.copy = true;
            needs.dynamic = true;
        }
    }
}

/// Whether the linker rewrites an instruction that loads from the GOT (x86-64 psABI B.2).
fn relaxes(view: &View<'_, '_>, reloc: Reloc, data: &[u8], target: Target) -> bool {
    if target.ifunc || (target.absolute && target.name.is_some() && is_pic(view)) {
        return false;
    }
    let at = |back: u64| {
        let offset = usize::try_from(reloc.offset.checked_sub(back)?).ok()?;
        data.get(offset).copied()
    };
    let (opcode, modrm) = (at(2), at(1));
    let relaxable = matches!(reloc.kind, 41 | 42);
    match opcode {
        // mov
        Some(0x8b) => relaxable || matches!(view.plan().profile.flavor, Flavor::Bfd | Flavor::Gold),
        // call, jmp
        Some(0xff) => relaxable && matches!(modrm, Some(0x15 | 0x25)),
        // test, add, or, adc, sbb, and, sub, xor, cmp
        Some(0x85 | 0x03 | 0x0b | 0x13 | 0x1b | 0x23 | 0x2b | 0x33 | 0x3b) => relaxable && !is_pic(view),
        _ => false,
    }
}

/// A versioned symbol of a library is used by an object.
fn needs_versions(view: &View<'_, '_>) -> bool {
    let program = view.program();
    let resolution = &view.analysis.resolution;
    resolution.definitions.iter().any(|definition| {
        // lld notes of an `--as-needed` library only that it was read; what is defined there needs it.
        let counts = resolution.needed_libraries.contains(definition.file.idx())
            || view.plan().profile.flavor == Flavor::Lld;
        if definition.kind != DefKind::Shared || !counts {
            return false;
        }
        let library = program.files.get(definition.file).and_then(|f| f.shared());
        library.and_then(|l| l.symbols.get(definition.symbol as usize)).is_some_and(|s| s.version.is_some())
    })
}

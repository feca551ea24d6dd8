//! lld: output sections by name; what it adds.
//!
//! Sources: lld `LinkerScript::addOrphanSections`, `addInputSec`, `adjustOutputSections`,
//! `createSyntheticSections`, `removeUnusedSyntheticSections`.

use hashbrown::HashMap;

use super::options;
use super::outputs::{Built, Collector, Input, Made, View};
use crate::load::elf::consts::*;
use crate::plan::OutputKind;
use crate::program::Content;
use crate::query::place::Spot;
use crate::resolve::DefKind;
use crate::script::walk;
use crate::script::{OutputSection, StatementKind};

/// Predicts the output.
pub(super) fn build(view: &View<'_, '_>) -> Built {
    let plan = view.plan();
    let relocatable = view.is_relocatable();
    let mut all = Collector::new(view);
    let mut ordered: Vec<Input<'_>> = Vec::new();
    for input in view.inputs() {
        if input.name == b".note.GNU-stack" && !relocatable {
            continue;
        }
        // Unwind data of all objects becomes one section of the linker's own.
        let Some(name) = view.placement.output_of(input.section) else { continue };
        if let Spot::Statement(_) = input.spot {
            let number = all.find_or_make(name, 0, Made::Statement);
            all.put(number, &input);
            continue;
        }
        if relocatable && input.flags & SHF_LINK_ORDER != 0 && !input.in_group {
            ordered.push(input);
            continue;
        }
        let made = if matches!(input.spot, Spot::Orphan(_)) { Made::Orphan } else { Made::Rule };
        let number = if plan.unique.all || (relocatable && input.in_group) {
            all.make(name, None, made)
        } else {
            all.find_or_make(name, 0, made)
        };
        all.put(number, &input);
    }
    link_order(view, &mut all, &ordered);
    let (commons, tls) = view.commons();
    if commons || tls {
        let name: &[u8] = if relocatable { b"COMMON" } else { b".bss" };
        let number = all.find_or_make(name, 0, Made::Linker);
        if let Some(output) = all.outputs.get_mut(number as usize) {
            output.flags |= SHF_ALLOC | SHF_WRITE;
            output.kind = SHT_NOBITS;
        }
    }
    let needs = view.needs();
    if relocatable {
        // A stack note is written even if no object has one.
        all.find_or_make(b".note.GNU-stack", 0, Made::Linker);
    } else {
        assigned(view, &mut all);
        add_own(view, &mut all, &needs);
    }
    let groups = view.groups(false);
    let mut built = Built::new(view, all, groups, super::LIMIT + 1);
    built.estimated = !needs.known && !relocatable;
    built
}

/// With `-r` sections with link order are merged only if what they describe is.
fn link_order(view: &View<'_, '_>, all: &mut Collector, inputs: &[Input<'_>]) {
    let mut found: HashMap<(Vec<u8>, u32), u32> = HashMap::new();
    for input in inputs {
        let program = view.program();
        let f = &program.files[input.file];
        let Content::Object(object) = &f.content else { continue };
        let (_, index) = program.locate(input.section);
        let link = object.header(index).link;
        let described = if (link as usize) < object.sections.len() {
            all.of.get(f.section_id(link).idx()).copied().unwrap_or(u32::MAX)
        } else {
            u32::MAX
        };
        let key = (input.name.to_vec(), described);
        let number = match found.get(&key) {
            Some(&number) => number,
            None => {
                let number = all.make(input.name, None, Made::Rule);
                found.insert(key, number);
                number
            }
        };
        all.put(number, input);
    }
}

/// Output sections of a script that stay without input sections: something is assigned in them.
fn assigned(view: &View<'_, '_>, all: &mut Collector) {
    let program = view.program();
    let referenced = |name: &[u8]| {
        let found = program.names.find(name);
        found.is_some_and(|n| view.analysis.resolution.definitions[n].kind != DefKind::Unknown)
    };
    let stays = |section: &OutputSection| {
        section.body.iter().any(|statement| match &statement.kind {
            StatementKind::Assignment(a) if a.name.text != "." && a.kind.is_provide() => {
                referenced(&a.name.text)
            }
            StatementKind::Input(_) => false,
            _ => true,
        })
    };
    for placing in view.placement.scripts() {
        let Some(script) = placing.script(program) else { continue };
        for placed in walk::output_sections(script) {
            let section = placed.section;
            if !section.is_discard() && stays(section) {
                all.find_or_make(&section.name.text, 0, Made::Statement);
            }
        }
    }
}

fn add_own(view: &View<'_, '_>, all: &mut Collector, needs: &super::needs::Needs) {
    let plan = view.plan();
    let pic = matches!(plan.output_kind, OutputKind::Shared | OutputKind::Pie);
    let dynamic = view.has_libraries() || pic || plan.export_dynamic;
    let (sysv, gnu) = options::hash_styles(plan);
    let tags = view.program().controls.version_tags.iter().any(|t| !t.is_empty());
    let frames = all.outputs.iter().any(|o| o.name == ".eh_frame" && o.bytes > 0);
    let relro = dynamic || needs.got || all.outputs.iter().any(is_relro);
    let padding =
        plan.profile.version.0 >= 18 && !options::z(plan, "norelro") && !view.placement.own_script();
    let executable = plan.output_kind != OutputKind::Shared;
    let relr = options::relr(plan) && needs.relative;
    let ro = SHF_ALLOC;
    let rw = SHF_ALLOC | SHF_WRITE;
    let list: [(bool, &'static str, u32); 21] = [
        (executable && dynamic && options::dynamic_linker(plan), ".interp", ro),
        (dynamic, ".dynsym", ro),
        (dynamic && (needs.needs_versions || tags), ".gnu.version", ro),
        (dynamic && tags, ".gnu.version_d", ro),
        (dynamic && needs.needs_versions, ".gnu.version_r", ro),
        (dynamic && gnu, ".gnu.hash", ro),
        (dynamic && sysv, ".hash", ro),
        (dynamic, ".dynstr", ro),
        ((needs.dynamic && dynamic) || needs.iplt, ".rela.dyn", ro),
        (relr, ".relr.dyn", ro),
        (needs.plt(), ".rela.plt", ro),
        (needs.plt(), ".plt", ro),
        (needs.iplt, ".iplt", ro),
        (dynamic, ".dynamic", rw),
        (needs.got, ".got", rw),
        (needs.plt() || needs.got_base || needs.iplt, ".got.plt", rw),
        (padding && relro, ".relro_padding", rw),
        (needs.copy, ".bss", rw),
        (options::build_id(plan), ".note.gnu.build-id", ro),
        (options::eh_frame_hdr(plan, false) && frames, ".eh_frame_hdr", ro),
        (true, ".comment", 0),
    ];
    for (wanted, name, flags) in list {
        if wanted {
            all.linker(name, SHT_PROGBITS, flags);
        }
    }
}

/// Sections that lld protects after relocation (lld `isRelroSection`).
fn is_relro(output: &super::OutputSection) -> bool {
    let kind = matches!(output.kind, SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY);
    let name: &[u8] = &output.name;
    output.flags & SHF_WRITE != 0
        && (kind
            || output.flags & SHF_TLS != 0
            || matches!(
                name,
                b".data.rel.ro"
                    | b".bss.rel.ro"
                    | b".ctors"
                    | b".dtors"
                    | b".jcr"
                    | b".eh_frame"
                    | b".toc"
                    | b".fini_array"
                    | b".init_array"
                    | b".preinit_array"
            ))
}

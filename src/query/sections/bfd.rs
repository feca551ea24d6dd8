//! GNU ld: which input sections share an output section, which output sections are left out, what
//! the linker adds, and in which order they are numbered.
//!
//! Sources: ld `lang_add_section`, `unique_section_p`, `ldelf_place_orphan`,
//! `strip_excluded_output_sections`; bfd `assign_section_numbers`,
//! `_bfd_elf_link_create_dynamic_sections`, `_bfd_x86_elf_size_dynamic_sections`.

use super::needs::Needs;
use super::options;
use super::outputs::{Built, Collector, Input, Made, OwnSection, View};
use crate::load::elf::consts::*;
use crate::plan::{OrphanHandling, OutputKind};
use crate::script::StatementKind;
use crate::script::expr::{BinaryOp, Expr, Node, NodeIndex, UnaryOp};
use crate::script::filematch::FileName;
use crate::script::keep::KeepTable;
use crate::script::walk;

/// Flags that keep sections of one name apart with `-r`: processor's and system's.
const MASKS: u32 = 0xfff0_0000;

/// Predicts the output.
pub(super) fn build(view: &View<'_, '_>) -> Built {
    let plan = view.plan();
    let relocatable = view.is_relocatable();
    let mut all = Collector::new(view);
    let apart = |input: &Input<'_>| relocatable && input.in_group && !plan.force_group_allocation;
    let mut orphans = Vec::new();
    let property = relocatable || view.property_stays();
    for input in view.inputs() {
        if input.name == b".note.gnu.property" && !property {
            continue;
        }
        match view.placement.statement_of(input.section) {
            Some((_, statement)) if !apart(&input) => {
                let number = all.find_or_make(&statement.output, 0, Made::Statement);
                all.put(number, &input);
                if let Some(output) = all.outputs.get_mut(number as usize) {
                    output.kept |= statement.keep;
                }
            }
            _ => orphans.push(input),
        }
    }
    for input in &orphans {
        place_orphan(view, &mut all, input, apart(input));
    }
    let data = with_data(view, &all);
    if !relocatable {
        let (commons, tls) = view.commons();
        if commons {
            let name = common_output(view).unwrap_or_else(|| b".bss".to_vec());
            let number = all.find_or_make(&name, 0, Made::Statement);
            if let Some(output) = all.outputs.get_mut(number as usize) {
                output.bytes += 1;
                output.flags |= SHF_ALLOC | SHF_WRITE;
            }
        }
        if tls {
            let number = all.find_or_make(b".tbss", 0, Made::Statement);
            if let Some(output) = all.outputs.get_mut(number as usize) {
                output.bytes += 1;
            }
        }
        all.retain(|o| o.bytes > 0 || o.kept || plan.emit_relocs || data.contains(&o.name.to_vec()));
        for name in &data {
            if !all.outputs.iter().any(|o| o.name == name.as_slice()) {
                all.make(name, None, Made::Statement);
            }
        }
    }
    if relocatable
        && view.has_commons()
        && let Some(name) = common_output(view)
    {
        // Commons get no space, but the statement that names them makes its output section.
        all.find_or_make(&name, 0, Made::Statement);
    }
    if relocatable {
        if options::build_id(plan) {
            all.linker(".note.gnu.build-id", SHT_NOTE, SHF_ALLOC);
        }
        // ppc64 `ppc64_elf_init_stub_bfd`: made even if no function of it is needed.
        let ppc64 = view.program().target.is_some_and(|t| t.machine == EM_PPC64);
        if ppc64 && plan.words.iter().any(|w| w == "--save-restore-funcs") {
            all.linker(".sfpr", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR);
        }
    }
    let needs = view.needs();
    if !relocatable {
        add_own(view, &mut all, &needs);
    }
    let groups = view.groups(false);
    // `.symtab_shndx` follows if the number behind `.symtab` exceeds 65278.
    let mut built = Built::new(view, all, groups, 65278 + 3);
    built.estimated = !needs.known && !relocatable;
    let order = order(view, &built);
    built.count_beyond(view, &order, 1 + groups);
    built
}

fn place_orphan(view: &View<'_, '_>, all: &mut Collector, input: &Input<'_>, apart: bool) {
    let plan = view.plan();
    let relocatable = view.is_relocatable();
    if plan.orphan_handling == OrphanHandling::Discard {
        return;
    }
    let mut name = input.name;
    if !relocatable && input.flags & SHF_ALLOC != 0 {
        match input.kind {
            SHT_RELA => name = b".rela.dyn",
            SHT_REL => name = b".rel.dyn",
            _ => {}
        }
    }
    if plan.output_kind == OutputKind::Executable && name.starts_with(b".gnu.warning.") {
        name = b".text";
    }
    let wanted = plan.unique.patterns.iter().any(|p| crate::script::glob::Pattern::bfd_file(p).matches(name));
    if apart || plan.unique.all || wanted {
        let number = all.make(name, None, Made::Orphan);
        all.put(number, input);
        return;
    }
    // Of all output sections of that name the first that is compatible (`elf_orphan_compatible`).
    let mut key = 0;
    while let Some(number) = all.find(name, key) {
        let fits = all.outputs.get(number as usize).is_some_and(|o| {
            let loaded = o.flags & SHF_ALLOC != 0 && o.kind != SHT_NOBITS;
            o.inputs == 0
                || (loaded == input.is_loaded()
                    && (o.flags ^ input.flags) & SHF_ALLOC == 0
                    && o.kind == input.kind
                    && (!relocatable || (o.flags ^ input.flags) & MASKS == 0))
        });
        if fits {
            all.put(number, input);
            return;
        }
        key += 1;
    }
    let number = all.make(name, Some(key), Made::Orphan);
    all.put(number, input);
}

/// Names of output sections that GNU ld keeps for what the script puts into them, inputs or none: data, or an
/// assignment to the location counter, even one that does not move it (ld `exp_fold_tree_1`, mark phase).
fn with_data(view: &View<'_, '_>, all: &Collector) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for placing in view.placement.scripts() {
        let Some(script) = placing.script(view.program()) else { continue };
        for placed in walk::output_sections(script) {
            let name = &placed.section.name.text;
            if placed.section.is_discard() || all.outputs.iter().any(|o| o.name == *name && o.bytes > 0) {
                continue;
            }
            let fills = placed.section.body.iter().any(|statement| match &statement.kind {
                StatementKind::Data(size, _) => *size > 0,
                StatementKind::Assignment(a) => a.name.text == "." && !is_no_move(&a.value),
                _ => false,
            });
            if fills {
                names.push(name.to_vec());
            }
        }
    }
    names
}

/// `0`, `. + 0` and `ALIGN(. != 0 ? e : 1)`: the forms that ld takes for no content as long as they are worth 0.
fn is_no_move(value: &Expr) -> bool {
    let node = |at: NodeIndex| value.nodes.get(at as usize);
    match value.nodes.last() {
        Some(Node::Integer(0)) => true,
        Some(&Node::Binary(BinaryOp::Add, left, right)) => {
            node(left) == Some(&Node::Dot) && node(right) == Some(&Node::Integer(0))
        }
        Some(&Node::Unary(UnaryOp::Align, inner)) => match node(inner) {
            Some(&Node::Ternary(condition, _, no)) => {
                let asked = match node(condition) {
                    Some(&Node::Binary(BinaryOp::Ne, left, right)) => {
                        node(left) == Some(&Node::Dot) && node(right) == Some(&Node::Integer(0))
                    }
                    _ => false,
                };
                asked && node(no) == Some(&Node::Integer(1))
            }
            _ => false,
        },
        _ => false,
    }
}

/// What the scripts do with a section of the linker's own.
struct Own {
    output: Vec<u8>,
    keep: bool,
    orphan: bool,
}

/// Where a linker-made section goes; `None` if it is discarded.
fn own(view: &View<'_, '_>, name: &[u8], flags: u32) -> Option<Own> {
    let files = &view.analysis.resolution.files;
    for placing in view.placement.scripts() {
        let Some(script) = placing.script(view.program()) else { continue };
        let Ok(table) = KeepTable::new(script) else { continue };
        let file = files.first().map_or(FileName::default(), |f| view.program().pattern_name(*f));
        let matches = table.matches(name);
        let found = table.places(&mut table.file(file), &matches, u64::from(flags));
        if let Some(description) = found.and_then(|d| table.get(d)) {
            let own = Own { output: description.output.to_vec(), keep: description.keep, orphan: false };
            return (!description.discard).then_some(own);
        }
    }
    let output = match name {
        // Relocation sections of all kinds join `.rela.dyn` (`ldelf_place_orphan`).
        _ if name.starts_with(b".rela.") && name != b".rela.plt" => b".rela.dyn".to_vec(),
        _ => name.to_vec(),
    };
    Some(Own { output, keep: false, orphan: true })
}

fn common_output(view: &View<'_, '_>) -> Option<Vec<u8>> {
    own(view, b"COMMON", SHF_ALLOC | SHF_WRITE).filter(|o| !o.orphan).map(|o| o.output)
}

/// The sections that GNU ld makes itself. A section that turns out empty is excluded again, unless
/// a KEEP takes it.
fn add_own(view: &View<'_, '_>, all: &mut Collector, needs: &Needs) {
    let plan = view.plan();
    let executable = plan.output_kind != OutputKind::Shared;
    let libraries = view.analysis.resolution.needed_libraries.count_ones(..) > 0;
    let dynamic = libraries || matches!(plan.output_kind, OutputKind::Shared | OutputKind::Pie);
    let (sysv, gnu) = options::hash_styles(plan);
    let versions = needs.needs_versions;
    let tags = view.program().controls.version_tags.iter().any(|t| !t.is_empty());
    let defines = tags && dynamic;
    let got_plt = needs.got || needs.plt() || needs.iplt || needs.got_base;
    let ro = SHF_ALLOC;
    let rw = SHF_ALLOC | SHF_WRITE;
    let rx = SHF_ALLOC | SHF_EXECINSTR;
    let has_frames = all.outputs.iter().any(|o| o.name == ".eh_frame" && o.bytes > 0);
    let list: [(bool, &'static str, u32); 21] = [
        (dynamic && executable && !options::no_dynamic_linker(plan), ".interp", ro),
        (dynamic && sysv, ".hash", ro),
        (dynamic && gnu, ".gnu.hash", ro),
        (dynamic, ".dynsym", ro),
        (dynamic, ".dynstr", ro),
        (dynamic && (versions || defines), ".gnu.version", ro),
        (defines, ".gnu.version_d", ro),
        (dynamic && versions, ".gnu.version_r", ro),
        (dynamic && needs.dynamic, ".rela.got", ro),
        (needs.rela_plt() || needs.iplt, ".rela.plt", ro),
        (dynamic && options::relr(plan), ".relr.dyn", ro),
        (needs.rela_plt(), ".plt", rx),
        (needs.iplt && !needs.rela_plt(), if dynamic { ".plt" } else { ".iplt" }, rx),
        (needs.plt_got, ".plt.got", rx),
        (dynamic, ".dynamic", rw),
        (needs.got, ".got", rw),
        (got_plt, if dynamic || !needs.iplt { ".got.plt" } else { ".igot.plt" }, rw),
        (needs.copy, ".dynbss", rw),
        (options::build_id(plan), ".note.gnu.build-id", ro),
        (options::eh_frame_hdr(plan, false) && has_frames, ".eh_frame_hdr", ro),
        (has_frames && needs.plt(), ".eh_frame", ro),
    ];
    let mut add = |name: &'static str, flags: u32| {
        let Some(own) = own(view, name.as_bytes(), flags) else { return };
        all.own.push(OwnSection { name, output: own.output.as_slice().into(), flags });
        let found = all.outputs.iter().position(|o| o.name == own.output.as_slice());
        if found.is_none() {
            let number = all.make(&own.output, None, Made::Linker);
            if let Some(output) = all.outputs.get_mut(number as usize) {
                output.flags = flags;
                output.kind = if name == ".dynbss" { SHT_NOBITS } else { SHT_PROGBITS };
            }
        }
    };
    for (wanted, name, flags) in list {
        let joined = name == ".got.plt" && options::z(plan, "now") && !view.placement.own_script();
        if wanted && !joined {
            add(name, flags);
        } else if wanted {
            add(".got", flags);
        }
    }
    // The table for the PLT's own frames is made before anyone knows that there is no PLT.
    if dynamic && own(view, b".eh_frame", ro).is_some_and(|o| o.keep) {
        add(".eh_frame", ro);
    }
}

/// Numbers of output sections in file order: as in the script, orphans behind the section that
/// their kind is held beside (`ldelf_place_orphan`).
fn order(view: &View<'_, '_>, built: &Built) -> Vec<u32> {
    let statements = view.placement.outputs();
    let place = |name: &[u8]| statements.iter().position(|s| !s.skipped && s.name == name);
    let mut keyed: Vec<(usize, u32, u32)> = Vec::with_capacity(built.outputs.len());
    let fallback = |flags: u32| {
        let like = |o: &&super::OutputSection| {
            o.made == Made::Statement && o.flags & (SHF_ALLOC | SHF_WRITE) == flags & (SHF_ALLOC | SHF_WRITE)
        };
        let last = built.outputs.iter().filter(like).filter_map(|o| place(&o.name)).max();
        last.unwrap_or(0)
    };
    let anchors =
        [".text", ".rodata", ".tdata", ".data", ".bss", ".interp", ".comment"].map(|n| place(n.as_bytes()));
    for (number, output) in (0u32..).zip(&built.outputs) {
        if let Some(at) = place(&output.name).filter(|_| output.made != Made::Orphan) {
            keyed.push((at, 0, number));
            continue;
        }
        let flags = output.flags;
        let anchor = if flags & SHF_ALLOC == 0 {
            anchors[6].or(Some(statements.len()))
        } else if output.kind == SHT_NOTE {
            anchors[5].or(anchors[1])
        } else if output.kind == SHT_NOBITS && flags & SHF_TLS == 0 {
            anchors[4]
        } else if flags & SHF_TLS != 0 {
            anchors[2]
        } else if flags & SHF_WRITE != 0 {
            anchors[3]
        } else if flags & SHF_EXECINSTR != 0 {
            anchors[0]
        } else {
            anchors[1]
        };
        keyed.push((anchor.unwrap_or_else(|| fallback(flags)), 1, number));
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|k| k.2).collect()
}

//! `doctor` as text and JSON.

use serde::Serialize;

use super::Page;
use super::json::{self, FindingJson, LinkInfo, TOOL, Tool};
use super::kernel::KernelJson;
use super::labels::escape;
use super::text::{count, linker, machine, machine_name, plural, size, table};
use crate::plan::kbuild::KernelTree;
use crate::query::finding::level_word;
use crate::query::inputs::{ArchiveState, Inputs};
use crate::query::kernel::roots::KernelRoots;

fn index_words(state: &ArchiveState) -> String {
    match (state.indexed, state.is_stale()) {
        (false, _) if state.whole => "none (taken whole: not needed)".into(),
        (false, _) => "none".into(),
        (true, false) => "good".into(),
        (true, true) => format!(
            "stale: {} wrong, {} missing",
            plural(state.wrong_entries, "entry", "entries"),
            count(state.missing_entries)
        ),
    }
}

/// The kernel tree that the link was read from, and the roots that it has names for.
pub type Kernel<'a, 'd> = Option<(&'a KernelTree, &'a KernelRoots<'d>)>;

/// For people.
pub fn text(page: &Page<'_, '_>, inputs: &Inputs, kernel: Kernel<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let c = &inputs.counts;
    let mut out = format!("{}, {}\n\n", linker(program.plan.profile), machine(program));
    out.push_str(&page.style.heading("inputs\n"));
    let rows: Vec<(u64, &str)> = vec![
        (c.objects, "objects"),
        (c.archives, "archives"),
        (c.thin_archives, "of them thin"),
        (c.members, "objects in archives"),
        (c.shared_libraries, "shared libraries"),
        (c.scripts, "scripts"),
        (c.binary_files, "plain data files"),
        (c.sections, "sections"),
        (c.symbols, "symbols"),
        (c.compressed_sections, "compressed sections"),
        (c.crel_objects, "objects with CREL relocations"),
        (c.fat_lto, "objects with intermediate code beside machine code"),
        (c.bitcode, "LLVM bitcode files"),
        (c.slim_lto, "GCC slim LTO objects: intermediate code only"),
        (c.intermediate_read, "files whose intermediate code is what this linker reads"),
        (c.approximate, "files whose intermediate code could not be read whole"),
        (c.foreign, "objects for another machine, class or byte order"),
        (c.unreadable, "files that cannot be read"),
        (c.partly_unreadable, "objects with a part that cannot be read"),
    ];
    let lines = rows
        .into_iter()
        .filter(|(n, what)| *n > 0 || *what == "objects")
        .map(|(n, what)| vec![count(n), what.to_string()])
        .chain([vec![size(c.bytes), "in all".into()]]);
    out.push_str(&table(lines.collect(), &[0]));
    if inputs.machines.len() > 1 {
        out.push_str("\nmore than one machine:\n");
        let lines = inputs.machines.iter().map(|&(m, n)| vec![count(n), machine_name(m)]);
        out.push_str(&table(lines.collect(), &[0]));
    }
    if !inputs.archives.is_empty() {
        out.push('\n');
        out.push_str(&page.style.heading("archives\n"));
        let mut lines = vec![vec!["members".into(), "index".into(), "archive".into()]];
        for state in &inputs.archives {
            let archive = &program.archives[state.archive];
            lines.push(vec![count(u64::from(archive.count)), index_words(state), escape(archive.path)]);
        }
        out.push_str(&table(lines, &[0]));
    }
    out.push('\n');
    if let Some((tree, roots)) = kernel {
        out.push_str(&super::kernel::text(tree, roots, program, page.style));
        out.push('\n');
    }
    out.push_str(&page.style.heading("findings\n"));
    if page.findings.is_empty() {
        out.push_str("  none: everything could be read\n");
    }
    for f in page.findings {
        let subject = if f.subject.archive.is_empty() {
            escape(f.subject.file.as_bytes())
        } else {
            format!("{}({})", escape(f.subject.archive.as_bytes()), escape(f.subject.file.as_bytes()))
        };
        let message = escape(f.message.as_bytes());
        out.push_str(&format!("  {} {}: {subject}: {message}\n", f.id, level_word(f.level)));
        if !f.remedy.is_empty() {
            out.push_str(&format!("         {}\n", f.remedy));
        }
    }
    let s = &inputs.second;
    out.push('\n');
    out.push_str(&page.style.heading("second reader (goblin)\n"));
    out.push_str(&format!(
        "  {} and {} read twice: {} sections, {} symbols, {} relocations, {} members\n",
        plural(s.objects, "object", "objects"),
        plural(s.archives, "archive", "archives"),
        count(s.sections),
        count(s.symbols),
        count(s.relocations),
        count(s.members)
    ));
    for (gap, files) in &s.gaps {
        out.push_str(&format!(
            "  it cannot read {gap}: not compared in {}\n",
            plural(*files, "file", "files")
        ));
    }
    if s.differences.is_empty() {
        out.push_str("  the two readers agree\n");
    }
    for (file, what) in &s.differences {
        out.push_str(&format!("  DIFFERENT {}: {}\n", escape(file.as_bytes()), escape(what.as_bytes())));
    }
    out.into_bytes()
}

#[derive(Serialize)]
struct DoctorJson {
    schema: &'static str,
    tool: Tool,
    link: LinkInfo,
    inputs: InputsJson,
    machines: Vec<MachineJson>,
    archives: Vec<ArchiveJson>,
    second_reader: SecondJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<KernelJson>,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct InputsJson {
    objects: u64,
    members: u64,
    shared_libraries: u64,
    binary_files: u64,
    archives: u64,
    thin_archives: u64,
    scripts: u64,
    sections: u64,
    symbols: u64,
    bytes: u64,
    bitcode: u64,
    slim_lto: u64,
    fat_lto: u64,
    intermediate_read: u64,
    intermediate_approximate: u64,
    foreign: u64,
    unreadable: u64,
    partly_unreadable: u64,
    compressed_sections: u64,
    crel_objects: u64,
}

#[derive(Serialize)]
struct MachineJson {
    machine: u16,
    name: String,
    objects: u64,
}

#[derive(Serialize)]
struct ArchiveJson {
    archive: String,
    members: u32,
    thin: bool,
    whole_archive: bool,
    indexed: bool,
    stale: bool,
    wrong_entries: u64,
    missing_entries: u64,
}

#[derive(Serialize)]
struct SecondJson {
    reader: &'static str,
    objects: u64,
    archives: u64,
    sections: u64,
    symbols: u64,
    relocations: u64,
    members: u64,
    gaps: Vec<GapJson>,
    differences: Vec<DifferenceJson>,
}

#[derive(Serialize)]
struct GapJson {
    cannot_read: &'static str,
    files: u64,
}

#[derive(Serialize)]
struct DifferenceJson {
    file: String,
    difference: String,
}

/// `linksweep.doctor/1`.
pub fn json(page: &Page<'_, '_>, inputs: &Inputs, kernel: Kernel<'_, '_>) -> Vec<u8> {
    let program = &page.analysis.program;
    let c = inputs.counts;
    let s = &inputs.second;
    let archives = inputs.archives.iter().map(|state| {
        let archive = &program.archives[state.archive];
        ArchiveJson {
            archive: json::string(archive.path),
            members: archive.count,
            thin: archive.thin,
            whole_archive: state.whole,
            indexed: state.indexed,
            stale: state.is_stale(),
            wrong_entries: state.wrong_entries,
            missing_entries: state.missing_entries,
        }
    });
    let differences = s.differences.iter();
    json::render(&DoctorJson {
        schema: "linksweep.doctor/1",
        tool: TOOL,
        link: json::link(page),
        inputs: InputsJson {
            objects: c.objects,
            members: c.members,
            shared_libraries: c.shared_libraries,
            binary_files: c.binary_files,
            archives: c.archives,
            thin_archives: c.thin_archives,
            scripts: c.scripts,
            sections: c.sections,
            symbols: c.symbols,
            bytes: c.bytes,
            bitcode: c.bitcode,
            slim_lto: c.slim_lto,
            fat_lto: c.fat_lto,
            intermediate_read: c.intermediate_read,
            intermediate_approximate: c.approximate,
            foreign: c.foreign,
            unreadable: c.unreadable,
            partly_unreadable: c.partly_unreadable,
            compressed_sections: c.compressed_sections,
            crel_objects: c.crel_objects,
        },
        machines: inputs
            .machines
            .iter()
            .map(|&(machine, objects)| MachineJson { machine, name: machine_name(machine), objects })
            .collect(),
        archives: archives.collect(),
        second_reader: SecondJson {
            reader: "goblin",
            objects: s.objects,
            archives: s.archives,
            sections: s.sections,
            symbols: s.symbols,
            relocations: s.relocations,
            members: s.members,
            gaps: s.gaps.iter().map(|&(cannot_read, files)| GapJson { cannot_read, files }).collect(),
            differences: differences
                .map(|(file, difference)| DifferenceJson {
                    file: file.clone(),
                    difference: difference.clone(),
                })
                .collect(),
        },
        kernel: kernel.map(|(tree, roots)| super::kernel::json(tree, roots, program)),
        findings: json::findings(page.findings),
    })
}

//! Roots of a kernel by what they are to it: initcalls by level and name, exports, head code.
//!
//! In: section names and objects of an analysis. Out: [`KernelRoot`] for one section, and the whole
//! list in the order in which the kernel runs them ([`KernelRoots`]). To the linker all of them are
//! KEEP roots; the names are the kernel's own (KL 1.1, 2.1, 2.2, 3), of all eras.

use bstr::ByteSlice;

use crate::graph::RootKind;
use crate::ids::{NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::{STT_FILE, STT_SECTION};
use crate::program::Program;
use crate::query::Analysis;
use crate::resolve::DefKind;
use crate::script::CommandKind;

/// When an initcall runs: `early`, `0` to `7`, `0s` to `7s`, `rootfs`, `con`, `security`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level<'d>(pub &'d [u8]);

impl Level<'_> {
    /// What the kernel calls it: `device` for 6.
    pub fn word(self) -> &'static str {
        match self.0.strip_suffix(b"s").unwrap_or(self.0) {
            b"early" => "early",
            b"0" => "pure",
            b"1" => "core",
            b"2" => "postcore",
            b"3" => "arch",
            b"4" => "subsys",
            b"5" => "fs",
            b"6" => "device",
            b"7" => "late",
            b"rootf" => "rootfs",
            b"con" => "console",
            b"security" => "security",
            _ => "other",
        }
    }

    /// Runs after all plain calls of its level.
    pub fn is_sync(self) -> bool {
        matches!(self.0, [b'0'..=b'9', b's'])
    }

    /// Place in the order of a boot: levels, `s` behind its plain level, rootfs between 5 and 6; the
    /// lists that are walked separately come last.
    pub fn rank(self) -> u32 {
        match self.0 {
            b"early" => 0,
            b"rootfs" => 13,
            b"con" => 100,
            b"security" => 101,
            [digit @ b'0'..=b'9', rest @ ..] => {
                let digit = u32::from(digit - b'0');
                let rank = 1 + 2 * digit + u32::from(rest == b"s");
                if digit > 5 { rank + 1 } else { rank }
            }
            _ => 99,
        }
    }
}

/// What a kept section is to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelRoot<'d> {
    /// Entries of an initcall table.
    Initcall(Level<'d>),
    /// An export's table entry.
    Export {
        /// The exported name.
        name: &'d [u8],
        /// The table's suffix: empty, `_gpl`, `_unused`, ...
        flavour: &'d [u8],
    },
    /// Code or data at the head of the image.
    Head,
}

impl KernelRoot<'_> {
    /// The contract's word for the kind of root (cli.md 2).
    pub fn word(self) -> &'static str {
        match self {
            KernelRoot::Initcall(_) => "initcall",
            KernelRoot::Export { .. } => "export",
            KernelRoot::Head => "head",
        }
    }
}

/// What a section of this name is; `None` for all others.
pub fn classify(name: &[u8]) -> Option<KernelRoot<'_>> {
    if let Some(level) = level(name) {
        return Some(KernelRoot::Initcall(level));
    }
    for table in [&b"___ksymtab"[..], b"___kcrctab", b"___kflagstab"] {
        if let Some(rest) = name.strip_prefix(table)
            && let Some((flavour, symbol)) = rest.split_once_str("+")
            && !symbol.is_empty()
        {
            return Some(KernelRoot::Export { name: symbol, flavour });
        }
    }
    let head = [&b".head.text"[..], b".head.data", b".vectors"];
    let is_head = |prefix: &&[u8]| {
        name.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
    };
    (head.iter().any(is_head) || name == b".stubs").then_some(KernelRoot::Head)
}

/// The level that an initcall section's name tells; with clang LTO each entry has a section of its own,
/// `.initcall6.init..NAME`.
fn level(name: &[u8]) -> Option<Level<'_>> {
    let (token, tail) = if let Some(rest) = name.strip_prefix(b".initcall") {
        let at = rest.find(".init")?;
        (rest.get(..at)?, rest.get(at + 5..)?)
    } else if let Some(tail) = name.strip_prefix(b".con_initcall.init") {
        (&b"con"[..], tail)
    } else if let Some(tail) = name.strip_prefix(b".security_initcall.init") {
        (&b"security"[..], tail)
    } else {
        return None;
    };
    let known = !token.is_empty() && token.iter().all(u8::is_ascii_alphanumeric);
    (known && (tail.is_empty() || tail.starts_with(b".."))).then_some(Level(token))
}

/// An entry of an initcall table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Initcall<'d> {
    /// When it runs.
    pub level: Level<'d>,
    /// The function; empty if nothing names it.
    pub function: &'d [u8],
    /// The module that it would be part of (`KBUILD_MODNAME`), as kernels since 5.12 tell.
    pub module: Option<&'d [u8]>,
    /// Its section.
    pub section: SectionId,
    /// Offset of the entry there, in bytes.
    pub offset: u64,
}

/// Function and module that a label names: `__initcall_FN<level>` (up to 5.11),
/// `__initcall__kmod_MOD__N_N_FN<level>`, the LTO stub's `__initstub__kmod_...`, and the tail of an LTO
/// section's name.
fn parse_label<'d>(label: &'d [u8], level: Level<'_>) -> Option<(&'d [u8], Option<&'d [u8]>)> {
    let modern =
        [&b"__initcall__kmod_"[..], b"__initstub__kmod_"].iter().find_map(|p| label.strip_prefix(*p));
    let body = modern.or_else(|| label.strip_prefix(b"__initcall_"))?;
    // Console and security calls end in their own words, levels in theirs.
    let body = body.strip_suffix(level.0).unwrap_or(body);
    if modern.is_none() {
        return (!body.is_empty()).then_some((body, None));
    }
    parse_place(body).or(Some((body, None)))
}

/// `MOD__COUNTER_LINE_FN`, split at the last `__N_N_`.
fn parse_place(body: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let number = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = body.len();
    while let Some(at) = body.get(..end)?.rfind("__") {
        let rest = body.get(at + 2..)?;
        let first = number(rest);
        if first > 0
            && let Some(rest) = rest.get(first..)?.strip_prefix(b"_")
        {
            let second = number(rest);
            if second > 0
                && let Some(function) = rest.get(second..)?.strip_prefix(b"_")
                && !function.is_empty()
            {
                return Some((function, body.get(..at)));
            }
        }
        // `___` holds two candidates.
        end = at + 1;
    }
    None
}

/// The initcalls of a section by offset; empty if it is no initcall table.
pub fn initcalls<'d>(program: &Program<'d>, section: SectionId) -> Vec<Initcall<'d>> {
    let name = program.section_name(section);
    let Some(level) = level(name) else { return Vec::new() };
    let (file, index) = program.locate(section);
    let Some(object) = program.files[file].object() else { return Vec::new() };
    let mut labels: Vec<(u64, &'d [u8])> = Vec::new();
    for number in 1..object.symbol_count() {
        let Some(symbol) = object.symbol(number) else { continue };
        if symbol.place == Place::Section(index) && !matches!(symbol.kind, STT_SECTION | STT_FILE) {
            labels.push((symbol.value, object.symbol_name(symbol.name)));
        }
    }
    labels.sort_unstable();
    let own = name.find("..").and_then(|at| parse_place(name.get(at + 2..)?));
    let mut found = Vec::new();
    for table in object.reloc_sections(index) {
        let Ok(table) = object.reloc_table(table) else { continue };
        table.for_each(|_, reloc| {
            if reloc.symbol == 0 {
                return;
            }
            let from = labels.partition_point(|&(value, _)| value < reloc.offset);
            let here = labels.iter().skip(from).take_while(|(value, _)| *value == reloc.offset);
            let target = object.symbol(reloc.symbol).filter(|s| s.kind != STT_SECTION);
            let target = target.map(|s| object.symbol_name(s.name)).filter(|n| !n.is_empty());
            let (function, module) = here
                .filter_map(|(_, label)| parse_label(label, level))
                .next()
                .or_else(|| target.and_then(|t| parse_label(t, level)))
                .or(own)
                .unwrap_or((target.unwrap_or_default(), None));
            found.push(Initcall { level, function, module, section, offset: reloc.offset });
        });
    }
    found.sort_by_key(|c| c.offset);
    found.dedup_by_key(|c| c.offset);
    found
}

/// The initcall that an offset of a section belongs to.
pub fn initcall_at<'d>(program: &Program<'d>, section: SectionId, offset: u64) -> Option<Initcall<'d>> {
    initcalls(program, section).into_iter().take_while(|c| c.offset <= offset).last()
}

/// The entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'d> {
    /// Its name, of `-e` or `ENTRY`.
    pub name: &'d [u8],
    /// Where it is defined, if an object defines it.
    pub section: Option<SectionId>,
    /// The script (or `--defsym`) defines it: it roots nothing then (KL 3).
    pub by_script: bool,
}

/// The roots of a kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelRoots<'d> {
    /// The entry, if one is named.
    pub entry: Option<Entry<'d>>,
    /// Kept head sections, in link order.
    pub head: Vec<SectionId>,
    /// Kept initcalls in the order of a boot.
    pub initcalls: Vec<Initcall<'d>>,
    /// Kept entries of export tables.
    pub exports: u64,
}

/// Lists the roots of a kernel's link; what is not kept is not among them.
pub fn roots<'d>(analysis: &Analysis<'d>) -> KernelRoots<'d> {
    let program = &analysis.program;
    let mut out = KernelRoots { entry: entry(analysis), ..KernelRoots::default() };
    let mut kept: Vec<SectionId> = analysis
        .roots
        .roots
        .iter()
        .filter(|r| r.kind == RootKind::Keep)
        .filter_map(|r| analysis.graph.section(r.node))
        .collect();
    kept.sort_unstable();
    kept.dedup();
    for section in kept {
        let name = program.section_name(section);
        match classify(name) {
            Some(KernelRoot::Initcall(_)) => out.initcalls.extend(initcalls(program, section)),
            Some(KernelRoot::Export { .. }) => out.exports += u64::from(name.starts_with(b"___ksymtab")),
            Some(KernelRoot::Head) => out.head.push(section),
            None => {}
        }
    }
    out.initcalls.sort_by_key(|c| (c.level.rank(), c.section, c.offset));
    out
}

fn entry<'d>(analysis: &Analysis<'d>) -> Option<Entry<'d>> {
    let program = &analysis.program;
    let of_script = || {
        let commands = program.scripts.iter().flat_map(|s| &s.script.commands);
        let mut names = commands.filter_map(|c| match &c.kind {
            CommandKind::Entry(name) => Some(name.text.as_slice()),
            _ => None,
        });
        names.next_back()
    };
    let text = program.plan.entry.as_ref().map(|e| e.as_slice()).or_else(of_script)?;
    let name = program.names.find(text)?;
    let definition = analysis.resolution.definitions[name];
    let section = definition.is_regular().then(|| {
        let file = &program.files[definition.file];
        let symbol = file.object()?.symbol(definition.symbol)?;
        let Place::Section(index) = symbol.place else { return None };
        Some(file.section_id(index))
    });
    Some(Entry {
        name: program.name(name),
        section: section.flatten(),
        by_script: definition.kind == DefKind::Assigned,
    })
}

/// Whether a node is one of the kernel's own kinds of roots, and which.
pub fn of_node<'d>(analysis: &Analysis<'d>, node: NodeId) -> Option<KernelRoot<'d>> {
    classify(analysis.program.section_name(analysis.graph.section(node)?))
}

/// The name of the script-defined entry, if the link has one.
pub fn script_entry<'d>(analysis: &Analysis<'d>) -> Option<&'d [u8]> {
    entry(analysis).filter(|e| e.by_script).map(|e| e.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let word = |name: &str| classify(name.as_bytes()).map(KernelRoot::word);
        for name in [
            ".initcall6.init",
            ".initcallearly.init",
            ".initcall5s.init",
            ".initcallrootfs.init",
            ".con_initcall.init",
            ".security_initcall.init",
            ".initcall6.init..loopback__557_295_init",
        ] {
            assert_eq!(word(name), Some("initcall"), "{name}");
        }
        for name in [
            ".initcall.init",
            ".initcall6.initx",
            ".initcall",
            ".init.text",
            ".head.textual",
            "___ksymtab+",
            "__ksymtab",
            ".headers",
        ] {
            assert_eq!(word(name), None, "{name}");
        }
        assert_eq!(
            classify(b"___ksymtab_gpl+a+b"),
            Some(KernelRoot::Export { name: b"a+b", flavour: b"_gpl" })
        );
        assert_eq!(word(".head.text.first_256B"), Some("head"));
        assert_eq!(word(".head.text"), Some("head"));
    }

    #[test]
    fn levels_in_boot_order() {
        let ranks: Vec<u32> =
            ["early", "0", "0s", "1", "1s", "5", "5s", "rootfs", "6", "6s", "7", "7s", "con"]
                .iter()
                .map(|l| Level(l.as_bytes()).rank())
                .collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        let word = |l: &str| Level(l.as_bytes()).word();
        assert_eq!(
            [word("6"), word("6s"), word("rootfs"), word("con")],
            ["device", "device", "rootfs", "console"]
        );
        assert!(Level(b"6s").is_sync() && !Level(b"rootfs").is_sync());
    }

    #[test]
    fn labels_of_all_eras() {
        let parse = |label: &'static str, level: &'static str| {
            parse_label(label.as_bytes(), Level(level.as_bytes()))
                .map(|(f, m)| format!("{} {}", f.as_bstr(), m.unwrap_or(b"-").as_bstr()))
        };
        let is = |text: &str| Some(text.to_string());
        assert_eq!(parse("__initcall_foo_init6", "6"), is("foo_init -"));
        assert_eq!(
            parse("__initcall__kmod_loopback__557_295_blackhole_netdev_init6", "6"),
            is("blackhole_netdev_init loopback")
        );
        assert_eq!(parse("__initcall__kmod_a__b__1_2___f__3_x4s", "4s"), is("__f__3_x a__b"));
        assert_eq!(parse("__initstub__kmod_m__1_2_f6", "6"), is("f m"));
        assert_eq!(parse("__initcall__kmod_odd6", "6"), is("odd -"));
        assert_eq!(parse("foo", "6"), None);
        assert_eq!(parse_place(b"m__1_2_"), None);
        assert_eq!(parse_place(b"__"), None);
    }
}

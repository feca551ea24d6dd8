//! What kernel builds look for in an object, found in its intermediate code: exports, module
//! information, initcalls.
//!
//! In: the bytes of a bitcode or GCC LTO input. Out: [`LtoFacts`]. Always true: bitcode answers are
//! exact (`hint` is false); GCC answers come from text inside compressed streams and are hints.
//! Source: LTO input formats, sections 2.2, 4.4 and 6.2; kernel linkage, section 1.

use std::collections::BTreeMap;

use super::bitcode::{self, Depth};
use super::{Format, asm, format_of_object, gcc};
use crate::load::elf::Object;

/// One exported symbol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IrExport {
    /// The symbol.
    pub symbol: Vec<u8>,
    /// Only for GPL-compatible modules.
    pub gpl_only: bool,
    /// Its namespace; empty if none.
    pub namespace: Vec<u8>,
}

/// One initcall.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IrInitcall {
    /// The entry's label or variable (`__initcall__kmod_x__1_2_f6`, `__initcall_f6`).
    pub entry: Vec<u8>,
    /// Level as spelled in the section name: `early`, `0` to `7`, `7s`, `rootfs`, `con`.
    pub level: Vec<u8>,
    /// The section.
    pub section: Vec<u8>,
    /// What it refers to (`__initstub__...` or the function), if the text tells.
    pub target: Vec<u8>,
}

/// What an input of intermediate code tells about a kernel module or built-in code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LtoFacts {
    /// Exports in text or record order.
    pub exports: Vec<IrExport>,
    /// All `.modinfo` strings (`license=GPL`).
    pub modinfo: Vec<Vec<u8>>,
    /// The values of `license=`.
    pub licences: Vec<Vec<u8>>,
    /// Initcalls in order.
    pub initcalls: Vec<IrInitcall>,
    /// Words of assembly inside functions, which no symbol table lists: possible references.
    pub asm_words: Vec<Vec<u8>>,
    /// The answer is not certain to be whole (GCC).
    pub hint: bool,
    /// Parts that could not be read.
    pub unread: Vec<String>,
}

/// The facts of an input; `None` if it holds no intermediate code that linkers use.
///
/// # Errors
/// Why the input cannot be read.
pub fn facts(bytes: &[u8]) -> Result<Option<LtoFacts>, String> {
    if bitcode::is_bitcode(bytes) {
        return of_bitcode(bytes).map(Some);
    }
    if crate::load::elf::elf_type(bytes) != Some(1) {
        return Ok(None);
    }
    let object = Object::parse(bytes)?;
    match format_of_object(&object) {
        None => Ok(None),
        Some(Format::Bitcode | Format::FatBitcode) => of_bitcode(super::embedded(&object)?).map(Some),
        Some(Format::GccSlim | Format::GccFat) => Ok(Some(of_gcc(&object))),
    }
}

fn of_bitcode(bytes: &[u8]) -> Result<LtoFacts, String> {
    let file = bitcode::parse(bytes, Depth::Facts)?;
    let mut facts = LtoFacts::default();
    if file.modules.is_empty() {
        facts.unread.push("no module stands in it".to_string());
    }
    for module in &file.modules {
        if module.version < 2 {
            facts.unread.push("a module of an old format".to_string());
        }
        of_asm(&module.asm, &mut facts);
        for value in &module.values {
            let Some(section) = module.section(value) else { continue };
            if value.declaration {
                continue;
            }
            let name = module.name(value.name);
            if section == b".modinfo" {
                let constant = value.init.checked_sub(1);
                match constant.and_then(|id| module.strings.get(&id)) {
                    Some(text) => push_modinfo(text, &mut facts),
                    None => facts.unread.push(format!("the value of {}", String::from_utf8_lossy(name))),
                }
            } else {
                of_section(section, name, b"", &mut facts);
            }
        }
        facts.asm_words.extend(module.inline_asm.iter().flat_map(|text| words(text)));
    }
    facts.asm_words.sort_unstable();
    facts.asm_words.dedup();
    Ok(facts)
}

fn of_gcc(object: &Object<'_>) -> LtoFacts {
    let mut facts = LtoFacts { hint: true, ..LtoFacts::default() };
    for text in gcc::assembly(object) {
        of_asm(&text, &mut facts);
        facts.asm_words.extend(words(&text));
    }
    // MODULE_INFO tags whose strings tell themselves apart from other text.
    const TAGS: [&[u8]; 9] = [
        b"license=",
        b"author=",
        b"description=",
        b"alias=",
        b"version=",
        b"firmware=",
        b"parmtype=",
        b"import_ns=",
        b"softdep=",
    ];
    for tag in TAGS {
        for text in gcc::literals(object, tag) {
            push_modinfo(&text, &mut facts);
        }
    }
    facts.asm_words.sort_unstable();
    facts.asm_words.dedup();
    facts
}

/// Strings of `.modinfo`: parts end with NUL.
fn push_modinfo(text: &[u8], facts: &mut LtoFacts) {
    for part in text.split(|&b| b == 0).filter(|p| !p.is_empty()) {
        // `KBUILD_MODNAME.license=` in built-in code.
        let tag_end = part.iter().position(|&b| b == b'=').unwrap_or(part.len());
        let (tag, value) = part.split_at(tag_end);
        if tag == b"license" || tag.ends_with(b".license") {
            facts.licences.push(value.get(1..).unwrap_or(b"").to_vec());
        }
        facts.modinfo.push(part.to_vec());
    }
}

/// Exports and initcalls written in module-level assembly.
fn of_asm(text: &[u8], facts: &mut LtoFacts) {
    let items = asm::items(text);
    let mut spaces: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    for item in &items {
        if let Some(symbol) = item.label.strip_prefix(b"__kstrtabns_") {
            spaces.insert(symbol, item.strings.first().copied().unwrap_or(b""));
        }
    }
    for item in &items {
        // From 6.5 on: license and namespace follow the label in `.export_symbol`.
        if item.section == b".export_symbol"
            && let Some(symbol) = item.label.strip_prefix(b"__export_symbol_")
        {
            let text = |number: usize| item.strings.get(number).copied().unwrap_or(b"");
            facts.exports.push(IrExport {
                symbol: symbol.to_vec(),
                gpl_only: text(0) == b"GPL",
                namespace: text(1).to_vec(),
            });
            continue;
        }
        let target = item.words.first().copied().unwrap_or(b"");
        of_section(item.section, item.label, target, facts);
        if let Some(export) = facts.exports.last_mut().filter(|_| item.label.starts_with(b"__ksymtab_"))
            && item.label.get(b"__ksymtab_".len()..) == Some(export.symbol.as_slice())
            && let Some(space) = spaces.get(export.symbol.as_slice())
        {
            export.namespace = space.to_vec();
        }
    }
}

/// An entry of an export table or initcall section: a label of assembly, or a variable.
fn of_section(section: &[u8], label: &[u8], target: &[u8], facts: &mut LtoFacts) {
    if let Some((class, symbol)) = ksymtab_section(section)
        && label.strip_prefix(b"__ksymtab_") == Some(symbol)
    {
        let gpl_only = class.contains(&b'g');
        let export = IrExport { symbol: symbol.to_vec(), gpl_only, namespace: Vec::new() };
        facts.exports.push(export);
    } else if let Some(level) = initcall_level(section)
        && label.starts_with(b"__initcall_")
    {
        facts.initcalls.push(IrInitcall {
            entry: label.to_vec(),
            level: level.to_vec(),
            section: section.to_vec(),
            target: target.to_vec(),
        });
    }
}

/// `___ksymtab_gpl+f`: the class between, and the symbol.
fn ksymtab_section(section: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = section.strip_prefix(b"___ksymtab")?;
    let plus = rest.iter().position(|&b| b == b'+')?;
    Some((rest.get(..plus)?, rest.get(plus + 1..)?))
}

/// `.initcall6.init..x`: the level.
fn initcall_level(section: &[u8]) -> Option<&[u8]> {
    if section == b".con_initcall.init" || section.starts_with(b".con_initcall.init..") {
        return Some(b"con");
    }
    let rest = section.strip_prefix(b".initcall")?;
    let end = rest.windows(5).position(|w| w == b".init")?;
    rest.get(..end).filter(|l| !l.is_empty())
}

/// Words of an assembly text that may be names: letters, digits, `_`, `.`, `$`.
fn words(text: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$');
    let parts = text.split(move |b| !is_name(b));
    let fits = |w: &&[u8]| w.len() > 1 && w.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    parts.filter(fits).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_and_initcalls_of_assembly() {
        let mut facts = LtoFacts::default();
        let text = b"\t.section \"___ksymtab_gpl+f\", \"a\"\n__ksymtab_f:\n .long f- .\n.previous\n\
            .section \"__ksymtab_strings\",\"aMS\",%progbits,1\n__kstrtab_f:\n.asciz \"f\"\n__kstrtabns_f:\n.asciz \"NS\"\n.previous\n\
            .section \".initcall6.init..x\", \"a\"\n__initcall__kmod_x__1_2_g6:\n.long __initstub__kmod_x__1_2_g6 - .\n.previous\n\
            .section .export_symbol,\"a\" ; __export_symbol_h: ; .asciz \"\" ; .asciz \"\" ; .balign 8 ; .quad h ; .previous\n";
        of_asm(text, &mut facts);
        let export = |symbol: &[u8], gpl_only, namespace: &[u8]| IrExport {
            symbol: symbol.to_vec(),
            gpl_only,
            namespace: namespace.to_vec(),
        };
        assert_eq!(facts.exports, [export(b"f", true, b"NS"), export(b"h", false, b"")]);
        let [call] = facts.initcalls.as_slice() else { panic!("{:?}", facts.initcalls) };
        assert_eq!(
            (call.level.as_slice(), call.target.as_slice()),
            (&b"6"[..], &b"__initstub__kmod_x__1_2_g6"[..])
        );
    }

    #[test]
    fn licences_of_modinfo() {
        let mut facts = LtoFacts::default();
        push_modinfo(b"license=GPL v2\0author=x\0", &mut facts);
        push_modinfo(b"fat.license=Dual BSD/GPL", &mut facts);
        assert_eq!(facts.licences, [b"GPL v2".to_vec(), b"Dual BSD/GPL".to_vec()]);
        assert_eq!(facts.modinfo.len(), 3);
    }
}

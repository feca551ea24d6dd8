//! GNU ld's options, 2.40, and its way of taking words apart: `getopt_long_only` with abbreviations.
//!
//! In: a word and the one behind it. Out: the option, as ld's `parse_args` would see it. Names that
//! take exactly two dashes are looked up last and apart from the others, as ld does.
//! Source: ld `lexsup.c`, `emultempl/elf.em` and the target emulations; the getopt of the C library.

use std::sync::LazyLock;

use super::{Dashes, Kind, Matched, Meaning, Opt, Row, Taken, table};
use crate::plan::{Strip, Symbolic};

use Kind::{Flag, Maybe, Value};
use Meaning as M;

/// Long options, from ld's own table and the ELF emulations.
const LONG: &[Row] = &[
    (Value, M::Ignore, "architecture"),
    (Value, M::Format, "format"),
    (Value, M::Refuse("MRI scripts are not supported"), "mri-script"),
    (Flag, M::DefineCommon(true), "dc dp"),
    (Value, M::WriteFile, "dependency-file"),
    (Flag, M::ForceGroupAllocation, "force-group-allocation"),
    (Value, M::Entry, "entry"),
    (Flag, M::ExportDynamic(true), "export-dynamic"),
    (Flag, M::ExportDynamic(false), "no-export-dynamic"),
    (Flag, M::BigEndian(true), "EB"),
    (Flag, M::BigEndian(false), "EL"),
    (Value, M::Filter, "auxiliary filter"),
    (Value, M::SmallData, "gpsize"),
    (Value, M::Soname, "soname"),
    (Value, M::Library, "library"),
    (Value, M::SearchDir, "library-path"),
    (Value, M::Sysroot, "sysroot"),
    (Flag, M::Print, "print-map trace cref stats print-memory-usage print-output-format"),
    (Maybe, M::Print, "verbose"),
    (Flag, M::Print, "dll-verbose"),
    (Flag, M::Magic, "nmagic --omagic"),
    (Flag, M::Ignore, "--no-omagic"),
    (Value, M::Output, "--output"),
    (Value, M::WriteFile, "out-implib"),
    (Value, M::Plugin, "plugin"),
    (Value, M::Ignore, "plugin-opt"),
    (Maybe, M::Ignore, "flto"),
    (Value, M::Ignore, "flto-partition fuse-ld"),
    (Maybe, M::Ignore, "map-whole-files no-map-whole-files"),
    (Flag, M::EmitRelocs, "emit-relocs"),
    (Flag, M::Relocatable, "relocatable Ur"),
    (Value, M::Relocatable, "task-link"),
    (Value, M::SymbolsOrRpath, "just-symbols"),
    (Flag, M::StripSymbols(Strip::All), "strip-all"),
    (Flag, M::StripSymbols(Strip::Debug), "strip-debug"),
    (Value, M::Script, "script"),
    (Value, M::DefaultScript, "default-script dT"),
    (Value, M::Undefined, "undefined"),
    (Value, M::RequireDefined, "require-defined"),
    (Maybe, M::Unique, "unique"),
    (Flag, M::Refuse("it prints and makes no link"), "version help target-help print-sysroot"),
    (Value, M::Print, "trace-symbol"),
    (Flag, M::Group(true), "start-group"),
    (Flag, M::Group(false), "end-group"),
    (Flag, M::CopyDtNeeded(true), "add-needed copy-dt-needed-entries"),
    (Flag, M::CopyDtNeeded(false), "no-add-needed no-copy-dt-needed-entries"),
    (Flag, M::AsNeeded(true), "as-needed"),
    (Flag, M::AsNeeded(false), "no-as-needed"),
    (Value, M::DynamicLinker(true), "dynamic-linker"),
    (Flag, M::DynamicLinker(false), "no-dynamic-linker"),
    (Flag, M::LibsStatic(false), "Bdynamic dy call_shared"),
    (Flag, M::LibsStatic(true), "Bstatic dn non_shared static"),
    (Flag, M::SymbolicBinding(Symbolic::None), "Bno-symbolic"),
    (Flag, M::SymbolicBinding(Symbolic::All), "Bsymbolic"),
    (Flag, M::SymbolicBinding(Symbolic::Functions), "Bsymbolic-functions"),
    (Flag, M::NoUndefined, "Bgroup"),
    (Value, M::Defsym, "defsym"),
    (Value, M::Fini, "fini"),
    (Value, M::Init, "init"),
    (Flag, M::GcSections(true), "gc-sections"),
    (Flag, M::GcSections(false), "no-gc-sections"),
    (Flag, M::PrintGcSections(true), "print-gc-sections"),
    (Flag, M::PrintGcSections(false), "no-print-gc-sections"),
    (Flag, M::GcKeepExported, "gc-keep-exported"),
    (Value, M::WriteFile, "Map"),
    (Flag, M::DefineCommon(false), "no-define-common"),
    (Flag, M::NoUndefined, "no-undefined"),
    (Flag, M::AllowShlibUndefined(true), "allow-shlib-undefined"),
    (Flag, M::AllowShlibUndefined(false), "no-allow-shlib-undefined"),
    (Flag, M::AllowMultiple(true), "allow-multiple-definition"),
    (Flag, M::WholeArchive(true), "whole-archive"),
    (Flag, M::WholeArchive(false), "no-whole-archive"),
    (Flag, M::NoInhibitExec, "noinhibit-exec noinhibit_exec"),
    (Flag, M::NoStdlib, "nostdlib"),
    (Value, M::OutputFormat, "--oformat"),
    (Value, M::RetainSymbols, "retain-symbols-file"),
    (Value, M::Rpath, "rpath"),
    (Value, M::RpathLink, "rpath-link"),
    (Flag, M::Shared, "shared Bshareable"),
    (Flag, M::Pie(true), "pie pic-executable"),
    (Flag, M::Pie(false), "no-pie"),
    (Value, M::UnresolvedSymbols, "unresolved-symbols"),
    (Value, M::VersionScript, "version-script"),
    (Flag, M::DynamicListData, "dynamic-list-data"),
    (Flag, M::DynamicListCppNew, "dynamic-list-cpp-new"),
    (Flag, M::DynamicListCppTypeinfo, "dynamic-list-cpp-typeinfo"),
    (Value, M::DynamicList, "dynamic-list"),
    (Value, M::ExportSymbol, "--export-dynamic-symbol"),
    (Value, M::ExportSymbolList, "--export-dynamic-symbol-list"),
    (Flag, M::WarnUnresolved(true), "warn-unresolved-symbols"),
    (Flag, M::WarnUnresolved(false), "error-unresolved-symbols"),
    (Value, M::Wrap, "wrap"),
    (Value, M::IgnoreUnresolved, "ignore-unresolved-symbol"),
    (Flag, M::PushState, "push-state"),
    (Flag, M::PopState, "pop-state"),
    (Value, M::Orphans, "orphan-handling"),
    (Value, M::ExcludeLibs, "exclude-libs"),
    (Flag, M::Ignore, "--undefined-version"),
    (
        Flag,
        M::Ignore,
        "enable-non-contiguous-regions enable-non-contiguous-regions-warnings Qy \
         strip-discarded no-strip-discarded discard-all discard-locals discard-none \
         accept-unknown-input-arch no-accept-unknown-input-arch check-sections no-check-sections \
         disable-multiple-abs-defs embedded-relocs fatal-warnings no-fatal-warnings force-exe-suffix \
         no-demangle no-keep-memory no-warnings no-undefined-version default-symver \
         default-imported-symver no-warn-mismatch no-warn-search-mismatch qmagic \
         reduce-memory-overheads relax no-relax sort_common traditional-format warn-common \
         warn-constructors warn-execstack no-warn-execstack warn-rwx-segments no-warn-rwx-segments \
         warn-multiple-gp warn-once warn-section-align warn-textrel warn-shared-textrel \
         warn-alternate-em print-map-discarded no-print-map-discarded ctf-variables no-ctf-variables \
         disable-new-dtags enable-new-dtags eh-frame-hdr no-eh-frame-hdr",
    ),
    (
        Value,
        M::Ignore,
        "assert hash-size max-cache-size error-handling-script sort-section \
         spare-dynamic-tags section-start Tbss Tdata Ttext Ttext-segment Trodata-segment \
         Tldata-segment version-exports-section ctf-share-types audit depaudit \
         compress-debug-sections hash-style",
    ),
    (Maybe, M::Ignore, "demangle sort-common split-by-file split-by-reloc build-id package-metadata"),
];

/// Options of single target emulations: x86, ppc64, arm, aarch64, mips. All are taken whatever the target,
/// but by their full name, so that they make no abbreviation ambiguous.
const TARGET: &[Row] = &[
    (
        Flag,
        M::Ignore,
        "s390-pgste secure-plt bss-plt sdata-got no-ppc476-workaround no-pic-fixup vle-reloc-fixup \
         ld-generated-unwind-info no-ld-generated-unwind-info plt-static-chain no-plt-static-chain plt-thread-safe no-plt-thread-safe no-plt-align \
         no-plt-localentry no-pcrel-optimize no-power10-stubs emit-stub-syms no-emit-stub-syms dotsyms \
         no-dotsyms save-restore-funcs no-save-restore-funcs no-tls-optimize tls-get-addr-optimize \
         no-tls-get-addr-optimize tls-get-addr-regsave no-tls-get-addr-regsave no-opd-optimize \
         no-inline-optimize no-toc-optimize no-multi-toc no-toc-sort non-overlapping-opd \
         no-pipeline-knowledge be8 target1-rel target1-abs fix-v4bx fix-v4bx-interworking use-blx \
         no-enum-size-warning pic-veneer no-wchar-size-warning fix-cortex-a8 no-fix-cortex-a8 \
         no-merge-exidx-entries fix-arm1176 no-fix-arm1176 long-plt cmse-implib fix-cortex-a53-835769 \
         no-apply-dynamic-relocs insn32 no-insn32 ignore-branch-isa no-ignore-branch-isa \
         compact-branches no-compact-branches",
    ),
    (Value, M::Ignore, "stub-group-size thumb-entry target2 vfp11-denorm-fix in-implib"),
    (
        Maybe,
        M::Ignore,
        "ppc476-workaround plt-align plt-localentry power10-stubs fix-stm32l4xx-629360 fix-cortex-a53-843419",
    ),
];

/// Short options; `JoinedOrNext` ones take the rest of their word or the next word.
const SHORT: &[Row] = &[
    (Kind::JoinedOrNext, M::LibsKind, "-a"),
    (Kind::JoinedOrNext, M::Ignore, "-A -I -P"),
    (Kind::JoinedOrNext, M::Format, "-b"),
    (Kind::JoinedOrNext, M::Refuse("MRI scripts are not supported"), "-c"),
    (Flag, M::DefineCommon(true), "-d"),
    (Kind::JoinedOrNext, M::Entry, "-e"),
    (Flag, M::ExportDynamic(true), "-E"),
    (Kind::JoinedOrNext, M::Filter, "-f -F"),
    (Flag, M::Ignore, "-g -w -x -X -p"),
    (Kind::JoinedOrNext, M::SmallData, "-G"),
    (Kind::JoinedOrNext, M::Soname, "-h"),
    (Kind::JoinedOrNext, M::Library, "-l"),
    (Kind::JoinedOrNext, M::SearchDir, "-L"),
    (Kind::JoinedOrNext, M::Emulation, "-m"),
    (Flag, M::Print, "-M -t -v -V"),
    (Flag, M::Magic, "-n -N"),
    (Kind::JoinedOrNext, M::Output, "-o"),
    (Kind::JoinedOrNext, M::Optimize, "-O"),
    (Flag, M::EmitRelocs, "-q"),
    (Flag, M::Relocatable, "-r -i"),
    (Kind::JoinedOrNext, M::SymbolsOrRpath, "-R"),
    (Flag, M::StripSymbols(Strip::All), "-s"),
    (Flag, M::StripSymbols(Strip::Debug), "-S"),
    (Kind::JoinedOrNext, M::Script, "-T"),
    (Kind::JoinedOrNext, M::Undefined, "-u"),
    (Kind::JoinedOrNext, M::DefaultDirs, "-Y"),
    (Kind::JoinedOrNext, M::Print, "-y"),
    (Kind::JoinedOrNext, M::Z, "-z"),
    (Flag, M::Group(true), "-("),
    (Flag, M::Group(false), "-)"),
];

struct Tables {
    all: Vec<Opt>,
    long: Vec<Opt>,
    short: Vec<Opt>,
    two_dashes: Vec<Opt>,
    target: Vec<Opt>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let (two_dashes, long) = table(LONG).into_iter().partition(|o| o.dashes == Dashes::Two);
    let short = table(SHORT);
    let target = table(TARGET);
    let all = table(LONG).iter().chain(&target).chain(&short).copied().collect();
    Tables { all, long, short, two_dashes, target }
});

/// Every option.
pub fn options() -> &'static [Opt] {
    &TABLES.all
}

/// Result of a long-name lookup.
enum Long<'t> {
    Found(&'t Opt),
    Ambiguous,
    None,
}

/// Exact match, else the only option that the name abbreviates. With one-or-two dash lookup any two
/// candidates are ambiguous; in the two-dash table only differing ones (getopt `long_only`).
fn lookup<'t>(table: &'t [Opt], name: &[u8]) -> Long<'t> {
    if let Some(exact) = table.iter().find(|o| o.name.as_bytes() == name) {
        return Long::Found(exact);
    }
    let mut candidates = table.iter().filter(|o| o.name.as_bytes().starts_with(name));
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Long::Found(only),
        (Some(_), Some(_)) => Long::Ambiguous,
        (None, _) => Long::None,
    }
}

fn split_equals(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == b'=') {
        Some(at) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
        None => (text, None),
    }
}

/// A found long option with its value; `None` where getopt reports an error.
fn finish(option: &Opt, joined: Option<&[u8]>, next: Option<&[u8]>) -> Option<Taken> {
    match (option.kind, joined) {
        (Kind::Flag, None) => Some(Taken::one(option, None, 1)),
        (Kind::Flag, Some(_)) => None,
        (_, Some(value)) => Some(Taken::one(option, Some(value.to_vec()), 1)),
        (Kind::Maybe, None) => Some(Taken::one(option, None, 1)),
        (_, None) => next.map(|value| Taken::one(option, Some(value.to_vec()), 2)),
    }
}

/// Takes one word (and perhaps the next) apart.
pub fn take(word: &[u8], next: Option<&[u8]>) -> Taken {
    if word.first() != Some(&b'-') || word.len() == 1 {
        return Taken::Input;
    }
    if word == b"--" {
        return Taken::EndOfOptions;
    }
    if word == b"-G" && !next.and_then(|n| n.first()).is_some_and(u8::is_ascii_digit) {
        let shared = Matched { name: "shared", meaning: Meaning::Shared, value: None };
        return Taken::Options(vec![shared], 1);
    }
    if word.starts_with(b"-l") && word.len() > 2 {
        let value = word.get(2..).map(<[u8]>::to_vec);
        return Taken::Options(vec![Matched { name: "library", meaning: Meaning::Library, value }], 1);
    }
    let tables = &*TABLES;
    let two = word.starts_with(b"--");
    let text = word.get(if two { 2 } else { 1 }..).unwrap_or_default();
    let (name, joined) = split_equals(text);
    let short_of = |c: u8| tables.short.iter().find(|o| o.name.as_bytes() == [c]);
    let first_short = text.first().copied().and_then(short_of);
    if two || text.len() > 1 || first_short.is_none() {
        let target = tables.target.iter().find(|o| o.name.as_bytes() == name);
        match target.map_or_else(|| lookup(&tables.long, name), Long::Found) {
            Long::Found(option) => {
                return finish(option, joined, next).unwrap_or_else(|| wrong_value(option, joined));
            }
            Long::Ambiguous => return Taken::Wrong("is an ambiguous abbreviation".into()),
            Long::None if two => {
                return match lookup(&tables.two_dashes, name) {
                    Long::Found(option) => {
                        finish(option, joined, next).unwrap_or_else(|| wrong_value(option, joined))
                    }
                    Long::Ambiguous => Taken::Wrong("is an ambiguous abbreviation".into()),
                    Long::None => Taken::Unknown,
                };
            }
            Long::None => {}
        }
    }
    let mut found = Vec::new();
    for (i, &c) in text.iter().enumerate() {
        let Some(option) = short_of(c) else { return Taken::Unknown };
        let mut matched = Matched { name: option.name, meaning: option.meaning, value: None };
        if option.kind == Kind::Flag {
            found.push(matched);
            continue;
        }
        if i > 0 {
            return Taken::Wrong("joins short options, the last with a value".into());
        }
        let rest = text.get(i + 1..).unwrap_or_default();
        let (value, used) = if rest.is_empty() { (next, 2) } else { (Some(rest), 1) };
        let Some(value) = value else { return Taken::Wrong("needs a value".into()) };
        matched.value = Some(value.to_vec());
        found.push(matched);
        return Taken::Options(found, used);
    }
    Taken::Options(found, 1)
}

fn wrong_value(option: &Opt, joined: Option<&[u8]>) -> Taken {
    let text = if joined.is_some() && option.kind == Kind::Flag { "takes no value" } else { "needs a value" };
    Taken::Wrong(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(word: &str, next: &str) -> Option<(Meaning, String, usize)> {
        match take(word.as_bytes(), Some(next.as_bytes())) {
            Taken::Options(o, n) => {
                let o = o.first()?.clone();
                Some((o.meaning, String::from_utf8(o.value.unwrap_or_default()).ok()?, n))
            }
            _ => None,
        }
    }

    #[test]
    fn long_short_joined_and_abbreviated() {
        use Meaning::*;
        let t = |w: &str| value(w, "NEXT");
        for (word, meaning, text, used) in [
            ("--gc-sec", GcSections(true), "", 1),
            ("--no-gc", GcSections(false), "", 1),
            ("-gc-sections", GcSections(true), "", 1),
            ("--start-gro", Group(true), "", 1),
            ("-e", Entry, "NEXT", 2),
            ("-efoo", Entry, "foo", 1),
            ("-entry=foo", Entry, "foo", 1),
            ("--entry", Entry, "NEXT", 2),
            ("-export-dynamic-symbol=main", Entry, "xport-dynamic-symbol=main", 1),
            ("--export-dynamic-symbol=main", ExportSymbol, "main", 1),
            ("-omagic", Output, "magic", 1),
            ("--omagic", Magic, "", 1),
            ("-Ttext=0x100", Ignore, "0x100", 1),
            ("-Ttext0x100", Script, "text0x100", 1),
            ("-lc", Library, "c", 1),
            ("-l", Library, "NEXT", 2),
            ("-library=c", Library, "ibrary=c", 1),
            ("--library=c", Library, "c", 1),
            ("-rpath", Rpath, "NEXT", 2),
            ("--unique=.a", Unique, ".a", 1),
            ("--unique", Unique, "", 1),
            ("-G", Shared, "", 1),
            ("-G8", SmallData, "8", 1),
            ("-z", Z, "NEXT", 2),
            ("-znow", Z, "now", 1),
            ("-init", Init, "NEXT", 2),
            ("--init=f", Init, "f", 1),
            ("--sysroot=/x", Sysroot, "/x", 1),
            ("-(", Group(true), "", 1),
        ] {
            assert_eq!(t(word), Some((meaning, text.to_string(), used)), "{word}");
        }
        assert_eq!(value("-G", "8"), Some((SmallData, "8".into(), 2)));
    }

    #[test]
    fn unknown_and_wrong_words() {
        for word in ["--gc-sectionsx", "-u=foo=", "-Bbogus", "--start-lib", "--threads", "--define-common"] {
            let got = take(word.as_bytes(), None);
            assert!(!matches!(got, Taken::Input), "{word}");
            if word != "-u=foo=" {
                assert_eq!(got, Taken::Unknown, "{word}");
            }
        }
        assert!(matches!(take(b"-shared-foo", None), Taken::Wrong(_)));
        assert!(matches!(take(b"--no", None), Taken::Wrong(_)));
        assert!(matches!(take(b"--export-dynamic-s", None), Taken::Wrong(_)));
        assert!(matches!(take(b"--gc-sections=1", None), Taken::Wrong(_)));
        assert!(matches!(take(b"-o", None), Taken::Wrong(_)));
        assert_eq!(take(b"-", None), Taken::Input);
        assert_eq!(take(b"--", None), Taken::EndOfOptions);
        assert!(matches!(take(b"-sS", None), Taken::Options(o, 1) if o.len() == 2));
    }
}

//! GNU gold's options, 1.16 (binutils 2.40), and its way of taking words apart: exact long names,
//! then clusters of short ones.
//!
//! In: a word and the one behind it. Out: the option, as gold's `process_one_option` would see it.
//! Source: gold `options.h`, `options.cc` (`parse_long_option`, `parse_short_option`).

use std::sync::LazyLock;

use super::{Dashes, Kind, Matched, Meaning, Opt, Row, Taken, table};
use crate::plan::{Strip, Symbolic};

use Kind::{Flag, Maybe, Value};
use Meaning as M;

const LONG: &[Row] = &[
    (Flag, M::Refuse("it prints and makes no link"), "help version"),
    (Value, M::Defsym, "defsym"),
    (Value, M::DynamicList, "dynamic-list"),
    (Value, M::ExcludeLibs, "exclude-libs"),
    (
        Flag,
        M::Incremental(true),
        "incremental incremental-full incremental-update incremental-changed incremental-unchanged \
         incremental-unknown",
    ),
    (Flag, M::Incremental(false), "no-incremental"),
    (Flag, M::Ignore, "incremental-startup-unchanged fix-v4bx fix-v4bx-interworking no-power10-stubs"),
    (Value, M::JustSymbols, "just-symbols"),
    (Value, M::Library, "library"),
    (Value, M::Plugin, "plugin"),
    (Value, M::Ignore, "plugin-opt"),
    (Flag, M::PushState, "push-state"),
    (Flag, M::PopState, "pop-state"),
    (Flag, M::Lib(true), "start-lib"),
    (Flag, M::Lib(false), "end-lib"),
    (Flag, M::Group(true), "start-group"),
    (Flag, M::Group(false), "end-group"),
    (Value, M::Script, "script"),
    (Value, M::VersionScript, "version-script"),
    (Flag, M::Print, "-V stats trace verbose print-icf-sections print-output-format cref print-map"),
    (Flag, M::Ignore, "no-print-icf-sections no-cref"),
    (Value, M::SymbolsOrRpath, "-R"),
    (Flag, M::AsNeeded(true), "as-needed"),
    (Flag, M::AsNeeded(false), "no-as-needed"),
    (Flag, M::AllowShlibUndefined(true), "allow-shlib-undefined"),
    (Flag, M::AllowShlibUndefined(false), "no-allow-shlib-undefined"),
    (Flag, M::AllowMultiple(true), "allow-multiple-definition"),
    (Flag, M::AllowMultiple(false), "no-allow-multiple-definition"),
    (Flag, M::DefineCommon(true), "define-common dc dp"),
    (Flag, M::DefineCommon(false), "no-define-common"),
    (Flag, M::DynamicListData, "dynamic-list-data"),
    (Flag, M::DynamicListCppNew, "dynamic-list-cpp-new"),
    (Flag, M::DynamicListCppTypeinfo, "dynamic-list-cpp-typeinfo"),
    (Flag, M::ExportDynamic(true), "export-dynamic"),
    (Flag, M::ExportDynamic(false), "no-export-dynamic"),
    (Flag, M::GcSections(true), "gc-sections"),
    (Flag, M::GcSections(false), "no-gc-sections"),
    (Flag, M::PrintGcSections(true), "print-gc-sections"),
    (Flag, M::PrintGcSections(false), "no-print-gc-sections"),
    (Flag, M::EmitRelocs, "emit-relocs"),
    (Flag, M::NoInhibitExec, "noinhibit-exec"),
    (Flag, M::StripSymbols(Strip::All), "strip-all"),
    (Flag, M::StripSymbols(Strip::Debug), "strip-debug"),
    (Flag, M::WarnUnresolved(true), "warn-unresolved-symbols"),
    (Flag, M::WarnUnresolved(false), "error-unresolved-symbols"),
    (Flag, M::WholeArchive(true), "whole-archive"),
    (Flag, M::WholeArchive(false), "no-whole-archive"),
    (Flag, M::NoUndefined, "no-undefined"),
    (Flag, M::LibsStatic(false), "Bdynamic dy"),
    (Flag, M::LibsStatic(true), "Bstatic dn"),
    (Flag, M::Static, "static"),
    (Flag, M::Magic, "nmagic --omagic"),
    (Flag, M::Shared, "shared Bshareable"),
    (Flag, M::Pie(true), "pie pic-executable"),
    (Flag, M::Pie(false), "no-pie no-pic-executable"),
    (Flag, M::NoStdlib, "nostdlib"),
    (Flag, M::NoUndefined, "Bgroup"),
    (Flag, M::SymbolicBinding(Symbolic::None), "Bno-symbolic"),
    (Flag, M::SymbolicBinding(Symbolic::All), "Bsymbolic"),
    (Flag, M::SymbolicBinding(Symbolic::Functions), "Bsymbolic-functions"),
    (Flag, M::BigEndian(true), "EB"),
    (Flag, M::BigEndian(false), "EL"),
    (Flag, M::Relocatable, "-relocatable -i"),
    (Value, M::Format, "format"),
    (Value, M::WriteFile, "dependency-file print-symbol-counts Map"),
    (Value, M::Entry, "entry"),
    (Value, M::Filter, "filter auxiliary"),
    (Value, M::Output, "output"),
    (Value, M::RetainSymbols, "retain-symbols-file"),
    (Value, M::Sysroot, "sysroot"),
    (Value, M::Icf, "icf"),
    (Value, M::Orphans, "orphan-handling"),
    (Value, M::UnresolvedSymbols, "unresolved-symbols"),
    (Value, M::ExportSymbol, "export-dynamic-symbol"),
    (Value, M::Undefined, "undefined"),
    (Value, M::Wrap, "wrap"),
    (Value, M::Print, "trace-symbol debug"),
    (Value, M::Fini, "fini"),
    (Value, M::Init, "init"),
    (Value, M::Soname, "soname"),
    (Value, M::SearchDir, "library-path"),
    (Value, M::RpathLink, "rpath-link"),
    (Value, M::Rpath, "rpath"),
    (Value, M::Emulation, "-m"),
    (Value, M::DefaultDirs, "-Y"),
    (Value, M::OutputFormat, "--oformat"),
    (Value, M::Optimize, "-optimize"),
    (
        Flag,
        M::Ignore,
        "add-needed no-add-needed apply-dynamic-relocs no-apply-dynamic-relocs be8 \
         check-sections no-check-sections copy-dt-needed-entries no-copy-dt-needed-entries \
         ctors-in-init-array no-ctors-in-init-array no-demangle detect-odr-violations \
         no-detect-odr-violations emit-stub-syms no-emit-stub-syms eh-frame-hdr no-eh-frame-hdr \
         no-enum-size-warning fatal-warnings no-fatal-warnings fix-arm1176 \
         no-fix-arm1176 fix-cortex-a8 no-fix-cortex-a8 fix-cortex-a53-843419 \
         no-fix-cortex-a53-843419 fix-cortex-a53-835769 no-fix-cortex-a53-835769 gdb-index \
         no-gdb-index gnu-unique no-gnu-unique keep-files-mapped no-keep-files-mapped \
         ld-generated-unwind-info no-ld-generated-unwind-info long-plt no-long-plt map-whole-files \
         no-map-whole-files merge-exidx-entries no-merge-exidx-entries mmap-output-file \
         no-mmap-output-file no-keep-memory --no-omagic pic-veneer \
         plt-localentry no-plt-localentry plt-static-chain no-plt-static-chain \
         plt-thread-safe no-plt-thread-safe posix-fallocate no-posix-fallocate \
         preread-archive-symbols no-preread-archive-symbols relax no-relax rosegment no-rosegment \
         strip-debug-non-line strip-debug-gdb \
         strip-lto-sections secure-plt stub-group-multi \
         no-stub-group-multi target1-abs target1-rel text-reorder \
         no-text-reorder threads no-threads tls-optimize no-tls-optimize tls-get-addr-optimize \
         no-tls-get-addr-optimize toc-optimize no-toc-optimize toc-sort no-toc-sort warn-common \
         no-warn-common warn-drop-version no-warn-drop-version warn-execstack no-warn-execstack \
         no-warn-mismatch warn-multiple-gp warn-search-mismatch \
         no-warn-search-mismatch warn-shared-textrel no-warn-shared-textrel \
         no-wchar-size-warning weak-unresolved-symbols undefined-version \
         no-undefined-version --enable-new-dtags --disable-new-dtags warn-constructors \
         no-warn-constructors discard-all discard-locals discard-none p \
         no-pipeline-knowledge -g -Qy",
    ),
    (
        Value,
        M::Ignore,
        "assert incremental-base dynamic-linker section-ordering-file \
         build-id-chunk-size-for-treehash build-id-min-file-size-for-treehash rosegment-gap \
         compress-debug-sections hash-style sort-section target2 keep-unique fuse-ld \
         hash-bucket-empty-fraction icf-iterations spare-dynamic-tags split-stack-adjust-size \
         thread-count thread-count-initial thread-count-middle thread-count-final incremental-patch \
         stub-group-size Tbss Tdata Ttext Trodata-segment Ttext-segment section-start",
    ),
    (Maybe, M::Ignore, "build-id demangle package-metadata sort-common plt-align power10-stubs"),
];

const SHORT: &[Row] = &[
    (Flag, M::Print, "-v -M -t"),
    (Value, M::Library, "-l"),
    (Value, M::Script, "-T"),
    (Flag, M::Ignore, "-x -X -p"),
    (Flag, M::Group(true), "-("),
    (Flag, M::Group(false), "-)"),
    (Value, M::SymbolsOrRpath, "-R"),
    (Flag, M::DefineCommon(true), "-d"),
    (Flag, M::ExportDynamic(true), "-E"),
    (Flag, M::Magic, "-n -N"),
    (Flag, M::EmitRelocs, "-q"),
    (Flag, M::StripSymbols(Strip::All), "-s"),
    (Flag, M::StripSymbols(Strip::Debug), "-S"),
    (Value, M::Format, "-b"),
    (Value, M::Entry, "-e"),
    (Value, M::Filter, "-F -f"),
    (Value, M::Ignore, "-I"),
    (Value, M::Output, "-o"),
    (Flag, M::Shared, "-G"),
    (Value, M::Undefined, "-u"),
    (Value, M::Print, "-y"),
    (Value, M::Soname, "-h"),
    (Flag, M::Relocatable, "-r"),
    (Value, M::SearchDir, "-L"),
    (Value, M::Emulation, "-m"),
    (Value, M::DefaultDirs, "-Y"),
    (Value, M::Optimize, "-O"),
    (Value, M::Z, "-z"),
];

struct Tables {
    all: Vec<Opt>,
    long: Vec<Opt>,
    short: Vec<Opt>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let (long, short) = (table(LONG), table(SHORT));
    let all = long.iter().chain(&short).copied().collect();
    Tables { all, long, short }
});

/// Every option.
pub fn options() -> &'static [Opt] {
    &TABLES.all
}

/// Takes one word (and perhaps the next) apart.
pub fn take(word: &[u8], next: Option<&[u8]>) -> Taken {
    if word.first() != Some(&b'-') {
        return Taken::Input;
    }
    if word == b"--" {
        return Taken::EndOfOptions;
    }
    let dashes = word.iter().take_while(|&&b| b == b'-').count();
    let text = word.get(dashes..).unwrap_or_default();
    let (name, joined) = match text.iter().position(|&b| b == b'=') {
        Some(at) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
        None => (text, None),
    };
    let fits = |o: &Opt| match o.dashes {
        Dashes::Any => true,
        Dashes::One => dashes == 1,
        Dashes::Two => dashes >= 2,
    };
    let tables = &*TABLES;
    if let Some(option) = tables.long.iter().find(|o| o.name.as_bytes() == name && fits(o)) {
        return match (option.kind, joined) {
            (Kind::Flag, None) => Taken::one(option, None, 1),
            (Kind::Flag, Some(_)) => Taken::Wrong("takes no value".into()),
            (_, Some(value)) => Taken::one(option, Some(value.to_vec()), 1),
            (Kind::Maybe, None) => Taken::one(option, None, 1),
            (_, None) => match next {
                Some(value) => Taken::one(option, Some(value.to_vec()), 2),
                None => Taken::Wrong("needs a value".into()),
            },
        };
    }
    let text = word.get(1..).unwrap_or_default();
    let mut found = Vec::new();
    for (i, &c) in text.iter().enumerate() {
        let Some(option) = tables.short.iter().find(|o| o.name.as_bytes() == [c]) else {
            return Taken::Unknown;
        };
        let mut matched = Matched { name: option.name, meaning: option.meaning, value: None };
        if option.kind == Kind::Flag {
            found.push(matched);
            continue;
        }
        let rest = text.get(i + 1..).unwrap_or_default();
        let (value, used) = if rest.is_empty() { (next, 2) } else { (Some(rest), 1) };
        let Some(value) = value else { return Taken::Wrong("needs a value".into()) };
        matched.value = Some(value.to_vec());
        found.push(matched);
        return Taken::Options(found, used);
    }
    if found.is_empty() { Taken::Unknown } else { Taken::Options(found, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        use Meaning::*;
        let t = |w: &str| match take(w.as_bytes(), Some(b"NEXT")) {
            Taken::Options(o, n) => o.last().map(|o| {
                (o.meaning, String::from_utf8_lossy(o.value.as_deref().unwrap_or_default()).into_owned(), n)
            }),
            _ => None,
        };
        for (word, meaning, text, used) in [
            ("--gc-sections", GcSections(true), "", 1),
            ("-e=foo", Entry, "=foo", 1),
            ("-entry=foo", Entry, "foo", 1),
            ("-xfoo", Filter, "oo", 1),
            ("-Ttext", Ignore, "NEXT", 2),
            ("-Ttext0x1", Script, "text0x1", 1),
            ("-G", Shared, "", 1),
            ("-m", Emulation, "NEXT", 2),
            ("-melf_i386", Emulation, "elf_i386", 1),
            ("-omagic", Output, "magic", 1),
            ("--omagic", Magic, "", 1),
            ("-sS", StripSymbols(Strip::Debug), "", 1),
            ("--build-id", Ignore, "", 1),
            ("-dT", Script, "NEXT", 2),
        ] {
            assert_eq!(t(word), Some((meaning, text.to_string(), used)), "{word}");
        }
        for word in ["--gc-sec", "-Bbogus", "--unique", "--require-defined=x", "-i8", "-"] {
            assert!(matches!(take(word.as_bytes(), None), Taken::Unknown), "{word}");
        }
        assert!(matches!(take(b"--threads=1", None), Taken::Wrong(_)));
        assert!(matches!(take(b"-e", None), Taken::Wrong(_)));
    }
}

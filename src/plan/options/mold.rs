//! mold's options, 1.10, and its way of taking words apart: tests in a fixed order, first hit wins.
//!
//! In: mold's version, a word and the one behind it. Out: the option, as mold would see it. Because
//! a one-letter option takes the rest of its word, `-eh-frame-hdr` is `-e h-frame-hdr`: the order
//! of the rows below is mold's own. Multi-letter names that begin with `o` need two dashes.
//! Source: mold `elf/cmdline.cc` (`parse_nonpositional_args`).

use std::sync::LazyLock;

use super::{Kind, Meaning, Opt, Row, Taken, table};
use crate::plan::{Strip, Symbolic, Version};

use Kind::{Flag, Joined, Value};
use Meaning as M;

/// In mold's order. A one-letter `Value` name also takes the rest of its word.
const ROWS: &[Row] = &[
    (Flag, M::Refuse("it prints and makes no link"), "help"),
    (Flag, M::Refuse("it runs a command and makes no link itself"), "run"),
    (Value, M::Output, "-o --output"),
    (Value, M::Ignore, "dynamic-linker -I"),
    (Flag, M::Ignore, "no-dynamic-linker"),
    (Flag, M::Print, "-v"),
    (Flag, M::Refuse("it prints and makes no link"), "version"),
    (Flag, M::Print, "-V"),
    (Value, M::Emulation, "-m"),
    (Flag, M::Lib(false), "end-lib"),
    (Flag, M::ExportDynamic(true), "export-dynamic -E"),
    (Flag, M::ExportDynamic(false), "no-export-dynamic"),
    (Flag, M::SymbolicBinding(Symbolic::All), "Bsymbolic"),
    (Flag, M::SymbolicBinding(Symbolic::Functions), "Bsymbolic-functions"),
    (Flag, M::SymbolicBinding(Symbolic::None), "Bno-symbolic"),
    (Value, M::ExcludeLibs, "exclude-libs"),
    (Flag, M::EmitRelocs, "-q emit-relocs"),
    (Value, M::Entry, "-e entry"),
    (Value, M::WriteFile, "Map"),
    (Flag, M::Print, "print-dependencies print-map -M"),
    (Flag, M::LibsStatic(true), "Bstatic dn static"),
    (Flag, M::LibsStatic(false), "Bdynamic dy"),
    (Flag, M::Shared, "shared Bshareable"),
    (Value, M::Ignore, "spare-dynamic-tags"),
    (Flag, M::Lib(true), "start-lib"),
    (Flag, M::Ignore, "start-stop"),
    (Value, M::WriteFile, "dependency-file"),
    (Value, M::Defsym, "defsym"),
    (Flag, M::Ignore, ":lto-pass2"),
    (Value, M::Ignore, ":ignore-ir-file"),
    (Flag, M::Ignore, "demangle no-demangle"),
    (Flag, M::DefaultSymver, "default-symver"),
    (Flag, M::NoInhibitExec, "noinhibit-exec"),
    (Flag, M::Ignore, "shuffle-sections"),
    (Joined, M::Ignore, "shuffle-sections="),
    (Flag, M::Ignore, "reverse-sections rosegment no-rosegment"),
    (Value, M::Print, "-y trace-symbol"),
    (Value, M::Ignore, "filler"),
    (Value, M::SearchDir, "-L library-path"),
    (Value, M::Sysroot, "sysroot"),
    (Value, M::Unique, "unique"),
    (Value, M::UnresolvedSymbols, "unresolved-symbols"),
    (Value, M::Undefined, "-u undefined"),
    (Value, M::RequireDefined, "require-defined"),
    (Value, M::Init, "init"),
    (Value, M::Fini, "fini"),
    (Value, M::Ignore, "hash-style"),
    (Value, M::Soname, "soname -h"),
    (Flag, M::AllowMultiple(true), "allow-multiple-definition"),
    (Flag, M::Ignore, "apply-dynamic-relocs no-apply-dynamic-relocs"),
    (Flag, M::Print, "trace"),
    (Flag, M::Ignore, "eh-frame-hdr no-eh-frame-hdr"),
    (Flag, M::Pie(true), "pie pic-executable"),
    (Flag, M::Pie(false), "no-pie no-pic-executable"),
    (Flag, M::Ignore, "relax no-relax gdb-index no-gdb-index"),
    (Flag, M::Relocatable, "-r relocatable"),
    (Flag, M::Ignore, "relocatable-merge-sections"),
    (Flag, M::Print, "perf"),
    (Flag, M::Ignore, "pack-dyn-relocs=relr pack-dyn-relocs=none"),
    (Value, M::Ignore, "package-metadata"),
    (Flag, M::Print, "stats"),
    (Value, M::ChangeDir, "-C directory"),
    (Value, M::Refuse("a changed root folder is not supported"), "chroot"),
    (
        Flag,
        M::Ignore,
        "color-diagnostics color-diagnostics=auto color-diagnostics=always color-diagnostics=never \
         warn-common no-warn-common warn-once warn-shared-textrel warn-textrel enable-new-dtags \
         disable-new-dtags execute-only",
    ),
    (Value, M::Ignore, "compress-debug-sections"),
    (Value, M::Wrap, "wrap"),
    (Flag, M::Magic, "--omagic -N"),
    (Flag, M::Ignore, "no-omagic"),
    (Value, M::OutputFormat, "--oformat"),
    (Value, M::RetainSymbols, "retain-symbols-file"),
    (Value, M::Ignore, "section-align section-start section-order Tbss Tdata Ttext"),
    (Flag, M::Ignore, "repro"),
    (Flag, M::NoUndefined, "no-undefined"),
    (Flag, M::Ignore, "fatal-warnings no-fatal-warnings fork no-fork"),
    (Flag, M::GcSections(true), "gc-sections"),
    (Flag, M::GcSections(false), "no-gc-sections"),
    (Flag, M::PrintGcSections(true), "print-gc-sections"),
    (Flag, M::PrintGcSections(false), "no-print-gc-sections"),
    (Value, M::Icf, "icf"),
    (Flag, M::NoIcf, "no-icf"),
    (Flag, M::Ignore, "ignore-data-address-equality"),
    (Value, M::Ignore, "image-base physical-image-base"),
    (Flag, M::Print, "print-icf-sections"),
    (Flag, M::Ignore, "no-print-icf-sections quick-exit no-quick-exit"),
    (Value, M::Plugin, "plugin"),
    (Value, M::Ignore, "plugin-opt"),
    (Flag, M::Ignore, "lto-cs-profile-generate"),
    (Value, M::Ignore, "lto-cs-profile-file"),
    (Flag, M::Ignore, "lto-debug-pass-manager disable-verify lto-emit-asm"),
    (Value, M::Ignore, "thinlto-jobs"),
    (Flag, M::Ignore, "no-legacy-pass-manager"),
    (Value, M::Ignore, "lto-partitions"),
    (Flag, M::Ignore, "no-lto-legacy-pass-manager"),
    (Value, M::Ignore, "lto-obj-path"),
    (Value, M::WriteFile, "--opt-remarks-filename"),
    (Value, M::Ignore, "--opt-remarks-format --opt-remarks-hotness-threshold --opt-remarks-passes"),
    (Flag, M::Ignore, "--opt-remarks-with_hotness"),
    (Joined, M::Ignore, "lto-O"),
    (Value, M::Ignore, "lto-pseudo-probe-for-profiling lto-sample-profile"),
    (Flag, M::Ignore, "save-temps thinlto-emit-imports-files"),
    (Value, M::Ignore, "thinlto-index-only"),
    (
        Value,
        M::Ignore,
        "thinlto-object-suffix-replace thinlto-prefix-replace thinlto-cache-dir thinlto-cache-policy \
         thread-count",
    ),
    (Flag, M::Ignore, "threads no-threads"),
    (Joined, M::Ignore, "threads="),
    (Flag, M::Ignore, "discard-all -x discard-locals -X"),
    (Flag, M::StripSymbols(Strip::All), "strip-all -s"),
    (Flag, M::StripSymbols(Strip::Debug), "strip-debug -S"),
    (Flag, M::WarnUnresolved(true), "warn-unresolved-symbols"),
    (Flag, M::WarnUnresolved(false), "error-unresolved-symbols"),
    (Value, M::Rpath, "rpath"),
    (Value, M::SymbolsOrRpath, "-R"),
    (Flag, M::Ignore, "undefined-version no-undefined-version build-id"),
    (Value, M::Ignore, "build-id"),
    (Flag, M::Ignore, "no-build-id"),
    (Value, M::Format, "format -b"),
    (Value, M::Filter, "auxiliary -f filter -F"),
    (Value, M::Optimize, "-O"),
    (Flag, M::Ignore, "O0 O1 O2 verbose"),
    (Flag, M::Group(true), "start-group"),
    (Flag, M::Group(false), "end-group"),
    (Flag, M::Group(true), "-("),
    (Flag, M::Group(false), "-)"),
    (Flag, M::NoStdlib, "nostdlib"),
    (Flag, M::AllowShlibUndefined(true), "allow-shlib-undefined"),
    (Flag, M::AllowShlibUndefined(false), "no-allow-shlib-undefined"),
    (Flag, M::Ignore, "no-add-needed no-call-graph-profile-sort no-copy-dt-needed-entries"),
    (Value, M::Ignore, "sort-section"),
    (
        Flag,
        M::Ignore,
        "sort-common dc dp fix-cortex-a53-835769 fix-cortex-a53-843419 EL nodefaultlibs \
         warn-constructors warn-execstack no-warn-execstack secure-plt",
    ),
    (Value, M::RpathLink, "rpath-link"),
    (Flag, M::Ignore, "no-keep-memory"),
    (Value, M::Ignore, "max-cache-size"),
    (Value, M::VersionScript, "version-script"),
    (Value, M::DynamicList, "dynamic-list"),
    (Value, M::ExportSymbol, "export-dynamic-symbol"),
    (Value, M::ExportSymbolList, "export-dynamic-symbol-list"),
    (Flag, M::AsNeeded(true), "as-needed"),
    (Flag, M::AsNeeded(false), "no-as-needed"),
    (Flag, M::WholeArchive(true), "whole-archive"),
    (Flag, M::WholeArchive(false), "no-whole-archive"),
    (Value, M::Library, "-l"),
    (Value, M::Script, "script -T"),
    (Flag, M::PushState, "push-state"),
    (Flag, M::PopState, "pop-state"),
    (Value, M::Z, "-z"),
];

/// Options that mold 2.x added and that matter to us.
const LATER: &[Row] = &[
    (Value, M::UndefinedGlob, "undefined-glob"),
    (Joined, M::WriteFile, "print-gc-sections="),
    (Flag, M::Ignore, "--color-diagnostics detach no-detach"),
];

static OPTIONS: LazyLock<Vec<Opt>> = LazyLock::new(|| table(ROWS));
static FROM_2: LazyLock<Vec<Opt>> = LazyLock::new(|| table(LATER));

/// Every option of 1.10.
pub fn options() -> &'static [Opt] {
    &OPTIONS
}

/// Takes one word (and perhaps the next) apart.
pub fn take(version: Version, word: &[u8], next: Option<&[u8]>) -> Taken {
    let later: &[Opt] = if version.0 >= 2 { &FROM_2 } else { &[] };
    for option in later.iter().chain(OPTIONS.iter()) {
        let name = option.name.as_bytes();
        let one_letter = name.len() == 1;
        let two_dashes_only = !one_letter && name.first() == Some(&b'o');
        let text = match (word.strip_prefix(b"--"), word.strip_prefix(b"-")) {
            (Some(text), _) if !one_letter && text.starts_with(name) => text,
            (_, Some(text)) if !two_dashes_only => text,
            _ => continue,
        };
        let Some(rest) = text.strip_prefix(name) else { continue };
        match option.kind {
            Kind::Flag if rest.is_empty() => return Taken::one(option, None, 1),
            Kind::Joined => return Taken::one(option, Some(rest.to_vec()), 1),
            Kind::Value if rest.is_empty() => {
                return match next {
                    Some(value) => Taken::one(option, Some(value.to_vec()), 2),
                    None => Taken::Wrong("needs a value".into()),
                };
            }
            Kind::Value if one_letter => return Taken::one(option, Some(rest.to_vec()), 1),
            Kind::Value => {
                if let Some(value) = rest.strip_prefix(b"=") {
                    return Taken::one(option, Some(value.to_vec()), 1);
                }
            }
            _ => {}
        }
    }
    if word.first() == Some(&b'-') { Taken::Unknown } else { Taken::Input }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        use Meaning::*;
        let t = |w: &str| match take(Version(1, 10, 1), w.as_bytes(), Some(b"NEXT")) {
            Taken::Options(o, n) => o.first().map(|o| {
                (o.meaning, String::from_utf8_lossy(o.value.as_deref().unwrap_or_default()).into_owned(), n)
            }),
            _ => None,
        };
        for (word, meaning, text, used) in [
            ("--gc-sections", GcSections(true), "", 1),
            ("-eh-frame-hdr", Entry, "h-frame-hdr", 1),
            ("--eh-frame-hdr", Ignore, "", 1),
            ("-entry=foo", Entry, "ntry=foo", 1),
            ("--entry=foo", Entry, "foo", 1),
            ("-unique", Unique, "NEXT", 2),
            ("-library=c", Library, "ibrary=c", 1),
            ("--library-path=x", SearchDir, "x", 1),
            ("-oformat", Output, "format", 1),
            ("--oformat=binary", OutputFormat, "binary", 1),
            ("-Ttext0x100", Script, "text0x100", 1),
            ("-Ttext=0x100", Ignore, "0x100", 1),
            ("-flto", Filter, "lto", 1),
            ("-znow", Z, "now", 1),
            ("-static", LibsStatic(true), "", 1),
        ] {
            assert_eq!(t(word), Some((meaning, text.to_string(), used)), "{word}");
        }
        for word in
            ["--gc-sec", "--library=c", "--cref", "-i", "-w", "-", "--", "-sS", "-n", "--just-symbols=x"]
        {
            assert_eq!(take(Version(1, 10, 1), word.as_bytes(), None), Taken::Unknown, "{word}");
        }
    }
}

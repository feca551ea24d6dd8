//! lld's options (ELF flavour) and its way of taking words apart: of all options whose name begins
//! the word, the longest one that accepts it.
//!
//! In: lld's version, a word and the one behind it. Out: the option, as lld's option table would see
//! it. The tables of 14, of 15 to 19 and of later versions differ in a few names.
//! Source: lld `ELF/Options.td` 14.0.6 and 19.1.7, and the help text of 22.1.2.

use std::sync::LazyLock;

use super::{Dashes, Kind, Meaning, Opt, Row, Taken, table};
use crate::plan::{Strip, Symbolic, Version};

use Kind::{Flag, Joined, JoinedOrNext, Next, Value};
use Meaning as M;

/// Options of every version.
const COMMON: &[Row] = &[
    (Value, M::Filter, "auxiliary filter"),
    (Next, M::Filter, "-f -F"),
    (Flag, M::LibsStatic(false), "Bdynamic call_shared dy"),
    (Flag, M::LibsStatic(true), "Bstatic dn non_shared static"),
    (Flag, M::SymbolicBinding(Symbolic::None), "Bno-symbolic"),
    (Flag, M::SymbolicBinding(Symbolic::All), "Bsymbolic"),
    (Flag, M::SymbolicBinding(Symbolic::Functions), "Bsymbolic-functions"),
    (Flag, M::SymbolicBinding(Symbolic::NonWeakFunctions), "Bsymbolic-non-weak-functions"),
    (Value, M::Defsym, "defsym"),
    (Flag, M::FortranCommon(true), "--fortran-common"),
    (Flag, M::FortranCommon(false), "--no-fortran-common"),
    (JoinedOrNext, M::Optimize, "-O"),
    (Next, M::Refuse("lld refuses it"), "Ttext-segment"),
    (Joined, M::Refuse("lld refuses it"), "Ttext-segment="),
    (Flag, M::AllowMultiple(true), "allow-multiple-definition"),
    (Flag, M::AllowMultiple(false), "no-allow-multiple-definition"),
    (Flag, M::AllowShlibUndefined(true), "allow-shlib-undefined"),
    (Flag, M::AllowShlibUndefined(false), "no-allow-shlib-undefined"),
    (Flag, M::DependentLibraries(true), "--dependent-libraries"),
    (Flag, M::DependentLibraries(false), "--no-dependent-libraries"),
    (Flag, M::AsNeeded(true), "as-needed"),
    (Flag, M::AsNeeded(false), "no-as-needed"),
    (Next, M::Refuse("a changed root folder is not supported"), "--chroot"),
    (Flag, M::Print, "--cref trace -t verbose -v print-map -M print-icf-sections"),
    (Value, M::DynamicLinker(true), "dynamic-linker"),
    (Flag, M::DynamicLinker(false), "no-dynamic-linker"),
    (Value, M::DynamicList, "dynamic-list"),
    (Flag, M::BigEndian(true), "EB"),
    (Flag, M::BigEndian(false), "EL"),
    (Flag, M::EmitRelocs, "emit-relocs -q"),
    (Flag, M::Group(true), "start-group -("),
    (Flag, M::Group(false), "end-group -)"),
    (Flag, M::Lib(true), "start-lib"),
    (Flag, M::Lib(false), "end-lib"),
    (Value, M::Entry, "entry"),
    (JoinedOrNext, M::Entry, "-e"),
    (Flag, M::WarnUnresolved(false), "error-unresolved-symbols"),
    (Flag, M::WarnUnresolved(true), "warn-unresolved-symbols"),
    (Value, M::ExcludeLibs, "exclude-libs"),
    (Flag, M::ExportDynamic(true), "export-dynamic -E"),
    (Flag, M::ExportDynamic(false), "no-export-dynamic"),
    (Value, M::ExportSymbol, "--export-dynamic-symbol"),
    (Value, M::ExportSymbolList, "--export-dynamic-symbol-list"),
    (Value, M::Fini, "fini"),
    (Value, M::Init, "init"),
    (Value, M::Format, "format"),
    (Next, M::Format, "-b"),
    (Flag, M::GcSections(true), "gc-sections"),
    (Flag, M::GcSections(false), "no-gc-sections"),
    (Flag, M::PrintGcSections(true), "print-gc-sections"),
    (Flag, M::PrintGcSections(false), "no-print-gc-sections"),
    (Flag, M::Refuse("it prints and makes no link"), "help version -V"),
    (Joined, M::Icf, "icf="),
    (Value, M::JustSymbols, "just-symbols"),
    (JoinedOrNext, M::Library, "-l"),
    (Value, M::Library, "library"),
    (JoinedOrNext, M::SearchDir, "-L"),
    (Value, M::SearchDir, "library-path"),
    (JoinedOrNext, M::Emulation, "-m"),
    (Flag, M::NoStdlib, "nostdlib"),
    (Flag, M::NoInhibitExec, "noinhibit-exec"),
    (Flag, M::NoUndefined, "no-undefined"),
    (Flag, M::UndefinedVersion(true), "undefined-version"),
    (Flag, M::UndefinedVersion(false), "no-undefined-version"),
    (JoinedOrNext, M::Output, "-o"),
    (Value, M::Output, "--output"),
    (Value, M::OutputFormat, "--oformat"),
    (Flag, M::Magic, "nmagic -n --omagic -N"),
    (Value, M::Orphans, "orphan-handling"),
    (Flag, M::Pie(true), "pie pic-executable"),
    (Flag, M::Pie(false), "no-pie"),
    (Flag, M::PopState, "pop-state"),
    (Flag, M::PushState, "push-state"),
    (Value, M::Rpath, "rpath"),
    (JoinedOrNext, M::Rpath, "-R"),
    (Value, M::RpathLink, "rpath-link"),
    (Flag, M::Relocatable, "relocatable -r"),
    (Value, M::RetainSymbols, "retain-symbols-file"),
    (Value, M::Script, "script"),
    (JoinedOrNext, M::Script, "-T"),
    (Flag, M::Shared, "shared Bshareable"),
    (Value, M::Soname, "soname"),
    (JoinedOrNext, M::Soname, "-h"),
    (Flag, M::StripSymbols(Strip::All), "strip-all -s"),
    (Flag, M::StripSymbols(Strip::Debug), "strip-debug -S"),
    (Value, M::Sysroot, "sysroot"),
    (Value, M::Print, "trace-symbol"),
    (JoinedOrNext, M::Print, "-y"),
    (Value, M::Undefined, "undefined"),
    (JoinedOrNext, M::Undefined, "-u"),
    (Value, M::UndefinedGlob, "--undefined-glob"),
    (Flag, M::Unique, "unique"),
    (Value, M::UnresolvedSymbols, "unresolved-symbols"),
    (Value, M::VersionScript, "version-script"),
    (Flag, M::WholeArchive(true), "whole-archive"),
    (Flag, M::WholeArchive(false), "no-whole-archive"),
    (Value, M::Wrap, "wrap"),
    (JoinedOrNext, M::Z, "-z"),
    (Value, M::Plugin, "plugin"),
    (Joined, M::Ignore, "plugin-opt="),
    (Next, M::Ignore, "plugin-opt"),
    (JoinedOrNext, M::SmallData, "-G"),
    (Value, M::WriteFile, "Map --dependency-file print-symbol-order --reproduce"),
    (Joined, M::WriteFile, "print-archive-stats= --why-extract="),
    (Next, M::WriteFile, "--opt-remarks-filename"),
    (
        Flag,
        M::Ignore,
        "build-id check-sections no-check-sections --optimize-bb-jumps --no-optimize-bb-jumps \
         --apply-dynamic-relocs --no-apply-dynamic-relocs --no-call-graph-profile-sort \
         --color-diagnostics --no-color-diagnostics demangle no-demangle disable-new-dtags \
         enable-new-dtags discard-all -x discard-locals -X discard-none eh-frame-hdr no-eh-frame-hdr \
         --execute-only --no-execute-only fatal-warnings no-fatal-warnings fix-cortex-a53-843419 \
         fix-cortex-a8 --gdb-index --no-gdb-index --gnu-unique --no-gnu-unique \
         --ignore-function-address-equality --ignore-data-address-equality merge-exidx-entries \
         no-merge-exidx-entries --mmap-output-file --no-mmap-output-file no-nmagic \
         no-omagic --use-android-relr-tags --no-use-android-relr-tags pic-veneer \
         no-print-icf-sections --relax --no-relax --rosegment --no-rosegment target1-rel target1-abs \
         --time-trace --toc-optimize --no-toc-optimize --pcrel-optimize --no-pcrel-optimize \
         --power10-stubs --no-power10-stubs --warn-backrefs \
         --no-warn-backrefs warn-common no-warn-common --warn-ifunc-textrel --no-warn-ifunc-textrel \
         --warn-symbol-ordering --no-warn-symbol-ordering --vs-diagnostics --lto-debug-pass-manager \
         --lto-emit-asm --lto-cs-profile-generate --lto-pgo-warn-mismatch --no-lto-pgo-warn-mismatch \
         --lto-whole-program-visibility --no-lto-whole-program-visibility disable-verify save-temps \
         --opt-remarks-with-hotness --lto-unique-basic-block-section-names \
         --no-lto-unique-basic-block-section-names --thinlto-emit-imports-files --thinlto-index-only \
         --check-dynamic-relocations --no-check-dynamic-relocations -g long-plt --no-add-needed \
         no-copy-dt-needed-entries no-ctors-in-init-array no-keep-memory no-warn-mismatch secure-plt \
         sort-common stats warn-execstack warn-once warn-shared-textrel",
    ),
    (
        Value,
        M::Ignore,
        "compress-debug-sections split-stack-adjust-size Tbss Tdata Ttext call-graph-ordering-file \
         error-limit --error-handling-script hash-style --image-base keep-unique \
         --pack-dyn-relocs section-start sort-section --symbol-ordering-file target2 --threads \
         --time-trace-granularity --rsp-quoting --warn-backrefs-exclude mllvm \
         --opt-remarks-hotness-threshold --shuffle-sections --thinlto-cache-policy mips-got-size",
    ),
    (Next, M::Ignore, "--opt-remarks-passes --opt-remarks-format"),
    (
        Joined,
        M::Ignore,
        "build-id= --color-diagnostics= --power10-stubs= --lto-aa-pipeline= --lto-newpm-passes= --lto-O \
         --lto-partitions= --lto-cs-profile-file= --lto-obj-path= --lto-sample-profile= \
         --lto-basic-block-sections= --thinlto-cache-dir= --thinlto-index-only= --thinlto-jobs= \
         --thinlto-object-suffix-replace= --thinlto-prefix-replace= --thinlto-single-module=",
    ),
];

/// Options of 14 that later versions dropped.
const OLD: &[Row] = &[
    (Flag, M::DefineCommon(true), "define-common -d dc dp"),
    (Flag, M::DefineCommon(false), "no-define-common"),
    (
        Flag,
        M::Ignore,
        "--lto-legacy-pass-manager --no-lto-legacy-pass-manager detect-odr-violations \
         --call-graph-profile-sort",
    ),
    (Joined, M::WriteFile, "--time-trace-file="),
];

/// Options that came after 14.
const NEW: &[Row] = &[
    (Flag, M::SymbolicBinding(Symbolic::NonWeak), "Bsymbolic-non-weak"),
    (Flag, M::ForceGroupAllocation, "--force-group-allocation"),
    (Flag, M::FatLtoObjects(true), "--fat-lto-objects"),
    (Flag, M::FatLtoObjects(false), "--no-fat-lto-objects"),
    (Value, M::DefaultScript, "--default-script"),
    (Next, M::DefaultScript, "-dT"),
    (Value, M::RemapInputs, "--remap-inputs"),
    (Joined, M::RemapInputsFile, "--remap-inputs-file="),
    (Flag, M::Print, "print-memory-usage"),
    (Value, M::WriteFile, "--out-implib"),
    (Joined, M::WriteFile, "--time-trace="),
    (
        Flag,
        M::Ignore,
        "be8 --cmse-implib --debug-names --no-debug-names --enable-non-contiguous-regions \
         --no-warnings -w -d --relax-gp --no-relax-gp --lto-emit-llvm \
         --lto-validate-all-vtables-have-type-infos --no-lto-validate-all-vtables-have-type-infos \
         --lto-basic-block-address-map --no-lto-basic-block-address-map --thinlto-emit-index-files \
         --android-memtag-stack --no-android-memtag-stack \
         --android-memtag-heap --no-android-memtag-heap",
    ),
    (
        Value,
        M::Ignore,
        "--compress-sections --in-implib --lto-known-safe-vtables --load-pass-plugin \
         --android-memtag-mode",
    ),
    (Joined, M::Ignore, "--package-metadata= --lto= --lto-CGO --save-temps= --call-graph-profile-sort="),
];

/// Options that came after 19.
const NEWEST: &[Row] = &[
    (Joined, M::Print, "--why-live="),
    (Joined, M::WriteFile, "--print-gc-sections="),
    (Flag, M::Print, "--verbose-bp-section-orderer"),
    (
        Flag,
        M::Ignore,
        "--bp-compression-sort-startup-functions --no-bp-compression-sort-startup-functions \
         --branch-to-branch --no-branch-to-branch --xosegment --no-xosegment",
    ),
    (Value, M::Ignore, "--randomize-section-padding"),
    (
        Joined,
        M::Ignore,
        "--bp-compression-sort= --bp-startup-sort= --irpgo-profile= --thinlto-distributor= \
         --thinlto-distributor-arg= --thinlto-remote-compiler= --thinlto-remote-compiler-arg= \
         --thinlto-remote-compiler-prepend-arg=",
    ),
];

fn build(extra: &[&[Row]]) -> Vec<Opt> {
    let rows: Vec<Row> = COMMON.iter().chain(extra.iter().copied().flatten()).copied().collect();
    let mut options = table(&rows);
    // Longest names first: the first that accepts a word wins.
    options.sort_by_key(|o| std::cmp::Reverse(o.name.len()));
    options
}

static UP_TO_14: LazyLock<Vec<Opt>> = LazyLock::new(|| build(&[OLD]));
static FROM_15: LazyLock<Vec<Opt>> = LazyLock::new(|| build(&[NEW]));
static FROM_20: LazyLock<Vec<Opt>> = LazyLock::new(|| build(&[NEW, NEWEST]));

/// Every option of this version.
pub fn options(version: Version) -> &'static [Opt] {
    match version.0 {
        ..15 => &UP_TO_14,
        15..20 => &FROM_15,
        _ => &FROM_20,
    }
}

/// Takes one word (and perhaps the next) apart.
pub fn take(version: Version, word: &[u8], next: Option<&[u8]>) -> Taken {
    if word.first() != Some(&b'-') || word.len() == 1 {
        return Taken::Input;
    }
    let missing = || Taken::Wrong("needs a value".into());
    for option in options(version) {
        let rest =
            |dashes: &[u8]| word.strip_prefix(dashes).and_then(|t| t.strip_prefix(option.name.as_bytes()));
        let rest = match option.dashes {
            Dashes::Two => rest(b"--"),
            Dashes::One => rest(b"-"),
            Dashes::Any => rest(b"--").or_else(|| rest(b"-")),
        };
        let Some(rest) = rest else { continue };
        let from_next = || match next {
            Some(value) => Taken::one(option, Some(value.to_vec()), 2),
            None => missing(),
        };
        match option.kind {
            Kind::Flag | Kind::Maybe if rest.is_empty() => return Taken::one(option, None, 1),
            Kind::Joined => return Taken::one(option, Some(rest.to_vec()), 1),
            Kind::JoinedOrNext if !rest.is_empty() => return Taken::one(option, Some(rest.to_vec()), 1),
            Kind::JoinedOrNext | Kind::Next | Kind::Value if rest.is_empty() => return from_next(),
            Kind::Value => {
                if let Some(value) = rest.strip_prefix(b"=") {
                    return Taken::one(option, Some(value.to_vec()), 1);
                }
            }
            _ => {}
        }
    }
    Taken::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    const V14: Version = Version(14, 0, 6);
    const V19: Version = Version(19, 1, 7);

    #[test]
    fn words() {
        use Meaning::*;
        let t = |v: Version, w: &str| match take(v, w.as_bytes(), Some(b"NEXT")) {
            Taken::Options(o, n) => o.first().map(|o| {
                (o.meaning, String::from_utf8_lossy(o.value.as_deref().unwrap_or_default()).into_owned(), n)
            }),
            _ => None,
        };
        for (word, meaning, text, used) in [
            ("-gc-sections", GcSections(true), "", 1),
            ("-e=foo", Entry, "=foo", 1),
            ("-export-dynamic-symbol=main", Entry, "xport-dynamic-symbol=main", 1),
            ("-export-dynamic", ExportDynamic(true), "", 1),
            ("-icf=all", Icf, "all", 1),
            ("-Ttext", Ignore, "NEXT", 2),
            ("-Ttext0x100", Script, "text0x100", 1),
            ("-rpath-link", RpathLink, "NEXT", 2),
            ("--rpath-link=/x", RpathLink, "/x", 1),
            ("-omagic", Output, "magic", 1),
            ("--why-extract=-", WriteFile, "-", 1),
            ("-plugin-opt", Ignore, "NEXT", 2),
            ("-plugin-opt=foo", Ignore, "foo", 1),
            ("-L", SearchDir, "NEXT", 2),
            ("--lto-O2", Ignore, "2", 1),
            ("-z", Z, "NEXT", 2),
        ] {
            assert_eq!(t(V14, word), Some((meaning, text.to_string(), used)), "{word}");
            assert_eq!(t(V19, word), Some((meaning, text.to_string(), used)), "{word}");
        }
        assert_eq!(t(V14, "-dc").map(|x| x.0), Some(DefineCommon(true)));
        assert_eq!(t(V19, "-dc"), None);
        assert_eq!(t(V14, "-w"), None);
        assert_eq!(t(V19, "-w").map(|x| x.0), Some(Ignore));
        for word in ["--gc-sec", "--", "-Bgroup", "-i", "--icf", "-bbinary", "-sS", "--unique=x", "-flto"] {
            assert_eq!(t(V14, word), None, "{word}");
            assert_eq!(t(V19, word), None, "{word}");
        }
    }
}

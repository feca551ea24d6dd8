use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::{DemandKind, Flavor, Icf, InputName, OutputKind, Step, Strip, Symbolic, Version};
use super::*;

fn words(text: &str) -> Vec<OsString> {
    text.split_ascii_whitespace().map(OsString::from).collect()
}

fn parse(text: &str) -> Result<LinkPlan> {
    parse_command(&words(text), &Overrides::default())
}

fn plan(text: &str) -> LinkPlan {
    parse(text).unwrap()
}

fn with_linker(linker: &str, text: &str) -> Result<LinkPlan> {
    let linker = Some(ProfileSpec::parse(linker).unwrap());
    parse_command(&words(text), &Overrides { linker, ..Overrides::default() })
}

/// Inputs with letters for their modes: w(hole) a(s-needed) s(tatic) b(inary) j(ust symbols) l(ib) c(opy).
fn inputs(plan: &LinkPlan) -> String {
    let mut out = Vec::new();
    for step in &plan.steps {
        out.push(match step {
            Step::Input { name, mode } => {
                let flags = [
                    (mode.whole_archive, 'w'),
                    (mode.as_needed, 'a'),
                    (mode.static_libs, 's'),
                    (mode.binary, 'b'),
                    (mode.just_symbols, 'j'),
                    (mode.in_lib, 'l'),
                    (mode.copy_dt_needed, 'c'),
                ];
                let flags: String = flags.iter().filter(|f| f.0).map(|f| f.1).collect();
                let name = match name {
                    InputName::Path(p) => p.display().to_string(),
                    InputName::Library(l) => format!("-l{l}"),
                };
                if flags.is_empty() { name } else { format!("{name}:{flags}") }
            }
            Step::StartGroup => "(".into(),
            Step::EndGroup => ")".into(),
            Step::StartLib => "[".into(),
            Step::EndLib => "]".into(),
            Step::Script(i) => format!("T{i}"),
            Step::Defsym(i) => format!("D{i}"),
        });
    }
    out.join(" ")
}

#[test]
fn positional_modes() {
    for (line, want) in [
        (
            "ld.bfd a.o --whole-archive x.a --push-state --as-needed -Bstatic -lb --pop-state -lc --no-whole-archive d.a",
            "a.o x.a:w -lb:was -lc:w d.a",
        ),
        ("ld.bfd -b binary f -b elf64-x86-64 a.o", "f:b a.o"),
        ("ld.bfd -( x.a -) --start-group y.a --end-group", "( x.a ) ( y.a )"),
        ("ld.bfd -( x.a", "( x.a )"),
        ("ld.bfd -r -lx -Bdynamic -ly", "-lx:s -ly:s"),
        ("ld.bfd -lx -n -ly", "-lx -ly:s"),
        ("ld.bfd --add-needed x.so --no-add-needed y.so", "x.so:c y.so"),
        ("ld.bfd a.o -- b.o", "a.o"),
        ("ld.bfd --defsym=a=b x.o --defsym c=1", "D0 x.o D1"),
        ("ld.gold -lx -static -ly", "-lx:s -ly:s"),
        ("ld.gold -lx -Bstatic -ly -Bdynamic -lz", "-lx -ly:s -lz"),
        ("ld.gold --start-lib a.o --end-lib b.o -- -x", "[ a.o:l ] b.o -x"),
        ("ld.gold --push-state -b binary f --pop-state a.o --just-symbols=s", "f:b a.o s:j"),
        ("ld.lld -lx -static -ly -Bdynamic -lz", "-lx -ly:s -lz"),
        ("ld.lld -lx -r -Bdynamic -ly", "-lx:s -ly:s"),
        ("ld.lld --format=binary f --format elf a.o", "f:b a.o"),
        ("ld.lld --just-symbols s a.o", "s:j a.o"),
        ("mold -lx -Bdynamic -ly -Bstatic -lz", "-lx:s -ly -lz:s"),
        ("mold --start-lib a.o --end-lib -T script.t", "[ a.o:l ] script.t"),
        ("-e x a.o", "a.o"),
    ] {
        assert_eq!(inputs(&plan(line)), want, "{line}");
    }
}

#[test]
fn fields() {
    let p = plan(
        "ld.bfd -pie -E -e main -u a --require-defined=b --undefined c -init i --fini=f --wrap w --wrap=w \
         --export-dynamic-symbol=x* --exclude-libs ALL,libz.a:q --gc-keep-exported -z start-stop-gc -S -q \
         --unique --unique=.t* -z muldefs -d -O1 -G 8 -z defs --print-gc-sections --no-gc-sections \
         --gc-sections -rpath /r -rpath-link /l:/m -o out -soname n a.o",
    );
    assert_eq!(p.output_kind, OutputKind::Pie);
    assert!(p.export_dynamic && p.gc_keep_exported && p.emit_relocs && p.define_common);
    assert_eq!(p.entry.as_deref().map(|e| e.to_vec()), Some(b"main".to_vec()));
    let kinds: Vec<_> = p.demands.iter().map(|d| (d.0.to_string(), d.1)).collect();
    assert_eq!(
        kinds,
        [
            ("a".to_string(), DemandKind::Undefined),
            ("b".to_string(), DemandKind::Require),
            ("c".to_string(), DemandKind::Undefined)
        ]
    );
    assert_eq!(p.wraps.len(), 1);
    assert_eq!(p.exclude_libs, ["ALL", "libz.a", "q"]);
    assert_eq!(p.start_stop_gc, Some(true));
    assert_eq!(p.strip, Strip::Debug);
    assert!(p.unique.all && p.unique.patterns == [".t*"]);
    assert!(p.allow_multiple_definition);
    assert_eq!((p.optimize, p.small_data_limit), (Some(1), Some(8)));
    assert_eq!(p.undefined_is_error, Some(true));
    assert_eq!((p.gc_sections, p.print_gc_sections), (Some(true), Some(true)));
    assert_eq!(p.rpath_dirs, ["/l", "/m", "/r"].map(PathBuf::from));
    assert_eq!(p.init.unwrap(), "i");
    assert_eq!(p.fini.unwrap(), "f");
    let p = plan("ld.lld --undefined-glob=m* --no-fortran-common --icf=safe -Bsymbolic-functions -O0 a.o");
    assert_eq!(p.demands, [("m*".into(), DemandKind::Glob)]);
    assert_eq!((p.fortran_common, p.icf, p.optimize), (Some(false), Icf::Safe, Some(0)));
    assert_eq!(p.symbolic, Symbolic::Functions);
    assert_eq!(plan("ld.bfd -pie -shared a.o").output_kind, OutputKind::Shared);
    assert_eq!(plan("ld.bfd -shared -no-pie a.o").output_kind, OutputKind::Executable);
    assert_eq!(plan("ld.bfd -Ur a.o").output_kind, OutputKind::Relocatable);
    assert_eq!(plan("ld.gold -G a.o").output_kind, OutputKind::Shared);
    assert_eq!(plan("ld.bfd -G a.o").output_kind, OutputKind::Shared);
    assert_eq!(plan("ld.lld -r -s a.o").strip, Strip::None);
}

#[test]
fn refusals_name_the_option() {
    for (line, named) in [
        ("ld.bfd --start-lib a.o", "--start-lib"),
        ("ld.bfd --unresolved-symbols=foo a.o", "--unresolved-symbols=foo"),
        ("ld.bfd -G 8x a.o", "-G"),
        ("ld.bfd --pop-state", "--pop-state"),
        ("ld.bfd -)", "-)"),
        ("ld.bfd -c script", "-c"),
        ("ld.bfd -m bogus", "-m bogus"),
        ("ld.bfd -T no-such-script", "no-such-script"),
        ("ld.bfd --version-script=no-such-file a.o", "no-such-file"),
        ("ld.bfd --defsym=a", "--defsym a"),
        ("ld.bfd -r -shared", "-r and -shared"),
        ("ld.bfd -F x", "-F"),
        ("ld.bfd -o", "-o"),
        ("ld.bfd -a foo", "-a"),
        ("ld.bfd --hash-style=foo", "--hash-style foo"),
        ("ld.gold -z bogus", "-z"),
        ("ld.gold --start-group a.a", "--start-group"),
        ("ld.gold -static -pie a.o", "-pie and -static"),
        ("ld.gold --unique a.o", "--unique"),
        ("ld.lld -Ofoo", "-Ofoo"),
        ("ld.lld --start-group --start-group", "--start-group"),
        ("ld.lld -r --icf=all a.o", "-r and --icf"),
        ("ld.lld --icf=some", "--icf=some"),
        ("ld.lld --format=foo", "--format=foo"),
        ("ld.lld --require-defined=x", "--require-defined=x"),
        ("mold -b binary f", "-b"),
        ("mold --cref", "--cref"),
        ("mold @no-such-file", "no-such-file"),
    ] {
        match parse(line) {
            Err(error) => assert!(error.to_string().contains(named), "{line}: {error}"),
            Ok(_) => panic!("{line} was accepted"),
        }
    }
    assert!(parse_command(&[], &Overrides::default()).is_err());
}

#[test]
fn foreign_options_become_notes() {
    let p = with_linker(
        "lld@19",
        "ld.bfd --gc-sec --require-defined=x --reduce-memory-overheads -plugin-opt=z a.o",
    )
    .unwrap();
    assert_eq!(p.profile.flavor, Flavor::Lld);
    assert_eq!(p.profile.version, Version(19, 0, 0));
    assert_eq!(p.gc_sections, Some(true));
    assert_eq!(p.notes.len(), 2, "{:?}", p.notes);
    assert!(p.demands.is_empty());
    // The modelled linker's own options are taken too.
    let p = with_linker("lld", "ld.bfd --why-extract=- --undefined-glob=* a.o").unwrap();
    assert_eq!(p.demands.len(), 1);
    // An option that neither knows stays an error.
    assert!(with_linker("lld", "ld.bfd --bogus-option a.o").is_err());
    let p = with_linker("mold", "ld.lld --start-lib a.o --end-lib --icf=all -T x").unwrap();
    assert_eq!(inputs(&p), "[ a.o:l ] x");
    assert_eq!(p.icf, Icf::All);
    // -plugin-opt words never need a remark.
    let p = with_linker("gold", "ld.lld -plugin-opt=O2 -plugin-opt x a.o").unwrap();
    assert!(p.notes.is_empty(), "{:?}", p.notes);
}

#[test]
fn assumed_collection() {
    let parse = |text: &str| {
        let overrides = Overrides { assume_gc: true, ..Overrides::default() };
        parse_command(&words(text), &overrides).unwrap()
    };
    assert_eq!(parse("ld.bfd a.o").gc_sections, Some(true));
    assert_eq!(parse("ld.bfd a.o").notes.len(), 1);
    assert_eq!(parse("ld.bfd a.o --no-gc-sections").gc_sections, Some(false));
    assert_eq!(parse("ld.bfd --no-gc-sections --gc-sections a.o").notes.len(), 0);
}

#[test]
fn files_start_from_the_directory() {
    let dir = std::env::temp_dir().join(format!("linksweep-parse-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("sub")).unwrap();
    std::fs::write(dir.join("sub/s.lds"), "one").unwrap();
    std::fs::write(dir.join("v.map"), "two").unwrap();
    std::fs::write(dir.join("line"), "-L sub -Ts.lds --version-script v.map a.o").unwrap();
    let overrides = Overrides { directory: dir.clone(), ..Overrides::default() };
    for linker in ["ld.bfd", "ld.gold", "ld.lld"] {
        let p = parse_command(&words(&format!("{linker} @line")), &overrides).unwrap();
        assert_eq!(p.scripts.len(), 1);
        assert_eq!(
            (p.scripts[0].path.as_path(), p.scripts[0].text.as_slice()),
            (Path::new("sub/s.lds"), &b"one"[..])
        );
        assert_eq!(p.version_scripts[0].path, Path::new("v.map"));
        assert_eq!(inputs(&p), "T0 a.o");
        // bfd and gold look into the folders named so far only.
        let late = parse_command(&words(&format!("{linker} -T s.lds -L sub")), &overrides);
        assert_eq!(late.is_ok(), linker == "ld.lld", "{linker}");
        let list = parse_command(&words(&format!("{linker} -Lsub --dynamic-list s.lds")), &overrides);
        assert_eq!(list.is_ok(), linker != "ld.lld", "{linker}");
    }
    assert!(parse_command(&words("ld.bfd -T sub/s.lds -T sub/s.lds"), &overrides).is_err());
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn words_that_are_not_text() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(b"-e\xff\xfe".to_vec());
    let file = OsString::from_vec(b"\xff.o".to_vec());
    for linker in ["ld.bfd", "ld.gold", "ld.lld", "mold"] {
        let p = parse_command(&[linker.into(), odd.clone(), file.clone()], &Overrides::default()).unwrap();
        assert_eq!(p.entry.as_deref().map(|e| e.to_vec()), Some(b"\xff\xfe".to_vec()));
        assert!(
            matches!(p.steps.as_slice(), [Step::Input { name: InputName::Path(p), .. }] if p.as_os_str() == file)
        );
        // No word at all, of any shape, ends in a panic.
        for word in
            ["", "-", "--", "---", "-=", "--=", "-z", "-z=", "@", "-l", "-T", "--defsym==", "-\u{1F600}"]
        {
            let _ = parse_command(&[linker.into(), word.into()], &Overrides::default());
        }
    }
    assert!(matches!(program::recognize(OsStr::new("-")), First::Other));
}

/// Which words each installed linker knows: the linker's own complaint about an unknown option, on a
/// line that it cannot link anyway, against ours.
#[test]
fn installed_linkers_know_the_same_options() {
    let probes: &[&str] = &[
        "--gc-sec",
        "--gc-sectionsx",
        "-gc-sections",
        "-unique",
        "-u=foo",
        "--start-gro",
        "--no-gc",
        "-export-dynamic",
        "--export-dyn",
        "-shared-foo",
        "-e=foo",
        "--entryfoo",
        "-entry=foo",
        "-rpath=/x",
        "--rpath-link=/x",
        "-Ttext=0x100",
        "-O2",
        "-O0",
        "-znow",
        "-Bbogus",
        "--Bstatic",
        "-nostdlib",
        "--nostdlib",
        "--omagic",
        "-q",
        "-flto",
        "-fuse-ld=gold",
        "-G8",
        "-melf_x86_64",
        "--start-lib",
        "--end-lib",
        "-(",
        "-wrap=foo",
        "-yfoo",
        "-sS",
        "-Sx",
        "--undefined-glob=m*",
        "--require-defined=main",
        "-init=foo",
        "--fini=foo",
        "-d",
        "-dc",
        "-dp",
        "-YP,/x",
        "-soname=foo",
        "--define-common",
        "--no-define-common",
        "--fortran-common",
        "--no-fortran-common",
        "--unique=foo",
        "--unique",
        "--color-diagnostics",
        "--threads=1",
        "--threads",
        "--icf=all",
        "--build-id",
        "--build-id=none",
        "--hash-style=gnu",
        "--print-map",
        "-M",
        "--cref",
        "-X",
        "-x",
        "-EL",
        "-nmagic",
        "-n",
        "-N",
        "-i",
        "-Ur",
        "-r",
        "--no-gc-sections",
        "--push-state",
        "--unresolved-symbols=ignore-all",
        "--noinhibit-exec",
        "-noinhibit-exec",
        "--no-undefined",
        "--emit-relocs",
        "-w",
        "-g",
        "-t",
        "-static-pie",
        "-no-pie",
        "--no-pie",
        "-pie",
        "-dn",
        "-dy",
        "-call_shared",
        "-non_shared",
        "-Bgroup",
        "--reduce-memory-overheads",
        "--discard-none",
        "--strip-all",
        "--strip-lto-sections",
        "--strip-debug-non-line",
        "--library=c",
        "-library=c",
        "--library-path=.",
        "-defsym=a=1",
        "-warn-once",
        "--no-warnings",
        "-no-add-needed",
        "--no-add-needed",
        "-copy-dt-needed-entries",
        "--copy-dt-needed-entries",
        "-spare-dynamic-tags=3",
        "--gc-keep-exported",
        "-Bno-symbolic",
        "-Bsymbolic-functions",
        "-Bsymbolic-non-weak",
        "--export-dynamic-symbol=main",
        "-export-dynamic-symbol=main",
        "--",
        "--force-group-allocation",
        "--package-metadata=x",
        "--dynamic-list-data",
        "--no-rosegment",
        "--no-demangle",
        "--call-graph-profile-sort",
        "--no-call-graph-profile-sort",
        "--no-relax",
        "--relax",
        "--orphan-handling=place",
        "--no-dynamic-linker",
        "--dependent-libraries",
        "--warn-backrefs",
        "--bp-startup-sort=none",
        "--no-xosegment",
        "--fat-lto-objects",
        "--debug-names",
        "--no-print-map-discarded",
        "--stats",
        "--perf",
        "--fork",
        "--quick-exit",
        "--print-dependencies",
        "--pic-executable",
        "--no-allow-multiple-definition",
        "--allow-multiple-definition",
        "--warn-common",
        "--no-warn-common",
        "--enable-new-dtags",
        "-enable-new-dtags",
        "--sort-common",
        "--sort-section=name",
        "--map-whole-files",
        "--Map=/dev/null",
    ];
    let complaint = [
        "nrecognized option",
        "unknown option",
        "unknown argument",
        "unknown command line option",
        "unexpected argument",
        "nrecognised option",
        "unable to disambiguate",
    ];
    for linker in ["ld.bfd", "ld.gold", "ld.lld-14", "ld.lld-19", "mold"] {
        // bfd's target options are taken for every target, so they are no question for it.
        let target: &[&str] = if linker == "ld.bfd" {
            &[]
        } else {
            &["--be8", "--long-plt", "--secure-plt", "--stub-group-size=1", "--pic-veneer", "--toc-optimize"]
        };
        for probe in probes.iter().chain(target) {
            let run = Command::new(linker)
                .args(["-o", "/dev/null", "/dev/null/none.o", probe])
                .env("LC_ALL", "C")
                .stdin(Stdio::null())
                .output();
            let Ok(output) = run else { continue };
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let refused = complaint.iter().any(|c| said.contains(c));
            let line = [linker, "-o", "/dev/null", "/dev/null/none.o", probe].map(OsString::from);
            let ours = parse_command(&line, &Overrides::default());
            let unknown = ours.as_ref().err().is_some_and(|e| {
                ["not an option of this linker", "takes no value", "ambiguous", "joins short"]
                    .iter()
                    .any(|why| e.cause.contains(why))
            });
            assert_eq!(refused, unknown, "{linker} {probe}: it says {said:?}, we {:?}", ours.err());
        }
    }
}

/// Every option in the help text of an installed linker is one of its table.
#[test]
fn help_texts_hold_no_other_options() {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string()).unwrap_or_default();
    let rust_lld = format!("{sysroot}/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld");
    let linkers = [
        "ld.bfd",
        "powerpc64le-linux-gnu-ld",
        "arm-linux-gnueabihf-ld",
        "aarch64-linux-gnu-ld",
        "mips-linux-gnu-ld",
        "riscv64-linux-gnu-ld",
        "ld.gold",
        "ld.lld-14",
        "ld.lld-19",
        rust_lld.as_str(),
        "mold",
    ];
    let mut unknown = Vec::new();
    for linker in linkers {
        let Ok(output) = Command::new(linker).arg("--help").env("LC_ALL", "C").output() else { continue };
        let Some(profile) = program::probe(OsStr::new(linker), &[], Path::new("")) else { continue };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // bfd's part about its PE emulations is no ELF matter.
        let elf = text.lines().take_while(|l| !l.starts_with("i386pe"));
        for line in elf.filter(|l| l.trim_start().starts_with('-')) {
            // The names stand in front, apart by commas; the remark begins behind two blanks.
            let names = line.trim_start().split("  ").next().unwrap_or_default();
            let names = if names.contains("=[") { vec![names] } else { names.split(", ").collect() };
            for name in names.into_iter().filter(|n| n.starts_with('-')) {
                let name = name.replace("--[no-]", "--");
                let choice = name.split_once("=[").and_then(|n| n.1.split([',', ']']).next());
                let name = name.split([' ', '[', '<']).next().unwrap_or_default();
                let bare = name.split('=').next().unwrap_or_default();
                let choice = choice.map_or(String::new(), |c| format!("{name}{c}"));
                let forms = [vec![choice.as_str()], vec![name], vec![name, "1"], vec![bare], vec![bare, "1"]];
                let known = forms.iter().any(|form| {
                    let words: Vec<OsString> = form.iter().map(OsString::from).collect();
                    matches!(options::take(profile, &words, 0), Taken::Options(..))
                });
                if !known {
                    unknown.push(format!("{linker} {name}"));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

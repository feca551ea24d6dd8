//! Kernel trees of every time, written as a few small files: the link that each means, what is said
//! about what is missing, modules, hostile contents, archives in another mode, kernel roots.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;
#[path = "common/kernel.rs"]
mod kernel;
#[path = "common/program.rs"]
mod program;

use std::ffi::OsStr;
use std::path::PathBuf;

use fixture::archive::{Index, Member, archive};
use kernel::Folder;
use linksweep::plan::kbuild::{Era, KernelTree, module_plan, vmlinux_plan};
use linksweep::plan::{Flavor, LinkPlan, Overrides, Profile, ProfileSpec, Version};

const THIN: &str = "!<thin>\n";

/// A folder with these files; contents are what the tests need, mostly nothing.
fn tree(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    for (name, contents) in files {
        folder.file(name, contents);
    }
    folder
}

fn config(header: &str, options: &str) -> String {
    let lines: String = options.split_ascii_whitespace().map(|o| format!("CONFIG_{o}\n")).collect();
    format!(
        "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/{header} Kernel Configuration\n#\n{lines}"
    )
}

fn read(folder: &Folder) -> KernelTree {
    KernelTree::read(folder.path()).unwrap()
}

/// The words behind the program, and the notes.
fn line(folder: &Folder) -> (String, Vec<String>) {
    let plan = vmlinux_plan(&read(folder), &Overrides::default()).unwrap();
    (words(&plan), plan.notes)
}

fn words(plan: &LinkPlan) -> String {
    plan.words.iter().map(|w| w.to_str().unwrap()).collect::<Vec<_>>().join(" ")
}

const LDS_POWERPC: (&str, &str) = ("arch/powerpc/kernel/vmlinux.lds", "SECTIONS { .text : { *(.text) } }");
const LDS_X86: (&str, &str) = ("arch/x86/kernel/vmlinux.lds", "SECTIONS { .text : { *(.text) } }");

#[test]
fn linux_6_1() {
    let auto = config("powerpc 6.1.192", "MODULES=y KALLSYMS=y LD_DEAD_CODE_DATA_ELIMINATION=y");
    let folder = tree(&[
        ("include/config/auto.conf", &auto),
        LDS_POWERPC,
        (
            ".vmlinux.cmd",
            "cmd_vmlinux := scripts/link-vmlinux.sh \"ld\" \"-EL -m elf64lppc\" \"-Bstatic --gc-sections \
             --build-id=sha1\";  make -f ./arch/powerpc/Makefile.postlink vmlinux\n\nsource_vmlinux := x\n\n\
             deps_vmlinux := \\\n    $(wildcard include/config/LTO_CLANG) \\\n\nvmlinux: $(deps_vmlinux)\n",
        ),
        (
            ".vmlinux.o.cmd",
            "cmd_vmlinux.o := ld -EL -m elf64lppc -r -o vmlinux.o  --whole-archive vmlinux.a --no-whole-archive \
             --start-group ./drivers/firmware/efi/libstub/lib.a --end-group \n",
        ),
        (
            ".vmlinux.a.cmd",
            "cmd_vmlinux.a := rm -f vmlinux.a; ar cDPrST vmlinux.a ./built-in.a lib/lib.a arch/powerpc/lib/lib.a; \
             ar mPiT $$(ar t vmlinux.a | sed -n 1p) vmlinux.a $$(ar t vmlinux.a | grep -F -f x)\n",
        ),
        ("vmlinux.a", THIN),
        ("built-in.a", THIN),
        ("drivers/firmware/efi/libstub/lib.a", THIN),
        (".vmlinux.export.o", ""),
        ("init/version-timestamp.o", ""),
        (".tmp_vmlinux.kallsyms1.o", ""),
        (".tmp_vmlinux.kallsyms2.o", ""),
        ("modules.order", "drivers/net/tun.ko\n"),
        ("Module.symvers", ""),
        ("vmlinux", ""),
    ]);
    let found = read(&folder);
    assert_eq!(found.era, Some(Era::VmlinuxArchive));
    assert_eq!(found.srcarch.as_deref(), Some("powerpc"));
    assert_eq!(found.release, Some(Version(6, 1, 192)));
    assert_eq!(found.vmlinux.merged, [PathBuf::from("lib/lib.a"), "arch/powerpc/lib/lib.a".into()]);
    assert_eq!(found.vmlinux.container, Some("vmlinux.a".into()));
    assert_eq!(found.image, Some("vmlinux".into()));
    assert_eq!(found.symvers, Some("Module.symvers".into()));
    let (words, notes) = line(&folder);
    assert_eq!(
        words,
        "-EL -m elf64lppc -Bstatic --gc-sections --build-id=sha1 --script=./arch/powerpc/kernel/vmlinux.lds -o vmlinux \
         --whole-archive vmlinux.a .vmlinux.export.o init/version-timestamp.o --no-whole-archive --start-group \
         ./drivers/firmware/efi/libstub/lib.a --end-group .tmp_vmlinux.kallsyms2.o"
    );
    assert_eq!(notes, Vec::<String>::new());
    let plan = vmlinux_plan(&found, &Overrides::default()).unwrap();
    assert_eq!(plan.directory, folder.path());
    assert_eq!(plan.gc_sections, Some(true));
    assert!(plan.kernel.is_some_and(|k| k.modular && k.module.is_none()));
}

#[test]
fn linux_6_15_writes_vmlinux_unstripped() {
    let auto = config("x86_64 6.15.0", "MODULES=y KALLSYMS=y DEBUG_INFO_BTF=y GENERIC_BUILTIN_DTB=y");
    let folder = tree(&[
        ("include/config/auto.conf", &auto),
        LDS_X86,
        (
            ".vmlinux.unstripped.cmd",
            "savedcmd_vmlinux.unstripped := scripts/link-vmlinux.sh \"ld\" \"-m elf_x86_64\" \"--emit-relocs \
             -z noexecstack\" \"vmlinux.unstripped\"; true\n",
        ),
        (
            ".vmlinux.o.cmd",
            "savedcmd_vmlinux.o := ld -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group --end-group\n",
        ),
        ("vmlinux.a", THIN),
        (".vmlinux.export.o", ""),
        (".builtin-dtbs.o", ""),
        ("init/version-timestamp.o", ""),
        (".tmp_vmlinux0.kallsyms.o", ""),
        (".tmp_vmlinux1.kallsyms.o", ""),
        (".tmp_vmlinux1.btf.o", ""),
        ("modules.order", ""),
    ]);
    let (words, notes) = line(&folder);
    assert_eq!(
        words,
        "-m elf_x86_64 --emit-relocs -z noexecstack --script=./arch/x86/kernel/vmlinux.lds -o vmlinux.unstripped \
         --whole-archive vmlinux.a .builtin-dtbs.o .vmlinux.export.o init/version-timestamp.o --no-whole-archive \
         --start-group --end-group .tmp_vmlinux1.kallsyms.o .tmp_vmlinux1.btf.o"
    );
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn vmlinux_o_where_objtool_or_lto_ran_on_it() {
    for option in ["LTO_CLANG=y", "X86_KERNEL_IBT=y", "OBJTOOL_DEFERRED=y"] {
        let folder = tree(&[
            ("include/config/auto.conf", &config("x86_64 6.12.0", option)),
            LDS_X86,
            (
                ".vmlinux.cmd",
                "savedcmd_vmlinux := scripts/link-vmlinux.sh \"ld\" \"-m elf_x86_64\" \"\"; true\n",
            ),
            ("vmlinux.a", THIN),
            ("lib/lib.a", THIN),
            ("vmlinux.o", ""),
            ("init/version-timestamp.o", ""),
        ]);
        let (words, notes) = line(&folder);
        assert!(
            words.ends_with("--whole-archive vmlinux.o init/version-timestamp.o --no-whole-archive --start-group --end-group"),
            "{words}"
        );
        assert!(notes.iter().any(|n| n.contains("results are coarser")), "{notes:?}");
        assert!(read(&folder).vmlinux.prelinked);
    }
}

fn folders(release: &str, options: &str) -> Folder {
    let auto = config(&format!("x86_64 {release}"), options);
    let cmd =
        "cmd_vmlinux := sh scripts/link-vmlinux.sh \"ld\" \"-m elf_x86_64\" \"--build-id=sha1\";  true\n";
    let mut files: Vec<(&str, &str)> = vec![
        ("include/config/auto.conf", &auto),
        LDS_X86,
        (".vmlinux.cmd", cmd),
        (
            "arch/x86/.built-in.a.cmd",
            "cmd_arch/x86/built-in.a := rm -f arch/x86/built-in.a; ar rcSTP arch/x86/built-in.a arch/x86/entry/built-in.a arch/x86/kernel/built-in.a\n",
        ),
        ("lib/lib.a", THIN),
        ("arch/x86/lib/lib.a", THIN),
        ("arch/x86/kernel/head_64.o", ""),
        ("arch/x86/kernel/ebda.o", ""),
        ("arch/x86/kernel/head64.o", ""),
    ];
    for folder in [
        "init",
        "usr",
        "arch/x86",
        "arch/x86/entry",
        "arch/x86/kernel",
        "arch/x86/pci",
        "kernel",
        "certs",
        "mm",
        "fs",
        "ipc",
        "security",
        "crypto",
        "block",
        "lib",
        "arch/x86/lib",
        "drivers",
        "sound",
        "net",
        "virt",
    ] {
        files.push((Box::leak(format!("{folder}/built-in.a").into_boxed_str()), THIN));
    }
    tree(&files)
}

#[test]
fn linux_4_20_to_6_0_has_the_folders_on_the_line() {
    let (words, notes) = line(&folders("5.15.0", "MODULES=y"));
    assert_eq!(
        words,
        "-m elf_x86_64 --build-id=sha1 --script=./arch/x86/kernel/vmlinux.lds -o vmlinux --whole-archive \
         arch/x86/kernel/head_64.o arch/x86/kernel/head64.o arch/x86/kernel/ebda.o init/built-in.a usr/built-in.a \
         arch/x86/built-in.a kernel/built-in.a certs/built-in.a mm/built-in.a fs/built-in.a ipc/built-in.a \
         security/built-in.a crypto/built-in.a block/built-in.a lib/built-in.a arch/x86/lib/built-in.a \
         arch/x86/lib/lib.a lib/lib.a drivers/built-in.a sound/built-in.a net/built-in.a virt/built-in.a \
         arch/x86/pci/built-in.a --no-whole-archive --start-group --end-group"
    );
    assert!(notes.iter().any(|n| n.contains("not recorded")), "{notes:?}");
    // Without modules, and before 5.7, libraries are linked on demand; folders of drivers came earlier.
    let (words, _) = line(&folders("5.15.0", ""));
    assert!(
        words.ends_with("--no-whole-archive --start-group arch/x86/lib/lib.a lib/lib.a --end-group"),
        "{words}"
    );
    let (words, _) = line(&folders("5.4.0", "MODULES=y"));
    assert!(words.ends_with("net/built-in.a virt/built-in.a --no-whole-archive --start-group arch/x86/lib/lib.a lib/lib.a --end-group"), "{words}");
    assert!(words.contains("sound/built-in.a arch/x86/pci/built-in.a net/built-in.a"), "{words}");
}

#[test]
fn linux_4_17_to_4_19_has_one_archive_at_the_top() {
    let folder = tree(&[
        ("include/config/auto.conf", &config("x86 4.19.0", "MODULES=y KALLSYMS=y")),
        LDS_X86,
        (
            ".vmlinux.cmd",
            "cmd_vmlinux := /bin/bash scripts/link-vmlinux.sh ld -m elf_x86_64 -z max-page-size=0x200000 --emit-relocs --build-id ;  true\n",
        ),
        ("built-in.a", THIN),
        ("kernel/built-in.a", THIN),
        ("lib/lib.a", THIN),
        (".tmp_kallsyms1.o", ""),
        (".tmp_kallsyms2.o", ""),
        ("modules.order", ""),
    ]);
    assert_eq!(read(&folder).era, Some(Era::TopArchive));
    assert_eq!(
        line(&folder).0,
        "-m elf_x86_64 -z max-page-size=0x200000 --emit-relocs --build-id --script=./arch/x86/kernel/vmlinux.lds -o vmlinux \
         --whole-archive built-in.a --no-whole-archive --start-group lib/lib.a --end-group .tmp_kallsyms2.o"
    );
}

#[test]
fn linux_4_9_to_4_16_has_thin_built_in_o() {
    let files = |release: &str| {
        tree(&[
            ("include/config/auto.conf", &config(&format!("powerpc {release}"), "KALLSYMS=y")),
            LDS_POWERPC,
            (
                ".vmlinux.cmd",
                "cmd_vmlinux := /bin/bash scripts/link-vmlinux.sh ld -m elf64ppc -Bstatic --build-id ;  true\n",
            ),
            ("built-in.o", THIN),
            ("kernel/built-in.o", THIN),
            ("lib/lib.a", THIN),
            (".tmp_kallsyms2.o", ""),
        ])
    };
    let front = "-m elf64ppc -Bstatic --build-id --script=./arch/powerpc/kernel/vmlinux.lds -o vmlinux --whole-archive built-in.o";
    let folder = files("4.9.0");
    assert_eq!(read(&folder).era, Some(Era::ThinObjects));
    assert_eq!(line(&folder).0, format!("{front} .tmp_kallsyms2.o"));
    let (words, _) = line(&files("4.14.0"));
    assert_eq!(
        words,
        format!("{front} --no-whole-archive --start-group lib/lib.a --end-group .tmp_kallsyms2.o")
    );
    // Folders alone: libraries are whole from 4.9 to 4.12, on demand before.
    for (release, end) in [
        ("4.9.0", "kernel/built-in.o lib/lib.a .tmp_kallsyms2.o"),
        (
            "4.8.0",
            "kernel/built-in.o --no-whole-archive --start-group lib/lib.a --end-group .tmp_kallsyms2.o",
        ),
    ] {
        let folder = files(release);
        std::fs::remove_file(folder.path().join("built-in.o")).unwrap();
        assert_eq!(read(&folder).era, Some(Era::ThinObjects));
        let (words, _) = line(&folder);
        assert!(words.ends_with(&format!("--whole-archive {end}")), "{words}");
    }
}

#[test]
fn linux_4_8_has_a_group_of_objects() {
    let files = |release: &str| {
        tree(&[
            ("include/config/auto.conf", &config(&format!("x86 {release}"), "KALLSYMS=y")),
            LDS_X86,
            (
                ".vmlinux.cmd",
                "cmd_vmlinux := /bin/bash scripts/link-vmlinux.sh ld -m elf_x86_64 --build-id ;  true\n",
            ),
            ("arch/x86/kernel/head_64.o", ""),
            ("arch/x86/kernel/head64.o", ""),
            ("init/built-in.o", "\x7fELF"),
            ("kernel/built-in.o", "\x7fELF"),
            ("mm/built-in.o", "\x7fELF"),
            ("lib/built-in.o", "\x7fELF"),
            ("lib/lib.a", THIN),
            ("drivers/built-in.o", "\x7fELF"),
            (".tmp_kallsyms2.o", ""),
        ])
    };
    let folder = files("4.8.0");
    assert_eq!(read(&folder).era, Some(Era::Objects));
    assert_eq!(
        line(&folder).0,
        "-m elf_x86_64 --build-id --script=./arch/x86/kernel/vmlinux.lds -o vmlinux arch/x86/kernel/head_64.o \
         arch/x86/kernel/head64.o init/built-in.o --start-group kernel/built-in.o mm/built-in.o lib/lib.a lib/built-in.o \
         drivers/built-in.o --end-group .tmp_kallsyms2.o"
    );
    let (words, _) = line(&files("4.14.0"));
    assert!(
        words.ends_with("lib/built-in.o drivers/built-in.o lib/lib.a --end-group .tmp_kallsyms2.o"),
        "{words}"
    );
}

#[test]
fn partial_builds_go_as_far_as_they_can() {
    // Objects, but no vmlinux.a yet, and no final link.
    let auto = config(
        "powerpc 6.1.0",
        "MODULES=y KALLSYMS=y LD_DEAD_CODE_DATA_ELIMINATION=y LD_IS_BFD=y LD_VERSION=23500",
    );
    let folder = tree(&[
        ("include/config/auto.conf", &auto),
        LDS_POWERPC,
        ("arch/powerpc/kernel/head_64.o", ""),
        ("kernel/built-in.a", THIN),
        ("lib/lib.a", THIN),
    ]);
    let plan = vmlinux_plan(&read(&folder), &Overrides::default()).unwrap();
    assert_eq!(
        words(&plan),
        "--gc-sections --script=./arch/powerpc/kernel/vmlinux.lds -o vmlinux --whole-archive kernel/built-in.a lib/lib.a \
         --no-whole-archive --start-group --end-group"
    );
    let said = plan.notes.join("\n");
    for part in [
        "no .vmlinux.cmd",
        "no vmlinux.a",
        ".vmlinux.export.o is missing",
        "init/version-timestamp.o is missing",
        "no kallsyms object",
        "no modules.order",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    // vmlinux.o was made: linker and flags are known.
    folder.file(".vmlinux.o.cmd", "cmd_vmlinux.o := no-such-ld -EL -m elf64lppc -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group --end-group\n");
    folder.file("vmlinux.a", THIN);
    let plan = vmlinux_plan(&read(&folder), &Overrides::default()).unwrap();
    assert!(words(&plan).starts_with("-EL -m elf64lppc --gc-sections --script="), "{}", words(&plan));
    // The linker cannot be asked: the configuration tells.
    assert_eq!(plan.profile, Profile { flavor: Flavor::Bfd, version: Version(2, 35, 0) });
    // No linker script: modules only.
    let folder =
        tree(&[("include/config/auto.conf", &auto), ("vmlinux.a", THIN), ("modules.order", "a/b.ko\n")]);
    let found = read(&folder);
    assert_eq!(found.modules.len(), 1);
    let error = vmlinux_plan(&found, &Overrides::default()).unwrap_err().to_string();
    assert!(
        error.contains("no linker script") && error.contains("arch/powerpc/kernel/vmlinux.lds"),
        "{error}"
    );
    // Nothing at all.
    let folder = tree(&[("hello.c", "")]);
    assert!(
        KernelTree::read(folder.path()).unwrap_err().to_string().contains("not a built kernel object tree")
    );
    assert!(KernelTree::read(&folder.path().join("none")).is_err());
}

#[test]
fn another_linker_drops_what_it_does_not_know() {
    let folder = tree(&[
        ("include/config/auto.conf", &config("powerpc 6.1.0", "")),
        LDS_POWERPC,
        (
            ".vmlinux.cmd",
            "cmd_vmlinux := scripts/link-vmlinux.sh \"ld\" \"-EL -m elf64lppc --no-warn-rwx-segments\" \"--gc-sections\"; true\n",
        ),
        ("vmlinux.a", THIN),
        ("init/version-timestamp.o", ""),
    ]);
    let overrides = Overrides { linker: Some(ProfileSpec::parse("lld@19").unwrap()), ..Overrides::default() };
    let plan = vmlinux_plan(&read(&folder), &overrides).unwrap();
    assert_eq!(plan.profile.flavor, Flavor::Lld);
    assert!(
        plan.notes.iter().any(|n| n.contains("--no-warn-rwx-segments") && n.contains("dropped")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn modules_of_all_times() {
    let names = |folder: &Folder| -> Vec<String> {
        read(folder).modules.iter().map(|m| m.stem.display().to_string()).collect()
    };
    for (release, order) in [
        ("5.2.0", "kernel/kernel/a.ko\nkernel/drivers/b.ko\n"),
        ("6.1.0", "kernel/a.ko\ndrivers/b.ko\n"),
        ("6.5.0", "kernel/a.o\r\n\ndrivers/b.o\n"),
    ] {
        let auto = config(&format!("x86 {release}"), "MODULES=y");
        let folder = tree(&[("include/config/auto.conf", &auto), ("modules.order", order)]);
        assert_eq!(names(&folder), ["kernel/a", "drivers/b"], "{release}");
    }
    let folder = tree(&[
        ("include/config/auto.conf", &config("powerpc 6.1.0", "MODULES=y")),
        (
            "modules.order",
            "fs/jbd2.ko\ndrivers/usb-serial/x.ko\ndrivers/a/core.ko\ndrivers/b/core.ko\n../evil.ko\n/etc/evil.ko\n",
        ),
        (
            "fs/.jbd2.ko.cmd",
            "cmd_fs/jbd2.ko := ld -r -EL -m elf64lppc --build-id=sha1  -T scripts/module.lds -o fs/jbd2.ko fs/jbd2.o fs/jbd2.mod.o;  make -f x\n",
        ),
        ("scripts/module.lds", "SECTIONS { /DISCARD/ : { *(.discard) } }"),
        ("fs/jbd2.mod", "fs/one.o\nfs/two.o\n"),
        ("fs/jbd2.o", ""),
        ("drivers/a/core.o", ""),
    ]);
    let found = read(&folder);
    assert!(found.notes.iter().any(|n| n.contains("2 paths outside")), "{:?}", found.notes);
    let stem = |name: &str| found.module(OsStr::new(name)).map(|m| m.stem.display().to_string());
    for name in ["fs/jbd2.ko", "fs/jbd2.o", "fs/jbd2", "./fs/jbd2.ko", "kernel/fs/jbd2.ko", "jbd2", "jbd2.ko"]
    {
        assert_eq!(stem(name).as_deref(), Ok("fs/jbd2"), "{name}");
    }
    let error = stem("core.ko").unwrap_err().to_string();
    assert!(error.contains("drivers/a/core.ko, drivers/b/core.ko"), "{error}");
    for name in ["none", "fs/none.ko", "../evil.ko", "", "/"] {
        assert!(stem(name).is_err(), "{name}");
    }
    let module = found.module(OsStr::new("jbd2")).unwrap();
    let plan = module_plan(&found, &module, &Overrides::default()).unwrap();
    assert_eq!(
        words(&plan),
        "-r -EL -m elf64lppc --build-id=sha1 -T scripts/module.lds -o fs/jbd2.ko fs/jbd2.o fs/jbd2.mod.o"
    );
    let files = found.module_files(&module);
    assert_eq!(files.parts, [PathBuf::from("fs/one.o"), "fs/two.o".into()]);
    assert_eq!((files.ko, files.mod_object), (None, None));
    assert_eq!(files.object, Some("fs/jbd2.o".into()));
    // Without a recorded command the usual link is made.
    let module = found.module(OsStr::new("drivers/a/core.ko")).unwrap();
    let plan = module_plan(&found, &module, &Overrides::default()).unwrap();
    assert_eq!(words(&plan), "-r -T scripts/module.lds -o drivers/a/core.ko drivers/a/core.o");
    assert!(plan.notes.iter().any(|n| n.contains("no saved command")), "{:?}", plan.notes);
    let module = found.module(OsStr::new("drivers/b/core.ko")).unwrap();
    assert!(module_plan(&found, &module, &Overrides::default()).is_err());
}

#[test]
fn hostile_trees() {
    let huge = format!(
        "cmd_vmlinux := scripts/link-vmlinux.sh \"./evil-ld\" \"{}\" \"$(\"\n",
        "-z x ".repeat(300_000)
    );
    let folder = tree(&[
        ("include/config/auto.conf", "\u{0}\u{1}CONFIG_=\n=\nCONFIG_X86\nCONFIG_A=\"\\"),
        LDS_X86,
        (".vmlinux.cmd", &huge),
        (
            ".vmlinux.o.cmd",
            "cmd_vmlinux.o := ld -r --whole-archive ../../etc/passwd --start-group ../x.a ((((\n",
        ),
        (".vmlinux.a.cmd", "cmd_vmlinux.a := ar x vmlinux.a\n"),
        ("vmlinux.a", THIN),
        ("modules.order", "\u{0}\n.\n..\n/\n.ko\n./.ko\na/../../b.ko\n"),
        ("Module.symvers", "\u{0}\t\t\t\n"),
    ]);
    // A linker inside the tree is never run.
    folder.file("evil-ld", "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\necho GNU ld 2.40\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder.path().join("evil-ld"), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    }
    let found = read(&folder);
    let plan = vmlinux_plan(&found, &Overrides::default());
    assert!(!folder.path().join("ran").exists());
    drop(plan);
    for module in &found.modules {
        found.module_files(module);
        let _ = module_plan(&found, module, &Overrides::default());
    }
    // Folders where files should stand.
    let folder = Folder::new();
    for name in ["include/config/auto.conf", "vmlinux.a", "modules.order", ".vmlinux.cmd"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    assert!(KernelTree::read(folder.path()).is_err());
}

/// A small whole kernel: head, initcalls of two eras, an export, `lib.a` merged into `vmlinux.a`.
fn small() -> Folder {
    let folder = Folder::new();
    folder.file("include/config/auto.conf", config("x86_64 6.1.0", "MODULES=y"));
    folder.file(
        "arch/x86/kernel/vmlinux.lds",
        "ENTRY(phys) SECTIONS { phys = 4096; .text : { KEEP(*(.head.text)) *(.text .text.*) } .init : { \
         KEEP(*(.initcallearly.init)) KEEP(*(.initcall6.init)) KEEP(*(.con_initcall.init)) } \
         .data : { KEEP(*(SORT(___ksymtab+*))) *(.data .data.*) } }",
    );
    folder.file(
        ".vmlinux.cmd",
        "cmd_vmlinux := scripts/link-vmlinux.sh \"ld\" \"-m elf_x86_64\" \"--gc-sections\"; true\n",
    );
    folder.file(".vmlinux.o.cmd", "cmd_vmlinux.o := ld -m elf_x86_64 -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group --end-group\n");
    folder.file(
        ".vmlinux.a.cmd",
        "cmd_vmlinux.a := rm -f vmlinux.a; ar cDPrST vmlinux.a ./built-in.a lib/lib.a\n",
    );
    folder.file("modules.order", "");
    folder.object("init/version-timestamp.o", "", "data version");
    folder.object(".vmlinux.export.o", "", "");
    folder.object("arch/x86/kernel/head.o", "", "section .head.text ax\ndef startup func\ncall start_kernel");
    folder.object(
        "init/main.o",
        "",
        "fn start_kernel: helper\nfn old_init\nfn new_init: used\nfn console_start\nsection .initcallearly.init a\n\
         def __initcall_old_initearly local object\nref old_init\nsection .initcall6.init a\n\
         def __initcall__kmod_mod__12_34_new_init6 local object\nref new_init\nsection .con_initcall.init a\n\
         def __initcall__kmod_tty__1_2_console_startcon local object\nref console_start\n\
         sec ___ksymtab+shared a: shared\nfn shared",
    );
    folder.object("lib/helper.o", "", "fn helper");
    folder.object("lib/used.o", "", "fn used");
    folder.object("lib/unused.o", "", "fn unused");
    let thin = |members: &[(&str, &[&str])], index| {
        let members: Vec<Member> = members
            .iter()
            .map(|(name, symbols)| Member {
                name: name.to_string(),
                data: Vec::new(),
                symbols: symbols.iter().map(|s| s.to_string()).collect(),
                origin: None,
            })
            .collect();
        archive(true, index, None, &members)
    };
    let lib: [(&str, &[&str]); 3] =
        [("helper.o", &["helper"]), ("used.o", &["used"]), ("unused.o", &["unused"])];
    folder.file("lib/lib.a", thin(&lib, Index::Gnu));
    let all: [(&str, &[&str]); 5] = [
        ("arch/x86/kernel/head.o", &[]),
        ("init/main.o", &["start_kernel"]),
        ("lib/helper.o", &["helper"]),
        ("lib/used.o", &["used"]),
        ("lib/unused.o", &["unused"]),
    ];
    folder.file("vmlinux.a", thin(&all, Index::Gnu));
    folder
}

#[test]
fn a_merged_library_on_demand() {
    let folder = small();
    let out = folder.text(&["extract", "--kbuild", ".", "--format=tsv", "--linker=bfd"], 0);
    assert_eq!(out.lines().filter(|l| l.starts_with("vmlinux.a\t")).count(), 5, "{out}");
    let out = folder
        .text(&["extract", "--kbuild", ".", "--format=tsv", "--linker=bfd", "--on-demand=*lib/lib.a"], 0);
    assert_eq!(
        out,
        "archive\tmember\tsymbol\treference\n\
         vmlinux.a\tarch/x86/kernel/head.o\t\t--whole-archive\n\
         vmlinux.a\tinit/main.o\t\t--whole-archive\n\
         lib/lib.a\thelper.o\thelper\tvmlinux.a(init/main.o)\n\
         lib/lib.a\tused.o\tused\tvmlinux.a(init/main.o)\n"
    );
    let run = folder.run(&["extract", "--kbuild", ".", "--on-demand=nothing.a"]);
    assert_eq!(run.status.code(), Some(2));
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(told.contains("--on-demand=nothing.a: no archive of the link matches"), "{told}");
    // A user's own line.
    folder.archive("libu.a", &[("u.o", "fn u"), ("v.o", "fn v")]);
    folder.object("m.o", "", "fn _start: u");
    let rows = |words: &[&str]| {
        let mut all = vec!["extract", "--format=tsv"];
        all.extend_from_slice(words);
        folder.text(&all, 0).lines().count() - 1
    };
    assert_eq!(rows(&["--", "ld.bfd", "m.o", "libu.a"]), 1);
    assert_eq!(rows(&["--whole-archive=libu*", "--", "ld.bfd", "m.o", "libu.a"]), 2);
    assert_eq!(rows(&["--on-demand=libu.a", "--", "ld.bfd", "m.o", "--whole-archive", "libu.a"]), 1);
}

#[test]
fn roots_have_the_kernels_names() {
    let folder = small();
    let why = |pattern: &str| folder.text(&["why", pattern, "--exact", "--kbuild", ".", "--linker=bfd"], 0);
    let text = why("used");
    assert!(text.contains("root: initcall, level 6 (device): new_init of mod; KEEP"), "{text}");
    let text = why("old_init");
    assert!(text.contains("root: initcall, early: old_init; KEEP"), "{text}");
    let text = why("console_start");
    assert!(text.contains("root: initcall, console: console_start of tty; KEEP"), "{text}");
    let text = why("shared");
    assert!(text.contains("root: export of shared (EXPORT_SYMBOL); KEEP"), "{text}");
    let text = why("start_kernel");
    assert!(
        text.contains(
            "root: head of the image; the entry phys is assigned by the script and keeps nothing; KEEP"
        ),
        "{text}"
    );
    let json = folder.text(&["why", "used", "--exact", "--kbuild", ".", "--linker=bfd", "--format=json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["subjects"][0]["chains"][0]["root"]["kind"], "initcall", "{json}");

    let json = folder.text(&["doctor", "--kbuild", ".", "--linker=bfd", "--format=json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let kernel = &json["kernel"];
    assert_eq!(kernel["entry"]["by_script"], true);
    assert_eq!(kernel["exports_kept"], 1);
    let calls: Vec<String> = kernel["initcalls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("{} {}", c["level"].as_str().unwrap(), c["function"].as_str().unwrap()))
        .collect();
    assert_eq!(calls, ["early old_init", "6 new_init", "con console_start"]);
    let text = folder.text(&["doctor", "--kbuild", ".", "--linker=bfd"], 0);
    assert!(text.contains("initcalls 6 (device)") && text.contains("vmlinux.a (since 6.1)"), "{text}");
}

#[test]
fn one_input_at_a_time() {
    let folder = small();
    for words in [
        &["gc", "--kbuild", ".", "--", "ld", "a.o"][..],
        &["gc", "--kbuild", ".", "--link-file", "x"],
        &["gc", "--module", "x.ko", "--", "ld", "a.o"],
        &["gc", "--kbuild", "none"],
        &["gc", "--kbuild", ".", "--module", "none"],
    ] {
        assert_eq!(folder.run(words).status.code(), Some(2), "{words:?}");
    }
    let out = folder.text(&["gc", "-C", "init", "--kbuild", "..", "--format=linker", "--linker=bfd"], 0);
    assert!(out.contains("removing unused section '.text.unused' in file 'lib/unused.o'"), "{out}");
}

#!/usr/bin/env bash
# Builds the small kernel in DIR, with the files that a kernel build tree has: thin built-in.a, lib/lib.a, vmlinux.a, .cmd files,
# auto.conf, modules with their .mod lists, Module.symvers. Takes seconds; needs gcc and binutils for x86-64.
#
#   corpus/minikernel/build.sh DIR [era=48|61|65|71] [keep=all|some] [dce=y|n] [libs=whole|demand]
#
# era: 48 like Linux 4.8 (built-in.o of `ld -r`, pointer exports, libraries on demand alone, the link recorded nowhere), 61 like 6.1,
#      65 like 6.5 (exports made by modpost), 71 like 7.1 (no GPL tables, flags instead).
# keep=some: the script forgets KEEP on __barrier_fixup and .taglist.init.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LC_ALL=C
out=$1
shift
era=61 keep=some dce=y libs=
for setting in "$@"; do
    case $setting in
        era=48|era=61|era=65|era=71|keep=all|keep=some|dce=[yn]|libs=whole|libs=demand) declare "$setting" ;;
        *) echo "minikernel: unknown setting $setting" >&2; exit 2 ;;
    esac
done
if [ -z "$libs" ]; then if [ "$era" = 48 ]; then libs=demand; else libs=whole; fi; fi
if [ "$era$libs" = 48whole ]; then echo "minikernel: era=48 links its libraries on demand alone: libs=whole is for later eras" >&2; exit 2; fi
rm -rf "$out"
mkdir -p "$out"/{arch/x86/kernel,init,kernel,lib,drivers,include/config,scripts}
cd "$out"

if [ "$era" -lt 63 ]; then saved=cmd; else saved=savedcmd; fi
# run TARGET COMMAND: runs it and leaves .TARGET.cmd as kbuild does.
run() {
    local target=$1 folder name text
    folder=$(dirname "$target") name=$(basename "$target")
    bash -ec "$2"
    text=${2//\$/\$\$}
    printf '%s_%s := %s\n' "$saved" "$target" "${text//#/\\#}" > "$folder/.$name.cmd"
}

{
    echo "CONFIG_X86=y"; echo "CONFIG_X86_64=y"; echo "CONFIG_64BIT=y"; echo "CONFIG_MODULES=y"
    if [ "$dce" = y ]; then echo "CONFIG_LD_DEAD_CODE_DATA_ELIMINATION=y"; fi
} > include/config/auto.conf
case $era in 48) release=4.8.0 ;; 61) release=6.1.0 ;; 65) release=6.5.0 ;; 71) release=7.1.0 ;; esac
echo "$release-mini" > include/config/kernel.release

common="gcc -O2 -ffreestanding -fno-pic -fno-pie -mno-red-zone -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -DMINI_ERA=$era -I$src/include"
split=; if [ "$dce" = y ]; then split="-ffunction-sections -fdata-sections"; fi
compile() { # compile FOLDER/NAME [module]
    local flags="-DMODNAME=\\\"$(basename "$1")\\\""
    if [ "${2:-}" = module ]; then flags="-DMODULE"; else flags="$flags $split"; fi
    # init/ is never split.
    case $1 in init/*) flags="-DMODNAME=\\\"$(basename "$1")\\\"" ;; esac
    run "$1.o" "$common $flags -c -o $1.o $src/$1.c"
}
for unit in init/main init/version-timestamp kernel/fixup kernel/bus kernel/quirks kernel/clock lib/checksum lib/memcat lib/sort; do compile $unit; done
for unit in drivers/clockdev drivers/pair-core drivers/pair-helper drivers/broken; do compile $unit module; done
run arch/x86/kernel/head.o "gcc -c -o arch/x86/kernel/head.o $src/arch/head.S"

script_flags=; [ "$keep" = some ] || script_flags="$script_flags -DKEEP_ALL"
[ "$dce" = n ] || script_flags="$script_flags -DCONFIG_LD_DEAD_CODE_DATA_ELIMINATION"
run arch/x86/kernel/vmlinux.lds "cpp -P -Ui386 -Ux86_64$script_flags -o arch/x86/kernel/vmlinux.lds $src/arch/vmlinux.lds.S"
printf 'SECTIONS {\n\t/DISCARD/ : { *(.discard) *(.discard.*) *(.export_symbol) }\n\t__ksymtab 0 : { *(SORT(___ksymtab+*)) }\n\t__ksymtab_gpl 0 : { *(SORT(___ksymtab_gpl+*)) }\n}\n' > scripts/module.lds

ldflags="-m elf_x86_64 -z noexecstack"
[ "$era" = 48 ] || ldflags="$ldflags --no-warn-rwx-segments"

# Objects of one link each in era 48; later thin archives, flattened by ar, without an index but for lib.a.
if [ "$era" = 48 ]; then builtin=built-in.o make_flags=rcS; else builtin=built-in.a make_flags=cDPrST; fi
builtins=()
for folder in init kernel arch/x86/kernel; do
    case $folder in
        init) members="init/main.o" ;;
        kernel) members="kernel/fixup.o kernel/bus.o kernel/quirks.o kernel/clock.o" ;;
        *) members="arch/x86/kernel/head.o" ;;
    esac
    if [ "$era" = 48 ] && [ "$folder" = init ]; then members="$members init/version-timestamp.o"; fi
    if [ "$era" = 48 ]; then run "$folder/$builtin" "ld $ldflags -r -o $folder/$builtin $members"; else run "$folder/$builtin" "rm -f $folder/$builtin; ar $make_flags $folder/$builtin $members"; fi
    builtins+=("$folder/$builtin")
done
run lib/lib.a "rm -f lib/lib.a; ar ${make_flags/S/s} lib/lib.a lib/checksum.o lib/memcat.o lib/sort.o"
# A folder without objects of its own.
if [ "$era" = 48 ]; then magic=arch; else magic=thin; fi
printf '!<%s>\n' $magic > "lib/$builtin"

vmlinux_flags="-z max-page-size=0x200000 --build-id=sha1"
[ "$era" = 48 ] || vmlinux_flags="$vmlinux_flags --orphan-handling=warn"
[ "$dce" = n ] || vmlinux_flags="$vmlinux_flags --gc-sections"
if [ "$libs" = whole ]; then merged=lib/lib.a group=; else merged= group=lib/lib.a; fi
all="${builtins[*]} lib/$builtin"

# What modpost and genksyms would make: a line of Module.symvers for every export, and from 6.5 on the tables themselves.
exports_of() { # FILE: sym TAB class TAB namespace
    if [ "$era" -lt 65 ]; then
        readelf -SW "$1" | sed -n 's/.* ___ksymtab\(_gpl\)\{0,1\}+\([A-Za-z0-9_]*\) .*/\2\tEXPORT_SYMBOL\1/p' | sed 's/_gpl$/_GPL/'
    else
        nm "$1" | sed -n 's/.* __export_symbol_//p' | while read -r name; do
            if grep -qE "EXPORT_SYMBOL[A-Z_]*GPL\($name[,)]" "$src"/*/*.c; then printf '%s\tEXPORT_SYMBOL_GPL\n' "$name"; else printf '%s\tEXPORT_SYMBOL\n' "$name"; fi
        done
    fi | while IFS=$'\t' read -r name class; do
        printf '%s\t%s\t%s\n' "$name" "$class" "$(sed -n "s/.*EXPORT_SYMBOL_NS_GPL($name, \([A-Z_]*\)).*/\1/p" "$src"/*/*.c)"
    done | sort -u
}
tables_of() { # FILE: assembly of the export tables that modpost makes
    exports_of "$1" | while IFS=$'\t' read -r name class ns; do
        local gpl=; local flag=0
        if [ "$class" = EXPORT_SYMBOL_GPL ]; then gpl=_gpl flag=1; fi
        if [ "$era" -ge 71 ]; then gpl=; fi
        printf '.section "__ksymtab_strings","aMS",%%progbits,1\n__kstrtab_%s: .asciz "%s"\n__kstrtabns_%s: .asciz "%s"\n' "$name" "$name" "$name" "$ns"
        printf '.section "___ksymtab%s+%s","a"\n.balign 4\n__ksymtab_%s: .long %s - ., __kstrtab_%s - ., __kstrtabns_%s - .\n' "$gpl" "$name" "$name" "$name" "$name" "$name"
        if [ "$era" -ge 71 ]; then printf '.section "___kflagstab+%s","a"\n__flags_%s: .byte %d\n' "$name" "$name" "$flag"; fi
    done
    echo '.section .note.GNU-stack,"",@progbits'
}

if [ "$era" = 48 ]; then
    inputs="init/$builtin --start-group arch/x86/kernel/$builtin kernel/$builtin lib/lib.a lib/$builtin --end-group"
    ld $ldflags -r -o vmlinux.o $inputs
else
    run vmlinux.a "rm -f vmlinux.a; ar cDPrST vmlinux.a $all $merged; ar mPiT \$(ar t vmlinux.a | sed -n 1p) vmlinux.a \$(ar t vmlinux.a | grep -F arch/x86/kernel/head.o)"
    run vmlinux.o "ld $ldflags -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group $group --end-group"
    if [ "$era" -ge 65 ]; then tables_of vmlinux.o > .vmlinux.export.S; else echo '.section .note.GNU-stack,"",@progbits' > .vmlinux.export.S; fi
    gcc -c -o .vmlinux.export.o .vmlinux.export.S
    inputs="--whole-archive vmlinux.a .vmlinux.export.o init/version-timestamp.o --no-whole-archive --start-group $group --end-group"
fi

# Modules.
declare -A parts=([clockdev]="drivers/clockdev.o" [pair]="drivers/pair-core.o drivers/pair-helper.o" [broken]="drivers/broken.o")
modules=(clockdev pair broken)
if [ "$era" -ge 63 ]; then order=o; else order=ko; fi
for module in "${modules[@]}"; do
    if [ "$era" -ge 50 ]; then tr ' ' '\n' <<< "${parts[$module]}" > "drivers/$module.mod"; else mkdir -p .tmp_versions; printf 'drivers/%s.ko\n%s\n' "$module" "${parts[$module]}" > ".tmp_versions/$module.mod"; fi
    if [ "$module" = pair ]; then
        if [ "$era" -ge 50 ]; then run drivers/pair.o "ld $ldflags -r -o drivers/pair.o @drivers/pair.mod"; else run drivers/pair.o "ld $ldflags -r -o drivers/pair.o ${parts[pair]}"; fi
    fi
    if [ "$era" = 48 ]; then echo "kernel/drivers/$module.ko"; else echo "drivers/$module.$order"; fi >> modules.order
    {
        printf '.section .gnu.linkonce.this_module,"aw"\n.globl __this_module\n__this_module: .skip 24\n.quad init_module\n.skip 32\n'
        printf '.section .modinfo,"a"\n.asciz "name=%s"\n.asciz "vermagic=%s-mini SMP"\n.asciz "depends="\n' "$module" "$release"
        if [ "$era" -ge 65 ]; then tables_of "drivers/$module.o"; else echo '.section .note.GNU-stack,"",@progbits'; fi
    } > "drivers/$module.mod.S"
    gcc -c -o "drivers/$module.mod.o" "drivers/$module.mod.S"
    run "drivers/$module.ko" "ld -r $ldflags --build-id=sha1 -T scripts/module.lds -o drivers/$module.ko drivers/$module.o drivers/$module.mod.o"
done
symvers() { # MODULE FILE
    exports_of "$2" | while IFS=$'\t' read -r name class ns; do
        if [ "$era" = 48 ]; then printf '0x00000000\t%s\t%s\t%s\n' "$name" "$1" "$class"; else printf '0x00000000\t%s\t%s\t%s\t%s\n' "$name" "$1" "$class" "$ns"; fi
    done
}
{
    symvers vmlinux vmlinux.o
    for module in "${modules[@]}"; do symvers "drivers/$module" "drivers/$module.o"; done
} > Module.symvers

link="ld $ldflags $vmlinux_flags --script=./arch/x86/kernel/vmlinux.lds -o vmlinux $inputs"
bash -ec "$link" 2> link.messages || { cat link.messages >&2; exit 1; }
printf '%s_vmlinux := scripts/link-vmlinux.sh "ld" "%s" "%s"\n' "$saved" "$ldflags" "$vmlinux_flags" > .vmlinux.cmd
printf '%s\n' "$link" > link
echo "built $PWD: $(size vmlinux | tail -1)"

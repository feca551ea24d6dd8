#!/usr/bin/env bash
# The preprocessed linker scripts of Linux 6.1 for several architectures, from Debian's sources, and the built-in scripts of every
# installed GNU ld; then each is read with the tests' reader, which must take all of it. Nothing is compiled but what the
# preprocessing needs (some minutes of one core per architecture).
#
#   corpus/kernel-scripts.sh DIR [ARCH...]      (x86_64 arm64 arm powerpc mips riscv s390)
#
# Leaves DIR/ARCH.lds, DIR/module.lds and DIR/ld/EMULATION.lds.
# Packages: linux-source-6.1, make, flex, bison, bc, gcc-ARCH-linux-gnu for each.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/ld"
dir=$(cd "$1" && pwd)
shift
[ $# -ge 1 ] || set -- x86_64 arm64 arm powerpc mips riscv s390
[ -e "$dir/lds-src/Makefile" ] || { mkdir -p "$dir/lds-src"; tar -xf /usr/src/linux-source-6.1.tar.xz -C "$dir/lds-src" --strip-components=1; }
for arch in "$@"; do
    case $arch in
        x86_64) cross= src=x86 ;;
        arm64) cross=aarch64-linux-gnu- src=arm64 ;;
        arm) cross=arm-linux-gnueabihf- src=arm ;;
        powerpc) cross=powerpc64le-linux-gnu- src=powerpc ;;
        mips) cross=mips-linux-gnu- src=mips ;;
        riscv) cross=riscv64-linux-gnu- src=riscv ;;
        s390) cross=s390x-linux-gnu- src=s390 ;;
        *) echo "kernel-scripts: unknown architecture $arch" >&2; exit 2 ;;
    esac
    [ -s "$dir/$arch.lds" ] && continue
    make=(make -s -C "$dir/lds-src" O="$dir/lds-$arch" ARCH="$arch" CROSS_COMPILE="$cross")
    config=defconfig
    [ "$arch" = powerpc ] && config=ppc64le_defconfig
    "${make[@]}" $config
    # Nothing that needs more than the compiler.
    "$dir/lds-src/scripts/config" --file "$dir/lds-$arch/.config" -d UNWINDER_ORC -d STACK_VALIDATION -d OBJTOOL -e UNWINDER_FRAME_POINTER \
        -d GCC_PLUGINS -e DEBUG_INFO_NONE -d DEBUG_INFO_BTF -d SYSTEM_TRUSTED_KEYRING -d MODULE_SIG
    "${make[@]}" olddefconfig
    "${make[@]}" "arch/$src/kernel/vmlinux.lds" scripts/module.lds
    cp "$dir/lds-$arch/arch/$src/kernel/vmlinux.lds" "$dir/$arch.lds"
    cp "$dir/lds-$arch/scripts/module.lds" "$dir/$arch-module.lds"
done
for ld in $(compgen -c | grep -E '^([a-z0-9_]+-linux-gnu[a-z]*-)?ld\.bfd$' | sort -u); do
    for emulation in $("$ld" -V | sed '1,2d'); do
        "$ld" -m "$emulation" --verbose | sed -n '/^======/,/^======/p' | sed '1d;$d' > "$dir/ld/$emulation.lds"
    done
done
cd "$here/.."
LINKSWEEP_SCRIPTS="$dir" cargo test --test place scripts

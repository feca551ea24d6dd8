#!/usr/bin/env bash
# A small x86_64 Linux 6.1 of Debian's sources: tinyconfig with modules, printk and kallsyms. This architecture does not offer
# dead code elimination, so its link collects nothing until it is told to. Built in DIR/linux-source-6.1, which is then an
# input of `linksweep --kbuild`. Takes some minutes and 2 GB of disk.
#
#   corpus/kernel-x86-64.sh DIR [JOBS]
#
# Packages: linux-source-6.1, gcc, make, flex, bison, bc, libelf-dev.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
[ -e linux-source-6.1/Makefile ] || tar -xf /usr/src/linux-source-6.1.tar.xz
cd linux-source-6.1
export ARCH=x86_64 KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=corpus KBUILD_BUILD_HOST=corpus
make -s tinyconfig
scripts/config -e 64BIT -e EXPERT -e MODULES -e PRINTK -e KALLSYMS -d DEBUG_INFO -e DEBUG_INFO_NONE
make -s olddefconfig
for wanted in CONFIG_X86_64=y CONFIG_MODULES=y CONFIG_KALLSYMS=y; do
    grep -qx "$wanted" .config || { echo "kernel: $wanted did not survive olddefconfig" >&2; exit 1; }
done
make -j"${2:-1}" vmlinux
echo "built $PWD"

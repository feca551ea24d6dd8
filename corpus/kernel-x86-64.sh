#!/usr/bin/env bash
# A small x86_64 Linux 6.1 of Debian's sources: tinyconfig with modules, printk and kallsyms. This architecture does not offer
# dead code elimination, so its link collects nothing until it is told to. Built in DIR/linux-source-6.1, which is then an
# input of `linksweep --kbuild`. Takes some minutes and 2 GB of disk.
#
#   corpus/kernel-x86-64.sh DIR [JOBS]
#
# Packages: linux-source-6.1, gcc, make, flex, bison, bc, libelf-dev.
. "$(dirname "$0")/kernel-lib.sh"
kernel_sources "$@"
export ARCH=x86_64
make -s tinyconfig
scripts/config -e 64BIT -e EXPERT -e MODULES -e PRINTK -e KALLSYMS -d DEBUG_INFO -e DEBUG_INFO_NONE
kernel_has CONFIG_X86_64=y CONFIG_MODULES=y CONFIG_KALLSYMS=y
make -j"${2:-1}" vmlinux
echo "built $PWD"

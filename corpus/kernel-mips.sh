#!/usr/bin/env bash
# A big-endian MIPS (Malta) Linux 6.1 of Debian's sources, linked with dead code elimination: objects of a 32-bit target whose
# relocations have no addend of their own (REL). vmlinux of a small configuration, built in DIR/linux-source-6.1, which
# is then an input of `linksweep --kbuild`. Takes some minutes of one core and 2 GB of disk.
#
#   corpus/kernel-mips.sh DIR [JOBS]
#
# Packages: linux-source-6.1, gcc-mips-linux-gnu, make, flex, bison, bc.
. "$(dirname "$0")/kernel-lib.sh"
kernel_sources "$@"
export ARCH=mips CROSS_COMPILE=mips-linux-gnu-
make -s tinyconfig
scripts/config -d MIPS_GENERIC_KERNEL -e MIPS_MALTA -d CPU_LITTLE_ENDIAN -e CPU_BIG_ENDIAN -e CPU_MIPS32_R2 -e EXPERT \
    -e LD_DEAD_CODE_DATA_ELIMINATION -e MODULES -e PRINTK -e BUG -e KALLSYMS -e FUTEX -e PCI -e TTY -e SERIAL_8250 \
    -e SERIAL_8250_CONSOLE -e PROC_FS -e SYSFS -e DEBUG_INFO_NONE -d DEBUG_INFO -d FTRACE
kernel_has CONFIG_MIPS_MALTA=y CONFIG_32BIT=y CONFIG_CPU_BIG_ENDIAN=y CONFIG_LD_DEAD_CODE_DATA_ELIMINATION=y CONFIG_MODULES=y
make -j"${2:-1}" vmlinux
echo "built $PWD"

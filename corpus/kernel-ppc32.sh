#!/usr/bin/env bash
# A 32-bit big-endian powerpc (CHRP) Linux 6.1 of Debian's sources, linked with dead code elimination: vmlinux of a small
# configuration with networking, built in DIR/linux-source-6.1, which is then an input of `linksweep --kbuild`. Takes some minutes of
# two cores and 2 GB of disk.
#
#   corpus/kernel-ppc32.sh DIR [JOBS]
#
# Packages: linux-source-6.1, gcc-powerpc-linux-gnu, make, flex, bison, bc.
. "$(dirname "$0")/kernel-lib.sh"
kernel_sources "$@"
export ARCH=powerpc CROSS_COMPILE=powerpc-linux-gnu-
make -s tinyconfig
scripts/config -d PPC64 -e PPC_BOOK3S_32 -d PPC_BOOK3S_603 -e PPC_BOOK3S_604 -e PPC_CHRP -d PPC_PMAC -e EXPERT \
    -e LD_DEAD_CODE_DATA_ELIMINATION -e MODULES -e PRINTK -e BUG -e KALLSYMS -e FUTEX -e PCI -e TTY -e SERIAL_8250 \
    -e SERIAL_8250_CONSOLE -e PROC_FS -e SYSFS -e NET -e INET -e DEBUG_INFO_NONE -d DEBUG_INFO -d FTRACE -d FUNCTION_TRACER
kernel_has CONFIG_PPC32=y CONFIG_PPC_CHRP=y CONFIG_CPU_BIG_ENDIAN=y CONFIG_LD_DEAD_CODE_DATA_ELIMINATION=y CONFIG_MODULES=y
make -j"${2:-1}" vmlinux
echo "built $PWD"

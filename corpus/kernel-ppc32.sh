#!/usr/bin/env bash
# A 32-bit big-endian powerpc (CHRP) Linux 6.1 of Debian's sources, linked with dead code elimination: vmlinux of a small
# configuration with networking, built in DIR/linux-source-6.1, which is then an input of `linksweep --kbuild`. Takes some minutes of
# two cores and 2 GB of disk.
#
#   corpus/kernel-ppc32.sh DIR [JOBS]
#
# Packages: linux-source-6.1, gcc-powerpc-linux-gnu, make, flex, bison, bc.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
[ -e linux-source-6.1/Makefile ] || tar -xf /usr/src/linux-source-6.1.tar.xz
cd linux-source-6.1
export ARCH=powerpc CROSS_COMPILE=powerpc-linux-gnu- KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=corpus KBUILD_BUILD_HOST=corpus
make -s tinyconfig
scripts/config -d PPC64 -e PPC_BOOK3S_32 -d PPC_BOOK3S_603 -e PPC_BOOK3S_604 -e PPC_CHRP -d PPC_PMAC -e EXPERT \
    -e LD_DEAD_CODE_DATA_ELIMINATION -e MODULES -e PRINTK -e BUG -e KALLSYMS -e FUTEX -e PCI -e TTY -e SERIAL_8250 \
    -e SERIAL_8250_CONSOLE -e PROC_FS -e SYSFS -e NET -e INET -e DEBUG_INFO_NONE -d DEBUG_INFO -d FTRACE -d FUNCTION_TRACER
make -s olddefconfig
for wanted in CONFIG_PPC32=y CONFIG_PPC_CHRP=y CONFIG_CPU_BIG_ENDIAN=y CONFIG_LD_DEAD_CODE_DATA_ELIMINATION=y CONFIG_MODULES=y; do
    grep -qx "$wanted" .config || { echo "kernel: $wanted did not survive olddefconfig" >&2; exit 1; }
done
if grep -E '^CONFIG_(FTRACE|DEBUG_INFO)=y' .config; then echo "kernel: that should be off" >&2; exit 1; fi
make -j"${2:-1}" vmlinux
echo "built $PWD"

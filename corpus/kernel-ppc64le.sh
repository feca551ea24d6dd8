#!/usr/bin/env bash
# A powerpc64le Linux 6.1 of Debian's sources, linked with dead code elimination: vmlinux and all modules of skiroot_defconfig,
# built in DIR/linux-source-6.1, which is then an input of `linksweep --kbuild`. Takes an hour or more of one core and 4 GB of disk.
#
#   corpus/kernel-ppc64le.sh DIR [JOBS]
#
# Packages: linux-source-6.1, gcc-powerpc64le-linux-gnu, make, flex, bison, bc, libssl-dev, libelf-dev.
. "$(dirname "$0")/kernel-lib.sh"
kernel_sources "$@"
export ARCH=powerpc CROSS_COMPILE=powerpc64le-linux-gnu-
make -s skiroot_defconfig
# Debian's certificates are not part of the sources: none are built in.
scripts/config -e EXPERT -e LD_DEAD_CODE_DATA_ELIMINATION -e DEBUG_INFO_NONE -d DEBUG_INFO -d DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT \
    -d FTRACE --set-str SYSTEM_TRUSTED_KEYS "" --set-str SYSTEM_REVOCATION_KEYS ""
kernel_has CONFIG_EXPERT=y CONFIG_LD_DEAD_CODE_DATA_ELIMINATION=y CONFIG_CPU_LITTLE_ENDIAN=y
make -j"${2:-1}" vmlinux modules
echo "built $PWD"

#!/usr/bin/env bash
# A powerpc64le Linux 6.1 of Debian's sources, linked with dead code elimination: vmlinux and all modules of skiroot_defconfig,
# built in DIR/linux-source-6.1, which is then an input of `linksweep --kbuild`. Takes an hour or more of one core and 4 GB of disk.
#
#   corpus/kernel-ppc64le.sh DIR [JOBS]
#
# Packages: linux-source-6.1, gcc-powerpc64le-linux-gnu, make, flex, bison, bc, libssl-dev, libelf-dev.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
[ -e linux-source-6.1/Makefile ] || tar -xf /usr/src/linux-source-6.1.tar.xz
cd linux-source-6.1
export ARCH=powerpc CROSS_COMPILE=powerpc64le-linux-gnu- KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=corpus KBUILD_BUILD_HOST=corpus
make -s skiroot_defconfig
# Debian's certificates are not part of the sources: none are built in.
scripts/config -e EXPERT -e LD_DEAD_CODE_DATA_ELIMINATION -e DEBUG_INFO_NONE -d DEBUG_INFO -d DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT \
    -d FTRACE --set-str SYSTEM_TRUSTED_KEYS "" --set-str SYSTEM_REVOCATION_KEYS ""
make -s olddefconfig
for wanted in CONFIG_EXPERT=y CONFIG_LD_DEAD_CODE_DATA_ELIMINATION=y CONFIG_CPU_LITTLE_ENDIAN=y; do
    grep -qx "$wanted" .config || { echo "kernel: $wanted did not survive olddefconfig" >&2; exit 1; }
done
if grep -E '^CONFIG_(FTRACE|DEBUG_INFO)=y' .config; then echo "kernel: that should be off" >&2; exit 1; fi
make -j"${2:-1}" vmlinux modules
echo "built $PWD"

#!/usr/bin/env bash
# A second kernel that differs from a built one by one configuration option: the tree is copied, the option switched, vmlinux
# built again. With both trees at hand: linksweep diff TREE DIR/linux-source-6.1
#
#   corpus/kernel-variant.sh TREE DIR OPTION y|n [JOBS]     # OPTION without CONFIG_, such as IP_MULTICAST
#
# TREE is what kernel-ppc64le.sh or another recipe here has built.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
tree=$(realpath "$1") option=$3 value=$4
mkdir -p "$2"
cp -a "$tree" "$2/"
cd "$2/$(basename "$tree")"
# shellcheck disable=SC1091
case $(sed -n 's/^CONFIG_\(PPC64\|MIPS\|PPC32\)=y/\1/p' .config | head -1) in
    PPC64) export ARCH=powerpc CROSS_COMPILE=powerpc64le-linux-gnu- ;;
    PPC32) export ARCH=powerpc CROSS_COMPILE=powerpc-linux-gnu- ;;
    MIPS) export ARCH=mips CROSS_COMPILE=mips-linux-gnu- ;;
esac
export KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=corpus KBUILD_BUILD_HOST=corpus
case $value in
    y) scripts/config -e "$option" ;;
    n) scripts/config -d "$option" ;;
    *) echo "kernel: $value is neither y nor n" >&2; exit 2 ;;
esac
make -s olddefconfig
if cmp -s .config "$tree/.config"; then echo "kernel: CONFIG_$option=$value changes nothing" >&2; exit 1; fi
make -j"${5:-1}" vmlinux
diff "$tree/.config" .config || true
echo "built $PWD"

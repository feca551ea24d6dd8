# Common part of the kernel recipes; sourced, never run.
# Gives the functions kernel_sources and kernel_has.
set -euo pipefail

# kernel_sources DIR: unpacks Debian's sources into DIR and goes there; without DIR tells how the recipe is used.
# The environment is such that every build gives the same bytes.
kernel_sources() {
    [ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
    mkdir -p "$1"
    cd "$1"
    [ -e linux-source-6.1/Makefile ] || tar -xf /usr/src/linux-source-6.1.tar.xz
    cd linux-source-6.1
    export KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=corpus KBUILD_BUILD_HOST=corpus
}

# kernel_has CONFIG_X=y...: completes the configuration; each of these must be in it, tracing and debug data must not.
kernel_has() {
    local wanted
    make -s olddefconfig
    for wanted in "$@"; do
        grep -qx "$wanted" .config || { echo "kernel: $wanted did not survive olddefconfig" >&2; exit 1; }
    done
    if grep -E '^CONFIG_(FTRACE|DEBUG_INFO)=y' .config; then echo "kernel: that should be off" >&2; exit 1; fi
}

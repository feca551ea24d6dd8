#!/usr/bin/env bash
# Whether `what-if` says of a powerpc64le kernel what real links with an edited script or edited inputs say: each case is one
# link of GNU ld (and with more names given, of these linkers), whose lines must be equal, in order.
#
#   corpus/what-if-kernel.sh TREE [LINKER...]     (bfd, lld-19; TREE as corpus/kernel-ppc64le.sh leaves it, only read)
#
# LINKSWEEP names the program (default: target/release/linksweep). Writes one line per case; ends with 1 if any differs.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
sweep=${LINKSWEEP:-$here/../target/release/linksweep}
sweep=$(realpath "$sweep")
cd "$1"
shift
[ $# -ge 1 ] || set -- bfd
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
script=arch/powerpc/kernel/vmlinux.lds
inputs=(--whole-archive vmlinux.a .vmlinux.export.o init/version-timestamp.o --no-whole-archive
    --start-group --end-group .tmp_vmlinux.kallsyms2.o)
failed=0
# Where lld runs.
folder=.

# real LINKER SCRIPT [INPUT...]: the removed lines of a real link
real() {
    local linker=$1 lds=$2
    shift 2
    local flags=(-m elf64lppc -z noexecstack -Bstatic --gc-sections --build-id=sha1 --print-gc-sections)
    case $linker in
        bfd) powerpc64le-linux-gnu-ld -EL --no-warn-rwx-segments "${flags[@]}" --script="$lds" -o "$work/image" "$@" 2>&1 || true ;;
        lld-*) cd "$folder"; "ld.$linker" -EL "${flags[@]}" --script="$lds" -o "$work/image" "$@" 2>&1 || true ;;
    esac | sed -n -e "s,(\(\.\./\)*${PWD#/}/,(," -e 's/^.*removing unused section/removing unused section/p'
}

# unkeep TABLE...: the script without the KEEPs of these patterns
unkeep() {
    local edits=()
    for table; do edits+=(-e "s/KEEP(\*($table))/*($table)/g" -e "s/KEEP(\*(SORT($table)))/*(SORT($table))/g"); done
    sed "${edits[@]}" "$script"
}

# compare LINKER NAME SCRIPT OPTION... [-- INPUT...]
compare() {
    local linker=$1 name=$2 lds=$3
    shift 3
    local options=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    [ $# -eq 0 ] || shift
    local own=("${inputs[@]}") profile=()
    [ $# -eq 0 ] || own=("$@")
    case $linker in lld-*) profile=(--linker=lld@"${linker#lld-}") ;; esac
    real "$linker" "$lds" "${own[@]}" > "$work/real"
    if [ ${#options[@]} -eq 0 ]; then
        "$sweep" gc -q --kbuild . "${profile[@]}" --format=linker > "$work/ours" 2> "$work/said" || true
    else
        "$sweep" what-if -q --kbuild . "${profile[@]}" --format=linker "${options[@]}" > "$work/ours" 2> "$work/said" || true
    fi
    local all text
    all=$(wc -l < "$work/real")
    text=$(grep -c "section '\.text\|:(\.text" "$work/real" || true)
    if [ "$all" -gt 0 ] && cmp -s "$work/real" "$work/ours"; then
        printf 'identical  %-7s %-28s %6d of .text, %6d in all\n' "$linker" "$name" "$text" "$all"
    else
        printf 'DIFFERENT  %-7s %-28s %6d real, %6d ours\n' "$linker" "$name" "$all" "$(wc -l < "$work/ours")"
        sed 's/^/    /' "$work/said" | head -5
        diff "$work/real" "$work/ours" | head -5 || true
        failed=1
    fi
}

nine=(__ex_table __bug_table __jump_table __ftr_fixup __mmu_ftr_fixup __lwsync_fixup __fw_ftr_fixup __soft_mask_table __restart_table)
exports=('___ksymtab+\*' '___ksymtab_gpl+\*')
drops=()
for table in "${nine[@]}"; do drops+=(--drop-keep="$table"); done
unkeep "${exports[@]}" > "$work/exports.lds"
unkeep "${nine[@]}" > "$work/nine.lds"
unkeep "${exports[@]}" "${nine[@]}" > "$work/both.lds"
# Exports whose names begin with one of a to m keep their entries no longer.
sed -E 's/KEEP\(\*\(SORT\((___k(symtab|crctab)(_gpl)?\+)\*\)\)\)/KEEP(*(SORT(\1[!a-m]*))) *(SORT(\1*))/g' "$script" > "$work/some.lds"
# Only what the first 300 lines of Module.symvers name.
head -300 Module.symvers | cut -f2 > "$work/list"
perl -pe 'BEGIN { open F, "<", shift @ARGV; chomp(@n = <F>) }
    s/KEEP\(\*\(SORT\((___k(?:symtab|crctab)(?:_gpl)?\+)\*\)\)\)/"KEEP(*(" . join(" ", map { "$1$_" } @n) . ")) *(SORT($1*))"/ge' \
    "$work/list" "$script" > "$work/only.lds"
sed "s/\*(\.text\.hot /KEEP(*(.text.p*)) &/" "$script" > "$work/add.lds"
for linker; do
    compare "$linker" "as it is" "$script"
    compare "$linker" "exports unkept" "$work/exports.lds" '--drop-keep=___ksymtab*'
    compare "$linker" "nine tables unkept" "$work/nine.lds" "${drops[@]}"
    compare "$linker" "both" "$work/both.lds" '--drop-keep=___ksymtab*' "${drops[@]}"
    compare "$linker" "one by its text" "$work/exports.lds" '--drop-keep=*(SORT(___ksymtab+*))' '--drop-keep=*( SORT(___ksymtab_gpl+*) )'
    compare "$linker" "exports a to m dropped" "$work/some.lds" '--drop-export=[a-m]*'
    compare "$linker" "300 exports left" "$work/only.lds" --only-exports="$work/list"
    compare "$linker" "a KEEP added" "$work/add.lds" '--add-keep=.text.p*'
done
# lib/lib.a on demand: its members leave vmlinux.a.
powerpc64le-linux-gnu-ar t vmlinux.a | grep -vxFf <(powerpc64le-linux-gnu-ar t lib/lib.a) > "$work/members"
rest=(.vmlinux.export.o init/version-timestamp.o --start-group lib/lib.a --end-group .tmp_vmlinux.kallsyms2.o)
mapfile -t members < "$work/members"
for linker; do
    # GNU ld calls members of a thin archive by their own names; lld names the archive.
    whole=("${members[@]}")
    case $linker in lld-*)
        mkdir -p "$work/tree"
        ln -sf "$PWD"/* "$PWD"/.[a-z]*.o "$work/tree"
        rm -f "$work/tree/vmlinux.a"
        (cd "$work/tree" && powerpc64le-linux-gnu-ar rcST vmlinux.a "${members[@]}")
        folder=$work/tree
        whole=(--whole-archive vmlinux.a --no-whole-archive) ;;
    esac
    compare "$linker" "lib.a on demand" "$script" '--on-demand=*lib/lib.a' -- "${whole[@]}" "${rest[@]}"
done
exit $failed

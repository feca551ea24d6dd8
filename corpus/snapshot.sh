#!/usr/bin/env bash
# Does a saved link answer as the link does, and how large is it? For each link of the corpus and each linker: save it with
# --gc-sections, ask `why` of the link and of the snapshot, compare text and JSON byte for byte; write twice with different
# threads, compare the bytes.
#
#   corpus/snapshot.sh [--linkers="bfd lld"] [--patterns="main *memcpy*"] [LINK-GLOB...]
#
# Environment: LINKSWEEP (default target/release/linksweep), LINKSWEEP_CORPUS (default corpus/build).
# Prints one line for each link and linker: bytes of the snapshot, of the inputs, and their ratio in percent.
# Exit status: 0 all equal, 1 a difference, 2 nothing to compare.
. "$(dirname "$0")/lib.sh"

linkers="bfd gold lld mold" patterns="symbol:main symbol:_start *memcpy* section:.eh_frame section:.text.unlikely*" globs=()
for argument in "$@"; do
    case $argument in
        --linkers=*) linkers=${argument#*=} ;;
        --patterns=*) patterns=${argument#*=} ;;
        -*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
        *) globs+=("$argument") ;;
    esac
done
[ ${#globs[@]} -gt 0 ] || globs=('*')
linksweep=$(realpath "${LINKSWEEP:-$corpus/../target/release/linksweep}")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/snapshot.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
set -f

# ask FILE OPTIONS...: the answer and its exit status in FILE.
ask() {
    local to=$1 status=0
    shift
    "$linksweep" why -q "$@" > "$to" 2> /dev/null || status=$?
    echo "exit $status" >> "$to"
}

asked=0 different=0
for glob in "${globs[@]}"; do
    while IFS= read -r file; do
        cd "$(dirname "$file")"
        (cat "$file"; echo --gc-sections) > "$scratch/link"
        for linker in $linkers; do
            link=(--linker="$linker" -C . --link-file "$scratch/link")
            "$linksweep" snapshot -q --no-findings "${link[@]}" --threads=1 -o "$scratch/one.lsw" 2> /dev/null || true
            "$linksweep" snapshot -q --no-findings "${link[@]}" --threads=3 -o "$scratch/two.lsw" 2> /dev/null || true
            cmp "$scratch/one.lsw" "$scratch/two.lsw" || different=$((different + 1))
            for pattern in $patterns; do
                for form in --format=text --format=json; do
                    ask "$scratch/link.out" "$pattern" "$form" "${link[@]}"
                    ask "$scratch/saved.out" "$pattern" "$form" --snapshot "$scratch/one.lsw"
                    asked=$((asked + 1))
                    # A link that the linker refuses is answered with status 2; the snapshot answers it all the same.
                    if ! diff <(sed '$d' "$scratch/link.out") <(sed '$d' "$scratch/saved.out") > "$scratch/diff"; then
                        echo "different: $file $linker $pattern $form" >&2
                        head -5 "$scratch/diff" >&2
                        different=$((different + 1))
                    fi
                done
            done
            inputs=$("$linksweep" snapshot --dump "$scratch/one.lsw" | grep '"kind":"file"' |
                awk -F'"bytes":' '{ sum += $2 + 0 } END { printf "%d", sum }')
            size=$(stat -c %s "$scratch/one.lsw")
            echo "${file#"$build"/} $linker $size $inputs $((inputs > 0 ? size * 1000 / inputs : 0))/1000"
        done
    done < <(find "$build" -path "$build/$glob.link" | sort)
done
echo "$asked answers compared, $different differences"
[ "$asked" -gt 0 ] || exit 2
[ "$different" -eq 0 ] || exit 1

#!/usr/bin/env bash
# Is linksweep's answer the linker's own? For each link of the corpus and each linker: run the real linker once
# (its answers are kept in $build/answers until the link file changes), ask linksweep, compare line by line.
# Two questions: `gc` (what --print-gc-sections prints) and `extract` (lld's --why-extract file, the archive block
# of a GNU map). Order counts, except for mold's gc list, which its threads write in any order.
#
#   corpus/agree.sh [--refresh] [--oracle-only] [--linkers="bfd mold"] [--out=DIR] [LINK-GLOB...]
#
#   --refresh      run the real linkers again
#   --oracle-only  only fill the answers (also when there is no linksweep binary)
#   --out=DIR      also write agreement.tsv, agreement.md and versions.txt there
#   LINK-GLOB      such as hello/hello-pie or 'cxx/*'; default all
# Environment: LINKSWEEP (default target/release/linksweep), LINKSWEEP_CORPUS (default corpus/build).
# Exit status: 0 all equal, 1 a difference, 2 nothing to compare.
#
# The column `status`: ok, refused (the linker fails; what it printed up to there is compared, if it printed anything),
# crashed (killed by a signal or an internal error: its list is cut off and proves nothing).
# The column `exit` is linksweep's status: for an accepted link anything but 0 counts as a difference, for a refused one
# anything but 0 and 2. What linksweep printed where it differs stays beside the answers as *.ours and *.ours.messages.
. "$(dirname "$0")/lib.sh"
. "$corpus/linkers.sh"

refresh= oracle_only= out= globs=()
for argument in "$@"; do
    case $argument in
        --refresh) refresh=yes ;;
        --oracle-only) oracle_only=yes ;;
        --linkers=*) linkers=${argument#*=} ;;
        --out=*) out=${argument#*=} ;;
        -*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
        *) globs+=("$argument") ;;
    esac
done
[ ${#globs[@]} -gt 0 ] || globs=('*')
linksweep=${LINKSWEEP:-$corpus/../target/release/linksweep}
if [ -z "$oracle_only" ] && [ ! -x "$linksweep" ]; then
    echo "agree: no linksweep at $linksweep: only the linkers' answers are made" >&2
    oracle_only=yes
fi
[ -n "$oracle_only" ] || linksweep=$(realpath "$linksweep")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/agree.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# map_block FILE: the "Archive member included" block of a GNU map: header, blank line, entries, without the remarks
# that ld writes behind them on some targets.
map_block() {
    awk '/^Archive member included/ { inside = 1; print; next }
         inside == 1 && /^$/ { inside = 2; print; next }
         inside == 2 && /^$/ { exit }
         /^(Local IFUNC function|discarding zero address range FDE) / { next }
         inside { print }' "$1"
}

# run_linker OPTIONS...: `prog` on `words` of `file`, with garbage collection and an output of its own.
run_linker() {
    (cd "$(dirname "$file")" && timeout 600 "$prog" "${words[@]:1}" --gc-sections --print-gc-sections "$@" -o "$scratch/output" || exit $?)
}

# ask_linker LINKER LINK-FILE ANSWER: runs the real linker, leaves ANSWER.gc, ANSWER.extract, ANSWER.status, ANSWER.messages.
ask_linker() {
    local linker=$1 file=$2 answer=$3 prog status=0 extra=()
    link_words "$file"
    prog=$(program "$linker" "${words[0]}")
    case $linker in
        bfd | gold) extra=(--no-demangle -Map "$scratch/extract") ;;
    esac
    rm -f "$scratch"/*
    run_linker "${extra[@]}" > "$scratch/stdout" 2> "$scratch/stderr" || status=$?
    # A run of its own: lld 14 with --no-demangle does not match the C++ names of a version script, which changes the roots.
    case $linker in
        lld-*) run_linker --no-demangle "--why-extract=$scratch/extract" > "$scratch/second" 2>&1 || true ;;
    esac
    case $linker in
        bfd | gold) sed -n "s|^$prog: \(removing unused section \)|\1|p" "$scratch/stderr" ;;
        *) grep '^removing unused section ' "$scratch/stdout" || true ;;
    esac > "$scratch/gc"
    [ "$linker" != mold ] || sort -o "$scratch/gc" "$scratch/gc"
    mkdir -p "$(dirname "$answer")"
    rm -f "$answer".*
    case $linker in
        bfd | gold) [ ! -f "$scratch/extract" ] || map_block "$scratch/extract" ;;
        lld-*) [ ! -f "$scratch/extract" ] || cat "$scratch/extract" ;;
    esac > "$answer.extract"
    [ "$linker" != mold ] || rm "$answer.extract"
    mv "$scratch/gc" "$answer.gc"
    cat "$scratch/stdout" "$scratch/stderr" | grep -v 'removing unused section ' | head -n 50 > "$answer.messages" || true
    if [ $status -eq 0 ]; then echo ok
    elif [ $status -ge 124 ] || grep -q 'internal error' "$answer.messages"; then echo crashed
    else echo refused
    fi > "$answer.status"
}

# compare THEIRS OURS: prints missing, extra and misplaced lines, tab separated; two counts of zero and equal order is equality.
compare() {
    if cmp -s "$1" "$2"; then printf '0\t0\t0'; return; fi
    sort "$1" > "$scratch/theirs"
    sort "$2" > "$scratch/ours"
    local missing extra moved
    missing=$(comm -23 "$scratch/theirs" "$scratch/ours" | wc -l)
    extra=$(comm -13 "$scratch/theirs" "$scratch/ours" | wc -l)
    moved=$(diff --speed-large-files "$1" "$2" | grep -c '^<' || true)
    printf '%s\t%s\t%s' "$missing" "$extra" $((moved - missing))
}

rows=$scratch.tsv
trap 'rm -rf "$scratch" "$rows"' EXIT
printf 'link\tlinker\tstatus\tquestion\tlines\tmissing\textra\tmisplaced\texit\n' > "$rows"
different=0 compared=0
printf '%-36s %-10s %-8s %-8s %8s %8s %8s %9s %4s\n' link linker status question lines missing extra misplaced exit
while IFS= read -r file; do
    name=${file#"$build"/}
    name=${name%.link}
    for glob in "${globs[@]}"; do
        # shellcheck disable=SC2053
        [[ $name == $glob ]] || continue
        for linker in $linkers; do
            answer=$build/answers/$name.$linker
            if [ -n "$refresh" ] || [ ! "$answer.status" -nt "$file" ]; then ask_linker "$linker" "$file" "$answer"; fi
            status=$(cat "$answer.status")
            for question in gc extract; do
                theirs=$answer.$question
                [ -f "$theirs" ] || continue
                lines=$(wc -l < "$theirs")
                counts=$'-\t-\t-' code=-
                if [ -z "$oracle_only" ] && { [ "$status" = ok ] || [ "$status" = refused -a "$lines" -gt 0 ]; }; then
                    code=0
                    (cd "$(dirname "$file")" && "$linksweep" "$question" --format=linker --linker="$(profile "$linker")" \
                        --link-file "$file") > "$scratch/answer" 2> "$scratch/answer.messages" || code=$?
                    [ "$linker/$question" != mold/gc ] || sort -o "$scratch/answer" "$scratch/answer"
                    counts=$(compare "$theirs" "$scratch/answer")
                    compared=$((compared + 1))
                    rm -f "$answer.$question.ours" "$answer.$question.ours.messages"
                    if ! cmp -s "$theirs" "$scratch/answer" || ! [[ $status/$code == ok/0 || $status/$code == refused/[02] ]]; then
                        different=$((different + 1))
                        mv "$scratch/answer" "$answer.$question.ours"
                        mv "$scratch/answer.messages" "$answer.$question.ours.messages"
                    fi
                fi
                printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$linker" "$status" "$question" "$lines" "$counts" "$code" >> "$rows"
                IFS=$'\t' read -r missing extra misplaced <<< "$counts"
                printf '%-36s %-10s %-8s %-8s %8s %8s %8s %9s %4s\n' "$name" "$linker" "$status" "$question" "$lines" "$missing" "$extra" "$misplaced" "$code"
            done
        done
        break
    done
done < <(find "$build" -mindepth 2 -maxdepth 2 -name '*.link' | sort)

summary=$(awk -F'\t' -v different=$different -v compared=$compared 'NR > 1 { rows++; if ($3 == "ok") ok++; lines += $5 }
    END { printf "%d rows (%d of links the linker accepts), %d lines of the linkers; %d compared, %d different", rows, ok, lines, compared, different }' "$rows")
echo "$summary"
if [ -n "$out" ]; then
    mkdir -p "$out"
    cp "$rows" "$out/agreement.tsv"
    {
        printf '# Agreement with the linkers\n\n%s.\n\nMade by `corpus/build.sh` and `corpus/agree.sh`; programs in `versions.txt`. A question is equal when the lines are the same in the same order (mold: in any order).\n\n' "$summary"
        awk -F'\t' 'NR == 1 { gsub(/\t/, " | "); print "| " $0 " |"; print "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"; next }
            { gsub(/\t/, " | "); print "| " $0 " |" }' "$rows"
    } > "$out/agreement.md"
    {
        [ -n "$oracle_only" ] || "$linksweep" --version
        for linker in $linkers; do printf '%s: ' "$linker"; "$(program "$linker" ld)" --version | head -n 1; done
        gcc --version | head -n 1
        clang --version | head -n 1
        rustc --version
    } > "$out/versions.txt"
fi
[ $((compared + ${#oracle_only})) -gt 0 ] || { echo "agree: nothing to compare" >&2; exit 2; }
[ $different -eq 0 ]

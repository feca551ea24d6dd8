#!/usr/bin/env bash
# Analyses one link in a CI job: saved graph, difference to a base, findings and budgets, in every form that
# a service reads. Nothing here needs a token. Everything comes in through variables:
#
#   LINKSWEEP           the program (default: linksweep)
#   LINKSWEEP_INPUT     what is analysed, one word per line: `--kbuild`, `DIR`; or `--link-file`, `FILE`; ...
#   LINKSWEEP_BASE      a saved graph to compare with (default: none)
#   LINKSWEEP_TOML      the configuration (default: found as the program finds it)
#   LINKSWEEP_FAIL_ON   error, warning or note (default: error)
#   LINKSWEEP_CATEGORY  what tells this build from others (default: the program's)
#   LINKSWEEP_OUT       where the reports go (default: linksweep-report)
#   GITHUB_STEP_SUMMARY, GITHUB_OUTPUT   set by GitHub; left alone where they are not
#
# Ends with the status of `check`: 0, 1 if it fails, 2 if the link could not be analysed.
set -euo pipefail

program=${LINKSWEEP:-linksweep}
out=${LINKSWEEP_OUT:-linksweep-report}
base=${LINKSWEEP_BASE:-}
fail_on=${LINKSWEEP_FAIL_ON:-error}
# A step summary above 1 MiB is dropped as a whole, and a job may write several; a comment ends at 64 KiB.
summary_limit=400000
comment_limit=30000

input=()
while IFS= read -r word; do
    [ -z "$word" ] || input+=("$word")
done <<<"${LINKSWEEP_INPUT:-}"
if [ "${#input[@]}" -eq 0 ]; then
    echo "report.sh: LINKSWEEP_INPUT says nothing" >&2
    exit 2
fi
options=(--fail-on="$fail_on" -q)
[ -z "${LINKSWEEP_TOML:-}" ] || options+=(--config "$LINKSWEEP_TOML")
[ -z "${LINKSWEEP_CATEGORY:-}" ] || options+=(--category "$LINKSWEEP_CATEGORY")
if [ -n "$base" ] && [ ! -f "$base" ]; then
    echo "report.sh: no base: $base is not there" >&2
    base=
fi
[ -z "$base" ] || options+=(--base "$base")

mkdir -p "$out"
tell() {
    [ -z "${GITHUB_OUTPUT:-}" ] || printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}
summarise() {
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$1" >>"$GITHUB_STEP_SUMMARY"
}
tell report "$out"
"$program" snapshot -q -o "$out/head.lsw" "${input[@]}"
# One analysis, every form. Findings end with status 1: that is an answer. Anything above is none.
result=0
"$program" check "${options[@]}" --format=github -o "$out/github.txt" \
    --write json="$out/check.json" --write sarif="$out/check.sarif" --write csv="$out/check.csv" \
    --write gitlab="$out/gl-code-quality.json" --write junit="$out/junit.xml" \
    --write markdown:"$summary_limit"="$out/check-summary.md" \
    --write markdown:"$comment_limit"="$out/check-comment.md" "${input[@]}" || result=$?
[ "$result" -le 1 ] || exit "$result"

# Without a base the difference is that to itself: sizes, and no change.
"$program" diff -q --format=csv --by=section -o "$out/diff.csv" "${base:-$out/head.lsw}" "$out/head.lsw"
"$program" diff -q --format=json -o "$out/diff.json" "${base:-$out/head.lsw}" "$out/head.lsw"
: >"$out/comment.md"
if [ -n "$base" ]; then
    "$program" diff -q --format=markdown --limit="$summary_limit" -o "$out/diff-summary.md" "$base" "$out/head.lsw"
    "$program" diff -q --format=markdown --limit="$comment_limit" -o "$out/diff-comment.md" "$base" "$out/head.lsw"
    summarise "$out/diff-summary.md"
    cat "$out/diff-comment.md" >>"$out/comment.md"
    printf '\n' >>"$out/comment.md"
fi
summarise "$out/check-summary.md"
cat "$out/check-comment.md" >>"$out/comment.md"

# OpenMetrics: plain whole numbers, since the values are compared as text.
{
    awk -F, '$1 == "total" {
        printf "linksweep_text_bytes %s\nlinksweep_data_bytes %s\nlinksweep_bss_bytes %s\n", $13, $14, $15
    }' "$out/diff.csv"
    for level in error warning note; do
        printf 'linksweep_findings{level="%s"} %s\n' "$level" \
            "$(grep -c "^LSW[0-9]*,[a-z-]*,$level," "$out/check.csv" || true)"
    done
    echo '# EOF'
} >"$out/metrics.txt"

# Annotations are read from the job's log.
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$out/github.txt"
tell status "$result"
tell sarif "$out/check.sarif"
exit "$result"

#!/usr/bin/env bash
# Finds the saved graph to compare with: that of the newest good run of the target branch at or before the merge
# base. Nothing found is no failure: the report then has no difference, and says so.
#
#   BASE_REF            target branch
#   BASE_WORKFLOW       file name of the workflow that saves graphs
#   BASE_ARTIFACT       the artifact that holds head.lsw
#   BASE_OUT            folder for it (default: linksweep-base)
#   GITHUB_REPOSITORY, GITHUB_OUTPUT, GH_TOKEN (read access is enough)
#   LINKSWEEP_GH        the program instead of `gh` (tests)
set -euo pipefail

gh=${LINKSWEEP_GH:-gh}
out=${BASE_OUT:-linksweep-base}
tell() {
    [ -z "${GITHUB_OUTPUT:-}" ] || printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}
none() {
    echo "github-base.sh: $1; nothing to compare with"
    tell base ""
    exit 0
}
[ -n "${BASE_REF:-}" ] || none "no target branch"
: "${BASE_WORKFLOW:?}" "${BASE_ARTIFACT:?}" "${GITHUB_REPOSITORY:?}"

# Commits of the target branch from the merge base backwards; without a history the newest run counts.
commits=$(git merge-base HEAD "origin/$BASE_REF" 2>/dev/null | xargs -r git rev-list -n 50 --first-parent 2>/dev/null || true)
runs=$("$gh" api --method GET "repos/$GITHUB_REPOSITORY/actions/workflows/$BASE_WORKFLOW/runs" \
    -f "branch=$BASE_REF" -f status=success -f event=push -f per_page=100 \
    --jq '.workflow_runs[] | "\(.id) \(.head_sha)"') || none "runs cannot be listed"
run=
if [ -n "$commits" ]; then
    while IFS= read -r commit; do
        run=$(awk -v sha="$commit" '$2 == sha { print $1; exit }' <<<"$runs")
        [ -z "$run" ] || break
    done <<<"$commits"
else
    run=$(awk 'NR == 1 { print $1 }' <<<"$runs")
fi
[[ $run =~ ^[0-9]+$ ]] || none "no good run of $BASE_REF at or before the merge base"
"$gh" run download "$run" --repo "$GITHUB_REPOSITORY" --name "$BASE_ARTIFACT" --dir "$out" ||
    none "run $run has no artifact $BASE_ARTIFACT"
[ -f "$out/head.lsw" ] || none "artifact $BASE_ARTIFACT holds no head.lsw"
echo "github-base.sh: base is run $run"
tell base "$out/head.lsw"

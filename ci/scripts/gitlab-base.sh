#!/usr/bin/env bash
# Fetches the saved graph of the target branch's last good job, with the job's own token. Nothing found is no
# failure. Prints the file's path, or nothing.
#
#   CI_API_V4_URL, CI_PROJECT_ID, CI_JOB_NAME, CI_JOB_TOKEN, CI_MERGE_REQUEST_TARGET_BRANCH_NAME   set by GitLab
#   LINKSWEEP_OUT       folder of the report in that job (default: linksweep-report)
#   LINKSWEEP_CURL      the program instead of `curl` (tests)
set -euo pipefail

curl=${LINKSWEEP_CURL:-curl}
branch=${CI_MERGE_REQUEST_TARGET_BRANCH_NAME:-}
if [ -z "$branch" ]; then
    echo "gitlab-base.sh: no merge request" >&2
    exit 0
fi
: "${CI_API_V4_URL:?}" "${CI_PROJECT_ID:?}" "${CI_JOB_NAME:?}" "${CI_JOB_TOKEN:?}"

# Everything but unreserved characters is written as %XX.
encode() {
    local LC_ALL=C text=$1 at c
    for ((at = 0; at < ${#text}; at++)); do
        c=${text:at:1}
        case $c in
        [a-zA-Z0-9.~_-]) printf '%s' "$c" ;;
        *) printf '%%%02X' "'$c" ;;
        esac
    done
}
file=${LINKSWEEP_OUT:-linksweep-report}/head.lsw
url="$CI_API_V4_URL/projects/$(encode "$CI_PROJECT_ID")/jobs/artifacts/$(encode "$branch")/raw/$file?job=$(encode "$CI_JOB_NAME")"
mkdir -p linksweep-base
if "$curl" --fail --silent --show-error --location --header "JOB-TOKEN: $CI_JOB_TOKEN" \
    --output linksweep-base/head.lsw "$url" && [ -s linksweep-base/head.lsw ]; then
    echo linksweep-base/head.lsw
else
    echo "gitlab-base.sh: $branch has no saved graph" >&2
fi

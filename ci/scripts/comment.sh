#!/usr/bin/env bash
# Writes a report as the one comment that this program has on a pull request: found by a marker, changed where it
# is there, made where it is not. To be run by a trusted job (`workflow_run`), on a report that an untrusted one
# made: the report is text and nothing else, and the pull request is asked of the service, not of the report.
#
#   COMMENT_FILE        the report
#   COMMENT_KEY         tells several builds of one repository apart (default: default)
#   HEAD_SHA            commit of the run that made the report
#   HEAD_REPOSITORY     owner/name that the commit is in
#   HEAD_BRANCH         its branch
#   GITHUB_REPOSITORY   owner/name to comment in
#   GH_TOKEN            for `gh`
#   LINKSWEEP_GH        the program instead of `gh` (tests)
set -euo pipefail

gh=${LINKSWEEP_GH:-gh}
: "${COMMENT_FILE:?}" "${HEAD_SHA:?}" "${HEAD_REPOSITORY:?}" "${HEAD_BRANCH:?}" "${GITHUB_REPOSITORY:?}"

# What becomes part of an address or a filter is checked, whoever says it.
[[ $HEAD_SHA =~ ^[0-9a-f]{40}$ ]] || { echo "comment.sh: no commit: $HEAD_SHA" >&2; exit 2; }
[[ $HEAD_REPOSITORY =~ ^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$ ]] || { echo "comment.sh: no repository" >&2; exit 2; }
key=${COMMENT_KEY:-default}
[[ $key =~ ^[A-Za-z0-9._-]+$ ]] || { echo "comment.sh: no key: $key" >&2; exit 2; }
marker="<!-- linksweep:$key -->"

if [ ! -s "$COMMENT_FILE" ]; then
    echo "comment.sh: nothing to say"
    exit 0
fi

# The open pull request whose head is this very commit: a later push has a run of its own.
owner=${HEAD_REPOSITORY%%/*}
number=$("$gh" api --method GET "repos/$GITHUB_REPOSITORY/pulls" -f state=open -f "head=$owner:$HEAD_BRANCH" \
    --jq ".[] | select(.head.sha == \"$HEAD_SHA\") | .number" | head -n 1)
if [[ ! $number =~ ^[0-9]+$ ]]; then
    echo "comment.sh: no open pull request has $HEAD_SHA"
    exit 0
fi

# The marker is ours alone, and the service takes 65,536 characters.
body=$(mktemp)
trap 'rm -f "$body"' EXIT
{
    printf '%s\n' "$marker"
    head -c 60000 "$COMMENT_FILE" | iconv -c -f UTF-8 -t UTF-8 | sed 's/<!--/\&lt;!--/g'
} >"$body"

existing=$("$gh" api --paginate "repos/$GITHUB_REPOSITORY/issues/$number/comments" \
    --jq ".[] | select(.user.type == \"Bot\") | select(.body | startswith(\"$marker\")) | .id" | head -n 1)
if [[ $existing =~ ^[0-9]+$ ]]; then
    "$gh" api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$existing" -F "body=@$body" >/dev/null
    echo "comment.sh: changed comment $existing of #$number"
else
    "$gh" api --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" -F "body=@$body" >/dev/null
    echo "comment.sh: commented on #$number"
fi

#!/usr/bin/env bash
# Builds the corpus: all recipes, or those named (`corpus/build.sh hello cxx`). A failing recipe does not stop the others.
. "$(dirname "$0")/lib.sh"
[ $# -gt 0 ] || set -- $(cd "$corpus/recipes" && ls | sed 's/\.sh$//')
failed=0
for recipe in "$@"; do
    bash "$corpus/recipes/$recipe.sh" || { echo "FAILED $recipe" >&2; failed=1; }
done
exit $failed

# Common part of the recipes; sourced, never run.
# Gives: $corpus (this folder), $src, $build; the functions link_dir, record, need.
set -euo pipefail
corpus=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
src=$corpus/src
build=${LINKSWEEP_CORPUS:-$corpus/build}
mkdir -p "$build"
build=$(cd "$build" && pwd)
export LC_ALL=C

# link_dir NAME: makes $build/NAME and goes there. Everything a link needs is below it.
link_dir() {
    dir=$build/$1
    mkdir -p "$dir"
    cd "$dir"
}

# record NAME DRIVER ARGS...: links with the compiler driver and leaves the linker's own words in NAME.link.
# The driver finds shim/ld through COMPILER_PATH (gcc and clang both honour it); the output is thrown away.
record() {
    local name=$1
    shift
    rm -f "$dir/$name.link"
    RECORD_TO=$dir/$name.link COMPILER_PATH=$corpus/shim "$@" -o "$dir/$name.out" || {
        rm -f "$dir/$name.link"
        echo "recipe: $(basename "$dir")/$name: the link failed" >&2
        return 1
    }
    rm -f "$dir/$name.out" "$dir/resolution"
    echo "made $dir/$name.link ($(wc -l < "$dir/$name.link") words)"
}

# need FILE...: the recipe ends here, with success and a remark, when an optional input is not installed.
need() {
    local file
    for file in "$@"; do
        if [ ! -e "$file" ]; then
            echo "skipped $(basename "$0" .sh): $file is not installed" >&2
            exit 0
        fi
    done
}

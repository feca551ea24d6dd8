# The linkers and how to speak with them; sourced by agree.sh and benches/side-by-side.sh.

# All linkers, as the names used in tables and file names.
linkers="bfd gold lld-14 lld-19 lld-rustc mold"

# program LINKER WORD: the program to run for LINKER where the link line says WORD (a cross ld has its own bfd and gold).
program() {
    local prefix
    prefix=$(basename "$2")
    prefix=${prefix%ld*}
    case $1 in
        bfd | gold) echo "${prefix}ld.$1" ;;
        lld-14 | lld-19) echo "ld.$1" ;;
        lld-rustc) echo "$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/gcc-ld/ld.lld" ;;
        mold) echo mold ;;
        wild) echo "${WILD:-wild}" ;;
    esac
}

# profile LINKER: the same linker as linksweep's --linker argument.
profile() {
    case $1 in
        lld-14) echo lld@14.0.6 ;;
        lld-19) echo lld@19.1.7 ;;
        lld-rustc) echo "lld@$("$(program lld-rustc ld)" --version | sed 's/^.*LLD \([0-9.]*\).*/\1/')" ;;
        *) echo "$1" ;;
    esac
}

# link_words FILE: reads a link file into the array `words`, program first, without outputs of the link:
# -o, maps and dependency files.
link_words() {
    local word skip=
    words=()
    while IFS= read -r word; do
        if [ -n "$skip" ]; then skip=; continue; fi
        case $word in
            -o | --output | -Map | --Map | --dependency-file) skip=yes ;;
            -Map=* | --Map=* | --output=* | --dependency-file=* | -M | --print-map) ;;
            *) words+=("$word") ;;
        esac
    done < <(xargs printf '%s\n' < "$1")
}

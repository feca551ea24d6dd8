#!/usr/bin/env bash
# linksweep beside the linkers on one link, interleaved: one warm-up round, then ROUNDS rounds in each of which every
# program runs once. Wall time, user and system time and peak memory of the child process (wait4), medians, and ratios
# to linksweep answering for the same linker. What is measured: docs/benchmarking.md.
#
#   benches/side-by-side.sh DIR [LINK-FILE]       results go to DIR; default link: clang-big of the corpus
#
# Environment: ROUNDS (5), LINKSWEEP (target/release/linksweep), WILD (wild), LINKSWEEP_CORPUS (corpus/build),
# PROGRAMS (the list below). Programs that are not installed are left out, with a remark.
. "$(dirname "$0")/../corpus/lib.sh"
. "$corpus/linkers.sh"
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
file=$(realpath "${2:-$build/clang-big/clang-big.link}")
linksweep=${LINKSWEEP:-$corpus/../target/release/linksweep}
rounds=${ROUNDS:-5}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/side-by-side.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
link_words "$file"

# One file per program: its command, one word per line.
names=()
for name in ${PROGRAMS:-linksweep-bfd linksweep-gold linksweep-lld linksweep-mold bfd gold lld-19 lld-rustc mold wild}; do
    case $name in
        linksweep-lld) command=("$linksweep" gc --format=linker --linker=lld@19.1.7 --link-file "$file") ;;
        linksweep-*) command=("$linksweep" gc --format=linker --linker="${name#*-}" --link-file "$file") ;;
        # mold and wild fork by default: the parent's times and memory would say nothing.
        mold | wild) command=("$(program "$name" "${words[0]}")" "${words[@]:1}" --gc-sections --no-fork -o "$scratch/output") ;;
        *) command=("$(program "$name" "${words[0]}")" "${words[@]:1}" --gc-sections -o "$scratch/output") ;;
    esac
    if ! command -v "${command[0]}" > /dev/null; then
        echo "side-by-side: no ${command[0]}: $name left out" >&2
        continue
    fi
    printf '%s\n' "${command[@]}" > "$scratch/$name.command"
    names+=("$name")
done
printf '%s\n' "${names[@]}" > "$scratch/names"

python3 - "$scratch" "$rounds" "$out" "$(dirname "$file")" <<'PYTHON'
import os, statistics, sys, time

scratch, rounds, out, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
names = open(scratch + "/names").read().split("\n")[:-1]
commands = {name: open(f"{scratch}/{name}.command").read().split("\n")[:-1] for name in names}
output, null = scratch + "/output", os.open(os.devnull, os.O_RDWR)
os.chdir(folder)

def run(command):
    """Wall, user and system seconds, peak memory in MiB, exit status."""
    if os.path.exists(output):
        os.unlink(output)
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ,
                            file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    return wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)

samples = {name: [] for name in names}
with open(out + "/raw.tsv", "w") as raw:
    raw.write("round\tprogram\twall_s\tuser_s\tsystem_s\tpeak_mib\texit\n")
    for number in range(rounds + 1):
        for name in names:
            sample = run(commands[name])
            raw.write("%d\t%s\t%.4f\t%.4f\t%.4f\t%.1f\t%d\n" % (number, name, *sample))
            if number > 0:
                samples[name].append(sample)
        print(f"round {number} of {rounds}" + (" (warm-up)" if number == 0 else ""), file=sys.stderr, flush=True)

median = {name: [statistics.median(column) for column in zip(*((s[0], s[1] + s[2], s[3]) for s in samples[name]))] for name in names}
base = {"bfd": "linksweep-bfd", "gold": "linksweep-gold", "mold": "linksweep-mold"}
header = ["program", "wall s", "user+system s", "peak MiB", "exit", "beside", "wall x", "user+system x", "memory x"]
rows = []
for name in names:
    beside = name if name.startswith("linksweep") else base.get(name, "linksweep-lld")
    failed = sorted({s[4] for s in samples[name] if s[4]})
    ratios = ["-"] * 3
    if beside in median and not any(s[4] for s in samples[beside]):
        ratios = ["%.2f" % (mine / theirs) if theirs else "-" for mine, theirs in zip(median[name], median[beside])]
    rows.append([name, "%.3f" % median[name][0], "%.3f" % median[name][1], "%.0f" % median[name][2],
                 ",".join(map(str, failed)) or "0", beside] + ratios)
with open(out + "/summary.tsv", "w") as table:
    for row in [header] + rows:
        table.write("\t".join(row) + "\n")
with open(out + "/summary.md", "w") as table:
    table.write(f"Medians of {rounds} rounds after one warm-up; every program once per round. Ratios: program / linksweep for the same rules.\n\n")
    table.write("| " + " | ".join(header) + " |\n|" + " --- |" * len(header) + "\n")
    for row in rows:
        table.write("| " + " | ".join(row) + " |\n")
PYTHON

# What was run, on what. Machine-specific folders are written as variables.
hide() { sed -e "s|$(dirname "$(realpath "$linksweep" 2> /dev/null || echo /nowhere/x)")/||g" -e "s|$build|\$LINKSWEEP_CORPUS|g" -e "s|$scratch|\$TMPDIR|g" \
    -e "s|$(rustc --print sysroot)|\$RUST_SYSROOT|g" -e "s|$(dirname "$(command -v "${WILD:-wild}" || echo /nowhere/x)")/||g"; }
for name in "${names[@]}"; do
    printf '%s: ' "$name"
    xargs -a "$scratch/$name.command" printf '%q '
    echo
done | hide > "$out/commands.txt"
{
    for name in "${names[@]}"; do printf '%s: ' "$name"; "$(head -n 1 "$scratch/$name.command")" --version 2>&1 | head -n 1; done
    printf 'sources: %s\n' "$(git -C "$corpus" describe --always --dirty 2> /dev/null)"
    printf 'link: %s, %s inputs on the line\n' "$(basename "$file")" "$(grep -c -E '\.(o|a|rlib|so)$|^-l' "$file")"
} > "$out/versions.txt"
{
    sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1
    printf '%s cores, %s MiB of memory, Linux %s\n' "$(nproc)" "$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)"
    printf 'load before the end: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
} > "$out/machine.txt"
# The linkers' own account of their phases, garbage collection among them: one run each, not part of the medians.
for name in "${names[@]}"; do
    case $name in
        mold) phases=--perf ;;
        wild) phases=--time ;;
        *) continue ;;
    esac
    mapfile -t command < "$scratch/$name.command"
    (cd "$(dirname "$file")" && "${command[@]}" $phases) > "$out/phases-$name.txt" 2>&1 || true
done
cat "$out/summary.md"

#!/usr/bin/env bash
# linksweep beside GNU ld on a kernel tree, interleaved: one warm-up round, then ROUNDS rounds in each of which every command
# runs once. Wall time, cpu time and peak memory of the child process (wait4), medians, and ratios to the final link of vmlinux.
#
#   benches/kernel.sh TREE      (as corpus/kernel-ppc64le.sh leaves it, only read); writes a Markdown table
#
# Environment: ROUNDS (5), LINKSWEEP (target/release/linksweep).
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
sweep=$(realpath "${LINKSWEEP:-$here/../target/release/linksweep}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'version = 1\n' > "$work/plain.toml"
printf 'version = 1\n[rules]\nLSW012 = "off"\n' > "$work/one-linker.toml"
cd "$1"

# The final link of scripts/link-vmlinux.sh.
link=(powerpc64le-linux-gnu-ld -EL -m elf64lppc -z noexecstack --no-warn-rwx-segments -Bstatic --gc-sections --build-id=sha1
    --orphan-handling=warn --script=arch/powerpc/kernel/vmlinux.lds -o "$work/output"
    --whole-archive vmlinux.a .vmlinux.export.o init/version-timestamp.o --no-whole-archive
    --start-group --end-group .tmp_vmlinux.kallsyms2.o)
ours=(-q --kbuild . -o "$work/output")
printf '%s\n' "GNU ld, vmlinux" "${link[@]}" > "$work/0"
printf '%s\n' "check" "$sweep" check "${ours[@]}" --format=json --config "$work/plain.toml" > "$work/1"
printf '%s\n' "check, one linker" "$sweep" check "${ours[@]}" --format=json --config "$work/one-linker.toml" > "$work/2"
printf '%s\n' "keep" "$sweep" keep "${ours[@]}" --format=json > "$work/3"
printf '%s\n' "exports" "$sweep" exports "${ours[@]}" --format=json > "$work/4"
printf '%s\n' "undefined" "$sweep" undefined "${ours[@]}" --format=json > "$work/5"
printf '%s\n' "gc" "$sweep" gc "${ours[@]}" --format=linker > "$work/6"

python3 - "$work" "${ROUNDS:-5}" <<'PYTHON'
import os, statistics, sys, time

work, rounds = sys.argv[1], int(sys.argv[2])
commands = [open(f"{work}/{n}").read().split("\n")[:-1] for n in range(7)]
null = os.open(os.devnull, os.O_RDWR)

def run(command):
    if os.path.exists(work + "/output"):
        os.unlink(work + "/output")
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ,
                            file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) > 1:
        sys.exit(f"{command[0]} {command[1]} ended with {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

samples = [[] for _ in commands]
for number in range(rounds + 1):
    for (name, *command), list in zip(commands, samples):
        sample = run(command)
        if number > 0:
            list.append(sample)
print("| command | wall s | user+system s | peak MiB | wall / ld | user+system / ld |")
print("| --- | ---: | ---: | ---: | ---: | ---: |")
first = None
for (name, *_), list in zip(commands, samples):
    wall, cpu, peak = (statistics.median(column) for column in zip(*list))
    first = first or (wall, cpu)
    print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {wall / first[0]:.2f} | {cpu / first[1]:.2f} |")
PYTHON

#!/usr/bin/env bash
# How time and memory of `linksweep gc` grow with the link: every shape of `benches/shapes` (and LLVM's archives under
# --whole-archive) at 1x, 2x, 4x and 8x, by each linker's rules. Linear growth gives "growth" 1: what 8x takes over 1x,
# divided by 8. What is measured: docs/benchmarking.md.
#
#   benches/scaling.sh DIR [SHAPE...]        results go to DIR/scaling.tsv (every run) and DIR/scaling-table.md
#
# Environment: ROUNDS (3), LINKSWEEP (target/release/linksweep), LINKERS (bfd gold lld@19.1.7 mold), SYNTHETIC (the
# generator; built if not given), LLVM (folder of archives: /usr/lib/llvm-14/lib), SHRINK (1: divides all sizes).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
linksweep=${LINKSWEEP:-$here/../target/release/linksweep}
if [ -z "${SYNTHETIC:-}" ]; then
    SYNTHETIC=$(cd "$here/.." && cargo bench --locked --no-run --bench synthetic 2>&1 | tee /dev/stderr | sed -n 's/.*(\(.*synthetic-[0-9a-f]*\))$/\1/p' | tail -n 1)
    SYNTHETIC=$here/../$SYNTHETIC
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/scaling.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

python3 - "$scratch" "$out" "$linksweep" "$SYNTHETIC" "${LLVM:-/usr/lib/llvm-14/lib}" "${ROUNDS:-3}" "${SHRINK:-1}" \
    "${LINKERS:-bfd gold lld@19.1.7 mold}" "$@" <<'PYTHON'
import glob, os, shutil, statistics, subprocess, sys, threading, time

scratch, out, linksweep, synthetic, llvm, rounds, shrink, linkers, *wanted = sys.argv[1:]
rounds, shrink, linkers = int(rounds), int(shrink), linkers.split()
# The size at 8x; linkers that cannot read the shape's script are left out.
SHAPES = {
    "layers": 5_000_000, "chain": 1_000_000, "star": 1_000_000, "kernel": 1_000_000, "wide": 1_000_000,
    "member-chain": 1_000_000, "member-chain-back": 1_000_000, "members": 1_000_000,
    "keep-exact": 1_000_000, "keep-prefix": 1_000_000, "keep-suffix": 1_000_000, "keep-glob": 1_000_000, "globs": 8_000,
    "groups": 200_000, "huge-group": 1_000_000, "group-nest": 8_000, "group-many": 20_000,
    "demands": 200_000, "defsyms": 200_000, "wraps": 200_000, "bounds": 200_000, "versions": 1_000_000,
    "same-name": 1_000_000, "objects": 100_000, "unwind": 1_000_000, "whole-archive": 0,
}
SCRIPTS = {"kernel", "globs"} | {name for name in SHAPES if name.startswith("keep-")}
null = os.open(os.devnull, os.O_RDWR)

def run(folder, linker):
    """Wall, user and system seconds, peak resident and anonymous MiB, exit status."""
    command = [linksweep, "gc", "--format=linker", "-q", "--linker=" + linker, "-C", folder, "--link-file", folder + "/link.txt"]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    peak, over = [0], threading.Event()

    def watch():
        while not over.wait(0.004):
            try:
                for line in open(f"/proc/{child}/status"):
                    if line.startswith("RssAnon"):
                        peak[0] = max(peak[0], int(line.split()[1]))
            except OSError:
                pass
    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    over.set()
    watcher.join()
    return wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024, peak[0] / 1024, os.waitstatus_to_exitcode(status)

def make(shape, times, folder):
    """Writes the link; returns its size."""
    if shape != "whole-archive":
        size = SHAPES[shape] * times // 8 // shrink
        subprocess.run([synthetic, shape, str(size), folder], check=True)
        return size
    # The archives by name, as many as hold that many eighths of the bytes.
    archives = sorted(glob.glob(llvm + "/*.a"))
    total, taken, size = sum(map(os.path.getsize, archives)), [], 0
    for archive in archives:
        if size + os.path.getsize(archive) <= total * times // 8:
            taken.append(archive)
            size += os.path.getsize(archive)
    os.makedirs(folder)
    with open(folder + "/link.txt", "w") as text:
        text.write("ld --gc-sections -e main --unresolved-symbols=ignore-all --whole-archive " + " ".join(taken) + "\n")
    return size

rows, raw = [], open(out + "/scaling.tsv", "a" if wanted and os.path.exists(out + "/scaling.tsv") else "w")
if raw.tell() == 0:
    raw.write("shape\tlinker\ttimes\tsize\tround\twall_s\tuser_s\tsystem_s\tpeak_mib\tanonymous_mib\texit\n")
for shape in wanted or SHAPES:
    medians = {}
    for times in (1, 2, 4, 8):
        folder = scratch + "/link"
        size = make(shape, times, folder)
        for linker in linkers:
            if linker == "mold" and shape in SCRIPTS:
                continue
            samples = []
            for number in range(rounds + 1):
                sample = run(folder, linker)
                if number > 0:
                    samples.append(sample)
                    raw.write("%s\t%s\t%d\t%d\t%d\t%.4f\t%.4f\t%.4f\t%.1f\t%.1f\t%d\n" % (shape, linker, times, size, number, *sample))
                    raw.flush()
                elif sample[0] > 60:
                    print(f"{shape} {linker} {times}x: {sample[0]:.0f} s", file=sys.stderr)
            column = lambda f: statistics.median(map(f, samples))
            medians[linker, times] = (size, column(lambda s: s[0]), column(lambda s: s[1] + s[2]), column(lambda s: s[3]),
                                      column(lambda s: s[4]), max(s[5] for s in samples))
        shutil.rmtree(folder)
    for linker in linkers:
        if (linker, 8) not in medians:
            continue
        one, two, four, eight = (medians[linker, times] for times in (1, 2, 4, 8))
        # LLVM's archives do not divide evenly.
        factor = eight[0] / one[0]
        growth = ["%.2f" % (eight[column] / max(one[column], 1e-9) / factor) for column in (1, 2, 3, 4)]
        rows.append([shape, linker, str(eight[0])] + ["%.3f" % m[1] for m in (one, two, four, eight)] + ["%.3f" % one[2], "%.3f" % eight[2],
                    "%.0f" % eight[3], "%.0f" % eight[4]] + growth + [str(eight[5])])
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
header = ["shape", "linker", "size at 8x", "wall 1x", "2x", "4x", "8x s", "cpu 1x", "cpu 8x s", "resident 8x MiB", "anonymous 8x MiB",
          "growth wall", "cpu", "resident", "anonymous", "exit"]
with open(out + "/scaling-table.md", "a" if wanted else "w") as table:
    table.write("| " + " | ".join(header) + " |\n|" + " --- |" * len(header) + "\n")
    for row in rows:
        table.write("| " + " | ".join(row) + " |\n")
PYTHON

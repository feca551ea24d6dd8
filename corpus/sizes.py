#!/usr/bin/env python3
"""Sizes that linksweep gives beside those of the image that a link writes.

  corpus/sizes.py [-v] [--image=FILE] LINKER ARGUMENTS... -o IMAGE

Runs the link in the current folder (unless --image names what an earlier run of the same link wrote), asks
`linksweep gc --by=section` about the same words, and compares every section and the totals of `size`. A row per section that
differs, all with -v; the last lines say how many are equal, which differ and are marked, which differ and are not (an error).
LINKSWEEP is the program (default: linksweep). SIZE is `size` of the target.
"""
import json, os, subprocess, sys

HIDDEN = {".symtab", ".strtab", ".shstrtab", ".symtab_shndx"}


def real_sections(image):
    size = os.environ.get("SIZE", "size")
    rows = []
    for line in subprocess.run([size, "-A", image], check=True, capture_output=True, text=True).stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[1].isdigit() and words[2].isdigit():
            rows.append((words[0], int(words[1]), int(words[2])))
    berkeley = subprocess.run([size, image], check=True, capture_output=True, text=True).stdout.splitlines()[1].split()
    return rows, [int(n) for n in berkeley[:4]]


def main():
    words = sys.argv[1:]
    verbose = image = None
    while words and words[0].startswith("-"):
        if words[0] == "-v":
            verbose = True
        elif words[0].startswith("--image="):
            image = words[0][8:]
        words = words[1:]
    if image is None:
        image = words[words.index("-o") + 1]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    linksweep = os.environ.get("LINKSWEEP", "linksweep")
    run = subprocess.run([linksweep, "gc", "--by=section", "--format=json", "--", *words], capture_output=True)
    if not run.stdout:
        sys.exit(run.stderr.decode())
    answer = json.loads(run.stdout)
    theirs, totals = real_sections(image)
    left = {}
    for name, size, address in theirs:
        left.setdefault(name, []).append((size, address))
    equal = marked = wrong = 0
    equal_made = 0
    print(f"{'section':32} {'ours':>10} {'image':>10} {'rest':>8}")
    for row in answer["output_sections"]:
        there = left.get(row["name"])
        size, address = there.pop(0) if there else (0, None)
        made = row["made"]
        same = size == row["size"]
        if same and made is None:
            equal += 1
        elif same:
            equal_made += 1
        elif made is not None:
            marked += 1
        else:
            wrong += 1
        moved = same and address is not None and row["address"] and (int(row["address"], 16) ^ address) & 0xFFFFFFFF
        if not same or moved or verbose:
            note = made or ("" if same else "WRONG")
            if moved:
                note += f" at {row['address']} there {address:#x}"
            print(f"{row['name']:32} {row['size']:10} {size:10} {size - row['size']:8} {note}")
    for name, list in left.items():
        for size, _ in list:
            if name not in HIDDEN and size:
                print(f"{name:32} {'-':>10} {size:10} {size:8} only there")
                wrong += 1
    ours = answer["image"]
    print(f"{equal} equal, {equal_made} equal though marked, {marked} marked and not equal, {wrong} wrong")
    kinds = ["text", "data", "bss", "dec"]
    print("  ".join(f"{k} {ours[k]} ({n - ours[k]:+d})" for k, n in zip(kinds, totals)))
    sys.exit(1 if wrong else 0)


main()

#!/usr/bin/env python3
"""A copy of a linker script with KEEPs taken off: of all descriptions, or of those that a regular expression finds.

  corpus/without-keep.py SCRIPT [REGEX] > COPY
"""
import re
import sys

text = open(sys.argv[1]).read()
wanted = re.compile(sys.argv[2]) if len(sys.argv) > 2 else None
out, at = [], 0
for found in re.finditer(r"\bKEEP\s*\(", text):
    end, depth = found.end(), 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    body = text[found.end() : end - 1]
    out += [text[at : found.start()], body if not wanted or wanted.search(body) else text[found.start() : end]]
    at = end
sys.stdout.write("".join(out) + text[at:])

#!/usr/bin/env python3
"""The library calls functions that are interposed through its table alone.

    lint_interposed.py DIRECTORY

libgreenhub-patch.so defines functions of the C library again; src/patch/names.h lists
them. libgreenhub.so itself is to call the C library's own, so only the objects of
src/base/system* may refer to these symbols; all others call them through the table
green__system. DIRECTORY holds the library's objects. And what is listed and has an
entry in the table, src/patch/real.c has to write there.
"""

import glob
import os
import re
import subprocess
import sys

import sources

LIST = "src/patch/names.h"
NAME = re.compile(r"^\s*NAME\((\w+),", re.M)
TABLE = ("src/base/system_linux.c", "src/base/system_same.h")
ENTRY = re.compile(r"^(?:SAME\((?=(\w+), \1\))|"
                   r" *\.(?=(\w+) =\s*(?:\(__typeof__[^,]*\))?(?:green__)?\2,))",
                   re.M)
FILL = "src/patch/real.c"
FILLED = re.compile(r"system->(\w+)\s*=")


def is_interposed(symbol, names):
    """Large files have functions of their own: fcntl64, preadv64v2."""
    return symbol in names or symbol.replace("64", "") in names


def undefined(path):
    out = subprocess.run(["nm", "-u", path], check=True, capture_output=True,
                         text=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def source_of(path):
    """src/base/system_linux.c for .../base_system_linux.c.o"""
    name = os.path.basename(path)[:-len(".o")]
    for source in sources.files((".c", ".S"), ("src",)):
        if source[len("src/"):].replace("/", "_") == name:
            return source
    return name


def lint_fill(names):
    """A hook that stays in the table calls the library, which calls the hook."""
    filled = set(FILLED.findall(sources.text(FILL)))
    for found in ENTRY.findall("".join(map(sources.text, TABLE))):
        entry = found[0] or found[1]
        if entry in names and entry not in filled:
            sources.problem(FILL, 1, "does not write system->%s" % entry)


def main():
    found = {source_of(path): undefined(path) for path in sorted(
        glob.glob(os.path.join(sys.argv[1], "*.o")))}
    names = set(NAME.findall(sources.without_comments(sources.text(LIST))))
    in_table = set()

    for path, symbols in found.items():
        interposed = {s for s in symbols if is_interposed(s, names)}
        if path.startswith("src/base/system"):
            in_table |= interposed
            continue
        for symbol in sorted(interposed):
            sources.problem(path, 1, "calls %s, not green__system.%s"
                            % (symbol, symbol.replace("64", "")))
    lint_fill(names)
    if not in_table:
        sources.problem(TABLE[0], 1, "refers to nothing of " + LIST)
    print("%d objects; %d interposed functions in the table"
          % (len(found), len(in_table)))
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The map of the sources names every file of src/ and companions/, and no other.

The map is the tables under headings like **`src/hub/`: ...** in README.md or
HACKING.md. The first column of a row names files of that folder, as `wait.c`, as
`wait.[ch]` for both of a pair, or with a * for several.
"""

import fnmatch
import os
import re
import sys

import sources

PAGES = ("README.md", "HACKING.md")
HEADING = re.compile(r"^\*\*`((?:src|companions)/\w+)/`")
ROW = re.compile(r"^\|([^|]*)\|")
NAME = re.compile(r"`([^`]*\.[^`]*)`")


def patterns():
    """(page, line, folder, pattern) of each name in the map."""
    for page in PAGES:
        folder = None
        for number, line in enumerate(sources.text(page).splitlines(), 1):
            heading = HEADING.match(line)
            row = ROW.match(line)
            if heading:
                folder = heading.group(1)
            elif line and not row:
                folder = None
            if folder and row:
                for name in NAME.findall(row.group(1)):
                    yield page, number, folder, name


def expand(folder, pattern, files):
    """The files of a folder that a name of the map matches."""
    if "*" in pattern:  # "*_missing.c" also matches in modules/
        return {path for path in files if path.startswith(folder + "/") and
                (fnmatch.fnmatch(path, folder + "/" + pattern) or
                 fnmatch.fnmatch(os.path.basename(path), pattern))}
    names = [pattern]
    if pattern.endswith(".[ch]"):
        names = [pattern[:-4] + "c", pattern[:-4] + "h"]
    return {folder + "/" + name for name in names}


def main():
    files = set(sources.files((".c", ".h", ".S"), ("src", "companions")))
    named = set()
    for page, line, folder, pattern in patterns():
        found = expand(folder, pattern, files)
        named |= found
        if not found:
            sources.problem(page, line, "%s matches no file" % pattern)
        for path in sorted(found - files):
            sources.problem(page, line, path + " does not exist")
    for path in sorted(files - named):
        sources.problem(path, 1, "is not in the map of the sources (%s)"
                        % " or ".join(PAGES))
    print("%d files" % len(files))
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())

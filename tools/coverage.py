#!/usr/bin/env python3
"""Prints the part of src/ that the tests ran, by folder, and where they ran least.

    coverage.py BUILD_DIRECTORY [FUNCTIONS]

Reads the counters of programs built with b_coverage, with gcovr. A process that was
killed, or ended by _exit, has written no counters. Lists the functions with the
most lines that no test has run.
"""

import collections
import json
import subprocess
import sys

import lint_size
import sources


def measured(build):
    """{file: {line: entry}} of src/."""
    out = subprocess.run(
        ["gcovr", "--root", sources.ROOT, "--filter", "src/", "--json", "-",
         "--object-directory", build, "-j", "2",
         "--exclude-unreachable-branches", build],
        check=True, capture_output=True, text=True).stdout
    return {file["file"]: {line["line_number"]: line for line in file["lines"]
                           if not line.get("gcovr/noncode")}
            for file in json.loads(out)["files"]}


class Count:
    """The numbers of lines and branches, and of those that ran."""

    def __init__(self):
        self.lines = self.run = self.branches = self.taken = 0

    def add(self, lines):
        for line in lines:
            self.lines += 1
            self.run += line["count"] > 0
            self.branches += len(line["branches"])
            self.taken += sum(branch["count"] > 0
                              for branch in line["branches"])

    def row(self, name):
        return "%-18s %6d %6.1f %% %8d %6.1f %%" % (
            name, self.lines, 100.0 * self.run / max(1, self.lines),
            self.branches, 100.0 * self.taken / max(1, self.branches))


def functions(files):
    """(lines not run, lines, name, path, line) of each C function."""
    for path, lines in files.items():
        if path.endswith(".S"):
            continue
        for name, start, size, _ in lint_size.c_functions(path):
            own = [lines[number] for number in range(start, start + size + 2)
                   if number in lines]
            missed = sum(line["count"] == 0 for line in own)
            if missed:
                yield missed, len(own), name, path, start


def main():
    files = measured(sys.argv[1])
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 25
    folders, whole = collections.defaultdict(Count), Count()
    for path, lines in files.items():
        folders["/".join(path.split("/")[:-1])].add(lines.values())
        whole.add(lines.values())
    print("%-18s %6s %8s %8s %8s" % ("", "lines", "run", "branches", "taken"))
    for name in sorted(folders):
        print(folders[name].row(name))
    print(whole.row("all"))
    print("\nLines that no test has run:")
    for missed, count, name, path, line in sorted(
            functions(files), reverse=True)[:most]:
        print("%4d of %3d  %s:%d %s" % (missed, count, path, line, name))


if __name__ == "__main__":
    main()

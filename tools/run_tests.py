#!/usr/bin/env python3
"""Runs the tests of a build directory and counts the results of their cases.

    run_tests.py [-j N] [-v] [--only] BUILD_DIRECTORY [OPTION OF meson test...]

It builds everything first, or with --only the programs of the tests that are named.

A test program that uses libcheck writes a TAP file with a line for each of its
cases; a script that prints TAP is counted the same way, any other one is one
case. A program that crashes, exceeds its time limit, ends early or reports no
case at all counts as failed, even if its cases passed. A case is
skipped if its line says "# SKIP", or if the program wrote "NAME: why" to the
file that GREENHUB_SKIPS names.

The last line printed is "N passed, N failed, N skipped"; the exit status is 0
only if something passed and nothing failed.
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys

CASE = re.compile(r"^(not )?ok\b\s*\d*\s*(?:- )?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)")
SKIP = re.compile(r"#\s*skip\b\s*(.*)$", re.IGNORECASE)


class Count:
    def __init__(self):
        self.passed = 0
        self.failed = []  # (test, what)
        self.skipped = []  # (test, what)


def introspect(build):
    out = subprocess.run(
        ["meson", "introspect", "--tests", build],
        check=True, capture_output=True, text=True)
    return {test["name"]: test for test in json.loads(out.stdout)}


def programs_of(build, names, tests):
    """The targets of ninja that the tests run."""
    build = os.path.abspath(build)
    return sorted({os.path.relpath(part, build)
                   for name in names if name in tests
                   for part in tests[name]["cmd"][:1]
                   if part.startswith(build)})


def tap_cases(text):
    """The cases of a TAP text, and the number in its plan."""
    cases, plan = [], None
    for line in text.splitlines():
        match = PLAN.match(line)
        if match:
            plan = int(match.group(1))
            continue
        match = CASE.match(line)
        if not match:
            continue
        skip = SKIP.search(match.group(2))
        state = "failed" if match.group(1) else "skipped" if skip else "passed"
        cases.append((state, match.group(2)))
    return cases, plan


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def skips_of(path):
    """{case: why} from lines "case: why"."""
    pairs = (line.split(":", 1) for line in read(path).splitlines() if line)
    return {pair[0].strip(): pair[-1].strip() for pair in pairs}


def is_skipped(label, skips):
    """Check's labels are "file.c:test case:test name: message"."""
    words = [word.strip() for word in label.split(":")]
    return next((name for name in skips if name in words), None)


def count_cases(name, cases, skips, count):
    failures = 0
    for state, label in cases:
        case = is_skipped(label, skips)
        if state == "failed":
            failures += 1
            count.failed.append((name, label))
        elif state == "skipped":
            count.skipped.append((name, label))
        elif case:
            count.skipped.append((name, case + ": " + skips[case]))
        else:
            count.passed += 1
    return failures


def count_program(name, entry, tap_file, count):
    result = entry["result"]
    if result == "SKIP":
        why = entry.get("stdout", "").strip().splitlines()
        count.skipped.append((name, why[-1] if why else "no reason given"))
        return
    text = read(tap_file) if tap_file else entry.get("stdout", "")
    cases, plan = tap_cases(text)
    if not tap_file and plan is None:  # a script that prints no TAP
        if result == "OK":
            count.passed += 1
        else:
            count.failed.append((name, result.lower()))
        return
    skips = skips_of(tap_file + ".skips") if tap_file else {}
    failures = count_cases(name, cases, skips, count)
    if failures:
        return
    if result != "OK":
        count.failed.append((name, "the program itself: " + result.lower()))
    elif not cases:
        count.failed.append((name, "reported no case at all"))
    elif plan != len(cases):
        count.failed.append((name, "ended early: %d of %s cases reported"
                             % (len(cases), plan)))


def run_meson(build, jobs, options):
    """Runs all tests. Returns meson's exit status and the entries of its log."""
    logs = os.path.join(build, "meson-logs", "testlog*.json")
    for log in glob.glob(logs):
        os.unlink(log)
    status = subprocess.run(
        ["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
         "--num-processes", str(jobs)] + options,
        stdin=subprocess.DEVNULL).returncode
    # "testlog.json", or a name with that of a wrapper.
    lines = "".join(read(log) for log in glob.glob(logs)).splitlines()
    return status, [json.loads(line) for line in lines if line]


def bare(name):
    """The name of a test that meson logs as "project:suite / name" or as "name"."""
    return name.rsplit(" / ", 1)[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("-v", action="store_true")
    parser.add_argument("--only", action="store_true")
    parser.add_argument("build")
    options, rest = parser.parse_known_args()
    results = os.path.join(os.path.abspath(options.build), "test-results")
    shutil.rmtree(results, ignore_errors=True)
    os.makedirs(results)

    here = os.path.dirname(os.path.abspath(__file__))
    tests = introspect(options.build)
    targets = programs_of(options.build, rest, tests) if options.only else []
    build = subprocess.run(
        [os.path.join(here, "compile.sh"), options.build] + targets)
    if build.returncode != 0:
        print("0 passed, 1 failed, 0 skipped")
        return 1
    tests = introspect(options.build)
    status, entries = run_meson(options.build, options.j, rest)

    count = Count()
    for entry in entries:
        name = bare(entry["name"])
        env = tests[name]["env"] if name in tests else {}
        count_program(name, entry, env.get("CK_TAP_LOG_FILE_NAME"), count)
    if not entries:
        count.failed.append(("meson test", "ran nothing"))
    elif status != 0 and not count.failed:
        count.failed.append(("meson test", "exit status %d" % status))

    print()
    for name, why in count.skipped:
        print("skipped  %s  %s" % (name, why))
    for name, why in count.failed:
        print("FAILED   %s  %s" % (name, why))
    print("%d passed, %d failed, %d skipped"
          % (count.passed, len(count.failed), len(count.skipped)))
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs pytest on each file of a folder, some in parallel, and counts the cases.

    run_pytest.py [-j N] BUILD_DIRECTORY FOLDER [NAME...]

With names, it runs only the files test_NAME.py. The last line printed is "N passed, N
failed, N skipped"; the exit status is 0 only if something passed and nothing
failed. A file that crashes counts as failed, even if its cases passed.
"""

import argparse
import concurrent.futures
import glob
import os
import subprocess
import sys
import xml.etree.ElementTree

# The time limit of a whole file; each case has its own.
LIMIT = 540


def run_file(build, path):
    """(path, exit status, output, {state: [(case, why)]})"""
    name = os.path.splitext(os.path.basename(path))[0]
    report = os.path.join(build, "test-results", name + ".xml")
    command = [os.path.join(build, "venv", "bin", "python"), "-m", "pytest",
               "-q", "-p", "no:cacheprovider", "--junitxml", report, path]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, timeout=LIMIT,
                              stderr=subprocess.STDOUT)
        return path, done.returncode, done.stdout, cases(report)
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
        return path, -1, output.decode(errors="replace"), cases(report)


def cases(report):
    found = {"passed": [], "failed": [], "skipped": []}
    if not os.path.exists(report):
        return found
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        state, why = "passed", ""
        for child in case:
            if child.tag in ("failure", "error"):
                state, why = "failed", child.get("message", "").split("\n")[0]
            elif child.tag == "skipped":
                state, why = "skipped", child.get("message", "")
        found[state].append((case.get("name"), why))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("build")
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    os.makedirs(os.path.join(build, "test-results"), exist_ok=True)
    for old in glob.glob(os.path.join(build, "test-results", "*.xml")):
        os.unlink(old)
    names = options.names or ["*"]
    paths = sorted(path for name in names for path in
                   glob.glob(os.path.join(options.folder,
                                          "test_%s.py" % name)))

    total = {"passed": [], "failed": [], "skipped": []}
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for path, status, output, found in pool.map(
                lambda path: run_file(build, path), paths):
            file = os.path.basename(path)
            for state in total:
                total[state] += [(file, case, why)
                                 for case, why in found[state]]
            print("%s: %d passed, %d failed, %d skipped" % (
                (file,) + tuple(len(found[state]) for state in
                                ("passed", "failed", "skipped"))), flush=True)
            if status != 0:
                print(output)
                if not found["failed"]:
                    total["failed"].append((file, "the file itself",
                                            "exit status %d" % status))
    print()
    for file, case, why in total["skipped"]:
        print("skipped  %s  %s: %s" % (file, case, why))
    for file, case, why in total["failed"]:
        print("FAILED   %s  %s: %s" % (file, case, why))
    print("%d passed, %d failed, %d skipped" % tuple(
        len(total[state]) for state in ("passed", "failed", "skipped")))
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

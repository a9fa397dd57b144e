#!/usr/bin/env python3
"""Each source file is named in its folder's meson.build, each name there has its
file, and links in the tree's pages lead to files.

A file that no build names is never compiled and never tested. Headers need not be
named, except those that are installed.
"""

import os
import re
import sys

import sources

# Folder -> the suffixes of the files that its meson.build has to name.
FOLDERS = {
    "src": (".c", ".S"),
    "companions": (".c",),
    "cli": (".c",),
    "examples": (".c",),
    "tests": (".c",),
    "bench": (".c",),
    "python": (".c", ".py", ".pyi", ".typed"),
    "man": (".1", ".3", ".7"),
}
# A string in one line; longer ones and comments are passed over. A # may stand in a
# string, and a quote in a comment.
WORD = re.compile(r"'''.*?'''|'([^'\n]*)'|#[^\n]*", re.S)
# tests/meson.build names test_x.c as 'x'.
PREFIX = re.compile(r"^(test|unit|stress)_")


def words(folder, below=""):
    """What its meson.build names, and those of the folders below it, as paths."""
    build = sources.text(os.path.join(folder, below, "meson.build"))
    found = {os.path.join(below, word) for word in WORD.findall(build) if word}
    for name in re.findall(r"^ *subdir\('([^']*)'\)", build, re.M):
        found |= words(folder, os.path.join(below, name))
    return found


def lint_folder(folder, suffixes):
    named = words(folder)
    for path in sources.files(suffixes, (folder,)):
        file = os.path.relpath(path, folder)
        stem = os.path.splitext(file)[0]
        if not {file, stem, PREFIX.sub("", stem)} & named:
            sources.problem(path, 1, "is not in %s/meson.build" % folder)
    for name in sorted(named):
        if name.endswith(suffixes) and "@" not in name and \
                not os.path.basename(name).startswith(".") and \
                not os.path.exists(os.path.join(sources.ROOT, folder, name)):
            sources.problem(folder + "/meson.build", 1,
                            name + " does not exist")


def lint_headers():
    """The build installs what greenhub.h includes, and what it names itself."""
    build = sources.text("meson.build")
    of_companions = ["include/" + name for names in
                     sources.companion_headers().values() for name in names]
    whole = sources.text("include/greenhub.h")
    included = re.findall(r"^#include <(.*)>", whole, re.M)
    described = re.findall(r"^ \*   (greenhub/\w+\.h) ", whole, re.M)
    for path in sources.files((".h",), ("include/greenhub",)):
        name = os.path.relpath(path, "include")
        if "'%s'" % path in build or path in of_companions:
            continue
        if name not in included:
            sources.problem(path, 1, "is not included by greenhub.h")
        if name not in described:
            sources.problem(path, 1, "is not described in greenhub.h")


def lint_companions():
    """Each has a header that its meson.build installs, and a version script."""
    for name in sources.companions():
        folder = "companions/" + name
        header = "include/greenhub/%s.h" % name
        build = sources.text(folder + "/meson.build")
        if "'../../%s'" % header not in build:
            sources.problem(folder + "/meson.build", 1,
                            "does not install " + header)
        for path in (header, folder + "/released.map"):
            if not os.path.exists(os.path.join(sources.ROOT, path)):
                sources.problem(path, 1, "does not exist")
    for folder in next(os.walk(os.path.join(sources.ROOT, "companions")))[1]:
        if folder not in sources.companions():
            sources.problem("companions/" + folder, 1,
                            "is not in companions/meson.build")


def lint_links():
    pages = [name for name in os.listdir(sources.ROOT) if name.endswith(".md")]
    folders = sources.FOLDERS + ("docs",)
    for path in sorted(pages) + sources.files((".md",), folders):
        text = re.sub(r"```.*?```", lambda code: "\n" * code.group().count("\n"),
                      sources.text(path), flags=re.S)
        for match in re.finditer(r"\]\(([^)#\s]+)[^)]*\)", text):
            target = os.path.join(os.path.dirname(path), match.group(1))
            if "://" not in match.group(1) and not os.path.exists(
                    os.path.join(sources.ROOT, target)):
                sources.problem(path, text.count("\n", 0, match.start()) + 1,
                                "links to %s, which does not exist"
                                % match.group(1))


def main():
    for folder, suffixes in FOLDERS.items():
        lint_folder(folder, suffixes)
    lint_headers()
    lint_companions()
    lint_links()
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())

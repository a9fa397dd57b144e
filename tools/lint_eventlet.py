#!/usr/bin/env python3
"""docs/eventlet.md is complete.

Each green_... in it is in the public headers; and each public name of Eventlet, if
Debian's package is installed, is in its module's part.
"""

import os
import re
import sys

import eventlet_names
import sources

PAGE = "docs/eventlet.md"


def parts(text):
    """{module: the text of its part}"""
    pieces = re.split(r"^## (\w+)$", text, flags=re.M)
    return dict(zip(pieces[1::2], pieces[2::2]))


def lint_ours(text):
    headers = "".join(sources.text(path)
                      for path in sources.files((".h",), ("include",)))
    known = set(re.findall(r"\bgreen_\w+", headers))
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(r"`(?:struct )?(green_\w+)", line):
            if name not in known and name != "green_":
                sources.problem(PAGE, number, name + " is not in the headers")


def lint_theirs(text):
    found = {module: set(re.findall(r"`([\w.]+)`", part))
             for module, part in parts(text).items()}
    count = 0
    for name in eventlet_names.names(eventlet_names.FOLDER):
        module, rest = name.split(".", 1)
        count += 1
        if rest not in found.get(module, ()):
            sources.problem(PAGE, 1, "does not name %s" % name)
    print("%d names of Eventlet's" % count)


def main():
    text = sources.text(PAGE)
    lint_ours(text)
    if os.path.isdir(eventlet_names.FOLDER):
        lint_theirs(text)
    else:
        print("python3-eventlet is not installed: its names are not checked")
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())

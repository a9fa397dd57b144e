#!/usr/bin/env python3
"""Includes go down only.

In src/ a file includes its own layer and lower ones, as "layer/file.h", and
the public headers. What stands on the library sees <greenhub.h> alone; so do
the tests, but for unit_* and fuzz_*, which are about internals. The floors of
bench/ do not see the library at all.
"""

import os
import re
import sys

import sources

LAYERS = ("base", "context", "hub", "greenthread", "sync", "io", "net")
PUBLIC = ("base", "hub", "hub_module", "thread", "debug",
          "sync", "queue", "channel", "shared",
          "scope", "scoped", "thread_pool", "pool", "resource",
          "io", "net")
OPTIONAL = "greenhub/scoped.h"  # what greenhub.h leaves out
ABOVE = ("cli", "examples", "tests", "bench", "python", "preload")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def includes(path):
    code = sources.text(path)
    for match in INCLUDE.finditer(code):
        line = code.count("\n", 0, match.start(2)) + 1
        yield line, match.group(1) == '"', match.group(2)


def lint_library(path):
    own = path.split(os.sep)[1]
    if own not in LAYERS:
        sources.problem(path, 1, "src/%s is no layer" % own)
        return
    for line, quoted, name in includes(path):
        if not quoted:
            if name.startswith(LAYERS) and "/" in name and os.path.exists(
                    os.path.join(sources.ROOT, "src", name)):
                sources.problem(path, line, '<%s> is written "%s"'
                                % (name, name))
            continue
        layer = name.split("/")[0]
        if layer not in LAYERS or "/" not in name or ".." in name:
            sources.problem(path, line,
                            '"%s" is not of the form "layer/file.h"' % name)
        elif LAYERS.index(layer) > LAYERS.index(own):
            sources.problem(path, line, '%s includes "%s", which lies above it'
                            % (own, name))


def lint_public(path):
    own = os.path.splitext(os.path.basename(path))[0]
    if path != "include/greenhub.h" and own not in PUBLIC:
        sources.problem(path, 1, "lint_layers.py knows no place for it")
        return
    for line, quoted, name in includes(path):
        match = re.fullmatch(r"greenhub/(\w+)\.h", name)
        if quoted:
            sources.problem(path, line, 'a public header includes "%s"' % name)
        elif match and own != "greenhub" and (
                match.group(1) not in PUBLIC
                or PUBLIC.index(match.group(1)) >= PUBLIC.index(own)):
            sources.problem(path, line, "<%s> lies above it" % name)


def lint_above(path):
    here = os.path.dirname(path)
    base = os.path.basename(path)
    if base.startswith(("unit_", "fuzz_")):
        return
    for line, quoted, name in includes(path):
        local = os.path.exists(os.path.join(sources.ROOT, here, name))
        if base.startswith("floor") and name.startswith("greenhub"):
            sources.problem(path, line, "a floor knows nothing of the library")
        elif quoted and (not local or ".." in name):
            sources.problem(path, line, '"%s" is not of %s/' % (name, here))
        elif name.startswith("greenhub/") and name != OPTIONAL:
            sources.problem(path, line, "<%s>: <greenhub.h> is all that is seen"
                            " here" % name)


def main():
    for path in sources.files((".c", ".h", ".S"), ("src",)):
        lint_library(path)
    for path in sources.files((".h",), ("include",)):
        lint_public(path)
    for path in sources.files((".c", ".h"), ABOVE):
        lint_above(path)
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())

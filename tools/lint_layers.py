#!/usr/bin/env python3
"""Files include only their own and lower layers.

In src/ a file includes its own layer and lower ones, as "layer/file.h", and
the public headers. Programs that use the library include only
<greenhub.h> and the headers of companions; so do the tests, except unit_* and fuzz_*,
which test internals. A companion sees the library as a program does: <greenhub.h>, its
own header, and files of its own folder. The floors of bench/ include nothing of the
library. The picture of the layers in HACKING.md must agree.
"""

import os
import re
import sys

import sources

LAYERS = ("base", "context", "hub", "greenthread", "sync", "io", "net", "process", "tools",
          "patch")
# What greenhub.h leaves out.
COMPANIONS = sources.companions()
HEADERS = sources.companion_headers()
OPTIONAL = ("greenhub/scoped.h", "greenhub/patch.h") + tuple(
    name for names in HEADERS.values() for name in names)
ABOVE = ("cli", "examples", "tests", "bench", "python", "preload")
PICTURE = re.compile(r"^ +src/(\w+)/ +-> (.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def includes(path):
    code = sources.text(path)
    for match in INCLUDE.finditer(code):
        line = code.count("\n", 0, match.start(2)) + 1
        yield line, match.group(1) == '"', match.group(2)


def lint_library(path, used):
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
        else:
            used[own].add(layer)


def lint_picture(used):
    """HACKING.md lists the layers from the top, with those that each includes."""
    page, drawn = "HACKING.md", []
    for number, line in enumerate(sources.text(page).splitlines(), 1):
        row = PICTURE.match(line)
        if row:
            own = row.group(1)
            below = [l for l in LAYERS if l in used.get(own, ()) and l != own]
            drawn.append(own)
            if row.group(2) != (", ".join(below) or "nothing"):
                sources.problem(page, number, "src/%s includes %s"
                                % (own, ", ".join(below) or "nothing"))
    if drawn != list(reversed(LAYERS)):
        sources.problem(page, 1, "the picture of the layers is not %s"
                        % ", ".join(reversed(LAYERS)))


def public_includes(path):
    """(line, file) of each public header that a public header includes."""
    for line, quoted, name in includes(path):
        if quoted:
            sources.problem(path, line, 'a public header includes "%s"' % name)
        elif name.startswith("greenhub"):
            yield line, "include/" + name


def lint_public():
    """No public header reaches itself through those that it includes."""
    graph = {path: list(public_includes(path))
             for path in sources.files((".h",), ("include",))}

    def reached(path, seen):
        for _, name in graph.get(path, ()):
            if name not in seen:
                seen.add(name)
                reached(name, seen)
        return seen

    for path, edges in graph.items():
        for line, name in edges:
            if name not in graph:
                sources.problem(path, line, name + " does not exist")
            elif path in reached(name, {name}):
                sources.problem(path, line, "%s includes it, perhaps through"
                                " others" % name)


def lint_above(path):
    here = os.path.dirname(path)
    base = os.path.basename(path)
    if base.startswith(("unit_", "fuzz_")):
        return
    for line, quoted, name in includes(path):
        local = os.path.exists(os.path.join(sources.ROOT, here, name))
        if base.startswith("floor") and name.startswith("greenhub"):
            sources.problem(path, line, "a floor must not use the library")
        elif quoted and (not local or ".." in name):
            sources.problem(path, line, '"%s" is not of %s/' % (name, here))
        elif name.startswith("greenhub/") and name not in OPTIONAL:
            sources.problem(path, line, "<%s>: include only <greenhub.h>"
                            " here" % name)


def lint_companion(path):
    """Its own header, and none of another companion: they are built one without the
    other."""
    own = path.split(os.sep)[1]
    if own not in COMPANIONS:
        sources.problem(path, 1, "companions/%s is not in companions/meson.build"
                        % own)
    for line, quoted, name in includes(path):
        if quoted and "/" in name:
            sources.problem(path, line, '"%s" is not of companions/%s/'
                            % (name, own))
        elif name in OPTIONAL and name not in HEADERS.get(own, ()):
            sources.problem(path, line, "<%s>: include only <greenhub.h> and"
                            " <greenhub/%s.h> here" % (name, own))
    lint_above(path)


def lint_companion_headers():
    """Only its own headers include a companion's: greenhub.h includes none."""
    for path in sources.files((".h",), ("include",)):
        for line, name in public_includes(path):
            for names in HEADERS.values():
                if name[len("include/"):] in names and \
                        path[len("include/"):] not in names:
                    sources.problem(path, line, name + " is a companion's")


def main():
    used = {layer: set() for layer in LAYERS}
    for path in sources.files((".c", ".h", ".S"), ("src",)):
        lint_library(path, used)
    lint_picture(used)
    lint_public()
    for path in sources.files((".c", ".h"), ABOVE):
        lint_above(path)
    for path in sources.files((".c", ".h"), ("companions",)):
        lint_companion(path)
    lint_companion_headers()
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())
